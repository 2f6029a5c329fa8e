/* The pages that people work in: what they list, choose, say and offer, in each state. */
#include "dashspool/clock.h"
#include "dashspool/review.h"
#include "support/http.h"
#include "support/proc.h"
#include "support/sql.h"
#include "support/stored.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VAN   "352093081452251"
#define TRUCK "350000000000006"
#define NOON  INT64_C(1732878000000000) /* 2024-11-29T11:00:00Z, 12:00 in Berlin */
#define HOUR  INT64_C(3600000000)

struct world {
    char *dir;
    char root[512];
    struct proc server;
    bool running;
    int port;
};

/* ---- the store ---- */

/* Of the camera's own zone if tz_min is not 0; at 0: nobody knows when. */
static void add(struct world *w, const char *imei, const char *camera, const char *kind,
                const char *trigger, int64_t at_us, int tz_min, enum catalogue_state state)
{
    static int made;
    struct stored s;
    struct catalogue_transfer row = {.state = state, .published = true, .arrived_us = NOON};
    if (at_us != 0) {
        row.known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK | (tz_min ? CATALOGUE_ZONE_OK : 0u);
        row.time_us = at_us;
        row.tz_min = tz_min;
    }
    snprintf(row.imei, sizeof row.imei, "%s", imei);
    snprintf(row.camera, sizeof row.camera, "%s", camera);
    snprintf(row.kind, sizeof row.kind, "%s", kind);
    snprintf(row.trigger_name, sizeof row.trigger_name, "%s", trigger);
    stored_open(&s, w->root);
    made++;
    stored_add(&s, &row, &made, sizeof made);
    if (state == CATALOGUE_STORED)
        stored_copy(&s, w->root, &row, strcmp(kind, "photo") == 0 ? "still" : "poster",
                    support_path("", row.id) + 1, &made, sizeof made);
    stored_close(&s);
}

static void add_stored(struct world *w, const char *imei, const char *camera, const char *trigger,
                       int64_t at_us)
{
    add(w, imei, camera, "video", trigger, at_us, 0, CATALOGUE_STORED);
}

static void name_vehicle(struct world *w, const char *imei, const char *name, const char *plate)
{
    struct stored s;
    struct err err;
    struct review_vehicle v = {.imei = ""};
    snprintf(v.imei, sizeof v.imei, "%s", imei);
    snprintf(v.name, sizeof v.name, "%s", name);
    snprintf(v.plate, sizeof v.plate, "%s", plate);
    stored_open(&s, w->root);
    assert_ok(catalogue_commit(s.catalogue, &err));
    assert_ok(review_vehicle_put(s.catalogue, &v, &err));
    assert_ok(catalogue_begin(s.catalogue, &err));
    stored_close(&s);
}

/* Settings of these pages: another zone than that of the test. */
static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->dir = support_tmp_dir();
    snprintf(w->root, sizeof w->root, "%s/root", w->dir);
    assert_int_equal(mkdir(w->root, 0700), 0);
    support_configure(w->root, "[ui]\nzone = Europe/Berlin\n");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    int status = w->running ? proc_stop(&w->server, SIGTERM) : 0;
    support_tmp_remove(&w->dir);
    free(w);
    assert_int_equal(status, 0);
    return 0;
}

static void start(struct world *w)
{
    char line[200];
    const char *argv[] = {DASHSPOOL_BINARY, "--root",      w->root, "serve",
                          "--listen",       "127.0.0.1:0", NULL};
    w->server = proc_start(support_path(w->dir, "serve.log"), argv);
    w->running = true;
    proc_wait_for(&w->server, "listening on 127.0.0.1:", line, sizeof line);
    w->port = (int)strtol(line, NULL, 10);
}

/* The page, in a static buffer that the next one takes. */
static const char *page(const struct world *w, const char *path)
{
    static char text[4 << 20];
    struct http_answer a = http_ask(w->port, "GET", path, "", NULL);
    if (a.status != 200)
        fail_msg("%s: %d\n%s", path, a.status, a.text);
    snprintf(text, sizeof text, "%s", a.body);
    http_clear(&a);
    return text;
}

static int count(const char *text, const char *words)
{
    int n = 0;
    for (; (text = strstr(text, words)) != NULL; text += strlen(words))
        n++;
    return n;
}

static void assert_lacks(const char *text, const char *words)
{
    if (strstr(text, words))
        fail_msg("'%s' is in %s", words, text);
}

/* ---- events ---- */

