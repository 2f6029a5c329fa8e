/* The child: everything that an input could reach has been given away before its first byte is
 * looked at. stdin is the request, stdout the report. */
#include "dashspool/clock.h"
#include "dashspool/sandbox.h"
#include "forkserver.h"
#include "message.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TELL_EVERY_US 20000 /* of progress: each message wakes the parent */

struct told {
    int fd;
    int64_t last_us;
};

static void on_progress(void *arg, double done)
{
    struct told *t = arg;
    struct err err;
    int64_t now_us = clock_mono_us();
    if (now_us - t->last_us < TELL_EVERY_US && done < 1)
        return;
    t->last_us = now_us;
    if (message_send(t->fd, MESSAGE_PROGRESS, &done, sizeof done, &err) < 0)
        _exit(1); /* nobody is there to whom anything matters */
}

/* Things that the libraries read once from files that are out of reach later. */
static int warm_hash(struct err *err)
{
    struct hash *h = NULL;
    uint8_t digest[HASH_BYTES];
    int rc = hash_new(&h, err);
    if (rc == ERR_OK)
        rc = hash_final(h, digest, err);
    hash_free(&h);
    return rc;
}

static int confine_self(const struct message_request *q, pid_t parent, struct err *err)
{
    struct sandbox_report report;
    struct sandbox_rules rules = {
        .read = {q->path, q->options.media.params_from, q->options.track_path},
        .write_dir = q->stage_dir[0] ? q->stage_dir : NULL,
        .memory_bytes = q->limits.memory_bytes,
        .file_bytes = q->limits.file_bytes,
        .cpu_s = q->limits.cpu_s};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        return err_set(err, ERR_AGAIN, "the parent is gone");
    int rc = warm_hash(err);
    return rc < 0 ? rc : sandbox_enter(&rules, &report, err);
}

/* Its result is sent; a failure is the caller's to send. */
static int convert(const struct message_request *q, struct err *err)
{
    static struct convert_result result;
    struct told told = {.fd = STDOUT_FILENO};
    int rc = convert_prepare(q->path, q->out_dir, q->stage_dir, q->stem, &q->facts, &q->options,
                             on_progress, &told, &result, err);
    return rc < 0 ? rc : message_send(STDOUT_FILENO, MESSAGE_RESULT, &result, sizeof result, err);
}

static int read_slices(const struct message_request *q, struct err *err)
{
    struct media_slices slices;
    memset(&slices, 0, sizeof slices); /* its padding goes over the wire, too */
    int rc = media_slices(q->path, &slices, err);
    return rc < 0 ? rc : message_send(STDOUT_FILENO, MESSAGE_SLICES, &slices, sizeof slices, err);
}

void child_convert(pid_t parent)
{
    static struct message_request q;
    struct err err = {0}, lost;
    int rc = message_read_request(STDIN_FILENO, &q, &err);
    if (rc < 0) {
        fprintf(stderr, "dashspool %s: %s\n", CONFINE_COMMAND, err.text);
        _exit(2);
    }
    if ((rc = confine_self(&q, parent, &err)) < 0)
        err_wrap(&err, "%s", q.path);
    else
        rc = q.job == MESSAGE_READ_SLICES ? read_slices(&q, &err) : convert(&q, &err);
    int sent =
        rc < 0 ? message_send(STDOUT_FILENO, MESSAGE_FAILURE, &err, sizeof err, &lost) : ERR_OK;
    _exit(sent < 0); /* no clean-up: the parent does that better */
}

/* Once for all children, which inherit it: what each of them would do before its master matters. */
static void warm_up(void)
{
    struct err unused;
    if (warm_hash(&unused) < 0 || convert_warm_up(&unused) < 0)
        unused.code = 0; /* the child that needs it tries again, and says why not */
}

int confine_child(void)
{
    warm_up();
    return forkserver_run(child_convert);
}
