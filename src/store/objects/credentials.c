/*
 * Who we are: by the settings, else what the instance that we run on is (EC2's metadata service,
 * version 2; others have it, too).
 */
#include "dashspool/clock.h"
#include "objects_internal.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ROLES "/latest/meta-data/iam/security-credentials/"

enum {
    METADATA_MS = 2000, /* it is on this very machine, or there is none */
    METADATA_BYTES_MAX = 16 * 1024,
    KEYS_LEFT_S = 300, /* new ones are there five minutes before the end of the old ones */
};

static size_t on_metadata(char *data, size_t size, size_t n, void *arg)
{
    struct err unimportant;
    return buf_append(arg, data, size * n, &unimportant) == ERR_OK ? size * n : 0;
}

/* The answer as a text, in `out`. */
static int ask_metadata(const char *method, const char *path, const char *header, struct buf *out,
                        struct err *err)
{
    const char *base = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    char url[600];
    long status = 0;
    CURL *easy = curl_easy_init();
    struct curl_slist *lines = curl_slist_append(NULL, header);
    buf_consume(out, out->used);
    snprintf(url, sizeof url, "%s%s", base && base[0] ? base : "http://169.254.169.254", path);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (easy && lines) {
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)METADATA_MS);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_metadata);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
        code = curl_easy_perform(easy);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(lines);
    curl_easy_cleanup(easy);
    if (code == CURLE_OUT_OF_MEMORY)
        return err_nomem(err, "the credentials of this instance");
    if (code != CURLE_OK || status != 200)
        return err_set(err, ERR_NOTFOUND, "%s: %s", url,
                       code != CURLE_OK ? curl_easy_strerror(code) : "no such thing there");
    return buf_append(out, "", 1, err);
}

/* One word, which becomes part of a header or a path. */
static bool word_ok(const char *text)
{
    size_t n = 0;
    while (text[n] > ' ' && text[n] < 0x7f)
        n++;
    return n > 0 && !text[n];
}

static int take_json(struct objects *o, const char *text, struct err *err)
{
    struct {
        const char *name;
        char *out;
        size_t room;
    } parts[] = {{"AccessKeyId", o->keys.id, sizeof o->keys.id},
                 {"SecretAccessKey", o->keys.secret, sizeof o->keys.secret},
                 {"Token", o->keys.token, sizeof o->keys.token}};
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof parts / sizeof *parts; i++) {
        const char *value = json_string_value(json_object_get(json, parts[i].name));
        if (!value || !word_ok(value) || strlen(value) >= parts[i].room)
            rc = err_set(err, ERR_MALFORMED, "the credentials of this instance have no %s",
                         parts[i].name);
        else
            snprintf(parts[i].out, parts[i].room, "%s", value);
    }
    const char *until = json_string_value(json_object_get(json, "Expiration"));
    if (rc == ERR_OK && until)
        rc = clock_parse(until, 0, &o->keys_until_us, NULL, err);
    json_decref(json);
    return rc;
}

static int keys_of_instance(struct objects *o, struct err *err)
{
    char header[METADATA_BYTES_MAX + 64], path[300];
    struct buf text;
    buf_init(&text, METADATA_BYTES_MAX);
    int rc = ask_metadata("PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 300",
                          &text, err);
    const char *word = (const char *)buf_data(&text);
    if (rc == ERR_OK && !word_ok(word))
        rc = err_set(err, ERR_MALFORMED, "the instance's metadata service gives no token");
    if (rc == ERR_OK) {
        snprintf(header, sizeof header, "X-aws-ec2-metadata-token: %s", word);
        rc = ask_metadata("GET", ROLES, header, &text, err);
    }
    if (rc == ERR_OK) {
        word = (const char *)buf_data(&text);
        snprintf(path, sizeof path, ROLES "%.*s", (int)strcspn(word, "\r\n"), word);
        rc = word_ok(path) ? ask_metadata("GET", path, header, &text, err)
                           : err_set(err, ERR_MALFORMED, "the instance has no role");
    }
    if (rc == ERR_OK)
        rc = take_json(o, (const char *)buf_data(&text), err);
    buf_clear(&text);
    return rc;
}

int objects_need_keys(struct objects *o, bool anew, bool *changed, struct err *err)
{
    int64_t now_us = clock_utc_us() + o->clock_ahead_us;
    bool old = o->keys_until_us && now_us > o->keys_until_us - KEYS_LEFT_S * INT64_C(1000000);
    struct site_keys before = o->keys;
    struct err why;
    if (changed)
        *changed = false;
    if (o->has_keys && !old && !anew)
        return ERR_OK;
    o->keys_until_us = 0;
    int rc = site_keys(o->site, &o->keys, err);
    if (rc == ERR_NOTFOUND && keys_of_instance(o, &why) < 0)
        rc = err_set(err, err_is_temporary(why.code) ? ERR_BUSY : ERR_CONFIG,
                     "no credentials for the S3 store: AWS_ACCESS_KEY_ID is not set, [site] "
                     "credentials names no file, and this instance has none (%s)",
                     why.text);
    else if (rc == ERR_NOTFOUND)
        rc = ERR_OK;
    o->has_keys = rc == ERR_OK;
    if (changed)
        *changed = rc == ERR_OK && (strcmp(before.id, o->keys.id) != 0 ||
                                    strcmp(before.secret, o->keys.secret) != 0 ||
                                    strcmp(before.token, o->keys.token) != 0);
    return rc;
}
