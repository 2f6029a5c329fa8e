/* Tracks: three formats that say the same, what is between the points, and bad files. */
#include "dashspool/track.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S INT64_C(1000000)

static struct track *parse(const char *text)
{
    struct err err;
    struct track *t = NULL;
    assert_ok(track_parse(&t, "x", text, strlen(text), NULL, &err));
    return t;
}

static void fails(int code, const char *text, const char *says)
{
    struct err err;
    struct track *t = NULL;
    assert_err(code, track_parse(&t, "x", text, strlen(text), NULL, &err));
    assert_null(t);
    if (!strstr(err.text, says))
        fail_msg("'%s' is not in '%s'", says, err.text);
}

static void near(double a, double b, double by)
{
    if (!(fabs(a - b) <= by))
        fail_msg("%.9g is not %.9g", a, b);
}

static bool here(const struct track *t, int64_t utc_us, struct track_point *out)
{
    return track_at(t, utc_us, out) == TRACK_HERE;
}

#define GPX(points) "<?xml version='1.0'?><gpx><trk><trkseg>" points "</trkseg></trk></gpx>"

static void test_between_points_in_proportion_to_time(void **state)
{
    (void)state;
    struct track_point p;
    struct track *t = parse("utc,lat,lon\n1000,10,20\n1010,10.001,20.002\n1021,10,20\n");
    assert_int_equal(t->n, 3);
    assert_true(here(t, 1002500000, &p));
    near(p.lat_deg, 10.00025, 1e-12);
    near(p.lon_deg, 20.0005, 1e-12);
    /* by hand: 0.001° of latitude are 111.195 m, 0.002° of longitude there 219.0 m; sqrt of the
     * squares 245.6 m in 10 s */
    near(p.speed_ms, 24.56, 0.01);
    assert_true(here(t, 1000 * S, &p) && p.lat_deg == 10);
    near(p.speed_ms, 24.56, 0.01);
    assert_true(here(t, 1010 * S, &p)); /* the gap behind it has no speed: the one before */
    near(p.speed_ms, 24.56, 0.01);
    assert_false(here(t, 1010 * S + 1, &p)); /* 11 s are a gap */
    assert_true(here(t, 1021 * S, &p));
    assert_true(isnan(p.speed_ms));
    assert_false(here(t, 1021 * S + 1, &p));
    assert_false(here(t, 1000 * S - 1, &p));
    track_free(&t);
}

static void test_the_short_way_across_the_antimeridian(void **state)
{
    (void)state;
    struct track_point p;
    struct track *t = parse("time,lat,lon\n0,0,179.9996\n8,0,-179.9996\n");
    assert_true(here(t, 2 * S, &p));
    near(p.lon_deg, 179.9998, 1e-9);
    near(p.speed_ms, 0.0008 * 111195.08 / 8, 1e-3);
    assert_true(here(t, 6 * S, &p));
    near(p.lon_deg, -179.9998, 1e-9);
    track_free(&t);
    t = parse("time,lat,lon\n0,0,-179.9996\n8,0,179.9996\n");
    assert_true(here(t, 6 * S, &p));
    near(p.lon_deg, 179.9998, 1e-9);
    track_free(&t);
}

static void test_given_speed_counts_order_and_duplicates_do_not(void **state)
{
    (void)state;
    struct track_point p;
    struct track *t = parse("\xef\xbb\xbfTime, LAT ,lon,x,speed_kmh\r\n\r\n"
                            "1970-01-01T00:00:05Z,1,2,,72\r\n5000,0,0,,\r\n,,,,\r\n"
                            "1970-01-01 02:00:01+02:00,1,2,,36\r\n1,1,2,,");
    assert_int_equal(t->n, 3);
    assert_true(here(t, 3 * S, &p));
    near(p.speed_ms, 15, 1e-9);
    track_free(&t);
    t = parse("time,lat,lon\n1533226488299,1,2\n1533226489.299,1,2\n");
    assert_int_equal(t->point[0].utc_us, INT64_C(1533226488299000));
    assert_int_equal(t->point[1].utc_us, INT64_C(1533226489299000));
    track_free(&t);
}

