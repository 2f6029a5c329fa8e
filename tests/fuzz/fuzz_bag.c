/* A package from anywhere, as a zip: what is handed out keeps the promises of the door. */
#define _GNU_SOURCE /* memfd_create() */
#include "dashspool/bag.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct state {
    int64_t left, bytes;
    bool open;
    uint8_t touched;
};

static void must(bool good)
{
    if (!good)
        abort();
}

static int begin(void *arg, const char *name, int64_t size, struct err *err)
{
    struct state *s = arg;
    char framed[BAG_READ_NAME_ROOM + 2];
    (void)err;
    must(!s->open && size >= 0 && name[0] && strlen(name) < BAG_READ_NAME_ROOM);
    snprintf(framed, sizeof framed, "/%s/", name);
    must(!strstr(framed, "//") && !strstr(framed, "/./") && !strstr(framed, "/../"));
    for (const char *p = name; *p; p++)
        must(*p != '\\' && *p != 0x7f && (unsigned char)*p >= 0x20);
    *s = (struct state){size, s->bytes + size, true, s->touched};
    return ERR_OK;
}

static int more(void *arg, const uint8_t *data, size_t n, struct err *err)
{
    struct state *s = arg;
    (void)err;
    must(s->open && n > 0 && (int64_t)n <= s->left);
    s->touched ^= (uint8_t)(data[0] ^ data[n - 1]);
    s->left -= (int64_t)n;
    return ERR_OK;
}

static int end(void *arg, struct err *err)
{
    struct state *s = arg;
    (void)err;
    must(s->open && s->left == 0);
    s->open = false;
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct bag_reader fns = {.begin = begin, .data = more, .end = end};
    static const struct bag_limits limits = {.entries = 50, .bytes = 1 << 20};
    struct state s = {0};
    struct err err = {0};
    char path[64];
    int fd = memfd_create("package", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = bag_read(path, &limits, &fns, &s, &err);
    must(rc < 0 ? rc == err.code && err.text[0] : !s.open);
    must(s.bytes <= limits.bytes);
    close(fd);
    return 0;
}
