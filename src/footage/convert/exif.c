#include "exif.h"
#include "dashspool/clock.h"
#include "dashspool/reader.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TIFF_HEAD_BYTES 8 /* byte order, 42, where IFD0 is */

enum { TAG_PHOTO_IFD = 0x8769, TAG_GPS_IFD = 0x8825 };

/* Bytes of one value of a type (TIFF 6.0, section 2; 13 is Adobe's IFD). */
static size_t type_bytes(unsigned type)
{
    static const uint8_t bytes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
    return type < sizeof bytes ? bytes[type] : 0;
}

static uint32_t get(struct rd *r, bool big, size_t n)
{
    return (uint32_t)(big ? rd_be(r, n) : rd_le(r, n));
}

static void put(uint8_t *at, bool big, uint32_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[big ? n - 1 - i : i] = (uint8_t)(v >> (8 * i));
}

const struct exif_entry *exif_find(const struct exif *e, enum exif_dir dir, uint16_t tag)
{
    for (int i = 0; i < e->dir[dir].n; i++)
        if (e->dir[dir].entry[i].tag == tag)
            return &e->dir[dir].entry[i];
    return NULL;
}

uint32_t exif_number(const struct exif *e, const struct exif_entry *entry, uint32_t i)
{
    size_t n = entry->type == EXIF_RATIONAL ? 4 : type_bytes(entry->type);
    if (n > 4 || n == 0 || i >= entry->n / n)
        return 0;
    struct rd r = rd_init(entry->value + i * n, n);
    return get(&r, e->big, n);
}

int exif_orientation(const struct exif *e)
{
    const struct exif_entry *entry = exif_find(e, EXIF_IFD0, EXIF_TAG_ORIENTATION);
    if (!entry || entry->type != EXIF_SHORT || entry->count != 1)
        return 1;
    uint32_t v = exif_number(e, entry, 0);
    return v >= 1 && v <= 8 ? (int)v : 1;
}

/* Puts an entry in its place: ascending tags, each once. False: no room. */
static bool insert(struct exif *e, enum exif_dir dir, const struct exif_entry *entry)
{
    struct exif_entry *list = e->dir[dir].entry;
    int n = e->dir[dir].n, at = 0;
    while (at < n && list[at].tag < entry->tag)
        at++;
    bool replace = at < n && list[at].tag == entry->tag;
    if (!replace && n == EXIF_ENTRIES_MAX)
        return false;
    if (!replace) {
        memmove(list + at + 1, list + at, (size_t)(n - at) * sizeof *list);
        e->dir[dir].n++;
    }
    list[at] = *entry;
    return true;
}

/* One entry of 12 bytes; false if it cannot be kept. */
static bool parse_entry(const struct exif *e, struct rd *ifd, struct exif_entry *out)
{
    *out = (struct exif_entry){0};
    out->tag = (uint16_t)get(ifd, e->big, 2);
    out->type = (uint16_t)get(ifd, e->big, 2);
    out->count = get(ifd, e->big, 4);
    const uint8_t *field = rd_bytes(ifd, 4);
    size_t one = type_bytes(out->type);
    if (!field || one == 0 || out->count == 0 || out->count > e->n / one)
        return false;
    out->n = out->count * one;
    out->value = field;
    if (out->n <= 4)
        return true;
    struct rd offset = rd_init(field, 4), value = rd_init(e->tiff, e->n);
    out->offset = get(&offset, e->big, 4);
    rd_bytes(&value, out->offset);
    out->value = rd_bytes(&value, out->n);
    return out->value != NULL;
}

/* One directory; NULL, or why it cannot be read. *next is where the one behind it begins. */
static const char *parse_dir(struct exif *e, enum exif_dir dir, uint32_t at, uint32_t *next)
{
    struct rd r = rd_init(e->tiff, e->n);
    rd_bytes(&r, at);
    uint32_t entries = get(&r, e->big, 2);
    struct rd ifd = rd_sub(&r, (size_t)entries * 12);
    if (r.bad)
        return "a directory lies outside of it";
    if (entries > EXIF_ENTRIES_MAX)
        return "a directory has too many entries";
    for (uint32_t i = 0; i < entries; i++) {
        struct exif_entry entry;
        if (!parse_entry(e, &ifd, &entry) || exif_find(e, dir, entry.tag))
            e->damaged++;
        else
            insert(e, dir, &entry);
    }
    *next = get(&r, e->big, 4); /* some writers leave it out: 0 */
    return NULL;
}

