/*
 * Stores that belong together: whatever was copied, put back or lost, no original ever holds the
 * bytes of two vehicles, and what was acknowledged is there and right, or the receiver refuses to
 * start; or the file of its day is away, one of the past, which it tells. Receivers are processes
 * of their own here, and die as such.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "dashspool/upkeep.h"
#include "intake/receive/store.h"
#include "support/proc.h"
#include "support/sql.h"
#include "support/support.h"
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */

enum {
    VEHICLES = 24, /* 12 of them in each of two ROOTs, or before and after something happened */
    FILES = 40,
    PACKETS = 6,
    FILE_BYTES = (PACKETS - 1) * 1024 + 100,
    OPEN_MAX = 12,
};

/* What vehicles know, over the death of receivers. */
struct world {
    bool acknowledged[VEHICLES][FILES];
    int64_t clock_us;
    bool started;
    char refused[600];
};

static struct world *world;
static char *base;
static char root[600], saved[600], foreign[600]; /* below it: a ROOT, a copy of it, another */

static int set_up(void **state)
{
    (void)state;
    struct err err;
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(world != MAP_FAILED);
    world->clock_us = T0;
    base = support_tmp_dir();
    snprintf(root, sizeof root, "%s/root", base);
    snprintf(saved, sizeof saved, "%s/saved", base);
    snprintf(foreign, sizeof foreign, "%s/foreign", base);
    assert_ok(fsx_mkdirs(root, &err));
    assert_ok(fsx_mkdirs(saved, &err));
    assert_ok(fsx_mkdirs(foreign, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    munmap(world, sizeof *world);
    support_tmp_remove(&base);
    return 0;
}

/* ---- vehicles and their files ---- */

static uint8_t byte_at(int vehicle, int file, size_t at)
{
    return (uint8_t)((at * 31 + at / 1024) ^ ((unsigned)vehicle * 37u + (unsigned)file * 101u + 1));
}

static struct catalogue_transfer row_of(int vehicle, int file)
{
    struct catalogue_transfer t = {.state = CATALOGUE_RECEIVING,
                                   .arrived_us = world->clock_us += 1000,
                                   .protocol_id = 5,
                                   .camera = "front",
                                   .kind = "video",
                                   .source = "camera",
                                   .peer = "10.0.0.1:1"};
    const struct wire_meta said = {
        .file_type = 16, .time_ms = (uint64_t)(T0 / 1000 + file * 60000), .length_s = 10};
    snprintf(t.imei, sizeof t.imei, "3520930814522%02d", vehicle);
    raw_day(t.arrived_us, t.day);
    t.wire.meta_n = wire_meta_put(t.wire.meta, &said, 3);
    assert_true(facts_decode(&t));
    t.wire.start_n = 10;
    t.wire.start[7] = PACKETS;
    return t;
}

/* ---- a receiver ---- */

struct session {
    uv_loop_t loop;
    struct store *store;
    struct sending {
        int vehicle, file;
        struct transfer *t; /* NULL: none */
        size_t sent;
        uint32_t packets;
        int answers, rc;
    } sending[OPEN_MAX];
};

static void on_done(void *owner, int rc, const struct err *err)
{
    struct sending *v = owner;
    (void)err;
    v->answers++;
    v->rc = rc;
}

static void wait_for(struct session *s, struct sending *v)
{
    while (v->answers == 0)
        uv_run(&s->loop, UV_RUN_ONCE);
    v->answers = 0;
}

static bool open_session(struct session *s, const char *in)
{
    static const struct store_options options = {
        .commit_ms = 2, .commit_bytes = 1 << 20, .queued_bytes = 8 << 20};
    struct err err;
    *s = (struct session){.store = NULL};
    uv_loop_init(&s->loop);
    world->started = store_open(&s->store, in, &s->loop, &options, &err) == ERR_OK;
    snprintf(world->refused, sizeof world->refused, "%s", world->started ? "" : err.text);
    return world->started;
}

/* False: it cannot begin now. */
static bool begin(struct session *s, struct sending *v, int vehicle, int file)
{
    const struct catalogue_transfer row = row_of(vehicle, file);
    const struct store_resume resume = {1024, INT64_C(1024) * (PACKETS - 1)};
    *v = (struct sending){.vehicle = vehicle, .file = file};
    struct transfer *t = store_begin(s->store, &row, &resume, v, on_done);
    wait_for(s, v);
    if (v->rc < 0)
        return false;
    v->t = t;
    v->sent = (size_t)store_have(t);
    return true;
}

static void send_packets(struct session *s, struct sending *v, int n)
{
    uint8_t packet[1024];
    struct err err;
    for (; n > 0 && v->sent < FILE_BYTES; n--) {
        size_t bytes = FILE_BYTES - v->sent < sizeof packet ? FILE_BYTES - v->sent : sizeof packet;
        for (size_t i = 0; i < bytes; i++)
            packet[i] = byte_at(v->vehicle, v->file, v->sent + i);
        assert_ok(store_append(s->store, v->t, packet, bytes, &err));
        v->sent += bytes;
        v->packets++;
    }
}

static void finish(struct session *s, struct sending *v)
{
    send_packets(s, v, PACKETS);
    const struct wire_stats stats = {.packets = v->packets};
    store_finish(s->store, v->t, &stats, on_done);
    wait_for(s, v);
    if (v->rc == ERR_OK)
        world->acknowledged[v->vehicle][v->file] = true;
    v->t = NULL;
}

static void break_off(struct session *s, struct sending *v)
{
    const struct wire_stats stats = {.packets = v->packets};
    store_abandon(s->store, v->t, &stats, "the line was cut");
    v->t = NULL;
}

static void close_session(struct session *s)
{
    for (int i = 0; i < OPEN_MAX; i++)
        if (s->sending[i].t)
            break_off(s, &s->sending[i]);
    store_close(&s->store);
}

/* The loop's thread does nothing more; what the other thread does is cut off anywhere. */
static void die(void)
{
    kill(getpid(), SIGKILL);
}

/* A process of its own; true: it could start. */
typedef void work_fn(struct session *s, const void *arg);
static bool receive(const char *in, work_fn *work, const void *arg)
{
    int status;
    world->started = false;
    world->clock_us += INT64_C(2) * 3600 * 1000000;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct session s;
        log_setup(LOG_LEVEL_ERROR, false);
        if (open_session(&s, in)) {
            work(&s, arg);
            close_session(&s);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    return world->started;
}

/* ---- what is there ---- */

struct seen {
    struct raw *raw;
    struct catalogue *catalogue; /* NULL: it cannot be opened */
    const char *day;
    int vehicle, file;
    size_t at;
    int masters, partials;
    bool right[VEHICLES][FILES]; /* sealed, and stored by the catalogue */
    bool told[VEHICLES][FILES];  /* its day's file is away, and the catalogue says so */
};

static int compare_bytes(void *arg, const void *data, size_t n, struct err *err)
{
    struct seen *s = arg;
    (void)err;
    for (size_t i = 0; i < n; i++, s->at++)
        if (((const uint8_t *)data)[i] != byte_at(s->vehicle, s->file, s->at))
            fail_msg("raw/%s.db: byte %zu of vehicle %d, file %d is another's", s->day, s->at,
                     s->vehicle, s->file);
    return ERR_OK;
}

static int look_at_master(void *arg, const struct raw_master *m, struct err *unused)
{
    struct seen *s = arg;
    struct err err;
    (void)unused;
    struct catalogue_transfer t;
    bool found = false;
    assert_null(m->flaw);
    assert_true(m->owned);
    assert_ok(intake_row_of(s->day, m, &t, &err));
    s->vehicle = atoi(t.imei + 13);
    s->file = (int)((t.time_us - T0) / 60000000);
    s->at = 0;
    assert_in_range(s->vehicle, 0, VEHICLES - 1);
    assert_in_range(s->file, 0, FILES - 1);
    assert_ok(raw_copy(s->raw, s->day, m->key, compare_bytes, s, &err));
    s->masters += m->sealed;
    s->partials += !m->sealed;
    if (!m->sealed || !s->catalogue)
        return ERR_OK;
    assert_int_equal(s->at, FILE_BYTES);
    assert_ok(catalogue_transfer_by_key(s->catalogue, m->key, &t, &found, &err));
    s->right[s->vehicle][s->file] |= found && t.state == CATALOGUE_STORED &&
                                     strcmp(t.id, m->facts.id) == 0 && t.length_bytes == FILE_BYTES;
    return ERR_OK;
}

static int look_at_day(void *arg, const char *name, bool is_day, struct err *unused)
{
    struct seen *s = arg;
    struct err err;
    (void)unused;
    s->day = name;
    if (is_day)
        assert_ok(raw_each(s->raw, name, look_at_master, s, &err));
    return ERR_OK;
}

struct row {
    struct seen *s;
    const char *in;
};

static int look_at_row(void *arg, int64_t key, struct err *unused)
{
    const struct row *r = arg;
    struct catalogue_transfer t;
    struct catalogue_upkeep away;
    char file[40];
    bool found, known;
    struct err err;
    (void)unused;
    assert_ok(catalogue_upkeep_last(r->s->catalogue, CATALOGUE_MISSING_DAYS, &away, &known, &err));
    assert_ok(catalogue_transfer_by_key(r->s->catalogue, key, &t, &found, &err));
    snprintf(file, sizeof file, "raw/%s.db", t.day);
    if (known && !away.ok && strstr(away.text, t.day) && t.state == CATALOGUE_STORED &&
        !support_exists(support_path(r->in, file)))
        r->s->told[atoi(t.imei + 13)][(t.time_us - T0) / 60000000] = true;
    return ERR_OK;
}

/* Everything in raw/, of whatever ROOT it is: each original is one vehicle's alone. */
static void look(const char *in, struct seen *s)
{
    const struct root_id any = {{0}};
    struct err err;
    *s = (struct seen){.raw = NULL};
    if (catalogue_open(&s->catalogue, in, false, &err) < 0)
        s->catalogue = NULL;
    assert_ok(raw_open(&s->raw, in, &err));
    raw_set_root(s->raw, &any);
    assert_ok(raw_days(s->raw, look_at_day, s, &err));
    if (s->catalogue) {
        struct row row = {s, in};
        assert_ok(catalogue_key_each(s->catalogue, look_at_row, &row, &err));
    }
    raw_close(&s->raw);
    catalogue_close(&s->catalogue);
}

static void all_there(const char *in, bool must[VEHICLES][FILES], const char *after)
{
    struct seen s;
    look(in, &s);
    for (int v = 0; v < VEHICLES; v++)
        for (int f = 0; f < FILES; f++)
            if (must[v][f] && !s.right[v][f] && !s.told[v][f])
                fail_msg("after %s: file %d of vehicle %d was acknowledged, and is not there",
                         after, f, v);
}

/* ---- what people do ---- */

static void copy(const char *from, const char *to)
{
    expect(PROC_RUN("cp", "-a", from, to), 0, "");
}

static void remove_it(const char *path)
{
    expect(PROC_RUN("rm", "-rf", path), 0, "");
}

static void remove_catalogue(const char *in)
{
    remove_it(support_path(in, "catalogue.db"));
    remove_it(support_path(in, "catalogue.db-wal"));
    remove_it(support_path(in, "catalogue.db-shm"));
}

static void copy_catalogue(const char *from, const char *to)
{
    static const char *const names[] = {"catalogue.db", "catalogue.db-wal", "catalogue.db-shm"};
    remove_catalogue(to);
    for (int i = 0; i < 3; i++)
        if (support_exists(support_path(from, names[i])))
            copy(support_path(from, names[i]), support_path(to, names[i]));
}

static void copy_dir(const char *from, const char *to, const char *name)
{
    remove_it(support_path(to, name));
    if (support_exists(support_path(from, name)))
        copy(support_path(from, name), support_path(to, name));
}

static void trouble(void *arg, const char *where, const char *why)
{
    (void)arg;
    (void)where;
    (void)why;
}

static int reindex(const char *in, struct err *err)
{
    const struct upkeep_progress progress = {.trouble = trouble};
    struct upkeep_reindex_result r;
    return upkeep_reindex(in, &progress, &r, err);
}

/* ---- the three ways into it ---- */

struct lot {
    int first; /* vehicle of 12 */
    int file;
    bool whole, killed;
};

/* 12 vehicles at once: each begins, or goes on, and sends some; then all of it, or it breaks off,
 * or the receiver is killed with all of them open. */
static void send_lot(struct session *s, const void *arg)
{
    const struct lot *l = arg;
    for (int i = 0; i < OPEN_MAX; i++)
        assert_true(begin(s, &s->sending[i], l->first + i, l->file));
    for (int i = 0; i < OPEN_MAX; i++)
        send_packets(s, &s->sending[i], 1 + i % 4);
    for (int i = 0; i < OPEN_MAX && l->whole; i++)
        finish(s, &s->sending[i]);
    if (l->killed) { /* what is queued is on disk when a later one begins */
        struct sending last;
        assert_true(begin(s, &last, l->first, FILES - 1));
        die();
    }
}

static bool receive_lot(const char *in, int first, int file, bool whole, bool killed)
{
    const struct lot lot = {first, file, whole, killed};
    return receive(in, send_lot, &lot);
}

/* rsync of a ROOT in use: raw/ is read when the catalogue was, and some. */
static void test_a_hot_copy_mixes_nothing(void **state)
{
    (void)state;
    assert_true(receive_lot(root, 0, 0, false, true));
    copy_catalogue(root, saved);
    assert_true(receive_lot(root, 12, 0, false, true));
    assert_true(receive_lot(root, 0, 1, true, false));
    copy_dir(root, saved, "raw");
    copy_dir(root, saved, "spool");
    assert_true(receive_lot(saved, 0, 2, false, true)); /* others, with the keys that come next */
    assert_true(receive_lot(saved, 12, 0, true, false));
    assert_true(receive_lot(saved, 0, 0, true, false));
    all_there(saved, world->acknowledged, "all of it");
}

static int64_t sql(const char *text)
{
    return sql_run(support_path(root, "catalogue.db"), text);
}

/* fsck's advice of old: "restore catalogue.db from a backup". */
static void test_an_older_catalogue_takes_up_what_came_since(void **state)
{
    (void)state;
    assert_true(receive_lot(root, 0, 0, false, true));
    copy_catalogue(root, saved);
    assert_true(receive_lot(root, 12, 0, false, true));
    assert_true(receive_lot(root, 0, 1, true, true));
    int64_t partials = sql("SELECT count(*) FROM transfer WHERE state <> 'stored'");
    copy_catalogue(saved, root);
    assert_true(receive_lot(root, 0, 2, false, false));
    all_there(root, world->acknowledged, "all of it");
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'stored'"), 12);
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'partial'"),
                     partials + 12 - 1);
    /* those that came since are in custody as what they are, and go on where they broke off */
    assert_int_equal(sql("SELECT count(DISTINCT transfer) FROM custody WHERE line LIKE"
                         " '%\"event\":\"reindexed\"%did not have%'"),
                     24);
    assert_true(receive_lot(root, 12, 0, true, false));
    assert_int_equal(sql("SELECT count(DISTINCT transfer) FROM custody WHERE line LIKE"
                         " '%\"event\":\"resumed\"%'"),
                     12);
    assert_true(receive_lot(root, 0, 0, true, false));
    all_there(root, world->acknowledged, "all of it");
}

static void test_a_lost_catalogue_is_not_made_anew(void **state)
{
    (void)state;
    struct err err;
    assert_true(receive_lot(root, 0, 0, false, true));
    assert_true(receive_lot(root, 0, 1, true, true));
    remove_catalogue(root);
    assert_false(receive_lot(root, 12, 0, true, false));
    assert_has(world->refused, "catalogue.db is missing");
    assert_has(world->refused, "reindex");
    assert_false(support_exists(support_path(root, "catalogue.db")));
    assert_ok(reindex(root, &err));
    assert_true(receive_lot(root, 12, 0, true, true)); /* and the partials are known again */
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'partial'"), 12);
    assert_true(receive_lot(root, 0, 0, true, false));
    assert_int_equal(sql("SELECT count(DISTINCT transfer) FROM custody WHERE line LIKE"
                         " '%\"event\":\"resumed\"%'"),
                     12);
    all_there(root, world->acknowledged, "all of it");
}

/* Of two histories of one ROOT, each with its own under the same keys: what the old catalogue has
 * under a key is believed only of what lies there. */
static void test_a_catalogue_made_anew_takes_no_row_of_another_history(void **state)
{
    (void)state;
    struct err err;
    assert_true(receive_lot(root, 0, 0, true, false));
    remove_it(saved);
    copy(root, saved);
    int64_t now_us = world->clock_us;
    assert_true(receive_lot(saved, 12, 1, false, false)); /* partials of other vehicles */
    world->clock_us = now_us + 1;                         /* of the same day */
    assert_true(receive_lot(root, 0, 1, false, false));
    copy_catalogue(saved, root);
    assert_false(receive_lot(root, 0, 2, true, false));
    assert_has(world->refused, "do not belong together");
    assert_ok(reindex(root, &err));
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'partial' AND"
                         " imei LIKE '3520930814521%'"),
                     0);
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'partial' AND"
                         " imei LIKE '35209308145220%'"),
                     10);
    assert_true(receive_lot(root, 12, 1, true, false));
    assert_true(receive_lot(root, 0, 1, true, false));
    all_there(root, world->acknowledged, "reindex");
}

