/* record: what a conversion made, as rows of the catalogue. */
#ifndef RECORD_H
#define RECORD_H

#include "dashspool/catalogue.h"
#include "dashspool/convert.h"

/* All outputs of the result, and that the stage has done its work, or nothing, in one transaction.
 * root: where they are below; stage: NULL if no stage's job was done. */
int record_copies(struct catalogue *catalogue, const char *root, const struct catalogue_transfer *t,
                  const struct convert_options *options, const struct convert_result *r,
                  const char *stage, int attempt, struct err *err) DS_MUST_CHECK;

#endif
