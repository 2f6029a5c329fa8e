#include "dashspool/clock.h"
#include "exif.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* What DC-008 makes mandatory (4.6.8), in directories that are new. */
static void set_mandatory(struct exif *e, int width_px, int height_px)
{
    static const uint32_t dpi[2] = {72, 1};
    if (e->dir[EXIF_IFD0].n == 0) {
        set_number(e, EXIF_IFD0, EXIF_TAG_ORIENTATION, EXIF_SHORT, 1);
        exif_set_numbers(e, EXIF_IFD0, TAG_X_RESOLUTION, EXIF_RATIONAL, dpi, 2);
        exif_set_numbers(e, EXIF_IFD0, TAG_Y_RESOLUTION, EXIF_RATIONAL, dpi, 2);
        set_number(e, EXIF_IFD0, TAG_RESOLUTION_UNIT, EXIF_SHORT, 2); /* inches */
        set_number(e, EXIF_IFD0, TAG_YCBCR_POSITIONING, EXIF_SHORT, 1);
    }
    if (e->dir[EXIF_PHOTO].n == 0) {
        exif_set_bytes(e, EXIF_PHOTO, TAG_EXIF_VERSION, EXIF_UNDEFINED, "0232", 4);
        exif_set_bytes(e, EXIF_PHOTO, TAG_COMPONENTS, EXIF_UNDEFINED, "\1\2\3\0", 4);
        exif_set_bytes(e, EXIF_PHOTO, TAG_FLASHPIX_VERSION, EXIF_UNDEFINED, "0100", 4);
        set_number(e, EXIF_PHOTO, TAG_COLOR_SPACE, EXIF_SHORT, 1); /* sRGB, which JFIF means */
        set_number(e, EXIF_PHOTO, TAG_PIXEL_X, EXIF_LONG, (uint32_t)width_px);
        set_number(e, EXIF_PHOTO, TAG_PIXEL_Y, EXIF_LONG, (uint32_t)height_px);
    }
}

static void set_gps_version(struct exif *e)
{
    if (!exif_find(e, EXIF_GPS, TAG_GPS_VERSION))
        exif_set_bytes(e, EXIF_GPS, TAG_GPS_VERSION, EXIF_BYTE, "\2\3\0\0", 4);
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

static void set_position(struct exif *e, const struct media_facts *facts)
{
    if (!facts->has_position || !(fabs(facts->lat_deg) <= 90) || !(fabs(facts->lon_deg) <= 180))
        return;
    set_gps_version(e);
    set_angle(e, TAG_GPS_LATITUDE_REF, facts->lat_deg, "N", "S");
    set_angle(e, TAG_GPS_LONGITUDE_REF, facts->lon_deg, "E", "W");
}

/* OffsetTimeOriginal came with Exif 2.31. */
static void raise_version(struct exif *e)
{
    const struct exif_entry *version = exif_find(e, EXIF_PHOTO, TAG_EXIF_VERSION);
    if (!version || version->n != 4 || memcmp(version->value, "0231", 4) < 0)
        exif_set_bytes(e, EXIF_PHOTO, TAG_EXIF_VERSION, EXIF_UNDEFINED, "0232", 4);
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
    raise_version(e);
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
    exif_set_bytes(e, EXIF_PHOTO, TAG_USER_COMMENT, EXIF_UNDEFINED, comment, 8 + n - skip);
}

void exif_set_facts(struct exif *e, const struct media_facts *facts, int width_px, int height_px)
{
    set_mandatory(e, width_px, height_px);
    set_origin(e, facts);
    set_time(e, facts);
    set_position(e, facts);
}
