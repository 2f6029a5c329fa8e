#define _GNU_SOURCE
/* Which system calls each kind of process may make (seccomp). */
/* CLONE_THREAD */
#include "dashspool/sandbox.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/log.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* The sanitizers reserve terabytes, and call what they please. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* What FFmpeg, x264, libass, threads, malloc and stdio were seen to need, and what the C library
 * may choose instead of it. Files: Landlock decides which. */
static const char allowed[] =
    "read pread64 readv preadv write pwrite64 writev pwritev lseek _llseek open openat close "
    "stat fstat lstat newfstatat statx stat64 fstat64 lstat64 fstatat64 access faccessat "
    "faccessat2 readlink readlinkat getcwd getdents64 dup fsync fdatasync "
    "ftruncate ftruncate64 fallocate fadvise64 fchmod unlink unlinkat rename renameat renameat2 "
    "poll ppoll brk munmap mremap madvise futex futex_time64 set_robust_list rseq "
    "set_tid_address gettid getpid sched_yield sched_getaffinity membarrier rt_sigaction "
    "rt_sigprocmask rt_sigreturn sigaltstack restart_syscall exit exit_group "
    "clock_gettime clock_gettime64 clock_getres gettimeofday time nanosleep clock_nanosleep "
    "getrandom getuid geteuid getgid getegid uname sysinfo getrusage times umask";

/* Beside those: what SQLite and the spool were seen to need … */
static const char allowed_store[] =
    "mkdir mkdirat rmdir flock statfs fstatfs fchown chmod fchmodat utimensat sync_file_range "
    "syncfs";

/* … what libuv, OpenSSL on memory buffers and libmicrohttpd … */
static const char allowed_server[] =
    "accept accept4 recvfrom recvmsg sendto sendmsg shutdown getsockname getpeername getsockopt "
    "setsockopt epoll_wait epoll_pwait epoll_pwait2 epoll_ctl epoll_create1 eventfd2 pipe2 dup3 "
    "getppid get_mempolicy rt_sigtimedwait sendfile sendfile64";

/* … what watching folders does, and who has files looked at apart … */
static const char allowed_watcher[] = "inotify_add_watch inotify_rm_watch sendmsg pipe2 wait4";

/* … what libpq, libcurl and the C library's resolver do to reach another machine … */
static const char allowed_client[] =
    "socket socketpair connect bind sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg getsockopt "
    "setsockopt getsockname getpeername shutdown select pselect6 eventfd2 pipe2 epoll_wait "
    "epoll_pwait epoll_ctl epoll_create1";

/* … and who has files converted by children that another process starts. */
static const char allowed_parent[] = "sendmsg pipe2 memfd_create wait4";

/* A function that only computes, from descriptors that it has. No stat(): that takes any path. */
static const char allowed_apart[] =
    "read pread64 lseek _llseek write brk munmap mremap madvise futex futex_time64 rt_sigreturn "
    "exit exit_group getpid gettid clock_gettime clock_gettime64 gettimeofday time getrandom close";

/* Nothing asks for these by accident. */
static const char deadly[] =
    "execve execveat ptrace process_vm_readv process_vm_writev mount umount2 pivot_root chroot "
    "unshare setns bpf init_module finit_module kexec_load open_by_handle_at keyctl userfaultfd "
    "perf_event_open";

/* Under the sanitizers, which need an unknown lot: allowed but these. */
static const char refused[] =
    "socket socketpair connect bind fork vfork link linkat symlink symlinkat";
static const char refused_client[] = "fork vfork link linkat symlink symlinkat";

/* Never needed, and no surprise: refused without a word, as is what another kind may do. */
static const char forbidden[] =
    "listen kill tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal pidfd_getfd "
    "setpriority sched_setaffinity sched_setscheduler sched_setparam sched_setattr kcmp mknod "
    "mknodat chown lchown fchownat setuid setgid setgroups setresuid setresgid setrlimit chdir "
    "fchdir truncate alarm setitimer seccomp landlock_create_ruleset landlock_add_rule "
    "landlock_restrict_self";

/* Not there, as on an older kernel: who asks has another way. What a ring of io_uring is asked for
 * is done without asking this filter. */
static const char rings[] = "io_uring_setup io_uring_enter io_uring_register";

