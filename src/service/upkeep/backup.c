/* backup: the catalogue as of one moment, then what it names. */
#define _DEFAULT_SOURCE /* st_mtim */
#include "dashspool/buf.h"
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/people.h"
#include "dashspool/raw.h"
#include "dashspool/records.h"
#include "dashspool/root.h"
#include "dashspool/site.h"
#include "dashspool/text.h"
#include "dashspool/upkeep.h"
#include "settings.h"
#include "target.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct backup {
    const char *root, *dir;
    const struct upkeep_settings *settings;
    const struct upkeep_progress *progress;
    struct upkeep_backup_result *out;
    struct target target;
    struct catalogue *snapshot; /* of the catalogue, in the backup */
    struct raw *from, *to;
    int64_t now_us, all_bytes, done_bytes;
};

/* n more bytes are through. ERR_AGAIN: the listener has had enough. */
static int step(struct backup *b, const char *where, int64_t n, struct err *err)
{
    b->done_bytes += n;
    double done = b->all_bytes > 0 ? (double)b->done_bytes / (double)b->all_bytes : 1;
    if (b->progress->progress &&
        !b->progress->progress(b->progress->arg, where, done < 1 ? done : 1))
        return err_set(err, ERR_AGAIN, "interrupted; the backup is incomplete, run it again");
    return ERR_OK;
}

/* A permanent error is told (ERR_OK comes back), a temporary one ends it. */
static int trouble(struct backup *b, const char *where, int rc, const struct err *err)
{
    if (rc == ERR_OK || err_is_temporary(rc))
        return rc;
    b->out->troubles++;
    b->progress->trouble(b->progress->arg, where, err->text);
    return ERR_OK;
}

/* Whether there is a file of this length and time at `path` already. */
static bool has(const char *path, const struct stat *like)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == like->st_size &&
           st.st_mtim.tv_sec == like->st_mtim.tv_sec && st.st_mtim.tv_nsec == like->st_mtim.tv_nsec;
}

/* ---- masters ----
 *
 * Days that are over as files, the others master by master: their files change with each commit of
 * a receiver. */

