/* Reads a package once, judges what a bag has to be and what stands over it, and has the rest
 * judged: each file is what its manifest says, or is named. */
#include "dashspool/seal.h"
#include "dashspool/text.h"
#include "verify_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TWINS_MAX = 20000 }; /* claims that a renamed file is looked for in */
#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define LIST_BYTES_MAX ((size_t)64 << 20)

/* ---- reading ---- */

static int on_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct verify *v = arg;
    (void)size;
    v->text = -1;
    for (int i = 0; i < TEXTS; i++)
        if (strcmp(name, verify_text_names[i]) == 0)
            v->text = i;
    v->now = (struct file){.name = strdup(name)};
    return v->now.name ? ERR_OK : err_nomem(err, "a list of files");
}

static int on_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct verify *v = arg;
    hash_update(v->hash, data, n);
    v->now.bytes += (int64_t)n;
    if (v->text < 0)
        return ERR_OK;
    int rc = buf_append(&v->texts[v->text], data, n, err);
    return rc < 0 ? err_wrap(err, "%s", v->now.name) : rc;
}

static int on_end(void *arg, struct err *err)
{
    struct verify *v = arg;
    uint8_t digest[HASH_BYTES];
    int rc = hash_final(v->hash, digest, err);
    if (rc < 0)
        return rc;
    hash_hex(digest, v->now.sha256);
    if (v->text >= 0)
        v->have[v->text] = true;
    if ((rc = buf_append(&v->files, &v->now, sizeof v->now, err)) == ERR_OK)
        v->now.name = NULL;
    return rc;
}

/* ---- manifests ---- */

static int read_manifest(struct verify *v, enum text which, struct buf *claims, struct err *err)
{
    struct buf *b = &v->texts[which];
    char *at = b->mem ? (char *)(b->mem + b->start) : NULL, *end = at ? at + b->used : NULL;
    struct bag_claim line;
    int found, rc = ERR_OK;
    if (at && memchr(at, '\0', b->used))
        verify_problem(v, VERIFY_STRUCTURE, "%s contains a NUL byte", verify_text_names[which]);
    for (int n = 1; rc == ERR_OK && at; n++) {
        if ((found = bag_manifest_next(&at, end, which == T_MANIFEST, &line)) == 0)
            break;
        struct claim c = {line, NULL};
        if (found < 0) {
            verify_problem(v, VERIFY_STRUCTURE, "%s, line %d: not a manifest line",
                           verify_text_names[which], n);
            continue;
        }
        c.file = verify_find(v, line.name);
        rc = buf_append(claims, &c, sizeof c, err);
    }
    return rc;
}

static void judge_claims(struct verify *v, const struct buf *claims, enum verify_check check)
{
    const struct claim *c = (const void *)buf_data(claims);
    for (size_t i = 0; i < claims->used / sizeof *c; i++) {
        if (!c[i].file) {
            verify_problem(v, VERIFY_COMPLETENESS, "missing: %s", c[i].line.name);
            continue;
        }
        if (c[i].file->claimed)
            verify_problem(v, VERIFY_STRUCTURE, "listed twice: %s", c[i].line.name);
        c[i].file->claimed = true;
        c[i].file->sound = memcmp(c[i].line.sha256, c[i].file->sha256, 2 * HASH_BYTES) == 0;
        if (!c[i].file->sound)
            verify_problem(v, check, "changed: %s", c[i].line.name);
    }
}

/* The name that a manifest has for this content, where that file is missing. */
static const char *missing_twin(const struct buf *claims, const struct file *f)
{
    const struct claim *c = (const void *)buf_data(claims);
    size_t n = claims->used / sizeof *c;
    for (size_t i = 0; i < n && n <= TWINS_MAX; i++)
        if (!c[i].file && memcmp(c[i].line.sha256, f->sha256, 2 * HASH_BYTES) == 0)
            return c[i].line.name;
    return NULL;
}

/* Of another version, or a forger's: what it says of this package is not our word. */
static int judge_page(struct verify *v, struct err *err)
{
    const struct file *page = verify_find(v, BAG_PAGE);
    char sha256[HASH_HEX_ROOM];
    size_t n;
    const char *ours = verify_page(&n);
    int rc = page ? hash_text(ours, n, sha256, err) : ERR_OK;
    if (page && rc == ERR_OK && strcmp(page->sha256, sha256) != 0)
        verify_note(v, VERIFY_TAGS,
                    BAG_PAGE " in this package is not this version's; 'dashspool verify --page' "
                             "prints that");
    return rc;
}

