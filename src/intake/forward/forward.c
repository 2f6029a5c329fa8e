/* forward: the thread, and in which order things are done. */
#include "forward.h"
#include "dashspool/clock.h"
#include "dashspool/log.h"
#include "forward_internal.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETRY_FIRST_MS = 250,
    RETRY_LAST_MS = 4000,
    LOOK_MS = 2000,  /* at what waits, when nobody says that something does */
    CLEAR_MS = 2000, /* what is done with goes together, as seldom as this … */
    CLEAR_MANY = 64, /* … or when there is so much of it */
    OLD_MS = 600000, /* at what is old */
    LIST_ROWS = 64,  /* of what waits, at once */
    KEYS_MAX = 4096, /* that others told; those beyond are found by looking, or a day later */
};

struct keys {
    int64_t key[KEYS_MAX];
    size_t first, n;
};

struct forward {
    struct forward_options options;
    struct hand hand; /* the thread's */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stop;
    struct keys wanted, heard;
    struct forward_state state;
    /* the thread's */
    int64_t looked_us, cleared_us, old_us; /* monotonic; 0: not yet */
    int64_t retry_ms, retry_us;
    bool failing;
};

/* ---- what others say ---- */

static void push(struct keys *k, int64_t key)
{
    if (k->n < KEYS_MAX)
        k->key[(k->first + k->n++) % KEYS_MAX] = key;
}

static bool pop(struct forward *f, struct keys *k, int64_t *key)
{
    pthread_mutex_lock(&f->lock);
    bool any = k->n > 0 && !f->stop;
    if (any) {
        *key = k->key[k->first];
        k->first = (k->first + 1) % KEYS_MAX;
        k->n--;
    }
    pthread_mutex_unlock(&f->lock);
    return any;
}

void forward_wants(struct forward *f, int64_t key)
{
    pthread_mutex_lock(&f->lock);
    push(&f->wanted, key);
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
}

void forward_heard(struct forward *f, int64_t key)
{
    pthread_mutex_lock(&f->lock);
    push(&f->heard, key);
    pthread_mutex_unlock(&f->lock);
}

void forward_look(struct forward *f, struct forward_state *out)
{
    pthread_mutex_lock(&f->lock);
    *out = f->state;
    pthread_mutex_unlock(&f->lock);
}

static bool is_stopping(void *arg)
{
    struct forward *f = arg;
    pthread_mutex_lock(&f->lock);
    bool stop = f->stop;
    pthread_mutex_unlock(&f->lock);
    return stop;
}

/* ---- what waits ---- */

static void judge_fill(const struct forward_options *o, struct forward_state *s)
{
    int64_t age_us = s->oldest_us ? clock_utc_us() - s->oldest_us : 0;
    s->full[0] = '\0';
    if (o->staged_bytes_max > 0 && s->bytes > o->staged_bytes_max)
        snprintf(s->full, sizeof s->full,
                 "%lld MiB wait for the site, more than %lld ([site] staged_mib)",
                 (long long)s->bytes >> 20, (long long)o->staged_bytes_max >> 20);
    else if (o->staged_age_max_us > 0 && age_us > o->staged_age_max_us)
        snprintf(s->full, sizeof s->full,
                 "files wait for the site since %lld s, longer than %lld ([site] staged_age)",
                 (long long)(age_us / 1000000), (long long)(o->staged_age_max_us / 1000000));
}

static void set_waiting(struct forward *f, const struct hand_waiting *w)
{
    bool was_full = f->state.full[0];
    pthread_mutex_lock(&f->lock);
    f->state.files = w->files;
    f->state.bytes = w->bytes;
    f->state.oldest_us = w->oldest_us;
    judge_fill(&f->options, &f->state);
    bool full = f->state.full[0];
    pthread_mutex_unlock(&f->lock);
    if (full && !was_full)
        log_error(f->options.who, "cameras refused until the site takes what waits",
                  LOG_TEXT("reason", f->state.full));
    else if (!full && was_full)
        log_info(f->options.who, "cameras accepted again");
}

/* Whether there was some before. */
static bool set_trouble(struct forward *f, int rc, const struct err *err)
{
    pthread_mutex_lock(&f->lock);
    bool had = f->state.trouble[0];
    snprintf(f->state.trouble, sizeof f->state.trouble, "%.255s", rc < 0 ? err->text : "");
    pthread_mutex_unlock(&f->lock);
    return had;
}

static void tell_trouble(struct forward *f, int rc, const struct err *err)
{
    bool had = set_trouble(f, rc, err);
    if (rc < 0 && !had)
        log_error(f->options.who, "the site takes nothing, files wait here", LOG_ERR(err));
    else if (rc == ERR_OK && had)
        log_info(f->options.who, "the site takes files again");
}

/* ---- the work ---- */

static int one(struct forward *f, int64_t key, struct err *err)
{
    bool taken;
    int rc = hand_on(&f->hand, key, &taken, err);
    if (rc < 0 || !taken)
        return rc;
    pthread_mutex_lock(&f->lock);
    f->state.accepted++;
    f->state.last_us = clock_utc_us();
    pthread_mutex_unlock(&f->lock);
    return ERR_OK;
}

static int wanted(struct forward *f, struct err *err)
{
    int64_t key;
    int rc = ERR_OK;
    while (rc == ERR_OK && pop(f, &f->wanted, &key))
        rc = one(f, key, err);
    return rc;
}

