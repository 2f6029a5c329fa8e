/* hand: one transfer's way to the site, step by step, and what of it goes here. */
#include "dashspool/clock.h"
#include "dashspool/custody.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "forward_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

enum { NOTES_TRIES = 5 };

/* ---- open, close ---- */

int hand_open(struct hand *h, const char *root, const struct forward_options *options,
              accept_stop_fn *stop, void *stop_arg, struct err *err)
{
    h->options = options;
    h->stop = stop;
    h->stop_arg = stop_arg;
    h->root = strdup(root);
    return h->root ? ERR_OK : err_nomem(err, "a path");
}

void hand_close(struct hand *h)
{
    if (h->site)
        h->options->site.close(&h->site);
    raw_close(&h->raw);
    catalogue_close(&h->catalogue);
    free(h->root);
    h->root = NULL;
}

int hand_ready(struct hand *h, struct err *err)
{
    int rc = ERR_OK;
    if (!h->catalogue && (rc = catalogue_open_local(&h->catalogue, h->root, true, err)) == ERR_OK)
        rc = catalogue_root(h->catalogue, &h->id, err);
    if (rc == ERR_OK && !h->raw)
        rc = raw_open_local(&h->raw, h->root, err);
    if (rc == ERR_OK && !h->site)
        rc = h->options->site.open(&h->site, h->options->site.arg, h->stop, h->stop_arg, err);
    return rc;
}

static void token_of(const struct hand *h, int64_t key, char out[80])
{
    char id[ROOT_ID_ROOM];
    root_id_text(&h->id, id);
    snprintf(out, 80, "%s/%" PRId64, id, key);
}

/* *found false: there is no such row any more. */
static int read_row(struct hand *h, int64_t key, bool *found, struct err *err)
{
    return catalogue_transfer_by_key(h->catalogue, key, &h->row, found, err);
}

/* ---- what waits ---- */

static bool is_bad(const struct hand *h, int64_t key)
{
    int64_t now_us = clock_mono_us();
    for (size_t i = 0; i < h->n_bad && i < HAND_BAD; i++)
        if (h->bad[i].key == key && h->bad[i].until_us > now_us)
            return true;
    return false;
}

struct listing {
    const struct hand *h;
    int64_t *keys;
    size_t room, n;
    struct hand_waiting *w;
};

static int list_one(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct listing *l = arg;
    (void)err;
    if (l->n < l->room && !is_bad(l->h, t->key))
        l->keys[l->n++] = t->key;
    l->w->files++;
    l->w->bytes += t->length_bytes;
    if (!l->w->oldest_us || t->completed_us < l->w->oldest_us)
        l->w->oldest_us = t->completed_us;
    return ERR_OK;
}

int hand_list(struct hand *h, int64_t *keys, size_t room, size_t *n, struct hand_waiting *w,
              struct err *err)
{
    static const struct catalogue_filter waiting = {.unpublished = true};
    struct listing l = {h, keys, room, 0, w};
    *w = (struct hand_waiting){0};
    *n = 0;
    int rc = h->catalogue ? catalogue_transfer_each(h->catalogue, &waiting, list_one, &l, err)
                          : err_set(err, ERR_AGAIN, "the local catalogue is not open");
    *n = l.n;
    return rc;
}

/* ---- 1, 2: the site takes it ---- */

/* Only what lies in the transfer keeps no other from it. */
static int judge(struct hand *h, int rc, struct err *err)
{
    if (rc != ERR_MALFORMED && rc != ERR_LIMIT && rc != ERR_NOTFOUND)
        return rc;
    log_error(h->options->who, "not handed on to the site, it stays here",
              LOG_TEXT("id", h->row.id), LOG_ERR(err));
    h->bad[h->n_bad % HAND_BAD].key = h->row.key;
    h->bad[h->n_bad++ % HAND_BAD].until_us = clock_mono_us() + HAND_BAD_US;
    return ERR_OK;
}

static void tell_accepted(const struct hand *h, int64_t key)
{
    if (h->options->accepted)
        h->options->accepted(h->options->arg, key);
}

