/* file: the small JSON files that a ROOT's processes keep there. */
#ifndef STATUS_FILE_H
#define STATUS_FILE_H

#include "dashspool/err.h"
#include <jansson.h>

/* The object in ROOT/<name>; *out NULL without an error: there is none, or it is empty ("{}").
 * ERR_MALFORMED: it is no such file. One that is written in place meanwhile is read again, until
 * `serial` and `same_serial`, if it has the former, are equal. The caller's. */
int file_read(json_t **out, const char *root, const char *name, struct err *err) DS_MUST_CHECK;

/* Members, whatever they are: 0 and "" for what is missing or of another type. Texts are made
 * printable; numbers are from min on. */
int64_t file_number(const json_t *o, const char *key, int64_t min);
void file_text(const json_t *o, const char *key, char *out, size_t room);
int64_t file_time_us(const json_t *o, const char *key);

#endif
