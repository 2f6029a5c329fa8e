/* What the copies say of time: the camera's clock mended, sound in step, timing.json and .csv. */
#include "footage/media/media.h"
#include "footage/media/ptmf.h"
#include "support/footage.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRONT "front-20fps-10s-sound.h265"
#define REAR  "rear-25fps-6s-silent.h265"

static char *dir;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static struct convert_result make(const char *path, const char *stem, unsigned copies)
{
    struct convert_result r;
    struct err err;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(copies);
    assert_ok(convert_file(path, dir, stem, &facts, &options, NULL, NULL, &r, &err));
    return r;
}

static json_t *timing_of(const char *path)
{
    struct convert_result r = make(path, "clip", COPY_TIMING);
    json_error_t why;
    json_t *o = json_load_file(r.output[0].path, JSON_REJECT_DUPLICATES, &why);
    if (!o)
        fail_msg("%s, line %d: %s", r.output[0].path, why.line, why.text);
    return o;
}

static int64_t us_of(const json_t *o, const char *key)
{
    double s = json_number_value(json_object_get(o, key)) * 1e6;
    return (int64_t)(s < 0 ? s - 0.5 : s + 0.5);
}

/* ---- masters with something wrong ---- */

struct master {
    struct buf bytes;
    struct ptmf_record record[600];
    int n;
};

static struct master read_master(void)
{
    struct master m = {.bytes = support_read(footage_sample(FRONT))};
    struct ptmf p = ptmf_init(buf_data(&m.bytes), m.bytes.used);
    while (ptmf_next(&p, &m.record[m.n]))
        m.n++;
    assert_int_equal(m.n, 450);
    return m;
}

static void set_time(const struct master *m, int record, uint64_t us)
{
    uint8_t *p = m->bytes.mem + m->bytes.start + m->record[record].offset + 28;
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(us >> 8 * i);
}

static size_t end_of(const struct master *m, int record)
{
    return record + 1 < m->n ? m->record[record + 1].offset : m->bytes.used;
}

static const char *broken(void)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/broken.h265", dir);
    return path;
}

static void write_master(struct master *m)
{
    support_write(broken(), buf_data(&m->bytes), m->bytes.used);
    buf_clear(&m->bytes);
}

static void open_media(struct media *m, const char *path)
{
    struct err err;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_TIMING);
    assert_ok(media_open(m, path, MEDIA_PTMF, &facts, &options.media, &err));
}

/* Pictures and sound are where they are in the whole sample; those from picture `later` (and sound
 * from the time of it) on are all late by the same, at most most_us. */
static void check_same_times(int repaired, int64_t most_us, const char *warning)
{
    struct media a, b;
    int64_t late_us = 0;
    open_media(&a, footage_sample(FRONT));
    open_media(&b, broken());
    assert_int_equal(a.damage.times_repaired, 0);
    assert_string_equal(a.warning, "");
    if (!strstr(b.warning, warning))
        fail_msg("the warning is '%s'", b.warning);
    if (repaired >= 0)
        assert_int_equal(b.damage.times_repaired, repaired);
    assert_int_equal(b.n_pictures, a.n_pictures);
    assert_int_equal(b.n_sounds, a.n_sounds);
    for (int i = 0; i < a.n_pictures; i++) {
        int64_t off = b.picture[i].time_us - a.picture[i].time_us;
        assert_true(llabs(off) <= most_us);
        late_us = i == a.n_pictures - 1 ? off : late_us;
    }
    for (int i = 0; i < a.n_sounds; i++) {
        int64_t off = b.sound[i].time_us - a.sound[i].time_us;
        if (off != 0 && off != late_us)
            fail_msg("sound record %d is %lld us late, the pictures %lld", i, (long long)off,
                     (long long)late_us);
    }
    media_close(&a);
    media_close(&b);
}

/* The record of the n-th picture. */
static int picture(const struct master *m, int n)
{
    int i = 0;
    for (; i < m->n; i++)
        if (m->record[i].type != 'A' && n-- == 0)
            break;
    return i;
}

