/* The pages of what is wrong, and of what was asked for: in each state, with what can be done. */
#include "dashspool/clock.h"
#include "dashspool/requests.h"
#include "dashspool/spool.h"
#include "support/http.h"
#include "support/pages.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VAN   "352093081452251"
#define TRUCK "350000000000006"

/* ---- status ---- */

static void fail_job(struct pages *w, const char *id, const char *why)
{
    struct spool *spool;
    struct spool_job *job;
    struct err err;
    assert_ok(spool_open(&spool, w->root, "convert", &err));
    assert_ok(spool_put(spool, id, "{}", 2, &err));
    assert_ok(spool_claim(spool, &job, &err));
    assert_non_null(job);
    assert_ok(spool_fail(spool, &job, why, &err));
    spool_close(&spool);
}

static void test_all_is_well_and_says_so(void **state)
{
    struct pages *w = *state;
    pages_add(w,
              &(struct pages_file){VAN, "front", "crash", PAGES_NOON, .state = CATALOGUE_STORED});
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/status");
    assert_has(text, "Everything works.</span>");
    pages_lack(text, "class=\"trouble");
    assert_has(text, "<span class=\"count bad\" data-count=\"bad\" hidden>");
    assert_has(text, "<dt>Originals</dt><dd>");
    assert_has(text, "<th scope=\"row\">Make copies</th>");
    pages_lack(text, "Failed jobs");
    pages_lack(text, "/requests"); /* nothing can be asked for here */
}

static void test_what_is_wrong_stands_on_top_with_what_to_do(void **state)
{
    struct pages *w = *state;
    pages_name(w, VAN, "Van 12", "B-XY 1234");
    pages_add(w, &(struct pages_file){VAN, "front", "crash", PAGES_NOON, .state = CATALOGUE_STORED,
                                      .bare = true});
    fail_job(w, w->last, "no frame <q>can</q> be decoded");
    support_configure(w->root, "[ui]\nzone = Europe/Berlin\n[status]\nmax_silence = 7d\n");
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/status");
    assert_has(text, "<b>2 problems</b>");
    assert_has(text, "data-count=\"bad\"><b>2</b><span class=\"hidden\"> problems</span>");
    /* each with its colour, and a way to what shows it */
    const char *bad = strstr(text, "<article class=\"trouble bad\">");
    assert_non_null(bad);
    assert_has(bad, "convert: failed jobs: 1</h2>");
    assert_has(bad, "What to do:</b>");
    assert_has(text, "href=\"#jobs\">Show</a>");
    assert_has(text, "<article class=\"trouble\">");
    assert_has(text, "href=\"#cameras\">Show</a>");
    /* the silent one */
    assert_has(text, "/vehicle/" VAN "\">Van 12</a> <span class=\"plate\">B-XY 1234</span></th><td>"
                     "<span class=\"badge warn\">");
    /* the job: of what, why, and what an admin can do */
    assert_has(text, "<section class=\"panel\" id=\"jobs\"");
    assert_has(text, "no frame &lt;q&gt;can&lt;/q&gt; be decoded");
    pages_lack(text, "<q>");
    assert_has(text, "Van 12 <span class=\"plate\">B-XY 1234</span>, <time");
    assert_has(text, "name=\"do\" value=\"retry\"><input type=\"hidden\" name=\"stage\" "
                     "value=\"convert\">");
    assert_has(text, "Drop this job?");
    assert_has(text, "name=\"do\" value=\"drop\">");
    /* in the reader's language, from the sentence to what stands in it */
    struct http_answer german =
        http_ask(w->port, "GET", "/status", "Accept-Language: de\r\n", NULL);
    assert_has(german.body, "convert: gescheiterte Aufträge: 1</h2>");
    assert_has(german.body, "auflisten mit „dashspool retry“, neu einreihen mit --all</p>");
    assert_has(german.body, "<h2>Kamera " VAN " ");
    assert_null(strstr(german.body, "<h2><span lang=\"en\">"));
    http_clear(&german);
}

/* ---- requests ---- */

static int64_t ask_at(struct catalogue *c, const char *imei, const char *reason, int64_t time_s,
                      int64_t now_us)
{
    struct err err;
    struct requests_request r = {.what = {.kind = CAMREQ_VIDEO, .seconds = 20}};
    snprintf(r.imei, sizeof r.imei, "%s", imei);
    snprintf(r.what.camera, sizeof r.what.camera, "both");
    r.what.time_s = time_s;
    snprintf(r.by, sizeof r.by, "claims-desk-2");
    snprintf(r.reason, sizeof r.reason, "%s", reason);
    assert_ok(requests_add(c, &r, now_us, &err));
    return r.id;
}

static int64_t ask(struct catalogue *c, const char *imei, const char *reason, int64_t time_s)
{
    return ask_at(c, imei, reason, time_s, clock_utc_us());
}

static void answer(struct catalogue *c, int64_t id, const char *text)
{
    struct err err;
    bool settled;
    assert_ok(requests_sent(c, id, "10.0.0.1:1", clock_utc_us(), &err));
    assert_ok(requests_answered(c, id, text, strlen(text), clock_utc_us(), &settled, &err));
    assert_true(settled);
}

