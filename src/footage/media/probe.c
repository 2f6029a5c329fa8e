#include "av.h"
#include "damage.h"
#include "dashspool/reader.h"
#include "dashspool/text.h"
#include "examine.h"
#include "photo.h"
#include "refresh.h"
#include "timing.h"
#include <libavutil/pixdesc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define MARKER_SOS 0xda

static void name(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text && strcmp(text, "unknown") != 0 ? text : "");
}

static void describe_stream(const struct media *m, struct media_probe *out)
{
    snprintf(out->codec, sizeof out->codec, "H.265");
    name(out->profile, sizeof out->profile, avcodec_profile_name(AV_CODEC_ID_HEVC, m->profile));
    out->level = m->level > 0 ? m->level : 0;
    out->width_px = m->width_px;
    out->height_px = m->height_px;
    name(out->pixels, sizeof out->pixels, av_get_pix_fmt_name(m->format));
    name(out->range, sizeof out->range,
         m->range == AVCOL_RANGE_JPEG   ? "full"
         : m->range == AVCOL_RANGE_MPEG ? "limited"
                                        : "");
    name(out->matrix, sizeof out->matrix, av_color_space_name(m->space));
}

static void describe_changes(const struct media *m, struct media_probe *out)
{
    out->changes = m->n_shapes - 1;
    for (int64_t i = 0; i < out->changes && i < MEDIA_FINDINGS_MAX; i++) {
        const struct media_shape *s = &m->shape[i + 1];
        struct media_change *c = &out->change[i];
        *c = (struct media_change){.picture = s->from,
                                   .time_us = m->picture[s->from].time_us - m->start_us,
                                   .width_px = s->width_px,
                                   .height_px = s->height_px};
        name(c->pixels, sizeof c->pixels, av_get_pix_fmt_name(s->format));
        media_shape_text(s, &m->shape[i], c->text);
    }
}

struct found {
    const struct media *m;
    struct media_probe *out;
};

static void put_finding(struct media_finding *f, const struct media *m, int64_t i, const char *text)
{
    *f = (struct media_finding){.picture = i, .time_us = m->picture[i].time_us - m->start_us};
    snprintf(f->text, sizeof f->text, "%s", text);
}

static void on_found(void *arg, int64_t index, const char *said)
{
    struct found *f = arg;
    int64_t n = f->out->decoder_findings++;
    if (n < MEDIA_FINDINGS_MAX)
        put_finding(&f->out->decoder[n], f->m, index, said);
}

/* Where each recording of the file begins, and what it has. */
static void describe_parts(const struct media *m, struct media_probe *out)
{
    struct media_part unused, *part = &unused;
    bool clock = m->timing.chosen == MEDIA_SOURCE_PTMF;
    int64_t span_us = 0, counted = 0;
    out->parts = 0;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        const struct media_picture *p = &m->picture[i];
        if (i == 0 || p->recording != p[-1].recording) {
            part = out->parts < MEDIA_FINDINGS_MAX ? &out->part[out->parts] : &unused;
            *part = (struct media_part){.picture = i,
                                        .from_us = p->time_us,
                                        .camera_clock_us = p->clock_us,
                                        .apart = p->apart};
            out->parts++;
        }
        bool first = part->pictures++ == 0;
        counted = first ? 1 : counted + 1 + p->missing;
        span_us = first                                  ? 0
                  : p->time_us - part->from_us > span_us ? p->time_us - part->from_us
                                                         : span_us;
        part->key_pictures += p->key;
        part->fps = !clock        ? m->fps
                    : span_us > 0 ? (double)(counted - 1) * 1e6 / (double)span_us
                                  : 0;
        part->duration_us = span_us + timing_constant_us(1, part->fps > 0 ? part->fps : 25);
    }
}

