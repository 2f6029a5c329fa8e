/* Files by path: DSM, ADAS, and every camera of protocol ID 6 and later. */
#include "support/play.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define INIT(protocol, settings) "0000" protocol "0001403a0f0c3edb" settings
#define DSM_PATH                 "64736d2f706963747572652f3233313032302f3233313435322e6a706700"
#define DSM_META                 "000b001a6532fb64020d0342a982fe7eb73000090000000000006e686f4a"
#define NINE                     "0004000b3132333435363738392189" /* DATA "123456789" */

static void test_a_whole_dsm_session_byte_for_byte(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, INIT("0005", "02000000"));
    play_heard_is(&p, "000c00020000");
    play_feed_hex(&p, "000d001e" DSM_PATH);
    play_heard_is(&p, "000a0000");
    play_feed_hex(&p, DSM_META);
    play_heard_is(&p, "0008001e" DSM_PATH);
    play_feed_hex(&p, "0001000600000009beef"); /* a CRC that is none: not refused for it */
    play_heard_is(&p, "0002000400000000");
    play_feed_hex(&p, "0003000400000000" NINE);
    play_heard_is(&p, "0009");
    play_feed_hex(&p, INIT("0005", "02000000"));
    play_heard_is(&p, "000c00020000");
    play_feed_hex(&p, "000d000100");
    play_heard_is(&p, "00000000");
    const struct wire_offer *o = &p.file[0].offer;
    assert_int_equal(p.n_files, 1);
    assert_true(p.file[0].complete);
    assert_memory_equal(buf_data(&p.file[0].bytes), "123456789", 9);
    assert_string_equal(p.file[0].name, "dsm/picture/231020/231452.jpg");
    assert_int_equal(o->path_bytes, 30);
    assert_int_equal(o->mode, WIRE_BY_BYTES);
    assert_null(o->slot);
    assert_int_equal(o->size_bytes, 9);
    assert_int_equal(o->file_crc, 0xbeef);
    assert_string_equal(o->camera, "driver");
    assert_string_equal(o->kind, "photo");
    assert_int_equal(p.file[0].meta_bytes, WIRE_META_DSM_BYTES);
    wire_session_eof(p.s);
    play_drain(&p);
    assert_true(p.closed && !p.closed_warn);
    assert_string_equal(p.text, "all files received");
    play_end(&p);
}

static void test_a_path_that_is_empty_goes_on_with_the_slots(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, INIT("0005", "16000000"));
    play_heard_is(&p, "000c00020000");
    play_feed_hex(&p, "000d000100");
    play_heard_is(&p, "000a000725766964656f66");
    play_feed_hex(&p, INIT("0005", "16000000")); /* begins anew: is not asked again */
    play_heard_is(&p, "000a000725766964656f66");
    play_end(&p);
}

static void test_protocol_6_goes_by_path_whatever_bits_are_set(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, INIT("0006", "30000000"));
    play_heard_is(&p, "000c00020000");
    play_feed_hex(&p, "000d000100");
    play_heard_is(&p, "00000000");
    play_end(&p);
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, INIT("0006", "c1000400")); /* nothing pending */
    play_heard_is(&p, "00000000");
    play_end(&p);
}

/* Protocol 6, a file of `size` bytes at path "dualcam_rear/1.h265", up to RECEIVING. */
static void begin_protocol_6(struct play *p, uint64_t have, unsigned size)
{
    char hex[64];
    play_begin(p, NULL, NULL);
    p->have_bytes = have;
    play_feed_hex(p, INIT("0006", "10000000"));
    play_feed_hex(p, "000d00146475616c63616d5f726561722f312e6832363500");
    play_feed_hex(p, "000b00137b2276657273696f6e223a312c2261223a317d");
    snprintf(hex, sizeof hex, "00010006%08x0000", size);
    play_feed_hex(p, hex);
    buf_consume(&p->heard, p->heard.used);
    snprintf(hex, sizeof hex, "00030004%08x", (unsigned)have);
    play_feed_hex(p, hex);
}

static void feed_enh(struct play *p, uint32_t offset, uint8_t fill, size_t n, uint16_t *seed)
{
    static uint8_t data[UINT16_MAX], frame[UINT16_MAX + 8];
    memset(data, fill, n);
    play_feed(p, frame, wire_enh_data_put(frame, sizeof frame, offset, data, n, seed));
}

