/* The course of a request at its tracker: what is due, what was sent, what came of it. */
#include "requests_internal.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_US   INT64_C(1000000)
#define MIN_US (60 * S_US)

/* A tracker that says nothing is asked again after 5 minutes, then after twice as long each time,
 * up to an hour; at its next login at once, but for one that was silent so often. */
enum { SILENCES_AT_ONCE = 3, DOUBLINGS = 7 };
#define SILENCE_US  (5 * MIN_US)

/* One that refuses as its ignition is off or its camera not there, and reports the contrary, is
 * asked again after a minute, then after twice as long each time, up to an hour. */
#define CONTRARY_US MIN_US

/* One that does not report what is waited for is asked again after that. */
#define UNTOLD_US   (60 * MIN_US)

/* A camera starts within 2 to 3 s of the ignition. */
#define IGNITION_US (5 * S_US)

/* What an upload may stand still: the tracker's next try, and 10 minutes without a byte. */
#define STALL_US    (REQUESTS_RETRY_US + 10 * MIN_US)

/* Nothing waits for longer than an hour: what is further ahead is of a clock that was set back. */
static bool is_reached(int64_t at_us, int64_t now_us)
{
    return now_us >= at_us || at_us > now_us + 120 * MIN_US;
}

static bool is_done_once(const struct requests_request *r)
{
    return r->what.kind == CAMREQ_FORMAT || r->what.kind == CAMREQ_RESTART;
}

/* One more failure in a row of this sort; their number. */
static int count_failure(struct row *row, const char *sort, int detail)
{
    char failing[sizeof row->failing];
    snprintf(failing, sizeof failing, "%s %d", sort, detail);
    row->failures = strcmp(row->failing, failing) == 0 ? row->failures + 1 : 1;
    snprintf(row->failing, sizeof row->failing, "%s", failing);
    return row->failures;
}

/* The n-th time, from 0 on: twice as long each time, up to an hour. */
static int64_t longer_us(int64_t first_us, int n)
{
    int64_t us = first_us << (n < DOUBLINGS ? n : DOUBLINGS);
    return us < 60 * MIN_US ? us : 60 * MIN_US;
}

static void end(struct requests_request *r, enum requests_state state)
{
    r->state = state;
    r->waits = 0;
    r->not_before_us = 0;
}

static void wait_for(struct requests_request *r, unsigned what, int64_t not_before_us)
{
    r->state = REQUESTS_WAITING;
    r->waits = what;
    r->not_before_us = not_before_us;
}

/* ---- what came of it ---- */

/* Whether it was carried out nobody knows. */
static int unanswered(struct catalogue *c, struct row *row, const char *sort, const char *what,
                      const char *words, int64_t now_us, struct err *err)
{
    struct requests_request *r = &row->r;
    if (is_done_once(r)) {
        end(r, REQUESTS_EXPIRED);
        return row_change(c, row, now_us, words, err,
                          "%s; it may have been carried out, and is not sent again", what);
    }
    int n = count_failure(row, sort, 0) - 1;
    wait_for(r, REQUESTS_FOR_CONTACT, now_us + longer_us(SILENCE_US, n));
    return row_change(c, row, now_us, words, err, "%s; asked again at the next contact", what);
}

static int try_again(struct catalogue *c, struct row *row, const struct camreq_answer *a,
                     int64_t now_us, const char *words, struct err *err)
{
    struct requests_request *r = &row->r;
    int repeat_s = a->repeat_s ? a->repeat_s : 60, repeats = a->repeats ? a->repeats : 3;
    if (count_failure(row, "temporary", repeat_s) > repeats) {
        end(r, REQUESTS_REFUSED);
        return row_change(c, row, now_us, words, err, "%s, %d times", a->means, row->failures);
    }
    wait_for(r, REQUESTS_FOR_TIME, now_us + repeat_s * S_US);
    return row_change(c, row, now_us, words, err, "%s; asked again after %d s", a->means, repeat_s);
}

/* Once more after a minute; then when the tracker says that the camera is there. Of others than
 * front and rear no tracker says that. */
