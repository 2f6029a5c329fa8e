/* status, inside: the facts, as they are collected and then told. */
#ifndef STATUS_INTERNAL_H
#define STATUS_INTERNAL_H

#include "dashspool/catalogue.h"
#include "dashspool/sandbox.h"
#include "dashspool/spool.h"
#include "dashspool/stages.h"
#include "dashspool/status.h"
#include "dashspool/text.h"
#include <jansson.h>

#define STATUS_HOUR_US INT64_C(3600000000)
#define STATUS_DAY_US  (24 * STATUS_HOUR_US)
#define STATUS_LATE_US \
    (10 * 60 * INT64_C(1000000)) /* jobs are put, and handed on, within seconds */

enum {
    TEXT_ROOM = 256, /* of a reason, an advice: printable, cut */
    ERRORS_MAX = 64, /* reasons that are told apart */
    TROUBLE_MAX = 64,
    CLAIMS_MAX = 1024,    /* jobs that are worked at, with their workers */
    CAMERAS_MAX = 100000, /* that are listed */
    AGES = 6,
};

extern const int64_t status_age_limits_s[AGES - 1]; /* 60 300 3600 86400 604800 */

enum job_state { JOB_READY, JOB_WAITING, JOB_CLAIMED, JOB_FAILED, JOB_STATES };
extern const char *const status_job_states[JOB_STATES];

struct jobs {
    int64_t n, of_age[AGES];
    int64_t oldest_us; /* since when the oldest is there; 0: there is none */
};

struct process { /* of run.json */
    char name[80], stage[80];
    int pid; /* 0: not now */
    int64_t since_us, waits_until_us, ended_us;
    bool repeated; /* it comes and goes */
    bool frozen;   /* by a signal: SIGSTOP */
    int64_t ends_of_the_day;
    char how[TEXT_ROOM];
};

struct claim {
    char job[SPOOL_NAME_ROOM];
    int64_t since_us;
    int attempt;
    bool alive, frozen;
    int pid;        /* of this machine; 0: not known */
    char where[96]; /* "node w2, process 4711", in a site; "" */
    size_t stage;
};

struct stage {
    char name[SPOOL_NAME_ROOM];
    enum stages_kind kind;
    bool known, enabled; /* known: the configuration has it */
    int workers;
    int64_t limit_us; /* nobody should work at one job for longer; 0: any time */
    int64_t stuck;    /* claims of live workers that have */
    struct jobs jobs[JOB_STATES];
    int64_t alive;   /* claims with a live worker */
    int64_t foreign; /* jobs of another user than the spool's, which are set aside */
    char foreign_job[SPOOL_NAME_ROOM]; /* one of them */
    int64_t lost;                      /* that it has to do, and nobody has a job of; the first: */
    char lost_id[CATALOGUE_ID_ROOM];
    int64_t leases_lost, lease_lost_us; /* ever, and the last one; 0: none */
};

struct incoming { /* of receive.json */
    char id[CATALOGUE_ID_ROOM], imei[16], camera[8], kind[8];
    int64_t bytes, total, rate, since_us, quiet_s;
    int64_t left_s; /* -1: nobody knows */
};

struct camera {
    char imei[16], camera[8];
    int64_t last_us;    /* 0: never */
    int64_t silence_us; /* that is allowed; 0: any */
};

struct certificate {
    char setting[100], path[TEXT_ROOM];
    int64_t from_us, until_us;
};

/* What was done to the store last (catalogue_upkeep_last()). */
enum upkeep_task {
    UPKEEP_SWEEP,
    UPKEEP_FSCK,
    UPKEEP_BACKUP,
    UPKEEP_CLOCK, /* this one, and those behind it, nobody is told as such */
    UPKEEP_MISSING_DAYS,
    UPKEEP_TASKS
};
extern const char *const status_upkeep_tasks[UPKEEP_TASKS];
struct upkeep {
    bool known;
    struct catalogue_upkeep last;
};

enum error_kind { ERROR_JOB, ERROR_TRANSFER, ERROR_REFUSAL, ERROR_RESTART, ERROR_KINDS };
extern const char *const status_error_kinds[ERROR_KINDS];

struct error {
    enum error_kind kind;
    char stage[SPOOL_NAME_ROOM];
    char what[TEXT_ROOM], example[SPOOL_NAME_ROOM], advice[TEXT_ROOM];
    int64_t n, last_us;
};