/* Takes a pointer to another directory out of IFD0; exif_write() sets it anew. */
static void parse_sub(struct exif *e, enum exif_dir dir, uint16_t tag)
{
    const struct exif_entry *entry = exif_find(e, EXIF_IFD0, tag);
    uint32_t next;
    if (!entry)
        return;
    if (entry->type != EXIF_LONG || entry->count != 1 ||
        parse_dir(e, dir, exif_number(e, entry, 0), &next))
        e->damaged++;
    int i = (int)(entry - e->dir[EXIF_IFD0].entry);
    struct exif_entry *list = e->dir[EXIF_IFD0].entry;
    e->dir[EXIF_IFD0].n--;
    memmove(list + i, list + i + 1, (size_t)(e->dir[EXIF_IFD0].n - i) * sizeof *list);
}

static void parse_thumbnail(struct exif *e, uint32_t at)
{
    struct rd r = rd_init(e->tiff, e->n);
    if (at == 0)
        return;
    rd_bytes(&r, at);
    rd_bytes(&r, (size_t)get(&r, e->big, 2) * 12);
    if (r.bad || at < TIFF_HEAD_BYTES) /* the header is written anew: nothing may lie in it */
        e->damaged++;
    else
        e->thumbnail_at = at;
}

bool exif_parse(struct exif *out, const uint8_t *tiff, size_t n, const char **why)
{
    uint32_t next = 0;
    struct rd r = rd_init(tiff, n);
    const uint8_t *order = rd_bytes(&r, 2);
    *out = (struct exif){0};
    out->big = order && order[0] == 'M';
    uint32_t magic = get(&r, out->big, 2), at = get(&r, out->big, 4);
    *why = NULL;
    if (r.bad || (memcmp(order, "II", 2) != 0 && memcmp(order, "MM", 2) != 0) || magic != 42)
        *why = "it has no TIFF header";
    out->tiff = tiff;
    out->n = n;
    if (!*why)
        *why = parse_dir(out, EXIF_IFD0, at, &next);
    if (*why) {
        *out = (struct exif){0};
        return false;
    }
    parse_sub(out, EXIF_PHOTO, TAG_PHOTO_IFD);
    parse_sub(out, EXIF_GPS, TAG_GPS_IFD);
    parse_thumbnail(out, next);
    return true;
}

/* Room in the scratch for an entry; it cannot fail for what exif_set_facts() sets in an empty
 * block. In one that is full to the brim the entry is left out and counted. */
static uint8_t *set(struct exif *e, enum exif_dir dir, uint16_t tag, enum exif_type type,
                    uint32_t count, size_t n)
{
    uint8_t *at = e->scratch + e->used;
    struct exif_entry entry = {
        .tag = tag, .type = (uint16_t)type, .count = count, .value = at, .n = n, .fresh = true};
    assert(n <= sizeof e->scratch - e->used);
    if (!insert(e, dir, &entry))
        e->damaged++;
    e->used += n;
    return at;
}

void exif_set_numbers(struct exif *e, enum exif_dir dir, uint16_t tag, enum exif_type type,
                      const uint32_t *number, uint32_t n)
{
    size_t one = type == EXIF_RATIONAL ? 4 : type_bytes(type);
    uint8_t *at = set(e, dir, tag, type, type == EXIF_RATIONAL ? n / 2 : n, n * one);
    for (uint32_t i = 0; i < n; i++)
        put(at + i * one, e->big, number[i], one);
}

static void set_bytes(struct exif *e, enum exif_dir dir, uint16_t tag, enum exif_type type,
                      const void *bytes, size_t n)
{
    memcpy(set(e, dir, tag, type, (uint32_t)n, n), bytes, n);
}

