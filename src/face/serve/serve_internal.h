/* serve, inside: what its pages share. */
#ifndef SERVE_INTERNAL_H
#define SERVE_INTERNAL_H

#include "dashspool/catalogue.h"
#include "dashspool/hash.h"
#include "dashspool/raw.h"
#include "dashspool/serve.h"
#include "dashspool/text.h"
#include "dashspool/web.h"

struct serve {
    const char *root;
    struct catalogue *catalogue;
    struct raw *raw;
    const struct cfg *cfg;
    struct status *state; /* as it was at state_us (monotonic); NULL: nobody asked yet */
    int64_t state_us;
};

web_fn serve_list, serve_transfer, serve_copy, serve_original, serve_state, serve_state_json,
    serve_metrics;

/* ---- frame.c: what all pages have ---- */

void serve_begin(void *app, struct web_page *h, const struct web_ask *ask, const char *title);
void serve_end(void *app, struct web_page *h, const struct web_ask *ask);
web_fn serve_asset;

/* A page: init, and what stands on top of it. */
void frame_begin(struct serve *s, struct web_page *h, const struct web_ask *ask, const char *title);
/* … its end, and its answer (200); clears h. */
int frame_send(struct serve *s, struct web_page *h, const struct web_ask *ask,
               struct web_answer *out, struct err *err) DS_MUST_CHECK;
/* One of assets/icons.svg, without "i-". */
void frame_icon(struct web_page *h, const char *name);
void frame_time(struct web_page *h, int64_t utc_us);

#endif
