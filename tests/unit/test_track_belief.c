/* What of a person's file is believed: bad points, places to which no vehicle can have come,
 * segments, several tracks; and that the rest of the file is used all the same. */
#include "dashspool/hash.h"
#include "dashspool/track.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S  INT64_C(1000000)
#define T0 INT64_C(1732870800000000) /* 2024-11-29T09:00:00Z */

static struct track *parse(const char *text, size_t n, const struct track_use *use)
{
    struct err err;
    struct track *t = NULL;
    assert_ok(track_parse(&t, "x", text, n, use, &err));
    return t;
}

static struct track *load(const char *name)
{
    struct err err;
    struct track *t = NULL;
    char path[64];
    snprintf(path, sizeof path, "track/%s", name);
    assert_ok(track_load(&t, support_data(path), NULL, &err));
    return t;
}

static void notes_are(const struct track *t, const char *expected)
{
    char notes[TRACK_NOTES_ROOM];
    assert_string_equal(track_notes(t, notes), expected);
}

/* At each half second from..until (of T0): km/h as it is shown, "-" where nothing is, "x": no fix.
 * Anything above the limit is a failure wherever it is. */
static void shows(const struct track *t, int from_s, int until_s, const char *expected)
{
    char text[256] = "";
    size_t used = 0;
    for (int half = 2 * from_s; half <= 2 * until_s; half++) {
        struct track_point p;
        enum track_state is = track_at(t, T0 + half * S / 2, &p);
        if (is == TRACK_HERE) {
            assert_true(fabs(p.lat_deg) > 1 && !(p.speed_ms > 300 / 3.6));
            used += (size_t)snprintf(text + used, sizeof text - used, "%.0f ",
                                     isnan(p.speed_ms) ? -1 : p.speed_ms * 3.6);
        } else
            used += (size_t)snprintf(text + used, sizeof text - used, "%s",
                                     is == TRACK_NO_FIX ? "x " : "- ");
    }
    assert_string_equal(text, expected);
}

#define HEAD "utc,lat,lon\n"

/* A row of CSV: seconds behind T0, metres north of 54 N 25 E. */
#define ROOM 400000
struct file {
    char *text;
    size_t n;
};

static struct file begin(const char *head)
{
    struct file f = {malloc(ROOM), strlen(head)};
    assert_non_null(f.text);
    memcpy(f.text, head, f.n);
    return f;
}

static void row(struct file *f, double at_s, double north_m, const char *behind)
{
    f->n += (size_t)snprintf(f->text + f->n, ROOM - f->n, "%.3f,%.8f,25%s\n",
                             (double)T0 / 1e6 + at_s, 54 + north_m / 111195.08, behind);
}

static struct track *end(struct file *f, const struct track_use *use)
{
    struct track *t = parse(f->text, f->n, use);
    free(f->text);
    return t;
}

/* ---- no fix ---- */

static void test_zero_zero_is_no_fix(void **state)
{
    (void)state;
    struct track *t = load("zeros.gpx");
    shows(t, -2, 3, "46 46 46 x x x x x 46 46 46 ");
    notes_are(t, "2 points without a fix");
    assert_int_equal(t->no_fix, 2);
    track_free(&t);
    /* in CSV and NMEA, too; but not at the equator, nor on the meridian of Greenwich */
    static const char csv[] = "utc,lat,lon\n1,0,0\n2,-0.0000001,0.0000001\n3,0,25\n4,54,0\n";
    t = parse(csv, sizeof csv - 1, NULL);
    assert_int_equal(t->no_fix, 2);
    track_free(&t);
    static const char nmea[] = "$GPRMC,090000.00,A,0000.0000,N,00000.0000,E,0,0,291124,,,A\n"
                               "$GPRMC,090001.00,V,,,,,,,291124,,,N\n$GPRMC,090002.00,A,5442.0,N,"
                               "02515.0,E,0,0,291124,,,A\n"
                               "$GPGGA,090003.00,5442.0,N,02515.0,E,0,00,99.9,,M,,M,,\n"
                               "$GPRMC,090004.00,A,5442.0,N,02515.0,E,0,0,291124,,,A\n";
    t = parse(nmea, sizeof nmea - 1, NULL);
    shows(t, 0, 4, "x x x x 0 x x x 0 ");
    notes_are(t, "3 points without a fix, no checksums");
    track_free(&t);
    static const char gpx[] =
        "<gpx><trk><trkseg><trkpt lat='54' lon='25'><time>2024-11-29T09:00:00Z</time></trkpt>"
        "<trkpt lat='54' lon='25'><time>2024-11-29T09:00:01Z</time><fix>none</fix></trkpt>"
        "<trkpt lat='54' lon='25'><time>2024-11-29T09:00:02Z</time><fix>3d</fix></trkpt>"
        "</trkseg></trk></gpx>";
    t = parse(gpx, sizeof gpx - 1, NULL);
    shows(t, 0, 2, "-1 x x x -1 ");
    track_free(&t);
}

