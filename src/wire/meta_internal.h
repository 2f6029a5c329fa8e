/* The forms of metadata: meta.c tells them apart, reads the binary ones and judges all. */
#ifndef WIRE_META_INTERNAL_H
#define WIRE_META_INTERNAL_H

#include "dashspool/wire_meta.h"

/* Text that begins with '{'; fills what it knows of out, but not `plausible`. */
int meta_json_parse(const uint8_t *payload, size_t n, struct wire_meta *out,
                    struct err *err) DS_MUST_CHECK;

#endif
