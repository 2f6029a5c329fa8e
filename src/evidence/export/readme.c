#include "package_internal.h"
#include <stdio.h>
#include <string.h>

static const char text[] =
    "Dash camera evidence package\n"
    "============================\n"
    "\n"
    "What this is\n"
    "------------\n"
    "Received from %s. Recordings: %d. Files in data/: %lld (%lld bytes).\n"
    "\n"
    "%s"
    "%s"
    "%s"
    "\n"
    "How to verify it\n"
    "----------------\n"
    "On any computer: open verify.html in a browser, and drop this folder onto it. It works\n"
    "without a network, and says what is changed, missing or added. In a dispute take\n"
    "verify.html from somewhere else (a release of dashspool, or 'dashspool verify --page'):\n"
    "whoever can forge this package can also exchange the page in it.\n"
    "\n"
    "Or open a terminal in this folder (Linux; on macOS write shasum -a 256 instead of\n"
    "sha256sum):\n"
    "\n"
    "  sha256sum -c manifest-sha256.txt\n"
    "  sha256sum -c tagmanifest-sha256.txt\n"
    "\n"
    "Every line must end in OK. On Windows, in PowerShell, this prints what is not as it was:\n"
    "\n"
    "  foreach ($m in 'manifest-sha256.txt', 'tagmanifest-sha256.txt') { Get-Content $m |\n"
    "    ForEach-Object { $hash, $name = $_ -split '  ', 2\n"
    "      if ((Get-FileHash -LiteralPath $name).Hash -ne $hash) { \"WRONG: $name\" } } }\n"
    "\n"
    "The folder is a BagIt bag (RFC 8493); any BagIt program can verify it, too. Neither data/\n"
    "nor the folder must contain any file that is not listed in the manifests, but for\n"
    "tagmanifest-sha256.txt itself and signature/.\n"
    "\n"
    "%s"
    "%s"
    "\n"
    "Each line of data/custody.jsonl contains the SHA-256 of the line before it (without its\n"
    "line end) as \"previous\", so that changing a line, or removing one from the middle, is "
    "detectable.\n"
    "The value that line 2 must contain:\n"
    "\n"
    "  head -n 1 data/custody.jsonl | tr -d '\\n' | sha256sum\n"
    "%s"
    "\n"
    "What this does not prove\n"
    "------------------------\n"
    "The camera signs nothing. The originals are protected from the moment they were\n"
    "received, not before. Times and positions are those reported by the camera; values\n"
    "that cannot be true are kept separately in the .json files, under \"untrusted\".\n";

static const char as_found_text[] =
    "\n"
    "NOT AS RECEIVED: %d difference%s. Facts in the store differ from what was received or\n"
    "recorded. They were exported as they were found; the report's first page and\n"
    "bag-info.txt (As-Found) list them, and 'dashspool verify' reports them.\n";

static const char unsigned_text[] =
    "This package is not signed. Anyone able to change it could also recreate the manifests.\n"
    "Compare the SHA-256 of tagmanifest-sha256.txt with the value that was printed when the\n"
    "package was made; the person who exported it should have kept it in a safe place.\n";

static const char signed_text[] =
    "The second manifest covers the whole package, and it is signed. To see who signed it,\n"
    "and to verify the signature:\n"
    "\n"
    "  openssl x509 -in signature/certificate.pem -noout -subject -fingerprint -sha256\n"
    "  openssl cms -verify -binary -inform DER -in signature/manifest.p7s -content "
    "tagmanifest-sha256.txt -CAfile signature/certificate.pem -out /dev/null\n"
    "\n"
    "Anyone can create a certificate in anyone's name: compare its fingerprint with the one\n"
    "that the signer gives you over another channel.\n";

static const char stamp_text[] =
    "\n"
    "If the file signature/token.tsr exists, a time-stamping authority confirms in it when\n"
    "the second manifest, and so the whole package, existed (RFC 3161). authority.pem stands\n"
    "for the authority's certificates, which it publishes:\n"
    "\n"
    "  openssl ts -reply -in signature/token.tsr -text\n"
    "  openssl ts -verify -attime \"$(openssl ts -reply -in signature/token.tsr -text 2>/dev/null "
    "| "
    "awk '/^Time stamp:/ { split($5, t, \":\"); y = $6; "
    "m = (index(\"JanFebMarAprMayJunJulAugSepOctNovDec\", $3) + 2) / 3; "
    "if (m < 3) { m += 12; y-- } "
    "printf \"%.0f\", ((365 * y + int(y / 4) - int(y / 100) + int(y / 400) + "
    "int((153 * m - 457) / 5) + $4 - 719469) * 24 + t[1]) * 3600 + t[2] * 60 + int(t[3]) }')\" "
    "-data tagmanifest-sha256.txt -in signature/token.tsr -CAfile authority.pem\n"
    "\n"
    "-attime is the time that the stamp states, which awk turns into seconds since 1970: the\n"
    "authority's certificate must have been valid then, and may have expired since. (This\n"
    "needs OpenSSL; LibreSSL, which is the openssl of macOS, has no -attime.)\n"
    "(If openssl cannot read the file, add -token_in to both commands.) If it does not exist,\n"
    "a time stamp can still be obtained: send signature/request.tsq to an authority.\n";

