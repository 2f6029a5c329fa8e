#include "dashspool/stages.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS (86400 * INT64_C(1000))

static int check_command(const char *value, struct err *err)
{
    struct stages_command *c = NULL;
    if (!value[0]) /* stages_load() misses it where it is needed */
        return ERR_OK;
    int rc = stages_command_parse(&c, value, err);
    stages_command_free(&c);
    return rc;
}

/* "75, 6": exit statuses; out may be NULL. */
static int parse_statuses(const char *text, bool out[256], struct err *err)
{
    for (const char *p = text;; p++) {
        char *end;
        long v = strtol(p, &end, 10);
        if (end == p || v < 1 || v > 255)
            break;
        if (out)
            out[v] = true;
        p = end + strspn(end, " ");
        if (!*p)
            return ERR_OK;
        if (*p != ',')
            break;
    }
    return err_set(err, ERR_CONFIG,
                   "try_later = %.60s: expected comma-separated numbers from 1 to 255", text);
}

static int check_statuses(const char *value, struct err *err)
{
    return parse_statuses(value, NULL, err);
}

static int check_prometheus(const char *value, struct err *err)
{
    size_t n = strlen(value);
    if (n == 0 || (n > 5 && strcmp(value + n - 5, ".prom") == 0 && value[n - 6] != '/'))
        return ERR_OK;
    return err_set(err, ERR_CONFIG, "prometheus = %.60s: the name must end in .prom", value);
}

/* One entry of a table of keys; as an argument list it is set as such. */
#define KEY(...)    \
    {               \
        __VA_ARGS__ \
    }
#define ENABLED(value) \
    KEY("enabled", CFG_BOOL, "yes or no", 0, 0, value, "whether this stage is enabled")
#define COMMON(enabled, after, retries, backoff, backoff_max, nice)                            \
    ENABLED(enabled),                                                                          \
        KEY("after", CFG_TEXT, "stages", 1, 1000, after,                                       \
            "stages whose finished jobs feed this one, comma-separated"),                      \
        KEY("workers", CFG_INT, "processes", 1, 64, "1", "number of parallel workers"),        \
        KEY("retries", CFG_INT, "attempts", 1, 1000, retries,                                  \
            "maximum attempts at a job with a temporary error before it is moved to failed/"), \
        KEY("backoff", CFG_SPAN, "time", 1, DAY_MS, backoff,                                   \
            "delay before the second attempt; doubled for each further one"),                  \
        KEY("backoff_max", CFG_SPAN, "time", 1, DAY_MS, backoff_max, "… up to this maximum"),  \
        KEY("nice", CFG_INT, "0..19", 0, 19, nice,                                             \
            "scheduling priority (nice) of its commands; 19 is lowest"),                       \
        KEY("poll", CFG_SPAN, "time", 10, 60000, "500 ms",                                     \
            "how often an idle worker looks for jobs that it was not told of (inotify)")

static const struct cfg_key receive_keys[] = {ENABLED("yes")};
static const struct cfg_key convert_keys[] = {
    COMMON("yes", "receive", "10", "10 s", "10 min", "5")};
static const struct cfg_key export_keys[] = {COMMON("no", "convert", "10", "1 min", "1 h", "10")};
static const struct cfg_key exec_keys[] = {
    COMMON("yes", "convert", "20", "30 s", "1 h", "5"),
    {"command", CFG_TEXT, "program and arguments", 0, 16000, "",
     "command to run for each job; exit status 0: done; listed in try_later: retry; else failed",
     check_command},
    {"try_later", CFG_TEXT, "exit statuses", 0, 1000, "75",
     "exit statuses of temporary failures, comma-separated; 75 is EX_TEMPFAIL of sysexits.h",
     check_statuses},
    {"timeout", CFG_SPAN, "time; 0: none", 0, 7 * DAY_MS, "10 min",
     "maximum run time of the command; then it is stopped and retried"},
};
static const struct cfg_key run_keys[] = {
    {"restart", CFG_SPAN, "time", 1, 3600000, "1 s",
     "delay before restarting a process that ended; doubled each time"},
    {"restart_max", CFG_SPAN, "time", 1, 3600000, "1 min", "… up to this maximum"},
    {"prometheus", CFG_TEXT, "file", 0, 1000, "",
     "metrics file for Prometheus (node_exporter's textfile collector), NAME.prom; relative to "
     "ROOT unless absolute; empty: none",
     check_prometheus},
    {"prometheus_every", CFG_SPAN, "time", 1000, 3600000, "15 s",
     "how often the metrics file is written"},
};

