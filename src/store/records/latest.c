/* latest: latest.db, what each tracker said last. Derived from the other files: after an unclean
 * end what it does not cover is added, and if it is lost or broken it is made anew from all of
 * them. */
#include "records_internal.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const uint16_t records_watched[RECORDS_WATCHED] = {AVL_ID_IGNITION,
                                                   AVL_ID_CAMERA_FRONT,
                                                   AVL_ID_CAMERA_REAR,
                                                   12301,
                                                   12302,
                                                   12303,
                                                   12304,
                                                   12305,
                                                   12306};

/* So far back the watched ids are looked for when it is made anew. */
#define RENEW_ROWS    "200"

/* After a failure it is not tried again in each batch. */
#define RETRY_US      (60 * INT64_C(1000000))

#define PAGE_TRACKERS 256
#define WATCHED_BYTES (RECORDS_WATCHED * 16)

/* ---- what records say ---- */

static void take_newest(struct records_latest *l, const struct records_latest *of)
{
    if (of->time_ms < l->time_ms)
        return;
    l->time_ms = of->time_ms;
    l->arrived_us = of->arrived_us;
    l->event_id = of->event_id;
    l->is_private = of->is_private;
    l->valid = of->valid;
    l->speed_kmh = of->speed_kmh;
    l->angle_deg = of->angle_deg;
}

static void take_fix(struct records_latest *l, const struct records_latest *of)
{
    if (of->fix_ms == 0 || of->fix_ms < l->fix_ms)
        return;
    l->fix_ms = of->fix_ms;
    l->longitude_e7 = of->longitude_e7;
    l->latitude_e7 = of->latitude_e7;
    l->altitude_m = of->altitude_m;
    l->satellites = of->satellites;
}

/* Whatever of them is newer, piece by piece. */
static void merge(struct records_latest *l, const struct records_latest *of)
{
    take_newest(l, of);
    take_fix(l, of);
    for (size_t i = 0; i < RECORDS_WATCHED; i++)
        if (of->watched[i].time_ms > 0 && of->watched[i].time_ms >= l->watched[i].time_ms)
            l->watched[i] = of->watched[i];
}

static void add_watched(struct records_latest *l, const struct avl_record *record)
{
    struct avl_ios walk = avl_record_ios(record);
    struct avl_io io;
    while (avl_ios_next(&walk, &io))
        for (size_t i = 0; i < RECORDS_WATCHED; i++)
            if (io.id == records_watched[i]) {
                l->watched[i].time_ms = (int64_t)record->time_ms;
                l->watched[i].value = avl_io_unsigned(&io);
            }
}

void records_latest_add(struct records_latest *latest, const struct avl_record *r,
                        int64_t arrived_us)
{
    if (r->time_ms > INT64_MAX || (int64_t)r->time_ms > arrived_us / 1000 + RECORDS_AHEAD_MS)
        return;
    struct records_latest one = {.time_ms = (int64_t)r->time_ms,
                                 .arrived_us = arrived_us,
                                 .event_id = r->event_id,
                                 .is_private = avl_private(r)};
    if (!one.is_private && avl_position_valid(r)) {
        one.valid = true;
        one.speed_kmh = r->speed_kmh;
        one.angle_deg = r->angle_deg;
        one.fix_ms = one.time_ms;
        one.longitude_e7 = r->longitude_e7;
        one.latitude_e7 = r->latitude_e7;
        one.altitude_m = r->altitude_m;
        one.satellites = r->satellites;
    }
    add_watched(&one, r);
    merge(latest, &one);
}

/* ---- rows ---- */

