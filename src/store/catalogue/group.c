/* Events as people look at them (review.h): which transfers belong together, and their rows, put
 * anew before each commit where something changed (changed.c). */
#include "catalogue_internal.h"
#include "dashspool/review.h"
#include "dashspool/text.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A change at a moment moves borders this far away, and reading this far around tells of each chain
 * there whether it is longer than REVIEW_SPAN_US. */
#define BORDER_US       (REVIEW_SPAN_US + REVIEW_WINDOW_US)
#define REACH_US        (2 * BORDER_US)

/* Changes that are so near each other are looked at together, for so long. */
#define RUN_US          (6 * 3600 * INT64_C(1000000))

/* What is due at once: all transfers of a catalogue that is made anew. 72 bytes each. */
#define DUE_BYTES_MAX   (CATALOGUE_KEYS_BYTES_MAX * 9)
#define WORDS_BYTES_MAX (256 * 1024)

/* In a crowd those are together whose keys differ in their last bits only. */
#define TEXT_OF(n)      #n
#define TEXT(n)         TEXT_OF(n)
#define PART            TEXT(REVIEW_TOGETHER)

/* The transfer t belongs to no others. */
#define ALONE           "(t.known & 2 = 0 OR t.imei = '" CATALOGUE_IMEI_UNKNOWN "')"

/* Where a transfer stands: (imei, trigger, time); one that belongs to no others by its key. */
#define PLACE                                                        \
    "SELECT t.imei, coalesce(t.trigger_name, ''), t.when_us, t.key," \
    " iif(" ALONE ", t.key, 0) FROM transfer AS t"

/* Those of one vehicle in some time, and of them those for one reason. */
#define WITHIN \
    " FROM transfer INDEXED BY transfer_imei WHERE imei = ?1 AND when_us BETWEEN ?3 AND ?4"
#define OF_THIS " AND known & 2 <> 0 AND coalesce(trigger_name, '') = ?2"

/* Of the transfer t, which broke off: `o`, of the same event, is a stored one of the same
 * recording. */
#define TWIN(o)                                                                                    \
    "CASE WHEN t.state = 'partial' AND NOT " ALONE " THEN EXISTS(SELECT 1 FROM transfer AS o " o   \
    " AND o.imei = t.imei"                                                                         \
    " AND o.when_us = t.when_us AND o.state = 'stored' AND o.camera = t.camera"                    \
    " AND o.kind = t.kind AND o.trigger_name IS NOT DISTINCT FROM t.trigger_name AND o.known & 2 " \
    "<> 0"                                                                                         \
    " AND o.length_s IS NOT DISTINCT FROM t.length_s AND o.start IS NOT DISTINCT FROM t.start "    \
    "AND o.path IS NOT DISTINCT FROM t.path) ELSE false END"

#define CUSTODY   "SELECT 1 FROM custody AS u WHERE u.transfer = t.id AND "
#define EXPORTED  CUSTODY CATALOGUE_LINE_IS("u.line", "exported")
#define REQUESTED CUSTODY CATALOGUE_LINE_IS("u.line", "requested")

#define MEMBER(twin)                                                                             \
    "SELECT t.id, t.imei, coalesce(t.trigger_name, ''), t.when_us, t.known, t.tz_min, t.camera," \
    " t.kind, t.state, t.set_aside, t.lat_deg, t.lon_deg, coalesce(t.length_s, 0),"              \
    " EXISTS(SELECT 1 FROM reviewed WHERE transfer = t.key),"                                    \
    " EXISTS(SELECT 1 FROM protection WHERE transfer = t.key),"                                  \
    " EXISTS(SELECT 1 FROM note WHERE transfer = t.key),"                                        \
    " EXISTS(" EXPORTED "), EXISTS(" REQUESTED "),"                                              \
    " (SELECT number FROM case_number WHERE transfer = t.key),"                                  \
    " (SELECT attempt FROM done WHERE transfer = t.key AND stage = 'convert'),"                  \
    " EXISTS(SELECT 1 FROM trouble WHERE transfer = t.key AND stage = 'convert'),"               \
    " EXISTS(SELECT 1 FROM private_mode WHERE transfer = t.key),"                                \
    " EXISTS(SELECT 1 FROM copy WHERE copy.transfer = t.key"                                     \
    "  AND (t.state <> 'stored' OR instr(copy.path, '.partial.') = 0)),"                         \
    " " twin " FROM transfer AS t WHERE t.key = ?1"

