/* Parts of a package that need nothing else of it: a copy, and what the package was made by. */
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "package_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- copies ---- */

int package_did(struct package *p, int64_t bytes, struct err *err)
{
    p->done_bytes += bytes;
    double done = p->all_bytes > 0 ? (double)p->done_bytes / (double)p->all_bytes : 1;
    if (p->progress && !p->progress(p->progress_arg, p->id, done < 1 ? done : 1))
        return err_set(err, ERR_AGAIN, "interrupted; no package was written");
    return ERR_OK;
}

int package_write(void *arg, const void *data, size_t n, struct err *err)
{
    struct package *p = arg;
    int rc = package_did(p, (int64_t)n, err);
    return rc < 0 ? rc : bag_write(p->bag, data, n, err);
}

int package_differs(struct package *p, const char *id, struct err *err)
{
    char text[sizeof err->text + CATALOGUE_ID_ROOM];
    int rc = err->code;
    if (!p->request->as_found || rc != ERR_MALFORMED)
        return rc;
    p->result->differences++;
    snprintf(text, sizeof text, "%s: %s", id, err->text);
    if (p->redaction) /* its values may be what is hidden */
        snprintf(text, sizeof text, "%s: %.*s", id, (int)strcspn(err->text, ":"), err->text);
    char *shown = NULL;
    rc = p->hide ? hide_text(p->hide, text, &shown, err) : ERR_OK;
    const char *words = shown ? shown : text;
    if (rc == ERR_OK)
        rc = buf_append(&p->differences, words, strlen(words) + 1, err);
    free(shown);
    return rc;
}

static int changed(const char *path, const struct catalogue_copy *copy, struct err *err)
{
    return err_set(
        err, ERR_MALFORMED,
        "copy %s was changed (made with %lld bytes, SHA-256 %s); move it away and make it again",
        path, (long long)copy->length_bytes, copy->sha256);
}

static int put_open_copy(struct package *p, const struct catalogue_copy *copy, const char *name,
                         const char *path, int fd, struct err *err)
{
    char sha256[HASH_HEX_ROOM];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(err, "stat %s", path);
    if (!S_ISREG(st.st_mode) || (st.st_size != copy->length_bytes && !p->request->as_found)) {
        changed(path, copy, err);
        return S_ISREG(st.st_mode) ? ERR_MALFORMED : package_differs(p, p->id, err);
    }
    int rc = bag_begin(p->bag, name, st.st_size, err);
    if (rc == ERR_OK && (rc = fsx_read_pieces(fd, path, package_write, p, err)) == ERR_OK)
        rc = bag_end(p->bag, sha256, err);
    if (rc < 0 || (strcmp(sha256, copy->sha256) == 0 && st.st_size == copy->length_bytes))
        return rc;
    changed(path, copy, err);
    return package_differs(p, p->id, err);
}

int package_put_copy(struct package *p, const struct catalogue_copy *copy, const char *path,
                     struct err *err)
{
    char name[BAG_NAME_ROOM];
    int rc;
    if (!bag_copy_name(name, copy->kind, copy->path))
        return err_set(err, ERR_LIMIT, "the name of %s is too long", copy->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        rc = put_open_copy(p, copy, name, path, fd, err);
        close(fd);
    } else if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) { /* it goes without */
        err_set(err, ERR_MALFORMED, "copy %s: %s; 'dashspool fsck' tells how to get it back", path,
                errno == ELOOP ? "it is a symbolic link" : "it is missing");
        rc = package_differs(p, p->id, err);
    } else {
        rc = err_sys(err, "open the copy %s", path);
    }
    return rc;
}

/* ---- tool.json ---- */

static void add_library(void *arg, const char *name, const char *version)
{
    json_object_set_new(arg, name, json_string(version));
}

/* Of the settings, those that shape what is in a package: others may be secret. */
static void add_setting(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                        const char *value, const char *origin)
{
    (void)origin; /* a path of this machine, mostly */
    if (strcmp(section->name, convert_cfg_section.name) == 0)
        json_object_set_new(arg, key->name, json_string(value));
}

static json_t *command_json(const struct package *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->request->n_command; i++) {
        const char *word = p->request->command[i];
        char *shown = NULL;
        struct err no_memory;
        int rc = p->hide ? hide_text(p->hide, word, &shown, &no_memory) : ERR_OK;
        json_array_append_new(list, rc < 0 ? NULL : json_string(shown ? shown : word));
        free(shown);
    }
    return list;
}

/* 2: bag-info.txt claims whether it is signed; 3: and of how many recordings the tracker's records
 * are there. Version 0.1.0 wrote none. */
enum { PACKAGE_FORM = 3 };

int package_put_tool(struct package *p, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    char sha256[HASH_HEX_ROOM];
    /* which program this is, to the bit: more than its version says */
    int rc = hash_file("/proc/self/exe", digest, err);
    if (rc < 0)
        return rc;
    hash_hex(digest, sha256);
    json_t *libraries = json_object(), *settings = json_object();
    convert_libraries(add_library, libraries);
    if (p->request->cfg)
        cfg_each(p->request->cfg, add_setting, settings);
    json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:s, s:o, s:o, s:o}", "program", "dashspool",
                          "version", DASHSPOOL_VERSION, "package", PACKAGE_FORM, "program_sha256",
                          sha256, "compiler", __VERSION__, "libraries", libraries, "settings",
                          settings, "command", command_json(p));
    char *text = o ? json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    rc = text ? bag_put(p->bag, BAG_TOOL, text, strlen(text), err) : err_nomem(err, "JSON");
    free(text);
    json_decref(o);
    return rc;
}
