#include "dashspool/buf.h"
#include "dashspool/stages.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARG_BYTES_MAX 65536 /* of one argument with its values */

static const char *const value_names[STAGES_N_VALUES] = {
    [STAGES_ID] = "id",           [STAGES_IMEI] = "imei",       [STAGES_CAMERA] = "camera",
    [STAGES_KIND] = "kind",       [STAGES_TRIGGER] = "trigger", [STAGES_TIME] = "time",
    [STAGES_SHA256] = "sha256",   [STAGES_STAGE] = "stage",     [STAGES_ATTEMPT] = "attempt",
    [STAGES_ROOT] = "root",       [STAGES_DIR] = "dir",         [STAGES_MASTER] = "master",
    [STAGES_WORKING] = "working", [STAGES_VIEWING] = "viewing", [STAGES_STILL] = "still",
    [STAGES_COPY] = "copy",       [STAGES_PACKAGE] = "package",
};

const char *stages_value_name(enum stages_value v)
{
    return value_names[v];
}

/* Text of an argument, then perhaps a value. */
struct piece {
    struct buf text;
    int value; /* -1: none; the argument goes on with the next piece otherwise */
    bool last; /* of its argument */
};

struct stages_command {
    struct piece *piece;
    size_t n;
    int n_args;
};

/* ---- reading ---- */

struct reader {
    const char *at;
    struct stages_command *command;
    char quote; /* 0: none */
};

static struct piece *add_piece(struct stages_command *c, struct err *err)
{
    struct piece *p = realloc(c->piece, (c->n + 1) * sizeof *p);
    if (!p) {
        err_nomem(err, "a command");
        return NULL;
    }
    c->piece = p;
    p[c->n] = (struct piece){.value = -1};
    buf_init(&p[c->n].text, ARG_BYTES_MAX);
    return &p[c->n++];
}

static int add_byte(struct reader *r, unsigned byte, struct err *err)
{
    char c = (char)byte;
    return buf_append(&r->command->piece[r->command->n - 1].text, &c, 1, err);
}

/* RFC 3629. */
static int add_utf8(struct reader *r, unsigned long u, struct err *err)
{
    if (u > 0x10ffff || (u >= 0xd800 && u < 0xe000))
        return err_set(err, ERR_CONFIG, "command: U+%lX is not a character", u);
    int rc = ERR_OK, more = u < 0x80 ? 0 : u < 0x800 ? 1 : u < 0x10000 ? 2 : 3;
    static const unsigned first[] = {0, 0xc0, 0xe0, 0xf0};
    rc = add_byte(r, (unsigned)(u >> 6 * more) | first[more], err);
    while (rc == ERR_OK && more-- > 0)
        rc = add_byte(r, (unsigned)(u >> 6 * more & 0x3f) | 0x80, err);
    return rc;
}

static bool digits(struct reader *r, int n, int base, unsigned long *out)
{
    static const char all[] = "0123456789abcdef";
    *out = 0;
    for (int i = 0; i < n; i++, r->at++) {
        char c = *r->at >= 'A' && *r->at <= 'F' ? (char)(*r->at + 32) : *r->at;
        const char *d = c ? strchr(all, c) : NULL;
        if (!d || d - all >= base)
            return false;
        *out = *out * (unsigned)base + (unsigned)(d - all);
    }
    return true;
}

/* Behind a backslash. */
static int escape(struct reader *r, struct err *err)
{
    static const char letters[] = "abfnrtvs\\\"'", means[] = "\a\b\f\n\r\t\v \\\"'";
    const char *start = r->at, *known = *r->at ? strchr(letters, *r->at) : NULL;
    unsigned long v = 0;
    bool ok;
    if (known) {
        r->at++;
        return add_byte(r, (unsigned char)means[known - letters], err);
    }
    char kind = *r->at;
    if (kind == 'x' || kind == 'u' || kind == 'U') {
        r->at++;
        ok = digits(r, kind == 'x' ? 2 : kind == 'u' ? 4 : 8, 16, &v);
    } else {
        ok = digits(r, 3, 8, &v) && v < 256;
    }
    if (!ok || v == 0)
        return err_set(err, ERR_CONFIG,
                       "command: \\%.4s is not a character; write \\\\ "
                       "for a backslash",
                       start);
    return kind == 'u' || kind == 'U' ? add_utf8(r, v, err) : add_byte(r, (unsigned)v, err);
}

/* Behind a percent sign. */
static int percent(struct reader *r, struct err *err)
{
    if (*r->at == '%') {
        r->at++;
        return add_byte(r, '%', err);
    }
    size_t n = *r->at == '{' ? strcspn(r->at, "}") : 0;
    for (int v = 0; n > 0 && r->at[n] == '}' && v < STAGES_N_VALUES; v++) {
        if (strlen(value_names[v]) != n - 1 || strncmp(value_names[v], r->at + 1, n - 1) != 0)
            continue;
        r->command->piece[r->command->n - 1].value = v;
        r->at += n + 1;
        return add_piece(r->command, err) ? ERR_OK : err->code;
    }
    char known[256] = "";
    for (int v = 0; v < STAGES_N_VALUES; v++)
        snprintf(known + strlen(known), sizeof known - strlen(known), " %%{%s}", value_names[v]);
    return err_set(err, ERR_CONFIG, "command: %%%.*s: there are%s, and %%%% for a %%",
                   n > 0 && n < 40 ? (int)n + 1 : 1, r->at, known);
}

