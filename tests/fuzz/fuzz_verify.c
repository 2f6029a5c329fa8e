/* The texts of a package from anybody, with bytes 0xff between them: manifests, bag-info.txt and
 * custody; and each of them as a recipe. The files that there are stay the same. */
#include "dashspool/recipe.h"
#include "evidence/verify/verify_internal.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define SOME "a591a6d40bf420404a011733cfb7b190d62c65bf0bcda32b57b277d9ad9f146e"

/* By name, as they are sorted. */
static char names[][48] = {"README.txt",
                           "bag-info.txt",
                           "bagit.txt",
                           "data/a",
                           "data/custody.jsonl",
                           "data/facts/x.json",
                           "data/master/x.h265",
                           "data/timing/x.csv",
                           "data/working/x.working.mp4",
                           "manifest-sha256.txt",
                           "signature/manifest.p7s",
                           "tagmanifest-sha256.txt"};
enum { NAMES = sizeof names / sizeof *names };

static void must(bool good)
{
    if (!good)
        abort();
}

static void on_told(void *arg, enum verify_check check, enum verify_verdict verdict,
                    const char *text)
{
    (void)arg;
    must(check < VERIFY_CHECKS && text[0] && strlen(text) < 1400);
    (void)verdict;
}

static void on_problem(void *arg, enum verify_check check, const char *text)
{
    (void)arg;
    must(check < VERIFY_CHECKS && text[0]);
}

static void add_files(struct verify *v)
{
    struct err err;
    for (size_t i = 0; i < NAMES; i++) {
        struct file f = {.name = names[i], .sha256 = SOME, .bytes = 1};
        must(buf_append(&v->files, &f, sizeof f, &err) == ERR_OK);
    }
}

static void add_texts(struct verify *v, const uint8_t *data, size_t n)
{
    static const int which[] = {T_MANIFEST, T_TAGS, T_CUSTODY, T_INFO, T_BAGIT};
    struct err err;
    size_t at = 0;
    for (size_t i = 0; i < sizeof which / sizeof *which && at <= n; i++) {
        const uint8_t *end = at < n ? memchr(data + at, 0xff, n - at) : NULL;
        size_t length = (end ? (size_t)(end - data) : n) - at;
        if (length > 0)
            must(buf_append(&v->texts[which[i]], data + at, length, &err) == ERR_OK);
        v->have[which[i]] = true;
        at += length + 1;
    }
}

static void judge(const uint8_t *data, size_t n)
{
    static const struct verify_listener listener = {on_told, on_problem, NULL};
    static const struct verify_request request = {.path = "a package"};
    struct verify v = {.request = &request, .to = &listener, .text = -1};
    struct err err;
    struct buf *all[] = {&v.files, &v.payload, &v.tags};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_init(all[i], (size_t)64 << 20);
    for (int i = 0; i < TEXTS; i++)
        buf_init(&v.texts[i], (size_t)64 << 20);
    add_files(&v);
    add_texts(&v, data, n);
    if (verify_manifests_read(&v, &err) == ERR_OK) {
        verify_manifests_judge(&v);
        (void)!verify_custody_judge(&v, &err);
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_clear(all[i]);
    for (int i = 0; i < TEXTS; i++)
        buf_clear(&v.texts[i]);
}

/* What is read as a recipe is written and read as the same. */
static void follow(const char *text, size_t n)
{
    struct recipe r, again;
    struct err err;
    char *written = NULL;
    if (recipe_parse(&r, text, n, &err) < 0 || recipe_text(&r, &written, &err) < 0)
        return;
    must(recipe_parse(&again, written, strlen(written), &err) == ERR_OK);
    must(memcmp(&r.facts.id, &again.facts.id, sizeof r.facts.id) == 0 &&
         r.options.crf == again.options.crf && r.options.copies == again.options.copies);
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *exact = malloc(n + 1);
    must(exact != NULL);
    if (n > 0)
        memcpy(exact, data, n);
    exact[n] = '\0';
    judge((const uint8_t *)exact, n);
    follow(exact, n);
    free(exact);
    return 0;
}
