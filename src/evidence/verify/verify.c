/* Reads a package once, judges what a bag has to be and what stands over it, and has the rest
 * judged: each file is what its manifest says, or is named. */
#include "dashspool/sandbox.h"
#include "dashspool/seal.h"
#include "dashspool/text.h"
#include "verify_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TWINS_MAX = 20000 }; /* claims that a renamed file is looked for in */
#define TEXT_BYTES_MAX ((size_t)64 << 20)
#define PATH_ROOM      4096
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
    if (v->text < 0 || (v->text > T_CUSTODY && v->now.bytes > SEAL_DER_MAX_BYTES))
        return ERR_OK; /* a seal, or what tool.json says, is small, or is none */
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

static int on_empty(void *arg, const char *name, struct err *err)
{
    struct verify *v = arg;
    return buf_append(&v->empty, name, strlen(name) + 1, err);
}

/* ---- line ends ---- */

/* A text whose lines a program for Windows, or e-mail, ended in its way is read as if it were not:
 * that it was done is told once, and not as a fault of each line. */
static void undo_crlf(struct verify *v, enum text which)
{
    struct buf *b = &v->texts[which];
    uint8_t *at = b->mem ? b->mem + b->start : NULL;
    size_t n = 0;
    for (size_t i = 0; i < b->used; i++)
        if (at[i] == '\n' && (i == 0 || at[i - 1] != '\r'))
            return;
    for (size_t i = 0; i < b->used; i++)
        if (at[i] != '\r' || i + 1 == b->used || at[i + 1] != '\n')
            at[n++] = at[i];
    struct err err;
    if (n < b->used && hash_text(at, n, v->lf_sha256[which], &err) < 0)
        return;
    b->used = n;
}

/* Whether it has this hash but for its line ends. */
static bool is_but_for_crlf(const struct verify *v, const struct bag_claim *line)
{
    for (int i = 0; i < TEXTS; i++)
        if (v->lf_sha256[i][0] && strcmp(verify_text_names[i], line->name) == 0)
            return memcmp(v->lf_sha256[i], line->sha256, 2 * HASH_BYTES) == 0;
    return false;
}

#define CRLF_WORDS "its line ends were changed to CRLF, as programs for Windows and e-mail do"

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
            verify_problem(v, check, "changed: %s%s", c[i].line.name,
                           is_but_for_crlf(v, &c[i].line) ? " (only " CRLF_WORDS ")" : "");
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
static bool needs_no_claim(const struct verify *v, const char *name)
{
    return strcmp(name, BAG_TAG_MANIFEST) == 0 || verify_seal_belongs(v, name);
}

/* Whose leavings this is; NULL: it is none that is known. */
static const char *left_by(const char *name)
{
    static const struct {
        const char *part, *by;
        bool begins;
    } known[] = {{".DS_Store", "macOS", false},     {"._", "macOS", true},
                 {"__MACOSX", "macOS", false},      {".Spotlight-V100", "macOS", false},
                 {".fseventsd", "macOS", false},    {".Trashes", "macOS", false},
                 {"Thumbs.db", "Windows", false},   {"ehthumbs.db", "Windows", false},
                 {"desktop.ini", "Windows", false}, {"System Volume Information", "Windows", false},
                 {".directory", "KDE", false}};
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        size_t n = strcspn(part, "/");
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            size_t m = strlen(known[i].part);
            if ((known[i].begins ? n > m : n == m) && strncasecmp(part, known[i].part, m) == 0)
                return known[i].by;
        }
    }
    return NULL;
}

static void judge_extras(struct verify *v)
{
    size_t n;
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++) {
        if (all[i].claimed || needs_no_claim(v, all[i].name))
            continue;
        const char *twin =
            missing_twin(bag_is_payload(all[i].name) ? &v->payload : &v->tags, &all[i]);
        const char *by = left_by(all[i].name);
        if (twin)
            verify_problem(v, VERIFY_COMPLETENESS, "renamed: %s, to %s", twin, all[i].name);
        else if (by)
            verify_problem(v, VERIFY_COMPLETENESS,
                           "extra: %s (left by %s, no part of the package; delete it and verify "
                           "again)",
                           all[i].name, by);
        else
            verify_problem(v, VERIFY_COMPLETENESS, "extra: %s", all[i].name);
    }
    /* Nobody's claim: a bag has none, and its name can say something. */
    const char *name = (const char *)buf_data(&v->empty);
    for (size_t at = 0; at < v->empty.used; at += strlen(name + at) + 1)
        verify_problem(v, VERIFY_COMPLETENESS, "extra: %s/ (an empty folder%s%s)", name + at,
                       left_by(name + at) ? ", left by " : "",
                       left_by(name + at) ? left_by(name + at) : "");
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

