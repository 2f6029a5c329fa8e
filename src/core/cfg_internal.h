/* cfg, inside: values by table, files into values. */
#ifndef CORE_CFG_INTERNAL_H
#define CORE_CFG_INTERNAL_H

#include "dashspool/cfg.h"

/* Is this text a value of that key? ERR_CONFIG tells what would be. */
int cfg_value_check(const struct cfg_key *key, const char *text, struct err *err) DS_MUST_CHECK;
bool cfg_value_bool(const char *text, bool *out);
bool cfg_value_span(const char *text, int64_t *ms);

/* A section is begun at `origin`: made, if it is one of a table with a *. ERR_CONFIG: unknown. */
int cfg_section_enter(struct cfg *cfg, const char *section, const char *origin,
                      struct err *err) DS_MUST_CHECK;

/* All of DIR/<name>.conf. */
int cfg_files_load(struct cfg *cfg, const char *dir, struct err *err) DS_MUST_CHECK;

#endif
