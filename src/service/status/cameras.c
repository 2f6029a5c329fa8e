/* What the catalogue tells: transfers, cameras, what broke off. */
#include "status_internal.h"
#include <stdio.h>
#include <string.h>

static int take_camera(void *arg, const char *imei, const char *camera, int64_t last_us,
                       struct err *err)
{
    struct status *s = arg;
    struct camera c = {.last_us = last_us};
    format_clean(c.imei, sizeof c.imei, imei);
    format_clean(c.camera, sizeof c.camera, camera);
    /* who hands something over at this moment is here now */
    for (size_t i = 0; i < LIST_COUNT(&s->incoming, struct incoming); i++) {
        const struct incoming *t = LIST_AT(&s->incoming, struct incoming, i);
        if (strcmp(t->imei, c.imei) == 0 && strcmp(t->camera, c.camera) == 0)
            c.last_us = s->now_us - t->quiet_s * 1000000;
    }
    s->n_cameras++;
    s->cameras_of_the_hour += c.last_us >= s->now_us - STATUS_HOUR_US;
    s->cameras_of_the_day += c.last_us >= s->now_us - STATUS_DAY_US;
    return s->n_cameras <= CAMERAS_MAX ? buf_append(&s->cameras, &c, sizeof c, err) : ERR_OK;
}

static int take_broken(void *arg, const struct catalogue_broken *b, struct err *err)
{
    struct status *s = arg;
    struct error e = {.kind = ERROR_TRANSFER, .stage = "receive", .n = 1, .last_us = b->at_us};
    (void)err;
    format_clean(e.what, sizeof e.what, b->why[0] ? b->why : "connection lost");
    format_clean(e.example, sizeof e.example, b->id);
    snprintf(e.advice, sizeof e.advice, "nothing: the camera resumes it on its next connection");
    status_error_add(s, &e);
    return ERR_OK;
}

static int ask(struct status *s, struct catalogue_summary *l, struct err *err)
{
    struct disk *d = &s->disk;
    int64_t copies;
    int rc = catalogue_summary_totals(l, s->now_us - 7 * STATUS_DAY_US, &s->totals, err);
    s->have_totals = rc == ERR_OK;
    if (rc == ERR_OK)
        rc = catalogue_summary_cameras(l, take_camera, s, err);
    if (rc == ERR_OK)
        rc = catalogue_summary_broken(l, s->now_us - STATUS_DAY_US, take_broken, s, err);
    if (rc == ERR_OK &&
        (rc = catalogue_summary_copies(l, &copies, &d->archive, &d->archive_exact, err)) < 0)
        d->archive = -1;
    return rc;
}

int collect_catalogue(struct status *s, struct err *err)
{
    struct catalogue_summary *l = NULL;
    int rc = catalogue_summary_open(&l, s->root, err);
    if (rc == ERR_OK)
        rc = ask(s, l, err);
    catalogue_summary_close(&l);
    if (rc == ERR_NOTFOUND) /* nothing was received yet */
        return ERR_OK;
    if (rc == ERR_MALFORMED)
        status_problem_add(s, "run 'dashspool fsck' for details; 'dashspool reindex' rebuilds it",
                           "catalogue: %s", err->text);
    else if (rc < 0 && rc != ERR_NOMEM)
        status_problem_add(s, "retry soon; if it persists, check owner and permissions",
                           "catalogue: %s", err->text);
    return rc == ERR_NOMEM ? rc : ERR_OK;
}
