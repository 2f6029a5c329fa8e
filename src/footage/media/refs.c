#include "refs.h"
#include "bits.h"
#include <stdlib.h>
#include <string.h>

#define CONTENT_MAX  8192 /* of a parameter set */
#define HEADER_MAX   512  /* of a slice header, as far as it is read: 412 at most */
#define SPS_MAX      16
#define PPS_MAX      64
#define RPS_MAX      64  /* num_short_term_ref_pic_sets (7.4.3.2.1) */
#define DELTAS_MAX   16  /* pictures that one may keep (A.4.2) */
#define SEEN_MAX     256 /* pictures: more than a group of a camera has */
#define LONGTERM_MAX 33

/* u(v) that tells one of n. */
static unsigned one_of(struct bits *b, int n)
{
    int bits = 0;
    while (1 << bits < n)
        bits++;
    return bits_u(b, bits);
}

/* ---- parameter sets ---- */

struct rps { /* short-term; the nearest first, those before in front of those behind */
    int n_before, n;
    int delta[DELTAS_MAX];
    bool used[DELTAS_MAX]; /* by the picture itself */
};

struct sps {
    bool known, planes, long_term;
    int poc_bits;
    struct rps rps[RPS_MAX];
    int n_rps;
    unsigned long_poc[LONGTERM_MAX];
    bool long_used[LONGTERM_MAX];
    int n_long;
};

struct pps {
    bool known, output_flag;
    int sps, extra_bits;
};

struct entry { /* a picture that is kept */
    int64_t poc, index;
};

struct refs {
    struct media *m;
    struct sps sps[SPS_MAX];
    struct pps pps[PPS_MAX];
    struct entry kept[DELTAS_MAX + 1];
    int n_kept;
    int64_t seen[SEEN_MAX]; /* the last counts of this sequence */
    int n_seen;
    int64_t before; /* POC of the last picture that counts (8.3.1: prevTid0Pic) */
    bool restart;   /* the next key picture begins a sequence */
    bool no_rasl;   /* the last one did: what is shown before it and needs more is not decoded */
    int64_t room;
    uint8_t content[CONTENT_MAX];
};

static void skip_scaling_lists(struct bits *b)
{
    for (int size = 0; size < 4 && !b->bad; size++)
        for (int matrix = 0; matrix < 6; matrix += size == 3 ? 3 : 1) {
            if (!bits_flag(b)) {
                bits_ue(b, 6);
                continue;
            }
            int n = size == 0 ? 16 : 64;
            for (int i = size > 1 ? -1 : 0; i < n && !b->bad; i++)
                bits_ue(b, 1024); /* se(v) has the same length */
        }
}

static void add_delta(struct rps *r, struct bits *b, int delta, bool used)
{
    if (r->n == DELTAS_MAX) {
        b->bad = true;
        return;
    }
    r->delta[r->n] = delta;
    r->used[r->n++] = used;
}

/* From another set, all moved by one delta (7-61, 7-62). */
static void predict_rps(struct bits *b, struct rps *r, const struct rps *from)
{
    bool used[DELTAS_MAX + 1], keep[DELTAS_MAX + 1];
    bool back = bits_flag(b);
    int move = (int)bits_ue(b, 0x7fff) + 1, n = from->n, before = from->n_before;
    move = back ? -move : move;
    for (int j = 0; j <= n; j++) {
        used[j] = bits_flag(b);
        keep[j] = used[j] || bits_flag(b);
    }
    *r = (struct rps){0};
    for (int j = n - 1; j >= before; j--)
        if (keep[j] && from->delta[j] + move < 0)
            add_delta(r, b, from->delta[j] + move, used[j]);
    if (keep[n] && move < 0)
        add_delta(r, b, move, used[n]);
    for (int j = 0; j < before; j++)
        if (keep[j] && from->delta[j] + move < 0)
            add_delta(r, b, from->delta[j] + move, used[j]);
    r->n_before = r->n;
    for (int j = before - 1; j >= 0; j--)
        if (keep[j] && from->delta[j] + move > 0)
            add_delta(r, b, from->delta[j] + move, used[j]);
    if (keep[n] && move > 0)
        add_delta(r, b, move, used[n]);
    for (int j = before; j < n; j++)
        if (keep[j] && from->delta[j] + move > 0)
            add_delta(r, b, from->delta[j] + move, used[j]);
}

