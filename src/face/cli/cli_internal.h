/* What the commands share. */
#ifndef DASHSPOOL_CLI_INTERNAL_H
#define DASHSPOOL_CLI_INTERNAL_H

#include "dashspool/catalogue.h"
#include "dashspool/cli.h"
#include "dashspool/facts.h"
#include "dashspool/recipe.h"
#include "dashspool/size.h"
#include "dashspool/stages.h"
#include "dashspool/upkeep.h"
#include <getopt.h>
#include <jansson.h>

/* "dashspool COMMAND: text" on stderr, or where that is for machines an event of the log; returns
 * CLI_FAILED. */
int cli_fail(const char *command, const struct err *err);

/* The same for wrong usage, with a hint at --help; returns CLI_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) DS_PRINTF(2, 3);

/* For the default branch of a getopt_long() loop that was called with ":" and "h": prints help for
 * 'h' (returns CLI_OK), says what is wrong else (returns CLI_USAGE). */
int cli_option(int option, char **argv, const char *help);

/* Bytes that somebody else chose, for a terminal and for JSON: what is no printable ASCII becomes
 * '?', what has no room is cut off. */
void cli_printable(const char *text, char *out, size_t room);

/* Who is at the keyboard. */
const char *cli_user_name(void);

/* A number in a range; false with a message on stderr if it is not one. */
bool cli_number(const char *command, const char *option, const char *text, double min, double max,
                double *out);

/* Writes JSON to stdout, indented, with a newline. Takes the reference. CLI_FAILED if that fails.
 */
int cli_print_json(const char *command, json_t *value);

/* The names of the stages of the settings, enabled or not. *stages is the caller's
 * (stages_free()), out borrows from it and from names. */
int cli_known_stages(const struct cli *cli, struct stages **stages, const char *names[STAGES_MAX],
                     struct spools_known *out, struct err *err) DS_MUST_CHECK;

/* Opens ROOT's catalogue; CLI_FAILED with a message if there is none. */
int cli_catalogue_open(struct cli *cli, const char *command, struct catalogue **out);

/* The transfer of an ID; CLI_FAILED with a message if there is none. */
int cli_transfer_get(struct catalogue *c, const char *command, const char *id,
                     struct catalogue_transfer *t);

/* The options that choose transfers, of list and export. */
#define CLI_FILTER_OPTIONS                                                                 \
    {"imei", required_argument, NULL, 'i'}, {"camera", required_argument, NULL, 'c'},      \
        {"kind", required_argument, NULL, 'k'}, {"trigger", required_argument, NULL, 't'}, \
        {"since", required_argument, NULL, 's'},                                           \
    {                                                                                      \
        "until", required_argument, NULL, 'u'                                              \
    }

enum cli_filter { CLI_FILTER_OTHER, CLI_FILTER_TAKEN, CLI_FILTER_BAD /* it was said why */ };
enum cli_filter cli_filter_option(const char *command, int o, const char *value,
                                  struct catalogue_filter *filter);

/* The one argument of a command that takes an ID (and --json, --custody, where these are not NULL);
 * -1: help was asked for and given. */
int cli_one_id(int argc, char **argv, const char *help, bool *json, bool *custody, const char **id);

/* The lines of `show` on the vote on the picture rate and the time of day, from a copy's settings.
 */
void cli_print_timing(const struct recipe_settings *s);

#endif
