/* Files that hold several recordings, and clocks that count something else than microseconds. */
#include "dashspool/recipe.h"
#include "footage/media/media.h"
#include "footage/media/ptmf.h"
#include "support/footage.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TWO   "ptmf/two-recordings.h265" /* 50 pictures each, a key picture every 25 */
#define FRONT "front-20fps-10s-sound.h265"
#define REAR  "rear-25fps-6s-silent.h265" /* 150 pictures, an IDR picture every 25 */

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

/* ---- files put together out of records ---- */

struct source {
    struct buf bytes;
    struct ptmf_record record[500];
    int n;
};

static struct source source_of(const char *path)
{
    struct source s = {.bytes = support_read(path)};
    struct ptmf p = ptmf_init(buf_data(&s.bytes), s.bytes.used);
    while (s.n < 500 && ptmf_next(&p, &s.record[s.n]))
        s.n++;
    return s;
}

struct file {
    uint8_t *data;
    size_t n;
    int records;
};

/* What becomes of a record's time and number. */
struct change {
    int64_t num, den; /* of the time; 0: 1 */
    int64_t plus_us, number;
};

static void put_le(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

/* Appends records from..until-1. */
static void append(struct file *f, const struct source *s, int from, int until, struct change c)
{
    const uint8_t *data = buf_data(&s->bytes);
    int64_t num = c.num ? c.num : 1, den = c.den ? c.den : 1;
    for (int i = from; i < until; i++) {
        const struct ptmf_record *r = &s->record[i];
        size_t end = i + 1 < s->n ? s->record[i + 1].offset : s->bytes.used;
        f->data = realloc(f->data, f->n + end - r->offset);
        assert_non_null(f->data);
        memcpy(f->data + f->n, data + r->offset, end - r->offset);
        put_le(f->data + f->n + 12, (uint64_t)((int64_t)r->sequence + c.number), 4);
        put_le(f->data + f->n + 28, (uint64_t)(r->time_us * num / den + c.plus_us), 8);
        f->n += end - r->offset;
        f->records++;
    }
}

static const char *written(struct file *f)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/clip.h265", dir);
    support_write(path, f->data, f->n);
    free(f->data);
    *f = (struct file){.n = 0};
    return path;
}

static struct media_probe probed(struct file *f)
{
    struct media_probe p;
    struct media_facts facts = {.has_time = false};
    struct convert_options options = footage_options(COPY_WORKING);
    struct err err = {0};
    const char *path = written(f);
    if (media_probe(path, &facts, &options.media, true, &p, &err) < 0)
        fail_msg("%s", err.text);
    return p;
}

/* ---- recordings ---- */

static void is_whole(const struct media_probe *p, int parts)
{
    const struct media_damage *d = &p->damage;
    if (!p->clean || d->damaged || d->lost || d->affected || d->times_repaired)
        fail_msg("damage: %s", p->warning);
    assert_int_equal(p->parts, parts);
    assert_int_equal(p->gaps, parts - 1);
    assert_int_equal(p->gaps_by_camera, 0);
}

