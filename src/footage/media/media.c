#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "media.h"
#include "av.h"
#include "damage.h"
#include "decode.h"
#include "ptmf.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_ROOM 65536 /* of zeros behind the file; more than AV_INPUT_BUFFER_PADDING_SIZE */

void media_warn(struct media *m, const char *fmt, ...)
{
    char text[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t used = strlen(m->warning);
    snprintf(m->warning + used, sizeof m->warning - used, "%s%s", used ? "; " : "", text);
}

void media_warn_count(struct media *m, int64_t n, const char *one, const char *many)
{
    if (n != 0)
        media_warn(m, "%" PRId64 " %s", n, n == 1 ? one : many);
}

int media_map(struct media *m, const char *path, struct err *err)
{
    struct stat st;
    int rc = ERR_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "cannot be opened");
    if (fstat(fd, &st) < 0) {
        rc = err_sys(err, "cannot be read");
    } else if (!S_ISREG(st.st_mode)) {
        rc = err_set(err, ERR_UNSUPPORTED, "is not a file");
    } else if (st.st_size == 0) {
        rc = err_set(err, ERR_MALFORMED, "the file is empty");
    } else if (st.st_size > MEDIA_INPUT_BYTES_MAX) {
        rc = err_set(err, ERR_LIMIT, "the file is larger than 4 GiB");
    } else {
        m->n = (size_t)st.st_size;
        m->mapped = m->n + PAGE_ROOM;
        void *room = mmap(NULL, m->mapped, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (room == MAP_FAILED) {
            rc = err_sys(err, "cannot be mapped");
        } else {
            m->map = room;
            if (mmap(room, m->n, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED)
                rc = err_sys(err, "cannot be mapped");
        }
    }
    close(fd);
    return rc;
}

int media_grow(void *array, int64_t n, int64_t *room, int64_t max, size_t element, const char *what,
               struct err *err)
{
    void *old;
    if (n < *room)
        return ERR_OK;
    if (n >= max)
        return err_set(err, ERR_LIMIT, "more than %" PRId64 " %s", max, what);
    int64_t want = n ? n * 2 : 512;
    memcpy(&old, array, sizeof old);
    void *mem = realloc(old, (size_t)want * element);
    if (!mem)
        return err_set(err, ERR_NOMEM, "no memory for %" PRId64 " %s", want, what);
    memcpy(array, &mem, sizeof mem);
    *room = want;
    return ERR_OK;
}

static int add_picture(struct media *m, const struct annexb_au *au, size_t base, int64_t time_us,
                       struct err *err)
{
    int rc = media_grow(&m->picture, m->n_pictures, &m->room_pictures, MEDIA_PICTURES_MAX,
                        sizeof *m->picture, "pictures", err);
    if (rc < 0)
        return rc;
    const struct media_picture *last = m->n_pictures ? &m->picture[m->n_pictures - 1] : NULL;
    bool restart = nal_resets_poc(au->type) || (nal_is_irap(au->type) && au->after_eos);
    m->picture[m->n_pictures++] = (struct media_picture){
        .offset = base + au->offset,
        .n = au->n,
        .time_us = time_us,
        .period = (last ? last->period : 0) + restart,
        .key = nal_is_irap(au->type),
        .leading = au->type >= NAL_RADL_N && au->type <= NAL_RASL_R,
    };
    return ERR_OK;
}

/* 00 01, count of 16-bit words, 00, then the A-law bytes (docs/ptmf.md, section 2). Others are not
 * sound. */
static int add_sound(struct media *m, const struct ptmf_record *r, struct err *err)
{
    static const size_t prefix = 4;
    if (r->n <= prefix || r->payload[0] != 0 || r->payload[1] != 1 || r->payload[3] != 0 ||
        (size_t)r->payload[2] * 2 != r->n - prefix)
        return ERR_OK;
    int rc = media_grow(&m->sound, m->n_sounds, &m->room_sounds, MEDIA_SOUNDS_MAX, sizeof *m->sound,
                        "sound records", err);
    if (rc < 0)
        return rc;
    m->sound[m->n_sounds++] = (struct media_sound){
        .offset = (size_t)(r->payload - m->map) + prefix,
        .n = r->n - prefix,
        .time_us = r->time_us,
        .sequence = r->sequence,
    };
    return ERR_OK;
}

static void warn_ptmf(struct media *m, const struct ptmf *p, int64_t without_picture)
{
    if (p->skipped_bytes)
        media_warn(m, "%" PRId64 " bytes that belong to no record, the first at offset %zu",
                   p->skipped_bytes, p->first_skip);
    media_warn_count(m, p->damaged, "record with missing bytes", "records with missing bytes");
    if (p->cut_bytes)
        media_warn(m,
                   "the file ends inside a record: the last %" PRId64
                   " bytes, at offset %zu, are left out",
                   p->cut_bytes, p->cut_at);
    media_warn_count(m, without_picture, "video record without a picture",
                     "video records without a picture");
}

/* What only the container knows of the picture just added. */
static void judge_record(struct media *m, const struct ptmf_record *r, const struct annexb_au *au,
                         struct nal_scan *rest)
{
    struct annexb_au more;
    struct media_picture *p = &m->picture[m->n_pictures - 1];
    p->sequence = r->sequence;
    if (r->damaged)
        damage_mark(p, "bytes of its record are missing");
    else if (au->offset > 1)
        damage_mark(p, "its record does not begin with a NAL unit");
    else if (annexb_next(rest, &more))
        damage_mark(p, "its record holds more than one picture");
    else if (p->key != (r->type == 'I'))
        damage_mark(p, p->key ? "a key picture, but its record says that it is none"
                              : "no key picture, but its record says that it is one");
}

static int scan_ptmf(struct media *m, struct err *err)
{
    struct ptmf p = ptmf_init(m->map, m->n);
    struct ptmf_record r;
    int64_t without_picture = 0;
    int rc = ERR_OK;
    while (rc == ERR_OK && ptmf_next(&p, &r)) {
        if (r.type == 'A') {
            rc = add_sound(m, &r, err);
            continue;
        }
        struct annexb_au au;
        struct nal_scan scan = nal_scan_init(r.payload, r.n);
        size_t base = (size_t)(r.payload - m->map);
        if (!annexb_next(&scan, &au)) {
            without_picture++;
            continue;
        }
        if (m->n_pictures == 0) {
            m->nominal_fps = r.fps;
            m->clock_us = r.time_us;
        }
        rc = add_picture(m, &au, base, r.time_us, err);
        if (rc == ERR_OK)
            judge_record(m, &r, &au, &scan);
    }
    m->damage.stray_bytes = p.skipped_bytes;
    m->damage.cut_bytes = p.cut_bytes;
    warn_ptmf(m, &p, without_picture);
    return rc;
}

static int scan_annexb(struct media *m, struct err *err)
{
    struct nal_scan scan = nal_scan_init(m->map, m->n);
    struct annexb_au au;
    int rc = ERR_OK;
    while (rc == ERR_OK && annexb_next(&scan, &au)) {
        if (m->n_pictures == 0 && au.offset > 1) {
            media_warn(m, "%zu bytes before the first NAL unit", au.offset);
            m->damage.stray_bytes = (int64_t)au.offset;
        }
        rc = add_picture(m, &au, 0, 0, err);
    }
    return rc;
}

static int by_time(const void *a, const void *b)
{
    const struct media_sound *x = a, *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return x->offset < y->offset ? -1 : 1;
}

int media_open(struct media *m, const char *path, enum media_container container,
               const struct media_facts *facts, const struct media_options *options,
               struct err *err)
{
    *m = (struct media){.container = container};
    int rc = media_map(m, path, err);
    if (rc == ERR_OK)
        rc = container == MEDIA_PTMF ? scan_ptmf(m, err) : scan_annexb(m, err);
    if (rc == ERR_OK && m->n_pictures == 0)
        rc = err_set(err, ERR_MALFORMED, "no whole picture in it, though it begins like %s",
                     container == MEDIA_PTMF ? "camera records" : "H.265");
    if (rc == ERR_OK && options->params_from[0])
        rc = media_use_sets(m, options->params_from, err);
    if (rc == ERR_OK)
        rc = media_read_poc(m, err);
    if (rc == ERR_OK)
        rc = decode_find_first(m, err);
    if (rc == ERR_OK && container == MEDIA_ANNEXB)
        rc = media_find_missing(m, err);
    if (rc == ERR_OK)
        rc = media_assign_times(m, facts, options, err);
    if (rc == ERR_OK && m->n_sounds)
        qsort(m->sound, (size_t)m->n_sounds, sizeof *m->sound, by_time);
    if (rc == ERR_OK)
        rc = media_find_silence(m, err);
    if (rc == ERR_OK)
        rc = damage_find(m, err);
    return rc;
}

void media_close(struct media *m)
{
    free(m->picture);
    free(m->sound);
    free(m->hole);
    free(m->view_pts);
    free(m->silence);
    free(m->lent);
    if (m->map)
        munmap((void *)(uintptr_t)m->map, m->mapped);
    *m = (struct media){0};
}
