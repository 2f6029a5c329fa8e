/* Copies of masters: how they are made, and how the catalogue learns of them; for the convert stage
 * and for who needs all of them. */
#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/master.h"
#include "dashspool/recipe.h"
#include "worker.h"
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a copy, for its row ---- */

/* In the transfer's custody; the settings are with the copy's row, here stands their hash. */
static int note_converted(struct catalogue *catalogue, const struct catalogue_transfer *t,
                          const struct catalogue_copy *copy, struct err *err)
{
    char hex[HASH_HEX_ROOM];
    int rc = hash_text(copy->settings, strlen(copy->settings), hex, err);
    if (rc < 0)
        return rc;
    const struct custody_what what = {.copy = copy->kind,
                                      .path = copy->path,
                                      .sha256 = copy->sha256,
                                      .from_sha256 = t->sha256,
                                      .settings_sha256 = hex};
    return catalogue_event_note(catalogue, t->id, copy->made_us, CUSTODY_CONVERTED, copy->tool,
                                &what, err);
}

static int describe(struct catalogue_copy *copy, const char *root, const struct convert_output *o,
                    struct err *err)
{
    *copy = (struct catalogue_copy){.length_bytes = o->length_bytes, .made_us = clock_utc_us()};
    snprintf(copy->kind, sizeof copy->kind, "%s", copy_kind_name(o->kind));
    int n = snprintf(copy->path, sizeof copy->path, "%s", o->path + strlen(root) + 1);
    if (n < 0 || (size_t)n >= sizeof copy->path)
        return err_set(err, ERR_LIMIT, "%s: the path is too long", o->path);
    snprintf(copy->sha256, sizeof copy->sha256, "%s", o->sha256);
    snprintf(copy->tool, sizeof copy->tool, "dashspool %s", DASHSPOOL_VERSION);
    return ERR_OK;
}

static int record_one(struct catalogue *catalogue, const char *root,
                      const struct catalogue_transfer *t, const struct recipe *recipe,
                      const struct convert_result *r, const struct convert_output *o,
                      struct err *err)
{
    struct catalogue_copy copy;
    int rc = describe(&copy, root, o, err);
    if (rc == ERR_OK)
        rc = recipe_settings_text(recipe, r, o->kind, copy.settings, sizeof copy.settings, err);
    if (rc < 0)
        return err_wrap(err, "%s", t->id);
    rc = catalogue_copy_put(catalogue, t->key, &copy, err);
    return rc < 0 ? rc : note_converted(catalogue, t, &copy, err);
}

/* Copies of what was partial when they were begun, and has gone on since, are of nothing that is
 * there. */
static int check_partial(struct catalogue *catalogue, const struct catalogue_transfer *t,
                         struct err *err)
{
    struct catalogue_transfer now;
    if (t->state != CATALOGUE_PARTIAL)
        return ERR_OK;
    int rc = catalogue_transfer_get(catalogue, t->id, &now, err);
    if (rc == ERR_OK && (now.state != t->state || now.completed_us != t->completed_us))
        rc = err_set(err, ERR_BUSY, "%s was resumed while its copies were being made", t->id);
    return rc;
}

int worker_hold(const struct worker *w, const struct work *work, struct catalogue *catalogue,
                struct err *err)
{
    struct rows *within = NULL;
    int rc = catalogue_is_of_site(catalogue) ? catalogue_rows(catalogue, &within, err) : ERR_OK;
    return rc < 0 ? rc : spool_job_hold(w->spool, work->job, within, err);
}

int worker_done(const struct worker *w, const struct work *work, struct err *err)
{
    int64_t now_us = clock_utc_us(), key = work->transfer.key;
    int rc = catalogue_done_put(w->catalogue, key, w->stage->name, now_us,
                                spool_job_attempt(work->job), err);
    for (size_t i = 0; rc == ERR_OK && i < w->n_next; i++)
        rc = catalogue_owe(w->catalogue, key, spool_stage(w->next[i]), now_us, err);
    return rc < 0 ? rc : worker_hold(w, work, w->catalogue, err);
}

/* ---- the tracker's account of it ---- */

