/* Commands: what can be asked for, and the text of it. */
#include "dashspool/camreq.h"
#include "dashspool/text.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[CAMREQ_N_KINDS] = {"video", "photo", "version", "format", "restart"};

const char *camreq_kind_name(enum camreq_kind kind)
{
    return (unsigned)kind < CAMREQ_N_KINDS ? kinds[kind] : "unknown";
}

int camreq_kind_value(const char *name)
{
    for (int i = 0; i < CAMREQ_N_KINDS; i++)
        if (strcmp(name, kinds[i]) == 0)
            return i;
    return -1;
}

/* The place of a word in its list, from 1 on; 0: it is not there. */
static int place_of(const char *words, const char *word)
{
    size_t n = strlen(word);
    int place = 1;
    if (!n || !words_have(words, word, n))
        return 0;
    for (const char *p = words; strncmp(p, word, n) != 0 || (p[n] && p[n] != ' '); place++)
        p += strcspn(p, " ") + 1;
    return place;
}

static bool is(const struct camreq *r, const char *camera)
{
    return strcmp(r->camera, camera) == 0;
}

/* ---- limits ---- */

/* A name or an IPv4 address, in lower case: trackers have no place for more. */
static bool host_ok(const char *host)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    size_t n = strlen(host);
    return n < CAMREQ_HOST_ROOM && host[strspn(host, letters)] == '\0' && host[0] != '.' &&
           host[0] != '-' && host[n - 1] != '.' && host[n - 1] != '-';
}

static int check_address(const struct camreq *r, struct err *err)
{
    if (!r->host[0] && r->port)
        return err_set(err, ERR_CONFIG, "a port goes with a host only");
    if (!r->host[0])
        return ERR_OK;
    if (!host_ok(r->host))
        return err_set(err, ERR_CONFIG,
                       "host '%.128s': expected a name or an IPv4 address, in lower case", r->host);
    if (r->port < 1 || r->port > 65535)
        return err_set(err, ERR_CONFIG, "a host goes with a port from 1 to 65535");
    return ERR_OK;
}

static int check_video(const struct camreq *r, int64_t now_s, struct err *err)
{
    if (r->time_s <= 0 || r->time_s > UINT32_MAX)
        return err_set(err, ERR_CONFIG, "a video needs the time where it begins");
    if (r->seconds < 1 || r->seconds > CAMREQ_SECONDS_MAX)
        return err_set(err, ERR_CONFIG, "a video has 1 to %d seconds, not %d", CAMREQ_SECONDS_MAX,
                       r->seconds);
    if (r->time_s + r->seconds > now_s)
        return err_set(err, ERR_CONFIG, "the video would end in the future");
    if (r->resolution[0])
        return err_set(err, ERR_CONFIG, "a resolution is for photos only");
    return ERR_OK;
}

static int check_photo(const struct camreq *r, int64_t now_s, struct err *err)
{
    if (r->seconds)
        return err_set(err, ERR_CONFIG, "a photo has no length");
    if (is(r, "road"))
        return r->time_s > 0 && r->time_s <= now_s && r->time_s <= UINT32_MAX
                   ? ERR_OK
                   : err_set(err, ERR_CONFIG,
                             "a photo of the road camera needs its time, not in the future");
    if (r->time_s)
        return err_set(err, ERR_CONFIG, "a photo is of now: it has no time");
    if (r->resolution[0] && !place_of(CAMREQ_RESOLUTIONS, r->resolution))
        return err_set(err, ERR_CONFIG, "no camera has the resolution %.11s", r->resolution);
    if (r->resolution[0] && !r->host[0] && !r->com)
        return err_set(err, ERR_CONFIG,
                       "a resolution goes with a host and a port only, as its place is behind "
                       "them: give those of this server, too");
    return ERR_OK;
}

static int check_plain(const struct camreq *r, struct err *err)
{
    if (r->time_s || r->seconds || r->resolution[0] || r->host[0] || r->port || r->com)
        return err_set(err, ERR_CONFIG, "%s takes no time, length, resolution, host, port or com",
                       camreq_kind_name(r->kind));
    return ERR_OK;
}

static int check(const struct camreq *r, int64_t now_s, struct err *err)
{
    if (r->camera[0] && !place_of(CAMREQ_CAMERAS, r->camera))
        return err_set(err, ERR_CONFIG, "no camera is called %.7s", r->camera);
    if (is(r, "dashcam") && !r->com)
        return err_set(err, ERR_CONFIG, "dashcam goes with com only; else it is the front camera");
    if (r->kind != CAMREQ_VIDEO && r->kind != CAMREQ_PHOTO)
        return check_plain(r, err);
    if (!r->camera[0])
        return err_set(err, ERR_CONFIG, "a %s needs a camera", camreq_kind_name(r->kind));
    if (r->com && (r->com < 1 || r->com > 2))
        return err_set(err, ERR_CONFIG, "com is 1 or 2");
    if (r->com && !is(r, "front") && !is(r, "rear") && !is(r, "dashcam"))
        return err_set(err, ERR_CONFIG, "com goes with the cameras front, rear and dashcam only");
    int rc = check_address(r, err);
    if (rc < 0)
        return rc;
    return r->kind == CAMREQ_VIDEO ? check_video(r, now_s, err) : check_photo(r, now_s, err);
}

/* ---- texts ---- */

struct text {
    char *out;
    size_t used;
    bool full;
};

