/* desk: orders about trackers, done in turns on a worker thread. */
#include "desk.h"
#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "dashspool/requests.h"
#include "dashspool/table.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TURN_MS = 250,
    LOOK_US = 1000000,  /* for open requests */
    JOINS = 500,        /* a turn, at most: commands should not wait for long */
    SPANS_MAX = 100000, /* trackers */
    BUCKETS = 4096,
    QUIET_US = 5000000, /* so long nothing more of a tracker, or … */
    JOIN_US = 60000000, /* … so long after the first of it: each join is a line of custody */
};

enum order_type { NEXT, ANSWER, MORE, SILENT, REFUSED, UNSENT, LOST, HEARD };

struct desk_order {
    struct desk_order *next;
    enum order_type type;
    void *owner; /* NULL: nobody waits */
    desk_next_fn *on_next;
    desk_answer_fn *on_answer;
    char imei[16], peer[64];
    int64_t id;
    unsigned what; /* HEARD */
    /* set by the turn */
    int rc;
    bool settled;
    struct desk_command command;
    size_t n;
    uint8_t text[];
};

struct list {
    struct desk_order *first, **last;
};

/* Times of new records of a tracker. */
struct span {
    char imei[16];
    int64_t from_ms, until_ms;
    int64_t first_us, last_us; /* monotonic: when they came */
    struct table_link by_imei;
    struct span *next;
};
/* One a tracker, the oldest first. */
struct spans {
    struct span *first, **last;
    struct table by_imei;
    size_t n;
};

struct imeis {
    char (*imei)[16]; /* by text */
    size_t n, room;
};

/* The loop's thread owns `waiting`, `spans` and `open`; the worker owns the stores and, during a
 * turn, `turn`, `joining` and `found`. */
struct desk {
    char *root;
    struct desk_options options;
    uv_loop_t *loop; /* NULL: not open */
    uv_timer_t timer;
    uv_work_t work;
    bool busy, closing;
    struct list waiting, turn;
    struct spans spans;
    struct {
        struct span *at; /* room for JOINS */
        size_t n;
    } joining;
    size_t joined; /* of `joining` */
    struct imeis open, found;
    int64_t looked_us; /* monotonic */
    bool look;
    int rc; /* of the turn: the first failure */
    struct err err;
    bool failing;

    struct catalogue *catalogue;
    struct records *records;
};

static void list_init(struct list *l)
{
    *l = (struct list){.last = &l->first};
}

static void list_add(struct list *l, struct desk_order *o)
{
    o->next = NULL;
    *l->last = o;
    l->last = &o->next;
}

/* ---- a turn, on the worker's thread ---- */

static int do_next(struct desk *d, struct desk_order *o, struct err *err)
{
    struct requests_request r;
    bool found;
    int64_t now_us = clock_utc_us();
    int rc = requests_next(d->catalogue, o->imei, now_us, &r, &found, err);
    if (rc < 0 || !found)
        return rc;
    if ((rc = requests_sent(d->catalogue, r.id, o->peer, now_us, err)) < 0)
        return rc == ERR_BUSY ? ERR_OK : rc; /* it was cancelled in this moment */
    o->command.id = r.id;
    o->command.codec_14 = r.codec == 14;
    snprintf(o->command.text, sizeof o->command.text, "%s", r.command);
    return ERR_OK;
}

static int do_order(struct desk *d, struct desk_order *o, struct err *err)
{
    int64_t now_us = clock_utc_us();
    int rc = ERR_OK;
    switch (o->type) {
    case NEXT:
        return do_next(d, o, err);
    case ANSWER:
        return requests_answered(d->catalogue, o->id, o->text, o->n, now_us, &o->settled, err);
    case MORE:
        return requests_more(d->catalogue, o->id, o->text, o->n, now_us, err);
    case SILENT:
        return requests_silent(d->catalogue, o->id, o->n ? o->text : NULL, o->n, now_us, err);
    case UNSENT:
        return requests_unsent(d->catalogue, o->id, (const char *)o->text, now_us, err);
    case REFUSED:
        return requests_not_executed(d->catalogue, o->id, (const char *)o->text, now_us, err);
    case LOST:
        return requests_link_lost(d->catalogue, o->imei, now_us, err);
    case HEARD:
        for (unsigned bit = 1; rc == ERR_OK && bit <= o->what; bit <<= 1)
            if (o->what & bit)
                rc = requests_heard(d->catalogue, o->imei, (enum requests_wait)bit, now_us, err);
        return rc;
    }
    return ERR_OK;
}

