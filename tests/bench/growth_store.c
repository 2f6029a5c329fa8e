/* A ROOT that has grown, for tests/bench/growth and space: COUNT transfers of BYTES (1 KB) with
 * their connections, custody and three copies each (their rows alone), in the same form and length
 * as a receiver and a converter leave them.
 *
 *   growth_store ROOT COUNT [BYTES] */
#include "dashspool/fsx.h"
#include "support/stored.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000, CLIPS_PER_TRACKER = 500, BYTES_MAX = 64 << 20 };
#define T0_US INT64_C(1732865025000000)

/* Of a real clip; %s: its id, its tracker, and what only the working copy has. */
#define SETTINGS                                                                                   \
    "{\"damage\":{},\"duration_s\":1.0,\"key_pictures\":1,\"pictures\":30,\"recipe\":{\"facts\":{" \
    "\"camera\":\"front\",\"id\":\"%s\",\"imei\":\"%s\",\"lat_deg\":\"54.687157\",\"length_s\":1," \
    "\"lon_deg\":\"25.279652\",\"meta_fps\":\"30\",\"start_utc_us\":1732865025000000,"             \
    "\"time_error_us\":0,\"time_source\":\"\",\"trigger\":\"crash\",\"tz_min\":0},\"format\":1,"   \
    "\"libraries\":{\"FFmpeg\":\"5.1.9-0+deb12u1\",\"FreeType\":\"2.12.1\",\"HarfBuzz\":"          \
    "\"6.0.0\",\"glibc\":\"2.36\",\"libass\":\"0.17.1\",\"libavcodec\":\"59.37.100\","             \
    "\"libavformat\":\"59.27.100\",\"libavutil\":\"57.28.100\",\"libjpeg-turbo\":\"2.1.5\","       \
    "\"libswresample\":\"4.7.100\",\"libswscale\":\"6.7.100\",\"processor\":\"x86-64\","           \
    "\"x264\":\"core 164 r3095 baee400\"},\"options\":{\"copies\":[\"working\",\"viewing\","       \
    "\"timing\"],\"crf\":\"23.25\",\"default_fps\":\"25\",\"encoder\":\"libx264\",\"flac\":false," \
    "\"fps\":\"0\",\"note\":\"\",\"osd_box\":true,\"osd_imperial\":false,\"osd_position\":"        \
    "\"bottom-left\",\"osd_size\":\"1\",\"osd_template\":\"\",\"preset\":\"superfast\","           \
    "\"threads\":0},\"program\":\"dashspool 0.1.0\"}%s,\"sources\":{\"default rate\":25.0,"        \
    "\"metadata rate\":30.0,\"pictures over length\":30.0,\"stream rate\":29.97},"                 \
    "\"sources_disagree\":false,\"timing\":\"metadata rate\",\"wall_clock\":{\"source\":"          \
    "\"metadata\",\"start\":\"2024-11-29T07:23:45.000000Z\",\"uncertainty_s\":2.116667,\"why\":"   \
    "\"taken as the start of the clip; of a clip made by a trigger it can be the end; constant "   \
    "rate: half a picture step\",\"zone\":\"+00:00\"}}"

static const char *root;
static long count, length = 1024;
static char bytes[BYTES_MAX]; /* of each; a number in front */

