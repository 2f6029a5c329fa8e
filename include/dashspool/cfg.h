/*
 * cfg: configuration from drop-in files, `pipeline.d` and friends.
 *
 * Every module keeps a table of its keys (struct cfg_key) beside the code that uses them; several
 * may have keys of one section. cfg_load() reads DIR/<name>.conf in the byte order of the names,
 * later wins per key; an unknown section or key, or a value out of range, is ERR_CONFIG with
 * "file:line". Without a directory the defaults hold. Values are checked once, at load: the getters
 * cannot fail, and asking for a key that is not in the tables is a bug (assert).
 *
 * A file has lines of `[section]`, `key = value` and comments, which begin with # or ; (not behind
 * a value: that is an error where the value is none then, else a warning). White space around these
 * does not matter. A \ at the end of a line goes on with the next, with a space in between, as in
 * systemd's units.
 *
 * A table named `exec *` stands for any number of sections `[exec NAME]`, each with values of its
 * own; they exist from their first mention on. NAME is 1 to 63 of A-Z a-z 0-9 . _ -, no dot in
 * front.
 */
#ifndef DASHSPOOL_CFG_H
#define DASHSPOOL_CFG_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cfg_type {
    CFG_BOOL, /* yes no true false on off 1 0 */
    CFG_INT,  /* decimal, min..max */
    CFG_REAL, /* decimal, min..max */
    CFG_TEXT, /* max is the longest length in bytes */
    CFG_WORD, /* one of the words in `unit`, separated by spaces */
    CFG_LIST, /* one or more of those words, separated by commas, without spaces */
    CFG_SPAN, /* of time: "500 ms", "30 s", "10 min", "2 h", "1 d", "0"; min..max in ms */
};

struct cfg_key {
    const char *name;
    enum cfg_type type;
    const char *unit; /* for the help text: "s", "MiB", "pictures/s"; words for CFG_WORD */
    int64_t min, max;
    const char *value; /* the default */
    const char *help;  /* one line */
    /* CFG_TEXT: what its length cannot tell, or NULL. ERR_CONFIG for a value that is of no use; a
     * text that begins with "expected" gets key and value in front. */
    int (*check)(const char *value, struct err *err);
};

struct cfg_section {
    const char *name; /* "convert", or "exec *" */
    const struct cfg_key *keys;
    size_t n_keys;
};

struct cfg;

/* dir may be NULL. sections must outlive *out, which is the caller's (cfg_free). */
int cfg_load(struct cfg **out, const char *dir, const struct cfg_section *sections,
             size_t n_sections, struct err *err) DS_MUST_CHECK;
void cfg_free(struct cfg **cfg);

/* Overrides one value; origin ("command line") is what cfg_each() shows. A section of a table with
 * a * is made if it is not there. */
int cfg_set(struct cfg *cfg, const char *section, const char *key, const char *value,
            const char *origin, struct err *err) DS_MUST_CHECK;

bool cfg_bool(const struct cfg *cfg, const char *section, const char *key);
int64_t cfg_int(const struct cfg *cfg, const char *section, const char *key);
double cfg_real(const struct cfg *cfg, const char *section, const char *key);
int64_t cfg_ms(const struct cfg *cfg, const char *section, const char *key);       /* CFG_SPAN */
const char *cfg_text(const struct cfg *cfg, const char *section, const char *key); /* borrowed */

/* "default", "file:line" or what cfg_set() gave; borrowed. */
const char *cfg_origin(const struct cfg *cfg, const char *section, const char *key);

/* Puts in front of what is wrong with a value where it stands: "file:line: key = value: …". For
 * whoever tries what a value names. Returns ERR_CONFIG. */
int cfg_blame(const struct cfg *cfg, const char *section, const char *key, struct err *err);

/* What is odd and holds all the same: a key that is twice in one file, a file whose name does not
 * end in .conf, a value that seems to end in a comment. The i-th with its "file:line", NULL beyond
 * the last; borrowed. */
const char *cfg_warning(const struct cfg *cfg, size_t i);

/* The sections that a table with a * has, in the order of their first mention: NULL for `after`
 * gives the first, its end is NULL; borrowed. *origin (may be NULL) is where it was mentioned. */
const char *cfg_next(const struct cfg *cfg, const char *table, const char *after,
                     const char **origin);

/* Calls fn for every key, in table order; section->name is that of the section, without *. */
typedef void cfg_each_fn(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                         const char *value, const char *origin);
void cfg_each(const struct cfg *cfg, cfg_each_fn *fn, void *arg);

#endif
