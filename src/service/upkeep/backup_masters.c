/* backup: the masters. Days that are over as files, the others master by master: their files change
 * with each commit of a receiver. */
#define _DEFAULT_SOURCE /* st_mtim */
#include "backup_internal.h"
#include "dashspool/fsx.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a day as a file ---- */

/* With the time of the original: so the next backup knows that it is the same. */
static int put_in_place(const char *part, const char *to, const struct stat *like, struct err *err)
{
    const struct timespec times[2] = {like->st_atim, like->st_mtim};
    int rc = ERR_OK, fd = open(part, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", part);
    if (futimens(fd, times) < 0 || fsync(fd) < 0)
        rc = err_sys(err, "fsync %s", part);
    close(fd);
    return rc < 0 ? rc : fsx_rename(part, to, err);
}

static int back_up_file(struct backup *b, const char *day, struct err *err)
{
    char *from = NULL, *to = NULL, *part = NULL;
    struct stat st = {0};
    int rc = fsx_path(&from, err, "%s/raw/%s.db", b->root, day);
    if (rc == ERR_OK)
        rc = fsx_path(&to, err, "%s/raw/%s.db", b->dir, day);
    if (rc == ERR_OK)
        rc = fsx_path(&part, err, "%s/unfinished/%s.db", b->dir, day);
    if (rc == ERR_OK && stat(from, &st) < 0)
        rc = err_sys(err, "look at %s", from);
    if (rc == ERR_OK && backup_has(to, &st)) {
        b->out->kept++;
    } else if (rc == ERR_OK) {
        rc = raw_backup(b->from, day, part, err);
        if (rc == ERR_OK)
            rc = put_in_place(part, to, &st, err);
        b->out->days += rc == ERR_OK;
        b->out->bytes += rc == ERR_OK ? st.st_size : 0;
    }
    free(from);
    free(to);
    free(part);
    return rc < 0 ? rc : backup_step(b, day, st.st_size, err);
}

/* ---- master by master ---- */

struct day {
    struct backup *b;
    const char *day;
    int64_t key, at;
    struct hash *hash;
};

static int copy_chunk(void *arg, const void *data, size_t n, struct err *err)
{
    struct day *d = arg;
    int rc = raw_append(d->b->to, d->day, d->key, d->at, data, n, err);
    d->at += (int64_t)n;
    hash_update(d->hash, data, n);
    return rc < 0 ? rc : backup_step(d->b, d->day, (int64_t)n, err);
}

/* What an earlier backup has of it: all, or it is copied anew. */
static int is_there(struct backup *b, const char *day, const struct raw_master *m, bool *out,
                    struct err *err)
{
    int64_t length;
    bool sealed;
    uint8_t sha256[HASH_BYTES];
    int rc = raw_stat(b->to, day, m->key, &length, &sealed, sha256, err);
    *out = rc == ERR_OK && sealed == m->sealed && length == m->length_bytes &&
           (!sealed || memcmp(sha256, m->facts.sha256, HASH_BYTES) == 0);
    return err_is_temporary(rc) ? rc : ERR_OK;
}

static int copy_master(struct day *d, const struct raw_master *m, struct err *err)
{
    struct backup *b = d->b;
    uint8_t digest[HASH_BYTES] = {0};
    int rc = hash_new(&d->hash, err);
    if (rc == ERR_OK)
        rc = raw_drop(b->to, d->day, m->key, err);
    if (rc == ERR_OK)
        rc = raw_copy(b->from, d->day, m->key, copy_chunk, d, err);
    if (rc == ERR_OK)
        rc = hash_final(d->hash, digest, err);
    hash_free(&d->hash);
    if (rc == ERR_OK && m->sealed)
        rc = raw_seal(b->to, d->day, m->key, &m->facts, err);
    if (rc == ERR_OK)
        rc = raw_commit(b->to, err);
    else
        raw_rollback(b->to);
    b->out->masters += rc == ERR_OK;
    b->out->bytes += d->at;
    if (rc == ERR_OK && m->sealed && memcmp(digest, m->facts.sha256, HASH_BYTES) != 0)
        rc = err_set(err, ERR_MALFORMED,
                     "its bytes are not those that were received: they were changed");
    return rc;
}

/* Those that the snapshot knows: what came later belongs to the next backup. */
static int back_up_master(void *arg, const struct raw_master *m, struct err *err)
{
    struct day *d = arg;
    struct catalogue_transfer t;
    char name[80];
    bool found = false, there = false;
    snprintf(name, sizeof name, "master %" PRId64 " of %s", m->key, d->day);
    int rc = catalogue_transfer_by_key(d->b->snapshot, m->key, &t, &found, err);
    if (rc == ERR_OK && !found)
        return ERR_OK;
    if (rc == ERR_OK && m->flaw)
        rc = err_set(err, ERR_MALFORMED, "%s", m->flaw);
    if (rc == ERR_OK)
        rc = is_there(d->b, d->day, m, &there, err);
    d->key = m->key;
    d->at = 0;
    if (rc == ERR_OK && there)
        rc = backup_step(d->b, name, m->length_bytes, err);
    else if (rc == ERR_OK)
        rc = copy_master(d, m, err);
    return backup_trouble(d->b, name, rc, err);
}

static int back_up_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct backup *b = arg;
    struct day d = {.b = b, .day = name};
    char yesterday[RAW_DAY_ROOM];
    if (!is_day)
        return ERR_OK;
    raw_day(b->now_us - INT64_C(86400) * 1000000, yesterday);
    int rc = strcmp(name, yesterday) < 0 ? back_up_file(b, name, err)
                                         : raw_each(b->from, name, back_up_master, &d, err);
    return rc == ERR_NOTFOUND ? ERR_OK /* deleted meanwhile */ : backup_trouble(b, name, rc, err);
}

int backup_masters(struct backup *b, struct err *err)
{
    return raw_days(b->from, back_up_day, b, err);
}
