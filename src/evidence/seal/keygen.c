#include "dashspool/fsx.h"
#include "seal_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool set_serial(X509 *cert)
{
    uint8_t bytes[16]; /* RFC 5280, 4.1.2.2: positive, not foreseeable */
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40);
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool good = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return good;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool good = e && X509_add_ext(cert, e, -1) == 1;
    X509_EXTENSION_free(e);
    return good;
}

static bool add_name(X509_NAME *name, const char *field, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text, -1,
                                      -1, 0) == 1;
}

/* Whole years by the calendar: 29 February becomes 1 March. */
static bool set_validity(X509 *cert, int64_t from_us, int years)
{
    time_t from = (time_t)(from_us / 1000000);
    struct clock_civil c = clock_civil_from_utc(from_us, 0);
    char text[CLOCK_TEXT_ROOM];
    int64_t until_us;
    struct err err;
    bool leap_day = c.month == 2 && c.day == 29;
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year + years,
             leap_day ? 3 : c.month, leap_day ? 1 : c.day, c.hour, c.minute, c.second);
    return clock_parse(text, 0, &until_us, NULL, &err) == ERR_OK &&
           ASN1_TIME_set(X509_getm_notBefore(cert), from) &&
           ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(until_us / 1000000));
}

static X509 *new_cert(EVP_PKEY *key, const struct seal_identity *who)
{
    X509 *cert = X509_new();
    X509_NAME *name = cert ? X509_get_subject_name(cert) : NULL;
    if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
        (!who->organisation || add_name(name, "O", who->organisation)) &&
        add_name(name, "CN", who->name) && X509_set_issuer_name(cert, name) == 1 &&
        set_validity(cert, who->from_us, who->years) && X509_set_pubkey(cert, key) == 1 &&
        add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(cert, NID_key_usage, "critical,digitalSignature,nonRepudiation") &&
        add_extension(cert, NID_ext_key_usage, "emailProtection") &&
        add_extension(cert, NID_subject_key_identifier, "hash") &&
        X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

/* A new file with what is in bio. */
static int write_new(const char *path, BIO *bio, mode_t mode, struct err *err)
{
    char *data = NULL;
    long n = BIO_get_mem_data(bio, &data);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0 && errno == EEXIST)
        return err_set(err, ERR_BUSY,
                       "%s already exists and is not overwritten; choose another name", path);
    if (fd < 0)
        return err_sys(err, "create %s", path);
    int rc = fsx_write_all(fd, data, (size_t)n, err);
    if (rc == ERR_OK && fsync(fd) < 0)
        rc = err_sys(err, "fsync %s", path);
    if (close(fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", path);
    if (rc < 0) {
        err_wrap(err, "%s", path);
        unlink(path);
    }
    return rc;
}

static int sync_folder_of(const char *path, struct err *err)
{
    char *parent = NULL, *name = NULL;
    int rc = fsx_split(path, &parent, &name, err);
    if (rc == ERR_OK)
        rc = fsx_sync_dir(parent, err);
    free(parent);
    free(name);
    return rc;
}

/* The key last: a certificate without its key harms nobody. */
static int write_both(const char *cert_path, const char *key_path, X509 *cert, EVP_PKEY *key,
                      struct err *err)
{
    BIO *cert_pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_secmem());
    int rc;
    if (!cert_pem || !key_pem || PEM_write_bio_X509(cert_pem, cert) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) != 1)
        rc = seal_fail(err, ERR_NOMEM, "cannot write the key as PEM");
    else if ((rc = write_new(cert_path, cert_pem, 0644, err)) == ERR_OK) {
        if ((rc = write_new(key_path, key_pem, 0600, err)) == ERR_OK &&
            ((rc = sync_folder_of(cert_path, err)) < 0 || (rc = sync_folder_of(key_path, err)) < 0))
            unlink(key_path);
        if (rc < 0)
            unlink(cert_path);
    }
    BIO_free(cert_pem);
    BIO_free(key_pem);
    return rc;
}

int seal_keygen(const char *cert_path, const char *key_path, const struct seal_identity *who,
                struct err *err)
{
    if (who->years < 1 || who->years > SEAL_YEARS_MAX)
        return err_set(err, ERR_CONFIG, "--years %d: expected 1 to %d", who->years, SEAL_YEARS_MAX);
    if (!who->name[0] || (who->organisation && !who->organisation[0]))
        return err_set(err, ERR_CONFIG, "a name is needed, which is not empty");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key ? new_cert(key, who) : NULL;
    int rc;
    if (!key)
        rc = seal_fail(err, ERR_UNSUPPORTED, "OpenSSL makes no P-256 key");
    else if (!cert)
        rc = seal_fail(err, ERR_CONFIG,
                       "no certificate for '%s' (UTF-8 of at most %d characters is needed)",
                       who->name, SEAL_NAME_MAX);
    else
        rc = write_both(cert_path, key_path, cert, key, err);
    X509_free(cert);
    EVP_PKEY_free(key);
    return rc;
}
