#include "support/catalogued.h"
#include "support/engines.h"
#include "support/sql.h"
#include "support/support.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 CATALOGUED_T0_US
#define S  INT64_C(1000000)

int catalogued_set_up(void **state)
{
    struct err err;
    struct catalogued *f = calloc(1, sizeof *f);
    f->root = support_tmp_dir();
    engines_begin();
    assert_ok(catalogue_open(&f->c, f->root, true, &err));
    *state = f;
    return 0;
}

int catalogued_tear_down(void **state)
{
    struct catalogued *f = *state;
    catalogue_close(&f->c);
    engines_end();
    support_tmp_remove(&f->root);
    free(f);
    return 0;
}

void catalogued_reopen(struct catalogued *f)
{
    struct err err;
    catalogue_close(&f->c);
    assert_ok(catalogue_open(&f->c, f->root, false, &err));
}

/* A blob of SQLite's, x'00', is '\x00' there. */
static int64_t sql_of_site(const char *text)
{
    char sql[2000], *to = sql;
    for (const char *p = text; *p && to < sql + sizeof sql - 3; p++)
        if (p[0] == 'x' && p[1] == '\'' && p > text && !isalnum((unsigned char)p[-1]) &&
            p[-1] != '\'') {
            to += sprintf(to, "'\\x");
            p++;
        } else {
            *to++ = *p;
        }
    *to = '\0';
    return engines_sql(sql);
}

int64_t catalogued_sql(const struct catalogued *f, const char *text)
{
    char path[512];
    if (engines_wanted())
        return sql_of_site(text);
    snprintf(path, sizeof path, "%s/catalogue.db", f->root);
    return sql_run(path, text);
}

struct catalogue_transfer catalogued_transfer(const char *imei, const char *camera, int64_t time_us)
{
    struct catalogue_transfer t = {
        .source = "camera",
        .kind = "video",
        .state = CATALOGUE_RECEIVING,
        .day = "2026-11-21",
        .arrived_us = T0 + 3600 * S,
        .known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK,
        .time_us = time_us,
        .protocol_id = 5,
    };
    snprintf(t.imei, sizeof t.imei, "%s", imei);
    snprintf(t.camera, sizeof t.camera, "%s", camera);
    return t;
}

struct catalogue_transfer catalogued_partial(const char *imei, int64_t time_us, int64_t length)
{
    struct catalogue_transfer t = catalogued_transfer(imei, "front", time_us);
    t.state = CATALOGUE_PARTIAL;
    t.length_s = 10;
    t.length_bytes = length;
    t.wire.meta_n = 32;
    t.wire.start_n = 10;
    t.wire.start[7] = 99;
    return t;
}

void catalogued_fill(struct catalogue_transfer *t)
{
    t->state = CATALOGUE_STORED;
    t->published = true;
    t->completed_us = T0 + 7200 * S;
    t->length_bytes = INT64_C(4000000000);
    memset(t->sha256, 'a', 64);
    t->known = 0xff;
    t->meta_version = 4;
    t->trigger = 200;
    snprintf(t->trigger_name, sizeof t->trigger_name, "%s", "crash");
    t->length_s = 65535;
    t->fps = 20;
    t->tz_min = -210;
    t->lat_deg = 54.687155999999999;
    t->lon_deg = -0.1;
    t->trigger_time_us = T0 + 1;
    snprintf(t->peer, sizeof t->peer, "%s", "[2001:db8::1]:40000");
    t->packets = 1 << 20;
    t->crc_errors = 3;
    t->resumes = 4;
    t->connections = 7;
    t->bytes_lost = INT64_C(5000000000);
    t->duplicates = 9;
    t->events = 0x1ff;
    snprintf(t->driver, sizeof t->driver, "%s", "Jonas Žukas");
    t->wire = (struct catalogue_wire){.init = {0, 0, 0, 5}, .init_n = 16, .start_n = 1};
    t->wire.meta_n = sizeof t->wire.meta;
    memset(t->wire.meta, 0x5a, sizeof t->wire.meta);
    t->wire.path_n = sizeof t->wire.path;
    memset(t->wire.path, 'p', sizeof t->wire.path);
}

struct catalogue_transfer catalogued_add(struct catalogued *f, const char *imei, const char *camera,
                                         int64_t time_us)
{
    struct err err;
    struct catalogue_transfer t = catalogued_transfer(imei, camera, time_us);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    return t;
}

struct catalogue_transfer catalogued_get(struct catalogued *f, const char *id)
{
    struct err err;
    struct catalogue_transfer t;
    memset(&t, 0xee, sizeof t);
    assert_ok(catalogue_transfer_get(f->c, id, &t, &err));
    return t;
}

void catalogued_copy(struct catalogued *f, int64_t key, const char *kind, const char *path,
                     int64_t n)
{
    struct err err;
    struct catalogue_copy copy = {.length_bytes = n, .made_us = T0, .settings = "{\"fps\":20}"};
    snprintf(copy.kind, sizeof copy.kind, "%s", kind);
    snprintf(copy.path, sizeof copy.path, "%s", path);
    memset(copy.sha256, 'c', 64);
    snprintf(copy.tool, sizeof copy.tool, "dashspool 0.1.0");
    assert_ok(catalogue_copy_put(f->c, key, &copy, &err));
}
