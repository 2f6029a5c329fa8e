/* copies, inside. */
#ifndef COPIES_INTERNAL_H
#define COPIES_INTERNAL_H

#include "dashspool/copies.h"

/* Where copies are: in the archive of this machine, or in the store of its site. As the door's. */
struct copies_engine {
    int (*publish)(const char *root, const struct catalogue_copy *copy, struct err *err);
    int (*replaced)(const char *root, const struct catalogue_copy *earlier, struct err *err);
    int (*file)(char **out, const char *root, const struct catalogue_copy *copy, struct err *err);
    int (*look)(const char *root, const struct catalogue_copy *copy, int64_t *bytes,
                struct err *err);
    int (*hash)(const char *root, const struct catalogue_copy *copy, copies_step_fn *step,
                void *arg, char out[HASH_HEX_ROOM], struct err *err);
    int (*delete)(const char *root, const struct catalogue_copy *copy, struct err *err);
};
extern const struct copies_engine copies_of_site;

/* Opened for reading; ERR_MALFORMED for what is no regular file. */
int copies_open_file(const char *file, int *fd, struct stat *st, struct err *err) DS_MUST_CHECK;

#endif
