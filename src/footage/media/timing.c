#include "timing.h"
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FPS_MAX 1000.0

/* What each source is called, and how it comes to its rate. */
static const struct {
    const char *name, *text;
} sources[MEDIA_N_SOURCES] = {
    [MEDIA_SOURCE_PTMF] = {"capture times", "capture times of the camera's records, first to last"},
    [MEDIA_SOURCE_META] = {"metadata rate", "nominal rate in the metadata"},
    [MEDIA_SOURCE_HEADER] = {"header rate", "nominal rate in the headers of the camera's records"},
    [MEDIA_SOURCE_PERSON] = {"given rate", "given by a person (--fps)"},
    [MEDIA_SOURCE_LENGTH] = {"pictures over length",
                             "number of pictures by the length in the metadata, whole seconds"},
    [MEDIA_SOURCE_STREAM] = {"stream rate", "timing in the H.265 stream, often wrong"},
    [MEDIA_SOURCE_DEFAULT] = {"default rate", "configured default, no witness"},
};

const char *media_source_name(enum media_source source)
{
    return source < MEDIA_N_SOURCES ? sources[source].name : "unknown";
}

const char *timing_source_text(enum media_source source)
{
    return source < MEDIA_N_SOURCES ? sources[source].text : "unknown";
}

/* How far a source's rate is from the chosen one, as a part of it; 0 if it says nothing. */
static double deviation(const struct media_timing *t, int source)
{
    double chosen = t->fps[t->chosen], fps = t->fps[source];
    return fps > 0 && chosen > 0 ? fabs(fps - chosen) / chosen : 0;
}

bool media_timing_contradicts(const struct media_timing *t, enum media_source source)
{
    if (source == MEDIA_SOURCE_DEFAULT || !(deviation(t, (int)source) > TIMING_DISAGREE))
        return false;
    double length_s = (double)t->pictures / t->fps[source];
    return source != MEDIA_SOURCE_LENGTH ||
           fabs(length_s - (double)t->pictures / t->fps[t->chosen]) > 1;
}

static double sane(double fps)
{
    return isfinite(fps) && fps > 0 && fps <= FPS_MAX ? fps : 0;
}

void timing_select(const struct timing_facts *facts, struct media_timing *out)
{
    double *fps = out->fps;
    int64_t span_us = facts->last_us - facts->first_us;
    *out = (struct media_timing){.chosen = MEDIA_SOURCE_DEFAULT};
    if (facts->has_ptmf && span_us > 0)
        fps[MEDIA_SOURCE_PTMF] = sane((double)(facts->pictures - 1) * 1e6 / (double)span_us);
    fps[MEDIA_SOURCE_META] = sane(facts->meta_fps);
    fps[MEDIA_SOURCE_HEADER] = sane(facts->header_fps);
    fps[MEDIA_SOURCE_PERSON] = sane(facts->person_fps);
    if (facts->length_s > 0)
        fps[MEDIA_SOURCE_LENGTH] = sane((double)facts->pictures / facts->length_s);
    fps[MEDIA_SOURCE_STREAM] = sane(facts->stream_fps);

    int i = 0; /* one picture has a time though no rate */
    while (i < MEDIA_SOURCE_DEFAULT && fps[i] == 0 && !(facts->has_ptmf && i == 0))
        i++;
    out->chosen = (enum media_source)i;
    if (i == MEDIA_SOURCE_DEFAULT)
        fps[i] = sane(facts->default_fps) > 0 ? facts->default_fps : 25;
    out->pictures = facts->pictures;
    out->duration_us = fps[i] > 0 ? timing_constant_us(out->pictures, fps[i]) : 0;
    for (int k = 0; k < MEDIA_SOURCE_DEFAULT; k++)
        out->disagree = out->disagree || media_timing_contradicts(out, (enum media_source)k);
}

