/* What became of an action, on top of the page that its form was on. */
#include "dashspool/actions.h"
#include "serve_internal.h"
#include <stdio.h>
#include <string.h>

const char *did_state(enum actions_state state)
{
    static const char *const word[] = {[ACTIONS_READY] = "ready",
                                       [ACTIONS_AT_WORK] = "at-work",
                                       [ACTIONS_DONE] = "done",
                                       [ACTIONS_FAILED] = "failed",
                                       [ACTIONS_GONE] = "gone"};
    return word[state];
}

static void say_waiting(struct web_page *h, const struct actions_outcome *o)
{
    char percent[8];
    snprintf(percent, sizeof percent, "%d", (int)(o->done * 100));
    if (o->state == ACTIONS_READY && o->text[0])
        web_sayf(h, "This could not be done yet and is tried again: %s", o->text);
    else if (o->kind == ACTIONS_EXPORT && o->done > 0)
        web_sayf(h, "The package is being made: %s %%.", percent);
    else if (o->kind == ACTIONS_EXPORT)
        web_say(h, "The package is being made, about a minute.");
    else if (o->kind == ACTIONS_VERIFY)
        web_say(h, "The package is being verified.");
    else if (o->kind == ACTIONS_IMPORT && o->done > 0)
        web_sayf(h, "The files are being taken in: %s %%.", percent);
    else if (o->kind == ACTIONS_IMPORT)
        web_say(h, "The files are being taken in.");
    else
        web_say(h, "Being saved.");
}

static const char *const done_words[ACTIONS_KINDS] = {
    [ACTIONS_REVIEWED] = W_("Marked as reviewed"),
    [ACTIONS_UNREVIEWED] = W_("Marked as to review"),
    [ACTIONS_PROTECT] = W_("Protected"),
    [ACTIONS_UNPROTECT] = W_("The protection is removed"),
    [ACTIONS_NOTE] = W_("Note saved"),
    [ACTIONS_CASE] = W_("Case number saved"),
    [ACTIONS_REQUEST] = W_("Footage requested"),
    [ACTIONS_CANCEL] = W_("Request cancelled"),
    [ACTIONS_RETRY] = W_("It is tried again"),
    [ACTIONS_DROP] = W_("Given up; the originals are kept"),
    [ACTIONS_VEHICLE] = W_("Vehicle saved"),
    [ACTIONS_IMPORT] = W_("The files are taken in"),
    [ACTIONS_DOWNLOADED] = W_("The download is noted"),
};

static void say_done(struct web_page *h, const struct actions_outcome *o)
{
    if (o->kind == ACTIONS_EXPORT) {
        web_sayf(h, "Package %s is ready.", o->result);
        web_put(h, " <a href=\"/packages#");
        web_url(h, o->result);
        web_print(h, "\">%s</a>", web_tr(h, "To the packages"));
    } else if (o->kind == ACTIONS_VERIFY) {
        web_sayf(h,
                 o->bad ? "Package %s is not what it was when it was made."
                        : "Package %s was verified: no problems found.",
                 o->result);
    } else if (o->kind == ACTIONS_IMPORT && o->bad) {
        web_say(h, "Not all files could be taken in:");
    } else {
        web_say(h, done_words[o->kind]);
    }
    if (o->kind == ACTIONS_IMPORT && o->result[0]) {
        web_put(h, " <a href=\"/event/");
        web_url(h, o->result);
        web_print(h, "\">%s</a>", web_tr(h, "To the event"));
    }
}

/* What takes it back, where one click does. */
static void put_undo(struct web_page *h, const struct web_ask *ask, const struct actions_outcome *o)
{
    if (o->kind != ACTIONS_REVIEWED || !o->event[0] ||
        !actions_allowed(ACTIONS_UNREVIEWED, ask->role))
        return;
    web_put(h, "<form method=\"post\" action=\"/action\">");
    frame_action(h, ask, "unreviewed");
    web_print(h, "<input type=\"hidden\" name=\"event\" value=\"%s\">", o->event);
    web_print(h, "<button class=\"plain\">%s</button></form>", web_tr(h, "Undo"));
}

static void put_lines(struct web_page *h, const char *text)
{
    char line[1024];
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
        web_told(h, line);
        web_put(h, "\n");
    }
}

void did_put(struct web_page *h, const struct web_ask *ask, const struct actions_outcome *o,
             const char *job)
{
    bool over = !did_waits(o);
    bool bad = o->state == ACTIONS_FAILED || o->bad || (o->state == ACTIONS_READY && o->text[0]);
    web_print(h, "<div id=\"did\" data-state=\"%s\" data-job=\"%s\" data-over=\"%s\">\n",
              did_state(o->state), job, over ? "yes" : "no");
    web_print(h, "<div class=\"note %s\" role=\"%s\">",
              bad    ? "bad"
              : over ? "ok"
                     : "",
              o->state == ACTIONS_FAILED ? "alert" : "status");
    frame_icon(h, bad ? "warn" : o->state == ACTIONS_DONE ? "check" : over ? "info" : "clock");
    web_put(h, "<span>");
    if (!over)
        say_waiting(h, o);
    else if (o->state == ACTIONS_DONE)
        say_done(h, o);
    else if (o->state == ACTIONS_FAILED)
        web_sayf(h, "Not done: %s", o->text);
    else
        web_say(h, "What became of this action is no longer known.");
    web_put(h, "</span>");
    if (o->state == ACTIONS_DONE)
        put_undo(h, ask, o);
    web_put(h, "</div>\n");
    bool told = o->kind == ACTIONS_VERIFY || o->kind == ACTIONS_IMPORT || o->kind == ACTIONS_EXPORT;
    if (o->state == ACTIONS_DONE && told && o->text[0]) { /* line by line, as it said them */
        web_put(h, "<pre class=\"panel\">");
        put_lines(h, o->text);
        web_put(h, "</pre>\n");
    }
    web_put(h, "</div>\n");
}

bool did_look(struct serve *s, const struct web_ask *ask, struct actions_outcome *out)
{
    struct err unimportant;
    enum actions_kind kind;
    const char *job = web_asked(ask, "did");
    return ask->role > PEOPLE_NOBODY && actions_kind_of_job(job, &kind) &&
           actions_look(s->root, job, out, &unimportant) == ERR_OK;
}

bool did_waits(const struct actions_outcome *o)
{
    return o->state == ACTIONS_READY || o->state == ACTIONS_AT_WORK;
}