/* Each case is a list of stretches of the two recordings; none of them is damage. */
static void test_recordings_in_one_file_are_no_damage(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int parts;
        bool apart; /* the second one */
        struct {
            int from, until;
            struct change c;
        } stretch[3];
    } cases[] = {
        {"both counters begin anew", 2, true, {{0, 50, {0}}, {50, 100, {0}}}},
        {"both go far ahead",
         2,
         true,
         {{0, 50, {0}}, {50, 100, {.plus_us = INT64_C(32395000000), .number = 900000}}}},
        {"in reversed order", 2, true, {{50, 100, {.plus_us = INT64_C(900000000)}}, {0, 50, {0}}}},
        {"the clock starts, the numbers go on",
         2,
         true,
         {{0, 50, {0}}, {50, 100, {.number = 2170}}}},
        {"the numbers start, the clock goes on",
         2,
         false,
         {{0, 50, {0}}, {50, 100, {.plus_us = 103572394}}}},
        {"three",
         3,
         true,
         {{0, 50, {0}}, {50, 100, {0}}, {0, 50, {.plus_us = -50000000, .number = -2000}}}},
        {"the same one twice", 2, true, {{0, 50, {0}}, {0, 50, {0}}}},
        {"they overlap by a second",
         2,
         true,
         {{0, 50, {0}}, {0, 50, {.plus_us = 1000000, .number = 25}}}},
        {"a minute and more between",
         2,
         true,
         {{0, 50, {0}}, {0, 50, {.plus_us = 90000000, .number = 50}}}},
        {"in milliseconds",
         2,
         true,
         {{0, 50, {.num = 1, .den = 1000}}, {50, 100, {.num = 1, .den = 1000}}}},
        {"nothing of it: 32 bits wrap at a key picture",
         1,
         false,
         {{0, 25, {.plus_us = INT64_C(4294967296) - 107600000}},
          {25, 50, {.plus_us = -107600000 + 100000}}}},
    };
    struct source s = source_of(support_data(TWO));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file f = {.n = 0};
        for (int k = 0; k < 3; k++)
            append(&f, &s, cases[i].stretch[k].from, cases[i].stretch[k].until,
                   cases[i].stretch[k].c);
        int pictures = f.records;
        struct media_probe p = probed(&f);
        if (p.parts != cases[i].parts || (!p.clean && p.parts > 1))
            fail_msg("%s: %d parts, %s", cases[i].what, (int)p.parts, p.warning);
        assert_int_equal(p.pictures, pictures);
        assert_int_equal(p.damage.damaged + p.damage.lost + p.damage.affected, 0);
        if (cases[i].parts == 1)
            continue;
        is_whole(&p, cases[i].parts);
        assert_int_equal(p.part[1].picture, 50);
        assert_int_equal(p.part[1].pictures, 50);
        assert_int_equal(p.part[1].duration_us, 2000000);
        assert_int_equal(p.part[1].apart, cases[i].apart);
        assert_true(p.gap[0].recording && p.gap[0].picture == 50);
        int64_t gap_us = p.gap[0].until_us - p.gap[0].from_us;
        assert_int_equal(gap_us, cases[i].apart ? 40000 + MEDIA_APART_US : 40000);
        assert_true(p.timing.fps[p.timing.chosen] > 24.9 && p.timing.fps[p.timing.chosen] < 25.1);
    }
    buf_clear(&s.bytes);
}

/* One wrong value at a key picture is one wrong value. */
static void test_one_wrong_value_begins_no_recording(void **state)
{
    (void)state;
    struct source s = source_of(support_data(TWO));
    static const struct change wrong[] = {
        {.plus_us = 1000000000}, {.plus_us = -100000000}, {.number = 1 << 30}, {.number = -2000}};
    for (int at = 24; at <= 25; at++)
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            struct file f = {.n = 0};
            append(&f, &s, 0, at, (struct change){0});
            append(&f, &s, at, at + 1, wrong[i]);
            append(&f, &s, at + 1, 50, (struct change){0});
            struct media_probe p = probed(&f);
            assert_int_equal(p.parts, 1);
            assert_int_equal(p.damage.times_repaired, wrong[i].plus_us != 0);
            assert_int_equal(strstr(p.warning, "1 sequence number of a record cannot") != NULL,
                             wrong[i].number != 0);
            assert_true(p.clean); /* neither takes anything from the picture */
        }
    for (int at = 10; at < 40; at += 7) { /* a record that belongs elsewhere */
        struct file moved = {.n = 0};
        append(&moved, &s, 0, at, (struct change){0});
        append(&moved, &s, 49, 50, (struct change){0});
        append(&moved, &s, at + 5, 45, (struct change){0});
        struct media_probe p = probed(&moved);
        assert_int_equal(p.parts, 1);
        assert_int_equal(p.damage.damaged, 1);
        assert_true(p.gaps > 0);
        for (int64_t i = 0; i < p.gaps; i++)
            assert_true(p.gap[i].from_us <= p.gap[i].until_us);
    }
    struct file f = {.n = 0}; /* a key picture that comes twice */
    append(&f, &s, 0, 26, (struct change){0});
    append(&f, &s, 25, 50, (struct change){0});
    struct media_probe p = probed(&f);
    assert_int_equal(p.parts, 1);
    assert_int_equal(p.damage.repeated, 1);
    append(&f, &s, 0, 20, (struct change){0}); /* pictures that are missing stay that */
    append(&f, &s, 30, 50, (struct change){0});
    p = probed(&f);
    assert_int_equal(p.parts, 1);
    assert_int_equal(p.damage.lost, 10);
    buf_clear(&s.bytes);
}

