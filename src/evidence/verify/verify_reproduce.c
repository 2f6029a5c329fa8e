#include "dashspool/fsx.h"
#include "dashspool/recipe.h"
#include "export/report_facts.h"
#include "verify_copies.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FACTS_BYTES_MAX  ((size_t)16 << 20) /* of one .json */

/* A copy larger than this and twice the one that is there is another in any case. */
#define COPY_SPARE_BYTES (INT64_C(64) << 20)

/* ---- what the facts say ---- */

static bool wants_facts(void *arg, const struct file *f)
{
    const struct clip *clip = copies_clip(arg, f->name);
    return clip && clip->facts == f;
}

/* Which of the clip's recipes this is, from 1 on; 0: there are too many. */
static int recipe_number(struct clip *clip, const json_t *recipe, struct err *err)
{
    char *text = json_dumps(recipe, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return err_set(err, ERR_NOMEM, "no memory for a recipe");
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
    const json_t *recipe = json_object_get(json_object_get(copy, "settings"), "recipe");
    char name[1100];
    if (!kind || !path)
        return ERR_OK;
    const char *base = strrchr(path, '/');
    snprintf(name, sizeof name, "data/%s/%s", report_facts_folder(kind), base ? base + 1 : path);
    struct file *f = verify_find(c->v, name);
    if (!f || copies_clip(c, name) != clip)
        return ERR_OK;
    if (json_is_string(recipe))
        snprintf(clip->why_not, sizeof clip->why_not, "%.300s", json_string_value(recipe));
    if (!json_is_object(recipe))
        return ERR_OK;
    int number = recipe_number(clip, recipe, err);
    if (number >= 0)
        f->recipe = number;
    if (f->bytes > clip->largest_bytes)
        clip->largest_bytes = f->bytes;
    return number < 0 ? number : ERR_OK;
}

static int take_facts(void *arg, struct file *f, const char *path, struct err *err)
{
    struct copies *c = arg;
    struct clip *clip = copies_clip(c, f->name);
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

int reproduce_read_recipes(struct copies *c, struct err *err)
{
    return extract_each(c->extract, wants_facts, take_facts, c, err);
}

/* ---- making them again ---- */

/* Why this copy's bytes may be others here; false: they may not. */
static bool find_excuse(struct clip *clip, const struct recipe *then, const struct recipe *now,
                        const struct convert_output *o)
{
    char differs[CLIP_WHY_ROOM];
    const char *encoder = then->options.encoder;
    if (recipe_differs(then, now, differs, sizeof differs)) {
        snprintf(clip->excuse, sizeof clip->excuse, "they were made with %.340s", differs);
        return true;
    }
    /* others than the default promise nothing (convert/encode.h) */
    bool promised = o->kind != CONVERT_VIEWING || !encoder[0] || strcmp(encoder, "libx264") == 0;
    if (!promised)
        snprintf(clip->excuse, sizeof clip->excuse, "encoder %s is not deterministic", encoder);
    return !promised;
}

static void compare(struct copies *c, struct clip *clip, int number, const struct recipe *then,
                    const struct recipe *now, const struct convert_output *o)
{
    char name[1100];
    snprintf(name, sizeof name, "data/%s/%s", report_facts_folder(convert_copy_name(o->kind)),
             strrchr(o->path, '/') + 1);
    struct file *f = verify_find(c->v, name);
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
    snprintf(stem, sizeof stem, "%s%s", clip->id, clip->partial ? ".partial" : "");
    int rc = confine_start(&child, path, out_dir, stem, &r->facts, &r->options, &limits, err);
    if (rc < 0)
        return rc;
    int stopped = copies_wait(child, &why);
    rc = confine_finish(&child, out, err);
    return stopped < 0 ? (*err = why).code : rc;
}

/* A recipe that leads to nothing: the footage's fault, or that of another version. */
static void note_failure(struct clip *clip, const struct recipe *then, const struct recipe *now,
                         const char *reason)
{
    char differs[CLIP_WHY_ROOM];
    if (recipe_differs(then, now, differs, sizeof differs))
        snprintf(clip->why_not, sizeof clip->why_not, "%.150s (they were made with %.200s)", reason,
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
        note_failure(clip, then, now, copies_reason(err, path));
        rc = ERR_OK;
    }
    int removed = fsx_remove_tree(out_dir, rc < 0 ? &unused : err);
    free(out_dir);
    return rc < 0 ? rc : removed;
}

int reproduce_clip(struct copies *c, struct clip *clip, const char *path, struct err *err)
{
    struct recipe then, now = {.n_libraries = 0};
    int rc = ERR_OK;
    recipe_sign(&now);
    for (int i = 0; rc == ERR_OK && i < clip->n_recipes; i++) {
        int code = recipe_parse(&then, clip->recipe[i], strlen(clip->recipe[i]), err);
        if (code == ERR_OK)
            rc = follow(c, clip, i + 1, &then, &now, path, err);
        else
            snprintf(code == ERR_MALFORMED ? clip->failed : clip->why_not, CLIP_WHY_ROOM, "%s",
                     err->text);
    }
    return rc;
}

/* ---- telling ---- */

static void add_name(char *names, const char *name)
{
    size_t used = strlen(names);
    snprintf(names + used, CLIP_NAMES_ROOM - used, "%s%s", used ? ", " : "", name);
}

static void count(struct clip *clip, const struct file *f)
{
    clip->n_copies++;
    clip->n_same += f->made == MADE_SAME;
    clip->n_others += f->made == MADE_OTHER;
    clip->n_excused += f->made == MADE_EXCUSED;
    if (f->made == MADE_OTHER || f->made == MADE_EXCUSED)
        add_name(f->made == MADE_OTHER ? clip->others : clip->excused, f->name);
}

/* In a folder of data/ that is for copies. */
static bool is_copy(const char *name)
{
    static const char *const facts[] = {"master/", "transfer/", "facts/"};
    if (strncmp(name, "data/", 5) != 0 || !strchr(name + 5, '/'))
        return false;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (strncmp(name + 5, facts[i], strlen(facts[i])) == 0)
            return false;
    return true;
}

/* How many copies there are. */
static int count_copies(struct copies *c)
{
    size_t n;
    int copies = 0;
    const struct file *all = verify_files(c->v, &n);
    for (size_t i = 0; i < n; i++) {
        bool copy = is_copy(all[i].name);
        struct clip *clip = copy ? copies_clip(c, all[i].name) : NULL;
        copies += copy;
        if (clip)
            count(clip, &all[i]);
        else if (copy && c->v->request->reproduce)
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
    const struct verify_listener *to = c->v->to;
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
        to->told(to->arg, VERIFY_REPRODUCTION, VERIFY_NOT_JUDGED, text);
    else
        to->told(to->arg, VERIFY_REPRODUCTION, VERIFY_NOT_PRESENT,
                 copies ? "the copies have no recorded recipe" : "no copies");
}

void reproduce_tell(struct copies *c)
{
    const struct verify_listener *to = c->v->to;
    int same = 0, copies = count_copies(c);
    bool recipes = false;
    if (!c->v->request->reproduce) {
        to->told(to->arg, VERIFY_REPRODUCTION, VERIFY_NOT_JUDGED,
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
