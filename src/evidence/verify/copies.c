/* The masters of a package and what was made of each: whether the working copies have their coded
 * frames, and whether the copies, made again, are the same bytes. */
#include "dashspool/confine.h"
#include "dashspool/copy_kind.h"
#include "dashspool/fsx.h"
#include "dashspool/recipe.h"
#include "dashspool/text.h"
#include "dashspool/track.h"
#include "verify_internal.h"
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FACTS_BYTES_MAX  ((size_t)16 << 20) /* of one .json */

/* A copy larger than this and twice the one that is there is another in any case. */
#define COPY_SPARE_BYTES (INT64_C(64) << 20)

enum {
    CLIP_RECIPES_MAX = 8, /* ways in which the copies of one master were made */
    CLIP_WHY_ROOM = 760,
    CLIP_NAMES_ROOM = 600,
};

struct clip {
    char id[CUSTODY_ID_ROOM];
    struct file *master, *facts; /* NULL: it is not there; the facts are its .json */
    bool two_masters;
    bool partial; /* the master is <id>.partial.<…>, and so are its copies */
    bool beside;  /* its copies are <id>.tracker.<…>: made anew for the tracker's account */

    /* same pictures */
    struct file *working;
    char master_slices[HASH_HEX_ROOM], working_slices[HASH_HEX_ROOM]; /* "" not read */
    int64_t pictures;

    /* reproduction; texts are "" where there is nothing to say */
    char *recipe[CLIP_RECIPES_MAX];
    int n_recipes;
    int64_t largest_bytes;       /* of the copies that have one */
    const struct file *track;    /* data/telemetry/<id>.track.csv; NULL: it is not there */
    char why_not[CLIP_WHY_ROOM]; /* no recipe, or none that can be followed: why */
    char failed[CLIP_WHY_ROOM];  /* why one could not be followed, though it should */
    char excuse[CLIP_WHY_ROOM];  /* why other bytes are no wonder */
    char others[CLIP_NAMES_ROOM], excused[CLIP_NAMES_ROOM]; /* names of copies that differ */
    int n_copies, n_same, n_others, n_excused;
};

struct copies {
    struct verify *v;
    struct extract *extract;
    struct clip *clip; /* by id */
    size_t n;
};

/* ---- who is whose ---- */

static bool is_in(const char *name, const char *folder)
{
    return strncmp(name, folder, strlen(folder)) == 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct clip *)a)->id, ((const struct clip *)b)->id);
}

static struct clip *clip_of(const struct copies *c, const char *name)
{
    struct clip key;
    return verify_id_of(name, key.id) && c->n ? bsearch(&key, c->clip, c->n, sizeof key, by_id)
                                              : NULL;
}

static int list_clips(struct copies *c, struct err *err)
{
    size_t n, masters = 0;
    char id[CUSTODY_ID_ROOM];
    struct file *all = verify_files(c->v, &n);
    for (size_t i = 0; i < n; i++)
        masters += is_in(all[i].name, BAG_MASTER);
    c->clip = malloc((masters ? masters : 1) * sizeof *c->clip);
    if (!c->clip)
        return err_nomem(err, "%zu originals", masters);
    for (size_t i = 0; i < n; i++)
        if (is_in(all[i].name, BAG_MASTER) && verify_id_of(all[i].name, id)) {
            /* data/master/<id>.json tells of data/master/<id>.h265; the files of one id follow each
             * other. */
            struct clip *clip = c->n ? &c->clip[c->n - 1] : NULL;
            if (!clip || strcmp(clip->id, id) != 0) {
                clip = &c->clip[c->n++];
                *clip = (struct clip){.master = NULL};
                snprintf(clip->id, sizeof clip->id, "%s", id);
            }
            const char *after = all[i].name + strlen(BAG_MASTER) + strlen(id);
            if (strcmp(after, ".json") == 0)
                clip->facts = &all[i];
            else if (clip->master)
                clip->two_masters = true;
            else
                clip->master = &all[i];
            if (clip->master == &all[i])
                clip->partial = strncmp(after, ".partial.", 9) == 0;
        }
    if (c->n)
        qsort(c->clip, c->n, sizeof *c->clip, by_id);
    for (size_t i = 0; i < n; i++) {
        const char *base = strrchr(all[i].name, '/');
        struct clip *clip = base ? clip_of(c, all[i].name) : NULL;
        if (clip && strncmp(base + 1 + strlen(clip->id), COPY_BESIDE ".", sizeof COPY_BESIDE) == 0)
            clip->beside = true;
    }
    return ERR_OK;
}

