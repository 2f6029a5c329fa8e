#include "dashspool/stop.h"
#include "dashspool/log.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

int stop_open(struct stop *stop, const char *who, struct err *err)
{
    sigset_t set;
    struct sigaction hangup;
    *stop = (struct stop){.fd = -1, .who = who};
    stop->terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    stop->nohup = sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN;
    if (!stop->nohup)
        sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &stop->before);
    stop->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (stop->fd >= 0)
        return ERR_OK;
    int rc = err_sys(err, "wait for signals");
    if (stop->terminal >= 0)
        close(stop->terminal);
    sigprocmask(SIG_SETMASK, &stop->before, NULL);
    return rc;
}

int stop_reloads(struct stop *stop, struct err *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* blocked, it comes although it is ignored */
    if (signalfd(stop->fd, &set, 0) < 0)
        return err_sys(err, "wait for signals");
    stop->reloads = true;
    return ERR_OK;
}

bool stop_reload(struct stop *stop)
{
    bool is = stop->reload;
    stop->reload = false;
    return is;
}

void stop_close(struct stop *stop)
{
    if (stop->fd < 0)
        return;
    stop_requested(stop); /* a second one does not kill us on the way out */
    close(stop->fd);
    if (stop->terminal >= 0)
        close(stop->terminal);
    stop->fd = stop->terminal = -1;
    sigprocmask(SIG_SETMASK, &stop->before, NULL);
}

/* The kernel's word, or a shell's that passes it on to what it has in the background. */
static bool is_hangup(const struct stop *stop, int code)
{
    struct pollfd p = {.fd = stop->terminal};
    return code == SI_KERNEL || (poll(&p, 1, 0) > 0 && (p.revents & POLLHUP));
}

bool stop_requested(struct stop *stop)
{
    struct signalfd_siginfo info;
    while (read(stop->fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGHUP || (!stop->nohup && is_hangup(stop, info.ssi_code)))
            stop->told = true;
        else if (stop->reloads)
            stop->reload |= info.ssi_code != SI_KERNEL;
        else if (!stop->told)
            log_warn(stop->who, "new settings are not taken while this runs; restart it for that");
    return stop->told;
}

void stop_wait(struct stop *stop, int fd, int64_t ms)
{
    struct pollfd p[] = {{.fd = stop->fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    if (!stop_requested(stop) && ms > 0)
        poll(p, 2, ms < 60000 ? (int)ms : 60000);
}

/* ---- a flag ---- */

static const int caught_signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { N_CAUGHT = sizeof caught_signals / sizeof *caught_signals };

static volatile sig_atomic_t caught;
static int depth;
static struct sigaction before[N_CAUGHT];

static void on_signal(int signum)
{
    caught = signum;
}

void stop_catch(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    if (depth++ > 0)
        return;
    caught = 0;
    sigemptyset(&act.sa_mask);
    for (int i = 0; i < N_CAUGHT; i++) {
        sigaction(caught_signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(caught_signals[i], &act, NULL);
    }
}

int stop_caught(void)
{
    return caught;
}

void stop_release(void)
{
    if (--depth > 0)
        return;
    for (int i = 0; i < N_CAUGHT; i++)
        sigaction(caught_signals[i], &before[i], NULL);
}

void stop_default_signals(const sigset_t *blocked)
{
    struct sigaction act = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < 32; s++)
        sigaction(s, &act, NULL);
    sigprocmask(SIG_SETMASK, blocked ? blocked : &none, NULL);
}
