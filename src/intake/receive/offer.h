/* offer: what the wire says of a file, as a row of the catalogue. */
#ifndef DASHSPOOL_RECEIVE_OFFER_H
#define DASHSPOOL_RECEIVE_OFFER_H

#include "dashspool/catalogue.h"
#include "dashspool/wire_session.h"

/* Fills everything that is known at START; peer is "address:port". Metadata that cannot be decoded
 * is kept as bytes and counts as absent. */
void offer_to_row(const struct wire_init *init, const struct wire_offer *offer, const char *peer,
                  int64_t now_utc_us, struct catalogue_transfer *row);

#endif
