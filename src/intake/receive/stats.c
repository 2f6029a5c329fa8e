/* stats: what goes on in the connections, and ROOT/receive.json, which tells it to `status`. */
#include "stats.h"
#include "dashspool/fsx.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Bytes that may be anything: what is no printable ASCII becomes '?'. */
static json_t *stats_text(const char *text)
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

static json_t *stats_refusals(const struct connections *all)
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

/* Of ten thousand that are receiving only so many are told in detail: those that began first, for
 * what hangs is among them. */
enum { LIVE_MAX = 50 };

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

/* ---- status file ---- */

enum { STATUS_BYTES = 16384 }; /* LIVE_MAX transfers of 300 bytes, as a rule less */

int status_file_open(struct status_file *f, const char *root, struct err *err)
{
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/receive.json", root);
    if (rc == ERR_OK && (f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) < 0)
        rc = err_sys(err, "open %s", path);
    free(path);
    f->open = rc == ERR_OK;
    f->started_us = clock_utc_us();
    return rc;
}

void status_file_listens(struct status_file *f, const char *where)
{
    if (f->n_listens < 2)
        snprintf(f->listens[f->n_listens++], sizeof f->listens[0], "%s", where);
}

/* `serial` is its first and its last value: whoever reads while it is written sees two of them. */
static json_t *status_json(struct status_file *f, struct connections *all)
{
    char started[CLOCK_TEXT_ROOM], now[CLOCK_TEXT_ROOM];
    size_t jobs_waiting;
    const char *trouble = store_trouble(all->store);
    const char *jobs_trouble = store_jobs_trouble(all->store, &jobs_waiting);
    double rate = 0;
    json_t *listens = json_array(), *transfers = json_array();
    /* Called once a second or so: the rates are taken between the calls. transfers: LIVE_MAX at
     * most; rate: bytes a second of all. */
    struct connection *first[LIVE_MAX];
    int64_t now_us = clock_mono_us();
    int n = 0;
    for (struct connection *c = all->first; c; c = c->next) {
        if (!c->transfer)
            continue;
        take_rate(c, now_us);
        rate += c->stats.rate;
        n = insert(first, n, c);
    }
    for (int i = 0; i < n; i++)
        json_array_append_new(transfers, transfer_json(first[i], now_us));
    clock_rfc3339(f->started_us, 0, started);
    clock_rfc3339(clock_utc_us(), 0, now);
    for (int i = 0; i < f->n_listens; i++)
        json_array_append_new(listens, json_string(f->listens[i]));
    f->serial++;
    return json_pack("{s:I, s:i, s:s, s:s, s:o, s:i, s:i, s:I, s:I, s:I, s:I, s:o, s:I, s:o, s:o, "
                     "s:o, s:I}",
                     "serial", f->serial, "pid", (int)getpid(), "started", started, "updated", now,
                     "listens", listens, "connections", all->open, "receiving", all->receiving,
                     "taken", (json_int_t)all->accepted, "refused", (json_int_t)all->refused,
                     "bytes", (json_int_t)all->bytes, "rate", (json_int_t)rate, "trouble",
                     trouble ? stats_text(trouble) : json_null(), "jobs_waiting",
                     (json_int_t)jobs_waiting, "jobs_trouble",
                     jobs_trouble ? stats_text(jobs_trouble) : json_null(), "refusals",
                     stats_refusals(all), "transfers", transfers, "same_serial", f->serial);
}

static void put(struct status_file *f, const char *text)
{
    char page[STATUS_BYTES];
    size_t n = strlen(text);
    if (n >= sizeof page)
        return;
    memset(page, ' ', sizeof page);
    memcpy(page, text, n);
    page[sizeof page - 1] = '\n';
    if (pwrite(f->fd, page, sizeof page, 0) < 0) {
        log_warn("receive", "writing receive.json failed, status is out of date",
                 LOG_TEXT("reason", strerror(errno)));
        f->open = false;
    }
}

void status_file_write(struct status_file *f, struct connections *all)
{
    json_t *o = f->open ? status_json(f, all) : NULL, *transfers = json_object_get(o, "transfers");
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    while (text && strlen(text) >= STATUS_BYTES && json_array_size(transfers) > 0) {
        json_array_remove(transfers, json_array_size(transfers) - 1);
        free(text);
        text = json_dumps(o, JSON_COMPACT);
    }
    if (text)
        put(f, text);
    free(text);
    json_decref(o);
}

void status_file_close(struct status_file *f)
{
    char now[CLOCK_TEXT_ROOM], text[CLOCK_TEXT_ROOM + 20];
    clock_rfc3339(clock_utc_us(), 0, now);
    snprintf(text, sizeof text, "{\"stopped\":\"%s\"}", now);
    if (f->open)
        put(f, text);
    if (f->fd > 0)
        close(f->fd);
    *f = (struct status_file){0};
}
