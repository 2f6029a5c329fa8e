/* The parent's side of the report: what a child of ours sends is taken in any pieces, what it would
 * not send is refused, and no bytes do any harm. */
#include "footage/confine/child.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESULT_BYTES (sizeof(struct message_head) + sizeof(struct convert_result))

static struct message_request asked;
static uint8_t wire[RESULT_BYTES];
static struct message_inbox inbox;

static void set_result(const struct convert_result *r)
{
    struct message_head head = {MESSAGE_MAGIC, MESSAGE_RESULT, sizeof *r};
    memcpy(wire, &head, sizeof head);
    memcpy(wire + sizeof head, r, sizeof *r);
}

static struct convert_result good_result(void)
{
    static struct convert_result r;
    memset(&r, 0, sizeof r);
    r.container = MEDIA_PTMF;
    r.width_px = 1280;
    r.height_px = 720;
    r.pictures = 150;
    r.key_pictures = 3;
    r.duration_us = 6000000;
    r.timing.fps[MEDIA_SOURCE_PTMF] = 25;
    r.n_outputs = 2;
    r.output[0].kind = COPY_WORKING;
    r.output[1].kind = COPY_VIEWING;
    snprintf(r.output[0].path, sizeof r.output[0].path, "/out/clip.working.mp4");
    snprintf(r.output[1].path, sizeof r.output[1].path, "/out/clip.viewing-DERIVED.mp4");
    snprintf(r.warning, sizeof r.warning,
             "ends early, 4929 bytes of an unfinished record left out");
    return r;
}

static int set_up(void **state)
{
    (void)state;
    memset(&asked, 0, sizeof asked);
    memset(&inbox, 0, sizeof inbox);
    snprintf(asked.out_dir, sizeof asked.out_dir, "/out");
    snprintf(asked.stem, sizeof asked.stem, "clip");
    asked.options.copies = COPY_WORKING | COPY_VIEWING;
    return 0;
}

static int take(const void *data, size_t n, struct err *err)
{
    memset(&inbox, 0, sizeof inbox);
    return message_take(&inbox, &asked, data, n, err);
}

static void test_a_report_is_taken_in_any_pieces(void **state)
{
    (void)state;
    struct convert_result r = good_result();
    struct err err;
    double half = 0.5;
    struct message_head head = {MESSAGE_MAGIC, MESSAGE_PROGRESS, sizeof half};
    set_result(&r);
    for (size_t piece = 1; piece < RESULT_BYTES; piece = piece * 3 + 1) {
        assert_ok(take(&head, sizeof head, &err));
        assert_ok(message_take(&inbox, &asked, &half, sizeof half, &err));
        assert_true(inbox.done == 0.5 && !inbox.last);
        for (size_t at = 0; at < RESULT_BYTES; at += piece) {
            size_t n = RESULT_BYTES - at < piece ? RESULT_BYTES - at : piece;
            assert_ok(message_take(&inbox, &asked, wire + at, n, &err));
        }
        assert_int_equal(inbox.last, MESSAGE_RESULT);
        assert_int_equal(inbox.result.pictures, 150);
        assert_string_equal(inbox.result.output[1].path, "/out/clip.viewing-DERIVED.mp4");
    }
    assert_err(ERR_MALFORMED, message_take(&inbox, &asked, wire, RESULT_BYTES, &err));
}

static void refuse_path(const char *path)
{
    struct convert_result r = good_result();
    struct err err;
    snprintf(r.output[1].path, sizeof r.output[1].path, "%s", path);
    set_result(&r);
    if (take(wire, RESULT_BYTES, &err) != ERR_MALFORMED)
        fail_msg("'%s' was taken", path);
}

static void test_outputs_that_were_not_asked_for_are_refused(void **state)
{
    (void)state;
    struct err err;
    refuse_path("/etc/passwd");
    refuse_path("/out/../etc/clip.mp4");
    refuse_path("/out/clip./../../etc/passwd");
    refuse_path("/out/clip.");
    refuse_path("/out/clip");
    refuse_path("/out/other.viewing-DERIVED.mp4");
    refuse_path("/out/clip.working.mp4"); /* twice */
    refuse_path("/out");
    refuse_path("");
    struct convert_result r = good_result();
    r.output[1].kind = COPY_GPX;
    set_result(&r);
    assert_err(ERR_MALFORMED, take(wire, RESULT_BYTES, &err));
    r = good_result();
    memset(r.output[1].path, 'a', sizeof r.output[1].path);
    set_result(&r);
    assert_err(ERR_MALFORMED, take(wire, RESULT_BYTES, &err));
}

