/* key: a signer's private key with its certificates. */
#ifndef DASHSPOOL_SEAL_KEY_H
#define DASHSPOOL_SEAL_KEY_H

#include "seal_internal.h"

struct seal_key {
    EVP_PKEY *pkey;
    X509 *cert;
    STACK_OF(X509) * between; /* other certificates to hand along */
};

#endif
