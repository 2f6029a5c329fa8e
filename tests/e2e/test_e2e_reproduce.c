/* What verify finds by looking into the footage of a package, and by making the copies again. */
#include "dashspool/bag.h"
#include "dashspool/fsx.h"
#include "dashspool/recipe.h"
#include "support/world.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FRONT   TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define REAR    TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO   TEST_SAMPLES "/photo-720p.jpg"
#define IMEI    "352093081452251"
#define STAMP   "20241129T072345Z"
#define VIDEO   IMEI "-rear-video-" STAMP
#define MASTER  "data/master/" VIDEO ".h265"
#define WORKING "data/working/" VIDEO ".working.mp4"
#define FACTS   "data/master/" VIDEO ".json"
#define VIEWING "data/viewing/" VIDEO ".viewing-DERIVED.mp4"

static struct world w;
static char tmp[600], package[600];

static const char *in_dir(const char *name)
{
    return support_path(w.dir, name);
}

static const char *in_package(const char *name)
{
    return support_path(package, name);
}

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

/* All of the words are said; none of those that begin with '!'. Nothing may be left where footage
 * is looked into. */
static void check(struct proc_result r, int status, const char *const words[])
{
    const char *out = proc_out(&r);
    for (; *words; words++) {
        bool not = (*words)[0] == '!';
        if (!strstr(out, *words + not ) != not )
            fail_msg("%s; stdout: %s; stderr: %s", *words, out, proc_err(&r));
    }
    expect(r, status, "");
    assert_int_equal(support_entries(tmp), 0);
}

#define VERIFY(status, ...)                                                     \
    check(PROC_RUN(DASHSPOOL_BINARY, "verify", "--reproduce", package), status, \
          (const char *const[]){__VA_ARGS__, NULL})

/* The same without making copies. */
#define LOOK(status, ...)                                        \
    check(PROC_RUN(DASHSPOOL_BINARY, "verify", package), status, \
          (const char *const[]){__VA_ARGS__, NULL})

static const char settings[] =
    "[convert]\ncopies = working,viewing,timing,csv,poster,sheet,gpx,kml,geojson,srt,vtt\n"
    "crf = 23.7\nnote = Žalgirio g. 12\nosd_size = 1.1\n";

/* The rear clip is cut in the middle of a picture: damage must come out the same, too. */
static void cut_rear(void)
{
    struct buf b = support_read(REAR);
    support_write(in_dir("rear.h265"), buf_data(&b), 180000);
    buf_clear(&b);
}

/* Two clips, a photo and a clip that broke off, with all kinds of copies, and with words and
 * numbers of a person's own. */
static int make_store(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    char conf[700];
    snprintf(conf, sizeof conf, "%s/pipeline.d/60-copies.conf", w.root);
    support_write(conf, settings, sizeof settings - 1);
    snprintf(tmp, sizeof tmp, "%s", in_dir("tmp"));
    assert_int_equal(mkdir(tmp, 0700), 0);
    setenv("TMPDIR", tmp, 1);
    cut_rear();
    world_start(&w);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear",
               in_dir("rear.h265"), "--front", FRONT, "--photo-front", PHOTO, "--time",
               "2024-11-29T07:23:45Z", "--lat", "54.687157", "--lon", "-25.279652"),
           0, "files uploaded: 3,");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", REAR, "--time",
               "2024-11-29T08:00:00Z", "--fault", "disconnect=150"),
           0, "files uploaded: 0,");
    world_stop(&w);
    expect(RUN("work", "--once"), 0, "3 jobs done");
    expect(RUN("export", "--imei", IMEI, "-o", in_dir("whole")), 0, "4 transfers");
    expect(RUN("export", VIDEO, "-o", in_dir("one")), 0, "1 transfer,");
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    unsetenv("TMPDIR");
    world_close(&w);
    return 0;
}

/* The package of the rear clip, to be changed. */
static void take_copy(void)
{
    struct err err;
    snprintf(package, sizeof package, "%s", in_dir("changed"));
    assert_ok(fsx_remove_tree(package, &err));
    expect(PROC_RUN("cp", "-a", in_dir("one"), package), 0, "");
}

