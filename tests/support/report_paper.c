#define _GNU_SOURCE
#include "support/report_paper.h"
#include "support/proc.h"
#include "support/report_page.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAX (16U << 20)

struct buf report_paper(const struct report *r)
{
    struct buf out;
    struct err err;
    assert_ok(report_form_bytes(report_pdf, r, MAX, &out, &err));
    assert_in_range(out.used, 1000, MAX);
    assert_memory_equal(buf_data(&out), "%PDF-", 5);
    return out;
}

static size_t times(const struct buf *in, const char *bytes)
{
    size_t n = 0, length = strlen(bytes);
    const uint8_t *data = buf_data(in);
    for (size_t i = 0; i + length <= in->used; i++)
        n += memcmp(data + i, bytes, length) == 0;
    return n;
}

/* What begins with a stream's bytes, unpacked. */
static struct buf unpacked(const uint8_t *at, size_t n)
{
    struct buf out;
    struct err err;
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)at, .avail_in = (uInt)n};
    buf_init(&out, MAX);
    assert_int_equal(inflateInit(&z), Z_OK);
    for (int rc = Z_OK; rc != Z_STREAM_END;) {
        uint8_t *to = buf_reserve(&out, 65536, &err);
        assert_non_null(to);
        z.next_out = to;
        z.avail_out = 65536;
        rc = inflate(&z, Z_NO_FLUSH);
        assert_true(rc == Z_OK || rc == Z_STREAM_END);
        buf_commit(&out, 65536 - z.avail_out);
    }
    inflateEnd(&z);
    return out;
}

/* Newer versions of cairo pack the objects: ISO 32000-1, 7.5.7. */
size_t report_paper_times(const struct buf *paper, const char *bytes)
{
    static const char packed[] = "/Type /ObjStm", begins[] = "stream\n";
    size_t n = times(paper, bytes);
    const uint8_t *p = buf_data(paper), *end = p + paper->used;
    while ((p = memmem(p, (size_t)(end - p), packed, strlen(packed))) != NULL) {
        p = memmem(p, (size_t)(end - p), begins, strlen(begins));
        assert_non_null(p);
        p += strlen(begins);
        struct buf objects = unpacked(p, (size_t)(end - p));
        n += times(&objects, bytes);
        buf_clear(&objects);
    }
    return n;
}

void report_paper_is_inert(const struct buf *paper)
{
    static const char *const never[] = {
        "/S /JavaScript", "/JavaScript", "/Launch",       "/OpenAction", "/AA ",       "/AcroForm",
        "/SubmitForm",    "/GoToR",      "/EmbeddedFile", "/RichMedia",  "/ImportData"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (report_paper_times(paper, never[i]) != 0)
            fail_msg("the PDF has %s", never[i]);
    assert_int_equal(report_paper_times(paper, "/URI ("),
                     report_paper_times(paper, "/URI (geo:") +
                         report_paper_times(paper, "/URI (https://www.openstreetmap.org/?mlat="));
}

char *report_paper_text(const struct buf *paper)
{
    char path[600], *dir = support_tmp_dir();
    snprintf(path, sizeof path, "%s/a.pdf", dir);
    support_write(path, buf_data(paper), paper->used);
    struct proc_result r =
        proc_run((const char *const[]){"pdftotext", "-raw", "-enc", "UTF-8", path, "-", NULL});
    if (r.status != 0 || r.err.used)
        fail_msg("pdftotext: %s", proc_err(&r));
    char *text = strdup(proc_out(&r));
    assert_non_null(text);
    proc_clear(&r);
    support_tmp_remove(&dir);
    return text;
}

/* White space of any width, and the hyphen that is only seen where a word is broken. */
static size_t space_at(const char *p)
{
    static const char *const wide[] = {"\u00a0", "\u202f", "\u2003"};
    if (strchr(" \t\n\r", *p) && *p)
        return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (strncmp(p, wide[i], strlen(wide[i])) == 0)
            return strlen(wide[i]);
    return 0;
}

/* In place. */
static void drop_space(char *text)
{
    char *to = text;
    for (const char *p = text; *p;) {
        size_t n = space_at(p);
        if (n == 0)
            *to++ = *p++;
        p += n;
    }
    *to = 0;
}

/* The last line of a page is its foot; its number may come as one more. */
static void drop_foot(char *page)
{
    for (bool number = true; number;) {
        size_t n = strlen(page);
        while (n > 0 && page[n - 1] == '\n')
            page[--n] = 0;
        char *last = strrchr(page, '\n');
        assert_non_null(last);
        number = strncmp(last + 1, "Page ", 5) == 0;
        assert_true(number || strchr(last, ' '));
        *last = 0;
    }
}

char *report_paper_words(const struct buf *paper)
{
    char *text = report_paper_text(paper), *words = calloc(1, strlen(text) + 1), *save = NULL;
    assert_non_null(words);
    for (char *page = strtok_r(text, "\f", &save); page; page = strtok_r(NULL, "\f", &save)) {
        drop_foot(page);
        drop_space(page);
        memcpy(words + strlen(words), page, strlen(page) + 1);
    }
    free(text);
    return words;
}

void report_paper_says(const char *words, const char *text)
{
    char *wanted = strdup(text);
    assert_non_null(wanted);
    drop_space(wanted);
    if (!strstr(words, wanted))
        fail_msg("the paper does not say: %s", text);
    free(wanted);
}

/* An element whose text is one piece on paper. */
static bool is_piece(const char *tag)
{
    static const char *const piece[] = {"td", "th", "li",  "p",       "h1",         "h2",
                                        "h3", "h4", "pre", "caption", "figcaption", "div"};
    char name[16];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(tag, " >"), tag);
    for (size_t i = 0; i < sizeof piece / sizeof *piece; i++)
        if (strcmp(name, piece[i]) == 0)
            return true;
    return false;
}

static const char *entity_end(const char *p, char *out)
{
    static const struct {
        const char *name;
        char is;
    } entity[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    for (size_t i = 0; i < sizeof entity / sizeof *entity; i++)
        if (strncmp(p, entity[i].name, strlen(entity[i].name)) == 0) {
            *out = entity[i].is;
            return p + strlen(entity[i].name);
        }
    *out = *p;
    return p + 1;
}

static const char *step_over(const char *p, const char *begin, const char *end)
{
    if (strncmp(p, begin, strlen(begin)) != 0)
        return p;
    p = strstr(p, end);
    assert_non_null(p);
    return p + strlen(end);
}

size_t report_paper_compare(const char *page, const char *words)
{
    size_t n = 0, used = 0;
    char *piece = malloc(strlen(page) + 1);
    assert_non_null(piece);
    const char *p = strstr(page, "<body>");
    assert_non_null(p);
    while (*p) {
        p = step_over(step_over(p, "<svg", "</svg>"), "<thead",
                      "</thead>"); /* heads: once on paper */
        if (*p == '<') {
            bool ends = is_piece(p + 1 + (p[1] == '/'));
            p += strcspn(p, ">") + 1;
            if (!ends)
                continue;
            piece[used] = 0;
            drop_space(piece);
            used = 0;
            if (*piece == 0)
                continue;
            report_paper_says(words, piece);
            n++;
        } else if (*p)
            p = entity_end(p, &piece[used++]);
    }
    free(piece);
    return n;
}