/* Appends to a line of text; what does not fit is cut. */
static void DS_PRINTF(3, 4) add(char *out, size_t room, const char *fmt, ...)
{
    size_t used = strlen(out);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out + used, room - used, fmt, ap);
    va_end(ap);
}

/* Three digits of the fraction at most, no zeros at the end, a point in every locale. */
static void add_rate(char *out, size_t room, const char *before, double fps, int places,
                     const char *behind)
{
    char digits[8];
    int64_t milli = llround(fps * 1000);
    if (places == 2)
        milli = (milli + 5) / 10 * 10;
    snprintf(digits, sizeof digits, ".%03d", (int)(milli % 1000));
    for (size_t k = strlen(digits); k > 0 && strchr("0.", digits[k - 1]); k--)
        digits[k - 1] = '\0';
    add(out, room, "%s%" PRId64 "%s%s", before, milli / 1000, digits, behind);
}

void media_timing_text(const struct media_timing *t, char *out, size_t room)
{
    out[0] = '\0';
    for (int k = 0; k < MEDIA_N_SOURCES; k++) {
        if (t->fps[k] <= 0)
            continue;
        add(out, room, "%s%s", out[0] ? ", " : "", media_source_name((enum media_source)k));
        add_rate(out, room, " ", t->fps[k], 3, "");
    }
}

const char *media_timing_of(const struct media_timing *t, char out[MEDIA_OF_ROOM])
{
    out[0] = '\0';
    if (t->recording > 0)
        snprintf(out, MEDIA_OF_ROOM, " (recording %d of %d)", (int)t->recording,
                 (int)t->recordings);
    return out;
}

/* A claim about the rate alone, unless the metadata make the same. */
static void add_claim(const struct media_timing *t, enum media_source source, const char *who,
                      char *out)
{
    bool said = source == MEDIA_SOURCE_HEADER && media_timing_contradicts(t, MEDIA_SOURCE_META) &&
                t->fps[source] == t->fps[MEDIA_SOURCE_META];
    if (!media_timing_contradicts(t, source) || said)
        return;
    add(out, MEDIA_DISPUTE_ROOM, "%s%s", out[0] ? ", " : "", who);
    add_rate(out, MEDIA_DISPUTE_ROOM, " ", t->fps[source], 2, "/s");
}

void media_timing_dispute(const struct media_timing *t, char out[MEDIA_DISPUTE_ROOM])
{
    double meta = t->fps[MEDIA_SOURCE_META], length = t->fps[MEDIA_SOURCE_LENGTH];
    char claim[MEDIA_DISPUTE_ROOM] = "";
    out[0] = '\0';
    if (media_timing_contradicts(t, MEDIA_SOURCE_META) ||
        media_timing_contradicts(t, MEDIA_SOURCE_LENGTH)) {
        add(claim, sizeof claim, "announced");
        if (length > 0)
            add(claim, sizeof claim, " %" PRId64 " s",
                (int64_t)llround((double)t->pictures / length));
        if (meta > 0)
            add_rate(claim, sizeof claim, " at ", meta, 2, "/s");
    }
    if (t->fps[MEDIA_SOURCE_HEADER] == t->fps[MEDIA_SOURCE_STREAM] && !claim[0]) {
        add_claim(t, MEDIA_SOURCE_HEADER, "the record headers and the stream say", claim);
    } else {
        add_claim(t, MEDIA_SOURCE_HEADER, "the record headers say", claim);
        add_claim(t, MEDIA_SOURCE_STREAM, "the stream says", claim);
    }
    add_claim(t, MEDIA_SOURCE_PERSON, "given as", claim);
    if (!claim[0])
        return;
    if (t->recording > 0)
        add(out, MEDIA_DISPUTE_ROOM, "Recording %d of %d: %s", (int)t->recording,
            (int)t->recordings, claim);
    else
        add(out, MEDIA_DISPUTE_ROOM, "%c%s", toupper((unsigned char)claim[0]), claim + 1);
    int64_t tenths = (t->duration_us + 50000) / 100000;
    if (t->chosen == MEDIA_SOURCE_PTMF) {
        add(out, MEDIA_DISPUTE_ROOM, ", holds %" PRId64 ".%d s", tenths / 10, (int)(tenths % 10));
        add_rate(out, MEDIA_DISPUTE_ROOM, " at ", t->fps[t->chosen], 2, "/s");
    } else {
        add_rate(out, MEDIA_DISPUTE_ROOM, ", taken as ", t->fps[t->chosen], 2, "/s");
        add(out, MEDIA_DISPUTE_ROOM, " (%s)", media_source_name(t->chosen));
    }
    if (t->recording > 0 && t->disputed > 1)
        add(out, MEDIA_DISPUTE_ROOM, "; in dispute in %d recordings", (int)t->disputed);
}

