/* Photos: the overlay is in the blocks under the box, and nothing else has changed. */
#include "dashspool/convert.h"
#include "footage/convert/exif.h"
#include "footage/media/photo.h"
#include "support/footage.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

struct variant {
    const char *name;
    int h, v, components; /* luma's factors; chroma has 1x1 */
    bool progressive, arithmetic;
    unsigned restart;
    int width_px, height_px;
};

static const struct variant variants[] = {
    {"420", 2, 2, 3, false, false, 0, 1280, 720},
    {"422", 2, 1, 3, false, false, 0, 1280, 720},
    {"444", 1, 1, 3, false, false, 0, 1280, 720},
    {"440", 1, 2, 3, false, false, 0, 1280, 720},
    {"411", 4, 1, 3, false, false, 0, 1280, 720},
    {"grey", 1, 1, 1, false, false, 0, 1280, 720},
    {"grey with factors", 2, 2, 1, false, false, 0, 1280, 720},
    {"progressive", 2, 2, 3, true, false, 0, 1280, 720},
    {"grey progressive", 1, 1, 1, true, false, 0, 1280, 720},
    {"restart", 2, 2, 3, false, false, 7, 1280, 720},
    {"progressive restart", 2, 2, 3, true, false, 11, 1280, 720},
    {"arithmetic", 2, 2, 3, false, true, 0, 1280, 720},
    {"odd", 2, 2, 3, false, false, 0, 1277, 715},
    {"odd 411", 4, 1, 3, true, false, 3, 801, 603},
    {"tiny", 2, 2, 3, false, false, 0, 17, 25},
    {"one", 2, 2, 3, false, false, 0, 1, 1},
};

/* The sample's pixels (cut at the bottom right) coded another way, into `path`. */
static void make_variant(const struct variant *v, const char *path)
{
    struct buf b = support_read(footage_sample("photo-720p.jpg"));
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    struct jpeg_error_mgr errors;
    unsigned char *jpeg = NULL;
    unsigned long n = 0;
    in.err = out.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&in);
    jpeg_mem_src(&in, buf_data(&b), (unsigned long)b.used);
    jpeg_read_header(&in, TRUE);
    in.out_color_space = v->components == 1 ? JCS_GRAYSCALE : JCS_YCbCr;
    jpeg_start_decompress(&in);
    jpeg_create_compress(&out);
    jpeg_mem_dest(&out, &jpeg, &n);
    out.image_width = (JDIMENSION)v->width_px;
    out.image_height = (JDIMENSION)v->height_px;
    out.input_components = v->components;
    out.in_color_space = in.out_color_space;
    jpeg_set_defaults(&out);
    jpeg_set_quality(&out, 88, TRUE);
    out.comp_info[0].h_samp_factor = v->h;
    out.comp_info[0].v_samp_factor = v->v;
    out.restart_interval = v->restart;
    out.arith_code = v->arithmetic;
    if (v->progressive)
        jpeg_simple_progression(&out);
    jpeg_start_compress(&out, TRUE);
    unsigned char *row = malloc(in.output_width * 3);
    assert_non_null(row);
    for (int y = 0; y < v->height_px; y++) {
        jpeg_read_scanlines(&in, &row, 1);
        jpeg_write_scanlines(&out, &row, 1);
    }
    jpeg_finish_compress(&out);
    support_write(path, jpeg, n);
    jpeg_destroy_compress(&out);
    jpeg_destroy_decompress(&in);
    free(jpeg);
    free(row);
    buf_clear(&b);
}

struct opened {
    struct buf b;
    struct photo *p;
    struct exif exif;
    const struct jpeg_marker_struct *exif_segment;
};

static struct opened open_photo(const char *path)
{
    struct opened o = {.b = support_read(path), .p = calloc(1, sizeof *o.p)};
    struct err err;
    const char *why;
    assert_non_null(o.p);
    assert_ok(photo_open(o.p, buf_data(&o.b), o.b.used, &err));
    o.exif = (struct exif){0};
    for (o.exif_segment = o.p->in.marker_list; o.exif_segment;
         o.exif_segment = o.exif_segment->next)
        if (photo_is_exif(o.exif_segment))
            break;
    if (o.exif_segment)
        exif_parse(&o.exif, o.exif_segment->data + 6, o.exif_segment->data_length - 6, &why);
    return o;
}

