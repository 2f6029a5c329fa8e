/* package_look: reads a package that is there, once all of it was found to be sound. */
#ifndef EXPORT_PACKAGE_LOOK_H
#define EXPORT_PACKAGE_LOOK_H

#include "dashspool/buf.h"
#include "dashspool/catalogue.h"
#include "dashspool/hash.h"

struct package_look {
    struct buf tags;           /* tagmanifest-sha256.txt */
    struct buf manifest, info; /* manifest-sha256.txt, bag-info.txt; with a NUL behind them */
    char tag_sha256[HASH_HEX_ROOM];
};

/* ERR_MALFORMED: something is wrong with it. package_look_clear() *out in any case. */
int package_look(struct package_look *out, const char *path, struct err *err) DS_MUST_CHECK;
void package_look_clear(struct package_look *look);

/* Whether it has the master of a stored transfer. */
bool package_look_has(const struct package_look *look, const struct catalogue_transfer *t);

#endif
