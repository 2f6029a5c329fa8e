/* What the parts of seal share: errors, certificates, keys, SignedData, and the outermost steps
 * into DER, where OpenSSL has no accessor. */
#ifndef DASHSPOOL_SEAL_INTERNAL_H
#define DASHSPOOL_SEAL_INTERNAL_H

#include "dashspool/reader.h"
#include "dashspool/seal.h"
#include <openssl/cms.h>
#include <openssl/x509v3.h>

/* ": " and what OpenSSL complained of first, behind the text; its queue is empty then. */
int seal_fail(struct err *err, int code, const char *fmt, ...) DS_PRINTF(3, 4);

/* The first certificate of a PEM file or text, and the others (`rest` is new, perhaps empty). The
 * caller's. name: of the text, for errors. */
int seal_certs_load(X509 **first, STACK_OF(X509) * *rest, const char *path, struct err *err);
int seal_certs_parse(X509 **first, STACK_OF(X509) * *rest, const void *pem, size_t n,
                     const char *name, struct err *err);

/* Appends them as PEM. */
int seal_certs_write(X509 *first, STACK_OF(X509) * rest, struct buf *out, struct err *err);

/* P-256, P-384, P-521, or RSA of 2048 bits or more: what anybody can compute the private key of
 * proves nothing. */
bool seal_key_strong(const EVP_PKEY *key);

bool seal_sha256(const void *data, size_t n, uint8_t out[HASH_BYTES]);

/* utc_us of a time in a certificate or a token; SEAL_NO_TIME: none. */
int64_t seal_time_us(const ASN1_TIME *t);

int seal_signer_describe(struct seal_signer *out, X509 *cert, struct err *err);
void seal_serial_text(char out[SEAL_HEX_ROOM], const ASN1_INTEGER *serial);

/* Whether a chain leads from cert to a certificate of ca_path at that time, for that purpose
 * (X509_PURPOSE_…); why not, else "". */
int seal_chain(bool *trusted, char why[SEAL_TEXT_ROOM], X509 *cert, STACK_OF(X509) * between,
               const char *ca_path, int64_t at_us, int purpose, struct err *err);

/* ---- a signer's private key with its certificates ---- */

struct seal_key {
    EVP_PKEY *pkey;
    X509 *cert;
    STACK_OF(X509) * between; /* other certificates to hand along */
};

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

/* ---- DER (X.690) ---- */

enum der_tag {
    DER_INTEGER = 0x02,
    DER_OCTETS = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_IMPLICIT_0 = 0x80,
    DER_CONTEXT_0 = 0xA0,
    DER_CONTEXT_1 = 0xA1,
};

static inline bool der_is(const struct rd *r, uint8_t tag)
{
    return rd_left(r) > 0 && *r->p == tag;
}

/* The content of the next element, which must have this tag and a definite length in its shortest
 * form (X.690, 10.1); else r is bad. */
static inline struct rd der_enter(struct rd *r, uint8_t tag)
{
    if (rd_u8(r) != tag)
        r->bad = true;
    uint64_t n = rd_u8(r);
    if (n >= 0x80) {
        size_t digits = n & 0x7F;
        n = digits >= 1 && digits <= 4 ? rd_be(r, digits) : 0;
        if (n < 0x80 || n >> 8 * (digits - 1) == 0)
            r->bad = true;
    }
    return rd_sub(r, (size_t)n);
}

/* A version: one byte; -1 if it is not. */
static inline int der_small(struct rd *r)
{
    struct rd v = der_enter(r, DER_INTEGER);
    int n = rd_u8(&v);
    return rd_done(&v) && n < 0x80 ? n : -1;
}

#endif
