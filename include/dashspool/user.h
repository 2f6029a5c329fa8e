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

/* Becomes that user with its groups, for good, its children included; only root can. A user that
 * has no name has the group alone. */
int user_become(const struct user *user, struct err *err) DS_MUST_CHECK;

#endif
