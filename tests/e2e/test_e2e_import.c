/* import: what is read from beside files and from their names; repeated, killed, hostile. */
#define _GNU_SOURCE
#include "dashspool/fsx.h"
#include "support/drop.h"
#include "support/proc.h"
#include "support/sql.h"
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 700, CLIP = 20000 };

struct fixture {
    char *dir;
    char root[300], in[300];
    struct proc_result last;
};

static int setup(void **state)
{
    struct err err;
    struct fixture *f = calloc(1, sizeof *f);
    f->dir = support_tmp_dir();
    snprintf(f->root, sizeof f->root, "%s/root", f->dir);
    snprintf(f->in, sizeof f->in, "%s/in", f->dir);
    assert_ok(fsx_mkdirs(f->in, &err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    proc_clear(&f->last);
    support_tmp_remove(&f->dir);
    free(f);
    return 0;
}

static const char *in(const struct fixture *f, const char *name)
{
    return support_path(f->in, name);
}

/* Its exit status; what it said is in f->last. */
static int import(struct fixture *f, const char *path, const char *option, const char *value)
{
    const char *const argv[] = {DASHSPOOL_BINARY, "--root", f->root, "import", path,
                                option,           value,    NULL};
    proc_clear(&f->last);
    f->last = proc_run(argv);
    return f->last.status;
}

static void check_said(struct fixture *f, const char *words)
{
    assert_has(proc_err(&f->last), words);
}

static void write_text(const char *path, const char *text)
{
    support_write(path, text, strlen(text));
}

static const char dualcam_text[] = "Cmd version: \t3\n"
                                   "File type: \tREAR VIDEO (32)\n"
                                   "Time (UTC+0): \t2024-11-29 07:23:45.000 (1732865025000)\n"
                                   "Trigger: \tCRASH (3)\n"
                                   "Length (s): \t10\n"
                                   "Framerate: \t20\n"
                                   "Timezone (m): \t120\n"
                                   "Latitude: \t54.6871234\n"
                                   "Longitude: \t25.2796514\n";

static void test_the_vendors_folder(void **state)
{
    struct fixture *f = *state;
    struct err err;
    assert_ok(fsx_mkdirs(in(f, "downloads/352093081452251"), &err));
    drop_clip(in(f, "downloads/352093081452251/2024-11-29072400.h265"), 1, CLIP);
    write_text(in(f, "downloads/352093081452251/2024-11-29072400.txt"), dualcam_text);
    assert_int_equal(import(f, f->in, NULL, NULL), 0);
    struct catalogue_transfer t = drop_row(f->root, "2024-11-29072400.h265");
    assert_string_equal(t.id, "352093081452251-rear-video-20241129T072345Z");
    assert_string_equal(t.trigger_name, "crash");
    assert_int_equal(t.tz_min, 120);
    assert_int_equal(t.fps, 20);
    unsigned all = CATALOGUE_HAS_META | CATALOGUE_TIME_OK | CATALOGUE_FPS_OK | CATALOGUE_ZONE_OK |
                   CATALOGUE_POSITION_OK;
    assert_int_equal(t.known, all);
    assert_int_equal(t.wire.meta_n, sizeof dualcam_text - 1);
    assert_memory_equal(t.wire.meta, dualcam_text, t.wire.meta_n);
    assert_string_equal(proc_out(&f->last) + strlen(t.id), strchr(proc_out(&f->last), ' '));
    assert_int_equal(drop_look(f->root).n, 1);
}

/* Version 3 of a DualCam: front video, 1732865025000, crash, 10 s, 20/s, +120, 54.5, 25.25. */
static const uint8_t response[32] = {3, 16, 0,    0,    0x01, 0x93, 0x76, 0xcd, 0xe3, 0xe8, 3,
                                     0, 10, 20,   0,    120,  0x40, 0x4b, 0x40, 0,    0,    0,
                                     0, 0,  0x40, 0x39, 0x40, 0,    0,    0,    0,    0};

static void test_a_metadata_response(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[36] = {0, 0x0b, 0, 32};
    memcpy(frame + 4, response, sizeof response);
    drop_clip(in(f, "payload.h265"), 1, CLIP);
    support_write(in(f, "payload.meta"), response, sizeof response);
    drop_clip(in(f, "frame.h265"), 2, CLIP);
    support_write(in(f, "frame.h265.bin"), frame, sizeof frame);
    drop_clip(in(f, "cut.h265"), 3, CLIP);
    support_write(in(f, "cut.meta"), response, 31);
    drop_clip(in(f, "json.h265"), 4, CLIP);
    write_text(in(f, "json.json"), "{\"file\": {\"file_timestamp\": 1732865025}, "
                                   "\"driver_name\": \"J\\u00f6rg\"}");
    assert_int_equal(import(f, f->in, "--imei", "35209308145225"), 0);
    static const char *const with[] = {"payload.h265", "frame.h265"};
    for (int i = 0; i < 2; i++) {
        struct catalogue_transfer t = drop_row(f->root, with[i]);
        assert_string_equal(t.imei, "35209308145225");
        assert_string_equal(t.camera, "front");
        assert_true(t.time_us == INT64_C(1732865025000000) && t.known & CATALOGUE_TIME_OK);
        assert_true(t.lat_deg > 54.49 && t.lat_deg < 54.51 && t.known & CATALOGUE_POSITION_OK);
        assert_int_equal(t.wire.meta_n, sizeof response);
        assert_memory_equal(t.wire.meta, response, sizeof response);
    }
    assert_int_equal(drop_row(f->root, "cut.h265").known, 0);
    check_said(f,
               "/in/cut.meta: not read as metadata: metadata of 31 bytes: binary version 3 has 32 "
               "bytes");
    struct catalogue_transfer t = drop_row(f->root, "json.h265");
    assert_string_equal(t.driver, "J\xc3\xb6rg");
    assert_true(t.known & CATALOGUE_TIME_OK);
    assert_int_equal(drop_look(f->root).n, 4);
}

/* What programs make of JSON is JSON, whatever the file is called; what is none is told. */
static void test_metadata_in_other_encodings(void **state)
{
    struct fixture *f = *state;
    static const char json[] = "{\"file\":{\"file_timestamp\":1732865025,\"framerate\":25}}";
    static const struct {
        const char *name, *before, *after;
    } files[] = {
        {"bom.json", "\xef\xbb\xbf", ""}, {"nl.json", "\r\n", "\r\n"},
        {"bom.meta", "\xef\xbb\xbf", ""}, {"list.bin", "[", "]"},
        {"white.txt", "\n ", ""},
    };
    enum { N = sizeof files / sizeof *files };
    char name[40], text[200], wide[2 * sizeof json] = "\xff\xfe";
    for (unsigned i = 0; i < N; i++) {
        snprintf(name, sizeof name, "%u.h265", i);
        drop_clip(in(f, name), i, CLIP);
        snprintf(name, sizeof name, "%u%s", i, strchr(files[i].name, '.'));
        snprintf(text, sizeof text, "%s%s%s", files[i].before, json, files[i].after);
        write_text(in(f, name), text);
    }
    for (size_t i = 0; json[i]; i++)
        wide[2 + 2 * i] = json[i];
    drop_clip(in(f, "wide.h265"), 20, CLIP);
    support_write(in(f, "wide.meta"), wide, 2 * sizeof json);
    drop_clip(in(f, "odd.h265"), 21, CLIP);
    write_text(in(f, "odd.json"), "{\"driver_name\":\"J\xe9r\xf4me\",\"framerate\":25}");
    drop_clip(in(f, "both.h265"), 22, CLIP);
    write_text(in(f, "both.json"), "");
    support_write(in(f, "both.meta"), response, sizeof response);
    drop_clip(in(f, "notes.h265"), 23, CLIP);
    write_text(in(f, "notes.txt"), "from the depot in Kaunas");
    assert_int_equal(import(f, f->in, NULL, NULL), 0);
    for (unsigned i = 0; i <= N; i++) {
        snprintf(name, sizeof name, "%u.h265", i);
        struct catalogue_transfer t = drop_row(f->root, i < N ? name : "wide.h265");
        assert_int_equal(t.fps, 25);
        assert_int_equal(t.time_us, INT64_C(1732865025000000));
        assert_int_equal(t.known, CATALOGUE_HAS_META | CATALOGUE_TIME_OK | CATALOGUE_FPS_OK);
        assert_string_equal(t.trigger_name, "");
    }
    struct catalogue_transfer t = drop_row(f->root, "odd.h265");
    assert_string_equal(t.driver, "J?r?me");
    assert_int_equal(t.fps, 25);
    check_said(f, "/in/odd.json: 2 characters of its texts cannot be read and are '?' here");
    assert_int_equal(drop_row(f->root, "both.h265").fps, 20);
    check_said(f, "/in/both.json: not read as metadata: it is empty");
    assert_int_equal(drop_row(f->root, "notes.h265").known, 0);
    check_said(f, "/in/notes.txt: not read as metadata: metadata of 24 bytes: neither JSON");
}

/* A number that was typed wrong names another vehicle. */
static void test_an_imei_with_a_wrong_check_digit(void **state)
{
    struct fixture *f = *state;
    drop_clip(in(f, "a.h265"), 1, CLIP);
    assert_int_equal(import(f, f->in, "--imei", "352093081452250"), 2);
    check_said(f, "--imei 352093081452250: its check digit is wrong");
    expect(DASHSPOOL(f->root, "import", "--imei", "352093081452250", "--force", f->in), 0, "");
    assert_string_equal(drop_row(f->root, "a.h265").imei, "352093081452250");
    assert_int_equal(drop_look(f->root).n, 1);
}

/* What a person says of a file that is stored already, or has it beside it, is not taken: that is
 * said. */
static void test_an_imei_that_is_not_taken(void **state)
{
    struct fixture *f = *state;
    char said[PATH_ROOM];
    drop_clip(in(f, "a.h265"), 1, CLIP);
    assert_int_equal(import(f, f->in, "--imei", "352093081452251"), 0);
    struct catalogue_transfer t = drop_row(f->root, "a.h265");
    assert_int_equal(import(f, f->in, "--imei", "352093081452251"), 0);
    assert_null(strstr(proc_err(&f->last), "not taken"));
    /* the same file, under another path, under another camera */
    snprintf(said, sizeof said,
             "/in/a.h265: IMEI 350612071913857 was not taken: stored already as %s, under "
             "352093081452251\n",
             t.id);
    assert_int_equal(import(f, f->in, "--imei", "350612071913857"), 0);
    check_said(f, said);
    assert_int_equal(rename(in(f, "a.h265"), in(f, "b.h265")), 0);
    said[4] = 'b';
    assert_int_equal(import(f, f->in, "--imei", "350612071913857"), 0);
    check_said(f, said);
    assert_int_equal(import(f, f->in, "--camera", "rear"), 0);
    check_said(f, "/in/b.h265: camera rear was not taken: stored already as ");
    /* what lies beside it says more */
    drop_clip(in(f, "c.h265"), 2, CLIP);
    write_text(in(f, "c.txt"), dualcam_text);
    expect(DASHSPOOL(f->root, "import", "--camera", "front", in(f, "c.h265")), 0, "");
    assert_string_equal(drop_row(f->root, "c.h265").camera, "front");
    assert_int_equal(drop_look(f->root).n, 2);
}

/* The names tell; a camera that says 2043 is not helped by a name. */
static void test_names(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name, *id;
    } files[] = {
        {"352093081452251/front/20241129T072345Z.h265",
         "352093081452251-front-video-20241129T072345Z"},
        {"352093081452251-driver-video-20241129T072346Z.h265",
         "352093081452251-driver-video-20241129T072346Z"},
        {"352093081452250/20241129T072347Z.h265", /* its check digit is wrong */
         "000000000000000-other-video-20241129T072347Z"},
        {"dsm/picture/20241129T072348Z.h265", "000000000000000-driver-video-20241129T072348Z"},
        {"confront/20241129T072349Z.H265", "000000000000000-other-video-20241129T072349Z"},
    };
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        struct err err;
        char dir[PATH_ROOM];
        snprintf(dir, sizeof dir, "%s", in(f, files[i].name));
        *strrchr(dir, '/') = '\0';
        assert_ok(fsx_mkdirs(dir, &err));
        drop_clip(in(f, files[i].name), i, CLIP);
    }
    drop_clip(in(f, "20241129T072350Z.h265"), 99, CLIP);
    write_text(in(f, "20241129T072350Z.txt"),
               "Cmd version: \t3\nTime (UTC+0): \t(2318920079000)\n");
    assert_int_equal(import(f, f->in, NULL, NULL), 0);
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
        struct catalogue_transfer t = drop_row(
            f->root, strrchr(files[i].name, '/') ? strrchr(files[i].name, '/') + 1 : files[i].name);
        assert_string_equal(t.id, files[i].id);
        assert_int_equal(t.known, CATALOGUE_TIME_OK | CATALOGUE_TIME_NAMED);
    }
    assert_false(drop_row(f->root, "20241129T072350Z.h265").known & CATALOGUE_TIME_OK);
    check_said(f,
               "/352093081452250/20241129T072347Z.h265: 352093081452250 in its path looks like an "
               "IMEI, but its check digit is wrong: not taken, the tracker is unknown");
    struct proc_result r = DASHSPOOL(f->root, "show", files[2].id);
    assert_has(proc_out(&r), "camera     other of an unknown tracker");
    assert_has(proc_out(&r), "time taken from the file name");
    proc_clear(&r);
}

