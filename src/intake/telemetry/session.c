/* session: the state machine of a tracker's link. */
#include "session.h"
#include "dashspool/wire.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state {
    WAIT_LOGIN,
    JUDGED, /* LOGIN was told, its answer is awaited */
    OPEN,
    STORING, /* STORE was told, likewise */
    CLOSING, /* CLOSE is the next action, and the last one */
    OVER,
};

enum command {
    NONE,
    SENT,     /* its answer is awaited */
    ANSWERED, /* ANSWER was told, likewise */
};

struct session {
    struct session_limits limits;
    struct avl_stream stream;
    struct session_stats stats;
    enum state state;
    char imei[AVL_IMEI_ROOM];
    bool eof;
    int wrong;                  /* in a row */
    uint8_t storing;            /* records of the frame */
    int64_t since_us, heard_us; /* monotonic: connected, or logged in; the last bytes */

    bool acknowledged; /* a frame, since the login */
    bool told_ready;
    enum command command;
    bool codec_14;
    int64_t sent_us;
    struct buf answer;
    bool fresh; /* there is answer that was not told yet */
    int rest;   /* parts that may still come of an answer that settled its command */
    bool nack;

    uint8_t out[AVL_COMMAND_BYTES]; /* to be sent */
    size_t out_n;
    char text[256];
    bool warn; /* of the end */
};

int session_new(struct session **out, const struct session_limits *limits, int64_t now_us,
                struct err *err)
{
    struct session *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "a connection");
    s->limits = *limits;
    s->since_us = s->heard_us = now_us;
    avl_stream_init(&s->stream, limits->length_max);
    buf_init(&s->answer, SESSION_ANSWER_BYTES);
    return ERR_OK;
}

void session_free(struct session **session)
{
    if (!*session)
        return;
    avl_stream_clear(&(*session)->stream);
    buf_clear(&(*session)->answer);
    free(*session);
    *session = NULL;
}

const char *session_imei(const struct session *s)
{
    return s->imei;
}

const struct session_stats *session_stats(const struct session *s)
{
    return &s->stats;
}

bool session_waiting(const struct session *s)
{
    return s->state == JUDGED || s->state == STORING;
}

int session_feed(struct session *s, const void *data, size_t n, int64_t now_us, struct err *err)
{
    s->heard_us = now_us;
    return s->eof || s->state >= CLOSING ? ERR_OK : avl_stream_feed(&s->stream, data, n, err);
}

void session_eof(struct session *s)
{
    s->eof = true;
}

/* ---- the end ---- */

static void end(struct session *s, bool warn, const char *text)
{
    s->state = CLOSING;
    s->warn = warn;
    snprintf(s->text, sizeof s->text, "%s", text);
}

/* ---- what comes ---- */

static void put_out(struct session *s, const void *data, size_t n)
{
    assert(s->out_n + n <= sizeof s->out);
    memcpy(s->out + s->out_n, data, n);
    s->out_n += n;
}

static void tell(struct session *s, struct session_action *out, const char *event, bool warn)
{
    *out = (struct session_action){
        .type = SESSION_DO_LOG, .event = event, .text = s->text, .warn = warn};
}

/* True: *out is an action. */
static bool take_login(struct session *s, const struct avl_item *item, struct session_action *out)
{
    static const uint8_t refused = AVL_LOGIN_REFUSED, accepted = AVL_LOGIN_ACCEPTED;
    if (!item->imei[0]) {
        const char *who = wire_foreign_protocol(item->raw, item->raw_bytes);
        char text[200];
        snprintf(text, sizeof text, "login is not an IMEI of 15 digits%s%s%s", who ? " (" : "",
                 who ? who : "", who ? ")" : "");
        put_out(s, &refused, 1);
        end(s, true, text);
        return false;
    }
    if (s->state == OPEN && strcmp(s->imei, item->imei) == 0) {
        put_out(s, &accepted, 1); /* it began anew on the same link */
        return false;
    }
    if (s->state == OPEN) {
        put_out(s, &refused, 1);
        end(s, true, "second login, with another IMEI");
        return false;
    }
    snprintf(s->imei, sizeof s->imei, "%s", item->imei);
    s->state = JUDGED;
    *out = (struct session_action){.type = SESSION_DO_LOGIN,
                                   .text = item->luhn ? "" : "check digit of the IMEI is wrong"};
    return true;
}

