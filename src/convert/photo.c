#include "copies.h"
#include "dashspool/buf.h"
#include "dashspool/fsx.h"
#include "jpeg_segments.h"
#include "osd.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <unistd.h>

#define PHOTO_PIXELS_MAX (64 * 1000 * 1000) /* the cameras make 2; phones up to 50 */
#define PHOTO_QUALITY    95

struct photo {
    tjhandle tj;
    int width, height, subsampling, components;
    unsigned char *plane[3];
    int stride[3];
    int orientation;
    unsigned char *jpeg; /* re-encoded; TurboJPEG's memory */
    unsigned long n;
};

static int tj_fail(const struct photo *p, int code, const char *what, struct err *err)
{
    return err_set(err, code, "%s: %s", what, tjGetErrorStr2(p->tj));
}

static int read_header(struct photo *p, const uint8_t *jpeg, size_t n, struct err *err)
{
    int space;
    p->tj = tjInitDecompress();
    if (!p->tj)
        return err_set(err, ERR_NOMEM, "no memory for a JPEG decoder");
    if (tjDecompressHeader3(p->tj, jpeg, (unsigned long)n, &p->width, &p->height, &p->subsampling,
                            &space) < 0)
        return tj_fail(p, ERR_MALFORMED, "the JPEG is broken", err);
    if (p->width <= 0 || p->height <= 0) /* TurboJPEG calls a header without SOF a success */
        return err_set(err, ERR_MALFORMED, "the JPEG is broken: it has no picture header");
    if (space != TJCS_YCbCr && space != TJCS_GRAY)
        return err_set(err, ERR_UNSUPPORTED, "a JPEG in %s; only YCbCr and grey are supported",
                       space == TJCS_RGB ? "RGB" : "CMYK");
    if (p->subsampling < 0)
        return err_set(err, ERR_UNSUPPORTED, "a JPEG with unusual chroma subsampling");
    if (p->width > PHOTO_PIXELS_MAX / p->height)
        return err_set(err, ERR_LIMIT, "a JPEG of %dx%d; at most %d million pixels are supported",
                       p->width, p->height, PHOTO_PIXELS_MAX / 1000000);
    p->components = p->subsampling == TJSAMP_GRAY ? 1 : 3;
    return ERR_OK;
}

static int decode(struct photo *p, const uint8_t *jpeg, size_t n, struct err *err)
{
    for (int k = 0; k < p->components; k++) {
        p->stride[k] = tjPlaneWidth(k, p->width, p->subsampling);
        unsigned long size = tjPlaneSizeYUV(k, p->width, p->stride[k], p->height, p->subsampling);
        p->plane[k] = calloc(1, size);
        if (!p->plane[k])
            return err_set(err, ERR_NOMEM, "no memory for %dx%d pixels", p->width, p->height);
    }
    if (tjDecompressToYUVPlanes(p->tj, jpeg, (unsigned long)n, p->plane, p->width, p->stride,
                                p->height, TJFLAG_ACCURATEDCT) < 0)
        return tj_fail(p, ERR_MALFORMED, "the JPEG is broken", err);
    return ERR_OK;
}

static int log2_of(int n)
{
    return n >= 4 ? 2 : n >= 2 ? 1 : 0;
}

static int overlay(struct photo *p, const struct copy_task *t, struct err *err)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    struct osd *osd = NULL;
    bool turned = p->orientation >= 5;
    osd_text_at(t->osd, 0, 0, "still copy", lines);
    int rc = osd_new(&osd, turned ? p->height : p->width, turned ? p->width : p->height, t->options,
                     err);
    if (rc == ERR_OK)
        rc = osd_set(osd, lines, err);
    if (rc == ERR_OK)
        rc = osd_orient(osd, p->orientation, err);
    if (rc == ERR_OK) {
        struct osd_planes planes = {
            .plane = {p->plane[0], p->plane[1], p->plane[2]},
            .stride = {p->stride[0], p->stride[1], p->stride[2]},
            .n = p->components,
            .width_px = p->width,
            .height_px = p->height,
            .log2_chroma_w = log2_of(tjMCUWidth[p->subsampling] / 8),
            .log2_chroma_h = log2_of(tjMCUHeight[p->subsampling] / 8),
            .full_range = true, /* JFIF */
        };
        osd_blend(osd, &planes);
    }
    osd_free(&osd);
    return rc;
}

