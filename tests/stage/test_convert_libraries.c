/* Which libraries make copies: each told once, with a version, and x264 as its own copies say. */
#define _GNU_SOURCE /* memmem */
#include "support/footage.h"
#include <stdio.h>
#include <string.h>

struct told {
    char name[32][32], version[32][64];
    int n;
};

static void on_library(void *arg, const char *name, const char *version)
{
    struct told *t = arg;
    assert_true(t->n < 32);
    snprintf(t->name[t->n], sizeof t->name[0], "%s", name);
    snprintf(t->version[t->n++], sizeof t->version[0], "%s", version);
}

static const char *version_of(const struct told *t, const char *name)
{
    for (int i = 0; i < t->n; i++)
        if (strcmp(t->name[i], name) == 0)
            return t->version[i];
    fail_msg("%s is not told", name);
    return NULL;
}

static void test_each_library_is_told_once(void **state)
{
    static const char *const names[] = {
        "FFmpeg",     "libavcodec",    "libavformat", "libavutil", "x264",
        "libswscale", "libass",        "FreeType",    "glibc",     "libjpeg-turbo",
        "HarfBuzz",   "libswresample", "processor",   "vectors"};
    struct told t = {.n = 0}, again = {.n = 0};
    (void)state;
    convert_libraries(on_library, &t);
    convert_libraries(on_library, &again);
    assert_int_equal(t.n, sizeof names / sizeof *names);
    assert_memory_equal(&t, &again, sizeof t);
    for (int i = 0; i < t.n; i++)
        assert_true(strcmp(names[i], "vectors") == 0
                        ? version_of(&t, names[i])[0] != '\0'
                        : strpbrk(version_of(&t, names[i]), "0123456789") != NULL);
}

static void test_x264_is_the_one_in_the_copies(void **state)
{
    struct told t = {.n = 0};
    struct convert_result r;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_VIEWING);
    char *dir = support_tmp_dir(), said[100];
    struct err err;
    (void)state;
    convert_libraries(on_library, &t);
    assert_ok(convert_file(footage_sample("rear-25fps-6s-silent.h265"), dir, "clip", &facts,
                           &options, NULL, NULL, &r, &err));
    snprintf(said, sizeof said, "x264 - %s - ", version_of(&t, "x264"));
    struct buf copy = support_read(r.output[0].path);
    assert_non_null(memmem(buf_data(&copy), copy.used, said, strlen(said)));
    buf_clear(&copy);
    support_tmp_remove(&dir);
}

/* x264 notes its settings in what it writes. Recipes of before say nothing of a look-ahead: their
 * copies had none, and are made again without. */
static void test_x264_looks_ahead_as_far_as_the_recipe_says(void **state)
{
    static const struct {
        int lookahead;
        const char *says, *says_not;
    } cases[] = {{0, " mbtree=0 ", " rc_lookahead="}, {10, " rc_lookahead=10 ", " mbtree=0 "}};
    char *dir = support_tmp_dir();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct convert_result r;
        struct media_facts facts = footage_facts();
        struct convert_options options = footage_options(COPY_VIEWING);
        struct err err;
        snprintf(options.preset, sizeof options.preset, "superfast");
        options.lookahead = cases[i].lookahead;
        options.overwrite = true;
        assert_ok(convert_file(footage_sample("rear-25fps-6s-silent.h265"), dir, "clip", &facts,
                               &options, NULL, NULL, &r, &err));
        struct buf copy = support_read(r.output[0].path);
        const char *says = cases[i].says, *says_not = cases[i].says_not;
        if (!memmem(buf_data(&copy), copy.used, says, strlen(says)) ||
            memmem(buf_data(&copy), copy.used, says_not, strlen(says_not)))
            fail_msg("with %d: not '%s', or '%s'", cases[i].lookahead, says, says_not);
        buf_clear(&copy);
    }
    support_tmp_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_library_is_told_once),
        cmocka_unit_test(test_x264_is_the_one_in_the_copies),
        cmocka_unit_test(test_x264_looks_ahead_as_far_as_the_recipe_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
