/* request, requests: footage that is asked for at a tracker, and what became of it. */
#include "cli_internal.h"
#include "dashspool/camreq.h"
#include "dashspool/clock.h"
#include "dashspool/records.h"
#include "dashspool/requests.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define S_US INT64_C(1000000)

static const char *time_text(int64_t us, char out[CLOCK_TEXT_ROOM])
{
    clock_rfc3339(us, 0, out);
    return out;
}

/* ---- what shows the same time ---- */

/* A file of another trigger is never the answer to a request, but may show what is sought. */
struct covering {
    const struct requests_request *r;
    json_t *ids;
    json_t *own; /* its answers, by id */
};

static int note_own(void *arg, const struct requests_file *f, struct err *err)
{
    const struct covering *c = arg;
    (void)err;
    json_object_set_new(c->own, cli_shown(f->transfer), json_null());
    return ERR_OK;
}

static bool is_of_cameras(const struct camreq *what, const char *camera)
{
    if (strcmp(what->camera, "both") == 0)
        return strcmp(camera, "front") == 0 || strcmp(camera, "rear") == 0;
    return strcmp(strcmp(what->camera, "dashcam") == 0 ? "front" : what->camera, camera) == 0;
}

static int add_covering(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    const struct covering *c = arg;
    const struct camreq *w = &c->r->what;
    int64_t from_us = w->time_s * S_US, until_us = from_us + (w->seconds ? w->seconds : 1) * S_US;
    int64_t length_us = (t->length_s > 0 ? t->length_s : 1) * S_US;
    (void)err;
    if (t->known & (CATALOGUE_TIME_OK | CATALOGUE_TIME_NAMED) && is_of_cameras(w, t->camera) &&
        t->time_us < until_us && t->time_us + length_us > from_us &&
        !json_object_get(c->own, cli_shown(t->id)))
        json_array_append_new(c->ids, json_string(t->id));
    return ERR_OK;
}

/* The ids of stored videos of this time but its own; none for a photo of now. */
static int covering(struct catalogue *c, const struct requests_request *r, json_t **out,
                    struct err *err)
{
    static const int64_t longest_us = 600 * S_US;
    const struct camreq *w = &r->what;
    const struct catalogue_filter filter = {.imei = r->imei,
                                            .kind = "video",
                                            .states = 1 << CATALOGUE_STORED,
                                            .since_us = w->time_s * S_US - longest_us,
                                            .until_us = (w->time_s + CAMREQ_SECONDS_MAX) * S_US};
    struct covering found = {r, json_array(), json_object()};
    *out = found.ids;
    int rc = ERR_OK;
    if (w->time_s > 0 && (rc = requests_file_each(c, r->id, note_own, &found, err)) == ERR_OK)
        rc = catalogue_transfer_each(c, &filter, add_covering, &found, err);
    json_decref(found.own);
    return rc;
}

/* ---- request ---- */

struct asking {
    const char *imei, *camera, *resolution, *host, *reason, *who, *login, *password, *codec;
    int64_t at_us;
    int seconds, port, com;
    bool text, sms, json;
};

/* "10s", "10" */
static int set_seconds(void *at, const char *text, struct err *err)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (end == text || errno != 0 || n < 1 || n > INT16_MAX ||
        (*end && strcmp(end, "s") != 0 && strcmp(end, " s") != 0))
        return err_set(err, ERR_CONFIG, "expected a number of seconds, such as 10s");
    *(int *)at = (int)n;
    return ERR_OK;
}

