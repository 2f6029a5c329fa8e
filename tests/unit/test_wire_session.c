#include "support/play.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct simulate_config two_videos_one_photo(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    struct wire_meta meta = {.time_ms = 1732865025000, .length_s = 3, .fps = 20};
    struct simulate_config c = {.imei = 352093081452251, .protocol_id = 5, .meta_version = 3};
    c.file[0] = (struct simulate_file){bytes, n, meta};
    c.file[1] = (struct simulate_file){bytes + 7, n - 7 - n % 1024, meta};
    c.file[3] = (struct simulate_file){bytes + 100, 1, meta};
    return c;
}

static void check_three_files(struct play *p, const uint8_t *bytes, size_t n)
{
    assert_int_equal(p->n_files, 3);
    assert_string_equal(p->file[0].name, "%videor");
    assert_string_equal(p->file[1].name, "%videof");
    assert_string_equal(p->file[2].name, "%photof");
    const uint8_t *expected[3] = {bytes, bytes + 7, bytes + 100};
    size_t size[3] = {n, n - 7 - n % 1024, 1};
    for (int i = 0; i < 3; i++) {
        assert_true(p->file[i].complete);
        assert_int_equal(p->file[i].bytes.used, size[i]);
        assert_memory_equal(buf_data(&p->file[i].bytes), expected[i], size[i]);
        assert_int_equal(p->file[i].meta_bytes, 32);
    }
    assert_int_equal(p->n_abandoned, 0);
    assert_int_equal(simulate_camera_stats(p->camera)->files_sent, 3);
    assert_true(simulate_camera_done(p->camera));
}

enum { CLIP = 5000 };
static uint8_t clip[CLIP];

static void test_all_slots_in_order_and_bit_exact(void **state)
{
    (void)state;
    struct simulate_config config = two_videos_one_photo(clip, CLIP);
    struct play p;
    play_begin(&p, NULL, &config);
    play_converse(&p, 65536, NULL);
    check_three_files(&p, clip, CLIP);
    wire_session_eof(p.s);
    play_drain(&p);
    assert_true(p.closed);
    assert_false(p.closed_warn);
    play_end(&p);
}

/* What the server says to a photo, byte for byte: the frames of the captures. */
static void test_a_whole_session_as_captured(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    play_heard_is(&p, "000a00072570686f746f66");
    play_feed_hex(&p, "000b0020030400000192d84ad5a000000000012c4038ed00000000004050c80000000000");
    play_heard_is(&p, "000800072570686f746f66");
    play_feed_hex(&p, "00010006000000010000");
    play_heard_is(&p, "0002000400000001");
    play_feed_hex(&p, "0003000400000001");
    play_feed_hex(&p, "0004000b3132333435363738392189");
    play_heard_is(&p, "0009");
    play_feed_hex(&p, "000000050001403a0f0c3edb40000400");
    play_heard_is(&p, "00000000");
    assert_int_equal(p.n_files, 1);
    assert_memory_equal(buf_data(&p.file[0].bytes), "123456789", 9);
    assert_string_equal(wire_session_init(p.s)->imei, "352093081452251");
    play_end(&p);
}

static void test_any_split_of_the_bytes_gives_the_same_files(void **state)
{
    (void)state;
    struct simulate_config config = two_videos_one_photo(clip, CLIP);
    for (size_t chunk = 1; chunk < 1100; chunk += chunk < 40 ? 1 : 41) {
        struct play p;
        play_begin(&p, NULL, &config);
        play_converse(&p, chunk, NULL);
        check_three_files(&p, clip, CLIP);
        play_end(&p);
    }
}

static uint8_t *recorded;
static size_t recorded_bytes;

/* Every cut of a recorded session into two reads, and every byte a read of its own. The recording
 * holds what a camera says when it is answered at once; the session's answers do not depend on the
 * cut. */
