/* Which transfers are an event, whatever is written in whatever order. */
#include "catalogue/catalogue_internal.h"
#include "dashspool/clock.h"
#include "dashspool/review.h"
#include "support/catalogued.h"
#include "support/engines.h"
#include "support/support.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 CATALOGUED_T0_US
#define S  INT64_C(1000000)
#define A  "350000000000001"
#define B  "350000000000002"

/* All rows that grouping makes, as one text; the caller frees it. */
static char *rows(struct catalogued *f)
{
    static const char *const sql[] = {
        "SELECT 'event', * FROM event ORDER BY key",
        "SELECT 'of', * FROM event_of ORDER BY transfer",
        "SELECT 'words', * FROM event_words ORDER BY event",
    };
    char *text = NULL;
    size_t n = 0;
    struct catalogue *c;
    struct err err;
    FILE *out = open_memstream(&text, &n);
    assert_ok(catalogue_open(&c, f->root, false, &err));
    for (int i = 0; i < 3; i++) {
        struct rows_st *st;
        bool row = true;
        assert_ok(rows_prepare(c->rows, &st, sql[i], &err));
        for (;;) {
            assert_ok(rows_step(st, &row, &err));
            if (!row)
                break;
            for (int k = 0; k < rows_columns(st); k++) {
                size_t bytes;
                double real;
                const char *word = rows_bytes(st, k, &bytes);
                if (word)
                    fprintf(out, "%.*s|", (int)bytes, word);
                else if (!rows_is_null(st, k) && rows_double(st, k, &real))
                    fprintf(out, "%lld %.17g|", (long long)rows_column(st, k), real);
                else
                    fprintf(out, "|");
            }
            fprintf(out, "\n");
        }
        rows_finalize(&st);
    }
    catalogue_close(&c);
    fclose(out);
    return text;
}

/* The rows are what review_rebuild() makes. */
static void assert_as_rebuilt(struct catalogued *f)
{
    struct err err;
    char *kept = rows(f);
    assert_ok(review_rebuild(f->c, &err));
    char *anew = rows(f);
    size_t line = 0, same = 0;
    for (; kept[same] && kept[same] == anew[same]; same++)
        line = kept[same] == '\n' ? same + 1 : line;
    if (kept[same] != anew[same])
        fail_msg("kept:    %.*s\nrebuilt: %.*s", (int)strcspn(kept + line, "\n"), kept + line,
                 (int)strcspn(anew + line, "\n"), anew + line);
    free(kept);
    free(anew);
}

static struct catalogue_transfer add(struct catalogued *f, const char *imei, const char *camera,
                                     const char *trigger, int64_t at_us)
{
    struct err err;
    struct catalogue_transfer t = catalogued_transfer(imei, camera, at_us);
    snprintf(t.trigger_name, sizeof t.trigger_name, "%s", trigger);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    return t;
}

static struct review_event event_of(struct catalogued *f, const struct catalogue_transfer *t)
{
    struct err err;
    struct review_event e;
    assert_ok(review_get(f->c, t->id, &e, &err));
    return e;
}

static int64_t events(struct catalogued *f)
{
    return catalogued_sql(f, "SELECT count(*) FROM event");
}

static void test_what_one_vehicle_recorded_for_one_reason_is_an_event(void **state)
{
    struct catalogued *f = *state;
    struct catalogue_transfer rear = add(f, A, "rear", "crash", T0 + S),
                              front = add(f, A, "front", "crash", T0);
    add(f, A, "front", "towing", T0);
    add(f, B, "front", "crash", T0);
    add(f, A, "front", "crash", T0 + 100 * S);
    assert_int_equal(events(f), 4);
    struct review_event e = event_of(f, &rear);
    assert_string_equal(e.id, front.id);
    assert_string_equal(e.vehicle.imei, A);
    assert_string_equal(e.trigger, "crash");
    assert_int_equal(e.at_us, T0);
    assert_int_equal(e.until_us, T0 + S);
    assert_int_equal(e.cameras, REVIEW_FRONT | REVIEW_REAR);
    assert_int_equal(e.videos, 2);
    assert_int_equal(e.condition, REVIEW_RECEIVING);
    assert_true(e.time_known);
    assert_as_rebuilt(f);
}