static int probe_video(const char *path, const struct media_facts *facts,
                       const struct media_options *options, bool decode, struct media_probe *out,
                       struct err *err)
{
    struct media m;
    struct found found = {&m, out};
    int rc = media_open(&m, path, out->container, facts, options, err);
    if (rc == ERR_OK) {
        describe_stream(&m, out);
        describe_changes(&m, out);
        int64_t last_key = -1;
        media_count(&m, &out->pictures, &out->key_pictures);
        out->pictures_in_file = m.n_pictures + m.n_led;
        for (int64_t i = m.first; i < m.n_pictures; i++) {
            if (!m.picture[i].key)
                continue;
            if (last_key >= 0 && i - last_key > out->key_interval)
                out->key_interval = i - last_key;
            last_key = i;
        }
        out->first_decodable = m.first;
        out->first_whole = m.whole;
        refresh_text(&m, out->refresh);
        out->duration_us = m.duration_us;
        out->nominal_fps = m.nominal_fps;
        out->has_camera_clock = m.container == MEDIA_PTMF;
        out->camera_clock_us = m.clock_us;
        out->timing = m.timing;
        describe_parts(&m, out);
        out->borrowed_sets = m.borrowed;
        out->end_unknown = m.container == MEDIA_ANNEXB;
        out->sound_records = m.n_sounds;
        for (int64_t i = 0; i < m.n_sounds; i++)
            out->sound_us += (int64_t)m.sound[i].n * 1000000 / 8000;
    }
    if (rc == ERR_OK && decode) {
        rc = examine(&m, 0, on_found, &found, err);
        out->decoded = rc == ERR_OK;
    }
    if (rc == ERR_OK) {
        int64_t n = 0;
        out->damage = m.damage;
        for (int64_t i = m.first; i < m.n_pictures && n < MEDIA_FINDINGS_MAX; i++)
            if (m.picture[i].state == MEDIA_DAMAGED && !damage_is_repeat(&m.picture[i]))
                put_finding(&out->damaged[n++], &m, i, m.picture[i].why);
        for (int64_t i = 0; i < m.n_holes; i++) {
            const struct media_hole *h = &m.hole[i];
            if (i < MEDIA_FINDINGS_MAX)
                out->gap[i] = (struct media_gap){h->before, h->lost, h->recording,
                                                 h->from_us - m.start_us, h->until_us - m.start_us};
            out->gaps_by_camera += h->lost == 0 && !h->recording;
        }
        out->gaps = m.n_holes;
        out->layered_units = m.layered;
        out->clean = !damage_any(&m.damage) && out->decoder_findings == 0;
        out->only_ends_early = damage_only_cut(&m) && out->decoder_findings <= m.damage.damaged;
        damage_warn(&m);
        if (!decode)
            media_warn_count(
                &m, m.n_padded,
                "picture has zeros behind it: only decoding tells whether bytes are lost",
                "pictures have zeros behind them: only decoding tells whether bytes "
                "are lost");
    }
    snprintf(out->warning, sizeof out->warning, "%s", m.warning);
    media_close(&m);
    return rc;
}

DS_PRINTF(2, 3)
static void add_note(struct media_probe *out, const char *fmt, ...)
{
    va_list ap;
    size_t used = strlen(out->warning);
    if (used && used + 2 < sizeof out->warning)
        used += (size_t)snprintf(out->warning + used, sizeof out->warning - used, "; ");
    va_start(ap, fmt);
    vsnprintf(out->warning + used, sizeof out->warning - used, fmt, ap);
    va_end(ap);
}

/* How viewers turn it, as the converter has it. */
static void tell_turn(struct photo_turn *turn, struct media_probe *out)
{
    bool agreed = photo_turn_end(turn);
    out->orientation = turn->first;
    if (!agreed)
        add_note(out,
                 "its orientation is not written as Exif has it: programs turn it differently");
    else if (turn->broken)
        add_note(out, "its Exif data are broken");
}

/* Steps over the segments (ITU-T T.81, annex B); returns where the image data begins: at SOS, at
 * the end, or where the structure breaks. */
static size_t read_segments(const struct media *m, struct media_probe *out)
{
    size_t at = 2; /* behind SOI */
    struct photo_turn turn = {0};
    for (;;) {
        while (at + 1 < m->n && m->map[at] == 0xff && m->map[at + 1] == 0xff)
            at++; /* fill bytes */
        struct rd r = rd_init(m->map + at, at < m->n ? m->n - at : 0);
        uint8_t ff = rd_u8(&r), marker = rd_u8(&r);
        uint16_t length = rd_be16(&r);
        if (r.bad || ff != 0xff || marker == MARKER_SOS || marker == JPEG_EOI || length < 2)
            break;
        const uint8_t *content = rd_bytes(&r, length - 2u);
        if (r.bad)
            break;
        at += length + 2u;
        if (marker == JPEG_APP0 + 1)
            photo_turn_segment(&turn, false, content, length - 2u);
    }
    tell_turn(&turn, out);
    return at;
}