static void test_an_event_is_a_card_with_all_that_one_decides_by(void **state)
{
    struct world *w = *state;
    name_vehicle(w, VAN, "Van 12", "B-XY 1234");
    add(w, VAN, "front", "video", "crash", NOON, 60, CATALOGUE_STORED);
    add(w, VAN, "rear", "video", "crash", NOON + 1000000, 60, CATALOGUE_STORED);
    add(w, VAN, "front", "photo", "crash", NOON, 60, CATALOGUE_STORED);
    start(w);
    const char *text = page(w, "/");
    assert_int_equal(count(text, "<article class=\"card new\""), 1); /* three files */
    assert_has(text, "<b>1</b> event, <b>1</b> to review");
    assert_has(text, "Van 12</a> <span class=\"plate\">B-XY 1234</span>");
    assert_has(text, "<time datetime=\"2024-11-29T12:00:00+01:00\" title=\"2024-11-29 11:00:00 "
                     "UTC\">12:00:00 CET</time>");
    assert_has(text, "<span class=\"tag l crash\">");
    assert_has(text, "Front, rear, 1 photo");
    assert_has(text, "Friday, 29 November 2024</h2><p>1 event, 1 to review</p>");
    assert_has(text, "Mark reviewed: Van 12, 12:00:00 CET");
    assert_int_equal(count(text, "src=\"/copy/" VAN "-"), 2); /* the rear one in the front one */
    text = page(w, "/?view=table");
    assert_has(text, "Fri 29 Nov 2024, 12:00:00 CET</time></a></th><td>Van 12");
    assert_has(text, "<th scope=\"col\">Condition</th>");
    assert_lacks(text, "class=\"card");
}

/* Where it happened is another zone than where it is looked at. */
static void test_times_are_of_the_place_and_days_of_the_settings(void **state)
{
    struct world *w = *state;
    add(w, VAN, "front", "video", "crash", NOON + 12 * HOUR, -300, CATALOGUE_STORED);
    add(w, TRUCK, "front", "video", "crash", 0, 0, CATALOGUE_STORED); /* when it arrived */
    start(w);
    const char *text = page(w, "/");
    assert_has(text, "Saturday, 30 November 2024</h2>");
    assert_has(text, "datetime=\"2024-11-29T18:00:00-05:00\" title=\"2024-11-29 23:00:00 UTC\">"
                     "18:00:00 -05:00</time>");
    assert_has(text, "time of arrival");
    /* its day is the 30th here */
    assert_has(page(w, "/?from=2024-11-30&to=2024-11-30"), "<b>1</b> event,");
}

static void test_each_trigger_has_its_words(void **state)
{
    struct world *w = *state;
    static const char *const triggers[][2] = {{"request", "Requested"},
                                              {"din1", "Input 1"},
                                              {"din4", "Input 4"},
                                              {"crash", "Crash"},
                                              {"towing", "Towing"},
                                              {"idling", "Idling"},
                                              {"geofence", "Geofence"},
                                              {"unplug", "Power cut"},
                                              {"green-driving", "Harsh driving"},
                                              {"periodic", "Periodic"},
                                              {"none", "No trigger"},
                                              {"dsm-event", "Driver warning"},
                                              {"retransmit", "Sent again"},
                                              {"trigger-77", "trigger-77"},
                                              {"", "Trigger not known"}};
    enum { N = sizeof triggers / sizeof *triggers };
    for (int i = 0; i < N; i++)
        add_stored(w, VAN, "front", triggers[i][0], NOON + i * HOUR);
    start(w);
    char words[80];
    const char *text = page(w, "/");
    assert_int_equal(count(text, "<article class=\"card"), N);
    for (int i = 0; i < N; i++) {
        snprintf(words, sizeof words, "</svg>%s</span><", triggers[i][1]);
        assert_has(text, words);
    }
}