static void test_one_that_comes_late_joins_two_and_goes_again(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer first = add(f, A, "front", "crash", T0),
                              last = add(f, A, "front", "crash", T0 + 100 * S);
    assert_int_equal(events(f), 2);
    struct catalogue_transfer between = add(f, A, "rear", "crash", T0 + 50 * S);
    assert_int_equal(events(f), 1);
    assert_string_equal(event_of(f, &last).id, first.id);
    assert_as_rebuilt(f);
    assert_ok(catalogue_transfer_remove(f->c, between.key, &err));
    assert_int_equal(events(f), 2);
    assert_string_equal(event_of(f, &last).id, last.id);
    assert_as_rebuilt(f);
    /* the first one moves behind the other: its clock was read anew */
    first.time_us = T0 + 160 * S;
    assert_ok(catalogue_transfer_update(f->c, &first, &err));
    assert_int_equal(events(f), 1);
    assert_string_equal(event_of(f, &first).id, last.id);
    assert_as_rebuilt(f);
    assert_ok(catalogue_transfer_remove(f->c, last.key, &err));
    assert_ok(catalogue_transfer_remove(f->c, first.key, &err));
    assert_int_equal(events(f), 0);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM event_of"), 0);
}

static void test_what_follows_upon_itself_for_long_is_cut_at_quarters(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int64_t quarter = T0 / REVIEW_SPAN_US * REVIEW_SPAN_US;
    struct catalogue_transfer t[40];
    for (int i = 0; i < 40; i++) /* from 10 minutes before a quarter to 29 behind it */
        t[i] = add(f, A, "front", "periodic", quarter + (i - 10) * 60 * S);
    assert_int_equal(events(f), 3);
    assert_string_equal(event_of(f, &t[9]).id, t[0].id);
    assert_string_equal(event_of(f, &t[24]).id, t[10].id);
    assert_string_equal(event_of(f, &t[39]).id, t[25].id);
    assert_as_rebuilt(f);
    /* cut in two in the middle of the second, and both ends are short: two events */
    for (int i = 0; i < 8; i++)
        assert_ok(catalogue_transfer_remove(f->c, t[i].key, &err));
    for (int i = 30; i < 40; i++)
        assert_ok(catalogue_transfer_remove(f->c, t[i].key, &err));
    assert_ok(catalogue_transfer_remove(f->c, t[18].key, &err));
    assert_int_equal(events(f), 2);
    assert_string_equal(event_of(f, &t[17]).id, t[8].id);
    assert_string_equal(event_of(f, &t[29]).id, t[19].id);
    assert_as_rebuilt(f);
}

static void test_what_nobody_knows_time_or_vehicle_of_stands_alone(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_transfer(A, "front", 0);
    t.known = 0;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    struct catalogue_transfer u = catalogued_transfer(A, "rear", 0);
    u.known = 0;
    assert_ok(catalogue_transfer_add(f->c, &u, &err));
    add(f, CATALOGUE_IMEI_UNKNOWN, "front", "", T0);
    add(f, CATALOGUE_IMEI_UNKNOWN, "rear", "", T0);
    assert_int_equal(events(f), 4);
    assert_false(event_of(f, &t).time_known);
    assert_int_equal(event_of(f, &t).at_us, t.arrived_us);
    /* it is not what came before a whole one that began when it arrived */
    t.state = CATALOGUE_PARTIAL;
    t.known = CATALOGUE_HAS_META;
    t.arrived_us = T0 + 900 * S;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    struct catalogue_transfer other = add(f, A, "front", "", t.arrived_us);
    other.state = CATALOGUE_STORED;
    assert_ok(catalogue_transfer_update(f->c, &other, &err));
    assert_int_equal(event_of(f, &t).condition, REVIEW_PARTIAL);
    assert_as_rebuilt(f);
    assert_ok(catalogue_transfer_remove(f->c, other.key, &err));
    /* … until it is known: a file that was looked into again */
    u.known = t.known = CATALOGUE_TIME_OK;
    t.time_us = u.time_us = T0;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_ok(catalogue_transfer_update(f->c, &u, &err));
    assert_int_equal(events(f), 3);
    assert_string_equal(event_of(f, &u).id, t.id);
    assert_as_rebuilt(f);
}

