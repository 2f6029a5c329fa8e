/* What goes wrong: problems that somebody should solve, and errors by their reasons. */
#include "page.h"
#include "status_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const status_abouts[ABOUTS] = {
    [ABOUT_OTHER] = "other",     [ABOUT_PARTS] = "parts",   [ABOUT_JOBS] = "jobs",
    [ABOUT_CAMERAS] = "cameras", [ABOUT_UPKEEP] = "upkeep", [ABOUT_DISK] = "disk"};

/* The conversions of `format` are %s, %.64s, %d and %lld. */
static void say(struct said *out, const char *format, va_list ap)
{
    char text[2 * TEXT_ROOM] = "";
    size_t used = 0, filled = 0;
    *out = (struct said){.format = format};
    for (const char *p = format; *p; p++) {
        char value[2 * TEXT_ROOM] = {*p, '\0'};
        if (*p == '%') {
            int most = p[1] == '.' ? (int)strtol(p + 2, NULL, 10) : -1; /* of %.64s */
            p += 1 + strspn(p + 1, ".0123456789l");
            if (*p == 's')
                snprintf(value, sizeof value, "%.*s", most, va_arg(ap, const char *));
            else if (p[-1] == 'l')
                snprintf(value, sizeof value, "%lld", va_arg(ap, long long));
            else
                snprintf(value, sizeof value, "%d", va_arg(ap, int));
            if (filled + 1 < sizeof out->values) {
                format_clean(out->values + filled, sizeof out->values - filled, value);
                filled += strlen(out->values + filled) + 1;
                out->n++;
            }
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", value);
        used = used < sizeof text ? used : sizeof text - 1;
    }
    format_clean(out->text, sizeof out->text, text);
}

static void said(struct said *out, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say(out, format, ap);
    va_end(ap);
}

void status_advise(struct status *s, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say(&s->advice, format, ap);
    va_end(ap);
}

void status_problem_add(struct status *s, const char *advice, const char *format, ...)
{
    va_list ap;
    if (s->n_trouble == TROUBLE_MAX)
        return;
    struct trouble *t = &s->trouble[s->n_trouble++];
    t->about = s->about;
    t->advice = s->advice;
    if (advice)
        said(&t->advice, "%s", advice);
    va_start(ap, format);
    say(&t->what, format, ap);
    va_end(ap);
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