static int import_told(struct fixture *f, const char *path, const char *time, const char *zone)
{
    proc_clear(&f->last);
    f->last = time ? DASHSPOOL(f->root, "import", path, "--time", time, "--tz", zone)
                   : DASHSPOOL(f->root, "import", path, "--tz", zone);
    return f->last.status;
}

/* Where a file tells no time a person may, and it is his word from there on: never over a file's,
 * and of one clip. */
static void test_a_time_that_a_person_tells(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char package[PATH_ROOM], line[200];
    const struct passwd *user = getpwuid(getuid());
    const char *const me = user ? user->pw_name : "somebody";
    const char *const told = "2024-07-01T09:23:45", *const zone = "Europe/Berlin";
    struct buf sample = support_read(TEST_SAMPLES "/rear-25fps-6s-silent.h265");
    support_write(in(f, "rear.h265"), buf_data(&sample), sample.used);
    buf_clear(&sample);
    drop_clip(in(f, "front.h265"), 1, CLIP);
    drop_clip(in(f, "front-20241129T072345Z.h265"), 2, CLIP); /* tells its own */
    drop_clip(in(f, "other.h265"), 3, CLIP);
    write_text(in(f, "other.txt"), "Cmd version: \t3\nTime (UTC+0): \t(2318920079000)\n");
    assert_int_equal(import_told(f, f->in, told, zone), 0);
    check_said(f, "/front-20241129T072345Z.h265: the time that was told was not taken: its name "
                  "tells one");
    check_said(f, "/other.h265: the time that was told was not taken: its metadata tell of it");
    static const char *const timed[] = {"front.h265", "rear.h265"};
    for (int i = 0; i < 2; i++) {
        struct catalogue_transfer t = drop_row(f->root, timed[i]);
        assert_int_equal(t.known, CATALOGUE_TIME_OK | CATALOGUE_ZONE_OK | CATALOGUE_TIME_TOLD);
        assert_int_equal(t.tz_min, 120);
        assert_has(t.id, "-video-20240701T072345Z");
    }
    assert_int_equal(drop_row(f->root, "front-20241129T072345Z.h265").known,
                     CATALOGUE_TIME_OK | CATALOGUE_TIME_NAMED);
    assert_false(drop_row(f->root, "other.h265").known & CATALOGUE_TIME_TOLD);
    /* another one of the same camera has another time */
    drop_clip(in(f, "front-2.h265"), 4, CLIP);
    assert_int_equal(import_told(f, f->in, told, zone), 1);
    check_said(f, "/front-2.h265: the time that was told is of one clip, and another file of this "
                  "camera has it: import this one by itself, with its own");
    assert_int_equal(import_told(f, in(f, "front-2.h265"), "2024-07-01T09:24", zone), 0);
    assert_has(drop_row(f->root, "front-2.h265").id, "-front-video-20240701T072400Z");
    assert_int_equal(import_told(f, in(f, "front-2.h265"), told, zone), 0);
    check_said(f, "was not taken: it is stored already, with another one");
    /* who said it is told everywhere */
    const char *const id = "000000000000000-rear-video-20240701T072345Z";
    struct proc_result r = DASHSPOOL(f->root, "show", id);
    snprintf(line, sizeof line, "time as told by %s on import\n", me);
    assert_has(proc_out(&r), "time       2024-07-01 09:23:45 local (+02:00)");
    assert_has(proc_out(&r), line);
    proc_clear(&r);
    snprintf(line, sizeof line, "\"told_by\":\"%s\"", me);
    expect(DASHSPOOL(f->root, "show", "--custody", id), 0, line);
    expect(DASHSPOOL(f->root, "show", "--json", id), 0,
           "\"time_of_person\": \"2024-07-01T07:23:45.000Z\",\n    \"tz_min\": 120");
    expect(DASHSPOOL(f->root, "work", "--once"), 1, ""); /* the others are no real videos */
    expect(DASHSPOOL(f->root, "show", id), 0, "as a person told it on import");
    expect(DASHSPOOL(f->root, "fsck"), 0, "");
    /* and cannot be moved */
    snprintf(line, sizeof line,
             "UPDATE transfer SET time_us = time_us + 1, tz_min = 60 WHERE id = '%s'", id);
    sql_change(support_path(f->root, "catalogue.db"), line);
    expect(DASHSPOOL(f->root, "fsck", "--quick"), 1,
           "tz_min: the catalogue says 60, the custody record says 120");
    expect(DASHSPOOL(f->root, "fsck", "--quick", "--repair"), 0, "1 transfer repaired");
    assert_int_equal(drop_row(f->root, "rear.h265").known,
                     CATALOGUE_TIME_OK | CATALOGUE_ZONE_OK | CATALOGUE_TIME_TOLD);
    assert_int_equal(drop_row(f->root, "rear.h265").tz_min, 120);
    snprintf(package, sizeof package, "%s/case", f->dir);
    expect(DASHSPOOL(f->root, "export", id, "-o", package), 0, "");
    expect(DASHSPOOL(f->root, "verify", package), 0, "");
    snprintf(package, sizeof package, "%s/case/data/report.html", f->dir);
    struct buf report = support_read(package);
    assert_ok(buf_append(&report, "", 1, &err));
    snprintf(line, sizeof line, "time as told by %s on import", me);
    assert_has((const char *)buf_data(&report), line);
    buf_clear(&report);
}

