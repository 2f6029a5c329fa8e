/* The report from top to bottom. */
#include "page.h"
#include "words.h"

const char *page_title(const struct report *r)
{
    return doc_empty(r->title) ? "Dash camera recordings" : r->title;
}

static void what_it_is(struct doc *d, const struct report *r)
{
    doc_open(d, DOC_SECTION);
    doc_put(d, DOC_HEAD_2, "What this is");
    doc_put(d, DOC_PARAGRAPH,
            "These are recordings of cameras that are built into vehicles. For each of them this "
            "report tells when and where it was made, how well that is known, how it came from the "
            "camera, what is wrong with it, and what was made of it. The originals are the bytes "
            "that the camera gave away, unchanged. Copies that are easier to look at have "
            "“DERIVED” in their names; in doubt, the original counts.");
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
}

static void recording_row(struct doc *d, const struct report *r, size_t i,
                          const char *const *column)
{
    const struct report_clip *clip = &r->clip[i];
    char text[WORDS_ROOM];
    doc_open(d, DOC_ROW);
    doc_cell(d, column[0]);
    clip_link(d, r, i);
    doc_cell_end(d);
    doc_cell(d, column[1]);
    words_time(&clip->start, text);
    doc_text(d, text);
    words_error(&clip->start, text);
    doc_textf(d, text[0] ? " %s" : "%s", text);
    doc_cell_end(d);
    doc_cell(d, column[2]);
    words_length(clip->duration_us, text);
    doc_text(d, clip->kind == REPORT_PHOTO ? "–" : clip->duration_us > 0 ? text : "not known");
    doc_cell_end(d);
    doc_cell(d, column[3]);
    doc_text(d, doc_empty(clip->trigger) ? "not known" : clip->trigger);
    doc_cell_end(d);
    doc_cell(d, column[4]);
    doc_text(d, flaws_word(clip));
    doc_cell_end(d);
    doc_close(d, DOC_ROW);
}

static void recordings(struct doc *d, const struct report *r)
{
    static const char *const column[] = {"Recording", "Begins", "Length", "Reason", "Condition"};
    doc_open(d, DOC_SECTION);
    doc_put(d, DOC_HEAD_2, "The recordings");
    if (r->n_clips == 0)
        doc_put(d, DOC_PARAGRAPH, "There are no recordings in this package.");
    else {
        doc_table(d, "All recordings of this package", column, 5);
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
        doc_text(d, " Its checksums show accidental changes, and any change to somebody who has "
                    "kept the checksums elsewhere. Who "
                    "could change a file and the list of checksums together would not be "
                    "noticed.");
        doc_close(d, DOC_PARAGRAPH);
        return;
    }
    doc_open(d, DOC_FACTS_WIDE);
    doc_fact_text(d, "Signed by", doc_empty(s->who) ? "somebody not named" : s->who);
    if (!doc_empty(s->how))
        doc_fact_text(d, "In which way", s->how);
    doc_fact(d, "Time of the signature");
    if (s->has_stamp) {
        char when[WORDS_ROOM];
        words_time(&(struct report_time){.known = true, .utc_us = s->stamp_us}, when);
        doc_textf(d, "witnessed by a third party: %s", when);
        doc_text(d, doc_empty(s->stamp_who) ? "" : ", ");
        doc_text(d, s->stamp_who);
    } else
        doc_text(d, "not witnessed by a third party");
    doc_fact_end(d);
    doc_close(d, DOC_FACTS_WIDE);
}

static void how_to_check(struct doc *d, const struct report *r)
{
    doc_open_named(d, DOC_SECTION, "check");
    doc_put(d, DOC_HEAD_2, "How to check it yourself");
    doc_put(d, DOC_PARAGRAPH,
            "A fingerprint (checksum, SHA-256) is a number that is computed from all bytes "
            "of a file. Change one letter or one dot of a picture, and another number comes "
            "out. Anybody can compute it again, with tools that are not ours.");
    for (size_t i = 0; i < r->n_checks; i++) {
        doc_open(d, DOC_CHECK);
        doc_put(d, DOC_HEAD_3, r->check[i].title);
        doc_put(d, DOC_COMMAND, r->check[i].command);
        if (!doc_empty(r->check[i].expect)) {
            doc_open(d, DOC_PARAGRAPH);
            doc_text(d, "What must be seen: ");
            doc_text(d, r->check[i].expect);
            doc_close(d, DOC_PARAGRAPH);
        }
        doc_close(d, DOC_CHECK);
    }
    doc_put(d, DOC_HEAD_3, "Signature");
    signature(d, &r->signature);
    doc_close(d, DOC_SECTION);
}

static void seal_limit(struct doc *d, const struct report *r)
{
    doc_open(d, DOC_ITEM);
    doc_text(d, "The camera does not sign what it records. Nothing here proves by itself that "
                "a file was made by that camera, or that it was not changed before it was "
                "received. Our seal begins at receipt: ");
    doc_text(d, r->signature.is_signed
                    ? "a change that was made after the signature shows, as long as nobody else "
                      "has the key that signed."
                    : "fingerprints were taken then. As this package is not signed, they show a "
                      "later change only to somebody who has them from elsewhere.");
    doc_close(d, DOC_ITEM);
}

static void limits(struct doc *d, const struct report *r)
{
    static const char *const always[] = {
        "Times are what the named clocks said. A clock may be wrong by more than anybody noticed; "
        "the ± tells only what is known.",
        "A position is what the device said. Nobody here checked it against the pictures.",
        "Damage is what a machine can notice: broken, missing and repeated pictures. Whether a "
        "scene was staged, or a lens covered, it does not notice.",
        "The maps are drawn from a public outline of the world (Natural Earth, 1:50 000 000). Its "
        "lines may be off by a kilometre and more, and are no judgement on borders; the "
        "coordinates beside them are exact as written.",
    };
    doc_open_named(d, DOC_SECTION, "limits");
    doc_put(d, DOC_HEAD_2, "What this package does not show");
    doc_open(d, DOC_BULLETS);
    seal_limit(d, r);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        doc_put(d, DOC_ITEM, always[i]);
    for (size_t i = 0; i < r->n_limits; i++)
        doc_put(d, DOC_ITEM, r->limit[i]);
    doc_close(d, DOC_BULLETS);
    doc_close(d, DOC_SECTION);
}

static void foot(struct doc *d, const struct report *r)
{
    doc_open(d, DOC_FOOT);
    if (!doc_empty(r->tool)) {
        doc_text(d, "Written by ");
        doc_text(d, r->tool);
        doc_text(d, ". ");
    }
    doc_text(d, "This report is one file; it fetches nothing and sends nothing.");
    doc_close(d, DOC_FOOT);
}

void page_tell(struct doc *d, const struct report *r, const struct events *e,
               const struct world *world)
{
    brief_cover(d, r);
    brief_show(d, r, e);
    what_it_is(d, r);
    recordings(d, r);
    events_show(d, r, e, world);
    how_to_check(d, r);
    limits(d, r);
    foot(d, r);
}

int ground_lay(struct ground *out, const struct report *r, struct err *err)
{
    *out = (struct ground){0};
    bool placed = false;
    for (size_t i = 0; i < r->n_clips; i++)
        placed = placed || clip_has_position(&r->clip[i]);
    int rc = events_find(&out->events, r, err);
    return rc == ERR_OK && placed ? world_load(&out->world, err) : rc;
}

void ground_clear(struct ground *g)
{
    world_free(&g->world);
    events_clear(&g->events);
}
