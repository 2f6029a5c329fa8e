/*
 * answer: what a store says in XML, which is hostile. By libxml2's events: no network, no document
 * type, every text bounded. Pure.
 */
#ifndef OBJECTS_ANSWER_H
#define OBJECTS_ANSWER_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longer keys, versions and tokens than a store may have are none. */
enum { ANSWER_TEXT_ROOM = 2048 };

struct answer_error {
    char code[64];     /* letters and digits: "NoSuchKey"; "": none */
    char message[160]; /* one line that may be shown */
    char region[64];   /* [a-z0-9-]: where the bucket is; "" */
};

/* Whether that is an <Error>. */
bool answer_is_error(const void *data, size_t n, struct answer_error *out);

/* Of a <VersioningConfiguration>: whether there are or were versions. ERR_MALFORMED. */
int answer_versioning(const void *data, size_t n, bool *out, struct err *err) DS_MUST_CHECK;

/* Whether that is an <ObjectLockConfiguration> which is enabled. */
bool answer_has_lock(const void *data, size_t n);

struct answer_entry {
    char key[ANSWER_TEXT_ROOM], version[ANSWER_TEXT_ROOM];
    int64_t bytes, modified_us;
};
typedef int answer_entry_fn(void *arg, const struct answer_entry *entry, struct err *err);

/* Of a list of objects, or of versions (delete markers among them). next: the token of the next
 * page; "": there is none. ERR_MALFORMED; an error of fn ends it, and is returned. */
int answer_list(const void *data, size_t n, answer_entry_fn *fn, void *arg,
                char next[ANSWER_TEXT_ROOM], struct err *err) DS_MUST_CHECK;

#endif
