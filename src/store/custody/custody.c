#include "dashspool/custody.h"
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char nothing[] = "0000000000000000000000000000000000000000000000000000000000000000";

static const char *const names[CUSTODY_KINDS] = {
    [CUSTODY_UNKNOWN] = "",
    [CUSTODY_RECEIVED] = "received",
    [CUSTODY_RESUMED] = "resumed",
    [CUSTODY_INTERRUPTED] = "interrupted",
    [CUSTODY_STORED] = "stored",
    [CUSTODY_PUBLISHED] = "published",
    [CUSTODY_OFFERED_AGAIN] = "offered-again",
    [CUSTODY_CONVERTED] = "converted",
    [CUSTODY_DROPPED] = "dropped",
    [CUSTODY_SHOWN] = "shown",
    [CUSTODY_EXPORTED] = "exported",
    [CUSTODY_PROTECTED] = "protected",
    [CUSTODY_UNPROTECTED] = "unprotected",
    [CUSTODY_COPY_DELETED] = "copy-deleted",
    [CUSTODY_DELETED] = "deleted",
    [CUSTODY_REINDEXED] = "reindexed",
    [CUSTODY_REPAIRED] = "repaired",
    [CUSTODY_SET_ASIDE] = "set-aside",
    [CUSTODY_MISSING] = "missing",
    [CUSTODY_JOINED] = "joined",
    [CUSTODY_REQUESTED] = "requested",
    [CUSTODY_REVIEWED] = "reviewed",
    [CUSTODY_UNREVIEWED] = "unreviewed",
    [CUSTODY_NOTED] = "noted",
    [CUSTODY_CASE] = "case",
};

/* As it stands in a line: "received", "offered-again" …; "" for CUSTODY_UNKNOWN. */
static const char *kind_name(enum custody_kind kind)
{
    return (unsigned)kind < CUSTODY_KINDS ? names[kind] : "";
}

static enum custody_kind kind_of(const char *event)
{
    unsigned kind = CUSTODY_KINDS - 1;
    while (kind > CUSTODY_UNKNOWN && (!event || strcmp(names[kind], event) != 0))
        kind--;
    return (enum custody_kind)kind;
}

static bool is_name(const char *text, const char *of, size_t room)
{
    size_t n = strspn(text, of);
    return n > 0 && n < room && text[n] == '\0';
}

static bool is_event(const char *text)
{
    return is_name(text, "abcdefghijklmnopqrstuvwxyz-", CUSTODY_EVENT_ROOM);
}

static bool is_id(const char *text)
{
    return is_name(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-",
                   CUSTODY_ID_ROOM);
}

/* The one way to write it: otherwise two texts could stand for the same line. NULL: no memory. */
static char *canonical(const json_t *json)
{
    return json_dumps(json,
                      JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));
}

/* Names of files may be no UTF-8, which JSON cannot have: then as text_shown() has them. */
static json_t *words_json(const char *text)
{
    char shown[4096];
    json_t *j = json_string(text);
    return j ? j : json_string(text_shown(text, shown, sizeof shown));
}

int custody_line(char out[CUSTODY_LINE_ROOM], const char *id, int64_t n, const char *previous,
                 const struct custody_event *event, struct err *err)
{
    char hash[HASH_HEX_ROOM], at[CLOCK_TEXT_ROOM], *text = NULL;
    const char *name = kind_name(event->event);
    int rc = ERR_OK;
    snprintf(hash, sizeof hash, "%s", nothing);
    if (previous && (rc = hash_text(previous, strlen(previous), hash, err)) < 0)
        return rc;
    if (!is_id(id) || !is_event(name) || !event->who[0])
        return err_set(err, ERR_MALFORMED, "custody: '%.40s' of '%.40s' by '%.40s' is not an event",
                       name, id, event->who);
    json_t *what =
        event->what ? json_loads(event->what, JSON_REJECT_DUPLICATES, NULL) : json_object();
    if (!json_is_object(what)) {
        json_decref(what);
        return err_set(err, ERR_MALFORMED, "custody: what of '%s' is not a JSON object", name);
    }
    clock_rfc3339(event->at_us, 6, at);
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:o}", "at", at, "event", name, "id", id, "n",
                  (json_int_t)n, "previous", hash, "what", what, "who", words_json(event->who));
    text = canonical(line);
    json_decref(line);
    rc = text ? ERR_OK : err_nomem(err, "a custody line");
    if (rc == ERR_OK && strlen(text) >= CUSTODY_LINE_ROOM)
        rc = err_set(err, ERR_LIMIT, "custody: a line of %zu bytes; %d are possible", strlen(text),
                     CUSTODY_LINE_ROOM - 1);
    if (rc == ERR_OK)
        memcpy(out, text, strlen(text) + 1);
    free(text);
    return rc;
}

