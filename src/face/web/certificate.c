/* The certificate of the pages, which is read again while they are served: new connections get the
 * new one, those that are open keep theirs. */
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/tls.h"
#include "web_internal.h"
#include <stdlib.h>
#include <string.h>

#define PEM_BYTES_MAX ((size_t)1 << 20)
enum { CHAIN_MAX = 16 };

/* A handshake may last, so that older ones stay until the server ends: one for each renewal. */
struct certificate {
    struct certificate *older;
    struct buf cert, key; /* PEM */
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n;
    gnutls_privkey_t private_key;
};

/* GnuTLS asks without telling for whom: a process serves one set of pages. */
static struct certificate *newest;

static void free_one(struct certificate *c)
{
    for (unsigned i = 0; i < c->n; i++)
        gnutls_pcert_deinit(&c->chain[i]);
    if (c->private_key)
        gnutls_privkey_deinit(c->private_key);
    buf_clear(&c->cert);
    buf_clear(&c->key);
    free(c);
}

static int parse(struct certificate *c, struct err *err)
{
    const gnutls_datum_t cert = {(unsigned char *)c->cert.mem + c->cert.start,
                                 (unsigned)c->cert.used};
    const gnutls_datum_t key = {(unsigned char *)c->key.mem + c->key.start, (unsigned)c->key.used};
    unsigned n = CHAIN_MAX;
    int code = gnutls_pcert_list_import_x509_raw(c->chain, &n, &cert, GNUTLS_X509_FMT_PEM, 0);
    if (code < 0)
        return err_set(err, ERR_CONFIG, "tls_cert: %s", gnutls_strerror(code));
    c->n = n;
    if ((code = gnutls_privkey_init(&c->private_key)) < 0 ||
        (code = gnutls_privkey_import_x509_raw(c->private_key, &key, GNUTLS_X509_FMT_PEM, NULL,
                                               0)) < 0)
        return err_set(err, ERR_CONFIG, "tls_key: %s", gnutls_strerror(code));
    return ERR_OK;
}

int certificate_check(const struct cfg *cfg, struct err *err)
{
    const char *cert = cfg_text(cfg, "serve", "tls_cert"), *key = cfg_text(cfg, "serve", "tls_key");
    if (!cert[0] && !key[0])
        return ERR_OK;
    if (!cert[0] || !key[0])
        return err_set(err, ERR_CONFIG, "tls_cert and tls_key: set both of them, or none");
    return tls_try_server(cert, key, "", err);
}

static bool is_same(const struct buf *a, const struct buf *b)
{
    return a->used == b->used && memcmp(buf_data(a), buf_data(b), a->used) == 0;
}

int certificate_read(const struct cfg *cfg, bool *fresh, struct err *err)
{
    struct certificate *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err, "a certificate");
    buf_init(&c->cert, PEM_BYTES_MAX);
    buf_init(&c->key, PEM_BYTES_MAX);
    int rc = certificate_check(cfg, err);
    if (rc == ERR_OK)
        rc = fsx_read_file(cfg_text(cfg, "serve", "tls_cert"), &c->cert, err);
    if (rc == ERR_OK)
        rc = fsx_read_file(cfg_text(cfg, "serve", "tls_key"), &c->key, err);
    *fresh = rc == ERR_OK &&
             !(newest && is_same(&newest->cert, &c->cert) && is_same(&newest->key, &c->key));
    if (*fresh)
        rc = parse(c, err);
    if (rc == ERR_OK && *fresh) {
        c->older = newest;
        newest = c;
    } else {
        free_one(c);
    }
    return rc;
}

void certificate_read_again(const struct cfg *cfg)
{
    struct err err;
    bool fresh;
    if (certificate_read(cfg, &fresh, &err) < 0)
        log_error("serve", "certificate reload failed, keeping the old certificate", LOG_ERR(&err));
    else if (fresh)
        log_info("serve", "certificate reloaded");
    else
        log_info("serve", "certificate reloaded: it is the same");
}

void certificate_free(void)
{
    while (newest) {
        struct certificate *c = newest;
        newest = c->older;
        free_one(c);
    }
}

int certificate_choose(gnutls_session_t session, const gnutls_datum_t *authorities,
                       int n_authorities, const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
                       gnutls_pcert_st **chain, unsigned *n, gnutls_privkey_t *key)
{
    (void)session;
    (void)authorities;
    (void)n_authorities;
    (void)algorithms;
    (void)n_algorithms;
    if (!newest)
        return -1;
    *chain = newest->chain;
    *n = newest->n;
    *key = newest->private_key;
    return 0;
}