const char *const catalogue_group_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_GROUP_KEY] = "SELECT key FROM transfer WHERE id = ?1",
    [CATALOGUE_SQL_GROUP_PLACE] = PLACE " WHERE t.key = ?1",
    [CATALOGUE_SQL_GROUP_ALL] = PLACE,
    [CATALOGUE_SQL_GROUP_WAS] =
        "SELECT imei, trigger, at_us, key,"
        " iif(time_known <> 0 AND imei <> '" CATALOGUE_IMEI_UNKNOWN "', 0, key), until_us"
        " FROM event WHERE key = ?1",
    [CATALOGUE_SQL_GROUP_COUNT] = "SELECT count(*) FROM (SELECT 1" WITHIN " LIMIT ?5) AS counted",
    [CATALOGUE_SQL_GROUP_TRIGGERS] =
        "SELECT DISTINCT coalesce(trigger_name, '')" WITHIN " AND known & 2 <> 0",
    [CATALOGUE_SQL_GROUP_NEAR] =
        "SELECT key, when_us" WITHIN OF_THIS " ORDER BY when_us, camera, id",
    [CATALOGUE_SQL_GROUP_PARTS] = "SELECT DISTINCT key & -" PART WITHIN OF_THIS,
    [CATALOGUE_SQL_GROUP_PART] =
        "SELECT key FROM transfer NOT INDEXED WHERE key BETWEEN ?5 AND ?5 + " PART " - 1"
        " AND imei = ?1 AND when_us BETWEEN ?3 AND ?4" OF_THIS " ORDER BY when_us, camera, id",
    [CATALOGUE_SQL_GROUP_ALONE] = "SELECT 1 FROM transfer AS t WHERE key = ?1 AND " ALONE,
    [CATALOGUE_SQL_GROUP_OF] = "SELECT event FROM event_of WHERE transfer = ?1",
    [CATALOGUE_SQL_GROUP_OF_PUT] = "INSERT INTO event_of(transfer, event) VALUES(?1, ?2)"
                                   " ON CONFLICT(transfer) DO UPDATE SET event = excluded.event",
    [CATALOGUE_SQL_GROUP_MEMBER] = MEMBER(TWIN("INDEXED BY transfer_imei WHERE true")),
    [CATALOGUE_SQL_GROUP_MEMBER_OF_MANY] =
        MEMBER(TWIN("NOT INDEXED WHERE o.key BETWEEN t.key & -" PART " AND t.key | " PART " - 1")),
    [CATALOGUE_SQL_GROUP_NOTES] = "SELECT text FROM note WHERE transfer = ?1 ORDER BY n",
    [CATALOGUE_SQL_GROUP_PUT] =
        "INSERT INTO event(key, id, imei, trigger, at_us, until_us, time_known, tz_min, cameras,"
        " videos, photos, condition, marks, lat_deg, lon_deg, seconds, case_number)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
        " ON CONFLICT(key) DO UPDATE SET (id, imei, trigger, at_us, until_us, time_known, tz_min,"
        " cameras, videos, photos, condition, marks, lat_deg, lon_deg, seconds, case_number)"
        " = (excluded.id, excluded.imei, excluded.trigger, excluded.at_us, excluded.until_us,"
        " excluded.time_known, excluded.tz_min, excluded.cameras, excluded.videos,"
        " excluded.photos, excluded.condition, excluded.marks, excluded.lat_deg,"
        " excluded.lon_deg, excluded.seconds, excluded.case_number)"
        " WHERE (event.id, event.imei, event.trigger, event.at_us, event.until_us, "
        "event.time_known,"
        " event.tz_min, event.cameras, event.videos, event.photos, event.condition, event.marks,"
        " event.lat_deg, event.lon_deg, event.seconds, event.case_number)"
        " IS DISTINCT FROM (excluded.id, excluded.imei, excluded.trigger, excluded.at_us, "
        "excluded.until_us,"
        " excluded.time_known, excluded.tz_min, excluded.cameras, excluded.videos,"
        " excluded.photos, excluded.condition, excluded.marks, excluded.lat_deg,"
        " excluded.lon_deg, excluded.seconds, excluded.case_number)",
    [CATALOGUE_SQL_GROUP_WORDS] =
        "INSERT INTO event_words(event, words) VALUES(?1, ?2) ON CONFLICT(event) DO UPDATE"
        " SET words = excluded.words WHERE event_words.words <> excluded.words",
    [CATALOGUE_SQL_GROUP_NO_WORDS] = "DELETE FROM event_words WHERE event = ?1",
    [CATALOGUE_SQL_GROUP_DROP] = "DELETE FROM event WHERE key = ?1"
                                 " AND NOT EXISTS(SELECT 1 FROM event_of WHERE event = ?1)",
};

