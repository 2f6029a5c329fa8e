/*
 * export_stamp: a time stamp (RFC 3161) for an evidence package that exists: an authority's word
 * that it saw the tag manifest, and so all of the package, at that time.
 *
 * Each package has signature/request.tsq, the question to an authority: it can be carried to where
 * there is a network. The answer becomes signature/token.tsr, which no manifest names: the package
 * stays what it was.
 */
#ifndef DASHSPOOL_EXPORT_STAMP_H
#define DASHSPOOL_EXPORT_STAMP_H

#include "dashspool/err.h"
#include "dashspool/seal.h"

struct export_stamp_request {
    const char *package;    /* folder or zip; hostile */
    const char *token_path; /* the answer, or its token alone; or … */
    const char *tsa_url;    /* … an authority that is asked now */
};

/* Checks the stamp over the package and puts it there; a zip is written anew beside itself and then
 * renamed. ERR_BUSY: it has one. ERR_MALFORMED: no package, or the stamp is of another one; nothing
 * is changed then. ERR_IO: the authority did not answer. */
int export_stamp_attach(const struct export_stamp_request *request, struct seal_stamp *out,
                        struct err *err) DS_MUST_CHECK;

#endif