/* A zone alone is that of times in names. */
static void test_a_zone_that_a_person_tells(void **state)
{
    struct fixture *f = *state;
    drop_clip(in(f, "20240701_092345.h265"), 1, CLIP);
    drop_clip(in(f, "20241129T072345Z.h265"), 2, CLIP); /* tells its own */
    drop_clip(in(f, "20241027_023000.h265"), 3, CLIP);
    drop_clip(in(f, "20240331_023000.h265"), 4, CLIP);
    assert_int_equal(import_told(f, f->in, NULL, "Europe/Berlin"), 1);
    check_said(f, "/20241027_023000.h265: its name: 2024-10-27T02:30:00 came twice in this time "
                  "zone, as the clocks went back: choose +02:00 for the first, or +01:00 for the "
                  "second");
    check_said(f, "/20240331_023000.h265: its name: there was no 2024-03-31T02:30:00 in this time "
                  "zone: the clocks went forward over it");
    assert_int_equal(drop_look(f->root).n, 2);
    struct catalogue_transfer t = drop_row(f->root, "20240701_092345.h265");
    assert_has(t.id, "-other-video-20240701T072345Z");
    assert_int_equal(t.known, CATALOGUE_TIME_OK | CATALOGUE_TIME_NAMED | CATALOGUE_ZONE_OK);
    assert_int_equal(t.tz_min, 120);
    assert_int_equal(drop_row(f->root, "20241129T072345Z.h265").known,
                     CATALOGUE_TIME_OK | CATALOGUE_TIME_NAMED);
    expect(DASHSPOOL(f->root, "show", t.id), 0,
           "time taken from the file name, its time zone as told by ");
    assert_int_equal(import_told(f, in(f, "20241027_023000.h265"), NULL, "+01:00"), 0);
    assert_has(drop_row(f->root, "20241027_023000.h265").id, "-20241027T013000Z");
    expect(DASHSPOOL(f->root, "fsck"), 0, "");
}

