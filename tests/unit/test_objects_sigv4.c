/* objects: signatures are those that AWS has published, to the last digit: of its test suite for
 * version 4, and of the examples in the documentation of S3. */
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include "objects/sigv4.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct sigv4_who suite = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                       "us-east-1", "service"};
static const struct sigv4_who s3 = {"AKIAIOSFODNN7EXAMPLE",
                                    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3"};

struct vector {
    const char *name, *method, *path;
    struct sigv4_pair query[4], headers[8];
    const char *body_sha256, *names, *signature;
};

static size_t count(const struct sigv4_pair *pairs)
{
    size_t n = 0;
    while (pairs[n].name)
        n++;
    return n;
}

static void must_sign(const struct vector *v, const struct sigv4_who *who, const char *when)
{
    struct err err;
    struct buf path, out;
    char expected[1000];
    int64_t utc_us;
    assert_ok(clock_parse(when, 0, &utc_us, NULL, &err));
    buf_init(&path, SIGV4_TEXT_MAX);
    buf_init(&out, SIGV4_TEXT_MAX);
    assert_ok(sigv4_encode(&path, v->path, true, &err));
    assert_ok(buf_append(&path, "", 1, &err));
    const struct sigv4_request request = {
        .method = v->method,
        .path = (const char *)buf_data(&path),
        .query = v->query,
        .n_query = count(v->query),
        .headers = v->headers,
        .n_headers = count(v->headers),
        .body_sha256 = v->body_sha256 ? v->body_sha256 : EMPTY,
    };
    assert_ok(sigv4_sign(&out, &request, who, utc_us, &err));
    assert_ok(buf_append(&out, "", 1, &err));
    snprintf(expected, sizeof expected,
             "AWS4-HMAC-SHA256 Credential=%s/%.4s%.2s%.2s/%s/%s/aws4_request, SignedHeaders=%s, "
             "Signature=%s",
             who->key_id, when, when + 5, when + 8, who->region, who->service, v->names,
             v->signature);
    if (strcmp(expected, (const char *)buf_data(&out)) != 0)
        fail_msg("%s:\n%s\ninstead of\n%s", v->name, (const char *)buf_data(&out), expected);
    buf_clear(&path);
    buf_clear(&out);
}

#define HOST                            \
    {                                   \
        "host", "example.amazonaws.com" \
    }
#define DATE                             \
    {                                    \
        "x-amz-date", "20150830T123600Z" \
    }

static void test_signs_as_the_suite_of_aws(void **state)
{
    (void)state;
    static const struct vector vectors[] = {
        {"get-vanilla",
         "GET",
         "/",
         {{0}},
         {HOST, DATE},
         NULL,
         "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"get-vanilla-query-order-key-case",
         "GET",
         "/",
         {{"Param2", "value2"}, {"Param1", "value1"}},
         {HOST, DATE},
         NULL,
         "host;x-amz-date",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {"get-vanilla-query-order-value",
         "GET",
         "/",
         {{"Param1", "value2"}, {"Param1", "value1"}},
         {HOST, DATE},
         NULL,
         "host;x-amz-date",
         "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
        {"get-vanilla-query-unreserved",
         "GET",
         "/",
         {{"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
           "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}},
         {HOST, DATE},
         NULL,
         "host;x-amz-date",
         "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
        {"get-vanilla-utf8-query",
         "GET",
         "/",
         {{"\u1234", "bar"}},
         {HOST, DATE},
         NULL,
         "host;x-amz-date",
         "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
        {"get-unreserved",
         "GET",
         "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
         {{0}},
         {HOST, DATE},
         NULL,
         "host;x-amz-date",
         "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
        {"get-utf8",
         "GET",
         "/\u1234",
         {{0}},
         {HOST, DATE},
         NULL,
         "host;x-amz-date",
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        {"get-header-key-duplicate",
         "GET",
         "/",
         {{0}},
         {HOST, {"my-header1", "value2"}, {"my-header1", "value2"}, {"my-header1", "value1"}, DATE},
         NULL,
         "host;my-header1;x-amz-date",
         "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
        {"get-header-value-trim",
         "GET",
         "/",
         {{0}},
         {HOST, {"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}, DATE},
         NULL,
         "host;my-header1;my-header2;x-amz-date",
         "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
        {"post-vanilla",
         "POST",
         "/",
         {{0}},
         {HOST, DATE},
         NULL,
         "host;x-amz-date",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        must_sign(&vectors[i], &suite, "2015-08-30T12:36:00Z");
}

#define BUCKET                                   \
    {                                            \
        "host", "examplebucket.s3.amazonaws.com" \
    }
#define BODY                          \
    {                                 \
        "x-amz-content-sha256", EMPTY \
    }
#define FRIDAY                           \
    {                                    \
        "x-amz-date", "20130524T000000Z" \
    }

static void test_signs_as_the_examples_of_s3(void **state)
{
    (void)state;
    static const char put_sha256[] =
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"; /* Welcome to Amazon S3.
                                                                             */
    static const struct vector vectors[] = {
        {"GET Object",
         "GET",
         "/test.txt",
         {{0}},
         {BUCKET, {"range", "bytes=0-9"}, BODY, FRIDAY},
         NULL,
         "host;range;x-amz-content-sha256;x-amz-date",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PUT Object",
         "PUT",
         "/test$file.text",
         {{0}},
         {BUCKET,
          FRIDAY,
          {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
          {"x-amz-content-sha256", put_sha256},
          {"date", "Fri, 24 May 2013 00:00:00 GMT"}},
         put_sha256,
         "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GET Bucket Lifecycle",
         "GET",
         "/",
         {{"lifecycle", ""}},
         {BUCKET, BODY, FRIDAY},
         NULL,
         "host;x-amz-content-sha256;x-amz-date",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"Get Bucket (List Objects)",
         "GET",
         "/",
         {{"prefix", "J"}, {"max-keys", "2"}},
         {BUCKET, BODY, FRIDAY},
         NULL,
         "host;x-amz-content-sha256;x-amz-date",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        must_sign(&vectors[i], &s3, "2013-05-24T00:00:00Z");
}

static void test_what_is_too_much_is_an_error(void **state)
{
    (void)state;
    struct err err;
    struct buf out;
    struct sigv4_pair many[SIGV4_PAIRS_MAX + 1];
    char secret[400];
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        many[i] = (struct sigv4_pair){"a", "b"};
    memset(secret, 'x', sizeof secret - 1);
    secret[sizeof secret - 1] = '\0';
    buf_init(&out, SIGV4_TEXT_MAX);
    assert_err(ERR_LIMIT, sigv4_query(&out, many, SIGV4_PAIRS_MAX + 1, &err));
    struct sigv4_request request = {.method = "GET", .path = "/", .body_sha256 = EMPTY};
    struct sigv4_who who = s3;
    who.secret = secret;
    assert_err(ERR_CONFIG, sigv4_sign(&out, &request, &who, 0, &err));
    request.headers = many;
    request.n_headers = SIGV4_PAIRS_MAX + 1;
    assert_err(ERR_LIMIT, sigv4_sign(&out, &request, &s3, 0, &err));
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signs_as_the_suite_of_aws),
        cmocka_unit_test(test_signs_as_the_examples_of_s3),
        cmocka_unit_test(test_what_is_too_much_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
