/* Bad input: one clear line or copies of what is left, never a crash, never leftovers. */
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "support/footage.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Converts; on failure the line names the file once, is one line, and nothing is left. */
static int convert(const char *path, unsigned copies, struct convert_result *r, struct err *err)
{
    char *dir = support_tmp_dir();
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(copies);
    *err = (struct err){0};
    int rc = convert_file(path, dir, "clip", &facts, &options, NULL, NULL, r, err);
    if (rc < 0) {
        assert_int_equal(support_entries(dir), 0);
        assert_true(strncmp(err->text, path, strlen(path)) == 0);
        assert_null(strstr(err->text + 1, path));
        assert_true(strlen(err->text) > strlen(path) + 10);
    } else {
        assert_int_equal(support_entries(dir), r->n_outputs);
        assert_true(r->n_outputs > 0 && r->pictures > 0);
    }
    assert_null(strpbrk(rc < 0 ? err->text : r->warning, "\r\n"));
    support_tmp_remove(&dir);
    return rc;
}

static void refuses(const void *data, size_t n, int code, const char *says)
{
    char *dir = support_tmp_dir(), path[4096];
    struct convert_result r;
    struct err err;
    enum media_container container;
    snprintf(path, sizeof path, "%s/x.h265", dir);
    support_write(path, data, n);
    assert_int_equal(convert(path, COPY_WORKING | COPY_VIEWING, &r, &err), code);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
    if (code == ERR_MALFORMED && n == 0)
        assert_err(code, media_sniff(path, &container, &err));
    support_tmp_remove(&dir);
}

static void test_what_is_no_footage_is_refused_in_words(void **state)
{
    (void)state;
    static const uint8_t zeros[5000], noise[] = {0x80, 0x91, 0xfe, 0x00, 0x12, 0x44, 0x99};
    static const char text[] = "<html>\n<body>404 Not Found</body>\n</html>\n";
    static const uint8_t h264[] = {0,    0,    0, 1, 0x67, 0x64, 0,   0x1f,
                                   0xac, 0xd9, 0, 0, 1,    0x68, 0xeb};
    static const uint8_t mp4[] = "\0\0\0\x18"
                                 "ftypisom\0\0\2\0isomiso2";
    refuses("", 0, ERR_MALFORMED, "empty");
    refuses(text, sizeof text - 1, ERR_MALFORMED, "text");
    refuses(zeros, sizeof zeros, ERR_MALFORMED, "zeros");
    refuses(noise, sizeof noise, ERR_MALFORMED, "neither");
    refuses(h264, sizeof h264, ERR_UNSUPPORTED, "H.264");
    refuses(mp4, sizeof mp4, ERR_UNSUPPORTED, "MP4");
    refuses("\xff\xd8\xff", 3, ERR_MALFORMED, "JPEG is broken");
    refuses("PTMF", 4, ERR_MALFORMED, "text");
    struct buf b = support_read(footage_sample("rear-25fps-6s-silent.h265"));
    refuses(buf_data(&b), 36, ERR_MALFORMED, "no whole picture");
    refuses(buf_data(&b), 1000, ERR_MALFORMED, "no whole picture");
    buf_clear(&b);
}

static void test_a_missing_file_or_directory_is_named(void **state)
{
    (void)state;
    struct convert_result r;
    struct err err = {0};
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING);
    assert_int_equal(convert("/nowhere/x.h265", COPY_WORKING, &r, &err), ERR_NOTFOUND);
    assert_int_equal(convert("/tmp", COPY_WORKING, &r, &err), ERR_UNSUPPORTED);
    const char *clip = footage_sample("rear-25fps-6s-silent.h265");
    assert_err(ERR_NOTFOUND,
               convert_file(clip, "/nowhere", "clip", &facts, &options, NULL, NULL, &r, &err));
    char *dir = support_tmp_dir();
    assert_err(ERR_CONFIG,
               convert_file(clip, dir, "../clip", &facts, &options, NULL, NULL, &r, &err));
    support_tmp_remove(&dir);
}

