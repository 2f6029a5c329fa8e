/* Redacted photos: whole units of coding are black, and no preview tells what was there. */
#include "dashspool/convert.h"
#include "footage/convert/exif.h"
#include "footage/media/photo.h"
#include "support/footage.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define W     331
#define H     207
#define STRIP 40 /* rows at the bottom that the overlay may use, in whole units of coding */

struct coding {
    const char *name;
    int h, v, components; /* luma's factors */
    bool progressive, arithmetic;
};

static const struct coding codings[] = {
    {"420", 2, 2, 3, false, false},        {"422", 2, 1, 3, false, false},
    {"444", 1, 1, 3, false, false},        {"411", 4, 1, 3, false, false},
    {"progressive", 2, 2, 3, true, false}, {"arithmetic", 2, 2, 3, false, true},
    {"grey", 1, 1, 1, false, false},       {"grey with factors", 2, 2, 1, true, false},
};

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

struct box {
    int x0, y0, x1, y1;
};

/* A pattern, bright all over; within `secret` another one. */
static void make_row(unsigned char *row, int y, int components, struct box secret, int key)
{
    for (int x = 0; x < W; x++) {
        bool in = x >= secret.x0 && x < secret.x1 && y >= secret.y0 && y < secret.y1;
        for (int k = 0; k < components; k++)
            row[x * components + k] =
                (unsigned char)(120 + (x * (3 + k) + y * 5 + (in ? key * (x + y) : 0)) % 100);
    }
}

static bool separate_scans; /* one for each component */

/* markers: what is put behind JFIF's own. */
static void make_photo(const char *path, const struct coding *v, struct box secret, int key,
                       void (*markers)(struct jpeg_compress_struct *c))
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *jpeg = NULL, row[W * 3], *rows[1] = {row};
    unsigned long n = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &jpeg, &n);
    c.image_width = W;
    c.image_height = H;
    c.input_components = v->components;
    c.in_color_space = v->components == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 85, TRUE);
    c.comp_info[0].h_samp_factor = v->h;
    c.comp_info[0].v_samp_factor = v->v;
    c.arith_code = v->arithmetic;
    if (v->progressive)
        jpeg_simple_progression(&c);
    static const jpeg_scan_info scans[] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    if (separate_scans) {
        c.scan_info = scans;
        c.num_scans = 3;
    }
    jpeg_start_compress(&c, TRUE);
    if (markers)
        markers(&c);
    for (int y = 0; y < H; y++) {
        make_row(row, y, v->components, secret, key);
        jpeg_write_scanlines(&c, rows, 1);
    }
    jpeg_finish_compress(&c);
    support_write(path, jpeg, n);
    jpeg_destroy_compress(&c);
    free(jpeg);
}

static struct convert_result convert(const char *path, const char *stem, const char *mask)
{
    struct err err;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options o = footage_options(COPY_VIEWING);
    o.overwrite = true;
    if (mask)
        assert_ok(convert_mask_parse(mask, &o.mask[o.n_masks++], &err));
    assert_ok(convert_file(path, dir, stem, &facts, &o, NULL, NULL, &r, &err));
    return r;
}

static struct photo *open_photo(const char *path, struct buf *b)
{
    struct err err;
    struct photo *p = calloc(1, sizeof *p);
    assert_non_null(p);
    *b = support_read(path);
    assert_ok(photo_open(p, buf_data(b), b->used, &err));
    return p;
}

static void close_photo(struct photo *p, struct buf *b)
{
    photo_close(p);
    free(p);
    buf_clear(b);
}

static const JCOEF *block_at(struct photo *p, int k, JDIMENSION x, JDIMENSION y)
{
    return p->in.mem->access_virt_barray((j_common_ptr)&p->in, p->blocks[k], y, 1, FALSE)[0][x];
}

static bool is_black(struct photo *p, int k, const JCOEF *block)
{
    for (int i = 1; i < DCTSIZE2; i++)
        if (block[i] != 0)
            return false;
    int dc = block[0] * p->in.comp_info[k].quant_table->quantval[0];
    return k > 0 ? dc == 0 : dc <= -1023 + 3; /* a sample below 1/2 */
}

