/* A tracker that is played: what it says is decoded by avl.h and is the drive, whatever goes wrong
 * on the way; what it is asked for it does, or says why not. */
#include "dashspool/drive.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)
#define NOON   INT64_C(1732881600000000) /* 2024-11-29T12:00:00Z */

enum { RECORDS = 61, ROOM = 256, SAID = 4096 };

/* A server of trackers, small enough to be seen through. */
struct server {
    struct avl_stream stream;
    uint8_t record[ROOM][1200]; /* those that were acknowledged, each once */
    size_t bytes[ROOM], n;
    int times, known, refused, in_a_row, pings, logins, frames;
    const char *command[4]; /* to be sent, each after an acknowledgement */
    int n_commands, sent;
    bool by_14;
    char said[SAID]; /* answers, a line each */
    int nacks;
    uint8_t out[512];
    size_t used;
    bool over;
    uint64_t first_ms; /* of the first record that came */
};

struct world {
    struct drive *drive;
    struct server s;
    int64_t now_us, uploaded_us;
    struct drive_upload upload[8];
    size_t n_uploads;
    bool slow; /* files are not handed over before the end */
};

static void store(struct server *s, const struct avl_record *r)
{
    s->times++;
    if (s->times == 1)
        s->first_ms = r->time_ms;
    for (size_t i = 0; i < s->n; i++)
        if (s->bytes[i] == r->raw_bytes && memcmp(s->record[i], r->raw, r->raw_bytes) == 0) {
            s->known++;
            return;
        }
    assert_true(s->n < ROOM && r->raw_bytes <= sizeof s->record[0]);
    memcpy(s->record[s->n], r->raw, r->raw_bytes);
    s->bytes[s->n++] = r->raw_bytes;
}

static void take_frame(struct server *s, const struct avl_frame *frame)
{
    struct avl_message m;
    struct avl_record r;
    struct err err;
    if (avl_codec_has_messages(frame->codec)) {
        assert_true(avl_message_parse(frame, &m));
        s->nacks += m.kind == AVL_MESSAGE_NACK;
        size_t n = strlen(s->said);
        snprintf(s->said + n, SAID - n, "%.*s|", (int)m.n, (const char *)m.data);
        return;
    }
    struct avl_records walk = avl_frame_records(frame);
    while (avl_records_next(&walk, &r))
        store(s, &r);
    s->frames++;
    avl_count_put(s->out + s->used, frame->n);
    s->used += 4;
    if (s->sent < s->n_commands) {
        size_t n;
        assert_ok(avl_command_put(s->out + s->used, &n, s->by_14 ? "352093081452251" : NULL,
                                  s->command[s->sent++], &err));
        s->used += n;
    }
}

static void hear(struct server *s, const uint8_t *data, size_t n)
{
    struct avl_item item;
    struct err err;
    assert_ok(avl_stream_feed(&s->stream, data, n, &err));
    while (avl_stream_next(&s->stream, &item)) {
        if (item.type == AVL_ITEM_PING) {
            s->pings++;
        } else if (item.type == AVL_ITEM_LOGIN) {
            assert_string_equal(item.imei, "352093081452251");
            s->out[s->used++] = AVL_LOGIN_ACCEPTED;
            s->logins++;
        } else if (item.type == AVL_ITEM_FRAME) {
            s->in_a_row = 0;
            take_frame(s, &item.frame);
        } else {
            assert_int_equal(item.type, AVL_ITEM_REFUSED);
            s->refused++;
            s->over = ++s->in_a_row == 3;
        }
    }
}

static struct drive_config parked(void)
{
    struct drive_config c = drive_defaults();
    snprintf(c.imei, sizeof c.imei, "352093081452251");
    c.lat_deg = 54.7;
    c.lon_deg = -25.25;
    c.begin_us = NOON;
    c.length_us = (RECORDS - 1) * SECOND;
    return c;
}