/* What somebody does who changes a package and knows what it is. */
static void remake_manifests(void)
{
    static const char script[] =
        "cd \"$1\" && find data -type f | LC_ALL=C sort | xargs sha256sum >m && "
        "mv m manifest-sha256.txt && "
        "sed -i \"s/^Payload-Oxum: .*/Payload-Oxum: $(find data -type f -printf '%s\\n' | "
        "awk '{ n += $1 } END { print n }').$(find data -type f | wc -l)/\" bag-info.txt && "
        "cut -c67- tagmanifest-sha256.txt | xargs sha256sum >t && mv t tagmanifest-sha256.txt && "
        "openssl ts -query -data tagmanifest-sha256.txt -sha256 -cert -no_nonce "
        "-out signature/request.tsq";
    expect(PROC_RUN("sh", "-c", script, "sh", package), 0, "");
}

static void put_file(const char *name, const char *from)
{
    expect(PROC_RUN("cp", from, in_package(name)), 0, "");
}

static void flip(const char *name, size_t at_percent)
{
    struct buf b = support_read(in_package(name));
    b.mem[b.start + b.used * at_percent / 100] ^= 1;
    support_write(in_package(name), buf_data(&b), b.used);
    buf_clear(&b);
}

static void replace_text(const char *name, const char *from, const char *to)
{
    char expression[300];
    snprintf(expression, sizeof expression, "s|%s|%s|", from, to);
    expect(PROC_RUN("grep", "-q", from, in_package(name)), 0, "");
    expect(PROC_RUN("sed", "-i", expression, in_package(name)), 0, "");
}

/* ---- nothing was changed ---- */

static void test_the_same_bytes_come_again_elsewhere(void **state)
{
    (void)state;
    const char *binary = in_dir("elsewhere/another name/dashspool");
    const char *other_tmp = in_dir("tmp of another name");
    char tmpdir[800];
    struct err err;
    assert_ok(fsx_mkdirs(in_dir("elsewhere/another name"), &err));
    assert_ok(fsx_mkdirs(other_tmp, &err));
    expect(PROC_RUN("cp", DASHSPOOL_BINARY, binary), 0, "");
    snprintf(tmpdir, sizeof tmpdir, "TMPDIR=%s", other_tmp);
    check(PROC_RUN("env", "-C", "/", "TZ=Asia/Kathmandu", "LC_ALL=de_DE.UTF-8", "LANG=tr_TR.UTF-8",
                   tmpdir, "taskset", "-c", "0", binary, "verify", "--reproduce", in_dir("whole")),
          0,
          (const char *const[]){"coded frames     ok           3 working copies, ",
                                "29 copies, made again from the originals: the same bytes",
                                VIDEO ": ok, the same 11 copies",
                                IMEI "-rear-video-20241129T080000Z: ok, the same ", "!FAILED",
                                "!not possible", NULL});
    assert_int_equal(support_entries(other_tmp), 0);
}

static void test_a_zip_is_looked_into_likewise(void **state)
{
    (void)state;
    if (!proc_have("zip")) {
        fprintf(stderr, "SKIPPED: zip is not there\n");
        return;
    }
    expect(PROC_RUN("env", "-C", w.dir, "zip", "-q", "-r", "-6", "one.zip", "one"), 0, "");
    snprintf(package, sizeof package, "%s", in_dir("one.zip"));
    VERIFY(0, "11 copies, made again from the originals: the same bytes", "!FAILED");
}

static void test_pictures_are_compared_without_being_asked(void **state)
{
    (void)state;
    check(PROC_RUN(DASHSPOOL_BINARY, "verify", in_dir("one")), 0,
          (const char *const[]){"coded frames     ok           1 working copy, ",
                                "reproduction     not checked  not requested", "!FAILED", NULL});
    expect(RUN("export", IMEI "-front-photo-" STAMP, "-o", in_dir("photo")), 0, "");
    snprintf(package, sizeof package, "%s", in_dir("photo"));
    VERIFY(0, "coded frames     not present  no working copies", "reproduction     ok");
}

/* ---- somebody changed it, and made the manifests anew ---- */

static void test_one_bit_of_a_coded_picture_is_found(void **state)
{
    (void)state;
    take_copy();
    flip(WORKING, 50);
    remake_manifests();
    VERIFY(3, "payload hashes   ok", "coded frames     FAILED", "reproduction     FAILED",
           WORKING ": coded frames differ from those of " MASTER,
           VIDEO ": reproduction differs: " WORKING "\n", WORKING ": changed since it was made");
}