int64_t timing_constant_us(int64_t n, double fps)
{
    return (int64_t)llround((double)n * 1e6 / fps);
}

static bool sane_step(int64_t step_us)
{
    return step_us >= TIMING_STEP_MIN_US && step_us <= TIMING_JUMP_US;
}

int timing_by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int timing_median_step_us(const int64_t *times_us, int64_t n, int64_t *out, struct err *err)
{
    size_t steps = 0;
    *out = 0;
    if (n < 2)
        return ERR_OK;
    int64_t *step = malloc((size_t)n * sizeof *step);
    if (!step)
        return err_nomem(err, "%" PRId64 " picture times", n);
    for (int64_t i = 1; i < n; i++)
        if (sane_step(times_us[i] - times_us[i - 1]))
            step[steps++] = times_us[i] - times_us[i - 1];
    if (steps > 0) {
        qsort(step, steps, sizeof *step, timing_by_value);
        *out = step[steps / 2];
    }
    free(step);
    return ERR_OK;
}

/* ---- can these be the times of a camera? ---- */

#define UNIT_NEAR 1.6 /* times: what is impossible is so near to what the unit would make of it */
#define STEPS_MIN 8   /* fewer pictures with more than a second between may be around a gap */

/* Microseconds of what a program may count instead. */
static const struct unit {
    const char *name;
    int64_t num, den;
} units[] = {
    {"seconds", 1000000, 1},
    {"milliseconds", 1000, 1},
    {"ticks of a 90 kHz clock", 100, 9},
    {"nanoseconds", 1, 1000},
};

/* `times` times as fast as `fps`, within a factor of near. */
static bool is_times(double rate, double fps, double times, double near)
{
    return fps <= 0 || (rate <= fps * times * near && fps * times <= rate * near);
}

/* Its step as microseconds, 0: nobody can tell; *rising: of how many of the n - 1 steps. */
static double typical_step(const int64_t *times_us, int64_t n, int64_t *step, int64_t *rising)
{
    int64_t still = 0, ones = 0;
    *rising = 0;
    for (int64_t i = 1; i < n; i++) {
        int64_t d = times_us[i] - times_us[i - 1];
        still += d == 0;
        ones += d == 1;
        if (d > 0)
            step[(*rising)++] = d;
    }
    if (*rising * 2 > n - 1) {
        qsort(step, (size_t)*rising, sizeof *step, timing_by_value);
        int64_t middle = *rising / 2;
        return (double)step[middle];
    }
    if (ones == 0 || (still + ones) * 2 <= n - 1)
        return 0;
    *rising = still + ones; /* coarse, but it goes on */
    return (double)ones / (double)(still + ones);
}

