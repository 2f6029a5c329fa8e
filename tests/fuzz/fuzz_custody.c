/* Lines of a custody from anybody, as a package has them; and what is written is read again. */
#include "dashspool/custody.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good)
{
    if (!good)
        abort();
}

static void read_lines(const char *at, const char *end)
{
    struct custody_chain chain = {.n = 0};
    struct err err;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline ? newline : end) - at);
        int64_t before = chain.n;
        if (custody_next(&chain, at, length, &err) < 0) {
            must(err.text[0] != '\0');
            return;
        }
        must(chain.n == before + 1 || chain.n == 1);
        must(strlen(chain.last) == 2 * HASH_BYTES && memchr(chain.id, '\0', sizeof chain.id));
        at += length + 1;
    }
}

/* The input as the "what" of an event: refused, or a line that follows from the one before. */
static void write_lines(const char *what)
{
    char first[CUSTODY_LINE_ROOM], second[CUSTODY_LINE_ROOM];
    struct custody_chain chain = {.n = 0};
    struct custody_event event = {0, CUSTODY_STORED, "a test", NULL};
    struct err err;
    must(custody_line(first, "an-id", 1, NULL, &event, &err) == ERR_OK);
    event.what = what;
    if (custody_line(second, "an-id", 2, first, &event, &err) < 0)
        return;
    must(custody_next(&chain, first, strlen(first), &err) == ERR_OK);
    must(custody_next(&chain, second, strlen(second), &err) == ERR_OK);
    must(chain.n == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    must(text != NULL);
    if (n > 0)
        memcpy(text, data, n);
    text[n] = '\0';
    read_lines(text, text + n);
    write_lines(text);
    free(text);
    return 0;
}
