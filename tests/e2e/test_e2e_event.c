/* The page of an event: what it shows, of what is whole, damaged, on its way, failed, and hidden.
 */
#include "dashspool/clock.h"
#include "dashspool/journey.h"
#include "dashspool/review.h"
#include "dashspool/spool.h"
#include "support/account.h"
#include "support/http.h"
#include "support/proc.h"
#include "support/support.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0     CATALOGUED_T0_US /* 2024-11-29T07:23:45Z */
#define SECOND INT64_C(1000000)
#define EVIL   "<img src=x onerror=bad()>\"'&"
#define SAFE   "&lt;img src=x onerror=bad()&gt;&quot;&#39;&amp;"

struct world {
    struct catalogued *f;
    struct proc server;
    bool running;
    int port;
};

/* ---- the store ---- */

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    void *f;
    assert_int_equal(catalogued_set_up(&f), 0);
    w->f = f;
    support_configure(w->f->root, "[ui]\nzone = Europe/Berlin\n");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    int status = w->running ? proc_stop(&w->server, SIGTERM) : 0;
    void *f = w->f;
    assert_int_equal(catalogued_tear_down(&f), 0);
    free(w);
    assert_int_equal(status, 0);
    return 0;
}

static struct catalogue_transfer add(struct world *w, const char *camera, const char *kind,
                                     int64_t at_us, enum catalogue_state state)
{
    struct err err;
    struct catalogue_transfer t = catalogued_transfer(ACCOUNT_IMEI, camera, at_us);
    t.state = state;
    t.published = true;
    t.known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK | CATALOGUE_POSITION_OK;
    t.lat_deg = 54.7;
    t.lon_deg = 25.2;
    t.length_s = 10;
    t.length_bytes = 2000;
    snprintf(t.kind, sizeof t.kind, "%s", kind);
    snprintf(t.trigger_name, sizeof t.trigger_name, "crash");
    snprintf(t.sha256, sizeof t.sha256, "%064d", 1);
    assert_ok(catalogue_transfer_add(w->f->c, &t, &err));
    return t;
}

/* A file of that name behind the id, with those settings. */
static void put_copy(struct world *w, const struct catalogue_transfer *t, const char *kind,
                     const char *name, const char *settings, const char *text)
{
    struct err err;
    char path[600];
    struct catalogue_copy copy = {.made_us = T0, .length_bytes = (int64_t)strlen(text)};
    snprintf(copy.kind, sizeof copy.kind, "%s", kind);
    snprintf(copy.path, sizeof copy.path, "archive/%s.%s", t->id, name);
    snprintf(copy.sha256, sizeof copy.sha256, "%064d", 7);
    snprintf(copy.tool, sizeof copy.tool, "a test");
    snprintf(copy.settings, sizeof copy.settings, "%s", settings);
    snprintf(path, sizeof path, "%s/archive", w->f->root);
    (void)mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s", w->f->root, copy.path);
    support_write(path, text, strlen(text));
    assert_ok(catalogue_copy_put(w->f->c, t->key, &copy, &err));
}

/* Ten seconds of pictures, one each 2 s, of which the third is damaged and two before it were lost.
 */
static const char bad_timing[] =
    "{\"pictures\":[{\"n\":0,\"pts_s\":0.0,\"state\":\"good\"},{\"n\":1,\"pts_s\":2.0,\"state\":"
    "\"good\"},{\"n\":2,\"pts_s\":4.0,\"state\":\"damaged\"},{\"n\":3,\"pts_s\":6.5,\"state\":"
    "\"good\"},{\"n\":4,\"pts_s\":8.0,\"state\":\"good\"}],\"gaps\":[{\"before\":2,\"lost\":2,"
    "\"from_s\":2.0,\"until_s\":4.0}],\"silence\":[]}";

