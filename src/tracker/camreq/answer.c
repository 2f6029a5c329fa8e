/* Answers: what class of them a text is of. */
#include "dashspool/buf.h"
#include "dashspool/camreq.h"
#include "dashspool/text.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The longest answer that is known has some 300 letters (dsm_getinfo). */
enum { ANSWER_MAX = 2047, DIGITS_MAX = 10 /* of Unix seconds until 2286 */ };

const char *camreq_class_name(enum camreq_class class)
{
    static const char *const names[CAMREQ_N_CLASSES] = {
        "unknown",   "accepted",  "other-first",  "captured", "temporary", "no-ignition",
        "no-camera", "not-there", "unconfigured", "invalid",  "info",      "failed"};
    return (unsigned)class < CAMREQ_N_CLASSES ? names[class] : "unknown";
}

/* Lower case, white space and NULs as one blank, none at the ends. */
static size_t plain(const void *text, size_t n, char out[ANSWER_MAX + 1])
{
    const unsigned char *p = text;
    size_t used = 0;
    bool blank = false;
    for (size_t i = 0; i < n && used + 1 < ANSWER_MAX; i++) {
        if (p[i] <= ' ') {
            blank = used > 0;
            continue;
        }
        if (blank)
            out[used++] = ' ';
        blank = false;
        out[used++] = (char)tolower(p[i]);
    }
    out[used] = '\0';
    return used;
}

static bool has(const char *text, const char *words)
{
    return strstr(text, words) != NULL;
}

/* ---- what is wrong ---- */

struct row {
    const char *words;
    enum camreq_class class;
    int repeat_s, repeats;
    const char *means;
};

/* The vendor's words for each, in lower case. A row is found wherever it stands in the answer; none
 * is the beginning of another answer's words. */
static const struct row rows[] = {
    {"already captured", CAMREQ_OTHER_FIRST, 0, 0,
     "an older file comes first, nothing was captured"},
    {"invalid camera request", CAMREQ_INVALID, 0, 0, "the tracker does not know the command"},
    {"invalid argument", CAMREQ_INVALID, 0, 0, "the tracker does not take this argument"},
    {"is not configured", CAMREQ_UNCONFIGURED, 0, 0,
     "the tracker is not configured for this camera"},
    {"not present", CAMREQ_NO_CAMERA, 60, 1, "the camera is not there"},
    {"does not exist", CAMREQ_NOT_THERE, 0, 0, "there is no footage of this time on the card"},
    {"file not found", CAMREQ_NOT_THERE, 0, 0, "there is no footage of this time on the card"},
    {"ignition is off", CAMREQ_NO_IGNITION, 0, 0, "the ignition is off"},
    {"ignition off", CAMREQ_NO_IGNITION, 0, 0, "the ignition is off"},
    {"ignition not detected", CAMREQ_NO_IGNITION, 0, 0, "the ignition is off"},
    {"modem not ready", CAMREQ_CAPTURED, 35 * 60, 0,
     "captured; the tracker could not send it and tries again by itself"},
    {"connect to server", CAMREQ_CAPTURED, 35 * 60, 0,
     "captured; the tracker could not reach the server and tries again by itself"},
    {"capture failed", CAMREQ_TEMPORARY, 60, 3, "the camera could not capture it"},
    {"media request timeout", CAMREQ_TEMPORARY, 60, 3, "the camera did not answer in time"},
    {"media request problem", CAMREQ_TEMPORARY, 60, 3, "the camera could not capture it"},
    {"dualcam nak", CAMREQ_TEMPORARY, 60, 3, "the camera refused the command"},
    {"configuration is in progress", CAMREQ_TEMPORARY, 15, 20, "the camera is being configured"},
};

static bool take_row(const char *text, struct camreq_answer *out)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        if (!has(text, r->words))
            continue;
        out->class = r->class;
        out->repeat_s = r->repeat_s;
        out->repeats = r->repeats;
        out->means = r->means;
        return true;
    }
    return false;
}

/* Of what is wrong about a command some firmware says the name alone. Others name what they were
 * asked for before they answer: "Video request from source 1, duration 10. Preparing …". */
static const struct {
    const char *words, *means;
} arguments[] = {
    {"file type", "the tracker does not take this type of file"},
    {"file source", "the tracker does not take this camera"},
    {"timestamp", "the tracker does not take this time"},
    {"duration", "the tracker does not take this length"},
};

/* It begins a sentence, or something is said to be wrong; and no value follows. */
static bool complains(const char *text, const char *words)
{
    bool wrong =
        has(text, "error") || has(text, "invalid") || has(text, "incorrect") || has(text, "wrong");
    for (const char *p = text; (p = strstr(p, words)) != NULL; p++) {
        const char *before = p, *behind = p + strlen(words);
        while (before > text && before[-1] == ' ')
            before--;
        behind += strspn(behind, " :=");
        if (!isdigit((unsigned char)*behind) &&
            (wrong || before == text || strchr(".:!", before[-1])))
            return true;
    }
    return false;
}

