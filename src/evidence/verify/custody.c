#include "dashspool/text.h"
#include "verify_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS_BYTES_MAX ((size_t)64 << 20)

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

/* ---- what must be there together: no seal is needed to see it ---- */

struct chain {
    char id[CUSTODY_ID_ROOM];
    bool stored, reindexed;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct chain *)a)->id, ((const struct chain *)b)->id);
}

static const struct chain *chain_of(const struct buf *chains, const char *name)
{
    struct chain key;
    size_t n = chains->used / sizeof key;
    return n && verify_id_of(name, key.id) ? bsearch(&key, buf_data(chains), n, sizeof key, by_id)
                                           : NULL;
}

static int note_event(struct buf *chains, const struct custody_chain *at, struct err *err)
{
    if (at->n == 1) {
        struct chain new = {.stored = false};
        snprintf(new.id, sizeof new.id, "%s", at->id);
        int rc = buf_append(chains, &new, sizeof new, err);
        if (rc < 0)
            return rc;
    }
    struct chain *last = (void *)(chains->mem + chains->start + chains->used);
    last[-1].stored = last[-1].stored || at->kind == CUSTODY_STORED;
    last[-1].reindexed = last[-1].reindexed || at->kind == CUSTODY_REINDEXED;
    return ERR_OK;
}

/* Of each transfer of the custody: its files. */
static void judge_files_of(struct verify *v, const struct chain *c, bool redacted)
{
    char name[CUSTODY_ID_ROOM + 32], begins[CUSTODY_ID_ROOM + 16];
    size_t n;
    const struct file *all = verify_files(v, &n);
    const char *folders[] = {redacted ? BAG_FACTS : BAG_MASTER, BAG_TRANSFER};
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s%s.json", folders[i], c->id);
        if (!verify_find(v, name))
            verify_problem(v, VERIFY_CUSTODY, "%s: missing: %s", c->id, name);
    }
    snprintf(begins, sizeof begins, BAG_MASTER "%s.", c->id);
    int has = 0;
    for (size_t i = lower_bound(all, n, begins);
         i < n && strncmp(all[i].name, begins, strlen(begins)) == 0; i++)
        has += strcmp(all[i].name + strlen(begins), "json") != 0;
    /* what was stored is asked for by its hash */
    if (!redacted && has == 0 && !c->stored && !c->reindexed)
        verify_problem(v, VERIFY_CUSTODY, "%s: its original is missing", c->id);
    if (has > 1)
        verify_problem(v, VERIFY_CUSTODY, "%s: there are %d originals of it in data/master/", c->id,
                       has);
}

/* Of each original and copy: its events. */
static void judge_events_of(struct verify *v, const struct buf *chains, bool redacted)
{
    size_t n;
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++) {
        char id[CUSTODY_ID_ROOM];
        bool copy = verify_is_copy(all[i].name);
        bool master = strncmp(all[i].name, BAG_MASTER, strlen(BAG_MASTER)) == 0;
        const struct chain *c = copy || master ? chain_of(chains, all[i].name) : NULL;
        if ((copy || master) && !c)
            verify_problem(v, VERIFY_CUSTODY, "%s: the custody record knows no such transfer",
                           all[i].name);
        else if (master && !c->stored && !c->reindexed && verify_id_of(all[i].name, id) &&
                 strncmp(all[i].name + strlen(BAG_MASTER) + strlen(id), ".partial.", 9) != 0 &&
                 strcmp(all[i].name + strlen(BAG_MASTER) + strlen(id), ".json") != 0)
            verify_problem(v, VERIFY_CUSTODY,
                           "%s: the custody record does not say that it was "
                           "stored",
                           all[i].name);
        else if (copy && !redacted && all[i].noted == NOT_NOTED && !c->reindexed)
            verify_problem(v, VERIFY_CUSTODY,
                           "%s: the custody record does not say that it was made", all[i].name);
    }
}

static void judge_together(struct verify *v, struct buf *chains, bool redacted)
{
    size_t n = chains->used / sizeof(struct chain);
    struct chain *c = n ? (void *)(chains->mem + chains->start) : NULL;
    if (n)
        qsort(c, n, sizeof *c, by_id);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(c[i].id, c[i - 1].id) == 0)
            verify_problem(v, VERIFY_CUSTODY, "%s: its custody record is there twice", c[i].id);
        judge_files_of(v, &c[i], redacted);
    }
    if (n == 0)
        verify_problem(v, VERIFY_CUSTODY, "data/custody.jsonl is empty");
    judge_events_of(v, chains, redacted);
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

int verify_custody_judge(struct verify *v, struct err *err)
{
    const struct buf *b = &v->texts[T_CUSTODY];
    const char *at = (const char *)buf_data(b), *end = at + b->used;
    struct custody_chain chain = {.n = 0};
    struct buf chains;
    struct err why;
    bool unbroken = true;
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
        return ERR_OK;
    }
    buf_init(&chains, CHAINS_BYTES_MAX);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        if (!newline)
            verify_problem(v, VERIFY_CUSTODY, "data/custody.jsonl ends within a line");
        if (custody_next(&chain, at, n, &why) < 0) {
            verify_problem(v, VERIFY_CUSTODY, "data/custody.jsonl, line %" PRId64 ": %s", lines + 1,
                           why.text);
            unbroken = false;
            break;
        }
        int rc = note_event(&chains, &chain, err);
        if (rc < 0) {
            buf_clear(&chains);
            return rc;
        }
        judge_event(v, at, n, redacted[0]);
        lines++;
        transfers += chain.n == 1;
        at += n + 1;
    }
    judge_copies(v);
    if (unbroken)
        judge_together(v, &chains, redacted[0]);
    buf_clear(&chains);
    snprintf(text, sizeof text, "%lld %s of %lld %s, unbroken%s",
             SIZE_COUNT(lines, "event", "events"), SIZE_COUNT(transfers, "transfer", "transfers"),
             redacted);
    verify_result(v, VERIFY_CUSTODY, text);
    return ERR_OK;
}
