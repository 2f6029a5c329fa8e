/*
 * people: who may use the pages, in ROOT/people.db (SQLite): names, roles, and the hash of each
 * one's token. The token itself is told once, when it is made, and kept nowhere.
 *
 *     viewer     looks: events, videos, maps, status
 *     reviewer   … and works: reviewed, notes, protection, requests, export, upload, downloads of
 *                originals and packages
 *     admin      … and looks after it: retry and drop jobs, vehicles, removes a protection
 *
 * A role may what those before it may. What a person does bears the name in custody records, for
 * ever: a name that was used is not given to somebody else, also after its person was removed.
 *
 * A token is 256 bits of the system's random numbers, so its SHA-256 is as good as a slow hash: it
 * cannot be guessed from it.
 *
 * Files touched: ROOT/people.db and its -journal; mode 0640, its owner ROOT's. Not thread-safe.
 */
#ifndef DASHSPOOL_PEOPLE_H
#define DASHSPOOL_PEOPLE_H

#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stdint.h>

#define PEOPLE_NAME_ROOM                                                              \
    65                       /* 1 to 64 bytes of UTF-8, none of them hidden or a '/'; \
                              whatever their case, the same (text_fold()) */
#define PEOPLE_TOKEN_ROOM 48 /* base64url of 32 bytes, with its NUL */

enum people_role { PEOPLE_NOBODY, PEOPLE_VIEWER, PEOPLE_REVIEWER, PEOPLE_ADMIN };
#define PEOPLE_ROLES "viewer reviewer admin"
const char *people_role_name(enum people_role role); /* "viewer"; "nobody" */
bool people_role_of(const char *name, enum people_role *out);

struct people_person {
    char name[PEOPLE_NAME_ROOM];
    enum people_role role;
    int64_t added_us, removed_us; /* removed_us 0: may still log in */
};

struct people;

/* To write, makes the file where there is none; else, to look only, that is ERR_NOTFOUND. *out is
 * the caller's. */
int people_open(struct people **out, const char *root, bool write, struct err *err) DS_MUST_CHECK;
void people_close(struct people **people);
/* Another file, or none, has its name by now. */
bool people_moved(const struct people *p);

/* All of it into the new file `path`, as of one moment. */
int people_backup(struct people *p, const char *path, struct err *err) DS_MUST_CHECK;

/* Whether there is, or was, anybody: who removed the last one did not open the door for all. */
int people_any(struct people *p, bool *out, struct err *err) DS_MUST_CHECK;

/* A new person; the token goes to `token`. ERR_BUSY: the name was used before; ERR_MALFORMED: it is
 * none. */
int people_add(struct people *p, const char *name, enum people_role role, int64_t at_us,
               char token[PEOPLE_TOKEN_ROOM], struct err *err) DS_MUST_CHECK;
/* Another token, or another role, for one who is there: ERR_NOTFOUND else. The sessions of one
 * whose token or role changed, or who was removed, are over (people_find() tells the change). */
int people_renew(struct people *p, const char *name, char token[PEOPLE_TOKEN_ROOM],
                 struct err *err) DS_MUST_CHECK;
int people_set_role(struct people *p, const char *name, enum people_role role,
                    struct err *err) DS_MUST_CHECK;
int people_remove(struct people *p, const char *name, int64_t at_us, struct err *err) DS_MUST_CHECK;

typedef int people_fn(void *arg, const struct people_person *person, struct err *err);
int people_each(struct people *p, people_fn *fn, void *arg, struct err *err) DS_MUST_CHECK;

/* Whose token that is; ERR_NOTFOUND: nobody's, or one's who was removed. */
int people_by_token(struct people *p, const char *token, struct people_person *out, int64_t *mark,
                    struct err *err) DS_MUST_CHECK;

/* Whether a session that began with this person, and this `mark`, still holds: *mark is a number
 * that changes with token, role and removal. ERR_NOTFOUND: removed. */
int people_find(struct people *p, const char *name, struct people_person *out, int64_t *mark,
                struct err *err) DS_MUST_CHECK;

#endif