#define AT(field) offsetof(struct asking, field)
static const struct cli_option request_options[] = {
    {OPT_TEXT("imei", "N", imei, "the tracker (IMEI); required but with --text and --sms")},
    {CLI_WORD, "camera", "C", "{}; both: two files; dashcam: with --com", .offset = AT(camera),
     .words = CAMREQ_CAMERAS},
    {CLI_TIME, "at", "T", "where the video begins: 2024-11-29T07:23:45Z, or with a zone's offset",
     .offset = AT(at_us)},
    {CLI_SET, "for", "S", "length of the video, 1 to 30: 10s", .offset = AT(seconds),
     .set = set_seconds},
    {CLI_WORD, "resolution", "SIZE",
     "of a photo: {} (default: as configured in the tracker); with --host",
     .offset = AT(resolution), .words = CAMREQ_RESOLUTIONS},
    {OPT_TEXT("host", "HOST", host,
              "where the tracker sends it (default: its configured camera server)")},
    {OPT_INT("port", "PORT", port, 1, 65535, "port of --host")},
    {OPT_INT("com", "N", com, 1, 2,
             "port of the camera, where the tracker has two of the same kind (FMx650)")},
    {CLI_TEXT, "reason", "TEXT", "why, kept in the custody record of what comes",
     .offset = AT(reason), .min = 1, .max = CATALOGUE_REASON_ROOM - 1},
    {CLI_TEXT, "who", "NAME", "who asks (default: your user name)", .offset = AT(who), .min = 1,
     .max = REQUESTS_WHO_ROOM - 1},
    {CLI_WORD, "codec", "N",
     "frame of the command: {}; 14 names the tracker and needs newer firmware (default 12)",
     .offset = AT(codec), .words = "12 14"},
    {OPT_FLAG("text", text, "print the command and queue nothing")},
    {OPT_FLAG("sms", sms, "print the command as an SMS to the tracker and queue nothing")},
    {OPT_TEXT("login", "NAME", login, "with --sms: the tracker's SMS login (default: none set)")},
    {OPT_TEXT("password", "WORD", password, "with --sms: its SMS password")},
    {OPT_FLAG("json", json, "print the request as JSON")},
    {0}};
#undef AT

static void take_text(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text ? text : "");
}

/* dsm and adas are the photo of the driver camera, and what the road camera has. */
static int kind_of(const char *word, const struct asking *o, struct camreq *what)
{
    bool dsm = strcmp(word, "dsm") == 0, adas = strcmp(word, "adas") == 0;
    int kind = dsm    ? CAMREQ_PHOTO
               : adas ? o->seconds ? CAMREQ_VIDEO : CAMREQ_PHOTO
                      : camreq_kind_value(word);
    if (kind < 0)
        return cli_usage("request",
                         "%s: expected video, photo, dsm, adas, version, format or restart",
                         cli_shown(word));
    what->kind = (enum camreq_kind)kind;
    if ((dsm || adas) && o->camera && strcmp(o->camera, dsm ? "driver" : "road") != 0)
        return cli_usage("request", "%s is of the %s camera: leave out --camera", word,
                         dsm ? "driver" : "road");
    take_text(what->camera, sizeof what->camera, dsm ? "driver" : adas ? "road" : o->camera);
    return CLI_OK;
}

static int print_command(const struct camreq *what, const struct asking *o)
{
    struct err err;
    char command[CAMREQ_COMMAND_ROOM], sms[CAMREQ_COMMAND_ROOM];
    int rc = camreq_command(command, what, clock_utc_us() / S_US, &err);
    if (rc == ERR_OK && o->sms)
        rc = camreq_sms(sms, command, o->login, o->password, &err);
    if (rc < 0)
        return cli_fail_or_usage("request", &err);
    puts(o->sms ? sms : command);
    return CLI_OK;
}

static json_t *request_json(const struct requests_request *r);

static int is_known(void *arg, const struct records_latest *latest, struct err *err)
{
    (void)latest, (void)err;
    *(bool *)arg = true;
    return ERR_OK;
}

/* What may keep it from ever being sent, or answered: a person finds out now, not in three days. */
static void print_doubts(const struct cli *cli, const struct requests_request *r)
{
    struct records *records = NULL;
    struct err err;
    bool known = false;
    int rc = records_open(&records, cli->root, RECORDS_READ, &err);
    if (rc == ERR_OK)
        rc = records_latest(records, r->imei, is_known, &known, &err);
    records_close(&records);
    if (!known && (rc == ERR_OK || rc == ERR_NOTFOUND))
        printf("No tracker with this IMEI has sent records here yet: is the IMEI right, and the "
               "tracker pointed here?\n");
    if (!cfg_bool(cli->cfg, "telemetry", "enabled"))
        printf("[telemetry] is not enabled: it is sent only while somebody runs 'dashspool "
               "telemetry'; with enabled = yes, 'dashspool run' does.\n");
    if (r->what.time_s > 0 && r->what.time_s * S_US < r->added_us - REQUESTS_LIFE_US)
        printf("This time is more than 72 hours ago: memory cards are usually overwritten by "
               "then.\n");
}

