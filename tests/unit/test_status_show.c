/* What status shows, of facts that a test has made: whatever they are, it fits, and is well-formed.
 */
#include "dashspool/clock.h"
#include "dashspool/status.h"
#include "service/status/page.h"
#include "service/status/status_internal.h"
#include "support/support.h"
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW INT64_C(1795277347000000)
#define S   INT64_C(1000000)

static void add(struct buf *list, const void *item, size_t n)
{
    struct err err;
    assert_ok(buf_append(list, item, n, &err));
}

static struct status *facts(void)
{
    struct status *s = calloc(1, sizeof *s);
    struct buf *const lists[] = {&s->processes, &s->stage, &s->claims, &s->incoming, &s->cameras};
    for (size_t i = 0; i < 5; i++)
        buf_init(lists[i], 1 << 24);
    s->root = strdup("/srv/dashcam");
    s->now_us = NOW;
    s->disk = (struct disk){.bytes = 1000000, .free = 500000, .days_left = -1};
    s->have_totals = true;
    return s;
}

static void add_stage(struct status *s, const char *name, int64_t ready)
{
    struct stage t = {.kind = STAGES_EXEC, .known = true, .enabled = true, .workers = 1};
    snprintf(t.name, sizeof t.name, "%s", name);
    t.jobs[JOB_READY] = (struct jobs){.n = ready, .of_age = {0, ready}, .oldest_us = NOW - 100 * S};
    add(&s->stage, &t, sizeof t);
}

static void add_much(struct status *s)
{
    for (int i = 0; i < 30; i++) {
        char name[20];
        snprintf(name, sizeof name, "stage-%d", i);
        add_stage(s, name, i);
        struct process p = {.pid = 100 + i, .since_us = NOW - S};
        snprintf(p.name, sizeof p.name, "%s", name);
        snprintf(p.stage, sizeof p.stage, "%s", name);
        add(&s->processes, &p, sizeof p);
        struct claim c = {.job = "job", .since_us = NOW - S, .stage = (size_t)i, .attempt = 1};
        add(&s->claims, &c, sizeof c);
        struct error e = {.kind = ERROR_JOB, .stage = "convert", .n = 1, .last_us = NOW - i * S};
        snprintf(e.what, sizeof e.what, "reason %c", 'a' + i);
        status_error_add(s, &e);
        status_problem_add(s, "mend it, and then look again whether it is mended",
                           "trouble %d, which is long enough to take more than one line of 80", i);
    }
    for (int i = 0; i < 500; i++) {
        struct camera c = {.camera = "front", .last_us = NOW - i * S};
        snprintf(c.imei, sizeof c.imei, "35209308%07d", i);
        add(&s->cameras, &c, sizeof c);
        s->n_cameras++;
    }
    s->oldest = (struct oldest){.kind = OLDEST_INCOMING,
                                .id = "x",
                                .since_us = NOW - S,
                                .why = "größer …",
                                .advice = "nothing"};
}

static char *text_of(const struct status *s, int columns, int rows, bool colour)
{
    struct buf out;
    struct err err;
    const struct status_screen screen = {columns, rows, colour};
    buf_init(&out, 1 << 24);
    assert_ok(status_text(s, &screen, &out, &err));
    assert_ok(buf_append(&out, "", 1, &err));
    char *text = strdup((const char *)buf_data(&out));
    buf_clear(&out);
    return text;
}

/* ---- words ---- */

static void cleaned(const char *from, const char *to)
{
    char out[64];
    format_clean(out, sizeof out, from);
    assert_string_equal(out, to);
}

static void test_nothing_reaches_a_terminal_that_it_obeys(void **state)
{
    char out[5];
    (void)state;
    cleaned("\033[2Ja\rb\nc\x7f", "?[2Ja?b?c?");
    cleaned("gr\xc3\xb6\xc3\x9f"
            "er … ×",
            "gr\xc3\xb6\xc3\x9f"
            "er … ×");
    cleaned("\xc2\x9b"
            "31m",
            "?31m"); /* CSI in one character */
    cleaned("a\xe2\x80\xae"
            "b",
            "a?b");                             /* right-to-left override */
    cleaned("\xff\xfe\xc3", "???");             /* no UTF-8 */
    cleaned("\xc0\xaf \xe0\x80\xaf", "?? ???"); /* overlong */
    cleaned("\xf0\x9f\x98\x80", "????");        /* two columns wide: nobody knows where */
    format_clean(out, sizeof out, "abc\xc3\xb6");
    assert_string_equal(out, "abc"); /* no half characters */
}

