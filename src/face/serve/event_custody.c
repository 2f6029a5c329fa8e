/* What happened to the files of an event, for people: the custody records of its transfers as one
 * table, what happened to several at once in one row, and whether their chains are whole. */
#include "dashspool/custody.h"
#include "event.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_BYTES_MAX ((size_t)8 << 20)
#define TOGETHER_US    INT64_C(10000000) /* what one did to several transfers takes a moment */

enum { DETAILS_ROOM = 400 };

struct row {
    int64_t at_us;
    bool at_known;
    enum custody_kind kind;
    size_t clip;
    size_t n; /* rows with this one, which tell the same of further transfers and follow it */
    char event[CUSTODY_EVENT_ROOM], who[WORDS_WHO_ROOM], details[DETAILS_ROOM];
};

struct reading {
    struct event *e;
    struct buf rows;
    struct custody_chain chain;
    size_t clip;
    int64_t entries;
    char flaw[512]; /* "": all chains are whole */
};

/* ---- words ---- */

static const char *const kinds[CUSTODY_KINDS] = {
    [CUSTODY_RECEIVED] = W_("Began to arrive"),
    [CUSTODY_RESUMED] = W_("Went on after a break"),
    [CUSTODY_INTERRUPTED] = W_("Broke off"),
    [CUSTODY_STORED] = W_("Arrived"),
    [CUSTODY_PUBLISHED] = W_("Handed on for its copies"),
    [CUSTODY_OFFERED_AGAIN] = W_("Offered again, and not taken twice"),
    [CUSTODY_CONVERTED] = W_("Copy was made"),
    [CUSTODY_DROPPED] = W_("A job was given up"),
    [CUSTODY_SHOWN] = W_("Downloaded"),
    [CUSTODY_EXPORTED] = W_("Put into a package"),
    [CUSTODY_PROTECTED] = W_("Protected"),
    [CUSTODY_UNPROTECTED] = W_("Protection removed"),
    [CUSTODY_COPY_DELETED] = W_("Copy was deleted"),
    [CUSTODY_DELETED] = W_("Original was deleted"),
    [CUSTODY_REINDEXED] = W_("Entered anew into the catalogue"),
    [CUSTODY_REPAIRED] = W_("Facts in the catalogue were put right"),
    [CUSTODY_SET_ASIDE] = W_("Set aside: these bytes are not its own"),
    [CUSTODY_MISSING] = W_("Original was missing"),
    [CUSTODY_JOINED] = W_("Records of the tracker were added"),
    [CUSTODY_REQUESTED] = W_("Had been requested"),
    [CUSTODY_REVIEWED] = W_("Reviewed"),
    [CUSTODY_UNREVIEWED] = W_("Counts as not reviewed again"),
    [CUSTODY_NOTED] = W_("Note added"),
    [CUSTODY_CASE] = W_("Case number set"),
};

static const char *happened(const struct web_page *h, const struct row *r)
{
    const char *msgid = (unsigned)r->kind < CUSTODY_KINDS ? kinds[r->kind] : NULL;
    return msgid ? web_tr(h, msgid) : r->event;
}

/* The program and its part, as a part of this installation: "dashspool 0.1.0 receive". */
static void say_who(struct web_page *h, const char *who, char out[WORDS_WHO_ROOM])
{
    static const struct {
        const char *part, *msgid;
    } parts[] = {{"receive", W_("Receiver")},    {"work", W_("Converter")},
                 {"import", W_("Import")},       {"watch", W_("Watched folder")},
                 {"telemetry", W_("Telemetry")}, {"serve", W_("These pages")}};
    const char *last = strrchr(who, ' ');
    words_who(h, who, out);
    if (strncmp(who, "dashspool ", 10) != 0 || !last)
        return;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(last + 1, parts[i].part) == 0)
            snprintf(out, WORDS_WHO_ROOM, "%s", web_tr(h, parts[i].msgid));
}

/* A translated text with what its %s stand for. */
static void fill(char out[DETAILS_ROOM], const char *text, const char *a, const char *b)
{
    const char *said[] = {a, b};
    size_t n = 0, next = 0;
    for (; *text && n + 1 < DETAILS_ROOM; text++) {
        if (text[0] == '%' && text[1] == 's' && next < 2) {
            snprintf(out + n, DETAILS_ROOM - n, "%s", said[next++]);
            n += strlen(out + n);
            text++;
        } else {
            out[n++] = *text;
        }
    }
    out[n] = '\0';
}

