/* An action as job.json: one table says what there is, for the writer and for the reader. */
#include "dashspool/actions.h"
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include "dashspool/review.h"
#include "dashspool/spool.h"
#include "dashspool/text.h"
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define IDS       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define BIT(kind) (1U << ACTIONS_##kind)
#define OF_EVENTS                                                                              \
    (BIT(REVIEWED) | BIT(UNREVIEWED) | BIT(PROTECT) | BIT(UNPROTECT) | BIT(NOTE) | BIT(CASE) | \
     BIT(EXPORT))

enum is { TEXT, LIST, FLAG, NUMBER, TIME };

/* A text is of `letters` alone, where there are such; "" is as if it were not there. */
struct member {
    const char *name, *what; /* what a person calls it */
    enum is is;
    size_t at, n_at;       /* in struct actions_action; n_at: of a list */
    size_t max;            /* bytes of a text; of a list: entries */
    unsigned takes, needs; /* kinds, as bits */
    const char *letters;
    bool lines; /* may have line ends */
};

#define AT(field) offsetof(struct actions_action, field)
static const struct member members[] = {
    {"events", "the events", LIST, AT(events), AT(n_events), ACTIONS_EVENTS_MAX,
     OF_EVENTS | BIT(RETRY) | BIT(DROP) | BIT(DOWNLOADED), OF_EVENTS, IDS, false},
    {"text", "the note", TEXT, AT(text), 0, REVIEW_NOTE_ROOM - 1, BIT(NOTE), BIT(NOTE), NULL, true},
    {"text", "the case number", TEXT, AT(text), 0, REVIEW_CASE_ROOM - 1, BIT(CASE), 0, NULL, false},
    {"text", "the reason", TEXT, AT(text), 0, CATALOGUE_REASON_ROOM - 1,
     BIT(PROTECT) | BIT(REQUEST) | BIT(DROP), BIT(PROTECT), NULL, false},
    {"title", "the title", TEXT, AT(title), 0, 200, BIT(EXPORT), 0, NULL, false},
    {"recipient", "the recipient", TEXT, AT(recipient), 0, 200, BIT(EXPORT), 0, NULL, false},
    {"case_number", "the case number", TEXT, AT(case_number), 0, REVIEW_CASE_ROOM - 1, BIT(EXPORT),
     0, NULL, false},
    {"redacted", "\"redacted\"", FLAG, AT(redacted), 0, 0, BIT(EXPORT), 0, NULL, false},
    {"no_sound", "\"no sound\"", FLAG, AT(no_sound), 0, 0, BIT(EXPORT), 0, NULL, false},
    {"hide", "what is hidden", TEXT, AT(hide), 0, 100, BIT(EXPORT), 0,
     "abcdefghijklmnopqrstuvwxyz,", false},
    {"masks", "the masks", LIST, AT(masks), AT(n_masks), ACTIONS_MASKS_MAX, BIT(EXPORT), 0,
     IDS ":,", false},
    {"package", "the package", TEXT, AT(package), 0, 200, BIT(VERIFY) | BIT(DOWNLOADED),
     BIT(VERIFY), NULL, false},
    {"imei", "the IMEI", TEXT, AT(imei), 0, 15, BIT(REQUEST) | BIT(VEHICLE) | BIT(IMPORT),
     BIT(REQUEST) | BIT(VEHICLE), "0123456789", false},
    {"cameras", "the cameras", TEXT, AT(cameras), 0, 60, BIT(REQUEST), BIT(REQUEST),
     "abcdefghijklmnopqrstuvwxyz ", false},
    {"time", "the time", TIME, AT(time_us), 0, 0, BIT(REQUEST), BIT(REQUEST), NULL, false},
    {"seconds", "the seconds", NUMBER, AT(seconds), 0, ACTIONS_SECONDS_MAX, BIT(REQUEST),
     BIT(REQUEST), NULL, false},
    {"photo", "\"photo\"", FLAG, AT(photo), 0, 0, BIT(REQUEST), 0, NULL, false},
    {"request", "the request", NUMBER, AT(request), 0, 0, BIT(CANCEL), BIT(CANCEL), NULL, false},
    {"stage", "the stage", TEXT, AT(stage), 0, SPOOL_NAME_ROOM - 1, BIT(RETRY) | BIT(DROP), 0, IDS,
     false},
    {"job", "the job", TEXT, AT(job), 0, SPOOL_NAME_ROOM - 1, BIT(RETRY) | BIT(DROP), 0, IDS,
     false},
    {"name", "the name", TEXT, AT(name), 0, REVIEW_NAME_ROOM - 1, BIT(VEHICLE), 0, NULL, false},
    {"plate", "the plate", TEXT, AT(plate), 0, REVIEW_NAME_ROOM - 1, BIT(VEHICLE), 0, NULL, false},
    {"group", "the group", TEXT, AT(group), 0, REVIEW_NAME_ROOM - 1, BIT(VEHICLE), 0, NULL, false},
    {"upload", "the upload", TEXT, AT(upload), 0, 100, BIT(IMPORT), BIT(IMPORT), IDS, false},
    {"camera", "the camera", TEXT, AT(camera), 0, 7, BIT(IMPORT), 0, "abcdefghijklmnopqrstuvwxyz",
     false},
    {"time", "the time", TEXT, AT(local), 0, 39, BIT(IMPORT), 0, "0123456789-:.+TZ ", false},
    {"zone", "the time zone", TEXT, AT(zone), 0, 63, BIT(IMPORT), 0, IDS "/+:", false},
};
enum { MEMBERS = sizeof members / sizeof *members };

static const char *const head[] = {"action", "at", "by", "role"};

/* ---- the fields of struct actions_action ---- */

static const char *text_of(const struct actions_action *a, const struct member *m)
{
    const char *text;
    memcpy(&text, (const char *)a + m->at, sizeof text);
    return text ? text : "";
}

static const char *const *list_of(const struct actions_action *a, const struct member *m, size_t *n)
{
    memcpy(n, (const char *)a + m->n_at, sizeof *n);
    return (const char *const *)(const void *)((const char *)a + m->at);
}

static int64_t number_of(const struct actions_action *a, const struct member *m)
{
    if (m->at == AT(seconds))
        return a->seconds;
    return m->at == AT(request) ? a->request : a->time_us;
}

static bool flag_of(const struct actions_action *a, const struct member *m)
{
    return m->at == AT(redacted) ? a->redacted : m->at == AT(photo) ? a->photo : a->no_sound;
}

static bool is_given(const struct actions_action *a, const struct member *m)
{
    size_t n = 0;
    switch (m->is) {
    case TEXT:
        return text_of(a, m)[0];
    case LIST:
        list_of(a, m, &n);
        return n > 0;
    case FLAG:
        return flag_of(a, m);
    case NUMBER:
    case TIME:
        return number_of(a, m) != 0;
    }
    return false;
}

/* ---- what is fit ---- */

/* UTF-8, and nothing hidden in it. */
static bool is_clean(const char *text, bool lines)
{
    uint32_t c = 0;
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
        n = utf8_next(text, left, &c);
        if (n == 0 || (text_hidden(c) && !(lines && c == '\n')))
            return false;
    }
    return true;
}

