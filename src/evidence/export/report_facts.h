/*
 * report_facts: what the catalogue knows of the transfers of a package, as facts for its report
 * (report.h).
 */
#ifndef EXPORT_REPORT_FACTS_H
#define EXPORT_REPORT_FACTS_H

#include "dashspool/bag.h"
#include "dashspool/catalogue.h"
#include "dashspool/export.h"
#include "dashspool/report.h"
#include <stdio.h>

struct report_facts;

/* dir: on a disk that has room for the pictures of the report, which wait there in a file without a
 * name. has: of the store's copies only those are told that are in this bag; NULL: all are in it.
 * families: journey_families(), borrowed. *out is the caller's (report_facts_free). */
int report_facts_new(struct report_facts **out, const char *dir, const struct bag *has,
                     const char *families, struct err *err) DS_MUST_CHECK;
void report_facts_free(struct report_facts **s);

/* What a redacted package has instead of the store's copies. */
struct report_facts_redacted {
    const struct catalogue_copy *copy; /* n of them */
    int n;
    bool no_sound, no_position;
    bool with_position; /* also what the tracker itself said: not without this */
};

/* A transfer, with its copies and connections; master: its name in the package, or "". Its copies
 * are those of the store (redacted: NULL) or these, below root (a poster or a still goes into the
 * page). */
int report_facts_add(struct report_facts *s, struct catalogue *c, const char *root,
                     const struct catalogue_transfer *t, const char *master,
                     const struct report_facts_redacted *redacted, struct err *err) DS_MUST_CHECK;

/* Writes the report to out, and all of it out of the process: a page for browsers, or the same to
 * print. redaction: what is hidden, in words; NULL: nothing. */
enum report_facts_form { REPORT_FACTS_HTML, REPORT_FACTS_PDF };
int report_facts_report(struct report_facts *s, const struct export_request *request,
                        const char *redaction, const struct buf *differences,
                        enum report_facts_form form, FILE *out, struct err *err) DS_MUST_CHECK;

/* ---- report_journey.c ---- */

/* What its tracker said of a transfer; `told` borrows from it, and must not outlive it or be told
 * of when it has moved. */
struct told_journey {
    struct report_journey told;
    FILE *in; /* the scratch, and where in it: */
    int64_t points_at, samples_at;
    char event[96], crash[64];
};

/* Appends points and samples to the scratch, *scratch_bytes long before and after. told.known is
 * false if there is nothing. */
int told_journey_gather(struct told_journey *out, struct catalogue *c,
                        const struct catalogue_transfer *t, const char *families, FILE *scratch,
                        int64_t *scratch_bytes, struct err *err) DS_MUST_CHECK;

#endif
