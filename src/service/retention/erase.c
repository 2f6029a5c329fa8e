/* erase: what somebody wants gone, in four steps: which, each of them, their bytes, what is left.
 */
#include "dashspool/buf.h"
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/convert.h"
#include "dashspool/copies.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/raw.h"
#include "dashspool/records.h"
#include "dashspool/requests.h"
#include "dashspool/retention.h"
#include "dashspool/review.h"
#include "dashspool/spool.h"
#include "dashspool/standing.h"
#include "dashspool/text.h"
#include "rules.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ERASE_WHY "erasure"

struct erase {
    const char *root;
    const struct retention_erasing *what;
    const struct retention_listener *listener;
    struct retention_result *out;
    struct catalogue *catalogue;
    struct raw *raw;
    struct spools spools;
    struct fsx_names ids;
    struct buf spans; /* struct records_span: what goes with transfers */
    int64_t dropped;  /* masters from raw/, also of before */
    char who[160];
};

#define SPANS_BYTES_MAX ((size_t)1 << 30)

/* Around a clip, that its track was made of. */
#define AROUND_MS       60000

/* The longest that cameras are known to send; of one of which only the id is left. */
#define CLIP_MS         60000

static void trouble(struct erase *e, const char *name, const char *why)
{
    e->out->troubles++;
    e->listener->trouble(e->listener->arg, name, why);
}

/* ---- which ---- */

static int add_transfer(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct erase *e = arg;
    return fsx_names_add(&e->ids, t->id, err);
}

/* The time in an id, which is all that is left: "<imei>-…-20241129T072345Z", "-2" behind it. */
static bool time_of(const char *id, int64_t *at_us)
{
    int zone, date, clock;
    char text[32];
    struct err no_time;
    const char *stamp = strchr(id, 'T');
    if (!stamp || stamp - id < 9 || sscanf(stamp - 8, "%8dT%6dZ", &date, &clock) != 2)
        return false;
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", date / 10000, date / 100 % 100,
             date % 100, clock / 10000, clock / 100 % 100, clock % 100);
    return clock_parse(text, 0, at_us, &zone, &no_time) == ERR_OK;
}

static bool is_of_time(const struct retention_erasing *w, const char *id)
{
    int64_t at_us;
    if (!w->since_us && !w->until_us)
        return true;
    return time_of(id, &at_us) && at_us >= w->since_us && (!w->until_us || at_us < w->until_us);
}

/* What went before by a rule, and is told of still. */
static int add_deleted(void *arg, const char *id, int64_t lines, struct err *err)
{
    struct erase *e = arg;
    struct catalogue_transfer t;
    enum custody_kind last;
    bool erased;
    const char *imei = e->what->imei;
    size_t n = strlen(imei);
    (void)lines;
    if (strncmp(id, imei, n) != 0 || id[n] != '-' || !is_of_time(e->what, id))
        return ERR_OK;
    int rc = catalogue_event_last(e->catalogue, id, &last, &erased, err);
    if (rc < 0 || last != CUSTODY_DELETED || erased)
        return rc == ERR_MALFORMED ? ERR_OK : rc;
    rc = catalogue_transfer_get(e->catalogue, id, &t, err); /* else it is there, and listed */
    return rc == ERR_NOTFOUND ? fsx_names_add(&e->ids, id, err) : rc;
}

static int choose(struct erase *e, struct err *err)
{
    const struct retention_erasing *w = e->what;
    const struct catalogue_filter filter = {
        .imei = w->imei, .since_us = w->since_us, .until_us = w->until_us};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < w->n; i++)
        rc = fsx_names_add(&e->ids, w->ids[i], err);
    if (rc < 0 || w->n > 0)
        return rc;
    rc = catalogue_transfer_each(e->catalogue, &filter, add_transfer, e, err);
    return rc < 0 ? rc : catalogue_custody_each(e->catalogue, add_deleted, e, err);
}

/* ---- each of them ---- */

/* Of a line: what happened, when, by whom, to which bytes; not where it was, whose it is, from what
 * address or path it came, nor a hash by which that could be guessed. */
