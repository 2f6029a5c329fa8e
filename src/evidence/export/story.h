/*
 * story: what the catalogue knows of the transfers of a package, as facts for its report
 * (report.h).
 */
#ifndef EXPORT_STORY_H
#define EXPORT_STORY_H

#include "dashspool/catalogue.h"
#include "dashspool/export.h"
#include <stdio.h>

struct story;

/* dir: on a disk that has room for the pictures of the report, which wait there in a file without a
 * name. *out is the caller's (story_free). */
int story_new(struct story **out, const char *dir, struct err *err) DS_MUST_CHECK;
void story_free(struct story **s);

/* A transfer, with its copies and connections; master: its name in the package; root: where its
 * copies are (a poster or a still goes into the page). Where master is "", the package is a
 * redacted one, without the copies that show or tell something: story_redacted() adds what stands
 * for them.
 */
int story_add(struct story *s, struct catalogue *c, const char *root,
              const struct catalogue_transfer *t, const char *master,
              struct err *err) DS_MUST_CHECK;

/* The transfer that was added last has this redacted copy; path: the file itself, of which a poster
 * or a still goes into the page. */
int story_redacted(struct story *s, const struct catalogue_copy *copy, const char *path,
                   bool no_sound, struct err *err) DS_MUST_CHECK;

/* Whether a kind of copy has pictures or sound: not in a redacted package as it is in the store. */
bool story_shows(const char *kind);

/* Where a kind of copy is in a package: "viewing", "stills" … */
const char *story_folder(const char *kind);

/* Writes the report to out, and all of it out of the process: a page for browsers, or the same to
 * print. redaction: what is hidden, in words; NULL: nothing. */
enum story_form { STORY_HTML, STORY_PDF };
int story_report(struct story *s, const struct export_request *request, const char *redaction,
                 enum story_form form, FILE *out, struct err *err) DS_MUST_CHECK;

#endif