static void test_times_that_cannot_be(void **state)
{
    static const struct {
        const char *time, *zone, *why;
    } bad[] = {
        {"2024-10-27T02:30:00", "Europe/Berlin", "--time, --tz: 2024-10-27T02:30:00 came twice"},
        {"2024-03-31T02:30:00", "Europe/Berlin", "there was no 2024-03-31T02:30:00"},
        {"2024-13-01T02:30:00", "Europe/Berlin", "2024-13-01T02:30:00 is no time"},
        {"2124-01-01T02:30:00", "Europe/Berlin", "is still to come"},
        {"2024-01-01T02:30:00", "Berlin", "there is no time zone Berlin"},
        {"2024-01-01T02:30:00", "", "is of no time zone"},
    };
    struct fixture *f = *state;
    drop_clip(in(f, "front.h265"), 1, CLIP);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(import_told(f, f->in, bad[i].time, bad[i].zone), 2);
        check_said(f, bad[i].why);
        assert_ptr_equal(strchr(proc_err(&f->last), '\n'), strrchr(proc_err(&f->last), '\n'));
    }
    assert_false(support_exists(f->root));
}

/* What was exported comes back as it was, into another store: whose it is, and what its camera
 * said; the copies in the package do not. A JSON of another file is none. */
static void test_out_of_an_evidence_package(void **state)
{
    struct fixture *f = *state;
    char package[PATH_ROOM], other[PATH_ROOM], path[PATH_ROOM + 100];
    snprintf(package, sizeof package, "%s/case", f->dir);
    snprintf(other, sizeof other, "%s/other", f->dir);
    struct buf sample = support_read(TEST_SAMPLES "/rear-25fps-6s-silent.h265");
    support_write(in(f, "front.h265"), buf_data(&sample), sample.used);
    support_write(in(f, "front.meta"), response, sizeof response);
    assert_int_equal(import(f, f->in, "--imei", "352093081452251"), 0);
    struct catalogue_transfer before = drop_row(f->root, "front.h265");
    expect(DASHSPOOL(f->root, "work", "--once"), 0, "");
    expect(DASHSPOOL(f->root, "export", before.id, "-o", package), 0, "");
    snprintf(f->root, sizeof f->root, "%s", other);
    assert_int_equal(import(f, package, NULL, NULL), 0);
    check_said(f, "made by dashspool itself");
    snprintf(path, sizeof path, "%s.h265", before.id);
    struct catalogue_transfer after = drop_row(other, path);
    assert_string_equal(after.id, before.id);
    assert_string_equal(after.sha256, before.sha256);
    assert_int_equal(after.known, before.known);
    assert_memory_equal(after.wire.meta, response, sizeof response);
    assert_int_equal(drop_look(other).n, 1);
    char from[PATH_ROOM + 200];
    snprintf(from, sizeof from, "%s/data/master/%s.json", package, before.id);
    struct buf json = support_read(from);
    drop_clip(in(f, "another.h265"), 1, CLIP);
    support_write(in(f, "another.json"), buf_data(&json), json.used);
    assert_int_equal(import(f, in(f, "another.h265"), NULL, NULL), 0);
    assert_string_equal(drop_row(other, "another.h265").imei, CATALOGUE_IMEI_UNKNOWN);
    buf_clear(&json);
    buf_clear(&sample);
}

