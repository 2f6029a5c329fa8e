/* An Exif block in hostile bytes: every value that is kept lies in the data; with facts added it is
 * written, and what was written can be read without a complaint. */
#include "footage/convert/exif.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static unsigned touch(const struct exif *e)
{
    unsigned sum = 0;
    for (int dir = 0; dir < EXIF_N_DIRS; dir++)
        for (int i = 0; i < e->dir[dir].n; i++)
            for (size_t k = 0; k < e->dir[dir].entry[i].n; k++)
                sum += e->dir[dir].entry[i].value[k];
    return sum + (unsigned)exif_orientation(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct exif e, back;
    struct media_facts facts = {.id = "id", .imei = "1", .has_time = true, .has_position = true};
    struct err err;
    struct buf out;
    const char *why;
    bool read = exif_parse(&e, data, n, &why);
    if (read == (why != NULL))
        abort();
    volatile unsigned keep = touch(&e); /* the reads count */
    int before = e.damaged;
    exif_set_facts(&e, &facts, 16, 16);
    buf_init(&out, 1 << 20);
    if (exif_write(&e, &out, &err) == ERR_OK && e.damaged == before) {
        if (!exif_parse(&back, buf_data(&out) + EXIF_HEAD_BYTES, out.used - EXIF_HEAD_BYTES,
                        &why) ||
            back.damaged || exif_orientation(&back) != exif_orientation(&e))
            abort();
        keep = touch(&back);
    }
    (void)keep;
    buf_clear(&out);
    return 0;
}
