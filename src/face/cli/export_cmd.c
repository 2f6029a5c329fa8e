/* export: an evidence package of some transfers. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/export.h"
#include "dashspool/fsx.h"
#include "dashspool/journey.h"
#include "dashspool/stop.h"
#include "dashspool/work.h"
#include "terminal.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What was asked for. */
struct wish {
    struct catalogue_filter filter;
    const char *path, *who, *title, *recipient, *case_number, *sign_cert, *sign_key, *tsa_url;
    int64_t at_us;
    bool as_is, as_found, no_protect;
    int64_t telemetry_us;
    struct export_redaction redaction;
};

struct choice {
    const struct catalogue_filter *filter;
    struct fsx_names ids;
};

static int add_id(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct choice *c = arg;
    return t->state == CATALOGUE_RECEIVING ? ERR_OK : fsx_names_add(&c->ids, t->id, err);
}

/* Those named, and those that match. */
static int choose(struct cli *cli, struct choice *c, char **named, int n)
{
    struct catalogue *catalogue = NULL;
    struct catalogue_transfer t;
    struct err err = {0};
    int rc = cli_catalogue_open(cli, "export", &catalogue);
    if (rc == CLI_OK)
        rc = cli_filter_check("export", catalogue, c->filter);
    for (int i = 0; rc == CLI_OK && i < n; i++) {
        rc = cli_transfer_get(catalogue, "export", named[i], &t);
        bool there = false;
        for (size_t k = 0; k < c->ids.n; k++)
            there = there || strcmp(c->ids.name[k], named[i]) == 0;
        if (rc == CLI_OK && !there && add_id(c, &t, &err) < 0)
            rc = cli_fail("export", &err);
    }
    if (rc == CLI_OK && n == 0 &&
        catalogue_transfer_each(catalogue, c->filter, add_id, c, &err) < 0)
        rc = cli_fail("export", &err);
    catalogue_close(&catalogue);
    if (rc == CLI_OK && c->ids.n == 0) {
        fprintf(stderr, "dashspool export: no matching transfers; 'dashspool list' shows all\n");
        rc = CLI_FAILED;
    }
    return rc;
}

struct shown {
    struct progress bar;
    char id[CATALOGUE_ID_ROOM]; /* shown last */
    int begun, of;
    bool one_by_one; /* done is of one of them, not of all */
};

static bool show(void *arg, const char *id, double done)
{
    struct shown *s = arg;
    if (strcmp(id, s->id) != 0) {
        s->begun++;
        snprintf(s->id, sizeof s->id, "%s", id);
    }
    progress_show(&s->bar, s->begun, s->of, s->one_by_one ? (s->begun - 1 + done) / s->of : done,
                  id);
    return !stop_caught();
}

static void tell_cannot(void *arg, const char *id, const char *why)
{
    struct shown *s = arg;
    progress_clear(&s->bar);
    fprintf(stderr, "dashspool export: %s: copies cannot be made: %s\n", cli_shown(id),
            cli_shown(why));
}

/* The copies that a package is to hold and that nobody made yet. */
static int complete(struct cli *cli, const struct choice *c)
{
    struct err err;
    struct shown shown = {.of = (int)c->ids.n, .one_by_one = true};
    struct work_completion completion = {.progress = show, .cannot = tell_cannot, .arg = &shown};
    progress_begin(&shown.bar);
    int rc = work_complete(cli->root, cli->cfg, (const char *const *)c->ids.name, c->ids.n,
                           &completion, &err);
    progress_clear(&shown.bar);
    if (rc < 0)
        return cli_fail("export", &err);
    if (completion.made > 0)
        printf("made missing copies: %d\n", completion.made);
    return CLI_OK;
}

static void warn(void *arg, const char *text)
{
    progress_clear(arg);
    fprintf(stderr, "dashspool export: %s\n", text);
}

static int write_package(struct cli *cli, const struct choice *c, struct export_request *request)
{
    struct export_result r;
    struct err err;
    char size[24];
    request->root = cli->root;
    request->ids = (const char *const *)c->ids.name;
    request->n = c->ids.n;
    struct shown shown = {.of = (int)c->ids.n};
    request->warn = warn;
    request->warn_arg = &shown.bar;
    progress_begin(&shown.bar);
    int rc = export_package(request, show, &shown, &r, &err);
    progress_clear(&shown.bar);
    if (rc < 0)
        return cli_fail("export", &err);
    printf("%s: %lld %s, %lld %s in data/, %s\n", cli_shown(request->path),
           SIZE_COUNT(r.transfers, "transfer", "transfers"), SIZE_COUNT(r.files, "file", "files"),
           size_text(r.bytes, size));
    if (r.differences > 0)
        printf("  not as received: %d %s; the report's first page lists them\n", r.differences,
               r.differences == 1 ? "difference" : "differences");
    if (r.telemetry > 0)
        printf("  the tracker's records: of %lld %s%s\n",
               SIZE_COUNT(r.telemetry, "transfer", "transfers"),
               r.withheld > 0 ? "; those in private mode are withheld" : "");
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
            cli_shown(r.no_stamp), cli_shell(request->path), cli_shell(request->tsa_url));
    return CLI_FAILED;
}

