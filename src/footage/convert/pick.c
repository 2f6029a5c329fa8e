#include "pick.h"
#include <inttypes.h>
#include <stdlib.h>

int pick_open(struct pick *p, struct media *m, struct err *err)
{
    *p = (struct pick){.m = m, .next = -1};
    p->frame = av_frame_alloc();
    p->best = av_frame_alloc();
    p->bad = calloc((size_t)m->n_pictures, sizeof *p->bad);
    if (!p->frame || !p->best || !p->bad)
        return err_set(err, ERR_NOMEM, "no memory for a picture");
    return decoder_open(&p->decoder, m, 1, err); /* one thread: complaints belong to a picture */
}

void pick_close(struct pick *p)
{
    av_frame_free(&p->frame);
    av_frame_free(&p->best);
    decoder_close(&p->decoder);
    free(p->bad);
}

int64_t pick_at(const struct media *m, int64_t pts)
{
    int64_t best = m->first;
    for (int64_t i = m->first; i < m->n_pictures; i++) {
        int64_t at = m->picture[i].pts, best_at = m->picture[best].pts;
        if (best_at > pts ? at < best_at : at <= pts && at > best_at)
            best = i;
    }
    return best;
}

/* The last key picture from which on `index` can be decoded: pictures that come behind a key
 * picture but are shown before it may need what was before. */
static int64_t key_for(const struct media *m, int64_t index)
{
    int64_t i = index;
    while (i > m->first && !(m->picture[i].key && m->picture[i].pts <= m->picture[index].pts))
        i--;
    return i;
}

static bool is_whole(const struct pick *p, const AVFrame *f)
{
    return !p->bad[f->pts] && !f->decode_error_flags && !(f->flags & AV_FRAME_FLAG_CORRUPT) &&
           p->m->picture[f->pts].state != MEDIA_DAMAGED;
}

/* Keeps the frame if it is nearer to the picture that is wanted than what is kept. A whole one is
 * always nearer than one that is not. */
static void consider(struct pick *p, int64_t wanted, bool *past)
{
    const struct media_picture *all = p->m->picture;
    int64_t index = p->frame->pts;
    if (index < p->m->first || index >= p->m->n_pictures)
        return;
    bool whole = is_whole(p, p->frame), any = p->best->data[0] != NULL;
    int64_t off = llabs(all[index].pts - all[wanted].pts);
    if (!any || (whole && !p->best_whole) ||
        (whole == p->best_whole && off < llabs(all[p->best->pts].pts - all[wanted].pts))) {
        av_frame_unref(p->best);
        av_frame_move_ref(p->best, p->frame);
        p->best_whole = whole;
    }
    *past = *past || (whole && all[index].pts >= all[wanted].pts);
}

static int receive(struct pick *p, int64_t wanted, bool *past, struct err *err)
{
    int rc = ERR_OK;
    for (bool got = true; rc == ERR_OK && got && !*past;) {
        rc = decoder_receive(&p->decoder, p->frame, &got, err);
        if (rc == ERR_OK && got)
            consider(p, wanted, past);
    }
    return rc;
}

/* Feeds pictures until one comes out that is shown at the wanted time or later. */
static int run(struct pick *p, int64_t wanted, struct err *err)
{
    bool past = false;
    int rc = receive(p, wanted, &past, err); /* what the last call left */
    while (rc == ERR_OK && !past && p->next >= 0) {
        int64_t i = p->next < p->m->n_pictures ? p->next : -1;
        int before = p->decoder.watch.complaints;
        rc = decoder_send(&p->decoder, p->m, i, err);
        if (i >= 0)
            p->bad[i] = p->decoder.watch.complaints > before;
        if (rc == ERR_OK)
            rc = receive(p, wanted, &past, err);
        p->next = i < 0 ? -1 : p->next + 1;
    }
    return rc;
}

static void restart(struct pick *p, int64_t key)
{
    avcodec_flush_buffers(p->decoder.ctx);
    p->next = key;
}

int pick_get(struct pick *p, int64_t index, const AVFrame **out, struct err *err)
{
    int64_t key = key_for(p->m, index);
    int rc = ERR_OK;
    if (p->best_whole && p->best->pts == index) {
        *out = p->best;
        return ERR_OK;
    }
    av_frame_unref(p->best);
    p->best_whole = false;
    bool from_key = p->next < 0 || p->next > index || p->next < key;
    if (from_key)
        restart(p, key);
    for (int tries = 0; tries < MEDIA_TRIES_MAX; tries++) {
        rc = run(p, index, err);
        if (rc < 0 || (p->best_whole && (p->best->pts == index || tries > 0)) ||
            (from_key && key <= p->m->first))
            break;
        if (from_key) /* the nearest may be before the key picture */
            key = key_for(p->m, key - 1);
        restart(p, key); /* … or was handed out for the picture asked for before */
        from_key = true;
    }
    if (rc == ERR_OK && !p->best->data[0])
        rc = err_set(err, ERR_MALFORMED, "no picture decodes at or around %.1f s",
                     (double)p->m->picture[index].pts / AV_TICKS);
    *out = p->best;
    return rc;
}
