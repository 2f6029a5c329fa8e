/* list, cat: what is in the catalogue, and the originals' bytes. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/raw.h"
#include "dashspool/review.h"
#include "dashspool/wire.h"
#include "terminal.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- which transfers ---- */

#define AT(field) offsetof(struct catalogue_filter, field)
const struct cli_option cli_filter_options[] = {
    {OPT_TEXT("imei", "N", imei, "of this tracker (IMEI)")},
    {OPT_TEXT("vehicle", "TEXT", vehicle,
              "of vehicles with TEXT in their name, plate, group or IMEI")},
    {CLI_WORD, "camera", "C", "of this camera: {}", .offset = AT(camera),
     .words = CATALOGUE_CAMERAS},
    {CLI_WORD, "kind", "K", "{}", .offset = AT(kind), .words = CATALOGUE_KINDS},
    {CLI_TEXT, "trigger", "T", "{}", .offset = AT(trigger_name), .words = wire_trigger_words},
    {CLI_TIME, "since", "T", "at or after T (2024-11-29, or 2024-11-29T07:00:00Z)",
     .offset = AT(since_us)},
    {CLI_UNTIL, "until", "T", "before T; of a day: until its end", .offset = AT(until_us)},
    {0}};
#undef AT

static int note_one(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    (void)t;
    (void)err;
    *(bool *)arg = true;
    return ERR_OK;
}

/* Triggers without a name are "trigger-37", and those of JSON metadata are the camera's own words:
 * these are known once there is such a transfer. */
int cli_filter_check(const char *command, struct catalogue *c,
                     const struct catalogue_filter *filter)
{
    const char *name = filter->trigger_name;
    const struct catalogue_filter same = {.trigger_name = name, .limit = 1};
    char words[WORDS_TEXT_ROOM];
    bool found = !name || words_have(wire_trigger_words, name, strlen(name));
    struct err err;
    if (!found && catalogue_transfer_each(c, &same, note_one, &found, &err) < 0)
        return cli_fail(command, &err);
    if (found)
        return CLI_OK;
    return cli_usage(command, "--trigger %s: expected %s", name,
                     words_text(wire_trigger_words, words));
}

/* ---- list ---- */

/* Columns in the order of the table, and how gladly each is left out where all do not fit. */
enum column { ID, VEHICLE, TRIGGER, LENGTH, SIZE, STATE, COPIES, N_COLUMNS };

static const struct {
    const char *title;
    int wide; /* less than 0: at the left */
    int rank; /* the highest is left out first */
} columns[N_COLUMNS] = {
    [ID] = {"ID", -48, 0},         [VEHICLE] = {"VEHICLE", -16, 4}, [TRIGGER] = {"TRIGGER", -9, 2},
    [LENGTH] = {"LENGTH", 6, 3},   [SIZE] = {"SIZE", 9, 5},         [STATE] = {"STATE", -10, 1},
    [COPIES] = {"COPIES", -22, 6},
};

struct list {
    struct catalogue *catalogue;
    bool json;  /* an array; else a table */
    bool named; /* some vehicle has a name: there is a column of them */
    bool shown[N_COLUMNS];
    int n;
};

/* On a terminal of so many columns, 0: none, where everything is shown. */
static void fit(struct list *list, int wide)
{
    for (int rank = N_COLUMNS; rank >= 0; rank--) {
        int sum = -2;
        for (int i = 0; i < N_COLUMNS; i++) {
            list->shown[i] = columns[i].rank < rank && (i != VEHICLE || list->named);
            sum += list->shown[i] ? abs(columns[i].wide) + 2 : 0;
        }
        if (wide == 0 || sum <= wide || rank == 1)
            return;
    }
}

static void print_row(const struct list *list, const char *const cell[N_COLUMNS])
{
    for (int i = 0; i < N_COLUMNS; i++) {
        int wide = i == COPIES ? 0 : columns[i].wide;
        int letters = 0; /* printf() counts bytes */
        for (const char *p = cell[i]; *p; p++)
            letters += ((unsigned char)*p & 0xc0) != 0x80;
        if (!list->shown[i])
            continue;
        printf("%s%*s%s", i > 0 ? "  " : "", wide > letters ? wide - letters : 0, "", cell[i]);
        printf("%*s", -wide > letters ? -wide - letters : 0, "");
    }
    putchar('\n');
}

static int list_json(struct list *list, const struct catalogue_transfer *t, struct err *err)
{
    char *text;
    int rc = facts_transfer(list->catalogue, t, &text, err);
    if (rc < 0)
        return rc;
    cli_print_json_item(list->n++ == 0, text);
    free(text);
    return ERR_OK;
}

