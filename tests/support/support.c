#define _GNU_SOURCE /* memmem */
#include "support/support.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include <dirent.h>
#include <glob.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_US (120 * INT64_C(1000000))

/* A test that is skipped or fails does not come to its clean-up: the end of the program does it. */
static char *made[512];
static pid_t maker; /* not a fork of it */

static void remove_made(void)
{
    struct err err;
    if (getpid() != maker)
        return;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        if (made[i] && fsx_remove_tree(made[i], &err) < 0)
            fprintf(stderr, "%s\n", err.text);
        free(made[i]);
        made[i] = NULL;
    }
}

static char **place_of(const char *dir)
{
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        if (made[i] == dir)
            return &made[i];
    fail_msg("more than %zu directories at a time", sizeof made / sizeof *made);
    return NULL;
}

char *support_tmp_dir(void)
{
    static bool registered;
    const char *base = getenv("TMPDIR");
    char *dir = NULL;
    struct err err = {0};
    if (!registered)
        atexit(remove_made);
    registered = true;
    maker = getpid();
    assert_ok(fsx_path(&dir, &err, "%s/dashspool-test-XXXXXX", base ? base : "/tmp"));
    assert_non_null(mkdtemp(dir));
    *place_of(NULL) = dir;
    return dir;
}

void support_tmp_remove(char **dir)
{
    struct err err = {0};
    assert_ok(fsx_remove_tree(*dir, &err));
    *place_of(*dir) = NULL;
    free(*dir);
    *dir = NULL;
}

struct buf support_read(const char *path)
{
    struct buf b;
    struct err err = {0};
    buf_init(&b, 64 << 20);
    assert_ok(fsx_read_file(path, &b, &err));
    return b;
}

void support_write(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wbe");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

bool support_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

const char *support_path(const char *dir, const char *name)
{
    static char paths[16][1400];
    static unsigned turn;
    char *path = paths[turn++ % 16];
    int n = snprintf(path, sizeof *paths, "%s/%s", dir, name);
    assert_true(n > 0 && (size_t)n < sizeof *paths);
    return path;
}

int support_entries(const char *dir)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

int support_entries_like(const char *path)
{
    glob_t found;
    char *pattern = NULL;
    struct err err;
    assert_ok(fsx_path(&pattern, &err, "%s*", path));
    int n = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    free(pattern);
    return n;
}

int support_count(const char *path, const char *words)
{
    struct buf b = support_read(path);
    const uint8_t *at = buf_data(&b), *end = at + b.used;
    int n = 0;
    for (; at && (at = memmem(at, (size_t)(end - at), words, strlen(words))) != NULL; at++)
        n++;
    buf_clear(&b);
    return n;
}

void support_configure(const char *root, const char *text)
{
    struct err err;
    assert_ok(fsx_mkdirs(support_path(root, "pipeline.d"), &err));
    support_write(support_path(root, "pipeline.d/50-test.conf"), text, strlen(text));
}

void support_wait_a_little(int64_t *until_us, const char *what)
{
    if (*until_us == 0)
        *until_us = clock_mono_us() + WAIT_US;
    if (clock_mono_us() > *until_us)
        fail_msg("not within two minutes: %s", what);
    poll(NULL, 0, 5);
}

void assert_has(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("'%s' is not in:\n%s", words, text);
}

uint64_t support_seed(uint64_t otherwise)
{
    const char *text = getenv("TEST_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : otherwise;
    printf("TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

const char *support_data(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    if (access(path, R_OK) < 0)
        fail_msg("%s is not there", path);
    return path;
}
