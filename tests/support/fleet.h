/*
 * fleet: many cameras in one process and one thread, for benches and tests of the receiver. Leaner
 * than `simulate` (a camera is some 1.5 KB), and it keeps what a fleet keeps: who was acknowledged
 * what, over broken connections and receivers that were killed.
 *
 * Camera n has the IMEI FLEET_IMEI + n; its files are front videos, one after the other. Their
 * bytes follow from the plan's seed, n and the file's number, so that nothing must be kept in order
 * to compare them afterwards. Everything fails the running test on error.
 */
#ifndef TESTS_FLEET_H
#define TESTS_FLEET_H

#include "support/proc.h"
#include <stdbool.h>

#define FLEET_IMEI UINT64_C(350000000000000)

struct fleet_plan {
    int cameras;                 /* that have files */
    int silent;                  /* further ones: each offers a file, and says nothing more */
    uint32_t files;              /* of each camera; FLEET_ENDLESS: until fleet_wind_down() */
    size_t bytes_min, bytes_max; /* of a file */
    int64_t packet_us;           /* from packet to packet; 0: as fast as the socket takes them */
    int64_t spread_us;           /* the first connects are spread over this time */
    bool prepared;               /* frames are made before the first connect: needs the memory */
    uint64_t seed;
};
#define FLEET_ENDLESS UINT32_MAX

struct fleet_stats {
    int open, finished;   /* connections; cameras that were sent away with nothing left to offer */
    int connects, broken; /* of all times; ended by anything but the receiver's CLOSE */
    int refused;          /* CLOSE although files were left */
    int resumed;          /* files that went on where they had broken off */
    int64_t files, bytes; /* acknowledged */
    int64_t first_us, last_us; /* monotonic: the first INIT, the last acknowledgement */
    /* from the last packet of a file to its 0009, each; borrowed */
    const int64_t *wait_us;
    size_t waits;
    int64_t close_us_max; /* longest from connect() to CLOSE, of cameras without files */
};

struct fleet;

struct fleet *fleet_new(const struct fleet_plan *plan);
void fleet_free(struct fleet **f);

/* "127.0.0.1:4711": where the receiver is from now on. */
void fleet_aim(struct fleet *f, const char *address);

/* Lets them talk until all are finished, or until `until_us` (monotonic); true: all are. The silent
 * ones do not count. */
bool fleet_run(struct fleet *f, int64_t until_us);

/* No camera begins another file. */
void fleet_wind_down(struct fleet *f);

/* The longest wait is first; the order of wait_us is not kept. */
struct fleet_stats fleet_stats(struct fleet *f);

/* ---- the receiver ---- */

/* Starts `binary` as a receiver of root on a free port; its stderr goes to log. proc_stop() it. */
struct proc fleet_receiver(const char *binary, const char *root, const char *log);
void fleet_receiver_address(const struct proc *receiver, char out[64]);

struct fleet_usage {
    double cpu_s;         /* user and system, so far */
    int64_t memory_bytes; /* at most, so far (VmHWM) */
};
struct fleet_usage fleet_usage_of(const struct proc *receiver);

/* As many descriptors as the system allows, here and in children. */
void fleet_raise_descriptors(void);

/* ---- what is there afterwards ---- */

struct fleet_found {
    int64_t right;   /* acknowledged, there once, in the catalogue and in the masters bit for bit */
    int64_t missing; /* acknowledged, and not there */
    int64_t doubled, altered, unknown;
    int64_t partial;  /* rows of files that did not come to their end */
    int64_t orphans;  /* masters, or chunks of one, that no row names */
    int64_t jobless;  /* files without a job for the converter, or whose row does not know of it */
    int databases;    /* that were checked */
    char damage[256]; /* what PRAGMA integrity_check says; "" all is well */
};

/* Reads all of root; no receiver may run. */
struct fleet_found fleet_look(struct fleet *f, const char *root);
bool fleet_all_right(const struct fleet_found *found);

/* What fleet_look() must know about a camera: files acknowledged; bytes of one of them. */
uint32_t fleet_acknowledged(const struct fleet *f, int camera);
const uint8_t *fleet_file(const struct fleet *f, int camera, uint32_t file, size_t *n);
int64_t fleet_file_time_us(uint32_t file); /* of its metadata */
int fleet_cameras(const struct fleet *f);

/* ---- kill -9 ---- */

struct fleet_kills {
    int kills;                /* done; of them … */
    int starting;             /* … before the receiver listened */
    struct fleet_stats stats; /* without wait_us */
    struct fleet_found found;
};

/* 20 cameras send; the receiver is killed `kills` times at random moments and started again on the
 * same root, with a moment's work in between; then they send the rest. */
struct fleet_kills fleet_kill(const char *binary, const char *root, const char *log, int kills,
                              uint64_t seed);

#endif