/* The copies of one transfer, on their way. */
struct making {
    struct catalogue *catalogue;
    struct records *records; /* NULL: what is joined with it by now is all that they show */
    int64_t window_us;
    const char *root, *dir; /* below root they are kept; in dir is room for a track */
    const char *master;
    const struct catalogue_transfer *t;
    struct media_facts facts;
    struct convert_options options;
    const struct confine_limits *limits;
    const struct waiting *waiting;
    const struct worker *w; /* NULL: no stage's job is done by it */
    const struct work *work;
    struct convert_result result;
};

/* Its track as a file, as far as its records are joined with it, and the SHA-256; "" if there is
 * none. */
static int tell_track(const struct making *m, struct buf *csv, char sha256[HASH_HEX_ROOM],
                      struct err *err)
{
    static const struct track_label none = {.id = "", .camera = "", .source = "", .own_source = ""};
    struct track *track = NULL;
    sha256[0] = '\0';
    int rc = journey_track(m->catalogue, m->t, JOURNEY_PICTURES_US, &track, err);
    if (rc == ERR_OK && track)
        rc = track_write(track, &none, TRACK_CSV, csv, err);
    if (rc == ERR_OK && track)
        rc = hash_text((const char *)buf_data(csv), csv->used, sha256, err);
    track_free(&track);
    return rc;
}

/* Footage is not held up by what is wrong with the tracker's records: its copies show what was
 * joined before. */
static int join_records(const struct making *m, struct err *err)
{
    struct journey_joined joined;
    if (!m->records)
        return ERR_OK;
    int rc = journey_join(m->catalogue, m->records, m->t, m->window_us, "convert", &joined, err);
    if (rc < 0 && !err_is_temporary(rc)) {
        log_warn("convert", "copies are made without the tracker's records, which cannot be read",
                 LOG_TEXT("id", m->t->id), LOG_ERR(err));
        rc = ERR_OK;
    }
    return rc;
}

/* Its records, as far as they came, joined; the track as a file, which the options name then.
 * *path is the caller's (unlink, free); NULL: there is none. */
static int take_track(struct making *m, char **path, struct err *err)
{
    struct convert_options *o = &m->options;
    struct buf csv;
    *path = NULL;
    o->track_path[0] = '\0';
    buf_init(&csv, TRACK_BYTES_MAX);
    int rc = join_records(m, err);
    if (rc == ERR_OK)
        rc = tell_track(m, &csv, o->track_sha256, err);
    if (rc == ERR_OK && o->track_sha256[0]) {
        rc = fsx_path(path, err, "%s/track.csv", m->dir);
        if (rc == ERR_OK && strlen(*path) >= sizeof o->track_path)
            rc = err_set(err, ERR_LIMIT, "%s: the path is too long", *path);
        if (rc == ERR_OK)
            rc = fsx_write_file(*path, buf_data(&csv), csv.used, err);
        if (rc == ERR_OK)
            snprintf(o->track_path, sizeof o->track_path, "%s", *path);
    }
    buf_clear(&csv);
    return rc;
}

static void drop_track(char **path)
{
    if (*path)
        unlink(*path);
    free(*path);
    *path = NULL;
}

/* Whether its account is another one than that which the copies show. Who joins records while they
 * are made finds none of them done, and leaves it to us. */
static int has_changed(const struct making *m, bool *out, struct err *err)
{
    struct buf csv;
    char sha256[HASH_HEX_ROOM];
    buf_init(&csv, TRACK_BYTES_MAX);
    int rc = tell_track(m, &csv, sha256, err);
    *out = rc == ERR_OK && strcmp(sha256, m->options.track_sha256) != 0;
    buf_clear(&csv);
    return rc;
}

/* ---- a conversion ---- */

/* Who waits for it: it goes on while go_on(arg, …), which is asked at each step, when fd (-1: none)
 * is readable, and every so often. */
struct waiting {
    bool (*go_on)(void *arg, const char *id, double done); /* NULL: in any case */
    void *arg;
    int fd, every_ms;
};

