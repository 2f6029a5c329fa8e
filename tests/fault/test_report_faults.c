/* The report when memory runs out at each single call. */
#include "support/inject.h"
#include "support/report_facts.h"
#include <string.h>

static int (*form)(struct buf *out, const struct report *r, struct err *err);

static bool round_of_memory(enum inject_kind kind, enum inject_how how, long n)
{
    struct report *r = report_facts(NULL);
    struct err err = {0};
    struct buf out;
    buf_init(&out, 4 << 20);
    inject_arm(kind, how, n);
    int rc = form(&out, r, &err);
    bool more = inject_disarm();
    if (more) {
        assert_int_equal(rc, ERR_NOMEM);
        inject_check_told(rc, &err);
    } else
        assert_int_equal(rc, 0);
    buf_clear(&out);
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
