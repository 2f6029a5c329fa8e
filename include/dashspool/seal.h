/*
 * seal: signatures and time stamps over an evidence package, by ordinary, standard means.
 *
 *     keygen ──► certificate + key ──► sign ──► manifest.p7s ──► check
 *     manifest ──► ts_request ──► (an authority, ts_fetch) ──► manifest.tsr ──► ts_check
 *
 * Hides OpenSSL 3. What is written here, `openssl cms -verify` and `openssl ts -verify` accept, and
 * what is read here may come from anybody: all of it is taken as hostile.
 *
 *     signature   RFC 5652 (CMS) SignedData, detached, DER, SHA-256, one signer, with certificates;
 *                 the certificate is bound by signingCertificateV2 (RFC 5035)
 *     time stamp  RFC 3161 (TimeStampReq, TimeStampResp); asked for with SHA-256, and read with
 *                 SHA-256, SHA-384 or SHA-512 of the content
 *
 * "Content" is the signed bytes: a manifest, which is small and in memory. Thread-safe; no state.
 * The files that are touched are those whose paths are given; nobody is ever asked for anything on
 * a terminal.
 */
#ifndef DASHSPOOL_SEAL_H
#define DASHSPOOL_SEAL_H

#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A signature is about 1 kB, a time stamp with its certificates 3 to 8 kB. */
#define SEAL_DER_MAX_BYTES        (256 * 1024)

#define SEAL_NAME_MAX             64 /* characters; RFC 5280, A.1: ub-common-name */
#define SEAL_YEARS_MAX            30
#define SEAL_TEXT_ROOM            256
#define SEAL_HEX_ROOM             64 /* serials: 20 bytes, a sign (RFC 5280, 4.1.2.2) */
#define SEAL_NO_TIME              INT64_MIN
#define SEAL_DEFAULT_TS_TIMEOUT_S 30

/* ---- key and certificate ---- */

struct seal_identity {
    const char *name;         /* CN; UTF-8, 1 to SEAL_NAME_MAX characters */
    const char *organisation; /* O; NULL: none */
    int years;                /* valid from `from_us` for that long; 1 to SEAL_YEARS_MAX */
    int64_t from_us;          /* utc_us */
};

/* Makes a P-256 key (PKCS #8, PEM, mode 0600) and a self-signed certificate of it (PEM, 0644 less
 * the umask): for digital signatures and non-repudiation, and e-mail protection, which is what CMS
 * verifiers look for. Both files are new or nothing is left behind: an existing one is ERR_BUSY.
 * ERR_CONFIG: the identity cannot be written into a certificate. */
int seal_keygen(const char *cert_path, const char *key_path, const struct seal_identity *who,
                struct err *err) DS_MUST_CHECK;

/* A signer's certificate. Names as RFC 4514 has them ("CN=…,O=…"), UTF-8, control characters
 * escaped, cut to fit. */
struct seal_signer {
    char subject[SEAL_TEXT_ROOM], issuer[SEAL_TEXT_ROOM];
    char serial[SEAL_HEX_ROOM];      /* lower-case hex */
    char fingerprint[HASH_HEX_ROOM]; /* SHA-256 of the certificate's DER */
    int64_t from_us, until_us;       /* utc_us */
    bool self_signed;
};

/* Of the first certificate of a PEM file. */
int seal_cert_describe(struct seal_signer *out, const char *cert_path,
                       struct err *err) DS_MUST_CHECK;

struct seal_key;

/* cert_path: PEM; the signer's certificate first, then any between it and the root. key: path of a
 * PEM file, or a pkcs11: URI (RFC 7512) for OpenSSL's provider of that name. ERR_CONFIG: not what
 * it should be, has a passphrase, key and certificate do not belong together, expired at now_us;
 * ERR_UNSUPPORTED: no provider for the URI, or neither P-256…P-521 nor RSA of 2048 bits or more. */
int seal_key_open(struct seal_key **out, const char *cert_path, const char *key, int64_t now_us,
                  struct err *err) DS_MUST_CHECK;
void seal_key_free(struct seal_key **key);

/* Who signs with this key. */
int seal_key_describe(struct seal_signer *out, const struct seal_key *key,
                      struct err *err) DS_MUST_CHECK;

/* Appends its certificate and those between it and the root, as PEM, without a word beside. */
int seal_key_pem(const struct seal_key *key, struct buf *out, struct err *err) DS_MUST_CHECK;

