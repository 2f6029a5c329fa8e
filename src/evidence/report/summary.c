/* What somebody reads who reads only the beginning. */
#include "dashspool/text.h"
#include "format.h"
#include "page.h"
#include <stdio.h>
#include <string.h>

enum { DIFFERENCES_SHOWN = 12 }; /* the box must fit a page */

static void cover_line(struct doc *d, const char *name, const char *text)
{
    if (!doc_empty(text))
        doc_put_named(d, DOC_COVER_LINE, name, text);
}

void summary_cover(struct doc *d, const struct report *r, const char *title)
{
    char made[FORMAT_ROOM];
    doc_open(d, DOC_COVER);
    doc_put(d, DOC_HEAD_1, title);
    doc_open(d, DOC_COVER_LINES);
    cover_line(d, "Reference", r->reference);
    cover_line(d, "For", r->recipient);
    cover_line(d, "From", r->author);
    cover_line(d, "Created", format_time_ok(&r->made) ? format_time(&r->made, made) : "");
    doc_close(d, DOC_COVER_LINES);
    doc_close(d, DOC_COVER);
    if (r->redacted) {
        doc_open(d, DOC_WARNING);
        doc_put(d, DOC_STRONG, "Redacted.");
        doc_text(d, " Something was left out of this package on purpose. ");
        doc_text(d, r->redaction);
        doc_close(d, DOC_WARNING);
    }
    if (r->n_differences > 0) {
        char more[80];
        doc_open(d, DOC_WARNING);
        doc_put(d, DOC_STRONG, "Not as received.");
        doc_text(d, " Facts in the store differ from what was received or recorded. They are shown "
                    "as they were found:");
        for (size_t i = 0; i < r->n_differences && i < DIFFERENCES_SHOWN; i++) {
            doc_text(d, i ? "; " : " ");
            doc_text(d, r->difference[i]);
        }
        snprintf(more, sizeof more, "; and %zu more, which bag-info.txt lists",
                 r->n_differences - DIFFERENCES_SHOWN);
        doc_text(d, r->n_differences > DIFFERENCES_SHOWN ? more : "");
        doc_text(d, ".");
        doc_close(d, DOC_WARNING);
    }
    if (!doc_empty(r->note))
        doc_put(d, DOC_NOTE, r->note);
}

static const char *date_of(const struct report_time *t, char out[FORMAT_ROOM])
{
    return format_date(t->utc_us, format_zone_ok(t) ? t->tz_min : 0, out);
}

/* Of what there is how much, and a title: "Tracker 352093081452251: crash, 29 November 2024"; of
 * several "2 vehicles: 3 events, …". What is not known is left out. */
void summary_count(struct layout *out, const struct report *r)
{
    const char *imei = "", *vehicle = NULL, *reason = NULL;
    bool one_reason = true;
    for (size_t i = 0; i < r->n_clips; i++) {
        const struct report_clip *clip = &r->clip[i];
        const struct report_time *t = &clip->start;
        const char *trigger = clip->trigger ? clip->trigger : "";
        if (format_time_ok(t)) {
            out->first = !out->first || t->utc_us < out->first->utc_us ? t : out->first;
            out->last = !out->last || t->utc_us > out->last->utc_us ? t : out->last;
        }
        bool seen = doc_empty(clip->imei);
        for (size_t k = 0; k < i && !seen; k++)
            seen = r->clip[k].imei && strcmp(r->clip[k].imei, clip->imei) == 0;
        out->vehicles += !seen;
        out->videos += clip->kind == REPORT_VIDEO;
        out->flawed += clip->n_stretches > 0 || clip->arrival.partial;
        out->unexamined += !clip->examined;
        out->placed += format_place_ok(clip);
        out->routes += format_route_ok(clip);
        imei = doc_empty(clip->imei) ? imei : clip->imei;
        vehicle = doc_empty(clip->vehicle) ? vehicle : clip->vehicle;
        one_reason = one_reason && (!reason || strcmp(reason, trigger) == 0);
        reason = trigger;
    }
    char who[96], what[48] = "", from[FORMAT_ROOM] = "", until[FORMAT_ROOM] = "";
    snprintf(who, sizeof who, "Dash camera video and photos");
    if (out->vehicles > 1)
        snprintf(who, sizeof who, "%zu vehicles", out->vehicles);
    else if (out->vehicles == 1)
        snprintf(who, sizeof who, vehicle ? "%.80s" : "Tracker %.80s", vehicle ? vehicle : imei);
    if (one_reason && !doc_empty(reason))
        snprintf(what, sizeof what, "%.40s", reason);
    else if (out->events.n > 1)
        snprintf(what, sizeof what, "%zu events", out->events.n);
    if (out->first) {
        date_of(out->first, from);
        date_of(out->last, until);
    }
    bool days = strcmp(from, until) != 0;
    snprintf(out->named, sizeof out->named, "%s%s%s%s%s%s%s", who, what[0] || from[0] ? ": " : "",
             what, what[0] && from[0] ? ", " : "", from, days ? " to " : "", days ? until : "");
    out->title = doc_empty(r->title) ? out->named : r->title;
}

