/* show: all that is known of a transfer. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include "dashspool/journey.h"
#include "dashspool/reader.h"
#include "dashspool/review.h"
#include "dashspool/wire.h"
#include "terminal.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void show_time(const struct catalogue_transfer *t)
{
    char utc[CLOCK_TEXT_ROOM], zone[CLOCK_TEXT_ROOM] = "zone unknown";
    int tz = t->known & CATALOGUE_ZONE_OK ? t->tz_min : 0;
    if (t->known & CATALOGUE_ZONE_OK)
        clock_zone(t->tz_min, zone);
    clock_rfc3339(t->time_us, 3, utc);
    struct clock_civil c = clock_civil_from_utc(t->time_us, tz);
    if (t->known & CATALOGUE_TIME_OK)
        printf("  time       %04d-%02d-%02d %02d:%02d:%02d local (%s), %s\n", c.year, c.month,
               c.day, c.hour, c.minute, c.second, zone, utc);
    else
        printf("  time       unknown: the camera reports %s, which is implausible\n", utc);
}

/* told_by: who told its time, or the zone of it. */
static void show_metadata(const struct catalogue_transfer *t, const char *told_by,
                          bool private_mode)
{
    struct wire_meta m = {0};
    if (t->known & (CATALOGUE_TIME_NAMED | CATALOGUE_TIME_TOLD)) {
        show_time(t);
        printf("  metadata   none; time %s",
               t->known & CATALOGUE_TIME_NAMED ? "taken from the file name" : "as told");
        if (t->known & CATALOGUE_ZONE_OK)
            printf("%s by %s on import",
                   t->known & CATALOGUE_TIME_NAMED ? ", its time zone as told" : "",
                   cli_shown(told_by));
        putchar('\n');
        return;
    }
    if (!facts_metadata_form(t, &m)) {
        printf("  metadata   %s; time, position and trigger unknown\n",
               t->wire.meta_n ? "unreadable" : "none");
        return;
    }
    show_time(t);
    if (private_mode)
        printf("  position   hidden: its driver was in private mode\n");
    else if (t->known & CATALOGUE_POSITION_OK)
        printf("  position   %.6f, %.6f (WGS 84)\n", t->lat_deg, t->lon_deg);
    else if (m.present & WIRE_META_POSITION)
        printf("  position   unknown: the camera reports %g, %g\n", t->lat_deg, t->lon_deg);
    if (t->trigger_name[0]) {
        printf("  trigger    %s", cli_shown(t->trigger_name));
        if (t->known & CATALOGUE_TRIGGER_TIME_OK)
            printf(", %+.2f s into the clip", (double)(t->trigger_time_us - t->time_us) / 1e6);
        printf("\n");
    }
    /* What a driver camera says. */
    char events[WIRE_EVENTS_ROOM];
    if (m.present & WIRE_META_DRIVER && t->known & CATALOGUE_DRIVER_OK)
        printf("  driver     %s\n", cli_shown(t->driver));
    else if (m.present & WIRE_META_DRIVER)
        printf("  driver     not named\n");
    if (m.present & WIRE_META_EVENTS)
        printf("  events     %s\n", t->events ? wire_events_text(t->events, events) : "none");
    static const char *const forms[WIRE_N_KINDS] = {"version", "driver camera (DSM)",
                                                    "road camera (ADAS)", "JSON"};
    printf("  metadata   %s", forms[m.kind]);
    if (m.kind == WIRE_KIND_DUALCAM)
        printf(" %d", t->meta_version);
    if (m.as_text)
        printf(", from a text file of the vendor's test server");
    if (m.present & WIRE_META_LENGTH && strcmp(t->kind, "video") == 0)
        printf(", %d s", t->length_s);
    if (t->known & CATALOGUE_FPS_OK && strcmp(t->kind, "video") == 0)
        printf(", %d frames/s (nominal)", t->fps);
    printf("\n");
}

static void show_wire(const char *name, const uint8_t *data, size_t n)
{
    char hex[2 * CATALOGUE_META_ROOM + 1] = "none";
    if (n > 0)
        hash_hex_bytes(data, n, hex, sizeof hex);
    printf("  %-9s  %s\n", name, hex);
}