/* st_ref_pic_set( at ), 7.3.7; at == sps->n_rps: of a slice header. */
static void read_rps(struct bits *b, const struct sps *sps, int at, struct rps *out)
{
    struct rps r = {0};
    if (at > 0 && bits_flag(b)) {
        int back = at == sps->n_rps ? (int)bits_ue(b, (unsigned)at - 1) + 1 : 1;
        if (!b->bad)
            predict_rps(b, &r, &sps->rps[at - back]);
    } else {
        int before = (int)bits_ue(b, DELTAS_MAX), behind = (int)bits_ue(b, DELTAS_MAX);
        int delta = 0;
        for (int i = 0; i < before && !b->bad; i++) {
            delta -= (int)bits_ue(b, 0x7fff) + 1;
            add_delta(&r, b, delta, bits_flag(b));
        }
        r.n_before = r.n;
        delta = 0;
        for (int i = 0; i < behind && !b->bad; i++) {
            delta += (int)bits_ue(b, 0x7fff) + 1;
            add_delta(&r, b, delta, bits_flag(b));
        }
    }
    *out = r;
}

/* 7.3.2.2.1, as far as the reference picture sets. */
static void read_sps(struct refs *x, struct bits *b)
{
    struct sps s = {.known = true};
    bits_skip(b, 4);
    int sub_layers = (int)bits_u(b, 3);
    bits_skip(b, 1);
    bits_skip_profile(b, sub_layers);
    unsigned id = bits_ue(b, SPS_MAX - 1);
    if (bits_ue(b, 3) == 3)
        s.planes = bits_flag(b);
    bits_ue(b, 65535);
    bits_ue(b, 65535);
    if (bits_flag(b))
        for (int i = 0; i < 4; i++)
            bits_ue(b, 65535);
    bits_ue(b, 8);
    bits_ue(b, 8);
    s.poc_bits = (int)bits_ue(b, 12) + 4;
    for (int i = bits_flag(b) ? 0 : sub_layers; i <= sub_layers; i++) {
        bits_ue(b, DELTAS_MAX);
        bits_ue(b, DELTAS_MAX);
        bits_ue(b, UINT32_MAX);
    }
    for (int i = 0; i < 6; i++)
        bits_ue(b, 64);
    bool lists = bits_flag(b); /* scaling lists, and whether they are not those of the standard */
    if (lists && bits_flag(b))
        skip_scaling_lists(b);
    bits_skip(b, 2);
    if (bits_flag(b)) { /* PCM */
        bits_skip(b, 8);
        bits_ue(b, 8);
        bits_ue(b, 8);
        bits_skip(b, 1);
    }
    int n = (int)bits_ue(b, RPS_MAX);
    s.n_rps = RPS_MAX + 1; /* none of them is that of a slice */
    for (int i = 0; i < n && !b->bad; i++)
        read_rps(b, &s, i, &s.rps[i]);
    s.n_rps = n;
    s.long_term = bits_flag(b);
    s.n_long = s.long_term ? (int)bits_ue(b, LONGTERM_MAX - 1) : 0;
    for (int i = 0; i < s.n_long && !b->bad; i++) {
        s.long_poc[i] = bits_u(b, s.poc_bits);
        s.long_used[i] = bits_flag(b);
    }
    if (!b->bad)
        x->sps[id] = s;
}

/* 7.3.2.3.1, its beginning. */
static void read_pps(struct refs *x, struct bits *b)
{
    struct pps p = {.known = true};
    unsigned id = bits_ue(b, PPS_MAX - 1);
    p.sps = (int)bits_ue(b, SPS_MAX - 1);
    bits_skip(b, 1);
    p.output_flag = bits_flag(b);
    p.extra_bits = (int)bits_u(b, 3);
    if (!b->bad)
        x->pps[id] = p;
}

static struct bits content_of(struct refs *x, const struct nal *nal)
{
    size_t room = nal_is_slice(nal) ? HEADER_MAX : CONTENT_MAX;
    return bits_init(x->content, nal_content(nal, x->content, room));
}

static void read_set(struct refs *x, const struct nal *nal)
{
    struct bits b = content_of(x, nal);
    if (nal->type == NAL_SPS)
        read_sps(x, &b);
    else if (nal->type == NAL_PPS)
        read_pps(x, &b);
}

/* ---- a picture ---- */

