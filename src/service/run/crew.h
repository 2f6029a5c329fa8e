/* crew: which processes `run` keeps, from the configuration; and the settings that they read. */
#ifndef PIPELINE_CREW_H
#define PIPELINE_CREW_H

#include "dashspool/cfg.h"
#include "dashspool/stages.h"
#include <stdbool.h>
#include <stdint.h>

#define CREW_MAX       512
#define CREW_NAME_ROOM 80

struct crew_post {
    char name[CREW_NAME_ROOM]; /* "upload 2": the second worker of that stage */
    char stage[CREW_NAME_ROOM];
    uint64_t settings; /* hash of all that it reads of them */
    bool service;      /* `dashspool <stage>`, else `dashspool work --stage <stage>` */
    bool reports;      /* it writes ROOT/receive.json every second, and reads settings on SIGHUP */
    bool metrics;      /* `dashspool status` writes the file of [run] prometheus */
    int64_t every_ms;  /* it ends by itself, and is started again so often; 0: it stays */
};

/* At most CREW_MAX posts. ERR_CONFIG: more are asked for. */
int crew_plan(const struct cfg *cfg, struct crew_post *out, size_t *n,
              struct err *err) DS_MUST_CHECK;

/* Writes DIR/settings.conf: what cfg_load() reads as the same values. */
int crew_write_settings(const struct cfg *cfg, const char *dir, struct err *err) DS_MUST_CHECK;

#endif
