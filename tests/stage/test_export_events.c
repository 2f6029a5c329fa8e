/* Events in a store: who belongs to whom, what was packed already, and which name a package gets.
 */
#include "dashspool/clock.h"
#include "dashspool/confine.h"
#include "dashspool/export.h"
#include "dashspool/fsx.h"
#include "dashspool/master.h"
#include "dashspool/verify.h"
#include "support/stored.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMEI "352093081452251"
#define S    INT64_C(1000000)

struct store {
    char *dir;
    char root[512], packages[600];
    struct catalogue *catalogue;
};

static int set_up(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct err err;
    s->dir = support_tmp_dir();
    snprintf(s->root, sizeof s->root, "%s/root", s->dir);
    snprintf(s->packages, sizeof s->packages, "%s/packages", s->dir);
    assert_ok(fsx_mkdirs(s->root, &err));
    assert_ok(catalogue_open(&s->catalogue, s->root, true, &err));
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct store *s = *state;
    catalogue_close(&s->catalogue);
    support_tmp_remove(&s->dir);
    free(s);
    return 0;
}

/* As a camera of protocol 6 says them. */
static void add_metadata(struct catalogue_transfer *row, const char *trigger, const char *time)
{
    char *meta = (char *)row->wire.meta, stamp[60] = "";
    int64_t time_us;
    struct err err;
    if (!time && !trigger[0])
        return;
    if (time) {
        assert_ok(clock_parse(time, 0, &time_us, NULL, &err));
        snprintf(stamp, sizeof stamp, "\"file_timestamp\": %.6f", (double)time_us / 1e6);
    }
    int n = snprintf(meta, sizeof row->wire.meta,
                     "{\"file\": {%s}, \"cam_trigger\": {\"type\": \"%s\"}}", stamp, trigger);
    row->wire.meta_n = (size_t)n;
    assert_true(facts_decode(row));
}

/* A photo; its ID in a static buffer. */
static const char *add(struct store *s, const char *imei, const char *camera, const char *trigger,
                       const char *time, enum catalogue_state state)
{
    static char id[8][CATALOGUE_ID_ROOM];
    static int n;
    char bytes[] = "\xff\xd8\xff\xe0 a photo, more or less 00";
    struct stored stored;
    struct catalogue_transfer row = {.state = state, .published = true};
    row.arrived_us = 1732866000 * S;
    row.completed_us = row.arrived_us + 5 * S;
    snprintf(row.imei, sizeof row.imei, "%s", imei);
    snprintf(row.camera, sizeof row.camera, "%s", camera);
    snprintf(row.kind, sizeof row.kind, "photo");
    add_metadata(&row, trigger, time);
    bytes[sizeof bytes - 2] = (char)('0' + n);
    stored_open(&stored, s->root);
    stored_add(&stored, &row, bytes, sizeof bytes);
    stored_close(&stored);
    snprintf(id[n % 8], sizeof id[0], "%s", row.id);
    return id[n++ % 8];
}

static void find(struct store *s, const char *id, struct export_event *out)
{
    struct catalogue_transfer t;
    struct err err;
    assert_ok(catalogue_transfer_get(s->catalogue, id, &t, &err));
    assert_ok(export_event_find(out, s->catalogue, &t, 60 * S, &err));
}

/* The name of the package that is made for the job of `id`, in a static buffer. */
static const char *pack(struct store *s, const char *id, bool zip, bool *adopted)
{
    static char name[4][EXPORT_EVENT_NAME_ROOM];
    static unsigned n;
    const char *ids[20];
    char *path = NULL;
    struct export_event event;
    struct export_result result;
    struct err err;
    struct export_request request = {
        .root = s->root, .ids = ids, .who = "a test", .at_us = 1732867000 * S, .for_job = id};
    find(s, id, &event);
    for (size_t i = 0; i < event.n; i++)
        ids[request.n++] = event.member[i].id;
    assert_ok(export_event_package(&request, &event, s->packages, zip, NULL, NULL, &result, &path,
                                   adopted, &err));
    export_event_clear(&event);
    assert_true(strncmp(path, s->packages, strlen(s->packages)) == 0);
    char *out = name[n++ % 4];
    snprintf(out, sizeof name[0], "%s", path + strlen(s->packages) + 1);
    free(path);
    return out;
}

