/*
 * sets: the parameter sets of a master: which are in force, and in which order a decoder can read
 * them. A stream may have them in any order (7.4.2.4.4: only before they are used), more than one
 * of a kind, and others from some picture on.
 */
#include "bits.h"
#include "media.h"
#include <libavcodec/avcodec.h>
#include <libavutil/mem.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers, as far as they tell which is meant ---- */

#define SET_MAX    63  /* of the numbers of sets, PPS have the most (7.4.3.3.1) */
#define HEAD_BYTES 128 /* of a unit: the longest profile_tier_level() is 88 */

static struct bits head_of(const struct nal *nal, uint8_t head[HEAD_BYTES])
{
    return bits_init(head, nal_content(nal, head, HEAD_BYTES));
}

/* Number of a parameter set (7.3.2.1 to 7.3.2.3). */
static int set_id(const struct nal *nal)
{
    uint8_t head[HEAD_BYTES];
    struct bits b = head_of(nal, head);
    if (nal->type == NAL_VPS)
        return (int)bits_u(&b, 4);
    if (nal->type == NAL_PPS)
        return (int)bits_ue(&b, SET_MAX);
    bits_u(&b, 4);
    int sub_layers = (int)bits_u(&b, 3);
    bits_skip(&b, 1);
    bits_skip_profile(&b, sub_layers);
    return (int)bits_ue(&b, SET_MAX);
}

/* The SPS that a PPS names, or the PPS that a slice names. */
static int named_by(const struct nal *nal)
{
    uint8_t head[HEAD_BYTES];
    struct bits b = head_of(nal, head);
    if (nal->type == NAL_PPS)
        bits_ue(&b, SET_MAX);
    else
        bits_u(&b, nal_is_irap(nal->type) ? 2 : 1);
    return (int)bits_ue(&b, SET_MAX);
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

int media_take_sets(struct media *m, int64_t index, struct err *err)
{
    const struct media_picture *p = &m->picture[index];
    struct nal_scan scan = nal_scan_init(m->map + p->offset, p->head);
    struct nal nal;
    int rc = ERR_OK;
    while (rc == ERR_OK && nal_next(&scan, &nal))
        if (nal_is_parameter_set(&nal))
            rc = put_set(m, &nal, err);
    return rc;
}

const struct media_set *media_active_sps(const struct media *m, int64_t index)
{
    const struct media_picture *p = &m->picture[index];
    struct nal_scan scan = nal_scan_init(m->map + p->offset, p->n);
    struct nal nal;
    while (nal_next(&scan, &nal))
        if (nal_is_slice(&nal)) {
            const struct media_set *pps = find_set(m, NAL_PPS, named_by(&nal));
            struct nal named = {.type = NAL_PPS, .p = pps ? pps->p : NULL, .n = pps ? pps->n : 0};
            return pps ? find_set(m, NAL_SPS, named_by(&named)) : NULL;
        }
    return NULL;
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
    for (int64_t i = 0; rc == ERR_OK && i <= m->first; i++)
        rc = media_take_sets(m, i, err);
    for (int64_t i = m->first; rc == ERR_OK && i < m->n_pictures && !m->sets_change; i++) {
        const struct media_picture *p = &m->picture[i];
        struct nal_scan scan = nal_scan_init(m->map + p->offset, p->head);
        while (nal_next(&scan, &nal))
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
    for (int type = NAL_VPS; type <= NAL_PPS; type++)
        for (int i = 0; i < m->n_sets; i++) {
            if (m->set[i].type != type)
                continue;
            memcpy(p, start_code, sizeof start_code);
            memcpy(p + sizeof start_code, m->set[i].p, m->set[i].n);
            p += sizeof start_code + m->set[i].n;
        }
    *n = (int)total;
    return ERR_OK;
}
