/* Maps: their ground, and the one of all events of a filter. */
#include "dashspool/atlas.h"
#include "dashspool/log.h"
#include "dashspool/tiles.h"
#include "serve_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Points of a map; of more events the newest are shown, and it is said. Rows beside it. */
enum { POINTS = 2000, ROWS = 50, HOST_ROOM = 300 };

#define COARSE_DEG 0.004 /* outlines: half a dot at ATLAS_ZOOM_MAX is finer than they are */

struct map_ground {
    struct atlas *atlas;
    struct tiles *tiles;  /* NULL: no file */
    const char *address;  /* of somebody's tiles; NULL: none */
    char host[HOST_ROOM]; /* … where pictures come from then */
    const char *credit;
    int zoom;
};

/* ---- the setting ---- */

/* "https://host[:port]", or "http://…", of an address; false: it is none, or is not one of tiles.
 */
static bool host_of(const char *address, char out[HOST_ROOM])
{
    size_t n = strncmp(address, "http://", 7) == 0    ? 7
               : strncmp(address, "https://", 8) == 0 ? 8
                                                      : 0;
    if (n == 0 || !strstr(address, "{z}") || !strstr(address, "{x}") || !strstr(address, "{y}"))
        return false;
    size_t host = strspn(address + n, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789.-:");
    if (host == 0 || n + host >= HOST_ROOM || address[n + host] != '/')
        return false;
    snprintf(out, HOST_ROOM, "%.*s", (int)(n + host), address);
    return true;
}

int map_check(const char *value, struct err *err)
{
    char host[HOST_ROOM];
    size_t n = strlen(value);
    if (!value[0] || host_of(value, host) || (n > 8 && strcmp(value + n - 8, ".mbtiles") == 0))
        return ERR_OK;
    return err_set(err, ERR_CONFIG,
                   "expected a file *.mbtiles, or https://HOST/…/{z}/{x}/{y}… of a tile server "
                   "(http:// for one of your own net)");
}

int map_open(struct serve *s, struct err *err)
{
    const char *set = cfg_text(s->cfg, "ui", "tiles");
    struct map_ground *g = s->ground = calloc(1, sizeof *g);
    if (!g)
        return err_nomem(err, "a map");
    g->zoom = ATLAS_ZOOM_MAX;
    g->credit = "Natural Earth";
    int rc = atlas_load(&g->atlas, COARSE_DEG, err);
    if (rc < 0 || !set[0])
        return rc;
    if (host_of(set, g->host)) {
        g->address = set;
        g->zoom = 19;
    } else {
        rc = tiles_open(&g->tiles, set, err);
        if (rc < 0)
            return cfg_blame(s->cfg, "ui", "tiles", err);
        g->zoom = tiles_about(g->tiles)->zoom_max;
        g->credit = tiles_about(g->tiles)->attribution;
    }
    const char *credit = cfg_text(s->cfg, "ui", "tiles_credit");
    g->credit = credit[0] ? credit : g->tiles ? g->credit : "";
    return ERR_OK;
}

void map_close(struct serve *s)
{
    if (s->ground) {
        atlas_free(&s->ground->atlas);
        tiles_close(&s->ground->tiles);
    }
    free(s->ground);
    s->ground = NULL;
}

const struct atlas *map_atlas(const struct serve *s)
{
    return s->ground->atlas;
}

/* ---- tiles ---- */

/* "Z/X/Y" */
static bool read_numbers(const char *text, int out[3])
{
    for (int i = 0; i < 3; i++) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 8 || text[digits] != (i < 2 ? '/' : '\0'))
            return false;
        out[i] = (int)strtol(text, NULL, 10);
        text += digits + 1;
    }
    return true;
}

int serve_tile(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    const struct map_ground *g = ((struct serve *)app)->ground;
    struct buf b;
    int at[3];
    if (!read_numbers(ask->rest, at))
        return err_set(err, ERR_NOTFOUND, W_("There is no such page."));
    buf_init(&b, TILES_BYTES_MAX);
    int rc = g->tiles ? tiles_get(g->tiles, at[0], at[1], at[2], &b, err)
                      : atlas_tile(g->atlas, at[0], at[1], at[2], web_asked(ask, "dark")[0] != 0,
                                   &b, err);
    if (rc == ERR_OK)
        rc = web_send(&b, 200, g->tiles ? tiles_about(g->tiles)->type : "image/svg+xml",
                      "private, max-age=86400", out, err);
    buf_clear(&b);
    return rc;
}

/* ---- a map in a page ---- */

void map_begin(struct serve *s, struct web_page *h, const char *points, const char *track)
{
    const struct map_ground *g = s->ground;
    char zoom[16];
    snprintf(zoom, sizeof zoom, "%d", g->zoom);
    h->images = g->address ? g->host : NULL;
    web_print(h, "<figure class=\"map\" data-map data-tiles=\"%s\" data-zoom=\"%s\"",
              g->address ? g->address : "/tiles/{z}/{x}/{y}", zoom);
    web_print(h, " data-in=\"%s\" data-out=\"%s\"", web_tr(h, "Zoom in"), web_tr(h, "Zoom out"));
    web_put(h, g->address || g->tiles ? " data-streets" : ""); /* they are made for light pages */
    if (points)
        web_print(h, " data-points=\"%s\"", points);
    if (track)
        web_print(h, " data-track=\"%s\"", track);
    web_put(h, ">\n");
}

