/* SignedData (RFC 5652, 5) with one signer. OpenSSL verifies; what it leaves unread and no
 * signature covers (versions, identifiers of algorithms, spelling of names) is judged here, so that
 * a changed byte is noticed wherever it is. */
#include "seal_internal.h"
#include <openssl/err.h>
#include <openssl/ess.h>
#include <stdio.h>
#include <string.h>

/* AlgorithmIdentifiers without parameters, or with NULL. */
static bool plain_algorithms(struct rd set)
{
    while (!set.bad && rd_left(&set) > 0) {
        struct rd algorithm = der_enter(&set, DER_SEQUENCE);
        der_enter(&algorithm, DER_OID);
        if (der_is(&algorithm, DER_NULL))
            der_enter(&algorithm, DER_NULL);
        if (!rd_done(&algorithm))
            return false;
    }
    return !set.bad;
}

/* Whether the signed attributes are spelled as OpenSSL verifies them: it takes wrong tags as well,
 * and verifies what it would have written. */
static bool attributes_spelled_ok(CMS_SignerInfo *si, struct rd set)
{
    bool good = true;
    for (int i = 0; good && i < CMS_signed_get_attr_count(si); i++) {
        uint8_t *der = NULL;
        int n = i2d_X509_ATTRIBUTE(CMS_signed_get_attr(si, i), &der);
        const uint8_t *at = n > 0 ? rd_bytes(&set, (size_t)n) : NULL;
        good = at && memcmp(at, der, (size_t)n) == 0;
        OPENSSL_free(der);
    }
    return good && rd_done(&set);
}

static bool signer_ok(CMS_SignerInfo *si, struct rd signer, int *version)
{
    *version = der_small(&signer);
    der_enter(&signer, der_is(&signer, DER_IMPLICIT_0) ? DER_IMPLICIT_0 : DER_SEQUENCE);
    der_enter(&signer, DER_SEQUENCE);
    if (der_is(&signer, DER_CONTEXT_0) &&
        !attributes_spelled_ok(si, der_enter(&signer, DER_CONTEXT_0)))
        return false;
    der_enter(&signer, DER_SEQUENCE);
    der_enter(&signer, DER_OCTETS);
    if (der_is(&signer, DER_CONTEXT_1))
        der_enter(&signer, DER_CONTEXT_1);
    return rd_done(&signer);
}

/* The frame of ContentInfo and SignedData in DER, with one signer, and both versions. */
static bool frame_ok(CMS_SignerInfo *si, const uint8_t *der, size_t n, int *version,
                     int *signer_version)
{
    struct rd all = rd_init(der, n), info = der_enter(&all, DER_SEQUENCE);
    der_enter(&info, DER_OID);
    struct rd wrapped = der_enter(&info, DER_CONTEXT_0), data = der_enter(&wrapped, DER_SEQUENCE);
    *version = der_small(&data);
    bool plain = plain_algorithms(der_enter(&data, DER_SET));
    der_enter(&data, DER_SEQUENCE);
    if (der_is(&data, DER_CONTEXT_0))
        der_enter(&data, DER_CONTEXT_0);
    if (der_is(&data, DER_CONTEXT_1))
        der_enter(&data, DER_CONTEXT_1);
    struct rd signers = der_enter(&data, DER_SET);
    bool signer = signer_ok(si, der_enter(&signers, DER_SEQUENCE), signer_version);
    return plain && signer && rd_done(&all) && rd_done(&info) && rd_done(&wrapped) &&
           rd_done(&data) && rd_done(&signers);
}

/* The signer's issuer, letter by letter: OpenSSL compares names without regard to case. */
static bool issuer_spelled_ok(struct signed_data *s)
{
    ASN1_OCTET_STRING *keyid = NULL;
    X509_NAME *issuer = NULL;
    const unsigned char *a, *b;
    size_t n_a, n_b;
    if (CMS_SignerInfo_get0_signer_id(s->si, &keyid, &issuer, NULL) != 1 || !issuer)
        return keyid != NULL;
    return X509_NAME_get0_der(issuer, &a, &n_a) == 1 &&
           X509_NAME_get0_der(X509_get_issuer_name(s->cert), &b, &n_b) == 1 && n_a == n_b &&
           memcmp(a, b, n_a) == 0;
}

static bool parameters_absent(const X509_ALGOR *a)
{
    int type;
    X509_ALGOR_get0(NULL, &type, NULL, a);
    return type == V_ASN1_UNDEF || type == V_ASN1_NULL;
}

