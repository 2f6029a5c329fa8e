/*
 * verify: checks an evidence package, a folder or a .zip, without a store and without a
 * network. The package is hostile: it is read in constant memory (but for its text files and the
 * list of its names), and nothing of it is unpacked or believed before its hash is known.
 *
 * The tracker's records are decoded again (account.h), and table and tracks made of them must be
 * the ones that are there, byte for byte; their clip and event are compared with facts and custody.
 * A table by another version's decoder is told, and is no fault.
 *
 * What is found is told line by line, as it is judged; what a package does not have is told too.
 *
 * Footage is looked into after its hash was found to be the manifest's: the package is read again,
 * one file at a time goes into a private directory in $TMPDIR (else /tmp), and is parsed by a
 * confined child (confine.h). The directory is removed at the end, also on SIGINT and SIGTERM
 * (caught meanwhile: then ERR_AGAIN); what one that was killed left, the next removes (fsx.h).
 * So the program must be one that uses confine. One call at a time.
 *
 * A package whose bag-info.txt declares that it is redacted (export.h) has no originals: that is
 * told, with the hash of the full one, and is no fault; any other without its originals has faults.
 * Whether a redaction is to be believed, its signature says: manifests anybody can make anew.
 *
 * Nothing in a package is exempt. bag-info.txt claims whose signature there is, or that there is
 * none, so that it cannot be taken away or exchanged; the certificate beside it must be the
 * signer's, and the request for a time stamp that of this tag manifest. A time stamp that was
 * attached later, or over SHA-384 or SHA-512, is judged by the tag manifest alone. Packages of
 * version 0.1.0 have no claims: that is told, and is no fault where nothing in the package is of a
 * later program (tool.json, the custody's facts, verify.html, the word who made it).
 */
#ifndef DASHSPOOL_VERIFY_H
#define DASHSPOOL_VERIFY_H

#include "dashspool/clock.h"
#include "dashspool/custody.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stdint.h>

enum verify_check {
    VERIFY_STRUCTURE,    /* a BagIt bag with SHA-256 manifests (RFC 8493), as `export` writes it */
    VERIFY_COMPLETENESS, /* all files that the manifests name, and no others */
    VERIFY_PAYLOAD,      /* hashes of what is below data/ */
    VERIFY_TAGS,         /* hashes of the files beside it */
    VERIFY_FINGERPRINT,  /* SHA-256 of the tag manifest, which stands for all of the package */
    VERIFY_SIGNATURE,    /* over the tag manifest, whose it is, and the certificate beside it */
    VERIFY_STAMP,        /* when an authority saw the tag manifest (RFC 3161), and which; and the
                            request for one */
    VERIFY_CUSTODY,      /* the chain of custody.jsonl, and that masters and copies are what it
                            says */
    VERIFY_TELEMETRY,    /* the tracker's records, decoded again, give the table and the tracks */
    VERIFY_PICTURES,     /* the working copies' slices are those of their masters */
    VERIFY_REPRODUCTION, /* the copies, made again from the masters, are the same bytes */
    VERIFY_CHECKS,
};

enum verify_verdict {
    VERIFY_OK,
    VERIFY_FAILED,
    VERIFY_UNMET, /* nothing is wrong, but it is not what the request demands */
    VERIFY_NOT_PRESENT,
    VERIFY_NOT_JUDGED, /* not asked for, or not possible here */
};

/* One check; text: what was found, one line. */
typedef void verify_told_fn(void *arg, enum verify_check check, enum verify_verdict verdict,
                            const char *text);
/* What is wrong, file by file, before the line of its check. */
typedef void verify_problem_fn(void *arg, enum verify_check check, const char *text);

struct verify_listener { /* what is NULL is not told */
    verify_told_fn *told;
    verify_problem_fn *problem;
    void *arg;
    verify_problem_fn *note; /* what is not wrong but belongs to a check's line */
};

struct verify_request {
    const char *path;    /* the folder or zip */
    const char *ca_path; /* PEM: whoever signed or stamped must come from one of these; NULL: that
                            is not asked */
    bool reproduce;      /* make the copies again: takes as long as making them took */
    unsigned require;    /* enum verify_require: what must be there */
    char fingerprint[HASH_HEX_ROOM]; /* that it must have; "": that is not asked */
};

/* Shuts this process in, for good: from now on it reads these packages (files or directories; the
 * list ends with NULL) and the CAs' file, writes below $TMPDIR, and nothing else (confine_guard()).
 * For a program that verifies and does no more. What the kernel cannot do is logged (debug). */
int verify_guard(const char *const *paths, const char *ca_path, struct err *err) DS_MUST_CHECK;

/* That these seals are there; ca_path alone requires the signature, too. */
enum verify_require { VERIFY_REQUIRE_SIGNATURE = 1, VERIFY_REQUIRE_STAMP = 2 };

/* *good: nothing failed, and all is as the request demands. An error means that it cannot be
 * judged: there is no package, it cannot be read, or what is there breaks the rules of bag.h
 * (ERR_MALFORMED, ERR_LIMIT); ERR_CONFIG: what is there is something else, and what. */
int verify_package(const struct verify_request *request, const struct verify_listener *listener,
                   bool *good, struct err *err) DS_MUST_CHECK;

const char *verify_check_name(enum verify_check check);

/* verify.html: a page that checks a package in a browser, by the same rules and in the same words,
 * but for signature, time stamp and what is in the footage. *n: its bytes. */
const char *verify_page(size_t *n);

/* ---- a package that is needed ---- */

#define VERIFY_MASTERS_MAX 20000 /* as many as can be exported */

struct verify_master {        /* an original in it */
    char id[CUSTODY_ID_ROOM]; /* "": its name is none that we give */
    char sha256[HASH_HEX_ROOM];
    bool partial; /* it was not whole */
};

struct verify_contents {
    char tag_sha256[HASH_HEX_ROOM];    /* of its tag manifest */
    char redacted_from[HASH_HEX_ROOM]; /* of the full one's; "": it is none that is redacted */
    char exported_at[CLOCK_TEXT_ROOM]; /* as bag-info.txt has it; "": it does not say */
    struct verify_master *master;
    size_t n_masters;
};

/* Checks all of a package, silently, in a process of its own that is shut in as for verify_guard(),
 * and says what is in it. ERR_MALFORMED: something is wrong with
 * it; else as verify_package(). verify_contents_clear() *out in any case. */
int verify_contents(struct verify_contents *out, const char *path, struct err *err) DS_MUST_CHECK;
void verify_contents_clear(struct verify_contents *contents);

#endif