/* ---- reading ---- */

struct line {
    const char *id, *event, *previous, *who, *at; /* borrowed from the JSON */
    json_int_t n;
    json_t *what;
};

static bool parse_line(json_t *json, struct line *out)
{
    return json &&
           json_unpack_ex(json, NULL, JSON_STRICT, "{s:s, s:s, s:s, s:I, s:s, s:o, s:s}", "at",
                          &out->at, "event", &out->event, "id", &out->id, "n", &out->n, "previous",
                          &out->previous, "what", &out->what, "who", &out->who) == 0 &&
           is_id(out->id) && is_event(out->event) && json_is_object(out->what);
}

static bool is_canonical(const json_t *json, const char *line, size_t n)
{
    char *text = canonical(json);
    bool same = text && strlen(text) == n && memcmp(text, line, n) == 0;
    free(text);
    return same;
}

static int follow(const struct custody_chain *chain, const struct line *l, struct err *err)
{
    bool first = l->n == 1;
    if (first && strcmp(l->previous, nothing) != 0)
        return err_set(err, ERR_MALFORMED, "custody record of %s: line 1 refers to an earlier line",
                       l->id);
    if (first)
        return ERR_OK;
    if (strcmp(l->id, chain->id) != 0 || l->n != chain->n + 1)
        return err_set(err, ERR_MALFORMED,
                       "custody record of %s: line %" JSON_INTEGER_FORMAT
                       " ('%s') does not follow line %" PRId64 " of %s: lines "
                       "are missing, or out of order",
                       l->id, l->n, l->event, chain->n, chain->n ? chain->id : "anything");
    if (strcmp(l->previous, chain->last) != 0)
        return err_set(err, ERR_MALFORMED,
                       "custody record of %s: line %" PRId64
                       " ('%s') was changed after line %" JSON_INTEGER_FORMAT " ('%s') was written",
                       l->id, chain->n, chain->event, l->n, l->event);
    return ERR_OK;
}

int custody_next(struct custody_chain *chain, const char *line, size_t n, struct err *err)
{
    struct line l = {0};
    if (n == 0 || n >= CUSTODY_LINE_ROOM)
        return err_set(err, ERR_MALFORMED, "custody: a line of %zu bytes", n);
    json_t *json = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    int rc = ERR_OK;
    if (!parse_line(json, &l) || !is_canonical(json, line, n))
        rc = err_set(err, ERR_MALFORMED,
                     "custody: behind line %" PRId64 " of %s comes what is not a custody line",
                     chain->n, chain->n ? chain->id : "anything");
    if (rc == ERR_OK && (rc = follow(chain, &l, err)) == ERR_OK)
        rc = hash_text(line, n, chain->last, err);
    if (rc == ERR_OK) {
        snprintf(chain->id, sizeof chain->id, "%s", l.id);
        snprintf(chain->event, sizeof chain->event, "%s", l.event);
        chain->kind = kind_of(l.event);
        chain->n = l.n;
    }
    json_decref(json);
    return rc;
}

/* in: the names of the objects that o is in, each with a point. */
static void withhold(json_t *o, const char *in, enum custody_kind kind, custody_keep_fn *keep,
                     void *arg, json_t *withheld)
{
    const char *key;
    void *next;
    json_t *value;
    json_object_foreach_safe(o, next, key, value)
    {
        char name[200], inside[200];
        snprintf(name, sizeof name, "%s%s", in, key);
        snprintf(inside, sizeof inside, "%s.", name);
        if (!keep(arg, kind, name, json_string_value(value))) {
            json_array_append_new(withheld, json_string(name));
            json_object_del(o, key);
        } else {
            withhold(value, inside, kind, keep, arg, withheld); /* nothing, if it is no object */
        }
    }
}

