/* Whether a transfer's facts are those of their sources: what the witnesses do not agree on is
 * told, or mended. */
#include "master_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 5 }; /* others may write meanwhile; nobody does so five times in a row */

static const char *or_nothing(const char *text)
{
    return text[0] ? text : "nothing";
}

/* Two that should say the same of what is not in the row itself. */
static int compare(struct check *k, const char *what, const char *row, const char *custody,
                   struct err *err)
{
    return strcmp(row, custody) == 0
               ? ERR_OK
               : check_tell(k, false, err, "%s: the catalogue says %s, the custody record says %s",
                            what, or_nothing(row), or_nothing(custody));
}

/* ---- what they do not agree on ---- */

/* What the custody says is an older decoder's, and the row agrees with it, or with what the bytes
 * say to this one. */
static bool is_newer_decoder(const struct check *k, int fact)
{
    const struct witness *row = &k->w[ROW], *custody = &k->w[CUSTODY], *raw = &k->w[RAW];
    return fact >= DECODED && k->decoder > 0 && k->decoder < WIRE_FACTS_VERSION &&
           (strcmp(row->says[fact], custody->says[fact]) == 0 ||
            strcmp(row->says[fact], k->w[BYTES].says[fact]) == 0) &&
           (!raw->knows[fact] || strcmp(row->says[fact], raw->says[fact]) == 0);
}

/* "the bytes received and the custody record say …" for each that was said. */
static int judge(struct check *k, int fact, struct err *err)
{
    char text[1000];
    size_t used = 0;
    unsigned done = 0;
    bool differ = false;
    const struct witness *w = k->w;
    for (int i = 1; i < N_WITNESSES; i++)
        differ |= w[i].knows[fact] && strcmp(w[ROW].says[fact], w[i].says[fact]) != 0;
    if (!differ)
        return ERR_OK;
    for (int i = 0; i < N_WITNESSES; i++) {
        int same = 0;
        if (!w[i].knows[fact] || done & 1u << i)
            continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", used ? ", " : "");
        for (int j = i; j < N_WITNESSES; j++)
            if (w[j].knows[fact] && strcmp(w[i].says[fact], w[j].says[fact]) == 0) {
                used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                         same++ ? " and " : "", w[j].who);
                done |= 1u << j;
            }
        used +=
            (size_t)snprintf(text + used, sizeof text - used, " %s %s",
                             same > 1 || i == BYTES ? "say" : "says", or_nothing(w[i].says[fact]));
    }
    bool note = is_newer_decoder(k, fact);
    return check_tell(k, note, err, "%s: %s%s", k->name[fact], text,
                      note ? " (a newer version decodes them otherwise)" : "");
}

/* ---- what lies beside the row ---- */

static int check_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct check *k = arg;
    struct noted_copy *is = check_find_copy(k, copy->path);
    char what[600], made[CLOCK_TEXT_ROOM], settings[HASH_HEX_ROOM];
    if (is)
        is->met = true;
    if (!is && (k->decoder == 0 || k->reindexed))
        return ERR_OK; /* made before such records, or found by its name */
    if (!is)
        return check_tell(k, false, err,
                          "copy %s: the custody record does not say that it was made", copy->path);
    clock_rfc3339(copy->made_us, 6, made);
    int rc = hash_text(copy->settings, strlen(copy->settings), settings, err);
    const bool found = k->reindexed && strncmp(copy->tool, "unknown", 7) == 0;
    const struct {
        const char *name, *row, *custody;
    } facts[] = {
        {"kind", copy->kind, is->kind},
        {"sha256", copy->sha256, is->sha256},
        {"made", found ? is->made : made, is->made},
        {"tool", found ? is->tool : copy->tool, is->tool},
        {"settings (SHA-256)", found ? is->settings_sha256 : settings, is->settings_sha256}};
    for (int i = 0; rc == ERR_OK && i < (int)(sizeof facts / sizeof *facts); i++) {
        snprintf(what, sizeof what, "%s of copy %s", facts[i].name, copy->path);
        rc = compare(k, what, facts[i].row, facts[i].custody, err);
    }
    return rc;
}

static int check_copies(struct check *k, struct err *err)
{
    int rc = catalogue_copy_each(k->c, k->t.key, check_copy, k, err);
    const struct noted_copy *all = (const void *)buf_data(&k->copies);
    size_t n = k->decoder > 0 && !k->reindexed ? k->copies.used / sizeof *all : 0;
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        if (all[i].path[0] && !all[i].met)
            rc = check_tell(k, false, err,
                            "copy %s: the custody record says that it was made, the catalogue "
                            "does not have it",
                            all[i].path);
    return rc;
}

