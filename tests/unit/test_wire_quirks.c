/* What cameras do that no page tells, what strangers do, and how a session is ended from outside.
 */
#include "support/play.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static void test_a_late_thirteenth_and_one_byte_of_version_2_metadata(void **state)
{
    (void)state;
    static const char *const rates[] = {"14", "00"}; /* of a video, of a photo */
    for (int i = 0; i < 2; i++) {
        struct play p;
        play_begin(&p, NULL, NULL);
        play_feed_hex(&p, "000000050001403a0f0c3edb50000400");
        play_feed_hex(&p, "000b000d02100000019377"
                          "7e7af003000a");
        play_heard_is(&p, "000a000725766964656f66000800072576"
                          "6964656f66");
        play_feed_hex(&p, rates[i]); /* seconds later */
        play_feed_hex(&p, "0001");
        play_feed_hex(&p, "0006000000020000");
        play_heard_is(&p, "0002000400000001");
        assert_int_equal(p.file[0].meta_bytes, 14);
        assert_int_equal(p.file[0].meta[13], i ? 0 : 0x14);
        play_end(&p);
    }
}

static void test_version_2_metadata_of_13_bytes_without_the_byte(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, "000000050001403a0f0c3edb50000400");
    play_feed_hex(&p, "000b000d021000000193777e7af003000a00010006000000020000");
    assert_int_equal(p.n_files, 1);
    assert_int_equal(p.file[0].meta_bytes, 13);
    play_end(&p);
    play_begin(&p, NULL, NULL); /* a status in place of START */
    play_feed_hex(&p, "000000050001403a0f0c3edb50000400");
    play_feed_hex(&p, "000b000d021000000193777e7af003000a140005000400000011");
    assert_true(p.closed);
    assert_non_null(strstr(p.text, "status 17"));
    play_end(&p);
    play_begin(&p, NULL, NULL); /* a new session in place of START */
    play_feed_hex(&p, "000000050001403a0f0c3edb50000400");
    play_feed_hex(&p, "000b000d021000000193777e7af003000a000000050001403a0f0c3edb44000400");
    assert_false(p.closed);
    assert_string_equal(play_state(&p), "wait-meta");
    play_end(&p);
}

/* The photo of the captured session with what was kept, up to our first RESUME. */
static void begin_resumed(struct play *p, uint64_t have, unsigned packets)
{
    char start[32];
    play_begin(p, NULL, NULL);
    p->have_bytes = have;
    play_feed_hex(p, "000000050001403a0f0c3edb44000400");
    play_feed_hex(p, "000b000d010400000192d84ad5a0000000");
    buf_consume(&p->heard, p->heard.used);
    snprintf(start, sizeof start, "00010006%08x0000", packets);
    play_feed_hex(p, start);
}

static void test_a_camera_that_does_not_resume_sends_all_and_the_rest_is_stored(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    begin_resumed(&p, 2048, 3);
    play_heard_is(&p, "0002000400000003");
    play_feed_hex(&p, "0003000400000001");
    play_feed_packet(&p, 1, 1024, &seed);
    play_feed_packet(&p, 2, 1024, &seed);
    play_feed_packet(&p, 3, 7, &seed);
    assert_true(p.file[0].complete);
    assert_int_equal(p.file[0].bytes.used, 7);
    assert_int_equal(buf_data(&p.file[0].bytes)[0], 3);
    assert_int_equal(wire_session_stats(p.s)->duplicates, 2);
    play_end(&p);
}

static void test_a_sync_that_does_not_tell_how_it_counts_leads_back_to_the_start(void **state)
{
    (void)state;
    for (uint16_t base = 0; base < 2; base++) {
        struct play p;
        uint16_t seed = 0;
        begin_resumed(&p, 3072, 5);
        play_heard_is(&p, "0002000400000004");
        play_feed_hex(&p, "0003000400000003"); /* one packet early, or counted from 0? */
        play_heard_is(&p, "0002000400000001");
        play_feed_packet(&p, 9, 1024, &seed); /* in flight */
        play_feed_hex(&p, base ? "0003000400000001" : "0003000400000000");
        seed = 0;
        for (uint8_t i = 1; i <= 4; i++)
            play_feed_packet(&p, i, 1024, &seed);
        seed ^= 1;
        play_feed_packet(&p, 5, 10, &seed);
        play_heard_is(&p, base ? "0002000400000005" : "0002000400000004");
        play_feed_hex(&p, base ? "0003000400000005" : "0003000400000004");
        seed = 0;
        play_feed_packet(&p, 5, 10, &seed);
        assert_true(p.file[0].complete);
        assert_int_equal(p.file[0].bytes.used, 1024 + 10);
        assert_int_equal(buf_data(&p.file[0].bytes)[0], 4);
        play_end(&p);
    }
}

