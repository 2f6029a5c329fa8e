#include "seal_internal.h"
#include <limits.h>
#include <openssl/err.h>
#include <string.h>

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
