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
    json_t *o = json_pack(
        "{s:s, s:o, s:o, s:I, s:I, s:I, s:i, s:o, s:i, s:I, s:I, s:s}", "peer", a->peer, "began",
        cli_time_json(a->began_us), "ended", cli_time_json(a->ended_us), "from_bytes",
        (json_int_t)a->from_bytes, "until_bytes", (json_int_t)a->until_bytes, "packets",
        (json_int_t)a->packets, "crc_errors", a->crc_errors, "errors_at", places_json(a->errors),
        "resumes", a->resumes, "bytes_lost", (json_int_t)a->bytes_lost, "duplicates",
        (json_int_t)a->duplicates, "why", a->ended);
    if (json_array_append_new(arg, o) == 0)
        return ERR_OK;
    return err_set(err, ERR_NOMEM, "no memory for JSON");
}

json_t *cli_copy_json(const struct catalogue_copy *copy)
{
    json_t *settings = json_loads(copy->settings, 0, NULL);
    return json_pack("{s:s, s:s, s:I, s:s, s:o, s:s, s:o}", "kind", copy->kind, "path", copy->path,
                     "length_bytes", (json_int_t)copy->length_bytes, "sha256", copy->sha256, "made",
                     cli_time_json(copy->made_us), "tool", copy->tool, "settings",
                     settings ? settings : json_null());
}
