#include "template.h"
#include <stdio.h>
#include <string.h>

static const char *const names[TEMPLATE_N_FIELDS] = {
    [TEMPLATE_DATE] = "date",       [TEMPLATE_TIME] = "time",       [TEMPLATE_ZONE] = "zone",
    [TEMPLATE_LAT] = "lat",         [TEMPLATE_LON] = "lon",         [TEMPLATE_CAMERA] = "camera",
    [TEMPLATE_IMEI] = "imei",       [TEMPLATE_TRIGGER] = "trigger", [TEMPLATE_T_MINUS] = "t_minus",
    [TEMPLATE_PICTURE] = "picture", [TEMPLATE_SPEED] = "speed",     [TEMPLATE_NOTE] = "note",
    [TEMPLATE_ID] = "id",
};

const char *template_field_name(enum template_field field)
{
    return names[field];
}

struct compiler {
    struct template *t;
    const char *text, *p;
    int line, used;
    bool open; /* the last part is a literal of this line, without its end */
};

static int bad(const struct compiler *c, struct err *err, const char *why)
{
    int position = 1;
    for (const char *q = c->text; q < c->p; q++)
        position += ((unsigned char)*q & 0xc0) != 0x80;
    return err_set(err, ERR_CONFIG, "osd_template, position %d: %s", position, why);
}

static void end_literal(struct compiler *c)
{
    if (c->open)
        c->t->text[c->used++] = '\0';
    c->open = false;
}

static void add_part(struct compiler *c, int field)
{
    end_literal(c);
    c->t->part[c->t->n++] = (struct template_part){field, c->line, c->used};
}

static void add_literal(struct compiler *c, char byte)
{
    if (!c->open)
        add_part(c, -1);
    c->open = true;
    c->t->text[c->used++] = byte;
}

static int add_field(struct compiler *c, struct err *err)
{
    size_t n = strcspn(c->p + 1, "{}\r\n");
    if (c->p[1 + n] != '}')
        return bad(c, err, "'{' is not closed; a literal brace is written '{{'");
    for (int i = 0; i < TEMPLATE_N_FIELDS; i++)
        if (strlen(names[i]) == n && strncmp(names[i], c->p + 1, n) == 0) {
            add_part(c, i);
            c->p += n + 2;
            return ERR_OK;
        }
    char why[256];
    snprintf(why, sizeof why,
             "there is no field '{%.*s}'; there are date time zone lat lon camera imei trigger "
             "t_minus picture speed note id",
             n < 40 ? (int)n : 40, c->p + 1);
    return bad(c, err, why);
}

static int add_line(struct compiler *c, size_t bytes, struct err *err)
{
    end_literal(c);
    if (++c->line >= OSD_LINES)
        return bad(c, err, "a line too many; four are possible");
    c->p += bytes;
    return ERR_OK;
}

static int compile_one(struct compiler *c, struct err *err)
{
    const char *p = c->p;
    if (p[0] == '\\' && p[1] == 'n')
        return add_line(c, 2, err);
    if (p[0] == '\n')
        return add_line(c, 1, err);
    if (p[0] == '\r' && p[1] == '\n')
        return add_line(c, 2, err);
    if (p[0] == '{' && p[1] != '{')
        return add_field(c, err);
    if (p[0] == '}' && p[1] != '}')
        return bad(c, err, "'}' without '{'; a literal brace is written '}}'");
    add_literal(c, p[0]);
    c->p += p[0] == '{' || p[0] == '}' ? 2 : 1;
    return ERR_OK;
}

int template_compile(struct template *out, const char *text, struct err *err)
{
    struct compiler c = {.t = out, .text = text, .p = text};
    *out = (struct template){0};
    if (strlen(text) > TEMPLATE_BYTES_MAX)
        return err_set(err, ERR_CONFIG, "osd_template: longer than %d bytes", TEMPLATE_BYTES_MAX);
    while (*c.p) {
        int rc = compile_one(&c, err);
        if (rc < 0)
            return rc;
    }
    end_literal(&c);
    return ERR_OK;
}

bool template_uses(const struct template *t, enum template_field field)
{
    for (int i = 0; i < t->n; i++)
        if (t->part[i].field == (int)field)
            return true;
    return false;
}

void template_format(const struct template *t, const char *const value[TEMPLATE_N_FIELDS],
                     char out[OSD_LINES][OSD_LINE_ROOM])
{
    for (int i = 0; i < OSD_LINES; i++)
        out[i][0] = '\0';
    for (int i = 0; i < t->n; i++) {
        const struct template_part *p = &t->part[i];
        const char *text = p->field < 0 ? t->text + p->from : value[p->field];
        osd_text_plain(out[p->line], OSD_LINE_ROOM, text);
    }
}
