/* verify: is an evidence package what it was? */
#include "cli_internal.h"
#include "dashspool/verify.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char verify_help[] =
    "usage: dashspool verify [--ca FILE] [--reproduce] PATH…\n"
    "\n"
    "Verify evidence packages (folders or .zip files); needs neither ROOT nor a network. Footage\n"
    "is examined in a sandbox, one file at a time, in a directory below $TMPDIR. Exit status 0: "
    "all\n"
    "packages are intact; 3: at least one is not.\n"
    "\n"
    "  --ca FILE    trusted certificates (PEM) for signature and time stamp: the signer's own, or "
    "of\n"
    "               a CA that issued it. A package not signed by one of them fails\n"
    "  --reproduce  make the copies again from the originals with the recorded recipe, and "
    "compare\n"
    "               the bytes. Exit status 1 if some cannot be reproduced here\n"
    "\n"
    "example: dashspool verify case-17\n";

/* What is wrong comes before the line of its check, and is shown behind it. */
struct findings {
    char *text[VERIFY_CHECKS];
    enum verify_verdict reproduction;
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

static void on_result(void *arg, enum verify_check check, enum verify_verdict verdict,
                      const char *text)
{
    static const char *const verdicts[] = {"ok", "FAILED", "not present", "not checked"};
    struct findings *f = arg;
    if (check == VERIFY_REPRODUCTION)
        f->reproduction = verdict;
    printf("  %-15s  %-11s  %s\n", verify_check_name(check), verdicts[verdict], text);
    if (f->text[check])
        fputs(f->text[check], stdout);
    fflush(stdout); /* the next check may take its time */
}

static int verify_one(const struct verify_request *request, bool *stopped)
{
    struct findings findings = {{NULL}, VERIFY_NOT_JUDGED};
    const struct verify_listener listener = {on_result, on_problem, &findings, on_problem};
    struct err err;
    bool good = false;
    printf("%s\n", request->path);
    int rc = verify_package(request, &listener, &good, &err);
    for (int i = 0; i < VERIFY_CHECKS; i++)
        free(findings.text[i]);
    *stopped = rc == ERR_AGAIN;
    bool refused = rc == ERR_MALFORMED || rc == ERR_LIMIT || rc == ERR_UNSUPPORTED;
    if (refused)
        printf("  REFUSED: %s\n", err.text);
    else if (rc < 0)
        return cli_fail("verify", &err);
    bool all = !request->reproduce || findings.reproduction == VERIFY_OK;
    printf("  %s\n", !good ? "VERIFICATION FAILED: this package was changed or is incomplete"
                     : all ? "package verified: no problems found"
                           : "no problems found, but some copies could not be reproduced here");
    return !good ? CLI_UNVERIFIED : all ? CLI_OK : CLI_FAILED;
}

int cli_verify(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"ca", required_argument, NULL, 'c'},
                                            {"reproduce", no_argument, NULL, 'r'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct verify_request request = {.path = NULL};
    int worst = CLI_OK;
    (void)cli;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'c')
            request.ca_path = optarg;
        else if (o == 'r')
            request.reproduce = true;
        else
            return cli_option(o, argv, verify_help);
    }
    if (optind == argc)
        return cli_usage("verify", "give at least one package");
    bool stopped = false;
    for (int i = optind; i < argc && !stopped; i++) {
        request.path = argv[i];
        int rc = verify_one(&request, &stopped);
        worst = rc > worst ? rc : worst;
    }
    return worst;
}