static int no_camera(struct catalogue *c, struct row *row, const struct camreq_answer *a,
                     int64_t now_us, const char *words, struct err *err)
{
    struct requests_request *r = &row->r;
    unsigned lenses = lenses_of(r->what.camera);
    int contrary = count_failure(row, "no-camera", 0) - a->repeats - 1;
    if (contrary < 0) {
        wait_for(r, REQUESTS_FOR_TIME, now_us + a->repeat_s * S_US);
        return row_change(c, row, now_us, words, err, "%s; asked again after %d s", a->means,
                          a->repeat_s);
    }
    if (!(lenses & (LENS_FRONT | LENS_REAR))) {
        end(r, REQUESTS_REFUSED);
        return row_change(c, row, now_us, words, err, "%s", a->means);
    }
    wait_for(r,
             (lenses & LENS_FRONT ? REQUESTS_FOR_FRONT : 0) |
                 (lenses & LENS_REAR ? REQUESTS_FOR_REAR : 0),
             contrary > 0 ? now_us + longer_us(CONTRARY_US, contrary - 1) : 0);
    return row_change(c, row, now_us, words, err,
                      "%s; asked again when the tracker reports it, or in an hour", a->means);
}

static int no_ignition(struct catalogue *c, struct row *row, const struct camreq_answer *a,
                       int64_t now_us, const char *words, struct err *err)
{
    int contrary = count_failure(row, "ignition", 0) - 1;
    wait_for(&row->r, REQUESTS_FOR_IGNITION,
             contrary > 0 ? now_us + longer_us(CONTRARY_US, contrary - 1) : 0);
    return row_change(c, row, now_us, words, err, "%s; asked again when it is on, or in an hour",
                      a->means);
}

static int accepted(struct catalogue *c, struct row *row, const struct camreq_answer *a,
                    int64_t now_us, const char *words, struct err *err)
{
    struct requests_request *r = &row->r;
    r->state = REQUESTS_ACCEPTED;
    r->waits = 0;
    r->not_before_us = now_us + REQUESTS_RETRY_US;
    /* Of a video it is the time asked for. Another one is in an answer that comes late, to what was
     * asked before: its file is not this one. */
    if (r->what.time_s == 0 || llabs(a->time_s - r->what.time_s) <= CAMREQ_SECONDS_MAX)
        r->answered_s = a->time_s;
    else
        r->answered_s = 0;
    row->failures = 0;
    row->failing[0] = '\0';
    return row_change(c, row, now_us, words, err, "%s%s", a->means,
                      a->connected ? " in the session that is open" : "");
}

static int refuse(struct catalogue *c, struct row *row, const struct camreq_answer *a,
                  int64_t now_us, const char *words, struct err *err)
{
    end(&row->r, REQUESTS_REFUSED);
    return row_change(c, row, now_us, words, err, "%s", a->means);
}

static int settle(struct catalogue *c, struct row *row, const struct camreq_answer *a,
                  int64_t now_us, const char *words, struct err *err)
{
    struct requests_request *r = &row->r;
    if (is_done_once(r) && a->class != CAMREQ_INFO && a->class != CAMREQ_UNKNOWN)
        return refuse(c, row, a, now_us, words, err);
    switch (a->class) {
    case CAMREQ_ACCEPTED:
        return accepted(c, row, a, now_us, words, err);
    case CAMREQ_OTHER_FIRST:
        wait_for(r, REQUESTS_FOR_OTHER, now_us + REQUESTS_RETRY_US);
        return row_change(c, row, now_us, words, err, "%s; asked again when that is here",
                          a->means);
    case CAMREQ_CAPTURED:
        wait_for(r, REQUESTS_FOR_FILE, now_us + a->repeat_s * S_US);
        return row_change(c, row, now_us, words, err, "%s", a->means);
    case CAMREQ_TEMPORARY:
    case CAMREQ_FAILED:
        return try_again(c, row, a, now_us, words, err);
    case CAMREQ_NO_IGNITION:
        return no_ignition(c, row, a, now_us, words, err);
    case CAMREQ_NO_CAMERA:
        return no_camera(c, row, a, now_us, words, err);
    case CAMREQ_NOT_THERE:
    case CAMREQ_UNCONFIGURED:
    case CAMREQ_INVALID:
        return refuse(c, row, a, now_us, words, err);
    case CAMREQ_INFO:
        end(r, REQUESTS_FETCHED);
        return row_change(c, row, now_us, words, err, "%s", a->means);
    case CAMREQ_UNKNOWN:
    case CAMREQ_N_CLASSES:
        break;
    }
    return unanswered(c, row, "silent", *words ? "an answer that is not known" : "no answer", words,
                      now_us, err);
}