const struct cfg_section stages_cfg_sections[STAGES_CFG_SECTIONS] = {
    {"receive", receive_keys, sizeof receive_keys / sizeof *receive_keys},
    {"convert", convert_keys, sizeof convert_keys / sizeof *convert_keys},
    {"exec *", exec_keys, sizeof exec_keys / sizeof *exec_keys},
    {"run", run_keys, sizeof run_keys / sizeof *run_keys},
    {"export", export_keys, sizeof export_keys / sizeof *export_keys},
};

struct node {
    struct stages_stage stage;
    struct stages_command *command;
    const char *origin; /* of the section */
    uint8_t after[STAGES_MAX];
};

struct stages {
    const struct cfg *cfg;
    struct node node[STAGES_MAX];
    size_t n;
    size_t order[STAGES_MAX]; /* of nodes; each behind those that feed it */
};

static long find(const struct stages *s, const char *name, size_t n)
{
    for (size_t i = 0; i < s->n; i++)
        if (strlen(s->node[i].stage.name) == n && strncmp(s->node[i].stage.name, name, n) == 0)
            return (long)i;
    return -1;
}

static const char *origin_of(const struct stages *s, const struct node *n, const char *key)
{
    const char *origin = cfg_origin(s->cfg, n->stage.section, key);
    return strcmp(origin, "default") == 0 && n->origin ? n->origin : origin;
}

/* ---- nodes ---- */

static int take_exec(struct stages *s, struct node *n, struct err *err)
{
    static const char *const taken[] = {"receive", "telemetry", "convert", "watch",
                                        "export",  "serve",     "run",     "action"};
    const char *command = cfg_text(s->cfg, n->stage.section, "command");
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(n->stage.name, taken[i]) == 0)
            return err_set(err, ERR_CONFIG,
                           "%s: [%s]: the name '%s' is already used by another stage", n->origin,
                           n->stage.section, n->stage.name);
    n->stage.timeout_ms = cfg_ms(s->cfg, n->stage.section, "timeout");
    if (!command[0])
        return err_set(err, ERR_CONFIG, "%s: [%s] has no command", n->origin, n->stage.section);
    int rc =
        parse_statuses(cfg_text(s->cfg, n->stage.section, "try_later"), n->stage.try_later, err);
    if (rc == ERR_OK)
        rc = stages_command_parse(&n->command, command, err);
    n->stage.command = n->command;
    return rc;
}

static void add(struct stages *s, enum stages_kind kind, const char *name, const char *section,
                const char *origin)
{
    struct node *n = &s->node[s->n++];
    n->stage = (struct stages_stage){.kind = kind, .name = name, .section = section};
    n->origin = origin;
    n->stage.enabled = cfg_bool(s->cfg, n->stage.section, "enabled");
    if (n->stage.kind == STAGES_RECEIVE)
        return;
    n->stage.workers = (int)cfg_int(s->cfg, n->stage.section, "workers");
    n->stage.retries = (int)cfg_int(s->cfg, n->stage.section, "retries");
    n->stage.nice = (int)cfg_int(s->cfg, n->stage.section, "nice");
    n->stage.backoff_ms = cfg_ms(s->cfg, n->stage.section, "backoff");
    n->stage.backoff_max_ms = cfg_ms(s->cfg, n->stage.section, "backoff_max");
    n->stage.poll_ms = cfg_ms(s->cfg, n->stage.section, "poll");
}