/* What add_judged() looks at. */
static const char judged_calls[] = "clone clone3 mmap mprotect prctl tgkill prlimit64 fcntl ioctl";
/* It looks at hostile bytes and keeps nothing. */
static bool is_limited(enum sandbox_kind kind)
{
    return kind == SANDBOX_CONVERTER || kind == SANDBOX_READER || kind == SANDBOX_APART;
}

/* Calls by their names, parted by spaces. -EINVAL: libseccomp knows no such call. */
static int add_all(scmp_filter_ctx f, uint32_t action, const char *calls)
{
    int rc = 0;
    for (size_t n; rc == 0 && (n = strcspn(calls, " ")) > 0; calls += n + (calls[n] == ' ')) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)n, calls);
        int call = seccomp_syscall_resolve_name(name);
        rc = call == __NR_SCMP_ERROR ? -EINVAL : seccomp_rule_add(f, action, call, 0);
    }
    return rc;
}

/* ---- calls that no list names ----
 *
 * The next release of a library may make one, and mostly has another way where the kernel does not
 * have it. So they are answered as such a kernel does, here and not by the kernel, which can tell
 * nobody: a handler of SIGSYS says which one it was. Where the signal is blocked, the kernel ends
 * the process. */

#if defined(__x86_64__)
#define ANSWER(context) (((ucontext_t *)(context))->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define ANSWER(context) (*(int64_t *)&((ucontext_t *)(context))->uc_mcontext.regs[0])
#endif

enum { CALLS = 512, CALL_NAME_ROOM = 32 };

static char call_name[CALLS][CALL_NAME_ROOM]; /* the handler must not allocate */
static atomic_bool call_told[CALLS];
static _Atomic(const char *) first_unknown;
static const char *told_by;

void sandbox_tell_unknown(struct err *err)
{
    const char *call = atomic_load(&first_unknown);
    const size_t used = strlen(err->text);
    if (call)
        snprintf(err->text + used, sizeof err->text - used,
                 "; the sandbox does not know the system call %s", call);
}

#ifdef ANSWER

static void on_unknown(int signum, siginfo_t *info, void *context)
{
    (void)signum;
    const int call = info->si_syscall, was = errno;
    const char *name = call >= 0 && call < CALLS ? call_name[call] : "a new one";
    const char *none = NULL;
    ANSWER(context) = -ENOSYS;
    atomic_compare_exchange_strong(&first_unknown, &none, name);
    if (call < 0 || call >= CALLS || !atomic_exchange(&call_told[call], true))
        log_warn(
            told_by, "unknown system call refused", LOG_TEXT("call", name), LOG_INT("number", call),
            LOG_TEXT("reason", "the sandbox does not know it; a library may be newer than this "
                               "dashspool: what needs the call goes without it, or fails"));
    errno = was;
}