static struct world *begin(const struct drive_config *c, int64_t now_us)
{
    struct err err;
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_ok(drive_new(&w->drive, c, &err));
    avl_stream_init(&w->s.stream, AVL_LENGTH_MAX);
    w->now_us = now_us;
    return w;
}

static void end(struct world *w)
{
    drive_free(&w->drive);
    avl_stream_clear(&w->s.stream);
    free(w);
}

static void talk(struct world *w)
{
    uint8_t out[5000];
    struct err err;
    size_t n = drive_fill(w->drive, w->now_us, out, sizeof out);
    if (n == 0 && w->s.used == 0) {
        int64_t next_us = drive_next_us(w->drive, w->now_us);
        w->now_us = next_us == INT64_MAX  ? w->now_us + 60 * SECOND /* nothing will come */
                    : next_us > w->now_us ? next_us
                                          : w->now_us;
    }
    if (n > 0)
        hear(&w->s, out, n);
    for (size_t i = 0; i < w->s.used; i++) /* a byte a segment */
        assert_ok(drive_feed(w->drive, w->now_us, w->s.out + i, 1, &err));
    w->s.used = 0;
}

/* Until it is done; false: it takes more than an hour. */
static bool play(struct world *w)
{
    for (int64_t until_us = w->now_us + 3600 * SECOND; w->now_us < until_us;) {
        switch (drive_link(w->drive, w->now_us)) {
        case DRIVE_DONE:
            return true;
        case DRIVE_DOWN:
            w->now_us = drive_next_us(w->drive, w->now_us);
            break;
        case DRIVE_DIAL:
            avl_stream_clear(&w->s.stream);
            avl_stream_init(&w->s.stream, AVL_LENGTH_MAX);
            w->s.over = false;
            w->s.in_a_row = 0;
            drive_connected(w->drive, w->now_us);
            break;
        case DRIVE_HANG_UP:
            drive_ended(w->drive, w->now_us);
            break;
        case DRIVE_UP:
            talk(w);
            if (w->s.over)
                drive_ended(w->drive, w->now_us);
            break;
        }
        size_t n = w->slow ? 0 : drive_uploads(w->drive, w->upload + w->n_uploads);
        w->n_uploads += n;
        if (n > 0)
            drive_uploaded(w->drive, w->now_us);
    }
    return false;
}

/* All records of the drive came, each once, byte for byte. */
static void check_all(const struct world *w)
{
    const struct drive_stats *st = drive_stats(w->drive);
    uint8_t record[1200];
    assert_int_equal(st->acknowledged, st->records);
    assert_int_equal(w->s.n, st->records);
    for (int64_t i = 0; i < st->records; i++) {
        size_t n = drive_record(w->drive, (size_t)i, record, sizeof record), found = 0;
        assert_true(n > 0);
        for (size_t k = 0; k < w->s.n; k++)
            found += w->s.bytes[k] == n && memcmp(w->s.record[k], record, n) == 0;
        assert_int_equal(found, 1);
    }
}

static struct world *play_all(const struct drive_config *c)
{
    struct world *w = begin(c, NOON + 3600 * SECOND);
    assert_true(play(w));
    check_all(w);
    return w;
}

static struct world *play_fault(const char *text)
{
    struct drive_config c = parked();
    struct err err;
    assert_ok(drive_fault_parse(text, &c.fault[c.n_faults++], &err));
    return play_all(&c);
}

/* ---- records ---- */

