#include "dashspool/archive.h"
#include "dashspool/buf.h"
#include "dashspool/custody.h"
#include "dashspool/export_verify.h"
#include "dashspool/hash.h"
#include "dashspool/seal.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROBLEMS_MAX = 50, /* told one by one, of each check */
    TWINS_MAX = 20000, /* claims that a renamed file is looked for in */
};
#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define LIST_BYTES_MAX ((size_t)64 << 20)

/* The text files that are judged by what they say. */
enum text { T_BAGIT, T_INFO, T_MANIFEST, T_TAGS, T_CUSTODY, T_SIGNATURE, TEXTS };
static const char *const text_names[TEXTS] = {"bagit.txt",           "bag-info.txt",
                                              "manifest-sha256.txt", "tagmanifest-sha256.txt",
                                              "data/custody.jsonl",  "signature/manifest.p7s"};

struct file {
    char *name;
    char sha256[HASH_HEX_ROOM];
    int64_t bytes;
    bool claimed; /* a manifest names it */
};

struct claim { /* a line of a manifest */
    const char *name;
    const char *sha256; /* 64 characters, no NUL */
    struct file *file;  /* NULL: it is not there */
};

struct verify {
    const struct verify_listener *to;
    struct buf files; /* struct file, by name once all are read */
    struct hash *hash;
    struct file now;
    int text; /* being read; -1: another file */
    struct buf texts[TEXTS];
    bool have[TEXTS];
    struct buf payload, tags; /* struct claim */
    int problems[VERIFY_CHECKS];
};

const char *verify_check_name(enum verify_check check)
{
    static const char *const names[VERIFY_CHECKS] = {"structure",  "completeness", "payload hashes",
                                                     "tag hashes", "signature",    "custody"};
    return names[check];
}

static void problem(struct verify *v, enum verify_check check, const char *fmt, ...)
    DS_PRINTF(3, 4);
