/* inbox: frames wait, are stored in batches on the worker's thread, and are answered. */
#include "inbox.h"
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "dashspool/records.h"
#include "link/commit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct inbox_frame {
    struct inbox_frame *next;
    void *owner; /* NULL: nobody waits */
    inbox_done_fn *done;
    char imei[AVL_IMEI_ROOM];
    int64_t arrived_us;
    /* set by the batch */
    bool on_disk;              /* all of it */
    bool fresh;                /* some of it is new: */
    int64_t from_ms, until_ms; /* … from and to then */
    uint8_t codec, n;
    size_t bytes;
    uint8_t body[];
};

struct list {
    struct inbox_frame *first, **last;
    size_t records, bytes;
};

/* Who touches what: the loop's thread owns `waiting` and the owners; the worker owns the stores
 * and, during a batch, `batch`. */
struct inbox {
    char *root;
    struct inbox_options options;
    struct commit commit;
    struct list waiting, batch;
    struct inbox_stats stats;

    struct catalogue *catalogue;
    struct records *records;
    int lock_fd;
    struct records_new *new; /* of the batch; room for n_new */
    size_t n_new;
    struct records_done done;
};

static void list_init(struct list *l)
{
    *l = (struct list){.last = &l->first};
}

static void list_add(struct list *l, struct inbox_frame *f)
{
    f->next = NULL;
    *l->last = f;
    l->last = &f->next;
    l->records += f->n;
    l->bytes += sizeof *f + f->bytes;
}

const char *inbox_trouble(const struct inbox *in)
{
    return commit_trouble(&in->commit);
}

bool inbox_full(const struct inbox *in)
{
    return commit_trouble(&in->commit) ||
           in->waiting.bytes + in->batch.bytes >= in->options.queued_bytes;
}

const struct inbox_stats *inbox_stats(const struct inbox *in)
{
    return &in->stats;
}

/* ---- a batch, on the worker's thread ---- */

static int make_room(struct inbox *in, size_t n, struct err *err)
{
    if (n <= in->n_new)
        return ERR_OK;
    struct records_new *more = realloc(in->new, n * sizeof *more);
    if (!more)
        return err_nomem(err, "%zu records", n);
    in->new = more;
    in->n_new = n;
    return ERR_OK;
}

static struct avl_frame frame_of(const struct inbox_frame *f)
{
    return (struct avl_frame){
        .codec = f->codec, .n = f->n, .body = f->body, .body_bytes = f->bytes};
}

/* What is to be asked for: not acknowledged before it is known. rc, err: what came of storing. */
static int note_events(struct inbox *in, size_t n, int rc, struct err *err)
{
    struct err why;
    int noted, failed = standing_note(in->options.standing, in->catalogue, in->new, n,
                                      clock_utc_us(), &noted, &why);
    if (failed == ERR_OK)
        return rc;
    if (!err_is_temporary(failed)) {
        log_error("telemetry", "events not noted, no footage of them is asked for", LOG_ERR(&why));
        return rc;
    }
    n = 0;
    for (struct inbox_frame *f = in->batch.first; f; f = f->next)
        for (size_t end = n + f->n; n < end; n++)
            f->on_disk = f->on_disk && in->new[n].state != RECORDS_MISSING;
    if (!err_is_temporary(rc)) {
        *err = why;
        rc = failed;
    }
    return rc;
}

static int do_batch(void *arg, struct err *err)
{
    struct inbox *in = arg;
    struct avl_record record;
    size_t n = 0;
    in->done = (struct records_done){0};
    if (!in->batch.first)
        return ERR_OK;
    int rc = make_room(in, in->batch.records, err);
    if (rc < 0)
        return rc;
    for (struct inbox_frame *f = in->batch.first; f; f = f->next) {
        const struct avl_frame frame = frame_of(f);
        struct avl_records walk = avl_frame_records(&frame);
        while (avl_records_next(&walk, &record))
            in->new[n++] = (struct records_new){.imei = f->imei,
                                                .codec = f->codec,
                                                .bytes = record.raw,
                                                .n = record.raw_bytes,
                                                .arrived_us = f->arrived_us};
    }
    rc = records_put(in->records, in->new, n, &in->done, err);
    n = 0;
    for (struct inbox_frame *f = in->batch.first; f; f = f->next) {
        const struct avl_frame frame = frame_of(f);
        struct avl_records walk = avl_frame_records(&frame);
        f->on_disk = true;
        for (; avl_records_next(&walk, &record); n++) {
            int64_t at_ms = record.time_ms > INT64_MAX ? INT64_MAX : (int64_t)record.time_ms;
            f->on_disk = f->on_disk && in->new[n].state != RECORDS_MISSING;
            if (in->new[n].state != RECORDS_STORED)
                continue;
            f->from_ms = !f->fresh || at_ms < f->from_ms ? at_ms : f->from_ms;
            f->until_ms = !f->fresh || at_ms > f->until_ms ? at_ms : f->until_ms;
            f->fresh = true;
        }
    }
    rc = note_events(in, n, rc, err);
    /* What can never be stored does not keep the others: it is not answered. */
    return err_is_temporary(rc) ? rc : ERR_OK;
}

/* ---- what came of it ---- */

static void answer(struct inbox *in, struct inbox_frame *f, int rc, const struct err *err)
{
    in->stats.records += rc == ERR_OK ? f->n : 0;
    if (f->fresh && in->options.on_new)
        in->options.on_new(in->options.on_new_arg, f->imei, f->from_ms, f->until_ms);
    if (f->owner)
        f->done(f->owner, rc, err);
    free(f);
}

