/*
 * facts: everything that the catalogue knows of a transfer, as JSON: for machines, and for evidence
 * packages. Times are RFC 3339, UTC; what a camera said and what cannot be true is under
 * "untrusted"; wire bytes are hexadecimal.
 */
#ifndef DASHSPOOL_FACTS_H
#define DASHSPOOL_FACTS_H

#include "dashspool/catalogue.h"
#include "dashspool/wire.h"

/* Fills the decoded columns from row->wire.meta, plausible as of now_utc_us. Metadata that cannot
 * be decoded count as absent. */
void facts_decode(struct catalogue_transfer *row, int64_t now_utc_us);

/* Text of a JSON object, with its connections and its copies. *out is the caller's (free). */
int facts_transfer(struct catalogue *c, const struct catalogue_transfer *t, char **out,
                   struct err *err) DS_MUST_CHECK;

/* Likewise, how it came alone: {"id", "transfer": {…}, "wire": {…}}. */
int facts_arrival(struct catalogue *c, const struct catalogue_transfer *t, char **out,
                  struct err *err) DS_MUST_CHECK;

/* "dualcam", "dsm", "adas" or "json", and what is decoded; NULL: there are none that can be read.
 */
const char *facts_metadata_form(const struct catalogue_transfer *t, struct wire_meta *out);

#endif
