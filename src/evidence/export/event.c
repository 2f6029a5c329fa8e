/* Which transfers are one event, which packages were made of them; the package of an event: its
 * name, and what a process that was killed left of it. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/table.h"
#include "dashspool/verify.h"
#include "package_internal.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MEMBERS_BYTES_MAX ((size_t)64 << 20)
#define ISSUED_BYTES_MAX  ((size_t)4 << 20)
enum { NUMBERS_MAX = 10000, NUMBER_ROOM = 8 };

#define STEM_ROOM (EXPORT_EVENT_NAME_ROOM - NUMBER_ROOM)

struct making {
    struct export_request *request;
    const struct export_event *event;
    const char *dir;
    bool zip;
    struct catalogue *catalogue;
    struct buf *issued; /* of each member */
    char stem[STEM_ROOM];
};

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
        return err_nomem(err, "an event");
    }
    if (near->mem)
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

/* ---- packages that there are ---- */

struct event_issued {
    char package[EXPORT_EVENT_NAME_ROOM]; /* its name */
    char for_job[CATALOGUE_ID_ROOM];      /* "": a person made it */
    bool current;                         /* the transfer is now as it was then */
};

static struct event_issued *event_issued_at(const struct buf *all, size_t i)
{
    return (struct event_issued *)(void *)(all->mem + all->start) + i;
}

static size_t event_issued_count(const struct buf *all)
{
    return all->used / sizeof(struct event_issued);
}

struct noting {
    struct buf *out;
    bool stored; /* it is whole since a line before */
};

/* What was packed before it was whole may be noted after that. */
static int note_package(void *arg, const char *line, struct err *err)
{
    struct noting *n = arg;
    struct event_issued one = {.current = true};
    struct custody_record r;
    int rc = ERR_OK;
    custody_read(&r, line, strlen(line));
    const char *package = r.what.package, *job = r.what.for_job ? r.what.for_job : "";
    if (r.kind == CUSTODY_STORED) {
        n->stored = true;
        for (size_t i = 0; i < event_issued_count(n->out); i++)
            event_issued_at(n->out, i)->current = false;
    }
    bool fits = package && strlen(package) < sizeof one.package && strlen(job) < sizeof one.for_job;
    if (r.kind == CUSTODY_EXPORTED && fits) {
        memcpy(one.package, package, strlen(package));
        memcpy(one.for_job, job, strlen(job));
        one.current = !(r.what.partial && n->stored);
        rc = buf_append(n->out, &one, sizeof one, err);
    }
    custody_record_clear(&r);
    return rc;
}

/* All packages that a transfer is in, the oldest first. buf_clear() *out in any case. */
static int read_packages(struct buf *out, struct catalogue *c, const char *id, struct err *err)
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
    int rc = read_packages(&all, c, id, err);
    for (size_t i = 0; rc == ERR_OK && i < event_issued_count(&all); i++) {
        const struct event_issued *one = event_issued_at(&all, i);
        if (one->current && one->for_job[0] && (!own || strcmp(one->for_job, id) == 0))
            memcpy(out, one->package, sizeof one->package);
    }
    buf_clear(&all);
    return rc;
}

/* ---- the package of an event: its name ---- */

static bool digits(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* How long the stem is that a name begins with, "<imei>-<trigger>-20241129T072345Z"; 0: none. */
static size_t stem_bytes(const struct export_event *event, const char *name)
{
    char begin[60];
    int n = snprintf(begin, sizeof begin, "%s-%s-", event->imei,
                     event->trigger[0] ? event->trigger : "footage");
    const char *time = name + n;
    if (strncmp(name, begin, (size_t)n) != 0 || strlen(time) < 16)
        return 0;
    return digits(time, 8) && time[8] == 'T' && digits(time + 9, 6) && time[15] == 'Z'
               ? (size_t)n + 16
               : 0;
}

static size_t without_zip(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".zip") == 0 ? n - 4 : n;
}

