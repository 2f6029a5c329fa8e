/* fsck: is everything there, and is it what it was? Masters, rows, copies, custody, files that
 * nobody knows, jobs: in this order. What is wrong is told, and never an error. */
#include "dashspool/bag.h"
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/custody.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/journey.h"
#include "dashspool/master.h"
#include "dashspool/raw.h"
#include "dashspool/records.h"
#include "dashspool/requests.h"
#include "dashspool/review.h"
#include "dashspool/site.h"
#include "dashspool/spool.h"
#include "dashspool/standing.h"
#include "dashspool/text.h"
#include "dashspool/upkeep.h"
#include "dashspool/user.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { UNJUDGED_REASONS = 4 }; /* master_judge() has three */

struct fsck {
    const char *root;
    bool quick, repair;
    const struct upkeep_listener *listener;
    struct upkeep_findings *out;
    struct catalogue *catalogue; /* NULL: it cannot be opened */
    struct raw *raw;
    const struct spools_known *stages;
    struct spools spools;
    int64_t all_bytes, done_bytes; /* for the progress */
    struct {
        char why[MASTER_WHY_ROOM];
        int64_t originals;
    } unjudged[UNJUDGED_REASONS];
};

const char *upkeep_part_name(enum upkeep_part part)
{
    static const char *const names[UPKEEP_N_PARTS] = {"catalogue", "master",  "copy", "custody",
                                                      "job",       "records", "file"};
    return names[part];
}

