/* --log-level and --log-json, before the command or behind it. The environment takes them to the
 * processes that this one starts: those of run say the same as run. */
#include "cli_internal.h"
#include "dashspool/log.h"
#include <stdlib.h>
#include <string.h>

#define LEVEL_NAME "DASHSPOOL_LOG_LEVEL"
#define JSON_NAME  "DASHSPOOL_LOG_JSON"

struct wish {
    const char *level, *level_from; /* a word, and who gave it */
    const char *json;               /* "yes"; or not */
};

/* The words of argv that argv[i] with what belongs to it takes; 0: it is none of ours. */
static int take_word(struct wish *wish, char **argv, int i, int argc)
{
    static const char level[] = "--log-level";
    size_t n = sizeof level - 1;
    if (strcmp(argv[i], "--log-json") == 0) {
        wish->json = "yes";
        return 1;
    }
    if (strncmp(argv[i], level, n) != 0 || (argv[i][n] && argv[i][n] != '='))
        return 0;
    wish->level_from = level;
    wish->level = argv[i][n] ? argv[i] + n + 1 : i + 1 < argc ? argv[i + 1] : "";
    return !argv[i][n] && i + 1 < argc ? 2 : 1;
}

static void take_words(struct wish *wish, int *argc, char **argv)
{
    int kept = 0, i = 0;
    while (i < *argc && strcmp(argv[i], "--") != 0) {
        int n = take_word(wish, argv, i, *argc);
        if (n == 0)
            argv[kept++] = argv[i++];
        i += n;
    }
    while (i < *argc)
        argv[kept++] = argv[i++];
    argv[kept] = NULL;
    *argc = kept;
}

int cli_log_options(int *argc, char **argv)
{
    struct wish wish = {getenv(LEVEL_NAME), LEVEL_NAME, getenv(JSON_NAME)};
    enum log_level level = LOG_LEVEL_INFO;
    take_words(&wish, argc, argv);
    if (wish.level && !log_level_parse(wish.level, &level)) {
        fprintf(stderr, "dashspool: %s %s: expected error, warn, info or debug\n", wish.level_from,
                wish.level);
        return CLI_USAGE;
    }
    bool json = wish.json && strcmp(wish.json, "yes") == 0;
    if (setenv(LEVEL_NAME, log_level_name(level), 1) < 0 ||
        setenv(JSON_NAME, json ? "yes" : "no", 1) < 0)
        return CLI_FAILED;
    log_setup(level, json);
    return CLI_OK;
}
