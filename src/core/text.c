#include "dashspool/text.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- amounts ---- */

const char *size_text(int64_t bytes, char out[SIZE_TEXT_ROOM])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes;
    size_t u = 0;
    for (; v >= (u == 0 ? 1000 : 999.95) && u < 5; u++) /* "1000.0 kB" is 1.0 MB */
        v /= 1000;
    snprintf(out, SIZE_TEXT_ROOM, bytes < 0 ? "?" : u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
    return out;
}

const char *size_plural(int64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

/* ---- characters ---- */

size_t utf8_next(const char *p, size_t n, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *at = (const uint8_t *)p, b = *at;
    size_t length = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;
    if (length == 0 || length > n)
        return 0;
    uint32_t c = length == 1 ? b : b & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) /* a NUL too */
            return 0;
        c = c << 6 | (at[i] & 0x3fU);
    }
    if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return length;
}

enum text_coding text_coding_of(const void *text, size_t n)
{
    const uint8_t *p = text;
    if (n < 2)
        return TEXT_UTF8;
    if ((p[0] == 0xff && p[1] == 0xfe) || (p[0] > 0 && p[0] < 0x80 && !p[1]))
        return TEXT_UTF16LE;
    return (p[0] == 0xfe && p[1] == 0xff) || (!p[0] && p[1] > 0 && p[1] < 0x80) ? TEXT_UTF16BE
                                                                                : TEXT_UTF8;
}

static uint32_t utf16_unit(const uint8_t *p, enum text_coding coding)
{
    return coding == TEXT_UTF16LE ? (uint32_t)(p[0] | p[1] << 8) : (uint32_t)(p[0] << 8 | p[1]);
}

/* RFC 2781, 2.2; RFC 3629, 3. */
static size_t utf16_to_utf8(const uint8_t *p, size_t n, enum text_coding coding, char *out)
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const uint8_t *end = p + n;
    size_t used = 0;
    while (p < end) {
        bool half = end - p == 1;
        uint32_t c = half ? 0xfffd : utf16_unit(p, coding);
        p += half ? 1 : 2;
        uint32_t low = c >= 0xd800 && c < 0xdc00 && end - p >= 2 ? utf16_unit(p, coding) : 0;
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            p += 2;
        } else if (c >= 0xd800 && c < 0xe000)
            c = 0xfffd;
        size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = length; i-- > 1; c >>= 6)
            out[used + i] = (char)(0x80 | (c & 0x3f));
        out[used] = (char)(lead[length] | c);
        used += length;
    }
    return used;
}

size_t text_to_utf8(const void *text, size_t n, char *out)
{
    static const uint8_t bom[] = {0xef, 0xbb, 0xbf};
    enum text_coding coding = text_coding_of(text, n);
    size_t used = n, marks = 0;
    if (coding != TEXT_UTF8)
        used = utf16_to_utf8(text, n, coding, out);
    else if (n > 0)
        memcpy(out, text, n);
    while (used - marks >= sizeof bom && memcmp(out + marks, bom, sizeof bom) == 0)
        marks += sizeof bom;
    used -= marks;
    memmove(out, out + marks, used);
    while (used > 0 && out[used - 1] == '\0')
        used--;
    return used;
}

