/* The copies of a redacted package, made anew from the masters. */
#include "dashspool/clock.h"
#include "dashspool/confine.h"
#include "dashspool/fsx.h"
#include "dashspool/master.h"
#include "dashspool/recipe.h"
#include "redaction_internal.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the store has of it. */
struct had {
    const struct catalogue_transfer *t;
    bool pictures, sheet;
};

static int look_at_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct had *had = arg;
    (void)err;
    if (!catalogue_copy_is_current(had->t, copy))
        return ERR_OK;
    had->pictures = had->pictures || report_facts_shows(copy->kind);
    had->sheet = had->sheet || strcmp(copy->kind, copy_kind_name(COPY_SHEET)) == 0;
    return ERR_OK;
}

static void choose(const struct redaction *r, const struct catalogue_transfer *t,
                   const struct had *had, struct convert_options *out)
{
    *out = r->asked->options;
    out->copies = COPY_VIEWING | COPY_POSTER | (had->sheet ? (unsigned)COPY_SHEET : 0);
    out->n_moments = out->n_masks = 0;
    out->no_sound = r->asked->no_sound;
    for (size_t i = 0; i < r->asked->n_masks; i++)
        if (redaction_mask_is_for(&r->asked->mask[i], t))
            out->mask[out->n_masks++] = r->asked->mask[i].mask;
}

/* What convert says of a mask begins with the path of a file that nobody has seen. */
static int explain(const struct catalogue_transfer *t, struct err *err)
{
    const char *at = strstr(err->text, "the mask ");
    char why[sizeof err->text];
    snprintf(why, sizeof why, "%s", at ? at : err->text);
    return err_set(err, ERR_CONFIG, "%s: %s; a mask can be for one camera, or for one ID", t->id,
                   why);
}

/* A signal that the caller has caught ends it. */
static int convert(struct package *p, const struct catalogue_transfer *t, const char *master,
                   const struct convert_options *options, struct err *err)
{
    struct redaction *r = p->redaction;
    struct media_facts facts;
    struct confine *c = NULL;
    struct err stopped;
    char stem[CATALOGUE_ID_ROOM + 16];
    double done = 0, last = 0;
    recipe_facts(t, &facts);
    snprintf(stem, sizeof stem, "%s%s", t->id, t->state == CATALOGUE_STORED ? "" : ".partial");
    int rc = confine_start(&c, master, r->work.path, stem, &facts, options, &r->asked->limits, err);
    if (rc < 0)
        return rc;
    while (rc == ERR_OK && confine_step(c, &done)) {
        rc = package_did(p, (int64_t)((done - last) * (double)t->length_bytes), &stopped);
        last = done;
        struct pollfd wait = {.fd = confine_fd(c), .events = POLLIN};
        if (rc == ERR_OK)
            poll(&wait, 1, confine_wait_ms(c));
    }
    int ended = confine_finish(&c, &r->result, err);
    if (rc < 0)
        *err = stopped;
    return rc < 0 ? rc : ended == ERR_CONFIG ? explain(t, err) : ended;
}

static void describe(const struct redaction *r, int i, struct catalogue_copy *out)
{
    const struct convert_output *o = &r->result.output[i];
    *out = (struct catalogue_copy){.length_bytes = o->length_bytes};
    snprintf(out->kind, sizeof out->kind, "%s", copy_kind_name(o->kind));
    snprintf(out->path, sizeof out->path, "%s", o->path + strlen(r->work.path) + 1);
    snprintf(out->sha256, sizeof out->sha256, "%s", o->sha256);
    snprintf(out->tool, sizeof out->tool, "dashspool %s%s", DASHSPOOL_VERSION,
             strstr(out->path, "-REDACTED-DERIVED.") ? ", redacted" : "");
}

static int put_copies(struct package *p, int *copies, struct err *err)
{
    const struct redaction *r = p->redaction;
    struct catalogue_copy copy;
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < r->result.n_outputs; i++) {
        describe(r, i, &copy);
        rc = package_put_copy(p, &copy, r->work.path, err);
        *copies += 1;
    }
    return rc;
}

int redaction_put(struct package *p, const struct catalogue_transfer *t, int *copies,
                  struct err *err)
{
    struct had had = {.t = t};
    struct convert_options options;
    char *master = NULL;
    p->redaction->result = (struct convert_result){0};
    p->result->partial += t->state != CATALOGUE_STORED;
    int rc = catalogue_copy_each(p->catalogue, t->key, look_at_copy, &had, err);
    if (rc == ERR_OK)
        rc = fsx_path(&master, err, "%s/%s", p->redaction->work.path, t->id);
    if (rc < 0)
        return rc;
    choose(p->redaction, t, &had, &options);
    struct catalogue_transfer of = *t;
    rc = master_extract(p->raw, &of, master, err);
    if (rc == ERR_OK) {
        rc = convert(p, t, master, &options, err);
        if ((rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED) && !had.pictures)
            rc = ERR_OK; /* nor does the full package show it */
    }
    if (unlink(master) < 0 && rc == ERR_OK)
        rc = err_sys(err, "remove %s", master);
    free(master);
    return rc < 0 ? rc : put_copies(p, copies, err);
}

int redaction_tell(struct package *p, struct err *err)
{
    const struct redaction *r = p->redaction;
    struct catalogue_copy copy;
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < r->result.n_outputs; i++) {
        const char *path = r->result.output[i].path;
        describe(r, i, &copy);
        rc = report_facts_redacted(p->story, &copy, path, r->asked->no_sound, err);
        if (unlink(path) < 0 && rc == ERR_OK)
            rc = err_sys(err, "remove %s", path);
    }
    return rc;
}
