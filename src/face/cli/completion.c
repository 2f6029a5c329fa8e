/* What completes in bash, zsh and fish, made of the tables of options: commands, each one's
 * options, and behind them files, directories, words or the IDs of ROOT. */
#include "cli_internal.h"
#include <string.h>

/* The IDs that `list` tells. ROOT may be large: one camera unit's, once its number is there, and no
 * longer than 2 s. They are not expanded by the shell: what is not of an ID's letters is left out.
 */
#define LIST_IDS                                     \
    "timeout 2 dashspool %s list %s 2>/dev/null |\n" \
    "        awk 'NR > 1 && $1 ~ /^[0-9A-Za-z._-]+$/ { print $1 }'\n"

/* What a shell offers for a value or an operand, by the word that stands for it. */
enum offer { OFFER_NOTHING, OFFER_FILES, OFFER_DIRS, OFFER_IDS, OFFER_COMMANDS, OFFER_WORDS };

static enum offer offer_of(const char *word)
{
    static const struct {
        const char *word;
        enum offer offer;
    } offers[] = {{"FILE", OFFER_FILES},      {"PATH", OFFER_FILES}, {"PACKAGE", OFFER_FILES},
                  {"TOKEN", OFFER_FILES},     {"DIR", OFFER_DIRS},   {"ID", OFFER_IDS},
                  {"COMMAND", OFFER_COMMANDS}};
    word += *word == '[';
    size_t n = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++)
        if (strlen(offers[i].word) == n && strncmp(word, offers[i].word, n) == 0)
            return offers[i].offer;
    return OFFER_NOTHING;
}

static enum offer offer_of_option(const struct cli_option *o)
{
    return o->words ? OFFER_WORDS : o->value ? offer_of(o->value) : OFFER_NOTHING;
}

static enum offer offer_of_command(const struct cli_command *c)
{
    return c->operand ? offer_of(c->operand) : OFFER_NOTHING;
}

/* In single quotes; `also` gets a backslash in front. */
static void put_quoted(FILE *to, const char *text, const char *also)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", to);
        else if (strchr(also, *text))
            fprintf(to, "\\%c", *text);
        else
            fputc(*text, to);
    }
}

static void put_command_names(FILE *to)
{
    for (size_t i = 0; cli_commands[i]; i++)
        fprintf(to, "%s ", cli_commands[i]->name);
}

/* The options that take the next word, in front of a command: "--config | --log-level". */
static void put_globals_with_value(FILE *to, const char *before, const char *between)
{
    struct cli_option o[CLI_OPTIONS_MAX];
    size_t n_own, n = cli_options_of(NULL, o, &n_own);
    for (size_t i = 0; i < n; i++)
        if (o[i].value) {
            fprintf(to, "%s--%s", before, o[i].name);
            before = between;
        }
}

/* ---- bash ---- */

static const char bash_head[] =
    "# dashspool(1) in bash, made by 'dashspool help --completion bash'.\n"
    "_dashspool_ids()\n"
    "{\n"
    "    local one=()\n"
    "    [[ $cur =~ ^[0-9]{15} ]] && one=(--imei \"${cur:0:15}\")\n"
    "    " LIST_IDS "}\n"
    "\n"
    "_dashspool()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local command options operand=none takes root=() i\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --root) root=(--root \"${COMP_WORDS[++i]/#\\~\\//$HOME/}\") ;;\n";

static const char bash_middle[] = ") ((++i)) ;;\n"
                                  "        -*) ;;\n"
                                  "        *) command=${command:-${COMP_WORDS[i]}} ;;\n"
                                  "        esac\n"
                                  "    done\n"
                                  "    case $command:$prev in\n";

static const char bash_tail[] =
    "    esac\n"
    "    if [[ -z $takes && $cur == -* ]]; then\n"
    "        takes=\"words $options\"\n"
    "    fi\n"
    "    COMPREPLY=()\n"
    "    case ${takes:-$operand} in\n"
    "    file) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") && compopt -o filenames ;;\n"
    "    dir) mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") && compopt -o filenames ;;\n"
    "    id) mapfile -t COMPREPLY < <(compgen -W \"$(_dashspool_ids)\" -- \"$cur\") ;;\n"
    "    command) mapfile -t COMPREPLY < <(compgen -W \"$commands\" -- \"$cur\") ;;\n"
    "    words*) mapfile -t COMPREPLY < <(compgen -W \"${takes#words }\" -- \"$cur\") ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _dashspool dashspool\n";

static const char *const bash_offers[] = {
    [OFFER_NOTHING] = "other", [OFFER_FILES] = "file",       [OFFER_DIRS] = "dir",
    [OFFER_IDS] = "id",        [OFFER_COMMANDS] = "command", [OFFER_WORDS] = "words"};

