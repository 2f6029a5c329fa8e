/* reindex: the catalogue made anew, from masters and copies, and from what can be believed of the
 * old one. */
#define _GNU_SOURCE /* flock */
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/journey.h"
#include "dashspool/raw.h"
#include "dashspool/requests.h"
#include "dashspool/review.h"
#include "dashspool/root.h"
#include "dashspool/site.h"
#include "dashspool/standing.h"
#include "dashspool/text.h"
#include "dashspool/upkeep.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct reindex {
    const char *root;
    const struct upkeep_progress *progress;
    struct upkeep_reindex_result *out;
    struct catalogue *old; /* NULL: there is none that can be read */
    struct catalogue *made;
    struct raw *raw;
    bool partials; /* what is whole is entered first: of two with one name that one gets it */
};

/* A permanent error is told (ERR_OK comes back), a temporary one ends it. */
static int trouble(struct reindex *r, const char *where, int rc, const struct err *err)
{
    if (rc == ERR_OK || err_is_temporary(rc))
        return rc;
    r->out->troubles++;
    r->progress->trouble(r->progress->arg, where, err->text);
    return ERR_OK;
}

static int step(struct reindex *r, const char *where, struct err *err)
{
    if (r->progress->progress && !r->progress->progress(r->progress->arg, where, 0))
        return err_set(err, ERR_AGAIN, "interrupted; the catalogue is unchanged");
    return ERR_OK;
}

/* ---- what can be believed of the catalogue that was there: rows ---- */

static bool agree(const char *day, const struct raw_master *m, const struct catalogue_transfer *t)
{
    char hex[HASH_HEX_ROOM];
    if (strcmp(t->day, day) != 0)
        return false;
    if (!m->sealed)
        return t->state != CATALOGUE_STORED;
    hash_hex(m->facts.sha256, hex);
    return strcmp(t->id, m->facts.id) == 0 &&
           (t->state != CATALOGUE_STORED ||
            (strcmp(t->sha256, hex) == 0 && t->length_bytes == m->length_bytes));
}

/* What the old catalogue has of a master, if it agrees with it. */
static int old_row(struct reindex *r, const char *day, const struct raw_master *m,
                   struct catalogue_transfer *t, bool *agrees, struct err *err)
{
    bool found = false;
    *agrees = false;
    if (!r->old)
        return ERR_OK;
    int rc = catalogue_transfer_by_key(r->old, m->key, t, &found, err);
    *agrees = rc == ERR_OK && found && agree(day, m, t);
    if (*agrees && m->owned) { /* whose it is stands with its bytes */
        rc = master_check_whose(r->raw, t, err);
        *agrees = rc == ERR_OK;
    }
    if (*agrees) { /* a receiver was killed: what its next start would do */
        enum catalogue_state was = t->state;
        t->state = m->sealed ? CATALOGUE_STORED : CATALOGUE_PARTIAL;
        t->length_bytes = m->length_bytes;
        if (t->state == CATALOGUE_PARTIAL && was == CATALOGUE_RECEIVING)
            t->completed_us = clock_utc_us();
        if (m->sealed)
            hash_hex(m->facts.sha256, t->sha256);
        r->out->taken_over++;
    }
    return err_is_temporary(rc) ? rc : ERR_OK;
}

struct parts {
    struct reindex *r;
    const struct catalogue_transfer *t;
};

static int add_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    const struct parts *p = arg;
    return catalogue_arrival_add(p->r->made, p->t->key, a, err);
}

static int add_protection(void *arg, const struct catalogue_protection *protection, struct err *err)
{
    const struct parts *p = arg;
    return catalogue_protect(p->r->made, p->t->id, protection, err);
}

static int add_done(void *arg, const struct catalogue_done *d, struct err *err)
{
    const struct parts *p = arg;
    int rc = catalogue_done_put(p->r->made, p->t->key, d->stage, d->at_us, d->attempt, err);
    p->r->out->done += rc == ERR_OK && d->attempt > 0;
    return rc;
}

/* A camera's transfer has none. */
static int add_origin(struct reindex *r, const struct catalogue_transfer *t, bool *origin,
                      struct err *err)
{
    struct catalogue_origin o;
    int rc = catalogue_origin_get(r->old, t->key, &o, err);
    if (rc == ERR_NOTFOUND)
        return ERR_OK;
    if (rc == ERR_OK)
        rc = catalogue_origin_put(r->made, t->key, &o, err);
    *origin = rc == ERR_OK;
    r->out->origins += *origin;
    return rc;
}