/* A day's file that was put back while a receiver runs, which has asked at its start: nothing there
 * loses its key to a new one, be it of the same day or of one that is written to around midnight.
 */
static void test_a_key_is_not_used_twice_even_without_a_start(void **state)
{
    (void)state;
    const int64_t day_us = INT64_C(86400) * 1000000;
    struct catalogue *c = NULL;
    struct raw *raw = NULL;
    struct err err;
    assert_true(receive_lot(root, 0, 0, true, false));
    assert_ok(catalogue_open(&c, root, true, &err));
    assert_ok(raw_open(&raw, root, &err));
    assert_ok(intake_stores_opened(c, raw, root, INTAKE_ADDS, &err));
    for (int i = -1; i <= 1; i++) {
        struct catalogue_transfer there = row_of(1, 2 + i), row = row_of(2, 2 + i);
        int64_t top;
        assert_ok(catalogue_highest_key(c, &top, &err));
        there.arrived_us += i * day_us;
        raw_day(there.arrived_us, there.day);
        snprintf(there.id, sizeof there.id, "put-back-%d", i + 1);
        const struct raw_facts whose = master_facts(&there);
        assert_ok(raw_append(raw, there.day, top + 5, &whose, 0, "abc", 3, &err));
        assert_ok(raw_commit(raw, &err));
        assert_ok(catalogue_begin(c, &err));
        assert_ok(intake_transfer_add(c, raw, &row, &err));
        assert_ok(catalogue_end(c, ERR_OK, &err));
        assert_int_equal(row.key, top + 6);
    }
    raw_close(&raw);
    catalogue_close(&c);
}

