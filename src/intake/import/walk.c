#define _GNU_SOURCE /* O_PATH */
/* Which files in a folder may be footage, and their paths as text. */
#include "dashspool/copy_kind.h"
#include "dashspool/fsx.h"
#include "dashspool/import.h"
#include "dashspool/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of the character at p; 0: none that can be shown. */
static size_t character(const char *p)
{
    uint32_t c = 0;
    size_t bytes = utf8_next(p, 4, &c);
    return c < 0x20 || c == '\\' || (c >= 0x7f && c < 0xa0) ? 0 : bytes;
}

/* Writes what fits, whole characters. */
static size_t escape(const char *path, char *out, size_t room)
{
    const char *p = path;
    size_t used = 0;
    while (*p) {
        size_t n = character(p), bytes = n > 0 ? n : 4;
        if (used + bytes >= room)
            break;
        if (n > 0)
            memcpy(out + used, p, n);
        else
            snprintf(out + used, 5, "\\x%02x", (unsigned char)*p);
        used += bytes;
        p += n > 0 ? n : 1;
    }
    out[used] = '\0';
    return (size_t)(p - path);
}

const char *import_path_text(const char *path, char *out, size_t room)
{
    size_t n = strlen(path);
    if (escape(path, out, room) == n)
        return out;
    size_t keep = (room - 4) / 4; /* whatever is in it fits */
    const char *from = n > keep ? path + n - keep : path;
    memcpy(out, "...", 3);
    escape(from, out + 3, room - 3);
    return out;
}

/* O_PATH */

enum { SKIPS = 2 };

struct place {
    dev_t device;
    ino_t inode;
    bool there;
};

struct walker {
    const struct import_walk *walk;
    struct place skip[SKIPS];
    struct err *err;
};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcasecmp(text + n - m, end) == 0;
}

static bool ends_with_any(const char *name, const char *const *ends, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

enum import_name import_name(const char *name)
{
    static const char *const footage[] = {".h265", ".hevc", ".265", ".jpg", ".jpeg", ".mp4"};
    static const char *const undone[] = {"~",         ".part", ".partial",
                                         ".filepart", ".tmp",  ".crdownload"};
#define N(list) (sizeof(list) / sizeof *(list))
    if (name[0] == '.' || ends_with_any(name, undone, N(undone)))
        return IMPORT_NAME_UNDONE;
    if (copy_kind_looks_so(name))
        return IMPORT_NAME_OURS;
    return ends_with_any(name, footage, N(footage)) ? IMPORT_NAME_FOOTAGE : IMPORT_NAME_OTHER;
#undef N
}

/* What does not fit is as far away as it can be: such times are nobody's. */
void import_stat_of(const struct stat *st, struct catalogue_stat *out)
{
    const int64_t ns = 1000000000, s = st->st_mtim.tv_sec;
    *out = (struct catalogue_stat){.inode = (int64_t)st->st_ino, .length_bytes = st->st_size};
    if (s >= INT64_MAX / ns)
        out->mtime_ns = INT64_MAX;
    else if (s <= INT64_MIN / ns)
        out->mtime_ns = INT64_MIN;
    else
        out->mtime_ns = s * ns + st->st_mtim.tv_nsec;
}

static int not_dots(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int tell(const struct walker *w, enum import_entry what, const char *path,
                const struct catalogue_stat *stat, const char *why)
{
    return w->walk->fn(w->walk->arg, what, path, stat, why, w->err);
}

static bool is_skipped(const struct walker *w, const struct stat *st)
{
    for (int i = 0; i < SKIPS; i++)
        if (w->skip[i].there && w->skip[i].device == st->st_dev && w->skip[i].inode == st->st_ino)
            return true;
    return false;
}

static int walk_dir(const struct walker *w, int parent, const char *name, const char *path,
                    int depth);

static int walk_entry(const struct walker *w, int dir, const char *dir_path, const char *name,
                      int depth)
{
    static const enum import_entry entries[] = {
        [IMPORT_NAME_FOOTAGE] = IMPORT_ENTRY_FILE,
        [IMPORT_NAME_OURS] = IMPORT_ENTRY_OURS,
        [IMPORT_NAME_UNDONE] = IMPORT_ENTRY_UNDONE,
    };
    struct stat st;
    char *path = NULL;
    enum import_name named = import_name(name);
    int rc = fsx_path(&path, w->err, "%s/%s", strcmp(dir_path, "/") == 0 ? "" : dir_path, name);
    if (rc < 0)
        return rc;
    if (strlen(path) >= CATALOGUE_FILE_ROOM) {
        rc = tell(w, IMPORT_ENTRY_TROUBLE, path, NULL, "the path is too long");
    } else if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            rc = tell(w, IMPORT_ENTRY_TROUBLE, path, NULL, strerror(errno));
    } else if (S_ISDIR(st.st_mode) && name[0] != '.') {
        if (w->walk->deep && !is_skipped(w, &st))
            rc = walk_dir(w, dir, name, path, depth + 1);
    } else if (S_ISREG(st.st_mode) && named != IMPORT_NAME_OTHER) {
        struct catalogue_stat s;
        import_stat_of(&st, &s);
        rc = tell(w, entries[named], path, &s, NULL);
    }
    free(path);
    return rc;
}

/* Also closes dir. */
static int walk_names(const struct walker *w, int dir, const char *path, int depth)
{
    struct dirent **names = NULL;
    int rc = ERR_OK;
    int n = scandirat(dir, ".", &names, not_dots, by_bytes);
    if (n < 0)
        rc = tell(w, IMPORT_ENTRY_TROUBLE, path, NULL, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (rc == ERR_OK)
            rc = walk_entry(w, dir, path, names[i]->d_name, depth);
        free(names[i]);
    }
    free(names);
    close(dir);
    return rc;
}

static int walk_dir(const struct walker *w, int parent, const char *name, const char *path,
                    int depth)
{
    if (depth > IMPORT_DEPTH_MAX)
        return tell(w, IMPORT_ENTRY_TROUBLE, path, NULL, "folders are nested too deeply");
    int nofollow = depth > 0 ? O_NOFOLLOW : 0; /* a person may name a link */
    int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | nofollow);
    if (dir < 0)
        return tell(w, IMPORT_ENTRY_TROUBLE, path, NULL, strerror(errno));
    int rc;
    if (!w->walk->packages && faccessat(dir, "bagit.txt", F_OK, 0) == 0)
        rc = tell(w, IMPORT_ENTRY_OURS, path, NULL, "an evidence package");
    else if ((rc = tell(w, IMPORT_ENTRY_DIR, path, NULL, NULL)) == ERR_OK)
        return walk_names(w, dir, path, depth);
    close(dir);
    return rc;
}

int import_walk(const struct import_walk *walk, const char *dir, struct err *err)
{
    struct walker w = {.walk = walk, .err = err};
    for (int i = 0; i < SKIPS; i++) {
        struct stat st;
        w.skip[i].there = walk->skip[i] && stat(walk->skip[i], &st) == 0;
        if (w.skip[i].there) {
            w.skip[i].device = st.st_dev;
            w.skip[i].inode = st.st_ino;
        }
    }
    return walk_dir(&w, AT_FDCWD, dir, dir, 0);
}