static void settings_text(char *out, size_t room, int64_t start_us, const char *damage)
{
    char start[CLOCK_TEXT_ROOM];
    clock_rfc3339(start_us, 6, start);
    snprintf(out, room,
             "{\"pictures\":5,\"duration_s\":10.0,\"timing\":\"capture times\",\"damage\":%s,"
             "\"wall_clock\":{\"source\":\"metadata\",\"start\":\"%s\",\"uncertainty_s\":1.1,"
             "\"why\":\"whole seconds\"}}",
             damage, start);
}

static void put_video(struct world *w, const struct catalogue_transfer *t, const char *damage,
                      const char *timing)
{
    char settings[1024];
    settings_text(settings, sizeof settings, t->time_us, damage);
    put_copy(w, t, "viewing", "viewing-DERIVED.mp4", settings, "not a video");
    put_copy(w, t, "timing", "timing.json", settings, timing);
    put_copy(w, t, "poster", "poster-DERIVED.jpg", settings, "not a picture");
}

/* ---- the page ---- */

static void start(struct world *w)
{
    char line[200];
    const char *argv[] = {DASHSPOOL_BINARY, "--root",      w->f->root, "serve",
                          "--listen",       "127.0.0.1:0", NULL};
    w->server = proc_start(support_path(w->f->root, "serve.log"), argv);
    w->running = true;
    proc_wait_for(&w->server, "listening on 127.0.0.1:", line, sizeof line);
    w->port = (int)strtol(line, NULL, 10);
}

static struct http_answer page_of(struct world *w, const char *id)
{
    char path[200];
    if (!w->running)
        start(w);
    snprintf(path, sizeof path, "/event/%s", id);
    struct http_answer a = http_ask(w->port, "GET", path, "", NULL);
    assert_int_equal(a.status, 200);
    return a;
}

static void assert_tells(const struct http_answer *a, const char *text)
{
    if (!strstr(a->body, text))
        fail_msg("'%s' is not in the page:\n%s", text, a->body);
}

static void assert_not(const struct http_answer *a, const char *text)
{
    if (strstr(a->body, text))
        fail_msg("'%s' is in the page:\n%s", text, a->body);
}

/* ---- what is whole, and what is damaged ---- */

static void test_two_cameras_have_one_clock(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer front = account_clip(w->f),
                              rear = add(w, "rear", "video", T0 + 2 * SECOND, CATALOGUE_STORED);
    put_video(w, &front, "{}",
              "{\"pictures\":[{\"pts_s\":0.0,\"state\":\"good\"},{\"pts_s\":0.066667,\"state\":"
              "\"good\"}]}");
    put_video(w, &rear, "{\"damaged\":1,\"missing\":2}", bad_timing);
    struct http_answer a = page_of(w, rear.id);
    /* The trigger is 5 s behind the first picture of the front video: that is where T begins. */
    assert_tells(&a, "{\"range\":[-5,7],\"t0_ms\":1732865030000");
    assert_tells(&a, "{\"lane\":0,\"from\":-5,\"end\":10,\"times_us\":[0,66667],\"missing\":[]}");
    assert_tells(&a, "{\"lane\":1,\"from\":-3,\"end\":10,\"times_us\":[0,2000000,4000000,6500000,"
                     "8000000],\"missing\":[[2,4,1]]}");
    assert_tells(&a, "href=\"#t=-1.000\"");
    assert_tells(&a, "2 frames are missing. The gap lasts 2.00 s. They were recorded, but did not "
                     "arrive.");
    assert_tells(&a, "href=\"#t=1.000\">T+01.00</a>");
    assert_tells(&a, "1 frame is damaged.");
    assert_tells(&a, "<b>Front video:</b> Whole. All 5 frames are there.");
    assert_tells(&a, "Rear video begins 2.00 s after the first.");
    assert_tells(&a, "± 1.1 s");
    assert_tells(&a, "Friday, 29 November 2024, 08:23:50.00 CET");
    /* Each video is whole without script. */
    assert_tells(&a, "<noscript><video controls data-cam=\"front\" preload=\"metadata\" "
                     "playsinline poster=\"");
    assert_tells(&a, "</noscript><video id=\"video-0\" class=\"js-only\" data-cam=\"front\" ");
    /* Nothing of a tracker where there is none. */
    assert_not(&a, "data-speed");
    assert_not(&a, "data-g>");
    assert_not(&a, "style=");
    http_clear(&a);
}