/* ---- children ---- */

/* Waits for a child, as long as nobody stops us. */
static int wait_for(struct confine *child, struct err *err)
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

/* A child's error without the name of our private file in front. */
static const char *reason_of(const struct err *err, const char *path)
{
    size_t n = strlen(path);
    return strncmp(err->text, path, n) == 0 && strncmp(err->text + n, ": ", 2) == 0
               ? err->text + n + 2
               : err->text;
}

static int read_slices(const char *path, struct media_slices *out, struct err *err)
{
    static const struct confine_limits limits = {.memory_bytes = INT64_C(2) << 30};
    struct confine *child = NULL;
    struct err why;
    int rc = confine_slices_start(&child, path, &limits, err);
    if (rc < 0)
        return rc;
    int stopped = wait_for(child, &why);
    rc = confine_slices_finish(&child, out, err);
    return stopped < 0 ? (*err = why).code : rc;
}

/* ---- same pictures ---- */

/* What a file holds goes against the file; what is in our way ends it all. */
static int look_into(struct copies *c, struct clip *clip, const struct file *f, const char *path,
                     struct err *err)
{
    struct media_slices found;
    int rc = read_slices(path, &found, err);
    if (rc == ERR_AGAIN || rc == ERR_IO)
        return rc;
    if (rc == ERR_OK && found.is_mp4 != (f == clip->working))
        rc = err_set(err, ERR_MALFORMED, found.is_mp4 ? "it is a video" : "it is not a video");
    if (rc < 0) {
        verify_problem(c->v, VERIFY_PICTURES, "%s: %s", f->name, reason_of(err, path));
        return ERR_OK;
    }
    snprintf(found.is_mp4 ? clip->working_slices : clip->master_slices, HASH_HEX_ROOM, "%s",
             found.sha256);
    if (found.is_mp4)
        clip->pictures = found.pictures;
    return ERR_OK;
}

static bool is_compared(const struct clip *clip)
{
    return clip->working && clip->working->sound && clip->master && clip->master->sound;
}

/* What stands between id and kind in the names of its copies. */
static const char *mark_of(const struct clip *clip)
{
    return clip->partial ? ".partial" : clip->beside ? COPY_BESIDE : "";
}

static bool is_working_name(const struct clip *clip, const char *behind_id)
{
    size_t n = strlen(mark_of(clip));
    return strncmp(behind_id, mark_of(clip), n) == 0 && behind_id[n] == '.' &&
           copy_kind_of_suffix(behind_id + n + 1) == COPY_WORKING;
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
    snprintf(text, sizeof text, "%d working cop%s, %lld %s: the coded bytes of the originals", same,
             same == 1 ? "y" : "ies", SIZE_COUNT(pictures, "picture", "pictures"));
    if (c->v->problems[VERIFY_PICTURES] > 0 || (working > 0 && same == working)) {
        verify_result(c->v, VERIFY_PICTURES, text);
        return;
    }
    if (working > 0)
        snprintf(text, sizeof text, "%d of %d working copies: they or their originals were changed",
                 working - same, working);
    verify_tell(c->v, VERIFY_PICTURES, working ? VERIFY_NOT_JUDGED : VERIFY_NOT_PRESENT,
                working ? text : "no working copies");
}

/* ---- reproduction: what the facts say ---- */

static bool wants_facts(void *arg, const struct file *f)
{
    const struct clip *clip = clip_of(arg, f->name);
    return clip && clip->facts == f;
}

/* Which of the clip's recipes this is, from 1 on; 0: there are too many. Takes the text. */
static int recipe_number(struct clip *clip, char *text)
{
    for (int i = 0; i < clip->n_recipes; i++)
        if (strcmp(clip->recipe[i], text) == 0) {
            free(text);
            return i + 1;
        }
    if (clip->n_recipes == CLIP_RECIPES_MAX || strlen(text) > RECIPE_BYTES_MAX) {
        free(text);
        snprintf(clip->why_not, sizeof clip->why_not, "%s",
                 "they were made in too many or too long ways");
        return 0;
    }
    clip->recipe[clip->n_recipes++] = text;
    return clip->n_recipes;
}