static void test_every_two_part_split_of_a_recorded_session(void **state)
{
    (void)state;
    struct simulate_config config = two_videos_one_photo(clip, 2500);
    struct play record;
    play_begin(&record, NULL, &config);
    play_converse(&record, 65536, NULL);
    check_three_files(&record, clip, 2500);
    recorded_bytes = record.said.used;
    recorded = malloc(recorded_bytes);
    memcpy(recorded, buf_data(&record.said), recorded_bytes);
    for (size_t cut = 0; cut <= recorded_bytes; cut++) {
        struct play p;
        play_begin(&p, NULL, NULL);
        if (cut == recorded_bytes) {
            for (size_t i = 0; i < recorded_bytes; i++)
                play_feed(&p, recorded + i, 1);
        } else {
            play_feed(&p, recorded, cut);
            play_feed(&p, recorded + cut, recorded_bytes - cut);
        }
        assert_int_equal(p.n_files, 3);
        assert_int_equal(p.heard.used, record.heard.used);
        assert_memory_equal(buf_data(&p.heard), buf_data(&record.heard), p.heard.used);
        for (int i = 0; i < 3; i++) {
            assert_true(p.file[i].complete);
            assert_int_equal(p.file[i].bytes.used, record.file[i].bytes.used);
            assert_memory_equal(buf_data(&p.file[i].bytes), buf_data(&record.file[i].bytes),
                                p.file[i].bytes.used);
        }
        play_end(&p);
    }
    free(recorded);
    play_end(&record);
}

static void flip_bytes(uint8_t *data, size_t n, size_t at)
{
    /* one bit in every 9 001st byte of what is on the way: data, CRCs and headers alike */
    for (size_t i = 0; i < n; i++)
        if ((at + i) % 9001 == 4321)
            data[i] ^= 0x10;
}

static void test_bad_crc_is_asked_for_again_and_the_file_is_exact(void **state)
{
    (void)state;
    enum { BIG = 300 * 1024 + 77 };
    uint8_t *bytes = malloc(BIG);
    struct simulate_config config = two_videos_one_photo(bytes, BIG);
    struct play p;
    play_begin(&p, NULL, &config);
    play_converse(&p, 1400, flip_bytes);
    check_three_files(&p, bytes, BIG);
    assert_true(wire_session_stats(p.s)->crc_errors + simulate_camera_stats(p.camera)->resumes > 5);
    play_end(&p);
    free(bytes);
}

static void test_packets_in_flight_after_resume_are_dropped_until_the_sync_asked_for(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 4);
    uint16_t seed = 0;
    play_feed_packet(&p, 1, 1024, &seed);
    seed ^= 1; /* the chain breaks */
    play_feed_packet(&p, 2, 1024, &seed);
    play_heard_is(&p, "0002000400000002");
    play_feed_packet(&p, 3, 1024, &seed);  /* in flight */
    play_feed_hex(&p, "0003000400000009"); /* some other SYNC */
    play_feed_packet(&p, 4, 1024, &seed);
    play_feed_hex(&p, "0003000400000002");
    seed = 0;
    play_feed_packet(&p, 2, 1024, &seed);
    play_feed_packet(&p, 3, 1024, &seed);
    play_feed_packet(&p, 4, 10, &seed);
    play_heard_is(&p, "0009");
    assert_int_equal(p.file[0].bytes.used, 3 * 1024 + 10);
    for (size_t i = 0; i < p.file[0].bytes.used; i++)
        assert_int_equal(buf_data(&p.file[0].bytes)[i], 1 + i / 1024);
    assert_int_equal(wire_session_stats(p.s)->crc_errors, 1);
    assert_int_equal(wire_session_stats(p.s)->resumes, 1);
    play_end(&p);
}

static void test_a_second_sync_makes_duplicates_that_are_stored_once(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 3);
    uint16_t seed = 0;
    play_feed_packet(&p, 1, 1024, &seed);
    play_feed_packet(&p, 2, 1024, &seed);
    play_feed_hex(&p, "0003000400000001");
    seed = 0;
    play_feed_packet(&p, 1, 1024, &seed);
    play_feed_packet(&p, 2, 1024, &seed);
    play_feed_packet(&p, 3, 1024, &seed);
    assert_true(p.file[0].complete);
    assert_int_equal(p.file[0].bytes.used, 3 * 1024);
    assert_int_equal(wire_session_stats(p.s)->duplicates, 2);
    play_end(&p);
}

static void test_a_camera_that_counts_from_0(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    play_feed_hex(&p, "000b000d010400000192d84ad5a0000000");
    play_feed_hex(&p, "00010006000000020000");
    play_feed_hex(&p, "0003000400000000");
    uint16_t seed = 0;
    play_feed_packet(&p, 1, 1024, &seed);
    play_feed_packet(&p, 2, 5, &seed);
    assert_true(p.file[0].complete);
    assert_int_equal(p.file[0].bytes.used, 1029);
    play_end(&p);
}