int custody_retell(char out[CUSTODY_LINE_ROOM], const char *line, size_t n, const char *previous,
                   custody_keep_fn *keep, void *arg, struct err *err)
{
    struct line l = {0};
    char hash[HASH_HEX_ROOM];
    int rc = ERR_OK;
    snprintf(hash, sizeof hash, "%s", nothing);
    if (previous && (rc = hash_text(previous, strlen(previous), hash, err)) < 0)
        return rc;
    json_t *json = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL), *withheld = json_array();
    if (!parse_line(json, &l))
        rc = err_set(err, ERR_MALFORMED, "custody: not a custody line");
    else {
        withhold(l.what, "", kind_of(l.event), keep, arg, withheld);
        if (!keep(arg, kind_of(l.event), "who", json_string_value(json_object_get(json, "who"))))
            json_object_set_new(json, "who", json_string("withheld"));
    }
    char *text = NULL;
    if (rc == ERR_OK) {
        if (json_array_size(withheld) > 0)
            json_object_set(l.what, "withheld", withheld);
        json_object_set_new(json, "previous", json_string(hash));
        text = canonical(json);
        rc = !text ? err_nomem(err, "a custody line")
             : strlen(text) >= CUSTODY_LINE_ROOM
                 ? err_set(err, ERR_LIMIT, "custody: a line of %zu bytes", strlen(text))
                 : ERR_OK;
    }
    if (rc == ERR_OK)
        memcpy(out, text, strlen(text) + 1);
    free(text);
    json_decref(withheld);
    json_decref(json);
    return rc;
}

/* ---- what ---- */

static const struct member {
    const char *key;
    enum { TEXT, NUMBER, YES, OBJECT, LIST } type;
    size_t at;
} members[] = {
#define MEMBER(type, name)                               \
    {                                                    \
#name, type, offsetof(struct custody_what, name) \
    }
    MEMBER(TEXT, from),
    MEMBER(TEXT, path),
    MEMBER(TEXT, modified),
    MEMBER(TEXT, metadata),
    MEMBER(TEXT, told_by),
    MEMBER(TEXT, ending),
    MEMBER(TEXT, sha256),
    MEMBER(TEXT, from_sha256),
    MEMBER(TEXT, copy),
    MEMBER(TEXT, settings_sha256),
    MEMBER(TEXT, state),
    MEMBER(TEXT, stage),
    MEMBER(TEXT, failed),
    MEMBER(TEXT, why),
    MEMBER(TEXT, by),
    {"what", TEXT, offsetof(struct custody_what, shown)},
    MEMBER(TEXT, package),
    MEMBER(TEXT, tagmanifest_sha256),
    MEMBER(TEXT, for_job),
    MEMBER(TEXT, full_tagmanifest_sha256),
    MEMBER(TEXT, reason),
    MEMBER(TEXT, asked),
    MEMBER(TEXT, command),
    MEMBER(TEXT, note),
    MEMBER(TEXT, number),
    MEMBER(TEXT, init_sha256),
    MEMBER(TEXT, meta_sha256),
    MEMBER(TEXT, start_sha256),
    MEMBER(TEXT, path_sha256),
    MEMBER(TEXT, source),
    MEMBER(TEXT, arrived),
    MEMBER(TEXT, completed),
    MEMBER(TEXT, peer),
    MEMBER(TEXT, connections_sha256),
    MEMBER(OBJECT, facts),
    MEMBER(NUMBER, packets),
    MEMBER(NUMBER, crc_errors),
    MEMBER(NUMBER, resumes),
    MEMBER(NUMBER, bytes_lost),
    MEMBER(NUMBER, duplicates),
    MEMBER(NUMBER, first_packet),
    MEMBER(TEXT, records_sha256),
    MEMBER(NUMBER, records),
    MEMBER(TEXT, event_at),
    MEMBER(NUMBER, difference_ms),
    MEMBER(NUMBER, protocol_id),
    MEMBER(NUMBER, have_bytes),
    MEMBER(NUMBER, length_bytes),
    MEMBER(NUMBER, connections),
    MEMBER(NUMBER, copies),
    MEMBER(NUMBER, request),
    MEMBER(YES, partial),
    MEMBER(YES, by_order),
    MEMBER(YES, redacted),
    MEMBER(YES, erased),
    MEMBER(YES, no_sound),
    MEMBER(LIST, masks),
    MEMBER(LIST, hidden),
    MEMBER(LIST, reasons),
    MEMBER(LIST, not_known),
    MEMBER(LIST, changes),
#undef MEMBER
};
enum { N_MEMBERS = sizeof members / sizeof *members };

