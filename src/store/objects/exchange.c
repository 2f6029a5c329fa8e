/* One request and its answer: signed, sent, judged, and tried again. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "objects_internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SECOND_US    INT64_C(1000000)

enum {
    FIRST_PAUSE_MS = 100, /* twice as long after each try … */
    PAUSE_MS_MAX = 5000,  /* … up to this; a random part of it */
    POLL_MS = 1000,
    POLL_TO_STOP_MS = 200,
    SKEW_S = 300, /* a clock that is so wrong may be why a signature is refused without a word */
};

/* ---- callbacks of curl ---- */

static size_t on_head(char *line, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    x->head_bytes += size * n;
    if (x->head_bytes > HEAD_BYTES_MAX) {
        err_set(&x->err, ERR_MALFORMED, "the store's answer has more than %d kB of header lines",
                HEAD_BYTES_MAX / 1024);
        x->broke = true;
        return 0;
    }
    head_take(&x->head, line, size * n);
    x->head_ended = line[0] == '\r' || line[0] == '\n';
    return size * n;
}

/* To the sink; never a byte more than the head promised. */
static int to_sink(struct exchange *x, const char *data, size_t n)
{
    if (!x->judged && exchange_judge_head(x, &x->err) < 0)
        return x->err.code;
    x->judged = true;
    if (clock_mono_us() > x->attempt_until_us) {
        x->slow = true;
        return err_set(&x->err, ERR_IO, "the store is too slow");
    }
    if ((int64_t)n > x->total - x->from - x->got)
        return err_set(&x->err, ERR_MALFORMED, "the answer is longer than the store said");
    int rc = x->sink(x->arg, data, n, &x->err);
    x->got += (int64_t)n;
    x->attempt_until_us += (int64_t)n * 1000 / BYTES_MS;
    x->give_up_us += (int64_t)n * 1000 / BYTES_MS;
    return rc;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->status);
    n *= size;
    int rc;
    if (x->sink && x->status >= 200 && x->status < 300)
        rc = to_sink(x, data, n);
    else
        rc = buf_append(&x->answer, data, n, &x->err);
    x->broke = rc < 0;
    return rc < 0 ? 0 : n;
}

static size_t on_send(char *out, size_t size, size_t n, void *arg)
{
    struct exchange *x = arg;
    int64_t left = x->body_n - x->sent;
    n *= size;
    if (left < (int64_t)n)
        n = (size_t)left;
    if (n > 0 && x->body) {
        memcpy(out, (const char *)x->body + x->sent, n);
    } else if (n > 0) {
        ssize_t got;
        do
            got = pread(x->fd, out, n, (off_t)(x->body_from + x->sent));
        while (got < 0 && errno == EINTR);
        if (got <= 0) {
            if (got < 0)
                err_sys(&x->err, "read what is to be stored");
            else
                err_set(&x->err, ERR_MALFORMED,
                        "the file is shorter than was said: it ends at %lld",
                        (long long)(x->body_from + x->sent));
            x->broke = true;
            return CURL_READFUNC_ABORT;
        }
        n = (size_t)got;
    }
    x->sent += (int64_t)n;
    return n;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct exchange *x = arg;
    if (origin != SEEK_SET || offset < 0 || offset > x->body_n)
        return CURL_SEEKFUNC_FAIL;
    x->sent = offset;
    return CURL_SEEKFUNC_OK;
}

/* ---- an attempt ---- */

static int add_line(struct exchange *x, const char *name, const char *value, struct err *err)
{
    char *line = NULL;
    int rc = fsx_path(&line, err, "%s: %s", name, value);
    struct curl_slist *more = rc == ERR_OK ? curl_slist_append(x->lines, line) : NULL;
    free(line);
    if (rc == ERR_OK && !more)
        return err_nomem(err, "a request");
    if (more)
        x->lines = more;
    return rc;
}

