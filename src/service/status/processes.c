/* What `run` and `receive` say of themselves, and whether they are there. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "file.h"
#include "status_internal.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OLD_US = 10 * 1000000, /* the receiver writes its file every second */
    PROCESSES_MAX = 2048,
};

const char *const status_lives[] = {[LIFE_STOPPED] = "stopped",
                                    [LIFE_RUNNING] = "running",
                                    [LIFE_CRASHED] = "dead",
                                    [LIFE_STUCK] = "stuck"};

/* ---- run ---- */

static int take_process(struct status *s, const json_t *o, struct err *err)
{
    struct process p = {.pid = (int)file_number(o, "pid", 0),
                        .since_us = file_time_us(o, "since"),
                        .waits_until_us = file_time_us(o, "waits_until"),
                        .ended_us = file_time_us(o, "ended"),
                        .repeated = file_number(o, "every_ms", 0) > 0,
                        .ends_of_the_day = file_number(o, "ends_of_the_day", 0)};
    file_text(o, "name", p.name, sizeof p.name);
    file_text(o, "stage", p.stage, sizeof p.stage);
    file_text(o, "how", p.how, sizeof p.how);
    if (p.ended_us < s->now_us - STATUS_DAY_US)
        p.ends_of_the_day = 0;
    if (s->run != LIFE_RUNNING)
        p.pid = 0;
    if (p.ends_of_the_day > 0) {
        struct error e = {.kind = ERROR_RESTART, .n = p.ends_of_the_day, .last_us = p.ended_us};
        snprintf(e.stage, sizeof e.stage, "%s", p.stage);
        snprintf(e.what, sizeof e.what, "%.70s %.100s", strcmp(p.name, p.stage) ? p.name : "it",
                 p.how);
        snprintf(e.advice, sizeof e.advice, "see the log of 'dashspool run' for the cause");
        status_error_add(s, &e);
    }
    return buf_append(&s->processes, &p, sizeof p, err);
}

/* The number that `run` has written into its lock. */
static int lock_pid(const char *path)
{
    char text[32] = "";
    FILE *f = fopen(path, "re");
    if (f && !fgets(text, sizeof text, f))
        text[0] = '\0';
    if (f)
        fclose(f);
    long pid = strtol(text, NULL, 10);
    return pid > 0 && pid < INT32_MAX ? (int)pid : 0;
}

static int collect_run(struct status *s, struct err *err)
{
    char *path = NULL;
    struct locks *locks = NULL;
    json_t *o = NULL, *one;
    size_t i;
    int rc = fsx_path(&path, err, "%s/run.lock", s->root);
    if (rc == ERR_OK)
        rc = locks_read(&locks, err);
    if (rc == ERR_OK && locks_held(locks, path, &s->run_pid)) {
        s->run = LIFE_RUNNING;
        s->run_pid = lock_pid(path);
    }
    if (rc == ERR_OK && (rc = file_read(&o, s->root, "run.json", err)) < 0 && rc != ERR_NOMEM) {
        status_problem_add(s, "delete it; 'dashspool run' recreates it", "%s", err->text);
        rc = ERR_OK;
    }
    if (o && s->run == LIFE_STOPPED)
        s->run = LIFE_CRASHED;
    s->run_since_us = file_time_us(o, "since");
    json_array_foreach(json_object_get(o, "processes"), i, one)
    {
        if (rc == ERR_OK && i < PROCESSES_MAX)
            rc = take_process(s, one, err);
    }
    json_decref(o);
    locks_free(&locks);
    free(path);
    return rc;
}

/* ---- receive ---- */

static void take_refusal(struct status *s, const json_t *o)
{
    struct error e = {.kind = ERROR_REFUSAL,
                      .stage = "receive",
                      .n = file_number(o, "of_the_day", 0),
                      .last_us = file_time_us(o, "last"),
                      .advice = "to accept them, see [receive] in 'dashspool config'"};
    file_text(o, "why", e.what, sizeof e.what);
    if (e.n > 0 && e.last_us >= s->now_us - STATUS_DAY_US)
        status_error_add(s, &e);
}

static int take_incoming(struct status *s, const json_t *o, struct err *err)
{
    struct incoming t = {.bytes = file_number(o, "bytes", 0),
                         .total = file_number(o, "total", 0),
                         .rate = file_number(o, "rate", 0),
                         .since_us = file_time_us(o, "since"),
                         .quiet_s = file_number(o, "quiet_s", 0),
                         .left_s = -1};
    file_text(o, "id", t.id, sizeof t.id);
    file_text(o, "imei", t.imei, sizeof t.imei);
    file_text(o, "camera", t.camera, sizeof t.camera);
    file_text(o, "kind", t.kind, sizeof t.kind);
    if (t.rate > 0 && t.quiet_s < 5 && t.total >= t.bytes)
        t.left_s = (t.total - t.bytes) / t.rate;
    return buf_append(&s->incoming, &t, sizeof t, err);
}

static void take_listens(struct receiver *r, const json_t *listens)
{
    for (size_t i = 0; i < json_array_size(listens) && i < 2; i++) {
        const char *text = json_string_value(json_array_get(listens, i));
        format_clean(r->listens[i], sizeof r->listens[i], text ? text : "");
        r->n_listens++;
    }
}

static void take_receiver(struct status *s, const json_t *o)
{
    struct receiver *r = &s->receiver;
    r->known = true;
    r->pid = (int)file_number(o, "pid", 0);
    r->started_us = file_time_us(o, "started");
    r->updated_us = file_time_us(o, "updated");
    r->connections = file_number(o, "connections", 0);
    r->receiving = file_number(o, "receiving", 0);
    r->taken = file_number(o, "taken", 0);
    r->refused = file_number(o, "refused", 0);
    r->bytes = file_number(o, "bytes", 0);
    r->rate = file_number(o, "rate", 0);
    file_text(o, "trouble", r->trouble, sizeof r->trouble);
    take_listens(r, json_object_get(o, "listens"));
    bool alive = r->pid > 1 && (kill(r->pid, 0) == 0 || errno == EPERM);
    r->life = !alive                               ? LIFE_CRASHED
              : s->now_us - r->updated_us < OLD_US ? LIFE_RUNNING
                                                   : LIFE_STUCK;
}

static int collect_receiver(struct status *s, struct err *err)
{
    json_t *o = NULL, *one;
    size_t i;
    int rc = file_read(&o, s->root, "receive.json", err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0)
        status_problem_add(s, "restart the receiver; it recreates the file", "%s", err->text);
    rc = ERR_OK;
    if (o)
        take_receiver(s, o);
    json_array_foreach(json_object_get(o, "refusals"), i, one) take_refusal(s, one);
    json_array_foreach(json_object_get(o, "transfers"), i, one)
    {
        if (rc == ERR_OK && i < CLAIMS_MAX && s->receiver.life == LIFE_RUNNING)
            rc = take_incoming(s, one, err);
    }
    json_decref(o);
    return rc;
}

int collect_processes(struct status *s, struct err *err)
{
    int rc = collect_run(s, err);
    return rc < 0 ? rc : collect_receiver(s, err);
}
