/* What lies where in a package, and the lines of its text files. Pure. */
#include "bag_internal.h"
#include "dashspool/copy_kind.h"
#include <inttypes.h>
#include <string.h>

bool bag_is_payload(const char *name)
{
    return strncmp(name, BAG_PAYLOAD, strlen(BAG_PAYLOAD)) == 0;
}

bool bag_copy_name(char out[BAG_NAME_ROOM], const char *kind, const char *path)
{
    static const struct {
        unsigned kinds;
        const char *folder;
    } places[] = {
        {COPY_WORKING, BAG_WORKING},
        {COPY_VIEWING | COPY_SRT | COPY_VTT, BAG_VIEWING},
        {COPY_STILL | COPY_POSTER | COPY_SHEET, BAG_STILLS},
        {COPY_TIMING | COPY_CSV, BAG_TIMING},
        {COPY_GPX | COPY_KML | COPY_GEOJSON, BAG_POSITION},
    };
    const char *folder = BAG_OTHER, *slash = strrchr(path, '/');
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].kinds & copy_kind_of(kind))
            folder = places[i].folder;
    return snprintf(out, BAG_NAME_ROOM, "%s%s", folder, slash ? slash + 1 : path) < BAG_NAME_ROOM;
}

/* ---- bag-info.txt ---- */

static const char *const labels[BAG_KEYS] = {
    [BAG_SOURCE_ORGANIZATION] = "Source-Organization",
    [BAG_EXTERNAL_DESCRIPTION] = "External-Description",
    [BAG_EXTERNAL_IDENTIFIER] = "External-Identifier",
    [BAG_SOFTWARE_AGENT] = "Bag-Software-Agent",
    [BAG_BAGGING_DATE] = "Bagging-Date",
    [BAG_PAYLOAD_OXUM] = "Payload-Oxum",
    [BAG_RECIPIENT] = "Recipient",
    [BAG_EXPORTED_AT] = "Exported-At",
    [BAG_REDACTED_FROM] = "Redacted-From-Tagmanifest-SHA256",
    [BAG_REDACTED] = "Redacted",
    [BAG_AS_FOUND] = "As-Found",
    [BAG_SIGNER] = "Signer-Certificate-SHA256",
    [BAG_STAMP_ASKED] = "Time-Stamp-Requested",
    [BAG_ACCOUNT] = "Telemetry",
};

const char *bag_info_label(enum bag_key key)
{
    return labels[key];
}

int bag_info_line(struct buf *to, enum bag_key key, const char *value, struct err *err)
{
    char line[1024];
    snprintf(line, sizeof line, "%s: %s", labels[key], value);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    int rc = buf_append(to, line, strlen(line), err);
    return rc < 0 ? rc : buf_append(to, "\n", 1, err);
}

bool bag_info_next(const void *info, size_t n, enum bag_key key, struct bag_value *io)
{
    const char *at = io->at ? io->at + io->n : info, *end = (const char *)info + n;
    const size_t label = strlen(labels[key]);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((newline ? newline : end) - at);
        if (line >= label + 2 && memcmp(at, labels[key], label) == 0 &&
            memcmp(at + label, ": ", 2) == 0) {
            *io = (struct bag_value){at + label + 2, line - label - 2};
            return true;
        }
        at += line + 1;
    }
    return false;
}

bool bag_info_redacted(const void *info, size_t n, char of[HASH_HEX_ROOM])
{
    struct bag_value v = {NULL, 0};
    while (bag_info_next(info, n, BAG_REDACTED_FROM, &v)) {
        char hex[HASH_HEX_ROOM] = "";
        if (v.n != HASH_HEX_ROOM - 1)
            continue;
        memcpy(hex, v.at, v.n);
        if (strspn(hex, "0123456789abcdef") != v.n)
            continue;
        memcpy(of, hex, sizeof hex);
        return true;
    }
    return false;
}

void bag_account_text(char out[BAG_ACCOUNT_ROOM], int64_t recordings, int64_t around_s)
{
    snprintf(out, BAG_ACCOUNT_ROOM, "none");
    if (recordings > 0)
        snprintf(out, BAG_ACCOUNT_ROOM, "%" PRId64 " recording%s, %" PRId64 " s before and after",
                 recordings, recordings == 1 ? "" : "s", around_s);
}

void bag_oxum(char out[48], int64_t bytes, int64_t files)
{
    snprintf(out, 48, "%" PRId64 ".%" PRId64, bytes, files);
}

/* ---- manifests ---- */

int bag_manifest_line(struct buf *to, const char *sha256, const char *name, struct err *err)
{
    char line[BAG_NAME_ROOM + HASH_HEX_ROOM + 8];
    int n = snprintf(line, sizeof line, "%s  %s\n", sha256, name);
    return buf_append(to, line, (size_t)n, err);
}

int bag_manifest_next(char **at, char *end, bool payload, struct bag_claim *out)
{
    char *line = *at, *newline = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    if (line >= end)
        return 0;
    *at = newline ? newline + 1 : end;
    if (!newline)
        return -1;
    *newline = '\0';
    size_t hex = strspn(line, "0123456789abcdef");
    if (hex != HASH_HEX_ROOM - 1 || line[hex] != ' ' || line[hex + 1] != ' ' || !line[hex + 2])
        return -1;
    *out = (struct bag_claim){line, line + hex + 2};
    return bag_is_payload(out->name) == payload ? 1 : -1;
}
