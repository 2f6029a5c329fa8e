#include "status_file.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_BYTES = 4096 };

int status_file_open(struct status_file *f, const char *root, struct err *err)
{
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/receive.json", root);
    if (rc == ERR_OK && (f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640)) < 0)
        rc = err_sys(err, "open %s", path);
    free(path);
    f->open = rc == ERR_OK;
    f->started_us = clock_utc_us();
    return rc;
}

void status_file_listens(struct status_file *f, const char *where)
{
    if (f->n_listens < 2)
        snprintf(f->listens[f->n_listens++], sizeof f->listens[0], "%s", where);
}

static json_t *status_json(const struct status_file *f, const struct connections *all)
{
    char started[CLOCK_TEXT_ROOM], now[CLOCK_TEXT_ROOM];
    const char *trouble = store_trouble(all->store);
    clock_rfc3339(f->started_us, 0, started);
    clock_rfc3339(clock_utc_us(), 0, now);
    json_t *listens = json_array();
    for (int i = 0; i < f->n_listens; i++)
        json_array_append_new(listens, json_string(f->listens[i]));
    return json_pack("{s:i, s:s, s:s, s:o, s:i, s:i, s:I, s:I, s:o}", "pid", (int)getpid(),
                     "started", started, "updated", now, "listens", listens, "connections",
                     all->open, "receiving", all->receiving, "taken", (json_int_t)all->taken,
                     "refused", (json_int_t)all->refused, "trouble",
                     trouble ? json_string(trouble) : json_null());
}

static void put(struct status_file *f, const char *text)
{
    char page[STATUS_BYTES];
    size_t n = strlen(text);
    if (n >= sizeof page)
        return;
    memset(page, ' ', sizeof page);
    memcpy(page, text, n);
    page[sizeof page - 1] = '\n';
    if (pwrite(f->fd, page, sizeof page, 0) < 0) {
        log_warn("receive", "receive.json cannot be written: what status tells is old",
                 LOG_TEXT("reason", strerror(errno)));
        f->open = false;
    }
}

void status_file_write(struct status_file *f, const struct connections *all)
{
    json_t *o = f->open ? status_json(f, all) : NULL;
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (text)
        put(f, text);
    free(text);
    json_decref(o);
}

void status_file_close(struct status_file *f)
{
    if (f->open)
        put(f, "{}");
    if (f->fd > 0)
        close(f->fd);
    *f = (struct status_file){0};
}
