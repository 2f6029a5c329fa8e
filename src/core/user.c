#define _DEFAULT_SOURCE /* initgroups, setgroups */
#include "dashspool/user.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

int user_named(struct user *out, const char *name, struct err *err)
{
    errno = 0;
    const struct passwd *p = getpwnam(name);
    if (!p)
        return err_set(err, ERR_CONFIG, "user %s: %s", name,
                       errno ? strerror(errno) : "no such user");
    *out = (struct user){.uid = p->pw_uid, .gid = p->pw_gid};
    snprintf(out->name, sizeof out->name, "%s", name);
    return ERR_OK;
}

bool user_of_root(struct user *out, const char *root)
{
    static const char *const where[] = {"", "/raw", "/catalogue.db"};
    struct stat st = {.st_uid = 0};
    for (size_t i = 0; st.st_uid == 0 && i < sizeof where / sizeof *where; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s%s", root, where[i]);
        if (stat(path, &st) < 0)
            st.st_uid = 0;
    }
    if (st.st_uid == 0)
        return false;
    const struct passwd *p = getpwuid(st.st_uid);
    *out = (struct user){.uid = st.st_uid, .gid = p ? p->pw_gid : st.st_gid};
    if (p)
        snprintf(out->name, sizeof out->name, "%s", p->pw_name);
    else
        snprintf(out->name, sizeof out->name, "%lu", (unsigned long)st.st_uid);
    return true;
}

int user_become(const struct user *user, struct err *err)
{
    int death = 0; /* what our supervisor's end sends us; another user's process forgets it */
    bool named = getpwuid(user->uid) != NULL;
    if (prctl(PR_GET_PDEATHSIG, &death) < 0 ||
        (named ? initgroups(user->name, user->gid) : setgroups(1, &user->gid)) < 0 ||
        setgid(user->gid) < 0 || setuid(user->uid) < 0 || prctl(PR_SET_PDEATHSIG, death) < 0)
        return err_sys(err, "become user %s", user->name);
    return ERR_OK;
}
