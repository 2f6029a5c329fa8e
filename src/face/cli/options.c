/* The command line, read by the tables: which options were given, and what they mean. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cli_is_option(const struct cli_option *o)
{
    return o->kind >= CLI_FLAG;
}

static size_t flatten(const struct cli_option *table, size_t offset, struct cli_option *out,
                      size_t n)
{
    for (const struct cli_option *o = table; o && o->kind != CLI_END; o++) {
        if (o->kind == CLI_TABLE) {
            n = flatten(o->table, offset + o->offset, out, n);
            continue;
        }
        assert(n < CLI_OPTIONS_MAX); /* the tables are ours */
        out[n] = *o;
        out[n++].offset += offset;
    }
    return n;
}

size_t cli_options_flat(const struct cli_option *table, struct cli_option out[CLI_OPTIONS_MAX])
{
    return flatten(table, 0, out, 0);
}

static size_t only_options(const struct cli_option *table, struct cli_option *out, size_t n)
{
    struct cli_option all[CLI_OPTIONS_MAX];
    size_t n_all = cli_options_flat(table, all);
    for (size_t i = 0; i < n_all && n < CLI_OPTIONS_MAX; i++)
        if (cli_is_option(&all[i]))
            out[n++] = all[i];
    return n;
}

size_t cli_options_of(const struct cli_command *command, struct cli_option out[CLI_OPTIONS_MAX],
                      size_t *n_own)
{
    *n_own = only_options(command ? command->options : NULL, out, 0);
    return only_options(cli_globals, out, *n_own) - (command != NULL); /* --version is the last */
}

bool cli_given(const struct cli_args *args, const char *name)
{
    for (size_t i = 0; i < args->n_given; i++)
        if (strcmp(args->given[i].option->name, name) == 0)
            return true;
    return false;
}

/* ---- what they say of themselves ---- */

const char *cli_option_term(const struct cli_option *o, char out[CLI_TERM_ROOM])
{
    char letter[8] = "";
    const char *value = o->value ? o->value : "";
    const char *between = !o->value || strncmp(value, "[=", 2) == 0 ? "" : " ";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(out, CLI_TERM_ROOM, "%s%s%s%s%s", letter, cli_is_option(o) ? "--" : "", o->name,
             between, value);
    return out;
}

const char *cli_option_help(const struct cli_option *o, const struct cli_settings *settings,
                            char out[CLI_HELP_ROOM])
{
    char words[WORDS_TEXT_ROOM];
    const char *mark = strstr(o->help, "{}");
    const char *put = !mark      ? ""
                      : o->words ? words_text(o->words, words)
                      : settings ? settings->installed_config
                                 : "";
    snprintf(out, CLI_HELP_ROOM, "%.*s%s%s", mark ? (int)(mark - o->help) : (int)strlen(o->help),
             o->help, put, mark ? mark + 2 : "");
    return out;
}

static const char *const end_of_forms = "";

bool cli_usage_form(const struct cli_command *command, const char **at, char *out, size_t room)
{
    if (*at == end_of_forms)
        return false;
    if (command->forms) {
        const char *form = *at ? *at : command->forms;
        size_t n = strcspn(form, "\n");
        snprintf(out, room, "%s %.*s", command->name, (int)n, form);
        *at = form[n] ? form + n + 1 : end_of_forms;
        return true;
    }
    bool optional = command->operands_min == 0;
    out[0] = '\0';
    snprintf(out, room, "%s%s", command->name, command->options ? " [OPTION]…" : "");
    if (command->operand)
        snprintf(out + strlen(out), room - strlen(out), " %s%s%s%s", optional ? "[" : "",
                 command->operand, command->operands_max > 1 ? "…" : "", optional ? "]" : "");
    *at = end_of_forms;
    return true;
}

/* ---- which were given ---- */

enum { FIRST_CODE = 256 }; /* behind all letters */

struct reading {
    const struct cli_option *options;
    size_t n, n_own; /* its own come first */
    int argc;
    char **argv;
    struct cli_given *given;
    size_t n_given;
    char *problem;
};

static bool is_optional(const struct cli_option *o)
{
    return o->value && o->value[0] == '[';
}

static void describe(const struct reading *r, struct option longs[], char letters[])
{
    char *l = letters + strlen(letters);
    for (size_t i = 0; i < r->n; i++) {
        const struct cli_option *o = &r->options[i];
        longs[i] = (struct option){o->name,
                                   !o->value        ? no_argument
                                   : is_optional(o) ? optional_argument
                                                    : required_argument,
                                   NULL, FIRST_CODE + (int)i};
        if (o->letter)
            *l++ = o->letter;
        if (o->letter && o->value)
            *l++ = ':';
    }
    longs[r->n] = (struct option){0};
    *l = '\0';
}

