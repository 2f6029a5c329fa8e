/* Keys to sign with: how they are made, with a certificate, and how they are opened. */
#include "dashspool/fsx.h"
#include "seal_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a new key ---- */

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

/* ---- a key that there is ---- */

enum { KEY_MAX_BYTES = 64 * 1024 };

/* Nobody sits at a terminal to be asked. */
static int no_passphrase(char *out, int room, int writing, void *arg)
{
    (void)out;
    (void)room;
    (void)writing;
    *(bool *)arg = true;
    return -1;
}

static int load_file(EVP_PKEY **out, const char *path, struct err *err)
{
    struct buf pem;
    bool asked = false;
    buf_init(&pem, KEY_MAX_BYTES);
    int rc = fsx_read_file(path, &pem, err);
    BIO *bio = rc == ERR_OK ? BIO_new_mem_buf(buf_data(&pem), (int)pem.used) : NULL;
    if (bio)
        *out = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
    if (rc == ERR_OK && !*out && asked) {
        ERR_clear_error();
        rc = err_set(err, ERR_CONFIG,
                     "%s: the key is encrypted; decrypt it with openssl pkey -in KEY -out OPEN-KEY "
                     "and restrict access to that file, or keep the key in a token (pkcs11:)",
                     path);
    } else if (rc == ERR_OK && !*out) {
        rc = seal_fail(err, ERR_CONFIG, "%s: no private key in PEM", path);
    }
    BIO_free(bio);
    if (pem.mem)
        OPENSSL_cleanse(pem.mem, pem.room);
    buf_clear(&pem);
    return rc;
}

/* The first private key that a store has under this URI. */
static EVP_PKEY *take_from_store(OSSL_STORE_CTX *store)
{
    EVP_PKEY *key = NULL;
    OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    while (!key && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        else if (!info && OSSL_STORE_error(store))
            break;
        OSSL_STORE_INFO_free(info);
    }
    return key;
}

static int load_uri(EVP_PKEY **out, const char *uri, struct err *err)
{
    bool asked = false;
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(no_passphrase, 0);
    OSSL_STORE_CTX *store =
        ui ? OSSL_STORE_open_ex(uri, NULL, NULL, ui, &asked, NULL, NULL, NULL) : NULL;
    int rc = ERR_OK;
    if (!store) {
        rc = seal_fail(
            err, ERR_UNSUPPORTED,
            "%.160s: OpenSSL has no provider for keys in a token: install pkcs11-provider "
            "and switch it on in openssl.cnf",
            uri);
    } else if (!(*out = take_from_store(store))) {
        rc = seal_fail(err, ERR_CONFIG, "%.160s: %s", uri,
                       asked ? "the token asks for its PIN; name a file that has it in the URI "
                               "(?pin-source=file:/…)"
                             : "no private key there");
    }
    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    ERR_clear_error();
    return rc;
}

static int judge(const struct seal_key *k, const char *cert_path, const char *key, int64_t now_us,
                 struct err *err)
{
    bool ec = EVP_PKEY_is_a(k->pkey, "EC"), rsa = EVP_PKEY_is_a(k->pkey, "RSA");
    if (X509_check_private_key(k->cert, k->pkey) != 1) {
        ERR_clear_error();
        return err_set(err, ERR_CONFIG, "%.200s is not the key of the certificate %.200s", key,
                       cert_path);
    }
    if (!(ec || rsa) || !seal_key_strong(k->pkey))
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: keys that sign are P-256, P-384, P-521, or RSA of 2048 bits or more",
                       key);
    if (now_us < seal_time_us(X509_get0_notBefore(k->cert)))
        return err_set(err, ERR_CONFIG, "%s: the certificate is not valid yet", cert_path);
    if (now_us > seal_time_us(X509_get0_notAfter(k->cert)))
        return err_set(err, ERR_CONFIG, "%s: the certificate has expired", cert_path);
    return ERR_OK;
}

int seal_key_open(struct seal_key **out, const char *cert_path, const char *key, int64_t now_us,
                  struct err *err)
{
    struct seal_key *k = *out = calloc(1, sizeof *k);
    if (!k)
        return err_nomem(err, "a key");
    int rc = seal_certs_load(&k->cert, &k->between, cert_path, err);
    if (rc == ERR_OK)
        rc = strncmp(key, "pkcs11:", 7) == 0 ? load_uri(&k->pkey, key, err)
                                             : load_file(&k->pkey, key, err);
    if (rc == ERR_OK)
        rc = judge(k, cert_path, key, now_us, err);
    if (rc < 0)
        seal_key_free(out);
    return rc;
}

void seal_key_free(struct seal_key **key)
{
    if (!key || !*key)
        return;
    EVP_PKEY_free((*key)->pkey);
    X509_free((*key)->cert);
    sk_X509_pop_free((*key)->between, X509_free);
    free(*key);
    *key = NULL;
}

int seal_key_describe(struct seal_signer *out, const struct seal_key *key, struct err *err)
{
    return seal_signer_describe(out, key->cert, err);
}

int seal_key_pem(const struct seal_key *key, struct buf *out, struct err *err)
{
    return seal_certs_write(key->cert, key->between, out, err);
}
