/* The tracker's account of a clip: the text of its records gives table and track, and nothing else
 * does. */
#include "dashspool/account.h"
#include "dashspool/clock.h"
#include "support/tracker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1732865025000) /* 2024-11-29T07:23:45Z */

/* One record each second from T0 on: the 3rd (of 5) of the camera's trigger, the 4th in private
 * mode, the 5th without a fix; arrived two at a time. */
static struct buf records_text(void)
{
    struct buf text;
    struct err err;
    buf_init(&text, 1 << 20);
    assert_ok(buf_append(&text, ACCOUNT_HEAD, sizeof ACCOUNT_HEAD - 1, &err));
    for (int i = 0; i < 5; i++) {
        struct tracker_says says = tracker_says(T0 + 1000 * i);
        says.latitude_e7 += i;
        says.trigger = i == 2 ? 3 : -1;
        says.event_id = i == 2 ? AVL_ID_CAMERA_TRIGGER : 0;
        says.private_mode = i == 3 ? 1 : -1;
        says.satellites = i == 4 ? 0 : 11;
        size_t n;
        uint8_t *raw = tracker_record(&says, &n);
        const struct account_record r = {T0 + 1000 * i, 1000 * T0 + 60000000 + i / 2, AVL_CODEC_8E,
                                         raw, n};
        bool withheld;
        assert_ok(account_line(&text, &r, false, &withheld, &err));
        assert_int_equal(withheld, i == 3);
        free(raw);
    }
    return text;
}

static struct account_head head_of(const struct account *a)
{
    struct account_head head = {.id = "a-b",
                                .family = account_family(a),
                                .from_ms = T0,
                                .until_ms = T0 + 4000,
                                .event = true,
                                .event_ms = T0 + 2000,
                                .difference_ms = -700,
                                .n_tracks = 1};
    memset(head.track[0], 'a', HASH_HEX_ROOM - 1);
    return head;
}

static int add_line(void *arg, const char *line, size_t n, struct err *err)
{
    assert_int_equal(line[n - 1], '\n');
    return buf_append(arg, line, n, err);
}

/* The table of the text, with a NUL behind it; false: it is no such text. */
static bool table_of(const struct buf *text, const struct account_head *head, struct buf *out)
{
    struct account *a = NULL;
    struct err err;
    buf_consume(out, out->used);
    if (account_parse(&a, buf_data(text), text->used, &err) < 0) {
        assert_null(a);
        return false;
    }
    const struct account_head its = head_of(a);
    assert_ok(account_table(a, head ? head : &its, add_line, out, &err));
    assert_ok(buf_append(out, "", 1, &err));
    account_free(&a);
    return true;
}

static struct buf track_of(const struct buf *text, int64_t arrived_us)
{
    struct account *a = NULL;
    struct buf csv;
    struct err err;
    buf_init(&csv, 1 << 20);
    assert_ok(account_parse(&a, buf_data(text), text->used, &err));
    assert_ok(account_track(a, T0, T0 + 4000, arrived_us, &csv, &err));
    account_free(&a);
    return csv;
}

static void test_the_table_tells_all_that_the_records_say(void **state)
{
    (void)state;
    struct buf text = records_text(), table;
    buf_init(&table, 1 << 20);
    assert_true(table_of(&text, NULL, &table));
    const char *t = (const char *)buf_data(&table);
    assert_has(t,
               "{\"format\":1,\"decoder\":1,\"id\":\"a-b\",\"family\":\"fmb\",\"clip\":{\"from\":"
               "\"2024-11-29T07:23:45.000Z\",\"until\":\"2024-11-29T07:23:49.000Z\"},");
    assert_has(t, "\"event\":{\"time\":\"2024-11-29T07:23:47.000Z\",\"difference_ms\":-700,"
                  "\"record\":2},\"records\":5,\"withheld\":1,\"tracks\":[\"aaa");
    assert_has(t, "{\"time\":\"2024-11-29T07:23:45.000Z\",\"arrived\":\"2024-11-29T07:24:45."
                  "000000Z\",\"codec\":\"8e\",\"sha256\":\"");
    assert_has(t, "\"position\":{\"lat\":54.6872233,\"lon\":25.2795678,\"altitude_m\":105,"
                  "\"valid\":true},\"speed_kmh\":50,\"course_deg\":214,\"satellites\":11,\"io\":[");
    assert_has(t, "{\"id\":66,\"raw\":\"30e8\",\"name\":\"external voltage\",\"value\":12.52,"
                  "\"unit\":\"V\"}");
    assert_has(t, "\"priority\":0,\"event\":{\"id\":499,\"name\":");
    assert_has(t, "\"withheld\":\"private mode\",\"priority\":0,\"event\":{\"id\":0},"
                  "\"position\":null,\"speed_kmh\":null,\"course_deg\":null,\"satellites\":null,"
                  "\"io\":[{\"id\":239},{\"id\":391},{\"id\":");
    assert_has(t, "\"lat\":54.6872237,\"lon\":25.2795678,\"altitude_m\":105,\"valid\":false}");
    assert_null(strstr(t, "54.6872236")); /* the private one */
    assert_string_equal(t + strlen(t) - 5, "}\n]}\n");
    buf_clear(&text);
    buf_clear(&table);
}