/* Numbers that all stand still, fall, or are those of bytes in another order, say nothing. */
static void test_numbers_that_count_nothing_are_no_damage(void **state)
{
    (void)state;
    struct source s = source_of(support_data(TWO));
    for (int kind = 0; kind < 4; kind++) {
        struct file f = {.n = 0};
        for (int i = 0; i < 50; i++) {
            int64_t to[] = {0, 7, 1000 - i, (int64_t)(i + 1) << 24};
            append(&f, &s, i, i + 1, (struct change){.number = to[kind] - s.record[i].sequence});
        }
        struct media_probe p = probed(&f);
        if (p.parts != 1 || !p.clean || p.damage.times_repaired || p.gaps > 0)
            fail_msg("%d: %s", kind, p.warning);
        assert_non_null(strstr(p.warning, "sequence numbers of records cannot be true"));
    }
    buf_clear(&s.bytes);
}

/* How the numbers of the rear camera's 150 pictures count. */
static int64_t number_of(int kind, int64_t k)
{
    switch (kind) {
    case 0: /* by two */
        return 1000 + 2 * k;
    case 1:
        return 7 + 3600 * k;
    case 2: /* like a sensor's, of which two of three are kept */
        return k / 2 * 3 + k % 2;
    case 3: /* 8 bits that wrap at a key picture */
        return (k + 256 - 75) % 256;
    case 4: /* 16 bits, elsewhere */
        return (k + 65536 - 60) % 65536;
    case 5: /* 8 bits and by two */
        return (2 * k + 200) % 256;
    case 6: /* 7 bits without 0 */
        return (k + 127 - 75) % 127 + 1;
    case 7: /* anew with each key picture */
        return k % 25;
    default: /* by one, then by two */
        return k < 75 ? k : 2 * k - 75;
    }
}
#define N_KINDS 9

static struct media_probe numbered(const struct source *s, int kind, int from, int until, int by)
{
    struct file f = {.n = 0};
    for (int i = 0; i < s->n; i += by)
        if (i < from || i >= until)
            append(&f, s, i, i + 1,
                   (struct change){.number = number_of(kind, i) - s->record[i].sequence});
    return probed(&f);
}

/* The clock and the order counts go on from each picture to the next: none is missing, and it is
 * one recording. What is missing all the same is told. */
static void test_numbers_that_count_otherwise_are_no_damage(void **state)
{
    (void)state;
    struct source s = source_of(footage_sample(REAR));
    for (int kind = 0; kind < N_KINDS; kind++) {
        struct media_probe p = numbered(&s, kind, 0, 0, 1);
        if (p.parts != 1 || !p.clean || p.damage.times_repaired || p.gaps > 0)
            fail_msg("%d: %d parts, %s", kind, (int)p.parts, p.warning);
        if (kind < 2)
            assert_non_null(strstr(p.warning, kind ? "grow by 3600 a pic" : "grow by 2 a picture"));
        else
            assert_int_equal(strstr(p.warning, "do not count pictures") != NULL,
                             kind == 2 || kind == 8);
        p = numbered(&s, kind, 80, 85, 1);
        if (p.parts != 1 || p.damage.lost != 5 || p.damage.damaged || p.damage.affected != 15)
            fail_msg("%d: %d parts, %s", kind, (int)p.parts, p.warning);
        assert_int_equal(p.gaps, 1);
        assert_int_equal(p.gap[0].picture, 80);
    }
    for (int kind = 3; kind < 5; kind++) { /* the number that wraps is not there */
        struct media_probe p = numbered(&s, kind, kind == 3 ? 75 : 60, kind == 3 ? 76 : 62, 1);
        assert_int_equal(p.parts, 1);
        assert_int_equal(p.damage.lost, kind == 3 ? 1 : 2);
        assert_int_equal(p.damage.times_repaired, 0);
    }
    struct media_probe p = numbered(&s, 4, 0, 0, 2); /* there is room: every other one is missing */
    assert_int_equal(p.damage.lost, 74);
    assert_null(strstr(p.warning, "grow by"));
    buf_clear(&s.bytes);
    s = source_of(footage_sample(FRONT)); /* pictures and sound are counted together */
    struct file f = {.n = 0};
    for (int i = 0; i < s.n; i++)
        append(&f, &s, i, i + 1, (struct change){.number = i - (int64_t)s.record[i].sequence});
    p = probed(&f);
    assert_true(p.clean);
    assert_int_equal(p.gaps, 0);
    buf_clear(&s.bytes);
}

