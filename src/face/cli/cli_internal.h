/*
 * What the commands share.
 *
 * A command is a struct cli_command with a table of its options. The table is the only place where
 * an option stands: options.c reads the command line by it, help.c, manual.c and completion.c write
 * the help, the manual page and the completions of it.
 */
#ifndef DASHSPOOL_CLI_INTERNAL_H
#define DASHSPOOL_CLI_INTERNAL_H

#include "dashspool/catalogue.h"
#include "dashspool/cli.h"
#include "dashspool/master.h"
#include "dashspool/recipe.h"
#include "dashspool/stages.h"
#include "dashspool/text.h"
#include "dashspool/upkeep.h"
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* ---- a command and its options ---- */

enum cli_kind {
    CLI_END,     /* of a table: {0} */
    CLI_HEADING, /* no option: a line above those that follow, in .help */
    CLI_ROW,     /* no option: a row of the help, .name and .help */
    CLI_TABLE,   /* the options of .table, for a struct at .offset */
    CLI_FLAG,    /* bool */
    CLI_TEXT,    /* const char *, of .min to .max bytes (.max 0: of any length) */
    CLI_WORD,    /* const char *, one of .words */
    CLI_INT,     /* int, .min to .max */
    CLI_NUMBER,  /* double, .min to .max */
    CLI_TIME,    /* int64_t, utc_us; a day alone is its beginning */
    CLI_UNTIL,   /* likewise; a day alone is its end */
    CLI_SETTING, /* .key of .section, to the value or, where it takes none, to .fixed */
    CLI_SET,     /* .set() */
};

/* What is read goes into the command's struct, at `offset`. */
struct cli_option {
    enum cli_kind kind;
    const char *name;  /* without its -- */
    const char *value; /* what stands for the value: "FILE", "[SECONDS]" where it may be left out;
                          NULL: it takes none. Shells complete FILE, PATH, DIR, ID … */
    const char *help;  /* one line; {} stands for the words */
    size_t offset;
    double min, max;
    const char *words; /* parted by spaces; of a CLI_TEXT: those that are known beforehand */
    char letter;       /* "-o"; 0: none */
    bool writes;       /* a path that is made or written */
    const struct cfg_section *section;
    const char *key, *fixed;
    const struct cli_option *table;
    /* ERR_CONFIG: an err->text that begins with "expected" is shown behind option and value, any
     * other behind the option. */
    int (*set)(void *at, const char *text, struct err *err);
};

/* What most rows hold; AT(field) is the table's: where the field lies in the command's struct. */
#define OPT_FLAG(name, field, help)        CLI_FLAG, name, NULL, help, .offset = AT(field)
#define OPT_TEXT(name, value, field, help) CLI_TEXT, name, value, help, .offset = AT(field)
#define OPT_INT(name, value, field, least, most, help) \
    CLI_INT, name, value, help, .offset = AT(field), .min = (least), .max = (most)
#define OPT_NUMBER(name, value, field, least, most, help) \
    CLI_NUMBER, name, value, help, .offset = AT(field), .min = (least), .max = (most)
#define OPT_SETTING(name, value, its_key, help) \
    CLI_SETTING, name, value, help, .section = SECTION, .key = (its_key), .fixed = "yes"

/* As whom root's command works (owner.c). */
enum cli_user {
    CLI_AS_OWNER,       /* as the owner of ROOT, from its first step on */
    CLI_AS_OWNER_LATER, /* likewise, once it has opened what only root can: receive */
    CLI_AS_CALLER,      /* it leaves ROOT alone; as its owner if what it writes lies in one */
};

enum cli_group { CLI_RECEIVE, CLI_CONVERT, CLI_LOOK, CLI_EVIDENCE, CLI_OPERATE, CLI_TEST };

struct cli_given {
    const struct cli_option *option;
    const char *value; /* NULL: none */
};

struct cli_args {
    const char *command; /* its name: several may have one run() */
    void *options;       /* the command's struct */
    char **operand;
    int n_operands;
    const struct cli_given *given; /* in the order of the command line */
    size_t n_given;
};

#define CLI_MANY 1000000

struct cli_command {
    const char *name;
    enum cli_group group;
    const char *summary;
    const char *forms; /* what stands behind the name in the usage, a line each; NULL: what options
                          and operands give */
    const char *prose, *notes; /* above and below the options; an empty line parts paragraphs */
    const char *example;
    const struct cli_option *options;
    const char *operand; /* "ID", "PATH": what it is told about; NULL: none */
    int operands_min, operands_max;
    const char *operands_missing; /* what a message says then */
    size_t room;                  /* of the struct for its options, which begins as `defaults` */
    const void *defaults;         /* NULL: zero */
    enum cli_user user;
    int writes;       /* so many of its operands, not only reads what they name */
    bool no_settings; /* a wrong setting is no reason to say nothing */
    int (*run)(struct cli *cli, const struct cli_args *args);
};

/* Every command, in the order of the help; NULL at its end. */
extern const struct cli_command *const cli_commands[];
extern const struct cli_command cli_run, cli_receive, cli_telemetry, cli_watch, cli_import,
    cli_work, cli_convert, cli_probe, cli_serve, cli_list, cli_show, cli_cat, cli_export,
    cli_verify, cli_attach_timestamp, cli_protect, cli_sweep, cli_erase, cli_fsck, cli_backup,
    cli_reindex, cli_retry, cli_drop, cli_track, cli_release, cli_status, cli_simulate, cli_keygen,
    cli_config, cli_help, cli_request, cli_requests, cli_user, cli_vehicles;