static void take_argument(const char *text, struct camreq_answer *out)
{
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        if (!complains(text, arguments[i].words))
            continue;
        out->class = CAMREQ_INVALID;
        out->means = arguments[i].means;
        return;
    }
}

/* ---- what is right ---- */

static void accepted(struct camreq_answer *out, int64_t time_s)
{
    out->class = CAMREQ_ACCEPTED;
    out->time_s = time_s;
    out->means = "accepted; the file comes";
}

/* "preparing to send file from timestamp 1719846377" */
static bool take_time(const char *text, bool whole, struct camreq_answer *out)
{
    static const char words[] = "from timestamp";
    if (!has(text, "preparing to send"))
        return false;
    const char *p = strstr(text, words);
    size_t n = 0;
    int64_t time_s = 0;
    if (p) {
        p += sizeof words - 1;
        p += strspn(p, " :");
        n = strspn(p, "0123456789");
    }
    if (!whole && (n == 0 || (n < DIGITS_MAX && !p[n])))
        return true; /* the time is not all there */
    for (size_t i = 0; i < n && n <= DIGITS_MAX; i++)
        time_s = time_s * 10 + (p[i] - '0');
    /* of a text that was cut off not even the first digits are of use */
    accepted(out, n < DIGITS_MAX && p && !p[n] ? 0 : time_s);
    return true;
}

/* As the pages of 2021 have it: "Request for photo from source 1 received". */
static bool take_received(const char *text, struct camreq_answer *out)
{
    const char *p = strstr(text, "request for ");
    if (!p || (!has(p, "photo") && !has(p, "video")) || !has(p, " received"))
        return false;
    accepted(out, 0);
    return true;
}

static void judge_file(const char *text, bool whole, struct camreq_answer *out)
{
    out->connected = has(text, "already connected");
    if (!take_row(text, out) && !take_time(text, whole, out) && !take_received(text, out))
        take_argument(text, out);
}

/* ---- commands without a file ---- */

/* A version has digits: "front camera v1.9.3.", "…,fw:1.2.3,…". */
static bool has_version(const char *text)
{
    for (const char *p = text; (p = strchr(p, 'v')) != NULL; p++)
        if (isdigit((unsigned char)p[1]))
            return true;
    return has(text, "fw:");
}

static void judge_version(const char *text, size_t n, bool whole, struct camreq_answer *out)
{
    const char *state = strstr(text, "state:");
    bool sentence = n > 0 && text[n - 1] == '.';
    bool failed = has(text, "failed") && !has_version(text);
    bool both = has(text, "front") && has(text, "rear");
    if (failed && (whole || (sentence && both))) {
        out->class = CAMREQ_FAILED;
        out->means = "the camera did not tell";
    } else if (!failed && n > 0 &&
               (whole || (sentence && has_version(text)) || (state && state[6]))) {
        out->class = CAMREQ_INFO;
        out->means = "answered";
    }
}

static void judge_deed(const char *text, size_t n, bool whole, struct camreq_answer *out)
{
    bool done = has(text, "success");
    if (has(text, "fail") || (whole && !done && has(text, "error"))) {
        out->class = CAMREQ_FAILED;
        out->means = "the camera did not do it";
    } else if (done || (whole && n > 0)) {
        out->class = CAMREQ_INFO;
        out->means = "done";
    }
}

void camreq_answer(enum camreq_kind kind, const void *text, size_t n, bool whole,
                   struct camreq_answer *out)
{
    char low[ANSWER_MAX + 1];
    *out = (struct camreq_answer){.class = CAMREQ_UNKNOWN, .means = ""};
    n = plain(text, n, low);
    if (kind == CAMREQ_VIDEO || kind == CAMREQ_PHOTO)
        judge_file(low, whole, out);
    else if (take_row(low, out))
        return;
    else if (kind == CAMREQ_VERSION)
        judge_version(low, n, whole, out);
    else
        judge_deed(low, n, whole, out);
}

const char *camreq_words(const void *text, size_t n, char *out, size_t room)
{
    static const char cut[] = "...";
    const char *p = text, *end = p + n;
    size_t used = 0, fits = 0; /* up to there, the mark has room behind it */
    while (p < end && (unsigned char)*p <= ' ')
        p++;
    while (p < end && (unsigned char)end[-1] <= ' ')
        end--;
    while (p < end) {
        char one[TEXT_ONE_ROOM];
        size_t taken = text_one(p, (size_t)(end - p), one);
        if (taken == 0) /* the beginning of a character that is not all there */
            taken = (size_t)(snprintf(one, sizeof one, "\\x%02x", (unsigned char)*p) > 0);
        size_t k = strlen(one);
        if (used + k >= room) {
            memcpy(out + fits, cut, sizeof cut);
            return out;
        }
        memcpy(out + used, one, k);
        used += k;
        p += taken;
        if (used + sizeof cut <= room)
            fits = used;
    }
    out[used] = '\0';
    return out;
}
