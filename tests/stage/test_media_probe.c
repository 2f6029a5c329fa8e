/* A statement about every file of the collection; parameter sets from another clip. */
#include "dashspool/convert.h"
#include "footage/media/annexb.h"
#include "footage/media/ptmf.h"
#include "support/footage.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* -1: at least one */
struct statement {
    const char *name;
    enum media_container container; /* UNKNOWN: cannot be read */
    int width_px, height_px, pictures;
    int damaged, affected, lost, lead, stray, cut, gaps;
};

static const struct statement statements[] = {
#define WHOLE 0, 0, 0, 0, 0, 0, 0
    {"samples/front-20fps-10s-sound.h265", MEDIA_PTMF, 1280, 720, 200, WHOLE},
    {"ptmf/front-30fps-5s-gaps.h265", MEDIA_PTMF, 1280, 720, 150, 0, 0, 0, 0, 0, 0, 3},
    {"ptmf/two-recordings.h265", MEDIA_PTMF, 320, 240, 100, 0, 0, 0, 0, 0, 0, 1},
    {"samples/rear-25fps-6s-silent.h265", MEDIA_PTMF, 1280, 720, 150, WHOLE},
    {"hevc/cros-64x64-I-P-B-P.h265", MEDIA_ANNEXB, 64, 64, 3, WHOLE},
    {"hevc/cros-64x64-I-P.h265", MEDIA_ANNEXB, 64, 64, 2, WHOLE},
    {"hevc/cros-64x64-I.h265", MEDIA_ANNEXB, 64, 64, 1, WHOLE},
    {"hevc/cros-bbb.h265", MEDIA_ANNEXB, 176, 144, 60, WHOLE},
    {"hevc/cros-bear.h265", MEDIA_ANNEXB, 320, 180, 30, WHOLE},
    {"hevc/cros-test-25fps.h265", MEDIA_ANNEXB, 320, 240, 250, WHOLE},
    {"hevc/libvpl-cars_320x240.h265", MEDIA_ANNEXB, 320, 240, 30, WHOLE},
    {"hevc/membrane-input-10-1920x1080.h265", MEDIA_ANNEXB, 1920, 1080, 10, WHOLE},
    {"hevc/membrane-input-10-480x320-mainstillpicture.h265", MEDIA_ANNEXB, 480, 320, 10, WHOLE},
    {"hevc/membrane-input-10-640x480-main10.h265", MEDIA_ANNEXB, 640, 480, 10, WHOLE},
    {"hevc/membrane-input-10-no-vps-sps-pps.h265", MEDIA_UNKNOWN, 0, 0, 0, WHOLE},
    {"hevc/membrane-input-15-1280x720-temporal-id-1.h265", MEDIA_ANNEXB, 1280, 720, 15, WHOLE},
    {"hevc/membrane-input-30-640x480-no-bframes.h265", MEDIA_ANNEXB, 640, 480, 30, WHOLE},
    {"hevc/membrane-input-300-98x58-conformance-window.h265", MEDIA_ANNEXB, 98, 58, 300, WHOLE},
    {"hevc/membrane-input-30-640x480-no-parameter-sets.h265", MEDIA_UNKNOWN, 0, 0, 0, WHOLE},
    {"hevc/membrane-input-30-640x480-variable-parameters.h265", MEDIA_ANNEXB, 640, 480, 30, WHOLE},
    {"hevc/membrane-input-irap-pss-no-irap.h265", MEDIA_ANNEXB, 640, 480, 36, WHOLE},
    {"hevc/membrane-input-pss-no-irap-pss-irap.h265", MEDIA_ANNEXB, 640, 480, 30, 0, 0, 0, 5, 0, 0,
     0},
    {"hevc/second-intra-no-key.h265", MEDIA_ANNEXB, 96, 64, 40, WHOLE},
    {"hevc/shapes.h265", MEDIA_ANNEXB, 128, 96, 30, WHOLE},
    {"hevc/road-320x180-checksum.h265", MEDIA_ANNEXB, 320, 180, 6, WHOLE},
    {"hevc/road-320x180-crc.h265", MEDIA_ANNEXB, 320, 180, 6, WHOLE},
    {"hevc/road-320x180-md5.h265", MEDIA_ANNEXB, 320, 180, 96, WHOLE},
    {"hevc/road-720p25.h265", MEDIA_ANNEXB, 1280, 720, 90, WHOLE},
    {"hevc-damaged/19-bit-flips.h265", MEDIA_ANNEXB, 1280, 720, 40, 12, 25, 0, 0, 0, 0, 0},
    {"hevc-damaged/8k-zero-hole.h265", MEDIA_ANNEXB, 1280, 720, 34, 1, 4, 0, 0, 0, 0, 0},
    {"hevc-damaged/gdr-cut.h265", MEDIA_ANNEXB, 320, 240, 25, 0, 25, 0, 15, 0, 0, 0},
    {"hevc-damaged/ptmf-5-packets-missing.h265", MEDIA_PTMF, 1280, 720, 46, 1, 15, 0, 0, 0, 3644,
     0},
    {"hevc-damaged/ptmf-truncated.h265", MEDIA_PTMF, 1280, 720, 26, 0, 0, 0, 0, 0, 4416, 0},
    {"hevc-damaged/ptmf-zeroed-packet.h265", MEDIA_PTMF, 1280, 720, 46, 1, 0, 0, 0, 0, 3644, 0},
    {"hevc-damaged/starts-mid-gop.h265", MEDIA_ANNEXB, 1280, 720, 4, 0, 0, 0, 21, 4649, 0, 0},
    {"hevc-damaged/truncated-mid-nal.h265", MEDIA_ANNEXB, 1280, 720, 31, 1, 0, 0, 0, 0, 1015, 0},
    {"jpeg/exif-corrupt.jpg", MEDIA_JPEG, 16, 16, 0, WHOLE},
    {"jpeg/exif-wrong-type.jpg", MEDIA_JPEG, 32, 32, 0, WHOLE},
    {"jpeg/orient-Landscape_1.jpg", MEDIA_JPEG, 640, 432, 0, WHOLE},
    {"jpeg/orient-Landscape_3.jpg", MEDIA_JPEG, 640, 432, 0, WHOLE},
    {"jpeg/orient-Landscape_6.jpg", MEDIA_JPEG, 432, 640, 0, WHOLE},
    {"jpeg/orient-Landscape_8.jpg", MEDIA_JPEG, 432, 640, 0, WHOLE},
    {"jpeg/orient-Portrait_6.jpg", MEDIA_JPEG, 640, 432, 0, WHOLE},
    {"jpeg/progressive.jpg", MEDIA_JPEG, 640, 360, 0, WHOLE},
    {"jpeg/udacity-540p-solidWhiteRight.jpg", MEDIA_JPEG, 960, 540, 0, WHOLE},
    {"jpeg/udacity-720p-straight_lines1.jpg", MEDIA_JPEG, 1280, 720, 0, WHOLE},
    {"samples/photo-720p.jpg", MEDIA_JPEG, 1280, 720, 0, WHOLE},
};
enum { N_STATEMENTS = sizeof statements / sizeof *statements };

