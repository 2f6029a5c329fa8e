/* The page from top to bottom. */
#include "page.h"
#include "words.h"
#include <string.h>

extern const uint8_t report_style[], report_style_end[];

static const char *title_of(const struct report *r)
{
    return html_empty(r->title) ? "Dash camera recordings" : r->title;
}

static void head(struct html *h, const struct report *r)
{
    html_raw(h, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"color-scheme\" content=\"light dark\">\n"
                "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    html_text(h, title_of(r));
    html_raw(h, "</title>\n<style>\n");
    if (h->rc == 0)
        h->rc = buf_append(h->out, report_style, (size_t)(report_style_end - report_style), h->err);
    html_raw(h, "</style>\n</head>\n<body>\n");
    flaws_patterns(h);
}

static void cover_line(struct html *h, const char *name, const char *text)
{
    if (html_empty(text))
        return;
    html_rawf(h, "<span class=\"of\">%s <strong>", name);
    html_text(h, text);
    html_raw(h, "</strong></span>\n");
}

static void cover(struct html *h, const struct report *r)
{
    char made[WORDS_ROOM];
    html_raw(h, "<header>\n<h1>");
    html_text(h, title_of(r));
    html_raw(h, "</h1>\n<p class=\"cover\">");
    cover_line(h, "Reference", r->reference);
    cover_line(h, "For", r->recipient);
    cover_line(h, "From", r->author);
    words_time(&r->made, made);
    cover_line(h, "Made", words_time_ok(&r->made) ? made : "");
    html_raw(h, "</p>\n</header>\n<main>\n");
    if (r->redacted) {
        html_raw(h, "<div class=\"redacted\" role=\"note\"><strong>Redacted.</strong> Parts of "
                    "these pictures or facts were made unrecognisable on purpose. ");
        html_text(h, r->redaction);
        html_raw(h, "</div>\n");
    }
    if (!html_empty(r->note)) {
        html_raw(h, "<p class=\"note\">");
        html_text(h, r->note);
        html_raw(h, "</p>\n");
    }
}

static size_t count(const struct report *r, bool (*is)(const struct report_clip *))
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_clips; i++)
        n += is(&r->clip[i]);
    return n;
}

static bool is_film(const struct report_clip *clip)
{
    return clip->kind == REPORT_VIDEO;
}

static bool is_flawed(const struct report_clip *clip)
{
    return clip->n_stretches > 0 || clip->arrival.partial;
}

static bool is_unexamined(const struct report_clip *clip)
{
    return !clip->examined;
}

static size_t units(const struct report *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_clips; i++) {
        bool seen = html_empty(r->clip[i].imei);
        for (size_t k = 0; k < i && !seen; k++)
            seen = r->clip[k].imei && strcmp(r->clip[k].imei, r->clip[i].imei) == 0;
        n += !seen;
    }
    return n;
}

static void plural(struct html *h, size_t n, const char *one, const char *many)
{
    html_rawf(h, "%zu %s", n, n == 1 ? one : many);
}

static void brief_contents(struct html *h, const struct report *r, const struct events *e)
{
    size_t films = count(r, is_film), photos = r->n_clips - films;
    html_fact(h, "What is in it");
    if (films || photos == 0)
        plural(h, films, "film", "films");
    html_raw(h, films && photos ? " and " : "");
    if (photos)
        plural(h, photos, "photo", "photos");
    if (r->n_clips) {
        html_raw(h, " of ");
        plural(h, e->n, "event", "events");
        if (units(r)) {
            html_raw(h, ", from ");
            plural(h, units(r), "camera unit", "camera units");
        }
    }
    html_fact_end(h);
}

static void brief_when(struct html *h, const struct report *r)
{
    const struct report_time *first = NULL, *last = NULL;
    char text[WORDS_ROOM];
    for (size_t i = 0; i < r->n_clips; i++) {
        const struct report_time *t = &r->clip[i].start;
        first = words_time_ok(t) && (!first || t->utc_us < first->utc_us) ? t : first;
        last = words_time_ok(t) && (!last || t->utc_us > last->utc_us) ? t : last;
    }
    html_fact(h, "When");
    if (!first)
        html_raw(h, "not known");
    else {
        words_time(first, text);
        html_text(h, text);
        if (words_between(first->utc_us, last->utc_us) > REPORT_SAME_EVENT_US) {
            words_time(last, text);
            html_textf(h, " to %s", text);
        }
    }
    html_fact_end(h);
}

