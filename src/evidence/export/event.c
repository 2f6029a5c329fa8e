/* Which transfers are one event, and which packages were made of them. */
#include "dashspool/fnv.h"
#include "event_internal.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_BYTES_MAX ((size_t)64 << 20)
#define ISSUED_BYTES_MAX  ((size_t)4 << 20)

/* ---- times ---- */

static int64_t quarter_of(int64_t us)
{
    int64_t n = us / EXPORT_EVENT_SPAN_US;
    return us % EXPORT_EVENT_SPAN_US < 0 ? n - 1 : n;
}

void export_event_range(const int64_t *times, size_t n, size_t at, int64_t window_us, size_t *first,
                        size_t *end)
{
    size_t from = at, to = at;
    while (from > 0 && times[from] - times[from - 1] <= window_us)
        from--;
    while (to + 1 < n && times[to + 1] - times[to] <= window_us)
        to++;
    if (times[to] - times[from] > EXPORT_EVENT_SPAN_US) {
        while (quarter_of(times[from]) < quarter_of(times[at]))
            from++;
        while (quarter_of(times[to]) > quarter_of(times[at]))
            to--;
    }
    *first = from;
    *end = to + 1;
}

/* ---- members ---- */

static uint64_t mix(uint64_t hash, const void *data, size_t n)
{
    return fnv_add(fnv_add(hash, data, n), &n, sizeof n);
}

uint64_t export_event_recording(const struct catalogue_transfer *t)
{
    uint64_t hash = FNV_BEGIN;
    hash = mix(hash, t->imei, strlen(t->imei));
    hash = mix(hash, t->camera, strlen(t->camera));
    hash = mix(hash, t->kind, strlen(t->kind));
    hash = mix(hash, t->trigger_name, strlen(t->trigger_name));
    hash = mix(hash, &t->time_us, sizeof t->time_us);
    hash = mix(hash, &t->length_s, sizeof t->length_s);
    hash = mix(hash, t->wire.start, t->wire.start_n);
    return mix(hash, t->wire.path, t->wire.path_n);
}

static void take_member(const struct catalogue_transfer *t, struct export_event_member *out)
{
    *out = (struct export_event_member){
        .key = t->key, .state = t->state, .published = t->published, .arrived_us = t->arrived_us};
    out->at_us = t->known & CATALOGUE_TIME_OK ? t->time_us : t->arrived_us;
    out->last_us = t->completed_us > t->arrived_us ? t->completed_us : t->arrived_us;
    out->recording = export_event_recording(t);
    snprintf(out->id, sizeof out->id, "%s", t->id);
}

static int add_member(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct export_event_member m;
    if (!(t->known & CATALOGUE_TIME_OK))
        return ERR_OK;
    take_member(t, &m);
    return buf_append(arg, &m, sizeof m, err);
}

static int by_time(const void *a, const void *b)
{
    const struct export_event_member *x = a, *y = b;
    return x->at_us != y->at_us ? (x->at_us < y->at_us ? -1 : 1) : strcmp(x->id, y->id);
}

/* What a camera offered once more that had not heard that it was taken, and broke off, is none. */
static size_t drop_twins(struct export_event_member *m, size_t n, const char *id)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool twin = false;
        for (size_t k = 0; m[i].state == CATALOGUE_PARTIAL && k < n && !twin; k++)
            twin = m[k].state == CATALOGUE_STORED && m[k].recording == m[i].recording;
        if (!twin || strcmp(m[i].id, id) == 0)
            m[kept++] = m[i];
    }
    return kept;
}

/* Of those near it, in order, the ones that belong to `id`. */
static int cut_out(struct export_event *event, const struct buf *near, const char *id,
                   int64_t window_us, struct err *err)
{
    size_t n = near->used / sizeof *event->member, at = 0, first, end;
    int64_t *times = calloc(n + 1, sizeof *times);
    event->member = calloc(n + 1, sizeof *event->member);
    if (!times || !event->member) {
        free(times);
        return err_set(err, ERR_NOMEM, "no memory for an event");
    }
    if (n > 0)
        memcpy(event->member, buf_data(near), n * sizeof *event->member);
    n = drop_twins(event->member, n, id);
    qsort(event->member, n, sizeof *event->member, by_time);
    for (size_t i = 0; i < n; i++) {
        times[i] = event->member[i].at_us;
        at = strcmp(event->member[i].id, id) == 0 ? i : at;
    }
    if (n > 0) {
        export_event_range(times, n, at, window_us, &first, &end);
        event->n = end - first;
        memmove(event->member, event->member + first, event->n * sizeof *event->member);
    }
    free(times);
    return ERR_OK;
}

