/* batch: the worker's half of the store: does a list of operations durably, and puts right what a
 * crash left. Every step bears repetition. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "dashspool/requests.h"
#include "store_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int note(struct catalogue *c, const char *id, enum custody_kind event,
                const struct custody_what *what, struct err *err)
{
    return intake_note(c, id, "receive", event, what, err);
}

static int note_end(struct catalogue *c, const struct catalogue_transfer *row, const char *why,
                    struct err *err)
{
    const struct custody_what whole = {.length_bytes = &row->length_bytes, .sha256 = row->sha256},
                              part = {.have_bytes = &row->length_bytes, .why = why};
    return row->state == CATALOGUE_STORED
               ? intake_record(c, row, FACTS_WIRE | FACTS_ARRIVAL, "receive", CUSTODY_STORED,
                               &whole, err)
               : intake_record(c, row, FACTS_ARRIVAL, "receive", CUSTODY_INTERRUPTED, &part, err);
}

/* Whether somebody asked for it. What is wrong with a request is no reason to refuse a file. */
static int match(struct stores *s, const struct catalogue_transfer *row, bool stored,
                 const char *same_as, struct err *err)
{
    int64_t now_us = clock_utc_us();
    int rc = stored ? requests_stored(s->catalogue, row, same_as, now_us, err)
                    : requests_began(s->catalogue, row, now_us, err);
    if (rc == ERR_OK || err_is_temporary(rc))
        return rc;
    log_warn("receive", "transfer not compared with the requests", LOG_TEXT("id", row->id),
             LOG_ERR(err));
    return ERR_OK;
}

/* This transfer alone can never be whole: the others of the batch go on. */
static void give_up(struct transfer *t, const struct err *err)
{
    if (t->dead)
        return;
    t->dead = true;
    t->why = *err;
}

/* Of a failed step: what is permanent ends the transfer, the rest ends the batch. */
static int judge(struct transfer *t, int rc, struct err *err)
{
    if (rc == ERR_OK)
        return rc;
    err_wrap(err, "%s", t->row.id[0] ? t->row.id : t->row.imei);
    if (err_is_temporary(rc))
        return rc;
    give_up(t, err);
    return ERR_OK;
}

/* ---- bytes ---- */

static int know_stored(struct stores *s, struct transfer *t, struct err *err)
{
    bool sealed;
    if (t->stored >= 0)
        return ERR_OK;
    int rc = raw_stat(s->raw, t->row.day, t->row.key, &t->stored, &sealed, NULL, err);
    if (rc == ERR_NOTFOUND) {
        t->stored = 0;
        rc = ERR_OK;
    }
    return rc;
}

/* What an earlier try or an earlier connection has stored is not stored again, and the hash is of
 * what is stored. */
static int append(struct stores *s, struct op *op, struct err *err)
{
    struct transfer *t = op->t;
    const uint8_t *p = buf_data(&op->data);
    int64_t end = op->offset + (int64_t)op->data.used;
    if (t->same_as[0]) /* an earlier try has dropped them */
        return ERR_OK;
    int rc = t->again ? ERR_OK : know_stored(s, t, err);
    if (rc == ERR_OK && t->hashed < end) {
        hash_update(t->hash, p + (t->hashed - op->offset), (size_t)(end - t->hashed));
        t->hashed = end;
    }
    if (rc < 0 || t->again || t->stored >= end)
        return rc;
    if (t->stored < op->offset)
        return err_set(err, ERR_MALFORMED, "partial transfer has %lld bytes, expected %lld",
                       (long long)t->stored, (long long)op->offset);
    const struct raw_facts whose = master_facts(&t->row);
    rc = raw_append(s->raw, t->row.day, t->row.key, &whose, t->stored, p + (t->stored - op->offset),
                    (size_t)(end - t->stored), err);
    if (rc == ERR_OK)
        t->row.length_bytes = t->stored = end;
    return rc;
}

