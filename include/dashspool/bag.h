/*
 * bag: evidence packages as BagIt bags (RFC 8493, version 1.0), a folder or, by its name, a .zip.
 * The one owner of their format: what lies where, bag-info.txt, the manifests, and how a zip is
 * laid out (PKWARE APPNOTE.TXT 6.3.10; numbers in brackets are its sections). Hides zlib.
 *
 * What is written is always the same bytes for the same files: no clock, zone, locale, user or
 * umask enters, and no version of a library (footage is stored as it is, it does not compress).
 * What has its name is whole.
 *
 * What is read is hostile. A package is accepted as a whole or refused, and of what is handed out
 * this holds:
 *
 *  - a name is relative UTF-8 with '/' between its parts; no part is empty, "." or "..", or longer
 *    than 255 bytes; the name has at most 1024 bytes and 32 parts, no backslash and no control
 *    character (C0, DEL, C1, U+2028, U+2029), so that a name is one line and stays in its folder;
 *  - no name comes twice, none differs from another by case only, none is a file and a folder;
 *  - only regular files come. Symbolic links, hard links (a file of a folder that has another name
 *    somewhere), devices, pipes and sockets are refused by name, and never opened;
 *  - a file has exactly the size that was announced, and in a zip the CRC-32 that was noted.
 *
 * A zip must be plain: it begins with the first entry and ends with the end record, without a byte
 * between entries or a comment, and each entry's local header says what the central directory says
 * (4.3.7, 4.3.12); so that every program sees the same files in it. Methods: stored, deflated, and
 * a deflated entry ends where its content does. Nested archives are files like others.
 *
 * Memory does not grow with the size of files, only with the number of entries. No global state;
 * any thread. Files are read where they are: nothing is unpacked.
 */
#ifndef DASHSPOOL_BAG_H
#define DASHSPOOL_BAG_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- what lies where ---- */

/* The tag files of BagIt … */
#define BAG_DECLARATION  "bagit.txt"
#define BAG_INFO         "bag-info.txt"
#define BAG_MANIFEST     "manifest-sha256.txt"
#define BAG_TAG_MANIFEST "tagmanifest-sha256.txt"
/* … and ours; what is in signature/ no manifest names: it stands over the tag manifest. What of it
 * was put there when the package was made, bag-info.txt says. */
#define BAG_README       "README.txt"
#define BAG_PAGE         "verify.html" /* checks the package in a browser: verify.h */
#define BAG_SIGNATURE    "signature/manifest.p7s"
#define BAG_CERTIFICATE  "signature/certificate.pem"
#define BAG_TS_REQUEST   "signature/request.tsq"
#define BAG_TS_TOKEN     "signature/token.tsr"
/* Payload. */
#define BAG_PAYLOAD      "data/"
#define BAG_CUSTODY      BAG_PAYLOAD "custody.jsonl"
#define BAG_REPORT_HTML  BAG_PAYLOAD "report.html"
#define BAG_REPORT_PDF   BAG_PAYLOAD "report.pdf"
#define BAG_TOOL         BAG_PAYLOAD "tool.json"
/* Folders: <id>.<…> of each transfer, "<id>.partial.<…>" if it was not whole. */
#define BAG_MASTER       BAG_PAYLOAD "master/"
#define BAG_FACTS        BAG_PAYLOAD "facts/"
#define BAG_TRANSFER     BAG_PAYLOAD "transfer/"
#define BAG_WORKING      BAG_PAYLOAD "working/"
#define BAG_VIEWING      BAG_PAYLOAD "viewing/"
#define BAG_STILLS       BAG_PAYLOAD "stills/"
#define BAG_TIMING       BAG_PAYLOAD "timing/"
#define BAG_POSITION     BAG_PAYLOAD "position/"
#define BAG_OTHER        BAG_PAYLOAD "other/"
#define BAG_TELEMETRY    BAG_PAYLOAD "telemetry/" /* what the tracker said (account.h): <id> and */
#define BAG_RECORDS      ".records.txt"           /* its records, as they came */
#define BAG_TABLE        ".telemetry.json"        /* … decoded */
#define BAG_TRACK        ".track.csv"             /* track.h; also <id>.2.track.csv … */

/* A package that is being written: a working directory of its name and this, beside it (fsx.h). */
#define BAG_UNFINISHED   ".unfinished-"

