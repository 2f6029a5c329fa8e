/* What people do at the pages: a form becomes a job of `work`, and the page follows it. */
#include "dashspool/actions.h"
#include "dashspool/clock.h"
#include "dashspool/spool.h"
#include "serve_internal.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS_ROOM (64 * 1024) /* of a form: its texts, trimmed */
enum { DO_MAX = 4 };           /* actions of one form */

/* ---- a form becomes an action ---- */

struct form {
    const struct web_ask *ask;
    struct actions_action a;
    char texts[TEXTS_ROOM];
    size_t used;
};

/* Room for a text of n bytes, NULL: there is none. */
static char *room_for(struct form *f, size_t n)
{
    char *at = f->texts + f->used;
    if (n + 1 > sizeof f->texts - f->used)
        return NULL;
    f->used += n + 1;
    return at;
}

/* As it is meant: without blanks at both ends, line ends of one kind. */
static int trimmed(struct form *f, const char *text, const char **out, struct err *err)
{
    static const char blank[] = " \t\r\n";
    text += strspn(text, blank);
    size_t n = strlen(text), k = 0;
    while (n > 0 && strchr(blank, text[n - 1]))
        n--;
    char *at = room_for(f, n);
    if (!at)
        return err_set(err, ERR_MALFORMED, W_("the form is too long"));
    for (size_t i = 0; i < n; i++)
        if (text[i] != '\r')
            at[k++] = text[i];
        else if (text[i + 1] != '\n')
            at[k++] = '\n';
    at[k] = '\0';
    *out = at;
    return ERR_OK;
}

static int field(struct form *f, const char *name, const char **out, struct err *err)
{
    return trimmed(f, web_field(f->ask, name), out, err);
}

/* Fields of one name, each with one or more words. */
static int words(struct form *f, const char *name, const char *parted, const char **list,
                 size_t max, size_t *n, struct err *err)
{
    const char *text;
    for (size_t i = 0; (text = web_field_at(f->ask, name, i)) != NULL; i++)
        for (size_t length; *(text += strspn(text, parted)); text += length) {
            length = strcspn(text, parted);
            char *at = room_for(f, length);
            if (!at || *n == max)
                return err_set(err, ERR_MALFORMED, "too many at once: at most %zu are allowed",
                               max);
            memcpy(at, text, length);
            at[length] = '\0';
            list[(*n)++] = at;
        }
    return ERR_OK;
}

/* … joined to one text. */
static int joined(struct form *f, const char *name, char between, const char **out, struct err *err)
{
    enum { WORDS = 16 };
    const char *word[WORDS];
    size_t n = 0, bytes = 0;
    int rc = words(f, name, " ,", word, WORDS, &n, err);
    for (size_t i = 0; i < n; i++)
        bytes += strlen(word[i]) + 1;
    char *at = rc == ERR_OK ? room_for(f, bytes) : NULL;
    if (!at)
        return rc < 0 ? rc : err_set(err, ERR_MALFORMED, W_("the form is too long"));
    *out = at;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *at++ = between;
        memcpy(at, word[i], strlen(word[i]));
        at += strlen(word[i]);
    }
    *at = '\0';
    return ERR_OK;
}

/* Whole digits of a field; "" is 0. */
static int number(struct form *f, const char *name, int64_t *out, struct err *err)
{
    const char *text;
    int rc = field(f, name, &text, err);
    *out = 0;
    if (rc < 0 || !text[0])
        return rc;
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 15)
        return err_set(err, ERR_MALFORMED, "%.60s is no whole number", text);
    *out = strtoll(text, NULL, 10);
    return ERR_OK;
}

static bool is_ticked(struct form *f, const char *name)
{
    return web_field(f->ask, name)[0];
}

/* A local time with its zone ("Europe/Berlin", "+01:00"; none: UTC), as UTC. */
static int local_time(struct form *f, int64_t *out, struct err *err)
{
    struct clock_tz *tz = NULL;
    const char *text, *zone;
    bool has_zone;
    int tz_min, rc = field(f, "time", &text, err);
    if (rc == ERR_OK && (rc = field(f, "zone", &zone, err)) == ERR_OK && !text[0])
        rc = err_set(err, ERR_MALFORMED, W_("request: the time is missing"));
    if (rc == ERR_OK && zone[0])
        rc = clock_tz_told(&tz, zone, err);
    if (rc == ERR_OK)
        rc = clock_parse_told(text, tz, out, &has_zone, &tz_min, err);
    clock_tz_free(&tz);
    return rc;
}