static void test_every_codec_says_the_same_drive(void **state)
{
    (void)state;
    static const uint8_t codec[] = {AVL_CODEC_8, AVL_CODEC_8E, AVL_CODEC_16};
    for (size_t i = 0; i < 3; i++) {
        struct drive_config c = parked();
        struct avl_record r;
        struct avl_io io;
        struct err err;
        c.codec = codec[i];
        struct world *w = play_all(&c);
        assert_int_equal(w->s.n, RECORDS);
        assert_int_equal(w->s.frames, 7);
        assert_int_equal(w->s.known, 0);
        for (size_t k = 0; k < RECORDS; k++) {
            assert_ok(avl_record_decode(codec[i], w->s.record[k], w->s.bytes[k], &r, &err));
            assert_int_equal(r.time_ms, NOON / 1000 + (int64_t)k * 1000);
            assert_int_equal(r.latitude_e7, 547000000);
            assert_int_equal(r.longitude_e7, -252500000);
            assert_true(avl_position_valid(&r));
            assert_int_equal(r.odd, 0);
            assert_int_equal(avl_signs_family(avl_signs(&r)), AVL_FMB);
            assert_true(avl_io_find(&r, AVL_ID_IGNITION, &io) && avl_io_unsigned(&io) == 1);
            assert_int_equal(avl_io_find(&r, AVL_ID_CAMERA_FRONT, &io), codec[i] != AVL_CODEC_8);
        }
        end(w);
    }
}

static void test_a_track_is_driven(void **state)
{
    (void)state;
    struct track_point p[4] = {TRACK_POINT_NONE, TRACK_POINT_NONE, TRACK_POINT_NONE,
                               TRACK_POINT_NONE};
    static const int second[4] = {0, 10, 40, 50}; /* a gap of 30 s */
    struct track *t;
    struct err err;
    for (int i = 0; i < 4; i++) {
        p[i].utc_us = 500 * SECOND + second[i] * SECOND;
        p[i].lat_deg = 50 + second[i] * 0.001;
        p[i].lon_deg = 8;
        p[i].speed_ms = 10 + second[i];
        p[i].course_deg = 359.9;
    }
    assert_ok(track_from(&t, TRACK_FILE, p, 4, &err));
    struct drive_config c = parked();
    c.track = t;
    c.period_us = 5 * SECOND;
    struct world *w = play_all(&c);
    assert_int_equal(w->s.n, 11);
    for (size_t i = 0; i < 11; i++) {
        struct avl_record r;
        size_t at = i * 5;
        bool gap = at > 10 && at < 40;
        assert_ok(avl_record_decode(c.codec, w->s.record[i], w->s.bytes[i], &r, &err));
        assert_int_equal(r.time_ms, NOON / 1000 + (int64_t)at * 1000);
        assert_int_equal(avl_position_valid(&r), !gap);
        assert_int_equal(r.latitude_e7, 500000000 + (gap ? 10 : (int)at) * 10000);
        assert_int_equal(r.speed_kmh, gap ? 0 : lround((10 + (double)at) * 3.6));
        assert_int_equal(r.angle_deg, 0);
    }
    end(w);
    c.begin_us = 0; /* the track's own times */
    w = begin(&c, NOON);
    assert_true(play(w));
    assert_int_equal(w->s.first_ms, 500000);
    end(w);
    track_free(&t);
}

static void test_newest_first(void **state)
{
    (void)state;
    struct drive_config c = parked();
    c.newest_first = true;
    struct world *w = play_all(&c);
    assert_int_equal(w->s.first_ms, NOON / 1000 + (RECORDS - 1) * 1000);
    end(w);
}

static void test_a_live_drive_is_said_as_it_goes(void **state)
{
    (void)state;
    struct drive_config c = parked();
    struct world *w = begin(&c, NOON - SECOND);
    assert_true(play(w));
    check_all(w);
    assert_int_equal(w->s.frames, RECORDS);
    assert_true(w->now_us >= NOON + (RECORDS - 1) * SECOND + c.stay_us);
    end(w);
}