/* ---- older stores, damaged ones ---- */

/* Text with @ for each day of raw/. */
static void in_each_day(const char *text)
{
    struct fsx_names names;
    struct err err;
    assert_ok(fsx_list(support_path(root, "raw"), &names, &err));
    for (size_t i = 0; i < names.n; i++)
        if (strlen(names.name[i]) == strlen("2024-11-29.db"))
            sql_run(support_path(support_path(root, "raw"), names.name[i]), text);
    fsx_names_clear(&names);
}

/* As version 0.1.0 left it: nothing says which ROOT it is of, no partial whose it is. */
static void make_old(void)
{
    remove_it(support_path(root, "raw/root-id"));
    remove_it(support_path(root, "spool/root-id"));
    remove_it(support_path(root, "archive/root-id"));
    remove_it(support_path(root, "telemetry/root-id"));
    sql("DELETE FROM root");
    in_each_day("DELETE FROM root; DELETE FROM master WHERE sha256 IS NULL;"
                "UPDATE master SET root = NULL");
}

static void test_an_old_store_gets_an_identity_and_goes_on(void **state)
{
    (void)state;
    struct root_id id, other;
    struct err err;
    assert_true(receive_lot(root, 0, 0, false, true));
    assert_true(receive_lot(root, 0, 1, true, false));
    make_old();
    assert_true(receive_lot(root, 0, 0, true, false));
    all_there(root, world->acknowledged, "the first start");
    assert_int_equal(sql("SELECT count(DISTINCT transfer) FROM custody WHERE line LIKE"
                         " '%\"event\":\"resumed\"%'"),
                     12);
    assert_ok(root_read(root, "raw", &id, &err));
    assert_ok(root_read(root, "archive", &other, &err));
    assert_true(root_id_known(&id) && root_id_same(&id, &other));
    /* a backup from before, put back alone: it agrees, and what came since is entered */
    copy_catalogue(root, saved);
    assert_true(receive_lot(root, 0, 2, true, false));
    copy_catalogue(saved, root);
    sql("DELETE FROM root");
    assert_true(receive_lot(root, 0, 3, true, false));
    all_there(root, world->acknowledged, "an old catalogue");
    assert_ok(root_read(root, "raw", &other, &err));
    assert_true(root_id_same(&id, &other));
    /* one of another ROOT does not */
    assert_true(receive_lot(foreign, 12, 0, true, false));
    copy_catalogue(foreign, root);
    sql("DELETE FROM root");
    assert_false(receive_lot(root, 0, 4, true, false));
    assert_has(world->refused, "do not belong together");
    assert_int_equal(sql("SELECT count(*) FROM root"), 0); /* and it is not made to */
}

