/*
 * The fault matrix: everything that goes wrong with cameras and their networks, with every kind of
 * camera, against the receiver that a person runs. Each cell is a test of its own, named
 * "camera/what goes wrong @ where"; what does not apply says why. Whatever happens, each file is
 * there once and whole, bit for bit, or (where no connection brought the rest) its beginning is
 * kept and called partial.
 */
#include "dashspool/hash.h"
#include "dashspool/spool.h"
#include "support/world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    FRAMES = 40, /* of a file, and a short one */
    TAIL_BYTES = 77,
    MIDDLE = 20,
    LAST = FRAMES + 1,
    FILE_ROOM = 128 * 1024,
    CELLS_MAX = 400,
};

/* One receiver is for what is found out by waiting, and waits as short as it can; the other one
 * never waits in vain, however slow this computer is. */
#define CONFIG "repeats = 3\ncommit_ms = 20\n"
#define HASTY  "stall_s = 1\nsync_s = 1\nmetadata_s = 1\n"

enum { DUALCAM, DSM, ADAS, PROTOCOL_6, N_KINDS };

static const struct kind {
    const char *name, *camera, *path; /* path NULL: by packets, in a slot */
    enum wire_meta_kind meta;
    uint16_t protocol_id;
    bool enhanced;
    size_t data_bytes;
} kinds[N_KINDS] = {
    [DUALCAM] = {"dualcam", "front", NULL, WIRE_KIND_DUALCAM, 5, false, WIRE_PACKET_BYTES},
    [DSM] = {"dsm", "driver", "dsm/picture/241129/072345.jpg", WIRE_KIND_DSM, 5, false, 1024},
    [ADAS] = {"adas", "road", "mdas9/video/241129/072345.mp4", WIRE_KIND_ADAS, 5, false, 777},
    [PROTOCOL_6] = {"protocol-6", "rear", "dualcam_rear/video/241129/072345.h265",
                    WIRE_KIND_DUALCAM, 6, true, 3000},
};

enum outcome {
    AT_ONCE,  /* the connection that saw the fault brings the whole file */
    BY_NEXT,  /* it brings what is before the fault; the next one goes on there */
    GIVEN_UP, /* likewise, but there is no next one */
};

/* What the catalogue must tell of the fault: that it did happen, and was seen. */
enum {
    SEEN_CRC = 1,
    SEEN_RESUME = 2,
    SEEN_LOST = 4,
    SEEN_DUPLICATE = 8,
};

struct fault {
    const char *name; /* as --fault has it */
    bool waits;       /* only a time-out finds it out */
    bool placed;      /* at the first, a middle and the last frame */
    enum outcome outcome;
    unsigned seen;
    unsigned seen_at_end;          /* … when the last frame is hit */
    struct simulate_fault with[2]; /* others that it needs; type 0 and at 0: none */
    int n_with;
    const char *not_for[N_KINDS]; /* why it cannot be */
};

#define NOT_BY_PATH(why)                                    \
    {                                                       \
        [DSM] = (why), [ADAS] = (why), [PROTOCOL_6] = (why) \
    }