/* In the box of whole units all blocks are black, around it they are those of the other copy. */
static void compare(struct photo *a, struct photo *b, struct box in, const char *name)
{
    int black = 0;
    for (int k = 0; k < a->in.num_components; k++) {
        const jpeg_component_info *c = &a->in.comp_info[k];
        for (JDIMENSION y = 0; y < c->height_in_blocks; y++)
            for (JDIMENSION x = 0; x < c->width_in_blocks; x++) {
                int px = (int)x << (3 + a->log2_w[k]), py = (int)y << (3 + a->log2_h[k]);
                const JCOEF *was = block_at(a, k, x, y), *is = block_at(b, k, x, y);
                bool inside = px >= in.x0 && px < in.x1 && py >= in.y0 && py < in.y1;
                black += inside;
                if (inside ? !is_black(b, k, is)
                           : py < H - STRIP && memcmp(was, is, sizeof(JBLOCK)) != 0)
                    fail_msg("%s: component %d, block %u,%u: %s", name, k, x, y,
                             inside ? "seen" : "changed");
            }
    }
    assert_true(black > 4);
}

static void test_units_of_coding_under_a_mask_are_black_and_others_as_they_were(void **state)
{
    (void)state;
    const struct box none = {0, 0, 0, 0};
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        const struct coding *v = &codings[i];
        int unit_w = v->components == 1 ? 8 : 8 * v->h, unit_h = v->components == 1 ? 8 : 8 * v->v;
        struct box in = {101 / unit_w * unit_w, 51 / unit_h * unit_h,
                         (162 + unit_w - 1) / unit_w * unit_w, (92 + unit_h - 1) / unit_h * unit_h};
        struct buf x, y;
        make_photo(in_dir("in.jpg"), v, none, 0, NULL);
        struct convert_result a = convert(in_dir("in.jpg"), "p", NULL);
        struct convert_result b = convert(in_dir("in.jpg"), "p", "101,51,61,41,3,4");
        assert_non_null(strstr(a.output[0].path, "/p.still-DERIVED.jpg"));
        assert_non_null(strstr(b.output[0].path, "/p.still-REDACTED-DERIVED.jpg"));
        struct photo *p = open_photo(a.output[0].path, &x), *q = open_photo(b.output[0].path, &y);
        compare(p, q, in, v->name);
        close_photo(p, &x);
        close_photo(q, &y);
    }
}

/* Whole units of all codings: 32 and 16 pixels; and the last ones, which reach out of the photo. */
static void test_nothing_of_what_is_hidden_has_a_part_in_any_byte(void **state)
{
    (void)state;
    static const struct {
        struct box secret;
        const char *mask;
    } cases[] = {{{96, 48, 160, 96}, "97,49,62,46"},
                 {{320, 0, W, H}, "325,0,65535,65535"},
                 {{0, 0, W, H}, "0,0,331,207"}};
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            make_photo(in_dir("a.jpg"), &codings[i], cases[k].secret, 1, NULL);
            make_photo(in_dir("b.jpg"), &codings[i], cases[k].secret, 7, NULL);
            struct convert_result a = convert(in_dir("a.jpg"), "p", NULL);
            struct convert_result b = convert(in_dir("b.jpg"), "p", NULL);
            assert_string_not_equal(a.output[0].sha256, b.output[0].sha256);
            a = convert(in_dir("a.jpg"), "p", cases[k].mask);
            b = convert(in_dir("b.jpg"), "p", cases[k].mask);
            if (strcmp(a.output[0].sha256, b.output[0].sha256) != 0)
                fail_msg("%s, %s", codings[i].name, cases[k].mask);
        }
}

#define SECRET "a preview that tells it all"

/* Everywhere where a camera or a phone may put a second picture. */
static void put_previews(struct jpeg_compress_struct *c)
{
    static const uint8_t exif[] =
        "Exif\0\0II*\0\x08\0\0\0\0\0\x0e\0\0\0" /* IFD0: empty; then IFD1 */
        "\0\0\0\0\0\0" SECRET;
    static const uint8_t jfxx[] = "JFXX\0\x10" SECRET, mpf[] = "MPF\0" SECRET;
    static const uint8_t xmp[] = "http://ns.adobe.com/xap/1.0/\0" SECRET,
                         icc[] = "ICC_PROFILE\0\1\1" SECRET, adobe[] = "Adobe\0\x64prev\1" SECRET;
    uint8_t jfif[14 + 3 * 9] = "JFIF\0\1\2\0\x70\x72\x65\x76\3\3"; /* "prev" as density */
    memcpy(jfif + 14, SECRET, 3 * 9);
    jpeg_write_marker(c, JPEG_APP0, jfif, sizeof jfif);
    jpeg_write_marker(c, JPEG_APP0, jfxx, sizeof jfxx);
    jpeg_write_marker(c, JPEG_APP0 + 1, exif, sizeof exif);
    jpeg_write_marker(c, JPEG_APP0 + 1, xmp, sizeof xmp);
    jpeg_write_marker(c, JPEG_APP0 + 2, mpf, sizeof mpf);
    jpeg_write_marker(c, JPEG_APP0 + 2, icc, sizeof icc);
    jpeg_write_marker(c, JPEG_APP0 + 7, (const uint8_t *)SECRET, sizeof SECRET);
    jpeg_write_marker(c, JPEG_APP0 + 14, adobe, sizeof adobe);
    jpeg_write_marker(c, JPEG_COM, (const uint8_t *)SECRET, sizeof SECRET);
}