static void test_a_crash_a_trigger_and_private_mode(void **state)
{
    (void)state;
    struct drive_config c = parked();
    c.crash_us = 30 * SECOND;
    c.trigger = 6;
    c.trigger_us = 31 * SECOND;
    c.private_mode = (struct drive_span){40 * SECOND, 45 * SECOND};
    c.ignition_off = (struct drive_span){50 * SECOND, 55 * SECOND};
    struct world *w = play_all(&c);
    int crash = 0, traces = 0, triggers = 0, private = 0, off = 0, peak = 0;
    int64_t peak_ms = 0;
    for (size_t i = 0; i < w->s.n; i++) {
        struct avl_record r;
        struct avl_io io, counter;
        struct err err;
        assert_ok(avl_record_decode(c.codec, w->s.record[i], w->s.bytes[i], &r, &err));
        if (r.event_id == AVL_ID_CRASH && avl_io_find(&r, AVL_ID_CRASH_TRACE, &io)) {
            assert_true(avl_io_find(&r, AVL_ID_CRASH_COUNTER, &counter));
            assert_int_equal(avl_trace_samples(&io), 100);
            for (size_t k = 0; k < 100; k++)
                if (abs(avl_trace_at(&io, k).x_mg) > peak) {
                    peak = abs(avl_trace_at(&io, k).x_mg);
                    peak_ms = (int64_t)r.time_ms + (int64_t)k * 10;
                }
            traces++;
        } else if (r.event_id == AVL_ID_CRASH) {
            assert_true(avl_io_find(&r, AVL_ID_CRASH, &io) && avl_io_unsigned(&io) == 1);
            assert_int_equal(r.priority, 1);
            crash++;
        }
        if (r.event_id == AVL_ID_CAMERA_TRIGGER) {
            assert_true(avl_io_find(&r, AVL_ID_CAMERA_TRIGGER, &io));
            assert_int_equal(avl_io_unsigned(&io), 6);
            assert_int_equal(r.time_ms, NOON / 1000 + 31000);
            triggers++;
        }
        private += avl_private(&r);
        off += avl_io_find(&r, AVL_ID_IGNITION, &io) && avl_io_unsigned(&io) == 0;
    }
    assert_int_equal(crash, 1);
    assert_int_equal(traces, 20);
    assert_int_equal(triggers, 1);
    assert_int_equal(private, 5);
    assert_int_equal(off, 6); /* the change, too */
    assert_true(peak > 5000);
    assert_int_equal(peak_ms, NOON / 1000 + 30000);
    end(w);
}

static void test_what_a_codec_has_no_place_for(void **state)
{
    (void)state;
    struct drive *d;
    struct err err;
    struct drive_config c = parked();
    c.codec = AVL_CODEC_8;
    c.trigger = 6;
    assert_err(ERR_CONFIG, drive_new(&d, &c, &err));
    c = parked();
    c.codec = AVL_CODEC_8;
    c.crash_us = 0;
    assert_err(ERR_CONFIG, drive_new(&d, &c, &err));
    c = parked();
    c.period_us = 1;
    assert_err(ERR_CONFIG, drive_new(&d, &c, &err));
    c = parked();
    c.imei[3] = '\0';
    assert_err(ERR_CONFIG, drive_new(&d, &c, &err));
}

/* ---- faults ---- */

static void test_a_wrong_frame_comes_again(void **state)
{
    (void)state;
    static const char *const fault[] = {"crc=3", "counts=3", "ends=3"};
    for (size_t i = 0; i < 3; i++) {
        struct world *w = play_fault(fault[i]);
        assert_int_equal(w->s.refused, 1);
        assert_int_equal(w->s.known, 0);
        assert_int_equal(w->s.logins, 2); /* no answer: it closes, as trackers do */
        end(w);
    }
}

static void test_always_wrong_is_never_done(void **state)
{
    (void)state;
    struct drive_config c = parked();
    c.fault[c.n_faults++] = (struct drive_fault){DRIVE_CRC_ALWAYS, 2};
    struct world *w = begin(&c, NOON + 3600 * SECOND);
    assert_false(play(w));
    assert_int_equal(drive_stats(w->drive)->acknowledged, 10);
    assert_int_equal(drive_backlog(w->drive, w->now_us), RECORDS - 10);
    assert_true(w->s.refused > 10);
    end(w);
}

