/* The chain of custody lines: what it is made of, and what it notices. */
#include "dashspool/custody.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "350612071913857-front-video-20241129T072345Z"
#define T0 INT64_C(1732865025000000)
#define N  4

static char line[N][CUSTODY_LINE_ROOM];

static int make_chain(void **state)
{
    (void)state;
    static const enum custody_kind events[N] = {CUSTODY_RECEIVED, CUSTODY_STORED, CUSTODY_PUBLISHED,
                                                CUSTODY_CONVERTED};
    struct err err;
    for (int i = 0; i < N; i++) {
        struct custody_event e = {T0 + i, events[i], "dashspool",
                                  "{\"b\": 1.5, \"a\": \"\u00e9\"}"};
        assert_ok(custody_line(line[i], ID, i + 1, i ? line[i - 1] : NULL, &e, &err));
    }
    return 0;
}

/* The number of lines that are accepted; err is of the one that is not. */
static int read_chain(const char *const *lines, int n, struct err *err)
{
    struct custody_chain chain = {0};
    for (int i = 0; i < n; i++)
        if (custody_next(&chain, lines[i], strlen(lines[i]), err) < 0)
            return i;
    return n;
}

static void test_a_line_is_as_its_description_says(void **state)
{
    (void)state;
    char hash[HASH_HEX_ROOM], expected[1000];
    struct err err;
    assert_ok(hash_text(line[0], strlen(line[0]), hash, &err));
    snprintf(expected, sizeof expected,
             "{\"at\":\"2024-11-29T07:23:45.000001Z\",\"event\":\"stored\",\"id\":\"" ID
             "\",\"n\":2,\"previous\":\"%s\",\"what\":{\"a\":\"\\u00E9\",\"b\":1.5},\"who\":"
             "\"dashspool\"}",
             hash);
    assert_string_equal(line[1], expected);
}

static void test_a_whole_chain_is_accepted(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(read_chain((const char *const[]){line[0], line[1], line[2], line[3]}, N, &err),
                     N);
}

static void test_lines_missing_or_out_of_order_are_named(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(read_chain((const char *const[]){line[0], line[2]}, 2, &err), 1);
    assert_non_null(strstr(err.text, "line 3 ('published') does not follow line 1"));
    assert_int_equal(read_chain((const char *const[]){line[1]}, 1, &err), 0);
    assert_int_equal(read_chain((const char *const[]){line[0], line[1], line[1]}, 3, &err), 2);
}

static void test_every_changed_byte_is_noticed(void **state)
{
    (void)state;
    static char changed[CUSTODY_LINE_ROOM];
    struct err err;
    for (size_t i = 0; i < strlen(line[1]); i++) {
        snprintf(changed, sizeof changed, "%s", line[1]);
        changed[i] ^= 1;
        int n = read_chain((const char *const[]){line[0], changed, line[2]}, 3, &err);
        if (n == 3)
            fail_msg("byte %zu: %s", i, changed);
    }
}

static void test_another_transfers_lines_do_not_fit_in(void **state)
{
    (void)state;
    static char other[2][CUSTODY_LINE_ROOM];
    struct custody_event e = {T0, CUSTODY_RECEIVED, "dashspool", NULL};
    struct err err;
    assert_ok(custody_line(other[0], "other-1", 1, NULL, &e, &err));
    assert_ok(custody_line(other[1], "other-1", 2, line[0], &e, &err));
    assert_int_equal(read_chain((const char *const[]){line[0], other[1]}, 2, &err), 1);
    assert_int_equal(read_chain((const char *const[]){line[0], line[1], other[0]}, 3, &err), 3);
}

static void test_what_is_no_event_is_refused(void **state)
{
    (void)state;
    static char out[CUSTODY_LINE_ROOM], long_text[CUSTODY_LINE_ROOM];
    const struct custody_event bad[] = {
        {T0, CUSTODY_UNKNOWN, "x", NULL}, {T0, CUSTODY_KINDS, "x", NULL},
        {T0, CUSTODY_STORED, "", NULL},   {T0, CUSTODY_STORED, "x", "[]"},
        {T0, CUSTODY_STORED, "x", "{"},   {T0, CUSTODY_STORED, "x", "{} {}"},
    };
    struct err err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(custody_line(out, ID, 1, NULL, &bad[i], &err), ERR_MALFORMED);
    snprintf(long_text, sizeof long_text, "{\"a\":\"%08000d\"}", 0);
    struct custody_event e = {T0, CUSTODY_STORED, "x", long_text};
    assert_int_equal(custody_line(out, ID, 1, NULL, &e, &err), ERR_LIMIT);
    e.what = NULL;
    assert_int_equal(custody_line(out, "../x", 1, NULL, &e, &err), ERR_MALFORMED);
}

