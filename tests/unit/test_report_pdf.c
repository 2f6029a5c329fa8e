/* The report on paper: the same bytes for the same facts, and the same words as the page. */
#include "evidence/report/pdf_text.h"
#include "support/proc.h"
#include "support/report_facts.h"
#include "support/report_page.h"
#include "support/report_paper.h"
#include "support/support.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void assert_same_paper(struct buf *a, struct buf *b)
{
    assert_int_equal(a->used, b->used);
    assert_memory_equal(buf_data(a), buf_data(b), a->used);
    buf_clear(b);
}

static void test_the_same_facts_give_the_same_bytes_everywhere(void **state)
{
    (void)state;
    struct buf first = report_paper(report_facts(NULL)), again = report_paper(report_facts(NULL));
    assert_same_paper(&first, &again);
    char *was = strdup(getenv("TZ") ? getenv("TZ") : "UTC");
    assert_non_null(was);
    setenv("TZ", "Asia/Kathmandu", 1);
    tzset();
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    again = report_paper(report_facts(NULL));
    assert_same_paper(&first, &again);
    setenv("TZ", was, 1);
    tzset();
    setlocale(LC_ALL, "C");
    free(was);
    /* without a time of making, too */
    struct report *r = report_facts(NULL);
    r->made.known = false;
    struct buf undated = report_paper(r);
    again = report_paper(r);
    assert_same_paper(&undated, &again);
    assert_int_equal(report_paper_times(&undated, "CreationDate"), 0);
    buf_clear(&first);
    buf_clear(&undated);
}

/* All writings at once; some depend on the language that a word is believed to be of. */
static struct buf paper_of_all_writings(void)
{
    struct report *r = report_facts(NULL);
    r->title = "Авария б 衝突 סכנה خطر";
    r->note = "骨直海 门户 かな 한국어 ş ţ Ž б г п т ไทยคำ हिन्दी 🚗 e\u0301";
    return report_paper(r);
}

static int write_all_writings(const char *path)
{
    struct buf paper = paper_of_all_writings();
    support_write(path, buf_data(&paper), paper.used);
    buf_clear(&paper);
    return 0;
}

/* Another home with fonts of the same names and settings that want others, another language. */
static void test_fonts_and_settings_of_the_machine_do_not_matter(void **state)
{
    (void)state;
    extern const char report_bold[], report_bold_end[];
    static const char *const setting[] = {
        "LANG=sr_RS.UTF-8", "LANGUAGE=ja:sr:ro", "LC_ALL=C.UTF-8",        "PANGO_LANGUAGE=zh-tw:sr",
        "FC_LANG=ko",       "TZ=Asia/Kathmandu", "PANGOCAIRO_BACKEND=fc", "XDG_CURRENT_DESKTOP=x"};
    static const char conf[] =
        "<?xml version='1.0'?><fontconfig><dir>%s/.fonts</dir><cachedir>%s/cache</cachedir>"
        "<match><edit name='family' mode='assign'><string>DejaVu Sans Mono</string></edit>"
        "<edit name='matrix'><times><name>matrix</name><matrix><double>1</double>"
        "<double>0.5</double><double>0</double><double>1</double></matrix></times></edit></match>"
        "<match target='font'><edit name='embolden'><bool>true</bool></edit></match></fontconfig>";
    char exe[600], text[2000], *home = support_tmp_dir(), *out = support_tmp_dir();
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    assert_in_range(n, 1, sizeof exe - 2);
    exe[n] = 0;
    const char *file = support_path(out, "a.pdf"), *fonts = support_path(home, ".fonts");
    const char *config = support_path(home, "fonts.conf");
    assert_int_equal(mkdir(fonts, 0700), 0);
    support_write(support_path(fonts, "DejaVuSans.ttf"), report_bold,
                  (size_t)(report_bold_end - report_bold));
    snprintf(text, sizeof text, conf, home, home);
    support_write(config, text, strlen(text));

    const char *argv[32] = {"env"};
    size_t k = 1;
    for (size_t i = 0; i < sizeof setting / sizeof *setting; i++)
        argv[k++] = setting[i];
    static const char *const place[] = {"HOME",          "XDG_CACHE_HOME",  "XDG_CONFIG_HOME",
                                        "XDG_DATA_HOME", "FONTCONFIG_PATH", "XDG_RUNTIME_DIR"};
    char each[6][600], file_setting[600];
    for (size_t i = 0; i < 6; i++) {
        snprintf(each[i], sizeof each[i], "%s=%s", place[i], home);
        argv[k++] = each[i];
    }
    snprintf(file_setting, sizeof file_setting, "FONTCONFIG_FILE=%s", config);
    argv[k++] = file_setting;
    argv[k++] = exe;
    argv[k++] = "--write";
    argv[k] = file;
    struct buf here = paper_of_all_writings();
    for (size_t round = 0; round < 2; round++) {
        expect(proc_run(argv), 0, "");
        struct buf there = support_read(file);
        assert_same_paper(&here, &there);
        assert_int_equal(support_entries(home), 2); /* nothing was put there */
        argv[k - 4] = "FONTCONFIG_SYSROOT=/proc";   /* where our fonts are, too */
    }
    buf_clear(&here);
    support_tmp_remove(&home);
    support_tmp_remove(&out);
}

