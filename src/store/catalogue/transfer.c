#include "catalogue_internal.h"
#include "dashspool/clock.h"
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Every column but key and id, in the order of bind_columns() and read_columns(). */
#define COLUMNS                                                                       \
    "imei, camera, kind, source, state, published, day, arrived_us, completed_us, "   \
    "length_bytes, sha256, known, meta_version, time_us, trigger_raw, trigger_name, " \
    "length_s, fps, tz_min, lat_deg, lon_deg, trigger_time_us, peer, protocol_id, "   \
    "packets, crc_errors, resumes, init, meta, start, path, events, driver, "         \
    "connections, bytes_lost, duplicates, from_0, set_aside, remade"
#define VALUES                                                                         \
    "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, "   \
    "?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, " \
    "?36, ?37, ?38, ?39, ?40, ?41"
#define SELECT "SELECT key, id, " COLUMNS " FROM transfer "

const char *const catalogue_transfer_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_CAMERA_SEEN] =
        "INSERT INTO camera(imei, camera, first_us, last_us) VALUES(?1, ?2, ?3, ?3)"
        " ON CONFLICT(imei, camera) DO UPDATE SET"
        " first_us = iif(camera.first_us = 0 OR excluded.first_us = 0,"
        "  max(camera.first_us, excluded.first_us), min(camera.first_us, excluded.first_us)),"
        " last_us = max(camera.last_us, excluded.last_us)",
    [CATALOGUE_SQL_KEYS_ROW] = "INSERT INTO sqlite_sequence(name, seq) SELECT 'transfer', 0"
                               " WHERE NOT EXISTS(SELECT 1 FROM sqlite_sequence"
                               " WHERE name = 'transfer')",
    [CATALOGUE_SQL_KEYS_ABOVE] =
        "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'transfer' AND seq < ?1",
    [CATALOGUE_SQL_ADD] = "INSERT INTO transfer(key, id, " COLUMNS ") VALUES(?1, ?2, " VALUES ")",
    /* on a site, somebody else may just have taken the id */
    [CATALOGUE_SQL_ADD_NEW] = "INSERT INTO transfer(id, " COLUMNS ") VALUES(?2, " VALUES ")"
                              " ON CONFLICT DO NOTHING",
    [CATALOGUE_SQL_HIGHEST_KEY] =
        "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name"
        " = 'transfer'), 0), coalesce((SELECT max(key) FROM transfer), 0))",
    [CATALOGUE_SQL_UPDATE] = "UPDATE transfer SET (" COLUMNS ") = (" VALUES ") WHERE key = ?1",
    /* what events show of it is as it was: length_bytes and the counts of frames, which a receiver
     * writes all the time, are none of that */
    [CATALOGUE_SQL_UNCHANGED] =
        "SELECT 1 FROM transfer WHERE key = ?1 AND (imei, camera, kind, state, arrived_us, known,"
        " time_us, trigger_name, length_s, tz_min, lat_deg, lon_deg, start, path, set_aside,"
        " remade) IS NOT DISTINCT FROM (?3, ?4, ?5, ?7, ?10, ?14, ?16, ?18, ?19, ?21, ?22, ?23, "
        "?32, ?33, ?40, ?41)",
    [CATALOGUE_SQL_REMOVE] = "DELETE FROM transfer WHERE key = ?1",
    [CATALOGUE_SQL_BY_KEY] = (SELECT "WHERE key = ?1"),
    [CATALOGUE_SQL_BY_ID] = (SELECT "WHERE id = ?1"),
    [CATALOGUE_SQL_SAME] =
        (SELECT "WHERE sha256 = ?1 AND imei = ?2 AND camera = ?3 AND kind = ?4"
                " AND length_bytes = ?5 AND state = 'stored' AND key <> ?6 AND key > ?7"
                " ORDER BY key LIMIT 1"),
    [CATALOGUE_SQL_WITH] = (SELECT "WHERE sha256 = ?1 AND length_bytes = ?2 AND state = 'stored'"
                                   " AND key > ?3 ORDER BY key LIMIT 1"),
    [CATALOGUE_SQL_RESUMABLE] =
        (SELECT
         "INDEXED BY transfer_unfinished WHERE imei = ?1 AND camera = ?2 AND kind = ?3"
         " AND state = 'partial' AND state <> 'stored' AND set_aside = 0 AND meta IS NOT NULL"
         " AND time_us = ?4 AND length_s IS NOT DISTINCT FROM ?5"
         " AND start IS NOT DISTINCT FROM ?6 AND path IS NOT DISTINCT FROM ?7 ORDER BY "
         "length_bytes DESC, key DESC LIMIT 1"),
    [CATALOGUE_SQL_LOAD] = "SELECT count(*), coalesce(sum(length_bytes), 0) FROM transfer"
                           " WHERE imei = ?1 AND arrived_us >= ?2",
};

