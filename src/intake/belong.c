/* belong: do these stores belong together, and are they of the same time? What lies under a key in
 * raw/ is believed only if the catalogue and it are of one ROOT, and what one of them does not know
 * of the other is known before the first byte is taken. */
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "dashspool/wire.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAG            "stores"
#define DAYS_BYTES_MAX ((size_t)8 << 20)
#define DAY_US         (INT64_C(86400) * 1000000)

struct belong {
    struct catalogue *c;
    struct raw *raw;
    const char *root;
    struct root_id id;
    bool first;                       /* nothing had an identity: all of it is from before these */
    int64_t given;                    /* the highest key that the catalogue gave out */
    int64_t agree;                    /* masters in raw that the catalogue has like that … */
    int64_t disagree;                 /* … and that it does not */
    char example[300];                /* of these */
    struct buf days;                  /* struct catalogue_day: the catalogue's */
    int64_t stored, partial, unknown; /* taken up; not to be known any more */
    int64_t missing;
    char missing_id[CATALOGUE_ID_ROOM], missing_day[RAW_DAY_ROOM];
    enum intake_purpose purpose;
    bool marked;                              /* raw/ said of which ROOT it is */
    char recent[RAW_DAY_ROOM];                /* this day and later ones may be written to */
    int64_t without;                          /* originals of days … */
    char without_days[CATALOGUE_UPKEEP_ROOM]; /* … whose files are away */
};

/* ---- a row from what stands with a master ---- */

static bool keep(uint8_t *out, size_t room, size_t *n, const uint8_t *data, size_t bytes)
{
    *n = bytes;
    if (bytes > room)
        return false;
    if (bytes > 0)
        memcpy(out, data, bytes);
    return true;
}

