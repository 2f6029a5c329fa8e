/* Clocks, arrival, and what was made of the original. */
#include "format.h"
#include "page.h"

void tables_clocks(struct doc *d, const struct report_clip *clip)
{
    static const char *const column[] = {"Source", "Value", "Time zone", "Uncertainty", "Used?"};
    doc_put(d, DOC_HEAD_4, "Sources of its times");
    if (clip->n_clocks == 0) {
        doc_put(d, DOC_PARAGRAPH,
                format_time_ok(&clip->start) ? "There is only one source; see “Uncertainty” above."
                                             : "No source states a time.");
        return;
    }
    doc_table(d, "Every source of a time or a frame rate", column, 5);
    for (size_t i = 0; i < clip->n_clocks; i++) {
        const struct report_clock *c = &clip->clock[i];
        bool timed = format_time_ok(&c->time);
        char text[FORMAT_ROOM];
        doc_open(d, DOC_ROW);
        doc_put_named(d, DOC_CELL, column[0], c->name);
        doc_cell(d, column[1]);
        if (timed)
            doc_text(d, format_time(&c->time, text));
        doc_text_behind(d, timed ? "; " : "", c->value);
        if (!timed && doc_empty(c->value))
            doc_text(d, "none");
        doc_cell_end(d);
        doc_put_named(d, DOC_CELL, column[2],
                      !timed                     ? "–"
                      : format_zone_ok(&c->time) ? "stated"
                                                 : "not stated");
        format_error(&c->time, text);
        doc_put_named(d, DOC_CELL, column[3], text[0] ? text : "not stated");
        doc_cell(d, column[4]);
        if (c->chosen)
            doc_put(d, DOC_STRONG, "Used");
        else if (c->disagrees)
            doc_put(d, DOC_BAD, "Disagrees");
        else
            doc_text(d, "Not used");
        if (c->chosen && c->disagrees)
            doc_text(d, ", although other sources disagree");
        doc_text_behind(d, ": ", c->note);
        doc_cell_end(d);
        doc_close(d, DOC_ROW);
    }
    doc_close(d, DOC_TABLE);
}

static void fact_number(struct doc *d, const char *name, int64_t n)
{
    doc_fact(d, name);
    doc_number(d, n);
    doc_fact_end(d);
}

void tables_arrival(struct doc *d, const struct report_clip *clip)
{
    const struct report_arrival *a = &clip->arrival;
    doc_put(d, DOC_HEAD_4, "How the original was received");
    if (!doc_empty(a->how))
        doc_put(d, DOC_PARAGRAPH, a->how);
    if (!a->known) {
        if (doc_empty(a->how))
            doc_put(d, DOC_PARAGRAPH, "Not known: it was imported as a file.");
        return;
    }
    doc_open(d, DOC_FACTS_WIDE);
    doc_fact(d, "From");
    doc_put(d, DOC_CODE, doc_empty(a->peer) ? "not known" : a->peer);
    doc_text(d,
             a->encrypted ? ", over an encrypted connection" : ", over an unencrypted connection");
    doc_fact_end(d);
    char text[FORMAT_ROOM];
    struct report_time t = {.known = true, .utc_us = a->began_us};
    doc_fact(d, "Received");
    doc_text(d, format_time(&t, text));
    format_length(a->ended_us > a->began_us ? format_between(a->began_us, a->ended_us) : 0, text);
    doc_textf(d, ", in %s ", text);
    doc_put(d, DOC_SOFT, "(receiver’s clock)");
    doc_fact_end(d);
    fact_number(d, "Connections used", a->connections);
    fact_number(d, "Resumed after interruptions", a->resumed);
    fact_number(d, "Packets received", a->packets);
    fact_number(d, "Corrupt packets, rejected and sent again", a->bad_frames);
    if (a->bytes > 0)
        fact_number(d, "Bytes received, including repeats", a->bytes);
    doc_fact(d, "Complete");
    if (!a->partial)
        doc_text(d, "yes, all bytes announced by the camera");
    else {
        doc_put(d, DOC_BAD, "no");
        doc_text(d, ", the transfer stopped early");
        if (a->missing_bytes > 0) {
            doc_text(d, "; ");
            doc_number(d, a->missing_bytes);
            doc_text(d, " bytes missing");
        }
    }
    doc_fact_end(d);
    doc_close(d, DOC_FACTS_WIDE);
}

void tables_derived(struct doc *d, const struct report_clip *clip)
{
    static const char *const column[] = {"Made from", "Made with", "Result"};
    doc_put(d, DOC_HEAD_4, "Copies");
    if (clip->n_derived == 0) {
        doc_put(d, DOC_PARAGRAPH, "None; there is only the original.");
        return;
    }
    doc_table(d, "Every copy and its source", column, 3);
    for (size_t i = 0; i < clip->n_derived; i++) {
        const struct report_derived *made = &clip->derived[i];
        doc_open(d, DOC_ROW);
        doc_cell(d, column[0]);
        doc_text(d, made->input_sha256 ? "the file with fingerprint" : "the original, fingerprint");
        doc_line_end(d);
        doc_put(d, DOC_CODE, made->input_sha256 ? made->input_sha256 : clip->sha256);
        doc_cell_end(d);
        doc_cell(d, column[1]);
        doc_text(d, made->tool);
        if (!doc_empty(made->settings)) {
            doc_line_end(d);
            doc_text(d, made->settings);
        }
        doc_cell_end(d);
        doc_cell(d, column[2]);
        char size[FORMAT_ROOM];
        doc_put(d, DOC_CODE, made->name);
        if (!doc_empty(made->purpose)) {
            doc_line_end(d);
            doc_text(d, made->purpose);
        }
        if (made->length_bytes > 0)
            doc_textf(d, " (%s)", format_bytes(made->length_bytes, size));
        doc_line_end(d);
        doc_put(d, DOC_SOFT, "fingerprint");
        doc_text(d, " ");
        doc_put(d, DOC_CODE, doc_empty(made->sha256) ? "none" : made->sha256);
        doc_cell_end(d);
        doc_close(d, DOC_ROW);
    }
    doc_close(d, DOC_TABLE);
}
