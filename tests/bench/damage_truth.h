/*
 * damage_truth: whether what is said of each picture is true. A stream is damaged at known places,
 * decoded, and compared picture by picture with what the undamaged one gives.
 */
#ifndef BENCH_DAMAGE_TRUTH_H
#define BENCH_DAMAGE_TRUTH_H

#include <stdint.h>

/* Tries `count` damaged streams of a seed, prints a table, and returns how many lies were told: a
 * picture that comes out as it was and is called damaged, or one that does not, though its hash is
 * in the stream, and is not. dir: for the files. */
int truth_run(int count, uint64_t seed, const char *dir);

#endif
