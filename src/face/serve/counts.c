/* How many events there are of a choice, as long as nothing changes: lists of any length are asked
 * for by many at a time. */
#include "serve_internal.h"
#include <string.h>

enum { CHOICES = 64, STRIPS = 16 };

struct choice {
    struct filter filter; /* whatever its page */
    int64_t version;      /* of the catalogue; 0: empty */
};

static bool same(const struct choice *c, int64_t version, const struct filter *f)
{
    const struct filter *o = &c->filter;
    return c->version == version && strcmp(o->q, f->q) == 0 && strcmp(o->imei, f->imei) == 0 &&
           strcmp(o->trigger, f->trigger) == 0 && o->cameras == f->cameras &&
           o->conditions == f->conditions && o->marks == f->marks && o->no_marks == f->no_marks &&
           o->from == f->from && o->to == f->to;
}

/* ---- of a choice ---- */

int counts_of(struct serve *s, const struct filter *f, struct review_counts *out, struct err *err)
{
    static struct counted {
        struct choice of;
        struct review_counts n;
    } kept[CHOICES];
    static size_t next;
    struct review_filter filter = filter_review(s, f);
    int64_t version = 0;
    int rc = catalogue_version(s->catalogue, &version, err);
    for (size_t i = 0; rc == ERR_OK && i < CHOICES; i++)
        if (same(&kept[i].of, version, f)) {
            *out = kept[i].n;
            return rc;
        }
    if (rc == ERR_OK && (rc = review_count(s->catalogue, &filter, out, err)) == ERR_OK)
        kept[next++ % CHOICES] = (struct counted){{*f, version}, *out};
    return rc;
}

/* ---- of its days ---- */

struct run { /* days that have the same distance to UTC where they begin */
    struct counts_day *day;
    int64_t first, n;
};

/* The last hour of a day on which clocks go back would be the next one's. */
static int count_day(void *arg, int64_t day, int64_t all, int64_t to_review, struct err *err)
{
    struct run *r = arg;
    int64_t i = day - r->first;
    (void)err;
    i = i < 0 ? 0 : i >= r->n ? r->n - 1 : i;
    r->day[i].all += all;
    r->day[i].to_review += to_review;
    return ERR_OK;
}

int counts_days(struct serve *s, const struct filter *f, int64_t first, int64_t n,
                struct counts_day *out, struct err *err)
{
    int rc = ERR_OK;
    for (int64_t i = 0; i < n; i++)
        out[i] = (struct counts_day){.day = first + i};
    for (int64_t i = 0, next; rc == ERR_OK && i < n; i = next) {
        struct filter of = *f;
        int tz_min = when_min(s, when_day_us(s, first + i));
        for (next = i + 1; next < n && when_min(s, when_day_us(s, first + next)) == tz_min;)
            next++;
        of.from = first + i;
        of.to = first + next - 1;
        struct review_filter filter = filter_review(s, &of);
        struct run r = {.day = out + i, .first = first + i, .n = next - i};
        rc = review_days(s->catalogue, &filter, tz_min, count_day, &r, err);
    }
    return rc;
}

int counts_strip(struct serve *s, const struct filter *f, int64_t first,
                 struct counts_day out[COUNTS_STRIP], struct err *err)
{
    static struct strip {
        struct choice of; /* whatever its days */
        int64_t first;
        struct counts_day day[COUNTS_STRIP];
    } kept[STRIPS];
    static size_t next;
    struct filter of = *f;
    int64_t version = 0;
    int rc = catalogue_version(s->catalogue, &version, err);
    of.from = of.to = FILTER_ANY;
    for (size_t i = 0; rc == ERR_OK && i < STRIPS; i++)
        if (kept[i].first == first && same(&kept[i].of, version, &of)) {
            memcpy(out, kept[i].day, sizeof kept[i].day);
            return rc;
        }
    if (rc == ERR_OK && (rc = counts_days(s, &of, first, COUNTS_STRIP, out, err)) == ERR_OK) {
        struct strip *k = &kept[next++ % STRIPS];
        *k = (struct strip){.of = {of, version}, .first = first};
        memcpy(k->day, out, sizeof k->day);
    }
    return rc;
}