/* SHA-2, with the certificate's kind of key: ECDSA, or RSA in either padding. */
static bool algorithms_ok(struct signed_data *s, bool strict)
{
    X509_ALGOR *digest = NULL, *signature = NULL;
    const ASN1_OBJECT *oid;
    int of_digest = NID_undef, of_key = NID_undef;
    CMS_SignerInfo_get0_algs(s->si, NULL, NULL, &digest, &signature);
    X509_ALGOR_get0(&oid, NULL, NULL, digest);
    int hash = OBJ_obj2nid(oid);
    X509_ALGOR_get0(&oid, NULL, NULL, signature);
    int nid = OBJ_obj2nid(oid);
    EVP_PKEY *key = X509_get0_pubkey(s->cert);
    if (!key || !parameters_absent(digest) ||
        (hash != NID_sha256 && (strict || (hash != NID_sha384 && hash != NID_sha512))))
        return false;
    if (nid == NID_rsassaPss)
        return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS");
    if (!parameters_absent(signature))
        return false;
    if (nid == NID_rsaEncryption)
        return EVP_PKEY_is_a(key, "RSA");
    return OBJ_find_sigid_algs(nid, &of_digest, &of_key) == 1 && of_digest == hash &&
           ((of_key == NID_rsaEncryption && EVP_PKEY_is_a(key, "RSA")) ||
            (of_key == NID_X9_62_id_ecPublicKey && EVP_PKEY_is_a(key, "EC")));
}

/* The value of a signed attribute that is there once, with one value; NULL. */
static void *attribute(const CMS_SignerInfo *si, int nid, int type)
{
    return CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(nid), -3, type);
}

static STACK_OF(X509) * signer_first(struct signed_data *s)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool good = chain && sk_X509_push(chain, s->cert) > 0;
    for (int i = 0; good && i < sk_X509_num(s->certs); i++)
        good = sk_X509_push(chain, sk_X509_value(s->certs, i)) > 0;
    if (good)
        return chain;
    sk_X509_free(chain);
    return NULL;
}

/* RFC 5035: 1 the certificate is the one that the signed attribute has the hash of, 0 there is no
 * such attribute, -1 it is another certificate. */
static int certificate_bound(struct signed_data *s)
{
    ASN1_STRING *v1 = attribute(s->si, NID_id_smime_aa_signingCertificate, V_ASN1_SEQUENCE);
    ASN1_STRING *v2 = attribute(s->si, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE);
    const unsigned char *p1 = v1 ? ASN1_STRING_get0_data(v1) : NULL;
    const unsigned char *p2 = v2 ? ASN1_STRING_get0_data(v2) : NULL;
    if (!v1 && !v2)
        return 0;
    ESS_SIGNING_CERT *ss = v1 ? d2i_ESS_SIGNING_CERT(NULL, &p1, ASN1_STRING_length(v1)) : NULL;
    ESS_SIGNING_CERT_V2 *ss2 =
        v2 ? d2i_ESS_SIGNING_CERT_V2(NULL, &p2, ASN1_STRING_length(v2)) : NULL;
    STACK_OF(X509) *chain = signer_first(s);
    bool good =
        chain && (!v1 || ss) && (!v2 || ss2) && OSSL_ESS_check_signing_certs(ss, ss2, chain, 1) > 0;
    sk_X509_free(chain);
    ESS_SIGNING_CERT_free(ss);
    ESS_SIGNING_CERT_V2_free(ss2);
    ERR_clear_error();
    return good ? 1 : -1;
}

static bool encodes_to(CMS_ContentInfo *cms, const uint8_t *der, size_t n)
{
    unsigned char *again = NULL;
    int n_again = i2d_CMS_ContentInfo(cms, &again);
    bool same = n_again > 0 && (size_t)n_again == n && memcmp(again, der, n) == 0;
    OPENSSL_free(again);
    return same;
}

static int find_signer(struct signed_data *s, const char *what, struct err *err)
{
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(s->cms);
    if (sk_CMS_SignerInfo_num(signers) != 1)
        return err_set(err, ERR_UNSUPPORTED, "the %s has %d signers; one is expected", what,
                       signers ? sk_CMS_SignerInfo_num(signers) : 0);
    s->si = sk_CMS_SignerInfo_value(signers, 0);
    s->certs = CMS_get1_certs(s->cms);
    CMS_set1_signers_certs(s->cms, NULL, 0);
    CMS_SignerInfo_get0_algs(s->si, NULL, &s->cert, NULL, NULL);
    ERR_clear_error();
    if (!s->cert)
        return err_set(err, ERR_MALFORMED, "the %s carries no certificate of its signer", what);
    return ERR_OK;
}

static int parse(struct signed_data *out, const uint8_t *der, size_t n, const char *what,
                 struct err *err)
{
    const unsigned char *p = der;
    if (n > SEAL_DER_MAX_BYTES)
        return err_set(err, ERR_LIMIT, "the %s has %zu bytes; at most %d are read", what, n,
                       SEAL_DER_MAX_BYTES);
    out->cms = n > 0 ? d2i_CMS_ContentInfo(NULL, &p, (long)n) : NULL;
    if (!out->cms)
        return seal_fail(err, ERR_MALFORMED, "this is no %s in DER", what);
    if (p != der + n)
        return err_set(err, ERR_MALFORMED, "%zu bytes too many behind the %s",
                       (size_t)(der + n - p), what);
    if (OBJ_obj2nid(CMS_get0_type(out->cms)) != NID_pkcs7_signed)
        return err_set(err, ERR_MALFORMED, "this is CMS, but no %s", what);
    return ERR_OK;
}

