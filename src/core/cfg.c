#include "dashspool/cfg.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct value {
    char *text;
    char *origin; /* NULL: default */
};

struct cfg {
    const struct cfg_section *sections;
    size_t n_sections;
    struct value *values; /* in table order */
    size_t n_values;
};

/* Position of section.key among the values, or -1; *key gets its table row. */
static long find(const struct cfg *cfg, const char *section, const char *name,
                 const struct cfg_key **key, bool *section_known)
{
    long at = 0;
    if (section_known)
        *section_known = false;
    for (size_t s = 0; s < cfg->n_sections; s++) {
        const struct cfg_section *sec = &cfg->sections[s];
        bool same = strcmp(sec->name, section) == 0;
        if (same && section_known)
            *section_known = true;
        for (size_t k = 0; k < sec->n_keys; k++, at++) {
            if (same && strcmp(sec->keys[k].name, name) == 0) {
                *key = &sec->keys[k];
                return at;
            }
        }
    }
    return -1;
}

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

static bool has_word(const char *words, const char *word, size_t n)
{
    for (const char *p = words; n > 0 && *p; p += strcspn(p, " ")) {
        p += strspn(p, " ");
        if (strcspn(p, " ") == n && strncmp(p, word, n) == 0)
            return true;
    }
    return false;
}

static bool has_words(const char *words, const char *list)
{
    for (;; list++) {
        size_t n = strcspn(list, ",");
        if (!has_word(words, list, n))
            return false;
        list += n;
        if (!*list)
            return true;
    }
}

static int check(const struct cfg_key *key, const char *text, struct err *err)
{
    const char *name = key->name;
    char *end = NULL;
    bool b;
    switch (key->type) {
    case CFG_BOOL:
        if (parse_bool(text, &b))
            return ERR_OK;
        return err_set(err, ERR_CONFIG, "%s = %s: write yes or no", name, text);
    case CFG_INT:
        errno = 0;
        int64_t i = strtoll(text, &end, 10);
        if (*text && !*end && errno == 0 && i >= key->min && i <= key->max)
            return ERR_OK;
        return err_set(err, ERR_CONFIG, "%s = %s: a whole number from %lld to %lld (%s) is needed",
                       name, text, (long long)key->min, (long long)key->max, key->unit);
    case CFG_REAL:
        errno = 0;
        double d = strtod(text, &end);
        if (*text && !*end && errno == 0 && isfinite(d) && d >= (double)key->min &&
            d <= (double)key->max)
            return ERR_OK;
        return err_set(err, ERR_CONFIG, "%s = %s: a number from %lld to %lld (%s) is needed", name,
                       text, (long long)key->min, (long long)key->max, key->unit);
    case CFG_TEXT:
        if (strlen(text) > (size_t)key->max)
            return err_set(err, ERR_CONFIG, "%s: longer than %lld bytes", name,
                           (long long)key->max);
        return key->check ? key->check(text, err) : ERR_OK;
    case CFG_WORD:
        if (has_word(key->unit, text, strlen(text)))
            return ERR_OK;
        return err_set(err, ERR_CONFIG, "%s = %s: one of these is needed: %s", name, text,
                       key->unit);
    case CFG_LIST:
        if (has_words(key->unit, text))
            return ERR_OK;
        return err_set(err, ERR_CONFIG, "%s = %s: some of these, with commas, are needed: %s", name,
                       text, key->unit);
    }
    return err_set(err, ERR_CONFIG, "%s: unknown type", name);
}

int cfg_set(struct cfg *cfg, const char *section, const char *name, const char *text,
            const char *origin, struct err *err)
{
    const struct cfg_key *key = NULL;
    bool section_known;
    long at = find(cfg, section, name, &key, &section_known);
    if (at < 0 && !section_known)
        return err_set(err, ERR_CONFIG, "unknown section [%s]", section);
    if (at < 0)
        return err_set(err, ERR_CONFIG, "unknown key '%s' in [%s]", name, section);
    int rc = check(key, text, err);
    if (rc < 0)
        return rc;
    char *new_text = strdup(text), *new_origin = strdup(origin);
    if (!new_text || !new_origin) {
        free(new_text);
        free(new_origin);
        return err_set(err, ERR_NOMEM, "no memory for the configuration");
    }
    struct value *v = &cfg->values[at];
    free(v->text);
    free(v->origin);
    *v = (struct value){new_text, new_origin};
    return ERR_OK;
}

