/* fsck, from the masters' side: what lies in raw/, and what the catalogue says of it. */
#include "dashspool/catalogue_keep.h"
#include "dashspool/clock.h"
#include "fsck_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char restore[] = "restore that day's file from a backup";

struct day {
    struct fsck *f;
    const char *day;
    char file[RAW_DAY_ROOM + 8]; /* raw/<day>.db */
};

/* ---- its bytes ---- */

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
    return fsck_step(r->f, r->where, (int64_t)n, err);
}

static int hash_master(struct day *d, const struct raw_master *m, const char *where,
                       struct err *err)
{
    struct reading r = {d->f, where, NULL};
    uint8_t digest[HASH_BYTES];
    char found[HASH_HEX_ROOM], sealed[HASH_HEX_ROOM];
    int rc = hash_new(&r.hash, err);
    if (rc == ERR_OK)
        rc = raw_copy(d->f->raw, d->day, m->key, read_chunk, &r, err);
    if (rc == ERR_OK)
        rc = hash_final(r.hash, digest, err);
    hash_free(&r.hash);
    if (rc == ERR_OK && m->sealed && memcmp(digest, m->facts.sha256, HASH_BYTES) != 0) {
        hash_hex(digest, found);
        hash_hex(m->facts.sha256, sealed);
        fsck_problem(d->f, UPKEEP_MASTER, where, restore,
                     "checksum mismatch: SHA-256 is %s, received as %s: it was changed", found,
                     sealed);
    }
    if (rc == ERR_NOTFOUND)
        return ERR_OK; /* dropped meanwhile */
    return fsck_check(d->f, UPKEEP_MASTER, where, restore, rc, err);
}

/* ---- its row ---- */

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
        fsck_problem(d->f, UPKEEP_MASTER, where, "run 'dashspool sweep' to delete its bytes",
                     "deleted, but its bytes still exist");
    else if (rc == ERR_OK)
        fsck_problem(d->f, UPKEEP_MASTER, where, "run 'dashspool reindex' to recover it",
                     "not in the catalogue (key %" PRId64 ")", m->key);
    return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? ERR_OK : rc;
}

static void compare(struct day *d, const struct raw_master *m, const char *where,
                    const struct catalogue_transfer *t)
{
    char hex[HASH_HEX_ROOM];
    if (strcmp(t->day, d->day) != 0)
        fsck_problem(d->f, UPKEEP_MASTER, where, restore, "the catalogue has it in raw/%s.db",
                     t->day);
    if (t->state == CATALOGUE_RECEIVING)
        return;
    if (m->sealed != (t->state == CATALOGUE_STORED)) {
        fsck_problem(d->f, UPKEEP_MASTER, where, "restore the older of the two from a backup",
                     "it is %s here, but %s in the catalogue", m->sealed ? "whole" : "not whole",
                     catalogue_state_name(t->state));
        return;
    }
    if (m->length_bytes < t->length_bytes || (m->sealed && m->length_bytes != t->length_bytes))
        fsck_problem(d->f, UPKEEP_MASTER, where, restore,
                     "%" PRId64 " bytes are here, the catalogue has %" PRId64, m->length_bytes,
                     t->length_bytes);
    if (!m->sealed)
        return;
    hash_hex(m->facts.sha256, hex);
    if (strcmp(hex, t->sha256) != 0)
        fsck_problem(d->f, UPKEEP_MASTER, where, restore,
                     "it was sealed with SHA-256 %s, the catalogue has %s", hex, t->sha256);
    if (strcmp(m->facts.id, t->id) != 0)
        fsck_problem(d->f, UPKEEP_MASTER, where, "restore the catalogue from a back-up, or reindex",
                     "it was sealed as %.100s", m->facts.id);
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
    if (rc == ERR_OK) {
        snprintf(where, room, "%s in %s", t.id, d->file);
        compare(d, m, where, &t);
    }
    return rc;
}

static int look_at(void *arg, const struct raw_master *m, struct err *err)
{
    struct day *d = arg;
    char where[256];
    d->f->out->masters++;
    if (m->sealed && !m->flaw && m->facts.id[0])
        snprintf(where, sizeof where, "%.96s in %s", m->facts.id, d->file);
    else
        snprintf(where, sizeof where, "master %" PRId64 " in %s", m->key, d->file);
    if (m->flaw) {
        fsck_problem(d->f, UPKEEP_MASTER, where, restore, "%s", m->flaw);
        return ERR_OK;
    }
    int rc = compare_row(d, m, where, sizeof where, err);
    if (rc == ERR_OK && d->f->quick)
        return fsck_step(d->f, where, m->length_bytes, err);
    return rc < 0 ? rc : hash_master(d, m, where, err);
}

/* ---- the files ---- */

static int tell_flaw(void *arg, const char *text, struct err *err)
{
    struct day *d = arg;
    (void)err;
    fsck_problem(d->f, UPKEEP_MASTER, d->file, restore, "%s", text);
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
        fsck_problem(d.f, UPKEEP_FILE, file,
                     strstr(name, ".db.smaller") ? "left over from a sweep; the next one deletes it"
                                                 : "inspect it, then move it away",
                     "unknown file");
        return ERR_OK;
    }
    snprintf(d.file, sizeof d.file, "raw/%s.db", name);
    int rc =
        d.f->quick || is_written_to(name) ? ERR_OK : raw_check(d.f->raw, name, tell_flaw, &d, err);
    if (rc == ERR_OK)
        rc = raw_each(d.f->raw, name, look_at, &d, err);
    return fsck_check(d.f, UPKEEP_MASTER, d.file, restore, rc, err);
}

int fsck_masters(struct fsck *f, struct err *err)
{
    return raw_days(f->raw, look_at_day, f, err);
}