static void summary_state(struct doc *d, const struct report *r, const struct layout *layout)
{
    size_t flawed = layout->flawed, unexamined = layout->unexamined, placed = layout->placed;
    doc_fact(d, "Condition");
    if (r->n_clips == 0)
        doc_text(d, "no recordings");
    else if (flawed) {
        doc_open(d, DOC_BAD);
        doc_textf(d, "%zu of %zu recordings are damaged, incomplete or have gaps", flawed,
                  r->n_clips);
        doc_close(d, DOC_BAD);
        doc_text(d, ", see below");
    } else if (unexamined < r->n_clips)
        doc_text(d, "no damage found");
    if (unexamined) {
        doc_text(d, flawed || unexamined < r->n_clips ? "; " : "");
        doc_textf(d, "%zu of %zu not examined", unexamined, r->n_clips);
    }
    doc_fact_end(d);
    doc_fact(d, "Where");
    if (placed == 0)
        doc_text(d, "not known");
    else if (placed == r->n_clips)
        doc_text(d, "known for all recordings, with maps below");
    else
        doc_textf(d, "known for %zu of %zu recordings, with maps below", placed, r->n_clips);
    if (layout->routes)
        doc_textf(d, "%s the tracker tells the route of %zu of %zu, see below",
                  placed ? ";" : " by the camera;", layout->routes, r->n_clips);
    doc_fact_end(d);
}

void summary_render(struct doc *d, const struct report *r, const struct layout *layout)
{
    doc_open(d, DOC_BRIEF);
    doc_put(d, DOC_HEAD_2, "Summary");
    doc_open(d, DOC_FACTS_WIDE);
    size_t videos = layout->videos, photos = r->n_clips - videos;
    doc_fact(d, "Contents");
    if (videos || photos == 0)
        doc_textf(d, "%lld %s", SIZE_COUNT(videos, "video", "videos"));
    doc_text(d, videos && photos ? " and " : "");
    if (photos)
        doc_textf(d, "%lld %s", SIZE_COUNT(photos, "photo", "photos"));
    if (r->n_clips) {
        doc_textf(d, " of %lld %s", SIZE_COUNT(layout->events.n, "event", "events"));
        if (layout->vehicles)
            doc_textf(d, ", from %lld %s", SIZE_COUNT(layout->vehicles, "vehicle", "vehicles"));
    }
    doc_fact_end(d);
    const struct report_time *first = layout->first, *last = layout->last;
    char text[FORMAT_ROOM];
    doc_fact(d, "When");
    if (!first)
        doc_text(d, "not known");
    else {
        doc_text(d, format_time(first, text));
        if (format_between(first->utc_us, last->utc_us) > REPORT_SAME_EVENT_US)
            doc_textf(d, " to %s", format_time(last, text));
    }
    doc_fact_end(d);
    summary_state(d, r, layout);
    doc_fact(d, "Signature");
    if (r->signature.is_signed) {
        doc_text(d, "signed by ");
        doc_text(d, doc_empty(r->signature.who) ? "an unnamed signer" : r->signature.who);
    } else
        doc_text(d, "none; checksums only");
    doc_fact_end(d);
    doc_close(d, DOC_FACTS_WIDE);
    doc_close(d, DOC_BRIEF);
}