static void test_impossible_values_are_refused(void **state)
{
    (void)state;
    struct err err;
    for (int i = 0; i < 12; i++) {
        struct convert_result r = good_result();
        switch (i) {
        case 0:
            r.n_outputs = 0;
            break;
        case 1:
            r.n_outputs = CONVERT_OUTPUTS_MAX + 1;
            break;
        case 2:
            r.n_outputs = -1;
            break;
        case 3:
            r.key_pictures = 151;
            break;
        case 4:
            r.pictures = INT64_MAX;
            break;
        case 5:
            r.width_px = -1;
            break;
        case 6:
            r.duration_us = INT64_MIN;
            break;
        case 7:
            r.timing.fps[1] = NAN;
            break;
        case 8:
            memset(r.warning, 'x', sizeof r.warning);
            break;
        case 9:
            memset(r.slices_sha256, 'x', sizeof r.slices_sha256);
            break;
        case 10:
            memset(&r.container, 0x7f, sizeof r.container);
            break;
        case 11:
            memset(&r.sound, 2, 1);
            break;
        }
        set_result(&r);
        if (take(wire, RESULT_BYTES, &err) != ERR_MALFORMED)
            fail_msg("case %d was taken", i);
    }
    struct message_head head = {MESSAGE_MAGIC, MESSAGE_FAILURE, sizeof(struct err)};
    struct err sent = {.code = 1, .text = "x"};
    assert_ok(take(&head, sizeof head, &err));
    assert_err(ERR_MALFORMED, message_take(&inbox, &asked, &sent, sizeof sent, &err));
    head.size = SIZE_MAX;
    assert_err(ERR_MALFORMED, take(&head, sizeof head, &err));
    head = (struct message_head){MESSAGE_MAGIC, 77, 0};
    assert_err(ERR_MALFORMED, take(&head, sizeof head, &err));
}

static void test_a_terminal_gets_no_control_bytes(void **state)
{
    (void)state;
    struct err err, sent = {.code = ERR_MALFORMED, .text = "a\x1b[2J\nb"};
    struct message_head head = {MESSAGE_MAGIC, MESSAGE_FAILURE, sizeof sent};
    assert_ok(take(&head, sizeof head, &err));
    assert_ok(message_take(&inbox, &asked, &sent, sizeof sent, &err));
    assert_string_equal(inbox.failure.text, "a?[2J?b");
}

/* Any byte changed to anything: taken or refused, and what was taken is within bounds. */
static void test_mutated_bytes_do_no_harm(void **state)
{
    (void)state;
    struct convert_result r = good_result();
    struct err err;
    uint32_t seed = 1;
    for (size_t at = 0; at < RESULT_BYTES; at++) {
        set_result(&r);
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525u + 1013904223u;
            wire[k == 0 ? at : seed % RESULT_BYTES] = (uint8_t)(seed >> 24);
        }
        if (take(wire, RESULT_BYTES, &err) < 0 || inbox.last != MESSAGE_RESULT)
            continue;
        assert_true(inbox.result.n_outputs > 0 && inbox.result.n_outputs <= CONVERT_OUTPUTS_MAX);
        assert_true(strlen(inbox.result.warning) < sizeof inbox.result.warning);
        for (int i = 0; i < inbox.result.n_outputs; i++) {
            const char *path = inbox.result.output[i].path;
            assert_true(strncmp(path, "/out/clip.", 10) == 0 && !strchr(path + 5, '/'));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define UNIT(name) cmocka_unit_test_setup(name, set_up)
        UNIT(test_a_report_is_taken_in_any_pieces),
        UNIT(test_outputs_that_were_not_asked_for_are_refused),
        UNIT(test_impossible_values_are_refused),
        UNIT(test_a_terminal_gets_no_control_bytes),
        UNIT(test_mutated_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
