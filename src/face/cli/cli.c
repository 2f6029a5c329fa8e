/* What the commands share: how they say what went wrong, stop, and open things. */
#include "cli_internal.h"
#include "dashspool/log.h"
#include <pwd.h>
#include <stdarg.h>
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
        const char *space = *command ? " " : "";
        fprintf(stderr, "dashspool%s%s: ", space, command);
        vfprintf(stderr, fmt, ap);
        fprintf(stderr, "; try 'dashspool%s%s --help'\n", space, command);
    } else {
        vsnprintf(text, sizeof text, fmt, ap);
        log_error(*command ? command : "dashspool", "invalid usage or settings",
                  LOG_TEXT("reason", text));
    }
    va_end(ap);
    return CLI_USAGE;
}

int cli_fail_or_usage(const char *command, const struct err *err)
{
    return err->code == ERR_CONFIG ? cli_usage(command, "%s", err->text) : cli_fail(command, err);
}

int cli_care_stages(const struct cli *cli, struct stages **stages, const char *names[STAGES_MAX],
                    struct spools_known *out, struct err *err)
{
    const struct stages_stage *s;
    *out = (struct spools_known){.name = names};
    int rc = stages_load(stages, cli->cfg, err);
    for (size_t i = 0; rc == ERR_OK && i < STAGES_MAX && (s = stages_at(*stages, i)) != NULL; i++)
        names[out->n++] = s->name;
    if (rc == ERR_OK) {
        static const char *feeds[STAGES_MAX];
        out->n_feeds = stages_feeds(*stages, "receive", feeds);
        out->feeds = feeds;
    }
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

int cli_catalogue_open(struct cli *cli, const char *command, struct catalogue **out)
{
    struct err err;
    if (catalogue_open(out, cli->root, false, &err) == ERR_OK)
        return CLI_OK;
    if (err.code == ERR_NOTFOUND)
        err_set(
            &err, ERR_NOTFOUND,
            "%s: no catalogue found; give the right directory with --root, or receive a file first",
            cli->root);
    return cli_fail(command, &err);
}

int cli_transfer_get(struct catalogue *c, const char *command, const char *id,
                     struct catalogue_transfer *t)
{
    struct err err;
    if (catalogue_transfer_get(c, id, t, &err) == ERR_OK)
        return CLI_OK;
    if (err.code == ERR_NOTFOUND)
        err_set(&err, ERR_NOTFOUND, "no such transfer: %s; 'dashspool list' shows all", id);
    return cli_fail(command, &err);
}