/* ---- where no vehicle can have come ---- */

static void test_a_point_too_far_is_left_out_and_counted(void **state)
{
    (void)state;
    static const char *const note[] = {
        "1 point left out (1 where no vehicle can have come: above 300 km/h)",
        "2 points left out (2 where no vehicle can have come: above 300 km/h)"};
    /* in the middle, at the beginning, at the end, twice in a row, at the time of a good one */
    static const struct {
        double at_s[2];
        int n;
    } far[] = {{{3.5}, 1}, {{-1}, 1}, {{7}, 1}, {{2.4, 2.6}, 2}, {{2}, 1}, {{-1, 7}, 2}};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        struct file f = begin(HEAD);
        for (int s = 0; s <= 6; s++)
            row(&f, s, s * 10, "");
        for (int k = 0; k < far[i].n; k++)
            row(&f, far[i].at_s[k], -90000 - 40000 * k, "");
        struct track *t = end(&f, NULL);
        shows(t, -1, 7, "- - 36 36 36 36 36 36 36 36 36 36 36 36 36 - - ");
        assert_int_equal(t->left_out[TRACK_TOO_FAST], far[i].n);
        notes_are(t, note[far[i].n - 1]);
        track_free(&t);
    }
}

static void test_how_fast_is_impossible_is_a_setting(void **state)
{
    (void)state;
    struct track_use use = TRACK_USE_ANY;
    for (int limit = 100; limit <= 500; limit += 200) {
        struct file f = begin(HEAD);
        for (int s = 0; s < 20; s++)
            row(&f, s, s * 70, ""); /* 252 km/h */
        use.speed_max_kmh = limit;
        struct track *t = end(&f, &use);
        assert_int_equal(t->left_out[TRACK_TOO_FAST] == 0, limit > 252);
        struct track_point p;
        for (int tenth = 0; tenth < 200; tenth++)
            if (track_at(t, T0 + tenth * S / 10, &p) == TRACK_HERE)
                assert_true(isnan(p.speed_ms) || p.speed_ms * 3.6 <= limit);
        track_free(&t);
    }
    /* nor is it shown if the file says so itself; then it is that of the points */
    static const char csv[] = "utc,lat,lon,speed_kmh\n1732870800,54,25,900\n1732870801,54,25,20\n";
    struct track *t = parse(csv, sizeof csv - 1, NULL);
    shows(t, 0, 1, "0 0 20 ");
    notes_are(t, "1 speed above 300 km/h not taken");
    track_free(&t);
}

/* An outage in which the receiver is elsewhere, as by spoofing, is bridged; but what was put behind
 * each other stays, in two pieces. */
static void test_far_away_for_long(void **state)
{
    (void)state;
    struct file f = begin(HEAD);
    for (int s = 0; s < 600; s++)
        row(&f, s, s < 200 || s >= 400 ? s * 10 : 500000, "");
    struct track *t = end(&f, NULL);
    assert_int_equal(t->left_out[TRACK_TOO_FAST], 200);
    shows(t, 198, 201, "36 36 36 - - - - ");
    shows(t, 399, 401, "- - 36 36 36 ");
    track_free(&t);
    f = begin(HEAD);
    for (int s = 0; s < 40; s++)
        row(&f, s, s < 20 ? s * 10 : 500000 + s * 20, "");
    t = end(&f, NULL);
    assert_int_equal(t->n, 40);
    notes_are(t, "");
    shows(t, 18, 21, "36 36 36 - 72 72 72 ");
    track_free(&t);
}

/* ---- segments and tracks ---- */

static void test_nothing_is_said_between_segments(void **state)
{
    (void)state;
    struct track *t = load("seggap.gpx");
    shows(t, -2, 5, "-1 - - - - - - - - - - - 0 0 0 ");
    notes_are(t, "");
    track_free(&t);
}