/* Binds the numbered parameters one after the other. */
struct binder {
    struct rows_st *st;
    int at;
};

static void put_text(struct binder *b, const char *text)
{
    rows_bind_text(b->st, b->at++, text);
}

static void put_int(struct binder *b, int64_t v)
{
    rows_bind_int64(b->st, b->at++, v);
}

/* NULL if it is nothing and nobody says that it was there. */
static void put_text_or_null(struct binder *b, const char *text)
{
    rows_bind_word(b->st, b->at++, text);
}

static void put_int_or_null(struct binder *b, int64_t v, unsigned there)
{
    if (v != 0 || there)
        rows_bind_int64(b->st, b->at, v);
    b->at++;
}

static void put_double_or_null(struct binder *b, double v, unsigned there)
{
    if (v < 0 || v > 0 || there)
        rows_bind_double(b->st, b->at, v);
    b->at++;
}

static void put_blob(struct binder *b, const uint8_t *data, size_t n)
{
    rows_bind_blob(b->st, b->at++, data, n);
}

static void bind_columns(struct rows_st *st, const struct catalogue_transfer *t)
{
    struct binder b = {st, 3};
    unsigned known = t->known;
    put_text(&b, t->imei);
    put_text(&b, t->camera);
    put_text(&b, t->kind);
    put_text(&b, t->source);
    put_text(&b, catalogue_state_name(t->state));
    put_int(&b, t->published);
    put_text(&b, t->day);
    put_int(&b, t->arrived_us);
    put_int_or_null(&b, t->completed_us, 0);
    put_int(&b, t->length_bytes);
    put_text_or_null(&b, t->sha256);
    put_int(&b, known);
    put_int_or_null(&b, t->meta_version, known & CATALOGUE_HAS_META);
    put_int_or_null(&b, t->time_us, known & CATALOGUE_TIME_OK);
    put_int_or_null(&b, t->trigger, known & CATALOGUE_HAS_META);
    put_text_or_null(&b, t->trigger_name);
    put_int_or_null(&b, t->length_s, known & CATALOGUE_HAS_META);
    put_int_or_null(&b, t->fps, known & CATALOGUE_FPS_OK);
    put_int_or_null(&b, t->tz_min, known & CATALOGUE_ZONE_OK);
    put_double_or_null(&b, t->lat_deg, known & CATALOGUE_POSITION_OK);
    put_double_or_null(&b, t->lon_deg, known & CATALOGUE_POSITION_OK);
    put_int_or_null(&b, t->trigger_time_us, known & CATALOGUE_TRIGGER_TIME_OK);
    put_text_or_null(&b, t->peer);
    put_int(&b, t->protocol_id);
    put_int(&b, t->packets);
    put_int(&b, t->crc_errors);
    put_int(&b, t->resumes);
    put_blob(&b, t->wire.init, t->wire.init_n);
    put_blob(&b, t->wire.meta, t->wire.meta_n);
    put_blob(&b, t->wire.start, t->wire.start_n);
    put_blob(&b, t->wire.path, t->wire.path_n);
    put_int_or_null(&b, t->events, known & CATALOGUE_EVENTS_OK);
    put_text_or_null(&b, t->driver);
    put_int(&b, t->connections);
    put_int(&b, t->bytes_lost);
    put_int(&b, t->duplicates);
    put_int(&b, t->from_0);
    put_int(&b, t->set_aside);
    put_int(&b, t->remade);
}

