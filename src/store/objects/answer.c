#include "answer.h"
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include <libxml/parser.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 16, NAME_ROOM = 64 };

/* One way through the document: elements that hold a text are leaves. */
struct walk {
    xmlParserCtxtPtr parser;
    char name[DEPTH_MAX][NAME_ROOM]; /* of the open elements */
    int depth;
    char text[ANSWER_TEXT_ROOM]; /* of the innermost */
    size_t text_n;
    bool bad;

    /* depth 2: <root><name>text; of the element that holds it, `parent`. */
    void (*leaf)(struct walk *w, const char *parent, const char *name, const char *text);
    void (*end)(struct walk *w, const char *name);

    struct answer_error *error;
    bool *enabled;
    struct answer_entry entry;
    answer_entry_fn *fn;
    void *arg;
    bool truncated;
    char *next;
    int rc;
    struct err *err;
};

static void refuse(struct walk *w)
{
    w->bad = true;
    xmlStopParser(w->parser);
}

static void on_start(void *arg, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
                     int n_namespaces, const xmlChar **namespaces, int n_attributes,
                     int n_defaulted, const xmlChar **attributes)
{
    struct walk *w = arg;
    (void)prefix, (void)uri, (void)n_namespaces, (void)namespaces;
    (void)n_attributes, (void)n_defaulted, (void)attributes;
    if (w->depth == DEPTH_MAX) {
        refuse(w);
        return;
    }
    snprintf(w->name[w->depth++], NAME_ROOM, "%s", (const char *)local);
    w->text_n = 0;
}

static void on_text(void *arg, const xmlChar *text, int n)
{
    struct walk *w = arg;
    if ((size_t)n >= sizeof w->text - w->text_n) {
        refuse(w);
        return;
    }
    memcpy(w->text + w->text_n, text, (size_t)n);
    w->text_n += (size_t)n;
}

static void on_end(void *arg, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
    struct walk *w = arg;
    (void)local, (void)prefix, (void)uri;
    if (w->bad || w->rc < 0 || w->depth == 0)
        return;
    w->text[w->text_n] = '\0';
    const char *name = w->name[--w->depth];
    if (w->depth > 0)
        w->leaf(w, w->name[w->depth - 1], name, w->text);
    if (w->end)
        w->end(w, name);
    w->text_n = 0;
}

static void on_type(void *arg, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    (void)name, (void)external, (void)system;
    refuse(arg); /* no answer of S3 has a document type; entities are made by one */
}

static void on_complaint(void *arg, xmlErrorPtr error)
{
    struct walk *w = arg;
    if (error->level >= XML_ERR_ERROR && error->domain != XML_FROM_NAMESPACE)
        w->bad = true;
}

/* False: it is no XML, or has what no answer has. The root's name is name[0]. */
static bool walk(struct walk *w, const void *data, size_t n)
{
    xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
                         .startElementNs = on_start,
                         .endElementNs = on_end,
                         .characters = on_text,
                         .ignorableWhitespace = on_text,
                         .cdataBlock = on_text,
                         .internalSubset = on_type,
                         .serror = on_complaint};
    if (n == 0 || n > INT_MAX)
        return false;
    w->parser = xmlCreatePushParserCtxt(&sax, w, NULL, 0, NULL);
    if (!w->parser)
        return false;
    xmlCtxtUseOptions(w->parser, XML_PARSE_NONET | XML_PARSE_COMPACT);
    int rc = xmlParseChunk(w->parser, data, (int)n, 1);
    bool good = rc == 0 && !w->bad && w->parser->wellFormed && w->name[0][0];
    xmlFreeParserCtxt(w->parser);
    return good;
}

/* ---- an error ---- */

/* The letters of it that are among these, as far as there is room. */
static void take_word(char *out, size_t room, const char *text, const char *letters)
{
    size_t n = strspn(text, letters);
    snprintf(out, room, "%.*s", n < room && !text[n] ? (int)n : 0, text);
}

