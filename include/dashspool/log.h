/*
 * log: one line an event on stderr, `2026-11-21T02:55:54.123Z info receive: text`.
 *
 * Thread-safe. Bytes that came from outside may be in the text: control characters are written as
 * \xNN, so that one event stays one line.
 */
#ifndef DASHSPOOL_LOG_H
#define DASHSPOOL_LOG_H

#include "dashspool/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above `level` are dropped from now on. The start value is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* tag: the module's word. */
void log_line(enum log_level level, const char *tag, const char *fmt, ...) DS_PRINTF(3, 4);

#define log_error(tag, ...) log_line(LOG_LEVEL_ERROR, tag, __VA_ARGS__)
#define log_warn(tag, ...)  log_line(LOG_LEVEL_WARN, tag, __VA_ARGS__)
#define log_info(tag, ...)  log_line(LOG_LEVEL_INFO, tag, __VA_ARGS__)
#define log_debug(tag, ...) log_line(LOG_LEVEL_DEBUG, tag, __VA_ARGS__)

#endif
