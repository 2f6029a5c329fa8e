/* drive: a tracker's side of its link. */
#include "dashspool/text.h"
#include "drive_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)

enum {
    PACKET_BYTES_MAX = 1280, /* of trackers but the FMx6xx, docs/avl.md */
    FRAME_BYTES_MAX = 4096,
    OUT_BYTES_MAX = 4 * FRAME_BYTES_MAX,
    IN_BYTES_MAX = 8192, /* a server's frames are under 200 bytes */
    PING = 0xff,
};

enum state { DOWN, DIALLING, LOGIN, UP, CLOSING, DONE };

struct drive {
    struct drive_config config;
    struct drive_journal journal;
    struct drive_cameras cameras;
    struct drive_stats stats;
    bool fired[DRIVE_FAULTS];
    enum state state;
    bool leaving;    /* the link is closed because all is said */
    int64_t wake_us; /* DOWN: not before */
    int64_t last_us; /* something was said, pings left aside */
    int64_t pinged_us;
    int64_t asked_us; /* LOGIN, or `waiting`: since */
    struct buf in, out;

    uint32_t frame_no; /* of the frame that is under way, or the next; from 1 on */
    bool waiting;      /* its answer is due */
    bool again;        /* it is sent once more after its answer (DRIVE_TWICE) */
    uint8_t frame[FRAME_BYTES_MAX];
    size_t frame_bytes;
    size_t in_frame[AVL_RECORDS_MAX]; /* its records, by their place in the journal */
    size_t n_in_frame;
    uint32_t lost; /* the last frame whose answer was lost (DRIVE_LOST_EACH) */

    struct buf answer[2]; /* to commands; the second half comes after a data frame */
    bool between;         /* … which went out */
    uint64_t chance;
};

/* ---- faults ---- */

static const char *const fault_names[DRIVE_N_FAULTS] = {
    [DRIVE_CRC] = "crc",
    [DRIVE_CRC_ALWAYS] = "crc-always",
    [DRIVE_COUNTS] = "counts",
    [DRIVE_ENDS] = "ends",
    [DRIVE_LOST] = "lost",
    [DRIVE_TWICE] = "twice",
    [DRIVE_CUT] = "cut",
    [DRIVE_SLEEP] = "sleep",
    [DRIVE_PIECES] = "pieces",
    [DRIVE_PINGS] = "pings",
    [DRIVE_LOST_EACH] = "lost-each",
    [DRIVE_HALVES] = "halves",
    [DRIVE_MUTE] = "mute",
    [DRIVE_NACK] = "nack",
};

int drive_fault_parse(const char *text, struct drive_fault *out, struct err *err)
{
    size_t n = strcspn(text, "=");
    char *end = NULL;
    unsigned long at = text[n] ? strtoul(text + n + 1, &end, 10) : 1;
    bool number = !end || (end != text + n + 1 && !*end && at > 0 && at <= UINT32_MAX);
    char all[WORDS_TEXT_ROOM];
    for (int i = 0; i < DRIVE_N_FAULTS; i++) {
        if (strlen(fault_names[i]) != n || memcmp(fault_names[i], text, n) != 0)
            continue;
        if (!number || (end && i >= DRIVE_PINGS))
            return err_set(err, ERR_CONFIG, "%s: %s", text,
                           i >= DRIVE_PINGS ? "this fault has no number"
                                            : "a number from 1 is needed behind the =");
        *out = (struct drive_fault){(enum drive_fault_type)i, (uint32_t)at};
        return ERR_OK;
    }
    return err_set(err, ERR_CONFIG, "unknown fault %s; known faults: %s", text,
                   words_text(DRIVE_FAULT_WORDS, all));
}

