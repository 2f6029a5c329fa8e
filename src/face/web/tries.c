/* How often somebody may try a name or a token: per name and per address. */
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include "web_internal.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const int most[] = {[TRY_NAME] = 5, [TRY_ADDRESS] = 20, [TRY_BEARER] = 60};
#define WINDOW_US INT64_C(600000000)

/* Of IPv6, whoever has one address has 2^64 of them. */
static void key_of(enum tries_kind kind, const char *text, char out[TRIES_KEY_ROOM])
{
    struct in6_addr v6;
    char shown[INET6_ADDRSTRLEN];
    if (kind != TRY_NAME && inet_pton(AF_INET6, text, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
        memset(v6.s6_addr + 8, 0, 8);
        text = inet_ntop(AF_INET6, &v6, shown, sizeof shown) ? shown : text;
    }
    snprintf(out, TRIES_KEY_ROOM, "%d %s", (int)kind, text);
    text_fold(out);
}

static struct try *find(struct tries *all, enum tries_kind kind, const char *text)
{
    char key[TRIES_KEY_ROOM];
    int64_t now_us = clock_mono_us();
    key_of(kind, text, key);
    for (size_t i = 0; i < TRIES_MAX; i++)
        if (strcmp(all->of[i].key, key) == 0 && now_us - all->of[i].first_us < WINDOW_US)
            return &all->of[i];
    return NULL;
}

void tries_failed(struct tries *all, enum tries_kind kind, const char *text)
{
    struct try *t = find(all, kind, text);
    for (size_t i = 0; !t && i < TRIES_MAX; i++)
        if (!all->of[i].key[0])
            t = &all->of[i];
    if (!t) { /* the oldest makes room */
        t = &all->of[0];
        for (size_t i = 1; i < TRIES_MAX; i++)
            if (all->of[i].first_us < t->first_us)
                t = &all->of[i];
        t->n = 0;
        t->key[0] = '\0';
    }
    if (!t->key[0]) {
        key_of(kind, text, t->key);
        t->first_us = clock_mono_us();
        t->n = 0;
    }
    t->n++;
}

void tries_succeeded(struct tries *all, enum tries_kind kind, const char *text)
{
    struct try *t = find(all, kind, text);
    if (t)
        *t = (struct try){.n = 0};
}

int tries_left(struct tries *all, enum tries_kind kind, const char *text, int *wait_s)
{
    const struct try *t = find(all, kind, text);
    int left = most[kind] - (t ? t->n : 0);
    *wait_s = left > 0 ? 0 : (int)((t->first_us + WINDOW_US - clock_mono_us()) / 1000000) + 1;
    return left > 0 ? left : 0;
}