static int add_record(void *arg, const struct catalogue_record *record, struct err *err)
{
    const struct parts *p = arg;
    return catalogue_record_put(p->r->made, p->t->key, record, &(bool){false}, err);
}

/* What its tracker said of it, and by which record of its event: they are nowhere else. */
static int add_journey(const struct parts *p, struct err *err)
{
    struct catalogue_match match;
    bool found = false;
    int rc = catalogue_record_each(p->r->old, p->t->key, INT64_MIN, INT64_MAX, add_record,
                                   (void *)(uintptr_t)p, err);
    if (rc == ERR_OK)
        rc = catalogue_match_get(p->r->old, p->t->key, &match, &found, err);
    if (rc == ERR_OK && found)
        rc = catalogue_match_put(p->r->made, p->t->key, &match, err);
    bool hidden = false;
    if (rc == ERR_OK)
        rc = journey_hides(p->r->made, p->t, &hidden, err);
    return rc < 0 || !hidden ? rc : catalogue_private_put(p->r->made, p->t->key, true, err);
}

/* Connections, origin, protections, stages and the tracker's records of a row that was taken over;
 * one that cannot be read does not keep the others. *origin: it is there. */
static int old_parts(struct reindex *r, const struct catalogue_transfer *t, bool *origin,
                     struct err *err)
{
    struct parts p = {r, t};
    *origin = false;
    int rc = catalogue_arrival_each(r->old, t->key, add_arrival, &p, err);
    if ((rc = trouble(r, t->id, rc, err)) == ERR_OK)
        rc = add_origin(r, t, origin, err);
    if ((rc = trouble(r, t->id, rc, err)) == ERR_OK)
        rc = catalogue_protection_each(r->old, t->key, add_protection, &p, err);
    if ((rc = trouble(r, t->id, rc, err)) == ERR_OK)
        rc = catalogue_done_each(r->old, t->key, add_done, &p, err);
    if ((rc = trouble(r, t->id, rc, err)) == ERR_OK)
        rc = add_journey(&p, err);
    return trouble(r, t->id, rc, err);
}

/* ---- custodies of it ---- */

struct chain {
    struct reindex *r;
    const char *id;
    struct custody_chain chain;
};

static int check_line(void *arg, const char *line, struct err *err)
{
    struct chain *c = arg;
    int64_t before = c->chain.n;
    int rc = custody_next(&c->chain, line, strlen(line), err);
    if (rc == ERR_OK && (c->chain.n != before + 1 || strcmp(c->chain.id, c->id) != 0))
        rc = err_set(err, ERR_MALFORMED, "custody record of %s: its lines are out of order", c->id);
    return rc;
}

static int take_line(void *arg, const char *line, struct err *err)
{
    struct chain *c = arg;
    return catalogue_event_restore(c->r->made, c->id, line, err);
}

static int take_custody(void *arg, const char *id, int64_t lines, struct err *err)
{
    struct reindex *r = arg;
    struct chain c = {r, id, {.n = 0}};
    int rc = catalogue_event_each(r->old, id, check_line, &c, err);
    if (rc == ERR_OK && c.chain.n != lines)
        rc = err_set(err, ERR_MALFORMED, "custody record of %s: lines are missing", id);
    if (rc == ERR_OK)
        rc = catalogue_event_each(r->old, id, take_line, &c, err);
    r->out->custodies += rc == ERR_OK;
    return trouble(r, id, rc, err);
}

static int take_seen(void *arg, const struct catalogue_seen *s, struct err *err)
{
    struct reindex *r = arg;
    int rc = catalogue_seen_put(r->made, s, err);
    r->out->seen += rc == ERR_OK;
    return rc;
}

static int take_due(void *arg, const char *day, int64_t key, struct err *err)
{
    struct reindex *r = arg;
    return catalogue_due_add(r->made, day, key, err);
}