static void test_clips_of_one_camera_follow_each_other_in_one_picture(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer one = add(w, "front", "video", T0, CATALOGUE_STORED),
                              two = add(w, "front", "video", T0 + 10 * SECOND, CATALOGUE_STORED),
                              over = add(w, "front", "video", T0 + 13 * SECOND, CATALOGUE_STORED);
    put_video(w, &one, "{}", "{}");
    put_video(w, &two, "{}", "{}");
    put_video(w, &over, "{}", "{}");
    struct http_answer a = page_of(w, one.id);
    assert_tells(&a, "{\"range\":[0,23]");
    assert_tells(&a, "{\"lane\":0,\"from\":0,");
    assert_tells(&a, "{\"lane\":0,\"from\":10,");
    assert_tells(&a, "{\"lane\":1,\"from\":13,"); /* at the same time: beside it */
    assert_tells(&a, "<b>Front 2</b>");
    assert_tells(&a, "data-lanes=\"2\"");
    http_clear(&a);
}

static void test_a_photo_alone_is_an_event(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer photo = add(w, "front", "photo", T0, CATALOGUE_STORED);
    put_copy(w, &photo, "still", "still-DERIVED.jpg", "{\"pictures\":1,\"damage\":{}}", "x");
    struct http_answer a = page_of(w, photo.id);
    assert_tells(&a, "Front photo");
    assert_tells(&a, ".still-DERIVED.jpg\" alt=\"Front photo\"");
    assert_not(&a, "class=\"panel player\"");
    assert_not(&a, "class=\"void\"");
    http_clear(&a);
}

/* ---- where there is no picture ---- */

static void put_job(struct world *w, const struct catalogue_transfer *t, const char *failed)
{
    struct spool *spool;
    struct spool_job *job;
    struct err err;
    assert_ok(spool_open(&spool, w->f->root, "convert", &err));
    assert_ok(spool_put(spool, t->id, "{}", 2, &err));
    if (failed) {
        assert_ok(spool_claim(spool, &job, &err));
        assert_ok(spool_fail(spool, &job, failed, &err));
    }
    spool_close(&spool);
}

static void test_what_waits_says_when(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer first = add(w, "front", "video", T0, CATALOGUE_STORED),
                              later =
                                  add(w, "front", "video", T0 + 3600 * SECOND, CATALOGUE_STORED);
    put_job(w, &first, NULL);
    put_job(w, &later, NULL);
    struct http_answer a = page_of(w, later.id);
    assert_tells(&a, "data-waiting");
    assert_tells(&a, "The viewing copy is not made yet");
    assert_tells(&a, "It is number 2 in the queue.");
    assert_tells(&a, "Not examined yet");
    http_clear(&a);
}

static void test_what_failed_says_why_and_can_be_tried_again(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer t = add(w, "front", "video", T0, CATALOGUE_STORED);
    put_job(w, &t, "/a/spool/convert/cur/x/master.h265: no frame of it can be decoded " EVIL "\n");
    struct http_answer a = page_of(w, t.id);
    assert_tells(&a, "The viewing copy could not be made</b><br>no frame of it can be decoded " SAFE
                     "<br>");
    assert_tells(&a, "name=\"do\" value=\"retry\"");
    assert_not(&a, "/a/spool");
    assert_not(&a, "<img src=x");
    http_clear(&a);
}

