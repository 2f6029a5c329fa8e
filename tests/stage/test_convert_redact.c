/* Redacted copies of films: what is hidden is in none of their bytes, the rest is as it was. */
#define _GNU_SOURCE /* memmem */
#include "dashspool/convert.h"
#include "footage/media/ptmf.h"
#include "support/footage.h"
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOUND  "front-20fps-10s-sound.h265"
#define SILENT "rear-25fps-6s-silent.h265"
#define BLOCK  16 /* an encoder's: its edges are not sharp */

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

static const char *in_dir(const char *name)
{
    static char path[4][600];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static struct convert_options with_masks(unsigned copies, const char *const *masks)
{
    struct err err;
    struct convert_options o = footage_options(copies);
    o.overwrite = true;
    for (; masks && *masks; masks++)
        assert_ok(convert_mask_parse(*masks, &o.mask[o.n_masks++], &err));
    return o;
}

static struct convert_result convert(const char *path, const char *stem, struct convert_options *o)
{
    struct err err;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    assert_ok(convert_file(path, dir, stem, &facts, o, NULL, NULL, &r, &err));
    return r;
}

/* ---- what is seen ---- */

#define FRAMES_MAX 300

struct seen {
    int x, y, w, h; /* the box that is looked at; even */
    int n;
    double time_s[FRAMES_MAX];
    int brightest[FRAMES_MAX], most_colour[FRAMES_MAX]; /* in the box, but for its edge */
    uint8_t *luma[FRAMES_MAX];                          /* all of the picture */
    int stride, height;
};

static void look(void *arg, int index, const AVFrame *f)
{
    struct seen *s = arg;
    assert_true(index < FRAMES_MAX);
    s->n = index + 1;
    s->time_s[index] = (double)f->pts / 90000;
    for (int y = s->y + BLOCK; y < s->y + s->h - BLOCK; y++)
        for (int x = s->x + BLOCK; x < s->x + s->w - BLOCK; x++) {
            int light = f->data[0][y * f->linesize[0] + x];
            s->brightest[index] = light > s->brightest[index] ? light : s->brightest[index];
            for (int k = 1; k < 3; k++) {
                int colour = abs(f->data[k][y / 2 * f->linesize[k] + x / 2] - 128);
                s->most_colour[index] =
                    colour > s->most_colour[index] ? colour : s->most_colour[index];
            }
        }
    s->stride = f->width;
    s->height = f->height;
    s->luma[index] = malloc((size_t)f->width * (size_t)f->height);
    assert_non_null(s->luma[index]);
    for (int y = 0; y < f->height; y++)
        memcpy(s->luma[index] + y * f->width, f->data[0] + y * f->linesize[0], (size_t)f->width);
}

static struct seen *see(const char *path, int x, int y, int w, int h)
{
    struct seen *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->x = x, s->y = y, s->w = w, s->h = h;
    footage_pictures(path, look, s);
    return s;
}

static void forget(struct seen *s)
{
    for (int i = 0; i < s->n; i++)
        free(s->luma[i]);
    free(s);
}

static bool is_hidden(const struct seen *s, int i)
{
    return s->brightest[i] <= 18 && s->most_colour[i] <= 2;
}

/* Of picture i, of the box, or of all that is around it but the overlay's strip. */
static double psnr(const struct seen *a, const struct seen *b, int i, bool inside)
{
    double sum = 0, n = 0;
    for (int y = 0; y < a->height * 90 / 100; y++)
        for (int x = 0; x < a->stride; x++) {
            bool in = x >= a->x - BLOCK && x < a->x + a->w + BLOCK && y >= a->y - BLOCK &&
                      y < a->y + a->h + BLOCK;
            if (in != inside)
                continue;
            double d = a->luma[i][y * a->stride + x] - b->luma[i][y * a->stride + x];
            sum += d * d;
            n++;
        }
    return sum > 0 ? 10 * log10(255.0 * 255.0 * n / sum) : 99;
}

static void test_a_box_is_black_as_long_as_it_lasts_and_all_else_is_as_it_was(void **state)
{
    (void)state;
    struct convert_options plain = with_masks(COPY_VIEWING, NULL);
    struct convert_options hidden =
        with_masks(COPY_VIEWING, (const char *const[]){"401,303,215,131,2,4", NULL});
    struct convert_result p = convert(footage_sample(SILENT), "plain", &plain);
    struct convert_result r = convert(footage_sample(SILENT), "hidden", &hidden);
    assert_non_null(strstr(r.output[0].path, "/hidden.viewing-REDACTED-DERIVED.mp4"));
    assert_string_equal(r.warning, "");
    struct seen *a = see(p.output[0].path, 400, 302, 216, 132);
    struct seen *b = see(r.output[0].path, 400, 302, 216, 132);
    assert_int_equal(a->n, b->n);
    int n_hidden = 0;
    for (int i = 0; i < b->n; i++) {
        double until_s = i + 1 < b->n ? b->time_s[i + 1] : 6;
        bool should = until_s > 2 && b->time_s[i] < 4;
        n_hidden += should;
        assert_true(fabs(a->time_s[i] - b->time_s[i]) < 1e-6);
        assert_false(is_hidden(a, i));
        if (is_hidden(b, i) != should)
            fail_msg("picture %d at %.3f s is %s", i, b->time_s[i], should ? "seen" : "hidden");
        if (i % 5 == 0 && psnr(a, b, i, false) < 38)
            fail_msg("picture %d: %.1f dB around the box", i, psnr(a, b, i, false));
        if (i % 5 == 0 && !should && psnr(a, b, i, true) < 36)
            fail_msg("picture %d: %.1f dB where the box was", i, psnr(a, b, i, true));
    }
    assert_true(n_hidden >= 50 && n_hidden <= 52);
    forget(a);
    forget(b);
}

static void test_a_copy_says_that_it_is_redacted(void **state)
{
    (void)state;
    struct convert_options o =
        with_masks(COPY_VIEWING | COPY_POSTER, (const char *const[]){"0,0,64,64", NULL});
    char text[1024];
    struct buf out;
    struct convert_result r = convert(footage_sample(SILENT), "clip", &o);
    char *argv[] = {(char[]){"ffprobe"},
                    (char[]){"-v"},
                    (char[]){"error"},
                    (char[]){"-show_entries"},
                    (char[]){"format_tags"},
                    r.output[0].path,
                    NULL};
    buf_init(&out, 65536);
    if (footage_run(argv, &out) == 0) {
        struct err err;
        assert_ok(buf_append(&out, "", 1, &err));
        assert_non_null(strstr((const char *)buf_data(&out), "REDACTED viewing copy"));
        assert_non_null(strstr((const char *)buf_data(&out), "1 box blacked out"));
    }
    buf_clear(&out);
    for (int i = 0; i < 2; i++) {
        footage_overlay(dir, r.output[i].path, i ? "0" : "3", text, sizeof text);
        if (!strstr(text, "REDACTED") || !strstr(text, "2024-11-29"))
            fail_msg("%s reads '%s'", r.output[i].path, text);
    }
    snprintf(o.osd_template, sizeof o.osd_template, "{imei}");
    r = convert(footage_sample(SILENT), "clip", &o);
    footage_overlay(dir, r.output[0].path, "3", text, sizeof text);
    assert_non_null(strstr(text, "REDACTED"));
}

#define SECRET "whose car it is"

static bool file_has(const char *path, const char *words)
{
    struct buf b = support_read(path);
    bool found = memmem(buf_data(&b), b.used, words, strlen(words)) != NULL;
    buf_clear(&b);
    return found;
}

/* What a camera writes beside the pictures (H.265 D.2.6 and D.2.7: user data, and captions, which
 * decoders hand on with their frames and encoders write again) is in no redacted copy. */
static void test_user_data_of_a_film_is_in_no_redacted_copy(void **state)
{
    (void)state;
    static const char *const masks[] = {"0,0,32,32", NULL};
    static const uint8_t plain[] = "\0\0\0\1\x4e\1\x05\x1f"
                                   "0123456789abcdef" SECRET "\x80";
    /* T.35: USA, ATSC, 'GA94', cc_data of five triples */
    static const uint8_t captions[] = "\0\0\0\1\x4e\1\x04\x1a\xb5\0\x31GA94\3\x45\xff"
                                      "\xfcwh\xfc"
                                      "os\xfc"
                                      "e \xfc"
                                      "ca\xfcr!"
                                      "\xff\x80";
    char clip[600];
    struct err err;
    struct buf in, out;
    snprintf(clip, sizeof clip, "%s/%s", TEST_SAMPLES, SILENT);
    in = support_read(clip);
    buf_init(&out, 64 << 20);
    const uint8_t *p = buf_data(&in);
    size_t at = 0;
    while (at + 5 < in.used && !(memcmp(p + at, "\0\0\1", 3) == 0 && p[at + 3] >> 1 < 32))
        at++; /* before the first slice */
    at -= p[at - 1] == 0;
    assert_ok(buf_append(&out, p, at, &err));
    assert_ok(buf_append(&out, plain, sizeof plain - 1, &err));
    assert_ok(buf_append(&out, captions, sizeof captions - 1, &err));
    assert_ok(buf_append(&out, p + at, in.used - at, &err));
    support_write(in_dir("told.h265"), buf_data(&out), out.used);
    buf_clear(&in);
    buf_clear(&out);
    struct convert_options o = with_masks(COPY_WORKING, NULL);
    struct convert_result r = convert(in_dir("told.h265"), "told", &o);
    assert_true(file_has(r.output[0].path, SECRET) && file_has(r.output[0].path, "\xfcwh\xfcos"));
    o = with_masks(COPY_VIEWING | COPY_POSTER, masks);
    r = convert(in_dir("told.h265"), "told", &o);
    assert_int_equal(r.n_outputs, 2);
    for (int i = 0; i < r.n_outputs; i++)
        assert_false(file_has(r.output[i].path, SECRET) || file_has(r.output[i].path, "GA94") ||
                     file_has(r.output[i].path, "\xfcwh\xfcos"));
}

static void test_no_sound_means_no_sound_track(void **state)
{
    (void)state;
    struct convert_options o = with_masks(COPY_VIEWING, NULL);
    o.check = true;
    struct convert_result r = convert(footage_sample(SOUND), "clip", &o);
    assert_true(r.sound);
    o.no_sound = true;
    r = convert(footage_sample(SOUND), "clip", &o);
    assert_false(r.sound);
    assert_non_null(strstr(r.output[0].path, "/clip.viewing-REDACTED-DERIVED.mp4"));
    struct footage f = footage_read(r.output[0].path);
    assert_int_equal(f.sound.n, 0);
    assert_int_equal(f.picture.n, 200);
    footage_clear(&f);
}

/* The sound sample without ten of its sound records. */
static void make_mute_clip(const char *path)
{
    struct err err;
    struct buf in = support_read(footage_sample(SOUND)), out;
    struct ptmf p = ptmf_init(buf_data(&in), in.used);
    struct ptmf_record r;
    int sounds = 0;
    buf_init(&out, in.used + 1);
    while (ptmf_next(&p, &r)) {
        sounds += r.type == 'A';
        if (r.type != 'A' || sounds < 100 || sounds >= 110)
            assert_ok(buf_append(&out, buf_data(&in) + r.offset, p.at - r.offset, &err));
    }
    support_write(path, buf_data(&out), out.used);
    buf_clear(&in);
    buf_clear(&out);
}

static void test_hidden_sound_is_not_told_of_where_it_was_broken(void **state)
{
    (void)state;
    make_mute_clip(in_dir("mute.h265"));
    struct convert_options o = with_masks(COPY_VIEWING | COPY_TIMING, NULL);
    struct convert_result r = convert(in_dir("mute.h265"), "clip", &o);
    assert_int_equal(r.damage.sound_lost, 10);
    assert_int_equal(support_count(r.output[1].path, "\"sound_lost\":10,"), 1);
    assert_int_equal(support_count(r.output[1].path, "\"silence\":[]"), 0);
    o.no_sound = true;
    r = convert(in_dir("mute.h265"), "clip", &o);
    assert_int_equal(r.damage.sound_lost, 0);
    assert_int_equal(r.silences, 0);
    assert_non_null(strstr(r.output[1].path, "/clip.timing-REDACTED.json"));
    assert_int_equal(support_count(r.output[1].path, "\"sound_lost\":0,"), 1);
    assert_int_equal(support_count(r.output[1].path, "\"silence\":[]"), 1);
}

static bool has_words(const char *path, const char *words)
{
    struct buf b = support_read(path);
    bool found = memmem(buf_data(&b), b.used, words, strlen(words)) != NULL;
    buf_clear(&b);
    return found;
}

/* Neither in a tag nor in a file beside it, and the overlay says so. */
static void test_hidden_facts_are_in_no_copy(void **state)
{
    (void)state;
    static const char *const there[] = {"54.7", "25.2", "350612071913857"};
    char text[1024];
    struct err err;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    snprintf(facts.imei, sizeof facts.imei, "350612071913857");
    facts.id[0] = '\0';
    struct convert_options o =
        with_masks(COPY_VIEWING | COPY_POSTER | COPY_TIMING | COPY_SRT, NULL);
    for (int hide = 0; hide < 2; hide++) {
        o.hide = 0;
        if (hide)
            assert_ok(convert_hide_parse("position,imei", &o.hide, &err));
        assert_ok(convert_file(footage_sample(SILENT), dir, "350612071913857-rear", &facts, &o,
                               NULL, NULL, &r, &err));
        for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
            bool found = false;
            for (int k = 0; k < r.n_outputs; k++)
                found = found || has_words(r.output[k].path, there[i]);
            if (found == (hide == 1))
                fail_msg("hide %d: %s is %sthere", hide, there[i], found ? "" : "not ");
        }
    }
    assert_int_equal(r.n_outputs, 4);
    for (int k = 0; k < r.n_outputs; k++)
        assert_non_null(strstr(r.output[k].path, "REDACTED"));
    footage_overlay(dir, r.output[0].path, "3", text, sizeof text);
    if (!strstr(text, "position hidden") || !strstr(text, "IMEI hidden"))
        fail_msg("the overlay reads '%s'", text);
    o.copies |= COPY_GPX;
    assert_err(ERR_CONFIG,
               convert_file(footage_sample(SILENT), dir, "x", &facts, &o, NULL, NULL, &r, &err));
    assert_err(ERR_CONFIG, convert_hide_parse("position,", &o.hide, &err));
    assert_err(ERR_CONFIG, convert_hide_parse("IMEI", &o.hide, &err));
}

