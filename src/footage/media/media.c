#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "media.h"
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
    free(m->shape);
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