static bool take_answer(struct session *s, const struct avl_message *m, struct session_action *out)
{
    struct err full;
    bool ours = !m->imei[0] || strcmp(m->imei, s->imei) == 0;
    bool settled = s->command == NONE;
    if ((settled && s->rest == 0) || !ours) {
        avl_message_text(m, s->text, sizeof s->text);
        tell(s, out, ours ? "unexpected answer of the tracker" : "answer of another tracker", true);
        return true;
    }
    /* What has no room is cut: the words that decide come first. */
    size_t room = SESSION_ANSWER_BYTES - s->answer.used, n = m->n < room ? m->n : room;
    if (buf_append(&s->answer, m->data, n, &full) == ERR_OK)
        s->fresh |= !settled || n > 0;
    s->rest -= settled;
    return false;
}

/* Codec 12 to 15: never acknowledged. */
static bool take_message(struct session *s, const struct avl_frame *frame,
                         struct session_action *out)
{
    struct avl_message m;
    if (!avl_message_parse(frame, &m)) {
        snprintf(s->text, sizeof s->text, "%s", avl_codec_name(frame->codec));
        tell(s, out, "unreadable message of the tracker", true);
        return true;
    }
    switch (m.kind) {
    case AVL_MESSAGE_ANSWER:
        return take_answer(s, &m, out);
    case AVL_MESSAGE_NACK:
        if (s->command != NONE && s->codec_14) {
            s->nack = true;
            return false;
        }
        s->text[0] = '\0';
        tell(s, out, "unexpected answer of the tracker", true);
        return true;
    case AVL_MESSAGE_SERIAL:
    case AVL_MESSAGE_OFFER:
    case AVL_MESSAGE_COMMAND:
    case AVL_MESSAGE_OTHER:
        avl_message_text(&m, s->text, sizeof s->text);
        tell(s, out, "message of the tracker ignored", false);
        return true;
    }
    return false;
}

static bool take_frame(struct session *s, const struct avl_item *item, struct session_action *out)
{
    uint8_t count[4];
    if (s->state == WAIT_LOGIN) {
        end(s, true, "data before the login");
        return false;
    }
    s->wrong = 0;
    if (avl_codec_has_messages(item->frame.codec))
        return take_message(s, &item->frame, out);
    s->stats.frames++;
    s->stats.records += item->frame.n;
    if (item->frame.n == 0) { /* nothing to store */
        avl_count_put(count, 0);
        put_out(s, count, sizeof count);
        return false;
    }
    s->state = STORING;
    s->storing = item->frame.n;
    *out = (struct session_action){.type = SESSION_DO_STORE, .frame = item->frame, .text = ""};
    return true;
}

static bool take_refused(struct session *s, const struct avl_item *item, struct session_action *out)
{
    const char *who = s->state == WAIT_LOGIN && item->over
                          ? wire_foreign_protocol(item->raw, item->raw_bytes)
                          : NULL;
    char text[200];
    s->stats.wrong++;
    s->wrong++;
    snprintf(text, sizeof text, "%s%s%s%s", avl_reason_text(item->reason), who ? " (" : "",
             who ? who : "", who ? ")" : "");
    if (item->over) {
        end(s, true, text);
        return false;
    }
    if (s->wrong >= s->limits.wrong_max) {
        char last[256];
        snprintf(last, sizeof last, "%d wrong frames in a row, the last: %s", s->wrong, text);
        end(s, true, last);
        return false;
    }
    snprintf(s->text, sizeof s->text, "%s", text);
    tell(s, out, "wrong frame, not answered", true);
    return true;
}

static bool take_item(struct session *s, const struct avl_item *item, struct session_action *out)
{
    char text[200];
    switch (item->type) {
    case AVL_ITEM_PING:
        s->stats.pings++;
        return false;
    case AVL_ITEM_LOGIN:
        return take_login(s, item, out);
    case AVL_ITEM_FRAME:
        return take_frame(s, item, out);
    case AVL_ITEM_REFUSED:
        return take_refused(s, item, out);
    case AVL_ITEM_CAMERA:
        snprintf(text, sizeof text,
                 "a camera's file transfer (IMEI %s): this is the trackers' port; set the camera's "
                 "server to the port of [receive]",
                 item->imei);
        end(s, true, text);
        return false;
    }
    return false;
}

/* ---- what is due ---- */

bool session_ready(const struct session *s, int64_t now_us)
{
    return s->state == OPEN && s->command == NONE && !s->eof && s->out_n == 0 &&
           (s->acknowledged || now_us - s->heard_us >= s->limits.quiet_us);
}

static int64_t idle_deadline_us(const struct session *s)
{
    return s->state == WAIT_LOGIN ? s->since_us + s->limits.login_us
                                  : s->heard_us + s->limits.idle_us;
}