static void test_lost_answers_and_repeats(void **state)
{
    (void)state;
    struct world *w = play_fault("lost=2");
    assert_int_equal(w->s.known, 10);
    assert_int_equal(w->s.logins, 2);
    end(w);
    w = play_fault("twice=2");
    assert_int_equal(w->s.known, 10);
    assert_int_equal(w->s.logins, 1);
    end(w);
    w = play_fault("lost-each");
    assert_int_equal(w->s.known, RECORDS);
    assert_int_equal(w->s.logins, 8);
    assert_int_equal(drive_stats(w->drive)->sent_again, RECORDS);
    end(w);
}

static void test_a_link_that_breaks_or_sleeps(void **state)
{
    (void)state;
    struct world *w = play_fault("cut=4");
    assert_int_equal(w->s.logins, 2);
    assert_int_equal(w->s.refused, 0);
    end(w);
    struct drive_config c = parked();
    c.fault[c.n_faults++] = (struct drive_fault){DRIVE_SLEEP, 2};
    c.sleep_us = 600 * SECOND;
    w = play_all(&c);
    assert_int_equal(w->s.logins, 4);
    assert_true(w->now_us >= NOON + 3600 * SECOND + 3 * 600 * SECOND);
    end(w);
}

static void test_pieces_and_pings(void **state)
{
    (void)state;
    struct drive_config c = parked();
    for (uint32_t piece = 1; piece < 40; piece += 7) {
        c.n_faults = 0;
        c.fault[c.n_faults++] = (struct drive_fault){DRIVE_PIECES, piece};
        c.fault[c.n_faults++] = (struct drive_fault){DRIVE_PINGS, 1};
        c.fault[c.n_faults++] = (struct drive_fault){DRIVE_LOST, 3};
        c.seed = piece;
        struct world *w = play_all(&c);
        assert_int_equal(w->s.pings, 8 + 2); /* before each frame and login */
        assert_int_equal(w->s.known, 10);
        end(w);
    }
    c = parked();
    c.ping_us = 500000;
    struct world *w = begin(&c, NOON - SECOND);
    assert_true(play(w));
    assert_true(w->s.pings >= RECORDS - 1);
    end(w);
}

/* A server that says nothing loses no record; one that says nonsense is told. */
static void test_silence_and_nonsense(void **state)
{
    (void)state;
    struct drive_config c = parked();
    struct drive *d;
    struct err err;
    uint8_t out[4096];
    int64_t now_us = NOON + 3600 * SECOND;
    assert_ok(drive_new(&d, &c, &err));
    assert_int_equal(drive_link(d, now_us), DRIVE_DIAL);
    drive_connected(d, now_us);
    assert_int_equal(drive_fill(d, now_us, out, sizeof out), AVL_LOGIN_BYTES);
    assert_int_equal(drive_next_us(d, now_us), now_us + c.answer_us);
    assert_int_equal(drive_link(d, now_us + c.answer_us), DRIVE_HANG_UP);
    drive_ended(d, now_us + c.answer_us);
    now_us += c.answer_us + c.retry_us;
    assert_int_equal(drive_link(d, now_us), DRIVE_DIAL);
    drive_connected(d, now_us);
    assert_int_equal(drive_fill(d, now_us, out, sizeof out), AVL_LOGIN_BYTES);
    assert_ok(drive_feed(d, now_us, "\1", 1, &err));
    assert_true(drive_fill(d, now_us, out, sizeof out) > 100);
    assert_ok(drive_feed(d, now_us, "\0\0\0\3", 4, &err)); /* not all: all come again */
    assert_true(drive_fill(d, now_us, out, sizeof out) > 100);
    assert_int_equal(drive_stats(d)->acknowledged, 0);
    assert_ok(drive_feed(d, now_us, "\0\0\0\12", 4, &err));
    assert_int_equal(drive_stats(d)->acknowledged, 10);
    assert_err(ERR_MALFORMED, drive_feed(d, now_us, "\0\0\0\12", 4, &err));
    drive_ended(d, now_us);
    now_us += c.retry_us;
    assert_int_equal(drive_link(d, now_us), DRIVE_DIAL);
    drive_connected(d, now_us);
    assert_err(ERR_FOREIGN, drive_feed(d, now_us, "\0", 1, &err));
    drive_free(&d);
}

