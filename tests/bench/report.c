/* How long a report of N recordings takes, each at a place of its own, of which each has its maps,
 * and how many bytes it has: without places, and with them.
 *
 *     bench_report [N]     default: 1000 */
#include "dashspool/report.h"
#include "dashspool/clock.h"
#include "support/report_facts.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double used_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void form(const char *name, int (*write)(FILE *out, const struct report *r, struct err *err),
                 const struct report *r)
{
    struct err err;
    FILE *out = tmpfile();
    assert_non_null(out);
    double began_s = used_s();
    assert_ok(write(out, r, &err));
    double took_s = used_s() - began_s;
    printf("| %s | %.2f s | %.1f MB |\n", name, took_s, (double)ftell(out) / 1e6);
    fclose(out);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    struct report *r = report_facts(NULL);
    struct report_clip *clip = calloc(n, sizeof *clip), one = report_facts_clips()[0];
    struct words {
        char id[80], name[120], sha256[65];
    } *words = calloc(n, sizeof *words);
    assert_true(clip && words);
    for (size_t i = 0; i < n; i++) {
        clip[i] = one;
        clip[i].start.utc_us += (int64_t)i * 60000000;
        clip[i].has_position = false;
        snprintf(words[i].id, sizeof words[i].id, "%.60s-%zu", one.id, i);
        snprintf(words[i].name, sizeof words[i].name, "data/master/%s.h265", words[i].id);
        for (size_t k = 0; k < 64; k++)
            words[i].sha256[k] = "0123456789abcdef"[(i * 31 + k * k * 7 + (i >> k % 8)) % 16];
        clip[i].id = words[i].id;
        clip[i].name = words[i].name;
        clip[i].sha256 = words[i].sha256;
        clip[i].length_bytes += (int64_t)i * 1003;
    }
    r->clip = clip;
    r->n_clips = n;
    printf("| %zu recordings | processor | bytes |\n|---|---|---|\n", n);
    form("page, no place known", report_html, r);
    form("PDF, no place known", report_pdf, r);
    for (size_t i = 0; i < n; i++) { /* Middle Europe, on a grid */
        clip[i].has_position = true;
        clip[i].lat_deg = 47 + 0.1 * (double)(i / 40);
        clip[i].lon_deg = 6 + 0.2 * (double)(i % 40);
    }
    form("page, each at its own place", report_html, r);
    form("PDF, each at its own place", report_pdf, r);
    free(clip);
    free(words);
    return 0;
}
