/* export: an evidence package of some transfers. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/export.h"
#include "dashspool/fsx.h"
#include "dashspool/work.h"
#include "progress.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char export_help[] =
    "usage: dashspool export ID… -o PATH\n"
    "       dashspool export [--imei N] [--camera C] [--kind K] [--trigger T] [--since T] [--until "
    "T]\n"
    "                        -o PATH\n"
    "\n"
    "Write an evidence package (a new folder or .zip): originals, copies, all known facts, how "
    "each\n"
    "arrived and its custody record, with manifests that anyone can verify with sha256sum, "
    "without\n"
    "this program. Its README.txt explains how.\n"
    "\n"
    "  -o, --output PATH   folder to create, or zip file if the name ends in .zip\n"
    "  --imei, --camera, --kind, --trigger, --since, --until\n"
    "                      select transfers, as in 'dashspool list'\n"
    "  --who TEXT          name of the exporter (default: your user name)\n"
    "  --sign-cert FILE --sign-key FILE\n"
    "                      sign with this certificate and key (PEM, or a pkcs11: URI for the\n"
    "                      key); 'dashspool keygen' creates both\n"
    "  --as-is             include only existing copies (default: make missing copies first)\n"
    "  --tsa URL           get a time stamp from this authority (RFC 3161); when offline,\n"
    "                      'dashspool attach-timestamp' adds one later\n"
    "  --no-protect        do not protect its transfers from the retention rules\n"
    "  --at T              date of the package (default: now); the same store, selection and T\n"
    "                      give the same bytes\n"
    "\n"
    "a redacted package, made after the full one: no originals and no working copies, and it "
    "names\n"
    "the checksum of the full package:\n"
    "  --mask [OF:]x,y,w,h[,from[,to]]\n"
    "                      black out this box, in pixels of the original frame; times in seconds\n"
    "                      or mm:ss; OF: a camera (front, rear …) or an ID (default: all); up to "
    "32\n"
    "                      times\n"
    "  --redact-sound      remove the sound\n"
    "  --of PATH           the full package (default: the latest export that contains all of "
    "these)\n"
    "\n"
    "example: dashspool export --imei 352093081452251 --trigger crash --since 2024-11-29 -o "
    "case-17\n";

struct choice {
    struct catalogue_filter filter;
    bool filtered, as_is;
    char **ids;
    size_t n, room;
};

static int add_id(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct choice *c = arg;
    if (t->state == CATALOGUE_RECEIVING)
        return ERR_OK;
    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        char **ids = realloc(c->ids, room * sizeof *ids);
        if (!ids)
            return err_set(err, ERR_NOMEM, "no memory for a list");
        c->ids = ids;
        c->room = room;
    }
    c->ids[c->n] = strdup(t->id);
    return c->ids[c->n++] ? ERR_OK : err_set(err, ERR_NOMEM, "no memory for a list");
}

/* Those named, and those that match. */
static int choose(struct cli *cli, struct choice *c, char **named, int n)
{
    struct catalogue *catalogue = NULL;
    struct catalogue_transfer t;
    struct err err = {0};
    int rc = cli_catalogue_open(cli, "export", &catalogue);
    for (int i = 0; rc == CLI_OK && i < n; i++) {
        rc = cli_transfer_get(catalogue, "export", named[i], &t);
        bool there = false;
        for (size_t k = 0; k < c->n; k++)
            there = there || strcmp(c->ids[k], named[i]) == 0;
        if (rc == CLI_OK && !there && add_id(c, &t, &err) < 0)
            rc = cli_fail("export", &err);
    }
    if (rc == CLI_OK && n == 0 &&
        catalogue_transfer_each(catalogue, &c->filter, add_id, c, &err) < 0)
        rc = cli_fail("export", &err);
    catalogue_close(&catalogue);
    if (rc == CLI_OK && c->n == 0) {
        fprintf(stderr, "dashspool export: no matching transfers; 'dashspool list' shows all\n");
        rc = CLI_FAILED;
    }
    return rc;
}

static volatile sig_atomic_t stop;

static void on_stop(int signum)
{
    (void)signum;
    stop = 1;
}

struct shown {
    struct progress bar;
    char id[CATALOGUE_ID_ROOM]; /* shown last */
    int begun, of;
};

static bool show_progress(void *arg, const char *id, double done)
{
    struct shown *s = arg;
    if (strcmp(id, s->id) != 0) {
        s->begun++;
        snprintf(s->id, sizeof s->id, "%s", id);
    }
    progress_show(&s->bar, s->begun, s->of, done, id);
    return !stop;
}