/* ---- the command line, for the package ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The command line as far as it says what is in the package: neither where things are on this
 * machine, nor in which order they were typed. */
struct said {
    char **word; /* each our own */
    size_t n;
};

static int say(struct said *said, const char *option, const char *value, struct err *err)
{
    int rc = fsx_path(&said->word[said->n], err, "%s%s%s%s", value ? "--" : "", option,
                      value ? "=" : "", value ? value : "");
    said->n += rc == ERR_OK;
    return rc;
}

static int say_all(struct said *said, const struct cli_args *args, struct err *err)
{
    static const char left_out[] = "output at sign-cert sign-key tsa of";
    size_t room = 1 + args->n_given + (size_t)args->n_operands;
    said->word = calloc(room, sizeof *said->word);
    if (!said->word)
        return err_nomem(err, "the command line");
    int rc = say(said, "export", NULL, err);
    for (size_t i = 0; rc == ERR_OK && i < args->n_given; i++) {
        const char *name = args->given[i].option->name, *value = args->given[i].value;
        if (!words_have(left_out, name, strlen(name)))
            rc = say(said, name, value, err);
    }
    size_t before = said->n;
    for (int i = 0; rc == ERR_OK && i < args->n_operands; i++)
        rc = say(said, args->operand[i], NULL, err);
    if (said->n > before)
        qsort(said->word + before, said->n - before, sizeof *said->word, by_text);
    return rc;
}

static void said_free(struct said *said)
{
    for (size_t i = 0; i < said->n; i++)
        free(said->word[i]);
    free(said->word);
}

/* ---- what can be asked for ---- */

static int add_mask(void *at, const char *text, struct err *err)
{
    struct export_redaction *r = at;
    if (r->n_masks == EXPORT_MASKS_MAX)
        return err_set(err, ERR_CONFIG, "at most %d allowed", EXPORT_MASKS_MAX);
    int rc = export_mask_parse(text, &r->mask[r->n_masks], err);
    r->n_masks += rc == ERR_OK;
    return rc;
}

static int add_hide(void *at, const char *text, struct err *err)
{
    return convert_hide_parse(text, at, err);
}

/* "60s", "60 s", "60" */
static int set_window(void *at, const char *text, struct err *err)
{
    static const long least = JOURNEY_PICTURES_US / 1000000, most = JOURNEY_AROUND_US / 1000000;
    char *end = NULL;
    long seconds = isdigit((unsigned char)text[0]) ? strtol(text, &end, 10) : 0;
    while (end && *end == ' ')
        end++;
    if (!end || (*end && strcmp(end, "s") != 0) || seconds < least || seconds > most)
        return err_set(err, ERR_CONFIG, "expected %ld to %ld s", least, most);
    *(int64_t *)at = seconds * INT64_C(1000000);
    return ERR_OK;
}

#define AT(field) offsetof(struct wish, field)
static const struct cli_option options[] = {
    {CLI_TEXT, "output", "PATH", "folder to create, or zip file if the name ends in .zip",
     .letter = 'o', .offset = AT(path), .writes = true},
    {CLI_TEXT, "who", "TEXT", "name of the exporter (default: your user name)", .offset = AT(who),
     .min = 1},
    {CLI_TEXT, "title", "TEXT", "title of the report", .offset = AT(title), .max = 200},
    {CLI_TEXT, "recipient", "TEXT", "whom it is for", .offset = AT(recipient), .max = 200},
    {CLI_TEXT, "case", "NUMBER", "case number, for report and bag-info.txt",
     .offset = AT(case_number), .max = 200},
    {OPT_TEXT("sign-cert", "FILE", sign_cert,
              "sign with this certificate (PEM); 'dashspool keygen' creates one")},
    {OPT_TEXT("sign-key", "FILE", sign_key, "key of the certificate (PEM, or a pkcs11: URI)")},
    {OPT_FLAG("as-is", as_is, "include only existing copies (default: make missing copies first)")},
    {OPT_FLAG("as-found", as_found,
              "export it although facts, originals, copies or custody records are not what they "
              "were; the report's first page lists the differences")},
    {OPT_TEXT("tsa", "URL", tsa_url,
              "get a time stamp from this authority (RFC 3161); when offline, 'dashspool "
              "attach-timestamp' adds one later")},
    {OPT_FLAG("no-protect", no_protect, "do not protect its transfers from the retention rules")},
    {CLI_SET, "telemetry-window", "S",
     "include the tracker's records from this long before each clip to as long after it, 15 s to "
     "60 s (default: 15 s)",
     .offset = AT(telemetry_us), .set = set_window},
    {CLI_TIME, "at", "T",
     "date of the package (default: now); the same store, selection and T give the same bytes",
     .offset = AT(at_us)},

    {CLI_HEADING, .help = "which transfers, instead of IDs:"},
    {CLI_TABLE, .table = cli_filter_options, .offset = AT(filter)},

    {CLI_HEADING,
     .help = "a redacted package, made after the full one: no originals and no working copies, and "
             "it names the checksum of the full package:"},
    {CLI_SET, "mask", "[OF:]x,y,w,h[,from[,to]]",
     "black out this box, in pixels of the image as it is seen; times in seconds or mm:ss; OF: a "
     "camera "
     "(front, rear …) or an ID (default: all); up to 32 times",
     .offset = AT(redaction), .set = add_mask},
    {OPT_FLAG("redact-sound", redaction.no_sound, "remove the sound")},
    {CLI_SET, "hide", "LIST",
     "of position, imei, driver (the name), source (addresses, paths), with commas: leave these "
     "out "
     "everywhere; an IMEI becomes tracker-1 …",
     .offset = AT(redaction.hide), .set = add_hide},
    {OPT_FLAG("with-position", redaction.with_position,
              "include the tracker's records (data/telemetry/), which tell where the vehicle was; "
              "not with --hide position, imei or driver")},
    {OPT_TEXT("of", "PATH", redaction.of,
              "the full package (default: the latest export that contains all of these)")},
    {0}};

