/*
 * A package of two cameras: six clips (one damaged, one that broke off, one without a position, one
 * with metadata v4 and so a trigger's time) and four photos, made in this process with a clock that
 * stands, and compared with tests/golden/package/.
 *
 *   test_export_golden --renew    writes them anew; look at the difference before you commit it
 *
 * Hashes are compared of what only our own code has shaped. What a codec has shaped may differ by a
 * rounding from processor to processor: of that the names are compared, in the report too.
 */
#include "dashspool/clock.h"
#include "dashspool/confine.h"
#include "dashspool/convert.h"
#include "dashspool/export.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/journey.h"
#include "dashspool/verify.h"
#include "dashspool/wire.h"
#include "dashspool/work.h"
#include "support/stored.h"
#include "support/support.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GOLDEN     TEST_SOURCE_DIR "/golden/package/"
#define NOW_US     INT64_C(1732881600000000) /* 2024-11-29T12:00:00Z */
#define FIRST_US   INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */
#define HOUR_US    INT64_C(3600000000)
#define FRONT_CLIP TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define REAR_CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO      TEST_SAMPLES "/photo-720p.jpg"
#define TEXT_MAX   ((size_t)16 << 20)
#define TRANSFERS  10

static bool renew;
static char *dir, root[300], package[300];
static char ids[TRANSFERS][CATALOGUE_ID_ROOM];
static int n_ids;

/* The linker puts this in the place of the clock (tests/CMakeLists.txt). */
int64_t __wrap_clock_utc_us(void);
int64_t __wrap_clock_utc_us(void)
{
    return NOW_US;
}

/* ---- the store ---- */

enum flaw { NONE, DAMAGED, BROKEN_OFF, NO_POSITION, V4 };

static void set_metadata(struct catalogue_transfer *row, enum flaw flaw, double hour)
{
    struct wire_meta m = {.kind = WIRE_KIND_DUALCAM,
                          .file_type = 16,
                          .trigger = 5,
                          .fps = 20,
                          .time_ms = (uint64_t)(row->time_us / 1000),
                          .trigger_time_ms = (uint64_t)(row->time_us / 1000 + 3000),
                          .length_s = 10,
                          .tz_min = 120,
                          .lat_deg = flaw == NO_POSITION ? 0 : 54.6872 + hour / 50,
                          .lon_deg = flaw == NO_POSITION ? 0 : 25.2797 - hour / 30};
    struct err err;
    row->wire.meta_n = wire_meta_put(row->wire.meta, &m, flaw == V4 ? 4 : 3);
    assert_ok(wire_meta_parse(row->wire.meta, row->wire.meta_n, 0, NOW_US, &m, &err));
    row->known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK | CATALOGUE_FPS_OK | CATALOGUE_ZONE_OK |
                 (m.plausible & WIRE_META_POSITION ? CATALOGUE_POSITION_OK : 0u) |
                 (m.plausible & WIRE_META_TRIGGER_TIME ? CATALOGUE_TRIGGER_TIME_OK : 0u);
    row->meta_version = flaw == V4 ? 4 : 3;
    row->trigger = m.trigger;
    snprintf(row->trigger_name, sizeof row->trigger_name, "%s", m.trigger_name);
    row->length_s = m.length_s;
    row->fps = m.fps;
    row->tz_min = m.tz_min;
    row->lat_deg = m.lat_deg;
    row->lon_deg = m.lon_deg;
    row->trigger_time_us = (int64_t)m.trigger_time_ms * 1000;
}

static void add(struct stored *s, const char *camera, const char *kind, const char *sample,
                int hour, enum flaw flaw)
{
    struct err err;
    struct buf b = support_read(sample);
    struct catalogue_transfer row = {.state =
                                         flaw == BROKEN_OFF ? CATALOGUE_PARTIAL : CATALOGUE_STORED,
                                     .arrived_us = FIRST_US + hour * HOUR_US + 60000000,
                                     .time_us = FIRST_US + hour * HOUR_US,
                                     .protocol_id = 5,
                                     .packets = (int64_t)(b.used + 1023) / 1024,
                                     .connections = 1};
    row.completed_us = row.arrived_us + 4000000;
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "%s", camera);
    snprintf(row.kind, sizeof row.kind, "%s", kind);
    snprintf(row.peer, sizeof row.peer, "192.0.2.7:40000");
    set_metadata(&row, flaw, hour);
    if (flaw == DAMAGED)
        memset(b.mem + b.start + b.used / 2, 0, 400);
    stored_add(s, &row, buf_data(&b), flaw == BROKEN_OFF ? b.used * 6 / 10 : b.used);
    const struct catalogue_arrival arrival = {.peer = "192.0.2.7:40000",
                                              .began_us = row.arrived_us,
                                              .ended_us = row.completed_us,
                                              .until_bytes = row.length_bytes,
                                              .packets = row.packets,
                                              .crc_errors = flaw == DAMAGED ? 2 : 0,
                                              .ended = "complete"};
    assert_ok(catalogue_arrival_add(s->catalogue, row.key, &arrival, &err));
    snprintf(ids[n_ids++], sizeof ids[0], "%s", row.id);
    buf_clear(&b);
}

