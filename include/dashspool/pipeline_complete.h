/*
 * pipeline_complete: makes those copies of transfers that are not there yet, as the convert stage
 * does: in ROOT/archive, recorded in the catalogue and in the custody. For who needs all of them,
 * whatever [convert] copies says: an evidence package.
 */
#ifndef DASHSPOOL_PIPELINE_COMPLETE_H
#define DASHSPOOL_PIPELINE_COMPLETE_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>

struct pipeline_completion {
    /* Called often; done in 0..1 of this transfer. False ends it: ERR_AGAIN. */
    bool (*progress)(void *arg, const char *id, double done);
    /* No copies can be made of a transfer (it is no footage, it is too damaged …), and why: the
     * others go on. */
    void (*cannot)(void *arg, const char *id, const char *why);
    void *arg;
    const char *dir; /* for a master, one at a time; NULL: a directory of its own in ROOT */
    int made;        /* set: copies */
};

/* Of a video: working, viewing, poster, sheet, timing and csv, and gpx, kml and geojson where there
 * is a position; of a photo its still. A partial transfer's copies have ".partial" in their names.
 * Errors are of the stores, the disk and the memory. */
int pipeline_complete(const char *root, const struct cfg *cfg, const char *const *ids, size_t n,
                      struct pipeline_completion *completion, struct err *err) DS_MUST_CHECK;

#endif
