/*
 * map_label: where the name of a country goes.
 */
#ifndef REPORT_MAP_LABEL_H
#define REPORT_MAP_LABEL_H

#include "map_view.h"

/* Where a name goes: the spot of a grid that is deepest inside and away from the mark. Without one,
 * an island has its name below its largest part, and a country around the mark below the mark: a
 * name never stands in another country, but for the one where the mark is. */
struct label {
    struct spot at;
    double depth;
    struct spot below;
    double largest;
};

/* Nothing found yet. */
struct label map_label(const struct view *v);
/* Looks at a part of the country, as far as it is in sight (s->n >= 3). */
void map_label_look(const struct view *v, const struct shape *s, bool island, struct label *best);
/* Where the name's middle is; false: there is no room for it. */
bool map_label_spot(const struct label *l, struct spot *out);

#endif
