/* What a clip's tracker said, as the command line tells it. */
#include "support/account.h"
#include "support/proc.h"
#include "support/support.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define RUN(...) DASHSPOOL(f->root, __VA_ARGS__)

static void test_show_tells_of_records_and_event(void **state)
{
    struct catalogued *f = *state;
    struct catalogue_transfer t = account_clip(f);
    struct account_said said = account_drive(5350);
    struct proc_result r = RUN("show", t.id);
    assert_int_equal(r.status, 0);
    assert_null(strstr(proc_out(&r), "telemetry"));
    proc_clear(&r);
    for (int s = -3; s <= 3; s++)
        account_say(f, &t, &(struct account_said){s * 1000, 9, 50, -1, -1, -1, 0, 0, false, 0});
    said.trigger = ACCOUNT_CRASH;
    account_say_event(f, &t, &said, 350);
    expect(RUN("show", t.id), 0, "telemetry  8 records of its tracker; 'dashspool track");
    expect(RUN("show", t.id), 0,
           "event 2024-11-29T07:23:50.350Z by the tracker, +0.350 s from the camera's time of it");
    r = RUN("show", t.id, "--json");
    json_t *whole = json_loads(proc_out(&r), 0, NULL);
    json_t *telemetry = json_object_get(whole, "telemetry"),
           *event = json_object_get(telemetry, "event");
    assert_int_equal(json_integer_value(json_object_get(telemetry, "records")), 8);
    assert_int_equal(json_integer_value(json_object_get(event, "difference_ms")), 350);
    assert_string_equal(json_string_value(json_object_get(event, "time")),
                        "2024-11-29T07:23:50.350Z");
    assert_string_equal(json_string_value(json_object_get(whole, "id")), t.id);
    json_decref(whole);
    proc_clear(&r);
}

static void test_a_crash_trace_is_a_table(void **state)
{
    struct catalogued *f = *state;
    struct catalogue_transfer t = account_clip(f);
    struct account_said said = account_drive(0);
    account_say(f, &t, &said);
    expect(RUN("track", t.id, "--trace"), 1, "have no crash trace");
    said.crash = 4;
    said.counter = 7;
    said.samples = 2;
    for (int i = 0; i < 2; i++) {
        said.at_ms = 1000 + i * 80;
        said.first = 2 * i;
        account_say(f, &t, &said);
    }
    said.at_ms = 30000; /* alone */
    account_say(f, &t, &said);
    struct proc_result r = RUN("track", t.id, "--trace");
    assert_int_equal(r.status, 0);
    assert_string_equal(proc_out(&r),
                        "record,time,x_mg,y_mg,z_mg\n"
                        "2024-11-29T07:23:46.000Z,2024-11-29T07:23:46.000Z,0,-1000,1000\n"
                        "2024-11-29T07:23:46.000Z,2024-11-29T07:23:46.040Z,1,-1000,1000\n"
                        "2024-11-29T07:23:46.080Z,2024-11-29T07:23:46.080Z,2,-1000,1000\n"
                        "2024-11-29T07:23:46.080Z,2024-11-29T07:23:46.120Z,3,-1000,1000\n"
                        "2024-11-29T07:24:15.000Z,,2,-1000,1000\n"
                        "2024-11-29T07:24:15.000Z,,3,-1000,1000\n");
    proc_clear(&r);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_show_tells_of_records_and_event),
        T(test_a_crash_trace_is_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
