#include "dashspool/log.h"
#include "dashspool/clock.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* Longest line; what is longer is cut, so that one write(2) is one event. */
enum { LINE_ROOM = 1200 };

static atomic_int max_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&max_level, (int)level);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "?";
}

void log_line(enum log_level level, const char *tag, const char *fmt, ...)
{
    if ((int)level > atomic_load(&max_level))
        return;
    char text[LINE_ROOM / 2], line[LINE_ROOM], when[CLOCK_TEXT_ROOM];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    clock_rfc3339(clock_utc_us(), 3, when);
    int n = snprintf(line, sizeof line, "%s %-5s %s: ", when, level_name(level), tag);
    size_t used = n > 0 ? (size_t)n : 0;
    for (const char *p = text; *p && used + 6 < sizeof line; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c != 0x7f)
            line[used++] = (char)c;
        else
            used += (size_t)snprintf(line + used, 5, "\\x%02x", c);
    }
    line[used++] = '\n';
    if (write(STDERR_FILENO, line, used) < 0)
        return; /* nowhere left to say it */
}