static void test_bytes_that_come_change_no_row(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = add(f, A, "front", "crash", T0);
    catalogued_sql(f, "UPDATE event SET seconds = 77");
    for (int i = 0; i < 10; i++) {
        t.length_bytes += 1000;
        t.packets++;
        t.crc_errors++;
        assert_ok(catalogue_transfer_update(f->c, &t, &err));
    }
    assert_int_equal(event_of(f, &t).seconds, 77);
    t.state = CATALOGUE_STORED;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_int_equal(event_of(f, &t).seconds, 0);
    assert_int_equal(event_of(f, &t).condition, REVIEW_WAITING);
}

static void test_times_at_the_ends_of_their_range(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    add(f, A, "front", "crash", T0);
    add(f, A, "front", "crash", -T0);
    add(f, A, "rear", "crash", -T0 + S);
    add(f, A, "front", "crash", 1); /* 0 is none */
    assert_int_equal(events(f), 3);
    assert_as_rebuilt(f);
    static const char *const ends[] = {"9223372036854775807", "-9223372036854775807 - 1"};
    for (int i = 0; i < 2; i++) {
        char sql[100];
        snprintf(sql, sizeof sql, "UPDATE transfer SET time_us = %s WHERE key = 1", ends[i]);
        catalogued_sql(f, sql);
        assert_ok(review_rebuild(f->c, &err));
        assert_int_equal(events(f), 3);
        add(f, A, "rear", "crash", 1);
        assert_int_equal(events(f), 3);
        assert_as_rebuilt(f);
    }
}

/* ---- any sequence of writes ---- */

#define N 24

struct model {
    struct catalogue_transfer t[N];
    bool there[N];
};

static int by_time(const void *a, const void *b)
{
    const struct catalogue_transfer *x = *(const struct catalogue_transfer *const *)a,
                                    *y = *(const struct catalogue_transfer *const *)b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    int c = strcmp(x->camera, y->camera);
    return c ? c : strcmp(x->id, y->id);
}

static int64_t quarter_of(int64_t us)
{
    return us >= 0 ? us / REVIEW_SPAN_US : (us + 1) / REVIEW_SPAN_US - 1;
}

/* As review.h says it, with all transfers at once: the first one of the event of `of`. */
static const struct catalogue_transfer *first_of(struct model *m,
                                                 const struct catalogue_transfer *of)
{
    struct catalogue_transfer *all[N];
    size_t n = 0, at = 0;
    if (!(of->known & CATALOGUE_TIME_OK))
        return of;
    for (size_t i = 0; i < N; i++)
        if (m->there[i] && m->t[i].known & CATALOGUE_TIME_OK &&
            strcmp(m->t[i].imei, of->imei) == 0 &&
            strcmp(m->t[i].trigger_name, of->trigger_name) == 0)
            all[n++] = &m->t[i];
    qsort(all, n, sizeof *all, by_time);
    while (all[at] != of)
        at++;
    size_t from = at, to = at;
    while (from > 0 && all[from]->time_us - all[from - 1]->time_us <= REVIEW_WINDOW_US)
        from--;
    while (to + 1 < n && all[to + 1]->time_us - all[to]->time_us <= REVIEW_WINDOW_US)
        to++;
    if (all[to]->time_us - all[from]->time_us > REVIEW_SPAN_US)
        while (quarter_of(all[from]->time_us) < quarter_of(of->time_us))
            from++;
    return all[from];
}

