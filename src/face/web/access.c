/* Who logged in, and looked at what: ROOT/access/<day>.jsonl, a line each. It goes with its age,
 * and is in no package and no custody record: what is handed out is. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "web_internal.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 8192 };
#define DAY_US (86400 * INT64_C(1000000))

/* Text of others, as JSON in quotes. */
static int put_text(struct buf *b, const char *text, struct err *err)
{
    char shown[TEXT_ONE_ROOM];
    int rc = buf_append(b, "\"", 1, err);
    for (size_t n = strlen(text), bytes; rc == ERR_OK && n > 0; text += bytes, n -= bytes) {
        if ((bytes = text_one(text, n, shown)) == 0)
            break; /* the beginning of a character */
        for (const char *c = shown; rc == ERR_OK && *c; c++) {
            if (*c == '"' || *c == '\\')
                rc = buf_append(b, "\\", 1, err);
            if (rc == ERR_OK)
                rc = buf_append(b, c, 1, err);
        }
    }
    return rc < 0 ? rc : buf_append(b, "\"", 1, err);
}

static int put(struct buf *b, const char *name, const char *text, struct err *err)
{
    int rc = buf_append(b, b->used ? ", " : "{", b->used ? 2 : 1, err);
    if (rc == ERR_OK && (rc = put_text(b, name, err)) == ERR_OK &&
        (rc = buf_append(b, ": ", 2, err)) == ERR_OK)
        rc = put_text(b, text, err);
    return rc;
}

static int append(const char *path, const struct buf *line, struct err *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    int rc =
        fd < 0 ? err_sys(err, "open %s", path) : fsx_write_all(fd, buf_data(line), line->used, err);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Nobody waits for the disk: the last lines before a power cut may be missing. */
void access_note(const struct web *w, const char *who, const char *from, const char *what,
                 const char *of)
{
    struct buf b;
    struct err err;
    char at[CLOCK_TEXT_ROOM], day[11], *path = NULL;
    clock_rfc3339(clock_utc_us(), 0, at);
    snprintf(day, sizeof day, "%.10s", at);
    buf_init(&b, LINE_BYTES_MAX);
    int rc = put(&b, "at", at, &err);
    if (rc == ERR_OK)
        rc = put(&b, "who", who, &err);
    if (rc == ERR_OK)
        rc = put(&b, "from", from, &err);
    if (rc == ERR_OK)
        rc = put(&b, "did", what, &err);
    if (rc == ERR_OK && of[0])
        rc = put(&b, "of", of, &err);
    if (rc == ERR_OK)
        rc = buf_append(&b, "}\n", 2, &err);
    if (rc == ERR_OK)
        rc = fsx_path(&path, &err, "%s/access/%s.jsonl", w->root, day);
    if (rc == ERR_OK)
        rc = append(path, &b, &err);
    if (rc < 0 && log_may(LOG_LEVEL_ERROR, from))
        log_error("serve", "access is not noted", LOG_ERR(&err));
    free(path);
    buf_clear(&b);
}

void web_note(const struct web_ask *ask, const char *what, const char *of)
{
    access_note(ask->request->web, ask->name, ask->peer, what, of);
}

/* ---- by age ---- */

static bool is_old(const char *name, int64_t before_us)
{
    int64_t at_us;
    struct err none;
    char day[16];
    if (strlen(name) != 16 || strcmp(name + 10, ".jsonl") != 0)
        return false;
    snprintf(day, sizeof day, "%.10s", name);
    return clock_parse_bound(day, true, &at_us, &none) == ERR_OK && at_us < before_us;
}

void access_sweep(struct web *w)
{
    struct fsx_names names = {.n = 0};
    struct err err;
    int64_t now_us = clock_utc_us();
    char *dir = NULL, *path = NULL;
    if (now_us / DAY_US == w->access_day)
        return;
    w->access_day = now_us / DAY_US;
    int rc = fsx_path(&dir, &err, "%s/access", w->root);
    if (rc == ERR_OK)
        rc = fsx_list(dir, &names, &err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++) {
        if (!is_old(names.name[i], now_us - w->access_days * DAY_US))
            continue;
        rc = fsx_path(&path, &err, "%s/%s", dir, names.name[i]);
        if (rc == ERR_OK && unlink(path) < 0)
            rc = err_sys(&err, "delete %s", path);
        free(path);
        path = NULL;
    }
    if (rc < 0 && log_may(LOG_LEVEL_ERROR, ""))
        log_error("serve", "old notes of access stay", LOG_ERR(&err));
    fsx_names_clear(&names);
    free(dir);
}
