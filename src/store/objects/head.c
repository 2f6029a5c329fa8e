/* The head of an answer: header lines of a stranger. */
#include "dashspool/clock.h"
#include "objects_internal.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool take_digits(const char **p, int64_t *out)
{
    int64_t n = 0;
    const char *begin = *p;
    for (; **p >= '0' && **p <= '9'; ++*p) {
        if (n > (INT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (**p - '0');
    }
    *out = n;
    return *p > begin;
}

/* "bytes 0-9/100", "bytes 0-9/" and "*" for what is not known */
static void take_range(struct head *head, const char *text)
{
    int64_t from, last;
    if (strncasecmp(text, "bytes ", 6) != 0)
        return;
    text += 6;
    if (!take_digits(&text, &from) || *text++ != '-' || !take_digits(&text, &last) ||
        *text != '/' || last < from || last == INT64_MAX)
        return;
    head->range_from = from;
    head->range_end = last + 1;
}

/* "Tue, 01 Dec 2026 01:42:10 GMT" (RFC 9110, 5.6.7) */
static int64_t date_us(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4], iso[CLOCK_TEXT_ROOM];
    unsigned day, year, hour, minute, second;
    int64_t utc_us;
    struct err unimportant;
    if (sscanf(text, "%*3[A-Za-z], %2u %3[A-Za-z] %4u %2u:%2u:%2u GMT", &day, month, &year, &hour,
               &minute, &second) != 6)
        return 0;
    const char *at = strstr(months, month);
    if (!at || strlen(month) != 3 || (at - months) % 3 != 0)
        return 0;
    snprintf(iso, sizeof iso, "%04u-%02u-%02uT%02u:%02u:%02uZ", year,
             (unsigned)(at - months) / 3 + 1, day, hour, minute, second > 59 ? 59 : second);
    return clock_parse(iso, 0, &utc_us, NULL, &unimportant) == ERR_OK ? utc_us : 0;
}

static void take_text(char *out, size_t room, const char *text, const char *letters)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f)
            return;
    if (n < room && (!letters || strspn(text, letters) == n))
        snprintf(out, room, "%s", text);
}

void head_take(struct head *head, const char *line, size_t n)
{
    char text[2048];
    int64_t number;
    struct err unimportant;
    if (n >= 5 && strncasecmp(line, "HTTP/", 5) == 0) { /* 100, then the true one */
        *head = (struct head){.length = -1, .range_from = -1, .range_end = -1};
        return;
    }
    while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
        n--;
    if (n >= sizeof text || memchr(line, '\0', n))
        return;
    snprintf(text, sizeof text, "%.*s", (int)n, line);
    char *value = strchr(text, ':');
    if (!value)
        return;
    *value++ = '\0';
    value += strspn(value, " \t");
    const char *p = value;
    if (strcasecmp(text, "content-length") == 0) {
        if (take_digits(&p, &number) && !*p)
            head->length = number;
    } else if (strcasecmp(text, "content-range") == 0) {
        take_range(head, value);
    } else if (strcasecmp(text, "date") == 0) {
        head->date_us = date_us(value);
    } else if (strcasecmp(text, "last-modified") == 0) {
        head->modified_us = date_us(value);
    } else if (strcasecmp(text, "retry-after") == 0) {
        if (take_digits(&p, &number) && !*p && number <= 3600)
            head->retry_after_ms = number * 1000;
    } else if (strcasecmp(text, "etag") == 0) {
        take_text(head->etag, sizeof head->etag, value, NULL);
    } else if (strcasecmp(text, "x-amz-version-id") == 0) {
        take_text(head->version, sizeof head->version, value, NULL);
    } else if (strcasecmp(text, "x-amz-meta-sha256") == 0) {
        if (strlen(value) == HASH_HEX_ROOM - 1)
            take_text(head->sha256, sizeof head->sha256, value, "0123456789abcdef");
    } else if (strcasecmp(text, "x-amz-bucket-region") == 0) {
        take_text(head->region, sizeof head->region, value,
                  "abcdefghijklmnopqrstuvwxyz0123456789-");
    } else if (strcasecmp(text, "x-amz-object-lock-retain-until-date") == 0) {
        /* RGW writes nine digits of the second */
        char *dot = strchr(value, '.');
        if (dot)
            snprintf(dot, sizeof text - (size_t)(dot - text), "Z");
        if (clock_parse(value, 0, &number, NULL, &unimportant) == ERR_OK)
            head->retain_until_us = number;
    }
}

int exchange_judge_head(struct exchange *x, struct err *err)
{
    const struct head *h = &x->head;
    bool ranged = x->from + x->got > 0 || x->n >= 0;
    if (h->length < 0)
        return err_set(err, ERR_MALFORMED, "the store does not say how long the answer is");
    if (ranged && x->status != 206)
        return err_set(err, ERR_UNSUPPORTED, "the store cannot give parts of an object");
    if (!ranged && x->status != 200)
        return err_set(err, ERR_MALFORMED, "status %ld for a whole object", x->status);
    if (ranged && (h->range_from != x->from + x->got || h->range_end - h->range_from != h->length ||
                   (x->n >= 0 && h->range_end > x->from + x->n)))
        return err_set(err, ERR_MALFORMED, "the store gives another part than was asked for");
    if (x->etag[0] && strcmp(x->etag, h->etag) != 0)
        return err_set(err, ERR_IO, "the object changed while it was read");
    snprintf(x->etag, sizeof x->etag, "%s", h->etag);
    int64_t end = ranged ? h->range_end : h->length;
    if (x->total >= 0 && x->total != end)
        return err_set(err, ERR_MALFORMED, "the object's length changed while it was read");
    x->total = end;
    return ERR_OK;
}