static bool is_claimed(const struct buf *claims, const char *name)
{
    const struct claim *c = (const void *)buf_data(claims);
    for (size_t i = 0; i < claims->used / sizeof *c; i++)
        if (strcmp(c[i].line.name, name) == 0)
            return true;
    return false;
}

/* One line says one thing, in one way: other readers of bags must not read another. */
static void judge_info(struct verify *v)
{
    const struct buf *info = &v->texts[T_INFO];
    const char *at = (const char *)buf_data(info), *end = at + info->used;
    for (int n = 1; at < end; n++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (*at == ' ' || *at == '\t' || *at == '\n')
            verify_problem(v, VERIFY_STRUCTURE, BAG_INFO ", line %d: not a line of its own", n);
        at = newline ? newline + 1 : end;
    }
    for (int key = 0; key < BAG_KEYS; key++) {
        struct bag_value value;
        if (key != BAG_REDACTED && key != BAG_AS_FOUND &&
            verify_info(v, (enum bag_key)key, &value) &&
            bag_info_next(buf_data(info), info->used, (enum bag_key)key, &value))
            verify_problem(v, VERIFY_STRUCTURE, BAG_INFO " has %s twice",
                           bag_info_label((enum bag_key)key));
    }
}

/* Whether packages have a file of this name. */
static bool is_member(const char *name)
{
    static const char *const files[] = {
        BAG_DECLARATION,  BAG_INFO,      BAG_README,      BAG_PAGE,       BAG_MANIFEST,
        BAG_TAG_MANIFEST, BAG_SIGNATURE, BAG_CERTIFICATE, BAG_TS_REQUEST, BAG_TS_TOKEN,
        BAG_CUSTODY,      BAG_TOOL,      BAG_REPORT_HTML, BAG_REPORT_PDF};
    static const char *const folders[] = {BAG_MASTER, BAG_WORKING, BAG_VIEWING,
                                          BAG_STILLS, BAG_TIMING,  BAG_POSITION,
                                          BAG_OTHER,  BAG_FACTS,   BAG_TRANSFER};
    char id[CUSTODY_ID_ROOM];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(name, files[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t n = strlen(folders[i]);
        if (strncmp(name, folders[i], n) == 0 && verify_id_of(name, id))
            return i < 7 || strcmp(name + n + strlen(id), ".json") == 0;
    }
    return verify_is_telemetry(name);
}

static void judge_strangers(struct verify *v)
{
    size_t n;
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++)
        if (all[i].claimed && !is_member(all[i].name) && verify_of_this_version(v))
            verify_problem(v, VERIFY_COMPLETENESS,
                           "%s: the manifest names it, but no package has such a file",
                           all[i].name);
        else if (all[i].claimed && !is_member(all[i].name)) /* others may have more in them */
            verify_note(v, VERIFY_COMPLETENESS,
                        "%s: not known to this version, which did not make the package",
                        all[i].name);
}

/* What every package of ours has. What a manifest names is told as missing by that. */
static void judge_members(struct verify *v)
{
    static const char *const members[] = {BAG_README, BAG_CUSTODY, BAG_REPORT_HTML, BAG_TOOL};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!verify_find(v, members[i]) && !is_claimed(&v->payload, members[i]) &&
            !is_claimed(&v->tags, members[i]))
            verify_problem(v, VERIFY_COMPLETENESS, "missing: %s, which every package has",
                           members[i]);
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
    if (v->lf_sha256[T_TAGS][0])
        verify_problem(v, VERIFY_STRUCTURE, BAG_TAG_MANIFEST ": " CRLF_WORDS);
    if (v->have[T_BAGIT] && !text_is(v, T_BAGIT, BAG_DECLARATION_TEXT))
        verify_problem(v, VERIFY_STRUCTURE, "bagit.txt does not declare BagIt 1.0 and UTF-8");
    judge_claims(v, &v->payload, VERIFY_PAYLOAD);
    judge_claims(v, &v->tags, VERIFY_TAGS);
    judge_extras(v);
    judge_oxum(v);
    judge_info(v);
    judge_members(v);
    judge_strangers(v);
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

/* ---- all of it ---- */

