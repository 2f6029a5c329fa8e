/* stats: what goes on in the connections at this moment, for `dashspool status`. */
#ifndef DASHSPOOL_RECEIVE_STATS_H
#define DASHSPOOL_RECEIVE_STATS_H

#include "connections.h"
#include <jansson.h>

/* Of ten thousand that are receiving only so many are told in detail: those that began first, for
 * what hangs is among them. */
enum { LIVE_MAX = 50 };

/* A camera was sent away. */
void stats_count_refusal(struct connections *all, const char *why);

/* To be called once a second or so: the rates are taken between the calls. *receiving: an array, of
 * at most LIVE_MAX; *rate: bytes a second of all. */
void stats_look(struct connections *all, json_t **receiving, double *rate);
json_t *stats_refusals(const struct connections *all);

/* Bytes that may be anything: what is no printable ASCII becomes '?'. */
json_t *stats_text(const char *text);

#endif
