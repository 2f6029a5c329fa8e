/* open: finds all pictures and sounds of a master, and tells of each what it is. */
#include "damage.h"
#include "dashspool/text.h"
#include "decode.h"
#include "ptmf.h"
#include "refresh.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LENT_BYTES_MAX 65536 /* a camera's VPS, SPS and PPS are 100 */

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
        .head = au->head,
        .layered = au->layered,
        .time_us = time_us,
        .period = (last ? last->period : 0) + restart,
        .key = nal_is_irap(au->type),
        .leading = au->type >= NAL_RADL_N && au->type <= NAL_RASL_R,
    };
    return ERR_OK;
}

/* What only the container knows of the picture just added. */
static void judge_record(struct media *m, const struct ptmf_record *r, const struct annexb_au *au,
                         struct nal_scan *rest, int64_t *odd)
{
    struct annexb_au more;
    int away;
    struct media_picture *p = &m->picture[m->n_pictures - 1];
    p->sequence = r->sequence;
    p->record = m->from + r->offset;
    p->nominal_fps = r->fps;
    if (r->damaged)
        damage_mark(p, "bytes of its record are missing");
    else if (au->offset > 1)
        damage_mark(p, "its record does not begin with a NAL unit");
    else if (annexb_next(rest, &more))
        damage_mark(p, "its record holds more than one picture");
    else if (p->key != (r->type == 'I') &&
             (p->key || !refresh_point(m->map + p->offset, p->head, &away)))
        (*odd)++; /* which takes nothing from the picture */
}

/* Appends the parameter sets, those in front of the first slice, or all; true when there is a
 * slice.
 */
static bool take_sets(const uint8_t *data, size_t n, bool all, uint8_t *out, size_t *used)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    bool slices = false;
    while (nal_next(&scan, &nal) && (all || !slices)) {
        slices = slices || nal_is_slice(&nal);
        if (!nal_is_parameter_set(&nal) || *used + nal.n + 4 > LENT_BYTES_MAX)
            continue;
        memcpy(out + *used, "\0\0\0\1", 4);
        memcpy(out + *used + 4, nal.p, nal.n);
        *used += nal.n + 4;
    }
    return slices;
}

static int make_room_to_lend(struct media *m, struct err *err)
{
    if (!m->lent && !(m->lent = malloc(LENT_BYTES_MAX)))
        return err_nomem(err, "parameter sets");
    return ERR_OK;
}

static int scan_ptmf(struct media *m, struct err *err)
{
    struct ptmf p = ptmf_init(m->map + m->from, m->until - m->from);
    struct ptmf_record r;
    int64_t without_picture = 0, odd = 0;
    int rc = ERR_OK;
    while (rc == ERR_OK && ptmf_next(&p, &r)) {
        if (r.type == 'A') {
            /* 00 01, count of 16-bit words, 00, then the A-law bytes (docs/ptmf.md, section 2).
             * Others are not sound. */
            static const size_t prefix = 4;
            if (r.n <= prefix || r.payload[0] != 0 || r.payload[1] != 1 || r.payload[3] != 0 ||
                (size_t)r.payload[2] * 2 != r.n - prefix)
                rc = ERR_OK;
            else {
                rc = media_grow(&m->sound, m->n_sounds, &m->room_sounds, MEDIA_SOUNDS_MAX,
                                sizeof *m->sound, "sound records", err);
                if (rc == ERR_OK) {
                    m->sound[m->n_sounds++] = (struct media_sound){
                        .offset = (size_t)(r.payload - m->map) + prefix,
                        .n = r.n - prefix,
                        .time_us = r.time_us,
                        .sequence = r.sequence,
                    };
                }
            }
            continue;
        }
        struct annexb_au au;
        struct nal_scan scan = nal_scan_init(r.payload, r.n);
        size_t base = (size_t)(r.payload - m->map);
        if (!annexb_next(&scan, &au)) { /* parameter sets may have a record of their own */
            size_t before = m->n_lent;
            if ((rc = make_room_to_lend(m, err)) == ERR_OK)
                take_sets(r.payload, r.n, false, m->lent, &m->n_lent);
            without_picture += m->n_lent == before;
            m->lent_early = m->lent_early || (m->n_lent > before && m->n_pictures == 0);
            continue;
        }
        if (m->n_pictures == 0) {
            m->nominal_fps = r.fps;
            m->clock_us = r.time_us;
        }
        rc = add_picture(m, &au, base, r.time_us, err);
        if (rc == ERR_OK)
            judge_record(m, &r, &au, &scan, &odd);
    }
    m->damage.stray_bytes = p.skipped_bytes;
    m->damage.cut_bytes = p.cut_bytes;
    if (p.skipped_bytes)
        media_warn(m, "%lld %s to no record, the first at offset %zu",
                   SIZE_COUNT(p.skipped_bytes, "byte that belongs", "bytes that belong"),
                   m->from + p.first_skip);
    media_warn_count(m, p.damaged, "record with missing bytes", "records with missing bytes");
    media_warn_count(m, odd, "record is not of the kind (key or not) that its header says",
                     "records are not of the kind (key or not) that their headers say");
    media_warn_count(m, without_picture, "video record without a picture",
                     "video records without a picture");
    return rc;
}

