/*
 * stages: what the configuration says of the pipeline. Which stages there are, whose jobs feed
 * which, how often each tries, and the commands of `[exec NAME]`.
 *
 *     receive ──► convert ──► export ──► [exec NAME] ──► [exec NAME] …
 *     people ──► action
 *
 * `action` does what people at the pages want done (actions.h): it is always there, nothing feeds
 * it, and it has no settings of its own. `receive` stands for all that brings transfers in; export
 * is off until it is enabled, and stages
 * come after convert unless they say otherwise. `after` names the stages whose jobs feed a
 * stage; that must be a graph without cycles, and no enabled stage may wait for one that is not
 * enabled. A stage gets its jobs in ROOT/spool/<its name>. One that is not enabled gets none; but
 * for convert, whose jobs wait until somebody works them.
 *
 * A command is split as systemd splits ExecStart= (systemd.service(5) "Command lines",
 * systemd.syntax(7) "Quoting"): at white space; in "…" and '…' it belongs to the argument;
 * \a \b \f \n \r \t \v \s \\ \" \' \xHH \OOO \uHHHH \UHHHHHHHH are characters. There is no shell,
 * no $VARIABLE and none of systemd's prefixes. After the split %{name} becomes a value in its
 * argument, whatever that holds, and %% a %. The program is a path from / on, or a name that is
 * looked for in STAGES_PATH.
 *
 * Pure: reads nothing but the configuration. A struct stages borrows from it.
 */
#ifndef DASHSPOOL_STAGES_H
#define DASHSPOOL_STAGES_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"

#define STAGES_PATH         "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define STAGES_MAX          68 /* receive, convert, export, action, and as many [exec …] as cfg takes */
#define STAGES_ARGS_MAX     64

/* [receive], [convert], [exec *], [run], [export]: the keys that are the pipeline's. */
#define STAGES_CFG_SECTIONS 5
extern const struct cfg_section stages_cfg_sections[STAGES_CFG_SECTIONS];

/* What a command is told of its job: %{id}, and DASHSPOOL_ID in its environment. */
enum stages_value {
    STAGES_ID,
    STAGES_IMEI,
    STAGES_CAMERA,
    STAGES_KIND,    /* video photo */
    STAGES_TRIGGER, /* "" where it is not known */
    STAGES_TIME,    /* RFC 3339, UTC; "" where it is not known */
    STAGES_SHA256,  /* of the master */
    STAGES_STAGE,
    STAGES_ATTEMPT,
    STAGES_ROOT,
    STAGES_DIR,    /* the job's directory, where the command runs */
    STAGES_MASTER, /* these are files; a copy that there is not has no value */
    STAGES_WORKING,
    STAGES_VIEWING,
    STAGES_STILL,
    STAGES_COPY,    /* the best of these to look at: viewing, still, working */
    STAGES_PACKAGE, /* that export made for this job; of its event the others have none */
    STAGES_N_VALUES
};
const char *stages_value_name(enum stages_value v); /* "id" */

enum stages_kind { STAGES_RECEIVE, STAGES_CONVERT, STAGES_EXPORT, STAGES_EXEC, STAGES_ACTION };

struct stages_command;

struct stages_stage {
    enum stages_kind kind;
    const char *name;    /* "upload": of its spool, too */
    const char *section; /* "exec upload"; of action that of export, as that is its longest work */
    bool enabled;
    int workers, retries, nice;
    int64_t backoff_ms, backoff_max_ms, poll_ms;
    int64_t timeout_ms;                   /* of a command; 0: none */
    bool try_later[256];                  /* by exit status: a passing failure */
    const struct stages_command *command; /* of an exec stage */
};

struct stages;

/* ERR_CONFIG with "file:line" for a cycle, a stage that is not there, and their like. */
int stages_load(struct stages **out, const struct cfg *cfg, struct err *err) DS_MUST_CHECK;
void stages_free(struct stages **stages);

/* Each stage comes behind those that feed it; receive is the first. NULL beyond the last. */
const struct stages_stage *stages_at(const struct stages *stages, size_t i);
const struct stages_stage *stages_find(const struct stages *stages, const char *name); /* or NULL */

/* The names of the stages that a stage's jobs go to; their number. */
size_t stages_feeds(const struct stages *stages, const char *name, const char *out[STAGES_MAX]);

/* The names of all stages whose jobs come to a stage in the end, but for receive; each behind those
 * that feed it. Their number. */
size_t stages_before(const struct stages *stages, const char *name, const char *out[STAGES_MAX]);

/* The wait before attempt + 1: backoff, doubled with each attempt up to backoff_max, of which
 * random (0..1) takes up to a half away, so that a hundred jobs do not come back at once. */
int64_t stages_backoff_ms(const struct stages_stage *stage, int attempt, double random);

/* ---- commands ---- */

/* ERR_CONFIG says what is wrong. */
int stages_command_parse(struct stages_command **out, const char *text,
                         struct err *err) DS_MUST_CHECK;
void stages_command_free(struct stages_command **command);

/* The name of its program; false where a value of the job gives it, or it is too long. */
bool stages_command_program(const struct stages_command *command, char *out, size_t room);

bool stages_command_uses(const struct stages_command *command, enum stages_value v);

/* The arguments with these values, NULL-ended; stages_argv_free() them. ERR_NOTFOUND names the
 * first value that is needed and NULL. */
int stages_command_argv(char ***out, const struct stages_command *command,
                        const char *const values[STAGES_N_VALUES], struct err *err) DS_MUST_CHECK;
void stages_argv_free(char ***argv);

#endif