static void filled_with(const struct play *p, size_t from, size_t to, uint8_t fill)
{
    for (size_t i = from; i < to; i++)
        assert_int_equal(buf_data(&p->file[0].bytes)[i], fill);
}

static void test_data_with_and_without_offset_of_any_size(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    begin_protocol_6(&p, 0, 71000);
    assert_string_equal(p.file[0].offer.camera, "rear");
    assert_string_equal(p.file[0].offer.kind, "video");
    assert_int_equal(p.file[0].meta_bytes, 19);
    feed_enh(&p, 0, 1, 5000, &seed);
    play_feed_packet(&p, 2, 1000, &seed); /* one chain of CRCs */
    feed_enh(&p, 6000, 3, 64000, &seed);
    play_feed_packet(&p, 4, 1000, &seed);
    assert_true(p.file[0].complete);
    assert_int_equal(p.file[0].bytes.used, 71000);
    filled_with(&p, 0, 5000, 1);
    filled_with(&p, 5000, 6000, 2);
    filled_with(&p, 6000, 70000, 3);
    filled_with(&p, 70000, 71000, 4);
    play_end(&p);
}

static void test_an_offset_that_is_not_expected_recovers_before_the_frame_ends(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    begin_protocol_6(&p, 0, 3000);
    feed_enh(&p, 0, 1, 1000, &seed);
    play_feed_hex(&p, "000effff000003e9"); /* 1001, and 64 KiB would follow */
    play_heard_is(&p, "00020004000003e8");
    assert_int_equal(wire_session_stats(p.s)->n_error_at, 1);
    assert_int_equal(wire_session_stats(p.s)->error_at[0], 1000);
    play_feed_hex(&p, "00030004000003e8");
    play_feed_hex(&p, "000e07d7000003e8"); /* in place, but 1 byte too long */
    play_heard_is(&p, "00020004000003e8");
    play_feed_hex(&p, "00030004000003e8");
    seed = 0;
    feed_enh(&p, 1000, 2, 2000, &seed);
    assert_true(p.file[0].complete);
    play_end(&p);
}

static void test_data_beyond_the_end_is_not_taken(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    begin_protocol_6(&p, 0, 1000);
    play_feed_packet(&p, 1, 1001, &seed);
    play_heard_is(&p, "0002000400000000");
    assert_int_equal(p.file[0].bytes.used, 0);
    play_feed_hex(&p, "0003000400000000");
    seed = 0;
    play_feed_packet(&p, 1, 1000, &seed);
    assert_true(p.file[0].complete);
    play_end(&p);
}

static void test_resume_at_any_byte(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    begin_protocol_6(&p, 1234, 2000);
    play_feed_packet(&p, 7, 766, &seed);
    assert_true(p.file[0].complete);
    assert_int_equal(p.file[0].bytes.used, 766);
    play_end(&p);
}

/* The camera begins earlier than it was asked to: what is kept is passed over, within a frame too.
 */
static void test_a_frame_that_begins_in_what_is_kept(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    begin_protocol_6(&p, 1234, 3000);
    play_feed_hex(&p, "0003000400000000");
    play_feed_packet(&p, 1, 1024, &seed);
    play_feed_packet(&p, 2, 1024, &seed);
    feed_enh(&p, 2048, 3, 952, &seed);
    assert_true(p.file[0].complete);
    assert_int_equal(p.file[0].bytes.used, 3000 - 1234);
    filled_with(&p, 0, 2048 - 1234, 2);
    filled_with(&p, 2048 - 1234, 3000 - 1234, 3);
    assert_int_equal(wire_session_stats(p.s)->duplicates, 1);
    play_end(&p);
}

static void test_a_file_of_no_bytes_is_passed_over(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    for (int i = 0; i <= 16; i++) {
        play_feed_hex(&p, INIT("0005", "02000000"));
        play_heard_is(&p, "000c00020000");
        play_feed_hex(&p, "000d001e" DSM_PATH DSM_META);
        play_heard_is(&p, "000a00000008001e" DSM_PATH);
        play_feed_hex(&p, "00010006000000000000");
        if (i < 16)
            play_heard_is(&p, "0009"); /* only the camera knows its next file */
    }
    assert_true(p.closed && p.closed_warn); /* … but it is always this one */
    assert_int_equal(p.n_files, 0);
    play_end(&p);
}

