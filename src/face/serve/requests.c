/* Footage that was asked for, and the form that asks for it. */
#include "dashspool/requests.h"
#include "serve_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLOSED_SHOWN = 30, CLOSED_ALL = 1000, SECONDS = 20 };
#define CLOSED_US (30 * 24 * 3600 * INT64_C(1000000))

/* Requests of a list; of those that are over the last ones. */
struct asked {
    struct requests_request *r;
    size_t n, room, kept; /* r: a ring of `room`; kept: how many were put into it */
    int64_t all;          /* there are */
};

struct page {
    struct serve *serve;
    const struct web_ask *ask;
    struct web_page h;
    int64_t now_us;
    struct asked open, closed;
};

/* ---- collecting ---- */

static int keep(void *arg, const struct requests_request *r, struct err *err)
{
    struct asked *a = arg;
    if (!a->r && !(a->r = calloc(a->room, sizeof *a->r)))
        return err_nomem(err, "requests");
    a->r[a->kept++ % a->room] = *r;
    a->n = a->n < a->room ? a->n + 1 : a->n;
    a->all = (int64_t)a->kept;
    return ERR_OK;
}

/* The i-th, the newest is 0. */
static const struct requests_request *nth(const struct asked *a, size_t i)
{
    return &a->r[(a->kept - 1 - i) % a->room];
}

static int collect(struct page *p, struct err *err)
{
    bool whole = web_asked(p->ask, "all")[0];
    struct requests_filter open = {.states = REQUESTS_OPEN};
    struct requests_filter closed = {.states = ((1u << REQUESTS_N_STATES) - 1) & ~REQUESTS_OPEN,
                                     .since_us = whole ? 0 : p->now_us - CLOSED_US};
    p->open.room = CLOSED_ALL;
    p->closed.room = whole ? CLOSED_ALL : CLOSED_SHOWN;
    int rc = requests_each(p->serve->catalogue, &open, keep, &p->open, err);
    if (rc == ERR_OK)
        rc = requests_each(p->serve->catalogue, &closed, keep, &p->closed, err);
    closed.since_us = 0;
    if (rc == ERR_OK)
        rc = requests_count(p->serve->catalogue, &closed, &p->closed.all, err);
    return rc;
}

/* ---- what it is of ---- */

static void put_cameras_of(struct web_page *h, const struct camreq *what)
{
    const char *camera = what->camera;
    if (strcmp(camera, "both") == 0) {
        web_say(h, "Front and rear");
        return;
    }
    for (unsigned bit = REVIEW_FRONT; bit <= REVIEW_OTHER; bit <<= 1)
        if (strcmp(camera, words_camera_name(bit)) == 0)
            camera = words_camera(h, bit);
    web_text(h, camera);
}

static void put_what(struct web_page *h, const struct camreq *what)
{
    static const char *const kinds[] = {[CAMREQ_VIDEO] = NULL,
                                        [CAMREQ_PHOTO] = W_("one photo"),
                                        [CAMREQ_VERSION] = W_("firmware version"),
                                        [CAMREQ_FORMAT] = W_("format the memory card"),
                                        [CAMREQ_RESTART] = W_("restart the camera")};
    char text[24];
    if (what->camera[0]) {
        put_cameras_of(h, what);
        web_put(h, ", ");
    }
    if (what->kind == CAMREQ_VIDEO) {
        snprintf(text, sizeof text, "%d", what->seconds);
        web_sayf(h, "%s s", text);
    } else if (what->kind < CAMREQ_N_KINDS) {
        web_say(h, kinds[what->kind]);
    }
}

/* ---- what became of it ---- */

enum step { STEP_ASKED, STEP_SENT, STEP_ARRIVING, STEP_HERE, STEPS };

struct state {
    const char *title, *look; /* msgid; "", "ok", "bad" */
    enum step at;
    bool ended; /* badly, at that step */
};

static const char *waits_for(unsigned waits)
{
    return waits & REQUESTS_FOR_IGNITION                      ? W_("Waiting for the ignition")
           : waits & (REQUESTS_FOR_FRONT | REQUESTS_FOR_REAR) ? W_("Waiting for the camera")
           : waits & REQUESTS_FOR_OTHER                       ? W_("An older file comes first")
           : waits & REQUESTS_FOR_FILE                        ? W_("The tracker tries to send it")
           : waits & REQUESTS_FOR_CONTACT                     ? W_("Waiting for the vehicle")
                                                              : W_("Asked again soon");
}