static int encode(struct photo *p, struct err *err)
{
    const unsigned char *planes[3] = {p->plane[0], p->plane[1], p->plane[2]};
    tjDestroy(p->tj);
    p->tj = tjInitCompress();
    if (!p->tj)
        return err_set(err, ERR_NOMEM, "no memory for a JPEG encoder");
    if (tjCompressFromYUVPlanes(p->tj, planes, p->width, p->stride, p->height, p->subsampling,
                                &p->jpeg, &p->n, PHOTO_QUALITY, TJFLAG_ACCURATEDCT) < 0)
        return tj_fail(p, ERR_UNSUPPORTED, "JPEG encoder", err);
    return ERR_OK;
}

/* Of a segment of the master: does the copy carry it over? Adobe's (APP14) speaks of the old
 * coding; Exif that does not parse would only confuse its readers. */
static bool keep(struct photo *p, const struct jpeg_segment *s, struct media *m)
{
    static const uint8_t app0 = 0xe0, app14 = 0xee, app15 = 0xef, com = 0xfe;
    if (s->marker != com && (s->marker < app0 || s->marker > app15 || s->marker == app14))
        return false;
    if (!jpeg_is_exif(s) || jpeg_exif_orientation(s, &p->orientation))
        return true;
    media_warn(m, "the EXIF data is damaged and was left out");
    return false;
}

/* SOI, the master's segments, and the new image behind its own SOI (and JFIF, if the master has
 * one). */
static int assemble(struct photo *p, const struct buf *segments, bool jfif, struct buf *out,
                    struct err *err)
{
    struct jpeg_walk walk = jpeg_walk_init(p->jpeg, p->n);
    struct jpeg_segment first;
    size_t rest = 2;
    if (jfif && jpeg_walk_next(&walk, &first) && jpeg_is_jfif(&first))
        rest += first.n;
    int rc = buf_append(out, p->jpeg, 2, err);
    if (rc == ERR_OK && !jfif && jpeg_walk_next(&walk, &first) && jpeg_is_jfif(&first)) {
        rest += first.n;
        rc = buf_append(out, first.p, first.n, err);
    }
    if (rc == ERR_OK)
        rc = buf_append(out, buf_data(segments), segments->used, err);
    return rc < 0 ? rc : buf_append(out, p->jpeg + rest, p->n - rest, err);
}

static int write_file(const char *path, const struct buf *out, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    int rc = fsx_write_all(fd, buf_data(out), out->used, err);
    if (close(fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", path);
    return rc;
}

static int collect_segments(struct photo *p, const uint8_t *jpeg, size_t n, struct media *m,
                            struct buf *segments, bool *jfif, struct err *err)
{
    struct jpeg_walk walk = jpeg_walk_init(jpeg, n);
    struct jpeg_segment s;
    int rc = ERR_OK;
    while (rc == ERR_OK && jpeg_walk_next(&walk, &s)) {
        if (!keep(p, &s, m))
            continue;
        *jfif = *jfif || jpeg_is_jfif(&s);
        rc = buf_append(segments, s.p, s.n, err);
    }
    return rc;
}

int copy_still(const struct copy_task *t, struct err *err)
{
    const uint8_t *jpeg = t->m->map;
    size_t n = t->m->n;
    struct convert_result *result = t->result;
    struct photo p = {.orientation = 1};
    struct buf segments, out;
    bool jfif = false;
    buf_init(&segments, n);
    buf_init(&out, SIZE_MAX / 4);
    int rc = read_header(&p, jpeg, n, err);
    if (rc == ERR_OK)
        rc = decode(&p, jpeg, n, err);
    if (rc == ERR_OK)
        rc = collect_segments(&p, jpeg, n, t->m, &segments, &jfif, err);
    if (rc == ERR_OK)
        rc = overlay(&p, t, err);
    if (rc == ERR_OK)
        rc = encode(&p, err);
    if (rc == ERR_OK)
        rc = assemble(&p, &segments, jfif, &out, err);
    if (rc == ERR_OK)
        rc = write_file(t->path, &out, err);
    result->width_px = p.width;
    result->height_px = p.height;
    result->pictures = result->key_pictures = 1;
    copy_progress(t, 1, 1);
    for (int k = 0; k < 3; k++)
        free(p.plane[k]);
    tjFree(p.jpeg);
    if (p.tj)
        tjDestroy(p.tj);
    buf_clear(&segments);
    buf_clear(&out);
    return rc;
}
