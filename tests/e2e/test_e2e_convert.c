/* dashspool convert, as a claims handler uses it: a folder of downloaded files, some of them bad.
 */
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "support/footage.h"
#include "support/proc.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define REAR  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"

static char *dir;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static const char *in_dir(const char *name)
{
    return support_path(dir, name);
}

static void copy_to(const char *from, const char *name, size_t bytes)
{
    struct buf b = support_read(from);
    support_write(in_dir(name), buf_data(&b), bytes ? bytes : b.used);
    buf_clear(&b);
}

#define CONVERT(...) PROC_RUN(DASHSPOOL_BINARY, "convert", __VA_ARGS__)

static int lines_with(const char *text, const char *words)
{
    int n = 0;
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        const char *there = strstr(line, words);
        n += there && (!end || there < end);
        if (!end)
            break;
        line = end + 1;
    }
    return n;
}

static void test_a_folder_with_good_and_bad_files(void **state)
{
    (void)state;
    struct err err;
    assert_ok(fsx_mkdirs(in_dir("in/deeper"), &err));
    copy_to(REAR, "in/deeper/good.h265", 0);
    copy_to(PHOTO, "in/photo.JPG", 0);
    copy_to(PHOTO, "in/.hidden.jpg", 0);
    support_write(in_dir("in/empty.h265"), "", 0);
    support_write(in_dir("in/text.h265"), "this is no video\n", 17);
    support_write(in_dir("in/notes.txt"), "ignored", 7);
    uint8_t before[HASH_BYTES], after[HASH_BYTES];
    assert_ok(hash_file(in_dir("in/deeper/good.h265"), before, &err));

    struct proc_result r = CONVERT(in_dir("in"), "-o", in_dir("out"), "--copies", "working");
    assert_int_equal(r.status, 1);
    assert_int_equal(lines_with(proc_err(&r), "empty.h265: the file is empty"), 2);
    assert_int_equal(lines_with(proc_err(&r), "text.h265: "), 2); /* at once, and at the end */
    assert_non_null(strstr(proc_err(&r), "4 files: 2 converted, 0 skipped, 2 failed; 1 other file "
                                         "in the folders was not looked at\nfailed:\n  "));
    assert_int_equal(lines_with(proc_err(&r), ""), 6);
    assert_int_equal(lines_with(proc_out(&r), "150 frames, 6.0"), 1);
    proc_clear(&r);

    /* the folder's structure is kept, nothing half-written is there, the originals are as they were
     */
    assert_true(support_exists(in_dir("out/deeper/good.working.mp4")));
    assert_true(support_exists(in_dir("out/deeper/good.timing.json")));
    assert_int_equal(support_entries(in_dir("out/deeper")), 2);
    assert_true(support_exists(in_dir("out/photo.still-DERIVED.jpg")));
    assert_int_equal(support_entries(in_dir("out")), 2);
    assert_int_equal(support_entries(in_dir("in")), 6);
    assert_ok(hash_file(in_dir("in/deeper/good.h265"), after, &err));
    assert_memory_equal(before, after, HASH_BYTES);

    /* again: what is there is left alone; with --force it is made again, the same */
    assert_ok(hash_file(in_dir("out/deeper/good.working.mp4"), before, &err));
    r = CONVERT(in_dir("in/deeper"), in_dir("in/photo.JPG"), "-o", in_dir("out/deeper"), "--copies",
                "working");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(proc_err(&r), "1 converted, 1 skipped, 0 failed"));
    proc_clear(&r);
    r = CONVERT(in_dir("in/deeper"), "-o", in_dir("out/deeper"), "--copies", "working", "--force");
    assert_int_equal(r.status, 0);
    proc_clear(&r);
    assert_ok(hash_file(in_dir("out/deeper/good.working.mp4"), after, &err));
    assert_memory_equal(before, after, HASH_BYTES);
}

static uint64_t frames_of(const char *name)
{
    struct footage f = footage_read(in_dir(name));
    uint64_t n = (uint64_t)f.picture.n;
    footage_clear(&f);
    return n;
}