static void test_numbers_that_cannot_be_are_not_known(void **state)
{
    (void)state;
    struct track_point p;
    struct track *t = parse("time,lat,lon,speed_ms,altitude_m,course_deg,satellites\n"
                            "0,1,2,1e99,-1e9,361,-3\n20,1,2,-1,x,360,1e9\n"
                            "40,1,2,,,,\n40.000001,-1,2,,,,\n");
    for (int64_t s = 0; s < 3; s++) {
        assert_true(here(t, s * 20 * S, &p));
        assert_true(isnan(p.speed_ms) && isnan(p.altitude_m));
        assert_int_equal(p.satellites, -1);
        assert_true(s == 1 ? p.course_deg == 0 : isnan(p.course_deg));
    }
    track_free(&t);
}

static void test_nmea_with_checksums(void **state)
{
    (void)state;
    /* the sentences of the NMEA 0183 textbooks, and one second later over midnight */
    struct track_point p;
    struct track *t =
        parse("$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
              "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
              "$GPRMC,123520,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
              "$GPGSV,1,1,00*79\r\nnoise\r\n");
    assert_int_equal(t->n, 1);
    assert_int_equal(t->left_out[TRACK_UNREADABLE], 2);
    assert_int_equal(t->left_out[TRACK_NO_TIME], 1);    /* the first has no date yet */
    assert_true(here(t, INT64_C(764426119000000), &p)); /* 1994-03-23T12:35:19Z */
    near(p.lat_deg, 48.1173, 1e-9);
    near(p.lon_deg, 11 + 31 / 60.0, 1e-9);
    near(p.speed_ms, 11.5236, 1e-4);
    near(p.course_deg, 84.4, 1e-9);
    track_free(&t);
    fails(ERR_MALFORMED, "$GPRMC,123519,V,,,,,,,230394,,*2F\n", "x: no point");
}

static void test_gpx_of_both_versions(void **state)
{
    (void)state;
    struct track_point p;
    struct track *t = parse(
        GPX("<trkpt lat='1' lon='2'><time>2024-11-29T00:00:00Z</time><speed>5.5</speed></trkpt>"
            "<trkpt lat='1' lon='2'/><trkpt lat='1' lon='2'><ele>3</ele></trkpt>"
            "<trkpt lon='2.0001' lat='10001e-4'><ele>3</ele>\n<time> "
            "<![CDATA[2024-11-29]]>T00:00:01.500Z\n"
            "</time><extensions><t:x "
            "xmlns:t='urn:x'><t:speed>6.5</t:speed></t:x></extensions></trkpt>"));
    assert_int_equal(t->n, 2);
    assert_true(here(t, INT64_C(1732838400750000), &p));
    near(p.speed_ms, 6, 1e-9);
    near(p.lat_deg, 1.00005, 1e-9);
    track_free(&t);
}

/* ---- the tracker's own account ---- */

#define HEAD \
    "# dashspool tracker track 1\ntime,lat,lon,altitude_m,speed_kmh,course_deg,satellites,valid\n"
#define T0 INT64_C(1732838400000000) /* 2024-11-29T00:00:00Z */
#define DRIVE                                                                 \
    HEAD "2024-11-29T00:00:00.000Z,54.7000000,25.2000000,112,60,350,9,1\n"    \
         "2024-11-29T00:00:10.000Z,54.7010000,25.2020000,122,70,10,7,1\n"     \
         "2024-11-29T00:00:25.000Z,54.7020000,25.2020000,122,70,10,7,1\n"     \
         "2024-11-29T00:00:27.500Z,54.7020000,25.2020000,122,0,0,0,0\n"       \
         "2024-11-29T00:00:28.000Z,54.7030000,25.2020000,,40,,,1\n"           \
         "2024-11-29T00:00:28.250Z,,,,,,,0\n"                                 \
         "2024-11-29T00:00:29.000Z,-0.5000000,-25.2020000,-3.5,40.25,0,0,1\n" \
         "2024-11-29T00:00:44.001Z,54.7030000,25.2020000,0,40,0,5,1\n"

