#define _GNU_SOURCE /* FTW_ACTIONRETVAL */
#include "dashspool/clock.h"
#include "dashspool/custody.h"
#include "dashspool/hash.h"
#include "dashspool/raw.h"
#include "dashspool/spool.h"
#include "support/graph.h"
#include "support/proc.h"
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const stages[] = {"convert", "twice", "never"};
enum { STAGES = sizeof stages / sizeof *stages };

/* ---- custody ---- */

struct events {
    struct custody_chain chain;
    int stored, published, converted, deleted;
};

static int see_event(void *arg, const char *line, struct err *err)
{
    struct events *e = arg;
    int rc = custody_next(&e->chain, line, strlen(line), err);
    e->stored += e->chain.kind == CUSTODY_STORED;
    e->published += e->chain.kind == CUSTODY_PUBLISHED;
    e->converted += e->chain.kind == CUSTODY_CONVERTED;
    e->deleted += e->chain.kind == CUSTODY_DELETED;
    return rc;
}

static struct events events_of(struct catalogue *c, const char *id)
{
    struct events e = {.stored = 0};
    struct err err;
    assert_ok(catalogue_event_each(c, id, see_event, &e, &err));
    return e;
}

/* ---- what there is ---- */

static int count_row(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    (void)t;
    (void)err;
    ++*(int *)arg;
    return ERR_OK;
}

int graph_count(const struct graph *g, const char *imei)
{
    struct catalogue *c = NULL;
    struct catalogue_filter filter = {.imei = imei};
    struct err err;
    int n = 0;
    assert_ok(catalogue_open(&c, g->root, false, &err));
    assert_ok(catalogue_transfer_each(c, &filter, count_row, &n, &err));
    catalogue_close(&c);
    return n;
}

/* ---- not yet ---- */

static bool done(struct catalogue *c, int64_t key, const char *stage)
{
    int64_t at_us;
    struct err err;
    assert_ok(catalogue_done_get(c, key, stage, &at_us, &err));
    return at_us != 0;
}

static bool has_failed(const struct graph *g, const char *id)
{
    char name[200];
    snprintf(name, sizeof name, "root/spool/never/failed/%s/reason.txt", id);
    return support_exists(graph_path(g, name));
}

/* What it waits for; NULL: nothing. */
static const char *item_waits(const struct graph *g, struct catalogue *c,
                              const struct graph_item *it)
{
    struct catalogue_transfer t;
    struct err err;
    if (it->calls && !it->acknowledged)
        return "its acknowledgement";
    int rc = catalogue_transfer_get(c, it->id, &t, &err);
    if (rc == ERR_NOTFOUND)
        return it->doomed && events_of(c, it->id).deleted ? NULL : "being stored";
    assert_int_equal(rc, ERR_OK);
    return t.state != CATALOGUE_STORED || !t.published ? "being published"
           : !done(c, t.key, "convert")                ? "convert"
           : !done(c, t.key, "twice")                  ? "twice"
           : !has_failed(g, it->id)                    ? "never"
                                                       : NULL;
}

static bool jobs_wait(const struct graph *g, char *out, size_t room)
{
    int waiting = 0;
    for (int i = 0; i < STAGES; i++) {
        struct spool *spool;
        struct spool_count n;
        struct err err;
        assert_ok(spool_open(&spool, g->root, stages[i], &err));
        assert_ok(spool_count(spool, &n, &err));
        spool_close(&spool);
        waiting += n.ready + n.claimed;
        snprintf(out, room, "%d jobs ready, %d claimed in %s", n.ready, n.claimed, stages[i]);
        if (waiting > 0)
            return true;
    }
    return false;
}

/* Dropped files that have not been moved away. */
static int n_in_place;
static int count_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    if (type == FTW_D && strcmp(path + at->base, "done") == 0)
        return FTW_SKIP_SUBTREE;
    n_in_place += type == FTW_F;
    return FTW_CONTINUE;
}