int hand_on(struct hand *h, int64_t key, bool *taken, struct err *err)
{
    char token[80];
    bool found = false;
    struct accept_taken said = {.id = ""};
    int64_t began_us = clock_mono_us();
    *taken = false;
    for (size_t i = 0; i < h->n_marks; i++)
        if (h->mark[i].key == key) /* a moment ago */
            return ERR_OK;
    int rc = h->n_marks == HAND_MARKS ? hand_marks(h, err) : ERR_OK;
    if (rc == ERR_OK)
        rc = read_row(h, key, &found, err);
    if (rc < 0 || !found || h->row.state != CATALOGUE_STORED || is_bad(h, key))
        return rc;
    if (h->row.published) {
        tell_accepted(h, key);
        return ERR_OK;
    }
    token_of(h, key, token);
    const struct accept_from from = {h->root, h->catalogue, h->raw, &h->row, token};
    rc = h->options->site.take(h->site, &from, &said, err);
    if (rc < 0)
        return judge(h, err_wrap(err, "%s", h->row.id), err);
    *taken = true;
    h->mark[h->n_marks++] = (struct hand_mark){key, said.lines};
    tell_accepted(h, key);
    log_event(LOG_LEVEL_INFO, h->options->who,
              said.same ? "the site had it already" : "accepted by the site",
              LOG_FIELDS(LOG_TEXT("id", said.id), LOG_INT("bytes", h->row.length_bytes),
                         LOG_SECONDS("seconds", (double)(clock_mono_us() - began_us) / 1e6)));
    return ERR_OK;
}

/* ---- 3: it says so here ---- */

/* Whether its custody has lines that the site does not have. */
static int mark_one(struct hand *h, struct hand_mark *m, bool *more, struct err *err)
{
    bool found = false;
    int64_t lines = 0;
    int rc = read_row(h, m->key, &found, err);
    if (rc < 0 || !found || h->row.published)
        return rc;
    if ((rc = catalogue_event_count(h->catalogue, h->row.id, &lines, err)) < 0)
        return rc;
    *more |= lines > m->lines;
    return lines > m->lines ? ERR_OK
                            : intake_published(h->catalogue, NULL, h->row.id, h->options->who, err);
}

/* What came since it was taken. */
static int note_more(struct hand *h, struct hand_mark *m, struct err *err)
{
    char token[80];
    bool found = false;
    int64_t lines = 0;
    int rc = read_row(h, m->key, &found, err);
    if (rc < 0 || !found || h->row.published)
        return rc;
    token_of(h, m->key, token);
    const struct accept_from from = {h->root, h->catalogue, h->raw, &h->row, token};
    rc = catalogue_event_count(h->catalogue, h->row.id, &lines, err);
    if (rc == ERR_OK && lines > m->lines)
        rc = h->options->site.note(h->site, &from, m->lines + 1, err);
    if (rc == ERR_OK || rc == ERR_NOTFOUND)
        m->lines = lines;
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* Nobody else clears it away: a file has no camera that brings it again, and some cameras were told
 * before the site had it. */
static bool goes_at_once(struct hand *h, int64_t key)
{
    for (size_t i = 0; i < h->n_early && i < HAND_EARLY; i++)
        if (h->early[i] == key) {
            h->early[i] = 0;
            return true;
        }
    return false;
}

static int clear_marked(struct hand *h, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < h->n_marks; i++) {
        bool found = false;
        int64_t key = h->mark[i].key;
        rc = read_row(h, key, &found, err);
        if (rc == ERR_OK && found && (goes_at_once(h, key) || strcmp(h->row.source, "file") == 0))
            rc = hand_heard(h, key, err);
    }
    return rc;
}

int hand_marks(struct hand *h, struct err *err)
{
    bool more = h->n_marks > 0;
    int rc = ERR_OK;
    for (int tries = 0; rc == ERR_OK && more && tries < NOTES_TRIES; tries++) {
        more = false;
        if ((rc = catalogue_begin(h->catalogue, err)) < 0)
            return rc;
        for (size_t i = 0; rc == ERR_OK && i < h->n_marks; i++)
            rc = mark_one(h, &h->mark[i], &more, err);
        rc = catalogue_end(h->catalogue, rc, err);
        for (size_t i = 0; rc == ERR_OK && more && i < h->n_marks; i++)
            rc = note_more(h, &h->mark[i], err);
    }
    if (rc == ERR_OK)
        rc = clear_marked(h, err);
    if (rc == ERR_OK)
        h->n_marks = 0; /* what is still not marked is taken once more, without effect */
    return rc;
}

/* ---- 4: it goes ---- */

struct last_line {
    int64_t n, published;
};

static int find_published(void *arg, const char *line, struct err *err)
{
    struct last_line *l = arg;
    struct custody_record r;
    (void)err;
    l->n++;
    custody_read(&r, line, strlen(line));
    if (r.kind == CUSTODY_PUBLISHED)
        l->published = l->n;
    custody_record_clear(&r);
    return ERR_OK;
}