/* Whose pictures are all there, in order by POC and the clock. */
static void test_numbers_of_neighbours_swapped_are_no_damage(void **state)
{
    (void)state;
    struct source s = source_of(footage_sample(REAR));
    for (int n = 2; n <= 4; n++)
        for (int at = 60; at <= 75; at += 5) {
            struct file f = {.n = 0};
            append(&f, &s, 0, at - 1, (struct change){0});
            for (int i = 0; i < n; i++)
                append(&f, &s, at - 1 + i, at + i, (struct change){.number = n - 1 - 2 * i});
            append(&f, &s, at - 1 + n, 150, (struct change){0});
            struct media_probe p = probed(&f);
            if (p.parts != 1 || !p.clean || p.gaps > 0 || p.damage.times_repaired)
                fail_msg("%d at %d: %s", n, at, p.warning);
            assert_non_null(
                strstr(p.warning, n == 2 ? "1 sequence number of a record is out of order"
                                         : "sequence numbers of records are out of order"));
        }
    buf_clear(&s.bytes);
}

/* Without its IDR picture a group counts from 0 once more: it is shown behind the one before it,
 * not among its pictures. */
static void test_an_idr_picture_that_is_missing_moves_nothing(void **state)
{
    (void)state;
    struct source s = source_of(footage_sample(REAR));
    static const int hole[][2] = {{20, 30}, {25, 26}, {10, 28}, {24, 27}};
    for (size_t i = 0; i < sizeof hole / sizeof *hole; i++)
        for (int until = 150; until >= 35; until -= 115) { /* a short clip, too */
            struct file f = {.n = 0};
            append(&f, &s, 0, hole[i][0], (struct change){0});
            append(&f, &s, hole[i][1], until, (struct change){0});
            struct media_probe p = probed(&f);
            assert_int_equal(p.parts, 1);
            assert_int_equal(p.damage.times_repaired, 0);
            assert_int_equal(p.damage.damaged, 0);
            assert_int_equal(p.damage.lost, hole[i][1] - hole[i][0]);
            assert_int_equal(p.damage.affected, (until < 50 ? until : 50) - hole[i][1]);
            assert_int_equal(p.gaps, 1);
            assert_int_equal(p.gap[0].picture, hole[i][0]);
            int64_t length_us = s.record[until - 1].time_us - s.record[0].time_us + 40000;
            assert_in_range(p.duration_us, length_us - 10000, length_us + 10000);
        }
    struct change on = {.plus_us =
                            200000000}; /* the clock tells of a restart, the numbers do not */
    struct file f = {.n = 0};
    append(&f, &s, 0, 50, (struct change){0});
    on.number = (int64_t)s.record[49].sequence + 1 - s.record[53].sequence;
    append(&f, &s, 53, 150, on);
    struct media_probe p = probed(&f);
    assert_int_equal(p.parts, 2);
    assert_int_equal(p.part[1].picture, 50);
    assert_int_equal(p.damage.damaged + p.damage.lost + p.damage.times_repaired, 0);
    assert_int_equal(p.damage.affected, 22);
    buf_clear(&s.bytes);
}

static void test_a_recording_without_a_key_picture(void **state)
{
    (void)state;
    struct source s = source_of(support_data(TWO));
    struct file f = {.n = 0};
    append(&f, &s, 1, 25, (struct change){0});
    append(&f, &s, 50, 100, (struct change){0});
    struct media_probe p = probed(&f); /* the first one: nothing of it decodes */
    assert_int_equal(p.parts, 2);
    assert_int_equal(p.part[0].key_pictures, 0);
    assert_int_equal(p.part[1].picture, 24);
    assert_int_equal(p.damage.undecodable_lead, 24);
    assert_int_equal(p.damage.damaged + p.damage.lost + p.damage.affected, 0);
    append(&f, &s, 0, 50, (struct change){0});
    append(&f, &s, 53, 100, (struct change){0});
    p = probed(&f); /* the second one begins in the middle */
    assert_int_equal(p.parts, 2);
    assert_int_equal(p.part[1].picture, 50);
    assert_int_equal(p.damage.damaged + p.damage.lost + p.damage.times_repaired, 0);
    assert_int_equal(p.damage.affected, 22);
    buf_clear(&s.bytes);
}