static void test_all_that_the_page_says_is_on_paper(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    char *page = report_page(r);
    struct buf paper = report_paper(r);
    char *words = report_paper_words(&paper);
    assert_in_range(report_paper_compare(page, words), 200, 2000);
    free(words);
    free(page);
    buf_clear(&paper);
}

static void test_nothing_known_is_the_same_on_paper(void **state)
{
    (void)state;
    struct report_clip nothing = {0};
    struct report some = {.clip = &nothing, .n_clips = 1}, none = {0};
    const struct report *each[] = {&some, &none};
    for (size_t i = 0; i < 2; i++) {
        char *page = report_page(each[i]);
        struct buf paper = report_paper(each[i]);
        char *words = report_paper_words(&paper);
        assert_in_range(report_paper_compare(page, words), 12, 200);
        free(words);
        free(page);
        buf_clear(&paper);
    }
}

static void test_hostile_text_is_the_same_on_paper(void **state)
{
    (void)state;
    static const char *const text[] = {"\"'><script>alert(1)</script>) /JS (x) >> endobj \\",
                                       "a\x80 cut \xc4", "bell\a \x1b[31m gpj.\xe2\x80\xae exe",
                                       "dest='a' uri='javascript:alert(1)'", "%s%n\n\ttab"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct report *r = report_facts_hostile(text[i]);
        char *page = report_page(r);
        struct buf paper = report_paper(r);
        report_paper_is_inert(&paper);
        char *words = report_paper_words(&paper);
        assert_in_range(report_paper_compare(page, words), 60, 500);
        free(words);
        free(page);
        buf_clear(&paper);
    }
}

static void test_words_of_other_writings_can_be_copied(void **state)
{
    (void)state;
    static const char *const title[] = {
        "Šiauliai ir Vilnius", "Столкновение на перекрёстке",  "Σύγκρουση",
        "Zusammenstoß ﬁnal",   "衝突事故の記録、北京市朝阳区", "서울시 충돌 사고",
        "ไทย हिन्दी 🚗"};
    for (size_t i = 0; i < sizeof title / sizeof *title; i++) {
        struct report *r = report_facts(NULL);
        r->title = title[i];
        struct buf paper = report_paper(r);
        char *words = report_paper_words(&paper);
        report_paper_says(words, title[i]);
        free(words);
        buf_clear(&paper);
    }
}

/* The fonts that are in a paper are those that its letters are from. */
static void test_a_writing_has_its_own_font(void **state)
{
    (void)state;
    static const struct {
        const char *title;
        bool cjk;
    } each[] = {{"Zusammenstoß, авария, סכנה, ไทย", false},
                {"北京市", true},
                {"かな", true},
                {"서울시", true}};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        struct report *r = report_facts(NULL);
        r->title = each[i].title;
        struct buf paper = report_paper(r);
        assert_in_range(report_paper_times(&paper, "+DejaVuSans-Bold"), 1, 20);
        assert_int_equal(report_paper_times(&paper, "+WenQuanYiMicroHei") > 0, each[i].cjk);
        buf_clear(&paper);
    }
}