static int find_near(struct catalogue *c, const struct catalogue_transfer *t, int64_t window_us,
                     struct buf *near, struct err *err)
{
    int64_t reach_us = EXPORT_EVENT_SPAN_US + window_us;
    struct catalogue_filter filter = {.imei = t->imei,
                                      .trigger_name = t->trigger_name,
                                      .since_us = t->time_us - reach_us,
                                      .until_us = t->time_us + reach_us + 1};
    struct export_event_member own;
    if (t->known & CATALOGUE_TIME_OK && t->trigger_name[0])
        return catalogue_transfer_each(c, &filter, add_member, near, err);
    take_member(t, &own);
    return buf_append(near, &own, sizeof own, err);
}

int export_event_find(struct export_event *out, struct catalogue *c,
                      const struct catalogue_transfer *t, int64_t window_us, struct err *err)
{
    struct buf near;
    *out = (struct export_event){.n = 0};
    snprintf(out->imei, sizeof out->imei, "%s", t->imei);
    snprintf(out->trigger, sizeof out->trigger, "%s", t->trigger_name);
    buf_init(&near, MEMBERS_BYTES_MAX);
    int rc = find_near(c, t, window_us, &near, err);
    if (rc == ERR_OK)
        rc = cut_out(out, &near, t->id, window_us, err);
    buf_clear(&near);
    return rc;
}

void export_event_clear(struct export_event *event)
{
    free(event->member);
    *event = (struct export_event){.n = 0};
}

/* ---- packages ---- */

struct noting {
    struct buf *out;
    bool stored; /* it is whole since a line before */
};

/* What was packed before it was whole may be noted after that. */
static int note_package(void *arg, const char *line, struct err *err)
{
    struct noting *n = arg;
    struct event_issued one = {.current = true};
    const char *event = "", *package = NULL, *job = "";
    int partial = 0;
    json_t *json = json_loads(line, 0, NULL);
    int rc = ERR_OK;
    json_unpack(json, "{s:s, s:{s?s, s?s, s?b}}", "event", &event, "what", "package", &package,
                "for_job", &job, "partial", &partial);
    if (strcmp(event, "stored") == 0) {
        n->stored = true;
        for (size_t i = 0; i < event_issued_count(n->out); i++)
            event_issued_at(n->out, i)->current = false;
    }
    bool fits = package && strlen(package) < sizeof one.package && strlen(job) < sizeof one.for_job;
    if (strcmp(event, "exported") == 0 && fits) {
        memcpy(one.package, package, strlen(package));
        memcpy(one.for_job, job, strlen(job));
        one.current = !(partial && n->stored);
        rc = buf_append(n->out, &one, sizeof one, err);
    }
    json_decref(json);
    return rc;
}

int event_issued_read(struct buf *out, struct catalogue *c, const char *id, struct err *err)
{
    struct noting n = {out, false};
    buf_init(out, ISSUED_BYTES_MAX);
    return catalogue_event_each(c, id, note_package, &n, err);
}

int export_event_issued(char out[EXPORT_EVENT_NAME_ROOM], struct catalogue *c, const char *id,
                        bool own, struct err *err)
{
    struct buf all;
    out[0] = '\0';
    int rc = event_issued_read(&all, c, id, err);
    for (size_t i = 0; rc == ERR_OK && i < event_issued_count(&all); i++) {
        const struct event_issued *one = event_issued_at(&all, i);
        if (one->current && one->for_job[0] && (!own || strcmp(one->for_job, id) == 0))
            memcpy(out, one->package, sizeof one->package);
    }
    buf_clear(&all);
    return rc;
}
