/* The forms of metadata: meta.c tells them apart, reads the binary ones and judges all. */
#ifndef WIRE_META_INTERNAL_H
#define WIRE_META_INTERNAL_H

#include "dashspool/wire.h"
#include <stdbool.h>

/* Text that begins with '{'; fills what it knows of out, but not `plausible`. */
int meta_json_parse(const uint8_t *payload, size_t n, struct wire_meta *out,
                    struct err *err) DS_MUST_CHECK;

/* The same for text that the vendor's test server wrote; meta_text_ok() knows it by its first line.
 */
bool meta_text_ok(const uint8_t *payload, size_t n);
int meta_text_parse(const uint8_t *payload, size_t n, struct wire_meta *out,
                    struct err *err) DS_MUST_CHECK;

#endif
