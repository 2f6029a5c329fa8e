/* verify: is an evidence package what it was? */
#include "cli_internal.h"
#include "dashspool/export_verify.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char verify_help[] =
    "usage: dashspool verify [--ca FILE] PATH…\n"
    "\n"
    "Checks evidence packages (folders, or .zip files), without a store and without a network.\n"
    "Exit status 0: nothing is wrong with any of them; 3: something is.\n"
    "\n"
    "  --ca FILE    certificates (PEM) of those whose signature and time stamp count: the signer's "
    "own,\n"
    "               or of an authority above it. A package that is not signed by one of them "
    "fails\n"
    "\n"
    "example: dashspool verify case-17\n";

/* What is wrong comes before the line of its check, and is shown behind it. */
struct findings {
    char *text[VERIFY_CHECKS];
};

static void on_problem(void *arg, enum verify_check check, const char *text)
{
    struct findings *f = arg;
    size_t used = f->text[check] ? strlen(f->text[check]) : 0, n = strlen(text);
    char *longer = realloc(f->text[check], used + n + 24);
    if (!longer)
        return; /* the number of faults is told all the same */
    f->text[check] = longer;
    snprintf(longer + used, n + 24, "%19s%s\n", "", text);
    for (char *p = longer + used; p[1]; p++) /* names are another's words: none to the terminal */
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}

static void on_told(void *arg, enum verify_check check, enum verify_verdict verdict,
                    const char *text)
{
    static const char *const verdicts[] = {"ok", "FAILED", "not present"};
    struct findings *f = arg;
    printf("  %-15s  %-11s  %s\n", verify_check_name(check), verdicts[verdict], text);
    if (f->text[check])
        fputs(f->text[check], stdout);
}

static int verify_one(const char *path, const char *ca_path)
{
    struct findings findings = {{NULL}};
    const struct verify_listener listener = {on_told, on_problem, &findings};
    const struct verify_request request = {path, ca_path};
    struct err err;
    bool good = false;
    printf("%s\n", path);
    int rc = verify_package(&request, &listener, &good, &err);
    for (int i = 0; i < VERIFY_CHECKS; i++)
        free(findings.text[i]);
    bool refused = rc == ERR_MALFORMED || rc == ERR_LIMIT || rc == ERR_UNSUPPORTED;
    if (refused)
        printf("  REFUSED: %s\n", err.text);
    else if (rc < 0)
        return cli_fail("verify", &err);
    printf("  %s\n",
           good ? "nothing is wrong with this package" : "THIS PACKAGE IS NOT WHAT IT WAS");
    return good ? CLI_OK : CLI_UNVERIFIED;
}

int cli_verify(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"ca", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *ca_path = NULL;
    int worst = CLI_OK;
    (void)cli;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o != 'c')
            return cli_option(o, argv, verify_help);
        ca_path = optarg;
    }
    if (optind == argc)
        return cli_usage("verify", "name a package");
    for (int i = optind; i < argc; i++) {
        int rc = verify_one(argv[i], ca_path);
        worst = rc > worst ? rc : worst;
    }
    return worst;
}