int sandbox_catch_unknown(const char *stage, struct err *err)
{
    static const char *const known[] = {allowed,         allowed_store,  allowed_server,
                                        allowed_watcher, allowed_client, allowed_parent,
                                        allowed_apart,   deadly,         refused,
                                        forbidden,       rings,          judged_calls};
    struct sigaction action = {.sa_sigaction = on_unknown, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (SANITIZED || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
        return ERR_OK;
    for (int i = 0; i < CALLS && !call_name[CALLS - 1][0]; i++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
        snprintf(call_name[i], CALL_NAME_ROOM, "%s", name ? name : "a new one");
        free(name);
    }
    told_by = stage ? stage : "sandbox";
    if (sigaction(SIGSYS, &action, NULL) < 0)
        return err_sys(err, "SIGSYS");
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
    if (!f)
        return err_nomem(err, "a system-call filter");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof known / sizeof *known; i++)
        rc = add_all(f, SCMP_ACT_ALLOW, known[i]);
    if (rc == 0)
        rc = seccomp_load(f);
    seccomp_release(f);
    errno = -rc;
    return rc == 0 ? ERR_OK : err_sys(err, "filter of unknown system calls");
}

#else

int sandbox_catch_unknown(const char *stage, struct err *err)
{
    (void)stage, (void)err;
    return ERR_OK;
}

#endif

int sandbox_without_rings(struct err *err)
{
    int rc = 0;
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
        return ERR_OK;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_wrap((err_sys(err, "no_new_privs"), err), "sandbox");
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    if (!f)
        return err_nomem(err, "a system-call filter");
    if ((rc = add_all(f, SCMP_ACT_ERRNO(ENOSYS), rings)) == 0)
        rc = seccomp_load(f);
    seccomp_release(f);
    errno = -rc;
    return rc == 0 ? ERR_OK : err_wrap((err_sys(err, "system-call filter"), err), "sandbox");
}

/* What is allowed with some arguments only. A call that can name a process, or make the kernel
 * signal one later (F_SETOWN, FIOSETOWN), reaches this one and no other: Landlock says so, too, but
 * only since ABI 6. */
static int add_judged(scmp_filter_ctx f, enum sandbox_kind kind, bool connects)
{
    static const unsigned orders[] = {F_DUPFD,      F_GETFD,     F_SETFD,      F_GETFL,
                                      F_SETFL,      F_GETLK,     F_SETLK,      F_SETLKW,
                                      F_OFD_GETLK,  F_OFD_SETLK, F_OFD_SETLKW, F_DUPFD_CLOEXEC,
                                      F_GETPIPE_SZ, F_GET_SEALS};
    /* Is this a terminal, and how wide? And of a server, what libuv asks of its sockets. Not: to
     * type for the terminal's owner (TIOCSTI). */
    static const unsigned requests[] = {TCGETS, TIOCGWINSZ, FIONBIO, FIONREAD, FIOCLEX, FIONCLEX};
    const bool sockets = kind == SANDBOX_SERVER || connects;
    const size_t n_requests = sockets ? sizeof requests / sizeof *requests : 2;
    const scmp_datum_t self = (scmp_datum_t)getpid();
    /* Threads, no processes; memory, but no new code. clone3() hides its flags in memory: the C
     * library takes clone() when there is none. */
    const struct {
        int call;
        struct scmp_arg_cmp with;
    } judged[] = {
        {SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)},
        {SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        {SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
        /* a thread's name, as libavcodec gives it */
        {SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0)},
        {SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, self, 0)}, /* abort() */
        {SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_EQ, 0, 0)},
    };
    int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0)
        rc = add_all(f, SCMP_ACT_ERRNO(ENOSYS), rings);
    for (size_t i = 0; rc == 0 && i < sizeof judged / sizeof *judged; i++)
        if (kind != SANDBOX_APART || judged[i].call == SCMP_SYS(mmap) ||
            judged[i].call == SCMP_SYS(mprotect))
            rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, judged[i].call, 1, judged[i].with);
    if (kind == SANDBOX_APART)
        return rc;
    for (size_t i = 0; rc == 0 && i < sizeof orders / sizeof *orders; i++) {
        const struct scmp_arg_cmp with = SCMP_A1(SCMP_CMP_EQ, orders[i], 0);
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, with);
        if (rc == 0)
            rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(fcntl64), 1, with);
    }
    for (size_t i = 0; rc == 0 && i < n_requests; i++)
        rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                              SCMP_A1(SCMP_CMP_EQ, requests[i], 0));
    return rc;
}

/* Refuses all system calls but those that this kind of process needs. */
static int sandbox_filter(const struct sandbox_rules *r, struct err *err)
{
    const enum sandbox_kind kind = r->kind;
    const char *stage = r->stage;
    /* A function apart is started for each file: who forks it has done this once for all. */
    if (kind != SANDBOX_APART && sandbox_catch_unknown(stage, err) < 0)
        return err->code;
    uint32_t others = SANITIZED ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
    scmp_filter_ctx f = seccomp_init(others);
    if (!f)
        return err_nomem(err, "a system-call filter");
    int rc = add_all(f, SCMP_ACT_KILL_PROCESS, deadly);
    if (rc == 0)
        rc = SANITIZED
                 ? add_all(f, SCMP_ACT_ERRNO(EPERM), r->connects ? refused_client : refused)
                 : add_all(f, SCMP_ACT_ALLOW, kind == SANDBOX_APART ? allowed_apart : allowed);
    if (rc == 0 && !SANITIZED)
        rc = add_judged(f, kind, r->connects != NULL);
    if (rc == 0 && !SANITIZED && !is_limited(kind))
        rc = add_all(f, SCMP_ACT_ALLOW, allowed_store);
    if (rc == 0 && !SANITIZED && kind == SANDBOX_PARENT)
        rc = add_all(f, SCMP_ACT_ALLOW, allowed_parent);
    if (rc == 0 && !SANITIZED && kind == SANDBOX_SERVER)
        rc = add_all(f, SCMP_ACT_ALLOW, allowed_server);
    if (rc == 0 && !SANITIZED && kind == SANDBOX_WATCHER)
        rc = add_all(f, SCMP_ACT_ALLOW, allowed_watcher);
    if (rc == 0 && !SANITIZED && r->connects)
        rc = add_all(f, SCMP_ACT_ALLOW, allowed_client);
    if (rc == 0)
        rc = seccomp_load(f);
    seccomp_release(f);
    errno = -rc;
    return rc == 0 ? ERR_OK : err_sys(err, "system-call filter");
}

