/* The object beside a master: what a reindex of the site from its objects alone needs. */
#include "accept_internal.h"
#include "dashspool/hash.h"
#include "dashspool/master.h"
#include <jansson.h>
#include <stdlib.h>

static json_t *hex_of(const uint8_t *data, size_t n)
{
    char *text = n > 0 ? malloc(2 * n + 1) : NULL;
    if (text)
        hash_hex_bytes(data, n, text, 2 * n + 1);
    json_t *o = n > 0 ? json_string(text) : json_null();
    free(text);
    return o;
}

static int add_line(void *arg, const char *line, struct err *err)
{
    return json_array_append_new(arg, json_string(line)) == 0 ? ERR_OK : err_nomem(err, "JSON");
}

/* {version, id, key, day, imei, camera, kind, source, arrived_us, completed_us, length_bytes,
 * sha256, peer, protocol_id, init, meta, start, path: hexadecimal or null, connections: as a
 * package has them, custody: its lines}. */
int facts_object(struct catalogue *site, const struct catalogue_transfer *row, char **out,
                 struct err *err)
{
    const struct catalogue_wire *w = &row->wire;
    char *connections = NULL;
    json_t *custody = json_array();
    *out = NULL;
    int rc = custody ? catalogue_event_each(site, row->id, add_line, custody, err)
                     : err_nomem(err, "JSON");
    if (rc == ERR_OK)
        rc = facts_connections(&connections, site, row->key, err);
    json_t *o =
        rc < 0 ? NULL
               : json_pack("{s:i, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:i, "
                           "s:o, s:o, s:o, s:o, s:o, s:O}",
                           "version", 1, "id", row->id, "key", (json_int_t)row->key, "day",
                           row->day, "imei", row->imei, "camera", row->camera, "kind", row->kind,
                           "source", row->source, "arrived_us", (json_int_t)row->arrived_us,
                           "completed_us", (json_int_t)row->completed_us, "length_bytes",
                           (json_int_t)row->length_bytes, "sha256", row->sha256, "peer", row->peer,
                           "protocol_id", row->protocol_id, "init", hex_of(w->init, w->init_n),
                           "meta", hex_of(w->meta, w->meta_n), "start",
                           hex_of(w->start, w->start_n), "path", hex_of(w->path, w->path_n),
                           "connections", json_loads(connections, 0, NULL), "custody", custody);
    *out = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
    json_decref(o);
    json_decref(custody);
    free(connections);
    return rc == ERR_OK && !*out ? err_nomem(err, "JSON") : rc;
}