static uint64_t be64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static void put_be64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static bool read_row(sqlite3_stmt *st, struct records_latest *out)
{
    enum { FROM = 1, N = 11 };
    static const int64_t least[N] = {0, INT64_MIN, 0,         0,         0, 0,
                                     0, INT32_MIN, INT32_MIN, INT16_MIN, 0};
    static const int64_t most[N] = {INT64_MAX,  INT64_MAX,  UINT16_MAX, RECORDS_FLAGS,
                                    UINT16_MAX, UINT16_MAX, INT64_MAX,  INT32_MAX,
                                    INT32_MAX,  INT16_MAX,  UINT8_MAX};
    int64_t v[N];
    uint8_t watched[WATCHED_BYTES];
    size_t n;
    *out = (struct records_latest){.time_ms = 0};
    for (int i = 0; i < N; i++)
        if (!sqlx_int64(st, FROM + i, least[i], most[i], &v[i]))
            return false;
    if (!sqlx_text(st, 0, out->imei, sizeof out->imei) ||
        !sqlx_blob(st, FROM + N, watched, sizeof watched, &n) || n != sizeof watched)
        return false;
    out->time_ms = v[0];
    out->arrived_us = v[1];
    out->event_id = (uint16_t)v[2];
    out->is_private = v[3] & RECORDS_PRIVATE;
    out->valid = !(v[3] & RECORDS_NO_FIX);
    out->speed_kmh = (uint16_t)v[4];
    out->angle_deg = (uint16_t)v[5];
    out->fix_ms = v[6];
    out->longitude_e7 = (int32_t)v[7];
    out->latitude_e7 = (int32_t)v[8];
    out->altitude_m = (int16_t)v[9];
    out->satellites = (uint8_t)v[10];
    for (size_t i = 0; i < RECORDS_WATCHED; i++) {
        out->watched[i].time_ms = (int64_t)be64(watched + 16 * i);
        out->watched[i].value = be64(watched + 16 * i + 8);
    }
    return true;
}

static int write_row(struct records_file *f, const struct records_latest *l, struct err *err)
{
    uint8_t watched[WATCHED_BYTES];
    sqlite3_stmt *st = f->sql[RECORDS_SQL_LATEST_PUT];
    const int64_t values[] = {
        l->time_ms,     l->arrived_us,
        l->event_id,    (l->is_private ? RECORDS_PRIVATE : 0) | (l->valid ? 0 : RECORDS_NO_FIX),
        l->speed_kmh,   l->angle_deg,
        l->fix_ms,      l->longitude_e7,
        l->latitude_e7, l->altitude_m,
        l->satellites};
    const int n = sizeof values / sizeof *values;
    for (size_t i = 0; i < RECORDS_WATCHED; i++) {
        put_be64(watched + 16 * i, (uint64_t)l->watched[i].time_ms);
        put_be64(watched + 16 * i + 8, l->watched[i].value);
    }
    sqlx_bind_text(st, 1, l->imei);
    for (int i = 0; i < n; i++)
        sqlite3_bind_int64(st, i + 2, values[i]);
    sqlx_bind_blob(st, n + 2, watched, sizeof watched);
    return sqlx_run(st, err);
}

/* From that IMEI on, in order; *n: how many of at most `room`. */
static int read_rows(struct records_file *f, const char *from, struct records_latest *out,
                     size_t room, size_t *n, struct err *err)
{
    sqlite3_stmt *st = f->sql[RECORDS_SQL_LATEST];
    bool row = true;
    int rc = ERR_OK;
    *n = 0;
    sqlite3_bind_text(st, 1, from, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, (int64_t)room);
    while (*n < room && (rc = sqlx_step(st, &row, err)) == ERR_OK && row)
        if (!read_row(st, &out[(*n)++]))
            return sqlx_unreadable(st, err, RECORDS_LATEST ".db: a row is malformed");
    sqlx_reset(st);
    return rc;
}

/* ---- from the other files ---- */

struct list {
    struct records_latest *v; /* by IMEI */
    size_t n, room;
};

static int by_imei(const void *a, const void *b)
{
    return strcmp(((const struct records_latest *)a)->imei,
                  ((const struct records_latest *)b)->imei);
}

