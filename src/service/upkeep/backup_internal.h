/* backup, inside: what its rooms share. */
#ifndef UPKEEP_BACKUP_INTERNAL_H
#define UPKEEP_BACKUP_INTERNAL_H

#include "dashspool/catalogue_check.h"
#include "dashspool/raw_upkeep.h"
#include "dashspool/upkeep.h"
#include <sys/stat.h>

struct backup {
    const char *root, *dir;
    const struct upkeep_progress *progress;
    struct upkeep_backup_result *out;
    struct catalogue *snapshot; /* of the catalogue, in the backup */
    struct raw *from, *to;
    int64_t now_us, all_bytes, done_bytes;
};

/* n more bytes are through. ERR_AGAIN: the listener has had enough. */
int backup_step(struct backup *b, const char *where, int64_t n, struct err *err) DS_MUST_CHECK;

/* A permanent error is told (ERR_OK comes back), a temporary one ends it. */
int backup_trouble(struct backup *b, const char *where, int rc, const struct err *err);

/* Whether there is a file of this length and time at `path` already. */
bool backup_has(const char *path, const struct stat *like);

int backup_masters(struct backup *b, struct err *err) DS_MUST_CHECK;

#endif
