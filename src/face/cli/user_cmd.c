/* user: who may use the pages. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/people.h"
#include <string.h>

struct user_options {
    const char *role;
    bool json;
};

#define AT(field) offsetof(struct user_options, field)
static const struct cli_option user_options[] = {{CLI_WORD, "role", "ROLE",
                                                  "what the person may: {}", .offset = AT(role),
                                                  .words = PEOPLE_ROLES},
                                                 {OPT_FLAG("json", json, "list: as a JSON array")},
                                                 {0}};
#undef AT

static void tell_token(const char *name, const char *token, const char *what)
{
    printf("%s\n", token);
    fprintf(stderr,
            "This is the token of %s. It is shown this once: hand it on in private. The person "
            "logs in with it and the name at the pages of 'dashspool serve'. %s\n",
            cli_shown(name), what);
}

static int add(struct people *p, const char *name, const struct user_options *o, struct err *err)
{
    char token[PEOPLE_TOKEN_ROOM];
    enum people_role role = PEOPLE_NOBODY;
    if (!people_role_of(o->role, &role))
        return err_set(err, ERR_CONFIG, "%s: no role", o->role);
    int rc = people_add(p, name, role, clock_utc_us(), token, err);
    if (rc == ERR_OK)
        tell_token(name, token, "If it is lost: dashspool user renew NAME.");
    return rc;
}

static int renew(struct people *p, const char *name, struct err *err)
{
    char token[PEOPLE_TOKEN_ROOM];
    int rc = people_renew(p, name, token, err);
    if (rc == ERR_OK)
        tell_token(name, token, "The old one, and what was open with it, is over.");
    return rc;
}

struct listed {
    json_t *json; /* NULL: lines */
    int n;
};

static int list_one(void *arg, const struct people_person *person, struct err *err)
{
    struct listed *l = arg;
    char added[CLOCK_TEXT_ROOM], removed[CLOCK_TEXT_ROOM];
    (void)err;
    clock_rfc3339(person->added_us, 0, added);
    clock_rfc3339(person->removed_us, 0, removed);
    l->n++;
    if (l->json) {
        json_array_append_new(l->json,
                              json_pack("{s:s, s:s, s:s, s:s?}", "name", person->name, "role",
                                        people_role_name(person->role), "added", added, "removed",
                                        person->removed_us ? removed : NULL));
        return ERR_OK;
    }
    printf("%-24s  %-8s  since %s", cli_shown(person->name), people_role_name(person->role), added);
    printf(person->removed_us ? ", removed %s\n" : "\n", removed);
    return ERR_OK;
}

static int list(struct people *p, bool as_json, struct err *err)
{
    struct listed l = {.json = as_json ? json_array() : NULL};
    int rc = people_each(p, list_one, &l, err);
    if (rc == ERR_OK && as_json)
        json_dumpf(l.json, stdout, JSON_INDENT(2));
    if (rc == ERR_OK && as_json)
        printf("\n");
    else if (rc == ERR_OK && l.n == 0)
        printf("nobody yet: dashspool user add NAME --role ROLE\n");
    json_decref(l.json);
    return rc;
}

static int run_user(struct cli *cli, const struct cli_args *args)
{
    const struct user_options *o = args->options;
    const char *verb = args->operand[0], *name = args->n_operands > 1 ? args->operand[1] : "";
    bool is_list = strcmp(verb, "list") == 0, is_add = strcmp(verb, "add") == 0;
    bool is_role = strcmp(verb, "role") == 0, is_renew = strcmp(verb, "renew") == 0;
    bool is_remove = strcmp(verb, "remove") == 0;
    struct people *p = NULL;
    struct err err;
    int rc = CLI_OK;
    if (!is_list && !is_add && !is_role && !is_renew && !is_remove)
        return cli_usage("user", "%s: expected add, list, role, renew or remove", cli_shown(verb));
    if (is_list != !name[0])
        return cli_usage("user", is_list ? "list takes no name" : "give a name");
    if ((is_add || is_role) != (o->role != NULL))
        return cli_usage("user", o->role ? "--role is of add and role"
                                         : "give a role with --role: viewer, reviewer or admin");
    if (o->json && !is_list)
        return cli_usage("user", "--json is of list");
    /* The first ones are added before there is anything else. */
    int done = is_add ? fsx_mkdirs(cli->root, &err) : ERR_OK;
    if (done == ERR_OK)
        done = people_open(&p, cli->root, !is_list, &err);
    if (done == ERR_NOTFOUND && is_list) {
        printf(o->json ? "[]\n" : "nobody yet: dashspool user add NAME --role ROLE\n");
        return CLI_OK;
    }
    if (done == ERR_OK && is_add)
        done = add(p, name, o, &err);
    else if (done == ERR_OK && is_list)
        done = list(p, o->json, &err);
    else if (done == ERR_OK && is_renew)
        done = renew(p, name, &err);
    else if (done == ERR_OK && is_remove)
        done = people_remove(p, name, clock_utc_us(), &err);
    else if (done == ERR_OK) {
        enum people_role role = PEOPLE_NOBODY;
        (void)people_role_of(o->role, &role);
        done = people_set_role(p, name, role, &err);
    }
    if (done < 0)
        rc = cli_fail("user", &err);
    else if (is_remove || is_role)
        printf("%s: %s; what was open is over\n", cli_shown(name),
               is_remove ? "removed" : "has another role");
    people_close(&p);
    return rc;
}

const struct cli_command cli_user = {
    .name = "user",
    .group = CLI_OPERATE,
    .summary = "who may use the pages of 'serve', and as what",
    .forms = "add NAME --role ROLE\nlist [--json]\nrole NAME --role ROLE\nrenew NAME\nremove NAME",
    .prose =
        "Whoever is added logs in at the pages with the name and a token that is shown once; from "
        "the first one on, nobody uses them without. Custody records keep the name for ever, so "
        "it is never given to somebody else.",
    .notes = "viewer: looks at events, videos, maps and the status\n"
             "reviewer: also reviews, notes, protects, requests, exports, uploads, and downloads "
             "originals and packages\n"
             "admin: also retries and drops jobs, names vehicles, and removes protections",
    .options = user_options,
    .example = "dashspool user add claims-desk-2 --role reviewer",
    .operand = "NAME",
    .operands_min = 1,
    .operands_max = 2,
    .operands_missing = "say what to do: add, list, role, renew or remove",
    .room = sizeof(struct user_options),
    .run = run_user,
};
