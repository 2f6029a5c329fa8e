/* upkeep, inside: the settings in a backup. */
#ifndef UPKEEP_SETTINGS_H
#define UPKEEP_SETTINGS_H

#include "dashspool/upkeep.h"

/*
 * Copies the *.conf of ROOT/pipeline.d to the same place below dir, those of another folder to
 * dir/settings/pipeline.d; certificates and the allow-list to dir/settings/. Private keys, tokens
 * and what cannot be read are noted, and stand in dir/settings/MISSING.txt.
 */
int settings_back_up(const char *root, const char *dir, const struct upkeep_settings *settings,
                     const struct upkeep_progress *progress, struct err *err) DS_MUST_CHECK;

#endif