static char *written(const struct track *t, enum track_format format)
{
    static const struct track_label label = {
        .id = "clip <1>", .camera = "front", .source = "tracker", .own_source = ""};
    struct err err;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_ok(track_write(t, &label, format, &b, &err));
    char *text = calloc(1, b.used + 1);
    assert_non_null(text);
    memcpy(text, buf_data(&b), b.used);
    buf_clear(&b);
    return text;
}

static void state_is(const struct track *t, int64_t ms, enum track_state expected)
{
    struct track_point p;
    assert_int_equal(track_at(t, T0 + ms * 1000, &p), expected);
    if (expected != TRACK_HERE && !(isnan(p.lat_deg) && isnan(p.lon_deg) && isnan(p.speed_ms) &&
                                    isnan(p.course_deg) && isnan(p.altitude_m)))
        fail_msg("something is said of %lld ms", (long long)ms);
}

static void test_tracker_nothing_is_made_up_where_it_had_no_fix(void **state)
{
    (void)state;
    struct track_point p;
    struct track *t = parse(DRIVE);
    assert_int_equal(t->source, TRACK_TRACKER);
    assert_int_equal(t->n, 8);
    assert_true(here(t, T0 + 7500000, &p));
    near(p.lat_deg, 54.70075, 1e-9);
    near(p.lon_deg, 25.2015, 1e-9);
    near(p.speed_ms * 3.6, 67.5, 1e-9);
    near(p.course_deg, 5, 1e-9); /* 350 to 10 is by way of north */
    near(p.altitude_m, 119.5, 1e-9);
    assert_int_equal(p.satellites, 7);
    assert_true(here(t, T0 + 2500000, &p));
    near(p.course_deg, 355, 1e-9);
    assert_true(here(t, T0 + 24999999, &p)); /* 15 s are no gap */
    state_is(t, 0, TRACK_HERE);
    state_is(t, -1, TRACK_NO_DATA);
    state_is(t, 25000, TRACK_HERE);
    state_is(t, 25001, TRACK_NO_FIX); /* up to the record that says so, and from it */
    state_is(t, 27500, TRACK_NO_FIX);
    state_is(t, 27999, TRACK_NO_FIX);
    state_is(t, 28000, TRACK_HERE);
    state_is(t, 28001, TRACK_PRIVATE);
    state_is(t, 28250, TRACK_PRIVATE);
    state_is(t, 28999, TRACK_PRIVATE);
    state_is(t, 29000, TRACK_HERE);
    state_is(t, 29001, TRACK_NO_DATA); /* 15.001 s are one */
    state_is(t, 44001, TRACK_HERE);
    state_is(t, 44002, TRACK_NO_DATA);
    track_free(&t);
    /* no speed by way of distance: it is the tracker's own account */
    t = parse(
        HEAD
        "2024-11-29T00:00:00.000Z,54.7,25.2,,,,,1\n2024-11-29T00:00:10.000Z,54.8,25.2,,60,90,,1\n");
    assert_true(here(t, T0 + 5000000, &p) && isnan(p.speed_ms) && isnan(p.course_deg));
    assert_int_equal(p.satellites, -1);
    track_free(&t);
    t = parse(HEAD); /* asked, and nothing was there */
    assert_int_equal(t->n, 0);
    state_is(t, 0, TRACK_NO_DATA);
    track_free(&t);
}

