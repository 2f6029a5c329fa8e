#include "inputs.h"
#include "dashspool/copy_kind.h"
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 64 };

static void complain(const char *path, const char *why)
{
    fprintf(stderr, "dashspool convert: %s: %s\n", path, why);
}

/* The n bytes at text, or "no memory" and exit: nothing can go on without a list of inputs. */
static char *copy(const char *text, size_t n)
{
    char *s = strndup(text, n);
    if (!s) {
        complain("inputs", "no memory");
        exit(1);
    }
    return s;
}

static void add(struct inputs *list, const char *path, const char *below)
{
    struct input *item = realloc(list->item, (list->n + 1) * sizeof *item);
    if (!item) {
        complain(path, "no memory");
        exit(1);
    }
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    list->item = item;
    item[list->n++] = (struct input){
        .path = copy(path, strlen(path)),
        .dir = !slash ? copy(".", 1) : copy(path, slash == path ? 1 : (size_t)(slash - path)),
        .below = copy(below, strlen(below)),
        .stem = copy(name, dot && dot != name ? (size_t)(dot - name) : strlen(name)),
    };
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcasecmp(text + n - m, end) == 0;
}

static bool is_footage(const char *name)
{
    static const char *const ends[] = {".h265", ".hevc", ".265", ".jpg", ".jpeg"};
    if (copy_kind_looks_so(name))
        return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(name, ends[i]))
            return true;
    return false;
}

static int not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk(struct inputs *list, const char *dir, const char *below, int depth)
{
    struct dirent **names = NULL;
    int failed = 0;
    int n = depth > DEPTH_MAX ? -1 : scandir(dir, &names, not_hidden, by_bytes);
    if (n < 0) {
        complain(dir, depth > DEPTH_MAX ? "folders are nested too deeply" : strerror(errno));
        return 1;
    }
    for (int i = 0; i < n; i++) {
        char path[4096], inner[4096];
        struct stat st;
        const char *name = names[i]->d_name;
        bool root = strcmp(dir, "/") == 0, top = strcmp(below, ".") == 0;
        int a = snprintf(path, sizeof path, "%s/%s", root ? "" : dir, name);
        int b = snprintf(inner, sizeof inner, "%s%s%s", top ? "" : below, top ? "" : "/", name);
        if (a >= (int)sizeof path || b >= (int)sizeof inner || lstat(path, &st) < 0) {
            complain(path, "cannot be read");
            failed++;
        } else if (S_ISDIR(st.st_mode)) {
            failed += walk(list, path, inner, depth + 1);
        } else if (is_footage(name)) {
            add(list, path, below);
        }
        free(names[i]);
    }
    free(names);
    return failed;
}

int inputs_collect(struct inputs *out, char *const *path, size_t n)
{
    int failed = 0;
    *out = (struct inputs){0};
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        size_t before = out->n;
        char *clean = copy(path[i], strlen(path[i]));
        for (size_t k = strlen(clean); k > 1 && clean[k - 1] == '/'; k--)
            clean[k - 1] = '\0';
        if (stat(clean, &st) < 0) {
            complain(clean, strerror(errno));
            failed++;
        } else if (!S_ISDIR(st.st_mode)) {
            add(out, clean, ".");
        } else {
            int f = walk(out, clean, ".", 0);
            if (f == 0 && out->n == before) {
                complain(clean, "no footage found in this folder (.h265 .hevc .265 .jpg .jpeg)");
                f = 1;
            }
            failed += f;
        }
        free(clean);
    }
    return failed;
}

void inputs_free(struct inputs *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->item[i].path);
        free(list->item[i].dir);
        free(list->item[i].below);
        free(list->item[i].stem);
    }
    free(list->item);
    *list = (struct inputs){0};
}