static void test_working_copies_are_refused_and_so_are_masks_that_hide_nothing(void **state)
{
    (void)state;
    static const char *const masks[] = {"1280,0,8,8", "0,720,8,8", "0,0,8,8,6.1",
                                        "0,0,8,8,100,200"};
    struct err err;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options o = with_masks(COPY_WORKING | COPY_VIEWING, NULL);
    o.no_sound = true;
    assert_err(ERR_CONFIG,
               convert_file(footage_sample(SILENT), dir, "x", &facts, &o, NULL, NULL, &r, &err));
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        o = with_masks(COPY_VIEWING, (const char *const[]){masks[i], NULL});
        assert_err(ERR_CONFIG, convert_file(footage_sample(SILENT), dir, "x", &facts, &o, NULL,
                                            NULL, &r, &err));
        assert_non_null(strstr(err.text, "hides nothing"));
    }
    assert_int_equal(support_entries(dir), 0);
}

/* The rear sample without pictures 60..71: 59 is shown up to 2.88 s, from 2.4 s on under a card,
 * and 72..74 refer to what is lost. */
static void make_cut_clip(const char *path)
{
    struct err err;
    struct buf in = support_read(footage_sample(SILENT)), out;
    struct ptmf p = ptmf_init(buf_data(&in), in.used);
    struct ptmf_record r;
    buf_init(&out, in.used + 1);
    for (int i = 0; ptmf_next(&p, &r); i++)
        if (i < 60 || i >= 72)
            assert_ok(buf_append(&out, buf_data(&in) + r.offset, p.at - r.offset, &err));
    support_write(path, buf_data(&out), out.used);
    buf_clear(&in);
    buf_clear(&out);
}