/* ---- what the stage tells ---- */

/* Enters, reads a request that is out; *out false: it is not any more. */
static int enter_sent(struct catalogue *c, int64_t id, bool *own, struct row *row, bool *out,
                      struct err *err)
{
    *out = false;
    int rc = catalogue_enter(c, own, err);
    if (rc < 0)
        return rc;
    rc = row_get(c, id, row, err);
    *out = rc == ERR_OK && row->r.state == REQUESTS_SENT;
    return rc < 0 ? catalogue_leave(c, *own, rc, err) : rc;
}

int requests_sent(struct catalogue *c, int64_t id, const char *peer, int64_t now_us,
                  struct err *err)
{
    bool own;
    struct row row;
    int64_t others = 0;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    rc = row_get(c, id, &row, err);
    if (rc == ERR_OK)
        rc = row_number(c,
                        "SELECT count(*) FROM request WHERE imei = ?1 AND state = 'sent'"
                        " AND id <> ?2",
                        row.r.imei, id, &others, err);
    if (rc == ERR_OK &&
        (others > 0 || (row.r.state != REQUESTS_QUEUED && row.r.state != REQUESTS_WAITING)))
        rc = err_set(err, ERR_BUSY, "request %" PRId64 " is not due: %s", id,
                     others > 0 ? "another one is out" : requests_state_name(row.r.state));
    if (rc == ERR_OK) {
        row.r.state = REQUESTS_SENT;
        row.r.waits = 0;
        row.r.not_before_us = 0;
        row.r.sent++;
        rc = row_change(c, &row, now_us, "", err, "sent to %s (Codec %d)", peer, row.r.codec);
    }
    return catalogue_leave(c, own, rc, err);
}

/* The parts of an answer end with CR LF or not: between them that is a blank. */
static const char *words_of(const void *text, size_t n, char out[REQUESTS_WORDS_ROOM])
{
    const char *p = text;
    char flat[2 * REQUESTS_WORDS_ROOM];
    size_t used = 0;
    for (size_t i = 0; i < n && used < sizeof flat; i++) {
        bool line_end = p[i] == '\r' || p[i] == '\n';
        if (!line_end || (used > 0 && flat[used - 1] != ' '))
            flat[used++] = line_end ? ' ' : p[i];
    }
    return camreq_words(flat, used, out, REQUESTS_WORDS_ROOM);
}

/* An answer to a request that is not out is none: it was cancelled, or waited for too long. */
static int answered(struct catalogue *c, int64_t id, const void *text, size_t n, bool whole,
                    int64_t now_us, bool *settled, struct err *err)
{
    bool own, out;
    struct row row;
    struct camreq_answer a;
    char words[REQUESTS_WORDS_ROOM];
    *settled = true;
    int rc = enter_sent(c, id, &own, &row, &out, err);
    if (rc < 0)
        return rc;
    if (out) {
        camreq_answer(row.r.what.kind, text, n, whole, &a);
        *settled = whole || a.class != CAMREQ_UNKNOWN;
        if (*settled)
            rc = settle(c, &row, &a, now_us, words_of(text, n, words), err);
    }
    return catalogue_leave(c, own, rc, err);
}

int requests_answered(struct catalogue *c, int64_t id, const void *text, size_t n, int64_t now_us,
                      bool *settled, struct err *err)
{
    return answered(c, id, text, n, false, now_us, settled, err);
}

int requests_more(struct catalogue *c, int64_t id, const void *text, size_t n, int64_t now_us,
                  struct err *err)
{
    bool own;
    struct row row;
    char words[REQUESTS_WORDS_ROOM], why[REQUESTS_WORDS_ROOM];
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    rc = row_get(c, id, &row, err);
    words_of(text, n, words);
    snprintf(why, sizeof why, "%s", row.r.why);
    if (rc == ERR_OK && strcmp(words, row.r.words) != 0)
        rc = row_change(c, &row, now_us, words, err, "%s", why);
    return catalogue_leave(c, own, rc == ERR_NOTFOUND ? ERR_OK : rc, err); /* erased meanwhile */
}

