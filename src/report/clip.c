/* One recording: its picture, its facts, and what is not known of it. */
#include "page.h"
#include "words.h"
#include <stdio.h>

void clip_link(struct html *h, const struct report *r, size_t i)
{
    char camera[WORDS_ROOM];
    words_camera(&r->clip[i], camera);
    html_rawf(h, "<a href=\"#file-%zu\">File %zu</a>, ", i + 1, i + 1);
    html_text(h, camera);
    html_rawf(h, ", %s", words_kind(&r->clip[i]));
}

static void picture(struct html *h, const struct report_clip *clip)
{
    const struct report_picture *p = &clip->picture;
    bool whole =
        p->jpeg && p->n_bytes > 3 && p->jpeg[0] == 0xff && p->jpeg[1] == 0xd8 && p->jpeg[2] == 0xff;
    if (!whole) {
        html_raw(h, "<p class=\"no-picture\">There is no picture to show here.</p>\n");
        return;
    }
    html_raw(h, "<figure class=\"picture\"><img alt=\"");
    html_text(h, html_empty(p->what) ? "A picture of this recording" : p->what);
    html_raw(h, "\" src=\"data:image/jpeg;base64,");
    html_base64(h, p->jpeg, p->n_bytes);
    html_raw(h, "\"><figcaption>");
    html_text(h, p->what);
    html_raw(h, "</figcaption></figure>\n");
}

static void when(struct html *h, const struct report_clip *clip)
{
    const struct report_time *t = &clip->start;
    char text[WORDS_ROOM];
    html_fact(h, clip->kind == REPORT_PHOTO ? "Taken" : "Begins");
    words_time(t, text);
    html_raw(h, "<strong>");
    html_text(h, text);
    html_raw(h, "</strong>");
    if (words_time_ok(t) && words_zone_ok(t)) {
        char date[WORDS_ROOM], clock[WORDS_ROOM];
        words_date(t->utc_us, 0, date);
        words_clock(t->utc_us, 0, clock);
        html_textf(h, " local time; that is %s, %s UTC", date, clock);
    }
    html_fact_end(h);
    if (!words_time_ok(t) && html_empty(clip->start_why))
        return;
    html_fact(h, "How sure");
    words_error(t, text);
    html_text(h, text[0] ? text : words_time_ok(t) ? "not known how sure" : "");
    html_raw(h, !html_empty(clip->start_why) && words_time_ok(t) ? ": " : "");
    html_text(h, clip->start_why);
    html_fact_end(h);
}

static void trigger(struct html *h, const struct report_clip *clip)
{
    html_fact(h, "Reason");
    html_text(h, html_empty(clip->trigger) ? "not known" : clip->trigger);
    if (clip->has_trigger_time) {
        char at[WORDS_ROOM];
        words_length(clip->trigger_offset_us, at);
        html_textf(h, ", %s %s", at,
                   clip->trigger_offset_us < 0  ? "before the recording begins"
                   : clip->kind == REPORT_PHOTO ? "before the photo"
                                                : "after its beginning");
    }
    html_fact_end(h);
}

static void film(struct html *h, const struct report_clip *clip)
{
    char length[WORDS_ROOM];
    html_fact(h, "Length");
    words_length(clip->duration_us, length);
    html_text(h, clip->duration_us > 0 ? length : "not known");
    if (clip->duration_us > 0)
        html_raw(h, clip->has_sound ? ", with sound" : ", without sound");
    html_fact_end(h);
    html_fact(h, "Pictures");
    if (clip->pictures > 0)
        html_number(h, clip->pictures);
    else
        html_raw(h, "not known how many");
    if (clip->fps_milli > 0)
        html_textf(h, ", %lld.%02lld a second",
                   (long long)(clip->fps_milli / 10 + (clip->fps_milli % 10 >= 5)) / 100,
                   (long long)(clip->fps_milli / 10 + (clip->fps_milli % 10 >= 5)) % 100);
    if (!html_empty(clip->rate_why)) {
        html_raw(h, " (");
        html_text(h, clip->rate_why);
        html_raw(h, ")");
    }
    html_fact_end(h);
}