/* Packages of one event have one stem, though an earlier clip may have come since. */
static void choose_stem(struct making *m)
{
    char at[CLOCK_TEXT_ROOM];
    const struct export_event *e = m->event;
    clock_compact(e->member[0].at_us, at);
    snprintf(m->stem, sizeof m->stem, "%s-%s-%s", e->imei, e->trigger[0] ? e->trigger : "footage",
             at);
    for (size_t i = 0; i < e->n; i++)
        for (size_t k = 0; k < event_issued_count(&m->issued[i]); k++) {
            const struct event_issued *one = event_issued_at(&m->issued[i], k);
            size_t n = one->for_job[0] ? stem_bytes(e, one->package) : 0;
            if (n > 0 && n < sizeof m->stem) {
                snprintf(m->stem, sizeof m->stem, "%.*s", (int)n, one->package);
                return;
            }
        }
}

static void numbered(const struct making *m, int number, char out[EXPORT_EVENT_NAME_ROOM])
{
    if (number == 1)
        snprintf(out, EXPORT_EVENT_NAME_ROOM, "%s", m->stem);
    else
        snprintf(out, EXPORT_EVENT_NAME_ROOM, "%s-%d", m->stem, number);
}

/* Also one that was carried away since. */
static bool was_issued(const struct making *m, const char *name)
{
    for (size_t i = 0; i < m->event->n; i++)
        for (size_t k = 0; k < event_issued_count(&m->issued[i]); k++) {
            const char *package = event_issued_at(&m->issued[i], k)->package;
            if (without_zip(package) == strlen(name) && strncmp(package, name, strlen(name)) == 0)
                return true;
        }
    return false;
}

/* Is a member in it, as it is now? */
static int judge_member(const struct making *m, const struct verify_contents *in, const char *id,
                        bool *found, struct err *err)
{
    struct catalogue_transfer t;
    int rc = catalogue_transfer_get(m->catalogue, id, &t, err);
    *found = false;
    for (size_t i = 0; rc == ERR_OK && i < in->n_masters && !*found; i++)
        *found = strcmp(in->master[i].id, id) == 0 &&
                 (t.state == CATALOGUE_STORED ? strcmp(in->master[i].sha256, t.sha256) == 0
                                              : in->master[i].partial);
    return rc;
}

static bool is_done(const struct making *m, size_t member)
{
    bool done = false;
    for (size_t k = 0; k < event_issued_count(&m->issued[member]); k++)
        done |= event_issued_at(&m->issued[member], k)->current &&
                event_issued_at(&m->issued[member], k)->for_job[0];
    return done;
}