static const struct {
    const char *folder, *says;
} folders[] = {
    {BAG_REPORT_HTML,
     "  data/report.html     start here: one page that explains everything in plain words\n"},
    {BAG_REPORT_PDF, "  data/report.pdf      the same, for printing\n"},
    {BAG_MASTER,
     "  data/master/         the original files, exactly as received, each with a .json\n"
     "                       file of all known facts\n"},
    {BAG_FACTS, "  data/facts/          one .json file of known facts for each recording\n"},
    {BAG_VIEWING,
     "  data/viewing/        videos for any player, with clock and position, as far as\n"
     "                       known, burned in; DERIVED copies, as their names say\n"},
    {BAG_WORKING,
     "  data/working/        videos with the coded frames of the originals, unchanged\n"},
    {BAG_STILLS, "  data/stills/         still images\n"},
    {BAG_TIMING,
     "  data/timing/         the time of every frame, and what is damaged or missing\n"},
    {BAG_POSITION, "  data/position/       positions, for maps\n"},
    {BAG_TRANSFER,
     "  data/transfer/       how each recording was received: connections, packets, errors\n"
     "                       and retransmissions\n"},
    {BAG_TELEMETRY,
     "  data/telemetry/      what the tracker itself reported around each recording: its records\n"
     "                       as received (.records.txt), decoded (.telemetry.json), and where\n"
     "                       the vehicle was (.track.csv)\n"},
    {BAG_CUSTODY,
     "  data/custody.jsonl   custody record: what happened to each recording since receipt\n"},
};

static const char viewing_without_position[] =
    "  data/viewing/        videos for any player, with the clock burned in;\n"
    "                       DERIVED copies, as their names say\n";

static const char video_text[] =
    "\n"
    "To list the streams of a video, and the time of each frame (ffprobe is part of FFmpeg):\n"
    "\n"
    "  ffprobe -hide_banner %s\n"
    "  ffprobe -v error -select_streams v -show_entries packet=pts_time -of csv=p=0 %s\n";

static const char partial_text[] =
    "\n"
    "Partial transfers: %d. Their names in data/master/ contain .partial.; they hold the\n"
    "bytes received, from the beginning of the file.\n";

static const char redacted_partial_text[] =
    "\n"
    "Partial transfers: %d. The names of copies made from them contain\n"
    ".partial.\n";

size_t readme_text(const struct bag *bag, const struct export_result *r, bool with_signature,
                   const struct redaction *redaction, unsigned hidden, char out[README_ROOM])
{
    bool no_position = hidden & CONVERT_HIDE_POSITION;
    char partial[800] = "", list[2600] = "", video[1000] = "";
    const char *first = bag_find(bag, BAG_WORKING);
    size_t used = 0;
    if (r->partial > 0)
        snprintf(partial, sizeof partial, redaction ? redacted_partial_text : partial_text,
                 r->partial);
    size_t told = strlen(partial);
    if (r->differences > 0)
        snprintf(partial + told, sizeof partial - told, as_found_text, r->differences,
                 r->differences == 1 ? "" : "s");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (bag_find(bag, folders[i].folder))
            used += (size_t)snprintf(list + used, sizeof list - used, "%s",
                                     no_position && strcmp(folders[i].folder, BAG_VIEWING) == 0
                                         ? viewing_without_position
                                         : folders[i].says);
    if (first)
        snprintf(video, sizeof video, video_text, first, first);
    int n = snprintf(out, README_ROOM, text, r->transfers == 1 ? "a camera" : "cameras",
                     r->transfers, (long long)r->files, (long long)r->bytes, list, partial,
                     redaction ? (const char *)buf_data(redaction_section(redaction)) : "",
                     with_signature ? signed_text : unsigned_text, stamp_text, video);
    return n < README_ROOM ? (size_t)n : README_ROOM - 1;
}