/* A person waits for it: it is tried again soon, and one of its workers is free for what is short
 * while the other one makes a package. */
static void add_action(struct stages *s)
{
    s->node[s->n++].stage = (struct stages_stage){.kind = STAGES_ACTION,
                                                  .name = "action",
                                                  .section = "export",
                                                  .enabled = true,
                                                  .workers = 2,
                                                  .retries = 10,
                                                  .backoff_ms = 1000,
                                                  .backoff_max_ms = 60000,
                                                  .poll_ms = 500};
}

/* ---- edges ---- */

static int check_producer(const struct stages *s, const struct node *n, const struct node *producer,
                          struct err *err)
{
    if (producer->stage.kind == STAGES_RECEIVE || producer->stage.enabled || !n->stage.enabled)
        return ERR_OK;
    return err_set(err, ERR_CONFIG,
                   "%s: [%s] runs after %s, which is disabled (%s): it would never run",
                   origin_of(s, n, "after"), n->stage.section, producer->stage.name,
                   origin_of(s, producer, "enabled"));
}

/* "convert, upload" */
static int link_node(struct stages *s, struct node *n, struct err *err)
{
    const char *after = cfg_text(s->cfg, n->stage.section, "after");
    for (const char *p = after;; p++) {
        p += strspn(p, " ");
        size_t length = strcspn(p, " ,");
        long at = find(s, p, length);
        if (at < 0)
            return err_set(err, ERR_CONFIG, "%s: [%s] after = %s: unknown stage '%.*s'",
                           origin_of(s, n, "after"), n->stage.section, after,
                           length < 64 ? (int)length : 64, p);
        n->after[at] = 1;
        int rc = check_producer(s, n, &s->node[at], err);
        p += length + strspn(p + length, " ");
        if (rc < 0)
            return rc;
        if (*p != ',')
            return *p ? err_set(err, ERR_CONFIG,
                                "%s: [%s] after = %s: expected comma-separated names",
                                origin_of(s, n, "after"), n->stage.section, after)
                      : ERR_OK;
    }
}

/* A cycle from one of those that are left: each of them waits for one of them. */
static int tell_cycle(const struct stages *s, const bool *placed, struct err *err)
{
    char text[300] = "";
    size_t at = 0, steps;
    while (placed[at])
        at++;
    for (steps = 0; steps < s->n; steps++) /* now certainly in the cycle, not before it */
        for (size_t p = 0; p < s->n; p++)
            if (s->node[at].after[p] && !placed[p]) {
                at = p;
                break;
            }
    size_t first = at;
    do {
        size_t p = 0;
        while (!s->node[at].after[p] || placed[p])
            p++;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s after %s%s",
                 s->node[at].stage.name, s->node[p].stage.name, p == first ? "" : ", ");
        at = p;
    } while (at != first);
    return err_set(err, ERR_CONFIG, "%s: [%s]: stages form a cycle: %s",
                   origin_of(s, &s->node[first], "after"), s->node[first].stage.section, text);
}

static bool is_next(const struct stages *s, size_t i, const bool *placed)
{
    for (size_t p = 0; p < s->n; p++)
        if (s->node[i].after[p] && !placed[p])
            return false;
    return !placed[i];
}

static int sort(struct stages *s, struct err *err)
{
    bool placed[STAGES_MAX] = {false};
    for (size_t k = 0; k < s->n; k++) {
        size_t i = 0;
        while (i < s->n && !is_next(s, i, placed))
            i++;
        if (i == s->n)
            return tell_cycle(s, placed, err);
        placed[i] = true;
        s->order[k] = i;
    }
    return ERR_OK;
}

