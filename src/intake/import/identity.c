#define _GNU_SOURCE
/* Of whom and of when a file is: what lies beside it, else its name and its folders. */
/* O_NOFOLLOW */
#include "dashspool/text.h"
#include "dashspool/wire.h"
#include "import_internal.h"
#include <ctype.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDECAR_BYTES_MAX = 1024 * 1024 }; /* ours has a line for each connection and copy */

/* The whole of a small regular file; false: there is none. free() *out. */
static bool read_small(const char *path, uint8_t **out, size_t *n)
{
    struct stat st;
    bool good = false;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    *out = NULL;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
        st.st_size <= SIDECAR_BYTES_MAX && (*out = malloc((size_t)st.st_size))) {
        ssize_t got = pread(fd, *out, (size_t)st.st_size, 0);
        good = got == (ssize_t)st.st_size;
        *n = (size_t)st.st_size;
    }
    if (fd >= 0)
        close(fd);
    if (!good) {
        free(*out);
        *out = NULL;
    }
    return good;
}

/* Metadata as bytes: `take` them if they can be read and say anything. */
static bool take_metadata(struct item *it, const uint8_t *data, size_t n, int64_t now_utc_us)
{
    struct err err;
    struct wire_meta m;
    if (n > sizeof it->row.wire.meta || wire_meta_parse(data, n, now_utc_us, &m, &err) < 0 ||
        m.present == 0)
        return false;
    memcpy(it->row.wire.meta, data, n);
    it->row.wire.meta_n = n;
    return facts_decode(&it->row);
}

/* A metadata response as received: one of its lengths, in its frame or without. What a camera says
 * in bytes has no mark: text in such a file is none. */
static bool take_response(struct item *it, const uint8_t *data, size_t n, int64_t now_utc_us)
{
    static const size_t lengths[] = {
        13, 14, WIRE_META_ADAS_BYTES, WIRE_META_DSM_BYTES, 32, WIRE_META_V4_BYTES};
    struct wire_frame frame;
    if (n > 4 && wire_frame_parse(data, n, &frame) == WIRE_HAVE_FRAME && frame.id == WIRE_META &&
        frame.frame_bytes == n) {
        data = frame.payload;
        n = frame.n;
    }
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        if (n == lengths[i])
            return take_metadata(it, data, n, now_utc_us);
    return false;
}

static bool take_text(struct item *it, const uint8_t *data, size_t n, int64_t now_utc_us)
{
    static const char *const first[] = {"Cmd version:", "Time (UTC+0):", "{"};
    for (int i = 0; i < 3; i++)
        if (n > strlen(first[i]) && memcmp(data, first[i], strlen(first[i])) == 0)
            return take_metadata(it, data, n, now_utc_us);
    return false;
}

/* ---- our own ---- */

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

/* What facts_transfer() wrote of this very file: whose it is, and what its camera said, verbatim.
 */
static bool take_ours(struct item *it, const json_t *o, int64_t now_utc_us)
{
    const char *sha256 = string_of(o, "sha256"), *imei = string_of(o, "imei"),
               *camera = string_of(o, "camera");
    json_t *bytes = json_object_get(o, "wire");
    struct catalogue_wire *w = &it->row.wire;
    uint8_t meta[CATALOGUE_META_ROOM];
    if (!sha256 || !json_is_object(bytes) || strcmp(sha256, it->row.sha256) != 0)
        return false;
    if (imei && import_imei_ok(imei))
        snprintf(it->row.imei, sizeof it->row.imei, "%s", imei);
    if (camera && words_have(CATALOGUE_CAMERAS, camera, strlen(camera)))
        snprintf(it->row.camera, sizeof it->row.camera, "%s", camera);
    w->init_n = unhex(string_of(bytes, "init"), w->init, sizeof w->init);
    w->start_n = unhex(string_of(bytes, "start"), w->start, sizeof w->start);
    w->path_n = unhex(string_of(bytes, "path"), w->path, sizeof w->path);
    size_t n = unhex(string_of(bytes, "meta"), meta, sizeof meta);
    if (n > 0)
        take_metadata(it, meta, n, now_utc_us);
    return true;
}

static bool take_json(struct item *it, const uint8_t *data, size_t n, int64_t now_utc_us)
{
    json_t *o = json_loadb((const char *)data, n, JSON_REJECT_DUPLICATES, NULL);
    bool ours = json_is_object(json_object_get(o, "wire")) && string_of(o, "sha256");
    bool taken = ours && take_ours(it, o, now_utc_us);
    json_decref(o);
    return ours ? taken : take_text(it, data, n, now_utc_us);
}

/* ---- which file ---- */

typedef bool take_fn(struct item *it, const uint8_t *data, size_t n, int64_t now_utc_us);

static bool try_file(struct item *it, const char *path, take_fn *take, int64_t now_utc_us)
{
    uint8_t *data;
    size_t n;
    if (!read_small(path, &data, &n))
        return false;
    bool taken = take(it, data, n, now_utc_us);
    if (taken) {
        const char *slash = strrchr(path, '/');
        snprintf(it->sidecar, sizeof it->sidecar, "%s", slash ? slash + 1 : path);
    }
    free(data);
    return taken;
}

static const struct {
    const char *extension;
    take_fn *take;
} forms[IMPORT_SIDECARS / 2] = {
    {".json", take_json}, {".meta", take_response}, {".bin", take_response}, {".txt", take_text}};

void import_sidecar(const char *path, int i, char *out, size_t room, bool *of_stem)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t whole = strlen(path), stem = dot && dot != name ? (size_t)(dot - path) : whole;
    *of_stem = i % 2 == 0;
    snprintf(out, room, "%.*s%s", (int)(*of_stem ? stem : whole), path, forms[i / 2].extension);
}