static int take_copy(struct copies *c, struct clip *clip, const json_t *copy, struct err *err)
{
    const char *kind = json_string_value(json_object_get(copy, "kind"));
    const char *path = json_string_value(json_object_get(copy, "path"));
    const json_t *settings = json_object_get(copy, "settings");
    char name[BAG_NAME_ROOM], *text, *recipe;
    if (!kind || !path)
        return ERR_OK;
    struct file *f = bag_copy_name(name, kind, path) ? verify_find(c->v, name) : NULL;
    if (!f || clip_of(c, name) != clip)
        return ERR_OK;
    if (!json_is_object(settings))
        return ERR_OK;
    if (!(text = json_dumps(settings, JSON_COMPACT)))
        return err_nomem(err, "a recipe");
    int rc = recipe_settings_recipe(&recipe, text, clip->why_not, 301, err);
    free(text);
    if (!recipe)
        return rc;
    f->recipe = recipe_number(clip, recipe);
    if (f->bytes > clip->largest_bytes)
        clip->largest_bytes = f->bytes;
    return ERR_OK;
}

static int take_facts(void *arg, struct file *f, const char *path, struct err *err)
{
    struct copies *c = arg;
    struct clip *clip = clip_of(c, f->name);
    struct buf text;
    struct err why;
    buf_init(&text, FACTS_BYTES_MAX);
    int rc = fsx_read_file(path, &text, &why);
    json_t *facts =
        rc < 0 ? NULL
               : json_loadb((const char *)buf_data(&text), text.used, JSON_REJECT_DUPLICATES, NULL);
    const json_t *list = json_object_get(facts, "copies");
    if (!facts)
        snprintf(clip->why_not, sizeof clip->why_not, "%.200s cannot be read", f->name);
    rc = rc == ERR_NOMEM ? (*err = why).code : ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < json_array_size(list); i++)
        rc = take_copy(c, clip, json_array_get(list, i), err);
    json_decref(facts);
    buf_clear(&text);
    return rc;
}

/*
 * ---- reproduction: the tracker's tracks ----
 *
 * A recipe names the track that the copies show by its hash. It is taken from wherever in
 * data/telemetry/ it lies, and kept beside the footage while the copies are made.
 */

static bool is_track(const char *name)
{
    size_t n = strlen(name), end = strlen(BAG_TRACK);
    return is_in(name, BAG_TELEMETRY) && n > end && strcmp(name + n - end, BAG_TRACK) == 0;
}

static bool any_track(const struct copies *c)
{
    size_t n;
    bool any = false;
    const struct file *all = verify_files(c->v, &n);
    for (size_t i = 0; i < n && !any; i++)
        any = is_track(all[i].name);
    return any;
}

/* Where the track with this hash is kept; the caller's (free). */
static int kept_track(char **out, const struct copies *c, const char *sha256, struct err *err)
{
    return fsx_path(out, err, "%s/track-%s", extract_dir(c->extract), sha256);
}

static bool wants_track(void *arg, const struct file *f)
{
    (void)arg;
    return is_track(f->name) && f->bytes <= TRACK_BYTES_MAX;
}

static int take_track(void *arg, struct file *f, const char *path, struct err *err)
{
    struct copies *c = arg;
    struct clip *clip = clip_of(c, f->name);
    struct buf text;
    char *kept = NULL;
    if (clip)
        clip->track = f;
    buf_init(&text, TRACK_BYTES_MAX);
    int rc = kept_track(&kept, c, f->sha256, err);
    if (rc == ERR_OK && access(kept, F_OK) < 0 && (rc = fsx_read_file(path, &text, err)) == ERR_OK)
        rc = fsx_write_file(kept, buf_data(&text), text.used, err);
    free(kept);
    buf_clear(&text);
    return rc;
}

