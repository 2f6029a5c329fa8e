#include "footage/media/annexb.h"
#include "footage/media/ptmf.h"
#include "support/support.h"
#include <string.h>

/* A record with n payload bytes, the last `pad` of them zero; returns what was written. */
static size_t put(uint8_t *out, char type, uint8_t pad, uint32_t sequence, uint64_t us, size_t n)
{
    memset(out, 0, PTMF_HEADER_BYTES);
    memcpy(out, "PTMF", 4);
    out[4] = pad;
    out[5] = (uint8_t)type;
    out[7] = 20;
    out[9] = 5; /* 1280 */
    out[10] = 0xd0, out[11] = 2;
    for (int i = 0; i < 4; i++) {
        out[12 + i] = (uint8_t)(sequence >> 8 * i);
        out[24 + i] = (uint8_t)(n >> 8 * i);
    }
    for (int i = 0; i < 8; i++)
        out[28 + i] = (uint8_t)(us >> 8 * i);
    memset(out + PTMF_HEADER_BYTES, 0x5a, n);
    memset(out + PTMF_HEADER_BYTES + n - pad, 0, pad);
    return PTMF_HEADER_BYTES + n;
}

static void test_records_come_out_without_padding(void **state)
{
    (void)state;
    uint8_t file[512];
    struct ptmf_record r;
    size_t n = put(file, 'I', 3, 7, UINT64_C(106000001), 100);
    n += put(file + n, 'A', 0, 1, UINT64_C(106063001), 8);
    struct ptmf p = ptmf_init(file, n);
    assert_true(ptmf_next(&p, &r));
    assert_int_equal(r.type, 'I');
    assert_int_equal(r.n, 97);
    assert_int_equal(r.fps, 20);
    assert_int_equal(r.width_px, 1280);
    assert_int_equal(r.height_px, 720);
    assert_int_equal(r.sequence, 7);
    assert_int_equal(r.time_us, 106000001);
    assert_false(r.damaged);
    assert_true(ptmf_next(&p, &r));
    assert_int_equal(r.type, 'A');
    assert_int_equal(r.n, 8);
    assert_false(ptmf_next(&p, &r));
    assert_int_equal(p.skipped_bytes + p.cut_bytes + p.damaged, 0);
}

static void test_bytes_between_records_are_skipped_and_counted(void **state)
{
    (void)state;
    uint8_t file[512];
    struct ptmf_record r;
    memset(file, 'P', 11);
    size_t n = 11 + put(file + 11, 'I', 0, 0, 1, 20);
    memcpy(file + n, "PTMFxxxx", 8);
    n += 8;
    n += put(file + n, 'P', 0, 1, 2, 20);
    struct ptmf p = ptmf_init(file, n);
    assert_true(ptmf_next(&p, &r));
    assert_int_equal(r.offset, 11);
    assert_true(ptmf_next(&p, &r));
    assert_int_equal(r.sequence, 1);
    assert_false(ptmf_next(&p, &r));
    assert_int_equal(p.skipped_bytes, 19);
    assert_int_equal(p.first_skip, 0);
}

static void test_a_record_with_missing_bytes_ends_where_the_next_begins(void **state)
{
    (void)state;
    uint8_t file[1024];
    struct ptmf_record r;
    size_t n = put(file, 'I', 0, 0, 1, 300) - 60; /* 60 bytes lost */
    size_t second = n;
    n += put(file + n, 'P', 0, 1, 2, 200);
    n += put(file + n, 'P', 0, 2, 3, 20);
    struct ptmf p = ptmf_init(file, n);
    assert_true(ptmf_next(&p, &r));
    assert_true(r.damaged);
    assert_int_equal(r.n, 240);
    assert_true(ptmf_next(&p, &r));
    assert_int_equal(r.offset, second);
    assert_true(ptmf_next(&p, &r));
    assert_int_equal(r.sequence, 2);
    assert_false(ptmf_next(&p, &r));
    assert_int_equal(p.damaged, 1);
}

static void test_every_cut_is_noticed_and_hands_out_only_whole_records(void **state)
{
    (void)state;
    uint8_t file[512];
    size_t first = put(file, 'I', 0, 0, 1, 40);
    size_t n = first + put(file + first, 'P', 0, 1, 2, 44);
    for (size_t cut = 0; cut <= n; cut++) {
        struct ptmf_record r;
        struct ptmf p = ptmf_init(file, cut);
        int records = 0;
        while (ptmf_next(&p, &r))
            records++;
        assert_int_equal(records, (cut >= first) + (cut == n));
        int64_t rest = (int64_t)(cut == n ? 0 : cut >= first ? cut - first : cut);
        assert_int_equal(p.cut_bytes, rest);
    }
}