static void test_a_part_says_how_much(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer t = add(w, "front", "video", T0, CATALOGUE_PARTIAL);
    struct http_answer a = page_of(w, t.id);
    assert_tells(&a, "Only a part has arrived");
    assert_tells(&a, "2.0 kB so far. The connection broke off");
    assert_not(&a, "data-waiting"); /* it may never come */
    http_clear(&a);
    t = add(w, "front", "video", T0 + 3600 * SECOND, CATALOGUE_RECEIVING);
    a = page_of(w, t.id);
    assert_tells(&a, "data-waiting");
    assert_tells(&a, "2.0 kB so far. This page shows it as soon as it can be watched.");
    http_clear(&a);
}

/* ---- the tracker ---- */

static void test_speed_force_and_place_are_on_the_same_axis(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer t = account_clip(w->f);
    put_video(w, &t, "{}", "{}");
    for (int64_t s = -5; s <= 15; s++) {
        struct account_said said = account_drive(s * 1000 + 1);
        account_say(w->f, &t, &said);
    }
    struct account_said crash[2] = {account_drive(5000), account_drive(6000)};
    for (int i = 0; i < 2; i++) {
        crash[i].counter = 1;
        crash[i].samples = 50;
        account_say(w->f, &t, &crash[i]);
    }
    struct http_answer a = page_of(w, t.id);
    assert_tells(&a, "<b data-speed>");
    assert_tells(&a, "<polyline class=\"s1\"");
    assert_tells(&a, "<b data-g>");
    assert_tells(&a, "class=\"track\"");
    assert_tells(&a, ",\"places\":[[");
    assert_tells(&a, ",50.0,0]");
    http_clear(&a);
}

static void test_private_mode_hides_where_it_was_everywhere(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer t = account_clip(w->f),
                              rear = add(w, "rear", "video", T0, CATALOGUE_STORED);
    uint8_t meta[] = {0xab, 0xcd, 0xef, 0x98};
    struct err err;
    t.known |= CATALOGUE_POSITION_OK;
    t.lat_deg = 54.7123;
    t.lon_deg = 25.2123;
    memcpy(t.wire.meta, meta, sizeof meta);
    t.wire.meta_n = sizeof meta;
    assert_ok(catalogue_transfer_update(w->f->c, &t, &err));
    put_video(w, &t, "{}", "{}");
    put_video(w, &rear, "{}", "{}");
    for (int64_t s = -5; s <= 15; s++) {
        struct account_said said = account_drive(s * 1000);
        said.private_mode = s >= 3 && s <= 5;
        account_say(w->f, &t, &said);
    }
    struct http_answer a = page_of(w, t.id);
    assert_tells(&a, "The driver was in private mode");
    assert_not(&a, "54.7");
    assert_not(&a, "25.2");
    assert_not(&a, "data-speed");
    assert_not(&a, "class=\"panel map\"");
    assert_not(&a, "abcd ef98");
    assert_tells(&a, "\"places\":[]");
    http_clear(&a);
}

/* ---- what people and cameras write ---- */