#define TRKPT(lat, s)                                                                     \
    "<trkpt lat='" lat "' lon='25'><time>2024-11-29T09:00:0" s "Z</time><speed>5</speed>" \
    "</trkpt>\n"
#define DRIVE(lat) TRKPT(lat, "0") TRKPT(lat, "2") TRKPT(lat, "4")
#define TWO(first, second)                                             \
    "<gpx><trk><name>Truck A</name><trkseg>" first "</trkseg></trk>\n" \
    "<trk><name>B &amp; C</name><trkseg>" second "</trkseg></trk></gpx>"

static void chooses(const char *text, int64_t from_s, int64_t to_s, const char *name, double lat)
{
    struct track_use use = TRACK_USE_ANY;
    struct track_point p;
    use.has_time = true;
    use.from_us = T0 + from_s * S;
    use.to_us = T0 + to_s * S;
    snprintf(use.name, sizeof use.name, "%s", name);
    struct track *t = parse(text, strlen(text), &use);
    assert_int_equal(track_at(t, use.from_us, &p), TRACK_HERE);
    assert_true(p.lat_deg == lat);
    track_free(&t);
}

static void refuses(const char *text, bool has_time, const char *name, const char *says)
{
    struct track_use use = TRACK_USE_ANY;
    struct err err;
    struct track *t = NULL;
    use.has_time = has_time;
    use.from_us = T0;
    use.to_us = T0 + 4 * S;
    snprintf(use.name, sizeof use.name, "%s", name);
    assert_err(ERR_CONFIG, track_parse(&t, "x", text, strlen(text), &use, &err));
    assert_null(t);
    if (!strstr(err.text, says))
        fail_msg("'%s' is not in '%s'", says, err.text);
}

static void test_of_several_tracks_the_one_that_covers_the_clip(void **state)
{
    (void)state;
    static const char both[] = TWO(DRIVE("54"), DRIVE("55"));
    static const char turns[] =
        TWO(TRKPT("54", "0") TRKPT("54", "2"), TRKPT("55", "6") TRKPT("55", "8"));
    static const char one_segment[] =
        "<gpx><trk><trkseg>" DRIVE("54") "</trkseg><trkseg>" DRIVE("55") "</trkseg></trk></gpx>";
    static const char part[] = TWO(TRKPT("54", "0") TRKPT("54", "2"), DRIVE("55"));
    static const char same_name[] = "<gpx><trk><name>T</name><trkseg>" DRIVE(
        "54") "</trkseg></trk>"
              "<trk><name>T</name><trkseg>" DRIVE("55") "</trkseg></trk></gpx>";
    static const char list[] =
        "x: 2 tracks in it cover the clip: 'Truck A' (2024-11-29T09:00:00Z to "
        "2024-11-29T09:00:04Z), 'B & C' (";
    chooses(turns, 0, 2, "", 54);
    chooses(turns, 6, 8, "", 55);
    chooses(part, 0, 4, "", 55);
    chooses(both, 0, 4, "B & C", 55);
    chooses(one_segment, 0, 4, "track 1, segment 2", 55);
    chooses(same_name, 0, 4, "T, track 2", 55);
    refuses(both, true, "", list);
    refuses(both, false, "", "2 tracks are in it: 'Truck A' (");
    refuses(both, true, "Truck", "no track in it is called 'Truck'; there are 'Truck A' (");
    refuses(one_segment, true, "", "'track 1, segment 1' (2024-11-29T09:00:00Z to");
    refuses(same_name, true, "", "'T, track 1' (");
    /* said, if another could have been meant */
    struct track_use use = TRACK_USE_ANY;
    use.has_time = true;
    use.from_us = use.to_us = T0 + 7 * S;
    struct track *t = parse(turns, sizeof turns - 1, &use);
    notes_are(t, "of 2 tracks in it 'B & C' is taken");
    track_free(&t);
    use.from_us = use.to_us = T0 + 100 * S; /* none */
    t = parse(turns, sizeof turns - 1, &use);
    assert_int_equal(t->n_tracks, 2);
    notes_are(t, "");
    track_free(&t);
}