static int queue(struct cli *cli, const struct asking *o, struct requests_request *r)
{
    struct catalogue *c = NULL;
    struct err err;
    char until[CLOCK_TEXT_ROOM];
    int rc = cli_catalogue_open(cli, "request", &c);
    if (rc != CLI_OK)
        return rc;
    json_t *here = NULL;
    int added = requests_add(c, r, clock_utc_us(), &err);
    if (added == ERR_OK)
        added = covering(c, r, &here, &err);
    catalogue_close(&c);
    if (added < 0) {
        json_decref(here);
        return cli_fail_or_usage("request", &err);
    }
    if (o->json) {
        json_t *json = request_json(r);
        json_object_set_new(json, "covered_by", here);
        return cli_print_json("request", json);
    }
    printf("request %" PRId64 " queued: %s\n", r->id, r->command);
    printf("It is sent when the tracker connects, until %s; see 'dashspool requests'.\n",
           time_text(r->expires_us, until));
    print_doubts(cli, r);
    for (size_t i = 0; i < json_array_size(here); i++)
        printf("Stored already, of the same time: %s\n",
               cli_shown(json_string_value(json_array_get(here, i))));
    json_decref(here);
    return CLI_OK;
}

static int run_request(struct cli *cli, const struct cli_args *args)
{
    const struct asking *o = args->options;
    struct requests_request r = {.codec = o->codec && strcmp(o->codec, "14") == 0 ? 14 : 12};
    struct camreq *what = &r.what;
    int rc = kind_of(args->operand[0], o, what);
    if (rc != CLI_OK)
        return rc;
    if ((o->login || o->password) && !o->sms)
        return cli_usage("request", "--login and --password go with --sms");
    if (o->text && o->sms)
        return cli_usage("request", "give either --text or --sms");
    if (o->host && strlen(o->host) >= sizeof what->host)
        return cli_usage("request", "--host: the name is too long");
    if (!o->imei && !o->text && !o->sms)
        return cli_usage("request", "give the tracker with --imei");
    if (o->imei && strlen(o->imei) >= sizeof r.imei)
        return cli_usage("request", "--imei %s: expected 15 digits", cli_shown(o->imei));
    what->time_s = o->at_us / S_US;
    what->seconds = o->seconds;
    what->port = o->port;
    what->com = o->com;
    take_text(what->resolution, sizeof what->resolution, o->resolution);
    take_text(what->host, sizeof what->host, o->host);
    take_text(r.imei, sizeof r.imei, o->imei);
    take_text(r.by, sizeof r.by, o->who ? o->who : cli_user_name());
    take_text(r.reason, sizeof r.reason, o->reason);
    return o->text || o->sms ? print_command(what, o) : queue(cli, o, &r);
}

const struct cli_command cli_request = {
    .name = "request",
    .group = CLI_RECEIVE,
    .summary = "ask a tracker for footage",
    .forms = "video --imei N --camera C --at T --for S [OPTIONS]\n"
             "photo --imei N --camera C [--resolution SIZE] [OPTIONS]\n"
             "dsm --imei N [OPTIONS]\n"
             "adas --imei N --at T [--for S] [OPTIONS]\n"
             "version|format|restart --imei N [--camera C] [OPTIONS]",
    .prose = "Ask a tracker for a video or photo of its cameras, or for the version of their "
             "firmware; or make it format a camera's memory card or restart a camera, which is "
             "sent once at most. The request is queued, and sent by 'dashspool telemetry' when the "
             "tracker connects; what comes of it is listed by 'dashspool requests'. dsm: the "
             "current photo of the driver camera; adas: a video of the road camera, without --for "
             "a photo of that time.",
    .options = request_options,
    .example = "dashspool request video --imei 352093081452251 --camera both "
               "--at 2024-11-29T07:23:45Z --for 10s --reason 'claim 17'",
    .operand = "WHAT",
    .operands_min = 1,
    .operands_max = 1,
    .operands_missing = "say what: video, photo, dsm, adas, version, format or restart",
    .room = sizeof(struct asking),
    .run = run_request,
};

