/* What makes a package a redacted one: masks, words, the full package, copies made anew. */
#include "dashspool/confine.h"
#include "dashspool/fsx.h"
#include "dashspool/journey.h"
#include "dashspool/master.h"
#include "dashspool/text.h"
#include "dashspool/verify.h"
#include "package_internal.h"
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_BYTES_MAX ((size_t)12 * 1024)
#define LIST_BYTES_MAX  ((size_t)1 << 20) /* 16 000 exports of one transfer */

struct redaction {
    const struct export_redaction *asked;
    char full_sha256[HASH_HEX_ROOM];
    struct hide hide;
    char unmasked[200];           /* cameras of which no picture has a box */
    struct workdir work;          /* for a master and its copies, in ROOT */
    struct buf sentence, section; /* words */
    struct convert_result result; /* of the transfer that is being written; its files are there */
    bool no_sound;                /* it has none for that */
};

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

static void mask_text(const struct export_mask *m, char out[REDACTION_MASK_ROOM])
{
    char box[CONVERT_MASK_ROOM];
    convert_mask_text(&m->mask, box);
    snprintf(out, REDACTION_MASK_ROOM, "%s%s%s", m->of, m->of[0] ? ":" : "", box);
}

static bool is_for(const struct export_mask *mask, const struct catalogue_transfer *t)
{
    return !mask->of[0] || strcmp(mask->of, t->camera) == 0 || strcmp(mask->of, t->id) == 0;
}

/* A mask that is for none of the transfers was meant for one that would go out unmasked. */
static int judge_masks(const struct package *p, struct err *err)
{
    const struct export_redaction *asked = p->request->redaction;
    bool used[EXPORT_MASKS_MAX] = {false};
    struct catalogue_transfer t;
    char text[REDACTION_MASK_ROOM];
    int rc = ERR_OK;
    if (asked->n_masks > EXPORT_MASKS_MAX ||
        (asked->n_masks == 0 && !asked->no_sound && !asked->hide))
        return err_set(err, ERR_CONFIG,
                       "%zu masks given; give 1 to %d, or --redact-sound, or --hide",
                       asked->n_masks, EXPORT_MASKS_MAX);
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
        rc = catalogue_transfer_get(p->catalogue, p->request->ids[i], &t, err);
        for (size_t k = 0; rc == ERR_OK && k < asked->n_masks; k++)
            used[k] = used[k] || is_for(&asked->mask[k], &t);
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

/* Cameras of which no picture has a box: "rear, road". Each is named once. */
static int list_unmasked(const struct package *p, char *out, size_t room, struct err *err)
{
    const struct export_redaction *asked = p->request->redaction;
    struct catalogue_transfer t;
    size_t used = 0;
    int rc = ERR_OK;
    out[0] = '\0';
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
        rc = catalogue_transfer_get(p->catalogue, p->request->ids[i], &t, err);
        bool masked = false;
        for (size_t k = 0; k < asked->n_masks; k++)
            masked = masked || is_for(&asked->mask[k], &t);
        const char *camera = t.camera[0] ? t.camera : "unknown";
        if (rc < 0 || masked || strstr(out, camera))
            continue;
        int n = snprintf(out + used, room - used, "%s%s", used ? ", " : "", camera);
        used += n > 0 && (size_t)n < room - used ? (size_t)n : 0;
    }
    return rc;
}

static void warn_of_unmasked(const struct package *p, const char *cameras)
{
    char text[400];
    if (!cameras[0] || !p->request->warn)
        return;
    snprintf(text, sizeof text,
             "recordings without any mask, of camera: %s; nothing in their pictures is hidden",
             cameras);
    p->request->warn(p->request->warn_arg, text);
}

/* ---- words ---- */

/* What can be hidden beside boxes, as README.txt, report and bag-info.txt call it. */
static const char *const hidden_words[CONVERT_N_HIDES] = {
    "the position", "the IMEI (trackers are called tracker-1 …)", "the driver's name",
    "addresses of cameras, and paths of files"};
