#include "dashspool/import_walk.h"
#include <stdio.h>
#include <string.h>

/* Bytes of the character at p, n left; 0: none that can be shown. RFC 3629, section 4. */
static size_t character(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char first, last; /* of the lead byte */
        unsigned char low, high;   /* of the second */
        size_t bytes;
    } forms[] = {
        {0x20, 0x7e, 0, 0, 1},       {0xc2, 0xc2, 0xa0, 0xbf, 2}, {0xc3, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (*p == '\\')
        return 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t k = 1, m = forms[i].bytes;
        if (*p < forms[i].first || *p > forms[i].last)
            continue;
        if (m > n || (m > 1 && (p[1] < forms[i].low || p[1] > forms[i].high)))
            return 0;
        while (k < m && (k == 1 || (p[k] & 0xc0) == 0x80))
            k++;
        return k == m ? m : 0;
    }
    return 0;
}

/* Writes what fits, whole characters. */
static size_t escape(const char *path, char *out, size_t room)
{
    const unsigned char *p = (const unsigned char *)path;
    size_t left = strlen(path), used = 0;
    while (left > 0) {
        size_t n = character(p, left), bytes = n > 0 ? n : 4;
        if (used + bytes >= room)
            break;
        if (n > 0)
            memcpy(out + used, p, n);
        else
            snprintf(out + used, 5, "\\x%02x", *p);
        used += bytes;
        p += n > 0 ? n : 1;
        left -= n > 0 ? n : 1;
    }
    out[used] = '\0';
    return (size_t)((const char *)p - path);
}

const char *import_path_text(const char *path, char *out, size_t room)
{
    size_t n = strlen(path);
    if (escape(path, out, room) == n)
        return out;
    size_t keep = (room - 4) / 4; /* whatever is in it fits */
    const char *from = n > keep ? path + n - keep : path;
    memcpy(out, "...", 3);
    escape(from, out + 3, room - 3);
    return out;
}
