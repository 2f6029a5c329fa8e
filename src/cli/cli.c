#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int cli_fail(const char *command, const struct err *err)
{
    fprintf(stderr, "dashspool %s: %s\n", command, err->text);
    return CLI_FAILED;
}

int cli_usage(const char *command, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "dashspool %s: ", command);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "; see 'dashspool %s --help'\n", command);
    va_end(ap);
    return CLI_USAGE;
}

int cli_option(int option, char **argv, const char *help)
{
    if (option == 'h') {
        fputs(help, stdout);
        return CLI_OK;
    }
    const char *what = argv[optind - 1];
    if (option == ':')
        return cli_usage(argv[0], "%s needs a value", what);
    return cli_usage(argv[0], "unknown option %s", what);
}

const char *cli_size(int64_t bytes, char out[24])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double v = (double)bytes;
    if (bytes < 1000) {
        snprintf(out, 24, "%d B", (int)bytes);
        return out;
    }
    int u = -1;
    for (; v >= 1000 && u < 3; u++)
        v /= 1000;
    snprintf(out, 24, "%.1f %s", v, units[u]);
    return out;
}

bool cli_number(const char *command, const char *option, const char *text, double min, double max,
                double *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtod(text, &end);
    if (*text && !*end && errno == 0 && isfinite(*out) && *out >= min && *out <= max)
        return true;
    cli_usage(command, "%s %s: a number from %g to %g is needed", option, text, min, max);
    return false;
}

int cli_print_json(const char *command, json_t *value)
{
    struct err err;
    int rc = value ? json_dumpf(value, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : -1;
    json_decref(value);
    if (rc == 0 && putchar('\n') != EOF && fflush(stdout) == 0)
        return CLI_OK;
    err_set(&err, ERR_IO, "cannot write JSON to standard output");
    return cli_fail(command, &err);
}

static json_t *time_json(int64_t utc_us)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(utc_us, 3, text);
    return json_string(text);
}

static json_t *hex_json(const uint8_t *data, size_t n)
{
    char text[2 * CATALOGUE_META_ROOM + 1];
    if (n == 0)
        return json_null();
    hash_hex_bytes(data, n, text, sizeof text);
    return json_string(text);
}

static json_t *position_json(const struct catalogue_transfer *t)
{
    if (!isfinite(t->lat_deg) || !isfinite(t->lon_deg))
        return json_null();
    return json_pack("{s:f, s:f}", "lat", t->lat_deg, "lon", t->lon_deg);
}

/* Each metadata value goes to where it belongs: trusted, or "untrusted". */
static json_t *metadata_json(const struct catalogue_transfer *t)
{
    if (!(t->known & CATALOGUE_HAS_META))
        return json_null();
    json_t *m = json_object(), *doubt = json_object();
#define PUT(bit, key, value) json_object_set_new(t->known &(bit) ? m : doubt, key, value)
    json_object_set_new(m, "version", json_integer(t->meta_version));
    PUT(CATALOGUE_TIME_OK, "time", time_json(t->time_us));
    json_object_set_new(m, "trigger", json_string(t->trigger_name));
    json_object_set_new(m, "length_s", json_integer(t->length_s));
    if (t->meta_version >= 2)
        PUT(CATALOGUE_FPS_OK, "fps", json_integer(t->fps));
    if (t->meta_version >= 3) {
        PUT(CATALOGUE_ZONE_OK, "tz_min", json_integer(t->tz_min));
        PUT(CATALOGUE_POSITION_OK, "position", position_json(t));
    }
    if (t->meta_version >= 4)
        PUT(CATALOGUE_TRIGGER_TIME_OK, "trigger_time", time_json(t->trigger_time_us));
#undef PUT
    json_object_set_new(m, "untrusted", doubt);
    return m;
}

