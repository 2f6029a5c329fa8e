/* attach-timestamp: an authority's word on when an evidence package was there. */
#include "cli_internal.h"
#include "dashspool/clock.h"
#include "dashspool/export.h"
#include <stdio.h>

static const char help[] =
    "usage: dashspool attach-timestamp PACKAGE TOKEN\n"
    "       dashspool attach-timestamp PACKAGE --tsa URL\n"
    "\n"
    "Add a time stamp (RFC 3161) to an evidence package. TOKEN is the authority's reply to the\n"
    "package's signature/request.tsq; with --tsa the authority is asked now. Nothing else in the\n"
    "package changes.\n"
    "\n"
    "example: curl -sH 'Content-Type: application/timestamp-query' \\\n"
    "           --data-binary @case-17/signature/request.tsq https://tsa.example.org > token.tsr\n"
    "         dashspool attach-timestamp case-17 token.tsr\n";

int cli_attach_timestamp(struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"tsa", required_argument, NULL, 'T'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct export_stamp_request request = {NULL, NULL, NULL};
    struct seal_stamp stamp;
    struct err err;
    char at[CLOCK_TEXT_ROOM];
    (void)cli;
    for (int o; (o = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
        if (o != 'T')
            return cli_option(o, argv, help);
        request.tsa_url = optarg;
    }
    if (argc - optind != (request.tsa_url ? 1 : 2))
        return cli_usage("attach-timestamp", "give a package, and a token file or --tsa URL");
    request.package = argv[optind];
    request.token_path = request.tsa_url ? NULL : argv[optind + 1];
    if (export_stamp_attach(&request, &stamp, &err) < 0)
        return cli_fail("attach-timestamp", &err);
    clock_rfc3339(stamp.at_us, 3, at);
    printf("%s: time-stamped %s by %s\n", request.package, at, stamp.authority.subject);
    return CLI_OK;
}