static void test_a_short_packet_in_the_middle_is_not_taken(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 2);
    uint16_t seed = 0;
    play_feed_packet(&p, 1, 1000, &seed);
    play_heard_is(&p, "0002000400000001");
    assert_int_equal(p.file[0].bytes.used, 0);
    play_end(&p);
}

static void test_start_at_a_later_packet_after_an_earlier_connection(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    p.have_bytes = 2 * 1024;
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    play_feed_hex(&p, "000b000d010400000192d84ad5a0000000");
    buf_consume(&p.heard, p.heard.used);
    play_feed_hex(&p, "00010006000000030000");
    play_heard_is(&p, "0002000400000003");
    play_feed_hex(&p, "0003000400000003");
    uint16_t seed = 0;
    play_feed_packet(&p, 3, 7, &seed);
    assert_true(p.file[0].complete);
    assert_int_equal(p.file[0].bytes.used, 7);
    play_end(&p);
}

static void test_no_metadata_in_time_goes_on_without(void **state)
{
    (void)state;
    struct simulate_config config = two_videos_one_photo(clip, CLIP);
    config.meta_version = 0;
    struct play p;
    play_begin(&p, NULL, &config);
    for (int i = 0; i < 3; i++) {
        play_converse(&p, 65536, NULL);
        assert_string_equal(play_state(&p), "wait-meta");
        assert_int_equal(p.n_files, i);
        p.now_us = wire_session_deadline(p.s) - 1;
        play_drain(&p);
        assert_string_equal(play_state(&p), "wait-meta");
        p.now_us++;
        play_drain(&p);
        assert_string_equal(play_state(&p), "wait-start");
    }
    play_converse(&p, 65536, NULL);
    assert_int_equal(p.n_files, 3);
    for (int i = 0; i < 3; i++) {
        assert_true(p.file[i].complete);
        assert_int_equal(p.file[i].meta_bytes, 0);
    }
    play_end(&p);
}

static void test_nothing_is_acknowledged_before_the_commit(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 1);
    p.hold_commit = true;
    uint16_t seed = 0;
    play_feed_packet(&p, 1, 3, &seed);
    assert_true(p.file[0].complete);
    assert_true(wire_session_waiting(p.s));
    assert_int_equal(p.heard.used, 0);
    p.now_us += INT64_C(1000000000000);
    play_drain(&p); /* no deadline runs while our disk is slow */
    assert_int_equal(p.heard.used, 0);
    assert_false(p.closed);
    wire_session_committed(p.s, p.now_us);
    play_drain(&p);
    play_heard_is(&p, "0009");
    play_end(&p);
}

static void test_gives_up_after_the_limit_and_keeps_the_partial(void **state)
{
    (void)state;
    struct wire_limits limits = wire_limits_default;
    limits.repeats = 3;
    struct play p;
    play_begin_receiving(&p, &limits, 2);
    uint16_t seed = 0;
    play_feed_packet(&p, 1, 1024, &seed);
    for (int i = 0; i < 3; i++) {
        p.now_us = wire_session_deadline(p.s);
        play_drain(&p);
        play_heard_is(&p, "0002000400000002");
        assert_false(p.closed);
    }
    p.now_us = wire_session_deadline(p.s);
    play_drain(&p);
    assert_int_equal(p.n_abandoned, 1);
    assert_true(p.closed && p.closed_warn);
    assert_int_equal(p.file[0].bytes.used, 1024);
    assert_non_null(strstr(p.text, "packet 2 of 2"));
    play_end(&p);
}

static void test_device_status_ends_the_transfer_with_its_text(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 2);
    play_feed_hex(&p, "0005000400000011");
    assert_int_equal(p.n_abandoned, 1);
    assert_true(p.closed && p.closed_warn);
    assert_non_null(strstr(p.text, "status 17"));
    play_end(&p);
}

static void test_lost_connection_leaves_a_partial(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 3);
    uint16_t seed = 0;
    play_feed_packet(&p, 1, 1024, &seed);
    wire_session_eof(p.s);
    play_drain(&p);
    assert_int_equal(p.n_abandoned, 1);
    assert_true(p.closed);
    assert_string_equal(p.text, "connection lost at packet 2 of 3");
    play_end(&p);
}

static void test_an_init_in_the_middle_restarts_the_session(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 3);
    uint16_t seed = 0;
    play_feed_packet(&p, 1, 1024, &seed);
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    assert_int_equal(p.n_abandoned, 1);
    play_heard_is(&p, "000a00072570686f746f66");
    play_end(&p);
}

