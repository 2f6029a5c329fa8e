/*
 * inject: makes the n-th call of a kind fail, or kills the process before it.
 *
 * The programs in tests/fault are linked with -Wl,--wrap=… (tests/CMakeLists.txt): what our code
 * calls of libc and libcrypto comes here first. What SQLite does comes here by the doors that it
 * has for this: a VFS over the default one, and its allocator (without lookaside, so that each
 * allocation is seen). So a fault is one that SQLite itself meets, and its own recovery is part of
 * what is tested. Calls that libc and libuv make among themselves are not seen.
 *
 * Nothing is really fsynced: no power is cut here, and a kill does not undo what the kernel has.
 * Calls on stdin, stdout, stderr and on what is no regular file are never counted.
 *
 *     static bool round(enum inject_kind kind, enum inject_how how, long n)
 *     {
 *         ...                             a fresh directory
 *         inject_arm(kind, how, n);
 *         ...                             any threads; the n-th call fails
 *         bool more = inject_disarm();    was there an n-th call?
 *         ...                             what must be true now, and after a repetition
 *         return more;
 *     }
 *     inject_each(INJECT_MEMORY, INJECT_ONCE, 1, round);
 */
#ifndef TESTS_INJECT_H
#define TESTS_INJECT_H

#include "support/support.h"
#include <stdbool.h>
#include <stddef.h>

enum inject_kind {
    INJECT_MEMORY = 1 << 0, /* malloc and its kin, SQLite's too: no memory */
    INJECT_FILES = 1 << 1,  /* whatever touches a file or a directory: EIO, SQLITE_IOERR_… */
    INJECT_SPACE = 1 << 2,  /* what needs space: half is written, then ENOSPC, SQLITE_FULL */
    INJECT_STEPS = 1 << 3,  /* sqlite3_step(): interrupted, which undoes a transaction */
    INJECT_CHANGES = 1 << 4 /* what leaves a trace on the disk, and fsync; for INJECT_KILL */
};

enum inject_how { INJECT_ONCE, INJECT_FOR_EVER, INJECT_KILL };

/* Before any use of SQLite, once a program. */
void inject_install(void);
void inject_arm(enum inject_kind kind, enum inject_how how, long nth);

/* The disk and the memory are well again; the calls are not counted any more. True if the n-th call
 * was reached since inject_arm(). May be called again. */
bool inject_disarm(void);
bool inject_reached(void);

/* Runs rounds with growing n, to the first that returns false: it was beyond the last call. Each n
 * up to 40 is tried, then each `every`-th (mostly a prime, so that it does not keep step with a
 * loop); under a sanitizer, which is slow, an eighth of these. */
typedef bool inject_round_fn(enum inject_kind kind, enum inject_how how, long n);
void inject_each(enum inject_kind kind, enum inject_how how, int every, inject_round_fn *round);

/* Runs fn(root) in a child that dies by SIGKILL before its n-th change (nth 0: never), and gives
 * what it told by inject_ack() as text. True if it was killed; a child that comes to its end must
 * return 0 from fn. */
bool inject_killed(int (*fn)(const char *root), const char *root, long nth, char *acks,
                   size_t room);
void inject_ack(char what); /* in such a child; else nothing */

/* All that a failed call must tell: a text, and a code that says "try again". */
void inject_check_told(int rc, const struct err *err);

/* What a scenario must not leave behind in this process: descriptors, SQLite's memory. (The other
 * memory is the leak sanitizer's, in the asan preset.) */
struct inject_left {
    int descriptors;
    long long sqlite_bytes;
};
struct inject_left inject_left(void);
void inject_check_left(struct inject_left before);

/* PRAGMA integrity_check of one database. */
void inject_check_sound(const char *root, const char *name);

/* cmocka's teardown: says at which call a test failed. */
int inject_teardown(void **state);

#endif
