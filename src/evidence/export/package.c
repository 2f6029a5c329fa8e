#define _GNU_SOURCE /* memmem */
/* A package of masters, facts, copies and custody: what comes when. */
#include "dashspool/account.h"
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/custody.h"
#include "dashspool/fsx.h"
#include "dashspool/journey.h"
#include "dashspool/master.h"
#include "dashspool/text.h"
#include "dashspool/verify.h"
#include "dashspool/wire.h"
#include "package_internal.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUSTODY_BYTES_MAX ((size_t)256 << 20)
#define EXPORT_OWN_FILES  100 /* of the package itself, with its folders */

/* ---- master ---- */

struct first_bytes {
    uint8_t data[16];
    size_t n;
};

static int take_first(void *arg, const void *data, size_t n, struct err *err)
{
    struct first_bytes *f = arg;
    f->n = n < sizeof f->data ? n : sizeof f->data;
    memcpy(f->data, data, f->n);
    return err_set(err, ERR_AGAIN, "enough"); /* ends raw_copy() */
}

/* By content: a name is the camera's word. */
static const char *extension_of(const struct first_bytes *f)
{
    const char *content = wire_content(f->data, f->n);
    if (f->n >= 8 && memcmp(f->data + 4, "ftyp", 4) == 0)
        return "mp4";
    return strcmp(content, "photo") == 0 ? "jpg" : strcmp(content, "video") == 0 ? "h265" : "bin";
}

/* name: the master's in the package. */
static int put_master(struct package *p, const struct catalogue_transfer *t,
                      char name[BAG_NAME_ROOM], struct err *err)
{
    char sha256[HASH_HEX_ROOM];
    bool partial = t->state != CATALOGUE_STORED;
    int64_t length = 0;
    struct first_bytes first = {.n = 0};
    int rc = raw_stat(p->raw, t->day, t->key, &length, &(bool){false}, NULL, err);
    if (rc == ERR_OK)
        rc = raw_copy(p->raw, t->day, t->key, take_first, &first, err);
    if (rc < 0 && first.n == 0)
        return rc;
    snprintf(name, BAG_NAME_ROOM, BAG_MASTER "%s.%s%s", t->id, partial ? "partial." : "",
             extension_of(&first));
    rc = bag_begin(p->bag, name, length, err);
    if (rc == ERR_OK && (rc = raw_copy(p->raw, t->day, t->key, package_write, p, err)) == ERR_OK)
        rc = bag_end(p->bag, sha256, err);
    if (rc == ERR_OK && !partial && strcmp(sha256, t->sha256) != 0)
        rc = err_set(err, ERR_MALFORMED,
                     "original of %s in raw/%s.db: checksum mismatch: SHA-256 is %s, received as "
                     "%s; restore that file from a backup",
                     t->id, t->day, sha256, t->sha256);
    p->result->partial += partial;
    return rc == ERR_MALFORMED ? package_differs(p, t->id, err) : rc;
}

/* A file of facts. Takes the text. */
static int put_json(struct package *p, const char *name, char *text, struct err *err)
{
    int rc = p->hide ? hide_json(p->hide, &text, err) : ERR_OK;
    if (rc == ERR_OK)
        rc = bag_put(p->bag, name, text, strlen(text), err);
    free(text);
    return rc;
}

/* ---- copies ---- */

struct copying {
    struct package *p;
    const struct catalogue_transfer *t;
    int n;
};

static int put_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct copying *c = arg;
    if (!catalogue_copy_is_current(c->t, copy))
        return ERR_OK;
    c->n++;
    char *path = NULL;
    int rc = copies_file(&path, c->p->request->root, copy, err);
    if (rc == ERR_OK)
        rc = package_put_copy(c->p, copy, path, err);
    else if (rc == ERR_NOTFOUND || rc == ERR_MALFORMED) /* it goes without */
        rc = package_differs(c->p, c->p->id, err);
    free(path);
    return rc;
}

/* ---- custody ---- */

struct events {
    struct package *p;
    struct custody_chain chain;
    char last[CUSTODY_LINE_ROOM]; /* of a redacted package, as it has it */
    int64_t lines;
    bool broken;
};

