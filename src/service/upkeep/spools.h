/* spools: the jobs of all stages that ROOT has a spool of, also of those that the settings do not
 * have any more. In each a job bears its transfer's id. */
#ifndef UPKEEP_SPOOLS_H
#define UPKEEP_SPOOLS_H

#include "dashspool/spool_upkeep.h"
#include "dashspool/upkeep.h"

struct spools {
    struct spools_one {
        struct spool *spool;
        char stage[SPOOL_NAME_ROOM];
    } * one;
    size_t n;
};

/* What is in ROOT/spool and is none; negative (with err set) ends it. */
typedef int spools_bad_fn(void *arg, const char *stage, int rc, struct err *err);

/* Of a ROOT without any, n is 0. On failure spools_close() it, too. bad may be NULL: then a spool
 * that cannot be opened is an error. */
int spools_open(struct spools *out, const char *root, spools_bad_fn *bad, void *arg,
                struct err *err) DS_MUST_CHECK;
void spools_close(struct spools *s);

/* Where a transfer has jobs at this moment, also those of it as a partial. */
struct spools_found {
    bool ready, claimed, failed; /* in any stage */
    bool convert_failed;         /* in that one: it was tried, and no copies can be made */
};
int spools_find(const struct spools *s, const char *id, struct spools_found *out,
                struct err *err) DS_MUST_CHECK;

/* Drops the failed jobs of a transfer, in all stages. Permanent errors do not keep it from the
 * others: the first is returned. */
int spools_drop_failed(const struct spools *s, const char *id, struct err *err) DS_MUST_CHECK;

/* Whether the settings have a stage; true where they are not known. */
bool spools_configured(const struct upkeep_stages *stages, const char *stage);

#endif
