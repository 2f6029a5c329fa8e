/* What the parts of seal share. */
#ifndef DASHSPOOL_SEAL_INTERNAL_H
#define DASHSPOOL_SEAL_INTERNAL_H

#include "dashspool/seal.h"
#include <openssl/cms.h>
#include <openssl/x509v3.h>

/* ": " and what OpenSSL complained of first, behind the text; its queue is empty then. */
int seal_fail(struct err *err, int code, const char *fmt, ...) DS_PRINTF(3, 4);

/* The first certificate of a PEM file, and the others (`rest` is new, perhaps empty). The caller's.
 */
int seal_certs_load(X509 **first, STACK_OF(X509) * *rest, const char *path, struct err *err);

bool seal_sha256(const void *data, size_t n, uint8_t out[HASH_BYTES]);

/* utc_us of a time in a certificate or a token; SEAL_NO_TIME: none. */
int64_t seal_time_us(const ASN1_TIME *t);

int seal_signer_describe(struct seal_signer *out, X509 *cert, struct err *err);
void seal_serial_text(char out[SEAL_HEX_ROOM], const ASN1_INTEGER *serial);

/* Whether a chain leads from cert to a certificate of ca_path at that time, for that purpose
 * (X509_PURPOSE_…); why not, else "". */
int seal_chain(bool *trusted, char why[SEAL_TEXT_ROOM], X509 *cert, STACK_OF(X509) * between,
               const char *ca_path, int64_t at_us, int purpose, struct err *err);

/* ---- SignedData with one signer ---- */

struct signed_data {
    CMS_ContentInfo *cms;
    STACK_OF(X509) * certs; /* all that it carries */
    CMS_SignerInfo *si;     /* in cms */
    X509 *cert;             /* in certs: the signer's; NULL: not there */
    bool bound;             /* cert is what the signer says in signed words that it signed with */
};

/* Parses all of der. what: "signature" or "time stamp", for errors. detached: without content
 * inside, which is then of type data; else there is content, of type content_nid. strict: also what
 * no signature covers is in the one form that we write. */
int signed_data_open(struct signed_data *out, const uint8_t *der, size_t n, const char *what,
                     int content_nid, bool strict, struct err *err);
void signed_data_clear(struct signed_data *s);

/* Whether the signer's key signed this content (detached) or the content inside (content NULL);
 * `why` not. */
bool signed_data_verify(struct signed_data *s, const void *content, size_t n,
                        char why[SEAL_TEXT_ROOM]);

#endif