/* ---- copies ---- */

static struct convert_result made(const char *path, const char *stem, unsigned copies,
                                  int recording)
{
    struct convert_result r;
    struct err err = {0};
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(copies);
    options.media.recording = recording;
    if (convert_file(path, dir, stem, &facts, &options, NULL, NULL, &r, &err) < 0)
        fail_msg("%s", err.text);
    return r;
}

static json_t *timing_of(const struct convert_result *r)
{
    json_error_t why;
    json_t *o = json_load_file(r->output[r->n_outputs - 1].path, JSON_REJECT_DUPLICATES, &why);
    if (!o)
        fail_msg("line %d: %s", why.line, why.text);
    return o;
}

/* The facts are about the first recording, and say nothing of when the second one was. */
static void test_the_time_of_day_ends_with_its_recording(void **state)
{
    (void)state;
    const char *path = support_data(TWO);
    struct convert_result r =
        made(path, "whole", COPY_WORKING | COPY_VIEWING | COPY_SHEET | COPY_SRT | COPY_TIMING, 0);
    json_t *o = timing_of(&r), *pictures = json_object_get(o, "pictures");
    assert_int_equal(r.duration_us, 4000000 + MEDIA_APART_US);
    assert_int_equal(r.damage.damaged + r.damage.lost + r.damage.times_repaired, 0);
    assert_non_null(strstr(r.warning, "holds 2 recordings"));
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(json_is_string(json_object_get(json_array_get(pictures, i), "utc")),
                         i < 50);
    const json_t *gap = json_array_get(json_object_get(o, "gaps"), 0);
    assert_string_equal(json_string_value(json_object_get(gap, "length")), "unknown");
    assert_int_equal(json_array_size(json_object_get(o, "recordings")), 2);
    json_decref(o);
    int dated = 0, undated = 0;
    char srt[600], line[400];
    snprintf(srt, sizeof srt, "%s/whole.srt", dir);
    FILE *file = fopen(srt, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        dated += strstr(line, "2024-11-29") != NULL;
        undated += strstr(line, "unknown") != NULL;
    }
    fclose(file);
    assert_true(dated >= 2 && undated >= 1);

    r = made(path, "first", COPY_WORKING | COPY_TIMING, 1);
    assert_true(r.wall.known);
    assert_int_equal(r.pictures, 50);
    r = made(path, "second", COPY_WORKING | COPY_TIMING, 2);
    assert_false(r.wall.known);
    assert_int_equal(r.pictures, 50);
    assert_int_equal(r.duration_us, 2000000);
    assert_null(strstr(r.warning, "recordings"));
    struct convert_options options = footage_options(COPY_WORKING);
    struct media_facts facts = footage_facts();
    struct err err;
    options.media.recording = 3;
    assert_err(ERR_NOTFOUND,
               convert_file(path, dir, "third", &facts, &options, NULL, NULL, &r, &err));
    assert_non_null(strstr(err.text, "there is no recording 3: the file holds 2"));
    int n = 0;
    options.media.recording = 0;
    assert_ok(media_recordings(path, &options.media, &n, &err));
    assert_int_equal(n, 2);
    assert_ok(media_recordings(support_data("hevc/road-720p25.h265"), &options.media, &n, &err));
    assert_int_equal(n, 1);
}

static void test_a_known_distance_is_kept(void **state)
{
    (void)state;
    struct source s = source_of(support_data(TWO));
    struct file f = {.n = 0};
    append(&f, &s, 0, 50, (struct change){0});
    append(&f, &s, 50, 100, (struct change){.plus_us = 103572394 + 500000});
    struct media_facts facts = footage_facts();
    struct convert_result r = made(written(&f), "second", COPY_TIMING, 2);
    assert_true(r.wall.known);
    assert_int_equal(r.wall.utc_us, facts.start_utc_us + 2500000);
    buf_clear(&s.bytes);
}

/* ---- clocks ---- */

