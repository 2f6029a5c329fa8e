#include "plan.h"
#include "dashspool/fsx.h"
#include "redact.h"
#include <errno.h>
#include <fcntl.h>
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
    return overwrite ? ERR_OK : err_set(err, ERR_BUSY, "%s already exists", path);
}

/* Names of moments differ by their offset: <stem>.still-12.340s-DERIVED.jpg. */
static void suffix_text(const struct plan_output *o, bool redacted, char *out, size_t room)
{
    char whole[64];
    if (o->maker->kind == CONVERT_MOMENT)
        snprintf(whole, sizeof whole, "still-%.3fs-DERIVED.jpg", (double)o->moment_us / 1e6);
    else
        snprintf(whole, sizeof whole, "%s", o->maker->suffix);
    const char *derived = strstr(whole, "DERIVED");
    if (redacted && derived)
        snprintf(out, room, "%.*sREDACTED-%s", (int)(derived - whole), whole, derived);
    else
        snprintf(out, room, "%s", whole);
}

static int make_empty(const char *path, struct err *err)
{
    int rc = ERR_OK, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_sys(err, "create %s", path);
    if (fchmod(fd, 0640) < 0)
        rc = err_sys(err, "chmod %s", path);
    close(fd);
    return rc;
}

static int add_output(struct plan *p, const struct copy_maker *maker, int64_t moment_us,
                      const char *input, const char *out_dir, const char *stage_dir,
                      const char *stem, bool redacted, bool overwrite, struct err *err)
{
    char suffix[80];
    if (p->n >= CONVERT_OUTPUTS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d outputs", CONVERT_OUTPUTS_MAX);
    struct plan_output *o = &p->output[p->n++];
    o->maker = maker;
    o->moment_us = moment_us;
    suffix_text(o, redacted, suffix, sizeof suffix);
    int rc = fsx_path(&o->path, err, "%s/%s.%s", out_dir, stem, suffix);
    if (rc == ERR_OK && strlen(o->path) >= sizeof((struct convert_output *)0)->path)
        rc = err_set(err, ERR_LIMIT, "the path of the copy is too long");
    if (rc == ERR_OK)
        rc = check_free(o->path, input, overwrite, err);
    if (rc < 0)
        return rc;
    rc = fsx_path(&o->tmp, err, "%s/%s.%s", stage_dir, stem, suffix);
    return rc < 0 ? rc : make_empty(o->tmp, err);
}

int plan_make(struct plan *p, enum media_container container, const char *input,
              const char *out_dir, const char *stage_dir, const char *stem,
              const struct convert_options *options, struct err *err)
{
    *p = (struct plan){0};
    bool photo = container == MEDIA_JPEG;
    unsigned copies = photo ? (unsigned)CONVERT_STILL : options->copies & ~(unsigned)CONVERT_STILL;
    if (!stem[0] || strchr(stem, '/'))
        return err_set(err, ERR_CONFIG, "'%s' is no name for a copy", stem);
    if (copies == 0)
        return err_set(err, ERR_CONFIG, "no copies requested");
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < copy_n_makers; i++) {
        const struct copy_maker *maker = &copy_makers[i];
        int n = maker->kind == CONVERT_MOMENT ? options->n_moments : 1;
        for (int k = 0; rc == ERR_OK && copies & maker->kind && k < n; k++)
            rc = add_output(p, maker, maker->kind == CONVERT_MOMENT ? options->moment_us[k] : 0,
                            input, out_dir, stage_dir, stem, redact_asked(options, container),
                            options->overwrite, err);
    }
    return rc;
}

void plan_describe(const struct plan *p, struct convert_result *result)
{
    for (int i = 0; i < p->n; i++) {
        struct convert_output *out = &result->output[result->n_outputs++];
        out->kind = p->output[i].maker->kind;
        snprintf(out->path, sizeof out->path, "%s", p->output[i].path);
    }
}

void plan_clear(struct plan *p)
{
    for (int i = 0; i < p->n; i++) {
        free(p->output[i].tmp);
        free(p->output[i].path);
    }
    *p = (struct plan){0};
}