static void test_more_bytes_than_the_limit_are_not_taken(void **state)
{
    (void)state;
    struct wire_limits limits = wire_limits_default;
    limits.packets_max = 2;
    for (int over = 0; over < 2; over++) {
        struct play p;
        play_begin(&p, &limits, NULL);
        play_feed_hex(&p, INIT("0005", "02000000"));
        play_feed_hex(&p, "000d001e" DSM_PATH DSM_META);
        play_feed_hex(&p, over ? "00010006000008010000" : "00010006000008000000");
        assert_int_equal(p.closed, over);
        assert_int_equal(p.n_files, !over);
        play_end(&p);
    }
}

static void test_no_metadata_in_time_goes_on_with_the_path(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, INIT("0005", "02000000") "000d001e" DSM_PATH);
    play_heard_is(&p, "000c00020000000a0000");
    play_until_deadline(&p);
    play_heard_is(&p, "0008001e" DSM_PATH);
    play_feed_hex(&p, DSM_META); /* late, but in time for the offer */
    play_feed_hex(&p, "00010006000000090000");
    assert_int_equal(p.file[0].meta_bytes, WIRE_META_DSM_BYTES);
    play_end(&p);
}

static void test_no_path_in_time_closes_or_goes_on_with_the_slots(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, INIT("0005", "12000000"));
    play_heard_is(&p, "000c00020000");
    play_until_deadline(&p);
    play_heard_is(&p, "000a000725766964656f66");
    play_feed_hex(&p, "000d000100"); /* late */
    assert_string_equal(play_state(&p), "wait-meta");
    play_end(&p);
    static const char *const only_path[] = {INIT("0005", "02000000"), INIT("0006", "12000000")};
    for (int i = 0; i < 2; i++) {
        play_begin(&p, NULL, NULL);
        play_feed_hex(&p, only_path[i]);
        play_until_deadline(&p);
        assert_true(p.closed && p.closed_warn);
        assert_string_equal(p.text, "no file path within 30 s");
        play_end(&p);
    }
}

static void test_a_lost_connection_tells_the_byte(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    begin_protocol_6(&p, 0, 3000);
    play_feed_packet(&p, 1, 1000, &seed);
    wire_session_eof(p.s);
    play_drain(&p);
    assert_int_equal(p.n_abandoned, 1);
    assert_string_equal(p.text, "connection lost at byte 1000 of 3000");
    play_end(&p);
}

static void test_content_is_told_by_its_first_bytes(void **state)
{
    (void)state;
    assert_string_equal(wire_content("\xff\xd8\xff\xe0", 4), "photo");
    assert_string_equal(wire_content("PTMF", 4), "video");
    assert_string_equal(wire_content("\0\0\0\1\x40", 5), "video");
    assert_string_equal(wire_content("\0\0\0\x18"
                                     "ftypisom",
                                     12),
                        "video");
    assert_string_equal(wire_content("PTM", 3), "");
    assert_string_equal(wire_content("<html>", 6), "");
    assert_string_equal(wire_content("", 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_is_told_by_its_first_bytes),
        cmocka_unit_test(test_a_whole_dsm_session_byte_for_byte),
        cmocka_unit_test(test_a_path_that_is_empty_goes_on_with_the_slots),
        cmocka_unit_test(test_protocol_6_goes_by_path_whatever_bits_are_set),
        cmocka_unit_test(test_data_with_and_without_offset_of_any_size),
        cmocka_unit_test(test_an_offset_that_is_not_expected_recovers_before_the_frame_ends),
        cmocka_unit_test(test_data_beyond_the_end_is_not_taken),
        cmocka_unit_test(test_resume_at_any_byte),
        cmocka_unit_test(test_a_frame_that_begins_in_what_is_kept),
        cmocka_unit_test(test_a_file_of_no_bytes_is_passed_over),
        cmocka_unit_test(test_more_bytes_than_the_limit_are_not_taken),
        cmocka_unit_test(test_no_metadata_in_time_goes_on_with_the_path),
        cmocka_unit_test(test_no_path_in_time_closes_or_goes_on_with_the_slots),
        cmocka_unit_test(test_a_lost_connection_tells_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