static void test_what_others_wrote_is_text(void **state)
{
    struct world *w = *state;
    struct err err;
    struct catalogue_transfer t = account_clip(w->f);
    struct review_vehicle v = {.imei = ACCOUNT_IMEI, .name = EVIL, .plate = EVIL, .group = EVIL};
    const struct catalogue_protection p = {.since_us = T0, .who = EVIL, .reason = EVIL};
    const struct catalogue_arrival arrival = {.peer = EVIL, .ended = EVIL};
    t.known |= CATALOGUE_DRIVER_OK;
    snprintf(t.driver, sizeof t.driver, "%s", EVIL);
    snprintf(t.trigger_name, sizeof t.trigger_name, "<b>x\"'&");
    memcpy(t.wire.path, EVIL, strlen(EVIL));
    t.wire.path_n = strlen(EVIL);
    assert_ok(catalogue_transfer_update(w->f->c, &t, &err));
    assert_ok(catalogue_arrival_add(w->f->c, t.key, &arrival, &err));
    assert_ok(review_vehicle_put(w->f->c, &v, &err));
    assert_ok(review_add_note(w->f->c, t.id, EVIL, EVIL, &err));
    assert_ok(review_put_case(w->f->c, t.id, EVIL, EVIL, &err));
    assert_ok(catalogue_protect(w->f->c, t.id, &p, &err));
    put_copy(w, &t, "viewing", "viewing-DERIVED.mp4",
             "{\"pictures\":5,\"duration_s\":10,\"timing\":\""
             "<img src=x>"
             "\",\"damage\":{},"
             "\"wall_clock\":{\"start\":\"x\",\"why\":\"<img src=x>\"}}",
             "x");
    put_copy(w, &t, "<img src=x>", "x", "{}", "x");
    struct http_answer a = page_of(w, t.id);
    assert_tells(&a, "<h1>");
    assert_tells(&a, "<span class=\"plate\">" SAFE "</span>");
    assert_tells(&a, "“<span class=\"pre\">" SAFE "</span>”");
    assert_tells(&a, "<b>" SAFE "</b>");
    assert_not(&a, "<img src=x");
    assert_not(&a, "<b>x");
    http_clear(&a);
}

/* ---- how long it is kept ---- */

static void protect(struct world *w, const struct catalogue_transfer *t)
{
    struct err err;
    const struct catalogue_protection p = {
        .reason = "K-1", .who = "claims-desk", .since_us = clock_utc_us()};
    assert_ok(catalogue_protect(w->f->c, t->id, &p, &err));
}

static void kept_until(struct world *w, const char *id, const char *rules, const char *until)
{
    char text[300];
    snprintf(text, sizeof text, "[ui]\nzone = Europe/Berlin\n[retention]\n%s\n", rules);
    support_configure(w->f->root, text);
    struct http_answer a = page_of(w, id);
    snprintf(text, sizeof text, "<dt>Kept until</dt><dd>%s</dd>", until);
    assert_tells(&a, text);
    http_clear(&a);
    assert_int_equal(proc_stop(&w->server, SIGTERM), 0);
    w->running = false;
    unlink(support_path(w->f->root, "serve.log"));
}

static void test_how_long_it_is_kept(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer front = account_clip(w->f),
                              rear = add(w, "rear", "video", T0, CATALOGUE_STORED);
    kept_until(w, front.id, "", "somebody deletes it");
    kept_until(w, front.id, "masters = photo 1d", "somebody deletes it");
    kept_until(w, front.id, "masters = front forever, 20y",
               "Thursday, 24 November 2044; longer if protected");
    kept_until(w, front.id, "masters = rear 30y, video 20y 5GB/camera",
               "Thursday, 24 November 2044, or until room is needed; longer if protected");
    kept_until(w, front.id, "masters = 20y\ndelete_free_mib = 1000",
               "Thursday, 24 November 2044, or until room is needed; longer if protected");
    kept_until(w, front.id, "masters = 500GB", "room is needed; longer if protected");
    kept_until(w, front.id, "masters = forever\ndelete_free_mib = 1000", "somebody deletes it");
    kept_until(w, front.id, "masters = 1d",
               "Saturday, 30 November 2024: it may go any time now; protect it to keep it");
    protect(w, &front); /* alone */
    kept_until(w, front.id, "masters = front 1d, 20y",
               "Thursday, 24 November 2044; longer if protected");
    protect(w, &rear);
    kept_until(w, front.id, "masters = 1d", "somebody removes the protection");
}

/* ---- custody ---- */

static void note(struct world *w, const struct catalogue_transfer *t, int64_t at_us,
                 enum custody_kind kind, const char *who, const struct custody_what *what)
{
    struct err err;
    assert_ok(catalogue_event_note(w->f->c, t->id, at_us, kind, who, what, &err));
}