/* Custodies whose chain is whole, what is due, what was seen, and what was asked for. */
static int old_custodies(struct reindex *r, struct err *err)
{
    if (!r->old)
        return ERR_OK;
    int rc = catalogue_custody_each(r->old, take_custody, r, err);
    if (rc == ERR_OK)
        rc = catalogue_due_each(r->old, take_due, r, err);
    if ((rc = trouble(r, "the old catalogue", rc, err)) == ERR_OK)
        rc = catalogue_seen_each(r->old, take_seen, r, err);
    if ((rc = trouble(r, "the old catalogue", rc, err)) == ERR_OK)
        rc = requests_carry(r->old, r->made, err);
    if (rc == ERR_OK)
        rc = standing_carry(r->old, r->made, err);
    if ((rc = trouble(r, "the requests of the old catalogue", rc, err)) == ERR_OK)
        rc = review_carry(r->old, r->made, err);
    return trouble(r, "the vehicles of the old catalogue", rc, err);
}

/* ---- copies of it ---- */

struct wanted {
    struct catalogue_copy *copy;
    bool found;
};

static int find_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct wanted *w = arg;
    (void)err;
    if (strcmp(copy->path, w->copy->path) == 0 && strcmp(copy->sha256, w->copy->sha256) == 0) {
        *w->copy = *copy;
        w->found = true;
    }
    return ERR_OK;
}

/* The old row of a copy, if it is of this hash. */
static int old_copy(struct reindex *r, struct catalogue_copy *copy, bool *found, struct err *err)
{
    char id[CATALOGUE_ID_ROOM];
    struct catalogue_transfer t;
    struct wanted w = {copy, false};
    *found = false;
    if (!r->old)
        return ERR_OK;
    int rc = catalogue_copy_owner(r->old, copy->path, id, err);
    if (rc == ERR_OK && (rc = catalogue_transfer_get(r->old, id, &t, err)) == ERR_OK)
        rc = catalogue_copy_each(r->old, t.key, find_copy, &w, err);
    *found = w.found;
    return err_is_temporary(rc) ? rc : ERR_OK;
}

/* ---- masters ---- */

struct day {
    struct reindex *r;
    const char *day;
};

/* A deletion that a crash cut short, or a backup that is older than it, brings nothing back. */
static int was_deleted(struct reindex *r, const char *day, const struct raw_master *m, bool *out,
                       struct err *err)
{
    enum custody_kind last;
    *out = false;
    if (!m->sealed)
        return ERR_OK;
    int rc = catalogue_event_last(r->made, m->facts.id, &last, NULL, err);
    *out = rc == ERR_OK && last == CUSTODY_DELETED;
    return rc == ERR_OK && *out ? catalogue_due_add(r->made, day, m->key, err) : rc;
}

/* For the custody; empty: all is. */
static struct custody_list not_known(bool taken_over, bool no_origin)
{
    static const char lost[] = "connections\0protections\0stages done\0origin";
    const size_t origin = sizeof "origin";
    const char *from = taken_over ? lost + sizeof lost - origin : lost;
    size_t n = sizeof lost - (size_t)(from - lost);
    return (struct custody_list){from, no_origin ? n : n - origin};
}

static int enter(struct reindex *r, const struct catalogue_transfer *t, bool taken_over,
                 struct err *err)
{
    bool origin = false;
    int rc = catalogue_transfer_restore(r->made, t, err);
    if (rc == ERR_OK && taken_over)
        rc = old_parts(r, t, &origin, err);
    bool noted; /* before a line says that it was reindexed: the record is as it was taken over */
    if (rc == ERR_OK)
        rc = review_restore(r->made, t, &noted, err);
    if (rc < 0)
        return rc;
    bool no_origin = strcmp(t->source, "file") == 0 && !origin;
    r->out->no_origin += no_origin;
    const struct custody_what what = {.from = taken_over ? "the catalogue that was there"
                                                         : "the masters",
                                      .length_bytes = &t->length_bytes,
                                      .sha256 = t->sha256[0] ? t->sha256 : NULL,
                                      .state = catalogue_state_name(t->state),
                                      .not_known = not_known(taken_over, no_origin)};
    rc = intake_record(r->made, t, FACTS_WIRE | FACTS_ARRIVAL, "reindex", CUSTODY_REINDEXED, &what,
                       err);
    r->out->masters += rc == ERR_OK;
    return rc;
}