int requests_silent(struct catalogue *c, int64_t id, const void *text, size_t n, int64_t now_us,
                    struct err *err)
{
    bool settled;
    return answered(c, id, text ? text : "", text ? n : 0, true, now_us, &settled, err);
}

int requests_not_executed(struct catalogue *c, int64_t id, const char *why, int64_t now_us,
                          struct err *err)
{
    bool own, out;
    struct row row;
    int rc = enter_sent(c, id, &own, &row, &out, err);
    if (rc < 0)
        return rc;
    if (out) {
        const struct camreq_answer again = {.repeat_s = 60, .repeats = 3, .means = why};
        rc = try_again(c, &row, &again, now_us, "", err);
    }
    return catalogue_leave(c, own, rc, err);
}

int requests_unsent(struct catalogue *c, int64_t id, const char *why, int64_t now_us,
                    struct err *err)
{
    bool own, out;
    struct row row;
    int rc = enter_sent(c, id, &own, &row, &out, err);
    if (rc < 0)
        return rc;
    if (out) {
        int n = count_failure(&row, "unsent", 0) - 1;
        row.r.sent--;
        wait_for(&row.r, REQUESTS_FOR_CONTACT, now_us + longer_us(SILENCE_US, n));
        rc = row_change(c, &row, now_us, "", err, "%s; sent at the next contact", why);
    }
    return catalogue_leave(c, own, rc, err);
}

int requests_link_lost(struct catalogue *c, const char *imei, int64_t now_us, struct err *err)
{
    bool own;
    struct buf ids;
    struct row row;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    buf_init(&ids, CATALOGUE_KEYS_BYTES_MAX);
    rc = row_open_ids(c, imei, &ids, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&ids); i++) {
        rc = row_get_open(c, catalogue_keys_at(&ids, i), &row, err);
        if (rc == ERR_OK && row.r.state == REQUESTS_SENT)
            rc = unanswered(c, &row, "silent",
                            imei ? "the connection was lost before an answer"
                                 : "dashspool ended before an answer",
                            "", now_us, err);
    }
    buf_clear(&ids);
    return catalogue_leave(c, own, rc, err);
}

/* ---- what it waits for ---- */

int requests_awaited(struct catalogue *c, const char *imei, unsigned *out, struct err *err)
{
    struct rows_st *st;
    bool found = true;
    *out = 0;
    int rc =
        row_prepare(c, &st, "SELECT waits FROM request WHERE imei = ?1 AND state = 'waiting'", err);
    if (rc < 0)
        return rc;
    rows_bind_text(st, 1, imei);
    while ((rc = rows_step(st, &found, err)) == ERR_OK && found)
        *out |= (unsigned)rows_column(st, 0);
    rows_finalize(&st);
    return rc;
}

static int hear(struct catalogue *c, struct row *row, enum requests_wait what, int64_t now_us,
                struct err *err)
{
    struct requests_request *r = &row->r;
    if (what == REQUESTS_FOR_CONTACT && row->failures > SILENCES_AT_ONCE)
        return ERR_OK; /* not at each login of a tracker that never answers */
    r->waits &= ~(unsigned)what;
    int64_t due_us = what == REQUESTS_FOR_CONTACT ? now_us : now_us + IGNITION_US;
    if (r->waits == 0 && (what == REQUESTS_FOR_CONTACT || is_reached(r->not_before_us, due_us)))
        r->not_before_us = due_us;
    return row_change(c, row, now_us, "", err, "%s",
                      what == REQUESTS_FOR_CONTACT    ? "the tracker is there"
                      : what == REQUESTS_FOR_IGNITION ? "the ignition is on"
                      : what == REQUESTS_FOR_FRONT    ? "the front camera is there"
                                                      : "the rear camera is there");
}

int requests_heard(struct catalogue *c, const char *imei, enum requests_wait what, int64_t now_us,
                   struct err *err)
{
    bool own;
    struct buf ids;
    struct row row;
    unsigned awaited;
    int rc = requests_awaited(c, imei, &awaited, err);
    if (rc < 0 || !(awaited & (unsigned)what) || (rc = catalogue_enter(c, &own, err)) < 0)
        return rc;
    buf_init(&ids, CATALOGUE_KEYS_BYTES_MAX);
    rc = row_open_ids(c, imei, &ids, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&ids); i++) {
        rc = row_get_open(c, catalogue_keys_at(&ids, i), &row, err);
        if (rc == ERR_OK && row.r.state == REQUESTS_WAITING && row.r.waits & (unsigned)what)
            rc = hear(c, &row, what, now_us, err);
    }
    buf_clear(&ids);
    return catalogue_leave(c, own, rc, err);
}

