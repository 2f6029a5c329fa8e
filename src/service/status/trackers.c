/* The trackers: their server, who is connected, what each said last, and how its cameras are. */
#include "dashspool/records.h"
#include "status_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const status_camera_states[CAMERA_STATES] = {"not detected", "no card", "mount failed",
                                                         "ready", "card faulty"};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct connected {
    char (*imei)[16]; /* by text */
    size_t n;
};

static int take_connected(const json_t *list, struct connected *out, struct err *err)
{
    size_t n = json_array_size(list);
    if (n == 0 || n > CAMERAS_MAX)
        return ERR_OK;
    if (!(out->imei = calloc(n, sizeof *out->imei)))
        return err_nomem(err, "the trackers that are connected");
    for (size_t i = 0; i < n; i++) {
        const char *imei = json_string_value(json_array_get(list, i));
        if (imei && strlen(imei) < sizeof *out->imei && strspn(imei, "0123456789") == strlen(imei))
            snprintf(out->imei[out->n++], sizeof *out->imei, "%s", imei);
    }
    qsort(out->imei, out->n, sizeof *out->imei, by_text);
    return ERR_OK;
}

static int collect_server(struct status *s, struct connected *out, struct err *err)
{
    struct telemetry *t = &s->telemetry;
    json_t *o = NULL;
    int rc = status_server_read(s, "telemetry", "telemetry", &t->server, &o, err);
    if (t->server.known) {
        t->records = file_number(o, "records", 0);
        t->known = file_number(o, "known", 0);
        t->wrong = file_number(o, "wrong_frames", 0);
        t->logged_in = file_number(o, "logged_in", 0);
        t->rate = json_number_value(json_object_get(o, "rate"));
    }
    if (rc == ERR_OK && t->server.life == LIFE_RUNNING)
        rc = take_connected(json_object_get(o, "trackers"), out, err);
    json_decref(o);
    return rc;
}

/* ---- what each said last ---- */

/* By which ids a camera is told of: the last one that was said counts. */
static const struct {
    uint16_t id;
    bool front;
} camera_ids[] = {
    {AVL_ID_CAMERA_FRONT, true},
    {AVL_ID_CAMERA_REAR, false}, /* DualCam */
    {12301, true},
    {12302, false}, /* FMx650, COM1 */
    {12304, true},
    {12305, false}, /* … COM2 */
};

static int take_latest(void *arg, const struct records_latest *l, struct err *err)
{
    struct status *s = arg;
    struct tracker t = {.front = -1, .rear = -1, .time_us = l->time_ms * 1000};
    int64_t told_ms[2] = {0, 0};
    snprintf(t.imei, sizeof t.imei, "%s", l->imei);
    for (size_t i = 0; i < RECORDS_WATCHED; i++)
        for (size_t k = 0; k < sizeof camera_ids / sizeof *camera_ids; k++) {
            bool front = camera_ids[k].front;
            if (records_watched[i] != camera_ids[k].id || l->watched[i].time_ms == 0 ||
                l->watched[i].value >= CAMERA_STATES || l->watched[i].time_ms <= told_ms[front])
                continue;
            told_ms[front] = l->watched[i].time_ms;
            *(front ? &t.front : &t.rear) = (int)l->watched[i].value;
        }
    t.is_private = l->is_private;
    t.valid = l->valid;
    t.speed_kmh = l->is_private ? 0 : l->speed_kmh;
    if (LIST_COUNT(&s->trackers, struct tracker) >= CAMERAS_MAX)
        return ERR_OK;
    return buf_append(&s->trackers, &t, sizeof t, err);
}

/* Whoever is connected and has said nothing yet is there, too. */
static int mark_connected(struct status *s, const struct connected *c, struct err *err)
{
    size_t n = LIST_COUNT(&s->trackers, struct tracker);
    int rc = ERR_OK;
    for (size_t i = 0, at = 0; rc == ERR_OK && i < c->n; i++) { /* both are in order */
        int order = 1;
        while (at < n &&
               (order = strcmp(LIST_AT(&s->trackers, struct tracker, at)->imei, c->imei[i])) < 0)
            at++;
        if (at < n && order == 0) {
            LIST_AT(&s->trackers, struct tracker, at)->connected = true;
            continue;
        }
        struct tracker t = {.front = -1, .rear = -1, .connected = true};
        snprintf(t.imei, sizeof t.imei, "%s", c->imei[i]);
        rc = buf_append(&s->trackers, &t, sizeof t, err);
    }
    return rc;
}

int collect_trackers(struct status *s, struct err *err)
{
    struct connected connected = {NULL};
    struct records *records = NULL;
    int rc = collect_server(s, &connected, err);
    if (rc == ERR_OK && (rc = records_open(&records, s->root, RECORDS_READ, err)) == ERR_OK)
        rc = records_latest(records, NULL, take_latest, s, err);
    records_close(&records);
    if (rc < 0 && rc != ERR_NOMEM) {
        if (rc != ERR_NOTFOUND)
            status_problem_add(s, W_("run 'dashspool fsck' for details"), W_("telemetry: %s"),
                               err->text);
        rc = ERR_OK;
    }
    if (rc == ERR_OK)
        rc = mark_connected(s, &connected, err);
    free(connected.imei);
    return rc;
}

bool status_camera_bad(int state)
{
    return state == 1 || state == 2 || state == 4;
}
