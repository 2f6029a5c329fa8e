#include "pdf.h"
#include <string.h>

#define CARRIED "    "

/* Where a line may be carried on: the last space in text[0, n) that no quotes are around and that
 * has no more than `letters` before it; without one, the first that has more; n: nowhere. */
static size_t fold_at(const char *text, size_t n, size_t letters)
{
    char quote = 0;
    size_t seen = 0, at = n, first = strspn(text, " ");
    for (size_t i = 0; i < n && (seen <= letters || at == n); i++) {
        char c = text[i];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == ' ' && i > first)
            at = i;
        seen += ((uint8_t)c & 0xc0) != 0x80;
    }
    return at;
}

static size_t letters_of(const char *text, size_t n)
{
    size_t seen = 0;
    for (size_t i = 0; i < n; i++)
        seen += ((uint8_t)text[i] & 0xc0) != 0x80;
    return seen;
}

static int fold_line(struct buf *out, const char *text, size_t n, size_t letters, struct err *err)
{
    int rc = ERR_OK;
    size_t room = letters;
    while (rc == ERR_OK && letters_of(text, n) > room) {
        size_t at = fold_at(text, n, room - 2);
        if (at == n)
            break;
        rc = buf_append(out, text, at, err);
        if (rc == ERR_OK)
            rc = buf_append(out, " \\\n" CARRIED, 3 + strlen(CARRIED), err);
        text += at + 1;
        n -= at + 1;
        room = letters - strlen(CARRIED);
    }
    return rc < 0 ? rc : buf_append(out, text, n, err);
}

int pdf_fold_command(struct buf *out, const char *text, size_t n, size_t letters, struct err *err)
{
    int rc = ERR_OK;
    while (rc == ERR_OK && n > 0) {
        const char *end = memchr(text, '\n', n);
        size_t line = end ? (size_t)(end - text) : n;
        rc = fold_line(out, text, line, letters, err);
        if (rc == ERR_OK && end)
            rc = buf_append(out, "\n", 1, err);
        text += line + (end != NULL);
        n -= line + (end != NULL);
    }
    return rc;
}
