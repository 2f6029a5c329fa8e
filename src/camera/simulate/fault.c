#include "camera_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool has_place;
} faults[SIMULATE_N_FAULTS] = {
    [SIMULATE_CRC] = {"crc", true},
    [SIMULATE_CRC_ALWAYS] = {"crc-always", true},
    [SIMULATE_DROP] = {"drop", true},
    [SIMULATE_DISCONNECT] = {"disconnect", true},
    [SIMULATE_SILENCE] = {"silence", true},
    [SIMULATE_STATUS] = {"status", true},
    [SIMULATE_SYNC_TWICE] = {"sync-twice", true},
    [SIMULATE_IN_FLIGHT] = {"in-flight", true},
    [SIMULATE_SYNC_0] = {"sync-0", false},
    [SIMULATE_START_TWICE] = {"start-twice", false},
    [SIMULATE_START_0] = {"start-0", false},
    [SIMULATE_META_13] = {"meta-13", false},
};

int simulate_fault_parse(const char *text, struct simulate_fault *out, struct err *err)
{
    size_t n = strcspn(text, "=");
    char all[200] = "", *end = NULL;
    unsigned long at = text[n] == '=' ? strtoul(text + n + 1, &end, 10) : 1;
    bool number = !end || (end != text + n + 1 && *end == '\0' && at > 0 && at <= UINT32_MAX);
    size_t used = 0;
    for (int i = 0; i < SIMULATE_N_FAULTS; i++) {
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s%s", i ? ", " : "",
                                 faults[i].name, faults[i].has_place ? "=N" : "");
        if (strlen(faults[i].name) != n || memcmp(faults[i].name, text, n) != 0)
            continue;
        if (!number || (end && !faults[i].has_place))
            return err_set(err, ERR_CONFIG, "%s: %s", text,
                           faults[i].has_place ? "a number from 1 is needed behind the ="
                                               : "this fault has no number");
        *out = (struct simulate_fault){(enum simulate_fault_type)i, (uint32_t)at};
        return ERR_OK;
    }
    return err_set(err, ERR_CONFIG, "unknown fault %s; known faults: %s", text, all);
}

const struct simulate_fault *camera_fault(struct simulate_camera *c, enum simulate_fault_type type,
                                          uint32_t frame, bool again)
{
    for (int i = 0; i < c->config.n_faults; i++) {
        const struct simulate_fault *f = &c->config.fault[i];
        if (f->type != type || (frame && f->at != frame) || (c->fired[i] && !again))
            continue;
        c->fired[i] = true;
        return f;
    }
    return NULL;
}
