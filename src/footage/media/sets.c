#include "media.h"
#include "ptmf.h"
#include "sniff.h"
#include <libavcodec/avcodec.h>
#include <libavutil/mem.h>
#include <stdlib.h>
#include <string.h>

#define LENT_BYTES_MAX 65536 /* a camera's VPS, SPS and PPS are 100 */

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
    if (!nal_is_parameter_set(nal->type))
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
        while (rc == ERR_OK && nal_next(&scan, &nal) && nal.type > NAL_VCL_LAST)
            if (nal_is_parameter_set(nal.type))
                rc = put_set(m, &nal, err);
    }
    for (int64_t i = m->first; rc == ERR_OK && i < m->n_pictures && !m->sets_change; i++) {
        const struct media_picture *p = &m->picture[i];
        struct nal_scan scan = nal_scan_init(m->map + p->offset, p->n);
        while (nal_next(&scan, &nal) && nal.type > NAL_VCL_LAST)
            if (nal_is_parameter_set(nal.type) && !media_in_sets(m, &nal))
                m->sets_change = true;
    }
    return rc;
}

/* Appends the parameter sets in front of the first slice; true when that slice is there. */
static bool take_sets(const uint8_t *data, size_t n, uint8_t *out, size_t *used)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    while (nal_next(&scan, &nal)) {
        if (nal.type <= NAL_VCL_LAST)
            return true;
        if (!nal_is_parameter_set(nal.type) || *used + nal.n + 4 > LENT_BYTES_MAX)
            continue;
        memcpy(out + *used, "\0\0\0\1", 4);
        memcpy(out + *used + 4, nal.p, nal.n);
        *used += nal.n + 4;
    }
    return false;
}

/* The parameter sets at the start of a file of either container; in media m, which is mapped. */
static void read_lender(const struct media *lender, enum media_container container, uint8_t *out,
                        size_t *used)
{
    if (container != MEDIA_PTMF) {
        take_sets(lender->map, lender->n, out, used);
        return;
    }
    struct ptmf p = ptmf_init(lender->map, lender->n);
    struct ptmf_record r;
    while (ptmf_next(&p, &r))
        if (r.type != 'A' && take_sets(r.payload, r.n, out, used) && *used > 0)
            return;
}

/* SPS and PPS before the first slice of m. */
static bool begins_with_sets(const struct media *m)
{
    const struct media_picture *p = &m->picture[0];
    struct nal_scan scan = nal_scan_init(m->map + p->offset, p->n);
    struct nal nal;
    bool sps = false, pps = false;
    while (nal_next(&scan, &nal) && nal.type > NAL_VCL_LAST) {
        sps = sps || nal.type == NAL_SPS;
        pps = pps || nal.type == NAL_PPS;
    }
    return sps && pps;
}

int media_use_sets(struct media *m, const char *path, struct err *err)
{
    struct media lender = {0};
    enum media_container container;
    if (begins_with_sets(m))
        return ERR_OK;
    int rc = media_map(&lender, path, err);
    if (rc == ERR_OK)
        rc = sniff_bytes(lender.map, lender.n, &container, err);
    if (rc == ERR_OK && container == MEDIA_JPEG)
        rc = err_set(err, ERR_CONFIG, "is a photo");
    if (rc == ERR_OK && !(m->lent = malloc(LENT_BYTES_MAX)))
        rc = err_set(err, ERR_NOMEM, "no memory");
    if (rc == ERR_OK)
        read_lender(&lender, container, m->lent, &m->n_lent);
    if (rc == ERR_OK && m->n_lent == 0)
        rc = err_set(err, ERR_CONFIG, "begins without parameter sets");
    media_close(&lender);
    if (rc == ERR_OK)
        media_warn(m, "the parameter sets are lent by another clip");
    return rc < 0 ? err_wrap(err, "parameter sets from %s", path) : ERR_OK;
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
        return err_set(err, ERR_NOMEM, "no memory for the parameter sets");
    for (int i = 0; i < m->n_sets; i++) {
        memcpy(p, start_code, sizeof start_code);
        memcpy(p + sizeof start_code, m->set[i].p, m->set[i].n);
        p += sizeof start_code + m->set[i].n;
    }
    *n = (int)total;
    return ERR_OK;
}
