/* As whom a command works: what root makes in a service's ROOT the service could not open. */
#include "cli_internal.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/user.h"
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char typed_by[USER_NAME_ROOM]; /* who typed the command, before it became another user */

const char *cli_user_name(void)
{
    const struct passwd *p = typed_by[0] ? NULL : getpwuid(getuid());
    return typed_by[0] ? typed_by : p ? p->pw_name : "somebody";
}

/* To whom the ROOT belongs that a path is in, or would be. */
static bool root_above(const char *path, struct user *out)
{
    char named[4096], catalogue[4200], *dir;
    snprintf(named, sizeof named, "%s", path);
    while (!(dir = realpath(named, NULL)) && fsx_go_up(named))
        continue;
    bool found = false, more = dir != NULL;
    while (more && !found) {
        snprintf(catalogue, sizeof catalogue, "%s/catalogue.db", dir);
        found = access(catalogue, F_OK) == 0 && user_of_root(out, dir);
        more = fsx_go_up(dir);
    }
    free(dir);
    return found;
}

/* Whether a word of the command line is a path; of an option, or NULL: an operand. */
static bool is_path(const struct cli_command *command, const struct cli_option *o)
{
    static const char *const words[] = {"FILE", "[FILE]", "DIR", "PATH", "PACKAGE"};
    const char *value = o ? o->value : command->operand;
    for (size_t i = 0; value && i < sizeof words / sizeof *words; i++)
        if (strcmp(value, words[i]) == 0)
            return true;
    return false;
}

/* What is there must be readable, and what is not there, or is written to, have a place. */
static bool may_use(const char *path, bool write)
{
    struct stat st;
    char above[4096];
    int mode = write ? W_OK : R_OK;
    if (stat(path, &st) == 0)
        return faccessat(AT_FDCWD, path, S_ISDIR(st.st_mode) ? mode | X_OK : mode, AT_EACCESS) == 0;
    if (errno != ENOENT)
        return errno != EACCES;
    snprintf(above, sizeof above, "%s", path);
    while (fsx_go_up(above))
        if (stat(above, &st) == 0)
            break;
    return faccessat(AT_FDCWD, above, W_OK | X_OK, AT_EACCESS) == 0;
}

static int refuse(const struct cli_args *args, const char *root, const struct user *user,
                  const char *path, bool write)
{
    struct err err;
    err_set(&err, ERR_CONFIG,
            "%s: %s, the user to whom %s belongs and as whom this works, may not %s there; choose "
            "another place, or give access: sudo setfacl -R -m u:%s:%s %s (and x for the "
            "folders above it)",
            path, user->name, root, write ? "write" : "read", user->name, write ? "rwX" : "rX",
            cli_shell(path));
    return cli_fail(args->command, &err);
}

/* How many of its operands are written to: none where it has another place for what it makes. */
static int writes(const struct cli_command *command, const struct cli_args *args)
{
    return cli_given(args, "output") ? 0 : command->writes;
}

/* As that user now: can it do what it was told to? */
static int check_paths(const char *root, const struct cli_command *command,
                       const struct cli_args *args, const struct user *user)
{
    for (size_t i = 0; i < args->n_given; i++) {
        const struct cli_given *g = &args->given[i];
        bool write = g->option->writes;
        if (is_path(command, g->option) && g->value && g->option->kind != CLI_SETTING &&
            strncmp(g->value, "pkcs11:", 7) != 0 && !may_use(g->value, write))
            return refuse(args, root, user, g->value, write);
    }
    for (int i = 0; i < args->n_operands && is_path(command, NULL); i++)
        if (!may_use(args->operand[i], i < writes(command, args)))
            return refuse(args, root, user, args->operand[i], i < writes(command, args));
    return CLI_OK;
}

/* Whose ROOT is worked on: that of --root, or of a command that needs none, what it writes to. */
static bool find_owner(const struct cli *cli, const struct cli_command *command,
                       const struct cli_args *args, struct user *out)
{
    if (command->user == CLI_AS_OWNER)
        return user_of_root(out, cli->root);
    for (size_t i = 0; i < args->n_given; i++)
        if (args->given[i].option->writes && args->given[i].value &&
            root_above(args->given[i].value, out))
            return true;
    for (int i = 0; i < writes(command, args) && i < args->n_operands; i++)
        if (root_above(args->operand[i], out))
            return true;
    return false;
}

int cli_become_owner(const struct cli *cli, const struct cli_command *command,
                     const struct cli_args *args)
{
    struct user user;
    struct err err;
    bool later = command->user == CLI_AS_OWNER_LATER;
    bool known = later ? user_of_root(&user, cli->root) : find_owner(cli, command, args, &user);
    if (!known || user.uid == geteuid())
        return CLI_OK;
    if (geteuid() != 0)
        cli_root_is_of(user.name);
    if (geteuid() != 0 || later)
        return CLI_OK;
    snprintf(typed_by, sizeof typed_by, "%s", cli_user_name());
    if (user_become(&user, &err) < 0)
        return cli_fail(args->command, &err);
    log_debug(args->command, "working as the owner of ROOT", LOG_TEXT("user", user.name));
    if (command->user == CLI_AS_OWNER &&
        faccessat(AT_FDCWD, cli->root, R_OK | W_OK | X_OK, AT_EACCESS) < 0) {
        err_sys(&err,
                "%s belongs to %s, who cannot work there; give that user access to it and to the "
                "folders above it, or all of it to another one (chown -R)",
                cli->root, user.name);
        return cli_fail(args->command, &err);
    }
    return check_paths(cli->root, command, args, &user);
}
