#define _GNU_SOURCE /* sigabbrev_np */
#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/copy_kind.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "exec_supervisor.h"
#include "worker.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { WORDS_LINES = 10, WORDS_BYTES = 4000, COMES_IN_MS = 30000 };

/* What a command is told. The pointers are into what is below them. */
struct told {
    const char *value[STAGES_N_VALUES];
    char *working, *viewing, *still, *master;
    char time[CLOCK_TEXT_ROOM], attempt[16];
};

/* ---- values ---- */

struct copies {
    const struct worker *w;
    const struct catalogue_transfer *of;
    struct told *told;
};

/* The first copy of each kind that is there, and was made of all that has come. */
static int take_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct copies *c = arg;
    struct stat st;
    unsigned kind = copy_kind_of(copy->kind);
    char *path = NULL, **to = kind == COPY_WORKING   ? &c->told->working
                              : kind == COPY_VIEWING ? &c->told->viewing
                              : kind == COPY_STILL   ? &c->told->still
                                                     : NULL;
    if (!to || *to || !catalogue_copy_is_current(c->of, copy))
        return ERR_OK;
    int rc = copies_file(&path, c->w->root, copy, err);
    if (rc == ERR_OK && stat(path, &st) == 0 && S_ISREG(st.st_mode))
        *to = path;
    else
        free(path);
    return rc == ERR_MALFORMED || rc == ERR_NOTFOUND ? ERR_OK : rc;
}

static void set_values(struct told *t, const struct worker *w, const struct work *work)
{
    const struct catalogue_transfer *row = &work->transfer;
    snprintf(t->attempt, sizeof t->attempt, "%d", spool_job_attempt(work->job));
    if (row->known & CATALOGUE_TIME_OK)
        clock_rfc3339(row->time_us, 0, t->time);
    t->value[STAGES_ID] = row->id;
    t->value[STAGES_IMEI] = row->imei;
    t->value[STAGES_CAMERA] = row->camera;
    t->value[STAGES_KIND] = row->kind;
    t->value[STAGES_TRIGGER] = row->trigger_name;
    t->value[STAGES_TIME] = t->time;
    t->value[STAGES_SHA256] = row->sha256;
    t->value[STAGES_STAGE] = w->stage->name;
    t->value[STAGES_ATTEMPT] = t->attempt;
    t->value[STAGES_ROOT] = w->root;
    t->value[STAGES_DIR] = spool_job_dir(work->job);
    t->value[STAGES_MASTER] = t->master;
    t->value[STAGES_WORKING] = t->working;
    t->value[STAGES_VIEWING] = t->viewing;
    t->value[STAGES_STILL] = t->still;
    t->value[STAGES_PACKAGE] = work->package;
    t->value[STAGES_COPY] = t->viewing ? t->viewing : t->still ? t->still : t->working;
}

/* ---- environment ---- */

static int add_variable(char **envp, int *n, const char *name, const char *value, struct err *err)
{
    int rc = fsx_path(&envp[*n], err, "%s=%s", name, value);
    *n += rc == ERR_OK;
    return rc;
}

/* Nothing of ours: what a command needs, and what it is told. */
static int make_environment(char ***out, const struct told *t, struct err *err)
{
    const char *const fixed[][2] = {{"PATH", STAGES_PATH},
                                    {"HOME", t->value[STAGES_DIR]},
                                    {"TMPDIR", t->value[STAGES_DIR]},
                                    {"LANG", "C.UTF-8"},
                                    {"TZ", "UTC"}};
    enum { N_FIXED = sizeof fixed / sizeof *fixed };
    int n = 0, rc = ERR_OK;
    if (!(*out = calloc(N_FIXED + STAGES_N_VALUES + 1, sizeof **out)))
        return err_nomem(err, "a command");
    for (int i = 0; rc == ERR_OK && i < N_FIXED; i++)
        rc = add_variable(*out, &n, fixed[i][0], fixed[i][1], err);
    for (int v = 0; rc == ERR_OK && v < STAGES_N_VALUES; v++) {
        char name[40];
        int at =
            snprintf(name, sizeof name, "DASHSPOOL_%s", stages_value_name((enum stages_value)v));
        for (int i = 0; i < at; i++)
            name[i] = (char)toupper((unsigned char)name[i]);
        if (t->value[v])
            rc = add_variable(*out, &n, name, t->value[v], err);
    }
    if (rc < 0)
        stages_argv_free(out);
    return rc;
}

/* ---- what it said ---- */

/* The last lines, indented; control characters as \xNN. */
static void take_words(const struct exec_supervisor_end *end, char **out)
{
    const struct buf *b = end->tail.used > 0 ? &end->tail : &end->head;
    const char *text = (const char *)buf_data(b);
    size_t n = b->used;
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    size_t from = n;
    for (int lines = 0; from > 0 && n - from < WORDS_BYTES; from--)
        if (text[from - 1] == '\n' && ++lines == WORDS_LINES)
            break;
    if (n == 0 || !(*out = malloc(2 + (n - from) * 4 + 1)))
        return;
    char *to = *out;
    memcpy(to, "  ", 2);
    to += 2;
    for (size_t i = from; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n')
            to += snprintf(to, 4, "\n  ");
        else if ((c < 0x20 && c != '\t') || c == 0x7f)
            to += snprintf(to, 5, "\\x%02x", c);
        else
            *to++ = (char)c;
    }
    *to = '\0';
}