struct oldest { /* what is not finished */
    char id[SPOOL_NAME_ROOM], why_before[TEXT_ROOM];
    size_t stage; /* of a job */
    enum { OLDEST_NONE, OLDEST_JOB, OLDEST_INCOMING, OLDEST_UNPUBLISHED, OLDEST_PARTIAL } kind;
    enum job_state state;
    int64_t since_us, due_us, claimed_us;
    int attempt, pid;
    char where[96]; /* as that of a claim */
    bool alive;
    char why[TEXT_ROOM], advice[TEXT_ROOM];
};

/* What a problem is of; its names are "about" in JSON. */
enum about {
    ABOUT_OTHER,
    ABOUT_PARTS,
    ABOUT_JOBS,
    ABOUT_CAMERAS,
    ABOUT_UPKEEP,
    ABOUT_DISK,
    ABOUTS
};
extern const char *const status_abouts[ABOUTS];

/* A sentence, and what it was made of, so that a page can say it in another language: the format,
 * and what stands for each of its conversions, each with a NUL behind it. */
struct said {
    char text[TEXT_ROOM], values[TEXT_ROOM];
    const char *format;
    size_t n;
};

struct trouble {
    enum about about;
    struct said what, advice;
};

struct disk {
    int64_t bytes, free; /* -1: not known; so are the others */
    int64_t raw, archive, spool, packages, telemetry;
    bool archive_exact, spool_more, packages_more, telemetry_more; /* more: not all was added up */
    int64_t a_day;    /* what comes to it, at the mean of the last 7 days */
    double days_left; /* < 0: nobody knows */
    int64_t min_free, warn_free, delete_free;
    int64_t inodes, inodes_free; /* 0, 0: it does not count them */
    bool read_only;
};

enum life { LIFE_STOPPED, LIFE_RUNNING, LIFE_CRASHED, LIFE_STUCK };
extern const char *const status_lives[];

/* What a receiver hands on to a site (receive.json, "site"). */
struct staged {
    bool in_site;
    bool local;           /* ack: a camera is told before the site has its file */
    int64_t files, bytes; /* that wait for the site, */
    int64_t oldest_us;    /* … since */
    int64_t accepted, last_us;
    char trouble[TEXT_ROOM], full[TEXT_ROOM];
};

struct receiver {
    enum life life;
    bool known; /* receive.json tells */
    bool frozen;
    int pid;
    int64_t started_us, updated_us, stopped_us; /* the latter: of a clean end */
    char listens[2][96];
    int n_listens;
    int64_t connections, receiving, taken, refused, bytes, rate;
    char trouble[TEXT_ROOM];
    int64_t jobs_waiting; /* stored transfers that have none yet */
    char jobs_trouble[TEXT_ROOM];
    struct staged staged;
};

struct telemetry { /* of telemetry.json */
    struct receiver server;
    int64_t logged_in, records, known, wrong; /* known: that came again; wrong: frames */
    double rate;                              /* records a second */
};

/* What AVL 497 and 498 say of a camera: 0 to 4. */
enum { CAMERA_STATES = 5 };
extern const char *const status_camera_states[CAMERA_STATES];

struct tracker {
    char imei[16];
    bool connected, is_private, valid; /* valid: its position was measured */
    int64_t time_us;                   /* of its newest record; 0: none */
    uint16_t speed_kmh;                /* of that; 0 in private mode */
    int front, rear;                   /* states of its cameras; -1: it never said */
};

struct asked { /* footage that is still to come */
    int64_t id, time_s, added_us;
    char imei[16], state[16], kind[16], camera[8], by[128], why[TEXT_ROOM];
};

struct noted { /* events of a rule that may become requests */
    char rule[64];
    int64_t n, oldest_us, due_us;
};

