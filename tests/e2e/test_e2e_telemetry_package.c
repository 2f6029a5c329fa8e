/* The tracker's account in evidence packages: it is there, whole; what is altered in it is found;
 * nothing of it is where it must not be. */
#define _GNU_SOURCE /* memmem */
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/journey.h"
#include "dashspool/verify.h"
#include "support/tracker.h"
#include "support/world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIP    TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO   TEST_SAMPLES "/photo-720p.jpg"
#define IMEI    "352093081452251"      /* drives: a film and a photo */
#define QUIET   "352093081452252"      /* in private mode from the 4th second on */
#define SILENT  "352093081452253"      /* its tracker said nothing */
#define T0      INT64_C(1732865025000) /* 2024-11-29T07:23:45Z */
#define STAMP   "20241129T072345Z"
#define VIDEO   IMEI "-rear-video-" STAMP
#define STILL   IMEI "-front-photo-" STAMP
#define HIDDEN  QUIET "-front-photo-" STAMP
#define NONE    SILENT "-front-photo-" STAMP
#define AT      "2026-11-21T12:00:00Z"
#define RECORDS "data/telemetry/" VIDEO ".records.txt"
#define TABLE   "data/telemetry/" VIDEO ".telemetry.json"
#define TRACK   "data/telemetry/" VIDEO ".track.csv"
#define OF(id)  "data/telemetry/" id

enum { CRASH = 3, AROUND_S = 70 };

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static const char *in_dir(const char *name)
{
    return support_path(w.dir, name);
}

/* ---- the store ---- */

/* Where it was `s` seconds after T0; from the 4th second on in private mode, it was elsewhere. No
 * time of day is spelled like these degrees. */
static struct tracker_says at(int s, bool is_private)
{
    struct tracker_says says = tracker_says(T0 + 1000 * s);
    says.latitude_e7 = (is_private ? 678000000 : 647000000) + 1000 * s;
    says.longitude_e7 = (is_private ? 1263000000 : 1252000000) + 1000 * s;
    says.speed_kmh = (uint16_t)(60 + s % 10);
    says.private_mode = is_private;
    says.odometer = (uint64_t)(7000000 + s);
    return says;
}

/* A second apart, but for those of the second half of the film, which come a day later. */
static void drive(const char *imei, bool quiet, bool later)
{
    struct records *r = NULL;
    struct err err;
    assert_ok(records_open(&r, w.root, RECORDS_WRITE, &err));
    for (int s = -AROUND_S; s <= 6 + AROUND_S; s++) {
        struct tracker_says says = at(s, quiet && s >= 4);
        if (!quiet && s == 3) {
            says.event_id = AVL_ID_CAMERA_TRIGGER;
            says.trigger = CRASH;
            says.time_ms += 237; /* no picture was taken then */
        }
        if (quiet || (s > 8) == later)
            tracker_put(r, imei, &says, 1000 * T0 + (later ? INT64_C(86400000000) : 0) + s / 10);
    }
    records_close(&r);
}

/* As the stage that holds the trackers' connections does. */
static void join(const char *id)
{
    struct catalogue *c = NULL;
    struct records *r = NULL;
    struct catalogue_transfer t;
    struct journey_joined joined;
    struct err err;
    assert_ok(catalogue_open(&c, w.root, true, &err));
    assert_ok(records_open(&r, w.root, RECORDS_READ, &err));
    assert_ok(catalogue_transfer_get(c, id, &t, &err));
    assert_ok(journey_join(c, r, &t, 3000000, "a test", &joined, &err));
    records_close(&r);
    catalogue_close(&c);
}

static int make_store(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "[convert]\ncopies = viewing,poster,gpx,srt\n");
    world_start(&w);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", CLIP,
               "--photo-front", PHOTO, "--trigger", "crash", "--meta-version", "4",
               "--trigger-after", "3", "--time", "2024-11-29T07:23:45Z"),
           0, "files uploaded: 2,");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", QUIET, "--photo-front", PHOTO,
               "--time", "2024-11-29T07:23:45Z"),
           0, "files uploaded: 1,");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", SILENT, "--photo-front", PHOTO,
               "--time", "2024-11-29T07:23:45Z"),
           0, "files uploaded: 1,");
    world_wait_jobs(&w);
    world_stop(&w);
    drive(IMEI, false, false);
    drive(QUIET, true, false);
    expect(RUN("work", "--once"), 0, "4 jobs done");
    drive(IMEI, false, true); /* after the copies */
    join(VIDEO);
    join(STILL);
    expect(RUN("export", VIDEO, STILL, HIDDEN, NONE, "-o", in_dir("full"), "--at", AT, "--as-is"),
           0, "the tracker's records: of 3 transfers; those in private mode are withheld");
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* ---- what is in a folder ---- */

