/* How long a page of events takes in a catalogue of many: COUNT transfers of 400 vehicles, two an
 * event, a tenth of the events with notes; and how long keeping events takes while they are
 * written.
 *
 *   bench_review ROOT [COUNT]       makes ROOT/catalogue.db, unless it is there (100 000) */
#include "dashspool/review.h"
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define T0 INT64_C(1732865025000000)
#define S  INT64_C(1000000)

enum { VEHICLES = 400, AT_ONCE = 500, PAGE = 48, TIMES = 9 };

static const char *root;
static long count = 100000;
static struct catalogue *c;

static void imei_of(long vehicle, char out[16])
{
    snprintf(out, 16, "3520930814%05ld", vehicle % 100000);
}

/* ---- the catalogue ---- */

static void add_notes(const struct catalogue_transfer *t, long event)
{
    struct err err;
    char text[200];
    snprintf(text, sizeof text, "Fahrer %ld: Auffahrunfall an der Ampel, Zeuge vorhanden", event);
    if (event % 10 == 0)
        assert_ok(review_add_note(c, t->id, "Ona", text, &err));
    if (event % 40 == 0) {
        snprintf(text, sizeof text, "Z-%ld", event);
        assert_ok(review_put_case(c, t->id, "Ona", text, &err));
    }
}

static void add_transfer(long i)
{
    static const char *const triggers[] = {"crash", "towing", "periodic", "request", "din1"};
    struct err err;
    long event = i / 2;
    struct catalogue_transfer t = {
        .source = "camera",
        .kind = "video",
        .state = event % 50 == 0 ? CATALOGUE_PARTIAL : CATALOGUE_STORED,
        .published = true,
        .day = "2024-11-29",
        .time_us = T0 + event * 600 * S,
        .known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK | CATALOGUE_POSITION_OK,
        .length_s = 10,
        .length_bytes = 5000000,
        .lat_deg = 54 + (double)(event % 1000) / 1000,
        .lon_deg = 25 + (double)(event % 777) / 777,
    };
    t.arrived_us = t.completed_us = t.time_us + 60 * S;
    imei_of(event % VEHICLES, t.imei);
    snprintf(t.camera, sizeof t.camera, "%s", i % 2 ? "rear" : "front");
    snprintf(t.trigger_name, sizeof t.trigger_name, "%s", triggers[event % 5]);
    memset(t.sha256, 'a', 64);
    assert_ok(catalogue_transfer_add(c, &t, &err));
    struct catalogue_copy copy = {.kind = "viewing", .length_bytes = 1, .made_us = T0};
    snprintf(copy.path, sizeof copy.path, "archive/%s.viewing.mp4", t.id);
    memset(copy.sha256, 'c', 64);
    snprintf(copy.settings, sizeof copy.settings, "{\"damage\":{%s},\"duration_s\":10.0}",
             event % 7 == 0 ? "\"missing\":1" : "");
    assert_ok(catalogue_copy_put(c, t.key, &copy, &err));
    assert_ok(catalogue_done_put(c, t.key, "convert", T0, 1, &err));
    if (i % 2 == 0)
        add_notes(&t, event);
    if (event % 2 == 0)
        assert_ok(review_put_reviewed(c, t.id, "Ona", true, &err));
}

static void make_store(void)
{
    struct err err;
    int64_t from = clock_mono_us();
    assert_ok(fsx_mkdirs(root, &err));
    assert_ok(catalogue_open(&c, root, true, &err));
    for (long i = 0; i < count; i++) {
        if (i % AT_ONCE == 0)
            assert_ok(catalogue_begin(c, &err));
        add_transfer(i);
        if (i % AT_ONCE == AT_ONCE - 1 || i + 1 == count)
            assert_ok(catalogue_commit(c, &err));
    }
    for (long i = 0; i < VEHICLES; i++) {
        struct review_vehicle v = {.group = ""};
        imei_of(i, v.imei);
        snprintf(v.name, sizeof v.name, "Wagen %ld", i);
        snprintf(v.plate, sizeof v.plate, "VNO-%03ld", i);
        assert_ok(review_vehicle_put(c, &v, &err));
    }
    printf("%ld transfers written in %.1f s\n", count, (double)(clock_mono_us() - from) / 1e6);
    catalogue_close(&c);
}

/* ---- a page ---- */

