/*
 * map: where a place is, drawn without asking anybody.
 */
#ifndef REPORT_MAP_H
#define REPORT_MAP_H

#include "basemap.h"
#include "doc.h"

/* Two drawings: the country around a place, with the borders and names that it takes to find it,
 * and the part of the world that this is in. */
void map_pair(struct doc *doc, const struct basemap *basemap, double lat_deg, double lon_deg);

#endif
