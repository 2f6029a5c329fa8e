/* What completes in bash, zsh and fish, made of the help texts: commands, each one's options, and
 * behind them files, directories, words or the IDs of ROOT, as far as a help text tells. */
#include "cli_internal.h"
#include "help_text.h"
#include <string.h>

/* The IDs that `list` tells. ROOT may be large: one camera unit's, once its number is there, and no
 * longer than 2 s. They are not expanded by the shell: what is not of an ID's letters is left out.
 */
#define LIST_IDS                                     \
    "timeout 2 dashspool %s list %s 2>/dev/null |\n" \
    "        awk 'NR > 1 && $1 ~ /^[0-9A-Za-z._-]+$/ { print $1 }'\n"

struct writer {
    struct cli *cli;
    FILE *to;
    const struct cli_command *command; /* whose options these are */
};

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

/* a|b as words of a shell. */
static void put_choice(FILE *to, const char *value)
{
    for (; *value; value++)
        fputc(*value == '|' ? ' ' : *value, to);
}

static int each_command(struct writer *w, int (*fn)(struct writer *w, const struct help *help))
{
    struct err err;
    for (size_t i = 0; i < w->cli->tables->n_commands; i++) {
        struct help help;
        w->command = &w->cli->tables->commands[i];
        int rc = help_of(&help, w->cli, w->command, &err);
        if (rc < 0)
            return cli_fail("help", &err);
        fn(w, &help);
        help_clear(&help);
    }
    return CLI_OK;
}