/* The tag manifest cannot name itself, nor what was made of it. */
static bool needs_no_claim(const char *name)
{
    return strcmp(name, verify_text_names[T_TAGS]) == 0 ||
           strcmp(name, verify_text_names[T_SIGNATURE]) == 0 ||
           strcmp(name, verify_text_names[T_REQUEST]) == 0 ||
           strcmp(name, verify_text_names[T_STAMP]) == 0 || strcmp(name, BAG_CERTIFICATE) == 0;
}

static void judge_extras(struct verify *v)
{
    size_t n;
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++) {
        if (all[i].claimed || needs_no_claim(all[i].name))
            continue;
        const char *twin =
            missing_twin(bag_is_payload(all[i].name) ? &v->payload : &v->tags, &all[i]);
        if (twin)
            verify_problem(v, VERIFY_COMPLETENESS, "renamed: %s, to %s", twin, all[i].name);
        else
            verify_problem(v, VERIFY_COMPLETENESS, "extra: %s", all[i].name);
    }
}

/* ---- structure ---- */

static bool text_is(const struct verify *v, enum text which, const char *text)
{
    return v->have[which] && v->texts[which].used == strlen(text) &&
           memcmp(buf_data(&v->texts[which]), text, strlen(text)) == 0;
}

static void judge_oxum(struct verify *v)
{
    int64_t bytes = 0, count = 0;
    size_t n;
    char oxum[48];
    struct bag_value is = {NULL, 0};
    const struct buf *info = &v->texts[T_INFO];
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++) {
        bytes += bag_is_payload(all[i].name) ? all[i].bytes : 0;
        count += bag_is_payload(all[i].name);
    }
    bag_oxum(oxum, bytes, count);
    while (bag_info_next(buf_data(info), info->used, BAG_PAYLOAD_OXUM, &is))
        if (is.n == strlen(oxum) && memcmp(is.at, oxum, is.n) == 0)
            return;
    verify_problem(v, VERIFY_COMPLETENESS,
                   "bag-info.txt does not say that there are %" PRId64 " files of %" PRId64
                   " bytes in data/ (Payload-Oxum)",
                   count, bytes);
}

int verify_manifests_read(struct verify *v, struct err *err)
{
    int rc = read_manifest(v, T_MANIFEST, &v->payload, err);
    return rc < 0 ? rc : read_manifest(v, T_TAGS, &v->tags, err);
}

void verify_manifests_judge(struct verify *v)
{
    char text[100];
    size_t n, in_data = 0;
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++)
        in_data += bag_is_payload(all[i].name);
    for (int i = 0; i < T_CUSTODY; i++)
        if (!v->have[i])
            verify_problem(v, VERIFY_STRUCTURE, "missing: %s", verify_text_names[i]);
    if (v->have[T_BAGIT] && !text_is(v, T_BAGIT, BAG_DECLARATION_TEXT))
        verify_problem(v, VERIFY_STRUCTURE, "bagit.txt does not declare BagIt 1.0 and UTF-8");
    judge_claims(v, &v->payload, VERIFY_PAYLOAD);
    judge_claims(v, &v->tags, VERIFY_TAGS);
    judge_extras(v);
    judge_oxum(v);
    verify_result(v, VERIFY_STRUCTURE, "a BagIt bag with SHA-256 manifests");
    snprintf(text, sizeof text, "%lld %s in data/, %zu beside it",
             SIZE_COUNT(in_data, "file", "files"), n - in_data);
    verify_result(v, VERIFY_COMPLETENESS, text);
    snprintf(text, sizeof text, "%lld %s the manifest",
             SIZE_COUNT(v->payload.used / sizeof(struct claim), "file matches", "files match"));
    verify_result(v, VERIFY_PAYLOAD, text);
    snprintf(text, sizeof text, "%lld %s the tag manifest",
             SIZE_COUNT(v->tags.used / sizeof(struct claim), "file matches", "files match"));
    verify_result(v, VERIFY_TAGS, text);
}

/* ---- signature and time stamp ---- */

/* Of the tag manifest as it came: so before its lines are cut, and told later. */
struct seals {
    char signature[400], stamp[600];
};

