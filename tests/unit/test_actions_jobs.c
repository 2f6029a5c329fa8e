/* Actions as jobs: what is put is what is read; what is none of ours is refused, whoever wrote it.
 */
#include "dashspool/actions.h"
#include "dashspool/spool.h"
#include "dashspool/text.h"
#include "support/engines.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    char *root;
    struct spool *spool;
};

static int set_up(void **state)
{
    struct err err;
    struct fixture *f = calloc(1, sizeof *f);
    engines_begin();
    f->root = support_tmp_dir();
    assert_ok(spool_open(&f->spool, f->root, ACTIONS_STAGE, &err));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    spool_close(&f->spool);
    support_tmp_remove(&f->root);
    engines_end();
    free(f);
    return 0;
}

/* One of each kind, with all that it takes. */
static struct actions_action sample(enum actions_kind kind)
{
    struct actions_action a = {.kind = kind, .by = "claims-desk-2", .role = PEOPLE_ADMIN};
    a.at_us = 1764538980000001;
    if (kind <= ACTIONS_EXPORT) {
        a.events[a.n_events++] = "352093081452251-front-video-20241129T072345Z";
        a.events[a.n_events++] = "352093081452251-rear-video-20241129T072345Z";
    }
    switch (kind) {
    case ACTIONS_NOTE:
        a.text = "two lines\nof \"text\" & \xc3\xa4";
        break;
    case ACTIONS_PROTECT:
    case ACTIONS_CASE:
        a.text = "K-2026-0417";
        break;
    case ACTIONS_EXPORT:
        a.title = "Van 12, crash";
        a.recipient = "the insurer";
        a.case_number = "K-2026-0417";
        a.redacted = a.no_sound = true;
        a.hide = "position,driver";
        a.masks[a.n_masks++] = "front:10,20,30,40";
        a.masks[a.n_masks++] = "10,20,30,40,0.5,1:02";
        break;
    case ACTIONS_VERIFY:
        a.package = "K-2026-0417.zip";
        break;
    case ACTIONS_REQUEST:
        a.imei = "352093081452251";
        a.cameras = "front rear";
        a.time_us = 1764538980000000;
        a.seconds = 20;
        a.text = "what came before";
        break;
    case ACTIONS_CANCEL:
        a.request = 17;
        break;
    case ACTIONS_RETRY:
    case ACTIONS_DROP:
        a.stage = "convert";
        a.job = "352093081452251-front-video-20241129T072345Z.partial";
        a.text = kind == ACTIONS_DROP ? "given up" : NULL;
        break;
    case ACTIONS_VEHICLE:
        a.imei = "352093081452251";
        a.name = "Van 12";
        a.plate = "B-XY 1234";
        a.group = "North";
        break;
    case ACTIONS_IMPORT:
        a.upload = "9f8e7d6c";
        a.imei = "352093081452251";
        a.camera = "front";
        break;
    case ACTIONS_DOWNLOADED:
        a.package = "K-2026-0417.zip";
        break;
    case ACTIONS_REVIEWED:
    case ACTIONS_UNREVIEWED:
    case ACTIONS_UNPROTECT:
    case ACTIONS_KINDS:
        break;
    }
    return a;
}

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static void assert_same(const struct actions_action *a, const struct actions_action *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->role, b->role);
    assert_true(a->at_us == b->at_us && a->time_us == b->time_us && a->request == b->request);
    assert_true(a->redacted == b->redacted && a->no_sound == b->no_sound);
    assert_int_equal(a->seconds, b->seconds);
    assert_true(same(a->by, b->by) && same(a->text, b->text) && same(a->title, b->title));
    assert_true(same(a->recipient, b->recipient) && same(a->case_number, b->case_number));
    assert_true(same(a->hide, b->hide) && same(a->package, b->package) && same(a->imei, b->imei));
    assert_true(same(a->cameras, b->cameras) && same(a->stage, b->stage) && same(a->job, b->job));
    assert_true(same(a->name, b->name) && same(a->plate, b->plate) && same(a->group, b->group));
    assert_true(same(a->upload, b->upload) && same(a->camera, b->camera));
    assert_int_equal(a->n_events, b->n_events);
    for (size_t i = 0; i < a->n_events; i++)
        assert_string_equal(a->events[i], b->events[i]);
    assert_int_equal(a->n_masks, b->n_masks);
    for (size_t i = 0; i < a->n_masks; i++)
        assert_string_equal(a->masks[i], b->masks[i]);
}

