/* The manual pages, made of the help texts and the tables of settings (man(7): both groff and
 * mandoc read it). What is only here is what no command says: files, environment, exit status. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "help_text.h"
#include <stdlib.h>
#include <string.h>

static const char about[] =
    "It receives files over the cameras' own protocol and keeps every original byte; converts raw\n"
    "H.265 to MP4 with the camera's own frame times; shows what was received, and how; and "
    "exports\n"
    "evidence packages that anyone can verify. Everything works without settings; for these see\n"
    "dashspool.conf(5).\n"
    "\n"
    "ROOT is the data directory. Results go to standard output, all else to standard error.\n"
    "Times are RFC 3339, coordinates degrees WGS 84.\n"
    "\n"
    "receive, watch, work and run write a log: one line per event, as key=value pairs: "
    "time=,\n"
    "level=, stage=, msg= (constant for each kind of event), pid=, and facts such "
    "is\n"
    "id=, imei=, peer=, file=, bytes=, seconds=, reason=. Values with spaces are "
    "in\n"
    "quotes, with JSON escapes. In the systemd journal, lines have their "
    "priority\n"
    "('journalctl -p warning'). --log-json and --log-level may also follow the command.\n";

static const char files[] =
    "  ROOT/raw/<day>.db    the originals, byte for byte, one file per day of arrival (SQLite)\n"
    "  ROOT/catalogue.db    the facts: time, place, how each file arrived, its copies (SQLite)\n"
    "  ROOT/archive/<imei>/<day>/\n"
    "                       the copies\n"
    "  ROOT/packages/       evidence packages that [export] makes\n"
    "  ROOT/spool/<stage>/{new,cur,failed}/\n"
    "                       the queue: one directory per job; failed jobs have a reason.txt\n"
    "  ROOT/run.json, ROOT/receive.json\n"
    "                       state files of 'run' and the receiver; 'status' reads them\n"
    "  ROOT/pipeline.d/*.conf\n"
    "                       settings of this ROOT; they replace the system's settings\n";

static const char service_files[] =
    "  /var/lib/dashspool   ROOT of dashspool.service; kept even when the package is purged\n";

static const char environment[] =
    "  DASHSPOOL_ROOT      ROOT, unless --root is given\n"
    "  DASHSPOOL_LOG_LEVEL, DASHSPOOL_LOG_JSON\n"
    "                      as --log-level, and --log-json if it is yes, where these are not given\n"
    "  JOURNAL_STREAM      set by systemd: standard error is its journal, where lines of the log\n"
    "                      have their priority\n"
    "  SOURCE_DATE_EPOCH   the date of the manual pages that 'dashspool help' writes\n";

static const char exit_status[] =
    "  0   all done\n"
    "  1   something failed (named on standard error; the rest was done), or a check\n"
    "      (probe, fsck, status) found a problem\n"
    "  2   invalid usage or settings\n"
    "  3   an evidence package failed verification\n";

static const char conf_about[] =
    "Settings are read from all files DIR/*.conf, in byte order of their names; if a key is set\n"
    "twice, the last value applies. DIR is the directory given with --config, else "
    "ROOT/pipeline.d,\n"
    "else the system directory. Without any file, the defaults below apply.\n"
    "\n"
    "A file consists of [section] lines, key = value lines, and comments starting with #. An "
    "unknown\n"
    "key or a value out of range is an error that names file and line, and nothing starts.\n"
    "'dashspool config' prints every setting, its value and where it was set.\n";

/* ---- roff ---- */

/* One character of UTF-8 as roff has it, in ASCII; *p goes behind it. */
static void put_character(FILE *to, const char **p)
{
    const unsigned char *c = (const unsigned char *)*p;
    int more = *c >= 0xf0 ? 3 : *c >= 0xe0 ? 2 : *c >= 0xc0 ? 1 : 0;
    unsigned code = more == 0 ? *c : *c & (0x3fU >> more);
    for (int i = 1; i <= more && c[i]; i++)
        code = code << 6 | (c[i] & 0x3f);
    if (code == '\\')
        fputs("\\e", to);
    else if (code < 0x80 && strchr("-'`^~", (int)code))
        fprintf(to, code == '-' ? "\\-" : code == '\'' ? "\\(aq" : "\\[u%04X]", code);
    else if (code < 0x80)
        fputc((int)code, to);
    else
        fprintf(to, "\\[u%04X]", code);
    *p += 1 + more;
}

/* A line as it is. */
static void put_line(FILE *to, const char *text)
{
    if (*text == '.') /* would make it a request */
        fputs("\\&", to);
    while (*text)
        put_character(to, &text);
    fputc('\n', to);
}

