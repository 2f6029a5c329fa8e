/* The catalogue of a site, where many write at once: what must be there once is. */
#include "catalogue/catalogue_internal.h"
#include "dashspool/custody.h"
#include "dashspool/review.h"
#include "rows/rows.h"
#include "support/catalogued.h"
#include "support/engines.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 CATALOGUED_T0_US
#define S  INT64_C(1000000)
#define A  "350000000000001"

enum { WRITERS = 8, EACH = 40 };

static char *root;
static struct catalogue *c;

static int set_up(void **state)
{
    struct err err;
    (void)state;
    root = support_tmp_dir();
    engines_use_site();
    assert_ok(catalogue_open(&c, root, true, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalogue_close(&c);
    engines_end();
    support_tmp_remove(&root);
    return 0;
}

/* All writers, each a process with a connection of its own; none may fail. They begin together. */
static void write_together(int (*one)(struct catalogue *mine, int writer, struct err *err))
{
    int start[2];
    pid_t pid[WRITERS];
    assert_int_equal(pipe(start), 0);
    for (int w = 0; w < WRITERS; w++)
        if ((pid[w] = fork()) == 0) {
            struct catalogue *mine;
            struct err err = {.text = ""};
            char byte;
            close(start[1]);
            int rc = catalogue_open(&mine, root, false, &err);
            (void)!read(start[0], &byte, 1);
            if (rc == ERR_OK)
                rc = one(mine, w, &err);
            if (rc < 0)
                fprintf(stderr, "writer %d: %s\n", w, err.text);
            _exit(rc < 0);
        }
    close(start[0]), close(start[1]);
    for (int w = 0; w < WRITERS; w++) {
        int status;
        assert_int_equal(waitpid(pid[w], &status, 0), pid[w]);
        assert_int_equal(status, 0);
    }
}

static struct catalogue_transfer alike(int i)
{
    struct catalogue_transfer t = catalogued_transfer(A, i % 2 ? "front" : "rear", T0);
    snprintf(t.trigger_name, sizeof t.trigger_name, "crash");
    t.state = CATALOGUE_STORED;
    return t;
}

/* ---- names and keys ---- */

static int add_alike(struct catalogue *mine, int writer, struct err *err)
{
    int rc = ERR_OK;
    (void)writer;
    for (int i = 0; rc == ERR_OK && i < EACH; i++) {
        struct catalogue_transfer t = alike(1);
        rc = catalogue_transfer_add(mine, &t, err);
    }
    return rc;
}

static int see_highest(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    int64_t *n = arg;
    (void)err;
    const char *suffix = strstr(t->id, "Z-");
    int64_t is = suffix ? strtol(suffix + 2, NULL, 10) : 1;
    *n = is > *n ? is : *n;
    return ERR_OK;
}

/* The same camera at the same moment: eight that choose one name. */
static void test_each_transfer_has_a_name_and_a_key_of_its_own(void **state)
{
    struct err err;
    int64_t n, highest = 0;
    (void)state;
    write_together(add_alike);
    assert_ok(catalogue_transfer_count(c, NULL, &n, &err));
    assert_int_equal(n, WRITERS * EACH);
    assert_ok(catalogue_transfer_each(c, NULL, see_highest, &highest, &err));
    assert_int_equal(highest, WRITERS * EACH); /* and no number is left out */
}

/* ---- custody ---- */

static char one_id[CATALOGUE_ID_ROOM];

static int note_one(struct catalogue *mine, int writer, struct err *err)
{
    char text[40];
    int rc = ERR_OK;
    snprintf(text, sizeof text, "writer %d", writer);
    for (int i = 0; rc == ERR_OK && i < EACH; i++)
        rc = i % 2 ? catalogue_event_note(mine, one_id, CATALOGUE_NOW, CUSTODY_OFFERED_AGAIN, text,
                                          &(struct custody_what){0}, err)
                   : review_add_note(mine, one_id, "Ona", text, err);
    return rc;
}

static int next_line(void *arg, const char *line, struct err *err)
{
    return custody_next(arg, line, strlen(line), err);
}

static int count_note(void *arg, const struct review_note *note, struct err *err)
{
    (void)note, (void)err;
    ++*(int *)arg;
    return ERR_OK;
}

static void test_a_chain_that_all_write_to_is_whole(void **state)
{
    struct err err;
    struct custody_chain chain = {.n = 0};
    struct catalogue_transfer t = alike(0);
    int notes = 0;
    (void)state;
    assert_ok(catalogue_transfer_add(c, &t, &err));
    memcpy(one_id, t.id, sizeof one_id);
    write_together(note_one);
    assert_ok(catalogue_event_each(c, one_id, next_line, &chain, &err));
    assert_int_equal(chain.n, WRITERS * EACH);
    assert_ok(review_notes(c, t.key, count_note, &notes, &err));
    assert_int_equal(notes, WRITERS * EACH / 2);
}

/* ---- events, and requests ---- */

static int change_at_random(struct catalogue *mine, int writer, struct err *err)
{
    unsigned seed = (unsigned)writer;
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < EACH; i++) {
        struct catalogue_transfer t = alike(i);
        t.time_us += rand_r(&seed) % 3600 * S;
        rc = catalogue_transfer_add(mine, &t, err);
        if (rc == ERR_OK && rand_r(&seed) % 3 == 0) {
            t.time_us += rand_r(&seed) % 600 * S;
            rc = catalogue_transfer_update(mine, &t, err);
        }
        if (rc == ERR_OK && rand_r(&seed) % 4 == 0)
            rc = catalogue_transfer_remove(mine, t.key, err);
    }
    return rc;
}

static char *grouping(void)
{
    char *text = NULL;
    size_t n = 0;
    struct err err;
    struct rows_st *st;
    bool row;
    FILE *out = open_memstream(&text, &n);
    assert_ok(rows_prepare(c->rows, &st,
                           "SELECT o.transfer, e.key, e.at_us, e.until_us, e.videos, e.cameras"
                           " FROM event AS e LEFT JOIN event_of AS o ON o.event = e.key"
                           " ORDER BY 1, 2",
                           &err));
    for (;;) {
        assert_ok(rows_step(st, &row, &err));
        if (!row)
            break;
        for (int i = 0; i < 6; i++)
            fprintf(out, "%lld ", (long long)rows_column(st, i));
        fprintf(out, "\n");
    }
    rows_finalize(&st);
    fclose(out);
    return text;
}

/* One vehicle, whose events all change at once. */
static void test_events_are_as_a_rebuild_makes_them(void **state)
{
    struct err err;
    (void)state;
    write_together(change_at_random);
    char *kept = grouping();
    assert_ok(review_rebuild(c, &err));
    char *anew = grouping();
    assert_string_equal(kept, anew);
    free(kept);
    free(anew);
    assert_int_equal(engines_sql("SELECT count(*) FROM changed"), 0);
}

/* ---- protection ---- */

static int64_t keys[WRITERS * EACH];
static char ids[WRITERS * EACH][CATALOGUE_ID_ROOM];

/* Half of them delete what the others protect. */
static int protect_or_delete(struct catalogue *mine, int writer, struct err *err)
{
    const struct catalogue_protection p = {.who = "Ona", .reason = "court", .since_us = T0};
    struct custody_event gone = {T0, CUSTODY_DELETED, "sweep", "{}"};
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < EACH; i++) {
        struct catalogue_transfer t;
        rc = catalogue_transfer_get(mine, ids[i], &t, err);
        if (rc == ERR_OK)
            rc = writer % 2 ? catalogue_protect(mine, ids[i], &p, err)
                            : catalogue_retire(mine, &t, &gone, err);
        if (rc == ERR_NOTFOUND || strstr(err->text, "is protected"))
            rc = ERR_OK;
    }
    return rc;
}