static void test_private_records_give_nothing_but_time_and_ids(void **state)
{
    (void)state;
    struct buf text = records_text(), csv = track_of(&text, INT64_MAX);
    struct err err;
    assert_ok(buf_append(&text, "", 1, &err));
    assert_ok(buf_append(&csv, "", 1, &err));
    assert_has((const char *)buf_data(&text),
               "2024-11-29T07:23:48.000Z arrived 2024-11-29T07:24:45.000001Z codec 8e withheld: "
               "private mode, priority 0, event 0, ids 239 391 ");
    assert_has((const char *)buf_data(&csv), "\n2024-11-29T07:23:48.000Z,,,,,,,0\n");
    assert_has((const char *)buf_data(&csv), "\n2024-11-29T07:23:49.000Z,54.6872237,25.2795678,");
    buf_clear(&text);
    buf_clear(&csv);
}

static void test_the_head_of_a_table_makes_it_again(void **state)
{
    (void)state;
    struct buf text = records_text(), table, again;
    struct account_head head;
    struct err err;
    int format = 0, decoder = 0;
    buf_init(&table, 1 << 20);
    buf_init(&again, 1 << 20);
    assert_true(table_of(&text, NULL, &table));
    const char *t = (const char *)buf_data(&table);
    assert_ok(account_head_parse(&head, &format, &decoder, t, strcspn(t, "\n"), &err));
    assert_int_equal(format, ACCOUNT_FORMAT);
    assert_int_equal(decoder, AVL_DECODER_VERSION);
    assert_true(table_of(&text, &head, &again));
    assert_string_equal((const char *)buf_data(&again), t);
    buf_clear(&text);
    buf_clear(&table);
    buf_clear(&again);
}

/* Each byte of the text, altered, is none or gives another table. */
static void test_every_byte_of_the_records_counts(void **state)
{
    (void)state;
    struct buf text = records_text(), table, other;
    buf_init(&table, 1 << 20);
    buf_init(&other, 1 << 20);
    assert_true(table_of(&text, NULL, &table));
    for (size_t i = 0; i < text.used; i++)
        for (int bit = 0; bit < 8; bit++) {
            text.mem[text.start + i] ^= (uint8_t)(1 << bit);
            if (table_of(&text, NULL, &other) &&
                strcmp((const char *)buf_data(&other), (const char *)buf_data(&table)) == 0)
                fail_msg("byte %zu, bit %d", i, bit);
            text.mem[text.start + i] ^= (uint8_t)(1 << bit);
        }
    /* and each byte that is missing at the end */
    for (size_t n = text.used; n-- > 0;) {
        text.used = n;
        assert_false(table_of(&text, NULL, &other) &&
                     strcmp((const char *)buf_data(&other), (const char *)buf_data(&table)) == 0);
    }
    buf_clear(&text);
    buf_clear(&table);
    buf_clear(&other);
}

/* Each byte of the first line, altered: it cannot be read, or the table made by it is not the one
 * that is there; or its own values (clip, difference, tracks) are other ones, which are compared
 * with what else tells them. */
