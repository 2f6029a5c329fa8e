/* The manual pages, made of the tables of options and of settings (man(7): both groff and mandoc
 * read it). What is only here is what no command says: files, environment, exit status. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include <stdlib.h>
#include <string.h>

static const char about[] =
    "It receives files over the cameras' own protocol and keeps every original byte; converts raw "
    "H.265 to MP4 with the camera's own frame times; shows what was received, and how; and exports "
    "evidence packages that anyone can verify. Everything works without settings; for these see "
    "dashspool.conf(5).\n\n"
    "ROOT is the data directory. Results go to standard output, all else to standard error. Times "
    "are RFC 3339, coordinates degrees WGS 84.\n\n"
    "receive, watch, work and run write a log: one line per event, as key=value pairs: time=, "
    "level=, stage=, msg= (constant for each kind of event), pid=, and facts such as id=, imei=, "
    "peer=, file=, bytes=, seconds=, reason=. Values with spaces are in quotes, with JSON escapes. "
    "In the systemd journal, lines have their priority ('journalctl -p warning').";

#define ROW(term, text)                     \
    {                                       \
        CLI_ROW, term, NULL, .help = (text) \
    }

static const struct cli_option files[] = {
    ROW("ROOT/raw/<day>.db", "the originals, byte for byte, one file per day of arrival (SQLite)"),
    ROW("ROOT/catalogue.db", "the facts: time, place, how each file arrived, its copies (SQLite)"),
    ROW("ROOT/archive/<imei>/<day>/", "the copies"),
    ROW("ROOT/packages/", "evidence packages that [export] makes"),
    ROW("ROOT/spool/<stage>/{new,cur,failed}/",
        "the queue: one directory per job; failed jobs have a reason.txt"),
    ROW("ROOT/scratch/<stage>/", "in a site: the jobs that this machine is working"),
    ROW("ROOT/raw/root-id, ROOT/archive/root-id, ROOT/spool/root-id",
        "which ROOT these belong to; compared with catalogue.db at each start"),
    ROW("ROOT/run.json, ROOT/receive.json",
        "state files of 'run' and the receiver; 'status' reads them"),
    ROW("ROOT/pipeline.d/*.conf",
        "settings of this ROOT; where this directory exists, it replaces the system's settings: "
        "none of their files is read"),
    {0}};

static const struct cli_option service_files[] = {
    ROW("/var/lib/dashspool", "ROOT of dashspool.service; kept even when the package is purged"),
    {0}};

static const struct cli_option environment[] = {
    ROW("DASHSPOOL_ROOT", "ROOT, unless --root is given"),
    ROW("DASHSPOOL_LOG_LEVEL, DASHSPOOL_LOG_JSON",
        "as --log-level, and --log-json if it is yes, where these are not given"),
    ROW("JOURNAL_STREAM", "set by systemd: standard error is its journal, where lines of the log "
                          "have their priority"),
    ROW("COLUMNS", "width of the terminal for 'list', if the terminal does not tell"),
    ROW("SOURCE_DATE_EPOCH", "the date of the manual pages that 'dashspool help' writes"),
    {0}};

static const struct cli_option exit_status[] = {
    ROW("0", "all done"),
    ROW("1", "something failed (named on standard error; the rest was done), or a check (probe, "
             "fsck, status) found a problem"),
    ROW("2", "invalid usage or settings"),
    ROW("3", "an evidence package failed verification"),
    {0}};

static const char conf_about[] =
    "Settings are read from all files DIR/*.conf, in byte order of their names; if a key is set "
    "twice, the last value applies. DIR is the directory given with --config, else "
    "ROOT/pipeline.d, "
    "else the system directory: only one of them is read. Without any file, the defaults below "
    "apply.\n\n"
    "A file consists of [section] lines, key = value lines, and comments starting with #. An "
    "unknown key or a value out of range is an error that names file and line, and nothing starts. "
    "'dashspool config' prints every setting, its value and where it was set.";

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

/* In lines of about 70 characters, which roff joins again; an empty line begins a paragraph. */
static void put_text(FILE *to, const char *text)
{
    enum { WIDE = 64, LINE_ROOM = 400 };
    char line[LINE_ROOM];
    while (*text) {
        size_t n = strcspn(text, "\n");
        n = n < WIDE ? n : WIDE + strcspn(text + WIDE, " \n");
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        put_line(to, line);
        text += n + (text[n] == ' ');
        if (*text == '\n')
            fputs(".PP\n", to);
        text += strspn(text, "\n");
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

static void put_table(FILE *to, const struct cli_option *table, const struct cli_settings *settings)
{
    struct cli_option o[CLI_OPTIONS_MAX];
    char term[CLI_TERM_ROOM], help[CLI_HELP_ROOM];
    size_t n = cli_options_flat(table, o);
    for (size_t i = 0; i < n; i++) {
        cli_option_help(&o[i], settings, help);
        fputs(o[i].kind == CLI_HEADING ? ".PP\n" : ".TP\n", to);
        if (o[i].kind != CLI_HEADING) {
            put_typed(to, cli_option_term(&o[i], term));
            fputc('\n', to);
        }
        put_text(to, help);
    }
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

static void put_command(FILE *to, const struct cli_command *command,
                        const struct cli_settings *settings)
{
    char form[400];
    const char *at = NULL, *before = "";
    fprintf(to, ".SS %s\n", command->name);
    for (; cli_usage_form(command, &at, form, sizeof form); before = ".PP\n") {
        fprintf(to, "%s\\fBdashspool\\fR ", before);
        put_typed(to, form);
        fputc('\n', to);
    }
    fputs(".PP\n", to);
    put_text(to, command->prose);
    put_table(to, command->options, settings);
    if (command->notes) {
        fputs(".PP\n", to);
        put_text(to, command->notes);
    }
}

void cli_print_manual(const struct cli_settings *settings, FILE *to)
{
    put_title(to, "DASHSPOOL", 1, "User Commands");
    fputs(".SH NAME\ndashspool \\- receive, convert and verify Teltonika dash camera footage\n"
          ".SH SYNOPSIS\n",
          to);
    put_typed(to, "dashspool [OPTION]… COMMAND …");
    fputs("\n.SH DESCRIPTION\n", to);
    put_text(to, about);
    fputs(".SH OPTIONS\n", to);
    put_text(to, cli_globals[0].help);
    put_table(to, cli_globals + 1, settings);
    fputs(".SH COMMANDS\n", to);
    for (size_t i = 0; cli_commands[i]; i++)
        put_command(to, cli_commands[i], settings);
    fputs(".SH FILES\n", to);
    put_table(to, files, settings);
    fprintf(to, ".TP\n\\fB%s/*.conf\\fR\nsystem-wide settings\n", settings->installed_config);
    put_table(to, service_files, settings);
    fputs(".SH ENVIRONMENT\n", to);
    put_table(to, environment, settings);
    fputs(".SH EXIT STATUS\n", to);
    put_table(to, exit_status, settings);
    fputs(".SH EXAMPLES\n", to);
    for (size_t i = 0; cli_commands[i]; i++) {
        fprintf(to, ".TP\n\\fB%s\\fR\n", cli_commands[i]->name);
        put_line(to, cli_commands[i]->summary);
        put_example(to, cli_commands[i]->example);
    }
    fputs(".SH SEE ALSO\n.BR dashspool.conf (5),\n.BR ffmpeg (1),\n.BR sha256sum (1),\n"
          ".BR systemctl (1)\n",
          to);
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
static void put_section(const struct cli_settings *settings, size_t at, FILE *to)
{
    const char *name = settings->sections[at]->name;
    for (size_t i = 0; i < at; i++)
        if (strcmp(settings->sections[i]->name, name) == 0)
            return;
    fprintf(to, ".SS [%s]\n", name);
    for (size_t i = at; i < settings->n_sections; i++)
        for (size_t k = 0;
             strcmp(settings->sections[i]->name, name) == 0 && k < settings->sections[i]->n_keys;
             k++)
            put_key(to, &settings->sections[i]->keys[k], i == at && k == 0);
}

void cli_print_conf_manual(const struct cli_settings *settings, FILE *to)
{
    put_title(to, "DASHSPOOL.CONF", 5, "File Formats");
    fputs(".SH NAME\ndashspool.conf \\- settings of dashspool\n.SH SYNOPSIS\n", to);
    fprintf(to, "%s/*.conf\n.br\nROOT/pipeline.d/*.conf\n.SH DESCRIPTION\n",
            settings->installed_config);
    put_text(to, conf_about);
    fputs(".SH SETTINGS\nEach with its default.\n", to);
    for (size_t i = 0; i < settings->n_sections; i++)
        put_section(settings, i, to);
    fputs(".SH EXAMPLES\nA receiver for known cameras only, and contact sheets:\n", to);
    put_example(to, "[receive]\nallow = /etc/dashspool/cameras.txt\n\n[convert]\n"
                    "copies = working,viewing,sheet\n");
    fputs(".SH SEE ALSO\n.BR dashspool (1)\n", to);
}
