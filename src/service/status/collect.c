#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "status_internal.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_BYTES_MAX ((size_t)64 << 20)

const char *const status_error_kinds[ERROR_KINDS] = {"job", "transfer", "refusal", "restart"};

/* ---- what goes wrong ---- */

void status_problem_add(struct status *s, const char *advice, const char *fmt, ...)
{
    char text[2 * TEXT_ROOM];
    va_list ap;
    if (s->n_trouble == TROUBLE_MAX)
        return;
    struct trouble *t = &s->trouble[s->n_trouble++];
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    format_clean(t->what, sizeof t->what, text);
    format_clean(t->advice, sizeof t->advice, advice);
}

/* The next character that counts: numbers do not, and what stands for this one example. */
static const char *next(const char *p, const char *example)
{
    size_t n = strlen(example);
    for (;;) {
        if (n > 0 && strncmp(p, example, n) == 0)
            p += n;
        else if (*p >= '0' && *p <= '9')
            p++;
        else
            return p;
    }
}

static bool same_reason(const struct error *a, const struct error *b)
{
    const char *p = a->what, *q = b->what;
    if (a->kind != b->kind || strcmp(a->stage, b->stage) != 0)
        return false;
    for (;; p++, q++) {
        p = next(p, a->example);
        q = next(q, b->example);
        if (*p != *q || !*p)
            return *p == *q;
    }
}

void status_error_add(struct status *s, const struct error *e)
{
    size_t i = 0;
    while (i < s->n_errors && !same_reason(&s->errors[i], e))
        i++;
    if (i == ERRORS_MAX) { /* too many to be told apart */
        i = ERRORS_MAX - 1;
        snprintf(s->errors[i].what, sizeof s->errors[i].what, "other reasons");
    }
    struct error *at = &s->errors[i];
    int64_t n = i < s->n_errors ? at->n : 0;
    if (i == s->n_errors || (e->last_us > at->last_us && i < ERRORS_MAX - 1))
        *at = *e;
    else if (e->last_us > at->last_us)
        at->last_us = e->last_us;
    at->n = n + e->n;
    s->n_errors += i == s->n_errors;
}

static int by_time(const void *a, const void *b)
{
    const struct error *x = a, *y = b;
    return x->last_us == y->last_us ? strcmp(x->what, y->what) : x->last_us > y->last_us ? -1 : 1;
}

/* ---- */

static bool is_there(const char *root, const char *name)
{
    char *path = NULL;
    struct stat st;
    struct err unimportant;
    bool there = fsx_path(&path, &unimportant, "%s/%s", root, name) == ERR_OK &&
                 (stat(path, &st) == 0 || errno != ENOENT);
    free(path);
    return there;
}

static int check_root(const char *root, struct err *err)
{
    static const char *const ours[] = {"catalogue.db", "raw", "spool", "run.lock", "receive.json"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (is_there(root, ours[i]))
            return ERR_OK;
    return err_set(
        err, ERR_NOTFOUND,
        "%s: no catalogue found; give the right directory with --root, or receive a file first",
        root);
}

static void init(struct status *s)
{
    buf_init(&s->processes, LIST_BYTES_MAX);
    buf_init(&s->stage, LIST_BYTES_MAX);
    buf_init(&s->claims, LIST_BYTES_MAX);
    buf_init(&s->incoming, LIST_BYTES_MAX);
    buf_init(&s->cameras, LIST_BYTES_MAX);
    s->now_us = clock_utc_us();
    s->disk = (struct disk){.bytes = -1,
                            .free = -1,
                            .raw = -1,
                            .archive = -1,
                            .spool = -1,
                            .packages = -1,
                            .days_left = -1};
}

int status_collect(struct status **out, const char *root, const struct cfg *cfg, struct err *err)
{
    *out = NULL;
    int rc = check_root(root, err);
    if (rc < 0)
        return rc;
    struct status *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, ERR_NOMEM, "no memory for the status");
    init(s);
    rc = fsx_path(&s->root, err, "%s", root);
    if (rc == ERR_OK)
        rc = stages_load(&s->stages, cfg, err);
    if (rc == ERR_OK)
        rc = collect_processes(s, err);
    if (rc == ERR_OK)
        rc = collect_jobs(s, err);
    if (rc == ERR_OK)
        rc = collect_catalogue(s, err);
    if (rc < 0) {
        status_free(&s);
        return rc;
    }
    collect_disk(s, cfg);
    diagnose(s);
    qsort(s->errors, s->n_errors, sizeof *s->errors, by_time);
    *out = s;
    return ERR_OK;
}

void status_free(struct status **s)
{
    if (!*s)
        return;
    buf_clear(&(*s)->processes);
    buf_clear(&(*s)->stage);
    buf_clear(&(*s)->claims);
    buf_clear(&(*s)->incoming);
    buf_clear(&(*s)->cameras);
    stages_free(&(*s)->stages);
    free((*s)->root);
    free(*s);
    *s = NULL;
}

bool status_in_trouble(const struct status *s)
{
    return s->n_trouble > 0;
}