static void test_hostile_json_beside_a_file(void **state)
{
    struct fixture *f = *state;
    static char deep[200000];
    memset(deep, '[', sizeof deep - 1);
    static const char *const bad[] = {
        "{",
        "[]",
        "null",
        "{\"sha256\": 7, \"wire\": {}}",
        "{\"sha256\": \"x\", \"wire\": {\"meta\": \"zz\"}, \"imei\": \"../../etc\"}",
        "{}",
        deep};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        char name[40];
        snprintf(name, sizeof name, "%u.h265", i);
        drop_clip(in(f, name), i, CLIP);
        snprintf(name, sizeof name, "%u.json", i);
        write_text(in(f, name), bad[i]);
    }
    assert_int_equal(mkfifo(in(f, "0.meta"), 0600), 0);
    assert_int_equal(mkdir(in(f, "1.txt"), 0700), 0);
    assert_int_equal(import(f, f->in, NULL, NULL), 0);
    check_said(f, "/in/0.json: not read as metadata: metadata: JSON of 1 bytes");
    check_said(f, "/in/0.meta: not read as metadata: not a regular file");
    check_said(f, "/in/4.json: not read as metadata: its sha256 is none");
    check_said(f, "/in/5.json: not read as metadata: it has none of the values that metadata have");
    check_said(f,
               "/in/6.json: not read as metadata: 199999 bytes are more than metadata have (4096)");
    assert_int_equal(drop_look(f->root).n, sizeof bad / sizeof *bad);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        char name[40];
        snprintf(name, sizeof name, "%u.h265", i);
        assert_int_equal(drop_row(f->root, name).known, 0);
    }
}

