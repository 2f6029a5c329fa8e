/*
 * check: a copy counts only if it reads back as it was planned. Every MP4 is opened again with
 * libavformat: codec and tag, number of pictures, the time of each, how long pictures and sound
 * last, and for the working copy the hash of its slices, which must be the master's.
 */
#ifndef CONVERT_CHECK_H
#define CONVERT_CHECK_H

#include "plan.h"

/* All MP4s of the plan. Fills in m->slices_sha256 if a working copy is among them. With
 * options->check every picture is decoded as well. ERR_IO: "the copy … does not read back …". */
int check_copies(const struct plan *p, struct media *m, const struct convert_options *options,
                 struct err *err) DS_MUST_CHECK;

/* One of them. */
int check_mp4(const char *path, enum convert_copy_kind kind, const struct media *m, bool decode,
              struct err *err) DS_MUST_CHECK;

#endif
