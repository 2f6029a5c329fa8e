#include "damage.h"
#include "decode.h"
#include <stdlib.h>

enum { OUT = 1, TOLD = 2 };

struct check {
    struct media *m;
    struct decoder decoder;
    AVFrame *frame;
    uint8_t *done; /* OUT: it came out; TOLD: it was complained about */
    decode_found_fn *found;
    void *arg;
};

static void report(struct check *c, int64_t index, const char *said)
{
    if (index < c->m->first || index >= c->m->n_pictures || c->done[index] & TOLD)
        return;
    c->done[index] |= TOLD;
    if (damage_is_repeat(&c->m->picture[index]))
        return;
    damage_from_decoder(c->m, index, said);
    c->found(c->arg, index, said ? said : "no picture comes out of it");
}

static void check_frame(struct check *c)
{
    const AVFrame *f = c->frame;
    if (f->pts < c->m->first || f->pts >= c->m->n_pictures)
        return;
    c->done[f->pts] |= OUT;
    if (!decoder_wrote_all(f))
        report(c, f->pts, "parts of it are missing");
    else if (f->decode_error_flags || f->flags & AV_FRAME_FLAG_CORRUPT)
        report(c, f->pts, "the decoder marks it as corrupt");
}

/* With one thread a picture is decoded before the call that feeds it returns, so whatever the
 * decoder says belongs to it. */
static int check_one(struct check *c, int64_t index, struct err *err)
{
    bool got = true;
    char *fresh = c->decoder.watch.fresh;
    fresh[0] = '\0';
    int rc = decoder_send(&c->decoder, c->m, index, err);
    while (rc == ERR_OK && got) {
        rc = decoder_receive(&c->decoder, c->frame, &got, err);
        if (fresh[0])
            report(c, index, fresh);
        if (rc == ERR_OK && got)
            check_frame(c);
    }
    return rc;
}

int decode_check(struct media *m, decode_found_fn *found, void *arg, struct err *err)
{
    struct check c = {.m = m, .found = found, .arg = arg};
    int rc = decoder_open(&c.decoder, m, 1, err);
    c.frame = av_frame_alloc();
    c.done = calloc((size_t)m->n_pictures, sizeof *c.done);
    if (rc == ERR_OK && (!c.frame || !c.done))
        rc = err_set(err, ERR_NOMEM, "no memory for a frame");
    for (int64_t i = m->first; rc == ERR_OK && i < m->n_pictures; i++)
        rc = check_one(&c, i, err);
    if (rc == ERR_OK)
        rc = check_one(&c, -1, err);
    for (int64_t i = m->first; rc == ERR_OK && i < m->n_pictures; i++)
        if (!c.done[i] &&
            !m->picture[i].leading) /* of a CRA behind the end of a sequence (8.1.3) */
            report(&c, i, NULL);
    if (rc == ERR_OK)
        damage_settle(m);
    av_frame_free(&c.frame);
    free(c.done);
    decoder_close(&c.decoder);
    return rc;
}