static char *text_of(const char *package, const char *name)
{
    char path[800];
    struct err err;
    snprintf(path, sizeof path, "%s/%s", package, name);
    struct buf b = support_read(path);
    assert_ok(buf_append(&b, "", 1, &err));
    char *text = strdup((const char *)buf_data(&b));
    buf_clear(&b);
    assert_non_null(text);
    return text;
}

static void has(const char *package, const char *name, const char *words)
{
    char *text = text_of(package, name);
    assert_has(text, words);
    free(text);
}

static bool is_there(const char *package, const char *name)
{
    char path[800];
    snprintf(path, sizeof path, "%s/%s", package, name);
    return support_exists(path);
}

/* In any of its files, or their names. */
static bool anywhere(const char *package, const void *bytes, size_t n)
{
    struct proc_result r = PROC_RUN("find", package, "-type", "f", "-print");
    char *rest = NULL, *names = strdup(proc_out(&r));
    bool found = memmem(proc_out(&r), r.out.used, bytes, n) != NULL;
    proc_clear(&r);
    assert_non_null(names);
    for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        struct buf b = support_read(name);
        found = found || memmem(buf_data(&b), b.used, bytes, n) != NULL;
        buf_clear(&b);
    }
    free(names);
    return found;
}

/* How the position of a record of the drive may be spelled, and its bytes in both ways. */
static bool tells_of(const char *package, int s, bool is_private)
{
    struct tracker_says says = at(s, is_private);
    char words[3][600];
    size_t n;
    bool found = false;
    uint8_t *raw = tracker_record(&says, &n);
    snprintf(words[0], sizeof words[0], "%.4f", says.latitude_e7 / 1e7);
    snprintf(words[1], sizeof words[1], "%.4f", says.longitude_e7 / 1e7);
    /* longitude and latitude, as they lie in the record */
    hash_hex_bytes(raw + 9, 8, words[2], sizeof words[2]);
    for (int i = 0; i < 3; i++)
        found = found || anywhere(package, words[i], strlen(words[i]));
    found = found || anywhere(package, raw + 9, 8);
    free(raw);
    return found;
}

/* Manifests for what is in a folder, as anybody can make them. */
static void make_manifests(const char *package)
{
    expect(PROC_RUN("env", "-C", package, "sh", "-c",
                    "find data -type f | LC_ALL=C sort | xargs sha256sum >m && "
                    "mv m manifest-sha256.txt && "
                    "n=$(find data -type f | wc -l) && "
                    "b=$(find data -type f -printf '%s\\n' | awk '{n += $1} END {print n}') && "
                    "sed -i \"s/^Payload-Oxum:.*/Payload-Oxum: $b.$n/\" bag-info.txt && "
                    "cut -c67- tagmanifest-sha256.txt | xargs sha256sum >t && "
                    "mv t tagmanifest-sha256.txt && "
                    "openssl ts -query -data tagmanifest-sha256.txt -sha256 -cert -no_nonce "
                    "-out signature/request.tsq 2>/dev/null"),
           0, "");
}

/* Another package like `of`, altered by a script that runs in it. */
static const char *altered(const char *of, const char *script)
{
    struct err err;
    const char *package = in_dir("altered");
    assert_ok(fsx_remove_tree(package, &err));
    expect(PROC_RUN("cp", "-a", of, package), 0, "");
    expect(PROC_RUN("env", "-C", package, "sh", "-ec", script), 0, "");
    make_manifests(package);
    return package;
}

/* ---- the tests ---- */

