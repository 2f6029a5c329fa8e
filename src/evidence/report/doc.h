/*
 * doc: the report as a stream of parts, texts, pictures and drawings. What the report says is told
 * once, to a doc; how that looks as HTML or on paper is for who stands behind it (html.c, pdf.c).
 *
 * Parts are opened and closed in order. Text is anybody's: who stands behind makes it harmless.
 */
#ifndef REPORT_DOC_H
#define REPORT_DOC_H

#include "dashspool/report.h"

#define DOC_NO_PICTURE "No image available."

/* ---- text of others ---- */

/* A character in UTF-8. */
struct clean {
    uint32_t value;
    const char *bytes; /* into the text, or static */
    size_t n;
};

/* The next character at *text, and steps over it; false: the text has ended. Control characters,
 * those that turn the direction of writing, and bytes that are no UTF-8 become U+FFFD; a tab
 * becomes a space, a new line too unless `lines`. */
bool clean_next(const char **text, bool lines, struct clean *out);

/* Appends all of a text (NULL is "") and a NUL; what out's ceiling has no room for is left off.
 * ERR_NOMEM. */
int clean_all(struct buf *out, const char *text, struct err *err) DS_MUST_CHECK;

/* ---- drawings ----
 *
 * Lines, areas and words, in a drawing's own whole units; how an ink looks is for who draws. */

enum draw_what { DRAW_NEAR, DRAW_FAR, DRAW_ROUTE, DRAW_BAR, DRAW_PLOT };

enum draw_ink {
    /* of maps */
    DRAW_SEA,
    DRAW_LAND,
    DRAW_BORDER,
    DRAW_COAST,
    DRAW_GRID,
    DRAW_GRID_WORD,
    DRAW_NAME,
    DRAW_SCALE,
    DRAW_SCALE_WORD,
    DRAW_MARK,
    DRAW_WINDOW,
    /* of time lines */
    DRAW_GOOD,
    DRAW_SOUND,
    DRAW_DAMAGED,
    DRAW_MISSING,
    DRAW_SILENCE,
    DRAW_TICK,
    DRAW_TRIGGER,
    DRAW_WORD,
    /* of plots over time, and of the way on a map */
    DRAW_RULE,
    DRAW_SPAN, /* the recording's own time */
    DRAW_BAND, /* within which something may be off */
    DRAW_CURVE,
    DRAW_DOT,
    DRAW_EVENT, /* the tracker's trigger; the camera's is DRAW_TRIGGER */
    DRAW_UNFIXED,
    DRAW_HIDDEN,
    DRAW_WAY,
    DRAW_WAY_AROUND,
    DRAW_INKS,
};

enum draw_anchor { DRAW_START, DRAW_MIDDLE, DRAW_END };

struct draw {
    const struct draw_ops *ops;
};

struct draw_ops {
    /* A path: begin, then move and line and shut, then end. */
    void (*path)(struct draw *d, enum draw_ink ink);
    void (*move)(struct draw *d, long x, long y);
    void (*line)(struct draw *d, long x, long y);
    void (*shut)(struct draw *d);
    void (*path_end)(struct draw *d);
    void (*rect)(struct draw *d, enum draw_ink ink, long x, long y, long width, long height);
    void (*circle)(struct draw *d, enum draw_ink ink, long x, long y, long radius);
    /* x: of the text's start, middle or end; y: of the line that it stands on. */
    void (*text)(struct draw *d, enum draw_ink ink, enum draw_anchor anchor, long x, long y,
                 const char *text);
};

/* ---- parts ---- */

