/* Every fault that the simulated camera knows, in every way of handing over, cut into reads of any
 * size: the files are exact, and what the session says does not depend on the cuts. */
#include "support/play.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

enum { CLIP = 50 * 1024 + 77, PHOTO = 3000 };
static uint8_t clip[CLIP];

enum way { BY_PACKETS, BY_PATH, ENHANCED, N_WAYS };

static struct simulate_config camera_of(enum way way)
{
    for (size_t i = 0; i < CLIP; i++)
        clip[i] = (uint8_t)(i * 2654435761u >> 13);
    struct wire_meta dualcam = {.time_ms = 1732865025000, .length_s = 3, .fps = 20};
    struct wire_meta dsm = {.kind = WIRE_KIND_DSM,
                            .time_ms = 1732865025000,
                            .file_type = 1,
                            .events = 3,
                            .driver = "John"};
    struct simulate_config c = {.imei = 352093081452251, .protocol_id = 5, .meta_version = 3};
    if (way == BY_PACKETS) {
        c.file[1] = (struct simulate_file){clip, CLIP, dualcam, ""};
        c.file[3] = (struct simulate_file){clip + 5, PHOTO, dualcam, ""};
        return c;
    }
    c.by_path[0] = (struct simulate_file){clip, CLIP, dsm, "dualcam_front/a.h265"};
    c.by_path[1] = (struct simulate_file){clip + 5, PHOTO, dsm, "dsm/picture/b.jpg"};
    if (way == ENHANCED) {
        c.protocol_id = 6;
        c.enhanced = true;
        c.data_bytes = 1500;
    }
    return c;
}

/* The whole conversation, over as much time as it takes. */
static void play_out(struct play *p, size_t chunk)
{
    for (int i = 0; i < 60 && !p->closed && !simulate_camera_done(p->camera); i++) {
        play_converse(p, chunk, NULL);
        if (!p->closed && !simulate_camera_done(p->camera))
            play_until_deadline(p);
    }
}

static void files_are_exact(const struct play *p, int first)
{
    static const size_t size[] = {CLIP, PHOTO}, from[] = {0, 5};
    assert_int_equal(p->n_files, 2 - first);
    for (int i = first; i < 2; i++) {
        const struct stored *f = &p->file[i - first];
        assert_true(f->complete);
        assert_int_equal(f->bytes.used, size[i]);
        assert_memory_equal(buf_data(&f->bytes), clip + from[i], size[i]);
    }
}

/* first: of the two files, the first that comes. resumes: how often at least; 0: never. */
static void check(enum way way, struct simulate_fault fault, int first, int resumes)
{
    static const size_t chunks[] = {65536, 1, 7, 1029, 1360, 4096};
    struct simulate_config config = camera_of(way);
    struct play whole;
    config.fault[0] = fault;
    config.n_faults = 1;
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct play p;
        play_begin(&p, NULL, &config);
        play_out(&p, chunks[i]);
        files_are_exact(&p, first);
        assert_int_equal(p.n_abandoned, 0);
        assert_int_equal(simulate_camera_stats(p.camera)->files_sent, 2 - first);
        assert_true(simulate_camera_stats(p.camera)->resumes >= resumes);
        assert_true(resumes > 0 || simulate_camera_stats(p.camera)->resumes == 0);
        assert_true(p.n_logs > 0 || (!resumes && !first));
        if (i == 0) {
            whole = p;
            continue;
        }
        assert_int_equal(p.heard.used, whole.heard.used);
        assert_memory_equal(buf_data(&p.heard), buf_data(&whole.heard), p.heard.used);
        assert_int_equal(p.n_logs, whole.n_logs);
        play_end(&p);
    }
    play_end(&whole);
}

static void test_a_camera_without_faults(void **state)
{
    (void)state;
    struct simulate_fault none = {SIMULATE_DISCONNECT, 9999};
    for (enum way way = 0; way < N_WAYS; way++)
        check(way, none, 0, 0);
}

static void test_a_wrong_crc_once(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++)
        for (uint32_t at = 1; at <= 34; at += 11)
            check(way, (struct simulate_fault){SIMULATE_CRC, at}, 0, 1);
}

static void test_bytes_vanish_inside_a_frame(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++)
        for (uint32_t at = 1; at <= 34; at += 11)
            check(way, (struct simulate_fault){SIMULATE_DROP, at}, 0, 1);
}

static void test_a_camera_that_falls_silent_is_asked_again(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++)
        check(way, (struct simulate_fault){SIMULATE_SILENCE, 17}, 0, 1);
}

static void test_a_sync_and_its_packet_twice(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++)
        check(way, (struct simulate_fault){SIMULATE_SYNC_TWICE, 17}, 0, 0);
}

