/* Signatures: checked, and made. OpenSSL 3.0 puts the time of day into each signature that it makes
 * itself, so the signed attributes (RFC 5652, 5.3) are put together and signed here. */
#include "seal_internal.h"
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <string.h>

/* ---- checking ---- */

/* RFC 5652, 11.3. */
static int64_t signing_time(CMS_SignerInfo *si)
{
    int at = CMS_signed_get_attr_by_NID(si, NID_pkcs9_signingTime, -1);
    X509_ATTRIBUTE *a = at >= 0 ? CMS_signed_get_attr(si, at) : NULL;
    ASN1_TYPE *value = a && X509_ATTRIBUTE_count(a) == 1 ? X509_ATTRIBUTE_get0_type(a, 0) : NULL;
    int type = value ? ASN1_TYPE_get(value) : 0;
    if (type == V_ASN1_UTCTIME)
        return seal_time_us(value->value.utctime);
    return type == V_ASN1_GENERALIZEDTIME ? seal_time_us(value->value.generalizedtime)
                                          : SEAL_NO_TIME;
}

int seal_check(struct seal_finding *out, const void *p7s, size_t n_p7s, const void *content,
               size_t n, const struct seal_trust *trust, struct err *err)
{
    struct signed_data s;
    memset(out, 0, sizeof *out);
    out->signed_us = SEAL_NO_TIME;
    if (n > INT_MAX)
        return err_set(err, ERR_LIMIT, "%zu bytes are too many to be checked in memory", n);
    int rc = signed_data_open(&s, p7s, n_p7s, "signature", NID_pkcs7_data, true, err);
    if (rc < 0)
        return rc;
    if ((rc = seal_signer_describe(&out->signer, s.cert, err)) < 0)
        goto out;
    out->intact = signed_data_verify(&s, n > 0 ? content : "", n, out->why);
    out->bound = s.bound;
    out->signed_us = signing_time(s.si);
    if (out->intact && trust && trust->ca_path)
        rc = seal_chain(&out->trusted, out->why, s.cert, s.certs, trust->ca_path, trust->at_us,
                        X509_PURPOSE_SMIME_SIGN, err);
out:
    signed_data_clear(&s);
    return rc;
}

/* ---- the certificate beside it ---- */

static bool carries(const struct signed_data *s, const X509 *cert)
{
    for (int i = 0; i < sk_X509_num(s->certs); i++)
        if (X509_cmp(sk_X509_value(s->certs, i), cert) == 0)
            return true;
    return false;
}

static int judge_certificates(const struct signed_data *s, X509 *first, STACK_OF(X509) * rest,
                              struct err *err)
{
    if (X509_cmp(first, s->cert) != 0)
        return err_set(err, ERR_MALFORMED, "not the certificate of who signed");
    for (int i = 0; i < sk_X509_num(rest); i++)
        if (!carries(s, sk_X509_value(rest, i)))
            return err_set(err, ERR_MALFORMED,
                           "has another certificate behind the signer's, which the signature does "
                           "not have");
    return ERR_OK;
}

int seal_pem_check(const void *pem, size_t n_pem, const void *p7s, size_t n_p7s, bool exact,
                   struct err *err)
{
    X509 *first = NULL;
    STACK_OF(X509) *rest = NULL;
    struct signed_data s;
    struct buf again;
    buf_init(&again, SEAL_DER_MAX_BYTES * 2);
    int rc = signed_data_open(&s, p7s, n_p7s, "signature", NID_pkcs7_data, true, err);
    if (rc < 0)
        return rc;
    rc = seal_certs_parse(&first, &rest, pem, n_pem, "certificate", err);
    if (rc < 0 && rc != ERR_NOMEM)
        rc = err->code = ERR_MALFORMED;
    if (rc == ERR_OK && (rc = judge_certificates(&s, first, rest, err)) == ERR_OK && exact &&
        (rc = seal_certs_write(first, rest, &again, err)) == ERR_OK &&
        (again.used != n_pem || memcmp(buf_data(&again), pem, n_pem) != 0 ||
         sk_X509_num(s.certs) != 1 + sk_X509_num(rest)))
        rc = err_set(err, ERR_MALFORMED,
                     "the signer's certificate, but not as it was written with the package");
    signed_data_clear(&s);
    X509_free(first);
    sk_X509_pop_free(rest, X509_free);
    buf_clear(&again);
    return rc;
}

