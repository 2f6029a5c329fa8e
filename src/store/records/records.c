/* records: the store opened and closed, and records put into it. */
#include "records_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static size_t files_max(void)
{
    struct rlimit may;
    if (getrlimit(RLIMIT_NOFILE, &may) < 0 || may.rlim_cur / 12 > RECORDS_FILES_OPEN)
        return RECORDS_FILES_OPEN;
    return may.rlim_cur / 12 < 4 ? 4 : may.rlim_cur / 12;
}

int records_open(struct records **out, const char *root, enum records_mode mode, struct err *err)
{
    struct records *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return err_nomem(err, "the store of records");
    r->mode = mode;
    r->files_max = files_max();
    int rc = fsx_path(&r->dir, err, "%s/" RECORDS_DIR, root);
    if (rc == ERR_OK)
        rc = root_read(root, RECORDS_DIR, &r->root, err);
    if (rc == ERR_OK && mode == RECORDS_WRITE && !root_id_known(&r->root))
        rc = err_set(err, ERR_FOREIGN, "%s does not say which ROOT it belongs to (no %s)", r->dir,
                     ROOT_ID_FILE);
    /* what one that was killed committed, and did not wait for, is known by now */
    if (rc == ERR_OK && mode == RECORDS_WRITE && (rc = records_sync(r, err)) == ERR_OK)
        rc = records_latest_open(r, err);
    if (rc < 0) {
        r->mode = RECORDS_READ; /* it is not up to date */
        records_close(&r);
    }
    *out = r;
    return rc;
}

void records_close(struct records **records)
{
    struct records *r = *records;
    if (!r)
        return;
    if (r->mode == RECORDS_WRITE)
        records_latest_close(r);
    while (r->unsettled.n > 0)
        records_settle_one(r);
    while (r->files)
        records_file_close(r, r->files->name);
    fsx_names_clear(&r->unsettled);
    free(r->dir);
    free(r);
    *records = NULL;
}

/* ---- storing ---- */

/* Files in one batch above which one waits for the disk for all of them, which may be a wait for
 * others, too, and each gives back what it has in memory. */
#define FILES_FEW 4

struct item {
    struct records_new *of;
    struct avl_record record;
    int64_t time_ms;
    int32_t hash;
    char file[RECORDS_NAME_ROOM];
};

static bool imei_ok(const char *imei)
{
    return strspn(imei, "0123456789") == 15 && imei[15] == '\0';
}

static int item_make(struct records_new *of, struct hash *h, struct item *out, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    *out = (struct item){.of = of};
    if (!imei_ok(of->imei))
        return err_set(err, ERR_MALFORMED, "records of '%.20s': not an IMEI", of->imei);
    int rc = avl_record_decode(of->codec, of->bytes, of->n, &out->record, err);
    if (rc < 0)
        return err_set(err, ERR_MALFORMED, "%s", err->text);
    hash_update(h, of->bytes, of->n);
    if ((rc = hash_final(h, digest, err)) < 0)
        return rc;
    out->hash = records_hash(digest);
    out->time_ms = records_ms(&out->record);
    records_name_of(out->time_ms, of->arrived_us, out->file);
    return ERR_OK;
}

/* By file, then who, then when: what lies together in an index is put there together. */
static int by_place(const void *pa, const void *pb)
{
    const struct item *a = pa, *b = pb;
    int c = strcmp(a->file, b->file);
    if (c == 0)
        c = strcmp(a->of->imei, b->of->imei);
    if (c != 0)
        return c;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    return a->of < b->of ? -1 : a->of > b->of; /* as they came */
}

static int is_known(struct records_file *f, int64_t tracker, const struct item *i, bool *out,
                    struct err *err)
{
    sqlite3_stmt *st = f->sql[RECORDS_SQL_SAME];
    sqlite3_bind_int64(st, 1, tracker);
    sqlite3_bind_int64(st, 2, i->time_ms - f->base_ms);
    sqlite3_bind_int64(st, 3, i->hash);
    sqlite3_bind_int64(st, 4, records_codec_number(i->of->codec));
    sqlx_bind_blob(st, 5, i->of->bytes, i->of->n);
    int rc = sqlx_step(st, out, err);
    sqlx_reset(st);
    return rc;
}

static int add(struct records_file *f, int64_t tracker, const struct item *i, struct err *err)
{
    const struct avl_record *r = &i->record;
    sqlite3_stmt *st = f->sql[RECORDS_SQL_ADD];
    const int64_t values[] = {tracker,
                              i->time_ms - f->base_ms,
                              i->of->arrived_us / 1000 - f->base_ms,
                              records_codec_number(i->of->codec),
                              r->priority,
                              r->event_id,
                              r->longitude_e7,
                              r->latitude_e7,
                              r->altitude_m,
                              r->angle_deg,
                              r->satellites,
                              r->speed_kmh,
                              records_flags(r),
                              i->hash};
    for (size_t v = 0; v < sizeof values / sizeof *values; v++)
        sqlite3_bind_int64(st, (int)v + 1, values[v]);
    sqlx_bind_blob(st, sizeof values / sizeof *values + 1, i->of->bytes, i->of->n);
    return sqlx_run(st, err);
}