static void test_custody_is_told_once_for_all_files(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer t[2] = {account_clip(w->f),
                                      add(w, "rear", "video", T0, CATALOGUE_STORED)};
    const struct custody_what protect = {.reason = "K-1"}, none = {.reason = NULL};
    for (int i = 0; i < 2; i++)
        note(w, &t[i], T0 + i * 1000, CUSTODY_PUBLISHED, "dashspool 0.1.0 receive", &none);
    for (int i = 0; i < 2; i++)
        note(w, &t[i], T0 + 60 * SECOND + i * 1000, CUSTODY_PROTECTED, "claims-desk", &protect);
    note(w, &t[1], T0 + 90 * SECOND, CUSTODY_SHOWN, "claims-desk", &none);
    struct http_answer a = page_of(w, t[0].id);
    assert_tells(&a, "<th scope=\"row\">Protected</th><td>All files</td><td>claims-desk</td><td>"
                     "K-1</td>");
    assert_tells(&a, "<th scope=\"row\">Handed on for its copies</th><td>All files</td><td>"
                     "Receiver</td>");
    assert_tells(&a, "<th scope=\"row\">Downloaded</th><td>Rear video</td>");
    assert_tells(&a, "Chain checked: 5 entries, none missing or changed");
    http_clear(&a);
    (void)catalogued_sql(w->f, "UPDATE custody SET line = replace(line, 'claims-desk', 'somebody') "
                               "WHERE line LIKE '%shown%' OR line LIKE '%protected%'");
    a = page_of(w, t[0].id);
    assert_tells(&a, "The chain is broken: ");
    http_clear(&a);
}

static void test_who_has_no_name_is_told_of_in_the_language_of_the_page(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer t = account_clip(w->f);
    const struct custody_what none = {.reason = NULL}, protect = {.reason = "K-1"},
                              asked = {.by = "somebody at 10.0.0.9", .reason = "K-2"};
    struct err err;
    note(w, &t, T0, CUSTODY_RECEIVED, "dashspool 0.1.0 import for somebody at 10.0.0.7", &none);
    note(w, &t, T0, CUSTODY_STORED, "dashspool 0.1.0 import for ann", &none);
    note(w, &t, T0, CUSTODY_REQUESTED, "dashspool 0.1.0 telemetry", &asked);
    note(w, &t, T0, CUSTODY_PROTECTED, "somebody at 10.0.0.8", &protect);
    assert_ok(review_add_note(w->f->c, t.id, "somebody at 10.0.0.8", "seen", &err));
    struct http_answer a = page_of(w, t.id);
    assert_tells(&a, "<td>Import for somebody at 10.0.0.7</td>");
    http_clear(&a);
    char path[200];
    snprintf(path, sizeof path, "/event/%s", t.id);
    a = http_ask(w->port, "GET", path, "Accept-Language: de\r\n", NULL);
    assert_tells(&a, "<td>Import für jemand unter 10.0.0.7</td>");
    assert_tells(&a, "<td>Import für ann</td>");
    assert_tells(&a, "<td>Durch jemand unter 10.0.0.9: K-2</td>");
    assert_tells(&a, "<td>jemand unter 10.0.0.8</td>");
    assert_tells(&a,
                 "“<span class=\"pre\">seen</span>” <span class=\"soft\">jemand unter 10.0.0.8, ");
    assert_not(&a, "somebody");
    http_clear(&a);
}

/* One note of an event is one of each transfer of it. */
static void test_a_note_that_is_written_again_later_is_another_one(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer t[2] = {account_clip(w->f),
                                      add(w, "rear", "video", T0, CATALOGUE_STORED)};
    struct err err;
    for (int i = 0; i < 4; i++)
        assert_ok(review_add_note(w->f->c, t[i % 2].id, "claims-desk", "looked at", &err));
    (void)catalogued_sql(w->f, "UPDATE note SET at_us = at_us + 61000000 WHERE n > 1");
    struct http_answer a = page_of(w, t[0].id);
    const char *first = strstr(a.body, "<span class=\"pre\">looked at</span>");
    assert_non_null(first);
    const char *second = strstr(first + 1, "<span class=\"pre\">looked at</span>");
    assert_non_null(second);
    assert_null(strstr(second + 1, "<span class=\"pre\">looked at</span>"));
    http_clear(&a);
}