static int show_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct cli *cli = arg;
    char size[24];
    (void)err;
    struct recipe_settings s;
    recipe_settings_read(&s, copy->settings);
    printf("  %-9s  %s/%s\n             %s", copy->kind, cli_shown(cli->root),
           cli_shown(copy->path), size_text(copy->length_bytes, size));
    if (s.duration_s > 0)
        printf(", %lld %s, %.2f s, timing: %s", SIZE_COUNT(s.pictures, "frame", "frames"),
               s.duration_s, cli_shown(s.timing));
    printf("\n             SHA-256 %s\n", copy->sha256);
    /* The vote on the frame rate and the time of day, from a copy's settings. */
    char rates[256], dispute[MEDIA_DISPUTE_ROOM], of[MEDIA_OF_ROOM];
    media_timing_text(&s.rate, rates, sizeof rates);
    media_timing_dispute(&s.rate, dispute);
    if (rates[0])
        printf("             rate: %s%s\n", rates, media_timing_of(&s.rate, of));
    if (dispute[0])
        printf("             %s\n", dispute);
    if (s.has_wall)
        printf("             %s %s ±%g s (%s: %s)\n", s.duration_s > 0 ? "began" : "taken",
               cli_shown(s.wall_start), s.wall_error_s, cli_shown(s.wall_source),
               cli_shown(s.wall_why));
    if (s.silences > 0)
        printf("             silence inserted for missing sound: %lld %s, %.2f s in total\n",
               SIZE_COUNT(s.silences, "gap", "gaps"), s.silence_s);
    if (s.slices_sha256[0])
        printf("             coded slices identical to the original: SHA-256 %s\n",
               s.slices_sha256);
    if (s.warning[0])
        printf("             note: %s\n", cli_shown(s.warning));
    return ERR_OK;
}

/* ---- how it came ---- */

#define MAP_CELLS 60

/* A file's bytes as cells of a line. */
struct map {
    int64_t bytes; /* of the whole file */
    char cell[MAP_CELLS + 1];
    int parts;
};

/* What START promised, where the transfer does not know better: packets of 1 KiB, or bytes. */
static int64_t whole_bytes(const struct catalogue_transfer *t)
{
    struct rd r = rd_init(t->wire.start, t->wire.start_n);
    rd_be32(&r);
    int64_t count = rd_be32(&r);
    if (t->state == CATALOGUE_STORED || r.bad)
        return t->length_bytes;
    return t->wire.path_n > 0 ? count : count * 1024;
}

static int cell_of(const struct map *m, int64_t at)
{
    int64_t cell = m->bytes > 0 ? at * MAP_CELLS / m->bytes : 0;
    return (int)(cell < 0 ? 0 : cell >= MAP_CELLS ? MAP_CELLS - 1 : cell);
}

static void draw_part(struct map *m, const struct catalogue_arrival *a)
{
    const char *text = a->errors;
    for (int i = cell_of(m, a->from_bytes);
         a->until_bytes > a->from_bytes && i <= cell_of(m, a->until_bytes - 1); i++)
        m->cell[i] = m->cell[i] == '.' ? '=' : m->cell[i];
    if (m->parts++ > 0)
        m->cell[cell_of(m, a->from_bytes)] = '|';
    for (char *end; *text; text = end) {
        int64_t at = strtoll(text, &end, 10);
        if (end == text)
            return;
        m->cell[cell_of(m, at)] = '!';
    }
}

static int add_part(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    struct map *m = arg;
    (void)err;
    draw_part(m, a);
    char began[CLOCK_TEXT_ROOM];
    clock_rfc3339(a->began_us, 0, began);
    printf("  %-9s  %s from %s: bytes %lld to %lld in %.2f s, %lld packets; %s\n",
           m->parts == 1 ? "came" : "and", began, cli_shown(a->peer), (long long)a->from_bytes,
           (long long)a->until_bytes, (double)(a->ended_us - a->began_us) / 1e6,
           (long long)a->packets, cli_shown(a->ended));
    if (a->crc_errors || a->resumes || a->bytes_lost || a->duplicates)
        printf("             %lld %s, %lld %s, %lld %s discarded, %lld %s\n",
               SIZE_COUNT(a->crc_errors, "corrupt frame", "corrupt frames"),
               SIZE_COUNT(a->resumes, "retry", "retries"),
               SIZE_COUNT(a->bytes_lost, "byte", "bytes"),
               SIZE_COUNT(a->duplicates, "duplicate packet", "duplicate packets"));
    if (a->errors[0])
        printf("             corrupt frames at byte offsets %s\n", cli_shown(a->errors));
    return ERR_OK;
}