/* syscall, O_PATH */

#define DESCRIPTORS_MAX 64 /* stdio, the report, the input, a few outputs */

/* ---- rlimits ---- */

static int limit(int what, const char *name, rlim_t soft, rlim_t hard, struct err *err)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)what, &now) < 0)
        return err_sys(err, "getrlimit %s", name);
    struct rlimit want = {soft < now.rlim_max ? soft : now.rlim_max,
                          hard < now.rlim_max ? hard : now.rlim_max};
    if (setrlimit((__rlimit_resource_t)what, &want) < 0)
        return err_sys(err, "limit %s", name);
    return ERR_OK;
}

/* RLIMIT_DATA and not RLIMIT_AS: what is mapped only to be read, a master of 4 GiB, costs nothing;
 * since Linux 4.7 it counts every private page that can be written. */
static int set_limits(const struct sandbox_rules *r, struct err *err)
{
    int rc = limit(RLIMIT_CORE, "core", 0, 0, err);
    if (!is_limited(r->kind))
        return rc;
    if (rc == ERR_OK)
        rc = limit(RLIMIT_NOFILE, "descriptors", DESCRIPTORS_MAX, DESCRIPTORS_MAX, err);
    if (rc == ERR_OK && r->file_bytes > 0)
        rc = limit(RLIMIT_FSIZE, "file size", (rlim_t)r->file_bytes, (rlim_t)r->file_bytes, err);
    if (rc == ERR_OK && r->cpu_s > 0)
        rc = limit(RLIMIT_CPU, "CPU time", (rlim_t)r->cpu_s, (rlim_t)r->cpu_s + 1, err);
    if (rc == ERR_OK && r->memory_bytes > 0 && !SANITIZED)
        rc = limit(RLIMIT_DATA, "memory", (rlim_t)r->memory_bytes, (rlim_t)r->memory_bytes, err);
    return rc;
}

/* ---- Landlock (Documentation/userspace-api/landlock.rst); Debian 12's header knows ABI 2 ---- */

#define LL_TRUNCATE     (1ULL << 14) /* ABI 3 */
#define LL_IOCTL_DEV    (1ULL << 15) /* ABI 5 */
#define LL_NET_BIND_TCP (1ULL << 0)  /* ABI 4 */
#define LL_NET_CONNECT  (1ULL << 1)
#define LL_SCOPE_SOCKET (1ULL << 0) /* ABI 6 */
#define LL_SCOPE_SIGNAL (1ULL << 1)

struct ruleset { /* struct landlock_ruleset_attr of ABI 6 */
    uint64_t fs, net, scoped;
};

static int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static struct ruleset rights_of(int abi)
{
    struct ruleset r = {.fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    if (abi >= 2)
        r.fs |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        r.fs |= LL_TRUNCATE;
    if (abi >= 4)
        r.net = LL_NET_BIND_TCP | LL_NET_CONNECT;
    if (abi >= 5)
        r.fs |= LL_IOCTL_DEV;
    if (abi >= 6)
        r.scoped = LL_SCOPE_SOCKET | LL_SCOPE_SIGNAL;
    return r;
}

/* Of a file, only such rights as a file can give. A path that is not there is an error if it must
 * be; nothing but directories and plain files is ever allowed. */
static int allow_path(int rules, const char *path, uint64_t rights, bool must, struct err *err)
{
    const uint64_t of_files = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                              LANDLOCK_ACCESS_FS_WRITE_FILE | LL_TRUNCATE;
    struct stat st;
    int rc = ERR_OK, fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return must ? err_sys(err, "%s", path) : ERR_OK;
    if (fstat(fd, &st) < 0) {
        rc = err_sys(err, "%s", path);
    } else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
        struct landlock_path_beneath_attr a = {
            .allowed_access = S_ISDIR(st.st_mode) ? rights : rights & of_files, .parent_fd = fd};
        if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0) < 0)
            rc = err_sys(err, "Landlock: %s", path);
    }
    close(fd);
    return rc;
}