static void bytes(struct html *h, const struct report_clip *clip)
{
    char size[WORDS_ROOM];
    if (clip->width_px > 0) {
        html_fact(h, "Picture size");
        html_textf(h, "%d × %d dots", clip->width_px, clip->height_px);
        html_fact_end(h);
    }
    html_fact(h, "Original");
    if (!html_empty(clip->name))
        html_code(h, clip->name);
    else
        html_raw(h, "not in this package,");
    words_bytes(clip->length_bytes, size);
    html_textf(h, " %s", size);
    html_raw(h, " (");
    html_number(h, clip->length_bytes);
    html_raw(h, " bytes)");
    html_fact_end(h);
    html_fact(h, "Its fingerprint");
    html_code(h, html_empty(clip->sha256) ? "none was taken" : clip->sha256);
    html_raw(h, " <span class=\"soft\">SHA-256</span>");
    html_fact_end(h);
}

void clip_card(struct html *h, const struct report *r, size_t i)
{
    const struct report_clip *clip = &r->clip[i];
    char camera[WORDS_ROOM];
    words_camera(clip, camera);
    html_rawf(h, "<article class=\"clip\" id=\"file-%zu\">\n<h3>File %zu: ", i + 1, i + 1);
    html_text(h, camera);
    html_rawf(h, ", %s</h3>\n", words_kind(clip));
    picture(h, clip);
    html_raw(h, "<table class=\"facts\">\n");
    html_fact(h, "Name");
    html_code(h, clip->id);
    html_fact_end(h);
    html_fact(h, "Camera");
    html_text(h, camera);
    html_raw(h, ", unit ");
    html_code(h, html_empty(clip->imei) ? "not known" : clip->imei);
    html_raw(h, " <span class=\"soft\">(IMEI, the unit&#8217;s number)</span>");
    html_fact_end(h);
    when(h, clip);
    trigger(h, clip);
    if (clip->kind == REPORT_VIDEO)
        film(h, clip);
    bytes(h, clip);
    html_raw(h, "</table>\n");
    flaws_show(h, clip);
    html_raw(h, "</article>\n");
}

static void item(struct html *h, const char *sentence, size_t *n)
{
    html_raw(h, "<li>");
    html_text(h, sentence);
    html_raw(h, "</li>\n");
    (*n)++;
}

void clip_unknown(struct html *h, const struct report_clip *clip)
{
    size_t n = 0;
    if (!words_time_ok(&clip->start))
        item(h, "When it was taken.", &n);
    else if (!words_zone_ok(&clip->start))
        item(h, "The time zone where it was taken: its time is given in UTC only.", &n);
    if (clip->kind == REPORT_VIDEO && clip->duration_us <= 0)
        item(h, "How long it is.", &n);
    if (words_time_ok(&clip->start) && !clip->start.has_error)
        item(h, "How exact its time is.", &n);
    if (!clip_has_position(clip))
        item(h, "Where it was taken.", &n);
    if (html_empty(clip->trigger))
        item(h, "What made the camera record it.", &n);
    else if (!clip->has_trigger_time)
        item(h, "At which moment of it the reason for recording occurred.", &n);
    if (clip->kind == REPORT_VIDEO && clip->fps_milli <= 0)
        item(h, "How fast it was recorded.", &n);
    if (html_empty(clip->imei))
        item(h, "Which camera unit made it.", &n);
    if (!clip->arrival.known)
        item(h, "How the original came from the camera: it was brought in as a file.", &n);
    if (clip->arrival.partial)
        item(h, "What its end shows: the transfer stopped before the end of the file.", &n);
    if (!clip->examined)
        item(h, "Whether it is damaged: nobody looked.", &n);
    if (html_empty(clip->sha256))
        item(h, "Whether its bytes are unchanged: no fingerprint was taken.", &n);
    for (size_t i = 0; i < clip->n_unknown; i++)
        item(h, clip->unknown[i], &n);
    if (n == 0)
        html_raw(h,
                 "<li>Everything that this page tells of a recording is known of this one.</li>\n");
}