static int see_event(void *arg, const struct review_event *e, struct err *err)
{
    (void)err;
    snprintf(arg, CATALOGUE_ID_ROOM, "%s", e->id);
    return ERR_OK;
}

static int see_day(void *arg, int64_t day, int64_t all, int64_t to_review, struct err *err)
{
    (void)day, (void)to_review, (void)err;
    *(int64_t *)arg += all;
    return ERR_OK;
}

/* Of the processor: others may be busy. */
static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * S + t.tv_nsec / 1000;
}

static double ms_since(int64_t from_us)
{
    return (double)(now_us() - from_us) / 1000;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* All that a page of a list asks, in a median of TIMES; and each part of the last time. */
static void page(const char *name, const struct review_filter *f, bool last)
{
    struct err err;
    struct review_counts n;
    struct review_beside b;
    double took[TIMES], part[4] = {0};
    for (int i = 0; i < TIMES; i++) {
        char id[CATALOGUE_ID_ROOM] = "";
        int64_t days = 0, from = now_us(), at = from;
        assert_ok(catalogue_read_begin(c, &err));
        assert_ok(review_count(c, f, &n, &err));
        part[0] = ms_since(at);
        at = now_us();
        int64_t skip = last && n.all > 0 ? (n.all - 1) / PAGE * PAGE : 0;
        assert_ok(review_each(c, f, skip, PAGE, see_event, id, &err));
        part[1] = ms_since(at);
        at = now_us();
        assert_ok(review_days(c, f, 120, see_day, &days, &err));
        part[2] = ms_since(at);
        at = now_us();
        if (id[0])
            assert_ok(review_beside(c, f, id, &b, &err));
        part[3] = ms_since(at);
        catalogue_rollback(c);
        took[i] = ms_since(from);
        assert_int_equal(days, n.all);
    }
    qsort(took, TIMES, sizeof *took, by_size);
    printf("| %s | %lld | %.1f | %.1f | %.1f | %.1f | %.1f |\n", name, (long long)n.all, part[0],
           part[1], part[2], part[3], took[TIMES / 2]);
}

static void measure(void **state)
{
    (void)state;
    struct err err;
    char path[600];
    snprintf(path, sizeof path, "%s/catalogue.db", root);
    FILE *there = fopen(path, "r");
    if (there)
        fclose(there);
    else
        make_store();
    assert_ok(catalogue_open(&c, root, false, &err));
    printf("| filter | events | count | page | days | beside | all, ms "
           "|\n|---|---|---|---|---|---|---|"
           "\n");
    page("none, first page", &(struct review_filter){0}, false);
    page("none, last page", &(struct review_filter){0}, true);
    page("to review", &(struct review_filter){.no_marks = REVIEW_REVIEWED}, true);
    page("one vehicle", &(struct review_filter){.imei = "352093081400007"}, true);
    page("damaged, of a rear camera",
         &(struct review_filter){.conditions = 1 << REVIEW_DAMAGED, .cameras = REVIEW_REAR}, true);
    page("trigger", &(struct review_filter){.trigger = "crash"}, true);
    page("a week", &(struct review_filter){.since_us = T0, .until_us = T0 + 7 * 86400 * S}, true);
    page("text in all notes: \"ampel\"", &(struct review_filter){.q = "ampel"}, true);
    page("text in few: \"Fahrer 4000 z-4000\"", &(struct review_filter){.q = "Fahrer 4000 z-4000"},
         true);
    page("text in all IMEIs: \"3520\"", &(struct review_filter){.q = "3520"}, true);
    page("text in most IMEIs: \"03 1\"", &(struct review_filter){.q = "03 1"}, true);
    page("plate: \"vno-123\"", &(struct review_filter){.q = "vno-123"}, true);
    page("text that is nowhere: \"xyzzy\"", &(struct review_filter){.q = "xyzzy"}, true);
    page("a map", &(struct review_filter){.west = 25, .east = 25.5, .south = 54, .north = 54.5},
         true);
    int64_t from = now_us();
    assert_ok(review_rebuild(c, &err));
    printf("\nall events made anew: %.0f ms\n", ms_since(from));
    catalogue_close(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(measure)};
    if (argc < 2 || argc > 3 || (argc == 3 && (count = strtol(argv[2], NULL, 10)) < 2)) {
        fprintf(stderr, "usage: bench_review ROOT [COUNT]\n");
        return 2;
    }
    root = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