static bool has(const char *path, const char *bytes)
{
    struct buf b = support_read(path);
    bool found = false;
    size_t n = strlen(bytes);
    for (size_t i = 0; i + n <= b.used && !found; i++)
        found = memcmp(buf_data(&b) + i, bytes, n) == 0;
    buf_clear(&b);
    return found;
}

static void test_no_preview_is_in_a_redacted_photo(void **state)
{
    (void)state;
    const struct box none = {0, 0, 0, 0};
    struct buf b;
    make_photo(in_dir("in.jpg"), &codings[0], none, 0, put_previews);
    struct convert_result r = convert(in_dir("in.jpg"), "p", NULL);
    assert_true(has(r.output[0].path, SECRET));
    r = convert(in_dir("in.jpg"), "p", "0,0,32,32");
    assert_false(has(r.output[0].path, SECRET));
    assert_false(has(r.output[0].path, "preview"));
    assert_true(has(r.output[0].path, "REDACTED still copy: derived, 1 box blacked out"));
    struct photo *p = open_photo(r.output[0].path, &b);
    int exifs = 0;
    for (const struct jpeg_marker_struct *m = p->in.marker_list; m; m = m->next) {
        exifs += photo_is_exif(m);
        if (photo_is_jfif(m)) {
            assert_int_equal(m->data_length, 14);
            assert_memory_equal(m->data, "JFIF\0\1\1\0\0\1\0\1\0\0", 14);
        } else if (m->marker == JPEG_APP0 + 14) {
            assert_int_equal(m->data_length, 12);
            assert_memory_equal(m->data, "Adobe\0\x64\0\0\0\0\1", 12);
        } else {
            assert_true(photo_is_exif(m)); /* no ICC_PROFILE, XMP, MPF, COM … */
        }
    }
    assert_int_equal(exifs, 1);
    close_photo(p, &b);
}

/* ---- turned photos ---- */

static int orientation; /* of put_turned() */

static void put_turned(struct jpeg_compress_struct *c)
{
    struct err err;
    struct exif *e = calloc(1, sizeof *e);
    struct buf payload;
    uint32_t turned = (uint32_t)orientation;
    assert_non_null(e);
    *e = (struct exif){0};
    exif_set_numbers(e, EXIF_IFD0, EXIF_TAG_ORIENTATION, EXIF_SHORT, &turned, 1);
    buf_init(&payload, 65536);
    assert_ok(exif_write(e, &payload, &err));
    jpeg_write_marker(c, JPEG_APP0 + 1, buf_data(&payload), (unsigned)payload.used);
    buf_clear(&payload);
    free(e);
}

