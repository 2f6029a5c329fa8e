/* The events: what came, the newest first, of a choice; each to look at, and to mark as reviewed.
 */
#include "dashspool/clock.h"
#include "serve_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 50, DAYS_MAX = 400 };

#define DAMAGED_CONDITIONS (1u << REVIEW_DAMAGED | 1u << REVIEW_ENDS_EARLY | 1u << REVIEW_PARTIAL)
#define WAITING_CONDITIONS (1u << REVIEW_WAITING | 1u << REVIEW_RECEIVING)
#define FAILED_CONDITIONS  (1u << REVIEW_FAILED)

struct list {
    struct serve *serve;
    const struct web_ask *ask;
    struct web_page h;
    struct filter filter;
    struct review_counts base;  /* of the filter without what the quick filters choose */
    int64_t crashes, kept;      /* … of base; kept: protected */
    struct review_counts found; /* of the filter */
    int64_t ever;               /* of any filter; looked at where nothing was found */
    int64_t newest_day;         /* of base; FILTER_ANY: none */
    struct counts_day strip[COUNTS_STRIP];
    struct review_event *event; /* of this page */
    size_t n;
};

/* ---- counting ---- */

static bool same_choice(const struct filter *a, const struct filter *b)
{
    return strcmp(a->trigger, b->trigger) == 0 && a->conditions == b->conditions &&
           a->marks == b->marks && a->no_marks == b->no_marks;
}

/* Whose page it is, but for what the quick filters choose. */
static struct filter base_of(const struct filter *f)
{
    struct filter base = *f;
    base.trigger[0] = '\0';
    base.conditions = base.marks = base.no_marks = 0;
    base.page = 1;
    return base;
}

static int note_newest(void *arg, const struct review_event *e, struct err *err)
{
    struct list *l = arg;
    (void)err;
    l->newest_day = when_day(l->serve, e->at_us);
    return ERR_OK;
}

static int count_all(struct list *l, struct err *err)
{
    struct filter base = base_of(&l->filter), of = base;
    struct review_counts some = {0};
    struct filter any = {.from = FILTER_ANY, .to = FILTER_ANY};
    int rc = counts_of(l->serve, &base, &l->base, err);
    snprintf(of.trigger, sizeof of.trigger, "crash");
    if (rc == ERR_OK && (rc = counts_of(l->serve, &of, &some, err)) == ERR_OK)
        l->crashes = some.all;
    of = base;
    of.marks = REVIEW_PROTECTED;
    if (rc == ERR_OK && (rc = counts_of(l->serve, &of, &some, err)) == ERR_OK)
        l->kept = some.all;
    l->found = l->base;
    if (rc == ERR_OK && !same_choice(&base, &l->filter))
        rc = counts_of(l->serve, &l->filter, &l->found, err);
    l->ever = l->found.all;
    if (rc == ERR_OK && l->found.all == 0 && (rc = counts_of(l->serve, &any, &some, err)) == ERR_OK)
        l->ever = some.all;
    return rc;
}

static int keep_event(void *arg, const struct review_event *e, struct err *err)
{
    struct list *l = arg;
    (void)err;
    if (l->n < ROWS)
        l->event[l->n++] = *e;
    return ERR_OK;
}

static int collect(struct list *l, struct err *err)
{
    struct serve *s = l->serve;
    struct filter base = base_of(&l->filter);
    base.from = base.to = FILTER_ANY;
    struct review_filter filter = filter_review(s, &l->filter), newest = filter_review(s, &base);
    if (!(l->event = calloc(ROWS, sizeof *l->event)))
        return err_nomem(err, "a page of events");
    int rc = count_all(l, err);
    if (rc == ERR_OK)
        rc = review_each(s->catalogue, &newest, 0, 1, note_newest, l, err);
    if (rc == ERR_OK)
        rc = review_each(s->catalogue, &filter, (l->filter.page - 1) * ROWS, ROWS, keep_event, l,
                         err);
    return rc;
}

/* ---- links ---- */

