#include "dashspool/cfg.h"
#include "dashspool/fsx.h"
#include "dashspool/text.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool parse_bool(const char *text, bool *out)
{
    static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false",
                                                                                "off", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *out = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static bool parse_span(const char *text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9)
        return false;
    int64_t n = strtoll(text, NULL, 10);
    const char *unit = text + digits + strspn(text + digits, " ");
    *ms = 0;
    if (n == 0 && !*unit)
        return true;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(unit, units[i].unit) == 0) {
            *ms = n * units[i].ms;
            return true;
        }
    }
    return false;
}

static bool has_words(const char *words, const char *list)
{
    for (;; list++) {
        size_t n = strcspn(list, ",");
        if (!words_have(words, list, n))
            return false;
        list += n;
        if (!*list)
            return true;
    }
}

static int check_int(const struct cfg_key *key, const char *text, struct err *err)
{
    char *end = NULL;
    errno = 0;
    int64_t i = strtoll(text, &end, 10);
    if (*text && !*end && errno == 0 && i >= key->min && i <= key->max)
        return ERR_OK;
    return err_set(err, ERR_CONFIG, "%s = %s: expected a whole number from %lld to %lld (%s)",
                   key->name, text, (long long)key->min, (long long)key->max, key->unit);
}

static int check_real(const struct cfg_key *key, const char *text, struct err *err)
{
    char *end = NULL;
    errno = 0;
    double d = strtod(text, &end);
    if (*text && !*end && errno == 0 && isfinite(d) && d >= (double)key->min &&
        d <= (double)key->max)
        return ERR_OK;
    return err_set(err, ERR_CONFIG, "%s = %s: expected a number from %lld to %lld (%s)", key->name,
                   text, (long long)key->min, (long long)key->max, key->unit);
}

static int check_span(const struct cfg_key *key, const char *text, struct err *err)
{
    int64_t ms;
    if (parse_span(text, &ms) && ms >= key->min && ms <= key->max)
        return ERR_OK;
    return err_set(
        err, ERR_CONFIG,
        "%s = %s: expected a time from %lld ms to %lld s, such as 500 ms, 30 s, 10 min, 2 h or 1 d",
        key->name, text, (long long)key->min, (long long)(key->max / 1000));
}

/* Is this text a value of that key? ERR_CONFIG tells what would be. */
static int check_value(const struct cfg_key *key, const char *text, struct err *err)
{
    bool b;
    switch (key->type) {
    case CFG_BOOL:
        if (parse_bool(text, &b))
            return ERR_OK;
        return err_set(err, ERR_CONFIG, "%s = %s: expected yes or no", key->name, text);
    case CFG_INT:
        return check_int(key, text, err);
    case CFG_REAL:
        return check_real(key, text, err);
    case CFG_SPAN:
        return check_span(key, text, err);
    case CFG_TEXT:
        if (strlen(text) > (size_t)key->max)
            return err_set(err, ERR_CONFIG, "%s: longer than %lld bytes", key->name,
                           (long long)key->max);
        if (!key->check || key->check(text, err) == ERR_OK)
            return ERR_OK;
        return strncmp(err->text, "expected", 8) == 0 ? err_wrap(err, "%s = %s", key->name, text)
                                                      : err->code;
    case CFG_WORD:
        if (words_have(key->unit, text, strlen(text)))
            return ERR_OK;
        return err_set(err, ERR_CONFIG, "%s = %s: expected one of: %s", key->name, text, key->unit);
    case CFG_LIST:
        if (has_words(key->unit, text))
            return ERR_OK;
        return err_set(err, ERR_CONFIG, "%s = %s: expected a comma-separated list of: %s",
                       key->name, text, key->unit);
    }
    return err_set(err, ERR_CONFIG, "%s: unknown type", key->name);
}

/* ---- sections and their values ---- */

enum { INSTANCES_MAX = 64, INSTANCE_NAME_MAX = 63 };

struct value {
    char *text;
    char *origin; /* NULL: default */
};

/* A section that there is: of a table, or one of those that a table with a * stands for. */
struct part {
    struct cfg_section section; /* with the name that it has here */
    const struct cfg_section *table;
    char *name, *origin; /* of an instance */
    struct value *values;
};

struct cfg {
    const struct cfg_section *sections;
    size_t n_sections;
    struct part *parts; /* in table order, then the instances by first mention */
    size_t n_parts;
    struct fsx_names warnings;
};

static bool is_pattern(const struct cfg_section *table)
{
    return strchr(table->name, '*') != NULL;
}