static int check_protection(void *arg, const struct catalogue_protection *p, struct err *err)
{
    struct check *k = arg;
    struct buf *b = &k->protections;
    struct noted_protection *all = b->mem ? (void *)(b->mem + b->start) : NULL;
    char since[CLOCK_TEXT_ROOM], what[CATALOGUE_REASON_ROOM + 40];
    clock_rfc3339(p->since_us, 6, since);
    for (size_t i = 0; i < b->used / sizeof *all; i++) {
        if (strcmp(all[i].reason, p->reason) != 0)
            continue;
        all[i].met = true;
        snprintf(what, sizeof what, "who of the protection '%s'", p->reason);
        int rc = compare(k, what, p->who, all[i].who, err);
        snprintf(what, sizeof what, "since of the protection '%s'", p->reason);
        return rc < 0 ? rc : compare(k, what, since, all[i].since, err);
    }
    return check_tell(k, false, err, "protection '%s': the custody record does not have it",
                      p->reason);
}

static int check_protections(struct check *k, struct err *err)
{
    int rc = catalogue_protection_each(k->c, k->t.key, check_protection, k, err);
    const struct noted_protection *all = (const void *)buf_data(&k->protections);
    for (size_t i = 0; rc == ERR_OK && i < k->protections.used / sizeof *all; i++)
        if (!all[i].met)
            rc = check_tell(k, false, err,
                            "protection '%s': the custody record has it, the catalogue does not",
                            all[i].reason);
    return rc;
}

/* Where a file was. */
static int check_origin(struct check *k, struct err *err)
{
    struct catalogue_origin o;
    char path[FACTS_PATH_ROOM], modified[CLOCK_TEXT_ROOM];
    int rc = catalogue_origin_get(k->c, k->t.key, &o, err);
    if (rc == ERR_NOTFOUND)
        return !k->of_file || k->reindexed
                   ? ERR_OK
                   : check_tell(k, false, err,
                                "origin: the custody record says %s, the catalogue nothing",
                                k->path);
    if (rc < 0 || (!k->of_file && k->reindexed))
        return rc;
    wire_path_text(o.path, strlen(o.path), path, sizeof path);
    clock_rfc3339(o.stat.mtime_ns / 1000, 6, modified);
    char length[24], was[24];
    snprintf(length, sizeof length, "%" PRId64, o.stat.length_bytes);
    snprintf(was, sizeof was, "%" PRId64, k->t.length_bytes);
    rc = compare(k, "path of the file", path, k->path, err);
    if (rc == ERR_OK)
        rc = compare(k, "time of the file", modified, k->modified, err);
    if (rc == ERR_OK)
        rc = compare(k, "end of the file", o.whole ? "as it should" : "not as it should",
                     k->ends_well ? "as it should" : "not as it should", err);
    if (rc == ERR_OK)
        rc = compare(k, "note on the file's end", o.note, k->ending, err);
    return rc < 0 || strcmp(length, was) == 0
               ? rc
               : check_tell(k, false, err, "length of the file: its origin says %s, its row %s",
                            length, was);
}

static int check_beside(struct check *k, struct err *err)
{
    bool due = false;
    int rc = catalogue_is_due(k->c, k->t.key, &due, err);
    if (rc == ERR_OK && due)
        rc = check_tell(k, false, err,
                        "deletion: its bytes are due to be deleted, although it is there");
    if (k->gap)
        return rc;
    if (rc == ERR_OK)
        rc = check_protections(k, err);
    if (rc == ERR_OK)
        rc = check_origin(k, err);
    return rc < 0 ? rc : check_copies(k, err);
}

/* ---- a transfer ---- */

/* All that differs of the row k->t. */
static int check_row(struct check *k, struct err *err)
{
    int rc = ask_raw(k, err);
    if (rc == ERR_OK)
        rc = ask_custody(k, err);
    if (rc == ERR_OK)
        rc = ask_row(k, err);
    ask_bytes(k);
    if (rc == ERR_OK && k->lines == 0 && !k->gap)
        rc = check_tell(k, false, err,
                        "no custody record: it was removed, or the transfer predates the record");
    if (rc == ERR_OK && k->deleted)
        rc = check_tell(k, false, err, "it was deleted, but it is in the catalogue");
    for (int i = 0; rc == ERR_OK && i < N_FACTS; i++)
        rc = judge(k, i, err);
    return rc;
}

/* Whoever changes a fact writes a line. */
static int is_settled(const struct check *k, bool *out, struct err *err)
{
    struct catalogue_transfer now;
    int64_t lines = 0;
    bool found = false;
    int rc = catalogue_transfer_by_key(k->c, k->t.key, &now, &found, err);
    if (rc == ERR_OK)
        rc = catalogue_event_count(k->c, k->t.id, &lines, err);
    *out = rc == ERR_OK && found && now.state == k->t.state && lines == k->lines;
    return rc;
}