/* What came of one that is here whole is its end, or it is another file. */
static int compare_end(struct stores *s, struct transfer *t, struct err *err)
{
    char hex[HASH_HEX_ROOM];
    int rc = t->have_sha256 ? ERR_OK : hash_final(t->hash, t->sha256, err);
    if (rc < 0)
        return rc;
    t->have_sha256 = true;
    hash_hex(t->sha256, hex);
    if (t->hashed == t->row.length_bytes && strcmp(hex, t->row.sha256) == 0)
        return ERR_OK;
    s->other[s->n_others++ % OTHERS_MAX] = t->row.key;
    return err_set(
        err, ERR_MALFORMED,
        "its end is not that of the file that was stored under this name; offered again, "
        "it is received whole");
}

/* The oldest whose bytes are there. ERR_NOTFOUND: nothing like it came before, or none is there any
 * more. */
static int find_same(struct stores *s, const struct catalogue_transfer *row,
                     struct catalogue_transfer *same, struct err *err)
{
    bool held = false;
    int rc = ERR_OK;
    for (same->key = 0; rc == ERR_OK && !held;) {
        rc = catalogue_transfer_same(s->catalogue, row, same->key, same, err);
        if (rc == ERR_OK)
            rc = intake_holds(s->raw, same, &held, err);
    }
    return rc;
}

static int seal(struct stores *s, struct op *op, struct err *err)
{
    struct catalogue_transfer *row = &op->t->row, same;
    if (op->t->again)
        return compare_end(s, op->t, err);
    if (op->t->same_as[0]) /* by an earlier try: its bytes may be gone */
        return raw_drop(s->raw, row->day, row->key, err);
    int rc = know_stored(s, op->t, err);
    row->length_bytes = op->t->stored;
    if (rc == ERR_OK) {
        /* A finished hash gives its digest once, and sealing may have to be repeated. */
        if (!op->t->have_sha256 && (rc = hash_final(op->t->hash, op->t->sha256, err)) == ERR_OK)
            op->t->have_sha256 = true;
        if (rc == ERR_OK)
            hash_hex(op->t->sha256, op->t->row.sha256);
    }
    if (rc < 0)
        return rc;
    struct raw_facts facts = master_facts(row);
    memcpy(facts.sha256, op->t->sha256, HASH_BYTES);
    rc = find_same(s, row, &same, err);
    if (rc == ERR_OK) {
        snprintf(op->t->same_as, sizeof op->t->same_as, "%s", same.id);
        op->t->same_key = same.key;
        return raw_drop(s->raw, row->day, row->key, err);
    }
    return rc == ERR_NOTFOUND ? raw_seal(s->raw, row->day, row->key, &facts, err) : rc;
}

static int store_bytes(struct stores *s, const struct op_list *list, struct err *err)
{
    int rc = ERR_OK;
    for (struct op *op = list->first; op && rc == ERR_OK; op = op->next) {
        if (op->t->dead)
            continue;
        if (op->type == OP_APPEND)
            rc = judge(op->t, append(s, op, err), err);
        else if (op->type == OP_FINISH && !op->t->incomplete)
            rc = judge(op->t, seal(s, op, err), err);
    }
    return raw_end(s->raw, rc, err);
}

/* ---- rows ---- */

/* A transfer's row has the numbers of all its connections; once. */
static void count(struct transfer *t, const struct catalogue_arrival *part)
{
    struct catalogue_transfer *row = &t->row;
    if (t->counted)
        return;
    t->counted = true;
    if (part->ended_us)
        row->completed_us = part->ended_us;
    row->packets += part->packets;
    row->crc_errors += part->crc_errors;
    row->resumes += part->resumes;
    row->bytes_lost += part->bytes_lost;
    row->duplicates += part->duplicates;
}

static int add_part(struct stores *s, const struct catalogue_transfer *row,
                    struct catalogue_arrival *part, struct err *err)
{
    part->until_bytes = row->length_bytes;
    if (part->from_bytes > part->until_bytes)
        part->from_bytes = part->until_bytes;
    if (part->packets == 0 && part->crc_errors == 0 && part->from_bytes == part->until_bytes)
        return ERR_OK; /* it brought nothing */
    return catalogue_arrival_add(s->catalogue, row->key, part, err);
}