static int enter_master(void *arg, const struct raw_master *m, struct err *err)
{
    struct day *d = arg;
    struct catalogue_transfer t;
    char name[80];
    bool taken_over = false, deleted = false;
    bool partial = !m->sealed && !m->flaw;
    if (partial != d->r->partials)
        return ERR_OK;
    snprintf(name, sizeof name, "master %" PRId64 " in raw/%s.db", m->key, d->day);
    int rc = step(d->r, name, err);
    if (rc == ERR_OK && m->flaw)
        rc = err_set(err, ERR_MALFORMED, "%s", m->flaw);
    if (rc == ERR_OK)
        rc = old_row(d->r, d->day, m, &t, &taken_over, err);
    if (rc == ERR_OK && !taken_over)
        rc = was_deleted(d->r, d->day, m, &deleted, err);
    if (rc == ERR_OK && deleted)
        return ERR_OK;
    if (rc == ERR_OK && !taken_over)
        rc = intake_row_of(d->day, m, &t, err);
    if (rc == ERR_OK)
        rc = enter(d->r, &t, taken_over, err);
    return trouble(d->r, name, rc, err);
}

static int enter_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct day d = {arg, name};
    if (!is_day)
        return ERR_OK;
    int rc = raw_each(d.r->raw, name, enter_master, &d, err);
    return trouble(d.r, name, rc, err);
}

/* ---- copies ---- */

static int describe(struct reindex *r, const char *path, const struct stat *st, const char *kind,
                    struct catalogue_copy *copy, struct err *err)
{
    bool found = false;
    *copy = (struct catalogue_copy){.length_bytes = st->st_size,
                                    .made_us = (int64_t)st->st_mtim.tv_sec * 1000000 +
                                               st->st_mtim.tv_nsec / 1000};
    int n = snprintf(copy->path, sizeof copy->path, "%s", path);
    if (n >= (int)sizeof copy->path)
        return err_set(err, ERR_LIMIT, "its path is too long");
    snprintf(copy->kind, sizeof copy->kind, "%s", kind);
    snprintf(copy->tool, sizeof copy->tool, "unknown (reindexed)");
    snprintf(copy->settings, sizeof copy->settings, "{}");
    int rc = copies_hash_file(r->root, path, NULL, NULL, copy->sha256, err);
    return rc < 0 ? rc : old_copy(r, copy, &found, err);
}

static int enter_copy(struct reindex *r, const char *path, const struct stat *st, struct err *err)
{
    const char *kind;
    char id[CATALOGUE_ID_ROOM];
    struct catalogue_transfer t;
    struct catalogue_copy copy;
    if (!S_ISREG(st->st_mode) || !copies_parse_name(path, id, &kind))
        return err_set(err, ERR_UNSUPPORTED, "its name is none of a copy");
    int rc = catalogue_transfer_get(r->made, id, &t, err);
    if (rc == ERR_OK && (rc = describe(r, path, st, kind, &copy, err)) == ERR_OK)
        rc = catalogue_copy_put(r->made, t.key, &copy, err);
    bool whole =
        rc == ERR_OK && t.state == CATALOGUE_STORED && catalogue_copy_is_current(&t, &copy);
    if (whole && !t.published) { /* converted: it needs no job */
        t.published = true;
        rc = catalogue_transfer_update(r->made, &t, err);
    }
    r->out->copies += rc == ERR_OK;
    return rc;
}

static int look_at_file(void *arg, const char *path, const struct stat *st, struct err *err)
{
    struct reindex *r = arg;
    int rc = step(r, path, err);
    if (rc == ERR_OK)
        rc = enter_copy(r, path, st, err);
    return trouble(r, path, rc, err);
}

/* ---- jobs ---- */

struct stage {
    struct reindex *r;
    const char *name;
};

static int enter_failed(void *arg, const struct spool_found *job, struct err *err)
{
    const struct stage *s = arg;
    struct catalogue_transfer t;
    struct catalogue_trouble why = {.at_us = job->changed_us};
    char id[CATALOGUE_ID_ROOM];
    spool_transfer_of(job->job, id, sizeof id);
    int rc = catalogue_transfer_get(s->r->made, id, &t, err);
    text_shown(job->reason, why.why, sizeof why.why);
    if (rc == ERR_OK)
        rc = catalogue_trouble_note(s->r->made, t.key, s->name, &why, err);
    return err_is_temporary(rc) ? rc : ERR_OK; /* a job of nothing fsck tells */
}