static int sign(struct objects *o, struct exchange *x, const char *path, struct err *err)
{
    char when[CLOCK_TEXT_ROOM], range[80];
    struct sigv4_pair headers[HEADERS_MAX + 6];
    size_t n = x->n_headers;
    struct buf authorization;
    int64_t now_us = clock_utc_us() + o->clock_ahead_us;
    clock_compact(now_us, when);
    memcpy(headers, x->headers, n * sizeof *headers);
    headers[n++] = (struct sigv4_pair){"host", o->host};
    headers[n++] = (struct sigv4_pair){"x-amz-date", when};
    headers[n++] =
        (struct sigv4_pair){"x-amz-content-sha256", x->body_sha256 ? x->body_sha256 : EMPTY_SHA256};
    if (o->keys.token[0])
        headers[n++] = (struct sigv4_pair){"x-amz-security-token", o->keys.token};
    if (x->sink && (x->from + x->got > 0 || x->n >= 0)) {
        if (x->n >= 0)
            snprintf(range, sizeof range, "bytes=%lld-%lld", (long long)(x->from + x->got),
                     (long long)(x->from + x->n - 1));
        else
            snprintf(range, sizeof range, "bytes=%lld-", (long long)(x->from + x->got));
        headers[n++] = (struct sigv4_pair){"range", range};
    }
    if (x->etag[0])
        headers[n++] = (struct sigv4_pair){"if-match", x->etag};
    const struct sigv4_request request = {
        .method = x->method,
        .path = path,
        .query = x->query,
        .n_query = x->n_query,
        .headers = headers,
        .n_headers = n,
        .body_sha256 = x->body_sha256 ? x->body_sha256 : EMPTY_SHA256,
    };
    const struct sigv4_who who = {o->keys.id, o->keys.secret, o->region, "s3"};
    buf_init(&authorization, SIGV4_TEXT_MAX);
    int rc = sigv4_sign(&authorization, &request, &who, now_us, err);
    if (rc == ERR_OK)
        rc = buf_append(&authorization, "", 1, err);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = add_line(x, headers[i].name, headers[i].value, err);
    if (rc == ERR_OK)
        rc = add_line(x, "authorization", (const char *)buf_data(&authorization), err);
    if (rc == ERR_OK && x->body_n < SMALL_BYTES)
        rc = add_line(x, "expect", "", err);
    buf_clear(&authorization);
    return rc;
}

/* Encoded; of the URL, and of the signature. */
static int path_and_query(struct objects *o, const struct exchange *x, struct buf *path,
                          struct buf *query, struct err *err)
{
    char key[OBJECTS_KEY_ROOM + 202] = "";
    int rc = buf_append(path, "/", 1, err);
    if (x->key)
        objects_full_key(o, x->key, key);
    if (rc == ERR_OK && !o->at_aws)
        rc = sigv4_encode(path, site_bucket(o->site), true, err);
    if (rc == ERR_OK && !o->at_aws && x->key)
        rc = buf_append(path, "/", 1, err);
    if (rc == ERR_OK)
        rc = sigv4_encode(path, key, true, err);
    if (rc == ERR_OK)
        rc = buf_append(path, "", 1, err);
    if (rc == ERR_OK)
        rc = sigv4_query(query, x->query, x->n_query, err);
    if (rc == ERR_OK)
        rc = buf_append(query, "", 1, err);
    return rc;
}

/* What curl is to do, all but the address and the lines. */
static void set_options(const struct objects *o, struct exchange *x, int64_t ms)
{
    CURL *e = x->easy;
    const char *ca = site_ca_file(o->site);
    curl_easy_setopt(e, CURLOPT_PRIVATE, x);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "dashspool/" DASHSPOOL_VERSION);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->lines);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    if (!x->sink) /* else to_sink() looks after it, by what has come */
        curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)ms);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_S);
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME,
                     (long)(o->patience_ms < STALL_S * 1000 ? o->patience_ms / 1000 + 1 : STALL_S));
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    if (ca[0])
        curl_easy_setopt(e, CURLOPT_CAINFO, ca);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
    if (strcmp(x->method, "HEAD") == 0)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else if (strcmp(x->method, "DELETE") == 0)
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, "DELETE");
    if (strcmp(x->method, "PUT") != 0)
        return;
    curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)x->body_n);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(e, CURLOPT_READDATA, x);
    curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(e, CURLOPT_SEEKDATA, x);
}