int timing_judge_clock(const int64_t *times_us, int64_t n, double header_fps, double stream_fps,
                       struct timing_clock *out, struct err *err)
{
    *out = (struct timing_clock){.usable = true, .rises = true, .num = 1, .den = 1};
    if (n < 2)
        return ERR_OK;
    int64_t rising, *steps = malloc((size_t)n * sizeof *steps);
    if (!steps)
        return err_nomem(err, "%" PRId64 " picture times", n);
    double step_us = typical_step(times_us, n, steps, &rising);
    free(steps);
    out->rises = step_us > 0;
    out->fps = step_us > 0 ? 1e6 / step_us : 0;
    bool fast = out->fps > TIMING_FPS_MAX * (1 + TIMING_DISAGREE);
    bool slow = out->fps > 0 && out->fps < TIMING_FPS_MIN * (1 - TIMING_DISAGREE);
    double near = fast || slow ? UNIT_NEAR : 1 + TIMING_DISAGREE;
    for (size_t i = 0; i < sizeof units / sizeof *units && out->rises && !out->unit; i++) {
        double times = (double)units[i].num / (double)units[i].den;
        if (!(header_fps > 0 || stream_fps > 0) || !is_times(out->fps, header_fps, times, near) ||
            !is_times(out->fps, stream_fps, times, near))
            continue;
        out->unit = units[i].name;
        out->num = units[i].num;
        out->den = units[i].den;
    }
    out->usable = out->rises && !fast && !(slow && rising >= STEPS_MIN) && !out->unit;
    return ERR_OK;
}

/* ---- the repair ---- */

struct repairing {
    int64_t *t; /* repaired before i, as recorded from i on */
    int64_t n, step_us;
    int64_t offset_us; /* repaired less recorded, of the clock in force */
    uint8_t *kind;     /* may be NULL */
    struct timing_repair result;
};

/* Puts the times from..to-1 between their neighbours, a nominal step apart where there is room. */
static void place(struct repairing *r, int64_t from, int64_t to, int64_t until_us)
{
    int64_t room = (until_us - r->t[from - 1]) / (to - from + 1);
    for (int64_t k = from; k < to; k++)
        r->t[k] = r->t[k - 1] + (room < r->step_us ? room : r->step_us);
}

/* Room for `steps` steps, and how far from even they are. */
static bool fits(const struct repairing *r, int64_t span_us, int64_t steps, int64_t *cost_us)
{
    *cost_us = llabs(span_us - steps * r->step_us);
    return span_us >= steps * TIMING_STEP_MIN_US && span_us <= TIMING_JUMP_US;
}

/* The times from i on stray, and the clock is back at the result: as if nothing had been. A clock
 * that goes on evenly on its new time has jumped instead. 0: it does not come back. */
static int64_t back_at(const struct repairing *r, int64_t i, int64_t *cost_us)
{
    bool goes_on = true;
    for (int64_t j = i + 1; j < r->n && j <= i + TIMING_AWAY; j++) {
        int64_t span = r->t[j] + r->offset_us - r->t[i - 1], steps = j - i + 1;
        int64_t on_us = llabs(r->t[j] - r->t[i] - (steps - 1) * r->step_us);
        goes_on = goes_on && sane_step(r->t[j] - r->t[j - 1]);
        if (fits(r, span, steps, cost_us) &&
            (goes_on ? *cost_us <= on_us : *cost_us <= steps * r->step_us / 2))
            return j;
    }
    return 0;
}

/* Time i is right, and those from the result to i - 1 were ahead of it. 0: that is not so. */
static int64_t ahead_from(const struct repairing *r, int64_t i, int64_t *cost_us)
{
    for (int64_t p = i - 1; p > 0 && p >= i - TIMING_AWAY; p--)
        if (fits(r, r->t[i] + r->offset_us - r->t[p - 1], i - p + 1, cost_us) &&
            *cost_us < r->step_us)
            return p;
    return 0;
}

static void note(struct repairing *r, enum timing_anomaly kind, int64_t at, int64_t n,
                 int64_t step_us)
{
    struct timing_repair *x = &r->result;
    for (int64_t i = at; r->kind && i < at + n; i++)
        r->kind[i] = (uint8_t)kind;
    if (x->first < 0 || at < x->first) {
        x->first = at;
        x->kind = kind;
        x->step_us = step_us;
    }
    x->changed += n;
    x->wraps += kind == TIMING_WRAPPED;
    x->jumps += kind == TIMING_JUMPED;
}

