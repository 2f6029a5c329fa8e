/* What the tracker said: the records of data/telemetry/ are decoded again, and the table and the
 * tracks that are made of them must be those that are there. */
#define _GNU_SOURCE /* memmem */
#include "dashspool/account.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/text.h"
#include "verify_internal.h"
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FACTS_BYTES_MAX ((size_t)16 << 20)
#define HEAD_BYTES_MAX  ((size_t)4096)

enum { AROUND_MAX_S = 60 }; /* `export --telemetry-window` */

/* Of one transfer. */
struct told {
    char id[CUSTODY_ID_ROOM];
    struct file *records, *table; /* NULL: it is not there */
    size_t first, n;              /* its files, among all */

    /* the table's first line */
    bool readable, other; /* other: of another format or decoder */
    struct account_head head;

    /* the facts */
    bool has_clip;
    int64_t from_ms, until_ms;

    /* the last line of the custody that tells of records */
    bool joined, has_records, has_difference;
    int64_t said_records, said_difference;
    char said_sha256[HASH_HEX_ROOM], said_event[CLOCK_TEXT_ROOM];
};

struct telemetry {
    struct verify *v;
    struct extract *extract;
    struct told *told; /* by id */
    size_t n;
    int64_t records, withheld; /* that were decoded */
    int64_t most_s;            /* the furthest record is so far away from its clip */
};

#define IT VERIFY_TELEMETRY

/* ---- which files ---- */

static bool ends(const char *name, const char *with)
{
    size_t n = strlen(name), m = strlen(with);
    return n >= m && strcmp(name + n - m, with) == 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct told *)a)->id, ((const struct told *)b)->id);
}

static struct told *told_of(const struct telemetry *t, const char *id)
{
    struct told key;
    snprintf(key.id, sizeof key.id, "%s", id);
    return t->n ? bsearch(&key, t->told, t->n, sizeof key, by_id) : NULL;
}

/* Of the file with this name; NULL: it has none here. */
static struct told *told_by(const struct telemetry *t, const char *name)
{
    char id[CUSTODY_ID_ROOM];
    return verify_id_of(name, id) ? told_of(t, id) : NULL;
}

/* The files of one id follow one another. */
static int list(struct telemetry *t, struct err *err)
{
    size_t n, of = 0;
    char id[CUSTODY_ID_ROOM];
    struct file *all = verify_files(t->v, &n);
    for (size_t i = 0; i < n; i++)
        of += verify_is_telemetry(all[i].name);
    t->told = calloc(of + 1, sizeof *t->told);
    if (!t->told)
        return err_nomem(err, "%zu files of telemetry", of);
    for (size_t i = 0; i < n; i++) {
        if (!verify_is_telemetry(all[i].name) || !verify_id_of(all[i].name, id))
            continue;
        struct told *k = t->n > 0 ? &t->told[t->n - 1] : NULL;
        if (!k || strcmp(k->id, id) != 0) {
            k = &t->told[t->n++];
            k->first = i;
            snprintf(k->id, sizeof k->id, "%s", id);
        }
        k->n = i + 1 - k->first;
        if (ends(all[i].name, BAG_RECORDS))
            k->records = &all[i];
        else if (ends(all[i].name, BAG_TABLE))
            k->table = &all[i];
    }
    qsort(t->told, t->n, sizeof *t->told, by_id);
    return ERR_OK;
}

/* ---- what the custody says ---- */

static void note_line(const struct telemetry *t, const struct custody_record *r, bool *any)
{
    const struct custody_what *w = &r->what;
    if (r->kind != CUSTODY_JOINED || !r->id)
        return;
    *any = true;
    struct told *k = told_of(t, r->id);
    if (!k)
        return;
    k->joined = true;
    k->has_records = w->records;
    k->said_records = w->records ? *w->records : 0;
    k->has_difference = w->difference_ms;
    k->said_difference = w->difference_ms ? *w->difference_ms : 0;
    snprintf(k->said_sha256, sizeof k->said_sha256, "%s",
             w->records_sha256 ? w->records_sha256 : "");
    snprintf(k->said_event, sizeof k->said_event, "%s", w->event_at ? w->event_at : "");
}