static int start_attempt(struct objects *o, struct exchange *x, struct err *err)
{
    struct buf path, query;
    char *url = NULL;
    buf_init(&path, SIGV4_TEXT_MAX);
    buf_init(&query, SIGV4_TEXT_MAX);
    x->status = 0;
    x->sent = 0;
    x->head_bytes = 0;
    x->judged = x->broke = x->slow = x->head_ended = false;
    x->head = (struct head){.length = -1, .range_from = -1, .range_end = -1};
    x->error = (struct answer_error){{0}};
    buf_consume(&x->answer, x->answer.used);
    x->tries++;
    int rc = objects_need_keys(o, false, NULL, err);
    if (rc == ERR_OK)
        rc = path_and_query(o, x, &path, &query, err);
    const char *q = (const char *)buf_data(&query);
    if (rc == ERR_OK)
        rc = fsx_path(&url, err, "%s%s%s%s", o->base, (const char *)buf_data(&path),
                      q[0] ? "?" : "", q);
    if (rc == ERR_OK)
        rc = sign(o, x, (const char *)buf_data(&path), err);
    if (rc == ERR_OK && !(x->easy = curl_easy_init()))
        rc = err_nomem(err, "a request");
    if (rc == ERR_OK) {
        int64_t now_us = clock_mono_us(), left_us = x->give_up_us - now_us;
        left_us = left_us > SECOND_US ? left_us : SECOND_US;
        x->attempt_until_us = now_us + left_us;
        curl_easy_setopt(x->easy, CURLOPT_URL, url);
        set_options(o, x, left_us / 1000 + x->body_n / BYTES_MS);
        if (curl_multi_add_handle(o->multi, x->easy) != CURLM_OK)
            rc = err_nomem(err, "a request");
    }
    free(url);
    buf_clear(&path);
    buf_clear(&query);
    return rc;
}

static void end_attempt(struct objects *o, struct exchange *x)
{
    if (x->easy) {
        curl_multi_remove_handle(o->multi, x->easy);
        curl_easy_cleanup(x->easy);
        x->easy = NULL;
    }
    curl_slist_free_all(x->lines);
    x->lines = NULL;
}

/* ---- how it went ---- */

/* What to do with an attempt that is over. */
enum verdict { IS_DONE, AGAIN_LATER, AGAIN_AT_ONCE };

static enum verdict fails(struct exchange *x, int code, const char *what)
{
    const char *said = x->error.code[0] ? x->error.code : "";
    err_set(&x->err, code, "%s%s%s%s%s%s", what, said[0] ? " (" : "", said,
            said[0] && x->error.message[0] ? ": " : "", said[0] ? x->error.message : "",
            said[0] ? ")" : "");
    x->rc = code;
    return err_is_temporary(code) ? AGAIN_LATER : IS_DONE;
}

static bool says(const struct exchange *x, const char *code)
{
    return strcmp(x->error.code, code) == 0;
}

/* The store's clock is right: it is the one that judges. */
static bool take_clock(struct objects *o, struct exchange *x)
{
    int64_t ahead_us = x->head.date_us - clock_utc_us();
    int64_t change_us = llabs(ahead_us - o->clock_ahead_us);
    if (x->skew_tried || !x->head.date_us ||
        (!says(x, "RequestTimeTooSkewed") && (x->error.code[0] || change_us < SKEW_S * SECOND_US)))
        return false;
    o->clock_ahead_us = ahead_us;
    return x->skew_tried = true;
}

/* The bucket is in another region: signed for that one, and at AWS asked for there. No address of
 * an answer is followed. */
static bool take_region(struct objects *o, struct exchange *x)
{
    const char *region = x->head.region[0] ? x->head.region : x->error.region;
    if (x->region_tried || !region[0] || strcmp(region, o->region) == 0)
        return false;
    snprintf(o->region, sizeof o->region, "%s", region);
    if (o->at_aws) {
        snprintf(o->host, sizeof o->host, "%s.s3.%s.amazonaws.com", site_bucket(o->site), region);
        snprintf(o->base, sizeof o->base, "https://%s", o->host);
    }
    return x->region_tried = true;
}