/* What holds for every command; --version stands before the command only, as the last of them. */
extern const struct cli_option cli_globals[];

/* The options of a table and of those that it includes; headings and rows, too. Returns their
 * number. */
#define CLI_OPTIONS_MAX 64
size_t cli_options_flat(const struct cli_option *table, struct cli_option out[CLI_OPTIONS_MAX]);

bool cli_is_option(const struct cli_option *o);

/* What can be given behind a command, without headings and rows: its own options, *n_own, and those
 * that hold for every command. NULL: in front of one. */
size_t cli_options_of(const struct cli_command *command, struct cli_option out[CLI_OPTIONS_MAX],
                      size_t *n_own);

/* Reads the words behind argv[0] up to the first operand (whole: all of them, operands are moved
 * behind the options) into given, which has room for argc. Returns the index of the first operand.
 * The first mistake goes into problem, else "". */
#define CLI_PROBLEM_ROOM 1024
int cli_options_read(const struct cli_option *options, size_t n, size_t n_own, bool whole, int argc,
                     char **argv, struct cli_given *given, size_t *n_given,
                     char problem[CLI_PROBLEM_ROOM]);

/* Stores what was given at `base`, or sets it in cfg. CLI_OK, or with a message CLI_USAGE. */
int cli_option_apply(const char *command, const struct cli_given *given, void *base,
                     struct cfg *cfg);

/* Whether an option was given. */
bool cli_given(const struct cli_args *args, const char *name);

/* The options that choose transfers, for a struct catalogue_filter. */
extern const struct cli_option cli_filter_options[];

/* CLI_USAGE, with a message, for a trigger that is neither a known one nor that of any transfer. */
int cli_filter_check(const char *command, struct catalogue *c,
                     const struct catalogue_filter *filter);

/* ---- what the tables say ---- */

void cli_print_help(const struct cli_command *command, FILE *to);
void cli_print_overview(const struct cli_settings *settings, FILE *to);

/* "-o, --output DIR" */
#define CLI_TERM_ROOM 96
const char *cli_option_term(const struct cli_option *o, char out[CLI_TERM_ROOM]);

/* The help of an option, with its words. */
#define CLI_HELP_ROOM 1024
const char *cli_option_help(const struct cli_option *o, const struct cli_settings *settings,
                            char out[CLI_HELP_ROOM]);

/* What stands behind the name in the usage, form by form; *at begins as NULL. False: no more. */
bool cli_usage_form(const struct cli_command *command, const char **at, char *out, size_t room);

/* The manual pages (man(7)), and a completion for bash, zsh or fish. */
void cli_print_manual(const struct cli_settings *settings, FILE *to);
void cli_print_conf_manual(const struct cli_settings *settings, FILE *to);
void cli_print_completion(const char *shell, FILE *to);

/* ---- messages ---- */

/* "dashspool COMMAND: text" on stderr, or where that is for machines an event of the log; returns
 * CLI_FAILED. */
int cli_fail(const char *command, const struct err *err);

/* The same for wrong usage, with a hint at --help; "" is dashspool itself. Returns CLI_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) DS_PRINTF(2, 3);

/* cli_usage() for ERR_CONFIG, else cli_fail(). */
int cli_fail_or_usage(const char *command, const struct err *err);

/* Words that somebody else chose, as a part of a line of ours: text_shown(), in one of eight static
 * buffers. Controls other than a line's end the terminal's guard would find, too (terminal.h). */
const char *cli_shown(const char *text);

/* A file, a package, an id in a command that is proposed: text_shell(), in the same buffers. */
const char *cli_shell(const char *text);

/* Writes JSON to stdout, indented, with a newline. Takes the reference. CLI_FAILED if that fails.
 */
int cli_print_json(const char *command, json_t *value);

/* One of an array that is as cli_print_json() has it, but need not fit in memory; text: what
 * json_dumps() makes of it with JSON_INDENT(2). The end is the caller's: "\n]", of none "[]". */
void cli_print_json_item(bool first, const char *text);

/* ---- and the rest ---- */

/* Before anything is opened: root becomes the owner of the ROOT that the command works on. CLI_OK,
 * or with a message what that user may not do. */
int cli_become_owner(const struct cli *cli, const struct cli_command *command,
                     const struct cli_args *args);

/* Who is at the keyboard, whoever the process has become. */
const char *cli_user_name(void);

/* Tells cli_fail() whose ROOT it is, where it is another user's: it adds how he would be asked. */
void cli_root_is_of(const char *user);
const char *cli_whose_root(const struct err *err); /* what to add to *err; "" nothing */

/* The names of the stages of the settings, enabled or not. *stages is the caller's
 * (stages_free()), out borrows from it and from names. */
int cli_care_stages(const struct cli *cli, struct stages **stages, const char *names[STAGES_MAX],
                    struct spools_known *out, struct err *err) DS_MUST_CHECK;

/* Opens ROOT's catalogue; CLI_FAILED with a message if there is none. */
int cli_catalogue_open(struct cli *cli, const char *command, struct catalogue **out);

/* Shuts this command in, for good, before it reads what strangers have put into ROOT: it reads ROOT
 * (also where folders in it are links) and the time zones, starts nothing and connects to nothing.
 * It writes to the files of a catalogue that is open; `repairs`: anywhere in ROOT, and nowhere
 * else. */
int cli_shut_in(const struct cli *cli, const char *command, bool repairs);

/* The transfer of an ID; CLI_FAILED with a message if there is none. */
int cli_transfer_get(struct catalogue *c, const char *command, const char *id,
                     struct catalogue_transfer *t);

#endif