static void test_what_is_protected_is_not_deleted(void **state)
{
    struct err err;
    (void)state;
    for (int i = 0; i < EACH; i++) {
        struct catalogue_transfer t = alike(i);
        assert_ok(catalogue_transfer_add(c, &t, &err));
        keys[i] = t.key;
        memcpy(ids[i], t.id, sizeof ids[i]);
    }
    write_together(protect_or_delete);
    for (int i = 0; i < EACH; i++) { /* it has a line that says so, and is there */
        char sql[400];
        snprintf(sql, sizeof sql,
                 "SELECT (SELECT count(*) FROM custody WHERE transfer = '%s' AND"
                 " strpos(line, '\"event\":\"protected\"') > 0) ="
                 " (SELECT count(*) FROM transfer WHERE key = %lld)",
                 ids[i], (long long)keys[i]);
        assert_int_equal(engines_sql(sql), 1);
    }
}

/* ---- what is lost ---- */

/* The connection ends between two statements of a transaction: nothing of it is kept, and what
 * comes next is done on a new one. */
static void test_a_lost_connection_takes_its_transaction_only(void **state)
{
    struct err err;
    struct catalogue_transfer t = alike(0), u = alike(1), read;
    int64_t before, after, pid;
    (void)state;
    assert_ok(catalogue_transfer_add(c, &t, &err));
    assert_ok(catalogue_version(c, &before, &err));
    assert_ok(rows_number(c->rows, "SELECT pg_backend_pid()", &pid, &err));
    assert_ok(catalogue_begin(c, &err));
    assert_ok(catalogue_transfer_add(c, &u, &err));
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", (int)pid);
    engines_sql(sql);
    assert_err(ERR_IO, catalogue_transfer_get(c, t.id, &read, &err));
    assert_err(ERR_IO, catalogue_commit(c, &err));
    assert_ok(catalogue_transfer_get(c, t.id, &read, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_get(c, u.id, &read, &err));
    assert_ok(catalogue_transfer_add(c, &u, &err));
    assert_ok(catalogue_version(c, &after, &err));
    assert_int_not_equal(before, after);
}

/* A node of before an upgrade says so, and writes nothing. */
static void test_a_newer_schema_is_refused(void **state)
{
    struct err err;
    struct catalogue *mine;
    (void)state;
    engines_sql("UPDATE schema_version SET version = 99 WHERE part = 'catalogue'");
    assert_err(ERR_UNSUPPORTED, catalogue_open(&mine, root, true, &err));
    assert_has(err.text, "newer version");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_each_transfer_has_a_name_and_a_key_of_its_own),
        T(test_a_chain_that_all_write_to_is_whole),
        T(test_events_are_as_a_rebuild_makes_them),
        T(test_what_is_protected_is_not_deleted),
        T(test_a_lost_connection_takes_its_transaction_only),
        T(test_a_newer_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