struct status {
    char *root;
    int64_t now_us;
    struct stages *stages;
    int64_t convert_timeout_us; /* 0: by the clip's length */
    enum life run;
    int run_pid;
    int64_t run_since_us, run_stopped_us; /* the latter: of a clean end; 0: there was none */
    bool run_frozen;
    struct receiver receiver;
    struct telemetry telemetry;
    struct buf trackers;     /* struct tracker, by IMEI; then those without a record */
    struct buf asked;        /* struct asked, by id */
    struct buf noted;        /* struct noted, by rule */
    struct buf processes;    /* struct process */
    struct buf stage;        /* struct stage: those of the configuration, then others */
    struct buf claims;       /* struct claim */
    struct buf incoming;     /* struct incoming */
    struct buf cameras;      /* struct camera, by IMEI and position */
    struct buf unheard;      /* struct camera: that are expected, and never came */
    int64_t overdue;         /* of both */
    struct buf certificates; /* struct certificate */
    struct upkeep upkeep[UPKEEP_TASKS];
    bool clock_doubted; /* by the last sweep */
    int64_t n_cameras, cameras_of_the_hour, cameras_of_the_day;
    bool have_totals;
    struct catalogue_totals totals;
    struct disk disk;
    struct error errors[ERRORS_MAX];
    size_t n_errors;
    struct oldest oldest;
    struct trouble trouble[TROUBLE_MAX];
    size_t n_trouble;
    struct said advice;                 /* for the problem that is added next */
    enum about about;                   /* of the problems that are added now */
    char sandbox[SANDBOX_MISSING_ROOM]; /* what this kernel cannot enforce; "" */
};

/* Element i of a list, and how many there are. */
#define LIST_AT(list, type, i) \
    ((type *)(void *)((list)->mem ? (list)->mem + (list)->start : NULL) + (i))
#define LIST_COUNT(list, type) ((list)->used / sizeof(type))

/* Each of a list in turn; the list does not change meanwhile. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type */
#define LIST_EACH(list, type, each)                                                          \
    for (type *each = LIST_AT(list, type, 0), *each##_end = (each) + LIST_COUNT(list, type); \
         (each) < each##_end; (each)++)
/* NOLINTEND(bugprone-macro-parentheses) */

/* ---- collecting; what cannot be read becomes a trouble. Only ERR_NOMEM and the like return ----
 */

int collect_processes(struct status *s, struct err *err) DS_MUST_CHECK; /* run, receiver */
int collect_trackers(struct status *s, struct err *err) DS_MUST_CHECK;
int collect_jobs(struct status *s, struct err *err) DS_MUST_CHECK;
void diagnose(struct status *s); /* the oldest item, and what is trouble */

/* What a server of devices tells in ROOT/<name>.json; it holds a lock on ROOT/<locked>. *o is the
 * caller's, NULL where there is none. */
int status_server_read(struct status *s, const char *name, const char *locked, struct receiver *r,
                       json_t **o, struct err *err) DS_MUST_CHECK;

/* A state of a camera in which it records nothing, or nothing is kept. */
bool status_camera_bad(int state);

/* Whether it was silent for longer than it may be. */
bool status_camera_overdue(const struct status *s, const struct camera *c);
/* Whether a live worker has been at it for longer than the stage allows. */
bool status_claim_stuck(const struct status *s, const struct claim *c);

/* The stage of that name; SIZE_MAX: there is none. */
size_t status_stage_find(const struct status *s, const char *name);

/* advice NULL: what status_advise() said before. Conversions of either format: %s, %.64s, %d and
 * %lld; no other (the pages say them in their own language, W_()). */
void status_advise(struct status *s, const char *format, ...) DS_PRINTF(2, 3);
void status_problem_add(struct status *s, const char *advice, const char *format, ...)
    DS_PRINTF(3, 4);

/* n more errors of one reason. `what` may be anything; numbers, and the example, are set aside when
 * reasons are compared. */
void status_error_add(struct status *s, const struct error *e);

/* ---- sources.c ---- */

/* The object in ROOT/<name>; *out NULL without an error: there is none, or it is empty ("{}").
 * ERR_MALFORMED: it is no such file. One that is written in place meanwhile is read again, until
 * `serial` and `same_serial`, if it has the former, are equal. The caller's. */
int file_read(json_t **out, const char *root, const char *name, struct err *err) DS_MUST_CHECK;

/* Members, whatever they are: 0 and "" for what is missing or of another type. Texts are made
 * printable; numbers are from min on. */
int64_t file_number(const json_t *o, const char *key, int64_t min);
void file_text(const json_t *o, const char *key, char *out, size_t room);
int64_t file_time_us(const json_t *o, const char *key);

/* Whether a process is stopped by a signal (proc_pid_stat(5): state T). */
bool process_frozen(int pid);

/* Who has a file locked (flock): held, and the process where it is known. */
struct locks;
int locks_read(struct locks **out, struct err *err) DS_MUST_CHECK;
void locks_free(struct locks **l);
bool locks_held(const struct locks *l, const char *path, int *pid);

#endif
