#include "support/tree.h"
#include "dashspool/confine.h"
#include "support/support.h"
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

const char *tree_role_name(enum tree_role role)
{
    static const char *const names[TREE_ROLES] = {
        [TREE_OTHER] = "other",
        [TREE_RUN] = "run",
        [TREE_RECEIVE] = "receive",
        [TREE_WATCH] = "watch",
        [TREE_SWEEP] = "sweep",
        [TREE_CONVERT_WORKER] = "convert's worker",
        [TREE_FORKSERVER] = "its fork server",
        [TREE_CONVERTER] = "a converter",
        [TREE_EXEC_WORKER] = "an exec's worker",
        [TREE_SUPERVISOR] = "its supervisor",
        [TREE_COMMAND] = "a command",
        [TREE_ORPHAN] = "an orphan",
    };
    return names[role];
}

void tree_adopt(void)
{
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
}

/* A small file of /proc; its length, 0: gone. */
static size_t slurp(pid_t pid, const char *name, char *out, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(out, 1, room - 1, f) : 0;
    if (f)
        fclose(f);
    out[n] = '\0';
    return n;
}

/* False: gone, or a zombie. */
static bool read_process(pid_t pid, struct tree_process *out)
{
    char stat[1024], state = 'Z';
    int parent = 0;
    slurp(pid, "stat", stat, sizeof stat);
    const char *end = strrchr(stat, ')'); /* of the name, which may have any bytes */
    if (!end || sscanf(end + 1, " %c %d", &state, &parent) != 2 || state == 'Z' || state == 'X')
        return false;
    *out = (struct tree_process){.pid = pid, .parent = (pid_t)parent};
    size_t n = slurp(pid, "cmdline", out->words, sizeof out->words);
    for (size_t i = 0; i + 1 < n; i++)
        if (!out->words[i])
            out->words[i] = ' ';
    return true;
}

static size_t read_all(struct tree_process *out, size_t room)
{
    size_t n = 0;
    DIR *d = opendir("/proc");
    assert_non_null(d);
    for (struct dirent *e; n < room && (e = readdir(d));)
        if (isdigit((unsigned char)e->d_name[0]))
            n += read_process((pid_t)strtol(e->d_name, NULL, 10), &out[n]);
    closedir(d);
    return n;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* By its command line. A fork that has not called exec yet has its parent's. */
static enum tree_role by_words(const char *words)
{
    static const struct {
        const char *end;
        enum tree_role role;
    } ends[] = {
        {" run", TREE_RUN},
        {" receive", TREE_RECEIVE},
        {" watch", TREE_WATCH},
        {" sweep", TREE_SWEEP},
        {" work --stage convert --workers 1", TREE_CONVERT_WORKER},
        {CONFINE_COMMAND, TREE_FORKSERVER},
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(words, ends[i].end))
            return ends[i].role;
    return strstr(words, " work --stage ") ? TREE_EXEC_WORKER : TREE_OTHER;
}

static enum tree_role role_of(const struct tree_process *p, const struct tree_process *parent)
{
    enum tree_role own = by_words(p->words);
    if (!parent) /* the test's */
        return own == TREE_RUN || strstr(p->words, " simulate ") ? own : TREE_ORPHAN;
    switch (parent->role) {
    case TREE_CONVERT_WORKER:
        return TREE_FORKSERVER;
    case TREE_FORKSERVER:
        return TREE_CONVERTER;
    case TREE_EXEC_WORKER:
        return TREE_SUPERVISOR;
    case TREE_SUPERVISOR:
    case TREE_COMMAND:
        return TREE_COMMAND;
    case TREE_ORPHAN:
        return TREE_ORPHAN;
    case TREE_OTHER:
    case TREE_RUN:
    case TREE_RECEIVE:
    case TREE_WATCH:
    case TREE_SWEEP:
    case TREE_CONVERTER:
    case TREE_ROLES:
        break;
    }
    return own == parent->role ? TREE_OTHER : own;
}

size_t tree_read(struct tree_process out[TREE_MAX])
{
    static struct tree_process all[8192];
    size_t n_all = read_all(all, sizeof all / sizeof *all), n = 0;
    for (size_t i = 0; i < n_all && n < TREE_MAX; i++)
        if (all[i].parent == getpid())
            out[n++] = all[i];
    size_t own = n;
    for (size_t at = 0; at < n; at++)
        for (size_t i = 0; i < n_all && n < TREE_MAX; i++)
            if (all[i].parent == out[at].pid)
                out[n++] = all[i];
    for (size_t i = 0; i < n; i++) {
        const struct tree_process *parent = NULL;
        for (size_t k = 0; i >= own && k < i && !parent; k++)
            if (out[k].pid == out[i].parent)
                parent = &out[k];
        out[i].role = role_of(&out[i], parent);
    }
    return n;
}
