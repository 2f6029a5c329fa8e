#include "footage/convert/osd.h"
#include "support/footage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool photo; /* what is said is of one */

static void says_with(const struct media_facts *f, const struct convert_options *o,
                      struct track *track, int64_t offset_us, const char *one, const char *two)
{
    struct err err;
    char lines[OSD_LINES][OSD_LINE_ROOM];
    struct osd_context c = {.facts = f, .options = o, .track = track, .start_us = 100000};
    c.is_video = !photo;
    assert_ok(template_compile(&c.template, o->osd_template, &err));
    osd_text_at(&c, offset_us, 41, "viewing copy", lines);
    assert_string_equal(lines[0], one);
    assert_string_equal(lines[1], two);
    assert_string_equal(lines[2], "");
}

static void says(const struct media_facts *f, int64_t offset_us, const char *one, const char *two)
{
    struct convert_options o = footage_options(COPY_VIEWING);
    says_with(f, &o, NULL, offset_us, one, two);
}

static void test_lines_with_everything_known(void **state)
{
    (void)state;
    struct media_facts f = footage_facts();
    says(&f, 0, "2024-11-29 09:23:45.2 +02:00  54.70042° N  25.25000° E",
         "front  crash  IMEI 350612071913857  viewing copy");
    says(&f, 149999, "2024-11-29 09:23:45.3 +02:00  54.70042° N  25.25000° E",
         "front  crash  IMEI 350612071913857  viewing copy");
    f.tz_min = -210;
    f.lat_deg = -33.5, f.lon_deg = -70.123456;
    says(&f, 750000, "2024-11-29 03:53:46.0 -03:30  33.50000° S  70.12346° W",
         "front  crash  IMEI 350612071913857  viewing copy");
}

static void test_lines_say_what_is_not_known(void **state)
{
    (void)state;
    struct media_facts f = {.lat_deg = 1, .lon_deg = 2, .start_utc_us = 3};
    photo = true; /* there is nothing to say instead */
    says(&f, 0, "time unknown  position unknown", "IMEI unknown  viewing copy");
    photo = false;
    f = footage_facts();
    f.has_zone = false;
    f.lat_deg = 91;
    says(&f, 0, "2024-11-29 07:23:45.2 Z  position unknown",
         "front  crash  IMEI 350612071913857  viewing copy");
}

/* A line that is in each picture is not wasted on what is not known. */
static void test_without_metadata_it_is_said_which_picture_it_is(void **state)
{
    (void)state;
    struct media_facts f = {.lat_deg = 1, .lon_deg = 2, .start_utc_us = 3};
    says(&f, 100000, "0:00.00 from the start  frame 42", "viewing copy");
    says(&f, 12449999, "0:12.34 from the start  frame 42", "viewing copy");
    says(&f, 3725100000, "62:05.00 from the start  frame 42", "viewing copy");
    struct convert_options hidden = footage_options(COPY_VIEWING);
    hidden.hide = CONVERT_HIDE_POSITION | CONVERT_HIDE_IMEI;
    says_with(&f, &hidden, NULL, 100000, "0:00.00 from the start  frame 42  position hidden",
              "IMEI hidden  viewing copy");
    snprintf(f.camera, sizeof f.camera, "rear");
    says(&f, 1100000, "0:01.00 from the start  frame 42  position unknown",
         "rear  IMEI unknown  viewing copy");
    f.has_position = true;
    says(&f, 1100000, "0:01.00 from the start  frame 42  1.00000° N  2.00000° E",
         "rear  IMEI unknown  viewing copy");
}