static int put_event(void *arg, const char *line, struct err *err)
{
    struct events *e = arg;
    size_t n = strlen(line);
    int rc = custody_next(&e->chain, line, n, err);
    if (rc < 0 && !e->broken) { /* once is enough */
        e->broken = true;
        rc = package_differs(e->p, e->p->id, err);
    } else if (rc == ERR_MALFORMED) {
        rc = ERR_OK;
    }
    e->lines++;
    if (rc == ERR_OK && e->p->redaction) {
        rc = hide_custody(e->p->hide, redaction_full_sha256(e->p->redaction), line, e->last, err);
        if (rc == ERR_MALFORMED && e->broken) /* nobody knows what that would tell */
            return ERR_OK;
        line = e->last;
        n = strlen(line);
    }
    if (rc == ERR_OK)
        rc = buf_append(&e->p->custody, line, n, err);
    return rc < 0 ? rc : buf_append(&e->p->custody, "\n", 1, err);
}

/* All lines that there are, none behind a gap. */
static int put_custody(struct package *p, const char *id, struct err *err)
{
    struct events events = {.p = p};
    int64_t lines;
    int rc = catalogue_event_each(p->catalogue, id, put_event, &events, err);
    if (rc == ERR_OK)
        rc = catalogue_event_count(p->catalogue, id, &lines, err);
    if (rc < 0 || lines == events.lines)
        return rc;
    err_set(err, ERR_MALFORMED, "custody record of %s: lines are missing", id);
    return package_differs(p, id, err);
}

int package_add_partial(struct package *p, const char *id, struct err *err)
{
    char line[CATALOGUE_ID_ROOM + 2];
    int n = snprintf(line, sizeof line, "\n%s\n", id);
    return buf_append(&p->partials, line, (size_t)n, err);
}

static int put_transfer(struct package *p, const struct catalogue_transfer *t, struct err *err)
{
    char master[BAG_NAME_ROOM] = "";
    struct copying copies = {p, t, 0};
    struct catalogue_transfer shown = *t;
    int rc =
        p->redaction ? redaction_put(p, &shown, &copies.n, err) : put_master(p, t, master, err);
    if (rc == ERR_OK) {
        char name[BAG_NAME_ROOM], *text;
        rc = facts_transfer(p->catalogue, &shown, &text, err);
        if (rc == ERR_OK) {
            snprintf(name, sizeof name, "%s%s.json", p->redaction ? BAG_FACTS : BAG_MASTER,
                     shown.id);
            rc = put_json(p, name, text, err);
            if (rc == ERR_OK)
                rc = facts_arrival(p->catalogue, &shown, &text, err);
            if (rc == ERR_OK) {
                snprintf(name, sizeof name, BAG_TRANSFER "%s.json", shown.id);
                rc = put_json(p, name, text, err);
            }
        }
    }
    if (rc == ERR_OK && !p->redaction)
        rc = catalogue_copy_each(p->catalogue, t->key, put_copy, &copies, err);
    if (rc == ERR_OK)
        rc = telemetry_put(p, t, err);
    if (rc == ERR_OK)
        rc = put_custody(p, t->id, err);
    if (rc == ERR_OK && p->redaction)
        rc = redaction_report(p, &shown, err);
    else if (rc == ERR_OK)
        rc = report_facts_add(p->report, p->catalogue, p->request->root, t, master, NULL, err);
    p->result->without_copies += copies.n == 0;
    return rc;
}

/* A partial may go on while it is read: then it is not what `rc` says, but not the time for it. */
static int check_partial(struct package *p, const struct catalogue_transfer *t, int rc,
                         struct err *err)
{
    struct catalogue_transfer now;
    struct err why;
    if (t->state != CATALOGUE_PARTIAL)
        return rc;
    if (catalogue_transfer_get(p->catalogue, t->id, &now, &why) == ERR_OK &&
        (now.state != t->state || now.completed_us != t->completed_us))
        return err_set(err, ERR_BUSY, "%s is being resumed; export it when it is complete", t->id);
    return rc < 0 ? rc : package_add_partial(p, t->id, err);
}

/* ---- the package itself ---- */

static int put_report(struct package *p, enum report_facts_form form, const char *name,
                      struct err *err)
{
    FILE *report = NULL;
    const struct buf *hidden = p->redaction ? redaction_sentence(p->redaction) : NULL;
    const char *words = hidden ? (const char *)buf_data(hidden) : NULL;
    int rc = fsx_scratch(&report, p->beside, err);
    if (rc < 0)
        return rc;
    rc = report_facts_report(p->report, p->request, words, &p->differences, form, report, err);
    if (rc == ERR_OK)
        rc = bag_put_file(p->bag, name, report, err);
    fclose(report);
    return rc;
}

