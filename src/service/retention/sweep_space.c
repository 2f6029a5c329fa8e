/* sweep: the bytes in raw/, and the disk that they are on. */
#include "dashspool/clock.h"
#include "sweep_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Masters that are dropped with one commit. */
enum { BATCH = 64 };

struct dropping {
    struct sweep *s;
    char day[RAW_DAY_ROOM]; /* of those in `keys`; "" none */
    struct buf keys;        /* int64_t; dropped, but for the last few not yet durably */
    int waiting;
};

/* Nobody begins a transfer in a file of before yesterday. */
static bool is_closed(const struct sweep *s, const char *day)
{
    char yesterday[RAW_DAY_ROOM];
    raw_day(s->now_us - INT64_C(86400) * 1000000, yesterday);
    return strcmp(day, yesterday) < 0;
}

static int trim_day(struct sweep *s, const char *day, struct err *err)
{
    int64_t freed;
    if (!day[0] || !is_closed(s, day))
        return ERR_OK;
    int rc = raw_trim(s->raw, day, &freed, err);
    return rc == ERR_BUSY ? ERR_OK : rc; /* the next sweep that drops something there */
}

static int forget_dropped(struct dropping *d, struct err *err)
{
    int rc = catalogue_begin(d->s->catalogue, err);
    if (rc < 0)
        return rc;
    for (size_t at = 0; rc == ERR_OK && at < d->keys.used; at += sizeof(int64_t)) {
        int64_t key;
        memcpy(&key, buf_data(&d->keys) + at, sizeof key);
        rc = catalogue_due_done(d->s->catalogue, key, err);
    }
    if (rc == ERR_OK)
        return catalogue_commit(d->s->catalogue, err);
    catalogue_rollback(d->s->catalogue);
    return rc;
}

static int make_durable(struct dropping *d, int rc, struct err *err)
{
    d->waiting = 0;
    if (rc == ERR_OK)
        return raw_commit(d->s->raw, err);
    raw_rollback(d->s->raw);
    return rc;
}

/* They are due until the file is as small as it should be: a crash before that is made good. */
static int end_day(struct dropping *d, int rc, struct err *err)
{
    if (d->day[0]) {
        rc = make_durable(d, rc, err);
        if (rc == ERR_OK)
            rc = trim_day(d->s, d->day, err);
        if (rc == ERR_OK)
            rc = forget_dropped(d, err);
        rc = sweep_trouble(d->s, d->day, rc, err);
    }
    d->day[0] = '\0';
    buf_consume(&d->keys, d->keys.used);
    return rc;
}

/* They come by day. */
static int drop_one(void *arg, const char *day, int64_t key, struct err *err)
{
    struct dropping *d = arg;
    int rc = ERR_OK;
    if (strcmp(day, d->day) != 0 && (rc = end_day(d, ERR_OK, err)) < 0)
        return rc;
    snprintf(d->day, sizeof d->day, "%s", day);
    rc = raw_drop(d->s->raw, day, key, err);
    if (rc == ERR_OK)
        rc = buf_append(&d->keys, &key, sizeof key, err);
    if (rc == ERR_OK && ++d->waiting == BATCH)
        rc = make_durable(d, rc, err);
    return rc < 0 ? end_day(d, rc, err) : rc;
}

int sweep_due(struct sweep *s, struct err *err)
{
    struct dropping d = {.s = s};
    if (s->dry_run)
        return ERR_OK;
    buf_init(&d.keys, SWEEP_LIST_MAX);
    int rc = catalogue_due_each(s->catalogue, drop_one, &d, err);
    if (rc == ERR_OK)
        rc = end_day(&d, ERR_OK, err);
    buf_clear(&d.keys);
    return rc;
}

/* ---- a disk that is nearly full ---- */

struct old {
    int64_t key, arrived_us;
};

struct gathering {
    struct sweep *s;
    struct buf *list;
};

static int gather(void *arg, int64_t key, struct err *err)
{
    struct gathering *g = arg;
    struct catalogue_transfer t;
    bool found = false;
    int rc = catalogue_transfer_by_key(g->s->catalogue, key, &t, &found, err);
    if (rc < 0 || !found || !is_closed(g->s, t.day))
        return rc == ERR_MALFORMED ? ERR_OK : rc;
    int rule = rules_find(&g->s->masters, t.kind, t.camera, t.imei, "");
    if (rule >= 0 && g->s->masters.rule[rule].forever)
        return ERR_OK;
    const struct old o = {key, t.arrived_us};
    return buf_append(g->list, &o, sizeof o, err);
}

static int by_age(const void *a, const void *b)
{
    const struct old *x = a, *y = b;
    if (x->arrived_us != y->arrived_us)
        return x->arrived_us < y->arrived_us ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

/* From the oldest on, until so much is free; what was dropped is given back to the disk whenever it
 * could be enough. */
static int make_room(struct sweep *s, const struct buf *list, int64_t wanted, struct err *err)
{
    int64_t free_bytes = 0, freed;
    int rc = sweep_free_bytes(s, &free_bytes, err);
    for (size_t at = 0; rc == ERR_OK && free_bytes < wanted && at < list->used && !sweep_ended(s);
         at += sizeof(struct old)) {
        struct old o;
        memcpy(&o, buf_data(list) + at, sizeof o);
        rc = sweep_transfer(s, o.key, "the disk is nearly full", &freed, err);
        free_bytes += freed;
        if (rc < 0 || s->dry_run || free_bytes < wanted)
            continue;
        if ((rc = sweep_due(s, err)) == ERR_OK)
            rc = sweep_free_bytes(s, &free_bytes, err);
    }
    return rc < 0 ? rc : sweep_due(s, err);
}

int sweep_space(struct sweep *s, struct err *err)
{
    int64_t wanted = cfg_int(s->cfg, SWEEP_SECTION, "delete_free_mib") << 20, free_bytes = 0;
    struct buf list;
    struct gathering g = {s, &list};
    if (wanted == 0)
        return ERR_OK;
    int rc = sweep_free_bytes(s, &free_bytes, err);
    if (rc < 0 || free_bytes >= wanted)
        return rc;
    buf_init(&list, SWEEP_LIST_MAX);
    rc = catalogue_key_each(s->catalogue, gather, &g, err);
    if (rc == ERR_OK && list.used > 0) {
        qsort(list.mem + list.start, list.used / sizeof(struct old), sizeof(struct old), by_age);
        rc = make_room(s, &list, wanted + wanted / 8,
                       err); /* just enough would be too little soon */
    }
    buf_clear(&list);
    return rc;
}
