/* What goes wrong: problems that somebody should solve, and errors by their reasons. */
#include "page.h"
#include "status_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const status_abouts[ABOUTS] = {
    [ABOUT_OTHER] = "other",     [ABOUT_PARTS] = "parts",   [ABOUT_JOBS] = "jobs",
    [ABOUT_CAMERAS] = "cameras", [ABOUT_UPKEEP] = "upkeep", [ABOUT_DISK] = "disk"};

void status_problem_add(struct status *s, const char *advice, const char *fmt, ...)
{
    char text[2 * TEXT_ROOM];
    va_list ap;
    if (s->n_trouble == TROUBLE_MAX)
        return;
    struct trouble *t = &s->trouble[s->n_trouble++];
    t->about = s->about;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    format_clean(t->what, sizeof t->what, text);
    format_clean(t->advice, sizeof t->advice, advice);
}

bool status_camera_overdue(const struct status *s, const struct camera *c)
{
    return c->silence_us > 0 && s->now_us - c->last_us > c->silence_us;
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