/* Tells a problem. */
DS_PRINTF(5, 6)
static void problem(struct fsck *f, enum upkeep_part part, const char *where, const char *advice,
                    const char *fmt, ...)
{
    char what[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    f->out->problems++;
    f->listener->problem(f->listener->arg, &(struct upkeep_problem){part, where, what, advice});
}

static void note(struct fsck *f, const char *where, const char *what)
{
    if (f->listener->note)
        f->listener->note(f->listener->arg, where, what);
}

/* For what failed: a permanent error is a problem (ERR_OK comes back), a temporary one ends it. */
static int check(struct fsck *f, enum upkeep_part part, const char *where, const char *advice,
                 int rc, const struct err *err)
{
    if (rc == ERR_OK || err_is_temporary(rc))
        return rc;
    problem(f, part, where, advice, "%s", err->text);
    return ERR_OK;
}

/* n more bytes were looked at. ERR_AGAIN: the listener has had enough. */
static int step(struct fsck *f, const char *where, int64_t n, struct err *err)
{
    f->done_bytes += n;
    double done = f->all_bytes > 0 ? (double)f->done_bytes / (double)f->all_bytes : 0;
    if (f->listener->progress &&
        !f->listener->progress(f->listener->arg, where, done < 1 ? done : 1))
        return err_set(err, ERR_AGAIN, "interrupted; the check is incomplete");
    return ERR_OK;
}

static const char restore_day[] = "restore that day's file from a backup, without its -journal";
static const char rebuild[] =
    "stop dashspool, then run 'dashspool reindex' to rebuild it; it keeps what can be read";

/* What a newer program wrote this one would lose; what is foreign its message tells how to replace.
 * An older catalogue alone is advice for neither. */
static const char *advice_for(int rc, const char *otherwise)
{
    return rc == ERR_UNSUPPORTED ? "use the newer version of dashspool; never 'dashspool reindex'"
           : rc == ERR_FOREIGN   ? "stop dashspool until what belongs to this ROOT is back"
                                 : otherwise;
}

struct day {
    struct fsck *f;
    const char *day;
    char file[RAW_DAY_ROOM + 8]; /* raw/<day>.db */
};

/* ---- masters: their bytes ---- */

struct reading {
    struct fsck *f;
    const char *where;
    struct hash *hash;
};

static int read_chunk(void *arg, const void *data, size_t n, struct err *err)
{
    struct reading *r = arg;
    hash_update(r->hash, data, n);
    r->f->out->hashed_bytes += (int64_t)n;
    return step(r->f, r->where, (int64_t)n, err);
}

static int hash_master(struct day *d, const struct raw_master *m, const char *where,
                       struct err *err)
{
    struct reading r = {d->f, where, NULL};
    uint8_t digest[HASH_BYTES];
    char found[HASH_HEX_ROOM], sealed[HASH_HEX_ROOM];
    int rc = hash_new(&r.hash, err);
    if (rc == ERR_OK && (rc = raw_copy(d->f->raw, d->day, m->key, read_chunk, &r, err)) == ERR_OK)
        rc = hash_final(r.hash, digest, err);
    hash_free(&r.hash);
    if (rc == ERR_OK && m->sealed && memcmp(digest, m->facts.sha256, HASH_BYTES) != 0) {
        hash_hex(digest, found);
        hash_hex(m->facts.sha256, sealed);
        problem(d->f, UPKEEP_MASTER, where, restore_day,
                "checksum mismatch: SHA-256 is %s, received as %s: it was changed", found, sealed);
    }
    if (rc == ERR_NOTFOUND)
        return ERR_OK; /* dropped meanwhile */
    return check(d->f, UPKEEP_MASTER, where, restore_day, rc, err);
}

/* ---- masters: their rows ---- */

struct due {
    int64_t key;
    bool found;
};

static int look_for_due(void *arg, const char *day, int64_t key, struct err *err)
{
    struct due *due = arg;
    (void)day;
    (void)err;
    due->found |= due->key == key;
    return ERR_OK;
}

static int tell_unknown(struct day *d, const struct raw_master *m, const char *where,
                        struct err *err)
{
    struct due due = {m->key, false};
    int64_t length;
    bool sealed;
    int rc = catalogue_due_each(d->f->catalogue, look_for_due, &due, err);
    if (rc == ERR_OK && !due.found) /* it may have gone between two looks */
        rc = raw_stat(d->f->raw, d->day, m->key, &length, &sealed, NULL, err);
    if (rc == ERR_OK && due.found)
        problem(d->f, UPKEEP_MASTER, where, "run 'dashspool sweep' to delete its bytes",
                "deleted, but its bytes still exist");
    else if (rc == ERR_OK)
        problem(d->f, UPKEEP_MASTER, where,
                m->owned ? "stop dashspool, then run 'dashspool reindex' to recover it"
                         : "nothing: nobody knows whose it is; nothing is ever added to it",
                "not in the catalogue (key %" PRId64 ")", m->key);
    return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? ERR_OK : rc;
}

static int judge_master(struct day *d, const struct raw_master *m,
                        const struct catalogue_transfer *t, const char *where, struct err *err)
{
    struct fsck *f = d->f;
    enum master_verdict verdict;
    char why[MASTER_WHY_ROOM];
    if (t->state == CATALOGUE_RECEIVING)
        return ERR_OK; /* it is written to */
    int rc = master_judge(f->catalogue, f->raw, t, m, &verdict, why, err);
    if (rc == ERR_OK && verdict == MASTER_MIXED)
        problem(
            f, UPKEEP_MASTER, where,
            "do not use it as evidence; the file on the camera's card, if it is still there, is "
            "the right one",
            "it may hold bytes of another transfer: %s", why);
    for (int i = 0; rc == ERR_OK && verdict == MASTER_UNKNOWN && i < UNJUDGED_REASONS; i++)
        if (!f->unjudged[i].why[0] || strcmp(f->unjudged[i].why, why) == 0) {
            snprintf(f->unjudged[i].why, sizeof f->unjudged[i].why, "%s", why);
            f->unjudged[i].originals++;
            f->out->unjudged++;
            break;
        }
    return err_is_temporary(rc) ? rc : ERR_OK; /* what cannot be read is told elsewhere */
}

/* How many, and why. */
static void tell_unjudged(struct fsck *f)
{
    char text[MASTER_WHY_ROOM + 160];
    for (int i = 0; i < UNJUDGED_REASONS && f->unjudged[i].why[0]; i++) {
        snprintf(text, sizeof text,
                 "%lld %s from before originals said whose they are: whether all bytes are their "
                 "own cannot be told (%s)",
                 SIZE_COUNT(f->unjudged[i].originals, "original", "originals"), f->unjudged[i].why);
        note(f, "raw", text);
    }
}

static int compare_row(struct day *d, const struct raw_master *m, char *where, size_t room,
                       struct err *err)
{
    struct catalogue_transfer t;
    bool found = false;
    if (!d->f->catalogue)
        return ERR_OK;
    int rc = catalogue_transfer_by_key(d->f->catalogue, m->key, &t, &found, err);
    if (rc == ERR_MALFORMED)
        return ERR_OK; /* the other side tells it */
    if (rc == ERR_OK && !found)
        return tell_unknown(d, m, where, err);
    if (rc == ERR_OK) /* its facts are compared with it row by row */
        snprintf(where, room, "%s in %s", t.id, d->file);
    return rc < 0 ? rc : judge_master(d, m, &t, where, err);
}

static int look_at_master(void *arg, const struct raw_master *m, struct err *err)
{
    struct day *d = arg;
    char where[256];
    d->f->out->masters++;
    if (m->sealed && !m->flaw && m->facts.id[0])
        snprintf(where, sizeof where, "%.96s in %s", m->facts.id, d->file);
    else
        snprintf(where, sizeof where, "master %" PRId64 " in %s", m->key, d->file);
    if (m->flaw) {
        problem(d->f, UPKEEP_MASTER, where, restore_day, "%s", m->flaw);
        return ERR_OK;
    }
    int rc = compare_row(d, m, where, sizeof where, err);
    if (rc == ERR_OK && d->f->quick)
        return step(d->f, where, m->length_bytes, err);
    return rc < 0 ? rc : hash_master(d, m, where, err);
}

/* ---- masters: the files of the days ---- */

static int tell_day_flaw(void *arg, const char *text, struct err *err)
{
    struct day *d = arg;
    (void)err;
    problem(d->f, UPKEEP_MASTER, d->file, restore_day, "%s", text);
    return ERR_OK;
}

/* SQLite's own check reads a whole file under one lock: a receiver would have to wait for it. Its
 * masters are read one by one in any case. */
static bool is_written_to(const char *day)
{
    char yesterday[RAW_DAY_ROOM];
    raw_day(clock_utc_us() - INT64_C(86400) * 1000000, yesterday);
    return strcmp(day, yesterday) >= 0;
}

static int look_at_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct day d = {.f = arg, .day = name};
    char file[300];
    if (!is_day) {
        snprintf(file, sizeof file, "raw/%s", name);
        problem(d.f, UPKEEP_FILE, file,
                strstr(name, ".db.smaller") ? "left over from a sweep; the next one deletes it"
                                            : "inspect it, then move it away",
                "unknown file");
        return ERR_OK;
    }
    snprintf(d.file, sizeof d.file, "raw/%s.db", name);
    int rc = d.f->quick || is_written_to(name) ? ERR_OK
                                               : raw_check(d.f->raw, name, tell_day_flaw, &d, err);
    if (rc == ERR_OK)
        rc = raw_each(d.f->raw, name, look_at_master, &d, err);
    return check(d.f, UPKEEP_MASTER, d.file, advice_for(rc, restore_day), rc, err);
}

