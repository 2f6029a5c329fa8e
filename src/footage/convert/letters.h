/*
 * letters: text as libass draws it, with the font that is in the program and no other. A renderer
 * has tables of 3 MB that are walked whenever its size is set: that costs more than the letters. So
 * there is none before there is something to draw, and one that is idle is kept for whoever wants
 * it next; a process that is to fork can make it before (osd_warm_up).
 */
#ifndef CONVERT_LETTERS_H
#define CONVERT_LETTERS_H

#include "dashspool/err.h"
#include <ass/ass.h>

struct letters;

/* A renderer for pictures of this size, the caller's alone until glyph_cache_release(). */
int glyph_cache_acquire(struct letters **out, int width_px, int height_px,
                        struct err *err) DS_MUST_CHECK;

/* Accepts NULL. */
void glyph_cache_release(struct letters **letters);

/* Draws `text` (ASS, with its commands) in white with a dark edge: sizes in pixels. *out is valid
 * until glyph_cache_release(), NULL if nothing is to be seen. */
int letters_draw(struct letters *letters, const char *text, double font_px, double edge_px,
                 const ASS_Image **out, struct err *err) DS_MUST_CHECK;

#endif