/* Whether any transfer was joined with records. The chain is judged elsewhere. */
static bool read_custody(const struct telemetry *t)
{
    const struct buf *custody = &t->v->texts[T_CUSTODY];
    const char *at = (const char *)buf_data(custody), *end = at + custody->used;
    bool any = false;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        struct custody_record r;
        if (memmem(at, n, "\"joined\"", 8)) {
            custody_read(&r, at, n);
            note_line(t, &r, &any);
            custody_record_clear(&r);
        }
        at += n + 1;
    }
    return any;
}

/* ---- the claim of bag-info.txt ---- */

/* Of packages that do not say whether the tracker's records are there, none has any. */
static bool is_older(const struct verify *v)
{
    const struct buf *tool = &v->texts[T_TOOL];
    json_t *o = json_loadb((const char *)buf_data(tool), tool->used, 0, NULL);
    json_int_t form = json_integer_value(json_object_get(o, "package"));
    json_decref(o);
    return form < 3;
}

/* *around_s: what it says; 0: nothing. */
static void judge_claim(const struct telemetry *t, bool joined, int64_t *around_s)
{
    struct bag_value claim;
    char text[BAG_ACCOUNT_ROOM];
    const char *label = bag_info_label(BAG_ACCOUNT);
    *around_s = 0;
    if (!verify_info(t->v, BAG_ACCOUNT, &claim)) {
        if (t->n > 0 || !is_older(t->v) || (joined && !verify_redacted(t->v)))
            verify_problem(t->v, IT,
                           "bag-info.txt does not say whether the tracker's records are there "
                           "(%s), which every package of its version does: that was removed",
                           label);
        return;
    }
    for (int64_t s = 0; s <= AROUND_MAX_S; s++) {
        bag_account_text(text, (int64_t)t->n, s);
        if (claim.n == strlen(text) && memcmp(claim.at, text, claim.n) == 0) {
            *around_s = s;
            return;
        }
    }
    verify_problem(t->v, IT, "bag-info.txt says '%s: %.*s', and data/telemetry/ is of %zu", label,
                   (int)(claim.n < 60 ? claim.n : 60), claim.at, t->n);
}

/* ---- the facts: when the clip was ---- */

