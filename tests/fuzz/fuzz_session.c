/*
 * A whole connection from hostile bytes. The first bytes choose how the rest is cut into reads and
 * what the driver answers; the promise of STORE (in order, no holes, never beyond START's count) is
 * checked, and two different cuts of the same bytes must give the same actions.
 */
#include "dashspool/wire_session.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct trace {
    uint64_t stored, hash;
    uint32_t offers, commits, abandons;
    bool closed;
};

static void must(bool good)
{
    if (!good)
        abort();
}

static void note(struct trace *t, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++)
        t->hash = (t->hash ^ p[i]) * UINT64_C(1099511628211);
}

static void act(struct wire_session *s, const struct wire_action *a, struct trace *t, bool refuse)
{
    switch (a->type) {
    case WIRE_DO_SEND:
        must(a->n > 0 && a->n < 32);
        note(t, a->data, a->n);
        return;
    case WIRE_DO_OFFER:
        t->offers++;
        t->stored = 0;
        must(wire_session_waiting(s));
        must(wire_session_offer(s)->packets > 0);
        if (refuse)
            wire_session_refuse(s, "no", 1);
        else
            wire_session_accept(s, 0, 1);
        return;
    case WIRE_DO_STORE:
        must(a->offset == t->stored && a->n > 0 && a->n <= WIRE_PACKET_BYTES);
        t->stored += a->n;
        must(t->stored <= (uint64_t)wire_session_offer(s)->packets * WIRE_PACKET_BYTES);
        note(t, a->data, a->n);
        return;
    case WIRE_DO_COMMIT:
        t->commits++;
        wire_session_committed(s, 1);
        return;
    case WIRE_DO_ABANDON:
        t->abandons++;
        return;
    case WIRE_DO_CLOSE:
        must(!t->closed);
        t->closed = true;
        return;
    case WIRE_DO_HELLO:
        must(wire_session_init(s) != NULL);
        return;
    case WIRE_DO_LOG:
    case WIRE_DO_NOTHING:
        return;
    }
}

static struct trace play(const uint8_t *data, size_t n, size_t chunk, bool refuse)
{
    struct trace t = {.hash = UINT64_C(14695981039346656037)};
    struct wire_session *s = NULL;
    struct err err;
    must(wire_session_new(&s, &wire_limits_default, 1, &err) == ERR_OK);
    for (size_t i = 0; !t.closed; i += chunk) {
        size_t some = i >= n ? 0 : n - i < chunk ? n - i : chunk;
        struct wire_action a;
        if (some == 0)
            wire_session_eof(s); /* closes */
        else
            must(wire_session_feed(s, data + i, some, 1, &err) == ERR_OK);
        while (wire_session_next(s, 1, &a), a.type != WIRE_DO_NOTHING)
            act(s, &a, &t, refuse);
        must(some > 0 || t.closed);
    }
    must(t.commits + t.abandons <= t.offers);
    wire_session_free(&s);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 3)
        return 0;
    size_t chunk = (size_t)data[0] * 7 + 1;
    bool refuse = data[1] & 1;
    struct trace whole = play(data + 2, n - 2, n - 2, refuse);
    struct trace cut = play(data + 2, n - 2, chunk, refuse);
    must(whole.hash == cut.hash && whole.offers == cut.offers && whole.commits == cut.commits &&
         whole.abandons == cut.abandons && whole.closed == cut.closed);
    return 0;
}
