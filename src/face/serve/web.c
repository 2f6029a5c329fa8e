#include "dashspool/clock.h"
#include "serve_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PAGE_BYTES_MAX ((size_t)4 << 20)

void web_put(struct web *h, const char *markup)
{
    if (h->rc == ERR_OK)
        h->rc = buf_append(&h->b, markup, strlen(markup), &h->err);
}

void web_text(struct web *h, const char *text)
{
    static const char special[] = "&<>\"'";
    static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    char shown[TEXT_ONE_ROOM];
    for (size_t n = strlen(text), bytes; n > 0; text += bytes, n -= bytes) {
        const char *at = strchr(special, *text);
        bytes = at ? 1 : text_one(text, n, shown);
        if (bytes == 0) { /* the beginning of a character, and no more */
            web_put(h, "\xef\xbf\xbd");
            return;
        }
        web_put(h, at ? names[at - special] : shown);
    }
}

void web_print(struct web *h, const char *markup, ...)
{
    va_list ap;
    va_start(ap, markup);
    for (; *markup; markup++) {
        char one[2] = {*markup, '\0'};
        if (strncmp(markup, "%s", 2) == 0) {
            web_text(h, va_arg(ap, const char *));
            markup++;
        } else {
            web_put(h, one);
        }
    }
    va_end(ap);
}

/* RFC 3986, unreserved; and `also`. */
static void put_address(struct web *h, const char *text, char also)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        char one[8];
        bool as_it_is = strchr(plain, *text) || *text == also;
        snprintf(one, sizeof one, as_it_is ? "%c" : "%%%02X", (unsigned char)*text);
        web_put(h, one);
    }
}

void web_url(struct web *h, const char *text)
{
    put_address(h, text, '-');
}

void web_path(struct web *h, const char *text)
{
    put_address(h, text, '/');
}

void web_time(struct web *h, int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(utc_us, 0, text);
    if (strlen(text) > 10)
        text[10] = ' ';
    web_print(h, "<time>%s</time>", text);
}

void web_size(struct web *h, int64_t bytes)
{
    char text[SIZE_TEXT_ROOM];
    web_put(h, size_text(bytes, text));
}

void web_begin(struct web *h, const char *title)
{
    *h = (struct web){.rc = ERR_OK};
    buf_init(&h->b, PAGE_BYTES_MAX);
    web_put(h, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
               "<meta name=\"color-scheme\" content=\"light dark\">"
               "<link rel=\"stylesheet\" href=\"/style.css\">");
    web_print(h, "<title>%s – dashspool</title></head><body>\n", title);
    web_put(h, "<header><a href=\"/\">dashspool</a> <a class=\"soft\" "
               "href=\"/status\">status</a></header>\n<main>\n");
}

int web_send(const struct buf *b, unsigned status, const char *type, const char *cache,
             struct answer *out, struct err *err)
{
    *out = (struct answer){.status = status};
    out->response =
        MHD_create_response_from_buffer(b->used, b->mem + b->start, MHD_RESPMEM_MUST_COPY);
    return web_headers(out, type, cache, err);
}

int web_answer(struct web *h, unsigned status, struct answer *out, struct err *err)
{
    web_put(h, "</main></body></html>\n");
    int rc = h->rc;
    if (rc < 0)
        *err = h->err;
    else
        rc = web_send(&h->b, status, "text/html; charset=utf-8", "no-store", out, err);
    buf_clear(&h->b);
    return rc;
}

int web_header(struct answer *out, const char *name, const char *value, struct err *err)
{
    if (out->response && MHD_add_response_header(out->response, name, value) == MHD_YES)
        return ERR_OK;
    return err_nomem(err, "an answer");
}

int web_headers(struct answer *out, const char *type, const char *cache, struct err *err)
{
    static const char *const same[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; "
         "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    int rc = web_header(out, "Content-Type", type, err);
    if (rc == ERR_OK)
        rc = web_header(out, "Cache-Control", cache, err);
    for (size_t i = 0; rc == ERR_OK && i < sizeof same / sizeof *same; i++)
        rc = web_header(out, same[i][0], same[i][1], err);
    return rc;
}

const char *serve_asked(const struct ask *ask, const char *name)
{
    const char *value = MHD_lookup_connection_value(ask->connection, MHD_GET_ARGUMENT_KIND, name);
    return value ? value : "";
}

const char serve_style[] =
    ":root{color-scheme:light dark;--line:#8884;--soft:#8882;--link:#0a58ca}\n"
    "@media(prefers-color-scheme:dark){:root{--link:#8ab4f8}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;font:16px/1.45 system-ui,sans-serif}\n"
    "header{padding:.6rem 1rem;border-bottom:1px solid var(--line);font-weight:600}\n"
    "header a{color:inherit;text-decoration:none;margin-right:1rem}header "
    ".soft{font-weight:normal}\n"
    "pre{overflow-x:auto;font-size:.85em}\n"
    "main{max-width:72rem;margin:0 auto;padding:1rem}\n"
    "a{color:var(--link)}h1{font-size:1.25rem;margin:.2rem 0 1rem;overflow-wrap:anywhere}\n"
    "h2{font-size:1.05rem;margin:1.6rem 0 .5rem}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{padding:.4rem .6rem;text-align:left;border-bottom:1px solid var(--line);"
    "vertical-align:top}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}td{overflow-wrap:anywhere}"
    "td:first-child{overflow-wrap:normal}\n"
    "tbody tr:hover{background:var(--soft)}\n"
    "time,code{font-variant-numeric:tabular-nums}code{font-size:.85em;overflow-wrap:anywhere}\n"
    "form{display:flex;flex-wrap:wrap;gap:.6rem;align-items:end;margin-bottom:1rem}\n"
    "label{display:flex;flex-direction:column;font-size:.85rem;gap:.15rem}\n"
    "input,select,button{font:inherit;padding:.35rem .5rem;border:1px solid var(--line);"
    "border-radius:.3rem;max-width:100%}\n"
    "video,img{max-width:100%;max-height:75vh;display:block;background:#000}\n"
    "nav{display:flex;gap:1rem;padding:1rem 0}.bad{color:#c62828}.soft{opacity:.75}\n"
    "@media(prefers-color-scheme:dark){.bad{color:#ff8a80}}\n"
    ".facts th{width:11rem;font-weight:normal;opacity:.75}\n"
    "@media(max-width:45rem){main{padding:.7rem}\n"
    ".list thead{display:none}.list tr{display:flex;flex-wrap:wrap;gap:0 .8rem;padding:.5rem 0;"
    "border-bottom:1px solid var(--line)}\n"
    ".list td{border:0;padding:.1rem 0}.list td:first-child{width:100%;font-weight:600}\n"
    ".list td.n{text-align:left}.facts th{width:7rem}label{flex:1 1 40%}"
    "input,select{width:100%}}\n";
