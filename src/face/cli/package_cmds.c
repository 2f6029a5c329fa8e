/* verify, attach-timestamp, keygen: what belongs to an evidence package once it is made, and the
 * key that signs it. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/export.h"
#include "dashspool/seal.h"
#include "dashspool/verify.h"
#include "terminal.h"
#include <stdlib.h>
#include <string.h>

/* ---- verify ---- */

static int set_require(void *at, const char *text, struct err *err)
{
    unsigned *require = at;
    bool signature = strcmp(text, "signature") == 0;
    if (!signature && strcmp(text, "timestamp") != 0)
        return err_set(err, ERR_CONFIG, "expected signature or timestamp");
    *require |= signature ? VERIFY_REQUIRE_SIGNATURE : VERIFY_REQUIRE_STAMP;
    return ERR_OK;
}

/* As export, sha256sum, openssl or certutil print it. */
static int set_fingerprint(void *at, const char *text, struct err *err)
{
    char *out = at;
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        char c = *p >= 'A' && *p <= 'F' ? (char)(*p - 'A' + 'a') : *p;
        if (c == ' ' || c == ':')
            continue;
        if (n == HASH_HEX_ROOM - 1 || !c || !strchr("0123456789abcdef", c))
            return err_set(err, ERR_CONFIG, "expected 64 hexadecimal digits");
        out[n++] = c;
    }
    out[n] = '\0';
    return n == HASH_HEX_ROOM - 1 ? ERR_OK
                                  : err_set(err, ERR_CONFIG, "expected 64 hexadecimal digits");
}

struct verify_options {
    struct verify_request request;
    bool page;
};

#define AT(field) offsetof(struct verify_options, field)
static const struct cli_option verify_options[] = {
    {OPT_TEXT("ca", "FILE", request.ca_path,
              "trusted certificates (PEM) for signature and time stamp: the signer's own, or of "
              "a CA that issued it. A package not signed by one of them fails")},
    {CLI_SET, "fingerprint", "HEX",
     "the fingerprint that was noted when the package was made: another one fails",
     .offset = AT(request.fingerprint), .set = set_fingerprint},
    {CLI_SET, "require", "signature|timestamp", "fail if the package has none; may be given twice",
     .offset = AT(request.require), .set = set_require},
    {OPT_FLAG("reproduce", request.reproduce,
              "make the copies again from the originals with the recorded recipe, and compare "
              "the bytes. Exit status 1 if some cannot be reproduced here")},
    {OPT_FLAG("page", page,
              "print verify.html instead: a page that checks packages in a browser, without "
              "dashspool and without a network")},
    {0}};
#undef AT

/* What is wrong comes before the line of its check, and is shown behind it. */
struct findings {
    char *text[VERIFY_CHECKS];
    enum verify_verdict reproduction;
    bool changed;
    char unmet[400]; /* the first thing that was demanded and is not so */
};

static void on_problem(void *arg, enum verify_check check, const char *text)
{
    struct findings *f = arg;
    text = cli_shown(text); /* names are another's words */
    size_t used = f->text[check] ? strlen(f->text[check]) : 0, n = strlen(text);
    char *longer = realloc(f->text[check], used + n + 24);
    if (!longer)
        return; /* the number of faults is told all the same */
    f->text[check] = longer;
    snprintf(longer + used, n + 24, "%19s%s\n", "", text);
}

static void on_told(void *arg, enum verify_check check, enum verify_verdict verdict,
                    const char *text)
{
    static const char *const verdicts[] = {"ok", "FAILED", "FAILED", "not present", "not checked"};
    struct findings *f = arg;
    if (check == VERIFY_REPRODUCTION)
        f->reproduction = verdict;
    f->changed = f->changed || verdict == VERIFY_FAILED;
    if (verdict == VERIFY_UNMET && !f->unmet[0])
        snprintf(f->unmet, sizeof f->unmet, "%s", text);
    printf("  %-15s  %-11s  %s\n", verify_check_name(check), verdicts[verdict], cli_shown(text));
    if (f->text[check])
        fputs(f->text[check], stdout);
    fflush(stdout); /* the next check may take its time */
}

