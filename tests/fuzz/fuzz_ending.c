/* Where any bytes end, read from a file; the file may be shorter than was told. */
#define _GNU_SOURCE /* memfd_create */
#include "dashspool/media.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static int fd = -1;
    struct err err;
    struct media_ending e;
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, n, 0) == (ssize_t)n);
    if (media_ending(fd, (int64_t)n, &e, &err) == ERR_OK)
        must(strlen(e.note) < sizeof e.note && (e.end == MEDIA_END_WELL) == !e.note[0]);
    if (n < 1024 * 1024) /* what is looked at in any case */
        must(media_ending(fd, (int64_t)n + 1, &e, &err) == ERR_AGAIN);
    return 0;
}