/* ---- requests ---- */

struct listing {
    const char *imei;
    int64_t since_us;
    bool open, json;
    struct catalogue *c;
    int n;
};

#define AT(field) offsetof(struct listing, field)
static const struct cli_option requests_options[] = {
    {OPT_TEXT("imei", "N", imei, "of this tracker (IMEI)")},
    {CLI_TIME, "since", "T", "asked for at or after T (2024-11-29, or 2024-11-29T07:00:00Z)",
     .offset = AT(since_us)},
    {OPT_FLAG("open", open, "only those that are not over")},
    {OPT_FLAG("json", json, "as JSON, with their events and files")},
    {0}};
#undef AT

static const char *const wait_words[] = {"contact",     "ignition",   "front camera",
                                         "rear camera", "older file", "file"};

static json_t *waits_json(unsigned waits)
{
    json_t *all = json_array();
    for (size_t i = 0; i < sizeof wait_words / sizeof *wait_words; i++)
        if (waits & 1u << i)
            json_array_append_new(all, json_string(wait_words[i]));
    return all;
}

/* What is not there is null. */
static json_t *time_json(int64_t us)
{
    char text[CLOCK_TEXT_ROOM];
    return us > 0 ? json_string(time_text(us, text)) : json_null();
}

static json_t *text_json(const char *text)
{
    return *text ? json_string(cli_shown(text)) : json_null();
}

static json_t *request_json(const struct requests_request *r)
{
    const struct camreq *w = &r->what;
    return json_pack(
        "{s:I, s:s, s:s, s:o, s:o, s:i, s:o, s:o, s:i, s:i, s:i, s:s, s:o, s:o, s:s, s:o, s:o, s:o,"
        " s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o}",
        "id", (json_int_t)r->id, "imei", r->imei, "kind", camreq_kind_name(w->kind), "camera",
        text_json(w->camera), "time", time_json(w->time_s * S_US), "seconds", w->seconds,
        "resolution", text_json(w->resolution), "host", text_json(w->host), "port", w->port, "com",
        w->com, "codec", r->codec, "command", cli_shown(r->command), "by", text_json(r->by),
        "reason", text_json(r->reason), "state", requests_state_name(r->state), "waits_for",
        waits_json(r->waits), "why", text_json(r->why), "words", text_json(r->words), "sent",
        r->sent, "files_due", r->files_due, "files_stored", r->files, "added",
        time_json(r->added_us), "changed", time_json(r->changed_us), "not_before",
        time_json(r->not_before_us), "expires", time_json(r->expires_us), "answered_time",
        time_json(r->answered_s * S_US));
}

static int event_json(void *arg, const struct requests_event *e, struct err *err)
{
    (void)err;
    json_array_append_new(arg, json_pack("{s:o, s:s, s:o, s:o}", "at", time_json(e->at_us), "state",
                                         requests_state_name(e->state), "what", text_json(e->what),
                                         "words", text_json(e->words)));
    return ERR_OK;
}

static int file_json(void *arg, const struct requests_file *f, struct err *err)
{
    (void)err;
    json_array_append_new(arg,
                          json_pack("{s:s, s:s, s:o, s:b, s:b}", "transfer", cli_shown(f->transfer),
                                    "camera", cli_shown(f->camera), "at", time_json(f->at_us),
                                    "complete", f->complete, "by_order", f->by_order));
    return ERR_OK;
}

