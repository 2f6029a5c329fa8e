#include "cfg_internal.h"
#include "dashspool/words.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool cfg_value_bool(const char *text, bool *out)
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

bool cfg_value_span(const char *text, int64_t *ms)
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
    if (cfg_value_span(text, &ms) && ms >= key->min && ms <= key->max)
        return ERR_OK;
    return err_set(
        err, ERR_CONFIG,
        "%s = %s: expected a time from %lld ms to %lld s, such as 500 ms, 30 s, 10 min, 2 h or 1 d",
        key->name, text, (long long)key->min, (long long)(key->max / 1000));
}

int cfg_value_check(const struct cfg_key *key, const char *text, struct err *err)
{
    bool b;
    switch (key->type) {
    case CFG_BOOL:
        if (cfg_value_bool(text, &b))
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
        return key->check ? key->check(text, err) : ERR_OK;
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