static void test_requests_in_words_of_people(void **state)
{
    struct pages *w = *state;
    struct catalogue *c;
    struct err err;
    int64_t now_s = clock_utc_us() / 1000000;
    pages_name(w, VAN, "Van 12", "B-XY 1234");
    assert_ok(catalogue_open(&c, w->root, true, &err));
    ask(c, VAN, "<q>K-2026-0417</q>", now_s - 3600);
    answer(c, ask(c, TRUCK, "", now_s - 7200), "Ignition is off, cannot do it");
    answer(c, ask(c, TRUCK, "", now_s - 9000), "Requested file does not exist");
    int64_t gone = ask(c, TRUCK, "look", now_s - 10800);
    assert_ok(requests_cancel(c, gone, "claims-desk-1", clock_utc_us(), &err));
    catalogue_close(&c);
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/requests");
    assert_has(text, "<b>2</b> open, <b>2</b> closed");
    assert_has(text, "data-count=\"requests\"><b>2</b>");
    assert_has(text, "Front and rear, 20 s");
    assert_has(text, "<p class=\"state\">Not sent yet</p>");
    assert_has(text, "&lt;q&gt;K-2026-0417&lt;/q&gt; · asked by claims-desk-2");
    assert_has(text, "<p class=\"state\">Waiting for the ignition</p>");
    assert_has(text, "The tracker said: “Ignition is off, cannot do it”");
    assert_has(text, "<li class=\"bad\">");
    assert_has(text, "<p class=\"state\">The camera has no footage of that time</p>");
    assert_has(text, "<p class=\"state\">Cancelled</p>");
    assert_has(text, "name=\"do\" value=\"cancel\"><input type=\"hidden\" name=\"request\" "
                     "value=\"1\">");
    assert_int_equal(pages_count(text, "name=\"do\" value=\"cancel\""), 2);
    assert_int_equal(pages_count(text, ">Ask again</a>"), 2);
    pages_lack(text, "<q>");
    /* the form is filled as the address says */
    text = pages_get(w, "/requests?imei=" VAN "&cameras=rear&time=2026-11-27T15:41:20Z&seconds=30"
                        "&reason=K%3Cq%3E");
    assert_has(text, "<option value=\"" VAN "\" selected>Van 12 · B-XY 1234</option>");
    assert_has(text, "value=\"rear\" checked>");
    assert_has(text, "value=\"front\">");
    assert_has(text, "value=\"2026-11-27T16:41:20\">");
    assert_has(text, "<option value=\"Europe/Berlin\" selected>CET</option>");
    assert_has(text, "name=\"seconds\" value=\"30\"");
    assert_has(text, "value=\"K&lt;q&gt;\"");
    http_expect(w->port, "/requests?time=x&seconds=x&imei=%3Cq%3E&cameras=%00", "", 200);
}

/* Those of before count, and have no row. */
static void test_the_newest_of_many_requests_that_are_over_are_listed(void **state)
{
    enum { OLD = 3, NEW = 33, SHOWN = 30 };
    struct pages *w = *state;
    struct catalogue *c;
    struct err err;
    char reason[16];
    const int64_t now_us = clock_utc_us(), before_us = now_us - INT64_C(40) * 24 * 3600000000;
    pages_name(w, VAN, "Van 12", "B-XY 1234");
    assert_ok(catalogue_open(&c, w->root, true, &err));
    for (int i = 0; i < OLD + NEW; i++) {
        snprintf(reason, sizeof reason, "claim %02d.", i);
        int64_t at_us = i < OLD ? before_us : now_us;
        assert_ok(requests_cancel(c, ask_at(c, VAN, reason, at_us / 1000000 - 3600 - i, at_us),
                                  "claims-desk-1", at_us, &err));
    }
    catalogue_close(&c);
    pages_start(w, DASHSPOOL_BINARY);
    const char *text = pages_get(w, "/requests");
    assert_has(text, "<b>0</b> open, <b>36</b> closed");
    assert_has(text, "All 36</a>");
    assert_int_equal(pages_count(text, "<p class=\"state\">Cancelled</p>"), SHOWN);
    assert_int_equal(pages_count(text, "<p class=\"state\">"), SHOWN);
    for (int i = OLD + NEW - 1; i >= OLD + NEW - SHOWN; i--) { /* the newest first */
        snprintf(reason, sizeof reason, "claim %02d.", i);
        assert_has(text, reason);
        text = strstr(text, reason);
    }
    text = pages_get(w, "/requests?all=1");
    assert_int_equal(pages_count(text, "<p class=\"state\">Cancelled</p>"), OLD + NEW);
}

static void test_nothing_of_requests_where_there_is_none(void **state)
{
    struct pages *w = *state;
    pages_add(w,
              &(struct pages_file){VAN, "front", "crash", PAGES_NOON, .state = CATALOGUE_STORED});
    pages_start(w, DASHSPOOL_BINARY);
    pages_lack(pages_get(w, "/"), "/requests");
    const char *text = pages_get(w, "/requests");
    assert_has(text, "Footage cannot be requested here");
    pages_lack(text, "name=\"do\" value=\"request\"");
    pages_stop(w);
    support_configure(w->root, "[telemetry]\nenabled = yes\n");
    pages_start(w, DASHSPOOL_BINARY);
    assert_has(pages_get(w, "/"), "<a href=\"/requests\">");
    text = pages_get(w, "/requests");
    assert_has(text, "Nothing was requested yet");
    assert_has(text, "name=\"do\" value=\"request\"");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pages_set_up, pages_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_all_is_well_and_says_so),
        T(test_what_is_wrong_stands_on_top_with_what_to_do),
        T(test_requests_in_words_of_people),
        T(test_the_newest_of_many_requests_that_are_over_are_listed),
        T(test_nothing_of_requests_where_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