static int verify_one(const struct verify_request *request, bool *stopped)
{
    struct findings findings = {.reproduction = VERIFY_NOT_JUDGED};
    const struct verify_listener listener = {on_told, on_problem, &findings, on_problem};
    struct err err;
    bool good = false;
    printf("%s\n", cli_shown(request->path));
    int rc = verify_package(request, &listener, &good, &err);
    for (int i = 0; i < VERIFY_CHECKS; i++)
        free(findings.text[i]);
    *stopped = rc == ERR_AGAIN;
    bool refused = rc == ERR_MALFORMED || rc == ERR_LIMIT || rc == ERR_UNSUPPORTED;
    if (refused)
        printf("  REFUSED: %s\n", err.text);
    else if (rc < 0)
        return cli_fail_or_usage("verify", &err);
    bool unmet = !refused && !findings.changed && findings.unmet[0];
    bool all = !request->reproduce || findings.reproduction == VERIFY_OK;
    printf("  %s%s\n",
           !good ? "VERIFICATION FAILED: "
           : all ? "package verified: no problems found"
                 : "no problems found, but some copies could not be reproduced here",
           good    ? ""
           : unmet ? findings.unmet
                   : "this package was changed or is incomplete");
    return !good ? CLI_UNVERIFIED : all ? CLI_OK : CLI_FAILED;
}

static int run_verify(struct cli *cli, const struct cli_args *args)
{
    struct verify_options *o = args->options;
    struct verify_request *request = &o->request;
    int worst = CLI_OK;
    bool stopped = false;
    struct err err;
    (void)cli;
    if (o->page ? args->n_operands > 0 : args->n_operands == 0)
        return cli_usage("verify", o->page ? "--page prints a page, and checks no package"
                                           : "give at least one package");
    if (o->page) {
        size_t n;
        const char *page = verify_page(&n);
        terminal_raw(true);
        return fwrite(page, 1, n, stdout) == n && fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
    }
    if (verify_guard((const char *const *)args->operand, request->ca_path, &err) < 0)
        return cli_fail("verify", &err);
    for (int i = 0; i < args->n_operands && !stopped; i++) {
        request->path = args->operand[i];
        int rc = verify_one(request, &stopped);
        worst = rc > worst ? rc : worst;
    }
    return worst;
}

const struct cli_command cli_verify = {
    .name = "verify",
    .group = CLI_EVIDENCE,
    .summary = "verify evidence packages",
    .forms = "[OPTION]… PATH…\n--page",
    .prose = "Verify evidence packages (folders or .zip files); needs neither ROOT nor a network. "
             "Footage is examined in a sandbox, one file at a time, in a directory below $TMPDIR. "
             "Exit status 0: all packages are intact; 3: at least one is not, or is not as --ca, "
             "--fingerprint or --require demand; 2: at least one is something else.",
    .options = verify_options,
    .example = "dashspool verify case-17\n"
               "dashspool verify --page > verify.html",
    .operand = "PATH",
    .operands_max = CLI_MANY,
    .room = sizeof(struct verify_options),
    .user = CLI_AS_CALLER,
    .run = run_verify,
};

/* ---- attach-timestamp ---- */

#define AT(field) offsetof(struct export_stamp_request, field)
static const struct cli_option stamp_options[] = {
    {OPT_TEXT("tsa", "URL", tsa_url, "ask this authority for the time stamp now")}, {0}};
#undef AT

static int run_stamp(struct cli *cli, const struct cli_args *args)
{
    struct export_stamp_request *request = args->options;
    struct seal_stamp stamp;
    struct err err;
    char at[CLOCK_TEXT_ROOM];
    (void)cli;
    if (args->n_operands != (request->tsa_url ? 1 : 2))
        return cli_usage("attach-timestamp", "give a package, and a token file or --tsa URL");
    request->package = args->operand[0];
    request->token_path = request->tsa_url ? NULL : args->operand[1];
    if (export_stamp_attach(request, &stamp, &err) < 0)
        return cli_fail("attach-timestamp", &err);
    clock_rfc3339(stamp.at_us, 3, at);
    printf("%s: time-stamped %s by %s\n", cli_shown(request->package), at,
           cli_shown(stamp.authority.subject));
    return CLI_OK;
}

