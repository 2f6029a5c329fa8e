/*
 * sandbox: takes away from this process what a converter or reader of hostile bytes, a server of
 * hostile peers, or a watcher of folders that others fill does not need, for good.
 *
 *   rlimits       memory, CPU time, file size, no core dumps, few descriptors (of a converter or
 *                 a reader; the others: no core dumps)
 *   Landlock      reads only the files named, writes only below the directories named; no new TCP
 *                 port or connection, no signals to others (as far as the kernel's version goes)
 *   seccomp       an allow-list of system calls; exec, ptrace, mount and their kind kill the
 * process with SIGSYS; what is known and not for this kind fails with EPERM. What no list names (a
 * library may be newer than we are) fails with ENOSYS, as on a kernel that does not have it, and is
 * logged once. There is no io_uring: what it is asked for goes past the filter. A server may also
 * accept, read and write sockets that it has, a watcher wait for events of folders; both make
 * directories. Calls that name a process, or have the kernel signal one, reach this one only (so
 * also before Landlock's ABI 6); of ioctl() what asks, nothing that types.
 *
 * Works as root and unprivileged. What the kernel or the build does not have is skipped and named
 * in the report; anything else that fails is an error. Called once, before the first thread.
 */
#ifndef DASHSPOOL_SANDBOX_H
#define DASHSPOOL_SANDBOX_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_READS_MAX    8
#define SANDBOX_MISSING_ROOM 256

enum sandbox_kind {
    SANDBOX_CONVERTER, /* makes files of a hostile one: a child that only does this */
    SANDBOX_READER,    /* looks at hostile files and tells: a command, to its end */
    SANDBOX_SERVER,
    SANDBOX_WATCHER, /* takes files that others made into a store */
    SANDBOX_PARENT,  /* has files converted by children of another process (confine.h) */
    SANDBOX_APART,   /* one call of a function, with the descriptors that it is given: below */
};

/* Files that are missing or not regular are skipped, directories must be there. */
struct sandbox_rules {
    enum sandbox_kind kind;
    const char *stage;                   /* who says in the log that a call was refused; static */
    const char *read[SANDBOX_READS_MAX]; /* files; NULL: none */
    const char *const *reads;            /* files, and directories with what is below; NULL ends it,
                                            and it may be NULL; none has to be there */
    const char *write_dir;               /* read, write, make and remove files below it; or NULL */

    /* of a converter or a reader */
    int64_t memory_bytes, file_bytes; /* 0: no limit */
    int cpu_s;                        /* 0: no limit */

    /* of the others; lists end with NULL, and may be NULL */
    const char *const *read_dirs;   /* read what is below */
    const char *const *reread;      /* files that are read again, when others are in their places:
                                       what is in their folders, and in those to which links lead
                                       ("live/" of certbot to "archive/"); "" is none */
    const char *const *move_dirs;   /* … and rename it, from one to another, or remove it */
    const char *const *write_dirs;  /* … and write it */
    const char *const *write_files; /* read and write; not made anew */
    const char *const *connects;    /* to other machines, for which it reads these files, and what
                                       names them and the system believes (/etc/hosts, /etc/ssl …) */
};

struct sandbox_report {
    int landlock_abi; /* 0: the kernel has none */
    bool seccomp; /* the allow-list; false: only the worst is refused (sanitizers), or nothing */
    bool memory;  /* limited */
    char kernel[SANDBOX_MISSING_ROOM];  /* what the running kernel cannot enforce, in words; "" */
    char missing[SANDBOX_MISSING_ROOM]; /* … and what this build does not; "" */
};

int sandbox_enter(const struct sandbox_rules *rules, struct sandbox_report *report,
                  struct err *err) DS_MUST_CHECK;

/* The first half, for who must start another process before the rest: from now on this process and
 * all that it starts write only below these directories (the list ends with NULL), which must be
 * there, and to /dev/null. Without Landlock nothing happens. */
int sandbox_fence(const char *const *write_dirs, struct err *err) DS_MUST_CHECK;

/* For a child whose stderr is nobody's: adds to why it failed the first system call that was
 * refused because no list names it, if there was one. */
void sandbox_tell_unknown(struct err *err);

/* For who forks others that enter: from now on what no list names fails with ENOSYS and is logged
 * once, for this process and for them; all that a list names goes on. A part of sandbox_enter(),
 * but of SANDBOX_APART. */
int sandbox_catch_unknown(const char *stage, struct err *err) DS_MUST_CHECK;

/* For who makes a loop of libuv before it enters: from now on the kernel has no io_uring for this
 * process. libuv (1.45 and newer; no setting of its own keeps it from that) makes a ring with each
 * loop, goes without where there is none, and aborts where the ring is taken away later. */
int sandbox_without_rings(struct err *err) DS_MUST_CHECK;

/* The other half, for a process that only forks others, once it is started: they and it read only
 * these files and directories (none has to be there), and what a fence lets them write. */
int sandbox_fence_reads(const char *const *reads, struct err *err) DS_MUST_CHECK;

/* What sandbox_enter() would be able to do here; changes nothing. */
void sandbox_probe(struct sandbox_report *report);

/*
 * ---- a function apart ----
 *
 * For who may write a store, and must look at hostile bytes for it: calls one function in a child
 * that has no more than its memory, the descriptors that it is given (open for reading) and a pipe
 * for its result. It can open nothing, write nothing but the result, and start or signal nothing.
 *
 *   open   fork ─► a process that holds no descriptor but its socket, and looks at nothing
 *   call   descriptors, *in ─► it forks a child ─► sandbox ─► fn ─► *out, and its end is waited for
 *
 * Each call has a child of its own, forked from a process that never saw a hostile byte: what took
 * over one child is gone before the next begins, and has nothing in common with it to alter. What
 * such a child puts into *out may be anything: the caller judges every value before it uses it.
 *
 * Opened before the first hostile byte and before the caller shuts itself in; gone with its opener.
 * Of one thread. The opener has no other children that it waits for without naming them.
 */

#define SANDBOX_APART_FDS 16

/* Runs in the child; *in and *out are of the sizes told at open, out is all zero before. */
typedef int sandbox_apart_fn(const void *in, const int *fd, int n_fds, void *out, struct err *err);

struct sandbox_apart_work {
    sandbox_apart_fn *fn;
    size_t n_in, n_out; /* bytes; in at most 64 KiB */
    int64_t memory_bytes;
    int cpu_s, wall_s;  /* of one call; 0: no limit */
    bool other_sandbox; /* it is not shut in: fn does that in another way, and first */
};

struct sandbox_apart;

int sandbox_apart_open(struct sandbox_apart **out, const struct sandbox_apart_work *work,
                       struct err *err) DS_MUST_CHECK;
void sandbox_apart_close(struct sandbox_apart **a);

/* All three at once, for who calls it once. A signal that stop_caught() tells of ends the child:
 * ERR_AGAIN. */
int sandbox_apart_once(const struct sandbox_apart_work *work, const void *in, const int *fd,
                       int n_fds, void *out, struct err *err) DS_MUST_CHECK;

/* What fn returned, with *out only after ERR_OK. fd: at most SANDBOX_APART_FDS, the caller's. A
 * child that ends otherwise is ERR_MALFORMED (a crash, a refused call), ERR_LIMIT (time) or
 * ERR_NOMEM. */
int sandbox_apart_call(struct sandbox_apart *a, const void *in, const int *fd, int n_fds, void *out,
                       struct err *err) DS_MUST_CHECK;

/* The process that forks has ended (ERR_IO of a call): no call will succeed any more. */
bool sandbox_apart_lost(const struct sandbox_apart *a);

#endif
