/*
 * master: the original bytes of a transfer as a file, for whoever makes copies of it.
 */
#ifndef DASHSPOOL_MASTER_H
#define DASHSPOOL_MASTER_H

#include "dashspool/catalogue.h"
#include "dashspool/raw.h"

/* Writes them to `path`, which is made or emptied (mode 0640), not fsynced. ERR_MALFORMED: they are
 * not those that were received. Of a partial transfer, which has no hash of receipt, t->sha256
 * becomes that of what is there. On failure a part of it may be left. */
int master_extract(struct raw *raw, struct catalogue_transfer *t, const char *path,
                   struct err *err) DS_MUST_CHECK;

#endif