static void close_photo(struct opened *o)
{
    photo_close(o->p);
    free(o->p);
    buf_clear(&o->b);
}

/* As a person sees it: the lowest 8 %; turned, the strip is on another side. */
static bool in_strip(const struct photo *p, int orientation, int k, int bx, int by)
{
    int x0 = bx << (3 + p->log2_w[k]), x1 = (bx + 1) << (3 + p->log2_w[k]);
    int y0 = by << (3 + p->log2_h[k]), y1 = (by + 1) << (3 + p->log2_h[k]);
    int w = p->width_px, h = p->height_px, strip = (orientation >= 5 ? w : h) * 8 / 100;
    switch (orientation) { /* the side that is seen at the bottom */
    case 3:
    case 4:
        return y0 < strip;
    case 5:
    case 6:
        return x1 > w - strip;
    case 7:
    case 8:
        return x0 < strip;
    default:
        return y1 > h - strip;
    }
}

static JCOEF *block_at(struct photo *p, int k, JDIMENSION x, JDIMENSION y)
{
    return p->in.mem->access_virt_barray((j_common_ptr)&p->in, p->blocks[k], y, 1, FALSE)[0][x];
}

/* Returns how many blocks differ; one that differs outside the strip fails. */
static int compare_blocks(struct photo *a, struct photo *b, int orientation, const char *name)
{
    int changed = 0;
    for (int k = 0; k < a->in.num_components; k++) {
        const jpeg_component_info *c = &a->in.comp_info[k];
        assert_memory_equal(c->quant_table->quantval, b->in.comp_info[k].quant_table->quantval,
                            sizeof c->quant_table->quantval);
        assert_int_equal(c->h_samp_factor, b->in.comp_info[k].h_samp_factor);
        assert_int_equal(c->v_samp_factor, b->in.comp_info[k].v_samp_factor);
        for (JDIMENSION y = 0; y < c->height_in_blocks; y++)
            for (JDIMENSION x = 0; x < c->width_in_blocks; x++) {
                if (memcmp(block_at(a, k, x, y), block_at(b, k, x, y), sizeof(JBLOCK)) == 0)
                    continue;
                changed++;
                if (!in_strip(a, orientation, k, (int)x, (int)y))
                    fail_msg("%s: component %d, block %u,%u has changed", name, k, x, y);
            }
    }
    return changed;
}

/* All segments but Exif are there, in order. */
static void compare_segments(const struct opened *a, const struct opened *b)
{
    const struct jpeg_marker_struct *x = a->p->in.marker_list, *y = b->p->in.marker_list;
    assert_non_null(b->exif_segment);
    for (;; x = x->next, y = y->next) {
        if (x && x == a->exif_segment)
            assert_ptr_equal(y, b->exif_segment);
        else if (y && y == b->exif_segment && !a->exif_segment)
            y = y->next;
        if (!x || !y)
            break;
        assert_int_equal(x->marker, y->marker);
        if (x == a->exif_segment)
            continue;
        assert_int_equal(x->data_length, y->data_length);
        assert_memory_equal(x->data, y->data, x->data_length);
    }
    assert_null(x);
    assert_null(y);
}

static int convert_and_compare(const char *path, const char *name, const char *warning)
{
    struct err err;
    char *dir = support_tmp_dir();
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_STILL);
    struct convert_result r;
    assert_ok(convert_file(path, dir, "p", &facts, &options, NULL, NULL, &r, &err));
    assert_string_equal(r.warning, warning);
    struct opened a = open_photo(path), b = open_photo(r.output[0].path);
    assert_int_equal(a.p->width_px, b.p->width_px);
    assert_int_equal(a.p->height_px, b.p->height_px);
    assert_int_equal(r.width_px, a.p->width_px);
    assert_int_equal(a.p->in.num_components, b.p->in.num_components);
    assert_int_equal(a.p->in.progressive_mode, b.p->in.progressive_mode);
    assert_int_equal(a.p->in.arith_code, b.p->in.arith_code);
    assert_int_equal(a.p->in.restart_interval, b.p->in.restart_interval);
    assert_int_equal(exif_orientation(&a.exif), exif_orientation(&b.exif));
    compare_segments(&a, &b);
    int changed = compare_blocks(a.p, b.p, exif_orientation(&a.exif), name);
    close_photo(&a);
    close_photo(&b);
    support_tmp_remove(&dir);
    return changed;
}