/* A line of Chinese or Japanese may end between any two letters, but not before a full stop. */
static void test_lines_end_where_a_writing_lets_them(void **state)
{
    (void)state;
    struct pdf_fonts fonts;
    struct err err;
    assert_ok(pdf_fonts_init(&fonts, &err));
    static const struct {
        const char *text;
        double letters; /* of 10 points */
        size_t lines;
    } each[] = {{"日本語日本語日本語", 3.2, 3},
                {"日本語。", 3.2, 2},
                {"日本語。本語", 3.2, 3},
                {"日本語本語日", 3.2, 2},
                {"a\nb", 9, 2},
                {"a\n", 9, 1},
                {"\n\n", 9, 2},
                {"", 9, 1},
                {"wwwwwwwwww", 3.2, 4}};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        struct pdf_look look = {.face = PDF_SANS, .size = 10};
        struct pdf_text text;
        struct pdf_lines *lines;
        pdf_text_init(&text);
        assert_ok(pdf_text_add(&text, &look, each[i].text, strlen(each[i].text), &err));
        assert_ok(pdf_lines_new(&lines, &fonts, &text, each[i].letters * 10, &err));
        assert_int_equal(pdf_lines_count(lines), each[i].lines);
        assert_string_equal(pdf_lines_text(lines), each[i].text);
        for (size_t k = 0; k < pdf_lines_count(lines); k++)
            assert_true(pdf_lines_width(lines, k) <= each[i].letters * 10);
        pdf_lines_free(&lines);
    }
    pdf_fonts_clear(&fonts);
}

/* A text of several parts is broken as if it was one. */
static void test_a_long_text_has_no_seam(void **state)
{
    (void)state;
    enum { WORDS = 3000, PER_LINE = 10 };
    struct pdf_fonts fonts;
    struct pdf_text text;
    struct pdf_lines *lines;
    struct err err;
    assert_ok(pdf_fonts_init(&fonts, &err));
    pdf_text_init(&text);
    struct pdf_look look = {.face = PDF_MONO, .size = 10};
    for (size_t i = 0; i < WORDS; i++)
        assert_ok(pdf_text_add(&text, &look, "word ", 5, &err));
    assert_ok(pdf_lines_new(&lines, &fonts, &text, 6.021 * 5 * PER_LINE, &err));
    assert_int_equal(pdf_lines_count(lines), WORDS / PER_LINE);
    pdf_lines_free(&lines);
    pdf_fonts_clear(&fonts);
}

static struct pdf_lines *lay_out(const struct pdf_fonts *fonts, const char *words,
                                 const struct pdf_look *look, double width)
{
    struct err err;
    struct pdf_text text;
    struct pdf_lines *lines;
    pdf_text_init(&text);
    assert_ok(pdf_text_add(&text, look, words, strlen(words), &err));
    assert_ok(pdf_lines_new(&lines, fonts, &text, width, &err));
    assert_int_equal(text.bytes.used, 0);
    assert_string_equal(pdf_lines_text(lines), words);
    return lines;
}

/* It stays while somebody has it, whoever lets go first. */
static void test_the_same_words_are_laid_out_once(void **state)
{
    (void)state;
    const struct pdf_look sans = {.face = PDF_SANS, .size = 9},
                          bold = {.face = PDF_BOLD, .size = 9};
    struct err err;
    struct pdf_fonts fonts;
    assert_ok(pdf_fonts_init(&fonts, &err));
    struct pdf_lines *one = lay_out(&fonts, "Fingerprint", &sans, 100);
    struct pdf_lines *other[] = {lay_out(&fonts, "Fingerprint", &bold, 100),
                                 lay_out(&fonts, "Fingerprint", &sans, 20),
                                 lay_out(&fonts, "Fingerprints", &sans, 100)};
    assert_int_equal(pdf_lines_count(other[0]), 1);
    assert_true(pdf_lines_count(other[1]) > 1);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_not_equal(other[i], one);
        pdf_lines_free(&other[i]);
    }
    struct pdf_lines *again = lay_out(&fonts, "Fingerprint", &sans, 100);
    struct pdf_lines *once_more = lay_out(&fonts, "Fingerprint", &sans, 100);
    assert_ptr_equal(again, once_more);
    pdf_lines_free(&again);
    pdf_lines_free(&one);
    for (int i = 0; i < 20000; i++) { /* more than are kept */
        char words[20];
        snprintf(words, sizeof words, "%d", i);
        again = lay_out(&fonts, words, &sans, 100);
        pdf_lines_free(&again);
    }
    assert_string_equal(pdf_lines_text(once_more), "Fingerprint");
    assert_int_equal(pdf_lines_count(once_more), 1);
    pdf_lines_free(&once_more);
    pdf_fonts_clear(&fonts);
}

