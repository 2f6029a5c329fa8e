/*
 * clean: a caller's text, character by character, without what could do harm or deceive.
 */
#ifndef REPORT_CLEAN_H
#define REPORT_CLEAN_H

#include "dashspool/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