struct wanted { /* a picture that one refers to, or keeps for others */
    int64_t poc;
    bool used;
    bool whole; /* poc is all of it, not its low bits alone */
};

struct header {
    int64_t poc;
    int poc_bits;
    unsigned low; /* slice_pic_order_cnt_lsb */
    bool hidden;
    struct wanted wanted[DELTAS_MAX + LONGTERM_MAX];
    int n;
};

static void want(struct header *h, struct bits *b, int64_t poc, bool used, bool whole)
{
    if (h->n == DELTAS_MAX + LONGTERM_MAX)
        b->bad = true;
    else
        h->wanted[h->n++] = (struct wanted){poc, used, whole};
}

static void read_long_term(struct bits *b, const struct sps *s, struct header *h)
{
    int known = s->n_long > 0 ? (int)bits_ue(b, LONGTERM_MAX - 1) : 0;
    int n = known + (int)bits_ue(b, LONGTERM_MAX - 1);
    int64_t cycle = 0;
    for (int i = 0; i < n && !b->bad; i++) {
        unsigned poc, used;
        if (i < known) {
            unsigned k = one_of(b, s->n_long);
            if (k >= (unsigned)s->n_long) {
                b->bad = true;
                break;
            }
            poc = s->long_poc[k];
            used = s->long_used[k];
        } else {
            poc = bits_u(b, s->poc_bits);
            used = bits_flag(b);
        }
        if (i == 0 || i == known)
            cycle = 0;
        bool whole = bits_flag(b);
        if (whole)
            cycle += bits_ue(b, UINT32_MAX);
        int64_t high = h->poc - (int64_t)h->low - (cycle << s->poc_bits);
        want(h, b, whole ? high + poc : poc, used, whole);
    }
}

/* 7.3.6.1, up to the reference picture sets. */
static bool read_header(struct refs *x, const struct nal *nal, struct header *h)
{
    struct bits b = content_of(x, nal);
    struct rps r = {0};
    bool irap = nal_is_irap(nal->type);
    *h = (struct header){0};
    if (!bits_flag(&b)) /* the first slice is missing */
        return false;
    if (irap)
        bits_skip(&b, 1);
    const struct pps *p = &x->pps[bits_ue(&b, PPS_MAX - 1)];
    const struct sps *s = &x->sps[p->sps];
    if (b.bad || !p->known || !s->known)
        return false;
    h->poc_bits = s->poc_bits;
    bits_skip(&b, (size_t)p->extra_bits);
    bits_ue(&b, 2);
    h->hidden = p->output_flag && !bits_flag(&b);
    if (s->planes)
        bits_skip(&b, 2);
    if (nal->type == NAL_IDR_W_RADL || nal->type == NAL_IDR_N_LP)
        return !b.bad;
    h->low = bits_u(&b, s->poc_bits);
    int64_t period = (int64_t)1 << s->poc_bits;
    int64_t high = irap && x->restart ? 0 : x->before - (x->before & (period - 1));
    if (!(irap && x->restart)) { /* equation 8-1 */
        int64_t low = x->before & (period - 1);
        if (h->low < low && low - h->low >= period / 2)
            high += period;
        else if (h->low > low && h->low - low > period / 2)
            high -= period;
    }
    h->poc = high + h->low;
    if (!bits_flag(&b))
        read_rps(&b, s, s->n_rps, &r);
    else if (s->n_rps == 0)
        b.bad = true;
    else
        r = s->rps[one_of(&b, s->n_rps) % RPS_MAX];
    for (int i = 0; i < r.n; i++)
        want(h, &b, h->poc + r.delta[i], r.used[i], true);
    if (s->long_term)
        read_long_term(&b, s, h);
    return !b.bad;
}

static int64_t find_kept(const struct refs *x, const struct header *h, const struct wanted *w)
{
    int64_t low = ((int64_t)1 << h->poc_bits) - 1;
    for (int i = 0; i < x->n_kept; i++)
        if (w->whole ? x->kept[i].poc == w->poc : (x->kept[i].poc & low) == w->poc)
            return i;
    return -1;
}

static int add_ref(struct refs *x, struct media_picture *p, int64_t index, struct err *err)
{
    struct media *m = x->m;
    int rc =
        media_grow(&m->ref, m->n_refs, &x->room, (int64_t)MEDIA_PICTURES_MAX * (DELTAS_MAX + 1),
                   sizeof *m->ref, "references", err);
    if (rc == ERR_OK) {
        m->ref[m->n_refs++] = index;
        p->n_refs++;
    }
    return rc;
}