static bool wants_facts(void *arg, const struct file *f)
{
    const char *folder =
        verify_redacted(((const struct telemetry *)arg)->v) ? BAG_FACTS : BAG_MASTER;
    return strncmp(f->name, folder, strlen(folder)) == 0 && ends(f->name, ".json") &&
           f->bytes <= (int64_t)FACTS_BYTES_MAX && told_by(arg, f->name);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

/* As journey_span() has it. */
static int take_facts(void *arg, struct file *f, const char *path, struct err *err)
{
    struct told *k = told_by(arg, f->name);
    struct buf text;
    struct err no_time;
    int64_t from_us = 0;
    buf_init(&text, FACTS_BYTES_MAX);
    int rc = fsx_read_file(path, &text, err);
    json_t *o = rc < 0 ? NULL : json_loadb((const char *)buf_data(&text), text.used, 0, NULL);
    const json_t *meta = json_object_get(o, "metadata"), *file = json_object_get(o, "file"),
                 *length = json_object_get(meta, "length_s");
    if (!length)
        length = json_object_get(json_object_get(meta, "untrusted"), "length_s");
    const char *time = text_of(meta, "time");
    time = *time ? time : text_of(file, "time_of_name");
    time = *time ? time : text_of(file, "time_of_person");
    if (o && *time && clock_parse(time, 0, &from_us, NULL, &no_time) == ERR_OK) {
        json_int_t length_s = json_integer_value(length);
        k->has_clip = true;
        k->from_ms = k->until_ms = from_us / 1000;
        if (strcmp(text_of(o, "kind"), "photo") != 0)
            k->until_ms += 1000 * (length_s > 0 && length_s < INT32_MAX ? length_s : 60);
    }
    json_decref(o);
    buf_clear(&text);
    return rc;
}

/* ---- the table ---- */

/* Where the table of a transfer is kept; the caller's (free). */
static int kept_table(char **out, const struct telemetry *t, const char *id, struct err *err)
{
    return fsx_path(out, err, "%s/table-%s", extract_dir(t->extract), id);
}

static bool wants_table(void *arg, const struct file *f)
{
    return verify_is_telemetry(f->name) && ends(f->name, BAG_TABLE) && told_by(arg, f->name);
}

static void judge_clip(const struct telemetry *t, const struct told *k)
{
    char from[CLOCK_TEXT_ROOM], until[CLOCK_TEXT_ROOM], is_from[CLOCK_TEXT_ROOM],
        is_until[CLOCK_TEXT_ROOM];
    if (!k->has_clip || (k->from_ms == k->head.from_ms && k->until_ms == k->head.until_ms))
        return;
    clock_rfc3339(k->head.from_ms * 1000, 3, from);
    clock_rfc3339(k->head.until_ms * 1000, 3, until);
    clock_rfc3339(k->from_ms * 1000, 3, is_from);
    clock_rfc3339(k->until_ms * 1000, 3, is_until);
    verify_problem(t->v, IT, "%s: its clip is from %s to %s there, by its facts from %s to %s",
                   k->table->name, from, until, is_from, is_until);
}

/* Nothing else of a redacted package tells of it. */
static void judge_event(const struct telemetry *t, const struct told *k)
{
    char at[CLOCK_TEXT_ROOM] = "none";
    if (verify_redacted(t->v))
        return;
    if (k->head.event)
        clock_rfc3339(k->head.event_ms * 1000, 3, at);
    if (k->head.event == (k->said_event[0] != '\0') && k->head.event == k->has_difference &&
        (!k->head.event ||
         (strcmp(at, k->said_event) == 0 && k->head.difference_ms == k->said_difference)))
        return;
    verify_problem(t->v, IT,
                   "%s: the record of the event is that of %s, %" PRId64
                   " ms apart; the custody record says %s, %" PRId64 " ms",
                   k->table->name, at, k->head.difference_ms,
                   k->said_event[0] ? k->said_event : "none", k->said_difference);
}

static void judge_head(const struct telemetry *t, struct told *k, const char *line, size_t n)
{
    int format, decoder;
    struct err why;
    if (account_head_parse(&k->head, &format, &decoder, line, n, &why) < 0) {
        verify_problem(t->v, IT, "%s: %s", k->table->name, why.text);
        return;
    }
    k->readable = true;
    k->other = format != ACCOUNT_FORMAT || decoder != AVL_DECODER_VERSION;
    if (k->other && verify_of_this_version(t->v))
        verify_problem(t->v, IT,
                       "%s: of format %d, decoder %d; the version that made the package has %d, %d",
                       k->table->name, format, decoder, ACCOUNT_FORMAT, AVL_DECODER_VERSION);
    else if (k->other)
        verify_note(t->v, IT,
                    "%s: of format %d, decoder %d, this version has %d, %d: its values are not "
                    "compared with the records",
                    k->table->name, format, decoder, ACCOUNT_FORMAT, AVL_DECODER_VERSION);
    if (strcmp(k->head.id, k->id) != 0)
        verify_problem(t->v, IT, "%s: it is of %s", k->table->name, k->head.id);
    judge_clip(t, k);
    judge_event(t, k);
}

static int keep_piece(void *arg, const void *data, size_t n, struct err *err)
{
    return fsx_write_all(*(const int *)arg, data, n, err);
}

static int take_table(void *arg, struct file *f, const char *path, struct err *err)
{
    struct telemetry *t = arg;
    struct told *k = told_by(t, f->name);
    char *kept = NULL;
    int from = -1, to = -1, rc = kept_table(&kept, t, k->id, err);
    if (rc == ERR_OK && (from = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        rc = err_sys(err, "open %s", path);
    if (rc == ERR_OK && (to = open(kept, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        rc = err_sys(err, "create %s (TMPDIR chooses where)", kept);
    if (rc == ERR_OK) {
        char line[HEAD_BYTES_MAX];
        ssize_t n = pread(from, line, sizeof line, 0);
        const char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
        judge_head(t, k, line, end ? (size_t)(end - line) : n > 0 ? (size_t)n : 0);
        rc = fsx_read_pieces(from, path, keep_piece, &to, err);
    }
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    free(kept);
    return rc;
}

/* ---- the records ---- */

static bool wants_records(void *arg, const struct file *f)
{
    return verify_is_telemetry(f->name) && ends(f->name, BAG_RECORDS) && told_by(arg, f->name);
}

struct comparing {
    FILE *table;
    int64_t line; /* the first one that differs; 0: none did so far */
    int64_t lines;
    char is[200], should_be[200]; /* from the first byte on that differs */
};

/* Up to where the two are the same, and a few characters before it. */
static void excerpt(struct comparing *c, const char *is, size_t n_is, const char *line, size_t n)
{
    size_t same = 0, back;
    while (same < n && same < n_is && is[same] == line[same])
        same++;
    back = same > 30 ? same - 30 : 0;
    snprintf(c->is, sizeof c->is, "%.*s", (int)(n_is - back < 90 ? n_is - back : 90), is + back);
    snprintf(c->should_be, sizeof c->should_be, "%.*s", (int)(n - back < 90 ? n - back : 90),
             line + back);
    text_tame(c->is);
    text_tame(c->should_be);
}

static int compare_line(void *arg, const char *line, size_t n, struct err *err)
{
    struct comparing *c = arg;
    char *is = malloc(n);
    if (!is)
        return err_nomem(err, "a line of a table");
    c->lines++;
    size_t n_is = c->line ? 0 : fread(is, 1, n, c->table);
    if (!c->line && (n_is != n || memcmp(is, line, n) != 0)) {
        c->line = c->lines;
        excerpt(c, is, n_is, line, n);
    }
    free(is);
    return ERR_OK;
}

static int judge_table(const struct telemetry *t, const struct told *k, const struct account *a,
                       struct err *err)
{
    struct comparing c = {.line = 0};
    char *kept = NULL;
    if (!k->readable || k->other)
        return ERR_OK;
    int rc = kept_table(&kept, t, k->id, err);
    if (rc == ERR_OK && !(c.table = fopen(kept, "rbe")))
        rc = err_sys(err, "open %s", kept);
    if (rc == ERR_OK)
        rc = account_table(a, &k->head, compare_line, &c, err);
    if (rc == ERR_OK && !c.line && fgetc(c.table) != EOF) {
        c.line = c.lines + 1;
        snprintf(c.is, sizeof c.is, "more");
    }
    if (rc == ERR_OK && c.line)
        verify_problem(t->v, IT,
                       "%s: line %" PRId64 " is not what the records say: there is '%s', they say "
                       "'%s'",
                       k->table->name, c.line, c.is, c.should_be);
    if (c.table)
        fclose(c.table);
    free(kept);
    return rc;
}

static bool names_track(const struct told *k, const char *sha256)
{
    for (int i = 0; i < k->head.n_tracks; i++)
        if (strcmp(k->head.track[i], sha256) == 0)
            return true;
    return false;
}

/* The tracks that are there are those that the table names, and that the records give. */
static int judge_tracks(const struct telemetry *t, const struct told *k, const struct account *a,
                        struct err *err)
{
    size_t n;
    const struct file *all = verify_files(t->v, &n);
    int there = 0, rc = ERR_OK;
    struct buf csv;
    if (!k->readable)
        return ERR_OK;
    buf_init(&csv, TRACK_BYTES_MAX);
    for (size_t i = k->first; rc == ERR_OK && i < k->first + k->n; i++) {
        bool found = false;
        if (!ends(all[i].name, BAG_TRACK) || there++ >= ACCOUNT_TRACKS_MAX)
            continue; /* that many are named at most: it is said below */
        if (!names_track(k, all[i].sha256))
            verify_problem(t->v, IT, "%s: its SHA-256, %.16s…, is none that %s names", all[i].name,
                           all[i].sha256, k->table->name);
        buf_consume(&csv, csv.used);
        rc = account_track_find(a, k->head.from_ms, k->head.until_ms, all[i].sha256, &found, &csv,
                                err);
        if (rc == ERR_OK && !found)
            verify_problem(t->v, IT, "%s: it is not the track that the records give", all[i].name);
    }
    if (rc == ERR_OK && there != k->head.n_tracks)
        verify_problem(t->v, IT, "%s: tracks: it names %d, there are %d", k->table->name,
                       k->head.n_tracks, there);
    buf_clear(&csv);
    return rc;
}

/* Where all are here, whole, the custody has their hash. */
static void judge_noted(const struct telemetry *t, const struct told *k, const struct account *a)
{
    int64_t records = account_records(a);
    if (verify_redacted(t->v))
        return;
    if (!k->joined)
        verify_problem(t->v, IT, "%s: the custody record tells of no records of the tracker",
                       k->records->name);
    else if (k->has_records && records > k->said_records)
        verify_problem(t->v, IT, "%s: %" PRId64 " records; the custody record says %" PRId64,
                       k->records->name, records, k->said_records);
    else if (k->has_records && records == k->said_records && account_withheld(a) == 0 &&
             strcmp(k->said_sha256, k->records->sha256) != 0)
        verify_problem(t->v, IT,
                       "%s: all records are there, and their SHA-256 is %.16s…, by the custody "
                       "record %.16s…",
                       k->records->name, k->records->sha256, k->said_sha256);
}

static void measure(struct telemetry *t, const struct told *k, const struct account *a)
{
    int64_t first_ms, last_ms;
    account_times(a, &first_ms, &last_ms);
    t->records += account_records(a);
    t->withheld += account_withheld(a);
    if (!k->readable || account_records(a) == 0)
        return;
    int64_t before = k->head.from_ms - first_ms, after = last_ms - k->head.until_ms;
    int64_t more = before > after ? before : after;
    if ((more + 999) / 1000 > t->most_s)
        t->most_s = (more + 999) / 1000;
}

static int take_records(void *arg, struct file *f, const char *path, struct err *err)
{
    struct telemetry *t = arg;
    struct told *k = told_by(t, f->name);
    struct account *a = NULL;
    struct buf text;
    struct err why;
    buf_init(&text, ACCOUNT_TEXT_BYTES_MAX);
    if (f->bytes > (int64_t)ACCOUNT_TEXT_BYTES_MAX) {
        verify_problem(t->v, IT, "%s: larger than any that is written", f->name);
        return ERR_OK;
    }
    int rc = fsx_read_file(path, &text, err);
    if (rc == ERR_OK && account_parse(&a, buf_data(&text), text.used, &why) < 0) {
        if (why.code == ERR_NOMEM)
            rc = (*err = why).code;
        else
            verify_problem(t->v, IT, "%s: %s", f->name, why.text);
    } else if (rc == ERR_OK) {
        measure(t, k, a);
        judge_noted(t, k, a);
        rc = judge_table(t, k, a, err);
        if (rc == ERR_OK)
            rc = judge_tracks(t, k, a, err);
    }
    account_free(&a);
    buf_clear(&text);
    return rc;
}

/* ---- all of it ---- */

/* What lies here belongs to a transfer, and is complete. */
static void judge_files(const struct telemetry *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct told *k = &t->told[i];
        if (!k->records)
            verify_problem(t->v, IT, "missing: " BAG_TELEMETRY "%s" BAG_RECORDS, k->id);
        if (!k->table)
            verify_problem(t->v, IT, "missing: " BAG_TELEMETRY "%s" BAG_TABLE, k->id);
    }
}

static int read_all(struct telemetry *t, struct err *err)
{
    int rc = extract_open(&t->extract, t->v, err);
    if (rc == ERR_OK)
        rc = extract_each(t->extract, wants_facts, take_facts, t, err);
    if (rc == ERR_OK)
        rc = extract_each(t->extract, wants_table, take_table, t, err);
    if (rc == ERR_OK)
        rc = extract_each(t->extract, wants_records, take_records, t, err);
    extract_close(&t->extract);
    return rc;
}

int verify_telemetry(struct verify *v, struct err *err)
{
    struct telemetry t = {.v = v};
    int64_t around_s;
    char text[200];
    int rc = list(&t, err);
    if (rc < 0)
        return rc;
    bool joined = read_custody(&t);
    judge_claim(&t, joined, &around_s);
    judge_files(&t);
    if (t.n > 0)
        rc = read_all(&t, err);
    if (rc == ERR_OK && around_s > 0 && t.most_s > around_s)
        verify_problem(v, IT,
                       "bag-info.txt says %" PRId64 " s before and after; there are records of "
                       "%" PRId64 " s",
                       around_s, t.most_s);
    int n =
        snprintf(text, sizeof text, "%lld %s of %lld %s, decoded again: the same tables and tracks",
                 SIZE_COUNT(t.records, "record", "records"),
                 SIZE_COUNT((int64_t)t.n, "recording", "recordings"));
    if (t.withheld > 0)
        snprintf(text + n, sizeof text - (size_t)n, "; %" PRId64 " withheld (private mode)",
                 t.withheld);
    if (rc == ERR_OK && (t.n > 0 || verify_failed(v, IT)))
        verify_result(v, IT, text);
    else if (rc == ERR_OK)
        verify_tell(v, IT, VERIFY_NOT_PRESENT, "the package has no records of a tracker");
    free(t.told);
    return rc;
}
