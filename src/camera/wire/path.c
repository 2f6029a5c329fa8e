#include "dashspool/wire.h"
#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct word {
    const char *text, *means;
};

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool begins(const uint8_t *at, size_t n, const char *word)
{
    size_t i = 0;
    for (; word[i] && i < n && lower(at[i]) == (uint8_t)word[i]; i++)
        ;
    return word[i] == '\0';
}

/* The meaning of the first of the words that is anywhere in the path, or NULL. */
static const char *meaning(const uint8_t *path, size_t n, const struct word *words, size_t n_words)
{
    for (size_t w = 0; w < n_words; w++)
        for (size_t i = 0; i < n; i++)
            if (begins(path + i, n - i, words[w].text))
                return words[w].means;
    return NULL;
}

static const char *camera_of(const uint8_t *path, size_t n, const struct wire_meta *meta)
{
    static const struct word words[] = {
        {"mdas9", "road"},    {"dualcam_rear", "rear"}, {"dualcam_front", "front"},
        {"dashcam", "front"}, {"dsm", "driver"},
    };
    const char *camera = meaning(path, n, words, sizeof words / sizeof *words);
    if (!camera && meta && meta->kind == WIRE_KIND_DSM)
        camera = "driver";
    if (!camera && meta && meta->kind == WIRE_KIND_ADAS)
        camera = "road";
    return camera ? camera : "other";
}

static const char *kind_of(const uint8_t *path, size_t n, const struct wire_meta *meta)
{
    static const struct word extensions[] = {
        {"jpg", "photo"},  {"jpeg", "photo"}, {"png", "photo"}, {"mp4", "video"},
        {"h265", "video"}, {"h264", "video"}, {"265", "video"}, {"264", "video"},
        {"mov", "video"},  {"avi", "video"},  {"mkv", "video"}, {"ts", "video"},
    };
    static const struct word words[] = {
        {"picture", "photo"}, {"photo", "photo"}, {"snapshot", "photo"}, {"video", "video"}};
    size_t dot = n;
    while (dot > 0 && path[dot - 1] != '.' && path[dot - 1] != '/')
        dot--;
    if (dot > 0 && path[dot - 1] == '.')
        for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
            if (n - dot == strlen(extensions[i].text) &&
                begins(path + dot, n - dot, extensions[i].text))
                return extensions[i].means;
    const char *kind = meaning(path, n, words, sizeof words / sizeof *words);
    if (kind)
        return kind;
    bool typed = meta && (meta->kind == WIRE_KIND_DSM || meta->kind == WIRE_KIND_ADAS);
    return typed && meta->file_type != 0 ? "photo" : "video";
}

void wire_path_words(const void *path, size_t n, const struct wire_meta *meta, char camera[8],
                     char kind[8])
{
    const uint8_t *p = path;
    while (n > 0 && p[n - 1] == '\0')
        n--;
    snprintf(camera, 8, "%s", camera_of(p, n, meta));
    snprintf(kind, 8, "%s", kind_of(p, n, meta));
}

const char *wire_content(const void *data, size_t n)
{
    static const struct {
        size_t at, n;
        const char *bytes, *means;
    } begins_with[] = {
        {0, 3, "\xff\xd8\xff", "photo"}, {0, 4, "PTMF", "video"}, {0, 4, "\0\0\0\1", "video"},
        {0, 3, "\0\0\1", "video"},       {4, 4, "ftyp", "video"}, /* ISO/IEC 14496-12, 4.3 */
    };
    const uint8_t *p = data;
    for (size_t i = 0; i < sizeof begins_with / sizeof *begins_with; i++)
        if (n >= begins_with[i].at + begins_with[i].n &&
            memcmp(p + begins_with[i].at, begins_with[i].bytes, begins_with[i].n) == 0)
            return begins_with[i].means;
    return "";
}

const char *wire_path_text(const void *path, size_t n, char *out, size_t room)
{
    enum { ONE = 4, MORE = 4 }; /* the longest character, "..." and the end */
    const uint8_t *p = path;
    size_t used = 0;
    assert(room >= ONE + MORE);
    while (n > 0 && p[n - 1] == '\0')
        n--;
    for (size_t i = 0; i < n; i++) {
        bool plain = p[i] > ' ' && p[i] < 0x7f && p[i] != '\\' && p[i] != '"';
        size_t left = room - used;
        if (left < ONE + MORE && (n - i) * (plain ? 1 : ONE) >= left) {
            snprintf(out + used, left, "...");
            return out;
        }
        used += (size_t)snprintf(out + used, left, plain ? "%c" : "\\x%02x", p[i]);
    }
    out[used] = '\0';
    return out;
}