static const struct fault faults[SIMULATE_N_FAULTS] = {
    [SIMULATE_CRC] = {"crc", false, true, AT_ONCE, SEEN_CRC | SEEN_RESUME, SEEN_CRC | SEEN_RESUME},
    [SIMULATE_CRC_ALWAYS] = {"crc-always", false, true, GIVEN_UP, SEEN_CRC | SEEN_RESUME,
                             SEEN_CRC | SEEN_RESUME},
    [SIMULATE_DROP] = {"drop", true, true, AT_ONCE, SEEN_CRC | SEEN_RESUME, SEEN_RESUME},
    [SIMULATE_DISCONNECT] = {"disconnect", false, true, BY_NEXT, 0, 0},
    [SIMULATE_SILENCE] = {"silence", true, true, AT_ONCE, SEEN_RESUME, SEEN_RESUME},
    [SIMULATE_STATUS] = {"status", false, true, BY_NEXT, 0, 0},
    [SIMULATE_SYNC_TWICE] = {"sync-twice", false, true, AT_ONCE, SEEN_DUPLICATE, 0},
    [SIMULATE_IN_FLIGHT] = {"in-flight", false, false, AT_ONCE, SEEN_CRC | SEEN_LOST, 0,
                            .with = {{SIMULATE_CRC, MIDDLE}}, .n_with = 1},
    [SIMULATE_SYNC_0] = {"sync-0", false, false, AT_ONCE, SEEN_CRC | SEEN_RESUME, 0,
                         .with = {{SIMULATE_CRC, MIDDLE}}, .n_with = 1,
                         .not_for = NOT_BY_PATH("by path SYNC is an offset in bytes: it begins "
                                                "with 0 anyhow")},
    [SIMULATE_START_TWICE] = {"start-twice", false, false, AT_ONCE, 0, 0},
    [SIMULATE_START_0] = {"start-0", false, false, BY_NEXT, 0, 0},
    [SIMULATE_META_13] = {"meta-13", false, false, AT_ONCE, 0, 0,
                          .not_for = NOT_BY_PATH("only version 2 metadata of a DualCam's slots "
                                                 "come with a byte too many")},
};

struct cell {
    char name[80];
    uint64_t imei;
    const struct kind *kind;
    enum simulate_fault_type type;
    uint32_t at; /* frame; 0: has no place */
    struct world *world;
};

static struct world patient, hasty; /* some cells kill theirs */

/* ---- files and cameras ---- */

struct footage {
    uint8_t bytes[FILE_ROOM];
    size_t n;
    int minute; /* of its time */
};

static size_t frame_bytes(const struct cell *c)
{
    return c->kind->data_bytes;
}

/* No two files are alike; number: of the cell's files. */
static void make_file(const struct cell *c, int number, struct footage *f)
{
    uint64_t x = c->imei * 1000 + (uint64_t)number + 1;
    f->n = FRAMES * frame_bytes(c) + TAIL_BYTES;
    f->minute = number;
    assert_true(f->n <= sizeof f->bytes);
    for (size_t i = 0; i < f->n; i++) {
        x ^= x << 13; /* xorshift64, Marsaglia 2003 */
        x ^= x >> 7;
        x ^= x << 17;
        f->bytes[i] = (uint8_t)(x >> 32);
    }
}

static struct simulate_config camera_of(const struct cell *c, const struct footage *f)
{
    const struct kind *k = c->kind;
    struct simulate_config config = {.imei = c->imei,
                                     .protocol_id = k->protocol_id,
                                     .meta_version = c->type == SIMULATE_META_13 ? 2 : 3,
                                     .enhanced = k->enhanced,
                                     .data_bytes = k->data_bytes};
    struct simulate_file file = {.data = f->bytes, .n = f->n};
    file.meta = (struct wire_meta){.kind = k->meta,
                                   .time_ms = UINT64_C(1732865025000) + (uint64_t)f->minute * 60000,
                                   .length_s = 10,
                                   .fps = 20,
                                   .lat_deg = 54.7,
                                   .lon_deg = 25.25};
    if (k->path) {
        snprintf(file.path, sizeof file.path, "%s", k->path);
        config.by_path[0] = file;
    } else {
        config.file[1] = file; /* the front video's slot */
    }
    return config;
}

static void add_fault(struct simulate_config *config, enum simulate_fault_type type, uint32_t at)
{
    assert_true(config->n_faults < SIMULATE_FAULTS);
    config->fault[config->n_faults++] = (struct simulate_fault){type, at};
}

/* ---- what must be there ---- */

static const char *imei_of(const struct cell *c)
{
    static char text[24];
    snprintf(text, sizeof text, "%015llu", (unsigned long long)c->imei);
    return text;
}

static void sha256_of(const void *data, size_t n, char out[HASH_HEX_ROOM])
{
    struct hash *h = NULL;
    struct err err;
    uint8_t digest[HASH_BYTES];
    assert_ok(hash_new(&h, &err));
    hash_update(h, data, n);
    assert_ok(hash_final(h, digest, &err));
    hash_free(&h);
    hash_hex(digest, out);
}

