#include "cfg_internal.h"
#include "dashspool/fsx.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 20, SECTION_ROOM = 80, PATH_ROOM = 4096 };

#define BLANKS " \t\r\f\v"

/* Where in a file we are. */
struct lines {
    const char *path;
    char *at; /* what is left, NUL-terminated */
    int line; /* number of the last one */
    char section[SECTION_ROOM];
};

static char *trim(char *text)
{
    text += strspn(text, BLANKS);
    size_t n = strlen(text);
    while (n > 0 && strchr(BLANKS, text[n - 1]))
        text[--n] = '\0';
    return text;
}

/* The next line, cut out in place, with those behind it that a \ joins; NULL: the end. A \ at the
 * very end joins nothing. */
static char *next_line(struct lines *l)
{
    char *line = l->at, *p = l->at;
    if (!*p)
        return NULL;
    for (l->line++;; l->line++) {
        char *end = strchr(p, '\n');
        l->at = end ? end + 1 : p + strlen(p);
        char *last = l->at - (end != NULL) - 1; /* of the line */
        if (last < line || *last != '\\' || strchr("#;", line[strspn(line, BLANKS)])) {
            if (end)
                *end = '\0';
            return line;
        }
        if (!end) {
            *last = '\0';
            return line;
        }
        end[-1] = end[0] = ' ';
        p = l->at;
    }
}

static int enter(struct cfg *cfg, struct lines *l, char *text, const char *origin, struct err *err)
{
    size_t n = strlen(text);
    if (text[n - 1] != ']' || n - 2 >= sizeof l->section)
        return err_set(err, ERR_CONFIG,
                       "%.40s: malformed section; write [NAME] on a line of its own", text);
    text[n - 1] = '\0';
    snprintf(l->section, sizeof l->section, "%s", trim(text + 1));
    return cfg_section_enter(cfg, l->section, origin, err);
}

static int take_line(struct cfg *cfg, struct lines *l, char *text, const char *origin,
                     struct err *err)
{
    char *equals = strchr(text, '=');
    if (!*text || *text == '#' || *text == ';')
        return ERR_OK;
    if (*text == '[')
        return enter(cfg, l, text, origin, err);
    if (!equals || equals == text)
        return err_set(err, ERR_CONFIG, "expected [section], key = value or # comment");
    *equals = '\0';
    return cfg_set(cfg, l->section, trim(text), trim(equals + 1), origin, err);
}

static int take_lines(struct cfg *cfg, struct lines *l, struct err *err)
{
    int rc = ERR_OK;
    while (rc == ERR_OK) {
        char origin[PATH_ROOM + 16];
        int first = l->line + 1;
        char *line = next_line(l);
        if (!line)
            break;
        snprintf(origin, sizeof origin, "%s:%d", l->path, first);
        if ((rc = take_line(cfg, l, trim(line), origin, err)) < 0)
            err_wrap(err, "%s", origin);
    }
    return rc;
}

static int load_file(struct cfg *cfg, const char *path, struct err *err)
{
    struct buf text;
    struct lines l = {.path = path};
    buf_init(&text, FILE_BYTES_MAX);
    int rc = fsx_read_file(path, &text, err);
    if (rc == ERR_LIMIT)
        rc = err_set(err, ERR_CONFIG, "%s: larger than %d bytes", path, FILE_BYTES_MAX);
    else if (rc == ERR_OK && memchr(buf_data(&text), '\0', text.used))
        rc = err_set(err, ERR_CONFIG, "%s: not a text file", path);
    if (rc == ERR_OK) {
        l.at = strndup((const char *)buf_data(&text), text.used);
        rc = l.at ? ERR_OK : err_set(err, ERR_NOMEM, "no memory for the configuration");
    }
    char *kept = l.at;
    if (rc == ERR_OK) {
        if (strncmp(l.at, "\xef\xbb\xbf", 3) == 0) /* as some editors begin a file */
            l.at += 3;
        rc = take_lines(cfg, &l, err);
    }
    free(kept);
    buf_clear(&text);
    return rc;
}

static int is_conf(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int cfg_files_load(struct cfg *cfg, const char *dir, struct err *err)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, is_conf, by_bytes);
    if (n < 0)
        return err_sys(err, "read directory %s", dir);
    int rc = ERR_OK;
    for (int i = 0; i < n; i++) {
        char path[PATH_ROOM];
        if (rc == ERR_OK) {
            snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
            rc = load_file(cfg, path, err);
        }
        free(names[i]);
    }
    free(names);
    return rc;
}