static int skip_stage(void *arg, const char *stage, int rc, struct err *err)
{
    (void)stage;
    return trouble(arg, "spool", rc, err);
}

/* Which ones failed stands with them. */
static int enter_all_failed(struct reindex *r, struct err *err)
{
    struct spools spools;
    int rc = spools_open(&spools, r->root, skip_stage, r, err);
    for (size_t i = 0; rc == ERR_OK && i < spools.n; i++) {
        struct stage s = {r, spools.one[i].stage};
        rc = trouble(r, s.name,
                     spool_each(spools.one[i].spool, SPOOL_PLACE_FAILED, enter_failed, &s, err),
                     err);
    }
    spools_close(&spools);
    return rc;
}

/* ---- all of it ---- */

static int fill(struct reindex *r, struct err *err)
{
    int rc = catalogue_begin(r->made, err);
    if (rc < 0)
        return rc;
    rc = old_custodies(r, err);
    for (int i = 0; rc == ERR_OK && i < 2; i++) {
        r->partials = i == 1;
        rc = raw_days(r->raw, enter_day, r, err);
    }
    if (rc == ERR_OK)
        rc = copies_each(r->root, look_at_file, r, err);
    if (rc == ERR_OK)
        rc = enter_all_failed(r, err);
    return catalogue_end(r->made, rc, err);
}

/* The old one keeps a name of its own, and the new one gets its place by one rename. */
static int put_in_place(const char *root, const char *tmp, struct err *err)
{
    static const char *const with[] = {"-wal", "-shm"};
    char *from = NULL, *to = NULL, *before = NULL, when[CLOCK_TEXT_ROOM];
    clock_compact(clock_utc_us(), when);
    int rc = fsx_path(&from, err, "%s/catalogue.db", tmp);
    if (rc == ERR_OK && (rc = fsx_path(&to, err, "%s/catalogue.db", root)) == ERR_OK)
        rc = fsx_path(&before, err, "%s.before-%s", to, when);
    for (int i = 2; rc == ERR_OK && link(to, before) < 0 && errno != ENOENT; i++) {
        if (errno != EEXIST)
            rc = err_sys(err, "link %s to %s", to, before);
        free(before); /* another one of this second */
        before = NULL;
        if (rc == ERR_OK)
            rc = fsx_path(&before, err, "%s.before-%s-%d", to, when, i);
    }
    for (int i = 0; rc == ERR_OK && i < 2; i++) { /* left where the old one could not be closed */
        char *a = NULL, *b = NULL;
        rc = fsx_path(&a, err, "%s%s", to, with[i]);
        if (rc == ERR_OK)
            rc = fsx_path(&b, err, "%s%s", before, with[i]);
        if (rc == ERR_OK && rename(a, b) < 0 && errno != ENOENT)
            rc = err_sys(err, "rename %s to %s", a, b);
        free(a);
        free(b);
    }
    if (rc == ERR_OK && (rc = fsx_sync_file(from, err)) == ERR_OK)
        rc = fsx_rename(from, to, err);
    free(from);
    free(to);
    free(before);
    return rc < 0 ? rc : fsx_remove_tree(tmp, err);
}

/* Custodies and protections are nowhere else: a catalogue that a newer program reads is not to be
 * replaced by one without them. */
static int refuse_newer(const struct reindex *r, struct err *err)
{
    int64_t custodies = 0, protections = 0;
    struct err unimportant;
    char lost[96] = "custody records and protections";
    if (catalogue_count_newer(r->root, &custodies, &protections, &unimportant) == ERR_OK)
        snprintf(lost, sizeof lost, "%lld %s, %lld %s",
                 SIZE_COUNT(custodies, "custody record", "custody records"),
                 SIZE_COUNT(protections, "protection", "protections"));
    return err_set(err, ERR_UNSUPPORTED,
                   "%s/catalogue.db is of a newer version of dashspool: use that one; a catalogue "
                   "rebuilt by this one would lose %s",
                   r->root, lost);
}

/* Of a raw/ of another ROOT than what lies beside it no catalogue is made: it would say that all of
 * that is foreign. */
