/* Fields that several forms have. */
#include "serve_internal.h"
#include <stdio.h>
#include <string.h>

enum { CHOICES_MAX = 300 }; /* that one can look through */

/* ---- a vehicle ---- */

struct choices {
    struct web_page *h;
    const char *chosen;
    int64_t n;
};

static int count_vehicle(void *arg, const struct review_vehicle *v, struct err *err)
{
    struct choices *c = arg;
    (void)v;
    (void)err;
    c->n++;
    return ERR_OK;
}

static int put_choice(void *arg, const struct review_vehicle *v, struct err *err)
{
    struct choices *c = arg;
    (void)err;
    if (strcmp(v->imei, CATALOGUE_IMEI_UNKNOWN) == 0)
        return ERR_OK;
    web_print(c->h, "<option value=\"%s\"", v->imei);
    web_put(c->h, strcmp(v->imei, c->chosen) == 0 ? " selected>" : ">");
    web_text(c->h, words_vehicle_name(v));
    if (v->name[0] && v->plate[0])
        web_print(c->h, " · %s", v->plate);
    web_put(c->h, "</option>");
    return ERR_OK;
}

int fields_vehicle(struct serve *s, struct web_page *h, const char *none, const char *chosen,
                   bool required, struct err *err)
{
    struct choices c = {.h = h, .chosen = chosen};
    const char *must = required ? " required" : "";
    int rc = review_vehicle_each(s->catalogue, count_vehicle, &c, err);
    web_print(h, "<label class=\"field\"><span>%s</span>", web_tr(h, "Vehicle"));
    if (rc == ERR_OK && c.n > 0 && c.n <= CHOICES_MAX) {
        web_put(h, "<select name=\"imei\"");
        web_put(h, must);
        web_print(h, "><option value=\"\">%s</option>", none);
        rc = review_vehicle_each(s->catalogue, put_choice, &c, err);
        web_put(h, "</select></label>\n");
        return rc;
    }
    web_put(h, "<input name=\"imei\" inputmode=\"numeric\" pattern=\"[0-9]{14,15}\"");
    web_put(h, must);
    web_print(h, " placeholder=\"%s\" value=\"%s\"></label>\n", web_tr(h, "IMEI, 15 digits"),
              chosen);
    return rc;
}

/* ---- a zone ---- */

void fields_zone(const struct serve *s, struct web_page *h, const char *none, int64_t utc_us)
{
    char zone[CLOCK_TEXT_ROOM];
    web_print(h, "<label class=\"field\"><span>%s</span><select name=\"zone\">",
              web_tr(h, "Time zone"));
    if (none)
        web_print(h, "<option value=\"\">%s</option><option>%s</option>", none, s->zone_name);
    when_zone(s, utc_us, WHEN_HERE, zone);
    if (!none)
        web_print(h, "<option value=\"%s\" selected>%s</option>", s->zone_name, zone);
    if (strcmp(s->zone_name, "UTC") != 0)
        web_put(h, "<option>UTC</option>");
    for (int min = -12 * 60; min <= 14 * 60; min += 60) {
        clock_zone(min, zone);
        web_print(h, "<option>%s</option>", zone);
    }
    web_put(h, "</select></label>\n");
}
