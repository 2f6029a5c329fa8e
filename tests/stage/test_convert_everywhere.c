/* The same copies on every processor and in every heap: each is made again by this program, run
 * anew, where FFmpeg, libjpeg-turbo and the C library may use less of the processor, and where
 * memory that nobody wrote holds something else. */
#include "support/footage.h"
#include "support/proc.h"
#include <libavutil/cpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CUT_BYTES = 500000 };

/* Odd sizes, sound, no sound, photos. */
static const struct master {
    const char *name, *path;
} masters[] = {
    {"sound.h265", TEST_SAMPLES "/front-20fps-10s-sound.h265"},
    {"small.h265", TEST_DATA "/hevc/libvpl-cars_320x240.h265"},
    {"odd.h265", TEST_DATA "/hevc/membrane-input-300-98x58-conformance-window.h265"},
    {"photo.jpg", TEST_SAMPLES "/photo-720p.jpg"},
};

/* What this process may use, from the environment. */
static void force_level(void)
{
    static const struct {
        const char *name;
        int flags;
    } levels[] = {
        {"avx2", AV_CPU_FLAG_MMX | AV_CPU_FLAG_MMXEXT | AV_CPU_FLAG_SSE | AV_CPU_FLAG_SSE2 |
                     AV_CPU_FLAG_SSE3 | AV_CPU_FLAG_SSSE3 | AV_CPU_FLAG_SSE4 | AV_CPU_FLAG_SSE42 |
                     AV_CPU_FLAG_AVX | AV_CPU_FLAG_AVX2 | AV_CPU_FLAG_FMA3},
        {"sse4.2", AV_CPU_FLAG_MMX | AV_CPU_FLAG_MMXEXT | AV_CPU_FLAG_SSE | AV_CPU_FLAG_SSE2 |
                       AV_CPU_FLAG_SSE3 | AV_CPU_FLAG_SSSE3 | AV_CPU_FLAG_SSE4 | AV_CPU_FLAG_SSE42},
        {"sse2", AV_CPU_FLAG_MMX | AV_CPU_FLAG_MMXEXT | AV_CPU_FLAG_SSE | AV_CPU_FLAG_SSE2},
    };
    const char *level = getenv("TEST_LEVEL");
    for (size_t i = 0; level && i < sizeof levels / sizeof *levels; i++)
        if (strcmp(level, levels[i].name) == 0)
            av_force_cpu_flags(levels[i].flags & av_get_cpu_flags());
}

/* Every copy of every master: a line each. */
static int make(const char *dir)
{
    struct err err;
    struct media_facts facts = footage_facts();
    force_level();
    for (size_t i = 0; i < sizeof masters / sizeof *masters; i++) {
        char cut[600];
        static struct convert_result r;
        struct convert_options options = footage_options(COPY_LAST * 2 - 1);
        if (i % 2 == 0) { /* as they are without settings; the others by another preset */
            snprintf(options.preset, sizeof options.preset, "superfast");
            options.lookahead = 10;
        }
        snprintf(cut, sizeof cut, "%s/%s", dir, masters[i].name);
        if (convert_file(cut, dir, masters[i].name, &facts, &options, NULL, NULL, &r, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        for (int k = 0; k < r.n_outputs; k++) {
            printf("%s  %s\n", r.output[k].sha256, strrchr(r.output[k].path, '/') + 1);
            unlink(r.output[k].path);
        }
    }
    return 0;
}

static char *dir;
static char program[600];

static int put_masters(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    for (size_t i = 0; i < sizeof masters / sizeof *masters; i++) {
        struct buf b = support_read(masters[i].path);
        bool cut = b.used > CUT_BYTES;
        support_write(support_path(dir, masters[i].name), buf_data(&b), cut ? CUT_BYTES : b.used);
        buf_clear(&b);
    }
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    assert_true(n > 0);
    program[n] = '\0';
    return 0;
}

static int remove_masters(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

/* environment: "NAME=value". */
static struct proc_result made_with(const char *environment)
{
    struct proc_result r = PROC_RUN("env", environment, program, "make", dir);
    if (r.status != 0)
        fail_msg("%s: %s", environment, proc_err(&r));
    return r;
}

static void test_neither_processor_nor_heap_has_a_part_in_the_bytes(void **state)
{
    (void)state;
    static const char *const environments[] = {
        "MALLOC_PERTURB_=85", "MALLOC_PERTURB_=170",
        "TEST_LEVEL=avx2",    "TEST_LEVEL=sse4.2",
        "TEST_LEVEL=sse2",    "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-FMA,-FMA4",
        "JSIMD_FORCENONE=1",  "JSIMD_FORCESSE2=1",
    };
    struct proc_result plain = made_with("MALLOC_PERTURB_=1");
    assert_true(plain.out.used > 30 * 64);
    for (size_t i = 0; i < sizeof environments / sizeof *environments; i++) {
        struct proc_result r = made_with(environments[i]);
        if (strcmp(proc_out(&r), proc_out(&plain)) != 0)
            fail_msg("with %s:\n%s\ninstead of:\n%s", environments[i], proc_out(&r),
                     proc_out(&plain));
        proc_clear(&r);
    }
    proc_clear(&plain);
}

static void make_viewing(const char *vectors, char sha256[HASH_HEX_ROOM])
{
    struct err err;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_VIEWING);
    static struct convert_result r;
    snprintf(options.vectors, sizeof options.vectors, "%s", vectors);
    options.overwrite = true;
    assert_ok(convert_file(support_path(dir, "sound.h265"), dir, "clip", &facts, &options, NULL,
                           NULL, &r, &err));
    snprintf(sha256, HASH_HEX_ROOM, "%s", r.output[0].sha256);
}

/* Which is why it stands in the recipe. */
static void test_the_encoder_uses_what_the_recipe_says(void **state)
{
    (void)state;
    char best[HASH_HEX_ROOM], sse42[HASH_HEX_ROOM], sse2[HASH_HEX_ROOM], unknown[HASH_HEX_ROOM];
    if (strcmp(convert_vectors(), "avx2") != 0) {
        fprintf(stderr, "SKIPPED: this processor has no AVX2\n");
        return;
    }
    make_viewing("", best);
    make_viewing("sse4.2", sse42);
    make_viewing("sse2", sse2);
    make_viewing("avx9", unknown); /* a level that this processor does not have */
    assert_string_equal(sse42, best);
    assert_string_not_equal(sse2, best);
    assert_string_equal(unknown, best);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neither_processor_nor_heap_has_a_part_in_the_bytes),
        cmocka_unit_test(test_the_encoder_uses_what_the_recipe_says),
    };
    if (argc == 3 && strcmp(argv[1], "make") == 0)
        return make(argv[2]);
    return cmocka_run_group_tests(tests, put_masters, remove_masters);
}