static void test_another_viewing_copy_is_found(void **state)
{
    (void)state;
    struct err err;
    char conf[800];
    take_copy();
    assert_ok(fsx_mkdirs(in_dir("fast.d"), &err));
    snprintf(conf, sizeof conf, "%s/50.conf", in_dir("fast.d"));
    support_write(conf, "[convert]\npreset = ultrafast\n", 29);
    expect(PROC_RUN(DASHSPOOL_BINARY, "--config", in_dir("fast.d"), "convert", in_package(MASTER),
                    "-o", in_dir("fast")),
           0, "");
    put_file(VIEWING, in_dir("fast/" VIDEO ".viewing-DERIVED.mp4"));
    remake_manifests();
    VERIFY(3, "coded frames     ok", "reproduction     FAILED",
           VIDEO ": reproduction differs: " VIEWING "\n", VIEWING ": changed since it was made");
}

static void test_another_master_is_found(void **state)
{
    (void)state;
    take_copy();
    put_file(MASTER, REAR);
    remake_manifests();
    VERIFY(3, "coded frames     FAILED", "custody          FAILED",
           "reproduction differs: ", "is not in data/master/");
}

static void test_footage_that_is_none_is_named_with_its_reason(void **state)
{
    (void)state;
    static const char film[] = "\0\0\0\x18"
                               "ftypisom\0\0\x02\0isomiso2moov and so on";
    take_copy();
    support_write(in_package(WORKING), film, sizeof film);
    remake_manifests();
    LOOK(3, WORKING ": no MP4 that can be read", "!/dashspool-verify-");
    take_copy();
    support_write(in_package(MASTER), "no footage at all, and no film either", 37);
    remake_manifests();
    VERIFY(3, MASTER ": ", VIDEO ": cannot be reproduced: ", "!/dashspool-verify-");
    take_copy();
    put_file(WORKING, in_package(VIEWING));
    remake_manifests();
    LOOK(3, WORKING ": its pictures are h264, not hevc");
    take_copy();
    put_file(WORKING, in_package(MASTER));
    expect(PROC_RUN("mv", in_package(VIEWING), in_package("data/working/other.working.mp4")), 0,
           "");
    remake_manifests();
    LOOK(3, WORKING ": it is not a video",
         "data/working/other.working.mp4: its original is missing");
}

static void test_what_is_not_what_the_manifest_says_is_not_looked_into(void **state)
{
    (void)state;
    take_copy();
    flip(MASTER, 50);
    VERIFY(3, "changed: " MASTER, "coded frames     not checked",
           "not reproducible for 11 of 11: the original was changed");
}

/* ---- not possible ---- */

static void test_other_versions_are_told_as_the_likely_reason(void **state)
{
    (void)state;
    take_copy();
    replace_text(FACTS, "\"program\": \"dashspool " DASHSPOOL_VERSION "\"",
                 "\"program\": \"dashspool 0.0.9\"");
    remake_manifests();
    VERIFY(0, "11 copies, made again from the originals: the same bytes");
    flip(VIEWING, 50);
    remake_manifests();
    VERIFY(3, "custody          FAILED", "reproduction     not checked  10 of 11 copies",
           "most likely because they were made with dashspool 0.0.9, here dashspool ");
}

/* As a processor makes them that has other vectors than this one: the encoder's bytes may differ.
 */
static void test_another_processor_is_told_as_the_likely_reason(void **state)
{
    (void)state;
    char says[200];
    take_copy();
    replace_text(FACTS, "\"vectors\": \"[a-z0-9.]*\"", "\"vectors\": \"sse3\"");
    remake_manifests();
    VERIFY(0, "11 copies, made again from the originals: the same bytes");
    flip(VIEWING, 50);
    remake_manifests();
    snprintf(says, sizeof says, "most likely because they were made with vectors sse3, here %s",
             convert_vectors());
    VERIFY(3, "reproduction     not checked  10 of 11 copies", says);
}

/* Settings with something else in them, as a package would have them whose maker had them so. */
static void with_settings(const char *from, const char *to, int status, const char *says)
{
    take_copy();
    replace_text(FACTS, from, to);
    remake_manifests();
    VERIFY(status, says);
}