/* A time and so many seconds, or so many before and after it. */
static int read_request(struct form *f, struct err *err)
{
    int64_t before = 0, after = 0, seconds = 0;
    int rc = local_time(f, &f->a.time_us, err);
    if (rc == ERR_OK && (rc = number(f, "before", &before, err)) == ERR_OK &&
        (rc = number(f, "after", &after, err)) == ERR_OK)
        rc = number(f, "seconds", &seconds, err);
    if (rc < 0)
        return rc;
    if (before > ACTIONS_SECONDS_MAX || after > ACTIONS_SECONDS_MAX ||
        seconds > ACTIONS_SECONDS_MAX || before + after + seconds > ACTIONS_SECONDS_MAX)
        return err_set(err, ERR_MALFORMED, "at most %d s can be requested at once",
                       ACTIONS_SECONDS_MAX);
    f->a.time_us -= before * 1000000;
    f->a.seconds = (int)(before + after + seconds);
    f->a.photo = is_ticked(f, "photo");
    rc = joined(f, "cameras", ' ', &f->a.cameras, err);
    return rc < 0 ? rc : field(f, "reason", &f->a.text, err);
}

/* The i-th box, "[front:]x,y,w,h[,from,to]", *more false: there is no such row. Only one that is
 * empty in all is none: half a box would leave everything in sight. */
static int read_mask(struct form *f, size_t i, bool *more, struct err *err)
{
    enum { OF, X, Y, W, H, FROM, TO, FIELDS };
    static const char *const names[FIELDS] = {"mask_of", "mask_x",    "mask_y", "mask_w",
                                              "mask_h",  "mask_from", "mask_to"};
    const char *value[FIELDS];
    bool empty = true;
    *more = false;
    for (size_t k = 0; k < FIELDS; k++) {
        value[k] = web_field_at(f->ask, names[k], i);
        *more = *more || value[k];
        empty = empty && (!value[k] || !value[k][0]);
    }
    if (empty)
        return ERR_OK;
    for (size_t k = 0; k < FIELDS; k++)
        if (!value[k] && k >= X && k <= H)
            return err_set(err, ERR_MALFORMED, "a mask has no %s", names[k]);
        else if (!value[k])
            value[k] = "";
        else if (strlen(value[k]) > (k == OF ? 95 : 12)) /* a number cut short is another one */
            return err_set(err, ERR_MALFORMED, "%.60s is no %s", value[k], names[k]);
    if (!value[W][0] || !value[H][0])
        return err_set(err, ERR_MALFORMED,
                       W_("An area to be blacked out has no width or no height: fill in both, or "
                          "empty its whole row."));
    char *at = room_for(f, 200);
    if (!at || f->a.n_masks == ACTIONS_MASKS_MAX)
        return err_set(err, ERR_MALFORMED, "at most %d masks are allowed", ACTIONS_MASKS_MAX);
    int n =
        snprintf(at, 200, "%.95s%s%.12s,%.12s,%.12s,%.12s", value[OF], value[OF][0] ? ":" : "",
                 value[X][0] ? value[X] : "0", value[Y][0] ? value[Y] : "0", value[W], value[H]);
    if (value[FROM][0] || value[TO][0])
        n += snprintf(at + n, 200 - (size_t)n, ",%.12s", value[FROM][0] ? value[FROM] : "0");
    if (value[TO][0])
        snprintf(at + n, 200 - (size_t)n, ",%.12s", value[TO]);
    f->a.masks[f->a.n_masks++] = at;
    return ERR_OK;
}

static int read_export(struct form *f, struct err *err)
{
    struct actions_action *a = &f->a;
    int rc = field(f, "title", &a->title, err);
    if (rc == ERR_OK && (rc = field(f, "recipient", &a->recipient, err)) == ERR_OK &&
        (rc = field(f, "case_number", &a->case_number, err)) == ERR_OK &&
        (rc = joined(f, "hide", ',', &a->hide, err)) == ERR_OK)
        rc = words(f, "mask", " \r\n\t", a->masks, ACTIONS_MASKS_MAX, &a->n_masks, err);
    bool more = true;
    for (size_t i = 0; rc == ERR_OK && more; i++)
        rc = read_mask(f, i, &more, err);
    a->no_sound = is_ticked(f, "no_sound");
    a->redacted = rc == ERR_OK && (a->no_sound || a->n_masks > 0 || a->hide[0]);
    return rc;
}

