/* What a tracker answers: any bytes are of one class, with all that belongs to it, and are shown in
 * one line that fits. The first byte chooses the command, the second the room. */
#include "dashspool/camreq.h"
#include "dashspool/text.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good)
{
    if (!good)
        abort();
}

static void judge(const struct camreq_answer *a)
{
    bool repeats = a->class == CAMREQ_TEMPORARY || a->class == CAMREQ_NO_CAMERA;
    must((unsigned)a->class < CAMREQ_N_CLASSES);
    must((a->class == CAMREQ_UNKNOWN) == (a->means[0] == '\0'));
    must(a->time_s >= 0 && a->time_s <= INT64_C(9999999999));
    must(a->time_s == 0 || a->class == CAMREQ_ACCEPTED);
    must(repeats == (a->repeats > 0));
    must(a->repeat_s >= 0 && (!repeats || a->repeat_s > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct camreq_answer half, whole;
    char words[16 + 255];
    if (n < 2)
        return 0;
    enum camreq_kind kind = (enum camreq_kind)(data[0] % CAMREQ_N_KINDS);
    size_t room = 16 + data[1];
    camreq_answer(kind, data + 2, n - 2, false, &half);
    camreq_answer(kind, data + 2, n - 2, true, &whole);
    judge(&half);
    judge(&whole);
    must(half.class == CAMREQ_UNKNOWN ||
         (half.class == whole.class && half.time_s == whole.time_s));
    must(camreq_words(data + 2, n - 2, words, room) == words && strlen(words) < room);
    uint32_t c;
    for (const char *p = words; *p;) {
        size_t k = utf8_next(p, strlen(p), &c);
        must(k > 0 && !text_hidden(c));
        p += k;
    }
    return 0;
}