static void test_names_of_faults(void **state)
{
    (void)state;
    struct drive_fault f;
    struct err err;
    char words[] = DRIVE_FAULT_WORDS, *rest = words;
    int i = 0;
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL; i++) {
        assert_ok(drive_fault_parse(word, &f, &err));
        assert_int_equal(f.type, i);
        assert_int_equal(f.at, 1);
    }
    assert_int_equal(i, DRIVE_N_FAULTS);
    assert_ok(drive_fault_parse("sleep=12", &f, &err));
    assert_int_equal(f.at, 12);
    assert_err(ERR_CONFIG, drive_fault_parse("crc=0", &f, &err));
    assert_err(ERR_CONFIG, drive_fault_parse("crc=", &f, &err));
    assert_err(ERR_CONFIG, drive_fault_parse("mute=3", &f, &err));
    assert_err(ERR_CONFIG, drive_fault_parse("cr", &f, &err));
    assert_has(err.text, "crc-always");
}

/* ---- what is asked for ---- */

static struct world *ask(struct drive_config *c, bool by_14, const char *command)
{
    struct world *w = begin(c, NOON + 60 * SECOND);
    w->s.command[w->s.n_commands++] = command;
    w->s.by_14 = by_14;
    assert_true(play(w));
    check_all(w);
    assert_int_equal(drive_stats(w->drive)->commands, 1);
    assert_string_equal(drive_stats(w->drive)->last_command, command);
    return w;
}

static void classed(const struct world *w, enum camreq_class class, int64_t time_s)
{
    struct camreq_answer a;
    camreq_answer(CAMREQ_VIDEO, w->s.said, strlen(w->s.said), true, &a);
    assert_string_equal(camreq_class_name(a.class), camreq_class_name(class));
    assert_int_equal(a.time_s, time_s);
}