static void test_tracker_file_is_the_same_bytes_again(void **state)
{
    (void)state;
    struct err err;
    struct track *t = parse(DRIVE), *again = NULL;
    char *text = written(t, TRACK_CSV);
    assert_string_equal(text, DRIVE);
    free(text);
    char *dir = support_tmp_dir(), sha256[HASH_HEX_ROOM], expected[HASH_HEX_ROOM];
    const char *path = support_path(dir, "clip.track.csv");
    assert_ok(track_save(t, path, sha256, &err));
    assert_ok(hash_text(DRIVE, strlen(DRIVE), expected, &err));
    assert_string_equal(sha256, expected);
    assert_ok(track_load(&again, path, NULL, &err));
    assert_int_equal(again->n, 8);
    track_free(&again);
    support_tmp_remove(&dir);
    struct track_point points[8];
    for (size_t i = 0; i < 8; i++)
        points[i] = t->point[7 - i];
    assert_ok(track_from(&again, TRACK_TRACKER, points, 8, &err));
    text = written(again, TRACK_CSV);
    assert_string_equal(text, DRIVE);
    free(text);
    track_free(&again);
    track_free(&t);
    /* of one moment: private hides, valid counts more, and what is hidden has no other numbers */
    struct track_point same[] = {TRACK_POINT_NONE, TRACK_POINT_NONE, TRACK_POINT_NONE};
    same[0].utc_us = same[1].utc_us = same[2].utc_us = T0;
    same[0].lat_deg = same[0].lon_deg = 1, same[0].valid = false;
    same[1].lat_deg = same[1].lon_deg = 2;
    same[2].speed_ms = 3, same[2].satellites = 4;
    assert_ok(track_from(&t, TRACK_TRACKER, same, 2, &err));
    assert_int_equal(t->n, 1);
    near(t->point[0].lat_deg, 2, 0);
    track_free(&t);
    assert_ok(track_from(&t, TRACK_TRACKER, same, 3, &err));
    text = written(t, TRACK_CSV);
    assert_string_equal(text, HEAD "2024-11-29T00:00:00.000Z,,,,,,,0\n");
    free(text);
    track_free(&t);
    same[1].lat_deg = 91;
    assert_err(ERR_MALFORMED, track_from(&t, TRACK_TRACKER, same, 3, &err));
    assert_null(t);
}

static void test_tracker_file_of_another_hand_is_refused(void **state)
{
    (void)state;
    fails(ERR_UNSUPPORTED, "# dashspool tracker track 2\n",
          "x: line 1: a track of another version");
    fails(ERR_UNSUPPORTED, "# dashspool tracker track 10\n", "a track of another version");
    fails(ERR_MALFORMED, "# dashspool tracker track 1\n", "line 1: its columns are not time,lat");
    fails(ERR_MALFORMED, "# dashspool tracker track 1\ntime,lat,lon\n", "line 2: its columns");
    fails(ERR_MALFORMED, HEAD "2024-11-29T00:00:00.000Z,,,,,,,0", "its end is missing");
    fails(ERR_MALFORMED, HEAD "\n", "line 3: a record has 8 columns");
    fails(ERR_MALFORMED, HEAD "1732838400,1,2,,,,,1\n", "line 3: a time ends with Z");
    fails(ERR_MALFORMED, HEAD "soonZ,1,2,,,,,1\n", "line 3: 'soonZ' is not a date and time");
    fails(ERR_MALFORMED, HEAD "2024-11-29T00:00:00.000Z,1,2,,,,,\n", "line 3: valid is neither");
    fails(ERR_MALFORMED, HEAD "2024-11-29T00:00:00.000Z,1,2,,,,,2\n", "line 3: valid is neither");
    fails(ERR_MALFORMED, HEAD "2024-11-29T00:00:00.000Z,1,,,,,,1\n", "line 3: lat and lon");
    fails(ERR_MALFORMED, HEAD "2024-11-29T00:00:00.000Z,,,,,,,1\n", "line 3: lat and lon");
    fails(ERR_MALFORMED, HEAD "2024-11-29T00:00:00.000Z,,,,60,,,0\n", "line 3: lat and lon");
    fails(ERR_MALFORMED, HEAD "2024-11-29T00:00:00.000Z,1,2,,x,,,0\n", "line 3: column 5 is not");
    fails(ERR_MALFORMED, HEAD "2024-11-29T00:00:00.000Z,1,200,,,,,0\n", "line 3: 1, 200 is not");
}

