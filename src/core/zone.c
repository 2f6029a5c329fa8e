/* Time zones by name, from the system's tz database (RFC 8536), as data: the time zone of this
 * process is neither asked for nor changed. */
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/reader.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_MAX_BYTES = 63,      /* "America/Argentina/ComodRivadavia" has 32 */
    FILE_BYTES_MAX = 1 << 16, /* the largest has 4 KiB */
    STEPS_MAX = 4096,         /* the most has 236 */
    TYPES_MAX = 256,          /* RFC 8536, section 3.2: an index has one byte */
    RULE_ROOM = 80,           /* "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0" */
    WORD_ROOM = 8,            /* "CEST", "+1030" */
    OFFSET_MAX_S = 26 * 3600,
    DAY_S = 86400,
};

/* The day of a change: "M10.5.0/3", "J60", "59". */
struct rule_day {
    char form; /* 'M', 'J', or 'n': zero-based */
    int month, week, weekday, day;
    int64_t s; /* of that day, local */
};

/* The rule behind the last step, as POSIX writes TZ. */
struct rule {
    bool known, has_dst;
    int64_t std_s, dst_s; /* east of UTC */
    char std_word[WORD_ROOM], dst_word[WORD_ROOM];
    struct rule_day begin, end;
};

struct clock_tz {
    size_t n_steps;
    int64_t *at_s; /* UTC, ascending */
    uint8_t *type; /* from then on */
    int32_t offset_s[TYPES_MAX];
    char word[TYPES_MAX][WORD_ROOM];
    struct rule rule;
};

/* ---- the rule ---- */

static bool number(const char **p, int min, int max, int *out)
{
    int v = 0, n = 0;
    for (; isdigit((unsigned char)**p) && n < 4; n++)
        v = v * 10 + (*(*p)++ - '0');
    *out = v;
    return n > 0 && v >= min && v <= max;
}

/* [+-]hh[:mm[:ss]] */
static bool hours(const char **p, int max_h, int64_t *out_s)
{
    int h, m = 0, s = 0, sign = **p == '-' ? -1 : 1;
    *p += **p == '-' || **p == '+';
    if (!number(p, 0, max_h, &h))
        return false;
    if (**p == ':' && (++*p, !number(p, 0, 59, &m)))
        return false;
    if (**p == ':' && (++*p, !number(p, 0, 59, &s)))
        return false;
    *out_s = sign * (h * INT64_C(3600) + m * 60 + s);
    return true;
}

/* "CET", "<+03>" */
static bool abbreviation(const char **p, char out[WORD_ROOM])
{
    const char *from = *p;
    bool quoted = *from == '<';
    if (quoted)
        *p += strcspn(*p, ">");
    else
        while (isalpha((unsigned char)**p))
            ++*p;
    snprintf(out, WORD_ROOM, "%.*s", (int)(*p - from) - quoted, from + quoted);
    if (quoted)
        return *(*p)++ == '>' && *p - from > 3;
    return *p - from >= 3;
}

static bool rule_day(const char **p, struct rule_day *d)
{
    bool ok;
    d->s = 2 * 3600;
    d->form = **p == 'M' || **p == 'J' ? *(*p)++ : 'n';
    if (d->form == 'M')
        ok = number(p, 1, 12, &d->month) && *(*p)++ == '.' && number(p, 1, 5, &d->week) &&
             *(*p)++ == '.' && number(p, 0, 6, &d->weekday);
    else
        ok = number(p, d->form == 'J', 365, &d->day);
    return ok && (**p != '/' || (++*p, hours(p, 167, &d->s)));
}

static bool parse_rule(const char *text, struct rule *out)
{
    struct rule r = {.known = true};
    const char *p = text;
    if (!abbreviation(&p, r.std_word) || !hours(&p, 24, &r.std_s))
        return false;
    r.std_s = -r.std_s; /* POSIX counts west of Greenwich */
    r.has_dst = *p != '\0';
    if (r.has_dst) {
        if (!abbreviation(&p, r.dst_word))
            return false;
        r.dst_s = -(r.std_s + 3600);
        if (*p != ',' && !hours(&p, 24, &r.dst_s))
            return false;
        r.dst_s = -r.dst_s;
        if (*p++ != ',' || !rule_day(&p, &r.begin) || *p++ != ',' || !rule_day(&p, &r.end))
            return false;
    }
    *out = r;
    return *p == '\0';
}