static const char *const shown_words[CONVERT_N_HIDES] = {
    "the position", "the IMEI of each tracker", "the driver's name, if the camera sent one",
    "network addresses of cameras, and paths of imported files"};

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

/* Nothing that has a NUL behind it can be appended to. */
static int end_words(struct redaction *r, struct buf *words, struct err *err)
{
    char *shown = NULL;
    int rc = buf_append(words, "", 1, err);
    if (rc == ERR_OK)
        rc = hide_text(&r->hide, (const char *)buf_data(words), &shown, err);
    if (rc == ERR_OK) {
        buf_consume(words, words->used);
        rc = buf_append(words, shown, strlen(shown) + 1, err);
    }
    free(shown);
    return rc;
}

/* One after the other, each between `begin` and `end`. */
static int say_hidden(struct redaction *r, struct buf *to, const char *begin, const char *end,
                      struct err *err)
{
    const struct export_redaction *asked = r->asked;
    int rc = asked->no_sound ? say(to, err, "%sthe sound of all videos%s", begin, end) : ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < asked->n_masks; i++) {
        rc = say(to, err, "%s", begin);
        if (rc == ERR_OK && (rc = say_mask(to, &asked->mask[i], err)) == ERR_OK)
            rc = say(to, err, "%s", end);
    }
    for (int i = 0; rc == ERR_OK && i < CONVERT_N_HIDES; i++)
        if (asked->hide & 1u << i)
            rc = say(to, err, "%s%s%s", begin, hidden_words[i], end);
    return rc;
}

static int say_shown(struct redaction *r, struct buf *to, const char *begin, const char *end,
                     struct err *err)
{
    const struct export_redaction *asked = r->asked;
    int rc = asked->no_sound ? ERR_OK : say(to, err, "%sthe sound%s", begin, end);
    if (rc == ERR_OK)
        rc = say(to, err, "%s%s%s", begin,
                 asked->n_masks ? "what is in the pictures outside of the boxes" : "the pictures",
                 end);
    if (rc == ERR_OK && r->unmasked[0] && asked->n_masks)
        rc = say(to, err, "%sthe whole pictures of these cameras: %s%s", begin, r->unmasked, end);
    for (int i = 0; rc == ERR_OK && i < CONVERT_N_HIDES; i++)
        if (!(asked->hide & 1u << i))
            rc = say(to, err, "%s%s%s", begin, shown_words[i], end);
    if (rc == ERR_OK)
        rc = say(to, err, "%stimes, and what the camera itself wrote into the picture%s", begin,
                 end);
    return rc;
}

static int write_sentence(struct redaction *r, const char *who, struct err *err)
{
    struct buf *to = &r->sentence;
    int rc = say(to, err, "Hidden on the authority of %s:", who);
    if (rc == ERR_OK && (rc = say_hidden(r, to, " ", ";", err)) == ERR_OK && r->asked->n_masks > 0)
        rc = say(to, err,
                 " (boxes are x, y, width and height in pixels of the image as it is seen, times "
                 "from the start of the video).");
    if (rc == ERR_OK && (rc = say(to, err, " Not hidden:")) == ERR_OK &&
        (rc = say_shown(r, to, " ", ";", err)) == ERR_OK)
        rc = say(to, err,
                 " what was said or written elsewhere. The originals and working copies are not in "
                 "this package. They are in the full package, whose tagmanifest-sha256.txt has the "
                 "SHA-256 %s.",
                 r->full_sha256);
    return rc < 0 ? rc : end_words(r, to, err);
}