static int check_identity(const struct reindex *r, struct err *err)
{
    static const char *const beside[] = {"archive", "spool", "telemetry"};
    struct root_id id, other;
    int rc = root_read(r->root, "raw", &id, err);
    for (int i = 0; rc == ERR_OK && i < 3; i++) {
        rc = root_read(r->root, beside[i], &other, err);
        if (rc == ERR_OK && root_id_known(&id) && root_id_known(&other) &&
            !root_id_same(&id, &other))
            rc = err_set(err, ERR_FOREIGN,
                         "raw/ and %s/ of %s belong to different ROOTs: move away the foreign one "
                         "and put back this ROOT's own (cp -a BACKUP/raw %s/)",
                         beside[i], r->root, r->root);
    }
    return rc;
}

/* The new catalogue is of the same ROOT as the originals, or as the old one. */
static int set_identity(struct reindex *r, struct err *err)
{
    struct root_id id;
    int rc = root_read(r->root, "raw", &id, err);
    if (rc == ERR_OK && !root_id_known(&id) && r->old)
        rc = catalogue_root(r->old, &id, err);
    if (rc == ERR_OK && root_id_known(&id))
        rc = catalogue_set_root(r->made, &id, err);
    return rc;
}

/* No key that was ever given out is given out again. */
static int set_keys(struct reindex *r, struct err *err)
{
    int64_t top, given = 0;
    int rc = raw_highest_key(r->raw, NULL, &top, err);
    if (rc == ERR_OK && r->old)
        rc = trouble(r, "the old catalogue", catalogue_highest_key(r->old, &given, err), err);
    return rc < 0 ? rc : catalogue_keys_above(r->made, given > top ? given : top, err);
}

static int run(struct reindex *r, const char *tmp, struct err *err)
{
    struct err why;
    int rc = check_identity(r, err);
    if (rc == ERR_OK)
        rc = fsx_remove_tree(tmp, err); /* of one that was cut short */
    if (rc == ERR_OK && (rc = fsx_mkdirs(tmp, err)) == ERR_OK &&
        (rc = catalogue_open(&r->made, tmp, true, err)) == ERR_OK)
        rc = raw_open(&r->raw, r->root, err);
    if (rc < 0)
        return rc;
    rc = catalogue_open(&r->old, r->root, false, &why);
    if (rc == ERR_UNSUPPORTED)
        return refuse_newer(r, err);
    if (rc < 0 && rc != ERR_NOTFOUND)
        rc = trouble(r, "the old catalogue", rc, &why);
    if (rc < 0 && rc != ERR_NOTFOUND) {
        *err = why;
        return rc;
    }
    if ((rc = set_identity(r, err)) == ERR_OK && (rc = fill(r, err)) == ERR_OK &&
        (rc = set_keys(r, err)) == ERR_OK)
        rc = catalogue_settle(r->made, err);
    return rc == ERR_OK && r->old ? catalogue_settle(r->old, err) : rc;
}

int upkeep_reindex(const char *root, const struct upkeep_progress *progress,
                   struct upkeep_reindex_result *out, struct err *err)
{
    struct reindex r = {.root = root, .progress = progress, .out = out};
    char *tmp = NULL;
    int lock = -1;
    *out = (struct upkeep_reindex_result){0};
    if (site_used()) /* the new catalogue would be the site's own */
        return err_set(err, ERR_UNSUPPORTED,
                       "a site's catalogue is in its database, and cannot be rebuilt from its "
                       "objects yet; restore the database from its backup");
    int rc = root_check_whole(root, err);
    if (rc == ERR_OK && (rc = fsx_path(&tmp, err, "%s/.reindex", root)) == ERR_OK) {
        char *dir = NULL;
        rc = fsx_path(&dir, err, "%s/raw", root);
        if (rc == ERR_OK && (lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
            rc = err_sys(err, "open %s", dir);
        if (rc == ERR_OK && flock(lock, LOCK_EX | LOCK_NB) < 0)
            rc = errno == EWOULDBLOCK
                     ? err_set(err, ERR_BUSY, "%s is in use by a receiver; stop it first", root)
                     : err_sys(err, "lock %s", dir);
        free(dir);
    }
    if (rc == ERR_OK)
        rc = run(&r, tmp, err);
    raw_close(&r.raw);
    catalogue_close(&r.old);
    catalogue_close(&r.made);
    if (rc == ERR_OK)
        rc = put_in_place(root, tmp, err);
    if (lock >= 0)
        close(lock);
    free(tmp);
    return rc;
}