/* Stands for a full disk: writing beyond a limit fails. */
static void test_a_full_disk_is_temporary_and_leaves_nothing(void **state)
{
    (void)state;
    struct convert_result r;
    struct err err;
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit < 700000; limit += 130000) {
        tight = before;
        tight.rlim_cur = limit;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        int rc = convert(footage_sample("rear-25fps-6s-silent.h265"), COPY_WORKING, &r, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(rc, limit < 566000 ? ERR_IO : ERR_OK);
    }
}

static void test_a_stream_without_parameter_sets_is_told_with_its_offset(void **state)
{
    (void)state;
    struct convert_result r;
    struct err err;
    const char *path = support_data("hevc/membrane-input-30-640x480-no-parameter-sets.h265");
    assert_int_equal(convert(path, COPY_WORKING | COPY_VIEWING, &r, &err), ERR_MALFORMED);
    assert_non_null(strstr(err.text, "without parameter sets"));
    assert_non_null(strstr(err.text, "offset 0"));
}

static void test_a_truncated_clip_keeps_what_is_whole(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), path[4096];
    struct convert_result r;
    struct err err;
    struct buf b = support_read(footage_sample("rear-25fps-6s-silent.h265"));
    snprintf(path, sizeof path, "%s/cut.h265", dir);
    support_write(path, buf_data(&b), b.used / 2);
    assert_int_equal(convert(path, COPY_WORKING | COPY_VIEWING, &r, &err), 0);
    assert_true(r.pictures == 50);
    assert_non_null(strstr(r.warning, "ends early, "));
    buf_clear(&b);
    support_tmp_remove(&dir);
}

static void test_a_hundred_cuts_leave_copies_or_one_line(void **state)
{
    (void)state;
    char *dir = support_tmp_dir(), path[4096];
    struct convert_result r;
    struct err err;
    struct buf b = support_read(footage_sample("rear-25fps-6s-silent.h265"));
    uint64_t random = 20241129;
    snprintf(path, sizeof path, "%s/cut.h265", dir);
    for (int i = 0; i < 100; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t cut = (size_t)(random >> 33) % (i < 20 ? 40000 : b.used);
        support_write(path, buf_data(&b), cut);
        int rc = convert(path, COPY_WORKING, &r, &err);
        assert_true(rc == 0 || rc == ERR_MALFORMED);
        assert_true(rc == 0 || cut < 40000);
    }
    buf_clear(&b);
    support_tmp_remove(&dir);
}

static void test_every_file_of_the_collection_gives_copies_or_one_line(void **state)
{
    (void)state;
    static const char *const folders[] = {"hevc", "hevc-damaged", "jpeg"};
    int seen = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char folder[2048], path[4096];
        snprintf(folder, sizeof folder, "%s", support_data(folders[i]));
        DIR *d = opendir(folder);
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d)) != NULL;) {
            struct convert_result r;
            struct err err;
            if (e->d_name[0] == '.')
                continue;
            bool bare = strstr(e->d_name, "no-parameter-sets") || strstr(e->d_name, "no-vps");
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            int rc = convert(path, COPY_WORKING | COPY_VIEWING, &r, &err);
            printf("  %s: %s\n", e->d_name, rc < 0 ? err.text : r.warning);
            assert_int_equal(rc, bare ? ERR_MALFORMED : ERR_OK);
            seen++;
        }
        closedir(d);
    }
    assert_true(seen > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_footage_is_refused_in_words),
        cmocka_unit_test(test_a_missing_file_or_directory_is_named),
        cmocka_unit_test(test_a_full_disk_is_temporary_and_leaves_nothing),
        cmocka_unit_test(test_a_stream_without_parameter_sets_is_told_with_its_offset),
        cmocka_unit_test(test_a_truncated_clip_keeps_what_is_whole),
        cmocka_unit_test(test_a_hundred_cuts_leave_copies_or_one_line),
        cmocka_unit_test(test_every_file_of_the_collection_gives_copies_or_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
