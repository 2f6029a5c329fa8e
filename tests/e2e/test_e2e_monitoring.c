/* What packaging/ has for Prometheus and Grafana names metrics that the program really prints, with
 * labels that they really have. That the rules are well-formed is promtool's (tests/alerts). */
#include "dashspool/fsx.h"
#include "support/certs.h"
#include "support/workplace.h"
#include <ctype.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKAGING TEST_SOURCE_DIR "/../packaging"
#define PHOTO     TEST_SAMPLES "/photo-720p.jpg"

static char *read_text(const char *path)
{
    struct err err;
    struct buf bytes = support_read(path);
    assert_ok(buf_append(&bytes, "", 1, &err));
    char *text = strdup((const char *)buf_data(&bytes));
    assert_non_null(text);
    buf_clear(&bytes);
    return text;
}

/* The metrics of a service with all that has some: TLS, stages, a camera, a server of trackers. */
static char *metrics_of_a_service(struct workplace *w)
{
    char settings[2000];
    certs_make_ca(w->dir, "ca");
    certs_make(w->dir, "ca", "server", "IP:127.0.0.1");
    snprintf(settings, sizeof settings,
             "[receive]\nlisten = 127.0.0.1:0\ntls_listen = 127.0.0.1:0\nmin_free_mib = 0\n"
             "tls_cert = %s/server.pem\ntls_key = %s/server.key\n[convert]\npoll = 20 ms\n"
             "[exec up]\ncommand = true\n",
             w->dir, w->dir);
    support_configure(w->root, settings);
    workplace_start(w, DASHSPOOL_BINARY, "run");
    workplace_listens(w);
    expect(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", w->address, "--imei", "352093081452251",
                    "--photo-front", PHOTO),
           0, "");
    const char *const trackers[] = {DASHSPOOL_BINARY, "--root",      w->root, "telemetry",
                                    "--listen",       "127.0.0.1:0", NULL};
    struct proc telemetry = proc_start(support_path(w->dir, "telemetry.log"), trackers);
    char address[100];
    proc_wait_for(&telemetry, "listening on ", address, sizeof address);
    expect(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--avl", address, "--track",
                    TEST_SAMPLES "/drive.gpx", "--avl-time", "2026-01-01T00:00:00Z"),
           0, "");
    struct proc_result r = DASHSPOOL(w->root, "status", "--prometheus");
    assert_int_equal(proc_stop(&telemetry, SIGTERM), 0);
    char *metrics = strdup(proc_out(&r));
    assert_non_null(metrics);
    proc_clear(&r);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    return metrics;
}

static bool is_name(char c)
{
    return islower((unsigned char)c) || isdigit((unsigned char)c) || c == '_';
}

static size_t name_of(const char *p, char out[80])
{
    size_t n = 0;
    for (; is_name(p[n]) && n < 79; n++)
        out[n] = p[n];
    out[n] = '\0';
    return n;
}

/* The first sample of a metric: "{…} 1" or " 1"; NULL: there is none. */
static const char *sample_of(const char *metrics, const char *name)
{
    char line[100];
    const char *p = metrics;
    int n = snprintf(line, sizeof line, "\n%s", name);
    while ((p = strstr(p, line)) != NULL && is_name(p[n]))
        p += n;
    return p ? p + n : NULL;
}

static bool has_label(const char *sample, const char *label)
{
    char start[90], next[90];
    snprintf(start, sizeof start, "{%s=\"", label);
    snprintf(next, sizeof next, ",%s=\"", label);
    size_t line = strcspn(sample, "\n");
    const char *a = strstr(sample, start), *b = strstr(sample, next);
    return (a && a < sample + line) || (b && b < sample + line);
}

/* Prometheus adds them. */
static bool is_added(const char *label)
{
    return strcmp(label, "instance") == 0 || strcmp(label, "job") == 0;
}

/* Each metric in the text, its labels in {…}, and the labels that words behind it name. */
static int compare(const char *text, const char *metrics, const char *words_label)
{
    int n = 0;
    const char *sample = NULL;
    char name[80], label[80];
    for (const char *p = text; *p; p++) {
        if (strncmp(p, words_label, strlen(words_label)) == 0 && sample) {
            name_of(p + strlen(words_label), label);
            if (!is_added(label) && !has_label(sample, label))
                fail_msg("%.60s: label %s is not that of %s", p, label, name);
        }
        if (strncmp(p, "dashspool_", 10) != 0)
            continue;
        p += name_of(p, name);
        n++;
        if (!(sample = sample_of(metrics, name)))
            fail_msg("%s: there is no such metric", name);
        for (bool first = *p == '{'; first || *p == ','; first = false) {
            p += 1 + strspn(p + 1, " ");
            p += name_of(p, label);
            if (!is_added(label) && !has_label(sample, label))
                fail_msg("%s has no label %s", name, label);
            p += strcspn(p, "\"") + 1; /* "value" */
            p += strcspn(p, "\"") + 1;
        }
        p--;
    }
    return n;
}

static void test_rules_and_dashboard_name_what_is_printed(void **state)
{
    struct workplace *w = *state;
    json_error_t why;
    char *metrics = metrics_of_a_service(w);
    char *rules = read_text(PACKAGING "/alerts.yml");
    assert_true(compare(rules, metrics, "$labels.") > 15);
    json_t *o = json_load_file(PACKAGING "/dashboard.json", JSON_REJECT_DUPLICATES, &why), *panel;
    if (!o)
        fail_msg("dashboard.json:%d: %s", why.line, why.text);
    size_t i, k;
    int n = 0;
    json_t *target;
    json_array_foreach(json_object_get(o, "panels"), i, panel)
    {
        assert_int_equal(json_integer_value(json_object_get(panel, "id")), i + 1);
        json_array_foreach(json_object_get(panel, "targets"), k, target)
        {
            char text[1000];
            snprintf(text, sizeof text, "%s %s", json_string_value(json_object_get(target, "expr")),
                     json_string_value(json_object_get(target, "legendFormat")));
            int found = compare(text, metrics, "{{");
            assert_true(found > 0);
            n += found;
        }
    }
    assert_true(n > 20);
    json_decref(o);
    free(rules);
    free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rules_and_dashboard_name_what_is_printed,
                                        workplace_set_up, workplace_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