/* ---- copies ---- */

static const char make_again[] =
    "move it away, then export or convert again, or restore it from a backup";

static int step_copy(void *arg, int64_t n, struct err *err)
{
    struct fsck *f = arg;
    f->out->hashed_bytes += n;
    return step(f, "copies", n, err);
}

static int compare_hash(struct fsck *f, const struct catalogue_copy *copy, struct err *err)
{
    char hex[HASH_HEX_ROOM];
    int rc = copies_hash(f->root, copy, step_copy, f, hex, err);
    if (rc == ERR_OK && strcmp(hex, copy->sha256) != 0)
        problem(f, UPKEEP_COPY, copy->path, make_again,
                "checksum mismatch: SHA-256 is %s, made as %s: it was changed", hex, copy->sha256);
    return check(f, UPKEEP_COPY, copy->path, make_again, rc, err);
}

struct copies {
    struct fsck *f;
    const char *id;
};

/* A copy's file against its row. */
static int look_at_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    const struct copies *c = arg;
    struct fsck *f = c->f;
    char *path = NULL;
    int64_t bytes = 0;
    f->out->copies++;
    int rc = copies_path(&path, f->root, copy->path, err);
    free(path);
    if (rc < 0)
        return check(f, UPKEEP_COPY, c->id, rebuild, rc, err);
    rc = copies_look(f->root, copy, &bytes, err);
    if (rc < 0 && rc != ERR_NOTFOUND && rc != ERR_MALFORMED)
        return rc;
    if (rc < 0) {
        problem(f, UPKEEP_COPY, copy->path, make_again, "%s",
                rc == ERR_NOTFOUND ? "missing" : err->text);
        rc = ERR_OK;
    } else if (bytes != copy->length_bytes)
        problem(f, UPKEEP_COPY, copy->path, make_again,
                "size mismatch: it has %" PRId64 " bytes, but %" PRId64
                " were made: it was changed",
                bytes, copy->length_bytes);
    else if (!f->quick)
        rc = compare_hash(f, copy, err);
    else
        rc = step(f, copy->path, copy->length_bytes, err);
    return rc;
}

/* ---- rows ---- */

/* Nothing brings it back but a backup; who knows that there is none says so with --repair, and the
 * receiver starts again. */
static int tell_missing(struct fsck *f, const struct catalogue_transfer *t, bool part,
                        struct err *err)
{
    int rc = ERR_OK;
    if (!part) /* else its facts tell */
        problem(f, UPKEEP_MASTER, t->id,
                f->repair ? restore_day
                          : "restore that day's file from a backup, without its -journal; if it is "
                            "lost, 'dashspool fsck "
                            "--repair' notes that in its custody record",
                "its bytes are not in raw/%s.db", t->day);
    if (!f->repair || t->state != CATALOGUE_STORED)
        return ERR_OK;
    if ((rc = intake_note_missing(f->catalogue, t->id, "fsck", err)) == ERR_OK)
        note(f, t->id, "its custody record says that its original is missing");
    return rc;
}

static int find_master(struct fsck *f, const struct catalogue_transfer *t, struct err *err)
{
    int64_t length;
    bool sealed = false;
    if (t->state == CATALOGUE_RECEIVING)
        return ERR_OK; /* nothing may have come yet */
    int rc = raw_stat(f->raw, t->day, t->key, &length, &sealed, NULL, err);
    const bool part = rc == ERR_OK && !sealed && t->state == CATALOGUE_STORED;
    if (rc == ERR_NOTFOUND || part) {
        bool found = false;
        struct catalogue_transfer again;
        rc = catalogue_transfer_by_key(f->catalogue, t->key, &again, &found, err);
        if (rc == ERR_OK && found) /* else it was deleted between two looks */
            rc = tell_missing(f, t, part, err);
    }
    return rc == ERR_MALFORMED ? ERR_OK /* the other side tells it */ : rc;
}