static void test_a_held_picture_and_those_built_on_damage_are_masked(void **state)
{
    (void)state;
    make_cut_clip(in_dir("cut.h265"));
    struct convert_options o =
        with_masks(COPY_VIEWING, (const char *const[]){"64,64,96,96,2.6,2.7", NULL});
    struct convert_result r = convert(in_dir("cut.h265"), "clip", &o);
    assert_int_equal(r.damage.lost, 12);
    struct seen *s = see(r.output[0].path, 64, 64, 96, 96);
    int n_hidden = 0;
    for (int i = 0; i < s->n; i++) {
        bool held = s->time_s[i] > 2.35 && s->time_s[i] < 2.5;
        bool affected = s->time_s[i] > 2.87 && s->time_s[i] < 2.99;
        n_hidden += held || affected;
        if (is_hidden(s, i) != (held || affected))
            fail_msg("picture %d at %.3f s", i, s->time_s[i]);
    }
    assert_int_equal(n_hidden, 5);
    assert_int_equal(r.covered[0], 4); /* of the camera; one of them is held for two */
    forget(s);
}

/* Who measures a box in a still of a smaller frame would hide another place. */
static void test_where_sizes_differ_it_is_said_in_which_masks_count(void **state)
{
    (void)state;
    static const char *const masks[] = {"0,0,20,20", NULL};
    for (int masked = 0; masked < 2; masked++) {
        struct convert_options o = with_masks(COPY_VIEWING, masked ? masks : NULL);
        struct convert_result r = convert(support_data("hevc/shapes.h265"), "clip", &o);
        assert_int_equal(
            strstr(r.warning, "masks count in the pixels of the viewing copy, 160x90") != NULL,
            masked);
    }
    struct convert_options o = with_masks(COPY_VIEWING, masks);
    struct convert_result r = convert(footage_sample(SILENT), "clip", &o);
    assert_null(strstr(r.warning, "masks count"));
}

