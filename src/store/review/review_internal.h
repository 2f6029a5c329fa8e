/* review, inside: statements, texts, and what a filter is in SQL. */
#ifndef DASHSPOOL_REVIEW_INTERNAL_H
#define DASHSPOOL_REVIEW_INTERNAL_H

#include "catalogue/catalogue_internal.h"
#include "dashspool/review.h"

/* Whether a text may be kept: UTF-8 below `room` without what text_hidden() hides, but for line
 * ends where these are `lines`. */
bool review_text_ok(const char *text, size_t room, bool lines);

/* " WHERE …" of events, or "", and what is bound to it, from ?1 on. */
#define REVIEW_WORDS_MAX 16
struct review_where {
    char sql[6000];
    char word[REVIEW_WORDS_MAX][REVIEW_QUERY_ROOM]; /* of the free text, as it is looked for */
    struct review_bind {
        enum { BIND_TEXT, BIND_NUMBER, BIND_REAL } type;
        const char *text;
        int64_t number;
        double real;
    } bind[16 + REVIEW_WORDS_MAX];
    int n;
};
void review_where(struct review_where *out, const struct review_filter *f);
/* Binds them; further ones begin behind w->n. */
void review_where_bind(const struct review_where *w, sqlite3_stmt *st);

#endif