static void begin_link(struct list *l, const struct filter *f, const char *attributes)
{
    web_put(&l->h, "<a ");
    web_put(&l->h, attributes);
    web_put(&l->h, " href=\"/");
    filter_put(&l->h, f);
    web_put(&l->h, "\">");
}

/* ---- the head ---- */

static void put_views(struct list *l)
{
    struct web_page *h = &l->h;
    struct filter as = l->filter;
    web_print(h, "<span class=\"seg\" role=\"group\" aria-label=\"%s\">", web_tr(h, "View"));
    as.table = false;
    begin_link(l, &as, l->filter.table ? "" : "aria-current=\"true\"");
    frame_icon(h, "grid");
    web_print(h, "%s</a>", web_tr(h, "Cards"));
    as.table = true;
    begin_link(l, &as, l->filter.table ? "aria-current=\"true\"" : "");
    frame_icon(h, "rows");
    web_print(h, "%s</a></span>\n", web_tr(h, "Table"));
}

static void put_head(struct list *l)
{
    struct web_page *h = &l->h;
    struct filter fresh = l->filter;
    fresh.page = 1;
    web_print(h, "<div class=\"pagehead\">\n<h1>%s</h1>\n<p><b>", web_tr(h, "Events"));
    web_number(h, l->found.all);
    web_print(h, "</b> %s", web_trn(h, "event", "events", l->found.all));
    if (l->found.to_review > 0) {
        web_put(h, ", <b>");
        web_number(h, l->found.to_review);
        web_print(h, "</b> %s", web_tr(h, "to review"));
    }
    web_put(h, "</p>\n<a class=\"fresh\" data-fresh hidden data-page=\"");
    web_number(h, l->filter.page);
    web_put(h, "\" href=\"/");
    filter_put(h, &fresh);
    web_print(h, "\" data-one=\"%s\" data-many=\"%s\">", web_tr(h, "1 new event"),
              web_tr(h, "%s new events"));
    frame_icon(h, "retry");
    web_put(h, "<span role=\"status\"></span></a>\n<span class=\"push row\">\n");
    put_views(l);
    if (l->ask->role >= PEOPLE_REVIEWER) {
        web_put(h, "<a class=\"button\" href=\"/upload\">");
        frame_icon(h, "up");
        web_print(h, "%s</a>\n", web_tr(h, "Upload"));
    }
    if (l->ask->role >= PEOPLE_REVIEWER && live_count(l->serve)->asks) {
        web_put(h, "<a class=\"button\" href=\"/requests#form\">");
        frame_icon(h, "ask");
        web_print(h, "<span class=\"long\">%s</span><span class=\"only-s\">%s</span></a>\n",
                  web_tr(h, "Request footage"), web_tr(h, "Request"));
    }
    web_put(h, "</span>\n</div>\n");
}

/* Four weeks: up to the last day that is chosen; else to today, or to when there is something. */
static int64_t calendar_end(const struct list *l)
{
    const struct filter *f = &l->filter;
    int64_t today = when_day(l->serve, clock_utc_us());
    int64_t end = today;
    if (f->from == FILTER_ANY && f->to == FILTER_ANY && l->newest_day != FILTER_ANY &&
        l->newest_day <= today - COUNTS_STRIP)
        end = l->newest_day;
    if (f->to != FILTER_ANY && (f->to < today - COUNTS_STRIP + 1 || f->from != f->to))
        end = f->to;
    else if (f->to == FILTER_ANY && f->from != FILTER_ANY && f->from < today - COUNTS_STRIP + 1)
        end = f->from + COUNTS_STRIP - 1;
    return end > today ? today : end;
}

/* ---- quick filters ---- */

static void put_tab(struct list *l, const struct filter *f, const char *words, int64_t n, bool bad)
{
    struct web_page *h = &l->h;
    begin_link(l, f, same_choice(f, &l->filter) ? "aria-current=\"true\"" : "");
    web_put(h, words);
    web_put(h, bad && n > 0 ? " <span class=\"count bad\">" : " <span class=\"count\">");
    web_number(h, n);
    web_put(h, "</span></a>\n");
}

static int64_t of_conditions(const struct review_counts *n, unsigned conditions)
{
    int64_t sum = 0;
    for (int i = 0; i < REVIEW_CONDITIONS; i++)
        sum += conditions & 1u << i ? n->condition[i] : 0;
    return sum;
}

