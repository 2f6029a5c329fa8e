/* run, inside: its processes, and what it tells of them. */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "dashspool/clock.h"
#include "dashspool/run.h"
#include "notify.h"
#include "process_plan.h"
#include <signal.h>
#include <sys/types.h>

#define RUN_END_US     (8 * INT64_C(1000000)) /* SIGTERM to SIGKILL; all must be over in 10 s */
#define RUN_STATE_FILE "run.json"

/* A process that is to be there. */
struct process {
    struct planned_process plan;
    pid_t pid;          /* 0: it is not */
    int64_t start_us;   /* monotonic: not before */
    int64_t started_us; /* monotonic */
    int64_t started_utc_us;
    int64_t kill_us; /* it was told to end, and is killed then; 0: it was not told */
    int fails;       /* starts in a row that ended soon */
    bool leaves;     /* it is not to be there any more */
    /* for a person */
    int64_t ended_utc_us;  /* when it last ended although it should not; 0: never */
    char how[80];          /* … and how */
    struct clock_day ends; /* … and how often */
};

struct run {
    const char *root;
    char *settings_dir;
    char *metrics; /* file that is kept up to date; NULL: none */
    int64_t restart_ms, restart_max_ms;
    run_load_fn *load;
    void *load_arg;
    struct process process[2 * PROCESS_PLAN_MAX]; /* those that leave, too */
    size_t n;
    struct notify notify;
    int signals, lock;
    sigset_t before;
    int64_t ping_us;               /* the next */
    int64_t began_utc_us, told_us; /* the latter monotonic: run.json is of then; 0: not of now */
    bool ending, ready, in_trouble;
};

/* process.c. Its settings must be in settings_dir. */
void process_start(struct run *r, struct process *p);
void process_stop(struct process *p);
void process_on_exit(struct run *r, struct process *p, int status); /* as waitpid() has it */

/* run_state.c: ROOT/run.json, what `dashspool status` tells of us. Written when something changed,
 * whole or not at all; no fsync. */
void run_state_changed(struct run *r);
void run_state_write(struct run *r); /* if it changed, or is old */
void run_state_remove(const struct run *r);

#endif