/* The one of that IMEI among the first n, or a new one at the end. */
static struct records_latest *of_imei(struct list *list, size_t n, const char *imei,
                                      struct err *err)
{
    struct records_latest key = {.time_ms = 0};
    memcpy(key.imei, imei, strnlen(imei, sizeof key.imei - 1));
    struct records_latest *l = n > 0 ? bsearch(&key, list->v, n, sizeof key, by_imei) : NULL;
    if (l)
        return l;
    if (list->n == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        struct records_latest *v = realloc(list->v, room * sizeof *v);
        if (!v) {
            err_nomem(err, "what trackers said last");
            return NULL;
        }
        list->v = v;
        list->room = room;
    }
    list->v[list->n] = key;
    return &list->v[list->n++];
}

/* One of them: codec, bytes, arrived_ms. */
static void add_row(const struct records_file *f, sqlite3_stmt *st, struct records_latest *l)
{
    struct avl_record r;
    struct err no_record;
    const uint8_t *bytes = sqlite3_column_blob(st, 1);
    size_t n = (size_t)sqlite3_column_bytes(st, 1);
    if (n > 0 && avl_record_decode(records_codec_of(sqlite3_column_int64(st, 0)), bytes, n, &r,
                                   &no_record) == ERR_OK) /* else fsck tells */
        records_latest_add(l, &r, (sqlite3_column_int64(st, 2) + f->base_ms) * 1000);
}

static int take_stamp(const struct records_file *f, struct records_cover *cover, struct err *err)
{
    memcpy(cover->name, f->name, sizeof cover->name);
    return records_stamp(f->db, &cover->at, err);
}

/* What records of a statement say, of which ?1 is bound here; its columns: codec, bytes,
 * arrived_ms. */
static int add_rows(const struct records_file *f, sqlite3_stmt *st, int64_t tracker,
                    struct records_latest *l, struct err *err)
{
    bool row = true;
    int rc = ERR_OK;
    sqlite3_bind_int64(st, 1, tracker);
    while ((rc = sqlx_step(st, &row, err)) == ERR_OK && row)
        add_row(f, st, l);
    sqlx_reset(st);
    return rc;
}

/* *cover: as the file was before that. */
static int gather_file(struct records *records, const char *name, const char *imei,
                       struct list *list, struct records_cover *cover, struct err *err)
{
    enum { NEWEST, FIX, KINDS };
    static const char *const sql[KINDS] = {
        "SELECT codec, bytes, arrived_ms FROM (SELECT * FROM record WHERE tracker = ?1"
        " ORDER BY ms DESC, n DESC LIMIT " RENEW_ROWS ") ORDER BY ms, n",
        "SELECT codec, bytes, arrived_ms FROM record WHERE tracker = ?1 AND flags = 0"
        " ORDER BY ms DESC, n DESC LIMIT 1"};
    sqlite3_stmt *st[KINDS] = {NULL};
    struct fsx_names imeis = {NULL, 0};
    struct records_file *f = NULL;
    size_t n = list->n;
    int rc = imei ? fsx_names_add(&imeis, imei, err) : records_imeis(records, name, &imeis, err);
    if (rc == ERR_OK && (rc = records_file_get(records, name, false, &f, err)) == ERR_OK)
        rc = take_stamp(f, cover, err);
    for (int i = 0; rc == ERR_OK && i < KINDS; i++)
        rc = sqlx_prepare(f->db, &st[i], sql[i], err);
    for (size_t i = 0; rc == ERR_OK && i < imeis.n; i++) {
        int64_t tracker = 0;
        struct records_latest *l = of_imei(list, n, imeis.name[i], err);
        if (!l)
            rc = err->code;
        else if (l->time_ms == 0 || l->fix_ms == 0)
            rc = records_tracker(f, l->imei, false, &tracker, err);
        if (rc == ERR_OK && tracker && l->time_ms == 0)
            rc = add_rows(f, st[NEWEST], tracker, l, err);
        if (rc == ERR_OK && tracker && l->fix_ms == 0)
            rc = add_rows(f, st[FIX], tracker, l, err);
    }
    if (list->n > n)
        qsort(list->v, list->n, sizeof *list->v, by_imei);
    for (int i = 0; i < KINDS; i++)
        sqlite3_finalize(st[i]);
    fsx_names_clear(&imeis);
    return rc;
}

