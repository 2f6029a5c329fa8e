/* What each witness knows of a transfer: its row, the bytes received, what is sealed with the
 * master, and the custody. */
#include "master_internal.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TOLD_BYTES_MAX ((size_t)4 << 20)

void check_init(struct check *k, struct catalogue *c, struct raw *raw)
{
    *k = (struct check){.c = c, .raw = raw};
    buf_init(&k->told, TOLD_BYTES_MAX);
    buf_init(&k->copies, TOLD_BYTES_MAX);
    buf_init(&k->protections, TOLD_BYTES_MAX);
}

void check_clear(struct check *k)
{
    buf_clear(&k->told);
    buf_clear(&k->copies);
    buf_clear(&k->protections);
}

int check_tell(struct check *k, bool note, struct err *err, const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    text[0] = note ? 'n' : 'd';
    va_start(ap, fmt);
    vsnprintf(text + 1, sizeof text - 1, fmt, ap);
    va_end(ap);
    return buf_append(&k->told, text, strlen(text) + 1, err);
}

static const char *const names[DECODED] = {
    [ID] = "id",
    [SOURCE] = "source",
    [STATE] = "state",
    [DAY] = "day",
    [ARRIVED] = "arrived",
    [COMPLETED] = "completed",
    [LENGTH] = "length_bytes",
    [SHA256] = "sha256",
    [INIT] = "INIT as received (SHA-256)",
    [META] = "metadata as received (SHA-256)",
    [START] = "START as received (SHA-256)",
    [PATH] = "path as received (SHA-256)",
    [PEER] = "peer",
    [CONNECTIONS] = "connections",
    [PACKETS] = "packets",
    [CRC_ERRORS] = "crc_errors",
    [RESUMES] = "resumes",
    [BYTES_LOST] = "bytes_lost",
    [DUPLICATES] = "duplicates",
    [FIRST_PACKET] = "first_packet",
    [LIST] = "list of connections (SHA-256)",
};

static void say(struct witness *w, int fact, const char *text)
{
    w->knows[fact] = true;
    snprintf(w->says[fact], WIRE_FACT_ROOM, "%s", text ? text : "");
}

static void say_number(struct witness *w, int fact, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, n);
    say(w, fact, text);
}

static void say_time(struct witness *w, int fact, int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM] = "";
    if (utc_us != 0)
        clock_rfc3339(utc_us, 6, text);
    say(w, fact, text);
}

static int say_hash(struct witness *w, int fact, const uint8_t *data, size_t n, struct err *err)
{
    char hex[HASH_HEX_ROOM] = "";
    int rc = n > 0 ? hash_text(data, n, hex, err) : ERR_OK;
    say(w, fact, hex);
    return rc;
}

static int say_wire(struct witness *w, const struct catalogue_wire *b, struct err *err)
{
    int rc = say_hash(w, INIT, b->init, b->init_n, err);
    if (rc == ERR_OK)
        rc = say_hash(w, META, b->meta, b->meta_n, err);
    if (rc == ERR_OK)
        rc = say_hash(w, START, b->start, b->start_n, err);
    return rc < 0 ? rc : say_hash(w, PATH, b->path, b->path_n, err);
}

/* ---- what the row says ---- */

int ask_row(struct check *k, struct err *err)
{
    const struct catalogue_transfer *t = &k->t;
    struct witness *w = &k->w[ROW];
    struct wire_facts f = facts_of_row(t);
    struct wire_fact list[WIRE_N_FACTS];
    struct facts_record r;
    struct custody_what what = {.from = NULL};
    snprintf(w->who, sizeof w->who, "the catalogue");
    wire_facts_list(&f, list);
    for (int i = 0; i < N_FACTS; i++)
        k->name[i] = i < DECODED ? names[i] : list[i - DECODED].name;
    for (int i = 0; i < WIRE_N_FACTS; i++)
        say(w, DECODED + i, list[i].text);
    say(w, ID, t->id);
    say(w, SOURCE, t->source);
    say(w, STATE, catalogue_state_name(t->state));
    say(w, DAY, t->day);
    say_time(w, ARRIVED, t->arrived_us);
    say_time(w, COMPLETED, t->completed_us);
    say_number(w, LENGTH, t->length_bytes);
    say(w, SHA256, t->sha256);
    say(w, PEER, t->peer);
    say_number(w, CONNECTIONS, t->connections);
    say_number(w, PACKETS, t->packets);
    say_number(w, CRC_ERRORS, t->crc_errors);
    say_number(w, RESUMES, t->resumes);
    say_number(w, BYTES_LOST, t->bytes_lost);
    say_number(w, DUPLICATES, t->duplicates);
    say_number(w, FIRST_PACKET, !t->from_0);
    int rc = facts_record(&r, &what, k->c, t, FACTS_ARRIVAL, err);
    say(w, LIST, what.connections_sha256);
    facts_record_clear(&r);
    return rc < 0 ? rc : say_wire(w, &t->wire, err);
}