/* "by CN=…; certificate SHA-256 …": whose it is is said, whether that is so the reader must know.
 */
static void describe(const struct seal_signer *signer, const char *remark, char *out, size_t room)
{
    snprintf(out, room, "by %.180s%s; certificate%s SHA-256 %s", signer->subject, remark,
             signer->self_signed ? " (self-signed)" : "", signer->fingerprint);
}

static int judge_stamp(struct verify *v, int64_t *at_us, char *text, size_t room, struct err *err)
{
    struct seal_stamp stamp = {.at_us = 0};
    const struct seal_trust trust = {v->request->ca_path, 0};
    const struct buf *token = &v->texts[T_STAMP], *tags = &v->texts[T_TAGS],
                     *query = &v->texts[T_REQUEST];
    char at[CLOCK_TEXT_ROOM], whose[500], accuracy[40] = "";
    if (!v->have[T_STAMP])
        return ERR_OK;
    int rc = seal_ts_check(&stamp, buf_data(token), token->used, buf_data(tags), tags->used,
                           v->have[T_REQUEST] ? buf_data(query) : NULL, query->used, &trust, err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0) {
        verify_problem(v, VERIFY_STAMP, BAG_TS_TOKEN ": %s", err->text);
        return ERR_OK;
    }
    if (trust.ca_path && !stamp.trusted)
        verify_problem(v, VERIFY_STAMP, BAG_TS_TOKEN ": %s", stamp.why);
    *at_us = stamp.at_us;
    clock_rfc3339(stamp.at_us, 3, at);
    if (stamp.accuracy_us > 0)
        snprintf(accuracy, sizeof accuracy, " ±%.6g s", (double)stamp.accuracy_us / 1e6);
    describe(&stamp.authority, "", whose, sizeof whose);
    snprintf(text, room, "%s%s, %s", at, accuracy, whose);
    return ERR_OK;
}

static int judge_seals(struct verify *v, struct seals *out, struct err *err)
{
    int64_t at_us = clock_utc_us();
    int rc = judge_stamp(v, &at_us, out->stamp, sizeof out->stamp, err);
    if (rc != ERR_OK)
        return rc;
    /* at_us: when the certificate must have been valid. */
    struct seal_finding found = {.intact = false};
    const struct seal_trust trust = {v->request->ca_path, at_us};
    const struct buf *p7s = &v->texts[T_SIGNATURE], *tags = &v->texts[T_TAGS];
    if (!v->have[T_SIGNATURE] && trust.ca_path)
        verify_problem(v, VERIFY_SIGNATURE, "the package is not signed");
    if (!v->have[T_SIGNATURE])
        return ERR_OK;
    rc = seal_check(&found, buf_data(p7s), p7s->used, buf_data(tags), tags->used, &trust, err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0)
        verify_problem(v, VERIFY_SIGNATURE, BAG_SIGNATURE ": %s", err->text);
    else if (!found.intact || (trust.ca_path && !found.trusted))
        verify_problem(v, VERIFY_SIGNATURE, BAG_SIGNATURE ": %s", found.why);
    describe(&found.signer, found.bound || found.trusted ? "" : " (name not verified, use --ca)",
             out->signature, sizeof out->signature);
    return ERR_OK;
}

/* ---- all of it ---- */

static int judge(struct verify *v, struct err *err)
{
    struct seals seals = {"", ""};
    verify_sort(v);
    int rc = judge_seals(v, &seals, err);
    if (rc == ERR_OK)
        rc = verify_manifests_read(v, err);
    if (rc == ERR_OK)
        rc = judge_page(v, err);
    if (rc < 0)
        return rc;
    verify_manifests_judge(v);
    char full[HASH_HEX_ROOM];
    if (v->have[T_SIGNATURE] || v->problems[VERIFY_SIGNATURE] > 0)
        verify_result(v, VERIFY_SIGNATURE, seals.signature);
    else
        verify_tell(v, VERIFY_SIGNATURE, VERIFY_NOT_PRESENT,
                    bag_info_redacted(buf_data(&v->texts[T_INFO]), v->texts[T_INFO].used, full)
                        ? "the package is not signed: it could be a full package that someone "
                          "stripped and labelled redacted"
                        : "the package is not signed");
    if (v->have[T_STAMP])
        verify_result(v, VERIFY_STAMP, seals.stamp);
    else
        verify_tell(v, VERIFY_STAMP, VERIFY_NOT_PRESENT, "the package has no time stamp");
    rc = verify_facts(v, err);
    verify_custody_judge(v);
    return rc < 0 ? rc : verify_copies(v, err);
}

