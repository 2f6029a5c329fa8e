/* What a filter is in SQL. */
#include "dashspool/text.h"
#include "review_internal.h"
#include <stdio.h>
#include <string.h>

bool review_text_ok(const char *text, size_t room, bool lines)
{
    size_t n = strnlen(text, room), bytes;
    if (n == room)
        return false;
    for (size_t i = 0; i < n; i += bytes) {
        uint32_t c = 0;
        bytes = utf8_next(text + i, n - i, &c);
        if (bytes == 0 || (text_hidden(c) && !(lines && c == '\n')))
            return false;
    }
    return true;
}

static void add(struct review_where *w, const char *sql)
{
    size_t used = strlen(w->sql);
    snprintf(w->sql + used, sizeof w->sql - used, "%s%s", used > 0 ? " AND " : " WHERE ", sql);
}

/* `?` in sql is the value's number. */
static void add_bound(struct review_where *w, const char *sql, struct review_bind value)
{
    char numbered[400], *to = numbered;
    w->bind[w->n++] = value;
    for (; *sql; sql++)
        if (*sql == '?')
            to += snprintf(to, 8, "?%d", w->n);
        else
            *to++ = *sql;
    *to = '\0';
    add(w, numbered);
}

static void add_number(struct review_where *w, const char *sql, int64_t number)
{
    add_bound(w, sql, (struct review_bind){.type = BIND_NUMBER, .number = number});
}

static void add_real(struct review_where *w, const char *sql, double real)
{
    add_bound(w, sql, (struct review_bind){.type = BIND_REAL, .real = real});
}

static void add_text(struct review_where *w, const char *sql, const char *text)
{
    if (text && *text)
        add_bound(w, sql, (struct review_bind){.type = BIND_TEXT, .text = text});
}

/* Each word anywhere in one of these: what is selected by itself is looked up once, and not for
 * each event. */
static void add_words(struct review_where *w, const char *q)
{
    char folded[REVIEW_QUERY_ROOM];
    snprintf(folded, sizeof folded, "%s", q ? q : "");
    text_fold(folded);
    char *rest = folded, *word;
    for (int n = 0; n < REVIEW_WORDS_MAX && (word = strtok_r(rest, " \t\n", &rest)); n++) {
        snprintf(w->word[n], sizeof w->word[n], "%s", word);
        add_text(w,
                 "(instr(imei, ?) > 0 OR imei IN (SELECT imei FROM vehicle"
                 " WHERE instr(words, ?) > 0) OR key IN (SELECT event FROM event_words"
                 " WHERE instr(words, ?) > 0))",
                 w->word[n]);
    }
}

void review_where(struct review_where *out, const struct review_filter *f)
{
    *out = (struct review_where){.n = 0};
    add_text(out, "imei = ?", f->imei);
    add_text(out, "trigger = ?", f->trigger);
    if (f->since_us != 0)
        add_number(out, "at_us >= ?", f->since_us);
    if (f->until_us != 0)
        add_number(out, "at_us < ?", f->until_us);
    if (f->cameras)
        add_number(out, "(cameras & ?) = ?", f->cameras);
    if (f->conditions)
        add_number(out, "((1 << condition) & ?) <> 0", f->conditions);
    if (f->marks)
        add_number(out, "(marks & ?) = ?", f->marks);
    if (f->no_marks)
        add_number(out, "(marks & ?) = 0", f->no_marks);
    bool anywhere = !(f->west < 0 || f->west > 0 || f->east < 0 || f->east > 0 || f->south < 0 ||
                      f->south > 0 || f->north < 0 || f->north > 0);
    if (!anywhere) {
        add_real(out, "lat_deg >= ?", f->south);
        add_real(out, "lat_deg <= ?", f->north);
    }
    if (!anywhere && f->west <= f->east) {
        add_real(out, "lon_deg >= ?", f->west);
        add_real(out, "lon_deg <= ?", f->east);
    } else if (!anywhere) { /* over 180° */
        char either[96];
        snprintf(either, sizeof either, "(lon_deg >= ?%d OR lon_deg <= ?%d)", out->n + 1,
                 out->n + 2);
        out->bind[out->n++] = (struct review_bind){.type = BIND_REAL, .real = f->west};
        out->bind[out->n++] = (struct review_bind){.type = BIND_REAL, .real = f->east};
        add(out, either);
    }
    add_words(out, f->q);
}

void review_where_bind(const struct review_where *w, sqlite3_stmt *st)
{
    for (int i = 0; i < w->n; i++)
        if (w->bind[i].type == BIND_TEXT)
            sqlite3_bind_text(st, i + 1, w->bind[i].text, -1, SQLITE_STATIC);
        else if (w->bind[i].type == BIND_NUMBER)
            sqlite3_bind_int64(st, i + 1, w->bind[i].number);
        else
            sqlite3_bind_double(st, i + 1, w->bind[i].real);
}
