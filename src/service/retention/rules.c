#include "rules.h"
#include "dashspool/copy_kind.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

#define IS_ONE_OF(word, list) is_one_of(word, list, sizeof(list) / sizeof *(list))

static bool take_selector(struct rule *r, const char *word, enum rules_for what)
{
    static const char *const kinds[] = {"video", "photo"};
    static const char *const cameras[] = {"front", "rear", "driver", "road", "other"};
    size_t digits = strspn(word, "0123456789");
    char *field = NULL;
    size_t room = 0;
    if (IS_ONE_OF(word, kinds)) {
        field = r->kind;
        room = sizeof r->kind;
    } else if (IS_ONE_OF(word, cameras)) {
        field = r->camera;
        room = sizeof r->camera;
    } else if (what == RULES_FOR_COPIES && copy_kind_of(word)) {
        field = r->copy;
        room = sizeof r->copy;
    } else if (word[digits] == '\0' && digits == 15) {
        field = r->imei;
        room = sizeof r->imei;
    }
    if (!field || field[0])
        return false;
    snprintf(field, room, "%s", word);
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
    bool is_age;
};

static const struct unit *find_unit(const char *name)
{
    static const int64_t hour_us = INT64_C(3600) * 1000000;
    static const struct unit units[] = {
        {"h", hour_us, true},
        {"d", 24 * hour_us, true},
        {"w", 7 * 24 * hour_us, true},
        {"y", 365 * 24 * hour_us, true},
        {"MB", 1000000, false},
        {"GB", 1000000000, false},
        {"TB", INT64_C(1000000000000), false},
        {"MB/camera", 1000000, false},
        {"GB/camera", 1000000000, false},
        {"TB/camera", INT64_C(1000000000000), false},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(name, units[i].name) == 0)
            return &units[i];
    return NULL;
}

static bool take_limit(struct rule *r, const char *word, enum rules_for what)
{
    char *end;
    if (strcmp(word, "forever") == 0) {
        r->forever = true;
        return true;
    }
    if (word[0] < '1' || word[0] > '9')
        return false;
    errno = 0;
    long long n = strtoll(word, &end, 10);
    const struct unit *unit = find_unit(end);
    if (!unit || errno || n > 100000 || (what == RULES_FOR_JOBS && !unit->is_age))
        return false;
    int64_t *field = unit->is_age              ? &r->age_us
                     : strchr(unit->name, '/') ? &r->camera_bytes
                                               : &r->bytes;
    if (*field)
        return false;
    *field = n * unit->factor;
    return true;
}

static int parse_rule(const char *text, size_t n, enum rules_for what, struct rule *out,
                      struct err *err)
{
    char words[RULES_TEXT_ROOM], *rest = NULL;
    *out = (struct rule){.forever = false};
    if (n >= sizeof words)
        return err_set(err, ERR_CONFIG, "a rule of %zu bytes; %zu are possible", n,
                       sizeof words - 1);
    snprintf(words, sizeof words, "%.*s", (int)n, text);
    for (char *w = strtok_r(words, " \t", &rest); w; w = strtok_r(NULL, " \t", &rest)) {
        size_t used = strlen(out->text);
        snprintf(out->text + used, sizeof out->text - used, "%s%s", used ? " " : "", w);
        if (strspn(w, "0123456789") == strlen(w) && strlen(w) != 15 && strlen(w) > 9)
            return err_set(err, ERR_CONFIG,
                           "'%.40s' is not an IMEI, and would match no camera: write all 15 digits",
                           w);
        if (!take_selector(out, w, what) && !take_limit(out, w, what))
            return err_set(
                err, ERR_CONFIG,
                "'%.40s' is not valid in this rule; example: video 90d 500GB 20GB/camera", w);
    }
    bool limited = out->age_us || out->bytes || out->camera_bytes;
    if (out->forever == limited)
        return err_set(err, ERR_CONFIG, "'%.60s': expected an age, a size or 'forever'", out->text);
    return ERR_OK;
}

int rules_parse(const char *text, enum rules_for what, struct rules *out, struct err *err)
{
    *out = (struct rules){.n = 0};
    while (text[strspn(text, " \t")]) {
        size_t n = strcspn(text, ",");
        if (out->n == RULES_MAX)
            return err_set(err, ERR_CONFIG, "more than %d rules", RULES_MAX);
        int rc = parse_rule(text, n, what, &out->rule[out->n], err);
        if (rc < 0)
            return rc;
        out->n++;
        text += n + (text[n] == ',');
    }
    return ERR_OK;
}

static bool fits(const char *wanted, const char *is)
{
    return !wanted[0] || strcmp(wanted, is) == 0;
}

int rules_find(const struct rules *rules, const char *kind, const char *camera, const char *imei,
               const char *copy)
{
    for (int i = 0; i < rules->n; i++) {
        const struct rule *r = &rules->rule[i];
        if (fits(r->kind, kind) && fits(r->camera, camera) && fits(r->imei, imei) &&
            fits(r->copy, copy))
            return i;
    }
    return -1;
}