static void problem(struct verify *v, enum verify_check check, const char *fmt, ...)
{
    char text[1400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (v->problems[check]++ < PROBLEMS_MAX && v->to->problem)
        v->to->problem(v->to->arg, check, text);
}

static void tell(struct verify *v, enum verify_check check, const char *good)
{
    char text[400];
    int n = v->problems[check];
    if (n > 0)
        snprintf(text, sizeof text, "%d %s%s", n, n == 1 ? "fault" : "faults",
                 n > PROBLEMS_MAX ? ", not all of them named" : "");
    v->to->told(v->to->arg, check, n ? VERIFY_FAILED : VERIFY_OK, n ? text : good);
}

/* ---- reading ---- */

static int on_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct verify *v = arg;
    (void)size;
    v->text = -1;
    for (int i = 0; i < TEXTS; i++)
        if (strcmp(name, text_names[i]) == 0)
            v->text = i;
    v->now = (struct file){.name = strdup(name)};
    return v->now.name ? ERR_OK : err_set(err, ERR_NOMEM, "no memory for a list of files");
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

static struct file *files(const struct verify *v, size_t *n)
{
    *n = v->files.used / sizeof(struct file);
    return (void *)(v->files.mem + v->files.start);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static struct file *find(const struct verify *v, const char *name)
{
    size_t n;
    struct file key = {.name = (char *)(uintptr_t)name}, *all = files(v, &n);
    return n ? bsearch(&key, all, n, sizeof key, by_name) : NULL;
}

/* ---- manifests ---- */

static bool is_payload(const char *name)
{
    return strncmp(name, "data/", 5) == 0;
}

/* "<64 hex digits>  <name>", as export writes it and sha256sum reads it. */
static bool parse_claim(char *line, struct claim *out)
{
    size_t hex = strspn(line, "0123456789abcdef");
    if (hex != 2 * HASH_BYTES || line[hex] != ' ' || line[hex + 1] != ' ' || !line[hex + 2])
        return false;
    out->sha256 = line;
    out->name = line + hex + 2;
    return true;
}

static int read_manifest(struct verify *v, enum text which, struct buf *claims, struct err *err)
{
    struct buf *b = &v->texts[which];
    int rc = buf_append(b, "", 1, err); /* lines are cut in place */
    char *at = (char *)(b->mem + b->start), *end = rc < 0 ? at : at + b->used - 1;
    if (rc == ERR_OK && memchr(at, '\0', (size_t)(end - at)))
        problem(v, VERIFY_STRUCTURE, "%s has a byte 0 in it", text_names[which]);
    for (int n = 1; rc == ERR_OK && at < end; n++) {
        struct claim c = {0};
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline)
            *newline = '\0';
        if (!newline || !parse_claim(at, &c) || is_payload(c.name) != (which == T_MANIFEST)) {
            problem(v, VERIFY_STRUCTURE, "%s, line %d is none of a manifest", text_names[which], n);
        } else {
            c.file = find(v, c.name);
            rc = buf_append(claims, &c, sizeof c, err);
        }
        if (!newline)
            break;
        at = newline + 1;
    }
    return rc;
}

static void judge_claims(struct verify *v, const struct buf *claims, enum verify_check check)
{
    const struct claim *c = (const void *)(claims->mem + claims->start);
    for (size_t i = 0; i < claims->used / sizeof *c; i++) {
        if (!c[i].file) {
            problem(v, VERIFY_COMPLETENESS, "missing: %s", c[i].name);
            continue;
        }
        if (c[i].file->claimed)
            problem(v, VERIFY_STRUCTURE, "named twice: %s", c[i].name);
        c[i].file->claimed = true;
        if (memcmp(c[i].sha256, c[i].file->sha256, 2 * HASH_BYTES) != 0)
            problem(v, check, "changed: %s", c[i].name);
    }
}

/* The name that a manifest has for this content, where that file is missing. */
static const char *missing_twin(const struct buf *claims, const struct file *f)
{
    const struct claim *c = (const void *)(claims->mem + claims->start);
    size_t n = claims->used / sizeof *c;
    for (size_t i = 0; i < n && n <= TWINS_MAX; i++)
        if (!c[i].file && memcmp(c[i].sha256, f->sha256, 2 * HASH_BYTES) == 0)
            return c[i].name;
    return NULL;
}

/* The tag manifest cannot name itself, nor what was made of it. */
static bool needs_no_claim(const char *name)
{
    return strcmp(name, text_names[T_TAGS]) == 0 || strcmp(name, text_names[T_SIGNATURE]) == 0 ||
           strcmp(name, "signature/certificate.pem") == 0;
}

static void judge_extras(struct verify *v)
{
    size_t n;
    const struct file *all = files(v, &n);
    for (size_t i = 0; i < n; i++) {
        if (all[i].claimed || needs_no_claim(all[i].name))
            continue;
        const char *twin = missing_twin(is_payload(all[i].name) ? &v->payload : &v->tags, &all[i]);
        if (twin)
            problem(v, VERIFY_COMPLETENESS, "renamed: %s, to %s", twin, all[i].name);
        else
            problem(v, VERIFY_COMPLETENESS, "extra: %s", all[i].name);
    }
}

/* ---- structure ---- */

static bool text_is(const struct verify *v, enum text which, const char *text)
{
    return v->have[which] && v->texts[which].used == strlen(text) &&
           memcmp(buf_data(&v->texts[which]), text, strlen(text)) == 0;
}

/* "Payload-Oxum: <bytes>.<files>" (RFC 8493, 2.2.2). */
static void judge_oxum(struct verify *v)
{
    int64_t bytes = 0, count = 0;
    size_t n;
    char line[80];
    const struct file *all = files(v, &n);
    for (size_t i = 0; i < n; i++) {
        bytes += is_payload(all[i].name) ? all[i].bytes : 0;
        count += is_payload(all[i].name);
    }
    snprintf(line, sizeof line, "Payload-Oxum: %" PRId64 ".%" PRId64 "\n", bytes, count);
    const struct buf *b = &v->texts[T_INFO];
    const char *p = (const char *)buf_data(b);
    for (size_t at = 0; at + strlen(line) <= b->used; at++)
        if ((at == 0 || p[at - 1] == '\n') && memcmp(p + at, line, strlen(line)) == 0)
            return;
    problem(v, VERIFY_COMPLETENESS,
            "bag-info.txt does not say that there are %" PRId64 " files of %" PRId64
            " bytes in data/ (Payload-Oxum)",
            count, bytes);
}

static void judge_structure(struct verify *v)
{
    for (int i = 0; i < T_CUSTODY; i++)
        if (!v->have[i])
            problem(v, VERIFY_STRUCTURE, "missing: %s", text_names[i]);
    if (v->have[T_BAGIT] &&
        !text_is(v, T_BAGIT, "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"))
        problem(v, VERIFY_STRUCTURE, "bagit.txt does not declare a bag of version 1.0 in UTF-8");
}

/* ---- signature ---- */

/* Of the tag manifest as it came. */
static int judge_signature(struct verify *v, char *text, size_t room, struct err *err)
{
    struct seal_finding found = {.intact = false};
    const struct buf *p7s = &v->texts[T_SIGNATURE], *tags = &v->texts[T_TAGS];
    if (!v->have[T_SIGNATURE])
        return ERR_OK;
    int rc = seal_check(&found, buf_data(p7s), p7s->used, buf_data(tags), tags->used, NULL, err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0)
        problem(v, VERIFY_SIGNATURE, "signature/manifest.p7s: %s", err->text);
    else if (!found.intact)
        problem(v, VERIFY_SIGNATURE, "signature/manifest.p7s: %s", found.why);
    snprintf(text, room, "by %.180s%s; certificate%s SHA-256 %s", found.signer.subject,
             found.bound || found.trusted ? "" : " (a name that nothing proves)",
             found.signer.self_signed ? " (self-signed)" : "", found.signer.fingerprint);
    return ERR_OK;
}

static void tell_signature(struct verify *v, const char *text)
{
    if (v->have[T_SIGNATURE])
        tell(v, VERIFY_SIGNATURE, text);
    else
        v->to->told(v->to->arg, VERIFY_SIGNATURE, VERIFY_NOT_PRESENT, "the package is not signed");
}

/* ---- custody ---- */

/* A master's hash in the manifest is that of its event "stored". */
static void judge_master(struct verify *v, const char *line, size_t n)
{
    const char *id = NULL, *event = NULL, *sha256 = NULL;
    size_t n_files;
    json_t *json = json_loadb(line, n, 0, NULL);
    const struct file *all = files(v, &n_files);
    if (json_unpack(json, "{s:s, s:s, s:{s:s}}", "id", &id, "event", &event, "what", "sha256",
                    &sha256) == 0 &&
        strcmp(event, "stored") == 0) {
        char begins[CUSTODY_ID_ROOM + 16];
        bool there = false;
        snprintf(begins, sizeof begins, "data/master/%s.", id);
        for (size_t i = 0; i < n_files; i++)
            there = there || (strncmp(all[i].name, begins, strlen(begins)) == 0 &&
                              strcmp(all[i].sha256, sha256) == 0);
        if (!there)
            problem(v, VERIFY_CUSTODY, "%s: no file in data/master/ has the SHA-256 of receipt, %s",
                    id, sha256);
    }
    json_decref(json);
}

static void judge_custody(struct verify *v)
{
    const struct buf *b = &v->texts[T_CUSTODY];
    const char *at = (const char *)buf_data(b), *end = at + b->used;
    struct custody_chain chain = {.n = 0};
    struct err err;
    int64_t lines = 0, transfers = 0;
    char text[100];
    if (!v->have[T_CUSTODY]) {
        v->to->told(v->to->arg, VERIFY_CUSTODY, VERIFY_NOT_PRESENT, "no data/custody.jsonl");
        return;
    }
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        if (!newline)
            problem(v, VERIFY_CUSTODY, "data/custody.jsonl ends within a line");
        if (custody_next(&chain, at, n, &err) < 0) {
            problem(v, VERIFY_CUSTODY, "data/custody.jsonl, line %" PRId64 ": %s", lines + 1,
                    err.text);
            break;
        }
        judge_master(v, at, n);
        lines++;
        transfers += chain.n == 1;
        at += n + 1;
    }
    snprintf(text, sizeof text, "%" PRId64 " events of %" PRId64 " transfers, unbroken", lines,
             transfers);
    tell(v, VERIFY_CUSTODY, text);
}