static int write_section(struct redaction *r, const char *who, struct err *err)
{
    struct buf *to = &r->section;
    int rc = say(to, err,
                 "\n"
                 "What is redacted\n"
                 "----------------\n"
                 "This package is REDACTED. Removed on the authority of %s:\n"
                 "\n",
                 who);
    if (rc == ERR_OK && (rc = say_hidden(r, to, "  ", "\n", err)) == ERR_OK &&
        r->asked->n_masks > 0)
        rc = say(to, err,
                 "\n"
                 "Boxes are x, y, width and height in pixels of the image as it is seen;\n"
                 "times count from the start of the video. All boxes apply to photos.\n");
    if (rc == ERR_OK && (rc = say(to, err, "\nNot removed:\n\n")) == ERR_OK &&
        (rc = say_shown(r, to, "  ", "\n", err)) == ERR_OK)
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
            "each original is in data/custody.jsonl here and in the manifest there.\n"
            "\n"
            "The custody record here is a transcript: checksums and sizes of other copies, and\n"
            "what else could confirm a guess at what is hidden, are left out and named as\n"
            "\"withheld\". Its lines are chained anew. The true record is in the full package.\n",
            r->full_sha256);
    return rc < 0 ? rc : end_words(r, to, err);
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
    char text[REDACTION_MASK_ROOM + 8];
    int rc = bag_put_info(bag, BAG_REDACTED_FROM, r->full_sha256, err);
    if (rc == ERR_OK && r->asked->no_sound)
        rc = bag_put_info(bag, BAG_REDACTED, "sound", err);
    for (size_t i = 0; rc == ERR_OK && i < r->asked->n_masks; i++) {
        char mask[REDACTION_MASK_ROOM];
        mask_text(&r->asked->mask[i], mask);
        snprintf(text, sizeof text, "box %s", mask);
        char *shown = NULL;
        rc = hide_text(&r->hide, text, &shown, err);
        if (rc == ERR_OK)
            rc = bag_put_info(bag, BAG_REDACTED, shown, err);
        free(shown);
    }
    for (int i = 0; rc == ERR_OK && i < CONVERT_N_HIDES; i++)
        if (r->asked->hide & 1u << i)
            rc = bag_put_info(bag, BAG_REDACTED, convert_hide_name(i), err);
    return rc;
}

void redaction_note(const struct redaction *r, struct custody_what *what,
                    char lists[REDACTION_MASKS_ROOM])
{
    size_t used = 0;
    for (size_t i = 0; i < r->asked->n_masks; i++) {
        mask_text(&r->asked->mask[i], lists + used);
        used += strlen(lists + used) + 1;
    }
    what->redacted = true;
    what->full_tagmanifest_sha256 = r->full_sha256;
    what->no_sound = r->asked->no_sound;
    what->masks = (struct custody_list){lists, used};
    char *hidden = lists + used;
    size_t bytes = 0;
    for (int i = 0; i < CONVERT_N_HIDES; i++)
        if (r->asked->hide & 1u << i)
            bytes += (size_t)snprintf(hidden + bytes, 16, "%s", convert_hide_name(i)) + 1;
    what->hidden = (struct custody_list){hidden, bytes};
}

const char *redaction_full_sha256(const struct redaction *r)
{
    return r->full_sha256;
}

/* ---- the full package, by its custody ---- */

/* Exports of a transfer since it is whole: their tag manifests, HASH_HEX_ROOM each. */
static int look_at_event(void *arg, const char *line, struct err *err)
{
    struct buf *hashes = arg;
    struct custody_record r;
    int rc = ERR_OK;
    custody_read(&r, line, strlen(line));
    const char *sha256 = r.what.tagmanifest_sha256;
    if (r.kind == CUSTODY_STORED)
        buf_consume(hashes, hashes->used);
    if (r.kind == CUSTODY_EXPORTED && sha256 && strlen(sha256) == HASH_HEX_ROOM - 1 &&
        !r.what.redacted)
        rc = buf_append(hashes, sha256, HASH_HEX_ROOM, err);
    custody_record_clear(&r);
    return rc;
}

static bool has(const struct buf *hashes, const char *sha256)
{
    for (size_t at = 0; at < hashes->used; at += HASH_HEX_ROOM)
        if (strcmp((const char *)buf_data(hashes) + at, sha256) == 0)
            return true;
    return false;
}

