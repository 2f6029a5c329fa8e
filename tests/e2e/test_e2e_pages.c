/* The list of events: what it shows, chooses, says and offers, in each state. */
#include "support/http.h"
#include "support/pages.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define VAN   "352093081452251"
#define TRUCK "350000000000006"
#define NOON  PAGES_NOON
#define HOUR  INT64_C(3600000000)

static void add_stored(struct pages *w, const char *imei, const char *camera, const char *trigger,
                       int64_t at_us)
{
    pages_add(w, &(struct pages_file){imei, camera, trigger, at_us, .state = CATALOGUE_STORED});
}

static void add(struct pages *w, const char *imei, const char *camera, const char *kind,
                const char *trigger, int64_t at_us, int tz_min, enum catalogue_state state)
{
    pages_add(w, &(struct pages_file){imei, camera, trigger, at_us, kind, tz_min, state, false});
}

/* ---- events ---- */

static void test_an_event_is_a_card_with_all_that_one_decides_by(void **state)
{
    struct pages *w = *state;
    pages_name(w, VAN, "Van 12", "B-XY 1234");
    add(w, VAN, "front", "video", "crash", NOON, 60, CATALOGUE_STORED);
    add(w, VAN, "rear", "video", "crash", NOON + 1000000, 60, CATALOGUE_STORED);
    add(w, VAN, "front", "photo", "crash", NOON, 60, CATALOGUE_STORED);
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/");
    assert_int_equal(pages_count(text, "<article class=\"card new\""), 1); /* three files */
    assert_has(text, "<b>1</b> event, <b>1</b> to review");
    assert_has(text, "Van 12</a> <span class=\"plate\">B-XY 1234</span>");
    assert_has(text, "<time datetime=\"2024-11-29T12:00:00+01:00\" title=\"2024-11-29 11:00:00 "
                     "UTC\">12:00:00 CET</time>");
    assert_has(text, "<span class=\"tag l crash\">");
    assert_has(text, "Front, rear, 1 photo");
    assert_has(text, "Friday, 29 November 2024</h2><p>1 event, 1 to review</p>");
    assert_has(text, "Mark reviewed: Van 12, 12:00:00 CET");
    assert_int_equal(pages_count(text, "src=\"/copy/" VAN "-"),
                     2); /* the rear one in the front one */
    text = pages_get(w, "/?view=table");
    assert_has(text, "Fri 29 Nov 2024, 12:00:00 CET</time></a></th><td>Van 12");
    assert_has(text, "<th scope=\"col\">Condition</th>");
    pages_lack(text, "class=\"card");
}

/* Where it happened is another zone than where it is looked at. */
static void test_times_are_of_the_place_and_days_of_the_settings(void **state)
{
    struct pages *w = *state;
    add(w, VAN, "front", "video", "crash", NOON + 12 * HOUR, -300, CATALOGUE_STORED);
    add(w, TRUCK, "front", "video", "crash", 0, 0, CATALOGUE_STORED); /* when it arrived */
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/");
    assert_has(text, "Saturday, 30 November 2024</h2>");
    assert_has(text, "datetime=\"2024-11-29T18:00:00-05:00\" title=\"2024-11-29 23:00:00 UTC\">"
                     "18:00:00 -05:00</time>");
    assert_has(text, "time of arrival");
    /* its day is the 30th here */
    assert_has(pages_get(w, "/?from=2024-11-30&to=2024-11-30"), "<b>1</b> event,");
}

static void test_each_trigger_has_its_words(void **state)
{
    struct pages *w = *state;
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
    pages_start(w, DASHSPOOL_BINARY);
    char words[80];
    const char *text = pages_get(w, "/");
    assert_int_equal(pages_count(text, "<article class=\"card"), N);
    for (int i = 0; i < N; i++) {
        snprintf(words, sizeof words, "</svg>%s</span><", triggers[i][1]);
        assert_has(text, words);
    }
}

