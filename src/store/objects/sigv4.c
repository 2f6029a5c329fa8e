#include "sigv4.h"
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include <stdio.h>
#include <string.h>

#define ALGORITHM     "AWS4-HMAC-SHA256"

/* Texts, one behind the other. */
#define ADD(out, ...) add((out), (const char *const[]){__VA_ARGS__, NULL}, err)

static int add(struct buf *out, const char *const *text, struct err *err)
{
    int rc = ERR_OK;
    for (; rc == ERR_OK && *text; text++)
        rc = buf_append(out, *text, strlen(*text), err);
    return rc;
}

int sigv4_encode(struct buf *out, const char *text, bool keep_slash, struct err *err)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    int rc = ERR_OK;
    for (; rc == ERR_OK && *text; text++) {
        char coded[4];
        snprintf(coded, sizeof coded, "%%%02X", (unsigned)(unsigned char)*text);
        bool as_it_is = strchr(plain, *text) || (keep_slash && *text == '/');
        rc = as_it_is ? buf_append(out, text, 1, err) : buf_append(out, coded, 3, err);
    }
    return rc;
}

/* By name, then value (NULL: as they came), in a table of its own. */
static int sort_pairs(const struct sigv4_pair *in, size_t n, bool by_value,
                      const struct sigv4_pair *out[SIGV4_PAIRS_MAX], struct err *err)
{
    if (n > SIGV4_PAIRS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d things to sign", SIGV4_PAIRS_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0; at--) {
            int order = strcmp(in[i].name, out[at - 1]->name);
            if (order == 0 && by_value)
                order = strcmp(in[i].value, out[at - 1]->value);
            if (order >= 0)
                break;
            out[at] = out[at - 1];
        }
        out[at] = &in[i];
    }
    return ERR_OK;
}

int sigv4_query(struct buf *out, const struct sigv4_pair *query, size_t n, struct err *err)
{
    const struct sigv4_pair *sorted[SIGV4_PAIRS_MAX];
    int rc = sort_pairs(query, n, true, sorted, err);
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        rc = i > 0 ? ADD(out, "&") : ERR_OK;
        if (rc == ERR_OK)
            rc = sigv4_encode(out, sorted[i]->name, false, err);
        if (rc == ERR_OK)
            rc = ADD(out, "=");
        if (rc == ERR_OK)
            rc = sigv4_encode(out, sorted[i]->value, false, err);
    }
    return rc;
}

/* Without blanks around it, and with one where several are. */
static int add_value(struct buf *out, const char *value, struct err *err)
{
    int rc = ERR_OK;
    value += strspn(value, " ");
    while (rc == ERR_OK && *value) {
        size_t word = strcspn(value, " "), blanks = strspn(value + word, " ");
        rc = buf_append(out, value, word, err);
        value += word + blanks;
        if (rc == ERR_OK && blanks > 0 && *value)
            rc = ADD(out, " ");
    }
    return rc;
}

/* "name:value\n" each, several of one name as one; and "name;name". */
static int add_headers(struct buf *lines, struct buf *names, const struct sigv4_request *request,
                       struct err *err)
{
    const struct sigv4_pair *sorted[SIGV4_PAIRS_MAX];
    int rc = sort_pairs(request->headers, request->n_headers, false, sorted, err);
    for (size_t i = 0; rc == ERR_OK && i < request->n_headers; i++) {
        const char *name = sorted[i]->name;
        bool again = i > 0 && strcmp(name, sorted[i - 1]->name) == 0;
        bool last = i + 1 == request->n_headers || strcmp(name, sorted[i + 1]->name) != 0;
        if (!again)
            rc = ADD(names, i > 0 ? ";" : "", name);
        if (rc == ERR_OK)
            rc = again ? ADD(lines, ",") : ADD(lines, name, ":");
        if (rc == ERR_OK)
            rc = add_value(lines, sorted[i]->value, err);
        if (rc == ERR_OK && last)
            rc = ADD(lines, "\n");
    }
    return rc == ERR_OK ? buf_append(names, "", 1, err) : rc;
}

/* The canonical request, and the names of its headers as a text. */
static int add_request(struct buf *out, struct buf *names, const struct sigv4_request *request,
                       struct err *err)
{
    int rc = ADD(out, request->method, "\n", request->path, "\n");
    if (rc == ERR_OK)
        rc = sigv4_query(out, request->query, request->n_query, err);
    if (rc == ERR_OK)
        rc = ADD(out, "\n");
    if (rc == ERR_OK)
        rc = add_headers(out, names, request, err);
    if (rc == ERR_OK)
        rc = ADD(out, "\n", (const char *)buf_data(names), "\n", request->body_sha256);
    return rc;
}

static int derive_key(const struct sigv4_who *who, const char *day, uint8_t key[HASH_BYTES],
                      struct err *err)
{
    char first[4 + 256 + 1];
    const char *const parts[] = {day, who->region, who->service, "aws4_request"};
    if (snprintf(first, sizeof first, "AWS4%s", who->secret) >= (int)sizeof first)
        return err_set(err, ERR_CONFIG, "the secret of the S3 store is longer than 256 bytes");
    int rc = hash_hmac(first, strlen(first), parts[0], strlen(parts[0]), key, err);
    for (size_t i = 1; rc == ERR_OK && i < sizeof parts / sizeof *parts; i++)
        rc = hash_hmac(key, HASH_BYTES, parts[i], strlen(parts[i]), key, err);
    return rc;
}

int sigv4_sign(struct buf *out, const struct sigv4_request *request, const struct sigv4_who *who,
               int64_t utc_us, struct err *err)
{
    char when[CLOCK_TEXT_ROOM], day[9], scope[200], hex[HASH_HEX_ROOM], to_sign[400];
    uint8_t key[HASH_BYTES], digest[HASH_BYTES];
    struct buf canonical, names;
    buf_init(&canonical, SIGV4_TEXT_MAX);
    buf_init(&names, SIGV4_TEXT_MAX);
    clock_compact(utc_us, when);
    snprintf(day, sizeof day, "%.8s", when);
    snprintf(scope, sizeof scope, "%s/%s/%s/aws4_request", day, who->region, who->service);
    int rc = add_request(&canonical, &names, request, err);
    if (rc == ERR_OK)
        rc = hash_text(buf_data(&canonical), canonical.used, hex, err);
    if (rc == ERR_OK)
        rc = derive_key(who, day, key, err);
    if (rc == ERR_OK) {
        snprintf(to_sign, sizeof to_sign, ALGORITHM "\n%s\n%s\n%s", when, scope, hex);
        rc = hash_hmac(key, sizeof key, to_sign, strlen(to_sign), digest, err);
    }
    if (rc == ERR_OK) {
        hash_hex(digest, hex);
        rc = ADD(out, ALGORITHM " Credential=", who->key_id, "/", scope,
                 ", SignedHeaders=", (const char *)buf_data(&names), ", Signature=", hex);
    }
    buf_clear(&canonical);
    buf_clear(&names);
    return rc;
}
