/* Which system calls each kind of process may make (seccomp). */
#define _GNU_SOURCE /* CLONE_THREAD */
#include "sandbox_internal.h"
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* What FFmpeg, x264, libass, threads, malloc and stdio were seen to need, and what the C library
 * may choose instead of it. Files: Landlock decides which. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(readv),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(pwrite64),
    SCMP_SYS(writev),
    SCMP_SYS(pwritev),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(close),
    SCMP_SYS(stat),
    SCMP_SYS(fstat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(stat64),
    SCMP_SYS(fstat64),
    SCMP_SYS(lstat64),
    SCMP_SYS(fstatat64),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(fcntl),
    SCMP_SYS(fcntl64),
    SCMP_SYS(dup),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(ftruncate64),
    SCMP_SYS(fallocate),
    SCMP_SYS(fadvise64),
    SCMP_SYS(fchmod),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(membarrier),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(tgkill),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getrandom),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrusage),
    SCMP_SYS(times),
    SCMP_SYS(umask),
};

/* Beside those: what SQLite and the spool were seen to need … */
static const int allowed_store[] = {
    SCMP_SYS(mkdir),    SCMP_SYS(mkdirat),   SCMP_SYS(rmdir),           SCMP_SYS(flock),
    SCMP_SYS(statfs),   SCMP_SYS(fstatfs),   SCMP_SYS(fchown),          SCMP_SYS(chmod),
    SCMP_SYS(fchmodat), SCMP_SYS(utimensat), SCMP_SYS(sync_file_range), SCMP_SYS(syncfs),
};

/* … what libuv, OpenSSL on memory buffers and libmicrohttpd … */
static const int allowed_server[] = {
    SCMP_SYS(accept),        SCMP_SYS(accept4),       SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),       SCMP_SYS(sendto),        SCMP_SYS(sendmsg),
    SCMP_SYS(shutdown),      SCMP_SYS(getsockname),   SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),    SCMP_SYS(setsockopt),    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),   SCMP_SYS(epoll_pwait2),  SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_create1), SCMP_SYS(eventfd2),      SCMP_SYS(pipe2),
    SCMP_SYS(dup3),          SCMP_SYS(ioctl),         SCMP_SYS(prlimit64),
    SCMP_SYS(getppid),       SCMP_SYS(get_mempolicy), SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sendfile),      SCMP_SYS(sendfile64),
};

/* … and what watching folders does. */
static const int allowed_watcher[] = {
    SCMP_SYS(inotify_add_watch),
    SCMP_SYS(inotify_rm_watch),
};

/* Nothing asks for these by accident. */
static const int deadly[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(keyctl),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
};

/* Under the sanitizers, which need an unknown lot: allowed but these. */
static const int refused[] = {
    SCMP_SYS(socket),  SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind),
    SCMP_SYS(fork),    SCMP_SYS(vfork),      SCMP_SYS(link),    SCMP_SYS(linkat),
    SCMP_SYS(symlink), SCMP_SYS(symlinkat),
};

static int add_all(scmp_filter_ctx f, uint32_t action, const int *call, size_t n)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = seccomp_rule_add(f, action, call[i], 0);
    return rc;
}
#define ADD_ALL(f, action, calls) add_all(f, action, calls, sizeof(calls) / sizeof *(calls))

/* Threads, no processes; memory, but no new code. clone3() hides its flags in memory: the C library
 * takes clone() when there is none. */
static int add_judged(scmp_filter_ctx f)
{
    const uint64_t exec = PROT_EXEC;
    int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (rc == 0)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, exec, 0));
    if (rc == 0)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, exec, 0));
    if (rc == 0) /* a thread's name, as libavcodec gives it */
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                              SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    return rc;
}

int sandbox_filter(enum sandbox_kind kind, struct err *err)
{
    uint32_t others = SANITIZED ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
    scmp_filter_ctx f = seccomp_init(others);
    if (!f)
        return err_set(err, ERR_NOMEM, "no memory for a system-call filter");
    int rc = ADD_ALL(f, SCMP_ACT_KILL_PROCESS, deadly);
    if (rc == 0)
        rc = SANITIZED ? ADD_ALL(f, SCMP_ACT_ERRNO(EPERM), refused)
                       : ADD_ALL(f, SCMP_ACT_ALLOW, allowed);
    if (rc == 0 && !SANITIZED)
        rc = add_judged(f);
    if (rc == 0 && !SANITIZED && kind != SANDBOX_CONVERTER)
        rc = ADD_ALL(f, SCMP_ACT_ALLOW, allowed_store);
    if (rc == 0 && !SANITIZED && kind == SANDBOX_SERVER)
        rc = ADD_ALL(f, SCMP_ACT_ALLOW, allowed_server);
    if (rc == 0 && !SANITIZED && kind == SANDBOX_WATCHER)
        rc = ADD_ALL(f, SCMP_ACT_ALLOW, allowed_watcher);
    if (rc == 0)
        rc = seccomp_load(f);
    seccomp_release(f);
    errno = -rc;
    return rc == 0 ? ERR_OK : err_sys(err, "system-call filter");
}
