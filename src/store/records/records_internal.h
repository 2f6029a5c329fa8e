/* records, inside: the files and the list of those that are open; latest.db. */
#ifndef DASHSPOOL_RECORDS_INTERNAL_H
#define DASHSPOOL_RECORDS_INTERNAL_H

#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/records.h"
#include "sqlx/sqlx.h"

#define RECORDS_NAME_ROOM CLOCK_DATE_ROOM /* "2026-11-21", "odd", "latest" */
#define RECORDS_ODD       "odd"
#define RECORDS_LATEST    "latest"

#define RECORDS_DAY_MS    INT64_C(86400000)

/* The newest record is no newer than its arrival and this: a tracker's clock that is ahead. */
#define RECORDS_AHEAD_MS  (10 * 60 * 1000)

/* What changes with whatever is put into a file or deleted from it: its newest record, how often
 * records were deleted, and whether it says whose it is. */
struct records_stamp {
    int64_t n, gone, roots;
};
int records_stamp(sqlite3 *db, struct records_stamp *out, struct err *err) DS_MUST_CHECK;

/* … of a day's file. */
struct records_cover {
    char name[RECORDS_NAME_ROOM];
    struct records_stamp at;
};

/* In the column `flags`. */
enum { RECORDS_PRIVATE = 1, RECORDS_NO_FIX = 2, RECORDS_FLAGS = 3 };
int records_flags(const struct avl_record *record);

int64_t records_ms(const struct avl_record *record);
int32_t records_hash(const uint8_t sha256[HASH_BYTES]);

/* In the column `codec`, and back; 0: such a number there is not. */
int records_codec_number(uint8_t codec);
uint8_t records_codec_of(int64_t number);

enum records_sql {
    /* of a day, and of odd.db */
    RECORDS_SQL_TRACKER,
    RECORDS_SQL_TRACKER_ADD,
    RECORDS_SQL_SAME,
    RECORDS_SQL_ADD,
    RECORDS_SQL_PAGE,
    /* of latest.db */
    RECORDS_SQL_LATEST,
    RECORDS_SQL_LATEST_PUT,
    RECORDS_SQL_COVERS,
    RECORDS_SQL_COVER_PUT,
    /* of both */
    RECORDS_SQL_ROLLBACK,
    RECORDS_SQL_COUNT
};

/* A log of so many pages (of 4 KiB) is put into its file: of a file that is open, and when it is
 * closed for another one. Each time costs three waits for the disk, and what is left in the log is
 * read when the file is opened again. */
#define RECORDS_LOG_OPEN   1024
#define RECORDS_LOG_CLOSED 256

/* … and of one that is open, but that so many batches had nothing for: of a day that is over. */
#define RECORDS_LOG_IDLE   1000

struct records_file {
    struct records_file *next;
    int log_pages; /* after the last commit */
    uint64_t used; /* in which batch */
    bool lazy;     /* its commits do not wait for the disk */
    char name[RECORDS_NAME_ROOM];
    int64_t base_ms; /* times in it count from here: the day's beginning */
    sqlite3 *db;
    sqlite3_stmt *sql[RECORDS_SQL_COUNT];
};

struct records {
    char *dir;
    enum records_mode mode;
    struct root_id root;        /* that of ROOT; none: not known, and nothing is written */
    struct records_file *files; /* the last used first */
    size_t files_max;           /* open at once */
    struct fsx_names unsettled; /* files that were closed, and have a log */
    uint64_t batch;             /* their number */
    bool lazy;                  /* many files: one wait for all of them, at the end */
    bool unsynced;              /* that was not had: the next one is due in any case */
    bool keep_in_place;         /* a new file was not better: no other is set aside */
    bool latest_behind;         /* an update of latest.db failed: it is made anew */
    int64_t latest_tried_us;
};

/* Of the records of one file of those that are listed by name, for who passes it on. */
bool records_name_ok(const char *name);

