#include "dashspool/reader.h"
#include "dashspool/wire.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

const struct wire_slot wire_slots[WIRE_N_SLOTS] = {
    {WIRE_SETTING_VIDEO_REAR, 0x20, "%videor", "rear", "video"},
    {WIRE_SETTING_VIDEO_FRONT, 0x10, "%videof", "front", "video"},
    {WIRE_SETTING_PHOTO_REAR, 0x08, "%photor", "rear", "photo"},
    {WIRE_SETTING_PHOTO_FRONT, 0x04, "%photof", "front", "photo"},
};

/* The lengths that each message of a device may have. */
static const struct legal {
    uint16_t id, min, max;
} legal[] = {
    {WIRE_START, 6, 6},
    {WIRE_SYNC, 4, 4},
    {WIRE_DATA, 3, WIRE_PACKET_BYTES + 2},
    {WIRE_STATUS, 4, 4},
    {WIRE_META, 1, WIRE_META_BYTES_MAX},
    {WIRE_PATH, 1, WIRE_PATH_BYTES_MAX},
    {WIRE_ENH_DATA, 7, UINT16_MAX}, /* how long they really are is not known */
};

static const struct legal *find(uint16_t id)
{
    for (size_t i = 0; i < sizeof legal / sizeof *legal; i++)
        if (legal[i].id == id)
            return &legal[i];
    return NULL;
}

enum wire_parsed wire_frame_parse(const uint8_t *data, size_t n, struct wire_frame *out)
{
    struct rd r = rd_init(data, n);
    uint16_t id = rd_be16(&r);
    if (r.bad)
        return WIRE_NEED_MORE;
    if (id == WIRE_CLOSE) {
        *out = (struct wire_frame){id, data, WIRE_INIT_BYTES, WIRE_INIT_BYTES};
        return n < WIRE_INIT_BYTES ? WIRE_NEED_MORE : WIRE_HAVE_FRAME;
    }
    const struct legal *known = find(id);
    if (!known)
        return WIRE_BAD_HEADER;
    uint16_t length = rd_be16(&r);
    if (r.bad)
        return WIRE_NEED_MORE;
    if (length < known->min || length > known->max)
        return WIRE_BAD_HEADER;
    const uint8_t *payload = rd_bytes(&r, length);
    if (!payload)
        return WIRE_NEED_MORE;
    *out = (struct wire_frame){id, payload, length, 4 + (size_t)length};
    return WIRE_HAVE_FRAME;
}

static void put_be(uint8_t *out, uint64_t v, size_t n)
{
    for (size_t i = n; i > 0; i--, v >>= 8)
        out[i - 1] = (uint8_t)v;
}

size_t wire_frame_put(uint8_t *out, size_t room, uint16_t id, const void *payload, size_t n)
{
    assert(n <= UINT16_MAX && room >= 4 + n);
    put_be(out, id, 2);
    put_be(out + 2, n, 2);
    if (n > 0)
        memcpy(out + 4, payload, n);
    return 4 + n;
}

size_t wire_u32_put(uint8_t *out, size_t room, uint16_t id, uint32_t value)
{
    uint8_t payload[4];
    put_be(payload, value, 4);
    return wire_frame_put(out, room, id, payload, sizeof payload);
}

size_t wire_data_put(uint8_t *out, size_t room, const void *data, size_t n, uint16_t *seed)
{
    assert(n > 0 && n <= WIRE_PACKET_BYTES && room >= 4 + n + 2);
    *seed = wire_crc(*seed, data, n);
    put_be(out, WIRE_DATA, 2);
    put_be(out + 2, n + 2, 2);
    memcpy(out + 4, data, n);
    put_be(out + 4 + n, *seed, 2);
    return 4 + n + 2;
}

size_t wire_enh_data_put(uint8_t *out, size_t room, uint32_t offset, const void *data, size_t n,
                         uint16_t *seed)
{
    assert(n > 0 && n + 6 <= UINT16_MAX && room >= 8 + n + 2);
    *seed = wire_crc(*seed, data, n);
    put_be(out, WIRE_ENH_DATA, 2);
    put_be(out + 2, n + 6, 2);
    put_be(out + 4, offset, 4);
    memcpy(out + 8, data, n);
    put_be(out + 8 + n, *seed, 2);
    return 8 + n + 2;
}

