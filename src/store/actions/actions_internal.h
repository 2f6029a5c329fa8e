/* actions, inside: what its files share. */
#ifndef ACTIONS_INTERNAL_H
#define ACTIONS_INTERNAL_H

#include "dashspool/actions.h"
#include <jansson.h>

/* What its kind takes and needs, and whether each value is fit for it. */
int actions_check(const struct actions_action *a, struct err *err) DS_MUST_CHECK;

#endif
