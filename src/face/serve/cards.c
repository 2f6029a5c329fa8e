/* One event in a list: as a card, and as a row of a table. */
#include "dashspool/copy_kind.h"
#include "serve_internal.h"
#include <stdio.h>
#include <string.h>

/* ---- its pictures ---- */

enum { PICTURE_ROOM = CATALOGUE_ID_ROOM + 256 };

struct pictures {
    struct serve *serve;
    char front[PICTURE_ROOM], other[PICTURE_ROOM]; /* "ID/NAME" of a copy; "" none */
    bool front_is_front;
    int64_t bytes, arrived_us, completed_us; /* bytes: of what is not whole */
    bool failed;
    char why[256]; /* … no copies could be made */
};

struct seeking {
    const struct catalogue_transfer *t;
    char name[256];
};

static int match_picture(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct seeking *w = arg;
    const char *slash = strrchr(copy->path, '/'), *name = slash ? slash + 1 : copy->path;
    unsigned kind = copy_kind_of(copy->kind);
    (void)err;
    if ((kind == COPY_POSTER || kind == COPY_STILL) && !w->name[0] &&
        strlen(name) < sizeof w->name && catalogue_copy_is_current(w->t, copy))
        snprintf(w->name, sizeof w->name, "%s", name);
    return ERR_OK;
}

/* Why no copies could be made of it. */
static int find_trouble(struct pictures *p, const struct catalogue_transfer *t, struct err *err)
{
    struct catalogue_trouble trouble;
    bool found;
    int rc = catalogue_trouble_get(p->serve->catalogue, t->key, "convert", &trouble, &found, err);
    if (rc == ERR_OK && found)
        memcpy(p->why, trouble.why, sizeof p->why);
    return rc;
}

/* The front camera's first video is the large one, that of another camera the small one. */
static int match_member(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct pictures *p = arg;
    struct seeking w = {.t = t};
    bool front = strcmp(t->camera, "front") == 0;
    if (p->arrived_us == 0 || t->arrived_us < p->arrived_us)
        p->arrived_us = t->arrived_us;
    if (t->completed_us > p->completed_us)
        p->completed_us = t->completed_us;
    p->bytes += t->state != CATALOGUE_STORED ? t->length_bytes : 0;
    if (p->front[0] && (p->other[0] || (p->front_is_front && front)) && t->length_bytes >= 0)
        return ERR_OK;
    int rc = p->failed && !p->why[0] ? find_trouble(p, t, err) : ERR_OK;
    if (rc == ERR_OK)
        rc = catalogue_copy_each(p->serve->catalogue, t->key, match_picture, &w, err);
    if (rc < 0 || !w.name[0])
        return rc;
    if (!p->front[0]) {
        p->front_is_front = front;
        snprintf(p->front, sizeof p->front, "%s/%s", t->id, w.name);
    } else if (front && !p->front_is_front) {
        memcpy(p->other, p->front, sizeof p->other);
        p->front_is_front = true;
        snprintf(p->front, sizeof p->front, "%s/%s", t->id, w.name);
    } else if (strcmp(t->camera, "front") != 0 || !p->front_is_front) {
        snprintf(p->other, sizeof p->other, "%s/%s", t->id, w.name);
    }
    return ERR_OK;
}

static int find_pictures(struct serve *s, const struct review_event *e, struct pictures *p,
                         struct err *err)
{
    *p = (struct pictures){.serve = s, .failed = e->condition == REVIEW_FAILED};
    int rc = review_members(s->catalogue, e->id, match_member, p, err);
    if (e->cameras & REVIEW_FRONT && !(e->cameras & ~(unsigned)REVIEW_FRONT))
        p->other[0] = '\0'; /* two photos of one camera */
    return rc;
}

/* Why there is none. */
static void put_why(struct web_page *h, const struct review_event *e, const struct pictures *p)
{
    static const char *const icons[REVIEW_CONDITIONS] = {
        [REVIEW_PARTIAL] = "half",
        [REVIEW_RECEIVING] = "half",
        [REVIEW_WAITING] = "clock",
        [REVIEW_FAILED] = "fail",
    };
    char text[WHEN_ROOM], size[WEB_DECIMAL_ROOM];
    const char *icon = icons[e->condition];
    web_put(h, "<p class=\"why\">");
    frame_icon(h, icon ? icon : "mark");
    web_put(h, "<span>");
    switch (e->condition) {
    case REVIEW_WAITING:
        when_span(h, clock_utc_us() - (p->completed_us ? p->completed_us : p->arrived_us), text);
        web_sayf(h, "Waiting for %s.", text);
        web_put(h, "<br>");
        web_say(h, "Copies will be made.");
        break;
    case REVIEW_RECEIVING:
        web_sayf(h, "%s have arrived so far.", web_size_text(h, p->bytes, size));
        break;
    case REVIEW_PARTIAL:
        web_sayf(h, "%s have arrived.", web_size_text(h, p->bytes, size));
        web_put(h, "<br>");
        web_say(h, "Resumes when the camera reconnects.");
        break;
    case REVIEW_FAILED:
        web_say(h, "No copies could be made.");
        web_put(h, "<br>");
        if (p->why[0])
            words_reason(h, p->why);
        else
            web_say(h, "The original is safe.");
        break;
    case REVIEW_WHOLE:
    case REVIEW_ENDS_EARLY:
    case REVIEW_DAMAGED:
    case REVIEW_CONDITIONS:
        web_say(h, "There is no picture of it.");
        break;
    }
    web_put(h, "</span></p>");
}