static void test_filters_are_links_with_what_they_leave(void **state)
{
    struct pages *w = *state;
    pages_name(w, VAN, "Van 12", "B-XY 1234");
    pages_name(w, TRUCK, "Truck 4", "");
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
    pages_start(w, DASHSPOOL_BINARY);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[200];
        snprintf(path, sizeof path, "/%s", rows[i].query);
        assert_has(pages_get(w, path), rows[i].found);
    }
    const char *text = pages_get(w, "/?q=truck&trigger=crash&from=2024-11-29&to=2024-11-29");
    /* each chip removes one, and leaves the others */
    assert_has(text, "href=\"/?trigger=crash&amp;from=2024-11-29&amp;to=2024-11-29\">“truck” ");
    assert_has(text, "href=\"/?q=truck&amp;from=2024-11-29&amp;to=2024-11-29\">Crash ");
    assert_has(text, "href=\"/?q=truck&amp;trigger=crash\">29 Nov 2024 ");
    /* the event leads back to them */
    assert_has(text, "?q=truck&amp;trigger=crash&amp;from=2024-11-29&amp;to=2024-11-29\"><span "
                     "class=\"hidden\">Not reviewed: </span>Truck 4</a>");
    /* quick filters have their numbers, of the other filters */
    text = pages_get(w, "/?imei=" TRUCK);
    assert_has(text, "href=\"/?imei=" TRUCK "\">All <span class=\"count\">3</span>");
    assert_has(text, "href=\"/?imei=" TRUCK "&amp;trigger=crash\">Crash <span "
                     "class=\"count\">1</span>");
    assert_has(text, "condition=ends-early,damaged,partial\">Damaged or cut short <span "
                     "class=\"count\">1</span>");
    assert_has(text, "Truck 4 <svg"); /* the chip has its name */
}

static void test_values_that_are_none_are_told(void **state)
{
    struct pages *w = *state;
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
    pages_start(w, DASHSPOOL_BINARY);
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
    struct pages *w = *state;
    pages_name(w, VAN, "<img src=x onerror=1>", "\"'><q>");
    add_stored(w, VAN, "front", "<q>\"'&", NOON);
    pages_start(w, DASHSPOOL_BINARY);
    static const char *const pages[] = {
        "/",       "/?view=table", "/?imei=" VAN, "/?q=%3Cq%3E%22'&trigger=%3Cq%3E",
        "/status", "/upload",      "/requests"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        const char *text = pages_get(w, pages[i]);
        pages_lack(text, "<q>");
        pages_lack(text, "<img src=x");
        pages_lack(text, " onerror=1>");
        assert_int_equal(pages_count(text, "<script type=\"module\" src=\"/assets/"),
                         pages_count(text, "<script"));
    }
    assert_has(pages_get(w, "/"), "&lt;img src=x onerror=1&gt;</a>");
}

static void test_pages_and_their_ends(void **state)
{
    struct pages *w = *state;
    for (int i = 0; i < 125; i++)
        add_stored(w, VAN, "front", "periodic", NOON - i * HOUR);
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/?trigger=periodic");
    assert_int_equal(pages_count(text, "<article class=\"card"), 50);
    assert_has(text, "<p>1 to 50 of 125</p>");
    assert_has(text, "Page 1 of 3");
    assert_has(text, "<span class=\"button\" aria-disabled=\"true\">First</span>");
    assert_has(text, "href=\"/?trigger=periodic&amp;page=2\" rel=\"next\">");
    assert_has(text, "href=\"/?trigger=periodic&amp;page=3\" rel=\"last\">");
    text = pages_get(w, "/?trigger=periodic&page=3");
    assert_int_equal(pages_count(text, "<article class=\"card"), 25);
    assert_has(text, "<p>101 to 125 of 125</p>");
    assert_has(text, "<span class=\"button\" aria-disabled=\"true\">Last</span>");
    assert_has(text, "href=\"/?trigger=periodic\" rel=\"first\">");
    text = pages_get(w, "/?trigger=periodic&page=4");
    assert_has(text, "There is no such page");
    assert_has(text, "href=\"/?trigger=periodic&amp;page=3\">Last page</a>");
}