/* Time i cannot be true. Returns the index of the next one to look at. */
static int64_t repair_times(struct repairing *r, int64_t i, int64_t step_us)
{
    int64_t *t = r->t, back_us = 0, ahead_us = 0;
    if (sane_step(step_us + TIMING_WRAP_US) && t[i] >= 0 && t[i] <= TIMING_JUMP_US) {
        note(r, TIMING_WRAPPED, i, 1, step_us);
        r->offset_us += TIMING_WRAP_US;
        t[i] += r->offset_us;
        return i + 1;
    }
    int64_t back = back_at(r, i, &back_us);
    int64_t ahead = step_us < TIMING_STEP_MIN_US ? ahead_from(r, i, &ahead_us) : 0;
    if (ahead && (!back || ahead_us < back_us)) {
        note(r, TIMING_STRAYED, ahead, i - ahead, t[ahead] - t[ahead - 1]);
        t[i] += r->offset_us;
        place(r, ahead, i, t[i]);
        return i + 1;
    }
    if (back) {
        note(r, TIMING_STRAYED, i, back - i, step_us);
        place(r, i, back, t[back] + r->offset_us);
        return back;
    }
    note(r, TIMING_JUMPED, i, 1, step_us);
    r->offset_us = t[i - 1] + r->step_us - t[i];
    t[i] = t[i - 1] + r->step_us;
    return i + 1;
}

struct timing_repair timing_repair(int64_t *times_us, int64_t n, int64_t step_us, uint8_t *kind)
{
    struct repairing r = {.t = times_us, .n = n, .step_us = step_us, .kind = kind};
    if (step_us < TIMING_STEP_MIN_US)
        r.step_us = 40000;
    r.result.first = -1;
    for (int64_t i = 0; kind && i < n; i++)
        kind[i] = TIMING_SANE;
    for (int64_t i = 1; i < n;) {
        int64_t step = times_us[i] + r.offset_us - times_us[i - 1];
        if (sane_step(step)) {
            times_us[i] += r.offset_us;
            i++;
        } else {
            i = repair_times(&r, i, step);
        }
    }
    return r.result;
}

/* ---- the time of day ---- */

#define S_US           INT64_C(1000000)
#define META_ERROR_US  (S_US + S_US / 10)
#define CLIP_LENGTH_US TIMING_JUMP_US /* when nothing tells the length */

/* Metadata: is its time the start of the clip? */
static int64_t meta_error(const struct media_facts *f, int64_t duration_us, const char **why)
{
    int64_t length_us = f->length_s > 0 ? f->length_s * S_US : duration_us;
    if (strcmp(f->trigger, "request") == 0) {
        *why = W_("whole seconds; clips that were asked for begin within 0.1 s of it");
        return META_ERROR_US;
    }
    if (f->has_trigger_time && f->trigger_utc_us > f->start_utc_us + S_US) {
        *why = W_("whole seconds; before the trigger, so the start of the clip");
        return META_ERROR_US;
    }
    *why = W_("taken as the start of the clip; of a clip made by a trigger it can be the end");
    return META_ERROR_US + (length_us > 0 ? length_us : CLIP_LENGTH_US);
}

