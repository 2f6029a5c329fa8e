#include "plan.h"
#include "dashspool/fsx.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Neither the master nor (unless it may be replaced) anything else is in the way. */
static int check_free(const char *path, const char *input, bool overwrite, struct err *err)
{
    struct stat in, out;
    if (lstat(path, &out) < 0)
        return errno == ENOENT ? ERR_OK : err_sys(err, "%s", path);
    if (stat(input, &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return err_set(err, ERR_CONFIG, "the copy %s would replace the master", path);
    return overwrite ? ERR_OK : err_set(err, ERR_BUSY, "%s is there already", path);
}

/* Names of moments differ by their offset: <stem>.still-12.340s-DERIVED.jpg. */
static void suffix_text(const struct plan_output *o, char *out, size_t room)
{
    if (o->maker->kind == CONVERT_MOMENT)
        snprintf(out, room, "still-%.3fs-DERIVED.jpg", (double)o->moment_us / 1e6);
    else
        snprintf(out, room, "%s", o->maker->suffix);
}

static int add_output(struct plan *p, const struct copy_maker *maker, int64_t moment_us,
                      const char *input, const char *out_dir, const char *stem, bool overwrite,
                      struct err *err)
{
    char suffix[64];
    if (p->n >= CONVERT_OUTPUTS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d outputs", CONVERT_OUTPUTS_MAX);
    struct plan_output *o = &p->output[p->n++];
    o->maker = maker;
    o->moment_us = moment_us;
    suffix_text(o, suffix, sizeof suffix);
    int rc = fsx_path(&o->path, err, "%s/%s.%s", out_dir, stem, suffix);
    if (rc == ERR_OK && strlen(o->path) >= sizeof((struct convert_output *)0)->path)
        rc = err_set(err, ERR_LIMIT, "the path of the copy is too long");
    if (rc == ERR_OK)
        rc = check_free(o->path, input, overwrite, err);
    if (rc < 0)
        return rc;
    char *tmp = NULL;
    if ((rc = fsx_path(&tmp, err, "%s/.%s.%s.XXXXXX", out_dir, stem, suffix)) < 0)
        return rc;
    int fd = mkstemp(tmp);
    if (fd < 0) {
        rc = err_sys(err, "create %s", tmp);
        free(tmp);
        return rc;
    }
    o->tmp = tmp;
    if (fchmod(fd, 0640) < 0)
        rc = err_sys(err, "chmod %s", tmp);
    close(fd);
    return rc;
}

int plan_make(struct plan *p, enum convert_container container, const char *input,
              const char *out_dir, const char *stem, const struct convert_options *options,
              struct err *err)
{
    *p = (struct plan){0};
    bool photo = container == CONVERT_JPEG;
    unsigned copies = photo ? (unsigned)CONVERT_STILL : options->copies & ~(unsigned)CONVERT_STILL;
    if (!stem[0] || strchr(stem, '/'))
        return err_set(err, ERR_CONFIG, "'%s' is no name for a copy", stem);
    if (copies == 0)
        return err_set(err, ERR_CONFIG, "no copy is asked for");
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < copy_n_makers; i++) {
        const struct copy_maker *maker = &copy_makers[i];
        int n = maker->kind == CONVERT_MOMENT ? options->n_moments : 1;
        for (int k = 0; rc == ERR_OK && copies & maker->kind && k < n; k++)
            rc = add_output(p, maker, maker->kind == CONVERT_MOMENT ? options->moment_us[k] : 0,
                            input, out_dir, stem, options->overwrite, err);
    }
    return rc;
}

void plan_clear(struct plan *p, bool failed)
{
    for (int i = 0; i < p->n; i++) {
        struct plan_output *o = &p->output[i];
        if (o->tmp)
            unlink(o->tmp);
        else if (failed && o->made_visible)
            unlink(o->path);
        free(o->tmp);
        free(o->path);
    }
    *p = (struct plan){0};
}

static int describe_output(const struct plan_output *o, struct convert_result *result,
                           struct err *err)
{
    struct convert_output *out = &result->output[result->n_outputs];
    uint8_t digest[HASH_BYTES];
    struct stat st;
    int rc = fsx_sync_file(o->tmp, err);
    if (rc == ERR_OK)
        rc = hash_file(o->tmp, digest, err);
    if (rc < 0)
        return rc;
    if (stat(o->tmp, &st) < 0)
        return err_sys(err, "%s", o->tmp);
    out->kind = o->maker->kind;
    out->length_bytes = st.st_size;
    hash_hex(digest, out->sha256);
    snprintf(out->path, sizeof out->path, "%s", o->path);
    result->n_outputs++;
    return ERR_OK;
}

int plan_publish(struct plan *p, const char *out_dir, struct convert_result *result,
                 struct err *err)
{
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < p->n; i++)
        rc = describe_output(&p->output[i], result, err);
    for (int i = 0; rc == ERR_OK && i < p->n; i++) {
        struct plan_output *o = &p->output[i];
        if (rename(o->tmp, o->path) < 0) {
            rc = err_sys(err, "rename to %s", o->path);
            break;
        }
        free(o->tmp);
        o->tmp = NULL;
        o->made_visible = true;
    }
    return rc < 0 ? rc : fsx_sync_dir(out_dir, err);
}