static void test_an_empty_slot_is_passed_over_and_not_asked_again(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, "000000050001403a0f0c3edb54000400");
    play_feed_hex(&p, "000b000d011000000192d84ad5a0000000");
    buf_consume(&p.heard, p.heard.used);
    play_feed_hex(&p, "00010006000000000000");
    play_heard_is(&p, "000a00072570686f746f66");
    play_end(&p);
}

static void test_strangers_are_sent_away_with_a_reason(void **state)
{
    (void)state;
    static const char *const strangers[] = {
        "474554202f20485454502f312e310d0a",           /* GET / HTTP/1.1 */
        "16030100c8010000c40303aabbccddee",           /* TLS hello */
        "000000000000003608010000016b40d8ea30010000", /* AVL */
        "0004040201",                                 /* DATA first */
        "000f333532303933303831343532323531",         /* a tracker's login */
    };
    static const char *const who[] = {"HTTP", "TLS port", "Codec 8)", "no INIT within", "login"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        struct play p;
        play_begin(&p, NULL, NULL);
        play_feed_hex(&p, strangers[i]);
        if (!p.closed) { /* the start of a legal frame */
            p.now_us = wire_session_deadline(p.s);
            play_drain(&p);
        }
        assert_true(p.closed && p.closed_warn);
        assert_int_equal(p.heard.used, 0);
        assert_non_null(strstr(p.text, who[i]));
        play_end(&p);
    }
}

static void test_no_init_in_time(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, "00000005");
    p.now_us += 15000001;
    play_drain(&p);
    assert_true(p.closed);
    assert_non_null(strstr(p.text, "no INIT within 15 s"));
    play_end(&p);
}

static void test_more_packets_than_the_limit_are_not_taken(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    play_feed_hex(&p, "000b000d010400000192d84ad5a0000000");
    play_feed_hex(&p, "00010006ffffffff0000");
    assert_true(p.closed && p.closed_warn);
    assert_int_equal(p.n_files, 0);
    play_end(&p);
}

static void test_random_bytes_never_break_the_promise_of_store(void **state)
{
    (void)state;
    unsigned x = 12345;
    for (int round = 0; round < 300; round++) {
        struct play p;
        play_begin_receiving(&p, NULL, 5);
        for (int i = 0; i < 40 && !p.closed; i++) {
            uint8_t noise[300];
            x = x * 1664525 + 1013904223;
            size_t n = 1 + (x >> 16) % sizeof noise;
            for (size_t k = 0; k < n; k++) {
                x = x * 1664525 + 1013904223;
                noise[k] = (uint8_t)(x >> 24 & (round % 2 ? 0x07 : 0xff));
            }
            play_feed(&p, noise, n); /* play_drain() checks every STORE */
            p.now_us += 1000000;
        }
        play_end(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_slots_in_order_and_bit_exact),
        cmocka_unit_test(test_a_whole_session_as_captured),
        cmocka_unit_test(test_any_split_of_the_bytes_gives_the_same_files),
        cmocka_unit_test(test_every_two_part_split_of_a_recorded_session),
        cmocka_unit_test(test_bad_crc_is_asked_for_again_and_the_file_is_exact),
        cmocka_unit_test(test_packets_in_flight_after_resume_are_dropped_until_the_sync_asked_for),
        cmocka_unit_test(test_a_second_sync_makes_duplicates_that_are_stored_once),
        cmocka_unit_test(test_a_camera_that_counts_from_0),
        cmocka_unit_test(test_a_short_packet_in_the_middle_is_not_taken),
        cmocka_unit_test(test_start_at_a_later_packet_after_an_earlier_connection),
        cmocka_unit_test(test_no_metadata_in_time_goes_on_without),
        cmocka_unit_test(test_nothing_is_acknowledged_before_the_commit),
        cmocka_unit_test(test_gives_up_after_the_limit_and_keeps_the_partial),
        cmocka_unit_test(test_device_status_ends_the_transfer_with_its_text),
        cmocka_unit_test(test_lost_connection_leaves_a_partial),
        cmocka_unit_test(test_an_init_in_the_middle_restarts_the_session),
        cmocka_unit_test(test_an_empty_slot_is_passed_over_and_not_asked_again),
        cmocka_unit_test(test_strangers_are_sent_away_with_a_reason),
        cmocka_unit_test(test_no_init_in_time),
        cmocka_unit_test(test_more_packets_than_the_limit_are_not_taken),
        cmocka_unit_test(test_random_bytes_never_break_the_promise_of_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