static int show_arrival(struct catalogue *c, const struct catalogue_transfer *t, struct err *err)
{
    struct map m = {.bytes = whole_bytes(t)};
    char size[24];
    memset(m.cell, '.', MAP_CELLS);
    int rc = catalogue_arrival_each(c, t->key, add_part, &m, err);
    if (rc == ERR_OK && m.parts > 0)
        printf("  map        [%s] of %s%s%s%s\n", m.cell, size_text(m.bytes, size),
               strchr(m.cell, '!') ? "; ! corrupt, sent again" : "",
               strchr(m.cell, '|') ? "; | resumed on a new connection" : "",
               strchr(m.cell, '.') ? "; . missing" : "");
    return rc;
}

static int note_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    (void)copy;
    (void)err;
    *(bool *)arg = true;
    return ERR_OK;
}

/* JSON as text that can do no harm to a terminal. */
static void show_meta(const struct catalogue_wire *w)
{
    json_t *json = NULL;
    if (w->meta_n > 0 && w->meta[0] == '{')
        json = json_loadb((const char *)w->meta, w->meta_n, JSON_DISABLE_EOF_CHECK, NULL);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    if (text)
        printf("  META       %s\n", text);
    else
        show_wire("META", w->meta, w->meta_n);
    free(text);
    json_decref(json);
}

/* ---- what its tracker said on its own link ---- */

struct said {
    int64_t records;
    bool has_event;
    struct catalogue_match event;
    char at[CLOCK_TEXT_ROOM]; /* of the event, by the tracker's clock */
};

static int what_was_said(struct catalogue *c, const struct catalogue_transfer *t, struct said *out,
                         struct err *err)
{
    int64_t bytes;
    *out = (struct said){0};
    int rc = catalogue_record_count(c, t->key, &out->records, &bytes, err);
    if (rc == ERR_OK)
        rc = catalogue_match_get(c, t->key, &out->event, &out->has_event, err);
    if (rc == ERR_OK && out->has_event)
        clock_rfc3339(out->event.time_ms * 1000, 3, out->at);
    return rc;
}

static int show_said(struct catalogue *c, const struct catalogue_transfer *t, struct err *err)
{
    struct said s;
    int rc = what_was_said(c, t, &s, err);
    if (rc < 0 || s.records == 0)
        return rc;
    printf("  telemetry  %lld %s of its tracker; 'dashspool track %s' shows them\n",
           (long long)s.records, s.records == 1 ? "record" : "records", cli_shell(t->id));
    if (s.has_event)
        printf("             event %s by the tracker, %+.3f s from the camera's time of it\n", s.at,
               (double)s.event.difference_ms / 1000);
    return ERR_OK;
}

/* Puts it into the facts, if there is any: *text is another one then. */
static int add_said(struct catalogue *c, const struct catalogue_transfer *t, char **text,
                    struct err *err)
{
    struct said s;
    int rc = what_was_said(c, t, &s, err);
    if (rc < 0 || s.records == 0)
        return rc;
    json_t *whole = json_loads(*text, 0, NULL);
    json_t *said = json_pack("{s:I}", "records", (json_int_t)s.records);
    if (s.has_event)
        json_object_set_new(said, "event",
                            json_pack("{s:s, s:I}", "time", s.at, "difference_ms",
                                      (json_int_t)s.event.difference_ms));
    free(*text);
    *text = json_object_set_new(whole, "telemetry", said) == 0
                ? json_dumps(whole, JSON_INDENT(2) | JSON_REAL_PRECISION(12))
                : NULL;
    json_decref(whole);
    return *text ? ERR_OK : err_nomem(err, "JSON");
}

