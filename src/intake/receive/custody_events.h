/*
 * custody_events: what the receiver has to say in a transfer's custody, in the transaction of the
 * row that it is about.
 */
#ifndef DASHSPOOL_RECEIVE_CUSTODY_EVENTS_H
#define DASHSPOOL_RECEIVE_CUSTODY_EVENTS_H

#include "store_internal.h"

/* A camera has begun to hand it over; or to hand over the rest, behind `have` bytes. */
int note_received(struct catalogue *c, const struct catalogue_transfer *row,
                  struct err *err) DS_MUST_CHECK;
int note_resumed(struct catalogue *c, const struct catalogue_transfer *row, int64_t have,
                 struct err *err) DS_MUST_CHECK;

/* It is whole, or a connection has ended before it was: by row->state. why: of the latter. */
int note_end(struct catalogue *c, const struct catalogue_transfer *row, const char *why,
             struct err *err) DS_MUST_CHECK;

/* The same file was offered again as `row`, and not stored again. */
int note_offered_again(struct catalogue *c, const char *id, const struct catalogue_transfer *row,
                       struct err *err) DS_MUST_CHECK;

#endif