static int list_one(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct list *list = arg;
    char size[24], length[24];
    struct catalogue_copies copies;
    if (ferror(stdout))
        return err_set(err, ERR_IO, "cannot write to standard output");
    if (list->json)
        return list_json(list, t, err);
    int rc = catalogue_copy_summary(list->catalogue, t->key, &copies, err);
    if (rc < 0)
        return rc;
    const char *title[N_COLUMNS];
    for (int i = 0; i < N_COLUMNS; i++)
        title[i] = columns[i].title;
    if (list->n++ == 0)
        print_row(list, title);
    struct review_vehicle v = {.name = ""};
    char called[2 * REVIEW_NAME_ROOM];
    if (list->named && (rc = review_vehicle_get(list->catalogue, t->imei, &v, err)) < 0)
        return rc;
    text_shown(v.name[0] ? v.name : v.plate[0] ? v.plate : "-", called, sizeof called);
    /* What a copy was measured to have; else "~", and what the metadata announced. */
    snprintf(length, 24, "-");
    if (strcmp(t->kind, "video") == 0) {
        if (copies.duration_s > 0)
            snprintf(length, 24, copies.duration_s < 99.95 ? "%.1f s" : "%.0f s",
                     copies.duration_s);
        else if (t->known & CATALOGUE_HAS_META)
            snprintf(length, 24, "~%d s", t->length_s);
    }
    const char *const cell[N_COLUMNS] = {
        [ID] = t->id,
        [VEHICLE] = called,
        [TRIGGER] = t->known & CATALOGUE_HAS_META ? cli_shown(t->trigger_name) : "-",
        [LENGTH] = length,
        [SIZE] = size_text(t->length_bytes, size),
        [STATE] = t->state == CATALOGUE_STORED && copies.condition > CATALOGUE_WHOLE
                      ? catalogue_condition_name(copies.condition)
                      : catalogue_state_name(t->state),
        [COPIES] = copies.kinds[0] ? copies.kinds : "-",
    };
    print_row(list, cell);
    return ERR_OK;
}

struct list_options {
    struct catalogue_filter filter;
    int limit;
    bool json;
};

#define AT(field) offsetof(struct list_options, field)
static const struct cli_option list_options[] = {
    {CLI_TABLE, .table = cli_filter_options, .offset = offsetof(struct list_options, filter)},
    {OPT_INT("limit", "N", limit, 1, 1e9,
             "list at most the N oldest, and say how many were left out")},
    {OPT_FLAG("json", json, "print everything known about each, as a JSON array")},
    {0}};

static int note_named(void *arg, const struct review_vehicle *v, struct err *err)
{
    bool *named = arg;
    (void)err;
    *named = *named || v->name[0] || v->plate[0];
    return ERR_OK;
}

/* Whoever sees a part of it must know. */
static int tell_left_out(const struct list *list, struct catalogue_filter *filter, struct err *err)
{
    int64_t all;
    if (filter->limit == 0 || list->n < filter->limit)
        return ERR_OK;
    int rc = catalogue_transfer_count(list->catalogue, filter, &all, err);
    if (rc == ERR_OK && all > list->n)
        fprintf(stderr, "%lld later %s left out by --limit\n",
                SIZE_COUNT((long long)all - list->n, "transfer", "transfers"));
    return rc;
}

static int run_list(struct cli *cli, const struct cli_args *args)
{
    struct list_options *o = args->options;
    struct list list = {.json = o->json};
    struct err err;
    int rc = cli_catalogue_open(cli, "list", &list.catalogue);
    if (rc == CLI_OK)
        rc = cli_shut_in(cli, "list", false);
    if (rc == CLI_OK)
        rc = cli_filter_check("list", list.catalogue, &o->filter);
    if (rc != CLI_OK) {
        catalogue_close(&list.catalogue);
        return rc;
    }
    o->filter.limit = o->limit;
    int got = catalogue_read_begin(list.catalogue, &err);
    if (got == ERR_OK && !o->json)
        got = review_vehicle_each(list.catalogue, note_named, &list.named, &err);
    fit(&list, terminal_columns(STDOUT_FILENO));
    if (got == ERR_OK)
        got = catalogue_transfer_each(list.catalogue, &o->filter, list_one, &list, &err);
    if (got == ERR_OK && o->json) /* one that is not ended is no JSON: nobody takes it for all */
        puts(list.n == 0 ? "[]" : "\n]");
    if (got == ERR_OK && fflush(stdout) != 0)
        got = err_set(&err, ERR_IO, "cannot write to standard output");
    if (got == ERR_OK)
        got = tell_left_out(&list, &o->filter, &err);
    catalogue_rollback(list.catalogue);
    if (got < 0)
        rc = cli_fail("list", &err);
    else if (list.n == 0 && !o->json)
        fprintf(stderr, "no matching transfers\n");
    catalogue_close(&list.catalogue);
    return rc;
}