static void test_again_and_what_cannot_be_taken(void **state)
{
    struct fixture *f = *state;
    drop_clip(in(f, "a.h265"), 1, CLIP);
    drop_clip(in(f, "b.h265"), 1, CLIP);
    size_t n;
    uint8_t *cut = drop_bytes(2, CLIP, &n);
    support_write(in(f, "cut.h265"), cut, n - 5);
    free(cut);
    drop_clip(in(f, "half.h265.part"), 3, CLIP);
    write_text(in(f, "text.h265"), "nothing to see\n");
    assert_int_equal(import(f, f->in, NULL, NULL), 1);
    check_said(f, "text.h265: this is text, not H.265");
    check_said(f, "2 imported, 1 already stored, 1 skipped, 1 failed");
    assert_non_null(strstr(proc_out(&f->last), "b.h265: identical to "));
    assert_non_null(strstr(proc_out(&f->last), "are no whole record"));
    assert_int_equal(unlink(in(f, "text.h265")), 0);
    assert_int_equal(import(f, f->in, NULL, NULL), 0);
    check_said(f, "0 imported, 3 already stored");
    assert_string_equal(proc_out(&f->last), "");
    assert_int_equal(import(f, in(f, "half.h265.part"), NULL, NULL), 0); /* a person means it */
    assert_int_equal(import(f, "/no/such/file", NULL, NULL), 1);
    assert_int_equal(import(f, f->in, "--imei", "12"), 2);
    assert_int_equal(import(f, f->in, "--camera", "left"), 2);
    assert_int_equal(drop_look(f->root).n, 3);
}

