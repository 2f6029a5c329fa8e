#include "dashspool/log.h"
#include "dashspool/clock.h"
#include "log_line.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int max_level = LOG_LEVEL_INFO;
static atomic_bool as_json, to_journal;

static const struct {
    const char *name;
    int priority; /* syslog(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARN] = {"warn", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(text, levels[i].name) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

/* $JOURNAL_STREAM is "device:inode" of the socket that systemd gave us; stderr may have become
 * another file since (systemd.exec(5)). */
static bool is_journal(void)
{
    const char *text = getenv("JOURNAL_STREAM");
    struct stat st;
    char own[64];
    if (!text || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    return strcmp(own, text) == 0;
}

void log_setup(enum log_level level, bool json)
{
    atomic_store(&max_level, (int)level);
    atomic_store(&as_json, json);
    atomic_store(&to_journal, is_journal());
}

bool log_is_plain(void)
{
    return !atomic_load(&as_json) && !atomic_load(&to_journal);
}

void log_event(enum log_level level, const char *stage, const char *msg,
               const struct log_field *fields)
{
    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
        return;
    struct log_line line;
    bool journal = atomic_load(&to_journal);
    log_line_begin(&line, atomic_load(&as_json), journal ? levels[level].priority : -1);
    if (!journal || line.json) {
        char when[CLOCK_TEXT_ROOM];
        clock_rfc3339(clock_utc_us(), 3, when);
        log_line_text(&line, "time", when, false);
    }
    log_line_text(&line, "level", levels[level].name, false);
    log_line_text(&line, "stage", stage, false);
    log_line_text(&line, "msg", msg, true);
    for (; fields->type != LOG_TYPE_END; fields++)
        log_line_field(&line, fields);
    log_line_end(&line, (int)getpid());
    if (write(STDERR_FILENO, line.bytes, line.used) < 0)
        return; /* nowhere left to say it */
}
