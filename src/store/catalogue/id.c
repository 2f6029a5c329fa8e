/* catalogue: what a transfer is called. */
#include "catalogue_internal.h"
#include "dashspool/clock.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

const char *const catalogue_id_sql[CATALOGUE_SQL_COUNT] = {
    /* also by one that is gone: its custody is there */
    [CATALOGUE_SQL_ID_TAKEN] = "SELECT 1 FROM transfer WHERE id = ?1"
                               " UNION ALL SELECT 1 FROM custody WHERE transfer = ?1 LIMIT 1",
};

/* One path component, whatever the columns say: the id becomes the name of files. */
static bool word_ok(const char *word)
{
    for (const char *p = word; *p; p++)
        if (!isalnum((unsigned char)*p))
            return false;
    return *word != '\0';
}

static int id_taken(struct catalogue *c, const char *id, bool *taken, struct err *err)
{
    sqlite3_stmt *st = c->sql[CATALOGUE_SQL_ID_TAKEN];
    sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
    int rc = sqlx_step(st, taken, err);
    sqlx_reset(st);
    return rc;
}

/* imei, camera and kind at their longest, 3 hyphens, a time in the year 294247; 11 more for the
 * suffix fit CATALOGUE_ID_ROOM. */
#define ID_BASE_ROOM 84

static void id_format(char *id, const char *base, uint32_t suffix)
{
    if (suffix < 2)
        snprintf(id, CATALOGUE_ID_ROOM, "%s", base);
    else
        snprintf(id, CATALOGUE_ID_ROOM, "%.*s-%" PRIu32, ID_BASE_ROOM - 1, base, suffix);
}

/* The first free id behind base. Doubling, then halving, because a camera with a stopped clock can
 * take thousands: `used` is always taken, `free` never. */
static int id_choose(struct catalogue *c, const char *base, char id[CATALOGUE_ID_ROOM],
                     struct err *err)
{
    uint32_t used = 0, free = 1;
    bool taken = true;
    int rc = ERR_OK;
    for (; rc == ERR_OK && free < UINT32_MAX / 2; used = free, free *= 2) {
        id_format(id, base, free);
        if ((rc = id_taken(c, id, &taken, err)) < 0 || !taken)
            break;
    }
    while (rc == ERR_OK && free - used > 1) {
        uint32_t middle = used + (free - used) / 2;
        id_format(id, base, middle);
        rc = id_taken(c, id, &taken, err);
        *(taken ? &used : &free) = middle;
    }
    id_format(id, base, free);
    return rc;
}

int catalogue_id_set(struct catalogue *c, struct catalogue_transfer *t, struct err *err)
{
    char when[CLOCK_TEXT_ROOM], base[ID_BASE_ROOM];
    if (!word_ok(t->imei) || !word_ok(t->camera) || !word_ok(t->kind))
        return err_set(err, ERR_MALFORMED, "catalogue: '%s-%s-%s' cannot name a transfer", t->imei,
                       t->camera, t->kind);
    clock_compact(t->known & CATALOGUE_TIME_OK ? t->time_us : t->arrived_us, when);
    snprintf(base, sizeof base, "%s-%s-%s-%s", t->imei, t->camera, t->kind, when);
    return id_choose(c, base, t->id, err);
}
