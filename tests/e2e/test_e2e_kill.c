/* The receiver is killed again and again while cameras send: nothing acknowledged is lost. */
#include "support/fleet.h"
#include <stdio.h>

enum { KILLS = 200 };

static void test_two_hundred_kills_lose_nothing(void **state)
{
    (void)state;
    char root[512], log[512];
    char *dir = support_tmp_dir();
    snprintf(root, sizeof root, "%s/root", dir);
    snprintf(log, sizeof log, "%s/receive.log", dir);
    struct fleet_kills k = fleet_kill(DASHSPOOL_BINARY, root, log, KILLS, support_seed(20261121));
    printf("%d kills, %d of them before it listened; %lld files, %d resumed\n", k.kills, k.starting,
           (long long)k.stats.files, k.stats.resumed);
    assert_int_equal(k.kills, KILLS);
    assert_string_equal(k.found.damage, "");
    assert_true(k.found.databases >= 2);
    if (!fleet_all_right(&k.found))
        fail_msg("missing %lld, double %lld, altered %lld, unknown %lld, partial %lld, orphans "
                 "%lld, jobless %lld",
                 (long long)k.found.missing, (long long)k.found.doubled, (long long)k.found.altered,
                 (long long)k.found.unknown, (long long)k.found.partial, (long long)k.found.orphans,
                 (long long)k.found.jobless);
    assert_int_equal(k.found.right, k.stats.files);
    assert_true(k.stats.files > 20 && k.stats.resumed > 20);
    support_tmp_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_hundred_kills_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
