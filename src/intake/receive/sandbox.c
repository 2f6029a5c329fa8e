#define _DEFAULT_SOURCE /* initgroups */
#include "sandbox.h"
#include "dashspool/log.h"
#include "dashspool/sandbox.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int guard_drop(const char *user, struct err *err)
{
    if (!user[0]) {
        if (geteuid() == 0)
            log_warn("receive", "running as root; set [receive] user to drop privileges");
        return ERR_OK;
    }
    errno = 0;
    const struct passwd *p = getpwnam(user);
    if (!p)
        return err_set(err, ERR_CONFIG, "user %s: %s", user,
                       errno ? strerror(errno) : "no such user");
    if (geteuid() != 0)
        return geteuid() == p->pw_uid
                   ? ERR_OK
                   : err_set(err, ERR_CONFIG, "user = %s: cannot switch user: not started as root",
                             user);
    int death = 0; /* what our supervisor's end sends us; another user's process forgets it */
    if (prctl(PR_GET_PDEATHSIG, &death) < 0 || initgroups(user, p->pw_gid) < 0 ||
        setgid(p->pw_gid) < 0 || setuid(p->pw_uid) < 0 || prctl(PR_SET_PDEATHSIG, death) < 0)
        return err_sys(err, "become %s", user);
    return ERR_OK;
}

static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!path[0])
        return NULL;
    return slash == path ? strdup("/")
           : slash       ? strndup(path, (size_t)(slash - path))
                         : strdup(".");
}

int guard_enter(const char *root, const struct cfg *cfg, struct err *err)
{
    static const char *const keys[] = {"tls_cert", "tls_key", "tls_client_ca", "allow"};
    const char *learned[] = {cfg_text(cfg, "receive", "allow"), NULL};
    struct sandbox_report report;
    char *dir[5] = {NULL};
    const char *dirs[5] = {NULL};
    size_t n = 0;
    for (int i = 0; i < 4; i++)
        if ((dir[n] = dir_of(cfg_text(cfg, "receive", keys[i]))) != NULL)
            dirs[n] = dir[n], n++;
    struct sandbox_rules rules = {.kind = SANDBOX_SERVER, .write_dir = root, .read_dirs = dirs};
    rules.write_files = cfg_bool(cfg, "receive", "learn") ? learned : NULL;
    int rc = sandbox_enter(&rules, &report, err);
    if (rc == ERR_OK && report.missing[0])
        log_warn("receive", "sandbox incomplete", LOG_TEXT("reason", report.missing));
    for (size_t i = 0; i < n; i++)
        free(dir[i]);
    return rc;
}