/* ---- one event ---- */

struct event_row {
    enum catalogue_sql member; /* by which its transfers are read */
    int64_t key, at_us, until_us;
    char id[CATALOGUE_ID_ROOM], imei[16], trigger[24], case_number[REVIEW_CASE_ROOM];
    bool time_known, zone_known, position, hidden;
    int tz_min, videos, photos;
    unsigned cameras, marks;
    enum review_condition condition;
    double lat_deg, lon_deg, seconds;
    struct buf words;
};

static unsigned camera_bit(const char *camera)
{
    static const char *const names[] = {"front", "rear", "driver", "road"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(camera, names[i]) == 0)
            return 1U << i;
    return REVIEW_OTHER;
}

/* A row that cannot be read must not keep others, or a camera's commit, from theirs: what is not as
 * we make it is as if it were not there. */
static void lenient_text(struct rows_st *st, int col, char *out, size_t room)
{
    if (!rows_text(st, col, out, room))
        out[0] = '\0';
}

static double lenient_double(struct rows_st *st, int col)
{
    double v = 0;
    return rows_double(st, col, &v) ? v : 0;
}

static enum review_condition condition_of(struct rows_st *st, const char *state,
                                          enum catalogue_condition found)
{
    bool given_up = !rows_is_null(st, 19) && (int)rows_column(st, 19) < 0;
    bool done = (int)rows_column(st, 19) > 0;
    bool owed = !rows_is_null(st, 19) && (int)rows_column(st, 19) == 0;
    bool copies = (int)rows_column(st, 22);
    if ((int)rows_column(st, 23)) /* what came before its whole */
        return REVIEW_WHOLE;
    if ((int)rows_column(st, 20) || (int)rows_column(st, 9) || (given_up && !copies))
        return REVIEW_FAILED;
    if (strcmp(state, "receiving") == 0)
        return REVIEW_RECEIVING;
    if (strcmp(state, "partial") == 0)
        return owed && !copies ? REVIEW_WAITING : REVIEW_PARTIAL;
    if (!copies && !done)
        return REVIEW_WAITING;
    return found == CATALOGUE_DAMAGED      ? REVIEW_DAMAGED
           : found == CATALOGUE_ENDS_EARLY ? REVIEW_ENDS_EARLY
                                           : REVIEW_WHOLE;
}

static int add_words(struct event_row *e, const char *text, struct err *err)
{
    char folded[REVIEW_NOTE_ROOM];
    size_t n = (size_t)snprintf(folded, sizeof folded, "%s", text);
    text_fold(folded);
    if (n == 0 || e->words.used + n + 1 > WORDS_BYTES_MAX)
        return ERR_OK;
    int rc = e->words.used > 0 ? buf_append(&e->words, "\n", 1, err) : ERR_OK;
    return rc < 0 ? rc : buf_append(&e->words, folded, n, err);
}

static int add_notes(struct catalogue *c, struct event_row *e, int64_t key, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_GROUP_NOTES, err);
    char text[REVIEW_NOTE_ROOM];
    bool row = true;
    int rc;
    rows_bind_int64(st, 1, key);
    while ((rc = rows_step(st, &row, err)) == ERR_OK && row)
        if (rows_text(st, 0, text, sizeof text) && (rc = add_words(e, text, err)) < 0)
            break;
    rows_reset(st);
    return rc;
}