/* *err says why: these are not its bytes. */
static int set_aside(struct stores *s, struct catalogue_transfer *row, struct err *err)
{
    char why[256];
    snprintf(why, sizeof why, "%.255s", err->text);
    return intake_set_aside(s->catalogue, row, "receive", why, err);
}

/* Records a transfer that is over by what the raw store really has of it. */
static int record_what_is_there(struct stores *s, struct catalogue_transfer *row,
                                struct catalogue_arrival *part, struct err *err)
{
    uint8_t sha256[HASH_BYTES];
    bool sealed = false;
    struct catalogue_transfer same;
    int rc = raw_stat(s->raw, row->day, row->key, &row->length_bytes, &sealed, sha256, err);
    if (rc == ERR_NOTFOUND) /* not one byte came */
        return catalogue_transfer_remove(s->catalogue, row->key, err);
    if (rc == ERR_OK)
        rc = master_check_whose(s->raw, row, err);
    if (rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED) {
        rc = set_aside(s, row, err);
        return rc < 0 ? rc : add_part(s, row, part, err);
    }
    if (rc < 0)
        return rc;
    row->state = sealed ? CATALOGUE_STORED : CATALOGUE_PARTIAL;
    row->sha256[0] = '\0';
    if (sealed)
        hash_hex(sha256, row->sha256);
    rc = sealed ? find_same(s, row, &same, err) : ERR_NOTFOUND;
    if (rc == ERR_NOTFOUND) {
        rc = catalogue_transfer_update(s->catalogue, row, err);
        if (rc == ERR_OK)
            rc = add_part(s, row, part, err);
        if (rc == ERR_OK)
            rc = note_end(s->catalogue, row, part->ended, err);
        return rc < 0 || !sealed ? rc : match(s, row, true, NULL, err);
    }
    if (rc == ERR_OK && (rc = raw_drop(s->raw, row->day, row->key, err)) == ERR_OK &&
        (rc = raw_commit(s->raw, err)) == ERR_OK &&
        (rc = match(s, row, true, same.id, err)) == ERR_OK)
        rc = catalogue_transfer_remove(s->catalogue, row->key, err);
    return rc;
}

static int check_day(struct stores *s, const struct catalogue_transfer *row, struct err *err)
{
    int64_t day_us = INT64_C(86400) * 1000000, files, bytes;
    int64_t since_us = row->arrived_us - row->arrived_us % day_us;
    const struct store_options *o = &s->options;
    if (o->day_files_max == 0 && o->day_bytes_max == 0)
        return ERR_OK;
    int rc = catalogue_camera_load(s->catalogue, row->imei, since_us, &files, &bytes, err);
    if (rc == ERR_OK && o->day_files_max > 0 && files >= o->day_files_max)
        return err_set(err, ERR_LIMIT,
                       "daily quota exceeded: %lld files today (UTC); see [receive] day_files_max",
                       (long long)files);
    if (rc == ERR_OK && o->day_bytes_max > 0 && bytes >= o->day_bytes_max)
        return err_set(err, ERR_LIMIT,
                       "daily quota exceeded: %lld MiB today (UTC); see [receive] day_mib_max",
                       (long long)bytes >> 20);
    return rc;
}

/* Takes up the partial: its row, with what is new about the camera's connection. */
static int take_up(struct stores *s, struct transfer *t, struct catalogue_transfer *found,
                   struct err *err)
{
    bool sealed;
    int rc = raw_stat(s->raw, found->day, found->key, &found->length_bytes, &sealed, NULL, err);
    if (rc < 0 || sealed)
        return rc < 0 ? rc : err_set(err, ERR_NOTFOUND, "%s is already complete", found->id);
    found->state = CATALOGUE_RECEIVING;
    found->published = false; /* as it will be */
    found->connections++;
    snprintf(found->peer, sizeof found->peer, "%s", t->row.peer);
    found->wire = t->row.wire; /* what they say is judged as when the transfer began */
    facts_decode(found);
    const struct custody_what what = {.from = found->peer, .have_bytes = &found->length_bytes};
    if ((rc = catalogue_transfer_update(s->catalogue, found, err)) < 0 ||
        (rc = intake_record(s->catalogue, found, FACTS_WIRE, "receive", CUSTODY_RESUMED, &what,
                            err)) < 0)
        return rc;
    t->row = *found;
    t->resumed = true;
    t->have = found->length_bytes < t->resume.bytes_max ? found->length_bytes : t->resume.bytes_max;
    t->have -= t->have % t->resume.unit_bytes;
    return match(s, found, false, NULL, err);
}

