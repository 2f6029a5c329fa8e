#include "dashspool/archive.h"
#include "dashspool/seal.h"
#include "verify_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 50 }; /* told one by one, of each check */
#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define LIST_BYTES_MAX ((size_t)64 << 20)

const char *const verify_text_names[TEXTS] = {"bagit.txt",
                                              "bag-info.txt",
                                              "manifest-sha256.txt",
                                              "tagmanifest-sha256.txt",
                                              "data/custody.jsonl",
                                              "signature/manifest.p7s",
                                              "signature/request.tsq",
                                              "signature/token.tsr"};

const char *verify_check_name(enum verify_check check)
{
    static const char *const names[VERIFY_CHECKS] = {
        [VERIFY_STRUCTURE] = "structure",       [VERIFY_COMPLETENESS] = "completeness",
        [VERIFY_PAYLOAD] = "payload hashes",    [VERIFY_TAGS] = "tag hashes",
        [VERIFY_SIGNATURE] = "signature",       [VERIFY_STAMP] = "time stamp",
        [VERIFY_CUSTODY] = "custody",           [VERIFY_PICTURES] = "coded frames",
        [VERIFY_REPRODUCTION] = "reproduction",
    };
    return names[check];
}

void verify_problem(struct verify *v, enum verify_check check, const char *fmt, ...)
{
    char text[1400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (v->problems[check]++ < PROBLEMS_MAX && v->to->problem)
        v->to->problem(v->to->arg, check, text);
}

void verify_note(struct verify *v, enum verify_check check, const char *fmt, ...)
{
    char text[1400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (v->to->note)
        v->to->note(v->to->arg, check, text);
}

void verify_result(struct verify *v, enum verify_check check, const char *good)
{
    char text[700];
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
        if (strcmp(name, verify_text_names[i]) == 0)
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

struct file *verify_files(const struct verify *v, size_t *n)
{
    *n = v->files.used / sizeof(struct file);
    return v->files.mem ? (void *)(v->files.mem + v->files.start) : NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

struct file *verify_find(const struct verify *v, const char *name)
{
    size_t n;
    struct file key = {.name = (char *)(uintptr_t)name}, *all = verify_files(v, &n);
    return n ? bsearch(&key, all, n, sizeof key, by_name) : NULL;
}

/* ---- all of it ---- */

static int judge(struct verify *v, struct err *err)
{
    size_t n;
    struct verify_seals seals = {"", ""};
    struct file *all = verify_files(v, &n);
    if (n)
        qsort(all, n, sizeof *all, by_name);
    int rc = verify_seals_judge(v, &seals, err);
    if (rc == ERR_OK)
        rc = verify_manifests_read(v, err);
    if (rc < 0)
        return rc;
    verify_manifests_judge(v);
    verify_seals_tell(v, &seals);
    verify_custody_judge(v);
    return verify_copies(v, err);
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

int verify_package(const struct verify_request *request, const struct verify_listener *listener,
                   bool *good, struct err *err)
{
    static const struct archive_reader reader = {NULL, on_begin, on_data, on_end, NULL};
    static const struct archive_limits limits = {0, 0};
    struct verify v = {.request = request, .to = listener, .text = -1};
    buf_init(&v.files, LIST_BYTES_MAX);
    buf_init(&v.payload, LIST_BYTES_MAX);
    buf_init(&v.tags, LIST_BYTES_MAX);
    for (int i = 0; i < TEXTS; i++)
        buf_init(&v.texts[i], TEXT_BYTES_MAX);
    struct seal_signer ca;
    int rc = hash_new(&v.hash, err);
    if (rc == ERR_OK && request->ca_path)
        rc = seal_cert_describe(&ca, request->ca_path, err);
    if (rc == ERR_OK)
        rc = archive_read(request->path, &limits, &reader, &v, err);
    if (rc == ERR_OK)
        rc = judge(&v, err);
    *good = rc == ERR_OK;
    for (int i = 0; i < VERIFY_CHECKS; i++)
        *good = *good && v.problems[i] == 0;
    clear(&v);
    return rc;
}