/* `frame` 0: whatever its place. `once`: and never again. */
static const struct drive_fault *fault(struct drive *d, enum drive_fault_type type, uint32_t frame,
                                       bool once)
{
    for (int i = 0; i < d->config.n_faults; i++) {
        const struct drive_fault *f = &d->config.fault[i];
        if (f->type != type || (frame && f->at != frame) || (once && d->fired[i]))
            continue;
        d->fired[i] = d->fired[i] || once;
        return f;
    }
    return NULL;
}

/* ---- the tracker ---- */

struct drive_config drive_defaults(void)
{
    return (struct drive_config){.imei = "350000000000006",
                                 .codec = AVL_CODEC_8E,
                                 .period_us = SECOND,
                                 .batch = 10,
                                 .sleep_us = SECOND,
                                 .answer_us = 30 * SECOND,
                                 .retry_us = SECOND,
                                 .stay_us = 3 * SECOND,
                                 .crash_us = DRIVE_NEVER,
                                 .trigger = DRIVE_NEVER,
                                 .camera = {3, 3},
                                 .video = {true, true},
                                 .photo = {true, true},
                                 .seed = 1};
}

int drive_new(struct drive **out, const struct drive_config *config, struct err *err)
{
    *out = NULL;
    if (!avl_codec_has_records(config->codec))
        return err_set(err, ERR_CONFIG, "records are sent by Codec 8, 8 Extended or 16");
    if (strlen(config->imei) != AVL_IMEI_ROOM - 1)
        return err_set(err, ERR_CONFIG, "a tracker's IMEI has 15 digits");
    if (config->period_us <= 0 || config->batch < 1 || config->batch > AVL_RECORDS_MAX)
        return err_set(err, ERR_CONFIG, "a period above 0, and 1 to %d records a frame",
                       AVL_RECORDS_MAX);
    struct drive *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(err, "a tracker");
    d->config = *config;
    d->frame_no = 1;
    d->chance = config->seed ? config->seed : 1;
    buf_init(&d->in, IN_BYTES_MAX);
    buf_init(&d->out, OUT_BYTES_MAX);
    for (int i = 0; i < 2; i++)
        buf_init(&d->answer[i], IN_BYTES_MAX);
    int rc = drive_journal_make(&d->journal, &d->config, err);
    d->stats.records = (int64_t)d->journal.n;
    if (rc < 0)
        drive_free(&d);
    *out = d;
    return rc;
}

void drive_free(struct drive **drive)
{
    struct drive *d = *drive;
    if (!d)
        return;
    buf_clear(&d->in);
    buf_clear(&d->out);
    for (int i = 0; i < 2; i++)
        buf_clear(&d->answer[i]);
    free(d->journal.entry);
    free(d);
    *drive = NULL;
}

const struct drive_stats *drive_stats(const struct drive *drive)
{
    return &drive->stats;
}

size_t drive_record(const struct drive *drive, size_t i, uint8_t *out, size_t room)
{
    return drive_journal_record(&drive->journal, &drive->config, i, out, room);
}

static int64_t since_begin(const struct drive *d, int64_t now_us)
{
    return now_us - d->journal.begin_us;
}

/* Our own ceilings hold all that is put there. */
static void append(struct buf *b, const void *data, size_t n)
{
    struct err err;
    int rc = buf_append(b, data, n, &err);
    (void)rc; /* without memory it is a network that loses bytes */
}

static void close_link(struct drive *d, int64_t wake_us)
{
    d->state = CLOSING;
    d->wake_us = wake_us;
}

/* ---- records go out ---- */

/* How many have their time, from the beginning. */
static size_t entries_there(const struct drive *d, int64_t now_us)
{
    size_t from = 0, behind = d->journal.n;
    while (from < behind) {
        size_t middle = from + (behind - from) / 2;
        if (d->journal.entry[middle].at_us <= since_begin(d, now_us))
            from = middle + 1;
        else
            behind = middle;
    }
    return from;
}