static int check_text(const struct member *m, const char *text, size_t max, struct err *err)
{
    if (strlen(text) > max)
        return err_set(err, ERR_MALFORMED, "%s is too long: %zu bytes, at most %zu are allowed",
                       m->what, strlen(text), max);
    if (!is_clean(text, m->lines))
        return err_set(err, ERR_MALFORMED, "%s has characters that cannot be shown", m->what);
    if (m->letters && strspn(text, m->letters) != strlen(text))
        return err_set(err, ERR_MALFORMED, "%s has characters that are not allowed there", m->what);
    /* One part of a path, where it becomes one. */
    bool part = m->at == AT(package) || m->at == AT(upload) || m->at == AT(stage) ||
                m->at == AT(job) || m->at == AT(events);
    if (part && (text[0] == '.' || strchr(text, '/')))
        return err_set(err, ERR_MALFORMED, "%s is no name", m->what);
    return ERR_OK;
}

static int check_member(const struct actions_action *a, const struct member *m, struct err *err)
{
    size_t n;
    const char *const *list;
    int rc = ERR_OK;
    switch (m->is) {
    case TEXT:
        return check_text(m, text_of(a, m), m->max, err);
    case LIST:
        list = list_of(a, m, &n);
        if (n > m->max)
            return err_set(err, ERR_MALFORMED, "%s are too many: %zu, at most %zu are allowed",
                           m->what, n, m->max);
        for (size_t i = 0; rc == ERR_OK && i < n; i++)
            rc = list[i][0] ? check_text(m, list[i], CATALOGUE_ID_ROOM + 63, err)
                            : err_set(err, ERR_MALFORMED, "%s: one of them is empty", m->what);
        return rc;
    case NUMBER:
        if (number_of(a, m) < 0 || (m->max && number_of(a, m) > (int64_t)m->max))
            return err_set(err, ERR_MALFORMED, "%s: %lld is out of range", m->what,
                           (long long)number_of(a, m));
        return ERR_OK;
    case FLAG:
    case TIME:
        return ERR_OK;
    }
    return ERR_OK;
}