int facts_check(struct catalogue *c, struct raw *raw, int64_t key, facts_told_fn *fn, void *arg,
                struct err *err)
{
    struct check *k = malloc(sizeof *k);
    bool found = false, settled = false;
    if (!k)
        return err_nomem(err, "comparing facts");
    check_init(k, c, raw);
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < TRIES && !settled; i++) {
        check_clear(k);
        check_init(k, c, raw);
        rc = catalogue_transfer_by_key(c, key, &k->t, &found, err);
        if (rc < 0 || !found)
            break;
        if ((rc = check_row(k, err)) == ERR_OK)
            rc = check_beside(k, err);
        settled = k->told.used == 0;
        if (rc == ERR_OK && !settled)
            rc = is_settled(k, &settled, err);
    }
    const char *at = (const char *)buf_data(&k->told);
    for (size_t done = 0; rc == ERR_OK && found && done < k->told.used;) {
        rc = fn(arg, at[done] == 'n', at + done + 1, err);
        done += strlen(at + done) + 1;
    }
    check_clear(k);
    free(k);
    return rc;
}

/* ---- repair ---- */

static int64_t number_of(const struct witness *w, int fact, int64_t is)
{
    return w->knows[fact] ? strtoll(w->says[fact], NULL, 10) : is;
}

static int64_t time_of(const struct witness *w, int fact, int64_t is)
{
    struct err unreadable;
    int64_t utc_us = 0;
    if (!w->knows[fact] ||
        (w->says[fact][0] && clock_parse(w->says[fact], 0, &utc_us, NULL, &unreadable) < 0))
        return is;
    return utc_us;
}

static void text_of(const struct witness *w, int fact, char *out, size_t room)
{
    if (w->knows[fact])
        snprintf(out, room, "%s", w->says[fact]);
}

static int fact_of(const struct check *k, const char *name)
{
    int i = DECODED;
    while (i < N_FACTS - 1 && strcmp(k->name[i], name) != 0)
        i++;
    return i;
}

/* How it came, and whose it is: the custody's word. */
static void take_custody(const struct check *k, struct catalogue_transfer *e)
{
    const struct witness *w = &k->w[CUSTODY];
    e->completed_us = time_of(w, COMPLETED, e->completed_us);
    text_of(w, SOURCE, e->source, sizeof e->source);
    text_of(w, PEER, e->peer, sizeof e->peer);
    e->connections = (int)number_of(w, CONNECTIONS, e->connections);
    e->packets = number_of(w, PACKETS, e->packets);
    e->crc_errors = (int)number_of(w, CRC_ERRORS, e->crc_errors);
    e->resumes = (int)number_of(w, RESUMES, e->resumes);
    e->bytes_lost = number_of(w, BYTES_LOST, e->bytes_lost);
    e->duplicates = number_of(w, DUPLICATES, e->duplicates);
    e->from_0 = number_of(w, FIRST_PACKET, !e->from_0) == 0;
    e->length_bytes = number_of(w, LENGTH, e->length_bytes);
    e->protocol_id = (int)number_of(w, fact_of(k, "protocol_id"), e->protocol_id);
    text_of(w, fact_of(k, "imei"), e->imei, sizeof e->imei);
    text_of(w, fact_of(k, "camera"), e->camera, sizeof e->camera);
    text_of(w, fact_of(k, "kind"), e->kind, sizeof e->kind);
    for (int s = CATALOGUE_STORED; w->knows[STATE] && s <= CATALOGUE_PARTIAL; s++)
        if (strcmp(w->says[STATE], catalogue_state_name((enum catalogue_state)s)) == 0)
            e->state = (enum catalogue_state)s;
    if (e->state != CATALOGUE_STORED)
        e->sha256[0] = '\0';
}

static void take_sealed(const struct check *k, struct catalogue_transfer *e)
{
    const struct catalogue_transfer *m = &k->master;
    memcpy(e->imei, m->imei, sizeof e->imei);
    memcpy(e->camera, m->camera, sizeof e->camera);
    memcpy(e->kind, m->kind, sizeof e->kind);
    memcpy(e->source, m->source, sizeof e->source);
    memcpy(e->sha256, m->sha256, sizeof e->sha256);
    e->length_bytes = m->length_bytes;
    e->wire = m->wire;
    e->state = CATALOGUE_STORED;
}

