/* probe: its two ways of writing down what convert_probe() found. */
#ifndef DASHSPOOL_CLI_PROBE_INTERNAL_H
#define DASHSPOOL_CLI_PROBE_INTERNAL_H

#include "dashspool/convert.h"
#include <jansson.h>

/* The new reference, or NULL without memory. */
json_t *probe_json(const char *path, const struct convert_probe *p);

#endif