static void is_whole(const struct catalogue_transfer *row, const struct cell *c,
                     const struct footage *f)
{
    char expected[HASH_HEX_ROOM], found[HASH_HEX_ROOM];
    struct buf b = world_bytes(c->world, row);
    sha256_of(f->bytes, f->n, expected);
    sha256_of(buf_data(&b), b.used, found);
    assert_string_equal(catalogue_state_name(row->state), "stored");
    assert_string_equal(found, expected);
    assert_string_equal(row->sha256, expected);
    assert_int_equal(row->length_bytes, f->n);
    assert_string_equal(row->camera, c->kind->camera);
    buf_clear(&b);
}

static void is_beginning(const struct catalogue_transfer *row, const struct cell *c,
                         const struct footage *f, size_t bytes)
{
    struct buf b = world_bytes(c->world, row);
    assert_string_equal(catalogue_state_name(row->state), "partial");
    assert_int_equal(b.used, bytes);
    assert_int_equal(row->length_bytes, bytes);
    assert_memory_equal(buf_data(&b), f->bytes, bytes);
    buf_clear(&b);
}

/* The camera's rows; as many as it must have. */
static struct world_rows rows_of(const struct cell *c, int n)
{
    static struct world_rows rows;
    world_settled_rows(c->world, imei_of(c), &rows);
    if (rows.n != n)
        fail_msg("%d transfers instead of %d", rows.n, n);
    return rows;
}

static void only_one_whole(const struct cell *c, const struct footage *f)
{
    struct world_rows rows = rows_of(c, 1);
    is_whole(&rows.row[0], c, f);
}

/* ---- the faults of a camera ---- */

static void was_seen(const struct catalogue_transfer *row, unsigned what)
{
    if (((what & SEEN_CRC) && row->crc_errors == 0) ||
        ((what & SEEN_RESUME) && row->resumes == 0) ||
        ((what & SEEN_LOST) && row->bytes_lost == 0) ||
        ((what & SEEN_DUPLICATE) && row->duplicates == 0))
        fail_msg("the fault left no trace: %d CRC errors, %d resumes, %lld lost, %lld duplicates",
                 row->crc_errors, row->resumes, (long long)row->bytes_lost,
                 (long long)row->duplicates);
}

/* How much of the file is there when the fault has ended the connection. */
static size_t kept_bytes(const struct cell *c)
{
    return c->at ? (c->at - 1) * frame_bytes(c) : 0;
}

static void the_first_connection_ended(const struct cell *c, const struct footage *f)
{
    size_t kept = kept_bytes(c);
    struct world_rows rows = rows_of(c, kept > 0);
    if (kept == 0)
        return; /* nothing came: nothing is kept */
    is_beginning(&rows.row[0], c, f, kept);
    was_seen(&rows.row[0], faults[c->type].seen);
}

static void test_fault(void **state)
{
    const struct cell *c = *state;
    const struct fault *fault = &faults[c->type];
    struct footage f;
    make_file(c, 0, &f);
    struct simulate_config config = camera_of(c, &f);
    add_fault(&config, c->type, c->type == SIMULATE_IN_FLIGHT ? 4 : c->at ? c->at : 1);
    for (int i = 0; i < fault->n_with; i++)
        add_fault(&config, fault->with[i].type, fault->with[i].at);
    int files = world_camera_run(c->world, &config);
    assert_int_equal(files, fault->outcome == AT_ONCE);
    if (fault->outcome != AT_ONCE)
        the_first_connection_ended(c, &f);
    if (fault->outcome == GIVEN_UP)
        return;
    if (fault->outcome == BY_NEXT) {
        config.n_faults = 0;
        assert_int_equal(world_camera_run(c->world, &config), 1);
    }
    struct world_rows rows = rows_of(c, 1);
    is_whole(&rows.row[0], c, &f);
    if (fault->outcome == BY_NEXT)
        assert_int_equal(world_resumed_at(c->world, &rows.row[0]), kept_bytes(c));
    else
        was_seen(&rows.row[0], c->at == LAST ? fault->seen_at_end : fault->seen);
    if (c->type == SIMULATE_META_13)
        assert_int_equal(rows.row[0].wire.meta_n, 14);
}

