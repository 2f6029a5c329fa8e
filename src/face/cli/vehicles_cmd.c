/* vehicles: what they are called, which lists, overlays and reports say beside the IMEI. */
#include "cli_internal.h"
#include "dashspool/review.h"
#include <stdlib.h>
#include <string.h>

struct vehicles {
    const char *name, *plate, *group;
    bool json;
    struct catalogue *c;
    int n;
};

#define AT(field) offsetof(struct vehicles, field)
#define TEXT(word, field, text)                                                        \
    {                                                                                  \
        CLI_TEXT, word, "TEXT", text, .offset = AT(field), .max = REVIEW_NAME_ROOM - 1 \
    }
static const struct cli_option vehicles_options[] = {
    TEXT("name", name, "with set: what people call it; \"\": nothing"),
    TEXT("plate", plate, "with set: its number plate"),
    TEXT("group", group, "with set: the group that it belongs to"),
    {OPT_FLAG("json", json, "print them as a JSON array")},
    {0}};

static json_t *vehicle_json(const struct review_vehicle *v)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "imei", v->imei, "name", v->name, "plate", v->plate,
                     "group", v->group);
}

static int print_one(void *arg, const struct review_vehicle *v, struct err *err)
{
    struct vehicles *o = arg;
    const char *const texts[] = {v->name, v->plate, v->group};
    if (ferror(stdout))
        return err_set(err, ERR_IO, "cannot write to standard output");
    if (o->json) {
        json_t *json = vehicle_json(v);
        char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
        json_decref(json);
        if (!text)
            return err_nomem(err, "JSON");
        cli_print_json_item(o->n++ == 0, text);
        free(text);
        return ERR_OK;
    }
    if (o->n++ == 0)
        printf("%-15s  %-24s  %-12s  %s\n", "IMEI", "NAME", "PLATE", "GROUP");
    printf("%-15s", v->imei);
    for (int i = 0; i < 3; i++) {
        const int wide[] = {24, 12, 0};
        const char *text = texts[i][0] ? cli_shown(texts[i]) : "-";
        size_t letters = 0; /* of UTF-8, which printf() counts in bytes */
        for (const char *p = text; *p; p++)
            letters += ((unsigned char)*p & 0xc0) != 0x80;
        printf("  %s%*s", text, (int)letters < wide[i] ? wide[i] - (int)letters : 0, "");
    }
    putchar('\n');
    return ERR_OK;
}

static int list(struct vehicles *o, struct err *err)
{
    int rc = review_vehicle_each(o->c, print_one, o, err);
    if (rc == ERR_OK && o->json)
        puts(o->n == 0 ? "[]" : "\n]");
    else if (rc == ERR_OK && o->n == 0)
        fprintf(stderr, "no vehicles\n");
    return rc;
}

static int import(struct vehicles *o, const char *path, struct err *err)
{
    struct review_vehicles_read n;
    int rc = review_vehicles_import(o->c, path, &n, err);
    if (rc < 0)
        return rc;
    if (o->json)
        printf("{\"added\": %d, \"changed\": %d, \"same\": %d}\n", n.added, n.changed, n.same);
    else
        printf("added: %d, changed: %d, as before: %d\n", n.added, n.changed, n.same);
    return ERR_OK;
}

static int set(struct vehicles *o, const char *imei, struct err *err)
{
    struct review_vehicle v;
    if (strlen(imei) >= sizeof v.imei)
        return err_set(err, ERR_MALFORMED, "'%.40s' is no IMEI: expected 14 or 15 digits", imei);
    int rc = review_vehicle_get(o->c, imei, &v, err);
    if (o->name)
        snprintf(v.name, sizeof v.name, "%s", o->name);
    if (o->plate)
        snprintf(v.plate, sizeof v.plate, "%s", o->plate);
    if (o->group)
        snprintf(v.group, sizeof v.group, "%s", o->group);
    if (rc == ERR_OK && (rc = review_vehicle_put(o->c, &v, err)) == ERR_OK) {
        rc = print_one(o, &v, err);
        if (rc == ERR_OK && o->json)
            puts("\n]");
    }
    return rc;
}

static int run(struct cli *cli, const struct cli_args *args)
{
    struct vehicles *o = args->options;
    struct err err;
    char **word = args->operand;
    int n = args->n_operands;
    bool imports = n > 0 && strcmp(word[0], "import") == 0;
    bool sets = n > 0 && strcmp(word[0], "set") == 0;
    bool lists = n == 0 || strcmp(word[0], "list") == 0;
    bool given = o->name || o->plate || o->group;
    if ((!imports && !sets && !lists) || n != (n == 0 ? 0 : lists ? 1 : 2))
        return cli_usage("vehicles", "expected list, import FILE or set IMEI");
    if (given != sets)
        return cli_usage("vehicles", sets ? "set: give --name, --plate or --group"
                                          : "--name, --plate and --group are for set");
    int rc = cli_catalogue_open(cli, "vehicles", &o->c);
    if (rc != CLI_OK)
        return rc;
    int done = imports ? import(o, word[1], &err) : sets ? set(o, word[1], &err) : list(o, &err);
    if (done == ERR_OK && fflush(stdout) != 0)
        done = err_set(&err, ERR_IO, "cannot write to standard output");
    rc = done < 0 ? cli_fail("vehicles", &err) : CLI_OK;
    catalogue_close(&o->c);
    return rc;
}

const struct cli_command cli_vehicles = {
    .name = "vehicles",
    .group = CLI_OPERATE,
    .summary = "list vehicles, and say what they are called",
    .forms = "[list] [--json]\nimport FILE\nset IMEI [--name TEXT] [--plate TEXT] [--group TEXT]",
    .prose = "What vehicles are called: lists, pages, overlays ({vehicle}) and reports say it "
             "beside the IMEI. import: a table (CSV) with the columns imei, name, plate and group, "
             "of which all but imei may be missing; a vehicle that it does not have stays as it "
             "is, and so does everything where a line is wrong.",
    .options = vehicles_options,
    .example = "dashspool --root /srv/dashcam vehicles set 352093081452251 --name 'Van 4' --plate "
               "'VNO 123'",
    .operand = "[list|import|set] …",
    .operands_max = 2,
    .room = sizeof(struct vehicles),
    .run = run,
};
