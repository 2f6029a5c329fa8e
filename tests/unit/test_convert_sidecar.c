/* Subtitles, GPX and GeoJSON of a made-up clip, to the byte. */
#include "dashspool/fsx.h"
#include "footage/convert/copies.h"
#include "support/footage.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *dir;
static struct media m;
static struct media_picture picture[8];
static struct media_facts facts;
static struct convert_options options;

/* Five pictures, half a second apart, in decoding order 0 2 1 3 4; the first does not count. */
static int set_up(void **state)
{
    (void)state;
    static const int64_t time_us[] = {0, 500000, 1500000, 1000000, 2000000, 2500000};
    dir = support_tmp_dir();
    m = (struct media){.picture = picture,
                       .n_pictures = 6,
                       .first = 1,
                       .start_us = 500000,
                       .duration_us = 2500000};
    for (int i = 0; i < 6; i++)
        picture[i] = (struct media_picture){.time_us = time_us[i]};
    facts = footage_facts();
    options = footage_options(COPY_SRT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static void gives(copy_fn *make, enum copy_kind kind, struct track *track, const char *expected)
{
    struct err err;
    char path[512];
    struct osd_context c = {.facts = &facts,
                            .options = &options,
                            .track = track,
                            .start_us = 500000,
                            .end_us = 2500000,
                            .is_video = true};
    struct copy_task t = {.m = &m,
                          .kind = kind,
                          .path = path,
                          .stem = "clip",
                          .facts = &facts,
                          .options = &options,
                          .osd = &c};
    assert_ok(template_compile(&c.template, options.osd_template, &err));
    snprintf(path, sizeof path, "%s/out", dir);
    support_write(path, "", 0);
    assert_ok(make(&t, &err));
    struct buf b = support_read(path);
    char *text = calloc(1, b.used + 1);
    assert_non_null(text);
    memcpy(text, buf_data(&b), b.used);
    assert_string_equal(text, expected);
    free(text);
    buf_clear(&b);
}

static void test_subtitles_change_with_the_second(void **state)
{
    (void)state;
    gives(copy_subtitles, COPY_SRT, NULL,
          "1\n00:00:00,000 --> 00:00:00,500\n"
          "2024-11-29 09:23:45 +02:00  54.70042° N  25.25000° E\n"
          "front  crash  IMEI 350612071913857\n\n"
          "2\n00:00:00,500 --> 00:00:01,500\n"
          "2024-11-29 09:23:46 +02:00  54.70042° N  25.25000° E\n"
          "front  crash  IMEI 350612071913857\n\n"
          "3\n00:00:01,500 --> 00:00:02,500\n"
          "2024-11-29 09:23:47 +02:00  54.70042° N  25.25000° E\n"
          "front  crash  IMEI 350612071913857\n\n");
    facts.has_time = facts.has_position = false;
    gives(copy_subtitles, COPY_VTT, NULL,
          "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\n"
          "0:00 from the start  frame 1  position unknown\n"
          "front  crash  IMEI 350612071913857\n\n"
          "2\n00:00:01.000 --> 00:00:02.000\n"
          "0:01 from the start  frame 3  position unknown\n"
          "front  crash  IMEI 350612071913857\n\n"
          "3\n00:00:02.000 --> 00:00:02.500\n"
          "0:02 from the start  frame 5  position unknown\n"
          "front  crash  IMEI 350612071913857\n\n");
}

static void test_subtitles_have_no_commands(void **state)
{
    (void)state;
    facts.has_time = false;
    snprintf(options.osd_template, sizeof options.osd_template,
             "<i>{note}\\n\\n{picture} {{\\\\}}");
    snprintf(options.note, sizeof options.note, "a-->b & {\\an8}");
    gives(copy_subtitles, COPY_SRT, NULL,
          "1\n00:00:00,000 --> 00:00:02,500\n‹i›a--›b & (/an8)\n1 (//)\n\n");
    gives(copy_subtitles, COPY_VTT, NULL,
          "WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.500\n&lt;i&gt;a--&gt;b &amp; {\\an8}\n1 "
          "{\\\\}\n\n");
}

#define GPX_BEGIN                                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gpx version=\"1.1\" " \
    "creator=\"dashspool\" xmlns=\"http://www.topografix.com/GPX/1/1\""
#define GPX_HEAD GPX_BEGIN ">\n"
#define GPX_HEAD_SPEED \
    GPX_BEGIN " xmlns:gpxtpx=\"http://www.garmin.com/xmlschemas/TrackPointExtension/v2\">\n"
#define GPX_SPEED(speed)                                                             \
    "<extensions><gpxtpx:TrackPointExtension><gpxtpx:speed>" speed "</gpxtpx:speed>" \
    "</gpxtpx:TrackPointExtension></extensions>"

static void test_gpx_of_the_camera_and_of_a_track(void **state)
{
    (void)state;
    snprintf(facts.id, sizeof facts.id, "a<b>&\"\x01\xff");
    gives(copy_place, COPY_GPX, NULL,
          GPX_HEAD "  <wpt lat=\"54.7004200\" lon=\"25.2500000\"><time>2024-11-29T07:23:45.750Z"
                   "</time><name>a&lt;b&gt;&amp;&quot;?\?</name><desc>front</desc>"
                   "<src>camera metadata</src></wpt>\n</gpx>\n");
    int64_t t0 = facts.start_utc_us;
    struct track_point p[] = {FOOTAGE_POINT(t0, 54, 25, NAN),
                              FOOTAGE_POINT(t0 + 1000000, 54.002, 25, NAN),
                              FOOTAGE_POINT(t0 + 11000001, 55, 25, NAN)};
    struct track track = {.point = p, .n = 3};
    facts.has_position = false;
    facts.id[0] = '\0';
    gives(copy_place, COPY_GPX, &track,
          GPX_HEAD_SPEED "  <trk><name>clip</name><src>external track</src>\n    <trkseg>\n"
                         "      <trkpt lat=\"54.0010000\" lon=\"25.0000000\">"
                         "<time>2024-11-29T07:23:45.750Z</time>" GPX_SPEED(
                             "222.3902") "</trkpt>\n"
                                         "      <trkpt lat=\"54.0020000\" lon=\"25.0000000\">"
                                         "<time>2024-11-29T07:23:46.250Z</time>" GPX_SPEED(
                                             "222.3902") "</trkpt>\n"
                                                         "    </trkseg>\n  </trk>\n</gpx>\n");
}

#define KML_HEAD                                   \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" \
    "<kml xmlns=\"http://www.opengis.net/kml/2.2\"><Document>\n"

static void test_kml_of_the_camera_and_of_a_track(void **state)
{
    (void)state;
    snprintf(facts.id, sizeof facts.id, "a<b>&");
    gives(copy_place, COPY_KML, NULL,
          KML_HEAD "  <Placemark><name>a&lt;b&gt;&amp;</name><description>front, camera metadata"
                   "</description><TimeStamp><when>2024-11-29T07:23:45.750Z</when></TimeStamp>"
                   "<Point><coordinates>25.2500000,54.7004200</coordinates></Point></Placemark>\n"
                   "</Document></kml>\n");
    int64_t t0 = facts.start_utc_us;
    struct track_point p[] = {FOOTAGE_POINT(t0, 54, 25, NAN),
                              FOOTAGE_POINT(t0 + 1000000, 54.002, 25, NAN),
                              FOOTAGE_POINT(t0 + 11000001, 55, 25, NAN)};
    struct track track = {.point = p, .n = 3};
    facts.has_position = false;
    facts.camera[0] = '\0';
    gives(copy_place, COPY_KML, &track,
          KML_HEAD "  <Placemark><name>a&lt;b&gt;&amp;</name><description>external track"
                   "</description><TimeSpan><begin>2024-11-29T07:23:45.750Z</begin>"
                   "<end>2024-11-29T07:23:46.250Z</end></TimeSpan><LineString><coordinates>\n"
                   "    25.0000000,54.0010000\n    25.0000000,54.0020000\n"
                   "  </coordinates></LineString></Placemark>\n</Document></kml>\n");
}

static void test_without_a_position_the_file_is_empty_and_says_so(void **state)
{
    (void)state;
    facts.lon_deg = 181;
    gives(copy_place, COPY_GPX, NULL, GPX_HEAD "</gpx>\n");
    assert_string_equal(m.warning, "no position is known: the GPX file has none");
    m.warning[0] = '\0';
    gives(copy_place, COPY_GEOJSON, NULL,
          "{\n \"type\": \"FeatureCollection\",\n \"features\": []\n}\n");
    assert_string_equal(m.warning, "no position is known: the GeoJSON file has none");
}

static void test_geojson_of_the_camera_and_of_a_track(void **state)
{
    (void)state;
    int64_t t0 = facts.start_utc_us;
    struct track_point p[] = {FOOTAGE_POINT(t0 + 500000, -54, -25.5, 10),
                              FOOTAGE_POINT(t0 + 2500000, -54.1234567, -25, 20.125)};
    struct track track = {.point = p, .n = 2};
    snprintf(facts.id, sizeof facts.id, "a\"\\b");
    facts.camera[0] = '\0';
    gives(copy_place, COPY_GEOJSON, &track,
          "{\n \"type\": \"FeatureCollection\",\n \"features\": [\n"
          "  {\n   \"type\": \"Feature\",\n   \"geometry\": {\n    \"type\": \"Point\",\n"
          "    \"coordinates\": [\n     25.25,\n     54.70042\n    ]\n   },\n"
          "   \"properties\": {\n    \"id\": \"a\\\"\\\\b\",\n"
          "    \"time\": \"2024-11-29T07:23:45.750Z\",\n    \"source\": \"camera metadata\"\n   }\n"
          "  },\n"
          "  {\n   \"type\": \"Feature\",\n   \"geometry\": {\n    \"type\": \"LineString\",\n"
          "    \"coordinates\": [\n     [\n      -25.5,\n      -54.0\n     ],\n"
          "     [\n      -25.0,\n      -54.1234567\n     ]\n    ]\n   },\n"
          "   \"properties\": {\n    \"id\": \"a\\\"\\\\b\",\n"
          "    \"time\": \"2024-11-29T07:23:45.750Z\",\n    \"source\": \"external track\",\n"
          "    \"times\": [\n     \"2024-11-29T07:23:45.750Z\",\n"
          "     \"2024-11-29T07:23:47.750Z\"\n    ],\n"
          "    \"speeds_kmh\": [\n     36,\n     72.45\n    ]\n   }\n  }\n ]\n}\n");
}

static void test_a_track_that_does_not_fit_is_not_used_and_said(void **state)
{
    (void)state;
    struct err err;
    struct osd_context c;
    snprintf(options.track_path, sizeof options.track_path, "%s/t.csv", dir);
    support_write(options.track_path, "utc,lat,lon\n0,1,2\n", 18);
    assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
    assert_null(c.track);
    assert_string_equal(
        m.warning,
        "the track t.csv is not used: it does not cover the time of the clip, it tells of "
        "1970-01-01T00:00:00Z to 1970-01-01T00:00:00Z");
    osd_context_clear(&c);
    m.warning[0] = '\0';
    facts.has_time = false;
    assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
    assert_null(c.track);
    assert_string_equal(m.warning, "the track t.csv is not used: the time of the clip is unknown");
    osd_context_clear(&c);
    m.warning[0] = '\0';
    facts.has_time = true;
    static const char part[] =
        "utc,lat,lon\n2024-11-29T07:23:45.1Z,1,2\n2024-11-29T07:23:46Z,1,2\n";
    support_write(options.track_path, part, strlen(part));
    assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
    assert_non_null(c.track);
    assert_string_equal(m.warning, "the track t.csv does not cover the whole clip");
    osd_context_clear(&c);
}

/* An extra: the copies are made all the same. Only which of two vehicles it is, is asked. */
static void test_a_track_that_cannot_be_read_is_no_reason_to_stop(void **state)
{
    (void)state;
    struct err err;
    struct osd_context c;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"x", "the track is not used: t.csv: line 1: neither GPX nor NMEA"},
        {"utc,lat,lon\n,1,2\n", "t.csv: no point with both position and time: 1 point left out"},
        {NULL, "No such file"},
    };
    snprintf(options.track_path, sizeof options.track_path, "%s/t.csv", dir);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (bad[i].text)
            support_write(options.track_path, bad[i].text, strlen(bad[i].text));
        else
            assert_int_equal(unlink(options.track_path), 0);
        m.warning[0] = '\0';
        assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
        assert_null(c.track);
        assert_string_equal(c.no_track, m.warning);
        if (!strstr(m.warning, bad[i].says))
            fail_msg("'%s' is not in '%s'", bad[i].says, m.warning);
        osd_context_clear(&c);
    }
    static const char two[] = "utc,lat,lon,vehicle\n2024-11-29T07:23:45Z,1,2,A\n"
                              "2024-11-29T07:23:46Z,1,2,B\n2024-11-29T07:23:47Z,1,2,A\n"
                              "2024-11-29T07:23:48Z,1,2,B\n";
    support_write(options.track_path, two, strlen(two));
    assert_err(ERR_CONFIG, osd_context_init(&c, &m, &facts, &options, &err));
    assert_non_null(strstr(err.text, "say with --track-name which one is meant: t.csv: 2 tracks"));
    osd_context_clear(&c);
    snprintf(options.track_name, sizeof options.track_name, "B");
    assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
    assert_non_null(c.track);
    osd_context_clear(&c);
    options.track_name[0] = '\0';
}