/* ---- the rest: what a camera cannot do alone ---- */

/* A camera that has sent what is before frame MIDDLE, which is on disk, and now is silent. */
static size_t stop_in_the_middle(const struct cell *c, const struct footage *f,
                                 struct world_camera *camera)
{
    size_t sent = (MIDDLE - 1) * frame_bytes(c);
    struct simulate_config config = camera_of(c, f);
    add_fault(&config, SIMULATE_SILENCE, MIDDLE);
    world_camera_connect(c->world, &config, camera);
    world_camera_send(camera, sent);
    world_wait_stored(c->world, imei_of(c), (int64_t)sent);
    return sent;
}

static void hand_over(const struct cell *c, const struct footage *f)
{
    struct simulate_config config = camera_of(c, f);
    assert_int_equal(world_camera_run(c->world, &config), 1);
}

static void break_off(const struct cell *c, const struct footage *f)
{
    struct simulate_config config = camera_of(c, f);
    add_fault(&config, SIMULATE_DISCONNECT, MIDDLE);
    assert_int_equal(world_camera_run(c->world, &config), 0);
}

static void test_the_receiver_is_killed(void **state)
{
    const struct cell *c = *state;
    struct footage f;
    struct world_camera camera;
    make_file(c, 0, &f);
    size_t sent = stop_in_the_middle(c, &f, &camera);
    world_kill(c->world);
    world_camera_close(&camera);
    world_start(c->world);
    hand_over(c, &f);
    only_one_whole(c, &f);
    struct world_rows rows = rows_of(c, 1);
    assert_int_equal(world_resumed_at(c->world, &rows.row[0]), sent);
}

static void test_the_receiver_is_stopped(void **state)
{
    const struct cell *c = *state;
    struct footage f;
    struct world_camera camera;
    make_file(c, 0, &f);
    size_t sent = stop_in_the_middle(c, &f, &camera);
    world_stop(c->world);
    world_camera_close(&camera);
    struct world_rows rows = rows_of(c, 1);
    is_beginning(&rows.row[0], c, &f, sent);
    world_start(c->world);
    hand_over(c, &f);
    only_one_whole(c, &f);
}

static void test_a_stored_file_is_offered_again(void **state)
{
    const struct cell *c = *state;
    struct footage f;
    make_file(c, 0, &f);
    hand_over(c, &f);
    hand_over(c, &f);
    only_one_whole(c, &f);
}

static void another_file_after_a_broken_one(const struct cell *c, const struct footage *old,
                                            const struct footage *fresh)
{
    break_off(c, old);
    hand_over(c, fresh);
    struct world_rows rows = rows_of(c, 2);
    int whole = rows.row[1].state == CATALOGUE_STORED;
    is_whole(&rows.row[whole], c, fresh);
    is_beginning(&rows.row[!whole], c, old, (MIDDLE - 1) * frame_bytes(c));
}

static void test_a_later_file_after_a_broken_one(void **state)
{
    const struct cell *c = *state;
    static struct footage old, fresh;
    make_file(c, 0, &old);
    make_file(c, 1, &fresh);
    another_file_after_a_broken_one(c, &old, &fresh);
}

static void test_a_longer_file_of_the_same_time(void **state)
{
    const struct cell *c = *state;
    static struct footage old, fresh;
    make_file(c, 0, &old);
    make_file(c, 1, &fresh);
    fresh.minute = old.minute;
    old.n -= 5 * frame_bytes(c);
    another_file_after_a_broken_one(c, &old, &fresh);
}

