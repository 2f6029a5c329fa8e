/* What runs, waits and is in trouble: for people, for programs, for Prometheus. */
#include "dashspool/clock.h"
#include "dashspool/status.h"
#include "serve_internal.h"
#include <stdio.h>
#include <string.h>

#define STATE_BYTES_MAX ((size_t)16 << 20)
#define KEPT_US         INT64_C(2000000) /* however often it is asked for */

typedef int state_form(const struct status *s, struct buf *out, struct err *err);

/* Everybody gets what one of them asked for, for a while: to look costs. */
static int look(struct serve *s, struct err *err)
{
    int64_t now_us = clock_mono_us();
    if (s->state && now_us - s->state_us < KEPT_US)
        return ERR_OK;
    status_free(&s->state);
    s->state_us = now_us;
    return status_collect(&s->state, s->root, s->cfg, err);
}

static int answer_text(struct serve *s, state_form *form, const char *type, struct answer *out,
                       struct err *err)
{
    struct buf b;
    buf_init(&b, STATE_BYTES_MAX);
    int rc = look(s, err);
    if (rc == ERR_OK)
        rc = form(s->state, &b, err);
    if (rc == ERR_OK) {
        *out = (struct answer){.status = MHD_HTTP_OK};
        out->response =
            MHD_create_response_from_buffer(b.used, b.mem + b.start, MHD_RESPMEM_MUST_COPY);
        rc = web_headers(out, type, "no-store", err);
    }
    buf_clear(&b);
    return rc;
}

static int as_json(const struct status *s, struct buf *out, struct err *err)
{
    return status_json(s, false, out, err);
}

int serve_state_json(struct serve *s, const struct ask *ask, struct answer *out, struct err *err)
{
    (void)ask;
    return answer_text(s, as_json, "application/json", out, err);
}

int serve_metrics(struct serve *s, const struct ask *ask, struct answer *out, struct err *err)
{
    (void)ask;
    return answer_text(s, status_prometheus, "text/plain; version=0.0.4; charset=utf-8", out, err);
}

int serve_state(struct serve *s, const struct ask *ask, struct answer *out, struct err *err)
{
    static const struct status_screen paper = {.columns = 100};
    struct buf text;
    struct web h;
    (void)ask;
    buf_init(&text, STATE_BYTES_MAX);
    int rc = look(s, err);
    if (rc == ERR_OK)
        rc = status_text(s->state, &paper, &text, err);
    if (rc == ERR_OK)
        rc = buf_append(&text, "", 1, err);
    if (rc == ERR_OK) {
        web_begin(&h, "Status");
        web_put(&h, "<pre>");
        for (const char *at = (const char *)buf_data(&text); *at; at += strcspn(at, "\n") + 1) {
            char line[1024];
            snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
            web_join(&h, "", line, "\n");
        }
        web_put(&h, "</pre>\n");
        rc = web_answer(&h, MHD_HTTP_OK, out, err);
    }
    buf_clear(&text);
    return rc;
}