/* In lines of about 70 characters, which roff joins again. */
static void put_text(FILE *to, const char *text)
{
    enum { WIDE = 64, LINE_ROOM = 400 };
    char line[LINE_ROOM];
    while (*text) {
        size_t n = strnlen(text, WIDE);
        n += strcspn(text + n, " ");
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        put_line(to, line);
        text += n + (text[n] == ' ');
    }
}

/* Words in capitals stand for something: italic. The rest is what one types: bold. */
static void put_typed(FILE *to, const char *text)
{
    while (*text) {
        size_t blanks = strspn(text, " ,[]|"), n;
        fprintf(to, "%.*s", (int)blanks, text);
        text += blanks;
        n = strcspn(text, " ,[]|");
        bool typed = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < (n > 1 ? 2 : n) &&
                     strncmp(text, "\xe2\x80\xa6", 3) != 0;
        if (n > 0)
            fputs(typed ? "\\fB" : "\\fI", to);
        for (const char *end = text + n; text < end;)
            put_character(to, &text);
        if (n > 0)
            fputs("\\fR", to);
    }
}

static void put_lines(FILE *to, const char *text)
{
    for (size_t n; *text; text += n + (text[n] == '\n')) {
        char line[512];
        n = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        put_line(to, line);
    }
}

static void put_example(FILE *to, const char *text)
{
    fputs(".RS 7\n.PP\n.EX\n", to);
    put_lines(to, text);
    fputs(".EE\n.RE\n", to);
}

static void put_part(FILE *to, const struct help_part *part, bool first)
{
    switch (part->kind) {
    case HELP_USAGE:
        fputs(first ? "" : ".PP\n", to);
        put_typed(to, part->text);
        fputc('\n', to);
        break;
    case HELP_HEADING:
    case HELP_PROSE:
        fputs(first ? "" : ".PP\n", to);
        put_text(to, part->text);
        break;
    case HELP_ITEM:
        fputs(".TP\n", to);
        put_typed(to, part->term);
        fputc('\n', to);
        put_text(to, part->text);
        break;
    case HELP_EXAMPLE:
        break;
    }
}

/* The text of this file; `first`: right behind a heading. */
static int put_words(FILE *to, const char *words, bool first, struct err *err)
{
    struct help help;
    int rc = help_parse(&help, words, err);
    for (size_t i = 0; rc == ERR_OK && i < help.n_parts; i++)
        put_part(to, &help.parts[i], first && i == 0);
    help_clear(&help);
    return rc;
}

/* The day of SOURCE_DATE_EPOCH (reproducible-builds.org), else today. */
static void put_title(FILE *to, const char *name, int section, const char *volume)
{
    char day[CLOCK_TEXT_ROOM], *end;
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    long long s = epoch ? strtoll(epoch, &end, 10) : 0;
    bool given = epoch && *epoch && !*end && s >= 0 && s < 253402300800; /* year 10000 */
    clock_rfc3339(given ? s * 1000000 : clock_utc_us(), 0, day);
    fprintf(to, ".TH %s %d %.10s \"dashspool %s\" \"%s\"\n.nh\n.ad l\n", name, section, day,
            DASHSPOOL_VERSION, volume);
}

/* ---- dashspool(1) ---- */

static int put_overview(struct cli *cli, FILE *to, struct err *err)
{
    char *text = NULL;
    size_t n;
    struct help help = {0};
    FILE *memory = open_memstream(&text, &n);
    if (!memory)
        return err_set(err, ERR_NOMEM, "no memory for a help text");
    cli_overview(cli->tables, memory);
    fclose(memory);
    int rc = help_parse(&help, text, err);
    for (size_t i = 0; i < help.n_parts; i++) {
        const struct help_part *part = &help.parts[i];
        if (i == 0)
            fputs(".SH SYNOPSIS\n", to);
        if (i == 1)
            fputs(".SH DESCRIPTION\n", to);
        if (i < 2)
            put_text(to, part->text);
        if (i == 1 && rc == ERR_OK) {
            rc = put_words(to, about, false, err);
            fputs(".SH OPTIONS\n", to);
        }
        if (part->kind == HELP_ITEM && part->term[0] == '-')
            put_part(to, part, true);
    }
    help_clear(&help);
    free(text);
    return rc;
}

/* All of a command but its examples (examples == false), or these alone. */
static int put_command(struct cli *cli, const struct cli_command *command, bool examples, FILE *to,
                       struct err *err)
{
    struct help help;
    int rc = help_of(&help, cli, command, err);
    if (rc == ERR_OK && !examples)
        fprintf(to, ".SS %s\n", command->name);
    for (size_t i = 0; i < help.n_parts; i++) {
        const struct help_part *part = &help.parts[i];
        if (!examples) {
            put_part(to, part, i == 0);
        } else if (part->kind == HELP_EXAMPLE) {
            fprintf(to, ".TP\n\\fB%s\\fR\n", command->name);
            put_line(to, command->summary);
            put_example(to, part->text);
        }
    }
    help_clear(&help);
    return rc;
}