/* With the time of the original: so the next backup knows that it is the same. */
static int put_in_place(const char *part, const char *to, const struct stat *like, struct err *err)
{
    const struct timespec times[2] = {like->st_atim, like->st_mtim};
    int rc = ERR_OK, fd = open(part, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", part);
    if (futimens(fd, times) < 0 || fsync(fd) < 0)
        rc = err_sys(err, "fsync %s", part);
    close(fd);
    return rc < 0 ? rc : fsx_rename(part, to, err);
}

static int back_up_file(struct backup *b, const char *day, struct err *err)
{
    char *from = NULL, *to = NULL, *part = NULL;
    struct stat st = {0};
    int rc = fsx_path(&from, err, "%s/raw/%s.db", b->root, day);
    if (rc == ERR_OK && (rc = fsx_path(&to, err, "%s/raw/%s.db", b->dir, day)) == ERR_OK)
        rc = fsx_path(&part, err, "%s/unfinished/%s.db", b->dir, day);
    if (rc == ERR_OK && stat(from, &st) < 0)
        rc = err_sys(err, "look at %s", from);
    if (rc == ERR_OK && has(to, &st)) {
        b->out->kept++;
    } else if (rc == ERR_OK) {
        rc = raw_backup(b->from, day, part, err);
        if (rc == ERR_OK)
            rc = put_in_place(part, to, &st, err);
        b->out->days += rc == ERR_OK;
        b->out->bytes += rc == ERR_OK ? st.st_size : 0;
    }
    free(from);
    free(to);
    free(part);
    return rc < 0 ? rc : step(b, day, st.st_size, err);
}

struct day {
    struct backup *b;
    const char *day;
    int64_t key, at;
    const struct raw_facts *whose;
    struct hash *hash;
};

static int copy_chunk(void *arg, const void *data, size_t n, struct err *err)
{
    struct day *d = arg;
    int rc = raw_append(d->b->to, d->day, d->key, d->whose, d->at, data, n, err);
    d->at += (int64_t)n;
    hash_update(d->hash, data, n);
    return rc < 0 ? rc : step(d->b, d->day, (int64_t)n, err);
}

/* What an earlier backup has of it: all, or it is copied anew. */
static int is_there(struct backup *b, const char *day, const struct raw_master *m, bool *out,
                    struct err *err)
{
    int64_t length;
    bool sealed;
    uint8_t sha256[HASH_BYTES];
    int rc = raw_stat(b->to, day, m->key, &length, &sealed, sha256, err);
    *out = rc == ERR_OK && sealed == m->sealed && length == m->length_bytes &&
           (!sealed || memcmp(sha256, m->facts.sha256, HASH_BYTES) == 0);
    return err_is_temporary(rc) ? rc : ERR_OK;
}

static int copy_master(struct day *d, const struct raw_master *m, struct err *err)
{
    struct backup *b = d->b;
    uint8_t digest[HASH_BYTES] = {0};
    int rc = hash_new(&d->hash, err);
    if (rc == ERR_OK && (rc = raw_drop(b->to, d->day, m->key, err)) == ERR_OK)
        rc = raw_copy(b->from, d->day, m->key, copy_chunk, d, err);
    if (rc == ERR_OK)
        rc = hash_final(d->hash, digest, err);
    hash_free(&d->hash);
    if (rc == ERR_OK && m->sealed)
        rc = raw_seal(b->to, d->day, m->key, &m->facts, err);
    rc = raw_end(b->to, rc, err);
    b->out->masters += rc == ERR_OK;
    b->out->bytes += d->at;
    if (rc == ERR_OK && m->sealed && memcmp(digest, m->facts.sha256, HASH_BYTES) != 0)
        rc = err_set(err, ERR_MALFORMED,
                     "its bytes are not those that were received: they were changed");
    return rc;
}

/* Those that the snapshot knows: what came later belongs to the next backup. */
static int back_up_master(void *arg, const struct raw_master *m, struct err *err)
{
    struct day *d = arg;
    struct catalogue_transfer t;
    char name[80];
    bool found = false, there = false;
    snprintf(name, sizeof name, "master %" PRId64 " of %s", m->key, d->day);
    int rc = catalogue_transfer_by_key(d->b->snapshot, m->key, &t, &found, err);
    if (rc == ERR_OK && !found)
        return ERR_OK;
    if (rc == ERR_OK && m->flaw)
        rc = err_set(err, ERR_MALFORMED, "%s", m->flaw);
    if (rc == ERR_OK)
        rc = is_there(d->b, d->day, m, &there, err);
    d->key = m->key;
    d->at = 0;
    d->whose = m->owned ? &m->facts : NULL;
    if (rc == ERR_OK && there)
        rc = step(d->b, name, m->length_bytes, err);
    else if (rc == ERR_OK)
        rc = copy_master(d, m, err);
    return trouble(d->b, name, rc, err);
}

static int back_up_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct backup *b = arg;
    struct day d = {.b = b, .day = name};
    char yesterday[RAW_DAY_ROOM];
    if (!is_day)
        return ERR_OK;
    raw_day(b->now_us - INT64_C(86400) * 1000000, yesterday);
    int rc = strcmp(name, yesterday) < 0 ? back_up_file(b, name, err)
                                         : raw_each(b->from, name, back_up_master, &d, err);
    return rc == ERR_NOTFOUND ? ERR_OK /* deleted meanwhile */ : trouble(b, name, rc, err);
}

/* ---- what trackers said ----
 *
 * File by file, those that changed since the last backup. One that a rule deleted here stays there;
 * what was erased is erased in the file that is copied. */

struct records_copy {
    struct backup *b;
    struct records *records;
};