void map_end(struct serve *s, struct web_page *h)
{
    if (s->ground->credit[0])
        web_print(h, "<figcaption class=\"credit\">%s</figcaption>\n", s->ground->credit);
    web_put(h, "</figure>\n");
}

/* ---- the events of a filter ---- */

struct places {
    struct serve *s;
    struct web_page *h;      /* the page */
    struct web_page *island; /* the JSON beside it */
    const struct filter *f;
    int n, placed;
};

static void put_point(struct places *p, const struct review_event *e, const char *when)
{
    char numbers[64], label[400];
    snprintf(label, sizeof label, "%s · %s · %s", words_vehicle_name(&e->vehicle),
             words_trigger(p->h, e->trigger), when);
    snprintf(numbers, sizeof numbers, "%s[%.6f,%.6f,", p->placed ? "," : "", e->lat_deg,
             e->lon_deg);
    web_put(p->island, numbers);
    struct web_page link = {.rc = ERR_OK};
    buf_init(&link.b, 4096);
    web_put(&link, "/event/");
    web_url(&link, e->id);
    if (link.rc == ERR_OK)
        link.rc = buf_append(&link.b, "", 1, &link.err);
    web_json(p->island, link.rc == ERR_OK ? (const char *)buf_data(&link.b) : "/");
    buf_clear(&link.b);
    web_put(p->island, ",");
    web_json(p->island, label);
    web_put(p->island, e->condition <= REVIEW_WHOLE     ? ",\"ok\"]"
                       : e->condition == REVIEW_FAILED  ? ",\"bad\"]"
                       : e->condition <= REVIEW_PARTIAL ? ",\"warn\"]"
                                                        : ",\"wait\"]");
}

static int put_event(void *arg, const struct review_event *e, struct err *err)
{
    struct places *p = arg;
    char when[WHEN_ROOM];
    (void)err;
    p->n++;
    int tz_min = e->zone_known ? e->tz_min : WHEN_HERE;
    when_text(p->s, p->h, e->at_us, tz_min, WHEN_FULL, when);
    if (e->position) {
        put_point(p, e, when);
        p->placed++;
    }
    if (p->n > ROWS)
        return ERR_OK;
    web_put(p->h, "<li><a href=\"/event/");
    web_url(p->h, e->id);
    filter_put(p->h, p->f);
    web_print(p->h, "\"><b>%s</b> ", words_vehicle_name(&e->vehicle));
    web_text(p->h, words_trigger(p->h, e->trigger));
    web_put(p->h, "</a> ");
    when_put(p->s, p->h, e->at_us, tz_min, WHEN_FULL);
    if (!e->position) {
        web_put(p->h, " <span class=\"soft\">");
        web_say(p->h, "no position");
        web_put(p->h, "</span>");
    }
    web_put(p->h, "</li>\n");
    return ERR_OK;
}

static void put_head(struct web_page *h, const struct places *p, int64_t all)
{
    web_put(h, "<div class=\"pagehead\"><h1>");
    web_say(h, "Map");
    web_put(h, "</h1><p>");
    web_sayn(h, "%s event", "%s events", all);
    web_put(h, ", ");
    web_sayn(h, "%s with a position", "%s with a position", p->placed);
    if (all > POINTS) {
        web_put(h, ". ");
        web_sayn(h, "The newest %s is looked at.", "The newest %s are looked at.", POINTS);
    }
    web_put(h, "</p><span class=\"push row\"><a class=\"button\" href=\"/");
    filter_put(h, p->f);
    web_put(h, "\">");
    frame_icon(h, "rows");
    web_say(h, "As a list");
    web_put(h, "</a></span></div>\n");
}

int serve_map(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct web_page h, rows, island;
    struct filter f;
    struct review_counts counts;
    int rc = filter_read(ask, &f, err);
    if (rc < 0)
        return rc;
    struct review_filter chosen = filter_review(s, &f);
    struct places p = {.s = s, .h = &rows, .island = &island, .f = &f};
    web_page_init(&rows, ask);
    web_page_init(&island, ask);
    if ((rc = catalogue_read_begin(s->catalogue, err)) == ERR_OK &&
        (rc = counts_of(s, &f, &counts, err)) == ERR_OK)
        rc = review_each(s->catalogue, &chosen, 0, POINTS, put_event, &p, err);
    catalogue_rollback(s->catalogue);
    if (rc == ERR_OK && (rc = rows.rc < 0 ? rows.rc : island.rc) < 0)
        *err = rows.rc < 0 ? rows.err : island.err;
    if (rc == ERR_OK) {
        frame_begin(s, &h, ask, web_tr(&rows, "Map"));
        frame_script(&h, "map.js");
        put_head(&h, &p, counts.all);
        web_put(&h, "<div class=\"atlas\">\n");
        map_begin(s, &h, "points", NULL);
        map_end(s, &h);
        web_print(&h, "<section aria-label=\"%s\"><ol class=\"places\">\n",
                  web_tr(&h, "Events on the map"));
        web_append(&h, &rows);
        web_put(&h, "</ol></section></div>\n<script type=\"application/json\" id=\"points\">[");
        web_append(&h, &island);
        web_put(&h, "]</script>\n");
        rc = frame_send(s, &h, ask, out, err);
    }
    web_page_clear(&rows);
    web_page_clear(&island);
    return rc;
}