static void test_blocks_outside_the_strip_are_the_same_to_the_bit(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), path[4096];
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        const struct variant *v = &variants[i];
        snprintf(path, sizeof path, "%s/in.jpg", dir);
        make_variant(v, path);
        int changed = convert_and_compare(
            path, v->name,
            v->height_px > 100 ? "" : "the picture has no room for all of the overlay");
        if (v->height_px > 100 && changed < 100)
            fail_msg("%s: only %d blocks have an overlay", v->name, changed);
    }
    support_tmp_remove(&dir);
}

static void test_photos_of_the_collection_keep_all_but_the_strip(void **state)
{
    (void)state;
    char folder[2048], path[4096];
    int seen = 0;
    snprintf(folder, sizeof folder, "%s", support_data("jpeg"));
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        static const char no_room[] = "4 damaged EXIF entries were left out; "
                                      "the picture has no room for all of the overlay";
        bool corrupt = strcmp(e->d_name, "exif-corrupt.jpg") == 0;
        bool small = strncmp(e->d_name, "exif-", 5) == 0; /* 16 and 32 pixels */
        int changed = convert_and_compare(path, e->d_name,
                                          corrupt ? no_room
                                          : small ? strchr(no_room, ';') + 2
                                                  : "");
        assert_true((changed > 0) == !small);
        seen++;
    }
    closedir(d);
    assert_true(seen > 5);
}

/* A copy of the sample whose Exif says how to turn it. */
static void make_turned(int orientation, const char *path)
{
    struct err err;
    struct opened o = open_photo(footage_sample("photo-720p.jpg"));
    struct buf payload;
    uint32_t v = (uint32_t)orientation;
    buf_init(&payload, 2 * EXIF_BYTES_MAX);
    exif_set_numbers(&o.exif, EXIF_IFD0, 0x0112, EXIF_SHORT, &v, 1);
    assert_ok(exif_write(&o.exif, &payload, &err));
    FILE *f = fopen(path, "wbe");
    assert_non_null(f);
    assert_ok(photo_write(o.p, fileno(f), &payload, o.exif_segment, &err));
    fclose(f);
    buf_clear(&payload);
    close_photo(&o);
}

/* The text must be readable when the copy is turned by FFmpeg as its orientation says. */
static void test_overlay_stands_upright_in_all_orientations(void **state)
{
    (void)state;
    static const char *const turn[9] = {"",           "null",        "hflip",       "hflip,vflip",
                                        "vflip",      "transpose=0", "transpose=1", "transpose=3",
                                        "transpose=2"};
    char *dir = support_tmp_dir(), path[4096], seen[4096], filter[256], text[1024];
    struct err err;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_STILL);
    struct convert_result r;
    struct buf out;
    options.overwrite = true;
    buf_init(&out, 65536);
    for (int i = 1; i <= 8; i++) {
        snprintf(path, sizeof path, "%s/turned.jpg", dir);
        snprintf(seen, sizeof seen, "%s/seen.png", dir);
        make_turned(i, path);
        assert_true(convert_and_compare(path, turn[i], "") > 100);
        assert_ok(convert_file(path, dir, "p", &facts, &options, NULL, NULL, &r, &err));
        /* as wide as footage_overlay() wants it */
        snprintf(filter, sizeof filter, "%s,pad=max(iw\\,800):ih", turn[i]);
        char *argv[] = {(char[]){"ffmpeg"},
                        (char[]){"-v"},
                        (char[]){"error"},
                        (char[]){"-y"},
                        (char[]){"-noautorotate"},
                        (char[]){"-i"},
                        r.output[0].path,
                        (char[]){"-vf"},
                        filter,
                        seen,
                        NULL};
        int status = footage_run(argv, &out);
        if (status == -1) {
            fprintf(stderr, "SKIPPED: ffmpeg is not there\n");
            skip();
        }
        assert_int_equal(status, 0);
        footage_overlay(dir, seen, "0", text, sizeof text);
        if (!strstr(text, "350612071913857"))
            fail_msg("orientation %d reads '%s'", i, text);
    }
    buf_clear(&out);
    support_tmp_remove(&dir);
}