/* What is no NAL unit yet, or no more than the header of one, at the end of the last access unit:
 * a file that was cut there. EOS and EOB have no more (7.3.2.5, 7.3.2.6). */
static size_t unfinished_unit(const uint8_t *data, size_t n)
{
    size_t at = n;
    while (at >= 3 && !(data[at - 3] == 0 && data[at - 2] == 0 && data[at - 1] == 1))
        at--;
    int type = n - at > 0 ? data[at] >> 1 & 0x3f : 0;
    if (at < 3 || n - at > 2 || (n - at == 2 && (type == NAL_EOS || type == NAL_EOS + 1)))
        return 0;
    at -= 3;
    at -= at > 0 && data[at - 1] == 0;
    return n - at;
}

/* Whether units belong to a picture that is not there: no stream ends with those. */
static bool announces_picture(const uint8_t *data, size_t n)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    while (nal_next(&scan, &nal))
        if ((nal.type >= NAL_VPS && nal.type <= NAL_AUD) || nal.type == NAL_PREFIX_SEI)
            return true;
    return false;
}

static int scan_annexb(struct media *m, struct err *err)
{
    struct nal_scan scan = nal_scan_init(m->map, m->n);
    struct annexb_au au;
    int rc = ERR_OK;
    while (rc == ERR_OK && annexb_next(&scan, &au)) {
        if (m->n_pictures == 0 && au.offset > 1) {
            media_warn(m, "%lld %s before the first NAL unit",
                       SIZE_COUNT(au.offset, "byte", "bytes"));
            m->damage.stray_bytes = (int64_t)au.offset;
        }
        rc = add_picture(m, &au, 0, 0, err);
    }
    if (rc < 0 || m->n_pictures == 0)
        return rc;
    struct media_picture *last = &m->picture[m->n_pictures - 1];
    size_t unfinished = unfinished_unit(m->map + last->offset, last->n);
    if (au.n > 0 && announces_picture(m->map + au.offset, au.n))
        m->damage.cut_bytes = (int64_t)au.n;
    else if (unfinished > 0 && last->offset + last->n == m->n) {
        m->damage.cut_bytes = (int64_t)unfinished;
        last->n -= unfinished;
        last->head = last->head < last->n ? last->head : last->n;
    }
    return rc;
}

/* ---- parameter sets of another clip ---- */

/* The parameter sets at the start of a file of either container; in media m, which is mapped. */
static void read_lender(const struct media *lender, enum media_container container, uint8_t *out,
                        size_t *used)
{
    if (container != MEDIA_PTMF) {
        take_sets(lender->map, lender->n, false, out, used);
        return;
    }
    struct ptmf p = ptmf_init(lender->map, lender->n);
    struct ptmf_record r;
    while (ptmf_next(&p, &r))
        if (r.type != 'A' && take_sets(r.payload, r.n, false, out, used) && *used > 0)
            return;
}

/* No picture has all that it needs in front: wherever in the file they are. In front of no picture
 * at its end they announce none, so nothing is cut off with them. */
static void take_scattered_sets(struct media *m)
{
    struct ptmf p = ptmf_init(m->map + m->from, m->until - m->from);
    struct ptmf_record r;
    m->n_lent = 0;
    while (m->container == MEDIA_PTMF && ptmf_next(&p, &r))
        if (r.type != 'A')
            take_sets(r.payload, r.n, true, m->lent, &m->n_lent);
    if (m->container == MEDIA_PTMF)
        return;
    take_sets(m->map, m->n, true, m->lent, &m->n_lent);
    struct nal_scan scan =
        nal_scan_init(m->map + m->n - m->damage.cut_bytes, (size_t)m->damage.cut_bytes);
    struct nal nal;
    int64_t sets = 0, others = 0;
    while (nal_next(&scan, &nal))
        if (nal_is_parameter_set(&nal))
            sets++;
        else
            others += nal.type != NAL_EOS && nal.type != NAL_EOB;
    if (sets > 0 && others == 0)
        m->damage.cut_bytes = 0;
}

/* Where no parameter sets are in front of the first slices, those of another clip are used, or own
 * ones that come later. */