static void add_copy(struct stored *s, const struct catalogue_transfer *t, const char *kind,
                     const char *end, const char *slices)
{
    struct err err;
    char settings_sha256[HASH_HEX_ROOM];
    struct catalogue_copy copy = {.length_bytes = 1000000, .made_us = t->completed_us};
    snprintf(copy.kind, sizeof copy.kind, "%s", kind);
    snprintf(copy.path, sizeof copy.path, "archive/%s/%s/%s.%s", t->imei, t->day, t->id, end);
    snprintf(copy.tool, sizeof copy.tool, "dashspool 0.1.0");
    snprintf(copy.settings, sizeof copy.settings, SETTINGS, t->id, t->imei, slices);
    assert_ok(hash_text(copy.path, strlen(copy.path), copy.sha256, &err));
    assert_ok(hash_text(copy.settings, strlen(copy.settings), settings_sha256, &err));
    assert_ok(catalogue_copy_put(s->catalogue, t->key, &copy, &err));
    assert_ok(catalogue_event_note(s->catalogue, t->id, copy.made_us, CUSTODY_CONVERTED,
                                   "dashspool 0.1.0",
                                   &(struct custody_what){.copy = copy.kind,
                                                          .path = copy.path,
                                                          .sha256 = copy.sha256,
                                                          .from_sha256 = t->sha256,
                                                          .settings_sha256 = settings_sha256},
                                   &err));
}

static void add_one(struct stored *s, long i)
{
    static const char *const triggers[] = {"crash", "request", "tow", "idle", "geofence"};
    struct err err;
    char slices[120];
    struct catalogue_transfer t = {.state = CATALOGUE_STORED,
                                   .published = true,
                                   .arrived_us = T0_US + i * 20000000,
                                   .known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK |
                                            CATALOGUE_FPS_OK | CATALOGUE_POSITION_OK,
                                   .meta_version = 3,
                                   .length_s = 10,
                                   .fps = 30,
                                   .lat_deg = 54.687157,
                                   .lon_deg = 25.279652,
                                   .protocol_id = 5,
                                   .connections = 1,
                                   .packets = 1,
                                   .peer = "10.11.12.13:40000",
                                   .wire = {.init_n = 16, .meta_n = 40, .start_n = 10}};
    t.time_us = t.arrived_us - 60000000;
    t.completed_us = t.arrived_us + 1000000;
    snprintf(t.imei, sizeof t.imei, "3520930%08ld", i / CLIPS_PER_TRACKER);
    snprintf(t.camera, sizeof t.camera, "%s", i % 2 ? "rear" : "front");
    snprintf(t.kind, sizeof t.kind, "video");
    snprintf(t.trigger_name, sizeof t.trigger_name, "%s", triggers[i % 5]);
    snprintf(bytes, 20, "%ld", i);
    stored_add(s, &t, bytes, (size_t)length);
    struct catalogue_arrival a = {.began_us = t.arrived_us,
                                  .ended_us = t.completed_us,
                                  .until_bytes = length,
                                  .packets = 1,
                                  .ended = "complete"};
    snprintf(a.peer, sizeof a.peer, "%s", t.peer);
    assert_ok(catalogue_arrival_add(s->catalogue, t.key, &a, &err));
    assert_ok(catalogue_event_note(s->catalogue, t.id, t.completed_us, CUSTODY_PUBLISHED,
                                   "dashspool 0.1.0 receive", &(struct custody_what){0}, &err));
    snprintf(slices, sizeof slices, ",\"slices_sha256\":\"%s\"", t.sha256);
    add_copy(s, &t, "working", "working.mp4", slices);
    add_copy(s, &t, "viewing", "viewing-DERIVED.mp4", "");
    add_copy(s, &t, "timing", "timing.json", "");
    assert_ok(catalogue_done_put(s->catalogue, t.key, "convert", t.completed_us, 1, &err));
}

static void make(void **state)
{
    struct stored s;
    struct err err;
    (void)state;
    assert_ok(fsx_mkdirs(root, &err));
    for (long i = 0; i < count;) {
        stored_open(&s, root);
        do
            add_one(&s, i++);
        while (i < count && i % BATCH != 0);
        stored_close(&s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(make)};
    if (argc < 3 || argc > 4 || (count = strtol(argv[2], NULL, 10)) < 1 ||
        (argc == 4 && ((length = strtol(argv[3], NULL, 10)) < 20 || length > BYTES_MAX))) {
        fprintf(stderr, "usage: growth_store ROOT COUNT [BYTES]\n");
        return 2;
    }
    root = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
