/* standing: their settings, and which records they name. */
#include "dashspool/requests.h"
#include "standing_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events by name. `meaning` is the name that avl_profile() has for the id: where the tracker's
 * family means something else by it, it is another event. trigger: that of a DualCam (AVL 499).
 * Rows without a word are for that only. */
#define VALUES(...) ((const uint8_t[]){__VA_ARGS__, 0xff})
static const struct event {
    const char *word;
    uint16_t id;
    const char *meaning;
    const uint8_t *values;
    int trigger;
} events[] = {
    {"crash", AVL_ID_CRASH, "crash", VALUES(1, 6), 3}, /* 2 to 5 are parts of its trace */
    {"green-driving", AVL_ID_GREEN_DRIVING, "green driving", VALUES(1, 2, 3), 8},
    {"towing", 246, "towing", VALUES(1), 4},
    {"unplug", AVL_ID_UNPLUG, "unplugged", VALUES(1), 7},
    {"geofence", 155, "geofence zone 1", VALUES(0, 1), 6},
    {"geofence", 156, "geofence zone 2", VALUES(0, 1), 6},
    {"geofence", 157, "geofence zone 3", VALUES(0, 1), 6},
    {"geofence", 158, "geofence zone 4", VALUES(0, 1), 6},
    {"geofence", 159, "geofence zone 5", VALUES(0, 1), 6},
    {"geofence", 175, "automatic geofence", VALUES(0, 1), 6},
    {"drowsiness", 11700, "DSM: drowsiness", VALUES(1), 0},
    {"distraction", 11701, "DSM: distraction", VALUES(1), 0},
    {"yawning", 11702, "DSM: yawning", VALUES(1), 0},
    {"phone", 11703, "DSM: phone", VALUES(1), 0},
    {"smoking", 11704, "DSM: smoking", VALUES(1), 0},
    {"driver-absent", 11705, "DSM: driver absent", VALUES(1), 0},
    {"mask", 11706, "DSM: mask", VALUES(1), 0},
    {"drowsiness", 12923, "DSM, COM2: drowsiness", VALUES(1), 0},
    {"distraction", 12924, "DSM, COM2: distraction", VALUES(1), 0},
    {"yawning", 12925, "DSM, COM2: yawning", VALUES(1), 0},
    {"phone", 12926, "DSM, COM2: phone", VALUES(1), 0},
    {"smoking", 12927, "DSM, COM2: smoking", VALUES(1), 0},
    {"driver-absent", 12928, "DSM, COM2: driver absent", VALUES(1), 0},
    {"mask", 12929, "DSM, COM2: mask", VALUES(1), 0},
    {NULL, 1, "digital input 1", VALUES(0, 1), 1},
    {NULL, 2, "digital input 2", VALUES(0, 1), 2},
    {NULL, 3, "digital input 3", VALUES(0, 1), 10},
    {NULL, 4, "digital input 4", VALUES(0, 1), 11},
    {NULL, 251, "idling", VALUES(1), 5},
    {NULL, 243, "idling", VALUES(1), 5},
};
enum { N_EVENTS = sizeof events / sizeof *events };

static const char panic[] = "panic", dsm[] = "dsm";

/* ---- settings ---- */

static bool is_dsm(const struct event *e)
{
    return strncmp(e->meaning, "DSM", 3) == 0;
}

/* The word as this program has it, or NULL. */
static const char *known_word(const char *text, size_t n)
{
    if (n == strlen(panic) && strncmp(text, panic, n) == 0)
        return panic;
    if (n == strlen(dsm) && strncmp(text, dsm, n) == 0)
        return dsm;
    for (const struct event *e = events; e < events + N_EVENTS; e++)
        if (e->word && strlen(e->word) == n && strncmp(text, e->word, n) == 0)
            return e->word;
    return NULL;
}

/* "247=1" */
static bool read_pair(const char *text, size_t n, struct term *out)
{
    size_t id = strspn(text, "0123456789");
    if (id == 0 || id > 5 || id + 1 >= n || text[id] != '=')
        return false;
    size_t value = strspn(text + id + 1, "0123456789");
    if (id + 1 + value != n || value > 19)
        return false;
    unsigned long number = strtoul(text, NULL, 10);
    *out = (struct term){.id = (uint16_t)number, .value = strtoull(text + id + 1, NULL, 10)};
    return number > 0 && number <= UINT16_MAX;
}

/* The next of a list with commas; false: the end. */
static bool next_item(const char **at, const char **item, size_t *n)
{
    if (!*at)
        return false;
    *item = *at + strspn(*at, " \t");
    *n = strcspn(*item, ",");
    *at = (*item)[*n] == ',' ? *item + *n + 1 : NULL;
    while (*n > 0 && strchr(" \t", (*item)[*n - 1]))
        --*n;
    return true;
}