/* Larger than a batch: read twice, stored in parts; and a camera's MP4. */
static void test_large_files_and_mp4(void **state)
{
    struct fixture *f = *state;
    static const uint8_t mp4[] = "\0\0\0\x10"
                                 "ftypisom\0\0\0\1"
                                 "\0\0\0\x0c"
                                 "moovmake";
    size_t n;
    uint8_t *data = drop_bytes(1, 40000000, &n);
    support_write(in(f, "large.h265"), data, n);
    support_write(in(f, "same.h265"), data, n);
    support_write(in(f, "adas.mp4"), mp4, sizeof mp4 - 1);
    drop_clip(in(f, "small.h265"), 2, CLIP);
    assert_int_equal(import(f, f->in, NULL, NULL), 0);
    check_said(f, "3 imported, 1 already stored");
    struct catalogue_transfer t = drop_row(f->root, "large.h265");
    assert_int_equal(t.length_bytes, n);
    assert_string_equal(drop_row(f->root, "adas.mp4").camera, "road");
    assert_int_equal(drop_look(f->root).n, 3);
    expect(PROC_RUN("truncate", "-s", "5G", in(f, "huge.h265")), 0, "");
    assert_int_equal(import(f, in(f, "huge.h265"), NULL, NULL), 1);
    check_said(f, "larger than 4 GiB");
    free(data);
}

