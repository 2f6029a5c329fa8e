/* A story as the facts of a report. */
#include "dashspool/seal.h"
#include "report_facts_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- times ---- */

static struct report_time start_of(const struct told *t)
{
    double error_s = json_number_value(
        json_object_get(json_object_get(t->settings, "wall_clock"), "uncertainty_s"));
    struct report_time time = {.known = t->t.known & CATALOGUE_TIME_OK,
                               .utc_us = t->t.time_us,
                               .has_zone = t->t.known & CATALOGUE_ZONE_OK,
                               .tz_min = t->t.tz_min,
                               .has_error = error_s > 0,
                               .error_us = (int64_t)(error_s * 1e6)};
    return time;
}

static const char *start_why(const struct told *t)
{
    const char *why =
        json_string_value(json_object_get(json_object_get(t->settings, "wall_clock"), "why"));
    return !(t->t.known & CATALOGUE_TIME_OK)   ? "the camera's metadata contains no plausible time"
           : why                               ? why
           : t->t.known & CATALOGUE_TIME_NAMED ? "from the file name"
                                               : "from the camera's metadata";
}

void report_facts_add_clocks(struct told *t)
{
    const char *name, *chosen = json_string_value(json_object_get(t->settings, "timing"));
    json_t *rate;
    if (t->t.known & CATALOGUE_HAS_META)
        t->clock[t->n_clocks++] =
            (struct report_clock){.name = "camera metadata",
                                  .time = {.known = t->t.known & CATALOGUE_TIME_OK,
                                           .utc_us = t->t.time_us,
                                           .has_zone = t->t.known & CATALOGUE_ZONE_OK,
                                           .tz_min = t->t.tz_min},
                                  .value = "",
                                  .note = "start of the recording",
                                  .chosen = t->t.known & CATALOGUE_TIME_OK};
    json_object_foreach(json_object_get(t->settings, "sources"), name, rate)
    {
        size_t i = t->n_clocks;
        if (i == CLOCKS_MAX || !chosen)
            break;
        snprintf(t->clock_value[i], sizeof t->clock_value[i], "%.6g frames per second",
                 json_number_value(rate));
        t->clock[t->n_clocks++] = (struct report_clock){.name = name,
                                                        .value = t->clock_value[i],
                                                        .note = "",
                                                        .chosen = strcmp(name, chosen) == 0};
    }
}

/* ---- the page ---- */

static void fill_clip(struct told *t, struct report_clip *out)
{
    const struct catalogue_transfer *r = &t->t;
    double duration_s = json_number_value(json_object_get(t->settings, "duration_s"));
    const char *chosen = json_string_value(json_object_get(t->settings, "timing"));
    double fps =
        chosen ? json_number_value(json_object_get(json_object_get(t->settings, "sources"), chosen))
               : 0;
    static const char *const partial[] = {"Partial transfer: only the beginning was received."};
    *out = (struct report_clip){
        .id = r->id,
        .name = t->master,
        .camera = r->camera,
        .imei = strcmp(r->imei, CATALOGUE_IMEI_UNKNOWN) == 0 ? "" : r->imei,
        .kind = strcmp(r->kind, "photo") == 0 ? REPORT_PHOTO : REPORT_VIDEO,
        .start = start_of(t),
        .start_why = start_why(t),
        .trigger = r->trigger_name,
        .has_trigger_time = r->known & CATALOGUE_TRIGGER_TIME_OK,
        .trigger_offset_us = r->trigger_time_us - r->time_us,
        .duration_us = (int64_t)(duration_s * 1e6),
        .pictures = json_integer_value(json_object_get(t->settings, "pictures")),
        .fps_milli = (int64_t)(fps * 1000 + 0.5),
        .rate_why = chosen,
        .length_bytes = r->length_bytes,
        .sha256 = r->sha256,
        .has_position = r->known & CATALOGUE_POSITION_OK,
        .lat_deg = r->lat_deg,
        .lon_deg = r->lon_deg,
        .position_why = r->known & CATALOGUE_POSITION_OK
                            ? "camera metadata: one position for the whole recording"
                            : "The camera's metadata contains no plausible position (no GPS fix).",
        .picture = {.what = t->picture_what,
                    .load = t->picture.n_bytes ? report_facts_load_picture : NULL,
                    .from = &t->picture},
        .clock = t->clock,
        .n_clocks = t->n_clocks,
        .has_sound = t->has_sound,
        .examined = t->settings != NULL,
        .examined_why = t->settings   ? t->damage
                        : t->n_copies ? "its copies were made for this package only"
                                      : "no copies were made",
        .stretch = t->stretch,
        .n_stretches = t->n_stretches,
        .arrival = t->arrival,
        .derived = t->derived,
        .n_derived = (size_t)t->n_copies,
        .unknown = partial,
        .n_unknown = r->state != CATALOGUE_STORED,
    };
}

static const struct report_file files[] = {
    {BAG_REPORT_HTML, "this report, for a browser"},
    {BAG_REPORT_PDF, "this report, to print"},
    {BAG_VIEWING, "videos that any player can show"},
    {BAG_MASTER, "the original files, exactly as received"},
    {BAG_CUSTODY, "custody record: what happened to each since receipt"},
    {BAG_README, "what this package is, and how to verify it"},
};

static const struct report_file redacted_files[] = {
    {BAG_VIEWING, "redacted videos that any player can show"},
    {BAG_CUSTODY, "custody record: what happened to each recording since receipt"},
    {BAG_README, "what this package is, what is redacted, and how to verify it"},
};

static const struct report_check checks[] = {
    {"All files are unchanged", "sha256sum -c manifest-sha256.txt", "every line ends in OK"},
    {"The lists are unchanged", "sha256sum -c tagmanifest-sha256.txt", "every line ends in OK"},
};

int report_facts_report(struct report_facts *s, const struct export_request *request,
                        const char *redaction, enum report_facts_form form, FILE *out,
                        struct err *err)
{
    struct report r = {.title = "Dash camera evidence",
                       .author = request->who,
                       .tool = "dashspool " DASHSPOOL_VERSION,
                       .made = {.known = true, .utc_us = request->at_us},
                       .redacted = redaction != NULL,
                       .redaction = redaction,
                       .file = redaction ? redacted_files : files,
                       .n_files = redaction ? sizeof redacted_files / sizeof *redacted_files
                                            : sizeof files / sizeof *files,
                       .check = checks,
                       .n_checks = sizeof checks / sizeof *checks,
                       .n_clips = s->n};
    struct seal_signer signer;
    char how[HASH_HEX_ROOM + 80];
    if (request->sign_key) {
        int rc = seal_cert_describe(&signer, request->sign_cert, err);
        if (rc < 0)
            return rc;
        snprintf(how, sizeof how, "CMS (RFC 5652); the certificate's SHA-256 is %s",
                 signer.fingerprint);
        r.signature =
            (struct report_signature){.is_signed = true, .who = signer.subject, .how = how};
    }
    if (fflush(s->pictures) != 0)
        return err_sys(err, "write the pictures of the report");
    struct report_clip *clips = calloc(s->n ? s->n : 1, sizeof *clips);
    if (!clips)
        return err_set(err, ERR_NOMEM, "no memory for a report");
    for (size_t i = 0; i < s->n; i++)
        fill_clip(s->told[i], &clips[i]);
    r.clip = clips;
    int rc = form == REPORT_FACTS_PDF ? report_pdf(out, &r, err) : report_html(out, &r, err);
    free(clips);
    return rc;
}