static const char *path_of(const char *name)
{
    static const char samples[] = "samples/";
    return strncmp(name, samples, strlen(samples)) == 0 ? footage_sample(name + strlen(samples))
                                                        : support_data(name);
}

static int probe(const char *path, const char *params_from, struct media_probe *p, struct err *err)
{
    struct media_facts facts = {.tz_min = 0};
    struct convert_options options = footage_options(COPY_WORKING);
    snprintf(options.media.params_from, sizeof options.media.params_from, "%s", params_from);
    *err = (struct err){0};
    return media_probe(path, &facts, &options.media, true, p, err);
}

static void agrees(const struct statement *s, const struct media_probe *p)
{
    const struct media_damage *d = &p->damage;
    const int64_t is[] = {(int64_t)p->container,
                          p->width_px,
                          p->height_px,
                          p->pictures,
                          d->damaged,
                          d->affected,
                          d->lost,
                          d->undecodable_lead,
                          d->stray_bytes,
                          d->cut_bytes,
                          p->gaps};
    const int64_t should[] = {(int64_t)s->container,
                              s->width_px,
                              s->height_px,
                              s->pictures,
                              s->damaged,
                              s->affected,
                              s->lost,
                              s->lead,
                              s->stray,
                              s->cut,
                              s->gaps};
    bool whole = true;
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        if (is[i] != should[i])
            fail_msg("%s: fact %zu is %lld, not %lld", s->name, i, (long long)is[i],
                     (long long)should[i]);
        whole = whole && (i < 4 || i == 10 || is[i] == 0);
    }
    assert_int_equal(p->clean, whole);
    assert_int_equal(strlen(p->sha256), 64);
}