static void test_the_same_masks_give_the_same_bytes(void **state)
{
    (void)state;
    struct convert_options o = with_masks(
        COPY_VIEWING | COPY_POSTER, (const char *const[]){"1,1,99,99", "50,50,99,99,1", NULL});
    struct convert_result a = convert(footage_sample(SILENT), "clip", &o);
    struct convert_result b = convert(footage_sample(SILENT), "clip", &o);
    assert_int_equal(a.n_outputs, b.n_outputs);
    for (int i = 0; i < a.n_outputs; i++)
        assert_string_equal(a.output[i].sha256, b.output[i].sha256);
}

/* ---- what is in the bytes ---- */

/* A film of FFmpeg's, without loss; `more` is a filter that changes what the mask hides. False: no
 * ffmpeg here that can do it. */
static bool make_film(const char *path, const char *size, const char *pixels, const char *more)
{
    char source[300], to[600], format[40];
    struct buf out;
    buf_init(&out, 65536);
    /* drawn with the chroma samples that are wanted: or they would be spread later */
    const char *drawn = strcmp(pixels, "yuv444p") == 0 || strcmp(pixels, "yuv422p") == 0 ? pixels
                        : strcmp(pixels, "yuvj420p") == 0                                ? pixels
                                                          : "yuv420p";
    snprintf(source, sizeof source, "testsrc2=size=%s:rate=10:duration=2,format=%s,%s", size, drawn,
             more);
    snprintf(to, sizeof to, "%s", path);
    snprintf(format, sizeof format, "%s", pixels);
    char *argv[] = {(char[]){"ffmpeg"},
                    (char[]){"-v"},
                    (char[]){"error"},
                    (char[]){"-y"},
                    (char[]){"-f"},
                    (char[]){"lavfi"},
                    (char[]){"-i"},
                    source,
                    (char[]){"-pix_fmt"},
                    format,
                    (char[]){"-c:v"},
                    (char[]){"libx265"},
                    (char[]){"-x265-params"},
                    (char[]){"lossless=1:log-level=none"},
                    (char[]){"-f"},
                    (char[]){"hevc"},
                    to,
                    NULL};
    bool made = footage_run(argv, &out) == 0;
    buf_clear(&out);
    return made;
}