/* Until it is done, or must not go on: then nothing of it is left. */
static int convert(struct making *m, struct err *err)
{
    const struct catalogue_transfer *t = m->t;
    const struct waiting *who = m->waiting;
    char stem[CATALOGUE_ID_ROOM + 16], *dir = NULL;
    struct confine *c = NULL;
    double done = 0;
    bool stopped = false;
    snprintf(stem, sizeof stem, "%s%s", t->id,
             t->state == CATALOGUE_PARTIAL          ? ".partial"
             : t->remade == CATALOGUE_REMADE_BESIDE ? COPY_BESIDE
                                                    : "");
    int rc = export_media_facts(m->catalogue, t, m->options.osd_template, &m->facts, err);
    if (rc == ERR_OK)
        rc = copies_dir(m->root, t, &dir, err);
    if (rc == ERR_OK)
        rc = confine_start(&c, m->master, dir, stem, &m->facts, &m->options, m->limits, err);
    free(dir);
    if (rc < 0)
        return rc;
    for (bool more = true; more && !stopped;) {
        struct pollfd p[2] = {{.fd = confine_fd(c), .events = POLLIN},
                              {.fd = who->fd, .events = POLLIN}};
        int ms = confine_wait_ms(c);
        poll(p, 2, ms < who->every_ms ? ms : who->every_ms);
        more = confine_step(c, &done);
        stopped = who->go_on && !who->go_on(who->arg, t->id, done);
    }
    rc = confine_finish(&c, &m->result, err);
    return stopped ? err_set(err, ERR_AGAIN, "interrupted") : rc;
}

/* ---- put where copies are ---- */

/* Those that have a row before, as far as these take their names. */
struct earlier {
    const struct making *m;
    struct catalogue_copy copy[CONVERT_OUTPUTS_MAX];
    int n;
};

static int note_earlier(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct earlier *e = arg;
    const struct convert_result *r = &e->m->result;
    (void)err;
    for (int i = 0; i < r->n_outputs && e->n < CONVERT_OUTPUTS_MAX; i++)
        if (strcmp(copy->path, r->output[i].path + strlen(e->m->root) + 1) == 0 &&
            strcmp(copy->sha256, r->output[i].sha256) != 0)
            e->copy[e->n++] = *copy;
    return ERR_OK;
}

/* Before they have rows, and in no transaction: it may take a while. */
static int publish_copies(const struct making *m, struct earlier *earlier, struct err *err)
{
    struct catalogue_copy copy;
    *earlier = (struct earlier){.m = m};
    int rc = catalogue_copy_each(m->catalogue, m->t->key, note_earlier, earlier, err);
    for (int i = 0; rc == ERR_OK && i < m->result.n_outputs; i++) {
        rc = describe(&copy, m->root, &m->result.output[i], err);
        if (rc == ERR_OK)
            rc = copies_publish(m->root, &copy, err);
    }
    return rc;
}

/* They show less than is known by now, and are made once more. */
static int withdraw(const struct making *m, struct err *err)
{
    struct catalogue_copy copy;
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < m->result.n_outputs; i++) {
        rc = describe(&copy, m->root, &m->result.output[i], err);
        if (rc == ERR_OK)
            rc = copies_replaced(m->root, &copy, err);
    }
    return rc;
}

/* What stays after all harms nobody, and takes its room. */
static void drop_earlier(const struct earlier *earlier)
{
    struct err err;
    for (int i = 0; i < earlier->n; i++)
        if (copies_replaced(earlier->m->root, &earlier->copy[i], &err) < 0)
            log_warn("convert", "an earlier copy stays in the store",
                     LOG_TEXT("path", earlier->copy[i].path),
                     LOG_TEXT("sha256", earlier->copy[i].sha256), LOG_ERR(&err));
}

static int delete_made(const struct making *m, struct err *err)
{
    struct catalogue_copy copy;
    int rc = copies_delete_rest(m->root, m->t, CONVERT_STAGE_PREFIX, err);
    for (int i = 0; rc == ERR_OK && i < m->result.n_outputs; i++) {
        rc = describe(&copy, m->root, &m->result.output[i], err);
        if (rc == ERR_OK)
            rc = copies_delete(m->root, &copy, err);
    }
    return rc;
}

/* ---- recorded ---- */