static void put_tabs(struct list *l)
{
    struct web_page *h = &l->h;
    const struct review_counts *n = &l->base;
    struct filter base = base_of(&l->filter), f = base;
    web_print(h, "<nav class=\"tabs\" aria-label=\"%s\">\n", web_tr(h, "Quick filters"));
    put_tab(l, &f, web_tr(h, "All"), n->all, false);
    f.no_marks = REVIEW_REVIEWED;
    put_tab(l, &f, web_tr(h, "To review"), n->to_review, false);
    f = base;
    snprintf(f.trigger, sizeof f.trigger, "crash");
    put_tab(l, &f, web_tr(h, "Crash"), l->crashes, false);
    static const struct {
        unsigned conditions;
        const char *msgid;
        bool bad;
    } tabs[] = {{DAMAGED_CONDITIONS, "Damaged or cut short", false},
                {WAITING_CONDITIONS, W_("Waiting"), false},
                {FAILED_CONDITIONS, "Failed", true}};
    for (size_t i = 0; i < sizeof tabs / sizeof *tabs; i++) {
        f = base;
        f.conditions = tabs[i].conditions;
        put_tab(l, &f, web_tr(h, tabs[i].msgid), of_conditions(n, f.conditions), tabs[i].bad);
    }
    f = base;
    f.marks = REVIEW_PROTECTED;
    put_tab(l, &f, web_tr(h, "Protected"), l->kept, false);
    web_put(h, "</nav>\n");
}

/* ---- the form ---- */

static void begin_choice(struct web_page *h, const char *name, const char *label, const char *any)
{
    web_print(h,
              "<label><span class=\"hidden\">%s</span><select name=\"%s\"><option value=\"\">%s"
              "</option>",
              label, name, any);
}

static void put_option(struct web_page *h, const char *value, bool chosen, const char *words)
{
    web_print(h,
              chosen ? "<option value=\"%s\" selected>%s</option>"
                     : "<option value=\"%s\">%s</option>",
              value, words);
}

static void put_triggers(struct list *l)
{
    struct web_page *h = &l->h;
    const char *name, *chosen = l->filter.trigger;
    bool known = !chosen[0];
    begin_choice(h, "trigger", web_tr(h, "Trigger"), web_tr(h, "Any trigger"));
    for (size_t i = 0; (name = words_trigger_at(i)) != NULL; i++) {
        put_option(h, name, strcmp(name, chosen) == 0, words_trigger(h, name));
        known = known || strcmp(name, chosen) == 0;
    }
    if (!known)
        put_option(h, chosen, true, chosen);
    web_put(h, "</select></label>\n");
}

static void put_cameras(struct list *l)
{
    struct web_page *h = &l->h;
    unsigned chosen = l->filter.cameras;
    begin_choice(h, "cameras", web_tr(h, "Cameras"), web_tr(h, "Any camera"));
    for (unsigned bit = REVIEW_FRONT; bit <= REVIEW_OTHER; bit <<= 1)
        put_option(h, words_camera_name(bit), chosen == bit, words_camera(h, bit));
    put_option(h, "front,rear", chosen == (REVIEW_FRONT | REVIEW_REAR),
               web_tr(h, "Front and rear"));
    web_put(h, "</select></label>\n");
}

static void put_conditions(struct list *l)
{
    struct web_page *h = &l->h;
    unsigned chosen = l->filter.conditions;
    begin_choice(h, "condition", web_tr(h, "Condition"), web_tr(h, "Any condition"));
    for (int i = 0; i < REVIEW_CONDITIONS; i++)
        put_option(h, review_condition_name((enum review_condition)i), chosen == 1u << i,
                   words_condition(h, (enum review_condition)i));
    put_option(h, "ends-early,damaged,partial", chosen == DAMAGED_CONDITIONS,
               web_tr(h, "Damaged or cut short"));
    put_option(h, "receiving,waiting", chosen == WAITING_CONDITIONS, web_tr(h, "Not ready yet"));
    web_put(h, "</select></label>\n");
}