static void test_what_is_asked_for_comes(void **state)
{
    (void)state;
    static const struct {
        struct camreq what;
        size_t files;
        int first;
    } asked[] = {
        {{CAMREQ_VIDEO, "front", 1732881610, 10}, 1, DRIVE_FRONT},
        {{CAMREQ_VIDEO, "rear", 1732881610, 30, "", "dash.example.org", 7160}, 1, DRIVE_REAR},
        {{CAMREQ_VIDEO, "both", 1732881610, 10}, 2, DRIVE_FRONT},
        {{CAMREQ_PHOTO, "front", 0, 0}, 1, DRIVE_FRONT},
        {{CAMREQ_PHOTO, "both", 0, 0, "1280x720", "10.0.0.1", 7160}, 2, DRIVE_FRONT},
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        for (int halves = 0; halves < 2; halves++)
            for (int by_14 = 0; by_14 < 2; by_14++) {
                const struct camreq *what = &asked[i].what;
                struct drive_config c = parked();
                char command[CAMREQ_COMMAND_ROOM];
                struct err err;
                if (halves)
                    c.fault[c.n_faults++] = (struct drive_fault){DRIVE_HALVES, 1};
                assert_ok(camreq_command(command, what, NOON / SECOND + 3600, &err));
                struct world *w = ask(&c, by_14, command);
                int64_t time_s = what->time_s ? what->time_s : NOON / SECOND + 60;
                char joined[SAID], *to = joined;
                for (const char *p = w->s.said; *p; p++)
                    if (*p != '|')
                        *to++ = *p;
                *to = '\0';
                assert_int_equal(strlen(w->s.said) - strlen(joined), 1 + halves);
                memcpy(w->s.said, joined, sizeof joined);
                classed(w, CAMREQ_ACCEPTED, time_s);
                assert_int_equal(w->n_uploads, asked[i].files);
                for (size_t k = 0; k < w->n_uploads; k++) {
                    const struct drive_upload *u = &w->upload[k];
                    assert_int_equal(u->camera, asked[i].first + (int)k);
                    assert_int_equal(u->photo, what->kind == CAMREQ_PHOTO);
                    assert_int_equal(u->time_s, time_s);
                    assert_int_equal(u->seconds, what->seconds);
                    assert_string_equal(u->host, what->host);
                    assert_int_equal(u->port, what->port);
                    assert_string_equal(u->resolution, what->resolution);
                }
                end(w);
            }
}

static void refused(struct drive_config *c, const char *command, enum camreq_class class)
{
    struct world *w = ask(c, false, command);
    classed(w, class, 0);
    assert_int_equal(w->n_uploads, 0);
    end(w);
}

static void test_what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct drive_config c = parked();
    refused(&c, "camreq:0,1,1732881610", CAMREQ_INVALID);
    refused(&c, "camreq:0,1,1732881610,31", CAMREQ_INVALID);
    refused(&c, "camreq:1,4", CAMREQ_INVALID);
    refused(&c, "camreq:1,1,host", CAMREQ_INVALID);
    refused(&c, "camreq:1,1,,5", CAMREQ_INVALID);
    refused(&c, "dsm_camreq:2,4", CAMREQ_INVALID);
    refused(&c, "camreq:0,1,1732889999,5", CAMREQ_NOT_THERE); /* it is to come */
    refused(&c, "camreq:0,1,1732000000,5", CAMREQ_NOT_THERE); /* the card is overwritten */
    c.photo[DRIVE_REAR] = false;
    refused(&c, "camreq:1,3", CAMREQ_TEMPORARY);
    c.camera[DRIVE_REAR] = 0;
    refused(&c, "camreq:1,2", CAMREQ_NO_CAMERA);
    c.camera[DRIVE_FRONT] = 1; /* no card */
    refused(&c, "camreq:0,1,1732881610,5", CAMREQ_NOT_THERE);
    c = parked();
    c.ignition_off = (struct drive_span){10 * SECOND, 50 * SECOND};
    refused(&c, "camreq:0,1,1732881620,5", CAMREQ_NOT_THERE);
    c.ignition_off.until_us = 3600 * SECOND;
    struct world *w = ask(&c, false, "camreq:1,1");
    classed(w, CAMREQ_NO_IGNITION, 0);
    end(w);
}

static void test_refusals_on_demand(void **state)
{
    (void)state;
    static const enum camreq_class class[] = {
        CAMREQ_TEMPORARY, CAMREQ_NO_IGNITION,  CAMREQ_NO_CAMERA, CAMREQ_NOT_THERE,
        CAMREQ_INVALID,   CAMREQ_UNCONFIGURED, CAMREQ_UNKNOWN};
    for (size_t i = 0; i < sizeof class / sizeof *class; i++) {
        struct drive_config c = parked();
        c.refuse[c.n_refuse++] = class[i];
        refused(&c, "camreq:1,1", class[i]);
    }
    struct drive_config c = parked();
    c.refuse[c.n_refuse++] = CAMREQ_OTHER_FIRST;
    struct world *w = ask(&c, false, "camreq:0,1,1732881610,5");
    classed(w, CAMREQ_OTHER_FIRST, 0);
    assert_int_equal(w->n_uploads, 1);
    assert_int_equal(w->upload[0].time_s, 1732881010);
    end(w);
    c.refuse[0] = CAMREQ_CAPTURED;
    w = ask(&c, false, "camreq:0,1,1732881610,5");
    classed(w, CAMREQ_CAPTURED, 0);
    assert_int_equal(w->upload[0].time_s, 1732881610);
    end(w);
}

