/* Errors, certificates, names and times of OpenSSL in our terms. */
#include "dashspool/fsx.h"
#include "seal_internal.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

enum {
    PEM_MAX_BYTES = 1 << 20, /* a system's whole store of roots is 220 kB */
    CERTS_MAX = 1000,
};

/* Details may be a peer's words: printable ones only. */
static void append_printable(char *text, size_t room, const char *data)
{
    size_t used = strlen(text), before = used;
    for (; *data && used + 3 < room && used < before + 120; data++)
        text[used++] = *data >= 0x20 && *data < 0x7F ? *data : '?';
    text[used] = '\0';
}

/* "reason (details)" of the oldest error: it is the cause. "" where there is none. */
static void openssl_reason(char *out, size_t room)
{
    const char *data = NULL;
    char why[128];
    int flags = 0;
    unsigned long e = ERR_peek_error_all(NULL, NULL, NULL, &data, &flags);
    const char *reason = ERR_reason_error_string(e);
    if (e && ERR_SYSTEM_ERROR(e) && strerror_r(ERR_GET_REASON(e), why, sizeof why) == 0)
        reason = why;
    snprintf(out, room, "%s", reason ? reason : "");
    if (!e || !data || !*data || !(flags & ERR_TXT_STRING))
        return;
    append_printable(out, room, reason ? " (" : "(");
    append_printable(out, room, data);
    append_printable(out, room, ")");
}

int seal_fail(struct err *err, int code, const char *fmt, ...)
{
    char text[400], why[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE)
        code = ERR_NOMEM;
    openssl_reason(why, sizeof why);
    ERR_clear_error();
    return err_set(err, code, "%s%s%s", text, why[0] ? ": " : "", why);
}

int seal_certs_parse(X509 **first, STACK_OF(X509) * *rest, const void *pem, size_t n,
                     const char *name, struct err *err)
{
    X509 *cert = NULL;
    BIO *bio = n <= PEM_MAX_BYTES ? BIO_new_mem_buf(pem, (int)n) : NULL;
    int rc = ERR_OK;
    *first = NULL;
    *rest = sk_X509_new_null();
    ERR_clear_error();
    if (!bio || !*rest || !(*first = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        rc = seal_fail(err, ERR_CONFIG, "%s: no certificate in PEM", name);
        goto out;
    }
    while (sk_X509_num(*rest) < CERTS_MAX && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        if (sk_X509_push(*rest, cert) <= 0) {
            X509_free(cert);
            rc = err_nomem(err, "certificates");
            goto out;
        }
    unsigned long end = ERR_peek_last_error(); /* "no start line": nothing more is there */
    if (end && ERR_GET_REASON(end) != PEM_R_NO_START_LINE)
        rc = seal_fail(err, ERR_CONFIG, "%s: a damaged certificate", name);
out:
    ERR_clear_error();
    BIO_free(bio);
    if (rc < 0) {
        X509_free(*first);
        sk_X509_pop_free(*rest, X509_free);
        *first = NULL;
        *rest = NULL;
    }
    return rc;
}

int seal_certs_load(X509 **first, STACK_OF(X509) * *rest, const char *path, struct err *err)
{
    struct buf pem;
    *first = NULL;
    *rest = NULL;
    buf_init(&pem, PEM_MAX_BYTES);
    int rc = fsx_read_file(path, &pem, err);
    if (rc == ERR_OK)
        rc = seal_certs_parse(first, rest, buf_data(&pem), pem.used, path, err);
    buf_clear(&pem);
    return rc;
}

int seal_certs_write(X509 *first, STACK_OF(X509) * rest, struct buf *out, struct err *err)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    bool good = bio && PEM_write_bio_X509(bio, first) == 1;
    for (int i = 0; good && i < sk_X509_num(rest); i++)
        good = PEM_write_bio_X509(bio, sk_X509_value(rest, i)) == 1;
    long n = good ? BIO_get_mem_data(bio, &text) : 0;
    int rc = good ? buf_append(out, text, (size_t)n, err)
                  : seal_fail(err, ERR_NOMEM, "cannot write certificates as PEM");
    BIO_free(bio);
    return rc;
}

bool seal_sha256(const void *data, size_t n, uint8_t out[HASH_BYTES])
{
    return EVP_Digest(data, n, out, NULL, EVP_sha256(), NULL) == 1;
}

/* Digits behind the point of a GeneralizedTime, which OpenSSL leaves out. */
static int64_t fraction_us(const ASN1_TIME *t)
{
    const unsigned char *p = ASN1_STRING_get0_data(t);
    int n = ASN1_STRING_length(t), i = 0;
    int64_t us = 0, unit = 100000;
    while (i < n && p[i] != '.')
        i++;
    for (i++; i < n && p[i] >= '0' && p[i] <= '9'; i++, unit /= 10)
        us += (p[i] - '0') * unit;
    return us;
}

int64_t seal_time_us(const ASN1_TIME *t)
{
    int days, seconds;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool good = t && epoch && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1;
    ASN1_TIME_free(epoch);
    ERR_clear_error();
    if (!good)
        return SEAL_NO_TIME;
    return ((int64_t)days * 86400 + seconds) * 1000000 + fraction_us(t);
}

/* RFC 4514, but UTF-8 as it is. */
static bool name_text(char out[SEAL_TEXT_ROOM], X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool good =
        bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0;
    long n = good ? BIO_get_mem_data(bio, &text) : 0;
    size_t kept = n < SEAL_TEXT_ROOM ? (size_t)n : SEAL_TEXT_ROOM - 4;
    while (kept < (size_t)n && kept > 0 && ((unsigned char)text[kept] & 0xC0) == 0x80)
        kept--; /* not in the middle of a character */
    if (good)
        snprintf(out, SEAL_TEXT_ROOM, "%.*s%s", (int)kept, n > 0 ? text : "",
                 kept < (size_t)n ? "..." : "");
    BIO_free(bio);
    return good;
}

void seal_serial_text(char out[SEAL_HEX_ROOM], const ASN1_INTEGER *serial)
{
    bool negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
    snprintf(out, SEAL_HEX_ROOM, "%s", negative ? "-" : "");
    hash_hex_bytes(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial),
                   out + negative, SEAL_HEX_ROOM - negative);
}