/* With its hash a track is the tracker's own, and must be that one. */
static void test_the_trackers_track_is_the_one_that_was_named(void **state)
{
    (void)state;
    struct err err;
    struct osd_context c;
    static const char head[] = "# dashspool tracker track 1\n"
                               "time,lat,lon,altitude_m,speed_kmh,course_deg,satellites,valid\n";
    static const char csv[] = "utc,lat,lon\n2024-11-29T07:23:45Z,1,2\n2024-11-29T07:23:49Z,1,2\n";
    char own[400];
    snprintf(own, sizeof own,
             "%s2024-11-29T07:23:45.000Z,1,2,,10,,9,1\n"
             "2024-11-29T07:23:49.000Z,1,2,,10,,9,1\n",
             head);
    snprintf(options.track_path, sizeof options.track_path, "%s/t.csv", dir);
    support_write(options.track_path, own, strlen(own));
    assert_ok(hash_text(own, strlen(own), options.track_sha256, &err));
    assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
    assert_true(c.track && c.tracker && c.placed && !c.private_mode);
    assert_string_equal(osd_place_at(&c, 500000).source, "tracker");
    assert_string_equal(m.warning, "");
    osd_context_clear(&c);
    /* a position that is hidden needs no track, and reads none */
    options.hide = CONVERT_HIDE_POSITION;
    assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
    assert_null(c.track);
    osd_context_clear(&c);
    options.hide = 0;
    /* by hand it is a file as any other, though its rules are the tracker's */
    char sha256[HASH_HEX_ROOM];
    memcpy(sha256, options.track_sha256, sizeof sha256);
    options.track_sha256[0] = '\0';
    assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
    assert_string_equal(osd_place_at(&c, 500000).source, "track");
    osd_context_clear(&c);
    /* another one */
    memcpy(options.track_sha256, sha256, sizeof sha256);
    support_write(options.track_path, csv, strlen(csv));
    assert_err(ERR_MALFORMED, osd_context_init(&c, &m, &facts, &options, &err));
    assert_non_null(strstr(err.text, "t.csv is not the tracker's track: SHA-256 "));
    osd_context_clear(&c);
    assert_ok(hash_text(csv, strlen(csv), options.track_sha256, &err));
    assert_err(ERR_MALFORMED, osd_context_init(&c, &m, &facts, &options, &err));
    assert_non_null(strstr(err.text, "t.csv is not of a tracker"));
    osd_context_clear(&c);
    options.track_path[0] = '\0';
    assert_err(ERR_CONFIG, osd_context_init(&c, &m, &facts, &options, &err));
    assert_non_null(strstr(err.text, "is not there"));
    osd_context_clear(&c);
    /* of another time: the camera's single position is told as if there were none */
    snprintf(own, sizeof own, "%s2024-11-29T08:23:45.000Z,1,2,,10,,9,1\n", head);
    snprintf(options.track_path, sizeof options.track_path, "%s/t.csv", dir);
    support_write(options.track_path, own, strlen(own));
    assert_ok(hash_text(own, strlen(own), options.track_sha256, &err));
    assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
    assert_null(c.track);
    assert_string_equal(osd_place_at(&c, 500000).source, "camera metadata");
    assert_string_equal(m.warning,
                        "the tracker's track is not used: it does not cover the time of the clip");
    osd_context_clear(&c);
    /* private for a moment, between two seconds */
    snprintf(own, sizeof own,
             "%s2024-11-29T07:23:45.000Z,1,2,,10,,9,1\n"
             "2024-11-29T07:23:46.100Z,1,2,,10,,9,1\n"
             "2024-11-29T07:23:46.200Z,,,,,,,0\n"
             "2024-11-29T07:23:46.300Z,1,2,,10,,9,1\n"
             "2024-11-29T07:23:49.000Z,1,2,,10,,9,1\n",
             head);
    support_write(options.track_path, own, strlen(own));
    assert_ok(hash_text(own, strlen(own), options.track_sha256, &err));
    assert_ok(osd_context_init(&c, &m, &facts, &options, &err));
    assert_true(c.private_mode);
    osd_context_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_subtitles_change_with_the_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_subtitles_have_no_commands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gpx_of_the_camera_and_of_a_track, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_position_the_file_is_empty_and_says_so,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kml_of_the_camera_and_of_a_track, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_geojson_of_the_camera_and_of_a_track, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_trackers_track_is_the_one_that_was_named, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_track_that_does_not_fit_is_not_used_and_said, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_track_that_cannot_be_read_is_no_reason_to_stop,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