static json_t *list_json(const struct custody_list *list)
{
    json_t *all = json_array();
    for (size_t at = 0; all && at < list->bytes; at += strlen(list->texts + at) + 1)
        if (json_array_append_new(all, words_json(list->texts + at)) < 0) {
            json_decref(all);
            return NULL;
        }
    return all;
}

/* False: no memory, or no JSON. What is not there is left out. */
static bool put_member(json_t *o, const struct member *m, const struct custody_what *what)
{
    const void *at = (const char *)what + m->at;
    const char *text = m->type == TEXT || m->type == OBJECT ? *(const char *const *)at : NULL;
    const int64_t *number = m->type == NUMBER ? *(const int64_t *const *)at : NULL;
    const struct custody_list *list = at;
    if (text && m->type == OBJECT)
        return json_object_set_new(o, m->key, json_loads(text, JSON_REJECT_DUPLICATES, NULL)) == 0;
    if (text)
        return json_object_set_new(o, m->key, words_json(text)) == 0;
    if (number)
        return json_object_set_new(o, m->key, json_integer(*number)) == 0;
    if (m->type == YES && *(const bool *)at)
        return json_object_set_new(o, m->key, json_true()) == 0;
    if (m->type == LIST && list->bytes > 0)
        return json_object_set_new(o, m->key, list_json(list)) == 0;
    return true;
}

char *custody_what_text(const struct custody_what *what)
{
    json_t *o = json_object();
    bool good = o != NULL;
    if (good && what->redacted) /* it says also what was not hidden */
        good = json_object_set_new(o, "no_sound", json_false()) == 0 &&
               json_object_set_new(o, "masks", json_array()) == 0;
    for (size_t i = 0; good && i < N_MEMBERS; i++)
        good = put_member(o, &members[i], what);
    char *text = good ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(o);
    return text;
}

/* What a record borrows from. */
struct own {
    json_t *json;
    char *text[N_MEMBERS];
    int64_t number[N_MEMBERS];
};

static void get_member(const json_t *o, size_t i, struct own *own, struct custody_what *what)
{
    const struct member *m = &members[i];
    const json_t *json = json_object_get(o, m->key);
    void *at = (char *)what + m->at;
    own->number[i] = json_integer_value(json);
    if (m->type == TEXT)
        *(const char **)at = json_string_value(json);
    if (m->type == OBJECT && json_is_object(json))
        *(const char **)at = own->text[i] = canonical(json);
    if (m->type == NUMBER && json_is_integer(json))
        *(const int64_t **)at = &own->number[i];
    if (m->type == YES)
        *(bool *)at = json_is_true(json);
}

/* ---- one line by itself ---- */

void custody_read(struct custody_record *out, const char *line, size_t n)
{
    struct own *own = calloc(1, sizeof *own);
    json_t *json = own ? json_loadb(line, n, 0, NULL) : NULL;
    *out = (struct custody_record){
        .event = json_string_value(json_object_get(json, "event")),
        .id = json_string_value(json_object_get(json, "id")),
        .at = json_string_value(json_object_get(json, "at")),
        .who = json_string_value(json_object_get(json, "who")),
        .n = json_integer_value(json_object_get(json, "n")),
        .own = own,
    };
    out->kind = kind_of(out->event);
    for (size_t i = 0; own && i < N_MEMBERS; i++)
        get_member(json_object_get(json, "what"), i, own, &out->what);
    if (own)
        own->json = json;
}

void custody_record_clear(struct custody_record *r)
{
    struct own *own = r->own;
    for (size_t i = 0; own && i < N_MEMBERS; i++)
        free(own->text[i]);
    if (own)
        json_decref(own->json);
    free(own);
    *r = (struct custody_record){.own = NULL};
}

char *custody_record_what(const struct custody_record *r)
{
    const struct own *own = r->own;
    return own ? json_dumps(json_object_get(own->json, "what"), JSON_COMPACT | JSON_SORT_KEYS)
               : NULL;
}

int custody_hash(const char *json, char out[HASH_HEX_ROOM], struct err *err)
{
    json_error_t why;
    json_t *o = json_loads(json, JSON_REJECT_DUPLICATES, &why);
    if (!o && json_error_code(&why) == json_error_out_of_memory)
        return err_nomem(err, "a custody hash");
    if (!o)
        return err_set(err, ERR_MALFORMED, "custody: no JSON to hash: %s", why.text);
    char *text = canonical(o);
    int rc = text ? hash_text(text, strlen(text), out, err) : err_nomem(err, "a custody hash");
    free(text);
    json_decref(o);
    return rc;
}
