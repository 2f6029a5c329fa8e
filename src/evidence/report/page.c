/* The report from top to bottom. */
#include "page.h"
#include "format.h"

static void recording_row(struct doc *d, const struct report *r, size_t i,
                          const char *const *column)
{
    const struct report_clip *clip = &r->clip[i];
    char text[FORMAT_ROOM];
    doc_open(d, DOC_ROW);
    doc_cell(d, column[0]);
    clip_link(d, r, i);
    doc_cell_end(d);
    doc_cell(d, column[1]);
    doc_text(d, format_time(&clip->start, text));
    doc_text_behind(d, " ", format_error(&clip->start, text));
    doc_cell_end(d);
    doc_put_named(d, DOC_CELL, column[2],
                  clip->kind == REPORT_PHOTO ? "–"
                  : clip->duration_us > 0    ? format_length(clip->duration_us, text)
                                             : "not known");
    doc_put_named(d, DOC_CELL, column[3], doc_empty(clip->trigger) ? "not known" : clip->trigger);
    doc_put_named(d, DOC_CELL, column[4], condition_label(clip));
    doc_close(d, DOC_ROW);
}

static void recordings(struct doc *d, const struct report *r)
{
    static const char *const column[] = {"Recording", "Begins", "Length", "Reason", "Condition"};
    doc_open(d, DOC_SECTION);
    doc_put(d, DOC_HEAD_2, "The recordings");
    if (r->n_clips == 0)
        doc_put(d, DOC_PARAGRAPH, "This package contains no recordings.");
    else {
        doc_table(d, "All recordings in this package", column, 5);
        for (size_t i = 0; i < r->n_clips; i++)
            recording_row(d, r, i, column);
        doc_close(d, DOC_TABLE);
    }
    doc_close(d, DOC_SECTION);
}

static void signature(struct doc *d, const struct report_signature *s)
{
    if (!s->is_signed) {
        doc_open(d, DOC_PARAGRAPH);
        doc_put(d, DOC_STRONG, "This package is not signed.");
        doc_text(d, " Its checksums reveal accidental changes, and any change to someone who has "
                    "a copy of the checksums. A change to "
                    "both a file and the list of checksums would not be "
                    "noticed.");
        doc_close(d, DOC_PARAGRAPH);
        return;
    }
    doc_open(d, DOC_FACTS_WIDE);
    doc_put_named(d, DOC_FACT, "Signed by", doc_empty(s->who) ? "an unnamed signer" : s->who);
    if (!doc_empty(s->how))
        doc_put_named(d, DOC_FACT, "Signature type", s->how);
    doc_fact(d, "Time of the signature");
    if (s->has_stamp) {
        char when[FORMAT_ROOM];
        struct report_time t = {.known = true, .utc_us = s->stamp_us};
        doc_textf(d, "confirmed by a time-stamping authority: %s", format_time(&t, when));
        doc_text_behind(d, ", ", s->stamp_who);
    } else
        doc_text(d, "not confirmed by a time-stamping authority");
    doc_fact_end(d);
    doc_close(d, DOC_FACTS_WIDE);
}

static void limits(struct doc *d, const struct report *r)
{
    static const char *const always[] = {
        "Times are those of the clocks named. A clock may be wrong by more than was noticed; the ± "
        "covers only the known uncertainty.",
        "Positions are those reported by the device. They were not checked against the images.",
        "Damage means what software can detect: corrupt, missing and duplicate frames. It does not "
        "detect a staged scene or a covered lens.",
        "The maps use a public outline of the world (Natural Earth, 1:50 000 000). Its lines may "
        "be off by a kilometre or more and imply no opinion on borders; rely on the coordinates "
        "beside them.",
    };
    doc_open_named(d, DOC_SECTION, "limits");
    doc_put(d, DOC_HEAD_2, "What this package does not show");
    doc_open(d, DOC_BULLETS);
    doc_open(d, DOC_ITEM);
    doc_text(d, "The camera does not sign its recordings. Nothing here proves that "
                "a file was made by that camera, or that it was not changed before it was "
                "received. The protection begins at receipt: ");
    doc_text(d, r->signature.is_signed
                    ? "any change after signing is detectable, provided that the signing key has "
                      "been kept secret."
                    : "fingerprints were taken then. Because this package is not signed, they "
                      "reveal a later change only to someone who obtained them separately.");
    doc_close(d, DOC_ITEM);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        doc_put(d, DOC_ITEM, always[i]);
    for (size_t i = 0; i < r->n_limits; i++)
        doc_put(d, DOC_ITEM, r->limit[i]);
    doc_close(d, DOC_BULLETS);
    doc_close(d, DOC_SECTION);
}