static void test_a_mask_is_where_a_person_sees_it(void **state)
{
    (void)state;
    static const char *const turn[9] = {"",           "null",        "hflip",       "hflip,vflip",
                                        "vflip",      "transpose=0", "transpose=1", "transpose=3",
                                        "transpose=2"};
    const struct box none = {0, 0, 0, 0};
    char filter[100];
    struct buf grey;
    for (orientation = 1; orientation <= 8; orientation++) {
        make_photo(in_dir("in.jpg"), &codings[2], none, 0, put_turned);
        struct convert_result r = convert(in_dir("in.jpg"), "p", "20,40,50,30");
        snprintf(filter, sizeof filter, "%s,format=gray", turn[orientation]);
        char *argv[] = {(char[]){"ffmpeg"},        (char[]){"-v"}, (char[]){"error"},
                        (char[]){"-noautorotate"}, (char[]){"-i"}, r.output[0].path,
                        (char[]){"-vf"},           filter,         (char[]){"-f"},
                        (char[]){"rawvideo"},      (char[]){"-"},  NULL};
        buf_init(&grey, W * H);
        int status = footage_run(argv, &grey);
        if (status == -1)
            skip();
        assert_int_equal(status, 0);
        assert_int_equal(grey.used, W * H);
        int w = orientation >= 5 ? H : W, black = 0;
        for (int i = 0; i < W * H; i++) {
            int x = i % w, y = i / w;
            bool in = x >= 20 && x < 70 && y >= 40 && y < 70;
            bool near = x >= 12 && x < 78 && y >= 32 && y < 78; /* a unit of 8 around it */
            bool top = y < (orientation >= 5 ? W : H) - STRIP;  /* above the overlay */
            bool is_dark = buf_data(&grey)[i] < 20;
            black += is_dark && top;
            if ((in && !is_dark) || (is_dark && top && !near))
                fail_msg("orientation %d: %d at %d,%d", orientation, buf_data(&grey)[i], x, y);
        }
        assert_true(black >= 50 * 30);
        buf_clear(&grey);
    }
}

/* ---- turned in ways that not all viewers read ---- */

/* A TIFF in an APP1: one entry "orientation", little-endian; entries: how many the directory
 * claims. */
static void put_entry(struct jpeg_compress_struct *c, int type, int count, int value, int entries)
{
    uint8_t exif[] = "Exif\0\0II*\0\x08\0\0\0\0\0\x12\x01\0\0\0\0\0\0\0\0\0\0\0\0\0";
    exif[14] = (uint8_t)entries;
    exif[18] = (uint8_t)type;
    exif[20] = (uint8_t)count;
    exif[24] = (uint8_t)value;
    if (count == 2)
        exif[26] = 1;
    jpeg_write_marker(c, JPEG_APP0 + 1, exif, sizeof exif - 1);
}

static void put_xmp(struct jpeg_compress_struct *c)
{
    static const uint8_t xmp[] = "http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description "
                                 "tiff:Orientation=\"6\"/></x:xmpmeta>";
    jpeg_write_marker(c, JPEG_APP0 + 1, xmp, sizeof xmp - 1);
}

static int form; /* of put_form() */
static void put_form(struct jpeg_compress_struct *c)
{
    static const struct {
        int type, count, entries;
    } forms[] = {{EXIF_LONG, 1, 1}, {EXIF_BYTE, 1, 1}, {EXIF_SHORT, 2, 1}, {EXIF_SHORT, 1, 9}};
    if (form < 4)
        put_entry(c, forms[form].type, forms[form].count, 6, forms[form].entries);
    if (form == 4) {
        put_entry(c, EXIF_SHORT, 1, 1, 1);
        put_entry(c, EXIF_SHORT, 1, 6, 1);
    }
    if (form == 5)
        put_xmp(c);
    if (form == 6) {
        put_entry(c, EXIF_SHORT, 1, 6, 1);
        put_xmp(c);
    }
}

/* Whether a box, as it is stored, is black in all components. */
static bool all_black(struct photo *p, struct box b)
{
    for (int y = b.y0 / 8; y < b.y1 / 8; y++)
        for (int x = b.x0 / 8; x < b.x1 / 8; x++)
            for (int k = 0; k < 3; k++)
                if (!is_black(p, k, block_at(p, k, (JDIMENSION)x, (JDIMENSION)y)))
                    return false;
    return true;
}

/* The box is hidden however the photo is turned, and the copy is plain: 6, or 1 where the first
 * says so. */
static void test_in_doubt_a_mask_hides_in_every_way(void **state)
{
    (void)state;
    const struct box none = {0, 0, 0, 0}, as_stored = {16, 40, 64, 72},
                     turned = {40, H - 64 + 1 - H % 8, 72, H - 16 - H % 8};
    for (form = 0; form < 7; form++) {
        struct buf b;
        make_photo(in_dir("in.jpg"), &codings[2], none, 0, put_form);
        struct convert_result r = convert(in_dir("in.jpg"), "p", "16,40,48,32");
        struct photo *p = open_photo(r.output[0].path, &b);
        bool doubt = form != 6;
        if (all_black(p, as_stored) != doubt || !all_black(p, turned))
            fail_msg("form %d: stored %d, turned %d", form, all_black(p, as_stored),
                     all_black(p, turned));
        assert_true((strstr(r.warning, "viewers differ in how they turn this photo") != NULL) ==
                    doubt);
        struct media_probe seen; /* which reads it in the same way */
        struct err err;
        assert_ok(media_probe(in_dir("in.jpg"), &(struct media_facts){0},
                              &(struct media_options){0}, true, &seen, &err));
        assert_int_equal(seen.orientation, form == 4 ? 1 : 6);
        assert_true((strstr(seen.warning, "programs turn it differently") != NULL) == doubt);
        close_photo(p, &b);
    }
}

