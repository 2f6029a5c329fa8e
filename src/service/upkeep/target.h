/* upkeep, inside: the directory that a backup is made in. */
#ifndef UPKEEP_TARGET_H
#define UPKEEP_TARGET_H

#include "dashspool/catalogue.h"
#include "dashspool/err.h"

enum { TARGET_LOCKS = 5 };

struct target {
    int fd[TARGET_LOCKS]; /* -1: none */
};
#define TARGET_NONE ((struct target){{-1, -1, -1, -1, -1}})

/* Neither ROOT itself, nor in it, nor around it, by whatever path. It need not exist. ERR_CONFIG.
 */
int target_check_place(const char *root, const char *dir, struct err *err) DS_MUST_CHECK;

/* It is empty or an earlier backup, nobody uses it (ERR_BUSY), and until target_release(), which is
 * due also on failure, nobody does. */
int target_take(struct target *out, const char *dir, struct err *err) DS_MUST_CHECK;
void target_release(struct target *t);

/* What is in it is of the same ROOT, and not newer. ERR_FOREIGN. */
int target_compare(struct catalogue *ours, const char *dir, struct err *err) DS_MUST_CHECK;

#endif