/* It never says COMMIT for a file with a hole: one that counts from 0 sends one packet too few. */
static void test_a_resumed_camera_that_counts_from_0_never_makes_a_whole_file(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    begin_resumed(&p, 2048, 5);
    play_feed_hex(&p, "0003000400000003"); /* means the fourth */
    play_feed_packet(&p, 4, 1024, &seed);
    play_feed_packet(&p, 5, 10, &seed);
    for (int i = 0; i < 21 && !p.closed; i++)
        play_until_deadline(&p);
    assert_true(p.closed && p.closed_warn);
    assert_false(p.file[0].complete);
    play_end(&p);
}

static void test_data_before_its_sync_are_dropped(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    begin_resumed(&p, 0, 2);
    play_feed_packet(&p, 9, 1024, &seed);
    play_feed_hex(&p, "0003000400000001");
    seed = 0;
    play_feed_packet(&p, 1, 1024, &seed);
    play_feed_packet(&p, 2, 3, &seed);
    assert_true(p.file[0].complete);
    assert_int_equal(buf_data(&p.file[0].bytes)[0], 1);
    assert_int_equal(wire_session_stats(p.s)->bytes_lost, WIRE_DATA_FRAME_BYTES);
    play_end(&p);
}

static void test_data_with_offsets_are_none_of_a_slots(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 2);
    play_feed_hex(&p, "000e"); /* not even its length is waited for */
    play_feed_hex(&p, "ffff");
    play_heard_is(&p, "0002000400000001");
    play_end(&p);
}

static void test_a_camera_that_closes_between_files(void **state)
{
    (void)state;
    for (int done = 0; done < 2; done++) {
        struct play p;
        play_begin_receiving(&p, NULL, 1);
        if (done)
            play_feed_hex(&p, "0004000b3132333435363738392189");
        else
            play_feed_hex(&p, "000000050001403a0f0c3edb44000400"); /* nothing open any more */
        p.n_abandoned = 0;
        wire_session_eof(p.s);
        play_drain(&p);
        assert_int_equal(p.closed_warn, !done); /* after 0009 it may reconnect instead */
        assert_string_equal(p.text, "the camera closed the connection");
        assert_int_equal(p.n_abandoned, 0);
        wire_session_refuse(p.s, "too late", p.now_us);
        assert_string_equal(play_state(&p), "ended");
        play_feed_hex(&p, "00"); /* nobody listens */
        wire_session_eof(p.s);
        play_drain(&p);
        assert_int_equal(p.n_abandoned, 0);
        play_end(&p);
    }
}

static void test_a_camera_that_begins_anew_while_it_is_out_of_step(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 1;
    play_begin_receiving(&p, NULL, 3);
    play_feed_packet(&p, 1, 1024, &seed); /* the chain is broken */
    play_heard_is(&p, "0002000400000001");
    play_feed_hex(&p, "0101010100000005");
    play_feed_hex(&p, "0001403a0f0c3edb440004");
    play_feed_hex(&p, "00");
    play_heard_is(&p, "000a00072570686f746f66");
    assert_int_equal(p.n_abandoned, 1);
    play_end(&p);
}

static void test_last_words_in_a_stream_that_is_out_of_step(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        struct play p;
        uint16_t seed = 1;
        play_begin_receiving(&p, NULL, 3);
        play_feed_packet(&p, 1, 1024, &seed);
        play_feed_hex(&p, "0005000400000006");
        assert_false(p.closed); /* may be a part of the file */
        if (closes)
            wire_session_eof(p.s);
        else
            p.now_us = wire_session_deadline(p.s);
        play_drain(&p);
        assert_true(p.closed && p.closed_warn);
        assert_non_null(strstr(p.text, "status 6: bad answer to RESUME"));
        play_end(&p);
    }
}

static void test_a_sync_again_and_again_without_anything_new_is_given_up(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 3);
    for (int i = 0; i < 20; i++)
        play_feed_hex(&p, "0003000400000001");
    assert_false(p.closed);
    play_feed_hex(&p, "0003000400000001");
    assert_true(p.closed && p.closed_warn);
    assert_int_equal(p.n_abandoned, 1);
    play_end(&p);
}

static void test_a_flood_of_what_nobody_asked_for_closes(void **state)
{
    (void)state;
    static const char *const floods[] = {
        "000b0001aa",       /* metadata */
        "0003000400000001", /* SYNC */
        "0005000400000000", /* status: done */
        "000d000100",       /* a path */
    };
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        struct play p;
        play_begin(&p, NULL, NULL);
        play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
        play_feed_hex(&p, "000b000d010400000192d84ad5a0000000");
        for (int k = 0; k < 16; k++)
            play_feed_hex(&p, floods[i]);
        assert_false(p.closed);
        assert_int_equal(p.n_logs, 16);
        play_feed_hex(&p, floods[i]);
        assert_true(p.closed && p.closed_warn);
        assert_int_equal(p.n_logs, 16);
        play_end(&p);
    }
}

