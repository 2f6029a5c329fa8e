/* Tables of vehicles, read; and what is found by their names. */
#include "dashspool/export.h"
#include "dashspool/review.h"
#include "support/catalogued.h"
#include "support/engines.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define A "350000000000001"
#define B "350000000000002"

static int see(void *arg, const struct review_vehicle *v, struct err *err)
{
    char *text = arg;
    (void)err;
    snprintf(text + strlen(text), 600 - strlen(text), "%s=%s/%s/%s ", v->imei, v->name, v->plate,
             v->group);
    return ERR_OK;
}

static const char *all(struct catalogued *f)
{
    static char text[600];
    struct err err;
    text[0] = '\0';
    assert_ok(review_vehicle_each(f->c, see, text, &err));
    return text;
}

static int import(struct catalogued *f, const void *table, size_t n,
                  struct review_vehicles_read *out, struct err *err)
{
    char path[500];
    snprintf(path, sizeof path, "%s/vehicles.csv", f->root);
    support_write(path, table, n);
    return review_vehicles_import(f->c, path, out, err);
}

static void test_tables_as_programs_write_them(void **state)
{
    struct catalogued *f = *state;
    static const struct {
        const char *table;
        size_t n;
        const char *is;
    } cases[] = {
#define CASE(table, is) {table, sizeof table - 1, is}
        CASE("imei,name,plate,group\n" A ",Van,VNO 1,north\n", A "=Van/VNO 1/north "),
        CASE("Group;IMEI;Name\r\n\"a;b\";" A ";\"the \"\"old\"\" one\"\r\n\r\n",
             A "=the \"old\" one//a;b "),
        CASE("\xef\xbb\xbfimei , name\n " A " ,\tB\xc3\xbcro \n", A "=Büro// "),
        CASE("name,colour,imei\rVan,red," A "\r", A "=Van// "),
        CASE("imei,name\n" A ",Van", A "=Van// "),
        CASE("imei,name\n\n" A ",Van\n,,\n", A "=Van// "),
        CASE("\xff\xfei\0m\0e\0i\0,\0n\0a\0m\0e\0\n\0"
             "3\0005\0000\0000\0000\0000\0000\0000\0000\0000\0000\0000\0000\0000\0001\0,\0V\0\n\0",
             A "=V// "),
        CASE("imei,name\n" A ",\n", ""),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        struct review_vehicles_read n;
        catalogued_sql(f, "DELETE FROM vehicle");
        if (import(f, cases[i].table, cases[i].n, &n, &err) < 0)
            fail_msg("%zu: %s", i, err.text);
        assert_string_equal(all(f), cases[i].is);
    }
}

static void test_what_a_table_does_not_have_stays(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct review_vehicles_read n;
    const struct review_vehicle a = {A, "Van", "VNO 1", "north"}, b = {B, "Car", "", ""};
    assert_ok(review_vehicle_put(f->c, &a, &err));
    assert_ok(review_vehicle_put(f->c, &b, &err));
    static const char table[] = "imei,plate\n" A ",VNO 2\n" B ",\n350000000000003,X\n";
    assert_ok(import(f, table, sizeof table - 1, &n, &err));
    assert_int_equal(n.added, 1);
    assert_int_equal(n.changed, 1);
    assert_int_equal(n.same, 1);
    assert_string_equal(all(f), B "=Car// " A "=Van/VNO 2/north 350000000000003=/X/ ");
}

