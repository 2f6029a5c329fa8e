#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "store_internal.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct store {
    struct stores at;
    char *root;
    int lock_fd;
    struct queue queue;
    struct committer *committer;
};

bool store_full(const struct store *s)
{
    return committer_full(s->committer);
}

const char *store_trouble(const struct store *s)
{
    return committer_unavailable(s->committer);
}

/* ---- what a transfer asks for ---- */

const char *store_id(const struct transfer *t)
{
    return t->id;
}

int64_t store_have(const struct transfer *t)
{
    return t->have;
}

void store_disown(struct transfer *t)
{
    t->owner = NULL;
}

struct transfer *store_begin(struct store *s, const struct catalogue_transfer *row,
                             const struct store_resume *resume, void *owner, store_done_fn *done)
{
    struct err err;
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->row = *row;
    t->row.connections = 1;
    t->resume = *resume;
    t->owner = owner;
    t->done = done;
    t->began_us = row->arrived_us;
    snprintf(t->peer, sizeof t->peer, "%s", row->peer);
    buf_init(&t->pending, RAW_CHUNK_BYTES);
    if (hash_new(&t->hash, &err) < 0) {
        free(t);
        return NULL;
    }
    queue_add(&s->queue, &t->begin, OP_BEGIN, t);
    committer_flush(s->committer);
    return t;
}

int store_append(struct store *s, struct transfer *t, const void *data, size_t n, struct err *err)
{
    int rc = queue_bytes(&s->queue, t, data, n, err);
    if (rc == ERR_OK && queue_waiting(&s->queue) >= s->at.options.commit_bytes)
        committer_flush(s->committer);
    return rc;
}

/* "0 2048 9216": as many as there is room for. */
static void note_errors(const struct wire_stats *stats, struct catalogue_arrival *part)
{
    size_t used = 0;
    part->errors[0] = '\0';
    for (size_t i = 0; i < stats->n_error_at && used + 22 < sizeof part->errors; i++)
        used += (size_t)snprintf(part->errors + used, sizeof part->errors - used, "%s%llu",
                                 i ? " " : "", (unsigned long long)stats->error_at[i]);
}

static void describe_part(const struct transfer *t, const struct wire_stats *stats, const char *why,
                          struct catalogue_arrival *part)
{
    part->began_us = t->began_us;
    part->ended_us = clock_utc_us();
    part->from_bytes = t->have;
    part->packets = stats->packets;
    part->crc_errors = stats->crc_errors;
    part->resumes = stats->resumes;
    part->bytes_lost = (int64_t)stats->bytes_lost;
    part->duplicates = stats->duplicates;
    snprintf(part->peer, sizeof part->peer, "%s", t->peer);
    snprintf(part->ended, sizeof part->ended, "%.127s", why);
    note_errors(stats, part);
}

static void end(struct store *s, struct transfer *t, enum op_type type,
                const struct wire_stats *stats, const char *why)
{
    describe_part(t, stats, why, &t->part);
    queue_end(&s->queue, t, type);
    committer_flush(s->committer);
}

void store_finish(struct store *s, struct transfer *t, const struct wire_stats *stats,
                  store_done_fn *done)
{
    t->done = done;
    end(s, t, OP_FINISH, stats, "complete");
}

void store_abandon(struct store *s, struct transfer *t, const struct wire_stats *stats,
                   const char *why)
{
    t->owner = NULL;
    end(s, t, OP_ABANDON, stats, why);
}

/* ---- open, close ---- */

int store_open(struct store **out, const char *root, uv_loop_t *loop,
               const struct store_options *options, struct err *err)
{
    struct store *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "the store");
    s->lock_fd = -1;
    s->at.options = *options;
    queue_init(&s->queue);
    char *dir = NULL;
    int rc = fsx_path(&dir, err, "%s/raw", root);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(dir, err);
    if (rc == ERR_OK && (s->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        rc = err_sys(err, "open %s", dir);
    if (rc == ERR_OK && flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
        rc = err_set(err, ERR_BUSY, "%s is in use by another receiver; stop it first", root);
    free(dir);
    if (rc == ERR_OK && !(s->root = strdup(root)))
        rc = err_nomem(err, "a path");
    s->at.root = s->root;
    if (rc == ERR_OK && (rc = catalogue_open(&s->at.catalogue, root, true, err)) == ERR_OK)
        rc = raw_open(&s->at.raw, root, err);
    if (rc == ERR_OK && (rc = intake_stores_opened(s->at.catalogue, s->at.raw, err)) == ERR_OK)
        rc = repair_run(&s->at, err);
    if (rc == ERR_OK)
        rc = committer_open(&s->committer, &s->at, &s->queue, loop, err);
    if (rc < 0)
        store_close(out);
    return rc;
}

void store_close(struct store **store)
{
    struct store *s = *store;
    if (!s)
        return;
    committer_close(&s->committer);
    catalogue_close(&s->at.catalogue);
    raw_close(&s->at.raw);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->root);
    free(s);
    *store = NULL;
}
