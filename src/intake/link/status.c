/* status: what goes on at the links, for `dashspool status`. */
#include "dashspool/fsx.h"
#include "link.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- those that were sent away ---- */

/* The same words, whatever the numbers in them. */
static bool same_words(const char *a, const char *b)
{
    for (;;) {
        a += strspn(a, "0123456789");
        b += strspn(b, "0123456789");
        if (*a != *b || !*a)
            return *a == *b;
        a++;
        b++;
    }
}

void links_count_refusal(struct links *all, const char *why)
{
    struct link_refusal *at = &all->refusal[0];
    for (int i = 0; i < LINK_REFUSALS; i++) {
        struct link_refusal *r = &all->refusal[i];
        if (r->why[0] && same_words(r->why, why)) {
            at = r;
            break;
        }
        if (r->last_us < at->last_us)
            at = r;
    }
    if (!at->why[0] || !same_words(at->why, why))
        *at = (struct link_refusal){0};
    at->last_us = clock_utc_us();
    clock_day_add(&at->day, at->last_us);
    snprintf(at->why, sizeof at->why, "%.159s", why);
}

json_t *link_text_json(const char *text)
{
    char ascii[300];
    size_t n = 0;
    for (; text[n] && n + 1 < sizeof ascii; n++)
        ascii[n] = (char)(text[n] >= ' ' && text[n] <= '~' ? text[n] : '?');
    ascii[n] = '\0';
    return json_string(ascii);
}

json_t *link_time_json(int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(utc_us, 0, text);
    return json_string(text);
}

json_t *links_refusals(const struct links *all)
{
    json_t *out = json_array();
    int64_t now_us = clock_utc_us();
    for (int i = 0; i < LINK_REFUSALS; i++) {
        const struct link_refusal *r = &all->refusal[i];
        unsigned n = clock_day_sum(&r->day, now_us);
        if (n > 0)
            json_array_append_new(out, json_pack("{s:o, s:i, s:o}", "why", link_text_json(r->why),
                                                 "of_the_day", (int)n, "last",
                                                 link_time_json(r->last_us)));
    }
    return out;
}

/* ---- status file ---- */

enum { STEP_BYTES = 16384 }; /* its size is a multiple of this */

int link_status_open(struct link_status *f, const struct link_service *service, const char *root,
                     struct err *err)
{
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/%s.json", root, service->name);
    if (rc == ERR_OK && (f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) < 0)
        rc = err_sys(err, "open %s", path);
    free(path);
    f->open = rc == ERR_OK;
    f->service = service;
    f->started_us = clock_utc_us();
    f->bytes = STEP_BYTES;
    return rc;
}

void link_status_listens(struct link_status *f, const char *where)
{
    if (f->n_listens < 2)
        snprintf(f->listens[f->n_listens++], sizeof f->listens[0], "%s", where);
}

/* `serial` is its first and its last value: whoever reads while it is written sees two of them. */
static json_t *status_json(struct link_status *f, const struct links *all, void *arg)
{
    char started[CLOCK_TEXT_ROOM], now[CLOCK_TEXT_ROOM];
    json_t *listens = json_array();
    clock_rfc3339(f->started_us, 0, started);
    clock_rfc3339(clock_utc_us(), 0, now);
    for (int i = 0; i < f->n_listens; i++)
        json_array_append_new(listens, json_string(f->listens[i]));
    f->serial++;
    json_t *o = json_pack("{s:I, s:i, s:s, s:s, s:o, s:i, s:I, s:I, s:o}", "serial", f->serial,
                          "pid", (int)getpid(), "started", started, "updated", now, "listens",
                          listens, "connections", all->open, "taken", (json_int_t)all->accepted,
                          "refused", (json_int_t)all->refused, "refusals", links_refusals(all));
    if (o)
        f->service->status(arg, o);
    json_object_set_new(o, "same_serial", json_integer(f->serial));
    return o;
}

static void put(struct link_status *f, const char *text)
{
    size_t n = strlen(text), bytes = (n / STEP_BYTES + 1) * STEP_BYTES;
    bytes = bytes > f->bytes ? bytes : f->bytes;
    char *page = malloc(bytes);
    if (!page)
        return; /* the next second */
    memset(page, ' ', bytes);
    memcpy(page, text, n);
    page[bytes - 1] = '\n';
    if (pwrite(f->fd, page, bytes, 0) < 0) {
        log_warn(f->service->name, "writing the status file failed, status is out of date",
                 LOG_TEXT("reason", strerror(errno)));
        f->open = false;
    }
    f->bytes = bytes;
    free(page);
}

void link_status_write(struct link_status *f, const struct links *all, void *arg)
{
    json_t *o = f->open ? status_json(f, all, arg) : NULL;
    json_t *list = json_object_get(o, f->open ? f->service->list : "");
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    for (size_t n;
         text && strlen(text) >= f->service->status_bytes_max && (n = json_array_size(list)) > 0;) {
        for (size_t i = 0; i <= n / 16; i++)
            json_array_remove(list, n - 1 - i);
        free(text);
        text = json_dumps(o, JSON_COMPACT);
    }
    if (text && strlen(text) < f->service->status_bytes_max)
        put(f, text);
    free(text);
    json_decref(o);
}

void link_status_close(struct link_status *f)
{
    char now[CLOCK_TEXT_ROOM], text[CLOCK_TEXT_ROOM + 20];
    clock_rfc3339(clock_utc_us(), 0, now);
    snprintf(text, sizeof text, "{\"stopped\":\"%s\"}", now);
    if (f->open)
        put(f, text);
    if (f->fd > 0)
        close(f->fd);
    *f = (struct link_status){0};
}