/* What no table says. */
static int check_together(const struct actions_action *a, struct err *err)
{
    bool one = a->stage && a->stage[0] && a->job && a->job[0];
    if ((a->kind == ACTIONS_RETRY || a->kind == ACTIONS_DROP) && one == (a->n_events > 0))
        return err_set(err, ERR_MALFORMED, "name either a job with its stage, or events");
    if (a->kind == ACTIONS_DOWNLOADED && (a->package && a->package[0]) == (a->n_events > 0))
        return err_set(err, ERR_MALFORMED, "name either a package or a transfer");
    if (a->kind == ACTIONS_EXPORT && !a->redacted &&
        (a->no_sound || a->n_masks > 0 || (a->hide && a->hide[0])))
        return err_set(err, ERR_MALFORMED, "something is to be hidden, but it is not redacted");
    if (a->kind == ACTIONS_EXPORT && a->redacted && !a->no_sound && a->n_masks == 0 &&
        !(a->hide && a->hide[0]))
        return err_set(err, ERR_MALFORMED, "a redacted package hides something: choose what");
    size_t digits = a->imei ? strlen(a->imei) : 0;
    if (digits != 0 && digits != 14 && digits != 15)
        return err_set(err, ERR_MALFORMED, "an IMEI has 15 digits, this one has %zu", digits);
    if (a->kind == ACTIONS_IMPORT && a->camera && a->camera[0] &&
        !words_have(CATALOGUE_CAMERAS, a->camera, strlen(a->camera)))
        return err_set(err, ERR_MALFORMED, "the camera is none of " CATALOGUE_CAMERAS);
    if (a->kind == ACTIONS_IMPORT) {
        struct clock_told told;
        int rc = clock_told(&told, a->local, a->zone, clock_utc_us(), err);
        clock_told_clear(&told);
        return rc;
    }
    return ERR_OK;
}

int actions_check(const struct actions_action *a, struct err *err)
{
    static const struct member by = {.what = "the name of who does it"};
    int rc = ERR_OK;
    if ((unsigned)a->kind >= ACTIONS_KINDS)
        return err_set(err, ERR_MALFORMED, "there is no such action");
    if (!a->by || !a->by[0])
        return err_set(err, ERR_MALFORMED, "it does not say who does it");
    if (a->role <= PEOPLE_NOBODY || a->role > PEOPLE_ADMIN)
        return err_set(err, ERR_MALFORMED, "who does it has no role");
    rc = check_text(&by, a->by, ACTIONS_BY_ROOM - 1, err);
    for (size_t i = 0; rc == ERR_OK && i < MEMBERS; i++) {
        const struct member *m = &members[i];
        bool takes = m->takes & 1U << a->kind;
        if (takes && is_given(a, m))
            rc = check_member(a, m, err);
        else if (m->needs & 1U << a->kind)
            rc = err_set(err, ERR_MALFORMED, "%s: %s is missing", actions_name(a->kind), m->what);
    }
    return rc < 0 ? rc : check_together(a, err);
}

