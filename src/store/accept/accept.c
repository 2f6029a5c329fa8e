#define _GNU_SOURCE /* mkostemp */
/* accept: bytes, then one transaction. */
#include "dashspool/accept.h"
#include "accept_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/master.h"
#include "dashspool/requests.h"
#include "dashspool/spool.h"
#include "rows/rows.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 15000 }; /* a camera waits; who tries again is above */

struct accept {
    const struct site *site;
    struct catalogue *catalogue;
    struct rows *rows; /* the catalogue's */
    struct objects *objects;
    const char *const *stages;
    size_t n;
    struct catalogue_transfer row, same; /* large */
};

/* ---- for tests: an end at a named place ---- */

/* DASHSPOOL_DIE_AT=place: as if the power went there. */
static void may_die(const char *place)
{
    const char *at = getenv("DASHSPOOL_DIE_AT");
    if (at && strcmp(at, place) == 0)
        _exit(99);
}

/* ---- bytes ---- */

/* The master as a file without a name, in ROOT/raw: what is not as it was received goes nowhere. */
static int extract(const struct accept_from *from, int *out, struct err *err)
{
    char hex[HASH_HEX_ROOM], *path = NULL;
    int rc = fsx_path(&path, err, "%s/raw/" MASTER_STAGE "XXXXXX", from->root);
    *out = -1;
    if (rc == ERR_OK && (*out = mkostemp(path, O_CLOEXEC)) < 0)
        rc = err_sys(err, "create %s", path);
    if (*out >= 0)
        unlink(path);
    if (rc == ERR_OK)
        rc = master_write(from->raw, from->row, *out, hex, err);
    free(path);
    if (rc < 0 && *out >= 0) {
        close(*out);
        *out = -1;
    }
    return rc;
}

static int put_master(struct accept *a, const struct accept_from *from, const char *key,
                      struct err *err)
{
    int fd = -1;
    int rc = extract(from, &fd, err);
    if (rc < 0)
        return rc;
    const struct objects_put put = {.key = key,
                                    .fd = fd,
                                    .n = from->row->length_bytes,
                                    .sha256 = from->row->sha256,
                                    .by_content = true};
    rc = objects_put(a->objects, &put, err);
    close(fd);
    /* it was what it is a moment ago: the store, or the way to it, is not as it should be */
    if (rc == ERR_MALFORMED || rc == ERR_NOTFOUND)
        rc = err->code = ERR_IO;
    return rc;
}

/* Once more, now that nobody can take it away. */
static int make_sure(struct accept *a, const struct accept_from *from, const char *key,
                     struct err *err)
{
    struct objects_facts facts;
    int rc = objects_head(a->objects, key, &facts, err);
    if (rc == ERR_OK && facts.bytes == from->row->length_bytes)
        return ERR_OK;
    return rc == ERR_OK || rc == ERR_NOTFOUND ? put_master(a, from, key, err) : rc;
}

/* ---- rows ---- */

static int find_same(struct accept *a, const struct catalogue_transfer *row, bool *found,
                     struct err *err)
{
    a->row = *row;
    a->row.key = 0; /* the node's own number means nothing here */
    int rc = catalogue_transfer_same(a->catalogue, &a->row, 0, &a->same, err);
    *found = rc == ERR_OK;
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

static int note(struct accept *a, const char *id, enum custody_kind kind,
                const struct custody_what *what, struct err *err)
{
    return catalogue_event_note(a->catalogue, id, CATALOGUE_NOW, kind,
                                "dashspool " DASHSPOOL_VERSION " accept", what, err);
}

static int repeat(struct accept *a, const struct accept_from *from, struct accept_entry *e,
                  struct err *err)
{
    const struct custody_what what = {.from = from->row->peer};
    snprintf(e->id, sizeof e->id, "%s", a->same.id);
    e->same = true;
    int rc = catalogue_event_count(from->catalogue, from->row->id, &e->lines, err);
    if (rc == ERR_OK)
        rc = note(a, e->id, CUSTODY_OFFERED_AGAIN, &what, err);
    return rc < 0 ? rc : requests_stored(a->catalogue, from->row, e->id, clock_utc_us(), err);
}

static int put_jobs(struct accept *a, struct err *err)
{
    char json[CATALOGUE_ID_ROOM + 64];
    int n = snprintf(json, sizeof json, "{\"version\": 1, \"id\": \"%s\"}\n", a->row.id);
    const struct spool_item job = {a->row.id, json, (size_t)n};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < a->n; i++) {
        rc = catalogue_owe(a->catalogue, a->row.key, a->stages[i], clock_utc_us(), err);
        if (rc == ERR_OK)
            rc = spool_put_rows(a->rows, a->stages[i], &job, err);
    }
    return rc;
}

/* Its facts and custody beside its bytes, as they will be. */
static int put_facts(struct accept *a, struct err *err)
{
    char name[RAW_OBJECT_ROOM], hex[HASH_HEX_ROOM], *text = NULL;
    int rc = raw_site_object(a->row.sha256, a->row.key, name, err);
    if (rc == ERR_OK)
        rc = facts_object(a->catalogue, &a->row, &text, err);
    if (rc == ERR_OK)
        rc = hash_text(text, strlen(text), hex, err);
    const struct objects_put put = {
        .key = name, .fd = -1, .data = text, .n = text ? (int64_t)strlen(text) : 0, .sha256 = hex};
    if (rc == ERR_OK)
        rc = objects_put(a->objects, &put, err);
    free(text);
    return rc;
}