static int add_imei(void *arg, const char *imei, struct err *err)
{
    struct imeis *list = arg;
    if (list->n == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        char(*more)[16] = realloc(list->imei, room * sizeof *more);
        if (!more)
            return err_nomem(err, "the trackers with requests");
        list->imei = more;
        list->room = room;
    }
    snprintf(list->imei[list->n++], 16, "%s", imei);
    return ERR_OK;
}

/* What rules ask for by themselves. */
static int ask(struct desk *d, struct err *err)
{
    struct standing_asked out;
    int rc = standing_ask(d->options.standing, d->catalogue, d->records, clock_utc_us(), &out, err);
    if (out.asked + out.camera + out.beyond + out.late > 0)
        log_info("telemetry", "events of rules", LOG_INT("asked", out.asked),
                 LOG_INT("camera", out.camera), LOG_INT("beyond_per_day", out.beyond),
                 LOG_INT("too_late", out.late));
    return rc;
}

static int join(struct desk *d, const struct span *span, struct err *err)
{
    int joined, again;
    const struct intake_joining joining = {
        .c = d->catalogue,
        .records = d->records,
        .root = d->root,
        .window_us = d->options.window_us,
        .imei = span->imei,
        .from_ms = span->from_ms,
        .until_ms = span->until_ms,
        .who = "telemetry",
    };
    int rc = intake_join(&joining, &joined, &again, err);
    if (rc == ERR_OK && joined > 0)
        log_info("telemetry", "records joined with footage", LOG_TEXT("imei", span->imei),
                 LOG_INT("transfers", joined), LOG_INT("again", again));
    return rc;
}

/* What fails is not tried again in this turn, and keeps what comes behind it: their order counts.
 */
static void on_work(uv_work_t *work)
{
    struct desk *d = work->data;
    d->rc = ERR_OK;
    for (struct desk_order *o = d->turn.first; o; o = o->next) {
        struct err err;
        o->rc = d->rc == ERR_OK ? do_order(d, o, &err) : ERR_AGAIN;
        if (o->rc < 0 && d->rc == ERR_OK && err_is_temporary(o->rc)) {
            d->rc = o->rc;
            d->err = err;
        } else if (o->rc < 0 && !err_is_temporary(o->rc)) {
            log_error("telemetry", "request not carried on", LOG_TEXT("imei", o->imei),
                      LOG_ERR(&err));
        }
    }
    d->found.n = 0;
    if (d->look && d->rc == ERR_OK)
        d->rc = requests_tracker_each(d->catalogue, add_imei, &d->found, &d->err);
    if (d->look && d->rc == ERR_OK)
        d->rc = ask(d, &d->err);
    for (d->joined = 0; d->rc == ERR_OK && d->joined < d->joining.n; d->joined++) {
        struct err err;
        int rc = join(d, &d->joining.at[d->joined], &err);
        if (err_is_temporary(rc)) {
            d->rc = rc;
            d->err = err;
            return;
        }
        if (rc < 0)
            log_error("telemetry", "records not joined with footage",
                      LOG_TEXT("imei", d->joining.at[d->joined].imei), LOG_ERR(&err));
    }
}

/* ---- what came of it ---- */

/* The same order again, in its place: true if it is kept. */
static bool settle(struct desk *d, struct desk_order *o, struct list *again)
{
    if (o->rc < 0 && err_is_temporary(o->rc) && o->type != NEXT && !d->closing) {
        list_add(again, o);
        return true;
    }
    if (o->type == NEXT) {
        if (o->owner)
            o->on_next(o->owner, &o->command);
        else if (o->command.id)
            desk_unsent(d, o->command.id, DESK_ENDED);
    } else if (o->type == ANSWER && o->owner) {
        o->on_answer(o->owner, o->rc < 0 || o->settled);
    }
    return false;
}

static void tell_due(struct desk *d)
{
    struct imeis swap = d->open;
    d->open = d->found;
    d->found = swap;
    d->look = false;
    d->looked_us = clock_mono_us();
    for (size_t i = 0; i < d->open.n; i++)
        d->options.due(d->options.arg, d->open.imei[i]);
}

static void begin_turn(struct desk *d);