/* Puts records that are not acknowledged into the frame; false: there are none. */
static bool collect(struct drive *d, int64_t now_us)
{
    uint8_t records[FRAME_BYTES_MAX];
    size_t there = entries_there(d, now_us), used = 0;
    d->n_in_frame = 0;
    for (size_t k = 0; k < there && d->n_in_frame < (size_t)d->config.batch; k++) {
        size_t i = d->config.newest_first ? there - 1 - k : k;
        struct drive_entry *e = &d->journal.entry[i];
        if (e->acknowledged)
            continue;
        size_t n = drive_record(d, i, records + used, sizeof records - used);
        if (n == 0 || (d->n_in_frame > 0 && used + n + AVL_AROUND_BYTES + 3 > PACKET_BYTES_MAX))
            break;
        used += n;
        d->stats.sent_again += e->sent;
        e->sent = true;
        d->in_frame[d->n_in_frame++] = i;
    }
    d->frame_bytes =
        avl_frame_put(d->frame, sizeof d->frame, d->config.codec, d->n_in_frame, records, used);
    return d->n_in_frame > 0;
}

/* The frame with what is to be wrong about it. */
static void spoil(struct drive *d, uint8_t *frame, size_t *n, int64_t now_us)
{
    size_t length = *n - AVL_AROUND_BYTES;
    uint8_t *second = frame + 8 + length - 1;
    bool counts = fault(d, DRIVE_COUNTS, d->frame_no, true);
    if (counts)
        ++*second;
    if (fault(d, DRIVE_ENDS, d->frame_no, true)) { /* both numbers say one more */
        ++frame[9];
        ++*second;
        counts = true;
    }
    uint16_t crc = avl_crc(frame + 8, length);
    if (counts) {
        frame[*n - 2] = (uint8_t)(crc >> 8);
        frame[*n - 1] = (uint8_t)crc;
    }
    if (fault(d, DRIVE_CRC, d->frame_no, true) || fault(d, DRIVE_CRC_ALWAYS, d->frame_no, false))
        frame[*n - 1] ^= 1;
    if (fault(d, DRIVE_CUT, d->frame_no, true)) {
        *n /= 2;
        close_link(d, now_us + d->config.retry_us);
    }
}

static void put_frame(struct drive *d, int64_t now_us)
{
    uint8_t frame[FRAME_BYTES_MAX];
    size_t n = d->frame_bytes;
    memcpy(frame, d->frame, n);
    d->waiting = true;
    d->asked_us = d->last_us = now_us;
    d->stats.frames++;
    spoil(d, frame, &n, now_us);
    append(&d->out, frame, n);
}

static void ping(struct drive *d)
{
    uint8_t byte = PING;
    append(&d->out, &byte, 1);
}

static void pings(struct drive *d)
{
    if (fault(d, DRIVE_PINGS, 0, false))
        ping(d);
}

static int64_t ping_due(const struct drive *d)
{
    int64_t since_us = d->pinged_us > d->last_us ? d->pinged_us : d->last_us;
    return d->config.ping_us ? since_us + d->config.ping_us : INT64_MAX;
}

static bool put_data(struct drive *d, int64_t now_us)
{
    if (d->waiting)
        return false;
    if (!d->again && !collect(d, now_us))
        return false;
    pings(d);
    put_frame(d, now_us);
    return true;
}

static bool all_said(const struct drive *d)
{
    for (int i = 0; i < DRIVE_UPLOADS; i++)
        if (d->cameras.place[i].state != PLACE_FREE)
            return false;
    return d->stats.acknowledged == d->stats.records && !d->waiting && !d->again &&
           d->answer[0].used + d->answer[1].used == 0;
}

static void produce(struct drive *d, int64_t now_us)
{
    int half = d->answer[0].used > 0 ? 0 : 1;
    if (half == 1 && d->answer[1].used > 0 && !d->between) {
        d->between = true;
        if (put_data(d, now_us))
            return;
    }
    if (d->answer[half].used > 0) {
        append(&d->out, buf_data(&d->answer[half]), d->answer[half].used);
        buf_clear(&d->answer[half]);
        d->last_us = now_us;
    } else if (put_data(d, now_us)) {
        return;
    } else if (all_said(d) && now_us >= d->last_us + d->config.stay_us) {
        d->leaving = true;
        close_link(d, INT64_MAX);
    } else if (now_us >= ping_due(d)) {
        ping(d);
        d->pinged_us = now_us;
    }
}