/* From right to left, letters that join, marks, and what the fonts lack: no harm. */
static void test_any_writing_gives_a_paper(void **state)
{
    (void)state;
    static const char *const text[] = {
        "התנגשות 17 (רכב) abc", "اصطدام 17 ABC (سيارة)", "衝突事故の記録、北京市朝阳区，二〇二四年",
        "e\u0301\u0301\u0301\u0301 \u200d\u200d🚗🇱🇹", "\u00adsoft\u00adhyphens\u00ad"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct buf paper = report_paper(report_facts_hostile(text[i]));
        report_paper_is_inert(&paper);
        free(report_paper_words(&paper));
        buf_clear(&paper);
    }
}

static void test_words_without_end_are_broken(void **state)
{
    (void)state;
    enum { LONG = 20000 };
    char *text = malloc(LONG + 1);
    assert_non_null(text);
    for (size_t kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < LONG; i++)
            text[i] = kind == 0 ? 'x' : kind == 1 ? " x"[i % 2] : '\n';
        text[LONG] = 0;
        struct report *r = report_facts(NULL);
        report_facts_clips()->start_why = r->note = text;
        struct buf paper = report_paper(r);
        report_paper_is_inert(&paper);
        char *words = report_paper_words(&paper);
        report_paper_says(words, "What this package does not show");
        free(words);
        buf_clear(&paper);
    }
    free(text);
}

static void test_only_what_is_a_jpeg_gets_in(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    struct report_picture *p = &report_facts_clips()->picture;
    struct buf paper = report_paper(r);
    assert_int_equal(report_paper_times(&paper, "/DCTDecode"), 3);
    buf_clear(&paper);
    r->n_clips = 1;
    uint8_t *jpeg = malloc(report_facts_dot_bytes);
    assert_non_null(jpeg);
    memcpy(jpeg, report_facts_dot, report_facts_dot_bytes);
    uint8_t *frame = jpeg;
    while (frame[0] != 0xff || frame[1] != 0xc0)
        frame++;
    static const struct {
        int at;
        uint8_t value;
    } spoil[] = {{1, 0xc9}, {1, 0xc3}, {4, 12}, {5, 0xff}, {7, 0xff},
                 {9, 4},    {9, 0},    {3, 2},  {0, 0}};
    for (size_t i = 0; i < sizeof spoil / sizeof *spoil; i++) {
        uint8_t was = frame[spoil[i].at];
        frame[spoil[i].at] = spoil[i].value;
        *p = (struct report_picture){.jpeg = jpeg, .n_bytes = report_facts_dot_bytes, .what = "?"};
        paper = report_paper(r);
        assert_int_equal(report_paper_times(&paper, "/DCTDecode"), 0);
        char *words = report_paper_words(&paper);
        report_paper_says(words, DOC_NO_PICTURE);
        free(words);
        buf_clear(&paper);
        frame[spoil[i].at] = was;
    }
    free(jpeg);
}

static int load_dot(void *from, struct buf *out, struct err *err)
{
    ++*(int *)from;
    return buf_append(out, report_facts_dot, report_facts_dot_bytes, err);
}

static int load_nothing(void *from, struct buf *out, struct err *err)
{
    (void)from;
    (void)out;
    return err_set(err, ERR_IO, "it is not there");
}