/* What is behind `covered`. *cover as above. */
static int add_newer(struct records *records, const char *name, const struct records_cover *covered,
                     struct list *list, struct records_cover *cover, struct err *err)
{
    sqlite3_stmt *st = NULL;
    struct records_file *f;
    struct records_latest *l = NULL;
    char imei[AVL_IMEI_ROOM];
    size_t n = list->n;
    bool row = true;
    int rc = records_file_get(records, name, false, &f, err);
    if (rc == ERR_OK)
        rc = take_stamp(f, cover, err);
    bool grown = rc == ERR_OK && cover->at.gone == covered->at.gone && cover->at.n >= covered->at.n;
    if (rc < 0 || (grown && cover->at.n == covered->at.n))
        return rc;
    rc = sqlx_prepare(f->db, &st,
                      "SELECT codec, bytes, arrived_ms, imei FROM record JOIN tracker"
                      " ON tracker.id = record.tracker WHERE n > ?1 ORDER BY imei, n",
                      err);
    if (rc == ERR_OK) /* with anything deleted, numbers may have come again */
        sqlite3_bind_int64(st, 1, grown ? covered->at.n : -1);
    while (rc == ERR_OK && (rc = sqlx_step(st, &row, err)) == ERR_OK && row) {
        if (!sqlx_text(st, 3, imei, sizeof imei))
            rc = sqlx_unreadable(st, err, "%s.db: an IMEI is malformed", name);
        else if ((!l || strcmp(l->imei, imei) != 0) && !(l = of_imei(list, n, imei, err)))
            rc = err->code;
        else
            add_row(f, st, l);
    }
    sqlite3_finalize(st);
    if (list->n > n)
        qsort(list->v, list->n, sizeof *list->v, by_imei);
    return rc;
}

struct covers {
    struct records_cover *v; /* by name */
    size_t n;
};

/* What to find out of the other files, and what of them then is covered. */
struct found {
    const char *imei;             /* of one tracker; NULL: of all */
    const struct covers *covered; /* only what is behind these; NULL: all */
    struct list list;
    struct covers covers;
};

static void found_clear(struct found *found)
{
    free(found->list.v);
    free(found->covers.v);
}

static int gather_one(struct records *records, const char *name, struct found *found,
                      struct err *err)
{
    static const struct records_cover nothing = {.at.n = -1};
    const struct records_cover *covered = &nothing;
    struct records_cover *cover = &found->covers.v[found->covers.n];
    for (size_t i = 0; found->covered && i < found->covered->n; i++)
        if (strcmp(found->covered->v[i].name, name) == 0)
            covered = &found->covered->v[i];
    int rc = found->covered ? add_newer(records, name, covered, &found->list, cover, err)
                            : gather_file(records, name, found->imei, &found->list, cover, err);
    found->covers.n += rc == ERR_OK;
    return rc;
}

/* The newest file first, so what is found is what counts. A file that cannot be read is fsck's. */
static int gather(struct records *records, struct found *found, struct err *err)
{
    struct fsx_names names;
    int rc = records_names(records, &names, err);
    if (rc == ERR_OK && !(found->covers.v = calloc(names.n + 1, sizeof *found->covers.v)))
        rc = err_nomem(err, "what trackers said last");
    for (size_t i = names.n; rc == ERR_OK && i-- > 0;) {
        if (strcmp(names.name[i], RECORDS_ODD) == 0)
            continue;
        rc = gather_one(records, names.name[i], found, err);
        rc = err_is_temporary(rc) ? rc : ERR_OK;
    }
    fsx_names_clear(&names);
    return rc;
}

/* ---- its transactions ---- */

/* It is not worth to be set aside. */
static int delete_it(struct records *records, struct err *err)
{
    char *path = NULL;
    records_file_close(records, RECORDS_LATEST);
    int rc = records_path(records, RECORDS_LATEST, &path, err);
    if (rc == ERR_OK)
        rc = sqlx_delete_file(path, err);
    free(path);
    return rc;
}