/* ---- all of it ---- */

static int judge(struct verify *v, struct err *err)
{
    size_t n;
    char text[100], signer[400] = "";
    struct file *all = files(v, &n);
    if (n)
        qsort(all, n, sizeof *all, by_name);
    judge_structure(v);
    int rc = judge_signature(v, signer, sizeof signer, err); /* before lines are cut in place */
    if (rc == ERR_OK)
        rc = read_manifest(v, T_MANIFEST, &v->payload, err);
    if (rc == ERR_OK)
        rc = read_manifest(v, T_TAGS, &v->tags, err);
    if (rc < 0)
        return rc;
    judge_claims(v, &v->payload, VERIFY_PAYLOAD);
    judge_claims(v, &v->tags, VERIFY_TAGS);
    judge_extras(v);
    judge_oxum(v);
    tell(v, VERIFY_STRUCTURE, "a BagIt bag with SHA-256 manifests");
    snprintf(text, sizeof text, "%zu files", n);
    tell(v, VERIFY_COMPLETENESS, text);
    snprintf(text, sizeof text, "%zu files are what the manifest says",
             v->payload.used / sizeof(struct claim));
    tell(v, VERIFY_PAYLOAD, text);
    snprintf(text, sizeof text, "%zu files are what the tag manifest says",
             v->tags.used / sizeof(struct claim));
    tell(v, VERIFY_TAGS, text);
    tell_signature(v, signer);
    judge_custody(v);
    return ERR_OK;
}

static void clear(struct verify *v)
{
    size_t n;
    struct file *all = files(v, &n);
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

int verify_package(const char *path, const struct verify_listener *listener, bool *good,
                   struct err *err)
{
    static const struct archive_reader reader = {NULL, on_begin, on_data, on_end};
    static const struct archive_limits limits = {0, 0};
    struct verify v = {.to = listener, .text = -1};
    buf_init(&v.files, LIST_BYTES_MAX);
    buf_init(&v.payload, LIST_BYTES_MAX);
    buf_init(&v.tags, LIST_BYTES_MAX);
    for (int i = 0; i < TEXTS; i++)
        buf_init(&v.texts[i], TEXT_BYTES_MAX);
    int rc = hash_new(&v.hash, err);
    if (rc == ERR_OK)
        rc = archive_read(path, &limits, &reader, &v, err);
    if (rc == ERR_OK)
        rc = judge(&v, err);
    *good = rc == ERR_OK;
    for (int i = 0; i < VERIFY_CHECKS; i++)
        *good = *good && v.problems[i] == 0;
    clear(&v);
    return rc;
}
