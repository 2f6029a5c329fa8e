/*
 * recipe: what the copies of a transfer are made with.
 */
#ifndef DASHSPOOL_RECIPE_H
#define DASHSPOOL_RECIPE_H

#include "dashspool/catalogue.h"
#include "dashspool/convert.h"

/* What the catalogue knows of a transfer, as its conversion needs it; only what can be true. */
void recipe_facts(const struct catalogue_transfer *t, struct convert_facts *out);

#endif