static void test_a_clock_that_jumps_takes_the_sound_along(void **state)
{
    (void)state;
    static const int64_t jumps[] = {INT64_C(90000000), INT64_C(-50000000), INT64_C(-3000000),
                                    INT64_C(1) << 40};
    for (size_t k = 0; k < sizeof jumps / sizeof *jumps; k++) {
        struct master m = read_master();
        int from = picture(&m, 105); /* no key picture: no new recording */
        int64_t at_us = m.record[from].time_us;
        for (int i = 0; i < m.n; i++)
            if (m.record[i].time_us >= at_us)
                set_time(&m, i, (uint64_t)(m.record[i].time_us + jumps[k]));
        write_master(&m);
        check_same_times(1, 20000, "at picture 105");
    }
}

static void test_a_32_bit_clock_wraps_without_a_trace(void **state)
{
    (void)state;
    struct master m = read_master();
    uint64_t move = UINT64_C(4294967296) - (uint64_t)m.record[picture(&m, 77)].time_us + 5000;
    for (int i = 0; i < m.n; i++)
        set_time(&m, i, ((uint64_t)m.record[i].time_us + move) & UINT32_MAX);
    write_master(&m);
    check_same_times(1, 0, "wrapped at picture 77");
}

static void test_single_nonsense_times_are_filled_in(void **state)
{
    (void)state;
    struct master m = read_master();
    set_time(&m, picture(&m, 10), UINT64_MAX);
    set_time(&m, picture(&m, 30), 0);
    set_time(&m, picture(&m, 50), (uint64_t)m.record[picture(&m, 49)].time_us);
    write_master(&m);
    check_same_times(3, 20000, "at picture 10");
}

static void test_nonsense_times_of_sound_leave_the_pictures_alone(void **state)
{
    (void)state;
    struct master m = read_master();
    int sound[3], n = 0;
    for (int i = 0; i < m.n; i++)
        if (m.record[i].type == 'A' && (n == 0 || i > 200) && n < 3)
            sound[n++] = i;
    set_time(&m, sound[1], UINT64_MAX / 3);
    set_time(&m, sound[2], 17);
    write_master(&m);
    check_same_times(2, 0, "2 times of sound records");
}

static void test_records_out_of_order_are_sorted(void **state)
{
    (void)state;
    struct master m = read_master();
    int a = -1, b = -1;
    for (int i = 200; b < 0; i++)
        if (m.record[i].type == 'A')
            b = a < 0 ? b : i, a = a < 0 ? i : a;
    assert_int_equal(end_of(&m, a) - m.record[a].offset, end_of(&m, b) - m.record[b].offset);
    uint8_t kept[360], *mem = m.bytes.mem + m.bytes.start;
    memcpy(kept, mem + m.record[a].offset, sizeof kept);
    memcpy(mem + m.record[a].offset, mem + m.record[b].offset, sizeof kept);
    memcpy(mem + m.record[b].offset, kept, sizeof kept);
    write_master(&m);
    check_same_times(0, 0, "");
}

static void test_a_clock_that_stands_still_is_no_witness(void **state)
{
    (void)state;
    struct master m = read_master();
    for (int i = 0; i < m.n; i++)
        set_time(&m, i, 5);
    write_master(&m);
    struct media b;
    open_media(&b, broken());
    assert_int_equal(b.timing.chosen, MEDIA_SOURCE_HEADER);
    assert_true(b.timing.fps[MEDIA_SOURCE_HEADER] == 20);
    assert_int_equal(b.duration_us, 10000000);
    assert_non_null(strstr(b.warning, "a constant rate is used"));
    for (int i = 0; i < b.n_sounds; i++) /* at most the mean interleaving away */
        assert_true(llabs(b.sound[i].time_us - i * 40000) <= 100000);
    media_close(&b);
}

/* ---- sound ---- */

static int16_t *line_of(const char *path, int *n, int64_t *from)
{
    struct media m;
    open_media(&m, path);
    struct sound_line s = sound_line_init(&m);
    int16_t *out = calloc(200000, sizeof *out);
    assert_non_null(out);
    *from = s.at;
    *n = sound_line_read(&s, out, 200000);
    media_close(&m);
    return out;
}

