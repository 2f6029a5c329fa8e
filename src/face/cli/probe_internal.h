/* probe: its two ways of writing down what media_probe() found. */
#ifndef DASHSPOOL_CLI_PROBE_INTERNAL_H
#define DASHSPOOL_CLI_PROBE_INTERNAL_H

#include "dashspool/media.h"
#include <jansson.h>

/* The new reference, or NULL without memory. */
json_t *probe_json(const char *path, const struct media_probe *p);

#endif