static void test_every_file_has_its_statement(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_STATEMENTS; i++) {
        struct media_probe p;
        struct err err;
        int rc = probe(path_of(statements[i].name), "", &p, &err);
        assert_int_equal(rc, statements[i].container ? ERR_OK : ERR_MALFORMED);
        if (rc == ERR_OK)
            agrees(&statements[i], &p);
        else
            assert_non_null(strstr(err.text, "--params-from"));
    }
}

static void test_no_file_of_the_collection_is_forgotten(void **state)
{
    (void)state;
    static const char *const folders[] = {"samples", "ptmf", "hevc", "hevc-damaged", "jpeg"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        bool samples = strcmp(folders[i], "samples") == 0;
        DIR *d = opendir(samples ? footage_sample("") : support_data(folders[i]));
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d)) != NULL;) {
            char name[512];
            size_t k = 0;
            if (e->d_name[0] == '.' || strstr(e->d_name, ".json"))
                continue;
            if (samples && !strstr(e->d_name, "fps-") && !strstr(e->d_name, "photo"))
                continue;
            snprintf(name, sizeof name, "%s/%s", folders[i], e->d_name);
            while (k < N_STATEMENTS && strcmp(statements[k].name, name) != 0)
                k++;
            if (k == N_STATEMENTS)
                fail_msg("no statement about %s", name);
        }
        closedir(d);
    }
}

/* Breaks the start codes of the first `keys` key pictures' parameter sets, so that they are gone
 * though every record keeps its length. */
static void lose_sets(struct buf *b, int keys)
{
    struct ptmf p = ptmf_init(buf_data(b), b->used);
    struct ptmf_record r;
    while (ptmf_next(&p, &r) && keys > 0) {
        struct nal_scan scan = nal_scan_init(r.payload, r.n);
        struct nal nal;
        if (r.type != 'I')
            continue;
        keys--;
        while (nal_next(&scan, &nal))
            if (nal_is_parameter_set(&nal))
                b->mem[b->start + (size_t)(nal.p - buf_data(b))] = 38 << 1; /* filler data */
    }
}

static void test_parameter_sets_are_lent_by_another_clip(void **state)
{
    (void)state;
    struct media_probe p;
    struct err err;
    char lender[4096], path[4096], *dir = support_tmp_dir();
    snprintf(lender, sizeof lender, "%s", footage_sample("rear-25fps-6s-silent.h265"));
    snprintf(path, sizeof path, "%s/clip.h265", dir);
    struct buf b = support_read(lender);
    lose_sets(&b, 1); /* the second key picture brings its own, which are those of the first */
    support_write(path, buf_data(&b), b.used);
    assert_ok(probe(path, "", &p, &err));
    assert_int_equal(p.first_decodable, 0);
    assert_false(p.borrowed_sets);
    assert_non_null(strstr(p.warning, "parameter sets come behind the first pictures"));
    assert_ok(probe(path, lender, &p, &err));
    assert_int_equal(p.first_decodable, 0);
    assert_true(p.borrowed_sets && p.decoder_findings == 0);
    lose_sets(&b, 1000);
    support_write(path, buf_data(&b), b.used);
    assert_err(ERR_MALFORMED, probe(path, "", &p, &err));
    assert_ok(probe(path, lender, &p, &err));
    assert_int_equal(p.first_decodable, 0);
    assert_int_equal(p.decoder_findings, 0);
    assert_err(ERR_CONFIG, probe(path, path, &p, &err));
    assert_non_null(strstr(err.text, "begins without parameter sets"));
    assert_err(ERR_NOTFOUND, probe(path, "/nowhere", &p, &err));
    assert_err(ERR_CONFIG, probe(path, footage_sample("photo-720p.jpg"), &p, &err));
    assert_ok(probe(lender, "/nowhere", &p, &err)); /* it has its own */
    assert_false(p.borrowed_sets);
    buf_clear(&b);
    support_tmp_remove(&dir);
}