static void test_every_byte_of_the_head_counts(void **state)
{
    (void)state;
    struct buf text = records_text(), table, other;
    struct account_head was;
    struct err err;
    int format, decoder;
    buf_init(&table, 1 << 20);
    buf_init(&other, 1 << 20);
    assert_true(table_of(&text, NULL, &table));
    char *t = (char *)(table.mem + table.start);
    size_t n = strcspn(t, "\n");
    assert_ok(account_head_parse(&was, &format, &decoder, t, n, &err));
    for (size_t i = 0; i < n; i++) {
        struct account_head head;
        t[i] ^= 1;
        bool readable = account_head_parse(&head, &format, &decoder, t, n, &err) == ERR_OK &&
                        format == ACCOUNT_FORMAT && decoder == AVL_DECODER_VERSION;
        if (readable && table_of(&text, &head, &other) &&
            strcmp((const char *)buf_data(&other), t) == 0 && strcmp(head.id, was.id) == 0 &&
            head.from_ms == was.from_ms && head.until_ms == was.until_ms &&
            head.event_ms == was.event_ms && head.difference_ms == was.difference_ms &&
            memcmp(head.track, was.track, sizeof head.track) == 0)
            fail_msg("byte %zu: %s", i, t);
        t[i] ^= 1;
    }
    buf_clear(&text);
    buf_clear(&table);
    buf_clear(&other);
}

static void test_a_track_of_fewer_records_is_found_by_its_hash(void **state)
{
    (void)state;
    struct buf text = records_text(), then = track_of(&text, 1000 * T0 + 60000001), found_as;
    struct account *a = NULL;
    char hex[HASH_HEX_ROOM];
    bool found = false;
    struct err err;
    buf_init(&found_as, 1 << 20);
    assert_ok(hash_text(buf_data(&then), then.used, hex, &err));
    assert_ok(account_parse(&a, buf_data(&text), text.used, &err));
    assert_ok(account_track_find(a, T0, T0 + 4000, hex, &found, &found_as, &err));
    assert_true(found);
    assert_int_equal(found_as.used, then.used);
    hex[0] = hex[0] == '0' ? '1' : '0';
    buf_consume(&found_as, found_as.used);
    assert_ok(account_track_find(a, T0, T0 + 4000, hex, &found, &found_as, &err));
    assert_false(found);
    assert_int_equal(found_as.used, 0);
    /* what is further away than its pictures show is not in it */
    assert_ok(account_track(a, T0 + 60000, T0 + 60000, INT64_MAX, &found_as, &err));
    assert_int_equal(found_as.used, 0);
    account_free(&a);
    buf_clear(&text);
    buf_clear(&then);
    buf_clear(&found_as);
}

static void test_what_is_no_text_of_records_is_told_by_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "line 1: expected 'dashspool records 1'"},
        {"dashspool records 2\n", "line 1"},
        {ACCOUNT_HEAD "2024-11-29 arrived", "line 2: expected an end of the line"},
        {ACCOUNT_HEAD "2024-11-29\n", "line 2: expected a time"},
        {ACCOUNT_HEAD "2024-11-29T07:23:45.000Z arrived 2024-11-29T07:24:45.000000Z codec 8e 00\n",
         "line 2: expected a record of that codec"},
        {ACCOUNT_HEAD "2024-11-29T07:23:45.000Z arrived 2024-11-29T07:24:45.000000Z codec 8e 0\n",
         "line 2: expected hexadecimal"},
        {ACCOUNT_HEAD "2024-11-29T07:23:45.000Z arrived 2024-11-29T07:24:45.000000Z codec 8e "
                      "withheld: private mode, priority 256, event 0, ids\n",
         "line 2: expected a number"},
        {ACCOUNT_HEAD "2024-11-29T07:23:45.000Z arrived 2024-11-29T07:24:45.000000Z codec 8e "
                      "withheld: no record\n"
                      "2024-11-29T07:23:44.000Z arrived 2024-11-29T07:24:45.000000Z codec 8e "
                      "withheld: no record\n",
         "line 3: expected a time that is not before"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct account *a = NULL;
        struct err err;
        assert_err(ERR_MALFORMED, account_parse(&a, cases[i].text, strlen(cases[i].text), &err));
        assert_has(err.text, cases[i].says);
    }
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_table_tells_all_that_the_records_say),
        T(test_private_records_give_nothing_but_time_and_ids),
        T(test_the_head_of_a_table_makes_it_again),
        T(test_every_byte_of_the_records_counts),
        T(test_every_byte_of_the_head_counts),
        T(test_a_track_of_fewer_records_is_found_by_its_hash),
        T(test_what_is_no_text_of_records_is_told_by_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