/* As the receiver made it, see connection.c of receive. */
int intake_row_of(const char *day, const struct raw_master *m, struct catalogue_transfer *t,
                  struct err *err)
{
    const struct raw_facts *f = &m->facts;
    struct catalogue_wire *w = &t->wire;
    struct wire_init init;
    struct err no_init;
    if (!m->owned)
        return err_set(err, ERR_NOTFOUND, "partial transfer without any other facts, skipped");
    *t = (struct catalogue_transfer){.key = m->key,
                                     .state = m->sealed ? CATALOGUE_STORED : CATALOGUE_PARTIAL,
                                     .arrived_us = f->arrived_us,
                                     .completed_us = f->arrived_us,
                                     .length_bytes = m->length_bytes,
                                     .connections = 1};
    snprintf(t->id, sizeof t->id, "%s", f->id);
    snprintf(t->imei, sizeof t->imei, "%s", f->imei);
    snprintf(t->camera, sizeof t->camera, "%s", f->camera);
    snprintf(t->kind, sizeof t->kind, "%s", f->kind);
    snprintf(t->source, sizeof t->source, "%s", f->source);
    snprintf(t->day, sizeof t->day, "%s", day);
    if (m->sealed)
        hash_hex(f->sha256, t->sha256);
    if (strspn(t->id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") !=
            strlen(f->id) ||
        !t->id[0] || !keep(w->init, sizeof w->init, &w->init_n, f->init, f->init_bytes) ||
        !keep(w->meta, sizeof w->meta, &w->meta_n, f->meta, f->meta_bytes) ||
        !keep(w->start, sizeof w->start, &w->start_n, f->start, f->start_bytes) ||
        !keep(w->path, sizeof w->path, &w->path_n, f->path, f->path_bytes))
        return err_set(err, ERR_MALFORMED, "its facts are not such as a receiver seals");
    if (strcmp(t->source, "camera") == 0 && w->init_n == WIRE_INIT_BYTES &&
        wire_init_parse(w->init, &init, &no_init) == ERR_OK)
        t->protocol_id = init.protocol_id;
    facts_decode(t);
    return ERR_OK;
}

/* ---- does what has no identity agree with the rest ---- */

/* Of a sealed one that has no row: a deletion that was repeated, or what came later. */
static int judge_unknown(struct belong *b, const struct raw_master *m, bool *agrees,
                         struct err *err)
{
    enum custody_kind last = CUSTODY_UNKNOWN;
    int rc = m->sealed ? catalogue_event_last(b->c, m->facts.id, &last, NULL, err) : ERR_OK;
    *agrees = !m->sealed || last == CUSTODY_DELETED;
    return rc;
}

struct day {
    struct belong *b;
    const char *day;
    bool own; /* and partials that do not say whose they are get it from their rows */
};

static int compare_master(void *arg, const struct raw_master *m, struct err *err)
{
    struct day *d = arg;
    struct belong *b = d->b;
    struct catalogue_transfer t;
    char hex[HASH_HEX_ROOM];
    bool found = false, agrees = false;
    if (m->flaw || m->key > b->given) /* it came later, and tells nothing */
        return ERR_OK;
    int rc = catalogue_transfer_by_key(b->c, m->key, &t, &found, err);
    if (rc == ERR_OK && !found)
        rc = judge_unknown(b, m, &agrees, err);
    if (rc < 0)
        return err_is_temporary(rc) ? rc : ERR_OK;
    if (found && m->sealed) {
        hash_hex(m->facts.sha256, hex);
        agrees = strcmp(t.id, m->facts.id) == 0 &&
                 (t.state != CATALOGUE_STORED || strcmp(t.sha256, hex) == 0);
    } else if (found) {
        struct err no;
        rc = master_check_whose(b->raw, &t, &no);
        if (err_is_temporary(rc))
            return (*err = no).code;
        agrees = (rc == ERR_OK || rc == ERR_UNSUPPORTED) && t.state != CATALOGUE_STORED;
    }
    b->agree += agrees && found;
    b->disagree += !agrees;
    if (!agrees && !b->example[0])
        snprintf(b->example, sizeof b->example, "raw/%s.db has %s under the key of %s", d->day,
                 m->owned ? m->facts.id : "a partial transfer", found ? t.id : "none");
    return ERR_OK;
}

/* A partial from before its first chunk said whose it is: the row knows, if it has its bytes. */
static int own_partial(void *arg, const struct raw_master *m, struct err *err)
{
    const struct day *d = arg;
    struct catalogue_transfer t;
    bool found = false;
    if (m->flaw || m->owned || m->key > d->b->given)
        return ERR_OK;
    int rc = catalogue_transfer_by_key(d->b->c, m->key, &t, &found, err);
    bool its = rc == ERR_OK && found && strcmp(t.day, d->day) == 0 &&
               (t.state == CATALOGUE_RECEIVING ||
                (t.state == CATALOGUE_PARTIAL && t.length_bytes == m->length_bytes));
    if (!its)
        return err_is_temporary(rc) ? rc : ERR_OK;
    const struct raw_facts whose = master_facts(&t);
    return raw_own(d->b->raw, d->day, m->key, &whose, err);
}

static int refuse(const struct belong *b, struct err *err)
{
    return err_set(err, ERR_FOREIGN,
                   "catalogue.db and raw/ of %s do not belong together (%s; %" PRId64
                   " like that, %" PRId64 " that agree): put back both from the same backup, or "
                   "move catalogue.db away and run 'dashspool --root %s reindex'",
                   b->root, b->example[0] ? b->example : "nothing in them agrees", b->disagree,
                   b->agree, b->root);
}

static int compare_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct day d = {.b = arg, .day = name};
    int rc = is_day ? raw_each(d.b->raw, name, compare_master, &d, err) : ERR_OK;
    return err_is_temporary(rc) ? rc : ERR_OK; /* what cannot be read fsck tells */
}

/* A day's file that does not say which ROOT it is of: from before that, or put back from such a
 * time. */
static int adopt_day(struct belong *b, const char *day, struct err *err)
{
    struct day d = {.b = b, .day = day};
    int64_t agree = b->agree, disagree = b->disagree;
    b->agree = b->disagree = 0;
    b->example[0] = '\0';
    int rc = raw_each(b->raw, day, compare_master, &d, err);
    if (rc == ERR_OK && b->disagree > 0 && !b->first)
        rc = refuse(b, err);
    if (rc == ERR_OK)
        rc = raw_adopt(b->raw, day, err);
    if (rc == ERR_OK && b->disagree == 0)
        rc = raw_each(b->raw, day, own_partial, &d, err);
    rc = raw_end(b->raw, rc, err);
    if (rc == ERR_OK && b->disagree > 0)
        log_warn(TAG, "originals that are not those of the catalogue; run 'dashspool fsck'",
                 LOG_TEXT("day", day), LOG_TEXT("example", b->example),
                 LOG_INT("originals", b->disagree));
    b->agree += agree;
    b->disagree += disagree;
    return rc;
}

