#include "dashspool/fsx.h"
#include "redaction_internal.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_BYTES_MAX ((size_t)12 * 1024)
#define MASK_ROOM       (CATALOGUE_ID_ROOM + CONVERT_MASK_ROOM)

/* ---- masks ---- */

int export_mask_parse(const char *text, struct export_mask *out, struct err *err)
{
    const char *colon = strchr(text, ':'), *comma = strchr(text, ',');
    struct export_mask m = {.of = ""};
    if (!colon || (comma && comma < colon)) /* one of a time */
        colon = NULL;
    for (const char *p = text; colon && p < colon; p++)
        if (!isalnum((unsigned char)*p) && *p != '-')
            colon = text; /* an empty name */
    if (colon && (colon == text || colon - text >= CATALOGUE_ID_ROOM))
        return err_set(err, ERR_CONFIG,
                       "mask '%.60s': the part before ':' is neither a camera nor an ID", text);
    if (colon)
        snprintf(m.of, sizeof m.of, "%.*s", (int)(colon - text), text);
    int rc = convert_mask_parse(colon ? colon + 1 : text, &m.mask, err);
    if (rc == ERR_OK)
        *out = m;
    return rc;
}

static void mask_text(const struct export_mask *m, char out[MASK_ROOM])
{
    char box[CONVERT_MASK_ROOM];
    convert_mask_text(&m->mask, box);
    snprintf(out, MASK_ROOM, "%s%s%s", m->of, m->of[0] ? ":" : "", box);
}

bool redaction_mask_is_for(const struct export_mask *mask, const struct catalogue_transfer *t)
{
    return !mask->of[0] || strcmp(mask->of, t->camera) == 0 || strcmp(mask->of, t->id) == 0;
}

/* A mask that is for none of the transfers was meant for one that would go out unmasked. */
static int judge_masks(const struct package *p, struct err *err)
{
    const struct export_redaction *asked = p->request->redaction;
    bool used[EXPORT_MASKS_MAX] = {false};
    struct catalogue_transfer t;
    char text[MASK_ROOM];
    int rc = ERR_OK;
    if (asked->n_masks > EXPORT_MASKS_MAX || (asked->n_masks == 0 && !asked->no_sound))
        return err_set(err, ERR_CONFIG, "%zu masks given; give 1 to %d, or --redact-sound",
                       asked->n_masks, EXPORT_MASKS_MAX);
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
        rc = catalogue_transfer_get(p->catalogue, p->request->ids[i], &t, err);
        for (size_t k = 0; rc == ERR_OK && k < asked->n_masks; k++)
            used[k] = used[k] || redaction_mask_is_for(&asked->mask[k], &t);
    }
    for (size_t k = 0; rc == ERR_OK && k < asked->n_masks; k++) {
        mask_text(&asked->mask[k], text);
        if (!used[k])
            rc = err_set(err, ERR_CONFIG,
                         "the mask %s hides nothing: none of the transfers is of that camera, or "
                         "has that ID",
                         text);
    }
    return rc;
}

/* ---- words ---- */

static int say(struct buf *to, struct err *err, const char *fmt, ...) DS_PRINTF(3, 4);
static int say(struct buf *to, struct err *err, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    return buf_append(to, text, used, err);
}

/* "301,203,215,131 (x, y, width, height), from 2.5 s to 4 s, of the front camera" */
static int say_mask(struct buf *to, const struct export_mask *m, struct err *err)
{
    char from[32] = "", until[32] = "";
    const struct convert_mask *k = &m->mask;
    if (k->from_us > 0 || k->until_us > 0)
        snprintf(from, sizeof from, ", from %.6g s", (double)k->from_us / 1e6);
    if (k->until_us > 0)
        snprintf(until, sizeof until, " to %.6g s", (double)k->until_us / 1e6);
    char of[CATALOGUE_ID_ROOM + 16] = "all recordings";
    if (m->of[0])
        snprintf(of, sizeof of, strchr(m->of, '-') ? "%s" : "the %s camera", m->of);
    return say(to, err, "box %d,%d,%d,%d%s%s of %s", k->x, k->y, k->w, k->h, from, until, of);
}

/* One line, whatever it is made of. */
static void plain(const char *who, char out[256])
{
    snprintf(out, 256, "%s", who);
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
}

static int write_sentence(struct redaction *r, const char *who, struct err *err)
{
    struct buf *to = &r->sentence;
    const struct export_redaction *asked = r->asked;
    int rc = say(to, err, "Redacted on the authority of %s: %s", who,
                 asked->no_sound ? "the sound of all videos" : "");
    for (size_t i = 0; rc == ERR_OK && i < asked->n_masks; i++) {
        rc = say(to, err, "%s", i > 0 || asked->no_sound ? "; " : "");
        if (rc == ERR_OK)
            rc = say_mask(to, &asked->mask[i], err);
    }
    if (rc == ERR_OK && asked->n_masks > 0)
        rc = say(to, err,
                 " (x, y, width and height in pixels of the original image, times from the start "
                 "of the video)");
    if (rc == ERR_OK)
        rc = say(to, err,
                 ". The originals and working copies are not in this package. They are in the full "
                 "package, whose tagmanifest-sha256.txt has the SHA-256 %s.",
                 r->full_sha256);
    return rc < 0 ? rc : buf_append(to, "", 1, err);
}

