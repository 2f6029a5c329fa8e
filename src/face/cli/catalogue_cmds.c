/* list, cat: what is in the catalogue, and the masters' bytes. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/raw.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char list_help[] =
    "usage: dashspool list [--imei N] [--camera C] [--kind K] [--trigger T] [--since T] [--until "
    "T]\n"
    "                      [--limit N] [--json]\n"
    "\n"
    "List transfers, oldest first.\n"
    "\n"
    "  --imei N      of this tracker (IMEI)\n"
    "  --camera C    front, rear, driver, road or other\n"
    "  --kind K      video or photo\n"
    "  --trigger T   crash, request, periodic …\n"
    "  --since T     at or after T (2024-11-29, or 2024-11-29T07:00:00Z)\n"
    "  --until T     before T\n"
    "  --limit N     list at most N\n"
    "  --json        print everything known about each, as a JSON array\n"
    "\n"
    "example: dashspool list --trigger crash --since 2024-11-29\n";

static const char cat_help[] =
    "usage: dashspool cat ID > FILE\n"
    "\n"
    "Write the original bytes to standard output, verified against the checksum taken on receipt.\n"
    "The custody record notes the access and who made it.\n"
    "\n"
    "example: dashspool cat 352093081452251-front-video-20241129T072345Z > clip.h265\n";

int cli_catalogue_open(struct cli *cli, const char *command, struct catalogue **out)
{
    struct err err;
    if (catalogue_open(out, cli->root, false, &err) == ERR_OK)
        return CLI_OK;
    if (err.code == ERR_NOTFOUND)
        err_set(
            &err, ERR_NOTFOUND,
            "%s: no catalogue found; give the right directory with --root, or receive a file first",
            cli->root);
    return cli_fail(command, &err);
}

/* ---- list ---- */

struct list {
    struct catalogue *catalogue;
    json_t *json; /* NULL: a table */
    int n;
};

struct kinds {
    char text[64];
};

static int add_kind(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct kinds *k = arg;
    size_t used = strlen(k->text);
    (void)err;
    snprintf(k->text + used, sizeof k->text - used, "%s%s", used ? " " : "", copy->kind);
    return ERR_OK;
}

static int list_json(struct list *list, const struct catalogue_transfer *t, struct err *err)
{
    char *text;
    int rc = facts_transfer(list->catalogue, t, &text, err);
    if (rc < 0)
        return rc;
    if (json_array_append_new(list->json, json_loads(text, 0, NULL)) != 0)
        rc = err_set(err, ERR_NOMEM, "no memory for JSON");
    free(text);
    return rc;
}

static int list_one(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct list *list = arg;
    char size[24], length[24] = "-";
    struct kinds kinds = {""};
    if (list->json)
        return list_json(list, t, err);
    int rc = catalogue_copy_each(list->catalogue, t->key, add_kind, &kinds, err);
    if (rc < 0)
        return rc;
    if (list->n++ == 0)
        printf("%-48s  %-9s  %6s  %9s  %-9s  %s\n", "ID", "TRIGGER", "LENGTH", "SIZE", "STATE",
               "COPIES");
    if (strcmp(t->kind, "video") == 0 && t->known & CATALOGUE_HAS_META)
        snprintf(length, sizeof length, "%d s", t->length_s);
    printf("%-48s  %-9s  %6s  %9s  %-9s  %s\n", t->id,
           t->known & CATALOGUE_HAS_META ? t->trigger_name : "-", length,
           size_text(t->length_bytes, size), catalogue_state_name(t->state),
           kinds.text[0] ? kinds.text : "-");
    return ERR_OK;
}

/* A day alone means its beginning, UTC. */
static bool parse_time(const char *command, const char *option, const char *text, int64_t *out)
{
    struct err err;
    char whole[64];
    snprintf(whole, sizeof whole, strlen(text) == 10 ? "%sT00:00:00Z" : "%s", text);
    if (clock_parse(whole, 0, out, NULL, &err) == ERR_OK)
        return true;
    cli_usage(command, "%s %s: write 2024-11-29 or 2024-11-29T07:00:00Z", option, text);
    return false;
}