static void test_packets_counted_from_0_with_an_error(void **state)
{
    (void)state;
    struct simulate_config config = camera_of(BY_PACKETS);
    config.fault[0] = (struct simulate_fault){SIMULATE_SYNC_0, 1};
    config.fault[1] = (struct simulate_fault){SIMULATE_CRC, 20};
    config.n_faults = 2;
    struct play p;
    play_begin(&p, NULL, &config);
    play_out(&p, 1400);
    files_are_exact(&p, 0);
    play_end(&p);
}

static void test_frames_in_flight_behind_an_error(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++) {
        struct simulate_config config = camera_of(way);
        config.fault[0] = (struct simulate_fault){SIMULATE_IN_FLIGHT, 4};
        config.fault[1] = (struct simulate_fault){SIMULATE_DROP, 20};
        config.fault[2] = (struct simulate_fault){SIMULATE_CRC, 33};
        config.n_faults = 3;
        struct play p;
        play_begin(&p, NULL, &config);
        p.fill_bytes = SIMULATE_ROOM; /* so that there is more to come when RESUME is said */
        play_out(&p, 1400);
        files_are_exact(&p, 0);
        assert_int_equal(simulate_camera_stats(p.camera)->resumes, 2);
        play_end(&p);
    }
}

static void test_start_twice(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++)
        check(way, (struct simulate_fault){SIMULATE_START_TWICE, 1}, 0, 0);
}

static void test_start_0_passes_over_the_file(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++)
        check(way, (struct simulate_fault){SIMULATE_START_0, 1}, 1, 0);
}

static void test_version_2_metadata_with_a_byte_more_than_they_say(void **state)
{
    (void)state;
    check(BY_PACKETS, (struct simulate_fault){SIMULATE_META_13, 1}, 0, 0);
    struct simulate_config config = camera_of(BY_PACKETS);
    config.fault[0] = (struct simulate_fault){SIMULATE_META_13, 1};
    config.n_faults = 1;
    for (size_t chunk = 1; chunk < 40; chunk++) {
        struct play p;
        play_begin(&p, NULL, &config);
        play_out(&p, chunk);
        for (int i = 0; i < 2; i++) {
            struct err err;
            struct wire_meta m;
            assert_int_equal(p.file[i].meta_bytes, 14);
            assert_ok(wire_meta_parse(p.file[i].meta, 14, 5, 0, &m, &err));
            assert_int_equal(m.fps, 20);
        }
        play_end(&p);
    }
}

static void test_a_packet_that_is_always_bad_is_given_up(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++) {
        struct simulate_config config = camera_of(way);
        config.fault[0] = (struct simulate_fault){SIMULATE_CRC_ALWAYS, 5};
        config.n_faults = 1;
        struct play p;
        play_begin(&p, NULL, &config);
        play_out(&p, 4096);
        const struct wire_stats *st = wire_session_stats(p.s);
        size_t kept = 4 * (way == ENHANCED ? 1500 : 1024);
        assert_true(p.closed && p.closed_warn);
        assert_int_equal(p.n_abandoned, 1);
        assert_int_equal(p.file[0].bytes.used, kept);
        assert_int_equal(st->crc_errors, 21);
        assert_int_equal(st->resumes, 20);
        assert_int_equal(st->n_error_at, 21);
        for (size_t i = 0; i < st->n_error_at; i++)
            assert_int_equal(st->error_at[i], kept);
        assert_non_null(strstr(p.text, "after 20 retries: bad CRC"));
        play_end(&p);
    }
}

static void test_a_status_ends_the_transfer_with_its_text(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++) {
        struct simulate_config config = camera_of(way);
        config.fault[0] = (struct simulate_fault){SIMULATE_STATUS, 5};
        config.n_faults = 1;
        struct play p;
        play_begin(&p, NULL, &config);
        play_out(&p, 4096);
        assert_int_equal(p.n_abandoned, 1);
        assert_non_null(strstr(p.text, "status 17: file cannot be read"));
        assert_true(p.file[0].bytes.used > 0);
        play_end(&p);
    }
}

/* A frame that is the first of a fill is not one where the camera may forget what it says. */
static void test_a_status_is_said_wherever_a_fill_ends(void **state)
{
    (void)state;
    for (size_t room = SIMULATE_ROOM; room < SIMULATE_ROOM + 3 * WIRE_DATA_FRAME_BYTES;
         room += 97) {
        struct simulate_config config = camera_of(BY_PACKETS);
        config.fault[0] = (struct simulate_fault){SIMULATE_STATUS, 20};
        config.n_faults = 1;
        struct play p;
        play_begin(&p, NULL, &config);
        p.fill_bytes = room;
        play_converse(&p, 4096, NULL);
        assert_true(p.closed);
        assert_non_null(strstr(p.text, "status 17"));
        play_end(&p);
    }
}

