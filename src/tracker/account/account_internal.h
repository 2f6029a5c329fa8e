/* account: a text of records, taken apart. account.c reads and writes it; table.c tells of it. */
#ifndef ACCOUNT_INTERNAL_H
#define ACCOUNT_INTERNAL_H

#include "dashspool/account.h"

enum account_withheld { ACCOUNT_HERE, ACCOUNT_PRIVATE, ACCOUNT_NO_RECORD };

struct account_row {
    int64_t time_ms, arrived_us;
    uint8_t codec;
    enum account_withheld withheld;
    struct avl_record record; /* of a private one priority and event only */
    uint16_t *id;             /* … and the ids of its elements, n of them */
    size_t n_ids;
    uint8_t *raw; /* NULL: withheld */
};

struct account {
    struct account_row *row;
    size_t n, room;
    int64_t withheld;
    unsigned signs;
};

#endif