/* Removes n sound records from the one numbered `from` on; returns the time of the first. */
static int64_t drop_sound(struct master *m, int from, int n)
{
    int seen = 0;
    int64_t at_us = 0;
    size_t kept = 0;
    uint8_t *mem = m->bytes.mem + m->bytes.start;
    for (int i = 0; i < m->n; i++) {
        size_t bytes = end_of(m, i) - m->record[i].offset;
        bool sound = m->record[i].type == 'A';
        seen += sound;
        if (sound && seen > from && seen <= from + n) {
            at_us = at_us ? at_us : m->record[i].time_us;
            continue;
        }
        memmove(mem + kept, mem + m->record[i].offset, bytes);
        kept += bytes;
    }
    m->bytes.used = kept;
    return at_us;
}

static void test_lost_sound_is_silence_of_the_same_length(void **state)
{
    (void)state;
    struct master m = read_master();
    int64_t zero_us = m.record[picture(&m, 0)].time_us, from_a, from_b;
    int64_t at_us = drop_sound(&m, 100, 5) - zero_us;
    write_master(&m);

    int n_a, n_b;
    int16_t *a = line_of(footage_sample(FRONT), &n_a, &from_a);
    int16_t *b = line_of(broken(), &n_b, &from_b);
    assert_int_equal(n_a, n_b);
    assert_int_equal(from_a, from_b);
    int64_t lost = at_us * 8 / 1000 - from_a;
    for (int i = 0; i < n_a; i++) {
        bool silent = i >= lost + 1 && i < lost + 1599, sound = i < lost - 1 || i > lost + 1601;
        if ((silent && b[i] != 0) || (sound && a[i] != b[i]))
            fail_msg("sample %d is %d, was %d", i, b[i], a[i]);
    }
    free(a);
    free(b);

    json_t *o = timing_of(broken());
    json_t *list = json_object_get(o, "silence"), *one = json_array_get(list, 0);
    assert_int_equal(json_array_size(list), 1);
    assert_true(llabs(us_of(one, "from_s") - at_us) <= 125);
    assert_true(llabs(us_of(one, "until_s") - at_us - 200000) <= 125);
    assert_string_equal(json_string_value(json_object_get(one, "why")),
                        "sound records are missing");
    json_decref(o);
}

/* ---- the timing file ---- */

static void test_lost_pictures_are_listed_as_gaps(void **state)
{
    (void)state;
    static const int before[] = {41, 42, 98};
    json_t *o = timing_of(support_data("ptmf/front-30fps-5s-gaps.h265"));
    int n;
    int64_t *truth =
        footage_truth(support_data("ptmf/front-30fps-5s-gaps.truth.json"), "picture_times_us", &n);
    const json_t *pictures = json_object_get(o, "pictures"), *gaps = json_object_get(o, "gaps");
    assert_int_equal(json_array_size(pictures), n);
    for (int i = 0; i < n; i++)
        assert_int_equal(us_of(json_array_get(pictures, (size_t)i), "pts_s"), truth[i]);
    assert_int_equal(json_array_size(gaps), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *gap = json_array_get(gaps, i);
        assert_int_equal(json_integer_value(json_object_get(gap, "before")), before[i]);
        assert_int_equal(us_of(gap, "from_s"), truth[before[i] - 1]);
        assert_int_equal(us_of(gap, "until_s"), truth[before[i]]);
    }
    free(truth);
    json_decref(o);
}

static void same_as_golden(const char *made, const char *golden)
{
    struct buf a = support_read(made), b = support_read(golden), diff;
    bool same = a.used == b.used && memcmp(buf_data(&a), buf_data(&b), a.used) == 0;
    buf_clear(&a);
    buf_clear(&b);
    if (same)
        return;
    char diff_name[] = "diff", unified[] = "-u", from[600], to[600];
    char *argv[] = {diff_name, unified, to, from, NULL};
    snprintf(from, sizeof from, "%s", made);
    snprintf(to, sizeof to, "%s", golden);
    buf_init(&diff, 1 << 20);
    footage_run(argv, &diff);
    fprintf(stderr, "%.*s\n", (int)diff.used, (const char *)buf_data(&diff));
    buf_clear(&diff);
    fail_msg("%s is not as in %s", made, golden);
}