static void test_a_package_has_what_the_tracker_said(void **state)
{
    (void)state;
    const char *full = in_dir("full");
    has(full, "bag-info.txt", "\nTelemetry: 3 recordings, 15 s before and after\n");
    has(full, "README.txt", "data/telemetry/ ");
    has(full, RECORDS, "dashspool records 1\n2024-11-29T07:23:30.000Z arrived ");
    char *records = text_of(full, RECORDS);
    assert_null(strstr(records, "2024-11-29T07:23:29"));
    assert_non_null(strstr(records, "2024-11-29T07:24:10.000Z"));
    assert_null(strstr(records, "2024-11-29T07:24:11"));
    free(records);
    has(full, TABLE,
        "\"family\":\"fmb\",\"clip\":{\"from\":\"2024-11-29T07:23:45.000Z\",\"until\":"
        "\"2024-11-29T07:23:55.000Z\"},\"event\":{\"time\":\"2024-11-29T07:23:48.237Z"
        "\",\"difference_ms\":237,\"record\":18},\"records\":41,\"withheld\":0,");
    has(full, TABLE, "\"lat\":64.7003000,\"lon\":125.2003000,\"altitude_m\":105,\"valid\":true}");
    has(full, TABLE, "\"name\":\"external voltage\",\"value\":12.52,\"unit\":\"V\"");
    assert_false(is_there(full, OF(NONE) ".records.txt"));
    expect(RUN("verify", full), 0,
           "telemetry        ok           103 records of 3 recordings, decoded again: the same "
           "tables and tracks; 12 withheld (private mode)");
    has(full, "verify.html", "data\\/telemetry\\/");
}

/* The copies were made before all of it had come. */
static void test_the_track_is_that_of_the_copies(void **state)
{
    (void)state;
    struct err err;
    char hex[HASH_HEX_ROOM];
    char *track = text_of(in_dir("full"), TRACK);
    assert_has(track, "# dashspool tracker track 1\n");
    assert_has(track, "\n2024-11-29T07:23:53.000Z,64.7008000,");
    assert_null(strstr(track, "07:23:54"));
    assert_ok(hash_text(track, strlen(track), hex, &err));
    has(in_dir("full"), "data/master/" VIDEO ".json", hex);
    has(in_dir("full"), TABLE, hex);
    free(track);
    expect(RUN("verify", "--reproduce", in_dir("full")), 0, VIDEO ": ok, the same");
}

static void test_more_around_a_clip_can_be_asked_for(void **state)
{
    (void)state;
    expect(RUN("export", VIDEO, "-o", in_dir("more"), "--at", AT, "--as-is", "--telemetry-window",
               "60s"),
           0, "1 transfer");
    has(in_dir("more"), "bag-info.txt", "\nTelemetry: 1 recording, 60 s before and after\n");
    has(in_dir("more"), RECORDS, "\n2024-11-29T07:22:45.000Z arrived ");
    has(in_dir("more"), RECORDS, "\n2024-11-29T07:24:55.000Z arrived ");
    expect(RUN("verify", in_dir("more")), 0, "131 records of 1 recording");
    /* all that the custody knows: their hash is there */
    expect(RUN("verify", altered(in_dir("more"), "sed -i 's/07:24:55.000Z arrived 2024-11-30/"
                                                 "07:24:55.000Z arrived 2024-11-29/' " RECORDS)),
           3, "all records are there, and their SHA-256 is");
    /* the tracks are the same, whatever is around them */
    char *here = text_of(in_dir("full"), TRACK), *there = text_of(in_dir("more"), TRACK);
    assert_string_equal(here, there);
    free(here);
    free(there);
    static const char *const wrong[] = {"14s", "61s", "0", "-20s", "20m", "x", "15 s x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect(RUN("export", VIDEO, "-o", in_dir("x"), "--telemetry-window", wrong[i]), 2,
               "expected 15 to 60 s");
}

static void test_private_mode_hides_it_in_every_file(void **state)
{
    (void)state;
    const char *full = in_dir("full");
    has(full, OF(HIDDEN) ".records.txt",
        "Z codec 8e withheld: private mode, priority 0, event 0, "
        "ids 239 391 ");
    has(full, OF(HIDDEN) ".telemetry.json", "\"withheld\":\"private mode\",\"priority\":0,");
    has(full, OF(HIDDEN) ".telemetry.json", "\"position\":null,\"speed_kmh\":null,");
    has(full, OF(HIDDEN) ".track.csv", "\n2024-11-29T07:23:50.000Z,,,,,,,0\n");
    assert_true(tells_of(full, 3, false)); /* so are those that are told */
    for (int s = 4; s <= 21; s++)
        assert_false(tells_of(full, s, true));
}