static const char *refused_as(const struct requests_request *r)
{
    struct camreq_answer answer;
    camreq_answer(r->what.kind, r->words, strlen(r->words), true, &answer);
    return answer.class == CAMREQ_NOT_THERE      ? W_("The camera has no footage of that time")
           : answer.class == CAMREQ_UNCONFIGURED ? W_("The camera is not configured in the tracker")
           : answer.class == CAMREQ_NO_CAMERA    ? W_("The tracker finds no such camera")
                                                 : W_("The tracker refused it");
}

static struct state state_of(const struct requests_request *r)
{
    bool file = r->what.kind == CAMREQ_VIDEO || r->what.kind == CAMREQ_PHOTO;
    switch (r->state) {
    case REQUESTS_QUEUED:
        return (struct state){W_("Not sent yet"), "", STEP_ASKED, false};
    case REQUESTS_SENT:
        return (struct state){W_("Sent, no answer yet"), "", STEP_SENT, false};
    case REQUESTS_ACCEPTED:
        return (struct state){W_("The camera prepares it"), "", STEP_ARRIVING, false};
    case REQUESTS_UPLOADING:
        return (struct state){"Arriving", "", STEP_ARRIVING, false};
    case REQUESTS_WAITING:
        return (struct state){waits_for(r->waits), "", STEP_SENT, false};
    case REQUESTS_FETCHED:
        return (struct state){file ? W_("Here") : W_("Answered"), "ok", STEPS, false};
    case REQUESTS_REFUSED:
        return (struct state){refused_as(r), "bad", STEP_ARRIVING, true};
    case REQUESTS_EXPIRED:
        return (struct state){W_("Expired"), "bad", r->sent > 0 ? STEP_ARRIVING : STEP_SENT, true};
    case REQUESTS_SUPERSEDED:
        return (struct state){W_("Replaced by a newer request"), "", STEP_SENT, false};
    case REQUESTS_CANCELLED:
        return (struct state){W_("Cancelled"), "", r->sent > 0 ? STEP_ARRIVING : STEP_SENT, false};
    case REQUESTS_N_STATES:
        break;
    }
    return (struct state){"not known", "", STEP_ASKED, false};
}

/* open: it may go on. */
static void put_steps(struct web_page *h, const struct state *s, bool open)
{
    static const char *const steps[STEPS] = {W_("asked"), W_("sent to the tracker"), W_("arriving"),
                                             W_("here")};
    web_print(h, "<ol class=\"steps\" aria-label=\"%s\">", web_tr(h, "Progress"));
    for (enum step i = 0; i < STEPS; i++) {
        bool now = i == s->at && open;
        const char *look = i < s->at ? "did" : now ? "now" : i == s->at && s->ended ? "no" : "";
        const char *means = i < s->at                ? "done"
                            : now                    ? "now"
                            : i == s->at && s->ended ? W_("ended here")
                                                     : W_("not yet");
        web_print(h, "<li class=\"%s\"><span class=\"hidden\">%s: %s</span></li>", look,
                  web_tr(h, steps[i]), web_tr(h, means));
    }
    web_put(h, "</ol>\n");
}

/* One sentence more, in the words of people; then what the tracker said. */
static void put_detail(struct page *p, const struct requests_request *r)
{
    struct web_page *h = &p->h;
    char text[WHEN_ROOM];
    web_put(h, "<p>");
    switch (r->state) {
    case REQUESTS_QUEUED:
        when_text(p->serve, h, r->expires_us, WHEN_HERE, WHEN_SHORT, text);
        web_sayf(h, "It is sent when the vehicle is connected. It stays open until %s.", text);
        break;
    case REQUESTS_WAITING:
        if (r->not_before_us > p->now_us) {
            when_text(p->serve, h, r->not_before_us, WHEN_HERE, WHEN_SHORT, text);
            web_sayf(h, "Asked again at the latest: %s.", text);
        } else {
            when_text(p->serve, h, r->expires_us, WHEN_HERE, WHEN_SHORT, text);
            web_sayf(h, "It stays open until %s.", text);
        }
        break;
    case REQUESTS_FETCHED:
        when_span(h, r->changed_us - r->added_us, text);
        web_sayf(h, "It took %s.", text);
        break;
    case REQUESTS_EXPIRED:
        web_say(h, "It did not come in time.");
        break;
    case REQUESTS_CANCELLED:
        web_say(h, r->sent > 0 ? "What the tracker has accepted may come none the less."
                               : "It was not sent.");
        break;
    case REQUESTS_SENT:
    case REQUESTS_ACCEPTED:
    case REQUESTS_UPLOADING:
    case REQUESTS_REFUSED:
    case REQUESTS_SUPERSEDED:
    case REQUESTS_N_STATES:
        when_span(h, p->now_us - r->changed_us, text);
        web_sayf(h, "Since %s.", text);
        break;
    }
    if (r->words[0]) {
        web_put(h, " ");
        web_sayf(h, "The tracker said: “%s”", r->words);
    }
    web_put(h, "</p>");
}