/* … and the unmasked copy, whose overlay is upright, is that of a photo that says it plainly. */
static void test_the_copy_of_a_photo_that_is_oddly_turned_is_plain(void **state)
{
    (void)state;
    const struct box none = {0, 0, 0, 0};
    for (form = 0; form < 6; form++) {
        struct buf x, y;
        int exifs = 0;
        orientation = form == 4 ? 1 : 6;
        make_photo(in_dir("plain.jpg"), &codings[2], none, 0, put_turned);
        make_photo(in_dir("in.jpg"), &codings[2], none, 0, put_form);
        struct convert_result a = convert(in_dir("plain.jpg"), "a", NULL);
        struct convert_result b = convert(in_dir("in.jpg"), "b", NULL);
        struct photo *p = open_photo(a.output[0].path, &x), *q = open_photo(b.output[0].path, &y);
        for (JDIMENSION row = 0; row < p->in.comp_info[0].height_in_blocks; row++)
            for (JDIMENSION col = 0; col < p->in.comp_info[0].width_in_blocks; col++)
                if (memcmp(block_at(p, 0, col, row), block_at(q, 0, col, row), sizeof(JBLOCK)))
                    fail_msg("form %d: block %u,%u", form, col, row);
        for (const struct jpeg_marker_struct *m = q->in.marker_list; m; m = m->next) {
            struct photo_turn turn = {0};
            if (!photo_is_exif(m))
                continue;
            exifs++;
            photo_turn_segment(&turn, false, m->data, m->data_length);
            assert_true(photo_turn_end(&turn));
            assert_int_equal(turn.first, orientation);
        }
        assert_int_equal(exifs, 1);
        close_photo(p, &x);
        close_photo(q, &y);
    }
}

/* ---- a component that no scan names ---- */

/* Its tables were never chosen: what lay in the memory must have no part in the copy. */
static void test_a_component_without_a_scan_does_no_harm(void **state)
{
    (void)state;
    static const int fills[] = {1, 85, 170, 255};
    const struct box none = {0, 0, 0, 0};
    char first[HASH_HEX_ROOM] = "";
    separate_scans = true;
    make_photo(in_dir("whole.jpg"), &codings[2], none, 0, NULL);
    separate_scans = false;
    struct buf b = support_read(in_dir("whole.jpg"));
    size_t at = 0;
    for (int scans = 0; at + 1 < b.used && scans < 2; at++)
        scans += b.mem[b.start + at] == 0xff && b.mem[b.start + at + 1] == 0xda;
    assert_true(at + 1 < b.used);
    support_write(in_dir("in.jpg"), buf_data(&b), at - 1);
    buf_clear(&b);
    for (size_t i = 0; i < sizeof fills / sizeof *fills; i++) {
        mallopt(M_PERTURB, fills[i]);
        struct convert_result r = convert(in_dir("in.jpg"), "p", NULL);
        struct convert_result m = convert(in_dir("in.jpg"), "p", "16,40,48,32");
        mallopt(M_PERTURB, 0);
        assert_non_null(strstr(r.warning, "the photo is damaged"));
        assert_int_equal(m.n_outputs, 1);
        if (first[0])
            assert_string_equal(first, r.output[0].sha256);
        snprintf(first, sizeof first, "%s", r.output[0].sha256);
    }
}

/* ---- segments behind the start of the picture ---- */

/* Of the header are turning and colours; what comes later neither turns the copy nor gives it other
 * colours. A mask hides the box also for who would look there. */
