/* Where footage ends, by its structure: every cut of a file is one, the whole is not. */
#include "dashspool/media.h"
#include "support/footage.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    int fd; /* a file without a name */
    char *dir;
};

static int setup(void **state)
{
    char path[256];
    struct fixture *f = calloc(1, sizeof *f);
    f->dir = support_tmp_dir();
    snprintf(path, sizeof path, "%s/f", f->dir);
    f->fd = open(path, O_RDWR | O_CREAT, 0600);
    assert_true(f->fd >= 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->fd);
    support_tmp_remove(&f->dir);
    free(f);
    return 0;
}

static void put(struct fixture *f, const void *data, size_t n)
{
    assert_int_equal(ftruncate(f->fd, 0), 0);
    assert_int_equal(pwrite(f->fd, data, n, 0), (ssize_t)n);
}

static struct media_ending ending(struct fixture *f, size_t n)
{
    struct err err;
    struct media_ending e;
    assert_ok(media_ending(f->fd, (int64_t)n, &e, &err));
    assert_true(e.end == MEDIA_END_WELL ? e.note[0] == '\0' : e.note[0] != '\0');
    return e;
}

/* Header and payload of n bytes. */
static size_t record(uint8_t *out, char type, uint32_t n)
{
    memset(out, 0, 36 + n);
    memcpy(out, "PTMF", 4);
    out[5] = (uint8_t)type;
    for (int i = 0; i < 4; i++)
        out[24 + i] = (uint8_t)(n >> 8 * i);
    memset(out + 36, 0x5a, n);
    return 36 + n;
}

static void test_records(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[300000];
    size_t whole[3], n = 0;
    n += record(data + n, 'I', 1000), whole[0] = n;
    n += record(data + n, 'A', 324), whole[1] = n;
    n += record(data + n, 'P', 200000), whole[2] = n;
    put(f, data, n);
    for (size_t cut = 100; cut <= n; cut += cut < 1500 ? 1 : 1999) {
        bool well = cut == whole[0] || cut == whole[1] || cut == whole[2];
        assert_int_equal(ending(f, cut).end, well ? MEDIA_END_WELL : MEDIA_END_CUT);
    }
    assert_int_equal(ending(f, n).end, MEDIA_END_WELL);
    assert_false(ending(f, n).photo);
    memset(data + n, 0, 1024); /* somebody made room first */
    put(f, data, n + 1024);
    assert_int_equal(ending(f, n + 1024).end, MEDIA_END_CUT);
}

/* A lost packet in the middle is damage, but no reason to wait for more. */
static void test_damage_in_the_middle_is_no_cut(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[400000];
    size_t n = record(data, 'I', 5000);
    n += record(data + n, 'P', 100000);
    memset(data + 5036, 0xee, 70000); /* the second record's header is gone */
    n += record(data + n, 'P', 800);
    put(f, data, n);
    assert_int_equal(ending(f, n).end, MEDIA_END_WELL);
    assert_int_equal(ending(f, n - 1).end, MEDIA_END_CUT);
    memmove(data + 1000, data + 2024, n - 2024); /* a packet of the first is missing */
    put(f, data, n - 1024);
    assert_int_equal(ending(f, n - 1024).end, MEDIA_END_WELL);
}

static void test_a_photo(void **state)
{
    struct fixture *f = *state;
    struct buf b = support_read(footage_sample("photo-720p.jpg"));
    put(f, buf_data(&b), b.used);
    struct media_ending e = ending(f, b.used);
    assert_int_equal(e.end, MEDIA_END_WELL);
    assert_true(e.photo && !e.ours);
    for (size_t n = 3; n < b.used; n += n < 1000 ? 1 : 997)
        assert_int_equal(ending(f, n).end, MEDIA_END_CUT);
    assert_int_equal(ending(f, b.used - 3).end, MEDIA_END_CUT);
    e = ending(f, b.used - 10);
    assert_string_equal(e.note, "ends early, within the JPEG picture");
    for (size_t end = 1; end <= 2; end++) { /* its mark alone is missing: nothing is lost */
        e = ending(f, b.used - end);
        assert_true(e.end == MEDIA_END_WELL && e.photo && !e.ours);
    }
    assert_int_equal(lseek(f->fd, 0, SEEK_END), (off_t)b.used);
    assert_int_equal(write(f->fd, "preview", 7), 7); /* of a phone: behind the picture */
    assert_int_equal(ending(f, b.used + 7).end, MEDIA_END_WELL);
    buf_clear(&b);
}