static int record_all(const struct making *m, struct err *err)
{
    struct recipe recipe = {.facts = m->facts, .options = m->options};
    int rc = ERR_OK;
    recipe_sign(&recipe);
    for (int i = 0; i < m->result.n_outputs && rc == ERR_OK; i++)
        rc =
            record_one(m->catalogue, m->root, m->t, &recipe, &m->result, &m->result.output[i], err);
    return rc == ERR_OK && m->w ? worker_done(m->w, m->work, err) : rc;
}

/* All outputs of the result, and that the stage has done its work, or nothing, in one transaction.
 * Nothing, and *again, if they do not show what is to be shown by now; not for the `last` time. */
static int record_copies(const struct making *m, bool last, bool *again, struct err *err)
{
    struct catalogue_transfer now;
    *again = false;
    int rc = catalogue_begin(m->catalogue, err);
    if (rc < 0)
        return rc;
    rc = catalogue_transfer_get(m->catalogue, m->t->id, &now, err);
    if (rc == ERR_NOTFOUND) { /* its copies went with it, but these came after */
        struct err kept;
        rc = delete_made(m, &kept);
        if (rc < 0)
            *err = kept;
        else
            rc =
                err_set(err, ERR_NOTFOUND, "%s was deleted while copies of it were made", m->t->id);
    }
    if (rc == ERR_OK)
        rc = check_partial(m->catalogue, m->t, err);
    if (rc == ERR_OK && !last)
        rc = has_changed(m, again, err);
    if (rc == ERR_OK && !*again)
        rc = record_all(m, err);
    return catalogue_end(m->catalogue, rc, err);
}

/* Copies, and their rows. The account that they show may grow meanwhile: then once more. */
static int make(struct making *m, struct err *err)
{
    struct earlier *earlier = calloc(1, sizeof *earlier);
    bool again = true;
    int rc = earlier ? ERR_OK : err_nomem(err, "copies of %s", m->t->id);
    for (int last = 0; rc == ERR_OK && again; last++) {
        char *track = NULL;
        rc = take_track(m, &track, err);
        if (rc == ERR_OK)
            rc = convert(m, err);
        if (rc == ERR_OK)
            rc = publish_copies(m, earlier, err);
        if (rc == ERR_OK)
            rc = record_copies(m, last > 0, &again, err);
        if (rc == ERR_OK && again)
            rc = withdraw(m, err);
        drop_track(&track);
    }
    if (rc == ERR_OK)
        drop_earlier(earlier);
    free(earlier);
    return rc;
}

/* The master into a file of `dir`, whose path is the caller's. */
int worker_extract(struct raw *raw, struct catalogue_transfer *t, const char *dir, char **path,
                   struct err *err)
{
    int rc =
        fsx_path(path, err, "%s/master.%s", dir, strcmp(t->kind, "photo") == 0 ? "jpg" : "h265");
    return rc < 0 ? rc : master_extract(raw, t, *path, err);
}

/* ---- the convert stage ---- */

struct going {
    struct worker *w;
    struct work *work;
};

static bool goes_on(void *arg, const char *id, double done)
{
    const struct going *g = arg;
    (void)id;
    (void)done;
    return !stop_requested(g->w->stop) && !spool_job_lost(g->w->spool, g->work->job);
}

static int stop_at_difference(void *arg, bool note, const char *text, struct err *err)
{
    const char *id = arg;
    return note
               ? ERR_OK
               : err_set(err, ERR_MALFORMED,
                         "%s: %.300s; 'dashspool fsck --repair' restores what its sources agree on",
                         id, text);
}

/* Of facts that are not what came no copies are made: clock and position are burned in. */
static int check_facts(struct catalogue *c, struct raw *raw, struct catalogue_transfer *t,
                       struct err *err)
{
    return facts_check(c, raw, t->key, stop_at_difference, t->id, err);
}

/* Which cannot be where they cannot be read. */
static int wait_for_records(const struct worker *w, struct work *work, struct err *err)
{
    int rc = journey_wait_ms(w->records, &work->transfer, w->telemetry_wait_us, clock_utc_us(),
                             &work->wait_ms, err);
    return rc < 0 && !err_is_temporary(rc) ? ERR_OK : rc;
}

struct there {
    const struct worker *w;
    const struct catalogue_transfer *t;
    unsigned kinds;
};

static int see_kind(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct there *there = arg;
    (void)err;
    if (catalogue_copy_is_current(there->t, copy))
        there->kinds |= copy_kind_of(copy->kind);
    return ERR_OK;
}