static int whole_json(struct catalogue *c, const struct requests_request *r, json_t **out,
                      struct err *err)
{
    json_t *o = request_json(r), *events = json_array(), *files = json_array();
    int rc = requests_event_each(c, r->id, event_json, events, err);
    if (rc == ERR_OK)
        rc = requests_file_each(c, r->id, file_json, files, err);
    json_t *here = NULL;
    if (rc == ERR_OK)
        rc = covering(c, r, &here, err);
    json_object_set_new(o, "events", events);
    json_object_set_new(o, "files", files);
    json_object_set_new(o, "covered_by", here);
    *out = o;
    return rc;
}

/* "front video of 2024-11-29T07:23:45Z, 10 s" */
static const char *what_text(const struct requests_request *r, char out[120])
{
    const struct camreq *w = &r->what;
    char at[CLOCK_TEXT_ROOM], when[CLOCK_TEXT_ROOM + 4] = "", length[16] = "";
    if (w->time_s > 0)
        snprintf(when, sizeof when, " of %s", time_text(w->time_s * S_US, at));
    if (w->seconds > 0)
        snprintf(length, sizeof length, ", %d s", w->seconds);
    snprintf(out, 120, "%s%s%s%s%s", w->camera, w->camera[0] ? " " : "", camreq_kind_name(w->kind),
             when, length);
    return out;
}

static int list_request(void *arg, const struct requests_request *r, struct err *err)
{
    struct listing *l = arg;
    char what[120];
    if (ferror(stdout))
        return err_set(err, ERR_IO, "cannot write to standard output");
    if (l->json) {
        json_t *o;
        int rc = whole_json(l->c, r, &o, err);
        char *text = rc == ERR_OK ? json_dumps(o, JSON_INDENT(2)) : NULL;
        json_decref(o);
        if (rc == ERR_OK && !text)
            return err_nomem(err, "a request");
        if (text)
            cli_print_json_item(l->n++ == 0, text);
        free(text);
        return rc;
    }
    l->n++;
    printf("%5" PRId64 "  %-10s  %-15s  %s, by %s: %s\n", r->id, requests_state_name(r->state),
           r->imei, what_text(r, what), cli_shown(r->by), cli_shown(r->why));
    return ERR_OK;
}

static int list(struct listing *l)
{
    const struct requests_filter filter = {
        .imei = l->imei, .states = l->open ? REQUESTS_OPEN : 0, .since_us = l->since_us};
    struct err err;
    int rc = requests_each(l->c, &filter, list_request, l, &err);
    if (rc == ERR_OK && l->json) /* one that is not ended is no JSON: nobody takes it for all */
        puts(l->n == 0 ? "[]" : "\n]");
    if (rc == ERR_OK && fflush(stdout) != 0)
        rc = err_set(&err, ERR_IO, "cannot write to standard output");
    if (rc < 0)
        return cli_fail("requests", &err);
    if (l->n == 0 && !l->json)
        fputs(l->imei || l->open || l->since_us ? "no such requests\n"
                                                : "no requests; ask with 'dashspool request'\n",
              stderr);
    return CLI_OK;
}

/* ---- one of them ---- */

static int print_event(void *arg, const struct requests_event *e, struct err *err)
{
    char at[CLOCK_TEXT_ROOM];
    (void)arg;
    (void)err;
    printf("  %s  %-10s  %s\n", time_text(e->at_us, at), requests_state_name(e->state),
           cli_shown(e->what));
    if (e->words[0])
        printf("  %-32s  the tracker: %s\n", "", cli_shown(e->words));
    return ERR_OK;
}

static int print_file(void *arg, const struct requests_file *f, struct err *err)
{
    (void)arg;
    (void)err;
    printf("  file       %s%s%s\n", cli_shown(f->transfer), f->complete ? "" : ", not complete",
           f->by_order ? ", matched by order of arrival" : "");
    return ERR_OK;
}