static int put_commands(struct cli *cli, bool examples, FILE *to, struct err *err)
{
    int rc = ERR_OK;
    fputs(examples ? ".SH EXAMPLES\n" : ".SH COMMANDS\n", to);
    for (size_t i = 0; rc == ERR_OK && i < cli->tables->n_commands; i++)
        rc = put_command(cli, &cli->tables->commands[i], examples, to, err);
    return rc;
}

int help_print_manual(struct cli *cli, FILE *to)
{
    struct err err;
    put_title(to, "DASHSPOOL", 1, "User Commands");
    fputs(".SH NAME\ndashspool \\- receive, convert and verify Teltonika dash camera footage\n",
          to);
    int rc = put_overview(cli, to, &err);
    if (rc == ERR_OK)
        rc = put_commands(cli, false, to, &err);
    fputs(".SH FILES\n", to);
    if (rc == ERR_OK)
        rc = put_words(to, files, true, &err);
    fprintf(to, ".TP\n\\fB%s/*.conf\\fR\nsystem-wide settings\n", cli->tables->installed_config);
    if (rc == ERR_OK)
        rc = put_words(to, service_files, true, &err);
    fputs(".SH ENVIRONMENT\n", to);
    if (rc == ERR_OK)
        rc = put_words(to, environment, true, &err);
    fputs(".SH EXIT STATUS\n", to);
    if (rc == ERR_OK)
        rc = put_words(to, exit_status, true, &err);
    if (rc == ERR_OK)
        rc = put_commands(cli, true, to, &err);
    fputs(".SH SEE ALSO\n.BR dashspool.conf (5),\n.BR ffmpeg (1),\n.BR sha256sum (1),\n"
          ".BR systemctl (1)\n",
          to);
    return rc == ERR_OK ? CLI_OK : cli_fail("help", &err);
}

/* ---- dashspool.conf(5) ---- */

static void put_key(FILE *to, const struct cfg_key *key, bool first)
{
    char text[1024], range[64] = "";
    if (key->type == CFG_INT || key->type == CFG_REAL)
        snprintf(range, sizeof range, "%lld to %lld, ", (long long)key->min, (long long)key->max);
    snprintf(text, sizeof text, "%s (%s%s)", key->help,
             key->type == CFG_WORD   ? "one of: "
             : key->type == CFG_LIST ? "comma-separated list of: "
                                     : range,
             key->unit);
    fprintf(to, "%s\\fB%s\\fR =%s", first ? "" : ".PP\n", key->name, *key->value ? " " : "");
    put_line(to, key->value);
    fputs(".RS 7\n", to);
    put_text(to, text);
    fputs(".RE\n", to);
}

/* Several tables may have keys of one section. */
static void put_section(const struct cli_tables *tables, size_t at, FILE *to)
{
    const char *name = tables->sections[at]->name;
    for (size_t i = 0; i < at; i++)
        if (strcmp(tables->sections[i]->name, name) == 0)
            return;
    fprintf(to, ".SS [%s]\n", name);
    for (size_t i = at; i < tables->n_sections; i++)
        for (size_t k = 0;
             strcmp(tables->sections[i]->name, name) == 0 && k < tables->sections[i]->n_keys; k++)
            put_key(to, &tables->sections[i]->keys[k], i == at && k == 0);
}

int help_print_conf_manual(struct cli *cli, FILE *to)
{
    const struct cli_tables *tables = cli->tables;
    struct err err;
    put_title(to, "DASHSPOOL.CONF", 5, "File Formats");
    fputs(".SH NAME\ndashspool.conf \\- settings of dashspool\n.SH SYNOPSIS\n", to);
    fprintf(to, "%s/*.conf\n.br\nROOT/pipeline.d/*.conf\n.SH DESCRIPTION\n",
            tables->installed_config);
    int rc = put_words(to, conf_about, true, &err);
    fputs(".SH SETTINGS\nEach with its default.\n", to);
    for (size_t i = 0; i < tables->n_sections; i++)
        put_section(tables, i, to);
    fputs(".SH EXAMPLES\nA receiver for known cameras only, and contact sheets:\n", to);
    put_example(to, "[receive]\nallow = /etc/dashspool/cameras.txt\n\n[convert]\n"
                    "copies = working,viewing,sheet\n");
    fputs(".SH SEE ALSO\n.BR dashspool (1)\n", to);
    return rc == ERR_OK ? CLI_OK : cli_fail("help", &err);
}