int64_t session_deadline_us(const struct session *s)
{
    if (s->state >= CLOSING)
        return INT64_MAX;
    int64_t at_us = idle_deadline_us(s);
    if (s->command == SENT && s->sent_us + s->limits.answer_us < at_us)
        at_us = s->sent_us + s->limits.answer_us;
    if (s->state == OPEN && s->command == NONE && !s->told_ready && !s->acknowledged &&
        s->heard_us + s->limits.quiet_us < at_us)
        at_us = s->heard_us + s->limits.quiet_us;
    return at_us;
}

/* What became of the command. */
static bool tell_command(struct session *s, int64_t now_us, struct session_action *out)
{
    if (s->command == ANSWERED || (s->command == NONE && !s->fresh))
        return false;
    *out = (struct session_action){.text = "", .data = buf_data(&s->answer), .n = s->answer.used};
    if (s->command == NONE) {
        out->type = SESSION_DO_MORE;
        s->fresh = false;
        return true;
    }
    if (s->nack) {
        out->type = SESSION_DO_NACK;
        out->text = "the command is for another IMEI";
    } else if (s->fresh) {
        out->type = SESSION_DO_ANSWER;
    } else if (now_us - s->sent_us >= s->limits.answer_us) {
        out->type = SESSION_DO_SILENT;
    } else {
        return false;
    }
    s->fresh = false;
    s->command = out->type == SESSION_DO_ANSWER ? ANSWERED : NONE;
    s->nack = false;
    s->told_ready = s->told_ready && s->command != NONE;
    return true;
}

static void tell_end(struct session *s, struct session_action *out)
{
    *out = (struct session_action){.type = SESSION_DO_CLOSE, .text = s->text, .warn = s->warn};
    s->state = OVER;
}

void session_next(struct session *s, int64_t now_us, struct session_action *out)
{
    struct avl_item item;
    *out = (struct session_action){.type = SESSION_DO_NOTHING, .text = ""};
    if (s->command == NONE && now_us - s->sent_us >= s->limits.answer_us)
        s->rest = 0;
    for (;;) {
        if (s->out_n > 0) {
            *out = (struct session_action){
                .type = SESSION_DO_SEND, .data = s->out, .n = s->out_n, .text = ""};
            s->out_n = 0;
            return;
        }
        if (s->state == CLOSING)
            tell_end(s, out);
        if (s->state == OVER)
            return;
        if (tell_command(s, now_us, out))
            return;
        if (now_us >= idle_deadline_us(s)) {
            end(s, s->state == WAIT_LOGIN, s->state == WAIT_LOGIN ? "no login" : "silent");
            continue;
        }
        if (!session_waiting(s) && avl_stream_next(&s->stream, &item)) {
            if (take_item(s, &item, out))
                return;
            continue;
        }
        if (s->eof && !session_waiting(s)) {
            end(s, false, "closed by the tracker");
            continue;
        }
        if (!s->told_ready && session_ready(s, now_us)) {
            s->told_ready = true;
            out->type = SESSION_DO_READY;
        }
        return;
    }
}

/* ---- answers of the driver ---- */

void session_judged(struct session *s, bool accepted, const char *why, int64_t now_us)
{
    const uint8_t answer = accepted ? AVL_LOGIN_ACCEPTED : AVL_LOGIN_REFUSED;
    assert(s->state == JUDGED);
    put_out(s, &answer, 1);
    if (accepted) {
        s->state = OPEN;
        s->since_us = s->heard_us = now_us;
    } else {
        end(s, true, why);
    }
}

void session_stored(struct session *s, int64_t now_us)
{
    uint8_t count[4];
    assert(s->state == STORING);
    avl_count_put(count, s->storing);
    put_out(s, count, sizeof count);
    s->state = OPEN;
    s->heard_us = now_us; /* it waited for us */
    s->acknowledged = true;
    s->told_ready = false;
}

int session_command(struct session *s, const char *text, bool codec_14, int64_t now_us,
                    struct err *err)
{
    uint8_t frame[AVL_COMMAND_BYTES];
    size_t n;
    assert(session_ready(s, now_us));
    int rc = avl_command_put(frame, &n, codec_14 ? s->imei : NULL, text, err);
    if (rc < 0)
        return rc;
    put_out(s, frame, n);
    s->command = SENT;
    s->codec_14 = codec_14;
    s->sent_us = now_us;
    s->fresh = s->nack = false;
    s->rest = 0;
    buf_clear(&s->answer);
    return ERR_OK;
}

void session_settled(struct session *s, bool settled)
{
    if (s->command != ANSWERED)
        return;
    s->command = settled ? NONE : SENT;
    s->rest = settled ? SESSION_REST : 0;
    s->told_ready = s->told_ready && !settled;
}
