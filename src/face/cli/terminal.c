#define _GNU_SOURCE /* winsize, fopencookie */
#include "terminal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/text.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static bool window(int fd, struct winsize *size)
{
    return ioctl(fd, TIOCGWINSZ, size) == 0 && size->ws_col > 0;
}

int terminal_columns(int fd)
{
    struct winsize size;
    const char *text = getenv("COLUMNS");
    long n = text ? strtol(text, NULL, 10) : 0;
    if (!isatty(fd))
        return 0;
    return window(fd, &size) ? size.ws_col : n > 0 && n < 10000 ? (int)n : 80;
}

/* ---- guard ---- */

struct guard {
    int fd;
    char begun[4]; /* of a character whose end is still to come */
    size_t n;
};

static bool is_raw;

static bool put(const struct guard *g, const char *bytes, size_t n)
{
    struct err err;
    return n == 0 || fsx_write_all(g->fd, bytes, n, &err) == ERR_OK;
}

/* At its beginning: what can be shown as it is. */
static size_t plain_bytes(const char *data, size_t n)
{
    size_t i = 0;
    while (i < n && ((data[i] >= ' ' && data[i] <= '~') || data[i] == '\n' || data[i] == '\t'))
        i++;
    return i;
}

static ssize_t guard_write(void *cookie, const char *data, size_t n)
{
    struct guard *g = cookie;
    char out[8192];
    size_t used = 0;
    if (is_raw)
        return put(g, data, n) ? (ssize_t)n : 0;
    for (size_t i = 0; i < n; i++) {
        size_t plain = g->n == 0 ? plain_bytes(data + i, n - i) : 0;
        if (plain >= sizeof out / 4) { /* as it is, without a copy */
            if (!put(g, out, used) || !put(g, data + i, plain))
                return 0;
            used = 0;
            i += plain - 1;
            continue;
        }
        if (used + sizeof g->begun * TEXT_ONE_ROOM > sizeof out) {
            if (!put(g, out, used))
                return 0;
            used = 0;
        }
        if (plain > 0) {
            plain = plain < sizeof out - used ? plain : sizeof out - used;
            memcpy(out + used, data + i, plain);
            used += plain;
            i += plain - 1;
            continue;
        }
        g->begun[g->n++] = data[i];
        while (g->n > 0) {
            char one[TEXT_ONE_ROOM] = {g->begun[0], '\0'};
            size_t took = one[0] == '\n' || one[0] == '\t' ? 1 : text_one(g->begun, g->n, one);
            if (took == 0)
                break; /* its end is still to come */
            used += (size_t)snprintf(out + used, sizeof out - used, "%s", one);
            memmove(g->begun, g->begun + took, g->n -= took);
        }
    }
    return put(g, out, used) ? (ssize_t)n : 0;
}

static FILE *guarded(FILE *file, int fd, int mode, struct guard *g)
{
    static const cookie_io_functions_t calls = {.write = guard_write};
    *g = (struct guard){.fd = fd};
    FILE *f = fopencookie(g, "w", calls);
    if (!f)
        return file; /* nothing is lost but this */
    setvbuf(f, NULL, mode, mode == _IOFBF ? 65536 : BUFSIZ);
    return f;
}

void terminal_guard(void)
{
    static struct guard out, err;
    stdout = guarded(stdout, STDOUT_FILENO, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, &out);
    stderr = guarded(stderr, STDERR_FILENO, _IONBF, &err);
}

void terminal_raw(bool raw)
{
    fflush(stdout);
    fflush(stderr);
    is_raw = raw;
}

/* ---- progress ---- */

enum { BAR = 24, REDRAW_US = 100000 };

void progress_begin(struct progress *p)
{
    *p = (struct progress){.on = isatty(STDERR_FILENO), .began_us = clock_mono_us()};
}

void progress_show(struct progress *p, int ended, int of, double all, const char *name)
{
    char bar[BAR + 1], left[32] = "", line[512];
    int64_t now_us = clock_mono_us();
    if (!p->on || now_us - p->drawn_us < REDRAW_US)
        return;
    p->drawn_us = now_us;
    int full = (int)(all * BAR + 0.5);
    for (int i = 0; i < BAR; i++)
        bar[i] = i < full ? '#' : '-';
    bar[BAR] = '\0';
    double gone_s = (double)(now_us - p->began_us) / 1e6;
    if (all > 0.02 && gone_s > 1) {
        int s = (int)(gone_s / all * (1 - all));
        snprintf(left, sizeof left, "  %d:%02d left", s / 60, s % 60);
    }
    int n = snprintf(line, sizeof line, "[%s] %3d%%  %d of %d%s  ", bar, (int)(all * 100), ended,
                     of, left);
    char shown[4096];
    int room = terminal_columns(STDERR_FILENO) - 1 - n;
    int length = (int)strlen(text_shown(name, shown, sizeof shown));
    /* the end of a name says more than its beginning */
    const char *from = room <= 0 ? "" : shown + (length > room ? length - room : 0);
    while (((unsigned char)*from & 0xc0) == 0x80)
        from++;
    terminal_raw(true);
    fprintf(stderr, "\r%s%s\033[K", line, from);
    terminal_raw(false);
}

void progress_clear(struct progress *p)
{
    if (!p->on || p->drawn_us == 0)
        return;
    terminal_raw(true);
    fputs("\r\033[K", stderr);
    terminal_raw(false);
    p->drawn_us = 0;
}

/* ---- screen ---- */

struct status_screen screen_of(int fd)
{
    struct winsize size = {0};
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    struct status_screen s = {0};
    if (!isatty(fd))
        return s;
    s.colour = !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
    s.columns = 80;
    if (window(fd, &size) && size.ws_row > 0) {
        s.columns = size.ws_col;
        s.rows = size.ws_row > 1 ? size.ws_row - 1 : 1;
    }
    return s;
}

static sigset_t our_signals(void)
{
    static const int signums[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH, SIGPIPE};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signums / sizeof *signums; i++)
        sigaddset(&set, signums[i]);
    return set;
}

void screen_signals(void)
{
    sigset_t set = our_signals();
    sigprocmask(SIG_BLOCK, &set, NULL);
}

enum screen_event screen_wait(double seconds)
{
    sigset_t set = our_signals();
    struct timespec left = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    int signum = sigtimedwait(&set, NULL, &left);
    if (signum < 0) /* its time has come, or it was stopped and goes on */
        return SCREEN_AGAIN;
    return signum == SIGTSTP ? SCREEN_STOP : signum == SIGWINCH ? SCREEN_AGAIN : SCREEN_END;
}

static void say(const char *text)
{
    terminal_raw(true);
    fputs(text, stdout);
    terminal_raw(false);
}

void screen_enter(void)
{
    say("\033[?1049h\033[?25l"); /* the other screen, no cursor */
}

void screen_leave(void)
{
    say("\033[?25h\033[?1049l");
}

void screen_stop(void)
{
    screen_leave();
    raise(SIGSTOP);
    screen_enter();
}

/* Each line clears what is behind it, the last what is below. */
bool screen_show(const struct buf *text)
{
    const char *p = (const char *)buf_data(text), *end = p + text->used;
    terminal_raw(true);
    fputs("\033[H", stdout);
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((newline ? newline : end) - p);
        fwrite(p, 1, n, stdout);
        fputs("\033[K\n", stdout);
        p += n + (newline != NULL);
    }
    fputs("\033[J", stdout);
    bool good = fflush(stdout) == 0;
    terminal_raw(false);
    return good;
}
