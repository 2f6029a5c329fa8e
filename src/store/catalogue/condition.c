/* What is the matter with an original, as its copies tell. */
#include "catalogue_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const catalogue_condition_sql[CATALOGUE_SQL_COUNT] = {
    /* not the whole JSON: what is asked for stands before the recipe that was cut out */
    [CATALOGUE_SQL_COPY_SUMMARY] =
        "SELECT kind, (SELECT CAST(substr(text, nullif(instr(text, '\"duration_s\":'), 0) + 13, 24)"
        "              AS REAL) FROM settings WHERE settings.key = copy.settings),"
        " (SELECT substr(text, nullif(instr(text, '\"damage\":{'), 0) + 10, 250)"
        "         FROM settings WHERE settings.key = copy.settings"
        "         AND instr(copy.path, '.partial.') = 0)"
        " FROM copy WHERE transfer = ?1 ORDER BY kind, path",
};

const char *catalogue_condition_name(enum catalogue_condition condition)
{
    static const char *const names[] = {[CATALOGUE_CONDITION_UNKNOWN] = "unknown",
                                        [CATALOGUE_WHOLE] = "whole",
                                        [CATALOGUE_ENDS_EARLY] = "ends early",
                                        [CATALOGUE_DAMAGED] = "damaged"};
    return names[condition];
}

/* Of what is behind `"damage":{` in the settings of a copy (recipe.h): only counts that are not 0
 * are there. What is repaired, comes twice or belongs to nothing takes nothing from the footage. */
static enum catalogue_condition found_in(const char *damage)
{
    static const char *const counts[] = {"\"damaged\":", "\"affected\":", "\"missing\":",
                                         "\"left_out\":", "\"sound_records_missing\":"};
    const char *end = strchr(damage, '}');
    if (!end)
        return CATALOGUE_CONDITION_UNKNOWN;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const char *at = strstr(damage, counts[i]);
        if (at && at < end)
            return CATALOGUE_DAMAGED;
    }
    const char *cut = strstr(damage, "\"cut_bytes\":");
    return cut && cut < end ? CATALOGUE_ENDS_EARLY : CATALOGUE_WHOLE;
}

int catalogue_copy_summary(struct catalogue *c, int64_t key, struct catalogue_copies *out,
                           struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_COPY_SUMMARY, err);
    bool row = true;
    int rc;
    *out = (struct catalogue_copies){.kinds = ""};
    rows_bind_int64(st, 1, key);
    while ((rc = rows_step(st, &row, err)) == ERR_OK && row) {
        char kind[sizeof((struct catalogue_copy *)NULL)->kind];
        char damage[256] = "";
        double duration_s;
        if (!rows_text(st, 0, kind, sizeof kind) || !rows_double(st, 1, &duration_s) ||
            !rows_text(st, 2, damage, sizeof damage))
            return rows_unreadable(st, err,
                                   "catalogue: a copy of transfer %" PRId64 " is malformed", key);
        size_t used = strlen(out->kinds);
        snprintf(out->kinds + used, sizeof out->kinds - used, "%s%s", used ? " " : "", kind);
        out->duration_s = duration_s > out->duration_s ? duration_s : out->duration_s;
        enum catalogue_condition condition = found_in(damage);
        out->condition = condition > out->condition ? condition : out->condition;
    }
    return rc;
}