static int put_info(struct package *p, struct err *err)
{
    char at[CLOCK_TEXT_ROOM], day[11], text[320];
    const struct export_request *r = p->request;
    bool titled = r->title && r->title[0];
    clock_rfc3339(p->request->at_us, 0, at);
    snprintf(day, sizeof day, "%.10s", at);
    snprintf(text, sizeof text, "%s%s%lld %s", titled ? r->title : "", titled ? "; " : "",
             SIZE_COUNT(p->result->transfers, "transfer", "transfers"));
    int rc = bag_put_info(p->bag, BAG_SOURCE_ORGANIZATION, p->request->who, err);
    if (rc == ERR_OK)
        rc = bag_put_info(p->bag, BAG_EXTERNAL_DESCRIPTION, text, err);
    if (rc == ERR_OK && r->case_number && r->case_number[0])
        rc = bag_put_info(p->bag, BAG_EXTERNAL_IDENTIFIER, r->case_number, err);
    if (rc == ERR_OK && r->recipient && r->recipient[0])
        rc = bag_put_info(p->bag, BAG_RECIPIENT, r->recipient, err);
    if (rc == ERR_OK)
        rc = bag_put_info(p->bag, BAG_SOFTWARE_AGENT, "dashspool " DASHSPOOL_VERSION, err);
    if (rc == ERR_OK && (rc = bag_put_info(p->bag, BAG_BAGGING_DATE, day, err)) == ERR_OK)
        rc = bag_put_info(p->bag, BAG_EXPORTED_AT, at, err);
    const char *difference = (const char *)buf_data(&p->differences);
    for (int i = 0; rc == ERR_OK && i < p->result->differences; i++) {
        rc = bag_put_info(p->bag, BAG_AS_FOUND, difference, err);
        difference += strlen(difference) + 1;
    }
    if (rc == ERR_OK)
        rc = package_put_claims(p, err);
    if (rc == ERR_OK)
        rc = telemetry_claim(p, err);
    return rc < 0 || !p->redaction ? rc : redaction_info(p->redaction, p->bag, err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_copy_bytes(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct package *p = arg;
    (void)err;
    p->all_bytes += copy->length_bytes;
    p->all_files++;
    return ERR_OK;
}

/* What `verify` would refuse is not written. */
static int check_files(const struct package *p, struct err *err)
{
    return p->all_files <= BAG_ENTRIES_DEFAULT - EXPORT_OWN_FILES
               ? ERR_OK
               : err_set(err, ERR_LIMIT,
                         "package would have %lld files, the limit is %d: select fewer transfers",
                         (long long)p->all_files, BAG_ENTRIES_DEFAULT - EXPORT_OWN_FILES);
}

struct facts {
    struct package *p;
    const char *id;
    int n;
    char first[400];
};

static int add_difference(void *arg, bool note, const char *text, struct err *err)
{
    struct facts *f = arg;
    if (note)
        return ERR_OK;
    if (f->n++ == 0)
        snprintf(f->first, sizeof f->first, "%s", text);
    if (!f->p->request->as_found)
        return ERR_OK;
    err_set(err, ERR_MALFORMED, "%s", text);
    return package_differs(f->p, f->id, err);
}

/* A fact that was moved stops it, unless it is to go along. */
static int check_facts(struct package *p, const struct catalogue_transfer *t, struct err *err)
{
    struct facts f = {.p = p, .id = t->id};
    char more[40] = "";
    int rc = facts_check(p->catalogue, p->raw, t->key, add_difference, &f, err);
    if (rc == ERR_OK)
        rc = journey_check(p->catalogue, t, add_difference, &f, err);
    if (rc < 0 || f.n == 0 || p->request->as_found)
        return rc;
    if (f.n > 1)
        snprintf(more, sizeof more, " (and %d more)", f.n - 1);
    return err_set(err, ERR_MALFORMED,
                   "%s: %.300s%s; 'dashspool fsck' lists them, 'fsck --repair' restores them, "
                   "'export --as-found' packs it all the same",
                   t->id, f.first, more);
}

/* What there is to do, and whether it can be done, before anything is written. */
static int measure(struct package *p, const char *const *ids, size_t n, struct err *err)
{
    struct catalogue_transfer t;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        if (i > 0 && strcmp(ids[i], ids[i - 1]) == 0)
            continue;
        rc = catalogue_transfer_get(p->catalogue, ids[i], &t, err);
        if (rc == ERR_OK && t.state == CATALOGUE_RECEIVING)
            rc = err_set(err, ERR_BUSY, "%s is still being received; export it when it is complete",
                         ids[i]);
        if (rc == ERR_OK)
            rc = check_facts(p, &t, err);
        if (rc == ERR_OK)
            rc = catalogue_copy_each(p->catalogue, t.key, add_copy_bytes, p, err);
        p->all_bytes += rc == ERR_OK ? t.length_bytes : 0;
        p->all_files += 3; /* master, facts, arrival */
        int64_t records = 0, bytes;
        if (rc == ERR_OK)
            rc = catalogue_record_count(p->catalogue, t.key, &records, &bytes, err);
        p->all_files += records > 0 ? 2 + ACCOUNT_TRACKS_MAX : 0;
    }
    return rc < 0 ? rc : check_files(p, err);
}

static int put_all(struct package *p, struct err *err)
{
    size_t n = p->request->n;
    const char **ids = malloc((n ? n : 1) * sizeof *ids);
    if (!ids)
        return err_nomem(err, "a list");
    memcpy(ids, p->request->ids, n * sizeof *ids);
    qsort(ids, n, sizeof *ids, by_text);
    int rc = measure(p, ids, n, err);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        if (i == 0 || strcmp(ids[i], ids[i - 1]) != 0) {
            struct catalogue_transfer t;
            p->id = ids[i];
            rc = catalogue_transfer_get(p->catalogue, ids[i], &t, err);
            if (rc == ERR_OK && t.state == CATALOGUE_RECEIVING)
                rc = err_set(err, ERR_BUSY,
                             "%s is still being received; export it when it is complete", ids[i]);
            if (rc == ERR_OK) {
                p->result->transfers++;
                rc = check_partial(p, &t, put_transfer(p, &t, err), err);
            }
        }
    free(ids);
    return rc;
}

static int fill(struct package *p, struct err *err)
{
    char readme[README_ROOM];
    int rc = put_all(p, err);
    if (rc == ERR_OK)
        rc = bag_put(p->bag, BAG_CUSTODY, buf_data(&p->custody), p->custody.used, err);
    if (rc == ERR_OK && (rc = package_put_tool(p, err)) == ERR_OK &&
        (rc = put_report(p, REPORT_FACTS_HTML, BAG_REPORT_HTML, err)) == ERR_OK &&
        (rc = put_report(p, REPORT_FACTS_PDF, BAG_REPORT_PDF, err)) == ERR_OK)
        rc = put_info(p, err);
    p->result->files = bag_files(p->bag);
    p->result->bytes = bag_bytes(p->bag);
    if (rc == ERR_OK) {
        size_t n = readme_text(p->bag, p->result, p->key != NULL, p->redaction,
                               p->hide ? p->hide->what : 0, readme);
        rc = bag_put(p->bag, BAG_README, readme, n, err);
    }
    if (rc == ERR_OK) {
        size_t n;
        const char *page = verify_page(&n);
        rc = bag_put(p->bag, BAG_PAGE, page, n, err);
    }
    if (rc != ERR_OK)
        return rc;
    struct buf tags;
    buf_init(&tags, SEAL_DER_MAX_BYTES);
    rc = bag_close(p->bag, &tags, p->result->tag_sha256, err);
    if (rc == ERR_OK)
        rc = package_put_seals(p, &tags, err);
    buf_clear(&tags);
    return rc < 0 ? rc : bag_finish(p->bag, err);
}

/* What the custody of each says; of one that was not whole, that it was not. */
static char *words_of_export(const struct package *p, bool partial)
{
    struct custody_what what = {.package = p->name,
                                .tagmanifest_sha256 = p->result->tag_sha256,
                                .for_job = p->request->for_job,
                                .partial = partial};
    char masks[REDACTION_MASKS_ROOM];
    if (p->redaction)
        redaction_note(p->redaction, &what, masks);
    return custody_what_text(&what);
}

static bool was_partial(const struct package *p, const char *id)
{
    char line[CATALOGUE_ID_ROOM + 2];
    int n = snprintf(line, sizeof line, "\n%s\n", id);
    return memmem(buf_data(&p->partials), p->partials.used, line, (size_t)n) != NULL;
}

/* With the custody locked. What was deleted while the package was written is in none: *gone, and
 * ERR_BUSY, as another one can be written without it. */
static int check_still_there(struct package *p, bool *gone, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
        struct catalogue_transfer t;
        struct err no_package;
        rc = catalogue_transfer_get(p->catalogue, p->request->ids[i], &t, err);
        if (rc != ERR_NOTFOUND)
            continue;
        *gone = true;
        if ((rc = fsx_remove_tree(p->request->path, &no_package)) < 0)
            return err_set(err, rc, "%s was deleted, and is in this package: %s",
                           p->request->ids[i], no_package.text);
        rc = err_set(err, ERR_BUSY, "%s was deleted while the package was written: there is none",
                     p->request->ids[i]);
    }
    return rc;
}