void exif_set_text(struct exif *e, enum exif_dir dir, uint16_t tag, const char *text)
{
    set_bytes(e, dir, tag, EXIF_ASCII, text, strlen(text) + 1);
}

static int append_even(struct buf *out, size_t base, struct err *err)
{
    return (out->used - base) & 1 ? buf_append(out, "", 1, err) : ERR_OK;
}

/* The values of a directory that do not fit into its entries, then the directory; *at is where. */
static int write_dir(const struct exif *e, enum exif_dir dir, size_t base, uint32_t next,
                     uint32_t *at, struct err *err, struct buf *out)
{
    uint8_t table[2 + EXIF_ENTRIES_MAX * 12 + 4] = {0};
    int n = e->dir[dir].n, rc = ERR_OK;
    put(table, e->big, (uint32_t)n, 2);
    for (int i = 0; rc == ERR_OK && i < n; i++) {
        const struct exif_entry *entry = &e->dir[dir].entry[i];
        uint8_t *field = table + 2 + i * 12;
        put(field, e->big, entry->tag, 2);
        put(field + 2, e->big, entry->type, 2);
        put(field + 4, e->big, entry->count, 4);
        if (entry->n <= 4) {
            memcpy(field + 8, entry->value, entry->n);
            continue;
        }
        put(field + 8, e->big, entry->fresh ? (uint32_t)(out->used - base) : entry->offset, 4);
        if (entry->fresh)
            rc = buf_append(out, entry->value, entry->n, err);
        if (rc == ERR_OK)
            rc = append_even(out, base, err);
    }
    *at = (uint32_t)(out->used - base);
    put(table + 2 + n * 12, e->big, next, 4);
    return rc < 0 ? rc : buf_append(out, table, 2 + (size_t)n * 12 + 4, err);
}

int exif_write(const struct exif *e, struct buf *out, struct err *err)
{
    static const uint16_t pointer[EXIF_N_DIRS] = {0, TAG_PHOTO_IFD, TAG_GPS_IFD};
    size_t start = out->used, base;
    struct exif whole = *e; /* with the pointers, whose values are only known now */
    uint32_t at;
    uint8_t header[8];
    memcpy(header, e->big ? "MM" : "II", 2);
    put(header + 2, e->big, 42, 2);
    put(header + 4, e->big, 0, 4);
    int rc = buf_append(out, EXIF_HEAD, EXIF_HEAD_BYTES, err);
    base = out->used;
    if (rc == ERR_OK)
        rc = e->tiff ? buf_append(out, e->tiff, e->n, err)
                     : buf_append(out, header, sizeof header, err);
    if (rc == ERR_OK)
        rc = append_even(out, base, err);
    for (enum exif_dir dir = EXIF_PHOTO; rc == ERR_OK && dir < EXIF_N_DIRS; dir++) {
        if (e->dir[dir].n == 0)
            continue;
        rc = write_dir(e, dir, base, 0, &at, err, out);
        struct exif_entry entry = {
            .tag = pointer[dir], .type = EXIF_LONG, .count = 1, .n = 4, .fresh = true};
        entry.value = whole.scratch + whole.used;
        assert(whole.used + 4 <= sizeof whole.scratch);
        put(whole.scratch + whole.used, e->big, at, 4);
        whole.used += 4;
        if (rc == ERR_OK && !insert(&whole, EXIF_IFD0, &entry))
            rc = err_set(err, ERR_LIMIT, "the EXIF data has no room for another entry");
    }
    if (rc == ERR_OK)
        rc = write_dir(&whole, EXIF_IFD0, base, e->thumbnail_at, &at, err, out);
    if (rc == ERR_OK && out->used - start > EXIF_BYTES_MAX)
        rc = err_set(err, ERR_LIMIT, "the EXIF data has no room for more");
    if (rc == ERR_OK)
        put(out->mem + out->start + base + 4, e->big, at, 4);
    return rc;
}

/* ---- what is known of the transfer ---- */