/* The file that a record of that time and arrival belongs to. */
void records_name_of(int64_t time_ms, int64_t arrived_us, char out[RECORDS_NAME_ROOM]);

int records_path(const struct records *records, const char *name, char **out,
                 struct err *err) DS_MUST_CHECK;

/* The open file, borrowed until the next call. Without `create` ERR_NOTFOUND if there is none;
 * ERR_FOREIGN: it is of another ROOT. */
int records_file_get(struct records *records, const char *name, bool create,
                     struct records_file **out, struct err *err) DS_MUST_CHECK;

/* The same in a transaction, in a file that is of this ROOT, and that nobody can replace by another
 * until its end. */
int records_file_begin(struct records *records, const char *name, bool create,
                       struct records_file **out, struct err *err) DS_MUST_CHECK;

/* Commits if rc is ERR_OK, else rolls back; returns what became of it. */
int records_file_end(struct records *records, struct records_file *f, int rc,
                     struct err *err) DS_MUST_CHECK;

/* Whether its commits wait for the disk; between transactions. */
int records_file_lazy(struct records_file *f, bool lazy, struct err *err) DS_MUST_CHECK;

/* Waits for the disk: all that was committed in any file. */
int records_sync(struct records *records, struct err *err) DS_MUST_CHECK;

/* Puts the log of one file that was closed with one, or that is idle, into its file, if there is
 * one. */
void records_settle_one(struct records *records);

/* A copy of a file, which nobody else has open; nothing is left beside it. */
int records_copy_open(sqlite3 **out, const char *path, struct err *err) DS_MUST_CHECK;

/* Closes it, if it is open; its log goes into it if nobody else has it open. */
void records_file_close(struct records *records, const char *name);

/* Whether a file with such an error is to be set aside: it will not get better by itself. */
bool records_file_is_bad(int code);

/* Renames it and its journal to what nobody reads, and tells so in `told` (RECORDS_ASIDE_ROOM).
 * err: what is wrong with it; on failure what went wrong now. */
int records_file_aside(struct records *records, const char *name, char *told,
                       struct err *err) DS_MUST_CHECK;

/* Of a tracker in this file; 0: it has none. `add`: in a transaction. */
int records_tracker(struct records_file *f, const char *imei, bool add, int64_t *out,
                    struct err *err) DS_MUST_CHECK;

/* The names of all files of records, odd.db at the end. *out is the caller's (clear). */
int records_names(const struct records *records, struct fsx_names *out,
                  struct err *err) DS_MUST_CHECK;

/* The trackers of one file. *out is the caller's (clear), also on failure. */
int records_imeis(struct records *records, const char *name, struct fsx_names *out,
                  struct err *err) DS_MUST_CHECK;

/* Whether what a query asks for can be in that file. */
bool records_asked(const struct records_query *query, const char *name);

/* ---- latest.db ---- */

/* What one decoded record says, into what is known of its tracker. */
void records_latest_add(struct records_latest *latest, const struct avl_record *record,
                        int64_t arrived_us);

/* These n of trackers that differ from one another or not, merged with what is in the file; by that
 * it covers the n_covers files. */
int records_latest_put(struct records *records, const struct records_latest *v, size_t n,
                       const struct records_cover *covers, size_t n_covers,
                       struct err *err) DS_MUST_CHECK;

/* Adds what it does not cover unless it is as its last writer left it, or makes it anew; and says
 * that it has a writer now. */
int records_latest_open(struct records *records, struct err *err) DS_MUST_CHECK;
void records_latest_close(struct records *records);

/* One tracker anew, from all files, so that nothing else of it is left in latest.db. */
int records_latest_erase(struct records *records, const char *imei, struct err *err) DS_MUST_CHECK;

/* What arrived before then goes from it. */
int records_latest_expire(struct records *records, int64_t before_us,
                          struct err *err) DS_MUST_CHECK;

#endif