static void test_spans(void **state)
{
    char a[24];
    (void)state;
    assert_string_equal(format_span(-1, a), "?");
    assert_string_equal(format_span(99, a), "99 s");
    assert_string_equal(format_span(100, a), "1 min");
    assert_string_equal(format_span(5999, a), "99 min");
    assert_string_equal(format_span(47 * 3600, a), "47 h");
    assert_string_equal(format_span(INT64_MAX, a), "106751991167300 d");
}

/* ---- the screen ---- */

static void test_jobs_are_told_by_age(void **state)
{
    (void)state;
    struct status *s = facts();
    add_stage(s, "upload", 7);
    char *text = text_of(s, 0, 0, false);
    assert_non_null(strstr(text, "jobs       7 ready, 0 waiting, 0 in progress, 0 failed\n"));
    assert_non_null(strstr(
        text, "  upload           ready          7      .      7      .      .      .      .\n"));
    assert_null(strstr(text, "upload           failed"));
    assert_null(strchr(text, '\033'));
    free(text);
    status_free(&s);
}

static void test_a_disk_without_inodes_is_trouble(void **state)
{
    (void)state;
    static const struct {
        int64_t inodes, free;
        size_t troubles;
    } disks[] = {{0, 0, 0}, {65536, 60000, 0}, {65536, 3, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct status *s = facts();
        s->disk.inodes = disks[i].inodes;
        s->disk.inodes_free = disks[i].free;
        diagnose(s);
        assert_int_equal(s->n_trouble, disks[i].troubles);
        if (s->n_trouble > 0)
            assert_non_null(strstr(s->trouble[0].what.text, "3 of 65536 inodes free"));
        status_free(&s);
    }
}

static void test_a_disk_that_is_read_only_is_trouble(void **state)
{
    (void)state;
    struct status *s = facts();
    s->disk.read_only = true;
    diagnose(s);
    assert_int_equal(s->n_trouble, 1);
    assert_non_null(strstr(s->trouble[0].what.text, "read-only"));
    status_free(&s);
}

static void test_it_fits_every_terminal(void **state)
{
    (void)state;
    struct status *s = facts();
    add_much(s);
    for (int columns = 1; columns <= 200; columns = columns * 5 / 4 + 1)
        for (int rows = 1; rows <= 120; rows = rows * 3 / 2 + 1) {
            char *text = text_of(s, columns, rows, false), *line = text;
            int n = 0;
            for (char *end; (end = strchr(line, '\n')); line = end + 1, n++) {
                *end = '\0';
                if (format_width(line) > (size_t)columns)
                    fail_msg("%d columns: '%s'", columns, line);
            }
            assert_string_equal(line, "");
            if (n > rows)
                fail_msg("%d lines in %d rows", n, rows);
            free(text);
        }
    status_free(&s);
}

static void test_a_small_terminal_shows_trouble_and_the_oldest_and_counts_the_rest(void **state)
{
    (void)state;
    struct status *s = facts();
    add_much(s);
    char *text = text_of(s, 80, 24, true);
    assert_non_null(strstr(text, "PROBLEM: trouble 0"));
    assert_non_null(strstr(text, "PROBLEM: … 28 more"));
    assert_non_null(strstr(text, "oldest     x in receive, for 1 s"));
    assert_non_null(strstr(text, " more lines\n"));
    assert_non_null(strstr(text, "\033[1;31m"));
    free(text);
    status_free(&s);
}

static void test_what_the_kernel_cannot_enforce_is_said(void **state)
{
    (void)state;
    struct status *s = facts();
    char *text = text_of(s, 0, 0, false);
    assert_null(strstr(text, "\nsandbox "));
    free(text);
    snprintf(s->sandbox, sizeof s->sandbox, "kernel without Landlock");
    text = text_of(s, 0, 0, false);
    assert_has(text, "\nsandbox    kernel without Landlock\n");
    free(text);
    status_free(&s);
}

static void test_an_ordinary_day_fits_80_by_24(void **state)
{
    static const char *const parts[] = {
        "\noldest ",   "\nrun ",
        "\nreceiver ", "\nworkers    a 1, b 1, c 1, d 1, e 1, f 1, g 1, h 1\n",
        "\njobs ",     "\ntransfers ",
        "\ncameras ",  "\ndisk ",
        "\nerrors "};
    (void)state;
    struct status *s = facts();
    for (char name[] = "a"; name[0] <= 'h'; name[0]++) {
        struct process p = {.pid = 100, .since_us = NOW - S};
        add_stage(s, name, 5);
        memcpy(p.name, name, sizeof name);
        memcpy(p.stage, name, sizeof name);
        add(&s->processes, &p, sizeof p);
    }
    for (int i = 0; i < 50; i++) {
        struct camera c = {.imei = "352093081452251", .camera = "front", .last_us = NOW};
        add(&s->cameras, &c, sizeof c);
        struct error e = {.kind = ERROR_TRANSFER, .stage = "receive", .n = 1, .last_us = NOW};
        snprintf(e.what, sizeof e.what, "reason %c", 'A' + i);
        status_error_add(s, &e);
    }
    status_problem_add(s, "mend it", "something is broken");
    char *text = text_of(s, 80, 24, false);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            fail_msg("no '%s': %s", parts[i], text);
    assert_null(strstr(text, " more lines"));
    free(text);
    text = text_of(s, 80, 100, false);
    assert_non_null(strstr(text, "\na          process 100 for 1 s\n"));
    free(text);
    status_free(&s);
}

static void test_lines_wrap_at_words(void **state)
{
    struct page p;
    struct buf out;
    struct err err;
    (void)state;
    page_init(&p, 30, &err);
    page_wrap(&p, STYLE_PLAIN, 4, "one two three four five six seven eight");
    buf_init(&out, 4096);
    assert_ok(page_print(&p, 0, false, &out, &err));
    assert_ok(buf_append(&out, "", 1, &err));
    assert_string_equal((const char *)buf_data(&out),
                        "one two three four five six\n    seven eight\n");
    buf_clear(&out);
    page_clear(&p);
}

/* ---- errors ---- */

static void test_errors_of_one_reason_are_one_line(void **state)
{
    struct error e = {.kind = ERROR_JOB, .stage = "convert", .n = 1};
    (void)state;
    struct status *s = facts();
    for (int i = 0; i < 10; i++) {
        snprintf(e.example, sizeof e.example, "352-%s-%d", i % 2 ? "front" : "rear", i);
        snprintf(e.what, sizeof e.what, "%s: packet %d is bad", e.example, i * 1000);
        e.last_us = i == 5 ? NOW : NOW - (i + 1) * S;
        status_error_add(s, &e);
    }
    assert_int_equal(s->n_errors, 1);
    assert_int_equal(s->errors[0].n, 10);
    assert_string_equal(s->errors[0].what, "352-front-5: packet 5000 is bad"); /* the last one */
    snprintf(e.stage, sizeof e.stage, "upload");
    status_error_add(s, &e);
    assert_int_equal(s->n_errors, 2);
    status_free(&s);
}

static void test_too_many_reasons_are_others(void **state)
{
    (void)state;
    struct status *s = facts();
    for (int i = 0; i < 500; i++) {
        struct error e = {.kind = ERROR_TRANSFER, .n = 2, .last_us = NOW - i * S};
        memset(e.what, 'a', (size_t)i % 250 + 1);
        e.what[0] = i < 250 ? 'a' : 'b';
        status_error_add(s, &e);
    }
    int64_t n = 0;
    for (size_t i = 0; i < s->n_errors; i++)
        n += s->errors[i].n;
    assert_int_equal(s->n_errors, ERRORS_MAX);
    assert_int_equal(n, 1000);
    assert_string_equal(s->errors[ERRORS_MAX - 1].what, "other reasons");
    status_free(&s);
}

/* ---- JSON ---- */

static void test_json_has_everything(void **state)
{
    struct buf out;
    struct err err;
    json_error_t why;
    (void)state;
    struct status *s = facts();
    add_much(s);
    buf_init(&out, 1 << 24);
    assert_ok(status_json(s, true, &out, &err));
    assert_ptr_equal(memchr(buf_data(&out), '\n', out.used), buf_data(&out) + out.used - 1);
    json_t *o = json_loadb((const char *)buf_data(&out), out.used, 0, &why);
    assert_non_null(o);
    static const char *const keys[] = {"version",      "root",      "at",      "trouble",
                                       "run",          "receiver",  "stages",  "jobs",
                                       "age_limits_s", "transfers", "cameras", "incoming",
                                       "disk",         "errors",    "oldest",  "sandbox_missing"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_object_get(o, keys[i]))
            fail_msg("no %s", keys[i]);
    assert_int_equal(json_array_size(json_object_get(o, "trouble")), 30);
    assert_int_equal(json_array_size(json_object_get(json_object_get(o, "cameras"), "list")), 500);
    json_t *jobs = json_object_get(json_object_get(o, "jobs"), "stage-7");
    assert_int_equal(json_integer_value(json_object_get(jobs, "ready")), 7);
    json_t *ages = json_object_get(json_object_get(jobs, "ages"), "ready");
    assert_int_equal(json_integer_value(json_array_get(ages, 1)), 7);
    assert_int_equal(json_array_size(ages),
                     json_array_size(json_object_get(o, "age_limits_s")) + 1);
    json_decref(o);
    buf_clear(&out);
    status_free(&s);
}

/* ---- Prometheus ---- */

static size_t name_bytes(const char *p)
{
    return isdigit((unsigned char)*p)
               ? 0
               : strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* Behind {…}; NULL: they are not as they should be. */
static const char *skip_labels(const char *p)
{
    while (*p++ != '}') { /* it was { or , */
        size_t n = name_bytes(p);
        if (n == 0 || p[n] != '=' || p[n + 1] != '"')
            return NULL;
        for (p += n + 2; *p && *p != '"'; p++)
            if (*p == '\\' && !strchr("\\\"n", *++p))
                return NULL;
        if (*p++ != '"' || (*p != ',' && *p != '}'))
            return NULL;
    }
    return p;
}

/* The exposition format: HELP and TYPE before their samples, each once, each sample once. */
static int check_metrics(char *text)
{
    char name[200] = "", *seen[4000];
    int n = 0;
    for (char *line = strtok_r(text, "\n", &text); line; line = strtok_r(NULL, "\n", &text)) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            snprintf(name, sizeof name, "%.*s", (int)name_bytes(line + 7), line + 7);
            assert_true(strncmp(name, "dashspool_", 10) == 0 && line[7 + strlen(name)] == ' ');
            line = strtok_r(NULL, "\n", &text);
            assert_true(line && strncmp(line, "# TYPE ", 7) == 0 &&
                        strncmp(line + 7, name, strlen(name)) == 0);
            const char *type = line + 8 + strlen(name);
            assert_true(strcmp(type, "gauge") == 0 || strcmp(type, "counter") == 0);
            size_t end = strlen(name);
            assert_int_equal(end > 6 && strcmp(name + end - 6, "_total") == 0,
                             strcmp(type, "counter") == 0);
            continue;
        }
        size_t at = name_bytes(line);
        if (at != strlen(name) || strncmp(line, name, at) != 0)
            fail_msg("%s is not %s", line, name);
        const char *value = line[at] == '{' ? skip_labels(line + at) : line + at;
        if (!value || *value != ' ')
            fail_msg("no labels: %s", line);
        char *end;
        strtod(value, &end);
        assert_true(end > value && !*end);
        line[value - line] = '\0';
        assert_true(n < 4000);
        for (int i = 0; i < n; i++)
            assert_string_not_equal(seen[i], line);
        seen[n++] = line;
    }
    return n;
}