static int copy_records(struct records_copy *c, const char *name, const char *part, const char *to,
                        struct err *err)
{
    struct backup *b = c->b;
    struct stat st = {0};
    bool same = false;
    int rc = records_backup(c->records, name, part, access(to, F_OK) == 0 ? to : NULL, &same, err);
    if (rc < 0 || same) {
        b->out->kept += same;
        return rc;
    }
    if (stat(part, &st) < 0)
        return err_sys(err, "look at %s", part);
    if ((rc = fsx_sync_file(part, err)) < 0 || (rc = fsx_rename(part, to, err)) < 0)
        return rc;
    b->out->days++;
    b->out->bytes += st.st_size;
    return rc;
}

static int back_up_records_of(void *arg, const char *name, bool is_ours, struct err *err)
{
    struct records_copy *c = arg;
    char *part = NULL, *to = NULL, where[300];
    if (!is_ours)
        return ERR_OK;
    snprintf(where, sizeof where, RECORDS_DIR "/%.200s.db", name);
    int rc = fsx_path(&part, err, "%s/unfinished/%s-%s.db", c->b->dir, RECORDS_DIR, name);
    if (rc == ERR_OK)
        rc = fsx_path(&to, err, "%s/%s", c->b->dir, where);
    if (rc == ERR_OK && unlink(part) < 0 && errno != ENOENT)
        rc = err_sys(err, "delete %s", part);
    if (rc == ERR_OK)
        rc = copy_records(c, name, part, to, err);
    free(part);
    free(to);
    if (rc == ERR_OK || rc == ERR_NOTFOUND) /* deleted meanwhile */
        return step(c->b, where, 0, err);
    return trouble(c->b, where, rc, err);
}

static int back_up_records(struct backup *b, struct err *err)
{
    struct records_copy c = {.b = b};
    int rc = records_open(&c.records, b->root, RECORDS_READ, err);
    if (rc == ERR_OK)
        rc = records_files(c.records, back_up_records_of, &c, err);
    records_close(&c.records);
    return trouble(b, RECORDS_DIR, rc, err);
}

/* ---- copies ---- */

static int step_copy(void *arg, int64_t n, struct err *err)
{
    return step(arg, "copies", n, err);
}

static int back_up_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct backup *b = arg;
    char *from = NULL, *to = NULL;
    struct stat st;
    int rc = copies_path(&from, b->root, copy->path, err);
    if (rc == ERR_OK)
        rc = copies_path(&to, b->dir, copy->path, err);
    if (rc == ERR_OK && lstat(from, &st) < 0)
        rc = err_sys(err, "look at it");
    if (rc == ERR_OK && has(to, &st)) {
        b->out->kept++;
        rc = step(b, copy->path, copy->length_bytes, err);
    } else if (rc == ERR_OK) {
        char hex[HASH_HEX_ROOM];
        rc = copies_duplicate(b->root, copy->path, b->dir, step_copy, b, hex, err);
        if (rc == ERR_OK) {
            b->out->copies++;
            b->out->bytes += copy->length_bytes;
            if (strcmp(hex, copy->sha256) != 0)
                rc = err_set(err, ERR_MALFORMED,
                             "it has SHA-256 %s, but %s was made: it was changed", hex,
                             copy->sha256);
        }
    }
    free(from);
    free(to);
    return trouble(b, copy->path, rc, err);
}

/* ---- rows ---- */

struct jobs {
    struct backup *b;
    struct spools spools;
};

/* A row that cannot be read is told where its copies are looked for. */
static int unpublish(void *arg, int64_t key, struct err *err)
{
    struct jobs *j = arg;
    struct catalogue_transfer t;
    struct spools_found jobs = {.ready = false};
    bool found = false;
    int rc = catalogue_transfer_by_key(j->b->snapshot, key, &t, &found, err);
    if (rc < 0 || !found || !t.published)
        return err_is_temporary(rc) ? rc : ERR_OK;
    rc = spools_find(&j->spools, t.id, &jobs, err);
    if (rc == ERR_OK && (jobs.ready || jobs.claimed || jobs.failed)) {
        t.published = false;
        rc = catalogue_transfer_update(j->b->snapshot, &t, err);
    }
    return trouble(j->b, t.id, rc, err);
}