/* Whether two files are the same but for the line that names the original, which is no secret. */
static bool same_but_master(const char *a, const char *b)
{
    struct buf x = support_read(a), y = support_read(b);
    bool same = true;
    const char *p = (const char *)buf_data(&x), *q = (const char *)buf_data(&y);
    const char *p_end = p + x.used, *q_end = q + y.used;
    while (same && p < p_end && q < q_end) {
        const char *p_line = memchr(p, '\n', (size_t)(p_end - p)),
                   *q_line = memchr(q, '\n', (size_t)(q_end - q));
        size_t n = (size_t)((p_line ? p_line : p_end) - p);
        size_t m = (size_t)((q_line ? q_line : q_end) - q);
        bool master = n > 9 && memcmp(p, "\"master\":", 9) == 0;
        same = master || (n == m && memcmp(p, q, n) == 0);
        p += n + 1;
        q += m + 1;
    }
    same = same && p >= p_end && q >= q_end;
    buf_clear(&x);
    buf_clear(&y);
    return same;
}

/* Two films that differ in nothing but what is hidden give the same bytes. */
static void test_nothing_of_what_is_hidden_has_a_part_in_any_byte(void **state)
{
    (void)state;
    static const struct {
        const char *size, *pixels;
    } films[] = {{"320x180", "yuv420p"},
                 {"322x182", "yuv420p10le"},
                 {"321x181", "yuv444p"},
                 {"320x180", "gray"},
                 {"320x181", "yuv422p"}};
    static const char secret[] = "drawbox=x=101:y=51:w=61:h=41:color=red:t=fill"
                                 ":enable='between(t,0.55,1.25)'";
    struct convert_options o = with_masks(COPY_VIEWING | COPY_POSTER | COPY_SHEET | COPY_MOMENT |
                                              COPY_TIMING | COPY_CSV | COPY_SRT,
                                          (const char *const[]){"101,51,61,41,0.6,1.3", NULL});
    struct convert_options plain = with_masks(COPY_MOMENT, NULL);
    o.n_moments = plain.n_moments = 1;
    o.moment_us[0] = plain.moment_us[0] = 700000;
    o.media.default_fps = plain.media.default_fps = 10;
    for (size_t i = 0; i < sizeof films / sizeof *films; i++) {
        if (!make_film(in_dir("a.h265"), films[i].size, films[i].pixels, "null") ||
            !make_film(in_dir("b.h265"), films[i].size, films[i].pixels, secret)) {
            fprintf(stderr, "SKIPPED: no ffmpeg that makes H.265 in %s\n", films[i].pixels);
            continue;
        }
        struct convert_result a = convert(in_dir("a.h265"), "clip", &plain);
        struct convert_result b = convert(in_dir("b.h265"), "clip", &plain);
        for (int k = 0; k < a.n_outputs; k++)
            assert_string_not_equal(a.output[k].sha256, b.output[k].sha256);
        if (i == 2) /* a sheet takes its time, and scales all layouts alike */
            o.copies &= ~(unsigned)COPY_SHEET;
        a = convert(in_dir("a.h265"), "clip-a", &o);
        b = convert(in_dir("b.h265"), "clip-b", &o);
        assert_int_equal(a.n_outputs, i < 2 ? 7 : 6);
        for (int k = 0; k < a.n_outputs; k++)
            if (a.output[k].kind == COPY_TIMING
                    ? !same_but_master(a.output[k].path, b.output[k].path)
                    : strcmp(a.output[k].sha256, b.output[k].sha256) != 0)
                fail_msg("%s: %s differ", films[i].pixels, a.output[k].path);
    }
}