static void test_a_bad_line_changes_nothing_and_is_named(void **state)
{
    struct catalogued *f = *state;
    static char long_table[70000];
    static const struct {
        const char *table;
        size_t n;
        const char *says;
    } cases[] = {
        CASE("", "is empty"),
        CASE("name,plate\nVan,X\n", "line 1: expected a heading"),
        CASE("imei,name\n" A ",ok\n12,x\n", "line 3: '12' is no IMEI"),
        CASE("imei,name\n" A ",ok\n" A "0,x\n", "line 3: its IMEI is none"),
        CASE("imei,name\n" A ",ok\n\"" B "\",\"x\n\ny", "line 3: a quotation mark"),
        CASE("imei,name\n" A ",\"a\nb\"\n", "line 2: name of vehicle"),
        CASE("imei,name\n" A ",ok\n" B ",a\x1b[1mz\n", "line 3: name of vehicle"),
        CASE("imei,name\n" A ",ok\n" B ",\xff\n", "line 3: name of vehicle"),
        CASE("imei,name\n" A ",ok\n" B ",\xe2\x80\xae\n", "line 3: name of vehicle"),
        CASE("imei,name\n" A ",ok\n" B ",0123456789012345678901234567890123456789012345678901234567"
             "890123456789\n",
             "line 3: a name, a plate or a group has 63 bytes"),
        CASE("name,imei\nx\n", "line 2: it has no IMEI"),
        CASE("imei,name\n" A ",o\0k\n", "zero bytes"),
        CASE("imei,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n", "line 1: it has too many columns"),
        {long_table, sizeof long_table, "line 1: a value is too long"},
    };
    memset(long_table, 'x', sizeof long_table);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        struct review_vehicles_read n;
        int rc = import(f, cases[i].table, cases[i].n, &n, &err);
        if (rc != ERR_MALFORMED || !strstr(err.text, cases[i].says))
            fail_msg("%zu: %s", i, rc < 0 ? err.text : "taken");
        assert_int_equal(n.added + n.changed + n.same, 0);
        assert_string_equal(all(f), "");
    }
    struct err err;
    struct review_vehicles_read n;
    assert_err(ERR_NOTFOUND, review_vehicles_import(f->c, "/nowhere/there", &n, &err));
}

static int count_one(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    (void)t, (void)err;
    ++*(int *)arg;
    return ERR_OK;
}

static int found(struct catalogued *f, const char *vehicle)
{
    struct err err;
    int n = 0;
    const struct catalogue_filter filter = {.vehicle = vehicle, .kind = "video"};
    assert_ok(catalogue_transfer_each(f->c, &filter, count_one, &n, &err));
    return n;
}

/* Whatever wrote it: the others are told, each once. */
static void test_a_row_that_cannot_be_read_hides_no_other(void **state)
{
    if (engines_wanted())
        skip(); /* no text there is such */
    struct catalogued *f = *state;
    struct err err;
    for (int i = 0; i < 3; i++) {
        struct review_vehicle v = {.imei = ""};
        snprintf(v.imei, sizeof v.imei, "35209308145225%d", i);
        snprintf(v.name, sizeof v.name, "Van %d", i);
        assert_ok(review_vehicle_put(f->c, &v, &err));
    }
    catalogued_sql(f, "UPDATE vehicle SET name = CAST(x'5600ff' AS TEXT) WHERE name = 'Van 1'");
    const char *told = all(f);
    assert_has(told, "Van 0");
    assert_has(told, "Van 2");
    assert_null(strstr(strstr(told, "Van 0") + 1, "Van 0"));
    assert_null(strstr(told, "352093081452251"));
}

static void test_transfers_are_found_by_their_vehicle(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct media_facts facts;
    struct catalogue_transfer t = catalogued_add(f, A, "front", CATALOGUED_T0_US);
    catalogued_add(f, A, "rear", CATALOGUED_T0_US);
    catalogued_add(f, B, "rear", CATALOGUED_T0_US);
    const struct review_vehicle v = {A, "Büro 100%", "VNO 1", "north"};
    assert_ok(review_vehicle_put(f->c, &v, &err));
    assert_int_equal(found(f, "BÜRO"), 2);
    assert_int_equal(found(f, "100%"), 2);
    assert_int_equal(found(f, "vno"), 2);
    assert_int_equal(found(f, "north"), 2);
    assert_int_equal(found(f, "0000002"), 1);
    assert_int_equal(found(f, "%"), 2);
    assert_int_equal(found(f, "nobody' OR 1 --"), 0);
    assert_int_equal(found(f, ""), 3);
    assert_ok(export_media_facts(f->c, &t, "{vehicle}", &facts, &err));
    assert_string_equal(facts.vehicle, "Büro 100%, VNO 1");
    assert_ok(export_media_facts(f->c, &t, "{imei}", &facts, &err));
    assert_string_equal(facts.vehicle, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_tables_as_programs_write_them),
        T(test_what_a_table_does_not_have_stays),
        T(test_a_bad_line_changes_nothing_and_is_named),
        T(test_a_row_that_cannot_be_read_hides_no_other),
        T(test_transfers_are_found_by_their_vehicle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