static const struct {
    const char *value;
    unsigned marks, no_marks;
    const char *msgid;
} mark_choices[] = {
    {"to-review", 0, REVIEW_REVIEWED, "To review"},
    {"reviewed", REVIEW_REVIEWED, 0, "Reviewed"},
    {"protected", REVIEW_PROTECTED, 0, "Protected"},
    {"noted", REVIEW_NOTED, 0, W_("With a note")},
    {"case", REVIEW_CASE, 0, W_("With a case number")},
    {"exported", REVIEW_EXPORTED, 0, "Exported"},
    {"requested", REVIEW_REQUESTED, 0, W_("Was requested")},
};
enum { MARK_CHOICES = sizeof mark_choices / sizeof *mark_choices };

static void put_mark_choices(struct list *l)
{
    struct web_page *h = &l->h;
    const struct filter *f = &l->filter;
    begin_choice(h, "marks", web_tr(h, "Marks"), web_tr(h, "Any mark"));
    for (size_t i = 0; i < MARK_CHOICES; i++)
        put_option(h, mark_choices[i].value,
                   f->marks == mark_choices[i].marks && f->no_marks == mark_choices[i].no_marks,
                   web_tr(h, mark_choices[i].msgid));
    web_put(h, "</select></label>\n");
}

static void put_day_field(struct list *l, const char *name, const char *label, int64_t day)
{
    char text[CLOCK_DATE_ROOM] = "";
    if (day != FILTER_ANY)
        clock_date(day * 86400 * INT64_C(1000000), text);
    web_print(&l->h,
              "<label class=\"row\"><span class=\"soft\">%s</span><input type=\"date\" name=\"%s\" "
              "value=\"%s\"></label>\n",
              label, name, text);
}

/* ---- chips: what is chosen, each with the link that removes it ---- */

static void begin_chip(struct list *l, const struct filter *without)
{
    begin_link(l, without, "class=\"chip\"");
}

static void end_chip(struct list *l)
{
    web_put(&l->h, " ");
    frame_icon(&l->h, "close");
    web_print(&l->h, "<span class=\"hidden\">%s</span></a>\n", web_tr(&l->h, "remove this filter"));
}

static void put_days_chip(struct list *l)
{
    struct web_page *h = &l->h;
    const struct filter *f = &l->filter;
    char from[WHEN_ROOM] = "", to[WHEN_ROOM] = "";
    if (f->from != FILTER_ANY)
        when_day_text(l->serve, h, f->from, WHEN_DATE, from);
    if (f->to != FILTER_ANY)
        when_day_text(l->serve, h, f->to, WHEN_DATE, to);
    if (f->from == f->to)
        web_text(h, from);
    else if (from[0] && to[0])
        web_sayf(h, "%s to %s", from, to);
    else
        web_sayf(h, from[0] ? "from %s on" : "until %s", from[0] ? from : to);
}

static void put_words_of_conditions(struct list *l)
{
    bool first = true;
    for (int i = 0; i < REVIEW_CONDITIONS; i++) {
        if (!(l->filter.conditions & 1u << i))
            continue;
        web_print(&l->h, first ? "%s" : ", %s", words_condition(&l->h, (enum review_condition)i));
        first = false;
    }
}

static void put_words_of_marks(struct list *l)
{
    bool first = true;
    for (size_t i = 0; i < MARK_CHOICES; i++) {
        unsigned has = l->filter.marks & mark_choices[i].marks;
        unsigned lacks = l->filter.no_marks & mark_choices[i].no_marks;
        if (!has && !lacks)
            continue;
        web_print(&l->h, first ? "%s" : ", %s", web_tr(&l->h, mark_choices[i].msgid));
        first = false;
    }
}

static void put_vehicle_chip(struct list *l)
{
    struct review_vehicle v;
    struct err unimportant; /* its number says it as well */
    if (review_vehicle_get(l->serve->catalogue, l->filter.imei, &v, &unimportant) == ERR_OK)
        words_vehicle(&l->h, &v);
    else
        web_text(&l->h, l->filter.imei);
}

