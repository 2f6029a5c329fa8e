/*
 * log: one line an event on stderr; one write(2) a line, also from threads and processes that share
 * it. Nothing here allocates. What is said:
 *
 *     time=2026-11-21T02:55:54.123Z level=info stage=receive msg="stored" id=… … pid=4711
 *     {"time":"2026-11-21T02:55:54.123Z","level":"info","stage":"receive","msg":"stored", …}
 *
 * The first form (logfmt) is the rule, the second is that of --log-json. Where stderr is connected
 * to the journal ($JOURNAL_STREAM, sd-daemon(3)) a line begins with its priority, <3> to <7>, and
 * the first form leaves time= to the journal.
 *
 * msg is constant words of ours, so that events can be found and counted; all that differs is in
 * the fields. Their values may come from anywhere: in both forms a text is written as JSON has it
 * (RFC 8259, section 7), in logfmt with quotation marks where it needs them, so that no value can
 * make a line, a key or a colour of its own. What is no UTF-8 becomes U+FFFD. A value that is too
 * long ends with "…"; fields that find no room in the line are left out, and cut=true says so.
 *
 * Keys, the same everywhere:
 *
 *     id           of a transfer, or of a job, which bears the same name
 *     imei camera kind trigger
 *                  of a transfer, as `list` has them
 *     peer         host:port of a camera's connection; address: of ours that it came to
 *     file dir     paths; those that others chose as import_path_text(), wire_path_text() have them
 *     process child
 *                  what run keeps: its name, and the ID of its process
 *     signal       "SIGTERM"
 *     reason error why, in a sentence; and the class of the error, err_name()
 *     note         worth knowing, and no error
 *     seconds      how long it took; wait_seconds: until it is tried again
 *     bytes packets pictures footage_seconds
 *                  amounts of a transfer; from_byte: where it goes on
 *     attempt attempts
 *                  which one this is, and how many there are
 *     cameras connections jobs processes others lines stored partial failed later records transfers
 *     asked
 *                  how many of these
 *     request      its number (requests.h); command: its text
 *     pid          who says it: always, at the end
 *
 * What only one kind of event has (settings, content, nice …) is where that event is.
 */
#ifndef DASHSPOOL_LOG_H
#define DASHSPOOL_LOG_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* How it is from now on: lines above `level` are dropped. Looks whether stderr is the journal. To
 * be called before there are threads; without it: LOG_LEVEL_INFO, logfmt, no journal. */
void log_setup(enum log_level level, bool json);

/* Nobody but a person, or a program that looks for words, reads it: neither JSON nor the journal.
 */
bool log_is_plain(void);

/* "error" … "debug"; false: text is none of them. */
const char *log_level_name(enum log_level level);
bool log_level_parse(const char *text, enum log_level *out);

/* stage: receive, watch, run, or the stage of the jobs. Everything is borrowed for the call. */
#define log_error(stage, ...) LOG_AT_(LOG_LEVEL_ERROR, stage, __VA_ARGS__)
#define log_warn(stage, ...)  LOG_AT_(LOG_LEVEL_WARN, stage, __VA_ARGS__)
#define log_info(stage, ...)  LOG_AT_(LOG_LEVEL_INFO, stage, __VA_ARGS__)
#define log_debug(stage, ...) LOG_AT_(LOG_LEVEL_DEBUG, stage, __VA_ARGS__)

/* Behind the message, any number of these; keys are string literals of a-z and _. A text that is
 * NULL or empty is left out, as is an int whose `if_` is false and seconds that are no number. */
#define LOG_TEXT(key_, text_) LOG_FIELD_(LOG_TYPE_TEXT, key_, .text = (text_))
#define LOG_INT(key_, int_)   LOG_FIELD_(LOG_TYPE_INT, key_, .number = (int64_t)(int_))
#define LOG_INT_IF(if_, key_, int_) \
    LOG_FIELD_((if_) ? LOG_TYPE_INT : LOG_TYPE_NONE, key_, .number = (int64_t)(int_))
#define LOG_SECONDS(key_, seconds_) LOG_FIELD_(LOG_TYPE_SECONDS, key_, .real = (seconds_))
#define LOG_BOOL(key_, bool_)       LOG_FIELD_(LOG_TYPE_BOOL, key_, .number = (bool_))
#define LOG_ERR(err_)               LOG_TEXT("reason", (err_)->text), LOG_TEXT("error", err_name((err_)->code))

/* ---- what strangers can cause ----
 *
 * Whatever a peer can have said again and again is said only while this is true: a few thousand
 * lines at once, then ten a second for each address and forty for all, so that no disk fills. What
 * is left out is counted: "log lines left out", every ten seconds at most, of whom it was last, and
 * how many of all. Lines that nobody asked for (their level) do not count.
 */

/* peer: "10.0.0.1:4711", "[::1]:4711"; its port does not matter. */
bool log_may(enum log_level level, const char *peer);

/* Says what was left out since the last time, if that is due; for a timer, as peers may have gone.
 */
void log_left_out(const char *stage);

/* ---- what the macros are made of ---- */

enum log_type {
    LOG_TYPE_END,
    LOG_TYPE_NONE,
    LOG_TYPE_TEXT,
    LOG_TYPE_INT,
    LOG_TYPE_SECONDS, /* with three decimals at most */
    LOG_TYPE_BOOL,
};

struct log_field {
    enum log_type type;
    const char *key, *text;
    int64_t number;
    double real;
};

/* The last field is LOG_TYPE_END. msg here may be chosen, from words that are constant all the
 * same. */
void log_event(enum log_level level, const char *stage, const char *msg,
               const struct log_field *fields);

#define LOG_FIELD_(type_, key_, ...) \
    ((struct log_field){.type = (type_), .key = "" key_, __VA_ARGS__})
#define LOG_END_               ((struct log_field){.type = LOG_TYPE_END})
#define LOG_FIELDS(...)        ((const struct log_field[]){__VA_ARGS__, LOG_END_})
#define LOG_FIRST_(first, ...) "" first
#define LOG_REST_(first, ...)  ((const struct log_field[]){__VA_ARGS__})
#define LOG_AT_(level, stage, ...) \
    log_event(level, stage, LOG_FIRST_(__VA_ARGS__, 0), LOG_REST_(__VA_ARGS__, LOG_END_))

#endif