static int write_section(struct redaction *r, const char *who, struct err *err)
{
    struct buf *to = &r->section;
    const struct export_redaction *asked = r->asked;
    int rc = say(to, err,
                 "\n"
                 "What is redacted\n"
                 "----------------\n"
                 "This package is REDACTED. Removed on the authority of %s:\n"
                 "\n%s",
                 who, asked->no_sound ? "  the sound of all videos\n" : "");
    for (size_t i = 0; rc == ERR_OK && i < asked->n_masks; i++) {
        rc = say(to, err, "  ");
        if (rc == ERR_OK)
            rc = say_mask(to, &asked->mask[i], err);
        if (rc == ERR_OK)
            rc = say(to, err, "\n");
    }
    if (rc == ERR_OK && asked->n_masks > 0)
        rc = say(to, err,
                 "\n"
                 "Boxes are x, y, width and height in pixels of the original image;\n"
                 "times count from the start of the video. All boxes apply to photos.\n");
    if (rc == ERR_OK)
        rc = say(
            to, err,
            "\n"
            "Redacted videos and stills have REDACTED in their names and in the image. The\n"
            "originals and working copies are not in this package. They are in the full package,\n"
            "whose tagmanifest-sha256.txt has the SHA-256\n"
            "\n"
            "  %s\n"
            "\n"
            "With both packages one can see that they hold the same recordings: the SHA-256 of\n"
            "each original is in data/custody.jsonl here and in the manifest there.\n",
            r->full_sha256);
    return rc < 0 ? rc : buf_append(to, "", 1, err);
}

const struct buf *redaction_sentence(const struct redaction *r)
{
    return &r->sentence;
}

const struct buf *redaction_section(const struct redaction *r)
{
    return &r->section;
}

int redaction_info(const struct redaction *r, struct bag *bag, struct err *err)
{
    char text[MASK_ROOM + 8];
    int rc = bag_put_info(bag, BAG_REDACTED_FROM, r->full_sha256, err);
    if (rc == ERR_OK && r->asked->no_sound)
        rc = bag_put_info(bag, BAG_REDACTED, "sound", err);
    for (size_t i = 0; rc == ERR_OK && i < r->asked->n_masks; i++) {
        char mask[MASK_ROOM];
        mask_text(&r->asked->mask[i], mask);
        snprintf(text, sizeof text, "box %s", mask);
        rc = bag_put_info(bag, BAG_REDACTED, text, err);
    }
    return rc;
}

void redaction_note(const struct redaction *r, json_t *event)
{
    json_t *masks = json_array();
    char text[MASK_ROOM];
    for (size_t i = 0; i < r->asked->n_masks; i++) {
        mask_text(&r->asked->mask[i], text);
        json_array_append_new(masks, json_string(text));
    }
    json_object_set_new(event, "redacted", json_true());
    json_object_set_new(event, "full_tagmanifest_sha256", json_string(r->full_sha256));
    json_object_set_new(event, "no_sound", json_boolean(r->asked->no_sound));
    json_object_set_new(event, "masks", masks);
}

/* ---- its life ---- */

/* Only its owner looks into it: a master is in there for a while. */
static int make_dir(struct redaction *r, const struct package *p, struct err *err)
{
    char *prefix = NULL;
    int rc = fsx_path(&prefix, err, "%s.redacting-", p->name);
    if (rc == ERR_OK)
        rc = workdir_open(&r->work, p->beside, prefix, err);
    free(prefix);
    return rc;
}

int redaction_new(struct package *p, struct err *err)
{
    struct redaction *r = p->redaction = calloc(1, sizeof *r);
    if (!r)
        return err_set(err, ERR_NOMEM, "no memory for a package");
    r->asked = p->request->redaction;
    r->work = WORKDIR_NONE;
    buf_init(&r->sentence, WORDS_BYTES_MAX);
    buf_init(&r->section, WORDS_BYTES_MAX);
    char who[256];
    plain(p->request->who, who);
    int rc = judge_masks(p, err);
    if (rc == ERR_OK)
        rc = redaction_find_full(p, r->full_sha256, err);
    if (rc == ERR_OK)
        rc = write_sentence(r, who, err);
    if (rc == ERR_OK)
        rc = write_section(r, who, err);
    if (rc == ERR_OK)
        rc = make_dir(r, p, err);
    memcpy(p->result->full_sha256, r->full_sha256, sizeof r->full_sha256);
    return rc;
}

void redaction_free(struct redaction **r)
{
    struct err unimportant;
    if (!*r)
        return;
    if ((*r)->work.path && fsx_remove_tree((*r)->work.path, &unimportant) < 0)
        fprintf(stderr, "dashspool: %s; it contains an original: remove it by hand\n",
                unimportant.text);
    workdir_close(&(*r)->work);
    buf_clear(&(*r)->sentence);
    buf_clear(&(*r)->section);
    free(*r);
    *r = NULL;
}