static int read_char(struct reader *r, struct err *err)
{
    char c = *r->at++;
    if (c == r->quote || (!r->quote && (c == '"' || c == '\''))) {
        r->quote = r->quote ? '\0' : c;
        return ERR_OK;
    }
    return c == '\\'  ? escape(r, err)
           : c == '%' ? percent(r, err)
                      : add_byte(r, (unsigned char)c, err);
}

static int read_argument(struct reader *r, struct err *err)
{
    int rc = ERR_OK;
    if (r->command->n_args++ == STAGES_ARGS_MAX)
        return err_set(err, ERR_CONFIG, "command: more than %d arguments", STAGES_ARGS_MAX);
    if (!add_piece(r->command, err))
        return err->code;
    while (rc == ERR_OK && *r->at && (r->quote || !strchr(" \t", *r->at)))
        rc = read_char(r, err);
    if (rc == ERR_OK && r->quote)
        rc = err_set(err, ERR_CONFIG, "command: unterminated %c", r->quote);
    r->command->piece[r->command->n - 1].last = true;
    return rc;
}

/* Nothing that a job says may choose what is run. */
static int check_program(const struct stages_command *c, struct err *err)
{
    const struct piece *p = &c->piece[0];
    size_t n = p->text.used;
    const char *text = (const char *)buf_data(&p->text);
    if (p->value >= 0)
        return err_set(err, ERR_CONFIG, "command: the program itself cannot be a %%{value}");
    bool absolute = n > 1 && text[0] == '/', name = n > 0 && !memchr(text, '/', n);
    if ((!absolute && !name) || strchr("-@+!:|", text[0]))
        return err_set(err, ERR_CONFIG,
                       "command: '%.*s' is not a program: give an absolute path, or a plain name",
                       (int)(n < 60 ? n : 60), text);
    return ERR_OK;
}

int stages_command_parse(struct stages_command **out, const char *text, struct err *err)
{
    struct reader r = {.at = text, .command = *out = calloc(1, sizeof **out)};
    int rc = *out ? ERR_OK : err_nomem(err, "a command");
    for (; rc == ERR_OK;) {
        r.at += strspn(r.at, " \t");
        if (!*r.at)
            break;
        rc = read_argument(&r, err);
    }
    if (rc == ERR_OK && r.command->n_args == 0)
        rc = err_set(err, ERR_CONFIG, "command: empty");
    if (rc == ERR_OK)
        rc = check_program(r.command, err);
    if (rc < 0)
        stages_command_free(out);
    return rc;
}

void stages_command_free(struct stages_command **command)
{
    if (!*command)
        return;
    for (size_t i = 0; i < (*command)->n; i++)
        buf_clear(&(*command)->piece[i].text);
    free((*command)->piece);
    free(*command);
    *command = NULL;
}

/* ---- use ---- */

bool stages_command_uses(const struct stages_command *command, enum stages_value v)
{
    for (size_t i = 0; i < command->n; i++)
        if (command->piece[i].value == (int)v)
            return true;
    return false;
}

void stages_argv_free(char ***argv)
{
    for (size_t i = 0; *argv && (*argv)[i]; i++)
        free((*argv)[i]);
    free(*argv);
    *argv = NULL;
}

static int expand(const struct piece *p, const char *const values[STAGES_N_VALUES], struct buf *arg,
                  struct err *err)
{
    int rc = buf_append(arg, buf_data(&p->text), p->text.used, err);
    if (rc < 0 || p->value < 0)
        return rc;
    const char *value = values[p->value];
    if (!value && p->value == STAGES_PACKAGE)
        return err_set(err, ERR_NOTFOUND, "no package exists for this job");
    if (!value)
        return err_set(err, ERR_NOTFOUND, "no %s copy exists", value_names[p->value]);
    return buf_append(arg, value, strlen(value), err);
}

int stages_command_argv(char ***out, const struct stages_command *command,
                        const char *const values[STAGES_N_VALUES], struct err *err)
{
    struct buf arg;
    int n = 0, rc = ERR_OK;
    *out = calloc((size_t)command->n_args + 1, sizeof **out);
    if (!*out)
        return err_nomem(err, "a command");
    buf_init(&arg, ARG_BYTES_MAX);
    for (size_t i = 0; rc == ERR_OK && i < command->n; i++) {
        rc = expand(&command->piece[i], values, &arg, err);
        if (rc < 0 || !command->piece[i].last)
            continue;
        (*out)[n] = strndup((const char *)buf_data(&arg), arg.used);
        if (!(*out)[n++])
            rc = err_nomem(err, "a command");
        buf_consume(&arg, arg.used);
    }
    buf_clear(&arg);
    if (rc < 0)
        stages_argv_free(out);
    return rc;
}

bool stages_command_program(const struct stages_command *command, char *out, size_t room)
{
    const struct piece *p = &command->piece[0];
    if (p->value >= 0 || !p->last || p->text.used >= room)
        return false;
    snprintf(out, room, "%.*s", (int)p->text.used, (const char *)buf_data(&p->text));
    return true;
}
