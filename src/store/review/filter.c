/* What a filter is in SQL. */
#include "dashspool/text.h"
#include "review_internal.h"
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\n"

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

/* ---- free text ----
 *
 * One page asks several questions with the same words: which events have all of them anywhere is
 * looked up once, into a table of the connection, until something was written. */

/* Beyond these it is better to go through all events, and look for each whether it is there. */
#define FOUND_MANY 5000

#define HAVE_IT                                                           \
    "(SELECT event FROM event_words WHERE instr(words, ?1) > 0 UNION ALL" \
    " SELECT key FROM event WHERE imei IN (SELECT imei FROM camera"       \
    "  WHERE instr(imei, ?1) > 0 UNION SELECT imei FROM vehicle"          \
    "  WHERE instr(words, ?1) > 0))"

static int look_for(struct catalogue *c, const char *sql, const char *word, struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(c->rows, &st, sql, err);
    if (rc < 0)
        return rc;
    rows_bind_text(st, 1, word);
    rc = rows_run(st, NULL, err);
    rows_finalize(&st);
    return rc;
}

/* Whether the table is of these words, and of the catalogue as it is; *narrows: as find() has it.
 */
static int is_found(struct catalogue *c, const char *words, int64_t version, bool *out,
                    bool *narrows, struct err *err)
{
    struct rows_st *st = NULL;
    *out = false;
    int rc = rows_prepare(c->rows, &st,
                          "SELECT narrows FROM temp.sought WHERE words = ?1 AND version = ?2"
                          " AND changes = ?3",
                          err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, words);
        rows_bind_int64(st, 2, version);
        rows_bind_int64(st, 3, sqlite3_total_changes64(c->db));
        rc = rows_step(st, out, err);
    }
    *narrows = rc == ERR_OK && *out && (int)rows_column(st, 0);
    rows_finalize(&st);
    return rc;
}

static int note_found(struct catalogue *c, const char *words, int64_t version, bool narrows,
                      struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(c->rows, &st, "INSERT INTO temp.sought VALUES(?1, ?2, ?3, ?4)", err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, words);
        rows_bind_int64(st, 2, version);
        rows_bind_int64(st, 3, sqlite3_total_changes64(c->db) + 1); /* with this one */
        rows_bind_int64(st, 4, narrows);
        rc = rows_run(st, NULL, err);
    }
    rows_finalize(&st);
    return rc;
}

/* What all IMEIs have (the first digits, say) is in each event. */
static int is_everywhere(struct catalogue *c, const char *word, bool *out, struct err *err)
{
    struct rows_st *st = NULL;
    bool other = false;
    int rc =
        rows_prepare(c->rows, &st, "SELECT 1 FROM camera WHERE instr(imei, ?1) = 0 LIMIT 1", err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, word);
        rc = rows_step(st, &other, err);
    }
    *out = !other;
    rows_finalize(&st);
    return rc;
}

/* *narrows false: all events have all words. */
static int find(struct catalogue *c, const char *words, int64_t version, bool *narrows,
                struct err *err)
{
    char each[REVIEW_QUERY_ROOM], *rest = each, *word;
    bool everywhere = false;
    snprintf(each, sizeof each, "%s", words);
    *narrows = false;
    int rc = rows_exec(c->rows, "DELETE FROM temp.sought; DELETE FROM temp.found", err);
    while (rc == ERR_OK && (word = strtok_r(rest, BLANKS, &rest))) {
        rc = is_everywhere(c, word, &everywhere, err);
        if (rc < 0 || everywhere)
            continue;
        rc = look_for(c,
                      *narrows ? "DELETE FROM temp.found WHERE event NOT IN " HAVE_IT
                               : "INSERT OR IGNORE INTO temp.found SELECT * FROM " HAVE_IT,
                      word, err);
        *narrows = true;
    }
    return rc < 0 ? rc : note_found(c, words, version, *narrows, err);
}

/* The words that not all events have, for the site's function `found`. */
static int add_words_of_site(struct review_where *w, struct catalogue *c, char *words,
                             struct err *err)
{
    char *rest = words, *word;
    bool everywhere = false;
    int rc = ERR_OK;
    while (rc == ERR_OK && (word = strtok_r(rest, BLANKS, &rest))) {
        rc = is_everywhere(c, word, &everywhere, err);
        size_t used = strlen(w->words);
        if (rc == ERR_OK && !everywhere)
            snprintf(w->words + used, sizeof w->words - used, "%s%s", used ? " " : "", word);
    }
    if (rc == ERR_OK)
        add_text(w, "key IN (SELECT found(?))", w->words);
    return rc;
}

static int add_words(struct review_where *w, struct catalogue *c, const char *q, struct err *err)
{
    char words[REVIEW_QUERY_ROOM];
    int64_t version, n = 0;
    bool found, narrows;
    snprintf(words, sizeof words, "%s", q ? q : "");
    if (words[strspn(words, BLANKS)] == '\0')
        return ERR_OK;
    text_fold(words);
    if (catalogue_is_of_site(c))
        return add_words_of_site(w, c, words, err);
    int rc = rows_exec(c->rows,
                       "CREATE TEMP TABLE IF NOT EXISTS found(event INTEGER PRIMARY KEY);"
                       "CREATE TEMP TABLE IF NOT EXISTS sought(words TEXT, version INTEGER,"
                       " changes INTEGER, narrows INTEGER)",
                       err);
    if (rc == ERR_OK)
        rc = rows_number(c->rows, "PRAGMA data_version", &version, err);
    if (rc == ERR_OK)
        rc = is_found(c, words, version, &found, &narrows, err);
    if (rc == ERR_OK && !found)
        rc = find(c, words, version, &narrows, err);
    if (rc == ERR_OK && narrows)
        rc = rows_number(c->rows, "SELECT count(*) FROM temp.found", &n, err);
    if (rc == ERR_OK && narrows)
        add(w, n > FOUND_MANY ? "+key IN (SELECT event FROM temp.found)"
                              : "key IN (SELECT event FROM temp.found)");
    return rc;
}

/* ---- all of it ---- */

int review_where(struct review_where *out, struct catalogue *c, const struct review_filter *f,
                 struct err *err)
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
    return add_words(out, c, f->q, err);
}

void review_where_bind(const struct review_where *w, struct rows_st *st)
{
    for (int i = 0; i < w->n; i++)
        if (w->bind[i].type == BIND_TEXT)
            rows_bind_text(st, i + 1, w->bind[i].text);
        else if (w->bind[i].type == BIND_NUMBER)
            rows_bind_int64(st, i + 1, w->bind[i].number);
        else
            rows_bind_double(st, i + 1, w->bind[i].real);
}