static void test_pictures_are_loaded_where_they_are_shown(void **state)
{
    (void)state;
    int loaded = 0;
    struct buf as_bytes = report_paper(report_facts(NULL)), out;
    struct err err;
    struct report *r = report_facts(NULL);
    for (size_t i = 0; i < 3; i++)
        report_facts_clips()[i].picture = (struct report_picture){
            .what = report_facts_clips()[i].picture.what, .load = load_dot, .from = &loaded};
    struct buf loading = report_paper(r);
    assert_int_equal(loaded, 6); /* each in both passes */
    assert_int_equal(loading.used, as_bytes.used);
    assert_memory_equal(buf_data(&loading), buf_data(&as_bytes), loading.used);
    buf_clear(&loading);
    buf_clear(&as_bytes);
    report_facts_clips()[1].picture.load = load_nothing;
    assert_err(ERR_IO, report_form_bytes(report_pdf, r, 1 << 20, &out, &err));
    assert_non_null(strstr(err.text, "it is not there"));
    buf_clear(&out);
    assert_err(ERR_IO, report_form_bytes(report_html, r, 1 << 20, &out, &err));
    buf_clear(&out);
}

static void test_a_jpeg_that_is_cut_does_no_harm(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    r->n_clips = 1;
    for (size_t n = 0; n <= report_facts_dot_bytes; n += 7) {
        uint8_t *cut = malloc(n ? n : 1); /* its own, so that a step too far is seen */
        assert_non_null(cut);
        memcpy(cut, report_facts_dot, n);
        report_facts_clips()->picture = (struct report_picture){.jpeg = cut, .n_bytes = n};
        struct buf paper = report_paper(r);
        assert_in_range(report_paper_times(&paper, "/DCTDecode"), 0, 1);
        buf_clear(&paper);
        free(cut);
    }
}

static void test_amounts_beyond_all_measure_do_no_harm(void **state)
{
    (void)state;
    static const int64_t amount[] = {INT64_MIN, -1, INT64_MAX};
    struct report_stretch stretch;
    for (size_t i = 0; i < 3; i++) {
        struct report *r = report_facts(NULL);
        struct report_clip *c = report_facts_clips();
        stretch = (struct report_stretch){REPORT_MISSING, amount[i], amount[2 - i], amount[i], ""};
        c->stretch = &stretch;
        c->n_stretches = 1;
        c->start.utc_us = c->start.error_us = c->trigger_offset_us = c->duration_us = amount[i];
        c->pictures = c->fps_milli = c->length_bytes = amount[i];
        r->made = c->start;
        struct buf paper = report_paper(r);
        report_paper_is_inert(&paper);
        buf_clear(&paper);
    }
}

static void test_a_disk_that_is_full_is_an_error(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    struct buf whole = report_paper(r);
    size_t room[] = {0, 100, whole.used / 2, whole.used - 1};
    buf_clear(&whole);
    for (size_t i = 0; i < 4; i++) {
        struct buf out;
        struct err err;
        assert_err(ERR_IO, report_form_bytes(report_pdf, r, room[i], &out, &err));
        buf_clear(&out);
    }
}

static void test_two_hundred_recordings_have_a_paper(void **state)
{
    (void)state;
    static struct report_clip many[200];
    struct report *r = report_facts(NULL);
    for (size_t i = 0; i < 200; i++)
        many[i] = report_facts_clips()[i % 4];
    r->clip = many;
    r->n_clips = 200;
    struct buf paper = report_paper(r);
    assert_in_range(paper.used, 100000, 6000000); /* pictures and fonts besides some kB each */
    char *words = report_paper_words(&paper);
    report_paper_says(words, "File 200: Driver camera, video");
    free(words);
    buf_clear(&paper);
}

static void test_pages_are_numbered_and_named(void **state)
{
    (void)state;
    struct buf paper = report_paper(report_facts(NULL));
    char *pages = report_paper_text(&paper);
    int n = 0, of = 0, page, all;
    for (char *p = pages; (p = strstr(p, "Page ")) != NULL; p++)
        if (sscanf(p, "Page %d of %d", &page, &all) == 2) {
            assert_int_equal(page, ++n);
            of = all;
        }
    assert_in_range(n, 3, 50);
    assert_int_equal(n, of);
    assert_non_null(strstr(pages, "\nClaim 2024-11-4711 · Collision of van 17 in Vilnius, 29 "
                                  "November 2024 · 30 November 2024, 09:00:00 UTC"));
    free(pages);
    buf_clear(&paper);
}