static void test_vehicles_of_one_table_are_not_mixed(void **state)
{
    (void)state;
    struct track_use use = TRACK_USE_ANY;
    struct file f = begin("utc,lat,lon,vehicle\n");
    for (int s = 0; s < 20; s++) {
        row(&f, s, s * 10, ",LT 123");
        row(&f, s, 300 + s * 20, ",\"LT 456\"");
    }
    char *text = strndup(f.text, f.n);
    assert_non_null(text);
    refuses(text, true, "", "'LT 123' (2024-11-29T09:00:00Z to 2024-11-29T09:00:19Z), 'LT 456' (");
    free(text);
    snprintf(use.name, sizeof use.name, "LT 456");
    struct track *t = end(&f, &use);
    assert_int_equal(t->n, 20);
    shows(t, 0, 2, "72 72 72 72 72 ");
    track_free(&t);
}

/* ---- the rest of a file that has faults ---- */

static void test_bad_points_are_left_out_and_counted(void **state)
{
    (void)state;
    static const char csv[] =
        "utc,lat,lon\n1732870800,54,25\nx,54,25\n,54,25\n2016-12-31T23:59:60Z,54,25\n"
        "1732870801,nan,25\n1732870801,91,25\n1732870801,54,181\n1732870801,54\n1732870802,54,25\n";
    static const char gpx[] = "<gpx><trk><trkseg>" TRKPT(
        "54", "0") "<trkpt lat='NaN' lon='25'><time>2024-11-29T09:00:01Z"
                   "</time></trkpt><trkpt lon='25'><time>2024-11-29T09:00:01Z</time></trkpt><trkpt "
                   "lat='54' "
                   "lon='25'/><trkpt lat='54' lon='25'><time>yesterday</time></trkpt><trkpt "
                   "lat='54' lon='25'>"
                   "<time>2024-11-29T09:00:60Z</time></trkpt>"
                   "<trkpt lat='54' lon='181'><time>2024-11-29T09:00:01Z</time></trkpt>"
                   "<trkpt lat='1' lon='1'>" TRKPT("54", "1") "</trkpt>" TRKPT(
                       "54", "2") "</trkseg></trk></gpx>";
    struct track *t = load("emptytime.gpx");
    assert_int_equal(t->n, 7);
    notes_are(t, "1 point left out (1 without a time)");
    track_free(&t);
    t = load("lon181.gpx");
    assert_int_equal(t->n, 7);
    notes_are(t, "1 point left out (1 with no position on Earth)");
    track_free(&t);
    t = parse(csv, sizeof csv - 1, NULL);
    shows(t, 0, 2, "0 0 0 0 0 ");
    notes_are(t,
              "7 points left out (3 without a time, 3 with no position on Earth, 1 that cannot be "
              "read)");
    track_free(&t);
    t = parse(gpx, sizeof gpx - 1, NULL);
    assert_int_equal(t->n, 2);
    notes_are(t,
              "7 points left out (3 without a time, 3 with no position on Earth, 1 that cannot be "
              "read)");
    track_free(&t);
}

/* Wherever it is cut: each point whose end tag is there, and not half of another one. */
static void test_gpx_that_is_cut_gives_its_whole_points(void **state)
{
    (void)state;
    static const char gpx[] =
        "<?xml version='1.0'?>\n<gpx><trk><name>x</name><trkseg>\n" TRKPT("54.1", "0")
            TRKPT("54.1", "1") TRKPT("54.1", "2") TRKPT("54.1", "3") "</trkseg></trk></gpx>\n";
    for (size_t n = 1; n < sizeof gpx - 8; n++) {
        struct err err;
        struct track *t = NULL;
        size_t whole = 0;
        for (const char *p = gpx; (p = strstr(p, "</trkpt>")) && p + 8 <= gpx + n; p++)
            whole++;
        int rc = track_parse(&t, "x", gpx, n, NULL, &err);
        assert_int_equal(rc, whole ? ERR_OK : ERR_MALFORMED);
        if (!t)
            continue;
        assert_int_equal(t->n, whole);
        for (size_t i = 0; i < t->n; i++)
            assert_true(t->point[i].lat_deg == 54.1 && t->point[i].speed_ms == 5);
        if (!strstr(t->broken, "its end is missing (line "))
            fail_msg("cut at %zu: '%s'", n, t->broken);
        track_free(&t);
    }
}

