/* A person's words for the overlay: what they become, and what is said of mistakes. */
#include "footage/convert/osd.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static const char *const value[TEMPLATE_N_FIELDS] = {
    [TEMPLATE_DATE] = "2024-11-29",
    [TEMPLATE_TIME] = "09:23:45.2",
    [TEMPLATE_ZONE] = "+02:00",
    [TEMPLATE_LAT] = "LAT",
    [TEMPLATE_LON] = "LON",
    [TEMPLATE_CAMERA] = "front",
    [TEMPLATE_IMEI] = "IMEI",
    [TEMPLATE_TRIGGER] = "crash",
    [TEMPLATE_T_MINUS] = "T-02.35 s",
    [TEMPLATE_PICTURE] = "42",
    [TEMPLATE_SPEED] = "48 km/h",
    [TEMPLATE_NOTE] = "ἄνθρωπος",
    [TEMPLATE_ID] = "ID",
    [TEMPLATE_COURSE] = "course 271°",
    [TEMPLATE_VEHICLE] = "Van 4, VNO 1",
};

static void becomes(const char *text, const char *const line[OSD_LINES])
{
    struct err err;
    struct template t;
    char out[OSD_LINES][OSD_LINE_ROOM];
    assert_ok(template_compile(&t, text, &err));
    template_format(&t, value, out);
    for (int i = 0; i < OSD_LINES; i++)
        assert_string_equal(out[i], line[i] ? line[i] : "");
}

static void test_fields_lines_and_braces(void **state)
{
    (void)state;
    becomes("", (const char *const[OSD_LINES]){""});
    becomes("{date} {time} {zone}\\n{lat} {lon}\n{camera}{imei}\r\n{id}",
            (const char *const[OSD_LINES]){"2024-11-29 09:23:45.2 +02:00", "LAT LON", "frontIMEI",
                                           "ID"});
    becomes("{{{trigger}}} }}{{", (const char *const[OSD_LINES]){"{crash} }{"});
    becomes("a\\tb \\", (const char *const[OSD_LINES]){"a\\tb \\"});
    becomes("{t_minus}|{picture}|{speed}|{note}",
            (const char *const[OSD_LINES]){"T-02.35 s|42|48 km/h|ἄνθρωπος"});
    becomes("\\nx", (const char *const[OSD_LINES]){"", "x"});
    static const char *const names[TEMPLATE_N_FIELDS] = {
        [TEMPLATE_DATE] = "date",       [TEMPLATE_TIME] = "time",
        [TEMPLATE_ZONE] = "zone",       [TEMPLATE_LAT] = "lat",
        [TEMPLATE_LON] = "lon",         [TEMPLATE_CAMERA] = "camera",
        [TEMPLATE_IMEI] = "imei",       [TEMPLATE_TRIGGER] = "trigger",
        [TEMPLATE_VEHICLE] = "vehicle", [TEMPLATE_T_MINUS] = "t_minus",
        [TEMPLATE_PICTURE] = "picture", [TEMPLATE_SPEED] = "speed",
        [TEMPLATE_NOTE] = "note",       [TEMPLATE_ID] = "id",
        [TEMPLATE_COURSE] = "course",
    };
    for (int i = 0; i < TEMPLATE_N_FIELDS; i++) {
        char text[32];
        snprintf(text, sizeof text, "{%s}", names[i]);
        becomes(text, (const char *const[OSD_LINES]){value[i]});
    }
}

static void test_mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"Δ {datum}", "position 3: there is no field '{datum}'; there are date time"},
        {"{}", "position 1: there is no field '{}'"},
        {"{Date}", "there is no field '{Date}'"},
        {"ab{date", "position 3: '{' is not closed"},
        {"{da{te}}", "position 1: '{' is not closed"},
        {"date}", "position 5: '}' without '{'"},
        {"a\\nb\\nc\\nd\\ne", "position 11: a line too many"},
    };
    struct template t;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        assert_err(ERR_CONFIG, template_compile(&t, cases[i].text, &err));
        if (!strstr(err.text, cases[i].says))
            fail_msg("'%s' is not in '%s'", cases[i].says, err.text);
    }
}

static void test_the_largest_template_fits(void **state)
{
    (void)state;
    struct err err;
    struct template t;
    char text[TEMPLATE_BYTES_MAX + 2] = "", out[OSD_LINES][OSD_LINE_ROOM];
    while (strlen(text) + 5 <= TEMPLATE_BYTES_MAX)
        snprintf(text + strlen(text), sizeof text - strlen(text), "{id}a");
    assert_ok(template_compile(&t, text, &err));
    template_format(&t, value, out);
    assert_int_equal(strlen(out[0]), 102 * 3);
    memset(text, 'a', TEMPLATE_BYTES_MAX);
    text[TEMPLATE_BYTES_MAX] = '\0';
    assert_ok(template_compile(&t, text, &err));
    template_format(&t, value, out);
    assert_int_equal(strlen(out[0]), OSD_LINE_ROOM - 1);
    memset(text, 'a', TEMPLATE_BYTES_MAX + 1);
    text[TEMPLATE_BYTES_MAX + 1] = '\0';
    assert_err(ERR_CONFIG, template_compile(&t, text, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_lines_and_braces),
        cmocka_unit_test(test_mistakes_are_named_with_their_place),
        cmocka_unit_test(test_the_largest_template_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
