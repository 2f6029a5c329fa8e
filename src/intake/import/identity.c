/* Of whom a file is, where nothing beside it tells: its name and its folders. */
#include "dashspool/convert.h"
#include "dashspool/wire.h"
#include "dashspool/words.h"
#include "import_internal.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

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

bool import_camera_ok(const char *text)
{
    return words_have(CATALOGUE_CAMERAS, text, strlen(text));
}

/* Calls a word [from, n) what it means. */
static void judge_word(struct catalogue_transfer *row, const char *from, size_t n)
{
    char folder[24];
    struct convert_facts facts = {0};
    for (int i = 0; i < N_CAMERAS && !row->camera[0]; i++)
        if (n == strlen(cameras[i].word) && strncasecmp(from, cameras[i].word, n) == 0)
            snprintf(row->camera, sizeof row->camera, "%s", cameras[i].camera);
    if (row->imei[0] || n != 15)
        return;
    snprintf(folder, sizeof folder, "%.*s/x", (int)n, from);
    convert_facts_from_path(folder, 0, &facts); /* its check digit, too */
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

/* The name, then the folders, the nearest first. */
static void judge_path(struct catalogue_transfer *row, const char *path)
{
    const char *end = path + strlen(path);
    for (int i = 0; i <= FOLDERS_MAX && end > path; i++) {
        const char *from = end;
        while (from > path && from[-1] != '/')
            from--;
        judge_part(row, from, end);
        end = from > path ? from - 1 : path;
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

static void time_of_name(struct catalogue_transfer *row, const char *path, int64_t now_utc_us)
{
    struct convert_facts facts = {0};
    if (row->known & CATALOGUE_HAS_META)
        return; /* no name is trusted over a camera that does not know the time */
    convert_facts_from_path(path, now_utc_us, &facts);
    if (!facts.has_time)
        return;
    row->known |= CATALOGUE_TIME_OK | CATALOGUE_TIME_NAMED;
    row->time_us = facts.start_utc_us;
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
    judge_path(row, it->path);
    if (!row->imei[0])
        snprintf(row->imei, sizeof row->imei, "%s", CATALOGUE_IMEI_UNKNOWN);
    if (!row->camera[0])
        snprintf(row->camera, sizeof row->camera, "other");
    snprintf(row->kind, sizeof row->kind, "%s", it->ending.photo ? "photo" : "video");
    if (row->wire.path_n == 0)
        keep_name(row, it->path);
    time_of_name(row, it->path, now_utc_us);
}
