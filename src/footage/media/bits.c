#include "bits.h"

unsigned bits_flag(struct bits *b)
{
    if (b->at >= b->n) {
        b->bad = true;
        return 0;
    }
    unsigned v = (unsigned)b->p[b->at / 8] >> (7 - b->at % 8) & 1u;
    b->at++;
    return v;
}

unsigned bits_u(struct bits *b, int n)
{
    unsigned v = 0;
    for (int i = 0; i < n; i++)
        v = v << 1 | bits_flag(b);
    return v;
}

unsigned bits_ue(struct bits *b, unsigned max)
{
    int zeros = 0;
    while (zeros < 31 && !b->bad && !bits_flag(b))
        zeros++;
    unsigned v = (1u << zeros) - 1 + bits_u(b, zeros);
    if (v > max)
        b->bad = true;
    return b->bad ? 0 : v;
}

int bits_se(struct bits *b, int max)
{
    unsigned v = bits_ue(b, 2 * (unsigned)max);
    return v & 1 ? (int)(v / 2 + 1) : -(int)(v / 2);
}

void bits_skip(struct bits *b, size_t n)
{
    b->at += n;
    b->bad = b->bad || b->at > b->n;
}

void bits_skip_profile(struct bits *b, int sub_layers)
{
    bool profile[8] = {0}, level[8] = {0};
    bits_skip(b, 96);
    for (int i = 0; i < sub_layers; i++) {
        profile[i] = bits_flag(b);
        level[i] = bits_flag(b);
    }
    if (sub_layers > 0)
        bits_skip(b, 2 * (size_t)(8 - sub_layers));
    for (int i = 0; i < sub_layers; i++)
        bits_skip(b, (profile[i] ? 88u : 0u) + (level[i] ? 8u : 0u));
}