/* Leaves in `all` what is in `own`, too. */
static void keep_common(struct buf *all, const struct buf *own)
{
    uint8_t *p = all->mem + all->start;
    size_t kept = 0;
    for (size_t at = 0; at < all->used; at += HASH_HEX_ROOM)
        if (has(own, (const char *)p + at)) {
            memmove(p + kept, p + at, HASH_HEX_ROOM);
            kept += HASH_HEX_ROOM;
        }
    all->used = kept;
}

/* The last package that was exported with all of the transfers in it. */
static int find_in_custody(const struct package *p, char out[HASH_HEX_ROOM], struct err *err)
{
    struct buf all, own;
    int rc = ERR_OK;
    buf_init(&all, LIST_BYTES_MAX);
    buf_init(&own, LIST_BYTES_MAX);
    for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
        struct buf *to = i == 0 ? &all : &own;
        buf_consume(&own, own.used);
        rc = catalogue_event_each(p->catalogue, p->request->ids[i], look_at_event, to, err);
        if (rc == ERR_OK && i > 0)
            keep_common(&all, &own);
    }
    if (rc == ERR_OK && all.used == 0)
        rc = err_set(err, ERR_NOTFOUND,
                     "no full package with all of these transfers was exported yet: export it "
                     "first, or name it with --of");
    if (rc == ERR_OK)
        memcpy(out, buf_data(&all) + all.used - HASH_HEX_ROOM, HASH_HEX_ROOM);
    buf_clear(&all);
    buf_clear(&own);
    return rc;
}

/* ---- … by its path ---- */

static bool has_master(const struct verify_contents *in, const struct catalogue_transfer *t)
{
    for (size_t i = 0; i < in->n_masters; i++)
        if (strcmp(in->master[i].id, t->id) == 0 && strcmp(in->master[i].sha256, t->sha256) == 0)
            return true;
    return false;
}

static int read_package(const struct package *p, char out[HASH_HEX_ROOM], struct err *err)
{
    const char *path = p->request->redaction->of;
    struct verify_contents in;
    int rc = verify_contents(&in, path, err);
    if (rc == ERR_OK && in.redacted_from[0])
        rc = err_set(err, ERR_MALFORMED, "package %s is itself redacted: name the full package",
                     path);
    if (rc == ERR_OK) {
        struct catalogue_transfer t;
        for (size_t i = 0; rc == ERR_OK && i < p->request->n; i++) {
            rc = catalogue_transfer_get(p->catalogue, p->request->ids[i], &t, err);
            if (rc == ERR_OK && t.state == CATALOGUE_STORED && !has_master(&in, &t))
                rc = err_set(
                    err, ERR_MALFORMED,
                    "package %s does not contain the original of %s: give a full package that "
                    "contains all transfers to be redacted",
                    path, t.id);
        }
    }
    if (rc == ERR_OK)
        memcpy(out, in.tag_sha256, HASH_HEX_ROOM);
    verify_contents_clear(&in);
    return rc;
}

/* ---- its life ---- */

int redaction_new(struct package *p, struct err *err)
{
    struct redaction *r = p->redaction = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err, "a package");
    r->asked = p->request->redaction;
    p->hide = &r->hide;
    r->work = WORKDIR_NONE;
    buf_init(&r->sentence, WORDS_BYTES_MAX);
    buf_init(&r->section, WORDS_BYTES_MAX);
    char who[256];
    plain(p->request->who, who);
    int rc = judge_masks(p, err);
    if (rc == ERR_OK && r->asked->with_position && r->asked->hide & ~(unsigned)CONVERT_HIDE_SOURCE)
        rc = err_set(err, ERR_CONFIG,
                     "--with-position: the tracker's records are packed as they came, and may tell "
                     "position, vehicle and driver: leave out either that or --hide");
    if (rc == ERR_OK && (rc = hide_init(&r->hide, r->asked->hide, p, err)) == ERR_OK)
        rc = list_unmasked(p, r->unmasked, sizeof r->unmasked, err);
    if (rc == ERR_OK)
        rc = p->request->redaction->of ? read_package(p, r->full_sha256, err)
                                       : find_in_custody(p, r->full_sha256, err);
    if (rc == ERR_OK && (rc = write_sentence(r, who, err)) == ERR_OK)
        rc = write_section(r, who, err);
    if (rc == ERR_OK)
        warn_of_unmasked(p, r->unmasked);
    if (rc == ERR_OK) /* only its owner looks into it */
        rc = workdir_open(&r->work, p->request->root, MASTER_STAGE, err);
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
    hide_clear(&(*r)->hide);
    buf_clear(&(*r)->sentence);
    buf_clear(&(*r)->section);
    free(*r);
    *r = NULL;
}