static char *metrics_of(const struct status *s)
{
    struct buf out;
    struct err err;
    buf_init(&out, 1 << 24);
    assert_ok(status_prometheus(s, &out, &err));
    assert_ok(buf_append(&out, "", 1, &err));
    char *text = strdup((const char *)buf_data(&out));
    buf_clear(&out);
    return text;
}

static void test_metrics_are_well_formed(void **state)
{
    (void)state;
    struct status *s = facts();
    s->receiver = (struct receiver){.known = true, .life = LIFE_RUNNING, .bytes = 1};
    add_much(s);
    char *text = metrics_of(s);
    assert_true(check_metrics(text) > 1000);
    free(text);
    status_free(&s);
}

static void test_labels_are_escaped(void **state)
{
    (void)state;
    struct status *s = facts();
    add_stage(s, "a\"b\\c\nd", 3);
    char *text = metrics_of(s);
    assert_non_null(
        strstr(text, "\ndashspool_jobs{stage=\"a\\\"b\\\\c\\nd\",state=\"ready\"} 3\n"));
    check_metrics(text);
    free(text);
    status_free(&s);
}

static void test_a_large_fleet_does_not_flood_prometheus(void **state)
{
    char expected[100];
    (void)state;
    struct status *s = facts();
    for (int i = 0; i < STATUS_CAMERA_METRICS + 5; i++) {
        struct camera c = {.camera = "front", .last_us = NOW};
        snprintf(c.imei, sizeof c.imei, "%015d", i);
        add(&s->cameras, &c, sizeof c);
        s->n_cameras++;
    }
    char *text = metrics_of(s);
    assert_non_null(strstr(text, "\ndashspool_cameras_left_out 5\n"));
    snprintf(expected, sizeof expected, "{imei=\"%015d\",camera=\"front\"} ",
             STATUS_CAMERA_METRICS - 1);
    assert_non_null(strstr(text, expected));
    snprintf(expected, sizeof expected, "{imei=\"%015d\",camera=\"front\"} ",
             STATUS_CAMERA_METRICS);
    assert_null(strstr(text, expected));
    free(text);
    status_free(&s);
}