static void test_a_partial_with_the_bytes_of_another_is_set_aside(void **state)
{
    (void)state;
    assert_true(receive_lot(root, 0, 0, false, false));
    in_each_day("UPDATE master SET imei = '352093081452299', id = 'another-' || key");
    assert_true(receive_lot(root, 0, 0, true, false)); /* each begins anew */
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'stored' AND length_bytes ="
                         " 5220"),
                     12);
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'partial' AND set_aside = 1"),
                     12);
    assert_int_equal(sql("SELECT count(*) FROM custody WHERE line LIKE"
                         " '%\"event\":\"set-aside\"%is of another-%'"),
                     12);
    assert_true(receive_lot(root, 0, 1, true, true));
    assert_int_equal(sql("SELECT count(*) FROM custody WHERE line LIKE '%\"set-aside\"%'"), 12);
}

/* ---- stores of two ROOTs ---- */

static void test_each_store_of_another_root_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what, *says;
    } stores[] = {
        {"catalogue.db", "/catalogue.db belongs to another ROOT"},
        {"raw", "/raw/ belongs to another ROOT"},
        {"archive", "/archive/ belongs to another ROOT"},
        {"spool", "/spool/ belongs to another ROOT"},
        {"telemetry", "/telemetry/ belongs to another ROOT"},
        {"raw/2024-11-29.db", "/raw/2024-11-29.db belongs to another ROOT"},
    };
    assert_true(receive_lot(root, 0, 0, true, false));
    world->clock_us = T0; /* on the same day */
    assert_true(receive_lot(foreign, 12, 0, true, false));
    memset(world->acknowledged[12], 0, sizeof world->acknowledged / 2);
    remove_it(saved);
    copy(root, saved);
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++) {
        remove_it(support_path(root, stores[i].what));
        copy(support_path(foreign, stores[i].what), support_path(root, stores[i].what));
        assert_false(receive_lot(root, 0, 1, true, false));
        assert_has(world->refused, stores[i].says);
        assert_has(world->refused, "BACKUP");
        remove_it(root);
        copy(saved, root);
    }
    assert_true(receive_lot(root, 0, 1, true, false));
    all_there(root, world->acknowledged, "all of them");
}