/* ---- what time does ---- */

/* When its file last made progress; INT64_MAX: it is coming in now. */
static int progress(struct catalogue *c, const struct row *row, int64_t *out, struct err *err)
{
    int64_t receiving, ended;
    static const char of[] = " FROM request_transfer AS f JOIN transfer AS t ON t.id = f.transfer";
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT count(*)%s WHERE f.request = ?2 AND f.complete = 0 AND t.state = 'receiving'",
             of);
    int rc = row_number(c, sql, NULL, row->r.id, &receiving, err);
    snprintf(sql, sizeof sql,
             "SELECT coalesce(max(t.completed_us), 0)%s WHERE f.request = ?2 AND CAST(?1 AS TEXT) "
             "IS NULL",
             of);
    if (rc == ERR_OK)
        rc = row_number(c, sql, NULL, row->r.id, &ended, err);
    if (rc == ERR_OK)
        *out = receiving ? INT64_MAX : ended > row->r.changed_us ? ended : row->r.changed_us;
    return rc;
}

static int expire(struct catalogue *c, struct row *row, int64_t now_us, struct err *err)
{
    char was[REQUESTS_WORDS_ROOM];
    snprintf(was, sizeof was, "%.400s", row->r.why);
    end(&row->r, REQUESTS_EXPIRED);
    return row_change(c, row, now_us, "", err, "it did not come in time; last: %s", was);
}

/* The file did not come: asked again, or never. */
static int overdue(struct catalogue *c, struct row *row, const char *what, int64_t now_us,
                   struct err *err)
{
    if (now_us >= row->r.expires_us)
        return expire(c, row, now_us, err);
    wait_for(&row->r, REQUESTS_FOR_TIME, now_us);
    return row_change(c, row, now_us, "", err, "%s; asked again", what);
}

static int tick(struct catalogue *c, struct row *row, int64_t now_us, struct err *err)
{
    const struct requests_request *r = &row->r;
    struct camreq_answer silence;
    int64_t last_us = 0;
    int rc;
    switch (r->state) {
    case REQUESTS_QUEUED:
    case REQUESTS_WAITING:
        /* what is on its way by itself has its time */
        if (now_us < r->expires_us ||
            (r->waits & REQUESTS_FOR_FILE && !is_reached(r->not_before_us, now_us)))
            return ERR_OK;
        return expire(c, row, now_us, err);
    case REQUESTS_SENT:
        if (!is_reached(r->changed_us + REQUESTS_ANSWER_US, now_us))
            return ERR_OK;
        camreq_answer(r->what.kind, "", 0, true, &silence);
        return settle(c, row, &silence, now_us, "", err);
    case REQUESTS_ACCEPTED:
        return !is_reached(r->not_before_us, now_us)
                   ? ERR_OK
                   : overdue(c, row, "the file did not come within 35 minutes", now_us, err);
    case REQUESTS_UPLOADING:
        rc = progress(c, row, &last_us, err);
        return rc < 0 || last_us == INT64_MAX || !is_reached(last_us + STALL_US, now_us)
                   ? rc
                   : overdue(c, row, "the upload stands still", now_us, err);
    case REQUESTS_FETCHED:
    case REQUESTS_REFUSED:
    case REQUESTS_SUPERSEDED:
    case REQUESTS_EXPIRED:
    case REQUESTS_CANCELLED:
    case REQUESTS_N_STATES:
        break;
    }
    return ERR_OK;
}