static void test_exiftool_reads_what_is_known_and_complains_of_nothing_new(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), path[4096];
    struct err err;
    struct buf out;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_STILL);
    struct convert_result r;
    static const char *const lines[] = {"350612071913857-front-video-20241129T072345Z",
                                        "Teltonika",
                                        "DualCam",
                                        "2024:11:29 09:23:45.250+02:00",
                                        "2024:11:29 07:23:45.25Z",
                                        "54.70042",
                                        "25.25",
                                        ("dashspool " DASHSPOOL_VERSION),
                                        "OK"};
    buf_init(&out, 65536);
    snprintf(path, sizeof path, "%s/in.jpg", dir);
    make_variant(&variants[0], path); /* without Exif */
    assert_ok(convert_file(path, dir, "p", &facts, &options, NULL, NULL, &r, &err));
    char *argv[] = {
        (char[]){"exiftool"},     (char[]){"-n"},           (char[]){"-validate"},
        (char[]){"-warning"},     (char[]){"-error"},       (char[]){"-UserComment"},
        (char[]){"-Make"},        (char[]){"-Model"},       (char[]){"-Software"},
        (char[]){"-GPSPosition"}, (char[]){"-GPSDateTime"}, (char[]){"-SubSecDateTimeOriginal"},
        (char[]){"--printConv"},  r.output[0].path,         NULL};
    int status = footage_run(argv, &out);
    if (status == -1) {
        fprintf(stderr, "SKIPPED: exiftool is not there\n");
        skip();
    }
    assert_ok(buf_append(&out, "", 1, &err));
    const char *text = (const char *)buf_data(&out);
    assert_int_equal(status, 0);
    for (size_t i = 0; i + 1 < sizeof lines / sizeof *lines; i++)
        if (!strstr(text, lines[i]))
            fail_msg("'%s' is not in '%s'", lines[i], text);
    assert_null(strstr(text, "Warning"));
    assert_null(strstr(text, "Error"));
    buf_clear(&out);
    support_tmp_remove(&dir);
}

static void test_overlay_of_a_photo_can_be_read(void **state)
{
    (void)state;
    struct err err;
    char *dir = support_tmp_dir(), text[1024];
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING);
    struct convert_result r;
    assert_ok(convert_file(footage_sample("photo-720p.jpg"), dir, "photo", &facts, &options, NULL,
                           NULL, &r, &err));
    assert_int_equal(r.container, MEDIA_JPEG);
    assert_int_equal(r.n_outputs, 1);
    assert_int_equal(r.output[0].kind, COPY_STILL);
    footage_overlay(dir, r.output[0].path, "0", text, sizeof text);
    assert_non_null(strstr(text, "2024-11-29 09:23:45.2"));
    assert_non_null(strstr(text, "350612071913857"));
    support_tmp_remove(&dir);
}

/* The DHT segments, together. */
static struct buf huffman_tables(const char *path)
{
    struct buf b = support_read(path), out;
    struct err err;
    const uint8_t *p = buf_data(&b);
    buf_init(&out, 65536);
    for (size_t at = 2; p[at] == 0xff && p[at + 1] != 0xda;) {
        size_t n = 2 + (size_t)p[at + 2] * 256 + p[at + 3];
        if (p[at + 1] == 0xc4)
            assert_ok(buf_append(&out, p + at, n, &err));
        at += n;
    }
    buf_clear(&b);
    assert_true(out.used > 0);
    return out;
}