/* Of capitals that have their small letter at one distance, or, for 1, behind each of them. */
static uint32_t folded(uint32_t c)
{
    static const struct {
        uint32_t first, last, more;
    } all[] = {{'A', 'Z', 32},     {0xc0, 0xd6, 32},   {0xd8, 0xde, 32},   {0x100, 0x12e, 1},
               {0x132, 0x136, 1},  {0x139, 0x147, 1},  {0x14a, 0x176, 1},  {0x179, 0x17d, 1},
               {0x386, 0x386, 38}, {0x388, 0x38a, 37}, {0x38c, 0x38c, 64}, {0x38e, 0x38f, 63},
               {0x391, 0x3a1, 32}, {0x3a3, 0x3ab, 32}, {0x400, 0x40f, 80}, {0x410, 0x42f, 32},
               {0x460, 0x480, 1},  {0x48a, 0x4be, 1},  {0x4c1, 0x4cd, 1},  {0x4d0, 0x52e, 1}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (c >= all[i].first && c <= all[i].last)
            return all[i].more > 1 || (c - all[i].first) % 2 == 0 ? c + all[i].more : c;
    return c == 0x178 ? 0xff : c == 0x3c2 ? 0x3c3 : c;
}

void text_fold(char *text)
{
    for (size_t n = strlen(text), bytes; n > 0; text += bytes, n -= bytes) {
        uint32_t c = 0;
        bytes = utf8_next(text, n, &c);
        uint32_t small = bytes > 0 ? folded(c) : c;
        if (bytes == 1)
            *text = (char)small;
        else if (bytes == 2) { /* all that fold have two, before and after */
            text[0] = (char)(0xc0 | small >> 6);
            text[1] = (char)(0x80 | (small & 0x3f));
        }
        bytes += bytes == 0;
    }
}

bool text_same(const char *a, const char *b)
{
    size_t bytes;
    if (strlen(a) != strlen(b))
        return false;
    for (; *a; a += bytes, b += bytes) {
        uint32_t x = (uint8_t)*a, y = (uint8_t)*b;
        bytes = utf8_next(a, strlen(a), &x);
        if (utf8_next(b, strlen(b), &y) != bytes || folded(x) != folded(y))
            return false;
        bytes += bytes == 0;
    }
    return true;
}

/* ---- what strangers name ---- */

bool text_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffd) ||
           (c >= 0xe0000 && c <= 0xe007f);
}

size_t text_one(const char *p, size_t n, char out[TEXT_ONE_ROOM])
{
    uint32_t c = 0;
    uint8_t b = (uint8_t)*p;
    size_t bytes = utf8_next(p, n, &c), whole = b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4, k = 1;
    if (bytes == 0) {
        for (; k < n && ((uint8_t)p[k] & 0xc0) == 0x80;)
            k++;
        if (b >= 0xc2 && b < 0xf5 && k == n && n < whole)
            return 0;
        snprintf(out, TEXT_ONE_ROOM, "\\x%02x", b);
        return 1;
    }
    if (text_hidden(c) && c > 0xffff)
        snprintf(out, TEXT_ONE_ROOM, "\\u%04x\\u%04x", 0xd7c0U + (c >> 10), 0xdc00U + (c & 0x3ffU));
    else if (text_hidden(c))
        snprintf(out, TEXT_ONE_ROOM, "\\u%04x", (unsigned)c);
    else
        snprintf(out, TEXT_ONE_ROOM, "%.*s", (int)bytes, p);
    return bytes;
}

const char *text_shown(const char *text, char *out, size_t room)
{
    size_t used = 0, fits = 0, n = strlen(text);
    while (n > 0) {
        char one[TEXT_ONE_ROOM];
        size_t bytes = text_one(text, n, one);
        if (bytes == 0) /* its end never comes */
            bytes = (size_t)(snprintf(one, sizeof one, "\\x%02x", (unsigned char)*text) > 0);
        if (used + strlen(one) >= room) {
            snprintf(out + fits, room - fits, "...");
            return out;
        }
        used += (size_t)snprintf(out + used, room - used, "%s", one);
        fits = used + 4 <= room ? used : fits;
        text += bytes;
        n -= bytes;
    }
    out[used] = '\0';
    return out;
}

void text_tame(char *text)
{
    char *to = text;
    for (size_t n = strlen(text), bytes; n > 0; text += bytes, n -= bytes) {
        uint32_t c = 0;
        bytes = utf8_next(text, n, &c);
        bool shown = bytes > 0 && !text_hidden(c);
        bytes += bytes == 0;
        if (shown)
            memmove(to, text, bytes);
        else
            *to = '?';
        to += shown ? bytes : 1;
    }
    *to = '\0';
}

/* Whether it needs marks, and whether it has what a line cannot show. */
static bool is_plain_word(const char *text, bool *odd)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_@%+:,./-";
    uint32_t c;
    *odd = false;
    for (size_t n = strlen(text), i = 0, bytes; i < n; i += bytes) {
        bytes = utf8_next(text + i, n - i, &c);
        *odd |= bytes == 0 || text_hidden(c);
        bytes += bytes == 0;
    }
    return *text && text[strspn(text, plain)] == '\0';
}

