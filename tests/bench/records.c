/*
 * records: what a record costs on disk, and how many a store makes durable in a second, a batch
 * each 250 ms as the stage has them.
 *
 *     bench_records DIR TRACKERS RATE SECONDS DAYS
 *
 * TRACKERS send RATE records a second between them, over DAYS days at once (1: all of today, as
 * trackers that are on line; 300: as those that come back from where no network is).
 */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "support/tracker.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH_MS 250
#define AT_MS    INT64_C(1795260000000)

static int64_t disk_bytes(const char *dir)
{
    struct fsx_names names;
    struct err err;
    int64_t n = 0;
    assert_ok(fsx_list(dir, &names, &err));
    for (size_t i = 0; i < names.n; i++) {
        struct stat st;
        char path[4200];
        snprintf(path, sizeof path, "%s/%s", dir, names.name[i]);
        n += stat(path, &st) == 0 ? st.st_size : 0;
    }
    fsx_names_clear(&names);
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: bench_records DIR TRACKERS RATE SECONDS DAYS\n");
        return 2;
    }
    const char *root = argv[1];
    const int trackers = (int)strtol(argv[2], NULL, 10), days = (int)strtol(argv[5], NULL, 10);
    const size_t each = (size_t)strtol(argv[3], NULL, 10) * BATCH_MS / 1000;
    const int batches = (int)strtol(argv[4], NULL, 10) * 1000 / BATCH_MS;
    struct err err;
    struct records *r = NULL;
    struct records_new *v = calloc(each, sizeof *v);
    char(*imeis)[AVL_IMEI_ROOM] = calloc((size_t)trackers, sizeof *imeis);
    assert_true(v && imeis);
    for (int i = 0; i < trackers; i++)
        snprintf(imeis[i], sizeof imeis[i], "3563070%08d", i);
    tracker_root(root, 1);
    assert_ok(records_open(&r, root, RECORDS_WRITE, &err));
    int64_t raw = 0, worst_us = 0, spent_us = 0, at = 0;
    for (int b = 0; b < batches; b++) {
        struct records_done done;
        for (size_t i = 0; i < each; i++, at++) {
            struct tracker_says says = tracker_says(AT_MS + b * BATCH_MS + (int64_t)i % BATCH_MS -
                                                    at % days * INT64_C(86400000));
            says.odometer = (uint64_t)at;
            v[i] = (struct records_new){.imei = imeis[at % trackers],
                                        .codec = AVL_CODEC_8E,
                                        .arrived_us = (AT_MS + b * BATCH_MS) * 1000};
            v[i].bytes = tracker_record(&says, &v[i].n);
            raw += (int64_t)v[i].n;
        }
        int64_t from_us = clock_mono_us();
        assert_ok(records_put(r, v, each, &done, &err));
        int64_t took_us = clock_mono_us() - from_us;
        spent_us += took_us;
        worst_us = took_us > worst_us ? took_us : worst_us;
        for (size_t i = 0; i < each; i++)
            free((void *)(uintptr_t)v[i].bytes);
    }
    records_close(&r);
    const double n = (double)at, used = (double)disk_bytes(support_path(root, RECORDS_DIR));
    printf("%d trackers, %d days: %" PRId64 " records of %.0f bytes: %.0f bytes each on disk "
           "(%.2f times), %.0f records/s, a batch of %zu in %.0f ms (worst %.0f ms)\n",
           trackers, days, at, (double)raw / n, used / n, used / (double)raw,
           n * 1e6 / (double)spent_us, each, (double)spent_us / 1e3 / batches,
           (double)worst_us / 1e3);
    free(v);
    free(imeis);
    return 0;
}