static void make_store(void)
{
    struct stored s;
    stored_open(&s, root);
    add(&s, "front", "video", FRONT_CLIP, 0, V4);
    add(&s, "rear", "video", REAR_CLIP, 0, NONE);
    add(&s, "front", "photo", PHOTO, 0, NONE);
    add(&s, "rear", "photo", PHOTO, 0, NONE);
    add(&s, "front", "video", REAR_CLIP, 1, DAMAGED);
    add(&s, "rear", "video", REAR_CLIP, 1, BROKEN_OFF);
    add(&s, "front", "photo", PHOTO, 1, NONE);
    add(&s, "front", "video", REAR_CLIP, 2, NO_POSITION);
    add(&s, "rear", "video", REAR_CLIP, 2, NONE);
    add(&s, "front", "photo", PHOTO, 2, NO_POSITION);
    stored_close(&s);
}

static void tell_cannot(void *arg, const char *id, const char *why)
{
    (void)arg;
    fail_msg("%s: %s", id, why);
}

static int make_package(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg;
    const char *list[TRANSFERS];
    struct work_completion completion = {NULL, tell_cannot, NULL, 0};
    struct export_result result;
    dir = support_tmp_dir();
    snprintf(root, sizeof root, "%s/root", dir);
    snprintf(package, sizeof package, "%s/package", dir);
    make_store();
    for (int i = 0; i < n_ids; i++)
        list[i] = ids[i];
    static struct cfg_section sections[1 + JOURNEY_CFG_SECTIONS];
    sections[0] = convert_cfg_section;
    memcpy(sections + 1, journey_cfg_sections, sizeof journey_cfg_sections);
    assert_ok(cfg_load(&cfg, NULL, sections, 1 + JOURNEY_CFG_SECTIONS, &err));
    assert_ok(work_complete(root, cfg, list, TRANSFERS, &completion, &err));
    const struct export_request request = {.root = root,
                                           .ids = list,
                                           .n = TRANSFERS,
                                           .path = package,
                                           .who = "A. Person",
                                           .at_us = NOW_US,
                                           .cfg = cfg};
    assert_ok(export_package(&request, NULL, NULL, &result, &err));
    cfg_free(&cfg);
    return 0;
}