static void open_front(struct media *m, const char *path)
{
    struct err err;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_TIMING);
    facts.meta_fps = 0;
    if (media_open(m, path, MEDIA_PTMF, &facts, &options.media, &err) < 0)
        fail_msg("%s", err.text);
}

/* Pictures at the header's rate, and the sound with them. */
static void test_times_in_another_unit_are_not_used(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        struct change c;
        int64_t sound_us; /* how far from the pictures the sound may be */
    } units[] = {
        {"milliseconds", {.num = 1, .den = 1000}, 120000},
        {"ticks of a 90 kHz clock", {.num = 9, .den = 100}, 120000},
        {"nanoseconds", {.num = 1000, .den = 1}, 120000},
        {"seconds", {.num = 1, .den = 1000000}, 1100000},
    };
    struct source s = source_of(footage_sample(FRONT));
    struct media truth, m;
    open_front(&truth, footage_sample(FRONT));
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct file f = {.n = 0};
        append(&f, &s, 0, s.n, units[i].c);
        open_front(&m, written(&f));
        assert_int_equal(m.timing.chosen, MEDIA_SOURCE_HEADER);
        assert_int_equal(m.damage.times_repaired + m.damage.damaged + m.damage.lost, 0);
        if (!strstr(m.warning, units[i].unit) || !strstr(m.warning, "header rate, 20/s"))
            fail_msg("%s: '%s'", units[i].unit, m.warning);
        assert_int_equal(m.picture[100].time_us, 5000000);
        assert_int_equal(m.n_recordings, 1);
        for (int k = 0; k < m.n_sounds; k++)
            if (llabs(m.sound[k].time_us - truth.sound[k].time_us) > units[i].sound_us)
                fail_msg("%s: sound %d is %lld us off", units[i].unit, k,
                         (long long)(m.sound[k].time_us - truth.sound[k].time_us));
        media_close(&m);
    }
    media_close(&truth);
    buf_clear(&s.bytes);
}

/* 30 said by header and stream, 15 true: it is believed, and said. */
static void test_a_slower_camera_than_it_says_keeps_its_times(void **state)
{
    (void)state;
    struct source s = source_of(support_data(TWO));
    struct file f = {.n = 0};
    char dispute[MEDIA_DISPUTE_ROOM];
    append(&f, &s, 50, 100, (struct change){.num = 10, .den = 6});
    for (size_t at = 0; at + 36 <= f.n;) {
        const uint8_t *p = f.data + at + 24;
        f.data[at + 7] = 30;
        at += 36 + (p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16);
    }
    struct media_probe p = probed(&f);
    assert_true(p.clean);
    assert_int_equal(p.timing.chosen, MEDIA_SOURCE_PTMF);
    assert_int_equal(p.gaps, 0);
    media_timing_dispute(&p.timing, dispute);
    assert_string_equal(dispute, "The record headers and the stream say 30/s, holds 3.3 s at 15/s");
    buf_clear(&s.bytes);
}