/* The fields that its kind takes; actions_put() judges them. */
static int read_form(struct form *f, struct err *err)
{
    struct actions_action *a = &f->a;
    int rc = words(f, "event", " ,", a->events, ACTIONS_EVENTS_MAX, &a->n_events, err);
    if (rc == ERR_OK)
        rc = field(f, "imei", &a->imei, err);
    if (rc < 0)
        return rc;
    switch (a->kind) {
    case ACTIONS_REVIEWED:
    case ACTIONS_UNREVIEWED:
    case ACTIONS_UNPROTECT:
        return ERR_OK;
    case ACTIONS_PROTECT:
        return field(f, "reason", &a->text, err);
    case ACTIONS_NOTE:
        return field(f, "note", &a->text, err);
    case ACTIONS_CASE:
        return field(f, "case_number", &a->text, err);
    case ACTIONS_EXPORT:
        return read_export(f, err);
    case ACTIONS_VERIFY:
        return field(f, "package", &a->package, err);
    case ACTIONS_REQUEST:
        return read_request(f, err);
    case ACTIONS_CANCEL:
        return number(f, "request", &a->request, err);
    case ACTIONS_DROP:
    case ACTIONS_RETRY:
        if ((rc = field(f, "stage", &a->stage, err)) == ERR_OK &&
            (rc = field(f, "job", &a->job, err)) == ERR_OK && a->kind == ACTIONS_DROP)
            rc = field(f, "reason", &a->text, err);
        return rc;
    case ACTIONS_VEHICLE:
        if ((rc = field(f, "name", &a->name, err)) == ERR_OK &&
            (rc = field(f, "plate", &a->plate, err)) == ERR_OK)
            rc = field(f, "group", &a->group, err);
        return rc;
    case ACTIONS_IMPORT:
        if ((rc = field(f, "upload", &a->upload, err)) == ERR_OK &&
            (rc = field(f, "camera", &a->camera, err)) == ERR_OK &&
            (rc = field(f, "time", &a->local, err)) == ERR_OK)
            rc = field(f, "zone", &a->zone, err);
        return rc;
    case ACTIONS_DOWNLOADED: /* by the download itself */
    case ACTIONS_KINDS:
        break;
    }
    return err_set(err, ERR_MALFORMED, W_("There is no such action."));
}

int action_put(struct serve *s, const struct web_ask *ask, struct actions_action *a, char *job,
               struct err *err)
{
    char who[PEOPLE_NAME_ROOM + WEB_PEER_ROOM];
    a->by = web_who(ask, who);
    a->role = ask->role;
    a->at_us = clock_utc_us();
    int rc = job ? actions_put(s->actions, a, job, err) : actions_check(a, err);
    a->by = NULL;
    return rc;
}

/* ---- where it leads ---- */

/* An address of these pages, and no other: it is the form's, which somebody may have made. */
static bool is_ours(const char *to)
{
    if (to[0] != '/' || to[1] == '/' || strlen(to) > 2000)
        return false;
    for (const char *c = to; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '\\')
            return false;
    return true;
}

/* The form says; else it is the page that it was on. */
static const char *way_back(const struct web_ask *ask)
{
    const char *to = web_field(ask, "to");
    if (!to[0]) {
        const char *from = strstr(web_header_of(ask, "Referer"), "://");
        to = from ? from + 3 + strcspn(from + 3, "/") : "/";
    }
    return is_ours(to) ? to : "/";
}

/* `to` with "did=<job>" in its query, instead of another one. */
static void address(char *out, size_t room, const char *to, const char *job)
{
    char base[2048], query[2048] = "";
    size_t n = strcspn(to, "?#"), path_n = n;
    const char *mark = to + strcspn(to, "#");
    if (to[n] == '?')
        for (const char *p = to + n + 1; p < mark; p += strcspn(p, "&#") + 1) {
            size_t length = strcspn(p, "&#");
            if (length > 0 && strncmp(p, "did=", 4) != 0)
                snprintf(query + strlen(query), sizeof query - strlen(query), "%.*s&", (int)length,
                         p);
        }
    snprintf(base, sizeof base, "%.*s", (int)path_n, to);
    snprintf(out, room, "%s?%sdid=%s%s", base, query, job, mark);
}

static int send_json(json_t *o, unsigned status, struct web_answer *out, struct err *err)
{
    struct buf b;
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text)
        return err_nomem(err, "an answer");
    buf_init(&b, strlen(text) + 1);
    int rc = buf_append(&b, text, strlen(text), err);
    if (rc == ERR_OK)
        rc = web_send(&b, status, "application/json", "no-store", out, err);
    buf_clear(&b);
    free(text);
    return rc;
}