/* ---- what the bytes say ---- */

/* A file's bytes say nothing of whom it is, and without metadata its name may tell the time, or a
 * person with the zone. */
static bool is_told(const struct catalogue_transfer *t, const struct wire_facts *f,
                    const struct wire_fact *fact)
{
    static const char *const of_whom[] = {"imei", "protocol_id", "camera", "kind"};
    static const char *const of_time[] = {"trusted", "time", "time_of_name", "time_of_person",
                                          "tz_min"};
    bool file = strcmp(t->source, "file") == 0;
    for (int i = 0; i < 4; i++)
        if (strcmp(fact->name, of_whom[i]) == 0)
            return !file && fact->text[0];
    for (int i = 0; i < 5; i++)
        if (strcmp(fact->name, of_time[i]) == 0)
            return !file || f->has_meta;
    return true;
}

void ask_bytes(struct check *k)
{
    const struct catalogue_transfer *from = k->sealed ? &k->master : &k->t;
    struct witness *w = &k->w[BYTES];
    struct wire_bytes bytes = facts_bytes(&from->wire);
    struct wire_facts f;
    struct wire_fact list[WIRE_N_FACTS];
    char day[RAW_DAY_ROOM];
    snprintf(w->who, sizeof w->who, "the bytes received");
    wire_facts_decode(&bytes, from->arrived_us, &f);
    wire_facts_list(&f, list);
    for (int i = 0; i < WIRE_N_FACTS; i++)
        if (is_told(from, &f, &list[i]))
            say(w, DECODED + i, list[i].text);
    raw_day(from->arrived_us, day);
    say(w, DAY, day);
}

/* ---- what stands with the master ---- */

static bool keep(uint8_t *out, size_t room, size_t *n, const uint8_t *data, size_t bytes)
{
    *n = bytes < room ? bytes : room;
    if (*n > 0)
        memcpy(out, data, *n);
    return bytes <= room;
}

static void say_whose(struct witness *w, const struct raw_facts *f)
{
    say(w, ID, f->id);
    say(w, SOURCE, f->source);
    say_time(w, ARRIVED, f->arrived_us);
    struct wire_facts facts = {.has_meta = false};
    struct wire_fact list[WIRE_N_FACTS];
    wire_facts_list(&facts, list);
    for (int i = 0; i < WIRE_N_FACTS; i++) {
        const char *name = list[i].name, *text = strcmp(name, "imei") == 0     ? f->imei
                                                 : strcmp(name, "camera") == 0 ? f->camera
                                                 : strcmp(name, "kind") == 0   ? f->kind
                                                                               : NULL;
        if (text)
            say(w, DECODED + i, text);
    }
}

static int take_master(void *arg, const struct raw_master *m, struct err *err)
{
    struct check *k = arg;
    const struct raw_facts *f = &m->facts;
    struct catalogue_transfer *t = &k->master;
    struct catalogue_wire *b = &t->wire;
    struct witness *w = &k->w[RAW];
    if (m->flaw) /* reading it fails with the same words */
        return ERR_OK;
    if (k->t.state != CATALOGUE_RECEIVING) {
        say_number(w, LENGTH, m->length_bytes);
        say(w, STATE, catalogue_state_name(m->sealed ? CATALOGUE_STORED : CATALOGUE_PARTIAL));
    }
    if (m->owned)
        say_whose(w, f);
    if (!m->sealed)
        return ERR_OK;
    *t = (struct catalogue_transfer){
        .arrived_us = f->arrived_us, .length_bytes = m->length_bytes, .state = CATALOGUE_STORED};
    snprintf(t->imei, sizeof t->imei, "%s", f->imei);
    snprintf(t->camera, sizeof t->camera, "%s", f->camera);
    snprintf(t->kind, sizeof t->kind, "%s", f->kind);
    snprintf(t->source, sizeof t->source, "%s", f->source);
    hash_hex(f->sha256, t->sha256);
    bool fits = keep(b->init, sizeof b->init, &b->init_n, f->init, f->init_bytes) &&
                keep(b->meta, sizeof b->meta, &b->meta_n, f->meta, f->meta_bytes) &&
                keep(b->start, sizeof b->start, &b->start_n, f->start, f->start_bytes) &&
                keep(b->path, sizeof b->path, &b->path_n, f->path, f->path_bytes);
    if (!fits)
        return check_tell(k, false, err,
                          "raw/%s.db: more bytes are sealed with it than a camera sends", k->t.day);
    k->sealed = true;
    say(w, SHA256, t->sha256);
    return say_wire(w, b, err);
}

