#include "media/photo.h"
#include "copies.h"
#include "dashspool/fsx.h"
#include "exif.h"
#include "redact.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* The Exif segment as it will be: the master's with the facts added. A broken one is replaced: its
 * readers would disagree on it, and with them on how the photo is turned; the master still has it.
 */
struct still_exif {
    struct exif exif;
    const struct jpeg_marker_struct *old; /* the first one there is, or NULL */
    struct buf payload;
};

static void take_exif(struct still_exif *s, const struct photo *p, struct media *m)
{
    const char *why;
    exif_init(&s->exif);
    s->old = p->in.marker_list;
    while (s->old && !photo_is_exif(s->old))
        s->old = s->old->next;
    if (!s->old)
        return;
    if (!exif_parse(&s->exif, s->old->data + EXIF_HEAD_BYTES, s->old->data_length - EXIF_HEAD_BYTES,
                    &why))
        media_warn(m, "the EXIF data is damaged (%s) and was replaced", why);
    else if (s->exif.damaged)
        media_warn(m, "%d damaged EXIF entries were left out", s->exif.damaged);
}

/* A new block, with nothing of the old one but how the photo is turned. */
static void renew_exif(struct still_exif *s, const struct photo *p, const struct copy_task *t,
                       int orientation)
{
    const uint32_t turned = (uint32_t)orientation;
    char text[160], hidden[REDACT_TEXT_ROOM];
    struct convert_options masks = *t->options;
    masks.no_sound = false;
    redact_text(&masks, hidden);
    snprintf(text, sizeof text, "REDACTED still copy: derived, %s", hidden);
    exif_init(&s->exif);
    s->old = NULL;
    exif_set_facts(&s->exif, t->facts, p->width_px, p->height_px);
    exif_set_numbers(&s->exif, EXIF_IFD0, EXIF_TAG_ORIENTATION, EXIF_SHORT, &turned, 1);
    exif_set_text(&s->exif, EXIF_IFD0, EXIF_TAG_DESCRIPTION, text);
}

/* ERR_CONFIG if a mask is not in the photo as it is seen. */
static int redact(struct photo *p, struct still_exif *s, const struct copy_task *t, int orientation,
                  struct err *err)
{
    bool turned = orientation >= 5;
    int rc = redact_check(t->options, turned ? p->height_px : p->width_px,
                          turned ? p->width_px : p->height_px, -1, err);
    if (rc < 0)
        return rc;
    renew_exif(s, p, t, orientation);
    return photo_redact(p, t->options, orientation, err);
}

/* Data that fills its segment stays as it is. */
static int write_exif(struct still_exif *s, const struct photo *p, const struct copy_task *t,
                      struct err *err)
{
    if (!t->osd->redacted)
        exif_set_facts(&s->exif, t->facts, p->width_px, p->height_px);
    int rc = exif_write(&s->exif, &s->payload, err);
    if (rc != ERR_LIMIT || !s->old)
        return rc;
    media_warn(t->m, "%s: nothing was added to it", err->text);
    buf_consume(&s->payload, s->payload.used);
    return buf_append(&s->payload, s->old->data, s->old->data_length, err);
}

static int overlay(struct photo *p, int orientation, const struct copy_task *t, struct err *err)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    struct osd *osd = NULL;
    bool turned = orientation >= 5;
    osd_text_at(t->osd, 0, 0, "still copy", lines);
    int rc = osd_new(&osd, turned ? p->height_px : p->width_px, turned ? p->width_px : p->height_px,
                     t->options, err);
    if (rc == ERR_OK)
        rc = osd_set(osd, lines, err);
    if (rc == ERR_OK)
        rc = osd_orient(osd, orientation, err);
    if (rc == ERR_OK)
        rc = photo_blend(p, osd, err);
    osd_free(&osd);
    return rc;
}

static void warn(const struct photo *p, struct media *m)
{
    const struct photo_errors *e = &p->errors;
    size_t behind = p->in.src->bytes_in_buffer;
    if (e->stray_bytes > 0)
        media_warn(m, "%ld stray bytes between the segments were left out", e->stray_bytes);
    if (e->damaged && e->scan > 1)
        media_warn(m, "the photo is damaged from byte %zu of %zu on (scan %d, row %d of %d): %s",
                   e->offset, p->n, e->scan, e->row_px, p->height_px, e->damage);
    else if (e->damaged)
        media_warn(m, "the photo is damaged from row %d of %d on (byte %zu of %zu): %s", e->row_px,
                   p->height_px, e->offset, p->n, e->damage);
    else if (behind > 0)
        media_warn(m, "%zu bytes behind the photo's end were left out", behind);
}

static int write_file(struct photo *p, const char *path, const struct still_exif *s,
                      struct err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    int rc = photo_write(p, fd, &s->payload, s->old, err);
    if (close(fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", path);
    return rc;
}

static int make_still(struct photo *p, struct still_exif *s, const struct copy_task *t,
                      struct err *err)
{
    int rc = photo_open(p, t->m->map, t->m->n, err);
    if (rc < 0)
        return rc;
    warn(p, t->m);
    take_exif(s, p, t->m);
    int orientation = exif_orientation(&s->exif);
    if (t->osd->redacted)
        rc = redact(p, s, t, orientation, err);
    if (rc == ERR_OK)
        rc = overlay(p, orientation, t, err);
    if (rc == ERR_OK)
        rc = write_exif(s, p, t, err);
    if (rc == ERR_OK)
        rc = write_file(p, t->path, s, err);
    return rc;
}

int copy_still(const struct copy_task *t, struct err *err)
{
    struct photo *p = calloc(1, sizeof *p);
    struct still_exif *s = calloc(1, sizeof *s);
    int rc = ERR_NOMEM;
    if (!p || !s) {
        err_set(err, rc, "no memory for a photo");
    } else {
        buf_init(&s->payload, 2 * EXIF_BYTES_MAX);
        rc = make_still(p, s, t, err);
        t->result->width_px = p->width_px;
        t->result->height_px = p->height_px;
        t->result->pictures = t->result->key_pictures = 1;
        photo_close(p);
        buf_clear(&s->payload);
        copy_progress(t, 1, 1);
    }
    free(p);
    free(s);
    return rc;
}
