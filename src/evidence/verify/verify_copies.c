#include "verify_copies.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct confine_limits limits = {.memory_bytes = INT64_C(2) << 30};

/* ---- who is whose ---- */

/* The id in data/<folder>/<id>.<…>: as the catalogue makes them, letters, digits and hyphens. */
static bool id_of(const char *name, char id[CUSTODY_ID_ROOM])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const char *folder = strncmp(name, "data/", 5) == 0 ? name + 5 : "";
    const char *base = strchr(folder, '/');
    size_t n = base ? strspn(++base, letters) : 0;
    if (n == 0 || n >= CUSTODY_ID_ROOM || base[n] != '.' || strchr(base, '/'))
        return false;
    snprintf(id, CUSTODY_ID_ROOM, "%.*s", (int)n, base);
    return true;
}

static bool is_in(const char *name, const char *folder)
{
    return strncmp(name, folder, strlen(folder)) == 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct clip *)a)->id, ((const struct clip *)b)->id);
}

struct clip *copies_clip(const struct copies *c, const char *name)
{
    struct clip key;
    return id_of(name, key.id) && c->n ? bsearch(&key, c->clip, c->n, sizeof key, by_id) : NULL;
}

/* data/master/<id>.json tells of data/master/<id>.h265; the files of one id follow each other. */
static void add_master(struct copies *c, struct file *f, const char *id)
{
    struct clip *clip = c->n ? &c->clip[c->n - 1] : NULL;
    if (!clip || strcmp(clip->id, id) != 0) {
        clip = &c->clip[c->n++];
        *clip = (struct clip){.master = NULL};
        snprintf(clip->id, sizeof clip->id, "%s", id);
    }
    const char *after = f->name + strlen("data/master/") + strlen(id);
    if (strcmp(after, ".json") == 0)
        clip->facts = f;
    else if (clip->master)
        clip->two_masters = true;
    else
        clip->master = f;
    if (clip->master == f)
        clip->partial = strncmp(after, ".partial.", 9) == 0;
}

static int list_clips(struct copies *c, struct err *err)
{
    size_t n, masters = 0;
    char id[CUSTODY_ID_ROOM];
    struct file *all = verify_files(c->v, &n);
    for (size_t i = 0; i < n; i++)
        masters += is_in(all[i].name, "data/master/");
    c->clip = malloc((masters ? masters : 1) * sizeof *c->clip);
    if (!c->clip)
        return err_set(err, ERR_NOMEM, "no memory for %zu originals", masters);
    for (size_t i = 0; i < n; i++)
        if (is_in(all[i].name, "data/master/") && id_of(all[i].name, id))
            add_master(c, &all[i], id);
    if (c->n)
        qsort(c->clip, c->n, sizeof *c->clip, by_id);
    return ERR_OK;
}

/* ---- children ---- */

int copies_wait(struct confine *child, struct err *err)
{
    double done;
    while (confine_step(child, &done)) {
        struct pollfd p = {.fd = confine_fd(child), .events = POLLIN};
        int rc = extract_stopped(err);
        if (rc < 0)
            return rc;
        poll(&p, 1, confine_wait_ms(child)); /* a signal ends it early */
    }
    return ERR_OK;
}

const char *copies_reason(const struct err *err, const char *path)
{
    size_t n = strlen(path);
    return strncmp(err->text, path, n) == 0 && strncmp(err->text + n, ": ", 2) == 0
               ? err->text + n + 2
               : err->text;
}

static int read_slices(const char *path, struct convert_slices *out, struct err *err)
{
    struct confine *child = NULL;
    struct err why;
    int rc = confine_slices_start(&child, path, &limits, err);
    if (rc < 0)
        return rc;
    int stopped = copies_wait(child, &why);
    rc = confine_slices_finish(&child, out, err);
    return stopped < 0 ? (*err = why).code : rc;
}

/* ---- same pictures ---- */

/* What a file holds goes against the file; what is in our way ends it all. */
static int look_into(struct copies *c, struct clip *clip, const struct file *f, const char *path,
                     struct err *err)
{
    struct convert_slices found;
    int rc = read_slices(path, &found, err);
    if (rc == ERR_AGAIN || rc == ERR_IO)
        return rc;
    if (rc == ERR_OK && found.film != (f == clip->working))
        rc = err_set(err, ERR_MALFORMED, found.film ? "it is a video" : "it is not a video");
    if (rc < 0) {
        verify_problem(c->v, VERIFY_PICTURES, "%s: %s", f->name, copies_reason(err, path));
        return ERR_OK;
    }
    snprintf(found.film ? clip->working_slices : clip->master_slices, HASH_HEX_ROOM, "%s",
             found.sha256);
    if (found.film)
        clip->pictures = found.pictures;
    return ERR_OK;
}

