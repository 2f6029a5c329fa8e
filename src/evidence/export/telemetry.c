/* The tracker's account of each clip in a package: its records as they came, the decoded table, and
 * the tracks that the copies show. */
#include "dashspool/account.h"
#include "dashspool/journey.h"
#include "dashspool/recipe.h"
#include "package_internal.h"
#include <stdio.h>
#include <string.h>

struct telling {
    struct package *p;
    const struct catalogue_transfer *t;
    struct account *account;
    struct account_head head;
    int named; /* tracks that copies name */
    char name[ACCOUNT_TRACKS_MAX][HASH_HEX_ROOM];
};

static int look_at_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct telling *k = arg;
    struct recipe_settings s;
    (void)err;
    if (!catalogue_copy_is_current(k->t, copy) || !recipe_settings_read(&s, copy->settings) ||
        !s.track_sha256[0])
        return ERR_OK;
    for (int i = 0; i < k->named; i++)
        if (strcmp(k->name[i], s.track_sha256) == 0)
            return ERR_OK;
    if (k->named < ACCOUNT_TRACKS_MAX)
        snprintf(k->name[k->named++], HASH_HEX_ROOM, "%s", s.track_sha256);
    return ERR_OK;
}

static int put(struct telling *k, const char *ending, const struct buf *text, struct err *err)
{
    char name[BAG_NAME_ROOM];
    snprintf(name, sizeof name, BAG_TELEMETRY "%s%s", k->t->id, ending);
    return bag_put(k->p->bag, name, buf_data(text), text->used, err);
}

/* <id>.track.csv, <id>.2.track.csv … */
static int put_track(struct telling *k, const struct buf *csv, struct err *err)
{
    char ending[40] = BAG_TRACK;
    int n = k->head.n_tracks++;
    if (n > 0)
        snprintf(ending, sizeof ending, ".%d" BAG_TRACK, n + 1);
    int rc = hash_text(buf_data(csv), csv->used, k->head.track[n], err);
    return rc < 0 ? rc : put(k, ending, csv, err);
}

static void warn_of_track(const struct telling *k, const char *sha256)
{
    char text[400];
    if (!k->p->request->warn)
        return;
    snprintf(text, sizeof text,
             "%s: copies were made with the tracker's track %.16s…, which its records do not give "
             "any more: it is not in the package, and 'verify --reproduce' cannot make them again",
             k->t->id, sha256);
    k->p->request->warn(k->p->request->warn_arg, text);
}

/* Those that copies in the package were made with; where there are none, that of all records. */
static int put_tracks(struct telling *k, struct err *err)
{
    struct buf csv;
    buf_init(&csv, TRACK_BYTES_MAX);
    int rc = k->p->redaction
                 ? ERR_OK
                 : catalogue_copy_each(k->p->catalogue, k->t->key, look_at_copy, k, err);
    for (int i = 0; rc == ERR_OK && i < k->named; i++) {
        bool found;
        buf_consume(&csv, csv.used);
        rc = account_track_find(k->account, k->head.from_ms, k->head.until_ms, k->name[i], &found,
                                &csv, err);
        if (rc == ERR_OK && found)
            rc = put_track(k, &csv, err);
        else if (rc == ERR_OK)
            warn_of_track(k, k->name[i]);
    }
    if (rc == ERR_OK && k->head.n_tracks == 0) {
        buf_consume(&csv, csv.used);
        rc = account_track(k->account, k->head.from_ms, k->head.until_ms, INT64_MAX, &csv, err);
        if (rc == ERR_OK && csv.used > 0)
            rc = put_track(k, &csv, err);
    }
    buf_clear(&csv);
    return rc;
}

static int write_line(void *arg, const char *line, size_t n, struct err *err)
{
    return fwrite(line, 1, n, arg) == n ? ERR_OK : err_sys(err, "write a table of records");
}

static int put_table(struct telling *k, struct err *err)
{
    char name[BAG_NAME_ROOM];
    FILE *table = NULL;
    int rc = fsx_scratch(&table, k->p->beside, err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, BAG_TELEMETRY "%s" BAG_TABLE, k->t->id);
    rc = account_table(k->account, &k->head, write_line, table, err);
    if (rc == ERR_OK)
        rc = bag_put_file(k->p->bag, name, table, err);
    fclose(table);
    return rc;
}

static int put_all(struct telling *k, const struct buf *text, struct err *err)
{
    int64_t from_us, until_us;
    struct catalogue_match match;
    int rc = catalogue_match_get(k->p->catalogue, k->t->key, &match, &k->head.event, err);
    if (rc < 0 || !journey_span(k->t, &from_us, &until_us))
        return rc;
    snprintf(k->head.id, sizeof k->head.id, "%s", k->t->id);
    k->head.family = avl_families_find(journey_families(k->p->request->cfg), k->t->imei,
                                       account_family(k->account));
    k->head.from_ms = from_us / 1000;
    k->head.until_ms = until_us / 1000;
    if (k->head.event) {
        k->head.event_ms = match.time_ms;
        k->head.difference_ms = match.difference_ms;
    }
    rc = put(k, BAG_RECORDS, text, err);
    if (rc == ERR_OK && (rc = put_tracks(k, err)) == ERR_OK)
        rc = put_table(k, err);
    k->p->result->telemetry += rc == ERR_OK;
    k->p->result->withheld += account_withheld(k->account);
    return rc;
}

static int64_t window_us(const struct package *p)
{
    return p->request->telemetry_us ? p->request->telemetry_us : JOURNEY_PICTURES_US;
}

static bool is_wanted(const struct package *p)
{
    return !p->redaction || p->request->redaction->with_position;
}

int telemetry_put(struct package *p, const struct catalogue_transfer *t, struct err *err)
{
    struct telling k = {.p = p, .t = t};
    struct buf text;
    int64_t records = 0;
    if (!is_wanted(p))
        return ERR_OK;
    buf_init(&text, ACCOUNT_TEXT_BYTES_MAX);
    int rc = journey_text(p->catalogue, t, window_us(p), false, &text, &records, NULL, err);
    if (rc == ERR_OK && records > 0) {
        rc = account_parse(&k.account, buf_data(&text), text.used, err);
        rc = rc == ERR_MALFORMED ? package_differs(p, t->id, err)
             : rc == ERR_OK      ? put_all(&k, &text, err)
                                 : rc;
    }
    account_free(&k.account);
    buf_clear(&text);
    return rc;
}

int telemetry_claim(struct package *p, struct err *err)
{
    char text[BAG_ACCOUNT_ROOM];
    bag_account_text(text, p->result->telemetry, window_us(p) / 1000000);
    return bag_put_info(p->bag, BAG_ACCOUNT, text, err);
}
