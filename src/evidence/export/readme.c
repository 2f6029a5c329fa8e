#include "readme.h"
#include <stdio.h>

static const char text[] =
    "Footage of dash cameras: an evidence package\n"
    "============================================\n"
    "\n"
    "What this is\n"
    "------------\n"
    "What %s handed over: recordings: %d; files in data/: %lld, %lld bytes.\n"
    "\n"
    "%s"
    "%s"
    "%s"
    "\n"
    "How to check it\n"
    "---------------\n"
    "In this folder, with a program that every Linux computer has (on macOS write\n"
    "shasum -a 256 instead of sha256sum):\n"
    "\n"
    "  sha256sum -c manifest-sha256.txt\n"
    "  sha256sum -c tagmanifest-sha256.txt\n"
    "\n"
    "Each line must end in OK. The folder is a BagIt bag (RFC 8493); other programs that\n"
    "know such bags can check it, too. No file may be in data/ that the manifest does not\n"
    "name.\n"
    "\n"
    "%s"
    "%s"
    "\n"
    "Each line of data/custody.jsonl holds the SHA-256 of the line before it (without its\n"
    "line end) as \"previous\", so that no line can be changed or taken from the middle unseen.\n"
    "The hash that line 2 must hold:\n"
    "\n"
    "  head -n 1 data/custody.jsonl | tr -d '\\n' | sha256sum\n"
    "%s"
    "\n"
    "What it does not prove\n"
    "----------------------\n"
    "The camera signs nothing. That the originals are what it sent is known from the moment\n"
    "at which they were received, not before. Times and positions are the camera's own;\n"
    "the .json files keep what it said and cannot be true apart, under \"untrusted\".\n";

static const char unsigned_text[] =
    "This package is not signed. Whoever could change it could also have made the manifests\n"
    "anew: keep the SHA-256 of tagmanifest-sha256.txt, which the program printed when it\n"
    "made the package, in a place where nobody can change it.\n";

static const char signed_text[] =
    "The second manifest stands for all of the package, and it is signed. Whose signature\n"
    "it is, and whether it fits:\n"
    "\n"
    "  openssl x509 -in signature/certificate.pem -noout -subject -fingerprint -sha256\n"
    "  openssl cms -verify -binary -inform DER -in signature/manifest.p7s -content "
    "tagmanifest-sha256.txt -CAfile signature/certificate.pem -out /dev/null\n"
    "\n"
    "Anybody can make a certificate in anybody's name: compare its fingerprint with the one\n"
    "that its owner tells you.\n";

static const char stamp_text[] =
    "\n"
    "If there is a file signature/token.tsr, an authority has said in it when it saw the\n"
    "second manifest, and so all of the package (RFC 3161; authority.pem: its certificates,\n"
    "which it publishes):\n"
    "\n"
    "  openssl ts -reply -in signature/token.tsr -text\n"
    "  openssl ts -verify -data tagmanifest-sha256.txt -in signature/token.tsr -CAfile "
    "authority.pem\n"
    "\n"
    "(with -token_in in both, if openssl cannot read it.) If there is none, it can still be\n"
    "got: signature/request.tsq is the question to an authority.\n";

static const struct {
    const char *folder, *says;
} folders[] = {
    {"data/report.html",
     "  data/report.html     one page that tells all of it in words: open this first\n"},
    {"data/report.pdf", "  data/report.pdf      the same, to print\n"},
    {"data/master/",
     "  data/master/         the original files, exactly as they were received, and for\n"
     "                       each a .json file with all that is known of it\n"},
    {"data/facts/",
     "  data/facts/          for each recording a .json file with what is known of it\n"},
    {"data/viewing/",
     "  data/viewing/        films for any player, with clock and position written\n"
     "                       into the picture: derived, as their names say\n"},
    {"data/working/",
     "  data/working/        films with the same coded pictures as the originals\n"},
    {"data/stills/", "  data/stills/         single pictures\n"},
    {"data/timing/",
     "  data/timing/         the time of every picture, and what is damaged or missing\n"},
    {"data/position/", "  data/position/       positions, for maps\n"},
    {"data/transfer/",
     "  data/transfer/       how each recording came: connections, packets, what was bad and\n"
     "                       sent again\n"},
    {"data/custody.jsonl",
     "  data/custody.jsonl   what happened to each recording since it was received\n"},
};

static const char film_text[] =
    "\n"
    "What is in a film, and when each of its pictures is shown (ffprobe comes with FFmpeg):\n"
    "\n"
    "  ffprobe -hide_banner %s\n"
    "  ffprobe -v error -select_streams v -show_entries packet=pts_time -of csv=p=0 %s\n";

static const char partial_text[] =
    "\n"
    "%d of the recordings broke off before they were whole; their names in data/master/\n"
    "have .partial. in them. What is there is what came, from the beginning on.\n";

static const char redacted_partial_text[] =
    "\n"
    "%d of the recordings broke off before they were whole; copies of what came have\n"
    ".partial. in their names.\n";

size_t readme_text(const struct bag *bag, const struct export_result *r, bool with_signature,
                   const struct redaction *redaction, char out[README_ROOM])
{
    char partial[400] = "", list[2000] = "", film[1000] = "";
    const char *first = bag_find(bag, "data/working/");
    size_t used = 0;
    if (r->partial > 0)
        snprintf(partial, sizeof partial, redaction ? redacted_partial_text : partial_text,
                 r->partial);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (bag_find(bag, folders[i].folder))
            used += (size_t)snprintf(list + used, sizeof list - used, "%s", folders[i].says);
    if (first)
        snprintf(film, sizeof film, film_text, first, first);
    int n = snprintf(out, README_ROOM, text, r->transfers == 1 ? "a camera" : "cameras",
                     r->transfers, (long long)r->files, (long long)r->bytes, list, partial,
                     redaction ? (const char *)buf_data(redaction_section(redaction)) : "",
                     with_signature ? signed_text : unsigned_text, stamp_text, film);
    return n < README_ROOM ? (size_t)n : README_ROOM - 1;
}