/* Files of one name in several places: none takes the place of another, whatever the options. */
static void test_files_of_one_name_have_copies_of_their_own(void **state)
{
    (void)state;
    static const char *const places[] = {"a/front/clip.h265", "a/rear/clip.h265",
                                         "b/front/clip.h265", "front/clip.h265"};
    struct err err;
    char path[4][700];
    for (int i = 0; i < 4; i++) {
        snprintf(path[i], sizeof path[i], "%s", in_dir(places[i]));
        char folder[700];
        snprintf(folder, sizeof folder, "%s", path[i]);
        *strrchr(folder, '/') = '\0';
        assert_ok(fsx_mkdirs(folder, &err));
        copy_to(REAR, places[i], i % 2 ? 300000 : 0);
    }
    for (int force = 0; force < 2; force++) {
        struct proc_result r = CONVERT(path[0], path[1], "-o", in_dir("two"), "--copies", "working",
                                       path[0], force ? "--force" : NULL);
        assert_int_equal(r.status, 0);
        assert_int_equal(lines_with(proc_err(&r), "2 files: 2 converted, 0 skipped"), 1);
        proc_clear(&r);
        assert_true(frames_of("two/front/clip.working.mp4") !=
                    frames_of("two/rear/clip.working.mp4"));
        assert_int_equal(support_entries(in_dir("two")), 2);
    }
    /* more of their folders, where one does not tell them apart; also through a link and dots */
    assert_int_equal(symlink(in_dir("b"), in_dir("link")), 0);
    struct proc_result r = CONVERT(in_dir("a"), in_dir("link/../link"), path[3], "-o",
                                   in_dir("all"), "--copies", "working");
    assert_int_equal(r.status, 0);
    assert_int_equal(lines_with(proc_err(&r), "4 files: 4 converted, 0 skipped, 0 failed"), 1);
    proc_clear(&r);
    assert_true(support_exists(in_dir("all/a/front/clip.working.mp4")));
    assert_true(support_exists(in_dir("all/b/front/clip.working.mp4")));
    assert_true(support_exists(in_dir("all/rear/clip.working.mp4")));
    assert_true(support_exists(in_dir("all/clip.working.mp4")));
    /* in one folder: by the extension */
    copy_to(REAR, "a/front/clip.hevc", 300000);
    for (int beside = 0; beside < 2; beside++) {
        r = CONVERT(in_dir("a/front"), "--copies", "working", beside ? NULL : "-o", in_dir("one"));
        assert_int_equal(r.status, 0);
        assert_int_equal(lines_with(proc_err(&r), "2 files: 2 converted"), 1);
        proc_clear(&r);
        const char *where = beside ? "a/front" : "one";
        snprintf(path[0], sizeof path[0], "%s/clip.h265.working.mp4", where);
        snprintf(path[1], sizeof path[1], "%s/clip.hevc.working.mp4", where);
        assert_true(frames_of(path[0]) != frames_of(path[1]));
    }
    /* names that differ in case alone are one name where -o is: others may ignore case */
    static const char *const cases[] = {"c/a/Clip.h265", "c/b/clip.h265", "c/A/CLIP.h265",
                                        "c/e/\xc3\x84.h265", "c/f/\xc3\xa4.h265"};
    for (int i = 0; i < 5; i++) {
        snprintf(path[0], sizeof path[0], "%s", in_dir(cases[i]));
        *strrchr(path[0], '/') = '\0';
        assert_ok(fsx_mkdirs(path[0], &err));
        copy_to(REAR, cases[i], i % 2 ? 300000 : 200000);
    }
    snprintf(path[0], sizeof path[0], "%s", in_dir("c/a"));
    snprintf(path[1], sizeof path[1], "%s", in_dir("c/b"));
    snprintf(path[2], sizeof path[2], "%s", in_dir("c/A"));
    r = CONVERT(path[0], path[1], "-o", in_dir("case"), "--copies", "working");
    assert_int_equal(lines_with(proc_err(&r), "2 files: 2 converted, 0 skipped, 0 failed"), 1);
    proc_clear(&r);
    assert_true(support_exists(in_dir("case/a/Clip.working.mp4")));
    assert_true(support_exists(in_dir("case/b/clip.working.mp4")));
    r = CONVERT(path[0], path[2], "-o", in_dir("case2"), "--copies", "working");
    assert_int_equal(lines_with(proc_err(&r), "2 files: 2 converted, 0 skipped, 0 failed"), 1);
    proc_clear(&r);
    assert_true(support_exists(in_dir("case2/a/Clip.working.mp4")) !=
                support_exists(in_dir("case2/a/Clip-2.working.mp4")));
    assert_true(support_exists(in_dir("case2/A/CLIP.working.mp4")) !=
                support_exists(in_dir("case2/A/CLIP-2.working.mp4")));
    assert_true(support_exists(in_dir("case2/A/CLIP.working.mp4")) !=
                support_exists(in_dir("case2/a/Clip.working.mp4")));
    r = CONVERT(in_dir("c/e"), in_dir("c/f"), "-o", in_dir("case3"), "--copies", "working");
    assert_int_equal(lines_with(proc_err(&r), "2 files: 2 converted, 0 skipped, 0 failed"), 1);
    proc_clear(&r);
    assert_int_equal(support_entries(in_dir("case3")), 2);
    copy_to(REAR, "c/b/CLIP.h265", 300000); /* in one folder */
    for (int beside = 0; beside < 2; beside++) {
        r = CONVERT(path[1], "--copies", "working", beside ? NULL : "-o", in_dir("case4"));
        assert_int_equal(lines_with(proc_err(&r), "2 files: 2 converted, 0 skipped, 0 failed"), 1);
        proc_clear(&r);
    }
    assert_true(support_exists(in_dir("c/b/clip.working.mp4")));
    assert_true(support_exists(in_dir("c/b/CLIP.working.mp4")));
    assert_int_equal(support_entries_like(in_dir("case4/CLIP")), 2);
    assert_int_equal(support_entries_like(in_dir("case4/clip")), 2);
    assert_int_equal(support_exists(in_dir("case4/CLIP-2.working.mp4")) +
                         support_exists(in_dir("case4/clip-2.working.mp4")),
                     1);
    /* a photo is one by its bytes, whatever it is called; a video of that name has other copies */
    assert_ok(fsx_mkdirs(in_dir("photos"), &err));
    copy_to(PHOTO, "photos/x.h265", 0);
    copy_to(PHOTO, "photos/x.jpg", 0);
    copy_to(REAR, "photos/x.jpeg", 300000);
    copy_to(PHOTO, "photos/y.jpg", 0);
    copy_to(REAR, "photos/y.h265", 300000);
    r = CONVERT(in_dir("photos"), "-o", in_dir("stills"), "--copies", "timing", "--force");
    assert_int_equal(r.status, 0);
    proc_clear(&r);
    static const char *const made[] = {"x.h265.still-DERIVED.jpg", "x.jpg.still-DERIVED.jpg",
                                       "x.timing.json", "y.still-DERIVED.jpg", "y.timing.json"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        if (!support_exists(support_path(in_dir("stills"), made[i])))
            fail_msg("there is no %s", made[i]);
    assert_int_equal(support_entries(in_dir("stills")), 5);
}

static void test_sidecars_with_a_track(void **state)
{
    (void)state;
    static const char track[] = "time,lat,lon,speed_kmh\n2024-11-29T07:23:45Z,54.7,25.2,60\n"
                                "2024-11-29T07:23:55Z,54.7045,25.2045,70\n";
    copy_to(REAR, "clip.h265", 0);
    support_write(in_dir("track.csv"), track, strlen(track));
    struct proc_result r =
        CONVERT(in_dir("clip.h265"), "--copies", "srt,vtt,gpx,geojson", "--track",
                in_dir("track.csv"), "--time", "2024-11-29T09:23:45+02:00", "--osd-template",
                "{time} {speed} {note}", "--note", "Žala");
    assert_int_equal(r.status, 0);
    proc_clear(&r);
    assert_int_equal(support_entries(dir), 6);
    struct buf b = support_read(in_dir("clip.srt"));
    static const char first[] = "1\n00:00:00,000 --> 00:00:01,066\n09:23:45 60 km/h  track Žala\n";
    assert_true(b.used > strlen(first) && memcmp(buf_data(&b), first, strlen(first)) == 0);
    buf_clear(&b);
    assert_true(support_count(in_dir("clip.gpx"), "<trkpt lat=\"54.7000000\"") > 0);
    r = CONVERT(in_dir("clip.h265"), "--force", "--osd-template", "{datum}");
    assert_int_equal(r.status, 2);
    assert_int_equal(lines_with(proc_err(&r), "position 1: there is no field '{datum}'"), 1);
    proc_clear(&r);
    assert_int_equal(support_entries(dir), 6);
}

/* A track that is bad in any way: the copies are made, and it is said, once, and as a fact. */
static void test_a_bad_track_stops_no_conversion(void **state)
{
    (void)state;
    static const struct {
        const char *file, *note, *fact, *shown;
    } bad[] = {
        {"zeros.gpx", "the track zeros.gpx: 2 points without a fix", "\"no_fix\":2",
         "no fix  track"},
        {"seggap.gpx", "the track seggap.gpx does not cover the whole clip", "\"note\":\"\"",
         "position unknown"},
        {"emptytime.gpx", "1 point left out (1 without a time)", "\"no_time\":1", "  54.7001"},
        {"lon181.gpx", "1 point left out (1 with no position on Earth)", "\"no_position\":1",
         "  54.7001"},
        {"utf16.gpx", "the track utf16.gpx: in UTF-16", "\"note\":\"in UTF-16\"", "  54.7001"},
        {"nocs.nmea", "the track nocs.nmea: no checksums", "\"note\":\"no checksums\"",
         "  54.7001"},
        {"../gps", "/gps is not a file", "\"not_used\":\"the track is not", "position unknown"},
    };
    copy_to(REAR, "clip.h265", 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char track[64];
        snprintf(track, sizeof track, "track/%s", bad[i].file);
        struct proc_result r =
            CONVERT(in_dir("clip.h265"), "--copies", "srt,timing", "--force", "--time",
                    "2024-11-29T09:00:00Z", "--track", support_data(track));
        assert_int_equal(r.status, 0);
        assert_int_equal(lines_with(proc_out(&r), bad[i].note), 1);
        proc_clear(&r);
        if (support_count(in_dir("clip.timing.json"), bad[i].fact) != 1 ||
            support_count(in_dir("clip.srt"), bad[i].shown) == 0)
            fail_msg("%s", bad[i].file);
        assert_int_equal(support_count(in_dir("clip.srt"), " 0.00000°"), 0);
    }
    struct proc_result r = CONVERT(in_dir("clip.h265"), "--force", "--track", in_dir("none.gpx"));
    assert_int_equal(r.status, 2);
    assert_int_equal(lines_with(proc_err(&r), "none.gpx: No such file"), 1);
    proc_clear(&r);
}

static void test_a_truncated_clip_keeps_what_decodes_and_says_so(void **state)
{
    (void)state;
    copy_to(REAR, "cut.h265", 300000);
    struct proc_result r = CONVERT(in_dir("cut.h265"), "--copies", "working");
    assert_int_equal(r.status, 0);
    assert_int_equal(lines_with(proc_out(&r), "ends early, "), 1);
    proc_clear(&r);
    assert_true(support_exists(in_dir("cut.working.mp4")));
    assert_true(support_exists(in_dir("cut.timing.json")));
    assert_int_equal(support_entries(dir), 3);
}

static void test_a_name_tells_the_time_and_a_dispute_is_told(void **state)
{
    (void)state;
    struct err err;
    static const char name[] = "490154203237518/20241129_092345";
    char path[400];
    assert_ok(fsx_mkdirs(in_dir("490154203237518"), &err));
    snprintf(path, sizeof path, "%s.h265", name);
    copy_to(REAR, path, 0);
    struct proc_result r =
        CONVERT(in_dir(path), "--copies", "working", "--tz", "+02:00", "--fps", "40");
    assert_int_equal(r.status, 0);
    assert_int_equal(lines_with(proc_out(&r), "Given as 40/s, holds 6.0 s at 24.97/s"), 1);
    proc_clear(&r);
    snprintf(path, sizeof path, "%s.timing.json", name);
    static const char wall[] =
        "{\"source\":\"file name\",\"start\":\"2024-11-29T07:23:45.000000Z\"";
    assert_true(support_count(in_dir(path), wall) > 0);
    assert_true(support_count(in_dir(path), "\"dispute\":\"Given as 40/s, holds 6.0 s at") > 0);
}

static void test_each_recording_of_a_file_gets_copies_of_its_own(void **state)
{
    (void)state;
    static const char clip[] = "two-recordings.h265";
    copy_to(support_data("ptmf/two-recordings.h265"), clip, 0);
    copy_to(REAR, "whole.h265", 0);
    struct proc_result r = CONVERT(dir, "--copies", "working", "--split");
    assert_int_equal(r.status, 0);
    assert_int_equal(lines_with(proc_out(&r), "h265, recording 1: 50 frames, 2.00 s"), 1);
    assert_int_equal(lines_with(proc_out(&r), "h265, recording 2: 50 frames, 2.00 s"), 1);
    assert_int_equal(lines_with(proc_out(&r), "whole.h265: 150 frames"), 1);
    proc_clear(&r);
    assert_true(support_exists(in_dir("two-recordings-part1.working.mp4")));
    assert_true(support_exists(in_dir("two-recordings-part2.working.mp4")));
    assert_true(support_exists(in_dir("whole.working.mp4")));
    assert_int_equal(support_entries(dir), 2 + 3 * 2);
    assert_true(support_count(in_dir("two-recordings-part2.timing.json"), "\"recording\":2") > 0);

    r = CONVERT(in_dir(clip), "--copies", "working", "--time", "2024-11-29T09:23:45Z", "--force");
    assert_int_equal(r.status, 0);
    assert_int_equal(lines_with(proc_out(&r), "holds 2 recordings"), 1);
    assert_int_equal(lines_with(proc_out(&r), "the time between is unknown and shown as 1 s"), 1);
    proc_clear(&r);
    const char *timing = in_dir("two-recordings.timing.json");
    assert_true(support_count(timing, "\"recording\":2,\"length\":\"unknown\"") > 0);
    assert_int_equal(support_count(timing, "\"utc\":null"), 50);

    r = PROC_RUN(DASHSPOOL_BINARY, "probe", in_dir(clip));
    assert_int_equal(r.status, 0);
    assert_int_equal(lines_with(proc_out(&r), "2 recordings in one file"), 1);
    assert_int_equal(lines_with(proc_out(&r), "2: frames 50 to 99, 2.00 s, camera up for 0:00:05"),
                     1);
    proc_clear(&r);
    r = PROC_RUN(DASHSPOOL_BINARY, "probe", "--json", in_dir(clip));
    assert_int_equal(lines_with(proc_out(&r), "\"first_picture\": 50"), 1);
    proc_clear(&r);
}

/* The language of whoever runs it changes nothing, even where numbers have a comma. */
static void test_the_same_bytes_in_every_language(void **state)
{
    (void)state;
    static const char *const languages[] = {"C", "de_DE.UTF-8"};
    static const char *const kinds[] = {"working.mp4", "timing.json", "timing.csv", "gpx"};
    if (!proc_have("localedef"))
        skip();
    expect(PROC_RUN("localedef", "-i", "de_DE", "-f", "UTF-8", in_dir("de_DE.UTF-8")), 0, "");
    assert_int_equal(setenv("LOCPATH", dir, 1), 0);
    for (int i = 0; i < 2; i++) {
        char language[40];
        snprintf(language, sizeof language, "LC_ALL=%s", languages[i]);
        struct proc_result r = PROC_RUN("env", language, "printf", "%.1f", i ? "0,5" : "0.5");
        assert_string_equal(proc_out(&r), i ? "0,5" : "0.5"); /* it is in force */
        proc_clear(&r);
        expect(PROC_RUN("env", language, DASHSPOOL_BINARY, "convert", REAR, "-o",
                        in_dir(languages[i]), "--copies", "working,timing,csv,gpx", "--time",
                        "2024-11-29T07:23:45.5Z", "--lat", "54.7004183", "--lon", "25.25"),
               0, "");
    }
    unsetenv("LOCPATH");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        char path[300];
        struct buf b[2];
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "%s/rear-25fps-6s-silent.%s", languages[i], kinds[k]);
            b[i] = support_read(in_dir(path));
        }
        assert_true(b[0].used > 100);
        assert_int_equal(b[0].used, b[1].used);
        assert_memory_equal(buf_data(&b[0]), buf_data(&b[1]), b[0].used);
        buf_clear(&b[0]);
        buf_clear(&b[1]);
    }
}

