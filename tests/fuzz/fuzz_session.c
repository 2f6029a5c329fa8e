/*
 * A whole connection from hostile bytes. The first byte chooses how the rest is cut into reads, the
 * second what the driver answers (1 refuse, 2 a part is kept from an earlier connection, 4 dismiss,
 * its upper bits: when). The promise of STORE (in order, no holes, never beyond START's size) is
 * checked, and two different cuts of the same bytes must give the same actions.
 */
#include "dashspool/wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct trace {
    uint64_t stored, size, hash;
    uint32_t actions, offers, commits, abandons, logs;
    bool closed;
};

enum { REFUSE = 1, RESUME = 2, DISMISS = 4, WHEN_SHIFT = 3 };

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

static void answer_offer(struct wire_session *s, struct trace *t, unsigned how)
{
    const struct wire_offer *o = wire_session_offer(s);
    bool bytes = o->mode == WIRE_BY_BYTES;
    must(wire_session_waiting(s));
    must(bytes == (o->slot == NULL) && bytes == (o->path != NULL));
    must(bytes ? o->size_bytes > 0 && o->packets == 0 : o->packets > 0 && o->size_bytes == 0);
    must(o->camera[0] && o->kind[0] && o->init && o->start);
    must(o->meta_bytes <= WIRE_META_BYTES_MAX && o->path_bytes <= WIRE_PATH_BYTES_MAX);
    t->size = bytes ? o->size_bytes : (uint64_t)o->packets * WIRE_PACKET_BYTES;
    t->stored = how & RESUME ? t->size / 3 : 0;
    if (!bytes)
        t->stored -= t->stored % WIRE_PACKET_BYTES;
    if (how & REFUSE)
        wire_session_refuse(s, "no", 1);
    else
        wire_session_accept(s, t->stored, t->stored % 2048 == 0, 1);
}

static void act(struct wire_session *s, const struct wire_action *a, struct trace *t, unsigned how)
{
    t->actions++;
    switch (a->type) {
    case WIRE_DO_SEND:
        must(a->n > 0 && a->n <= 4 + WIRE_PATH_BYTES_MAX);
        note(t, a->data, a->n);
        break;
    case WIRE_DO_OFFER:
        t->offers++;
        answer_offer(s, t, how);
        break;
    case WIRE_DO_STORE:
        must(a->offset == t->stored && a->n > 0);
        t->stored += a->n;
        must(t->stored <= t->size);
        note(t, a->data, a->n);
        break;
    case WIRE_DO_COMMIT:
        must(t->stored + WIRE_PACKET_BYTES > t->size);
        t->commits++;
        wire_session_committed(s, 1);
        break;
    case WIRE_DO_ABANDON:
        t->abandons++;
        break;
    case WIRE_DO_CLOSE:
        must(!t->closed);
        t->closed = true;
        break;
    case WIRE_DO_HELLO:
        must(wire_session_init(s) != NULL);
        break;
    case WIRE_DO_LOG:
        t->logs++;
        break;
    case WIRE_DO_NOTHING:
        break;
    }
    if (how & DISMISS && t->actions == how >> WHEN_SHIFT)
        wire_session_dismiss(s, "enough", true, 1);
}

static void note_stats(struct trace *t, const struct wire_stats *st)
{
    must(st->n_error_at <= WIRE_ERRORS_KEPT && (int)st->n_error_at <= st->crc_errors);
    note(t, st->error_at, st->n_error_at * sizeof *st->error_at);
    note(t, &st->duplicates, sizeof st->duplicates);
    note(t, &st->resumes, sizeof st->resumes);
}

static struct trace play(const uint8_t *data, size_t n, size_t chunk, unsigned how)
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
            act(s, &a, &t, how);
        must(some > 0 || t.closed);
    }
    must(t.commits + t.abandons <= t.offers);
    note_stats(&t, wire_session_stats(s));
    wire_session_free(&s);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 3 || n > 100000)
        return 0;
    size_t chunk = (size_t)data[0] * 7 + 1;
    struct trace whole = play(data + 2, n - 2, n - 2, data[1]);
    struct trace cut = play(data + 2, n - 2, chunk, data[1]);
    must(whole.hash == cut.hash && whole.actions == cut.actions && whole.offers == cut.offers &&
         whole.commits == cut.commits && whole.abandons == cut.abandons && whole.logs == cut.logs &&
         whole.closed == cut.closed);
    return 0;
}
