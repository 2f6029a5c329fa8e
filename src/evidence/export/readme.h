/* readme: README.txt of a package, for whoever gets it and has never heard of this program. */
#ifndef EXPORT_README_H
#define EXPORT_README_H

#include "dashspool/bag.h"
#include "dashspool/export.h"
#include "redaction.h"

#define README_ROOM 16384

/* Bytes of the text, in out. The bag has its payload by now. redaction: NULL if nothing is hidden.
 */
size_t readme_text(const struct bag *bag, const struct export_result *result, bool with_signature,
                   const struct redaction *redaction, char out[README_ROOM]);

#endif