/* Its copies show where it was meanwhile, as those of the full one do, unless that is hidden; but
 * neither what was before and after, nor the records. */
static void test_nothing_of_it_is_in_a_redacted_package(void **state)
{
    (void)state;
    const char *redacted = in_dir("redacted"), *hidden = in_dir("hidden");
    expect(RUN("export", VIDEO, STILL, HIDDEN, NONE, "-o", redacted, "--at", AT, "--redact-sound"),
           0, "redacted");
    expect(
        RUN("export", VIDEO, STILL, HIDDEN, NONE, "-o", hidden, "--at", AT, "--hide", "position"),
        0, "redacted");
    assert_false(is_there(redacted, "data/telemetry"));
    assert_false(is_there(hidden, "data/telemetry"));
    has(redacted, "bag-info.txt", "\nTelemetry: none\n");
    for (int s = -15; s <= 21; s++) {
        if (s < -1 || s > 7)
            assert_false(tells_of(redacted, s, false));
        assert_false(tells_of(redacted, s, true));
        assert_false(tells_of(hidden, s, false) || tells_of(hidden, s, true));
    }
    /* nor what could confirm a guess, or when its event was */
    static const char *const files[] = {RECORDS, TABLE, TRACK};
    for (int i = 0; i < 3; i++) {
        char hex[HASH_HEX_ROOM];
        struct err err;
        char *text = text_of(in_dir("full"), files[i]);
        assert_ok(hash_text(text, strlen(text), hex, &err));
        assert_false(anywhere(redacted, hex, strlen(hex)));
        free(text);
    }
    char *custody = text_of(in_dir("full"), "data/custody.jsonl");
    const char *hash = strstr(custody, "\"records_sha256\":\"");
    assert_non_null(hash);
    assert_false(anywhere(redacted, hash + strlen("\"records_sha256\":\""), 64));
    assert_false(anywhere(hidden, "07:23:48.237", 12));
    free(custody);
    expect(RUN("verify", redacted), 0, "the package has no records of a tracker");
}

static void test_a_redacted_package_has_it_where_that_is_asked_for(void **state)
{
    (void)state;
    const char *shown = in_dir("shown");
    expect(
        RUN("export", VIDEO, HIDDEN, "-o", shown, "--at", AT, "--redact-sound", "--with-position"),
        0, "the tracker's records: of 2 transfers");
    has(shown, "bag-info.txt", "\nTelemetry: 2 recordings, 15 s before and after\n");
    assert_true(tells_of(shown, 3, false));
    assert_false(tells_of(shown, 5, true));
    expect(RUN("verify", shown), 0, "72 records of 2 recordings, decoded again");
    static const char *const hides[] = {"position", "imei", "driver", "source,position"};
    for (int i = 0; i < 4; i++)
        expect(RUN("export", VIDEO, "-o", in_dir("x"), "--hide", hides[i], "--with-position"), 2,
               "give one of both");
    expect(RUN("export", VIDEO, "-o", in_dir("x"), "--with-position"), 2,
           "--with-position requires --mask");
    expect(RUN("export", VIDEO, "-o", in_dir("unsourced"), "--hide", "source", "--with-position"),
           0, "redacted");
    assert_false(is_there(w.dir, "x"));
}

