/* process_plan: which processes `run` keeps, from the configuration; and the settings that they
 * read. */
#ifndef PROCESS_PLAN_H
#define PROCESS_PLAN_H

#include "dashspool/cfg.h"
#include "dashspool/stages.h"
#include <stdbool.h>
#include <stdint.h>

#define PROCESS_PLAN_MAX       512
#define PROCESS_PLAN_NAME_ROOM 80

struct planned_process {
    char name[PROCESS_PLAN_NAME_ROOM]; /* "upload 2": the second worker of that stage */
    char stage[PROCESS_PLAN_NAME_ROOM];
    uint64_t settings; /* hash of all that it reads of them */
    bool service;      /* `dashspool <stage>`, else `dashspool work --stage <stage>` */
    bool reports;      /* it writes ROOT/receive.json every second, and reads settings on SIGHUP */
    bool metrics;      /* `dashspool status` writes the file of [run] prometheus */
    int64_t every_ms;  /* it ends by itself, and is started again so often; 0: it stays */
};

/* At most PROCESS_PLAN_MAX processes. ERR_CONFIG: more are asked for. */
int process_plan(const struct cfg *cfg, struct planned_process *out, size_t *n,
                 struct err *err) DS_MUST_CHECK;

/* Writes DIR/settings.conf: what cfg_load() reads as the same values. */
int process_plan_write_settings(const struct cfg *cfg, const char *dir,
                                struct err *err) DS_MUST_CHECK;

#endif
