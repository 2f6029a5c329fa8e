/* Which request a camera's file fulfils. */
#include "dashspool/clock.h"
#include "requests_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A photo's time is the tracker's: after the command by this machine's clock, give or take. */
#define CLOCK_US INT64_C(30000000)

/* Of "both" the second photo may be a little later than the time that the tracker named. */
enum { BOTH_S = 10 };

static const char *camera_of(const struct camreq *what)
{
    return strcmp(what->camera, "dashcam") == 0 ? "front" : what->camera;
}

/* By its name: DualCam and ADAS call the server's request 0, DSM 11, and 0 is none of its triggers
 * (wire.h). Of JSON nobody knows: what has no name may be one, and a name that says so. */
static bool is_on_request(const struct catalogue_transfer *t)
{
    return strstr(t->trigger_name, "request") || !t->trigger_name[0] ||
           strcmp(t->trigger_name, "trigger-0") == 0;
}

enum fit { FITS_NOT, FITS, FITS_BY_ORDER };

/* A photo of no time that is known: one that was made since it was asked for. */
static enum fit fits_by_order(const struct row *row, int64_t time_us, int64_t now_us)
{
    const struct requests_request *r = &row->r;
    bool expected =
        r->state == REQUESTS_SENT || r->state == REQUESTS_ACCEPTED ||
        r->state == REQUESTS_UPLOADING ||
        (r->state == REQUESTS_WAITING && (r->waits & (REQUESTS_FOR_FILE | REQUESTS_FOR_CONTACT) ||
                                          (r->waits & REQUESTS_FOR_OTHER && r->sent > 1)));
    return expected && time_us >= row->first_sent_us - CLOCK_US && time_us <= now_us + CLOCK_US
               ? FITS_BY_ORDER
               : FITS_NOT;
}

static enum fit fits(const struct row *row, const struct catalogue_transfer *t, int64_t now_us)
{
    const struct requests_request *r = &row->r;
    const struct camreq *what = &r->what;
    bool both = strcmp(what->camera, "both") == 0;
    if (r->files_due == 0 || strcmp(camreq_kind_name(what->kind), t->kind) != 0 ||
        (both ? !(lenses_of(t->camera) & (LENS_FRONT | LENS_REAR))
              : strcmp(camera_of(what), t->camera) != 0))
        return FITS_NOT;
    if (!(t->known & CATALOGUE_HAS_META)) /* in the order of arrival, if it is under way at all */
        return r->sent > 0 && r->state != REQUESTS_QUEUED ? FITS_BY_ORDER : FITS_NOT;
    if (!is_on_request(t))
        return FITS_NOT;
    int64_t time_s = t->time_us / 1000000;
    if (what->time_s > 0)
        return time_s == what->time_s || (r->answered_s > 0 && time_s == r->answered_s) ? FITS
                                                                                        : FITS_NOT;
    if (r->answered_s == 0)
        return fits_by_order(row, t->time_us, now_us);
    if (time_s == r->answered_s)
        return FITS;
    return both && time_s > r->answered_s - BOTH_S && time_s < r->answered_s + BOTH_S
               ? FITS_BY_ORDER
               : FITS_NOT;
}

/* ---- links ---- */

static int link_put(struct catalogue *c, int64_t id, const struct catalogue_transfer *t,
                    const char *as, bool complete, bool by_order, int64_t now_us, struct err *err)
{
    struct rows_st *st;
    int rc = row_prepare(c, &st,
                         "INSERT INTO request_transfer(request, transfer, camera, at_us, complete,"
                         " by_order) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
                         " ON CONFLICT(request, transfer) DO UPDATE SET"
                         " camera = excluded.camera, at_us = excluded.at_us,"
                         " complete = excluded.complete, by_order = excluded.by_order",
                         err);
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 1, id);
    rows_bind_text(st, 2, as);
    rows_bind_text(st, 3, t->camera);
    rows_bind_int64(st, 4, now_us);
    rows_bind_int64(st, 5, complete);
    rows_bind_int64(st, 6, by_order);
    rc = rows_run(st, NULL, err);
    rows_finalize(&st);
    return rc;
}

/* What a request has of a transfer's camera: this one, or a complete one. */
struct links {
    const struct catalogue_transfer *t;
    bool this_one, by_order; /* … and how */
    bool has_camera;
};

static int see_link(void *arg, const struct requests_file *f, struct err *err)
{
    struct links *l = arg;
    (void)err;
    if (!f->complete && strcmp(f->transfer, l->t->id) == 0) {
        l->this_one = true;
        l->by_order = f->by_order;
    }
    l->has_camera |= f->complete && strcmp(f->camera, l->t->camera) == 0;
    return ERR_OK;
}

/* ---- matching ---- */

struct match {
    struct catalogue *c;
    const struct catalogue_transfer *t;
    const char *as; /* the id under which it stays; NULL: it has only begun */
    int64_t now_us;
    int fulfilled;
};

static int began(struct match *m, struct row *row, bool by_order, struct err *err)
{
    int rc = link_put(m->c, row->r.id, m->t, m->t->id, false, by_order, m->now_us, err);
    if (rc < 0 || row->r.state == REQUESTS_UPLOADING)
        return rc;
    row->r.state = REQUESTS_UPLOADING;
    row->r.waits = 0;
    row->r.not_before_us = 0;
    return row_change(m->c, row, m->now_us, "", err, "the %s camera sends it: %s", m->t->camera,
                      m->t->id);
}