static void brief_state(struct html *h, const struct report *r)
{
    size_t flawed = count(r, is_flawed), unexamined = count(r, is_unexamined);
    html_fact(h, "Condition");
    if (r->n_clips == 0)
        html_raw(h, "nothing to judge");
    else if (flawed)
        html_rawf(h,
                  "<strong class=\"bad\">%zu of %zu recordings are damaged, have gaps or are not "
                  "complete</strong>"
                  ", as told below",
                  flawed, r->n_clips);
    else if (unexamined < r->n_clips)
        html_raw(h, "nothing wrong was found");
    if (unexamined) {
        html_raw(h, flawed || unexamined < r->n_clips ? "; " : "");
        html_rawf(h, "%zu of %zu were not examined", unexamined, r->n_clips);
    }
    html_fact_end(h);
    size_t placed = count(r, clip_has_position);
    html_fact(h, "Where");
    if (placed == 0)
        html_raw(h, "not known");
    else if (placed == r->n_clips)
        html_raw(h, "known for all recordings, with maps below");
    else
        html_rawf(h, "known for %zu of %zu recordings, with maps below", placed, r->n_clips);
    html_fact_end(h);
}

static void brief(struct html *h, const struct report *r, const struct events *e)
{
    html_raw(h, "<section class=\"brief\" aria-labelledby=\"in-short\">\n"
                "<h2 id=\"in-short\">In short</h2>\n<table class=\"facts wide\">\n");
    brief_contents(h, r, e);
    brief_when(h, r);
    brief_state(h, r);
    html_fact(h, "Sealed");
    if (r->signature.is_signed) {
        html_raw(h, "signed by ");
        html_text(h, html_empty(r->signature.who) ? "somebody not named" : r->signature.who);
    } else
        html_raw(h, "not signed: checksums only");
    html_fact_end(h);
    html_raw(h, "</table>\n</section>\n");
}

static void what_it_is(struct html *h, const struct report *r)
{
    html_raw(
        h, "<section>\n<h2>What this is</h2>\n"
           "<p>These are recordings of cameras that are built into vehicles. For each of them this "
           "page tells when and where it was made, how well that is known, how it came from the "
           "camera, what is wrong with it, and what was made of it. The originals are the bytes "
           "that the camera gave away, unchanged. Copies that are easier to look at have "
           "&#8220;DERIVED&#8221; in their names; in doubt, the original counts.</p>\n");
    if (r->n_files) {
        html_raw(h, "<h3>What to open first</h3>\n<ol class=\"open\">\n");
        for (size_t i = 0; i < r->n_files; i++) {
            html_raw(h, "<li>");
            html_code(h, r->file[i].name);
            html_raw(h, "<br>");
            html_text(h, r->file[i].what);
            html_raw(h, "</li>\n");
        }
        html_raw(h, "</ol>\n");
    }
    html_raw(h, "</section>\n");
}

static void recording_row(struct html *h, const struct report *r, size_t i,
                          const char *const *column)
{
    const struct report_clip *clip = &r->clip[i];
    char text[WORDS_ROOM];
    html_row(h);
    html_cell(h, column[0]);
    clip_link(h, r, i);
    html_cell_end(h);
    html_cell(h, column[1]);
    words_time(&clip->start, text);
    html_text(h, text);
    words_error(&clip->start, text);
    html_textf(h, text[0] ? " %s" : "%s", text);
    html_cell_end(h);
    html_cell(h, column[2]);
    words_length(clip->duration_us, text);
    html_text(h, clip->kind == REPORT_PHOTO ? "–" : clip->duration_us > 0 ? text : "not known");
    html_cell_end(h);
    html_cell(h, column[3]);
    html_text(h, html_empty(clip->trigger) ? "not known" : clip->trigger);
    html_cell_end(h);
    html_cell(h, column[4]);
    html_text(h, flaws_word(clip));
    html_cell_end(h);
    html_row_end(h);
}

static void recordings(struct html *h, const struct report *r)
{
    static const char *const column[] = {"Recording", "Begins", "Length", "Reason", "Condition"};
    html_raw(h, "<section>\n<h2>The recordings</h2>\n");
    if (r->n_clips == 0)
        html_raw(h, "<p>There are no recordings in this package.</p>\n");
    else {
        html_table(h, "All recordings of this package", column, 5);
        for (size_t i = 0; i < r->n_clips; i++)
            recording_row(h, r, i, column);
        html_table_end(h);
    }
    html_raw(h, "</section>\n");
}