/* output.txt in the job's directory, for a person. */
static int keep_output(const struct exec_supervisor_end *end, const struct work *work,
                       struct err *err)
{
    struct buf all;
    char between[80], *path = NULL;
    buf_init(&all, EXEC_SUPERVISOR_HEAD_BYTES + EXEC_SUPERVISOR_TAIL_BYTES + sizeof between);
    int n = snprintf(between, sizeof between, "\n[… %lld bytes are left out …]\n",
                     (long long)end->left_out);
    int rc = buf_append(&all, buf_data(&end->head), end->head.used, err);
    if (rc == ERR_OK && end->left_out > 0)
        rc = buf_append(&all, between, (size_t)n, err);
    if (rc == ERR_OK)
        rc = buf_append(&all, buf_data(&end->tail), end->tail.used, err);
    if (rc == ERR_OK)
        rc = fsx_path(&path, err, "%s/output.txt", spool_job_dir(work->job));
    if (rc == ERR_OK)
        rc = fsx_write_file(path, buf_data(&all), all.used, err);
    free(path);
    buf_clear(&all);
    return rc;
}

/* ---- the end ---- */

static int judge_signal(int signum, struct err *err)
{
    const char *name = sigabbrev_np(signum);
    bool by_others = signum == SIGKILL || signum == SIGTERM || signum == SIGINT || signum == SIGHUP;
    return err_set(err, by_others ? ERR_AGAIN : ERR_MALFORMED,
                   "command killed by signal %d (SIG%s)%s", signum, name ? name : "?",
                   signum == SIGKILL ? ", possibly out of memory" : "");
}

static int judge(const struct worker *w, const struct exec_supervisor_end *end, struct err *err)
{
    int status = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : -1;
    if (end->stopped)
        return err_set(err, ERR_AGAIN, "command stopped: dashspool is shutting down");
    if (end->late)
        return err_set(err, ERR_AGAIN, "command exceeded its timeout of %.10g s and was stopped",
                       (double)w->stage->timeout_ms / 1000);
    if (status == 0)
        return ERR_OK;
    if (status > 0 && status < 256 && w->stage->try_later[status])
        return err_set(err, ERR_AGAIN, "command exited with status %d (try_later), will be retried",
                       status);
    if (status < 0)
        return judge_signal(WTERMSIG(end->status), err);
    return err_set(err, ERR_MALFORMED, "command exited with status %d", status);
}

/* Its last line, for the log; the last lines, for reason.txt; all of it, for output.txt. */
static int keep_words(const char *stage, const struct exec_supervisor_end *end, struct work *work,
                      struct err *why)
{
    struct err err;
    take_words(end, &work->words);
    if (keep_output(end, work, &err) < 0)
        log_warn(stage, "command output lost", LOG_TEXT("id", work->transfer.id), LOG_ERR(&err));
    if (!work->words)
        return why->code;
    const char *last = strrchr(work->words, '\n');
    char text[sizeof why->text];
    snprintf(text, sizeof text, "%s", why->text);
    return err_set(why, why->code, "%s; its output: %.200s", text,
                   last ? last + 3 : work->words + 2);
}

static int run(struct worker *w, struct work *work, char *const *argv, char *const *envp,
               struct err *err)
{
    struct exec_supervisor_end end;
    struct exec_supervisor_task task = {.argv = argv,
                                        .envp = envp,
                                        .search = STAGES_PATH,
                                        .dir = spool_job_dir(work->job),
                                        .nice = w->stage->nice,
                                        .timeout_ms = w->stage->timeout_ms,
                                        .lock_fd = spool_job_lock(work->job)};
    int64_t began_us = clock_mono_us();
    int rc = exec_supervisor_run(&task, w->stop, &end, err);
    if (rc == ERR_OK && (rc = judge(w, &end, err)) < 0)
        rc = keep_words(w->stage->name, &end, work, err);
    if (rc == ERR_OK)
        log_info(w->stage->name, "done", LOG_TEXT("id", work->transfer.id),
                 LOG_SECONDS("seconds", (double)(clock_mono_us() - began_us) / 1e6));
    exec_supervisor_end_clear(&end);
    return rc;
}

/* Of the recording itself, not of a package. */
static bool needs_files(const struct worker *w)
{
    static const enum stages_value files[] = {STAGES_MASTER, STAGES_WORKING, STAGES_VIEWING,
                                              STAGES_STILL, STAGES_COPY};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (stages_command_uses(w->stage->command, files[i]))
            return true;
    return false;
}

int exec_work(struct worker *w, struct work *work, struct err *err)
{
    struct told told = {0};
    char **argv = NULL, **envp = NULL;
    if (work->transfer.state == CATALOGUE_RECEIVING && needs_files(w)) { /* it goes on just now */
        work->wait_ms = COMES_IN_MS;
        return ERR_OK;
    }
    struct copies copies = {w, &work->transfer, &told};
    int rc = catalogue_copy_each(w->catalogue, work->transfer.key, take_copy, &copies, err);
    if (rc == ERR_OK && stages_command_uses(w->stage->command, STAGES_MASTER)) {
        struct catalogue_transfer row = work->transfer;
        rc = worker_extract(w->raw, &row, spool_job_dir(work->job), &told.master, err);
    }
    set_values(&told, w, work);
    if (rc < 0)
        goto out;
    rc = stages_command_argv(&argv, w->stage->command, told.value, err);
    if (rc == ERR_NOTFOUND) {
        log_info(w->stage->name, "nothing to do", LOG_TEXT("id", work->transfer.id),
                 LOG_TEXT("reason", err->text));
        rc = ERR_OK;
    } else if (rc == ERR_OK && (rc = make_environment(&envp, &told, err)) == ERR_OK) {
        rc = run(w, work, argv, envp, err);
    }
out:
    stages_argv_free(&argv);
    stages_argv_free(&envp);
    free(told.working);
    free(told.viewing);
    free(told.still);
    free(told.master);
    return rc;
}
