/* raw, inside: the day files and the list of those that are open. */
#ifndef DASHSPOOL_RAW_INTERNAL_H
#define DASHSPOOL_RAW_INTERNAL_H

#include "dashspool/raw.h"
#include "dashspool/root.h"
#include "sqlx/sqlx.h"

/* Day files kept open: today's and yesterday's for the receiver, two more for readers. A day with a
 * transaction is never closed, so there may be more until the commit. */
#define RAW_DAYS_OPEN 4

enum raw_sql {
    RAW_SQL_APPEND,
    RAW_SQL_TAIL,
    RAW_SQL_CHUNK,
    RAW_SQL_BEGIN,
    RAW_SQL_SEAL,
    RAW_SQL_FACTS,
    RAW_SQL_HIGHEST,
    RAW_SQL_DROP_CHUNKS,
    RAW_SQL_DROP_MASTER,
    RAW_SQL_DROPPED,
    RAW_SQL_ROLLBACK,
    RAW_SQL_COUNT
};

struct raw_dayfile {
    struct raw_dayfile *next;
    char day[RAW_DAY_ROOM];
    struct root_id root; /* that it says */
    sqlite3 *db;
    sqlite3_stmt *sql[RAW_SQL_COUNT];
    bool writing; /* a transaction was begun and is neither committed nor rolled back */
};

struct raw_site;

struct raw {
    struct raw_site *site; /* its engine is site.c, and the rest is not used; NULL: day files */
    char *dir;
    struct root_id root;      /* that of ROOT; none: not known */
    struct raw_dayfile *days; /* the last used first */
};

/* The day's open file, borrowed until the next call. ERR_MALFORMED for what is no day; without
 * `create` ERR_NOTFOUND if there is no such file. */
int raw_dayfile_get(struct raw *raw, const char *day, bool create, struct raw_dayfile **out,
                    struct err *err) DS_MUST_CHECK;

/* Begins the day's transaction if it has none. ERR_FOREIGN: it holds what nobody knows the ROOT of.
 */
int raw_dayfile_begin(const struct raw *raw, struct raw_dayfile *d, struct err *err) DS_MUST_CHECK;

/* In that transaction: the row that says whose a master is. ERR_MALFORMED: the key has one. */
int raw_begin_master(const struct raw *raw, struct raw_dayfile *d, int64_t key,
                     const struct raw_facts *whose, struct err *err) DS_MUST_CHECK;

/* Closes the longest unused days that have no transaction, until `keep` are open. */
void raw_dayfile_trim(struct raw *raw, size_t keep);

void raw_dayfile_free(struct raw_dayfile **d);

/* ---- site.c: the same of a site's masters, as raw.h says; what is not here it cannot do ---- */

/* A master's texts and wire bytes, as they are read; what borrows them sets the texts of *f. */
struct raw_kept {
    char id[96], imei[32], camera[32], kind[32], source[32];
    uint8_t wire[4][RAW_WIRE_BYTES_MAX]; /* INIT, metadata, START, path */
    size_t wire_bytes[4];
};
static inline void raw_kept_facts(const struct raw_kept *k, struct raw_facts *f)
{
    f->id = k->id;
    f->imei = k->imei;
    f->camera = k->camera;
    f->kind = k->kind;
    f->source = k->source;
    f->init = k->wire[0];
    f->meta = k->wire[1];
    f->start = k->wire[2];
    f->path = k->wire[3];
    f->init_bytes = k->wire_bytes[0];
    f->meta_bytes = k->wire_bytes[1];
    f->start_bytes = k->wire_bytes[2];
    f->path_bytes = k->wire_bytes[3];
}

int raw_site_open(struct raw_site **out, struct err *err) DS_MUST_CHECK;
void raw_site_close(struct raw_site **site);
int raw_site_stat(struct raw_site *s, const char *day, int64_t key, int64_t *length_bytes,
                  uint8_t sha256[HASH_BYTES], struct err *err) DS_MUST_CHECK;
int raw_site_copy(struct raw_site *s, const char *day, int64_t key, raw_sink_fn *fn, void *arg,
                  struct err *err) DS_MUST_CHECK;
int raw_site_read_chunk(struct raw_site *s, const char *day, int64_t key, int64_t at,
                        int64_t length, uint8_t out[RAW_CHUNK_BYTES], size_t *n,
                        struct err *err) DS_MUST_CHECK;
int raw_site_each(struct raw_site *s, const char *day, raw_master_fn *fn, void *arg,
                  struct err *err) DS_MUST_CHECK;
int raw_site_one(struct raw_site *s, const char *day, int64_t key, raw_master_fn *fn, void *arg,
                 struct err *err) DS_MUST_CHECK;
int raw_site_check_whose(struct raw_site *s, const char *day, int64_t key,
                         const struct raw_facts *whose, struct err *err) DS_MUST_CHECK;
int raw_site_days(struct raw_site *s, raw_name_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;
int raw_site_highest_key(struct raw_site *s, const char *day, int64_t *out,
                         struct err *err) DS_MUST_CHECK;
int raw_site_sum(struct raw_site *s, const char *day, struct raw_sum *out,
                 struct err *err) DS_MUST_CHECK;
int raw_site_check(struct raw_site *s, const char *day, raw_flaw_fn *fn, void *arg,
                   struct err *err) DS_MUST_CHECK;
int raw_site_drop(struct raw_site *s, const char *day, int64_t key, struct err *err) DS_MUST_CHECK;
int raw_site_commit(struct raw_site *s, struct err *err) DS_MUST_CHECK;
void raw_site_rollback(struct raw_site *s);

/* Deletes the objects that no row has any more. */
int raw_site_reap(struct raw_site *s, int64_t *freed_bytes, struct err *err) DS_MUST_CHECK;

#endif