static int add_master(struct accept *a, const struct accept_from *from, struct err *err)
{
    struct raw_facts facts = master_facts(&a->row);
    bool sealed;
    int rc = raw_stat(from->raw, from->row->day, from->row->key, &facts.length_bytes, &sealed,
                      facts.sha256, err);
    return rc < 0 ? rc : raw_site_add(a->rows, a->row.day, a->row.key, &facts, err);
}

static int add(struct accept *a, const struct accept_from *from, struct accept_entry *e,
               struct err *err)
{
    a->row = *from->row;
    a->row.key = 0;
    a->row.published = true;
    struct custody_what what = {.from = site_node(a->site)};
    int rc = catalogue_transfer_add(a->catalogue, &a->row, err);
    if (rc == ERR_OK)
        rc = carry_facts(from, a->catalogue, a->row.key, err);
    if (rc == ERR_OK)
        rc = carry_custody(from, a->catalogue, a->row.id, &e->lines, err);
    if (rc == ERR_OK)
        rc = requests_stored(a->catalogue, &a->row, NULL, clock_utc_us(), err);
    if (rc == ERR_OK)
        rc = put_jobs(a, err);
    if (rc == ERR_OK)
        rc = note(a, a->row.id, CUSTODY_PUBLISHED, &what, err);
    if (rc == ERR_OK)
        rc = add_master(a, from, err);
    if (rc == ERR_OK)
        rc = put_facts(a, err);
    snprintf(e->id, sizeof e->id, "%s", a->row.id);
    return rc;
}

static int in_transaction(struct accept *a, const struct accept_from *from, const char *key,
                          struct accept_entry *e, struct err *err)
{
    bool same = false;
    int rc = raw_site_lock(a->rows, from->row->sha256, err);
    if (rc == ERR_OK) /* another process of this node may have been quicker */
        rc = ledger_get(a->rows, from->token, e, err);
    if (rc != ERR_NOTFOUND)
        return rc;
    if ((rc = make_sure(a, from, key, err)) < 0 || (rc = find_same(a, from->row, &same, err)) < 0)
        return rc;
    rc = same ? repeat(a, from, e, err) : add(a, from, e, err);
    return rc < 0 ? rc : ledger_put(a->rows, from->token, e, clock_utc_us(), err);
}

/* ---- the door ---- */

int accept_transfer(struct accept *a, const struct accept_from *from, struct accept_taken *out,
                    struct err *err)
{
    char key[RAW_OBJECT_ROOM];
    struct accept_entry e = {.id = ""};
    int rc = ledger_get(a->rows, from->token, &e, err);
    if (rc == ERR_NOTFOUND) {
        rc = raw_site_object(from->row->sha256, 0, key, err);
        if (rc == ERR_OK)
            rc = put_master(a, from, key, err);
        may_die("put");
        if (rc == ERR_OK && (rc = catalogue_begin(a->catalogue, err)) == ERR_OK) {
            rc = in_transaction(a, from, key, &e, err);
            may_die("commit");
            rc = catalogue_end(a->catalogue, rc, err);
            may_die("committed");
        }
    }
    if (rc == ERR_OK) {
        memcpy(out->id, e.id, sizeof out->id);
        out->same = e.same;
        out->lines = e.lines;
    }
    return rc;
}

int accept_note(struct accept *a, const struct accept_from *from, int64_t from_line,
                struct err *err)
{
    struct accept_entry e;
    int64_t lines = 0;
    int rc = ledger_get(a->rows, from->token, &e, err);
    if (rc == ERR_OK)
        rc = catalogue_begin(a->catalogue, err);
    if (rc < 0)
        return rc;
    rc = catalogue_event_count(a->catalogue, e.id, &lines, err);
    if (rc == ERR_OK && lines > 0)
        rc = carry_notes(from, a->catalogue, e.id, from_line, err);
    return catalogue_end(a->catalogue, rc, err);
}

/* The tables of masters and jobs are there once their stores were opened. */
static int open_stores(struct accept *a, const char *root, struct err *err)
{
    struct spool *spool = NULL;
    struct raw *masters = NULL;
    int rc = catalogue_open(&a->catalogue, root, true, err);
    if (rc == ERR_OK && !catalogue_is_of_site(a->catalogue))
        rc = err_set(err, ERR_UNSUPPORTED, "the catalogue of the site is not in its database");
    if (rc == ERR_OK)
        rc = catalogue_rows(a->catalogue, &a->rows, err);
    if (rc == ERR_OK)
        rc = rows_schema(a->rows, "accepted", ledger_steps, 1, err);
    if (rc == ERR_OK)
        rc = raw_open(&masters, root, err);
    raw_close(&masters);
    for (size_t i = 0; rc == ERR_OK && i < a->n; i++) {
        rc = spool_open(&spool, root, a->stages[i], err);
        spool_close(&spool);
    }
    if (rc == ERR_OK && (rc = objects_open(&a->objects, a->site, err)) == ERR_OK)
        objects_patience(a->objects, PATIENCE_MS);
    return rc;
}

int accept_open(struct accept **out, const struct site *site, const char *root,
                const char *const *stages, size_t n, struct err *err)
{
    static const char *const convert[] = {"convert"};
    struct accept *a = *out = calloc(1, sizeof *a);
    if (!a)
        return err_nomem(err, "the site");
    a->site = site;
    a->stages = n > 0 ? stages : convert;
    a->n = n > 0 ? n : 1;
    int rc = open_stores(a, root, err);
    if (rc < 0)
        accept_close(out);
    return rc;
}

void accept_stop(struct accept *a, accept_stop_fn *stop, void *arg)
{
    objects_stop(a->objects, stop, arg);
}

void accept_close(struct accept **accept)
{
    struct accept *a = *accept;
    if (!a)
        return;
    objects_close(&a->objects);
    catalogue_close(&a->catalogue);
    free(a);
    *accept = NULL;
}
