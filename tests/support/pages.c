/* Pages of a ROOT that a test fills: see pages.h. */
#include "support/pages.h"
#include "dashspool/review.h"
#include "support/http.h"
#include "support/stored.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void pages_add(struct pages *w, const struct pages_file *f)
{
    static int made;
    struct stored s;
    bool photo = f->kind && strcmp(f->kind, "photo") == 0;
    struct catalogue_transfer row = {
        .state = f->state, .published = true, .arrived_us = PAGES_NOON};
    if (f->at_us != 0) {
        row.known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK | (f->tz_min ? CATALOGUE_ZONE_OK : 0u);
        row.time_us = f->at_us;
        row.tz_min = f->tz_min;
    }
    snprintf(row.imei, sizeof row.imei, "%s", f->imei);
    snprintf(row.camera, sizeof row.camera, "%s", f->camera);
    snprintf(row.kind, sizeof row.kind, "%s", photo ? "photo" : "video");
    snprintf(row.trigger_name, sizeof row.trigger_name, "%s", f->trigger);
    stored_open(&s, w->root);
    made++;
    stored_add(&s, &row, &made, sizeof made);
    if (f->state == CATALOGUE_STORED && !f->bare)
        stored_copy(&s, w->root, &row, photo ? "still" : "poster", row.id, &made, sizeof made);
    snprintf(w->last, sizeof w->last, "%s", row.id);
    stored_close(&s);
}

void pages_name(struct pages *w, const char *imei, const char *name, const char *plate)
{
    struct catalogue *c;
    struct err err;
    struct review_vehicle v = {.imei = ""};
    snprintf(v.imei, sizeof v.imei, "%s", imei);
    snprintf(v.name, sizeof v.name, "%s", name);
    snprintf(v.plate, sizeof v.plate, "%s", plate);
    assert_ok(catalogue_open(&c, w->root, true, &err));
    assert_ok(review_vehicle_put(c, &v, &err));
    catalogue_close(&c);
}

int pages_set_up(void **state)
{
    struct pages *w = calloc(1, sizeof *w);
    w->dir = support_tmp_dir();
    snprintf(w->root, sizeof w->root, "%s/root", w->dir);
    assert_int_equal(mkdir(w->root, 0700), 0);
    support_configure(w->root, "[ui]\nzone = Europe/Berlin\n");
    *state = w;
    return 0;
}

int pages_tear_down(void **state)
{
    struct pages *w = *state;
    int status = w->running ? proc_stop(&w->server, SIGTERM) : 0;
    support_tmp_remove(&w->dir);
    free(w);
    assert_int_equal(status, 0);
    return 0;
}

void pages_start(struct pages *w, const char *program)
{
    char line[200];
    const char *argv[] = {program, "--root", w->root, "serve", "--listen", "127.0.0.1:0", NULL};
    w->server = proc_start(support_path(w->dir, "serve.log"), argv);
    w->running = true;
    proc_wait_for(&w->server, "listening on 127.0.0.1:", line, sizeof line);
    w->port = (int)strtol(line, NULL, 10);
}

void pages_stop(struct pages *w)
{
    w->running = false;
    assert_int_equal(proc_stop(&w->server, SIGTERM), 0);
}

const char *pages_get(const struct pages *w, const char *path)
{
    static char text[4 << 20];
    struct http_answer a = http_ask(w->port, "GET", path, "", NULL);
    if (a.status != 200)
        fail_msg("%s: %d\n%s", path, a.status, a.text);
    snprintf(text, sizeof text, "%s", a.body);
    http_clear(&a);
    return text;
}

int pages_count(const char *text, const char *words)
{
    int n = 0;
    for (; (text = strstr(text, words)) != NULL; text += strlen(words))
        n++;
    return n;
}

void pages_lack(const char *text, const char *words)
{
    if (strstr(text, words))
        fail_msg("'%s' is in %s", words, text);
}
