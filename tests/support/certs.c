#include "support/certs.h"
#include "support/support.h"
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static FILE *open_pem(const char *dir, const char *name, const char *ending, const char *how)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s.%s", dir, name, ending);
    FILE *f = fopen(path, how);
    assert_non_null(f);
    return f;
}

static void add_extension(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

static X509 *new_cert(const char *name, EVP_PKEY *key)
{
    static long serial = 1;
    X509 *cert = X509_new();
    assert_non_null(cert);
    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 60 * 86400));
    X509_NAME *subject = X509_get_subject_name(cert);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                (const unsigned char *)name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    return cert;
}

static void sign_and_write(X509 *cert, X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key,
                           const char *dir, const char *name)
{
    assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(issuer)), 1);
    assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
    FILE *f = open_pem(dir, name, "pem", "wbe");
    assert_int_equal(PEM_write_X509(f, cert), 1);
    assert_int_equal(fclose(f), 0);
    f = open_pem(dir, name, "key", "wbe");
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(f), 0);
}

void certs_make_ca(const char *dir, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *cert = new_cert(name, key);
    add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
    sign_and_write(cert, cert, key, key, dir, name);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void certs_make(const char *dir, const char *ca, const char *name, const char *alt)
{
    FILE *f = open_pem(dir, ca, "pem", "rbe");
    X509 *issuer = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    f = open_pem(dir, ca, "key", "rbe");
    EVP_PKEY *issuer_key = PEM_read_PrivateKey(f, NULL, NULL, NULL), *key = EVP_EC_gen("P-256");
    fclose(f);
    assert_true(issuer && issuer_key && key);
    X509 *cert = new_cert(name, key);
    add_extension(cert, NID_subject_alt_name, alt);
    sign_and_write(cert, issuer, issuer_key, key, dir, name);
    X509_free(cert);
    X509_free(issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(issuer_key);
}

void certs_end_in(const char *dir, const char *name, long seconds)
{
    FILE *f = open_pem(dir, name, "pem", "rbe");
    X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(cert);
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), seconds));
    assert_true(i2d_re_X509_tbs(cert, NULL) > 0);
    f = open_pem(dir, name, "pem", "wbe");
    assert_int_equal(PEM_write_X509(f, cert), 1);
    assert_int_equal(fclose(f), 0);
    X509_free(cert);
}

void certs_postpone(const char *dir, const char *name)
{
    FILE *f = open_pem(dir, name, "pem", "rbe");
    X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(cert);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 3600));
    assert_true(i2d_re_X509_tbs(cert, NULL) > 0);
    f = open_pem(dir, name, "pem", "wbe");
    assert_int_equal(PEM_write_X509(f, cert), 1);
    assert_int_equal(fclose(f), 0);
    X509_free(cert);
}

void certs_lock_key(const char *dir, const char *name)
{
    FILE *f = open_pem(dir, name, "key", "rbe");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    assert_non_null(key);
    f = open_pem(dir, name, "key", "wbe");
    assert_int_equal(PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(),
                                          (const unsigned char *)"secret", 6, NULL, NULL),
                     1);
    assert_int_equal(fclose(f), 0);
    EVP_PKEY_free(key);
}
