/* Whether what [run] and the stages' commands name is there. */
#include "dashspool/fsx.h"
#include "dashspool/run.h"
#include "dashspool/stages.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool can_be_run(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* As exec finds it. */
static int look_for(const char *program, struct err *err)
{
    bool is_path = strchr(program, '/') != NULL, found = is_path && can_be_run(program);
    for (const char *dir = STAGES_PATH; *dir && !is_path && !found; dir += *dir == ':') {
        char *path = NULL;
        size_t n = strcspn(dir, ":");
        int rc = fsx_path(&path, err, "%.*s/%s", (int)n, dir, program);
        if (rc < 0)
            return rc;
        found = can_be_run(path);
        free(path);
        dir += n;
    }
    if (found)
        return ERR_OK;
    return err_set(err, ERR_CONFIG,
                   is_path ? "%.200s is not a program that can be run"
                           : "no program %.200s in " STAGES_PATH,
                   program);
}

static int try_commands(const struct cfg *cfg, struct err *err)
{
    struct stages *stages = NULL;
    const struct stages_stage *s;
    char program[4096];
    int rc = stages_load(&stages, cfg, err);
    for (size_t i = 0; rc == ERR_OK && (s = stages_at(stages, i)) != NULL; i++)
        if (s->kind == STAGES_EXEC && s->enabled &&
            stages_command_program(s->command, program, sizeof program) &&
            look_for(program, err) < 0)
            rc = cfg_blame(cfg, s->section, "command", err);
    stages_free(&stages);
    return rc;
}

static int try_prometheus(const char *root, const struct cfg *cfg, struct err *err)
{
    const char *file = cfg_text(cfg, "run", "prometheus");
    char *path = NULL, *dir = NULL, *name = NULL;
    if (!file[0])
        return ERR_OK;
    int rc =
        fsx_path(&path, err, "%s%s%s", file[0] == '/' ? "" : root, file[0] == '/' ? "" : "/", file);
    if (rc == ERR_OK)
        rc = fsx_split(path, &dir, &name, err);
    if (rc == ERR_OK && fsx_check_dir(dir, err) < 0)
        rc = cfg_blame(cfg, "run", "prometheus", err);
    free(path);
    free(dir);
    free(name);
    return rc;
}

int run_try(const char *root, const struct cfg *cfg, struct err *err)
{
    int rc = try_prometheus(root, cfg, err);
    return rc < 0 ? rc : try_commands(cfg, err);
}
