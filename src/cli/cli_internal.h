/* What the commands share. */
#ifndef DASHSPOOL_CLI_INTERNAL_H
#define DASHSPOOL_CLI_INTERNAL_H

#include "dashspool/catalogue.h"
#include "dashspool/cli.h"
#include "dashspool/wire.h"
#include <getopt.h>
#include <jansson.h>

/* "dashspool COMMAND: text" on stderr; returns CLI_FAILED. */
int cli_fail(const char *command, const struct err *err);

/* The same for wrong usage, with a hint at --help; returns CLI_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) DS_PRINTF(2, 3);

/* For the default branch of a getopt_long() loop that was called with ":" and "h": prints help for
 * 'h' (returns CLI_OK), says what is wrong else (returns CLI_USAGE). */
int cli_option(int option, char **argv, const char *help);

/* "2.1 MB" (decimal units, as disks and data plans count). */
const char *cli_size(int64_t bytes, char out[24]);

/* A number in a range; false with a message on stderr if it is not one. */
bool cli_number(const char *command, const char *option, const char *text, double min, double max,
                double *out);

/* Writes JSON to stdout, indented, with a newline. Takes the reference. CLI_FAILED if that fails.
 */
int cli_print_json(const char *command, json_t *value);

/* Opens ROOT's catalogue; CLI_FAILED with a message if there is none. */
int cli_catalogue_open(struct cli *cli, const char *command, struct catalogue **out);

/* The transfer of an ID; CLI_FAILED with a message if there is none. */
int cli_transfer_get(struct catalogue *c, const char *command, const char *id,
                     struct catalogue_transfer *t);

/* The one argument of a command that takes an ID (and --json, --custody, where these are not NULL);
 * -1: help was asked for and given. */
int cli_one_id(int argc, char **argv, const char *help, bool *json, bool *custody, const char **id);

/* RFC 3339, UTC, with milliseconds. */
json_t *cli_time_json(int64_t utc_us);

/* "dualcam", "dsm", "adas" or "json", and what is decoded; NULL: there are none that can be read.
 */
const char *cli_metadata_form(const struct catalogue_transfer *t, struct wire_meta *out);

/* Everything that the catalogue knows of a transfer, but its parts and copies; values that are not
 * plausible are under "untrusted". copies and arrivals are taken. NULL: out of memory. */
json_t *cli_transfer_json(const struct catalogue_transfer *t, json_t *arrivals, json_t *copies);
json_t *cli_copy_json(const struct catalogue_copy *copy);

/* catalogue_copy_fn, catalogue_arrival_fn: appends to the JSON array `arg`. */
int cli_add_copy_json(void *arg, const struct catalogue_copy *copy, struct err *err);
int cli_add_arrival_json(void *arg, const struct catalogue_arrival *a, struct err *err);

/* The lines of `show` on the vote on the picture rate and the time of day, from a copy's settings.
 */
void cli_print_timing(json_t *settings);

#endif