/* What the row of transfer `key` adds to its event; the first one names it. */
static int add_row(struct catalogue *c, struct event_row *e, int64_t key,
                   const struct catalogue_copies *copies, bool *noted, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, e->member, err);
    char camera[16], kind[16], state[16], number[REVIEW_CASE_ROOM];
    bool row;
    rows_bind_int64(st, 1, key);
    int rc = rows_step(st, &row, err);
    if (rc < 0 || !row)
        return rc;
    unsigned known = (unsigned)rows_column(st, 4);
    bool video = false, first = e->videos + e->photos == 0;
    lenient_text(st, 6, camera, sizeof camera);
    lenient_text(st, 7, kind, sizeof kind);
    lenient_text(st, 8, state, sizeof state);
    lenient_text(st, 18, number, sizeof number);
    if (first) {
        e->key = key;
        lenient_text(st, 0, e->id, sizeof e->id);
        lenient_text(st, 1, e->imei, sizeof e->imei);
        lenient_text(st, 2, e->trigger, sizeof e->trigger);
        e->at_us = rows_column(st, 3);
        e->time_known = known & CATALOGUE_TIME_OK;
        e->marks = REVIEW_REVIEWED;
    }
    e->until_us = rows_column(st, 3);
    if (!e->zone_known && known & CATALOGUE_ZONE_OK) {
        e->zone_known = true;
        e->tz_min = (int)rows_column(st, 5);
    }
    video = strcmp(kind, "photo") != 0;
    e->videos += video;
    e->photos += !video;
    e->cameras |= camera_bit(camera);
    enum review_condition condition = condition_of(st, state, copies->condition);
    e->condition = condition > e->condition ? condition : e->condition;
    e->hidden = e->hidden || (int)rows_column(st, 21);
    if (!e->position && known & CATALOGUE_POSITION_OK) {
        e->position = true;
        e->lat_deg = lenient_double(st, 10);
        e->lon_deg = lenient_double(st, 11);
    }
    double seconds = copies->duration_s > 0 ? copies->duration_s : (int)rows_column(st, 12);
    if (video && seconds > e->seconds)
        e->seconds = seconds;
    *noted = (int)rows_column(st, 15);
    if (!(int)rows_column(st, 13))
        e->marks &= ~(unsigned)REVIEW_REVIEWED;
    e->marks |= ((int)rows_column(st, 14) ? REVIEW_PROTECTED : 0U) | (*noted ? REVIEW_NOTED : 0U) |
                ((int)rows_column(st, 16) ? REVIEW_EXPORTED : 0U) |
                ((int)rows_column(st, 17) ? REVIEW_REQUESTED : 0U) | (number[0] ? REVIEW_CASE : 0U);
    rows_reset(st);
    if (!number[0])
        return ERR_OK;
    if (!e->case_number[0])
        snprintf(e->case_number, sizeof e->case_number, "%s", number);
    return add_words(e, number, err);
}

static int add_member(struct catalogue *c, struct event_row *e, int64_t key, struct err *err)
{
    struct catalogue_copies copies;
    bool noted = false;
    int rc = catalogue_copy_summary(c, key, &copies, err);
    if (rc == ERR_MALFORMED) /* fsck tells it */
        copies = (struct catalogue_copies){.kinds = ""};
    else if (rc < 0)
        return rc;
    rc = add_row(c, e, key, &copies, &noted, err);
    return rc == ERR_OK && noted ? add_notes(c, e, key, err) : rc;
}

static int put_words(struct catalogue *c, const struct event_row *e, struct err *err)
{
    struct rows_st *st = catalogue_sql(
        c, e->words.used > 0 ? CATALOGUE_SQL_GROUP_WORDS : CATALOGUE_SQL_GROUP_NO_WORDS, err);
    rows_bind_int64(st, 1, e->key);
    if (e->words.used > 0)
        rows_bind_text_n(st, 2, (const char *)buf_data(&e->words), e->words.used);
    return rows_run(st, NULL, err);
}

static int put_event(struct catalogue *c, const struct event_row *e, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_GROUP_PUT, err);
    rows_bind_int64(st, 1, e->key);
    rows_bind_text(st, 2, e->id);
    rows_bind_text(st, 3, e->imei);
    rows_bind_text(st, 4, e->trigger);
    rows_bind_int64(st, 5, e->at_us);
    rows_bind_int64(st, 6, e->until_us);
    rows_bind_int64(st, 7, e->time_known);
    if (e->zone_known)
        rows_bind_int64(st, 8, e->tz_min);
    rows_bind_int64(st, 9, e->cameras);
    rows_bind_int64(st, 10, e->videos);
    rows_bind_int64(st, 11, e->photos);
    rows_bind_int64(st, 12, (int)e->condition);
    rows_bind_int64(st, 13, e->marks);
    if (e->position && !e->hidden) {
        rows_bind_double(st, 14, e->lat_deg);
        rows_bind_double(st, 15, e->lon_deg);
    }
    rows_bind_double(st, 16, e->seconds);
    rows_bind_word(st, 17, e->case_number);
    int rc = rows_run(st, NULL, err);
    return rc < 0 ? rc : put_words(c, e, err);
}