void sidecar_read(struct item *it, int64_t now_utc_us)
{
    char path[CATALOGUE_FILE_ROOM + 8];
    bool of_stem;
    for (int i = 0; i < IMPORT_SIDECARS; i++) {
        import_sidecar(it->path, i, path, sizeof path, &of_stem);
        if (try_file(it, path, forms[i / 2].take, now_utc_us))
            return;
    }
}

bool import_sidecar_kept(struct import *im, const char *sidecar, const char *id)
{
    struct catalogue_transfer t;
    struct err err;
    uint8_t *data;
    size_t n;
    if (catalogue_transfer_get(im->catalogue, id, &t, &err) < 0 || !read_small(sidecar, &data, &n))
        return false;
    const struct catalogue_wire *w = &t.wire;
    size_t head = n >= w->meta_n ? n - w->meta_n : n; /* of a frame: 4 */
    bool kept =
        w->meta_n > 0 && (head == 0 || head == 4) && memcmp(data + head, w->meta, w->meta_n) == 0;
    free(data);
    return kept;
}

/* Of whom a file is, where nothing beside it tells: its name and its folders. */

enum { FOLDERS_MAX = 4 }; /* how far up; what is above is no longer about one camera */

bool import_imei_ok(const char *text)
{
    size_t n = strlen(text);
    return (n == 14 || n == 15) && strspn(text, "0123456789") == n;
}

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
static void judge_word(struct catalogue_transfer *row, const char *from, size_t n)
{
    char folder[24];
    struct media_facts facts = {0};
    for (int i = 0; i < N_CAMERAS && !row->camera[0]; i++)
        if (n == strlen(cameras[i].word) && strncasecmp(from, cameras[i].word, n) == 0)
            snprintf(row->camera, sizeof row->camera, "%s", cameras[i].camera);
    if (row->imei[0] || n != 15)
        return;
    snprintf(folder, sizeof folder, "%.*s/x", (int)n, from);
    media_facts_from_path(folder, 0, &facts); /* its check digit, too */
    snprintf(row->imei, sizeof row->imei, "%s", facts.imei);
}

/* The words of one part of a path: its letters and digits. */
static void judge_part(struct catalogue_transfer *row, const char *from, const char *end)
{
    while (from < end) {
        const char *p = from;
        while (p < end && isalnum((unsigned char)*p))
            p++;
        if (p > from)
            judge_word(row, from, (size_t)(p - from));
        from = p + 1;
    }
}

static void camera_of_metadata(struct catalogue_transfer *row, int64_t now_utc_us)
{
    struct err err;
    struct wire_meta m;
    const char *camera = NULL;
    if (row->camera[0] || !(row->known & CATALOGUE_HAS_META) ||
        wire_meta_parse(row->wire.meta, row->wire.meta_n, now_utc_us, &m, &err) < 0)
        return;
    for (int i = 0; i < WIRE_N_SLOTS && m.kind == WIRE_KIND_DUALCAM; i++)
        if (wire_slots[i].file_type == m.file_type)
            camera = wire_slots[i].camera;
    if (m.kind == WIRE_KIND_DSM)
        camera = "driver";
    else if (m.kind == WIRE_KIND_ADAS)
        camera = "road";
    if (camera)
        snprintf(row->camera, sizeof row->camera, "%s", camera);
}

/* The file's name with its folder's: what time and IMEI may be read from again. */
static void keep_name(struct catalogue_transfer *row, const char *path)
{
    struct catalogue_wire *w = &row->wire;
    const char *end = path + strlen(path), *from = end;
    for (; from > path && from[-1] != '/'; from--)
        ;
    const char *name = from;
    if (from > path)
        for (from--; from > path && from[-1] != '/'; from--)
            ;
    if ((size_t)(end - from) > sizeof w->path)
        from = name;
    w->path_n = (size_t)(end - from);
    memcpy(w->path, from, w->path_n);
}

void identity_set(struct item *it, const char *word_imei, const char *word_camera,
                  int64_t now_utc_us)
{
    struct catalogue_transfer *row = &it->row;
    if (!row->imei[0] && word_imei)
        snprintf(row->imei, sizeof row->imei, "%s", word_imei);
    if (!row->camera[0] && word_camera)
        snprintf(row->camera, sizeof row->camera, "%s", word_camera);
    camera_of_metadata(row, now_utc_us);
    /* The name, then the folders, the nearest first. */
    const char *end = it->path + strlen(it->path);
    for (int i = 0; i <= FOLDERS_MAX && end > it->path; i++) {
        const char *from = end;
        while (from > it->path && from[-1] != '/')
            from--;
        judge_part(row, from, end);
        end = from > it->path ? from - 1 : it->path;
    }
    if (!row->imei[0])
        snprintf(row->imei, sizeof row->imei, "%s", CATALOGUE_IMEI_UNKNOWN);
    if (!row->camera[0])
        snprintf(row->camera, sizeof row->camera, "other");
    snprintf(row->kind, sizeof row->kind, "%s", it->ending.photo ? "photo" : "video");
    if (row->wire.path_n == 0)
        keep_name(row, it->path);
    struct media_facts facts = {0};
    /* no name is trusted over a camera that does not know the time */
    if (!(row->known & CATALOGUE_HAS_META))
        media_facts_from_path(it->path, now_utc_us, &facts);
    if (facts.has_time) {
        row->known |= CATALOGUE_TIME_OK | CATALOGUE_TIME_NAMED;
        row->time_us = facts.start_utc_us;
    }
}