static int note_in_custody(struct match *m, const struct requests_request *r, bool by_order,
                           struct err *err)
{
    char asked[CLOCK_TEXT_ROOM];
    clock_rfc3339(r->added_us, 6, asked);
    return catalogue_event_note(m->c, m->as, CATALOGUE_NOW, CUSTODY_REQUESTED,
                                "dashspool " DASHSPOOL_VERSION " requests",
                                &(struct custody_what){.request = &r->id,
                                                       .by = r->by,
                                                       .reason = r->reason[0] ? r->reason : NULL,
                                                       .asked = asked,
                                                       .command = r->command,
                                                       .by_order = by_order},
                                err);
}

static int stored(struct match *m, struct row *row, bool by_order, struct err *err)
{
    struct requests_request *r = &row->r;
    int rc = link_put(m->c, r->id, m->t, m->as, true, by_order, m->now_us, err);
    if (rc == ERR_OK && strcmp(m->as, m->t->id) != 0)
        rc = row_run(m->c, "DELETE FROM request_transfer WHERE request = ?1 AND transfer = ?2",
                     r->id, m->t->id, err);
    if (rc == ERR_OK)
        rc = note_in_custody(m, r, by_order, err);
    if (rc < 0)
        return rc;
    r->files++;
    r->state = r->files >= r->files_due ? REQUESTS_FETCHED : REQUESTS_UPLOADING;
    r->waits = 0;
    r->not_before_us = 0;
    return row_change(m->c, row, m->now_us, "", err, "stored: %s%s", m->as,
                      by_order ? " (matched by order of arrival)" : "");
}

/* By order of arrival a file is that of one request, the oldest, and only if its time does not say
 * whose it is. */
static int match_one(struct match *m, struct row *row, enum fit how, struct err *err)
{
    struct links l = {.t = m->t};
    if (row->r.state >= REQUESTS_FETCHED || (how == FITS_BY_ORDER && m->fulfilled > 0))
        return ERR_OK;
    int rc = requests_file_each(m->c, row->r.id, see_link, &l, err);
    if (rc < 0 || l.has_camera)
        return rc == ERR_MALFORMED ? ERR_OK : rc;
    enum fit fit = l.this_one ? (l.by_order ? FITS_BY_ORDER : FITS) : fits(row, m->t, m->now_us);
    if (fit != how)
        return ERR_OK;
    m->fulfilled++;
    return m->as ? stored(m, row, fit == FITS_BY_ORDER, err)
                 : began(m, row, fit == FITS_BY_ORDER, err);
}

/* Those that wait for the older file of a camera: this is it. */
static int other_came(struct match *m, struct row *row, struct err *err)
{
    if (!m->as || row->r.state != REQUESTS_WAITING || !(row->r.waits & REQUESTS_FOR_OTHER) ||
        strcmp(camreq_kind_name(row->r.what.kind), m->t->kind) != 0 ||
        !(lenses_of(row->r.what.camera) & lenses_of(m->t->camera)))
        return ERR_OK;
    row->r.waits = 0;
    row->r.not_before_us = m->now_us;
    return row_change(m->c, row, m->now_us, "", err, "the older file is here: %s; asked again",
                      m->as);
}

static int match_all(struct match *m, const struct buf *ids, struct err *err)
{
    static const enum fit passes[] = {FITS, FITS_BY_ORDER, FITS_NOT};
    struct row row;
    int rc = ERR_OK;
    for (size_t pass = 0; pass < 3; pass++)
        for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(ids); i++) {
            rc = row_get_open(m->c, catalogue_keys_at(ids, i), &row, err);
            if (rc == ERR_OK)
                rc = passes[pass] == FITS_NOT ? other_came(m, &row, err)
                                              : match_one(m, &row, passes[pass], err);
        }
    return rc;
}

static int match(struct match *m, struct err *err)
{
    bool own;
    struct buf ids;
    int64_t open;
    if (strcmp(m->t->source, "camera") != 0)
        return ERR_OK;
    int rc = row_number(m->c,
                        "SELECT count(*) FROM request WHERE imei = ?1 AND state IN"
                        " ('queued', 'sent', 'accepted', 'uploading', 'waiting')",
                        m->t->imei, 0, &open, err);
    if (rc < 0 || open == 0 || (rc = catalogue_enter(m->c, &own, err)) < 0)
        return rc;
    buf_init(&ids, CATALOGUE_KEYS_BYTES_MAX);
    rc = row_open_ids(m->c, m->t->imei, &ids, err);
    if (rc == ERR_OK)
        rc = match_all(m, &ids, err);
    buf_clear(&ids);
    return catalogue_leave(m->c, own, rc, err);
}

int requests_began(struct catalogue *c, const struct catalogue_transfer *t, int64_t now_us,
                   struct err *err)
{
    struct match m = {.c = c, .t = t, .now_us = now_us};
    return match(&m, err);
}

int requests_stored(struct catalogue *c, const struct catalogue_transfer *t, const char *same_as,
                    int64_t now_us, struct err *err)
{
    struct match m = {.c = c, .t = t, .as = same_as ? same_as : t->id, .now_us = now_us};
    return match(&m, err);
}
