/* The languages of the pages: which one a browser gets, and what a sentence is in it. */
#include "mo.h"
#include "web_internal.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LANGUAGE(code) extern const char language_##code[], language_##code##_end[];
#include "languages.h" /* made of po/LINGUAS */
#undef LANGUAGE

struct language {
    const char *code;
    const char *data, *end;
    struct mo mo;
    bool open;
};

static struct language languages[] = {
    {"en", NULL, NULL}, /* what the sentences are written in */
#define LANGUAGE(code) {#code, language_##code, language_##code##_end},
#include "languages.h"
#undef LANGUAGE
};
enum { LANGUAGES = sizeof languages / sizeof *languages };

static const char *fixed; /* for all browsers; NULL: as each one asks */

/* "de-AT" is German, too. */
static const char *language_of(const char *tag, size_t n)
{
    for (size_t i = 0; i < LANGUAGES; i++) {
        size_t length = strlen(languages[i].code);
        if (n >= length && strncasecmp(tag, languages[i].code, length) == 0 &&
            (n == length || tag[length] == '-'))
            return languages[i].code;
    }
    return n == 1 && *tag == '*' ? languages[0].code : NULL;
}

int language_open(const char *setting, struct err *err)
{
    int rc = ERR_OK;
    fixed = strcmp(setting, "auto") == 0 ? NULL : language_of(setting, strlen(setting));
    for (size_t i = 0; rc == ERR_OK && i < LANGUAGES; i++) {
        struct language *l = &languages[i];
        if (!l->data || l->open)
            continue;
        rc = mo_open(&l->mo, l->data, (size_t)(l->end - l->data), err);
        l->open = rc == ERR_OK;
    }
    return rc;
}

int web_language_check(const char *value, struct err *err)
{
    char known[256] = "auto";
    for (size_t i = 0; i < LANGUAGES; i++) {
        if (strcmp(value, languages[i].code) == 0)
            return ERR_OK;
        snprintf(known + strlen(known), sizeof known - strlen(known), ", %s", languages[i].code);
    }
    if (strcmp(value, "auto") == 0)
        return ERR_OK;
    return err_set(err, ERR_CONFIG, "expected one of: %s", known);
}

/* ---- RFC 9110, section 12.5.4 ---- */

/* ";q=0.8" in thousandths; what is no weight counts for nothing. */
static int weight_of(const char *at)
{
    at += strspn(at, " \t");
    if (*at != ';')
        return 1000;
    at += 1 + strspn(at + 1, " \t");
    if ((*at != 'q' && *at != 'Q') || at[1] != '=' || (at[2] != '0' && at[2] != '1'))
        return 0;
    int weight = (at[2] - '0') * 1000;
    if (at[3] == '.')
        for (int i = 4, digit = 100; digit > 0 && at[i] >= '0' && at[i] <= '9'; i++, digit /= 10)
            weight += (at[i] - '0') * digit;
    return weight < 1000 ? weight : 1000;
}

const char *language_choose(const char *accept)
{
    const char *best = languages[0].code;
    int most = 0;
    if (fixed)
        return fixed;
    while (*accept) {
        accept += strspn(accept, " \t,");
        size_t n = strcspn(accept, " \t,;");
        const char *its = language_of(accept, n);
        int weight = its ? weight_of(accept + n) : 0;
        if (weight > most) {
            most = weight;
            best = its;
        }
        accept += strcspn(accept, ",");
    }
    return best;
}

/* ---- sentences ---- */

static const struct mo *catalogue_of(const struct web_page *h)
{
    for (size_t i = 0; i < LANGUAGES; i++)
        if (languages[i].open && strcmp(h->language, languages[i].code) == 0)
            return &languages[i].mo;
    return NULL;
}

const char *web_tr(const struct web_page *h, const char *msgid)
{
    const struct mo *mo = catalogue_of(h);
    const char *text = mo && msgid[0] ? mo_find(mo, msgid, 0) : NULL;
    return text ? text : msgid;
}

const char *web_trn(const struct web_page *h, const char *one, const char *many, int64_t n)
{
    const struct mo *mo = catalogue_of(h);
    uint64_t amount = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    const char *text = mo ? mo_find(mo, one, mo_form(mo, amount)) : NULL;
    return text ? text : n == 1 ? one : many;
}
