/* Files of a package, one at a time, in a directory of our own. */
#include "dashspool/confine.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/stop.h"
#include "verify_internal.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct extract {
    struct verify *v;
    struct workdir work;
    /* while files are handed out */
    extract_want_fn *want;
    extract_file_fn *file;
    void *arg;
    struct file *now;
    char *path;
    int fd;
};

int extract_stopped(struct err *err)
{
    return stop_caught() ? err_set(err, ERR_AGAIN, "stopped by a signal; nothing is left behind")
                         : ERR_OK;
}

static const char *extract_parent(void)
{
    const char *tmp = getenv("TMPDIR");
    return tmp && tmp[0] == '/' ? tmp : "/tmp";
}

int extract_open(struct extract **out, struct verify *v, struct err *err)
{
    struct extract *x = *out = calloc(1, sizeof *x);
    if (!x)
        return err_nomem(err, "looking into footage");
    x->v = v;
    x->fd = -1;
    stop_catch();
    x->work = WORKDIR_NONE;
    int rc = workdir_open(&x->work, extract_parent(), "dashspool-verify-", err);
    if (rc < 0)
        err_wrap(err, "TMPDIR chooses where");
    if (rc < 0)
        extract_close(out);
    return rc;
}

void extract_close(struct extract **x)
{
    if (!*x)
        return;
    if ((*x)->fd >= 0)
        close((*x)->fd);
    workdir_close(&(*x)->work);
    stop_release();
    free((*x)->path);
    free(*x);
    *x = NULL;
}

const char *extract_dir(const struct extract *x)
{
    return x->work.path;
}

/* ---- reading ---- */

static bool on_want(void *arg, const char *name)
{
    struct extract *x = arg;
    const struct file *f = verify_find(x->v, name);
    return f && f->sound && x->want(x->arg, f);
}

/* The extension as it is, if it is a short one of letters and digits: what a file is, its content
 * tells. */
static const char *extension(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    const char *dot = strrchr(name, '.');
    return dot && strlen(dot) <= 8 && strspn(dot + 1, letters) == strlen(dot + 1) ? dot : "";
}

static int on_begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct extract *x = arg;
    (void)size;
    x->now = verify_find(x->v, name);
    free(x->path);
    int rc = fsx_path(&x->path, err, "%s/master%s", x->work.path, extension(name));
    if (rc < 0)
        return rc;
    x->fd = open(x->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return x->fd < 0 ? err_sys(err, "create %s", x->path) : ERR_OK;
}

static int on_data(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct extract *x = arg;
    hash_update(x->v->hash, data, n);
    int rc = fsx_write_all(x->fd, data, n, err);
    if (rc < 0)
        return err_wrap(err, "%s (TMPDIR chooses where)", x->path);
    return extract_stopped(err);
}

static int on_end(void *arg, struct err *err)
{
    struct extract *x = arg;
    int rc = close(x->fd) < 0 ? err_sys(err, "close %s", x->path) : ERR_OK;
    x->fd = -1;
    if (rc == ERR_OK) {
        uint8_t digest[HASH_BYTES];
        char sha256[HASH_HEX_ROOM];
        rc = hash_final(x->v->hash, digest, err);
        if (rc == ERR_OK) {
            hash_hex(digest, sha256);
            if (strcmp(sha256, x->now->sha256) != 0)
                rc = err_set(err, ERR_MALFORMED, "%s: '%s' was changed while it was read",
                             x->v->request->path, x->now->name);
        }
    }
    if (rc == ERR_OK)
        rc = x->file(x->arg, x->now, x->path, err);
    if (unlink(x->path) < 0 && rc == ERR_OK)
        rc = err_sys(err, "remove %s", x->path);
    return rc;
}

int extract_each(struct extract *x, extract_want_fn *want, extract_file_fn *file, void *arg,
                 struct err *err)
{
    static const struct bag_reader reader = {
        .begin = on_begin, .data = on_data, .end = on_end, .want = on_want};
    x->want = want;
    x->file = file;
    x->arg = arg;
    int rc = bag_read(x->v->request->path, NULL, &reader, x, err);
    return rc < 0 ? rc : extract_stopped(err);
}

int verify_guard(const char *const *paths, const char *ca_path, struct err *err)
{
    struct sandbox_report report;
    const char *const writes[] = {extract_parent(), NULL}, *const nothing_else[] = {NULL};
    size_t n = 0;
    if (access(extract_parent(), W_OK | X_OK) < 0)
        return err_sys(err, "%s (TMPDIR chooses where)", extract_parent());
    while (paths[n])
        n++;
    const char **reads = calloc(n + 3, sizeof *reads);
    if (!reads)
        return err_nomem(err, "%zu packages", n);
    memcpy(reads, paths, n * sizeof *reads);
    reads[n] = "/usr/lib/locale"; /* upper and lower case of names (bag.h) */
    reads[n + 1] = ca_path;
    int rc = confine_guard("verify", reads, nothing_else, writes, &report, err);
    if (rc == ERR_OK && report.missing[0])
        log_debug("verify", "sandbox incomplete", LOG_TEXT("reason", report.missing));
    free(reads);
    return rc;
}