static size_t box(uint8_t *out, const char *type, const char *content)
{
    size_t n = 8 + strlen(content);
    memset(out, 0, 4);
    out[2] = (uint8_t)(n >> 8);
    out[3] = (uint8_t)n;
    memcpy(out + 4, type, 4);
    memcpy(out + 8, content, n - 8);
    return n;
}

static void test_an_mp4(void **state)
{
    struct fixture *f = *state;
    uint8_t data[4096];
    size_t n = box(data, "ftyp", "isommp41");
    size_t first = n;
    n += box(data + n, "mdat", "pictures");
    put(f, data, n);
    assert_int_equal(ending(f, n).end, MEDIA_END_CUT); /* no moov yet */
    n += box(data + n, "moov", "made by a camera");
    put(f, data, n);
    struct media_ending e = ending(f, n);
    assert_true(e.end == MEDIA_END_WELL && !e.ours && !e.photo);
    for (size_t cut = 12; cut < n; cut++)
        assert_int_equal(ending(f, cut).end, MEDIA_END_CUT);
    n = first + box(data + first, "moov", "…\xa9too dashspool 0.1.0");
    put(f, data, n);
    assert_true(ending(f, n).ours);
    static const uint8_t sizes[][16] = {
        {0, 0, 0, 0, 'm', 'o', 'o', 'v'},                               /* to the end */
        {0, 0, 0, 1, 'm', 'o', 'o', 'v', 0, 0, 0, 0, 0, 0, 0, 16},      /* 64 bits */
        {0, 0, 0, 1, 'm', 'o', 'o', 'v', 255, 255, 255, 255, 255, 255}, /* too large */
        {0, 0, 0, 1, 'm', 'o', 'o', 'v', 0, 0, 0, 0, 0, 0, 0, 3},       /* below its head */
        {0, 0, 0, 7, 'm', 'o', 'o', 'v'},
    };
    for (int i = 0; i < 5; i++) {
        memcpy(data + first, sizes[i], 16);
        put(f, data, first + 16);
        assert_int_equal(ending(f, first + 16).end, i < 2 ? MEDIA_END_WELL : MEDIA_END_CUT);
    }
}

static void test_plain_video_does_not_tell(void **state)
{
    struct fixture *f = *state;
    static const uint8_t slice[] = {0, 0, 0, 1, 0x26, 1, 0xaf, 9, 9, 9, 0, 0, 1, 2, 1, 0xd0, 9};
    put(f, slice, sizeof slice); /* no parameter sets: others may lend them */
    struct media_ending e = ending(f, sizeof slice);
    assert_true(e.end == MEDIA_END_UNKNOWN && !e.photo);
}

static void test_what_is_no_footage(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct media_ending e;
    put(f, "", 0);
    assert_err(ERR_MALFORMED, media_ending(f->fd, 0, &e, &err));
    put(f, "Dear customer,\n", 15);
    assert_err(ERR_MALFORMED, media_ending(f->fd, 15, &e, &err));
    assert_non_null(strstr(err.text, "text"));
    assert_err(ERR_AGAIN, media_ending(f->fd, 16, &e, &err)); /* somebody cut it */
    static const uint8_t zeros[100000];
    put(f, zeros, sizeof zeros);
    assert_err(ERR_MALFORMED, media_ending(f->fd, sizeof zeros, &e, &err));
}

/* What this program makes, by what is in it; also cut short. */
static void test_our_own_copies(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING | COPY_POSTER);
    struct convert_result r;
    const char *from[] = {"rear-25fps-6s-silent.h265", "photo-720p.jpg"};
    for (int i = 0; i < 2; i++) {
        assert_ok(convert_file(footage_sample(from[i]), f->dir, "x", &facts, &options, NULL, NULL,
                               &r, &err));
        for (int k = 0; k < r.n_outputs; k++) {
            if (r.output[k].kind == COPY_TIMING)
                continue;
            struct buf b = support_read(r.output[k].path);
            put(f, buf_data(&b), b.used);
            struct media_ending e = ending(f, b.used);
            assert_true(e.end == MEDIA_END_WELL && e.ours);
            assert_int_equal(ending(f, b.used - (e.photo ? 3 : 1)).end, MEDIA_END_CUT);
            buf_clear(&b);
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_records),        T(test_damage_in_the_middle_is_no_cut), T(test_a_photo),
        T(test_an_mp4),         T(test_plain_video_does_not_tell),      T(test_what_is_no_footage),
        T(test_our_own_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
