/*
 * timing: the vote on the picture rate and the times of the pictures (design, section 7). Pure.
 */
#ifndef CONVERT_TIMING_H
#define CONVERT_TIMING_H

#include "dashspool/convert.h"

/* What is known before the vote; 0 where nothing is. */
struct timing_facts {
    bool has_ptmf;             /* the pictures carry capture times */
    int64_t first_us, last_us; /* of them */
    int64_t pictures;
    double meta_fps, person_fps, stream_fps, default_fps;
    int length_s;
};

/* Fills in what every source says, chooses the best and compares the others with it. The default
 * never counts as a contradiction: it is no witness. */
void timing_vote(const struct timing_facts *facts, struct convert_timing *out);

/* Time of the n-th picture at a constant rate, rounded to the microsecond. */
int64_t timing_constant_us(int64_t n, double fps);

/* Median of the steps between n sorted times; 0 if there are fewer than two. ERR_NOMEM. */
int timing_median_step_us(const int64_t *times_us, int64_t n, int64_t *out,
                          struct err *err) DS_MUST_CHECK;

/* Makes n capture times increase: one that does not, or that is more than TIMING_JUMP_US behind its
 * predecessor, becomes predecessor + step_us, and the later ones move with it after a jump. Returns
 * how many were changed. */
#define TIMING_JUMP_US (INT64_C(600) * 1000000) /* no camera clip is longer */
int64_t timing_repair(int64_t *times_us, int64_t n, int64_t step_us);

#endif