static int keep_file(void *arg, const struct requests_file *f, struct err *err)
{
    char *id = arg;
    (void)err;
    if (!id[0])
        snprintf(id, CATALOGUE_ID_ROOM, "%s", f->transfer);
    return ERR_OK;
}

/* The form, filled as this one was. */
static void put_again(struct web_page *h, const struct requests_request *r)
{
    char text[48], time[CLOCK_TEXT_ROOM];
    web_print(h, "<a class=\"button\" href=\"/requests?imei=%s&amp;cameras=%s", r->imei,
              strcmp(r->what.camera, "both") == 0 ? "front,rear" : r->what.camera);
    if (r->what.time_s > 0) {
        clock_rfc3339(r->what.time_s * INT64_C(1000000), 0, time);
        web_put(h, "&amp;time=");
        web_url(h, time);
        snprintf(text, sizeof text, "&amp;seconds=%d", r->what.seconds);
        web_put(h, text);
    }
    web_put(h, r->what.kind == CAMREQ_PHOTO ? "&amp;photo=1" : "");
    web_put(h, "&amp;reason=");
    web_url(h, r->reason);
    web_print(h, "#form\">%s</a>", web_tr(h, "Ask again"));
}

static int put_button(struct page *p, const struct requests_request *r, const char *name,
                      struct err *err)
{
    struct web_page *h = &p->h;
    char id[CATALOGUE_ID_ROOM] = "", number[24];
    bool may = p->ask->role >= PEOPLE_REVIEWER;
    int rc = r->state == REQUESTS_FETCHED
                 ? requests_file_each(p->serve->catalogue, r->id, keep_file, id, err)
                 : ERR_OK;
    if (id[0]) {
        web_put(h, "<a class=\"button\" href=\"/event/");
        web_url(h, id);
        web_print(h, "\">%s</a>", web_tr(h, "Open"));
    } else if (may && 1u << r->state & REQUESTS_OPEN) {
        snprintf(number, sizeof number, "%" PRId64, r->id);
        web_put(h, "<form method=\"post\" action=\"/action\">");
        frame_action(h, p->ask, "cancel");
        web_print(h, "<input type=\"hidden\" name=\"request\" value=\"%s\"><button aria-label=\"",
                  number);
        web_sayf(h, "Cancel request %s of %s", number, name);
        web_print(h, "\">%s</button></form>", web_tr(h, "Cancel"));
    } else if (may && (r->what.kind == CAMREQ_VIDEO || r->what.kind == CAMREQ_PHOTO)) {
        put_again(h, r);
    } else {
        web_put(h, "<span></span>");
    }
    return rc;
}

static int put_request(struct page *p, const struct requests_request *r, struct err *err)
{
    struct web_page *h = &p->h;
    struct review_vehicle v;
    char by[WORDS_WHO_ROOM];
    struct state s = state_of(r);
    int rc = review_vehicle_get(p->serve->catalogue, r->imei, &v, err);
    if (rc < 0)
        return rc;
    web_print(h, "<li class=\"%s\"><div><b>%s</b>", s.look, words_vehicle_name(&v));
    if (v.name[0] && v.plate[0])
        web_print(h, " <span class=\"plate\">%s</span>", v.plate);
    web_put(h, "<p>");
    put_what(h, &r->what);
    if (r->what.time_s > 0) {
        web_put(h, "<br>");
        when_put(p->serve, h, r->what.time_s * INT64_C(1000000), WHEN_HERE, WHEN_FULL);
    }
    web_put(h, "</p></div>\n");
    put_steps(h, &s, 1u << r->state & REQUESTS_OPEN);
    web_print(h, "<div><p class=\"state\">%s</p>", web_tr(h, s.title));
    put_detail(p, r);
    web_put(h, "<p class=\"small\">");
    if (r->reason[0])
        web_print(h, "%s · ", r->reason);
    web_sayf(h, "asked by %s", words_who(h, r->by, by));
    web_put(h, ", ");
    when_put(p->serve, h, r->added_us, WHEN_HERE, WHEN_SHORT);
    web_put(h, "</p></div>\n");
    rc = put_button(p, r, words_vehicle_name(&v), err);
    web_put(h, "</li>\n");
    return rc;
}

