#include "dashspool/size.h"
#include <stddef.h>
#include <stdio.h>

const char *size_text(int64_t bytes, char out[SIZE_TEXT_ROOM])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes;
    size_t u = 0;
    for (; v >= (u == 0 ? 1000 : 999.95) && u < 5; u++) /* "1000.0 kB" is 1.0 MB */
        v /= 1000;
    snprintf(out, SIZE_TEXT_ROOM, bytes < 0 ? "?" : u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
    return out;
}

const char *size_plural(int64_t n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}