static void change(struct catalogued *f, struct model *m, size_t i)
{
    static const char *const imeis[] = {A, B}, *const cameras[] = {"front", "rear"},
                             *const triggers[] = {"crash", "crash", ""};
    struct err err;
    struct catalogue_transfer *t = &m->t[i];
    int what = rand() % 13;
    if (m->there[i] && what == 0) {
        m->there[i] = false;
        assert_ok(catalogue_transfer_remove(f->c, t->key, &err));
        return;
    }
    /* some lie 40 s apart, so that chains of a quarter and more come about */
    int64_t at_us = T0 + (rand() % 3 == 0 ? rand() % 3000 * S : rand() % 60 * 40 * S);
    if (!m->there[i]) {
        *t = catalogued_transfer(imeis[rand() % 8 == 0], cameras[rand() % 2], at_us);
        snprintf(t->trigger_name, sizeof t->trigger_name, "%s", triggers[rand() % 3]);
        m->there[i] = true;
        assert_ok(catalogue_transfer_add(f->c, t, &err));
        return;
    }
    bool yes = rand() % 2;
    int ended;
    const struct catalogue_trouble trouble = {T0, "it broke"};
    const struct catalogue_protection kept = {T0, "a test", "a reason"};
    const struct custody_event exported = {T0, CUSTODY_EXPORTED, "a test", NULL};
    switch (what) {
    case 1:
        t->time_us = at_us;
        break;
    case 2:
        t->known ^= CATALOGUE_TIME_OK;
        t->time_us = at_us;
        break;
    case 3:
        snprintf(t->trigger_name, sizeof t->trigger_name, "%s", triggers[rand() % 3]);
        break;
    case 4:
        assert_ok(review_put_reviewed(f->c, t->id, "a test", yes, &err));
        break;
    case 5:
        assert_ok(review_put_case(f->c, t->id, "a test", yes ? "Z 1" : "", &err));
        assert_ok(review_add_note(f->c, t->id, "a test", "Ölspur", &err));
        break;
    case 6:
        assert_ok(yes ? catalogue_trouble_note(f->c, t->key, "convert", &trouble, &err)
                      : catalogue_trouble_over(f->c, t->key, "convert", &err));
        break;
    case 7:
        if (yes)
            assert_ok(catalogue_protect(f->c, t->id, &kept, &err));
        else
            assert_ok(catalogue_unprotect(f->c, t->id, "a test", &ended, &err));
        break;
    case 8:
        catalogued_copy(f, t->key, "viewing", t->id, 1);
        assert_ok(catalogue_done_put(f->c, t->key, "convert", T0, 1, &err));
        assert_ok(catalogue_event_add(f->c, t->id, &exported, &err));
        break;
    case 9:
        assert_ok(catalogue_copy_remove(f->c, t->id, &err)); /* its path, in case 8 */
        break;
    case 10:
        assert_ok(yes ? catalogue_owe_again(f->c, t->key, "convert", T0, &err)
                      : catalogue_give_up(f->c, t->key, "convert", T0, &err));
        break;
    case 11:
        t->set_aside = yes;
        t->length_s = rand() % 60;
        t->tz_min = rand() % 120;
        t->known ^= CATALOGUE_ZONE_OK;
        snprintf(t->imei, sizeof t->imei, "%s", imeis[rand() % 2]);
        break;
    default:
        t->state = yes ? CATALOGUE_STORED : CATALOGUE_PARTIAL;
        t->known ^= CATALOGUE_POSITION_OK;
        t->lat_deg = t->lon_deg = rand() % 90;
        assert_ok(catalogue_private_put(f->c, t->key, yes, &err));
    }
    assert_ok(catalogue_transfer_update(f->c, t, &err));
}

static void test_any_sequence_of_writes_leaves_what_a_rebuild_makes(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct model *m = calloc(1, sizeof *m);
    for (unsigned seed = 1; seed <= 60; seed++) {
        srand(seed);
        int n = 1 + rand() % 20;
        bool together = rand() % 2;
        if (together)
            assert_ok(catalogue_begin(f->c, &err));
        for (int i = 0; i < n; i++)
            change(f, m, (size_t)(rand() % N));
        if (together)
            assert_ok(catalogue_commit(f->c, &err));
        for (size_t i = 0; i < N; i++)
            if (m->there[i])
                assert_string_equal(event_of(f, &m->t[i]).id, first_of(m, &m->t[i])->id);
        assert_as_rebuilt(f);
    }
    free(m);
}