int ask_raw(struct check *k, struct err *err)
{
    snprintf(k->w[RAW].who, sizeof k->w[RAW].who, "raw/%s.db", k->t.day);
    int rc = raw_one(k->raw, k->t.day, k->t.key, take_master, k, err);
    /* that it is not there, or not to be read, its reader tells */
    return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? ERR_OK : rc;
}

/* ---- what the custody says ---- */

static void take_facts(struct check *k, const struct custody_what *what)
{
    struct witness *w = &k->w[CUSTODY];
    struct wire_fact list[WIRE_N_FACTS];
    int decoder;
    if (!what->facts || !wire_facts_read(what->facts, &decoder, list))
        return;
    k->decoder = decoder;
    for (int i = 0; i < WIRE_N_FACTS; i++)
        say(w, DECODED + i, list[i].text);
    say(w, INIT, what->init_sha256);
    say(w, META, what->meta_sha256);
    say(w, START, what->start_sha256);
    say(w, PATH, what->path_sha256);
    say(w, SOURCE, what->source);
    say(w, ARRIVED, what->arrived);
}

static void take_arrival(struct check *k, const struct custody_what *what)
{
    struct witness *w = &k->w[CUSTODY];
    const struct {
        int fact;
        const int64_t *n;
    } numbers[] = {{CONNECTIONS, what->connections},  {PACKETS, what->packets},
                   {CRC_ERRORS, what->crc_errors},    {RESUMES, what->resumes},
                   {BYTES_LOST, what->bytes_lost},    {DUPLICATES, what->duplicates},
                   {FIRST_PACKET, what->first_packet}};
    if (!what->connections_sha256)
        return;
    say(w, LIST, what->connections_sha256);
    say(w, COMPLETED, what->completed);
    say(w, PEER, what->peer);
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
        if (numbers[i].n)
            say_number(w, numbers[i].fact, *numbers[i].n);
}

static void forget(struct witness *w, int from, int until)
{
    for (int i = from; i <= until; i++)
        w->knows[i] = false;
}

/* The transfer begins, ends, or is what somebody found it to be. */
static void take_state(struct check *k, const struct custody_record *r)
{
    struct witness *w = &k->w[CUSTODY];
    const struct custody_what *what = &r->what;
    bool begins = r->kind == CUSTODY_RECEIVED || r->kind == CUSTODY_RESUMED;
    enum catalogue_state state = begins                           ? CATALOGUE_RECEIVING
                                 : r->kind == CUSTODY_INTERRUPTED ? CATALOGUE_PARTIAL
                                                                  : CATALOGUE_STORED;
    const int64_t *length = what->length_bytes ? what->length_bytes : what->have_bytes;
    if (r->kind == CUSTODY_REPAIRED) /* its facts and counters are all that it has */
        return;
    forget(w, COMPLETED, SHA256);
    forget(w, PEER, LIST);
    say(w, STATE,
        r->kind == CUSTODY_REINDEXED && what->state ? what->state : catalogue_state_name(state));
    if (length && !begins)
        say_number(w, LENGTH, *length);
    if (!begins)
        say(w, SHA256, what->sha256);
}

static void take_file(struct check *k, const struct custody_what *what)
{
    k->of_file = true;
    k->ends_well = what->ending == NULL;
    snprintf(k->path, sizeof k->path, "%s", what->path);
    snprintf(k->modified, sizeof k->modified, "%s", what->modified);
    snprintf(k->ending, sizeof k->ending, "%s", what->ending ? what->ending : "");
}

struct noted_copy *check_find_copy(struct check *k, const char *path)
{
    struct buf *b = &k->copies;
    struct noted_copy *all = b->mem ? (void *)(b->mem + b->start) : NULL;
    for (size_t i = 0; i < b->used / sizeof *all; i++)
        if (strcmp(all[i].path, path) == 0)
            return &all[i];
    return NULL;
}

