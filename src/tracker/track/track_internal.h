/* track: what reader and writer of a clip's track file share. */
#ifndef TRACK_INTERNAL_H
#define TRACK_INTERNAL_H

#include "dashspool/track.h"

#define TRACK_MARK       "# dashspool tracker track " /* of any version */
#define TRACK_FIRST_LINE TRACK_MARK "1"
#define TRACK_HEADER     "time,lat,lon,altitude_m,speed_kmh,course_deg,satellites,valid"

#endif
