/* fsck, from the catalogue's side: rows, their masters, their copies, their custody. */
#include "dashspool/custody.h"
#include "fsck_internal.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ---- */

static int find_master(struct fsck *f, const struct catalogue_transfer *t, struct err *err)
{
    int64_t length;
    bool sealed;
    if (t->state == CATALOGUE_RECEIVING)
        return ERR_OK; /* nothing may have come yet */
    int rc = raw_stat(f->raw, t->day, t->key, &length, &sealed, NULL, err);
    if (rc == ERR_NOTFOUND) {
        bool found = false;
        struct catalogue_transfer again;
        rc = catalogue_transfer_by_key(f->catalogue, t->key, &again, &found, err);
        if (rc == ERR_OK && found) /* else it was deleted between two looks */
            fsck_problem(f, UPKEEP_MASTER, t->id, "restore that day's file from a back-up",
                         "its bytes are not in raw/%s.db", t->day);
    }
    return rc == ERR_MALFORMED ? ERR_OK /* the other side tells it */ : rc;
}

struct copies {
    struct fsck *f;
    const char *id;
};

static int look_at_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct copies *c = arg;
    return fsck_copy(c->f, c->id, copy, err);
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
        return fsck_check(f, UPKEEP_CATALOGUE, where,
                          "restore catalogue.db from a back-up, or reindex", rc, err);
    if (!found)
        return ERR_OK;
    struct copies copies = {f, t.id};
    if ((rc = find_master(f, &t, err)) == ERR_OK)
        rc = catalogue_copy_each(f->catalogue, key, look_at_copy, &copies, err);
    return fsck_check(f, UPKEEP_COPY, t.id, "restore catalogue.db from a back-up, or reindex", rc,
                      err);
}

int fsck_transfers(struct fsck *f, struct err *err)
{
    int rc = catalogue_key_each(f->catalogue, look_at_row, f, err);
    return fsck_check(f, UPKEEP_CATALOGUE, "catalogue.db", "run 'dashspool reindex' to rebuild it",
                      rc, err);
}

/* ---- custody ---- */

static const char broken[] =
    "preserve this ROOT unchanged; exported packages hold the record as it was then";

struct life {
    struct custody_chain chain;
    char stored[HASH_HEX_ROOM]; /* SHA-256 of the last event "stored" */
    struct err broken;          /* code 0: it is not */
};

static void note_stored(struct life *l, const char *line)
{
    const char *sha256 = NULL;
    json_t *json = json_loads(line, 0, NULL);
    if (json && json_unpack(json, "{s:{s:s}}", "what", "sha256", &sha256) == 0)
        snprintf(l->stored, sizeof l->stored, "%s", sha256);
    json_decref(json);
}

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
    else if (strcmp(l->chain.event, "stored") == 0 || strcmp(l->chain.event, "reindexed") == 0)
        note_stored(l, line);
    return ERR_OK;
}

/* What the custody says, and what there is. */
static int compare(struct fsck *f, const char *id, int64_t lines, const struct life *l,
                   struct err *err)
{
    struct catalogue_transfer t;
    const char *wrong = l->broken.code < 0             ? l->broken.text
                        : lines != l->chain.n          ? "lines are missing"
                        : strcmp(l->chain.id, id) != 0 ? "its lines belong to another transfer"
                                                       : NULL;
    if (wrong) {
        fsck_problem(f, UPKEEP_CUSTODY, id, broken, "%s", wrong);
        return ERR_OK;
    }
    bool deleted = strcmp(l->chain.event, "deleted") == 0;
    int rc = catalogue_transfer_get(f->catalogue, id, &t, err);
    if (rc == ERR_NOTFOUND && !deleted)
        fsck_problem(f, UPKEEP_CUSTODY, id, "'dashspool reindex', if its master is there",
                     "transfer missing, and its custody record does not show a deletion");
    else if (rc == ERR_OK && deleted)
        fsck_problem(f, UPKEEP_CUSTODY, id, broken, "it was deleted, but it is in the catalogue");
    else if (rc == ERR_OK && t.state == CATALOGUE_STORED && l->stored[0] &&
             strcmp(t.sha256, l->stored) != 0)
        fsck_problem(f, UPKEEP_CUSTODY, id, broken,
                     "SHA-256 %s was received, the catalogue has %s: it was changed", l->stored,
                     t.sha256);
    return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? ERR_OK : rc;
}

static int look_at_custody(void *arg, const char *id, int64_t lines, struct err *err)
{
    struct fsck *f = arg;
    struct life life = {.stored = ""};
    f->out->custodies++;
    int rc = fsck_step(f, id, 0, err);
    if (rc == ERR_OK)
        rc = catalogue_event_each(f->catalogue, id, add_line, &life, err);
    if (rc == ERR_OK)
        rc = compare(f, id, lines, &life, err);
    return fsck_check(f, UPKEEP_CUSTODY, id, broken, rc, err);
}

struct first_line {
    bool any;
};

static int see_line(void *arg, const char *line, struct err *err)
{
    struct first_line *first = arg;
    (void)line;
    first->any = true;
    return err_set(err, ERR_AGAIN, "enough");
}

/* A transfer without a line. */
static int look_for_custody(void *arg, int64_t key, struct err *err)
{
    struct fsck *f = arg;
    struct catalogue_transfer t;
    struct first_line first = {false};
    bool found = false;
    int rc = catalogue_transfer_by_key(f->catalogue, key, &t, &found, err);
    if (rc < 0 || !found)
        return rc == ERR_MALFORMED ? ERR_OK : rc;
    rc = catalogue_event_each(f->catalogue, t.id, see_line, &first, err);
    if (rc == ERR_OK && !first.any)
        fsck_problem(f, UPKEEP_CUSTODY, t.id, broken,
                     "no custody record: it was removed, or the transfer predates the record");
    return first.any || rc == ERR_MALFORMED ? ERR_OK : rc;
}

int fsck_custodies(struct fsck *f, struct err *err)
{
    int rc = catalogue_custody_each(f->catalogue, look_at_custody, f, err);
    if (rc == ERR_OK)
        rc = catalogue_key_each(f->catalogue, look_for_custody, f, err);
    return fsck_check(f, UPKEEP_CUSTODY, "catalogue.db", "run 'dashspool reindex' to rebuild it",
                      rc, err);
}