static int tell_bad(void *arg, const char *stage, int rc, struct err *err)
{
    const struct jobs *j = arg;
    return trouble(j->b, stage, rc, err);
}

/*
 * Jobs are not in the backup. The receiver's next start there puts them again, for what has one
 * here in any stage; stages that have done their part pass it on (catalogue_done_get()). At once
 * after the snapshot, which does not have what is finished later.
 */
static int unpublish_jobs(struct backup *b, struct err *err)
{
    struct jobs j = {.b = b};
    int rc = spools_open(&j.spools, b->root, tell_bad, &j, err);
    if (rc == ERR_OK)
        rc = catalogue_key_each(b->snapshot, unpublish, &j, err);
    spools_close(&j.spools);
    return rc;
}

static int back_up_row(void *arg, int64_t key, struct err *err)
{
    struct backup *b = arg;
    struct catalogue_transfer t;
    bool found = false;
    char name[40];
    snprintf(name, sizeof name, "transfer %" PRId64, key);
    int rc = catalogue_transfer_by_key(b->snapshot, key, &t, &found, err);
    if (rc == ERR_OK && found)
        rc = catalogue_copy_each(b->snapshot, key, back_up_copy, b, err);
    return trouble(b, name, rc, err);
}

/* ---- what was erased ----
 *
 * All else that an earlier backup has stays there, also what a rule deleted here since. */

struct erased {
    struct backup *b;
    struct fsx_names ids;     /* by their bytes */
    struct catalogue *before; /* of the backup that is being renewed; NULL: there was none */
    const char *day;
    struct buf keys; /* int64_t, of a day */
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_erased(const struct erased *e, const char *id)
{
    return bsearch(&id, e->ids.name, e->ids.n, sizeof *e->ids.name, by_name) != NULL;
}

static int add_erased(void *arg, const char *id, int64_t lines, struct err *err)
{
    struct erased *e = arg;
    enum custody_kind last;
    bool erased;
    (void)lines;
    int rc = catalogue_event_last(e->b->snapshot, id, &last, &erased, err);
    return rc < 0 || !erased ? trouble(e->b, id, rc, err) : fsx_names_add(&e->ids, id, err);
}

/* A partial has no id in its day's file, only in the catalogue of before. */
static int find_master(void *arg, const struct raw_master *m, struct err *err)
{
    struct erased *e = arg;
    struct catalogue_transfer t;
    bool found = m->sealed && !m->flaw;
    int rc = ERR_OK;
    snprintf(t.id, sizeof t.id, "%s", found ? m->facts.id : "");
    if (!found && e->before)
        rc = catalogue_transfer_by_key(e->before, m->key, &t, &found, err);
    if (rc < 0 || !found || !is_erased(e, t.id))
        return err_is_temporary(rc) ? rc : ERR_OK;
    return buf_append(&e->keys, &m->key, sizeof m->key, err);
}

static int erase_of_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct erased *e = arg;
    int64_t freed;
    if (!is_day)
        return ERR_OK;
    e->day = name;
    buf_consume(&e->keys, e->keys.used);
    struct root_id whose;
    bool empty;
    int rc = raw_each(e->b->to, name, find_master, e, err);
    /* copied before its ROOT had an identity, and not again since */
    if (rc == ERR_OK && e->keys.used > 0 &&
        (rc = raw_day_root(e->b->to, name, &whose, &empty, err)) == ERR_OK &&
        !root_id_known(&whose))
        rc = raw_adopt(e->b->to, name, err);
    for (size_t at = 0; rc == ERR_OK && at < e->keys.used; at += sizeof(int64_t)) {
        int64_t key;
        memcpy(&key, buf_data(&e->keys) + at, sizeof key);
        rc = raw_drop(e->b->to, name, key, err);
        e->b->out->erased += rc == ERR_OK;
    }
    rc = raw_end(e->b->to, rc, err);
    if (rc == ERR_OK && e->keys.used > 0)
        rc = raw_trim(e->b->to, name, RAW_TRIM_NOW, &freed, err);
    return trouble(e->b, name, rc, err);
}

