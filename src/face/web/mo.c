/* Compiled catalogues of gettext. */
#include "mo.h"
#include <string.h>

enum { HEADER_BYTES = 28, ENTRY_BYTES = 8, FORMS_MAX = 6 };
#define MAGIC         UINT32_C(0x950412de)
#define MAGIC_SWAPPED UINT32_C(0xde120495)

/* ---- the rule of plural forms: an expression of C, of n alone ---- */

/* Whoever wrote it is a translator, not a stranger, but a slip must not stop a page: no operator is
 * undefined here. */
struct rule {
    const char *at;
    uint64_t n;
    int depth;
    bool bad;
};

static uint64_t choice(struct rule *r);

static bool takes(struct rule *r, const char *operator)
{
    r->at += strspn(r->at, " \t");
    size_t length = strlen(operator);
    if (strncmp(r->at, operator, length) != 0)
        return false;
    r->at += length;
    return true;
}

static uint64_t primary(struct rule *r)
{
    uint64_t value = 0;
    if (++r->depth > 40) {
        r->bad = true;
        return 0;
    }
    if (takes(r, "!")) {
        value = !primary(r);
    } else if (takes(r, "(")) {
        value = choice(r);
        r->bad = !takes(r, ")") || r->bad;
    } else if (takes(r, "n")) {
        value = r->n;
    } else if (*r->at >= '0' && *r->at <= '9') {
        for (; *r->at >= '0' && *r->at <= '9'; r->at++)
            value = value * 10 + (uint64_t)(*r->at - '0');
    } else {
        r->bad = true;
    }
    r->depth--;
    return value;
}

/* From the loosest to the tightest; the longer of two that begin alike comes first. */
static const struct {
    int level;
    char operator[3];
} binary[] = {{0, "||"}, {1, "&&"}, {2, "=="}, {2, "!="}, {3, "<="}, {3, ">="}, {3, "<"},
              {3, ">"},  {4, "+"},  {4, "-"},  {5, "*"},  {5, "/"},  {5, "%"}};
enum { BINARY = sizeof binary / sizeof *binary, LEVELS = 6 };

static uint64_t apply(const char *operator, uint64_t a, uint64_t b)
{
    switch (operator[0]) {
    case '|':
        return a || b;
    case '&':
        return a && b;
    case '=':
        return a == b;
    case '!':
        return a != b;
    case '<':
        return operator[1] ? a <= b : a<b;
    case '>':
        return operator[1] ? a >= b : a> b;
    case '+':
        return a + b;
    case '-':
        return a - b;
    case '*':
        return a * b;
    case '/':
        return b ? a / b : 0;
    default:
        return b ? a % b : 0;
    }
}

static uint64_t level(struct rule *r, int at)
{
    if (at == LEVELS)
        return primary(r);
    uint64_t value = level(r, at + 1);
    for (size_t i = 0; i < BINARY; i++)
        if (binary[i].level == at && takes(r, binary[i].operator)) {
            value = apply(binary[i].operator, value, level(r, at + 1));
            i = (size_t)-1; /* the same level again, from the left */
        }
    return value;
}

static uint64_t choice(struct rule *r)
{
    uint64_t condition = level(r, 0);
    if (!takes(r, "?"))
        return condition;
    if (++r->depth > 40) {
        r->bad = true;
        return 0;
    }
    uint64_t yes = choice(r);
    r->bad = !takes(r, ":") || r->bad;
    uint64_t no = choice(r);
    r->depth--;
    return condition ? yes : no;
}

uint32_t mo_form(const struct mo *m, uint64_t n)
{
    struct rule r = {.at = m->plural, .n = n};
    uint64_t form = choice(&r);
    return r.bad || form >= m->forms ? 0 : (uint32_t)form;
}

/* ---- the file ---- */

