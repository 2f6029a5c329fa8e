/*
 * able: what the database and the store of a site can do, found out by asking and by trying, and
 * told in words that a person reads once. For `config --check` and `status`.
 *
 * Writes nothing that stays: an empty message into the database's log, so that a commit is one; and
 * what objects_probe() puts and deletes.
 */
#ifndef DASHSPOOL_ABLE_H
#define DASHSPOOL_ABLE_H

#include "dashspool/err.h"
#include "dashspool/objects.h"
#include "dashspool/site.h"
#include <stdbool.h>
#include <stdint.h>

struct able_database {
    int version;     /* 150020 */
    char at[300];    /* "10.0.0.3:5432" */
    bool may_write;  /* it leads, and is not read-only */
    bool has_schema; /* of dashspool, already */
    bool may_make;   /* it, or what is in it */
    bool is_utf8;
    bool is_safe;              /* it survives a power cut: fsync and full_page_writes are on */
    char standby[200];         /* synchronous_standby_names; "": none is waited for */
    bool standby_answers;      /* … and a commit comes back */
    int64_t ask_us, commit_us; /* how long a question takes, and a commit; the middle of several */
    int64_t clock_ahead_ms;    /* of ours */
};

/* ERR_IO: it cannot be reached; ERR_CONFIG: it does not let us in. */
int able_database(const struct site *site, struct able_database *out,
                  struct err *err) DS_MUST_CHECK;

/* "database: …", a line each. False: lines of "wrong: …" say why a site cannot work with it. */
#define ABLE_TEXT_ROOM 2000
bool able_database_text(const struct able_database *a, const struct site *site,
                        char out[ABLE_TEXT_ROOM]);

struct able_store {
    struct objects_can can;
    int64_t put_us; /* how long it takes to put a small file; the middle of several */
};

/* As objects_probe(): ERR_* if it cannot even put, get, list and delete. */
int able_store(const struct site *site, struct able_store *out, struct err *err) DS_MUST_CHECK;

/* "store: …", a line each. */
void able_store_text(const struct able_store *a, const struct site *site, char out[ABLE_TEXT_ROOM]);

#endif