static int refuse(struct serve *s, const struct web_ask *ask, const char *to,
                  struct web_answer *out, struct err *err)
{
    struct web_page h = {.language = ask->language};
    frame_begin(s, &h, ask, web_tr(&h, "Not allowed"));
    web_print(&h, "<h1>%s</h1>\n<p class=\"note bad\" role=\"alert\">", web_tr(&h, "Not allowed"));
    frame_icon(&h, "warn");
    web_put(&h, "<span>");
    web_sayf(&h, "Not done: your role, %s, may look but not change this.",
             people_role_name(ask->role));
    web_print(&h, "</span></p>\n<p><a href=\"%s\">%s</a></p>\n", to, web_tr(&h, "Back"));
    serve_end(s, &h, ask);
    return web_page_send(&h, 403, out, err);
}

/* Each `do` of the form, in their order: a sheet may have two (a note and a case number), of which
 * a note without words is none. All are judged before the first one is put: whoever mends the
 * second one and sends the form again would have done the first one twice. */
static int put_all(struct serve *s, const struct web_ask *ask, char job[ACTIONS_JOB_ROOM],
                   bool *allowed, struct err *err)
{
    struct form *f = calloc(DO_MAX, sizeof *f);
    const char *name;
    size_t n = 0;
    int rc = f ? ERR_OK : err_nomem(err, "a form");
    bool several = web_field_at(ask, "do", 1) != NULL;
    job[0] = '\0';
    *allowed = true;
    if (rc == ERR_OK && web_field_at(ask, "do", DO_MAX))
        rc = err_set(err, ERR_MALFORMED, W_("the form is too long"));
    for (size_t i = 0; rc == ERR_OK && *allowed && (name = web_field_at(ask, "do", i)); i++) {
        f[n] = (struct form){.ask = ask};
        if (!actions_kind_of(name, &f[n].a.kind))
            rc = err_set(err, ERR_MALFORMED, W_("There is no such action."));
        else if (!(*allowed = actions_allowed(f[n].a.kind, ask->role)))
            break;
        if (rc == ERR_OK)
            rc = read_form(&f[n], err);
        bool none = several && f[n].a.kind == ACTIONS_NOTE && f[n].a.text && !f[n].a.text[0];
        if (rc == ERR_OK && !none)
            rc = action_put(s, ask, &f[n++].a, NULL, err);
    }
    for (size_t i = 0; rc == ERR_OK && *allowed && i < n; i++)
        rc = action_put(s, ask, &f[i].a, job, err);
    free(f);
    if (rc == ERR_OK && *allowed && !job[0])
        rc = err_set(err, ERR_MALFORMED, W_("Nothing was entered."));
    return rc;
}

int serve_action(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    char job[ACTIONS_JOB_ROOM], where[5000];
    bool allowed;
    const char *to = way_back(ask);
    int rc = put_all(s, ask, job, &allowed, err);
    if (rc < 0)
        return rc;
    if (!allowed)
        return refuse(s, ask, to, out, err);
    if (strcmp(web_header_of(ask, "Accept"), "application/json") == 0)
        return send_json(json_pack("{s:s}", "job", job), 200, out, err);
    address(where, sizeof where, to, job);
    return web_redirect(where, out, err);
}

/* /action/JOB: a page; with ?part what stands on others (for scripts), with ?json the facts. */
int serve_did(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct actions_outcome o;
    struct web_page h = {.language = ask->language};
    int rc = actions_look(s->root, ask->rest, &o, err);
    if (rc == ERR_OK && o.state == ACTIONS_GONE)
        rc = err_set(err, ERR_NOTFOUND, "What became of this action is no longer known.");
    if (rc < 0)
        return rc;
    if (web_asked(ask, "json")[0])
        return send_json(json_pack("{s:s, s:s, s:s, s:s, s:f, s:s, s:s, s:b}", "state",
                                   did_state(o.state), "action", actions_name(o.kind), "by", o.by,
                                   "event", o.event, "done", o.done, "text", o.text, "result",
                                   o.result, "bad", o.bad),
                         200, out, err);
    if (web_asked(ask, "part")[0]) {
        web_page_init(&h, ask);
        did_put(&h, ask, &o, ask->rest);
        return web_page_send(&h, 200, out, err);
    }
    frame_begin(s, &h, ask, web_tr(&h, "Action"));
    web_print(&h, "<h1>%s</h1>\n", web_tr(&h, "Action"));
    did_put(&h, ask, &o, ask->rest);
    return frame_send(s, &h, ask, out, err);
}