static void test_the_usual_huffman_tables_stay_and_others_are_made_anew(void **state)
{
    (void)state;
    static const char *const masters[] = {"photo-720p.jpg", "viewing-copy.jpg"};
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_STILL);
    for (int i = 0; i < 2; i++) {
        char *dir = support_tmp_dir();
        struct convert_result r;
        struct err err;
        assert_ok(convert_file(footage_sample(masters[i]), dir, "p", &facts, &options, NULL, NULL,
                               &r, &err));
        struct buf a = huffman_tables(footage_sample(masters[i]));
        struct buf b = huffman_tables(r.output[0].path);
        bool same = a.used == b.used && memcmp(buf_data(&a), buf_data(&b), a.used) == 0;
        assert_int_equal(same, i == 0);
        buf_clear(&a);
        buf_clear(&b);
        support_tmp_remove(&dir);
    }
}

/* Converts bytes; on failure nothing is left. */
static int convert_bytes(const void *data, size_t n, struct convert_result *r, struct err *err)
{
    char *dir = support_tmp_dir(), path[4096];
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_STILL);
    snprintf(path, sizeof path, "%s/in.jpg", dir);
    support_write(path, data, n);
    *err = (struct err){0};
    int rc = convert_file(path, dir, "p", &facts, &options, NULL, NULL, r, err);
    assert_int_equal(support_entries(dir), rc < 0 ? 1 : 2);
    if (rc == ERR_OK) {
        struct opened o = open_photo(r->output[0].path);
        assert_false(o.p->errors.damaged); /* the copy is a whole JPEG */
        close_photo(&o);
    }
    support_tmp_remove(&dir);
    return rc;
}

static void cut_everywhere(const char *path)
{
    struct buf b = support_read(path);
    struct convert_result r;
    struct err err;
    int good = 0;
    for (size_t i = 0; i < 100; i++) {
        size_t cut = 3 + (b.used - 4) * i / 100;
        int rc = convert_bytes(buf_data(&b), cut, &r, &err);
        assert_true(rc == ERR_OK || rc == ERR_MALFORMED);
        if (rc == ERR_MALFORMED)
            assert_non_null(strstr(err.text, "JPEG is broken"));
        else if (!strstr(r.warning, "the photo is damaged from"))
            fail_msg("cut at %zu: '%s'", cut, r.warning);
        assert_true(rc == ERR_OK || cut < b.used / 3);
        good += rc == ERR_OK;
    }
    assert_true(good > 60);
    buf_clear(&b);
}

static void test_a_photo_cut_at_100_places_gives_what_is_readable(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), path[4096];
    cut_everywhere(footage_sample("photo-720p.jpg"));
    snprintf(path, sizeof path, "%s/progressive.jpg", dir);
    make_variant(&variants[7], path);
    cut_everywhere(path);
    support_tmp_remove(&dir);
}

static void test_changed_bytes_never_give_half_a_copy(void **state)
{
    (void)state;
    struct buf b = support_read(footage_sample("photo-720p.jpg"));
    struct convert_result r;
    struct err err;
    uint32_t x = 20241129;
    for (int i = 0; i < 150; i++) {
        x = x * 1664525 + 1013904223;
        size_t at = 3 + (x >> 7) % (i < 100 ? 4000 : b.used - 3);
        uint8_t *byte = b.mem + b.start + at, old = *byte;
        *byte = (uint8_t)(x >> 3);
        int rc = convert_bytes(buf_data(&b), b.used, &r, &err);
        assert_true(rc == ERR_OK || !err_is_temporary(rc));
        *byte = old;
    }
    buf_clear(&b);
}

static void test_stray_bytes_are_a_warning(void **state)
{
    (void)state;
    struct buf b = support_read(footage_sample("photo-720p.jpg")), stray;
    struct convert_result r;
    struct err err;
    const uint8_t *p = buf_data(&b);
    size_t app0 = 4u + 16; /* SOI, JFIF */
    buf_init(&stray, b.used + 16);
    assert_ok(buf_append(&stray, p, app0, &err));
    assert_ok(buf_append(&stray, "stray", 5, &err));
    assert_ok(buf_append(&stray, p + app0, b.used - app0, &err));
    assert_int_equal(convert_bytes(buf_data(&stray), stray.used, &r, &err), ERR_OK);
    assert_non_null(strstr(r.warning, "5 stray bytes"));
    buf_clear(&stray);
    buf_clear(&b);
}

