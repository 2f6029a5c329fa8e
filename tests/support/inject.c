#define _GNU_SOURCE /* vasprintf, mkostemp, nftw */
#include "support/inject.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- which call ---- */

static struct {
    atomic_uint kind; /* 0: nothing is counted */
    enum inject_how how;
    long nth;
    atomic_long calls;
    atomic_bool reached;
} plan;
static int ack_fd = -1;
static char where[80]; /* "" between the rounds */

void inject_arm(enum inject_kind kind, enum inject_how how, long nth)
{
    atomic_store(&plan.kind, 0);
    plan.how = how;
    plan.nth = nth;
    atomic_store(&plan.calls, 0);
    atomic_store(&plan.reached, false);
    atomic_store(&plan.kind, kind);
}

bool inject_disarm(void)
{
    atomic_store(&plan.kind, 0);
    return inject_reached();
}

bool inject_reached(void)
{
    return atomic_load(&plan.reached);
}

static const char *name_of(enum inject_kind kind)
{
    switch (kind) {
    case INJECT_MEMORY:
        return "memory";
    case INJECT_FILES:
        return "files";
    case INJECT_SPACE:
        return "space";
    case INJECT_STEPS:
        return "steps";
    case INJECT_CHANGES:
        return "changes";
    }
    return "?";
}

void inject_each(enum inject_kind kind, enum inject_how how, int every, inject_round_fn *round)
{
    static const char *const hows[] = {"fails once", "fails for ever", "is not reached alive"};
    long n = 1, rounds = 0;
#ifdef __SANITIZE_ADDRESS__
    every *= 8; /* a process takes its time to fork */
#endif
    for (;; n += n < 40 ? 1 : every, rounds++) {
        snprintf(where, sizeof where, "%s: call %ld %s", name_of(kind), n, hows[how]);
        if (!round(kind, how, n))
            break;
    }
    where[0] = '\0';
    print_message("  %s, %s: %ld rounds\n", name_of(kind), hows[how], rounds);
    assert_true(rounds > 0);
}

/* True if this call, which is of all of these kinds, has to fail. */
static bool strike(unsigned kinds)
{
    if (!(atomic_load(&plan.kind) & kinds))
        return false;
    long n = atomic_fetch_add(&plan.calls, 1) + 1;
    if (n < plan.nth || plan.nth == 0 || (n > plan.nth && plan.how == INJECT_ONCE))
        return false;
    atomic_store(&plan.reached, true);
    if (plan.how == INJECT_KILL)
        raise(SIGKILL);
    return true;
}

static bool full(void)
{
    return atomic_load(&plan.kind) == INJECT_SPACE;
}

/* ---- libc's and libcrypto's ---- */

enum {
    READS = INJECT_FILES,
    CHANGES = INJECT_FILES | INJECT_CHANGES,
    GROWS = INJECT_FILES | INJECT_CHANGES | INJECT_SPACE,
};

#define WRAP(type, name, params, args, kinds, failure)           \
    type __real_##name params;                                   \
    type __wrap_##name params;                                   \
    type __wrap_##name params                                    \
    {                                                            \
        if (!strike(kinds))                                      \
            return __real_##name args;                           \
        errno = (kinds)&INJECT_MEMORY ? ENOMEM : EIO;            \
        errno = (kinds)&INJECT_SPACE && full() ? ENOSPC : errno; \
        return failure;                                          \
    }

WRAP(void *, malloc, (size_t n), (n), INJECT_MEMORY, NULL)
WRAP(void *, calloc, (size_t n, size_t each), (n, each), INJECT_MEMORY, NULL)
WRAP(void *, realloc, (void *p, size_t n), (p, n), INJECT_MEMORY, NULL)
WRAP(char *, strdup, (const char *text), (text), INJECT_MEMORY, NULL)
WRAP(int, vasprintf, (char **out, const char *fmt, va_list ap), (out, fmt, ap), INJECT_MEMORY, -1)
WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), INJECT_MEMORY, NULL)
WRAP(int, rename, (const char *from, const char *to), (from, to), GROWS, -1)
WRAP(int, renameat2, (int at, const char *from, int under, const char *to, unsigned flags),
     (at, from, under, to, flags), GROWS, -1)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), GROWS, -1)
WRAP(char *, mkdtemp, (char *path), (path), GROWS, NULL)
WRAP(int, mkostemp, (char *path, int flags), (path, flags), GROWS, -1)
WRAP(int, remove, (const char *path), (path), CHANGES, -1)
WRAP(int, unlink, (const char *path), (path), CHANGES, -1)
WRAP(int, rmdir, (const char *path), (path), CHANGES, -1)
WRAP(int, chmod, (const char *path, mode_t mode), (path, mode), CHANGES, -1)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), CHANGES, -1)
WRAP(int, flock, (int fd, int operation), (fd, operation), READS, -1)
WRAP(int, stat, (const char *path, struct stat *st), (path, st), READS, -1)
WRAP(int, lstat, (const char *path, struct stat *st), (path, st), READS, -1)
WRAP(int, nftw, (const char *path, __nftw_func_t fn, int fds, int flags), (path, fn, fds, flags),
     READS, -1)
