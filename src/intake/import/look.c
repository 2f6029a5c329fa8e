#define _GNU_SOURCE /* O_NOFOLLOW */
/*
 * What a file's bytes, what lies beside it, and its name say. All of it is strangers': it is read
 * by a function apart (sandbox.h), look(), and what that found is judged here before anything of
 * it is believed. identity.c decides between what was found.
 */
#include "dashspool/text.h"
#include "dashspool/wire.h"
#include "import_internal.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SIDECAR_BYTES_MAX = 1024 * 1024, /* ours has a line for each connection and copy */
    LOOK_BYTES = 512 * 1024 * 1024,  /* of memory */
    LOOK_CPU_S = 120,                /* 4 GiB in the smallest pieces */
    LOOK_WALL_S = 3600,              /* … over a slow network */
};

/* ---- apart: metadata ---- */

bool import_imei_ok(const char *text)
{
    size_t n = strlen(text);
    return (n == 14 || n == 15) && strspn(text, "0123456789") == n;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal of at most room bytes; 0: it is not. */
static size_t unhex(const char *text, uint8_t *out, size_t room)
{
    size_t n = text ? strlen(text) : 0;
    if (n % 2 != 0 || n / 2 > room)
        return 0;
    for (size_t i = 0; i < n / 2; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return n / 2;
}

static const char *string_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* What facts_transfer() wrote of a file: which, whose it is, and what its camera said, verbatim,
 * whether or not it can be read. */
static void take_ours(struct look_sidecar *s, const json_t *o)
{
    const char *sha256 = string_of(o, "sha256"), *imei = string_of(o, "imei"),
               *camera = string_of(o, "camera");
    json_t *bytes = json_object_get(o, "wire");
    struct catalogue_wire *w = &s->wire;
    if (strlen(sha256) != sizeof s->of_sha256 - 1) {
        snprintf(s->why, sizeof s->why, "its sha256 is none");
        return;
    }
    s->taken = 1;
    snprintf(s->of_sha256, sizeof s->of_sha256, "%s", sha256);
    if (imei && import_imei_ok(imei))
        snprintf(s->imei, sizeof s->imei, "%s", imei);
    if (camera && words_have(CATALOGUE_CAMERAS, camera, strlen(camera)))
        snprintf(s->camera, sizeof s->camera, "%s", camera);
    w->init_n = unhex(string_of(bytes, "init"), w->init, sizeof w->init);
    w->start_n = unhex(string_of(bytes, "start"), w->start, sizeof w->start);
    w->path_n = unhex(string_of(bytes, "path"), w->path, sizeof w->path);
    w->meta_n = unhex(string_of(bytes, "meta"), w->meta, sizeof w->meta);
}

/* One of ours, in whatever encoding an editor has saved it. False: it is none. */
static bool take_if_ours(struct look_sidecar *s, const uint8_t *data, size_t n)
{
    char *text = malloc(TEXT_UTF8_ROOM(n) + 1);
    json_t *o =
        text ? json_loadb(text, text_to_utf8(data, n, text), JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool ours = json_is_object(json_object_get(o, "wire")) && string_of(o, "sha256");
    if (ours)
        take_ours(s, o);
    json_decref(o);
    free(text);
    return ours;
}

/* What it is, its bytes say and not its name: ours, a metadata response as received (its payload or
 * the frame), the camera's JSON, the text of the vendor's test server. */
void look_sidecar(struct look_sidecar *out, const uint8_t *data, size_t n, int64_t now_utc_us)
{
    struct err err;
    struct wire_meta m;
    struct wire_frame frame;
    *out = (struct look_sidecar){0};
    if (take_if_ours(out, data, n))
        return;
    if (n > 4 && wire_frame_parse(data, n, &frame) == WIRE_HAVE_FRAME && frame.id == WIRE_META &&
        frame.frame_bytes == n) {
        data = frame.payload;
        n = frame.n;
    }
    if (n > sizeof out->wire.meta)
        snprintf(out->why, sizeof out->why, "%zu bytes are more than metadata have (%zu)", n,
                 sizeof out->wire.meta);
    else if (wire_meta_parse(data, n, 0, now_utc_us, &m, &err) < 0)
        snprintf(out->why, sizeof out->why, "%.*s", LOOK_WHY_ROOM - 1, err.text);
    else if (m.present == 0)
        snprintf(out->why, sizeof out->why, "it has none of the values that metadata have%s%s",
                 m.note[0] ? ": " : "", m.note);
    else {
        out->taken = 1;
        snprintf(out->why, sizeof out->why, "%s", m.note);
        memcpy(out->wire.meta, data, n);
        out->wire.meta_n = n;
    }
}

static const char *const extensions[IMPORT_SIDECARS / 2] = {".json", ".meta", ".bin", ".txt"};

void import_sidecar(const char *path, int i, char *out, size_t room, bool *of_stem)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t whole = strlen(path), stem = dot && dot != name ? (size_t)(dot - path) : whole;
    *of_stem = i % 2 == 0;
    snprintf(out, room, "%.*s%s", (int)(*of_stem ? stem : whole), path, extensions[i / 2]);
}

static void read_sidecar(int fd, size_t n, int64_t now_utc_us, struct look_sidecar *out)
{
    uint8_t *data = malloc(n);
    if (data && pread(fd, data, n, 0) == (ssize_t)n)
        look_sidecar(out, data, n, now_utc_us);
    else
        snprintf(out->why, sizeof out->why, "it cannot be read");
    free(data);
}

/* ---- apart: names ---- */

enum { FOLDERS_MAX = 4 }; /* how far up; what is above is no longer about one camera */

static const struct {
    const char *word, *camera;
} cameras[] = {
    {"front", "front"},  {"rear", "rear"},   {"driver", "driver"}, {"road", "road"},
    {"other", "other"}, /* the catalogue's own words first */
    {"dsm", "driver"},   {"adas", "road"},   {"mdas9", "road"},    {"videof", "front"},
    {"photof", "front"}, {"videor", "rear"}, {"photor", "rear"},
};
enum { N_CAMERAS = sizeof cameras / sizeof *cameras };

/* Calls a word [from, n) what it means. */
static void judge_word(struct look_found *out, const char *from, size_t n)
{
    char folder[24], imei[16];
    struct media_facts facts = {0};
    for (int i = 0; i < N_CAMERAS && !out->camera[0]; i++)
        if (n == strlen(cameras[i].word) && strncasecmp(from, cameras[i].word, n) == 0)
            snprintf(out->camera, sizeof out->camera, "%s", cameras[i].camera);
    if (out->imei[0] || n != 15)
        return;
    snprintf(folder, sizeof folder, "%.*s/x", (int)n, from);
    media_facts_from_path(folder, 0, &facts); /* its check digit, too */
    snprintf(out->imei, sizeof out->imei, "%s", facts.imei);
    if (!out->doubtful_imei[0] && media_imei_doubtful(folder, imei))
        snprintf(out->doubtful_imei, sizeof out->doubtful_imei, "%s", imei);
}

/* The words of one part of a path: its letters and digits. */
static void judge_part(struct look_found *out, const char *from, const char *end)
{
    while (from < end) {
        const char *p = from;
        while (p < end && isalnum((unsigned char)*p))
            p++;
        if (p > from)
            judge_word(out, from, (size_t)(p - from));
        from = p + 1;
    }
}

/* The name, then the folders, the nearest first. */
static void read_names(const char *path, int64_t now_utc_us, struct look_found *out)
{
    struct media_facts facts = {0};
    const char *end = path + strlen(path);
    for (int i = 0; i <= FOLDERS_MAX && end > path; i++) {
        const char *from = end;
        while (from > path && from[-1] != '/')
            from--;
        judge_part(out, from, end);
        end = from > path ? from - 1 : path;
    }
    media_facts_from_path(path, now_utc_us, &facts);
    out->has_time = facts.has_time;
    out->time_us = facts.start_utc_us;
    struct media_facts east = {.has_zone = true, .tz_min = 60};
    media_facts_from_path(path, now_utc_us, &east);
    out->time_local = facts.has_time && east.has_time && east.start_utc_us != facts.start_utc_us;
}

/* ---- apart: all of it ---- */

struct request {
    char path[CATALOGUE_FILE_ROOM];
    int64_t length_bytes, now_utc_us;
    int n_sidecars; /* descriptors behind the file's own */
    struct {
        int form; /* which of IMPORT_SIDECARS */
        size_t n;
    } sidecar[IMPORT_SIDECARS];
};

static int look(const void *in, const int *fd, int n_fds, void *out, struct err *err)
{
    const struct request *q = in;
    struct look_found *found = out;
    struct media_ending ending;
    int rc = media_ending(fd[0], q->length_bytes, &ending, err);
    if (rc < 0)
        return rc;
    found->end = (int)ending.end;
    found->photo = ending.photo;
    found->ours = ending.ours;
    snprintf(found->note, sizeof found->note, "%s", ending.note);
    for (int i = 0; i < q->n_sidecars && i + 1 < n_fds; i++) {
        struct look_sidecar *s = &found->sidecar[q->sidecar[i].form];
        read_sidecar(fd[i + 1], q->sidecar[i].n, q->now_utc_us, s);
        if (s->taken && !s->of_sha256[0]) /* what is behind it counts no more */
            break;
    }
    read_names(q->path, q->now_utc_us, found);
    return ERR_OK;
}

int look_open(struct sandbox_apart **out, struct err *err)
{
    const struct sandbox_apart_work work = {.fn = look,
                                            .n_in = sizeof(struct request),
                                            .n_out = sizeof(struct look_found),
                                            .memory_bytes = LOOK_BYTES,
                                            .cpu_s = LOOK_CPU_S,
                                            .wall_s = LOOK_WALL_S};
    return sandbox_apart_open(out, &work, err);
}

/* ---- what was found, judged ---- */

static bool flag_ok(int flag)
{
    return flag == 0 || flag == 1;
}

static bool text_ok(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

/* "" or what the catalogue takes. */
static bool whose_ok(const char imei[16], const char camera[8])
{
    return text_ok(imei, 16) && text_ok(camera, 8) && (!imei[0] || import_imei_ok(imei)) &&
           (!camera[0] || words_have(CATALOGUE_CAMERAS, camera, strlen(camera)));
}

static bool sidecar_ok(const struct look_sidecar *s)
{
    const struct catalogue_wire *w = &s->wire;
    return flag_ok(s->taken) && text_ok(s->why, sizeof s->why) &&
           text_ok(s->of_sha256, sizeof s->of_sha256) && whose_ok(s->imei, s->camera) &&
           w->init_n <= sizeof w->init && w->start_n <= sizeof w->start &&
           w->path_n <= sizeof w->path && w->meta_n <= sizeof w->meta;
}

bool look_found_ok(struct look_found *f, int64_t now_utc_us)
{
    if (f->end < MEDIA_END_WELL || f->end > MEDIA_END_UNKNOWN || !flag_ok(f->photo) ||
        !flag_ok(f->ours) || !text_ok(f->note, sizeof f->note) || !whose_ok(f->imei, f->camera) ||
        !text_ok(f->doubtful_imei, sizeof f->doubtful_imei) ||
        (f->doubtful_imei[0] && !import_imei_ok(f->doubtful_imei)) || !flag_ok(f->has_time) ||
        !flag_ok(f->time_local) || f->time_us < 0 || f->time_us - now_utc_us > NAME_AHEAD_US)
        return false;
    text_tame(f->note);
    for (int i = 0; i < IMPORT_SIDECARS; i++) {
        if (!sidecar_ok(&f->sidecar[i]))
            return false;
        text_tame(f->sidecar[i].why);
    }
    return true;
}

/* ---- the caller's side ---- */

/* A small regular file, or -1 and why it is none; "": nothing is there. An error is this machine's,
 * for now: another time it may well be one. */
static int open_small(const char *path, int *out, size_t *n, char why[LOOK_WHY_ROOM],
                      struct err *err)
{
    struct stat st;
    int fd = *out = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    why[0] = '\0';
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO))
        return err_sys(err, "open %s", path);
    if (fd < 0 || fstat(fd, &st) < 0) {
        if (errno != ENOENT && errno != ENAMETOOLONG)
            snprintf(why, LOOK_WHY_ROOM, "%s",
                     errno == ELOOP ? "a symbolic link, which is not followed" : strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        snprintf(why, LOOK_WHY_ROOM, "not a regular file");
    } else if (st.st_size == 0) {
        snprintf(why, LOOK_WHY_ROOM, "it is empty");
    } else if (st.st_size > SIDECAR_BYTES_MAX) {
        snprintf(why, LOOK_WHY_ROOM, "larger than 1 MiB, which no metadata are");
    } else {
        *n = (size_t)st.st_size;
        return ERR_OK;
    }
    if (fd >= 0)
        close(fd);
    *out = -1;
    return ERR_OK;
}

int look_at(struct sandbox_apart *apart, const struct item *it, int64_t now_utc_us,
            struct look_found *out, struct err *err)
{
    struct request q = {.length_bytes = it->stat.length_bytes, .now_utc_us = now_utc_us};
    char path[CATALOGUE_FILE_ROOM + 8], why[IMPORT_SIDECARS][LOOK_WHY_ROOM];
    int fd[1 + IMPORT_SIDECARS] = {it->fd};
    bool of_stem;
    snprintf(q.path, sizeof q.path, "%s", it->path);
    int rc = ERR_OK;
    for (int i = 0; i < IMPORT_SIDECARS; i++) {
        size_t n;
        why[i][0] = '\0';
        import_sidecar(it->path, i, path, sizeof path, &of_stem);
        if (rc == ERR_OK)
            rc = open_small(path, &fd[1 + q.n_sidecars], &n, why[i], err);
        if (rc < 0 || fd[1 + q.n_sidecars] < 0)
            continue;
        q.sidecar[q.n_sidecars].form = i;
        q.sidecar[q.n_sidecars++].n = n;
    }
    if (rc == ERR_OK)
        rc = sandbox_apart_call(apart, &q, fd, 1 + q.n_sidecars, out, err);
    for (int i = 0; i < q.n_sidecars; i++)
        close(fd[1 + i]);
    if (rc == ERR_OK && !look_found_ok(out, now_utc_us))
        rc = err_set(err, ERR_MALFORMED, "the process that looked at it said what cannot be");
    for (int i = 0; rc == ERR_OK && i < IMPORT_SIDECARS; i++)
        if (why[i][0])
            memcpy(out->sidecar[i].why, why[i], sizeof why[i]);
    return rc;
}

bool import_sidecar_kept(struct import *im, const char *sidecar, const char *id)
{
    struct catalogue_transfer t;
    struct err err;
    size_t n;
    if (catalogue_transfer_get(im->catalogue, id, &t, &err) < 0)
        return false;
    const struct catalogue_wire *w = &t.wire;
    uint8_t data[sizeof w->meta + 4];
    char why[LOOK_WHY_ROOM];
    int fd = -1;
    bool read = open_small(sidecar, &fd, &n, why, &err) == ERR_OK && fd >= 0 && n <= sizeof data &&
                pread(fd, data, n, 0) == (ssize_t)n;
    if (fd >= 0)
        close(fd);
    if (!read)
        return false;
    size_t head = n >= w->meta_n ? n - w->meta_n : n; /* of a frame: 4 */
    return w->meta_n > 0 && (head == 0 || head == 4) &&
           memcmp(data + head, w->meta, w->meta_n) == 0;
}
