#include "raster.h"
#include "dashspool/fsx.h"
#include <assert.h>
#include <fcntl.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <unistd.h>

#define QUALITY 92
#define ALIGN   64 /* swscale writes whole vectors */

int raster_init(struct raster *r, int width_px, int height_px, int log2_chroma, uint8_t grey,
                struct err *err)
{
    *r = (struct raster){.width_px = width_px, .height_px = height_px, .log2_chroma = log2_chroma};
    for (int k = 0; k < 3; k++) {
        int shift = k > 0 ? log2_chroma : 0, round = (1 << shift) - 1;
        int w = (width_px + round) >> shift, h = (height_px + round) >> shift;
        r->stride[k] = (w + 2 * ALIGN - 1) / ALIGN * ALIGN;
        size_t n = (size_t)r->stride[k] * (size_t)(h + 1);
        r->plane[k] = aligned_alloc(ALIGN, n);
        if (!r->plane[k])
            return err_nomem(err, "%dx%d pixels", width_px, height_px);
        memset(r->plane[k], k > 0 ? 128 : grey, n);
    }
    return ERR_OK;
}

void raster_clear(struct raster *r)
{
    for (int k = 0; k < 3; k++)
        free(r->plane[k]);
    *r = (struct raster){0};
}

/* The J formats are the plain ones in full range. */
static enum AVPixelFormat plain(enum AVPixelFormat f, bool *full)
{
    static const enum AVPixelFormat pair[][2] = {{AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P},
                                                 {AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P},
                                                 {AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P}};
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
        if (f == pair[i][0]) {
            *full = true;
            return pair[i][1];
        }
    return f;
}

/* Both ranges must be known to swscale before it chooses its functions, so the context is made by
 * its options. */
static int open_scaler(struct SwsContext **out, const struct raster *r, struct raster_box at,
                       const AVFrame *f, struct err *err)
{
    bool full = f->color_range == AVCOL_RANGE_JPEG;
    enum AVPixelFormat from = plain((enum AVPixelFormat)f->format, &full);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(from);
    full = full || (d && d->flags & AV_PIX_FMT_FLAG_RGB);
    struct SwsContext *s = *out = sws_alloc_context();
    if (!s)
        return err_nomem(err, "scaling");
    av_opt_set_int(s, "srcw", f->width, 0);
    av_opt_set_int(s, "srch", f->height, 0);
    av_opt_set_int(s, "src_format", from, 0);
    av_opt_set_int(s, "src_range", full, 0);
    av_opt_set_int(s, "dstw", at.w, 0);
    av_opt_set_int(s, "dsth", at.h, 0);
    av_opt_set_int(s, "dst_format", r->log2_chroma ? AV_PIX_FMT_YUV420P : AV_PIX_FMT_YUV444P, 0);
    av_opt_set_int(s, "dst_range", 1, 0);
    av_opt_set_int(
        s, "sws_flags",
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT, 0);
    sws_setColorspaceDetails(s, sws_getCoefficients((int)f->colorspace), full,
                             sws_getCoefficients(SWS_CS_ITU601), 1, 0, 1 << 16, 1 << 16);
    int code = sws_init_context(s, NULL, NULL);
    return code < 0 ? av_fail(err, code, NULL, "pictures of %dx%d, %s", f->width, f->height,
                              d ? d->name : "unknown")
                    : ERR_OK;
}

static void copy_in(struct raster *r, struct raster_box at, const struct raster *scaled)
{
    for (int k = 0; k < 3; k++) {
        int shift = k > 0 ? r->log2_chroma : 0, round = (1 << shift) - 1;
        for (int y = 0; y < (at.h + round) >> shift; y++)
            memcpy(r->plane[k] + (ptrdiff_t)((at.y >> shift) + y) * r->stride[k] + (at.x >> shift),
                   scaled->plane[k] + (ptrdiff_t)y * scaled->stride[k],
                   (size_t)((at.w + round) >> shift));
    }
}

int raster_put(struct raster *r, struct raster_box at, const AVFrame *f, struct err *err)
{
    struct SwsContext *s = NULL;
    struct raster scaled = {0}; /* swscale writes beyond its picture */
    assert(at.x >= 0 && at.y >= 0 && at.x + at.w <= r->width_px && at.y + at.h <= r->height_px);
    int code, rc = raster_init(&scaled, at.w, at.h, r->log2_chroma, 0, err);
    if (rc == ERR_OK)
        rc = open_scaler(&s, r, at, f, err);
    if (rc == ERR_OK && (code = sws_scale(s, (const uint8_t *const *)f->data, f->linesize, 0,
                                          f->height, scaled.plane, scaled.stride)) < 0)
        rc = av_fail(err, code, NULL, "scaling");
    if (rc == ERR_OK)
        copy_in(r, at, &scaled);
    sws_freeContext(s);
    raster_clear(&scaled);
    return rc;
}