/* Says where the recipe's track is. False: the clip cannot be made again, and it is told why. */
static bool find_track(struct copies *c, struct clip *clip, struct recipe *r)
{
    struct err err;
    char *kept = NULL;
    struct convert_options *o = &r->options;
    if (!o->track_sha256[0])
        return true;
    bool found = kept_track(&kept, c, o->track_sha256, &err) == ERR_OK && access(kept, R_OK) == 0 &&
                 strlen(kept) < sizeof o->track_path;
    if (found)
        snprintf(o->track_path, sizeof o->track_path, "%s", kept);
    else if (clip->track)
        snprintf(clip->failed, sizeof clip->failed,
                 "%s is not the track that they were made with: its SHA-256 is %.16s…, expected "
                 "%.16s…",
                 clip->track->name, clip->track->sha256, o->track_sha256);
    else
        snprintf(clip->why_not, sizeof clip->why_not,
                 "they were made with the tracker's track, SHA-256 %.16s…, which is not in the "
                 "package",
                 o->track_sha256);
    free(kept);
    return found;
}

/* ---- reproduction: making them again ---- */

/* Why this copy's bytes may be others here; false: they may not. */
static bool find_excuse(struct clip *clip, const struct recipe *then, const struct recipe *now,
                        const struct convert_output *o)
{
    char differs[CLIP_WHY_ROOM];
    const char *encoder = then->options.encoder;
    if (recipe_differs(then, now, differs, sizeof differs)) {
        snprintf(clip->excuse, sizeof clip->excuse, "they were made with %.720s", differs);
        return true;
    }
    /* others than the default promise nothing (convert/encode.h) */
    bool promised = o->kind != COPY_VIEWING || !encoder[0] || strcmp(encoder, "libx264") == 0;
    if (!promised)
        snprintf(clip->excuse, sizeof clip->excuse, "encoder %s is not deterministic", encoder);
    return !promised;
}

static void compare(struct copies *c, struct clip *clip, int number, const struct recipe *then,
                    const struct recipe *now, const struct convert_output *o)
{
    char name[BAG_NAME_ROOM];
    struct file *f =
        bag_copy_name(name, copy_kind_name(o->kind), o->path) ? verify_find(c->v, name) : NULL;
    if (!f || !f->sound || f->recipe != number)
        return;
    f->made = strcmp(f->sha256, o->sha256) == 0 ? MADE_SAME
              : find_excuse(clip, then, now, o) ? MADE_EXCUSED
                                                : MADE_OTHER;
}

static int make(const char *path, const char *out_dir, const struct clip *clip,
                const struct recipe *r, struct convert_result *out, struct err *err)
{
    const struct confine_limits limits = {.memory_bytes = INT64_C(2) << 30,
                                          .file_bytes = clip->largest_bytes * 2 + COPY_SPARE_BYTES};
    struct confine *child = NULL;
    struct err why;
    char stem[CUSTODY_ID_ROOM + 16];
    snprintf(stem, sizeof stem, "%s%s", clip->id, mark_of(clip));
    int rc = confine_start(&child, path, out_dir, stem, &r->facts, &r->options, &limits, err);
    if (rc < 0)
        return rc;
    int stopped = wait_for(child, &why);
    rc = confine_finish(&child, out, err);
    return stopped < 0 ? (*err = why).code : rc;
}

/* A recipe that leads to nothing: the footage's fault, or that of another version. */
static void note_failure(struct clip *clip, const struct recipe *then, const struct recipe *now,
                         const char *reason)
{
    char differs[CLIP_WHY_ROOM];
    if (recipe_differs(then, now, differs, sizeof differs))
        snprintf(clip->why_not, sizeof clip->why_not, "%.150s (they were made with %.560s)", reason,
                 differs);
    else
        snprintf(clip->failed, sizeof clip->failed, "%s", reason);
}

static int follow(struct copies *c, struct clip *clip, int number, const struct recipe *then,
                  const struct recipe *now, const char *path, struct err *err)
{
    static struct convert_result made;
    struct err unused;
    char *out_dir = NULL;
    int rc = fsx_path(&out_dir, err, "%s/made", extract_dir(c->extract));
    if (rc < 0)
        return rc;
    if (mkdir(out_dir, 0700) < 0)
        rc = err_sys(err, "create %s", out_dir);
    else
        rc = make(path, out_dir, clip, then, &made, err);
    for (int i = 0; rc == ERR_OK && i < made.n_outputs; i++)
        compare(c, clip, number, then, now, &made.output[i]);
    if (rc < 0 && rc != ERR_AGAIN && rc != ERR_IO && rc != ERR_BUSY) {
        note_failure(clip, then, now, reason_of(err, path));
        rc = ERR_OK;
    }
    int removed = fsx_remove_tree(out_dir, rc < 0 ? &unused : err);
    free(out_dir);
    return rc < 0 ? rc : removed;
}