static bool keep(void *arg, enum custody_kind kind, const char *key, const char *text)
{
    static const char *const kept[] = {"sha256",       "from_sha256",
                                       "length_bytes", "have_bytes",
                                       "state",        "copy",
                                       "copies",       "settings_sha256",
                                       "stage",        "why",
                                       "by",           "what",
                                       "package",      "tagmanifest_sha256",
                                       "for_job",      "full_tagmanifest_sha256",
                                       "reason",       "reasons",
                                       "partial",      "redacted",
                                       "no_sound",     "erased",
                                       "masks",        "hidden",
                                       "source",       "arrived",
                                       "completed",    "protocol_id",
                                       "packets",      "crc_errors",
                                       "resumes",      "bytes_lost",
                                       "withheld",     "connections",
                                       "duplicates",   "first_packet",
                                       "request",      "asked",
                                       "by_order",     "who"};
    (void)arg, (void)kind;
    if (strcmp(key, "path") == 0)
        return text && strncmp(text, "archive/", 8) == 0; /* of a copy */
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (strcmp(key, kept[i]) == 0)
            return true;
    return false;
}

static int tell_package(void *arg, const char *line, struct err *err)
{
    struct erase *e = arg;
    struct custody_record r;
    char text[700];
    (void)err;
    custody_read(&r, line, strlen(line));
    if (r.kind == CUSTODY_EXPORTED && r.id && e->listener->note) {
        snprintf(text, sizeof text,
                 "is in the package %.300s, exported at %.40s: whoever has it must delete it",
                 r.what.package ? r.what.package : "(without a name)", r.at ? r.at : "?");
        e->listener->note(e->listener->arg, r.id, text);
    }
    custody_record_clear(&r);
    return ERR_OK;
}

struct going {
    struct erase *e;
    int64_t bytes, copies;
};

static int delete_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct going *g = arg;
    g->copies++;
    g->bytes += copy->length_bytes;
    return g->e->what->dry_run ? ERR_OK : copies_delete(g->e->root, copy, err);
}

/* *why: it stays. Ready jobs are cancelled, and those whose worker died; one that lives has it. */
static int may_go(struct erase *e, const struct catalogue_transfer *t, const char **why,
                  struct err *err)
{
    struct spools_found jobs;
    bool kept = true;
    *why = NULL;
    int rc = catalogue_protected(e->catalogue, t->key, &kept, err);
    if (rc == ERR_OK)
        rc = spools_find(&e->spools, t->id, &jobs, err);
    if (rc < 0)
        return rc;
    if (t->state == CATALOGUE_RECEIVING)
        *why = "is being received; repeat this when that has ended";
    else if (kept && !e->what->protected_too)
        *why = "is protected (see 'dashspool protect --list'); --protected erases it, too";
    if (!*why && (jobs.ready || jobs.claimed) && !e->what->dry_run) {
        rc = spools_cancel(&e->spools, t->id, err);
        if (rc == ERR_OK)
            rc = spools_find(&e->spools, t->id, &jobs, err);
    }
    if (!*why && jobs.claimed)
        *why = "is being worked at; repeat this when that has ended ('dashspool status')";
    return rc;
}

/* In a transaction, as a sweep does it: copies' files first, and all of it again after a crash. */
static int erase_transfer(struct erase *e, const struct catalogue_transfer *t, struct going *g,
                          struct err *err)
{
    int ended = 0;
    int rc = catalogue_copy_each(e->catalogue, t->key, delete_copy, g, err);
    if (rc == ERR_OK)
        rc = copies_delete_rest(e->root, t, CONVERT_STAGE_PREFIX, err);
    if (rc == ERR_OK && e->what->protected_too)
        rc = catalogue_unprotect(e->catalogue, t->id, e->who, &ended, err);
    if (rc == ERR_OK)
        rc = catalogue_event_retell(e->catalogue, t->id, keep, NULL, err);
    if (rc < 0)
        return rc;
    char *what = custody_what_text(&(struct custody_what){.why = ERASE_WHY,
                                                          .reason = e->what->reason,
                                                          .sha256 = t->sha256,
                                                          .length_bytes = &t->length_bytes,
                                                          .state = catalogue_state_name(t->state),
                                                          .copies = &g->copies,
                                                          .erased = true});
    const struct custody_event event = {CATALOGUE_NOW, CUSTODY_DELETED, e->who, what};
    rc = what ? catalogue_retire(e->catalogue, t, &event, err)
              : err_nomem(err, "the custody of %s", t->id);
    free(what);
    return rc;
}