static int put_list(struct page *p, const struct asked *a, const char *id, const char *title,
                    struct err *err)
{
    struct web_page *h = &p->h;
    int rc = ERR_OK;
    char text[24];
    web_print(h,
              "<section class=\"panel\" aria-labelledby=\"%s-h\">\n<header><h2 id=\"%s-h\">%s</h2>",
              id, id, title);
    if (a == &p->closed && a->all > (int64_t)a->n && !web_asked(p->ask, "all")[0]) {
        snprintf(text, sizeof text, "%" PRId64, a->all);
        web_put(h, "<a href=\"/requests?all=1\">");
        web_sayf(h, "All %s", text);
        web_put(h, "</a>");
    }
    web_put(h, "</header>\n<ol class=\"reqs\">\n");
    if (a == &p->open)
        web_print(h,
                  "<li class=\"head\" aria-hidden=\"true\"><span>%s</span><span>%s</span><span>%s"
                  "</span><span></span></li>\n",
                  web_tr(h, "Footage"), web_tr(h, "Asked … here"), web_tr(h, "State"));
    for (size_t i = 0; rc == ERR_OK && i < a->n; i++)
        rc = put_request(p, nth(a, i), err);
    web_put(h, "</ol>\n</section>\n");
    return rc;
}

/* ---- the form ---- */

static bool is_among(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if (strncmp(list, word, n) == 0 && (list[n] == ',' || list[n] == '\0'))
            return true;
    return false;
}

static void put_camera_fields(struct page *p)
{
    struct web_page *h = &p->h;
    const char *chosen = web_asked(p->ask, "cameras");
    if (!chosen[0])
        chosen = "front,rear";
    web_print(h, "<fieldset><legend>%s</legend><div class=\"row\">", web_tr(h, "Cameras"));
    for (unsigned bit = REVIEW_FRONT; bit <= REVIEW_ROAD; bit <<= 1) {
        web_print(h,
                  "<label class=\"check\"><input type=\"checkbox\" name=\"cameras\" value=\"%s\"",
                  words_camera_name(bit));
        web_put(h, is_among(chosen, words_camera_name(bit)) ? " checked>" : ">");
        web_print(h, "%s</label>", words_camera(h, bit));
    }
    web_put(h, "</div></fieldset>\n");
}

static void put_kind_field(struct page *p)
{
    struct web_page *h = &p->h;
    bool photo = web_asked(p->ask, "photo")[0];
    web_print(h,
              "<fieldset><legend>%s</legend><div class=\"row\"><label class=\"check\"><input "
              "type=\"radio\" name=\"photo\" value=\"\"",
              web_tr(h, "What"));
    web_put(h, photo ? ">" : " checked>");
    web_print(h,
              "%s</label><label class=\"check\"><input type=\"radio\" name=\"photo\" value=\"1\"",
              web_tr(h, "Video"));
    web_put(h, photo ? " checked>" : ">");
    web_print(h, "%s</label></div></fieldset>\n", web_tr(h, "One photo of now"));
}

/* The time of the address, else an hour ago; in the zone of the pages. */
static void put_time_fields(struct page *p)
{
    struct web_page *h = &p->h;
    char local[CLOCK_TEXT_ROOM];
    int64_t utc_us = p->now_us - INT64_C(3600000000);
    struct err unimportant;
    const char *asked = web_asked(p->ask, "time");
    if (asked[0] && clock_parse(asked, 0, &utc_us, NULL, &unimportant) < 0)
        utc_us = p->now_us;
    int tz_min = when_min(p->serve, utc_us);
    struct clock_civil c = clock_civil_from_utc(utc_us, tz_min);
    snprintf(local, sizeof local, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour,
             c.minute, asked[0] ? c.second : 0);
    web_print(h, "<label class=\"field\"><span>%s</span>", web_tr(h, "Begins at"));
    web_print(h, "<input type=\"datetime-local\" name=\"time\" step=\"1\" value=\"%s\"></label>\n",
              local);
    fields_zone(p->serve, h, NULL, utc_us);
}