/* All formats have the numbers of the track file; what had no fix is on no map, nor is what was
 * private anywhere. */
static void test_tracker_in_all_formats(void **state)
{
    (void)state;
    struct track *t = parse(DRIVE);
    char *gpx = written(t, TRACK_GPX), *kml = written(t, TRACK_KML),
         *geojson = written(t, TRACK_GEOJSON), *json = written(t, TRACK_JSON);
    const char *const in_gpx[] = {
        "<trk><name>clip &lt;1&gt;</name><src>tracker</src>",
        "      <trkpt lat=\"54.7000000\" lon=\"25.2000000\"><ele>112</ele>"
        "<time>2024-11-29T00:00:00.000Z</time><sat>9</sat><extensions><gpxtpx:TrackPointExtension>"
        "<gpxtpx:speed>16.6667</gpxtpx:speed><gpxtpx:course>350</gpxtpx:course>"
        "</gpxtpx:TrackPointExtension></extensions></trkpt>\n",
        "<trkpt lat=\"-0.5000000\" lon=\"-25.2020000\"><ele>-3.5</ele>",
    };
    for (size_t i = 0; i < sizeof in_gpx / sizeof *in_gpx; i++)
        assert_non_null(strstr(gpx, in_gpx[i]));
    int segments = 0, points = 0;
    for (const char *p = gpx; (p = strstr(p, "<trkseg>")); p++)
        segments++;
    for (const char *p = gpx; (p = strstr(p, "<trkpt ")); p++)
        points++;
    assert_int_equal(segments, 4); /* 0 to 25 s; 28 s; 29 s; 44 s */
    assert_int_equal(points, 6);
    assert_null(strstr(gpx, "27.500Z"));
    struct track *again = parse(gpx); /* and is read again */
    assert_int_equal(again->n, 6);
    near(again->point[0].speed_ms, 60 / 3.6, 1e-4);
    near(again->point[1].course_deg, 10, 0);
    near(again->point[1].altitude_m, 122, 0);
    assert_int_equal(again->point[1].satellites, 7);
    track_free(&again);
    assert_non_null(strstr(kml, "25.2000000,54.7000000\n    25.2020000,54.7010000\n"));
    assert_non_null(strstr(geojson, "\"speeds_kmh\": [\n     60,\n     70,\n     70\n    ]"));
    assert_non_null(strstr(geojson, "\"source\": \"tracker\""));
    assert_non_null(strstr(json,
                           "{\n   \"time\": \"2024-11-29T00:00:27.500Z\",\n   \"lat\": 54.702,\n"
                           "   \"lon\": 25.202,\n   \"altitude_m\": 122,\n   \"speed_kmh\": 0,\n"
                           "   \"course_deg\": 0,\n   \"satellites\": 0,\n   \"valid\": false,\n"
                           "   \"private\": false\n  }"));
    assert_non_null(strstr(json,
                           "\"2024-11-29T00:00:28.250Z\",\n   \"lat\": null,\n   \"lon\": null,\n"
                           "   \"altitude_m\": null,\n   \"speed_kmh\": null,\n"
                           "   \"course_deg\": null,\n   \"satellites\": null,\n"
                           "   \"valid\": false,\n   \"private\": true"));
    free(gpx);
    free(kml);
    free(geojson);
    free(json);
    track_free(&t);
}

