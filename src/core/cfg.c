#include "cfg_internal.h"
#include "dashspool/words.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool instance_name_ok(const struct cfg_section *table, const char *section)
{
    const char *name = section + strcspn(table->name, "*");
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n <= INSTANCE_NAME_MAX && !name[n] && name[0] != '.';
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
        return err_set(err, ERR_NOMEM, "no memory for the configuration");
    cfg->parts = parts;
    struct part p = {.section = *table, .table = table};
    bool whole = (p.values = calloc(table->n_keys + 1, sizeof *p.values)) != NULL;
    if (name) {
        p.section.name = p.name = strdup(name);
        p.origin = strdup(origin);
        whole = whole && p.name && p.origin;
    }
    for (size_t k = 0; whole && k < table->n_keys; k++) {
        assert(cfg_value_check(&table->keys[k], table->keys[k].value, err) == ERR_OK);
        whole = (p.values[k].text = strdup(table->keys[k].value)) != NULL;
    }
    if (!whole) {
        clear_part(&p);
        return err_set(err, ERR_NOMEM, "no memory for the configuration");
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

int cfg_section_enter(struct cfg *cfg, const char *section, const char *origin, struct err *err)
{
    if (has_part(cfg, section))
        return ERR_OK;
    for (size_t s = 0; s < cfg->n_sections; s++) {
        const struct cfg_section *table = &cfg->sections[s];
        if (!is_pattern(table) || !matches(table, section))
            continue;
        if (!instance_name_ok(table, section))
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

static int unknown_key(const struct cfg *cfg, const char *section, const char *name,
                       struct err *err)
{
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

int cfg_set(struct cfg *cfg, const char *section, const char *name, const char *text,
            const char *origin, struct err *err)
{
    const struct cfg_key *key = NULL;
    int rc = cfg_section_enter(cfg, section, origin, err);
    if (rc < 0)
        return rc;
    struct value *v = find(cfg, section, name, &key);
    if (!v)
        return unknown_key(cfg, section, name, err);
    if ((rc = cfg_value_check(key, text, err)) < 0)
        return rc;
    char *new_text = strdup(text), *new_origin = strdup(origin);
    if (!new_text || !new_origin) {
        free(new_text);
        free(new_origin);
        return err_set(err, ERR_NOMEM, "no memory for the configuration");
    }
    free(v->text);
    free(v->origin);
    *v = (struct value){new_text, new_origin};
    return ERR_OK;
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
    int rc = ERR_OK;
    for (size_t s = 0; rc == ERR_OK && s < n_sections; s++)
        if (!is_pattern(&sections[s]))
            rc = add_part(cfg, &sections[s], NULL, NULL, err);
    if (rc == ERR_OK && dir)
        rc = cfg_files_load(cfg, dir, err);
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
    cfg_value_bool(cfg_text(cfg, section, name), &b);
    return b;
}

int64_t cfg_int(const struct cfg *cfg, const char *section, const char *name)
{
    return strtoll(cfg_text(cfg, section, name), NULL, 10);
}

int64_t cfg_ms(const struct cfg *cfg, const char *section, const char *name)
{
    int64_t ms = 0;
    cfg_value_span(cfg_text(cfg, section, name), &ms);
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
