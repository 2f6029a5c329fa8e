/* The sheets of an event: what a person does with it. Without script they are forms like others;
 * redact.js fills the masks of an export by boxes that are drawn. */
#include "dashspool/clock.h"
#include "serve_internal.h"
#include <stdio.h>
#include <string.h>

enum { MASK_ROWS = 3 };

static void begin(struct web_page *h, const char *id, const char *title)
{
    web_print(h,
              "<aside class=\"sheet\" id=\"%s\" popover aria-labelledby=\"%s-h\">\n<header><h2 "
              "id=\"%s-h\">%s</h2>",
              id, id, id, title);
    web_print(h,
              "<button class=\"plain icon\" popovertarget=\"%s\" popovertargetaction=\"hide\" "
              "aria-label=\"%s\">",
              id, web_tr(h, "Close"));
    frame_icon(h, "close");
    web_put(h, "</button></header>\n");
}

static void begin_form(struct web_page *h, const struct web_ask *ask, const char *action,
                       const struct review_event *event)
{
    web_put(h, "<form method=\"post\" action=\"/action\">\n");
    frame_action(h, ask, action);
    web_print(h, "<input type=\"hidden\" name=\"event\" value=\"%s\">\n", event->id);
}

static void end_form(struct web_page *h, const char *id, const char *icon, const char *what)
{
    web_put(h, "<p class=\"row\"><button class=\"primary\">");
    if (icon)
        frame_icon(h, icon);
    web_print(h,
              "%s</button><button type=\"button\" popovertarget=\"%s\" "
              "popovertargetaction=\"hide\">%s</button></p>\n</form>\n",
              what, id, web_tr(h, "Cancel"));
}

/* attributes: markup of ours */
static void put_field(struct web_page *h, const char *name, const char *label, const char *value,
                      const char *attributes)
{
    web_print(h, "<label class=\"field\"><span>%s</span><input name=\"%s\" value=\"%s\" ", label,
              name, value);
    web_put(h, attributes);
    web_put(h, "></label>\n");
}

static void put_check(struct web_page *h, const char *name, const char *value, const char *label,
                      bool on)
{
    web_print(h, "<label class=\"check\"><input type=\"checkbox\" name=\"%s\" value=\"%s\"", name,
              value);
    web_print(h, on ? " checked>%s</label>\n" : ">%s</label>\n", label);
}

static void put_info(struct web_page *h, const char *text)
{
    web_put(h, "<p class=\"note\">");
    frame_icon(h, "info");
    web_print(h, "<span>%s</span></p>\n", text);
}

static void put_protect(struct web_page *h, const struct web_ask *ask,
                        const struct review_event *event)
{
    begin(h, "protect", web_tr(h, "Protect this event"));
    if (event->marks & REVIEW_PROTECTED)
        put_info(h, web_tr(h, "It is protected already; another reason is added."));
    begin_form(h, ask, "protect", event);
    web_print(h, "<p>%s</p>\n",
              web_tr(h, "Protected footage is never deleted by the retention rules, until someone "
                        "removes the protection."));
    put_field(h, "reason", web_tr(h, "Reason"), event->case_number,
              "required maxlength=\"500\" autocomplete=\"off\"");
    end_form(h, "protect", "lock", web_tr(h, "Protect"));
    if (event->marks & REVIEW_PROTECTED && actions_allowed(ACTIONS_UNPROTECT, ask->role)) {
        web_print(h, "<details><summary>%s</summary>\n", web_tr(h, "Remove the protection"));
        begin_form(h, ask, "unprotect", event);
        web_print(h, "<p>%s</p>\n",
                  web_tr(h, "All reasons end, and the retention rules may delete this event."));
        web_print(h, "<p class=\"row\"><button>%s</button></p>\n</form>\n</details>\n",
                  web_tr(h, "Remove the protection"));
    }
    web_put(h, "</aside>\n");
}