static int show_as_json(struct catalogue *c, const struct catalogue_transfer *t)
{
    struct err err;
    char *text;
    if (facts_transfer(c, t, &text, &err) < 0)
        return cli_fail("show", &err);
    if (add_said(c, t, &text, &err) < 0) {
        free(text);
        return cli_fail("show", &err);
    }
    int rc = puts(text) == EOF || fflush(stdout) == EOF
                 ? err_set(&err, ERR_IO, "cannot write JSON to standard output")
                 : ERR_OK;
    free(text);
    return rc < 0 ? cli_fail("show", &err) : CLI_OK;
}

/* ---- custody ---- */

struct events {
    struct custody_chain chain;
    int64_t n;
    bool print;
    struct err broken; /* code 0: it is not */
};

static int add_event(void *arg, const char *line, struct err *err)
{
    struct events *e = arg;
    (void)err;
    e->n++;
    if (e->print)
        puts(line);
    if (e->broken.code == ERR_OK &&
        custody_next(&e->chain, line, strlen(line), &e->broken) == ERR_OK)
        e->broken.code = ERR_OK;
    return ERR_OK;
}

static int show_events(struct catalogue *c, const struct catalogue_transfer *t, struct err *err)
{
    struct events e = {0};
    int rc = catalogue_event_each(c, t->id, add_event, &e, err);
    if (rc < 0)
        return rc;
    if (e.broken.code < 0)
        printf("  custody    chain BROKEN: %s\n", e.broken.text);
    else if (e.n > 0)
        printf("  custody    %lld %s, chain intact; SHA-256 of the last line %s\n",
               SIZE_COUNT(e.n, "event", "events"), e.chain.last);
    return ERR_OK;
}

static int show_custody(struct catalogue *c, const char *id)
{
    struct events e = {.print = true};
    struct err err;
    terminal_raw(!isatty(STDOUT_FILENO)); /* their hashes are of these bytes */
    int rc = catalogue_event_each(c, id, add_event, &e, &err);
    terminal_raw(false);
    if (rc < 0)
        return cli_fail("show", &err);
    return e.broken.code < 0 ? cli_fail("show", &e.broken) : CLI_OK;
}

static int show_protection(void *arg, const struct catalogue_protection *p, struct err *err)
{
    char since[CLOCK_TEXT_ROOM], who[sizeof p->who], reason[sizeof p->reason];
    (void)arg;
    (void)err;
    clock_rfc3339(p->since_us, 0, since);
    text_shown(p->who, who, sizeof who);
    text_shown(p->reason, reason, sizeof reason);
    printf("  protected  since %s by %s: %s\n", since, who, reason);
    return ERR_OK;
}

/* Its custody outlives a transfer. */
static int show_gone(struct catalogue *c, const char *id, bool custody)
{
    struct events e = {.print = false};
    struct err err;
    if (catalogue_event_each(c, id, add_event, &e, &err) < 0)
        return cli_fail("show", &err);
    if (e.n > 0 && custody)
        return show_custody(c, id);
    err_set(&err, ERR_NOTFOUND,
            e.n > 0 ? "%s was deleted; 'dashspool show %s --custody' shows when and why"
                    : "no such transfer: %s; 'dashspool list' shows all",
            id, e.n > 0 ? cli_shell(id) : "");
    return cli_fail("show", &err);
}

/* Where a file came from. */
static int show_file(struct catalogue *c, const struct catalogue_transfer *t, struct err *err)
{
    struct catalogue_origin o;
    char text[2048], when[CLOCK_TEXT_ROOM];
    int rc = catalogue_origin_get(c, t->key, &o, err);
    if (rc < 0)
        return rc == ERR_NOTFOUND ? ERR_OK : rc;
    clock_rfc3339(o.stat.mtime_ns / 1000, 0, when);
    printf("  file       %s, of %s\n", wire_path_text(o.path, strlen(o.path), text, sizeof text),
           when);
    if (!o.whole)
        printf("             note: %s\n", cli_shown(o.note));
    return ERR_OK;
}