static void test_what_is_put_is_what_is_read(void **state)
{
    struct fixture *f = *state;
    struct err err;
    for (unsigned k = 0; k < ACTIONS_KINDS; k++) {
        char job[ACTIONS_JOB_ROOM];
        struct spool_job *claimed = NULL;
        struct actions_read *read = NULL;
        struct actions_action a = sample((enum actions_kind)k);
        enum actions_kind kind, by_name;
        assert_ok(actions_put(f->spool, &a, job, &err));
        assert_true(actions_kind_of_job(job, &kind) && kind == a.kind);
        assert_true(actions_kind_of(actions_name(a.kind), &by_name) && by_name == a.kind);
        assert_ok(spool_claim(f->spool, &claimed, &err));
        assert_non_null(claimed);
        assert_string_equal(spool_job_name(claimed), job);
        assert_ok(actions_read(&read, spool_job_json(claimed), &err));
        assert_same(&a, actions_of(read));
        actions_read_free(&read);
        assert_ok(spool_finish(f->spool, &claimed, &err));
    }
}

static void test_no_two_jobs_have_one_name(void **state)
{
    struct fixture *f = *state;
    struct err err;
    enum { JOBS = 200 };
    static char job[JOBS][ACTIONS_JOB_ROOM];
    struct actions_action a = sample(ACTIONS_REVIEWED);
    for (size_t i = 0; i < JOBS; i++) {
        assert_ok(actions_put(f->spool, &a, job[i], &err));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(job[i], job[k]);
    }
}

static void assert_not_put(struct fixture *f, const struct actions_action *a, const char *why)
{
    struct err err;
    char job[ACTIONS_JOB_ROOM];
    struct spool_count count;
    assert_err(ERR_MALFORMED, actions_put(f->spool, a, job, &err));
    assert_has(err.text, why);
    assert_ok(spool_count(f->spool, &count, &err));
    assert_int_equal(count.ready, 0);
}