static void put_note(struct web_page *h, const struct web_ask *ask,
                     const struct review_event *event)
{
    begin(h, "addnote", web_tr(h, "Case and note"));
    begin_form(h, ask, "note", event);
    web_put(h, "<input type=\"hidden\" name=\"do\" value=\"case\">\n");
    put_field(h, "case_number", web_tr(h, "Case number"), event->case_number,
              "maxlength=\"63\" autocomplete=\"off\"");
    web_print(h,
              "<label class=\"field\"><span>%s</span><textarea name=\"note\" rows=\"6\" "
              "maxlength=\"2000\"></textarea></label>\n",
              web_tr(h, "Note"));
    web_print(h, "<p class=\"help\">%s</p>\n",
              web_tr(h, "Everyone who can open this event can read it. It is recorded with your "
                        "name; another note can correct it, but nothing erases it."));
    end_form(h, "addnote", NULL, web_tr(h, "Save"));
    web_put(h, "</aside>\n");
}

static void put_spans(struct web_page *h, const char *name, const char *label)
{
    static const char *const seconds[] = {"5", "10", "15", "30", "60"};
    web_print(h, "<label class=\"field\"><span>%s</span><select name=\"%s\">", label, name);
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        web_print(h, "<option value=\"%s\"", seconds[i]);
        web_put(h, i == 1 ? " selected>" : ">");
        web_print(h, "%s s</option>", seconds[i]);
    }
    web_put(h, "</select></label>");
}

static void put_request(struct serve *s, struct web_page *h, const struct web_ask *ask,
                        const struct review_event *event)
{
    char at[CLOCK_TEXT_ROOM];
    clock_rfc3339(event->at_us, 0, at);
    begin(h, "more", web_tr(h, "Request more footage"));
    begin_form(h, ask, "request", event);
    web_print(h, "<input type=\"hidden\" name=\"imei\" value=\"%s\">", event->vehicle.imei);
    web_print(h, "<input type=\"hidden\" name=\"time\" value=\"%s\">\n<p>", at);
    words_vehicle(h, &event->vehicle);
    web_put(h, "<br>");
    when_put(s, h, event->at_us, event->zone_known ? event->tz_min : WHEN_HERE, WHEN_FULL);
    web_print(h, "</p>\n<fieldset class=\"stack\"><legend>%s</legend>\n", web_tr(h, "Cameras"));
    bool beside = event->cameras & (REVIEW_DRIVER | REVIEW_ROAD);
    bool front = event->cameras & REVIEW_FRONT || !(event->cameras || beside);
    put_check(h, "cameras", "front", words_camera(h, REVIEW_FRONT), front);
    put_check(h, "cameras", "rear", words_camera(h, REVIEW_REAR), event->cameras & REVIEW_REAR);
    if (event->cameras & REVIEW_ROAD)
        put_check(h, "cameras", "road", words_camera(h, REVIEW_ROAD), true);
    web_put(h, "</fieldset>\n<div class=\"two\">");
    put_spans(h, "before", web_tr(h, "Before this time"));
    put_spans(h, "after", web_tr(h, "After this time"));
    web_put(h, "</div>\n");
    put_field(h, "reason", web_tr(h, "Reason"), event->case_number,
              "maxlength=\"500\" autocomplete=\"off\"");
    put_info(h,
             web_tr(h, "Cameras usually overwrite their memory card within 72 hours. The request "
                       "is sent when the tracker connects."));
    end_form(h, "more", "ask", web_tr(h, "Request"));
    web_put(h, "</aside>\n");
}

static void put_number(struct web_page *h, const char *name, const char *label, const char *step)
{
    web_print(h,
              "<label class=\"field\"><span>%s</span><input type=\"number\" name=\"%s\" min=\"0\" "
              "step=\"%s\" inputmode=\"decimal\"></label>",
              label, name, step);
}

/* A box in pixels of the image; empty ones are none. */
static void put_mask(struct web_page *h, const struct review_event *event)
{
    web_print(h,
              "<div class=\"mask\" role=\"group\" aria-label=\"%s\"><label class=\"field\"><span>"
              "%s</span><select name=\"mask_of\"><option value=\"\">%s</option>",
              web_tr(h, "Blacked-out area"), web_tr(h, "Camera"), web_tr(h, "all"));
    for (unsigned camera = REVIEW_FRONT; camera <= REVIEW_OTHER; camera <<= 1)
        if (event->cameras & camera)
            web_print(h, "<option value=\"%s\">%s</option>", words_camera_name(camera),
                      words_camera(h, camera));
    web_put(h, "</select></label>");
    put_number(h, "mask_x", web_tr(h, "Left"), "1");
    put_number(h, "mask_y", web_tr(h, "Top"), "1");
    put_number(h, "mask_w", web_tr(h, "Width"), "1");
    put_number(h, "mask_h", web_tr(h, "Height"), "1");
    put_number(h, "mask_from", web_tr(h, "From (s)"), "0.01");
    put_number(h, "mask_to", web_tr(h, "To (s)"), "0.01");
    web_put(h, "</div>\n");
}