void report_render(struct doc *d, const struct report *r, const struct layout *layout)
{
    summary_cover(d, r, layout->title);
    summary_render(d, r, layout);
    doc_open(d, DOC_SECTION);
    doc_put(d, DOC_HEAD_2, "What this is");
    doc_put(d, DOC_PARAGRAPH,
            "This package holds recordings made by cameras in vehicles. For each recording this "
            "report says when and where it was made, how certain that is, how it was received, "
            "what damage was found, and which copies were made. The originals are the bytes sent "
            "by the camera, unchanged. Copies that are easier to view have “DERIVED” in their "
            "names; if in doubt, the original is authoritative.");
    if (r->n_files) {
        doc_put(d, DOC_HEAD_3, "What to open first");
        doc_open(d, DOC_NUMBERED);
        for (size_t i = 0; i < r->n_files; i++) {
            doc_open(d, DOC_ITEM);
            doc_put(d, DOC_CODE, r->file[i].name);
            doc_line_end(d);
            doc_text(d, r->file[i].what);
            doc_close(d, DOC_ITEM);
        }
        doc_close(d, DOC_NUMBERED);
    }
    doc_close(d, DOC_SECTION);
    recordings(d, r);
    events_show(d, r, &layout->events, &layout->maps);
    doc_open_named(d, DOC_SECTION, "check");
    doc_put(d, DOC_HEAD_2, "How to check it yourself");
    doc_put(d, DOC_PARAGRAPH,
            "A fingerprint (SHA-256 checksum) is a number computed from every byte of a file. If a "
            "single byte changes, the number is different. Anyone can compute it again, with "
            "standard tools.");
    for (size_t i = 0; i < r->n_checks; i++) {
        doc_open(d, DOC_CHECK);
        doc_put(d, DOC_HEAD_3, r->check[i].title);
        doc_put(d, DOC_COMMAND, r->check[i].command);
        if (!doc_empty(r->check[i].expect)) {
            doc_open(d, DOC_PARAGRAPH);
            doc_text(d, "Expected result: ");
            doc_text(d, r->check[i].expect);
            doc_close(d, DOC_PARAGRAPH);
        }
        doc_close(d, DOC_CHECK);
    }
    doc_put(d, DOC_HEAD_3, "Signature");
    signature(d, &r->signature);
    doc_close(d, DOC_SECTION);
    limits(d, r);
    doc_open(d, DOC_FOOT);
    if (!doc_empty(r->tool)) {
        doc_text(d, "Generated by ");
        doc_text(d, r->tool);
        doc_text(d, ". ");
    }
    doc_text(d, "This report is a single file; it loads nothing from a network and sends nothing.");
    doc_close(d, DOC_FOOT);
}

int layout_init(struct layout *out, const struct report *r, struct err *err)
{
    *out = (struct layout){0};
    int rc = events_find(&out->events, r, err);
    if (rc == ERR_OK)
        summary_count(out, r);
    return rc == ERR_OK && out->placed ? maps_load(&out->maps, err) : rc;
}

void layout_clear(struct layout *g)
{
    maps_free(&g->maps);
    events_clear(&g->events);
}
