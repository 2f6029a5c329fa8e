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

void cli_print_timing(const struct recipe_settings *s)
{
    for (int i = 0; i < s->n_sources; i++)
        printf("%s%s %.6g", i ? ", " : "             rate: ", s->source[i].name, s->source[i].fps);
    if (s->n_sources > 0)
        printf("%s\n", s->sources_disagree ? ": they disagree" : "");
    if (s->has_wall)
        printf("             began %s ±%g s (%s: %s)\n", s->wall_start, s->wall_error_s,
               s->wall_source, s->wall_why);
    if (s->silences > 0)
        printf("             silence inserted for missing sound: %lld gaps, %.2f s in total\n",
               (long long)s->silences, s->silence_s);
    if (s->slices_sha256[0])
        printf("             coded slices identical to the original: SHA-256 %s\n",
               s->slices_sha256);
}