static void test_what_does_not_fit_is_not_put(void **state)
{
    struct fixture *f = *state;
    char longer[3000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
#define REFUSED(kind, field, value, why)                   \
    do {                                                   \
        struct actions_action a_ = sample(ACTIONS_##kind); \
        a_.field = value;                                  \
        assert_not_put(f, &a_, why);                       \
    } while (0)
    REFUSED(REVIEWED, n_events, 0, "the events is missing");
    REFUSED(REVIEWED, by, "", "who does it");
    REFUSED(REVIEWED, by, "a\nb", "cannot be shown");
    REFUSED(REVIEWED, by, longer, "too long");
    REFUSED(REVIEWED, role, PEOPLE_NOBODY, "role");
    REFUSED(REVIEWED, events[0], "../../etc/passwd", "not allowed");
    REFUSED(REVIEWED, events[0], "..", "no name");
    REFUSED(REVIEWED, events[0], "", "empty");
    REFUSED(PROTECT, text, NULL, "the reason is missing");
    REFUSED(PROTECT, text, "a\nb", "cannot be shown");
    REFUSED(PROTECT, text,
            "\xe2\x80\xae"
            "abc",
            "cannot be shown"); /* turns what follows */
    REFUSED(NOTE, text, "", "the note is missing");
    REFUSED(NOTE, text, longer, "too long");
    REFUSED(NOTE, text, "\xff", "cannot be shown");
    REFUSED(NOTE, text, "a\x1b[2J", "cannot be shown");
    REFUSED(CASE, text, "0123456789012345678901234567890123456789012345678901234567890123",
            "too long");
    REFUSED(EXPORT, hide, "position;rm", "not allowed");
    REFUSED(EXPORT, masks[0], "1,2,3,4 --as-found", "not allowed");
    REFUSED(EXPORT, redacted, false, "not redacted");
    REFUSED(VERIFY, package, "../catalogue.db", "no name");
    REFUSED(VERIFY, package, ".hidden", "no name");
    REFUSED(VERIFY, package, "", "missing");
    REFUSED(REQUEST, imei, "35209308145225x", "not allowed");
    REFUSED(REQUEST, imei, "3520930", "15 digits");
    REFUSED(REQUEST, seconds, ACTIONS_SECONDS_MAX + 1, "out of range");
    REFUSED(REQUEST, seconds, -1, "out of range");
    REFUSED(REQUEST, time_us, 0, "the time is missing");
    REFUSED(CANCEL, request, 0, "missing");
    REFUSED(RETRY, stage, "../..", "not allowed");
    REFUSED(RETRY, stage, "..", "no name");
    REFUSED(RETRY, job, NULL, "either a job");
    REFUSED(VEHICLE, name, longer, "too long");
    REFUSED(IMPORT, upload, "..", "no name");
    REFUSED(IMPORT, upload, "a/b", "not allowed");
    REFUSED(IMPORT, camera, "hood", "none of");
    REFUSED(DOWNLOADED, package, NULL, "either a package");
#undef REFUSED
}

static void test_a_job_of_a_stranger_is_refused(void **state)
{
#define HEAD "\"at\":\"2026-11-30T20:43:00.000000Z\",\"by\":\"x\",\"role\":\"admin\""
    static const char *const bad[] = {
        "",
        "[]",
        "null",
        "{\"action\":\"reviewed\"",
        "{}",
        "{\"action\":\"reviewed\"," HEAD "}",
        "{\"action\":\"format-disk\"," HEAD ",\"events\":[\"a\"]}",
        "{\"action\":\"Reviewed\"," HEAD ",\"events\":[\"a\"]}",
        "{\"action\":\"reviewed\"," HEAD ",\"events\":\"a\"}",
        "{\"action\":\"reviewed\"," HEAD ",\"events\":[1]}",
        "{\"action\":\"reviewed\"," HEAD ",\"events\":[[\"a\"]]}",
        "{\"action\":\"reviewed\"," HEAD ",\"events\":[\"a\"],\"force\":true}",
        "{\"action\":\"reviewed\"," HEAD ",\"events\":[\"a\"],\"text\":\"no note\"}",
        "{\"action\":\"reviewed\"," HEAD ",\"events\":[\"a\"],\"events\":[\"b\"]}",
        "{\"action\":\"reviewed\",\"at\":\"yesterday\",\"by\":\"x\",\"role\":\"admin\",\"events\":["
        "\"a\"]}",
        "{\"action\":\"reviewed\",\"at\":\"2026-11-30T20:43:00Z\",\"by\":\"x\",\"role\":\"root\","
        "\"events\":[\"a\"]}",
        "{\"action\":\"reviewed\",\"at\":\"2026-11-30T20:43:00Z\",\"by\":\"x\",\"role\":\"nobody\","
        "\"events\":[\"a\"]}",
        "{\"action\":\"reviewed\",\"at\":\"2026-11-30T20:43:00Z\",\"by\":\"\",\"role\":\"admin\","
        "\"events\":[\"a\"]}",
        "{\"action\":\"note\"," HEAD ",\"events\":[\"a\"],\"text\":\"a\\u0000b\"}",
        "{\"action\":\"note\"," HEAD ",\"events\":[\"a\"],\"text\":\"\\u202e\"}",
        "{\"action\":\"note\"," HEAD ",\"events\":[\"a\"],\"text\":7}",
        "{\"action\":\"export\"," HEAD ",\"events\":[\"a\"],\"redacted\":\"yes\"}",
        "{\"action\":\"export\"," HEAD ",\"events\":[\"a\"],\"no_sound\":true}",
        "{\"action\":\"verify\"," HEAD ",\"package\":\"../../x\"}",
        "{\"action\":\"request\"," HEAD
        ",\"imei\":\"352093081452251\",\"cameras\":\"front\",\"time\":\"2026-11-30T20:43:00Z\","
        "\"seconds\":99999999999}",
        "{\"action\":\"cancel\"," HEAD ",\"request\":-1}",
        "{\"action\":\"cancel\"," HEAD ",\"request\":1.5}",
        "{\"action\":\"cancel\"," HEAD ",\"request\":\"1\"}",
        "{\"action\":\"retry\"," HEAD ",\"stage\":\"convert\",\"job\":\"a\",\"events\":[\"a\"]}",
    };
#undef HEAD
    struct actions_read *read = NULL;
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (actions_read(&read, bad[i], &err) != ERR_MALFORMED)
            fail_msg("taken: %s", bad[i]);
        assert_null(read);
        assert_true(err.text[0]);
    }
}

static void test_too_many_events_are_refused(void **state)
{
    struct buf b;
    struct err err;
    struct actions_read *read = NULL;
    (void)state;
    for (int n = ACTIONS_EVENTS_MAX; n <= ACTIONS_EVENTS_MAX + 1; n++) {
        static const char begin[] = "{\"action\":\"reviewed\",\"at\":\"2026-11-30T20:43:00Z\","
                                    "\"by\":\"x\",\"role\":\"admin\",\"events\":[\"a\"";
        buf_init(&b, 1 << 20);
        assert_ok(buf_append(&b, begin, sizeof begin - 1, &err));
        for (int i = 1; i < n; i++)
            assert_ok(buf_append(&b, ",\"a\"", 4, &err));
        assert_ok(buf_append(&b, "]}", 3, &err));
        if (n <= ACTIONS_EVENTS_MAX)
            assert_ok(actions_read(&read, (const char *)buf_data(&b), &err));
        else
            assert_err(ERR_MALFORMED, actions_read(&read, (const char *)buf_data(&b), &err));
        actions_read_free(&read);
        buf_clear(&b);
    }
}

static void test_each_role_may_what_the_table_says(void **state)
{
    static const struct {
        enum actions_kind kind;
        const char *may; /* viewer, reviewer, admin */
    } table[] = {
        {ACTIONS_REVIEWED, "nyy"},  {ACTIONS_UNREVIEWED, "nyy"}, {ACTIONS_PROTECT, "nyy"},
        {ACTIONS_UNPROTECT, "nny"}, {ACTIONS_NOTE, "nyy"},       {ACTIONS_CASE, "nyy"},
        {ACTIONS_EXPORT, "nyy"},    {ACTIONS_VERIFY, "nyy"},     {ACTIONS_REQUEST, "nyy"},
        {ACTIONS_CANCEL, "nyy"},    {ACTIONS_RETRY, "nny"},      {ACTIONS_DROP, "nny"},
        {ACTIONS_VEHICLE, "nny"},   {ACTIONS_IMPORT, "nyy"},     {ACTIONS_DOWNLOADED, "yyy"},
        {ACTIONS_KINDS, "nnn"}};
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_false(actions_allowed(table[i].kind, PEOPLE_NOBODY));
        for (unsigned role = PEOPLE_VIEWER; role <= PEOPLE_ADMIN; role++)
            assert_int_equal(actions_allowed(table[i].kind, (enum people_role)role),
                             table[i].may[role - PEOPLE_VIEWER] == 'y');
        assert_false(actions_allowed(table[i].kind, (enum people_role)(PEOPLE_ADMIN + 1)));
    }
}