static int remove_package(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

/* ---- the comparison ---- */

static struct buf file_of(const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", package, name);
    return support_read(path);
}

static bool is_ours(const char *name)
{
    static const char *const begins[] = {"data/master/352093081452251-", "data/timing/",
                                         "data/position/", "data/transfer/"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(name, begins[i], strlen(begins[i])) == 0)
            return i > 0 || !dot || strcmp(dot, ".json") != 0; /* which tells of all copies */
    return false;
}

static void put(struct buf *b, const char *text, size_t n)
{
    struct err err;
    assert_ok(buf_append(b, text, n, &err));
}

static void compare(const char *name, const struct buf *got)
{
    char path[600], other[600];
    snprintf(path, sizeof path, GOLDEN "%s", name);
    if (renew) {
        support_write(path, buf_data(got), got->used);
        return;
    }
    struct buf want = support_read(path);
    if (want.used != got->used || memcmp(buf_data(&want), buf_data(got), got->used) != 0) {
        snprintf(other, sizeof other, "/tmp/dashspool-%s", name);
        support_write(other, buf_data(got), got->used);
        fail_msg("%s is not as it was: diff %s %s; test_export_golden --renew, if that is right",
                 name, path, other);
    }
    buf_clear(&want);
}

static void test_the_manifest(void **state)
{
    (void)state;
    struct buf manifest = file_of("manifest-sha256.txt"), out;
    struct err err;
    buf_init(&out, TEXT_MAX);
    assert_ok(buf_append(&manifest, "", 1, &err));
    char *rest = (char *)(manifest.mem + manifest.start);
    for (char *line; (line = strtok_r(rest, "\n", &rest));) {
        const char *name = line + 2 * HASH_BYTES + 2;
        put(&out, is_ours(name) ? line : "-", is_ours(name) ? 2 * HASH_BYTES : 1);
        put(&out, "  ", 2);
        put(&out, name, strlen(name));
        put(&out, "\n", 1);
    }
    compare("manifest.txt", &out);
    buf_clear(&manifest);
    buf_clear(&out);
}

static void test_the_timing_tables(void **state)
{
    (void)state;
    int n = 0;
    for (int i = 0; i < n_ids; i++) {
        char name[200], path[200];
        bool partial = strstr(ids[i], "rear-video-20241129T082345Z") != NULL;
        if (!strstr(ids[i], "video"))
            continue;
        snprintf(path, sizeof path, "data/timing/%s%s.timing.csv", ids[i],
                 partial ? ".partial" : "");
        snprintf(name, sizeof name, "%s.timing.csv", ids[i]);
        struct buf table = file_of(path);
        compare(name, &table);
        buf_clear(&table);
        n++;
    }
    assert_int_equal(n, 6);
}

static bool hex64_at(const char *p, size_t left)
{
    size_t n = 0;
    while (n < left && n <= 64 && isxdigit((unsigned char)p[n]) && !isupper((unsigned char)p[n]))
        n++;
    return n == 64;
}

static void put_hash(struct buf *out, const char *hex, const char *manifest)
{
    char found[300] = "a hash";
    char key[65];
    snprintf(key, sizeof key, "%.64s", hex);
    const char *line = strstr(manifest, key);
    if (line)
        snprintf(found, sizeof found, "%.*s", (int)strcspn(line + 66, "\n"), line + 66);
    put(out, "{", 1);
    put(out, found, strlen(found));
    put(out, "}", 1);
}

/* "12.3 MB" and "1 234 567 bytes" differ with the codec. */
static size_t size_at(const char *p, size_t left)
{
    static const char *const units[] = {" kB", " MB", " bytes"};
    size_t n = 0;
    while (n < left && n < 20 && (isdigit((unsigned char)p[n]) || p[n] == '.' || p[n] == ','))
        n++;
    for (size_t i = 0; n > 0 && i < sizeof units / sizeof *units; i++)
        if (left - n > strlen(units[i]) && strncmp(p + n, units[i], strlen(units[i])) == 0)
            return n + strlen(units[i]);
    return 0;
}

/* The page without what a codec shapes: pictures, their sizes, hashes by the name of their file,
 * its version and the encoder's. */
static void put_report(struct buf *out, const struct buf *page, const char *manifest)
{
    static const char picture[] = "data:image/jpeg;base64,", codec[] = "libavcodec ",
                      encoder[] = "x264 core ";
    const char *p = (const char *)buf_data(page), *end = p + page->used;
    while (p < end) {
        size_t left = (size_t)(end - p), n;
        if (left > sizeof picture && strncmp(p, picture, sizeof picture - 1) == 0) {
            put(out, "{a picture}", 11);
            p += strcspn(p, "\"");
        } else if (left > sizeof codec && strncmp(p, codec, sizeof codec - 1) == 0) {
            put(out, "libavcodec {a version}", 22);
            p += sizeof codec - 1;
            p += strspn(p, "0123456789.");
        } else if (left > sizeof encoder && strncmp(p, encoder, sizeof encoder - 1) == 0) {
            put(out, "x264 {a version}", 16);
            p += strcspn(p, "<;");
        } else if (hex64_at(p, left)) {
            put_hash(out, p, manifest);
            p += 64;
        } else if ((n = size_at(p, left)) > 0) {
            put(out, "{a size}", 8);
            p += n;
        } else {
            put(out, p++, 1);
        }
    }
}

static void test_the_report(void **state)
{
    (void)state;
    struct err err;
    struct buf page = file_of("data/report.html"), manifest = file_of("manifest-sha256.txt"), out;
    buf_init(&out, TEXT_MAX);
    assert_ok(buf_append(&manifest, "", 1, &err));
    put_report(&out, &page, (const char *)buf_data(&manifest));
    compare("report.html", &out);
    buf_clear(&page);
    buf_clear(&manifest);
    buf_clear(&out);
}

static void on_told(void *arg, enum verify_check check, enum verify_verdict verdict,
                    const char *text)
{
    (void)arg;
    if (verdict == VERIFY_FAILED)
        fail_msg("%s: %s", verify_check_name(check), text);
}

static void test_it_is_what_it_says(void **state)
{
    (void)state;
    struct err err;
    bool good = false;
    const struct verify_listener listener = {on_told, NULL, NULL};
    assert_ok(verify_package(&(struct verify_request){.path = package}, &listener, &good, &err));
    assert_true(good);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_manifest),
        cmocka_unit_test(test_the_timing_tables),
        cmocka_unit_test(test_the_report),
        cmocka_unit_test(test_it_is_what_it_says),
    };
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0)
        return confine_child();
    renew = argc == 2 && strcmp(argv[1], "--renew") == 0;
    return cmocka_run_group_tests(tests, make_package, remove_package);
}
