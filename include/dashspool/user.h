/*
 * user: as whom this process works, and to whom a ROOT belongs.
 *
 * A service's ROOT is its user's. What root makes there (a catalogue, a job's directory, a file of
 * a database) the service could not open any more, so whoever works on a ROOT as root becomes its
 * owner first: before it opens anything, or, where only root can open a port, right behind that.
 */
#ifndef DASHSPOOL_USER_H
#define DASHSPOOL_USER_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <sys/types.h>

#define USER_NAME_ROOM 64

struct user {
    uid_t uid;
    gid_t gid;
    char name[USER_NAME_ROOM]; /* its number where it has no name */
};

/* ERR_CONFIG for a name that no user has. */
int user_named(struct user *out, const char *name, struct err *err) DS_MUST_CHECK;

/* To whom ROOT belongs: the owner of the directory, or where that is root's (a mount point), of
 * what lies in it. False: it does not exist, or is root's all through. */
bool user_of_root(struct user *out, const char *root);

/* What of ROOT its owner, as whom the service works, cannot write to: ROOT itself (name "."), its
 * databases, raw/, spool/, archive/ and packages/, and what stands in the first three, a stage's
 * places included; of each of these the first, and how many more there are. Below one that is told
 * nothing is looked for. Judged by owner and mode alone, as the service is another process: what a
 * group may write to counts as its own, as ACLs and groups are not asked. `advice` is a command. */
struct user_barred {
    const char *name;
    char what[200], advice[200];
};
typedef void user_barred_fn(void *arg, const struct user_barred *barred);
void user_each_barred(const char *root, user_barred_fn *fn, void *arg);

/* Becomes that user with its groups, for good, its children included; only root can. A user that
 * has no name has the group alone. */
int user_become(const struct user *user, struct err *err) DS_MUST_CHECK;

#endif
