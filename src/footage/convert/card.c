#include "card.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISSING_SIZE 2.5 /* times the overlay's */

struct card {
    struct osd *missing, *mark;
};

static int make(struct osd **out, int w, int h, const char *position, double size, struct err *err)
{
    struct convert_options style = {.osd_size = size, .osd_box = true};
    snprintf(style.osd_position, sizeof style.osd_position, "%s", position);
    return osd_new(out, w, h, &style, err);
}

int card_new(struct card **out, int width_px, int height_px, const struct convert_options *options,
             struct err *err)
{
    struct card *c = *out = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_NOMEM, "no memory for a card");
    bool taken = strcmp(options->osd_position, "top-right") == 0;
    int rc = make(&c->missing, width_px, height_px, "centre", MISSING_SIZE, err);
    if (rc == ERR_OK)
        rc = make(&c->mark, width_px, height_px, taken ? "bottom-right" : "top-right", 1, err);
    if (rc < 0)
        card_free(out);
    return rc;
}

void card_free(struct card **card)
{
    if (!card || !*card)
        return;
    osd_free(&(*card)->missing);
    osd_free(&(*card)->mark);
    free(*card);
    *card = NULL;
}

int card_missing(struct card *card, int64_t for_us, int64_t pictures, const struct osd_planes *p,
                 struct err *err)
{
    char lines[OSD_LINES][OSD_LINE_ROOM] = {"PICTURE MISSING"};
    int n = snprintf(lines[1], OSD_LINE_ROOM, "%.2f s", (double)for_us / 1e6);
    if (pictures > 0 && n > 0)
        snprintf(lines[1] + n, OSD_LINE_ROOM - (size_t)n, ", %" PRId64 " picture%s", pictures,
                 pictures == 1 ? "" : "s");
    int rc = osd_set(card->missing, lines, err);
    if (rc == ERR_OK)
        osd_blend(card->missing, p);
    return rc;
}

int card_mark(struct card *card, enum media_state state, const struct osd_planes *p,
              struct err *err)
{
    char lines[OSD_LINES][OSD_LINE_ROOM] = {""};
    if (state == MEDIA_GOOD)
        return ERR_OK;
    snprintf(lines[0], OSD_LINE_ROOM, "%s",
             state == MEDIA_DAMAGED ? "DAMAGED PICTURE" : "BUILT ON A DAMAGED PICTURE");
    int rc = osd_set(card->mark, lines, err);
    if (rc == ERR_OK)
        osd_blend(card->mark, p);
    return rc;
}
