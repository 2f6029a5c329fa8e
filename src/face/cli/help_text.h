/*
 * help_text: the help of a command, taken apart, so that manual pages and completions say what
 * --help says. It is text of our own, in this form (spans of a kind are parted by an empty line):
 *
 *     usage: dashspool list [--imei N] …      HELP_USAGE; "       dashspool …" is another one,
 *                                             other lines below go on with it
 *     Lists transfers, oldest first.          HELP_PROSE
 *     what the camera would have told:        HELP_HEADING: one line with a colon at its end
 *       --imei N   of one camera              HELP_ITEM: two spaces, term, two or more, text;
 *                  unit (15 digits)           lines with more than two spaces go on with it
 *     example: dashspool list                 HELP_EXAMPLE; lines below it begin under its text
 *
 * Lines are joined by a space, those of an example by a newline.
 */
#ifndef CLI_HELP_TEXT_H
#define CLI_HELP_TEXT_H

#include "dashspool/cli.h"

enum help_kind { HELP_USAGE, HELP_PROSE, HELP_HEADING, HELP_ITEM, HELP_EXAMPLE };

struct help_part {
    enum help_kind kind;
    const char *term; /* of an item; else "" */
    const char *text;
};

struct help {
    struct help_part *parts;
    size_t n_parts;
    char *bytes; /* what the parts point into */
};

/* *out is the caller's (help_clear), on failure empty. ERR_NOMEM. */
int help_parse(struct help *out, const char *text, struct err *err) DS_MUST_CHECK;

/* The same of what a command prints when it is asked for its --help. ERR_IO, too. */
int help_of(struct help *out, struct cli *cli, const struct cli_command *command,
            struct err *err) DS_MUST_CHECK;
void help_clear(struct help *help);

/* Calls fn for each option of the items, and of the usage where no item has it. */
struct help_option {
    char name[32];    /* "--imei", "-o" */
    char value[32];   /* "N", "FILE", "aac|flac"; "": it takes none */
    const char *text; /* of its item; "" */
};
typedef void help_option_fn(void *arg, const struct help_option *option);
void help_options(const struct help *help, help_option_fn *fn, void *arg);

/* What a value is, by the word that stands for it, and what stands behind a command. */
enum help_value {
    HELP_NONE,
    HELP_OTHER,
    HELP_FILE,
    HELP_DIR,
    HELP_ID,
    HELP_COMMAND,
    HELP_WORDS /* a|b */
};
enum help_value help_value_of(const char *word);
enum help_value help_operand(const struct help *help);

/* The manual pages (man(7)), and a completion. CLI_OK, or with a message CLI_FAILED or, for a shell
 * that is not known, CLI_USAGE. */
int help_print_manual(struct cli *cli, FILE *to);
int help_print_conf_manual(struct cli *cli, FILE *to);
int help_print_completion(struct cli *cli, const char *shell, FILE *to);

#endif
