#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include "dashspool/log.h"
#include <errno.h>
#include <math.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int cli_fail(const char *command, const struct err *err)
{
    if (log_is_plain())
        fprintf(stderr, "dashspool %s: %s\n", command, err->text);
    else
        log_error(command, "failed", LOG_ERR(err));
    return CLI_FAILED;
}

int cli_usage(const char *command, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    if (log_is_plain()) {
        fprintf(stderr, "dashspool %s: ", command);
        vfprintf(stderr, fmt, ap);
        fprintf(stderr, "; try 'dashspool %s --help'\n", command);
    } else {
        vsnprintf(text, sizeof text, fmt, ap);
        log_error(command, "invalid usage or settings", LOG_TEXT("reason", text));
    }
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
        return cli_usage(argv[0], "option %s requires a value", what);
    return cli_usage(argv[0], "unknown option %s", what);
}

int cli_known_stages(const struct cli *cli, struct stages **stages, const char *names[STAGES_MAX],
                     struct spools_known *out, struct err *err)
{
    const struct stages_stage *s;
    *out = (struct spools_known){.name = names};
    int rc = stages_load(stages, cli->cfg, err);
    for (size_t i = 0; rc == ERR_OK && i < STAGES_MAX && (s = stages_at(*stages, i)) != NULL; i++)
        names[out->n++] = s->name;
    return rc;
}

void cli_printable(const char *text, char *out, size_t room)
{
    size_t n = 0;
    for (; text[n] && n + 1 < room; n++)
        out[n] = (char)(text[n] >= ' ' && text[n] <= '~' ? text[n] : '?');
    out[n] = '\0';
}

const char *cli_user_name(void)
{
    const struct passwd *p = getpwuid(getuid());
    return p ? p->pw_name : "somebody";
}

bool cli_number(const char *command, const char *option, const char *text, double min, double max,
                double *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtod(text, &end);
    if (*text && !*end && errno == 0 && isfinite(*out) && *out >= min && *out <= max)
        return true;
    cli_usage(command, "%s %s: expected a number from %g to %g", option, text, min, max);
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
        printf("             silence inserted for missing sound: %lld gaps, %.2f s in total\n",
               (long long)json_integer_value(json_object_get(silence, "stretches")),
               json_number_value(json_object_get(silence, "seconds")));
    const char *slices = json_string_value(json_object_get(s, "slices_sha256"));
    if (slices)
        printf("             coded slices identical to the original: SHA-256 %s\n", slices);
}