static void test_a_part_has_ends_of_its_own(void **state)
{
    (void)state;
    struct err err;
    struct track *t = parse(DRIVE), *part;
    assert_ok(track_cut(&part, t, T0 + 5000000, T0 + 28000000, &err));
    char *text = written(part, TRACK_CSV);
    assert_string_equal(text, HEAD "2024-11-29T00:00:05.000Z,54.7005000,25.2010000,117,65,0,7,1\n"
                                   "2024-11-29T00:00:10.000Z,54.7010000,25.2020000,122,70,10,7,1\n"
                                   "2024-11-29T00:00:25.000Z,54.7020000,25.2020000,122,70,10,7,1\n"
                                   "2024-11-29T00:00:27.500Z,54.7020000,25.2020000,122,0,0,0,0\n"
                                   "2024-11-29T00:00:28.000Z,54.7030000,25.2020000,,40,,,1\n");
    free(text);
    track_free(&part);
    assert_ok(track_cut(&part, t, T0 + 30000000, T0 + 40000000, &err));
    assert_int_equal(part->n, 0);
    track_free(&part);
    track_free(&t);
}

static void test_files_without_a_point_are_told_why(void **state)
{
    (void)state;
    fails(ERR_MALFORMED, "", "x: the file is empty");
    fails(ERR_MALFORMED, " \n", "x: the file is empty");
    fails(ERR_MALFORMED, "a video\n", "x: line 1: neither GPX nor NMEA");
    fails(ERR_MALFORMED, "utc,lat,lon\n", "x: no point with both position and time");
    fails(ERR_MALFORMED, "utc,lat,lon\n0,nan,2\n0,1\nsoon,1,1\n0,0,0\n",
          "x: no point with both position and time: 3 points left out (1 without a time, 1 with no "
          "position on Earth, 1 that cannot be read), 1 point without a fix");
    fails(ERR_MALFORMED, "<kml>\n</kml>", "x: line 1: this XML is not GPX, it is 'kml'");
    fails(ERR_MALFORMED, "<gpx>\n<trk>", "x: no point with both position and time: its end is");
    fails(ERR_MALFORMED, GPX("<trkpt lat='1' lon='2'/>"), "1 point left out (1 without a time)");
    fails(ERR_MALFORMED, "<gpx><rte><rtept lat='1' lon='2'/></rte><wpt lat='1' lon='2'/></gpx>",
          "x: it has no track, but 2 way points");
    fails(ERR_MALFORMED, "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n",
          "x: none of its sentences tells a date");
    fails(ERR_UNSUPPORTED, "{\"type\":\"FeatureCollection\"}", "x: it is JSON; a track is GPX");
    fails(ERR_UNSUPPORTED, "\xef\xbb\xbf\n [1]", "x: it is JSON; a track is GPX");
    fails(ERR_UNSUPPORTED, "\x1f\x8b\x08", "x: it is packed with gzip: unpack it first");
    fails(ERR_UNSUPPORTED,
          "<!DOCTYPE gpx [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><gpx><trk>&a;</trk></gpx>",
          "a document type");
    struct err err;
    struct track *t;
    assert_int_not_equal(track_load(&t, "/nonexistent/track", NULL, &err), ERR_OK);
    assert_null(t);
}

static void test_too_much_is_refused(void **state)
{
    (void)state;
    size_t n = 100000, used = 0;
    char *deep = malloc(n * 3 + 16);
    assert_non_null(deep);
    used = (size_t)snprintf(deep, 16, "<gpx>");
    for (size_t i = 0; i < n; i++)
        memcpy(deep + used + 3 * i, "<a>", 4);
    fails(ERR_MALFORMED, deep, "epth");
    free(deep);
    struct err err;
    struct track *t = NULL;
    assert_err(ERR_LIMIT, track_parse(&t, "x", "utc", (size_t)TRACK_BYTES_MAX + 1, NULL, &err));
    char *rows = malloc((TRACK_POINTS_MAX + 2) * 12);
    assert_non_null(rows);
    used = (size_t)snprintf(rows, 16, "utc,lat,lon\n");
    for (int i = 0; i < TRACK_POINTS_MAX + 1; i++)
        used += (size_t)snprintf(rows + used, 12, "%d,1,1\n", i % 1000);
    fails(ERR_LIMIT, rows, "line 1000002: more than 1000000 points");
    free(rows);
}