static void test_a_rollback_takes_the_events_back(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    add(f, A, "front", "crash", T0);
    char *before = rows(f);
    assert_ok(catalogue_begin(f->c, &err));
    add(f, A, "rear", "crash", T0);
    add(f, B, "rear", "crash", T0);
    catalogue_rollback(f->c);
    char *after = rows(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
    add(f, B, "front", "crash", T0);
    assert_int_equal(events(f), 2);
    assert_as_rebuilt(f);
}

/* What no door does: SQL on the connection, which puts no events. */
static void test_a_write_that_puts_no_events_is_not_committed(void **state)
{
    if (engines_wanted())
        skip(); /* whoever writes there in another way is noted by triggers */
#define CUSTODY(event) \
    "INSERT INTO custody VALUES('x', 9, '{\"at\":\"\",\"event\":\"" event "\",\"id\":\"x\"}')"
    static const char *const refused[] = {
        "INSERT INTO copy(transfer, kind, path, length_bytes, made_us) VALUES(1, 'a', 'b', 1, 1)",
        "INSERT INTO done VALUES(1, 'a', 1, 1)",
        "INSERT INTO trouble VALUES(1, 'a', 'b', 1)",
        "INSERT INTO note VALUES(1, 1, 1, 'a', 'b')",
        "INSERT INTO reviewed VALUES(1, 'a', 1)",
        "INSERT INTO protection VALUES(1, 'a', 'b', 1)",
        "INSERT INTO case_number VALUES(1, 'a', 'b', 1)",
        "INSERT INTO private_mode VALUES(1)",
        CUSTODY("exported"),
        CUSTODY("requested"),
        "UPDATE transfer SET trigger_name = 'towing'",
        "INSERT OR REPLACE INTO transfer(key, id, imei, camera, kind, source, state, published,"
        " day, arrived_us, length_bytes, known, protocol_id, packets, crc_errors, resumes)"
        " SELECT key, id, imei, camera, kind, source, state, published, day, arrived_us, 5, known,"
        " protocol_id, packets, crc_errors, resumes FROM transfer",
        "DELETE FROM transfer WHERE key = 1",
        "DELETE FROM transfer",
        "DELETE FROM event_of",
    };
    static const char *const allowed[] = {"INSERT INTO upkeep VALUES('a', 1, 1, 'b')",
                                          CUSTODY("viewed")};
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = add(f, A, "front", "crash", T0);
    for (size_t i = 0; i < 2 * sizeof refused / sizeof *refused; i++) {
        char sql[600];
        snprintf(sql, sizeof sql, i % 2 ? "BEGIN; %s; COMMIT" : "%s", refused[i / 2]);
        char *before = rows(f);
        int64_t changes = catalogued_sql(f, "SELECT count(*) FROM custody");
        if (sqlite3_exec(f->c->db, sql, NULL, NULL, NULL) == SQLITE_OK)
            fail_msg("committed: %s", sql);
        if (sqlite3_extended_errcode(f->c->db) != SQLITE_CONSTRAINT_COMMITHOOK)
            fail_msg("%s: %s", sql, sqlite3_errmsg(f->c->db));
        assert_true(sqlite3_get_autocommit(f->c->db));
        char *after = rows(f);
        assert_string_equal(before, after);
        assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM custody"), changes);
        free(before);
        free(after);
    }
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        assert_ok(sqlx_exec(f->c->db, allowed[i], &err));
    t.state = CATALOGUE_STORED;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_int_equal(event_of(f, &t).condition, REVIEW_WAITING);
    assert_as_rebuilt(f);
}

/* A savepoint is SQLite's own for each statement: one that fails half-way is undone. */
static void test_what_is_undone_within_a_transaction_is_not_put(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = add(f, A, "front", "crash", T0), u = t;
    assert_ok(catalogue_begin(f->c, &err));
    assert_ok(rows_exec(f->c->rows, "SAVEPOINT s", &err));
    struct catalogue_transfer gone = add(f, A, "rear", "crash", T0 + S);
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_ok(rows_exec(f->c->rows, "ROLLBACK TO s; RELEASE s", &err));
    u.time_us = T0 + 5 * S;
    assert_ok(catalogue_transfer_update(f->c, &u, &err));
    assert_ok(catalogue_commit(f->c, &err));
    assert_int_equal(events(f), 1);
    assert_int_equal(event_of(f, &t).at_us, T0 + 5 * S);
    assert_int_equal(event_of(f, &t).videos, 1);
    struct review_event none;
    assert_err(ERR_NOTFOUND, review_get(f->c, gone.id, &none, &err));
    assert_as_rebuilt(f);
}

/* ---- a crowd ---- */

/* As the connection sees it, which may be in a transaction. */
static int64_t number(struct catalogued *f, const char *sql)
{
    struct err err;
    int64_t n;
    assert_ok(rows_number(f->c->rows, sql, &n, &err));
    return n;
}

/* What is in the catalogue of one quarter and beside it changes at random. */
static void stir(struct catalogued *f, struct catalogue_transfer *t, bool *there, size_t n,
                 int removed_percent, int64_t quarter_us)
{
    static const char *const triggers[] = {"crash", "crash", "crash", ""};
    struct err err;
    size_t i = (size_t)rand() % n;
    if (there[i] && rand() % 100 < removed_percent) {
        assert_ok(catalogue_transfer_remove(f->c, t[i].key, &err));
        there[i] = false;
        return;
    }
    bool is_new = !there[i];
    if (is_new)
        t[i] = catalogued_transfer(A, i % 2 ? "front" : "rear", T0);
    /* many at one moment, some anywhere, and some in the quarters beside it */
    t[i].time_us = quarter_us + (rand() % 2 ? 700 * S : (rand() % 1200 - 150) * S);
    t[i].known =
        rand() % 12 ? t[i].known | CATALOGUE_TIME_OK : t[i].known & ~(unsigned)CATALOGUE_TIME_OK;
    t[i].arrived_us = quarter_us + rand() % 800 * S;
    t[i].state = rand() % 3 ? CATALOGUE_STORED : CATALOGUE_PARTIAL;
    snprintf(t[i].trigger_name, sizeof t[i].trigger_name, "%s", triggers[rand() % 4]);
    there[i] = true;
    assert_ok(is_new ? catalogue_transfer_add(f->c, &t[i], &err)
                     : catalogue_transfer_update(f->c, &t[i], &err));
}

static void test_a_crowd_comes_and_goes_as_a_rebuild_makes_it(void **state)
{
    enum { MOST = 2 * REVIEW_MANY };
    struct catalogued *f = *state;
    struct err err;
    int64_t quarter_us = T0 / REVIEW_SPAN_US * REVIEW_SPAN_US;
    struct catalogue_transfer *t = calloc(MOST, sizeof *t);
    bool there[MOST] = {false};
    int crowded = 0;
    char count[200], parts[400];
    snprintf(count, sizeof count,
             "SELECT count(*) FROM transfer WHERE when_us BETWEEN %lld AND %lld",
             (long long)quarter_us, (long long)(quarter_us + REVIEW_SPAN_US - 1));
    snprintf(parts, sizeof parts,
             "SELECT count(*) FROM (SELECT e.event FROM event_of AS e JOIN transfer AS t"
             " ON t.key = e.transfer WHERE t.known & 2 <> 0 AND t.when_us BETWEEN %lld AND %lld"
             " GROUP BY e.event HAVING count(DISTINCT t.key / 64 || t.trigger_name) > 1) AS p",
             (long long)quarter_us, (long long)(quarter_us + REVIEW_SPAN_US - 1));
    srand(7);
    for (int round = 0; round < 150; round++) {
        int together = round == 0 ? 3 * MOST : rand() % 3 ? 1 : rand() % 20;
        assert_ok(catalogue_begin(f->c, &err));
        for (int i = 0; i < together; i++) /* about as many as one more or less makes a crowd of */
            stir(f, t, there, MOST, number(f, count) > REVIEW_MANY - 2 ? 80 : 20, quarter_us);
        assert_ok(catalogue_commit(f->c, &err));
        if (number(f, count) > REVIEW_MANY) {
            crowded++;
            assert_int_equal(number(f, parts), 0);
        }
        assert_as_rebuilt(f);
    }
    assert_in_range(crowded, 30, 120);
    free(t);
}

static int count_steps(void *arg)
{
    ++*(int64_t *)arg;
    return 0;
}

/* A camera whose clock stands still. */
static void test_one_more_in_a_crowd_costs_what_the_one_before_did(void **state)
{
    if (engines_wanted())
        skip(); /* steps are SQLite's */
    struct catalogued *f = *state;
    struct err err;
    int64_t steps[3] = {0};
    for (int at = 0; at < 3; at++) {
        assert_ok(catalogue_begin(f->c, &err));
        for (int i = 0; i < (at == 0 ? REVIEW_MANY + 300 : 1500); i++)
            add(f, A, i % 2 ? "front" : "rear", "crash", T0);
        assert_ok(catalogue_commit(f->c, &err));
        sqlite3_progress_handler(f->c->db, 10, count_steps, &steps[at]);
        for (int i = 0; i < REVIEW_TOGETHER; i++) { /* as many as fill one event */
            struct catalogue_transfer t = add(f, A, "front", "crash", T0);
            t.state = CATALOGUE_PARTIAL;
            assert_ok(catalogue_transfer_update(f->c, &t, &err));
            assert_in_range(event_of(f, &t).videos, 1, REVIEW_TOGETHER);
        }
        sqlite3_progress_handler(f->c->db, 0, NULL, NULL);
    }
    assert_true(steps[2] < steps[0] + steps[0] / 4);
    assert_as_rebuilt(f);
}

/* Somebody is killed at a moment of a run of writes: what was committed is right. */
static void test_a_kill_leaves_events_that_are_right(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    catalogue_close(&f->c);
    for (unsigned round = 1; round <= 12; round++) {
        int end[2];
        assert_int_equal(pipe(end), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct model *m = calloc(1, sizeof *m);
            struct catalogued mine = {f->root, NULL};
            srand(round);
            if (catalogue_open(&mine.c, f->root, false, &err) < 0)
                _exit(1);
            for (;;) {
                change(&mine, m, (size_t)(rand() % N));
                if (write(end[1], "", 1) != 1)
                    _exit(1);
            }
        }
        close(end[1]);
        for (unsigned i = 0; i < round * 5; i++) {
            char c;
            assert_int_equal(read(end[0], &c, 1), 1);
        }
        kill(pid, SIGKILL);
        close(end[0]);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_ok(catalogue_open(&f->c, f->root, false, &err));
        assert_as_rebuilt(f);
        catalogue_close(&f->c);
    }
    assert_ok(catalogue_open(&f->c, f->root, false, &err));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_what_one_vehicle_recorded_for_one_reason_is_an_event),
        T(test_one_that_comes_late_joins_two_and_goes_again),
        T(test_what_follows_upon_itself_for_long_is_cut_at_quarters),
        T(test_what_nobody_knows_time_or_vehicle_of_stands_alone),
        T(test_bytes_that_come_change_no_row),
        T(test_times_at_the_ends_of_their_range),
        T(test_any_sequence_of_writes_leaves_what_a_rebuild_makes),
        T(test_a_rollback_takes_the_events_back),
        T(test_a_write_that_puts_no_events_is_not_committed),
        T(test_what_is_undone_within_a_transaction_is_not_put),
        T(test_a_crowd_comes_and_goes_as_a_rebuild_makes_it),
        T(test_one_more_in_a_crowd_costs_what_the_one_before_did),
        T(test_a_kill_leaves_events_that_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