static int use_sets(struct media *m, const char *path, struct err *err)
{
    struct media lender = {0};
    enum media_container container;
    m->own_sets = m->n_pictures;
    for (int64_t i = 0; i < m->n_pictures && m->own_sets == m->n_pictures; i++) {
        const struct media_picture *p = &m->picture[i];
        struct nal_scan scan = nal_scan_init(m->map + p->offset, p->head);
        struct nal nal;
        bool sps = false, pps = false;
        while (nal_next(&scan, &nal)) {
            sps = sps || (nal.type == NAL_SPS && nal.layer == 0);
            pps = pps || (nal.type == NAL_PPS && nal.layer == 0);
        }
        if (sps && pps)
            m->own_sets = i;
    }
    if (m->own_sets == 0)
        return ERR_OK;
    int rc = make_room_to_lend(m, err);
    if (rc == ERR_OK && !path[0]) {
        m->lent_late = !m->lent_early;
        for (int64_t i = 0; i <= m->own_sets && m->own_sets < m->n_pictures; i++)
            take_sets(m->map + m->picture[i].offset, m->picture[i].n, false, m->lent, &m->n_lent);
        if (m->own_sets == m->n_pictures)
            take_scattered_sets(m);
        return ERR_OK;
    }
    m->n_lent = 0;
    if (rc == ERR_OK)
        rc = media_map(&lender, path, err);
    if (rc == ERR_OK)
        rc = sniff_bytes(lender.map, lender.n, &container, err);
    if (rc == ERR_OK && container == MEDIA_JPEG)
        rc = err_set(err, ERR_CONFIG, "is a photo");
    if (rc == ERR_OK)
        read_lender(&lender, container, m->lent, &m->n_lent);
    if (rc == ERR_OK && m->n_lent == 0)
        rc = err_set(err, ERR_CONFIG, "begins without parameter sets");
    media_close(&lender);
    m->borrowed = rc == ERR_OK;
    if (rc == ERR_OK)
        media_warn(m, "the parameter sets are lent by another clip");
    return rc < 0 ? err_wrap(err, "parameter sets from %s", path) : ERR_OK;
}

/* ---- all of it ---- */

static int by_time(const void *a, const void *b)
{
    const struct media_sound *x = a, *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return x->offset < y->offset ? -1 : 1;
}

/* All pictures and sounds, in which order they are shown, and to which recording they belong. */
static int index_all(struct media *m, const struct media_options *options, struct err *err)
{
    int rc = m->container == MEDIA_PTMF ? scan_ptmf(m, err) : scan_annexb(m, err);
    if (rc == ERR_OK && m->n_pictures == 0)
        rc = err_set(err, ERR_MALFORMED, "no whole picture in it, though it begins like %s",
                     m->container == MEDIA_PTMF ? "camera records" : "H.265");
    if (rc == ERR_OK)
        rc = use_sets(m, options->params_from, err);
    if (rc == ERR_OK && (rc = media_read_poc(m, err)) == ERR_OK &&
        (rc = media_read_numbers(m, err)) == ERR_OK)
        rc = media_find_recordings(m, err);
    return rc;
}

int media_open(struct media *m, const char *path, enum media_container container,
               const struct media_facts *facts, const struct media_options *options,
               struct err *err)
{
    *m = (struct media){.container = container};
    int rc = media_map(m, path, err);
    m->until = m->n;
    if (rc == ERR_OK)
        rc = index_all(m, options, err);
    if (rc == ERR_OK && options->recording > 0 &&
        (rc = media_keep_recording(m, options->recording, err)) == ERR_OK)
        rc = index_all(m, options, err);
    if (rc == ERR_OK)
        rc = media_find_first(m, err);
    if (rc == ERR_OK && m->lent_late && m->first < m->own_sets)
        media_warn(m, "the parameter sets come behind the first pictures, which decode with them");
    if (rc == ERR_OK && container == MEDIA_ANNEXB)
        rc = damage_find_missing(m, err);
    if (rc == ERR_OK)
        rc = media_assign_times(m, facts, options, err);
    if (rc == ERR_OK && m->n_sounds)
        qsort(m->sound, (size_t)m->n_sounds, sizeof *m->sound, by_time);
    if (rc == ERR_OK && (rc = media_find_silence(m, err)) == ERR_OK)
        rc = damage_find(m, err);
    if (rc == ERR_OK && m->whole > m->first)
        media_warn(m, "%s; pictures that are not whole are marked",
                   refresh_text(m, (char[REFRESH_TEXT_ROOM]){0}));
    if (rc == ERR_OK)
        rc = media_find_shapes(m, err);
    return rc;
}

int media_recordings(const char *path, const struct media_options *options, int *out,
                     struct err *err)
{
    struct media m = {.container = MEDIA_UNKNOWN};
    int rc = media_map(&m, path, err);
    if (rc == ERR_OK)
        rc = sniff_bytes(m.map, m.n, &m.container, err);
    m.until = m.n;
    if (rc == ERR_OK && m.container == MEDIA_PTMF)
        rc = index_all(&m, options, err);
    *out = rc == ERR_OK && m.container == MEDIA_PTMF ? m.n_recordings : 1;
    media_close(&m);
    return rc < 0 ? err_wrap(err, "%s", path) : ERR_OK;
}