static const struct cli_option *option_of(const struct reading *r, int code)
{
    if (code >= FIRST_CODE)
        return &r->options[code - FIRST_CODE];
    for (size_t i = 0; i < r->n; i++)
        if (code && r->options[i].letter == code)
            return &r->options[i];
    return NULL;
}

/* A value that may be left out: behind = , or the next word, if it looks like one. */
static char *optional_value(const struct reading *r, const struct cli_option *o)
{
    const char *next = optind < r->argc ? r->argv[optind] : "";
    bool taken = o->kind == CLI_NUMBER ? *next && strspn(next, "0123456789.") == strlen(next)
                                       : *next && *next != '-';
    return taken ? r->argv[optind++] : NULL;
}

static void add(struct reading *r, const struct cli_option *o, char *value)
{
    if (!value && is_optional(o))
        value = optional_value(r, o);
    if (r->n_given < (size_t)r->argc) /* else one letter after the other: "-hhhh" */
        r->given[r->n_given++] = (struct cli_given){o, value};
}

static void value_is_missing(struct reading *r, const struct cli_option *o, const char *word)
{
    char words[WORDS_TEXT_ROOM];
    if (o && o->kind == CLI_WORD)
        snprintf(r->problem, CLI_PROBLEM_ROOM, "%s: expected %s", word,
                 words_text(o->words, words));
    else
        snprintf(r->problem, CLI_PROBLEM_ROOM, "option %s requires a value", word);
}

/* The one of its own options that the n letters at name begin; the number of such in *found. */
static const struct cli_option *abbreviated(const struct reading *r, const char *name, size_t n,
                                            size_t until, int *found)
{
    const struct cli_option *o = NULL;
    *found = 0;
    for (size_t i = 0; i < until; i++)
        if (strncmp(r->options[i].name, name, n) == 0) {
            o = &r->options[i];
            ++*found;
        }
    return o;
}

/* Of the command's own options and those of every command, an abbreviation means its own: those of
 * every command are no reason to make it ambiguous. False: it is not that. */
static bool take_own(struct reading *r, const char *word)
{
    const char *name = word + 2;
    size_t n = strcspn(name, "=");
    int found;
    const struct cli_option *o = abbreviated(r, name, n, r->n_own, &found);
    bool has_value = name[n] == '=';
    if (found != 1 || (has_value && !o->value))
        return false;
    bool next = !has_value && o->value && !is_optional(o);
    if (next && optind >= r->argc)
        value_is_missing(r, o, word);
    else
        add(r, o, has_value ? r->argv[optind - 1] + 2 + n + 1 : next ? r->argv[optind++] : NULL);
    return true;
}

/* "--optoin=x", or "-x", which getopt_long() does not know. */
static void unknown(struct reading *r, const char *word, int letter)
{
    char name[64], all[WORDS_TEXT_ROOM] = "", text[WORDS_TEXT_ROOM];
    int found;
    if (strncmp(word, "--", 2) != 0) {
        snprintf(r->problem, CLI_PROBLEM_ROOM, "unknown option -%c", letter ? letter : word[1]);
        return;
    }
    size_t n = strcspn(word + 2, "=");
    snprintf(name, sizeof name, "%.*s", (int)n, word + 2);
    abbreviated(r, word + 2, n, r->n, &found);
    struct words_guess guess = {.typed = name};
    for (size_t i = 0; i < r->n; i++) {
        words_guess_try(&guess, r->options[i].name);
        if (strncmp(r->options[i].name, word + 2, n) == 0 && strlen(all) + 40 < sizeof all)
            snprintf(all + strlen(all), 40, "%s--%s", *all ? " " : "", r->options[i].name);
    }
    const char *meant = words_guess(&guess);
    if (found > 1)
        snprintf(r->problem, CLI_PROBLEM_ROOM, "ambiguous option %.60s; did you mean %s?", word,
                 words_text(all, text));
    else
        snprintf(r->problem, CLI_PROBLEM_ROOM, "unknown option %.*s%s%s%s", (int)n + 2, word,
                 meant ? "; did you mean --" : "", meant ? meant : "", meant ? "?" : "");
}