static int judge(struct signed_data *s, const uint8_t *der, size_t n, const char *what,
                 int content_nid, bool strict, struct err *err)
{
    int version, signer_version;
    bool detached = content_nid == NID_pkcs7_data;
    ASN1_OCTET_STRING **content = CMS_get0_content(s->cms);
    if (OBJ_obj2nid(CMS_get0_eContentType(s->cms)) != content_nid)
        return err_set(err, ERR_MALFORMED, "the %s is of another kind of content", what);
    if (detached == (content && *content))
        return err_set(err, ERR_UNSUPPORTED, "the %s %s", what,
                       detached ? "has the content inside; it must be apart" : "has no content");
    if (!frame_ok(s->si, der, n, &version, &signer_version) ||
        (strict && !encodes_to(s->cms, der, n)))
        return seal_fail(err, ERR_MALFORMED, "the %s is not in DER", what);
    /* RFC 5652, 5.1 and 5.3, with X.509 certificates only. */
    ASN1_OCTET_STRING *keyid = NULL;
    X509_NAME *issuer = NULL;
    CMS_SignerInfo_get0_signer_id(s->si, &keyid, &issuer, NULL);
    if (!(signer_version == (keyid ? 3 : 1) &&
          version == (keyid || content_nid != NID_pkcs7_data ? 3 : 1)))
        return err_set(err, ERR_MALFORMED, "the %s has a version that its form does not have",
                       what);
    if (!issuer_spelled_ok(s))
        return err_set(err, ERR_MALFORMED, "the %s names its signer otherwise than the certificate",
                       what);
    if (!algorithms_ok(s, strict))
        return seal_fail(err, ERR_UNSUPPORTED,
                         "the %s is by another algorithm than SHA-2 with RSA or ECDSA", what);
    if (CMS_signed_get_attr_count(s->si) < 1)
        return err_set(err, ERR_UNSUPPORTED, "the %s has no signed attributes", what);
    return ERR_OK;
}

int signed_data_open(struct signed_data *out, const uint8_t *der, size_t n, const char *what,
                     int content_nid, bool strict, struct err *err)
{
    *out = (struct signed_data){0};
    ERR_clear_error();
    int rc = parse(out, der, n, what, err);
    if (rc == ERR_OK && (rc = find_signer(out, what, err)) == ERR_OK)
        rc = judge(out, der, n, what, content_nid, strict, err);
    if (rc < 0)
        signed_data_clear(out);
    return rc;
}

void signed_data_clear(struct signed_data *s)
{
    sk_X509_pop_free(s->certs, X509_free);
    CMS_ContentInfo_free(s->cms);
    *s = (struct signed_data){0};
    ERR_clear_error();
}

/* Which of the two it is: a key that does not fit, or content that is not what was signed. */
static const char *reason(struct signed_data *s)
{
    bool fits = CMS_SignerInfo_verify(s->si) == 1;
    ERR_clear_error();
    return fits ? "the content was changed after it was signed, or is other content"
                : "the signature was changed, or made with another key than the certificate's";
}

/* The content to be verified. Behind a filter: OpenSSL 3.0 puts a BIO of its own in front of one on
 * memory, and loses it if the digest is unknown. The caller's (BIO_free_all). */
static BIO *content_bio(const void *content, size_t n)
{
    BIO *filter = BIO_new(BIO_f_buffer()), *memory = BIO_new_mem_buf(content, (int)n);
    if (filter && memory)
        return BIO_push(filter, memory);
    BIO_free(filter);
    BIO_free(memory);
    return NULL;
}

bool signed_data_verify(struct signed_data *s, const void *content, size_t n,
                        char why[SEAL_TEXT_ROOM])
{
    enum { FLAGS = CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY };
    BIO *bio = content ? content_bio(content, n) : NULL;
    const ASN1_OBJECT *type = attribute(s->si, NID_pkcs9_contentType, V_ASN1_OBJECT);
    int bound = certificate_bound(s);
    bool good = false;
    if (!type || OBJ_cmp(type, CMS_get0_eContentType(s->cms)) != 0)
        snprintf(why, SEAL_TEXT_ROOM, "what was signed is of another kind of content");
    else if (content && !bio)
        snprintf(why, SEAL_TEXT_ROOM, "no memory to verify");
    else if (CMS_verify(s->cms, NULL, NULL, bio, NULL, FLAGS) != 1)
        snprintf(why, SEAL_TEXT_ROOM, "%s", reason(s));
    else if (!seal_key_strong(X509_get0_pubkey(s->cert)))
        snprintf(why, SEAL_TEXT_ROOM, "its key of %d bits is too short: anybody could have made it",
                 EVP_PKEY_get_bits(X509_get0_pubkey(s->cert)));
    else if (bound < 0)
        snprintf(why, SEAL_TEXT_ROOM, "the certificate is not the one that was signed with");
    else
        good = true;
    s->bound = good && (bound > 0 || X509_self_signed(s->cert, 1) == 1);
    if (good)
        why[0] = '\0';
    BIO_free_all(bio);
    ERR_clear_error();
    return good;
}