static int erase_custody(struct erase *e, const char *id, struct err *err)
{
    const struct custody_what what = {.why = ERASE_WHY, .reason = e->what->reason, .erased = true};
    int rc = catalogue_event_retell(e->catalogue, id, keep, NULL, err);
    return rc < 0 ? rc
                  : catalogue_event_note(e->catalogue, id, CATALOGUE_NOW, CUSTODY_DELETED, e->who,
                                         &what, err);
}

/* Where no time is known, nothing is known to be of it. */
static int add_span(struct erase *e, const char *imei, int64_t from_us, int64_t length_ms,
                    struct err *err)
{
    struct records_span span = {.from_ms = from_us / 1000 - AROUND_MS,
                                .until_ms = from_us / 1000 + length_ms + AROUND_MS};
    snprintf(span.imei, sizeof span.imei, "%.15s", imei);
    return e->what->n > 0 ? buf_append(&e->spans, &span, sizeof span, err) : ERR_OK;
}

static int span_of(struct erase *e, const char *id, const struct catalogue_transfer *t,
                   struct err *err)
{
    int64_t at_us;
    if (!t)
        return time_of(id, &at_us) ? add_span(e, id, at_us, CLIP_MS, err) : ERR_OK;
    return t->known & (CATALOGUE_TIME_OK | CATALOGUE_TIME_NAMED)
               ? add_span(e, t->imei, t->time_us, INT64_C(1000) * t->length_s, err)
               : ERR_OK;
}

static int erase_one(struct erase *e, const char *id, const char **why, struct going *g,
                     bool *only_custody, struct err *err)
{
    struct catalogue_transfer t;
    enum custody_kind last;
    int rc = catalogue_transfer_get(e->catalogue, id, &t, err);
    *why = NULL;
    *only_custody = rc == ERR_NOTFOUND;
    if (*only_custody) {
        struct err no_such = *err;
        bool erased;
        rc = catalogue_event_last(e->catalogue, id, &last, &erased, err);
        if (rc == ERR_OK && last != CUSTODY_DELETED)
            return (*err = no_such).code;
        if (erased)
            *why = "was erased already";
    } else if (rc == ERR_OK && (rc = may_go(e, &t, why, err)) == ERR_OK && !*why) {
        g->bytes = t.length_bytes;
    }
    if (rc == ERR_OK && !*why) /* before they are told anew */
        rc = catalogue_event_each(e->catalogue, id, tell_package, e, err);
    if (rc == ERR_OK && !*why)
        rc = span_of(e, id, *only_custody ? NULL : &t, err);
    if (rc < 0 || *why)
        return rc;
    if (e->what->dry_run)
        return *only_custody ? rc : catalogue_copy_each(e->catalogue, t.key, delete_copy, g, err);
    return *only_custody ? erase_custody(e, id, err) : erase_transfer(e, &t, g, err);
}