/* Only what comes through export, whichever way, has a package. */
static int check_packages(const struct stages *s, struct err *err)
{
    bool has[STAGES_MAX];
    for (size_t k = 0; k < s->n; k++) {
        size_t at = s->order[k];
        const struct node *n = &s->node[at];
        has[at] = n->stage.kind == STAGES_EXPORT || n->stage.kind == STAGES_EXEC;
        for (size_t i = 0; i < s->n; i++)
            if (n->stage.kind == STAGES_EXEC && n->after[i] && !has[i])
                has[at] = false;
        if (n->command && stages_command_uses(n->command, STAGES_PACKAGE) && !has[at])
            return err_set(err, ERR_CONFIG,
                           "%s: [%s] uses %%{package}, which requires "
                           "after = export",
                           origin_of(s, n, "command"), n->stage.section);
    }
    return ERR_OK;
}

int stages_load(struct stages **out, const struct cfg *cfg, struct err *err)
{
    struct stages *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "the stages");
    s->cfg = cfg;
    const char *section = NULL, *origin;
    int rc = ERR_OK;
    add(s, STAGES_RECEIVE, "receive", "receive", NULL);
    add(s, STAGES_CONVERT, "convert", "convert", NULL);
    add(s, STAGES_EXPORT, "export", "export", NULL);
    while (rc == ERR_OK && s->n + 1 < STAGES_MAX &&
           (section = cfg_next(s->cfg, "exec *", section, &origin)) != NULL) {
        add(s, STAGES_EXEC, section + strlen("exec "), section, origin);
        rc = take_exec(s, &s->node[s->n - 1], err);
    }
    add_action(s);
    for (size_t i = 1; rc == ERR_OK && i < s->n; i++) /* 0 is receive: nothing feeds it */
        if (s->node[i].stage.kind != STAGES_ACTION)
            rc = link_node(s, &s->node[i], err);
    if (rc == ERR_OK && (rc = sort(s, err)) == ERR_OK)
        rc = check_packages(s, err);
    if (rc < 0)
        stages_free(out);
    return rc;
}

void stages_free(struct stages **stages)
{
    if (!*stages)
        return;
    for (size_t i = 0; i < (*stages)->n; i++)
        stages_command_free(&(*stages)->node[i].command);
    free(*stages);
    *stages = NULL;
}

/* ---- questions ---- */

const struct stages_stage *stages_at(const struct stages *stages, size_t i)
{
    return i < stages->n ? &stages->node[stages->order[i]].stage : NULL;
}

const struct stages_stage *stages_find(const struct stages *stages, const char *name)
{
    long at = find(stages, name, strlen(name));
    return at < 0 ? NULL : &stages->node[at].stage;
}

size_t stages_feeds(const struct stages *stages, const char *name, const char *out[STAGES_MAX])
{
    long from = find(stages, name, strlen(name));
    size_t n = 0;
    for (size_t i = 0; from >= 0 && i < stages->n; i++) {
        const struct node *to = &stages->node[stages->order[i]];
        if (to->after[from] && (to->stage.enabled || to->stage.kind == STAGES_CONVERT))
            out[n++] = to->stage.name;
    }
    return n;
}

size_t stages_before(const struct stages *stages, const char *name, const char *out[STAGES_MAX])
{
    bool is_before[STAGES_MAX] = {false};
    long of = find(stages, name, strlen(name));
    size_t n = 0;
    for (size_t k = stages->n; of >= 0 && k-- > 0;) { /* from the last on: who is fed is known */
        size_t at = stages->order[k];
        for (size_t to = 0; to < stages->n; to++)
            if ((is_before[to] || (long)to == of) && stages->node[to].after[at])
                is_before[at] = true;
    }
    for (size_t k = 0; k < stages->n; k++) {
        const struct stages_stage *stage = &stages->node[stages->order[k]].stage;
        if (is_before[stages->order[k]] && stage->kind != STAGES_RECEIVE)
            out[n++] = stage->name;
    }
    return n;
}

int64_t stages_backoff_ms(const struct stages_stage *stage, int attempt, double random)
{
    int64_t ms = stage->backoff_ms;
    for (int i = 1; i < attempt && ms < stage->backoff_max_ms; i++)
        ms *= 2;
    if (ms > stage->backoff_max_ms)
        ms = stage->backoff_max_ms;
    ms -= (int64_t)((double)ms * random / 2);
    return ms > 0 ? ms : 1;
}
