#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include "dashspool/master.h"
#include "dashspool/review.h"
#include "master_internal.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *instant_json(int64_t utc_us, int digits)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(utc_us, digits, text);
    return json_string(text);
}

static json_t *time_json(int64_t utc_us)
{
    return instant_json(utc_us, 3);
}

static json_t *hex_json(const uint8_t *data, size_t n)
{
    char text[2 * CATALOGUE_META_ROOM + 1];
    if (n == 0)
        return json_null();
    hash_hex_bytes(data, n, text, sizeof text);
    return json_string(text);
}

const char *facts_metadata_form(const struct catalogue_transfer *t, struct wire_meta *out)
{
    struct err err;
    if (!(t->known & CATALOGUE_HAS_META) ||
        wire_meta_parse(t->wire.meta, t->wire.meta_n, t->protocol_id, t->arrived_us, out, &err) < 0)
        return NULL;
    return wire_meta_form(out);
}

static json_t *path_json(const struct catalogue_wire *w)
{
    char text[4 * CATALOGUE_PATH_ROOM + 1];
    return w->path_n > 0 ? json_string(wire_path_text(w->path, w->path_n, text, sizeof text))
                         : json_null();
}

static json_t *metadata_json(const struct catalogue_transfer *t)
{
    struct wire_facts facts = facts_of_row(t);
    struct wire_bytes bytes = facts_bytes(&t->wire);
    char *text = wire_facts_metadata(&facts, &bytes, t->arrived_us);
    json_t *m = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    free(text);
    return m;
}

static json_t *wire_json(const struct catalogue_wire *w)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "init", hex_json(w->init, w->init_n), "meta",
                     hex_json(w->meta, w->meta_n), "start", hex_json(w->start, w->start_n), "path",
                     hex_json(w->path, w->path_n), "path_text", path_json(w));
}

/* How it came; takes the arrivals. */
static json_t *arrival_json(const struct catalogue_transfer *t, json_t *arrivals)
{
    return json_pack("{s:s, s:i, s:I, s:i, s:i, s:I, s:I, s:o}", "peer", t->peer, "protocol_id",
                     t->protocol_id, "packets", (json_int_t)t->packets, "crc_errors", t->crc_errors,
                     "resumes", t->resumes, "bytes_lost", (json_int_t)t->bytes_lost, "duplicates",
                     (json_int_t)t->duplicates, "connections", arrivals);
}

static json_t *transfer_json(const struct catalogue_transfer *t, json_t *arrivals, json_t *copies)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:I, s:s, s:o, s:o, s:o, "
                     "s:{s:s, s:I}, s:o}",
                     "id", t->id, "imei", t->imei, "camera", t->camera, "kind", t->kind, "source",
                     t->source, "state", catalogue_state_name(t->state), "published",
                     (int)t->published, "arrived", time_json(t->arrived_us), "completed",
                     t->completed_us ? time_json(t->completed_us) : json_null(), "length_bytes",
                     (json_int_t)t->length_bytes, "sha256", t->sha256, "metadata", metadata_json(t),
                     "transfer", arrival_json(t, arrivals), "wire", wire_json(&t->wire), "master",
                     "day", t->day, "key", (json_int_t)t->key, "copies", copies);
}

static int find_told_by(void *arg, const char *line, struct err *err)
{
    struct custody_record r;
    (void)err;
    custody_read(&r, line, strlen(line));
    if (r.kind == CUSTODY_RECEIVED && r.what.told_by)
        snprintf(arg, FACTS_TOLD_BY_ROOM, "%s", r.what.told_by);
    custody_record_clear(&r);
    return ERR_OK;
}

int facts_told_by(struct catalogue *c, const struct catalogue_transfer *t,
                  char out[FACTS_TOLD_BY_ROOM], struct err *err)
{
    snprintf(out, FACTS_TOLD_BY_ROOM, "somebody");
    return catalogue_event_each(c, t->id, find_told_by, out, err);
}

/* Where a file came from; null for what a camera handed over. */
static int file_json(struct catalogue *c, const struct catalogue_transfer *t, json_t **out,
                     struct err *err)
{
    struct catalogue_origin o;
    int rc = catalogue_origin_get(c, t->key, &o, err);
    *out = NULL;
    if (rc < 0)
        return rc == ERR_NOTFOUND ? ERR_OK : rc;
    size_t n = strlen(o.path), room = 4 * n + 16;
    char *text = malloc(room);
    if (!text)
        return err_nomem(err, "JSON");
    *out = json_pack("{s:s, s:o, s:b, s:o}", "path", wire_path_text(o.path, n, text, room),
                     "modified", time_json(o.stat.mtime_ns / 1000), "ends_well", (int)o.whole,
                     "note", o.note[0] ? json_string(o.note) : json_null());
    if (t->known & CATALOGUE_TIME_NAMED)
        json_object_set_new(*out, "time_of_name", time_json(t->time_us));
    if (t->known & CATALOGUE_TIME_TOLD)
        json_object_set_new(*out, "time_of_person", time_json(t->time_us));
    if (t->known & CATALOGUE_ZONE_OK && !(t->known & CATALOGUE_HAS_META))
        json_object_set_new(*out, "tz_min", json_integer(t->tz_min));
    free(text);
    return ERR_OK;
}