static bool is_among(const char *id, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

/* This one, if it is among them; else one whose job is still to come, and will hand it on: that of
 * a whole one rather. */
static const char *job_of(const struct making *m, const char *const *ids, size_t n)
{
    const struct export_event *e = m->event;
    const char *whole = NULL, *part = NULL;
    if (is_among(m->request->for_job, ids, n))
        return m->request->for_job;
    for (size_t i = 0; i < e->n; i++) {
        const char **to = e->member[i].state == CATALOGUE_STORED ? &whole : &part;
        if (!*to && !is_done(m, i) && is_among(e->member[i].id, ids, n))
            *to = e->member[i].id;
    }
    return whole ? whole : part ? part : ids[0];
}

/* A sound package of members of the event, which nobody has noted: it is noted now. *own: the
 * transfer whose job this is, is in it. */
static int adopt(const struct making *m, const char *path, struct export_result *out, bool *own,
                 struct err *err)
{
    struct verify_contents in;
    struct export_request request = *m->request;
    struct package p = {.request = &request, .result = out, .catalogue = m->catalogue};
    const char **ids = calloc(m->event->n + 1, sizeof *ids);
    buf_init(&p.partials, PACKAGE_PARTIALS_BYTES_MAX);
    int rc = verify_contents(&in, path, err);
    if (rc == ERR_OK && !ids)
        rc = err_nomem(err, "a list");
    if (rc == ERR_OK) {
        /* The members that are in it. ERR_MALFORMED: somebody else's are, too, or none is. */
        request.n = 0;
        for (size_t i = 0; rc == ERR_OK && i < m->event->n; i++) {
            bool found;
            rc = judge_member(m, &in, m->event->member[i].id, &found, err);
            if (rc == ERR_OK && found)
                ids[request.n++] = m->event->member[i].id;
        }
        if (rc == ERR_OK && (request.n == 0 || request.n != in.n_masters))
            rc = err_set(err, ERR_MALFORMED, "it contains other recordings");
    }
    if (rc == ERR_OK && !in.exported_at[0])
        rc = err_set(err, ERR_MALFORMED, "it does not state when it was exported");
    if (rc == ERR_OK)
        rc = clock_parse(in.exported_at, 0, &request.at_us, NULL, err);
    for (size_t i = 0; rc == ERR_OK && i < m->event->n; i++)
        if (m->event->member[i].state != CATALOGUE_STORED)
            rc = package_add_partial(&p, m->event->member[i].id, err);
    request.ids = ids;
    request.path = path;
    if (rc == ERR_OK)
        request.for_job = job_of(m, ids, request.n);
    *own = rc == ERR_OK && request.for_job == m->request->for_job;
    if (rc == ERR_OK)
        rc = fsx_split(path, &p.beside, &p.name, err);
    if (rc == ERR_OK) {
        memcpy(out->tag_sha256, in.tag_sha256, sizeof in.tag_sha256);
        rc = package_note_exported(&p, err);
    }
    verify_contents_clear(&in);
    buf_clear(&p.partials);
    free(p.beside);
    free(p.name);
    free(ids);
    return rc;
}

/* ---- all of it ---- */

/* The first name that is free, or that one of ours has which is not noted. */
static int find_name(struct making *m, struct export_result *out, char **path, bool *adopted,
                     struct err *err)
{
    int rc = ERR_OK;
    for (int number = 1; rc == ERR_OK && number < NUMBERS_MAX; number++) {
        char name[EXPORT_EVENT_NAME_ROOM];
        struct stat st;
        struct err why;
        numbered(m, number, name);
        if (was_issued(m, name))
            continue;
        rc = fsx_path(path, err, "%s/%s%s", m->dir, name, m->zip ? ".zip" : "");
        if (rc < 0 || lstat(*path, &st) < 0)
            return rc;
        bool own = false;
        int adopting = adopt(m, *path, out, &own, &why);
        *adopted = adopting == ERR_OK && own;
        if (*adopted)
            return ERR_OK;
        if (err_is_temporary(adopting)) {
            *err = why;
            return adopting;
        }
        if (adopting == ERR_OK)
            log_info("export", "existing package recorded", LOG_TEXT("file", *path));
        else
            log_warn("export", "existing package left unchanged", LOG_TEXT("file", *path),
                     LOG_ERR(&why));
        free(*path);
        *path = NULL;
    }
    return rc < 0 ? rc
                  : err_set(err, ERR_LIMIT, "%s/%s: all numbered names are taken", m->dir, m->stem);
}

static int read_issued(struct making *m, struct err *err)
{
    int rc = ERR_OK;
    m->issued = calloc(m->event->n + 1, sizeof *m->issued);
    if (!m->issued)
        return err_nomem(err, "an event");
    for (size_t i = 0; rc == ERR_OK && i < m->event->n; i++)
        rc = read_packages(&m->issued[i], m->catalogue, m->event->member[i].id, err);
    return rc;
}

int export_event_package(struct export_request *request, const struct export_event *event,
                         const char *dir, bool zip, export_progress_fn *progress, void *arg,
                         struct export_result *out, char **path, bool *adopted, struct err *err)
{
    struct making m = {.request = request, .event = event, .dir = dir, .zip = zip};
    *path = NULL;
    *adopted = false;
    *out = (struct export_result){0};
    int rc = fsx_mkdirs(dir, err);
    if (rc == ERR_OK && (rc = catalogue_open(&m.catalogue, request->root, false, err)) == ERR_OK &&
        (rc = read_issued(&m, err)) == ERR_OK) {
        workdir_sweep(dir, BAG_UNFINISHED); /* but not what another worker is at */
        choose_stem(&m);
        rc = find_name(&m, out, path, adopted, err);
    }
    if (rc == ERR_OK && !*adopted) {
        request->path = *path;
        rc = export_package(request, progress, arg, out, err);
    }
    for (size_t i = 0; m.issued && i < event->n; i++)
        buf_clear(&m.issued[i]);
    free(m.issued);
    catalogue_close(&m.catalogue);
    if (rc < 0) {
        free(*path);
        *path = NULL;
        request->path = NULL;
    }
    return rc;
}
