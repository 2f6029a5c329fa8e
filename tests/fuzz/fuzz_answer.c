/* What an S3 store answers, XML and header lines: texts stay bounded and plain, numbers are none
 * below zero, and what is refused says why. The first byte chooses. */
#include "objects/objects_internal.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good)
{
    if (!good)
        abort();
}

static int on_entry(void *arg, const struct answer_entry *entry, struct err *err)
{
    int *n = arg;
    (void)err;
    must(entry->key[0] && strlen(entry->key) < ANSWER_TEXT_ROOM);
    must(strlen(entry->version) < ANSWER_TEXT_ROOM && entry->bytes >= 0);
    return ++*n == 20 ? err_set(err, ERR_AGAIN, "enough") : ERR_OK;
}

static void try_xml(const uint8_t *data, size_t n)
{
    static char next[ANSWER_TEXT_ROOM];
    struct answer_error error;
    struct err err = {0};
    bool versions = false;
    int entries = 0;
    if (answer_is_error(data, n, &error)) {
        for (const char *p = error.code; *p; p++)
            must(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.", *p));
        for (const char *p = error.region; *p; p++)
            must(strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *p));
        for (const char *p = error.message; *p; p++)
            must((unsigned char)*p >= ' ' && *p != 0x7f);
        must(answer_versioning(data, n, &versions, &err) < 0);
    }
    int rc = answer_list(data, n, on_entry, &entries, next, &err);
    must(rc == ERR_OK || (rc == err.code && err.text[0]));
    must(strlen(next) < sizeof next);
    rc = answer_versioning(data, n, &versions, &err);
    must(rc == ERR_OK || err.text[0]);
    must(!answer_has_lock(data, n) || rc < 0);
}

static void try_head(const uint8_t *data, size_t n)
{
    static struct exchange x;
    struct err err = {0};
    x = (struct exchange){.status = 206, .from = 2, .n = 3, .total = -1};
    x.head = (struct head){.length = -1, .range_from = -1, .range_end = -1}; /* as it begins */
    while (n > 0) { /* line by line, as curl has them: not ended by a zero */
        const uint8_t *end = memchr(data, '\n', n);
        size_t line = end ? (size_t)(end - data) + 1 : n;
        head_take(&x.head, (const char *)data, line);
        data += line;
        n -= line;
    }
    must(x.head.length >= -1 && x.head.range_from >= -1);
    must(x.head.range_end == -1 || x.head.range_end > x.head.range_from);
    for (const char *p = x.head.etag; *p; p++)
        must(*p > ' ' && *p < 0x7f); /* it goes into a header of ours */
    if (exchange_judge_head(&x, &err) == ERR_OK)
        must(x.head.range_from == 2 && x.total > 2 && x.total <= 5);
    else
        must(err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n > 0 && data[0] == 'h')
        try_head(data + 1, n - 1);
    else if (n > 0)
        try_xml(data + 1, n - 1);
    return 0;
}