static void test_recoveries_fill_no_log(void **state)
{
    (void)state;
    struct play p;
    enum { PACKETS = 60 };
    play_begin_receiving(&p, NULL, PACKETS);
    for (unsigned i = 1; i <= PACKETS; i++) { /* each is bad once */
        char sync[32];
        uint16_t seed = 1;
        play_feed_packet(&p, 1, 1024, &seed);
        snprintf(sync, sizeof sync, "00030004%08x", i);
        play_feed_hex(&p, sync);
        seed = 0;
        play_feed_packet(&p, 1, 1024, &seed);
    }
    assert_true(p.file[0].complete);
    assert_int_equal(wire_session_stats(p.s)->resumes, PACKETS);
    assert_int_equal(wire_session_stats(p.s)->n_error_at, WIRE_ERRORS_KEPT);
    assert_int_equal(wire_session_stats(p.s)->error_at[31], 31 * 1024);
    assert_int_equal(p.n_logs, 33);
    play_end(&p);
}

static void test_start_once_more_while_receiving_and_another_start(void **state)
{
    (void)state;
    struct play p;
    uint16_t seed = 0;
    play_begin_receiving(&p, NULL, 2);
    play_feed_hex(&p, "00010006000000020000");
    play_feed_packet(&p, 1, 1024, &seed);
    assert_int_equal(p.file[0].bytes.used, 1024);
    play_feed_hex(&p, "00010006000000030000");
    assert_true(p.closed && p.closed_warn);
    assert_int_equal(p.n_abandoned, 1);
    play_end(&p);
}

static void test_a_refusal_tells_the_camera_and_the_log(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    p.hold_accept = true;
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    play_feed_hex(&p, "000b000d010400000192d84ad5a0000000");
    play_feed_hex(&p, "00010006000000020000");
    buf_consume(&p.heard, p.heard.used);
    wire_session_refuse(p.s, "the disk is full", p.now_us);
    play_drain(&p);
    play_heard_is(&p, "00000000");
    play_feed_hex(&p, "00010006000000020000ffff"); /* it is no matter any more */
    assert_false(p.closed);
    wire_session_eof(p.s);
    play_drain(&p);
    assert_true(p.closed && p.closed_warn);
    assert_string_equal(p.text, "refused: the disk is full");
    assert_int_equal(p.n_abandoned, 0);
    play_end(&p);
}

/* ---- dismissing ---- */

static void test_dismissed_at_hello_nothing_is_asked(void **state)
{
    (void)state;
    struct err err;
    struct play p;
    struct wire_action a;
    uint8_t init[WIRE_INIT_BYTES];
    wire_init_put(init, 5, 352093081452251, 0x44000400);
    play_begin(&p, NULL, NULL);
    assert_ok(wire_session_feed(p.s, init, sizeof init, p.now_us, &err));
    wire_session_next(p.s, p.now_us, &a);
    assert_int_equal(a.type, WIRE_DO_HELLO);
    wire_session_dismiss(p.s, "nobody knows this camera", true, p.now_us);
    play_drain(&p);
    play_heard_is(&p, "00000000");
    play_until_deadline(&p);
    assert_true(p.closed && p.closed_warn);
    assert_string_equal(p.text, "nobody knows this camera");
    wire_session_dismiss(p.s, "again", true, p.now_us); /* is over already */
    play_drain(&p);
    assert_string_equal(play_state(&p), "ended");
    play_end(&p);
}

static void test_dismissed_in_any_state(void **state)
{
    (void)state;
    static const char *const said[] = {
        "",                                   /* wait-init */
        "000000050001403a0f0c3edb46000400",   /* wait-path */
        "000d000100",                         /* wait-meta */
        "000b000d010400000192d84ad5a0000000", /* wait-start */
        "00010006000000010000",               /* wait-accept */
        "",                                   /* wait-sync: accepted */
        "0003000400000001",                   /* receiving */
        "0004000b3132333435363738392189",     /* wait-commit */
        "",                                   /* wait-next: committed */
    };
    static const char *const states[] = {"wait-init",  "wait-path",   "wait-meta",
                                         "wait-start", "wait-accept", "wait-sync",
                                         "receiving",  "wait-commit", "wait-next"};
    for (size_t last = 0; last < sizeof said / sizeof *said; last++) {
        struct play p;
        play_begin(&p, NULL, NULL);
        p.hold_accept = p.hold_commit = true;
        for (size_t i = 0; i <= last; i++) {
            play_feed_hex(&p, said[i]);
            if (i == 5)
                wire_session_accept(p.s, 0, false, p.now_us);
            if (i == 8)
                wire_session_committed(p.s, p.now_us);
            play_drain(&p);
        }
        assert_string_equal(play_state(&p), states[last]);
        buf_consume(&p.heard, p.heard.used);
        wire_session_dismiss(p.s, "enough", false, p.now_us);
        play_drain(&p);
        play_heard_is(&p, "00000000");
        assert_int_equal(p.n_abandoned, last >= 4 && last <= 6);
        if (last == 4)
            wire_session_accept(p.s, 0, false, p.now_us); /* was on its way */
        if (last == 7)
            wire_session_committed(p.s, p.now_us);
        play_drain(&p);
        assert_int_equal(p.heard.used, 0);
        play_until_deadline(&p);
        assert_true(p.closed && !p.closed_warn);
        assert_string_equal(p.text, "enough");
        play_end(&p);
    }
}

