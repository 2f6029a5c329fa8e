/* What a ROOT's processes say of themselves: the small JSON files that they keep there, and the
 * files that they have locked. */
#define _GNU_SOURCE /* flock */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "page.h"
#include "status_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

/* ---- their files ---- */

enum { FILE_BYTES_MAX = 1 << 20, TRIES = 5 };

static int read_whole(const char *path, struct buf *out, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    int rc = fstat(fd, &st) < 0 ? err_sys(err, "look at %s", path)
             : !S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX
                 ? err_set(err, ERR_MALFORMED, "%s: unexpected content", path)
                 : ERR_OK;
    while (rc == ERR_OK) {
        uint8_t *at = buf_reserve(out, 65536, err);
        ssize_t n = at ? read(fd, at, 65536) : 0;
        if (!at)
            rc = err->code;
        else if (n < 0 && errno != EINTR)
            rc = err_sys(err, "read %s", path);
        if (n == 0)
            break;
        buf_commit(out, n > 0 ? (size_t)n : 0);
    }
    close(fd);
    return rc;
}

static bool is_whole(const json_t *o)
{
    return json_is_object(o) && json_integer_value(json_object_get(o, "serial")) ==
                                    json_integer_value(json_object_get(o, "same_serial"));
}

static int try_read(json_t **out, const char *path, struct err *err)
{
    struct buf text;
    json_error_t why;
    buf_init(&text, 4 * FILE_BYTES_MAX);
    int rc = read_whole(path, &text, err);
    if (rc == ERR_OK)
        *out = json_loadb((const char *)buf_data(&text), text.used, 0, &why);
    if (rc == ERR_OK && !is_whole(*out)) {
        json_decref(*out);
        *out = NULL;
        rc = err_set(err, ERR_MALFORMED, "%s: unexpected content", path);
    }
    buf_clear(&text);
    return rc;
}

int file_read(json_t **out, const char *root, const char *name, struct err *err)
{
    char *path = NULL;
    *out = NULL;
    int rc = fsx_path(&path, err, "%s/%s", root, name);
    for (int i = 0; rc == ERR_OK && i < TRIES; i++) {
        rc = try_read(out, path, err);
        if (rc != ERR_MALFORMED || i + 1 == TRIES)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        rc = ERR_OK;
    }
    free(path);
    if (rc == ERR_OK && json_object_size(*out) == 0) {
        json_decref(*out);
        *out = NULL;
    }
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

int64_t file_number(const json_t *o, const char *key, int64_t min)
{
    json_int_t v = json_integer_value(json_object_get(o, key));
    return v < min ? min : v;
}

void file_text(const json_t *o, const char *key, char *out, size_t room)
{
    const char *text = json_string_value(json_object_get(o, key));
    format_clean(out, room, text ? text : "");
}

int64_t file_time_us(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    struct err unimportant;
    int64_t us = 0;
    if (!text || clock_parse(text, 0, &us, NULL, &unimportant) < 0 || us < 0)
        return 0;
    return us;
}

bool process_frozen(int pid)
{
    char path[40], text[128];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = pid > 0 ? fopen(path, "re") : NULL;
    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *name_end = strrchr(text, ')'); /* its name may have any character */
    return name_end && name_end[1] == ' ' && (name_end[2] == 'T' || name_end[2] == 't');
}

/* ---- their locks ---- */

/* Of /proc/locks, proc_locks(5): "1: FLOCK  ADVISORY  WRITE 4711 fd:01:131 0 EOF". */
struct lock {
    uint64_t inode;
    unsigned major, minor;
    int pid;
};

struct locks {
    struct buf list;
};

enum { LOCKS_MAX = 1 << 16 };

int locks_read(struct locks **out, struct err *err)
{
    char line[256];
    struct locks *l = *out = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err, "the locks");
    buf_init(&l->list, LOCKS_MAX * sizeof(struct lock));
    FILE *f = fopen("/proc/locks", "re"); /* there may be none, within a service */
    int rc = ERR_OK;
    while (f && rc == ERR_OK && fgets(line, sizeof line, f)) {
        struct lock k;
        if (sscanf(line, "%*u: FLOCK %*s %*s %d %x:%x:%" SCNu64, &k.pid, &k.major, &k.minor,
                   &k.inode) == 4)
            rc = buf_append(&l->list, &k, sizeof k, err);
    }
    if (f)
        fclose(f);
    if (rc == ERR_LIMIT) /* the others are asked one by one */
        rc = ERR_OK;
    if (rc < 0)
        locks_free(out);
    return rc;
}

void locks_free(struct locks **l)
{
    if (!*l)
        return;
    buf_clear(&(*l)->list);
    free(*l);
    *l = NULL;
}

/* Not in that list it may be locked all the same: by a process of another container, or on a file
 * system whose devices have other numbers there. A shared lock disturbs no other who looks, and is
 * gone at once. */
bool locks_held(const struct locks *l, const char *path, int *pid)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool held = false;
    *pid = 0;
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0)
        for (size_t i = 0; i < LIST_COUNT(&l->list, struct lock) && !held; i++) {
            const struct lock *k = LIST_AT(&l->list, struct lock, i);
            held = k->inode == st.st_ino && k->major == major(st.st_dev) &&
                   k->minor == minor(st.st_dev);
            *pid = held && k->pid > 0 ? k->pid : 0;
        }
    if (!held)
        held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}