static void on_worked(uv_work_t *work, int status)
{
    struct desk *d = work->data;
    struct desk_order *o = d->turn.first;
    struct list again;
    (void)status;
    list_init(&again);
    list_init(&d->turn);
    if (d->rc < 0 && !d->failing)
        log_error("telemetry", "requests and joining suspended", LOG_ERR(&d->err));
    else if (d->rc == ERR_OK && d->failing)
        log_info("telemetry", "requests and joining resumed");
    d->failing = d->rc < 0;
    d->joining.n -= d->joined;
    if (d->joined > 0 && d->joining.n > 0)
        memmove(d->joining.at, d->joining.at + d->joined, d->joining.n * sizeof *d->joining.at);
    while (o) {
        struct desk_order *next = o->next;
        if (!settle(d, o, &again))
            free(o);
        o = next;
    }
    if (again.first) { /* before what came meanwhile */
        *again.last = d->waiting.first;
        if (!d->waiting.first)
            d->waiting.last = again.last;
        d->waiting.first = again.first;
    }
    if (d->look && d->rc == ERR_OK && !d->closing)
        tell_due(d);
    d->busy = false; /* not before: what answers ask for is of the next turn */
    if (d->waiting.first && (d->closing || d->rc == ERR_OK))
        begin_turn(d);
}

static bool is_due(const struct desk *d, const struct span *span, int64_t now_us)
{
    return d->closing || now_us - span->last_us >= QUIET_US || now_us - span->first_us >= JOIN_US;
}

/* Of what waits to be joined, what is due, and as much as a turn takes. */
static void take_spans(struct desk *d)
{
    int64_t now_us = clock_mono_us();
    struct span **at = &d->spans.first;
    if (d->joining.n > 0)
        return;
    while (*at && d->joining.n < JOINS) {
        struct span *span = *at;
        if (!is_due(d, span, now_us)) {
            at = &span->next;
            continue;
        }
        *at = span->next;
        if (d->spans.last == &span->next)
            d->spans.last = at;
        d->spans.n--;
        table_remove(&span->by_imei);
        d->joining.at[d->joining.n++] = *span;
        free(span);
    }
}

static void begin_turn(struct desk *d)
{
    if (d->busy)
        return;
    take_spans(d);
    d->look = clock_mono_us() - d->looked_us >= LOOK_US && !d->closing;
    if (!d->waiting.first && d->joining.n == 0 && !d->look)
        return;
    if (d->waiting.first)
        d->turn = d->waiting;
    list_init(&d->waiting);
    d->busy = true;
    d->work.data = d;
    int rc = uv_queue_work(d->loop, &d->work, on_work, on_worked);
    assert(rc == 0); /* only fails without a callback */
    (void)rc;
}

static void on_timer(uv_timer_t *timer)
{
    begin_turn(timer->data);
}

/* ---- orders ---- */