const struct cli_command cli_attach_timestamp = {
    .name = "attach-timestamp",
    .group = CLI_EVIDENCE,
    .summary = "add a trusted time stamp (RFC 3161) to a package",
    .forms = "PACKAGE TOKEN\nPACKAGE --tsa URL",
    .prose = "Add a time stamp (RFC 3161) to an evidence package. TOKEN is the authority's reply "
             "to the package's signature/request.tsq; with --tsa the authority is asked now. "
             "Nothing else in the package changes.",
    .options = stamp_options,
    .example =
        "curl -sH 'Content-Type: application/timestamp-query' \\\n"
        "  --data-binary @case-17/signature/request.tsq https://tsa.example.org > token.tsr\n"
        "dashspool attach-timestamp case-17 token.tsr",
    .operand = "PACKAGE",
    .operands_max = 2,
    .room = sizeof(struct export_stamp_request),
    .user = CLI_AS_CALLER,
    .writes = 1,
    .run = run_stamp,
};

/* ---- keygen ---- */

struct keygen_options {
    const char *cert, *key, *name, *organisation;
    int years;
};

#define AT(field) offsetof(struct keygen_options, field)
static const struct cli_option keygen_options[] = {
    {OPT_TEXT("cert", "FILE", cert, "the certificate (PEM)"), .writes = true},
    {OPT_TEXT("key", "FILE", key, "the private key (PEM, readable by its owner only)"),
     .writes = true},
    {OPT_TEXT("name", "TEXT", name, "name of the signer")},
    {OPT_TEXT("organisation", "TEXT", organisation, "organisation of the signer")},
    {OPT_INT("years", "N", years, 1, SEAL_YEARS_MAX,
             "validity of the certificate (default 10, at most 30)")},
    {0}};

static int run_keygen(struct cli *cli, const struct cli_args *args)
{
    const struct keygen_options *o = args->options;
    const struct seal_identity who = {.name = o->name,
                                      .organisation = o->organisation,
                                      .from_us = clock_utc_us(),
                                      .years = o->years};
    struct seal_signer signer;
    struct err err;
    char until[CLOCK_TEXT_ROOM];
    (void)cli;
    if (!o->cert || !o->key || !o->name)
        return cli_usage("keygen", "%s is required",
                         !o->cert  ? "--cert"
                         : !o->key ? "--key"
                                   : "--name");
    if (seal_keygen(o->cert, o->key, &who, &err) < 0)
        return cli_fail_or_usage("keygen", &err);
    /* the fingerprint by its certificate: what is in the file, not what should be */
    if (seal_cert_describe(&signer, o->cert, &err) < 0)
        return cli_fail("keygen", &err);
    clock_rfc3339(signer.until_us, 0, until);
    printf("certificate  %s\n"
           "key          %s\n"
           "subject      %s\n"
           "valid until  %s\n"
           "SHA-256      %s\n",
           cli_shown(o->cert), cli_shown(o->key), cli_shown(signer.subject), until,
           signer.fingerprint);
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static const struct keygen_options keygen_defaults = {.years = 10};

const struct cli_command cli_keygen = {
    .name = "keygen",
    .group = CLI_EVIDENCE,
    .summary = "create a signing key and certificate",
    .forms = "--cert FILE --key FILE --name TEXT [OPTION]…",
    .prose = "Create a private key (P-256) and a self-signed certificate for signing evidence "
             "packages. Existing files are not overwritten. Keep the key secret; give the "
             "certificate, or its fingerprint, to those who verify packages, over a separate "
             "channel.",
    .options = keygen_options,
    .example = "dashspool keygen --cert signer.pem --key signer.key --name 'Depot 7' "
               "--organisation 'Example Ltd'",
    .room = sizeof(struct keygen_options),
    .defaults = &keygen_defaults,
    .user = CLI_AS_CALLER,
    .run = run_keygen,
};
