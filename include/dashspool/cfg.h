/*
 * cfg: configuration from drop-in files, `pipeline.d` and friends.
 *
 * Every module keeps a table of its keys (struct cfg_key) beside the code that uses them.
 * cfg_load() reads DIR/<name>.conf (INI) in the byte order of the names, later wins per key; an
 * unknown section or key, or a value out of range, is ERR_CONFIG with "file:line". Without a
 * directory the defaults hold. Values are checked once, at load: the getters cannot fail, and
 * asking for a key that is not in the tables is a bug (assert).
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
};

struct cfg_key {
    const char *name;
    enum cfg_type type;
    const char *unit; /* for the help text: "s", "MiB", "pictures/s"; words for CFG_WORD */
    int64_t min, max;
    const char *value; /* the default */
    const char *help;  /* one line */
    /* CFG_TEXT: what its length cannot tell, or NULL. ERR_CONFIG for a value that is of no use. */
    int (*check)(const char *value, struct err *err);
};

struct cfg_section {
    const char *name;
    const struct cfg_key *keys;
    size_t n_keys;
};

struct cfg;

/* dir may be NULL. sections must outlive *out, which is the caller's (cfg_free). */
int cfg_load(struct cfg **out, const char *dir, const struct cfg_section *sections,
             size_t n_sections, struct err *err) DS_MUST_CHECK;
void cfg_free(struct cfg **cfg);

/* Overrides one value; origin ("command line") is what cfg_each() shows and must outlive the cfg.
 */
int cfg_set(struct cfg *cfg, const char *section, const char *key, const char *value,
            const char *origin, struct err *err) DS_MUST_CHECK;

bool cfg_bool(const struct cfg *cfg, const char *section, const char *key);
int64_t cfg_int(const struct cfg *cfg, const char *section, const char *key);
double cfg_real(const struct cfg *cfg, const char *section, const char *key);
const char *cfg_text(const struct cfg *cfg, const char *section, const char *key); /* borrowed */

/* Calls fn for every key, in table order; origin is "default", "file:line" or what cfg_set() gave.
 */
typedef void cfg_each_fn(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                         const char *value, const char *origin);
void cfg_each(const struct cfg *cfg, cfg_each_fn *fn, void *arg);

#endif