/* Who was in another event before leaves that, which may be empty then: it goes to `left`. */
static int move(struct catalogue *c, int64_t transfer, int64_t event, struct buf *left,
                struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_GROUP_OF, err);
    bool row;
    rows_bind_int64(st, 1, transfer);
    int rc = rows_step(st, &row, err);
    int64_t before = rc == ERR_OK && row ? rows_column(st, 0) : 0;
    rows_reset(st);
    if (rc < 0 || (row && before == event))
        return rc;
    if (row && (rc = buf_append(left, &before, sizeof before, err)) < 0)
        return rc;
    st = catalogue_sql(c, CATALOGUE_SQL_GROUP_OF_PUT, err);
    rows_bind_int64(st, 1, transfer);
    rows_bind_int64(st, 2, event);
    return rows_run(st, NULL, err);
}

/* Those of `keys` are one event. */
static int put_group(struct catalogue *c, enum catalogue_sql member, const int64_t *keys, size_t n,
                     size_t stride, struct buf *left, struct err *err)
{
    struct event_row e = {.member = member};
    int rc = ERR_OK;
    buf_init(&e.words, WORDS_BYTES_MAX);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = add_member(c, &e, keys[i * stride], err);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = move(c, keys[i * stride], e.key, left, err);
    if (rc == ERR_OK)
        rc = put_event(c, &e, err);
    buf_clear(&e.words);
    return rc;
}

/* ---- which belong together ---- */

struct place {
    char imei[16], trigger[24];
    int64_t at_us, own;
    int64_t key; /* of a transfer that was or is there; in a crowd, only what is with it is due */
    bool whole;  /* not only that */
};

struct stand {
    int64_t key, at_us;
};

static int64_t plus(int64_t us, int64_t more)
{
    return more > 0 ? (us > INT64_MAX - more ? INT64_MAX : us + more)
                    : (us < INT64_MIN - more ? INT64_MIN : us + more);
}

static bool is_near(int64_t earlier, int64_t later, int64_t within)
{
    return later <= plus(earlier, within);
}

static int64_t quarter_of(int64_t us)
{
    int64_t n = us / REVIEW_SPAN_US;
    return us % REVIEW_SPAN_US < 0 ? n - 1 : n;
}

static int64_t quarter_start(int64_t quarter)
{
    return quarter < INT64_MIN / REVIEW_SPAN_US ? INT64_MIN : quarter * REVIEW_SPAN_US;
}

static int64_t quarter_end(int64_t quarter)
{
    return quarter >= INT64_MAX / REVIEW_SPAN_US ? INT64_MAX : (quarter + 1) * REVIEW_SPAN_US - 1;
}

/* The statement, with all of p that it may ask for, within these quarters. */
static struct rows_st *ask(struct catalogue *c, enum catalogue_sql which, const struct place *p,
                           int64_t first, int64_t last, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, which, err);
    rows_bind_text(st, 1, p->imei);
    rows_bind_text(st, 2, p->trigger);
    rows_bind_int64(st, 3, quarter_start(first));
    rows_bind_int64(st, 4, quarter_end(last));
    return st;
}

/* How many of the vehicle begin there, and no more than `enough`. */
static int count_within(struct catalogue *c, const struct place *p, int64_t first, int64_t last,
                        int64_t enough, int64_t *out, struct err *err)
{
    struct rows_st *st = ask(c, CATALOGUE_SQL_GROUP_COUNT, p, first, last, err);
    bool row;
    rows_bind_int64(st, 5, enough);
    int rc = rows_step(st, &row, err);
    *out = rc == ERR_OK && row ? rows_column(st, 0) : 0;
    rows_reset(st);
    return rc;
}

static int read_near(struct catalogue *c, const struct place *p, int64_t first, int64_t last,
                     struct buf *out, struct err *err)
{
    struct rows_st *st = ask(c, CATALOGUE_SQL_GROUP_NEAR, p, first, last, err);
    bool row = true;
    int rc;
    while ((rc = rows_step(st, &row, err)) == ERR_OK && row) {
        const struct stand s = {rows_column(st, 0), rows_column(st, 1)};
        if ((rc = buf_append(out, &s, sizeof s, err)) < 0)
            break;
    }
    rows_reset(st);
    return rc;
}

/* The end of the group that begins at `from`, in the chain that ends before `chain_end`. */
static size_t group_end(const struct stand *s, size_t from, size_t chain_end, bool is_long)
{
    size_t end = from + 1;
    while (end < chain_end && (!is_long || quarter_of(s[end].at_us) == quarter_of(s[from].at_us)))
        end++;
    return end;
}

/* In quarters none of which is crowded, up to those that are or that are too far away: the events
 * of which a transfer lies near p->at_us..until_us. */