/* "exec upload" is one of "exec *". */
static bool matches(const struct cfg_section *table, const char *section)
{
    const char *star = strchr(table->name, '*');
    if (!star)
        return strcmp(table->name, section) == 0;
    size_t prefix = (size_t)(star - table->name);
    return strncmp(table->name, section, prefix) == 0;
}

static struct value *find(const struct cfg *cfg, const char *section, const char *name,
                          const struct cfg_key **key)
{
    for (size_t i = 0; i < cfg->n_parts; i++) {
        const struct part *p = &cfg->parts[i];
        if (strcmp(p->section.name, section) != 0)
            continue;
        for (size_t k = 0; k < p->section.n_keys; k++) {
            if (strcmp(p->section.keys[k].name, name) == 0) {
                *key = &p->section.keys[k];
                return &p->values[k];
            }
        }
    }
    return NULL;
}

static bool has_part(const struct cfg *cfg, const char *section)
{
    for (size_t i = 0; i < cfg->n_parts; i++)
        if (strcmp(cfg->parts[i].section.name, section) == 0)
            return true;
    return false;
}

static void clear_part(struct part *p)
{
    for (size_t k = 0; p->values && k < p->section.n_keys; k++) {
        free(p->values[k].text);
        free(p->values[k].origin);
    }
    free(p->values);
    free(p->name);
    free(p->origin);
}

/* Appends a section with the defaults; name NULL: the table's. */
static int add_part(struct cfg *cfg, const struct cfg_section *table, const char *name,
                    const char *origin, struct err *err)
{
    struct part *parts = realloc(cfg->parts, (cfg->n_parts + 1) * sizeof *parts);
    if (!parts)
        return err_nomem(err, "the configuration");
    cfg->parts = parts;
    struct part p = {.section = *table, .table = table};
    bool whole = (p.values = calloc(table->n_keys + 1, sizeof *p.values)) != NULL;
    if (name) {
        p.section.name = p.name = strdup(name);
        p.origin = strdup(origin);
        whole = whole && p.name && p.origin;
    }
    for (size_t k = 0; whole && k < table->n_keys; k++) {
        assert(check_value(&table->keys[k], table->keys[k].value, err) == ERR_OK);
        whole = (p.values[k].text = strdup(table->keys[k].value)) != NULL;
    }
    if (!whole) {
        clear_part(&p);
        return err_nomem(err, "the configuration");
    }
    cfg->parts[cfg->n_parts++] = p;
    return ERR_OK;
}

static int count_instances(const struct cfg *cfg)
{
    int n = 0;
    for (size_t i = 0; i < cfg->n_parts; i++)
        n += cfg->parts[i].name != NULL;
    return n;
}

/* A section is begun at `origin`: made, if it is one of a table with a *. ERR_CONFIG: unknown. */
static int section_enter(struct cfg *cfg, const char *section, const char *origin, struct err *err)
{
    if (has_part(cfg, section))
        return ERR_OK;
    for (size_t s = 0; s < cfg->n_sections; s++) {
        const struct cfg_section *table = &cfg->sections[s];
        if (!is_pattern(table) || !matches(table, section))
            continue;
        const char *name = section + strcspn(table->name, "*");
        size_t n =
            strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
        if (n == 0 || n > INSTANCE_NAME_MAX || name[n] || name[0] == '.')
            return err_set(err, ERR_CONFIG,
                           "[%.60s]: its name must be 1 to %d of A-Z a-z 0-9 . _ -, no dot in "
                           "front",
                           section, INSTANCE_NAME_MAX);
        if (count_instances(cfg) >= INSTANCES_MAX)
            return err_set(err, ERR_CONFIG, "[%s]: more than %d of these", section, INSTANCES_MAX);
        return add_part(cfg, table, section, origin, err);
    }
    struct words_guess guess = {.typed = section};
    for (size_t s = 0; s < cfg->n_sections; s++)
        words_guess_try(&guess, cfg->sections[s].name);
    const char *meant = words_guess(&guess);
    return err_set(err, ERR_CONFIG, "unknown section [%.60s]%s%s%s", section,
                   meant ? "; did you mean [" : "", meant ? meant : "", meant ? "]?" : "");
}

