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