/* Y, Cb, Cr of 0xrrggbb: ITU-R BT.601, full range (JFIF 1.02). */
static void colour_of(uint32_t rgb, uint8_t ycc[3])
{
    int r = rgb >> 16 & 255, g = rgb >> 8 & 255, b = rgb & 255;
    ycc[0] = (uint8_t)((299 * r + 587 * g + 114 * b + 500) / 1000);
    ycc[1] = (uint8_t)((128000 - 169 * r - 331 * g + 500 * b) / 1000);
    ycc[2] = (uint8_t)((128000 + 500 * r - 419 * g - 81 * b) / 1000);
}

void raster_fill(struct raster *r, struct raster_box at, uint32_t rgb)
{
    uint8_t ycc[3];
    colour_of(rgb, ycc);
    for (int k = 0; k < 3; k++) {
        int shift = k > 0 ? r->log2_chroma : 0;
        for (int y = at.y >> shift; y < (at.y + at.h) >> shift; y++)
            memset(r->plane[k] + (ptrdiff_t)y * r->stride[k] + (at.x >> shift), ycc[k],
                   (size_t)(at.w >> shift));
    }
}

/* A comment (COM) behind the JFIF header says who made it: its name may be lost one day. */
static int write_marked(int fd, const uint8_t *jpeg, size_t n, struct err *err)
{
    static const char who[] = "dashspool " DASHSPOOL_VERSION;
    const uint8_t head[4] = {0xff, 0xfe, 0, sizeof who - 1 + 2};
    size_t at = n > 6 && jpeg[3] == 0xe0 ? 4 + ((size_t)jpeg[4] << 8 | jpeg[5]) : 2;
    int rc = fsx_write_all(fd, jpeg, at, err);
    if (rc == ERR_OK && (rc = fsx_write_all(fd, head, sizeof head, err)) == ERR_OK)
        rc = fsx_write_all(fd, who, sizeof who - 1, err);
    return rc < 0 ? rc : fsx_write_all(fd, jpeg + at, n - at, err);
}

int raster_save(const struct raster *r, const char *path, struct err *err)
{
    const unsigned char *planes[3] = {r->plane[0], r->plane[1], r->plane[2]};
    unsigned char *jpeg = NULL;
    unsigned long n = 0;
    int rc = ERR_OK, fd = -1;
    tjhandle tj = tjInitCompress();
    if (!tj)
        return err_nomem(err, "a JPEG encoder");
    if (tjCompressFromYUVPlanes(tj, planes, r->width_px, r->stride, r->height_px,
                                r->log2_chroma ? TJSAMP_420 : TJSAMP_444, &jpeg, &n, QUALITY,
                                TJFLAG_ACCURATEDCT) < 0)
        rc = err_set(err, ERR_UNSUPPORTED, "JPEG encoder: %s", tjGetErrorStr2(tj));
    /* EXIF of stills (exif.c) belongs here, behind SOI. */
    if (rc == ERR_OK && (fd = open(path, O_WRONLY | O_CLOEXEC)) < 0)
        rc = err_sys(err, "open %s", path);
    if (rc == ERR_OK)
        rc = write_marked(fd, jpeg, n, err);
    if (fd >= 0 && close(fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", path);
    tjFree(jpeg);
    tjDestroy(tj);
    return rc;
}

/* ---- text ---- */

/* Its place, size and colour as commands; libass has colours as 0xbbggrr. */
static bool add_text(struct letters *letters, const struct raster_text *t)
{
    char text[sizeof t->text + 80];
    snprintf(text, sizeof text, "{\\an%d\\pos(%d,%d)\\fs%d\\1c&H%02x%02x%02x&}%s", t->right ? 9 : 7,
             t->x, t->y, t->size_px, (unsigned)(t->rgb & 255), (unsigned)(t->rgb >> 8 & 255),
             (unsigned)(t->rgb >> 16 & 255), t->text);
    return letters_add(letters, text, t->size_px, 0);
}

int raster_write(struct raster *r, const struct raster_text *text, int n, struct err *err)
{
    assert(r->log2_chroma == 0);
    struct letters *letters = letters_new(r->width_px, r->height_px);
    bool ok = letters != NULL;
    for (int i = 0; ok && i < n; i++)
        ok = add_text(letters, &text[i]);
    const ASS_Image *image = ok ? letters_draw(letters) : NULL;
    for (; image; image = image->next) {
        uint8_t ycc[3];
        int visible = 255 - (int)(image->color & 0xff);
        colour_of(image->color >> 8, ycc);
        for (int row = 0; row < image->h; row++) {
            int y = image->dst_y + row;
            for (int col = 0; col < image->w && y >= 0 && y < r->height_px; col++) {
                int x = image->dst_x + col, a = image->bitmap[row * image->stride + col] * visible;
                if (x < 0 || x >= r->width_px)
                    continue;
                for (int k = 0; k < 3; k++) {
                    uint8_t *at = r->plane[k] + (ptrdiff_t)y * r->stride[k] + x;
                    *at = (uint8_t)((*at * (65025 - a) + ycc[k] * a + 32512) / 65025);
                }
            }
        }
    }
    letters_free(letters);
    return ok ? ERR_OK : err_nomem(err, "text");
}