static void test_a_plain_stream_without_sets_converts_with_lent_ones(void **state)
{
    (void)state;
    struct convert_result r;
    struct err err;
    char clip[4096], *dir = support_tmp_dir();
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING | COPY_VIEWING);
    snprintf(clip, sizeof clip, "%s",
             support_data("hevc/membrane-input-30-640x480-no-parameter-sets.h265"));
    snprintf(options.media.params_from, sizeof options.media.params_from, "%s",
             support_data("hevc/membrane-input-30-640x480-variable-parameters.h265"));
    assert_ok(convert_file(clip, dir, "clip", &facts, &options, NULL, NULL, &r, &err));
    assert_int_equal(r.pictures, 30);
    assert_int_equal(r.damage.damaged, 0);
    snprintf(options.media.params_from, sizeof options.media.params_from, "%s",
             support_data("hevc/road-720p25.h265"));
    assert_err(ERR_MALFORMED,
               convert_file(clip, dir, "other", &facts, &options, NULL, NULL, &r, &err));
    assert_non_null(strstr(err.text, "the other clip"));
    support_tmp_remove(&dir);
}

static void test_a_cut_photo_is_incomplete(void **state)
{
    (void)state;
    struct media_probe p;
    struct err err;
    char path[4096], *dir = support_tmp_dir();
    snprintf(path, sizeof path, "%s/x.jpg", dir);
    struct buf b = support_read(footage_sample("photo-720p.jpg"));
    support_write(path, buf_data(&b), b.used);
    assert_ok(probe(path, "", &p, &err));
    assert_true(p.clean && p.complete);
    support_write(path, buf_data(&b), b.used / 2);
    assert_ok(probe(path, "", &p, &err));
    assert_false(p.clean || p.complete);
    support_write(path, buf_data(&b), 100);
    assert_err(ERR_MALFORMED, probe(path, "", &p, &err));
    buf_clear(&b);
    support_tmp_remove(&dir);
}

static void write_and_probe(const char *path, const struct buf *b, size_t n, struct media_probe *p)
{
    struct err err;
    support_write(path, buf_data(b), n);
    assert_ok(probe(path, "", p, &err));
}

/* Of a photo without its end mark, all of the picture may be there, or not. */
static void test_a_missing_end_mark_alone_is_no_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"jpeg/progressive.jpg", "jpeg/orient-Portrait_6.jpg",
                                        "jpeg/udacity-540p-solidWhiteRight.jpg"};
    struct media_probe p;
    char path[4096], *dir = support_tmp_dir();
    snprintf(path, sizeof path, "%s/x.jpg", dir);
    for (int i = 0; i < 3; i++) {
        struct buf b = support_read(support_data(names[i]));
        write_and_probe(path, &b, b.used - 2, &p);
        assert_true(p.clean && p.complete);
        assert_non_null(strstr(p.warning, "end mark"));
        write_and_probe(path, &b, b.used - 12, &p);
        assert_false(p.clean || p.complete);
        struct err err;
        struct buf again = support_read(support_data(names[i]));
        assert_ok(buf_append(&b, buf_data(&again), again.used, &err));
        buf_clear(&again);
        write_and_probe(path, &b, b.used, &p);
        assert_true(p.clean && p.complete);
        assert_non_null(strstr(p.warning, "behind its end"));
        buf_clear(&b);
    }
    /* between two scans of a progressive one: the coarse picture alone */
    struct buf b = support_read(support_data(names[0]));
    size_t last = 0;
    for (size_t i = 0; i + 1 < b.used; i++)
        if (buf_data(&b)[i] == 0xff && buf_data(&b)[i + 1] == 0xda)
            last = i;
    write_and_probe(path, &b, last, &p);
    assert_false(p.clean || p.complete);
    buf_clear(&b);
    support_tmp_remove(&dir);
}

