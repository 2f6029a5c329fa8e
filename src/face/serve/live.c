/* What the pages know of now: the state of this ROOT, and the numbers of the bar on top. */
#include "dashspool/clock.h"
#include "dashspool/requests.h"
#include "dashspool/status.h"
#include "serve_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNTED_US INT64_C(1000000)  /* however often pages are asked for */
#define TOLD_US    INT64_C(500000)   /* however often something changes */
#define STATE_US   INT64_C(15000000) /* looking at everything costs more */

/* Everybody gets what one of them asked for, for a while: to look costs. */
int live_status(struct serve *s, int64_t age_us, struct err *err)
{
    int64_t now_us = clock_mono_us();
    if (s->state && now_us - s->state_us < age_us)
        return ERR_OK;
    status_free(&s->state);
    s->state_us = now_us;
    return status_collect(&s->state, s->root, s->cfg, err);
}

static void count_requests(struct serve *s, struct live_counts *n)
{
    const struct requests_filter any = {.imei = NULL}, open = {.states = REQUESTS_OPEN};
    struct err unimportant; /* the page tells something else, and says what is wrong itself */
    int64_t all = 0;
    if (requests_count(s->catalogue, &open, &n->requests, &unimportant) == ERR_OK &&
        requests_count(s->catalogue, &any, &all, &unimportant) == ERR_OK)
        n->asks = all > 0 || cfg_bool(s->cfg, "telemetry", "enabled");
}

const struct live_counts *live_count(struct serve *s)
{
    const struct filter every = {.from = FILTER_ANY, .to = FILTER_ANY};
    struct live_counts *n = &s->counts;
    struct review_counts events;
    struct err unimportant;
    int64_t now_us = clock_mono_us(), version = 0;
    if (s->counts_us && now_us - s->counts_us < COUNTED_US)
        return n;
    int rc = catalogue_version(s->catalogue, &version, &unimportant);
    if (rc == ERR_OK && (!s->counts_us || version != s->counts_of)) {
        s->counts_of = version;
        count_requests(s, n);
        if (counts_of(s, &every, &events, &unimportant) == ERR_OK)
            n->to_review = events.to_review;
    }
    s->counts_us = now_us;
    if (live_status(s, STATE_US, &unimportant) == ERR_OK)
        n->troubles = (int64_t)status_troubles(s->state);
    return n;
}

/* ---- what is told to who looks ---- */

int serve_live(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    if (ask->head)
        return err_set(err, ERR_MALFORMED, "a stream has no head of its own");
    s->told[0] = '\0'; /* a newcomer hears it at once */
    s->told_us = 0;
    return web_stream(ask, out, err);
}

void live_now(struct serve *s, char out[LIVE_ROOM])
{
    int64_t version = 0;
    struct err unimportant; /* catalogue_there() says what is wrong */
    const struct live_counts *n = live_count(s);
    if (catalogue_version(s->catalogue, &version, &unimportant) < 0)
        version = 0;
    snprintf(out, LIVE_ROOM,
             "{\"version\":\"%" PRIx64 "\",\"review\":%" PRId64 ",\"requests\":%" PRId64
             ",\"bad\":%" PRId64 "}",
             (uint64_t)version, n->to_review, n->requests, n->troubles);
}

/* A browser that hears another one than its page has asks for what it shows once more. */
void live_tell(struct serve *s)
{
    char text[LIVE_ROOM];
    int64_t now_us = clock_mono_us();
    if (web_streams(s->web) == 0 || now_us - s->told_us < TOLD_US)
        return;
    s->told_us = now_us;
    live_now(s, text);
    if (strcmp(text, s->told) == 0)
        return;
    snprintf(s->told, sizeof s->told, "%s", text);
    web_publish(s->web, "now", text);
}