/* ---- copies, made anew ---- */

/* What the store has of it. */
struct had {
    const struct catalogue_transfer *t;
    unsigned kinds; /* enum copy_kind */
};

static int look_at_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct had *had = arg;
    (void)err;
    if (catalogue_copy_is_current(had->t, copy))
        had->kinds |= copy_kind_of(copy->kind);
    return ERR_OK;
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
static int convert(struct package *p, const struct catalogue_transfer *t,
                   const struct catalogue_transfer *shown, const char *master,
                   const struct convert_options *options, struct err *err)
{
    struct redaction *r = p->redaction;
    struct media_facts facts;
    struct confine *c = NULL;
    struct err stopped;
    char stem[CATALOGUE_ID_ROOM + 16];
    double done = 0, last = 0;
    int rc = export_media_facts(p->catalogue, t, options->osd_template, &facts, err);
    if (rc < 0)
        return rc;
    snprintf(facts.id, sizeof facts.id, "%s", shown->id);
    snprintf(stem, sizeof stem, "%s%s", shown->id, t->state == CATALOGUE_STORED ? "" : ".partial");
    rc = confine_start(&c, master, r->work.path, stem, &facts, options, &r->asked->limits, err);
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
    for (int i = 0; ended == ERR_OK && i < options->n_masks && p->request->warn; i++) {
        char mask[CONVERT_MASK_ROOM], text[CONVERT_MASK_ROOM + CATALOGUE_ID_ROOM + 64];
        convert_mask_text(&options->mask[i], mask);
        snprintf(text, sizeof text,
                 r->result.container == MEDIA_JPEG ? "%s: the mask %s covers the photo"
                                                   : "%s: the mask %s covers %lld of %lld %s",
                 t->id, mask, (long long)r->result.covered[i],
                 SIZE_COUNT(r->result.pictures, "frame", "frames"));
        p->request->warn(p->request->warn_arg, text);
    }
    if (ended == ERR_OK && r->result.warning[0] && p->request->warn) {
        char text[sizeof r->result.warning + CATALOGUE_ID_ROOM + 4];
        snprintf(text, sizeof text, "%s: %s", t->id, r->result.warning);
        p->request->warn(p->request->warn_arg, text);
    }
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
             strstr(out->path, "REDACTED") ? ", redacted" : "");
}

static int put_copies(struct package *p, int *copies, struct err *err)
{
    const struct redaction *r = p->redaction;
    struct catalogue_copy copy;
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < r->result.n_outputs; i++) {
        describe(r, i, &copy);
        rc = package_put_copy(p, &copy, r->result.output[i].path, err);
        *copies += 1;
    }
    return rc;
}