const struct cli_command cli_list = {
    .name = "list",
    .group = CLI_LOOK,
    .summary = "list transfers",
    .prose = "List transfers, oldest first. The length of a video is that of its copies; before "
             "there are any, ~ and what the camera announced. On a terminal, columns that do not "
             "fit are left out: 'dashspool list | cat' shows all.",
    .options = list_options,
    .example = "dashspool list --trigger crash --since 2024-11-29",
    .room = sizeof(struct list_options),
    .run = run_list,
};

/* ---- cat ---- */

/* Whoever may only read the store may see it all the same, but is told. */
static void note_shown(struct catalogue *c, const struct catalogue_transfer *t)
{
    struct err err;
    const struct custody_what what = {.by = "cat", .shown = "original"};
    if (catalogue_event_note(c, t->id, CATALOGUE_NOW, CUSTODY_SHOWN, cli_user_name(), &what, &err) <
        0)
        fprintf(stderr, "dashspool cat: %s: access could not be added to the custody record: %s\n",
                t->id, err.text);
}

struct showing {
    struct catalogue *catalogue;
    const struct catalogue_transfer *t;
    struct hash *hash;
    bool noted;
};

/* Noted before the first byte goes: a reader that has seen enough ends this program. */
static int cat_chunk(void *arg, const void *data, size_t n, struct err *err)
{
    struct showing *s = arg;
    if (!s->noted)
        note_shown(s->catalogue, s->t);
    s->noted = true;
    hash_update(s->hash, data, n);
    return fsx_write_all(STDOUT_FILENO, data, n, err);
}

static int cat_master(struct cli *cli, struct catalogue *c, const struct catalogue_transfer *t,
                      struct err *err)
{
    struct raw *raw = NULL;
    struct showing showing = {c, t, NULL, false};
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    int rc = raw_open(&raw, cli->root, err);
    if (rc == ERR_OK && (rc = hash_new(&showing.hash, err)) == ERR_OK)
        rc = raw_copy(raw, t->day, t->key, cat_chunk, &showing, err);
    if (rc == ERR_OK)
        rc = hash_final(showing.hash, digest, err);
    if (rc == ERR_OK && t->sha256[0]) {
        hash_hex(digest, hex);
        if (strcmp(hex, t->sha256) != 0)
            rc = err_set(err, ERR_MALFORMED,
                         "%s: checksum mismatch: SHA-256 is %s, received as %s; discard this "
                         "output, restore the original from a backup",
                         t->id, hex, t->sha256);
    }
    hash_free(&showing.hash);
    raw_close(&raw);
    return rc;
}

static int run_cat(struct cli *cli, const struct cli_args *args)
{
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct err err;
    const char *id = args->operand[0];
    if (isatty(STDOUT_FILENO))
        return cli_usage(
            "cat",
            "refusing to write binary data to a terminal; redirect it: dashspool cat %s > FILE",
            cli_shell(id));
    int rc = cli_catalogue_open(cli, "cat", &c);
    if (rc == CLI_OK)
        rc = cli_transfer_get(c, "cat", id, &t);
    if (rc == CLI_OK && t.state != CATALOGUE_STORED)
        fprintf(stderr, "dashspool cat: %s is %s: only the bytes received so far were written\n",
                id, catalogue_state_name(t.state));
    if (rc == CLI_OK && cat_master(cli, c, &t, &err) < 0)
        rc = cli_fail("cat", &err);
    catalogue_close(&c);
    return rc;
}

const struct cli_command cli_cat = {
    .name = "cat",
    .group = CLI_LOOK,
    .summary = "write a transfer's original bytes to standard output",
    .forms = "ID > FILE",
    .prose = "Write the original bytes to standard output, verified against the checksum taken on "
             "receipt. The custody record notes the access and who made it.",
    .example = "dashspool cat 352093081452251-front-video-20241129T072345Z > clip.h265",
    .operand = "ID",
    .operands_min = 1,
    .operands_max = 1,
    .operands_missing = "give exactly one ID",
    .run = run_cat,
};
