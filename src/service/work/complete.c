#include "archive_dir.h"
#include "dashspool/catalogue.h"
#include "dashspool/confine.h"
#include "dashspool/export.h"
#include "dashspool/fsx.h"
#include "dashspool/master.h"
#include "dashspool/pipeline_complete.h"
#include "dashspool/raw.h"
#include "dashspool/recipe.h"
#include "dashspool/workdir.h"
#include "record.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct completer {
    const char *root;
    struct catalogue *catalogue;
    struct raw *raw;
    struct convert_options options;
    struct confine_limits limits;
    struct pipeline_completion *completion;
    struct workdir tmp; /* for the masters, if the caller has none */
};

/* ---- what is missing ---- */

struct have {
    const struct completer *c;
    const struct catalogue_transfer *t;
    unsigned kinds;
};

static int note_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct have *have = arg;
    char *path = NULL;
    unsigned kind = 0;
    struct err unknown;
    int rc = fsx_path(&path, err, "%s/%s", have->c->root, copy->path);
    if (rc < 0)
        return rc;
    if (strcmp(copy->kind, "still") == 0)
        kind = CONVERT_STILL;
    else if (convert_copies_parse(copy->kind, &kind, &unknown) < 0)
        kind = 0; /* a moment, or of another version */
    if (catalogue_copy_is_current(have->t, copy) && access(path, R_OK) == 0)
        have->kinds |= kind;
    free(path);
    return ERR_OK;
}

static int missing(const struct completer *c, const struct catalogue_transfer *t, unsigned *out,
                   struct err *err)
{
    struct have have = {c, t, 0};
    unsigned want = CONVERT_WORKING | CONVERT_VIEWING | CONVERT_TIMING | CONVERT_CSV |
                    CONVERT_POSTER | CONVERT_SHEET;
    if (t->known & CATALOGUE_POSITION_OK || c->options.track_path[0])
        want |= CONVERT_GPX | CONVERT_KML | CONVERT_GEOJSON;
    if (strcmp(t->kind, "photo") == 0)
        want = CONVERT_STILL;
    int rc = catalogue_copy_each(c->catalogue, t->key, note_copy, &have, err);
    *out = want & ~have.kinds;
    return rc;
}

/* ---- a transfer ---- */

static int step(struct completer *c, struct confine *child, const char *id, struct err *err)
{
    double done = 0;
    const struct pipeline_completion *p = c->completion;
    for (bool more = true; more;) {
        struct pollfd fd = {.fd = confine_fd(child), .events = POLLIN};
        poll(&fd, 1, confine_wait_ms(child) < 200 ? confine_wait_ms(child) : 200);
        more = confine_step(child, &done);
        if (p->progress && !p->progress(p->arg, id, done))
            return err_set(err, ERR_AGAIN, "interrupted");
    }
    return ERR_OK;
}

static int convert(struct completer *c, const struct catalogue_transfer *t, const char *master,
                   const char *dir, struct convert_result *result, struct err *err)
{
    char stem[CATALOGUE_ID_ROOM + 16];
    struct media_facts facts;
    struct confine *child = NULL;
    struct err stopped;
    export_media_facts(t, &facts);
    snprintf(stem, sizeof stem, "%s%s", t->id, t->state == CATALOGUE_PARTIAL ? ".partial" : "");
    int rc = confine_start(&child, master, dir, stem, &facts, &c->options, &c->limits, err);
    if (rc < 0)
        return rc;
    int ended = step(c, child, t->id, &stopped);
    rc = confine_finish(&child, result, err);
    if (ended < 0)
        *err = stopped;
    return ended < 0 ? ended : rc;
}

/* What a conversion cannot make is told and is no error of ours. */
static int judge(const struct completer *c, const struct catalogue_transfer *t, int rc,
                 const struct err *err)
{
    bool its_own = rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED || rc == ERR_LIMIT;
    if (its_own && c->completion->cannot)
        c->completion->cannot(c->completion->arg, t->id, err->text);
    return its_own ? ERR_OK : rc;
}

static int make_copies(struct completer *c, struct catalogue_transfer *t, struct err *err)
{
    char *master = NULL, *dir = NULL;
    struct convert_result result;
    int rc = fsx_path(&master, err, "%s/master.%s", c->tmp.path ? c->tmp.path : c->completion->dir,
                      strcmp(t->kind, "photo") == 0 ? "jpg" : "h265");
    if (rc == ERR_OK)
        rc = master_extract(c->raw, t, master, err);
    if (rc == ERR_OK)
        rc = archive_dir(c->root, t, &dir, err);
    if (rc == ERR_OK) {
        rc = convert(c, t, master, dir, &result, err);
        if (rc == ERR_OK) {
            rc = record_copies(c->catalogue, c->root, t, &c->options, &result, NULL, 0, err);
            c->completion->made += result.n_outputs;
        } else {
            rc = judge(c, t, rc, err);
        }
    }
    if (master)
        unlink(master);
    free(master);
    free(dir);
    return rc;
}

static int complete(struct completer *c, const char *id, struct err *err)
{
    struct catalogue_transfer t;
    int rc = catalogue_transfer_get(c->catalogue, id, &t, err);
    if (rc < 0 || t.state == CATALOGUE_RECEIVING)
        return rc;
    rc = missing(c, &t, &c->options.copies, err);
    return rc < 0 || c->options.copies == 0 ? rc : make_copies(c, &t, err);
}

/* ---- all of them ---- */

static int open_all(struct completer *c, const struct cfg *cfg, struct err *err)
{
    convert_options_from_cfg(cfg, &c->options);
    confine_limits_from_cfg(cfg, &c->limits);
    c->options.overwrite = true; /* what is there, but not in the catalogue */
    int rc = catalogue_open(&c->catalogue, c->root, false, err);
    if (rc == ERR_OK)
        rc = raw_open(&c->raw, c->root, err);
    if (rc == ERR_OK && !c->completion->dir)
        rc = workdir_open(&c->tmp, c->root, ".complete-", err);
    return rc;
}

int pipeline_complete(const char *root, const struct cfg *cfg, const char *const *ids, size_t n,
                      struct pipeline_completion *completion, struct err *err)
{
    struct completer c = {.root = root, .completion = completion, .tmp = WORKDIR_NONE};
    completion->made = 0;
    int rc = open_all(&c, cfg, err);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = complete(&c, ids[i], err);
    workdir_close(&c.tmp);
    raw_close(&c.raw);
    catalogue_close(&c.catalogue);
    return rc;
}