static void test_xml_that_is_broken_in_the_middle(void **state)
{
    (void)state;
    static const char name[] =
        "<gpx><trk><name>Tom & Jerry</name><trkseg>" DRIVE("54") "</trkseg></trk></gpx>";
    static const char point[] = "<gpx><trk><trkseg>" TRKPT(
        "54", "0") "<trkpt lat='54' lon='25'><time>2024-11-29T09:00:01Z</time><cmt>a < "
                   "b</cmt></trkpt>\n" TRKPT("54", "2") "</trkseg></trk></gpx>";
    struct track *t = parse(name, sizeof name - 1, NULL);
    assert_int_equal(t->n, 3);
    assert_non_null(strstr(t->broken, "broken XML in line 1 ("));
    track_free(&t);
    t = parse(point, sizeof point - 1, NULL);
    assert_int_equal(t->n, 2);
    assert_int_equal(t->left_out[TRACK_UNREADABLE], 1);
    track_free(&t);
}

static void test_other_codings_of_text_are_read(void **state)
{
    (void)state;
    struct track *t = load("utf16.gpx"), *again;
    assert_int_equal(t->n, 7);
    notes_are(t, "in UTF-16");
    track_free(&t);
    /* big and little endian, with and without its mark; in NMEA; and a name in Latin 1 */
    static const char gpx[] = "<?xml version='1.0' encoding='UTF-16'?><gpx><trk><trkseg>" DRIVE(
        "54") "</trkseg></trk></gpx>";
    static const char nmea[] = "$GPRMC,090000.00,A,5400.0,N,02500.0,E,9.7,0,291124,,,A\r\n"
                               "$GPRMC,090002.00,A,5400.0,N,02500.0,E,9.7,0,291124,,,A\r\n"
                               "$GPRMC,090004.00,A,5400.0,N,02500.0,E,9.7,0,291124,,,A\r\n";
    for (int i = 0; i < 8; i++) {
        const char *text = i & 4 ? nmea : gpx;
        char wide[2048];
        size_t n = 0;
        for (const char *p = text; n == 0 || *p;) {
            unsigned unit = n == 0 && i & 2 ? 0xfeff : (unsigned char)*p++;
            wide[n++] = (char)(i & 1 ? unit >> 8 : unit & 0xff);
            wide[n++] = (char)(i & 1 ? unit & 0xff : unit >> 8);
        }
        again = parse(wide, n, NULL);
        assert_true(again->utf16);
        shows(again, 0, 4, "18 18 18 18 18 18 18 18 18 ");
        track_free(&again);
    }
    static const char latin[] =
        "<?xml version='1.0' encoding='UTF-8'?><gpx><trk><name>Fu\xdfg\xe4nger"
        "</name><trkseg>" DRIVE("54") "</trkseg></trk></gpx>";
    t = parse(latin, sizeof latin - 1, NULL);
    assert_int_equal(t->n, 3);
    notes_are(t, "");
    track_free(&t);
}

static void test_nmea_without_checksums(void **state)
{
    (void)state;
    struct track *t = load("nocs.nmea");
    assert_int_equal(t->n, 7);
    notes_are(t, "no checksums");
    track_free(&t);
    /* where others have theirs it is what a cut has left; a logger's stamp is before it; CR only */
    static const char mixed[] =
        "\xef\xbb\xbf"
        "12:35:19 $GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r"
        "$GPRMC,123520,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W\r"
        "$GPRMC,123521,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r";
    t = parse(mixed, sizeof mixed - 1, NULL);
    assert_int_equal(t->n, 1);
    notes_are(t, "2 points left out (2 that cannot be read)");
    track_free(&t);
    /* the date of a receiver that says it in ZDA only, and midnight */
    static const char zda[] = "$GPZDA,235958.00,31,12,2024,00,00\n"
                              "$GNGGA,235959.00,5400.0,N,02500.0,E,1,08,0.9,1,M,,M,,\n"
                              "$GNGGA,000000.00,5400.0,N,02500.0,E,1,08,0.9,1,M,,M,,\n";
    t = parse(zda, sizeof zda - 1, NULL);
    assert_int_equal(t->n, 2);
    assert_int_equal(t->point[1].utc_us, INT64_C(1735689600000000)); /* 2025-01-01 */
    track_free(&t);
}

/* Checksums that are all wrong are some. */
static void test_nmea_with_wrong_checksums(void **state)
{
    (void)state;
    static const char wrong[] = "$GPRMC,090000.00,A,5400.0,N,02500.0,E,0.0,0.0,291124,,*00\r\n";
    struct err err;
    struct track *t = NULL;
    assert_err(ERR_MALFORMED, track_parse(&t, "x", wrong, sizeof wrong - 1, NULL, &err));
    assert_string_equal(err.text, "x: no point with both position and time: 1 point left out (1 "
                                  "that cannot be read)");
}