static const char *copy_word(const struct web_page *h, const char *kind)
{
    static const struct {
        const char *kind, *msgid;
    } words[] = {{"working", W_("Working copy")},    {"viewing", W_("Viewing copy")},
                 {"still", W_("Viewing copy")},      {"timing", W_("Times of all frames")},
                 {"csv", W_("Times of all frames")}, {"poster", W_("Poster")},
                 {"sheet", W_("Contact sheet")}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(kind, words[i].kind) == 0)
            return web_tr(h, words[i].msgid);
    return kind;
}

static void say_details(struct web_page *h, const struct custody_record *r, char out[DETAILS_ROOM])
{
    const struct custody_what *w = &r->what;
    char size[WEB_DECIMAL_ROOM] = "", number[24] = "", by[WORDS_WHO_ROOM];
    out[0] = '\0';
    if (w->length_bytes)
        web_size_text(h, *w->length_bytes, size);
    if (r->kind == CUSTODY_RECEIVED && w->path && w->told_by)
        fill(out, web_tr(h, "From the file %s; time as told by %s"), w->path, w->told_by);
    else if (r->kind == CUSTODY_RECEIVED || r->kind == CUSTODY_RESUMED)
        fill(out, w->path ? web_tr(h, "From the file %s") : web_tr(h, "From %s"),
             w->path   ? w->path
             : w->from ? w->from
                       : "",
             "");
    else if (r->kind == CUSTODY_STORED)
        snprintf(out, DETAILS_ROOM, "%s", size);
    else if (r->kind == CUSTODY_INTERRUPTED && w->have_bytes)
        fill(out, web_tr(h, "%s had arrived"), web_size_text(h, *w->have_bytes, size), "");
    else if ((r->kind == CUSTODY_CONVERTED || r->kind == CUSTODY_COPY_DELETED) && w->copy)
        snprintf(out, DETAILS_ROOM, "%s", copy_word(h, w->copy));
    else if (r->kind == CUSTODY_SHOWN)
        snprintf(out, DETAILS_ROOM, "%s", web_tr(h, "The original"));
    else if (r->kind == CUSTODY_EXPORTED && w->package)
        fill(out, w->redacted ? web_tr(h, "Package %s, redacted") : web_tr(h, "Package %s"),
             w->package, "");
    else if (r->kind == CUSTODY_JOINED && w->records) {
        snprintf(number, sizeof number, "%lld", (long long)*w->records);
        fill(out, web_trn(h, "%s record in all", "%s records in all", *w->records), number, "");
    } else if (r->kind == CUSTODY_REQUESTED && w->by)
        fill(out, web_tr(h, "By %s: %s"), words_who(h, w->by, by), w->reason ? w->reason : "");
    else if (w->reason || w->why)
        snprintf(out, DETAILS_ROOM, "%s", w->reason ? w->reason : w->why);
}

/* ---- rows ---- */

static int add_row(void *arg, const char *line, struct err *err)
{
    struct reading *read = arg;
    struct custody_record r;
    struct row row = {.clip = read->clip, .n = 1};
    struct err why;
    if (custody_next(&read->chain, line, strlen(line), &why) < 0 && !read->flaw[0])
        snprintf(read->flaw, sizeof read->flaw, "%s", why.text);
    read->entries++;
    custody_read(&r, line, strlen(line));
    row.kind = r.kind;
    row.at_known = r.at && clock_parse(r.at, 0, &row.at_us, NULL, &why) == ERR_OK;
    snprintf(row.event, sizeof row.event, "%s", r.event ? r.event : "");
    say_who(read->e->h, r.who ? r.who : "", row.who);
    say_details(read->e->h, &r, row.details);
    custody_record_clear(&r);
    return buf_append(&read->rows, &row, sizeof row, err);
}

/* Of one time by transfer, so that each keeps its own order. */
static int custody_by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (x->clip > y->clip) - (x->clip < y->clip);
}

/* What one did to several, though it told other things of each. */
static bool is_of_each(const struct row *r)
{
    return r->kind == CUSTODY_CONVERTED || r->kind == CUSTODY_COPY_DELETED ||
           r->kind == CUSTODY_RECEIVED || r->kind == CUSTODY_STORED;
}

static bool is_same(const struct row *a, const struct row *b)
{
    return a->kind == b->kind && strcmp(a->event, b->event) == 0 && strcmp(a->who, b->who) == 0 &&
           (is_of_each(a) || strcmp(a->details, b->details) == 0);
}

