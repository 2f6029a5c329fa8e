/* command: what a server asks of a tracker and its cameras, and the words that come back. */
#include "drive_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CARD_S (72 * 3600) /* a card of 64 GB holds about that */

enum { CAMERA_MOUNTED = 3, ARGS_MAX = 7, SOURCE_BOTH = 3 };

/* ---- its grammar: camreq.h ---- */

struct args {
    int n;
    char arg[ARGS_MAX][CAMREQ_HOST_ROOM];
};

static bool split(const char *text, struct args *out)
{
    out->n = 0;
    for (;; text++) {
        size_t n = strcspn(text, ",");
        if (n == 0 || n >= CAMREQ_HOST_ROOM || out->n == ARGS_MAX)
            return false;
        snprintf(out->arg[out->n++], CAMREQ_HOST_ROOM, "%.*s", (int)n, text);
        text += n;
        if (!*text)
            return true;
    }
}

/* -1: no number up to 12 digits. */
static int64_t number(const char *text)
{
    size_t n = strlen(text);
    int64_t v = 0;
    if (n == 0 || n > 12 || strspn(text, "0123456789") != n)
        return -1;
    for (; *text; text++)
        v = v * 10 + (*text - '0');
    return v;
}

struct wish {
    int source;
    struct drive_upload file; /* of each of its cameras */
};

enum parsed { PARSED, NO_COMMAND, BAD_ARGUMENT };

static enum parsed parse(const char *text, struct wish *out)
{
    struct args a;
    if (!split(text, &a) || a.n < 2)
        return NO_COMMAND;
    int64_t type = number(a.arg[0]);
    int64_t source = number(a.arg[1]);
    if (type < 0 || type > 1 || source < 1 || source > SOURCE_BOTH)
        return BAD_ARGUMENT;
    bool photo = type == 1;
    int at = photo ? 2 : 4; /* where the address is */
    if (a.n != at && a.n != at + 2 && !(photo && a.n == at + 3))
        return NO_COMMAND;
    int64_t seconds = photo ? 0 : number(a.arg[3]);
    int64_t port = a.n > at ? number(a.arg[at + 1]) : 0;
    int64_t resolution = a.n == at + 3 ? number(a.arg[at + 2]) : 0;
    out->source = (int)source;
    out->file.photo = photo;
    out->file.time_s = photo ? 0 : number(a.arg[2]);
    if (out->file.time_s < 0 || (!photo && (seconds < 1 || seconds > CAMREQ_SECONDS_MAX)) ||
        (a.n > at && (port < 1 || port > 65535)) || resolution < 0 || resolution > 5)
        return BAD_ARGUMENT;
    out->file.seconds = (int)seconds;
    out->file.port = (int)port;
    if (a.n > at)
        memcpy(out->file.host, a.arg[at], sizeof out->file.host);
    const char *word = CAMREQ_RESOLUTIONS;
    for (int64_t i = 1; i < resolution; i++)
        word += strcspn(word, " ") + 1;
    if (resolution)
        snprintf(out->file.resolution, sizeof out->file.resolution, "%.*s", (int)strcspn(word, " "),
                 word);
    return PARSED;
}

/* ---- what it says (docs/requests.md) ---- */

static const char *const refusals[CAMREQ_N_CLASSES] = {
    [CAMREQ_UNKNOWN] = "Camera is thinking about it",
    [CAMREQ_OTHER_FIRST] = "Warning: Photo / Video already captured previously, trying to send it",
    [CAMREQ_CAPTURED] = "Error: modem not ready, will try to connect later",
    [CAMREQ_TEMPORARY] = "Error: Media request timeout",
    [CAMREQ_NO_IGNITION] = "Error: Ignition is off",
    [CAMREQ_NO_CAMERA] = "Error: DualCam not present",
    [CAMREQ_NOT_THERE] = "Error: Requested file does not exist",
    [CAMREQ_UNCONFIGURED] = "DualCam is not configured!",
    [CAMREQ_INVALID] = "Invalid argument in camera request cmd!",
    [CAMREQ_INFO] = "Camera is fine",
    [CAMREQ_FAILED] = "Error: capture failed",
};