/* All that waits; those that somebody waits for in between. */
static int backlog(struct forward *f, struct err *err)
{
    int64_t keys[LIST_ROWS];
    size_t n = LIST_ROWS;
    int rc = ERR_OK;
    while (rc == ERR_OK && n == LIST_ROWS && !is_stopping(f)) {
        struct hand_waiting w;
        rc = hand_list(&f->hand, keys, LIST_ROWS, &n, &w, err);
        if (rc == ERR_OK)
            set_waiting(f, &w);
        for (size_t i = 0; rc == ERR_OK && i < n && !is_stopping(f); i++)
            if ((rc = wanted(f, err)) == ERR_OK)
                rc = one(f, keys[i], err);
        if (rc == ERR_OK && n > 0)
            rc = hand_marks(&f->hand, err);
    }
    f->looked_us = clock_mono_us();
    return rc;
}

static int clear(struct forward *f, bool all, struct err *err)
{
    int64_t key, now_us = clock_mono_us();
    pthread_mutex_lock(&f->lock);
    size_t n = f->heard.n;
    pthread_mutex_unlock(&f->lock);
    int rc = ERR_OK;
    if (n > 0 && (all || n >= CLEAR_MANY || now_us - f->cleared_us >= CLEAR_MS * INT64_C(1000))) {
        while (rc == ERR_OK && pop(f, &f->heard, &key))
            rc = hand_heard(&f->hand, key, err);
        if (rc == ERR_OK)
            rc = hand_clear(&f->hand, err);
        f->cleared_us = now_us;
    }
    if (rc == ERR_OK && (!f->old_us || now_us - f->old_us >= OLD_MS * INT64_C(1000))) {
        bool more = false;
        rc = hand_clear_old(&f->hand, &more, err);
        f->old_us = more ? 0 : now_us;
    }
    return rc;
}

/* What waits is counted also while the site is away: cameras may have to be refused. */
static void count(struct forward *f)
{
    struct hand_waiting w;
    struct err unimportant;
    size_t n;
    if (hand_list(&f->hand, NULL, 0, &n, &w, &unimportant) == ERR_OK)
        set_waiting(f, &w);
}

static int pass(struct forward *f, bool look, struct err *err)
{
    int rc = hand_ready(&f->hand, err);
    if (rc == ERR_OK)
        rc = wanted(f, err);
    if (rc == ERR_OK && look)
        rc = backlog(f, err);
    if (rc == ERR_OK)
        rc = hand_marks(&f->hand, err);
    if (rc == ERR_OK)
        rc = clear(f, false, err);
    if (rc < 0 || f->state.files > 0)
        count(f);
    return rc;
}

static void wait_for_work(struct forward *f, int64_t until_us)
{
    int64_t left_us = until_us - clock_mono_us();
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    left_us = left_us > 0 ? left_us : 0;
    at.tv_sec += (time_t)(left_us / 1000000);
    at.tv_nsec += (long)(left_us % 1000000) * 1000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&f->lock);
    while (!f->stop && (f->wanted.n == 0 || f->failing))
        if (pthread_cond_timedwait(&f->wake, &f->lock, &at) != 0)
            break;
    pthread_mutex_unlock(&f->lock);
}

static void *run(void *arg)
{
    struct forward *f = arg;
    struct err err;
    while (!is_stopping(f)) {
        int64_t now_us = clock_mono_us();
        bool look = !f->looked_us || f->failing || now_us - f->looked_us >= LOOK_MS * INT64_C(1000);
        int rc = pass(f, look, &err);
        tell_trouble(f, rc, &err);
        f->retry_ms = rc == ERR_OK ? 0 : f->failing ? f->retry_ms * 2 : RETRY_FIRST_MS;
        if (f->retry_ms > RETRY_LAST_MS)
            f->retry_ms = RETRY_LAST_MS;
        f->failing = rc < 0;
        now_us = clock_mono_us();
        wait_for_work(f, now_us + (f->failing ? f->retry_ms : LOOK_MS / 4) * INT64_C(1000));
    }
    return NULL;
}

int forward_all(struct forward *f, struct err *err)
{
    f->looked_us = 0;
    int rc = pass(f, true, err);
    if (rc == ERR_OK)
        rc = clear(f, true, err);
    count(f);
    (void)set_trouble(f, rc, err); /* the caller tells it */
    if (rc == ERR_OK && f->state.files > 0)
        rc = err_set(err, ERR_MALFORMED,
                     "%lld files wait here, whose bytes are damaged: see the log, and fsck",
                     (long long)f->state.files);
    return rc;
}

/* ---- open, close ---- */

int forward_open(struct forward **out, const char *root, const struct forward_options *options,
                 struct err *err)
{
    struct forward *f = *out = calloc(1, sizeof *f);
    pthread_condattr_t monotonic;
    if (!f)
        return err_nomem(err, "forwarding");
    f->options = *options;
    pthread_mutex_init(&f->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int rc = hand_open(&f->hand, root, &f->options, is_stopping, f, err);
    if (rc < 0)
        forward_close(out);
    return rc;
}

int forward_start(struct forward *f, struct err *err)
{
    static const int loops[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD}; /* not SIGSYS (sandbox.h) */
    sigset_t its, before;
    sigemptyset(&its);
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
        sigaddset(&its, loops[i]);
    pthread_sigmask(SIG_BLOCK, &its, &before);
    int code = pthread_create(&f->thread, NULL, run, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    f->started = code == 0;
    return f->started ? ERR_OK : err_set(err, ERR_NOMEM, "forward: no thread: %s", strerror(code));
}

void forward_close(struct forward **forward)
{
    struct forward *f = *forward;
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    if (f->started)
        pthread_join(f->thread, NULL);
    hand_close(&f->hand);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    free(f);
    *forward = NULL;
}