/* The partial to go on with; those whose key has the bytes of another are set aside. */
static int find_partial(struct stores *s, const struct transfer *t,
                        struct catalogue_transfer *found, struct err *err)
{
    int rc;
    while ((rc = catalogue_transfer_resumable(s->catalogue, &t->row, found, err)) == ERR_OK) {
        int64_t length;
        bool sealed;
        rc = master_check_whose(s->raw, found, err);
        if (rc == ERR_OK) /* or its bytes are lost */
            rc = raw_stat(s->raw, found->day, found->key, &length, &sealed, NULL, err);
        if (rc != ERR_MALFORMED && rc != ERR_UNSUPPORTED && rc != ERR_NOTFOUND)
            return rc;
        if ((rc = set_aside(s, found, err)) < 0)
            return rc;
    }
    return rc;
}

struct looking {
    const struct stores *s;
    const struct transfer *t;
    struct catalogue_transfer *found;
};

static bool same_blob(const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
    return n == m && (n == 0 || memcmp(a, b, n) == 0);
}

/* As catalogue_transfer_resumable() compares. */
static int look_at_whole(void *arg, const struct catalogue_transfer *row, struct err *err)
{
    const struct looking *l = arg;
    const struct catalogue_transfer *offered = &l->t->row;
    const struct catalogue_wire *a = &row->wire, *b = &offered->wire;
    (void)err;
    bool other = row->set_aside || !(row->known & CATALOGUE_HAS_META) ||
                 row->length_s != offered->length_s ||
                 !same_blob(a->start, a->start_n, b->start, b->start_n) ||
                 !same_blob(a->path, a->path_n, b->path, b->path_n);
    for (size_t i = 0; i < l->s->n_others && i < OTHERS_MAX; i++)
        other |= l->s->other[i] == row->key;
    if (!other)
        *l->found = *row;
    return ERR_OK;
}

/* A camera brings again what it was not acknowledged: it is here, whole. What it sends of it, its
 * last unit, is compared, and adds nothing. */
static int take_up_whole(struct stores *s, struct transfer *t, struct err *err)
{
    const struct catalogue_transfer *offered = &t->row;
    struct catalogue_transfer *found = calloc(1, sizeof *found);
    struct looking l = {s, t, found};
    const struct catalogue_filter same = {.imei = offered->imei,
                                          .camera = offered->camera,
                                          .kind = offered->kind,
                                          .source = "camera",
                                          .since_us = offered->time_us,
                                          .until_us = offered->time_us + 1,
                                          .states = 1 << CATALOGUE_STORED};
    bool held = false, named = (offered->known & CATALOGUE_HAS_META) &&
                               (offered->known & CATALOGUE_TIME_OK) && s->options.onward;
    int rc = found ? ERR_OK : err_nomem(err, "a transfer");
    if (rc == ERR_OK && named)
        rc = catalogue_transfer_each(s->catalogue, &same, look_at_whole, &l, err);
    if (rc == ERR_OK && found->key)
        rc = intake_holds(s->raw, found, &held, err);
    if (rc == ERR_OK && held) {
        t->row = *found;
        t->again = t->resumed = true;
        t->have =
            t->resume.bytes_max < found->length_bytes ? t->resume.bytes_max : found->length_bytes;
        t->have -= t->have % t->resume.unit_bytes;
        t->stored = found->length_bytes;
    }
    free(found);
    return rc < 0 || held ? rc : err_set(err, ERR_NOTFOUND, "nothing like it is here whole");
}

