/* redaction: what its rooms share. */
#ifndef EXPORT_REDACTION_INTERNAL_H
#define EXPORT_REDACTION_INTERNAL_H

#include "dashspool/workdir.h"
#include "package_internal.h"

struct redaction {
    const struct export_redaction *asked;
    char full_sha256[HASH_HEX_ROOM];
    struct workdir work;          /* for a master and its copies, beside the package */
    struct buf sentence, section; /* words */
    struct convert_result result; /* of the transfer that is being written; its files are there */
};

/* The full package: its tag manifest's SHA-256. ERR_NOTFOUND, ERR_MALFORMED as in export.h. */
int redaction_find_full(const struct package *p, char out[HASH_HEX_ROOM],
                        struct err *err) DS_MUST_CHECK;

bool redaction_mask_is_for(const struct export_mask *mask, const struct catalogue_transfer *t);

#endif
