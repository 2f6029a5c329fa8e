#include "support/upkept.h"
#include "dashspool/spool.h"
#include "dashspool/upkeep.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void upkept_add(const char *root, const char *camera, int64_t at_us, size_t n, bool copies,
                char id[CATALOGUE_ID_ROOM])
{
    struct stored s;
    char name[CATALOGUE_ID_ROOM + 32];
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = at_us};
    uint8_t *bytes = malloc(n + 4000);
    assert_non_null(bytes);
    for (size_t i = 0; i < n + 4000; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251 + (size_t)(at_us / 1000000));
    snprintf(row.imei, sizeof row.imei, UPKEPT_IMEI);
    snprintf(row.camera, sizeof row.camera, "%s", camera);
    snprintf(row.kind, sizeof row.kind, "video");
    stored_open(&s, root);
    stored_add(&s, &row, bytes, n);
    for (int i = 0; copies && i < 2; i++) {
        snprintf(name, sizeof name, "%s.%s", row.id, i ? "viewing-DERIVED.mp4" : "working.mp4");
        stored_copy(&s, root, &row, i ? "viewing" : "working", name, bytes, i ? 2000 : 1000);
    }
    stored_close(&s);
    memcpy(id, row.id, sizeof row.id);
    free(bytes);
}

struct cfg *upkept_cfg(const char *const *pairs)
{
    struct cfg *cfg = NULL;
    struct err err;
    assert_ok(cfg_load(&cfg, NULL, &retention_cfg_section, 1, &err));
    for (; pairs && *pairs; pairs += 2)
        assert_ok(cfg_set(cfg, "retention", pairs[0], pairs[1], "a test", &err));
    return cfg;
}

static void add_line(char told[8192], const char *what, const char *name, const char *why)
{
    size_t n = strlen(told);
    snprintf(told + n, 8192 - n, "%s %s: %s\n", what, name, why);
}

static void on_swept(void *arg, const struct retention_swept *item)
{
    add_line(arg, item->what, item->name, item->why);
}

static void on_note(void *arg, const char *name, const char *what)
{
    add_line(arg, "note", name, what);
}

static void on_trouble(void *arg, const char *name, const char *why)
{
    add_line(arg, "TROUBLE", name, why);
}

struct retention_result upkept_sweep(const char *root, const char *const *pairs, bool dry_run,
                                     char told[8192])
{
    return upkept_sweep_with(root, pairs, NULL, dry_run, told);
}

struct retention_result upkept_sweep_with(const char *root, const char *const *pairs,
                                          const struct spools_known *stages, bool dry_run,
                                          char told[8192])
{
    struct retention_result r;
    struct err err;
    struct cfg *cfg = upkept_cfg(pairs);
    const struct retention_listener listener = {on_swept, on_trouble, on_note, NULL, told};
    told[0] = '\0';
    assert_ok(retention_sweep(root, cfg, stages,
                              RETENTION_CLOCK_IS_RIGHT | (dry_run ? RETENTION_DRY_RUN : 0u),
                              &listener, &r, &err));
    cfg_free(&cfg);
    return r;
}

bool upkept_has(const char *root, const char *id)
{
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct err err;
    assert_ok(catalogue_open(&c, root, false, &err));
    int rc = catalogue_transfer_get(c, id, &t, &err);
    assert_true(rc == ERR_OK || rc == ERR_NOTFOUND);
    catalogue_close(&c);
    return rc == ERR_OK;
}

static int count_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    (void)copy;
    (void)err;
    ++*(int *)arg;
    return ERR_OK;
}

int upkept_copies(const char *root, const char *id)
{
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct err err;
    int n = 0;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_transfer_get(c, id, &t, &err));
    assert_ok(catalogue_copy_each(c, t.key, count_copy, &n, &err));
    catalogue_close(&c);
    return n;
}

struct last {
    struct custody_chain chain;
    char *line;
};

static int keep_line(void *arg, const char *line, struct err *err)
{
    struct last *last = arg;
    snprintf(last->line, CUSTODY_LINE_ROOM, "%s", line);
    return custody_next(&last->chain, line, strlen(line), err);
}

void upkept_last_event(const char *root, const char *id, char event[CUSTODY_EVENT_ROOM],
                       char line[CUSTODY_LINE_ROOM])
{
    struct catalogue *c = NULL;
    struct err err;
    struct last last = {.line = line};
    line[0] = '\0';
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_event_each(c, id, keep_line, &last, &err));
    memcpy(event, last.chain.event, CUSTODY_EVENT_ROOM);
    catalogue_close(&c);
}

static void on_problem(void *arg, const struct upkeep_problem *p)
{
    add_line(arg, upkeep_part_name(p->part), p->where, p->what);
}

void upkept_fsck(const char *root, char told[8192])
{
    struct upkeep_findings f;
    struct err err;
    told[0] = '\0';
    assert_ok(upkeep_fsck(root, false, NULL, &(struct upkeep_listener){on_problem, NULL, told}, &f,
                          &err));
}

void upkept_fail_job_of(const char *root, const char *stage, const char *id)
{
    struct spool *spool = NULL;
    struct spool_job *job = NULL;
    struct err err;
    assert_ok(spool_open(&spool, root, stage, &err));
    assert_ok(spool_put(spool, id, "{}", 2, &err));
    assert_ok(spool_claim(spool, &job, &err));
    assert_string_equal(spool_job_name(job), id);
    assert_ok(spool_fail(spool, &job, "a test says so", &err));
    spool_close(&spool);
}

void upkept_fail_job(const char *root, const char *id)
{
    upkept_fail_job_of(root, "convert", id);
}