WRAP(DIR *, opendir, (const char *path), (path), READS, NULL)
WRAP(struct dirent *, readdir, (DIR * dir), (dir), READS, NULL)

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd; /* nobody cuts the power */
    if (!strike(CHANGES))
        return 0;
    errno = EIO;
    return -1;
}

int __wrap_syncfs(int fd);
int __wrap_syncfs(int fd)
{
    return __wrap_fsync(fd);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list ap;
        va_start(ap, flags);
        mode = va_arg(ap, mode_t);
        va_end(ap);
    }
    if (!strike(flags & O_CREAT ? GROWS : READS))
        return __real_open(path, flags, mode);
    errno = full() ? ENOSPC : EMFILE;
    return -1;
}

static bool is_counted(int fd)
{
    struct stat st;
    return fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

ssize_t __real_read(int fd, void *data, size_t n);
ssize_t __wrap_read(int fd, void *data, size_t n);
ssize_t __wrap_read(int fd, void *data, size_t n)
{
    if (!is_counted(fd) || !strike(READS))
        return __real_read(fd, data, n);
    errno = EIO;
    return -1;
}

ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n)
{
    if (!is_counted(fd) || !strike(GROWS))
        return __real_write(fd, data, n);
    if (full() && n > 1)
        return __real_write(fd, data, n / 2);
    errno = full() ? ENOSPC : EIO;
    return -1;
}

/* ---- SQLite's ---- */

static int interrupt(void *arg)
{
    (void)arg;
    return 1;
}

/* Interrupted from inside: the connection is then in the state that goes with the error. A ROLLBACK
 * is left alone: whatever else fails in it, it ends the transaction; only an interrupt does not. */
int __real_sqlite3_step(sqlite3_stmt *st);
int __wrap_sqlite3_step(sqlite3_stmt *st);
int __wrap_sqlite3_step(sqlite3_stmt *st)
{
    if (strcmp(sqlite3_sql(st), "ROLLBACK") == 0 || !strike(INJECT_STEPS))
        return __real_sqlite3_step(st);
    sqlite3 *db = sqlite3_db_handle(st);
    sqlite3_progress_handler(db, 1, interrupt, NULL);
    int rc = __real_sqlite3_step(st);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    return rc;
}

static sqlite3_mem_methods real_memory;

static void *memory_malloc(int n)
{
    return strike(INJECT_MEMORY) ? NULL : real_memory.xMalloc(n);
}

static void *memory_realloc(void *p, int n)
{
    return strike(INJECT_MEMORY) ? NULL : real_memory.xRealloc(p, n);
}

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct, in the same memory */
};

static sqlite3_vfs *real_vfs, vfs;

#define REAL(f)    (((struct file *)(void *)(f))->real)
#define METHODS(f) (REAL(f)->pMethods)

static int file_close(sqlite3_file *f)
{
    return METHODS(f) ? METHODS(f)->xClose(REAL(f)) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
    return strike(READS) ? SQLITE_IOERR_READ : METHODS(f)->xRead(REAL(f), data, n, at);
}

static int file_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    if (!strike(GROWS))
        return METHODS(f)->xWrite(REAL(f), data, n, at);
    if (full() && METHODS(f)->xWrite(REAL(f), data, n / 2, at) == SQLITE_OK)
        return SQLITE_FULL;
    return SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return strike(CHANGES) ? SQLITE_IOERR_TRUNCATE : METHODS(f)->xTruncate(REAL(f), n);
}

static int file_sync(sqlite3_file *f, int flags)
{
    (void)f;
    (void)flags;
    return strike(CHANGES) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return strike(READS) ? SQLITE_IOERR_FSTAT : METHODS(f)->xFileSize(REAL(f), n);
}