struct parse {
    struct cfg *cfg;
    FILE *file;
    const char *path;
    int line;
    int rc;
    struct err *err;
};

static char *next_line(char *text, int room, void *arg)
{
    struct parse *p = arg;
    if (p->rc < 0)
        return NULL;
    p->line++;
    return fgets(text, room, p->file);
}

static int on_pair(void *arg, const char *section, const char *name, const char *value)
{
    struct parse *p = arg;
    if (p->rc < 0)
        return 1;
    char origin[512];
    snprintf(origin, sizeof origin, "%s:%d", p->path, p->line);
    p->rc = cfg_set(p->cfg, section, name, value ? value : "", origin, p->err);
    if (p->rc < 0)
        err_wrap(p->err, "%s", origin);
    return 1;
}

static int load_file(struct cfg *cfg, const char *path, struct err *err)
{
    struct parse p = {.cfg = cfg, .path = path, .err = err, .file = fopen(path, "re")};
    if (!p.file)
        return err_sys(err, "open %s", path);
    int bad_line = ini_parse_stream(next_line, &p, on_pair, &p);
    fclose(p.file);
    if (p.rc < 0)
        return p.rc;
    if (bad_line != 0)
        return err_set(err, ERR_CONFIG, "%s:%d: neither [section], key = value nor # comment", path,
                       bad_line > 0 ? bad_line : 1);
    return ERR_OK;
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

static int load_dir(struct cfg *cfg, const char *dir, struct err *err)
{
    struct dirent **names = NULL;
    int n = scandir(dir, &names, is_conf, by_bytes);
    if (n < 0)
        return err_sys(err, "read directory %s", dir);
    int rc = ERR_OK;
    for (int i = 0; i < n; i++) {
        char path[4096];
        if (rc == ERR_OK) {
            snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
            rc = load_file(cfg, path, err);
        }
        free(names[i]);
    }
    free(names);
    return rc;
}

int cfg_load(struct cfg **out, const char *dir, const struct cfg_section *sections,
             size_t n_sections, struct err *err)
{
    *out = NULL;
    struct cfg *cfg = calloc(1, sizeof *cfg);
    if (!cfg)
        return err_set(err, ERR_NOMEM, "no memory for the configuration");
    cfg->sections = sections;
    cfg->n_sections = n_sections;
    for (size_t s = 0; s < n_sections; s++)
        cfg->n_values += sections[s].n_keys;
    cfg->values = calloc(cfg->n_values + 1, sizeof *cfg->values);
    int rc = cfg->values ? ERR_OK : err_set(err, ERR_NOMEM, "no memory for the configuration");
    size_t at = 0;
    for (size_t s = 0; rc == ERR_OK && s < n_sections; s++) {
        for (size_t k = 0; k < sections[s].n_keys; k++) {
            assert(check(&sections[s].keys[k], sections[s].keys[k].value, err) == ERR_OK);
            if (!(cfg->values[at++].text = strdup(sections[s].keys[k].value)))
                rc = err_set(err, ERR_NOMEM, "no memory for the configuration");
        }
    }
    if (rc == ERR_OK && dir)
        rc = load_dir(cfg, dir, err);
    if (rc < 0)
        cfg_free(&cfg);
    *out = cfg;
    return rc;
}

void cfg_free(struct cfg **cfg)
{
    if (!cfg || !*cfg)
        return;
    for (size_t i = 0; (*cfg)->values && i < (*cfg)->n_values; i++) {
        free((*cfg)->values[i].text);
        free((*cfg)->values[i].origin);
    }
    free((*cfg)->values);
    free(*cfg);
    *cfg = NULL;
}

const char *cfg_text(const struct cfg *cfg, const char *section, const char *name)
{
    const struct cfg_key *key;
    long at = find(cfg, section, name, &key, NULL);
    assert(at >= 0);
    return cfg->values[at].text;
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

double cfg_real(const struct cfg *cfg, const char *section, const char *name)
{
    return strtod(cfg_text(cfg, section, name), NULL);
}

void cfg_each(const struct cfg *cfg, cfg_each_fn *fn, void *arg)
{
    const struct value *v = cfg->values;
    for (size_t s = 0; s < cfg->n_sections; s++)
        for (size_t k = 0; k < cfg->sections[s].n_keys; k++, v++)
            fn(arg, &cfg->sections[s], &cfg->sections[s].keys[k], v->text,
               v->origin ? v->origin : "default");
}
