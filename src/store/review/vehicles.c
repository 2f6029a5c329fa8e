/* What vehicles are called. */
#include "dashspool/text.h"
#include "review_internal.h"
#include <stdio.h>
#include <string.h>

#define SELECT "SELECT imei, name, plate, team FROM vehicle "

static bool take_vehicle(struct rows_st *st, struct review_vehicle *v)
{
    *v = (struct review_vehicle){.imei = ""};
    return rows_text(st, 0, v->imei, sizeof v->imei) && rows_text(st, 1, v->name, sizeof v->name) &&
           rows_text(st, 2, v->plate, sizeof v->plate) &&
           rows_text(st, 3, v->group, sizeof v->group);
}

static int check(const struct review_vehicle *v, struct err *err)
{
    const char *const texts[] = {v->name, v->plate, v->group};
    static const char *const names[] = {"name", "plate", "group"};
    size_t n = strspn(v->imei, "0123456789");
    if (v->imei[n] || n < 14 || n > 15)
        return err_set(err, ERR_MALFORMED, "'%.15s' is no IMEI: expected 14 or 15 digits", v->imei);
    for (size_t i = 0; i < 3; i++)
        if (!review_text_ok(texts[i], REVIEW_NAME_ROOM, false))
            return err_set(err, ERR_MALFORMED,
                           "%s of vehicle %s: expected %d bytes of UTF-8 at most, without control "
                           "characters",
                           names[i], v->imei, REVIEW_NAME_ROOM - 1);
    return ERR_OK;
}

int review_vehicle_put(struct catalogue *c, const struct review_vehicle *v, struct err *err)
{
    struct rows_st *st = NULL;
    char words[3 * REVIEW_NAME_ROOM];
    bool own, none = !v->name[0] && !v->plate[0] && !v->group[0];
    int rc = check(v, err);
    if (rc < 0 || (rc = catalogue_enter(c, &own, err)) < 0)
        return rc;
    snprintf(words, sizeof words, "%s\n%s\n%s", v->name, v->plate, v->group);
    text_fold(words);
    rc = rows_prepare(c->rows, &st,
                      none ? "DELETE FROM vehicle WHERE imei = ?1"
                           : "INSERT INTO vehicle(imei, name, plate, team, words)"
                             " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(imei) DO UPDATE SET"
                             " name = excluded.name, plate = excluded.plate,"
                             " team = excluded.team, words = excluded.words",
                      err);
    if (rc == ERR_OK) {
        const char *const texts[] = {v->imei, v->name, v->plate, v->group, words};
        for (int i = 0; i < (none ? 1 : 5); i++)
            rows_bind_text(st, i + 1, texts[i]);
        rc = rows_run(st, NULL, err);
    }
    rows_finalize(&st);
    return catalogue_leave(c, own, rc, err);
}

int review_vehicle_get(struct catalogue *c, const char *imei, struct review_vehicle *out,
                       struct err *err)
{
    struct rows_st *st = NULL;
    bool found = false;
    *out = (struct review_vehicle){.name = ""};
    snprintf(out->imei, sizeof out->imei, "%s", imei);
    int rc = rows_prepare(c->rows, &st, SELECT "WHERE imei = ?1", err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, imei);
        rc = rows_step(st, &found, err);
    }
    if (rc == ERR_OK && found)
        rc = take_vehicle(st, out)
                 ? ERR_OK
                 : rows_unreadable(st, err, "catalogue: the name of a vehicle is malformed");
    rows_finalize(&st);
    return rc;
}

int review_vehicle_each(struct catalogue *c, review_vehicle_fn *fn, void *arg, struct err *err)
{
    struct rows_st *st = NULL;
    struct buf all;
    struct review_vehicle v;
    bool row = true;
    buf_init(&all, CATALOGUE_KEYS_BYTES_MAX);
    int rc = rows_prepare(
        c->rows, &st,
        "SELECT i.imei, v.name, v.plate, v.team FROM"
        " (SELECT imei FROM camera UNION SELECT imei FROM request"
        "  UNION SELECT imei FROM vehicle) AS i"
        " LEFT JOIN vehicle AS v ON v.imei = i.imei WHERE i.imei <> '" CATALOGUE_IMEI_UNKNOWN "'"
        " ORDER BY coalesce(v.name, '') = '', substr(v.words, 1,"
        " instr(v.words, '\n')), i.imei",
        err);
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row)
        if (take_vehicle(st, &v)) /* one that cannot be read keeps no other from it */
            rc = buf_append(&all, &v, sizeof v, err);
        else if (rows_was_nomem(st))
            rc = err_nomem(err, "the vehicles");
    rows_finalize(&st);
    for (size_t i = 0; rc == ERR_OK && i < all.used / sizeof v; i++) {
        memcpy(&v, buf_data(&all) + i * sizeof v, sizeof v);
        rc = fn(arg, &v, err);
    }
    buf_clear(&all);
    return rc;
}

static int carry_one(void *arg, const struct review_vehicle *v, struct err *err)
{
    struct catalogue *to = arg;
    return v->name[0] || v->plate[0] || v->group[0] ? review_vehicle_put(to, v, err) : ERR_OK;
}

int review_carry(struct catalogue *from, struct catalogue *to, struct err *err)
{
    bool own;
    int rc = catalogue_enter(to, &own, err);
    return rc < 0 ? rc
                  : catalogue_leave(to, own, review_vehicle_each(from, carry_one, to, err), err);
}