/* `out` may be NULL. */
static int read_on(const char *text, struct rule *out, struct err *err)
{
    const char *item;
    size_t n, terms = 0;
    while (next_item(&text, &item, &n)) {
        struct term term = {.word = known_word(item, n)};
        if (!term.word && !read_pair(item, n, &term))
            return err_set(err, ERR_CONFIG,
                           "on: '%.*s' is no event: there are crash, green-driving, panic, towing, "
                           "unplug, geofence, dsm, drowsiness, distraction, yawning, phone, "
                           "smoking, driver-absent, mask, and AVL ids with a value, as 247=1",
                           n < 40 ? (int)n : 40, item);
        if (terms == STANDING_TERMS_MAX)
            return err_set(err, ERR_CONFIG, "on: more than %d events", STANDING_TERMS_MAX);
        if (out)
            out->term[terms] = term;
        terms++;
    }
    if (out)
        out->n = terms;
    return ERR_OK;
}

static int check_on(const char *value, struct err *err)
{
    return value[0] ? read_on(value, NULL, err) : ERR_OK; /* standing_load() misses it */
}

static int check_imei(const char *value, struct err *err)
{
    const char *at = value[0] ? value : NULL, *item;
    size_t n;
    while (next_item(&at, &item, &n))
        if (n != 15 || strspn(item, "0123456789") < n)
            return err_set(err, ERR_CONFIG,
                           "expected 15 digits, as trackers log in with; several with commas");
    return ERR_OK;
}

static const struct cfg_key keys[] = {
    {"on", CFG_TEXT, "events", 0, 1000, "",
     "events to ask for, comma-separated: crash, green-driving, panic, towing, unplug, geofence, "
     "dsm, or an AVL id and its value, as 247=1",
     check_on},
    {"before", CFG_SPAN, "time", 0, CAMREQ_SECONDS_MAX * 1000, "5 s",
     "how much to ask for before the event, in whole seconds"},
    {"after", CFG_SPAN, "time", 0, CAMREQ_SECONDS_MAX * 1000, "5 s",
     "… and after it; both together 1 to 30 s"},
    {"cameras", CFG_WORD, "front rear both road", 0, 0, "both", "whose footage to ask for"},
    {"per_day", CFG_INT, "requests", 1, 1000, "10",
     "maximum number of requests for a tracker, by the day of the event (UTC)"},
    {"imei", CFG_TEXT, "IMEIs", 0, 16000, "", "only of these trackers, comma-separated; empty: all",
     check_imei},
    {"codec", CFG_WORD, "12 14", 0, 0, "12", "frame of the command; 14 names the tracker"},
    {"reason", CFG_TEXT, "text", 0, 256, "",
     "reason in the custody records of what comes, behind that of the event"},
};
const struct cfg_section standing_cfg_section = {"request *", keys, sizeof keys / sizeof *keys};

/* Where a value stands, or else the section. */
static const char *origin_of(const struct cfg *cfg, const char *section, const char *key,
                             const char *of_section)
{
    const char *origin = cfg_origin(cfg, section, key);
    return strcmp(origin, "default") == 0 ? of_section : origin;
}

static int take(struct rule *r, const struct cfg *cfg, const char *section, const char *origin,
                struct err *err)
{
    int64_t before_ms = cfg_ms(cfg, section, "before"), after_ms = cfg_ms(cfg, section, "after");
    const char *on = cfg_text(cfg, section, "on");
    *r = (struct rule){
        .name = section + strlen("request "),
        .before_s = (int)(before_ms / 1000),
        .after_s = (int)(after_ms / 1000),
        .cameras = cfg_text(cfg, section, "cameras"),
        .per_day = (int)cfg_int(cfg, section, "per_day"),
        .imeis = cfg_text(cfg, section, "imei"),
        .codec = strcmp(cfg_text(cfg, section, "codec"), "14") == 0 ? 14 : 12,
        .reason = cfg_text(cfg, section, "reason"),
    };
    if (!on[0])
        return err_set(err, ERR_CONFIG, "%s: [%s] names no event; add on = crash, or others",
                       origin, section);
    const char *key = before_ms % 1000 ? "before" : "after";
    int seconds = r->before_s + r->after_s;
    if (before_ms % 1000 || after_ms % 1000)
        return err_set(err, ERR_CONFIG, "%s: [%s] %s = %s: expected whole seconds",
                       origin_of(cfg, section, key, origin), section, key,
                       cfg_text(cfg, section, key));
    if (seconds < 1 || seconds > CAMREQ_SECONDS_MAX)
        return err_set(err, ERR_CONFIG,
                       "%s: [%s] before and after are %d s together: a tracker sends 1 to %d s",
                       origin_of(cfg, section, "after", origin_of(cfg, section, "before", origin)),
                       section, seconds, CAMREQ_SECONDS_MAX);
    return read_on(on, r, err);
}

