/* Facts of a package against what they are from: the bytes received, decoded again, and what the
 * custody says of them. The files of facts are read a second time, one by one, once their hashes
 * are known to be those of the manifest. */
#include "dashspool/clock.h"
#include "dashspool/wire.h"
#include "verify_internal.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FACTS_BYTES_MAX ((size_t)16 << 20)
#define NOTED_BYTES_MAX ((size_t)64 << 20)

/* ---- what the custody says ---- */

enum { PACKETS, CRC_ERRORS, RESUMES, BYTES_LOST, DUPLICATES, COUNTERS };
static const char *const counters[COUNTERS] = {"packets", "crc_errors", "resumes", "bytes_lost",
                                               "duplicates"};
enum { INIT, META, START, PATH, PARTS };
static const char *const parts[PARTS] = {"init", "meta", "start", "path"};

/* Of a transfer, by the last line that says it. */
struct noted {
    char id[CUSTODY_ID_ROOM];
    bool has_facts, has_arrival;
    int decoder;
    struct wire_fact fact[WIRE_N_FACTS];
    char part[PARTS][HASH_HEX_ROOM];
    char source[16], arrived[CLOCK_TEXT_ROOM], completed[CLOCK_TEXT_ROOM], peer[80];
    char list[HASH_HEX_ROOM];
    int64_t counter[COUNTERS];
    char path[1100], modified[CLOCK_TEXT_ROOM]; /* of an imported file; "": it is none */
};

static void copy_text(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text ? text : "");
}

static void note_line(struct noted *t, const struct custody_what *w)
{
    const char *const hash[PARTS] = {w->init_sha256, w->meta_sha256, w->start_sha256,
                                     w->path_sha256};
    const int64_t *const counter[COUNTERS] = {w->packets, w->crc_errors, w->resumes, w->bytes_lost,
                                              w->duplicates};
    if (w->facts && wire_facts_read(w->facts, &t->decoder, t->fact)) {
        t->has_facts = true;
        for (int i = 0; i < PARTS; i++)
            copy_text(t->part[i], sizeof t->part[i], hash[i]);
    }
    if (w->path && w->modified) {
        copy_text(t->path, sizeof t->path, w->path);
        copy_text(t->modified, sizeof t->modified, w->modified);
    }
    bool arrival = w->connections_sha256 || w->completed; /* a redacted one has no such hash */
    if (w->facts || arrival) {
        copy_text(t->source, sizeof t->source, w->source);
        copy_text(t->arrived, sizeof t->arrived, w->arrived);
    }
    if (!arrival)
        return;
    t->has_arrival = true;
    copy_text(t->list, sizeof t->list, w->connections_sha256);
    copy_text(t->completed, sizeof t->completed, w->completed);
    copy_text(t->peer, sizeof t->peer, w->peer);
    for (int i = 0; i < COUNTERS; i++)
        t->counter[i] = counter[i] ? *counter[i] : 0;
}

/* Lines of a transfer follow one another; the chain is judged elsewhere. */
static int read_custody(const struct buf *custody, struct buf *noted, struct err *err)
{
    const char *at = (const char *)buf_data(custody), *end = at + custody->used;
    int rc = ERR_OK;
    while (rc == ERR_OK && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        struct custody_record r;
        custody_read(&r, at, n);
        struct noted *all = noted->mem ? (void *)(noted->mem + noted->start) : NULL;
        size_t count = noted->used / sizeof *all;
        if (r.id && (count == 0 || strcmp(all[count - 1].id, r.id) != 0)) {
            struct noted *fresh = calloc(1, sizeof *fresh);
            if (fresh) {
                copy_text(fresh->id, sizeof fresh->id, r.id);
                rc = buf_append(noted, fresh, sizeof *fresh, err);
            } else {
                rc = err_nomem(err, "facts of the custody");
            }
            free(fresh);
            all = noted->mem ? (void *)(noted->mem + noted->start) : NULL;
            count = noted->used / sizeof *all;
        }
        if (rc == ERR_OK && r.id)
            note_line(&all[count - 1], &r.what);
        custody_record_clear(&r);
        at += n + 1;
    }
    return rc;
}