static void test_recipes_that_are_none_are_told(void **state)
{
    (void)state;
    with_settings("\"recipe\": {", "\"other\": {", 1,
                  "reproduction     not present  the copies have no recorded recipe");
    with_settings("\"recipe\": {",
                  "\"recipe\": \"it was made with another file, drive.gpx\", \"other\": {", 1,
                  "not reproducible for 11 of 11: it was made with another file, drive.gpx");
    with_settings("\"threads\": 0", "\"threads\": 1000", 3,
                  "cannot be reproduced: the recipe's threads is out of range");
    with_settings("\"threads\": 0", "\"mirror\": 1, \"threads\": 0", 1,
                  "the recipe has 'mirror', which this program does not know");
    with_settings("\"encoder\": \"libx264\"", "\"encoder\": \"nonsense\"", 3,
                  "cannot be reproduced: encoder 'nonsense' is not one");
    with_settings("\"lat_deg\": \"54.687157\"", "\"lat_deg\": \"54.787157\"", 3,
                  "reproduction differs: ");
}

/* ---- the tracker's track ---- */

#define TRACK "data/telemetry/" VIDEO ".track.csv"

static const char track[] = "# dashspool tracker track 1\n"
                            "time,lat,lon,altitude_m,speed_kmh,course_deg,satellites,valid\n"
                            "2024-11-29T07:23:44.000Z,54.6871570,25.2796520,112,60,350,9,1\n"
                            "2024-11-29T07:23:52.000Z,54.6971570,25.2896520,113,80,10,9,1\n";

/* The recipe of the package's copies. */
static void get_recipe(struct recipe *out)
{
    struct err err;
    struct buf b = support_read(in_package(FACTS));
    json_t *facts = json_loadb((const char *)buf_data(&b), b.used, 0, NULL);
    const json_t *copy = json_array_get(json_object_get(facts, "copies"), 0);
    char *text =
        json_dumps(json_object_get(json_object_get(copy, "settings"), "recipe"), JSON_COMPACT);
    assert_non_null(text);
    assert_ok(recipe_parse(out, text, strlen(text), &err));
    free(text);
    json_decref(facts);
    buf_clear(&b);
}

/* A package whose copies were made with the track, by the stage's own means. */
static void take_copy_with_track(void)
{
    static struct convert_result made;
    struct recipe r;
    struct err err;
    char name[BAG_NAME_ROOM], says[200];
    take_copy();
    assert_ok(fsx_mkdirs(in_package("data/telemetry"), &err));
    support_write(in_package(TRACK), track, sizeof track - 1);
    get_recipe(&r);
    snprintf(r.options.track_path, sizeof r.options.track_path, "%s", in_package(TRACK));
    assert_ok(hash_text(track, sizeof track - 1, r.options.track_sha256, &err));
    assert_ok(fsx_remove_tree(in_dir("tracked"), &err));
    assert_ok(fsx_mkdirs(in_dir("tracked"), &err));
    assert_ok(convert_file(in_package(MASTER), in_dir("tracked"), VIDEO, &r.facts, &r.options, NULL,
                           NULL, &made, &err));
    assert_int_equal(made.n_outputs, 11);
    for (int i = 0; i < made.n_outputs; i++) {
        const struct convert_output *o = &made.output[i];
        assert_true(bag_copy_name(name, copy_kind_name(o->kind), o->path));
        put_file(name, o->path);
    }
    snprintf(says, sizeof says,
             "\"track\": {\"source\": \"tracker\", \"sha256\": \"%s\"}, \"threads\": 0",
             r.options.track_sha256);
    replace_text(FACTS, "\"threads\": 0", says);
    remake_manifests();
}

static void test_the_trackers_track_is_taken_from_the_package(void **state)
{
    (void)state;
    take_copy_with_track(); /* nobody noted these copies in the custody */
    VERIFY(3, VIDEO ": ok, the same 11 copies", "reproduction     ok", "completeness     ok",
           VIEWING ": changed since it was made");
    /* by its hash, whatever its name is */
    expect(PROC_RUN("mv", in_package(TRACK), in_package("data/telemetry/older.track.csv")), 0, "");
    remake_manifests();
    VERIFY(3, VIDEO ": ok, the same 11 copies", "reproduction     ok");
    LOOK(3, "!older.track.csv");
    expect(PROC_RUN("rm", in_package("data/telemetry/older.track.csv")), 0, "");
    remake_manifests();
    VERIFY(3, "not reproducible for 11 of 11: they were made with the tracker's track, SHA-256 ",
           "which is not in the package", "reproduction     not checked");
}