/* Names and numbers: CIPA DC-008-2019, tables 4, 7, 8, 13 and 15. */
enum {
    TAG_MAKE = 0x010f,
    TAG_MODEL = 0x0110,
    TAG_X_RESOLUTION = 0x011a,
    TAG_Y_RESOLUTION = 0x011b,
    TAG_RESOLUTION_UNIT = 0x0128,
    TAG_SOFTWARE = 0x0131,
    TAG_YCBCR_POSITIONING = 0x0213,
    TAG_EXIF_VERSION = 0x9000,
    TAG_DATE_TIME_ORIGINAL = 0x9003,
    TAG_OFFSET_TIME_ORIGINAL = 0x9011,
    TAG_COMPONENTS = 0x9101,
    TAG_USER_COMMENT = 0x9286,
    TAG_SUB_SEC_TIME_ORIGINAL = 0x9291,
    TAG_FLASHPIX_VERSION = 0xa000,
    TAG_COLOR_SPACE = 0xa001,
    TAG_PIXEL_X = 0xa002,
    TAG_PIXEL_Y = 0xa003,
    TAG_GPS_VERSION = 0,
    TAG_GPS_LATITUDE_REF = 1,
    TAG_GPS_LATITUDE = 2,
    TAG_GPS_LONGITUDE_REF = 3,
    TAG_GPS_LONGITUDE = 4,
    TAG_GPS_TIME = 7,
    TAG_GPS_DATE = 29,
};

static void set_number(struct exif *e, enum exif_dir dir, uint16_t tag, enum exif_type type,
                       uint32_t v)
{
    exif_set_numbers(e, dir, tag, type, &v, 1);
}

static void set_gps_version(struct exif *e)
{
    if (!exif_find(e, EXIF_GPS, TAG_GPS_VERSION))
        set_bytes(e, EXIF_GPS, TAG_GPS_VERSION, EXIF_BYTE, "\2\3\0\0", 4);
}

/* Degrees, minutes and seconds to 1/10000 (3 mm). */
static void set_angle(struct exif *e, uint16_t ref, double deg, const char *positive,
                      const char *negative)
{
    uint32_t unit = 10000, all = (uint32_t)llround(fabs(deg) * 3600 * unit);
    uint32_t number[6] = {all / unit / 3600, 1, all / unit / 60 % 60, 1, all % (60 * unit), unit};
    exif_set_text(e, EXIF_GPS, ref, deg < 0 ? negative : positive);
    exif_set_numbers(e, EXIF_GPS, (uint16_t)(ref + 1), EXIF_RATIONAL, number, 6);
}

static void set_time(struct exif *e, const struct media_facts *facts)
{
    char text[64], zone[CLOCK_TEXT_ROOM];
    int tz_min = facts->has_zone ? facts->tz_min : 0;
    struct clock_civil local = clock_civil_from_utc(facts->start_utc_us, tz_min);
    struct clock_civil utc = clock_civil_from_utc(facts->start_utc_us, 0);
    if (!facts->has_time || utc.year < 1900 || utc.year > 9998) /* the fields have four digits */
        return;
    snprintf(text, sizeof text, "%04d:%02d:%02d %02d:%02d:%02d", local.year, local.month, local.day,
             local.hour, local.minute, local.second);
    exif_set_text(e, EXIF_PHOTO, TAG_DATE_TIME_ORIGINAL, text);
    snprintf(text, sizeof text, "%03d", local.us / 1000);
    exif_set_text(e, EXIF_PHOTO, TAG_SUB_SEC_TIME_ORIGINAL, text);
    clock_zone(tz_min, zone);
    /* OffsetTimeOriginal came with Exif 2.31. */
    const struct exif_entry *version = exif_find(e, EXIF_PHOTO, TAG_EXIF_VERSION);
    if (!version || version->n != 4 || memcmp(version->value, "0231", 4) < 0)
        set_bytes(e, EXIF_PHOTO, TAG_EXIF_VERSION, EXIF_UNDEFINED, "0232", 4);
    exif_set_text(e, EXIF_PHOTO, TAG_OFFSET_TIME_ORIGINAL, zone);
    uint32_t time[6] = {(uint32_t)utc.hour,
                        1,
                        (uint32_t)utc.minute,
                        1,
                        (uint32_t)(utc.second * 1000 + utc.us / 1000),
                        1000};
    set_gps_version(e);
    exif_set_numbers(e, EXIF_GPS, TAG_GPS_TIME, EXIF_RATIONAL, time, 6);
    snprintf(text, sizeof text, "%04d:%02d:%02d", utc.year, utc.month, utc.day);
    exif_set_text(e, EXIF_GPS, TAG_GPS_DATE, text);
}

