#include "help_text.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- taking apart ---- */

enum { USAGE_INDENT = 7, EXAMPLE_INDENT = 9 }; /* of "usage: ", "example: " */

struct parser {
    struct help *help;
    char *end; /* of the bytes that are used; the last part's text ends there */
    bool open; /* the last part may go on */
};

static void put(struct parser *p, const char *text, size_t n)
{
    memcpy(p->end, text, n);
    p->end += n;
    *p->end = '\0';
}

static void begin(struct parser *p, enum help_kind kind, const char *term, size_t term_bytes)
{
    struct help_part *part = &p->help->parts[p->help->n_parts++];
    if (p->help->n_parts > 1)
        p->end++; /* behind the last one's NUL */
    part->kind = kind;
    part->term = p->end;
    put(p, term, term_bytes);
    part->text = ++p->end;
    *p->end = '\0';
    p->open = true;
}

static void go_on(struct parser *p, const char *line, size_t n)
{
    const struct help_part *part = &p->help->parts[p->help->n_parts - 1];
    size_t blanks = strspn(line, " "), drop = blanks < n ? blanks : n;
    bool example = part->kind == HELP_EXAMPLE;
    if (example && drop > EXAMPLE_INDENT)
        drop = EXAMPLE_INDENT;
    if (*part->text)
        put(p, example ? "\n" : " ", 1);
    put(p, line + drop, n - drop);
}

static void begin_item(struct parser *p, const char *line, size_t n)
{
    size_t term = 2;
    while (term < n && !(line[term] == ' ' && term + 1 < n && line[term + 1] == ' '))
        term++;
    begin(p, HELP_ITEM, line + 2, term - 2);
    if (term < n)
        go_on(p, line + term, n - term);
}

static bool starts(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

static void take_line(struct parser *p, const char *line, size_t n)
{
    size_t blanks = strspn(line, " ");
    const struct help *h = p->help;
    enum help_kind last = h->n_parts > 0 ? h->parts[h->n_parts - 1].kind : HELP_PROSE;
    if (n == 0) {
        p->open = false;
    } else if (starts(line, "usage: ") ||
               (p->open && last == HELP_USAGE && starts(line, "       dashspool "))) {
        begin(p, HELP_USAGE, "", 0);
        put(p, line + USAGE_INDENT, n - USAGE_INDENT);
    } else if (starts(line, "example: ")) {
        begin(p, HELP_EXAMPLE, "", 0);
        put(p, line + EXAMPLE_INDENT, n - EXAMPLE_INDENT);
    } else if (blanks == 2) {
        begin_item(p, line, n);
    } else if (p->open && (last == HELP_PROSE || blanks > 2)) {
        go_on(p, line, n);
    } else {
        begin(p, line[n - 1] == ':' && line[n] == '\n' ? HELP_HEADING : HELP_PROSE, "", 0);
        put(p, line, n);
    }
}

int help_parse(struct help *out, const char *text, struct err *err)
{
    size_t lines = 1;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    *out = (struct help){.parts = calloc(lines, sizeof *out->parts),
                         .bytes = calloc(1, strlen(text) + 4 * lines)};
    struct parser p = {.help = out, .end = out->bytes};
    if (!out->parts || !out->bytes) {
        help_clear(out);
        return err_set(err, ERR_NOMEM, "no memory for a help text");
    }
    while (*text) {
        size_t n = strcspn(text, "\n");
        take_line(&p, text, n);
        text += n + (text[n] == '\n');
    }
    return ERR_OK;
}

void help_clear(struct help *help)
{
    free(help->parts);
    free(help->bytes);
    *help = (struct help){0};
}

/* ---- options ---- */

static bool same_word(const char *a, size_t n, const char *b)
{
    return strlen(b) == n && strncmp(a, b, n) == 0;
}

/* The next word of a usage or a term, without brackets, commas and bars around it, and of NAME[=N]
 * what is always there; *p goes behind it. NULL: none. */
static const char *next_word(const char **p, size_t *n)
{
    const char *word = *p + strspn(*p, " ,[]|");
    *n = strcspn(word, " ,[]");
    *p = word + *n;
    return *n > 0 ? word : NULL;
}

static void copy(char out[32], const char *word, size_t n)
{
    assert(n < 32); /* the words are ours */
    memcpy(out, word, n);
    out[n] = '\0';
}

static bool known(const struct help *help, const char *name, size_t n)
{
    for (size_t i = 0; i < help->n_parts; i++) {
        const char *p = help->parts[i].term, *word;
        size_t m;
        while ((word = next_word(&p, &m)))
            if (m == n && strncmp(word, name, n) == 0)
                return true;
    }
    return false;
}

/* The value of an option, where a usage or an item names it; "-o, --output DIR" is one for both. */
static void find_value(const struct help *help, struct help_option *o)
{
    o->value[0] = '\0';
    for (size_t i = 0; i < help->n_parts && !o->value[0]; i++) {
        const struct help_part *part = &help->parts[i];
        const char *p = part->kind == HELP_USAGE ? part->text : part->term, *word;
        size_t n;
        while ((word = next_word(&p, &n))) {
            if (!same_word(word, n, o->name))
                continue;
            if (n == 2 && *p == ',') /* the long form has it */
                next_word(&p, &n);
            const char *behind = p;
            word = *p == ' ' ? next_word(&behind, &n) : NULL;
            if (word && word == p + 1 && *word != '-')
                copy(o->value, word, n);
            break;
        }
    }
}

void help_options(const struct help *help, help_option_fn *fn, void *arg)
{
    for (size_t i = 0; i < help->n_parts; i++) {
        const struct help_part *part = &help->parts[i];
        const char *p = part->kind == HELP_USAGE ? part->text : part->term, *word;
        size_t n;
        while ((word = next_word(&p, &n))) {
            struct help_option o = {.text = part->kind == HELP_USAGE ? "" : part->text};
            if (word[0] != '-' || (part->kind == HELP_USAGE && known(help, word, n)))
                continue;
            copy(o.name, word, n);
            find_value(help, &o);
            fn(arg, &o);
        }
    }
}

/* ---- values ---- */

enum help_value help_value_of(const char *word)
{
    static const struct {
        const char *word;
        enum help_value value;
    } values[] = {{"FILE", HELP_FILE},      {"PATH", HELP_FILE}, {"PACKAGE", HELP_FILE},
                  {"TOKEN", HELP_FILE},     {"DIR", HELP_DIR},   {"ID", HELP_ID},
                  {"COMMAND", HELP_COMMAND}};
    size_t n = strcspn(word, "\xe2"); /* the … of "FILE…" */
    if (n == 0)
        return HELP_NONE;
    if (strchr(word, '|'))
        return HELP_WORDS;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (same_word(word, n, values[i].word))
            return values[i].value;
    return HELP_OTHER;
}

enum help_value help_operand(const struct help *help)
{
    for (size_t i = 0; i < help->n_parts; i++) {
        const char *p = help->parts[i].text + strlen("dashspool "), *word;
        bool option = false;
        size_t n;
        char text[32];
        if (help->parts[i].kind != HELP_USAGE)
            continue;
        next_word(&p, &n); /* the command */
        while ((word = next_word(&p, &n)) && *word != '>') {
            bool value = option;
            option = *word == '-';
            if (value || option)
                continue;
            copy(text, word, n);
            if (help_value_of(text) > HELP_OTHER)
                return help_value_of(text);
        }
    }
    return HELP_NONE;
}
