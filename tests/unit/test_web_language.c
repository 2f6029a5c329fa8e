/* Catalogues of gettext: what is read of them, which form a number takes, which language a browser
 * gets. */
#include "support/support.h"
#include "web/mo.h"
#include "web/web_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err err;

/* ---- a catalogue, made here ---- */

struct pair {
    const char *original;
    size_t original_n;
    const char *translation;
    size_t translation_n;
};
#define PAIR(a, b)                         \
    {                                      \
        a, sizeof(a) - 1, b, sizeof(b) - 1 \
    }

#define HEADER(forms) "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: " forms "\n"

static void put32(uint8_t *p, uint32_t v, bool swapped)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * (swapped ? 3 - i : i));
}

static size_t make(uint8_t *out, const struct pair *pairs, uint32_t n, bool swapped)
{
    const uint32_t head[7] = {0x950412deu, 0, n, 28, 28 + 8 * n, 0, 0};
    size_t at = 28 + 16 * (size_t)n;
    for (int i = 0; i < 7; i++)
        put32(out + 4 * i, head[i], swapped);
    for (uint32_t i = 0; i < 2 * n; i++) {
        const struct pair *pair = &pairs[i % n];
        size_t length = i < n ? pair->original_n : pair->translation_n;
        put32(out + 28 + 8 * i, (uint32_t)length, swapped);
        put32(out + 32 + 8 * i, (uint32_t)at, swapped);
        memcpy(out + at, i < n ? pair->original : pair->translation, length + 1);
        at += length + 1;
    }
    return at;
}

static const struct pair german[] = {
    PAIR("", HEADER("nplurals=2; plural=n != 1;")),
    PAIR("%s photo\0%s photos", "%s Foto\0%s Fotos"),
    PAIR("Events", "Ereignisse"),
    PAIR("Left as it is", ""),
};
enum { GERMAN = sizeof german / sizeof *german };

static void what_is_in_it_is_found(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        uint8_t bytes[1024];
        struct mo mo;
        size_t n = make(bytes, german, GERMAN, swapped);
        assert_int_equal(mo_open(&mo, bytes, n, &err), ERR_OK);
        assert_string_equal(mo_find(&mo, "Events", 0), "Ereignisse");
        assert_string_equal(mo_find(&mo, "%s photo", mo_form(&mo, 1)), "%s Foto");
        assert_string_equal(mo_find(&mo, "%s photo", mo_form(&mo, 0)), "%s Fotos");
        assert_null(mo_find(&mo, "Left as it is", 0));
        assert_null(mo_find(&mo, "Event", 0));
        assert_null(mo_find(&mo, "Zebra", 0));
        assert_null(mo_find(&mo, "%s photo", 2));
    }
}

/* Of each length, and with each byte another one: read within its bounds, or refused. */
static void what_is_none_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[1024];
    struct mo mo;
    size_t n = make(bytes, german, GERMAN, false);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1);
        memcpy(exact, bytes, cut);
        assert_true(mo_open(&mo, exact, cut, &err) < 0);
        free(exact);
    }
    for (size_t at = 0; at < n; at++)
        for (int value = 0; value < 256; value += 51) {
            uint8_t *exact = malloc(n);
            memcpy(exact, bytes, n);
            exact[at] = (uint8_t)value;
            if (mo_open(&mo, exact, n, &err) == ERR_OK)
                for (uint32_t form = 0; form < 8; form++) {
                    (void)mo_find(&mo, "Events", form);
                    (void)mo_find(&mo, "%s photo", mo_form(&mo, form));
                }
            free(exact);
        }
}

static void refused(const struct pair *pairs, uint32_t n)
{
    uint8_t bytes[1024];
    struct mo mo;
    size_t length = make(bytes, pairs, n, false);
    assert_true(mo_open(&mo, bytes, length, &err) < 0);
}