static int check_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct belong *b = arg;
    struct root_id id;
    bool empty;
    if (!is_day)
        return ERR_OK;
    int rc = raw_day_root(b->raw, name, &id, &empty, err);
    if (rc == ERR_OK && !root_id_known(&id) && !empty)
        rc = adopt_day(b, name, err);
    /* one that cannot be read is fsck's; what is foreign or newer ends it */
    return rc == ERR_MALFORMED || rc == ERR_NOTFOUND ? ERR_OK : rc;
}

/* The identity of this ROOT, if catalogue and raw agree on one, or have none. */
static int know_root(struct belong *b, struct err *err)
{
    struct root_id of_raw, none = {{0}};
    int rc = catalogue_root(b->c, &b->id, err);
    if (rc == ERR_OK)
        rc = root_read(b->root, "raw", &of_raw, err);
    bool known = root_id_known(&b->id), raw_known = b->marked = root_id_known(&of_raw);
    if (rc < 0 || (known && raw_known))
        return rc; /* whether these are the same the catalogue's opening has asked */
    b->first = !known && !raw_known;
    raw_set_root(b->raw, &none);
    if (!b->first && (rc = raw_days(b->raw, compare_day, b, err)) < 0)
        return rc;
    /* A catalogue from before identities, put back beside a raw/ that has one: proven by what
     * agrees. A raw/ that has none may be new. */
    if (!b->first && (b->disagree > 0 || (!known && b->agree == 0)))
        return refuse(b, err);
    if (!known)
        rc = catalogue_set_root(b->c, raw_known ? &of_raw : NULL, err);
    return rc < 0 ? rc : catalogue_root(b->c, &b->id, err);
}

/* ---- masters that the catalogue does not have ---- */

static int enter(struct belong *b, const struct catalogue_transfer *t, struct err *err)
{
    static const char lost[] = "connections\0protections\0stages done\0origin";
    const struct custody_what what = {.from = "an original that the catalogue did not have",
                                      .length_bytes = &t->length_bytes,
                                      .sha256 = t->sha256[0] ? t->sha256 : NULL,
                                      .state = catalogue_state_name(t->state),
                                      .not_known = {lost, strcmp(t->source, "file") == 0
                                                              ? sizeof lost
                                                              : sizeof lost - sizeof "origin"}};
    int rc = catalogue_transfer_restore(b->c, t, err);
    return rc < 0 ? rc
                  : intake_record(b->c, t, FACTS_WIRE | FACTS_ARRIVAL, "start", CUSTODY_REINDEXED,
                                  &what, err);
}

/* Whether it is still there: a duplicate goes before its row does. */
static int is_there(struct belong *b, const char *day, int64_t key, bool *out, struct err *err)
{
    int64_t length;
    bool sealed;
    int rc = raw_stat(b->raw, day, key, &length, &sealed, NULL, err);
    *out = rc != ERR_NOTFOUND;
    return err_is_temporary(rc) ? rc : ERR_OK;
}

/* *err: why it cannot be entered. Of two histories of one ROOT each has a transfer of that name. If
 * the catalogue has the other's, whose original is there, this one stays as it is; else these
 * stores are not of one time. */
static int tell_refused(struct day *d, const struct raw_master *m,
                        const struct catalogue_transfer *t, struct err *err)
{
    struct belong *b = d->b;
    struct catalogue_transfer other;
    struct err no;
    bool there = false;
    int rc = catalogue_transfer_get(b->c, t->id, &other, &no);
    if (rc == ERR_OK)
        rc = intake_holds(b->raw, &other, &there, &no);
    if (err_is_temporary(rc))
        return (*err = no).code;
    if (m->sealed && rc == ERR_OK && !there && b->disagree++ == 0)
        snprintf(b->example, sizeof b->example,
                 "%s in raw/%s.db has key %" PRId64 ", in catalogue.db %" PRId64, t->id, d->day,
                 m->key, other.key);
    b->unknown++;
    log_warn(TAG,
             "original that the catalogue does not have cannot be entered; run 'dashspool fsck'",
             LOG_TEXT("day", d->day), LOG_INT("key", m->key), LOG_ERR(err));
    return ERR_OK;
}

/* It came after the catalogue was saved: what is sealed, or stands with a partial, makes its row.
 * What was deleted is not brought back. */