json_t *cli_transfer_json(const struct catalogue_transfer *t, json_t *arrivals, json_t *copies)
{
    const struct catalogue_wire *w = &t->wire;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:I, s:s, s:o, s:{s:s, s:i, "
                     "s:I, s:i, s:i, s:I, s:I, s:o}, "
                     "s:{s:o, s:o, s:o, s:o}, s:{s:s, s:I}, s:o}",
                     "id", t->id, "imei", t->imei, "camera", t->camera, "kind", t->kind, "source",
                     t->source, "state", catalogue_state_name(t->state), "published",
                     (int)t->published, "arrived", time_json(t->arrived_us), "completed",
                     t->completed_us ? time_json(t->completed_us) : json_null(), "length_bytes",
                     (json_int_t)t->length_bytes, "sha256", t->sha256, "metadata", metadata_json(t),
                     "transfer", "peer", t->peer, "protocol_id", t->protocol_id, "packets",
                     (json_int_t)t->packets, "crc_errors", t->crc_errors, "resumes", t->resumes,
                     "bytes_lost", (json_int_t)t->bytes_lost, "duplicates",
                     (json_int_t)t->duplicates, "connections", arrivals, "wire", "init",
                     hex_json(w->init, w->init_n), "meta", hex_json(w->meta, w->meta_n), "start",
                     hex_json(w->start, w->start_n), "path", hex_json(w->path, w->path_n), "master",
                     "day", t->day, "key", (json_int_t)t->key, "copies", copies);
}

void cli_print_timing(json_t *s)
{
    json_t *rate, *sources = json_object_get(s, "sources"),
                  *wall = json_object_get(s, "wall_clock");
    const char *name, *separator = "             rate: ";
    bool dispute = json_is_true(json_object_get(s, "sources_disagree"));
    json_object_foreach(sources, name, rate)
    {
        printf("%s%s %.6g", separator, name, json_number_value(rate));
        separator = ", ";
    }
    if (json_object_size(sources) > 0)
        printf("%s\n", dispute ? ": they disagree" : "");
    if (json_is_object(wall))
        printf("             began %s ±%g s (%s: %s)\n",
               json_string_value(json_object_get(wall, "start")),
               json_number_value(json_object_get(wall, "uncertainty_s")),
               json_string_value(json_object_get(wall, "source")),
               json_string_value(json_object_get(wall, "why")));
    json_t *silence = json_object_get(s, "silence");
    if (silence)
        printf(
            "             silence was put in where sound is missing: %lld times, %.2f s in all\n",
            (long long)json_integer_value(json_object_get(silence, "stretches")),
            json_number_value(json_object_get(silence, "seconds")));
    const char *slices = json_string_value(json_object_get(s, "slices_sha256"));
    if (slices)
        printf("             slices, the same as the master's: SHA-256 %s\n", slices);
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

int cli_add_arrival_json(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    json_t *o = json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:i, s:o, s:i, s:I, s:I, s:s}", "peer",
                          a->peer, "began", time_json(a->began_us), "ended", time_json(a->ended_us),
                          "from_bytes", (json_int_t)a->from_bytes, "until_bytes",
                          (json_int_t)a->until_bytes, "packets", (json_int_t)a->packets,
                          "crc_errors", a->crc_errors, "errors_at", places_json(a->errors),
                          "resumes", a->resumes, "bytes_lost", (json_int_t)a->bytes_lost,
                          "duplicates", (json_int_t)a->duplicates, "why", a->ended);
    if (json_array_append_new(arg, o) == 0)
        return ERR_OK;
    return err_set(err, ERR_NOMEM, "no memory for JSON");
}

json_t *cli_copy_json(const struct catalogue_copy *copy)
{
    json_t *settings = json_loads(copy->settings, 0, NULL);
    return json_pack("{s:s, s:s, s:I, s:s, s:o, s:s, s:o}", "kind", copy->kind, "path", copy->path,
                     "length_bytes", (json_int_t)copy->length_bytes, "sha256", copy->sha256, "made",
                     time_json(copy->made_us), "tool", copy->tool, "settings",
                     settings ? settings : json_null());
}
