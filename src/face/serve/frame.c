/* What all pages have: the bar on top, icons, style and scripts. */
#include "dashspool/clock.h"
#include "serve_internal.h"
#include <stdio.h>
#include <string.h>

/* ---- assets ---- */

extern const char asset_style[], asset_style_end[], asset_icons[], asset_icons_end[];

static const struct asset {
    const char *name, *type, *data, *end;
} assets[] = {
    {"style.css", "text/css; charset=utf-8", asset_style, asset_style_end},
    {"icons.svg", "image/svg+xml", asset_icons, asset_icons_end},
};

/* A browser keeps it, and asks each time whether it is still the same. */
static int send_asset(const struct web_ask *ask, const struct asset *a, struct web_answer *out,
                      struct err *err)
{
    struct buf b;
    char sha256[HASH_HEX_ROOM], etag[HASH_HEX_ROOM + 2];
    size_t n = (size_t)(a->end - a->data);
    int rc = hash_text(a->data, n, sha256, err);
    if (rc < 0)
        return rc;
    snprintf(etag, sizeof etag, "\"%s\"", sha256);
    bool same = strcmp(web_header_of(ask, "If-None-Match"), etag) == 0;
    buf_init(&b, n + 1);
    rc = same ? ERR_OK : buf_append(&b, a->data, n, err);
    if (rc == ERR_OK)
        rc = web_send(&b, same ? 304 : 200, a->type, "no-cache", out, err);
    if (rc == ERR_OK)
        rc = web_header(out, "ETag", etag, err);
    buf_clear(&b);
    return rc;
}

int serve_asset(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    (void)app;
    for (size_t i = 0; i < sizeof assets / sizeof *assets; i++)
        if (strcmp(ask->rest, assets[i].name) == 0)
            return send_asset(ask, &assets[i], out, err);
    return err_set(err, ERR_NOTFOUND, "There is no such page.");
}

/* ---- the frame ---- */

void frame_icon(struct web_page *h, const char *name)
{
    web_print(h,
              "<svg class=\"i\" aria-hidden=\"true\"><use href=\"/assets/icons.svg#i-%s\"/></svg>",
              name);
}

static const struct {
    const char *path, *msgid;
} places[] = {
    {"/", "Events"},
    {"/status", "Status"},
};

static bool is_at(const struct web_ask *ask, const char *place)
{
    return strcmp(ask->path, place) == 0;
}

void serve_begin(void *app, struct web_page *h, const struct web_ask *ask, const char *title)
{
    (void)app;
    web_print(h, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
              ask->language);
    web_put(h, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<link rel=\"stylesheet\" href=\"/assets/style.css\">\n");
    web_print(h, "<title>%s · dashspool</title>\n</head>\n<body>\n", title);
    web_print(h, "<a class=\"skip\" href=\"#main\">%s</a>\n<header class=\"bar\">\n",
              web_tr(h, "To the content"));
    web_print(h, "<a class=\"brand\" href=\"/\" aria-label=\"%s\">",
              web_tr(h, "dashspool, events"));
    frame_icon(h, "mark");
    web_print(h, "<span>dashspool</span></a>\n<nav aria-label=\"%s\">\n", web_tr(h, "Main"));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        web_print(h, "<a href=\"%s\"", places[i].path);
        web_put(h, is_at(ask, places[i].path) ? " aria-current=\"page\">" : ">");
        web_say(h, places[i].msgid);
        web_put(h, "</a>\n");
    }
    web_put(h, "</nav>\n</header>\n<main id=\"main\">\n");
}

void serve_end(void *app, struct web_page *h, const struct web_ask *ask)
{
    (void)app;
    (void)ask;
    web_put(h, "</main>\n</body>\n</html>\n");
}

void frame_begin(struct serve *s, struct web_page *h, const struct web_ask *ask, const char *title)
{
    web_page_init(h, ask);
    serve_begin(s, h, ask, title);
}

int frame_send(struct serve *s, struct web_page *h, const struct web_ask *ask,
               struct web_answer *out, struct err *err)
{
    serve_end(s, h, ask);
    return web_page_send(h, 200, out, err);
}

void frame_time(struct web_page *h, int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(utc_us, 0, text);
    if (strlen(text) > 10)
        text[10] = ' ';
    web_print(h, "<time>%s</time>", text);
}
