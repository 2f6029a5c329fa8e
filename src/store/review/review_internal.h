/* review, inside: statements, texts, and what a filter is in SQL. */
#ifndef DASHSPOOL_REVIEW_INTERNAL_H
#define DASHSPOOL_REVIEW_INTERNAL_H

#include "catalogue/catalogue_internal.h"
#include "dashspool/review.h"

#define REVIEW_WHO_ROOM 256 /* the name of a person, or where a browser is */

/* Whether a text may be kept: UTF-8 below `room` without what text_hidden() hides, but for line
 * ends where these are `lines`. */
bool review_text_ok(const char *text, size_t room, bool lines);

/* " WHERE …" of events, or "", and what is bound to it, from ?1 on. */
struct review_where {
    char sql[1000];
    struct review_bind {
        enum { BIND_TEXT, BIND_NUMBER, BIND_REAL } type;
        const char *text; /* borrowed from the filter, or `words` */
        int64_t number;
        double real;
    } bind[16];
    int n;
    char words[REVIEW_QUERY_ROOM];
};
int review_where(struct review_where *out, struct catalogue *c, const struct review_filter *f,
                 struct err *err) DS_MUST_CHECK;
/* Binds them; further ones begin behind w->n. */
void review_where_bind(const struct review_where *w, struct rows_st *st);

#endif
