/* A ROOT with masters for tests/bench/export: SIZE MB each, COUNT of them, of bytes that do not
 * compress, and nothing made of them.
 *
 *   export_store ROOT COUNT SIZE */
#include "dashspool/fsx.h"
#include "support/stored.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *root;
static long count, size_mb;

static void fill(uint8_t *bytes, size_t n, uint64_t seed)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
    for (size_t i = 0; i + 8 <= n; i += 8) { /* xorshift64 (Marsaglia 2003) */
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(bytes + i, &x, 8);
    }
}

static void make(void **state)
{
    (void)state;
    struct err err;
    assert_ok(fsx_mkdirs(root, &err));
    size_t n = (size_t)size_mb * 1000000;
    uint8_t *bytes = calloc(1, n);
    assert_non_null(bytes);
    for (long i = 0; i < count; i++) {
        struct stored s;
        struct catalogue_transfer row = {.state = CATALOGUE_STORED,
                                         .known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK,
                                         .arrived_us = INT64_C(1732865025000000) + i * 60000000};
        row.time_us = row.completed_us = row.arrived_us;
        snprintf(row.imei, sizeof row.imei, "352093081452251");
        snprintf(row.camera, sizeof row.camera, "front");
        snprintf(row.kind, sizeof row.kind, "video");
        fill(bytes, n, (uint64_t)i + 1);
        stored_open(&s, root);
        stored_add(&s, &row, bytes, n);
        stored_close(&s);
    }
    free(bytes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(make)};
    if (argc != 4 || (count = strtol(argv[2], NULL, 10)) < 1 ||
        (size_mb = strtol(argv[3], NULL, 10)) < 1) {
        fprintf(stderr, "usage: export_store ROOT COUNT MEGABYTES\n");
        return 2;
    }
    root = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
