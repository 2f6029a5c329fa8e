#define _GNU_SOURCE /* ppoll */
#include "convert_batch.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOBS_MAX 256

struct slot {
    struct confine *c; /* NULL: free */
    const struct input *in;
    char *dir;
    double done;
};

struct batch {
    const struct convert_request *request;
    const struct confine_limits *limits;
    const struct inputs *inputs;
    struct progress *progress;
    batch_ended_fn *ended;
    void *arg;
    struct slot slot[JOBS_MAX + 1]; /* the spare one: its successor is on its way already */
    int jobs, running;              /* … and it is not counted */
    size_t next, n_ended;
};

static volatile sig_atomic_t stop;

static void on_stop(int signum)
{
    stop = signum;
}

static int target_dir(const struct batch *b, const struct input *in, char **out, struct err *err)
{
    const char *dir = b->request->out_dir;
    bool nested = dir && strcmp(in->below, ".") != 0;
    int rc = nested ? fsx_path(out, err, "%s/%s", dir, in->below)
                    : fsx_path(out, err, "%s", dir ? dir : in->dir);
    return rc == ERR_OK && dir ? fsx_mkdirs(*out, err) : rc;
}

static void show(const struct batch *b)
{
    const struct slot *slowest = NULL;
    double done = (double)b->n_ended;
    for (int i = 0; i <= b->jobs; i++) {
        const struct slot *s = &b->slot[i];
        if (!s->c)
            continue;
        done += s->done;
        slowest = !slowest || s->done < slowest->done ? s : slowest;
    }
    if (slowest)
        progress_show(b->progress, (int)b->n_ended, (int)b->inputs->n, done / (double)b->inputs->n,
                      slowest->in->path);
}

static void tell(struct batch *b, const struct input *in, int rc,
                 const struct convert_result *result, const struct err *err)
{
    progress_clear(b->progress);
    b->n_ended++;
    b->ended(b->arg, in, rc, result, err);
}

static void end_slot(struct batch *b, struct slot *s)
{
    struct convert_result result;
    struct err err;
    const struct input *in = s->in;
    int rc = confine_finish(&s->c, &result, &err);
    free(s->dir);
    *s = (struct slot){0};
    if (!stop || rc == ERR_OK)
        tell(b, in, rc, &result, &err);
}

/* Two inputs whose copies have the same names: the second waits, and finds the first one's. */
static bool in_the_way(const struct batch *b, const struct input *in, const char *dir)
{
    for (int i = 0; i <= b->jobs; i++)
        if (b->slot[i].c && strcmp(b->slot[i].in->stem, in->stem) == 0 &&
            strcmp(b->slot[i].dir, dir) == 0)
            return true;
    return false;
}

/* What is known of one file: what was asked for, and what its name and folder tell. */
static struct media_facts facts_of(const struct convert_request *request, const struct input *in)
{
    struct media_facts facts = request->facts;
    media_facts_from_path(in->path, clock_utc_us(), &facts);
    if (request->of_one_clip && !request->facts.has_time)
        facts.has_time = false; /* --meta without a time: no name is trusted over it */
    return facts;
}

/* False: the next input has to wait. */
static bool start_next(struct batch *b)
{
    struct convert_result none = {0};
    struct err err;
    struct slot *s = b->slot;
    const struct input *in = &b->inputs->item[b->next];
    struct media_facts facts = facts_of(b->request, in);
    char *dir = NULL;
    while (s->c)
        s++;
    int rc = target_dir(b, in, &dir, &err);
    if (rc == ERR_OK && in_the_way(b, in, dir)) {
        free(dir);
        return false;
    }
    b->next++;
    if (rc == ERR_OK)
        rc = confine_start(&s->c, in->path, dir, in->stem, &facts, &b->request->options, b->limits,
                           &err);
    if (rc == ERR_OK) {
        s->in = in;
        s->dir = dir;
        b->running++;
    } else {
        free(dir);
        tell(b, in, rc, &none, &err);
    }
    return true;
}

/* Waits until a child has something to say; a stop signal, blocked elsewhere, ends it early. */
static void wait_any(struct batch *b, const sigset_t *open_mask)
{
    struct pollfd p[JOBS_MAX + 1];
    nfds_t n = 0;
    int ms = 1000;
    for (int i = 0; i <= b->jobs; i++) {
        struct slot *s = &b->slot[i];
        if (!s->c)
            continue;
        int own_ms = confine_wait_ms(s->c);
        ms = own_ms < ms ? own_ms : ms;
        p[n++] = (struct pollfd){.fd = confine_fd(s->c), .events = POLLIN};
    }
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    ppoll(p, n, &t, open_mask);
}

static void start_some(struct batch *b)
{
    while (!stop && b->running < b->jobs && b->next < b->inputs->n && start_next(b))
        ;
}

/* A child is done: what is left is ours, and waits for the disk. Others work meanwhile. */
static void step(struct batch *b, struct slot *s)
{
    if (!s->c || confine_step(s->c, &s->done))
        return;
    b->running--;
    start_some(b);
    end_slot(b, s);
}

static void run(struct batch *b, const sigset_t *open_mask)
{
    while (!stop && (b->running > 0 || b->next < b->inputs->n)) {
        start_some(b);
        show(b);
        if (b->running > 0)
            wait_any(b, open_mask);
        for (int i = 0; i <= b->jobs && !stop; i++)
            step(b, &b->slot[i]);
    }
    for (int i = 0; i <= b->jobs; i++)
        if (b->slot[i].c)
            end_slot(b, &b->slot[i]);
    progress_clear(b->progress);
}

static int jobs_of(const struct convert_request *r)
{
    long n = r->jobs > 0 ? (long)r->jobs : sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > JOBS_MAX ? JOBS_MAX : (int)n;
}

int batch_run(const struct convert_request *request, const struct confine_limits *limits,
              const struct inputs *inputs, struct progress *progress, batch_ended_fn *ended,
              void *arg)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct batch b = {request, limits, inputs, progress, ended, arg, .jobs = jobs_of(request)};
    struct sigaction act = {.sa_handler = on_stop}, old[3];
    sigset_t ours, before;
    stop = 0;
    sigemptyset(&act.sa_mask);
    sigemptyset(&ours);
    for (int i = 0; i < 3; i++) {
        sigaddset(&ours, signals[i]);
        sigaction(signals[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN) /* nohup */
            sigaction(signals[i], &act, NULL);
    }
    sigprocmask(SIG_BLOCK, &ours, &before); /* open only while waiting: none is missed */
    run(&b, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (int i = 0; i < 3; i++)
        sigaction(signals[i], &old[i], NULL);
    return stop;
}
