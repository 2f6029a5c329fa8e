/* The records of a clip as a text, the text read again, and the tracks that are in it. */
#include "account_internal.h"
#include "dashspool/clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing a line ---- */

static int put_hex(struct buf *out, const uint8_t *data, size_t n, struct err *err)
{
    char hex[2 * 64 + 1];
    int rc = ERR_OK;
    for (size_t at = 0; rc == ERR_OK && at < n; at += 64) {
        size_t part = n - at < 64 ? n - at : 64;
        hash_hex_bytes(data + at, part, hex, sizeof hex);
        rc = buf_append(out, hex, 2 * part, err);
    }
    return rc;
}

static int put_ids(struct buf *out, const struct avl_record *r, struct err *err)
{
    char text[100];
    struct avl_ios walk = avl_record_ios(r);
    struct avl_io io;
    int n = snprintf(text, sizeof text, "withheld: private mode, priority %u, event %u, ids",
                     (unsigned)r->priority, (unsigned)r->event_id);
    int rc = buf_append(out, text, (size_t)n, err);
    while (rc == ERR_OK && avl_ios_next(&walk, &io)) {
        n = snprintf(text, sizeof text, " %u", (unsigned)io.id);
        rc = buf_append(out, text, (size_t)n, err);
    }
    return rc;
}

int account_line(struct buf *out, const struct account_record *r, bool whole, bool *withheld,
                 struct err *err)
{
    static const char no_record[] = "withheld: no record";
    struct avl_record record;
    struct err unimportant;
    char at[CLOCK_TEXT_ROOM], arrived[CLOCK_TEXT_ROOM], line[160];
    clock_rfc3339(r->time_ms * 1000, 3, at);
    clock_rfc3339(r->arrived_us, 6, arrived);
    int n =
        snprintf(line, sizeof line, "%s arrived %s codec %02x ", at, arrived, (unsigned)r->codec);
    int rc = buf_append(out, line, (size_t)n, err);
    bool decoded = avl_record_decode(r->codec, r->raw, r->raw_bytes, &record, &unimportant) >= 0;
    bool is_private = decoded && avl_private(&record);
    if (withheld)
        *withheld = !whole && (!decoded || is_private);
    if (rc == ERR_OK && (whole || (decoded && !is_private)))
        rc = put_hex(out, r->raw, r->raw_bytes, err);
    else if (rc == ERR_OK && decoded)
        rc = put_ids(out, &record, err);
    else if (rc == ERR_OK)
        rc = buf_append(out, no_record, sizeof no_record - 1, err);
    return rc < 0 ? rc : buf_append(out, "\n", 1, err);
}

/* ---- reading the text ---- */

/* What is left of a line; `bad` says what should be here and is not. */
struct rest {
    const char *at, *end;
    const char *bad;
};

static void expect(struct rest *r, const char *words)
{
    size_t n = strlen(words);
    if (!r->bad && ((size_t)(r->end - r->at) < n || memcmp(r->at, words, n) != 0))
        r->bad = words;
    r->at += r->bad ? 0 : n;
}

/* In the one form that it is written in. */
static int64_t read_time(struct rest *r, int digits)
{
    char text[CLOCK_TEXT_ROOM], again[CLOCK_TEXT_ROOM];
    struct err unimportant;
    int64_t utc_us = 0;
    size_t n = 0;
    while (r->at + n < r->end && r->at[n] != ' ' && n < sizeof text - 1)
        n++;
    snprintf(text, sizeof text, "%.*s", (int)n, r->at);
    if (!r->bad && (clock_parse(text, 0, &utc_us, NULL, &unimportant) < 0 ||
                    (clock_rfc3339(utc_us, digits, again), strcmp(again, text) != 0)))
        r->bad = "a time";
    r->at += r->bad ? 0 : n;
    return utc_us;
}

