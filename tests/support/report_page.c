#include "support/report_page.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX (16U << 20)

int report_form_bytes(report_form *form, const struct report *r, size_t room, struct buf *out,
                      struct err *err)
{
    buf_init(out, MAX + 1);
    uint8_t *bytes = buf_reserve(out, room + 1, err); /* one for the NUL of fmemopen() */
    assert_non_null(bytes);
    FILE *disk = room ? fmemopen(bytes, room, "w") : fopen("/dev/full", "w");
    assert_non_null(disk);
    int rc = form(disk, r, err);
    long n = ftell(disk);
    buf_commit(out, rc == ERR_OK && n > 0 ? (size_t)n : 0);
    fclose(disk);
    return rc;
}

/* The page as a string; free() it. */
char *report_page(const struct report *r)
{
    struct buf out;
    struct err err;
    assert_ok(report_form_bytes(report_html, r, MAX, &out, &err));
    assert_null(memchr(buf_data(&out), 0, out.used));
    char *text = malloc(out.used + 1);
    assert_non_null(text);
    memcpy(text, buf_data(&out), out.used);
    text[out.used] = 0;
    buf_clear(&out);
    return text;
}

void report_says(const char *page, const char *words)
{
    if (!strstr(page, words))
        fail_msg("the page does not say: %s", words);
}

void report_says_not(const char *page, const char *words)
{
    if (strstr(page, words))
        fail_msg("the page says: %s", words);
}

size_t report_times(const char *page, const char *words)
{
    size_t n = 0;
    for (const char *p = page; (p = strstr(p, words)) != NULL; p += strlen(words))
        n++;
    return n;
}

static void judge_attribute(const char *p)
{
    static const char *const fetching[] = {
        " src=",        " href=",   " srcset=", " poster=",    " data=",
        " xlink:href=", " action=", " style=",  " background="};
    for (size_t i = 0; i < sizeof fetching / sizeof *fetching; i++) {
        size_t n = strlen(fetching[i]);
        if (strncmp(p, fetching[i], n) == 0 && strncmp(p + n, "\"#", 2) != 0 &&
            strncmp(p + n, "\"data:image/jpeg;base64,", 24) != 0)
            fail_msg("the page refers to %.60s", p);
    }
    if (strncmp(p, " on", 3) == 0)
        fail_msg("the page acts on %.60s", p);
}

/* What a browser would fetch or run. */
void report_fetches_nothing(const char *page)
{
    bool in_tag = false, quoted = false;
    for (const char *p = page; *p; p++) {
        in_tag = (in_tag || *p == '<') && (quoted || *p != '>');
        quoted = in_tag && (quoted ^ (*p == '"'));
        if (in_tag && !quoted)
            judge_attribute(p);
    }
    for (const char *p = page; (p = strstr(p, "url(")) != NULL; p += 4)
        assert_int_equal(p[4], '#');
    static const char *const never[] = {"<script", "<link", "<iframe", "<object",
                                        "<embed",  "<base", "@import", "<foreignObject"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        report_says_not(page, never[i]);
}

/* Elements that are opened are closed, in order; attributes are quoted. */
void report_well_formed(const char *page)
{
    static const char *const void_element[] = {"meta", "br", "img"};
    char open[64][24];
    size_t depth = 0;
    for (const char *p = page; (p = strchr(p, '<')) != NULL; p++) {
        if (p[1] == '!')
            continue;
        bool closing = p[1] == '/';
        char name[24];
        size_t n = strcspn(p + 1 + closing, " >/\n");
        assert_in_range(n, 1, sizeof name - 1);
        snprintf(name, sizeof name, "%.*s", (int)n, p + 1 + closing);
        const char *end = p;
        for (bool quoted = false; *end && (quoted || *end != '>'); end++)
            quoted ^= *end == '"';
        assert_int_equal(*end, '>');
        bool single = end[-1] == '/';
        for (size_t i = 0; i < 3; i++)
            single |= strcmp(name, void_element[i]) == 0;
        if (closing) {
            assert_int_not_equal(depth, 0);
            assert_string_equal(open[--depth], name);
        } else if (!single) {
            assert_in_range(depth, 0, 63);
            memcpy(open[depth++], name, sizeof name);
        }
        p = end;
    }
    assert_int_equal(depth, 0);
}