/* Reads the columns one after the other; bad is sticky. */
struct columns {
    struct rows_st *st;
    int at;
    bool bad;
};

static void get_text(struct columns *c, char *out, size_t room)
{
    c->bad |= !rows_text(c->st, c->at++, out, room);
}

static int64_t get_int64(struct columns *c, int64_t min, int64_t max)
{
    int64_t v;
    c->bad |= !rows_int64(c->st, c->at++, min, max, &v);
    return v;
}

static int get_int(struct columns *c)
{
    return (int)get_int64(c, INT_MIN, INT_MAX);
}

static double get_double(struct columns *c)
{
    double v;
    c->bad |= !rows_double(c->st, c->at++, &v);
    return v;
}

static size_t get_blob(struct columns *c, uint8_t *out, size_t room)
{
    size_t n;
    c->bad |= !rows_blob(c->st, c->at++, out, room, &n);
    return n;
}

static enum catalogue_state get_state(struct columns *c)
{
    char name[16];
    get_text(c, name, sizeof name);
    for (enum catalogue_state s = CATALOGUE_RECEIVING; s <= CATALOGUE_PARTIAL; s++)
        if (strcmp(name, catalogue_state_name(s)) == 0)
            return s;
    c->bad = true;
    return CATALOGUE_PARTIAL;
}

static bool read_columns(struct rows_st *st, struct catalogue_transfer *t)
{
    struct columns c = {st, 0, false};
    t->key = get_int64(&c, 1, INT64_MAX);
    get_text(&c, t->id, sizeof t->id);
    get_text(&c, t->imei, sizeof t->imei);
    get_text(&c, t->camera, sizeof t->camera);
    get_text(&c, t->kind, sizeof t->kind);
    get_text(&c, t->source, sizeof t->source);
    t->state = get_state(&c);
    t->published = get_int64(&c, 0, 1) != 0;
    get_text(&c, t->day, sizeof t->day);
    t->arrived_us = get_int64(&c, INT64_MIN, INT64_MAX);
    t->completed_us = get_int64(&c, INT64_MIN, INT64_MAX);
    t->length_bytes = get_int64(&c, 0, INT64_MAX);
    get_text(&c, t->sha256, sizeof t->sha256);
    t->known = (unsigned)get_int64(&c, 0, UINT_MAX);
    t->meta_version = get_int(&c);
    t->time_us = get_int64(&c, INT64_MIN, INT64_MAX);
    t->trigger = get_int(&c);
    get_text(&c, t->trigger_name, sizeof t->trigger_name);
    t->length_s = get_int(&c);
    t->fps = get_int(&c);
    t->tz_min = get_int(&c);
    t->lat_deg = get_double(&c);
    t->lon_deg = get_double(&c);
    t->trigger_time_us = get_int64(&c, INT64_MIN, INT64_MAX);
    get_text(&c, t->peer, sizeof t->peer);
    t->protocol_id = get_int(&c);
    t->packets = get_int64(&c, INT64_MIN, INT64_MAX);
    t->crc_errors = get_int(&c);
    t->resumes = get_int(&c);
    t->wire.init_n = get_blob(&c, t->wire.init, sizeof t->wire.init);
    t->wire.meta_n = get_blob(&c, t->wire.meta, sizeof t->wire.meta);
    t->wire.start_n = get_blob(&c, t->wire.start, sizeof t->wire.start);
    t->wire.path_n = get_blob(&c, t->wire.path, sizeof t->wire.path);
    t->events = (unsigned)get_int64(&c, 0, UINT_MAX);
    get_text(&c, t->driver, sizeof t->driver);
    t->connections = get_int(&c);
    t->bytes_lost = get_int64(&c, 0, INT64_MAX);
    t->duplicates = get_int64(&c, 0, INT64_MAX);
    t->from_0 = get_int64(&c, 0, 1) != 0;
    t->set_aside = get_int64(&c, 0, 1) != 0;
    t->remade = (int)get_int64(&c, 0, CATALOGUE_REMADE_BESIDE);
    return !c.bad;
}

