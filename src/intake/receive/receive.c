/* receive: the cameras' server: its settings, its store, and what it tells of what comes in. */
#include "dashspool/receive.h"
#include "connection.h"
#include "dashspool/stages.h"
#include <stdio.h>

static const struct cfg_key keys[] = {
    {"listen", CFG_TEXT, "HOST:PORT", 0, 255, "0.0.0.0:7160",
     "address the cameras connect to; port 0: any free port; empty: TLS only", listen_check},
    {"tls_listen", CFG_TEXT, "HOST:PORT", 0, 255, "0.0.0.0:7161",
     "address for TLS connections; used once tls_cert is set", listen_check},
    LINK_CFG_TLS,
    {"allow", CFG_TEXT, "file", 0, 4000, "",
     "file of accepted IMEIs, one per line; empty: accept all. Reloaded on SIGHUP"},
    {"learn", CFG_BOOL, "yes or no", 0, 0, "no",
     "accept unknown IMEIs and add them to the allow file"},
    LINK_CFG_LIMITS,
    {"init_s", CFG_INT, "s", 1, 3600, "15",
     "close a connection that has not sent INIT after this time"},
    {"metadata_s", CFG_INT, "s", 0, 3600, "10",
     "how long to wait for metadata before continuing without; 0: do not request it"},
    {"sync_s", CFG_INT, "s", 1, 3600, "10", "how long to wait for SYNC before repeating RESUME"},
    {"stall_s", CFG_INT, "s", 1, 3600, "30", "how long to wait for data before sending RESUME"},
    {"silence_s", CFG_INT, "s", 1, 86400, "300",
     "close a connection that has been silent for this long"},
    {"repeats", CFG_INT, "times", 1, 1000, "20",
     "retries (RESUME) at one packet before the transfer is kept as partial"},
    {"packets_max", CFG_INT, "packets of 1 KiB", 1, 4194303, "1048576",
     "maximum file size; larger files are refused"},
    {"commit_ms", CFG_INT, "ms", 1, 60000, "250",
     "maximum time until received bytes are committed to disk"},
    {"commit_mib", CFG_INT, "MiB", 1, 1024, "4", "… or as soon as this many are pending"},
    {"min_free_mib", CFG_INT, "MiB; 0: any", 0, 1 << 30, "256",
     "minimum free space on ROOT's disk; below it connections are refused and transfers paused"},
    {"day_files_max", CFG_INT, "files; 0: any", 0, 1 << 30, "5000",
     "daily quota per tracker (UTC day); more is refused"},
    {"day_mib_max", CFG_INT, "MiB; 0: any", 0, 1 << 30, "20480", "likewise"},
    {"queue_mib", CFG_INT, "MiB", 1, 16384, "64",
     "stop reading from cameras while more than this is waiting to be written"},
};
const struct cfg_section receive_cfg_section = {"receive", keys, sizeof keys / sizeof *keys};

static int64_t get(const struct cfg *cfg, const char *name)
{
    return cfg_int(cfg, receive_cfg_section.name, name);
}

struct server {
    struct receiver receiver; /* the first: the links' argument */
    struct links *links;
    const struct cfg *cfg;
    struct stages *stages;
    const char *feeds[STAGES_MAX], *names[STAGES_MAX];
    struct spools_known known; /* all of them */
};

static struct wire_limits limits_from(const struct cfg *cfg)
{
    struct wire_limits l = wire_limits_default;
    l.init_us = get(cfg, "init_s") * 1000000;
    l.meta_us = get(cfg, "metadata_s") * 1000000;
    l.sync_us = get(cfg, "sync_s") * 1000000;
    l.stall_us = get(cfg, "stall_s") * 1000000;
    l.silence_us = get(cfg, "silence_s") * 1000000;
    l.repeats = (int)get(cfg, "repeats");
    l.packets_max = (uint32_t)get(cfg, "packets_max");
    return l;
}

/* ---- those that are receiving ---- */

/* Of ten thousand that are receiving only so many are told in detail: those that began first, for
 * what hangs is among them. */
enum { LIVE_MAX = 50 };

/* Smoothed over some four looks. */
static void take_rate(struct connection *c, int64_t now_us)
{
    struct stats *v = &c->stats;
    uint64_t bytes = wire_session_stats(c->session)->bytes;
    int64_t since_us = v->looked_us ? v->looked_us : c->began_us;
    double s = (double)(now_us - since_us) / 1e6;
    if (s < 0.1)
        return;
    double rate = (double)(bytes - v->bytes) / s;
    v->rate = v->looked_us ? 0.7 * v->rate + 0.3 * rate : rate;
    if (bytes != v->bytes || !v->grew_us)
        v->grew_us = now_us;
    v->bytes = bytes;
    v->looked_us = now_us;
}

/* Keeps the LIVE_MAX that began first, in that order. */
static int insert(struct connection *first[LIVE_MAX], int n, struct connection *c)
{
    int at = n < LIVE_MAX ? n : LIVE_MAX - 1;
    if (n == LIVE_MAX && c->began_us >= first[at]->began_us)
        return n;
    for (; at > 0 && c->began_us < first[at - 1]->began_us; at--)
        first[at] = first[at - 1];
    first[at] = c;
    return n < LIVE_MAX ? n + 1 : n;
}

