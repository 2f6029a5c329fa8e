/* mo: a compiled catalogue of gettext (the manual's "The Format of GNU MO Files"), read where it
 * lies, and the rule that tells which form a number takes ("Additional functions for plural
 * forms"). */
#ifndef WEB_MO_H
#define WEB_MO_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mo {
    const uint8_t *p;
    size_t bytes;
    bool swapped; /* made on a machine of the other byte order */
    uint32_t n, originals, translations;
    const char *plural; /* "n != 1;" */
    uint32_t forms;
};

/* All of it is judged here: tables, texts, their order, the header, the rule. ERR_MALFORMED.
 * Borrows the bytes. */
int mo_open(struct mo *out, const void *bytes, size_t n, struct err *err) DS_MUST_CHECK;

/* The translation, NULL if there is none. form: of mo_form(); 0 for what has no plural. */
const char *mo_find(const struct mo *m, const char *msgid, uint32_t form);
uint32_t mo_form(const struct mo *m, uint64_t n);

#endif
