/* What became of an action: what the spool keeps of it, and where its job is. */
#include "dashspool/actions.h"
#include "dashspool/buf.h"
#include "dashspool/spool.h"
#include "dashspool/text.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTCOME_BYTES_MAX ((size_t)8 * ACTIONS_WORDS_ROOM)

/* ---- told ---- */

/* Bytes that are no character of UTF-8 are left out, so also half a one at the end of what had no
 * room: JSON takes none. */
static void copy_characters(char *out, size_t room, const char *text)
{
    uint32_t c;
    size_t used = 0;
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
        size_t is = utf8_next(text, left, &c);
        n = is > 0 ? is : 1;
        if (is >= room - used)
            break;
        memcpy(out + used, text, is);
        used += is;
    }
    out[used] = '\0';
}

/* As o->text is; NULL: no memory. */
static json_t *text_of(const struct actions_outcome *o)
{
    char *text = malloc(sizeof o->text);
    if (text)
        copy_characters(text, sizeof o->text, o->text);
    json_t *json = text ? json_string(text) : NULL;
    free(text);
    return json;
}

int actions_tell(const char *root, const char *job, const struct actions_outcome *o,
                 struct err *err)
{
    enum actions_kind kind;
    if (!actions_kind_of_job(job, &kind))
        return err_set(err, ERR_MALFORMED, "%s is no action's job", job);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:o, s:f, s:s, s:b}", "state",
                  o->state == ACTIONS_DONE ? "done" : "at work", "by", o->by, "event", o->event,
                  "text", text_of(o), "done", o->done, "result", o->result, "bad", o->bad);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    int rc = text ? spool_word_put(root, ACTIONS_STAGE, job, text, strlen(text), err)
                  : err_nomem(err, "an outcome");
    json_decref(json);
    free(text);
    return rc;
}

/* ---- looked at ---- */

static void copy(char *out, size_t room, const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    snprintf(out, room, "%s", text ? text : "");
}

/* False: there is none that can be read. */
static bool read_outcome(const char *root, const char *job, struct actions_outcome *out)
{
    struct buf b;
    struct err unimportant;
    json_t *o = NULL;
    buf_init(&b, OUTCOME_BYTES_MAX);
    if (spool_word_get(root, ACTIONS_STAGE, job, &b, &unimportant) == ERR_OK)
        o = json_loadb((const char *)buf_data(&b), b.used, JSON_REJECT_DUPLICATES, NULL);
    const char *state = json_string_value(json_object_get(o, "state"));
    bool is = state != NULL;
    if (is) {
        out->state = strcmp(state, "done") == 0 ? ACTIONS_DONE : ACTIONS_AT_WORK;
        copy(out->by, sizeof out->by, o, "by");
        copy(out->event, sizeof out->event, o, "event");
        copy(out->text, sizeof out->text, o, "text");
        copy(out->result, sizeof out->result, o, "result");
        out->bad = json_is_true(json_object_get(o, "bad"));
        double done = json_number_value(json_object_get(o, "done"));
        out->done = done >= 0 && done <= 1 ? done : 0;
    }
    json_decref(o);
    buf_clear(&b);
    return is;
}

static void read_whose(struct actions_outcome *out, const struct buf *json)
{
    json_t *o = json_loadb((const char *)buf_data(json), json->used, 0, NULL);
    copy(out->by, sizeof out->by, o, "by");
    const char *event = json_string_value(json_array_get(json_object_get(o, "events"), 0));
    snprintf(out->event, sizeof out->event, "%s", event ? event : "");
    json_decref(o);
}

int actions_look(const char *root, const char *job, struct actions_outcome *out, struct err *err)
{
    struct spool_glance at;
    struct buf json;
    *out = (struct actions_outcome){.state = ACTIONS_GONE};
    if (!actions_kind_of_job(job, &out->kind))
        return ERR_OK;
    if (read_outcome(root, job, out) && out->state == ACTIONS_DONE)
        return ERR_OK;
    buf_init(&json, SPOOL_JOB_BYTES_MAX);
    int rc = spool_glance(root, ACTIONS_STAGE, job, &json, &at, err);
    if (rc == ERR_OK && at.place != SPOOL_PLACE_NONE) {
        read_whose(out, &json);
        out->state = at.place == SPOOL_PLACE_READY     ? ACTIONS_READY
                     : at.place == SPOOL_PLACE_CLAIMED ? ACTIONS_AT_WORK
                                                       : ACTIONS_FAILED;
        if (at.place != SPOOL_PLACE_CLAIMED)
            copy_characters(out->text, sizeof out->text, at.why);
    } else if (rc == ERR_OK && !(read_outcome(root, job, out) && out->state == ACTIONS_DONE)) {
        out->state = ACTIONS_GONE; /* it was not done between the two looks */
    }
    buf_clear(&json);
    return rc;
}

int actions_sweep(const char *root, int64_t before_us, struct err *err)
{
    return spool_word_sweep(root, ACTIONS_STAGE, before_us, err);
}
