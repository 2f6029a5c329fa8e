#include "dashspool/wire.h"
#include <pthread.h>
#include <string.h>
#if defined __x86_64__
#include <immintrin.h>
#endif

/*
 * The CRC of the cameras (docs/protocol.md): polynomial x^16 + x^12 + x^5 + 1, the least
 * significant bit first. Two ways to the same value:
 *
 *   by table    eight bytes a step ("slicing-by-8": M. Kounavis and F. Berry, "A Systematic
 *               Approach to Building High Performance Software-based CRC Generators", 2005).
 *               table[k][b] is the CRC of byte b followed by k zero bytes.
 *   by product  where the processor multiplies without carries (PCLMULQDQ): 64 bytes a step
 *               (V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 *               Instruction", Intel, 2009). What is left, 16 bytes with the same CRC, is for the
 *               table.
 */
enum { SLICES = 8, POLYNOMIAL = 0x8408 };

static uint16_t table[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint16_t by_table(unsigned crc, const uint8_t *p, size_t n)
{
    for (; n >= SLICES; n -= SLICES, p += SLICES) {
        crc = (unsigned)(table[7][(p[0] ^ crc) & 0xff] ^ table[6][(p[1] ^ crc >> 8) & 0xff] ^
                         table[5][p[2]] ^ table[4][p[3]] ^ table[3][p[4]] ^ table[2][p[5]] ^
                         table[1][p[6]] ^ table[0][p[7]]);
    }
    for (; n > 0; n--, p++)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
    return (uint16_t)crc;
}

#if defined __x86_64__

enum { STEP = 64, LANE = 16, LANES = STEP / LANE };

static bool can_multiply;

/*
 * A lane is 128 bits, the first bit of its first byte the coefficient of x^127. Moved ahead by
 * `bits`, its first eight bytes are worth x^(bits + 64), the others x^bits; the product of two
 * numbers written that way round stands one place too low, hence the - 1. Both factors modulo the
 * polynomial, in the upper 16 of 64 bits.
 */
struct ahead {
    uint64_t first, second;
};
static struct ahead by_step, by_lane;

/* x^n modulo the polynomial, written as a lane's half. */
static uint64_t power(unsigned n)
{
    unsigned r = 0x8000; /* x^0 */
    for (; n > 0; n--)
        r = r & 1 ? r >> 1 ^ POLYNOMIAL : r >> 1;
    return (uint64_t)r << 48;
}

static struct ahead ahead(unsigned bits)
{
    return (struct ahead){power(bits + 64 - 1), power(bits - 1)};
}

__attribute__((target("pclmul"))) static __m128i move_ahead(__m128i lane, __m128i by)
{
    return _mm_xor_si128(_mm_clmulepi64_si128(lane, by, 0x00),
                         _mm_clmulepi64_si128(lane, by, 0x11));
}

/* n at least STEP. */
__attribute__((target("pclmul"))) static uint16_t by_product(uint16_t seed, const uint8_t *p,
                                                             size_t n)
{
    const __m128i step = _mm_set_epi64x((long long)by_step.second, (long long)by_step.first);
    const __m128i one = _mm_set_epi64x((long long)by_lane.second, (long long)by_lane.first);
    __m128i lane[LANES];
    uint8_t rest[LANE];
    memcpy(lane, p, STEP);
    lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi32_si128(seed));
    for (p += STEP, n -= STEP; n >= STEP; p += STEP, n -= STEP)
        for (int i = 0; i < LANES; i++) {
            __m128i next;
            memcpy(&next, p + i * LANE, LANE);
            lane[i] = _mm_xor_si128(move_ahead(lane[i], step), next);
        }
    for (int i = 1; i < LANES; i++)
        lane[i] = _mm_xor_si128(move_ahead(lane[i - 1], one), lane[i]);
    memcpy(rest, &lane[LANES - 1], LANE);
    return by_table(by_table(0, rest, LANE), p, n);
}

#endif

static void prepare(void)
{
    for (unsigned b = 0; b < 256; b++) {
        unsigned crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        table[0][b] = (uint16_t)crc;
    }
    for (int k = 1; k < SLICES; k++)
        for (unsigned b = 0; b < 256; b++)
            table[k][b] = (uint16_t)(table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff]);
#if defined __x86_64__
    can_multiply = __builtin_cpu_supports("pclmul");
    by_step = ahead(STEP * 8);
    by_lane = ahead(LANE * 8);
#endif
}

uint16_t wire_crc(uint16_t seed, const void *data, size_t n)
{
    pthread_once(&once, prepare);
#if defined __x86_64__
    if (n >= STEP && can_multiply)
        return by_product(seed, data, n);
#endif
    return by_table(seed, data, n);
}