static void test_decimal_commas_and_other_namespaces(void **state)
{
    (void)state;
    static const char gpx[] =
        "<g:gpx xmlns:g='urn:g'><g:trk><g:trkseg>"
        "<g:trkpt lat='54,5' lon='25,5'><g:time>2024-11-29T09:00:00Z</g:time><g:extensions>"
        "<a:time xmlns:a='urn:a'>1999-01-01T00:00:00Z</a:time></g:extensions></g:trkpt>"
        "<g:trkpt lat='54,5' lon='25,5'><g:time>2024-11-29T09:00:02Z</g:time></g:trkpt>"
        "</g:trkseg></g:trk></g:gpx>";
    static const char csv[] = "utc;lat;lon;speed_kmh\n1732870800;54,5;25,5;36,5\n"
                              "1732870802;54,5;25,5;36,5\n";
    struct track *t = parse(gpx, sizeof gpx - 1, NULL);
    shows(t, 0, 2, "0 0 0 0 0 ");
    assert_true(t->point[0].lat_deg == 54.5 && t->point[0].lon_deg == 25.5);
    notes_are(t, "with decimal commas");
    track_free(&t);
    t = parse(csv, sizeof csv - 1, NULL);
    assert_true(t->point[0].lat_deg == 54.5 && t->n == 2);
    assert_true(fabs(t->point[0].speed_ms * 3.6 - 36.5) < 1e-9);
    track_free(&t);
    /* what is in quotes is one field; without them a comma moves the columns, and nobody guesses */
    static const char quoted[] = "vehicle,utc,lat,lon\n\"A, 1\",1732870800,\"54,5\",\"25,5\"\n"
                                 "\"A, 1\", \"1732870802\",\"54,5\",25.5,\n";
    t = parse(quoted, sizeof quoted - 1, NULL);
    assert_int_equal(t->n, 2);
    for (int i = 0; i < 2; i++)
        assert_true(t->point[i].lat_deg == 54.5 && t->point[i].lon_deg == 25.5);
    notes_are(t, "with decimal commas");
    track_free(&t);
    static const char bare[] = "utc,lat,lon\n1732870800,54,5,25,5\n1732870802,54.5,25.5\n";
    t = parse(bare, sizeof bare - 1, NULL);
    assert_int_equal(t->n, 1);
    assert_true(t->point[0].lat_deg == 54.5);
    notes_are(t, "1 point left out (1 that cannot be read)");
    track_free(&t);
}

/* The more a file has that is impossible the longer it takes; and that has an end. */
static void test_nonsense_of_any_size_has_an_end(void **state)
{
    (void)state;
    struct file f = begin(HEAD);
    unsigned seed = 1;
    for (int i = 0; i < 8000; i++) {
        seed = seed * 1103515245 + 12345;
        row(&f, i / 4, (int)(seed >> 8 & 0xfffff) - 500000, "");
    }
    struct track *t = end(&f, NULL);
    assert_true(t->n >= 1 && t->n + t->left_out[TRACK_TOO_FAST] <= 8000);
    for (size_t i = 0; i < t->n; i++) {
        struct track_point p;
        if (track_at(t, t->point[i].utc_us + 1000, &p) == TRACK_HERE)
            assert_true(isnan(p.speed_ms) || p.speed_ms <= 300 / 3.6);
    }
    track_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_zero_is_no_fix),
        cmocka_unit_test(test_a_point_too_far_is_left_out_and_counted),
        cmocka_unit_test(test_how_fast_is_impossible_is_a_setting),
        cmocka_unit_test(test_far_away_for_long),
        cmocka_unit_test(test_nothing_is_said_between_segments),
        cmocka_unit_test(test_of_several_tracks_the_one_that_covers_the_clip),
        cmocka_unit_test(test_vehicles_of_one_table_are_not_mixed),
        cmocka_unit_test(test_bad_points_are_left_out_and_counted),
        cmocka_unit_test(test_gpx_that_is_cut_gives_its_whole_points),
        cmocka_unit_test(test_xml_that_is_broken_in_the_middle),
        cmocka_unit_test(test_other_codings_of_text_are_read),
        cmocka_unit_test(test_nmea_without_checksums),
        cmocka_unit_test(test_nmea_with_wrong_checksums),
        cmocka_unit_test(test_decimal_commas_and_other_namespaces),
        cmocka_unit_test(test_nonsense_of_any_size_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