static int reproduce(struct copies *c, struct clip *clip, const char *path, struct err *err)
{
    struct recipe then, now = {.n_libraries = 0};
    int rc = ERR_OK;
    recipe_sign(&now);
    for (int i = 0; rc == ERR_OK && i < clip->n_recipes; i++) {
        int code = recipe_parse(&then, clip->recipe[i], strlen(clip->recipe[i]), err);
        if (code == ERR_OK && find_track(c, clip, &then))
            rc = follow(c, clip, i + 1, &then, &now, path, err);
        else if (code < 0)
            snprintf(code == ERR_MALFORMED ? clip->failed : clip->why_not, CLIP_WHY_ROOM, "%s",
                     err->text);
    }
    return rc;
}

/* ---- reproduction: telling ---- */

static void add_name(char *names, const char *name)
{
    size_t used = strlen(names);
    snprintf(names + used, CLIP_NAMES_ROOM - used, "%s%s", used ? ", " : "", name);
}

/* How many copies there are. */
static int count_copies(struct copies *c)
{
    size_t n;
    int copies = 0;
    const struct file *all = verify_files(c->v, &n);
    for (size_t i = 0; i < n; i++) {
        bool copy = verify_is_copy(all[i].name);
        struct clip *clip = copy ? clip_of(c, all[i].name) : NULL;
        copies += copy;
        if (clip) {
            clip->n_copies++;
            clip->n_same += all[i].made == MADE_SAME;
            clip->n_others += all[i].made == MADE_OTHER;
            clip->n_excused += all[i].made == MADE_EXCUSED;
            if (all[i].made == MADE_OTHER || all[i].made == MADE_EXCUSED)
                add_name(all[i].made == MADE_OTHER ? clip->others : clip->excused, all[i].name);
        } else if (copy && c->v->request->reproduce)
            verify_note(c->v, VERIFY_REPRODUCTION, "%s: its original is missing", all[i].name);
    }
    return copies;
}

static const char *why_not(const struct clip *clip)
{
    return !clip->master          ? "the original is missing"
           : !clip->master->sound ? "the original was changed"
           : !clip->facts         ? "the .json file of the original is missing"
           : !clip->facts->sound  ? "the .json file of the original was changed"
           : clip->why_not[0]     ? clip->why_not
           : clip->n_recipes > 0  ? "their recipe is missing, or they were changed"
                                  : "their recipe is missing (made by an older version)";
}

static void tell_clip(struct copies *c, const struct clip *clip)
{
    static const enum verify_check it = VERIFY_REPRODUCTION;
    int rest = clip->n_copies - clip->n_same - clip->n_others - clip->n_excused;
    if (clip->n_others > 0)
        verify_problem(c->v, it, "%s: reproduction differs: %s", clip->id, clip->others);
    if (clip->failed[0])
        verify_problem(c->v, it, "%s: cannot be reproduced: %s", clip->id, clip->failed);
    if (clip->n_excused > 0)
        verify_note(c->v, it, "%s: not reproducible here: %s differ, most likely because %s",
                    clip->id, clip->excused, clip->excuse);
    if (rest > 0 && !clip->failed[0])
        verify_note(c->v, it, "%s: not reproducible for %d of %d: %s", clip->id, rest,
                    clip->n_copies, why_not(clip));
    if (clip->n_copies > 0 && clip->n_same == clip->n_copies)
        verify_note(c->v, it, "%s: ok, the same %d cop%s", clip->id, clip->n_same,
                    clip->n_same == 1 ? "y" : "ies");
}

