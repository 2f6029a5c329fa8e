/* The forms of metadata: meta.c tells them apart, reads the binary ones and judges all. Their text
 * is UTF-8 without a mark (text_to_utf8()), with a NUL behind it. */
#ifndef WIRE_META_INTERNAL_H
#define WIRE_META_INTERNAL_H

#include "dashspool/wire.h"
#include <stdbool.h>

/* Text that begins with '{', '[' or a comment; fills what it knows of out, but not `plausible`.
 * What stands in the way of reading it is put right in the text, and noted. */
int meta_json_parse(char *text, size_t n, struct wire_meta *out, struct err *err) DS_MUST_CHECK;

/* The same for text that the vendor's test server wrote; meta_text_ok() knows it by its first line.
 */
bool meta_text_ok(const char *text, size_t n);
int meta_text_parse(const char *text, size_t n, struct wire_meta *out,
                    struct err *err) DS_MUST_CHECK;

#endif
