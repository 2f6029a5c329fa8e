/* inputs: the files that a person means by a list of files and folders. */
#ifndef DASHSPOOL_CLI_INPUTS_H
#define DASHSPOOL_CLI_INPUTS_H

#include <stddef.h>

struct input {
    char *path;  /* as a person would write it */
    char *dir;   /* that it is in */
    char *below; /* … relative to the folder that was named; "." for a file */
    char *stem;  /* name without its extension */
};

struct inputs {
    struct input *item;
    size_t n;
};

/* Files are taken as named. Folders are searched, in the order of the names, for footage (.h265
 * .hevc .265 .jpg .jpeg) that is not hidden and not a copy of ours; symbolic links to folders are
 * not followed. What cannot be read is named on stderr; returns how many such there were. */
int inputs_collect(struct inputs *out, char *const *path, size_t n);
void inputs_free(struct inputs *inputs);

#endif
