/* protect: what no rule may delete. */
#include "cli_internal.h"
#include "dashspool/catalogue_keep.h"
#include "dashspool/clock.h"
#include <stdio.h>
#include <string.h>

static const char protect_help[] =
    "usage: dashspool protect ID… --reason TEXT [--who NAME]\n"
    "       dashspool protect --release ID… [--who NAME]\n"
    "       dashspool protect --list\n"
    "\n"
    "Exempt transfers and their copies from the retention rules until they are released. "
    "Exporting\n"
    "transfers in an evidence package protects them automatically.\n"
    "\n"
    "  --reason TEXT   the reason, kept in the custody record (required)\n"
    "  --release       remove all protections of these transfers\n"
    "  --list          list protected transfers: since when, by whom and why\n"
    "  --who NAME      who decides this (default: your user name)\n"
    "\n"
    "example: dashspool protect 352093081452251-front-video-20241129T072345Z --reason 'claim 17'\n";

struct protecting {
    const char *reason, *who;
    bool release, list;
};

static int protect_one(struct catalogue *c, const struct protecting *p, const char *id)
{
    struct err err;
    struct catalogue_protection add = {.since_us = clock_utc_us()};
    int ended = 0;
    snprintf(add.who, sizeof add.who, "%s", p->who);
    if (!p->release)
        snprintf(add.reason, sizeof add.reason, "%s", p->reason);
    int rc = p->release ? catalogue_unprotect(c, id, p->who, &ended, &err)
                        : catalogue_protect(c, id, &add, &err);
    if (rc < 0)
        return cli_fail("protect", &err);
    if (!p->release)
        printf("%s: protected\n", id);
    else
        printf("%s: %s\n", id, ended ? "released" : "was not protected");
    return CLI_OK;
}

static int print_protection(void *arg, const struct catalogue_protection *p, struct err *err)
{
    const struct catalogue_transfer *t = arg;
    char since[CLOCK_TEXT_ROOM], who[sizeof p->who], reason[sizeof p->reason];
    (void)err;
    clock_rfc3339(p->since_us, 0, since);
    cli_printable(p->who, who, sizeof who);
    cli_printable(p->reason, reason, sizeof reason);
    printf("%-48s  since %s by %s: %s\n", t->id, since, who, reason);
    return ERR_OK;
}

static int list_one(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct catalogue_transfer copy = *t;
    return catalogue_protection_each(arg, t->key, print_protection, &copy, err);
}

static int run(struct cli *cli, const struct protecting *p, char **ids, int n)
{
    struct catalogue *c = NULL;
    struct err err;
    int rc = cli_catalogue_open(cli, "protect", &c);
    if (rc != CLI_OK)
        return rc;
    if (p->list && catalogue_transfer_each(c, NULL, list_one, c, &err) < 0)
        rc = cli_fail("protect", &err);
    for (int i = 0; i < n; i++) {
        int one = protect_one(c, p, ids[i]);
        rc = one == CLI_OK ? rc : one;
    }
    catalogue_close(&c);
    return rc;
}

int cli_protect(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"reason", required_argument, NULL, 'r'}, {"who", required_argument, NULL, 'w'},
        {"release", no_argument, NULL, 'R'},      {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},         {0}};
    struct protecting p = {.who = cli_user_name()};
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'r')
            p.reason = optarg;
        else if (o == 'w')
            p.who = optarg;
        else if (o == 'R' || o == 'l')
            *(o == 'R' ? &p.release : &p.list) = true;
        else
            return cli_option(o, argv, protect_help);
    }
    if (p.list ? p.release || p.reason || optind < argc : optind == argc)
        return cli_usage("protect", p.list ? "--list takes no other arguments" : "give IDs");
    if (!p.list && !p.release == !p.reason)
        return cli_usage("protect", "give a reason with --reason, or use --release");
    if (!p.who[0] || (p.reason && (!p.reason[0] || strlen(p.reason) >= CATALOGUE_REASON_ROOM)))
        return cli_usage("protect", "--who and --reason must be 1 to %d bytes long",
                         CATALOGUE_REASON_ROOM - 1);
    return run(cli, &p, argv + optind, argc - optind);
}