static void test_another_track_is_told(void **state)
{
    (void)state;
    take_copy_with_track();
    replace_text(TRACK, "113,80,10", "113,50,10"); /* it went slower, of course */
    remake_manifests();
    VERIFY(3, "payload hashes   ok", "reproduction     FAILED",
           VIDEO ": cannot be reproduced: " TRACK " is not the track that they were made with");
    /* … and whoever thinks of the recipe as well has other pictures */
    char expression[200], sha256[HASH_HEX_ROOM];
    struct err err;
    struct buf b = support_read(in_package(TRACK));
    assert_ok(hash_text((const char *)buf_data(&b), b.used, sha256, &err));
    buf_clear(&b);
    snprintf(expression, sizeof expression, "\"sha256\": \"%s\"}, \"threads", sha256);
    replace_text(FACTS, "\"sha256\": \"[0-9a-f]*\"}, \"threads", expression);
    remake_manifests();
    VERIFY(3, "reproduction     FAILED", "reproduction differs: ", VIEWING);
}

static void test_a_signal_ends_it_and_leaves_nothing(void **state)
{
    (void)state;
    take_copy();
    replace_text(FACTS, "\"preset\": \"superfast\"", "\"preset\": \"veryslow\"");
    remake_manifests();
    struct proc p =
        proc_start(in_dir("verify.log"),
                   (const char *const[]){DASHSPOOL_BINARY, "verify", "--reproduce", package, NULL});
    support_wait(support_entries(tmp) > 0);
    assert_int_equal(support_entries(tmp), 1);
    assert_int_equal(proc_stop(&p, SIGTERM), 1);
    assert_int_equal(support_entries(tmp), 0);
    expect(PROC_RUN("cat", p.log), 0, "stopped by a signal; nothing is left behind");
}

/* An original must not stay in /tmp because somebody lost patience. */
static void test_what_a_killed_verify_left_the_next_removes(void **state)
{
    (void)state;
    take_copy();
    replace_text(FACTS, "\"preset\": \"superfast\"", "\"preset\": \"veryslow\"");
    remake_manifests();
    struct proc p =
        proc_start(in_dir("verify.log"),
                   (const char *const[]){DASHSPOOL_BINARY, "verify", "--reproduce", package, NULL});
    support_wait(support_entries(tmp) > 0);
    assert_int_equal(proc_stop(&p, SIGKILL), 128 + SIGKILL);
    assert_int_equal(support_entries(tmp), 1);
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", in_dir("one")), 0, "no problems found");
    assert_int_equal(support_entries(tmp), 0);
}

static void test_a_directory_that_cannot_be_had_is_said(void **state)
{
    (void)state;
    expect(PROC_RUN("env", "TMPDIR=/nonexistent", DASHSPOOL_BINARY, "verify", in_dir("one")), 1,
           "TMPDIR chooses where");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_bytes_come_again_elsewhere),
        cmocka_unit_test(test_a_zip_is_looked_into_likewise),
        cmocka_unit_test(test_pictures_are_compared_without_being_asked),
        cmocka_unit_test(test_one_bit_of_a_coded_picture_is_found),
        cmocka_unit_test(test_another_viewing_copy_is_found),
        cmocka_unit_test(test_another_master_is_found),
        cmocka_unit_test(test_footage_that_is_none_is_named_with_its_reason),
        cmocka_unit_test(test_what_is_not_what_the_manifest_says_is_not_looked_into),
        cmocka_unit_test(test_other_versions_are_told_as_the_likely_reason),
        cmocka_unit_test(test_another_processor_is_told_as_the_likely_reason),
        cmocka_unit_test(test_recipes_that_are_none_are_told),
        cmocka_unit_test(test_the_trackers_track_is_taken_from_the_package),
        cmocka_unit_test(test_another_track_is_told),
        cmocka_unit_test(test_a_signal_ends_it_and_leaves_nothing),
        cmocka_unit_test(test_what_a_killed_verify_left_the_next_removes),
        cmocka_unit_test(test_a_directory_that_cannot_be_had_is_said),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
