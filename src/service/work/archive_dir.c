#include "archive_dir.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"

int archive_dir(const char *root, const struct catalogue_transfer *t, char **out, struct err *err)
{
    bool known = t->known & CATALOGUE_TIME_OK;
    struct clock_civil c = clock_civil_from_utc(known ? t->time_us : t->arrived_us, 0);
    int rc =
        fsx_path(out, err, "%s/archive/%s/%04d-%02d-%02d", root, t->imei, c.year, c.month, c.day);
    return rc < 0 ? rc : fsx_mkdirs(*out, err);
}
