#include "proxy.h"
#include <netinet/in.h>
#include <string.h>

static const uint8_t signature[PROXY_SIGNATURE_BYTES] = "\r\n\r\n\0\r\nQUIT\n";

enum {
    VERSION_2 = 0x20, /* in the upper half */
    LOCAL = 0,        /* commands, in the lower one */
    PROXY = 1,
    UNSPEC = 0x00, /* families and transports */
    TCP4 = 0x11,
    TCP6 = 0x21,
    TCP4_BYTES = 12, /* two addresses, two ports */
    TCP6_BYTES = 36,
};

bool proxy_is_header(const uint8_t *data, size_t n)
{
    return n >= sizeof signature && memcmp(data, signature, sizeof signature) == 0;
}

static size_t rest_bytes(const struct proxy_header *h)
{
    return (size_t)h->bytes[14] << 8 | h->bytes[15];
}

/* What of an address each family has; 0: there is none to read. ERR_MALFORMED. */
static int address_bytes(const struct proxy_header *h, size_t *out, struct err *err)
{
    unsigned command = h->bytes[12] & 0x0f, family = h->bytes[13];
    *out = 0;
    if ((h->bytes[12] & 0xf0) != VERSION_2 || command > PROXY)
        return err_set(err, ERR_MALFORMED, "PROXY header: version and command 0x%02x are unknown",
                       h->bytes[12]);
    if (rest_bytes(h) > PROXY_REST_MAX)
        return err_set(err, ERR_MALFORMED, "PROXY header: %zu bytes, more than %d", rest_bytes(h),
                       PROXY_REST_MAX);
    if (command == LOCAL || family == UNSPEC)
        return ERR_OK;
    if (family != TCP4 && family != TCP6)
        return err_set(err, ERR_MALFORMED, "PROXY header: 0x%02x is neither TCP4 nor TCP6", family);
    *out = family == TCP4 ? TCP4_BYTES : TCP6_BYTES;
    if (rest_bytes(h) < *out)
        return err_set(err, ERR_MALFORMED, "PROXY header: %zu bytes, too short for its addresses",
                       rest_bytes(h));
    return ERR_OK;
}

/* Both are as they are on the wire. */
static void take_address(const struct proxy_header *h, size_t n, struct sockaddr_storage *from,
                         size_t *from_bytes)
{
    const uint8_t *p = h->bytes + PROXY_FIXED_BYTES;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    memset(from, 0, sizeof *from);
    *from_bytes = 0;
    if (n == TCP4_BYTES) {
        memcpy(&v4.sin_addr, p, 4);
        memcpy(&v4.sin_port, p + 8, 2);
        memcpy(from, &v4, *from_bytes = sizeof v4);
    } else if (n == TCP6_BYTES) {
        memcpy(&v6.sin6_addr, p, 16);
        memcpy(&v6.sin6_port, p + 32, 2);
        memcpy(from, &v6, *from_bytes = sizeof v6);
    }
}

/* Takes until `until` bytes of the header are there; what has no room is passed over. False: more
 * is to come. */
static bool take(struct proxy_header *h, size_t until, const uint8_t **data, size_t *n)
{
    size_t more = until > h->have ? until - h->have : 0, got = more < *n ? more : *n;
    size_t room = h->have < sizeof h->bytes ? sizeof h->bytes - h->have : 0;
    memcpy(h->bytes + (room ? h->have : 0), *data, got < room ? got : room);
    h->have = (uint16_t)(h->have + got);
    *data += got;
    *n -= got;
    return got == more;
}

int proxy_feed(struct proxy_header *h, const uint8_t **data, size_t *n,
               struct sockaddr_storage *from, size_t *from_bytes, struct err *err)
{
    size_t address;
    bool whole = take(h, PROXY_FIXED_BYTES, data, n);
    size_t known = h->have < sizeof signature ? h->have : sizeof signature;
    *from_bytes = 0;
    if (memcmp(h->bytes, signature, known) != 0) /* said at the first byte that is wrong */
        return err_set(err, ERR_MALFORMED,
                       h->bytes[0] == 'P'
                           ? "PROXY header of version 1; let the load balancer send version 2"
                           : "no PROXY header from an address of proxy_from");
    if (!whole)
        return ERR_OK;
    int rc = address_bytes(h, &address, err);
    if (rc < 0 || !take(h, PROXY_FIXED_BYTES + rest_bytes(h), data, n))
        return rc;
    take_address(h, address, from, from_bytes);
    h->state = PROXY_DONE;
    return ERR_OK;
}