static bool waits(const struct graph *g, char *out, size_t room)
{
    struct catalogue *c = NULL;
    struct err err;
    const char *what = NULL;
    n_in_place = 0;
    assert_int_equal(nftw(g->in, count_file, 16, FTW_PHYS | FTW_ACTIONRETVAL), 0);
    snprintf(out, room, "%d dropped files are in their place", n_in_place);
    if (n_in_place > 0 || jobs_wait(g, out, room))
        return true;
    int rc = catalogue_open(&c, g->root, false, &err);
    if (rc == ERR_NOTFOUND)
        return true;
    assert_int_equal(rc, ERR_OK);
    for (size_t i = 0; i < g->n && !what; i++) {
        what = item_waits(g, c, &g->item[i]);
        snprintf(out, room, "%s waits for %s", g->item[i].id, what ? what : "nothing");
    }
    catalogue_close(&c);
    return what != NULL;
}

void graph_settle(struct graph *g, int seconds)
{
    char what[300] = "";
    int64_t now_us = clock_mono_us(), look_us = now_us,
            until_us = now_us + seconds * INT64_C(1000000);
    for (bool settled = false; !settled; now_us = clock_mono_us()) {
        graph_tend(g);
        if (now_us > until_us)
            fail_msg("not settled within %d s: %s; the log is %s", seconds, what, g->log);
        if (now_us < look_us)
            continue;
        settled = !waits(g, what, sizeof what);
        look_us = clock_mono_us() + 200000;
    }
}

/* ---- at the end ---- */

struct judge {
    struct graph *g;
    struct catalogue *c;
    struct raw *raw;
    struct graph_tally tally;
    int rows, copies;
    const char *kinds; /* of the copies, with spaces */
    char found[100];
};

static int add_bytes(void *arg, const void *data, size_t n, struct err *err)
{
    (void)err;
    hash_update(arg, data, n);
    return ERR_OK;
}

static void judge_master(struct judge *j, const struct graph_item *it,
                         const struct catalogue_transfer *t)
{
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    struct hash *h = NULL;
    struct err err;
    assert_ok(hash_new(&h, &err));
    assert_ok(raw_copy(j->raw, t->day, t->key, add_bytes, h, &err));
    assert_ok(hash_final(h, digest, &err));
    hash_free(&h);
    hash_hex(digest, hex);
    assert_string_equal(hex, it->sha256);
    assert_string_equal(t->sha256, it->sha256);
}

static int note_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct judge *j = arg;
    size_t used = strlen(j->found);
    (void)err;
    snprintf(j->found + used, sizeof j->found - used, "%s ", copy->kind);
    j->copies++;
    return ERR_OK;
}

/* Lines of a file that are `text`, or (NULL) all. */
static int lines_of(const struct graph *g, const char *name, const char *text)
{
    char line[200];
    int n = 0;
    FILE *f = fopen(graph_path(g, name), "re");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        n += !text || strcmp(line, text) == 0;
    }
    if (f)
        fclose(f);
    return n;
}

static void judge_commands(struct judge *j, const struct graph_item *it)
{
    char name[200], line[200] = "";
    snprintf(name, sizeof name, "tries/%s", it->id);
    int tries = lines_of(j->g, name, NULL);
    assert_true(tries >= GRAPH_TRIES);
    j->tally.runs += tries;
    j->tally.unneeded += tries - GRAPH_TRIES;
    if (lines_of(j->g, "ledger", it->id) != 1)
        fail_msg("%s is in the ledger %d times", it->id, lines_of(j->g, "ledger", it->id));
    snprintf(name, sizeof name, "runs/%s", it->id);
    assert_true(lines_of(j->g, name, NULL) >= 1);
    snprintf(name, sizeof name, "root/spool/never/failed/%s/reason.txt", it->id);
    FILE *f = fopen(graph_path(j->g, name), "re");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_string_equal(line,
                        "command exited with status 3; its output: the insurer does not want it\n");
}

static void judge_deleted(struct judge *j, const struct graph_item *it)
{
    char name[200];
    struct events e = events_of(j->c, it->id);
    if (!it->doomed || e.deleted != 1 || e.chain.kind != CUSTODY_DELETED)
        fail_msg("%s is not there", it->id);
    snprintf(name, sizeof name, "root/spool/never/failed/%s", it->id);
    assert_false(support_exists(graph_path(j->g, name)));
    assert_int_equal(lines_of(j->g, "ledger", it->id), 1);
    j->tally.deleted++;
}

