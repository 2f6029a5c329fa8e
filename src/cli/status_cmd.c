/* status: one screen on what runs, and what is stuck. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/spool.h"
#include "dashspool/stages.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char status_help[] =
    "usage: dashspool status [--json]\n"
    "\n"
    "What the receiver does, what waits, what failed. Exit status 1 if something is in trouble.\n"
    "\n"
    "  --json   the same as JSON\n"
    "\n"
    "example: dashspool --root /srv/dashcam status\n";

enum { OLD_US = 10 * 1000000 }; /* the receiver writes its line every second */

/* ROOT/receive.json with "state": running, stopped, dead (it ended without saying so) or stuck. */
static json_t *receiver_json(const struct cli *cli)
{
    char *path = NULL;
    struct err err;
    int64_t updated_us = 0;
    json_t *o = NULL;
    if (fsx_path(&path, &err, "%s/receive.json", cli->root) == ERR_OK)
        o = json_load_file(path, JSON_DISABLE_EOF_CHECK, NULL);
    free(path);
    if (!json_is_object(o) || json_object_size(o) == 0) {
        json_decref(o);
        return json_pack("{s:s}", "state", "stopped");
    }
    pid_t pid = (pid_t)json_integer_value(json_object_get(o, "pid"));
    const char *updated = json_string_value(json_object_get(o, "updated"));
    bool alive = pid > 1 && (kill(pid, 0) == 0 || errno == EPERM);
    bool fresh = updated && clock_parse(updated, 0, &updated_us, NULL, &err) == ERR_OK &&
                 clock_utc_us() - updated_us < OLD_US;
    json_object_set_new(o, "state", json_string(!alive ? "dead" : fresh ? "running" : "stuck"));
    return o;
}

static json_t *stage_json(const struct cli *cli, const char *stage, struct err *err)
{
    struct spool *spool = NULL;
    struct spool_count n = {0};
    int rc = spool_open(&spool, cli->root, stage, err);
    if (rc == ERR_OK)
        rc = spool_count(spool, &n, err);
    spool_close(&spool);
    return rc < 0 ? NULL
                  : json_pack("{s:i, s:i, s:i}", "ready", n.ready, "claimed", n.claimed, "failed",
                              n.failed);
}

/* Convert, and what else is enabled; each with its jobs. NULL: err says why. */
static json_t *jobs_json(const struct cli *cli, struct err *err)
{
    struct stages *stages = NULL;
    const struct stages_stage *s;
    json_t *all = json_object();
    int rc = stages_load(&stages, cli->cfg, err);
    for (size_t i = 0; rc == ERR_OK && (s = stages_at(stages, i)) != NULL; i++) {
        if (s->kind == STAGES_RECEIVE || (s->kind == STAGES_EXEC && !s->enabled))
            continue;
        json_t *one = stage_json(cli, s->name, err);
        rc = one ? json_object_set_new(all, s->name, one) : ERR_IO;
    }
    stages_free(&stages);
    if (rc == ERR_OK)
        return all;
    json_decref(all);
    return NULL;
}

static json_t *transfers_json(struct catalogue *c, struct err *err)
{
    struct catalogue_counts n;
    if (catalogue_count(c, &n, err) < 0)
        return NULL;
    return json_pack("{s:I, s:I, s:I, s:I}", "stored", (json_int_t)n.stored, "partial",
                     (json_int_t)n.partial, "receiving", (json_int_t)n.receiving, "bytes",
                     (json_int_t)n.bytes);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static long long number_of(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

static void print_receiver(const json_t *r)
{
    size_t i;
    json_t *where;
    printf("receiver   %s", text_of(r, "state"));
    json_array_foreach(json_object_get(r, "listens"), i, where)
        printf("%s %s", i ? "," : " on", json_string_value(where));
    if (json_object_get(r, "pid"))
        printf(", process %lld since %s\n           %lld connections, %lld receiving; %lld taken, "
               "%lld refused since then",
               number_of(r, "pid"), text_of(r, "started"), number_of(r, "connections"),
               number_of(r, "receiving"), number_of(r, "taken"), number_of(r, "refused"));
    printf("\n");
    if (text_of(r, "trouble")[0])
        printf("           TROUBLE: %s\n", text_of(r, "trouble"));
    if (strcmp(text_of(r, "state"), "dead") == 0)
        printf("           it ended without saying so; start it again: what it had acknowledged is "
               "safe\n");
}

static void print_text(const struct cli *cli, const json_t *o)
{
    char size[24];
    const json_t *t = json_object_get(o, "transfers");
    const char *stage;
    json_t *j;
    printf("%s\n", cli->root);
    print_receiver(json_object_get(o, "receiver"));
    printf("transfers  %lld stored, %lld partial, %lld coming in: %s\n", number_of(t, "stored"),
           number_of(t, "partial"), number_of(t, "receiving"),
           cli_size(number_of(t, "bytes"), size));
    json_object_foreach(json_object_get(o, "jobs"), stage, j)
    {
        printf("%-10s %lld ready, %lld being worked, %lld failed\n", stage, number_of(j, "ready"),
               number_of(j, "claimed"), number_of(j, "failed"));
        if (number_of(j, "failed") > 0)
            printf("           why: %s/spool/%s/failed/*/reason.txt\n", cli->root, stage);
    }
}

static bool any_failed(json_t *jobs)
{
    const char *stage;
    json_t *j;
    json_object_foreach(jobs, stage, j)
    {
        if (number_of(j, "failed") > 0)
            return true;
    }
    return false;
}

static bool in_trouble(const json_t *o)
{
    const json_t *r = json_object_get(o, "receiver");
    const char *state = text_of(r, "state");
    return text_of(r, "trouble")[0] || strcmp(state, "dead") == 0 || strcmp(state, "stuck") == 0 ||
           any_failed(json_object_get(o, "jobs"));
}

int cli_status(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct catalogue *c = NULL;
    struct err err = {0};
    bool json = false;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o != 'j')
            return cli_option(o, argv, status_help);
        json = true;
    }
    if (optind < argc)
        return cli_usage("status", "'%s' is too much", argv[optind]);
    int rc = cli_catalogue_open(cli, "status", &c);
    if (rc != CLI_OK)
        return rc;
    json_t *transfers = transfers_json(c, &err), *jobs = transfers ? jobs_json(cli, &err) : NULL;
    catalogue_close(&c);
    json_t *o = json_pack("{s:s, s:o, s:o*, s:o*}", "root", cli->root, "receiver",
                          receiver_json(cli), "transfers", transfers, "jobs", jobs);
    if (!transfers || !jobs) {
        json_decref(o);
        return cli_fail("status", &err);
    }
    rc = in_trouble(o) ? CLI_FAILED : CLI_OK;
    if (json)
        return cli_print_json("status", o) == CLI_OK ? rc : CLI_FAILED;
    print_text(cli, o);
    json_decref(o);
    return rc;
}
