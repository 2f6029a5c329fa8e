/* Triggers, conditions, cameras and vehicles, in words of people: each page says the same. */
#include "serve_internal.h"
#include <stdio.h>
#include <string.h>

/* ---- triggers: docs/protocol.md, section 3 ---- */

static const struct trigger {
    const char *name, *icon, *msgid;
} triggers[] = {
    {"crash", "crash", W_("Crash")},
    {"green-driving", "harsh", W_("Harsh driving")},
    {"request", "ask", W_("Requested")},
    {"periodic", "clock", W_("Periodic")},
    {"towing", "tow", W_("Towing")},
    {"unplug", "power", W_("Power cut")},
    {"idling", "idle", W_("Idling")},
    {"geofence", "fence", W_("Geofence")},
    {"dsm-event", "eye", W_("Driver warning")},
    {"din1", "button", W_("Input 1")},
    {"din2", "button", W_("Input 2")},
    {"din3", "button", W_("Input 3")},
    {"din4", "button", W_("Input 4")},
    {"retransmit", "retry", W_("Sent again")},
    {"none", "mark", W_("No trigger")},
};
enum { TRIGGERS = sizeof triggers / sizeof *triggers };

static const struct trigger *trigger_of(const char *name)
{
    for (size_t i = 0; i < TRIGGERS; i++)
        if (strcmp(name, triggers[i].name) == 0)
            return &triggers[i];
    return NULL;
}

const char *words_trigger(const struct web_page *h, const char *name)
{
    const struct trigger *t = trigger_of(name);
    return t ? web_tr(h, t->msgid) : name[0] ? name : web_tr(h, "Trigger not known");
}

const char *words_trigger_icon(const char *name)
{
    const struct trigger *t = trigger_of(name);
    return t ? t->icon : "mark";
}

const char *words_trigger_at(size_t i)
{
    return i < TRIGGERS ? triggers[i].name : NULL;
}

/* ---- conditions ---- */

static const struct {
    const char *look, *icon, *msgid; /* look: of the badge */
} conditions[REVIEW_CONDITIONS] = {
    [REVIEW_WHOLE] = {"ok", "whole", W_("Whole")},
    [REVIEW_ENDS_EARLY] = {"warn", "cut", W_("Ends early")},
    [REVIEW_DAMAGED] = {"warn", "warn", W_("Damaged")},
    [REVIEW_PARTIAL] = {"info", "half", W_("Partial")},
    [REVIEW_RECEIVING] = {"info", "half", W_("Arriving")},
    [REVIEW_WAITING] = {"", "clock", W_("Waiting for copies")},
    [REVIEW_FAILED] = {"bad", "fail", W_("Copies failed")},
};

const char *words_condition(const struct web_page *h, enum review_condition condition)
{
    return web_tr(h, conditions[condition].msgid);
}

void words_badge(struct web_page *h, enum review_condition condition)
{
    web_print(h, "<span class=\"badge %s\">", conditions[condition].look);
    frame_icon(h, conditions[condition].icon);
    web_print(h, "%s</span>", words_condition(h, condition));
}

/* ---- cameras ---- */

static const struct {
    unsigned camera;
    const char *name, *msgid, *within; /* within: not as the first word of a line */
} cameras[] = {
    {REVIEW_FRONT, "front", W_("Front"), W_("front")},
    {REVIEW_REAR, "rear", W_("Rear"), W_("rear")},
    {REVIEW_DRIVER, "driver", W_("Driver"), W_("driver")},
    {REVIEW_ROAD, "road", W_("Road"), W_("road")},
    {REVIEW_OTHER, "other", W_("Other camera"), W_("other camera")},
};
enum { CAMERAS = sizeof cameras / sizeof *cameras };

const char *words_camera(const struct web_page *h, unsigned camera)
{
    for (size_t i = 0; i < CAMERAS; i++)
        if (camera == cameras[i].camera)
            return web_tr(h, cameras[i].msgid);
    return "";
}

const char *words_camera_name(unsigned camera)
{
    for (size_t i = 0; i < CAMERAS; i++)
        if (camera == cameras[i].camera)
            return cameras[i].name;
    return "";
}

void words_cameras(struct web_page *h, unsigned seen, int photos, int videos)
{
    bool first = true;
    for (size_t i = 0; videos > 0 && i < CAMERAS; i++) {
        if (!(seen & cameras[i].camera))
            continue;
        web_print(h, first ? "%s" : ", %s",
                  web_tr(h, first ? cameras[i].msgid : cameras[i].within));
        first = false;
    }
    if (photos == 0)
        return;
    web_put(h, first ? "" : ", ");
    web_sayn(h, "%s photo", "%s photos", photos);
}

/* ---- reasons ---- */

void words_reason(struct web_page *h, const char *why)
{
    char line[512];
    const char *master = strstr(why, "/master."), *behind;
    if (master && (behind = strstr(master, ": ")) != NULL)
        why = behind + 2;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(why, "\r\n"), why);
    web_told(h, line);
}

/* ---- people ---- */

static void put_in(char out[WORDS_WHO_ROOM], const char *text, const char *what)
{
    const char *at = strstr(text, "%s");
    snprintf(out, WORDS_WHO_ROOM, "%.*s%s%s", at ? (int)(at - text) : 0, text, what,
             at ? at + 2 : "");
}

const char *words_who(const struct web_page *h, const char *who, char out[WORDS_WHO_ROOM])
{
    static const char nobody[] = "somebody at ", import[] = " import for ";
    const char *given = strncmp(who, "dashspool ", 10) == 0 ? strstr(who, import) : NULL;
    const char *one = given ? given + strlen(import) : who;
    char person[WORDS_WHO_ROOM];
    if (strncmp(one, nobody, strlen(nobody)) == 0)
        put_in(person, web_tr(h, "somebody at %s"), one + strlen(nobody));
    else
        snprintf(person, sizeof person, "%s", one);
    put_in(out, given ? web_tr(h, "Import for %s") : "%s", person);
    return out;
}

/* ---- vehicles ---- */

const char *words_vehicle_name(const struct review_vehicle *v)
{
    return v->name[0] ? v->name : v->plate[0] ? v->plate : v->imei;
}

const char *words_vehicle_title(const struct web_page *h, const struct review_vehicle *v)
{
    bool unknown = strcmp(v->imei, CATALOGUE_IMEI_UNKNOWN) == 0 && !v->name[0] && !v->plate[0];
    return unknown ? web_tr(h, "Vehicle not known") : words_vehicle_name(v);
}

void words_vehicle(struct web_page *h, const struct review_vehicle *v)
{
    web_text(h, words_vehicle_title(h, v));
    if (v->name[0] && v->plate[0])
        web_print(h, " <span class=\"plate\">%s</span>", v->plate);
}