static void test_segments_behind_the_first_scan_change_nothing(void **state)
{
    (void)state;
    static const uint8_t late[] = "\xff\xe1\0\x22"
                                  "Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
                                  "\xff\xee\0\x0e"
                                  "Adobe\0\x64\0\0\0\0\0"; /* transform 0: RGB */
    const struct box none = {0, 0, 0, 0}, as_stored = {16, 40, 64, 72},
                     turned = {40, H - 64 + 1 - H % 8, 72, H - 16 - H % 8};
    struct buf b, in;
    separate_scans = true;
    make_photo(in_dir("whole.jpg"), &codings[2], none, 0, NULL);
    separate_scans = false;
    struct convert_result plain = convert(in_dir("whole.jpg"), "plain", NULL);
    b = support_read(in_dir("whole.jpg"));
    size_t at = 0;
    for (int tables = 0; at + 1 < b.used && tables < 2; at++)
        tables += b.mem[b.start + at] == 0xff && b.mem[b.start + at + 1] == 0xda;
    at--;
    struct err err;
    buf_init(&in, 1 << 24);
    assert_ok(buf_append(&in, buf_data(&b), at, &err));
    assert_ok(buf_append(&in, late, sizeof late - 1, &err));
    assert_ok(buf_append(&in, buf_data(&b) + at, b.used - at, &err));
    support_write(in_dir("in.jpg"), buf_data(&in), in.used);
    buf_clear(&in);
    buf_clear(&b);
    struct convert_result r = convert(in_dir("in.jpg"), "p", NULL);
    assert_non_null(strstr(r.warning, "segments behind the start of the picture were left out"));
    assert_false(has(r.output[0].path, "Adobe"));
    struct photo *p = open_photo(r.output[0].path, &b), *q = open_photo(plain.output[0].path, &in);
    assert_int_equal(p->in.jpeg_color_space, JCS_YCbCr);
    for (JDIMENSION row = 0; row < p->in.comp_info[0].height_in_blocks; row++)
        for (JDIMENSION col = 0; col < p->in.comp_info[0].width_in_blocks; col++)
            assert_memory_equal(block_at(p, 0, col, row), block_at(q, 0, col, row), sizeof(JBLOCK));
    close_photo(p, &b);
    close_photo(q, &in);
    r = convert(in_dir("in.jpg"), "p", "16,40,48,32");
    p = open_photo(r.output[0].path, &b);
    assert_true(all_black(p, as_stored) && all_black(p, turned));
    close_photo(p, &b);
}

static void test_a_mask_outside_of_the_photo_as_it_is_seen_is_refused(void **state)
{
    (void)state;
    const struct box none = {0, 0, 0, 0};
    struct err err;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options o = footage_options(COPY_VIEWING);
    o.n_masks = 1;
    o.mask[0] = (struct convert_mask){210, 0, 5, 5, 0, 0};
    orientation = 6;
    make_photo(in_dir("in.jpg"), &codings[0], none, 0, put_turned);
    assert_err(ERR_CONFIG,
               convert_file(in_dir("in.jpg"), dir, "p", &facts, &o, NULL, NULL, &r, &err));
    o.mask[0] = (struct convert_mask){0, 330, 5, 5, 0, 0};
    assert_ok(convert_file(in_dir("in.jpg"), dir, "p", &facts, &o, NULL, NULL, &r, &err));
}

/* A photo has no sound: nothing is hidden of it, and its name and its picture do not say so. */
static void test_a_photo_without_a_mask_is_not_redacted(void **state)
{
    (void)state;
    struct err err;
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options o = footage_options(COPY_VIEWING);
    o.no_sound = true;
    assert_ok(
        convert_file(footage_sample("photo-720p.jpg"), dir, "p", &facts, &o, NULL, NULL, &r, &err));
    assert_non_null(strstr(r.output[0].path, "/p.still-DERIVED.jpg"));
    assert_false(has(r.output[0].path, "REDACTED"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_units_of_coding_under_a_mask_are_black_and_others_as_they_were),
        TEST(test_nothing_of_what_is_hidden_has_a_part_in_any_byte),
        TEST(test_no_preview_is_in_a_redacted_photo),
        TEST(test_a_mask_is_where_a_person_sees_it),
        TEST(test_in_doubt_a_mask_hides_in_every_way),
        TEST(test_the_copy_of_a_photo_that_is_oddly_turned_is_plain),
        TEST(test_a_component_without_a_scan_does_no_harm),
        TEST(test_segments_behind_the_first_scan_change_nothing),
        TEST(test_a_mask_outside_of_the_photo_as_it_is_seen_is_refused),
        TEST(test_a_photo_without_a_mask_is_not_redacted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