/* Steps a bound SELECT of one row and resets it. */
static int read_one(struct rows_st *st, struct catalogue_transfer *out, bool *found,
                    struct err *err)
{
    int rc = rows_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    int64_t key = rows_column(st, 0);
    if (!read_columns(st, out))
        return rows_unreadable(st, err, "catalogue: the row of transfer %" PRId64 " is malformed",
                               key);
    rows_reset(st);
    return rc;
}

/* Of a file nobody knows whether its camera works: 0, never here. */
static int camera_seen(struct catalogue *c, const struct catalogue_transfer *t, struct err *err)
{
    struct binder b = {catalogue_sql(c, CATALOGUE_SQL_CAMERA_SEEN, err), 1};
    put_text(&b, t->imei);
    put_text(&b, t->camera);
    put_int(&b, strcmp(t->source, "camera") == 0 ? t->arrived_us : 0);
    return rows_run(b.st, NULL, err);
}

int catalogue_highest_key(struct catalogue *c, int64_t *out, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_HIGHEST_KEY, err);
    bool row;
    int rc = rows_step(st, &row, err);
    *out = rc == ERR_OK && row ? rows_column(st, 0) : 0;
    rows_reset(st);
    return rc;
}

int catalogue_keys_above(struct catalogue *c, int64_t key, struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    if ((rc = rows_run(catalogue_sql(c, CATALOGUE_SQL_KEYS_ROW, err), NULL, err)) == ERR_OK) {
        struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_KEYS_ABOVE, err);
        rows_bind_int64(st, 1, key);
        rc = rows_run(st, NULL, err);
    }
    return catalogue_leave(c, own, rc, err);
}

/* ---- what a transfer is called ---- */

const char *const catalogue_id_sql[CATALOGUE_SQL_COUNT] = {
    /* also by one that is gone: its custody is there */
    [CATALOGUE_SQL_ID_TAKEN] = "SELECT 1 FROM transfer WHERE id = ?1"
                               " UNION ALL SELECT 1 FROM custody WHERE transfer = ?1 LIMIT 1",
};

/* One path component, whatever the columns say: the id becomes the name of files. */
static bool word_ok(const char *word)
{
    for (const char *p = word; *p; p++)
        if (!isalnum((unsigned char)*p))
            return false;
    return *word != '\0';
}

static int id_taken(struct catalogue *c, const char *id, bool *taken, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_ID_TAKEN, err);
    rows_bind_text(st, 1, id);
    int rc = rows_step(st, taken, err);
    rows_reset(st);
    return rc;
}

/* imei, camera and kind at their longest, 3 hyphens, a time in the year 294247; 11 more for the
 * suffix fit CATALOGUE_ID_ROOM. */
#define ID_BASE_ROOM 84

static void id_format(char *id, const char *base, uint32_t suffix)
{
    if (suffix < 2)
        snprintf(id, CATALOGUE_ID_ROOM, "%s", base);
    else
        snprintf(id, CATALOGUE_ID_ROOM, "%.*s-%" PRIu32, ID_BASE_ROOM - 1, base, suffix);
}

/* Sets t->id to "<imei>-<camera>-<kind>-<time>", with "-2", "-3" … if it is, or was, taken; in the
 * caller's transaction. ERR_MALFORMED: the columns cannot name a file. */
