#define _GNU_SOURCE /* memfd_create, pipe2, sigabbrev_np */
#include "child.h"
#include "dashspool/clock.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WALL_BASE_S   120
#define WALL_TIMES    20
#define FOOTAGE_BYTES 500000 /* of a second: 4 Mbit/s, what the cameras make */
#define FILE_BASE     (INT64_C(1) << 30)
#define FILE_TIMES    64 /* a lossless viewing copy */
#define LOOK_MS       1000
#define WEIGH_US      250000
#define GRACE_MS      10000 /* a sanitizer writes its report */

struct confine {
    struct message_request request;
    struct message_inbox inbox;
    struct workdir stage;
    struct err broken; /* code != 0: what came is not to be believed */
    pid_t pid;         /* 0: there is none (any more) */
    int report_fd, status_fd;
    int64_t until_us, weigh_us; /* when its outputs are weighed again */
    bool late, ended, heavy;
};

void confine_limits_from_cfg(const struct cfg *cfg, struct confine_limits *out)
{
    *out = (struct confine_limits){
        .memory_bytes = cfg_int(cfg, "convert", "memory_mib") << 20,
        .wall_s = (int)((cfg_ms(cfg, "convert", "timeout") + 999) / 1000),
    };
}

static struct confine_limits decide(const struct confine_limits *asked, const char *path)
{
    struct confine_limits l = *asked;
    struct stat st;
    int64_t bytes = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (bytes > MEDIA_INPUT_BYTES_MAX)
        bytes = MEDIA_INPUT_BYTES_MAX;
    if (l.wall_s == 0)
        l.wall_s = WALL_BASE_S + (int)(WALL_TIMES * bytes / FOOTAGE_BYTES);
    if (l.file_bytes == 0)
        l.file_bytes = FILE_BASE + FILE_TIMES * bytes;
    if (l.cpu_s == 0 && cores > 0 && l.wall_s < INT32_MAX / cores)
        l.cpu_s = l.wall_s * (int)cores;
    return l;
}

static int fill_request(struct message_request *q, const char *path, const char *out_dir,
                        const char *stage_dir, const char *stem, struct err *err)
{
    const struct {
        char *to;
        size_t room;
        const char *text;
    } all[] = {{q->path, sizeof q->path, path},
               {q->out_dir, sizeof q->out_dir, out_dir},
               {q->stage_dir, sizeof q->stage_dir, stage_dir},
               {q->stem, sizeof q->stem, stem}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strlen(all[i].text) >= all[i].room)
            return err_set(err, ERR_LIMIT, "'%.60s…' is longer than %zu bytes", all[i].text,
                           all[i].room - 1);
        snprintf(all[i].to, all[i].room, "%s", all[i].text);
    }
    return ERR_OK;
}

/* The request in a nameless file: a pipe may be too small for it. */
static int write_request(const struct message_request *q, int *out, struct err *err)
{
    int rc, fd = memfd_create("dashspool-request", MFD_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "request to the converter");
    if ((rc = fsx_write_all(fd, q, sizeof *q, err)) == ERR_OK && lseek(fd, 0, SEEK_SET) < 0)
        rc = err_sys(err, "request to the converter");
    if (rc == ERR_OK)
        *out = fd;
    else
        close(fd);
    return rc;
}

/* The end of the child, by force if need be. Whoever closes the report has a moment to die. */
static struct forkserver_end reap(struct confine *c, bool kill_it)
{
    struct forkserver_end end = {.status = SIGKILL}; /* what a child without a forkserver got */
    int64_t until_us = clock_mono_us() + GRACE_MS * 1000;
    struct pollfd p = {.fd = c->status_fd, .events = POLLIN};
    int ready = 0;
    while (!kill_it && clock_mono_us() < until_us && (ready = poll(&p, 1, GRACE_MS)) < 0)
        ;
    if (ready <= 0 && poll(&p, 1, 0) == 0)
        forkserver_kill(c->pid);
    forkserver_wait(c->status_fd, &end);
    close(c->status_fd);
    c->status_fd = -1;
    c->pid = 0;
    return end;
}