static void test_the_timing_file_is_as_agreed(void **state)
{
    (void)state;
    struct convert_result r = make(footage_sample(REAR), "rear", COPY_TIMING);
    same_as_golden(r.output[0].path, TEST_SOURCE_DIR "/golden/rear-25fps-6s-silent.timing.json");
    assert_true(r.wall.known);
    assert_int_equal(r.wall.utc_us, footage_facts().start_utc_us);
}

/* One field of RFC 4180; *end is the character behind it. */
static const char *csv_field(const char *p, char *out, char *end)
{
    bool quoted = *p == '"';
    for (p += quoted; quoted ? *p && (*p != '"' || p[1] == '"') : !strchr(",\r", *p); p++) {
        p += quoted && *p == '"';
        *out++ = *p;
    }
    p += quoted;
    *out = '\0';
    *end = *p;
    return p + 1 + (*p == '\r');
}

static void test_the_csv_has_the_same_pictures(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *o = timing_of(footage_sample(REAR));
    struct convert_result r = make(footage_sample(REAR), "table", COPY_CSV);
    struct buf b = support_read(r.output[0].path);
    assert_ok(buf_append(&b, "", 1, &err));
    const char *p = (const char *)buf_data(&b);
    static const char header[] = "index,pts_s,utc,uncertainty_s,source,key,bytes,state,why\r\n";
    assert_memory_equal(p, header, strlen(header));
    p += strlen(header);
    size_t n = 0;
    for (; *p; n++) {
        char field[9][200], end = ',';
        const json_t *one = json_array_get(json_object_get(o, "pictures"), n);
        for (int k = 0; k < 9; k++) {
            assert_int_equal(end, ',');
            p = csv_field(p, field[k], &end);
        }
        assert_int_equal(end, '\r');
        assert_int_equal(atoll(field[0]), json_integer_value(json_object_get(one, "n")));
        assert_int_equal((int64_t)(strtod(field[1], NULL) * 1e6 + 0.5), us_of(one, "pts_s"));
        assert_string_equal(field[2], json_string_value(json_object_get(one, "utc")));
        assert_string_equal(field[4], "capture times");
        assert_int_equal(atoll(field[6]), json_integer_value(json_object_get(one, "bytes")));
        assert_string_equal(field[7], "good");
        assert_string_equal(field[8], "");
    }
    assert_int_equal(n, 150);
    buf_clear(&b);
    json_decref(o);
}

static void test_the_same_bytes_wherever_they_are_made(void **state)
{
    (void)state;
    char back[4096];
    unsigned copies = COPY_WORKING | COPY_TIMING | COPY_CSV;
    struct convert_result a = make(footage_sample(FRONT), "clip", copies);
    char *zone = strdup(getenv("TZ") ? getenv("TZ") : ""), *first = dir;
    assert_non_null(getcwd(back, sizeof back));
    dir = support_tmp_dir();
    assert_int_equal(setenv("TZ", "Asia/Kathmandu", 1), 0);
    assert_int_equal(chdir("/"), 0);
    struct convert_result b = make(footage_sample(FRONT), "clip", copies);
    assert_int_equal(chdir(back), 0);
    setenv("TZ", zone, 1);
    assert_int_equal(a.n_outputs, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(a.output[i].sha256, b.output[i].sha256);
    free(zone);
    support_tmp_remove(&dir);
    dir = first;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_clock_that_jumps_takes_the_sound_along),
        TEST(test_a_32_bit_clock_wraps_without_a_trace),
        TEST(test_single_nonsense_times_are_filled_in),
        TEST(test_nonsense_times_of_sound_leave_the_pictures_alone),
        TEST(test_records_out_of_order_are_sorted),
        TEST(test_a_clock_that_stands_still_is_no_witness),
        TEST(test_lost_sound_is_silence_of_the_same_length),
        TEST(test_lost_pictures_are_listed_as_gaps),
        TEST(test_the_timing_file_is_as_agreed),
        TEST(test_the_csv_has_the_same_pictures),
        TEST(test_the_same_bytes_wherever_they_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