static uint32_t number(const struct mo *m, size_t at)
{
    const uint8_t *p = m->p + at;
    return m->swapped ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
                      : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

struct text {
    const char *p;
    size_t n; /* without the NUL at its end; those between plural forms are within */
};

static struct text text_of(const struct mo *m, uint32_t table, uint32_t i)
{
    size_t at = table + (size_t)i * ENTRY_BYTES;
    return (struct text){(const char *)m->p + number(m, at + 4), number(m, at)};
}

static bool is_text(const struct mo *m, uint32_t table, uint32_t i)
{
    size_t at = table + (size_t)i * ENTRY_BYTES;
    uint32_t n = number(m, at), offset = number(m, at + 4);
    return offset < m->bytes && n < m->bytes - offset && m->p[offset + n] == 0;
}

static bool is_table(const struct mo *m, uint32_t table)
{
    return table <= m->bytes && m->n <= (m->bytes - table) / ENTRY_BYTES;
}

static size_t parts_of(struct text t)
{
    size_t parts = 1;
    for (size_t i = 0; i < t.n; i++)
        parts += t.p[i] == '\0';
    return parts;
}

/* "nplurals=2; plural=(n != 1);" in the header, which is the translation of "". */
static int read_header(struct mo *m, struct err *err)
{
    struct text header = text_of(m, m->translations, 0);
    if (m->n == 0 || text_of(m, m->originals, 0).n != 0)
        return err_set(err, ERR_MALFORMED, "a catalogue without a header");
    if (!strstr(header.p, "charset=UTF-8"))
        return err_set(err, ERR_MALFORMED, "a catalogue that is not in UTF-8");
    const char *forms = strstr(header.p, "nplurals="), *rule = strstr(header.p, "plural=");
    struct rule r = {.at = rule ? rule + strlen("plural=") : ""};
    m->plural = r.at;
    m->forms = forms ? (uint32_t)(forms[strlen("nplurals=")] - '0') : 0;
    (void)choice(&r);
    if (r.bad || m->forms == 0 || m->forms > FORMS_MAX || !takes(&r, ";"))
        return err_set(err, ERR_MALFORMED, "a catalogue without a rule of plural forms");
    return ERR_OK;
}

int mo_open(struct mo *out, const void *bytes, size_t n, struct err *err)
{
    struct mo m = {.p = bytes, .bytes = n};
    if (n < HEADER_BYTES || (number(&m, 0) != MAGIC && number(&m, 0) != MAGIC_SWAPPED))
        return err_set(err, ERR_MALFORMED, "no catalogue of gettext");
    m.swapped = number(&m, 0) == MAGIC_SWAPPED;
    if (number(&m, 4) >> 16 != 0)
        return err_set(err, ERR_UNSUPPORTED, "a catalogue of another format");
    m.n = number(&m, 8);
    m.originals = number(&m, 12);
    m.translations = number(&m, 16);
    if (!is_table(&m, m.originals) || !is_table(&m, m.translations))
        return err_set(err, ERR_MALFORMED, "a catalogue that is cut");
    for (uint32_t i = 0; i < m.n; i++) {
        if (!is_text(&m, m.originals, i) || !is_text(&m, m.translations, i))
            return err_set(err, ERR_MALFORMED, "a catalogue that is cut, at text %u", i);
        struct text original = text_of(&m, m.originals, i);
        if (i > 0 && strcmp(text_of(&m, m.originals, i - 1).p, original.p) >= 0)
            return err_set(err, ERR_MALFORMED, "a catalogue out of order, at text %u", i);
    }
    int rc = read_header(&m, err);
    for (uint32_t i = 1; rc == ERR_OK && i < m.n; i++) {
        bool plural = parts_of(text_of(&m, m.originals, i)) > 1;
        if (parts_of(text_of(&m, m.translations, i)) != (plural ? m.forms : 1))
            rc = err_set(err, ERR_MALFORMED, "'%.60s': not as many forms as the language has",
                         text_of(&m, m.originals, i).p);
    }
    if (rc == ERR_OK)
        *out = m;
    return rc;
}

const char *mo_find(const struct mo *m, const char *msgid, uint32_t form)
{
    uint32_t first = 0, end = m->n;
    while (first < end) {
        uint32_t middle = first + (end - first) / 2;
        int order = strcmp(msgid, text_of(m, m->originals, middle).p);
        if (order > 0) {
            first = middle + 1;
        } else if (order < 0) {
            end = middle;
        } else {
            struct text t = text_of(m, m->translations, middle);
            const char *p = t.p;
            for (uint32_t i = 0; i < form && p < t.p + t.n; i++)
                p += strlen(p) + 1;
            return p <= t.p + t.n && *p ? p : NULL;
        }
    }
    return NULL;
}