static int take_up(struct day *d, const struct raw_master *m, struct err *err)
{
    struct belong *b = d->b;
    struct catalogue_transfer t = {.key = 0};
    enum custody_kind last = CUSTODY_UNKNOWN;
    bool there = false, due = false;
    int rc = catalogue_is_due(b->c, m->key, &due, err);
    if (rc == ERR_OK && !due)
        rc = is_there(b, d->day, m->key, &there, err);
    if (rc < 0 || !there || (!m->owned && m->key <= b->given)) /* fsck tells of these */
        return rc;
    rc = intake_row_of(d->day, m, &t, err);
    if (rc == ERR_OK)
        rc = catalogue_event_last(b->c, t.id, &last, NULL, err);
    if (rc == ERR_OK && last == CUSTODY_DELETED)
        return catalogue_due_add(b->c, d->day, m->key, err);
    if (rc == ERR_OK)
        rc = enter(b, &t, err);
    b->stored += rc == ERR_OK && m->sealed;
    b->partial += rc == ERR_OK && !m->sealed;
    if (rc == ERR_OK || err_is_temporary(rc))
        return rc;
    return tell_refused(d, m, &t, err);
}

static int match_master(void *arg, const struct raw_master *m, struct err *err)
{
    struct day *d = arg;
    struct belong *b = d->b;
    struct catalogue_transfer t;
    bool found = false;
    if (m->flaw) /* fsck's */
        return ERR_OK;
    int rc = catalogue_transfer_by_key(b->c, m->key, &t, &found, err);
    if (rc < 0)
        return err_is_temporary(rc) ? rc : ERR_OK;
    if (!found)
        return b->first ? ERR_OK : take_up(d, m, err);
    rc = t.set_aside || !m->owned ? ERR_OK : master_check_whose(b->raw, &t, err);
    if (rc == ERR_MALFORMED && b->disagree++ == 0)
        snprintf(b->example, sizeof b->example, "%.290s", err->text);
    return err_is_temporary(rc) ? rc : ERR_OK;
}

static const struct catalogue_day *day_of(const struct belong *b, const char *day)
{
    const struct catalogue_day *all = (const void *)buf_data(&b->days);
    for (size_t i = 0; i < b->days.used / sizeof *all; i++)
        if (strcmp(all[i].day, day) == 0)
            return &all[i];
    return NULL;
}

/* Added up they are the same: one by one nobody need look. */
static bool is_same(const struct catalogue_day *has, const struct raw_sum *sum)
{
    return has ? has->transfers == sum->masters && has->keys == sum->keys &&
                     has->lengths == sum->lengths && has->arrivals == sum->arrivals
               : sum->masters == 0;
}

static int match_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct day d = {.b = arg, .day = name};
    struct raw_sum sum;
    if (!is_day)
        return ERR_OK;
    int rc = raw_sum(d.b->raw, name, &sum, err);
    if (rc == ERR_OK && !is_same(day_of(d.b, name), &sum))
        rc = raw_each(d.b->raw, name, match_master, &d, err);
    return err_is_temporary(rc) ? rc : ERR_OK;
}

static int match_masters(struct belong *b, struct err *err)
{
    int rc = catalogue_begin(b->c, err);
    if (rc < 0)
        return rc;
    b->disagree = b->agree = 0;
    rc = raw_days(b->raw, match_day, b, err);
    if (rc == ERR_OK && b->disagree > 0 && !b->first)
        rc = refuse(b, err);
    rc = catalogue_end(b->c, rc, err);
    if (rc == ERR_OK && b->stored + b->partial > 0)
        log_warn(TAG, "raw/ is newer than catalogue.db, what came since was entered",
                 LOG_INT("stored", b->stored), LOG_INT("partial", b->partial),
                 LOG_INT("skipped", b->unknown));
    return rc;
}

/* ---- rows that have no master ---- */

static int see_missing(void *arg, const char *line, struct err *err)
{
    bool *noted = arg;
    struct custody_record r;
    (void)err;
    custody_read(&r, line, strlen(line));
    if (r.kind == CUSTODY_MISSING)
        *noted = true;
    else if (r.kind == CUSTODY_STORED || r.kind == CUSTODY_REINDEXED)
        *noted = false;
    custody_record_clear(&r);
    return ERR_OK;
}

int intake_note_missing(struct catalogue *c, const char *id, const char *who, struct err *err)
{
    bool noted = false;
    int rc = catalogue_event_each(c, id, see_missing, &noted, err);
    return rc < 0 || noted ? rc
                           : intake_note(c, id, who, CUSTODY_MISSING,
                                         &(struct custody_what){.from = NULL}, err);
}

struct missing {
    struct catalogue *c;
    struct raw *raw;
    bool note; /* in custody */
    int64_t n;
    char *first;
};