static void test_what_is_altered_is_said_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *script, *says;
    } cases[] = {
        {"sed -i 's/\"speed_kmh\":63,/\"speed_kmh\":36,/' " TABLE,
         TABLE ": line 20 is not what the records say: there is '"},
        {"sed -i 's/^\\(2024-11-29T07:23:46.000Z.*\\)00$/\\101/' " RECORDS,
         RECORDS ": line 18: expected a record of that codec"},
        {"sed -i '/^2024-11-29T07:23:46/d' " RECORDS, TABLE ": line 1 is not what"},
        {"sed -i 's/,64.7001000,/,64.7011000,/' " TRACK,
         TRACK ": it is not the track that the records give"},
        {"rm " TRACK, "tracks: it names 1, there are 0"},
        {"rm " RECORDS, "missing: " RECORDS},
        {"rm " TABLE, "missing: " TABLE},
        {"rm -r data/telemetry", "bag-info.txt says 'Telemetry: 3 recordings, 15 s before and "
                                 "after', and data/telemetry/ is of 0"},
        {"rm -r data/telemetry; sed -i '/^Telemetry: /d' bag-info.txt",
         "bag-info.txt does not say whether the tracker's records are there (Telemetry)"},
        {"sed -i 's/^Telemetry: 3 recordings, 15 s/Telemetry: 3 recordings, 14 s/' bag-info.txt",
         "bag-info.txt says 14 s before and after; there are records of 15 s"},
        {"echo 'Telemetry: none' >>bag-info.txt", "bag-info.txt has Telemetry twice"},
        {"sed -i 's/\"difference_ms\":237/\"difference_ms\":0/' " TABLE,
         "the record of the event is that of 2024-11-29T07:23:48.237Z, 0 ms apart; the custody "
         "record says 2024-11-29T07:23:48.237Z, 237 ms"},
        {"sed -i 's/\"until\":\"2024-11-29T07:23:55/\"until\":\"2024-11-29T07:23:59/' " TABLE,
         TABLE ": its clip is from 2024-11-29T07:23:45.000Z to 2024-11-29T07:23:59.000Z there, by "
               "its facts from 2024-11-29T07:23:45.000Z to 2024-11-29T07:23:55.000Z"},
        {"sed -i 's/\"decoder\":1/\"decoder\":2/' " TABLE,
         "of format 1, decoder 2; the version that made the package has 1, 1"},
        {"cp " TRACK " data/telemetry/other.csv", "no package has such a file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(RUN("verify", altered(in_dir("full"), cases[i].script)), 3, cases[i].says);
    expect(RUN("verify", altered(in_dir("full"), ":")), 0, "no problems found");
}

static void test_another_version_is_told_and_an_older_package_is_fine(void **state)
{
    (void)state;
    expect(RUN("verify", altered(in_dir("full"),
                                 "sed -i 's/\"decoder\":1/\"decoder\":2/' " TABLE "\n"
                                 "sed -i 's/dashspool [0-9.]*$/dashspool 99.0/' bag-info.txt")),
           0, "decoder 2, this version has 1, 1: its values are not compared");
    expect(RUN("export", NONE, "-o", in_dir("none"), "--at", AT, "--as-is"), 0, "1 transfer");
    has(in_dir("none"), "bag-info.txt", "\nTelemetry: none\n");
    expect(RUN("verify",
               altered(in_dir("none"), "sed -i '/^Telemetry: /d' bag-info.txt\n"
                                       "sed -i 's/\"package\": 3/\"package\": 2/' data/tool.json")),
           0, "the package has no records of a tracker");
    expect(RUN("verify", altered(in_dir("none"), "sed -i '/^Telemetry: /d' bag-info.txt")), 3,
           "that was removed");
}

/* ---- every byte ---- */

static void count_faults(void *arg, enum verify_check check, const char *text)
{
    (void)text;
    *(int *)arg += check == VERIFY_TELEMETRY;
}

static int faults_in(const char *package)
{
    int faults = 0;
    bool good = false;
    struct err err;
    const struct verify_listener listener = {.problem = count_faults, .arg = &faults};
    assert_ok(verify_package(&(struct verify_request){.path = package}, &listener, &good, &err));
    return faults;
}

/* Somebody who alters one byte, and makes the manifest anew for it. */
static void flip(const char *package, const char *name, struct buf *file, size_t at, struct buf *m)
{
    struct err err;
    char hex[HASH_HEX_ROOM], path[800];
    file->mem[file->start + at] ^= 1;
    snprintf(path, sizeof path, "%s/%s", package, name);
    support_write(path, buf_data(file), file->used);
    assert_ok(hash_text(buf_data(file), file->used, hex, &err));
    file->mem[file->start + at] ^= 1;
    char *line = memmem(m->mem + m->start, m->used, name, strlen(name));
    assert_non_null(line);
    memcpy(line - 66, hex, 64);
    snprintf(path, sizeof path, "%s/manifest-sha256.txt", package);
    support_write(path, buf_data(m), m->used);
}

/* Of a photo, as its package is small. What every byte of the table is worth by itself, the tests
 * of account.h show for all of them. */
static void test_every_byte_that_is_altered_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t step;
    } files[] = {{OF(STILL) ".records.txt", 7},
                 {OF(STILL) ".track.csv", 1},
                 {OF(STILL) ".telemetry.json", 31}};
    const char *package = in_dir("flipped");
    char path[800];
    expect(RUN("export", STILL, "-o", package, "--at", AT, "--as-is"), 0, "1 transfer");
    assert_int_equal(faults_in(package), 0);
    snprintf(path, sizeof path, "%s/manifest-sha256.txt", package);
    struct buf manifest = support_read(path);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", package, files[i].name);
        struct buf file = support_read(path);
        size_t head = i == 2 ? (size_t)((const uint8_t *)memchr(buf_data(&file), '\n', file.used) -
                                        buf_data(&file))
                             : 0;
        for (size_t k = 0; k < file.used; k += k < head ? 1 : files[i].step) {
            flip(package, files[i].name, &file, k, &manifest);
            if (faults_in(package) == 0)
                fail_msg("%s, byte %zu", files[i].name, k);
        }
        support_write(path, buf_data(&file), file.used);
        char hex[HASH_HEX_ROOM];
        struct err err;
        assert_ok(hash_text(buf_data(&file), file.used, hex, &err));
        char *line = memmem(manifest.mem + manifest.start, manifest.used, files[i].name,
                            strlen(files[i].name));
        memcpy(line - 66, hex, 64);
        buf_clear(&file);
    }
    buf_clear(&manifest);
}