static const char *issued(struct store *s, const char *id, bool own)
{
    static char name[EXPORT_EVENT_NAME_ROOM];
    struct err err;
    assert_ok(export_event_issued(name, s->catalogue, id, own, &err));
    return name;
}

static void test_an_event_is_of_one_vehicle_one_trigger_and_one_time(void **state)
{
    struct store *s = *state;
    struct export_event event;
    const char *front = add(s, IMEI, "front", "crash", "2024-11-29T07:23:45Z", CATALOGUE_STORED);
    add(s, IMEI, "rear", "crash", "2024-11-29T07:23:44Z", CATALOGUE_STORED);
    add(s, IMEI, "driver", "crash", "2024-11-29T07:24:40Z", CATALOGUE_RECEIVING);
    add(s, IMEI, "front", "periodic", "2024-11-29T07:23:50Z", CATALOGUE_STORED);
    add(s, IMEI, "front", "crash", "2024-11-29T07:26:00Z", CATALOGUE_STORED);
    add(s, IMEI, "road", "crash", NULL, CATALOGUE_STORED);
    add(s, "352093081450000", "front", "crash", "2024-11-29T07:23:45Z", CATALOGUE_STORED);
    find(s, front, &event);
    assert_int_equal(event.n, 3);
    assert_string_equal(event.imei, IMEI);
    assert_string_equal(event.trigger, "crash");
    assert_string_equal(event.member[0].id, IMEI "-rear-photo-20241129T072344Z");
    assert_string_equal(event.member[1].id, front);
    assert_string_equal(event.member[2].id, IMEI "-driver-photo-20241129T072440Z");
    assert_int_equal(event.member[2].state, CATALOGUE_RECEIVING);
    assert_int_equal(event.member[1].last_us, 1732866005 * S);
    export_event_clear(&event);
}

static void test_without_a_time_or_a_trigger_each_is_alone(void **state)
{
    struct store *s = *state;
    struct export_event event;
    bool adopted;
    const char *timeless = add(s, IMEI, "front", "crash", NULL, CATALOGUE_STORED);
    add(s, IMEI, "rear", "crash", NULL, CATALOGUE_STORED);
    const char *why = add(s, IMEI, "front", "", "2024-11-29T07:23:45Z", CATALOGUE_STORED);
    add(s, IMEI, "rear", "", "2024-11-29T07:23:45Z", CATALOGUE_STORED);
    find(s, timeless, &event);
    assert_int_equal(event.n, 1);
    export_event_clear(&event);
    find(s, why, &event);
    assert_int_equal(event.n, 1);
    export_event_clear(&event);
    assert_string_equal(pack(s, timeless, true, &adopted), IMEI "-crash-20241129T074000Z.zip");
    assert_string_equal(pack(s, why, true, &adopted), IMEI "-footage-20241129T072345Z.zip");
}

static void test_what_comes_later_makes_another_package(void **state)
{
    struct store *s = *state;
    bool adopted;
    char first[700];
    const char *front = add(s, IMEI, "front", "crash", "2024-11-29T07:23:45Z", CATALOGUE_STORED);
    assert_string_equal(issued(s, front, false), "");
    assert_string_equal(pack(s, front, true, &adopted), IMEI "-crash-20241129T072345Z.zip");
    assert_false(adopted);
    assert_string_equal(issued(s, front, false), IMEI "-crash-20241129T072345Z.zip");
    assert_string_equal(issued(s, front, true), IMEI "-crash-20241129T072345Z.zip");
    snprintf(first, sizeof first, "%s/" IMEI "-crash-20241129T072345Z.zip", s->packages);
    struct buf before = support_read(first);

    /* began earlier, came later: the event keeps its name */
    const char *rear = add(s, IMEI, "rear", "crash", "2024-11-29T07:23:40Z", CATALOGUE_STORED);
    assert_string_equal(issued(s, rear, false), "");
    assert_string_equal(pack(s, rear, true, &adopted), IMEI "-crash-20241129T072345Z-2.zip");
    assert_string_equal(issued(s, rear, true), IMEI "-crash-20241129T072345Z-2.zip");
    assert_string_equal(issued(s, front, false), IMEI "-crash-20241129T072345Z-2.zip");
    assert_string_equal(issued(s, front, true), IMEI "-crash-20241129T072345Z.zip");
    struct buf after = support_read(first);
    assert_int_equal(before.used, after.used);
    assert_memory_equal(buf_data(&before), buf_data(&after), before.used);
    buf_clear(&before);
    buf_clear(&after);

    /* a name that was given once is not given again, wherever the package went */
    struct err err;
    assert_ok(fsx_remove_tree(s->packages, &err));
    const char *third = add(s, IMEI, "road", "crash", "2024-11-29T07:23:50Z", CATALOGUE_STORED);
    assert_string_equal(pack(s, third, false, &adopted), IMEI "-crash-20241129T072345Z-3");
}