size_t drive_fill(struct drive *drive, int64_t now_us, uint8_t *out, size_t room)
{
    struct drive *d = drive;
    if (d->out.used == 0 && d->state == UP)
        produce(d, now_us);
    size_t n = d->out.used < room ? d->out.used : room;
    const struct drive_fault *pieces = fault(d, DRIVE_PIECES, 0, false);
    if (pieces && n > 0) {
        d->chance ^= d->chance << 13; /* Marsaglia, "Xorshift RNGs", 2003 */
        d->chance ^= d->chance >> 7;
        d->chance ^= d->chance << 17;
        size_t piece = 1 + (size_t)(d->chance % pieces->at);
        n = n < piece ? n : piece;
    }
    memcpy(out, buf_data(&d->out), n);
    buf_consume(&d->out, n);
    return n;
}

/* ---- what the server says ---- */

static int take_login(struct drive *d, int64_t now_us, struct err *err)
{
    uint8_t said = buf_data(&d->in)[0];
    buf_consume(&d->in, 1);
    if (said == AVL_LOGIN_REFUSED)
        return err_set(err, ERR_FOREIGN, "the server refused the login of IMEI %s", d->config.imei);
    if (said != AVL_LOGIN_ACCEPTED)
        return err_set(err, ERR_MALFORMED,
                       "the answer to the login is byte %02x: expected 01 or 00", said);
    d->state = UP;
    d->last_us = now_us;
    d->stats.logins++;
    return ERR_OK;
}

static int take_count(struct drive *d, uint32_t count, int64_t now_us, struct err *err)
{
    if (!d->waiting)
        return err_set(err, ERR_MALFORMED,
                       "the server acknowledged %" PRIu32 " records where none were sent", count);
    d->waiting = false;
    d->last_us = now_us;
    if (count != d->n_in_frame)
        return ERR_OK; /* as a tracker has it: they are sent again */
    if (fault(d, DRIVE_LOST, d->frame_no, true) ||
        (fault(d, DRIVE_LOST_EACH, 0, false) && d->lost != d->frame_no)) {
        d->lost = d->frame_no;
        close_link(d, now_us + d->config.retry_us);
        return ERR_OK;
    }
    for (size_t i = 0; i < d->n_in_frame; i++) {
        struct drive_entry *e = &d->journal.entry[d->in_frame[i]];
        d->stats.acknowledged += !e->acknowledged;
        d->stats.sent_again += d->again;
        e->acknowledged = true;
    }
    d->again = !d->again && fault(d, DRIVE_TWICE, d->frame_no, true);
    if (d->again)
        return ERR_OK;
    d->frame_no++;
    const struct drive_fault *sleep = fault(d, DRIVE_SLEEP, 0, false);
    if (sleep && (d->frame_no - 1) % sleep->at == 0)
        close_link(d, now_us + d->config.sleep_us);
    return ERR_OK;
}

static void put_answer(struct buf *to, uint8_t codec, enum avl_message_kind kind, const char *imei,
                       const char *text, size_t n)
{
    uint8_t out[AVL_AROUND_BYTES + 32 + DRIVE_ANSWER_ROOM];
    struct avl_message m = {.codec = codec, .kind = kind, .data = (const uint8_t *)text, .n = n};
    memcpy(m.imei, imei, sizeof m.imei);
    append(to, out, avl_message_put(out, sizeof out, &m));
}

