/* The working copy beside its pictures: lossless sound, the text track, chapters, camera, boxes. */
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "footage/convert/mux.h"
#include "support/footage.h"
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOUND  "front-20fps-10s-sound.h265"
#define SILENT "rear-25fps-6s-silent.h265"

static const char *const samples[] = {SOUND, SILENT};

static char *make(const char *sample, bool flac, const struct media_facts *facts,
                  struct convert_result *r)
{
    struct err err;
    char *dir = support_tmp_dir();
    struct convert_options options = footage_options(COPY_WORKING);
    options.flac = flac;
    assert_ok(
        convert_file(footage_sample(sample), dir, "clip", facts, &options, NULL, NULL, r, &err));
    assert_string_equal(r->warning, "");
    return dir;
}

static void test_flac_is_the_masters_sound_bit_for_bit(void **state)
{
    (void)state;
    int n, n_master;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    float *master = footage_master_sound(footage_sample(SOUND), INT64_C(106572394), &n_master);
    char *dir = make(SOUND, true, &facts, &r);
    float *copy = footage_sound(r.output[0].path, &n);
    struct footage f = footage_read(r.output[0].path);
    assert_string_equal(f.sound.tag, "fLaC");
    assert_int_equal(n, n_master);
    for (int i = 0; i < n; i++)
        if (copy[i] != master[i])
            fail_msg("sample %d is %g instead of %g", i, (double)copy[i], (double)master[i]);
    footage_clear(&f);
    free(copy);
    free(master);
    support_tmp_remove(&dir);
}

static AVFormatContext *open_copy(const struct convert_result *r)
{
    AVFormatContext *ctx = NULL;
    assert_true(avformat_open_input(&ctx, r->output[0].path, NULL, NULL) >= 0);
    assert_true(avformat_find_stream_info(ctx, NULL) >= 0);
    return ctx;
}

/* Every cue says one second of the clock, and begins when that second does. */
static void check_cues(AVFormatContext *ctx, int stream, int64_t duration_us)
{
    AVPacket *p = av_packet_alloc();
    int64_t end = 0;
    int n = 0;
    while (av_read_frame(ctx, p) >= 0) {
        char want[64], text[400] = "";
        if (p->stream_index == stream && p->size > 2) {
            assert_int_equal(p->pts, n == 0 ? 0 : 67500 + (n - 1) * 90000);
            assert_int_equal(p->pts, end);
            assert_int_equal(p->size, 2 + (p->data[0] << 8 | p->data[1]));
            snprintf(text, sizeof text, "%.*s", p->size - 2, (const char *)p->data + 2);
            snprintf(want, sizeof want, "2024-11-29 09:23:%d +02:00  54.70042° N  25.25000° E\n",
                     45 + n);
            assert_true(strncmp(text, want, strlen(want)) == 0);
            assert_non_null(strstr(text, "front  crash"));
            end = p->pts + p->duration;
            n++;
        }
        av_packet_unref(p);
    }
    assert_true(llabs(end - duration_us * 9 / 100) <= 1);
    av_packet_free(&p);
}

static void test_text_track_has_the_clock_second_by_second(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct convert_result r;
        struct media_facts facts = footage_facts();
        char *dir = make(samples[i], false, &facts, &r);
        AVFormatContext *ctx = open_copy(&r);
        int s = av_find_best_stream(ctx, AVMEDIA_TYPE_SUBTITLE, -1, -1, NULL, 0);
        assert_int_equal(s, i == 0 ? 2 : 1);
        const AVStream *st = ctx->streams[s];
        const AVDictionaryEntry *language = av_dict_get(st->metadata, "language", NULL, 0);
        assert_int_equal(st->codecpar->codec_tag, MKTAG('t', 'x', '3', 'g'));
        assert_false(st->disposition & AV_DISPOSITION_FORCED);
        assert_true(!language || strcmp(language->value, "und") == 0);
        check_cues(ctx, s, r.duration_us);
        avformat_close_input(&ctx);
        support_tmp_remove(&dir);
    }
}