static void put_command_names(const struct writer *w)
{
    for (size_t i = 0; i < w->cli->tables->n_commands; i++)
        fprintf(w->to, "%s ", w->cli->tables->commands[i].name);
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
    "        --root) root=(--root \"${COMP_WORDS[++i]/#\\~\\//$HOME/}\") ;;\n"
    "        --config | --log-level) ((++i)) ;;\n"
    "        -*) ;;\n"
    "        *)\n"
    "            command=${COMP_WORDS[i]}\n"
    "            break\n"
    "            ;;\n"
    "        esac\n"
    "    done\n"
    "    case $command:$prev in\n"
    "    :--root | :--config) takes=dir ;;\n"
    "    *:--log-level) takes='words error warn info debug' ;;\n";

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

static const char *const bash_kinds[] = {
    [HELP_NONE] = "none", [HELP_OTHER] = "other",     [HELP_FILE] = "file",  [HELP_DIR] = "dir",
    [HELP_ID] = "id",     [HELP_COMMAND] = "command", [HELP_WORDS] = "words"};

static void bash_value(void *arg, const struct help_option *o)
{
    struct writer *w = arg;
    enum help_value value = help_value_of(o->value);
    if (value == HELP_NONE)
        return;
    fprintf(w->to, "    %s:%s) takes='%s", w->command->name, o->name, bash_kinds[value]);
    if (value == HELP_WORDS) {
        fputc(' ', w->to);
        put_choice(w->to, o->value);
    }
    fputs("' ;;\n", w->to);
}

static void bash_name(void *arg, const struct help_option *o)
{
    fprintf(((struct writer *)arg)->to, "%s ", o->name);
}

static int bash_values(struct writer *w, const struct help *help)
{
    help_options(help, bash_value, w);
    return 0;
}

static int bash_options(struct writer *w, const struct help *help)
{
    fprintf(w->to, "    %s) operand=%s options='", w->command->name,
            bash_kinds[help_operand(help)]);
    help_options(help, bash_name, w);
    fputs("--help' ;;\n", w->to);
    return 0;
}

static int print_bash(struct writer *w)
{
    fprintf(w->to, bash_head, "\"${root[@]}\"", "\"${one[@]}\"");
    int rc = each_command(w, bash_values);
    fputs("    esac\n    local commands='", w->to);
    put_command_names(w);
    fputs("'\n    case $command in\n"
          "    '') operand=command options='--root --config --log-level --log-json "
          "--version --help' ;;\n",
          w->to);
    if (rc == CLI_OK)
        rc = each_command(w, bash_options);
    fputs(bash_tail, w->to);
    return rc;
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
    "    )\n"
    "    _arguments -C '--root[where everything is kept]:directory:_directories' \\\n"
    "        '--config[settings]:directory:_directories' \\\n"
    "        '--log-level[what is said]:level:(error warn info debug)' \\\n"
    "        '--log-json[each line is a JSON object]' '(- *)--version[version]' \\\n"
    "        '(- *)--help[help]' '1: :->command' '*:: :->arguments' && return\n"
    "    [[ -n $opt_args[--root] ]] && root=(--root ${(Q)opt_args[--root]})\n"
    "    if [[ $state == command ]]; then\n"
    "        _describe command commands\n"
    "        return\n"
    "    fi\n"
    "    case $words[1] in\n";

static void zsh_action(FILE *to, enum help_value value, const char *words)
{
    if (value == HELP_WORDS)
        fputs("(", to), put_choice(to, words), fputs(")", to);
    else
        fputs(value == HELP_FILE      ? "_files"
              : value == HELP_DIR     ? "_directories"
              : value == HELP_ID      ? "_dashspool_ids"
              : value == HELP_COMMAND ? "{_describe command commands}"
                                      : " ",
              to);
}

static void zsh_option(void *arg, const struct help_option *o)
{
    struct writer *w = arg;
    fprintf(w->to, " \\\n            '*%s[", o->name);
    put_quoted(w->to, o->text, "[]:\\");
    fputc(']', w->to);
    if (o->value[0]) {
        fputc(':', w->to);
        put_quoted(w->to, o->value, ":\\");
        fputc(':', w->to);
        zsh_action(w->to, help_value_of(o->value), o->value);
    }
    fputc('\'', w->to);
}

static int zsh_command(struct writer *w, const struct help *help)
{
    enum help_value operand = help_operand(help);
    fprintf(w->to, "    %s)\n        _arguments", w->command->name);
    help_options(help, zsh_option, w);
    fputs(" \\\n            '(- *)--help[help]'", w->to);
    if (operand != HELP_NONE) {
        fprintf(w->to, " '*:%s:", bash_kinds[operand]);
        zsh_action(w->to, operand, "");
        fputc('\'', w->to);
    }
    fputs("\n        ;;\n", w->to);
    return 0;
}

static int print_zsh(struct writer *w)
{
    fprintf(w->to, zsh_head, "$root", "$one");
    for (size_t i = 0; i < w->cli->tables->n_commands; i++) {
        fprintf(w->to, "        '%s:", w->cli->tables->commands[i].name);
        put_quoted(w->to, w->cli->tables->commands[i].summary, ":\\");
        fputs("'\n", w->to);
    }
    fputs(zsh_middle, w->to);
    int rc = each_command(w, zsh_command);
    fputs("    esac\n}\n_dashspool \"$@\"\n", w->to);
    return rc;
}

/* ---- fish ---- */

static const char fish_head[] =
    "# dashspool(1) in fish, made by 'dashspool help --completion fish'.\n"
    "function __dashspool_words # --root DIR, or the command\n"
    "    set -l words (commandline -opc)\n"
    "    set -e words[1]\n"
    "    while string match -q -- '-*' $words[1]\n"
    "        if contains -- $words[1] --root --config --log-level\n"
    "            test \"$argv[1]\" = root -a \"$words[1]\" = --root\n"
    "            and printf '%%s\\n' --root $words[2]\n"
    "            set -e words[1]\n"
    "        end\n"
    "        set -e words[1]\n"
    "    end\n"
    "    test \"$argv[1]\" = command\n"
    "    and echo $words[1]\n"
    "end\n"
    "function __dashspool_ids\n"
    "    set -l one (string match -r '^[0-9]{15}' -- (commandline -ct))\n"
    "    and set one --imei $one\n"
    "    " LIST_IDS "end\n"
    "complete -c dashspool -f\n"
    "complete -c dashspool -n 'test -z (__dashspool_words command)' -l root -x \\\n"
    "    -a '(__fish_complete_directories)' -d 'where everything is kept'\n"
    "complete -c dashspool -n 'test -z (__dashspool_words command)' -l config -x \\\n"
    "    -a '(__fish_complete_directories)' -d settings\n"
    "complete -c dashspool -n 'test -z (__dashspool_words command)' -l log-level -x \\\n"
    "    -a 'error warn info debug' -d 'what is said'\n"
    "complete -c dashspool -n 'test -z (__dashspool_words command)' -l log-json \\\n"
    "    -d 'each line is a JSON object'\n"
    "complete -c dashspool -n 'test -z (__dashspool_words command)' -l version -d version\n";

static void fish_begin(const struct writer *w)
{
    fprintf(w->to, "complete -c dashspool -n 'test (__dashspool_words command) = %s'",
            w->command->name);
}

static void fish_action(const struct writer *w, enum help_value value, const char *words)
{
    if (value == HELP_FILE)
        fputs(" -F", w->to);
    else if (value == HELP_DIR)
        fputs(" -a '(__fish_complete_directories)'", w->to);
    else if (value == HELP_ID)
        fputs(" -a '(__dashspool_ids)'", w->to);
    else if (value == HELP_COMMAND)
        fputs(" -a '", w->to), put_command_names(w), fputs("'", w->to);
    else if (value == HELP_WORDS)
        fputs(" -a '", w->to), put_choice(w->to, words), fputs("'", w->to);
}

static void fish_option(void *arg, const struct help_option *o)
{
    struct writer *w = arg;
    enum help_value value = help_value_of(o->value);
    fish_begin(w);
    fprintf(w->to, o->name[1] == '-' ? " -l %s" : " -s %s", o->name + (o->name[1] == '-' ? 2 : 1));
    fputs(value == HELP_NONE ? "" : value == HELP_FILE ? " -r" : " -x", w->to);
    fish_action(w, value, o->value);
    fputs(" -d '", w->to);
    put_quoted(w->to, o->text, "\\");
    fputs("'\n", w->to);
}

static int fish_command(struct writer *w, const struct help *help)
{
    enum help_value operand = help_operand(help);
    fprintf(w->to, "complete -c dashspool -n 'test -z (__dashspool_words command)' -a %s -d '",
            w->command->name);
    put_quoted(w->to, w->command->summary, "\\");
    fputs("'\n", w->to);
    help_options(help, fish_option, w);
    if (operand > HELP_OTHER) {
        fish_begin(w);
        fish_action(w, operand, "");
        fputc('\n', w->to);
    }
    return 0;
}

static int print_fish(struct writer *w)
{
    fprintf(w->to, fish_head, "(__dashspool_words root)", "$one");
    return each_command(w, fish_command);
}

/* ---- */

int help_print_completion(struct cli *cli, const char *shell, FILE *to)
{
    struct writer w = {cli, to, NULL};
    if (strcmp(shell, "bash") == 0)
        return print_bash(&w);
    if (strcmp(shell, "zsh") == 0)
        return print_zsh(&w);
    if (strcmp(shell, "fish") == 0)
        return print_fish(&w);
    return cli_usage("help", "--completion %s: expected bash, zsh or fish", shell);
}