/* Each DC differs from the one before by what a coder takes; their sum is more than a DC can be. */
static void make_climbing_dc(const char *path)
{
    struct buf b = support_read(path);
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    struct jpeg_error_mgr errors;
    unsigned char *jpeg = NULL;
    unsigned long n = 0;
    in.err = out.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&in);
    jpeg_mem_src(&in, buf_data(&b), (unsigned long)b.used);
    jpeg_read_header(&in, TRUE);
    jvirt_barray_ptr *blocks = jpeg_read_coefficients(&in);
    for (JDIMENSION y = 0; y < in.comp_info[0].height_in_blocks; y++) {
        JBLOCKROW row = in.mem->access_virt_barray((j_common_ptr)&in, blocks[0], y, 1, TRUE)[0];
        for (JDIMENSION x = 0; x < in.comp_info[0].width_in_blocks; x++)
            row[x][0] = (JCOEF)(y > 0 || x > 15 ? 30000 : (int)x * 2000);
    }
    jpeg_create_compress(&out);
    jpeg_mem_dest(&out, &jpeg, &n);
    jpeg_copy_critical_parameters(&in, &out);
    jpeg_write_coefficients(&out, blocks);
    jpeg_finish_compress(&out);
    support_write(path, jpeg, n);
    jpeg_destroy_compress(&out);
    jpeg_destroy_decompress(&in);
    free(jpeg);
    buf_clear(&b);
}

static void test_coefficients_that_no_jpeg_can_hold_do_not_stop_the_copy(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), path[4096];
    struct convert_result r;
    struct err err;
    snprintf(path, sizeof path, "%s/climbing.jpg", dir);
    make_variant(&variants[5], path);
    make_climbing_dc(path);
    struct buf b = support_read(path);
    assert_ok(convert_bytes(buf_data(&b), b.used, &r, &err));
    buf_clear(&b);
    support_tmp_remove(&dir);
}

static void test_cmyk_is_refused_in_words(void **state)
{
    (void)state;
    static unsigned char row[64 * 4];
    JSAMPROW rows = row;
    struct jpeg_compress_struct out;
    struct jpeg_error_mgr errors;
    struct convert_result r;
    struct err err;
    unsigned char *jpeg = NULL;
    unsigned long n = 0;
    out.err = jpeg_std_error(&errors);
    jpeg_create_compress(&out);
    jpeg_mem_dest(&out, &jpeg, &n);
    out.image_width = out.image_height = 64;
    out.input_components = 4;
    out.in_color_space = JCS_CMYK;
    jpeg_set_defaults(&out);
    jpeg_start_compress(&out, TRUE);
    for (int y = 0; y < 64; y++)
        jpeg_write_scanlines(&out, &rows, 1);
    jpeg_finish_compress(&out);
    jpeg_destroy_compress(&out);
    assert_int_equal(convert_bytes(jpeg, n, &r, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "CMYK"));
    free(jpeg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_outside_the_strip_are_the_same_to_the_bit),
        cmocka_unit_test(test_photos_of_the_collection_keep_all_but_the_strip),
        cmocka_unit_test(test_overlay_stands_upright_in_all_orientations),
        cmocka_unit_test(test_exiftool_reads_what_is_known_and_complains_of_nothing_new),
        cmocka_unit_test(test_overlay_of_a_photo_can_be_read),
        cmocka_unit_test(test_the_usual_huffman_tables_stay_and_others_are_made_anew),
        cmocka_unit_test(test_a_photo_cut_at_100_places_gives_what_is_readable),
        cmocka_unit_test(test_changed_bytes_never_give_half_a_copy),
        cmocka_unit_test(test_stray_bytes_are_a_warning),
        cmocka_unit_test(test_coefficients_that_no_jpeg_can_hold_do_not_stop_the_copy),
        cmocka_unit_test(test_cmyk_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
