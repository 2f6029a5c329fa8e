/* Sequence numbers: what they say of the pictures that carry them. */
#include "footage/media/damage.h"
#include "support/support.h"

#define ROOM 12

static struct sequence_entry entry[ROOM];

static void judge(const uint32_t *number, int n)
{
    struct err err;
    for (int i = 0; i < n; i++)
        entry[i] = (struct sequence_entry){.number = number[i]};
    assert_ok(sequence_judge(entry, n, &err));
}

/* States as a word: o(k) t(aken) d(isplaced) w(rong); lost as digits. */
static void gives(const uint32_t *number, int n, const char *states, const char *lost)
{
    judge(number, n);
    for (int i = 0; i < n; i++) {
        assert_int_equal("otdw"[entry[i].state], states[i]);
        assert_int_equal(entry[i].lost + '0', lost[i]);
    }
}
#define GIVES(states, lost, ...)           \
    gives((const uint32_t[]){__VA_ARGS__}, \
          (int)(sizeof(uint32_t[]){__VA_ARGS__} / sizeof(uint32_t)), states, lost)

static void test_numbers_that_go_up_by_one_are_right_even_where_they_wrap(void **state)
{
    (void)state;
    GIVES("oooo", "0000", 7, 8, 9, 10);
    GIVES("oooo", "0000", 0xfffffffe, 0xffffffff, 0, 1);
    GIVES("o", "0", 5);
    gives(NULL, 0, "", "");
}

static void test_gaps_are_counted_where_they_are(void **state)
{
    (void)state;
    GIVES("ooo", "020", 1, 4, 5);
    GIVES("oooo", "0103", 0xfffffffe, 0, 1, 5);
}

static void test_one_wrong_number_condemns_no_other(void **state)
{
    (void)state;
    GIVES("oowoo", "00000", 1, 2, 0x40000000, 4, 5);
    GIVES("owooo", "00000", 1, 0x80000002, 3, 4, 5);
    GIVES("wooo", "0000", 0x1000000, 11, 12, 13);
    GIVES("ooow", "0000", 10, 11, 12, 0x1000000);
}

/* 3 became 4, before or behind the true 4: it is there, and no number is lost. */
static void test_a_number_of_another_one_is_not_lost(void **state)
{
    (void)state;
    GIVES("oooto", "00100", 1, 2, 4, 4, 5);
    assert_int_equal(sequence_lost(entry, 5, 2), 0);
    entry[3].repeat = true;
    assert_int_equal(sequence_lost(entry, 5, 2), 1);
    GIVES("ootoo", "00010", 1, 2, 2, 4, 5);
    assert_int_equal(sequence_lost(entry, 5, 3), 0);
    entry[2].repeat = true;
    assert_int_equal(sequence_lost(entry, 5, 3), 1);
}

static void test_repeated_and_displaced_ones(void **state)
{
    (void)state;
    GIVES("ootoo", "00000", 1, 2, 2, 3, 4);
    assert_int_equal(entry[2].twin, 1);
    GIVES("ooooodo", "0000000", 1, 2, 3, 5, 6, 4, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_that_go_up_by_one_are_right_even_where_they_wrap),
        cmocka_unit_test(test_gaps_are_counted_where_they_are),
        cmocka_unit_test(test_one_wrong_number_condemns_no_other),
        cmocka_unit_test(test_a_number_of_another_one_is_not_lost),
        cmocka_unit_test(test_repeated_and_displaced_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
