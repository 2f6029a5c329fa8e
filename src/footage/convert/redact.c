#include "redact.h"
#include "media/av.h"
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <string.h>

/* ---- boxes as a person types them ---- */

#define SIDE_MAX_PX 65535
#define TIME_MAX_S  1000000

/* Digits up to a ',' or the end; false: something else, or more than max. */
static bool take_number(const char **at, int max, int *out)
{
    int64_t v = 0;
    const char *p = *at;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p) && v <= max; p++)
        v = v * 10 + (*p - '0');
    *at = *p == ',' ? p + 1 : p;
    *out = (int)v;
    return v <= max && (*p == ',' || *p == '\0');
}

/* Six digits behind the point count; more would be finer than the times are. */
static bool take_fraction(const char **at, int64_t *us)
{
    int64_t unit = 100000;
    const char *p = *at + 1;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++, unit /= 10)
        *us += (*p - '0') * unit;
    *at = p;
    return true;
}

/* ss, mm:ss or hh:mm:ss, with a fraction. */
static bool take_time(const char **at, int64_t *out_us)
{
    int64_t s = 0, us = 0;
    const char *p = *at;
    for (int part = 0; part < 3; part++) {
        int64_t v = 0;
        if (!isdigit((unsigned char)*p))
            return false;
        for (; isdigit((unsigned char)*p) && v <= TIME_MAX_S; p++)
            v = v * 10 + (*p - '0');
        s = s * 60 + v;
        if (v > TIME_MAX_S || *p != ':')
            break;
        p++;
    }
    if (s > TIME_MAX_S || (*p == '.' && !take_fraction(&p, &us)) || (*p != ',' && *p != '\0'))
        return false;
    *out_us = s * 1000000 + us;
    *at = *p == ',' ? p + 1 : p;
    return true;
}

int convert_mask_parse(const char *text, struct convert_mask *out, struct err *err)
{
    const char *at = text;
    struct convert_mask m = {.x = 0};
    int *const numbers[] = {&m.x, &m.y, &m.w, &m.h};
    for (int i = 0; i < 4; i++)
        if (!take_number(&at, SIDE_MAX_PX, numbers[i]) || (i < 3 && at[-1] != ','))
            return err_set(err, ERR_CONFIG,
                           "expected x,y,width,height in pixels, and after them, where it is not "
                           "for all of the video, from,to in seconds or mm:ss");
    if (m.w == 0 || m.h == 0)
        return err_set(err, ERR_CONFIG, "expected a width and a height of at least 1");
    bool has_time = at[-1] == ',';
    if (has_time && !take_time(&at, &m.from_us))
        return err_set(err, ERR_CONFIG, "expected a start time in seconds or mm:ss");
    if (has_time && at[-1] == ',') {
        if (!take_time(&at, &m.until_us) || at[-1] == ',')
            return err_set(err, ERR_CONFIG, "expected an end time in seconds or mm:ss");
        if (m.until_us <= m.from_us)
            return err_set(err, ERR_CONFIG, "expected an end behind the start");
    }
    *out = m;
    return ERR_OK;
}

