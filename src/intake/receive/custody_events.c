#include "custody_events.h"
#include "dashspool/intake.h"
#include <jansson.h>

/* Takes what. */
static int note(struct catalogue *c, const char *id, const char *event, json_t *what,
                struct err *err)
{
    char *text = what ? json_dumps(what, JSON_COMPACT) : NULL;
    json_decref(what);
    return intake_note(c, id, "receive", event, text, err);
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

int note_offered_again(struct catalogue *c, const char *id, const struct catalogue_transfer *row,
                       struct err *err)
{
    return note(c, id, "offered-again", json_pack("{s:s}", "from", row->peer), err);
}
