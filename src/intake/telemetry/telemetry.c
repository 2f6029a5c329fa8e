/* telemetry: the trackers' server: its settings, and what it tells of what comes in. */
#include "dashspool/telemetry.h"
#include "dashspool/journey.h"
#include "tracker.h"
#include <string.h>

static const struct cfg_key keys[] = {
    {"enabled", CFG_BOOL, "yes or no", 0, 0, "no", "whether 'dashspool run' starts it"},
    {"listen", CFG_TEXT, "HOST:PORT", 0, 255, "0.0.0.0:5027",
     "address the trackers connect to (TCP); port 0: any free port; empty: TLS only", listen_check},
    {"tls_listen", CFG_TEXT, "HOST:PORT", 0, 255, "0.0.0.0:5028",
     "address for TLS connections; used once tls_cert is set", listen_check},
    LINK_CFG_TLS,
    LINK_CFG_LIMITS,
    {"login", CFG_SPAN, "time", 1000, 3600000, "30 s",
     "close a connection that has not logged in after this time"},
    {"idle", CFG_SPAN, "time", 1000, 7 * 86400000, "30 min",
     "close a connection that has been silent for this long; longer than the trackers' send "
     "period"},
    {"commit_ms", CFG_INT, "ms", 1, 60000, "250",
     "maximum time until received records are committed to disk, and acknowledged"},
    {"commit_records", CFG_INT, "records", 1, 1000000, "2000", "… or as soon as this many wait"},
    {"min_free_mib", CFG_INT, "MiB; 0: any", 0, 1 << 30, "256",
     "minimum free space on ROOT's disk; below it nothing is acknowledged"},
    {"queue_mib", CFG_INT, "MiB", 1, 16384, "64",
     "stop reading from trackers while more than this is waiting to be written"},
};
const struct cfg_section telemetry_cfg_section = {"telemetry", keys, sizeof keys / sizeof *keys};

enum {
    QUIET_US = 2 * 1000000,     /* after the login, before a command */
    ANSWER_US = 120 * 1000000,  /* trackers wait for their camera */
    WRONG_MAX = 3,              /* frames in a row */
    STATUS_BYTES_MAX = 4 << 20, /* 20 bytes a tracker */
};

struct server {
    struct trackers trackers; /* the first: the links' argument */
    struct links *links;
    const struct cfg *cfg;
    struct standing *standing;
    uint64_t records; /* at the last look */
    int64_t looked_us;
    double rate;
};

static int64_t get(const struct server *s, const char *key)
{
    return cfg_int(s->cfg, telemetry_cfg_section.name, key);
}

/* Smoothed over some four looks. */
static void take_rate(struct server *s, uint64_t records)
{
    int64_t now_us = clock_mono_us();
    double seconds = (double)(now_us - s->looked_us) / 1e6;
    if (s->looked_us && seconds < 0.1)
        return;
    if (s->looked_us)
        s->rate = 0.7 * s->rate + 0.3 * (double)(records - s->records) / seconds;
    s->records = records;
    s->looked_us = now_us;
}

/* Called once a second or so. trackers: the IMEIs of those that are connected. */
static void add_status(void *arg, json_t *o)
{
    struct server *s = arg;
    const struct inbox_stats *st = inbox_stats(s->trackers.inbox);
    const char *trouble = inbox_trouble(s->trackers.inbox);
    json_t *imeis = json_array();
    take_rate(s, st->records);
    for (struct link *l = s->links->first; l; l = l->next)
        if (l->by_imei.self)
            json_array_append_new(imeis, json_string(l->imei));
    json_t *more =
        json_pack("{s:I, s:I, s:I, s:I, s:f, s:o, s:I, s:o}", "records", (json_int_t)st->records,
                  "stored", (json_int_t)st->stored, "known", (json_int_t)st->known, "wrong_frames",
                  (json_int_t)s->trackers.wrong, "rate", s->rate, "trouble",
                  trouble ? link_text_json(trouble) : json_null(), "logged_in",
                  (json_int_t)json_array_size(imeis), "trackers", imeis);
    json_object_update(o, more);
    json_decref(more);
}

static void on_room(void *arg)
{
    links_drain(arg);
}

static void on_new(void *arg, const char *imei, int64_t from_ms, int64_t until_ms)
{
    struct server *s = arg;
    desk_records(s->trackers.desk, imei, from_ms, until_ms);
}

static void on_due(void *arg, const char *imei)
{
    const struct server *s = arg;
    const struct table_link *l = table_find(&s->links->by_imei, imei, NULL);
    if (l)
        tracker_due(l->owner);
}

static int open_stores(void *arg, struct links *all, const char *root, struct err *err)
{
    struct server *s = arg;
    const struct inbox_options options = {
        .commit_ms = get(s, "commit_ms"),
        .commit_records = (size_t)get(s, "commit_records"),
        .queued_bytes = (size_t)get(s, "queue_mib") << 20,
        .free_bytes_min = get(s, "min_free_mib") << 20,
        .on_room = on_room,
        .on_room_arg = all,
        .on_new = on_new,
        .on_new_arg = s,
        .standing = s->standing,
    };
    const struct desk_options desk = {
        .window_us = journey_window_us(s->cfg), .standing = s->standing, .due = on_due, .arg = s};
    s->links = all;
    int rc = inbox_open(&s->trackers.inbox, root, all->loop, &options, err);
    return rc < 0 ? rc : desk_open(&s->trackers.desk, root, all->loop, &desk, err);
}

static void close_stores(void *arg)
{
    struct server *s = arg;
    inbox_close(&s->trackers.inbox); /* it tells of new records to its end */
    desk_close(&s->trackers.desk);
}

static const struct link_service service = {
    .name = "telemetry",
    .down = "server of trackers shutting down",
    .bytes = sizeof(struct tracker),
    .begin = tracker_begin,
    .feed = tracker_feed,
    .eof = tracker_eof,
    .act = tracker_act,
    .wants = tracker_wants,
    .deadline_us = tracker_deadline_us,
    .leave = tracker_leave,
    .end = tracker_end,
    .open = open_stores,
    .close = close_stores,
    .status = add_status,
    .list = "trackers",
    .status_bytes_max = STATUS_BYTES_MAX,
};

int telemetry_try(const struct cfg *cfg, const struct cfg *old, struct err *err)
{
    return link_try(service.name, cfg, old, err);
}

int telemetry_run(const char *root, const struct cfg *cfg, struct err *err)
{
    const char *name = telemetry_cfg_section.name;
    struct server s = {
        .trackers.limits = {.login_us = cfg_ms(cfg, name, "login") * 1000,
                            .idle_us = cfg_ms(cfg, name, "idle") * 1000,
                            .quiet_us = QUIET_US,
                            .answer_us = ANSWER_US,
                            .wrong_max = WRONG_MAX,
                            .length_max = AVL_LENGTH_MAX},
        .cfg = cfg,
    };
    int rc = standing_load(&s.standing, cfg, err);
    if (rc == ERR_OK) {
        standing_set_families(s.standing, journey_families(cfg));
        rc = link_serve(root, cfg, &service, &s, err);
    }
    standing_free(&s.standing);
    return rc;
}