/* ---- what became of it ---- */

static void test_an_action_is_followed_to_its_end(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char job[ACTIONS_JOB_ROOM];
    struct spool_job *claimed = NULL;
    static struct actions_outcome o, told;
    struct actions_action a = sample(ACTIONS_NOTE);
    assert_ok(actions_put(f->spool, &a, job, &err));
    assert_ok(actions_look(f->root, job, &o, &err));
    assert_int_equal(o.state, ACTIONS_READY);
    assert_int_equal(o.kind, ACTIONS_NOTE);
    assert_string_equal(o.by, a.by);
    assert_string_equal(o.event, a.events[0]);
    assert_ok(spool_claim(f->spool, &claimed, &err));
    told = (struct actions_outcome){.state = ACTIONS_AT_WORK, .done = 0.25};
    assert_ok(actions_tell(f->root, job, &told, &err));
    assert_ok(actions_look(f->root, job, &o, &err));
    assert_int_equal(o.state, ACTIONS_AT_WORK);
    assert_true(o.done == 0.25);
    spool_job_because(claimed, "the disk is full");
    assert_ok(spool_release(f->spool, &claimed, 0, &err));
    assert_ok(actions_look(f->root, job, &o, &err));
    assert_int_equal(o.state, ACTIONS_READY);
    assert_string_equal(o.text, "the disk is full");
    assert_ok(spool_claim(f->spool, &claimed, &err));
    told =
        (struct actions_outcome){.state = ACTIONS_DONE, .text = "it\nis \"done\"", .result = "r"};
    assert_ok(actions_tell(f->root, job, &told, &err));
    for (int i = 0; i < 2; i++) { /* before its job ends, and after */
        assert_ok(actions_look(f->root, job, &o, &err));
        assert_int_equal(o.state, ACTIONS_DONE);
        assert_string_equal(o.text, told.text);
        assert_string_equal(o.result, "r");
        if (i == 0)
            assert_ok(spool_finish(f->spool, &claimed, &err));
    }
    assert_ok(actions_sweep(f->root, INT64_MAX, &err));
    assert_ok(actions_look(f->root, job, &o, &err));
    assert_int_equal(o.state, ACTIONS_GONE);
}