static int regroup_chains(struct catalogue *c, const struct place *p, int64_t until_us,
                          int64_t first, int64_t last, struct buf *left, struct err *err)
{
    struct buf near;
    size_t chain_end, end;
    buf_init(&near, CATALOGUE_KEYS_BYTES_MAX * 2);
    int rc = read_near(c, p, first, last, &near, err);
    const struct stand *s = (const struct stand *)(const void *)buf_data(&near);
    size_t n = near.used / sizeof *s;
    for (size_t chain = 0; rc == ERR_OK && chain < n; chain = chain_end) {
        chain_end = chain + 1;
        while (chain_end < n &&
               is_near(s[chain_end - 1].at_us, s[chain_end].at_us, REVIEW_WINDOW_US))
            chain_end++;
        bool is_long = !is_near(s[chain].at_us, s[chain_end - 1].at_us, REVIEW_SPAN_US);
        for (size_t from = chain; rc == ERR_OK && from < chain_end; from = end) {
            end = group_end(s, from, chain_end, is_long);
            if (s[end - 1].at_us >= plus(p->at_us, -BORDER_US) &&
                s[from].at_us <= plus(until_us, BORDER_US))
                rc = put_group(c, CATALOGUE_SQL_GROUP_MEMBER, &s[from].key, end - from,
                               sizeof *s / sizeof s->key, left, err);
        }
    }
    buf_clear(&near);
    return rc;
}

/* ---- crowds ----
 *
 * Where a clock stands still, thousands are together, one coming after the other: what each of them
 * costs must not grow with their number. */

static int regroup_part(struct catalogue *c, const struct place *p, int64_t quarter, int64_t part,
                        struct buf *left, struct err *err)
{
    struct rows_st *st = ask(c, CATALOGUE_SQL_GROUP_PART, p, quarter, quarter, err);
    struct buf keys;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    rows_bind_int64(st, 5, part);
    int rc = catalogue_keys_read(st, &keys, err);
    size_t n = catalogue_keys_count(&keys);
    if (rc == ERR_OK && n > 0)
        rc = put_group(c, CATALOGUE_SQL_GROUP_MEMBER_OF_MANY,
                       (const int64_t *)(const void *)buf_data(&keys), n, 1, left, err);
    buf_clear(&keys);
    return rc;
}

/* Of n places those that lie in this quarter, which is crowded. */
static int regroup_crowd(struct catalogue *c, const struct place *p, size_t n, int64_t quarter,
                         struct buf *left, struct err *err)
{
    struct buf parts;
    bool whole = false;
    int rc = ERR_OK;
    buf_init(&parts, CATALOGUE_KEYS_BYTES_MAX);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        if (quarter_of(p[i].at_us) == quarter) {
            int64_t part = p[i].key & -(int64_t)REVIEW_TOGETHER;
            rc = buf_append(&parts, &part, sizeof part, err);
            whole = whole || p[i].whole;
        }
    if (rc == ERR_OK && whole)
        rc = catalogue_keys_read(ask(c, CATALOGUE_SQL_GROUP_PARTS, p, quarter, quarter, err),
                                 &parts, err);
    catalogue_changed_sort(&parts);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&parts); i++)
        rc = regroup_part(c, p, quarter, catalogue_keys_at(&parts, i), left, err);
    buf_clear(&parts);
    return rc;
}

/* Around n places of one vehicle and reason, in order of time. */
static int regroup_span(struct catalogue *c, const struct place *p, size_t n, struct buf *left,
                        struct err *err)
{
    int64_t until_us = p[n - 1].at_us, count;
    int64_t from = quarter_of(plus(p->at_us, -REACH_US));
    int64_t last = quarter_of(plus(until_us, REACH_US));
    int rc = count_within(c, p, from, last, REVIEW_MANY + 1, &count, err);
    for (int64_t q = from; rc == ERR_OK && count > REVIEW_MANY && q <= last; q++) {
        int64_t here;
        rc = count_within(c, p, q, q, REVIEW_MANY + 1, &here, err);
        if (rc < 0 || here <= REVIEW_MANY)
            continue;
        if (from < q)
            rc = regroup_chains(c, p, until_us, from, q - 1, left, err);
        if (rc == ERR_OK)
            rc = regroup_crowd(c, p, n, q, left, err);
        from = q + 1;
    }
    return rc < 0 || from > last ? rc : regroup_chains(c, p, until_us, from, last, left, err);
}

/* A quarter that becomes a crowd, or is none any more, is regrouped for each reason, and what is
 * beside it. Whether it was one before the change of `changed` transfers nobody knows, where there
 * are about as many as make one. */