/* Seconds since 1970 of the local time at which a change comes in that year, as if it were UTC. */
static int64_t change_s(const struct rule_day *d, int year)
{
    int64_t day = clock_days(year, 1, 1);
    bool leap = clock_days(year + 1, 1, 1) - day == 366;
    if (d->form == 'J') { /* 29 February is not counted */
        day += d->day - 1 + (leap && d->day >= 60);
    } else if (d->form == 'n') {
        day += d->day;
    } else {
        day = clock_days(year, d->month, 1);
        int64_t next =
            d->month < 12 ? clock_days(year, d->month + 1, 1) : clock_days(year + 1, 1, 1);
        int weekday = (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
        day += (d->weekday - weekday + 7) % 7 + 7 * (d->week - 1);
        if (day >= next) /* "the fifth" is the last */
            day -= 7;
    }
    return day * DAY_S + d->s;
}

static bool is_dst(const struct rule *r, int64_t utc_s)
{
    if (!r->has_dst)
        return false;
    int year = clock_civil_from_utc((utc_s + r->std_s) * INT64_C(1000000), 0).year;
    int64_t begin = change_s(&r->begin, year) - r->std_s, end = change_s(&r->end, year) - r->dst_s;
    return begin < end ? utc_s >= begin && utc_s < end : !(utc_s >= end && utc_s < begin);
}

/* ---- the file ---- */

struct header {
    uint8_t version;
    size_t isut, isstd, leap, steps, types, chars;
};

static bool read_header(struct rd *r, struct header *h)
{
    const uint8_t *magic = rd_bytes(r, 4);
    if (!magic || memcmp(magic, "TZif", 4) != 0)
        return false;
    h->version = rd_u8(r);
    rd_bytes(r, 15);
    h->isut = rd_be32(r);
    h->isstd = rd_be32(r);
    h->leap = rd_be32(r);
    h->steps = rd_be32(r);
    h->types = rd_be32(r);
    h->chars = rd_be32(r);
    return !r->bad && h->steps <= STEPS_MAX && h->types > 0 && h->types <= TYPES_MAX &&
           h->chars <= FILE_BYTES_MAX && h->leap <= STEPS_MAX && h->isut <= TYPES_MAX &&
           h->isstd <= TYPES_MAX;
}

static size_t body_bytes(const struct header *h, size_t time_bytes)
{
    return h->steps * (time_bytes + 1) + h->types * 6 + h->chars + h->leap * (time_bytes + 4) +
           h->isstd + h->isut;
}

/* What a type is called: one of the texts behind the types. "": it is nothing to show. */
static void read_word(char out[WORD_ROOM], const uint8_t *chars, size_t n, size_t at)
{
    size_t bytes = 0;
    while (at + bytes < n && (isalnum(chars[at + bytes]) || strchr("+-", chars[at + bytes])) &&
           chars[at + bytes] && bytes < WORD_ROOM - 1)
        bytes++;
    snprintf(out, WORD_ROOM, "%.*s", (int)bytes, bytes > 0 ? (const char *)chars + at : "");
}

static bool read_body(struct rd *r, const struct header *h, size_t time_bytes, struct clock_tz *tz)
{
    if (h->leap > 0) /* "right/…" counts leap seconds: its times are not ours */
        return false;
    tz->n_steps = h->steps;
    for (size_t i = 0; i < h->steps; i++) {
        tz->at_s[i] = time_bytes == 8 ? (int64_t)rd_be64(r) : (int32_t)rd_be32(r);
        if (i > 0 && tz->at_s[i] <= tz->at_s[i - 1])
            return false;
    }
    for (size_t i = 0; i < h->steps; i++)
        if ((tz->type[i] = rd_u8(r)) >= h->types)
            return false;
    uint8_t word_at[TYPES_MAX];
    for (size_t i = 0; i < h->types; i++) {
        tz->offset_s[i] = (int32_t)rd_be32(r);
        rd_u8(r); /* whether it is summer's */
        word_at[i] = rd_u8(r);
        if (tz->offset_s[i] < -OFFSET_MAX_S || tz->offset_s[i] > OFFSET_MAX_S)
            return false;
    }
    const uint8_t *chars = rd_bytes(r, h->chars);
    for (size_t i = 0; chars && i < h->types; i++)
        read_word(tz->word[i], chars, h->chars, word_at[i]);
    rd_bytes(r, h->isstd + h->isut);
    return !r->bad;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; "\n\n" if there is no rule. */
static bool read_footer(struct rd *r, struct clock_tz *tz)
{
    size_t n = rd_left(r);
    const char *text = (const char *)rd_bytes(r, n);
    char rule[RULE_ROOM];
    if (n < 2 || n - 2 >= sizeof rule || text[0] != '\n' || text[n - 1] != '\n')
        return false;
    memcpy(rule, text + 1, n - 2);
    rule[n - 2] = '\0';
    return strlen(rule) == n - 2 && (n == 2 || parse_rule(rule, &tz->rule));
}

static bool read_file(struct clock_tz *tz, const uint8_t *data, size_t n)
{
    struct rd r = rd_init(data, n);
    struct header h;
    if (!read_header(&r, &h))
        return false;
    if (h.version == 0) /* of before 2005 */
        return read_body(&r, &h, 4, tz) && rd_done(&r);
    rd_bytes(&r, body_bytes(&h, 4)); /* the same once more, for readers of before 2005 */
    return read_header(&r, &h) && read_body(&r, &h, 8, tz) && read_footer(&r, tz);
}

int clock_tz_parse(struct clock_tz **out, const void *data, size_t n, struct err *err)
{
    struct clock_tz *tz = calloc(1, sizeof *tz);
    *out = NULL;
    if (tz) {
        tz->at_s = calloc(STEPS_MAX, sizeof *tz->at_s);
        tz->type = calloc(STEPS_MAX, sizeof *tz->type);
    }
    if (!tz || !tz->at_s || !tz->type) {
        clock_tz_free(&tz);
        return err_nomem(err, "a time zone");
    }
    if (!read_file(tz, data, n)) {
        clock_tz_free(&tz);
        return err_set(err, ERR_MALFORMED, "malformed time zone data");
    }
    *out = tz;
    return ERR_OK;
}

/* Words of letters, digits, _ + and -, parted by single slashes: no way out of the database. */
static bool name_ok(const char *name)
{
    size_t n = strlen(name);
    bool begins = true;
    for (const char *p = name; *p; p++) {
        if (begins && !isalnum((unsigned char)*p))
            return false;
        if (!isalnum((unsigned char)*p) && !strchr("_+-/", *p))
            return false;
        begins = *p == '/';
    }
    return n > 0 && n <= NAME_MAX_BYTES && !begins;
}

int clock_tz_open(struct clock_tz **out, const char *name, struct err *err)
{
    struct buf b;
    char path[sizeof CLOCK_TZ_DATABASE + NAME_MAX_BYTES + 2];
    struct err why;
    *out = NULL;
    buf_init(&b, FILE_BYTES_MAX);
    snprintf(path, sizeof path, CLOCK_TZ_DATABASE "/%s", name);
    int rc = name_ok(name) ? fsx_read_file(path, &b, &why) : ERR_NOTFOUND;
    if (rc == ERR_OK)
        rc = clock_tz_parse(out, buf_data(&b), b.used, &why);
    buf_clear(&b);
    if (rc == ERR_OK || rc == ERR_NOMEM)
        return rc == ERR_OK ? rc : err_set(err, rc, "%s", why.text);
    return err_set(err, ERR_CONFIG,
                   "expected +02:00, Z, or a time zone in " CLOCK_TZ_DATABASE
                   " such as Europe/Berlin");
}

void clock_tz_free(struct clock_tz **tz)
{
    if (!tz || !*tz)
        return;
    free((*tz)->at_s);
    free((*tz)->type);
    free(*tz);
    *tz = NULL;
}

/* ---- what it says ---- */

static int64_t look_up(const struct clock_tz *tz, int64_t utc_s, const char **word)
{
    size_t from = 0, until = tz->n_steps; /* the steps up to utc_s are [0, from) at the end */
    while (from < until) {
        size_t middle = from + (until - from) / 2;
        if (tz->at_s[middle] <= utc_s)
            from = middle + 1;
        else
            until = middle;
    }
    if (from == tz->n_steps && tz->rule.known) {
        const struct rule *r = &tz->rule;
        bool dst = is_dst(r, utc_s);
        *word = dst ? r->dst_word : r->std_word;
        return dst ? r->dst_s : r->std_s;
    }
    size_t type = from > 0 ? tz->type[from - 1] : 0; /* RFC 8536: before the first: type 0 */
    *word = tz->word[type];
    return tz->offset_s[type];
}

static int64_t offset_s(const struct clock_tz *tz, int64_t utc_s)
{
    const char *word;
    return look_up(tz, utc_s, &word);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int clock_tz_min(const struct clock_tz *tz, int64_t utc_us)
{
    return (int)floor_div(offset_s(tz, floor_div(utc_us, 1000000)), 60);
}

void clock_tz_word(const struct clock_tz *tz, int64_t utc_us, char out[CLOCK_TEXT_ROOM])
{
    const char *word;
    (void)look_up(tz, floor_div(utc_us, 1000000), &word);
    if (isalpha((unsigned char)word[0]))
        snprintf(out, CLOCK_TEXT_ROOM, "%s", word);
    else
        clock_zone(clock_tz_min(tz, utc_us), out);
}

/* What held a day before and holds a day after are the only two that it can be: clocks are not
 * changed twice within two days. */
enum clock_local clock_tz_local(const struct clock_tz *tz, int64_t local_us, int *tz_min,
                                int *other_min)
{
    int64_t s = floor_div(local_us, 1000000);
    int64_t before = offset_s(tz, s - DAY_S), after = offset_s(tz, s + DAY_S);
    bool is_before = offset_s(tz, s - before) == before;
    bool is_after = before != after && offset_s(tz, s - after) == after;
    *tz_min = (int)floor_div(is_after && !is_before ? after : before, 60);
    *other_min = (int)floor_div(is_after && !is_before ? before : after, 60);
    return is_before && is_after   ? CLOCK_LOCAL_TWICE
           : is_before || is_after ? CLOCK_LOCAL_ONCE
                                   : CLOCK_LOCAL_NEVER;
}

/* ---- what a person says ---- */

int clock_tz_told(struct clock_tz **out, const char *zone, struct err *err)
{
    struct err why;
    int tz_min;
    if (clock_parse_zone(zone, &tz_min, &why) < 0)
        return clock_tz_open(out, zone, &why) == ERR_OK
                   ? ERR_OK
                   : err_set(err, ERR_MALFORMED, "there is no time zone %.60s", zone);
    if (!(*out = calloc(1, sizeof **out)))
        return err_nomem(err, "a time zone");
    (*out)->offset_s[0] = tz_min * 60;
    return ERR_OK;
}

int clock_tz_utc(const struct clock_tz *tz, int64_t local_us, int64_t *utc_us, int *tz_min,
                 struct err *err)
{
    char at[CLOCK_TEXT_ROOM], first[CLOCK_TEXT_ROOM], second[CLOCK_TEXT_ROOM];
    int other;
    enum clock_local is = clock_tz_local(tz, local_us, tz_min, &other);
    clock_rfc3339(local_us, 0, at);
    at[strlen(at) - 1] = '\0'; /* its "Z" */
    clock_zone(*tz_min, first);
    clock_zone(other, second);
    *utc_us = local_us - *tz_min * INT64_C(60000000);
    switch (is) {
    case CLOCK_LOCAL_ONCE:
        break;
    case CLOCK_LOCAL_NEVER:
        return err_set(err, ERR_MALFORMED,
                       "there was no %s in this time zone: the clocks went forward over it", at);
    case CLOCK_LOCAL_TWICE:
        return err_set(
            err, ERR_MALFORMED,
            "%s came twice in this time zone, as the clocks went back: choose %s for the "
            "first, or %s for the second",
            at, first, second);
    }
    return ERR_OK;
}

int clock_parse_told(const char *text, const struct clock_tz *tz, int64_t *utc_us, bool *has_zone,
                     int *tz_min, struct err *err)
{
    enum { TO_THE_MINUTE = 16 }; /* as browsers send seconds that are 0 */
    char full[CLOCK_TEXT_ROOM];
    struct err why;
    int64_t hour_east_us;
    snprintf(full, sizeof full, "%s%s", text, strlen(text) == TO_THE_MINUTE ? ":00" : "");
    if (strlen(text) >= sizeof full || clock_parse(full, 0, utc_us, tz_min, &why) < 0 ||
        clock_parse(full, 60, &hour_east_us, NULL, &why) < 0)
        return err_set(err, ERR_MALFORMED, "%.60s is no time: write 2024-11-29T09:23:45", text);
    bool own = *utc_us == hour_east_us;
    *has_zone = own || tz;
    if (tz && !own)
        return clock_tz_utc(tz, *utc_us, utc_us, tz_min, err);
    if (tz)
        *tz_min = clock_tz_min(tz, *utc_us);
    return ERR_OK;
}

int clock_told(struct clock_told *out, const char *time, const char *zone, int64_t now_us,
               struct err *err)
{
    static const int64_t first_us = INT64_C(1420070400000000), a_minute_us = 60000000;
    bool has_zone = true;
    *out = (struct clock_told){.has_time = time && time[0]};
    int rc = zone && zone[0] ? clock_tz_told(&out->tz, zone, err) : ERR_OK;
    if (rc == ERR_OK && out->has_time)
        rc = clock_parse_told(time, out->tz, &out->utc_us, &has_zone, &out->tz_min, err);
    if (rc == ERR_OK && !has_zone)
        rc = err_set(err, ERR_MALFORMED, "%.60s is of no time zone: give that, too", time);
    else if (rc == ERR_OK && out->has_time && out->utc_us < first_us)
        rc = err_set(err, ERR_MALFORMED, "%.60s is before 2015: there were no such cameras", time);
    else if (rc == ERR_OK && out->has_time && out->utc_us > now_us + a_minute_us)
        rc = err_set(err, ERR_MALFORMED, "%.60s is still to come", time);
    if (rc < 0)
        clock_told_clear(out);
    return rc;
}

void clock_told_clear(struct clock_told *told)
{
    clock_tz_free(&told->tz);
    *told = (struct clock_told){.has_time = false};
}