static const struct noted *find_noted(const struct buf *noted, const char *id)
{
    const struct noted *all = (const void *)buf_data(noted);
    for (size_t i = 0; i < noted->used / sizeof *all; i++)
        if (strcmp(all[i].id, id) == 0)
            return &all[i];
    return NULL;
}

/* ---- a file of facts ---- */

struct facts {
    struct verify *v;
    struct buf noted, text;
    const struct file *now;
    char id[CUSTODY_ID_ROOM];
    const struct noted *is; /* NULL: the custody has nothing of it */
    struct {
        uint8_t *data;
        size_t n;
    } part[PARTS]; /* as received */
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

/* Both values of what should be the same. */
static void compare(const struct facts *f, const char *what, const char *here, const char *source,
                    const char *there)
{
    if (strcmp(here, there) != 0)
        verify_problem(f->v, VERIFY_CUSTODY, "%s: %s: the package says %s, %s %s", f->id, what,
                       here[0] ? here : "nothing", source, there[0] ? there : "nothing");
}

static const char the_custody[] = "the custody record", the_bytes[] = "the bytes received";

/* "…045.123456Z" as "…045.123Z", which is how packages have times. */
static const char *to_ms(const char *text, char out[CLOCK_TEXT_ROOM])
{
    size_t n = strlen(text);
    if (n > 4 && n < CLOCK_TEXT_ROOM && text[n - 1] == 'Z')
        snprintf(out, CLOCK_TEXT_ROOM, "%.*sZ", (int)(n - 4), text);
    else
        snprintf(out, CLOCK_TEXT_ROOM, "%s", text);
    return out;
}

static uint8_t digit(char c)
{
    return (uint8_t)(c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static int unhex(struct facts *f, const json_t *wire, int part, struct err *err)
{
    const char *hex = text_of(wire, parts[part]);
    size_t n = strlen(hex);
    f->part[part].n = 0;
    f->part[part].data = malloc(n / 2 + 1);
    if (!f->part[part].data)
        return err_nomem(err, "bytes received");
    if (n % 2 != 0 || strspn(hex, "0123456789abcdefABCDEF") != n) {
        verify_problem(f->v, VERIFY_CUSTODY, "%s: %s: its bytes are not hexadecimal", f->now->name,
                       parts[part]);
        return ERR_OK;
    }
    for (size_t i = 0; i < n / 2; i++)
        f->part[part].data[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    f->part[part].n = n / 2;
    return ERR_OK;
}

/* The bytes as received, against their hashes in the custody. */
static int judge_wire(struct facts *f, const json_t *wire, struct err *err)
{
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < PARTS; i++) {
        char hex[HASH_HEX_ROOM] = "", what[60];
        rc = unhex(f, wire, i, err);
        if (rc == ERR_OK && f->part[i].n > 0)
            rc = hash_text(f->part[i].data, f->part[i].n, hex, err);
        snprintf(what, sizeof what, "SHA-256 of %s as received", parts[i]);
        if (rc == ERR_OK && f->is && f->is->has_facts)
            compare(f, what, hex, the_custody, f->is->part[i]);
    }
    return rc;
}

static void dump(const json_t *v, char *out, size_t room)
{
    char *text =
        v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12))
          : NULL;
    snprintf(out, room, "%s", text ? text : "");
    free(text);
}

/* A fact as the package has it, and as this version decodes it. */
static void compare_decoded(const struct facts *f, const char *what, const char *here,
                            const char *decoded, bool newer)
{
    if (newer && strcmp(here, decoded) != 0)
        verify_note(f->v, VERIFY_CUSTODY,
                    "%s: %s: this version decodes the bytes received as %s, not %s", f->id, what,
                    decoded[0] ? decoded : "nothing", here[0] ? here : "nothing");
    else
        compare(f, what, here, the_bytes, decoded);
}

/* Each member of two objects, by its text. */
static void compare_members(const struct facts *f, const json_t *here, const json_t *there,
                            bool newer)
{
    const json_t *sides[] = {here, there};
    for (int side = 0; side < 2; side++)
        for (void *it = json_object_iter((json_t *)(uintptr_t)sides[side]); it;
             it = json_object_iter_next((json_t *)(uintptr_t)sides[side], it)) {
            const char *key = json_object_iter_key(it);
            char a[400], b[400];
            if (side == 1 && json_object_get(here, key))
                continue; /* told */
            if (strcmp(key, "untrusted") == 0 && side == 0) {
                compare_members(f, json_object_get(here, key), json_object_get(there, key), newer);
                continue;
            }
            dump(json_object_get(here, key), a, sizeof a);
            dump(json_object_get(there, key), b, sizeof b);
            compare_decoded(f, key, a, b, newer);
        }
}

/* The facts of a camera, decoded again. */
static int judge_decoded(struct facts *f, const json_t *o, struct err *err)
{
    struct wire_bytes bytes = {.init = f->part[INIT].data,
                               .init_n = f->part[INIT].n,
                               .path = f->part[PATH].data,
                               .path_n = f->part[PATH].n,
                               .meta = f->part[META].data,
                               .meta_n = f->part[META].n};
    struct wire_facts facts;
    struct err no_time;
    int64_t arrived_us = 0;
    bool camera = strcmp(text_of(o, "source"), "camera") == 0;
    if (clock_parse(text_of(o, "arrived"), 0, &arrived_us, NULL, &no_time) < 0)
        verify_problem(f->v, VERIFY_CUSTODY, "%s: no time of arrival", f->now->name);
    wire_facts_decode(&bytes, arrived_us, &facts);
    char *text = wire_facts_metadata(&facts, &bytes, arrived_us);
    if (!text)
        return err_nomem(err, "facts");
    json_t *expected = json_loads(text, JSON_DECODE_ANY, NULL),
           *is = json_object_get(o, "metadata");
    free(text);
    bool newer = f->is && f->is->has_facts && f->is->decoder < WIRE_FACTS_VERSION;
    if (json_is_object(is) && json_is_object(expected)) {
        compare_members(f, is, expected, newer);
    } else {
        char a[400], b[400];
        dump(is, a, sizeof a);
        dump(expected, b, sizeof b);
        compare_decoded(f, "metadata", a, b, newer);
    }
    json_decref(expected);
    char id[24] = "", was[24];
    snprintf(was, sizeof was, "%d", facts.protocol_id);
    dump(json_object_get(json_object_get(o, "transfer"), "protocol_id"), id, sizeof id);
    if (camera && facts.imei[0]) {
        compare(f, "imei", text_of(o, "imei"), the_bytes, facts.imei);
        compare(f, "protocol_id", id, the_bytes, was);
    }
    if (camera && facts.camera[0]) {
        compare_decoded(f, "camera", text_of(o, "camera"), facts.camera, newer);
        compare_decoded(f, "kind", text_of(o, "kind"), facts.kind, newer);
    }
    return ERR_OK;
}

/* ---- … against the custody ---- */

/* What a package has of a fact, in the custody's words; false: another member covers it. */
static bool fact_here(const json_t *o, const char *name, char out[WIRE_FACT_ROOM])
{
    static const struct {
        const char *name, *in, *key;
    } where[] = {
        {"imei", "", "imei"},
        {"camera", "", "camera"},
        {"kind", "", "kind"},
        {"protocol_id", "transfer", "protocol_id"},
        {"version", "metadata", "version"},
        {"time", "metadata", "time"},
        {"trigger", "metadata", "trigger"},
        {"length_s", "metadata", "length_s"},
        {"fps", "metadata", "fps"},
        {"tz_min", "metadata", "tz_min"},
        {"lat", "metadata", "lat"},
        {"lon", "metadata", "lon"},
        {"trigger_time", "metadata", "trigger_time"},
        {"driver", "metadata", "driver"},
    };
    for (size_t i = 0; i < sizeof where / sizeof *where; i++) {
        if (strcmp(where[i].name, name) != 0)
            continue;
        const json_t *in = where[i].in[0] ? json_object_get(o, where[i].in) : o;
        if (strcmp(name, "tz_min") == 0 && !json_is_object(in)) /* a person's word */
            in = json_object_get(o, "file");
        const json_t *doubt = json_object_get(in, "untrusted");
        const char *key = where[i].key;
        if (strcmp(key, "lat") == 0 || strcmp(key, "lon") == 0) {
            const json_t *p = json_object_get(in, "position");
            in = p ? p : json_object_get(doubt, "position");
            doubt = NULL;
        }
        const json_t *v = json_object_get(in, key);
        v = v ? v : json_object_get(doubt, key);
        out[0] = '\0';
        if (json_is_string(v))
            snprintf(out, WIRE_FACT_ROOM, "%s", json_string_value(v));
        else if (json_is_integer(v) && json_integer_value(v) != 0)
            snprintf(out, WIRE_FACT_ROOM, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        else if (json_is_real(v) && (json_real_value(v) < 0 || json_real_value(v) > 0))
            snprintf(out, WIRE_FACT_ROOM, "%.12g", json_real_value(v));
        return true;
    }
    return false;
}

/* What the form of the metadata does not have is not there: only what is there is compared, and
 * what the custody has must be there. */
static void judge_noted_facts(const struct facts *f, const json_t *o)
{
    char here[WIRE_FACT_ROOM], ms[CLOCK_TEXT_ROOM];
    const char *when = ""; /* its "time", which comes first */
    bool has_meta = json_is_object(json_object_get(o, "metadata"));
    for (int i = 0; i < WIRE_N_FACTS; i++) {
        const struct wire_fact *fact = &f->is->fact[i];
        bool time = strcmp(fact->name, "time") == 0 || strcmp(fact->name, "trigger_time") == 0;
        if (time && fact->name[4] == '\0')
            when = fact->text;
        if (strcmp(fact->name, "time_of_name") == 0 || strcmp(fact->name, "time_of_person") == 0)
            compare(f, fact->name, text_of(json_object_get(o, "file"), fact->name), the_custody,
                    fact->text[0] ? to_ms(when, ms) : "");
        if (!fact_here(o, fact->name, here) || (time && !has_meta))
            continue;
        if (time && strncmp(here, "1970-01-01T00:00:00.000", 23) == 0)
            here[0] = '\0'; /* 0 */
        compare(f, fact->name, here, the_custody, time ? to_ms(fact->text, ms) : fact->text);
    }
}

static int judge_arrival(const struct facts *f, const json_t *transfer, struct err *err)
{
    char *list =
        json_dumps(json_object_get(transfer, "connections"), JSON_COMPACT | JSON_SORT_KEYS);
    char hex[HASH_HEX_ROOM] = "", here[24], there[24];
    int rc = list ? custody_hash(list, hex, err) : ERR_OK;
    free(list);
    if (f->is->list[0] || !verify_redacted(f->v))
        compare(f, "list of connections (SHA-256)", hex, the_custody, f->is->list);
    compare(f, "peer", text_of(transfer, "peer"), the_custody, f->is->peer);
    for (int i = 0; i < COUNTERS; i++) {
        dump(json_object_get(transfer, counters[i]), here, sizeof here);
        snprintf(there, sizeof there, "%" PRId64, f->is->counter[i]);
        compare(f, counters[i], here, the_custody, there);
    }
    return rc;
}

/* Where an imported file was; a long path is cut off in the custody. */
static void judge_file(const struct facts *f, const json_t *file)
{
    char path[sizeof f->is->path], ms[CLOCK_TEXT_ROOM];
    size_t n = strlen(f->is->path);
    bool cut = n > 3 && strcmp(f->is->path + n - 3, "...") == 0;
    snprintf(path, sizeof path, "%s", text_of(file, "path"));
    if (!cut)
        compare(f, "path of the file", path, the_custody, f->is->path);
    compare(f, "time of the file", text_of(file, "modified"), the_custody,
            to_ms(f->is->modified, ms));
}

/* data/master/<id>.json, data/facts/<id>.json, data/transfer/<id>.json. */
static int judge(struct facts *f, const json_t *o, struct err *err)
{
    const json_t *wire = json_object_get(o, "wire"), *transfer = json_object_get(o, "transfer");
    bool is_arrival = strncmp(f->now->name, BAG_TRANSFER, strlen(BAG_TRANSFER)) == 0;
    char ms[CLOCK_TEXT_ROOM];
    int rc = ERR_OK;
    compare(f, "id", text_of(o, "id"), "the file's name", f->id);
    if (json_is_object(wire))
        rc = judge_wire(f, wire, err);
    if (rc == ERR_OK && json_is_object(wire) && !is_arrival)
        rc = judge_decoded(f, o, err);
    if (rc == ERR_OK && f->is && f->is->has_arrival && json_is_object(transfer))
        rc = judge_arrival(f, transfer, err);
    if (rc < 0 || is_arrival || !f->is)
        return rc;
    if (f->is->has_facts) {
        judge_noted_facts(f, o);
        compare(f, "source", text_of(o, "source"), the_custody, f->is->source);
        compare(f, "arrived", text_of(o, "arrived"), the_custody, to_ms(f->is->arrived, ms));
    }
    if (f->is->path[0] && json_is_object(json_object_get(o, "file")))
        judge_file(f, json_object_get(o, "file"));
    if (f->is->has_arrival)
        compare(f, "completed", text_of(o, "completed"), the_custody, to_ms(f->is->completed, ms));
    return rc;
}

/* ---- reading ---- */

static bool on_want(void *arg, const char *name)
{
    struct facts *f = arg;
    static const char *const folders[] = {BAG_MASTER, BAG_FACTS, BAG_TRANSFER};
    size_t n = strlen(name);
    const struct file *file = verify_find(f->v, name);
    if (!file || !file->sound || n < 6 || strcmp(name + n - 5, ".json") != 0)
        return false;
    for (int i = 0; i < 3; i++)
        if (strncmp(name, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

static int on_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct facts *f = arg;
    (void)size;
    (void)err;
    f->now = verify_find(f->v, name);
    buf_clear(&f->text);
    buf_init(&f->text, FACTS_BYTES_MAX);
    return ERR_OK;
}

static int on_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct facts *f = arg;
    int rc = buf_append(&f->text, data, n, err);
    return rc < 0 ? err_wrap(err, "%s", f->now->name) : rc;
}

static int on_end(void *arg, struct err *err)
{
    struct facts *f = arg;
    char hex[HASH_HEX_ROOM];
    int rc = hash_text(buf_data(&f->text), f->text.used, hex, err);
    if (rc == ERR_OK && strcmp(hex, f->now->sha256) != 0)
        rc = err_set(err, ERR_MALFORMED, "%s: '%s' was changed while it was read",
                     f->v->request->path, f->now->name);
    if (rc < 0)
        return rc;
    json_t *o =
        json_loadb((const char *)buf_data(&f->text), f->text.used, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(o) || !verify_id_of(f->now->name, f->id)) {
        verify_problem(f->v, VERIFY_CUSTODY, "%s is not a file of facts", f->now->name);
    } else {
        f->is = find_noted(&f->noted, f->id);
        rc = judge(f, o, err);
    }
    for (int i = 0; i < PARTS; i++) {
        free(f->part[i].data);
        f->part[i].data = NULL;
    }
    json_decref(o);
    return rc;
}

int verify_facts(struct verify *v, struct err *err)
{
    static const struct bag_reader reader = {
        .begin = on_begin, .data = on_data, .end = on_end, .want = on_want};
    struct facts f = {.v = v};
    buf_init(&f.noted, NOTED_BYTES_MAX);
    buf_init(&f.text, FACTS_BYTES_MAX);
    int rc = read_custody(&v->texts[T_CUSTODY], &f.noted, err);
    if (rc == ERR_OK)
        rc = bag_read(v->request->path, NULL, &reader, &f, err);
    buf_clear(&f.noted);
    buf_clear(&f.text);
    return rc;
}