static void take_advice(void *arg, const struct upkeep_problem *p)
{
    snprintf(arg, 300, "%.299s", p->advice);
}

static void test_a_newer_catalogue_is_never_rebuilt(void **state)
{
    (void)state;
    struct err err;
    char advice[300] = "";
    const struct upkeep_listener listener = {.problem = take_advice, .arg = advice};
    struct upkeep_findings findings;
    assert_true(receive_lot(root, 0, 0, true, false));
    sql("INSERT INTO protection VALUES(1, 'claim 17', 'somebody', 1); PRAGMA user_version = 99");
    assert_false(receive_lot(root, 0, 1, true, false));
    assert_has(world->refused, "upgrade dashspool");
    assert_int_equal(reindex(root, &err), ERR_UNSUPPORTED);
    assert_has(err.text, "would lose 12 custody records, 1 protection");
    assert_ok(upkeep_fsck(root, UPKEEP_QUICK, NULL, &listener, &findings, &err));
    assert_has(advice, "use the newer version of dashspool; never 'dashspool reindex'");
    assert_int_equal(sql("SELECT count(*) FROM protection"), 1);
}

/* ---- fsck ---- */

struct told {
    char text[16384];
};

static void take_problem(void *arg, const struct upkeep_problem *p)
{
    struct told *t = arg;
    size_t n = strlen(t->text);
    assert_true(p->advice && p->advice[0]);
    if (p->part == UPKEEP_MASTER)
        snprintf(t->text + n, sizeof t->text - n, "%s: %s\n", p->where, p->what);
}

static void take_note(void *arg, const char *where, const char *what)
{
    struct told *t = arg;
    size_t n = strlen(t->text);
    snprintf(t->text + n, sizeof t->text - n, "%s: %s\n", where, what);
}

static int64_t fsck(struct told *t, unsigned how)
{
    const struct upkeep_listener listener = {.problem = take_problem, .note = take_note, .arg = t};
    struct upkeep_findings findings;
    struct err err;
    t->text[0] = '\0';
    assert_ok(upkeep_fsck(root, how, NULL, &listener, &findings, &err));
    return findings.unjudged;
}