static enum verdict judge_refusal(struct objects *o, struct exchange *x)
{
    struct err unimportant;
    bool changed = false;
    if (take_clock(o, x) || take_region(o, x))
        return AGAIN_AT_ONCE;
    if (!x->keys_tried &&
        (x->status == 403 || says(x, "ExpiredToken") || says(x, "InvalidToken"))) {
        x->keys_tried = true;
        if (objects_need_keys(o, true, &changed, &unimportant) == ERR_OK && changed)
            return AGAIN_AT_ONCE;
    }
    if (x->status == 403)
        return fails(x, ERR_CONFIG, "the store refuses: look at the credentials and their rights");
    if (says(x, "XAmzContentSHA256Mismatch") || says(x, "BadDigest"))
        return fails(x, ERR_MALFORMED, "the bytes are not those of the hash");
    if (says(x, "RequestTimeout"))
        return fails(x, ERR_IO, "the store waited for bytes in vain");
    if (says(x, "EntityTooLarge"))
        return fails(x, ERR_LIMIT, "too large for the store");
    if (says(x, "ExpiredToken") || says(x, "InvalidToken") ||
        says(x, "AuthorizationHeaderMalformed"))
        return fails(x, ERR_CONFIG, "the store refuses: look at the credentials and the region");
    return fails(x, ERR_UNSUPPORTED, "the store does not take this request");
}

static enum verdict judge_status(struct objects *o, struct exchange *x)
{
    char what[60];
    snprintf(what, sizeof what, "status %ld", x->status);
    if (x->status >= 300 && x->status < 400)
        return take_region(o, x)
                   ? AGAIN_AT_ONCE
                   : fails(x, ERR_CONFIG,
                           "the store sends us elsewhere, which is not followed: look at [site] "
                           "endpoint and region");
    if (x->status == 404 && says(x, "NoSuchBucket"))
        return fails(x, ERR_CONFIG, "there is no such bucket");
    if (x->status == 404)
        return fails(x, ERR_NOTFOUND, "not in the store");
    if (x->status == 412 && x->etag[0])
        return fails(x, ERR_IO, "the object changed while it was read");
    if (x->status == 412)
        return fails(x, ERR_FOREIGN, "it is there already");
    if (x->status == 416)
        return fails(x, ERR_LIMIT, "the object ends before");
    if (x->status == 501)
        return fails(x, ERR_UNSUPPORTED, "the store does not have this");
    if (x->status == 429 || x->status == 503 || says(x, "SlowDown"))
        return fails(x, ERR_BUSY, what);
    if (x->status == 408 || x->status == 409 || x->status >= 500)
        return fails(x, ERR_IO, what);
    if (x->status >= 400)
        return judge_refusal(o, x);
    return fails(x, ERR_MALFORMED, "no answer of an S3 store");
}

static enum verdict judge_curl(struct exchange *x, CURLcode code)
{
    const char *why = curl_easy_strerror(code);
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_URL_MALFORMAT:
        return fails(x, ERR_CONFIG, why);
    case CURLE_OUT_OF_MEMORY:
        return fails(x, ERR_NOMEM, why);
    case CURLE_UNSUPPORTED_PROTOCOL: /* that of the answer: the scheme of the address is checked */
        return fails(x, ERR_IO, "what answers there speaks no HTTP");
    default:
        return fails(x, ERR_IO, why);
    }
}

static enum verdict judge(struct objects *o, struct exchange *x, CURLcode code)
{
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->status);
    x->rc = ERR_OK;
    if (x->broke) { /* err says why */
        x->rc = x->err.code;
        return x->slow ? AGAIN_LATER : IS_DONE;
    }
    if (code != CURLE_OK)
        return judge_curl(x, code);
    if (!x->head_ended) /* curl takes one that was cut off */
        return fails(x, ERR_IO, "the answer ended in its head");
    if (x->head.date_us)
        o->clock_seen_us = x->head.date_us - clock_utc_us();
    bool is_error = answer_is_error(buf_data(&x->answer), x->answer.used, &x->error);
    if (x->status < 200 || x->status >= 300)
        return judge_status(o, x);
    if (is_error) { /* a good status, sent before it knew: the same as a bad one */
        x->status = says(x, "SlowDown") ? 503 : 500;
        return judge_status(o, x);
    }
    if (x->sink && !x->judged && (x->rc = exchange_judge_head(x, &x->err)) < 0)
        return IS_DONE;
    if (x->sink && x->got < x->total - x->from)
        return fails(x, ERR_IO, "the answer ended early");
    return IS_DONE;
}