static int64_t source_error(const struct media_facts *f, bool photo, int64_t duration_us,
                            const char *source, const char **why)
{
    static const struct {
        const char *source;
        int64_t error_us;
        const char *why, *why_photo;
    } known[] = {
        {TIMING_NAME, S_US, W_("whole seconds of the name, taken as the start of the clip"),
         W_("whole seconds of the name, taken as the time of the photo")},
        {TIMING_NAME_UTC, 14 * 3600 * S_US, W_("the name tells no time zone and none was given"),
         W_("the name tells no time zone and none was given")},
        {TIMING_NAME_UPLOAD, 24 * 3600 * S_US,
         W_("the name tells when the camera connected: later than the clip"),
         W_("the name tells when the camera connected: later than the photo")},
    };
    if (f->time_error_us > 0) {
        *why = W_("stated with the time");
        return f->time_error_us;
    }
    if (strcmp(source, "metadata") == 0 && photo) {
        *why = W_("whole seconds; taken as the time of the photo");
        return META_ERROR_US;
    }
    if (strcmp(source, "metadata") == 0)
        return meta_error(f, duration_us, why);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(source, known[i].source) == 0) {
            *why = photo ? known[i].why_photo : known[i].why;
            return known[i].error_us;
        }
    if (strcmp(source, MEDIA_TIME_TOLD) == 0) {
        *why = W_("as a person told it on import; no file and no camera tells it");
        return f->start_utc_us % (60 * S_US) ? S_US : 60 * S_US;
    }
    *why = W_("as given");
    return f->start_utc_us % S_US ? S_US / 10 : S_US;
}

/* What a constant rate adds at offset_us; *why is for a person. */
static int64_t rate_error(const struct media_timing *t, int64_t offset_us, const char **why)
{
    double worst = 0, fps = t->fps[t->chosen];
    *why = "";
    if (t->chosen == MEDIA_SOURCE_PTMF || fps <= 0)
        return 0;
    for (int k = 0; k < MEDIA_SOURCE_DEFAULT; k++) /* time goes as 1 / rate */
        if (t->fps[k] > 0 && fabs(fps / t->fps[k] - 1) > worst)
            worst = fabs(fps / t->fps[k] - 1);
    *why = "; constant rate: half a picture step";
    if (t->chosen == MEDIA_SOURCE_DEFAULT)
        worst = 1, *why = "; nothing tells the rate";
    else if (t->disagree)
        *why = "; the rate is in dispute";
    return llround(0.5e6 / fps + worst * fabs((double)offset_us));
}

struct media_wall timing_wall(const struct media_facts *facts, const struct media_timing *timing,
                              int64_t duration_us, int64_t offset_us)
{
    struct media_wall w = {.known = facts->has_time};
    const char *why = "", *rate = "";
    if (!w.known)
        return w;
    snprintf(w.source, sizeof w.source, "%s",
             facts->time_source[0] ? facts->time_source : "metadata");
    w.utc_us = facts->start_utc_us + offset_us;
    w.error_us = source_error(facts, !timing, duration_us, w.source, &why);
    if (timing)
        w.error_us += rate_error(timing, offset_us, &rate);
    snprintf(w.why, sizeof w.why, "%s%s", why, rate);
    return w;
}

/* ---- names ---- */

#define YEAR_FIRST 2015 /* before there were such cameras */
#define DAY_US     (INT64_C(86400) * 1000000)

enum zone { LOCAL, UTC, UPLOAD };

/* Y: four digits; y: the last two of 20xx; M D h m s: two; anything else: itself. Longer ones
 * before their beginnings. */
static const struct {
    const char *pattern;
    enum zone zone;
} patterns[] = {
    {"YMDThmsZ", UTC},      {"Y-M-DTh-m-sZ", UTC},  {"Y-M-Dhms", UPLOAD},   {"YMDThms", LOCAL},
    {"YMD_hms", LOCAL},     {"YMD-hms", LOCAL},     {"YMD hms", LOCAL},     {"YMDhms", LOCAL},
    {"Y-M-D h-m-s", LOCAL}, {"Y-M-D_h-m-s", LOCAL}, {"Y-M-DTh-m-s", LOCAL}, {"Y-M-D-h-m-s", LOCAL},
    {"Y-M-D h.m.s", LOCAL}, {"Y-M-D_hms", LOCAL},   {"Y_M_D_h_m_s", LOCAL}, {"Y-M-DTh_m_sZ", UTC},
    {"Y-M-DTh_m_s", LOCAL}, {"Y_MD_hms", LOCAL},    {"D.M.Y h-m-s", LOCAL}, {"D.M.Y_h-m-s", LOCAL},
    {"yMD_hms", LOCAL},
};