/* "0 2048" as [0, 2048]. */
static json_t *places_json(const char *text)
{
    json_t *places = json_array();
    for (char *end; *text; text = end) {
        json_array_append_new(places, json_integer(strtoll(text, &end, 10)));
        if (end == text)
            break;
    }
    return places;
}

static int add_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    json_t *o = json_pack(
        "{s:s, s:o, s:o, s:I, s:I, s:I, s:i, s:o, s:i, s:I, s:I, s:s}", "peer", a->peer, "began",
        instant_json(a->began_us, 6), "ended", instant_json(a->ended_us, 6), "from_bytes",
        (json_int_t)a->from_bytes, "until_bytes", (json_int_t)a->until_bytes, "packets",
        (json_int_t)a->packets, "crc_errors", a->crc_errors, "errors_at", places_json(a->errors),
        "resumes", a->resumes, "bytes_lost", (json_int_t)a->bytes_lost, "duplicates",
        (json_int_t)a->duplicates, "why", a->ended);
    if (json_array_append_new(arg, o) == 0)
        return ERR_OK;
    return err_nomem(err, "JSON");
}

static json_t *copy_json(const struct catalogue_copy *copy)
{
    json_t *settings = json_loads(copy->settings, 0, NULL);
    return json_pack("{s:s, s:s, s:I, s:s, s:o, s:s, s:o}", "kind", copy->kind, "path", copy->path,
                     "length_bytes", (json_int_t)copy->length_bytes, "sha256", copy->sha256, "made",
                     time_json(copy->made_us), "tool", copy->tool, "settings",
                     settings ? settings : json_null());
}

static int add_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    if (json_array_append_new(arg, copy_json(copy)) == 0)
        return ERR_OK;
    return err_nomem(err, "JSON");
}

int facts_connections(char **out, struct catalogue *c, int64_t key, struct err *err)
{
    json_t *arrivals = json_array();
    int rc = arrivals ? catalogue_arrival_each(c, key, add_arrival, arrivals, err) : ERR_NOMEM;
    *out = rc == ERR_OK ? json_dumps(arrivals, JSON_COMPACT) : NULL;
    json_decref(arrivals);
    return rc < 0 && rc != ERR_NOMEM ? rc : *out ? ERR_OK : err_nomem(err, "JSON");
}

/* What people call it, where they do. */
static int add_vehicle(struct catalogue *c, const struct catalogue_transfer *t, json_t *whole,
                       struct err *err)
{
    struct review_vehicle v;
    int rc = review_vehicle_get(c, t->imei, &v, err);
    if (rc < 0 || (!v.name[0] && !v.plate[0] && !v.group[0]))
        return rc;
    json_t *vehicle =
        json_pack("{s:s, s:s, s:s}", "name", v.name, "plate", v.plate, "group", v.group);
    return json_object_set_new(whole, "vehicle", vehicle) == 0 ? ERR_OK : err_nomem(err, "JSON");
}

int facts_transfer(struct catalogue *c, const struct catalogue_transfer *t, char **out,
                   struct err *err)
{
    json_t *copies = json_array(), *arrivals = json_array();
    int rc = catalogue_copy_each(c, t->key, add_copy, copies, err);
    if (rc == ERR_OK)
        rc = catalogue_arrival_each(c, t->key, add_arrival, arrivals, err);
    json_t *whole = transfer_json(t, arrivals, copies), *file = NULL; /* takes both */
    if (rc == ERR_OK)
        rc = file_json(c, t, &file, err);
    if (rc == ERR_OK)
        rc = add_vehicle(c, t, whole, err);
    if (file && json_object_set_new(whole, "file", file) < 0 && rc == ERR_OK)
        rc = err_nomem(err, "JSON");
    *out =
        rc == ERR_OK && whole ? json_dumps(whole, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(whole);
    return rc == ERR_OK && !*out ? err_nomem(err, "JSON") : rc;
}

int facts_arrival(struct catalogue *c, const struct catalogue_transfer *t, char **out,
                  struct err *err)
{
    json_t *arrivals = json_array();
    int rc = catalogue_arrival_each(c, t->key, add_arrival, arrivals, err);
    json_t *whole = json_pack("{s:s, s:o, s:o}", "id", t->id, "transfer", arrival_json(t, arrivals),
                              "wire", wire_json(&t->wire));
    *out = rc == ERR_OK && whole ? json_dumps(whole, JSON_INDENT(2)) : NULL;
    json_decref(whole);
    return rc == ERR_OK && !*out ? err_nomem(err, "JSON") : rc;
}
