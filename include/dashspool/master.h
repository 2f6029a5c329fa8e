/*
 * master: the original bytes of a transfer as a file, for whoever makes copies of it.
 */
#ifndef DASHSPOOL_MASTER_H
#define DASHSPOOL_MASTER_H

#include "dashspool/catalogue.h"
#include "dashspool/raw.h"
#include "dashspool/wire.h"

/* Writes them to `path`, which is made or emptied (mode 0640), not fsynced. ERR_MALFORMED: they are
 * not those that were received. Of a partial transfer, which has no hash of receipt, t->sha256
 * becomes that of what is there. On failure a part of it may be left. */
int master_extract(struct raw *raw, struct catalogue_transfer *t, const char *path,
                   struct err *err) DS_MUST_CHECK;

/* ---- facts ----
 *
 * Everything that the catalogue knows of a transfer, as JSON: for machines, and for evidence
 * packages. Times are RFC 3339, UTC; what a camera said and what cannot be true is under
 * "untrusted"; wire bytes are hexadecimal.
 */

/* Text of a JSON object, with its connections and its copies. *out is the caller's (free). */
int facts_transfer(struct catalogue *c, const struct catalogue_transfer *t, char **out,
                   struct err *err) DS_MUST_CHECK;

/* Likewise, how it came alone: {"id", "transfer": {…}, "wire": {…}}. */
int facts_arrival(struct catalogue *c, const struct catalogue_transfer *t, char **out,
                  struct err *err) DS_MUST_CHECK;

/* "dualcam", "dsm", "adas" or "json", with "-text" behind it where the vendor's test server wrote
 * them down, and what is decoded; NULL: there are none that can be read. */
const char *facts_metadata_form(const struct catalogue_transfer *t, struct wire_meta *out);

#endif
