#include "dashspool/custody.h"
#include "dashspool/clock.h"
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
};

const char *custody_kind_name(enum custody_kind kind)
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

/* Takes what; *text is the caller's. */
static int dump(json_t *o, char **text, struct err *err)
{
    *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII |
                                  JSON_REAL_PRECISION(12))
              : NULL;
    json_decref(o);
    return *text ? ERR_OK : err_nomem(err, "a custody line");
}

int custody_line(char out[CUSTODY_LINE_ROOM], const char *id, int64_t n, const char *previous,
                 const struct custody_event *event, struct err *err)
{
    char hash[HASH_HEX_ROOM], at[CLOCK_TEXT_ROOM], *text = NULL;
    const char *name = custody_kind_name(event->event);
    int rc = ERR_OK;
    snprintf(hash, sizeof hash, "%s", nothing);
    if (previous && (rc = hash_text(previous, strlen(previous), hash, err)) < 0)
        return rc;
    if (!is_id(id) || !is_event(name) || !event->who[0])
        return err_set(err, ERR_MALFORMED, "custody: '%.40s' of '%.40s' by '%.40s' is no event",
                       name, id, event->who);
    json_t *what =
        event->what ? json_loads(event->what, JSON_REJECT_DUPLICATES, NULL) : json_object();
    if (!json_is_object(what)) {
        json_decref(what);
        return err_set(err, ERR_MALFORMED, "custody: what of '%s' is no JSON object", name);
    }
    clock_rfc3339(event->at_us, 6, at);
    rc = dump(json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:s}", "at", at, "event", name, "id", id,
                        "n", (json_int_t)n, "previous", hash, "what", what, "who", event->who),
              &text, err);
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

/* The one way to write it: otherwise two texts could stand for the same line. */
static bool is_canonical(const json_t *json, const char *line, size_t n)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII |
                                      JSON_REAL_PRECISION(12));
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
                     "custody: behind line %" PRId64 " of %s comes what is no custody line",
                     chain->n, chain->n ? chain->id : "anything");
    if (rc == ERR_OK)
        rc = follow(chain, &l, err);
    if (rc == ERR_OK)
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

/* ---- one line by itself ---- */

void custody_read(struct custody_record *out, const char *line, size_t n)
{
    json_t *json = json_loadb(line, n, 0, NULL);
    const json_t *what = json_object_get(json, "what");
    const struct {
        const json_t *of;
        const char *key;
        const char **to;
    } texts[] = {
        {json, "event", &out->event},
        {json, "id", &out->id},
        {json, "at", &out->at},
        {json, "who", &out->who},
        {what, "sha256", &out->sha256},
        {what, "from_sha256", &out->from_sha256},
        {what, "copy", &out->copy},
        {what, "path", &out->path},
        {what, "stage", &out->stage},
        {what, "package", &out->package},
        {what, "tagmanifest_sha256", &out->tagmanifest_sha256},
        {what, "for_job", &out->for_job},
    };
    *out = (struct custody_record){.own = json};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i].to = json_string_value(json_object_get(texts[i].of, texts[i].key));
    out->kind = kind_of(out->event);
    out->n = json_integer_value(json_object_get(json, "n"));
    out->partial = json_is_true(json_object_get(what, "partial"));
    out->redacted = json_is_true(json_object_get(what, "redacted"));
}

void custody_record_clear(struct custody_record *r)
{
    json_decref(r->own);
    *r = (struct custody_record){.own = NULL};
}

char *custody_record_what(const struct custody_record *r)
{
    return json_dumps(json_object_get(r->own, "what"), JSON_COMPACT | JSON_SORT_KEYS);
}
