/*
 * examine: decodes a master once, on all cores, and tells of each picture whether it is as the
 * camera made it. What libavcodec says in words decides nothing: a picture is damaged when a strict
 * decoder refuses it, when blocks of it were not written, when it is not the one that its hash is
 * of, or when none comes out.
 */
#ifndef MEDIA_EXAMINE_H
#define MEDIA_EXAMINE_H

#include "media.h"

typedef void examine_found_fn(void *arg, int64_t index, const char *why);

/* Decodes everything from m->first on, and tells damage.h and found() (may be NULL) of each picture
 * that is damaged, in file order. threads 0: one a core. The result does not depend on it. */
int examine(struct media *m, int threads, examine_found_fn *found, void *arg,
            struct err *err) DS_MUST_CHECK;

#endif