static void put_chips(struct list *l)
{
    struct filter base = l->filter, f;
    base.page = 1;
    if ((f = base).q[0]) {
        f.q[0] = '\0';
        begin_chip(l, &f);
        web_sayf(&l->h, "“%s”", l->filter.q);
        end_chip(l);
    }
    if ((f = base).imei[0]) {
        f.imei[0] = '\0';
        begin_chip(l, &f);
        put_vehicle_chip(l);
        end_chip(l);
    }
    if ((f = base).trigger[0]) {
        f.trigger[0] = '\0';
        begin_chip(l, &f);
        web_text(&l->h, words_trigger(&l->h, l->filter.trigger));
        end_chip(l);
    }
    if ((f = base).cameras) {
        f.cameras = 0;
        begin_chip(l, &f);
        words_cameras(&l->h, l->filter.cameras, 0, 1);
        end_chip(l);
    }
    if ((f = base).conditions) {
        f.conditions = 0;
        begin_chip(l, &f);
        put_words_of_conditions(l);
        end_chip(l);
    }
    f = base;
    if (f.marks | f.no_marks) {
        f.marks = f.no_marks = 0;
        begin_chip(l, &f);
        put_words_of_marks(l);
        end_chip(l);
    }
    f = base;
    if (f.from != FILTER_ANY || f.to != FILTER_ANY) {
        f.from = f.to = FILTER_ANY;
        begin_chip(l, &f);
        put_days_chip(l);
        end_chip(l);
    }
}

static void put_form(struct list *l)
{
    struct web_page *h = &l->h;
    const char *find = web_tr(h, "Vehicle, plate, IMEI, case or note");
    web_print(h, "<form class=\"filters\" action=\"/\" role=\"search\" aria-label=\"%s\">\n",
              web_tr(h, "Filter events"));
    web_put(h, "<label class=\"find\">");
    frame_icon(h, "find");
    web_print(h,
              "<span class=\"hidden\">%s</span><input type=\"search\" name=\"q\" maxlength=\"120\" "
              "placeholder=\"%s\" value=\"%s\"></label>\n",
              find, find, l->filter.q);
    put_triggers(l);
    put_cameras(l);
    put_conditions(l);
    put_mark_choices(l);
    put_day_field(l, "from", web_tr(h, "From"), l->filter.from);
    put_day_field(l, "to", web_tr(h, "to"), l->filter.to);
    if (l->filter.imei[0])
        web_print(h, "<input type=\"hidden\" name=\"imei\" value=\"%s\">", l->filter.imei);
    if (l->filter.table)
        web_put(h, "<input type=\"hidden\" name=\"view\" value=\"table\">");
    web_print(h, "<button>%s</button>\n", web_tr(h, "Show"));
    put_chips(l);
    web_put(h, "</form>\n");
}

/* ---- the events ---- */

static void put_keys(struct web_page *h)
{
    web_print(h,
              "<p class=\"keys push\"><span><kbd>j</kbd><kbd>k</kbd> %s</span><span>"
              "<kbd>Enter</kbd> %s</span><span><kbd>r</kbd> %s</span><span><kbd>/</kbd> %s</span>"
              "<span><kbd>?</kbd> %s</span></p>",
              web_tr(h, "next, previous"), web_tr(h, "open"), web_tr(h, "reviewed"),
              web_tr(h, "find"), web_tr(h, "all keys"));
}