static bool has_end(const struct media *m, size_t from)
{
    for (size_t i = m->n; i >= from + 2; i--)
        if (m->map[i - 2] == 0xff && m->map[i - 1] == 0xd9)
            return true;
    return false;
}

/* What is not as it should be, and whether a still can be made of it: the same judge as for the
 * still itself. */
static int judge_photo(const struct media *m, struct media_probe *out, struct err *err)
{
    struct photo *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err, "a photo");
    int rc = photo_open(p, m->map, m->n, err);
    const struct photo_errors *e = &p->errors;
    size_t behind = rc == ERR_OK ? p->in.src->bytes_in_buffer : 0;
    if (rc == ERR_OK && e->damaged && e->ends_early)
        snprintf(out->photo_damage, sizeof out->photo_damage,
                 "ends early, %s of its rows from %d of %d on are missing",
                 e->scan > 1 ? "details" : "parts", e->row_px, p->height_px);
    else if (rc == ERR_OK && e->damaged)
        snprintf(out->photo_damage, sizeof out->photo_damage, "%s", e->damage);
    else if (rc == ERR_OK && e->no_end)
        add_note(out, "its end mark (EOI) is missing, no part of the photo");
    else if (behind > 0)
        add_note(out, "%lld %s behind its end %s no part of it",
                 SIZE_COUNT(behind, "byte", "bytes"), behind == 1 ? "is" : "are");
    out->complete = rc == ERR_OK && !e->ends_early;
    out->only_ends_early = rc == ERR_OK && e->damaged && e->ends_early;
    photo_close(p);
    free(p);
    return rc;
}

static int read_photo(tjhandle tj, const struct media *m, bool decode, struct media_probe *out,
                      struct err *err)
{
    static const char *const samplings[TJ_NUMSAMP] = {"4:4:4", "4:2:2", "4:2:0",
                                                      "grey",  "4:4:0", "4:1:1"};
    int sampling, space;
    if (tjDecompressHeader3(tj, m->map, (unsigned long)m->n, &out->width_px, &out->height_px,
                            &sampling, &space) < 0 &&
        tjGetErrorCode(tj) != TJERR_WARNING)
        return err_set(err, ERR_MALFORMED, "the JPEG is broken: %s", tjGetErrorStr2(tj));
    if (out->width_px <= 0 || out->height_px <= 0)
        return err_set(err, ERR_MALFORMED, "the JPEG is broken: it has no picture header");
    if (out->width_px > PHOTO_PIXELS_MAX / out->height_px)
        return err_set(err, ERR_LIMIT, "a JPEG of %dx%d", out->width_px, out->height_px);
    name(out->subsampling, sizeof out->subsampling,
         sampling >= 0 && sampling < TJ_NUMSAMP ? samplings[sampling] : "");
    out->decoded = decode;
    return decode || !out->complete ? judge_photo(m, out, err) : ERR_OK;
}

static int probe_photo(const struct media *m, bool decode, struct media_probe *out, struct err *err)
{
    size_t body = read_segments(m, out);
    snprintf(out->codec, sizeof out->codec, "JPEG");
    out->complete = has_end(m, body);
    tjhandle tj = tjInitDecompress();
    if (!tj)
        return err_nomem(err, "a JPEG decoder");
    int rc = read_photo(tj, m, decode, out, err);
    tjDestroy(tj);
    out->clean = rc == ERR_OK && !out->photo_damage[0];
    return rc;
}

int media_probe(const char *path, const struct media_facts *facts,
                const struct media_options *options, bool decode, struct media_probe *out,
                struct err *err)
{
    struct media m = {0};
    uint8_t digest[HASH_BYTES];
    *out = (struct media_probe){0};
    av_log_route();
    int rc = media_map(&m, path, err);
    if (rc == ERR_OK && (rc = hash_file(path, digest, err)) == ERR_OK) {
        out->length_bytes = (int64_t)m.n;
        hash_hex(digest, out->sha256);
        rc = sniff_bytes(m.map, m.n, &out->container, err);
    }
    if (rc < 0 && out->container == MEDIA_ANNEXB && options->params_from[0])
        rc = ERR_OK;
    if (rc == ERR_OK && out->container == MEDIA_JPEG)
        rc = probe_photo(&m, decode, out, err);
    else if (rc == ERR_OK)
        rc = probe_video(path, facts, options, decode, out, err);
    media_close(&m);
    return rc < 0 ? err_wrap(err, "%s", path) : ERR_OK;
}
