/* The statements of a connection, and lists of the keys that they find. */
#include "catalogue_internal.h"
#include <string.h>

struct rows_st *catalogue_sql(struct catalogue *c, enum catalogue_sql i, struct err *err)
{
    if (c->sql[i])
        return c->sql[i];
    const char *text = !c->db && catalogue_site_sql[i] ? catalogue_site_sql[i]
                       : catalogue_transfer_sql[i]     ? catalogue_transfer_sql[i]
                       : catalogue_id_sql[i]           ? catalogue_id_sql[i]
                       : catalogue_copy_sql[i]         ? catalogue_copy_sql[i]
                       : catalogue_arrival_sql[i]      ? catalogue_arrival_sql[i]
                       : catalogue_event_sql[i]        ? catalogue_event_sql[i]
                       : catalogue_done_sql[i]         ? catalogue_done_sql[i]
                       : catalogue_keep_sql[i]         ? catalogue_keep_sql[i]
                       : catalogue_journey_sql[i]      ? catalogue_journey_sql[i]
                       : catalogue_group_sql[i]        ? catalogue_group_sql[i]
                       : catalogue_condition_sql[i]    ? catalogue_condition_sql[i]
                                                       : catalogue_origin_sql[i];
    return rows_prepare(c->rows, &c->sql[i], text, err) == ERR_OK ? c->sql[i] : NULL;
}

int catalogue_keys_read(struct rows_st *st, struct buf *keys, struct err *err)
{
    bool row = true;
    int rc;
    while ((rc = rows_step(st, &row, err)) == ERR_OK && row) {
        int64_t key = rows_column(st, 0);
        if ((rc = buf_append(keys, &key, sizeof key, err)) < 0)
            break;
    }
    rows_reset(st);
    return rc;
}

size_t catalogue_keys_count(const struct buf *keys)
{
    return keys->used / sizeof(int64_t);
}

int64_t catalogue_keys_at(const struct buf *keys, size_t i)
{
    int64_t key;
    memcpy(&key, buf_data(keys) + i * sizeof key, sizeof key);
    return key;
}
