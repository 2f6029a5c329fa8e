#define _GNU_SOURCE /* flock, O_NOFOLLOW */
/* What a job keeps between attempts: its lock, the file `attempt`, its way back to new/. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dir.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int spool_lock_job(const struct dir *spool, enum spool_state state, const char *name, int *fd,
                   struct err *err)
{
    char *path = NULL;
    struct stat held, there;
    *fd = -1;
    int rc = fsx_path(&path, err, "%s/%s/lock", spool->state[state], name);
    if (rc < 0)
        return rc;
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (lock < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            rc = err_sys(err, "open %s", path);
    } else if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            rc = err_sys(err, "lock %s", path);
    } else if (fstat(lock, &held) == 0 && stat(path, &there) == 0 && held.st_ino == there.st_ino &&
               held.st_dev == there.st_dev) {
        /* Between open and flock the job may have moved on, even come back as another directory
         * with a lock of its own. From here on nobody moves it but us. */
        *fd = lock;
        lock = -1;
    }
    if (lock >= 0)
        close(lock);
    free(path);
    return rc;
}

void spool_attempt_parse(char *text, int *attempt, int64_t *due_us, const char **why)
{
    char *end;
    struct err unimportant;
    *why = "";
    long v = strtol(text, &end, 10);
    if (v < 1 || v > 1000000 || (*end != '\n' && *end != '\0'))
        return;
    *attempt = (int)v;
    if (!*end)
        return;
    char *due = end + 1, *words = due + strcspn(due, "\n");
    if (*words)
        *words++ = '\0';
    if (clock_parse(due, 0, due_us, NULL, &unimportant) < 0)
        *due_us = 0;
    words[strcspn(words, "\n")] = '\0';
    *why = words;
}

int spool_attempt_read(const char *dir, int *attempt, int64_t *due_us, struct err *err)
{
    char *path = NULL;
    const char *why;
    struct buf text;
    *attempt = 1;
    *due_us = 0;
    buf_init(&text, SPOOL_ATTEMPT_BYTES_MAX);
    int rc = fsx_path(&path, err, "%s/attempt", dir);
    if (rc == ERR_OK && (rc = fsx_read_file(path, &text, err)) == ERR_OK)
        rc = buf_append(&text, "", 1, err);
    if (rc == ERR_OK)
        spool_attempt_parse((char *)text.mem + text.start, attempt, due_us, &why);
    buf_clear(&text);
    free(path);
    return err_is_temporary(rc) ? rc : ERR_OK;
}

static bool stays(const char *name)
{
    static const char *const names[] = {"job.json", "lock", "attempt", "output.txt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* What the last attempt left; half a file must not be taken for a whole one by the next. */
static int remove_working_files(const char *dir, struct err *err)
{
    struct fsx_names names;
    int rc = fsx_list(dir, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++) {
        char *path = NULL;
        if (stays(names.name[i]))
            continue;
        if ((rc = fsx_path(&path, err, "%s/%s", dir, names.name[i])) == ERR_OK)
            rc = fsx_remove_tree(path, err);
        free(path);
    }
    fsx_names_clear(&names);
    return rc;
}

static int write_attempt(const char *dir, const struct spool_again *again, struct err *err)
{
    char *path = NULL, text[SPOOL_ATTEMPT_BYTES_MAX], due[CLOCK_TEXT_ROOM] = "";
    const char *why = again->why ? again->why : "";
    if (again->due_us)
        clock_rfc3339(again->due_us, 3, due);
    int n = snprintf(text, sizeof text, "%d\n%s%s%.*s%s", again->attempt, due,
                     due[0] || why[0] ? "\n" : "", SPOOL_WHY_ROOM - 1, why, why[0] ? "\n" : "");
    int rc = fsx_path(&path, err, "%s/attempt", dir);
    if (rc == ERR_OK)
        rc = fsx_write_file(path, text, (size_t)n, err);
    free(path);
    return rc;
}

/*
 * Crash points: until the rename the job is in cur/ and its lock is freed by our end, so that a
 * sweep does all of this again. If the attempt was written by then, it is counted twice: better
 * than the other order, where a job that kills its workers could go uncounted for ever.
 */
int spool_requeue(const struct dir *spool, enum spool_state from, const char *name,
                  const struct spool_again *again, struct err *err)
{
    char *dir = NULL;
    int rc = spool_path(spool, from, name, &dir, err);
    if (rc == ERR_OK && (rc = remove_working_files(dir, err)) == ERR_OK)
        rc = write_attempt(dir, again, err);
    if (rc == ERR_OK)
        rc = spool_move(spool, name, from, SPOOL_NEW, true, err);
    free(dir);
    return rc;
}

int spool_give_back(const struct dir *spool, const char *name, const char *why, struct err *err)
{
    struct spool_again again = {.why = why};
    char *dir = NULL;
    int64_t due_us;
    int rc = spool_path(spool, SPOOL_CUR, name, &dir, err);
    if (rc == ERR_OK && (rc = spool_attempt_read(dir, &again.attempt, &due_us, err)) == ERR_OK) {
        again.attempt++;
        rc = spool_requeue(spool, SPOOL_CUR, name, &again, err);
    }
    free(dir);
    return rc;
}
