/*
 * redaction: what makes a package a redacted one (export.h): which package is the whole, copies
 * made anew without what is hidden, and the words that say so. redaction.c has the words,
 * redaction_copies.c the copies, redaction_full.c finds the whole.
 */
#ifndef EXPORT_REDACTION_H
#define EXPORT_REDACTION_H

#include "dashspool/bag.h"
#include "dashspool/catalogue.h"
#include <jansson.h>

struct package;
struct redaction;

/* Sets p->redaction and p->result->full_sha256, and judges what was asked, before anything is
 * written. p has its catalogue and raw. redaction_free() also after a failure. */
int redaction_new(struct package *p, struct err *err) DS_MUST_CHECK;
void redaction_free(struct redaction **r);

/* Makes the copies of a transfer and puts them into the package; *copies counts them. One that
 * broke off has none, nor has one that cannot be converted and never could. */
int redaction_put(struct package *p, const struct catalogue_transfer *t, int *copies,
                  struct err *err) DS_MUST_CHECK;

/* … tells the story of them, and removes them. */
int redaction_tell(struct package *p, struct err *err) DS_MUST_CHECK;

/* The words, with a NUL behind them: for the report, and a section of README.txt. */
const struct buf *redaction_sentence(const struct redaction *r);
const struct buf *redaction_section(const struct redaction *r);

/* Lines of bag-info.txt; members of the event "exported". */
int redaction_info(const struct redaction *r, struct bag *bag, struct err *err) DS_MUST_CHECK;
void redaction_note(const struct redaction *r, json_t *event);

#endif