/* rc: of those that are not on disk. `keep`: they stay. */
static void settle_batch(struct inbox *in, bool keep, int rc, const struct err *err)
{
    struct inbox_frame *f = in->batch.first;
    struct list left;
    list_init(&left);
    in->stats.stored += in->done.stored;
    in->stats.known += in->done.known;
    if (in->done.aside[0])
        log_error("telemetry", "damaged file set aside", LOG_TEXT("reason", in->done.aside));
    list_init(&in->batch);
    while (f) {
        struct inbox_frame *next = f->next;
        if (f->on_disk)
            answer(in, f, ERR_OK, err);
        else if (keep)
            list_add(&left, f);
        else
            answer(in, f, rc, err);
        f = next;
    }
    if (left.first)
        in->batch = left;
}

static void settle(void *arg, int rc, const struct err *err)
{
    struct inbox *in = arg;
    struct err never;
    if (rc == ERR_OK)
        err_set(&never, ERR_MALFORMED, "a record cannot be stored");
    if (in->batch.records > 0)
        log_debug("telemetry", "committed", LOG_INT("records", in->batch.records),
                  LOG_SECONDS("seconds", (double)(clock_mono_us() - in->commit.began_us) / 1e6));
    if (rc < 0)
        log_error("telemetry", "records not stored, not acknowledged", LOG_ERR(err));
    settle_batch(in, false, rc < 0 ? rc : ERR_MALFORMED, rc < 0 ? err : &never);
}

static void postpone(void *arg, int rc, const struct err *err)
{
    settle_batch(arg, true, rc, err);
}

static bool take_batch(void *arg)
{
    struct inbox *in = arg;
    if (!in->batch.first && in->waiting.first) {
        in->batch = in->waiting;
        list_init(&in->waiting);
    }
    return in->batch.first != NULL;
}

static bool is_urgent(const void *arg)
{
    const struct inbox *in = arg;
    return in->waiting.records >= in->options.commit_records ||
           (in->commit.closing && in->waiting.first);
}

static bool is_full(const void *arg)
{
    return inbox_full(arg);
}

/* ---- what owners ask for ---- */

struct inbox_frame *inbox_put(struct inbox *in, const char *imei, const struct avl_frame *frame,
                              void *owner, inbox_done_fn *done)
{
    struct inbox_frame *f = malloc(sizeof *f + frame->body_bytes);
    if (!f)
        return NULL;
    *f = (struct inbox_frame){.owner = owner,
                              .done = done,
                              .arrived_us = clock_utc_us(),
                              .codec = frame->codec,
                              .n = frame->n,
                              .bytes = frame->body_bytes};
    snprintf(f->imei, sizeof f->imei, "%s", imei);
    memcpy(f->body, frame->body, frame->body_bytes);
    list_add(&in->waiting, f);
    if (is_urgent(in))
        commit_flush(&in->commit);
    return f;
}

void inbox_disown(struct inbox_frame *frame)
{
    frame->owner = NULL;
}

/* ---- open, close ---- */

/* ROOT's identity, as every way in makes it. */
static int open_root(struct inbox *in, struct err *err)
{
    struct raw *raw = NULL;
    int rc = catalogue_open(&in->catalogue, in->root, true, err);
    if (rc == ERR_OK)
        rc = raw_open(&raw, in->root, err);
    if (rc == ERR_OK)
        rc = intake_stores_opened(in->catalogue, raw, in->root, INTAKE_ADDS, err);
    raw_close(&raw);
    return rc;
}

static int lock(struct inbox *in, struct err *err)
{
    char *dir = NULL;
    int rc = fsx_path(&dir, err, "%s/" RECORDS_DIR, in->root);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(dir, err);
    if (rc == ERR_OK && (in->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        rc = err_sys(err, "open %s", dir);
    if (rc == ERR_OK && flock(in->lock_fd, LOCK_EX | LOCK_NB) < 0)
        rc = err_set(err, ERR_BUSY, "%s is in use by another server of trackers; stop it first",
                     in->root);
    free(dir);
    return rc;
}

int inbox_open(struct inbox **out, const char *root, uv_loop_t *loop,
               const struct inbox_options *options, struct err *err)
{
    struct inbox *in = *out = calloc(1, sizeof *in);
    if (!in)
        return err_nomem(err, "the inbox");
    in->lock_fd = -1;
    in->options = *options;
    list_init(&in->waiting);
    list_init(&in->batch);
    int rc = (in->root = strdup(root)) ? ERR_OK : err_nomem(err, "a path");
    if (rc == ERR_OK)
        rc = intake_check_limits(err);
    if (rc < 0 || (rc = lock(in, err)) < 0 || (rc = open_root(in, err)) < 0 ||
        (rc = records_open(&in->records, root, RECORDS_WRITE, err)) < 0) {
        inbox_close(out);
        return rc;
    }
    const struct commit_options commit = {
        .name = "telemetry",
        .root = in->root,
        .recovered = "store recovered, accepting records",
        .commit_ms = options->commit_ms,
        .retry_ms = options->retry_ms,
        .free_bytes_min = options->free_bytes_min,
        .arg = in,
        .take = take_batch,
        .work = do_batch,
        .settle = settle,
        .postpone = postpone,
        .urgent = is_urgent,
        .full = is_full,
        .on_room = options->on_room,
        .on_room_arg = options->on_room_arg,
    };
    commit_begin(&in->commit, loop, &commit);
    return ERR_OK;
}

void inbox_close(struct inbox **inbox)
{
    struct inbox *in = *inbox;
    if (!in)
        return;
    commit_end(&in->commit, NULL);
    records_close(&in->records);
    catalogue_close(&in->catalogue);
    if (in->lock_fd >= 0)
        close(in->lock_fd);
    free(in->new);
    free(in->root);
    free(in);
    *inbox = NULL;
}
