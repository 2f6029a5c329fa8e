/* requests, inside: rows of the catalogue, and their changes. */
#ifndef DASHSPOOL_REQUESTS_INTERNAL_H
#define DASHSPOOL_REQUESTS_INTERNAL_H

#include "catalogue/catalogue_internal.h"
#include "dashspool/requests.h"

struct row {
    struct requests_request r;
    int failures;          /* in a row, of one sort: */
    char failing[32];      /* … "temporary 60"; "": none */
    int64_t first_sent_us; /* 0: never */
};

/* A statement that is prepared; NULL-safe to finish. */
int row_prepare(struct catalogue *c, struct rows_st **out, const char *sql,
                struct err *err) DS_MUST_CHECK;

/* The ids of a tracker's open requests, oldest first (NULL: of all trackers), into buf (of int64_t,
 * catalogue_keys_at()). */
int row_open_ids(struct catalogue *c, const char *imei, struct buf *ids,
                 struct err *err) DS_MUST_CHECK;

int row_get(struct catalogue *c, int64_t id, struct row *out, struct err *err) DS_MUST_CHECK;

/* … of many: the statement is prepared once. */
int row_prepare_get(struct catalogue *c, struct rows_st **out, struct err *err) DS_MUST_CHECK;
int row_read(struct rows_st *st, int64_t id, struct row *out, struct err *err) DS_MUST_CHECK;

/* One of these. What cannot be read is as one that is over: it does not keep the others, and fsck
 * tells of it. */
int row_get_open(struct catalogue *c, int64_t id, struct row *out, struct err *err) DS_MUST_CHECK;

/* Enters what has changed, with an event of it: state, waits, not_before_us, answered_s, sent,
 * failures, failing. words: the tracker's; "": none. Within a transaction. */
int row_change(struct catalogue *c, struct row *row, int64_t now_us, const char *words,
               struct err *err, const char *what, ...) DS_MUST_CHECK DS_PRINTF(6, 7);

/* Runs a statement with the id of a request, and a text, bound to ?1 and ?2. */
int row_run(struct catalogue *c, const char *sql, int64_t id, const char *text,
            struct err *err) DS_MUST_CHECK;

/* A number of a SELECT with a text (NULL: none) and a number bound to ?1 and ?2; no row: 0. */
int row_number(struct catalogue *c, const char *sql, const char *text, int64_t number, int64_t *out,
               struct err *err) DS_MUST_CHECK;

/* The cameras that it uses, as bits of this list; 0: none. */
enum { LENS_FRONT = 1, LENS_REAR = 2, LENS_DRIVER = 4, LENS_ROAD = 8, LENS_OTHER = 16 };
unsigned lenses_of(const char *camera);

#endif