/* ---- signature ---- */

/* Appends the signature over the content to `out`. signed_us: a signing time to state, as the
 * signer claims it, or SEAL_NO_TIME: none (a time stamp proves one). With RSA the same input gives
 * the same bytes; ECDSA takes a random number for each signature, so they differ each time. */
int seal_sign(struct seal_key *key, const void *content, size_t n, int64_t signed_us,
              struct buf *out, struct err *err) DS_MUST_CHECK;

/* Whom to believe, and as of when. */
struct seal_trust {
    const char
        *ca_path;  /* PEM: any certificate in it ends a chain; NULL: the question is not asked */
    int64_t at_us; /* certificates must be valid at that time */
};

struct seal_finding {
    bool intact;  /* the content is what was signed, by this signer's key */
    bool bound;   /* the certificate is the one that was signed with, or the signer's own
                     words: else its names are not proven unless `trusted` */
    bool trusted; /* a chain leads to trust->ca_path */
    char why[SEAL_TEXT_ROOM];  /* why not intact, or else why not trusted; "" */
    struct seal_signer signer; /* as claimed, if not intact */
    int64_t signed_us;         /* as the signer claims; SEAL_NO_TIME: does not */
};

/* Checks a signature of the form above over the content. A key that seal_key_open() would refuse
 * for its size proves nothing: not intact. The same holds for each key between it and the CA, and
 * for time stamps. ERR_OK: see the finding, which may be that the content was changed.
 * ERR_MALFORMED: these bytes are no signature, or are not in DER; ERR_UNSUPPORTED: a form that this
 * does not check; ERR_LIMIT: above SEAL_DER_MAX_BYTES. The errors of ca_path are ERR_CONFIG or
 * those of reading a file. trust may be NULL. */
int seal_check(struct seal_finding *out, const void *p7s, size_t n_p7s, const void *content,
               size_t n, const struct seal_trust *trust, struct err *err) DS_MUST_CHECK;

/* Whether a PEM text holds the certificate of who made this signature, first, and behind it others
 * that the signature carries. exact: it must be what seal_key_pem() writes, to the byte; else there
 * may be words beside. ERR_OK; ERR_MALFORMED says what is there instead. */
int seal_pem_check(const void *pem, size_t n_pem, const void *p7s, size_t n_p7s, bool exact,
                   struct err *err) DS_MUST_CHECK;

/* ---- time stamp ---- */

/* Appends a TimeStampReq for the content, which asks for the certificate. A random nonce proves
 * that the answer is to this request; without it the same content gives the same bytes. */
int seal_ts_request(const void *content, size_t n, bool with_nonce, struct buf *out,
                    struct err *err) DS_MUST_CHECK;

struct seal_stamp {
    int64_t at_us;       /* utc_us: when the authority saw the content's hash */
    int64_t accuracy_us; /* ± of it; -1: not stated */
    struct seal_signer authority;
    char serial[SEAL_HEX_ROOM];
    char policy[SEAL_TEXT_ROOM]; /* OID, in digits */
    bool trusted;
    char why[SEAL_TEXT_ROOM]; /* why not trusted; "" */
};

/* Checks a TimeStampResp, or the token alone, over the content, and against the request where that
 * is not NULL. An authority's certificate must be for time stamps only, and have been valid at the
 * time that it states; trust->at_us is not asked for. Anything that is wrong is an error that says
 * what: ERR_UNSUPPORTED the authority did not grant it; ERR_MALFORMED damaged, for other content,
 * an answer to another request, without certificate, not signed by its certificate; else as
 * seal_check(). */
int seal_ts_check(struct seal_stamp *out, const void *tsr, size_t n_tsr, const void *content,
                  size_t n, const void *request, size_t n_request, const struct seal_trust *trust,
                  struct err *err) DS_MUST_CHECK;

/* Sends a request to an authority (RFC 3161, 3.4; http:// or https://, whose certificate the
 * system's roots must know) and appends its answer, which is not checked yet. No proxy but that of
 * $http_proxy, $https_proxy; no redirection is followed. ERR_CONFIG: the URL; ERR_IO: all that can
 * go wrong on the way, also an answer that is no time stamp. */
int seal_ts_fetch(const char *url, const void *request, size_t n_request, int timeout_s,
                  struct buf *out, struct err *err) DS_MUST_CHECK;

#endif
