/* convert_options: what a person asks of convert. */
#ifndef DASHSPOOL_CLI_CONVERT_OPTIONS_H
#define DASHSPOOL_CLI_CONVERT_OPTIONS_H

#include "dashspool/cli.h"
#include "dashspool/convert.h"

struct convert_request {
    char *const *path;
    size_t n_paths;
    const char *out_dir; /* NULL: beside the inputs */
    double jobs;         /* 0: one a core */
    bool of_one_clip;    /* some facts can be true of one clip only */
    struct media_facts facts;
    struct convert_options options;
};

/* CLI_OK, CLI_USAGE (said on stderr), or -1: help was printed. The texts of argv are borrowed. */
int convert_request_parse(struct cli *cli, int argc, char **argv, struct convert_request *out);

#endif