/* Each recording is judged by its own headers, stream and times; metadata are about the first. */
static void test_a_dispute_names_its_recording(void **state)
{
    (void)state;
    static const char both[] = "Recording 2 of 2: the record headers say 25/s, the stream says "
                               "30/s, holds 4.0 s at 12.5/s";
    static const struct {
        int slow;     /* recording, at half the rate; 0 none */
        double meta;  /* of the metadata */
        int from, to; /* records of the second recording: 50 to 100 state 30 in the stream */
        const char *dispute;
        int recording;
    } cases[] = {
        {0, 0, 0, 50, "", 0},
        {0, 25, 50, 100, "Recording 2 of 2: the stream says 30/s, holds 2.0 s at 25/s", 2},
        {2, 0, 50, 100, both, 2},
        {2, 25, 50, 100, both, 2},
        {2, 0, 0, 50,
         "Recording 2 of 2: the record headers and the stream say 25/s, holds 4.0 s at 12.5/s", 2},
        {1, 0, 0, 50,
         "Recording 1 of 2: the record headers and the stream say 25/s, holds 4.0 s at 12.5/s", 1},
        {1, 0, 50, 100,
         "Recording 1 of 2: the record headers and the stream say 25/s, holds 4.0 s at 12.5/s; in "
         "dispute in 2 "
         "recordings",
         1},
        {0, 20, 0, 50, "Recording 1 of 2: announced at 20/s, holds 2.0 s at 25/s", 1},
    };
    struct source s = source_of(support_data(TWO));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file f = {.n = 0};
        char dispute[MEDIA_DISPUTE_ROOM];
        for (int k = 0; k < 2; k++)
            append(&f, &s, k ? cases[i].from : 0, k ? cases[i].to : 50,
                   (struct change){.num = 1 + (cases[i].slow == k + 1),
                                   .plus_us = k ? INT64_C(90000000000) : 0});
        struct media_facts facts = footage_facts();
        struct convert_options options = footage_options(COPY_TIMING);
        facts.meta_fps = cases[i].meta;
        facts.length_s = 0;
        options.overwrite = true;
        struct media_probe p;
        struct convert_result r;
        struct err err;
        const char *path = written(&f);
        assert_ok(media_probe(path, &facts, &options.media, false, &p, &err));
        assert_int_equal(p.parts, 2);
        for (int k = 0; k < 2; k++) {
            double fps = cases[i].slow == k + 1 ? 12.5 : 25;
            assert_true(p.part[k].fps > fps - 0.01 && p.part[k].fps < fps + 0.01);
            assert_int_equal(p.part[k].duration_us, 50 * (int64_t)(1e6 / fps));
        }
        media_timing_dispute(&p.timing, dispute);
        assert_string_equal(dispute, cases[i].dispute);
        assert_int_equal(p.timing.recording, cases[i].recording);
        assert_int_equal(p.timing.disagree, dispute[0] != '\0');
        /* … and so do copies, and their settings */
        assert_ok(convert_file(path, dir, "copy", &facts, &options, NULL, NULL, &r, &err));
        char settings[RECIPE_BYTES_MAX];
        struct recipe_settings read;
        struct recipe recipe = {.facts = facts, .options = options};
        assert_ok(recipe_settings_text(&recipe, &r, COPY_TIMING, settings, sizeof settings, &err));
        assert_true(recipe_settings_read(&read, settings));
        media_timing_dispute(&read.rate, dispute);
        assert_string_equal(dispute, cases[i].dispute);
    }
    buf_clear(&s.bytes);
}

/* Two pictures closer than any unit of the copies: each has a time of its own. */
static void test_times_closer_than_a_tick_give_copies(void **state)
{
    (void)state;
    struct source s = source_of(support_data(TWO));
    for (int us = 0; us <= 999; us = us < 12 ? us + 1 : us + 329) {
        struct file f = {.n = 0};
        append(&f, &s, 0, 10, (struct change){0});
        append(&f, &s, 10, 11, (struct change){.plus_us = us - 40000});
        append(&f, &s, 11, 50, (struct change){0});
        char stem[20];
        snprintf(stem, sizeof stem, "gap%d", us);
        struct convert_result r = made(written(&f), stem, COPY_WORKING | COPY_SRT, 0);
        assert_int_equal(r.damage.times_repaired, 1);
        assert_non_null(strstr(r.warning, "at picture 10"));
    }
    struct convert_options options = footage_options(COPY_MOMENT);
    struct media_facts facts = footage_facts();
    struct convert_result r;
    struct err err;
    options.n_moments = 3; /* two of them have the same name */
    options.moment_us[0] = 1000000;
    options.moment_us[1] = 1000004;
    options.moment_us[2] = 1002000;
    assert_ok(
        convert_file(support_data(TWO), dir, "moments", &facts, &options, NULL, NULL, &r, &err));
    assert_int_equal(r.n_outputs, 2);
    buf_clear(&s.bytes);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_recordings_in_one_file_are_no_damage),
        TEST(test_one_wrong_value_begins_no_recording),
        TEST(test_numbers_that_count_nothing_are_no_damage),
        TEST(test_numbers_that_count_otherwise_are_no_damage),
        TEST(test_numbers_of_neighbours_swapped_are_no_damage),
        TEST(test_an_idr_picture_that_is_missing_moves_nothing),
        TEST(test_a_recording_without_a_key_picture),
        TEST(test_the_time_of_day_ends_with_its_recording),
        TEST(test_a_known_distance_is_kept),
        TEST(test_times_in_another_unit_are_not_used),
        TEST(test_a_slower_camera_than_it_says_keeps_its_times),
        TEST(test_a_dispute_names_its_recording),
        TEST(test_times_closer_than_a_tick_give_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