static void test_the_trigger_is_a_chapter_and_moves_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct convert_result r;
        struct media_facts facts = footage_facts();
        facts.has_trigger_time = true;
        facts.trigger_utc_us = facts.start_utc_us + 2500000;
        char *dir = make(samples[i], false, &facts, &r);
        AVFormatContext *ctx = open_copy(&r);
        assert_int_equal(ctx->nb_chapters, 2);
        static const char *const titles[] = {"start", "trigger"};
        for (unsigned k = 0; k < 2; k++) {
            const AVChapter *c = ctx->chapters[k];
            const AVDictionaryEntry *title = av_dict_get(c->metadata, "title", NULL, 0);
            assert_string_equal(title->value, titles[k]);
            assert_int_equal(av_rescale_q(c->start, c->time_base, (AVRational){1, 1000}), k * 2500);
        }
        assert_int_equal(ctx->start_time, 0);
        assert_int_equal(ctx->streams[0]->start_time, 0);
        avformat_close_input(&ctx);
        support_tmp_remove(&dir);
    }
}

static void test_chapters_are_in_order_and_only_within_the_clip(void **state)
{
    (void)state;
    struct chapter c[CHAPTERS_MAX];
    struct media_hole hole[] = {{
                                    1,
                                    1,
                                    500000,
                                    600000,
                                },
                                {9, 3, 3000000, 3200000},
                                {20, 0, 7000000, 8000000},
                                {30, 2, 99000000, 99100000}};
    struct media m = {.start_us = 1000000, .duration_us = 10000000, .hole = hole, .n_holes = 4};
    struct media_facts facts = {.has_time = true, .start_utc_us = 1, .trigger_utc_us = 5000001};
    assert_int_equal(chapters_make(&m, &facts, c), 3);
    facts.has_trigger_time = true;
    assert_int_equal(chapters_make(&m, &facts, c), 4);
    static const char *const titles[] = {"start", "gap: 3 pictures missing", "trigger",
                                         "gap: pictures missing"};
    static const int64_t from_us[] = {0, 2000000, 4000000, 6000000, 10000000};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(c[i].title, titles[i]);
        assert_int_equal(c[i].from_us, from_us[i]);
        assert_int_equal(c[i].until_us, from_us[i + 1]);
    }
    m.n_holes = 0;
    facts.trigger_utc_us = 12000001; /* behind the end */
    assert_int_equal(chapters_make(&m, &facts, c), 0);
}

static void test_the_copy_names_the_camera(void **state)
{
    (void)state;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    char *dir = make(SILENT, false, &facts, &r);
    AVFormatContext *ctx = open_copy(&r);
    static const char *const tags[][2] = {
        {"com.apple.quicktime.make", "Teltonika"},
        {"com.apple.quicktime.model", "DualCam front"},
        {"com.apple.quicktime.location.ISO6709", "+54.70042+025.25000/"}};
    for (int i = 0; i < 3; i++) {
        const AVDictionaryEntry *e = av_dict_get(ctx->metadata, tags[i][0], NULL, 0);
        assert_non_null(e);
        assert_string_equal(e->value, tags[i][1]);
    }
    avformat_close_input(&ctx);
    support_tmp_remove(&dir);
}

/* ISO/IEC 14496-12: boxes, walked by hand. */
struct box {
    char type[5];
    const uint8_t *p; /* behind the header */
    size_t n;
};

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool next_box(const uint8_t **p, const uint8_t *end, struct box *out)
{
    if (end - *p < 8)
        return false;
    uint32_t n = be32(*p);
    assert_true(n >= 8 && n <= (size_t)(end - *p));
    memcpy(out->type, *p + 4, 4);
    out->type[4] = '\0';
    out->p = *p + 8;
    out->n = n - 8;
    *p += n;
    return true;
}