/* ---- where it stands ---- */

static void test_reviewed_leads_to_the_next_one_that_is_to_be_reviewed(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer t[3];
    struct err err;
    char path[300], link[300];
    for (int i = 0; i < 3; i++)
        t[i] = add(w, i == 1 ? "rear" : "front", "video", T0 + i * 3600 * SECOND, CATALOGUE_STORED);
    assert_ok(review_put_reviewed(w->f->c, t[1].id, "ann", true, &err));
    struct http_answer a = page_of(w, t[2].id);
    snprintf(link, sizeof link, "name=\"to\" value=\"/event/%s\"", t[0].id);
    assert_tells(&a, link);
    snprintf(link, sizeof link, "rel=\"next\" href=\"/event/%s\"", t[1].id);
    assert_tells(&a, link);
    http_clear(&a);
    assert_ok(review_put_reviewed(w->f->c, t[0].id, "ann", true, &err));
    a = page_of(w, t[2].id);
    assert_tells(&a, "name=\"to\" value=\"/\"");
    assert_tells(&a, link);
    http_clear(&a);
    /* One that is older than all of the list is at no place of it. */
    snprintf(path, sizeof path, "/event/%s?cameras=rear", t[0].id);
    a = http_ask(w->port, "GET", path, "", NULL);
    assert_not(&a, "2 of 1");
    http_clear(&a);
}

static void test_it_knows_its_neighbours_in_the_list_it_came_from(void **state)
{
    struct world *w = *state;
    struct catalogue_transfer t[3];
    for (int i = 0; i < 3; i++)
        t[i] = add(w, i == 1 ? "rear" : "front", "video", T0 + i * 3600 * SECOND, CATALOGUE_STORED);
    char path[300], link[300];
    start(w);
    snprintf(path, sizeof path, "/event/%s?cameras=front", t[2].id);
    struct http_answer a = http_ask(w->port, "GET", path, "", NULL);
    snprintf(link, sizeof link, "rel=\"next\" href=\"/event/%s?cameras=front\"", t[0].id);
    assert_tells(&a, link);
    assert_tells(&a, "1 of 2");
    snprintf(link, sizeof link, "name=\"to\" value=\"/event/%s?cameras=front\"", t[0].id);
    assert_tells(&a, link); /* "Reviewed, next" */
    http_clear(&a);
    /* An address of before leads to it. */
    snprintf(path, sizeof path, "/transfer/%s", t[1].id);
    a = http_ask(w->port, "GET", path, "", NULL);
    assert_int_equal(a.status, 303);
    snprintf(link, sizeof link, "Location: /event/%s\r\n", t[1].id);
    assert_non_null(strstr(a.text, link));
    http_clear(&a);
    http_expect(w->port, "/event/nothing", "", 404);
    http_expect(w->port, "/event/%3Cscript%3E", "", 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_cameras_have_one_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clips_of_one_camera_follow_each_other_in_one_picture,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_photo_alone_is_an_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_how_long_it_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_waits_says_when, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_failed_says_why_and_can_be_tried_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_part_says_how_much, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_speed_force_and_place_are_on_the_same_axis, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_private_mode_hides_where_it_was_everywhere, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_others_wrote_is_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_custody_is_told_once_for_all_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_has_no_name_is_told_of_in_the_language_of_the_page,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_note_that_is_written_again_later_is_another_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reviewed_leads_to_the_next_one_that_is_to_be_reviewed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_knows_its_neighbours_in_the_list_it_came_from,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