static void a_header_has_to_tell_charset_and_rule(void **state)
{
    (void)state;
    refused((struct pair[]){PAIR("a", "b")}, 1);
    refused((struct pair[]){PAIR("", "Content-Type: text/plain; charset=ISO-8859-1\n"
                                     "Plural-Forms: nplurals=2; plural=n != 1;\n")},
            1);
    refused((struct pair[]){PAIR("", "Content-Type: text/plain; charset=UTF-8\n")}, 1);
    static const struct pair bad[] = {
        PAIR("", HEADER("nplurals=0; plural=0;")),
        PAIR("", HEADER("nplurals=9; plural=0;")),
        PAIR("", HEADER("nplurals=2; plural=n !=;")),
        PAIR("", HEADER("nplurals=2; plural=(n != 1;")),
        PAIR("", HEADER("nplurals=2; plural=n ? 1;")),
        PAIR("", HEADER("nplurals=2; plural=m != 1;")),
        PAIR("", HEADER("nplurals=2; plural=n != 1")),
        PAIR("", HEADER("nplurals=2; plural=n 1;")),
        PAIR("", HEADER("nplurals=2; plural="
                        "((((((((((((((((((((((((((((((((((((((((((((((n;")),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(&bad[i], 1);
    /* one form of two */
    refused((struct pair[]){PAIR("", HEADER("nplurals=2; plural=n != 1;")), PAIR("a\0b", "c")}, 2);
    /* out of order */
    refused((struct pair[]){PAIR("", HEADER("nplurals=2; plural=n != 1;")), PAIR("b", "c"),
                            PAIR("a", "c")},
            3);
}

/* The rules of the gettext manual, of each family of languages, beside the same in C. */
static void a_number_takes_the_form_of_its_language(void **state)
{
    (void)state;
    static const struct {
        struct pair header;
        uint32_t forms;
    } rules[] = {
        {PAIR("", HEADER("nplurals=1; plural=0;")), 1},
        {PAIR("", HEADER("nplurals=2; plural=n>1;")), 2},
        {PAIR("", HEADER("nplurals=3; plural=n%10==1 && n%100!=11 ? 0 : n != 0 ? 1 : 2;")), 3},
        {PAIR(
             "",
             HEADER(
                 "nplurals=3; plural=n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || "
                 "n%100>=20) ? 1 : 2;")),
         3},
        {PAIR("", HEADER("nplurals=3; plural=n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || "
                         "n%100>=20) ? 1 : 2;")),
         3},
        {PAIR("",
              HEADER(
                  "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : "
                  "n%100>=11 ? 4 : 5;")),
         6},
        {PAIR("", HEADER("nplurals=2; plural=!(n - 1 * 2 / 2 + 0 == 0) && n/0 < 7;")), 2},
    };
    struct mo mo[7];
    uint8_t bytes[7][1024];
    for (size_t i = 0; i < 7; i++) {
        size_t n = make(bytes[i], &rules[i].header, 1, false);
        assert_int_equal(mo_open(&mo[i], bytes[i], n, &err), ERR_OK);
    }
    for (unsigned n = 0; n < 300; n++) {
        bool few = n % 10 >= 2 && n % 10 <= 4 && (n % 100 < 10 || n % 100 >= 20);
        unsigned expected[7] = {
            0,
            n > 1,
            n % 10 == 1 && n % 100 != 11 ? 0
            : n != 0                     ? 1
                                         : 2,
            n % 10 == 1 && n % 100 != 11 ? 0
            : few                        ? 1
                                         : 2,
            n == 1 ? 0
            : few  ? 1
                   : 2,
            n == 0                          ? 0
            : n == 1                        ? 1
            : n == 2                        ? 2
            : n % 100 >= 3 && n % 100 <= 10 ? 3
            : n % 100 >= 11                 ? 4
                                            : 5,
            n != 1,
        };
        for (size_t i = 0; i < 7; i++)
            assert_int_equal(mo_form(&mo[i], n), expected[i]);
    }
}

/* ---- what a browser gets ---- */

static void a_browser_gets_what_it_likes_best(void **state)
{
    (void)state;
    static const struct {
        const char *accept, *language;
    } all[] = {
        {"", "en"},
        {"de", "de"},
        {"de-AT", "de"},
        {"DE-at, en;q=0.5", "de"},
        {"en-GB,en;q=0.9,de;q=0.8", "en"},
        {"fr, de;q=0.7, en;q=0.3", "de"},
        {"fr, en;q=0.3, de;q=0.7", "de"},
        {"fr, nl;q=0.3", "en"},
        {"*, de;q=0.5", "en"},
        {"de;q=0", "en"},
        {"de;q=0.001, en;q=0", "de"},
        {"den, deutsch", "en"},
        {"en;q=0.5,de;q=1.000", "de"},
        {"en;q=0.5,de;q=9", "en"},
        {"de;level=1, en;q=0.1", "en"},
        {",,, ;;;, de ; q=0.4", "de"},
        {";", "en"},
    };
    assert_int_equal(language_open("auto", &err), ERR_OK);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_string_equal(language_choose(all[i].accept), all[i].language);
    assert_int_equal(language_open("de", &err), ERR_OK);
    assert_string_equal(language_choose("en"), "de");
    assert_int_equal(language_open("en", &err), ERR_OK);
    assert_string_equal(language_choose("de"), "en");

    assert_int_equal(web_language_check("auto", &err), ERR_OK);
    assert_int_equal(web_language_check("de", &err), ERR_OK);
    assert_int_equal(web_language_check("german", &err), ERR_CONFIG);
    assert_string_equal(err.text, "expected one of: auto, en, de");
}

static void sentences_are_in_the_language_of_their_page(void **state)
{
    (void)state;
    struct web_page de = {.language = "de"}, en = {.language = "en"};
    assert_int_equal(language_open("auto", &err), ERR_OK);
    assert_string_equal(web_tr(&de, "Events"), "Ereignisse");
    assert_string_equal(web_tr(&en, "Events"), "Events");
    assert_string_equal(web_tr(&de, "A text of nobody's"), "A text of nobody's");
    assert_string_equal(web_tr(&de, ""), "");
    assert_string_equal(web_trn(&de, "%s photo", "%s photos", 1), "%s Foto");
    assert_string_equal(web_trn(&de, "%s photo", "%s photos", 0), "%s Fotos");
    assert_string_equal(web_trn(&en, "%s photo", "%s photos", 2), "%s photos");
}

static void decimal(const char *language, double value, int decimals, const char *expected)
{
    char out[WEB_DECIMAL_ROOM];
    struct web_page h = {.language = language};
    assert_string_equal(web_decimal(&h, value, decimals, out), expected);
}

static void numbers_are_as_the_language_writes_them(void **state)
{
    (void)state;
    assert_int_equal(language_open("auto", &err), ERR_OK);
    decimal("en", 0, 0, "0");
    decimal("en", 1234, 0, "1234");
    decimal("en", 12345, 0, "12,345");
    decimal("en", 100000, 0, "100,000");
    decimal("en", 1234567.25, 2, "1,234,567.25");
    decimal("en", -12.5, 1,
            "\xe2\x88\x92"
            "12.5");
    decimal("de", 12.5, 1, "12,5");
    decimal("de", 1234567, 0, "1.234.567");
    decimal("de", -0.25, 2,
            "\xe2\x88\x92"
            "0,25");
    char out[WEB_DECIMAL_ROOM];
    assert_true(strlen(web_decimal(&(struct web_page){.language = "de"}, -1e300, 9, out)) <
                WEB_DECIMAL_ROOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_it_is_found),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(a_header_has_to_tell_charset_and_rule),
        cmocka_unit_test(a_number_takes_the_form_of_its_language),
        cmocka_unit_test(a_browser_gets_what_it_likes_best),
        cmocka_unit_test(sentences_are_in_the_language_of_their_page),
        cmocka_unit_test(numbers_are_as_the_language_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