int wire_init_parse(const uint8_t data[WIRE_INIT_BYTES], struct wire_init *out, struct err *err)
{
    struct rd r = rd_init(data, WIRE_INIT_BYTES);
    uint16_t header = rd_be16(&r);
    uint16_t protocol_id = rd_be16(&r);
    uint64_t imei = rd_be64(&r);
    uint32_t settings = rd_be32(&r);
    if (header != 0)
        return err_set(err, ERR_MALFORMED, "not an INIT frame: begins with %04x", header);
    if (protocol_id == 0)
        return err_set(err, ERR_MALFORMED,
                       "not an INIT frame: protocol ID 0 (AVL stream on the camera port?)");
    if (imei < UINT64_C(10000000000000) || imei > UINT64_C(999999999999999))
        return err_set(err, ERR_MALFORMED, "INIT frame: %llu is not an IMEI",
                       (unsigned long long)imei);
    out->protocol_id = protocol_id;
    out->settings = settings;
    snprintf(out->imei, sizeof out->imei, "%015llu", (unsigned long long)imei);
    return ERR_OK;
}

void wire_init_put(uint8_t out[WIRE_INIT_BYTES], uint16_t protocol_id, uint64_t imei,
                   uint32_t settings)
{
    put_be(out, 0, 2);
    put_be(out + 2, protocol_id, 2);
    put_be(out + 4, imei, 8);
    put_be(out + 12, settings, 4);
}

const char *wire_status_text(uint32_t status)
{
    static const char *const text[] = {
        "done",
        "reconnect limit reached",
        "GPRS session close failed",
        "socket close failed",
        "aborted by the device",
        "bad answer to INIT",
        "bad answer to RESUME",
        "SD card: file cannot be created",
        "SD card: file cannot be opened",
        "SD card: write failed",
        "SD card: flush failed",
        "undefined event",
        "FOTA file cannot be created",
        "file CRC cannot be calculated",
        "configuration cannot be loaded",
        "file header is invalid",
        "bad file pointer",
        "file cannot be read (camera not configured, or the file is gone)",
        "file header is missing",
        "platform mismatch",
        "update is not allowed",
        "bad query argument",
        "XIM job failed",
        "forbidden by SPEC",
        "hardware is unsupported",
        "firmware image layout",
        "bootloader mismatch",
    };
    return status < sizeof text / sizeof *text ? text[status] : "unknown status";
}

/* ---- foreign ---- */

static const char *avl_stream(uint8_t codec)
{
    switch (codec) {
    case 0x08:
        return "a tracker's AVL stream (Codec 8); this port expects the camera link, check the "
               "tracker's server settings";
    case 0x8e:
        return "a tracker's AVL stream (Codec 8 Extended): this port is for its camera, not for "
               "its "
               "records";
    case 0x10:
        return "a tracker's AVL stream (Codec 16): this port is for its camera, not for its "
               "records";
    case 0x0c:
    case 0x0d:
    case 0x0e:
        return "a tracker's command stream (Codec 12 to 14): this port is for its camera";
    default:
        return NULL;
    }
}

/* "000f" and 15 digits: a tracker logs in to the server of its records. */
static bool avl_login(const uint8_t *data, size_t n)
{
    if (n < 6 || data[0] != 0 || data[1] != 15)
        return false;
    for (size_t i = 2; i < n && i < 17; i++)
        if (data[i] < '0' || data[i] > '9')
            return false;
    return true;
}

const char *wire_foreign_protocol(const uint8_t *data, size_t n)
{
    static const char http[] = "HTTP (browser or scanner)";
    static const struct {
        const char *bytes;
        size_t n;
        const char *who;
    } strangers[] = {
        {"GET ", 4, http},
        {"POST ", 5, http},
        {"HEAD ", 5, http},
        {"PUT ", 4, http},
        {"OPTIONS ", 8, http},
        {"CONNECT ", 8, http},
        {"PRI * ", 6, http},
        {"\x16\x03", 2, "TLS; use the TLS port, or disable TLS in the device"},
        {"SSH-", 4, "SSH"},
        {"PROXY ", 6, "a load balancer's PROXY header: switch it off there"},
        {"\r\n\r\n\0\r\nQUIT\n", 12, "a load balancer's PROXY header: switch it off there"},
        {"EHLO ", 5, "SMTP"},
        {"HELO ", 5, "SMTP"},
        {"\x03\0\0", 3, "RDP: a scanner"},
    };
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (n >= strangers[i].n && memcmp(data, strangers[i].bytes, strangers[i].n) == 0)
            return strangers[i].who;
    if (n >= 8 && data[0] == 0x10 && memcmp(data + 4, "MQTT", 4) == 0)
        return "MQTT";
    if (avl_login(data, n))
        return "a tracker's AVL login; this port expects the camera link";
    if (n >= 9 && memcmp(data, "\0\0\0", 4) == 0)
        return avl_stream(data[8]);
    return NULL;
}