/* *clean: -1 if it is empty, or not yet told; `durable`: its commit waits for the disk. */
static int begin(struct records *records, bool durable, struct records_file **f, int64_t *clean,
                 struct err *err)
{
    int rc = records_file_get(records, RECORDS_LATEST, true, f, err);
    if (rc == ERR_OK)
        rc = records_file_lazy(*f, !durable, err);
    if (rc == ERR_OK)
        rc = records_file_begin(records, RECORDS_LATEST, true, f, err);
    if (rc == ERR_OK &&
        (rc = sqlx_number((*f)->db, "SELECT coalesce((SELECT clean FROM state), -1)", clean, err)) <
            0)
        rc = records_file_end(records, *f, rc, err);
    return rc;
}

static int set_clean(struct records_file *f, bool clean, struct err *err)
{
    return sqlx_exec(f->db,
                     clean ? "INSERT OR REPLACE INTO state(one, clean) VALUES(1, 1)"
                           : "INSERT OR REPLACE INTO state(one, clean) VALUES(1, 0)",
                     err);
}

/* All that it covers, from now on. */
static int write_covers(struct records_file *f, const struct records_cover *v, size_t n,
                        struct err *err)
{
    sqlite3_stmt *st = f->sql[RECORDS_SQL_COVER_PUT];
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        sqlx_bind_text(st, 1, v[i].name);
        sqlite3_bind_int64(st, 2, v[i].at.n);
        sqlite3_bind_int64(st, 3, v[i].at.gone);
        rc = sqlx_run(st, err);
    }
    return rc;
}

static int read_covers(struct records_file *f, struct covers *out, struct err *err)
{
    sqlite3_stmt *st = f->sql[RECORDS_SQL_COVERS];
    int64_t n;
    bool row = true;
    int rc = sqlx_number(f->db, "SELECT count(*) FROM cover", &n, err);
    *out = (struct covers){NULL, 0};
    if (rc == ERR_OK && !(out->v = calloc((size_t)n + 1, sizeof *out->v)))
        rc = err_nomem(err, "what trackers said last");
    while (rc == ERR_OK && (int64_t)out->n < n && (rc = sqlx_step(st, &row, err)) == ERR_OK &&
           row) {
        struct records_cover *c = &out->v[out->n++];
        if (!sqlx_text(st, 0, c->name, sizeof c->name) ||
            !sqlx_int64(st, 1, 0, INT64_MAX, &c->at.n) ||
            !sqlx_int64(st, 2, 0, INT64_MAX, &c->at.gone))
            rc = sqlx_unreadable(st, err, RECORDS_LATEST ".db: a row is malformed");
    }
    sqlx_reset(st);
    return rc;
}

/* These n, merged with what is in it. */
static int merge_rows(struct records_file *f, const struct records_latest *v, size_t n,
                      struct err *err)
{
    struct records_latest l;
    size_t found;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        if (v[i].time_ms == 0)
            continue;
        rc = read_rows(f, v[i].imei, &l, 1, &found, err);
        if (rc == ERR_OK && (found == 0 || strcmp(l.imei, v[i].imei) != 0))
            l = v[i];
        else if (rc == ERR_OK)
            merge(&l, &v[i]);
        if (rc == ERR_OK)
            rc = write_row(f, &l, err);
    }
    return rc;
}

/* covered: what is in it already; NULL: nothing that is of use. */
static int renew(struct records *records, const struct covers *covered, struct err *err)
{
    struct found found = {.covered = covered};
    struct records_file *f;
    int64_t clean;
    int rc = gather(records, &found, err);
    if (rc == ERR_OK && !covered)
        rc = delete_it(records, err);
    if (rc == ERR_OK && (rc = begin(records, true, &f, &clean, err)) == ERR_OK) {
        rc = sqlx_exec(f->db, "DELETE FROM cover", err);
        if (rc == ERR_OK)
            rc = set_clean(f, false, err);
        if (rc == ERR_OK)
            rc = merge_rows(f, found.list.v, found.list.n, err);
        if (rc == ERR_OK)
            rc = write_covers(f, found.covers.v, found.covers.n, err);
        rc = records_file_end(records, f, rc, err);
    }
    found_clear(&found);
    return rc;
}