static void error_leaf(struct walk *w, const char *parent, const char *name, const char *text)
{
    (void)parent;
    if (w->depth != 1)
        return;
    if (strcmp(name, "Code") == 0)
        take_word(w->error->code, sizeof w->error->code, text,
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.");
    else if (strcmp(name, "Message") == 0)
        text_shown(text, w->error->message, sizeof w->error->message);
    else if (strcmp(name, "Region") == 0)
        take_word(w->error->region, sizeof w->error->region, text,
                  "abcdefghijklmnopqrstuvwxyz0123456789-");
}

bool answer_is_error(const void *data, size_t n, struct answer_error *out)
{
    struct walk w = {.leaf = error_leaf, .error = out};
    *out = (struct answer_error){{0}};
    (void)walk(&w, data, n); /* one that is cut off, or has bad letters, is an error all the same */
    bool is = strcmp(w.name[0], "Error") == 0;
    if (!is)
        *out = (struct answer_error){{0}};
    return is;
}

/* ---- whether there are versions ---- */

static void versioning_leaf(struct walk *w, const char *parent, const char *name, const char *text)
{
    (void)parent;
    if (w->depth == 1 && strcmp(name, "Status") == 0)
        *w->enabled = text[0] != '\0'; /* Enabled, or Suspended: those of before are there */
}

int answer_versioning(const void *data, size_t n, bool *out, struct err *err)
{
    struct walk w = {.leaf = versioning_leaf, .enabled = out};
    *out = false;
    if (walk(&w, data, n) && strcmp(w.name[0], "VersioningConfiguration") == 0)
        return ERR_OK;
    return err_set(err, ERR_MALFORMED, "the store does not say whether the bucket has versions");
}

/* ---- whether there is object lock ---- */

static void lock_leaf(struct walk *w, const char *parent, const char *name, const char *text)
{
    (void)parent;
    if (w->depth == 1 && strcmp(name, "ObjectLockEnabled") == 0)
        *w->enabled = strcmp(text, "Enabled") == 0;
}

bool answer_has_lock(const void *data, size_t n)
{
    bool has = false;
    struct walk w = {.leaf = lock_leaf, .enabled = &has};
    return walk(&w, data, n) && strcmp(w.name[0], "ObjectLockConfiguration") == 0 && has;
}

/* ---- lists ---- */

static bool is_entry(const char *name)
{
    return strcmp(name, "Contents") == 0 || strcmp(name, "Version") == 0 ||
           strcmp(name, "DeleteMarker") == 0;
}

static bool take_number(int64_t *out, const char *text)
{
    int64_t n = 0;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || n > (INT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (*p - '0');
    }
    *out = n;
    return text[0] != '\0';
}

static void list_leaf(struct walk *w, const char *parent, const char *name, const char *text)
{
    struct err unimportant;
    bool good = true;
    if (w->depth == 2 && is_entry(parent)) {
        if (strcmp(name, "Key") == 0)
            snprintf(w->entry.key, sizeof w->entry.key, "%s", text);
        else if (strcmp(name, "VersionId") == 0)
            snprintf(w->entry.version, sizeof w->entry.version, "%s", text);
        else if (strcmp(name, "Size") == 0)
            good = take_number(&w->entry.bytes, text);
        else if (strcmp(name, "LastModified") == 0)
            good = clock_parse(text, 0, &w->entry.modified_us, NULL, &unimportant) == ERR_OK;
    } else if (w->depth == 1 && strcmp(name, "IsTruncated") == 0) {
        w->truncated = strcmp(text, "true") == 0;
    } else if (w->depth == 1 && strcmp(name, "NextContinuationToken") == 0) {
        snprintf(w->next, ANSWER_TEXT_ROOM, "%s", text);
    }
    if (!good)
        refuse(w);
}

static void list_end(struct walk *w, const char *name)
{
    if (w->depth != 1 || !is_entry(name) || w->bad)
        return;
    if (!w->entry.key[0])
        refuse(w);
    else
        w->rc = w->fn(w->arg, &w->entry, w->err);
    w->entry = (struct answer_entry){.bytes = 0};
    if (w->rc < 0)
        xmlStopParser(w->parser);
}

int answer_list(const void *data, size_t n, answer_entry_fn *fn, void *arg,
                char next[ANSWER_TEXT_ROOM], struct err *err)
{
    struct walk w = {
        .leaf = list_leaf, .end = list_end, .fn = fn, .arg = arg, .next = next, .err = err};
    next[0] = '\0';
    bool good = walk(&w, data, n);
    if (w.rc < 0)
        return w.rc;
    if (!good || (strcmp(w.name[0], "ListBucketResult") != 0 &&
                  strcmp(w.name[0], "ListVersionsResult") != 0))
        return err_set(err, ERR_MALFORMED, "the store's list is none");
    if (!w.truncated)
        next[0] = '\0';
    else if (!next[0] && strcmp(w.name[0], "ListBucketResult") == 0)
        return err_set(err, ERR_MALFORMED, "the store's list goes on, and does not say where");
    return ERR_OK;
}
