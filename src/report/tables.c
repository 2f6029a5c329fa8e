/* Clocks, arrival, and what was made of the original. */
#include "page.h"
#include "words.h"
#include <stdio.h>

static void clock_says(struct html *h, const struct report_clock *c)
{
    char text[WORDS_ROOM];
    if (words_time_ok(&c->time)) {
        words_time(&c->time, text);
        html_text(h, text);
    }
    if (!html_empty(c->value)) {
        html_raw(h, words_time_ok(&c->time) ? "; " : "");
        html_text(h, c->value);
    }
    if (!words_time_ok(&c->time) && html_empty(c->value))
        html_raw(h, "nothing");
}

static void clock_verdict(struct html *h, const struct report_clock *c)
{
    html_raw(h, c->chosen      ? "<strong>Used here</strong>"
                : c->disagrees ? "<strong class=\"bad\">Disagrees</strong>"
                               : "Not used");
    if (c->chosen && c->disagrees)
        html_raw(h, ", though others disagree");
    if (!html_empty(c->note)) {
        html_raw(h, ": ");
        html_text(h, c->note);
    }
}

void tables_clocks(struct html *h, const struct report_clip *clip)
{
    static const char *const column[] = {"Who said so", "What it said", "Zone", "How sure",
                                         "Is it used?"};
    html_raw(h, "<h4>What its times rest on</h4>\n");
    if (clip->n_clocks == 0) {
        html_raw(h,
                 words_time_ok(&clip->start)
                     ? "<p>There is nothing to compare it with: see &#8220;How sure&#8221; above."
                       "</p>\n"
                     : "<p>Nothing told a time.</p>\n");
        return;
    }
    html_table(h, "Each source of a time or a speed", column, 5);
    for (size_t i = 0; i < clip->n_clocks; i++) {
        const struct report_clock *c = &clip->clock[i];
        char error[WORDS_ROOM];
        html_row(h);
        html_cell(h, column[0]);
        html_text(h, c->name);
        html_cell_end(h);
        html_cell(h, column[1]);
        clock_says(h, c);
        html_cell_end(h);
        html_cell(h, column[2]);
        html_raw(h, !words_time_ok(&c->time) ? "–" : words_zone_ok(&c->time) ? "told" : "not told");
        html_cell_end(h);
        html_cell(h, column[3]);
        words_error(&c->time, error);
        html_text(h, error[0] ? error : "not told");
        html_cell_end(h);
        html_cell(h, column[4]);
        clock_verdict(h, c);
        html_cell_end(h);
        html_row_end(h);
    }
    html_table_end(h);
}

static void fact_number(struct html *h, const char *name, int64_t n)
{
    html_fact(h, name);
    html_number(h, n);
    html_fact_end(h);
}

static void arrival_time(struct html *h, const struct report_arrival *a)
{
    char text[WORDS_ROOM];
    struct report_time t = {.known = true, .utc_us = a->began_us};
    html_fact(h, "Received");
    words_time(&t, text);
    html_text(h, text);
    words_length(a->ended_us > a->began_us ? words_between(a->began_us, a->ended_us) : 0, text);
    html_textf(h, ", in %s", text);
    html_raw(h, " <span class=\"soft\">(the receiver&#8217;s clock)</span>");
    html_fact_end(h);
}

static void arrival_end(struct html *h, const struct report_arrival *a)
{
    html_fact(h, "Complete");
    if (!a->partial)
        html_raw(h, "yes, to the last byte that the camera announced");
    else {
        html_raw(h, "<strong class=\"bad\">no</strong>, the transfer stopped before its end");
        if (a->missing_bytes > 0) {
            html_raw(h, "; ");
            html_number(h, a->missing_bytes);
            html_raw(h, " bytes never came");
        }
    }
    html_fact_end(h);
}

void tables_arrival(struct html *h, const struct report_clip *clip)
{
    const struct report_arrival *a = &clip->arrival;
    html_raw(h, "<h4>How the original came</h4>\n");
    if (!html_empty(a->how)) {
        html_raw(h, "<p>");
        html_text(h, a->how);
        html_raw(h, "</p>\n");
    }
    if (!a->known) {
        if (html_empty(a->how))
            html_raw(h, "<p>That is not known: it was brought in as a file.</p>\n");
        return;
    }
    html_raw(h, "<table class=\"facts wide\">\n");
    html_fact(h, "From");
    html_code(h, html_empty(a->peer) ? "not known" : a->peer);
    html_raw(h, a->encrypted ? ", by an encrypted connection"
                             : ", by a connection that is not encrypted");
    html_fact_end(h);
    arrival_time(h, a);
    fact_number(h, "Connections that it took", a->connections);
    fact_number(h, "Taken up again after a break", a->resumed);
    fact_number(h, "Pieces received", a->packets);
    fact_number(h, "Pieces that came damaged, refused and asked for again", a->bad_frames);
    if (a->bytes > 0)
        fact_number(h, "Bytes received for it", a->bytes);
    arrival_end(h, a);
    html_raw(h, "</table>\n");
}

static void derived_file(struct html *h, const struct report_derived *d)
{
    char size[WORDS_ROOM];
    html_code(h, d->name);
    if (!html_empty(d->purpose)) {
        html_raw(h, "<br>");
        html_text(h, d->purpose);
    }
    if (d->length_bytes > 0) {
        words_bytes(d->length_bytes, size);
        html_textf(h, " (%s)", size);
    }
    html_raw(h, "<br><span class=\"soft\">fingerprint</span> ");
    html_code(h, html_empty(d->sha256) ? "none was taken" : d->sha256);
}

void tables_derived(struct html *h, const struct report_clip *clip)
{
    static const char *const column[] = {"Made from", "With", "What came out"};
    html_raw(h, "<h4>What was made of it</h4>\n");
    if (clip->n_derived == 0) {
        html_raw(h, "<p>Nothing: there is only the original.</p>\n");
        return;
    }
    html_table(h, "Each copy, and what it was made from", column, 3);
    for (size_t i = 0; i < clip->n_derived; i++) {
        const struct report_derived *d = &clip->derived[i];
        html_row(h);
        html_cell(h, column[0]);
        html_raw(h, d->input_sha256 ? "the file with fingerprint<br>"
                                    : "the original, fingerprint<br>");
        html_code(h, d->input_sha256 ? d->input_sha256 : clip->sha256);
        html_cell_end(h);
        html_cell(h, column[1]);
        html_text(h, d->tool);
        if (!html_empty(d->settings)) {
            html_raw(h, "<br>");
            html_text(h, d->settings);
        }
        html_cell_end(h);
        html_cell(h, column[2]);
        derived_file(h, d);
        html_cell_end(h);
        html_row_end(h);
    }
    html_table_end(h);
}
