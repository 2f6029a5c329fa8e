/*
 * support: what the tests share. Everything fails the running test on error.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
/* cmocka wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* and itself last */
#include <cmocka.h>

/* A fresh directory; removed by support_tmp_remove(), which also frees the name. */
char *support_tmp_dir(void);
void support_tmp_remove(char **dir);

/* A whole file, up to 64 MiB; buf_clear() it. */
struct buf support_read(const char *path);
void support_write(const char *path, const void *data, size_t n);
bool support_exists(const char *path);

/* "DIR/NAME", in one of sixteen static buffers. */
const char *support_path(const char *dir, const char *name);

/* Entries of a directory, . and .. left out. */
int support_entries(const char *dir);

/* How many paths begin so: "DIR/case" has "DIR/case", "DIR/case-2.zip" … */
int support_entries_like(const char *path);

/* How often a file has these words. */
int support_count(const char *path, const char *words);

/* ROOT/pipeline.d/50-test.conf has this text from now on. */
void support_configure(const char *root, const char *text);

/* Path of a file or folder of tests/data in a static buffer; it is there, or the test fails. */
const char *support_data(const char *name);

/* What chance begins from: TEST_SEED of the environment, or `otherwise`. Says it, so that a failure
 * can be repeated. */
uint64_t support_seed(uint64_t otherwise);

/* Asks again and again whether it is so; after two minutes the test fails. For what tells nobody
 * that it has changed. */
#define support_wait(is_so)                            \
    do {                                               \
        for (int64_t until_us_ = 0; !(is_so);)         \
            support_wait_a_little(&until_us_, #is_so); \
    } while (0)
void support_wait_a_little(int64_t *until_us, const char *what);

/* The words are in the text. */
void assert_has(const char *text, const char *words);

/* A call that returned an error code fails the test with the error's text. */
#define assert_ok(call)                          \
    do {                                         \
        err = (struct err){0};                   \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

#define assert_err(expected, call)                                                          \
    do {                                                                                    \
        err = (struct err){0};                                                              \
        int rc_ = (call);                                                                   \
        if (rc_ != (expected))                                                              \
            fail_msg("%s: %s instead of %s (%s)", #call, err_name(rc_), err_name(expected), \
                     err.text);                                                             \
    } while (0)

#endif
