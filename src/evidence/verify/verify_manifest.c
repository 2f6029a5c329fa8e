#include "verify_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TWINS_MAX = 20000 }; /* claims that a renamed file is looked for in */

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
        verify_problem(v, VERIFY_STRUCTURE, "%s contains a NUL byte", verify_text_names[which]);
    for (int n = 1; rc == ERR_OK && at < end; n++) {
        struct claim c = {0};
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline)
            *newline = '\0';
        if (!newline || !parse_claim(at, &c) || is_payload(c.name) != (which == T_MANIFEST)) {
            verify_problem(v, VERIFY_STRUCTURE, "%s, line %d: not a manifest line",
                           verify_text_names[which], n);
        } else {
            c.file = verify_find(v, c.name);
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
    const struct claim *c = (const void *)buf_data(claims);
    for (size_t i = 0; i < claims->used / sizeof *c; i++) {
        if (!c[i].file) {
            verify_problem(v, VERIFY_COMPLETENESS, "missing: %s", c[i].name);
            continue;
        }
        if (c[i].file->claimed)
            verify_problem(v, VERIFY_STRUCTURE, "listed twice: %s", c[i].name);
        c[i].file->claimed = true;
        c[i].file->sound = memcmp(c[i].sha256, c[i].file->sha256, 2 * HASH_BYTES) == 0;
        if (!c[i].file->sound)
            verify_problem(v, check, "changed: %s", c[i].name);
    }
}

/* The name that a manifest has for this content, where that file is missing. */
static const char *missing_twin(const struct buf *claims, const struct file *f)
{
    const struct claim *c = (const void *)buf_data(claims);
    size_t n = claims->used / sizeof *c;
    for (size_t i = 0; i < n && n <= TWINS_MAX; i++)
        if (!c[i].file && memcmp(c[i].sha256, f->sha256, 2 * HASH_BYTES) == 0)
            return c[i].name;
    return NULL;
}

/* The tag manifest cannot name itself, nor what was made of it. */
static bool needs_no_claim(const char *name)
{
    return strcmp(name, verify_text_names[T_TAGS]) == 0 ||
           strcmp(name, verify_text_names[T_SIGNATURE]) == 0 ||
           strcmp(name, verify_text_names[T_REQUEST]) == 0 ||
           strcmp(name, verify_text_names[T_STAMP]) == 0 ||
           strcmp(name, "signature/certificate.pem") == 0;
}

static void judge_extras(struct verify *v)
{
    size_t n;
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++) {
        if (all[i].claimed || needs_no_claim(all[i].name))
            continue;
        const char *twin = missing_twin(is_payload(all[i].name) ? &v->payload : &v->tags, &all[i]);
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

/* "Payload-Oxum: <bytes>.<files>" (RFC 8493, 2.2.2). */
static void judge_oxum(struct verify *v)
{
    int64_t bytes = 0, count = 0;
    size_t n;
    char line[80];
    const struct file *all = verify_files(v, &n);
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
    verify_problem(v, VERIFY_COMPLETENESS,
                   "bag-info.txt does not say that there are %" PRId64 " files of %" PRId64
                   " bytes in data/ (Payload-Oxum)",
                   count, bytes);
}

static void judge_structure(struct verify *v)
{
    for (int i = 0; i < T_CUSTODY; i++)
        if (!v->have[i])
            verify_problem(v, VERIFY_STRUCTURE, "missing: %s", verify_text_names[i]);
    if (v->have[T_BAGIT] &&
        !text_is(v, T_BAGIT, "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"))
        verify_problem(v, VERIFY_STRUCTURE, "bagit.txt does not declare BagIt 1.0 and UTF-8");
}

/* ---- all of it ---- */

int verify_manifests_read(struct verify *v, struct err *err)
{
    int rc = read_manifest(v, T_MANIFEST, &v->payload, err);
    return rc < 0 ? rc : read_manifest(v, T_TAGS, &v->tags, err);
}

void verify_manifests_judge(struct verify *v)
{
    char text[100];
    size_t n;
    verify_files(v, &n);
    judge_structure(v);
    judge_claims(v, &v->payload, VERIFY_PAYLOAD);
    judge_claims(v, &v->tags, VERIFY_TAGS);
    judge_extras(v);
    judge_oxum(v);
    verify_result(v, VERIFY_STRUCTURE, "a BagIt bag with SHA-256 manifests");
    snprintf(text, sizeof text, "%zu files", n);
    verify_result(v, VERIFY_COMPLETENESS, text);
    snprintf(text, sizeof text, "%zu files match the manifest",
             v->payload.used / sizeof(struct claim));
    verify_result(v, VERIFY_PAYLOAD, text);
    snprintf(text, sizeof text, "%zu files match the tag manifest",
             v->tags.used / sizeof(struct claim));
    verify_result(v, VERIFY_TAGS, text);
}