/* ---- written ---- */

static json_t *value_of(const struct actions_action *a, const struct member *m)
{
    char text[CLOCK_TEXT_ROOM];
    size_t n;
    const char *const *list;
    json_t *array;
    switch (m->is) {
    case TEXT:
        return json_string(text_of(a, m));
    case LIST:
        list = list_of(a, m, &n);
        array = json_array();
        for (size_t i = 0; array && i < n; i++)
            if (json_array_append_new(array, json_string(list[i])) < 0) {
                json_decref(array);
                return NULL;
            }
        return array;
    case FLAG:
        return json_true();
    case NUMBER:
        return json_integer(number_of(a, m));
    case TIME:
        clock_rfc3339(number_of(a, m), 6, text);
        return json_string(text);
    }
    return NULL;
}

static char *write_job(const struct actions_action *a)
{
    char at[CLOCK_TEXT_ROOM];
    clock_rfc3339(a->at_us, 6, at);
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "action", actions_name(a->kind), "at", at, "by",
                          a->by, "role", people_role_name(a->role));
    bool bad = !o;
    for (size_t i = 0; !bad && i < MEMBERS; i++)
        if ((members[i].takes & 1U << a->kind) && is_given(a, &members[i]))
            bad = json_object_set_new(o, members[i].name, value_of(a, &members[i])) < 0;
    char *text = bad ? NULL : json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

bool actions_job_of_upload(const char *upload, char job[ACTIONS_JOB_ROOM])
{
    char name[ACTIONS_JOB_ROOM];
    enum actions_kind kind;
    int n = snprintf(name, sizeof name, "%s-%s", actions_name(ACTIONS_IMPORT), upload);
    bool is = n > 0 && (size_t)n < sizeof name && actions_kind_of_job(name, &kind);
    if (is)
        memcpy(job, name, sizeof name);
    return is;
}

int actions_put(struct spool *spool, const struct actions_action *a, char job[ACTIONS_JOB_ROOM],
                struct err *err)
{
    uint8_t chance[HASH_BYTES] = {0};
    char hex[HASH_HEX_ROOM];
    int rc = actions_check(a, err);
    if (rc < 0)
        return rc;
    if (getrandom(chance, 16, 0) != 16)
        return err_sys(err, "random numbers");
    hash_hex(chance, hex);
    snprintf(job, ACTIONS_JOB_ROOM, "%s-%.32s", actions_name(a->kind), hex);
    if (a->kind == ACTIONS_IMPORT)
        actions_job_of_upload(a->upload, job);
    char *json = write_job(a);
    if (!json)
        return err_nomem(err, "an action");
    /* what was uploaded lies on this node */
    const struct spool_item item = {job, json, strlen(json), a->kind == ACTIONS_IMPORT};
    rc = spool_put_all(spool, &item, 1, err);
    free(json);
    return rc;
}

/* ---- read ---- */

struct actions_read {
    struct actions_action a; /* borrows from own */
    json_t *own;
};

const struct actions_action *actions_of(const struct actions_read *read)
{
    return &read->a;
}

void actions_read_free(struct actions_read **read)
{
    if (*read)
        json_decref((*read)->own);
    free(*read);
    *read = NULL;
}

static int other_value(const struct member *m, struct err *err)
{
    return err_set(err, ERR_MALFORMED, "job.json: \"%s\" has a value of another kind", m->name);
}