static void test_another_spelling_of_a_line_is_none(void **state)
{
    (void)state;
    static char spaced[CUSTODY_LINE_ROOM + 1];
    struct err err;
    snprintf(spaced, sizeof spaced, "%.1s %s", line[0], line[0] + 1);
    assert_int_equal(read_chain((const char *const[]){spaced}, 1, &err), 0);
    assert_int_equal(read_chain((const char *const[]){""}, 1, &err), 0);
    assert_int_equal(read_chain((const char *const[]){"{}"}, 1, &err), 0);
}

static void test_a_record_has_what_a_line_says_and_nothing_else(void **state)
{
    (void)state;
    static char text[CUSTODY_LINE_ROOM];
    struct custody_event e = {T0, CUSTODY_EXPORTED, "a clerk",
                              "{\"package\":\"p\",\"partial\":true,\"sha256\":5,\"stage\":\"\"}"};
    struct custody_record r;
    struct err err;
    assert_ok(custody_line(text, ID, 7, line[0], &e, &err));
    custody_read(&r, text, strlen(text));
    assert_int_equal(r.kind, CUSTODY_EXPORTED);
    assert_string_equal(r.event, "exported");
    assert_string_equal(r.id, ID);
    assert_string_equal(r.who, "a clerk");
    assert_string_equal(r.at, "2024-11-29T07:23:45.000000Z");
    assert_int_equal(r.n, 7);
    assert_string_equal(r.what.package, "p");
    assert_string_equal(r.what.stage, "");
    assert_true(r.what.partial && !r.what.redacted);
    assert_true(!r.what.sha256 && !r.what.path && !r.what.for_job); /* a number is no hash */
    char *what = custody_record_what(&r);
    assert_non_null(what);
    assert_string_equal(what, e.what);
    free(what);
    custody_record_clear(&r);
    assert_null(r.event);
}

static void test_an_event_of_another_version_is_unknown_but_has_its_name(void **state)
{
    (void)state;
    static const char *const odd[] = {"", "[]", "{\"event\":5}", "{", "{\"event\":\"\"}"};
    static const char later[] = "{\"event\":\"stored-elsewhere\",\"what\":{\"sha256\":\"x\"}}";
    struct custody_record r;
    custody_read(&r, later, strlen(later));
    assert_int_equal(r.kind, CUSTODY_UNKNOWN);
    assert_string_equal(r.event, "stored-elsewhere");
    assert_string_equal(r.what.sha256, "x");
    custody_record_clear(&r);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        custody_read(&r, odd[i], strlen(odd[i]));
        assert_int_equal(r.kind, CUSTODY_UNKNOWN);
        assert_true(!r.id && !r.what.sha256 && !custody_record_what(&r));
        custody_record_clear(&r);
    }
}

static void test_what_has_the_members_that_are_said(void **state)
{
    (void)state;
    const int64_t none = 0, many = INT64_C(1) << 40;
    static const char masks[] = "0,0,1,1\0rear:2,2,3,3";
    const struct {
        struct custody_what what;
        const char *text;
    } said[] = {
        {{.from = NULL}, "{}"},
        {{.sha256 = "", .length_bytes = &many, .copies = &none},
         "{\"sha256\":\"\",\"length_bytes\":1099511627776,\"copies\":0}"},
        {{.by = "cat", .shown = "original"}, "{\"by\":\"cat\",\"what\":\"original\"}"},
        {{.partial = true, .no_sound = false}, "{\"partial\":true}"},
        {{.redacted = true}, "{\"no_sound\":false,\"masks\":[],\"redacted\":true}"},
        {{.redacted = true, .no_sound = true, .masks = {masks, sizeof masks}},
         "{\"no_sound\":true,\"masks\":[\"0,0,1,1\",\"rear:2,2,3,3\"],\"redacted\":true}"},
        {{.reasons = {"a\0b", 4}}, "{\"reasons\":[\"a\",\"b\"]}"},
        /* a file's name may be no UTF-8: it has to be noted all the same */
        {{.why = "a\xff"}, "{\"why\":\"a\\\\xff\"}"},
        {{.reasons = {"\xff", 2}}, "{\"reasons\":[\"\\\\xff\"]}"},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char *text = custody_what_text(&said[i].what);
        assert_non_null(text);
        assert_string_equal(text, said[i].text);
        free(text);
    }
    assert_null(custody_what_text(&(struct custody_what){.facts = "[1]{"}));
}