/* ---- rows: their facts ---- */

struct facts {
    struct fsck *f;
    const char *id;
};

static int tell_difference(void *arg, bool is_note, const char *text, struct err *err)
{
    const struct facts *facts = arg;
    (void)err;
    if (is_note)
        note(facts->f, facts->id, text);
    else
        problem(facts->f, UPKEEP_CATALOGUE, facts->id,
                facts->f->repair ? "its sources do not agree, or hold nothing to repair it from; "
                                   "restore the one that was changed from a backup"
                                 : "run 'dashspool fsck --repair' to restore it from its sources, "
                                   "if they agree",
                "%s", text);
    return ERR_OK;
}

/* Compared with what they are from; before that, if wanted, made that. */
static int check_facts(struct fsck *f, const struct catalogue_transfer *t, struct err *err)
{
    struct facts facts = {f, t->id};
    char text[80];
    int changed = 0, rc = ERR_OK;
    if (f->repair)
        rc = facts_repair(f->catalogue, f->raw, t->key,
                          "dashspool " DASHSPOOL_VERSION " fsck --repair", &changed, err);
    bool noted = false;
    if (rc == ERR_OK && f->repair)
        rc = review_restore(f->catalogue, t, &noted, err);
    bool hidden = false;
    if (rc == ERR_OK && f->repair && (rc = journey_hides(f->catalogue, t, &hidden, err)) == ERR_OK)
        rc = catalogue_private_put(f->catalogue, t->key, hidden, err);
    if (rc == ERR_OK && noted) {
        note(f, t->id, "repaired: what people noted of it is what its custody record says");
        f->out->repaired++;
    }
    if (rc == ERR_OK && changed > 0) {
        snprintf(text, sizeof text, "repaired: %lld %s; see its custody record",
                 SIZE_COUNT(changed, "fact", "facts"));
        note(f, t->id, text);
        f->out->repaired++;
    }
    if (rc == ERR_OK)
        rc = facts_check(f->catalogue, f->raw, t->key, tell_difference, &facts, err);
    if (rc == ERR_OK)
        rc = journey_check(f->catalogue, t, tell_difference, &facts, err);
    if (rc == ERR_OK)
        rc = review_check(f->catalogue, t, tell_difference, &facts, err);
    return rc == ERR_MALFORMED ? ERR_OK /* the other sides tell it */ : rc;
}