/* What a part's name is stands behind it; parts without have none. */
enum doc_part {
    /* Groups. */
    DOC_COVER, /* title and cover lines */
    DOC_COVER_LINES,
    DOC_BRIEF,   /* all in short */
    DOC_SECTION, /* anchor, or NULL */
    DOC_EVENT,   /* anchor */
    DOC_SINGLE,
    DOC_PAIR,  /* cards that stand side by side where there is room */
    DOC_CARD,  /* anchor */
    DOC_PLACE, /* a caption and maps */
    DOC_MAPS,
    DOC_DETAILS,
    DOC_CHECK,
    /* Lists and tables; doc_table() opens a DOC_TABLE. */
    DOC_BULLETS,
    DOC_NUMBERED,
    DOC_FACTS,
    DOC_FACTS_WIDE, /* with long names */
    DOC_TABLE,
    DOC_ROW,
    /* What holds text. */
    DOC_HEAD_1,
    DOC_HEAD_2, /* anchor, or NULL */
    DOC_HEAD_3,
    DOC_HEAD_4,
    DOC_PARAGRAPH,
    DOC_SMALL,
    DOC_NOTE,
    DOC_WARNING,
    DOC_KEY, /* to a drawing */
    DOC_CAPTION,
    DOC_COVER_LINE, /* what it is */
    DOC_ITEM,
    DOC_FACT, /* what it is */
    DOC_CELL, /* its column */
    DOC_COMMAND,
    DOC_FOOT,
    /* Within text. */
    DOC_STRONG,
    DOC_BAD, /* strong, and no good news */
    DOC_SOFT,
    DOC_CODE,    /* a hash or a name that has no spaces to break at */
    DOC_ADDRESS, /* the same, an address to follow: the address */
    DOC_LINK,    /* to an anchor */
    DOC_PARTS,
};

struct doc {
    const struct doc_ops *ops;
    struct err *err;
    int rc; /* once negative, nothing more is written */
};

struct doc_ops {
    void (*open)(struct doc *d, enum doc_part part, const char *name);
    void (*close)(struct doc *d, enum doc_part part);
    void (*text)(struct doc *d, const char *text); /* new lines are kept in a DOC_COMMAND */
    void (*line_end)(struct doc *d);
    void (*table)(struct doc *d, const char *caption, const char *const *column, size_t n);
    void (*picture)(struct doc *d, const struct report_picture *picture);
    void (*swatch)(struct doc *d, enum draw_ink ink); /* in a DOC_KEY */
    /* Begins a drawing; NULL: it is not wanted now. `what` says to those who cannot see it. */
    struct draw *(*drawing)(struct doc *d, enum draw_what kind, int width, int height,
                            const char *what);
    void (*drawing_end)(struct doc *d, struct draw *draw);
};

static inline void doc_open(struct doc *d, enum doc_part part)
{
    d->ops->open(d, part, NULL);
}
static inline void doc_open_named(struct doc *d, enum doc_part part, const char *name)
{
    d->ops->open(d, part, name);
}
static inline void doc_close(struct doc *d, enum doc_part part)
{
    d->ops->close(d, part);
}

/* NULL is "". */
void doc_text(struct doc *d, const char *text);
void doc_textf(struct doc *d, const char *fmt, ...) DS_PRINTF(2, 3); /* up to 511 bytes */
static inline void doc_line_end(struct doc *d)
{
    d->ops->line_end(d);
}

/* Nothing where the text is empty. */
void doc_text_behind(struct doc *d, const char *between, const char *text);
/* A part that holds nothing but a text. */
void doc_put(struct doc *d, enum doc_part part, const char *text);
void doc_put_named(struct doc *d, enum doc_part part, const char *name, const char *text);
/* A number as it is best read: "2 214 880" with no-break spaces. */
void doc_number(struct doc *d, int64_t n);
/* A fact; what is between, the caller writes. */
void doc_fact(struct doc *d, const char *name);
void doc_fact_end(struct doc *d);
void doc_cell(struct doc *d, const char *column);
void doc_cell_end(struct doc *d);

/* A table with a header of n columns (up to DOC_COLUMNS_MAX), to be closed as DOC_TABLE. */
#define DOC_COLUMNS_MAX 5
static inline void doc_table(struct doc *d, const char *caption, const char *const *column,
                             size_t n)
{
    d->ops->table(d, caption, column, n);
}

/* A picture's bytes: its own, or loaded into hold, which is initialized here and the caller's to
 * clear, also after a failure. */
int doc_picture_bytes(const struct report_picture *p, struct buf *hold, const uint8_t **jpeg,
                      size_t *n, struct err *err) DS_MUST_CHECK;

/* "" and NULL. */
static inline bool doc_empty(const char *text)
{
    return !text || !*text;
}

#endif
