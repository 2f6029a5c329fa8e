/*
 * hash: SHA-256 (FIPS 180-4), streaming, by OpenSSL.
 */
#ifndef DASHSPOOL_HASH_H
#define DASHSPOOL_HASH_H

#include "dashspool/err.h"
#include <stddef.h>
#include <stdint.h>

#define HASH_BYTES    32
#define HASH_HEX_ROOM 65 /* 64 lower-case digits and NUL */

struct hash;

int hash_new(struct hash **out, struct err *err) DS_MUST_CHECK;
void hash_free(struct hash **h);

/* Cannot fail on a fresh or running hash; a library failure is found out by hash_final(). */
void hash_update(struct hash *h, const void *data, size_t n);

/* The digest; the hash starts anew afterwards. */
int hash_final(struct hash *h, uint8_t out[HASH_BYTES], struct err *err) DS_MUST_CHECK;

int hash_file(const char *path, uint8_t out[HASH_BYTES], struct err *err) DS_MUST_CHECK;

/* The digest of n bytes as text. */
int hash_text(const void *data, size_t n, char out[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* HMAC-SHA-256 (RFC 2104) of n bytes; out may be the key. */
int hash_hmac(const void *key, size_t key_n, const void *data, size_t n, uint8_t out[HASH_BYTES],
              struct err *err) DS_MUST_CHECK;

void hash_hex(const uint8_t digest[HASH_BYTES], char out[HASH_HEX_ROOM]);

/* Any bytes as lower-case hex; room must be at least 2 * n + 1. */
void hash_hex_bytes(const uint8_t *data, size_t n, char *out, size_t room);

#endif