/* Without metadata: nothing, or the time of a file's name, or of a person. */
static void take_no_metadata(const struct check *k, struct catalogue_transfer *e)
{
    const struct witness *w = &k->w[CUSTODY];
    struct wire_facts none = {.has_meta = false};
    int64_t time_us = 0;
    bool named = w->says[fact_of(k, "time_of_name")][0],
         told = w->says[fact_of(k, "time_of_person")][0];
    if (named || told)
        time_us = time_of(w, fact_of(k, "time"), 0);
    else if (k->decoder == 0 && strcmp(e->source, "file") == 0)
        return; /* nobody else knows */
    if (strstr(w->says[fact_of(k, "trusted")], "zone")) {
        none.trusted = WIRE_META_ZONE;
        none.tz_min = (int)number_of(w, fact_of(k, "tz_min"), 0);
    }
    none.time_us = time_us;
    facts_to_row(&none, e);
    if (time_us)
        e->known |= CATALOGUE_TIME_OK | (told ? CATALOGUE_TIME_TOLD : CATALOGUE_TIME_NAMED);
}

/* What the sources make of k->t; whether they agree is for check_row() to say. */
static int expect(struct check *k, struct catalogue_transfer *e, struct err *err)
{
    int rc = ask_row(k, err);
    if (rc == ERR_OK)
        rc = ask_custody(k, err);
    k->t.arrived_us = time_of(&k->w[CUSTODY], ARRIVED, k->t.arrived_us);
    raw_day(k->t.arrived_us, k->t.day);
    if (rc == ERR_OK)
        rc = ask_raw(k, err);
    *e = k->t;
    take_custody(k, e);
    if (k->sealed)
        take_sealed(k, e);
    if (!facts_decode(e))
        take_no_metadata(k, e);
    return rc;
}

/* "time: <was> -> <is>", for each; how many. */
static int changes(const struct check *was, const struct check *is, struct buf *out, int *n,
                   struct err *err)
{
    int rc = ERR_OK;
    *n = 0;
    for (int i = 0; rc == ERR_OK && i < N_FACTS; i++) {
        char text[2 * WIRE_FACT_ROOM + 80];
        const char *from = was->w[ROW].says[i], *to = is->w[ROW].says[i];
        if (strcmp(from, to) == 0)
            continue;
        ++*n;
        snprintf(text, sizeof text, "%s: %s -> %s", is->name[i], or_nothing(from), or_nothing(to));
        rc = buf_append(out, text, strlen(text) + 1, err);
    }
    return rc;
}

static int write_row(struct catalogue *c, const struct catalogue_transfer *e, const char *who,
                     const struct buf *list, struct err *err)
{
    struct facts_record r;
    struct custody_what what = {.changes = {(const char *)buf_data(list), list->used}};
    int rc = facts_record(&r, &what, c, e, FACTS_WIRE | FACTS_ARRIVAL, err);
    if (rc == ERR_OK)
        rc = catalogue_transfer_update(c, e, err);
    if (rc == ERR_OK)
        rc = catalogue_event_note(c, e->id, CATALOGUE_NOW, CUSTODY_REPAIRED, who, &what, err);
    facts_record_clear(&r);
    return rc;
}

/* In a transaction. was, is: room. */
static int repair(struct check *was, struct check *is, const char *who, int *changed,
                  struct err *err)
{
    struct buf list;
    bool agree = true;
    buf_init(&list, CUSTODY_LINE_ROOM);
    int rc = expect(was, &is->t, err);
    if (rc == ERR_OK)
        rc = check_row(is, err);
    for (int i = 0; i < N_FACTS; i++) /* the list of connections is no part of the row */
        for (int j = 1; j < N_WITNESSES; j++)
            agree &= i == LIST || !is->w[j].knows[i] ||
                     strcmp(is->w[ROW].says[i], is->w[j].says[i]) == 0 ||
                     (j == CUSTODY && is_newer_decoder(is, i));
    agree &= is->lines > 0 && !is->gap && !is->deleted && is->t.state != CATALOGUE_RECEIVING;
    if (rc == ERR_OK && agree)
        rc = changes(was, is, &list, changed, err);
    if (rc == ERR_OK && *changed > 0)
        rc = write_row(was->c, &is->t, who, &list, err);
    buf_clear(&list);
    return rc;
}

int facts_repair(struct catalogue *c, struct raw *raw, int64_t key, const char *who, int *changed,
                 struct err *err)
{
    bool found = false;
    *changed = 0;
    struct check *k = malloc(2 * sizeof *k);
    if (!k)
        return err_nomem(err, "repairing facts");
    check_init(&k[0], c, raw);
    check_init(&k[1], c, raw);
    int rc = catalogue_begin(c, err);
    if (rc == ERR_OK) {
        rc = catalogue_transfer_by_key(c, key, &k[0].t, &found, err);
        if (rc == ERR_OK && found)
            rc = repair(&k[0], &k[1], who, changed, err);
        rc = catalogue_end(c, rc, err);
    }
    if (rc < 0)
        *changed = 0;
    check_clear(&k[0]);
    check_clear(&k[1]);
    free(k);
    return rc;
}
