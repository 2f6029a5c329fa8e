/* tracker: one tracker's link and session, and what all of them share. */
#ifndef DASHSPOOL_TELEMETRY_TRACKER_H
#define DASHSPOOL_TELEMETRY_TRACKER_H

#include "desk.h"
#include "inbox.h"
#include "link/link.h"
#include "session.h"

struct trackers { /* what all connections share */
    struct inbox *inbox;
    struct desk *desk;
    struct session_limits limits;
    uint64_t wrong; /* frames, since the start */
};

struct tracker {
    struct link link; /* the first */
    struct trackers *trackers;
    struct session *session;
    struct inbox_frame *frame;   /* being stored; NULL: none */
    struct desk_order *order;    /* its answer is awaited; NULL: none */
    struct desk_command pending; /* its turn has come, but not yet its moment; id 0: none */
    int64_t request;             /* whose command is out; 0: none */
    int64_t settled;             /* whose it was before, and was answered */
    int64_t since_us;            /* UTC: logged in */
};

/* A request of it is open: takes up its command, if there is one and it may be sent now. */
void tracker_due(struct link *l);

/* What struct link_service asks for; the links' argument begins with a struct trackers. */
int tracker_begin(struct link *l, struct err *err) DS_MUST_CHECK;
int tracker_feed(struct link *l, const uint8_t *data, size_t n, struct err *err) DS_MUST_CHECK;
void tracker_eof(struct link *l);
bool tracker_act(struct link *l);
bool tracker_wants(const struct link *l);
int64_t tracker_deadline_us(const struct link *l);
void tracker_leave(struct link *l);
void tracker_end(struct link *l);

#endif