/* Killed at any moment, and repeated: each once, and none lost. */
/* How many it has taken, in a copy: what was killed is the next one's to put right. */
static int64_t taken_so_far(const struct fixture *f)
{
    static const char *const ends[] = {"", "-wal"};
    char from[PATH_ROOM], to[PATH_ROOM];
    for (int i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s/catalogue.db%s", f->root, ends[i]);
        snprintf(to, sizeof to, "%s/copy.db%s", f->dir, ends[i]);
        if (!support_exists(from)) {
            (void)unlink(to);
            continue;
        }
        struct buf b = support_read(from);
        support_write(to, buf_data(&b), b.used);
        buf_clear(&b);
    }
    snprintf(to, sizeof to, "%s/copy.db", f->dir);
    return !support_exists(to) ||
                   sql_run(to, "SELECT count(*) FROM sqlite_master WHERE name = 'transfer'") != 1
               ? 0
               : sql_run(to, "SELECT count(*) FROM transfer");
}

static void test_killed_again_and_again(void **state)
{
    struct fixture *f = *state;
    enum { FILES = 2500 };
    uint64_t sum = 0;
    char log[PATH_ROOM];
    snprintf(log, sizeof log, "%s/log", f->dir);
    for (unsigned i = 0; i < FILES; i++) {
        char name[40];
        size_t n;
        uint8_t *data = drop_bytes(i, i == 1000 ? 20000000 : 3000, &n);
        snprintf(name, sizeof name, "%u.h265", i);
        support_write(in(f, name), data, n);
        sum = drop_sum(sum, data, n);
        free(data);
    }
    const char *const argv[] = {DASHSPOOL_BINARY, "--root", f->root, "import", f->in, NULL};
    struct proc_killer k = proc_killer(support_seed(20261121), 30);
    int halfway = 0;
    while (proc_kill_later(&k, log, argv)) {
        int64_t n = taken_so_far(f);
        halfway += n > 0 && n < FILES;
    }
    printf("%d kills, %d of them with some of the files taken\n", k.killed, halfway);
    assert_true(k.killed >= 5 && halfway >= 1);
    assert_int_equal(import(f, f->in, NULL, NULL), 0);
    struct drop_found found = drop_look(f->root);
    assert_int_equal(found.n, FILES);
    assert_true(found.sum == sum);
}

/* Two at once, of the same folder: they take turns, and nothing is double. */
static void test_two_at_once(void **state)
{
    struct fixture *f = *state;
    struct proc p[3];
    for (unsigned i = 0; i < 500; i++) {
        char name[40];
        snprintf(name, sizeof name, "%u.h265", i);
        drop_clip(in(f, name), i, 3000);
    }
    const char *const argv[] = {DASHSPOOL_BINARY, "--root", f->root, "import", f->in, NULL};
    for (int i = 0; i < 3; i++) {
        char log[PATH_ROOM];
        snprintf(log, sizeof log, "%s/log-%d", f->dir, i);
        p[i] = proc_start(log, argv);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(proc_stop(&p[i], 0), 0);
    assert_int_equal(drop_look(f->root).n, 500);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_the_vendors_folder),
        T(test_a_metadata_response),
        T(test_metadata_in_other_encodings),
        T(test_an_imei_with_a_wrong_check_digit),
        T(test_an_imei_that_is_not_taken),
        T(test_names),
        T(test_a_time_that_a_person_tells),
        T(test_a_zone_that_a_person_tells),
        T(test_times_that_cannot_be),
        T(test_out_of_an_evidence_package),
        T(test_hostile_json_beside_a_file),
        T(test_again_and_what_cannot_be_taken),
        T(test_large_files_and_mp4),
        T(test_killed_again_and_again),
        T(test_two_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
