/*
 * bits: numbers of parameter sets, slice headers and SEI messages as H.265 writes them (9.2), from
 * the content of a NAL unit (nal_content()). Pure. What is behind the end, or larger than its
 * reader allows, is 0 and sets `bad`, which stays: ask once, behind the last number.
 */
#ifndef MEDIA_BITS_H
#define MEDIA_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
    const uint8_t *p; /* borrowed */
    size_t n, at;     /* in bits */
    bool bad;
};

static inline struct bits bits_init(const uint8_t *p, size_t bytes)
{
    return (struct bits){.p = p, .n = 8 * bytes};
}

unsigned bits_flag(struct bits *b);
unsigned bits_u(struct bits *b, int n);         /* u(n), n up to 32 */
unsigned bits_ue(struct bits *b, unsigned max); /* ue(v), Exp-Golomb, 0..max */
int bits_se(struct bits *b, int max);           /* se(v), -max..max */
void bits_skip(struct bits *b, size_t n);
void bits_skip_profile(struct bits *b, int sub_layers); /* profile_tier_level(1, 0..7), 7.3.3 */

#endif