static void test_links_lead_within_and_to_the_place(void **state)
{
    (void)state;
    struct buf paper = report_paper(report_facts(NULL));
    assert_in_range(report_paper_times(&paper, "/Outlines"), 1, 2);
    assert_in_range(report_paper_times(&paper, "/URI (geo:54.687157,25.279652)"), 1, 2);
    assert_in_range(
        report_paper_times(&paper, "/URI (https://www.openstreetmap.org/?mlat=54.687157"), 1, 4);
    assert_in_range(report_paper_times(&paper, "/Subtype /Link"), 10, 100);
    buf_clear(&paper);
}

static void assert_folded(const char *in, size_t letters, const char *expected)
{
    struct buf out;
    struct err err;
    buf_init(&out, 4096);
    assert_ok(pdf_fold_command(&out, in, strlen(in), letters, &err));
    assert_ok(buf_append(&out, "", 1, &err));
    assert_string_equal((const char *)buf_data(&out), expected);
    buf_clear(&out);
}

static void test_commands_are_carried_on_as_a_shell_takes_them(void **state)
{
    (void)state;
    assert_folded("", 20, "");
    assert_folded("sha256sum -c m.txt", 20, "sha256sum -c m.txt");
    assert_folded("a\nb\n", 20, "a\nb\n");
    assert_folded("sha256sum -c manifest-sha256.txt", 20,
                  "sha256sum -c \\\n    manifest-sha256.txt");
    assert_folded("one two three four five six", 12,
                  "one two \\\n    three \\\n    four \\\n    five six");
    assert_folded("openssl 'with spaces inside' x", 20,
                  "openssl \\\n    'with spaces inside' \\\n    x");
    assert_folded("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 20, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_folded("ä ö ü ä ö ü ä ö ü", 12, "ä ö ü ä ö \\\n    ü ä ö ü");
}

/* What a shell makes of a folded command is what it makes of the whole one. */
static void test_a_folded_command_is_the_same_command(void **state)
{
    (void)state;
    static const char command[] = "printf '<%s>' one 'two  three' \"four five\" six seven eight";
    struct proc_result whole = proc_run((const char *const[]){"sh", "-c", command, NULL});
    for (size_t letters = 12; letters < 60; letters += 5) {
        struct buf out;
        struct err err;
        buf_init(&out, 4096);
        assert_ok(pdf_fold_command(&out, command, strlen(command), letters, &err));
        assert_ok(buf_append(&out, "", 1, &err));
        struct proc_result folded =
            proc_run((const char *const[]){"sh", "-c", (const char *)buf_data(&out), NULL});
        assert_string_equal(proc_out(&folded), proc_out(&whole));
        proc_clear(&folded);
        buf_clear(&out);
    }
    proc_clear(&whole);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_all_writings(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_facts_give_the_same_bytes_everywhere),
        cmocka_unit_test(test_fonts_and_settings_of_the_machine_do_not_matter),
        cmocka_unit_test(test_all_that_the_page_says_is_on_paper),
        cmocka_unit_test(test_nothing_known_is_the_same_on_paper),
        cmocka_unit_test(test_hostile_text_is_the_same_on_paper),
        cmocka_unit_test(test_words_of_other_writings_can_be_copied),
        cmocka_unit_test(test_a_writing_has_its_own_font),
        cmocka_unit_test(test_lines_end_where_a_writing_lets_them),
        cmocka_unit_test(test_a_long_text_has_no_seam),
        cmocka_unit_test(test_the_same_words_are_laid_out_once),
        cmocka_unit_test(test_any_writing_gives_a_paper),
        cmocka_unit_test(test_words_without_end_are_broken),
        cmocka_unit_test(test_only_what_is_a_jpeg_gets_in),
        cmocka_unit_test(test_pictures_are_loaded_where_they_are_shown),
        cmocka_unit_test(test_a_jpeg_that_is_cut_does_no_harm),
        cmocka_unit_test(test_amounts_beyond_all_measure_do_no_harm),
        cmocka_unit_test(test_a_disk_that_is_full_is_an_error),
        cmocka_unit_test(test_two_hundred_recordings_have_a_paper),
        cmocka_unit_test(test_pages_are_numbered_and_named),
        cmocka_unit_test(test_links_lead_within_and_to_the_place),
        cmocka_unit_test(test_commands_are_carried_on_as_a_shell_takes_them),
        cmocka_unit_test(test_a_folded_command_is_the_same_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