static int id_set(struct catalogue *c, struct catalogue_transfer *t, struct err *err)
{
    char when[CLOCK_TEXT_ROOM], base[ID_BASE_ROOM];
    if (!word_ok(t->imei) || !word_ok(t->camera) || !word_ok(t->kind))
        return err_set(err, ERR_MALFORMED, "catalogue: '%s-%s-%s' cannot name a transfer", t->imei,
                       t->camera, t->kind);
    clock_compact(t->known & CATALOGUE_TIME_OK ? t->time_us : t->arrived_us, when);
    snprintf(base, sizeof base, "%s-%s-%s-%s", t->imei, t->camera, t->kind, when);
    /* The first free id behind base. Doubling, then halving, because a camera with a stopped clock
     * can take thousands: `used` is always taken, `free` never. */
    uint32_t used = 0, free = 1;
    bool taken = true;
    int rc = ERR_OK;
    for (; rc == ERR_OK && free < UINT32_MAX / 2; used = free, free *= 2) {
        id_format(t->id, base, free);
        if ((rc = id_taken(c, t->id, &taken, err)) < 0 || !taken)
            break;
    }
    while (rc == ERR_OK && free - used > 1) {
        uint32_t middle = used + (free - used) / 2;
        id_format(t->id, base, middle);
        rc = id_taken(c, t->id, &taken, err);
        *(taken ? &used : &free) = middle;
    }
    id_format(t->id, base, free);
    return rc;
}

/* ---- rows, written ---- */

/* A row with its key. In a transaction. */
static int add_row(struct catalogue *c, const struct catalogue_transfer *t, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_ADD, err);
    int rc = camera_seen(c, t, err);
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 1, t->key);
    put_text(&(struct binder){st, 2}, t->id);
    bind_columns(st, t);
    return rows_run(st, NULL, err);
}

/* A new one, with the next key. */
static int add_new(struct catalogue *c, struct catalogue_transfer *t, struct err *err)
{
    int rc = camera_seen(c, t, err);
    t->key = 0;
    for (int tries = 0; rc == ERR_OK && t->key == 0 && tries < CATALOGUE_TRIES; tries++) {
        struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_ADD_NEW, err);
        if ((rc = id_set(c, t, err)) < 0)
            break;
        put_text(&(struct binder){st, 2}, t->id);
        bind_columns(st, t);
        rc = rows_add(st, "key", &t->key, err);
    }
    return rc == ERR_OK && t->key == 0
               ? err_set(err, ERR_BUSY, "%s: others take its name again and again", t->id)
               : rc;
}

int catalogue_transfer_add(struct catalogue *c, struct catalogue_transfer *t, struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    return catalogue_leave(c, own, add_new(c, t, err), err);
}

int catalogue_transfer_restore(struct catalogue *c, const struct catalogue_transfer *t,
                               struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    rc = add_row(c, t, err);
    return catalogue_leave(c, own, rc < 0 ? err_wrap(err, "%s", t->id) : rc, err);
}

static int not_there(const char *id, struct err *err)
{
    return err_set(err, ERR_NOTFOUND, "no such transfer: %s", id);
}

static int update_row(struct catalogue *c, const struct catalogue_transfer *t, struct err *err)
{
    struct rows_st *unchanged = catalogue_sql(c, CATALOGUE_SQL_UNCHANGED, err), *st;
    bool same;
    rows_bind_int64(unchanged, 1, t->key);
    bind_columns(unchanged, t);
    int rc = rows_step(unchanged, &same, err);
    rows_reset(unchanged);
    if (rc < 0)
        return rc;
    st = catalogue_sql(c, CATALOGUE_SQL_UPDATE, err);
    rows_bind_int64(st, 1, t->key);
    bind_columns(st, t);
    c->changed.is_nothing = same;
    rc = rows_run(st, NULL, err);
    c->changed.is_nothing = false;
    return rc == ERR_OK && rows_changes(c->rows) != 1 ? not_there(t->id, err) : rc;
}

int catalogue_transfer_update(struct catalogue *c, const struct catalogue_transfer *t,
                              struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    if ((rc = camera_seen(c, t, err)) == ERR_OK)
        rc = update_row(c, t, err);
    return catalogue_leave(c, own, rc, err);
}

