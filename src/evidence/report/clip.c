/* One recording: its picture, its facts, and what is not known of it. */
#include "format.h"
#include "page.h"

void clip_link(struct doc *d, const struct report *r, size_t i)
{
    char text[FORMAT_ROOM];
    doc_open_named(d, DOC_LINK, format_anchor("file", i, text));
    doc_textf(d, "File %zu", i + 1);
    doc_close(d, DOC_LINK);
    doc_textf(d, ", %s, %s", format_camera(&r->clip[i], text), format_kind(&r->clip[i]));
}

static void when(struct doc *d, const struct report_clip *clip)
{
    const struct report_time *t = &clip->start;
    char text[FORMAT_ROOM];
    doc_fact(d, clip->kind == REPORT_PHOTO ? "Taken" : "Begins");
    doc_put(d, DOC_STRONG, format_time(t, text));
    if (format_time_ok(t) && format_zone_ok(t)) {
        char date[FORMAT_ROOM], clock[FORMAT_ROOM];
        doc_textf(d, " local time; that is %s, %s UTC", format_date(t->utc_us, 0, date),
                  format_clock(t->utc_us, 0, clock));
    }
    doc_fact_end(d);
    if (!format_time_ok(t) && doc_empty(clip->start_why))
        return;
    doc_fact(d, "Uncertainty");
    format_error(t, text);
    doc_text(d, text[0] ? text : format_time_ok(t) ? "not known" : "");
    doc_text_behind(d, format_time_ok(t) ? ": " : "", clip->start_why);
    doc_fact_end(d);
}

static void trigger(struct doc *d, const struct report_clip *clip)
{
    doc_fact(d, "Reason");
    doc_text(d, doc_empty(clip->trigger) ? "not known" : clip->trigger);
    if (clip->has_trigger_time) {
        char at[FORMAT_ROOM];
        doc_textf(d, ", %s %s", format_length(clip->trigger_offset_us, at),
                  clip->trigger_offset_us < 0  ? "before the start"
                  : clip->kind == REPORT_PHOTO ? "before the photo"
                                               : "after the start");
    }
    doc_fact_end(d);
}

static void bytes(struct doc *d, const struct report_clip *clip)
{
    char size[FORMAT_ROOM];
    if (clip->width_px > 0) {
        doc_fact(d, "Image size");
        doc_textf(d, "%d × %d pixels", clip->width_px, clip->height_px);
        doc_fact_end(d);
    }
    doc_fact(d, "Original");
    if (!doc_empty(clip->name))
        doc_put(d, DOC_CODE, clip->name);
    else
        doc_text(d, "not in this package,");
    doc_textf(d, " %s (", format_bytes(clip->length_bytes, size));
    doc_number(d, clip->length_bytes);
    doc_text(d, " bytes)");
    doc_fact_end(d);
    doc_fact(d, "Fingerprint");
    doc_put(d, DOC_CODE, doc_empty(clip->sha256) ? "none" : clip->sha256);
    doc_text(d, " ");
    doc_put(d, DOC_SOFT, "SHA-256");
    doc_fact_end(d);
}

void clip_card(struct doc *d, const struct report *r, size_t i)
{
    const struct report_clip *clip = &r->clip[i];
    char room[FORMAT_ROOM];
    doc_open_named(d, DOC_CARD, format_anchor("file", i, room));
    const char *camera = format_camera(clip, room);
    doc_open(d, DOC_HEAD_3);
    doc_textf(d, "File %zu: %s, %s", i + 1, camera, format_kind(clip));
    doc_close(d, DOC_HEAD_3);
    d->ops->picture(d, &clip->picture);
    doc_open(d, DOC_FACTS);
    doc_fact(d, "Name");
    doc_put(d, DOC_CODE, clip->id);
    doc_fact_end(d);
    doc_fact(d, "Camera");
    doc_text(d, camera);
    doc_text(d, ", tracker ");
    doc_put(d, DOC_CODE, doc_empty(clip->imei) ? "not known" : clip->imei);
    doc_text(d, " ");
    doc_put(d, DOC_SOFT, "(IMEI, the device number)");
    doc_text_behind(d, ", in ", clip->vehicle);
    doc_fact_end(d);
    when(d, clip);
    trigger(d, clip);
    if (clip->kind == REPORT_VIDEO) {
        char length[FORMAT_ROOM];
        doc_fact(d, "Length");
        doc_text(d, clip->duration_us > 0 ? format_length(clip->duration_us, length) : "not known");
        if (clip->duration_us > 0)
            doc_text(d, clip->has_sound ? ", with sound" : ", without sound");
        doc_fact_end(d);
        doc_fact(d, "Frames");
        if (clip->pictures > 0)
            doc_number(d, clip->pictures);
        else
            doc_text(d, "not known");
        if (clip->fps_milli > 0)
            doc_textf(d, ", %lld.%02lld per second",
                      (long long)(clip->fps_milli / 10 + (clip->fps_milli % 10 >= 5)) / 100,
                      (long long)(clip->fps_milli / 10 + (clip->fps_milli % 10 >= 5)) % 100);
        if (!doc_empty(clip->rate_why)) {
            doc_text(d, " (");
            doc_text(d, clip->rate_why);
            doc_text(d, ")");
        }
        doc_fact_end(d);
    }
    bytes(d, clip);
    doc_close(d, DOC_FACTS);
    flaws_show(d, clip);
    doc_close(d, DOC_CARD);
}

void clip_unknown(struct doc *d, const struct report_clip *clip)
{
    const bool timed = format_time_ok(&clip->start), video = clip->kind == REPORT_VIDEO;
    const struct {
        bool unknown;
        const char *what;
    } each[] = {
        {!timed, "When it was taken."},
        {timed && !format_zone_ok(&clip->start),
         "The local time zone; its time is given in UTC only."},
        {video && clip->duration_us <= 0, "How long it is."},
        {timed && !clip->start.has_error, "How accurate its time is."},
        {!format_place_ok(clip) && !format_route_ok(clip), "Where it was taken."},
        {doc_empty(clip->trigger), "Why the camera recorded it."},
        {!doc_empty(clip->trigger) && !clip->has_trigger_time, "The exact moment of the trigger."},
        {video && clip->fps_milli <= 0, "Its frame rate."},
        {doc_empty(clip->imei), "Which vehicle (tracker) it is from."},
        {!clip->arrival.known, "How the original left the camera; it was imported as a file."},
        {clip->arrival.partial,
         "What happens at its end; the transfer stopped before the end of the file."},
        {!clip->examined, "Whether it is damaged; it was not examined."},
        {doc_empty(clip->sha256), "Whether it is unchanged; no fingerprint was taken."},
    };
    bool any = clip->n_unknown > 0;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        if (each[i].unknown)
            doc_put(d, DOC_ITEM, each[i].what);
        any = any || each[i].unknown;
    }
    for (size_t i = 0; i < clip->n_unknown; i++)
        doc_put(d, DOC_ITEM, clip->unknown[i]);
    if (!any)
        doc_put(d, DOC_ITEM, "Nothing: all facts of this report are known for this recording.");
}
