/* The report when memory runs out at each single call. */
#include "support/inject.h"
#include "support/report_facts.h"
#include "support/report_page.h"
#include <string.h>

static report_form *form;

static bool round_of_memory(enum inject_kind kind, enum inject_how how, long n)
{
    struct report *r = report_facts(NULL);
    struct err err = {0};
    static char disk[4 << 20];
    FILE *out = fmemopen(disk, sizeof disk, "w");
    assert_non_null(out);
    inject_arm(kind, how, n);
    int rc = form(out, r, &err);
    bool more = inject_disarm();
    fclose(out);
    if (more) {
        assert_int_equal(rc, ERR_NOMEM);
        inject_check_told(rc, &err);
    } else
        assert_int_equal(rc, 0);
    return more;
}

static void test_without_memory_there_is_an_error_and_no_leak(void **state)
{
    (void)state;
    form = report_html;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 1, round_of_memory);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 1, round_of_memory);
}

static void test_paper_without_memory_is_an_error_and_no_leak(void **state)
{
    (void)state;
    form = report_pdf;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 97, round_of_memory);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 97, round_of_memory);
}

int main(void)
{
    inject_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_without_memory_there_is_an_error_and_no_leak,
                                  inject_teardown),
        cmocka_unit_test_teardown(test_paper_without_memory_is_an_error_and_no_leak,
                                  inject_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