static void set_origin(struct exif *e, const struct media_facts *facts)
{
    char text[256];
    exif_set_text(e, EXIF_IFD0, TAG_SOFTWARE, "dashspool " DASHSPOOL_VERSION);
    if (facts->imei[0] || facts->camera[0]) {
        exif_set_text(e, EXIF_IFD0, TAG_MAKE, "Teltonika");
        exif_set_text(e, EXIF_IFD0, TAG_MODEL, "DualCam");
    }
    snprintf(text, sizeof text, "%s%s%s%s%s%s", facts->id[0] ? "transfer " : "", facts->id,
             facts->imei[0] ? " IMEI " : "", facts->imei, facts->camera[0] ? " camera " : "",
             facts->camera);
    if (!text[0])
        return;
    uint8_t comment[8 + sizeof text] = "ASCII"; /* and three 0: DC-008, table 9 */
    size_t n = strlen(text), skip = text[0] == ' ';
    for (size_t i = skip; i < n; i++)
        comment[8 + i - skip] = (uint8_t)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    set_bytes(e, EXIF_PHOTO, TAG_USER_COMMENT, EXIF_UNDEFINED, comment, 8 + n - skip);
}

void exif_set_facts(struct exif *e, const struct media_facts *facts, int width_px, int height_px)
{
    /* What DC-008 makes mandatory (4.6.8), in directories that are new. */
    static const uint32_t dpi[2] = {72, 1};
    if (e->dir[EXIF_IFD0].n == 0) {
        set_number(e, EXIF_IFD0, EXIF_TAG_ORIENTATION, EXIF_SHORT, 1);
        exif_set_numbers(e, EXIF_IFD0, TAG_X_RESOLUTION, EXIF_RATIONAL, dpi, 2);
        exif_set_numbers(e, EXIF_IFD0, TAG_Y_RESOLUTION, EXIF_RATIONAL, dpi, 2);
        set_number(e, EXIF_IFD0, TAG_RESOLUTION_UNIT, EXIF_SHORT, 2); /* inches */
        set_number(e, EXIF_IFD0, TAG_YCBCR_POSITIONING, EXIF_SHORT, 1);
    }
    if (e->dir[EXIF_PHOTO].n == 0) {
        set_bytes(e, EXIF_PHOTO, TAG_EXIF_VERSION, EXIF_UNDEFINED, "0232", 4);
        set_bytes(e, EXIF_PHOTO, TAG_COMPONENTS, EXIF_UNDEFINED, "\1\2\3\0", 4);
        set_bytes(e, EXIF_PHOTO, TAG_FLASHPIX_VERSION, EXIF_UNDEFINED, "0100", 4);
        set_number(e, EXIF_PHOTO, TAG_COLOR_SPACE, EXIF_SHORT, 1); /* sRGB, which JFIF means */
        set_number(e, EXIF_PHOTO, TAG_PIXEL_X, EXIF_LONG, (uint32_t)width_px);
        set_number(e, EXIF_PHOTO, TAG_PIXEL_Y, EXIF_LONG, (uint32_t)height_px);
    }
    set_origin(e, facts);
    set_time(e, facts);
    if (!facts->has_position || !(fabs(facts->lat_deg) <= 90) || !(fabs(facts->lon_deg) <= 180))
        return;
    set_gps_version(e);
    set_angle(e, TAG_GPS_LATITUDE_REF, facts->lat_deg, "N", "S");
    set_angle(e, TAG_GPS_LONGITUDE_REF, facts->lon_deg, "E", "W");
}