static int add_turning(struct catalogue *c, const struct place *p, int64_t changed, struct buf *due,
                       struct err *err)
{
    int64_t quarter = quarter_of(p->at_us), count;
    bool row = true;
    int rc = count_within(c, p, quarter, quarter, REVIEW_MANY + 1 + changed, &count, err);
    if (rc < 0 || count + changed <= REVIEW_MANY || count > REVIEW_MANY + changed)
        return rc;
    struct rows_st *st = ask(c, CATALOGUE_SQL_GROUP_TRIGGERS, p, quarter, quarter, err);
    while ((rc = rows_step(st, &row, err)) == ERR_OK && row) {
        struct place edge = {.at_us = quarter_start(quarter), .whole = true};
        memcpy(edge.imei, p->imei, sizeof edge.imei);
        lenient_text(st, 0, edge.trigger, sizeof edge.trigger);
        if ((rc = buf_append(due, &edge, sizeof edge, err)) < 0)
            break;
        edge.at_us = quarter_end(quarter);
        if ((rc = buf_append(due, &edge, sizeof edge, err)) < 0)
            break;
    }
    rows_reset(st);
    return rc;
}

static int regroup_alone(struct catalogue *c, int64_t key, struct buf *left, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_GROUP_ALONE, err);
    bool row;
    rows_bind_int64(st, 1, key);
    int rc = rows_step(st, &row, err);
    rows_reset(st);
    return rc < 0 || !row ? rc : put_group(c, CATALOGUE_SQL_GROUP_MEMBER, &key, 1, 1, left, err);
}

/* ---- what is due ---- */

static int compare_places(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    int order = strcmp(p->imei, q->imei);
    order = order != 0 ? order : strcmp(p->trigger, q->trigger);
    order = order != 0 ? order : (p->own > q->own) - (p->own < q->own);
    order = order != 0 ? order : (p->at_us > q->at_us) - (p->at_us < q->at_us);
    return order != 0 ? order : (p->key > q->key) - (p->key < q->key);
}

/* The places that st tells of, which is reset. */
static int read_places(struct rows_st *st, bool whole, struct buf *due, struct err *err)
{
    bool row = true;
    int rc;
    while ((rc = rows_step(st, &row, err)) == ERR_OK && row) {
        struct place p = {.at_us = rows_column(st, 2),
                          .key = rows_column(st, 3),
                          .own = rows_column(st, 4),
                          .whole = whole};
        lenient_text(st, 0, p.imei, sizeof p.imei);
        lenient_text(st, 1, p.trigger, sizeof p.trigger);
        if ((rc = buf_append(due, &p, sizeof p, err)) < 0)
            break;
        if (rows_columns(st) == 5)
            continue;
        p.at_us = rows_column(st, 5);
        if ((rc = buf_append(due, &p, sizeof p, err)) < 0)
            break;
    }
    rows_reset(st);
    return rc;
}

/* Those of `which` that have the keys. */
static int find_places(struct catalogue *c, enum catalogue_sql which, const struct buf *keys,
                       struct buf *due, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(keys); i++) {
        struct rows_st *st = catalogue_sql(c, which, err);
        rows_bind_int64(st, 1, catalogue_keys_at(keys, i));
        rc = read_places(st, false, due, err);
    }
    return rc;
}

static int add_keys_of_ids(struct catalogue *c, const struct buf *ids, struct buf *keys,
                           struct err *err)
{
    const char *id = (const char *)buf_data(ids), *end = id + ids->used;
    int rc = ERR_OK;
    for (; rc == ERR_OK && id < end; id += strlen(id) + 1) {
        struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_GROUP_KEY, err);
        rows_bind_text(st, 1, id);
        rc = catalogue_keys_read(st, keys, err);
    }
    return rc;
}

static int add_events_of_keys(struct catalogue *c, const struct buf *keys, struct buf *events,
                              struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(keys); i++) {
        struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_GROUP_OF, err);
        rows_bind_int64(st, 1, catalogue_keys_at(keys, i));
        rc = catalogue_keys_read(st, events, err);
    }
    return rc;
}

/* Each once. */
static void sort_places(struct buf *due)
{
    struct place *p = (struct place *)(void *)(due->mem + due->start);
    size_t n = due->used / sizeof *p, kept = 0;
    if (n == 0)
        return;
    qsort(p, n, sizeof *p, compare_places);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || compare_places(&p[kept - 1], &p[i]) != 0)
            p[kept++] = p[i];
    due->used = kept * sizeof *p;
}