/* Why this camera cannot do it; NULL: it can. */
static const char *objection(const struct drive_config *c, const struct drive_upload *f,
                             int64_t now_us, int64_t at_us)
{
    int64_t then_us = f->time_s * 1000000 - now_us + at_us; /* since the first record */
    if (c->camera[f->camera] == 0)
        return f->camera == DRIVE_FRONT ? "Error: Front Camera not present"
                                        : "Error: Rear Camera not present";
    if (f->photo)
        return c->photo[f->camera] ? NULL : "Error: capture failed";
    if (c->camera[f->camera] != CAMERA_MOUNTED || drive_span_has(&c->ignition_off, then_us) ||
        f->time_s > now_us / 1000000 || f->time_s < now_us / 1000000 - CARD_S)
        return refusals[CAMREQ_NOT_THERE];
    return c->video[f->camera] ? NULL : "Error: capture failed";
}

static void keep(struct drive_cameras *cameras, const struct drive_upload *f)
{
    struct drive_place_of *place = &cameras->place[f->camera * 2 + f->photo];
    if (place->state == PLACE_FREE)
        *place = (struct drive_place_of){PLACE_WAITS, *f};
}

/* On demand. Two of them are followed by a file none the less. */
static void refuse(struct drive_cameras *cameras, enum camreq_class class, struct drive_upload *f,
                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (class == CAMREQ_OTHER_FIRST)
            f[i].time_s -= 600; /* one that was captured earlier */
        if (class == CAMREQ_OTHER_FIRST || class == CAMREQ_CAPTURED)
            keep(cameras, &f[i]);
    }
}

static bool request(struct drive_cameras *cameras, const struct drive_config *c, const char *text,
                    int64_t now_us, int64_t at_us, char answer[DRIVE_ANSWER_ROOM])
{
    struct wish w = {0};
    struct drive_upload file[DRIVE_CAMERAS];
    size_t n = 0;
    bool connected = false;
    enum parsed parsed = parse(text, &w);
    const char *why = parsed == NO_COMMAND     ? "Invalid camera request command!"
                      : parsed == BAD_ARGUMENT ? refusals[CAMREQ_INVALID]
                                               : NULL;
    if (!why && w.file.photo)
        w.file.time_s = now_us / 1000000;
    for (int camera = 0; camera < DRIVE_CAMERAS && !why; camera++) {
        if (w.source & 1 << camera) {
            file[n] = w.file;
            file[n++].camera = camera;
        }
    }
    if (!why && cameras->n_refused < c->n_refuse &&
        c->refuse[cameras->n_refused++] != CAMREQ_ACCEPTED) {
        enum camreq_class class = c->refuse[cameras->n_refused - 1];
        why = refusals[class];
        refuse(cameras, class, file, n);
    }
    if (!why && drive_span_has(&c->ignition_off, at_us))
        why = refusals[CAMREQ_NO_IGNITION];
    for (size_t i = 0; i < n && !why; i++)
        why = objection(c, &file[i], now_us, at_us);
    for (size_t i = 0; i < n && !why; i++)
        if (cameras->place[file[i].camera * 2 + file[i].photo].state != PLACE_FREE)
            why = refusals[CAMREQ_OTHER_FIRST];
    for (int i = 0; i < DRIVE_UPLOADS; i++)
        connected = connected || cameras->place[i].state == PLACE_BUSY;
    if (why) {
        snprintf(answer, DRIVE_ANSWER_ROOM, "%s%s", connected ? "Already connected. " : "", why);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        keep(cameras, &file[i]);
    snprintf(answer, DRIVE_ANSWER_ROOM,
             "%s request from source %d. %sPreparing to send file from timestamp %" PRId64 ".",
             w.file.photo ? "Photo" : "Video", w.source, connected ? "Already connected. " : "",
             w.file.time_s);
    return true;
}

bool drive_command(struct drive_cameras *cameras, const struct drive_config *c, const char *text,
                   int64_t now_us, int64_t at_us, char answer[DRIVE_ANSWER_ROOM])
{
    static const char camreq[] = "camreq:";
    const char *says = "Unknown command";
    if (strncmp(text, camreq, sizeof camreq - 1) == 0)
        return request(cameras, c, text + sizeof camreq - 1, now_us, at_us, answer);
    if (strcmp(text, "camgetver") == 0)
        says = c->camera[DRIVE_REAR] ? "Front camera V1.9.3. Rear camera V1.9.3."
                                     : "Front camera V1.9.3. Rear camera failed to get version.";
    else if (strcmp(text, "camget_restart:1") == 0 || strcmp(text, "camget_restart:2") == 0)
        says = "Camera restart success";
    else if (strcmp(text, "camget_sdformat:1") == 0 || strcmp(text, "camget_sdformat:2") == 0)
        says = "SD card format success";
    else if (strstr(text, "camreq") || strstr(text, "icam_req"))
        says = "Invalid camera request command!";
    snprintf(answer, DRIVE_ANSWER_ROOM, "%s", says);
    return false;
}