static void test_silence_in_any_state_ends(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    play_feed_hex(&p, "000b000d010400000192d84ad5a0000000");
    play_until_deadline(&p);
    assert_true(p.closed && p.closed_warn);
    assert_non_null(strstr(p.text, "silent for 300 s in state wait-start"));
    play_end(&p);
}

static void test_metadata_are_not_asked_for_when_the_time_for_them_is_0(void **state)
{
    (void)state;
    struct wire_limits limits = wire_limits_default;
    limits.meta_us = 0;
    struct play p;
    play_begin(&p, &limits, NULL);
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    play_heard_is(&p, "000800072570686f746f66");
    play_end(&p);
}

static void test_another_camera_on_the_same_connection(void **state)
{
    (void)state;
    struct play p;
    play_begin_receiving(&p, NULL, 2);
    uint16_t seed = 0;
    play_feed_packet(&p, 1, 1024, &seed);
    play_feed_hex(&p, "000000050001403a0f0c3edc44000400"); /* in the stream: out of step */
    play_heard_is(&p, "0002000400000002");
    play_end(&p);
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    play_feed_hex(&p, "000000050001403a0f0c3edc44000400");
    assert_true(p.closed && p.closed_warn);
    assert_non_null(strstr(p.text, "352093081452252"));
    play_end(&p);
}

static void test_metadata_of_another_slot_are_told(void **state)
{
    (void)state;
    struct play p;
    play_begin(&p, NULL, NULL);
    play_feed_hex(&p, "000000050001403a0f0c3edb44000400");
    play_feed_hex(&p, "000b000d011000000192d84ad5a0000000");
    assert_non_null(strstr(p.log, "file type 16 where %photof has 4"));
    play_end(&p);
}

static void test_too_much_at_once_is_a_limit(void **state)
{
    (void)state;
    struct err err;
    static uint8_t much[256 * 1024 + 1];
    struct play p;
    play_begin(&p, NULL, NULL);
    assert_err(ERR_LIMIT, wire_session_feed(p.s, much, sizeof much, p.now_us, &err));
    assert_non_null(strstr(err.text, "wait-init"));
    play_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_late_thirteenth_and_one_byte_of_version_2_metadata),
        cmocka_unit_test(test_version_2_metadata_of_13_bytes_without_the_byte),
        cmocka_unit_test(test_a_camera_that_does_not_resume_sends_all_and_the_rest_is_stored),
        cmocka_unit_test(test_a_sync_that_does_not_tell_how_it_counts_leads_back_to_the_start),
        cmocka_unit_test(test_a_resumed_camera_that_counts_from_0_never_makes_a_whole_file),
        cmocka_unit_test(test_data_before_its_sync_are_dropped),
        cmocka_unit_test(test_data_with_offsets_are_none_of_a_slots),
        cmocka_unit_test(test_a_camera_that_closes_between_files),
        cmocka_unit_test(test_a_camera_that_begins_anew_while_it_is_out_of_step),
        cmocka_unit_test(test_last_words_in_a_stream_that_is_out_of_step),
        cmocka_unit_test(test_a_sync_again_and_again_without_anything_new_is_given_up),
        cmocka_unit_test(test_a_flood_of_what_nobody_asked_for_closes),
        cmocka_unit_test(test_recoveries_fill_no_log),
        cmocka_unit_test(test_start_once_more_while_receiving_and_another_start),
        cmocka_unit_test(test_a_refusal_tells_the_camera_and_the_log),
        cmocka_unit_test(test_dismissed_at_hello_nothing_is_asked),
        cmocka_unit_test(test_dismissed_in_any_state),
        cmocka_unit_test(test_silence_in_any_state_ends),
        cmocka_unit_test(test_metadata_are_not_asked_for_when_the_time_for_them_is_0),
        cmocka_unit_test(test_another_camera_on_the_same_connection),
        cmocka_unit_test(test_metadata_of_another_slot_are_told),
        cmocka_unit_test(test_too_much_at_once_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