static void judge_item(struct judge *j, const struct graph_item *it)
{
    struct catalogue_transfer t;
    struct err err;
    int rc = catalogue_transfer_get(j->c, it->id, &t, &err), copies = j->copies;
    j->tally.files++;
    if (rc == ERR_NOTFOUND) {
        judge_deleted(j, it);
        return;
    }
    assert_int_equal(rc, ERR_OK);
    assert_int_equal(t.state, CATALOGUE_STORED);
    assert_string_equal(t.source, it->dropped ? "file" : "camera");
    judge_master(j, it, &t);
    j->found[0] = '\0';
    assert_ok(catalogue_copy_each(j->c, t.key, note_copy, j, &err));
    assert_string_equal(j->found, it->photo ? "still " : "timing working ");
    struct events e = events_of(j->c, it->id);
    if (e.stored != 1 || e.published != 1 || e.converted != j->copies - copies || e.deleted)
        fail_msg("%s: stored %d times, published %d, converted %d, deleted %d", it->id, e.stored,
                 e.published, e.converted, e.deleted);
    assert_true(done(j->c, t.key, "convert") && done(j->c, t.key, "twice"));
    assert_false(done(j->c, t.key, "never"));
    judge_commands(j, it);
    j->rows++;
}

/* The archive has the copies, each once, and nothing else; but for what a killed conversion left
 * hidden. */
static int n_copies, n_hidden;
static int see_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    if (path[at->base] == '.') {
        n_hidden++;
        return type == FTW_D ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
    }
    n_copies += type == FTW_F && strcmp(path + at->base, "root-id") != 0;
    return FTW_CONTINUE;
}

static void judge_archive(struct judge *j)
{
    n_copies = n_hidden = 0;
    assert_int_equal(
        nftw(graph_path(j->g, "root/archive"), see_file, 16, FTW_PHYS | FTW_ACTIONRETVAL), 0);
    assert_int_equal(n_copies, j->copies);
    if (n_hidden > 0)
        fail_msg("%d hidden directories are left in the archive", n_hidden);
}

/* What was cut short in tmp/ goes when it is old. */
static void judge_tmp(struct judge *j, const char *stage)
{
    char dir[500];
    const struct timespec old[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = (time_t)(clock_utc_us() / 1000000) - SPOOL_TMP_AGE_S - 60}};
    struct spool *spool;
    struct spool_count n;
    struct err err;
    snprintf(dir, sizeof dir, "%s/spool/%s/tmp", j->g->root, stage);
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') {
            assert_int_equal(utimensat(dirfd(d), e->d_name, old, AT_SYMLINK_NOFOLLOW), 0);
            j->tally.left++;
        }
    closedir(d);
    assert_ok(spool_open(&spool, j->g->root, stage, &err));
    assert_ok(spool_sweep(spool, NULL, &err));
    assert_ok(spool_count(spool, &n, &err));
    spool_close(&spool);
    assert_int_equal(n.writing + n.ready + n.claimed, 0);
    assert_int_equal(n.failed, strcmp(stage, "never") == 0 ? j->rows : 0);
}

static void judge_store(const struct graph *g)
{
    const char *const argv[] = {g->binary, "--root", g->root, "fsck", NULL};
    struct proc_result r = proc_run(argv);
    if (r.status != 0)
        fail_msg("fsck: %s%s", proc_out(&r), proc_err(&r));
    proc_clear(&r);
}

struct graph_tally graph_judge(struct graph *g)
{
    struct judge j = {.g = g};
    struct err err;
    assert_ok(catalogue_open(&j.c, g->root, false, &err));
    assert_ok(raw_open(&j.raw, g->root, &err));
    for (size_t i = 0; i < g->n; i++)
        judge_item(&j, &g->item[i]);
    assert_int_equal(graph_count(g, NULL), j.rows);
    assert_int_equal(lines_of(g, "ledger", NULL), j.tally.files);
    judge_archive(&j);
    for (int i = 0; i < STAGES; i++)
        judge_tmp(&j, stages[i]);
    raw_close(&j.raw);
    catalogue_close(&j.c);
    judge_store(g);
    return j.tally;
}