static void confine_free(struct confine **c)
{
    if ((*c)->pid > 0)
        reap(*c, true);
    if ((*c)->report_fd >= 0)
        close((*c)->report_fd);
    workdir_close(&(*c)->stage);
    free(*c);
    *c = NULL;
}

static int begin(struct confine **out, enum message_job job, const char *path,
                 const struct confine_limits *limits, struct err *err)
{
    struct confine *c = *out = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err, "converting %s", path);
    c->report_fd = c->status_fd = c->stage.lock_fd = -1;
    c->request = (struct message_request){.magic = MESSAGE_MAGIC,
                                          .version = MESSAGE_VERSION,
                                          .size = sizeof c->request,
                                          .job = job,
                                          .limits = decide(limits, path)};
    return ERR_OK;
}

/* The end of both starts. */
static int begun(struct confine **out, int rc, const char *path, struct err *err)
{
    if (rc == ERR_OK) {
        struct confine *c = *out;
        int request_fd = -1, report[2] = {-1, -1};
        rc = write_request(&c->request, &request_fd, err);
        if (rc == ERR_OK && pipe2(report, O_CLOEXEC) < 0)
            rc = err_sys(err, "pipe");
        if (rc == ERR_OK &&
            (rc = forkserver_spawn(request_fd, report[1], &c->pid, &c->status_fd, err)) < 0)
            c->pid = 0;
        if (request_fd >= 0)
            close(request_fd);
        if (report[1] >= 0)
            close(report[1]);
        c->report_fd = report[0];
        if (rc == ERR_OK && fcntl(c->report_fd, F_SETFL, O_NONBLOCK) < 0)
            rc = err_sys(err, "pipe");
    }
    if (rc < 0) {
        confine_free(out);
        return err_wrap(err, "%s", path);
    }
    (*out)->until_us = clock_mono_us() + (int64_t)(*out)->request.limits.wall_s * 1000000;
    return ERR_OK;
}

int confine_start(struct confine **out, const char *path, const char *out_dir, const char *stem,
                  const struct media_facts *facts, const struct convert_options *options,
                  const struct confine_limits *limits, struct err *err)
{
    int rc = begin(out, MESSAGE_CONVERT, path, limits, err);
    struct confine *c = *out;
    if (rc < 0)
        return rc;
    c->request.facts = *facts;
    c->request.options = *options;
    rc = workdir_open(&c->stage, out_dir, CONVERT_STAGE_PREFIX, err);
    if (rc == ERR_OK)
        rc = fill_request(&c->request, path, out_dir, c->stage.path, stem, err);
    return begun(out, rc, path, err);
}

int confine_slices_start(struct confine **out, const char *path,
                         const struct confine_limits *limits, struct err *err)
{
    int rc = begin(out, MESSAGE_READ_SLICES, path, limits, err);
    return rc < 0 ? rc
                  : begun(out, fill_request(&(*out)->request, path, "", "", "", err), path, err);
}

void confine_warm_up(void)
{
    struct err told_later;
    if (forkserver_start(&told_later) < 0)
        told_later.code = 0; /* the first conversion tries again, and says why not */
}

int confine_fd(const struct confine *c)
{
    return c->report_fd;
}

int confine_wait_ms(const struct confine *c)
{
    int64_t left_ms = (c->until_us - clock_mono_us()) / 1000 + 1;
    return left_ms < 0 ? 0 : left_ms < LOOK_MS ? (int)left_ms : LOOK_MS;
}

/* What a directory's files take of the disk; deleted: only those that have no name any more, and
 * lie on this device. */