static void test_without_metadata_nothing_is_resumed(void **state)
{
    const struct cell *c = *state;
    struct footage f;
    make_file(c, 0, &f);
    struct simulate_config config = camera_of(c, &f);
    config.meta_version = 0;
    add_fault(&config, SIMULATE_DISCONNECT, MIDDLE);
    assert_int_equal(world_camera_run(c->world, &config), 0);
    config.n_faults = 0;
    assert_int_equal(world_camera_run(c->world, &config), 1);
    struct world_rows rows = rows_of(c, 2);
    int whole = rows.row[1].state == CATALOGUE_STORED;
    is_whole(&rows.row[whole], c, &f);
    is_beginning(&rows.row[!whole], c, &f, (MIDDLE - 1) * frame_bytes(c));
    assert_int_equal(world_resumed_at(c->world, &rows.row[whole]), 0);
}

/* Its clock is at 1970: metadata are there, but tell no file from another. */
static void test_without_a_time_nothing_is_resumed(void **state)
{
    const struct cell *c = *state;
    static struct footage old, fresh;
    make_file(c, 0, &old);
    make_file(c, 1, &fresh);
    struct simulate_config config = camera_of(c, &old);
    struct simulate_file *file = c->kind->path ? &config.by_path[0] : &config.file[1];
    file->meta.time_ms = 0;
    add_fault(&config, SIMULATE_DISCONNECT, MIDDLE);
    assert_int_equal(world_camera_run(c->world, &config), 0);
    config.n_faults = 0;
    file->data = fresh.bytes;
    assert_int_equal(world_camera_run(c->world, &config), 1);
    struct world_rows rows = rows_of(c, 2);
    int whole = rows.row[1].state == CATALOGUE_STORED;
    is_whole(&rows.row[whole], c, &fresh);
    is_beginning(&rows.row[!whole], c, &old, (MIDDLE - 1) * frame_bytes(c));
}

static void test_the_newer_connection_wins(void **state)
{
    const struct cell *c = *state;
    struct footage f;
    struct world_camera older;
    char words[80];
    make_file(c, 0, &f);
    size_t sent = stop_in_the_middle(c, &f, &older);
    hand_over(c, &f);
    assert_false(world_camera_finish(&older)); /* the server closed it */
    world_camera_close(&older);
    only_one_whole(c, &f);
    struct world_rows rows = rows_of(c, 1);
    assert_int_equal(world_resumed_at(c->world, &rows.row[0]), sent);
    snprintf(words, sizeof words, "imei=%s peer=127.0.0.1:", imei_of(c));
    assert_true(world_log_lines(c->world, words) > 0);
    assert_true(world_log_lines(c->world, "closed, superseded by a new connection") > 0);
}