/* "2.5"; whole seconds without a point. */
static int seconds_text(char *out, size_t room, int64_t us)
{
    int n = snprintf(out, room, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
    while (n > 1 && out[n - 1] == '0')
        n--;
    if (out[n - 1] == '.')
        n--;
    out[n] = '\0';
    return n;
}

void convert_mask_text(const struct convert_mask *mask, char out[CONVERT_MASK_ROOM])
{
    int n = snprintf(out, CONVERT_MASK_ROOM, "%d,%d,%d,%d", mask->x, mask->y, mask->w, mask->h);
    if (mask->from_us == 0 && mask->until_us == 0)
        return;
    out[n++] = ',';
    n += seconds_text(out + n, CONVERT_MASK_ROOM - (size_t)n, mask->from_us);
    if (mask->until_us == 0)
        return;
    out[n++] = ',';
    seconds_text(out + n, CONVERT_MASK_ROOM - (size_t)n, mask->until_us);
}

/* ---- facts as a person names them ---- */

static const char *const hides[CONVERT_N_HIDES] = {"position", "imei", "driver", "source"};

const char *convert_hide_name(int i)
{
    return hides[i];
}

int convert_hide_parse(const char *text, unsigned *hide, struct err *err)
{
    for (const char *at = text;; at++) {
        int i = 0;
        size_t n = strcspn(at, ",");
        while (i < CONVERT_N_HIDES && !(strlen(hides[i]) == n && strncmp(at, hides[i], n) == 0))
            i++;
        if (i == CONVERT_N_HIDES)
            return err_set(err, ERR_CONFIG, "expected position, imei, driver, source, with commas");
        *hide |= 1u << i;
        at += n;
        if (!*at)
            return ERR_OK;
    }
}

/* ---- what is hidden of a copy ---- */

struct box {
    int x0, y0, x1, y1; /* x1, y1 are outside */
};

bool redact_asked(const struct convert_options *options, enum media_container container)
{
    return options->n_masks > 0 || (options->no_sound && container != MEDIA_JPEG) ||
           options->hide & (CONVERT_HIDE_POSITION | CONVERT_HIDE_IMEI);
}

void redact_facts(struct media_facts *facts, const char *stem,
                  const struct convert_options *options)
{
    const char *at = facts->imei[0] ? strstr(stem, facts->imei) : NULL;
    if (options->hide & CONVERT_HIDE_IMEI && !facts->id[0] && at)
        snprintf(facts->id, sizeof facts->id, "%.*stracker%s", (int)(at - stem), stem,
                 at + strlen(facts->imei));
    if (options->hide & CONVERT_HIDE_POSITION)
        facts->has_position = false;
    if (options->hide & CONVERT_HIDE_IMEI)
        facts->imei[0] = facts->vehicle[0] = '\0';
}

int redact_possible(const struct convert_options *options, struct err *err)
{
    const unsigned places = COPY_GPX | COPY_KML | COPY_GEOJSON;
    bool any = redact_asked(options, MEDIA_UNKNOWN);
    if (options->n_masks < 0 || options->n_masks > CONVERT_MASKS_MAX)
        return err_set(err, ERR_CONFIG, "%d masks; at most %d are possible", options->n_masks,
                       CONVERT_MASKS_MAX);
    if (options->hide & CONVERT_HIDE_POSITION && options->copies & places)
        return err_set(err, ERR_CONFIG,
                       "a GPX, KML or GeoJSON file cannot hide the position; request other copies");
    return any && options->copies & COPY_WORKING
               ? err_set(err, ERR_CONFIG,
                         "a working copy cannot be redacted (it contains the original frames and "
                         "sound); request other copies")
               : ERR_OK;
}

int redact_check(const struct convert_options *options, int width_px, int height_px,
                 int64_t duration_us, struct err *err)
{
    char text[CONVERT_MASK_ROOM];
    for (int i = 0; i < options->n_masks; i++) {
        const struct convert_mask *m = &options->mask[i];
        convert_mask_text(m, text);
        if (m->x < 0 || m->y < 0 || m->w < 1 || m->h < 1 || m->x >= width_px || m->y >= height_px)
            return err_set(err, ERR_CONFIG,
                           "the mask %s hides nothing: the picture has %dx%d pixels", text,
                           width_px, height_px);
        if (duration_us >= 0 && (m->from_us < 0 || m->from_us >= duration_us ||
                                 (m->until_us != 0 && m->until_us <= m->from_us)))
            return err_set(err, ERR_CONFIG, "the mask %s hides nothing: the video is %.3f s long",
                           text, (double)duration_us / 1e6);
    }
    return ERR_OK;
}

int redact_media(struct media *m, const struct convert_options *options, struct err *err)
{
    if (options->no_sound)
        m->n_sounds = m->n_silences = m->damage.sound_lost = 0;
    bool other = false; /* a still of such a frame shows where it is in no other */
    for (int64_t i = 0; i < m->n_shapes; i++)
        other = other || m->shape[i].width_px != m->view_width_px ||
                m->shape[i].height_px != m->view_height_px;
    if (other && options->n_masks > 0)
        media_warn(m,
                   "masks count in the pixels of the viewing copy, %dx%d: measure them there, as "
                   "some stills have another size",
                   m->view_width_px, m->view_height_px);
    return redact_check(options, m->view_width_px, m->view_height_px, m->duration_us, err);
}

void redact_text(const struct convert_options *options, char out[REDACT_TEXT_ROOM])
{
    int n = 0;
    out[0] = '\0';
    if (options->n_masks > 0)
        n = snprintf(out, REDACT_TEXT_ROOM, "%d box%s blacked out", options->n_masks,
                     options->n_masks == 1 ? "" : "es");
    if (options->no_sound)
        n += snprintf(out + n, REDACT_TEXT_ROOM - (size_t)n, "%sno sound", n ? ", " : "");
    if (options->hide & CONVERT_HIDE_POSITION)
        n += snprintf(out + n, REDACT_TEXT_ROOM - (size_t)n, "%sno position", n ? ", " : "");
    if (options->hide & CONVERT_HIDE_IMEI)
        snprintf(out + n, REDACT_TEXT_ROOM - (size_t)n, "%sno IMEI", n ? ", " : "");
}

struct redact_time redact_time_of(const struct media *m, int64_t index, int64_t until)
{
    const struct media_picture *p = &m->picture[index];
    return (struct redact_time){p->pts, until, p->state != MEDIA_GOOD};
}

static int blacken(AVFrame *f, const AVPixFmtDescriptor *d, struct box b, struct err *err)
{
    uint8_t *data[4] = {NULL};
    ptrdiff_t stride[4] = {0};
    bool full = f->color_range == AVCOL_RANGE_JPEG || f->format == AV_PIX_FMT_YUVJ420P ||
                f->format == AV_PIX_FMT_YUVJ422P || f->format == AV_PIX_FMT_YUVJ444P;
    for (int k = 0; k < d->nb_components; k++) {
        bool chroma = (k == 1 || k == 2) && !(d->flags & AV_PIX_FMT_FLAG_RGB);
        int plane = d->comp[k].plane;
        stride[plane] = f->linesize[plane];
        data[plane] = f->data[plane] + (b.y0 >> (chroma ? d->log2_chroma_h : 0)) * stride[plane] +
                      (ptrdiff_t)(b.x0 >> (chroma ? d->log2_chroma_w : 0)) * d->comp[k].step;
    }
    int code =
        av_image_fill_black(data, stride, (enum AVPixelFormat)f->format,
                            full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG, b.x1 - b.x0, b.y1 - b.y0);
    return code < 0
               ? err_set(err, ERR_UNSUPPORTED, "nothing can be hidden in pictures in %s", d->name)
               : ERR_OK;
}

/* From the tick that holds the mask's beginning to the one that holds its end. */
static bool covers(const struct convert_mask *m, struct redact_time time)
{
    int64_t from = av_rescale_rnd(m->from_us, AV_TICKS, 1000000, AV_ROUND_DOWN);
    int64_t until =
        m->until_us ? av_rescale_rnd(m->until_us, AV_TICKS, 1000000, AV_ROUND_UP) : INT64_MAX;
    return time.all || (time.from < until && (time.until > from || time.from >= from));
}

int64_t redact_covered(const struct media *m, const struct convert_mask *mask)
{
    int64_t n = 0;
    for (int64_t i = m->first; i < m->n_pictures; i++)
        n += covers(mask, redact_time_of(m, i, m->picture[i].pts + m->picture[i].span));
    return n;
}

int redact_frame(AVFrame *f, const struct copy_task *t, struct redact_time time, struct err *err)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)f->format);
    const uint64_t unknown = AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BITSTREAM |
                             AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BAYER;
    int rc = ERR_OK;
    assert(t->m->view_width_px > 0 && t->m->view_height_px > 0); /* else nothing were hidden */
    for (int i = 0; rc == ERR_OK && i < t->options->n_masks; i++) {
        const struct convert_mask *m = &t->options->mask[i];
        if (!covers(m, time))
            continue;
        if (!d || d->flags & unknown)
            return err_set(err, ERR_UNSUPPORTED, "nothing can be hidden in pictures in %s",
                           d ? d->name : "an unknown layout");
        int code = av_frame_make_writable(f);
        if (code < 0)
            return av_fail(err, code, NULL, "frame");
        /* The mask in a frame that may have another size than the viewing copy, and its chroma
         * samples. */
        struct media_box fit = media_fit(t->m, f->width, f->height, f->sample_aspect_ratio);
        int round_x = (1 << d->log2_chroma_w) - 1, round_y = (1 << d->log2_chroma_h) - 1;
        int64_t x0 = m->x - fit.x, y0 = m->y - fit.y;
        int64_t x1 = (x0 + m->w) * f->width, y1 = (y0 + m->h) * f->height;
        x0 = x0 > 0 ? x0 : 0;
        y0 = y0 > 0 ? y0 : 0;
        x1 = x1 > 0 ? (x1 + fit.w - 1) / fit.w + round_x : 0;
        y1 = y1 > 0 ? (y1 + fit.h - 1) / fit.h + round_y : 0;
        struct box b = (struct box){
            .x0 = (int)(x0 * f->width / fit.w) & ~round_x,
            .y0 = (int)(y0 * f->height / fit.h) & ~round_y,
            .x1 = (int)(x1 < f->width ? x1 & ~(int64_t)round_x : f->width),
            .y1 = (int)(y1 < f->height ? y1 & ~(int64_t)round_y : f->height),
        };
        if (b.x0 < b.x1 && b.y0 < b.y1)
            rc = blacken(f, d, b, err);
    }
    return rc;
}