static void tell_verdict(struct copies *c, int copies, int same, bool recipes)
{
    char text[120];
    snprintf(text, sizeof text, "%d cop%s, made again from the originals: the same bytes", same,
             same == 1 ? "y" : "ies");
    if (c->v->problems[VERIFY_REPRODUCTION] > 0 || (copies > 0 && same == copies)) {
        verify_result(c->v, VERIFY_REPRODUCTION, text);
        return;
    }
    snprintf(text, sizeof text,
             "%d of %d copies are the same bytes, made again; the others cannot "
             "be made here",
             same, copies);
    if (copies > 0 && recipes)
        verify_tell(c->v, VERIFY_REPRODUCTION, VERIFY_NOT_JUDGED, text);
    else
        verify_tell(c->v, VERIFY_REPRODUCTION, VERIFY_NOT_PRESENT,
                    copies ? "the copies have no recorded recipe" : "no copies");
}

static void tell_reproduction(struct copies *c)
{
    int same = 0, copies = count_copies(c);
    bool recipes = false;
    if (!c->v->request->reproduce) {
        verify_tell(c->v, VERIFY_REPRODUCTION, VERIFY_NOT_JUDGED,
                    "not requested; --reproduce makes the copies again and compares them");
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        tell_clip(c, &c->clip[i]);
        same += c->clip[i].n_same;
        recipes = recipes || c->clip[i].n_recipes > 0;
    }
    tell_verdict(c, copies, same, recipes);
}

/* ---- all of it ---- */

static bool wants_footage(void *arg, const struct file *f)
{
    const struct copies *c = arg;
    const struct clip *clip = clip_of(c, f->name);
    return clip && ((f == clip->master && (is_compared(clip) || clip->n_recipes > 0)) ||
                    (f == clip->working && is_compared(clip)));
}

static int take_footage(void *arg, struct file *f, const char *path, struct err *err)
{
    struct copies *c = arg;
    struct clip *clip = clip_of(c, f->name);
    int rc = is_compared(clip) ? look_into(c, clip, f, path, err) : ERR_OK;
    if (rc == ERR_OK && f == clip->master && clip->n_recipes > 0)
        rc = reproduce(c, clip, path, err);
    return rc;
}

static bool anything_to_read(const struct copies *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (is_compared(&c->clip[i]))
            return true;
    return c->v->request->reproduce && c->n > 0;
}

int verify_copies(struct verify *v, struct err *err)
{
    struct copies c = {.v = v};
    int working = 0, rc = list_clips(&c, err);
    if (rc == ERR_OK) {
        /* data/working/<id>.working.mp4 is the working copy of <id>; nothing else belongs there. */
        size_t n;
        int found = 0;
        struct file *all = verify_files(c.v, &n);
        for (size_t i = 0; i < n; i++) {
            if (!is_in(all[i].name, BAG_WORKING))
                continue;
            struct clip *clip = clip_of(&c, all[i].name);
            const char *base = strrchr(all[i].name, '/') + 1;
            found++;
            if (!clip || !clip->master)
                verify_problem(c.v, VERIFY_PICTURES, "%s: its original is missing", all[i].name);
            else if (!is_working_name(clip, base + strlen(clip->id)))
                verify_problem(c.v, VERIFY_PICTURES, "%s: not a valid name for a working copy",
                               all[i].name);
            else if (clip->two_masters)
                verify_problem(c.v, VERIFY_PICTURES, "%s: it has several originals", all[i].name);
            else
                clip->working = &all[i];
        }
        working = found;
        if (!anything_to_read(&c))
            rc = ERR_OK;
        else {
            rc = extract_open(&c.extract, c.v, err);
            if (rc == ERR_OK && c.v->request->reproduce)
                rc = extract_each(c.extract, wants_facts, take_facts, &c, err);
            if (rc == ERR_OK && c.v->request->reproduce && any_track(&c))
                rc = extract_each(c.extract, wants_track, take_track, &c, err);
            if (rc == ERR_OK)
                rc = extract_each(c.extract, wants_footage, take_footage, &c, err);
            extract_close(&c.extract);
        }
    }
    if (rc == ERR_OK) {
        tell_pictures(&c, working);
        tell_reproduction(&c);
    }
    for (size_t i = 0; i < c.n; i++)
        for (int k = 0; k < c.clip[i].n_recipes; k++)
            free(c.clip[i].recipe[k]);
    free(c.clip);
    return rc;
}