static int file_lock(sqlite3_file *f, int level)
{
    return strike(READS) ? SQLITE_IOERR_LOCK : METHODS(f)->xLock(REAL(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return METHODS(f)->xUnlock(REAL(f), level);
}

static int file_check_lock(sqlite3_file *f, int *out)
{
    return METHODS(f)->xCheckReservedLock(REAL(f), out);
}

static int file_control(sqlite3_file *f, int what, void *arg)
{
    return METHODS(f)->xFileControl(REAL(f), what, arg);
}

static int file_sector(sqlite3_file *f)
{
    return METHODS(f)->xSectorSize(REAL(f));
}

static int file_traits(sqlite3_file *f)
{
    return METHODS(f)->xDeviceCharacteristics(REAL(f));
}

static int file_shm_map(sqlite3_file *f, int region, int n, int extend, void volatile **out)
{
    return strike(extend ? GROWS : READS) ? SQLITE_IOERR_SHMMAP
                                          : METHODS(f)->xShmMap(REAL(f), region, n, extend, out);
}

static int file_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return METHODS(f)->xShmLock(REAL(f), at, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    METHODS(f)->xShmBarrier(REAL(f));
}

static int file_shm_unmap(sqlite3_file *f, int remove_it)
{
    return METHODS(f)->xShmUnmap(REAL(f), remove_it);
}

static const sqlite3_io_methods file_methods = {2 /* no memory-mapped pages */,
                                                file_close,
                                                file_read,
                                                file_write,
                                                file_truncate,
                                                file_sync,
                                                file_size,
                                                file_lock,
                                                file_unlock,
                                                file_check_lock,
                                                file_control,
                                                file_sector,
                                                file_traits,
                                                file_shm_map,
                                                file_shm_lock,
                                                file_shm_barrier,
                                                file_shm_unmap,
                                                NULL,
                                                NULL};

static int vfs_open(sqlite3_vfs *v, const char *path, sqlite3_file *f, int flags, int *out)
{
    struct file *file = (struct file *)(void *)f;
    (void)v;
    file->base.pMethods = NULL;
    file->real = (sqlite3_file *)(void *)(file + 1);
    file->real->pMethods = NULL;
    if (strike(flags & SQLITE_OPEN_CREATE ? GROWS : READS))
        return SQLITE_CANTOPEN;
    int rc = real_vfs->xOpen(real_vfs, path, file->real, flags, out);
    if (rc == SQLITE_OK)
        file->base.pMethods = &file_methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *v, const char *path, int sync_dir)
{
    (void)v;
    (void)sync_dir;
    return strike(CHANGES) ? SQLITE_IOERR_DELETE : real_vfs->xDelete(real_vfs, path, 0);
}

static int vfs_access(sqlite3_vfs *v, const char *path, int flags, int *out)
{
    (void)v;
    return strike(READS) ? SQLITE_IOERR_ACCESS : real_vfs->xAccess(real_vfs, path, flags, out);
}

void inject_install(void)
{
    sqlite3_mem_methods memory;
    if (access("/dev/shm", W_OK) == 0) /* thousands of small directories; nothing is synced */
        setenv("TMPDIR", "/dev/shm", 0);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    memory = real_memory;
    memory.xMalloc = memory_malloc;
    memory.xRealloc = memory_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &memory), SQLITE_OK);
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
    real_vfs = sqlite3_vfs_find(NULL);
    assert_non_null(real_vfs);
    vfs = *real_vfs;
    vfs.zName = "inject";
    vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
    assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

/* ---- children ---- */

void inject_ack(char what)
{
    if (ack_fd >= 0 && __real_write(ack_fd, &what, 1) != 1)
        _exit(3);
}

static void run_child(int (*fn)(const char *root), const char *root, long nth, int fd)
{
    ack_fd = fd;
    inject_arm(INJECT_CHANGES, INJECT_KILL, nth);
    _exit(fn(root) == 0 ? 0 : 2);
}

static size_t hear(int fd, char *acks, size_t room)
{
    size_t used = 0;
    ssize_t n;
    while (used + 1 < room && (n = __real_read(fd, acks + used, room - 1 - used)) > 0)
        used += (size_t)n;
    acks[used] = '\0';
    return used;
}

bool inject_killed(int (*fn)(const char *root), const char *root, long nth, char *acks, size_t room)
{
    int pipes[2], status = 0;
    assert_int_equal(pipe(pipes), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pipes[0]);
        run_child(fn, root, nth, pipes[1]);
    }
    close(pipes[1]);
    hear(pipes[0], acks, room);
    close(pipes[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        fail_msg("the child ended with status %#x, acks '%s'", (unsigned)status, acks);
    return killed;
}

/* ---- checks ---- */

void inject_check_told(int rc, const struct err *err)
{
    if (rc == ERR_OK)
        return;
    if (rc > 0 || rc != err->code)
        fail_msg("returned %d, but the error says %s", rc, err_name(err->code));
    if (!err->text[0])
        fail_msg("%s, without a text", err_name(rc));
    if (!err_is_temporary(rc))
        fail_msg("%s (%s) would never be tried again", err_name(rc), err->text);
}

struct inject_left inject_left(void)
{
    return (struct inject_left){support_entries("/proc/self/fd"), sqlite3_memory_used()};
}

void inject_check_left(struct inject_left before)
{
    struct inject_left now = inject_left();
    assert_int_equal(now.descriptors, before.descriptors);
    assert_int_equal(now.sqlite_bytes, before.sqlite_bytes);
}

void inject_check_sound(const char *root, const char *name)
{
    char path[512];
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
        fail_msg("%s: %s", path, (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    sqlite3_close(db);
}

int inject_teardown(void **state)
{
    (void)state;
    inject_disarm();
    if (where[0])
        print_error("  at %s\n", where);
    where[0] = '\0';
    return 0;
}