enum cli_filter cli_filter_option(const char *command, int o, const char *value,
                                  struct catalogue_filter *filter)
{
    switch (o) {
    case 'i':
        filter->imei = value;
        return CLI_FILTER_TAKEN;
    case 'c':
        filter->camera = value;
        return CLI_FILTER_TAKEN;
    case 'k':
        filter->kind = value;
        return CLI_FILTER_TAKEN;
    case 't':
        filter->trigger_name = value;
        return CLI_FILTER_TAKEN;
    case 's':
        return parse_time(command, "--since", value, &filter->since_us) ? CLI_FILTER_TAKEN
                                                                        : CLI_FILTER_BAD;
    case 'u':
        return parse_time(command, "--until", value, &filter->until_us) ? CLI_FILTER_TAKEN
                                                                        : CLI_FILTER_BAD;
    default:
        return CLI_FILTER_OTHER;
    }
}

int cli_list(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        CLI_FILTER_OPTIONS,
        {"limit", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct catalogue_filter filter = {0};
    struct list list = {0};
    struct err err;
    double limit = 0;
    bool json = false;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        enum cli_filter taken = cli_filter_option("list", o, optarg, &filter);
        if (taken == CLI_FILTER_BAD)
            return CLI_USAGE;
        if (taken == CLI_FILTER_TAKEN)
            continue;
        if (o == 'n' && !cli_number("list", "--limit", optarg, 1, 1e9, &limit))
            return CLI_USAGE;
        if (o == 'j')
            json = true;
        else if (o != 'n')
            return cli_option(o, argv, list_help);
    }
    if (optind < argc)
        return cli_usage("list", "unexpected argument '%s'", argv[optind]);
    filter.limit = (int64_t)limit;
    int rc = cli_catalogue_open(cli, "list", &list.catalogue);
    if (rc != CLI_OK)
        return rc;
    list.json = json ? json_array() : NULL;
    if (catalogue_transfer_each(list.catalogue, &filter, list_one, &list, &err) < 0) {
        rc = cli_fail("list", &err);
        json_decref(list.json);
    } else if (json) {
        rc = cli_print_json("list", list.json);
    } else if (list.n == 0) {
        fprintf(stderr, "no matching transfers\n");
    }
    catalogue_close(&list.catalogue);
    return rc;
}

int cli_one_id(int argc, char **argv, const char *help, bool *json, bool *custody, const char **id)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"custody", no_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        bool *flag = o == 'j' ? json : o == 'c' ? custody : NULL;
        if (!flag) {
            int rc = cli_option(o == 'h' || o == ':' ? o : '?', argv, help);
            return rc == CLI_OK ? -1 : rc;
        }
        *flag = true;
    }
    if (optind + 1 != argc)
        return cli_usage(argv[0], "give exactly one ID");
    *id = argv[optind];
    return CLI_OK;
}

int cli_transfer_get(struct catalogue *c, const char *command, const char *id,
                     struct catalogue_transfer *t)
{
    struct err err;
    if (catalogue_transfer_get(c, id, t, &err) == ERR_OK)
        return CLI_OK;
    if (err.code == ERR_NOTFOUND)
        err_set(&err, ERR_NOTFOUND, "no such transfer: %s; 'dashspool list' shows all", id);
    return cli_fail(command, &err);
}

/* ---- cat ---- */

/* Whoever may only read the store may see it all the same, but is told. */
static void note_shown(struct catalogue *c, const struct catalogue_transfer *t)
{
    struct err err;
    const struct custody_event e = {clock_utc_us(), "shown", cli_user_name(),
                                    "{\"by\":\"cat\",\"what\":\"original\"}"};
    if (catalogue_event_add(c, t->id, &e, &err) < 0)
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
    if (rc == ERR_OK)
        rc = hash_new(&showing.hash, err);
    if (rc == ERR_OK)
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

int cli_cat(struct cli *cli, int argc, char **argv)
{
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct err err;
    const char *id = NULL;
    int rc = cli_one_id(argc, argv, cat_help, NULL, NULL, &id);
    if (rc != CLI_OK)
        return rc < 0 ? CLI_OK : rc;
    if (isatty(STDOUT_FILENO))
        return cli_usage(
            "cat",
            "refusing to write binary data to a terminal; redirect it: dashspool cat %s > FILE",
            id);
    rc = cli_catalogue_open(cli, "cat", &c);
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