/* Marks that a package does not lose by chance. */
static bool is_ours(const struct verify *v)
{
    static const char agent[] = "dashspool ";
    struct bag_value by;
    return (verify_info(v, BAG_SOFTWARE_AGENT, &by) && by.n >= sizeof agent - 1 &&
            memcmp(by.at, agent, sizeof agent - 1) == 0) ||
           verify_find(v, BAG_CUSTODY) || verify_find(v, BAG_TOOL);
}

/* Something else was given: what it is, as far as that can be seen. A bag of another program is
 * judged by its SHA-256 manifests, if it has any. */
static int judge_stranger(struct verify *v, struct err *err)
{
    static const char inside[] = "/" BAG_DECLARATION;
    const char *path = v->request->path;
    size_t n;
    const struct file *all = verify_files(v, &n);
    if (!v->have[T_BAGIT] && !v->have[T_MANIFEST] && !v->have[T_TAGS]) {
        for (size_t i = 0; i < n; i++) {
            size_t end = strlen(all[i].name);
            if (end > sizeof inside && strcmp(all[i].name + end - sizeof inside + 1, inside) == 0)
                return err_set(err, ERR_CONFIG,
                               "%s: not an evidence package, but there is one in its folder %.*s",
                               path, (int)(end - sizeof inside + 1), all[i].name);
        }
        return err_set(err, ERR_CONFIG,
                       "%s: not an evidence package: expected the folder or zip that "
                       "'dashspool export' made",
                       path);
    }
    if (!v->have[T_BAGIT] || !v->have[T_MANIFEST])
        return err_set(err, ERR_CONFIG,
                       "%s: not one of our packages; as a BagIt bag it cannot be checked: no %s",
                       path, v->have[T_BAGIT] ? BAG_MANIFEST : BAG_DECLARATION);
    int rc = verify_manifests_read(v, err);
    if (rc < 0)
        return rc;
    judge_claims(v, &v->payload, VERIFY_PAYLOAD);
    judge_claims(v, &v->tags, VERIFY_TAGS);
    for (size_t i = 0; i < n; i++)
        if (bag_is_payload(all[i].name) && !all[i].claimed)
            verify_problem(v, VERIFY_COMPLETENESS, "extra: %s", all[i].name);
    bool valid = true;
    for (int i = 0; i <= VERIFY_TAGS; i++)
        valid = valid && v->problems[i] == 0;
    if (valid)
        return err_set(err, ERR_CONFIG,
                       "%s: a valid BagIt bag, but not one of ours: nothing is known of how it was "
                       "made",
                       path);
    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (i <= VERIFY_TAGS)
            verify_result(v, (enum verify_check)i, "as a BagIt bag of another program");
        else
            verify_tell(v, (enum verify_check)i, VERIFY_NOT_JUDGED, "not one of our packages");
    return ERR_OK;
}

static int judge(struct verify *v, struct err *err)
{
    verify_sort(v);
    for (int i = 0; i <= T_CUSTODY; i++)
        undo_crlf(v, (enum text)i);
    if (!is_ours(v))
        return judge_stranger(v, err);
    /* Of the tag manifest as it came: so before its lines are cut, and told later. */
    struct seals seals;
    int rc = verify_seals_judge(v, &seals, err);
    if (rc == ERR_OK)
        rc = verify_manifests_read(v, err);
    if (rc == ERR_OK)
        rc = judge_page(v, err);
    if (rc < 0)
        return rc;
    verify_manifests_judge(v);
    verify_seals_tell(v, &seals);
    rc = verify_facts(v, err);
    if (rc == ERR_OK)
        rc = verify_custody_judge(v, err);
    if (rc == ERR_OK)
        rc = verify_telemetry(v, err);
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
    buf_clear(&v->empty);
    for (int i = 0; i < TEXTS; i++)
        buf_clear(&v->texts[i]);
}

