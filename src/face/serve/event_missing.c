/* Why there is no picture of a transfer: it comes in, waits, failed, or is only part of one. */
#include "dashspool/spool.h"
#include "event.h"
#include <stdio.h>
#include <string.h>

#define CONVERT "convert" /* the stage that makes copies */

/* ---- its job ---- */

struct job {
    char name[CATALOGUE_ID_ROOM + 16];
    struct spool_glance now;
    int64_t put_us, due_us;
    int before; /* jobs that come first */
};

static int find_times(void *arg, const struct spool_sight *sight, struct err *err)
{
    struct job *j = arg;
    (void)err;
    if (strcmp(sight->job, j->name) == 0) {
        j->put_us = sight->put_us;
        j->due_us = sight->due_us;
    }
    return ERR_OK;
}

static int count_before(void *arg, const struct spool_sight *sight, struct err *err)
{
    struct job *j = arg;
    (void)err;
    j->before += sight->place == SPOOL_PLACE_CLAIMED ||
                 (sight->place == SPOOL_PLACE_READY && sight->put_us < j->put_us);
    return ERR_OK;
}

/* Of the whole transfer, else of what there is of it. */
static int look(struct event *e, const struct event_clip *c, struct job *j, struct err *err)
{
    const char *root = e->serve->root;
    int rc = ERR_OK;
    *j = (struct job){.before = 0};
    for (int partial = 0; rc == ERR_OK && partial < 2 && j->now.place == SPOOL_PLACE_NONE;
         partial++) {
        snprintf(j->name, sizeof j->name, partial ? "%s.partial" : "%s", c->t.id);
        rc = spool_glance(root, CONVERT, j->name, NULL, &j->now, err);
    }
    if (rc == ERR_OK && j->now.place == SPOOL_PLACE_READY &&
        (rc = spool_survey(root, CONVERT, INT64_MAX, find_times, j, err)) == ERR_OK)
        rc = spool_survey(root, CONVERT, INT64_MAX, count_before, j, err);
    return rc;
}

/* ---- in words ---- */

static void put_retry(struct event *e, const struct event_clip *c)
{
    struct web_page *h = e->h;
    if (!actions_allowed(ACTIONS_RETRY, e->ask->role))
        return;
    web_put(h, "<form method=\"post\" action=\"/action\">");
    frame_action(h, e->ask, "retry");
    web_print(h, "<input type=\"hidden\" name=\"event\" value=\"%s\"><button>", c->t.id);
    frame_icon(h, "retry");
    web_say(h, "Retry");
    web_put(h, "</button></form>");
}

static void put_failed(struct event *e, const struct event_clip *c, const struct job *j)
{
    struct web_page *h = e->h;
    web_put(h, "<div class=\"void\">");
    frame_icon(h, "fail");
    web_print(h, "<p><b>%s</b><br>", web_tr(h, "The viewing copy could not be made"));
    words_reason(h, j->now.why);
    web_put(h, "<br>");
    web_say(h, "The original is safe, and can be downloaded.");
    web_put(h, "</p>\n<p class=\"row\">");
    put_retry(e, c);
    frame_void_end(h);
}

static void put_waiting(struct event *e, const struct job *j)
{
    struct web_page *h = e->h;
    const char *title = web_tr(h, "The viewing copy is not made yet");
    char number[24];
    snprintf(number, sizeof number, "%d", j->before + 1);
    web_put(h, "<div class=\"void\" data-waiting>");
    frame_icon(h, "clock");
    if (j->now.place == SPOOL_PLACE_CLAIMED) {
        web_print(h, "<p><b>%s</b><br>%s</p>", web_tr(h, "The viewing copy is being made"),
                  web_tr(h, "This page shows it as soon as it is there."));
    } else {
        web_print(h, "<p><b>%s</b><br>", title);
        if (j->now.why[0]) {
            words_reason(h, j->now.why);
            web_put(h, "<br>");
        }
        if (j->due_us > 0)
            web_say(h, "It waits for what comes with it, and is made then.");
        else
            web_sayf(h, "It is number %s in the queue. This page shows it as soon as it is there.",
                     number);
        web_put(h, "</p>");
    }
    web_put(h, "</div>\n");
}

/* Some of it arrived; the rest may come. */
static void put_partial(struct event *e, const struct event_clip *c)
{
    struct web_page *h = e->h;
    char have[WEB_DECIMAL_ROOM];
    web_size_text(h, c->t.length_bytes, have);
    web_put(h, c->t.state == CATALOGUE_RECEIVING ? "<div class=\"void\" data-waiting>"
                                                 : "<div class=\"void\">");
    frame_icon(h, "half");
    web_print(h, "<p><b>%s</b><br>",
              c->t.state == CATALOGUE_RECEIVING ? web_tr(h, "It is arriving")
                                                : web_tr(h, "Only a part has arrived"));
    if (c->t.state == CATALOGUE_RECEIVING)
        web_sayf(h, "%s so far. This page shows it as soon as it can be watched.", have);
    else
        web_sayf(h, "%s so far. The connection broke off; it goes on when the camera comes again.",
                 have);
    web_put(h, "</p></div>\n");
}

int event_missing(struct event *e, const struct event_clip *c, struct err *err)
{
    struct web_page *h = e->h;
    char name[EVENT_NAME_ROOM];
    struct job j;
    int rc = look(e, c, &j, err);
    if (rc < 0)
        return rc;
    event_name(e, c, name);
    web_print(h, "<section class=\"panel\"><header><h2>%s</h2></header>\n", name);
    if (j.now.place == SPOOL_PLACE_FAILED)
        put_failed(e, c, &j);
    else if (j.now.place != SPOOL_PLACE_NONE)
        put_waiting(e, &j);
    else if (c->t.state != CATALOGUE_STORED)
        put_partial(e, c);
    else {
        frame_void(h, "fail", web_tr(h, "There is no viewing copy"),
                   c->n_copies ? web_tr(h, "The settings want none ([convert] copies). The files "
                                           "below can be downloaded.")
                               : web_tr(h, "Nobody makes one: its job was dropped, or is lost."));
        put_retry(e, c);
        frame_void_end(h);
    }
    web_put(h, "</section>\n");
    return ERR_OK;
}