static int erase_each(struct erase *e, const char *id, struct err *err)
{
    struct going g = {.e = e};
    const char *why = NULL;
    bool only_custody = false;
    int rc = e->what->dry_run ? ERR_OK : catalogue_begin(e->catalogue, err);
    if (rc < 0)
        return rc;
    rc = erase_one(e, id, &why, &g, &only_custody, err);
    if (!e->what->dry_run && rc == ERR_OK && !why)
        rc = catalogue_commit(e->catalogue, err);
    else if (!e->what->dry_run)
        catalogue_rollback(e->catalogue);
    if (rc == ERR_OK && !why && !e->what->dry_run)
        rc = spools_drop_failed(&e->spools, id, err);
    if (rc < 0 && err_is_temporary(rc))
        return rc;
    if (rc < 0 || why) {
        trouble(e, id, why ? why : err->text);
        return ERR_OK;
    }
    e->out->masters += !only_custody;
    e->out->copies += g.copies;
    e->out->bytes += g.bytes;
    e->listener->swept(e->listener->arg,
                       &(struct retention_swept){only_custody ? "custody record" : "transfer", id,
                                                 NULL, e->what->reason, g.bytes});
    return ERR_OK;
}

/* ---- their bytes, and what is left of them ---- */

static int drop_one(void *arg, const char *day, int64_t key, struct err *err)
{
    struct erase *e = arg;
    struct catalogue_transfer t;
    bool there = true;
    int rc = catalogue_transfer_by_key(e->catalogue, key, &t, &there, err);
    if (rc < 0 || there)
        return rc == ERR_MALFORMED ? ERR_OK : rc; /* the next sweep tells */
    rc = raw_end(e->raw, raw_drop(e->raw, day, key, err), err);
    if (rc < 0)
        return rc;
    e->dropped++;
    return catalogue_due_done(e->catalogue, key, err);
}

/* `what` of it is left where `where` is: an erasure that is not whole yet. */
static void tell_left(struct erase *e, const char *where, const char *what, const struct err *err)
{
    char why[sizeof err->text + 100];
    snprintf(why, sizeof why, "%s of what was erased may be left until this is repeated: %s", what,
             err->text);
    trouble(e, where, why);
}

/* Who asked for what of this vehicle, and when. */
static int forget_requests(struct erase *e, struct err *err)
{
    const struct retention_erasing *w = e->what;
    char name[64];
    int64_t n = 0;
    if (!w->imei)
        return ERR_OK;
    int rc = requests_forget(e->catalogue, w->imei, w->since_us, w->until_us, w->dry_run, &n, err);
    snprintf(name, sizeof name, "of tracker %s: %lld", w->imei, (long long)n);
    if (rc == ERR_OK && !w->dry_run)
        rc = standing_forget(e->catalogue, w->imei, w->since_us, w->until_us, err);
    if (rc == ERR_OK && !w->dry_run && !w->since_us && !w->until_us) { /* what it was called, too */
        struct review_vehicle nameless = {.name = ""};
        snprintf(nameless.imei, sizeof nameless.imei, "%.15s", w->imei);
        rc = review_vehicle_put(e->catalogue, &nameless, err);
        rc = rc == ERR_MALFORMED ? ERR_OK : rc; /* none can be called anything */
    }
    if (rc == ERR_OK && n > 0)
        e->listener->swept(e->listener->arg,
                           &(struct retention_swept){"requests", name, NULL, w->reason, 0});
    return rc;
}

static int write_anew(void *arg, const char *name, bool is_day, struct err *err)
{
    struct erase *e = arg;
    int64_t freed;
    if (is_day && raw_trim(e->raw, name, RAW_TRIM_NOW, &freed, err) < 0)
        tell_left(e, name, "pieces", err);
    return ERR_OK;
}

/* A file that was imported stays with whoever has it, and known as long as it is there: else it
 * would come in once more. */
