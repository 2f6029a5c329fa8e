/* What the custody says of a row. */
#include "master_internal.h"
#include <stdlib.h>

/* No member: nothing came. */
static int put_hash(const uint8_t *data, size_t n, char hex[HASH_HEX_ROOM], const char **member,
                    struct err *err)
{
    *member = n > 0 ? hex : NULL;
    return n > 0 ? hash_text(data, n, hex, err) : ERR_OK;
}

static int record_wire(struct facts_record *r, struct custody_what *what,
                       const struct catalogue_transfer *t, struct err *err)
{
    const struct catalogue_wire *w = &t->wire;
    struct wire_facts f = facts_of_row(t);
    what->facts = r->facts = wire_facts_text(&f);
    if (!r->facts)
        return err_nomem(err, "the facts of %s", t->id);
    int rc = put_hash(w->init, w->init_n, r->init, &what->init_sha256, err);
    if (rc == ERR_OK)
        rc = put_hash(w->meta, w->meta_n, r->meta, &what->meta_sha256, err);
    if (rc == ERR_OK)
        rc = put_hash(w->start, w->start_n, r->start, &what->start_sha256, err);
    return rc < 0 ? rc : put_hash(w->path, w->path_n, r->path, &what->path_sha256, err);
}

static int record_arrival(struct facts_record *r, struct custody_what *what, struct catalogue *c,
                          const struct catalogue_transfer *t, struct err *err)
{
    char *list = NULL;
    int rc = facts_connections(&list, c, t->key, err);
    if (rc == ERR_OK)
        rc = custody_hash(list, r->list, err);
    free(list);
    clock_rfc3339(t->completed_us, 6, r->completed);
    r->connections = t->connections;
    r->crc_errors = t->crc_errors;
    r->resumes = t->resumes;
    r->first_packet = !t->from_0;
    what->completed = t->completed_us ? r->completed : NULL;
    what->connections_sha256 = r->list;
    what->peer = t->peer[0] ? t->peer : NULL;
    what->connections = &r->connections;
    what->packets = &t->packets;
    what->crc_errors = &r->crc_errors;
    what->resumes = &r->resumes;
    what->bytes_lost = &t->bytes_lost;
    what->duplicates = &t->duplicates;
    what->first_packet = &r->first_packet;
    return rc;
}

int facts_record(struct facts_record *out, struct custody_what *what, struct catalogue *c,
                 const struct catalogue_transfer *t, unsigned scopes, struct err *err)
{
    int rc = ERR_OK;
    *out = (struct facts_record){.facts = NULL};
    clock_rfc3339(t->arrived_us, 6, out->arrived);
    what->arrived = out->arrived;
    what->source = t->source;
    if (scopes & FACTS_WIRE)
        rc = record_wire(out, what, t, err);
    if (rc == ERR_OK && scopes & FACTS_ARRIVAL)
        rc = record_arrival(out, what, c, t, err);
    return rc;
}

void facts_record_clear(struct facts_record *r)
{
    free(r->facts);
    r->facts = NULL;
}
