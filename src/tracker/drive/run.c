/* run: a tracker's connections, and its cameras' in a thread beside. */
#include "dashspool/clock.h"
#include "drive_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PIECE_BYTES = 4096, WAIT_MS_MAX = 1000 };

struct player {
    struct drive *drive;
    const struct drive_where *where;
    struct dial *dial; /* NULL: down */
    uint8_t out[PIECE_BYTES];
    size_t at, left;
    int64_t acknowledged, progress_us; /* when it last became more */
    struct err trouble;                /* the last connection's */
    int commands;                      /* that were told of */

    int pipe[2]; /* a byte: the files are handed over */
    bool uploading;
    pthread_t thread;
    struct drive_upload upload[DRIVE_UPLOADS];
    size_t n_uploads;
    struct err upload_err, first_err; /* first_err.code 0: none failed */
    int upload_rc;
};

static void say(const struct player *p, const char *text)
{
    if (p->where->say)
        p->where->say(p->where->arg, text);
}

/* ---- files ---- */

static void *hand_over(void *arg)
{
    struct player *p = arg;
    p->upload_rc = p->where->upload(p->where->arg, p->upload, p->n_uploads, &p->upload_err);
    ssize_t n = write(p->pipe[1], "", 1);
    (void)n; /* the pipe is empty: it fits */
    return NULL;
}

static int start_uploads(struct player *p, struct err *err)
{
    if (p->uploading || (p->n_uploads = drive_uploads(p->drive, p->upload)) == 0)
        return ERR_OK;
    errno = pthread_create(&p->thread, NULL, hand_over, p);
    if (errno != 0)
        return err_sys(err, "start a thread");
    p->uploading = true;
    return ERR_OK;
}

static void end_uploads(struct player *p)
{
    char byte;
    ssize_t n = read(p->pipe[0], &byte, 1);
    (void)n;
    pthread_join(p->thread, NULL);
    p->uploading = false;
    drive_uploaded(p->drive, clock_utc_us());
    if (p->upload_rc == ERR_OK)
        return;
    char line[sizeof p->upload_err.text + 32];
    snprintf(line, sizeof line, "upload failed: %s", p->upload_err.text);
    say(p, line);
    if (p->first_err.code == ERR_OK)
        p->first_err = p->upload_err;
}

/* ---- the link ---- */

static void hang_up(struct player *p)
{
    dial_close(&p->dial);
    p->left = 0;
    drive_ended(p->drive, clock_utc_us());
}

static int dial_up(struct player *p, struct err *err)
{
    const struct drive_where *w = p->where;
    int rc = dial_open(&p->dial, w->host, w->port, w->tls, w->timeout_ms, &p->trouble);
    if (rc == ERR_OK) {
        p->trouble.code = ERR_OK;
        drive_connected(p->drive, clock_utc_us());
        return ERR_OK;
    }
    drive_ended(p->drive, clock_utc_us());
    if (!err_is_temporary(rc))
        *err = p->trouble;
    return err_is_temporary(rc) ? ERR_OK : rc;
}

static int push(struct player *p)
{
    size_t taken = 1;
    while (taken > 0) {
        if (p->left == 0) {
            p->at = 0;
            p->left = drive_fill(p->drive, clock_utc_us(), p->out, sizeof p->out);
        }
        int rc = dial_send(p->dial, p->out + p->at, p->left, &taken, &p->trouble);
        if (rc < 0)
            return rc;
        p->at += taken;
        p->left -= taken;
    }
    return ERR_OK;
}

/* *gone: the connection is over, which a tracker lives with. */
static int pull(struct player *p, bool *gone, struct err *err)
{
    uint8_t in[4096];
    bool end = false;
    for (size_t n = 1; n > 0;) {
        if (dial_receive(p->dial, in, sizeof in, &n, &end, &p->trouble) < 0 || end) {
            *gone = true;
            return ERR_OK;
        }
        int rc = n > 0 ? drive_feed(p->drive, clock_utc_us(), in, n, err) : ERR_OK;
        if (rc < 0)
            return rc;
    }
    return ERR_OK;
}

