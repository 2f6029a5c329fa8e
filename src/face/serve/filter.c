/* The events that an address chooses, and an address that chooses them. */
#include "serve_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES_MAX = 1000000 };
#define DAY_US (24 * 3600 * INT64_C(1000000))

static const struct mark {
    const char *name;
    unsigned mark;
    bool without; /* those that have it not */
} marks[] = {
    {"to-review", REVIEW_REVIEWED, true},   {"reviewed", REVIEW_REVIEWED, false},
    {"protected", REVIEW_PROTECTED, false}, {"noted", REVIEW_NOTED, false},
    {"exported", REVIEW_EXPORTED, false},   {"requested", REVIEW_REQUESTED, false},
    {"case", REVIEW_CASE, false},
};
enum { MARKS = sizeof marks / sizeof *marks };

/* ---- reading ---- */

static int bad(const char *name, const char *value, struct err *err)
{
    return err_set(err, ERR_MALFORMED, "%s: '%.40s' is none of its values", name, value);
}

static bool camera_of(const char *name, struct filter *f)
{
    for (unsigned bit = REVIEW_FRONT; bit <= REVIEW_OTHER; bit <<= 1)
        if (strcmp(name, words_camera_name(bit)) == 0) {
            f->cameras |= bit;
            return true;
        }
    return false;
}

static bool condition_of(const char *name, struct filter *f)
{
    enum review_condition condition;
    if (!review_condition_of(name, &condition))
        return false;
    f->conditions |= 1u << condition;
    return true;
}

static bool mark_of(const char *name, struct filter *f)
{
    for (size_t i = 0; i < MARKS; i++)
        if (strcmp(name, marks[i].name) == 0) {
            *(marks[i].without ? &f->no_marks : &f->marks) |= marks[i].mark;
            return true;
        }
    return false;
}

/* "damaged,ends-early" */
static int read_list(const struct web_ask *ask, const char *name,
                     bool (*of)(const char *name, struct filter *f), struct filter *f,
                     struct err *err)
{
    char one[24];
    for (const char *at = web_asked(ask, name); *at; at += *at == ',') {
        size_t n = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", (int)n, at);
        if (n > 0 && (n >= sizeof one || !of(one, f)))
            return bad(name, at, err);
        at += n;
    }
    return ERR_OK;
}

static int read_day(const struct web_ask *ask, const char *name, int64_t *out, struct err *err)
{
    const char *value = web_asked(ask, name);
    int64_t utc_us;
    *out = FILTER_ANY;
    if (!value[0])
        return ERR_OK;
    if (!clock_date_ok(value) || clock_parse_bound(value, false, &utc_us, err) < 0)
        return err_set(err, ERR_MALFORMED, "%s: write a day as 2024-11-29", name);
    *out = utc_us / DAY_US - (utc_us % DAY_US < 0);
    return ERR_OK;
}

static int read_text(const struct web_ask *ask, const char *name, char *out, size_t room,
                     struct err *err)
{
    const char *value = web_asked(ask, name);
    if (strlen(value) >= room)
        return err_set(err, ERR_MALFORMED, "%s: %zu bytes at most", name, room - 1);
    snprintf(out, room, "%s", value);
    return ERR_OK;
}

int filter_read(const struct web_ask *ask, struct filter *f, struct err *err)
{
    const char *page = web_asked(ask, "page");
    char *end;
    *f = (struct filter){.page = 1};
    int rc = read_text(ask, "q", f->q, sizeof f->q, err);
    if (rc == ERR_OK)
        rc = read_text(ask, "imei", f->imei, sizeof f->imei, err);
    if (rc == ERR_OK)
        rc = read_text(ask, "trigger", f->trigger, sizeof f->trigger, err);
    if (rc == ERR_OK)
        rc = read_list(ask, "cameras", camera_of, f, err);
    if (rc == ERR_OK)
        rc = read_list(ask, "condition", condition_of, f, err);
    if (rc == ERR_OK)
        rc = read_list(ask, "marks", mark_of, f, err);
    if (rc == ERR_OK)
        rc = read_day(ask, "from", &f->from, err);
    if (rc == ERR_OK)
        rc = read_day(ask, "to", &f->to, err);
    if (rc < 0)
        return rc;
    f->table = strcmp(web_asked(ask, "view"), "table") == 0;
    if (page[0])
        f->page = strtoll(page, &end, 10);
    if (page[0] && (*end || f->page < 1 || f->page > PAGES_MAX))
        return err_set(err, ERR_MALFORMED, "page: a number from 1 to %d is needed", PAGES_MAX);
    return ERR_OK;
}

struct review_filter filter_review(const struct serve *s, const struct filter *f)
{
    return (struct review_filter){
        .q = f->q,
        .imei = f->imei,
        .trigger = f->trigger,
        .cameras = f->cameras,
        .conditions = f->conditions,
        .marks = f->marks,
        .no_marks = f->no_marks,
        .since_us = f->from == FILTER_ANY ? 0 : when_day_us(s, f->from),
        .until_us = f->to == FILTER_ANY ? 0 : when_day_us(s, f->to + 1),
    };
}

/* ---- writing ---- */

static void put_part(struct web_page *h, int *n, const char *name, const char *value)
{
    if (!value[0])
        return;
    web_print(h, (*n)++ == 0 ? "?%s=" : "&amp;%s=", name);
    web_url(h, value);
}

/* One of a list of values; "," stays readable. */
static void put_word(struct web_page *h, int *n, bool *begun, const char *name, const char *word)
{
    if (!*begun)
        put_part(h, n, name, word);
    else
        web_print(h, ",%s", word);
    *begun = true;
}

static void put_day(struct web_page *h, int *n, const char *name, int64_t day)
{
    char text[CLOCK_DATE_ROOM] = "";
    if (day != FILTER_ANY)
        clock_date(day * DAY_US, text);
    put_part(h, n, name, text);
}

void filter_put(struct web_page *h, const struct filter *f)
{
    int n = 0;
    bool begun = false;
    char number[24];
    put_part(h, &n, "q", f->q);
    put_part(h, &n, "imei", f->imei);
    put_part(h, &n, "trigger", f->trigger);
    for (unsigned bit = REVIEW_FRONT; bit <= REVIEW_OTHER; bit <<= 1)
        if (f->cameras & bit)
            put_word(h, &n, &begun, "cameras", words_camera_name(bit));
    begun = false;
    for (int i = 0; i < REVIEW_CONDITIONS; i++)
        if (f->conditions & 1u << i)
            put_word(h, &n, &begun, "condition", review_condition_name((enum review_condition)i));
    begun = false;
    for (size_t i = 0; i < MARKS; i++)
        if ((marks[i].without ? f->no_marks : f->marks) & marks[i].mark)
            put_word(h, &n, &begun, "marks", marks[i].name);
    put_day(h, &n, "from", f->from);
    put_day(h, &n, "to", f->to);
    put_part(h, &n, "view", f->table ? "table" : "");
    snprintf(number, sizeof number, "%" PRId64, f->page);
    put_part(h, &n, "page", f->page > 1 ? number : "");
}