static int forget_file(void *arg, const struct catalogue_seen *seen, struct err *err)
{
    struct erase *e = arg;
    enum custody_kind last;
    bool erased = false;
    char path[sizeof seen->path], text[sizeof path + 100];
    int rc = catalogue_event_last(e->catalogue, seen->id, &last, &erased, err);
    if (rc < 0 || !erased)
        return rc == ERR_MALFORMED ? ERR_OK : rc;
    if (access(seen->path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return catalogue_seen_remove(e->catalogue, seen->path, err);
    text_shown(seen->path, path, sizeof path);
    snprintf(text, sizeof text, "was imported from %s, which is there still: delete it", path);
    if (e->listener->note)
        e->listener->note(e->listener->arg, seen->id, text);
    return ERR_OK;
}

static int scrub(struct erase *e, struct err *err)
{
    sweep_left(e->root);
    if (catalogue_due_each(e->catalogue, drop_one, e, err) < 0)
        tell_left(e, "raw", "the bytes", err);
    else if (e->dropped > e->out->masters && e->listener->note)
        e->listener->note(e->listener->arg, "raw",
                          "what an earlier deletion had left is overwritten now");
    int rc = raw_days(e->raw, write_anew, e, err);
    if (rc == ERR_OK)
        rc = catalogue_seen_each(e->catalogue, forget_file, e, err);
    if (rc == ERR_OK && catalogue_scrub(e->catalogue, err) < 0)
        tell_left(e, "catalogue.db", "rows", err);
    return rc;
}

/* ---- what the tracker said ---- */

static void records_trouble(void *arg, const char *name, const char *why)
{
    char file[300];
    snprintf(file, sizeof file, RECORDS_DIR "/%.200s", name);
    trouble(arg, file, why);
}

static int erase_records(struct erase *e, struct err *err)
{
    const struct retention_erasing *w = e->what;
    struct records *records = NULL;
    struct records_gone gone = {0};
    char name[80];
    struct records_span all = {.from_ms = w->since_us / 1000,
                               .until_ms = w->until_us ? (w->until_us - 1) / 1000 : INT64_MAX};
    int rc = records_open(&records, e->root, RECORDS_READ, err);
    snprintf(all.imei, sizeof all.imei, "%.15s", w->imei ? w->imei : "");
    if (rc == ERR_OK && w->n == 0)
        rc = buf_append(&e->spans, &all, sizeof all, err);
    if (rc == ERR_OK)
        rc = records_erase(records, (const void *)buf_data(&e->spans), e->spans.used / sizeof all,
                           w->dry_run, records_trouble, e, &gone, err);
    records_close(&records);
    e->out->records += gone.records;
    e->out->bytes += gone.bytes;
    snprintf(name, sizeof name, "%lld", (long long)gone.records);
    if (gone.records > 0)
        e->listener->swept(
            e->listener->arg,
            &(struct retention_swept){"records of trackers:", name, NULL, w->reason, gone.bytes});
    return rc;
}

int retention_erase(const char *root, const struct retention_erasing *what,
                    const struct retention_listener *listener, struct retention_result *out,
                    struct err *err)
{
    struct erase *e = calloc(1, sizeof *e);
    *out = (struct retention_result){0};
    if (!e)
        return err_nomem(err, "erasing");
    buf_init(&e->spans, SPANS_BYTES_MAX);
    e->root = root;
    e->what = what;
    e->listener = listener;
    e->out = out;
    snprintf(e->who, sizeof e->who, "%s", what->who);
    int rc = catalogue_open(&e->catalogue, root, false, err);
    if (rc == ERR_OK)
        rc = raw_open(&e->raw, root, err);
    if (rc == ERR_OK && !what->dry_run)
        rc = intake_stores_opened(e->catalogue, e->raw, root, INTAKE_DROPS, err);
    if (rc == ERR_OK)
        rc = spools_open(&e->spools, root, NULL, NULL, err);
    if (rc == ERR_OK)
        rc = choose(e, err);
    if (rc == ERR_OK)
        rc = forget_requests(e, err);
    for (size_t i = 0; rc == ERR_OK && i < e->ids.n; i++) {
        if (listener->go_on && !listener->go_on(listener->arg)) {
            trouble(e, e->ids.name[i], "not erased, nor what follows it: interrupted");
            break;
        }
        rc = erase_each(e, e->ids.name[i], err);
    }
    if (rc == ERR_OK)
        rc = erase_records(e, err);
    if (rc == ERR_OK && !what->dry_run)
        rc = scrub(e, err);
    buf_clear(&e->spans);
    fsx_names_clear(&e->ids);
    spools_close(&e->spools);
    raw_close(&e->raw);
    catalogue_close(&e->catalogue);
    free(e);
    return rc;
}
