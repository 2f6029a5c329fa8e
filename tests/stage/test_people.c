/* People: names for ever, tokens told once, marks that change. */
#include "dashspool/people.h"
#include "support/sql.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT INT64_C(1732866000000000)

struct world {
    char *dir;
    struct people *people;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err;
    w->dir = support_tmp_dir();
    assert_int_equal(people_open(&w->people, w->dir, false, &err), ERR_NOTFOUND);
    assert_ok(people_open(&w->people, w->dir, true, &err));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    people_close(&w->people);
    support_tmp_remove(&w->dir);
    free(w);
    return 0;
}

static void test_a_token_is_its_persons(void **state)
{
    struct world *w = *state;
    struct people_person p;
    struct err err;
    char anna[PEOPLE_TOKEN_ROOM], ben[PEOPLE_TOKEN_ROOM];
    int64_t mark;
    bool any = true;
    assert_ok(people_any(w->people, &any, &err));
    assert_false(any);
    assert_ok(people_add(w->people, "anna", PEOPLE_VIEWER, AT, anna, &err));
    assert_ok(people_add(w->people, "ben", PEOPLE_ADMIN, AT, ben, &err));
    assert_int_equal(strlen(anna), 43);
    assert_string_not_equal(anna, ben);
    assert_ok(people_by_token(w->people, anna, &p, &mark, &err));
    assert_string_equal(p.name, "anna");
    assert_int_equal(p.role, PEOPLE_VIEWER);
    assert_int_equal(people_by_token(w->people, "", &p, &mark, &err), ERR_NOTFOUND);
    anna[42] = anna[42] == 'A' ? 'B' : 'A';
    assert_int_equal(people_by_token(w->people, anna, &p, &mark, &err), ERR_NOTFOUND);
    struct buf file = support_read(support_path(w->dir, "people.db"));
    for (size_t i = 0; i + 43 <= file.used; i++)
        assert_true(memcmp(buf_data(&file) + i, ben, 43) != 0); /* kept nowhere */
    buf_clear(&file);
}

static void test_a_name_is_given_once(void **state)
{
    struct world *w = *state;
    struct people_person p;
    struct err err;
    char token[PEOPLE_TOKEN_ROOM], again[PEOPLE_TOKEN_ROOM];
    int64_t mark;
    bool any = false;
    assert_ok(people_add(w->people, "Anna", PEOPLE_VIEWER, AT, token, &err));
    assert_int_equal(people_add(w->people, "anna", PEOPLE_VIEWER, AT, again, &err), ERR_BUSY);
    assert_ok(people_remove(w->people, "ANNA", AT + 1, &err));
    assert_int_equal(people_add(w->people, "Anna", PEOPLE_VIEWER, AT, again, &err), ERR_BUSY);
    assert_int_equal(people_by_token(w->people, token, &p, &mark, &err), ERR_NOTFOUND);
    assert_int_equal(people_find(w->people, "Anna", &p, &mark, &err), ERR_NOTFOUND);
    assert_int_equal(people_renew(w->people, "Anna", token, &err), ERR_NOTFOUND);
    assert_int_equal(people_set_role(w->people, "Ben", PEOPLE_ADMIN, &err), ERR_NOTFOUND);
    assert_ok(people_any(w->people, &any, &err));
    assert_true(any); /* who removed the last one opened no door */
}

static void test_a_name_is_one_whatever_its_case_in_any_alphabet(void **state)
{
    static const struct {
        const char *name, *same, *other;
    } all[] = {{"Jürgen Öztürk", "JÜRGEN öztürk", "Jurgen Oztürk"},
               {"Ådahl", "åDAHL", "Adahl"},
               {"Žofie", "žofie", "Zofie"},
               {"Σωκράτης", "ΣΩΚΡΆΤΗΣ", "ΣΩΚΡΑΤΗΣ"},
               {"Іван", "іВАН", "Иван"}};
    struct world *w = *state;
    struct people_person p;
    struct err err;
    char token[PEOPLE_TOKEN_ROOM], again[PEOPLE_TOKEN_ROOM];
    int64_t mark;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_ok(people_add(w->people, all[i].name, PEOPLE_VIEWER, AT, token, &err));
        assert_err(ERR_BUSY, people_add(w->people, all[i].same, PEOPLE_VIEWER, AT, again, &err));
        assert_ok(people_find(w->people, all[i].same, &p, &mark, &err));
        assert_string_equal(p.name, all[i].name);
        assert_ok(people_set_role(w->people, all[i].same, PEOPLE_ADMIN, &err));
        assert_err(ERR_NOTFOUND, people_find(w->people, all[i].other, &p, &mark, &err));
        assert_ok(people_add(w->people, all[i].other, PEOPLE_VIEWER, AT, again, &err));
        assert_ok(people_remove(w->people, all[i].same, AT + 1, &err));
        assert_err(ERR_NOTFOUND, people_by_token(w->people, token, &p, &mark, &err));
        assert_ok(people_find(w->people, all[i].other, &p, &mark, &err));
        assert_int_equal(p.role, PEOPLE_VIEWER);
        assert_err(ERR_BUSY, people_add(w->people, all[i].same, PEOPLE_VIEWER, AT, again, &err));
    }
}

