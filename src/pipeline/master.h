/* master: from the stores to where a conversion reads and writes. */
#ifndef PIPELINE_MASTER_H
#define PIPELINE_MASTER_H

#include "dashspool/catalogue.h"
#include "dashspool/raw.h"

/* The master into a file; its bytes are those that were received. Of a partial transfer, which has
 * no hash of receipt, t->sha256 becomes that of what is there. */
int master_extract(struct raw *raw, struct catalogue_transfer *t, const char *path,
                   struct err *err) DS_MUST_CHECK;

/* ROOT/archive/<imei>/<yyyy-mm-dd>, which is made: the UTC day of the clip, or of arrival when its
 * time is not known. *out is the caller's. */
int master_archive_dir(const char *root, const struct catalogue_transfer *t, char **out,
                       struct err *err) DS_MUST_CHECK;

#endif