/* It was made anew, or is gone. */
static void forget_copy(struct check *k, const char *path)
{
    struct noted_copy *was = path ? check_find_copy(k, path) : NULL;
    if (was)
        was->path[0] = '\0';
}

static int take_copy(struct check *k, const struct custody_record *r, struct err *err)
{
    const struct custody_what *what = &r->what;
    struct noted_copy copy = {.path = ""};
    if (!what->path || !what->copy)
        return ERR_OK;
    snprintf(copy.path, sizeof copy.path, "%s", what->path);
    snprintf(copy.kind, sizeof copy.kind, "%s", what->copy);
    snprintf(copy.sha256, sizeof copy.sha256, "%s", what->sha256 ? what->sha256 : "");
    snprintf(copy.settings_sha256, sizeof copy.settings_sha256, "%s",
             what->settings_sha256 ? what->settings_sha256 : "");
    snprintf(copy.made, sizeof copy.made, "%s", r->at ? r->at : "");
    snprintf(copy.tool, sizeof copy.tool, "%s", r->who ? r->who : "");
    return buf_append(&k->copies, &copy, sizeof copy, err);
}

/* For a reason that holds already nothing was written. */
static int take_protection(struct check *k, const struct custody_record *r, struct err *err)
{
    struct noted_protection p = {.met = false};
    const struct noted_protection *all = (const void *)buf_data(&k->protections);
    snprintf(p.reason, sizeof p.reason, "%s", r->what.reason ? r->what.reason : "");
    snprintf(p.who, sizeof p.who, "%s", r->who ? r->who : "");
    snprintf(p.since, sizeof p.since, "%s", r->at ? r->at : "");
    for (size_t i = 0; i < k->protections.used / sizeof p; i++)
        if (strcmp(all[i].reason, p.reason) == 0)
            return ERR_OK;
    return buf_append(&k->protections, &p, sizeof p, err);
}

static int take_line(void *arg, const char *line, struct err *err)
{
    struct check *k = arg;
    struct custody_record r;
    int rc = ERR_OK;
    struct err broken;
    k->lines++;
    k->gap |= custody_next(&k->chain, line, strlen(line), &broken) < 0;
    custody_read(&r, line, strlen(line));
    switch (r.kind) {
    case CUSTODY_RECEIVED:
    case CUSTODY_RESUMED:
    case CUSTODY_INTERRUPTED:
    case CUSTODY_STORED:
    case CUSTODY_REINDEXED:
    case CUSTODY_REPAIRED:
        k->reindexed |= r.kind == CUSTODY_REINDEXED;
        k->deleted = false;
        take_state(k, &r);
        take_facts(k, &r.what);
        take_arrival(k, &r.what);
        if (r.what.path && r.what.modified)
            take_file(k, &r.what);
        break;
    case CUSTODY_DELETED:
        k->deleted = true;
        break;
    case CUSTODY_CONVERTED:
        forget_copy(k, r.what.path);
        rc = take_copy(k, &r, err);
        break;
    case CUSTODY_COPY_DELETED:
        forget_copy(k, r.what.path);
        break;
    case CUSTODY_PROTECTED:
        rc = take_protection(k, &r, err);
        break;
    case CUSTODY_UNPROTECTED:
        buf_clear(&k->protections);
        buf_init(&k->protections, TOLD_BYTES_MAX);
        break;
    case CUSTODY_UNKNOWN:
    case CUSTODY_PUBLISHED:
    case CUSTODY_OFFERED_AGAIN:
    case CUSTODY_DROPPED:
    case CUSTODY_SHOWN:
    case CUSTODY_EXPORTED:
    case CUSTODY_SET_ASIDE:
    case CUSTODY_MISSING:
    case CUSTODY_JOINED:
    case CUSTODY_REQUESTED:
    case CUSTODY_REVIEWED:
    case CUSTODY_UNREVIEWED:
    case CUSTODY_NOTED:
    case CUSTODY_CASE:
    case CUSTODY_KINDS:
        break;
    }
    custody_record_clear(&r);
    return rc;
}

int ask_custody(struct check *k, struct err *err)
{
    int64_t lines = 0;
    snprintf(k->w[CUSTODY].who, sizeof k->w[CUSTODY].who, "the custody record");
    int rc = catalogue_event_each(k->c, k->t.id, take_line, k, err);
    if (rc == ERR_OK)
        rc = catalogue_event_count(k->c, k->t.id, &lines, err);
    k->gap |= lines != k->lines;
    if (k->gap)
        forget(&k->w[CUSTODY], 0, N_FACTS - 1);
    return rc;
}