/* What the tracker told of it, as the full package's copies show it: a file beside the master. */
static int take_track(struct package *p, const struct catalogue_transfer *t,
                      struct convert_options *o, struct err *err)
{
    struct track *track = NULL;
    char *path = NULL;
    o->track_path[0] = o->track_sha256[0] = '\0';
    if (o->hide & CONVERT_HIDE_POSITION)
        return ERR_OK;
    int rc = journey_track(p->catalogue, t, JOURNEY_PICTURES_US, &track, err);
    if (rc < 0 || !track)
        return rc;
    rc = fsx_path(&path, err, "%s/%s.track", p->redaction->work.path, t->id);
    if (rc == ERR_OK && strlen(path) >= sizeof o->track_path)
        rc = err_set(err, ERR_LIMIT, "%s: the path is too long", path);
    if (rc == ERR_OK)
        rc = track_save(track, path, o->track_sha256, err);
    if (rc == ERR_OK)
        snprintf(o->track_path, sizeof o->track_path, "%s", path);
    track_free(&track);
    free(path);
    return rc;
}

int redaction_put(struct package *p, struct catalogue_transfer *t, int *copies, struct err *err)
{
    static const unsigned made = COPY_SHEET | COPY_TIMING | COPY_CSV | COPY_GPX | COPY_KML |
                                 COPY_GEOJSON | COPY_SRT | COPY_VTT,
                          places = COPY_GPX | COPY_KML | COPY_GEOJSON,
                          pictures = COPY_WORKING | COPY_VIEWING | COPY_STILL | COPY_POSTER;
    struct redaction *r = p->redaction;
    struct had had = {.t = t};
    struct convert_options options = r->asked->options;
    char *master = NULL;
    r->result = (struct convert_result){0};
    r->no_sound = r->asked->no_sound;
    p->result->partial += t->state != CATALOGUE_STORED;
    int rc = catalogue_copy_each(p->catalogue, t->key, look_at_copy, &had, err);
    if (rc == ERR_OK)
        rc = fsx_path(&master, err, "%s/%s", r->work.path, t->id);
    if (rc < 0)
        return rc;
    options.copies = COPY_VIEWING | COPY_POSTER | (had.kinds & made);
    if (r->asked->hide & CONVERT_HIDE_POSITION)
        options.copies &= ~places;
    options.n_moments = options.n_masks = 0;
    options.no_sound = r->asked->no_sound;
    options.hide = r->asked->hide;
    for (size_t i = 0; i < r->asked->n_masks; i++)
        if (is_for(&r->asked->mask[i], t))
            options.mask[options.n_masks++] = r->asked->mask[i].mask;
    struct catalogue_transfer of = *t, shown = *t;
    rc = hide_transfer(&r->hide, &shown, err);
    if (rc == ERR_OK)
        rc = take_track(p, &of, &options, err);
    if (rc == ERR_OK && (rc = master_extract(p->raw, &of, master, err)) == ERR_OK) {
        rc = convert(p, t, &shown, master, &options, err);
        if ((rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED) && !(had.kinds & pictures))
            rc = ERR_OK; /* nor does the full package show it */
    }
    if (unlink(master) < 0 && errno != ENOENT && rc == ERR_OK)
        rc = err_sys(err, "remove %s", master);
    if (options.track_path[0] && unlink(options.track_path) < 0 && rc == ERR_OK)
        rc = err_sys(err, "remove %s", options.track_path);
    free(master);
    *t = shown;
    return rc < 0 ? rc : put_copies(p, copies, err);
}

int redaction_report(struct package *p, const struct catalogue_transfer *t, struct err *err)
{
    const struct redaction *r = p->redaction;
    struct catalogue_copy copy[CONVERT_OUTPUTS_MAX];
    for (int i = 0; i < r->result.n_outputs; i++)
        describe(r, i, &copy[i]);
    const struct report_facts_redacted redacted = {
        .copy = copy,
        .n = r->result.n_outputs,
        .no_sound = r->no_sound,
        .no_position = r->asked->hide & CONVERT_HIDE_POSITION,
        .with_position = r->asked->with_position,
    };
    int rc = report_facts_add(p->report, p->catalogue, r->work.path, t, "", &redacted, err);
    for (int i = 0; i < r->result.n_outputs; i++)
        if (unlink(r->result.output[i].path) < 0 && rc == ERR_OK)
            rc = err_sys(err, "remove %s", r->result.output[i].path);
    return rc;
}
