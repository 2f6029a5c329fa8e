/*
 * Replays a corpus through a fuzz target without libFuzzer, so that what was found once is tested
 * everywhere: each file as it is, cut at every 1/16, and with 200 single bytes changed (fixed
 * seed).
 */
#include "support/support.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* An exact-size copy, so that a sanitizer sees every read beyond the end. */
static void try_copy(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    if (n > 0)
        memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static void try_file(const char *path)
{
    struct buf b = support_read(path);
    uint8_t *bytes = b.mem + b.start;
    unsigned x = 1;
    try_copy(bytes, b.used);
    for (size_t i = 0; i < 16; i++)
        try_copy(bytes, b.used * i / 16);
    for (int i = 0; i < 200 && b.used > 0; i++) {
        x = x * 1664525 + 1013904223;
        size_t at = (x >> 8) % b.used;
        uint8_t old = bytes[at];
        bytes[at] = (uint8_t)(x >> 3);
        try_copy(bytes, b.used);
        bytes[at] = old;
    }
    buf_clear(&b);
}

int main(int argc, char **argv)
{
    struct dirent **names = NULL;
    int n = argc == 2 ? scandir(argv[1], &names, NULL, alphasort) : -1, files = 0;
    if (n < 0) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], names[i]->d_name);
        if (names[i]->d_name[0] != '.') {
            try_file(path);
            files++;
        }
        free(names[i]);
    }
    free(names);
    printf("%d files\n", files);
    return files > 0 ? 0 : 1;
}