int seal_signer_describe(struct seal_signer *out, X509 *cert, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    memset(out, 0, sizeof *out);
    if (!name_text(out->subject, X509_get_subject_name(cert)) ||
        !name_text(out->issuer, X509_get_issuer_name(cert)))
        return seal_fail(err, ERR_MALFORMED, "a name in the certificate cannot be read");
    if (X509_digest(cert, EVP_sha256(), digest, NULL) != 1)
        return seal_fail(err, ERR_NOMEM, "no SHA-256 of the certificate");
    hash_hex(digest, out->fingerprint);
    seal_serial_text(out->serial, X509_get0_serialNumber(cert));
    out->from_us = seal_time_us(X509_get0_notBefore(cert));
    out->until_us = seal_time_us(X509_get0_notAfter(cert));
    out->self_signed = X509_self_signed(cert, 1) == 1;
    ERR_clear_error();
    if (out->from_us == SEAL_NO_TIME || out->until_us == SEAL_NO_TIME)
        return err_set(err, ERR_MALFORMED, "the certificate's validity cannot be read");
    return ERR_OK;
}

int seal_cert_describe(struct seal_signer *out, const char *cert_path, struct err *err)
{
    X509 *cert;
    STACK_OF(X509) * rest;
    int rc = seal_certs_load(&cert, &rest, cert_path, err);
    if (rc < 0)
        return rc;
    rc = seal_signer_describe(out, cert, err);
    X509_free(cert);
    sk_X509_pop_free(rest, X509_free);
    return rc;
}

bool seal_key_strong(const EVP_PKEY *key)
{
    int bits = key ? EVP_PKEY_get_bits(key) : 0;
    return key && (EVP_PKEY_is_a(key, "EC") ? bits >= 256 : bits >= 2048);
}

static bool verify_chain(X509_STORE *store, X509 *cert, STACK_OF(X509) * between, int64_t at_us,
                         int purpose, char why[SEAL_TEXT_ROOM])
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool good = false;
    snprintf(why, SEAL_TEXT_ROOM, "no memory to verify the certificate");
    if (ctx && X509_STORE_CTX_init(ctx, store, cert, between) == 1) {
        X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN);
        X509_VERIFY_PARAM_set_time(p, (time_t)(at_us / 1000000));
        X509_VERIFY_PARAM_set_auth_level(p, 2); /* each key in it is as strong, each digest SHA-2 */
        good = X509_VERIFY_PARAM_set_purpose(p, purpose) == 1 && X509_verify_cert(ctx) == 1;
        int e = X509_STORE_CTX_get_error(ctx);
        if (good)
            why[0] = '\0';
        else if (e != X509_V_OK)
            snprintf(why, SEAL_TEXT_ROOM, "%s", X509_verify_cert_error_string(e));
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

int seal_chain(bool *trusted, char why[SEAL_TEXT_ROOM], X509 *cert, STACK_OF(X509) * between,
               const char *ca_path, int64_t at_us, int purpose, struct err *err)
{
    X509 *ca = NULL;
    STACK_OF(X509) *more = NULL;
    *trusted = false;
    int rc = seal_certs_load(&ca, &more, ca_path, err);
    if (rc < 0)
        return rc;
    X509_STORE *store = X509_STORE_new();
    bool good = store && X509_STORE_add_cert(store, ca) == 1;
    for (int i = 0; good && i < sk_X509_num(more); i++)
        good = X509_STORE_add_cert(store, sk_X509_value(more, i)) == 1;
    if (good)
        *trusted = verify_chain(store, cert, between, at_us, purpose, why);
    else
        rc = seal_fail(err, ERR_NOMEM, "%s: cannot be used", ca_path);
    X509_STORE_free(store);
    X509_free(ca);
    sk_X509_pop_free(more, X509_free);
    return rc;
}