static void test_a_file_of_metrics_is_whole_and_for_everybody(void **state)
{
    struct err err;
    char *dir = support_tmp_dir(), path[600];
    (void)state;
    struct status *s = facts();
    snprintf(path, sizeof path, "%s/dashspool.prom", dir);
    support_write(path, "old", 3);
    assert_ok(status_prometheus_file(s, path, &err));
    struct buf b = support_read(path);
    assert_true(b.used > 100 && memcmp(buf_data(&b), "# HELP dashspool_info ", 22) == 0);
    buf_clear(&b);
    assert_int_equal(support_entries(dir), 1);
    snprintf(path, sizeof path, "%s/dashspool.txt", dir);
    assert_err(ERR_CONFIG, status_prometheus_file(s, path, &err));
    snprintf(path, sizeof path, "%s/.prom", dir);
    assert_err(ERR_CONFIG, status_prometheus_file(s, path, &err));
    snprintf(path, sizeof path, "%s/nowhere/a.prom", dir);
    assert_err(ERR_NOTFOUND, status_prometheus_file(s, path, &err));
    assert_int_equal(support_entries(dir), 1);
    status_free(&s);
    support_tmp_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_reaches_a_terminal_that_it_obeys),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_jobs_are_told_by_age),
        cmocka_unit_test(test_a_disk_without_inodes_is_trouble),
        cmocka_unit_test(test_a_disk_that_is_read_only_is_trouble),
        cmocka_unit_test(test_it_fits_every_terminal),
        cmocka_unit_test(test_a_small_terminal_shows_trouble_and_the_oldest_and_counts_the_rest),
        cmocka_unit_test(test_what_the_kernel_cannot_enforce_is_said),
        cmocka_unit_test(test_an_ordinary_day_fits_80_by_24),
        cmocka_unit_test(test_lines_wrap_at_words),
        cmocka_unit_test(test_errors_of_one_reason_are_one_line),
        cmocka_unit_test(test_too_many_reasons_are_others),
        cmocka_unit_test(test_json_has_everything),
        cmocka_unit_test(test_metrics_are_well_formed),
        cmocka_unit_test(test_labels_are_escaped),
        cmocka_unit_test(test_a_large_fleet_does_not_flood_prometheus),
        cmocka_unit_test(test_a_file_of_metrics_is_whole_and_for_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