static int64_t weigh(const char *dir, bool deleted, dev_t device)
{
    int64_t bytes = 0;
    struct stat st;
    const struct dirent *e;
    DIR *d = opendir(dir);
    while (d && (e = readdir(d)))
        if (fstatat(dirfd(d), e->d_name, &st, deleted ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && (!deleted || (st.st_nlink == 0 && st.st_dev == device)))
            bytes += (int64_t)st.st_blocks * 512;
    if (d)
        closedir(d);
    return bytes;
}

/* RLIMIT_FSIZE is for each file: of all together, also those that it has deleted and still holds,
 * only somebody outside knows. */
static bool too_heavy(struct confine *c)
{
    char fds[64];
    struct stat st;
    int64_t now_us = clock_mono_us();
    if (!c->stage.path || now_us < c->weigh_us || stat(c->stage.path, &st) < 0)
        return false;
    c->weigh_us = now_us + WEIGH_US;
    snprintf(fds, sizeof fds, "/proc/%d/fd", (int)c->pid);
    return weigh(c->stage.path, false, 0) + weigh(fds, true, st.st_dev) >
           c->request.limits.file_bytes;
}

bool confine_step(struct confine *c, double *done)
{
    uint8_t data[16384];
    ssize_t n = 0;
    while (!c->ended && (n = read(c->report_fd, data, sizeof data)) > 0)
        if (message_take(&c->inbox, &c->request, data, (size_t)n, &c->broken) < 0)
            c->ended = true;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        c->ended = true;
    if (!c->ended && clock_mono_us() >= c->until_us)
        c->late = c->ended = true;
    if (!c->ended || n == 0) { /* also at its end */
        c->weigh_us = c->ended ? 0 : c->weigh_us;
        c->heavy = too_heavy(c);
        c->ended |= c->heavy;
    }
    *done = c->inbox.done;
    return !c->ended;
}

/* Why a child ended that should not have. */
static int judge_death(const struct confine *c, int status, const struct rusage *used,
                       struct err *err)
{
    const struct confine_limits *limits = &c->request.limits;
    int signum = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    long cpu_s = used->ru_utime.tv_sec + used->ru_stime.tv_sec;
    if (c->late)
        err_set(err, ERR_LIMIT, "conversion timed out after %d s", limits->wall_s);
    else if (c->heavy)
        err_set(err, ERR_LIMIT, "copies exceeded their size limit of %lld bytes together",
                (long long)limits->file_bytes);
    else if (signum == SIGXCPU || (signum == SIGKILL && cpu_s >= limits->cpu_s))
        err_set(err, ERR_LIMIT, "conversion exceeded its CPU limit of %d s", limits->cpu_s);
    else if (signum == SIGXFSZ)
        err_set(err, ERR_LIMIT, "copy exceeded its size limit of %lld bytes",
                (long long)limits->file_bytes);
    else if (signum == SIGKILL)
        err_set(err, ERR_NOMEM, "converter killed (SIGKILL), possibly out of memory");
    else if (signum == SIGTERM || signum == SIGINT || signum == SIGHUP)
        err_set(err, ERR_AGAIN, "the converter was stopped by signal %d", signum);
    else if (signum)
        err_set(err, ERR_MALFORMED, "the converter was killed by signal %d (SIG%s%s)", signum,
                sigabbrev_np(signum) ? sigabbrev_np(signum) : "?",
                signum == SIGSYS ? ", a forbidden system call" : "");
    else
        err_set(err, ERR_IO, "converter exited with status %d without a result",
                WEXITSTATUS(status));
    size_t n = strlen(err->text);
    snprintf(err->text + n, sizeof err->text - n,
             ", %d %% done; the original is unchanged; no copy was written",
             (int)(c->inbox.done * 100));
    return err->code;
}

/* Ends the child; ERR_OK if there is a result. */
static int end(struct confine *c, struct err *err)
{
    bool stopped = !c->ended, bad = c->broken.code != 0;
    struct forkserver_end end = reap(c, stopped || bad || c->late || c->heavy);
    int rc = ERR_OK, status = end.status;
    if (stopped)
        rc = err_set(err, ERR_AGAIN, "the conversion was stopped");
    else if (bad)
        rc = err_set(err, ERR_MALFORMED, "%s; the original is untouched; nothing was written",
                     c->broken.text);
    else if (c->late || c->heavy || !WIFEXITED(status) || WEXITSTATUS(status) != 0 ||
             !c->inbox.last || c->inbox.used > 0)
        rc = judge_death(c, status, &end.used, err);
    if (rc < 0)
        return err_wrap(err, "%s", c->request.path);
    if (c->inbox.last == MESSAGE_FAILURE) {
        *err = c->inbox.failure; /* names the file */
        rc = err->code;
    }
    return rc;
}

int confine_finish(struct confine **cp, struct convert_result *result, struct err *err)
{
    struct confine *c = *cp;
    int rc = end(c, err);
    *result = (struct convert_result){0};
    if (rc == ERR_OK) {
        *result = c->inbox.result;
        rc = convert_publish(&c->stage, c->request.out_dir, c->request.options.overwrite, result,
                             err);
        if (rc < 0) {
            *result = (struct convert_result){0};
            err_wrap(err, "%s", c->request.path);
        }
    }
    confine_free(cp);
    return rc;
}

int confine_slices_finish(struct confine **cp, struct media_slices *out, struct err *err)
{
    int rc = end(*cp, err);
    *out = rc == ERR_OK ? (*cp)->inbox.slices : (struct media_slices){.is_mp4 = false};
    confine_free(cp);
    return rc;
}

/* Until there will be no more. */
static void wait_for(struct confine *c, convert_progress_fn *progress, void *arg)
{
    double done = 0, last = 0;
    while (confine_step(c, &done)) {
        if (progress && done > last)
            progress(arg, last = done);
        struct pollfd p = {.fd = confine_fd(c), .events = POLLIN};
        poll(&p, 1, confine_wait_ms(c)); /* a signal only makes it look once more */
    }
}

int confine_recordings(const char *path, const struct media_options *options,
                       const struct confine_limits *limits, int *out, struct err *err)
{
    struct confine *c = NULL;
    *out = 1;
    int rc = begin(&c, MESSAGE_COUNT_RECORDINGS, path, limits, err);
    if (rc < 0)
        return rc;
    c->request.options.media = *options;
    rc = begun(&c, fill_request(&c->request, path, "", "", "", err), path, err);
    if (rc < 0)
        return rc;
    wait_for(c, NULL, NULL);
    rc = end(c, err);
    if (rc == ERR_OK)
        *out = c->inbox.recordings;
    confine_free(&c);
    return rc;
}

int confine_convert(const char *path, const char *out_dir, const char *stem,
                    const struct media_facts *facts, const struct convert_options *options,
                    const struct confine_limits *limits, convert_progress_fn *progress, void *arg,
                    struct convert_result *result, struct err *err)
{
    struct confine *c = NULL;
    *result = (struct convert_result){0};
    int rc = confine_start(&c, path, out_dir, stem, facts, options, limits, err);
    if (rc < 0)
        return rc;
    wait_for(c, progress, arg);
    return confine_finish(&c, result, err);
}

int confine_guard(const char *stage, const char *const *reads, const char *const *children_read,
                  const char *const *write_dirs, struct sandbox_report *report, struct err *err)
{
    const struct sandbox_rules rules = {
        .kind = SANDBOX_PARENT, .stage = stage, .reads = reads, .write_dirs = write_dirs};
    int rc = sandbox_fence(write_dirs, err);
    if (rc == ERR_OK && (rc = forkserver_start(err)) == ERR_OK)
        rc = forkserver_fence(children_read, write_dirs, err);
    return rc < 0 ? rc : sandbox_enter(&rules, report, err);
}