static int show(const struct listing *l, int64_t id)
{
    struct requests_request r;
    struct err err;
    json_t *o = NULL;
    char what[120], text[CLOCK_TEXT_ROOM];
    if (requests_get(l->c, id, &r, &err) < 0)
        return cli_fail("requests", &err);
    if (l->json) {
        if (whole_json(l->c, &r, &o, &err) == ERR_OK)
            return cli_print_json("requests", o);
        json_decref(o);
        return cli_fail("requests", &err);
    }
    printf("request %" PRId64 ": %s\n", r.id, requests_state_name(r.state));
    printf("  of         %s, tracker %s\n", what_text(&r, what), r.imei);
    printf("  command    %s (Codec %d)\n", cli_shown(r.command), r.codec);
    printf("  asked by   %s%s%s\n", cli_shown(r.by), r.reason[0] ? ", because: " : "",
           cli_shown(r.reason));
    if (r.state < REQUESTS_FETCHED)
        printf("  expires    %s\n", time_text(r.expires_us, text));
    json_t *here = NULL;
    int rc = requests_file_each(l->c, id, print_file, NULL, &err);
    if (rc == ERR_OK)
        rc = covering(l->c, &r, &here, &err);
    for (size_t i = 0; rc == ERR_OK && i < json_array_size(here); i++)
        printf("  same time  %s\n", cli_shown(json_string_value(json_array_get(here, i))));
    json_decref(here);
    if (rc == ERR_OK)
        rc = requests_event_each(l->c, id, print_event, NULL, &err);
    return rc < 0 ? cli_fail("requests", &err) : CLI_OK;
}

static int cancel(const struct listing *l, int64_t id, const char *who)
{
    struct requests_request r;
    struct err err;
    int rc = requests_cancel(l->c, id, who, clock_utc_us(), &err);
    if (rc == ERR_OK)
        rc = requests_get(l->c, id, &r, &err);
    if (rc < 0)
        return cli_fail("requests", &err);
    if (l->json)
        return cli_print_json("requests", request_json(&r));
    printf("request %" PRId64 ": %s\n", id, cli_shown(r.why));
    return CLI_OK;
}

static int run_requests(struct cli *cli, const struct cli_args *args)
{
    struct listing *l = args->options;
    const char *who = cli_user_name(); /* before it is shut in */
    struct err err;
    int64_t id = 0;
    int n = args->n_operands, expired;
    bool shows = n > 0 && strcmp(args->operand[0], "show") == 0;
    bool cancels = n > 0 && strcmp(args->operand[0], "cancel") == 0;
    if (n > 0) {
        char *end = NULL;
        errno = 0;
        id = n == 2 ? strtoll(args->operand[1], &end, 10) : 0;
        if ((!shows && !cancels) || id < 1 || errno != 0 || *end)
            return cli_usage("requests", "expected nothing, show ID or cancel ID (ID: a number)");
        if (l->imei || l->open || l->since_us)
            return cli_usage("requests", "--imei, --since and --open are for the list");
    }
    int rc = cli_catalogue_open(cli, "requests", &l->c);
    if (rc == CLI_OK)
        rc = cli_shut_in(cli, "requests", false);
    /* On a disk that is full they are listed all the same. */
    if (rc == CLI_OK && requests_expire(l->c, clock_utc_us(), &expired, &err) < 0)
        fprintf(stderr, "dashspool requests: what has expired is listed as open: %s\n", err.text);
    if (rc == CLI_OK)
        rc = cancels ? cancel(l, id, who) : shows ? show(l, id) : list(l);
    catalogue_close(&l->c);
    return rc;
}

const struct cli_command cli_requests = {
    .name = "requests",
    .group = CLI_RECEIVE,
    .summary = "list footage that was asked for, or cancel it",
    .forms = "[--imei N] [--since T] [--open] [--json]\nshow ID [--json]\ncancel ID [--json]",
    .prose = "List the requests for footage: their state, and what happened last. show: one of "
             "them, with each event and the tracker's own words. cancel: take one back; what the "
             "tracker has accepted already it may send none the less.",
    .options = requests_options,
    .example = "dashspool requests --open",
    .operand = "[show|cancel] ID",
    .operands_max = 2,
    .room = sizeof(struct listing),
    .run = run_requests,
};