int cfg_set(struct cfg *cfg, const char *section, const char *name, const char *text,
            const char *origin, struct err *err)
{
    const struct cfg_key *key = NULL;
    int rc = section_enter(cfg, section, origin, err);
    if (rc < 0)
        return rc;
    struct value *v = find(cfg, section, name, &key);
    if (!v) {
        struct words_guess guess = {.typed = name};
        for (size_t i = 0; i < cfg->n_parts; i++) {
            const struct cfg_section *s = &cfg->parts[i].section;
            for (size_t k = 0; k < s->n_keys && strcmp(s->name, section) == 0; k++)
                words_guess_try(&guess, s->keys[k].name);
        }
        const char *meant = words_guess(&guess);
        return err_set(err, ERR_CONFIG, "unknown key '%.60s' in [%s]%s%s%s", name, section,
                       meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    }
    if ((rc = check_value(key, text, err)) < 0)
        return rc;
    char *new_text = strdup(text), *new_origin = strdup(origin);
    if (!new_text || !new_origin) {
        free(new_text);
        free(new_origin);
        return err_nomem(err, "the configuration");
    }
    free(v->text);
    free(v->origin);
    *v = (struct value){new_text, new_origin};
    return ERR_OK;
}

/* ---- files ---- */

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
    return section_enter(cfg, l->section, origin, err);
}

static int warn(struct cfg *cfg, struct err *err, const char *fmt, ...) DS_PRINTF(3, 4);
static int warn(struct cfg *cfg, struct err *err, const char *fmt, ...)
{
    char text[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return fsx_names_add(&cfg->warnings, text, err);
}

/* " # so" or " ; so" at the end, as other programs allow it; a quoted one is none. */
static bool seems_commented(const char *value)
{
    const char *mark = strstr(value, " #") ? strstr(value, " #") : strstr(value, " ;");
    return mark && !strpbrk(mark, "'\"");
}

/* A key = value, and whether it is one that the same file has above. */
static int take_value(struct cfg *cfg, const struct lines *l, const char *name, const char *value,
                      const char *origin, struct err *err)
{
    const struct cfg_key *key = NULL;
    const struct value *before = find(cfg, l->section, name, &key);
    size_t n = strlen(l->path);
    int rc = ERR_OK;
    if (before && before->origin && strncmp(before->origin, l->path, n) == 0 &&
        before->origin[n] == ':')
        rc = warn(cfg, err, "%s: %s is set twice in this file; line %s does not count", origin,
                  name, before->origin + n + 1);
    if (rc == ERR_OK && (rc = cfg_set(cfg, l->section, name, value, origin, err)) == ERR_OK &&
        find(cfg, l->section, name, &key) && key->type == CFG_TEXT && strstr(value, " #") &&
        seems_commented(value))
        rc = warn(cfg, err, "%s: %s: the value has a #; a comment must stand on a line of its own",
                  origin, name);
    if (rc == ERR_CONFIG && seems_commented(value)) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used,
                 " (a comment must stand on a line of its own)");
    }
    return rc;
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
    return take_value(cfg, l, trim(text), trim(equals + 1), origin, err);
}

static int load_file(struct cfg *cfg, const char *path, struct err *err)
{
    struct buf text;
    struct lines l = {.path = path};
    buf_init(&text, FILE_BYTES_MAX);
    int rc = fsx_check_file(path, err);
    if (rc < 0)
        err_wrap(err, "%s", path);
    else
        rc = fsx_read_file(path, &text, err);
    if (rc == ERR_LIMIT)
        rc = err_set(err, ERR_CONFIG, "%s: larger than %d bytes", path, FILE_BYTES_MAX);
    else if (rc == ERR_OK && memchr(buf_data(&text), '\0', text.used))
        rc = err_set(err, ERR_CONFIG, "%s: not a text file", path);
    if (rc == ERR_OK) {
        l.at = strndup((const char *)buf_data(&text), text.used);
        rc = l.at ? ERR_OK : err_nomem(err, "the configuration");
    }
    char *kept = l.at;
    if (rc == ERR_OK) {
        if (strncmp(l.at, "\xef\xbb\xbf", 3) == 0) /* as some editors begin a file */
            l.at += 3;
        while (rc == ERR_OK) {
            char origin[PATH_ROOM + 16];
            int first = l.line + 1;
            char *line = next_line(&l);
            if (!line)
                break;
            snprintf(origin, sizeof origin, "%s:%d", l.path, first);
            if ((rc = take_line(cfg, &l, trim(line), origin, err)) < 0)
                err_wrap(err, "%s", origin);
        }
    }
    free(kept);
    buf_clear(&text);
    return rc;
}