static void bash_value(FILE *to, const char *command, const char *dashes, const char *name,
                       const struct cli_option *o)
{
    fprintf(to, "    %s:%s%s) takes='%s%s%s' ;;\n", command, dashes, name,
            bash_offers[offer_of_option(o)], o->words ? " " : "", o->words ? o->words : "");
}

/* What the options with a value take. An own one comes before one of the same name that holds for
 * every command. */
static void bash_values(FILE *to, const struct cli_command *c)
{
    struct cli_option o[CLI_OPTIONS_MAX];
    size_t n_own, n = cli_options_of(c, o, &n_own);
    for (size_t i = 0; i < n; i++) {
        char letter[2] = {o[i].letter, '\0'};
        if (!o[i].value)
            continue;
        bash_value(to, c ? c->name : "", "--", o[i].name, &o[i]);
        if (o[i].letter)
            bash_value(to, c ? c->name : "", "-", letter, &o[i]);
    }
}

static void bash_options(FILE *to, const struct cli_command *c)
{
    struct cli_option o[CLI_OPTIONS_MAX];
    size_t n_own, n = cli_options_of(c, o, &n_own);
    fprintf(to, "    %s) operand=%s options='", c ? c->name : "''",
            !c           ? "command"
            : c->operand ? bash_offers[offer_of_command(c)]
                         : "none");
    for (size_t i = 0; i < n; i++)
        fprintf(to, "%s--%s", i > 0 ? " " : "", o[i].name);
    fputs("' ;;\n", to);
}

static void print_bash(FILE *to)
{
    fprintf(to, bash_head, "\"${root[@]}\"", "\"${one[@]}\"");
    put_globals_with_value(to, "        ", " | ");
    fputs(bash_middle, to);
    bash_values(to, NULL);
    for (size_t i = 0; cli_commands[i]; i++)
        bash_values(to, cli_commands[i]);
    fputs("    esac\n    local commands='", to);
    put_command_names(to);
    fputs("'\n    case $command in\n", to);
    bash_options(to, NULL);
    for (size_t i = 0; cli_commands[i]; i++)
        bash_options(to, cli_commands[i]);
    fputs(bash_tail, to);
}

/* ---- zsh ---- */

static const char zsh_head[] = "#compdef dashspool\n"
                               "# dashspool(1) in zsh, made by 'dashspool help --completion zsh'.\n"
                               "_dashspool_ids() {\n"
                               "    local -a ids one\n"
                               "    [[ $PREFIX == [0-9](#c15)* ]] && one=(--imei ${PREFIX[1,15]})\n"
                               "    ids=(${(f)\"$(" LIST_IDS ")\"})\n"
                               "    compadd -a ids\n"
                               "}\n"
                               "\n"
                               "_dashspool() {\n"
                               "    setopt local_options extended_glob\n"
                               "    local context state state_descr line\n"
                               "    local -A opt_args\n"
                               "    local -a commands root\n"
                               "    commands=(\n";

static const char zsh_middle[] =
    " \\\n        '1: :->command' '*:: :->arguments' && return\n"
    "    [[ -n $opt_args[--root] ]] && root=(--root ${(Q)opt_args[--root]})\n"
    "    if [[ $state == command ]]; then\n"
    "        _describe command commands\n"
    "        return\n"
    "    fi\n"
    "    case $words[1] in\n";

static void zsh_action(FILE *to, enum offer offer, const char *words)
{
    static const char *const actions[] = {[OFFER_NOTHING] = " ",
                                          [OFFER_FILES] = "_files",
                                          [OFFER_DIRS] = "_directories",
                                          [OFFER_IDS] = "_dashspool_ids",
                                          [OFFER_COMMANDS] = "{_describe command commands}"};
    if (offer == OFFER_WORDS)
        fprintf(to, "(%s)", words);
    else
        fputs(actions[offer], to);
}

static void zsh_option(FILE *to, const char *dashes, const char *name, const struct cli_option *o)
{
    char help[CLI_HELP_ROOM];
    bool last_word = strcmp(o->name, "help") == 0 || strcmp(o->name, "version") == 0;
    fprintf(to, " \\\n            '%s%s%s[", last_word ? "(- *)" : "*", dashes, name);
    put_quoted(to, cli_option_help(o, NULL, help), "[]:\\");
    fputc(']', to);
    if (o->value) {
        fputs(o->value[0] == '[' ? "::" : ":", to);
        put_quoted(to, o->value, ":\\[]");
        fputc(':', to);
        zsh_action(to, offer_of_option(o), o->words);
    }
    fputc('\'', to);
}

static void zsh_options(FILE *to, const struct cli_command *c)
{
    struct cli_option o[CLI_OPTIONS_MAX];
    size_t n_own, n = cli_options_of(c, o, &n_own);
    for (size_t i = 0; i < n; i++) {
        char letter[2] = {o[i].letter, '\0'};
        zsh_option(to, "--", o[i].name, &o[i]);
        if (o[i].letter)
            zsh_option(to, "-", letter, &o[i]);
    }
}