/* Two connections: the first breaks off, the second goes on where it stopped. */
static void test_the_rest_comes_over_the_next_connection(void **state)
{
    (void)state;
    for (enum way way = 0; way < N_WAYS; way++) {
        struct simulate_config config = camera_of(way);
        struct play first, second;
        config.fault[0] = (struct simulate_fault){SIMULATE_DISCONNECT, 12};
        config.n_faults = 1;
        play_begin(&first, NULL, &config);
        play_out(&first, 1400);
        assert_true(simulate_camera_stats(first.camera)->hung_up);
        wire_session_eof(first.s);
        play_drain(&first);
        assert_int_equal(first.n_abandoned, 1);
        size_t kept = first.file[0].bytes.used;
        assert_int_equal(kept, 11 * (way == ENHANCED ? 1500 : 1024));
        config.n_faults = 0;
        play_begin(&second, NULL, &config);
        second.have_bytes = kept;
        play_out(&second, 1400);
        assert_true(second.file[0].complete);
        assert_int_equal(second.file[0].bytes.used, CLIP - kept);
        assert_memory_equal(buf_data(&second.file[0].bytes), clip + kept, CLIP - kept);
        play_end(&first);
        play_end(&second);
    }
}

/* What a camera calls its first packet is remembered with the partial: it is not resumed one packet
 * off. */
static void test_the_rest_comes_from_a_camera_that_counts_from_0(void **state)
{
    (void)state;
    for (int from_0 = 0; from_0 < 2; from_0++) {
        struct simulate_config config = camera_of(BY_PACKETS);
        struct play first, second;
        config.fault[0] = (struct simulate_fault){SIMULATE_DISCONNECT, 12};
        config.fault[1] = (struct simulate_fault){SIMULATE_SYNC_0, 1};
        config.n_faults = 1 + from_0;
        play_begin(&first, NULL, &config);
        play_out(&first, 1400);
        assert_int_equal(wire_session_stats(first.s)->from_0, from_0);
        config.fault[0] = config.fault[1];
        config.n_faults = from_0;
        play_begin(&second, NULL, &config);
        size_t kept = second.have_bytes = first.file[0].bytes.used;
        second.from_0 = from_0;
        play_out(&second, 1400);
        assert_true(second.file[0].complete);
        assert_int_equal(second.file[0].bytes.used, CLIP - kept);
        assert_memory_equal(buf_data(&second.file[0].bytes), clip + kept, CLIP - kept);
        assert_int_equal(wire_session_stats(second.s)->from_0, from_0);
        play_end(&first);
        play_end(&second);
    }
}

static void test_faults_by_name(void **state)
{
    (void)state;
    struct err err;
    struct simulate_fault f;
    assert_ok(simulate_fault_parse("crc=3", &f, &err));
    assert_true(f.type == SIMULATE_CRC && f.at == 3);
    assert_ok(simulate_fault_parse("crc-always", &f, &err));
    assert_true(f.type == SIMULATE_CRC_ALWAYS && f.at == 1);
    assert_ok(simulate_fault_parse("sync-0", &f, &err));
    assert_int_equal(f.type, SIMULATE_SYNC_0);
    static const char *const bad[] = {"crc=0",    "crc=", "crc=3x", "crc=-",
                                      "sync-0=1", "",     "cr",     "x=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_CONFIG, simulate_fault_parse(bad[i], &f, &err));
    assert_non_null(strstr(err.text, "crc=N, crc-always=N, drop=N"));
    assert_non_null(strstr(err.text, "meta-13"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_camera_without_faults),
        cmocka_unit_test(test_a_wrong_crc_once),
        cmocka_unit_test(test_bytes_vanish_inside_a_frame),
        cmocka_unit_test(test_a_camera_that_falls_silent_is_asked_again),
        cmocka_unit_test(test_a_sync_and_its_packet_twice),
        cmocka_unit_test(test_packets_counted_from_0_with_an_error),
        cmocka_unit_test(test_frames_in_flight_behind_an_error),
        cmocka_unit_test(test_start_twice),
        cmocka_unit_test(test_start_0_passes_over_the_file),
        cmocka_unit_test(test_version_2_metadata_with_a_byte_more_than_they_say),
        cmocka_unit_test(test_a_packet_that_is_always_bad_is_given_up),
        cmocka_unit_test(test_a_status_ends_the_transfer_with_its_text),
        cmocka_unit_test(test_a_status_is_said_wherever_a_fill_ends),
        cmocka_unit_test(test_the_rest_comes_over_the_next_connection),
        cmocka_unit_test(test_the_rest_comes_from_a_camera_that_counts_from_0),
        cmocka_unit_test(test_faults_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