static int64_t pause_us(const struct exchange *x)
{
    int64_t ms = FIRST_PAUSE_MS;
    uint32_t chance = 0;
    for (int i = 1; i < x->tries && ms < PAUSE_MS_MAX; i++)
        ms *= 2;
    if (ms > PAUSE_MS_MAX)
        ms = PAUSE_MS_MAX;
    if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
        chance = (uint32_t)clock_mono_us();
    int64_t us = ms * 1000 / 2 + (int64_t)(chance % (uint32_t)(ms * 1000 / 2 + 1));
    int64_t asked_us = x->head.retry_after_ms * 1000;
    return us > asked_us ? us : asked_us;
}

static void finish(struct objects *o, struct exchange *x)
{
    struct exchange **at = &o->active;
    while (*at && *at != x)
        at = &(*at)->next;
    if (*at)
        *at = x->next;
    x->next = NULL;
    x->done = true;
    if (x->rc < 0)
        err_wrap(&x->err, "S3 store %s: %s %s%s%s", o->host, x->method, x->key ? x->key : "bucket ",
                 x->key ? "" : site_bucket(o->site),
                 x->tries > 1 ? " (tried again and again)" : "");
}

static void attempt_is_over(struct objects *o, struct exchange *x, enum verdict verdict)
{
    int64_t now_us = clock_mono_us(), wait_us = verdict == AGAIN_LATER ? pause_us(x) : 0;
    end_attempt(o, x);
    x->again_us = now_us + wait_us;
    if (verdict == IS_DONE || (verdict == AGAIN_LATER && x->again_us > x->give_up_us))
        finish(o, x);
}

/* ---- the door inside ---- */

void exchange_begin(struct objects *o, struct exchange *x)
{
    x->rc = ERR_OK;
    x->err = (struct err){0};
    x->done = false;
    x->easy = NULL;
    x->lines = NULL;
    x->tries = 0;
    x->got = 0;
    x->total = -1;
    x->etag[0] = '\0';
    x->skew_tried = x->region_tried = x->keys_tried = false;
    buf_clear(&x->answer);
    buf_init(&x->answer, ANSWER_BYTES_MAX);
    x->again_us = clock_mono_us();
    x->give_up_us = x->again_us + o->patience_ms * 1000;
    x->next = o->active;
    o->active = x;
}

void objects_turn(struct objects *o)
{
    int64_t now_us = clock_mono_us(), until_us = now_us + POLL_MS * 1000;
    bool stops = o->stop && o->stop(o->stop_arg);
    int running, left;
    CURLMsg *message;
    if (o->stop)
        until_us = now_us + POLL_TO_STOP_MS * 1000;
    for (struct exchange *x = o->active, *next; x; x = next) {
        next = x->next;
        if (stops) {
            x->rc = err_set(&x->err, ERR_AGAIN, "told to end");
            attempt_is_over(o, x, IS_DONE);
        } else if (!x->easy && x->again_us <= now_us) {
            if ((x->rc = start_attempt(o, x, &x->err)) < 0)
                attempt_is_over(o, x, err_is_temporary(x->rc) ? AGAIN_LATER : IS_DONE);
        }
        if (!x->done && !x->easy && x->again_us < until_us)
            until_us = x->again_us;
    }
    if (!o->active)
        return;
    curl_multi_perform(o->multi, &running);
    bool heard = false;
    while ((message = curl_multi_info_read(o->multi, &left)) != NULL) {
        struct exchange *x = NULL;
        CURLcode code = message->data.result; /* the message goes with the handle */
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        attempt_is_over(o, x, judge(o, x, code));
        heard = true;
    }
    int64_t wait_us = until_us - clock_mono_us();
    if (!heard && o->active && wait_us > 0)
        curl_multi_poll(o->multi, NULL, 0, (int)(wait_us / 1000) + 1, NULL);
}

int exchange_run(struct objects *o, struct exchange *x, struct err *err)
{
    exchange_begin(o, x);
    while (!x->done)
        objects_turn(o);
    *err = x->err;
    return x->rc;
}

void exchange_clear(struct objects *o, struct exchange *x)
{
    if (!x->done)
        finish(o, x);
    end_attempt(o, x);
    buf_clear(&x->answer);
}
