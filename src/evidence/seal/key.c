#include "key.h"
#include "dashspool/fsx.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdlib.h>
#include <string.h>

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
    if (!(ec && EVP_PKEY_get_bits(k->pkey) >= 256) && !(rsa && EVP_PKEY_get_bits(k->pkey) >= 2048))
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
        return err_set(err, ERR_NOMEM, "no memory for a key");
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