static void test_a_stream_without_parameter_sets_is_one_clear_line(void **state)
{
    (void)state;
    copy_to(support_data("hevc/membrane-input-10-no-vps-sps-pps.h265"), "bare.h265", 0);
    struct proc_result r = CONVERT(in_dir("bare.h265"));
    assert_int_equal(r.status, 1);
    assert_int_equal(lines_with(proc_err(&r), ""), 1);
    assert_int_equal(lines_with(proc_err(&r), "bare.h265: "), 1);
    assert_non_null(strstr(proc_err(&r), "parameter set"));
    assert_string_equal(proc_out(&r), "");
    proc_clear(&r);
    assert_int_equal(support_entries(dir), 1);
}

/* --meta and the single options give what a camera's metadata would have given. */
static void test_facts_from_options_and_from_a_metadata_file(void **state)
{
    (void)state;
    static const uint8_t meta[] = {0x00, 0x0b, 0x00, 0x20, 0x03, 0x10, 0x00, 0x00, 0x01,
                                   0x93, 0x77, 0x7e, 0x7a, 0xf0, 0x03, 0x00, 0x0a, 0x19,
                                   0xfe, 0xd4, 0x40, 0x4b, 0x59, 0xa7, 0x4e, 0x8e, 0x02,
                                   0x8d, 0x40, 0x39, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00};
    support_write(in_dir("frame.bin"), meta, sizeof meta);
    support_write(in_dir("payload.bin"), meta + 4, sizeof meta - 4);
    static const char *const names[] = {"frame.bin", "payload.bin"};
    for (int i = 0; i < 3; i++) {
        struct proc_result r =
            i < 2 ? CONVERT(REAR, "-o", dir, "--copies", "working", "--force", "--meta",
                            in_dir(names[i]))
                  : CONVERT(REAR, "-o", dir, "--copies", "working", "--force", "--time",
                            "2024-11-29T05:36:38-05:00", "--lat", "54.7004183", "--lon", "25.25");
        if (r.status != 0)
            fail_msg("%s", proc_err(&r));
        proc_clear(&r);
        const char *copy = in_dir("rear-25fps-6s-silent.working.mp4");
        assert_true(support_count(copy, "+54.70042+025.25000/") > 0);
        if (!proc_have("ffprobe"))
            continue;
        r = PROC_RUN("ffprobe", "-v", "error", "-show_entries", "format_tags=creation_time", "-of",
                     "csv=p=0", copy);
        assert_string_equal(proc_out(&r), "2024-11-29T10:36:38.000000Z\n");
        proc_clear(&r);
    }
}