static void put_record(struct buf *out, char type, uint32_t number, const void *payload, size_t n)
{
    uint8_t header[PTMF_HEADER_BYTES] = "PTMF";
    struct err err;
    header[5] = (uint8_t)type;
    header[7] = 25;
    header[12] = (uint8_t)number;
    for (int i = 0; i < 4; i++)
        header[24 + i] = (uint8_t)(n >> 8 * i);
    header[30] = (uint8_t)number;
    assert_ok(buf_append(out, header, sizeof header, &err));
    assert_ok(buf_append(out, payload, n, &err));
}

static void test_what_is_no_h265_is_named_for_what_it_is(void **state)
{
    (void)state;
    static const uint8_t h264[] = {0, 0, 0, 1,    0x67, 0x64, 0,    0x1f, 0xac,
                                   0, 0, 0, 1,    0x68, 0xee, 0x3c, 0x80, 0,
                                   0, 0, 1, 0x65, 0x88, 0x84, 0,    0x33};
    static const uint8_t aud[] = {0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x27, 0x42, 0, 0x1f, 0x95};
    static const uint8_t p_slice[] = {0, 0, 0, 1, 0x41, 0x9a, 0x24, 0x6c, 0x41};
    struct buf photo = support_read(footage_sample("photo-720p.jpg"));
    struct buf records[3] = {{0}}, lead = {0};
    struct err err;
    for (int i = 0; i < 3; i++)
        buf_init(&records[i], 1 << 22);
    buf_init(&lead, 1 << 22);
    put_record(&records[0], 'I', 1, h264, sizeof h264);
    put_record(&records[0], 'P', 2, p_slice, sizeof p_slice);
    put_record(&records[1], 'A', 1, "\0\1\1\0\xd5\xd5", 6);
    put_record(&records[1], 'P', 2, p_slice, sizeof p_slice); /* before the first key picture */
    put_record(&records[1], 'I', 3, aud, sizeof aud);
    for (uint32_t i = 0; i < 3; i++)
        put_record(&records[2], 'I', i, buf_data(&photo), photo.used);
    assert_ok(buf_append(&lead, "\x12\x34\xff\xd8", 4, &err));
    assert_ok(buf_append(&lead, buf_data(&photo), photo.used, &err));
    const struct {
        const void *data;
        size_t n;
        const char *says;
    } kinds[] = {{buf_data(&records[0]), records[0].used, "records (PTMF) that hold H.264"},
                 {buf_data(&records[1]), records[1].used, "records (PTMF) that hold H.264"},
                 {buf_data(&records[2]), records[2].used, "records (PTMF) that hold MJPEG"},
                 {h264, sizeof h264, "this is H.264"},
                 {aud, sizeof aud, "this is H.264"},
                 {buf_data(&lead), lead.used, "a JPEG photo behind 4 stray bytes"},
                 {"RIFF\4\0\0\0AVI LIST", 16, "an AVI file"}};
    char path[4096], *dir = support_tmp_dir();
    snprintf(path, sizeof path, "%s/clip.h265", dir);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct media_probe p;
        support_write(path, kinds[i].data, kinds[i].n);
        assert_err(ERR_UNSUPPORTED, probe(path, "", &p, &err));
        if (!strstr(err.text, kinds[i].says))
            fail_msg("'%s' does not say '%s'", err.text, kinds[i].says);
    }
    for (int i = 0; i < 3; i++)
        buf_clear(&records[i]);
    buf_clear(&lead);
    buf_clear(&photo);
    support_tmp_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_has_its_statement),
        cmocka_unit_test(test_no_file_of_the_collection_is_forgotten),
        cmocka_unit_test(test_parameter_sets_are_lent_by_another_clip),
        cmocka_unit_test(test_a_plain_stream_without_sets_converts_with_lent_ones),
        cmocka_unit_test(test_a_cut_photo_is_incomplete),
        cmocka_unit_test(test_a_missing_end_mark_alone_is_no_damage),
        cmocka_unit_test(test_what_is_no_h265_is_named_for_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