static void test_a_failed_one_says_why(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char job[ACTIONS_JOB_ROOM];
    struct spool_job *claimed = NULL;
    static struct actions_outcome o;
    struct actions_action a = sample(ACTIONS_UNPROTECT);
    assert_ok(actions_put(f->spool, &a, job, &err));
    assert_ok(spool_claim(f->spool, &claimed, &err));
    assert_ok(spool_fail(f->spool, &claimed, "no such event\nlook again", &err));
    assert_ok(actions_look(f->root, job, &o, &err));
    assert_int_equal(o.state, ACTIONS_FAILED);
    assert_has(o.text, "no such event");
    assert_string_equal(o.by, a.by);
}

static bool is_utf8(const char *text)
{
    uint32_t c;
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n)
        if ((n = utf8_next(text, left, &c)) == 0)
            return false;
    return true;
}

/* What has no room may end inside a character, wherever that is; what others wrote may be none. */
static void test_half_a_character_keeps_nothing_from_being_told(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char job[ACTIONS_JOB_ROOM], why[4000];
    struct spool_job *claimed = NULL;
    static struct actions_outcome o, told;
    struct actions_action a = sample(ACTIONS_VERIFY);
    assert_ok(actions_put(f->spool, &a, job, &err));
    for (size_t half = 1; half <= 3; half++) {
        told = (struct actions_outcome){.state = ACTIONS_DONE};
        memset(told.text, 'x', sizeof told.text - 1);
        memcpy(told.text + sizeof told.text - 1 - half, "\xf0\x9f\x9a\x97", half);
        assert_ok(actions_tell(f->root, job, &told, &err));
        assert_ok(actions_look(f->root, job, &o, &err));
        assert_int_equal(strlen(o.text), sizeof told.text - 1 - half);
        assert_memory_equal(o.text, told.text, strlen(o.text));
    }
    snprintf(told.text, sizeof told.text, "one \xff\xc3 two\n\xe2\x82\xac\x80 three");
    assert_ok(actions_tell(f->root, job, &told, &err));
    assert_ok(actions_look(f->root, job, &o, &err));
    assert_string_equal(o.text, "one  two\n\xe2\x82\xac three");
    a = sample(ACTIONS_UNPROTECT);
    for (size_t at = 0; at < 2; at++) { /* one of both is cut inside */
        memset(why, 'x', sizeof why);
        for (size_t i = at; i + 2 < sizeof why; i += 2)
            memcpy(why + i, "\xc3\xa4", 2);
        why[sizeof why - 1] = '\0';
        assert_ok(actions_put(f->spool, &a, job, &err));
        do
            assert_ok(spool_claim(f->spool, &claimed, &err));
        while (strcmp(spool_job_name(claimed), job) != 0 &&
               spool_finish(f->spool, &claimed, &err) == ERR_OK);
        assert_ok(spool_fail(f->spool, &claimed, why, &err));
        assert_ok(actions_look(f->root, job, &o, &err));
        assert_int_equal(o.state, ACTIONS_FAILED);
        assert_true(o.text[0] && is_utf8(o.text));
    }
}

