/* Numbers of H.265 (9.2): tables 9-2 and 9-3, the ends of what is there, and of what is allowed. */
#include "footage/media/annexb.h"
#include "footage/media/bits.h"
#include "support/support.h"
#include <string.h>

static void test_numbers_as_the_tables_have_them(void **state)
{
    (void)state;
    static const uint8_t codes[] = {0xa6, 0x42, 0x98,
                                    0xe2, 0x04, 0x80}; /* 1 010 011 00100 … 0001001 */
    struct bits b = bits_init(codes, sizeof codes);
    for (unsigned v = 0; v <= 8; v++)
        assert_int_equal(bits_ue(&b, 100), v);
    assert_false(b.bad);
    static const int se[] = {0, 1, -1, 2, -2, 3, -3, 4, -4};
    b = bits_init(codes, sizeof codes);
    for (int i = 0; i < 9; i++)
        assert_int_equal(bits_se(&b, 4), se[i]);
    assert_false(b.bad);
    b = bits_init(codes, sizeof codes);
    assert_int_equal(bits_u(&b, 12), 0xa64);
    assert_int_equal(bits_flag(&b), 0);
}

static void test_what_is_too_large_or_behind_the_end_is_bad(void **state)
{
    (void)state;
    static const uint8_t five[] = {0x30}, zeros[1] = {0}; /* 00110: 5 */
    struct bits b = bits_init(five, 1);
    assert_int_equal(bits_ue(&b, 4), 0);
    assert_true(b.bad);
    b = bits_init(five, 1);
    assert_int_equal(bits_se(&b, 2), 0); /* it is 3 */
    assert_true(b.bad);
    b = bits_init(zeros, 1);
    assert_int_equal(bits_ue(&b, UINT32_MAX), 0);
    assert_true(b.bad);
    b = bits_init(five, 1);
    bits_skip(&b, 8);
    assert_false(b.bad);
    assert_int_equal(bits_flag(&b), 0);
    assert_true(b.bad);
    b = bits_init(five, 1);
    bits_skip(&b, 9);
    assert_true(b.bad);
}

static void test_messages_one_after_the_other(void **state)
{
    (void)state;
    static const uint8_t content[] = {6, 1, 0x80, 0xff, 0x06, 2, 7, 8, 132, 3, 1, 2};
    const uint8_t *p = content, *end = content + sizeof content;
    struct sei s;
    assert_true(sei_next(&p, end, &s));
    assert_true(s.type == 6 && s.n == 1 && s.p == content + 2);
    assert_true(sei_next(&p, end, &s));
    assert_true(s.type == 261 && s.n == 2 && s.p == content + 6);
    assert_false(sei_next(&p, end, &s)); /* one byte of it is missing */
    p = end = content + sizeof content;
    assert_false(sei_next(&p, end, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_as_the_tables_have_them),
        cmocka_unit_test(test_what_is_too_large_or_behind_the_end_is_bad),
        cmocka_unit_test(test_messages_one_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
