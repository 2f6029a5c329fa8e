#include "dashspool/wire.h"
#include <pthread.h>
#include <string.h>

/*
 * Eight bytes a step ("slicing-by-8": M. Kounavis and F. Berry, "A Systematic Approach to Building
 * High Performance Software-based CRC Generators", 2005). table[k][b] is the CRC of byte b followed
 * by k zero bytes.
 */
enum { SLICES = 8, POLYNOMIAL = 0x8408 };

static uint16_t table[SLICES][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
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
}

uint16_t wire_crc(uint16_t seed, const void *data, size_t n)
{
    pthread_once(&table_once, make_table);
    const uint8_t *p = data;
    unsigned crc = seed;
    for (; n >= SLICES; n -= SLICES, p += SLICES) {
        crc = (unsigned)(table[7][(p[0] ^ crc) & 0xff] ^ table[6][(p[1] ^ crc >> 8) & 0xff] ^
                         table[5][p[2]] ^ table[4][p[3]] ^ table[3][p[4]] ^ table[2][p[5]] ^
                         table[1][p[6]] ^ table[0][p[7]]);
    }
    for (; n > 0; n--, p++)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
    return (uint16_t)crc;
}
