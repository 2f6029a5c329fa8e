#include "cues.h"
#include <libavutil/mem.h>
#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

struct cues cues_init(const struct media *m, const struct osd_context *osd)
{
    return (struct cues){.m = m, .osd = osd, .at_us = m->start_us};
}

/* Where the clock's next second begins; without a clock, the clip's. */
static int64_t next_second(const struct cues *c)
{
    int64_t zero_us = c->osd->facts->has_time ? c->osd->facts->start_utc_us : -c->m->start_us;
    int64_t into_us = (zero_us + c->at_us) % SECOND_US;
    return c->at_us + SECOND_US - (into_us < 0 ? into_us + SECOND_US : into_us);
}

static void join_lines(char lines[OSD_LINES][OSD_LINE_ROOM], char *out, size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < OSD_LINES; i++)
        if (lines[i][0] && used < room)
            used += (size_t)snprintf(out + used, room - used, "%s%s", used ? "\n" : "", lines[i]);
}

bool cues_next(struct cues *c, struct cue *out)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    int64_t end_us = c->m->start_us + c->m->duration_us;
    do {
        int64_t from_us = c->at_us, until_us = next_second(c);
        if (from_us >= end_us)
            return false;
        until_us = until_us < end_us ? until_us : end_us;
        out->pts = av_rescale(from_us - c->m->start_us, AV_TICKS, SECOND_US);
        out->span = av_rescale(until_us - c->m->start_us, AV_TICKS, SECOND_US) - out->pts;
        osd_text_second(c->osd, from_us, 0, "", lines);
        c->at_us = until_us;
    } while (out->span <= 0);
    join_lines(lines, out->text, sizeof out->text);
    return true;
}

static uint8_t *put_be(uint8_t *p, unsigned value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *p++ = (uint8_t)(value >> 8 * i);
    return p;
}

int cues_describe(AVCodecParameters *out, int width_px, int height_px, struct err *err)
{
    static const char font[] = "Sans-Serif";
    unsigned size = (unsigned)height_px / 24, n_font = sizeof font - 1;
    unsigned n = 30 + 13 + n_font;
    uint8_t *p = out->extradata = av_mallocz(n + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!p)
        return err_set(err, ERR_NOMEM, "no memory for a text track");
    out->extradata_size = (int)n;
    out->codec_type = AVMEDIA_TYPE_SUBTITLE;
    out->codec_id = AV_CODEC_ID_MOV_TEXT;
    out->codec_tag = MKTAG('t', 'x', '3', 'g');
    out->width = width_px;
    out->height = height_px;
    p = put_be(p, 0, 4);          /* display flags: neither scrolling nor forced */
    p = put_be(p, 0x01ff, 2);     /* centred, at the bottom */
    p = put_be(p, 0x00000090, 4); /* background, RGBA */
    p = put_be(p, 0, 4);          /* text box: the whole picture */
    p = put_be(p, (unsigned)out->height, 2);
    p = put_be(p, (unsigned)out->width, 2);
    p = put_be(p, 0, 4);                       /* style of all characters … */
    p = put_be(p, 1, 2);                       /* … in font 1 */
    p = put_be(p, size < 255 ? size : 255, 2); /* plain face, size */
    p = put_be(p, 0xffffffff, 4);
    p = put_be(p, 13 + n_font, 4);
    p = put_be(p, MKBETAG('f', 't', 'a', 'b'), 4);
    p = put_be(p, 1, 2);
    p = put_be(p, 1, 2);
    p = put_be(p, n_font, 1);
    memcpy(p, font, n_font);
    return ERR_OK;
}

int cues_packet(const struct cue *cue, AVPacket *out, struct err *err)
{
    size_t n = strlen(cue->text);
    int code = av_new_packet(out, (int)n + 2);
    if (code < 0)
        return av_fail(err, code, NULL, "packet");
    memcpy(put_be(out->data, (unsigned)n, 2), cue->text, n);
    out->pts = out->dts = cue->pts;
    out->duration = cue->span;
    out->flags = AV_PKT_FLAG_KEY;
    return ERR_OK;
}