/* Of a package that must not be noted nothing stays. */
static int ask_whether(struct package *p, bool *gone, struct err *err)
{
    struct err no_package;
    int rc = p->request->may_note(p->request->may_note_arg, p->catalogue, err);
    *gone = rc < 0;
    if (rc < 0 && fsx_remove_tree(p->request->path, &no_package) < 0)
        err_wrap(err, "%s is to be deleted (%s)", p->request->path, no_package.text);
    return rc;
}

/* It exists by now: a custody that cannot be written is an error that says so. */
int package_note_exported(struct package *p, struct err *err)
{
    char *whole = words_of_export(p, false), *part = words_of_export(p, true);
    struct custody_event e = {0, CUSTODY_EXPORTED, p->request->who, NULL};
    struct catalogue_protection protection = {.since_us = 0};
    snprintf(protection.who, sizeof protection.who, "%s", e.who);
    snprintf(protection.reason, sizeof protection.reason, "contained in package %.400s", p->name);
    bool words = whole && part, gone = false;
    int rc = words ? catalogue_begin(p->catalogue, err) : err_nomem(err, "JSON");
    if (rc == ERR_OK)
        rc = check_still_there(p, &gone, err);
    /* not the package's own date, which may be anything (--at), and is of before it was written */
    e.at_us = protection.since_us = clock_utc_us();
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
        e.what = was_partial(p, p->request->ids[i]) ? part : whole;
        rc = catalogue_event_add(p->catalogue, p->request->ids[i], &e, err);
        if (rc == ERR_OK && !p->request->no_protect)
            rc = catalogue_protect(p->catalogue, p->request->ids[i], &protection, err);
    }
    if (rc == ERR_OK && p->request->may_note)
        rc = ask_whether(p, &gone, err);
    if (rc == ERR_OK)
        rc = catalogue_commit(p->catalogue, err);
    else if (words)
        catalogue_rollback(p->catalogue);
    free(whole);
    free(part);
    if (rc == ERR_OK || gone)
        return rc;
    return err_wrap(err, "the package was written, but the custody record could not be updated");
}