/* 8.3.2: what the picture does not name is no longer kept. */
static int take_refs(struct refs *x, int64_t index, const struct header *h, struct err *err)
{
    struct media_picture *p = &x->m->picture[index];
    struct entry kept[DELTAS_MAX + 1];
    int n = 0, rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < h->n; i++) {
        int64_t k = find_kept(x, h, &h->wanted[i]);
        if (k >= 0 && n < DELTAS_MAX)
            kept[n++] = x->kept[k];
        if (!h->wanted[i].used)
            continue;
        if (k < 0)
            p->lacks = true;
        else
            rc = add_ref(x, p, x->kept[k].index, err);
    }
    kept[n++] = (struct entry){h->poc, index};
    memcpy(x->kept, kept, (size_t)n * sizeof *kept);
    x->n_kept = n;
    return rc;
}

/* No two pictures of a sequence have the same count: the key picture between them is missing. */
static bool came_already(struct refs *x, int64_t poc)
{
    int n = x->n_seen < SEEN_MAX ? x->n_seen : SEEN_MAX;
    bool already = false;
    for (int i = 0; i < n && !already; i++)
        already = x->seen[i] == poc;
    if (already)
        x->n_seen = 0;
    x->seen[x->n_seen++ % SEEN_MAX] = poc;
    return already;
}

static int read_picture(struct refs *x, int64_t index, struct err *err)
{
    struct media_picture *p = &x->m->picture[index];
    const uint8_t *data = x->m->map + p->offset;
    size_t behind = p->n - p->head;
    struct nal_scan scan = nal_scan_init(data, p->head);
    struct nal nal;
    struct header h;
    p->ref_at = x->m->n_refs;
    while (nal_next(&scan, &nal)) {
        if (nal_is_parameter_set(&nal))
            read_set(x, &nal);
        if ((nal.type == NAL_EOS || nal.type == NAL_EOB) && nal.layer == 0)
            x->restart = true;
    }
    /* no more of the slice than is read: where it ends does not matter */
    scan = nal_scan_init(data + p->head, behind < 2 * HEADER_MAX ? behind : 2 * HEADER_MAX);
    bool slice = nal_next(&scan, &nal);
    if (p->repeat)
        return ERR_OK; /* the decoder has it already */
    x->restart = x->restart || (slice && nal_resets_poc(nal.type));
    if (slice && nal_is_irap(nal.type))
        x->no_rasl = x->restart;
    if (slice && x->no_rasl && (nal.type == NAL_RASL_N || nal.type == NAL_RASL_R)) {
        p->hidden = true; /* 8.1.3 */
        return ERR_OK;
    }
    if (!slice || !read_header(x, &nal, &h)) {
        p->blind = true;
        return ERR_OK;
    }
    /* So many are missing that the key picture with which the count began may be among them: what
     * is kept is of another period. */
    if (!nal_is_irap(nal.type) && (p->keyless || (p->missing > 0 && p->missing >= h.low)))
        x->n_kept = 0;
    if (nal_is_irap(nal.type) && x->restart)
        x->n_kept = x->n_seen = 0;
    if (came_already(x, h.poc))
        x->n_kept = 0;
    x->restart = x->restart && !nal_is_irap(nal.type);
    p->hidden = h.hidden;
    /* The lowest temporal layer, without leading pictures and those that no other of the layer
     * refers to. */
    bool counts = (nal.p[1] & 7) == 1 && !p->leading && (nal.type > NAL_RASL_R || nal.type % 2);
    if (counts)
        x->before = h.poc;
    return take_refs(x, index, &h, err);
}

int refs_find(struct media *m, struct err *err)
{
    struct refs *x = calloc(1, sizeof *x);
    int rc = ERR_OK;
    if (!x)
        return err_nomem(err, "the references");
    x->m = m;
    x->restart = true;
    for (int i = 0; i < m->n_sets; i++) {
        const struct media_set *s = &m->set[i];
        read_set(x, &(struct nal){.type = s->type, .p = s->p, .n = s->n});
    }
    for (int64_t i = m->first; rc == ERR_OK && i < m->n_pictures; i++)
        rc = read_picture(x, i, err);
    free(x);
    return rc;
}