static void answer(struct drive *d, uint8_t codec, const char *text)
{
    size_t n = strlen(text), first = fault(d, DRIVE_HALVES, 0, false) ? n / 2 : n;
    put_answer(&d->answer[0], codec, AVL_MESSAGE_ANSWER, d->config.imei, text, first);
    if (first < n)
        put_answer(&d->answer[1], codec, AVL_MESSAGE_ANSWER, d->config.imei, text + first,
                   n - first);
    d->between = false;
}

static void take_command(struct drive *d, const struct avl_message *m, int64_t now_us)
{
    struct drive_stats *st = &d->stats;
    st->commands++;
    snprintf(st->last_command, sizeof st->last_command, "%.*s", (int)m->n, (const char *)m->data);
    st->last_answer[0] = '\0';
    if (fault(d, DRIVE_MUTE, 0, false))
        return;
    if (m->codec == AVL_CODEC_14 &&
        (strcmp(m->imei, d->config.imei) != 0 || fault(d, DRIVE_NACK, 0, false))) {
        put_answer(&d->answer[0], m->codec, AVL_MESSAGE_NACK, m->imei, "", 0);
        return;
    }
    st->requests += drive_command(&d->cameras, &d->config, st->last_command, now_us,
                                  since_begin(d, now_us), st->last_answer);
    answer(d, m->codec, st->last_answer);
}

/* A whole frame of *n bytes is at the front; *n 0: not yet. */
static int take_frame(struct drive *d, size_t *n, int64_t now_us, struct err *err)
{
    const uint8_t *p = buf_data(&d->in);
    struct avl_frame frame;
    struct avl_message m;
    *n = 0;
    if (d->in.used < 8)
        return ERR_OK;
    size_t length = (size_t)p[4] << 24 | (size_t)p[5] << 16 | (size_t)p[6] << 8 | p[7];
    if (length > AVL_COMMAND_BYTES)
        return err_set(err, ERR_MALFORMED, "a command of %zu bytes", length);
    if (d->in.used < length + AVL_AROUND_BYTES)
        return ERR_OK;
    enum avl_reason reason = avl_frame_parse(p, length + AVL_AROUND_BYTES, AVL_LENGTH_MAX, &frame);
    if (reason != AVL_FINE)
        return err_set(err, ERR_MALFORMED, "a command's frame: %s", avl_reason_text(reason));
    if (!avl_codec_has_messages(frame.codec) || !avl_message_parse(&frame, &m) ||
        m.kind != AVL_MESSAGE_COMMAND || m.n > AVL_COMMAND_CHARS)
        return err_set(err, ERR_MALFORMED, "a frame from the server that is no command");
    take_command(d, &m, now_us);
    d->last_us = now_us;
    *n = length + AVL_AROUND_BYTES;
    return ERR_OK;
}

int drive_feed(struct drive *drive, int64_t now_us, const void *data, size_t n, struct err *err)
{
    struct drive *d = drive;
    int rc = buf_append(&d->in, data, n, err);
    while (rc == ERR_OK && d->in.used > 0) {
        const uint8_t *p = buf_data(&d->in);
        size_t taken = 0;
        if (d->state == LOGIN) {
            rc = take_login(d, now_us, err);
            continue;
        }
        if (d->state != UP)
            return ERR_OK; /* it does not listen any more */
        if (d->in.used < 4)
            return ERR_OK;
        uint32_t word = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        if (word == 0)
            rc = take_frame(d, &taken, now_us, err);
        else if ((rc = take_count(d, word, now_us, err)) == ERR_OK)
            taken = 4;
        if (taken == 0)
            return rc;
        buf_consume(&d->in, taken);
    }
    return rc;
}

/* ---- the link ---- */