static int look(struct verify *v, struct err *err)
{
    static const struct bag_reader reader = {
        .begin = on_begin, .data = on_data, .end = on_end, .empty = on_empty};
    struct seal_signer ca;
    v->text = -1;
    buf_init(&v->files, LIST_BYTES_MAX);
    buf_init(&v->payload, LIST_BYTES_MAX);
    buf_init(&v->tags, LIST_BYTES_MAX);
    buf_init(&v->empty, LIST_BYTES_MAX);
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
        if (verify_failed(v, (enum verify_check)i))
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

/* … found by a function apart (sandbox.h), as who asks may write the store. */
struct contents {
    char tag_sha256[HASH_HEX_ROOM], redacted_from[HASH_HEX_ROOM], exported_at[CLOCK_TEXT_ROOM];
    int n_masters;
    struct contents_master {
        char id[CUSTODY_ID_ROOM], sha256[HASH_HEX_ROOM];
        int partial;
    } master[VERIFY_MASTERS_MAX];
};

/* data/master/<id>.json tells of an original; the others there are originals. */
static int list_masters(const struct verify *v, struct contents *out, struct err *err)
{
    size_t n;
    const struct file *all = verify_files(v, &n);
    for (size_t i = 0; i < n; i++) {
        const char *name = all[i].name;
        size_t end = strlen(name);
        if (strncmp(name, BAG_MASTER, strlen(BAG_MASTER)) != 0 ||
            (end > 5 && strcmp(name + end - 5, ".json") == 0))
            continue;
        if (out->n_masters == VERIFY_MASTERS_MAX)
            return err_set(err, ERR_LIMIT, "package %s has more than %d originals",
                           v->request->path, VERIFY_MASTERS_MAX);
        struct contents_master *m = &out->master[out->n_masters++];
        if (!verify_id_of(name, m->id))
            m->id[0] = '\0';
        m->partial = strncmp(name + strlen(BAG_MASTER) + strlen(m->id), ".partial.", 9) == 0;
        memcpy(m->sha256, all[i].sha256, sizeof m->sha256);
    }
    return ERR_OK;
}

static int find_contents(const void *in, const int *fd, int n_fds, void *found, struct err *err)
{
    static const struct verify_listener nobody = {NULL};
    const char *path = in, *const paths[] = {path, NULL};
    const struct verify_request request = {.path = path};
    struct verify v = {.request = &request, .to = &nobody};
    struct bag_value at = {NULL, 0};
    struct contents *out = found;
    (void)fd;
    (void)n_fds;
    int rc = verify_guard(paths, NULL, err);
    if (rc < 0)
        return rc;
    if ((rc = look(&v, err)) == ERR_OK && !is_good(&v))
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

static bool digest_ok(const char *hex)
{
    return strnlen(hex, HASH_HEX_ROOM) == HASH_HEX_ROOM - 1 &&
           strspn(hex, "0123456789abcdef") == HASH_HEX_ROOM - 1;
}

/* What it says, as far as it can be. */
static int take_contents(struct verify_contents *out, const struct contents *in, struct err *err)
{
    if (in->n_masters < 0 || in->n_masters > VERIFY_MASTERS_MAX || !digest_ok(in->tag_sha256) ||
        (in->redacted_from[0] && !digest_ok(in->redacted_from)) ||
        !memchr(in->exported_at, '\0', sizeof in->exported_at))
        return err_set(err, ERR_MALFORMED, "what was found in the package cannot be");
    if (!(out->master = calloc((size_t)in->n_masters + 1, sizeof *out->master)))
        return err_nomem(err, "%d originals", in->n_masters);
    memcpy(out->tag_sha256, in->tag_sha256, sizeof out->tag_sha256);
    memcpy(out->redacted_from, in->redacted_from, sizeof out->redacted_from);
    memcpy(out->exported_at, in->exported_at, sizeof out->exported_at);
    for (int i = 0; i < in->n_masters; i++) {
        const struct contents_master *m = &in->master[i];
        if (!digest_ok(m->sha256) || !memchr(m->id, '\0', sizeof m->id))
            return err_set(err, ERR_MALFORMED, "what was found in the package cannot be");
        struct verify_master *to = &out->master[out->n_masters++];
        memcpy(to->id, m->id, sizeof to->id);
        memcpy(to->sha256, m->sha256, sizeof to->sha256);
        to->partial = m->partial != 0;
    }
    return ERR_OK;
}

int verify_contents(struct verify_contents *out, const char *path, struct err *err)
{
    char in[PATH_ROOM] = "";
    const struct sandbox_apart_work work = {.fn = find_contents,
                                            .n_in = sizeof in,
                                            .n_out = sizeof(struct contents),
                                            .other_sandbox = true};
    *out = (struct verify_contents){.master = NULL};
    if (strlen(path) >= sizeof in)
        return err_set(err, ERR_LIMIT, "%.60s…: the path is too long", path);
    snprintf(in, sizeof in, "%s", path);
    struct contents *found = malloc(sizeof *found);
    if (!found)
        return err_nomem(err, "the contents of %s", path);
    int rc = sandbox_apart_once(&work, in, NULL, 0, found, err);
    if (rc == ERR_OK)
        rc = take_contents(out, found, err);
    free(found);
    return rc;
}

void verify_contents_clear(struct verify_contents *contents)
{
    free(contents->master);
    *contents = (struct verify_contents){.master = NULL};
}
