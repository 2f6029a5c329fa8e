/* What vehicles are called, out of a table of a file (RFC 4180). */
#include "dashspool/fsx.h"
#include "dashspool/text.h"
#include "review_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_BYTES_MAX (16 * 1024 * 1024)
#define CELL_ROOM      256 /* of what is read; each has its own limit */

enum column { IMEI, NAME, PLATE, GROUP, N_COLUMNS };

struct reading {
    const char *path;
    const char *p; /* of text that ends with a NUL */
    char parted_by;
    int line; /* of what is read, and that at which its row began */
    int row;
    int at[N_COLUMNS]; /* in which column each stands; -1: in none */
    bool headed;
};

static int bad(const struct reading *r, struct err *err, const char *what)
{
    return err_set(err, ERR_MALFORMED,
                   "%s, line %d: %s; nothing was changed: correct it, and import it again", r->path,
                   r->row, what);
}

/* One cell, and whether it was the last of its row. */
static int read_cell(struct reading *r, char out[CELL_ROOM], bool *last, struct err *err)
{
    size_t n = 0;
    bool quoted = *r->p == '"';
    r->p += quoted;
    for (;; r->p++) {
        if (*r->p == '\0' && quoted)
            return bad(r, err, "a quotation mark is not closed");
        if (quoted && *r->p == '"' && *++r->p != '"')
            quoted = false;
        if (!quoted && (*r->p == r->parted_by || *r->p == '\r' || *r->p == '\n' || *r->p == '\0'))
            break;
        if (n + 1 >= CELL_ROOM)
            return bad(r, err, "a value is too long");
        r->line += *r->p == '\n';
        out[n++] = *r->p;
    }
    out[n] = '\0';
    *last = *r->p != r->parted_by;
    r->p += !*last || *r->p == '\r' || *r->p == '\n';
    if (*last && r->p[-1] == '\r' && *r->p == '\n')
        r->p++;
    return ERR_OK;
}

static void trim(char *text)
{
    size_t n = strlen(text), from = strspn(text, " \t");
    while (n > from && strchr(" \t", text[n - 1]))
        n--;
    memmove(text, text + from, n - from);
    text[n - from] = '\0';
}

static int take_heading(struct reading *r, char cell[][CELL_ROOM], int n, struct err *err)
{
    static const char *const names[N_COLUMNS] = {"imei", "name", "plate", "group"};
    for (int i = 0; i < N_COLUMNS; i++) {
        r->at[i] = -1;
        for (int k = 0; k < n; k++)
            if (strcasecmp(cell[k], names[i]) == 0)
                r->at[i] = k;
    }
    r->headed = true;
    if (r->at[IMEI] < 0)
        return bad(r, err, "expected a heading with the column imei, as in: imei,name,plate,group");
    return ERR_OK;
}

static int take_row(struct reading *r, struct catalogue *c, char cell[][CELL_ROOM], int n,
                    struct review_vehicles_read *out, struct err *err)
{
    struct review_vehicle v = {.imei = ""}, was;
    char *const to[N_COLUMNS] = {v.imei, v.name, v.plate, v.group};
    const size_t room[N_COLUMNS] = {sizeof v.imei, sizeof v.name, sizeof v.plate, sizeof v.group};
    if (r->at[IMEI] >= n)
        return bad(r, err, "it has no IMEI");
    if (strlen(cell[r->at[IMEI]]) >= sizeof v.imei)
        return bad(r, err, "its IMEI is none: expected 14 or 15 digits");
    int rc = review_vehicle_get(c, cell[r->at[IMEI]], &was, err);
    if (rc < 0)
        return rc;
    v = was; /* a column that the table does not have changes nothing */
    for (int i = 0; i < N_COLUMNS; i++) {
        const char *text = r->at[i] >= 0 && r->at[i] < n ? cell[r->at[i]] : NULL;
        if (text && strlen(text) >= room[i])
            return bad(r, err, "a name, a plate or a group has 63 bytes of UTF-8 at most");
        if (text || r->at[i] >= 0)
            snprintf(to[i], room[i], "%s", text ? text : "");
    }
    struct err why;
    rc = review_vehicle_put(c, &v, &why);
    if (rc < 0)
        return err_is_temporary(rc) ? (*err = why).code : bad(r, err, why.text);
    bool same = strcmp(v.name, was.name) == 0 && strcmp(v.plate, was.plate) == 0 &&
                strcmp(v.group, was.group) == 0;
    bool is_new = !was.name[0] && !was.plate[0] && !was.group[0];
    *(same ? &out->same : is_new ? &out->added : &out->changed) += 1;
    return ERR_OK;
}

static int read_rows(struct reading *r, struct catalogue *c, struct review_vehicles_read *out,
                     struct err *err)
{
    enum { CELLS = 32 };
    char cell[CELLS][CELL_ROOM];
    int rc = ERR_OK;
    while (rc == ERR_OK && *r->p) {
        bool last = false, empty = true;
        int n = 0;
        r->row = ++r->line;
        while (rc == ERR_OK && !last) {
            if (n == CELLS)
                return bad(r, err, "it has too many columns");
            if ((rc = read_cell(r, cell[n], &last, err)) < 0)
                return rc;
            trim(cell[n]);
            empty = empty && !cell[n][0];
            n++;
        }
        if (!empty)
            rc = r->headed ? take_row(r, c, cell, n, out, err) : take_heading(r, cell, n, err);
    }
    if (rc == ERR_OK && !r->headed)
        rc = err_set(err, ERR_MALFORMED,
                     "%s is empty: expected a heading with the column imei, as in: "
                     "imei,name,plate,group",
                     r->path);
    return rc;
}

int review_vehicles_import(struct catalogue *c, const char *path, struct review_vehicles_read *out,
                           struct err *err)
{
    struct reading r = {.path = path};
    struct buf file;
    bool own;
    *out = (struct review_vehicles_read){0};
    buf_init(&file, FILE_BYTES_MAX);
    int rc = fsx_read_file(path, &file, err);
    char *text = rc == ERR_OK ? malloc(TEXT_UTF8_ROOM(file.used) + 1) : NULL;
    if (rc == ERR_OK && !text)
        rc = err_nomem(err, "a table of vehicles");
    if (rc < 0)
        goto out;
    size_t n = text_to_utf8(buf_data(&file), file.used, text);
    text[n] = '\0';
    if (strlen(text) != n) {
        rc = err_set(err, ERR_MALFORMED, "%s has zero bytes: it is no table of text", path);
        goto out;
    }
    r.p = text;
    const char *semicolon = memchr(text, ';', strcspn(text, "\r\n"));
    r.parted_by = semicolon && !memchr(text, ',', strcspn(text, "\r\n")) ? ';' : ',';
    if ((rc = catalogue_enter(c, &own, err)) == ERR_OK)
        rc = catalogue_leave(c, own, read_rows(&r, c, out, err), err);
out:
    if (rc < 0)
        *out = (struct review_vehicles_read){0};
    free(text);
    buf_clear(&file);
    return rc;
}
