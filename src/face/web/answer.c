/* Answers: texts, files and their parts, what is made while it is sent. */
#include "web_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int web_header(struct web_answer *out, const char *name, const char *value, struct err *err)
{
    if (out->response && MHD_add_response_header(out->response, name, value) == MHD_YES)
        return ERR_OK;
    return err_nomem(err, "an answer");
}

/* What a page may load: of ours, and pictures of one other host where it says so. */
static int header_policy(struct web_answer *out, const char *images, struct err *err)
{
    char text[512];
    snprintf(text, sizeof text,
             "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
             "img-src 'self' data:%s%s; media-src 'self'; "
             "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
             images ? " " : "", images ? images : "");
    return web_header(out, "Content-Security-Policy", text, err);
}

static int headers(struct web_answer *out, const char *type, const char *cache, const char *images,
                   struct err *err)
{
    static const char *const same[][2] = {
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    int rc = web_header(out, "Content-Type", type, err);
    if (rc == ERR_OK)
        rc = web_header(out, "Cache-Control", cache, err);
    if (rc == ERR_OK)
        rc = header_policy(out, images, err);
    for (size_t i = 0; rc == ERR_OK && i < sizeof same / sizeof *same; i++)
        rc = web_header(out, same[i][0], same[i][1], err);
    return rc;
}

int web_headers(struct web_answer *out, const char *type, const char *cache, struct err *err)
{
    return headers(out, type, cache, NULL, err);
}

static int send_bytes(const struct buf *b, unsigned status, const char *type, const char *cache,
                      const char *images, struct web_answer *out, struct err *err)
{
    *out = (struct web_answer){.status = status};
    out->response =
        MHD_create_response_from_buffer(b->used, b->mem + b->start, MHD_RESPMEM_MUST_COPY);
    return headers(out, type, cache, images, err);
}

int web_send(const struct buf *b, unsigned status, const char *type, const char *cache,
             struct web_answer *out, struct err *err)
{
    return send_bytes(b, status, type, cache, NULL, out, err);
}

int web_page_send(struct web_page *h, unsigned status, struct web_answer *out, struct err *err)
{
    int rc = h->rc;
    if (rc < 0)
        *err = h->err;
    else
        rc = send_bytes(&h->b, status, "text/html; charset=utf-8", "no-store", h->images, out, err);
    buf_clear(&h->b);
    return rc;
}

int web_redirect(const char *to, struct web_answer *out, struct err *err)
{
    char none[1] = "";
    *out = (struct web_answer){.status = MHD_HTTP_SEE_OTHER};
    out->response = MHD_create_response_from_buffer(0, none, MHD_RESPMEM_MUST_COPY);
    int rc = web_headers(out, "text/plain; charset=utf-8", "no-store", err);
    return rc < 0 ? rc : web_header(out, "Location", to, err);
}

/* ---- parts of a file (RFC 9110, section 14) ---- */

struct part {
    uint64_t from, n;
    bool given; /* of a part; else it is all */
};

static bool number(const char **text, uint64_t *out)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 18)
        return false;
    *out = strtoull(*text, NULL, 10);
    *text += digits;
    return true;
}

/* "bytes=0-99", "bytes=100-", "bytes=-100". What is not understood is as if it were not there;
 * false: it is of bytes that there are not. */
static bool read_range(const char *text, uint64_t length, struct part *out)
{
    static const char unit[] = "bytes=";
    uint64_t first = 0, last = length ? length - 1 : 0;
    *out = (struct part){0, length, false};
    if (!text || strncmp(text, unit, strlen(unit)) != 0)
        return true;
    text += strlen(unit);
    bool has_first = number(&text, &first);
    if (*text++ != '-')
        return true;
    bool has_last = number(&text, &last);
    if (*text || (!has_first && !has_last) || (has_first && has_last && last < first))
        return true;
    if (!has_first) { /* the last so many */
        first = last < length ? length - last : 0;
        if (last == 0)
            return false;
        last = length ? length - 1 : 0;
    }
    if (first >= length)
        return false;
    last = last < length ? last : length - 1;
    *out = (struct part){first, last - first + 1, true};
    return true;
}

static int not_in_it(uint64_t length, struct web_answer *out, struct err *err)
{
    char text[64];
    *out = (struct web_answer){.status = MHD_HTTP_RANGE_NOT_SATISFIABLE};
    out->response = MHD_create_response_from_buffer(0, text, MHD_RESPMEM_MUST_COPY);
    snprintf(text, sizeof text, "bytes */%" PRIu64, length);
    int rc = web_headers(out, "text/plain; charset=utf-8", "no-store", err);
    return rc < 0 ? rc : web_header(out, "Content-Range", text, err);
}

int web_send_file(const struct web_ask *ask, int fd, uint64_t length, const char *etag,
                  const char *type, struct web_answer *out, struct err *err)
{
    struct part part;
    char quoted[HASH_HEX_ROOM + 2];
    const char *range = web_header_of(ask, "Range"), *only = web_header_of(ask, "If-Range");
    snprintf(quoted, sizeof quoted, "\"%.*s\"", HASH_HEX_ROOM - 1, etag);
    if (!read_range(only[0] && strcmp(only, quoted) != 0 ? NULL : range, length, &part)) {
        close(fd);
        return not_in_it(length, out, err);
    }
    *out = (struct web_answer){.status = part.given ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK};
    out->response = MHD_create_response_from_fd_at_offset64(part.n, fd, part.from);
    if (!out->response) {
        close(fd);
        return err_nomem(err, "an answer");
    }
    int rc = web_headers(out, type, "private, no-cache", err);
    if (rc == ERR_OK && part.given) {
        char text[96];
        snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, part.from,
                 part.from + part.n - 1, length);
        rc = web_header(out, "Content-Range", text, err);
    }
    if (rc == ERR_OK && (rc = web_header(out, "Accept-Ranges", "bytes", err)) == ERR_OK)
        rc = web_header(out, "ETag", quoted, err);
    return rc;
}

/* ---- made while it is sent ---- */

struct made {
    web_read_fn *read;
    void *arg;
    void (*done)(void *arg);
};

static ssize_t read_made(void *arg, uint64_t at, char *out, size_t room)
{
    const struct made *m = arg;
    ssize_t n = m->read(m->arg, at, out, room);
    return n == WEB_END     ? MHD_CONTENT_READER_END_OF_STREAM
           : n == WEB_ABORT ? MHD_CONTENT_READER_END_WITH_ERROR
                            : n;
}

static void made_free(void *arg)
{
    struct made *m = arg;
    m->done(m->arg);
    free(m);
}

int web_send_made(uint64_t n, web_read_fn *read, void *arg, void (*done)(void *arg),
                  const char *type, struct web_answer *out, struct err *err)
{
    enum { PIECE = 64 * 1024 };
    struct made *m = malloc(sizeof *m);
    *out = (struct web_answer){.status = MHD_HTTP_OK};
    if (m) {
        *m = (struct made){read, arg, done};
        out->response = MHD_create_response_from_callback(n, PIECE, read_made, m, made_free);
    }
    if (!out->response) {
        free(m);
        done(arg);
        return err_nomem(err, "an answer");
    }
    int rc = web_headers(out, type, "no-store", err);
    /* No ETag: its hash is known at its end only. */
    return rc < 0 ? rc : web_header(out, "Accept-Ranges", "none", err);
}
