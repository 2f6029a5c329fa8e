/* archive_dir: where the copies of a transfer are. */
#ifndef ARCHIVE_DIR_H
#define ARCHIVE_DIR_H

#include "dashspool/catalogue.h"

/* ROOT/archive/<imei>/<yyyy-mm-dd>, which is made: the UTC day of the clip, or of arrival when its
 * time is not known. *out is the caller's. */
int archive_dir(const char *root, const struct catalogue_transfer *t, char **out,
                struct err *err) DS_MUST_CHECK;

#endif
