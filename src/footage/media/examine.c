#include "examine.h"
#include "damage.h"
#include "decode.h"
#include <inttypes.h>
#include <libavutil/cpu.h>
#include <libavutil/pixdesc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_PICTURES 60 /* at least so many, unless the file is shorter */
#define THREADS_MAX    64
#define MEMORY_BYTES   (INT64_C(1) << 30) /* of all decoders' pictures, about */
#define DPB_PICTURES   17                 /* A.4.2: 16 and the one that is being decoded */

/* Pictures that a decoder of its own judges, without knowing those before. They begin with a key
 * picture. Leading pictures of the next key picture may refer to what is in front of it: they are
 * judged with that, so that key picture is decoded here, too. */
struct range {
    int64_t from;         /* is fed first */
    int64_t judged_from;  /* key picture of `from`, or (its leading pictures are left out) */
    int64_t judged_until; /* … behind the leading pictures of the next range */
    int64_t next;         /* its key picture, which is not judged here; -1: none */
};

struct verdict {
    bool out; /* a picture came out */
    bool refused;
    bool unwritten, hashed, fits; /* as in struct decoder */
    bool overrun;                 /* what comes out depends on what stands behind its slices */
    uint64_t print;               /* of the picture, with one tail */
};

struct examination {
    const struct media *m;
    struct range *range;
    int64_t n_ranges;
    struct verdict *verdict; /* of each picture: one range writes it */

    pthread_mutex_t lock;
    int64_t taken; /* ranges */
    struct err err;
    int64_t failed; /* the first range that could not be examined; n_ranges: none */
};

/* ---- what can be judged alone ---- */

static int plan(struct examination *x, struct err *err)
{
    const struct media *m = x->m;
    int64_t n = m->n_pictures;
    x->range = calloc((size_t)((n - m->first) / RANGE_PICTURES + 1), sizeof *x->range);
    if (!x->range)
        return err_nomem(err, "the ranges of pictures");
    struct range *r = x->range;
    *r = (struct range){m->first, m->first, n, -1};
    for (int64_t i = m->first + 1; i < n; i++) {
        /* Parameter sets that come on the way are known to who has decoded what is before. */
        if (m->sets_change || !m->picture[i].key || i - r->from < RANGE_PICTURES)
            continue;
        int64_t trailing = i + 1;
        while (trailing < n && m->picture[trailing].leading)
            trailing++;
        r->judged_until = trailing;
        r->next = i;
        *++r = (struct range){i, trailing, n, -1};
    }
    x->n_ranges = r - x->range + 1;
    return ERR_OK;
}

static bool is_judged(const struct range *r, int64_t index)
{
    return (index == r->from || (index >= r->judged_from && index < r->judged_until)) &&
           index != r->next;
}

/* ---- one of them ---- */

/* Tells pictures apart, and no more. */
static uint64_t print_of(const AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)f->format);
    uint64_t print = 1, word;
    for (int k = 0; d && k < d->nb_components; k++) {
        int wide = d->comp[k].depth > 8 ? 2 : 1;
        int w = wide * (k ? AV_CEIL_RSHIFT(f->width, d->log2_chroma_w) : f->width);
        int rows = k ? AV_CEIL_RSHIFT(f->height, d->log2_chroma_h) : f->height;
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < w; x += (int)sizeof word) {
                size_t n = w - x < (int)sizeof word ? (size_t)(w - x) : sizeof word;
                word = 0;
                memcpy(&word, f->data[k] + (ptrdiff_t)y * f->linesize[k] + x, n);
                print = (print ^ word) * UINT64_C(0x9e3779b97f4a7c15);
                print ^= print >> 29;
            }
    }
    return print;
}

static int receive_all(struct examination *x, const struct range *r, struct decoder *d, AVFrame *f,
                       bool *doubt, struct err *err)
{
    bool got = true;
    int rc = ERR_OK;
    while (rc == ERR_OK && got) {
        rc = decoder_receive(d, f, &got, err);
        if (rc == ERR_OK && got && is_judged(r, f->pts)) {
            struct verdict *v = &x->verdict[f->pts];
            if (d->use == DECODER_JUDGE && d->tail != 0xff) {
                v->overrun = v->print != print_of(f);
                continue;
            }
            if (d->use == DECODER_SHOW) {
                v->fits = v->fits || d->fits;
                continue;
            }
            v->out = true;
            v->unwritten = d->unwritten;
            v->hashed = d->hashed;
            v->fits = d->fits;
            *doubt = *doubt || (d->hashed && !d->fits);
            v->print = d->use == DECODER_JUDGE ? print_of(f) : 0;
        }
    }
    return rc;
}

/* *doubt: the decoder did refuse something, or has something to say, or a hash does not fit: reason
 * enough to look closer.
 * With one thread a picture is decoded before the call that feeds it returns. */
static int decode_range(struct examination *x, const struct range *r, enum decoder_use use,
                        uint8_t tail, AVFrame *f, bool *doubt, struct err *err)
{
    struct decoder d = {0};
    int64_t until = r->judged_until;
    int rc = decoder_open_for(&d, x->m, use, 1, err);
    d.refused = 0; /* parameter sets are not judged */
    d.tail = tail;
    for (int64_t i = r->from; rc == ERR_OK && i < until; i++) {
        int64_t before = d.refused;
        rc = decoder_send(&d, x->m, i, err);
        if (rc == ERR_OK)
            rc = receive_all(x, r, &d, f, doubt, err);
        if (d.refused == before || use != DECODER_STRICT)
            continue;
        *doubt = true;
        if (is_judged(r, i))
            x->verdict[i].refused = true;
    }
    if (rc == ERR_OK && (rc = decoder_send(&d, x->m, -1, err)) == ERR_OK)
        rc = receive_all(x, r, &d, f, doubt, err);
    *doubt = *doubt || d.watch.complaints > 0;
    decoder_close(&d);
    return rc;
}