static void tell(struct player *p)
{
    const struct drive_stats *st = drive_stats(p->drive);
    if (st->commands == p->commands)
        return;
    char line[AVL_COMMAND_CHARS + DRIVE_ANSWER_ROOM + 32];
    p->commands = st->commands;
    snprintf(line, sizeof line, "command %s: %s", st->last_command,
             st->last_answer[0] ? st->last_answer : "no answer");
    say(p, line);
}

static int wait_for(struct player *p, struct err *err)
{
    int64_t now_us = clock_utc_us();
    struct pollfd f[2] = {{.fd = p->pipe[0], .events = POLLIN}, {.fd = -1}};
    bool gone = false;
    if (p->dial) {
        if (p->left == 0)
            p->at = 0, p->left = drive_fill(p->drive, now_us, p->out, sizeof p->out);
        f[1].fd = dial_fd(p->dial);
        f[1].events = dial_events(p->dial, p->left > 0);
    }
    int64_t next_us = drive_next_us(p->drive, now_us);
    int64_t ms = p->left > 0 ? WAIT_MS_MAX : next_us > now_us ? (next_us - now_us) / 1000 + 1 : 0;
    int n = poll(f, 2, ms < WAIT_MS_MAX ? (int)ms : WAIT_MS_MAX);
    if (n < 0 && errno != EINTR)
        return err_sys(err, "poll");
    if (n <= 0)
        return ERR_OK;
    if (f[0].revents & POLLIN)
        end_uploads(p);
    int rc = ERR_OK;
    if (p->dial && f[1].revents & POLLOUT && push(p) < 0)
        gone = true;
    if (p->dial && !gone && f[1].revents & (POLLIN | POLLHUP | POLLERR))
        rc = pull(p, &gone, err);
    tell(p);
    if (gone)
        hang_up(p);
    return rc;
}

/* Records wait, and nobody took any for too long. */
static int check_patience(struct player *p, struct err *err)
{
    const struct drive_stats *st = drive_stats(p->drive);
    int64_t now_us = clock_mono_us();
    if (st->acknowledged != p->acknowledged || drive_backlog(p->drive, clock_utc_us()) == 0) {
        p->acknowledged = st->acknowledged;
        p->progress_us = now_us;
    }
    if (now_us - p->progress_us < (int64_t)p->where->timeout_ms * 1000)
        return ERR_OK;
    if (p->trouble.code != ERR_OK) {
        *err = p->trouble;
        return err->code;
    }
    return err_set(err, ERR_AGAIN,
                   "%s:%s: no acknowledgement from the server for %d s (records acknowledged: "
                   "%lld of %lld)",
                   p->where->host, p->where->port, p->where->timeout_ms / 1000,
                   (long long)st->acknowledged, (long long)st->records);
}

static int play(struct player *p, struct err *err)
{
    int rc = ERR_OK;
    while (rc == ERR_OK) {
        enum drive_link link = drive_link(p->drive, clock_utc_us());
        if (link == DRIVE_DONE)
            break;
        if (link == DRIVE_DIAL)
            rc = dial_up(p, err);
        else if (link == DRIVE_HANG_UP && p->left == 0)
            hang_up(p);
        else
            rc = wait_for(p, err);
        if (rc == ERR_OK)
            rc = start_uploads(p, err);
        if (rc == ERR_OK)
            rc = check_patience(p, err);
    }
    return rc;
}

int drive_run(struct drive *drive, const struct drive_where *where, struct err *err)
{
    struct player p = {.drive = drive, .where = where, .progress_us = clock_mono_us()};
    if (pipe(p.pipe) < 0)
        return err_sys(err, "a pipe");
    for (int i = 0; i < 2; i++)
        if (fcntl(p.pipe[i], F_SETFD, FD_CLOEXEC) < 0) {
            int rc = err_sys(err, "a pipe");
            close(p.pipe[0]);
            close(p.pipe[1]);
            return rc;
        }
    int rc = play(&p, err);
    if (p.uploading)
        end_uploads(&p);
    dial_close(&p.dial);
    close(p.pipe[0]);
    close(p.pipe[1]);
    if (rc == ERR_OK && p.first_err.code != ERR_OK) {
        *err = p.first_err;
        rc = err->code;
    }
    return rc;
}