static void test_fsck_tells_what_may_hold_bytes_of_another(void **state)
{
    (void)state;
    struct told t;
    assert_true(receive_lot(root, 0, 0, false, false));
    assert_true(receive_lot(root, 0, 0, true, false));
    assert_int_equal(fsck(&t, 0), 0);
    assert_string_equal(t.text, "");
    /* what chance leaves of a store from before, and how each of these shows */
    sql("UPDATE arrival SET packets = 1 WHERE transfer = 1 AND from_bytes > 0;"
        "UPDATE arrival SET packets = 0 WHERE transfer = 2;"
        "DELETE FROM arrival WHERE transfer = 3;"
        "DELETE FROM arrival WHERE transfer = 5 AND from_bytes > 0;"
        "UPDATE custody SET line = replace(line, '352093081452205', '352093081452217')"
        " WHERE transfer LIKE '352093081452205%' AND n = 1;"
        "UPDATE transfer SET start = x'00000000000000040000' WHERE key = 7;"
        "DELETE FROM custody WHERE transfer LIKE '352093081452208%'");
    in_each_day("UPDATE chunk SET n = -n WHERE key = 4 AND offset > 0");
    assert_int_equal(fsck(&t, UPKEEP_QUICK), 0); /* they say whose they are: none of it counts */
    assert_null(strstr(t.text, "another transfer"));
    in_each_day("UPDATE master SET root = NULL");
    assert_int_equal(fsck(&t, UPKEEP_QUICK), 3);
    assert_int_equal(fsck(&t, 0), 3);
    assert_has(t.text, "352093081452200-front-video-20241129T072345Z in raw/2024-11-29.db: it may "
                       "hold bytes of another transfer: its connection 2 brought 1 packets");
    assert_has(t.text,
               "452203-front-video-20241129T072345Z in raw/2024-11-29.db: it may hold bytes "
               "of another transfer: its pieces did not come in their order");
    assert_has(t.text,
               "452204-front-video-20241129T072345Z in raw/2024-11-29.db: it may hold bytes "
               "of another transfer: bytes of it came over no connection");
    assert_has(t.text, "of another transfer: a connection of tracker 352093081452217");
    assert_has(t.text, "of another transfer: it has 5220 bytes, and the camera announced 3073 to");
    assert_has(t.text,
               "raw: 1 original from before originals said whose they are: whether all "
               "bytes are their own cannot be told (the receiver was killed while it came)");
    assert_has(t.text, "cannot be told (no record of its connections)");
    assert_has(t.text, "cannot be told (its custody record does not tell how it began)");
}

static void test_a_lost_original_is_noted_before_it_goes_on(void **state)
{
    (void)state;
    struct told t;
    assert_true(receive_lot(root, 0, 0, true, false));
    in_each_day("DELETE FROM master WHERE key = 3; DELETE FROM chunk WHERE key = 3");
    assert_false(receive_lot(root, 0, 1, true, false));
    assert_has(world->refused, "are not in raw/: 1 (first: 352093081452202-front-video");
    fsck(&t, 0);
    assert_has(t.text, "352093081452202-front-video-20241129T072345Z: its bytes are not in");
    assert_false(receive_lot(root, 0, 1, true, false));
    fsck(&t, UPKEEP_REPAIR);
    assert_has(t.text, "its custody record says that its original is missing");
    assert_true(receive_lot(root, 0, 1, true, false));
    assert_int_equal(sql("SELECT count(*) FROM custody WHERE line LIKE '%\"event\":\"missing\"%'"),
                     1);
    /* the same file once more is no duplicate now */
    world->acknowledged[2][0] = false;
    assert_true(receive_lot(root, 0, 0, true, false));
    all_there(root, world->acknowledged, "sending it again");
}

static void finish_one(struct session *s, const void *arg)
{
    const int *vehicle = arg;
    assert_true(begin(s, &s->sending[0], *vehicle, 0));
    finish(s, &s->sending[0]);
}

/* A day's file in which another of the same length is whole: it adds up to the same. */
static void test_a_day_put_back_with_another_that_is_whole_is_refused(void **state)
{
    (void)state;
    const char *day = "raw/2024-11-29.db";
    assert_true(receive_lot(root, 0, 0, false, false));
    remove_it(saved);
    copy(root, saved);
    assert_true(receive(saved, finish_one, (const int[]){3}));
    assert_true(receive(root, finish_one, (const int[]){7}));
    copy(support_path(saved, day), support_path(root, day));
    assert_false(receive_lot(root, 0, 1, false, false));
    assert_has(world->refused, "are not in raw/: 1 (first: 352093081452207-front-video");
}

