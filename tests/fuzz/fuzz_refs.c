/* References of hostile parameter sets and slice headers: they lead to pictures that are there, and
 * to earlier ones; who has none that is missing refers to what was kept. */
#include "footage/media/damage.h"
#include "footage/media/refs.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { PICTURES_MAX = 500 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct media_picture picture[PICTURES_MAX];
    struct media m = {.map = data, .n = n, .container = MEDIA_ANNEXB, .picture = picture};
    struct nal_scan scan = nal_scan_init(data, n);
    struct annexb_au au;
    struct err err;
    while (m.n_pictures < PICTURES_MAX && annexb_next(&scan, &au))
        picture[m.n_pictures++] = (struct media_picture){.offset = au.offset,
                                                         .n = au.n,
                                                         .head = au.head,
                                                         .missing = au.n % 5 == 0,
                                                         .repeat = au.n % 11 == 0,
                                                         .key = nal_is_irap(au.type)};
    if (m.n_pictures == 0 || refs_find(&m, &err) < 0)
        return 0;
    for (int64_t i = 0; i < m.n_pictures; i++) {
        const struct media_picture *p = &picture[i];
        if (p->n_refs < 0 || p->ref_at < 0 || p->ref_at + p->n_refs > m.n_refs)
            abort();
        for (int k = 0; k < p->n_refs; k++)
            if (m.ref[p->ref_at + k] < 0 || m.ref[p->ref_at + k] >= i)
                abort();
    }
    damage_mark(&picture[data[n / 2] % m.n_pictures], "for a reason");
    damage_settle(&m);
    if (m.damage.affected > m.n_pictures)
        abort();
    free(m.ref);
    return 0;
}