enum drive_link drive_link(struct drive *drive, int64_t now_us)
{
    struct drive *d = drive;
    bool asked = d->state == LOGIN || (d->state == UP && d->waiting);
    if (asked && now_us >= d->asked_us + d->config.answer_us)
        close_link(d, now_us + d->config.retry_us);
    switch (d->state) {
    case DOWN:
        if (all_said(d) && d->stats.logins > 0 && now_us >= d->last_us + d->config.stay_us)
            d->state = DONE;
        else if (now_us >= d->wake_us)
            d->state = DIALLING;
        return d->state == DONE ? DRIVE_DONE : d->state == DIALLING ? DRIVE_DIAL : DRIVE_DOWN;
    case DIALLING:
        return DRIVE_DIAL;
    case LOGIN:
    case UP:
        return DRIVE_UP;
    case CLOSING:
        return d->out.used > 0 ? DRIVE_UP : DRIVE_HANG_UP;
    case DONE:
        break;
    }
    return DRIVE_DONE;
}

void drive_connected(struct drive *drive, int64_t now_us)
{
    uint8_t login[AVL_LOGIN_BYTES];
    drive->state = LOGIN;
    drive->asked_us = drive->last_us = now_us;
    pings(drive);
    append(&drive->out, login, avl_login_put(login, drive->config.imei));
}

void drive_ended(struct drive *drive, int64_t now_us)
{
    struct drive *d = drive;
    if (d->state != CLOSING)
        d->wake_us = now_us + d->config.retry_us;
    d->state = d->leaving ? DONE : DOWN;
    d->waiting = d->again = false;
    buf_clear(&d->in);
    buf_clear(&d->out);
    for (int i = 0; i < 2; i++)
        buf_clear(&d->answer[i]);
}

int64_t drive_backlog(const struct drive *drive, int64_t now_us)
{
    size_t there = entries_there(drive, now_us);
    int64_t n = 0;
    for (size_t i = 0; i < there; i++)
        n += !drive->journal.entry[i].acknowledged;
    return n;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t drive_next_us(const struct drive *drive, int64_t now_us)
{
    const struct drive *d = drive;
    int64_t next = INT64_MAX;
    if (d->state == DOWN)
        return all_said(d) ? earlier(d->wake_us, d->last_us + d->config.stay_us) : d->wake_us;
    if (d->state == DIALLING || d->state == CLOSING || d->out.used > 0)
        return now_us;
    if (d->state == LOGIN)
        return d->asked_us + d->config.answer_us;
    if (d->state != UP)
        return INT64_MAX;
    if (d->answer[0].used + d->answer[1].used > 0)
        return now_us;
    if (d->waiting)
        return d->asked_us + d->config.answer_us;
    if (d->stats.acknowledged < d->stats.records) {
        size_t there = entries_there(d, now_us);
        next = d->again || drive_backlog(d, now_us) > 0 ? now_us
               : there < d->journal.n ? d->journal.begin_us + d->journal.entry[there].at_us
                                      : INT64_MAX;
    }
    next = earlier(next, ping_due(d));
    return all_said(d) ? earlier(next, d->last_us + d->config.stay_us) : next;
}

/* ---- its cameras' files ---- */

size_t drive_uploads(struct drive *drive, struct drive_upload out[DRIVE_UPLOADS])
{
    struct drive_place_of *place = drive->cameras.place, *first = NULL;
    size_t n = 0;
    for (int i = 0; i < DRIVE_UPLOADS; i++)
        if (place[i].state == PLACE_BUSY)
            return 0;
    for (int i = 0; i < DRIVE_UPLOADS; i++) {
        if (place[i].state != PLACE_WAITS)
            continue;
        first = first ? first : &place[i];
        if (strcmp(place[i].upload.host, first->upload.host) != 0 ||
            place[i].upload.port != first->upload.port)
            continue;
        place[i].state = PLACE_BUSY;
        out[n++] = place[i].upload;
    }
    return n;
}

void drive_uploaded(struct drive *drive, int64_t now_us)
{
    for (int i = 0; i < DRIVE_UPLOADS; i++)
        if (drive->cameras.place[i].state == PLACE_BUSY)
            drive->cameras.place[i].state = PLACE_FREE;
    drive->last_us = now_us;
}