/* ---- signing ---- */

static bool add_time(CMS_SignerInfo *si, int64_t signed_us)
{
    if (signed_us == SEAL_NO_TIME)
        return true;
    ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)(signed_us / 1000000));
    bool good = t && CMS_signed_add1_attr_by_NID(si, NID_pkcs9_signingTime, ASN1_STRING_type(t), t,
                                                 -1) == 1;
    ASN1_TIME_free(t);
    return good;
}

static bool add_attributes(CMS_SignerInfo *si, const void *content, size_t n, int64_t signed_us)
{
    uint8_t digest[HASH_BYTES];
    return seal_sha256(content, n, digest) &&
           CMS_signed_add1_attr_by_NID(si, NID_pkcs9_contentType, V_ASN1_OBJECT,
                                       OBJ_nid2obj(NID_pkcs7_data), -1) == 1 &&
           CMS_signed_add1_attr_by_NID(si, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, digest,
                                       sizeof digest) == 1 &&
           add_time(si, signed_us);
}

/* What is signed: the attributes as a SET OF in DER (RFC 5652, 5.4). */
static int attributes_der(CMS_SignerInfo *si, uint8_t **out)
{
    STACK_OF(X509_ATTRIBUTE) *set = sk_X509_ATTRIBUTE_new_null();
    bool good = set != NULL;
    *out = NULL;
    for (int i = 0; good && i < CMS_signed_get_attr_count(si); i++)
        good = sk_X509_ATTRIBUTE_push(set, CMS_signed_get_attr(si, i)) > 0;
    int n =
        good ? ASN1_item_i2d((const ASN1_VALUE *)set, out, ASN1_ITEM_rptr(PKCS7_ATTR_SIGN)) : -1;
    sk_X509_ATTRIBUTE_free(set);
    return n;
}

static bool sign_attributes(CMS_SignerInfo *si, EVP_PKEY *pkey)
{
    uint8_t *der = NULL, *value = NULL;
    size_t n_value = 0;
    int n = attributes_der(si, &der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = n > 0 && ctx &&
                EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, pkey, NULL) == 1 &&
                EVP_DigestSign(ctx, NULL, &n_value, der, (size_t)n) == 1 &&
                (value = OPENSSL_malloc(n_value)) &&
                EVP_DigestSign(ctx, value, &n_value, der, (size_t)n) == 1 &&
                ASN1_OCTET_STRING_set(CMS_SignerInfo_get0_signature(si), value, (int)n_value) == 1;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    OPENSSL_free(value);
    return good;
}

static CMS_ContentInfo *sign(struct seal_key *key, const void *content, size_t n, int64_t signed_us)
{
    enum { FLAGS = CMS_DETACHED | CMS_BINARY | CMS_PARTIAL };
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, key->between, NULL, FLAGS);
    CMS_SignerInfo *si = cms ? CMS_add1_signer(cms, key->cert, key->pkey, EVP_sha256(),
                                               FLAGS | CMS_NOSMIMECAP | CMS_CADES)
                             : NULL;
    if (si && add_attributes(si, content, n, signed_us) && sign_attributes(si, key->pkey))
        return cms;
    CMS_ContentInfo_free(cms);
    return NULL;
}

/* A signature that its own check does not accept is not handed out. */
static int check_own(const uint8_t *der, size_t n_der, const void *content, size_t n,
                     struct err *err)
{
    struct seal_finding f;
    int rc = seal_check(&f, der, n_der, content, n, NULL, err);
    if (rc == ERR_OK && !(f.intact && f.bound))
        rc = err_set(err, ERR_UNSUPPORTED, "%s", f.why);
    return rc < 0 ? err_wrap(err, "the signature that was made does not verify") : rc;
}

int seal_sign(struct seal_key *key, const void *content, size_t n, int64_t signed_us,
              struct buf *out, struct err *err)
{
    uint8_t *der = NULL;
    CMS_ContentInfo *cms = sign(key, content, n, signed_us);
    int n_der = cms ? i2d_CMS_ContentInfo(cms, &der) : -1, rc;
    if (n_der <= 0)
        rc = seal_fail(err, ERR_UNSUPPORTED, "the key does not sign");
    else if ((rc = check_own(der, (size_t)n_der, content, n, err)) == ERR_OK)
        rc = buf_append(out, der, (size_t)n_der, err);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    return rc;
}
