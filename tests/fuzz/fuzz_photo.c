/* Any bytes as a photo, through every reader of JPEG and Exif that we have: where it ends, what is
 * in it, and the still copy, plain and with a mask. A copy that was made can be read without a
 * complaint. Large photos are left out: they only take longer. */
#define _GNU_SOURCE /* memfd_create */
#include "dashspool/convert.h"
#include "footage/media/photo.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <turbojpeg.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define PIXELS_MAX 100000

static char stage[4096];

static void must(bool good)
{
    if (!good)
        abort();
}

static void remove_stage(void)
{
    rmdir(stage);
}

static bool is_small(const uint8_t *data, size_t n)
{
    int width = 0, height = 0, sampling, space;
    tjhandle tj = tjInitDecompress();
    tjDecompressHeader3(tj, data, (unsigned long)n, &width, &height, &sampling, &space);
    tjDestroy(tj);
    return width <= PIXELS_MAX && height <= PIXELS_MAX && (long)width * height <= PIXELS_MAX;
}

/* Whole, without a sign of damage, and as large as was told. */
static void must_read_back(const char *path, const struct convert_result *r, bool masked)
{
    static struct photo photo;
    struct media_ending ending;
    struct err err;
    int fd = open(path, O_RDONLY);
    off_t n = lseek(fd, 0, SEEK_END);
    void *map = mmap(NULL, (size_t)n, PROT_READ, MAP_PRIVATE, fd, 0);
    must(fd >= 0 && map != MAP_FAILED);
    must(photo_open(&photo, map, (size_t)n, &err) == ERR_OK && !photo.errors.damaged);
    must(photo.width_px == r->width_px && photo.height_px == r->height_px);
    photo_close(&photo);
    must(media_ending(fd, n, &ending, &err) == ERR_OK && ending.photo);
    must(ending.end == MEDIA_END_WELL && (ending.ours || !masked));
    munmap(map, (size_t)n);
    close(fd);
}

static void copy(const char *path, bool masked)
{
    const struct media_facts facts = {
        .id = "id", .imei = "350612071913857", .has_time = true, .has_position = true};
    struct convert_options options = {.copies = COPY_STILL, .n_masks = masked};
    static struct convert_result result;
    struct err err;
    options.mask[0] = (struct convert_mask){.x = 3, .y = 1, .w = 9, .h = 20};
    int rc =
        convert_prepare(path, stage, stage, "copy", &facts, &options, NULL, NULL, &result, &err);
    for (int i = 0; i < result.n_outputs; i++) {
        if (rc == ERR_OK)
            must_read_back(result.output[i].path, &result, masked);
        unlink(result.output[i].path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct media_facts nothing;
    static const struct media_options no_word;
    static struct media_probe probe;
    static int fd = -1;
    char path[32];
    struct err err;
    struct media_ending ending;
    if (n < 3 || data[0] != 0xff || data[1] != 0xd8 || data[2] != 0xff || !is_small(data, n))
        return 0;
    if (fd < 0) {
        const char *tmp = getenv("TMPDIR");
        snprintf(stage, sizeof stage, "%s/fuzz_photo.XXXXXX", tmp ? tmp : "/tmp");
        must(mkdtemp(stage) && atexit(remove_stage) == 0);
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    }
    must(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, n, 0) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = media_ending(fd, (int64_t)n, &ending, &err);
    must(rc != ERR_OK || strlen(ending.note) < sizeof ending.note);
    rc = media_probe(path, &nothing, &no_word, true, &probe, &err);
    must(rc != ERR_OK || probe.container == MEDIA_JPEG);
    copy(path, false);
    copy(path, true);
    return 0;
}