int requests_expire(struct catalogue *c, int64_t now_us, int *n, struct err *err)
{
    bool own;
    struct buf ids;
    struct row row;
    int64_t due;
    *n = 0;
    int rc = row_number(c,
                        "SELECT count(*) FROM request WHERE state IN"
                        " ('queued', 'sent', 'accepted', 'uploading', 'waiting')"
                        " AND expires_us <= ?2 AND CAST(?1 AS TEXT) IS NULL",
                        NULL, now_us, &due, err);
    if (rc < 0 || due == 0 || (rc = catalogue_enter(c, &own, err)) < 0)
        return rc;
    buf_init(&ids, CATALOGUE_KEYS_BYTES_MAX);
    rc = row_open_ids(c, NULL, &ids, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&ids); i++) {
        rc = row_get_open(c, catalogue_keys_at(&ids, i), &row, err);
        if (rc == ERR_OK && now_us >= row.r.expires_us)
            rc = tick(c, &row, now_us, err);
        *n += rc == ERR_OK && row.r.state == REQUESTS_EXPIRED;
    }
    buf_clear(&ids);
    return catalogue_leave(c, own, rc, err);
}

/* ---- what is due ---- */

int requests_tracker_each(struct catalogue *c, requests_tracker_fn *fn, void *arg, struct err *err)
{
    struct rows_st *st;
    bool found = true;
    int rc = row_prepare(c, &st,
                         "SELECT DISTINCT imei FROM request WHERE state IN"
                         " ('queued', 'sent', 'accepted', 'uploading', 'waiting') ORDER BY imei",
                         err);
    while (rc == ERR_OK && (rc = rows_step(st, &found, err)) == ERR_OK && found) {
        char imei[16];
        if (rows_text(st, 0, imei, sizeof imei))
            rc = fn(arg, imei, err);
    }
    rows_finalize(&st);
    return rc;
}

/* The cameras whose place for a file is taken by it. */
static unsigned lenses_busy(const struct requests_request *r, int64_t now_us)
{
    bool coming = r->state == REQUESTS_ACCEPTED || r->state == REQUESTS_UPLOADING ||
                  (r->state == REQUESTS_WAITING && !is_reached(r->not_before_us, now_us) &&
                   r->waits & (REQUESTS_FOR_OTHER | REQUESTS_FOR_FILE));
    return coming ? lenses_of(r->what.camera) : 0;
}

static bool is_due(const struct requests_request *r, unsigned busy, int64_t now_us)
{
    static const unsigned events = REQUESTS_FOR_IGNITION | REQUESTS_FOR_FRONT | REQUESTS_FOR_REAR;
    /* not every tracker reports these */
    bool told = !(r->waits & events) || is_reached(r->changed_us + UNTOLD_US, now_us);
    return (r->state == REQUESTS_QUEUED || r->state == REQUESTS_WAITING) && told &&
           is_reached(r->not_before_us, now_us) && !(lenses_of(r->what.camera) & busy);
}

static int choose(struct catalogue *c, const char *imei, int64_t now_us,
                  struct requests_request *out, bool *found, struct err *err)
{
    struct buf ids;
    struct row row;
    unsigned busy = 0;
    bool out_already = false;
    buf_init(&ids, CATALOGUE_KEYS_BYTES_MAX);
    int rc = row_open_ids(c, imei, &ids, err);
    size_t n = catalogue_keys_count(&ids);
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        if ((rc = row_get_open(c, catalogue_keys_at(&ids, i), &row, err)) == ERR_OK)
            rc = tick(c, &row, now_us, err);
        busy |= lenses_busy(&row.r, now_us);
        out_already |= row.r.state == REQUESTS_SENT;
    }
    for (size_t i = 0; rc == ERR_OK && i < n && !out_already && !*found; i++) {
        rc = row_get_open(c, catalogue_keys_at(&ids, i), &row, err);
        *found = rc == ERR_OK && is_due(&row.r, busy, now_us);
    }
    if (*found)
        *out = row.r;
    buf_clear(&ids);
    return rc;
}

int requests_next(struct catalogue *c, const char *imei, int64_t now_us,
                  struct requests_request *out, bool *found, struct err *err)
{
    bool own;
    int64_t open;
    *found = false;
    int rc = row_number(c,
                        "SELECT count(*) FROM request WHERE imei = ?1 AND state IN"
                        " ('queued', 'sent', 'accepted', 'uploading', 'waiting')",
                        imei, 0, &open, err);
    if (rc < 0 || open == 0 || (rc = catalogue_enter(c, &own, err)) < 0)
        return rc;
    rc = catalogue_leave(c, own, choose(c, imei, now_us, out, found, err), err);
    *found = *found && rc == ERR_OK;
    return rc;
}
