#include "support/tracker.h"
#include <stdlib.h>
#include <string.h>

struct tracker_says tracker_says(int64_t time_ms)
{
    return (struct tracker_says){.time_ms = time_ms,
                                 .longitude_e7 = 252795678,
                                 .latitude_e7 = 546872233,
                                 .satellites = 11,
                                 .speed_kmh = 50,
                                 .ignition = 1,
                                 .front = -1,
                                 .private_mode = -1,
                                 .trigger = -1};
}

static void put_be(uint8_t *out, size_t width, uint64_t v)
{
    for (size_t i = 0; i < width; i++)
        out[i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

uint8_t *tracker_record(const struct tracker_says *says, size_t *n)
{
    enum { IOS = 16 };
    uint8_t value[IOS][8];
    struct avl_io ios[IOS];
    size_t used = 0;
    const struct {
        uint16_t id, width;
        int64_t value;
    } all[] = {{AVL_ID_IGNITION, 1, says->ignition},
               {AVL_ID_CAMERA_FRONT, 1, says->front},
               {AVL_ID_PRIVATE_MODE, 1, says->private_mode},
               {240, 1, 1}, /* what trackers send if nobody tells them otherwise */
               {200, 1, 0},
               {69, 1, 1},
               {80, 1, 1},
               {AVL_ID_CAMERA_TRIGGER, 1, says->trigger},
               {21, 1, 4},
               {181, 2, 13},
               {182, 2, 8},
               {24, 2, says->speed_kmh},
               {66, 2, 12520},
               {67, 2, 4100},
               {241, 4, 24602},
               {199, 4, 1200},
               {16, 4, (int64_t)says->odometer}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].value < 0)
            continue;
        put_be(value[used], all[i].width, (uint64_t)all[i].value);
        ios[used] = (struct avl_io){.id = all[i].id, .width = all[i].width, .bytes = value[used]};
        used++;
    }
    const struct avl_record r = {.codec = AVL_CODEC_8E,
                                 .time_ms = (uint64_t)says->time_ms,
                                 .priority = says->priority,
                                 .longitude_e7 = says->longitude_e7,
                                 .latitude_e7 = says->latitude_e7,
                                 .altitude_m = 105,
                                 .angle_deg = 214,
                                 .satellites = says->satellites,
                                 .speed_kmh = says->speed_kmh,
                                 .event_id = says->event_id,
                                 .generation = -1};
    uint8_t *out = malloc(512);
    assert_non_null(out);
    *n = avl_record_put(out, 512, AVL_CODEC_8E, &r, ios, used);
    assert_true(*n > 0);
    return out;
}

void tracker_put(struct records *r, const char *imei, const struct tracker_says *says,
                 int64_t arrived_us)
{
    struct err err;
    struct records_done done;
    struct records_new v = {.imei = imei, .codec = AVL_CODEC_8E, .arrived_us = arrived_us};
    uint8_t *bytes = tracker_record(says, &v.n);
    v.bytes = bytes;
    assert_ok(records_put(r, &v, 1, &done, &err));
    free(bytes);
}

void tracker_root(const char *root, uint8_t id)
{
    struct err err;
    struct root_id whose;
    memset(&whose, id, sizeof whose);
    assert_ok(root_mark(root, &whose, &err));
}
