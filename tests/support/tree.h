/*
 * tree: the processes below the running test, and what each of them is. A test that calls
 * tree_adopt() is the parent of all whose parents die, so that none gets lost.
 */
#ifndef TESTS_TREE_H
#define TESTS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum tree_role {
    TREE_OTHER, /* the test's own: cameras */
    TREE_RUN,
    TREE_RECEIVE,
    TREE_WATCH,
    TREE_SWEEP,
    TREE_CONVERT_WORKER,
    TREE_FORKSERVER,
    TREE_CONVERTER,
    TREE_EXEC_WORKER,
    TREE_SUPERVISOR,
    TREE_COMMAND, /* of [exec], and what it started */
    TREE_ORPHAN,  /* its parent is gone */
    TREE_ROLES,
};
const char *tree_role_name(enum tree_role role);

struct tree_process {
    pid_t pid, parent;
    enum tree_role role;
    char words[600]; /* its command line */
};

#define TREE_MAX 256

void tree_adopt(void);

/* Those that live, parents before their children; how many. */
size_t tree_read(struct tree_process out[TREE_MAX]);

#endif