static void put_length_field(struct page *p)
{
    struct web_page *h = &p->h;
    char text[24], most[24];
    int64_t seconds = strtoll(web_asked(p->ask, "seconds"), NULL, 10);
    snprintf(text, sizeof text, "%" PRId64,
             seconds > 0 && seconds <= ACTIONS_SECONDS_MAX ? seconds : SECONDS);
    snprintf(most, sizeof most, "%d", ACTIONS_SECONDS_MAX);
    web_print(h,
              "<div class=\"field\"><label for=\"s\">%s</label><input id=\"s\" type=\"number\" "
              "name=\"seconds\" value=\"%s\" min=\"1\" max=\"%s\" aria-describedby=\"s-help\">"
              "<p class=\"help\" id=\"s-help\">",
              web_tr(h, "Length in seconds"), text, most);
    web_sayf(h, "1 to %s. Short clips arrive sooner.", most);
    web_put(h, "</p></div>\n");
}

static int put_form(struct page *p, struct err *err)
{
    struct web_page *h = &p->h;
    web_print(h,
              "<section class=\"panel\" id=\"form\" aria-labelledby=\"ask-h\">\n<header><h2 "
              "id=\"ask-h\">%s</h2></header>\n<form class=\"form\" method=\"post\" "
              "action=\"/action\">\n",
              web_tr(h, "Request footage"));
    frame_action(h, p->ask, "request");
    web_put(h, "<input type=\"hidden\" name=\"to\" value=\"/requests\">\n");
    int rc =
        fields_vehicle(p->serve, h, web_tr(h, "Choose …"), web_asked(p->ask, "imei"), true, err);
    put_camera_fields(p);
    put_kind_field(p);
    put_time_fields(p);
    put_length_field(p);
    web_print(h,
              "<label class=\"field\"><span>%s</span><input name=\"reason\" maxlength=\"500\" "
              "value=\"%s\"></label>\n<p class=\"note\">",
              web_tr(h, "Reason or case"), web_asked(p->ask, "reason"));
    frame_icon(h, "info");
    web_print(h, "<span>%s</span></p>\n<button class=\"primary\">",
              web_tr(h, "The cameras overwrite their cards: what is older than three days is "
                        "usually gone."));
    frame_icon(h, "ask");
    web_print(h, "%s</button>\n</form>\n</section>\n", web_tr(h, "Request"));
    return rc;
}

/* ---- the page ---- */

static void put_title(struct page *p)
{
    struct web_page *h = &p->h;
    web_print(h, "<div class=\"pagehead\"><h1>%s</h1><p><b>", web_tr(h, "Requests"));
    web_number(h, p->open.all);
    web_print(h, "</b> %s, <b>", web_tr(h, "open"));
    web_number(h, p->closed.all);
    web_print(h, "</b> %s</p></div>\n", web_tr(h, "closed"));
}

static int put_page(struct page *p, struct err *err)
{
    struct web_page *h = &p->h;
    bool may = p->ask->role >= PEOPLE_REVIEWER;
    int rc = ERR_OK;
    put_title(p);
    if (!live_count(p->serve)->asks) {
        frame_void(h, "ask", web_tr(h, "Footage cannot be requested here"),
                   web_tr(h, "The server of trackers is not switched on ([telemetry] enabled)."));
        web_print(h, "<a class=\"button\" href=\"/\">%s</a>", web_tr(h, "All events"));
        frame_void_end(h);
        return ERR_OK;
    }
    web_put(h, may ? "<div class=\"split\">\n" : "<div>\n");
    if (may)
        rc = put_form(p, err);
    web_put(h, "<div class=\"stack\" data-part=\"requests\">\n");
    if (p->open.n + p->closed.n == 0 && p->closed.all == 0) {
        frame_void(h, "ask", web_tr(h, "Nothing was requested yet"),
                   web_tr(h, "Requests and what becomes of them are listed here."));
        frame_void_end(h);
    }
    if (rc == ERR_OK && p->open.n > 0)
        rc = put_list(p, &p->open, "open", web_tr(h, "Still open"), err);
    if (rc == ERR_OK && p->closed.all > 0)
        rc = put_list(p, &p->closed, "closed", web_tr(h, "Closed"), err);
    web_put(h, "</div>\n</div>\n");
    return rc;
}

int serve_requests(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct page p = {.serve = app, .ask = ask, .now_us = clock_utc_us()};
    frame_begin(p.serve, &p.h, ask, "Requests");
    int rc = collect(&p, err);
    if (rc == ERR_OK)
        rc = put_page(&p, err);
    if (rc < 0)
        web_page_clear(&p.h);
    free(p.open.r);
    free(p.closed.r);
    return rc < 0 ? rc : frame_send(p.serve, &p.h, ask, out, err);
}
