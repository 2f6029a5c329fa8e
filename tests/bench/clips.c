/* Clips for tests/bench/pipeline and tests/bench/soak: COUNT of them, of at most BYTES, cut from
 * the sample with sound, each with a content and a time of its own; named as people name them, in a
 * folder of their camera.
 *
 *   bench_clips DIR COUNT BYTES [FIRST]     BYTES 0: photos */
#include "support/clips.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include <stdio.h>
#include <stdlib.h>

#define SAMPLE        "front-20fps-10s-sound.h265"
#define FIRST_TIME_US INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */

static char **args;
static int n_args;

static void make(void **state)
{
    char dir[600], path[700], time[CLOCK_TEXT_ROOM];
    long count = strtol(args[2], NULL, 10), bytes = strtol(args[3], NULL, 10),
         first = n_args > 4 ? strtol(args[4], NULL, 10) : 0;
    struct err err;
    (void)state;
    snprintf(dir, sizeof dir, "%s/352093081452251/front", args[1]);
    assert_ok(fsx_mkdirs(dir, &err));
    for (long i = first; i < first + count; i++) {
        struct buf clip = clips_video("front-20fps-10s-sound.h265", (size_t)bytes, (unsigned)i);
        clock_compact(FIRST_TIME_US + i * INT64_C(10000000), time);
        snprintf(path, sizeof path, "%s/%s.%s", dir, time, bytes > 0 ? "h265" : "jpg");
        support_write(path, buf_data(&clip), clip.used);
        buf_clear(&clip);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(make)};
    if (argc < 4) {
        fprintf(stderr, "usage: %s DIR COUNT BYTES [FIRST]\n", argv[0]);
        return 2;
    }
    args = argv;
    n_args = argc;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
