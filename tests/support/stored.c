#include "support/stored.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/master.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stored_open(struct stored *s, const char *root)
{
    struct err err;
    *s = (struct stored){NULL, NULL};
    assert_ok(fsx_mkdirs(root, &err));
    assert_ok(catalogue_open(&s->catalogue, root, true, &err));
    assert_ok(raw_open(&s->raw, root, &err));
    assert_ok(catalogue_begin(s->catalogue, &err));
}

void stored_close(struct stored *s)
{
    struct err err;
    assert_ok(raw_commit(s->raw, &err));
    assert_ok(catalogue_commit(s->catalogue, &err));
    raw_close(&s->raw);
    catalogue_close(&s->catalogue);
}

static void put_bytes(struct stored *s, const struct catalogue_transfer *row, const uint8_t *data,
                      size_t n)
{
    struct err err;
    const struct raw_facts whose = master_facts(row);
    for (size_t at = 0; at < n; at += RAW_CHUNK_BYTES)
        assert_ok(raw_append(s->raw, row->day, row->key, &whose, (int64_t)at, data + at,
                             n - at < RAW_CHUNK_BYTES ? n - at : RAW_CHUNK_BYTES, &err));
}

static void seal(struct stored *s, const struct catalogue_transfer *row, const void *data, size_t n)
{
    struct err err;
    struct hash *hash;
    struct raw_facts facts = master_facts(row);
    facts.length_bytes = (int64_t)n;
    assert_ok(hash_new(&hash, &err));
    hash_update(hash, data, n);
    assert_ok(hash_final(hash, facts.sha256, &err));
    hash_free(&hash);
    assert_ok(raw_seal(s->raw, row->day, row->key, &facts, &err));
}

void stored_add(struct stored *s, struct catalogue_transfer *row, const void *data, size_t n)
{
    struct err err;
    char what[200];
    if (!row->source[0])
        snprintf(row->source, sizeof row->source, "camera");
    row->length_bytes = (int64_t)n;
    raw_day(row->arrived_us, row->day);
    if (row->state == CATALOGUE_STORED)
        assert_ok(hash_text(data, n, row->sha256, &err));
    assert_ok(catalogue_transfer_add(s->catalogue, row, &err));
    put_bytes(s, row, data, n);
    if (row->state == CATALOGUE_STORED)
        seal(s, row, data, n);
    snprintf(what, sizeof what, "{\"length_bytes\":%zu,\"sha256\":\"%s\"}", n, row->sha256);
    struct custody_event e = {row->arrived_us, CUSTODY_RECEIVED, "a test", NULL},
                         end = {row->arrived_us,
                                row->state == CATALOGUE_STORED ? CUSTODY_STORED
                                                               : CUSTODY_INTERRUPTED,
                                "a test", what};
    assert_ok(catalogue_event_add(s->catalogue, row->id, &e, &err));
    assert_ok(catalogue_event_add(s->catalogue, row->id, &end, &err));
}

void stored_copy(struct stored *s, const char *root, const struct catalogue_transfer *row,
                 const char *kind, const char *name, const void *data, size_t n)
{
    struct err err;
    char *dir, *path;
    struct catalogue_copy copy = {.length_bytes = (int64_t)n, .made_us = row->arrived_us};
    snprintf(copy.kind, sizeof copy.kind, "%s", kind);
    snprintf(copy.path, sizeof copy.path, "archive/%s", name);
    snprintf(copy.tool, sizeof copy.tool, "a test");
    snprintf(copy.settings, sizeof copy.settings, "{}");
    assert_ok(hash_text(data, n, copy.sha256, &err));
    assert_ok(fsx_path(&dir, &err, "%s/archive", root));
    assert_ok(fsx_path(&path, &err, "%s/%s", dir, name));
    assert_ok(fsx_mkdirs(dir, &err));
    support_write(path, data, n);
    assert_ok(catalogue_copy_put(s->catalogue, row->key, &copy, &err));
    free(dir);
    free(path);
}