/* The k-th box of a type; n == 0 if there is none. */
static struct box find(struct box in, const char *type, int k)
{
    struct box b;
    for (const uint8_t *p = in.p; next_box(&p, in.p + in.n, &b);)
        if (strcmp(b.type, type) == 0 && k-- == 0)
            return b;
    return (struct box){.p = in.p};
}

static struct box deep(struct box b, const char *path)
{
    for (char type[5]; *path; path += 5) {
        memcpy(type, path, 4);
        type[4] = '\0';
        b = find(b, type, 0);
        if (!path[4])
            break;
    }
    return b;
}

/* The time to sample table sums up to the track's own duration; no picture or sound lasts 0. */
static void check_track(struct box trak)
{
    struct box stts = deep(trak, "mdia/minf/stbl/stts"), mdhd = deep(trak, "mdia/mdhd");
    bool text = memcmp(deep(trak, "mdia/hdlr").p + 8, "sbtl", 4) == 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < be32(stts.p + 4); i++) {
        uint32_t count = be32(stts.p + 8 + 8 * i), span = be32(stts.p + 12 + 8 * i);
        assert_true(text || span > 0);
        sum += (uint64_t)count * span;
    }
    assert_int_equal(sum, be32(mdhd.p + 16));
}

static void check_hvc1(struct box trak)
{
    struct box stsd = deep(trak, "mdia/minf/stbl/stsd"), elst = deep(trak, "edts/elst");
    struct box inside = {.p = stsd.p + 8, .n = stsd.n - 8};
    struct box entry = find(inside, "hvc1", 0);
    assert_true(entry.n > 78);
    inside = (struct box){.p = entry.p + 78, .n = entry.n - 78};
    struct box hvcc = find(inside, "hvcC", 0);
    assert_true(hvcc.n > 23);
    const uint8_t *array = hvcc.p + 23;
    for (int i = 0; i < hvcc.p[22]; i++) { /* ISO/IEC 14496-15, 8.3.3.1 */
        int type = array[0] & 63, count = array[1] << 8 | array[2];
        array += 3;
        if (type >= 32 && type <= 34)
            assert_int_equal(array[-3] >> 7, 1);
        while (count-- > 0)
            array += 2 + (array[0] << 8 | array[1]);
    }
    assert_int_equal(be32(elst.p + 4), 1); /* one edit, from the first picture on, at speed 1 */
    assert_int_equal(be32(elst.p + 12), 0);
    assert_int_equal(be32(elst.p + 16), 0x10000);
}

static void test_boxes_are_where_players_want_them(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct convert_result r;
        struct media_facts facts = footage_facts();
        facts.has_trigger_time = true;
        facts.trigger_utc_us = facts.start_utc_us + 2500000;
        char *dir = make(samples[i % 2], i >= 2, &facts, &r);
        struct buf b = support_read(r.output[0].path);
        struct box file = {.p = buf_data(&b), .n = b.used};
        struct box moov = find(file, "moov", 0), mdat = find(file, "mdat", 0);
        assert_memory_equal(file.p + 4, "ftyp", 4);
        assert_true(moov.n > 0 && moov.p < mdat.p);
        check_hvc1(find(moov, "trak", 0));
        int tracks = 0;
        for (struct box t; (t = find(moov, "trak", tracks)).n > 0; tracks++)
            check_track(t);
        assert_int_equal(tracks, i % 2 == 0 ? 4 : 3); /* pictures, sound, text, chapters */
        buf_clear(&b);
        support_tmp_remove(&dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flac_is_the_masters_sound_bit_for_bit),
        cmocka_unit_test(test_text_track_has_the_clock_second_by_second),
        cmocka_unit_test(test_the_trigger_is_a_chapter_and_moves_nothing),
        cmocka_unit_test(test_chapters_are_in_order_and_only_within_the_clip),
        cmocka_unit_test(test_the_copy_names_the_camera),
        cmocka_unit_test(test_boxes_are_where_players_want_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
