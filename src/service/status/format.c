#include "status_internal.h"
#include <stdio.h>
#include <string.h>

/* One character of UTF-8 (RFC 3629); its bytes, 0: it is none. */
static size_t character(const unsigned char *p, unsigned *code)
{
    static const struct {
        unsigned char mask, is;
        unsigned least;
    } forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}};
    for (size_t n = 0; n < 3; n++) {
        if ((p[0] & forms[n].mask) != forms[n].is)
            continue;
        *code = p[0] & (unsigned char)~forms[n].mask;
        for (size_t i = 1; i <= n; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            *code = *code << 6 | (p[i] & 0x3f);
        }
        return *code >= forms[n].least ? n + 1 : 0;
    }
    return 0;
}

/* One column, and nothing that a terminal obeys: Latin, Greek, Cyrillic, common punctuation. */
static bool is_plain(unsigned code)
{
    return (code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code < 0x300 && code != 0xad) ||
           (code >= 0x370 && code < 0x483) || (code >= 0x48a && code < 0x530) ||
           (code >= 0x2010 && code <= 0x2027) || code == 0x2030 || code == 0x20ac;
}

void format_clean(char *out, size_t room, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t at = 0;
    while (*p) {
        unsigned code = 0;
        size_t n = character(p, &code);
        bool plain = n > 0 && is_plain(code);
        if (at + (plain ? n : 1) >= room)
            break;
        if (plain)
            memcpy(out + at, p, n);
        else
            out[at] = '?';
        at += plain ? n : 1;
        p += n > 0 ? n : 1;
    }
    out[at] = '\0';
}

size_t format_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

size_t format_cut(const char *text, size_t n)
{
    size_t at = 0;
    while (text[at] && (n > 0 || ((unsigned char)text[at] & 0xc0) == 0x80)) {
        if (((unsigned char)text[at] & 0xc0) != 0x80)
            n--;
        at++;
        while (((unsigned char)text[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

const char *format_span(int64_t s, char out[24])
{
    if (s < 0)
        snprintf(out, 24, "?");
    else if (s < 100)
        snprintf(out, 24, "%d s", (int)s);
    else if (s < 100 * 60)
        snprintf(out, 24, "%d min", (int)(s / 60));
    else if (s < 48 * 3600)
        snprintf(out, 24, "%d h", (int)(s / 3600));
    else
        snprintf(out, 24, "%lld d", (long long)(s / 86400));
    return out;
}
