/* What the commands share: how they say what went wrong, stop, and open things. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/sandbox.h"
#include "dashspool/site.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char hint[160];

void cli_root_is_of(const char *user)
{
    snprintf(hint, sizeof hint, "; ROOT belongs to %.64s: sudo -u %.64s dashspool …", user, user);
}

const char *cli_whose_root(const struct err *err)
{
    return err->sys_errno == EACCES || err->sys_errno == EPERM ? hint : "";
}

int cli_fail(const char *command, const struct err *err)
{
    if (log_is_plain())
        fprintf(stderr, "dashspool %s: %s%s\n", command, err->text, cli_whose_root(err));
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
        vsnprintf(text, sizeof text, fmt, ap);
        fprintf(stderr, "%s", cli_shown(text));
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

enum { SHOWN = 8, SHOWN_ROOM = 4 * 4096 + 24 };

static char *shown_room(void)
{
    static char room[SHOWN][SHOWN_ROOM];
    static unsigned next;
    return room[next++ % SHOWN];
}

const char *cli_shown(const char *text)
{
    return text_shown(text, shown_room(), SHOWN_ROOM);
}

const char *cli_shell(const char *text)
{
    return text_shell(text, shown_room(), SHOWN_ROOM);
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

void cli_print_json_item(bool first, const char *text)
{
    fputs(first ? "[" : ",", stdout);
    for (const char *line = text, *end = text; end; line = end + 1) {
        end = strchr(line, '\n');
        fputs("\n  ", stdout);
        fwrite(line, 1, end ? (size_t)(end - line) : strlen(line), stdout);
    }
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

int cli_shut_in(const struct cli *cli, const char *command, bool repairs)
{
    static const char *const folders[] = {"", "/raw", "/spool", "/archive", "/packages"};
    static const char *const files[] = {"/catalogue.db", "/catalogue.db-wal", "/catalogue.db-shm"};
    enum { FOLDERS = sizeof folders / sizeof *folders, FILES = sizeof files / sizeof *files };
    char *folder[FOLDERS + 1] = {NULL}, *file[FILES + 1] = {NULL};
    struct sandbox_report report;
    struct err err;
    int rc = ERR_OK, n = 0;
    for (int i = 0; rc == ERR_OK && i < FOLDERS; i++) {
        rc = fsx_path(&folder[n], &err, "%s%s", cli->root, folders[i]);
        if (rc == ERR_OK && access(folder[n], F_OK) == 0)
            n++;
        else
            free(folder[n]);
    }
    folder[n] = NULL;
    for (int i = 0; rc == ERR_OK && i < FILES; i++)
        rc = fsx_path(&file[i], &err, "%s%s", cli->root, files[i]);
    struct sandbox_rules rules = {.kind = SANDBOX_WATCHER,
                                  .stage = command,
                                  .reads = (const char *const[]){CLOCK_TZ_DATABASE, NULL},
                                  .connects = site_reads(site_used())};
    if (repairs) {
        rules.write_dirs = (const char *const *)folder;
    } else {
        rules.read_dirs = (const char *const *)folder;
        rules.write_files = (const char *const *)file;
    }
    if (rc == ERR_OK)
        rc = sandbox_enter(&rules, &report, &err);
    if (rc == ERR_OK && report.missing[0])
        log_debug(command, "sandbox incomplete", LOG_TEXT("reason", report.missing));
    for (int i = 0; i < FOLDERS; i++)
        free(folder[i]);
    for (int i = 0; i < FILES; i++)
        free(file[i]);
    return rc < 0 ? cli_fail(command, &err) : CLI_OK;
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
