/* What came. */
#include "dashspool/clock.h"
#include "serve_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 50, PAGES_MAX = 100000 };

#define DAY_US (86400 * INT64_C(1000000))

struct list {
    struct web h;
    int n;
};

/* ---- what is asked for ---- */

/* A day, or a time; `until` a day means its end. */
static int read_time(const struct ask *ask, const char *name, bool until, int64_t *out,
                     struct err *err)
{
    char text[64];
    const char *value = serve_asked(ask, name);
    bool day = strlen(value) == 10;
    if (!value[0])
        return ERR_OK;
    snprintf(text, sizeof text, "%.40s%s", value, day ? "T00:00:00Z" : "");
    if (clock_parse(text, 0, out, NULL, err) < 0)
        return err_set(err, ERR_MALFORMED, "%s: write a date as 2024-11-29 or 2024-11-29T07:00:00Z",
                       name);
    *out += day && until ? DAY_US : 0;
    return ERR_OK;
}

static int read_page(const struct ask *ask, int64_t *out, struct err *err)
{
    const char *value = serve_asked(ask, "page");
    char *end;
    *out = value[0] ? strtoll(value, &end, 10) : 1;
    if (value[0] && (*end || *out < 1 || *out > PAGES_MAX))
        return err_set(err, ERR_MALFORMED, "page: a number from 1 to %d is needed", PAGES_MAX);
    return ERR_OK;
}

static int read_filter(const struct ask *ask, struct catalogue_filter *f, int64_t *page,
                       struct err *err)
{
    *f = (struct catalogue_filter){.imei = serve_asked(ask, "imei"),
                                   .camera = serve_asked(ask, "camera"),
                                   .kind = serve_asked(ask, "kind"),
                                   .trigger_name = serve_asked(ask, "trigger"),
                                   .newest_first = true,
                                   .limit = ROWS + 1};
    *page = 1;
    int rc = read_time(ask, "since", false, &f->since_us, err);
    if (rc == ERR_OK)
        rc = read_time(ask, "until", true, &f->until_us, err);
    if (rc == ERR_OK)
        rc = read_page(ask, page, err);
    f->skip = rc == ERR_OK ? (*page - 1) * ROWS : 0;
    return rc;
}

/* ---- the form ---- */

static void put_field(struct web *h, const struct ask *ask, const char *name, const char *label,
                      const char *attributes)
{
    web_join(h, "<label>", label, "<input name=\"");
    web_join(h, "", name, "\" ");
    web_put(h, attributes);
    web_join(h, " value=\"", serve_asked(ask, name), "\"></label>\n");
}

static void put_choice(struct web *h, const struct ask *ask, const char *name, const char *label,
                       const char *const *words)
{
    web_join(h, "<label>", label, "<select name=\"");
    web_join(h, "", name, "\"><option value=\"\">all</option>");
    for (; *words; words++) {
        bool chosen = strcmp(serve_asked(ask, name), *words) == 0;
        web_put(h, chosen ? "<option selected>" : "<option>");
        web_join(h, "", *words, "</option>");
    }
    web_put(h, "</select></label>\n");
}

static void put_form(struct web *h, const struct ask *ask)
{
    static const char *const cameras[] = {"front", "rear", "driver", "road", "other", NULL};
    static const char *const kinds[] = {"video", "photo", NULL};
    web_put(h, "<form action=\"/\">\n");
    put_field(h, ask, "imei", "IMEI", "inputmode=\"numeric\" maxlength=\"15\" size=\"16\"");
    put_choice(h, ask, "camera", "Camera", cameras);
    put_choice(h, ask, "kind", "Kind", kinds);
    put_field(h, ask, "trigger", "Trigger", "maxlength=\"23\" size=\"12\" placeholder=\"crash\"");
    put_field(h, ask, "since", "From (UTC)", "type=\"date\"");
    put_field(h, ask, "until", "To", "type=\"date\"");
    web_put(h, "<button>Show</button></form>\n");
}

/* ---- rows ---- */

static int put_row(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct list *l = arg;
    struct web *h = &l->h;
    (void)err;
    if (++l->n > ROWS)
        return ERR_OK;
    web_put(h, "<tr><td><a href=\"/transfer/");
    web_url(h, t->id);
    web_put(h, "\">");
    web_time(h, t->known & CATALOGUE_TIME_OK ? t->time_us : t->arrived_us);
    web_put(h, t->known & CATALOGUE_TIME_OK ? "</a></td>" : "</a> <small>(received)</small></td>");
    web_join(h, "<td>", t->imei, "</td>");
    web_join(h, "<td>", t->camera, "</td>");
    web_join(h, "<td>", t->kind, "</td>");
    web_join(h, "<td>", t->trigger_name, "</td><td class=\"n\">");
    web_size(h, t->length_bytes);
    web_put(h, t->state == CATALOGUE_STORED ? "</td><td>" : "</td><td class=\"bad\">");
    web_text(h, catalogue_state_name(t->state));
    web_put(h, "</td></tr>\n");
    return ERR_OK;
}

static void put_link(struct web *h, const struct ask *ask, int64_t page, const char *words)
{
    static const char *const names[] = {"imei", "camera", "kind", "trigger", "since", "until"};
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)page);
    web_join(h, "<a href=\"/?page=", number, "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!serve_asked(ask, names[i])[0])
            continue;
        web_join(h, "&amp;", names[i], "=");
        web_url(h, serve_asked(ask, names[i]));
    }
    web_join(h, "\">", words, "</a>\n");
}

int serve_list(struct serve *s, const struct ask *ask, struct answer *out, struct err *err)
{
    struct catalogue_filter filter;
    struct list l = {.n = 0};
    int64_t page;
    int rc = read_filter(ask, &filter, &page, err);
    if (rc < 0)
        return rc;
    web_begin(&l.h, "Transfers");
    put_form(&l.h, ask);
    web_put(&l.h, "<table class=\"list\"><thead><tr><th>Time (UTC)</th><th>Vehicle</th>"
                  "<th>Camera</th><th>Kind</th><th>Trigger</th><th class=\"n\">Size</th>"
                  "<th>State</th></tr></thead><tbody>\n");
    rc = catalogue_transfer_each(s->catalogue, &filter, put_row, &l, err);
    web_put(&l.h,
            l.n ? "</tbody></table>\n<nav>" : "</tbody></table><p>No matching transfers.</p><nav>");
    if (page > 1)
        put_link(&l.h, ask, page - 1, "← newer");
    if (l.n > ROWS && page < PAGES_MAX)
        put_link(&l.h, ask, page + 1, "older →");
    web_put(&l.h, "</nav>\n");
    if (rc == ERR_OK)
        return web_answer(&l.h, MHD_HTTP_OK, out, err);
    buf_clear(&l.h.b);
    return rc;
}
