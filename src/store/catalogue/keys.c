/* Lists of keys of rows, which are complete before the first of them is told. */
#include "catalogue_internal.h"
#include <string.h>

int catalogue_keys_read(sqlite3_stmt *st, struct buf *keys, struct err *err)
{
    bool row = true;
    int rc;
    while ((rc = sqlx_step(st, &row, err)) == ERR_OK && row) {
        int64_t key = sqlite3_column_int64(st, 0);
        if ((rc = buf_append(keys, &key, sizeof key, err)) < 0)
            break;
    }
    sqlx_reset(st);
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
