/* reader and buf: what reads and keeps hostile bytes. */
#include "dashspool/reader.h"
#include "dashspool/text.h"
#include "support/support.h"
#include <stdlib.h>
#include <string.h>

static void test_every_width_and_order(void **state)
{
    (void)state;
    const uint8_t b[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct rd r = rd_init(b, sizeof b);
    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_be16(&r), 0x0203);
    assert_int_equal(rd_le32(&r), 0x07060504);
    assert_true(rd_be64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_true(rd_done(&r));
    r = rd_init(b, sizeof b);
    assert_int_equal(rd_le16(&r), 0x0201);
    assert_int_equal(rd_be32(&r), 0x03040506);
    assert_true(rd_le64(&r) == UINT64_C(0x0e0d0c0b0a090807));
    assert_false(rd_done(&r));
    const uint8_t degrees[] = {0x40, 0x4b, 0x59, 0xa7, 0x4e, 0x8e, 0x02, 0x8d};
    r = rd_init(degrees, sizeof degrees);
    double v = rd_be_double(&r);
    assert_true(v > 54.70041 && v < 54.70042);
}

static void test_a_read_past_the_end_is_sticky_at_every_length(void **state)
{
    (void)state;
    static const size_t evil[] = {1, 2, 3, 8, 9, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX};
    for (size_t n = 0; n < 9; n++) {
        uint8_t *exact = malloc(n + !n); /* so that the sanitizer sees a read too far */
        memset(exact, 0x5a, n + !n);
        for (size_t i = 0; i < sizeof evil / sizeof *evil; i++) {
            struct rd r = rd_init(exact, n);
            const uint8_t *at = rd_bytes(&r, evil[i]);
            assert_int_equal(at != NULL, evil[i] <= n);
            assert_int_equal(r.bad, evil[i] > n);
            if (r.bad) {
                assert_int_equal(rd_u8(&r), 0);
                assert_int_equal(rd_left(&r), 0);
                assert_false(rd_done(&r));
            }
            r = rd_init(exact, n);
            struct rd sub = rd_sub(&r, evil[i]);
            assert_int_equal(sub.bad, evil[i] > n);
            assert_int_equal(rd_left(&sub), evil[i] > n ? 0 : evil[i]);
        }
        struct rd r = rd_init(exact, n);
        (void)rd_be64(&r);
        assert_int_equal(r.bad, n < 8);
        free(exact);
    }
}

static void test_buf_keeps_order_and_its_ceiling(void **state)
{
    (void)state;
    struct err err;
    struct buf b;
    buf_init(&b, 3000);
    uint8_t next = 0, expected = 0;
    for (int round = 0; round < 2000; round++) {
        uint8_t some[37];
        for (size_t i = 0; i < sizeof some; i++)
            some[i] = next++;
        assert_ok(buf_append(&b, some, sizeof some, &err));
        while (b.used > (size_t)(round % 2900)) {
            assert_int_equal(*buf_data(&b), expected++);
            buf_consume(&b, 1);
        }
    }
    size_t before = b.used;
    char too_much[3001] = {0};
    assert_err(ERR_LIMIT, buf_append(&b, too_much, sizeof too_much, &err));
    assert_err(ERR_LIMIT, buf_append(&b, too_much, 3000 - before + 1, &err));
    assert_null(buf_reserve(&b, SIZE_MAX, &err));
    assert_int_equal(b.used, before);
    assert_ok(buf_append(&b, too_much, 3000 - before, &err));
    assert_true(b.room <= 3000);
    buf_clear(&b);
}

static void test_nothing_can_be_appended_to_nothing(void **state)
{
    struct err err;
    struct buf b;
    (void)state;
    for (size_t ceiling = 0; ceiling < 2; ceiling++) {
        buf_init(&b, ceiling);
        assert_ok(buf_append(&b, "", 0, &err));
        assert_non_null(buf_reserve(&b, 0, &err));
        assert_int_equal(b.used, 0);
        buf_clear(&b);
    }
}

static void test_sizes_are_told_in_units_of_a_thousand(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } is[] = {{-1, "?"},
              {0, "0 B"},
              {999, "999 B"},
              {1000, "1.0 kB"},
              {999949, "999.9 kB"},
              {999950, "1.0 MB"},
              {2133068, "2.1 MB"},
              {999960000, "1.0 GB"},
              {INT64_MAX, "9223.4 PB"}};
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        char text[SIZE_TEXT_ROOM];
        assert_string_equal(size_text(is[i].bytes, text), is[i].text);
    }
    assert_string_equal(size_plural(0, "copy", "copies"), "copies");
    assert_string_equal(size_plural(1, "copy", "copies"), "copy");
    assert_string_equal(size_plural(2, "copy", "copies"), "copies");
}

/* RFC 3629, sections 3 and 4: the first and the last of each length, and their neighbours. */
static void test_characters_are_those_of_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n; /* 0: none */
        uint32_t value;
    } each[] = {
        {"A", 1, 'A'},
        {"\x7f", 1, 0x7f},
        {"\x80", 0, 0},
        {"\xc1\xbf", 0, 0}, /* longer than it needs to be */
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\x9f\xbf", 0, 0},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xed\xa0\x80", 0, 0}, /* half of a pair of UTF-16 */
        {"\xee\x80\x80", 3, 0xe000},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xf0\x8f\xbf\xbf", 0, 0},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\xf4\x90\x80\x80", 0, 0},
        {"\xf8\x88\x80\x80", 0, 0},
        {"\xe2\x82", 0, 0}, /* cut off */
        {"\xe2(\xa1", 0, 0},
    };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        uint32_t value = 0;
        assert_int_equal(utf8_next(each[i].bytes, 4, &value), each[i].n);
        assert_int_equal(value, each[i].value);
        if (each[i].n > 0)
            assert_int_equal(utf8_next(each[i].bytes, each[i].n - 1, &value), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_told_in_units_of_a_thousand),
        cmocka_unit_test(test_every_width_and_order),
        cmocka_unit_test(test_a_read_past_the_end_is_sticky_at_every_length),
        cmocka_unit_test(test_buf_keeps_order_and_its_ceiling),
        cmocka_unit_test(test_nothing_can_be_appended_to_nothing),
        cmocka_unit_test(test_characters_are_those_of_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