static int erase_copy(void *arg, const char *path, const struct stat *st, struct err *err)
{
    const struct erased *e = arg;
    char id[CATALOGUE_ID_ROOM];
    const char *kind, *name = strrchr(path, '/');
    (void)st;
    if (!copies_parse_name(path, id, &kind)) /* what stands beside them has the id, too */
        snprintf(id, sizeof id, "%.*s", (int)strcspn(name ? name + 1 : path, "."),
                 name ? name + 1 : path);
    return is_erased(e, id) ? trouble(e->b, path, copies_delete_file(e->b->dir, path, err), err)
                            : ERR_OK;
}

static int erase_erased(struct backup *b, struct err *err)
{
    struct erased e = {.b = b};
    struct err none;
    buf_init(&e.keys, (size_t)64 << 20);
    int rc = catalogue_custody_each(b->snapshot, add_erased, &e, err);
    if (rc == ERR_OK && e.ids.n > 0) {
        if (catalogue_open(&e.before, b->dir, false, &none) < 0)
            e.before = NULL; /* the first */
        rc = raw_days(b->to, erase_of_day, &e, err);
        if (rc == ERR_OK)
            rc = copies_each(b->dir, erase_copy, &e, err);
    }
    catalogue_close(&e.before);
    fsx_names_clear(&e.ids);
    buf_clear(&e.keys);
    return rc;
}

/* ---- what neither has ---- */

/* Missing in ROOT, which no sweep leaves behind, and not here since an earlier time, either. */
static int tell_missing(struct backup *b, struct catalogue *now, const struct catalogue_day *day,
                        struct err *err)
{
    char first[CATALOGUE_ID_ROOM];
    int64_t n, here = 0;
    int rc = intake_missing_of_day(now, b->from, day, &n, first, err);
    if (rc == ERR_OK && n > 0)
        rc = intake_missing_of_day(b->snapshot, b->to, day, &here, first, err);
    if (rc == ERR_OK && n > 0 && here > 0)
        rc = err_set(err, ERR_NOTFOUND,
                     "originals that the catalogue has are not in raw/%s.db: %lld (first: %s): put "
                     "it back; 'dashspool fsck' tells more",
                     day->day, (long long)here, first);
    return trouble(b, "raw", rc, err);
}

static int find_missing(struct backup *b, struct err *err)
{
    struct catalogue *now = NULL;
    struct buf days;
    buf_init(&days, (size_t)8 << 20);
    int rc = catalogue_open(&now, b->root, false, err);
    if (rc == ERR_OK)
        rc = catalogue_days(now, &days, err);
    const struct catalogue_day *day = (const void *)buf_data(&days);
    for (size_t i = 0; rc == ERR_OK && i < days.used / sizeof *day; i++)
        rc = tell_missing(b, now, &day[i], err);
    catalogue_close(&now);
    buf_clear(&days);
    return rc;
}

/* ---- the directory ---- */

static int write_mark(const struct backup *b, const char *state, struct err *err)
{
    char *path = NULL, text[256], at[CLOCK_TEXT_ROOM];
    clock_rfc3339(b->now_us, 0, at);
    int n = snprintf(text, sizeof text,
                     "{\"tool\": \"dashspool " DASHSPOOL_VERSION "\", \"began\": \"%s\", "
                     "\"state\": \"%s\"}\n",
                     at, state);
    int rc = fsx_path(&path, err, "%s/backup.json", b->dir);
    if (rc == ERR_OK)
        rc = fsx_write_file(path, text, (size_t)n, err);
    free(path);
    return rc;
}

