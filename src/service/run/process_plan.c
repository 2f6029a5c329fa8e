#include "process_plan.h"
#include "dashspool/fnv.h"
#include "dashspool/fsx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Programs of their own: `dashspool <name>`, if the key of the section says so. */
static const struct {
    const char *name, *section, *key;
    bool reports, repeated; /* repeated: the key tells every how many minutes; 0: never */
} services[] = {
    {"receive", "receive", "enabled", true, false},
    {"watch", "watch", "enabled", false, false},
    {"serve", "serve", "enabled", false, false},
    {"sweep", "retention", "every_min", false, true},
};

struct sum {
    const char *section;
    uint64_t hash;
};

static void add(struct sum *s, const char *text)
{
    s->hash = fnv_add(s->hash, text, strlen(text) + 1);
}

static void add_value(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                      const char *value, const char *origin)
{
    struct sum *s = arg;
    (void)origin;
    if (strcmp(section->name, s->section) == 0 && strcmp(key->name, "workers") != 0) {
        add(s, key->name);
        add(s, value);
    }
}

/* Of its section, and of where its jobs go. */
static uint64_t sum_settings(const struct cfg *cfg, const struct stages *stages,
                             const char *section, const char *stage)
{
    const char *feeds[STAGES_MAX];
    struct sum s = {section, FNV_BEGIN};
    size_t n = stages_feeds(stages, stage, feeds);
    cfg_each(cfg, add_value, &s);
    for (size_t i = 0; i < n; i++)
        add(&s, feeds[i]);
    return s.hash;
}

static int add_post(struct planned_process *out, size_t *n, const struct planned_process *process,
                    int number, struct err *err)
{
    if (*n == PROCESS_PLAN_MAX)
        return err_set(err, ERR_CONFIG, "more than %d processes are asked for (workers)",
                       PROCESS_PLAN_MAX);
    out[*n] = *process;
    if (number > 0)
        snprintf(out[*n].name, sizeof out[*n].name, "%s %d", process->stage, number);
    else
        snprintf(out[*n].name, sizeof out[*n].name, "%s", process->stage);
    ++*n;
    return ERR_OK;
}

static int plan_services(const struct cfg *cfg, const struct stages *stages,
                         struct planned_process *out, size_t *n, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof services / sizeof *services; i++) {
        const char *section = services[i].section, *key = services[i].key;
        struct planned_process process = {.service = true, .reports = services[i].reports};
        if (services[i].repeated)
            process.every_ms = cfg_int(cfg, section, key) * 60000;
        if (services[i].repeated ? process.every_ms == 0 : !cfg_bool(cfg, section, key))
            continue;
        snprintf(process.stage, sizeof process.stage, "%s", services[i].name);
        process.settings = sum_settings(cfg, stages, section, "receive");
        rc = add_post(out, n, &process, 0, err);
    }
    return rc;
}

static int plan_metrics(const struct cfg *cfg, struct planned_process *out, size_t *n,
                        struct err *err)
{
    struct planned_process process = {.service = true, .metrics = true, .stage = "status"};
    process.every_ms = cfg_ms(cfg, "run", "prometheus_every");
    return cfg_text(cfg, "run", "prometheus")[0] ? add_post(out, n, &process, 0, err) : ERR_OK;
}

int process_plan(const struct cfg *cfg, struct planned_process *out, size_t *n, struct err *err)
{
    struct stages *stages = NULL;
    const struct stages_stage *s;
    *n = 0;
    int rc = stages_load(&stages, cfg, err);
    if (rc == ERR_OK)
        rc = plan_services(cfg, stages, out, n, err);
    if (rc == ERR_OK)
        rc = plan_metrics(cfg, out, n, err);
    for (size_t i = 0; rc == ERR_OK && (s = stages_at(stages, i)) != NULL; i++) {
        struct planned_process process = {.service = false};
        if (s->kind == STAGES_RECEIVE || !s->enabled)
            continue;
        snprintf(process.stage, sizeof process.stage, "%s", s->name);
        process.settings = sum_settings(cfg, stages, s->section, s->name);
        if (s->kind == STAGES_EXPORT) /* it makes copies, too */
            process.settings ^= sum_settings(cfg, stages, "convert", "convert");
        for (int k = 1; rc == ERR_OK && k <= s->workers; k++)
            rc = add_post(out, n, &process, s->workers > 1 ? k : 0, err);
    }
    stages_free(&stages);
    return rc;
}

/* ---- settings ---- */

struct text {
    struct buf b;
    const char *section;
    int rc;
    struct err *err;
};

static void write_value(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                        const char *value, const char *origin)
{
    struct text *t = arg;
    char *line = NULL;
    bool other = !t->section || strcmp(t->section, section->name) != 0;
    if (t->rc < 0)
        return;
    t->section = section->name;
    t->rc = fsx_path(&line, t->err, "%s%s%s# %s\n%s = %s\n", other ? "[" : "",
                     other ? section->name : "", other ? "]\n" : "", origin, key->name, value);
    if (t->rc == ERR_OK)
        t->rc = buf_append(&t->b, line, strlen(line), t->err);
    free(line);
}

int process_plan_write_settings(const struct cfg *cfg, const char *dir, struct err *err)
{
    static const char head[] = "# What 'dashspool run' and its stages run with. Changes here are "
                               "lost; the comments say where.\n";
    struct text t = {.err = err};
    char *path = NULL;
    buf_init(&t.b, 1 << 20);
    t.rc = buf_append(&t.b, head, sizeof head - 1, err);
    cfg_each(cfg, write_value, &t);
    if (t.rc == ERR_OK)
        t.rc = fsx_mkdirs(dir, err);
    if (t.rc == ERR_OK)
        t.rc = fsx_path(&path, err, "%s/settings.conf", dir);
    if (t.rc == ERR_OK)
        t.rc = fsx_write_file(path, buf_data(&t.b), t.b.used, err);
    free(path);
    buf_clear(&t.b);
    return t.rc;
}