static int allow_dirs(int rules, const char *const *dirs, uint64_t rights, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && dirs && dirs[i]; i++)
        rc = allow_path(rules, dirs[i], rights, true, err);
    return rc;
}

/* Of one whose links lead nowhere, only its folder. */
static int allow_reread(int rules, const char *const *files, uint64_t rights, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && files && files[i]; i++) {
        char *named = strdup(files[i]), *real = realpath(files[i], NULL);
        if (!named)
            rc = err_nomem(err, "a sandbox");
        else if (named[0] && fsx_go_up(named))
            rc = allow_path(rules, named, rights, true, err);
        if (rc == ERR_OK && real && fsx_go_up(real))
            rc = allow_path(rules, real, rights, true, err);
        free(named);
        free(real);
    }
    return rc;
}

/* Closes the rules. */
static int restrict_self(int rules, int rc, struct err *err)
{
    if (rc == ERR_OK && syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        rc = err_sys(err, "Landlock");
    close(rules);
    return rc;
}

static int enter_landlock(const struct sandbox_rules *r, int abi, struct err *err)
{
    static const char *const network[] = {"/etc/hosts",
                                          "/etc/resolv.conf",
                                          "/etc/nsswitch.conf",
                                          "/etc/host.conf",
                                          "/etc/gai.conf",
                                          "/etc/services",
                                          "/etc/passwd", /* libpq: who we are */
                                          "/etc/ssl",
                                          "/run/systemd/resolve",
                                          "/usr/lib/ssl",
                                          "/usr/share/ca-certificates",
                                          "/usr/local/share/ca-certificates"};
    struct ruleset all = rights_of(abi);
    if (r->connects)
        all.net &= ~LL_NET_CONNECT;
    size_t known = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int rc = ERR_OK, rules = (int)syscall(SYS_landlock_create_ruleset, &all, known, 0);
    if (rules < 0)
        return err_sys(err, "Landlock");
    const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    for (int i = 0; rc == ERR_OK && i < SANDBOX_READS_MAX; i++)
        if (r->read[i] && r->read[i][0])
            rc = allow_path(rules, r->read[i], LANDLOCK_ACCESS_FS_READ_FILE, false, err);
    for (size_t i = 0; rc == ERR_OK && r->reads && r->reads[i]; i++)
        rc = allow_path(rules, r->reads[i], read, false, err);
    for (size_t i = 0; rc == ERR_OK && r->connects && i < sizeof network / sizeof *network; i++)
        rc = allow_path(rules, network[i], read, false, err);
    for (size_t i = 0; rc == ERR_OK && r->connects && r->connects[i]; i++)
        rc = allow_path(rules, r->connects[i], read, false, err);
    uint64_t write = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                     LANDLOCK_ACCESS_FS_REMOVE_FILE | (LL_TRUNCATE & all.fs);
    if (rc == ERR_OK && r->kind != SANDBOX_CONVERTER) {
        /* What a server or a watcher may reach. Its spool moves directories. */
        uint64_t move = read | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                        LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                        (LANDLOCK_ACCESS_FS_REFER & all.fs);
        uint64_t change = LANDLOCK_ACCESS_FS_WRITE_FILE | (LL_TRUNCATE & all.fs);
        if ((rc = allow_dirs(rules, r->read_dirs, read, err)) == ERR_OK)
            rc = allow_reread(rules, r->reread, read, err);
        if (rc == ERR_OK && (rc = allow_dirs(rules, r->move_dirs, move, err)) == ERR_OK)
            rc = allow_dirs(rules, r->write_dirs, move | change, err);
        if (rc == ERR_OK && r->write_dir)
            rc = allow_path(rules, r->write_dir, move | change, true, err);
        for (size_t i = 0; rc == ERR_OK && r->write_files && r->write_files[i]; i++)
            rc = allow_path(rules, r->write_files[i], LANDLOCK_ACCESS_FS_READ_FILE | change, false,
                            err);
    } else if (rc == ERR_OK && r->write_dir)
        rc = allow_path(rules, r->write_dir, write, true, err);
    return restrict_self(rules, rc, err);
}

/* ---- */

static void miss(char out[SANDBOX_MISSING_ROOM], const char *what)
{
    size_t used = strlen(out);
    snprintf(out + used, SANDBOX_MISSING_ROOM - used, "%s%s", used ? "; " : "", what);
}

/* Asked once: in a sandbox the kernel no longer answers. */
void sandbox_probe(struct sandbox_report *r)
{
    static struct sandbox_report found;
    static bool asked, filters;
    if (!asked) {
        found.landlock_abi = landlock_abi();
        filters = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
        if (found.landlock_abi == 0)
            miss(found.kernel, "kernel without Landlock: file access is not restricted");
        else if (found.landlock_abi < 3)
            miss(found.kernel, "kernel before 6.2: Landlock cannot prevent truncation");
        if (!filters)
            miss(found.kernel, "kernel without seccomp: system calls are not filtered");
        found.memory = !SANITIZED;
        found.seccomp = filters && !SANITIZED;
        snprintf(found.missing, sizeof found.missing, "%s", found.kernel);
        if (SANITIZED)
            miss(found.missing,
                 "built with sanitizers: memory is not limited, few system calls are refused");
        asked = true;
    }
    *r = found;
}

int sandbox_fence(const char *const *write_dirs, struct err *err)
{
    int abi = landlock_abi(), rc = ERR_OK;
    if (SANITIZED || abi == 0)
        return ERR_OK;
    struct ruleset writes = {.fs = rights_of(abi).fs &
                                   ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE |
                                               LANDLOCK_ACCESS_FS_READ_FILE |
                                               LANDLOCK_ACCESS_FS_READ_DIR | LL_IOCTL_DEV)};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_wrap((err_sys(err, "no_new_privs"), err), "sandbox");
    int rules = (int)syscall(SYS_landlock_create_ruleset, &writes, sizeof writes.fs, 0);
    if (rules < 0)
        return err_wrap((err_sys(err, "Landlock"), err), "sandbox");
    /* A process that is executed anew is given it as stdin, stdout and stderr. */
    struct landlock_path_beneath_attr null = {.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE,
                                              .parent_fd = open("/dev/null", O_PATH | O_CLOEXEC)};
    if (null.parent_fd >= 0 &&
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &null, 0) < 0)
        rc = err_sys(err, "Landlock: /dev/null");
    if (null.parent_fd >= 0)
        close(null.parent_fd);
    if (rc == ERR_OK)
        rc = allow_dirs(rules, write_dirs, writes.fs, err);
    rc = restrict_self(rules, rc, err);
    return rc < 0 ? err_wrap(err, "sandbox") : ERR_OK;
}

