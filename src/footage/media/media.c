#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "media.h"
#include <fcntl.h>
#include <inttypes.h>
#include <libavcodec/avcodec.h>
#include <libavutil/mem.h>
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
    char text[400];
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
    /* a sandbox says of a directory, and a pipe says nothing, only that it cannot be opened */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(err, ERR_UNSUPPORTED, "is not a file");
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
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

void media_close(struct media *m)
{
    free(m->picture);
    free(m->sound);
    free(m->ref);
    free(m->hole);
    free(m->view_pts);
    free(m->view_coded);
    free(m->silence);
    free(m->lent);
    if (m->map)
        munmap((void *)(uintptr_t)m->map, m->mapped);
    *m = (struct media){0};
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
        return err_nomem(err, "%" PRId64 " %s", want, what);
    memcpy(array, &mem, sizeof mem);
    *room = want;
    return ERR_OK;
}

/* ---- the order in which pictures are shown ---- */

static int by_display(const void *a, const void *b)
{
    const struct media_shown *x = a, *y = b;
    if (x->period != y->period)
        return x->period < y->period ? -1 : 1;
    if (x->poc != y->poc)
        return x->poc < y->poc ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

int media_display_order(const struct media *m, struct media_shown **out, struct err *err)
{
    struct media_shown *s = *out = malloc((size_t)m->n_pictures * sizeof *s);
    if (!s)
        return err_nomem(err, "%" PRId64 " pictures", m->n_pictures);
    for (int64_t i = 0; i < m->n_pictures; i++)
        s[i] = (struct media_shown){m->picture[i].poc, i, m->picture[i].period};
    qsort(s, (size_t)m->n_pictures, sizeof *s, by_display);
    return ERR_OK;
}

void media_count(const struct media *m, int64_t *pictures, int64_t *key_pictures)
{
    *pictures = m->n_pictures - m->first;
    *key_pictures = 0;
    for (int64_t i = m->first; i < m->n_pictures; i++)
        *key_pictures += m->picture[i].key;
}

int64_t media_shown_before(const struct media *m, int64_t pts)
{
    /* DTS are the PTS in the order of showing, moved back alike (times.c). */
    const struct media_picture *kept = &m->picture[m->first];
    int64_t low = 0, high = m->n_pictures - m->first;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (kept[middle].dts - kept[0].dts < pts)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool media_alike(const struct media *m, int64_t i, int64_t k)
{
    const struct media_picture *a = &m->picture[i], *b = &m->picture[k];
    return a->n == b->n && memcmp(m->map + a->offset, m->map + b->offset, a->n) == 0;
}

/* ---- parameter sets ---- */

/* Number of a parameter set: VPS u(4), PPS ue(v) of at most 63 (7.3.2.1, 7.3.2.3). All SPS count as
 * number 0: theirs is deep in the unit, and cameras have one. */
static int set_id(const struct nal *nal)
{
    if (nal->n < 3)
        return 0;
    unsigned bits = (unsigned)nal->p[2] << 8 | (nal->n > 3 ? nal->p[3] : 0u);
    if (nal->type == NAL_VPS)
        return (int)(bits >> 12);
    if (nal->type != NAL_PPS)
        return 0;
    int zeros = 0;
    while (zeros < 6 && !(bits & 0x8000u >> zeros))
        zeros++;
    return (int)(bits >> (15 - 2 * zeros)) - 1;
}

static const struct media_set *find_set(const struct media *m, int type, int id)
{
    for (int i = 0; i < m->n_sets; i++)
        if (m->set[i].type == type && m->set[i].id == id)
            return &m->set[i];
    return NULL;
}

bool media_in_sets(const struct media *m, const struct nal *nal)
{
    if (!nal_is_parameter_set(nal))
        return false;
    const struct media_set *s = find_set(m, nal->type, set_id(nal));
    return s && s->n == nal->n && memcmp(s->p, nal->p, nal->n) == 0;
}

static int put_set(struct media *m, const struct nal *nal, struct err *err)
{
    int id = set_id(nal);
    const struct media_set *old = find_set(m, nal->type, id);
    int at = old ? (int)(old - m->set) : m->n_sets;
    if (at == MEDIA_SETS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d parameter sets", MEDIA_SETS_MAX);
    m->set[at] = (struct media_set){nal->type, id, nal->p, nal->n};
    m->n_sets += !old;
    return ERR_OK;
}

int media_collect_sets(struct media *m, struct err *err)
{
    int rc = ERR_OK;
    struct nal nal;
    m->n_sets = 0;
    m->sets_change = false;
    struct nal_scan lent = nal_scan_init(m->lent, m->n_lent);
    while (rc == ERR_OK && nal_next(&lent, &nal))
        rc = put_set(m, &nal, err);
    for (int64_t i = 0; i <= m->first; i++) {
        const struct media_picture *p = &m->picture[i];
        struct nal_scan scan = nal_scan_init(m->map + p->offset, p->n);
        while (rc == ERR_OK && nal_next(&scan, &nal) && !nal_is_slice(&nal))
            if (nal_is_parameter_set(&nal))
                rc = put_set(m, &nal, err);
    }
    for (int64_t i = m->first; rc == ERR_OK && i < m->n_pictures && !m->sets_change; i++) {
        const struct media_picture *p = &m->picture[i];
        struct nal_scan scan = nal_scan_init(m->map + p->offset, p->n);
        while (nal_next(&scan, &nal) && !nal_is_slice(&nal))
            if (nal_is_parameter_set(&nal) && !media_in_sets(m, &nal))
                m->sets_change = true;
    }
    return rc;
}

int media_extradata(const struct media *m, uint8_t **out, int *n, struct err *err)
{
    static const uint8_t start_code[4] = {0, 0, 0, 1};
    size_t total = 0;
    for (int i = 0; i < m->n_sets; i++)
        total += sizeof start_code + m->set[i].n;
    *n = 0;
    *out = NULL;
    if (total > 1024 * 1024)
        return err_set(err, ERR_LIMIT, "parameter sets of %zu bytes", total);
    uint8_t *p = *out = av_mallocz(total + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!p)
        return err_nomem(err, "the parameter sets");
    for (int i = 0; i < m->n_sets; i++) {
        memcpy(p, start_code, sizeof start_code);
        memcpy(p + sizeof start_code, m->set[i].p, m->set[i].n);
        p += sizeof start_code + m->set[i].n;
    }
    *n = (int)total;
    return ERR_OK;
}
