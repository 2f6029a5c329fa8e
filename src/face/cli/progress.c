#define _DEFAULT_SOURCE /* struct winsize */
#include "progress.h"
#include "dashspool/clock.h"
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR = 24, REDRAW_US = 100000 };

void progress_begin(struct progress *p)
{
    *p = (struct progress){.on = isatty(STDERR_FILENO), .began_us = clock_mono_us()};
}

static int columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
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
    int room = columns() - 1 - n, length = (int)strlen(name);
    /* the end of a name says more than its beginning */
    fprintf(stderr, "\r%s%s\033[K", line,
            room <= 0 ? "" : name + (length > room ? length - room : 0));
    fflush(stderr);
}

void progress_clear(struct progress *p)
{
    if (!p->on || p->drawn_us == 0)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    p->drawn_us = 0;
}
