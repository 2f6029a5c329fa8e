/* keygen: a key and a certificate of one's own, to sign evidence packages with. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/seal.h"
#include <stdio.h>

static const char help[] =
    "usage: dashspool keygen --cert FILE --key FILE --name TEXT [--organisation TEXT] [--years N]\n"
    "\n"
    "Create a private key (P-256) and a self-signed certificate for signing evidence packages.\n"
    "Existing files are not overwritten. Keep the key secret; give the certificate, or its\n"
    "fingerprint, to those who verify packages, over a separate channel.\n"
    "\n"
    "  --cert FILE          the certificate (PEM)\n"
    "  --key FILE           the private key (PEM, readable by its owner only)\n"
    "  --name TEXT          name of the signer\n"
    "  --organisation TEXT  organisation of the signer\n"
    "  --years N            validity of the certificate (default 10, at most 30)\n"
    "\n"
    "example: dashspool keygen --cert signer.pem --key signer.key --name 'Depot 7' "
    "--organisation 'Example Ltd'\n";

/* The fingerprint by its certificate: what is in the file, not what should be. */
static int print_made(const char *cert, const char *key)
{
    struct err err;
    struct seal_signer signer;
    char until[CLOCK_TEXT_ROOM];
    if (seal_cert_describe(&signer, cert, &err) < 0)
        return cli_fail("keygen", &err);
    clock_rfc3339(signer.until_us, 0, until);
    printf("certificate  %s\n"
           "key          %s\n"
           "subject      %s\n"
           "valid until  %s\n"
           "SHA-256      %s\n",
           cert, key, signer.subject, until, signer.fingerprint);
    return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

int cli_keygen(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"cert", required_argument, NULL, 'c'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"organisation", required_argument, NULL, 'o'},
                                            {"years", required_argument, NULL, 'y'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *cert = NULL, *key = NULL;
    double years = 10;
    struct seal_identity who = {.from_us = clock_utc_us()};
    struct err err;
    (void)cli;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o == 'c')
            cert = optarg;
        else if (o == 'k')
            key = optarg;
        else if (o == 'n')
            who.name = optarg;
        else if (o == 'o')
            who.organisation = optarg;
        else if (o != 'y')
            return cli_option(o, argv, help);
        else if (!cli_number("keygen", "--years", optarg, 1, SEAL_YEARS_MAX, &years))
            return CLI_USAGE;
    }
    if (optind < argc)
        return cli_usage("keygen", "unexpected argument '%s'", argv[optind]);
    if (!cert || !key || !who.name)
        return cli_usage("keygen", "%s is required", !cert ? "--cert" : !key ? "--key" : "--name");
    who.years = (int)years;
    if (seal_keygen(cert, key, &who, &err) < 0)
        return err.code == ERR_CONFIG ? cli_usage("keygen", "%s", err.text)
                                      : cli_fail("keygen", &err);
    return print_made(cert, key);
}