/* Whoever did not hear that it was taken says it once more. */
static void test_an_upload_has_one_job(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool_count count;
    char job[ACTIONS_JOB_ROOM], again[ACTIONS_JOB_ROOM];
    struct actions_action a = sample(ACTIONS_IMPORT);
    a.upload = "0123456789abcdef0123456789abcdef";
    assert_ok(actions_put(f->spool, &a, job, &err));
    assert_ok(actions_put(f->spool, &a, again, &err));
    assert_string_equal(job, again);
    assert_true(actions_job_of_upload(a.upload, again));
    assert_string_equal(job, again);
    assert_ok(spool_count(f->spool, &count, &err));
    assert_int_equal(count.ready, 1);
    assert_false(actions_job_of_upload("0123456789abcdef0123456789abcde/", again));
    assert_false(actions_job_of_upload("..", again));
}

static void test_only_names_of_ours_are_looked_for(void **state)
{
    static const char *const bad[] = {
        "",
        "..",
        "note-",
        "note-0123456789abcdef0123456789abcde",
        "note-0123456789abcdef0123456789abcdef0",
        "note-0123456789ABCDEF0123456789abcdef",
        "note-../../../../../../../../etc/passw",
        "nota-0123456789abcdef0123456789abcdef",
        "/etc/passwd",
        "note/0123456789abcdef0123456789abcdef",
    };
    struct fixture *f = *state;
    struct err err;
    static struct actions_outcome o;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_ok(actions_look(f->root, bad[i], &o, &err));
        assert_int_equal(o.state, ACTIONS_GONE);
        assert_err(ERR_MALFORMED, actions_tell(f->root, bad[i], &o, &err));
    }
}

static void test_a_broken_outcome_breaks_nothing(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "{\"state\":7}",
                                        "{\"state\":\"done\"}",
                                        "{\"state\":\"done\",\"done\":1e300,\"text\":5}"};
    struct fixture *f = *state;
    struct err err;
    char job[ACTIONS_JOB_ROOM];
    static struct actions_outcome o = {.state = ACTIONS_AT_WORK};
    struct actions_action a = sample(ACTIONS_REVIEWED);
    assert_ok(actions_put(f->spool, &a, job, &err));
    assert_ok(actions_tell(f->root, job, &o, &err));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_ok(spool_word_put(f->root, ACTIONS_STAGE, job, texts[i], strlen(texts[i]), &err));
        assert_ok(actions_look(f->root, job, &o, &err));
        assert_int_equal(o.state, i < 4 ? ACTIONS_READY : ACTIONS_DONE);
        assert_true(o.done >= 0 && o.done <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_put_is_what_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_two_jobs_have_one_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_does_not_fit_is_not_put, set_up, tear_down),
        cmocka_unit_test(test_a_job_of_a_stranger_is_refused),
        cmocka_unit_test(test_too_many_events_are_refused),
        cmocka_unit_test(test_each_role_may_what_the_table_says),
        cmocka_unit_test_setup_teardown(test_an_action_is_followed_to_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_one_says_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_a_character_keeps_nothing_from_being_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_an_upload_has_one_job, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_names_of_ours_are_looked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_broken_outcome_breaks_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
