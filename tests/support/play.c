#include "support/play.h"
#include "camera/wire/session_internal.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void play_begin(struct play *p, const struct wire_limits *limits,
                const struct simulate_config *config)
{
    struct err err;
    *p = (struct play){.now_us = 1000};
    buf_init(&p->heard, 1 << 20);
    buf_init(&p->said, 64 << 20);
    assert_ok(wire_session_new(&p->s, limits ? limits : &wire_limits_default, p->now_us, &err));
    if (config)
        assert_ok(simulate_camera_new(&p->camera, config, &err));
}

void play_end(struct play *p)
{
    wire_session_free(&p->s);
    simulate_camera_free(&p->camera);
    for (int i = 0; i < p->n_files; i++)
        buf_clear(&p->file[i].bytes);
    buf_clear(&p->heard);
    buf_clear(&p->said);
}

static void do_offer(struct play *p)
{
    const struct wire_offer *o = wire_session_offer(p->s);
    struct stored *f = &p->file[p->n_files++];
    assert_true(p->n_files < 8);
    f->offer = *o;
    if (o->slot)
        snprintf(f->name, sizeof f->name, "%s", o->slot->identifier);
    else
        snprintf(f->name, sizeof f->name, "%.*s", (int)o->path_bytes, (const char *)o->path);
    buf_init(&f->bytes, 32 << 20);
    assert_true(o->meta_bytes <= sizeof f->meta);
    f->meta_bytes = o->meta_bytes;
    if (o->meta)
        memcpy(f->meta, o->meta, o->meta_bytes);
    assert_int_equal(o->init_bytes, WIRE_INIT_BYTES);
    assert_int_equal(o->start_bytes, 10);
    if (!p->hold_accept)
        wire_session_accept(p->s, p->n_files == 1 ? p->have_bytes : 0, p->from_0, p->now_us);
}

void play_drain(struct play *p)
{
    struct err err;
    struct wire_action a;
    while (wire_session_next(p->s, p->now_us, &a), a.type != WIRE_DO_NOTHING) {
        struct stored *f = p->n_files ? &p->file[p->n_files - 1] : NULL;
        switch (a.type) {
        case WIRE_DO_SEND:
            assert_ok(buf_append(&p->heard, a.data, a.n, &err));
            if (p->camera)
                assert_ok(simulate_camera_feed(p->camera, a.data, a.n, &err));
            break;
        case WIRE_DO_OFFER:
            do_offer(p);
            break;
        case WIRE_DO_STORE:
            /* the promise: in order, no holes, each byte once */
            assert_int_equal(a.offset, f->bytes.used + (p->n_files == 1 ? p->have_bytes : 0));
            assert_ok(buf_append(&f->bytes, a.data, a.n, &err));
            break;
        case WIRE_DO_COMMIT:
            f->complete = true;
            if (!p->hold_commit)
                wire_session_committed(p->s, p->now_us);
            break;
        case WIRE_DO_ABANDON:
            p->n_abandoned++;
            snprintf(p->text, sizeof p->text, "%s", a.text);
            break;
        case WIRE_DO_LOG:
            p->n_logs++;
            assert_non_null(a.event);
            snprintf(p->log, sizeof p->log, "%s", a.text);
            break;
        case WIRE_DO_CLOSE:
            p->closed = true;
            p->closed_warn = a.warn;
            snprintf(p->text, sizeof p->text, "%s", a.text);
            break;
        case WIRE_DO_HELLO:
        case WIRE_DO_NOTHING:
            break;
        }
    }
}

void play_feed(struct play *p, const void *data, size_t n)
{
    struct err err;
    assert_ok(wire_session_feed(p->s, data, n, p->now_us, &err));
    play_drain(p);
}

void play_feed_hex(struct play *p, const char *hex)
{
    uint8_t bytes[4096];
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        bytes[i] = (uint8_t)v;
    }
    play_feed(p, bytes, n);
}

void play_heard_is(struct play *p, const char *hex)
{
    char *got = calloc(1, 2 * p->heard.used + 1);
    for (size_t i = 0; i < p->heard.used; i++)
        sprintf(got + 2 * i, "%02x", buf_data(&p->heard)[i]);
    assert_string_equal(got, hex);
    free(got);
    buf_consume(&p->heard, p->heard.used);
}

const char *play_state(const struct play *p)
{
    return session_state_name(p->s->state);
}

void play_until_deadline(struct play *p)
{
    p->now_us = wire_session_deadline(p->s);
    play_drain(p);
}

void play_converse(struct play *p, size_t chunk, void (*change)(uint8_t *data, size_t n, size_t at))
{
    struct err err;
    static uint8_t out[64 * 1024];
    size_t room = p->fill_bytes ? p->fill_bytes : sizeof out;
    for (size_t n; !p->closed && (n = simulate_camera_fill(p->camera, out, room)) > 0;) {
        size_t before = p->said.used;
        assert_ok(buf_append(&p->said, out, n, &err));
        if (change)
            change(out, n, before);
        for (size_t i = 0; i < n; i += chunk)
            play_feed(p, out + i, n - i < chunk ? n - i : chunk);
    }
}

void play_begin_receiving(struct play *p, const struct wire_limits *limits, unsigned packets)
{
    char start[32];
    play_begin(p, limits, NULL);
    play_feed_hex(p, "000000050001403a0f0c3edb44000400");
    play_feed_hex(p, "000b000d010400000192d84ad5a0000000");
    snprintf(start, sizeof start, "00010006%08x0000", packets);
    play_feed_hex(p, start);
    play_feed_hex(p, "0003000400000001");
    buf_consume(&p->heard, p->heard.used);
}

void play_feed_packet(struct play *p, uint8_t fill, size_t n, uint16_t *seed)
{
    uint8_t data[WIRE_PACKET_BYTES], frame[WIRE_DATA_FRAME_BYTES];
    memset(data, fill, n);
    play_feed(p, frame, wire_data_put(frame, sizeof frame, data, n, seed));
}