/* A strict decoder alone tells that all is well, which is the rule. Where there is doubt, another
 * one tells what comes out all the same, twice: with other bytes behind each slice. */
static int examine_range(struct examination *x, const struct range *r, struct err *err)
{
    bool doubt = false;
    for (int64_t i = r->from; i < r->judged_until; i++)
        doubt = doubt || x->m->picture[i].padded;
    AVFrame *f = av_frame_alloc();
    int rc =
        f ? decode_range(x, r, DECODER_STRICT, 0xff, f, &doubt, err) : err_nomem(err, "a frame");
    if (rc == ERR_OK && doubt) {
        for (int64_t i = r->from; i < r->judged_until; i++)
            if (is_judged(r, i))
                x->verdict[i] = (struct verdict){.refused = x->verdict[i].refused};
        rc = decode_range(x, r, DECODER_JUDGE, 0xff, f, &doubt, err);
        if (rc == ERR_OK)
            rc = decode_range(x, r, DECODER_JUDGE, 0x55, f, &doubt, err);
        if (rc == ERR_OK) /* what a player makes of it may be right all the same */
            rc = decode_range(x, r, DECODER_SHOW, 0, f, &doubt, err);
    }
    av_frame_free(&f);
    return rc;
}

/* ---- all of them ---- */

static void *work(void *arg)
{
    struct examination *x = arg;
    for (;;) {
        struct err err = {0};
        pthread_mutex_lock(&x->lock);
        int64_t k = x->taken++;
        pthread_mutex_unlock(&x->lock);
        if (k >= x->n_ranges)
            return NULL;
        int rc = examine_range(x, &x->range[k], &err);
        pthread_mutex_lock(&x->lock);
        if (rc < 0) {
            x->taken = x->n_ranges;
            if (k < x->failed) {
                x->failed = k;
                x->err = err;
            }
        }
        pthread_mutex_unlock(&x->lock);
    }
}

static int threads_for(const struct examination *x, int threads)
{
    const struct media *m = x->m;
    int64_t n = threads > 0 ? threads : av_cpu_count();
    int64_t frame = (int64_t)m->width_px * m->height_px * 3; /* 16 bits a sample */
    int64_t most = MEMORY_BYTES / (DPB_PICTURES * (frame > 0 ? frame : 1));
    n = n < THREADS_MAX ? n : THREADS_MAX;
    n = n < most ? n : most;
    n = n < x->n_ranges ? n : x->n_ranges;
    return n > 1 ? (int)n : 1;
}

/* false: nothing is wrong with it. */
static bool find_fault(const struct verdict *v, const struct media_picture *p,
                       enum damage_shown *what)
{
    if (p->repeat || p->proven) /* a decoder refuses what repeats, and nothing is lost by that */
        return false;
    if (v->unwritten)
        *what = DAMAGE_UNWRITTEN;
    else if (v->refused)
        *what = DAMAGE_REFUSED;
    else if (!v->out && !p->hidden &&
             !p->leading) /* leading: behind the end of a sequence (8.1.3) */
        *what = DAMAGE_NO_PICTURE;
    else if (v->overrun && p->state == MEDIA_GOOD) /* else that on which it is built may be */
        *what = DAMAGE_OVERRUN;
    else if (v->hashed && !v->fits && p->state == MEDIA_GOOD)
        *what = DAMAGE_HASH;
    else
        return false;
    return true;
}

static void tell(struct examination *x, struct media *m, examine_found_fn *found, void *arg)
{
    for (int64_t i = m->first; i < m->n_pictures; i++) {
        const struct verdict *v = &x->verdict[i];
        struct media_picture *p = &m->picture[i];
        enum damage_shown what;
        p->proven = v->fits;
        damage_settle_picture(m, i);
        if (!find_fault(v, p, &what))
            continue;
        const char *why = damage_from_decoder(m, i, what);
        if (found)
            found(arg, i, why);
    }
    damage_settle(m);
}

int examine(struct media *m, int threads, examine_found_fn *found, void *arg, struct err *err)
{
    struct examination x = {.m = m, .verdict = calloc((size_t)m->n_pictures, sizeof *x.verdict)};
    pthread_t thread[THREADS_MAX];
    int n_threads = 0;
    int rc = x.verdict ? plan(&x, err) : err_nomem(err, "%" PRId64 " pictures", m->n_pictures);
    if (rc == ERR_OK) {
        x.failed = x.n_ranges;
        pthread_mutex_init(&x.lock, NULL);
        while (n_threads < threads_for(&x, threads) - 1 &&
               pthread_create(&thread[n_threads], NULL, work, &x) == 0)
            n_threads++;
        work(&x); /* this thread is one of them; if there can be no other, the only one */
        for (int i = 0; i < n_threads; i++)
            pthread_join(thread[i], NULL);
        pthread_mutex_destroy(&x.lock);
        if (x.failed < x.n_ranges) {
            *err = x.err;
            rc = err->code;
        }
    }
    if (rc == ERR_OK)
        tell(&x, m, found, arg);
    free(x.range);
    free(x.verdict);
    return rc;
}
