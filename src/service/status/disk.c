/* The disk, and what of ROOT is on it, as far as that is known without reading a million files. */
#define _DEFAULT_SOURCE /* DT_DIR */
#include "status_internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { ENTRIES_MAX = 4000, DEPTH_MAX = 6 };

struct sum {
    int64_t bytes;
    int entries;
    bool more; /* there are others */
};

static void add_dir(struct sum *sum, int parent, const char *name, int depth);

static void add_entry(struct sum *sum, int dir, const char *name, int depth)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    sum->bytes += (int64_t)st.st_blocks * 512;
    if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
        add_dir(sum, dir, name, depth + 1);
}

/* What lies below it, on the disk; ENTRIES_MAX of it. */
static void add_dir(struct sum *sum, int parent, const char *name, int depth)
{
    struct dirent *e;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while (!sum->more && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        sum->more = ++sum->entries > ENTRIES_MAX;
        if (!sum->more)
            add_entry(sum, dirfd(d), e->d_name, depth);
    }
    closedir(d);
}

static int64_t tree(int root, const char *name, bool *more)
{
    struct sum sum = {0};
    struct stat st;
    if (fstatat(root, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    add_dir(&sum, root, name, 0);
    *more = sum.more;
    return sum.bytes;
}

/* The day files: a few hundred. */
static int64_t raw_bytes(int root)
{
    bool more = false;
    int64_t bytes = tree(root, "raw", &more);
    return more ? -1 : bytes;
}

/* What comes in a day, with the copies that are made of it. */
static void forecast(const struct status *s, struct disk *d)
{
    const struct catalogue_totals *n = &s->totals;
    d->days_left = -1;
    if (!s->have_totals || n->first_us == 0)
        return;
    double days = (double)(s->now_us - n->first_us) / (double)STATUS_DAY_US;
    double with_copies =
        n->bytes > 0 && d->archive > 0 ? 1 + (double)d->archive / (double)n->bytes : 1;
    days = days < 1 ? 1 : days > 7 ? 7 : days; /* of the first day nobody knows how it goes on */
    d->a_day = (int64_t)((double)n->since_bytes * with_copies / days);
    if (d->a_day > 0 && d->free >= 0)
        d->days_left =
            (double)(d->free > d->min_free ? d->free - d->min_free : 0) / (double)d->a_day;
}

void collect_disk(struct status *s, const struct cfg *cfg)
{
    struct disk *d = &s->disk;
    struct statvfs v;
    int root = open(s->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d->min_free = cfg_int(cfg, "receive", "min_free_mib") << 20;
    d->warn_free = cfg_int(cfg, "retention", "warn_free_mib") << 20;
    d->delete_free = cfg_int(cfg, "retention", "delete_free_mib") << 20;
    if (root < 0)
        return;
    if (fstatvfs(root, &v) == 0) {
        d->bytes = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
        d->free = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    }
    d->raw = raw_bytes(root);
    d->spool = tree(root, "spool", &d->spool_more);
    d->packages = tree(root, "packages", &d->packages_more);
    close(root);
    forecast(s, d);
}
