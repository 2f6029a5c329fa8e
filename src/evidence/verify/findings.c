/* What was read of a package, and how what is found in it is told: the ground of all judges. */
#include "dashspool/account.h"
#include "verify_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 50 }; /* told one by one, of each check */

const char *const verify_text_names[TEXTS] = {
    [T_BAGIT] = BAG_DECLARATION,       [T_INFO] = BAG_INFO,
    [T_MANIFEST] = BAG_MANIFEST,       [T_TAGS] = BAG_TAG_MANIFEST,
    [T_CUSTODY] = BAG_CUSTODY,         [T_SIGNATURE] = BAG_SIGNATURE,
    [T_CERTIFICATE] = BAG_CERTIFICATE, [T_REQUEST] = BAG_TS_REQUEST,
    [T_STAMP] = BAG_TS_TOKEN,          [T_TOOL] = BAG_TOOL,
};

const char *verify_check_name(enum verify_check check)
{
    static const char *const names[VERIFY_CHECKS] = {
        [VERIFY_STRUCTURE] = "structure",     [VERIFY_COMPLETENESS] = "completeness",
        [VERIFY_PAYLOAD] = "payload hashes",  [VERIFY_TAGS] = "tag hashes",
        [VERIFY_SIGNATURE] = "signature",     [VERIFY_STAMP] = "time stamp",
        [VERIFY_CUSTODY] = "custody",         [VERIFY_PICTURES] = "coded frames",
        [VERIFY_TELEMETRY] = "telemetry",     [VERIFY_REPRODUCTION] = "reproduction",
        [VERIFY_FINGERPRINT] = "fingerprint",
    };
    return names[check];
}

const char *verify_page(size_t *n)
{
    extern const char verify_page_bytes[], verify_page_bytes_end[]; /* page.S */
    *n = (size_t)(verify_page_bytes_end - verify_page_bytes);
    return verify_page_bytes;
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

void verify_unmet(struct verify *v, enum verify_check check, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!v->unmet[check][0])
        vsnprintf(v->unmet[check], sizeof v->unmet[check], fmt, ap);
    va_end(ap);
}

bool verify_failed(const struct verify *v, enum verify_check check)
{
    return v->problems[check] > 0 || v->unmet[check][0];
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

void verify_tell(struct verify *v, enum verify_check check, enum verify_verdict verdict,
                 const char *text)
{
    if (v->to->told)
        v->to->told(v->to->arg, check, verdict, text);
}

void verify_result(struct verify *v, enum verify_check check, const char *good)
{
    char text[700];
    int n = v->problems[check];
    if (n > 0)
        snprintf(text, sizeof text, "%d %s%s", n, n == 1 ? "fault" : "faults",
                 n > PROBLEMS_MAX ? ", not all of them named" : "");
    if (n == 0 && v->unmet[check][0])
        verify_tell(v, check, VERIFY_UNMET, v->unmet[check]);
    else
        verify_tell(v, check, n ? VERIFY_FAILED : VERIFY_OK, n ? text : good);
}

/* ---- files ---- */

struct file *verify_files(const struct verify *v, size_t *n)
{
    *n = v->files.used / sizeof(struct file);
    return v->files.mem ? (void *)(v->files.mem + v->files.start) : NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

void verify_sort(struct verify *v)
{
    size_t n;
    struct file *all = verify_files(v, &n);
    if (n)
        qsort(all, n, sizeof *all, by_name);
}

struct file *verify_find(const struct verify *v, const char *name)
{
    size_t n;
    struct file key = {.name = (char *)(uintptr_t)name}, *all = verify_files(v, &n);
    return n ? bsearch(&key, all, n, sizeof key, by_name) : NULL;
}

bool verify_id_of(const char *name, char id[CUSTODY_ID_ROOM])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const char *folder = bag_is_payload(name) ? name + strlen(BAG_PAYLOAD) : "";
    const char *base = strchr(folder, '/');
    size_t n = base ? strspn(++base, letters) : 0;
    if (n == 0 || n >= CUSTODY_ID_ROOM || base[n] != '.' || strchr(base, '/'))
        return false;
    snprintf(id, CUSTODY_ID_ROOM, "%.*s", (int)n, base);
    return true;
}

bool verify_is_copy(const char *name)
{
    static const char *const others[] = {BAG_MASTER, BAG_TRANSFER, BAG_FACTS, BAG_TELEMETRY};
    if (!bag_is_payload(name) || !strchr(name + strlen(BAG_PAYLOAD), '/'))
        return false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0)
            return false;
    return true;
}

bool verify_is_telemetry(const char *name)
{
    char id[CUSTODY_ID_ROOM];
    if (strncmp(name, BAG_TELEMETRY, strlen(BAG_TELEMETRY)) != 0 || !verify_id_of(name, id))
        return false;
    const char *after = name + strlen(BAG_TELEMETRY) + strlen(id);
    if (strcmp(after, BAG_RECORDS) == 0 || strcmp(after, BAG_TABLE) == 0 ||
        strcmp(after, BAG_TRACK) == 0)
        return true;
    return after[0] == '.' && after[1] >= '2' && after[1] <= '0' + ACCOUNT_TRACKS_MAX &&
           strcmp(after + 2, BAG_TRACK) == 0;
}