/* The line breaks inside a frame, and with a reset. */
static void test_the_line_breaks_inside_a_frame(void **state)
{
    const struct cell *c = *state;
    struct footage f;
    struct world_camera camera;
    make_file(c, 0, &f);
    size_t sent = stop_in_the_middle(c, &f, &camera);
    uint8_t piece[100] = {0, c->kind->enhanced ? WIRE_ENH_DATA : WIRE_DATA,
                          (uint8_t)((frame_bytes(c) + 2 + 4 * c->kind->enhanced) >> 8),
                          (uint8_t)(frame_bytes(c) + 2 + 4 * c->kind->enhanced)};
    struct linger reset = {.l_onoff = 1};
    assert_int_equal(send(camera.fd, piece, sizeof piece, MSG_NOSIGNAL), sizeof piece);
    assert_int_equal(setsockopt(camera.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    world_camera_close(&camera);
    struct world_rows rows = rows_of(c, 1);
    is_beginning(&rows.row[0], c, &f, sent);
    hand_over(c, &f);
    only_one_whole(c, &f);
}

/* When all is over: each stored file has its job, once. */
static void jobs_are_as_many_as_files(struct world *w)
{
    struct err err;
    struct catalogue *c = NULL;
    struct catalogue_counts counts;
    struct spool *spool = NULL;
    struct spool_count jobs;
    world_stop(w);
    assert_ok(catalogue_open(&c, w->root, false, &err));
    assert_ok(catalogue_count(c, &counts, &err));
    catalogue_close(&c);
    assert_ok(spool_open(&spool, w->root, "convert", &err));
    assert_ok(spool_count(spool, &jobs, &err));
    spool_close(&spool);
    assert_int_equal(counts.receiving, 0);
    assert_true(counts.stored > 0);
    assert_int_equal(jobs.ready, counts.stored);
}

static void test_every_stored_file_has_a_job(void **state)
{
    (void)state;
    jobs_are_as_many_as_files(&patient);
    jobs_are_as_many_as_files(&hasty);
}

/* ---- the matrix ---- */

static const struct scenario {
    const char *name;
    void (*test)(void **state);
    bool waits;
} scenarios[] = {
    {"receiver-killed", test_the_receiver_is_killed},
    {"receiver-stopped", test_the_receiver_is_stopped},
    {"offered-again", test_a_stored_file_is_offered_again},
    {"a-later-file-after-a-broken-one", test_a_later_file_after_a_broken_one},
    {"a-longer-file-of-the-same-time", test_a_longer_file_of_the_same_time},
    {"no-metadata", test_without_metadata_nothing_is_resumed, true},
    {"no-time", test_without_a_time_nothing_is_resumed},
    {"two-connections", test_the_newer_connection_wins},
    {"cut-inside-a-frame", test_the_line_breaks_inside_a_frame},
};

static struct cell cells[CELLS_MAX];
static struct CMUnitTest tests[CELLS_MAX + 1];
static int n_cells;

static struct cell *add_cell(const struct kind *kind, void (*test)(void **state), bool waits)
{
    struct cell *c = &cells[n_cells];
    c->imei = UINT64_C(352093081000000) + (uint64_t)n_cells;
    c->kind = kind;
    c->world = waits ? &hasty : &patient;
    c->type = SIMULATE_N_FAULTS;
    tests[n_cells++] = (struct CMUnitTest){c->name, test, NULL, NULL, c};
    return c;
}

static void add_faults(const struct kind *kind)
{
    static const uint32_t places[] = {1, MIDDLE, LAST};
    for (int type = 0; type < SIMULATE_N_FAULTS; type++) {
        const struct fault *f = &faults[type];
        if (f->not_for[kind - kinds]) {
            printf("%s/%s is no cell: %s\n", kind->name, f->name, f->not_for[kind - kinds]);
            continue;
        }
        for (int p = 0; p < (f->placed ? 3 : 1); p++) {
            struct cell *c = add_cell(kind, test_fault, f->waits);
            c->type = (enum simulate_fault_type)type;
            c->at = f->placed ? places[p] : 0;
            if (c->at)
                snprintf(c->name, sizeof c->name, "%s/%s@%u", kind->name, f->name, c->at);
            else
                snprintf(c->name, sizeof c->name, "%s/%s", kind->name, f->name);
        }
    }
}

/* A fault that the simulator learns must get its row here. */
static bool table_is_complete(void)
{
    struct simulate_fault parsed;
    struct err err;
    for (int type = 0; type < SIMULATE_N_FAULTS; type++)
        if (!faults[type].name || simulate_fault_parse(faults[type].name, &parsed, &err) < 0 ||
            (int)parsed.type != type) {
            fprintf(stderr, "fault %d has no row in the matrix\n", type);
            return false;
        }
    return true;
}

static int begin(void **state)
{
    (void)state;
    world_open(&patient, DASHSPOOL_BINARY, CONFIG);
    world_open(&hasty, DASHSPOOL_BINARY, CONFIG HASTY);
    world_start(&patient);
    world_start(&hasty);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_close(&patient);
    world_close(&hasty);
    return 0;
}

int main(void)
{
    if (!table_is_complete())
        return EXIT_FAILURE;
    for (int k = 0; k < N_KINDS; k++) {
        add_faults(&kinds[k]);
        for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
            snprintf(add_cell(&kinds[k], scenarios[i].test, scenarios[i].waits)->name,
                     sizeof cells->name, "%s/%s", kinds[k].name, scenarios[i].name);
    }
    struct cell *last = add_cell(&kinds[0], test_every_stored_file_has_a_job, false);
    snprintf(last->name, sizeof last->name, "every stored file has a job");
    return _cmocka_run_group_tests("fault matrix", tests, (size_t)n_cells, begin, end);
}