static void test_filters_are_links_with_what_they_leave(void **state)
{
    struct world *w = *state;
    name_vehicle(w, VAN, "Van 12", "B-XY 1234");
    name_vehicle(w, TRUCK, "Truck 4", "");
    add_stored(w, VAN, "front", "crash", NOON);
    add_stored(w, VAN, "rear", "towing", NOON + 2 * HOUR);
    add_stored(w, TRUCK, "front", "crash", NOON + 4 * HOUR);
    add_stored(w, TRUCK, "rear", "crash", NOON + 4 * HOUR);
    add_stored(w, TRUCK, "driver", "periodic", NOON + 24 * HOUR);
    add(w, TRUCK, "front", "video", "idling", NOON + 25 * HOUR, 0, CATALOGUE_PARTIAL);
    static const struct {
        const char *query, *found;
    } rows[] = {
        {"", "<b>5</b> events"},
        {"?q=van", "<b>2</b> events"},
        {"?q=xy+1234", "<b>2</b> events"},
        {"?q=0006", "<b>3</b> events"},
        {"?q=truck+nothing", "<b>0</b> events"},
        {"?imei=" VAN, "<b>2</b> events"},
        {"?trigger=crash", "<b>2</b> events"},
        {"?cameras=rear", "<b>2</b> events"},
        {"?cameras=front,rear", "<b>1</b> event,"},
        {"?condition=partial", "<b>1</b> event,"},
        {"?condition=partial,whole", "<b>5</b> events"},
        {"?marks=to-review", "<b>5</b> events"},
        {"?marks=protected", "<b>0</b> events"},
        {"?from=2024-11-30", "<b>2</b> events"},
        {"?to=2024-11-29", "<b>3</b> events"},
        {"?q=truck&trigger=crash&cameras=front&from=2024-11-29&to=2024-11-29&view=table",
         "<b>1</b> event,"},
    };
    start(w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[200];
        snprintf(path, sizeof path, "/%s", rows[i].query);
        assert_has(page(w, path), rows[i].found);
    }
    const char *text = page(w, "/?q=truck&trigger=crash&from=2024-11-29&to=2024-11-29");
    /* each chip removes one, and leaves the others */
    assert_has(text, "href=\"/?trigger=crash&amp;from=2024-11-29&amp;to=2024-11-29\">“truck” ");
    assert_has(text, "href=\"/?q=truck&amp;from=2024-11-29&amp;to=2024-11-29\">Crash ");
    assert_has(text, "href=\"/?q=truck&amp;trigger=crash\">29 Nov 2024 ");
    /* the event leads back to them */
    assert_has(text, "?q=truck&amp;trigger=crash&amp;from=2024-11-29&amp;to=2024-11-29\"><span "
                     "class=\"hidden\">Not reviewed: </span>Truck 4</a>");
    /* quick filters have their numbers, of the other filters */
    text = page(w, "/?imei=" TRUCK);
    assert_has(text, "href=\"/?imei=" TRUCK "\">All <span class=\"count\">3</span>");
    assert_has(text, "href=\"/?imei=" TRUCK "&amp;trigger=crash\">Crash <span "
                     "class=\"count\">1</span>");
    assert_has(text, "condition=ends-early,damaged,partial\">Damaged or cut short <span "
                     "class=\"count\">1</span>");
    assert_has(text, "Truck 4 <svg"); /* the chip has its name */
}

static void test_values_that_are_none_are_told(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"page=0",
                                      "page=x",
                                      "page=99999999999999999999",
                                      "page=-1",
                                      "from=yesterday",
                                      "to=2024-11-31x",
                                      "condition=fine",
                                      "condition=whole,fine",
                                      "cameras=front,up",
                                      "marks=x",
                                      "imei=1234567890123456",
                                      "from=0000-00-00"};
    add_stored(w, VAN, "front", "crash", NOON);
    start(w);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[100];
        snprintf(path, sizeof path, "/?%s", bad[i]);
        http_expect(w->port, path, "", 400);
    }
    char path[400] = "/?q=";
    memset(path + 4, 'q', 200);
    path[204] = '\0';
    http_expect(w->port, path, "", 400);
    /* what is odd, but can be looked for */
    http_expect(w->port, "/?trigger=%3Cb%3E&q=%25_%27%22%5C&from=&to=&cameras=&view=x", "", 200);
    http_expect(w->port, "/?from=9999-12-31&to=0001-01-01", "", 200);
    http_expect(w->port, "/?from=0001-01-01&to=9999-12-31", "", 200);
}

static void test_what_strangers_named_is_text(void **state)
{
    struct world *w = *state;
    name_vehicle(w, VAN, "<img src=x onerror=1>", "\"'><q>");
    add_stored(w, VAN, "front", "<q>\"'&", NOON);
    start(w);
    static const char *const pages[] = {
        "/",       "/?view=table", "/?imei=" VAN, "/?q=%3Cq%3E%22'&trigger=%3Cq%3E",
        "/status", "/upload",      "/requests"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        const char *text = page(w, pages[i]);
        assert_lacks(text, "<q>");
        assert_lacks(text, "<img src=x");
        assert_lacks(text, " onerror=1>");
        assert_int_equal(count(text, "<script type=\"module\" src=\"/assets/"),
                         count(text, "<script"));
    }
    assert_has(page(w, "/"), "&lt;img src=x onerror=1&gt;</a>");
}