static int check_original(void *arg, int64_t key, struct err *err)
{
    struct missing *m = arg;
    struct catalogue_transfer t;
    int64_t length;
    bool found = false, sealed = false, noted = false;
    int rc = catalogue_transfer_by_key(m->c, key, &t, &found, err);
    if (rc == ERR_OK && found) {
        rc = raw_stat(m->raw, t.day, key, &length, &sealed, NULL, err);
        sealed = (rc == ERR_OK && sealed) || rc == ERR_MALFORMED; /* it is there: fsck tells */
        if (rc == ERR_NOTFOUND)                                   /* or deleted since */
            rc = catalogue_transfer_by_key(m->c, key, &t, &found, err);
    }
    if (rc < 0 || !found || sealed)
        return err_is_temporary(rc) ? rc : ERR_OK;
    if (m->note)
        return intake_note_missing(m->c, t.id, "start", err);
    rc = catalogue_event_each(m->c, t.id, see_missing, &noted, err);
    if (rc == ERR_OK && !noted && m->n++ == 0)
        snprintf(m->first, CATALOGUE_ID_ROOM, "%s", t.id);
    return rc;
}

static int find_missing(struct missing *m, const struct catalogue_day *day, struct err *err)
{
    struct raw_sum sum;
    int rc = raw_sum(m->raw, day->day, &sum, err);
    return rc < 0 || is_same(day, &sum)
               ? rc
               : catalogue_stored_of_day(m->c, day->day, check_original, m, err);
}

int intake_missing_of_day(struct catalogue *c, struct raw *raw, const struct catalogue_day *day,
                          int64_t *n, char first[CATALOGUE_ID_ROOM], struct err *err)
{
    struct missing m = {.c = c, .raw = raw, .first = first};
    int rc = find_missing(&m, day, err);
    *n = m.n;
    return rc;
}

/* The newest of what came or may come, by this clock or an earlier one, and the day before. */
static int find_recent(struct belong *b, struct err *err)
{
    int64_t now_us = clock_utc_us(), newest_us, unused;
    int rc = catalogue_newest(b->c, INT64_MAX, 0, &newest_us, &unused, err);
    if (rc == ERR_OK)
        raw_day((newest_us < now_us ? newest_us : now_us) - DAY_US, b->recent);
    return rc;
}

/* Whether a receiver can do without: see intake.h. */
static int is_away(const struct belong *b, const char *day, bool *out, struct err *err)
{
    char *path = NULL;
    *out = false;
    if (b->purpose != INTAKE_ADDS || !b->marked || strcmp(day, b->recent) >= 0)
        return ERR_OK;
    int rc = fsx_path(&path, err, "%s/raw/%s.db", b->root, day);
    *out = rc == ERR_OK && access(path, F_OK) < 0 && errno == ENOENT;
    free(path);
    return rc;
}

static int check_day_of_catalogue(struct belong *b, const struct catalogue_day *day,
                                  struct err *err)
{
    char first[CATALOGUE_ID_ROOM];
    struct missing m = {.c = b->c, .raw = b->raw, .note = b->first, .first = first};
    bool away = false;
    int rc = find_missing(&m, day, err);
    if (rc == ERR_OK && m.n > 0)
        rc = is_away(b, day->day, &away, err);
    if (rc < 0 || m.n == 0)
        return rc;
    size_t used = strlen(b->without_days), more = strlen(day->day) + 1;
    if (away && used + more < sizeof b->without_days)
        snprintf(b->without_days + used, more + 1, "%s%s", used ? " " : "", day->day);
    if (!away && b->missing == 0) {
        memcpy(b->missing_id, first, sizeof b->missing_id);
        snprintf(b->missing_day, sizeof b->missing_day, "%.10s", day->day);
    }
    *(away ? &b->without : &b->missing) += m.n;
    return ERR_OK;
}

/* For `status`, which asks whether they are still away. */
static int note_without(struct belong *b, struct err *err)
{
    struct catalogue_upkeep was, now = {.at_us = clock_utc_us(), .ok = b->without == 0};
    bool known;
    memcpy(now.text, b->without_days, sizeof now.text);
    if (b->without > 0)
        log_warn(TAG,
                 "files of past days are not in raw/, their originals cannot be handed out; put "
                 "them back, or 'dashspool fsck --repair' notes them as lost",
                 LOG_TEXT("days", b->without_days), LOG_INT("originals", b->without));
    int rc = catalogue_upkeep_last(b->c, CATALOGUE_MISSING_DAYS, &was, &known, err);
    return rc < 0 || (now.ok && (!known || was.ok))
               ? rc
               : catalogue_upkeep_note(b->c, CATALOGUE_MISSING_DAYS, &now, err);
}

