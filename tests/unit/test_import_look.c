/* What a child says that looked at a file: anything that cannot be is refused. */
#include "intake/import/import_internal.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static const int64_t now_us = INT64_C(1732872225) * 1000000;
static struct look_found found;

static void good(void)
{
    memset(&found, 0, sizeof found);
    snprintf(found.imei, sizeof found.imei, "350612071913857");
    snprintf(found.camera, sizeof found.camera, "front");
    found.has_time = 1;
    found.time_us = now_us;
    found.sidecar[3].taken = 1;
    found.sidecar[3].wire.meta_n = sizeof found.sidecar[3].wire.meta;
}

static void test_what_our_own_child_says_is_taken(void **state)
{
    (void)state;
    good();
    snprintf(found.note, sizeof found.note, "cut \x1b[2J at 5");
    snprintf(found.sidecar[1].why, sizeof found.sidecar[1].why, "a\nb");
    assert_true(look_found_ok(&found, now_us));
    assert_string_equal(found.note, "cut ?[2J at 5");
    assert_string_equal(found.sidecar[1].why, "a?b");
    memset(&found, 0, sizeof found);
    assert_true(look_found_ok(&found, now_us));
}

#define REFUSED(change)                        \
    do {                                       \
        good();                                \
        change;                                \
        if (look_found_ok(&found, now_us))     \
            fail_msg("%s was taken", #change); \
    } while (0)

static void test_what_cannot_be_is_refused(void **state)
{
    (void)state;
    REFUSED(found.end = -1);
    REFUSED(found.end = MEDIA_END_UNKNOWN + 1);
    REFUSED(found.photo = 2);
    REFUSED(found.ours = -1);
    REFUSED(memset(found.note, 'x', sizeof found.note));
    REFUSED(memset(found.imei, '1', sizeof found.imei));
    REFUSED(found.imei[3] = '\n');
    REFUSED(found.imei[5] = '\0');
    REFUSED(memcpy(found.camera, "nowhere", 8));
    REFUSED(memset(found.camera, 'r', sizeof found.camera));
    REFUSED(found.has_time = 5);
    REFUSED(found.time_us = -1);
    REFUSED(found.time_us = now_us + NAME_AHEAD_US + 1);
    REFUSED(found.time_us = INT64_MAX);
    REFUSED(found.sidecar[3].taken = 7);
    REFUSED(memset(found.sidecar[2].why, 'x', LOOK_WHY_ROOM));
    REFUSED(memset(found.doubtful_imei, '1', sizeof found.doubtful_imei));
    REFUSED(memcpy(found.doubtful_imei, "../../etc/pass", 15));
    REFUSED(memset(found.sidecar[3].of_sha256, 'a', HASH_HEX_ROOM));
    REFUSED(memcpy(found.sidecar[0].imei, "../../etc/passw", 16));
    REFUSED(memcpy(found.sidecar[0].camera, "../..", 6));
    REFUSED(found.sidecar[7].wire.init_n = sizeof found.sidecar[7].wire.init + 1);
    REFUSED(found.sidecar[7].wire.start_n = SIZE_MAX);
    REFUSED(found.sidecar[7].wire.path_n = sizeof found.sidecar[7].wire.path + 1);
    REFUSED(found.sidecar[3].wire.meta_n++);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_our_own_child_says_is_taken),
        cmocka_unit_test(test_what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