static int begin(struct stores *s, struct transfer *t, struct err *err)
{
    struct catalogue_transfer found;
    int rc = take_up_whole(s, t, err);
    if (rc != ERR_NOTFOUND)
        return rc;
    rc = find_partial(s, t, &found, err);
    if (rc == ERR_OK)
        rc = take_up(s, t, &found, err);
    if (rc != ERR_NOTFOUND)
        return rc;
    if ((rc = check_day(s, &t->row, err)) < 0)
        return rc;
    t->stored = 0;
    const int64_t protocol_id = t->row.protocol_id;
    const struct custody_what what = {.from = t->row.peer, .protocol_id = &protocol_id};
    rc = intake_transfer_add(s->catalogue, s->raw, &t->row, err);
    if (rc == ERR_OK)
        rc = intake_record(s->catalogue, &t->row, FACTS_WIRE, "receive", CUSTODY_RECEIVED, &what,
                           err);
    return rc < 0 ? rc : match(s, &t->row, false, NULL, err);
}

/* It came once more: noted where that goes on to the site by and by; what went is not here. */
static int note_again(struct stores *s, struct transfer *t, int64_t key, const char *id,
                      struct err *err)
{
    struct catalogue_transfer *now = malloc(sizeof *now);
    bool found = true;
    int rc = now ? ERR_OK : err_nomem(err, "a transfer");
    if (rc == ERR_OK && s->options.onward)
        rc = catalogue_transfer_by_key(s->catalogue, key, now, &found, err);
    if (rc == ERR_OK && s->options.onward && found && !now->published)
        t->goes_on = key;
    if (rc == ERR_OK && found)
        rc = note(s->catalogue, id, CUSTODY_OFFERED_AGAIN, &(struct custody_what){.from = t->peer},
                  err);
    free(now);
    return rc;
}

static int forget_duplicate(struct stores *s, struct transfer *t, struct err *err)
{
    int rc = catalogue_transfer_remove(s->catalogue, t->row.key, err);
    if (rc == ERR_OK)
        rc = note_again(s, t, t->same_key, t->same_as, err);
    return rc < 0 ? rc : match(s, &t->row, true, t->same_as, err);
}

static int record(struct stores *s, struct op *op, struct err *err)
{
    struct transfer *t = op->t;
    struct catalogue_transfer *row = &t->row;
    int rc;
    if (t->again && op->type != OP_BEGIN) /* its row is not this one's to change */
        return op->type == OP_FINISH && !t->dead && !t->incomplete
                   ? note_again(s, t, row->key, row->id, err)
                   : ERR_OK;
    switch (op->type) {
    case OP_BEGIN:
        return begin(s, t, err);
    case OP_FINISH:
        if (t->same_as[0])
            return forget_duplicate(s, t, err);
        count(t, &t->part);
        if (t->dead || t->incomplete)
            return record_what_is_there(s, row, &t->part, err);
        row->state = CATALOGUE_STORED;
        t->goes_on = row->key;
        rc = catalogue_transfer_update(s->catalogue, row, err);
        if (rc == ERR_OK)
            rc = add_part(s, row, &t->part, err);
        if (rc == ERR_OK)
            rc = note_end(s->catalogue, row, "", err);
        return rc < 0 ? rc : match(s, row, true, NULL, err);
    case OP_ABANDON:
        count(t, &t->part);
        return row->key ? record_what_is_there(s, row, &t->part, err) : ERR_OK;
    case OP_FROM_0:
        row->from_0 = true;
        return catalogue_transfer_update(s->catalogue, row, err);
    case OP_PUBLISHED:
        return intake_published(s->catalogue, s->feeds, row->id, "receive", err);
    case OP_APPEND:
        return ERR_OK;
    }
    return ERR_OK;
}