static void test_nal_units_and_access_units(void **state)
{
    (void)state;
    static const uint8_t stream[] = {
        9, 9, 0, 0,    0,    1,    0x40, 1, 0xaa, /* VPS, behind two stray bytes */
        0, 0, 1, 0x26, 1,    0x80, 5,    0, 0,    /* IDR, first slice, trailing zeros */
        0, 0, 1, 0x26, 1,    0x00, 6,             /* its second slice */
        0, 0, 1, 0x82, 1,    1,                   /* forbidden bit: no unit */
        0, 0, 0, 1,    0x02, 1,    0x80, 7,       /* TRAIL_R, next picture */
        0, 0, 1, 0x46, 1,    0x50, 0,    0, 1,    0x02, 1, 0x80, 8, /* AUD, third picture */
    };
    struct nal_scan scan = nal_scan_init(stream, sizeof stream);
    struct nal nal;
    static const int types[] = {NAL_VPS, NAL_IDR_W_RADL, NAL_IDR_W_RADL, 1, NAL_AUD, 1};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_true(nal_next(&scan, &nal));
        assert_int_equal(nal.type, types[i]);
    }
    assert_false(nal_next(&scan, &nal));

    struct annexb_au au;
    scan = nal_scan_init(stream, sizeof stream);
    assert_true(annexb_next(&scan, &au));
    assert_int_equal(au.type, NAL_IDR_W_RADL);
    assert_int_equal(au.offset, 3);
    assert_int_equal(au.head, 6); /* the VPS */
    assert_int_equal(au.layered, 0);
    assert_true(annexb_next(&scan, &au));
    assert_int_equal(au.type, 1);
    assert_int_equal(au.head, 0);
    assert_true(annexb_next(&scan, &au));
    assert_int_equal(au.offset + au.n, sizeof stream);
    assert_int_equal(au.head, 6); /* the AUD */
    assert_false(annexb_next(&scan, &au));
}

static void test_units_of_other_layers_belong_to_no_head(void **state)
{
    (void)state;
    static const uint8_t stream[] = {
        0, 0, 1, 0x43, 1, 7,    /* SPS of layer 32 */
        0, 0, 1, 0x26, 9, 0x80, /* IDR of layer 1 */
        0, 0, 1, 0x26, 1, 0x80, /* of the base layer: the first slice */
        0, 0, 1, 0x26, 9, 0x80, 5,
    };
    struct nal_scan scan = nal_scan_init(stream, sizeof stream);
    struct annexb_au au;
    assert_true(annexb_next(&scan, &au));
    assert_int_equal(au.head, 12);
    assert_int_equal(au.layered, 3);
}

/* Bytes are looked at in blocks: nothing is missed at the border of two, or at the end. */
static void test_zeros_are_found_wherever_they_lie(void **state)
{
    (void)state;
    enum { ROOM = 600, HEAD = 6 };
    static const uint8_t slice[HEAD] = {0, 0, 1, 0x02, 1, 0x80};
    uint8_t data[ROOM];
    struct nal nal;
    for (size_t n = HEAD; n < ROOM; n += n < 280 ? 1 : 17)
        for (size_t at = 0; at + HEAD <= n; at++) {
            memset(data, 0x55, n);
            memcpy(data + at, slice, HEAD);
            struct nal_scan scan = nal_scan_init(data, n);
            assert_true(nal_next(&scan, &nal));
            assert_int_equal(nal.start, at);
            assert_int_equal(nal.n, n - at - 3);
            assert_false(nal_next(&scan, &nal));
            if (at >= 3) { /* two zeros that are no start code, right in front of it */
                memcpy(data + at - 3, "\0\0\3", 3);
                scan = nal_scan_init(data, n);
                assert_true(nal_next(&scan, &nal));
                assert_int_equal(nal.start, at);
            }
            memset(data, 0, at); /* any number of zeros may be in front */
            scan = nal_scan_init(data, n);
            assert_true(nal_next(&scan, &nal));
            assert_int_equal(nal.start, at);
        }
    for (size_t n = HEAD + 3; n < ROOM; n += n < 280 ? 1 : 17)
        for (size_t at = HEAD; at + 3 <= n; at++) {
            memset(data, 0x55, n);
            memcpy(data, slice, HEAD);
            memcpy(data + at, "\0\0\2", 3);
            assert_non_null(annexb_fault(data, n));
            data[at + 2] = 3; /* legal at the end, and in front of what would else be forbidden */
            if (at + 3 < n) {
                assert_non_null(annexb_fault(data, n));
                data[at + 3] = 1;
            }
            assert_null(annexb_fault(data, n));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_come_out_without_padding),
        cmocka_unit_test(test_bytes_between_records_are_skipped_and_counted),
        cmocka_unit_test(test_a_record_with_missing_bytes_ends_where_the_next_begins),
        cmocka_unit_test(test_every_cut_is_noticed_and_hands_out_only_whole_records),
        cmocka_unit_test(test_nal_units_and_access_units),
        cmocka_unit_test(test_units_of_other_layers_belong_to_no_head),
        cmocka_unit_test(test_zeros_are_found_wherever_they_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
