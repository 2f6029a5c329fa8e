/* rows, inside: what an engine does. Each function as in rows.h. */
#ifndef DASHSPOOL_ROWS_INTERNAL_H
#define DASHSPOOL_ROWS_INTERNAL_H

#include "rows.h"

enum rows_type { ROWS_NULL, ROWS_NUMBER, ROWS_REAL, ROWS_TEXT, ROWS_BLOB };

struct rows_engine {
    void (*close)(struct rows *rows);
    int (*begin)(struct rows *rows, struct err *err);
    int (*begin_read)(struct rows *rows, struct err *err);
    int (*commit)(struct rows *rows, struct err *err);
    void (*rollback)(struct rows *rows);
    bool (*in_transaction)(const struct rows *rows);
    int (*exec)(struct rows *rows, const char *sql, struct err *err);

    int (*prepare)(struct rows *rows, struct rows_st **out, const char *sql, struct err *err);
    void (*finalize)(struct rows_st *st);
    void (*bind_int64)(struct rows_st *st, int at, int64_t v);
    void (*bind_double)(struct rows_st *st, int at, double v);
    void (*bind_text)(struct rows_st *st, int at, const char *text, size_t n);
    void (*bind_blob)(struct rows_st *st, int at, const void *data, size_t n);
    int (*step)(struct rows_st *st, bool *row, struct err *err);
    int (*run)(struct rows_st *st, int64_t *changed, struct err *err);
    int (*add)(struct rows_st *st, const char *number_of, int64_t *number, struct err *err);
    int (*parameters)(const struct rows_st *st);
    int64_t (*changes)(const struct rows *rows);
    bool (*was_reference)(const struct rows *rows);
    bool (*was_nomem)(const struct rows_st *st);
    void (*reset)(struct rows_st *st);
    bool (*text)(const struct rows_st *st, int col, char *out, size_t room);
    bool (*blob)(const struct rows_st *st, int col, uint8_t *out, size_t room, size_t *n);
    bool (*int64)(const struct rows_st *st, int col, int64_t min, int64_t max, int64_t *out);
    bool (*real)(const struct rows_st *st, int col, double *out);
    enum rows_type (*type)(const struct rows_st *st, int col);
    const void *(*bytes)(const struct rows_st *st, int col, size_t *n);
    int (*columns)(const struct rows_st *st);
};

/* The first in each engine's own. */
struct rows {
    const struct rows_engine *engine;
    const char *schema; /* of PostgreSQL; NULL: none */
};
struct rows_st {
    const struct rows_engine *engine;
};

#endif