static unsigned read_number(struct rest *r, unsigned max)
{
    unsigned value = 0;
    const char *from = r->at;
    while (!r->bad && r->at < r->end && *r->at >= '0' && *r->at <= '9' && value <= max)
        value = value * 10 + (unsigned)(*r->at++ - '0');
    if (!r->bad && (r->at == from || value > max || (*from == '0' && r->at - from > 1)))
        r->bad = "a number";
    return value;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint8_t read_byte(struct rest *r)
{
    int high = !r->bad && r->end - r->at >= 2 ? digit(r->at[0]) : -1;
    int low = high >= 0 ? digit(r->at[1]) : -1;
    if (low < 0 && !r->bad)
        r->bad = "hexadecimal";
    if (low < 0)
        return 0;
    r->at += 2;
    return (uint8_t)(high << 4 | low);
}

static int read_private(struct account_row *row, struct rest *r, struct err *err)
{
    row->withheld = ACCOUNT_PRIVATE;
    expect(r, "private mode, priority ");
    row->record.priority = (uint8_t)read_number(r, UINT8_MAX);
    expect(r, ", event ");
    row->record.event_id = (uint16_t)read_number(r, UINT16_MAX);
    expect(r, ", ids");
    row->id = malloc((size_t)(r->end - r->at + 1) * sizeof *row->id);
    if (!row->id)
        return err_nomem(err, "records");
    while (!r->bad && r->at < r->end) {
        expect(r, " ");
        row->id[row->n_ids++] = (uint16_t)read_number(r, UINT16_MAX);
    }
    return ERR_OK;
}

static int read_raw(struct account *a, struct account_row *row, struct rest *r, struct err *err)
{
    struct err why;
    size_t n = 0;
    row->raw = malloc((size_t)(r->end - r->at) / 2 + 1);
    if (!row->raw)
        return err_nomem(err, "records");
    while (!r->bad && r->at < r->end)
        row->raw[n++] = read_byte(r);
    if (!r->bad && avl_record_decode(row->codec, row->raw, n, &row->record, &why) < 0)
        r->bad = "a record of that codec";
    else if (!r->bad && row->record.time_ms != (uint64_t)row->time_ms)
        r->bad = "the time that is in its bytes";
    else if (!r->bad && avl_private(&row->record))
        r->bad = "'withheld', for private mode";
    if (!r->bad)
        a->signs |= avl_signs(&row->record);
    return ERR_OK;
}

static int read_line(struct account *a, struct rest *r, struct err *err)
{
    static const char no_record[] = "no record";
    if (a->n == a->room) {
        size_t room = a->room ? 2 * a->room : 64;
        void *more = realloc(a->row, room * sizeof *a->row);
        if (!more)
            return err_nomem(err, "records");
        a->row = more;
        a->room = room;
    }
    struct account_row *row = &a->row[a->n++];
    *row = (struct account_row){.time_ms = read_time(r, 3) / 1000};
    expect(r, " arrived ");
    row->arrived_us = read_time(r, 6);
    expect(r, " codec ");
    row->codec = read_byte(r);
    expect(r, " ");
    if (!r->bad && a->n > 1 && row[-1].time_ms > row->time_ms)
        r->bad = "a time that is not before that of the line above";
    if (r->bad || r->at == r->end || *r->at != 'w')
        return r->bad ? ERR_OK : read_raw(a, row, r, err);
    a->withheld++;
    expect(r, "withheld: ");
    if ((size_t)(r->end - r->at) != sizeof no_record - 1 ||
        memcmp(r->at, no_record, sizeof no_record - 1) != 0)
        return read_private(row, r, err);
    row->withheld = ACCOUNT_NO_RECORD;
    return ERR_OK;
}

int account_parse(struct account **out, const void *text, size_t n, struct err *err)
{
    const char *at = text, *end = at + n;
    const size_t head = sizeof ACCOUNT_HEAD - 1;
    *out = NULL;
    if (n > ACCOUNT_TEXT_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "more than %zu bytes of records", ACCOUNT_TEXT_BYTES_MAX);
    if (n < head || memcmp(at, ACCOUNT_HEAD, head) != 0)
        return err_set(err, ERR_MALFORMED, "line 1: expected '%.*s'", (int)head - 1, ACCOUNT_HEAD);
    struct account *a = calloc(1, sizeof *a);
    if (!a)
        return err_nomem(err, "records");
    int rc = ERR_OK;
    at += head;
    for (int line = 2; rc == ERR_OK && at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct rest r = {at, newline ? newline : end, newline ? NULL : "an end of the line"};
        rc = read_line(a, &r, err);
        if (rc == ERR_OK && r.bad)
            rc = err_set(err, ERR_MALFORMED, "line %d: expected %s, at character %td", line, r.bad,
                         r.at - at + 1);
        at = newline ? newline + 1 : end;
    }
    if (rc < 0)
        account_free(&a);
    *out = a;
    return rc;
}

void account_free(struct account **a)
{
    if (!*a)
        return;
    for (size_t i = 0; i < (*a)->n; i++) {
        free((*a)->row[i].raw);
        free((*a)->row[i].id);
    }
    free((*a)->row);
    free(*a);
    *a = NULL;
}

int64_t account_records(const struct account *a)
{
    return (int64_t)a->n;
}

int64_t account_withheld(const struct account *a)
{
    return a->withheld;
}

void account_times(const struct account *a, int64_t *first_ms, int64_t *last_ms)
{
    *first_ms = a->n ? a->row[0].time_ms : 0;
    *last_ms = a->n ? a->row[a->n - 1].time_ms : 0;
}

enum avl_family account_family(const struct account *a)
{
    return avl_signs_family(a->signs);
}

/* ---- tracks ---- */

bool account_point(const struct avl_record *r, struct track_point *out)
{
    struct track_point p = TRACK_POINT_NONE;
    p.utc_us = avl_record_utc_us(r);
    p.valid = false;
    *out = p;
    if (avl_private(r))
        return true;
    if (llabs(r->latitude_e7) > 900000000 || llabs(r->longitude_e7) > 1800000000)
        return false;
    out->valid = avl_position_valid(r);
    out->lat_deg = r->latitude_e7 / 1e7;
    out->lon_deg = r->longitude_e7 / 1e7;
    out->altitude_m = r->altitude_m;
    out->speed_ms = r->speed_kmh / 3.6;
    out->course_deg = r->angle_deg % 360;
    out->satellites = r->satellites;
    return true;
}

int account_track(const struct account *a, int64_t from_ms, int64_t until_ms, int64_t arrived_us,
                  struct buf *out, struct err *err)
{
    static const struct track_label label = {.id = "", .camera = "", .source = "tracker"};
    struct buf points;
    struct track *track = NULL;
    int rc = ERR_OK;
    buf_init(&points, TRACK_POINTS_MAX * sizeof(struct track_point));
    from_ms -= ACCOUNT_PICTURES_US / 1000;
    until_ms += ACCOUNT_PICTURES_US / 1000;
    for (size_t i = 0; rc == ERR_OK && i < a->n; i++) {
        const struct account_row *row = &a->row[i];
        struct track_point p = TRACK_POINT_NONE;
        if (row->time_ms < from_ms || row->time_ms > until_ms || row->arrived_us > arrived_us ||
            row->withheld == ACCOUNT_NO_RECORD)
            continue;
        p.utc_us = row->time_ms * 1000;
        p.valid = false;
        if (row->withheld == ACCOUNT_PRIVATE || account_point(&row->record, &p))
            rc = buf_append(&points, &p, sizeof p, err);
    }
    if (rc == ERR_OK && points.used > 0) {
        rc = track_from(&track, TRACK_TRACKER,
                        (const struct track_point *)(const void *)buf_data(&points),
                        points.used / sizeof(struct track_point), err);
        if (rc == ERR_OK)
            rc = track_write(track, &label, TRACK_CSV, out, err);
    }
    track_free(&track);
    buf_clear(&points);
    return rc;
}

/* The last arrival before this one; INT64_MIN: there is none. */
static int64_t arrival_before(const struct account *a, int64_t arrived_us)
{
    int64_t last = INT64_MIN;
    for (size_t i = 0; i < a->n; i++)
        if (a->row[i].arrived_us < arrived_us && a->row[i].arrived_us > last)
            last = a->row[i].arrived_us;
    return last;
}

int account_track_find(const struct account *a, int64_t from_ms, int64_t until_ms,
                       const char *sha256, bool *found, struct buf *out, struct err *err)
{
    /* Records come by the frame; of a flood not every state that it had is tried. */
    enum { ARRIVALS_MAX = 1000, ROWS_MAX = 20000000 };
    const size_t states = a->n > 0 ? ROWS_MAX / a->n + 1 : 0;
    struct buf csv;
    char hex[HASH_HEX_ROOM];
    int rc = ERR_OK;
    int64_t arrived_us = INT64_MAX;
    *found = false;
    buf_init(&csv, TRACK_BYTES_MAX);
    for (size_t i = 0;
         rc == ERR_OK && i < ARRIVALS_MAX && i < states && !*found && arrived_us > INT64_MIN; i++) {
        buf_consume(&csv, csv.used);
        rc = account_track(a, from_ms, until_ms, arrived_us, &csv, err);
        if (rc == ERR_OK)
            rc = hash_text(buf_data(&csv), csv.used, hex, err);
        *found = rc == ERR_OK && csv.used > 0 && strcmp(hex, sha256) == 0;
        arrived_us = arrival_before(a, arrived_us);
    }
    if (rc == ERR_OK && *found)
        rc = buf_append(out, buf_data(&csv), csv.used, err);
    buf_clear(&csv);
    return rc;
}