/* Where copies are made anew, all are: also those that were made for a package, or before the
 * settings were others. One that stayed would show what the tracker's account was before, and what
 * private mode hides by now. */
static int include_there(const struct worker *w, const struct catalogue_transfer *t,
                         unsigned *kinds, struct err *err)
{
    struct there there = {w, t, 0};
    int rc = t->remade == CATALOGUE_REMADE
                 ? catalogue_copy_each(w->catalogue, t->key, see_kind, &there, err)
                 : ERR_OK;
    *kinds |= there.kinds;
    return rc;
}

int convert_work(struct worker *w, struct work *work, struct err *err)
{
    struct catalogue_transfer *t = &work->transfer;
    struct going going = {w, work};
    const struct waiting who = {goes_on, &going, w->stop->fd, INT_MAX};
    struct making m = {.catalogue = w->catalogue,
                       .records = w->records,
                       .window_us = w->window_us,
                       .root = w->root,
                       .dir = spool_job_dir(work->job),
                       .t = t,
                       .options = w->options,
                       .limits = &w->limits,
                       .waiting = &who,
                       .w = w,
                       .work = work};
    const struct convert_result *result = &m.result;
    char *master = NULL;
    int64_t began_us = clock_mono_us();
    int rc = check_facts(w->catalogue, w->raw, t, err);
    if (rc == ERR_OK)
        rc = wait_for_records(w, work, err);
    if (rc == ERR_OK && work->wait_ms == 0)
        rc = include_there(w, t, &m.options.copies, err);
    if (rc < 0 || work->wait_ms > 0)
        return rc;
    rc = worker_extract(w->raw, t, m.dir, &master, err);
    m.master = master;
    if (rc == ERR_OK)
        rc = make(&m, err);
    if (rc == ERR_OK) {
        double took_s = (double)(clock_mono_us() - began_us) / 1e6;
        if (result->warning[0])
            log_warn(w->stage->name, "converted with warnings", LOG_TEXT("id", t->id),
                     LOG_TEXT("note", result->warning));
        bool video = result->container != MEDIA_JPEG;
        log_info(w->stage->name, "converted", LOG_TEXT("id", t->id), LOG_TEXT("kind", t->kind),
                 LOG_INT_IF(video, "frames", result->pictures),
                 LOG_SECONDS("footage_seconds", video ? (double)result->duration_us / 1e6 : NAN),
                 LOG_SECONDS("seconds", took_s));
    }
    free(master);
    return rc;
}

void convert_sweep(const struct worker *w, const struct work *work)
{
    char *dir = NULL;
    struct err unimportant;
    if (copies_dir(w->root, &work->transfer, &dir, &unimportant) == ERR_OK)
        workdir_sweep(dir, CONVERT_STAGE_PREFIX);
    free(dir);
}

/* ---- the copies that are missing ---- */

struct completer {
    const char *root;
    struct catalogue *catalogue;
    struct raw *raw;
    struct records *records;
    int64_t window_us;
    struct convert_options options;
    struct confine_limits limits;
    struct work_completion *completion;
    struct workdir tmp; /* for the masters, if the caller has none */
};

struct have {
    const struct completer *c;
    const struct catalogue_transfer *t;
    unsigned kinds;
    bool rows; /* also of those whose files are lost */
};

static int note_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct have *have = arg;
    char *path = NULL;
    int64_t bytes;
    int rc = copies_path(&path, have->c->root, copy->path, err);
    free(path);
    if (rc == ERR_MALFORMED)
        return ERR_OK; /* wherever that is: not where it should be */
    if (rc < 0 || !catalogue_copy_is_current(have->t, copy))
        return rc;
    have->rows = true;
    rc = copies_look(have->c->root, copy, &bytes, err);
    if (rc == ERR_OK)
        have->kinds |= copy_kind_of(copy->kind); /* none, of another version */
    return err_is_temporary(rc) && !err_is_of_one_file(err) ? rc : ERR_OK;
}