int catalogue_transfer_remove(struct catalogue *c, int64_t key, struct err *err)
{
    struct rows_st *event = catalogue_sql(c, CATALOGUE_SQL_EVENT_REMOVE, err), *st;
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    rows_bind_int64(event, 1, key);
    if ((rc = rows_run(event, NULL, err)) == ERR_OK &&
        (rc = catalogue_settings_forget(c, key, NULL, err)) == ERR_OK) {
        st = catalogue_sql(c, CATALOGUE_SQL_REMOVE, err);
        rows_bind_int64(st, 1, key);
        rc = rows_run(st, NULL, err);
    }
    return catalogue_leave(c, own, rc, err);
}

int catalogue_transfer_get(struct catalogue *c, const char *id, struct catalogue_transfer *out,
                           struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_BY_ID, err);
    bool found;
    put_text(&(struct binder){st, 1}, id);
    int rc = read_one(st, out, &found, err);
    return rc == ERR_OK && !found ? not_there(id, err) : rc;
}

int catalogue_transfer_by_key(struct catalogue *c, int64_t key, struct catalogue_transfer *out,
                              bool *found, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_BY_KEY, err);
    rows_bind_int64(st, 1, key);
    return read_one(st, out, found, err);
}

int catalogue_transfer_same(struct catalogue *c, const struct catalogue_transfer *t, int64_t after,
                            struct catalogue_transfer *out, struct err *err)
{
    struct binder b = {catalogue_sql(c, CATALOGUE_SQL_SAME, err), 1};
    bool found;
    put_text(&b, t->sha256);
    put_text(&b, t->imei);
    put_text(&b, t->camera);
    put_text(&b, t->kind);
    put_int(&b, t->length_bytes);
    put_int(&b, t->key);
    put_int(&b, after);
    int rc = read_one(b.st, out, &found, err);
    if (rc == ERR_OK && !found)
        rc = err_set(err, ERR_NOTFOUND, "nothing like transfer %s came before", t->id);
    return rc;
}

int catalogue_transfer_with(struct catalogue *c, const char sha256[65], int64_t length_bytes,
                            int64_t after, struct catalogue_transfer *out, struct err *err)
{
    struct binder b = {catalogue_sql(c, CATALOGUE_SQL_WITH, err), 1};
    bool found;
    put_text(&b, sha256);
    put_int(&b, length_bytes);
    put_int(&b, after);
    int rc = read_one(b.st, out, &found, err);
    if (rc == ERR_OK && !found)
        rc = err_set(err, ERR_NOTFOUND, "no transfer with SHA-256 %s", sha256);
    return rc;
}

int catalogue_transfer_resumable(struct catalogue *c, const struct catalogue_transfer *t,
                                 struct catalogue_transfer *out, struct err *err)
{
    struct binder b = {catalogue_sql(c, CATALOGUE_SQL_RESUMABLE, err), 1};
    bool found = false;
    int rc = ERR_OK;
    if ((t->known & CATALOGUE_HAS_META) && (t->known & CATALOGUE_TIME_OK)) {
        put_text(&b, t->imei);
        put_text(&b, t->camera);
        put_text(&b, t->kind);
        put_int(&b, t->time_us);
        put_int(&b, t->length_s);
        put_blob(&b, t->wire.start, t->wire.start_n);
        put_blob(&b, t->wire.path, t->wire.path_n);
        rc = read_one(b.st, out, &found, err);
    }
    return rc == ERR_OK && !found ? err_set(err, ERR_NOTFOUND, "nothing to resume") : rc;
}

int catalogue_camera_load(struct catalogue *c, const char *imei, int64_t since_us,
                          int64_t *transfers, int64_t *bytes, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_LOAD, err);
    bool row;
    put_text(&(struct binder){st, 1}, imei);
    rows_bind_int64(st, 2, since_us);
    int rc = rows_step(st, &row, err);
    *transfers = rc == ERR_OK && row ? rows_column(st, 0) : 0;
    *bytes = rc == ERR_OK && row ? rows_column(st, 1) : 0;
    rows_reset(st);
    return rc;
}