static int show_as_text(struct cli *cli, struct catalogue *c, const struct catalogue_transfer *t)
{
    struct err err;
    char size[24];
    bool converted = false, private_mode = false;
    int rc = catalogue_copy_each(c, t->key, note_copy, &converted, &err);
    if (rc == ERR_OK)
        rc = journey_hides(c, t, &private_mode, &err);
    char told_by[FACTS_TOLD_BY_ROOM] = "";
    if (rc == ERR_OK)
        rc = facts_told_by(c, t, told_by, &err);
    struct review_vehicle v = {.name = ""};
    if (rc == ERR_OK)
        rc = review_vehicle_get(c, t->imei, &v, &err);
    printf("%s\n", t->id);
    printf("  camera     %s of %s", t->camera,
           strcmp(t->imei, CATALOGUE_IMEI_UNKNOWN) == 0 ? "an unknown tracker" : t->imei);
    if (v.name[0] || v.plate[0] || v.group[0]) {
        printf(" (%s", cli_shown(v.name[0] ? v.name : v.plate[0] ? v.plate : v.group));
        if (v.name[0] && v.plate[0])
            printf(", %s", cli_shown(v.plate));
        printf(")");
    }
    putchar('\n');
    show_metadata(t, told_by, private_mode);
    printf("  state      %s%s\n", catalogue_state_name(t->state),
           converted && t->state == CATALOGUE_STORED ? ", converted"
           : !t->published                           ? ""
           : t->state == CATALOGUE_PARTIAL           ? ", queued as a partial transfer"
                                                     : ", queued for conversion");
    printf("  master     %s %s (%lld %s) in raw/%s.db\n", t->kind, size_text(t->length_bytes, size),
           SIZE_COUNT(t->length_bytes, "byte", "bytes"), t->day);
    if (t->sha256[0])
        printf("             SHA-256 %s\n", t->sha256);
    if (rc == ERR_OK && (rc = show_file(c, t, &err)) == ERR_OK)
        rc = show_arrival(c, t, &err);
    if (rc == ERR_OK)
        rc = show_said(c, t, &err);
    if (rc == ERR_OK) {
        const struct catalogue_wire *w = &t->wire;
        char text[4 * CATALOGUE_PATH_ROOM + 1]; /* a byte may be \xNN */
        show_wire("INIT", w->init, w->init_n);
        show_meta(w);
        show_wire("START", w->start, w->start_n);
        if (w->path_n > 0)
            printf("  PATH       %s\n", wire_path_text(w->path, w->path_n, text, sizeof text));
        rc = catalogue_copy_each(c, t->key, show_copy, cli, &err);
    }
    if (rc == ERR_OK)
        rc = catalogue_protection_each(c, t->key, show_protection, NULL, &err);
    if (rc == ERR_OK)
        rc = show_events(c, t, &err);
    return rc < 0 ? cli_fail("show", &err) : CLI_OK;
}

struct show_options {
    bool json, custody;
};

#define AT(field) offsetof(struct show_options, field)
static const struct cli_option options[] = {
    {OPT_FLAG("json", json, "the same as JSON")},
    {OPT_FLAG("custody", custody, "print its custody record: JSON lines, chained by hash")},
    {0}};

static int run(struct cli *cli, const struct cli_args *args)
{
    const struct show_options *o = args->options;
    const char *id = args->operand[0];
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct err err;
    int rc = cli_catalogue_open(cli, "show", &c);
    if (rc == CLI_OK && (rc = cli_shut_in(cli, "show", false)) != CLI_OK)
        catalogue_close(&c);
    if (rc != CLI_OK)
        return rc;
    if (catalogue_transfer_get(c, id, &t, &err) < 0)
        rc = err.code == ERR_NOTFOUND ? show_gone(c, id, o->custody) : cli_fail("show", &err);
    else
        rc = o->custody ? show_custody(c, id)
             : o->json  ? show_as_json(c, &t)
                        : show_as_text(cli, c, &t);
    catalogue_close(&c);
    return rc;
}

const struct cli_command cli_show = {
    .name = "show",
    .group = CLI_LOOK,
    .summary = "show everything known about a transfer",
    .forms = "ID [--json | --custody]",
    .prose = "Show everything known about a transfer: time, place, how it arrived, its copies.",
    .options = options,
    .example = "dashspool show 352093081452251-front-video-20241129T072345Z",
    .operand = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .operands_missing = "give exactly one ID",
    .room = sizeof(struct show_options),
    .run = run,
};