static bool is_compared(const struct clip *clip)
{
    return clip->working && clip->working->sound && clip->master && clip->master->sound;
}

static bool wants_footage(void *arg, const struct file *f)
{
    const struct copies *c = arg;
    const struct clip *clip = copies_clip(c, f->name);
    return clip && ((f == clip->master && (is_compared(clip) || clip->n_recipes > 0)) ||
                    (f == clip->working && is_compared(clip)));
}

static int take_footage(void *arg, struct file *f, const char *path, struct err *err)
{
    struct copies *c = arg;
    struct clip *clip = copies_clip(c, f->name);
    int rc = is_compared(clip) ? look_into(c, clip, f, path, err) : ERR_OK;
    if (rc == ERR_OK && f == clip->master && clip->n_recipes > 0)
        rc = reproduce_clip(c, clip, path, err);
    return rc;
}

/* data/working/<id>.working.mp4 is the working copy of <id>; nothing else belongs there. */
static int find_working(struct copies *c)
{
    size_t n;
    int found = 0;
    struct file *all = verify_files(c->v, &n);
    for (size_t i = 0; i < n; i++) {
        if (!is_in(all[i].name, "data/working/"))
            continue;
        struct clip *clip = copies_clip(c, all[i].name);
        const char *base = strrchr(all[i].name, '/') + 1;
        found++;
        if (!clip || !clip->master)
            verify_problem(c->v, VERIFY_PICTURES, "%s: its original is missing", all[i].name);
        else if (strcmp(base + strlen(clip->id),
                        clip->partial ? ".partial.working.mp4" : ".working.mp4") != 0)
            verify_problem(c->v, VERIFY_PICTURES, "%s: not a valid name for a working copy",
                           all[i].name);
        else if (clip->two_masters)
            verify_problem(c->v, VERIFY_PICTURES, "%s: it has several originals", all[i].name);
        else
            clip->working = &all[i];
    }
    return found;
}

static void tell_pictures(struct copies *c, int working)
{
    char text[200];
    int same = 0;
    int64_t pictures = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct clip *clip = &c->clip[i];
        if (!clip->master_slices[0] || !clip->working_slices[0])
            continue;
        bool equal = strcmp(clip->master_slices, clip->working_slices) == 0;
        same += equal;
        pictures += equal ? clip->pictures : 0;
        if (!equal)
            verify_problem(c->v, VERIFY_PICTURES,
                           "%s: coded frames differ from those of %s; SHA-256 of the slices is "
                           "%.16s…, expected %.16s…",
                           clip->working->name, clip->master->name, clip->working_slices,
                           clip->master_slices);
    }
    snprintf(text, sizeof text,
             "%d working cop%s, %" PRId64 " pictures: the coded bytes of the "
             "originals",
             same, same == 1 ? "y" : "ies", pictures);
    if (c->v->problems[VERIFY_PICTURES] > 0 || (working > 0 && same == working)) {
        verify_result(c->v, VERIFY_PICTURES, text);
        return;
    }
    if (working > 0)
        snprintf(text, sizeof text, "%d of %d working copies: they or their originals were changed",
                 working - same, working);
    c->v->to->told(c->v->to->arg, VERIFY_PICTURES, working ? VERIFY_NOT_JUDGED : VERIFY_NOT_PRESENT,
                   working ? text : "no working copies");
}

/* ---- all of it ---- */

static bool anything_to_read(const struct copies *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (is_compared(&c->clip[i]))
            return true;
    return c->v->request->reproduce && c->n > 0;
}

static int read_all(struct copies *c, struct err *err)
{
    if (!anything_to_read(c))
        return ERR_OK;
    int rc = extract_open(&c->extract, c->v, err);
    if (rc == ERR_OK && c->v->request->reproduce)
        rc = reproduce_read_recipes(c, err);
    if (rc == ERR_OK)
        rc = extract_each(c->extract, wants_footage, take_footage, c, err);
    extract_close(&c->extract);
    return rc;
}

int verify_copies(struct verify *v, struct err *err)
{
    struct copies c = {.v = v};
    int working = 0, rc = list_clips(&c, err);
    if (rc == ERR_OK) {
        working = find_working(&c);
        rc = read_all(&c, err);
    }
    if (rc == ERR_OK) {
        tell_pictures(&c, working);
        reproduce_tell(&c);
    }
    for (size_t i = 0; i < c.n; i++)
        for (int k = 0; k < c.clip[i].n_recipes; k++)
            free(c.clip[i].recipe[k]);
    free(c.clip);
    return rc;
}