/* An encoder that reads memory which it never wrote would give other bytes each time. */
static void test_what_lay_in_the_memory_has_no_part_in_any_byte(void **state)
{
    (void)state;
    static const char *const presets[] = {"superfast", "veryfast"};
    static const char *const sizes[] = {"320x180", "322x182"};
    static const int fills[] = {1, 85, 170};
    for (size_t i = 0; i < 4; i++) {
        struct convert_options o = with_masks(COPY_VIEWING | COPY_POSTER, NULL);
        char first[CONVERT_OUTPUTS_MAX][HASH_HEX_ROOM];
        o.media.default_fps = 10;
        snprintf(o.preset, sizeof o.preset, "%s", presets[i % 2]);
        if (!make_film(in_dir("a.h265"), sizes[i / 2], "yuv420p", "null")) {
            fprintf(stderr, "SKIPPED: no ffmpeg that makes H.265\n");
            continue;
        }
        for (size_t k = 0; k < sizeof fills / sizeof *fills; k++) {
            mallopt(M_PERTURB, fills[k]);
            struct convert_result r = convert(in_dir("a.h265"), "clip", &o);
            mallopt(M_PERTURB, 0);
            for (int n = 0; n < r.n_outputs; n++)
                if (k == 0)
                    snprintf(first[n], sizeof first[n], "%s", r.output[n].sha256);
                else
                    assert_string_equal(first[n], r.output[n].sha256);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_box_is_black_as_long_as_it_lasts_and_all_else_is_as_it_was),
        TEST(test_a_copy_says_that_it_is_redacted),
        TEST(test_user_data_of_a_film_is_in_no_redacted_copy),
        TEST(test_no_sound_means_no_sound_track),
        TEST(test_hidden_sound_is_not_told_of_where_it_was_broken),
        TEST(test_hidden_facts_are_in_no_copy),
        TEST(test_working_copies_are_refused_and_so_are_masks_that_hide_nothing),
        TEST(test_where_sizes_differ_it_is_said_in_which_masks_count),
        TEST(test_a_held_picture_and_those_built_on_damage_are_masked),
        TEST(test_the_same_masks_give_the_same_bytes),
        TEST(test_nothing_of_what_is_hidden_has_a_part_in_any_byte),
        TEST(test_what_lay_in_the_memory_has_no_part_in_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