static void put_redactions(struct web_page *h, const struct review_event *event)
{
    web_print(h, "<fieldset class=\"stack\"><legend>%s</legend>\n", web_tr(h, "Redactions"));
    put_check(h, "no_sound", "1", web_tr(h, "No sound"), false);
    put_check(h, "hide", "position", web_tr(h, "Without the position"), false);
    put_check(h, "hide", "imei", web_tr(h, "Without the IMEI"), false);
    put_check(h, "hide", "driver", web_tr(h, "Without the driver's name"), false);
    put_check(h, "hide", "source", web_tr(h, "Without addresses and paths"), false);
    web_print(h, "<button type=\"button\" class=\"js-only\" data-redact hidden>%s</button>\n",
              web_tr(h, "Black out an area: draw it on the paused frame"));
    web_print(h, "<details id=\"masks\"><summary>%s</summary>\n",
              web_tr(h, "Blacked-out areas, in pixels of the image"));
    for (int i = 0; i < MASK_ROWS; i++)
        put_mask(h, event);
    web_put(h, "</details>\n");
    web_print(h, "<p class=\"help\">%s</p></fieldset>\n",
              web_tr(h, "A package with redactions contains no originals. A full one that has them "
                        "is made first, if there is none."));
}

static void put_export(struct serve *s, struct web_page *h, const struct web_ask *ask,
                       const struct review_event *event)
{
    char at[WHEN_ROOM], title[300];
    when_text(s, h, event->at_us, event->zone_known ? event->tz_min : WHEN_HERE, WHEN_FULL, at);
    const char *vehicle = words_vehicle_name(&event->vehicle);
    snprintf(title, sizeof title, "%.60s, %.60s, %.70s", vehicle, words_trigger(h, event->trigger),
             at);
    begin(h, "export", web_tr(h, "Export an evidence package"));
    begin_form(h, ask, "export", event);
    put_field(h, "case_number", web_tr(h, "Case number"), event->case_number,
              "maxlength=\"63\" autocomplete=\"off\"");
    put_field(h, "title", web_tr(h, "Title"), title, "maxlength=\"190\" autocomplete=\"off\"");
    put_field(h, "recipient", web_tr(h, "For whom"), "", "maxlength=\"190\" autocomplete=\"off\"");
    put_redactions(h, event);
    put_info(h, cfg_text(s->cfg, "export", "sign_key")[0]
                    ? web_tr(h, "Signed with the key of this server. Ready in about a minute.")
                    : web_tr(h, "Not signed: this server has no key for it ([export] sign_key). "
                                "Ready in about a minute."));
    end_form(h, "export", "export", web_tr(h, "Export"));
    web_put(h, "</aside>\n");
    frame_script(h, "redact.js");
    web_print(
        h,
        "<div hidden id=\"redact-words\" data-help=\"%s\" data-done=\"%s\" data-cancel=\"%s\" "
        "data-box=\"%s\"></div>\n",
        web_tr(h, "Draw a box over what is to be hidden, or move it with the arrow keys and "
                  "resize it with Shift and the arrow keys; Enter takes it, Escape does not."),
        web_tr(h, "Take this area"), web_tr(h, "Cancel"), web_tr(h, "Area to black out"));
}

void actions_sheets(struct serve *s, struct web_page *h, const struct web_ask *ask,
                    const struct review_event *event)
{
    if (actions_allowed(ACTIONS_PROTECT, ask->role))
        put_protect(h, ask, event);
    if (actions_allowed(ACTIONS_NOTE, ask->role))
        put_note(h, ask, event);
    if (actions_allowed(ACTIONS_REQUEST, ask->role) && live_count(s)->asks)
        put_request(s, h, ask, event);
    if (actions_allowed(ACTIONS_EXPORT, ask->role))
        put_export(s, h, ask, event);
}
