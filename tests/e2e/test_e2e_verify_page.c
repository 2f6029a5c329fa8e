/* verify.html in a real Chromium: of whatever is done to a package it says what `verify` says. */
#define _GNU_SOURCE /* nftw */
#include "bag/bag_internal.h"
#include "dashspool/custody.h"
#include "dashspool/hash.h"
#include "support/browser.h"
#include "support/clips.h"
#include "support/package.h"
#include "support/proc.h"
#include "support/world.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIP  "rear-25fps-6s-silent.h265"
#define IMEI  "352093081452251"
#define OTHER "352094082736916"
enum { CLIP_BYTES = 40000, NAMES_MAX = 64, NAME_ROOM = 160 };

static struct browser *browser;
static struct world w;
static const char *dir;
static char page[512], package[512], other[512], zip[512];
static char names[NAMES_MAX][NAME_ROOM]; /* of the files of package, sorted */
static size_t n_names;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static void sh(const char *command)
{
    expect(PROC_RUN("env", "-C", dir, "sh", "-ec", command), 0, "");
}

/* ---- two packages, and the page ---- */

/* A video as a camera hands it over; its number makes it another one. */
static void receive(const char *imei, unsigned number)
{
    const char *path = support_path(w.dir, "clip.h265");
    struct buf clip = clips_video(CLIP, CLIP_BYTES, number);
    support_write(path, buf_data(&clip), clip.used);
    buf_clear(&clip);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", imei, "--rear", path, "--time",
               "2024-11-29T07:23:45Z", "--tz", "+02:00", "--lat", "54.7004183", "--lon", "25.25",
               "--trigger", "crash", "--length", "10", "--fps", "20"),
           0, "files uploaded: 1,");
}

static void export(const char *imei, const char *to)
{
    expect(RUN("export", "--imei", imei, "-o", to, "--sign-cert", support_path(dir, "a.pem"),
               "--sign-key", support_path(dir, "a.key")),
           0, "1 transfer,");
}

