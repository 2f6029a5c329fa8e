#define _DEFAULT_SOURCE /* initgroups, setgroups */
#include "dashspool/user.h"
#include <dirent.h>
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

/* ---- what it cannot write to ---- */

struct look {
    const char *root;
    struct user owner;
    int n; /* found in this place */
    bool foreign;
    char first[300];
};

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* Of a folder what is in it is told, or that itself. */
static void look_at(struct look *l, const char *name, int depth)
{
    char path[4600];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", l->root, name);
    if (stat(path, &st) < 0 || !(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)))
        return;
    mode_t own = S_ISDIR(st.st_mode) ? S_IRWXU : S_IRUSR | S_IWUSR;
    bool foreign = st.st_uid != l->owner.uid;
    if (foreign ? !(st.st_mode & (S_IWGRP | S_IWOTH)) : (st.st_mode & own) != own) {
        if (l->n++ == 0) {
            l->foreign = foreign;
            snprintf(l->first, sizeof l->first, "%s", name);
        }
        return;
    }
    DIR *dir = depth > 0 && S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    for (const struct dirent *d; dir && (d = readdir(dir)) != NULL;) {
        char inner[600];
        bool skip = d->d_name[0] == '.' || strcmp(d->d_name, "lost+found") == 0 ||
                    (strcmp(name, "raw") == 0 && !ends_with(d->d_name, ".db"));
        snprintf(inner, sizeof inner, "%s/%s", name, d->d_name);
        if (!skip)
            look_at(l, inner, depth - 1);
    }
    if (dir)
        closedir(dir);
}

void user_each_barred(const char *root, user_barred_fn *fn, void *arg)
{
    static const struct {
        const char *name;
        int depth;
    } places[] = {
        {".", 0},       {"catalogue.db", 0}, {"catalogue.db-wal", 0}, {"catalogue.db-shm", 0},
        {"raw", 1},     {"spool", 2},        {"archive", 1},          {"telemetry", 1},
        {"packages", 0}};
    struct look l = {.root = root};
    if (!user_of_root(&l.owner, root))
        return;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct user_barred barred = {.name = l.first};
        char more[40] = "";
        l.n = 0;
        look_at(&l, places[i].name, places[i].depth);
        if (l.n == 0)
            continue;
        if (l.n > 1)
            snprintf(more, sizeof more, " (and to %d more there)", l.n - 1);
        snprintf(barred.what, sizeof barred.what,
                 "user %s, to whom ROOT belongs and as whom the service works, cannot write to "
                 "it%s",
                 l.owner.name, more);
        const char *slash = i ? "/" : "", *place = i ? places[i].name : "";
        if (l.foreign)
            snprintf(barred.advice, sizeof barred.advice, "sudo chown -R %lu:%lu ROOT%s%s",
                     (unsigned long)l.owner.uid, (unsigned long)l.owner.gid, slash, place);
        else
            snprintf(barred.advice, sizeof barred.advice, "sudo chmod -R u+rwX ROOT%s%s", slash,
                     place);
        fn(arg, &barred);
    }
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
