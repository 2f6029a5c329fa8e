/* networks: addresses that a setting names. */
#include "dashspool/listen.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As 16 bytes; of IPv4, mapped. */
static bool read_address(const char *text, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    memcpy(out, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, out + sizeof mapped) == 1;
}

bool network_is_address(const char *text)
{
    uint8_t address[16];
    return read_address(text, address);
}

static int read_one(const char *text, size_t n, struct network *out, struct err *err)
{
    char address[64];
    snprintf(address, sizeof address, "%.*s", (int)n, text);
    char *slash = strchr(address, '/'), *end = NULL;
    if (slash)
        *slash = '\0';
    long most = strchr(address, ':') ? 128 : 32, bits = slash ? strtol(slash + 1, &end, 10) : most;
    if (n >= sizeof address || !read_address(address, out->address) || bits < 0 || bits > most ||
        (slash && (*end || end == slash + 1)))
        return err_set(err, ERR_CONFIG,
                       "expected addresses or networks, separated by commas: 127.0.0.1, "
                       "10.0.0.0/8, fd00::/8");
    out->bits = (unsigned)(bits + 128 - most);
    return ERR_OK;
}

int networks_read(struct networks *out, const char *text, struct err *err)
{
    *out = (struct networks){.n = 0};
    for (text += strspn(text, " ,"); *text; text += strspn(text, " ,")) {
        size_t n = strcspn(text, " ,");
        if (out->n == NETWORKS_MAX)
            return err_set(err, ERR_CONFIG, "expected at most %d addresses", NETWORKS_MAX);
        int rc = read_one(text, n, &out->of[out->n++], err);
        if (rc < 0)
            return rc;
        text += n;
    }
    return ERR_OK;
}

int networks_check(const char *value, struct err *err)
{
    struct networks unused;
    return networks_read(&unused, value, err);
}

static bool is_in(const struct network *of, const uint8_t address[16])
{
    for (unsigned bit = 0; bit < of->bits; bit += 8) {
        unsigned left = of->bits - bit, mask = left >= 8 ? 0xffu : 0xffu << (8 - left) & 0xffu;
        if ((of->address[bit / 8] ^ address[bit / 8]) & mask)
            return false;
    }
    return true;
}

bool networks_have(const struct networks *all, const char *address)
{
    uint8_t bytes[16];
    if (!read_address(address, bytes))
        return false;
    for (size_t i = 0; i < all->n; i++)
        if (is_in(&all->of[i], bytes))
            return true;
    return false;
}