static int note_name(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (type != FTW_F)
        return 0;
    assert_true(n_names < NAMES_MAX);
    snprintf(names[n_names++], NAME_ROOM, "%s", path + strlen(package) + 1);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int make_packages(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    dir = w.dir;
    snprintf(page, sizeof page, "%s/verify.html", dir);
    snprintf(package, sizeof package, "%s/package", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    snprintf(zip, sizeof zip, "%s/package.zip", dir);
    if (!(browser = browser_open()))
        return 0;
    expect(RUN("keygen", "--cert", support_path(dir, "a.pem"), "--key", support_path(dir, "a.key"),
               "--name", "A. Person"),
           0, "");
    world_start(&w);
    receive(IMEI, 1);
    receive(OTHER, 2);
    world_stop(&w);
    export(IMEI, package);
    export(OTHER, other);
    sh("cp -a package whole");
    assert_int_equal(nftw(package, note_name, 16, FTW_PHYS), 0);
    qsort(names, n_names, NAME_ROOM, by_text);
    assert_true(n_names > 15);

    struct proc_result r = RUN("verify", "--page");
    assert_int_equal(r.status, 0);
    support_write(page, buf_data(&r.out), r.out.used);
    proc_clear(&r);
    return 0;
}

static int remove_packages(void **state)
{
    (void)state;
    browser_close(&browser);
    world_close(&w);
    return 0;
}

#define NEEDS_BROWSER() \
    if (!browser)       \
    skip()

/* ---- what both say ---- */

/* How the page names what it found: "whole", "changed", "none" or "unknown". */
static const char *ended(void)
{
    return browser_value(browser,
                         "new Promise(done => { const r = document.getElementById('result');"
                         " const look = () => r.dataset.verdict && done(r.dataset.verdict);"
                         " new MutationObserver(look).observe(r, {attributes: true}); look(); })");
}

static const char *page_says(const char *path, bool is_zip)
{
    browser_value(browser, "delete document.getElementById('result').dataset.verdict");
    browser_choose(browser, is_zip ? "#zip" : "#folder", path);
    return ended();
}

static const char *shown(const char *id)
{
    char expression[100];
    snprintf(expression, sizeof expression, "document.getElementById('%s').innerText", id);
    return browser_value(browser, expression);
}

static int verify_status(const char *path)
{
    struct proc_result r = PROC_RUN(DASHSPOOL_BINARY, "verify", path);
    int status = r.status;
    proc_clear(&r);
    return status;
}

static void agree_on(const char *what, const char *path, bool is_zip, const char *expected)
{
    int status = verify_status(path);
    char found[20], meaning[600];
    snprintf(found, sizeof found, "%s", page_says(path, is_zip));
    snprintf(meaning, sizeof meaning, "%s", shown("meaning"));
    if ((strcmp(found, "whole") == 0) != (status == 0) || strcmp(found, "unknown") == 0 ||
        (expected && strcmp(found, expected) != 0))
        fail_msg("%s (%s): the page says %s, instead of %s; verify ends with %d; the page: %s %s",
                 what, is_zip ? "zip" : "folder", found, expected ? expected : "what verify does",
                 status, meaning, shown("rows"));
}

/* Both, of the folder and of a zip of it; expected NULL: whatever it is, both say the same. */
static void agree(const char *what, const char *expected)
{
    agree_on(what, package, false, expected);
    unlink(zip);
    sh("zip -q -X -r -1 package.zip package");
    agree_on(what, zip, true, expected);
}

static const char *in_package(const char *name)
{
    return support_path(package, name);
}

static void restore(void)
{
    sh("rm -rf package && cp -a whole package");
}

static int open_page(void **state)
{
    (void)state;
    if (!browser)
        return 0;
    restore();
    browser_go(browser, page);
    return 0;
}

/* ---- its arithmetic ---- */

static void test_sha256_is_that_of_the_standard(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    /* NIST's examples (FIPS 180-4; its CAVP for lengths of bytes). */
    static const struct {
        const char *text; /* in JavaScript */
        const char *sha256;
    } vectors[] = {
        {"''", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"'abc'", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"'abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu'",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {"'a'.repeat(1000000)", "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"'\\x19'", "68aa2e2ee5dff96e3355e6c7ee373e3d6a4e17f75f9518d843709c0c9bc3e3d4"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char expression[400];
        snprintf(expression, sizeof expression,
                 "new Sha256().update(new TextEncoder().encode(%s)).hex()", vectors[i].text);
        assert_string_equal(browser_value(browser, expression), vectors[i].sha256);
    }
    /* Every length around the ends of blocks, in two pieces, against the browser's own. */
    assert_string_equal(
        browser_value(
            browser,
            "(async () => { for (let n = 0; n < 260; n++) {"
            " const data = new Uint8Array(n).map((_, i) => i * 151 + n);"
            " const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data));"
            " const hex = Array.from(digest, b => b.toString(16).padStart(2, '0')).join('');"
            " for (const cut of [0, n >> 1, Math.min(n, 64)])"
            "  if (new Sha256().update(data.subarray(0, cut)).update(data.subarray(cut)).hex()"
            "      !== hex) return n + ' in two at ' + cut;"
            "} return 'same'; })()"),
        "same");
    /* The number of bits has more than 32 bits. */
    assert_string_equal(
        browser_value(browser, "(() => { const h = new Sha256(), data = new Uint8Array(1 << 20);"
                               " for (let i = 0; i < 513; i++) h.update(data);"
                               " return h.hex(); })()"),
        "a3e2acbb469e4e59dde406f912e754c933c1ac0fb0092a3634d61d5073309c0c");
    assert_string_equal(browser_value(browser,
                                      "crc32(crc32(0, new TextEncoder().encode('1234567')),"
                                      " new TextEncoder().encode('89')).toString(16)"),
                        "cbf43926"); /* of the catalogue of CRCs */
}

/* ---- folders and zips of the real program ---- */

static void test_a_package_is_whole_however_it_comes(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    char sha256[HASH_HEX_ROOM];
    struct err err;
    struct buf tags = support_read(in_package("tagmanifest-sha256.txt"));
    assert_ok(hash_text((const char *)buf_data(&tags), tags.used, sha256, &err));
    buf_clear(&tags);
    agree("nothing", "whole");
    assert_string_equal(shown("headline"), "No problems found; the signature is not checked yet");
    assert_string_equal(shown("fingerprint"), sha256);
    assert_has(shown("rows"), "not checked");
    assert_has(shown("commands"), "openssl cms -verify");
    assert_string_equal(browser_value(browser, "VERSION"), DASHSPOOL_VERSION);

    char own[600];
    snprintf(own, sizeof own, "%s/own.zip", dir);
    expect(RUN("export", "--imei", IMEI, "-o", own), 0, "1 transfer,");
    agree_on("a zip of the program's own", own, true, "whole");
    assert_has(shown("meaning"), "The package is not signed.");
    sh("zip -q -X -r bare.zip package/data package/bag-info.txt && cd package && "
       "zip -q -X -r -0 ../loose.zip .");
    agree_on("without a folder around it", support_path(dir, "loose.zip"), true, "whole");
    agree_on("half of it", support_path(dir, "bare.zip"), true, "none");
    agree_on("its folder of folders", dir, false, NULL);
}

static void test_dropped_it_is_checked_likewise(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    /* Chromium asks before it shows what lies in /dev, where TMPDIR may be. */
    char own[] = "/var/tmp/dashspool-page-XXXXXX", copy[100];
    assert_non_null(mkdtemp(own));
    snprintf(copy, sizeof copy, "%s/package", own);
    expect(PROC_RUN("cp", "-a", package, copy), 0, "");
    browser_drop(browser, copy);
    assert_string_equal(ended(), "whole");
    browser_value(browser, "delete document.getElementById('result').dataset.verdict");
    expect(PROC_RUN("rm", support_path(copy, "README.txt")), 0, "");
    browser_drop(browser, copy);
    assert_string_equal(ended(), "changed");
    /* An empty folder, which no manifest can name, is seen in what is dropped and in a zip. */
    static const char *const spoilt[] = {"package", "package.zip"};
    expect(PROC_RUN("rm", "-r", copy), 0, "");
    expect(PROC_RUN("cp", "-a", package, copy), 0, "");
    expect(PROC_RUN("mkdir", "-p", support_path(copy, "data/more/of it")), 0, "");
    expect(PROC_RUN("env", "-C", own, "zip", "-q", "-X", "-r", "package.zip", "package"), 0, "");
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        browser_value(browser, "delete document.getElementById('result').dataset.verdict");
        browser_drop(browser, support_path(own, spoilt[i]));
        assert_string_equal(ended(), "changed");
        assert_has(shown("rows"), "extra: data/more/of it/ (an empty folder)");
        expect(PROC_RUN(DASHSPOOL_BINARY, "verify", support_path(own, spoilt[i])), 3,
               "extra: data/more/of it/ (an empty folder)");
    }
    browser_value(browser, "delete document.getElementById('result').dataset.verdict");
    sh("zip -q -X -r package.zip package");
    expect(PROC_RUN("cp", zip, own), 0, "");
    browser_drop(browser, support_path(own, "package.zip"));
    assert_string_equal(ended(), "whole");
    expect(PROC_RUN("rm", "-r", own), 0, "");
}

/* The other package's file of that name. */
static struct buf others(const char *name)
{
    char path[900];
    snprintf(path, sizeof path, "%s/%s", other, name);
    char *imei = strstr(path, IMEI);
    if (imei)
        memcpy(imei, OTHER, strlen(OTHER));
    return support_read(path);
}

/* What only dashspool can tell: a browser does not read signatures. */
static bool is_signature(const char *name)
{
    return strcmp(name, "signature/manifest.p7s") == 0;
}

static void spoil(const char *how, const char *name, const struct buf *to)
{
    char what[300];
    struct buf was = support_read(in_package(name));
    bool same = to && to->used == was.used && memcmp(buf_data(to), buf_data(&was), was.used) == 0;
    snprintf(what, sizeof what, "%s: %s", name, how);
    if (to)
        support_write(in_package(name), buf_data(to), to->used);
    else
        assert_int_equal(unlink(in_package(name)), 0);
    if (is_signature(name) && to) {
        /* The page sees it where the certificate in it was met. */
        const char *found = page_says(package, false);
        assert_true(strcmp(found, "whole") == 0 || strcmp(found, "changed") == 0);
        assert_int_equal(verify_status(package), 3);
    } else if (to && to->used != was.used) { /* in a zip, too: those that are flipped or removed */
        agree_on(what, package, false, "changed");
    } else {
        agree(what, same ? "whole" : "changed");
    }
    if (strncmp(name, "signature/", 10) != 0 && !same &&
        strcmp(name, "tagmanifest-sha256.txt") != 0) {
        char names_it[300];
        snprintf(names_it, sizeof names_it, "%s: %s", to ? "changed" : "missing", name);
        assert_has(shown("rows"), names_it);
    }
    support_write(in_package(name), buf_data(&was), was.used);
    buf_clear(&was);
}

static void test_every_file_flipped_cut_removed_or_exchanged(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    for (size_t i = 0; i < n_names; i++) {
        struct buf b = support_read(in_package(names[i]));
        b.mem[b.start + b.used / 2] ^= 1;
        spoil("flipped", names[i], &b);
        b.mem[b.start + b.used / 2] ^= 1;
        b.used--;
        spoil("cut", names[i], &b);
        buf_clear(&b);
        spoil("removed", names[i], NULL);
        b = others(names[i]);
        spoil("exchanged", names[i], &b);
        buf_clear(&b);
    }
    agree("all as it was", "whole");
}

#define TAGS_ANEW                                                                  \
    "sha256sum README.txt bag-info.txt bagit.txt manifest-sha256.txt verify.html " \
    ">tagmanifest-sha256.txt;"

#define QUERY_ANEW                                                            \
    "openssl ts -query -sha256 -cert -no_nonce -data tagmanifest-sha256.txt " \
    "-out signature/request.tsq 2>/dev/null;"

/* Makes all manifests anew, as somebody does who changes the rest. */
#define ANEW                                                                                      \
    "find data -type f | LC_ALL=C sort | xargs sha256sum >manifest-sha256.txt;"                   \
    "o=$(find data -type f -printf '%s\\n' | awk '{ b += $1 } END { printf \"%d.%d\", b, NR }');" \
    "sed -i \"s/^Payload-Oxum: .*/Payload-Oxum: $o/; s/^\\(Signer-.*: \\).*/\\1none/\" "          \
    "bag-info.txt;" TAGS_ANEW "rm -r signature; mkdir signature;" QUERY_ANEW

static void test_whatever_else_is_done_to_it(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    static const struct {
        const char *what, *how, *expected; /* NULL: as verify says */
    } cases[] = {
        {"a file more in data/", "echo x >data/more", "changed"},
        {"a file more beside it", "echo x >more.txt", "changed"},
        {"a file that is hidden", "echo x >.DS_Store", "changed"},
        {"a folder more", "mkdir data/x; echo x >data/x/y", "changed"},
        {"an empty file more", ": >data/more", "changed"},
        {"renamed", "mv README.txt README.md", "changed"},
        {"a part emptied", ": >data/tool.json", "changed"},
        {"changed places",
         "mv data/tool.json x; mv data/report.html data/tool.json;"
         "mv x data/report.html",
         "changed"},
        {"the manifest with other line ends", "sed -i 's/$/\\r/' manifest-sha256.txt", "changed"},
        {"as sha256sum --binary has it", "sed -i 's/  / */' manifest-sha256.txt;" TAGS_ANEW,
         "changed"},
        {"the last line without its end", "truncate -s -1 tagmanifest-sha256.txt", "changed"},
        {"a line twice", "tail -n 1 tagmanifest-sha256.txt >>tagmanifest-sha256.txt", "changed"},
        {"a NUL in it", "printf '\\0' >>manifest-sha256.txt", "changed"},
        {"names from elsewhere", "sed -i 's|  README|  data/README|' tagmanifest-sha256.txt",
         "changed"},
        {"another declaration", "sed -i s/1.0/0.97/ bagit.txt;" ANEW, "changed"},
        {"no declaration", "rm bagit.txt", "changed"},
        {"without its signature", "rm -r signature", "changed"},
        {"without its signature, the request kept", "rm signature/[cm]*", "changed"},
        {"a file more in signature/", "echo x >signature/more", "changed"},
        {"a certificate more",
         "cat signature/certificate.pem >x && cat x >>signature/certificate.pem"
         " && rm x",
         "changed"},
        {"words behind the certificate", "echo x >>signature/certificate.pem", "changed"},
        {"nothing of it", "rm -r data bag*.txt *manifest* signature", "none"},
        {"made anew, nothing changed", ANEW, "whole"},
        {"made anew without its claims", "sed -i '/^Signer-\\|^Time-/d' bag-info.txt;" ANEW,
         "changed"},
        {"made anew without a claim", "sed -i /^Time-/d bag-info.txt;" ANEW, "changed"},
        {"made anew with a claim twice",
         "echo 'Signer-Certificate-SHA256: none' >>bag-info.txt;" ANEW, "changed"},
        {"made anew with a claim that is none", "sed -i '/^Time-/s/$/t/' bag-info.txt;" ANEW,
         "changed"},
        {"made anew without the page",
         "rm verify.html;" ANEW "sed -i /verify.html/d tagmanifest-sha256.txt;" QUERY_ANEW,
         "whole"},
        {"made anew, signed by who was not there",
         "cp -r signature x;" ANEW "cp x/[cm]* signature; rm -r x", "changed"},
        {"made anew, with a certificate",
         "cp signature/certificate.pem x;" ANEW "mv x signature/certificate.pem", "changed"},
        {"made anew without a README",
         "sed -i d README.txt; rm README.txt;"
         "sed -i /README/d tagmanifest-sha256.txt; rm -r signature; mkdir signature;" QUERY_ANEW,
         "changed"},
        {"made anew without a report", "rm data/report.html;" ANEW, "changed"},
        {"made anew without how it was received", "rm data/transfer/*;" ANEW, "changed"},
        {"made anew with a copy of another transfer",
         "cp ../other/data/viewing/* data/viewing;" ANEW, "changed"},
        {"made anew, the Oxum wrong",
         ANEW "sed -i 's/^Payload-Oxum: ./&9/' bag-info.txt;" TAGS_ANEW, "changed"},
        {"made anew with another original",
         "for f in data/master/*.h265; do "
         "cat ../other/data/master/*.h265 >$f; done;" ANEW,
         "changed"},
        {"made anew with another working copy",
         "for f in data/working/*; do "
         "cat ../other/data/working/* >$f; done;" ANEW,
         "changed"},
        {"made anew with another still",
         "for f in data/stills/*poster*; do "
         "cat ../other/data/stills/*poster* >$f; done;" ANEW,
         "changed"},
        /* A fact in a place of its own, in a list, in the bytes as received. */
        {"made anew with another time", "sed -i s/07:23:45/07:23:46/ data/master/*.json;" ANEW,
         "changed"},
        {"made anew with another day of arrival",
         "sed -i 's/\"arrived\": \"20/\"arrived\": \"19/' data/master/*.json;" ANEW, "changed"},
        {"made anew elsewhere", "sed -i s/54.7004183/55.7004183/ data/master/*.json;" ANEW,
         "changed"},
        {"made anew without a place",
         "sed -i 's/\"lat\": 54.7004183/\"lat\": 0.0/' data/master/*.json;" ANEW, "changed"},
        {"made anew with another trigger", "sed -i s/crash/towing/ data/master/*.json;" ANEW,
         "changed"},
        {"made anew of another camera", "sed -i 's/\"rear\"/\"front\"/' data/master/*.json;" ANEW,
         "changed"},
        {"made anew of another tracker",
         "sed -i 's/\"imei\": \"3/\"imei\": \"4/' data/master/*.json;" ANEW, "changed"},
        {"made anew with another frame rate",
         "sed -i 's/\"fps\": 20/\"fps\": 25/' data/master/*.json;" ANEW, "changed"},
        {"made anew with other connections",
         "sed -i 's/\"began\": \"20/\"began\": \"19/' data/transfer/*.json;" ANEW, "changed"},
        {"made anew with other counters",
         "sed -i 's/\"crc_errors\": 0/\"crc_errors\": 1/' data/transfer/*.json;" ANEW, "changed"},
        {"made anew from another address",
         "sed -i 's/\"peer\": \"127/\"peer\": \"128/' data/transfer/*.json;" ANEW, "changed"},
        {"made anew with other bytes as received",
         "sed -i 's/\"meta\": \"0/\"meta\": \"1/' data/transfer/*.json;" ANEW, "changed"},
        {"made anew with half a byte as received",
         "sed -i 's/\"meta\": \"0/\"meta\": \"/' data/transfer/*.json;" ANEW, "changed"},
        {"made anew with spaces in its facts", "sed -i 's/: /  :  /' data/transfer/*.json;" ANEW,
         "whole"},
        {"made anew with a fact twice",
         "sed -i 's/\"wire\"/\"id\": \"x\", \"wire\"/' data/transfer/*.json;" ANEW, "changed"},
        {"made anew with facts that are no JSON", "echo x >>data/transfer/x.json;" ANEW, "changed"},
        {"made anew with facts of nobody",
         "for f in data/transfer/*; do sed \"s/$(basename $f .json)/x/\" $f; done >x;"
         "mv x data/transfer/x.json;" ANEW,
         NULL},
        {"made anew with a word of the custody changed",
         "sed -i '1s/\"at\":\"20/\"at\":\"19/' data/custody.jsonl;" ANEW, "changed"},
        {"made anew without the first line of the custody", "sed -i 1d data/custody.jsonl;" ANEW,
         "changed"},
        {"made anew without the second line of the custody", "sed -i 2d data/custody.jsonl;" ANEW,
         "changed"},
        {"made anew with two lines of the custody in the other order",
         "sed -i '2{h;d};3{G}' data/custody.jsonl;" ANEW, "changed"},
        {"made anew with spaces in the custody",
         "sed -i 's/,\"event\"/, \"event\"/' "
         "data/custody.jsonl;" ANEW,
         "changed"},
        {"made anew with the custody's end cut", "truncate -s -1 data/custody.jsonl;" ANEW,
         "changed"},
        {"made anew without the last line of the custody", "sed -i '$d' data/custody.jsonl;" ANEW,
         "changed"},
        {"made anew with another custody", "cp ../other/data/custody.jsonl data;" ANEW, "changed"},
        {"made anew with an empty custody", ": >data/custody.jsonl;" ANEW, "changed"},
        {"made anew without custody", "rm data/custody.jsonl;" ANEW, "changed"},
        {"made anew with a file more", "echo x >data/more;" ANEW, "changed"},
        {"made anew with a text more",
         "echo x >more.txt;" ANEW "sha256sum more.txt >>tagmanifest-sha256.txt;" QUERY_ANEW,
         "changed"},
        {"made anew by another version with a file more",
         "echo x >data/more; sed -i '/^Bag-Software/s/$/9/' bag-info.txt;" ANEW, "whole"},
        {"made anew with an original more",
         "for f in data/master/*.h265; do echo x >${f%.h265}.jpg; done;" ANEW, "changed"},
        {"made anew with a line continued", "sed -i 's/^Signer.*/&\\n  more/' bag-info.txt;" ANEW,
         "changed"},
        {"made anew with a line twice", "sed -i 's/^Exported-At.*/&\\n&/' bag-info.txt;" ANEW,
         "changed"},
        {"made anew without anything", "rm -r data/*; echo x >data/x;" ANEW, "changed"},
        {"made anew and called redacted",
         "printf 'Redacted-From-Tagmanifest-SHA256: %064d\\n' 0 >>bag-info.txt;" ANEW, "changed"},
        {"made anew, stripped and called redacted",
         "rm -r data/master data/working;"
         "printf 'Redacted-From-Tagmanifest-SHA256: %064d\\n' 0 >>bag-info.txt;" ANEW,
         NULL},
        {"made anew, stripped", "rm -r data/master data/working;" ANEW, "changed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect(PROC_RUN("env", "-C", package, "sh", "-c", cases[i].how), 0, "");
        agree(cases[i].what, cases[i].expected);
        restore();
    }
}

/* One that version 0.1.0 made and signed: without its signature nobody can tell it from one that
 * had none. */
static void test_a_package_that_claims_nothing_is_called_that(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    static const struct {
        const char *how, *expected, *says;
    } cases[] = {
        {":", "whole", "there is one; a browser cannot check it"},
        {"rm -r signature", "whole", "does not say whether it was signed (version 0.1.0 never"},
        {"sed -i '/^Bag-Software/s/0.1.0/0.2.0/' bag-info.txt;" ANEW, "changed",
         "does not say whether the package was signed"},
        {"sed -i '/\"version\"/s/$/\"package\": 2,/' data/tool.json;" ANEW, "changed",
         "does not say whether the package was signed"},
        {"sed -i '/\"version\"/s/0.1.0/0.2.0/' data/tool.json;" ANEW, "changed",
         "does not say whether a time stamp was asked for"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sh("rm -rf package; tar -xJf " TEST_SOURCE_DIR "/data/store/420212c.tar.xz package");
        expect(PROC_RUN("env", "-C", package, "sh", "-c", cases[i].how), 0, "");
        agree(cases[i].how, cases[i].expected);
        assert_has(shown("rows"), cases[i].says);
    }
    restore();
}

/* What is not shown to everybody, as a folder and as the program's own zip. */
static void test_redacted_packages_are_judged_alike(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    static const char *const hidden[][2] = {{"--mask", "rear:0,0,64,64"},
                                            {"--hide", "position,imei,driver,source"}};
    static const struct {
        const char *what, *how, *expected;
    } cases[] = {
        {"redacted", ":", "whole"},
        {"redacted, a viewing copy exchanged",
         "for f in data/viewing/*.mp4; do cat ../whole/data/viewing/*.mp4 >$f; done", "changed"},
        {"redacted, made anew, nothing changed", ANEW, "whole"},
        {"redacted, made anew with another time",
         "sed -i s/07:23:45/07:23:46/ data/facts/*.json;" ANEW, "changed"},
        {"redacted, made anew, a word of the custody changed",
         "sed -i '1s/\"at\":\"20/\"at\":\"19/' data/custody.jsonl;" ANEW, "changed"},
        {"redacted, made anew with other counters",
         "sed -i 's/\"crc_errors\": 0/\"crc_errors\": 1/' data/transfer/*.json;" ANEW, "changed"},
        {"redacted, made anew with an original",
         "mkdir data/master; cp ../whole/data/master/*.h265 data/master;" ANEW, "changed"},
        {"redacted, made anew without its facts", "rm data/facts/*;" ANEW, "changed"},
        {"redacted, made anew and called full", "sed -i /^Redacted/d bag-info.txt;" ANEW,
         "changed"},
        {"redacted, made anew without its claims",
         "sed -i '/^Signer-\\|^Time-/d' bag-info.txt;" ANEW, "changed"},
    };
    for (size_t i = 0; i < 2; i++) {
        const char *full = support_path(dir, i ? "full-1" : "full-0");
        expect(RUN("export", "--imei", IMEI, "-o", full), 0, "1 transfer,");
        char own[600];
        snprintf(own, sizeof own, "%s/redacted-%zu.zip", dir, i);
        expect(RUN("export", "--imei", IMEI, "-o", own, "--of", full, hidden[i][0], hidden[i][1]),
               0, "1 transfer,");
        agree_on("a redacted zip of the program's own", own, true, "whole");
        assert_has(shown("meaning"), "It says that it is redacted");
        expect(PROC_RUN("rm", "-rf", package, support_path(dir, "redacted")), 0, "");
        expect(RUN("export", "--imei", IMEI, "-o", support_path(dir, "redacted"), "--of", full,
                   hidden[i][0], hidden[i][1], "--sign-cert", support_path(dir, "a.pem"),
                   "--sign-key", support_path(dir, "a.key")),
               0, "1 transfer,");
        for (size_t j = 0; j < sizeof cases / sizeof *cases; j++) {
            sh("rm -rf package && cp -a redacted package");
            expect(PROC_RUN("env", "-C", package, "sh", "-c", cases[j].how), 0, "");
            agree(cases[j].what, cases[j].expected);
        }
    }
    restore();
}

static void test_where_an_imported_file_was_is_compared(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    static const struct {
        const char *what, *how, *expected;
    } cases[] = {
        {"an import", ":", "whole"},
        {"from elsewhere", "sed -i 's|\"path\": \"/|&x|' data/master/*.json;" ANEW, "changed"},
        {"at another time",
         "sed -i 's/\"modified\": \"20/\"modified\": \"19/' data/master/*.json;" ANEW, "changed"},
        {"recorded at another time", "sed -i 's/07:23:45/07:23:46/' data/master/*.json;" ANEW,
         "changed"},
        {"recorded in another zone",
         "sed -i 's/\"tz_min\": 120/\"tz_min\": 60/' "
         "data/master/*.json;" ANEW,
         "changed"},
        {"recorded when nobody knows", "sed -i '/time_of_person/d' data/master/*.json;" ANEW,
         "changed"},
        {"recorded when its name tells",
         "sed -i 's/time_of_person/time_of_name/' "
         "data/master/*.json;" ANEW,
         "changed"},
    };
    const char *from = support_path(w.dir, "imported.h265");
    struct buf clip = clips_video(CLIP, CLIP_BYTES, 3);
    support_write(from, buf_data(&clip), clip.used);
    buf_clear(&clip);
    expect(RUN("import", "--imei", "352094082736924", "--camera", "rear", "--time",
               "2024-07-01T09:23:45+02:00", from),
           0, "1 imported");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect(PROC_RUN("rm", "-rf", package), 0, "");
        expect(RUN("export", "--imei", "352094082736924", "--as-is", "-o", package), 0, "");
        expect(PROC_RUN("env", "-C", package, "sh", "-c", cases[i].how), 0, "");
        agree(cases[i].what, cases[i].expected);
    }
}

static void test_another_page_in_the_package_is_noted(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    expect(PROC_RUN("cmp", page, in_package("verify.html")), 0, "");
    struct proc_result r = PROC_RUN(DASHSPOOL_BINARY, "verify", package);
    assert_null(strstr(proc_out(&r), "verify.html"));
    proc_clear(&r);
    expect(PROC_RUN("env", "-C", package, "sh", "-c", "echo forged >verify.html;" ANEW), 0, "");
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", package), 0,
           "verify.html in this package is not this version's");
    agree("another page", "whole");
}

/* ---- zips that mean harm ---- */

/* Bytes for the page, as an expression. */
static char *bytes_there(const void *data, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    char *text = malloc(2 * n + 100), *at = text;
    assert_non_null(text);
    at += sprintf(at, "Uint8Array.from('");
    for (size_t i = 0; i < n; i++) {
        *at++ = digits[p[i] >> 4];
        *at++ = digits[p[i] & 15];
    }
    strcpy(at, "'.match(/../g) || [], x => parseInt(x, 16))");
    return text;
}

/* "refused", or how many files it has. */
static void compare_zip(const char *what, const struct buf *b)
{
    struct package_seen seen = {0};
    struct err err = {0};
    char own[40];
    support_write(zip, buf_data(b), b->used);
    int rc = package_read(zip, NULL, &seen, &err);
    assert_true(rc == ERR_OK || rc == ERR_MALFORMED || rc == ERR_LIMIT || rc == ERR_UNSUPPORTED);
    snprintf(own, sizeof own, rc < 0 ? "refused" : "%lld files of %lld", (long long)seen.files,
             (long long)seen.bytes);
    char *bytes = bytes_there(buf_data(b), b->used), *expression = malloc(strlen(bytes) + 900);
    assert_non_null(expression);
    sprintf(expression,
            "(async () => { try { let n = 0, bytes = 0;"
            " const files = await openZip(new Work(() => {}), new Blob([%s]));"
            " for (const f of files) { await f.read(data => { bytes += data.length; }); n++; }"
            " return n + ' files of ' + bytes;"
            "} catch (e) { self.why = e.message; return e instanceof Refused ? 'refused'"
            " : e.stack; } })()",
            bytes);
    const char *found = browser_value(browser, expression);
    if (strcmp(found, own) != 0)
        fail_msg("%s: the page says %s (%s), the program %s (%s)", what, found,
                 browser_value(browser, "self.why"), own, err.text);
    free(bytes);
    free(expression);
}

static void test_zips_are_refused_by_the_same_rules(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    static const uint8_t second_name[] = {0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 'b'},
                         same_name[] = {0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, 'a'},
                         cut_extra[] = {1, 0, 8, 0, 1}, twice_64[] = {1, 0, 0, 0, 1, 0, 0, 0};
    static char long_name[1200], long_part[300], deep[80];
    memset(long_name, 'a', sizeof long_name - 1);
    for (size_t i = 100; i < sizeof long_name - 1; i += 100)
        long_name[i] = '/';
    memset(long_part, 'a', 256);
    for (size_t i = 0; i < 66; i++)
        deep[i] = i % 2 ? '/' : 'a';
    deep[65] = '\0';
    struct buf hello = package_deflated("hello hello hello", 17);
    struct buf more = package_deflated("hello hello hello", 17);
    struct err err;
    assert_ok(buf_append(&more, "x", 1, &err));
    static uint8_t zeros[20 << 20];
    struct buf bomb = package_deflated(zeros, sizeof zeros), lie = package_deflated(zeros, 100000);
#define D(b) .data = buf_data(&(b)), .n = (b).used, .method = 8
    const struct package_entry cases[][3] = {
        {{.name = "a", .data = "x", .n = 1}, {.name = "b"}},
        {{.name = "a/"}, {.name = "a/b", .data = "x", .n = 1}},
        {{.name = "a"}, {.name = "a"}},
        {{.name = "a"}, {.name = "A"}},
        {{.name = "\xc3\xa4"}, {.name = "\xc3\x84"}},
        {{.name = "stra\xc3\x9f"
                  "e"},
         {.name = "STRA\xe1\xba\x9e"
                  "E"}},
        {{.name = "\xe2\x84\xaa"}, {.name = "k"}},
        {{.name = "\xc4\xb0"}, {.name = "i"}},
        {{.name = "\xcf\x82"}, {.name = "\xcf\x83"}},
        {{.name = "\xf0\x90\x90\x80"}, {.name = "\xf0\x90\x90\xa8"}},
        {{.name = "a"}, {.name = "a/b"}},
        {{.name = "a/b"}, {.name = "a"}},
        {{.name = "a/b"}, {.name = "A/c"}},
        {{.name = "a/b"}, {.name = "A/B"}},
        {{.name = "a/", .mode = 040755}, {.name = "a/", .mode = 040755}},
        {{.name = "../a"}},
        {{.name = "a/../b"}},
        {{.name = "./a"}},
        {{.name = "/a"}},
        {{.name = "a//b"}},
        {{.name = "a\\b"}},
        {{.name = "a\nb"}},
        {{.name = "a\x7f"}},
        {{.name = "a\xc2\x85"}},
        {{.name = "a\xe2\x80\xa8"}},
        {{.name = "a\xe2\x80\xae"}},
        {{.name = "a\xff"}},
        {{.name = "a\xed\xa0\x80"}},
        {{.name = "a\xc0\xaf"}},
        {{.name = "\xef\xbb\xbf"
                  "a"},
         {.name = "a"}},
        {{.name = long_name}},
        {{.name = long_part}},
        {{.name = deep}},
        {{.name = deep + 2}},
        {{.name = "a", .local_name = "b"}},
        {{.name = "a", .data = "x", .n = 1, .local_size = 2}},
        {{.name = "a", .data = "x", .n = 1, .crc_flip = 4}},
        {{.name = "a", .data = "x", .n = 1, .size = 2}},
        {{.name = "a", .data = "x", .n = 1, .packed = 2, .size = 2}},
        {{.name = "a", .flags = 1}},
        {{.name = "a", .flags = 1 << 6}},
        {{.name = "a", .flags = 1 << 13}},
        {{.name = "a", .flags = 1 << 5}},
        {{.name = "a", .flags = 1 << 11}},
        {{.name = "a", .flags = 6}},
        {{.name = "a", .method = 12}},
        {{.name = "a", .mode = 0120777, .data = "x", .n = 1}},
        {{.name = "a", .mode = 010644}},
        {{.name = "a", .mode = 040755}},
        {{.name = "a/", .mode = 0100644}},
        {{.name = "a/", .data = "x", .n = 1}},
        {{.name = "a", .data = "x", .n = 1, .descriptor = 12}, {.name = "b"}},
        {{.name = "a", .data = "x", .n = 1, .descriptor = 16}, {.name = "b"}},
        {{.name = "a", .data = "x", .n = 1, .descriptor = 20}},
        {{.name = "a", .data = "x", .n = 1, .descriptor = 24}},
        {{.name = "a", .extra = second_name, .extra_n = sizeof second_name}},
        {{.name = "a", .extra = same_name, .extra_n = sizeof same_name}},
        {{.name = "a", .extra = cut_extra, .extra_n = sizeof cut_extra}},
        {{.name = "a", .extra = twice_64, .extra_n = sizeof twice_64}},
        {{.name = "a", .size = 17, .crc = 0xe5f98880, D(hello)}},
        {{.name = "a", .size = 17, .crc = 0xe5f98880, D(more)}},
        {{.name = "a", .size = 16, .crc = 0xe5f98880, D(hello)}},
        {{.name = "a", .size = 18, .crc = 0xe5f98880, D(hello)}},
        {{.name = "a", .size = 17, .crc = 0xe5f98881, D(hello)}},
        {{.name = "a", .size = 17, .crc = 0xe5f98880, .packed = 0, .method = 8}},
        {{.name = "a", .data = "nonsense", .n = 8, .size = 8, .method = 8}},
        {{.name = "a", .size = sizeof zeros, D(bomb)}},
        {{.name = "a", .size = 1000, D(lie)}},
    };
#undef D
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[60];
        size_t n = 1 + (cases[i][1].name != NULL);
        struct buf b = package_zip(cases[i], n);
        snprintf(what, sizeof what, "zip %zu, %.20s", i, cases[i][0].name);
        compare_zip(what, &b);
        buf_clear(&b);
    }
    buf_clear(&hello);
    buf_clear(&more);
    buf_clear(&bomb);
    buf_clear(&lie);
}

/* One byte of zips that other programs wrote is another; or some are missing, or there are more. */
static void test_zips_that_suffered_are_judged_alike(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    static const char *const corpus[] = {"deflated", "stored", "streamed", "zip64", "link"};
    uint64_t chance = support_seed(20261130);
    for (size_t i = 0; i < sizeof corpus / sizeof *corpus; i++) {
        char path[600], what[100];
        struct err err;
        snprintf(path, sizeof path, TEST_SOURCE_DIR "/fuzz/corpus/bag/%s", corpus[i]);
        struct buf b = support_read(path);
        compare_zip(corpus[i], &b);
        for (int turn = 0; turn < 60; turn++) {
            chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
            size_t at = (size_t)(chance >> 33) % b.used;
            uint8_t was = b.mem[b.start + at];
            b.mem[b.start + at] ^= (uint8_t)(1u << (chance >> 20 & 7));
            snprintf(what, sizeof what, "%s, byte %zu, turn %d", corpus[i], at, turn);
            compare_zip(what, &b);
            b.mem[b.start + at] = was;
        }
        size_t used = b.used;
        for (b.used = 0; b.used < used; b.used += 1 + used / 20)
            compare_zip("cut off", &b);
        b.used = used;
        assert_ok(buf_append(&b, "x", 1, &err));
        compare_zip("a byte behind it", &b);
        buf_clear(&b);
    }
}

/* ---- custody ---- */

/* One line 1 by itself: the program and the page take it, or neither does. */
static void compare_line(const char *line, size_t n)
{
    struct custody_chain chain = {.n = 0};
    struct err err = {0};
    bool own = custody_next(&chain, line, n, &err) == ERR_OK;
    char *bytes = bytes_there(line, n), *expression = malloc(strlen(bytes) + 300);
    assert_non_null(expression);
    sprintf(expression,
            "(() => { const chain = new CustodyChain();"
            " try { chain.next(%s); return 'taken ' + chain.last; }"
            " catch (e) { return 'refused'; } })()",
            bytes);
    char taken[HASH_HEX_ROOM + 10];
    snprintf(taken, sizeof taken, own ? "taken %s" : "refused", chain.last);
    const char *found = browser_value(browser, expression);
    if (strcmp(found, taken) != 0)
        fail_msg("%.*s: the page says %s, the program %s (%s)", (int)n, line, found, taken,
                 err.text);
    free(bytes);
    free(expression);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void test_custody_lines_are_read_by_the_same_rules(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    static const char *const whats[] = {
        "{}",
        "[]",
        "null",
        "1",
        "{\"a\":1}",
        "{\"a\":1,\"b\":2}",
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"a\":1}",
        "{\"\":1}",
        "{\"a\":1,}",
        "{\"a\" :1}",
        "{\"a\":01}",
        "{\"a\":-0}",
        "{\"a\":-1}",
        "{\"a\":+1}",
        "{\"a\":9223372036854775807}",
        "{\"a\":9223372036854775808}",
        "{\"a\":-9223372036854775808}",
        "{\"a\":-9223372036854775809}",
        "{\"a\":1.0}",
        "{\"a\":1.50}",
        "{\"a\":1.5}",
        "{\"a\":-0.0}",
        "{\"a\":0.0}",
        "{\"a\":1e5}",
        "{\"a\":1E5}",
        "{\"a\":100000.0}",
        "{\"a\":1e+20}",
        "{\"a\":1e20}",
        "{\"a\":1.0e20}",
        "{\"a\":1.5e20}",
        "{\"a\":1e-7}",
        "{\"a\":1e-07}",
        "{\"a\":0.0001}",
        "{\"a\":0.00001}",
        "{\"a\":1e-5}",
        "{\"a\":1e999}",
        "{\"a\":1e-999}",
        "{\"a\":0.1}",
        "{\"a\":54.7004183}",
        "{\"a\":1234567890.12}",
        "{\"a\":1234567890.123}",
        "{\"a\":123456789012.0}",
        "{\"a\":1234567890123.0}",
        "{\"a\":1.23456789012e12}",
        "{\"a\":999999999999.5}",
        "{\"a\":.5}",
        "{\"a\":5.}",
        "{\"a\":true}",
        "{\"a\":false,\"b\":null}",
        "{\"a\":tru}",
        "{\"a\":[]}",
        "{\"a\":[1,\"x\",{}]}",
        "{\"a\":[1,]}",
        "{\"a\":[1 ,2]}",
        "{\"a\":\"\"}",
        "{\"a\":\"\\u00e9\"}",
        "{\"a\":\"\\u00E9\"}",
        "{\"a\":\"\xc3\xa9\"}",
        "{\"a\":\"\\/\"}",
        "{\"a\":\"/\"}",
        "{\"a\":\"\\n\\t\\r\\b\\f\\\\\\\"\"}",
        "{\"a\":\"\\u000A\"}",
        "{\"a\":\"\\u000B\"}",
        "{\"a\":\"\\u000b\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\u001F\"}",
        "{\"a\":\"\\u007F\"}",
        "{\"a\":\"\x7f\"}",
        "{\"a\":\"\\u0080\"}",
        "{\"a\":\"\\u0041\"}",
        "{\"a\":\"\\uD83D\\uDE97\"}",
        "{\"a\":\"\\uD83D\"}",
        "{\"a\":\"\\uDE97\\uD83D\"}",
        "{\"a\":\"\\uD83D\\uD83D\\uDE97\"}",
        "{\"a\":\"\\uFFFF\"}",
        "{\"a\":\"\\uFFFE\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"\\uFFFF\":1,\"\\uD83D\\uDE97\":1}",
        "{\"\\uD83D\\uDE97\":1,\"\\uFFFF\":1}",
        "{\"a\":1,\"aa\":1}",
        "{\"aa\":1,\"a\":1}",
        "{\"Z\":1,\"a\":1}",
        "{\"a\":1,\"Z\":1}",
        "{\"\\u0000\":1}",
        "{\"a\":NaN}",
        "{\"a\":'x'}",
        "{a:1}",
        "{",
        "}",
        "",
    };
    char line[9000];
    for (size_t i = 0; i < sizeof whats / sizeof *whats; i++) {
        int n = snprintf(line, sizeof line,
                         "{\"at\":\"x\",\"event\":\"stored\",\"id\":\"a-1\",\"n\":1,\"previous\":"
                         "\"" ZEROS "\",\"what\":%s,\"who\":\"w\"}",
                         whats[i]);
        compare_line(line, (size_t)n);
    }
    static const char *const lines[] = {
        /* at, event, id, n, previous, who */
        "{\"at\":\"\",\"event\":\"x\",\"id\":\"a\",\"n\":1,\"previous\":\"" ZEROS
        "\",\"what\":{},\"who\":\"\"}",
        "{\"at\":1,\"event\":\"x\",\"id\":\"a\",\"n\":1,\"previous\":\"" ZEROS
        "\",\"what\":{},\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"X\",\"id\":\"a\",\"n\":1,\"previous\":\"" ZEROS
        "\",\"what\":{},\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"abcdefghijklmnopqrstuvwx\",\"id\":\"a\",\"n\":1,\"previous\":"
        "\"" ZEROS "\",\"what\":{},\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"abcdefghijklmnopqrstuvw\",\"id\":\"a\",\"n\":1,\"previous\":"
        "\"" ZEROS "\",\"what\":{},\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"x\",\"id\":\"a_b\",\"n\":1,\"previous\":\"" ZEROS
        "\",\"what\":{},\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"x\",\"id\":\"\",\"n\":1,\"previous\":\"" ZEROS
        "\",\"what\":{},\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"x\",\"id\":\"a\",\"n\":1.0,\"previous\":\"" ZEROS
        "\",\"what\":{},\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"x\",\"id\":\"a\",\"n\":2,\"previous\":\"" ZEROS
        "\",\"what\":{},\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"x\",\"id\":\"a\",\"n\":0,\"previous\":\"" ZEROS
        "\",\"what\":{},\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"x\",\"id\":\"a\",\"n\":1,\"previous\":\"1\",\"what\":{},"
        "\"who\":\"w\"}",
        "{\"at\":\"x\",\"event\":\"x\",\"id\":\"a\",\"n\":1,\"previous\":\"" ZEROS
        "\",\"what\":{}}",
        "{\"at\":\"x\",\"event\":\"x\",\"id\":\"a\",\"n\":1,\"previous\":\"" ZEROS
        "\",\"what\":{},\"who\":\"w\",\"z\":1}",
        " {}",
        "{} ",
        "{}",
        "[]",
        "x",
        "\"x\"",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        compare_line(lines[i], strlen(lines[i]));
    /* As long, and as deep, as may be. */
    for (size_t length = 8190; length < 8194; length++) {
        memset(line, 'a', sizeof line);
        int n = snprintf(line, sizeof line,
                         "{\"at\":\"x\",\"event\":\"x\",\"id\":\"a\",\"n\":1,\"previous\":\"" ZEROS
                         "\",\"what\":{},\"who\":\"");
        line[n] = 'a';
        memcpy(line + length - 2, "\"}", 2);
        compare_line(line, length);
    }
    for (int depth = 2044; depth < 2050; depth++) {
        int n = snprintf(line, sizeof line,
                         "{\"at\":\"x\",\"event\":\"x\",\"id\":\"a\",\"n\":1,\"previous\":\"" ZEROS
                         "\",\"what\":{\"a\":");
        memset(line + n, '[', (size_t)depth);
        memset(line + n + depth, ']', (size_t)depth);
        int m = snprintf(line + n + 2 * depth, sizeof line - (size_t)(n + 2 * depth),
                         "},\"who\":\"w\"}");
        compare_line(line, (size_t)(n + 2 * depth + m));
    }
}

/* ---- the page as such ---- */

static void test_words_of_a_package_are_text_and_nothing_hides_in_them(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    support_write(in_package("data/<img src=x onerror=alert(1)>"), "x", 1);
    support_write(in_package("data/a\xe2\x80\xaegpj.exe\xc2\xa0\xe2\x80\x8b"), "x", 1);
    assert_string_equal(page_says(package, false), "changed");
    assert_has(shown("rows"), "extra: data/<img src=x onerror=alert(1)>");
    assert_has(shown("rows"), "extra: data/a\xe2\x9f\xa8U+202E\xe2\x9f\xa9gpj.exe\xe2\x9f\xa8U+00A0"
                              "\xe2\x9f\xa9\xe2\x9f\xa8U+200B\xe2\x9f\xa9");
    assert_string_equal(browser_value(browser, "String(document.images.length)"), "0");
    restore();
}

/* A zip has names that no folder can have. */
static void test_names_in_a_zip_are_text_likewise(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    static const struct {
        const char *name, *id, *says; /* where, as visible() has it */
    } cases[] = {
        {"data/<img src=x onerror=alert(1)>", "rows", "extra: data/<img src=x onerror=alert(1)>"},
        {"data/a\xe2\x80\xaegpj.exe", "rows", "extra: data/a\xe2\x9f\xa8U+202E\xe2\x9f\xa9gpj.exe"},
        {"data/\xf3\xa0\x81\x81", "rows", "extra: data/\xe2\x9f\xa8U+E0041\xe2\x9f\xa9"},
        {"data/a\nextra: b", "meaning", "data/a\xe2\x9f\xa8U+000A\xe2\x9f\xa9"},
        {"data/\033[31m", "meaning", "data/\xe2\x9f\xa8U+001B\xe2\x9f\xa9"},
        {"../a", "meaning", "REFUSED: the name '../a'"},
        {"data/a\xff", "meaning", "is not UTF-8"},
    };
    static const char info[] = "Bag-Software-Agent: dashspool 0\n";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct package_entry entries[] = {
            {.name = "bagit.txt", .data = "x", .n = 1},
            {.name = "bag-info.txt", .data = info, .n = sizeof info - 1},
            {.name = "manifest-sha256.txt", .data = "x", .n = 1},
            {.name = cases[i].name, .data = "x", .n = 1}};
        struct buf b = package_zip(entries, 4);
        support_write(zip, buf_data(&b), b.used);
        buf_clear(&b);
        agree_on(cases[i].name, zip, true, "changed");
        assert_has(shown(cases[i].id), cases[i].says);
        assert_string_equal(browser_value(browser, "String(document.images.length)"), "0");
    }
}

static void test_the_fingerprint_is_compared(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    assert_string_equal(page_says(package, false), "whole");
    browser_value(browser, "(() => { const e = document.getElementById('expected');"
                           " e.value = document.getElementById('fingerprint').textContent"
                           "   .toUpperCase().match(/.{8}/g).join(' ');"
                           " e.dispatchEvent(new Event('input')); })()");
    assert_string_equal(ended(), "whole");
    assert_has(shown("compared"), "It is the expected fingerprint.");
    browser_value(browser, "(() => { const e = document.getElementById('expected');"
                           " e.value = '0'.repeat(64); e.dispatchEvent(new Event('input')); })()");
    assert_string_equal(ended(), "changed");
    assert_has(shown("headline"), "NOT THE EXPECTED PACKAGE");
    assert_string_equal(page_says(package, false), "changed");
}

static void test_without_a_worker_the_page_itself_does_it(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    browser_value(browser, "self.Worker = undefined");
    assert_string_equal(page_says(package, false), "whole");
    support_write(in_package("README.txt"), "x", 1);
    assert_string_equal(page_says(package, false), "changed");
    restore();
}

static void test_its_policy_lets_nothing_in_and_nothing_out(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    const char *policy =
        browser_value(browser, "document.querySelector('meta[http-equiv]').content");
    assert_has(policy, "default-src 'none'; script-src 'sha256-");
    assert_has(policy, "; worker-src blob:; form-action 'none'; base-uri 'none'");
    static const char *const never[] = {"unsafe", "http", "data:", "'self'", "*", "connect", "img"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_null(strstr(policy, never[i]));
    assert_string_equal(
        browser_value(browser, "String(document.querySelectorAll('[src], link, iframe, object,"
                               " embed, base, a, form').length)"),
        "0");
}

/* A file larger than the browser may become, in a package by hand; cancelled once, then read. */
static void test_memory_does_not_grow_with_the_package(void **state)
{
    (void)state;
    NEEDS_BROWSER();
    const long long bytes = 1024LL << 20, most = 600LL << 20;
    char command[2000];
    snprintf(command, sizeof command,
             "rm -rf large; mkdir -p large/data; cd large; truncate -s %lld data/large.bin;"
             "printf 'BagIt-Version: 1.0\\nTag-File-Character-Encoding: UTF-8\\n' >bagit.txt;"
             "echo 'Payload-Oxum: %lld.1' >bag-info.txt;"
             "sha256sum data/large.bin >manifest-sha256.txt;"
             "sha256sum bag-info.txt bagit.txt manifest-sha256.txt >tagmanifest-sha256.txt",
             bytes, bytes);
    sh(command);
    const char *large = support_path(dir, "large");
    browser_choose(browser, "#folder", large);
    browser_value(browser,
                  "new Promise(done => { const look = () => "
                  " document.getElementById('bar').value > 0 ? done('') : setTimeout(look, "
                  "20); look(); })");
    browser_value(browser, "document.getElementById('cancel').click()");
    assert_string_equal(ended(), "unknown");
    assert_has(shown("meaning"), "it was cancelled");

    int64_t before = browser_peak_bytes(browser); /* a bag of nobody's is read all the same */
    assert_string_equal(page_says(large, false), "none");
    int64_t peak = browser_peak_bytes(browser);
    print_message("peak of the browser's page: %lld MiB, before %lld MiB\n",
                  (long long)(peak >> 20), (long long)(before >> 20));
    assert_true(before > 0);
    assert_true(peak < most);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, open_page)
    const struct CMUnitTest tests[] = {
        T(test_sha256_is_that_of_the_standard),
        T(test_a_package_is_whole_however_it_comes),
        T(test_dropped_it_is_checked_likewise),
        T(test_every_file_flipped_cut_removed_or_exchanged),
        T(test_whatever_else_is_done_to_it),
        T(test_a_package_that_claims_nothing_is_called_that),
        T(test_redacted_packages_are_judged_alike),
        T(test_where_an_imported_file_was_is_compared),
        T(test_another_page_in_the_package_is_noted),
        T(test_zips_are_refused_by_the_same_rules),
        T(test_zips_that_suffered_are_judged_alike),
        T(test_custody_lines_are_read_by_the_same_rules),
        T(test_words_of_a_package_are_text_and_nothing_hides_in_them),
        T(test_names_in_a_zip_are_text_likewise),
        T(test_the_fingerprint_is_compared),
        T(test_without_a_worker_the_page_itself_does_it),
        T(test_its_policy_lets_nothing_in_and_nothing_out),
        T(test_memory_does_not_grow_with_the_package),
    };
    return cmocka_run_group_tests(tests, make_packages, remove_packages);
}