static void test_a_package_that_nobody_noted_is_noted_not_made_again(void **state)
{
    struct store *s = *state;
    struct err err;
    bool adopted;
    char kept[700], saved[700], copy[700];
    const char *front = add(s, IMEI, "front", "crash", "2024-11-29T07:23:45Z", CATALOGUE_STORED);
    const char *rear = add(s, IMEI, "rear", "crash", "2024-11-29T07:23:40Z", CATALOGUE_PARTIAL);
    /* the store as it was before */
    snprintf(kept, sizeof kept, "%s/catalogue.db", s->root);
    snprintf(saved, sizeof saved, "%s/saved.db", s->dir);
    catalogue_close(&s->catalogue);
    struct buf db = support_read(kept);
    support_write(saved, buf_data(&db), db.used);
    assert_ok(catalogue_open(&s->catalogue, s->root, false, &err));
    const char *name = pack(s, front, true, &adopted);
    assert_string_equal(name, IMEI "-crash-20241129T072340Z.zip");
    assert_false(adopted);
    catalogue_close(&s->catalogue);
    support_write(kept, buf_data(&db), db.used);
    buf_clear(&db);
    assert_ok(catalogue_open(&s->catalogue, s->root, false, &err));
    assert_string_equal(issued(s, front, false), "");
    snprintf(copy, sizeof copy, "%s/%s", s->packages, name);
    struct buf before = support_read(copy);
    /* and something that was killed half-way */
    snprintf(saved, sizeof saved, "%s/%s.unfinished-AbCdEf", s->packages, name);
    assert_ok(fsx_mkdirs(saved, &err));
    snprintf(kept, sizeof kept, "%s/" IMEI "-crash-20241129T072340Z-x.zip.unfinished-AbCdEf",
             s->packages);
    support_write(kept, "somebody else's", 15);

    assert_string_equal(pack(s, front, true, &adopted), name);
    assert_true(adopted);
    assert_string_equal(issued(s, front, true), name);
    assert_string_equal(issued(s, rear, false), name);
    assert_false(support_exists(saved));
    assert_true(support_exists(kept));
    struct buf after = support_read(copy);
    assert_int_equal(before.used, after.used);
    assert_memory_equal(buf_data(&before), buf_data(&after), before.used);
    buf_clear(&before);
    buf_clear(&after);
}

static void test_what_is_no_package_of_the_event_is_left_alone(void **state)
{
    struct store *s = *state;
    struct err err;
    bool adopted;
    char path[700];
    assert_ok(fsx_mkdirs(s->packages, &err));
    snprintf(path, sizeof path, "%s/" IMEI "-crash-20241129T072345Z.zip", s->packages);
    support_write(path, "no zip", 6);
    const char *front = add(s, IMEI, "front", "crash", "2024-11-29T07:23:45Z", CATALOGUE_STORED);
    const char *name = pack(s, front, true, &adopted);
    assert_string_equal(name, IMEI "-crash-20241129T072345Z-2.zip");
    assert_false(adopted);
    struct buf there = support_read(path);
    assert_int_equal(there.used, 6);
    buf_clear(&there);
    /* a sound package of something else */
    char other[700];
    snprintf(other, sizeof other, "%s/%s", s->packages, name);
    struct buf bytes = support_read(other);
    snprintf(path, sizeof path, "%s/" IMEI "-towing-20241129T080000Z.zip", s->packages);
    support_write(path, buf_data(&bytes), bytes.used);
    buf_clear(&bytes);
    const char *towed = add(s, IMEI, "front", "towing", "2024-11-29T08:00:00Z", CATALOGUE_STORED);
    assert_string_equal(pack(s, towed, true, &adopted), IMEI "-towing-20241129T080000Z-2.zip");
    assert_false(adopted);
}