static void test_a_place_that_is_taken(void **state)
{
    (void)state;
    struct drive_config c = parked();
    struct drive_upload u[DRIVE_UPLOADS];
    struct world *w = begin(&c, NOON + 60 * SECOND);
    w->slow = true;
    w->s.command[w->s.n_commands++] = "camreq:1,1";
    w->s.command[w->s.n_commands++] = "camreq:1,3";
    w->s.command[w->s.n_commands++] = "camreq:1,2,10.0.0.1,7160";
    assert_false(play(w)); /* it waits for its camera */
    assert_has(w->s.said, "already captured");
    assert_int_equal(drive_uploads(w->drive, u), 1);
    assert_int_equal(u[0].camera, DRIVE_FRONT);
    assert_int_equal(drive_uploads(w->drive, u), 0); /* one server after the other */
    drive_uploaded(w->drive, w->now_us);
    assert_int_equal(drive_uploads(w->drive, u), 1);
    assert_string_equal(u[0].host, "10.0.0.1");
    drive_uploaded(w->drive, w->now_us);
    w->slow = false;
    assert_true(play(w));
    end(w);
}

static void test_other_commands_and_nobody_answers(void **state)
{
    (void)state;
    struct drive_config c = parked();
    struct camreq_answer a;
    struct world *w = ask(&c, false, "camgetver");
    camreq_answer(CAMREQ_VERSION, w->s.said, strlen(w->s.said), true, &a);
    assert_int_equal(a.class, CAMREQ_INFO);
    end(w);
    static const struct {
        const char *command;
        enum camreq_kind kind;
    } deed[] = {{"camget_restart:2", CAMREQ_RESTART}, {"camget_sdformat:1", CAMREQ_FORMAT}};
    for (int i = 0; i < 2; i++) {
        w = ask(&c, true, deed[i].command);
        camreq_answer(deed[i].kind, w->s.said, strlen(w->s.said), true, &a);
        assert_int_equal(a.class, CAMREQ_INFO);
        end(w);
    }
    c.fault[c.n_faults++] = (struct drive_fault){DRIVE_NACK, 1};
    w = ask(&c, true, "camreq:1,1");
    assert_int_equal(w->s.nacks, 1);
    assert_int_equal(w->n_uploads, 0);
    end(w);
    c.fault[0].type = DRIVE_MUTE;
    w = ask(&c, true, "camreq:1,1");
    assert_string_equal(w->s.said, "");
    end(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_codec_says_the_same_drive),
        cmocka_unit_test(test_a_track_is_driven),
        cmocka_unit_test(test_newest_first),
        cmocka_unit_test(test_a_live_drive_is_said_as_it_goes),
        cmocka_unit_test(test_a_crash_a_trigger_and_private_mode),
        cmocka_unit_test(test_what_a_codec_has_no_place_for),
        cmocka_unit_test(test_a_wrong_frame_comes_again),
        cmocka_unit_test(test_always_wrong_is_never_done),
        cmocka_unit_test(test_lost_answers_and_repeats),
        cmocka_unit_test(test_a_link_that_breaks_or_sleeps),
        cmocka_unit_test(test_pieces_and_pings),
        cmocka_unit_test(test_silence_and_nonsense),
        cmocka_unit_test(test_names_of_faults),
        cmocka_unit_test(test_what_is_asked_for_comes),
        cmocka_unit_test(test_what_cannot_be_is_refused),
        cmocka_unit_test(test_refusals_on_demand),
        cmocka_unit_test(test_a_place_that_is_taken),
        cmocka_unit_test(test_other_commands_and_nobody_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