static void signature(struct html *h, const struct report_signature *s)
{
    if (!s->is_signed) {
        html_raw(h, "<p><strong>This package is not signed.</strong> Its checksums show accidental "
                    "changes, and any change to somebody who has kept the checksums elsewhere. Who "
                    "could change a file and the list of checksums together would not be "
                    "noticed.</p>\n");
        return;
    }
    html_raw(h, "<table class=\"facts wide\">\n");
    html_fact_text(h, "Signed by", html_empty(s->who) ? "somebody not named" : s->who);
    if (!html_empty(s->how))
        html_fact_text(h, "In which way", s->how);
    html_fact(h, "Time of the signature");
    if (s->has_stamp) {
        char when[WORDS_ROOM];
        words_time(&(struct report_time){.known = true, .utc_us = s->stamp_us}, when);
        html_textf(h, "witnessed by a third party: %s", when);
        html_raw(h, html_empty(s->stamp_who) ? "" : ", ");
        html_text(h, s->stamp_who);
    } else
        html_raw(h, "not witnessed by a third party");
    html_fact_end(h);
    html_raw(h, "</table>\n");
}

static void how_to_check(struct html *h, const struct report *r)
{
    html_raw(h, "<section id=\"check\">\n<h2>How to check it yourself</h2>\n"
                "<p>A fingerprint (checksum, SHA-256) is a number that is computed from all bytes "
                "of a file. Change one letter or one dot of a picture, and another number comes "
                "out. Anybody can compute it again, with tools that are not ours.</p>\n");
    for (size_t i = 0; i < r->n_checks; i++) {
        html_raw(h, "<div class=\"check\">\n<h3>");
        html_text(h, r->check[i].title);
        html_raw(h, "</h3>\n<pre><code>");
        html_lines(h, r->check[i].command);
        html_raw(h, "</code></pre>\n");
        if (!html_empty(r->check[i].expect)) {
            html_raw(h, "<p>What must be seen: ");
            html_text(h, r->check[i].expect);
            html_raw(h, "</p>\n");
        }
        html_raw(h, "</div>\n");
    }
    html_raw(h, "<h3>Signature</h3>\n");
    signature(h, &r->signature);
    html_raw(h, "</section>\n");
}

static void seal_limit(struct html *h, const struct report *r)
{
    html_raw(h, "<li>The camera does not sign what it records. Nothing here proves by itself that "
                "a file was made by that camera, or that it was not changed before it was "
                "received. Our seal begins at receipt: ");
    html_raw(h, r->signature.is_signed
                    ? "a change that was made after the signature shows, as long as nobody else "
                      "has the key that signed.</li>\n"
                    : "fingerprints were taken then. As this package is not signed, they show a "
                      "later change only to somebody who has them from elsewhere.</li>\n");
}

static void limits(struct html *h, const struct report *r)
{
    html_raw(h, "<section id=\"limits\">\n<h2>What this package does not show</h2>\n<ul>\n");
    seal_limit(h, r);
    html_raw(
        h,
        "<li>Times are what the named clocks said. A clock may be wrong by more than anybody "
        "noticed; the ± tells only what is known.</li>\n"
        "<li>A position is what the device said. Nobody here checked it against the "
        "pictures.</li>\n"
        "<li>Damage is what a machine can notice: broken, missing and repeated pictures. Whether a "
        "scene was staged, or a lens covered, it does not notice.</li>\n"
        "<li>The maps are drawn from a public outline of the world (Natural Earth, 1:50 000 000). "
        "Its lines may be off by a kilometre and more, and are no judgement on borders; the "
        "coordinates beside them are exact as written.</li>\n");
    for (size_t i = 0; i < r->n_limits; i++) {
        html_raw(h, "<li>");
        html_text(h, r->limit[i]);
        html_raw(h, "</li>\n");
    }
    html_raw(h, "</ul>\n</section>\n");
}

static void foot(struct html *h, const struct report *r)
{
    html_raw(h, "</main>\n<footer><p>");
    if (!html_empty(r->tool)) {
        html_raw(h, "Written by ");
        html_text(h, r->tool);
        html_raw(h, ". ");
    }
    html_raw(h, "This page is one file; it fetches nothing and sends nothing.</p></footer>\n"
                "</body>\n</html>\n");
}

int report_html(struct buf *out, const struct report *r, struct err *err)
{
    struct html h = {.out = out, .err = err};
    struct events events = {0};
    struct world *world = NULL;
    int rc = events_find(&events, r, err);
    if (rc == 0 && count(r, clip_has_position))
        rc = world_load(&world, err);
    if (rc < 0)
        goto out;
    head(&h, r);
    cover(&h, r);
    brief(&h, r, &events);
    what_it_is(&h, r);
    recordings(&h, r);
    events_show(&h, r, &events, world);
    how_to_check(&h, r);
    limits(&h, r);
    foot(&h, r);
    rc = h.rc;
out:
    world_free(&world);
    events_clear(&events);
    return rc < 0 ? err_wrap(err, "report") : ERR_OK;
}