static void test_what_was_packed_in_part_is_not_packed_when_it_is_whole(void **state)
{
    struct store *s = *state;
    struct err err;
    bool adopted;
    const char *front = add(s, IMEI, "front", "crash", "2024-11-29T07:23:45Z", CATALOGUE_STORED);
    const char *rear = add(s, IMEI, "rear", "crash", "2024-11-29T07:23:45Z", CATALOGUE_PARTIAL);
    const char *name = pack(s, front, true, &adopted);
    assert_string_equal(issued(s, rear, false), name);
    struct custody_event stored = {1732867100 * S, CUSTODY_STORED, "a test", NULL};
    assert_ok(catalogue_event_add(s->catalogue, rear, &stored, &err));
    assert_string_equal(issued(s, rear, false), "");
    assert_string_equal(issued(s, front, false), name);
    /* its camera was faster than the end of a package */
    struct custody_event late = {1732867200 * S, CUSTODY_EXPORTED, "a test",
                                 "{\"package\":\"late.zip\",\"for_job\":\"x\",\"partial\":true}"};
    assert_ok(catalogue_event_add(s->catalogue, rear, &late, &err));
    assert_string_equal(issued(s, rear, false), "");
    late.what = "{\"package\":\"whole.zip\",\"for_job\":\"x\"}";
    assert_ok(catalogue_event_add(s->catalogue, rear, &late, &err));
    assert_string_equal(issued(s, rear, false), "whole.zip");
}

/* The one of another job, which was killed before it noted it: that will hand it on. */
static void test_a_package_without_this_one_is_noted_and_another_is_made(void **state)
{
    struct store *s = *state;
    struct err err;
    bool adopted;
    char kept[700];
    const char *rear = add(s, IMEI, "rear", "crash", "2024-11-29T07:23:45Z", CATALOGUE_PARTIAL);
    snprintf(kept, sizeof kept, "%s/catalogue.db", s->root);
    catalogue_close(&s->catalogue);
    struct buf db = support_read(kept);
    assert_ok(catalogue_open(&s->catalogue, s->root, false, &err));
    assert_string_equal(pack(s, rear, true, &adopted), IMEI "-crash-20241129T072345Z.zip");
    catalogue_close(&s->catalogue);
    support_write(kept, buf_data(&db), db.used);
    buf_clear(&db);
    assert_ok(catalogue_open(&s->catalogue, s->root, false, &err));
    assert_string_equal(issued(s, rear, true), "");
    const char *front = add(s, IMEI, "front", "crash", "2024-11-29T07:23:50Z", CATALOGUE_STORED);
    assert_string_equal(pack(s, front, true, &adopted), IMEI "-crash-20241129T072345Z-2.zip");
    assert_false(adopted);
    assert_string_equal(issued(s, rear, true), IMEI "-crash-20241129T072345Z.zip");
    assert_string_equal(issued(s, front, true), IMEI "-crash-20241129T072345Z-2.zip");
}

static void test_what_was_offered_once_more_and_broke_off_is_no_member(void **state)
{
    struct store *s = *state;
    struct export_event event;
    const char *front = add(s, IMEI, "front", "crash", "2024-11-29T07:23:45Z", CATALOGUE_STORED);
    const char *again = add(s, IMEI, "front", "crash", "2024-11-29T07:23:45Z", CATALOGUE_PARTIAL);
    const char *rear = add(s, IMEI, "rear", "crash", "2024-11-29T07:23:45Z", CATALOGUE_PARTIAL);
    assert_string_equal(again, IMEI "-front-photo-20241129T072345Z-2");
    find(s, front, &event);
    assert_int_equal(event.n, 2);
    assert_string_equal(event.member[0].id, front);
    assert_string_equal(event.member[1].id, rear);
    export_event_clear(&event);
    find(s, again, &event); /* it is asked for */
    assert_int_equal(event.n, 3);
    export_event_clear(&event);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0)
        return confine_child(); /* packages are checked by a process that is shut in */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_an_event_is_of_one_vehicle_one_trigger_and_one_time),
        TEST(test_without_a_time_or_a_trigger_each_is_alone),
        TEST(test_what_comes_later_makes_another_package),
        TEST(test_a_package_that_nobody_noted_is_noted_not_made_again),
        TEST(test_what_is_no_package_of_the_event_is_left_alone),
        TEST(test_what_was_packed_in_part_is_not_packed_when_it_is_whole),
        TEST(test_a_package_without_this_one_is_noted_and_another_is_made),
        TEST(test_what_was_offered_once_more_and_broke_off_is_no_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