#define BAG_NAME_ROOM    256 /* of a file that we write, with its NUL */

bool bag_is_payload(const char *name);

/* All of bagit.txt (RFC 8493, 2.1.1). */
#define BAG_DECLARATION_TEXT "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

/* Where a copy of this kind (convert.h: "viewing", "poster" …) is that has this path in the store.
 * False: the name would be too long; out has its beginning. */
bool bag_copy_name(char out[BAG_NAME_ROOM], const char *kind, const char *path);

/* ---- bag-info.txt ---- */

/* Its labels; RFC 8493, 2.2.2, down to the Oxum. */
enum bag_key {
    BAG_SOURCE_ORGANIZATION,
    BAG_EXTERNAL_DESCRIPTION,
    BAG_EXTERNAL_IDENTIFIER, /* of whom it is for: a case number */
    BAG_SOFTWARE_AGENT,
    BAG_BAGGING_DATE,
    BAG_PAYLOAD_OXUM,  /* "<bytes>.<files>" of the payload; written by bag_close() */
    BAG_RECIPIENT,     /* ours, as all that follow */
    BAG_EXPORTED_AT,   /* RFC 3339, UTC */
    BAG_REDACTED_FROM, /* SHA-256 of the full package's tag manifest */
    BAG_REDACTED,      /* a line for each thing that is hidden */
    BAG_AS_FOUND,      /* a line for each fact that the store has otherwise than its source */
    BAG_SIGNER,        /* SHA-256 of the certificate that it is signed with; BAG_NO_SIGNER */
    BAG_STAMP_ASKED,   /* whether a time-stamp authority was asked: "yes" or "no" */
    BAG_ACCOUNT,       /* of how many recordings data/telemetry/ tells (bag_account_text()) */
    BAG_KEYS,
};

#define BAG_NO_SIGNER "none"

struct bag_value { /* of a line, without its end; borrowed from the text */
    const char *at;
    size_t n;
};

const char *bag_info_label(enum bag_key key);

/* The next value under this label in n bytes of bag-info.txt, behind *io (at NULL: the first). */
bool bag_info_next(const void *info, size_t n, enum bag_key key, struct bag_value *io);

/* Whether bag-info.txt says that the package is a redacted one; of: the full one's tag manifest. */
bool bag_info_redacted(const void *info, size_t n, char of[HASH_HEX_ROOM]);

/* "none"; "3 recordings, 15 s before and after": so much around each clip. */
#define BAG_ACCOUNT_ROOM 64
void bag_account_text(char out[BAG_ACCOUNT_ROOM], int64_t recordings, int64_t around_s);

/* "<bytes>.<files>" */
void bag_oxum(char out[48], int64_t bytes, int64_t files);

/* ---- manifests ---- */

struct bag_claim {      /* a line of a manifest; borrowed from the text */
    const char *sha256; /* 64 characters, no NUL */
    const char *name;
};

/* The next line of a manifest's text, *at to end, which is cut in place: "<64 hex digits>  <name>",
 * as sha256sum reads it. 1: here it is; 0: there is none; -1: the line is none of a manifest of
 * payload, or else of tag files (it is passed over). */
int bag_manifest_next(char **at, char *end, bool payload, struct bag_claim *out);

/* ---- reading ---- */

#define BAG_READ_NAME_ROOM  1025 /* longest name of any package, with its NUL */
#define BAG_ENTRIES_DEFAULT 20000
#define BAG_BYTES_DEFAULT   (INT64_C(1) << 40)

struct bag_limits {
    int64_t entries; /* files and folders; 0: BAG_ENTRIES_DEFAULT */
    int64_t bytes;   /* of all files, unpacked; 0: BAG_BYTES_DEFAULT */
};

/* An error that one of them returns ends the reading and is returned as it is. */
struct bag_reader {
    /* Once, before the files: the one folder that everything in a zip lies in (as when a folder was
     * zipped), or "". Names are told without it. May be NULL. */
    int (*top)(void *arg, const char *top, struct err *err);
    /* A file begins; name is borrowed for the call. */
    int (*begin)(void *arg, const char *name, int64_t size, struct err *err);
    /* Its next bytes (n > 0). Not to be believed before end(). */
    int (*data)(void *arg, const uint8_t *data, size_t n, struct err *err);
    /* It was as long as announced, and its CRC-32 is right. */
    int (*end)(void *arg, struct err *err);
    /* Whether the file is to be read; else it is passed over unopened, and only its name is judged.
     * May be NULL: all are. */
    bool (*want)(void *arg, const char *name);
    /* A folder that nothing is in; in a zip, after its files. No manifest can name it. May be NULL.
     */
    int (*empty)(void *arg, const char *name, struct err *err);
};

