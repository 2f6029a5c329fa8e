#include "note.h"
#include "dashspool/clock.h"
#include <jansson.h>
#include <stdlib.h>

/* Takes what. */
static int note(struct catalogue *c, const char *id, const char *event, json_t *what,
                struct err *err)
{
    char *text = what ? json_dumps(what, JSON_COMPACT) : NULL;
    struct custody_event e = {.at_us = clock_utc_us(),
                              .event = event,
                              .who = "dashspool " DASHSPOOL_VERSION " receive",
                              .what = text};
    int rc = text ? catalogue_event_add(c, id, &e, err)
                  : err_set(err, ERR_NOMEM, "%s: no memory for its custody", id);
    free(text);
    json_decref(what);
    return rc;
}

int note_received(struct catalogue *c, const struct catalogue_transfer *row, struct err *err)
{
    return note(c, row->id, "received",
                json_pack("{s:s, s:i}", "from", row->peer, "protocol_id", row->protocol_id), err);
}

int note_resumed(struct catalogue *c, const struct catalogue_transfer *row, int64_t have,
                 struct err *err)
{
    return note(c, row->id, "resumed",
                json_pack("{s:s, s:I}", "from", row->peer, "have_bytes", (json_int_t)have), err);
}

int note_end(struct catalogue *c, const struct catalogue_transfer *row, const char *why,
             struct err *err)
{
    if (row->state == CATALOGUE_STORED)
        return note(c, row->id, "stored",
                    json_pack("{s:I, s:s, s:i}", "length_bytes", (json_int_t)row->length_bytes,
                              "sha256", row->sha256, "connections", row->connections),
                    err);
    return note(c, row->id, "interrupted",
                json_pack("{s:I, s:s}", "have_bytes", (json_int_t)row->length_bytes, "why", why),
                err);
}

int note_published(struct catalogue *c, const struct catalogue_transfer *row, struct err *err)
{
    return note(c, row->id, "published", json_object(), err);
}

int note_offered_again(struct catalogue *c, const char *id, const struct catalogue_transfer *row,
                       struct err *err)
{
    return note(c, id, "offered-again", json_pack("{s:s}", "from", row->peer), err);
}
