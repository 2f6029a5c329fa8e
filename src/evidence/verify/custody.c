#include "verify_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What says that it is redacted has no originals and no copies that are as good. */
static void judge_redacted(struct verify *v)
{
    size_t n;
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++)
        if (strncmp(all[i].name, BAG_MASTER, strlen(BAG_MASTER)) == 0 ||
            strncmp(all[i].name, BAG_WORKING, strlen(BAG_WORKING)) == 0)
            verify_problem(v, VERIFY_CUSTODY,
                           "bag-info.txt says that the package is redacted, but it has %s",
                           all[i].name);
}

/* The first file whose name is not before `name`. */
static size_t lower_bound(const struct file *all, size_t n, const char *name)
{
    size_t from = 0;
    while (n > 0) {
        size_t half = n / 2;
        if (strcmp(all[from + half].name, name) < 0) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return from;
}

static bool has_master(const struct verify *v, const char *id, const char *sha256)
{
    char begins[CUSTODY_ID_ROOM + 16];
    size_t n;
    const struct file *all = verify_files(v, &n);
    snprintf(begins, sizeof begins, BAG_MASTER "%s.", id);
    for (size_t i = lower_bound(all, n, begins);
         i < n && strncmp(all[i].name, begins, strlen(begins)) == 0; i++)
        if (strcmp(all[i].sha256, sha256) == 0)
            return true;
    return false;
}

/* A master's hash in the manifest is that of its event "stored", and of "reindexed". */
static void judge_stored(struct verify *v, const struct custody_record *r)
{
    if (r->what.sha256 && !has_master(v, r->id, r->what.sha256))
        verify_problem(v, VERIFY_CUSTODY,
                       "%s: its original is missing or changed: no file in data/master/ has the "
                       "SHA-256 of receipt, %s",
                       r->id, r->what.sha256);
}

/* The last one of that name is the one that is there: of what broke off copies are made anew when
 * more of it has come. */
static void judge_converted(struct verify *v, const struct custody_record *r, bool redacted)
{
    char name[BAG_NAME_ROOM];
    if (!r->what.copy || !r->what.path || !r->what.sha256 || !r->what.from_sha256)
        return;
    const char *base = strrchr(r->what.path, '/') ? strrchr(r->what.path, '/') + 1 : r->what.path;
    struct file *f = bag_copy_name(name, r->what.copy, r->what.path) ? verify_find(v, name) : NULL;
    if (!f || strncmp(base, r->id, strlen(r->id)) != 0 || base[strlen(r->id)] != '.')
        return;
    f->noted = strcmp(f->sha256, r->what.sha256) == 0 ? NOTED_SAME : NOTED_OTHER;
    snprintf(f->made_from, sizeof f->made_from, "%s", redacted ? "" : r->what.from_sha256);
}

/* A copy that is in the package was made from its master. */
static void judge_source(struct verify *v, const struct file *f)
{
    char id[CUSTODY_ID_ROOM];
    const char *base = strrchr(f->name, '/') + 1; /* below data/ */
    snprintf(id, sizeof id, "%.*s", (int)strcspn(base, "."), base);
    if (!has_master(v, id, f->made_from))
        verify_problem(v, VERIFY_CUSTODY, "%s: its source, SHA-256 %s, is not in data/master/",
                       f->name, f->made_from);
}

static void judge_event(struct verify *v, const char *line, size_t n, bool redacted)
{
    struct custody_record r;
    custody_read(&r, line, n);
    if (r.id && !redacted && (r.kind == CUSTODY_STORED || r.kind == CUSTODY_REINDEXED))
        judge_stored(v, &r);
    if (r.id && r.kind == CUSTODY_CONVERTED)
        judge_converted(v, &r, redacted);
    custody_record_clear(&r);
}

static void judge_copies(struct verify *v)
{
    size_t n;
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++) {
        if (all[i].made_from[0])
            judge_source(v, &all[i]);
        if (all[i].noted == NOTED_OTHER)
            verify_problem(v, VERIFY_CUSTODY, "%s: changed since it was made: SHA-256 differs",
                           all[i].name);
    }
}

void verify_custody_judge(struct verify *v)
{
    const struct buf *b = &v->texts[T_CUSTODY];
    const char *at = (const char *)buf_data(b), *end = at + b->used;
    struct custody_chain chain = {.n = 0};
    struct err err;
    int64_t lines = 0, transfers = 0;
    char text[300], full[HASH_HEX_ROOM], redacted[200] = "";
    if (bag_info_redacted(buf_data(&v->texts[T_INFO]), v->texts[T_INFO].used, full)) {
        snprintf(redacted, sizeof redacted,
                 "; redacted: the originals are not in it; they are in the package with tag "
                 "manifest %s",
                 full);
        judge_redacted(v);
    }
    if (!v->have[T_CUSTODY]) {
        verify_tell(v, VERIFY_CUSTODY, VERIFY_NOT_PRESENT, "no data/custody.jsonl");
        return;
    }
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        if (!newline)
            verify_problem(v, VERIFY_CUSTODY, "data/custody.jsonl ends within a line");
        if (custody_next(&chain, at, n, &err) < 0) {
            verify_problem(v, VERIFY_CUSTODY, "data/custody.jsonl, line %" PRId64 ": %s", lines + 1,
                           err.text);
            break;
        }
        judge_event(v, at, n, redacted[0]);
        lines++;
        transfers += chain.n == 1;
        at += n + 1;
    }
    judge_copies(v);
    snprintf(text, sizeof text, "%" PRId64 " events of %" PRId64 " transfers, unbroken%s", lines,
             transfers, redacted);
    verify_result(v, VERIFY_CUSTODY, text);
}
