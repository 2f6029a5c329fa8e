/* status: one screen on what runs, what is stuck, why, and what to do. */
#include "cli_internal.h"
#include "dashspool/buf.h"
#include "terminal.h"
#include <unistd.h>

#define OUTPUT_BYTES_MAX ((size_t)64 << 20)

struct request {
    struct cli *cli;
    bool json, prometheus, watch;
    const char *file; /* NULL: standard output */
    double every_s;
};

#define AT(field) offsetof(struct request, field)
static const struct cli_option options[] = {
    {OPT_NUMBER("watch", "[SECONDS]", every_s, 0.1, 86400,
                "refresh every SECONDS (default 2), until Ctrl-C")},
    {OPT_FLAG("json", json, "print one JSON object; with --watch, one per line")},
    {OPT_TEXT("prometheus", "[FILE]", file,
              "print Prometheus metrics, or write them to FILE (name.prom, for node_exporter's "
              "textfile collector) atomically; exit status 0 once written. With [run] "
              "prometheus = FILE, 'run' does so every 15 s"),
     .writes = true},
    {0}};

/* One look: what is to be shown, and whether something is in trouble. */
static int look(const struct request *q, const struct status_screen *screen, struct buf *out,
                bool *trouble, struct err *err)
{
    struct status *s = NULL;
    int rc = status_collect(&s, q->cli->root, q->cli->cfg, err);
    if (rc == ERR_OK) {
        *trouble = status_troubles(s) > 0;
        rc = q->file         ? status_prometheus_file(s, q->file, err)
             : q->prometheus ? status_prometheus(s, out, err)
             : q->json       ? status_json(s, q->watch, out, err)
                             : status_text(s, screen, out, err);
    }
    status_free(&s);
    return rc;
}

static int write_out(const struct buf *text, struct err *err)
{
    terminal_raw(true); /* colours; status has made all else printable */
    bool good = fwrite(buf_data(text), 1, text->used, stdout) == text->used && fflush(stdout) == 0;
    terminal_raw(false);
    if (good)
        return ERR_OK;
    return err_sys(err, "write to standard output");
}

static int show_once(const struct request *q, bool *trouble)
{
    struct buf out;
    struct err err;
    struct status_screen screen = screen_of(STDOUT_FILENO);
    buf_init(&out, OUTPUT_BYTES_MAX);
    int rc = look(q, &screen, &out, trouble, &err);
    if (rc == ERR_OK)
        rc = write_out(&out, &err);
    buf_clear(&out);
    return rc < 0 ? cli_fail("status", &err) : CLI_OK;
}

/* What goes wrong is said where it can be read afterwards. */
static int watch_on_terminal(const struct request *q, bool *trouble)
{
    struct buf out;
    struct err err;
    enum screen_event event = SCREEN_AGAIN;
    int rc = ERR_OK;
    buf_init(&out, OUTPUT_BYTES_MAX);
    screen_enter();
    while (rc == ERR_OK && event != SCREEN_END) {
        struct status_screen screen = screen_of(STDOUT_FILENO);
        buf_consume(&out, out.used);
        rc = look(q, &screen, &out, trouble, &err);
        if (rc == ERR_OK && !screen_show(&out))
            rc = err_sys(&err, "write to the terminal");
        if (rc == ERR_OK)
            event = screen_wait(q->every_s);
        if (event == SCREEN_STOP)
            screen_stop();
    }
    screen_leave();
    buf_clear(&out);
    return rc < 0 ? cli_fail("status", &err) : CLI_OK;
}

static int show(const struct request *q)
{
    bool trouble = false;
    int rc;
    if (q->watch)
        screen_signals();
    if (q->watch && !q->json && !q->prometheus && isatty(STDOUT_FILENO)) {
        rc = watch_on_terminal(q, &trouble);
    } else { /* a file, or what is no terminal: one below the other, an empty line between them */
        rc = show_once(q, &trouble);
        while (q->watch && rc == CLI_OK && screen_wait(q->every_s) != SCREEN_END) {
            if (!q->file && !q->json)
                putchar('\n');
            rc = show_once(q, &trouble);
        }
    }
    return rc != CLI_OK ? rc : trouble && !q->file ? CLI_FAILED : CLI_OK;
}

static int run(struct cli *cli, const struct cli_args *args)
{
    struct request *q = args->options;
    q->cli = cli;
    q->watch = cli_given(args, "watch");
    q->prometheus = cli_given(args, "prometheus");
    if (q->json && q->prometheus)
        return cli_usage("status", "give either --json or --prometheus, not both");
    if (q->watch && q->prometheus && !q->file)
        return cli_usage("status", "--watch needs a file for metrics: --prometheus FILE");
    return show(q);
}

static const struct request defaults = {.every_s = 2};

const struct cli_command cli_status = {
    .name = "status",
    .group = CLI_OPERATE,
    .summary = "show what is running, queued or failing, and what to do",
    .prose = "Show what is stuck, why, and what to do: stages and workers, jobs by stage and age, "
             "cameras with last contact and current transfers, disk space, the last day's errors "
             "by reason, and the oldest unfinished item. Read-only; works without 'run', too. Exit "
             "status 1 if there is a problem, or if the state could not be read.",
    .notes =
        "Colours are used on terminals unless NO_COLOR is set. Lines that do not fit are only "
        "counted; 'dashspool status | less' shows all.\n\n"
        "The keys of --json: trouble (what, advice), run, receiver, telemetry (trackers: "
        "connected, "
        "last_record, front, rear), requests, rules (events that may become requests), stages "
        "(processes, working), "
        "jobs (by stage and state; ages: how many are younger than age_limits_s, and older), "
        "transfers, cameras (overdue), incoming, upkeep (sweep, fsck, backup), certificates, disk, "
        "errors (of the last day), oldest (why, advice). Times are RFC 3339, sizes bytes; null is "
        "what is not known.",
    .options = options,
    .example = "dashspool --root /srv/dashcam status --watch",
    .room = sizeof(struct request),
    .defaults = &defaults,
    .user = CLI_AS_CALLER,
    .run = run,
};
