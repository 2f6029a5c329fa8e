/* names: which names a package may have, and which it has had. Internal to bag. */
#ifndef BAG_NAMES_H
#define BAG_NAMES_H

#include "dashspool/bag.h"
#include <stdbool.h>

#define NAMES_SHOWN_ROOM 512

/* n bytes that are hostile, for an error's text: what is not printable ASCII becomes '?'. */
const char *names_shown(const char *name, size_t n, char out[NAMES_SHOWN_ROOM]);

struct names;

int names_new(struct names **out, struct err *err) DS_MUST_CHECK;
void names_free(struct names **names);

/* Judges a name of n bytes (no NUL needed; a folder's without a '/' at its end) and remembers it. A
 * folder may come again, a file may not. ERR_MALFORMED, ERR_NOMEM. */
int names_add(struct names *names, const char *name, size_t n, bool is_folder,
              struct err *err) DS_MUST_CHECK;

#endif