static int look_at_row(void *arg, int64_t key, struct err *err)
{
    struct fsck *f = arg;
    struct catalogue_transfer t;
    bool found = false;
    char where[40];
    snprintf(where, sizeof where, "transfer %" PRId64, key);
    int rc = catalogue_transfer_by_key(f->catalogue, key, &t, &found, err);
    if (rc < 0)
        return check(f, UPKEEP_CATALOGUE, where, rebuild, rc, err);
    if (!found)
        return ERR_OK;
    struct copies copies = {f, t.id};
    if ((rc = find_master(f, &t, err)) == ERR_OK)
        rc = check_facts(f, &t, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_each(f->catalogue, key, look_at_copy, &copies, err);
    return check(f, UPKEEP_COPY, t.id, rebuild, rc, err);
}

static int check_transfers(struct fsck *f, struct err *err)
{
    int rc = catalogue_key_each(f->catalogue, look_at_row, f, err);
    return check(f, UPKEEP_CATALOGUE, "catalogue.db", rebuild, rc, err);
}

/* ---- custody ---- */

static const char broken[] =
    "preserve this ROOT unchanged; exported packages hold the record as it was then";

struct life {
    struct custody_chain chain;
    struct err broken; /* code 0: it is not */
};

static int add_line(void *arg, const char *line, struct err *err)
{
    struct life *l = arg;
    (void)err;
    if (l->broken.code < 0)
        return ERR_OK;
    int64_t before = l->chain.n;
    struct err why = {0};
    if (custody_next(&l->chain, line, strlen(line), &why) < 0)
        l->broken = why;
    else if (l->chain.n != before + 1)
        err_set(&l->broken, ERR_MALFORMED, "its line %" PRId64 " says that it is line %" PRId64,
                before + 1, l->chain.n);
    return ERR_OK;
}

/* What the custody says, and what there is. */
static int compare_custody(struct fsck *f, const char *id, int64_t lines, const struct life *l,
                           struct err *err)
{
    struct catalogue_transfer t;
    const char *wrong = l->broken.code < 0             ? l->broken.text
                        : lines != l->chain.n          ? "lines are missing"
                        : strcmp(l->chain.id, id) != 0 ? "its lines belong to another transfer"
                                                       : NULL;
    if (wrong) {
        problem(f, UPKEEP_CUSTODY, id, broken, "%s", wrong);
        return ERR_OK;
    }
    bool deleted = l->chain.kind == CUSTODY_DELETED;
    int rc = catalogue_transfer_get(f->catalogue, id, &t, err);
    if (rc == ERR_NOTFOUND && !deleted)
        problem(f, UPKEEP_CUSTODY, id, "'dashspool reindex', if its master is there",
                "transfer missing, and its custody record does not show a deletion");
    return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? ERR_OK : rc;
}

static int look_at_custody(void *arg, const char *id, int64_t lines, struct err *err)
{
    struct fsck *f = arg;
    struct life life = {.chain = {.n = 0}};
    f->out->custodies++;
    int rc = step(f, id, 0, err);
    if (rc == ERR_OK)
        rc = catalogue_event_each(f->catalogue, id, add_line, &life, err);
    if (rc == ERR_OK)
        rc = compare_custody(f, id, lines, &life, err);
    return check(f, UPKEEP_CUSTODY, id, broken, rc, err);
}

static int check_custodies(struct fsck *f, struct err *err)
{
    int rc = catalogue_custody_each(f->catalogue, look_at_custody, f, err);
    return check(f, UPKEEP_CUSTODY, "catalogue.db", rebuild, rc, err);
}

/* ---- what was asked for ---- */

static int no_event(void *arg, const struct requests_event *e, struct err *err)
{
    (void)arg, (void)e, (void)err;
    return ERR_OK;
}

static int no_file(void *arg, const struct requests_file *file, struct err *err)
{
    (void)arg, (void)file, (void)err;
    return ERR_OK;
}

static int look_at_request(void *arg, const struct requests_request *r, struct err *err)
{
    const struct fsck *f = arg;
    int rc = requests_event_each(f->catalogue, r->id, no_event, NULL, err);
    return rc < 0 ? rc : requests_file_each(f->catalogue, r->id, no_file, NULL, err);
}

/* Reading one judges it. They are no evidence: that is in the custody of what fulfils them. */
static int check_requests(struct fsck *f, struct err *err)
{
    static const char advice[] =
        "restore catalogue.db from a backup of the same time as raw/; other requests and "
        "all recordings are not affected";
    int rc = requests_each(f->catalogue, &(struct requests_filter){0}, look_at_request, f, err);
    rc = check(f, UPKEEP_CATALOGUE, "catalogue.db", advice, rc, err);
    return rc < 0 ? rc
                  : check(f, UPKEEP_CATALOGUE, "catalogue.db", advice,
                          standing_check(f->catalogue, err), err);
}

/* ---- files that nobody knows ---- */

/* The name begins with an id: a worker may be about to record it. */
static bool is_being_made(const struct fsck *f, const char *path)
{
    char id[CATALOGUE_ID_ROOM];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct spools_found jobs;
    struct err no_job;
    size_t n = strcspn(name, ".");
    if (n >= sizeof id)
        return false;
    snprintf(id, sizeof id, "%.*s", (int)n, name);
    return spools_find(&f->spools, id, &jobs, &no_job) == ERR_OK && jobs.claimed;
}

static int look_at_file(void *arg, const char *path, const struct stat *st, struct err *err)
{
    struct fsck *f = arg;
    char id[CATALOGUE_ID_ROOM];
    int rc = catalogue_copy_owner(f->catalogue, path, id, err);
    if (rc != ERR_NOTFOUND)
        return rc == ERR_MALFORMED ? ERR_OK : rc;
    if (!is_being_made(f, path))
        problem(f, UPKEEP_FILE, path,
                S_ISREG(st->st_mode) ? "delete it, or 'dashspool reindex' enters it"
                                     : "move it away",
                "not in the catalogue");
    return ERR_OK;
}

static int check_files(struct fsck *f, struct err *err)
{
    int rc = copies_each(f->root, look_at_file, f, err);
    return check(f, UPKEEP_FILE, "archive", "inspect what is there", rc, err);
}

/* ---- what was killed ---- */

struct leaving {
    struct fsck *f;
    const char *in; /* below ROOT; "" ROOT itself */
    const char *what, *advice;
};

static void tell_left(void *arg, const char *name)
{
    const struct leaving *l = arg;
    char where[600];
    snprintf(where, sizeof where, "%s%s", l->in, name);
    problem(l->f, UPKEEP_FILE, where, l->advice, "%s", l->what);
}

static int check_left(struct fsck *f, struct err *err)
{
    struct leaving original = {f, "", "left by a process that was killed; may hold an original",
                               "the next 'dashspool work' or 'dashspool export' deletes it"},
                   package = {f, "packages/", "a package that was never finished",
                              "the next package that is made there deletes it"};
    char *packages = NULL;
    int rc = workdir_each_left(f->root, MASTER_STAGE, tell_left, &original, err);
    if (rc == ERR_OK && (rc = fsx_path(&packages, err, "%s/packages", f->root)) == ERR_OK)
        rc = workdir_each_left(packages, BAG_UNFINISHED, tell_left, &package, err);
    free(packages);
    return check(f, UPKEEP_FILE, ".", "inspect what is there", rc, err);
}

/* ---- jobs ---- */

static int tell_bad(void *arg, const char *stage, int rc, struct err *err)
{
    char where[SPOOL_NAME_ROOM + 16];
    snprintf(where, sizeof where, "spool/%s", stage);
    return check(arg, UPKEEP_JOB, where, "inspect what is there", rc, err);
}

struct stage {
    struct fsck *f;
    const char *name;
    struct spool *spool;
    enum spool_place place;
};

/* What lists say of a job that failed: noted when it did (worker.c), but for an older version. */
static int note_failed(const struct stage *s, const struct spool_found *job, int64_t key,
                       struct err *err)
{
    struct catalogue_trouble t;
    bool found = false;
    int rc = catalogue_trouble_get(s->f->catalogue, key, s->name, &t, &found, err);
    if (rc == ERR_MALFORMED)
        found = false;
    else if (rc < 0 || found)
        return rc;
    t.at_us = job->changed_us;
    text_shown(job->reason, t.why, sizeof t.why);
    return catalogue_trouble_note(s->f->catalogue, key, s->name, &t, err);
}

static int look_at_job(void *arg, const struct spool_found *job, struct err *err)
{
    struct stage *s = arg;
    struct catalogue_transfer t;
    char where[300], id[CATALOGUE_ID_ROOM];
    s->f->out->jobs++;
    spool_transfer_of(job->job, id, sizeof id);
    int rc = catalogue_transfer_get(s->f->catalogue, id, &t, err);
    if (rc == ERR_NOTFOUND) {
        snprintf(where, sizeof where, "spool/%s: %s", s->name, job->job);
        problem(s->f, UPKEEP_JOB, where,
                "run 'dashspool work', which moves it to failed, then drop it", "no such transfer");
    } else if (rc == ERR_OK && s->f->repair)
        rc = s->place == SPOOL_PLACE_FAILED
                 ? note_failed(s, job, t.key, err)
                 : catalogue_trouble_over(s->f->catalogue, t.key, s->name, err);
    return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? ERR_OK : rc;
}

/* A worker of the stage would have given it back. */
static int look_at_claim(void *arg, const struct spool_sight *job, struct err *err)
{
    const struct stage *s = arg;
    char where[300], advice[300];
    if (job->place != SPOOL_PLACE_CLAIMED || !job->expired)
        return ERR_OK;
    snprintf(where, sizeof where, "spool/%s: %s", s->name, job->job);
    snprintf(
        advice, sizeof advice,
        "start 'dashspool work --stage %.64s', or run 'dashspool fsck --repair', which gives it "
        "back",
        s->name);
    problem(s->f, UPKEEP_JOB, where, advice,
            "node %s, process %d, has not been heard of, and its lease is over", job->owner,
            job->pid);
    if (!s->f->repair)
        return ERR_OK;
    int rc = spool_reclaim(s->spool, job->job, err);
    return rc == ERR_NOTFOUND || rc == ERR_BUSY ? ERR_OK : rc;
}

static int look_at_stage(struct fsck *f, const struct spools_one *one, struct err *err)
{
    struct stage stage = {.f = f, .name = one->stage, .spool = one->spool};
    char where[SPOOL_NAME_ROOM + 16];
    int64_t before = f->out->jobs;
    int rc = ERR_OK;
    for (enum spool_place p = SPOOL_PLACE_READY; rc == ERR_OK && p <= SPOOL_PLACE_FAILED; p++) {
        stage.place = p;
        rc = spool_each(one->spool, p, look_at_job, &stage, err);
    }
    if (rc == ERR_OK)
        rc = spool_survey(f->root, one->stage, INT64_MAX, look_at_claim, &stage, err);
    snprintf(where, sizeof where, "spool/%s", one->stage);
    if (f->out->jobs > before && !spools_configured(f->stages, one->stage))
        problem(f, UPKEEP_JOB, where, "restore the stage in pipeline.d, or delete that directory",
                "%lld %s of a stage that is not in the settings: nothing processes them",
                SIZE_COUNT(f->out->jobs - before, "job", "jobs"));
    return check(f, UPKEEP_JOB, where, "inspect what is there", rc, err);
}

/* A transfer that has neither job nor copies, and never had copies; or (stage) a job that is missed
 * there. */
static int look_at_lost(void *arg, const struct catalogue_transfer *t, const char *stage,
                        struct err *err)
{
    struct fsck *f = arg;
    char text[SPOOL_NAME_ROOM + 80];
    if (!f->repair && stage)
        problem(f, UPKEEP_JOB, t->id, "run 'dashspool fsck --repair' to queue it",
                "not done by stage %s, which has no job of it: its job was lost", stage);
    else if (!f->repair && t->published)
        problem(f, UPKEEP_JOB, t->id, "run 'dashspool fsck --repair' to queue it",
                "stored, but it has neither a job nor copies: its job was lost");
    else if (!f->repair) /* of a backup, say */
        note(f, t->id, "stored, but not queued yet: the receiver's next start does it");
    if (!f->repair)
        return ERR_OK;
    if (stage)
        snprintf(text, sizeof text, "queued for stage %s, whose job of it was lost", stage);
    else
        snprintf(text, sizeof text, "to be queued: it had neither a job nor copies");
    int rc = intake_put_lost(f->catalogue, f->root, t, stage, err);
    if (rc == ERR_OK) {
        note(f, t->id, text);
        f->out->repaired++;
    }
    return rc;
}

static int check_lost(struct fsck *f, struct err *err)
{
    struct intake_feeds feeds;
    int64_t before = f->out->repaired;
    const char *const *names = f->stages ? f->stages->feeds : NULL;
    int rc = intake_lost_each(f->catalogue, &f->spools, f->stages, look_at_lost, f, err);
    if (rc == ERR_OK && f->out->repaired > before &&
        (rc = intake_feeds_open(&feeds, f->root, names, names ? f->stages->n_feeds : 0, err)) ==
            ERR_OK) {
        rc = intake_publish_late(f->catalogue, &feeds, "fsck", NULL, err);
        intake_feeds_close(&feeds);
    }
    return check(f, UPKEEP_JOB, "spool", "inspect what is there", rc, err);
}

/* ---- what trackers said ---- */

struct records_look {
    struct fsck *f;
    struct records *records;
    char file[300];
};

static int tell_record_flaw(void *arg, const char *text, struct err *err)
{
    struct records_look *l = arg;
    (void)err;
    problem(l->f, UPKEEP_RECORDS, l->file,
            "put this file back from a backup, then run 'dashspool fsck --repair', which joins its "
            "records with footage; or leave it: what is whole in it is used, and it goes when its "
            "time is over",
            "%s", text);
    return ERR_OK;
}

static int look_at_records(void *arg, const char *name, bool is_ours, struct err *err)
{
    struct records_look *l = arg;
    struct records_sum sum;
    const bool aside = strstr(name, ".aside-") != NULL;
    snprintf(l->file, sizeof l->file, RECORDS_DIR "/%.250s%s", name, is_ours ? ".db" : "");
    if (!is_ours) {
        problem(l->f, aside ? UPKEEP_RECORDS : UPKEEP_FILE, l->file,
                aside ? "put the day's file of this ROOT back from a backup, if it is missing, and "
                        "run 'dashspool fsck --repair', which joins its records with footage; "
                        "then move this one away, or delete it"
                      : "inspect it, then move it away",
                aside ? "was set aside: it is broken, or of another ROOT" : "unknown file");
        return ERR_OK;
    }
    if (l->f->quick)
        return ERR_OK;
    int rc = records_check(l->records, name, tell_record_flaw, l, &sum, err);
    l->f->out->records += rc == ERR_OK ? sum.records : 0;
    return rc == ERR_NOTFOUND ? ERR_OK /* deleted meanwhile */
                              : check(l->f, UPKEEP_RECORDS, l->file, "try again", rc, err);
}

static int check_records(struct fsck *f, struct err *err)
{
    struct records_look l = {.f = f};
    int rc = records_open(&l.records, f->root, RECORDS_READ, err);
    if (rc == ERR_OK)
        rc = records_files(l.records, look_at_records, &l, err);
    records_close(&l.records);
    return check(f, UPKEEP_RECORDS, RECORDS_DIR, "inspect what is there", rc, err);
}

/* ---- all of it ---- */

static int tell_flaw(void *arg, const char *text, struct err *err)
{
    (void)err;
    problem(arg, UPKEEP_CATALOGUE, "catalogue.db", rebuild, "%s", text);
    return ERR_OK;
}

/* Without a catalogue the masters can still be looked at. */
static int open_catalogue(struct fsck *f, struct err *err)
{
    struct catalogue_counts n = {0};
    int64_t copies = 0, copy_bytes = 0;
    int rc = catalogue_open(&f->catalogue, f->root, false, err);
    rc = check(f, UPKEEP_CATALOGUE, "catalogue.db",
               advice_for(rc, "stop dashspool, then put back the one of the same time as raw/, or "
                              "run 'dashspool reindex' to rebuild it from the originals"),
               rc, err);
    if (rc < 0 || !f->catalogue)
        return rc;
    if ((rc = catalogue_check(f->catalogue, f->quick, tell_flaw, f, err)) < 0)
        return rc;
    rc = catalogue_count(f->catalogue, &n, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_count(f->catalogue, &copies, &copy_bytes, err);
    f->all_bytes = n.bytes + copy_bytes;
    return err_is_temporary(rc) ? rc : ERR_OK; /* what is malformed was told above */
}

static void tell_barred(void *arg, const struct user_barred *barred)
{
    problem(arg, UPKEEP_FILE, barred->name, barred->advice, "%s", barred->what);
}

static int look(struct fsck *f, struct err *err)
{
    user_each_barred(f->root, tell_barred, f);
    int rc = open_catalogue(f, err);
    if (rc == ERR_OK && (rc = raw_open(&f->raw, f->root, err)) == ERR_OK)
        rc = raw_days(f->raw, look_at_day, f, err);
    if (rc == ERR_OK)
        tell_unjudged(f);
    if (rc == ERR_OK && f->catalogue)
        rc = check_transfers(f, err);
    if (rc == ERR_OK && f->catalogue)
        rc = check_custodies(f, err);
    if (rc == ERR_OK && f->catalogue)
        rc = check_requests(f, err);
    int64_t before = f->out->problems;
    if (rc == ERR_OK && f->catalogue)
        rc = spools_open(&f->spools, f->root, tell_bad, f, err);
    bool all_spools = f->out->problems == before;
    if (rc == ERR_OK && f->catalogue)
        rc = check_files(f, err);
    if (rc == ERR_OK)
        rc = check_left(f, err);
    if (rc == ERR_OK)
        rc = check_records(f, err);
    for (size_t i = 0; rc == ERR_OK && f->catalogue && i < f->spools.n; i++)
        rc = look_at_stage(f, &f->spools.one[i], err);
    if (rc == ERR_OK && f->catalogue && f->repair) /* what lists show is made of all that */
        rc = check(f, UPKEEP_CATALOGUE, "catalogue.db", rebuild, review_rebuild(f->catalogue, err),
                   err);
    if (rc == ERR_OK && f->catalogue && all_spools) /* else one may lie where nobody can look */
        rc = check_lost(f, err);
    return rc;
}

/* For `status`. One that cannot be noted is told, and is as good. */
static int note_result(struct fsck *f, struct err *err)
{
    const struct upkeep_findings *n = f->out;
    struct catalogue_upkeep u = {.at_us = clock_utc_us(), .ok = n->problems == 0};
    if (!f->catalogue)
        return ERR_OK;
    snprintf(u.text, sizeof u.text, "%lld %s; %lld %s, %lld %s, %lld custody %s, %lld %s%s",
             SIZE_COUNT(n->problems, "problem", "problems"),
             SIZE_COUNT(n->masters, "original", "originals"),
             SIZE_COUNT(n->copies, "copy", "copies"), SIZE_COUNT(n->custodies, "record", "records"),
             SIZE_COUNT(n->jobs, "job", "jobs"), f->quick ? "; contents not read" : "");
    int rc = catalogue_upkeep_note(f->catalogue, "fsck", &u, err);
    const struct catalogue_upkeep all_noted = {.at_us = u.at_us, .ok = true};
    if (rc == ERR_OK && f->repair)
        rc = catalogue_upkeep_note(f->catalogue, CATALOGUE_MISSING_DAYS, &all_noted, err);
    if (rc < 0 && rc != ERR_NOMEM && f->listener->note)
        f->listener->note(f->listener->arg, "catalogue.db",
                          "'dashspool status' does not know of this check: it cannot be noted");
    return rc == ERR_NOMEM ? rc : ERR_OK;
}

static int is_there(const char *root, const char *name, bool *out, struct err *err)
{
    struct stat st;
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/%s", root, name);
    *out = rc == ERR_OK && stat(path, &st) == 0;
    if (rc == ERR_OK && !*out && errno != ENOENT && errno != ENOTDIR)
        rc = err_sys(err, "open %s", path);
    free(path);
    return rc;
}

int upkeep_fsck(const char *root, unsigned how, const struct spools_known *stages,
                const struct upkeep_listener *listener, struct upkeep_findings *out,
                struct err *err)
{
    struct fsck f = {.root = root,
                     .quick = how & UPKEEP_QUICK,
                     .repair = how & UPKEEP_REPAIR,
                     .stages = stages,
                     .listener = listener,
                     .out = out};
    bool is_root = site_used() != NULL; /* whose rows and bytes are elsewhere */
    *out = (struct upkeep_findings){0};
    int rc = is_root ? ERR_OK : is_there(root, "catalogue.db", &is_root, err);
    if (rc == ERR_OK && !is_root)
        rc = is_there(root, "raw", &is_root, err);
    if (rc == ERR_OK && !is_root)
        rc = err_set(
            err, ERR_NOTFOUND,
            "%s contains neither catalogue.db nor raw/; give the right directory with --root",
            root);
    if (rc == ERR_OK)
        rc = look(&f, err);
    if (rc == ERR_OK)
        rc = note_result(&f, err);
    spools_close(&f.spools);
    raw_close(&f.raw);
    catalogue_close(&f.catalogue);
    if (rc < 0)
        catalogue_upkeep_failed(root, "fsck", err);
    return rc;
}
