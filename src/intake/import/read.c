/* A file, up to where the stores are needed: what it is, its bytes, their hash. */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "dashspool/clock.h"
#include "import_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void tell(struct import *im, const char *path, enum import_outcome outcome, const char *id,
          const char *why)
{
    im->options.on_result(im->options.arg, path, outcome, id, why);
}

int stat_path(const char *path, struct catalogue_stat *out, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return err_sys(err, "look at %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_UNSUPPORTED, "%s is not a file", path);
    import_stat_of(&st, out);
    return ERR_OK;
}

bool stat_same(const struct catalogue_stat *a, const struct catalogue_stat *b)
{
    return a->inode == b->inode && a->length_bytes == b->length_bytes && a->mtime_ns == b->mtime_ns;
}

int item_unchanged(const struct item *it, struct err *err)
{
    struct stat st;
    struct catalogue_stat now;
    if (fstat(it->fd, &st) < 0)
        return err_sys(err, "look at %s", it->path);
    import_stat_of(&st, &now);
    return stat_same(&now, &it->stat) ? ERR_OK
                                      : err_set(err, ERR_AGAIN, "modified while it was being read");
}

int item_read_at(const struct item *it, int64_t offset, void *out, size_t n, struct err *err)
{
    uint8_t *p = out;
    for (size_t got = 0; got < n;) {
        ssize_t r = pread(it->fd, p + got, n - got, (off_t)(offset + (int64_t)got));
        if (r < 0 && errno != EINTR)
            return err_sys(err, "cannot be read at %" PRId64, offset);
        if (r == 0)
            return err_set(err, ERR_AGAIN, "truncated while it was being read");
        got += r > 0 ? (size_t)r : 0;
    }
    return ERR_OK;
}

void item_free(struct item **it)
{
    if (!*it)
        return;
    if ((*it)->fd >= 0)
        close((*it)->fd);
    free((*it)->data);
    free(*it);
    *it = NULL;
}

/* Its bytes, where they fit a batch, and their hash; the same as at the beginning. */
static int read_bytes(struct import *im, struct item *it, struct err *err)
{
    int rc = ERR_OK;
    if (it->stat.length_bytes <= BATCH_BYTES) {
        it->data = malloc((size_t)it->stat.length_bytes);
        if (!it->data)
            return err_nomem(err, "%s", it->path);
        rc = item_read_at(it, 0, it->data, (size_t)it->stat.length_bytes, err);
    }
    if (rc == ERR_OK) {
        struct hash *h = NULL;
        rc = hash_new(&h, err);
        int64_t n = it->stat.length_bytes;
        if (rc == ERR_OK && it->data) {
            hash_update(h, it->data, (size_t)n);
        } else {
            for (int64_t at = 0; rc == ERR_OK && at < n; at += PIECE_BYTES) {
                size_t piece = n - at < PIECE_BYTES ? (size_t)(n - at) : PIECE_BYTES;
                rc = item_read_at(it, at, im->piece, piece, err);
                if (rc == ERR_OK)
                    hash_update(h, im->piece, piece);
            }
        }
        if (rc == ERR_OK)
            rc = hash_final(h, it->sha256, err);
        hash_free(&h);
    }
    return rc < 0 ? rc : item_unchanged(it, err);
}

/* Tells, and returns false, if there is nothing to open. */
static bool open_file(struct import *im, struct item *it)
{
    struct stat st;
    it->fd = open(it->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (it->fd < 0 && (errno == ELOOP || errno == ENXIO || errno == ENODEV)) {
        tell(im, it->path, IMPORT_LEFT, "",
             errno == ELOOP ? "a symbolic link; give its target instead" : "no file");
    } else if (it->fd < 0 && errno == ENOENT) {
        tell(im, it->path, IMPORT_LEFT, "", "no longer exists");
    } else if (it->fd < 0 || fstat(it->fd, &st) < 0) {
        tell(im, it->path, IMPORT_FAILED, "", strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        tell(im, it->path, IMPORT_LEFT, "", "not a regular file (pipe, device or folder)");
    } else if (st.st_size > MEDIA_INPUT_BYTES_MAX) {
        tell(im, it->path, IMPORT_REFUSED, "", "larger than 4 GiB, which no camera produces");
    } else {
        import_stat_of(&st, &it->stat);
        return true;
    }
    return false;
}

/* False if it was reported that it is not to be taken (now). */
static bool judge(struct import *im, struct item *it, bool as_it_is, int64_t now_us)
{
    struct err err;
    const struct look_found *found = im->found;
    int rc = look_at(im->apart, it, now_us, im->found, &err);
    if (rc == ERR_AGAIN || (rc < 0 && it->stat.length_bytes == 0 && !as_it_is)) {
        tell(im, it->path, IMPORT_NOT_YET, "", err.text);
    } else if (rc < 0) {
        tell(im, it->path, err_is_temporary(rc) ? IMPORT_FAILED : IMPORT_REFUSED, "", err.text);
    } else if (found->ours) {
        tell(im, it->path, IMPORT_LEFT, "", "a copy made by dashspool");
    } else if (found->end != MEDIA_END_WELL && !as_it_is) {
        tell(im, it->path, IMPORT_NOT_YET, "", found->note);
    } else {
        it->ending =
            (struct media_ending){.end = (enum media_end)found->end, .photo = found->photo};
        snprintf(it->ending.note, sizeof it->ending.note, "%s", found->note);
        return true;
    }
    return false;
}

/* That a person's word on the time was not taken. */
static void tell_time(struct import *im, const char *path, const struct catalogue_transfer *row)
{
    const struct clock_told *told = im->options.told;
    char text[120];
    if (!told || !told->has_time ||
        (row->known & CATALOGUE_TIME_TOLD && row->time_us == told->utc_us))
        return;
    snprintf(text, sizeof text, "the time that was told was not taken: %s",
             row->known & CATALOGUE_HAS_META     ? "its metadata tell of it"
             : row->known & CATALOGUE_TIME_NAMED ? "its name tells one"
                                                 : "it is stored already, with another one");
    im->options.on_note(im->options.arg, path, text);
}

void tell_words(struct import *im, const char *path, const struct catalogue_transfer *row,
                const char *why)
{
    const struct import_options *o = &im->options;
    char text[CATALOGUE_ID_ROOM + CATALOGUE_FILE_ROOM];
    bool unknown = strcmp(row->imei, CATALOGUE_IMEI_UNKNOWN) == 0;
    if (o->imei && strcmp(row->imei, o->imei) != 0) {
        snprintf(text, sizeof text, "IMEI %s was not taken: %s %s", o->imei, why,
                 unknown ? "an unknown one" : row->imei);
        o->on_note(o->arg, path, text);
    }
    if (o->camera && strcmp(row->camera, o->camera) != 0) {
        snprintf(text, sizeof text, "camera %s was not taken: %s %s", o->camera, why, row->camera);
        o->on_note(o->arg, path, text);
    }
    tell_time(im, path, row);
}

/* One camera records one clip at a time: another one has the time that a person told. */
static bool is_other_clip(const struct catalogue_transfer *row, const struct catalogue_transfer *t)
{
    return t->known & CATALOGUE_TIME_TOLD && t->time_us == row->time_us &&
           strcmp(t->imei, row->imei) == 0 && strcmp(t->camera, row->camera) == 0 &&
           strcmp(t->kind, row->kind) == 0 && strcmp(t->sha256, row->sha256) != 0;
}

struct clips {
    const struct catalogue_transfer *row;
    bool other;
};

static int compare_clip(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct clips *c = arg;
    (void)err;
    c->other |= is_other_clip(c->row, t);
    return ERR_OK;
}

static int find_other_clip(struct import *im, const struct catalogue_transfer *row, struct err *err)
{
    struct clips c = {.row = row};
    const struct catalogue_filter then = {
        .imei = row->imei, .since_us = row->time_us, .until_us = row->time_us + 1};
    if (!(row->known & CATALOGUE_TIME_TOLD))
        return ERR_OK;
    for (size_t i = 0; i < im->n; i++)
        c.other |= is_other_clip(row, &im->item[i]->row);
    int rc = catalogue_transfer_each(im->catalogue, &then, compare_clip, &c, err);
    return rc < 0 || !c.other
               ? rc
               : err_set(err, ERR_MALFORMED,
                         "the time that was told is of one clip, and another file of this camera "
                         "has it: import this one by itself, with its own");
}

int item_holds(struct import *im, const struct catalogue_transfer *t, bool *out, struct err *err)
{
    *out = im->forward && t->state == CATALOGUE_STORED && t->published;
    return *out ? ERR_OK : intake_holds(im->raw, t, out, err);
}

bool item_is_known(struct import *im, const struct item *it, struct catalogue_seen *seen)
{
    struct err err;
    struct catalogue_transfer t;
    bool held = true; /* also what was deleted since: somebody wanted that */
    return catalogue_seen_get(im->catalogue, it->path, seen, &err) == ERR_OK &&
           stat_same(&seen->stat, &it->stat) &&
           (catalogue_transfer_get(im->catalogue, seen->id, &t, &err) < 0 ||
            (item_holds(im, &t, &held, &err) == ERR_OK && held));
}

static bool is_known(struct import *im, const struct item *it)
{
    struct catalogue_seen seen;
    struct catalogue_transfer t;
    struct err err;
    char why[CATALOGUE_ID_ROOM + 40];
    if (!item_is_known(im, it, &seen))
        return false;
    snprintf(why, sizeof why, "stored already as %s, under", seen.id);
    if (catalogue_transfer_get(im->catalogue, seen.id, &t, &err) == ERR_OK)
        tell_words(im, it->path, &t, why);
    tell(im, it->path, IMPORT_KNOWN, seen.id, "");
    return true;
}

/* What was given beside the file and is not made use of, or not all of it. */
static void tell_notes(struct import *im, const struct item *it)
{
    char path[CATALOGUE_FILE_ROOM + 8], text[LOOK_WHY_ROOM + 40];
    const struct look_found *found = im->found;
    bool of_stem;
    for (int i = 0; i < IMPORT_SIDECARS; i++) {
        const struct look_sidecar *s = &found->sidecar[i];
        if (!s->why[0])
            continue;
        import_sidecar(it->path, i, path, sizeof path, &of_stem);
        snprintf(text, sizeof text, "%s%s", s->taken ? "" : "not read as metadata: ", s->why);
        im->options.on_note(im->options.arg, path, text);
    }
    snprintf(text, sizeof text, "%s beside it says", it->sidecar);
    if (it->sidecar[0])
        tell_words(im, it->path, &it->row, text);
    else
        tell_time(im, it->path, &it->row);
    const char *doubt = found->doubtful_imei;
    if (!doubt[0] || strcmp(it->row.imei, CATALOGUE_IMEI_UNKNOWN) != 0 ||
        strcmp(im->doubted_imei, doubt) == 0) /* once for all that are in a folder */
        return;
    snprintf(im->doubted_imei, sizeof im->doubted_imei, "%s", doubt);
    snprintf(text, sizeof text,
             "%s in its path looks like an IMEI, but its check digit is wrong: not taken, the "
             "tracker is unknown (%s)",
             doubt, CATALOGUE_IMEI_UNKNOWN);
    im->options.on_note(im->options.arg, it->path, text);
}

int item_read(struct import *im, const char *path, bool as_it_is, struct item **out,
              struct err *err)
{
    struct err why;
    struct item *it = *out = calloc(1, sizeof *it);
    if (!it)
        return err_nomem(err, "%s", path);
    it->fd = -1;
    int64_t now_us = clock_utc_us();
    bool fits = strlen(path) < sizeof it->path;
    snprintf(it->path, sizeof it->path, "%s", path);
    if (!fits)
        tell(im, path, IMPORT_REFUSED, "", "the path is too long");
    if (!fits || !open_file(im, it) || is_known(im, it) || !judge(im, it, as_it_is, now_us))
        goto settled;
    int rc = read_bytes(im, it, &why);
    if (rc == ERR_NOMEM) {
        *err = why;
        item_free(out);
        return rc;
    }
    if (rc < 0) {
        tell(im, path, rc == ERR_AGAIN ? IMPORT_NOT_YET : IMPORT_FAILED, "", why.text);
        goto settled;
    }
    struct catalogue_transfer *row = &it->row;
    *row = (struct catalogue_transfer){
        .state = CATALOGUE_RECEIVING,
        .arrived_us = now_us,
        .length_bytes = it->stat.length_bytes,
    };
    snprintf(row->source, sizeof row->source, "file");
    raw_day(now_us, row->day);
    hash_hex(it->sha256, row->sha256);
    if (identity_set(it, im->found, &im->options, now_us, &why) < 0) {
        err_wrap(&why, "its name");
        tell(im, path, IMPORT_REFUSED, "", why.text);
        goto settled;
    }
    if ((rc = find_other_clip(im, row, &why)) < 0) {
        tell(im, path, err_is_temporary(rc) ? IMPORT_FAILED : IMPORT_REFUSED, "", why.text);
        goto settled;
    }
    tell_notes(im, it);
    if (it->data) { /* a batch has more files than a process may have open */
        close(it->fd);
        it->fd = -1;
    }
    return ERR_OK;
settled:
    item_free(out);
    return sandbox_apart_lost(im->apart)
               ? err_set(err, ERR_IO, "the process that looks at files was killed")
               : ERR_OK;
}