/* For tags and reports: which of the two a copy really shows. */
static void test_it_is_said_whether_it_tells_clock_and_position(void **state)
{
    (void)state;
    static const struct {
        const char *template, *of_all, *no_position, *no_time, *of_none;
    } cases[] = {
        {"", "clock and position", "clock", "position", "text"},
        {"{time} {lat}", "clock and position", "clock", "position", "text"},
        {"{date} {imei}", "clock", "clock", "text", "text"},
        {"{lon}", "position", "text", "position", "text"},
        {"{note} {t_minus}", "text", "text", "text", "text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < 4; k++) {
            struct media_facts f = footage_facts();
            struct convert_options o = footage_options(COPY_VIEWING);
            struct osd_context c = {.facts = &f, .options = &o};
            struct err err;
            snprintf(o.osd_template, sizeof o.osd_template, "%s", cases[i].template);
            f.has_position = !(k & 1);
            f.has_time = !(k & 2);
            assert_ok(template_compile(&c.template, o.osd_template, &err));
            assert_string_equal(osd_text_of_what(&c), k == 0   ? cases[i].of_all
                                                      : k == 1 ? cases[i].no_position
                                                      : k == 2 ? cases[i].no_time
                                                               : cases[i].of_none);
        }
}

static void test_time_to_the_trigger_is_cut_toward_the_past(void **state)
{
    (void)state;
    static const struct {
        int64_t at_us;
        const char *text;
    } cases[] = {{-2345001, "T-02.35 s"},  {-2340000, "T-02.34 s"}, {-1, "T-00.01 s"},
                 {0, "T+00.00 s"},         {9999, "T+00.00 s"},     {10000, "T+00.01 s"},
                 {123456789, "T+123.45 s"}};
    struct media_facts f = footage_facts();
    f.has_trigger_time = true;
    f.trigger_utc_us = f.start_utc_us + 5000000;
    struct convert_options o = footage_options(COPY_VIEWING);
    snprintf(o.osd_template, sizeof o.osd_template, "x\\n{t_minus}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        says_with(&f, &o, NULL, 5000000 + cases[i].at_us, "x", cases[i].text);
    says(&f, 0, "2024-11-29 09:23:45.2 +02:00  54.70042° N  25.25000° E",
         "front  crash  IMEI 350612071913857  viewing copy  T-05.00 s");
    f.has_time = false; /* then nobody knows how far the trigger is */
    says_with(&f, &o, NULL, 0, "x", "–");
}

static void test_note_has_a_line_of_its_own(void **state)
{
    (void)state;
    struct media_facts f = footage_facts();
    struct convert_options o = footage_options(COPY_VIEWING);
    struct osd_context c = {.facts = &f, .options = &o};
    char lines[OSD_LINES][OSD_LINE_ROOM];
    snprintf(o.note, sizeof o.note, "claim 4711");
    osd_text_at(&c, 0, 0, "viewing copy", lines);
    assert_string_equal(lines[1], "front  crash  IMEI 350612071913857  viewing copy");
    assert_string_equal(lines[2], "claim 4711");
}

static void test_subtitles_have_whole_seconds(void **state)
{
    (void)state;
    struct err err;
    char lines[OSD_LINES][OSD_LINE_ROOM];
    struct media_facts f = footage_facts();
    struct convert_options o = footage_options(COPY_SRT);
    f.has_trigger_time = true;
    f.trigger_utc_us = f.start_utc_us + 2350000;
    struct osd_context c = {.facts = &f, .options = &o};
    assert_ok(template_compile(&c.template, "", &err));
    osd_text_second(&c, 0, 0, "", lines);
    assert_string_equal(lines[0], "2024-11-29 09:23:45 +02:00  54.70042° N  25.25000° E");
    assert_string_equal(lines[1], "front  crash  IMEI 350612071913857  T-03 s");
}

static void test_track_is_marked_and_its_speed_is_shown(void **state)
{
    (void)state;
    struct media_facts f = footage_facts();
    struct convert_options o = footage_options(COPY_VIEWING);
    struct track_point p[] = {FOOTAGE_POINT(f.start_utc_us, 54.7, 25.2, 10),
                              FOOTAGE_POINT(f.start_utc_us + 1000000, 54.8, 25.4, 20)};
    struct track track = {.point = p, .n = 2};
    says_with(&f, &o, &track, 500000,
              "2024-11-29 09:23:45.7 +02:00  54.75000° N  25.30000° E  track",
              "front  crash  IMEI 350612071913857  viewing copy  54 km/h");
    o.osd_imperial = true;
    says_with(&f, &o, &track, 500000,
              "2024-11-29 09:23:45.7 +02:00  54.75000° N  25.30000° E  track",
              "front  crash  IMEI 350612071913857  viewing copy  34 mph");
    says_with(&f, &o, &track, 1000001, "2024-11-29 09:23:46.2 +02:00  54.70042° N  25.25000° E",
              "front  crash  IMEI 350612071913857  viewing copy  speed unknown");
    snprintf(o.osd_template, sizeof o.osd_template, "{lat} {lon} {speed}\n{picture} {note}");
    says_with(&f, &o, &track, 0, "54.70000° N 25.20000° E  track 22 mph", "42 –");
    says_with(&f, &o, NULL, 0, "54.70042° N 25.25000° E –", "42 –");
    snprintf(o.osd_template, sizeof o.osd_template, "{lat}\n{note}");
    snprintf(o.note, sizeof o.note, "{lat}\nŽala");
    says_with(&f, &o, &track, 0, "54.70000° N  track", "{lat}?Žala");
}

/* The tracker's own account is the only one that a copy tells: no other position stands in. */
static void test_tracker_is_named_and_so_is_why_it_tells_nothing(void **state)
{
    (void)state;
    struct media_facts f = footage_facts();
    struct convert_options o = footage_options(COPY_VIEWING);
    int64_t t = f.start_utc_us;
    struct track_point p[] = {
        FOOTAGE_POINT(t, 54.7, 25.2, 10), FOOTAGE_POINT(t + 10000000, 54.8, 25.4, 20),
        FOOTAGE_POINT(t + 20000000, 54.8, 25.4, 0), FOOTAGE_POINT(t + 30000000, NAN, NAN, NAN),
        FOOTAGE_POINT(t + 50000000, 54.8, 25.4, 0)};
    p[0].course_deg = 359, p[1].course_deg = 0.2;
    p[2].valid = p[3].valid = false;
    struct track track = {.point = p, .n = 5, .source = TRACK_TRACKER};
    struct osd_context c = {.facts = &f, .options = &o, .track = &track, .tracker = true};
    static const struct {
        int64_t at_s;
        const char *where, *how;
    } cases[] = {
        {0, "54.70000° N  25.20000° E  tracker", "36 km/h  course 359°"},
        {9, "54.79000° N  25.38000° E  tracker", "68 km/h  course 0°"},
        {19, "no fix  tracker", "speed unknown"},
        {20, "no fix  tracker", "speed unknown"},
        {29, "private mode  tracker", "speed unknown"},
        {31, "no data  tracker", "speed unknown"},
        {50, "54.80000° N  25.40000° E  tracker", "0 km/h"},
        {51, "no data  tracker", "speed unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char lines[OSD_LINES][OSD_LINE_ROOM];
        osd_text_at(&c, cases[i].at_s * 1000000, 0, "viewing copy", lines);
        const char *where = strstr(lines[0], "+02:00  "), *how = strstr(lines[1], "viewing copy  ");
        assert_non_null(where);
        assert_non_null(how);
        assert_string_equal(where + 8, cases[i].where);
        assert_string_equal(how + 14, cases[i].how);
    }
    const struct {
        const char *template;
        int64_t at_s;
        const char *says;
    } templates[] = {
        {"{lat} {lon} {speed} {course}", 0, "54.70000° N 25.20000° E  tracker 36 km/h 359°"},
        {"{lat}{lon} {speed}", 19, " no fix  tracker –"},
        {"{lat} {speed}", 19, "no fix  tracker –"},
        {"{speed}", 0, "36 km/h  tracker"},
        {"{course}", 31, "no data  tracker"},
    };
    struct err err;
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        char lines[OSD_LINES][OSD_LINE_ROOM];
        snprintf(o.osd_template, sizeof o.osd_template, "%s", templates[i].template);
        assert_ok(template_compile(&c.template, o.osd_template, &err));
        osd_text_at(&c, templates[i].at_s * 1000000, 0, "", lines);
        assert_string_equal(lines[0], templates[i].says);
    }
}

static void test_outside_text_stays_one_line_of_text(void **state)
{
    (void)state;
    char out[64] = "";
    osd_text_plain(out, sizeof out, "a{\\b1}\n\x1b\xc3\x28\xed\xa0\x80\xc0\x80 \xe2\x82\xac");
    assert_string_equal(out, "a{\\b1}\?\?\?(\?\?\?\?\? \xe2\x82\xac");
    out[0] = '\0'; /* a clock that is read backwards */
    osd_text_plain(out, sizeof out,
                   "\xe2\x80\xae"
                   "54:32 \xc2\x9b\xe2\x81\xa6x");
    assert_string_equal(out, "?54:32 \?\?x");
    char small[5] = "";
    osd_text_plain(small, sizeof small,
                   "ab\xe2\x82\xac"
                   "c");
    assert_string_equal(small, "ab"); /* no half of a character */
}

struct canvas {
    uint8_t *y, *u, *v;
    struct osd_planes p;
};

static struct canvas canvas_new(int w, int h, uint8_t grey, bool full)
{
    struct canvas c = {.y = malloc((size_t)w * (size_t)h)};
    size_t chroma = (size_t)((w + 1) / 2) * (size_t)((h + 1) / 2);
    c.u = malloc(chroma);
    c.v = malloc(chroma);
    assert_true(c.y && c.u && c.v);
    memset(c.y, grey, (size_t)w * (size_t)h);
    memset(c.u, 90, chroma);
    memset(c.v, 200, chroma);
    c.p = (struct osd_planes){.plane = {c.y, c.u, c.v},
                              .stride = {w, (w + 1) / 2, (w + 1) / 2},
                              .n = 3,
                              .width_px = w,
                              .height_px = h,
                              .log2_chroma_w = 1,
                              .log2_chroma_h = 1,
                              .full_range = full};
    return c;
}

static void canvas_free(struct canvas *c)
{
    free(c->y);
    free(c->u);
    free(c->v);
}

static void draw_text(struct canvas *c, int orientation, const struct convert_options *o,
                      char lines[OSD_LINES][OSD_LINE_ROOM])
{
    struct err err;
    struct osd *osd = NULL;
    bool turned = orientation >= 5;
    assert_ok(osd_new(&osd, turned ? c->p.height_px : c->p.width_px,
                      turned ? c->p.width_px : c->p.height_px, o, &err));
    assert_ok(osd_set(osd, lines, &err));
    assert_ok(osd_orient(osd, orientation, &err));
    osd_blend(osd, &c->p);
    osd_free(&osd);
}

static void draw(struct canvas *c, int orientation)
{
    char lines[OSD_LINES][OSD_LINE_ROOM] = {
        "2024-11-29 09:23:45.2 +02:00  54.70042° N  25.25000° E",
        "front  crash  IMEI 350612071913857  viewing copy"};
    struct convert_options o = footage_options(COPY_VIEWING);
    draw_text(c, orientation, &o, lines);
}

/* How many pixels of a 640x480 picture one line changes; *x0 … tell where. */
static int changed(const struct convert_options *o, const char *text, int box[4])
{
    char lines[OSD_LINES][OSD_LINE_ROOM] = {"", ""};
    struct canvas c = canvas_new(640, 480, 128, true);
    int n = 0;
    snprintf(lines[0], OSD_LINE_ROOM, "%s", text);
    draw_text(&c, 1, o, lines);
    box[0] = box[1] = 1000, box[2] = box[3] = -1;
    for (int y = 0; y < 480; y++)
        for (int x = 0; x < 640; x++) {
            if (c.y[y * 640 + x] == 128)
                continue;
            n++;
            box[0] = x < box[0] ? x : box[0], box[1] = y < box[1] ? y : box[1];
            box[2] = x > box[2] ? x : box[2], box[3] = y > box[3] ? y : box[3];
        }
    canvas_free(&c);
    return n;
}

static void test_overlay_is_in_the_corner_that_was_asked_for(void **state)
{
    (void)state;
    struct convert_options o = footage_options(COPY_VIEWING);
    int box[4];
    changed(&o, "abc", box);
    assert_true(box[0] == 0 && box[3] == 479 && box[2] < 100 && box[1] >= 480 - 38);
    snprintf(o.osd_position, sizeof o.osd_position, "bottom-right");
    changed(&o, "abc", box);
    assert_true(box[2] == 639 && box[3] == 479 && box[0] > 540 && box[1] >= 480 - 38);
    snprintf(o.osd_position, sizeof o.osd_position, "top-right");
    changed(&o, "abc", box);
    assert_true(box[2] == 639 && box[1] == 0 && box[0] > 540 && box[3] < 38);
    int once = changed(&o, "abc", box);
    o.osd_size = 2;
    int twice = changed(&o, "abc", box);
    assert_true(twice > 3 * once && twice < 5 * once);
    o.osd_size = 1;
    o.osd_box = false;
    assert_true(changed(&o, "abc", box) < once * 2 / 3);
    assert_int_equal(changed(&o, " ", box), 0);
}

static void test_every_character_leaves_a_mark(void **state)
{
    (void)state;
    struct convert_options o = footage_options(COPY_VIEWING);
    o.osd_box = false;
    int box[4];
    static const char *const texts[] = {
        "ĄČĘ", "Ωμέ", "Жук", "\xe6\x97\xa5" /* not in the font */, "{", "}", "{b}", "{\\b1}", "\\"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (changed(&o, texts[i], box) < 15)
            fail_msg("nothing is drawn for '%s'", texts[i]);
}

static void test_small_pictures_have_letters_that_can_be_read(void **state)
{
    (void)state;
    static const struct {
        int w, h, lines; /* that are there */
        const char *note;
    } cases[] = {
        {160, 120, 4, ""},
        {320, 240, 2, ""},
        {128, 96, 4, ""},
        {98, 58, 2, "no room for all"},
        {8, 8, 0, "no room for all"},
    };
    struct convert_options o = footage_options(COPY_VIEWING);
    char lines[OSD_LINES][OSD_LINE_ROOM] = {
        "2024-11-29 09:23:45.3 +02:00  54.70042\xc2\xb0 N  25.25000\xc2\xb0 E",
        "front  crash  IMEI 350612071913857  viewing copy"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct osd *osd = NULL;
        struct err err;
        char note[OSD_NOTE_ROOM];
        int x, y, w, h;
        assert_ok(osd_new(&osd, cases[i].w, cases[i].h, &o, &err));
        assert_ok(osd_set(osd, lines, &err));
        osd_box(osd, &x, &y, &w, &h);
        osd_note(osd, note);
        assert_true(x >= 0 && y >= 0 && x + w <= cases[i].w && y + h <= cases[i].h);
        if (h / 8 != cases[i].lines || !strstr(note, cases[i].note) ||
            (!cases[i].note[0] && note[0]))
            fail_msg("%dx%d: %d lines, '%s'", cases[i].w, cases[i].h, h / 8, note);
        osd_free(&osd);
    }
}

static void test_what_cannot_be_read_is_said(void **state)
{
    (void)state;
    struct convert_options o = footage_options(COPY_VIEWING);
    char lines[OSD_LINES][OSD_LINE_ROOM] = {"Ra\xc5\xbe \xe6\x97\xa5"}, note[OSD_NOTE_ROOM];
    struct osd *osd = NULL;
    struct err err;
    o.osd_size = 0.2;
    assert_ok(osd_new(&osd, 640, 480, &o, &err));
    assert_ok(osd_set(osd, lines, &err));
    osd_note(osd, note);
    if (!strstr(note, "letters of the overlay are only 3.") || !strstr(note, "no shape for U+65E5"))
        fail_msg("'%s'", note);
    osd_free(&osd);
}

static void test_overlay_stays_in_the_lowest_twelfth_at_every_size(void **state)
{
    (void)state;
    static const int sizes[][2] = {{320, 240},   {640, 480},   {1280, 720},
                                   {1920, 1080}, {3840, 2160}, {720, 1280}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int w = sizes[i][0], h = sizes[i][1];
        struct canvas c = canvas_new(w, h, 77, true);
        draw(&c, 1);
        int changed_above = 0, changed = 0;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                if (c.y[y * w + x] != 77)
                    changed++, changed_above += y < h - (int)(h * 0.08);
        assert_int_equal(changed_above, 0);
        if (h >= 64)
            assert_true(changed > 0);
        canvas_free(&c);
    }
}

static void test_text_is_white_on_dark_in_the_pictures_own_range(void **state)
{
    (void)state;
    static const struct {
        bool full;
        uint8_t grey, lightest;
    } cases[] = {{true, 255, 255}, {true, 0, 255}, {false, 235, 235}, {false, 16, 235}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct canvas c = canvas_new(1280, 720, cases[i].grey, cases[i].full);
        draw(&c, 1);
        uint8_t lightest = 0, darkest = 255;
        for (int k = 1280 * 664; k < 1280 * 720; k++)
            if (k % 1280 < 600) {
                lightest = c.y[k] > lightest ? c.y[k] : lightest;
                darkest = c.y[k] < darkest ? c.y[k] : darkest;
            }
        assert_int_equal(lightest, cases[i].lightest);
        assert_true(darkest < 100 && darkest >= (cases[i].full ? 0 : 16));
        assert_int_equal(c.u[0], 90);
        assert_true(abs(c.u[640 * 350 + 4] - 128) < 15); /* grey under the box */
        assert_true(abs(c.v[640 * 350 + 4] - 128) < 28);
        canvas_free(&c);
    }
}

static void test_overlay_is_the_same_whatever_was_drawn_before(void **state)
{
    (void)state;
    static const int sizes[][2] = {{640, 480}, {1280, 720}, {1920, 1080}};
    struct err err;
    struct canvas first[3];
    for (int i = 0; i < 6; i++) { /* each size after another, and once more */
        int w = sizes[i % 3][0], h = sizes[i % 3][1];
        struct canvas c = canvas_new(w, h, 128, true);
        if (i == 3)
            assert_ok(osd_warm_up(&err));
        draw(&c, 1);
        if (i < 3) {
            first[i] = c;
            continue;
        }
        assert_memory_equal(c.y, first[i % 3].y, (size_t)w * (size_t)h);
        canvas_free(&c);
        canvas_free(&first[i % 3]);
    }
}

static void test_turned_photos_get_the_overlay_where_it_is_read(void **state)
{
    (void)state;
    /* where the bottom left corner of what is seen is stored, for each orientation */
    static const bool right[9] = {0, 0, 1, 1, 0, 1, 1, 0, 0}, low[9] = {0, 1, 1, 0, 0, 0, 1, 1, 0};
    for (int o = 1; o <= 8; o++) {
        struct canvas c = canvas_new(640, 480, 128, true);
        draw(&c, o);
        for (int corner = 0; corner < 4; corner++) {
            int x = corner & 1 ? 639 : 0, y = corner & 2 ? 479 : 0;
            bool here = right[o] == (x > 0) && low[o] == (y > 0);
            assert_int_equal(c.y[y * 640 + x] != 128, here);
        }
        canvas_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_with_everything_known),
        cmocka_unit_test(test_lines_say_what_is_not_known),
        cmocka_unit_test(test_without_metadata_it_is_said_which_picture_it_is),
        cmocka_unit_test(test_it_is_said_whether_it_tells_clock_and_position),
        cmocka_unit_test(test_time_to_the_trigger_is_cut_toward_the_past),
        cmocka_unit_test(test_note_has_a_line_of_its_own),
        cmocka_unit_test(test_subtitles_have_whole_seconds),
        cmocka_unit_test(test_track_is_marked_and_its_speed_is_shown),
        cmocka_unit_test(test_tracker_is_named_and_so_is_why_it_tells_nothing),
        cmocka_unit_test(test_outside_text_stays_one_line_of_text),
        cmocka_unit_test(test_overlay_is_in_the_corner_that_was_asked_for),
        cmocka_unit_test(test_every_character_leaves_a_mark),
        cmocka_unit_test(test_small_pictures_have_letters_that_can_be_read),
        cmocka_unit_test(test_what_cannot_be_read_is_said),
        cmocka_unit_test(test_overlay_stays_in_the_lowest_twelfth_at_every_size),
        cmocka_unit_test(test_text_is_white_on_dark_in_the_pictures_own_range),
        cmocka_unit_test(test_overlay_is_the_same_whatever_was_drawn_before),
        cmocka_unit_test(test_turned_photos_get_the_overlay_where_it_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