/* What came since it was marked. */
static int note_rest(struct hand *h, struct err *err)
{
    char token[80];
    struct last_line l = {0, 0};
    token_of(h, h->row.key, token);
    const struct accept_from from = {h->root, h->catalogue, h->raw, &h->row, token};
    int rc = catalogue_event_each(h->catalogue, h->row.id, find_published, &l, err);
    if (rc == ERR_OK && l.published > 0 && l.n > l.published)
        rc = h->options->site.note(h->site, &from, l.published + 1, err);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

int hand_heard(struct hand *h, int64_t key, struct err *err)
{
    bool found = false;
    int rc = read_row(h, key, &found, err);
    if (rc < 0 || !found || h->row.state != CATALOGUE_STORED || h->row.set_aside)
        return rc;
    if (!h->row.published) {
        h->early[h->n_early++ % HAND_EARLY] = key;
        return ERR_OK;
    }
    if ((rc = note_rest(h, err)) < 0)
        return rc;
    h->clear[h->n_clear++] = key;
    return h->n_clear == HAND_CLEAR ? hand_clear(h, err) : ERR_OK;
}

/* From now on nobody goes on with it; its bytes are no more counted on. */
static int put_aside(struct hand *h, struct err *err)
{
    int rc = catalogue_begin(h->catalogue, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == ERR_OK && i < h->n_clear; i++) {
        bool found = false;
        rc = read_row(h, h->clear[i], &found, err);
        if (rc < 0 || !found)
            continue;
        h->row.set_aside = true;
        rc = catalogue_transfer_update(h->catalogue, &h->row, err);
    }
    return catalogue_end(h->catalogue, rc, err);
}

static int drop(struct hand *h, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < h->n_clear; i++) {
        bool found = false;
        rc = read_row(h, h->clear[i], &found, err);
        if (rc == ERR_OK && found)
            rc = raw_drop(h->raw, h->row.day, h->row.key, err);
    }
    return raw_end(h->raw, rc, err);
}

int hand_clear(struct hand *h, struct err *err)
{
    int rc = h->n_clear > 0 ? put_aside(h, err) : ERR_OK;
    if (rc == ERR_OK && h->n_clear > 0)
        rc = drop(h, err);
    if (rc == ERR_OK)
        h->n_clear = 0;
    return rc;
}

/* ---- what is old ---- */

enum { OLD_ROWS = 512 }; /* at once: others wait meanwhile */

struct old {
    struct hand *h;
    int64_t now_us;
    char day[RAW_DAY_ROOM]; /* rows of days before it go */
    int rows;
};

/* Nobody brought it again within a day. */
static int give_up(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    const struct old *o = arg;
    bool old = t->published && !t->set_aside && o->now_us - t->completed_us > DAY_US;
    return old ? hand_heard(o->h, t->key, err) : ERR_OK;
}

static int remove_old(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct old *o = arg;
    if (!t->published || !t->set_aside || strcmp(t->day, o->day) >= 0 || o->rows >= OLD_ROWS)
        return ERR_OK;
    o->rows++;
    int rc = raw_drop(o->h->raw, t->day, t->key, err); /* a crash may have left its bytes */
    return rc < 0 ? rc : catalogue_transfer_remove(o->h->catalogue, t->key, err);
}

static int trim(void *arg, const char *name, bool is_day, struct err *err)
{
    struct old *o = arg;
    int64_t freed;
    enum raw_trim how = strcmp(name, o->day) < 0 ? RAW_TRIM_CLOSED : RAW_TRIM_OPEN;
    int rc = is_day ? raw_trim(o->h->raw, name, how, &freed, err) : ERR_OK;
    return err_is_temporary(rc) ? ERR_OK : rc; /* another time */
}

int hand_clear_old(struct hand *h, bool *more, struct err *err)
{
    static const struct catalogue_filter stored = {.states = 1 << CATALOGUE_STORED};
    struct old o = {.h = h, .now_us = clock_utc_us()};
    raw_day(o.now_us - DAY_US, o.day);
    int rc = catalogue_transfer_each(h->catalogue, &stored, give_up, &o, err);
    if (rc == ERR_OK)
        rc = hand_clear(h, err);
    if (rc < 0 || (rc = catalogue_begin(h->catalogue, err)) < 0)
        return rc;
    rc = catalogue_transfer_each(h->catalogue, &stored, remove_old, &o, err);
    rc = raw_end(h->raw, rc, err);
    rc = catalogue_end(h->catalogue, rc, err);
    *more = o.rows == OLD_ROWS;
    return rc < 0 ? rc : raw_days(h->raw, trim, &o, err);
}