static int check_missing(struct belong *b, struct err *err)
{
    const struct catalogue_day *all = (const void *)buf_data(&b->days);
    int rc = find_recent(b, err);
    for (size_t i = 0; rc == ERR_OK && i < b->days.used / sizeof *all; i++) {
        rc = check_day_of_catalogue(b, &all[i], err);
        if (rc < 0 && !err_is_temporary(rc)) /* a file that cannot be read is fsck's */
            rc = ERR_OK;
    }
    if (rc < 0 || b->missing == 0)
        return rc < 0 || b->purpose != INTAKE_ADDS ? rc : note_without(b, err);
    return err_set(err, ERR_FOREIGN,
                   "originals that catalogue.db has are not in raw/: %" PRId64
                   " (first: %s in raw/%s.db): put back raw/ of the same time, "
                   "without the -journal that is there (cp BACKUP/raw/%s.db %s/raw/); if they are "
                   "lost, 'dashspool --root %s fsck "
                   "--repair' notes that, and it goes on without them",
                   b->missing, b->missing_id, b->missing_day, b->missing_day, b->root, b->root);
}

/* ---- all of it ---- */

static int open_stores(struct belong *b, struct err *err)
{
    int64_t top;
    int rc = raw_highest_key(b->raw, NULL, &top, err);
    if (rc == ERR_OK && (rc = catalogue_highest_key(b->c, &b->given, err)) == ERR_OK)
        rc = know_root(b, err);
    if (rc < 0)
        return rc;
    raw_set_root(b->raw, &b->id);
    if ((rc = raw_days(b->raw, check_day, b, err)) < 0 ||
        (rc = root_mark(b->root, &b->id, err)) < 0)
        return rc;
    if (b->first && top > b->given)
        log_warn(TAG, "raw/ is newer than catalogue.db; 'dashspool reindex' enters what came since",
                 LOG_INT("key", top), LOG_INT("catalogue", b->given));
    if ((rc = catalogue_keys_above(b->c, top, err)) < 0 ||
        (rc = catalogue_days(b->c, &b->days, err)) < 0)
        return rc;
    rc = match_masters(b, err);
    return rc < 0 ? rc : check_missing(b, err);
}

int intake_stores_opened(struct catalogue *c, struct raw *raw, const char *root,
                         enum intake_purpose purpose, struct err *err)
{
    struct belong b = {.c = c, .raw = raw, .root = root, .purpose = purpose};
    if (raw_is_of_site(raw)) /* one transaction has both, and one sequence the keys */
        return ERR_OK;
    buf_init(&b.days, DAYS_BYTES_MAX);
    int rc = open_stores(&b, err);
    buf_clear(&b.days);
    return rc;
}

int intake_transfer_add(struct catalogue *c, struct raw *raw, struct catalogue_transfer *row,
                        struct err *err)
{
    char neighbour[RAW_DAY_ROOM];
    int64_t top, most = 0;
    int rc = ERR_OK;
    for (int i = -1; rc == ERR_OK && i <= 1; i++) {
        raw_day(row->arrived_us + i * DAY_US, neighbour);
        rc = raw_highest_key(raw, i == 0 ? row->day : neighbour, &top, err);
        if (i != 0 && rc < 0 && !err_is_temporary(rc)) /* it is not this one's that is damaged */
            rc = ERR_OK;
        most = rc == ERR_OK && top > most ? top : most;
    }
    if (rc == ERR_OK)
        rc = catalogue_keys_above(c, most, err);
    return rc < 0 ? rc : catalogue_transfer_add(c, row, err);
}

int intake_set_aside(struct catalogue *c, struct catalogue_transfer *row, const char *who,
                     const char *why, struct err *err)
{
    if (row->set_aside)
        return ERR_OK;
    if (row->state == CATALOGUE_RECEIVING)
        row->state = CATALOGUE_PARTIAL;
    row->set_aside = true;
    const struct custody_what what = {.why = why};
    int rc = catalogue_transfer_update(c, row, err);
    if (rc == ERR_OK)
        rc = intake_note(c, row->id, who, CUSTODY_SET_ASIDE, &what, err);
    if (rc == ERR_OK)
        log_warn(who, "partial transfer set aside, the file begins anew", LOG_TEXT("id", row->id),
                 LOG_TEXT("reason", why));
    return rc;
}