static void zsh_command(FILE *to, const struct cli_command *c)
{
    fprintf(to, "    %s)\n        _arguments", c->name);
    zsh_options(to, c);
    if (c->operand) {
        fprintf(to, " \\\n            '*:%s:", bash_offers[offer_of_command(c)]);
        zsh_action(to, offer_of_command(c), "");
        fputc('\'', to);
    }
    fputs("\n        ;;\n", to);
}

static void print_zsh(FILE *to)
{
    fprintf(to, zsh_head, "$root", "$one");
    for (size_t i = 0; cli_commands[i]; i++) {
        fprintf(to, "        '%s:", cli_commands[i]->name);
        put_quoted(to, cli_commands[i]->summary, ":\\");
        fputs("'\n", to);
    }
    fputs("    )\n    _arguments -C", to);
    zsh_options(to, NULL);
    fputs(zsh_middle, to);
    for (size_t i = 0; cli_commands[i]; i++)
        zsh_command(to, cli_commands[i]);
    fputs("    esac\n}\n_dashspool \"$@\"\n", to);
}

/* ---- fish ---- */

static const char fish_head[] =
    "# dashspool(1) in fish, made by 'dashspool help --completion fish'.\n"
    "function __dashspool_words # --root DIR, or the command\n"
    "    set -l words (commandline -opc)\n"
    "    set -l command\n"
    "    set -e words[1]\n"
    "    while set -q words[1]\n"
    "        if contains -- $words[1]";

static const char fish_middle[] =
    "\n"
    "            test \"$argv[1]\" = root -a \"$words[1]\" = --root\n"
    "            and printf '%%s\\n' --root $words[2]\n"
    "            set -e words[1]\n"
    "        else if test -z \"$command\"; and not string match -q -- '-*' $words[1]\n"
    "            set command $words[1]\n"
    "        end\n"
    "        set -e words[1]\n"
    "    end\n"
    "    test \"$argv[1]\" = command\n"
    "    and echo $command\n"
    "end\n"
    "function __dashspool_ids\n"
    "    set -l one (string match -r '^[0-9]{15}' -- (commandline -ct))\n"
    "    and set one --imei $one\n"
    "    " LIST_IDS "end\n"
    "complete -c dashspool -f\n";

/* A condition for the command, NULL: for the time before one. */
static void fish_begin(FILE *to, const struct cli_command *c)
{
    if (c)
        fprintf(to, "complete -c dashspool -n 'test (__dashspool_words command) = %s'", c->name);
    else
        fputs("complete -c dashspool -n 'test -z (__dashspool_words command)'", to);
}

static void fish_action(FILE *to, enum offer offer, const char *words)
{
    if (offer == OFFER_FILES)
        fputs(" -F", to);
    else if (offer == OFFER_DIRS)
        fputs(" -a '(__fish_complete_directories)'", to);
    else if (offer == OFFER_IDS)
        fputs(" -a '(__dashspool_ids)'", to);
    else if (offer == OFFER_COMMANDS)
        fputs(" -a '", to), put_command_names(to), fputs("'", to);
    else if (offer == OFFER_WORDS)
        fprintf(to, " -a '%s'", words);
}

static void fish_options(FILE *to, const struct cli_command *c)
{
    struct cli_option o[CLI_OPTIONS_MAX];
    char help[CLI_HELP_ROOM];
    size_t n_own, n = cli_options_of(c, o, &n_own);
    for (size_t i = 0; i < n; i++) {
        enum offer offer = offer_of_option(&o[i]);
        fish_begin(to, c);
        fprintf(to, " -l %s", o[i].name);
        if (o[i].letter)
            fprintf(to, " -s %c", o[i].letter);
        fputs(!o[i].value || o[i].value[0] == '[' ? "" : offer == OFFER_FILES ? " -r" : " -x", to);
        fish_action(to, offer, o[i].words);
        fputs(" -d '", to);
        put_quoted(to, cli_option_help(&o[i], NULL, help), "\\");
        fputs("'\n", to);
    }
}

static void print_fish(FILE *to)
{
    fputs(fish_head, to);
    put_globals_with_value(to, " ", " ");
    fprintf(to, fish_middle, "(__dashspool_words root)", "$one");
    fish_options(to, NULL);
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *c = cli_commands[i];
        fish_begin(to, NULL);
        fprintf(to, " -a %s -d '", c->name);
        put_quoted(to, c->summary, "\\");
        fputs("'\n", to);
        fish_options(to, c);
        if (offer_of_command(c) != OFFER_NOTHING) {
            fish_begin(to, c);
            fish_action(to, offer_of_command(c), "");
            fputc('\n', to);
        }
    }
}

/* ---- */

void cli_print_completion(const char *shell, FILE *to)
{
    if (strcmp(shell, "bash") == 0)
        print_bash(to);
    else if (strcmp(shell, "zsh") == 0)
        print_zsh(to);
    else
        print_fish(to);
}