/* What tells the same within a moment goes with the first that does. */
static void group(struct row *row, size_t n)
{
    for (size_t i = 0; i < n; i += row[i].n) {
        int64_t last_us = row[i].at_us;
        for (size_t k = i + row[i].n; k < n && row[k].at_us - last_us <= TOGETHER_US; k++) {
            if (!is_same(&row[i], &row[k]))
                continue;
            struct row same = row[k];
            last_us = same.at_us;
            size_t to = i + row[i].n++;
            memmove(&row[to + 1], &row[to], (k - to) * sizeof *row);
            row[to] = same;
        }
    }
}

/* Each once. */
static void put_files_of(struct event *e, const struct row *row)
{
    bool seen[EVENT_CLIPS_MAX] = {false}, first = true;
    char name[EVENT_NAME_ROOM];
    size_t of = 0;
    for (size_t i = 0; i < row->n; i++) {
        of += !seen[row[i].clip];
        seen[row[i].clip] = true;
    }
    if (of == e->n_clips && of > 1) {
        web_say(e->h, "All files");
        return;
    }
    for (size_t i = 0; i < e->n_clips; i++) {
        if (!seen[i])
            continue;
        event_name(e, e->clip[i], name);
        web_print(e->h, first ? "%s" : ", %s", name);
        first = false;
    }
}

static void put_details_of(struct event *e, const struct row *row)
{
    bool first = true;
    for (size_t i = 0; i < row->n; i++) {
        bool told = !row[i].details[0];
        for (size_t k = 0; k < i && !told; k++)
            told = strcmp(row[k].details, row[i].details) == 0;
        if (told)
            continue;
        web_print(e->h, first ? "%s" : ", %s", row[i].details);
        first = false;
    }
}

static void put_row(struct event *e, const struct row *row)
{
    struct web_page *h = e->h;
    web_put(h, "<tr><td>");
    if (row->at_known)
        when_put(e->serve, h, row->at_us, e->tz_min, WHEN_FULL);
    web_print(h, "</td><th scope=\"row\">%s</th><td>", happened(h, row));
    put_files_of(e, row);
    web_print(h, "</td><td>%s</td><td>", row->who);
    put_details_of(e, row);
    web_put(h, "</td></tr>\n");
}

static void put_chain(struct web_page *h, const struct reading *read)
{
    if (read->flaw[0]) {
        web_put(h, "<span class=\"badge bad\">");
        frame_icon(h, "fail");
        web_sayf(h, "The chain is broken: %s", read->flaw);
    } else {
        web_put(h, "<span class=\"badge ok\">");
        frame_icon(h, "whole");
        web_sayn(h, "Chain checked: %s entry, not changed",
                 "Chain checked: %s entries, none missing or changed", read->entries);
    }
    web_put(h, "</span>");
}

int event_custody(struct event *e, struct err *err)
{
    struct web_page *h = e->h;
    struct reading read = {.e = e};
    int rc = ERR_OK;
    buf_init(&read.rows, ROWS_BYTES_MAX);
    for (size_t i = 0; rc == ERR_OK && i < e->n_clips; i++) {
        read.clip = i;
        read.chain = (struct custody_chain){.n = 0};
        rc = catalogue_event_each(e->serve->catalogue, e->clip[i]->t.id, add_row, &read, err);
    }
    struct row *row = (struct row *)(void *)(read.rows.mem + read.rows.start);
    size_t n = read.rows.used / sizeof *row;
    if (rc == ERR_OK && n > 0) {
        qsort(row, n, sizeof *row, custody_by_time);
        group(row, n);
        web_print(h,
                  "<section class=\"panel custody wide\" aria-labelledby=\"cu\">\n<header><h2 "
                  "id=\"cu\">%s</h2>",
                  web_tr(h, "Custody"));
        put_chain(h, &read);
        web_print(h,
                  "</header>\n<table>\n<thead><tr><th scope=\"col\">%s</th><th "
                  "scope=\"col\">%s</th>",
                  web_tr(h, "Time"), web_tr(h, "What happened"));
        web_print(h,
                  "<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th>"
                  "</tr></thead>\n<tbody>\n",
                  web_tr(h, "To what"), web_tr(h, "By"), web_tr(h, "Details"));
        for (size_t i = 0; i < n; i += row[i].n)
            put_row(e, &row[i]);
        web_put(h, "</tbody>\n</table>\n</section>\n");
    }
    buf_clear(&read.rows);
    return rc;
}