int records_latest_open(struct records *records, struct err *err)
{
    struct records_file *f;
    struct covers covered = {NULL, 0};
    int64_t clean = -1;
    int rc = begin(records, true, &f, &clean, err);
    if (rc == ERR_OK) {
        rc = read_covers(f, &covered, err);
        if (rc == ERR_OK)
            rc = set_clean(f, false, err);
        rc = records_file_end(records, f, rc, err);
    }
    if (rc == ERR_OK && clean == 0)
        rc = renew(records, &covered, err);
    if (records_file_is_bad(rc) || (rc == ERR_OK && clean < 0))
        rc = renew(records, NULL, err);
    free(covered.v);
    return rc;
}

void records_latest_close(struct records *records)
{
    struct records_file *f;
    struct err unimportant; /* then it is made anew */
    int64_t clean;
    if (records->latest_behind || begin(records, true, &f, &clean, &unimportant) < 0)
        return;
    if (records_file_end(records, f, clean < 0 ? ERR_AGAIN : set_clean(f, true, &unimportant),
                         &unimportant) < 0)
        return;
}

static int put_all(struct records *records, const struct records_latest *v, size_t n,
                   const struct records_cover *covers, size_t n_covers, struct err *err)
{
    struct records_file *f;
    int64_t clean;
    int rc = begin(records, false, &f, &clean, err);
    if (rc < 0)
        return rc;
    if (clean < 0) /* somebody deleted it meanwhile */
        rc = err_set(err, ERR_MALFORMED, RECORDS_LATEST ".db is empty");
    if (rc == ERR_OK)
        rc = merge_rows(f, v, n, err);
    if (rc == ERR_OK)
        rc = write_covers(f, covers, n_covers, err);
    return records_file_end(records, f, rc, err);
}

int records_latest_put(struct records *records, const struct records_latest *v, size_t n,
                       const struct records_cover *covers, size_t n_covers, struct err *err)
{
    int64_t now_us = clock_mono_us();
    int rc = ERR_OK;
    if (!records->latest_behind && (rc = put_all(records, v, n, covers, n_covers, err)) == ERR_OK)
        return rc;
    if (records->latest_behind && now_us - records->latest_tried_us < RETRY_US)
        return err_set(err, ERR_AGAIN, RECORDS_LATEST ".db is behind");
    records->latest_tried_us = now_us;
    if (!records->latest_behind && !records_file_is_bad(rc))
        return rc;
    if ((rc = renew(records, NULL, err)) == ERR_OK)
        records->latest_behind = false;
    return rc;
}

/* ---- gone ---- */

/* Its pages are written anew, too: it is small. *f is not to be used any more. */
static int end_anew(struct records *records, struct records_file *f, int rc, struct err *err)
{
    rc = records_file_end(records, f, rc, err);
    if (rc == ERR_OK)
        rc = sqlx_vacuum(f->db, records->dir, err);
    records_file_close(records, RECORDS_LATEST);
    return rc;
}

static int bind_and_run(struct records_file *f, const char *sql, const char *imei, int64_t us,
                        struct err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlx_prepare(f->db, &st, sql, err);
    if (rc == ERR_OK && imei)
        sqlx_bind_text(st, 1, imei);
    else if (rc == ERR_OK)
        sqlite3_bind_int64(st, 1, us);
    if (rc == ERR_OK)
        rc = sqlx_run(st, err);
    sqlite3_finalize(st);
    return rc;
}