static int is_shown(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static bool is_conf(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".conf") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* ---- the door ---- */

int cfg_load(struct cfg **out, const char *dir, const struct cfg_section *sections,
             size_t n_sections, struct err *err)
{
    *out = NULL;
    struct cfg *cfg = calloc(1, sizeof *cfg);
    if (!cfg)
        return err_nomem(err, "the configuration");
    cfg->sections = sections;
    cfg->n_sections = n_sections;
    int rc = ERR_OK;
    for (size_t s = 0; rc == ERR_OK && s < n_sections; s++)
        if (!is_pattern(&sections[s]))
            rc = add_part(cfg, &sections[s], NULL, NULL, err);
    /* All of DIR/<name>.conf. */
    struct dirent **names = NULL;
    int n = rc == ERR_OK && dir ? scandir(dir, &names, is_shown, by_bytes) : 0;
    if (n < 0)
        rc = err_sys(err, "read directory %s", dir);
    for (int i = 0; i < n; i++) {
        char path[PATH_ROOM];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        if (rc == ERR_OK)
            rc = is_conf(names[i]->d_name)
                     ? load_file(cfg, path, err)
                     : warn(cfg, err, "%s: not read: its name does not end in .conf", path);
        free(names[i]);
    }
    free(names);
    if (rc < 0)
        cfg_free(&cfg);
    *out = cfg;
    return rc;
}

void cfg_free(struct cfg **cfg)
{
    if (!cfg || !*cfg)
        return;
    for (size_t i = 0; i < (*cfg)->n_parts; i++)
        clear_part(&(*cfg)->parts[i]);
    free((*cfg)->parts);
    fsx_names_clear(&(*cfg)->warnings);
    free(*cfg);
    *cfg = NULL;
}

const char *cfg_text(const struct cfg *cfg, const char *section, const char *name)
{
    const struct cfg_key *key;
    const struct value *v = find(cfg, section, name, &key);
    assert(v);
    return v->text;
}

bool cfg_bool(const struct cfg *cfg, const char *section, const char *name)
{
    bool b = false;
    parse_bool(cfg_text(cfg, section, name), &b);
    return b;
}

int64_t cfg_int(const struct cfg *cfg, const char *section, const char *name)
{
    return strtoll(cfg_text(cfg, section, name), NULL, 10);
}

int64_t cfg_ms(const struct cfg *cfg, const char *section, const char *name)
{
    int64_t ms = 0;
    parse_span(cfg_text(cfg, section, name), &ms);
    return ms;
}

double cfg_real(const struct cfg *cfg, const char *section, const char *name)
{
    return strtod(cfg_text(cfg, section, name), NULL);
}

const char *cfg_origin(const struct cfg *cfg, const char *section, const char *name)
{
    const struct cfg_key *key;
    const struct value *v = find(cfg, section, name, &key);
    assert(v);
    return v->origin ? v->origin : "default";
}

int cfg_blame(const struct cfg *cfg, const char *section, const char *name, struct err *err)
{
    const char *origin = cfg_origin(cfg, section, name), *value = cfg_text(cfg, section, name);
    size_t n = strlen(value); /* what names it itself need not do so twice */
    bool named = n > 0 && strncmp(err->text, value, n) == 0 && strncmp(err->text + n, ": ", 2) == 0;
    char what[sizeof err->text];
    snprintf(what, sizeof what, "%s", err->text + (named ? n + 2 : 0));
    if (strcmp(origin, "default") != 0)
        return err_set(err, ERR_CONFIG, "%s: %s = %.200s: %s", origin, name, value, what);
    const struct cfg_key *key; /* then it matters since somebody switched the section on */
    const struct value *enabled = find(cfg, section, "enabled", &key);
    return err_set(err, ERR_CONFIG, "%s%s[%s] %s = %.200s: %s",
                   enabled && enabled->origin ? enabled->origin : "",
                   enabled && enabled->origin ? ": " : "", section, name, value, what);
}

const char *cfg_warning(const struct cfg *cfg, size_t i)
{
    return i < cfg->warnings.n ? cfg->warnings.name[i] : NULL;
}

const char *cfg_next(const struct cfg *cfg, const char *table, const char *after,
                     const char **origin)
{
    for (size_t i = 0; i < cfg->n_parts; i++) {
        const struct part *p = &cfg->parts[i];
        if (!p->name || strcmp(p->table->name, table) != 0)
            continue;
        if (!after) {
            if (origin)
                *origin = p->origin;
            return p->name;
        }
        if (strcmp(p->name, after) == 0)
            after = NULL;
    }
    return NULL;
}

void cfg_each(const struct cfg *cfg, cfg_each_fn *fn, void *arg)
{
    for (size_t i = 0; i < cfg->n_parts; i++) {
        const struct part *p = &cfg->parts[i];
        for (size_t k = 0; k < p->section.n_keys; k++)
            fn(arg, &p->section, &p->section.keys[k], p->values[k].text,
               p->values[k].origin ? p->values[k].origin : "default");
    }
}