/* Old days moved to a disk in a cupboard: cameras do not wait until somebody has found it. */
static void test_a_past_day_that_is_away_stops_no_receiver(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    struct raw *raw = NULL;
    struct told t;
    struct err err;
    const char *first = "raw/2024-11-29.db", *last = "raw/2024-12-02.db";
    assert_true(receive_lot(root, 0, 0, false, false));
    assert_true(receive_lot(root, 0, 1, true, false));
    world->clock_us += INT64_C(3) * 86400 * 1000000;
    assert_true(receive_lot(root, 0, 2, true, false));
    copy(support_path(root, "raw"), support_path(saved, "raw"));
    remove_it(support_path(root, first));
    remove_it(support_path(root, "raw/2024-11-29.db-journal"));
    assert_true(receive_lot(root, 12, 0, true, false));
    all_there(root, world->acknowledged, "without the first day");
    /* who would delete waits */
    assert_ok(catalogue_open(&c, root, true, &err));
    assert_ok(raw_open(&raw, root, &err));
    assert_int_equal(intake_stores_opened(c, raw, root, INTAKE_DROPS, &err), ERR_FOREIGN);
    raw_close(&raw);
    catalogue_close(&c);
    /* a partial of it begins anew, and what was stored there is stored again: none is mixed */
    memset(world->acknowledged[3], 0, sizeof world->acknowledged[3]);
    assert_true(receive_lot(root, 0, 0, true, false));
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE set_aside = 1"), 12);
    assert_true(receive_lot(root, 0, 1, true, false));
    assert_int_equal(sql("SELECT count(*) FROM transfer WHERE state = 'stored' AND day > '2024-12'"
                         " AND imei = '352093081452203'"),
                     3);
    assert_int_equal(sql("SELECT ok FROM upkeep WHERE task = 'missing days'"), 0);
    /* it comes back as it was */
    copy(support_path(saved, first), support_path(root, first));
    assert_true(receive_lot(root, 12, 1, true, false));
    all_there(root, world->acknowledged, "with the first day again");
    assert_int_equal(sql("SELECT ok FROM upkeep WHERE task = 'missing days'"), 1);
    /* it is lost, and somebody was told */
    remove_it(support_path(root, first));
    assert_true(receive_lot(root, 12, 2, true, false));
    assert_int_equal(sql("SELECT ok FROM upkeep WHERE task = 'missing days'"), 0);
    fsck(&t, UPKEEP_REPAIR);
    assert_int_equal(sql("SELECT ok FROM upkeep WHERE task = 'missing days'"), 1);
    /* to the newest day one may still write: who puts it back would lose what came since */
    remove_it(support_path(root, last));
    remove_it(support_path(root, "raw/2024-12-02.db-journal"));
    assert_false(receive_lot(root, 12, 3, true, false));
    assert_has(world->refused, "are not in raw/");
    /* a disk that is not mounted is no past day */
    remove_it(support_path(root, "raw"));
    assert_false(receive_lot(root, 12, 3, true, false));
}

/* ---- by chance ---- */

static uint64_t chance;

static int any(int n) /* 0..n-1 */
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (int)(chance >> 11 & INT_MAX) % n;
}

/* A receiver's time: 12 vehicles of `first` and later offer what was not acknowledged, each at its
 * own pace; it is shut down, or killed. */
struct day_of_work {
    int first, steps;
    bool killed;
};

static int next_file(int vehicle)
{
    for (int f = 0; f < FILES; f++)
        if (!world->acknowledged[vehicle][f])
            return f;
    return -1;
}

static void work_by_chance(struct session *s, const void *arg)
{
    const struct day_of_work *w = arg;
    for (int i = 0; i < w->steps; i++) {
        int at = any(OPEN_MAX), file = next_file(w->first + at);
        struct sending *v = &s->sending[at];
        if (file < 0)
            continue;
        if (!v->t)
            begin(s, v, w->first + at, file);
        else if (any(4) == 0)
            finish(s, v);
        else if (any(5) == 0)
            break_off(s, v);
        else
            send_packets(s, v, 1 + any(3));
    }
    if (w->killed)
        die();
}

/* What there must be in root: acknowledged, and not lost with what somebody gave up. */
static bool must[VEHICLES][FILES];

static bool receive_by_chance(const char *in, int first)
{
    const struct day_of_work w = {first, 10 + any(40), any(3) == 0};
    bool before[VEHICLES][FILES];
    memcpy(before, world->acknowledged, sizeof before);
    bool started = receive(in, work_by_chance, &w);
    for (int v = 0; v < VEHICLES; v++)
        for (int f = 0; f < FILES && in == root; f++)
            must[v][f] |= world->acknowledged[v][f] && !before[v][f];
    return started;
}

/* A copy of ROOT: the catalogue first or raw/ first, with work between the two, or none. */
struct copy {
    char dir[620];
    bool whole; /* nothing happened in between */
    bool must[VEHICLES][FILES];
};
enum { COPIES = 3 };

static void save(struct copy *c)
{
    struct err err;
    bool catalogue_first = any(2);
    remove_it(c->dir);
    assert_ok(fsx_mkdirs(c->dir, &err));
    memcpy(c->must, must, sizeof must);
    for (int i = 0; i < 2; i++) {
        if (catalogue_first == (i == 0))
            copy_catalogue(root, c->dir);
        else
            copy_dir(root, c->dir, "raw");
        copy_dir(root, c->dir, "spool");
        copy_dir(root, c->dir, "archive");
        c->whole = i == 0 && any(2);
        if (c->whole) {
            copy_catalogue(root, c->dir);
            copy_dir(root, c->dir, "raw");
            return;
        }
        if (i == 0)
            receive_by_chance(root, 0);
    }
}

static void restore(const struct copy *c)
{
    remove_it(root);
    copy(c->dir, root);
    memcpy(must, c->must, sizeof must);
}

static void one_day_of(const char *dir, bool lost)
{
    struct fsx_names names;
    struct err err;
    char day[64];
    if (fsx_list(support_path(dir, "raw"), &names, &err) < 0)
        return;
    if (names.n > 0) {
        int at = any((int)names.n);
        snprintf(day, sizeof day, "raw/%s", names.name[at]);
        if (lost && strlen(day) == strlen("raw/2024-11-29.db")) {
            remove_it(support_path(dir, day));
            snprintf(day, sizeof day, "raw/%s-journal", names.name[at]);
            remove_it(support_path(dir, day));
        } else if (!lost && strstr(day, ".db"))
            copy(support_path(dir, day), support_path(root, day));
    }
    fsx_names_clear(&names);
}