static int store_rows(struct stores *s, const struct op_list *list, struct err *err)
{
    const struct op *row = list->first;
    while (row && row->type == OP_APPEND)
        row = row->next;
    if (!row) /* the catalogue has other users, who wait for a lock */
        return ERR_OK;
    int rc = catalogue_begin(s->catalogue, err);
    if (rc < 0)
        return rc;
    for (struct op *op = list->first; op && rc == ERR_OK; op = op->next)
        rc = judge(op->t, record(s, op, err), err);
    return catalogue_end(s->catalogue, rc, err);
}

/* ---- the rest ---- */

static int add_to_hash(void *arg, const void *data, size_t n, struct err *err)
{
    struct transfer *t = arg;
    (void)err;
    if (t->again && (int64_t)n > t->have - t->hashed) /* the rest is what it sends */
        n = (size_t)(t->have - t->hashed);
    hash_update(t->hash, data, n);
    t->hashed += (int64_t)n;
    return ERR_OK;
}

/* The hash of a resumed transfer is of all that is stored, whatever the camera sends again. Whoever
 * cannot be read now is refused: the rest of the batch is done already. */
static void hash_resumed(struct stores *s, const struct op_list *list)
{
    struct err err;
    for (struct op *op = list->first; op; op = op->next) {
        struct transfer *t = op->t;
        if (op->type != OP_BEGIN || !t->resumed || t->dead)
            continue;
        if (raw_copy(s->raw, t->row.day, t->row.key, add_to_hash, t, &err) < 0)
            give_up(t, &err);
        if (!t->again)
            t->stored = t->hashed;
    }
}

/* Bytes, durable; rows, durable. */
int batch_commit(struct stores *s, const struct op_list *list, struct err *err)
{
    int rc = store_bytes(s, list, err);
    if (rc == ERR_OK)
        rc = store_rows(s, list, err);
    if (rc == ERR_OK) {
        hash_resumed(s, list);
    } else {
        /* After a failure nobody knows which of it was committed: a batch may span two day files. A
         * row that was rolled back gives its key to the next one. */
        for (struct op *op = list->first; op; op = op->next) {
            op->t->stored = -1;
            if (op->type == OP_BEGIN && !op->t->resumed)
                op->t->row.key = 0;
        }
    }
    return rc;
}

/* ---- repair ---- */

struct repair {
    struct stores *s;
    int stored, partial, published;
};

static int find_end(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    int64_t *end = arg;
    (void)err;
    if (*end < a->until_bytes)
        *end = a->until_bytes;
    return ERR_OK;
}

/* Of a partial: whether its master is sealed, that is, came to its end after this catalogue was
 * saved. */
static int came_whole(struct repair *r, const struct catalogue_transfer *t, bool *out,
                      struct err *err)
{
    int64_t length;
    bool sealed = false;
    int rc = raw_stat(r->s->raw, t->day, t->key, &length, &sealed, NULL, err);
    *out = rc == ERR_OK && sealed && !t->set_aside;
    return err_is_temporary(rc) ? rc : ERR_OK;
}

/* What the last connection brought before the end came. */
static int repair_receiving(void *arg, const struct catalogue_transfer *found, struct err *err)
{
    struct repair *r = arg;
    struct catalogue_transfer row = *found;
    bool whole = false;
    if (row.state == CATALOGUE_PARTIAL) {
        int looked = came_whole(r, found, &whole, err);
        if (looked < 0 || !whole)
            return looked;
    }
    facts_decode(&row); /* what is noted with it is this version's */
    struct catalogue_arrival part = {.began_us = row.arrived_us, .ended_us = clock_utc_us()};
    snprintf(part.peer, sizeof part.peer, "%s", row.peer);
    snprintf(part.ended, sizeof part.ended, "interrupted by an unclean shutdown of the receiver");
    int rc = catalogue_arrival_each(r->s->catalogue, row.key, find_end, &part.from_bytes, err);
    row.completed_us = part.ended_us;
    row.published = false; /* whatever was put of it as a partial */
    if (rc == ERR_OK) {
        /* The row and its part in one transaction: another end must not come between them. */
        rc = catalogue_begin(r->s->catalogue, err);
        if (rc == ERR_OK) {
            rc = record_what_is_there(r->s, &row, &part, err);
            rc = catalogue_end(r->s->catalogue, rc, err);
        }
    }
    r->stored += row.state == CATALOGUE_STORED;
    r->partial += row.state == CATALOGUE_PARTIAL;
    return rc;
}