int standing_load(struct standing **out, const struct cfg *cfg, struct err *err)
{
    struct standing *rules = *out = calloc(1, sizeof *rules);
    if (!rules)
        return err_nomem(err, "the rules");
    const char *section = NULL, *origin;
    int rc = ERR_OK;
    while (rc == ERR_OK && (section = cfg_next(cfg, "request *", section, &origin)) != NULL) {
        if (rules->n == STANDING_MAX)
            rc = err_set(err, ERR_CONFIG, "%s: [%s]: more than %d rules", origin, section,
                         STANDING_MAX);
        else
            rc = take(&rules->rule[rules->n++], cfg, section, origin, err);
    }
    if (rc < 0)
        standing_free(out);
    return rc;
}

void standing_free(struct standing **rules)
{
    free(*rules);
    *rules = NULL;
}

const char *standing_name(const struct standing *rules, size_t i)
{
    return i < rules->n ? rules->rule[i].name : NULL;
}

/* ---- which records ---- */

static bool means(enum avl_family family, uint16_t id, const char *meaning)
{
    const struct avl_profile *p = avl_profile(family, id);
    return p && strcmp(p->name, meaning) == 0;
}

/* Of a family that is not known only what all of them mean by it. */
static bool is_event(const struct event *e, enum avl_family family, const struct avl_record *record,
                     uint64_t value)
{
    const uint8_t *v = e->values;
    if (e->id != record->event_id)
        return false;
    while (*v != 0xff && *v != value)
        v++;
    if (*v == 0xff)
        return false;
    return family != AVL_RAW
               ? means(family, e->id, e->meaning)
               : means(AVL_FMB, e->id, e->meaning) && means(AVL_FMX6, e->id, e->meaning);
}

/* What the record's event is; NULL: none that has a row. */
static const struct event *find_event(const struct standing *rules, const char *imei,
                                      const struct avl_record *record, uint64_t value)
{
    enum avl_family family = avl_families_find(rules->families ? rules->families : "", imei,
                                               avl_signs_family(avl_signs(record)));
    for (const struct event *e = events; e < events + N_EVENTS; e++)
        if (is_event(e, family, record, value))
            return e;
    return NULL;
}

void standing_set_families(struct standing *rules, const char *families)
{
    rules->families = families;
}

int standing_trigger(const struct standing *rules, const char *imei,
                     const struct avl_record *record)
{
    struct avl_io io;
    if (!avl_io_find(record, record->event_id, &io))
        return 0;
    const struct event *e = find_event(rules, imei, record, avl_io_unsigned(&io));
    return e ? e->trigger : 0;
}

static bool is_of(const struct rule *r, const char *imei)
{
    const char *at = r->imeis, *item;
    size_t n;
    if (!at[0])
        return true;
    while (next_item(&at, &item, &n))
        if (n == strlen(imei) && strncmp(item, imei, n) == 0)
            return true;
    return false;
}

bool standing_match(const struct standing *rules, size_t i, const char *imei,
                    const struct avl_record *record, char what[STANDING_WHAT_ROOM])
{
    const struct rule *r = &rules->rule[i];
    struct avl_io io;
    bool has = record->event_id > 0 && avl_io_find(record, record->event_id, &io);
    if ((!has && record->priority != 2) || !is_of(r, imei) || avl_private(record))
        return false;
    uint64_t value = has ? avl_io_unsigned(&io) : 0;
    const struct event *e = has ? find_event(rules, imei, record, value) : NULL;
    for (const struct term *t = r->term; t < r->term + r->n; t++) {
        const char *word = e && e->word ? e->word : NULL;
        if (t->word == panic && record->priority == 2)
            word = panic;
        else if (t->word ? !word || (t->word != word && (t->word != dsm || !is_dsm(e)))
                         : !has || t->id != record->event_id || t->value != value)
            continue;
        if (has)
            snprintf(what, STANDING_WHAT_ROOM, "%s%sAVL %d = %" PRIu64 "%s", word ? word : "",
                     word ? " (" : "", record->event_id, value, word ? ")" : "");
        else
            snprintf(what, STANDING_WHAT_ROOM, "%s", word);
        return true;
    }
    return false;
}