int sandbox_fence_reads(const char *const *reads, struct err *err)
{
    const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    if (SANITIZED || landlock_abi() == 0)
        return ERR_OK;
    struct ruleset all = {.fs = read | LANDLOCK_ACCESS_FS_EXECUTE};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_wrap((err_sys(err, "no_new_privs"), err), "sandbox");
    int rc = ERR_OK, rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all.fs, 0);
    if (rules < 0)
        return err_wrap((err_sys(err, "Landlock"), err), "sandbox");
    for (size_t i = 0; rc == ERR_OK && reads[i]; i++)
        rc = allow_path(rules, reads[i], read, false, err);
    rc = restrict_self(rules, rc, err);
    return rc < 0 ? err_wrap(err, "sandbox") : ERR_OK;
}

int sandbox_enter(const struct sandbox_rules *rules, struct sandbox_report *report, struct err *err)
{
    sandbox_probe(report);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_wrap((err_sys(err, "no_new_privs"), err), "sandbox");
    bool child = rules->kind == SANDBOX_CONVERTER || rules->kind == SANDBOX_APART;
    if (SANITIZED && !child) { /* the leak check at its end needs ptrace and /proc */
        miss(report->missing, "built with sanitizers: sandbox is off");
        return ERR_OK;
    }
    char of_nothing[HASH_HEX_ROOM]; /* OpenSSL reads once what is out of reach later */
    int rc = child ? ERR_OK : hash_text("", 0, of_nothing, err);
    if (rc == ERR_OK)
        rc = set_limits(rules, err);
    if (rc == ERR_OK && report->landlock_abi > 0)
        rc = enter_landlock(rules, report->landlock_abi, err);
    if (rc == ERR_OK && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
        rc = sandbox_filter(rules, err);
    return rc < 0 ? err_wrap(err, "sandbox") : ERR_OK;
}
