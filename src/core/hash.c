#include "dashspool/hash.h"
#include "dashspool/fsx.h"
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hash {
    EVP_MD_CTX *ctx;
    bool failed;
};

int hash_new(struct hash **out, struct err *err)
{
    *out = NULL;
    struct hash *h = calloc(1, sizeof *h);
    if (h)
        h->ctx = EVP_MD_CTX_new();
    if (!h || !h->ctx) {
        hash_free(&h);
        return err_nomem(err, "a hash");
    }
    if (EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
        hash_free(&h);
        return err_set(err, ERR_UNSUPPORTED, "OpenSSL has no SHA-256");
    }
    *out = h;
    return ERR_OK;
}

void hash_free(struct hash **h)
{
    if (!h || !*h)
        return;
    EVP_MD_CTX_free((*h)->ctx);
    free(*h);
    *h = NULL;
}

void hash_update(struct hash *h, const void *data, size_t n)
{
    if (EVP_DigestUpdate(h->ctx, data, n) != 1)
        h->failed = true;
}

int hash_final(struct hash *h, uint8_t out[HASH_BYTES], struct err *err)
{
    bool ok = !h->failed && EVP_DigestFinal_ex(h->ctx, out, NULL) == 1 &&
              EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) == 1;
    h->failed = false;
    return ok ? ERR_OK : err_set(err, ERR_UNSUPPORTED, "OpenSSL failed to compute SHA-256");
}

static int add_piece(void *arg, const void *data, size_t n, struct err *err)
{
    (void)err;
    hash_update(arg, data, n);
    return ERR_OK;
}

int hash_file(const char *path, uint8_t out[HASH_BYTES], struct err *err)
{
    struct hash *h = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    int rc = hash_new(&h, err);
    if (rc == ERR_OK && (rc = fsx_read_pieces(fd, path, add_piece, h, err)) == ERR_OK)
        rc = hash_final(h, out, err);
    hash_free(&h);
    close(fd);
    return rc;
}

int hash_hmac(const void *key, size_t key_n, const void *data, size_t n, uint8_t out[HASH_BYTES],
              struct err *err)
{
    unsigned got = 0;
    uint8_t digest[HASH_BYTES];
    if (key_n > INT_MAX || !HMAC(EVP_sha256(), key, (int)key_n, data, n, digest, &got) ||
        got != HASH_BYTES)
        return err_set(err, ERR_UNSUPPORTED, "OpenSSL failed to compute HMAC-SHA-256");
    memcpy(out, digest, sizeof digest);
    return ERR_OK;
}

void hash_hex_bytes(const uint8_t *data, size_t n, char *out, size_t room)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;
    for (size_t i = 0; i < n && used + 2 < room; i++) {
        out[used++] = digits[data[i] >> 4];
        out[used++] = digits[data[i] & 15];
    }
    if (room)
        out[used] = '\0';
}

void hash_hex(const uint8_t digest[HASH_BYTES], char out[HASH_HEX_ROOM])
{
    hash_hex_bytes(digest, HASH_BYTES, out, HASH_HEX_ROOM);
}

int hash_text(const void *data, size_t n, char out[HASH_HEX_ROOM], struct err *err)
{
    struct hash *h = NULL;
    uint8_t digest[HASH_BYTES];
    int rc = hash_new(&h, err);
    if (rc < 0)
        return rc;
    hash_update(h, data, n);
    rc = hash_final(h, digest, err);
    hash_free(&h);
    if (rc == ERR_OK)
        hash_hex(digest, out);
    return rc;
}