static void test_real_drive_says_the_same_in_three_formats(void **state)
{
    (void)state;
    struct err err;
    struct track *csv = NULL, *gpx = NULL, *nmea;
    struct track_point a, b, c;
    assert_ok(track_load(&csv, support_data("gps/comma2k19-drive.csv"), NULL, &err));
    assert_ok(track_load(&gpx, support_data("gps/comma2k19-drive.gpx"), NULL, &err));
    assert_int_equal(csv->n, 200);
    assert_int_equal(gpx->n, 200);
    /* the CSV as a receiver would have said it, GGA and RMC, to 10^-5 minutes */
    char *text = malloc(csv->n * 200);
    size_t used = 0;
    assert_non_null(text);
    for (size_t i = 0; i < csv->n; i++)
        for (int rmc = 1; rmc >= 0; rmc--) {
            const struct track_point *p = &csv->point[i];
            int ms = (int)(p->utc_us / 1000 % 86400000);
            char body[128];
            unsigned sum = 0;
            double lat = fabs(p->lat_deg), lon = fabs(p->lon_deg);
            snprintf(body, sizeof body,
                     rmc ? "GPRMC,%02d%02d%02d.%03d,A,%02d%08.5f,N,%03d%08.5f,W,%.3f,,020818,,"
                         : "GPGGA,%02d%02d%02d.%03d,%02d%08.5f,N,%03d%08.5f,W,1",
                     ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000, (int)lat,
                     (lat - (int)lat) * 60, (int)lon, (lon - (int)lon) * 60,
                     p->speed_ms * 3600 / 1852);
            for (const char *q = body; *q; q++)
                sum ^= (unsigned char)*q;
            used += (size_t)snprintf(text + used, 200, "$%s*%02X\r\n", body, sum);
        }
    nmea = parse(text);
    free(text);
    assert_int_equal(nmea->n, 200);
    for (int64_t at = csv->point[0].utc_us; at < csv->point[199].utc_us; at += 333333) {
        assert_true(here(csv, at, &a) && here(gpx, at, &b) && here(nmea, at, &c));
        near(a.lat_deg, b.lat_deg, 1e-9);
        near(a.lon_deg, b.lon_deg, 1e-9);
        near(a.lat_deg, c.lat_deg, 2e-7);
        near(a.lon_deg, c.lon_deg, 2e-7);
        near(a.speed_ms, b.speed_ms, 1); /* the receiver's (Doppler) and the one of the positions */
        near(a.speed_ms, c.speed_ms, 0.01);
    }
    track_free(&csv);
    track_free(&gpx);
    track_free(&nmea);
    assert_ok(track_load(&gpx, support_data("gps/around-visnjan-with-car.gpx"), NULL, &err));
    assert_true(here(gpx, INT64_C(1608272229500000), &a)); /* 2020-12-18T06:17:09.5Z */
    near(a.lat_deg, (45.2725240868 + 45.2725872025) / 2, 1e-9);
    track_free(&gpx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between_points_in_proportion_to_time),
        cmocka_unit_test(test_the_short_way_across_the_antimeridian),
        cmocka_unit_test(test_given_speed_counts_order_and_duplicates_do_not),
        cmocka_unit_test(test_numbers_that_cannot_be_are_not_known),
        cmocka_unit_test(test_nmea_with_checksums),
        cmocka_unit_test(test_gpx_of_both_versions),
        cmocka_unit_test(test_tracker_nothing_is_made_up_where_it_had_no_fix),
        cmocka_unit_test(test_tracker_file_is_the_same_bytes_again),
        cmocka_unit_test(test_tracker_file_of_another_hand_is_refused),
        cmocka_unit_test(test_tracker_in_all_formats),
        cmocka_unit_test(test_a_part_has_ends_of_its_own),
        cmocka_unit_test(test_files_without_a_point_are_told_why),
        cmocka_unit_test(test_too_much_is_refused),
        cmocka_unit_test(test_real_drive_says_the_same_in_three_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