const char *text_shell(const char *text, char *out, size_t room)
{
    bool odd, plain = is_plain_word(text, &odd);
    const char *before = *text == '-' ? "./" : "";
    size_t n = strlen(text), used = 0;
    if (4 * n + 24 > room || (odd && text[n - 1] == '\n')) { /* $(…) takes that away */
        snprintf(out, room, "\xe2\x80\xa6");
        return out;
    }
    used += (size_t)snprintf(out, room, "%s%s", before, plain ? "" : odd ? "\"$(printf '" : "'");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (odd && (c < ' ' || c >= 0x7f || c == '\\' || c == '\''))
            used += (size_t)snprintf(out + used, room - used, "\\%03o", c);
        else if (odd && c == '%')
            used += (size_t)snprintf(out + used, room - used, "%%%%");
        else if (c == '\'')
            used += (size_t)snprintf(out + used, room - used, "'\\''");
        else
            out[used++] = *text;
    }
    snprintf(out + used, room - used, "%s", plain ? "" : odd ? "')\"" : "'");
    return out;
}

bool text_imei_ok(const char *text)
{
    int sum = 0;
    if (strlen(text) != 15 || strspn(text, "0123456789") != 15)
        return false;
    for (int i = 0; i < 15; i++) {
        int v = (text[i] - '0') * (i % 2 ? 2 : 1);
        sum += v > 9 ? v - 9 : v;
    }
    return sum % 10 == 0;
}

/* ---- known words ---- */

bool words_have(const char *words, const char *word, size_t n)
{
    for (const char *p = words; n > 0 && *p; p += strcspn(p, " ")) {
        p += strspn(p, " ");
        if (strcspn(p, " ") == n && strncmp(p, word, n) == 0)
            return true;
    }
    return false;
}

const char *words_text(const char *words, char out[WORDS_TEXT_ROOM])
{
    size_t used = 0;
    out[0] = '\0';
    for (const char *p = words; *p && used < WORDS_TEXT_ROOM;) {
        size_t n = strcspn(p, " ");
        const char *next = p + n + strspn(p + n, " ");
        bool last = !*next;
        const char *before = used == 0 ? "" : last ? " or " : ", ";
        int wrote = snprintf(out + used, WORDS_TEXT_ROOM - used, "%s%.*s", before, (int)n, p);
        used += wrote > 0 ? (size_t)wrote : 0;
        p = next;
    }
    return out;
}

/* ---- what was meant ---- */

enum { LETTERS_MAX = 40 }; /* of a word that is looked at: those known are shorter */

static int least(int a, int b, int c)
{
    int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Optimal string alignment distance (Damerau 1964, Levenshtein 1966); LETTERS_MAX for words that
 * are too long. The last three rows of its table are enough. */
static int distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    int row[3][LETTERS_MAX + 1];
    if (n >= LETTERS_MAX || m >= LETTERS_MAX)
        return LETTERS_MAX;
    for (size_t j = 0; j <= m; j++)
        row[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *now = row[i % 3], *before = row[(i - 1) % 3], *earlier = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int other = a[i - 1] != b[j - 1];
            now[j] = least(now[j - 1] + 1, before[j] + 1, before[j - 1] + other);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], earlier[j - 2] + 1, LETTERS_MAX);
        }
    }
    return row[n % 3][m];
}

void words_guess_try(struct words_guess *guess, const char *word)
{
    int changes = distance(guess->typed, word);
    if (guess->word && changes >= guess->changes)
        return;
    guess->word = word;
    guess->changes = changes;
}

const char *words_guess(const struct words_guess *guess)
{
    size_t n = strlen(guess->typed);
    return guess->word && n < LETTERS_MAX && guess->changes * 3 <= (int)n ? guess->word : NULL;
}

const char *text_xml(const char *text, size_t *taken, size_t *n)
{
    bool none = strncmp(text, "\xef\xbf\xbe", 3) == 0 || /* U+FFFE */
                strncmp(text, "\xef\xbf\xbf", 3) == 0;   /* U+FFFF */
    const char *entity = *text == '&'   ? "&amp;"
                         : *text == '<' ? "&lt;"
                         : *text == '>' ? "&gt;"
                         : *text == '"' ? "&quot;"
                         : none         ? "?"
                                        : NULL;
    *taken = none ? 3 : 1;
    *n = entity ? strlen(entity) : 1;
    return entity ? entity : text;
}