/* An extra that cannot be read is told, and stands in no video's way: its name tells its time. */
static void test_metadata_that_cannot_be_read_are_told(void **state)
{
    (void)state;
    static const uint8_t bad[40] = {3, 16, 0, 0, 1, 0x93, 0x77, 0x7e, 0x7a, 0xf0, 200, 0, 10};
    static const char json[] =
        "\xef\xbb\xbf{\"file\":{\"file_timestamp\":1732864425},\"location\":{\"latitude\":54.7,"
        "\"longitude\":25.25}}";
    struct err err;
    char out[400], clip[400];
    struct buf sample = support_read(REAR);
    snprintf(out, sizeof out, "%s", in_dir("out"));
    snprintf(clip, sizeof clip, "%s", in_dir("352093081452250"));
    assert_ok(fsx_mkdirs(clip, &err));
    snprintf(clip, sizeof clip, "%s", in_dir("352093081452250/20241129T072345Z.h265"));
    support_write(clip, buf_data(&sample), sample.used);
    buf_clear(&sample);
    support_write(in_dir("trigger.meta"), bad, 32);
    support_write(in_dir("long.meta"), bad, 33);
    support_write(in_dir("bom.meta"), json, sizeof json - 1);
    support_write(in_dir("other.meta"), "[{\"speed\":5}]", 13);
    support_write(in_dir("old.meta"), "{\"file_timestamp\":86400}", 24);
    const struct {
        const char *meta, *says, *made;
    } files[] = {
        {"trigger.meta", "trigger.meta: not used: metadata of 32 bytes: no camera has trigger 200",
         "2024-11-29T07:23:45"},
        {"long.meta", "not used: metadata of 33 bytes: binary version 3 has 32 bytes",
         "2024-11-29T07:23:45"},
        {"bom.meta", "352093081452250/20241129T072345Z.h265: its folder looks like an IMEI",
         "2024-11-29T07:13:45"},
        {"other.meta", "other.meta: not used: it has none of the values that metadata have",
         "2024-11-29T07:23:45"},
        {"old.meta", "old.meta: its time is not used: it is before 2015", "\"wall_clock\":null"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct proc_result r = CONVERT(clip, "-o", out, "--copies", "timing", "--force", "--meta",
                                       in_dir(files[i].meta));
        if (r.status != 0)
            fail_msg("%s", proc_err(&r));
        assert_has(proc_err(&r), files[i].says);
        proc_clear(&r);
        assert_true(
            support_count(support_path(out, "20241129T072345Z.timing.json"), files[i].made) > 0);
    }
}

static void test_options_that_make_no_sense_are_usage_errors(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *says;
    } bad[] = {
        {"--lat", "12", "--lat and --lon must be given together"},
        {"--lat", "91", "from -90 to 90"},
        {"--tz", "2 hours", "--tz 2 hours: expected +02:00, Z, or a time zone"},
        {"--time", "yesterday", "not a date and time"},
        {"--copies", "best", "working viewing"},
        {"--fps", "0", "from 0.1 to 240"},
        {"--meta", "/nonexistent", "/nonexistent"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_err(CONVERT(REAR, "-o", dir, bad[i].a, bad[i].b), 2, bad[i].says);
    expect(CONVERT(REAR, PHOTO, "--time", "2024-11-29T05:36:38Z"), 2, "");
    expect(CONVERT(in_dir("nothing-here")), 1, "");
    assert_int_equal(support_entries(dir), 0);
}

static void zone_of(const char *name, const char *tz, const char *time, const char *says,
                    const char *first_words)
{
    char path[64];
    snprintf(path, sizeof path, "%s.h265", name);
    copy_to(REAR, path, 0);
    struct proc_result r = time ? CONVERT(in_dir(path), "--copies", "srt", "--tz", tz,
                                          "--osd-template", "{time} {zone}", "--time", time)
                                : CONVERT(in_dir(path), "--copies", "srt", "--tz", tz,
                                          "--osd-template", "{time} {zone}");
    if (r.status != 0 || lines_with(proc_err(&r), says) < (*says ? 1 : 0))
        fail_msg("%s: %d: %s", name, r.status, proc_err(&r));
    if (!*says)
        assert_string_equal(proc_err(&r), "");
    proc_clear(&r);
    snprintf(path, sizeof path, "%s.srt", name);
    if (support_count(in_dir(path), first_words) < 1)
        fail_msg("%s: no '%s'", name, first_words);
}

/* The offset is that of the day of the clip, however its time is known. */
static void test_a_zone_by_its_name(void **state)
{
    (void)state;
    static const char zone[] = "Europe/Berlin";
    zone_of("20241129_092345", zone, NULL, "", "09:23:45 +01:00");
    zone_of("20240701_092345", zone, NULL, "", "09:23:45 +02:00");
    zone_of("20241129T072345Z", zone, NULL, "", "08:23:45 +01:00");
    zone_of("a", zone, "2024-07-01 09:23:45", "", "09:23:45 +02:00");
    zone_of("b", zone, "2024-07-01T07:23:45Z", "", "09:23:45 +02:00");
    zone_of("c", "+05:30", "2024-07-01 09:23:45", "", "09:23:45 +05:30");
    zone_of("20241027_023000", zone, NULL,
            "this time of day came twice, +02:00 is taken; give --tz +01:00", "02:30:00 +02:00");
    zone_of("20240331_023000", zone, NULL, "there was no such time of day", "02:30:00 +01:00");
    zone_of("d", zone, "2024-10-27 02:30:00", "came twice, +02:00 is taken", "02:30:00 +02:00");
    zone_of("e", zone, "2024-10-27T02:30:00+01:00", "", "02:30:00 +01:00");
    expect_err(CONVERT(in_dir("a.h265"), "--tz", zone, "--time", "2024-03-31 02:30:00"), 2,
               "no such time of day in this zone");
}

static void test_a_folder_with_a_slash_behind(void **state)
{
    (void)state;
    char out[700], says[700];
    snprintf(out, sizeof out, "%s//", in_dir("mp4"));
    snprintf(says, sizeof says, "  still    %s/photo-720p.still-DERIVED.jpg", in_dir("mp4"));
    expect_out(CONVERT(PHOTO, "-o", out), 0, says);
}

static void write_settings(const char *text)
{
    struct err err;
    assert_ok(fsx_mkdirs(in_dir("settings"), &err));
    support_write(in_dir("settings/50-test.conf"), text, strlen(text));
}

#define CONVERT_WITH_SETTINGS(...) \
    PROC_RUN(DASHSPOOL_BINARY, "--config", in_dir("settings"), "convert", __VA_ARGS__)

/* Files side by side give the copies that files one by one give; one named twice is one. */
static void test_the_same_bytes_whatever_the_jobs(void **state)
{
    (void)state;
    static const char *const names[] = {"a.working.mp4", "a.viewing-DERIVED.mp4",
                                        "b.still-DERIVED.jpg", "c.working.mp4",
                                        "c.viewing-DERIVED.mp4"};
    struct err err;
    write_settings("[convert]\npreset = ultrafast\n");
    assert_ok(fsx_mkdirs(in_dir("in"), &err));
    copy_to(REAR, "in/a.h265", 0);
    copy_to(PHOTO, "in/b.jpg", 0);
    copy_to(REAR, "in/c.h265", 300000);
    for (int i = 0; i < 2; i++) {
        struct proc_result r =
            CONVERT_WITH_SETTINGS(in_dir("in"), "-o", in_dir(i ? "three" : "one"), "--jobs",
                                  i ? "3" : "1", in_dir("in/a.h265"));
        if (r.status != 0 ||
            lines_with(proc_err(&r), "3 files: 3 converted, 0 skipped, 0 failed") != 1)
            fail_msg("%d: %s", r.status, proc_err(&r));
        proc_clear(&r);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint8_t one[HASH_BYTES], three[HASH_BYTES];
        char path[700];
        snprintf(path, sizeof path, "%s/one/%s", dir, names[i]);
        assert_ok(hash_file(path, one, &err));
        snprintf(path, sizeof path, "%s/three/%s", dir, names[i]);
        assert_ok(hash_file(path, three, &err));
        assert_memory_equal(one, three, HASH_BYTES);
    }
    assert_int_equal(support_entries(in_dir("one")), support_entries(in_dir("three")));
}

static void test_a_conversion_that_takes_too_long_does_not_stop_the_next(void **state)
{
    (void)state;
    write_settings("[convert]\npreset = veryslow\ntimeout = 1 s\n");
    struct proc_result r = CONVERT_WITH_SETTINGS(REAR, PHOTO, "-o", in_dir("out"), "--jobs", "1");
    assert_int_equal(r.status, 1);
    assert_int_equal(lines_with(proc_err(&r), "timed out after 1 s"), 2);
    assert_int_equal(lines_with(proc_err(&r), "1 converted, 0 skipped, 1 failed"), 1);
    proc_clear(&r);
    assert_int_equal(support_entries(in_dir("out")), 1);
}

static void test_a_signal_in_mid_batch_leaves_nothing_hidden(void **state)
{
    (void)state;
    struct err err;
    write_settings("[convert]\npreset = veryslow\n");
    assert_ok(fsx_mkdirs(in_dir("out"), &err));
    char out[700], config[700];
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(config, sizeof config, "%s/settings", dir);
    copy_to(REAR, "second.h265", 0);
    const char *const argv[] = {
        DASHSPOOL_BINARY, "--config", config, "convert", REAR, in_dir("second.h265"), "-o", out,
        "--jobs",         "2",        NULL};
    struct proc p = proc_start(in_dir("log"), argv);
    support_wait(support_entries(out) >= 2); /* both have begun */
    assert_int_equal(proc_stop(&p, SIGTERM), 128 + SIGTERM);
    assert_int_equal(support_entries(out), 0);
}

/* What a parent that was killed could not remove goes with the next conversion; its child is dead.
 */
static void test_nobody_outlives_a_killed_parent(void **state)
{
    (void)state;
    struct err err;
    write_settings("[convert]\npreset = veryslow\n");
    assert_ok(fsx_mkdirs(in_dir("out"), &err));
    char out[700], config[700], stage[900] = "";
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(config, sizeof config, "%s/settings", dir);
    const char *const argv[] = {
        DASHSPOOL_BINARY, "--config", config, "convert", REAR, "-o", out, NULL};
    struct proc p = proc_start(in_dir("log"), argv);
    support_wait(support_entries(out) >= 1);
    assert_int_equal(proc_stop(&p, SIGKILL), 128 + SIGKILL);
    DIR *d = opendir(out);
    for (struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, ".dashspool-", 11) == 0)
            snprintf(stage, sizeof stage, "%s/%s", out, e->d_name);
    closedir(d);
    int fd = open(stage, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0); /* returns when the child is dead; else a time-out */
    close(fd);
}

static void test_the_childs_command_is_not_for_people(void **state)
{
    (void)state;
    struct proc_result r = PROC_RUN(DASHSPOOL_BINARY, "convert-child");
    assert_int_equal(r.status, 2);
    assert_int_equal(lines_with(proc_err(&r), "for dashspool's own use"), 1);
    proc_clear(&r);
    r = PROC_RUN(DASHSPOOL_BINARY, "--help");
    assert_null(strstr(proc_out(&r), "convert-child"));
    proc_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        E2E(test_a_folder_with_good_and_bad_files),
        E2E(test_files_of_one_name_have_copies_of_their_own),
        E2E(test_sidecars_with_a_track),
        E2E(test_a_bad_track_stops_no_conversion),
        E2E(test_a_truncated_clip_keeps_what_decodes_and_says_so),
        E2E(test_a_name_tells_the_time_and_a_dispute_is_told),
        E2E(test_each_recording_of_a_file_gets_copies_of_its_own),
        E2E(test_the_same_bytes_in_every_language),
        E2E(test_a_stream_without_parameter_sets_is_one_clear_line),
        E2E(test_facts_from_options_and_from_a_metadata_file),
        E2E(test_metadata_that_cannot_be_read_are_told),
        E2E(test_a_zone_by_its_name),
        E2E(test_a_folder_with_a_slash_behind),
        E2E(test_options_that_make_no_sense_are_usage_errors),
        E2E(test_the_same_bytes_whatever_the_jobs),
        E2E(test_a_conversion_that_takes_too_long_does_not_stop_the_next),
        E2E(test_a_signal_in_mid_batch_leaves_nothing_hidden),
        E2E(test_nobody_outlives_a_killed_parent),
        E2E(test_the_childs_command_is_not_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