static bool show_completion(void *arg, const char *id, double done)
{
    struct shown *s = arg;
    if (strcmp(id, s->id) != 0) {
        s->begun++;
        snprintf(s->id, sizeof s->id, "%s", id);
    }
    progress_show(&s->bar, s->begun, s->of, (s->begun - 1 + done) / s->of, id);
    return !stop;
}

static void tell_cannot(void *arg, const char *id, const char *why)
{
    struct shown *s = arg;
    progress_clear(&s->bar);
    fprintf(stderr, "dashspool export: %s: copies cannot be made: %s\n", id, why);
}

/* The copies that a package is to hold and that nobody made yet. */
static int complete(struct cli *cli, const struct choice *c)
{
    struct err err;
    struct shown shown = {.of = (int)c->n};
    struct work_completion completion = {
        .progress = show_completion, .cannot = tell_cannot, .arg = &shown};
    progress_begin(&shown.bar);
    int rc =
        work_complete(cli->root, cli->cfg, (const char *const *)c->ids, c->n, &completion, &err);
    progress_clear(&shown.bar);
    if (rc < 0)
        return cli_fail("export", &err);
    if (completion.made > 0)
        printf("made missing copies: %d\n", completion.made);
    return CLI_OK;
}

static int write_package(struct cli *cli, const struct choice *c, struct export_request *request)
{
    struct export_result r;
    struct err err;
    char size[24];
    request->root = cli->root;
    request->ids = (const char *const *)c->ids;
    request->n = c->n;
    struct shown shown = {.of = (int)c->n};
    progress_begin(&shown.bar);
    int rc = export_package(request, show_progress, &shown, &r, &err);
    progress_clear(&shown.bar);
    if (rc < 0)
        return cli_fail("export", &err);
    printf("%s: %d transfer%s, %lld files in data/, %s\n", request->path, r.transfers,
           r.transfers == 1 ? "" : "s", (long long)r.files, size_text(r.bytes, size));
    if (r.partial > 0)
        printf("  partial transfers among them: %d\n", r.partial);
    if (r.without_copies > 0)
        printf("  without copies: %d%s\n", r.without_copies,
               request->redaction ? "" : "; 'dashspool work' makes them");
    if (request->redaction)
        printf("  redacted; the originals are in the full package, tag manifest SHA-256 %s\n",
               r.full_sha256);
    printf("  %s; keep this checksum in a safe place:\n"
           "  SHA-256 of tagmanifest-sha256.txt %s\n",
           !request->sign_key ? "not signed"
           : r.stamped        ? "signed and time-stamped"
                              : "signed",
           r.tag_sha256);
    if (!r.no_stamp[0])
        return CLI_OK;
    fprintf(stderr,
            "dashspool export: no time stamp: %s\n"
            "  the package is complete without it; add one later: dashspool attach-timestamp %s "
            "--tsa %s\n",
            r.no_stamp, request->path, request->tsa_url);
    return CLI_FAILED;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The command line as far as it says what is in the package: neither where things are on this
 * machine, nor in which order they were typed. */
struct said {
    char **word; /* each our own */
    size_t n, room;
};

static void say(struct said *said, const char *option, const char *value)
{
    struct err unimportant;
    static const char *const left_out[] = {"output", "at", "sign-cert", "sign-key", "tsa", "of"};
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (strcmp(option, left_out[i]) == 0)
            return;
    if (said->n < said->room &&
        fsx_path(&said->word[said->n], &unimportant, "%s%s%s%s", value ? "--" : "", option,
                 value ? "=" : "", value ? value : "") == ERR_OK)
        said->n++;
}

static void say_ids(struct said *said, char *const *ids, int n)
{
    size_t before = said->n;
    for (int i = 0; i < n; i++)
        say(said, ids[i], NULL);
    if (said->n > before)
        qsort(said->word + before, said->n - before, sizeof *said->word, by_text);
}

static int choose_and_write(struct cli *cli, struct choice *c, struct export_request *request,
                            char **ids, int n)
{
    struct sigaction act = {.sa_handler = on_stop};
    sigemptyset(&act.sa_mask);
    int rc = choose(cli, c, ids, n);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    if (rc == CLI_OK && !c->as_is)
        rc = complete(cli, c);
    if (rc == CLI_OK)
        rc = write_package(cli, c, request);
    for (size_t i = 0; i < c->n; i++)
        free(c->ids[i]);
    free(c->ids);
    return rc;
}

static bool add_mask(const char *text, struct export_redaction *r)
{
    struct err err;
    if (r->n_masks == EXPORT_MASKS_MAX)
        cli_usage("export", "--mask: at most %d allowed", EXPORT_MASKS_MAX);
    else if (export_mask_parse(text, &r->mask[r->n_masks], &err) < 0)
        cli_usage("export", "--mask: %s", err.text);
    else
        return ++r->n_masks > 0;
    return false;
}

/* False, with a message, if a full package is named and nothing is hidden. */
static bool take_redaction(struct cli *cli, struct export_redaction *r,
                           struct export_request *request)
{
    bool asked = r->no_sound || r->n_masks > 0;
    if (!asked && r->of)
        cli_usage("export", "--of requires --mask or --redact-sound");
    convert_options_from_cfg(cli->cfg, &r->options);
    confine_limits_from_cfg(cli->cfg, &r->limits);
    request->redaction = asked ? r : NULL;
    return asked || !r->of;
}

static int parse(struct cli *cli, int argc, char **argv, struct said *said,
                 struct export_redaction *redaction)
{
    static const struct option options[] = {
        CLI_FILTER_OPTIONS,
        {"output", required_argument, NULL, 'o'},
        {"who", required_argument, NULL, 'w'},
        {"at", required_argument, NULL, 'a'},
        {"as-is", no_argument, NULL, 'A'},
        {"no-protect", no_argument, NULL, 'P'},
        {"tsa", required_argument, NULL, 'T'},
        {"mask", required_argument, NULL, 'M'},
        {"redact-sound", no_argument, NULL, 'S'},
        {"of", required_argument, NULL, 'O'},
        {"sign-cert", required_argument, NULL, 'C'},
        {"sign-key", required_argument, NULL, 'K'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct choice c = {.filtered = false};
    struct export_request request = {.who = cli_user_name(), .at_us = clock_utc_us()};
    struct err err;
    int at = 0;
    for (int o; (o = getopt_long(argc, argv, ":ho:", options, &at)) != -1;) {
        enum cli_filter taken = cli_filter_option("export", o, optarg, &c.filter);
        if (taken == CLI_FILTER_BAD)
            return CLI_USAGE;
        c.filtered = c.filtered || taken == CLI_FILTER_TAKEN;
        if (o == 'o')
            request.path = optarg;
        else if (o == 'w')
            request.who = optarg;
        else if (o == 'A')
            c.as_is = true;
        else if (o == 'P')
            request.no_protect = true;
        else if (o == 'T')
            request.tsa_url = optarg;
        else if (o == 'M' && !add_mask(optarg, redaction))
            return CLI_USAGE;
        else if (o == 'S')
            redaction->no_sound = true;
        else if (o == 'O')
            redaction->of = optarg;
        else if (o == 'C')
            request.sign_cert = optarg;
        else if (o == 'K')
            request.sign_key = optarg;
        else if (o == 'a' && clock_parse(optarg, 0, &request.at_us, NULL, &err) < 0)
            return cli_usage("export", "--at %s: write 2024-11-29T07:00:00Z", optarg);
        else if (o != 'a' && o != 'M' && taken == CLI_FILTER_OTHER)
            return cli_option(o, argv, export_help);
        if (o != 'o')
            say(said, options[at].name, optarg);
    }
    say_ids(said, argv + optind, argc - optind);
    request.command = (const char *const *)said->word;
    request.n_command = said->n;
    request.cfg = cli->cfg;
    if (!request.path)
        return cli_usage("export", "no output: give the package's path with -o");
    if ((optind == argc) != c.filtered)
        return cli_usage("export",
                         c.filtered ? "give either IDs or selection options (--imei …), not both"
                                    : "nothing selected: give IDs or selection options (--imei …)");
    if (!request.sign_cert != !request.sign_key)
        return cli_usage("export", "--sign-cert and --sign-key must be given together");
    if (!request.who[0])
        return cli_usage("export", "--who: name must not be empty");
    if (!take_redaction(cli, redaction, &request))
        return CLI_USAGE;
    c.as_is = c.as_is || request.redaction; /* its copies are none of the store's */
    return choose_and_write(cli, &c, &request, argv + optind, argc - optind);
}

int cli_export(struct cli *cli, int argc, char **argv)
{
    struct said said = {.room = (size_t)argc};
    said.word = calloc(said.room, sizeof *said.word);
    if (!said.word)
        return cli_fail("export", &(struct err){.text = "no memory"});
    say(&said, "export", NULL);
    struct export_redaction redaction = {.n_masks = 0};
    int rc = parse(cli, argc, argv, &said, &redaction);
    for (size_t i = 0; i < said.n; i++)
        free(said.word[i]);
    free(said.word);
    return rc;
}