/* dir/unfinished/people.db: who may use the pages; a ROOT need not have it. */
static int take_people(const struct backup *b, const char *unfinished, struct err *err)
{
    struct people *people = NULL;
    char *path = NULL;
    int rc = people_open(&people, b->root, false, err);
    if (rc == ERR_NOTFOUND)
        return ERR_OK;
    if (rc == ERR_OK && (rc = fsx_path(&path, err, "%s/people.db", unfinished)) == ERR_OK)
        rc = people_backup(people, path, err);
    people_close(&people);
    free(path);
    return rc;
}

/* … takes the place of that of an earlier backup. */
static int finish_people(const struct backup *b, const char *unfinished, struct err *err)
{
    char *from = NULL, *to = NULL;
    int rc = fsx_path(&from, err, "%s/people.db", unfinished);
    if (rc == ERR_OK)
        rc = fsx_path(&to, err, "%s/people.db", b->dir);
    if (rc == ERR_OK && access(from, F_OK) == 0 && (rc = fsx_sync_file(from, err)) == ERR_OK)
        rc = fsx_rename(from, to, err);
    free(from);
    free(to);
    return rc;
}

/* dir/unfinished/catalogue.db: the catalogue as of this moment. */
static int take_snapshot(struct backup *b, struct catalogue *c, const char *unfinished,
                         struct err *err)
{
    char *path = NULL;
    struct catalogue_counts n;
    int64_t copies, copy_bytes = 0;
    int rc = fsx_remove_tree(unfinished, err);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(unfinished, err);
    if (rc == ERR_OK && (rc = fsx_path(&path, err, "%s/catalogue.db", unfinished)) == ERR_OK)
        rc = catalogue_backup(c, path, err);
    free(path);
    if (rc == ERR_OK)
        rc = take_people(b, unfinished, err);
    if (rc == ERR_OK && (rc = catalogue_open(&b->snapshot, unfinished, false, err)) == ERR_OK)
        rc = catalogue_count(b->snapshot, &n, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_count(b->snapshot, &copies, &copy_bytes, err);
    b->all_bytes = rc == ERR_OK ? n.bytes + copy_bytes : 0;
    return rc;
}

/* Closed by now: all of it is in the file itself. */
static int finish(struct backup *b, const char *unfinished, struct err *err)
{
    char *from = NULL, *to = NULL, *part = NULL;
    static const char *const with[] = {"-wal", "-shm"};
    int rc = fsx_path(&from, err, "%s/catalogue.db", unfinished);
    if (rc == ERR_OK)
        rc = fsx_path(&to, err, "%s/catalogue.db", b->dir);
    for (int i = 0; rc == ERR_OK && i < 2; i++) { /* of the one that it replaces */
        rc = fsx_path(&part, err, "%s%s", to, with[i]);
        if (rc == ERR_OK && unlink(part) < 0 && errno != ENOENT)
            rc = err_sys(err, "delete %s", part);
        free(part);
    }
    if (rc == ERR_OK && (rc = fsx_sync_file(from, err)) == ERR_OK)
        rc = fsx_rename(from, to, err);
    if (rc == ERR_OK)
        rc = finish_people(b, unfinished, err);
    if (rc == ERR_OK)
        rc = fsx_remove_tree(unfinished, err);
    free(from);
    free(to);
    return rc < 0 ? rc : write_mark(b, "whole", err);
}

/* The backup is of the same ROOT: each of its stores says so. */
static int mark(struct backup *b, struct err *err)
{
    struct root_id id;
    int rc = catalogue_root(b->snapshot, &id, err);
    return rc == ERR_OK && root_id_known(&id) ? root_mark(b->dir, &id, err) : rc;
}

/* For `status`, in the ROOT that was backed up. The backup is as good without. */
static int note_backup(struct backup *b, struct err *err)
{
    struct catalogue *c = NULL;
    const struct upkeep_backup_result *n = b->out;
    struct catalogue_upkeep u = {.at_us = clock_utc_us(), .ok = n->troubles == 0};
    char size[24];
    snprintf(u.text, sizeof u.text, "%lld %s, %lld %s, %lld day %s written: %s; to %.100s%s",
             SIZE_COUNT(n->masters, "original", "originals"),
             SIZE_COUNT(n->copies, "copy", "copies"), SIZE_COUNT(n->days, "file", "files"),
             size_text(n->bytes, size), b->dir, u.ok ? "" : "; not all could be copied");
    int rc = catalogue_open(&c, b->root, false, err);
    if (rc == ERR_OK)
        rc = catalogue_upkeep_note(c, "backup", &u, err);
    catalogue_close(&c);
    if (rc < 0 && rc != ERR_NOMEM) {
        b->out->troubles++;
        b->progress->trouble(b->progress->arg,
                             "catalogue.db: 'dashspool status' does not know of this backup",
                             err->text);
        rc = ERR_OK;
    }
    return rc;
}

static int run(struct backup *b, const char *unfinished, struct err *err)
{
    struct catalogue *c = NULL;
    int rc = catalogue_open(&c, b->root, false, err); /* first: no ROOT, no directory */
    if (rc == ERR_OK && (rc = target_check_place(b->root, b->dir, err)) == ERR_OK)
        rc = fsx_mkdirs(b->dir, err);
    if (rc == ERR_OK && (rc = target_take(&b->target, b->dir, err)) == ERR_OK)
        rc = target_compare(c, b->dir, err);
    if (rc == ERR_OK && (rc = write_mark(b, "unfinished", err)) == ERR_OK)
        rc = take_snapshot(b, c, unfinished, err);
    catalogue_close(&c);
    if (rc == ERR_OK && (rc = unpublish_jobs(b, err)) == ERR_OK)
        rc = mark(b, err);
    if (rc == ERR_OK)
        rc = raw_open(&b->from, b->root, err);
    if (rc == ERR_OK && (rc = raw_open(&b->to, b->dir, err)) == ERR_OK)
        rc = raw_days(b->from, back_up_day, b, err);
    if (rc == ERR_OK)
        rc = back_up_records(b, err);
    if (rc == ERR_OK)
        rc = erase_erased(b, err);
    if (rc == ERR_OK && (rc = catalogue_key_each(b->snapshot, back_up_row, b, err)) == ERR_OK)
        rc = catalogue_settle(b->snapshot, err);
    if (rc == ERR_OK)
        rc = find_missing(b, err);
    if (rc == ERR_OK)
        rc = settings_back_up(b->root, b->dir, b->settings, b->progress, err);
    raw_close(&b->from);
    raw_close(&b->to);
    catalogue_close(&b->snapshot);
    if (rc == ERR_OK)
        rc = finish(b, unfinished, err);
    return rc < 0 ? rc : note_backup(b, err);
}

int upkeep_backup(const char *root, const char *dir, const struct upkeep_settings *settings,
                  const struct upkeep_progress *progress, struct upkeep_backup_result *out,
                  struct err *err)
{
    struct backup b = {.root = root,
                       .dir = dir,
                       .settings = settings,
                       .progress = progress,
                       .out = out,
                       .target = TARGET_NONE,
                       .now_us = clock_utc_us()};
    char *unfinished = NULL;
    *out = (struct upkeep_backup_result){0};
    if (site_used()) /* no row of it, and no directory, is made */
        return err_set(err, ERR_UNSUPPORTED,
                       "a site is not backed up by this: its rows are in its database "
                       "(pg_basebackup), its bytes in its store (versions, replication)");
    int rc = fsx_path(&unfinished, err, "%s/unfinished", dir);
    if (rc == ERR_OK)
        rc = run(&b, unfinished, err);
    if (rc < 0 && rc != ERR_CONFIG) /* a place where none may be is a slip, and no backup */
        catalogue_upkeep_failed(root, "backup", err);
    target_release(&b.target);
    free(unfinished);
    return rc;
}