/* As they could be given before: nobody is taken for the other. */
static void test_two_names_that_differ_in_case_are_two_people(void **state)
{
    struct world *w = *state;
    struct people_person p;
    struct err err;
    char token[PEOPLE_TOKEN_ROOM], path[400];
    int64_t mark;
    assert_ok(people_add(w->people, "Özil", PEOPLE_ADMIN, AT, token, &err));
    assert_ok(people_add(w->people, "Other", PEOPLE_VIEWER, AT, token, &err));
    snprintf(path, sizeof path, "%s", support_path(w->dir, "people.db"));
    sql_change(path, "UPDATE person SET name = 'özil' WHERE name = 'Other'");
    assert_ok(people_find(w->people, "ÖZIL", &p, &mark, &err));
    assert_int_equal(p.role, PEOPLE_ADMIN); /* ASCII's case never made two */
    assert_ok(people_find(w->people, "özil", &p, &mark, &err));
    assert_int_equal(p.role, PEOPLE_VIEWER);
    assert_ok(people_remove(w->people, "özil", AT + 1, &err));
    assert_err(ERR_NOTFOUND, people_find(w->people, "özil", &p, &mark, &err));
    assert_err(ERR_NOTFOUND, people_set_role(w->people, "özil", PEOPLE_ADMIN, &err));
    assert_err(ERR_NOTFOUND, people_remove(w->people, "özil", AT + 2, &err));
    assert_ok(people_find(w->people, "Özil", &p, &mark, &err));
}

/* Of two, neither is who is called otherwise yet. */
static void test_a_name_that_may_be_either_of_two_is_nobodys(void **state)
{
    struct world *w = *state;
    struct people_person p;
    struct err err;
    char token[PEOPLE_TOKEN_ROOM], path[400];
    int64_t mark;
    assert_ok(people_add(w->people, "ÖzÜ", PEOPLE_ADMIN, AT, token, &err));
    assert_ok(people_add(w->people, "Other", PEOPLE_VIEWER, AT, token, &err));
    snprintf(path, sizeof path, "%s", support_path(w->dir, "people.db"));
    sql_change(path, "UPDATE person SET name = 'özÜ' WHERE name = 'Other'");
    assert_err(ERR_NOTFOUND, people_find(w->people, "özü", &p, &mark, &err));
    assert_err(ERR_NOTFOUND, people_remove(w->people, "özü", AT + 1, &err));
    assert_ok(people_remove(w->people, "ÖzÜ", AT + 1, &err));
    assert_ok(people_find(w->people, "özü", &p, &mark, &err));
    assert_int_equal(p.role, PEOPLE_VIEWER);
}

static void test_each_change_makes_another_mark(void **state)
{
    struct world *w = *state;
    struct people_person p;
    struct err err;
    char token[PEOPLE_TOKEN_ROOM], old[PEOPLE_TOKEN_ROOM];
    int64_t mark[4], ben;
    assert_ok(people_add(w->people, "anna", PEOPLE_VIEWER, AT, old, &err));
    assert_ok(people_find(w->people, "anna", &p, &mark[0], &err));
    assert_ok(people_set_role(w->people, "anna", PEOPLE_REVIEWER, &err));
    assert_ok(people_find(w->people, "anna", &p, &mark[1], &err));
    assert_int_equal(p.role, PEOPLE_REVIEWER);
    assert_ok(people_renew(w->people, "anna", token, &err));
    assert_ok(people_find(w->people, "anna", &p, &mark[2], &err));
    assert_int_equal(people_by_token(w->people, old, &p, &mark[3], &err), ERR_NOTFOUND);
    assert_ok(people_by_token(w->people, token, &p, &mark[3], &err));
    assert_int_equal(mark[3], mark[2]);
    assert_true(mark[0] != mark[1] && mark[1] != mark[2] && mark[0] != mark[2]);
    assert_ok(people_add(w->people, "ben", PEOPLE_VIEWER, AT, token, &err));
    assert_ok(people_find(w->people, "ben", &p, &ben, &err));
    for (int i = 0; i < 3; i++)
        assert_true(ben != mark[i]);
}

static void test_names_that_could_deceive_are_none(void **state)
{
    struct world *w = *state;
    struct err err;
    char token[PEOPLE_TOKEN_ROOM], longest[PEOPLE_NAME_ROOM + 1];
    static const char *const bad[] = {
        "",    "a/b", " a", "a ", "a\nb", "a\x1b", "\xff", "a\xe2\x80\xae", "Somebody at 10.0.0.1",
        "\xc3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(people_add(w->people, bad[i], PEOPLE_VIEWER, AT, token, &err),
                         ERR_MALFORMED);
    memset(longest, 'x', PEOPLE_NAME_ROOM);
    longest[PEOPLE_NAME_ROOM] = '\0';
    assert_int_equal(people_add(w->people, longest, PEOPLE_VIEWER, AT, token, &err), ERR_MALFORMED);
    longest[PEOPLE_NAME_ROOM - 1] = '\0';
    assert_ok(people_add(w->people, longest, PEOPLE_VIEWER, AT, token, &err));
    assert_ok(
        people_add(w->people, "J\xc3\xbcrgen B. (claims desk 2)", PEOPLE_VIEWER, AT, token, &err));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_a_token_is_its_persons),
        T(test_a_name_is_given_once),
        T(test_a_name_is_one_whatever_its_case_in_any_alphabet),
        T(test_two_names_that_differ_in_case_are_two_people),
        T(test_a_name_that_may_be_either_of_two_is_nobodys),
        T(test_each_change_makes_another_mark),
        T(test_names_that_could_deceive_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
