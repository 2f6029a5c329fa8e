#include "status_file.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "stats.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_BYTES = 16384 }; /* LIVE_MAX transfers of 300 bytes, as a rule less */

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

/* `serial` is its first and its last value: whoever reads while it is written sees two of them. */
static json_t *status_json(struct status_file *f, struct connections *all)
{
    char started[CLOCK_TEXT_ROOM], now[CLOCK_TEXT_ROOM];
    const char *trouble = store_trouble(all->store);
    double rate;
    json_t *listens = json_array(), *transfers = NULL;
    stats_look(all, &transfers, &rate);
    clock_rfc3339(f->started_us, 0, started);
    clock_rfc3339(clock_utc_us(), 0, now);
    for (int i = 0; i < f->n_listens; i++)
        json_array_append_new(listens, json_string(f->listens[i]));
    f->serial++;
    return json_pack("{s:I, s:i, s:s, s:s, s:o, s:i, s:i, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I}",
                     "serial", f->serial, "pid", (int)getpid(), "started", started, "updated", now,
                     "listens", listens, "connections", all->open, "receiving", all->receiving,
                     "taken", (json_int_t)all->accepted, "refused", (json_int_t)all->refused,
                     "bytes", (json_int_t)all->bytes, "rate", (json_int_t)rate, "trouble",
                     trouble ? stats_text(trouble) : json_null(), "refusals", stats_refusals(all),
                     "transfers", transfers, "same_serial", f->serial);
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
        log_warn("receive", "writing receive.json failed, status is out of date",
                 LOG_TEXT("reason", strerror(errno)));
        f->open = false;
    }
}

void status_file_write(struct status_file *f, struct connections *all)
{
    json_t *o = f->open ? status_json(f, all) : NULL, *transfers = json_object_get(o, "transfers");
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    while (text && strlen(text) >= STATUS_BYTES && json_array_size(transfers) > 0) {
        json_array_remove(transfers, json_array_size(transfers) - 1);
        free(text);
        text = json_dumps(o, JSON_COMPACT);
    }
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