static int take_list(struct actions_action *a, const struct member *m, const json_t *value,
                     struct err *err)
{
    size_t n = json_array_size(value);
    if (!json_is_array(value))
        return other_value(m, err);
    if (n > m->max)
        return err_set(err, ERR_MALFORMED, "%s are too many: %zu, at most %zu are allowed", m->what,
                       n, m->max);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(value, i));
        if (!text)
            return other_value(m, err);
        memcpy((char *)a + m->at + i * sizeof text, &text, sizeof text);
    }
    memcpy((char *)a + m->n_at, &n, sizeof n);
    return ERR_OK;
}

static int take(struct actions_action *a, const struct member *m, const json_t *value,
                struct err *err)
{
    const char *text = json_string_value(value);
    int64_t number = json_integer_value(value);
    bool on = true;
    switch (m->is) {
    case TEXT:
        if (!text)
            return other_value(m, err);
        memcpy((char *)a + m->at, &text, sizeof text);
        return ERR_OK;
    case LIST:
        return take_list(a, m, value, err);
    case FLAG:
        if (!json_is_true(value))
            return other_value(m, err);
        memcpy((char *)a + m->at, &on, sizeof on);
        return ERR_OK;
    case NUMBER:
        if (!json_is_integer(value) || number < 0 || (m->at == AT(seconds) && number > INT32_MAX))
            return other_value(m, err);
        if (m->at == AT(seconds))
            a->seconds = (int)number;
        else
            a->request = number;
        return ERR_OK;
    case TIME:
        return text ? clock_parse(text, 0, &a->time_us, NULL, err) : other_value(m, err);
    }
    return ERR_OK;
}

/* What there is of every action. */
static int take_head(struct actions_action *a, const json_t *o, struct err *err)
{
    const char *text[sizeof head / sizeof *head];
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        if (!(text[i] = json_string_value(json_object_get(o, head[i]))))
            return err_set(err, ERR_MALFORMED, "job.json has no \"%s\"", head[i]);
    if (!actions_kind_of(text[0], &a->kind))
        return err_set(err, ERR_MALFORMED, "job.json: there is no such action");
    if (!people_role_of(text[3], &a->role))
        return err_set(err, ERR_MALFORMED, "job.json: there is no such role");
    a->by = text[2];
    return clock_parse(text[1], 0, &a->at_us, NULL, err);
}

static int take_members(struct actions_action *a, json_t *o, struct err *err)
{
    const char *key;
    json_t *value;
    int rc = ERR_OK;
    json_object_foreach(o, key, value)
    {
        size_t i = 0;
        bool of_head = false;
        for (size_t k = 0; k < sizeof head / sizeof *head; k++)
            of_head = of_head || strcmp(key, head[k]) == 0;
        while (i < MEMBERS &&
               (strcmp(key, members[i].name) != 0 || !(members[i].takes & 1U << a->kind)))
            i++;
        if (i == MEMBERS && !of_head)
            return err_set(err, ERR_MALFORMED, "job.json: %s takes no \"%.60s\"",
                           actions_name(a->kind), key);
        if (i < MEMBERS)
            rc = take(a, &members[i], value, err);
        if (rc < 0)
            return rc;
    }
    return ERR_OK;
}

int actions_read(struct actions_read **out, const char *json, struct err *err)
{
    json_error_t why;
    struct actions_read *r = *out = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err, "an action");
    int rc = ERR_OK;
    r->own = json_loads(json, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(r->own))
        rc = r->own ? err_set(err, ERR_MALFORMED, "job.json is no JSON object")
                    : err_set(err, ERR_MALFORMED, "job.json, line %d: %s", why.line, why.text);
    if (rc == ERR_OK && (rc = take_head(&r->a, r->own, err)) == ERR_OK &&
        (rc = take_members(&r->a, r->own, err)) == ERR_OK)
        rc = actions_check(&r->a, err);
    if (rc < 0)
        actions_read_free(out);
    return rc;
}
