/* What a vehicle is called: in lists, in pictures, in packages, and not where its IMEI is hidden.
 */
#include "support/support.h"
#include "support/world.h"
#include <stdio.h>
#include <string.h>

#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define NAMED "Büro-Kangoo, VNO 123"

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static int set_up(void **state)
{
    char path[600];
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "[convert]\nosd_template = {vehicle} {time}\n");
    snprintf(path, sizeof path, "%s/vehicles.csv", w.dir);
    static const char table[] = "IMEI;Plate;Name;Group\n" IMEI ";VNO 123;Büro-Kangoo;north\n";
    support_write(path, table, sizeof table - 1);
    expect(RUN("import", "--imei", IMEI, PHOTO), 0, "");
    expect(RUN("vehicles", "import", path), 0, "added: 1, changed: 0, as before: 0");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void test_lists_say_it(void **state)
{
    (void)state;
    expect(RUN("vehicles"), 0, IMEI "  Büro-Kangoo               VNO 123       north");
    expect(RUN("vehicles", "list", "--json"), 0, "\"plate\": \"VNO 123\"");
    expect(RUN("list"), 0, "  Büro-Kangoo       -");
    expect(RUN("list", "--vehicle", "KANGOO"), 0, IMEI);
    expect(RUN("list", "--vehicle", "vno 124"), 0, "no matching transfers");
    expect(RUN("list", "--json"), 0, "\"group\": \"north\"");
    expect(RUN("vehicles", "set", IMEI, "--group", ""), 0, IMEI);
    expect(RUN("vehicles"), 0, "VNO 123       -");
    expect(RUN("vehicles", "set", IMEI), 2, "give --name, --plate or --group");
    expect(RUN("vehicles", "--name", "x"), 2, "are for set");
    expect(RUN("vehicles", "forget"), 2, "expected list, import FILE or set IMEI");
    expect(RUN("vehicles", "set", "12", "--name", "x"), 1, "'12' is no IMEI");
}

/* Whether any file of a folder has it, by grep(1). */
static bool says(const char *dir, const char *text)
{
    struct proc_result r = proc_run((const char *const[]){"grep", "-rqF", text, dir, NULL});
    bool found = r.status == 0;
    proc_clear(&r);
    return found;
}

static void test_copies_and_packages_say_it_unless_the_imei_is_hidden(void **state)
{
    (void)state;
    char shown[600], hidden[600];
    snprintf(shown, sizeof shown, "%s/shown", w.dir);
    snprintf(hidden, sizeof hidden, "%s/hidden", w.dir);
    expect(RUN("work", "--once"), 0, "1 job done");
    expect(RUN("export", "--imei", IMEI, "-o", shown), 0, "");
    expect(RUN("verify", "--reproduce", shown), 0, "the same bytes");
    assert_true(says(shown, NAMED));
    expect(RUN("export", "--imei", IMEI, "--hide", "imei", "-o", hidden), 0, "");
    expect(RUN("verify", hidden), 0, "no problems found");
    assert_false(says(hidden, "Kangoo"));
    assert_false(says(hidden, "VNO 123"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_say_it),
        cmocka_unit_test(test_copies_and_packages_say_it_unless_the_imei_is_hidden),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