/* What a fact is compared with later. */
static void test_the_record_of_what_came_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const char facts[] = "{\"decoder\":1,\"lat\":54.6872,\"time\":\"2024\"}";
    const int64_t packets = 317, none = 0;
    const struct custody_what what = {.meta_sha256 = "ab",
                                      .facts = facts,
                                      .arrived = "2024-11-29T07:23:45.000001Z",
                                      .packets = &packets,
                                      .resumes = &none};
    char text_of[CUSTODY_LINE_ROOM], hash[HASH_HEX_ROOM], same[HASH_HEX_ROOM];
    struct custody_record r;
    struct err err;
    char *text = custody_what_text(&what);
    const struct custody_event e = {0, CUSTODY_STORED, "a test", text};
    assert_ok(custody_line(text_of, "an-id", 1, NULL, &e, &err));
    custody_read(&r, text_of, strlen(text_of));
    assert_string_equal(r.what.meta_sha256, "ab");
    assert_string_equal(r.what.facts, facts);
    assert_string_equal(r.what.arrived, what.arrived);
    assert_true(r.what.packets && *r.what.packets == 317);
    assert_true(r.what.resumes && *r.what.resumes == 0);
    assert_true(!r.what.crc_errors && !r.what.init_sha256);
    custody_record_clear(&r);
    free(text);
    assert_ok(custody_hash("{\"b\": 1, \"a\": \"\u00e9\"}", hash, &err));
    assert_ok(custody_hash("{\"a\":\"\xc3\xa9\",\"b\":1}", same, &err));
    assert_string_equal(hash, same);
    assert_err(ERR_MALFORMED, custody_hash("{", hash, &err));
}

static bool keep_stage(void *arg, enum custody_kind kind, const char *key, const char *text)
{
    assert_int_equal(kind, CUSTODY_CONVERTED);
    assert_true(text != NULL || strncmp(key, "facts", 5) == 0);
    *(int *)arg += 1;
    return strcmp(key, "stage") == 0 || strcmp(key, "facts") == 0 || strcmp(key, "facts.fps") == 0;
}

/* Who may not see all gets a chain that holds, without what is withheld and without its hash. */
static void test_a_retold_line_withholds_and_is_a_chain_of_its_own(void **state)
{
    (void)state;
    const struct custody_event event = {
        .at_us = 0,
        .event = CUSTODY_CONVERTED,
        .who = "A",
        .what =
            "{\"sha256\":\"secret\",\"stage\":\"convert\",\"path\":\"hidden\",\"facts\":{\"lat\":"
            "54.5,\"fps\":5}}"};
    struct custody_chain chain = {.n = 0};
    char real[2][CUSTODY_LINE_ROOM], told[2][CUSTODY_LINE_ROOM], hash[HASH_HEX_ROOM];
    struct err err;
    int asked = 0;
    for (int i = 0; i < 2; i++) {
        assert_ok(custody_line(real[i], "an-id", i + 1, i ? real[0] : NULL, &event, &err));
        assert_ok(custody_retell(told[i], real[i], strlen(real[i]), i ? told[0] : NULL, keep_stage,
                                 &asked, &err));
        assert_ok(custody_next(&chain, told[i], strlen(told[i]), &err));
        assert_null(strstr(told[i], "secret"));
        assert_null(strstr(told[i], "hidden"));
        assert_non_null(strstr(told[i], "\"stage\":\"convert\""));
        assert_non_null(strstr(told[i], "\"withheld\":["));
        assert_non_null(strstr(told[i], "\"who\":\"withheld\""));
        assert_non_null(strstr(told[i], "\"facts\":{\"fps\":5}"));
        assert_non_null(strstr(told[i], "\"facts.lat\""));
    }
    assert_int_equal(asked, 14);
    assert_ok(hash_text(real[0], strlen(real[0]), hash, &err));
    assert_null(strstr(told[1], hash));
    assert_err(ERR_MALFORMED, custody_retell(told[0], "{}", 2, NULL, keep_stage, &asked, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_as_its_description_says),
        cmocka_unit_test(test_a_whole_chain_is_accepted),
        cmocka_unit_test(test_lines_missing_or_out_of_order_are_named),
        cmocka_unit_test(test_every_changed_byte_is_noticed),
        cmocka_unit_test(test_another_transfers_lines_do_not_fit_in),
        cmocka_unit_test(test_what_is_no_event_is_refused),
        cmocka_unit_test(test_another_spelling_of_a_line_is_none),
        cmocka_unit_test(test_a_record_has_what_a_line_says_and_nothing_else),
        cmocka_unit_test(test_what_has_the_members_that_are_said),
        cmocka_unit_test(test_the_record_of_what_came_is_read_as_it_was_written),
        cmocka_unit_test(test_a_retold_line_withholds_and_is_a_chain_of_its_own),
        cmocka_unit_test(test_an_event_of_another_version_is_unknown_but_has_its_name),
    };
    return cmocka_run_group_tests(tests, make_chain, NULL);
}