enum {
    NOTHING,
    WHOLE,
    CATALOGUE,
    RAW,
    SPOOL,
    DAY,
    LOST,
    LOST_RAW,
    LOST_DAY,
    OTHERS_CATALOGUE,
    OTHERS_RAW,
    DEEDS
};
static const char *const deeds[DEEDS] = {
    "nothing",        "all put back",         "catalogue put back", "raw put back",
    "spool put back", "day put back",         "catalogue lost",     "raw lost",
    "day lost",       "catalogue of another", "raw of another"};

static void do_it(int deed, const struct copy *c)
{
    switch (deed) {
    case WHOLE:
        restore(c);
        break;
    case CATALOGUE:
        copy_catalogue(c->dir, root);
        break;
    case RAW:
        copy_dir(c->dir, root, "raw");
        break;
    case SPOOL:
        copy_dir(c->dir, root, "spool");
        break;
    case DAY:
        one_day_of(c->dir, false);
        break;
    case LOST_DAY:
        one_day_of(root, true);
        break;
    case LOST:
        remove_catalogue(root);
        break;
    case LOST_RAW:
        remove_it(support_path(root, "raw"));
        break;
    case OTHERS_CATALOGUE:
        copy_catalogue(foreign, root);
        break;
    case OTHERS_RAW:
        copy_dir(foreign, root, "raw");
        break;
    }
}

static void tell_problem(void *arg, const struct upkeep_problem *problem)
{
    (void)arg;
    assert_non_null(problem->advice);
}

/* As the refusal says; what is lost for good is given up. True: the catalogue is made anew. */
static bool remedy(const struct copy *c)
{
    const struct upkeep_listener listener = {.problem = tell_problem};
    struct upkeep_findings findings;
    struct seen s;
    struct err err;
    bool reindexed = false;
    if (c->whole && any(3) == 0) {
        restore(c);
        return false;
    }
    if (strstr(world->refused, "fsck --repair") && any(2) == 0)
        assert_ok(upkeep_fsck(root, UPKEEP_REPAIR, NULL, &listener, &findings, &err));
    else if (reindex(root, &err) == ERR_OK)
        reindexed = true;
    else
        restore(c);
    look(root, &s);
    for (int v = 0; v < VEHICLES; v++)
        for (int f = 0; f < FILES; f++)
            must[v][f] &= s.right[v][f];
    return reindexed;
}

static void test_whatever_is_copied_put_back_or_lost(void **state)
{
    (void)state;
    struct copy copies[COPIES];
    const char *more = getenv("TEST_ROUNDS");
    int rounds = more ? atoi(more) : 30, refused = 0;
    chance = support_seed(20261130);
    memset(must, 0, sizeof must);
    for (int i = 0; i < 3; i++)
        assert_true(receive_by_chance(foreign, 12));
    assert_true(receive_by_chance(root, 0));
    for (int i = 0; i < COPIES; i++) {
        snprintf(copies[i].dir, sizeof copies[i].dir, "%s/copy-%d", base, i);
        save(&copies[i]);
    }
    for (int round = 0; round < rounds; round++) {
        struct copy *c = &copies[any(COPIES)];
        int deed = any(DEEDS);
        char what[80];
        snprintf(what, sizeof what, "round %d, %s", round, deeds[deed]);
        do_it(deed, c);
        bool started = receive_by_chance(root, 0);
        struct seen s;
        look(root, &s); /* nobody's bytes in another's original, refused or not */
        refused += !started;
        for (int tries = 0; !started && tries < 4; tries++) {
            assert_true(world->refused[0]);
            bool reindexed = remedy(c);
            started = receive_by_chance(root, 0);
            if (!started && reindexed) /* a catalogue that is made of the masters has them all */
                fail_msg("after %s and reindex: %s", what, world->refused);
        }
        if (!started) { /* what is put back is, too, of two times */
            for (int i = 0; i < COPIES && !started; i++)
                if (copies[i].whole) {
                    restore(&copies[i]);
                    started = receive_by_chance(root, 0);
                }
        }
        if (!started)
            fail_msg("after %s: %s", what, world->refused);
        all_there(root, must, what);
        if (any(3) == 0)
            save(&copies[any(COPIES)]);
        bool done = true; /* new files for everybody */
        for (int v = 0; v < 12; v++)
            done = done && next_file(v) < 0;
        if (done)
            break;
    }
    assert_true(refused > 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_hot_copy_mixes_nothing),
        T(test_an_older_catalogue_takes_up_what_came_since),
        T(test_a_lost_catalogue_is_not_made_anew),
        T(test_a_catalogue_made_anew_takes_no_row_of_another_history),
        T(test_a_key_is_not_used_twice_even_without_a_start),
        T(test_an_old_store_gets_an_identity_and_goes_on),
        T(test_a_partial_with_the_bytes_of_another_is_set_aside),
        T(test_each_store_of_another_root_is_refused),
        T(test_a_newer_catalogue_is_never_rebuilt),
        T(test_fsck_tells_what_may_hold_bytes_of_another),
        T(test_a_lost_original_is_noted_before_it_goes_on),
        T(test_a_day_put_back_with_another_that_is_whole_is_refused),
        T(test_a_past_day_that_is_away_stops_no_receiver),
        T(test_whatever_is_copied_put_back_or_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