static void clear(struct verify *v)
{
    size_t n;
    struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++)
        free(all[i].name);
    free(v->now.name);
    hash_free(&v->hash);
    buf_clear(&v->files);
    buf_clear(&v->payload);
    buf_clear(&v->tags);
    for (int i = 0; i < TEXTS; i++)
        buf_clear(&v->texts[i]);
}

static int look(struct verify *v, struct err *err)
{
    static const struct bag_reader reader = {NULL, on_begin, on_data, on_end, NULL};
    struct seal_signer ca;
    v->text = -1;
    buf_init(&v->files, LIST_BYTES_MAX);
    buf_init(&v->payload, LIST_BYTES_MAX);
    buf_init(&v->tags, LIST_BYTES_MAX);
    for (int i = 0; i < TEXTS; i++)
        buf_init(&v->texts[i], TEXT_BYTES_MAX);
    int rc = hash_new(&v->hash, err);
    if (rc == ERR_OK && v->request->ca_path)
        rc = seal_cert_describe(&ca, v->request->ca_path, err);
    if (rc == ERR_OK)
        rc = bag_read(v->request->path, NULL, &reader, v, err);
    return rc < 0 ? rc : judge(v, err);
}

static bool is_good(const struct verify *v)
{
    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (v->problems[i] > 0)
            return false;
    return true;
}

int verify_package(const struct verify_request *request, const struct verify_listener *listener,
                   bool *good, struct err *err)
{
    struct verify v = {.request = request, .to = listener};
    int rc = look(&v, err);
    *good = rc == ERR_OK && is_good(&v);
    clear(&v);
    return rc;
}

/* ---- what is in it ---- */

/* data/master/<id>.json tells of an original; the others there are originals. */
static int list_masters(const struct verify *v, struct verify_contents *out, struct err *err)
{
    size_t n;
    const struct file *all = verify_files(v, &n);
    out->master = calloc(n + 1, sizeof *out->master);
    if (!out->master)
        return err_nomem(err, "%zu originals", n);
    for (size_t i = 0; i < n; i++) {
        const char *name = all[i].name;
        size_t end = strlen(name);
        struct verify_master *m = &out->master[out->n_masters];
        if (strncmp(name, BAG_MASTER, strlen(BAG_MASTER)) != 0 ||
            (end > 5 && strcmp(name + end - 5, ".json") == 0))
            continue;
        if (!verify_id_of(name, m->id))
            m->id[0] = '\0';
        m->partial = strncmp(name + strlen(BAG_MASTER) + strlen(m->id), ".partial.", 9) == 0;
        memcpy(m->sha256, all[i].sha256, sizeof m->sha256);
        out->n_masters++;
    }
    return ERR_OK;
}

int verify_contents(struct verify_contents *out, const char *path, struct err *err)
{
    static const struct verify_listener nobody = {NULL};
    const struct verify_request request = {.path = path};
    struct verify v = {.request = &request, .to = &nobody};
    struct bag_value at = {NULL, 0};
    *out = (struct verify_contents){.master = NULL};
    int rc = look(&v, err);
    if (rc == ERR_OK && !is_good(&v))
        rc = err_set(err, ERR_MALFORMED,
                     "package %s was changed; run 'dashspool verify' for details", path);
    if (rc == ERR_OK) {
        const struct buf *info = &v.texts[T_INFO];
        memcpy(out->tag_sha256, verify_find(&v, BAG_TAG_MANIFEST)->sha256, HASH_HEX_ROOM);
        if (!bag_info_redacted(buf_data(info), info->used, out->redacted_from))
            out->redacted_from[0] = '\0';
        if (bag_info_next(buf_data(info), info->used, BAG_EXPORTED_AT, &at))
            snprintf(out->exported_at, sizeof out->exported_at, "%.*s",
                     (int)(at.n < 200 ? at.n : 200), at.at);
        rc = list_masters(&v, out, err);
    }
    clear(&v);
    return rc;
}

void verify_contents_clear(struct verify_contents *contents)
{
    free(contents->master);
    *contents = (struct verify_contents){.master = NULL};
}