static int put_cards(struct list *l, struct err *err)
{
    struct web_page *h = &l->h;
    struct serve *s = l->serve;
    char text[WHEN_ROOM];
    int64_t newest = when_day(s, l->event[0].at_us);
    int64_t oldest = when_day(s, l->event[l->n - 1].at_us), n = newest - oldest + 1;
    bool near = oldest >= l->strip[0].day && newest <= l->strip[COUNTS_STRIP - 1].day;
    struct counts_day *made = !near && n <= DAYS_MAX ? calloc((size_t)n, sizeof *made) : NULL;
    const struct counts_day *days = near ? &l->strip[oldest - l->strip[0].day] : made;
    int rc = made ? counts_days(s, &l->filter, oldest, n, made, err) : ERR_OK;
    web_print(h, "<section id=\"cards\" aria-label=\"%s\">\n", web_tr(h, "Events as cards"));
    for (size_t i = 0; rc == ERR_OK && i < l->n; i++) {
        int64_t day = when_day(s, l->event[i].at_us);
        if (i == 0 || day != when_day(s, l->event[i - 1].at_us)) {
            when_day_text(s, h, day, WHEN_LONG_DAY, text);
            web_put(h, i == 0 ? "" : "</ol>\n");
            web_print(h, "<div class=\"day\"><h2>%s</h2>", text);
            if (days) {
                web_put(h, "<p>");
                calendar_say(h, &days[day - oldest]);
                web_put(h, "</p>");
            }
            if (i == 0)
                put_keys(h);
            web_put(h, "</div>\n<ol class=\"cards\">\n");
        }
        rc = cards_put(s, h, l->ask, &l->event[i], &l->filter, err);
    }
    web_put(h, "</ol>\n</section>\n");
    free(made);
    return rc;
}

static int put_table(struct list *l, struct err *err)
{
    int rc = ERR_OK;
    web_print(&l->h, "<section id=\"table\" aria-label=\"%s\">\n",
              web_tr(&l->h, "Events as a table"));
    cards_table_begin(&l->h);
    for (size_t i = 0; rc == ERR_OK && i < l->n; i++)
        rc = cards_table_put(l->serve, &l->h, l->ask, &l->event[i], &l->filter, err);
    cards_table_end(&l->h);
    web_put(&l->h, "</section>\n");
    return rc;
}

/* ---- nothing to show ---- */

static void put_nothing(struct list *l)
{
    struct web_page *h = &l->h;
    struct filter f = {.from = FILTER_ANY, .to = FILTER_ANY, .table = l->filter.table, .page = 1};
    if (l->found.all > 0) {
        int64_t pages = (l->found.all + ROWS - 1) / ROWS;
        f = l->filter;
        f.page = pages;
        frame_void(h, "find", web_tr(h, "There is no such page"),
                   web_tr(h, "The list has become shorter, or the address is wrong."));
        begin_link(l, &f, "class=\"button\"");
        web_print(h, "%s</a>", web_tr(h, "Last page"));
    } else if (l->ever > 0) {
        frame_void(h, "find", web_tr(h, "No event matches these filters"),
                   web_tr(h, "Remove one of them above, or all."));
        begin_link(l, &f, "class=\"button\"");
        web_print(h, "%s</a>", web_tr(h, "Remove all filters"));
    } else {
        frame_void(h, "mark", web_tr(h, "No footage has arrived yet"),
                   web_tr(h, "Point a camera at this server, or upload files that you have."));
        if (l->ask->role >= PEOPLE_REVIEWER) {
            web_put(h, "<a class=\"button primary\" href=\"/upload\">");
            frame_icon(h, "up");
            web_print(h, "%s</a>", web_tr(h, "Upload"));
        }
        web_print(h, "<a class=\"button\" href=\"/status\">%s</a>", web_tr(h, "Status"));
    }
    frame_void_end(h);
}

/* ---- pages ---- */

/* Where it leads nowhere it is there all the same, so that nothing moves below the pointer. */
static void put_step(struct list *l, int64_t page, bool leads, const char *icon, const char *rel,
                     const char *words)
{
    struct web_page *h = &l->h;
    struct filter f = l->filter;
    f.page = page;
    if (leads) {
        web_print(h, "<a class=\"button%s\"%s href=\"/", icon ? " icon" : "", "");
        filter_put(h, &f);
        web_print(h, "\" rel=\"%s\">", rel);
    } else {
        web_print(h, "<span class=\"button%s\" aria-disabled=\"true\">", icon ? " icon" : "");
    }
    if (icon) {
        frame_icon(h, icon);
        web_print(h, "<span class=\"hidden\">%s</span>", words);
    } else {
        web_text(h, words);
    }
    web_put(h, leads ? "</a>\n" : "</span>\n");
}

