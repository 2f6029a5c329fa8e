#include "stats.h"
#include "connection.h"
#include <stdio.h>
#include <string.h>

/* ---- those that were sent away ---- */

/* The same words, whatever the numbers in them. */
static bool same_words(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, "0123456789");
        b += strspn(b, "0123456789");
        if (*a != *b || !*a)
            return *a == *b;
        a++;
        b++;
    }
}

void stats_count_refusal(struct connections *all, const char *why)
{
    struct refusal *at = &all->refusal[0];
    for (int i = 0; i < REFUSALS; i++) {
        struct refusal *r = &all->refusal[i];
        if (r->why[0] && same_words(r->why, why)) {
            at = r;
            break;
        }
        if (r->last_us < at->last_us)
            at = r;
    }
    if (!at->why[0] || !same_words(at->why, why))
        *at = (struct refusal){0};
    at->last_us = clock_utc_us();
    clock_day_add(&at->day, at->last_us);
    snprintf(at->why, sizeof at->why, "%.159s", why);
}

json_t *stats_text(const char *text)
{
    char ascii[300];
    size_t n = 0;
    for (; text[n] && n + 1 < sizeof ascii; n++)
        ascii[n] = (char)(text[n] >= ' ' && text[n] <= '~' ? text[n] : '?');
    ascii[n] = '\0';
    return json_string(ascii);
}

static json_t *time_json(int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(utc_us, 0, text);
    return json_string(text);
}

json_t *stats_refusals(const struct connections *all)
{
    json_t *out = json_array();
    int64_t now_us = clock_utc_us();
    for (int i = 0; i < REFUSALS; i++) {
        const struct refusal *r = &all->refusal[i];
        unsigned n = clock_day_sum(&r->day, now_us);
        if (n > 0)
            json_array_append_new(out,
                                  json_pack("{s:o, s:i, s:o}", "why", stats_text(r->why),
                                            "of_the_day", (int)n, "last", time_json(r->last_us)));
    }
    return out;
}

/* ---- those that are receiving ---- */

/* Smoothed over some four looks. */
static void take_rate(struct connection *c, int64_t now_us)
{
    struct stats *v = &c->stats;
    uint64_t bytes = wire_session_stats(c->session)->bytes;
    int64_t since_us = v->looked_us ? v->looked_us : c->began_us;
    double s = (double)(now_us - since_us) / 1e6;
    if (s < 0.1)
        return;
    double rate = (double)(bytes - v->bytes) / s;
    v->rate = v->looked_us ? 0.7 * v->rate + 0.3 * rate : rate;
    if (bytes != v->bytes || !v->grew_us)
        v->grew_us = now_us;
    v->bytes = bytes;
    v->looked_us = now_us;
}

/* Keeps the LIVE_MAX that began first, in that order. */
static int insert(struct connection *first[LIVE_MAX], int n, struct connection *c)
{
    int at = n < LIVE_MAX ? n : LIVE_MAX - 1;
    if (n == LIVE_MAX && c->began_us >= first[at]->began_us)
        return n;
    for (; at > 0 && c->began_us < first[at - 1]->began_us; at--)
        first[at] = first[at - 1];
    first[at] = c;
    return n < LIVE_MAX ? n + 1 : n;
}

static json_t *transfer_json(const struct connection *c, int64_t now_us)
{
    const struct wire_init *init = wire_session_init(c->session);
    const struct wire_offer *offer = wire_session_offer(c->session);
    const char *id = store_id(c->transfer);
    /* how much was there before is only known when the row is committed */
    uint64_t have = id[0] ? (uint64_t)store_have(c->transfer) : 0;
    uint64_t total = offer->mode == WIRE_BY_BYTES ? offer->size_bytes
                                                  : (uint64_t)offer->packets * WIRE_PACKET_BYTES;
    int64_t grew_us = c->stats.grew_us ? c->stats.grew_us : c->began_us;
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:I}", "imei",
                     init ? init->imei : "", "camera", offer->camera, "kind", offer->kind, "id", id,
                     "bytes", (json_int_t)(have + wire_session_stats(c->session)->bytes), "total",
                     (json_int_t)total, "rate", (json_int_t)c->stats.rate, "since",
                     time_json(clock_utc_us() - (now_us - c->began_us)), "quiet_s",
                     (json_int_t)((now_us - grew_us) / 1000000));
}

void stats_look(struct connections *all, json_t **receiving, double *rate)
{
    struct connection *first[LIVE_MAX];
    int64_t now_us = clock_mono_us();
    int n = 0;
    *rate = 0;
    for (struct connection *c = all->first; c; c = c->next) {
        if (!c->transfer)
            continue;
        take_rate(c, now_us);
        *rate += c->stats.rate;
        n = insert(first, n, c);
    }
    *receiving = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(*receiving, transfer_json(first[i], now_us));
}
