/*
 * clips: any number of small clips and photos, each with a content of its own, made from the
 * samples: a sample that ends after some of its records, with a number hidden where decoders do not
 * look. Everything fails the running test on error.
 */
#ifndef TESTS_CLIPS_H
#define TESTS_CLIPS_H

#include "support/support.h"

/* The first records of a sample of samples/ (PTMF), as many as fit into `bytes` but at least one;
 * `number` is in an SEI message of the first. buf_clear() it. */
struct buf clips_video(const char *sample, size_t bytes, unsigned number);

/* samples/photo-720p.jpg, with `number` in a comment segment. buf_clear() it. */
struct buf clips_photo(unsigned number);

#endif