static void put_pager(struct list *l)
{
    struct web_page *h = &l->h;
    char text[4][24];
    int64_t page = l->filter.page, first = (page - 1) * ROWS + 1;
    int64_t pages = (l->found.all + ROWS - 1) / ROWS;
    const int64_t numbers[4] = {first, first + (int64_t)l->n - 1, l->found.all, pages};
    for (int i = 0; i < 4; i++)
        snprintf(text[i], sizeof text[i], "%" PRId64, numbers[i]);
    web_print(h, "<nav class=\"pager\" aria-label=\"%s\">\n<p>", web_tr(h, "Pages"));
    web_sayf(h, "%s to %s of %s", text[0], text[1], text[2]);
    web_put(h, "</p>\n");
    put_step(l, 1, page > 1, NULL, "first", web_tr(h, "First"));
    put_step(l, page - 1, page > 1, "prev", "prev", web_tr(h, "Previous page"));
    snprintf(text[0], sizeof text[0], "%" PRId64, page);
    web_put(h, "<span>");
    web_sayf(h, "Page %s of %s", text[0], text[3]);
    web_put(h, "</span>\n");
    put_step(l, page + 1, page < pages, "next", "next", web_tr(h, "Next page"));
    put_step(l, pages, page < pages, NULL, "last", web_tr(h, "Last"));
    web_put(h, "</nav>\n");
}

static void put_keymap(struct web_page *h)
{
    static const struct {
        const char *keys[2], *msgid;
    } keys[] = {{{"J", "K"}, "Next, previous event"},
                {{"Enter", NULL}, W_("Open it")},
                {{"R", NULL}, W_("Mark it as reviewed")},
                {{"/", NULL}, W_("Find")},
                {{"?", NULL}, "This list"}};
    web_print(h,
              "<aside class=\"sheet\" id=\"keymap\" popover aria-labelledby=\"keymap-h\">\n<header>"
              "<h2 id=\"keymap-h\">%s</h2><button class=\"plain icon\" popovertarget=\"keymap\" "
              "popovertargetaction=\"hide\" aria-label=\"%s\">",
              web_tr(h, "Keys"), web_tr(h, "Close"));
    frame_icon(h, "close");
    web_put(h, "</button></header>\n<dl class=\"keymap\">");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        web_print(h, "<dt><kbd>%s</kbd>", keys[i].keys[0]);
        if (keys[i].keys[1])
            web_print(h, " <kbd>%s</kbd>", keys[i].keys[1]);
        web_print(h, "</dt><dd>%s</dd>", web_tr(h, keys[i].msgid));
    }
    web_print(h,
              "</dl>\n<p><label class=\"check\"><input type=\"checkbox\" data-keys checked>%s"
              "</label></p>\n</aside>\n",
              web_tr(h, "Single letters are keys"));
}

static int put_page(struct list *l, struct err *err)
{
    struct web_page *h = &l->h;
    int rc = ERR_OK;
    put_head(l);
    calendar_put(l->serve, h, &l->filter, l->strip);
    put_tabs(l);
    put_form(l);
    if (l->n > 0)
        rc = l->filter.table ? put_table(l, err) : put_cards(l, err);
    else
        put_nothing(l);
    if (l->n > 0)
        put_pager(l);
    put_keymap(h);
    web_put(h, "<template data-reviewed>");
    cards_reviewed(h);
    web_put(h, "</template>\n");
    frame_script(h, "list.js");
    return rc;
}

int serve_events(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct serve *s = app;
    struct list l = {.serve = s, .ask = ask, .newest_day = FILTER_ANY};
    int rc = filter_read(ask, &l.filter, err);
    if (rc < 0)
        return rc;
    frame_begin(s, &l.h, ask, "Events");
    if ((rc = catalogue_read_begin(s->catalogue, err)) == ERR_OK)
        rc = collect(&l, err);
    if (rc == ERR_OK)
        rc = counts_strip(s, &l.filter, calendar_end(&l) - COUNTS_STRIP + 1, l.strip, err);
    if (rc == ERR_OK)
        rc = put_page(&l, err);
    if (rc < 0)
        web_page_clear(&l.h);
    catalogue_rollback(s->catalogue);
    free(l.event);
    return rc < 0 ? rc : frame_send(s, &l.h, ask, out, err);
}