static json_t *transfer_json(const struct connection *c, int64_t now_us)
{
    const struct wire_init *init = wire_session_init(c->session);
    const struct wire_offer *offer = wire_session_offer(c->session);
    const char *id = store_id(c->transfer);
    /* how much was there before is only known when the row is committed */
    uint64_t have = id[0] ? (uint64_t)store_have(c->transfer) : 0;
    uint64_t total = offer->mode == WIRE_BY_BYTES ? offer->size_bytes
                                                  : (uint64_t)offer->packets * WIRE_PACKET_BYTES;
    int64_t grew_us = c->stats.grew_us ? c->stats.grew_us : c->began_us;
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:I}", "imei",
                     init ? init->imei : "", "camera", offer->camera, "kind", offer->kind, "id", id,
                     "bytes", (json_int_t)(have + wire_session_stats(c->session)->bytes), "total",
                     (json_int_t)total, "rate", (json_int_t)c->stats.rate, "since",
                     link_time_json(clock_utc_us() - (now_us - c->began_us)), "quiet_s",
                     (json_int_t)((now_us - grew_us) / 1000000));
}

static void add_status(void *arg, json_t *o)
{
    struct server *s = arg;
    const struct receiver *all = &s->receiver;
    size_t jobs_waiting;
    const char *trouble = store_trouble(all->store);
    const char *jobs_trouble = store_jobs_trouble(all->store, &jobs_waiting);
    double rate = 0;
    json_t *transfers = json_array();
    /* Called once a second or so: the rates are taken between the calls. transfers: LIVE_MAX at
     * most; rate: bytes a second of all. */
    struct connection *first[LIVE_MAX];
    int64_t now_us = clock_mono_us();
    int n = 0;
    for (struct link *l = s->links->first; l; l = l->next) {
        struct connection *c = (struct connection *)l;
        if (!c->transfer)
            continue;
        take_rate(c, now_us);
        rate += c->stats.rate;
        n = insert(first, n, c);
    }
    for (int i = 0; i < n; i++)
        json_array_append_new(transfers, transfer_json(first[i], now_us));
    json_t *more = json_pack(
        "{s:i, s:I, s:I, s:o, s:I, s:o, s:o, s:o}", "receiving", all->receiving, "bytes",
        (json_int_t)all->bytes, "rate", (json_int_t)rate, "trouble",
        trouble ? link_text_json(trouble) : json_null(), "jobs_waiting", (json_int_t)jobs_waiting,
        "jobs_trouble", jobs_trouble ? link_text_json(jobs_trouble) : json_null(), "site",
        onward_json(&all->onward), "transfers", transfers);
    json_object_update(o, more);
    json_decref(more);
}

/* ---- the server ---- */

static void on_room(void *arg)
{
    links_drain(arg);
}

static int open_store(void *arg, struct links *all, const char *root, struct err *err)
{
    struct server *s = arg;
    struct onward *onward = &s->receiver.onward;
    size_t n_feeds = stages_feeds(s->stages, "receive", s->feeds);
    int rc = onward_open(onward, root, all->loop, s->feeds, n_feeds, err);
    if (rc < 0)
        return rc;
    const struct store_options options = {
        .commit_ms = get(s->cfg, "commit_ms"),
        .commit_bytes = (size_t)get(s->cfg, "commit_mib") << 20,
        .queued_bytes = (size_t)get(s->cfg, "queue_mib") << 20,
        .free_bytes_min = get(s->cfg, "min_free_mib") << 20,
        .day_files_max = get(s->cfg, "day_files_max"),
        .day_bytes_max = get(s->cfg, "day_mib_max") << 20,
        .feeds = s->feeds,
        .n_feeds = n_feeds,
        .stages = &s->known,
        .onward = onward_calls(onward),
        .on_room = on_room,
        .on_room_arg = all,
    };
    s->links = all;
    rc = store_open(&s->receiver.store, root, all->loop, &options, err);
    onward->store = s->receiver.store;
    return rc;
}

static void close_store(void *arg)
{
    struct server *s = arg;
    onward_close(&s->receiver.onward);
    store_close(&s->receiver.store);
}

static const struct link_service service = {
    .name = "receive",
    .down = "receiver shutting down",
    .bytes = sizeof(struct connection),
    .begin = connection_begin,
    .feed = connection_feed,
    .eof = connection_eof,
    .act = connection_act,
    .wants = connection_wants,
    .deadline_us = connection_deadline_us,
    .leave = connection_leave,
    .end = connection_end,
    .open = open_store,
    .close = close_store,
    .status = add_status,
    .list = "transfers",
    .status_bytes_max = 16384, /* LIVE_MAX transfers of 300 bytes, as a rule less */
};

int receive_try(const struct cfg *cfg, const struct cfg *old, struct err *err)
{
    return link_try(service.name, cfg, old, err);
}

int receive_run(const char *root, const struct cfg *cfg, struct err *err)
{
    struct server s = {.receiver.limits = limits_from(cfg), .cfg = cfg};
    int rc = stages_load(&s.stages, cfg, err);
    if (rc < 0)
        return rc;
    s.known.name = s.names;
    for (const struct stages_stage *stage; (stage = stages_at(s.stages, s.known.n));)
        s.names[s.known.n++] = stage->name;
    rc = link_serve(root, cfg, &service, &s, err);
    stages_free(&s.stages);
    return rc;
}