static void test_pages_and_their_ends(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 125; i++)
        add_stored(w, VAN, "front", "periodic", NOON - i * HOUR);
    start(w);
    const char *text = page(w, "/?trigger=periodic");
    assert_int_equal(count(text, "<article class=\"card"), 50);
    assert_has(text, "<p>1 to 50 of 125</p>");
    assert_has(text, "Page 1 of 3");
    assert_has(text, "<span class=\"button\" aria-disabled=\"true\">First</span>");
    assert_has(text, "href=\"/?trigger=periodic&amp;page=2\" rel=\"next\">");
    assert_has(text, "href=\"/?trigger=periodic&amp;page=3\" rel=\"last\">");
    text = page(w, "/?trigger=periodic&page=3");
    assert_int_equal(count(text, "<article class=\"card"), 25);
    assert_has(text, "<p>101 to 125 of 125</p>");
    assert_has(text, "<span class=\"button\" aria-disabled=\"true\">Last</span>");
    assert_has(text, "href=\"/?trigger=periodic\" rel=\"first\">");
    text = page(w, "/?trigger=periodic&page=4");
    assert_has(text, "There is no such page");
    assert_has(text, "href=\"/?trigger=periodic&amp;page=3\">Last page</a>");
}

static void test_nothing_to_show_offers_the_way_out(void **state)
{
    struct world *w = *state;
    start(w);
    const char *text = page(w, "/");
    assert_has(text, "No footage has arrived yet");
    assert_has(text, "<a class=\"button primary\" href=\"/upload\">");
    proc_stop(&w->server, SIGTERM);
    add_stored(w, VAN, "front", "crash", NOON);
    start(w);
    text = page(w, "/?trigger=towing&view=table");
    assert_has(text, "No event matches these filters");
    assert_has(text, "<a class=\"button\" href=\"/?view=table\">Remove all filters</a>");
}

/* The strip ends with today, or with the last day that has something. */
static void test_the_calendar_counts_days(void **state)
{
    struct world *w = *state;
    /* around the day on which clocks went back: 25 hours long */
    int64_t day = INT64_C(1729980000000000); /* 2024-10-26T22:00:00Z: 27 October begins */
    for (int i = -1; i <= 25; i++)
        add_stored(w, i % 2 ? VAN : TRUCK, "front", "periodic", day + i * HOUR);
    start(w);
    const char *text = page(w, "/");
    assert_has(text, "Sunday, 27 October 2024: 25 events, 25 to review\">");
    assert_has(text, "Saturday, 26 October 2024: 1 event, 1 to review\">");
    assert_has(text, "Monday, 28 October 2024: 1 event, 1 to review\">");
    assert_has(text, "Sunday, 27 October 2024</h2><p>25 events, 25 to review</p>");
    assert_has(text, "Friday, 25 October 2024: no events\">");
    assert_int_equal(count(text, "<li><a "), 28);
    assert_has(text, "href=\"/?from=2024-10-27&amp;to=2024-10-27\"");
    assert_has(text, "href=\"/?from=2024-09-03&amp;to=2024-09-30\" title=\"Four weeks earlier\"");
    text = page(w, "/?from=2024-10-27&to=2024-10-27");
    assert_has(text, "<b>25</b> events");
    assert_has(text, "aria-current=\"true\" href=\"/?from=2024-10-27&amp;to=2024-10-27\"");
    assert_has(text, "title=\"Four weeks later\"");
}

static void test_a_week_in_the_list_is_of_the_choice(void **state)
{
    struct world *w = *state;
    add_stored(w, VAN, "front", "crash", NOON);
    add_stored(w, TRUCK, "front", "towing", NOON);
    start(w);
    const char *text = page(w, "/?trigger=crash");
    assert_has(text, "Friday, 29 November 2024: 1 event, 1 to review\">");
    assert_has(text, "Friday, 29 November 2024</h2><p>1 event, 1 to review</p>");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_an_event_is_a_card_with_all_that_one_decides_by),
        T(test_times_are_of_the_place_and_days_of_the_settings),
        T(test_each_trigger_has_its_words),
        T(test_filters_are_links_with_what_they_leave),
        T(test_values_that_are_none_are_told),
        T(test_what_strangers_named_is_text),
        T(test_pages_and_their_ends),
        T(test_nothing_to_show_offers_the_way_out),
        T(test_the_calendar_counts_days),
        T(test_a_week_in_the_list_is_of_the_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