/* Reads the folder or zip `path`: each file once. A folder's names come in byte order, what is in
 * a folder at the folder's place; a zip's in its own order. Everything about a zip but the files'
 * content is checked before the first callback.
 *
 * ERR_MALFORMED: against what is promised above, or changed while it was read; ERR_LIMIT: more than
 * limits (NULL: the defaults), or a zip that unpacks to more than 16 MiB and more than 200 times
 * its bytes; ERR_UNSUPPORTED: encrypted, another method, in parts; ERR_NOTFOUND; ERR_IO. */
int bag_read(const char *path, const struct bag_limits *limits, const struct bag_reader *fns,
             void *arg, struct err *err) DS_MUST_CHECK;

struct bag_text {
    const char *name;
    struct buf text; /* the caller's; its ceiling bounds it (ERR_LIMIT) */
    bool have;       /* the package has it */
};

/* Reads a few files of a package whole, the others not at all. */
int bag_read_texts(const char *path, struct bag_text *texts, size_t n,
                   struct err *err) DS_MUST_CHECK;

/* ---- writing ---- */

struct bag;

/* It grows under a temporary name beside `path`, which is a folder or, by its name, a .zip, in
 * which everything lies in one folder of the zip's own name. ERR_BUSY if there is something at
 * `path` already; at_us dates the files of a zip (UTC; what a zip cannot say becomes the nearest
 * that it can: 1980 to 2107, even seconds). *out is the caller's (bag_free). */
int bag_new(struct bag **out, const char *path, int64_t at_us, struct err *err) DS_MUST_CHECK;

/* A file of exactly `size` bytes, in pieces. Names have '/' between their parts, of letters,
 * digits, '.', '_' and '-' (what needs no escape in a manifest and is a file name everywhere).
 * ERR_MALFORMED: another name, one that came before, or more or fewer bytes. */
int bag_begin(struct bag *bag, const char *name, int64_t size, struct err *err) DS_MUST_CHECK;
int bag_write(struct bag *bag, const void *data, size_t n, struct err *err) DS_MUST_CHECK;
/* sha256 (may be NULL) is of what was written. */
int bag_end(struct bag *bag, char sha256[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* A whole file from memory. */
int bag_put(struct bag *bag, const char *name, const void *data, size_t n,
            struct err *err) DS_MUST_CHECK;

/* … from a file, all of it, from its beginning. */
int bag_put_file(struct bag *bag, const char *name, FILE *from, struct err *err) DS_MUST_CHECK;

/* A line of bag-info.txt, in the order of the calls; line breaks in value become spaces. */
int bag_put_info(struct bag *bag, enum bag_key key, const char *value,
                 struct err *err) DS_MUST_CHECK;

/* Writes the manifests and tag files: from now on no payload comes. The text of the tag manifest,
 * which stands for all of it, is appended to tags (may be NULL); tag_sha256 is its SHA-256. What is
 * put behind this (a signature) is in no manifest. */
int bag_close(struct bag *bag, struct buf *tags, char tag_sha256[HASH_HEX_ROOM],
              struct err *err) DS_MUST_CHECK;

/* All of it is on disk, then it has its name. ERR_BUSY: somebody took that meanwhile, be it in the
 * same moment. */
int bag_finish(struct bag *bag, struct err *err) DS_MUST_CHECK;

int64_t bag_files(const struct bag *bag); /* payload so far */
int64_t bag_bytes(const struct bag *bag);

/* The first file so far whose name begins so; NULL: there is none. Borrowed until the next file. */
const char *bag_find(const struct bag *bag, const char *begins);

/* What is not finished is removed. */
void bag_free(struct bag **bag);

/* Puts a file that no manifest names into a package that exists, which is hostile; a zip is written
 * anew beside itself, dated as it was exported (else now), and then renamed. */
int bag_add(const char *package, const char *name, const void *data, size_t n,
            struct err *err) DS_MUST_CHECK;

#endif