/* What getopt_long() did not like about a word. */
static void object(struct reading *r, int code)
{
    const char *word = r->argv[optind - 1];
    const struct cli_option *o = option_of(r, optopt);
    bool first = !*r->problem;
    char kept[CLI_PROBLEM_ROOM];
    memcpy(kept, r->problem, sizeof kept);
    if (code == ':')
        value_is_missing(r, o, word);
    else if (optopt >= FIRST_CODE)
        snprintf(r->problem, CLI_PROBLEM_ROOM, "option --%s takes no value", o->name);
    else if (optopt != 0 || strncmp(word, "--", 2) != 0 || !take_own(r, word))
        unknown(r, word, optopt);
    if (!first)
        memcpy(r->problem, kept, sizeof kept);
}

int cli_options_read(const struct cli_option *options, size_t n, size_t n_own, bool whole, int argc,
                     char **argv, struct cli_given *given, size_t *n_given,
                     char problem[CLI_PROBLEM_ROOM])
{
    struct option longs[CLI_OPTIONS_MAX + 1];
    char letters[2 * CLI_OPTIONS_MAX + 4];
    struct reading r = {options, n, n_own, argc, argv, given, 0, problem};
    snprintf(letters, sizeof letters, "%s:", whole ? "" : "+");
    describe(&r, longs, letters);
    problem[0] = '\0';
    optind = 0; /* getopt_long() starts anew */
    for (int code; (code = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        if (code == '?' || code == ':')
            object(&r, code);
        else
            add(&r, option_of(&r, code), optarg);
    }
    *n_given = r.n_given;
    return optind;
}

/* ---- what they mean ---- */

static bool read_number(const char *text, double min, double max, double *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtod(text, &end);
    return *text && !*end && errno == 0 && isfinite(*out) && *out >= min && *out <= max;
}

static int store_number(const struct cli_option *o, const char *text, void *at, struct err *err)
{
    double v;
    if (!read_number(text, o->min, o->max, &v) || (o->kind == CLI_INT && v != floor(v)))
        return err_set(err, ERR_CONFIG, "expected a %s from %.15g to %.15g",
                       o->kind == CLI_INT ? "whole number" : "number", o->min, o->max);
    if (o->kind == CLI_INT)
        *(int *)at = (int)v;
    else
        *(double *)at = v;
    return ERR_OK;
}

static int store_text(const struct cli_option *o, const char *text, void *at, struct err *err)
{
    char words[WORDS_TEXT_ROOM];
    size_t n = strlen(text);
    if (o->kind == CLI_WORD && !words_have(o->words, text, n))
        return err_set(err, ERR_CONFIG, "expected %s", words_text(o->words, words));
    if (o->kind == CLI_TEXT && (double)n < o->min)
        return err_set(err, ERR_CONFIG, "value must not be empty");
    if (o->kind == CLI_TEXT && o->max > 0 && (double)n > o->max)
        return err_set(err, ERR_CONFIG, "value is longer than %.0f bytes", o->max);
    *(const char **)at = text;
    return ERR_OK;
}

static int store(const struct cli_given *given, void *base, struct cfg *cfg, struct err *err)
{
    const struct cli_option *o = given->option;
    const char *text = given->value;
    void *at = (char *)base + o->offset;
    if (!text && is_optional(o)) /* what it stands for then is the command's affair */
        return ERR_OK;
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)at = true;
        return ERR_OK;
    case CLI_TEXT:
    case CLI_WORD:
        return store_text(o, text, at, err);
    case CLI_INT:
    case CLI_NUMBER:
        return store_number(o, text, at, err);
    case CLI_TIME:
    case CLI_UNTIL:
        return clock_parse_bound(text, o->kind == CLI_UNTIL, at, err) == ERR_OK
                   ? ERR_OK
                   : err_set(err, ERR_CONFIG, "expected 2024-11-29 or 2024-11-29T07:00:00Z");
    case CLI_SETTING:
        return cfg_set(cfg, o->section->name, o->key, text ? text : o->fixed, "command line", err);
    case CLI_SET:
        return o->set(at, text, err);
    case CLI_END:
    case CLI_HEADING:
    case CLI_ROW:
    case CLI_TABLE:
        break;
    }
    return ERR_OK;
}

int cli_option_apply(const char *command, const struct cli_given *given, void *base,
                     struct cfg *cfg)
{
    struct err err;
    const struct cli_option *o = given->option;
    if (store(given, base, cfg, &err) == ERR_OK)
        return CLI_OK;
    const char *form = strstr(err.text, "expected "); /* of a setting: "key = value: expected" */
    if (form && given->value && (form == err.text || o->kind == CLI_SETTING))
        return cli_usage(command, "--%s %s: %s", o->name, given->value, form);
    if (o->kind == CLI_SETTING)
        return cli_usage(command, "%s", err.text);
    return cli_usage(command, "--%s: %s", o->name, err.text);
}