/* Where there is none nothing is to be done. */
static int begin_old(struct records *records, struct records_file **f, struct err *err)
{
    int64_t clean;
    int rc = records_file_get(records, RECORDS_LATEST, false, f, err);
    return rc < 0 ? rc : begin(records, true, f, &clean, err);
}

int records_latest_erase(struct records *records, const char *imei, struct err *err)
{
    struct found found = {.imei = imei};
    struct records_file *f;
    int rc = gather(records, &found, err);
    if (rc == ERR_OK && (rc = begin_old(records, &f, err)) == ERR_OK) {
        rc = bind_and_run(f, "DELETE FROM latest WHERE imei = ?1", imei, 0, err);
        if (rc == ERR_OK && found.list.n > 0 && found.list.v[0].time_ms > 0)
            rc = write_row(f, &found.list.v[0], err);
        rc = end_anew(records, f, rc, err);
    }
    found_clear(&found);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

int records_latest_expire(struct records *records, int64_t before_us, struct err *err)
{
    struct records_file *f;
    int rc = begin_old(records, &f, err);
    if (rc < 0)
        return rc == ERR_NOTFOUND ? ERR_OK : rc;
    rc = bind_and_run(f, "DELETE FROM latest WHERE arrived_us < ?1", NULL, before_us, err);
    int64_t changed = sqlite3_changes64(f->db);
    if (rc == ERR_OK) /* a position is no younger than its record's arrival; nearly */
        rc = bind_and_run(f,
                          "UPDATE latest SET fix_ms = 0, longitude_e7 = 0, latitude_e7 = 0,"
                          " altitude_m = 0, satellites = 0 WHERE fix_ms > 0 AND fix_ms < ?1",
                          NULL, before_us / 1000, err);
    changed += sqlite3_changes64(f->db);
    return changed > 0 ? end_anew(records, f, rc, err) : records_file_end(records, f, rc, err);
}

/* ---- reading ---- */

static void hide(struct records_latest *l)
{
    if (!l->is_private)
        return;
    l->valid = false;
    l->fix_ms = 0;
    l->longitude_e7 = l->latitude_e7 = 0;
    l->altitude_m = 0;
    l->speed_kmh = l->angle_deg = 0;
    l->satellites = 0;
}

static int read_one(struct records *records, const char *imei, records_latest_fn *fn, void *arg,
                    struct err *err)
{
    struct records_file *f;
    struct records_latest l;
    size_t n = 0;
    int rc = records_file_get(records, RECORDS_LATEST, false, &f, err);
    if (rc == ERR_OK)
        rc = read_rows(f, imei, &l, 1, &n, err);
    if (rc == ERR_NOTFOUND || (rc == ERR_OK && (n == 0 || strcmp(l.imei, imei) != 0)))
        return err_set(err, ERR_NOTFOUND, "no records of tracker %.15s", imei);
    if (rc < 0)
        return rc;
    hide(&l);
    return fn(arg, &l, err);
}

int records_latest(struct records *records, const char *imei, records_latest_fn *fn, void *arg,
                   struct err *err)
{
    struct records_file *f;
    char from[AVL_IMEI_ROOM + 1] = "";
    size_t n = PAGE_TRACKERS;
    if (imei)
        return read_one(records, imei, fn, arg, err);
    struct records_latest *page = calloc(PAGE_TRACKERS, sizeof *page);
    int rc = page ? ERR_OK : err_nomem(err, "what trackers said last");
    while (rc == ERR_OK && n == PAGE_TRACKERS) {
        rc = records_file_get(records, RECORDS_LATEST, false, &f, err);
        if (rc == ERR_OK)
            rc = read_rows(f, from, page, PAGE_TRACKERS, &n, err);
        if (rc == ERR_NOTFOUND) {
            rc = ERR_OK;
            break;
        }
        for (size_t i = 0; rc == ERR_OK && i < n; i++) {
            hide(&page[i]);
            rc = fn(arg, &page[i], err);
        }
        if (n > 0) /* the next one behind it */
            snprintf(from, sizeof from, "%s!", page[n - 1].imei);
    }
    free(page);
    return rc;
}
