/* run, inside: its processes, and what it tells of them. */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "dashspool/clock.h"
#include "dashspool/run.h"
#include "dashspool/stages.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define RUN_END_US     (8 * INT64_C(1000000)) /* SIGTERM to SIGKILL; all must be over in 10 s */
#define RUN_STATE_FILE "run.json"

/* ---- report.c: what systemd is told (sd_notify(3)). Without NOTIFY_SOCKET nothing is. ---- */

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un to;
    socklen_t to_bytes;
    int64_t watchdog_us; /* WATCHDOG=1 is due this often; 0: never */
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment: they are for this
 * process, not for its children. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);

/* Lines of NAME=VALUE. */
void notify_send(const struct notify *n, const char *fmt, ...) DS_PRINTF(2, 3);

/* ---- process.c ---- */

#define PROCESS_PLAN_MAX       512
#define PROCESS_PLAN_NAME_ROOM 80

struct planned_process {
    char name[PROCESS_PLAN_NAME_ROOM]; /* "upload 2": the second worker of that stage */
    char stage[PROCESS_PLAN_NAME_ROOM];
    uint64_t settings; /* hash of all that it reads of them */
    bool service;      /* `dashspool <stage>`, else `dashspool work --stage <stage>` */
    bool reports;      /* it writes ROOT/<stage>.json every second */
    bool rereads;      /* it reads its lists and certificates again on SIGHUP */
    bool metrics;      /* `dashspool status` writes the file of [run] prometheus */
    int64_t every_ms;  /* it ends by itself, and is started again so often; 0: it stays */
};

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
    struct cfg *cfg; /* since the last reload; NULL: as at the start */
    const struct cfg *began_with;
    struct process process[2 * PROCESS_PLAN_MAX]; /* those that leave, too */
    size_t n;
    struct notify notify;
    int signals, lock;
    sigset_t before;
    int64_t ping_us;               /* the next */
    int64_t began_utc_us, told_us; /* the latter monotonic: run.json is of then; 0: not of now */
    bool ending, ready, in_trouble;
};

/* ---- process.c ---- */

/* At most PROCESS_PLAN_MAX processes. ERR_CONFIG: more are asked for. */
int process_plan(const struct cfg *cfg, struct planned_process *out, size_t *n,
                 struct err *err) DS_MUST_CHECK;

/* Writes DIR/settings.conf: what cfg_load() reads as the same values. */
int process_plan_write_settings(const struct cfg *cfg, const char *dir,
                                struct err *err) DS_MUST_CHECK;

/* Its settings must be in settings_dir. */
void process_start(struct run *r, struct process *p);
void process_stop(struct process *p);
void process_on_exit(struct run *r, struct process *p, int status); /* as waitpid() has it */

/* report.c: ROOT/run.json, what `dashspool status` tells of us. Written when something changed,
 * whole or not at all; no fsync. After a clean end it stays, and says when that was ("stopped"). */
void run_state_changed(struct run *r);
void run_state_write(struct run *r); /* if it changed, or is old */
void run_state_stopped(struct run *r);

#endif
