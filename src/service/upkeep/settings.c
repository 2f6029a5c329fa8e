/* The settings in a backup, and what they name: certificates and lists are copied, private keys and
 * tokens are told to be missing. */
#define _GNU_SOURCE /* memmem */
#include "settings.h"
#include "dashspool/fsx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 32 * 1024 * 1024 };

/* What a setting names: a file for everybody, or one for nobody else. */
static const struct {
    const char *section, *key;
    bool secret;
} named[] = {
    {"receive", "tls_cert", false}, {"receive", "tls_client_ca", false},
    {"receive", "allow", false},    {"receive", "tls_key", true},
    {"export", "sign_cert", false}, {"export", "sign_key", true},
    {"serve", "token_file", true},
};

struct work {
    const char *dir; /* DIR/settings */
    const struct upkeep_progress *progress;
    struct buf missing; /* a line each */
    int rc;
    struct err *err;
};

static int miss(struct work *w, const char *what, const char *path, const char *why,
                struct err *err)
{
    char where[4200], *line = NULL;
    snprintf(where, sizeof where, "%s %s", what, path);
    if (w->progress->note)
        w->progress->note(w->progress->arg, where, why);
    int rc = fsx_path(&line, err, "%s: %s\n", where, why);
    if (rc == ERR_OK)
        rc = buf_append(&w->missing, line, strlen(line), err);
    free(line);
    return rc;
}

/* Copies a file, unless a private key is in it. */
static int copy(struct work *w, const char *what, const char *from, const char *dir,
                const char *name, struct err *err)
{
    static const char mark[] = "PRIVATE KEY";
    struct buf b;
    char *to = NULL;
    struct err why;
    buf_init(&b, FILE_BYTES_MAX);
    int rc = fsx_path(&to, err, "%s/%s", dir, name);
    if (rc == ERR_OK && (fsx_check_file(from, &why) < 0 || fsx_read_file(from, &b, &why) < 0))
        rc = miss(w, what, from, why.text, err);
    else if (rc == ERR_OK && b.used > 0 && memmem(buf_data(&b), b.used, mark, sizeof mark - 1))
        rc = miss(w, what, from, "not copied: it holds a private key; keep a copy in a safe place",
                  err);
    else if (rc == ERR_OK)
        rc = fsx_write_file(to, buf_data(&b), b.used, err);
    buf_clear(&b);
    free(to);
    return rc;
}

static void copy_named(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                       const char *value, const char *origin)
{
    struct work *w = arg;
    char what[200], name[300];
    const char *slash = strrchr(value, '/');
    (void)origin;
    snprintf(what, sizeof what, "[%s] %s", section->name, key->name);
    snprintf(name, sizeof name, "%s-%.200s", key->name, slash ? slash + 1 : value);
    for (size_t i = 0; value[0] && w->rc == ERR_OK && i < sizeof named / sizeof *named; i++)
        if (strcmp(section->name, named[i].section) == 0 && strcmp(key->name, named[i].key) == 0)
            w->rc = named[i].secret
                        ? miss(w, what, value,
                               "not copied: it is secret; keep a copy in a safe place", w->err)
                        : copy(w, what, value, w->dir, name, w->err);
}

static bool is_conf(const char *name)
{
    size_t n = strlen(name);
    return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".conf") == 0;
}

static bool has(const struct fsx_names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

/* One that is not there any more would hold again where it is put back. */
static int remove_others(const struct fsx_names *names, const char *to, struct err *err)
{
    struct fsx_names old = {NULL, 0};
    int rc = fsx_list(to, &old, err);
    for (size_t i = 0; rc == ERR_OK && i < old.n; i++) {
        char *path = NULL;
        if (!is_conf(old.name[i]) || has(names, old.name[i]))
            continue;
        rc = fsx_path(&path, err, "%s/%s", to, old.name[i]);
        if (rc == ERR_OK && unlink(path) < 0)
            rc = err_sys(err, "delete %s", path);
        free(path);
    }
    fsx_names_clear(&old);
    return rc;
}

static int copy_conf(struct work *w, const char *from, const char *to, struct err *err)
{
    struct fsx_names names = {NULL, 0};
    int rc = fsx_mkdirs(to, err);
    if (rc == ERR_OK)
        rc = fsx_list(from, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++) {
        char *path = NULL;
        if (!is_conf(names.name[i]))
            continue;
        rc = fsx_path(&path, err, "%s/%s", from, names.name[i]);
        if (rc == ERR_OK)
            rc = copy(w, "settings", path, to, names.name[i], err);
        free(path);
    }
    if (rc == ERR_OK)
        rc = remove_others(&names, to, err);
    fsx_names_clear(&names);
    return rc;
}

int settings_back_up(const char *root, const char *dir, const struct upkeep_settings *settings,
                     const struct upkeep_progress *progress, struct err *err)
{
    char *own = NULL, *to = NULL, *extra = NULL, *list = NULL;
    struct work w = {.progress = progress, .err = err};
    buf_init(&w.missing, FILE_BYTES_MAX);
    int rc = fsx_path(&own, err, "%s/pipeline.d", root);
    if (rc == ERR_OK)
        rc = fsx_path(&extra, err, "%s/settings", dir);
    if (rc == ERR_OK)
        rc = fsx_path(&list, err, "%s/MISSING.txt", extra);
    if (rc == ERR_OK) /* those of elsewhere must not hold in ROOT of themselves */
        rc = settings->dir && strcmp(settings->dir, own) == 0
                 ? fsx_path(&to, err, "%s/pipeline.d", dir)
                 : fsx_path(&to, err, "%s/pipeline.d", extra);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(extra, err);
    if (rc == ERR_OK && settings->dir)
        rc = copy_conf(&w, settings->dir, to, err);
    w.dir = extra;
    w.rc = rc;
    if (rc == ERR_OK && settings->cfg)
        cfg_each(settings->cfg, copy_named, &w);
    if ((rc = w.rc) == ERR_OK)
        rc = fsx_write_file(list, buf_data(&w.missing), w.missing.used, err);
    buf_clear(&w.missing);
    free(own);
    free(to);
    free(extra);
    free(list);
    return rc;
}
