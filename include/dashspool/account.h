/*
 * account: the tracker's account of a clip as the files of a package: its records as a text, and
 * what is made of that text and nothing else, the decoded table and the track file (track.h). So
 * whoever has the text makes the same bytes again; verify does. Pure; every byte is hostile.
 *
 * The records: a line each, in the order of their times, LF.
 *
 *     dashspool records 1
 *     2024-11-29T07:23:45.000Z arrived 2024-11-29T07:24:01.123456Z codec 8e 0000019375…
 *     2024-11-29T07:23:46.000Z arrived 2024-11-29T07:24:01.123456Z codec 8e withheld: private mode,
 *         priority 0, event 240, ids 239 240 391                       (one line)
 *     2024-11-29T07:23:47.000Z arrived 2024-11-29T07:24:01.123456Z codec 8e withheld: no record
 *
 * What was said in private mode keeps its time and ids. What cannot be decoded may be anything, and
 * is withheld, too.
 *
 * The table is JSON: its first line tells of all, then each record has one. Members that are not
 * known are left out; what private mode hides is null.
 *
 *     {"format":1,"decoder":1,"id":"…","family":"fmb","clip":{"from":"…","until":"…"},
 *      "event":{"time":"…","difference_ms":-700,"record":3},"records":41,"withheld":1,
 *      "tracks":["<sha256>"],"table":[
 *     {"time":"…","arrived":"…","codec":"8e","sha256":"…","priority":0,"event":{"id":499,"name":…},
 *      "position":{"lat":54.7000000,"lon":25.2000000,"altitude_m":112,"valid":true},
 *      "speed_kmh":63,"course_deg":271,"satellites":9,
 *      "io":[{"id":66,"raw":"30e8","name":"external voltage","value":12.52,"unit":"V"},…]},
 *     {"time":"…","arrived":"…","codec":"8e","withheld":"private mode","priority":0,"event":{…},
 *      "position":null,"speed_kmh":null,"course_deg":null,"satellites":null,"io":[{"id":239},…]}
 *     ]}
 */
#ifndef DASHSPOOL_ACCOUNT_H
#define DASHSPOOL_ACCOUNT_H

#include "dashspool/avl.h"
#include "dashspool/buf.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include "dashspool/track.h"
#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_HEAD           "dashspool records 1\n"
#define ACCOUNT_FORMAT         1 /* of the table */
#define ACCOUNT_TEXT_BYTES_MAX ((size_t)64 << 20)
#define ACCOUNT_ID_ROOM        96
/* Copies of one clip that were made at different times may show different tracks: more of its
 * records had come. */
#define ACCOUNT_TRACKS_MAX     8

/* ---- one record ---- */

struct account_record {
    int64_t time_ms, arrived_us;
    uint8_t codec;
    const uint8_t *raw;
    size_t raw_bytes;
};

/* Appends its line. whole: nothing is withheld. *withheld (may be NULL): something was. */
int account_line(struct buf *out, const struct account_record *r, bool whole, bool *withheld,
                 struct err *err) DS_MUST_CHECK;

/* What a track has of it. False: it is nowhere on Earth, and no point. */
bool account_point(const struct avl_record *r, struct track_point *out);

/* ---- all of a clip ---- */

struct account;

/* Of the text. *out is the caller's (account_free); NULL on failure. ERR_MALFORMED says in which
 * line, and what: also a record whose bytes have another time than its line. ERR_LIMIT. */
int account_parse(struct account **out, const void *text, size_t n, struct err *err) DS_MUST_CHECK;
void account_free(struct account **a);

int64_t account_records(const struct account *a);
int64_t account_withheld(const struct account *a);
/* The times of its first and last record. */
void account_times(const struct account *a, int64_t *first_ms, int64_t *last_ms);
/* By what its records have. */
enum avl_family account_family(const struct account *a);

/* So much around a clip decides what its pictures show: between records that are further apart
 * nothing is interpolated (track.h). */
#define ACCOUNT_PICTURES_US TRACK_TRACKER_GAP_US

/* The track file of a clip that lasted from from_ms to until_ms: of its records, and of those up to
 * ACCOUNT_PICTURES_US around it, that had arrived by arrived_us (INT64_MAX: all); appended to *out.
 * Nothing, if there is none. */
int account_track(const struct account *a, int64_t from_ms, int64_t until_ms, int64_t arrived_us,
                  struct buf *out, struct err *err) DS_MUST_CHECK;

/* … the one with this SHA-256, as it was once, when fewer had arrived; appended to *out. */
int account_track_find(const struct account *a, int64_t from_ms, int64_t until_ms,
                       const char *sha256, bool *found, struct buf *out,
                       struct err *err) DS_MUST_CHECK;

/* ---- the table ---- */

struct account_head {
    char id[ACCOUNT_ID_ROOM];
    enum avl_family family;
    int64_t from_ms, until_ms; /* the clip itself */
    bool event;                /* its record is known: when, and by how much that differs */
    int64_t event_ms, difference_ms;
    int n_tracks;
    char track[ACCOUNT_TRACKS_MAX][HASH_HEX_ROOM];
};

/* Of a line of the table, with its LF. */
typedef int account_line_fn(void *arg, const char *line, size_t n, struct err *err);
int account_table(const struct account *a, const struct account_head *head, account_line_fn *fn,
                  void *arg, struct err *err) DS_MUST_CHECK;

/* Of the table's first line, with or without its LF: what account_table() needs to make it again,
 * and by which format and decoder (AVL_DECODER_VERSION) it was made. ERR_MALFORMED. */
int account_head_parse(struct account_head *out, int *format, int *decoder, const char *line,
                       size_t n, struct err *err) DS_MUST_CHECK;

#endif