int export_package(const struct export_request *request, export_progress_fn *progress, void *arg,
                   struct export_result *out, struct err *err)
{
    struct package p = {
        .request = request, .result = out, .progress = progress, .progress_arg = arg};
    *out = (struct export_result){0};
    buf_init(&p.custody, CUSTODY_BYTES_MAX);
    buf_init(&p.differences, CUSTODY_BYTES_MAX);
    buf_init(&p.partials, PACKAGE_PARTIALS_BYTES_MAX);
    if (request->n == 0 || request->n > EXPORT_TRANSFERS_MAX)
        return err_set(err, ERR_LIMIT, "%zu transfers selected; a package holds 1 to %d",
                       request->n, EXPORT_TRANSFERS_MAX);
    int rc = ERR_OK;
    if (request->sign_key)
        rc = seal_key_open(&p.key, request->sign_cert, request->sign_key, request->at_us, err);
    if (rc == ERR_OK && (rc = catalogue_open(&p.catalogue, request->root, false, err)) == ERR_OK &&
        (rc = raw_open(&p.raw, request->root, err)) == ERR_OK)
        rc = fsx_split(request->path, &p.beside, &p.name, err);
    if (rc == ERR_OK && request->redaction)
        rc = redaction_new(&p, err);
    if (rc == ERR_OK && (rc = bag_new(&p.bag, request->path, request->at_us, err)) == ERR_OK &&
        (rc = report_facts_new(&p.report, p.beside, request->as_found ? p.bag : NULL,
                               journey_families(request->cfg), err)) == ERR_OK &&
        (rc = fill(&p, err)) == ERR_OK)
        rc = package_note_exported(&p, err);
    bag_free(&p.bag);
    redaction_free(&p.redaction);
    seal_key_free(&p.key);
    report_facts_free(&p.report);
    raw_close(&p.raw);
    catalogue_close(&p.catalogue);
    buf_clear(&p.custody);
    buf_clear(&p.differences);
    buf_clear(&p.partials);
    free(p.beside);
    free(p.name);
    return rc;
}