static struct desk_order *order(struct desk *d, enum order_type type, const char *imei,
                                const void *text, size_t n)
{
    struct desk_order *o = calloc(1, sizeof *o + n + 1);
    if (!o)
        return NULL;
    o->type = type;
    o->n = n;
    snprintf(o->imei, sizeof o->imei, "%s", imei);
    if (n > 0)
        memcpy(o->text, text, n);
    list_add(&d->waiting, o);
    return o;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

bool desk_wants(const struct desk *d, const char *imei)
{
    return d->open.n > 0 && bsearch(imei, d->open.imei, d->open.n, sizeof *d->open.imei, by_text);
}

void desk_login(struct desk *d, const char *imei)
{
    desk_heard(d, imei, REQUESTS_FOR_CONTACT);
}

void desk_heard(struct desk *d, const char *imei, unsigned what)
{
    struct desk_order *o = desk_wants(d, imei) ? order(d, HEARD, imei, NULL, 0) : NULL;
    if (o)
        o->what = what;
}

struct desk_order *desk_next(struct desk *d, const char *imei, const char *peer, void *owner,
                             desk_next_fn *done)
{
    struct desk_order *o = order(d, NEXT, imei, NULL, 0);
    if (!o)
        return NULL;
    snprintf(o->peer, sizeof o->peer, "%s", peer);
    o->owner = owner;
    o->on_next = done;
    begin_turn(d);
    return o;
}

struct desk_order *desk_answer(struct desk *d, int64_t id, const void *text, size_t n, void *owner,
                               desk_answer_fn *done)
{
    struct desk_order *o = order(d, ANSWER, "", text, n);
    if (!o)
        return NULL;
    o->id = id;
    o->owner = owner;
    o->on_answer = done;
    begin_turn(d);
    return o;
}

void desk_disown(struct desk_order *o)
{
    o->owner = NULL;
}

void desk_more(struct desk *d, int64_t id, const void *text, size_t n)
{
    struct desk_order *o = order(d, MORE, "", text, n);
    if (o)
        o->id = id;
}

void desk_silent(struct desk *d, int64_t id, const void *text, size_t n)
{
    struct desk_order *o = order(d, SILENT, "", text, n);
    if (o)
        o->id = id;
}

void desk_unsent(struct desk *d, int64_t id, const char *why)
{
    struct desk_order *o = order(d, UNSENT, "", why, strlen(why));
    if (o)
        o->id = id;
}

void desk_refused(struct desk *d, int64_t id, const char *why)
{
    struct desk_order *o = order(d, REFUSED, "", why, strlen(why));
    if (o)
        o->id = id;
}

void desk_lost(struct desk *d, const char *imei)
{
    (void)order(d, LOST, imei, NULL, 0);
}

/* One that waits grows: what is joined twice is joined once. */
void desk_records(struct desk *d, const char *imei, int64_t from_ms, int64_t until_ms)
{
    struct spans *s = &d->spans;
    struct table_link *link = table_find(&s->by_imei, imei, NULL);
    struct span *span = link ? link->owner : NULL;
    int64_t now_us = clock_mono_us();
    if (!span) {
        span = s->n < SPANS_MAX ? calloc(1, sizeof *span) : NULL;
        if (!span)
            return; /* the transfer's own look at the records finds them */
        *span = (struct span){.from_ms = from_ms, .until_ms = until_ms, .first_us = now_us};
        snprintf(span->imei, sizeof span->imei, "%s", imei);
        table_add(&s->by_imei, &span->by_imei, span->imei, span);
        *s->last = span;
        s->last = &span->next;
        s->n++;
    }
    span->last_us = now_us;
    span->from_ms = from_ms < span->from_ms ? from_ms : span->from_ms;
    span->until_ms = until_ms > span->until_ms ? until_ms : span->until_ms;
}

/* ---- open, close ---- */

static int join_span(void *arg, const struct records_span *span, struct err *err)
{
    (void)err;
    desk_records(arg, span->imei, span->from_ms, span->until_ms);
    return ERR_OK;
}

struct last_end {
    struct desk *d;
    int64_t arrived_us; /* the last of those that are newest by their own time */
};

static int join_latest(void *arg, const struct records_latest *l, struct err *err)
{
    enum { DAY_MS = 24 * 3600 * 1000 };
    struct last_end *end = arg;
    (void)err;
    if (l->arrived_us > end->arrived_us)
        end->arrived_us = l->arrived_us;
    desk_records(end->d, l->imei, l->time_ms - DAY_MS, l->time_ms);
    return ERR_OK;
}

/* What the last end kept from being joined came shortly before it: of the last day; or of any
 * other, where trackers were just telling what they had kept for days. */
static int join_again(struct desk *d, struct err *err)
{
    struct last_end end = {d, 0};
    int rc = records_latest(d->records, NULL, join_latest, &end, err);
    if (rc == ERR_OK && end.arrived_us > 0)
        rc = records_arrived(d->records, end.arrived_us - 2 * JOIN_US, join_span, d, err);
    return rc;
}

int desk_open(struct desk **out, const char *root, uv_loop_t *loop,
              const struct desk_options *options, struct err *err)
{
    struct desk *d = *out = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(err, "the desk");
    d->options = *options;
    list_init(&d->waiting);
    list_init(&d->turn);
    d->spans.last = &d->spans.first;
    d->joining.at = calloc(JOINS, sizeof *d->joining.at);
    int rc = (d->root = strdup(root)) && d->joining.at ? ERR_OK : err_nomem(err, "the desk");
    if (rc < 0 || (rc = table_init(&d->spans.by_imei, BUCKETS, err)) < 0 ||
        (rc = catalogue_open(&d->catalogue, root, true, err)) < 0 ||
        (rc = records_open(&d->records, root, RECORDS_READ, err)) < 0 ||
        (rc = requests_link_lost(d->catalogue, NULL, clock_utc_us(), err)) < 0 ||
        (rc = join_again(d, err)) < 0) {
        desk_close(out);
        return rc;
    }
    d->loop = loop;
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_timer, 0, TURN_MS);
    return ERR_OK;
}

void desk_close(struct desk **desk)
{
    struct desk *d = *desk;
    if (!d)
        return;
    if (d->loop) {
        d->closing = true;
        uv_close((uv_handle_t *)&d->timer, NULL);
        begin_turn(d);
        while (d->busy)
            uv_run(d->loop, UV_RUN_ONCE);
        /* the timer's memory is ours: let its close finish */
        uv_run(d->loop, UV_RUN_NOWAIT);
    }
    records_close(&d->records);
    catalogue_close(&d->catalogue);
    while (d->spans.first) {
        struct span *span = d->spans.first;
        d->spans.first = span->next;
        free(span);
    }
    table_clear(&d->spans.by_imei);
    free(d->joining.at);
    free(d->open.imei);
    free(d->found.imei);
    free(d->root);
    free(d);
    *desk = NULL;
}
