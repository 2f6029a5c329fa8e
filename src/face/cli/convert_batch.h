/* convert_batch: which files a person means, and their conversions, some of them side by side, each
 * in a process of its own. */
#ifndef DASHSPOOL_CLI_CONVERT_BATCH_H
#define DASHSPOOL_CLI_CONVERT_BATCH_H

#include "dashspool/clock.h"
#include "dashspool/confine.h"
#include "dashspool/fsx.h"
#include "terminal.h"
#include <stddef.h>

struct input {
    char *path;  /* as a person would write it */
    char *dir;   /* that it is in */
    char *below; /* where its copies go, below the output folder: dir, relative to the folder that
                    was named; "." for a file */
    char *stem;  /* of its copies: its name without the extension; of one of several recordings with
                    -part<N> behind it */
    int recording; /* which of the recordings in the file, from 1; 0: all of it */
};

struct inputs {
    struct input *item;
    size_t n;
    size_t others;           /* files in folders that are no footage by their name, nor ours */
    struct fsx_names failed; /* what was said of inputs that cannot be read */
};

/* Files are taken as named. Folders are searched, in the order of the names, for footage (.h265
 * .hevc .265 .jpg .jpeg) that is not hidden and not a copy of ours; symbolic links to folders are
 * not followed. What cannot be read is named on stderr, and in out->failed. */
void inputs_collect(struct inputs *out, char *const *path, size_t n);
void inputs_free(struct inputs *inputs);

/* Sees to it that no two inputs have copies of the same name in the same place, whatever they are
 * called: the same file named twice is one input; files of different folders get as much of their
 * folders below out_dir as tells them apart (front/clip, rear/clip); those of one folder keep their
 * extensions (clip.h265, clip.hevc). out_dir NULL: copies are beside the inputs. */
int inputs_part(struct inputs *inputs, const char *out_dir, struct err *err) DS_MUST_CHECK;

/* A file that holds several recordings becomes one input for each of them. What cannot be read
 * stays as it is: its conversion says why. */
void inputs_split(struct inputs *inputs, const struct media_options *options,
                  const struct confine_limits *limits);

/* What a person asks of convert. The texts are borrowed. */
struct convert_request {
    const char *out_dir; /* NULL: beside the inputs */
    int jobs;            /* 0: one a core */
    bool of_one_clip;    /* some facts can be true of one clip only */
    const struct clock_tz
        *zone; /* of the clock in the picture, where facts has no offset; or NULL */
    struct media_facts facts;
    struct convert_options options;
};

/* Told of each input once, in the order in which they end. rc < 0: err says why, result is empty.
 */
typedef void batch_ended_fn(void *arg, const struct input *in, int rc,
                            const struct convert_result *result, const struct err *err);

/* Starts in the order of the inputs, request->jobs at a time (0: one a core). SIGINT or SIGTERM
 * ends all that run, without leftovers, and starts no more: then the signal's number, else 0. */
int batch_run(const struct convert_request *request, const struct confine_limits *limits,
              const struct inputs *inputs, struct progress *progress, batch_ended_fn *ended,
              void *arg);

#endif
