/*
 * care: looks after a ROOT. This door: is everything there, and is it what it was?
 *
 * Everything below ROOT is read as hostile bytes; nothing is changed (but that SQLite brings a
 * store of an older version up to date and rolls back what a crash left, and that raw/ and the
 * places of a stage's spool are made where they are missing). Receivers and workers may run
 * meanwhile: what is being written is not looked at, and no lock is held for long.
 */
#ifndef DASHSPOOL_CARE_H
#define DASHSPOOL_CARE_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum care_part {
    CARE_CATALOGUE, /* the database file, and rows that cannot be read */
    CARE_MASTER,
    CARE_COPY,
    CARE_CUSTODY,
    CARE_JOB,
    CARE_FILE, /* that nobody knows */
    CARE_N_PARTS,
};

/* One thing that is wrong; borrowed for the call. */
struct care_problem {
    enum care_part part;
    const char *where;  /* an id, a file below ROOT, or both */
    const char *what;   /* is wrong */
    const char *advice; /* what to do */
};

/* The stages of the settings, enabled or not: jobs of any other are worked by nobody. NULL instead
 * of one: the settings are not known, and nothing is said about that. */
struct care_stages {
    const char *const *name;
    size_t n;
};

struct care_listener {
    void (*problem)(void *arg, const struct care_problem *problem);
    /* May be NULL. Called often; done in 0..1. False ends it: ERR_AGAIN. */
    bool (*progress)(void *arg, const char *where, double done);
    void *arg;
};

struct care_findings {
    int64_t masters, copies, custodies, jobs; /* that were looked at */
    int64_t hashed_bytes;
    int64_t problems;
};

/* Checks the databases, every master against its hash of receipt, every copy against the catalogue,
 * every chain of custody, every job of every stage; and that nothing lies there that nobody knows.
 * `quick` does not read masters, copies and day files through: only that they are there with their
 * lengths. What is wrong is told to the listener and is no error; errors: ERR_NOTFOUND (this is no
 * ROOT), ERR_NOMEM, ERR_IO, ERR_BUSY, ERR_AGAIN. */
int care_fsck(const char *root, bool quick, const struct care_stages *stages,
              const struct care_listener *listener, struct care_findings *out,
              struct err *err) DS_MUST_CHECK;

/* "master". */
const char *care_part_name(enum care_part part);

#endif