/* look: attributes, markup. */
static void put_picture(struct web_page *h, const char *copy, const char *look)
{
    web_put(h, "<img ");
    web_put(h, look);
    web_put(h, " src=\"/copy/");
    web_path(h, copy);
    web_put(h, "\" alt=\"\" loading=\"lazy\">");
}

/* ---- its parts ---- */

static const struct {
    unsigned mark;
    const char *icon, *msgid;
} marks[] = {
    {REVIEW_PROTECTED, "lock", "Protected"},
    {REVIEW_NOTED, "note", W_("Has a note")},
    {REVIEW_REQUESTED, "ask", W_("Was requested")},
    {REVIEW_EXPORTED, "export", "Exported"},
};

static void put_marks(struct web_page *h, const struct review_event *e)
{
    bool any = false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (!(e->marks & marks[i].mark))
            continue;
        const char *text = web_tr(h, marks[i].msgid);
        web_put(h, any ? "" : "<span class=\"marks\">");
        any = true;
        web_print(h, "<span title=\"%s\">", text);
        frame_icon(h, marks[i].icon);
        web_print(h, "<span class=\"hidden\">%s</span></span>", text);
    }
    web_put(h, any ? "</span>" : "");
}

static void put_link(struct web_page *h, const struct review_event *e, const struct filter *f)
{
    web_put(h, "<a href=\"/event/");
    web_url(h, e->id);
    filter_put(h, f);
    web_put(h, "\">");
}

static void put_length(struct web_page *h, const struct review_event *e)
{
    char text[WEB_DECIMAL_ROOM];
    web_sayf(h, "%s s", web_decimal(h, e->seconds, 1, text));
}

static int zone_of(const struct review_event *e)
{
    return e->zone_known ? e->tz_min : WHEN_HERE;
}

void cards_reviewed(struct web_page *h)
{
    web_put(h, "<span class=\"done\" role=\"status\">");
    frame_icon(h, "check");
    web_print(h, "%s</span>", web_tr(h, "Reviewed"));
}

/* What is to be done next with it, or that it was. */
static void put_tick(struct serve *s, struct web_page *h, const struct web_ask *ask,
                     const struct review_event *e, const struct filter *f)
{
    char when[WHEN_ROOM];
    bool retry = e->condition == REVIEW_FAILED && ask->role == PEOPLE_ADMIN;
    if (e->marks & REVIEW_REVIEWED) {
        cards_reviewed(h);
        return;
    }
    if (ask->role < PEOPLE_REVIEWER || e->condition == REVIEW_RECEIVING ||
        e->condition == REVIEW_WAITING) {
        if (f->table)
            web_print(h, "<span class=\"done\">%s</span>", web_tr(h, "Not yet"));
        return;
    }
    when_text(s, h, e->at_us, zone_of(e), WHEN_CLOCK, when);
    web_put(h, "<form method=\"post\" action=\"/action\"");
    web_put(h, retry ? ">" : " data-tick>");
    frame_action(h, ask, retry ? "retry" : "reviewed");
    web_print(h,
              "<input type=\"hidden\" name=\"event\" value=\"%s\">"
              "<input type=\"hidden\" name=\"to\" value=\"",
              e->id);
    web_path(h, ask->path);
    filter_put(h, f);
    web_put(h, "\"><button class=\"tick\" aria-label=\"");
    web_sayf(h, retry ? "Retry: %s, %s" : "Mark reviewed: %s, %s",
             words_vehicle_title(h, &e->vehicle), when);
    web_put(h, "\">");
    if (retry) {
        frame_icon(h, "retry");
        web_say(h, "Retry");
    } else {
        web_say(h, "Mark reviewed");
    }
    web_put(h, "</button></form>");
}

/* ---- a card ---- */

static void put_pic(struct web_page *h, const struct review_event *e, const struct pictures *p)
{
    bool crash = strcmp(e->trigger, "crash") == 0;
    web_put(h, "<div class=\"pic\">");
    if (p->front[0])
        put_picture(h, p->front, "width=\"640\" height=\"360\"");
    else
        put_why(h, e, p);
    if (p->other[0])
        put_picture(h, p->other, "class=\"inset\" width=\"640\" height=\"360\"");
    web_put(h, crash ? "<span class=\"tag l crash\">" : "<span class=\"tag l\">");
    frame_icon(h, words_trigger_icon(e->trigger));
    web_print(h, "%s</span>", words_trigger(h, e->trigger));
    if (e->seconds > 0) {
        web_put(h, "<span class=\"tag r\">");
        put_length(h, e);
        web_put(h, "</span>");
    }
    web_put(h, "</div>\n");
}