/* ---- the store ---- */

/* The records of a transfer are in the catalogue alone. */
static void test_backup_and_reindex_keep_it(void **state)
{
    (void)state;
    const char *backup = in_dir("backup"), *again = in_dir("again");
    expect(RUN("backup", backup), 0, "");
    expect(DASHSPOOL(backup, "reindex"), 0, "with facts from the old catalogue");
    expect(DASHSPOOL(backup, "fsck"), 0, "no problems");
    expect(DASHSPOOL(backup, "export", VIDEO, "-o", again, "--at", AT, "--as-is"), 0,
           "the tracker's records: of 1 transfer");
    expect(RUN("verify", again), 0, "41 records of 1 recording");
    static const char *const files[] = {RECORDS, TRACK};
    for (int i = 0; i < 2; i++) {
        char *was = text_of(in_dir("full"), files[i]), *is = text_of(again, files[i]);
        assert_string_equal(is, was);
        free(was);
        free(is);
    }
}

/* The last one: nothing of it is in any file of ROOT then. */
static void test_what_is_erased_leaves_nothing_of_it(void **state)
{
    (void)state;
    static const int seconds[] = {-60, -15, 0, 3, 8, 20, 66};
    assert_true(tells_of(w.root, 3, false) && tells_of(w.root, 20, true));
    expect(RUN("erase", "--imei", IMEI, "--reason", "asked for", "--protected"), 0, "");
    expect(RUN("erase", "--imei", QUIET, "--reason", "asked for", "--protected"), 0, "");
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        assert_false(tells_of(w.root, seconds[i], false) || tells_of(w.root, seconds[i], true));
    expect(RUN("fsck"), 0, "no problems");
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_package_has_what_the_tracker_said),
        T(test_the_track_is_that_of_the_copies),
        T(test_more_around_a_clip_can_be_asked_for),
        T(test_private_mode_hides_it_in_every_file),
        T(test_nothing_of_it_is_in_a_redacted_package),
        T(test_a_redacted_package_has_it_where_that_is_asked_for),
        T(test_what_is_altered_is_said_in_words),
        T(test_another_version_is_told_and_an_older_package_is_fine),
        T(test_every_byte_that_is_altered_is_found),
        T(test_backup_and_reindex_keep_it),
        T(test_what_is_erased_leaves_nothing_of_it),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
