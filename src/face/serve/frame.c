/* What all pages have: the bar on top, icons, style and scripts. */
#include "serve_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- assets ---- */

#define ASSET(name) extern const char asset_##name[], asset_##name##_end[]
ASSET(style);
ASSET(icons);
ASSET(icon);
ASSET(did);
ASSET(map);
ASSET(leaflet);
ASSET(leaflet_style);
ASSET(list);
ASSET(live);
ASSET(upload);
ASSET(redact);
ASSET(player);

static const struct asset {
    const char *name, *type, *data, *end;
} assets[] = {
    {"style.css", "text/css; charset=utf-8", asset_style, asset_style_end},
    {"icons.svg", "image/svg+xml", asset_icons, asset_icons_end},
    {"icon.svg", "image/svg+xml", asset_icon, asset_icon_end},
    {"did.js", "text/javascript; charset=utf-8", asset_did, asset_did_end},
    {"map.js", "text/javascript; charset=utf-8", asset_map, asset_map_end},
    {"leaflet.js", "text/javascript; charset=utf-8", asset_leaflet, asset_leaflet_end},
    {"leaflet.css", "text/css; charset=utf-8", asset_leaflet_style, asset_leaflet_style_end},
    {"list.js", "text/javascript; charset=utf-8", asset_list, asset_list_end},
    {"live.js", "text/javascript; charset=utf-8", asset_live, asset_live_end},
    {"upload.js", "text/javascript; charset=utf-8", asset_upload, asset_upload_end},
    {"redact.js", "text/javascript; charset=utf-8", asset_redact, asset_redact_end},
    {"player.js", "text/javascript; charset=utf-8", asset_player, asset_player_end},
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
    return err_set(err, ERR_NOTFOUND, W_("There is no such page."));
}

/* ---- the bar ---- */

enum place { EVENTS, REQUESTS, STATUS, MAP, VEHICLES, PACKAGES, PLACES };

static const struct {
    const char *path, *below, *msgid; /* below: other pages of that place begin so */
} places[PLACES] = {
    [EVENTS] = {"/", "/event/", W_("Events")},
    [REQUESTS] = {"/requests", NULL, W_("Requests")},
    [STATUS] = {"/status", NULL, W_("Status")},
    [MAP] = {"/map", NULL, W_("Map")},
    [VEHICLES] = {"/vehicles", "/vehicle/", W_("Vehicles")},
    [PACKAGES] = {"/packages", "/package/", W_("Packages")},
};

static bool is_at(const struct web_ask *ask, enum place place)
{
    const char *below = places[place].below;
    return strcmp(ask->path, places[place].path) == 0 ||
           (below && strncmp(ask->path, below, strlen(below)) == 0);
}

/* How many there are, and of what for those who only hear it; live.js keeps it. */
static void put_count(struct web_page *h, const char *name, int64_t n, const char *one,
                      const char *many)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, n);
    web_print(h, " <span class=\"count%s\" data-count=\"%s\"", strcmp(name, "bad") ? "" : " bad",
              name);
    web_put(h, n > 0 ? ">" : " hidden>");
    web_print(h, "<b>%s</b><span class=\"hidden\"> %s</span></span>", number,
              web_trn(h, one, many, n));
}

static void put_places(struct serve *s, struct web_page *h, const struct web_ask *ask)
{
    const struct live_counts *n = live_count(s);
    web_print(h, "<nav aria-label=\"%s\">\n", web_tr(h, "Main"));
    for (enum place i = 0; i < PLACES; i++) {
        if (i == REQUESTS && !n->asks)
            continue;
        web_print(h, "<a href=\"%s\"", places[i].path);
        web_put(h, is_at(ask, i) ? " aria-current=\"page\">" : ">");
        web_say(h, places[i].msgid);
        if (i == EVENTS)
            put_count(h, "review", n->to_review, WN_("to review", "to review"));
        if (i == REQUESTS)
            put_count(h, "requests", n->requests, WN_("open", "open"));
        if (i == STATUS)
            put_count(h, "bad", n->troubles, WN_("problem", "problems"));
        web_put(h, "</a>\n");
    }
    web_put(h, "</nav>\n");
}

static void put_who(struct web_page *h, const struct web_ask *ask)
{
    static const char *const roles[] = {"", "viewer", "reviewer", "admin"};
    if (!ask->name[0])
        return;
    web_print(h, "<div class=\"who\"><span>%s <span class=\"small soft\">%s</span></span>\n",
              ask->name, web_tr(h, roles[ask->role]));
    web_print(h,
              "<form method=\"post\" action=\"/logout\"><input type=\"hidden\" name=\"csrf\" "
              "value=\"%s\"><button class=\"plain icon\" title=\"%s\" aria-label=\"%s\">",
              ask->csrf, web_tr(h, "Log out"), web_tr(h, "Log out"));
    frame_icon(h, "out");
    web_put(h, "</button></form></div>\n");
}

/* As of when the page is: before it looks at anything. */
static void put_now(struct serve *s, struct web_page *h)
{
    char now[LIVE_ROOM];
    live_now(s, now);
    web_print(h, "<template id=\"live\" data-now=\"%s\" data-offline=\"%s\"></template>\n", now,
              web_tr(h, "No connection to the server since %s. The page is as of then; it tries "
                        "again by itself."));
}

void serve_begin(void *app, struct web_page *h, const struct web_ask *ask, const char *title)
{
    struct serve *s = app;
    struct actions_outcome o;
    bool did = did_look(s, ask, &o);
    web_print(h, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
              ask->language);
    web_put(h, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<link rel=\"icon\" href=\"/assets/icon.svg\">\n"
               "<link rel=\"stylesheet\" href=\"/assets/style.css\">\n");
    if (did && did_waits(&o)) {
        web_put(h, "<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>\n");
        frame_script(h, "did.js");
    }
    web_print(h, "<title>%s · dashspool</title>\n</head>\n<body>\n", title);
    web_print(h, "<a class=\"skip\" href=\"#main\">%s</a>\n<header class=\"bar\">\n",
              web_tr(h, "To the content"));
    web_print(h, "<a class=\"brand\" href=\"/\" aria-label=\"%s\">",
              web_tr(h, "dashspool, events"));
    frame_icon(h, "mark");
    web_put(h, "<span>dashspool</span></a>\n");
    if (ask->role != PEOPLE_NOBODY) {
        put_places(s, h, ask);
        put_who(h, ask);
        put_now(s, h);
    }
    web_put(h, "</header>\n<main id=\"main\">\n");
    if (did)
        did_put(h, ask, &o, web_asked(ask, "did"));
}

void serve_end(void *app, struct web_page *h, const struct web_ask *ask)
{
    (void)app;
    web_put(h, "</main>\n");
    if (ask->role != PEOPLE_NOBODY)
        frame_script(h, "live.js");
    web_put(h, "</body>\n</html>\n");
}

void frame_begin(struct serve *s, struct web_page *h, const struct web_ask *ask, const char *title)
{
    web_page_init(h, ask);
    serve_begin(s, h, ask, web_tr(h, title));
}

int frame_send(struct serve *s, struct web_page *h, const struct web_ask *ask,
               struct web_answer *out, struct err *err)
{
    serve_end(s, h, ask);
    return web_page_send(h, 200, out, err);
}
