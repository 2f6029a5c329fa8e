#include "timing.h"
#include <math.h>
#include <stdlib.h>

#define DISAGREE 0.02 /* design, section 7 */
#define FPS_MAX  1000.0

const char *convert_source_name(enum convert_source source)
{
    switch (source) {
    case CONVERT_SOURCE_PTMF:
        return "capture times";
    case CONVERT_SOURCE_META:
        return "metadata rate";
    case CONVERT_SOURCE_PERSON:
        return "given rate";
    case CONVERT_SOURCE_LENGTH:
        return "pictures over length";
    case CONVERT_SOURCE_STREAM:
        return "stream rate";
    case CONVERT_SOURCE_DEFAULT:
        return "default rate";
    case CONVERT_N_SOURCES:
        break;
    }
    return "unknown";
}

static double sane(double fps)
{
    return isfinite(fps) && fps > 0 && fps <= FPS_MAX ? fps : 0;
}

void timing_vote(const struct timing_facts *facts, struct convert_timing *out)
{
    double *fps = out->fps;
    int64_t span_us = facts->last_us - facts->first_us;
    *out = (struct convert_timing){.chosen = CONVERT_SOURCE_DEFAULT};
    if (facts->has_ptmf && span_us > 0)
        fps[CONVERT_SOURCE_PTMF] = sane((double)(facts->pictures - 1) * 1e6 / (double)span_us);
    fps[CONVERT_SOURCE_META] = sane(facts->meta_fps);
    fps[CONVERT_SOURCE_PERSON] = sane(facts->person_fps);
    if (facts->length_s > 0)
        fps[CONVERT_SOURCE_LENGTH] = sane((double)facts->pictures / facts->length_s);
    fps[CONVERT_SOURCE_STREAM] = sane(facts->stream_fps);
    fps[CONVERT_SOURCE_DEFAULT] = sane(facts->default_fps);
    if (fps[CONVERT_SOURCE_DEFAULT] == 0)
        fps[CONVERT_SOURCE_DEFAULT] = 25;

    int i = 0;
    while (i < CONVERT_SOURCE_DEFAULT && fps[i] == 0)
        i++;
    out->chosen = (enum convert_source)i;
    for (int k = 0; k < CONVERT_SOURCE_DEFAULT; k++)
        if (fps[k] > 0 && fabs(fps[k] - fps[i]) > DISAGREE * fps[i])
            out->disagree = true;
}

int64_t timing_constant_us(int64_t n, double fps)
{
    return (int64_t)llround((double)n * 1e6 / fps);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int timing_median_step_us(const int64_t *times_us, int64_t n, int64_t *out, struct err *err)
{
    *out = 0;
    if (n < 2)
        return ERR_OK;
    size_t steps = (size_t)n - 1;
    int64_t *step = malloc(steps * sizeof *step);
    if (!step)
        return err_set(err, ERR_NOMEM, "no memory for %zu picture times", steps);
    for (size_t i = 0; i < steps; i++)
        step[i] = times_us[i + 1] - times_us[i];
    qsort(step, steps, sizeof *step, by_value);
    *out = step[steps / 2];
    free(step);
    return ERR_OK;
}

int64_t timing_repair(int64_t *times_us, int64_t n, int64_t step_us)
{
    int64_t changed = 0, shift = 0;
    if (step_us <= 0)
        step_us = 40000;
    for (int64_t i = 1; i < n; i++) {
        int64_t want = times_us[i] + shift, step = want - times_us[i - 1];
        if (step > 0 && step <= TIMING_JUMP_US) {
            times_us[i] = want;
            continue;
        }
        times_us[i] = times_us[i - 1] + step_us;
        changed++;
        if (step > TIMING_JUMP_US || step < -TIMING_JUMP_US)
            shift += times_us[i] - want;
    }
    return changed;
}