int cards_put(struct serve *s, struct web_page *h, const struct web_ask *ask,
              const struct review_event *e, const struct filter *f, struct err *err)
{
    struct pictures p;
    bool seen = e->marks & REVIEW_REVIEWED;
    int rc = find_pictures(s, e, &p, err);
    if (rc < 0)
        return rc;
    web_print(h, "<li><article class=\"card %s\" data-id=\"%s\">\n", seen ? "seen" : "new", e->id);
    put_pic(h, e, &p);
    web_put(h, "<div class=\"txt\"><h3>");
    put_link(h, e, f);
    if (!seen)
        web_print(h, "<span class=\"hidden\">%s </span>", web_tr(h, "Not reviewed:"));
    web_print(h, "%s</a>", words_vehicle_title(h, &e->vehicle));
    if (e->vehicle.name[0] && e->vehicle.plate[0])
        web_print(h, " <span class=\"plate\">%s</span>", e->vehicle.plate);
    web_put(h, " ");
    when_put(s, h, e->at_us, zone_of(e), WHEN_CLOCK);
    web_put(h, "</h3>\n<p class=\"what\">");
    words_cameras(h, e->cameras, e->photos, e->videos);
    if (e->seconds > 0) {
        web_put(h, "<span class=\"only-s\"> · ");
        put_length(h, e);
        web_put(h, "</span>");
    }
    if (!e->time_known)
        web_print(h, " · %s", web_tr(h, "time of arrival"));
    if (e->case_number[0])
        web_print(h, " · %s", e->case_number);
    web_put(h, "</p>\n<p class=\"foot\">");
    words_badge(h, e->condition);
    put_marks(h, e);
    web_put(h, "</p>");
    put_tick(s, h, ask, e, f);
    web_put(h, "\n</div></article></li>\n");
    return ERR_OK;
}

/* ---- a row ---- */

void cards_table_begin(struct web_page *h)
{
    static const struct {
        const char *msgid;
        bool number;
    } heads[] = {{"Time", false},    {"Vehicle", false},   {"Trigger", false},
                 {"Cameras", false}, {W_("Length"), true}, {"Condition", false},
                 {"Case", false},    {"Marks", false},     {"Review", false}};
    web_print(h,
              "<div class=\"list scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">\n"
              "<table><thead><tr><th scope=\"col\"><span class=\"hidden\">%s</span></th>",
              web_tr(h, "Events"), web_tr(h, "Picture"));
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        web_put(h, heads[i].number ? "<th scope=\"col\" class=\"num\">" : "<th scope=\"col\">");
        web_say(h, heads[i].msgid);
        web_put(h, "</th>");
    }
    web_put(h, "</tr></thead><tbody>\n");
}

int cards_table_put(struct serve *s, struct web_page *h, const struct web_ask *ask,
                    const struct review_event *e, const struct filter *f, struct err *err)
{
    struct pictures p;
    int rc = find_pictures(s, e, &p, err);
    if (rc < 0)
        return rc;
    web_print(h, "<tr class=\"%s\" data-id=\"%s\"><td>",
              e->marks & REVIEW_REVIEWED ? "seen" : "new", e->id);
    if (p.front[0]) {
        put_picture(h, p.front, "width=\"64\" height=\"36\"");
    } else {
        web_put(h, "<div class=\"none\">");
        frame_icon(h, e->condition == REVIEW_WAITING  ? "clock"
                      : e->condition == REVIEW_FAILED ? "fail"
                                                      : "half");
        web_put(h, "</div>");
    }
    web_put(h, "</td><th scope=\"row\">");
    put_link(h, e, f);
    when_put(s, h, e->at_us, zone_of(e), WHEN_FULL);
    web_put(h, "</a></th><td>");
    words_vehicle(h, &e->vehicle);
    web_put(h, strcmp(e->trigger, "crash") == 0 ? "</td><td><span class=\"row hot\">"
                                                : "</td><td><span class=\"row\">");
    frame_icon(h, words_trigger_icon(e->trigger));
    web_print(h, "%s</span></td><td>", words_trigger(h, e->trigger));
    words_cameras(h, e->cameras, e->photos, e->videos);
    web_put(h, "</td><td class=\"num\">");
    if (e->seconds > 0)
        put_length(h, e);
    else
        web_put(h, "–");
    web_put(h, "</td><td class=\"foot\">");
    words_badge(h, e->condition);
    web_print(h, "</td><td>%s</td><td>", e->case_number);
    put_marks(h, e);
    web_put(h, "</td><td>");
    put_tick(s, h, ask, e, f);
    web_put(h, "</td></tr>\n");
    return ERR_OK;
}

void cards_table_end(struct web_page *h)
{
    web_put(h, "</tbody></table></div>\n");
}