/* Whether its tracker told any position, for a map. */
static int tracker_placed(const struct completer *c, const struct catalogue_transfer *t, bool *out,
                          struct err *err)
{
    struct track *track = NULL;
    int rc = journey_track(c->catalogue, t, JOURNEY_PICTURES_US, &track, err);
    *out = false;
    for (size_t i = 0; rc == ERR_OK && track && i < track->n; i++)
        *out = *out || track->point[i].valid;
    track_free(&track);
    return rc;
}

static int missing(const struct completer *c, const struct catalogue_transfer *t, unsigned *out,
                   bool *all, struct err *err)
{
    struct have have = {.c = c, .t = t};
    unsigned want = COPY_WORKING | COPY_VIEWING | COPY_TIMING | COPY_CSV | COPY_POSTER | COPY_SHEET;
    bool placed = t->known & CATALOGUE_POSITION_OK;
    int rc = placed ? ERR_OK : tracker_placed(c, t, &placed, err);
    if (rc < 0)
        return rc;
    if (placed)
        want |= COPY_GPX | COPY_KML | COPY_GEOJSON;
    if (strcmp(t->kind, "photo") == 0)
        want = COPY_STILL;
    rc = catalogue_copy_each(c->catalogue, t->key, note_copy, &have, err);
    *out = want & ~have.kinds;
    *all = !have.rows;
    return rc;
}

/* all: there are none yet. Beside others no more records are joined: these would not show them, and
 * who joins them later, and has all made anew, would find them joined. */
static int make_copies(struct completer *c, struct catalogue_transfer *t, bool all, struct err *err)
{
    const struct work_completion *by = c->completion;
    const struct waiting who = {by->progress, by->arg, -1, 200};
    struct making m = {.catalogue = c->catalogue,
                       .records = all ? c->records : NULL,
                       .window_us = c->window_us,
                       .root = c->root,
                       .dir = c->tmp.path ? c->tmp.path : by->dir,
                       .t = t,
                       .options = c->options,
                       .limits = &c->limits,
                       .waiting = &who};
    char *master = NULL;
    int rc = worker_extract(c->raw, t, m.dir, &master, err);
    m.master = master;
    if (rc == ERR_OK) {
        rc = make(&m, err);
        if (rc == ERR_OK) {
            c->completion->made += m.result.n_outputs;
        } else if (rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED || rc == ERR_LIMIT) {
            if (by->cannot) /* it is told, and no error of ours */
                by->cannot(by->arg, t->id, err->text);
            rc = ERR_OK;
        }
    }
    if (master)
        unlink(master);
    free(master);
    return rc;
}

static int complete(struct completer *c, const char *id, struct err *err)
{
    struct catalogue_transfer t;
    struct err differs;
    bool all;
    int rc = catalogue_transfer_get(c->catalogue, id, &t, err);
    if (rc < 0 || t.state == CATALOGUE_RECEIVING)
        return rc;
    rc = check_facts(c->catalogue, c->raw, &t, &differs);
    if (rc == ERR_MALFORMED) /* who exports it is told */
        return ERR_OK;
    if (rc < 0) {
        *err = differs;
        return rc;
    }
    rc = missing(c, &t, &c->options.copies, &all, err);
    return rc < 0 || c->options.copies == 0 ? rc : make_copies(c, &t, all, err);
}

int work_complete(const char *root, const struct cfg *cfg, const char *const *ids, size_t n,
                  struct work_completion *completion, struct err *err)
{
    struct completer c = {.root = root, .completion = completion, .tmp = WORKDIR_NONE};
    completion->made = 0;
    convert_options_from_cfg(cfg, &c.options);
    confine_limits_from_cfg(cfg, &c.limits);
    c.options.overwrite = true; /* what is there, but not in the catalogue */
    c.window_us = journey_window_us(cfg);
    int rc = catalogue_open(&c.catalogue, c.root, false, err);
    if (rc == ERR_OK && (rc = raw_open(&c.raw, c.root, err)) == ERR_OK)
        rc = records_open(&c.records, c.root, RECORDS_READ, err);
    if (rc == ERR_OK && !c.completion->dir)
        rc = workdir_open(&c.tmp, c.root, MASTER_STAGE, err);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = complete(&c, ids[i], err);
    workdir_close(&c.tmp);
    raw_close(&c.raw);
    records_close(&c.records);
    catalogue_close(&c.catalogue);
    return rc;
}