/* Whether transfers were chosen by what they are. */
static bool is_filtered(const struct cli_args *args)
{
    for (const struct cli_option *o = cli_filter_options; o->kind != CLI_END; o++)
        if (cli_given(args, o->name))
            return true;
    return false;
}

static int check(const struct wish *w, const struct cli_args *args, bool redacted)
{
    bool filtered = is_filtered(args);
    if (!w->path)
        return cli_usage("export", "no output: give the package's path with -o");
    if ((args->n_operands == 0) != filtered)
        return cli_usage("export",
                         filtered ? "give either IDs or selection options (--imei …), not both"
                                  : "nothing selected: give IDs or selection options (--imei …)");
    if (!w->sign_cert != !w->sign_key)
        return cli_usage("export", "--sign-cert and --sign-key must be given together");
    if (w->redaction.of && !redacted)
        return cli_usage("export", "--of requires --mask, --redact-sound or --hide");
    if (w->redaction.with_position && !redacted)
        return cli_usage("export", "--with-position requires --mask, --redact-sound or --hide: a "
                                   "full package has the tracker's records");
    if (w->redaction.with_position && w->redaction.hide & ~(unsigned)CONVERT_HIDE_SOURCE)
        return cli_usage("export", "--with-position packs the tracker's records as they came, and "
                                   "--hide leaves out what they may tell: give one of both");
    return CLI_OK;
}

static int run(struct cli *cli, const struct cli_args *args)
{
    struct wish *w = args->options;
    struct export_redaction *r = &w->redaction;
    bool redacted = r->no_sound || r->n_masks > 0 || r->hide;
    struct said said = {.n = 0};
    struct choice c = {.filter = &w->filter};
    struct err err;
    int rc = check(w, args, redacted);
    if (rc != CLI_OK)
        return rc;
    if (say_all(&said, args, &err) < 0) {
        said_free(&said);
        return cli_fail("export", &err);
    }
    convert_options_from_cfg(cli->cfg, &r->options);
    confine_limits_from_cfg(cli->cfg, &r->limits);
    struct export_request request = {
        .path = w->path,
        .who = w->who ? w->who : cli_user_name(),
        .title = w->title,
        .recipient = w->recipient,
        .case_number = w->case_number,
        .as_found = w->as_found,
        .no_protect = w->no_protect,
        .telemetry_us = w->telemetry_us,
        .tsa_url = w->tsa_url,
        .sign_cert = w->sign_cert,
        .sign_key = w->sign_key,
        .redaction = redacted ? r : NULL,
        .command = (const char *const *)said.word,
        .n_command = said.n,
        .cfg = cli->cfg,
    };
    rc = choose(cli, &c, args->operand, args->n_operands);
    stop_catch();
    if (rc == CLI_OK && !w->as_is &&
        !redacted) /* a redacted one's copies are none of the store's */
        rc = complete(cli, &c);
    request.at_us = cli_given(args, "at") ? w->at_us : clock_utc_us(); /* after the copies' */
    if (rc == CLI_OK)
        rc = write_package(cli, &c, &request);
    fsx_names_clear(&c.ids);
    said_free(&said);
    return rc;
}

const struct cli_command cli_export = {
    .name = "export",
    .group = CLI_EVIDENCE,
    .summary = "write an evidence package that anyone can verify",
    .forms = "ID… -o PATH [OPTION]…\n--imei N … -o PATH [OPTION]…",
    .prose = "Write an evidence package (a new folder or .zip): originals, copies, all known "
             "facts, how each arrived and its custody record, with manifests that anyone can "
             "verify with sha256sum, without this program. Its README.txt explains how.",
    .options = options,
    .example =
        "dashspool export --imei 352093081452251 --trigger crash --since 2024-11-29 -o case-17",
    .operand = "ID",
    .operands_max = CLI_MANY,
    .room = sizeof(struct wish),
    .run = run,
};