/* All these n in one file's transaction. The states are of use only if it is committed. */
static int put_rows(struct records_file *f, struct item *v, size_t n, struct err *err)
{
    int64_t tracker = 0;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        bool known = false;
        if (i == 0 || strcmp(v[i - 1].of->imei, v[i].of->imei) != 0)
            rc = records_tracker(f, v[i].of->imei, true, &tracker, err);
        if (rc == ERR_OK)
            rc = is_known(f, tracker, &v[i], &known, err);
        if (rc == ERR_OK && !known)
            rc = add(f, tracker, &v[i], err);
        v[i].of->state = known ? RECORDS_KNOWN : RECORDS_STORED;
    }
    return rc;
}

/* *cover: as it is then. */
static int put_file_once(struct records *r, struct item *v, size_t n, struct records_cover *cover,
                         struct err *err)
{
    struct records_file *f;
    int rc = records_file_begin(r, v->file, true, &f, err);
    snprintf(cover->name, sizeof cover->name, "%s", v->file);
    if (rc == ERR_OK) {
        rc = put_rows(f, v, n, err);
        if (rc == ERR_OK)
            rc = records_stamp(f->db, &cover->at, err);
        rc = records_file_end(r, f, rc, err);
        if (r->lazy)
            sqlite3_db_release_memory(f->db);
    }
    for (size_t i = 0; rc < 0 && i < n; i++)
        v[i].of->state = RECORDS_MISSING;
    return rc;
}

/* A file that will not get better is set aside, once; what is wrong with the new one, too, is not
 * the file. */
static int put_file(struct records *r, struct item *v, size_t n, struct records_cover *cover,
                    struct records_done *out, struct err *err)
{
    int rc = put_file_once(r, v, n, cover, err);
    if (!records_file_is_bad(rc) || r->keep_in_place)
        return rc;
    if ((rc = records_file_aside(r, v->file, out->aside, err)) < 0)
        return rc;
    rc = put_file_once(r, v, n, cover, err);
    r->keep_in_place = records_file_is_bad(rc);
    return rc;
}

static size_t count_files(const struct item *v, size_t n)
{
    size_t files = n > 0;
    for (size_t i = 1; i < n; i++)
        files += strcmp(v[i - 1].file, v[i].file) != 0;
    return files;
}

/* What is new of each tracker, a struct each of its turns in the order of files. */
static int tell_latest(struct records *r, const struct item *v, size_t n,
                       const struct records_cover *covers, size_t n_covers, struct err *err)
{
    size_t used = 0;
    const char *imei = NULL;
    struct records_latest *all = n > 0 ? calloc(n, sizeof *all) : NULL;
    if (n > 0 && !all)
        return err_nomem(err, "what trackers said last");
    for (size_t i = 0; i < n; i++) {
        if (v[i].of->state == RECORDS_MISSING || strcmp(v[i].file, RECORDS_ODD) == 0)
            continue; /* what is known may have come when nobody could tell */
        if (!imei || strcmp(imei, v[i].of->imei) != 0)
            memcpy(all[used++].imei, v[i].of->imei, AVL_IMEI_ROOM);
        imei = v[i].of->imei;
        records_latest_add(&all[used - 1], &v[i].record, v[i].of->arrived_us);
    }
    int rc = used > 0 || r->latest_behind ? records_latest_put(r, all, used, covers, n_covers, err)
                                          : ERR_OK;
    free(all);
    return rc;
}

static void count_states(const struct records_new *v, size_t n, struct records_done *out)
{
    for (size_t i = 0; i < n; i++) {
        out->stored += v[i].state == RECORDS_STORED;
        out->known += v[i].state == RECORDS_KNOWN;
    }
}

int records_put(struct records *r, struct records_new *v, size_t n, struct records_done *out,
                struct err *err)
{
    struct hash *h = NULL;
    struct err one = {.code = ERR_OK};
    size_t good = 0;
    *out = (struct records_done){0};
    for (size_t i = 0; i < n; i++)
        v[i].state = RECORDS_MISSING;
    if (n == 0)
        return ERR_OK;
    r->batch++;
    size_t n_covers = 0;
    struct records_cover *covers = calloc(n, sizeof *covers); /* of the files that were put into */
    struct item *items = calloc(n, sizeof *items);
    int first = items && covers ? hash_new(&h, err) : err_nomem(err, "a batch of records");
    if (first < 0) {
        free(covers);
        free(items);
        return first;
    }
    for (size_t i = 0; i < n; i++) {
        int rc = item_make(&v[i], h, &items[good], &one);
        good += rc == ERR_OK;
        if (rc < 0 && first == ERR_OK)
            first = (*err = one).code;
    }
    qsort(items, good, sizeof *items, by_place);
    r->lazy = count_files(items, good) > FILES_FEW;
    r->unsynced |= r->lazy;
    for (size_t i = 0, next; i < good; i = next) {
        for (next = i + 1; next < good && strcmp(items[i].file, items[next].file) == 0; next++)
            ;
        int rc = put_file(r, &items[i], next - i, &covers[n_covers], out, &one);
        n_covers += rc == ERR_OK && strcmp(items[i].file, RECORDS_ODD) != 0;
        if (rc < 0 && first == ERR_OK)
            first = (*err = one).code;
    }
    if (r->unsynced && records_sync(r, &one) < 0) {
        first = (*err = one).code;
        for (size_t i = 0; i < n; i++)
            v[i].state = RECORDS_MISSING;
    }
    if (!r->lazy)
        records_settle_one(r);
    r->lazy = false;
    /* They are on disk: that latest.db is behind is no reason to have them sent again. */
    r->latest_behind |= tell_latest(r, items, good, covers, n_covers, &one) < 0;
    count_states(v, n, out);
    hash_free(&h);
    free(covers);
    free(items);
    return first;
}