static int find_turning(struct catalogue *c, int64_t changed, struct buf *due, struct err *err)
{
    size_t n = due->used / sizeof(struct place);
    struct place before = {.imei = ""};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        struct place p = ((const struct place *)(const void *)buf_data(due))[i];
        if (strcmp(p.imei, CATALOGUE_IMEI_UNKNOWN) == 0 ||
            (strcmp(p.imei, before.imei) == 0 && quarter_of(p.at_us) == quarter_of(before.at_us)))
            continue;
        rc = add_turning(c, &p, changed, due, err);
        before = p;
    }
    return rc;
}

/* Where what changed stands now, and where the events are that it was of. */
static int find_due(struct catalogue *c, struct buf *due, struct err *err)
{
    struct catalogue_changed *ch = &c->changed;
    int rc = add_keys_of_ids(c, &ch->ids, &ch->keys, err);
    catalogue_changed_sort(&ch->keys);
    if (rc == ERR_OK)
        rc = find_places(c, CATALOGUE_SQL_GROUP_PLACE, &ch->keys, due, err);
    if (rc == ERR_OK)
        rc = add_events_of_keys(c, &ch->keys, &ch->events, err);
    catalogue_changed_sort(&ch->events);
    if (rc == ERR_OK)
        rc = find_places(c, CATALOGUE_SQL_GROUP_WAS, &ch->events, due, err);
    sort_places(due);
    return rc < 0 ? rc : find_turning(c, (int64_t)catalogue_keys_count(&ch->keys), due, err);
}

static int regroup_all(struct catalogue *c, const struct place *p, size_t n, struct buf *left,
                       struct err *err)
{
    int rc = ERR_OK;
    size_t end;
    for (size_t i = 0; rc == ERR_OK && i < n; i = end) {
        end = i + 1;
        if (p[i].own != 0) {
            rc = regroup_alone(c, p[i].own, left, err);
            continue;
        }
        while (end < n && p[end].own == 0 && strcmp(p[end].imei, p[i].imei) == 0 &&
               strcmp(p[end].trigger, p[i].trigger) == 0 &&
               is_near(p[end - 1].at_us, p[end].at_us, REACH_US) &&
               is_near(p[i].at_us, p[end].at_us, RUN_US))
            end++;
        rc = regroup_span(c, &p[i], end - i, left, err);
    }
    return rc;
}

static int regroup_due(struct catalogue *c, struct buf *due, struct buf *left, struct err *err)
{
    sort_places(due);
    return regroup_all(c, (const struct place *)(const void *)buf_data(due),
                       due->used / sizeof(struct place), left, err);
}

static int drop_empty(struct catalogue *c, const struct buf *left, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(left); i++) {
        struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_GROUP_DROP, err);
        rows_bind_int64(st, 1, catalogue_keys_at(left, i));
        rc = rows_run(st, NULL, err);
    }
    return rc;
}

int catalogue_regroup(struct catalogue *c, struct err *err)
{
    struct catalogue_changed *ch = &c->changed;
    struct buf due;
    buf_init(&due, DUE_BYTES_MAX);
    int rc = catalogue_changed_complete(c, err);
    if (rc == ERR_OK)
        rc = find_due(c, &due, err);
    if (rc == ERR_OK)
        rc = regroup_due(c, &due, &ch->events, err);
    if (rc == ERR_OK)
        rc = drop_empty(c, &ch->events, err);
    if (rc == ERR_OK)
        catalogue_changed_clear(ch);
    buf_clear(&due);
    return rc;
}

int catalogue_group_anew(struct catalogue *c, struct err *err)
{
    struct buf due, left;
    buf_init(&due, DUE_BYTES_MAX);
    buf_init(&left, CATALOGUE_KEYS_BYTES_MAX);
    c->changed.is_nothing = true;
    int rc = c->db ? ERR_OK
                   : rows_exec(c->rows, "LOCK TABLE event_words, event_of, event IN EXCLUSIVE MODE",
                               err);
    if (rc == ERR_OK)
        rc = rows_exec(c->rows, "DELETE FROM event_words; DELETE FROM event_of; DELETE FROM event",
                       err);
    c->changed.is_nothing = false;
    if (rc == ERR_OK) /* all of them anyway */
        rc = catalogue_changed_complete(c, err);
    if (rc == ERR_OK)
        rc = read_places(catalogue_sql(c, CATALOGUE_SQL_GROUP_ALL, err), true, &due, err);
    if (rc == ERR_OK)
        rc = regroup_due(c, &due, &left, err);
    buf_clear(&due);
    buf_clear(&left);
    return rc;
}