/* n digits at p as a number; -1 if they are not all digits. */
static int64_t number(const char *p, int n)
{
    int64_t v = 0;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)p[i]))
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

/* A date and time as the pattern says at p, no digit behind it. */
static bool match(const char *p, const char *pattern, int tz_min, int64_t *utc_us)
{
    static const char letters[] = "YMDhmsy";
    int part[7] = {0};
    char text[80];
    struct err err;
    for (; *pattern; pattern++) {
        const char *letter = strchr(letters, *pattern);
        int n = *pattern == 'Y' ? 4 : letter ? 2 : 1;
        int64_t v = letter ? number(p, n) : 0;
        if (v < 0 || (!letter && *p != *pattern))
            return false;
        if (letter)
            part[letter - letters] = (int)v;
        p += n;
    }
    if (part[6] > 0)
        part[0] = 2000 + part[6];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", part[0], part[1], part[2], part[3],
             part[4], part[5]);
    return !isdigit((unsigned char)*p) && clock_parse(text, tz_min, utc_us, NULL, &err) == ERR_OK;
}

static bool plausible(int64_t utc_us, int64_t now_us)
{
    return clock_civil_from_utc(utc_us, 0).year >= YEAR_FIRST && utc_us <= now_us + DAY_US;
}

/* A run of 10 or 13 digits. */
static bool unix_time(const char *p, int64_t *utc_us)
{
    size_t n = strspn(p, "0123456789");
    if (n != 10 && n != 13)
        return false;
    *utc_us = number(p, (int)n) * (n == 10 ? 1000000 : 1000);
    return true;
}

bool timing_from_name(const char *name, const int *tz_min, int64_t now_us, int64_t *utc_us,
                      const char **source)
{
    static const size_t n = sizeof patterns / sizeof *patterns;
    for (const char *p = name; *p; p++) {
        if (!isdigit((unsigned char)*p) || (p > name && isdigit((unsigned char)p[-1])))
            continue;
        for (size_t i = 0; i < n; i++) {
            bool local = patterns[i].zone == LOCAL;
            if (!match(p, patterns[i].pattern, local && tz_min ? *tz_min : 0, utc_us) ||
                !plausible(*utc_us, now_us))
                continue;
            *source = patterns[i].zone == UPLOAD ? TIMING_NAME_UPLOAD
                      : local && !tz_min         ? TIMING_NAME_UTC
                                                 : TIMING_NAME;
            return true;
        }
        if (unix_time(p, utc_us) && plausible(*utc_us, now_us)) {
            *source = TIMING_NAME;
            return true;
        }
    }
    return false;
}

/* The folder that a path is in, if it is 15 digits. */
static bool folder_imei(const char *path, char imei[16])
{
    const char *slash = strrchr(path, '/'), *folder = slash;
    while (folder && folder > path && folder[-1] != '/')
        folder--;
    if (!slash || slash - folder != 15)
        return false;
    snprintf(imei, 16, "%s", folder);
    return strspn(imei, "0123456789") == 15;
}

void media_facts_from_path(const char *path, int64_t now_us, struct media_facts *facts)
{
    const char *slash = strrchr(path, '/'), *source;
    char imei[sizeof facts->imei];
    const char *name = slash ? slash + 1 : path;
    if (!facts->has_time && timing_from_name(name, facts->has_zone ? &facts->tz_min : NULL, now_us,
                                             &facts->start_utc_us, &source)) {
        facts->has_time = true;
        snprintf(facts->time_source, sizeof facts->time_source, "%s", source);
    }
    if (!facts->imei[0] && folder_imei(path, imei) && text_imei_ok(imei))
        snprintf(facts->imei, sizeof facts->imei, "%s", imei);
}

bool media_imei_doubtful(const char *path, char imei[16])
{
    return folder_imei(path, imei) && !text_imei_ok(imei);
}