static void test_nothing_to_show_offers_the_way_out(void **state)
{
    struct pages *w = *state;
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/");
    assert_has(text, "No footage has arrived yet");
    assert_has(text, "<a class=\"button primary\" href=\"/upload\">");
    pages_stop(w);
    add_stored(w, VAN, "front", "crash", NOON);
    pages_start(w, DASHSPOOL_BINARY);
    text = pages_get(w, "/?trigger=towing&view=table");
    assert_has(text, "No event matches these filters");
    assert_has(text, "<a class=\"button\" href=\"/?view=table\">Remove all filters</a>");
}

/* The strip ends with today, or with the last day that has something. */
static void test_the_calendar_counts_days(void **state)
{
    struct pages *w = *state;
    /* around the day on which clocks went back: 25 hours long */
    int64_t day = INT64_C(1729980000000000); /* 2024-10-26T22:00:00Z: 27 October begins */
    for (int i = -1; i <= 25; i++)
        add_stored(w, i % 2 ? VAN : TRUCK, "front", "periodic", day + i * HOUR);
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/");
    assert_has(text, "Sunday, 27 October 2024: 25 events, 25 to review\">");
    assert_has(text, "Saturday, 26 October 2024: 1 event, 1 to review\">");
    assert_has(text, "Monday, 28 October 2024: 1 event, 1 to review\">");
    assert_has(text, "Sunday, 27 October 2024</h2><p>25 events, 25 to review</p>");
    assert_has(text, "Friday, 25 October 2024: no events\">");
    assert_int_equal(pages_count(text, "<li><a "), 28);
    assert_has(text, "href=\"/?from=2024-10-27&amp;to=2024-10-27\"");
    assert_has(text, "href=\"/?from=2024-09-03&amp;to=2024-09-30\" title=\"Four weeks earlier\"");
    text = pages_get(w, "/?from=2024-10-27&to=2024-10-27");
    assert_has(text, "<b>25</b> events");
    assert_has(text, "aria-current=\"true\" href=\"/?from=2024-10-27&amp;to=2024-10-27\"");
    assert_has(text, "title=\"Four weeks later\"");
}

/* … whatever the distance to UTC is today. */
static void test_a_vehicle_has_the_days_that_its_list_has(void **state)
{
    struct pages *w = *state;
    static const int64_t begins_us[] = {INT64_C(1729980000000000),  /* 27 October: 25 hours */
                                        INT64_C(1711839600000000)}; /* 31 March: 23 hours */
    for (int i = -1; i <= 25; i++) {
        add_stored(w, VAN, "front", "periodic", begins_us[0] + i * HOUR);
        if (i <= 23)
            add_stored(w, VAN, "front", "periodic", begins_us[1] + i * HOUR);
    }
    add_stored(w, TRUCK, "front", "periodic", begins_us[0]);
    pages_start(w, DASHSPOOL_BINARY);
    static const struct {
        const char *date, *day;
        int n;
    } rows[] = {{"2024-10-28", "Monday, 28 October 2024", 1},
                {"2024-10-27", "Sunday, 27 October 2024", 25},
                {"2024-10-26", "Saturday, 26 October 2024", 1},
                {"2024-04-01", "Monday, 1 April 2024", 1},
                {"2024-03-31", "Sunday, 31 March 2024", 23},
                {"2024-03-30", "Saturday, 30 March 2024", 1}};
    const char *text = pages_get(w, "/vehicle/" VAN);
    assert_int_equal(pages_count(text, "href=\"?day="), 6);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char row[200];
        snprintf(row, sizeof row,
                 "href=\"?day=%s\">%s</a></th><td class=\"num\">%d</td><td class=\"num\">%d</td>",
                 rows[i].date, rows[i].day, rows[i].n, rows[i].n);
        assert_has(text, row);
    }
}

static void test_a_week_in_the_list_is_of_the_choice(void **state)
{
    struct pages *w = *state;
    add_stored(w, VAN, "front", "crash", NOON);
    add_stored(w, TRUCK, "front", "towing", NOON);
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/?trigger=crash");
    assert_has(text, "Friday, 29 November 2024: 1 event, 1 to review\">");
    assert_has(text, "Friday, 29 November 2024</h2><p>1 event, 1 to review</p>");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pages_set_up, pages_tear_down)
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
        T(test_a_vehicle_has_the_days_that_its_list_has),
        T(test_a_week_in_the_list_is_of_the_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
