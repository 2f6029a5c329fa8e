/* accept, inside. */
#ifndef DASHSPOOL_ACCEPT_INTERNAL_H
#define DASHSPOOL_ACCEPT_INTERNAL_H

#include "dashspool/accept.h"
#include "dashspool/objects.h"

struct rows;

extern const char *const ledger_steps[1]; /* rows_schema() */

/* What was accepted under a token, in the table `accepted`. ERR_NOTFOUND: nothing. */
struct accept_entry {
    char id[CATALOGUE_ID_ROOM];
    bool same;
    int64_t lines; /* of the node's custody */
};
int ledger_get(struct rows *rows, const char *token, struct accept_entry *out,
               struct err *err) DS_MUST_CHECK;
int ledger_put(struct rows *rows, const char *token, const struct accept_entry *e, int64_t at_us,
               struct err *err) DS_MUST_CHECK;

/* All that the node knows of a transfer beside its row and custody, to `key` of the site. */
int carry_facts(const struct accept_from *from, struct catalogue *site, int64_t key,
                struct err *err) DS_MUST_CHECK;

/* Its custody, to the transfer `id`, which has none: as it is, or under another id chained anew.
 * *lines counts them. */
int carry_custody(const struct accept_from *from, struct catalogue *site, const char *id,
                  int64_t *lines, struct err *err) DS_MUST_CHECK;

/* Lines of it from from_line on, as far as `id` does not have them (kind and time). */
int carry_notes(const struct accept_from *from, struct catalogue *site, const char *id,
                int64_t from_line, struct err *err) DS_MUST_CHECK;

/* The object beside a master, of which reindex makes its row anew: facts and custody, JSON. The
 * caller frees it. */
int facts_object(struct catalogue *site, const struct catalogue_transfer *row, char **out,
                 struct err *err) DS_MUST_CHECK;

#endif