static void put(struct text *t, const char *fmt, ...) DS_PRINTF(2, 3);
static void put(struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->out + t->used, CAMREQ_COMMAND_ROOM - t->used, fmt, args);
    va_end(args);
    t->full = t->full || n < 0 || (size_t)n >= CAMREQ_COMMAND_ROOM - t->used;
    t->used += t->full ? 0 : (size_t)n;
}

static void put_address(struct text *t, const struct camreq *r)
{
    if (r->host[0])
        put(t, ",%s,%d", r->host, r->port);
}

/* Two equal cameras: all places are before the address, also those that a photo leaves empty. */
static void put_icam(struct text *t, const struct camreq *r)
{
    int camera = is(r, "front") ? 2 : is(r, "rear") ? 3 : 4;
    int resolution = place_of(CAMREQ_RESOLUTIONS, r->resolution);
    put(t, "icam_req:%d,%d,%d", camera, r->com, r->kind == CAMREQ_PHOTO);
    if (r->kind == CAMREQ_VIDEO)
        put(t, ",%" PRId64 ",%d", r->time_s, r->seconds);
    else if (resolution || r->host[0])
        put(t, ",0,0");
    if (resolution || r->host[0])
        put(t, ",%d", resolution);
    put_address(t, r);
}

static void put_dualcam(struct text *t, const struct camreq *r)
{
    int source = is(r, "front") ? 1 : is(r, "rear") ? 2 : 3;
    put(t, "camreq:%d,%d", r->kind == CAMREQ_PHOTO, source);
    if (r->kind == CAMREQ_VIDEO)
        put(t, ",%" PRId64 ",%d", r->time_s, r->seconds);
    put_address(t, r);
    if (r->resolution[0])
        put(t, ",%d", place_of(CAMREQ_RESOLUTIONS, r->resolution));
}

static int put_file(struct text *t, const struct camreq *r, struct err *err)
{
    if (is(r, "driver")) {
        if (r->kind == CAMREQ_VIDEO)
            return err_set(err, ERR_CONFIG, "a driver camera sends photos only when it is asked");
        if (r->resolution[0])
            return err_set(err, ERR_CONFIG, "a driver camera has no choice of resolutions");
        put(t, "dsm_camreq:2,4");
        put_address(t, r);
    } else if (is(r, "road")) {
        if (r->resolution[0])
            return err_set(err, ERR_CONFIG, "a road camera has no choice of resolutions");
        put(t, "mdas_camreq:%d,0,%" PRId64, r->kind == CAMREQ_PHOTO, r->time_s);
        if (r->kind == CAMREQ_VIDEO)
            put(t, ",%d", r->seconds);
        put_address(t, r);
    } else if (r->com) {
        put_icam(t, r);
    } else {
        put_dualcam(t, r);
    }
    return ERR_OK;
}

static int put_plain(struct text *t, const struct camreq *r, struct err *err)
{
    bool driver = is(r, "driver"), road = is(r, "road");
    if (r->kind == CAMREQ_VERSION) {
        put(t, "%s", driver ? "dsm_getinfo" : road ? "mdas_getinfo" : "camgetver");
    } else if (r->kind == CAMREQ_FORMAT && driver) {
        put(t, "dsm_sdformat");
    } else if (is(r, "front") || is(r, "rear")) {
        put(t, "%s:%d", r->kind == CAMREQ_FORMAT ? "camget_sdformat" : "camget_restart",
            is(r, "front") ? 1 : 2);
    } else {
        return err_set(err, ERR_CONFIG, "%s needs one camera: front%s", camreq_kind_name(r->kind),
                       r->kind == CAMREQ_FORMAT ? ", rear or driver" : " or rear");
    }
    return ERR_OK;
}

int camreq_command(char out[CAMREQ_COMMAND_ROOM], const struct camreq *r, int64_t now_s,
                   struct err *err)
{
    struct text t = {.out = out};
    out[0] = '\0';
    int rc = check(r, now_s, err);
    if (rc == ERR_OK)
        rc = r->kind == CAMREQ_VIDEO || r->kind == CAMREQ_PHOTO ? put_file(&t, r, err)
                                                                : put_plain(&t, r, err);
    if (rc == ERR_OK && t.full)
        rc =
            err_set(err, ERR_CONFIG, "the command has more than %d characters: give a shorter host",
                    CAMREQ_COMMAND_ROOM - 1);
    if (rc < 0)
        out[0] = '\0';
    return rc;
}

static bool word_ok(const char *word)
{
    for (const char *p = word; *p; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return true;
}

int camreq_sms(char out[CAMREQ_COMMAND_ROOM], const char *command, const char *login,
               const char *password, struct err *err)
{
    struct text t = {.out = out};
    login = login ? login : "";
    password = password ? password : "";
    out[0] = '\0';
    if (!word_ok(login) || !word_ok(password))
        return err_set(err, ERR_CONFIG,
                       "login and password of a tracker are ASCII characters without blanks");
    if (*login && !*password)
        return err_set(err, ERR_CONFIG, "a login goes with a password only");
    if (*login || !*password)
        put(&t, "%s ", login);
    put(&t, "%s %s", password, command);
    if (!t.full)
        return ERR_OK;
    out[0] = '\0';
    return err_set(err, ERR_CONFIG,
                   "the SMS has more than %d characters: give a shorter host, or send the command "
                   "without one",
                   CAMREQ_COMMAND_ROOM - 1);
}