struct losing {
    struct stores *s;
    int *n; /* that were put */
};

static int put_lost(void *arg, const struct catalogue_transfer *t, const char *stage,
                    struct err *err)
{
    const struct losing *l = arg;
    int rc = intake_put_lost(l->s->catalogue, l->s->root, t, stage, err);
    *l->n += rc == ERR_OK && stage;
    return rc;
}

static int note_bad(void *arg, const char *stage, int rc, struct err *err)
{
    (void)stage;
    (void)err;
    *(bool *)arg = true;
    return rc == ERR_NOMEM ? rc : ERR_OK;
}

/* Of a spool that was removed, or put back as it was. What lies in one that cannot be opened nobody
 * knows. */
static int repair_jobs(struct stores *s, const struct intake_feeds *feeds, int *n, struct err *err)
{
    struct losing losing = {s, n};
    int late = 0;
    struct spools spools;
    bool bad = false;
    int rc = spools_open(&spools, s->root, note_bad, &bad, err);
    if (rc == ERR_OK && !bad)
        rc = intake_lost_each(s->catalogue, &spools, s->options.stages, put_lost, &losing, err);
    spools_close(&spools);
    if (rc == ERR_OK)
        rc = intake_publish_late(s->catalogue, feeds, "receive", &late, err);
    *n += late;
    return rc;
}

static void look_at_spool(const struct stores *s, struct spool_look *out)
{
    char *path = NULL;
    struct stat st = {0};
    struct err unimportant;
    if (fsx_path(&path, &unimportant, "%s/spool", s->root) < 0 || stat(path, &st) < 0)
        st = (struct stat){0};
    free(path);
    *out = (struct spool_look){st.st_ino, st.st_mtim};
}

int repair_spool(struct stores *s, struct err *err)
{
    struct intake_feeds feeds;
    struct spool_look now;
    int n = 0;
    look_at_spool(s, &now);
    bool replaced = now.inode != s->spool.inode;
    if (s->options.onward)
        return ERR_OK;
    if (!replaced && now.changed.tv_sec == s->spool.changed.tv_sec &&
        now.changed.tv_nsec == s->spool.changed.tv_nsec)
        return ERR_OK;
    int rc = intake_feeds_open(&feeds, s->root, s->options.feeds, s->options.n_feeds, err);
    look_at_spool(s, &now);
    if (rc == ERR_OK)
        rc = repair_jobs(s, &feeds, &n, err);
    if (rc == ERR_OK && (replaced || n > 0))
        log_warn("receive", "spool was removed or replaced, lost jobs queued again",
                 LOG_INT("jobs", n));
    if (rc == ERR_OK)
        s->spool = now;
    intake_feeds_close(&feeds);
    return rc;
}

int repair_run(struct stores *s, struct err *err)
{
    struct repair r = {.s = s};
    struct catalogue_filter receiving = {
        .states = 1 << CATALOGUE_RECEIVING | 1 << CATALOGUE_PARTIAL, .source = "camera"};
    struct intake_feeds feeds = {.n = 0};
    bool jobs = !s->options.onward; /* else the site gives them */
    int rc = ERR_OK;
    if (jobs)
        rc = intake_feeds_open(&feeds, s->root, s->options.feeds, s->options.n_feeds, err);
    if (rc == ERR_OK)
        rc = catalogue_transfer_each(s->catalogue, &receiving, repair_receiving, &r, err);
    if (rc == ERR_OK && jobs)
        rc = repair_jobs(s, &feeds, &r.published, err);
    if (rc == ERR_OK && r.stored + r.partial + r.published > 0)
        log_info("receive", "recovered after unclean shutdown", LOG_INT("stored", r.stored),
                 LOG_INT("partial", r.partial), LOG_INT("jobs", r.published));
    look_at_spool(s, &s->spool);
    intake_feeds_close(&feeds);
    return rc;
}
