/*
 * text: words and numbers as people read them and type them. Pure.
 */
#ifndef DASHSPOOL_TEXT_H
#define DASHSPOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- amounts ----
 *
 * Amounts as people read them: "2.1 MB" (SI units: 1 MB is 1 000 000 bytes), "1 copy",
 * "2 copies".
 */

#define SIZE_TEXT_ROOM 24

/* Returns out. From "999 B" and "1.0 kB" to "9223.4 PB"; less than 0 is not known, "?". */
const char *size_text(int64_t bytes, char out[SIZE_TEXT_ROOM]);

/* The noun for n of them: `one` if n is 1, else `many`. */
const char *size_plural(int64_t n, const char *one, const char *many);

/* A number with its noun, for "%lld %s". */
#define SIZE_COUNT(n, one, many) (long long)(n), size_plural((int64_t)(n), one, many)

/* ---- characters ---- */

/* Bytes of the character at p, of which n are there at most (a NUL ends it, too), and its value
 * (RFC 3629; Unicode 15, table 3-7). 0: they are none, and *out stays as it is. */
size_t utf8_next(const char *p, size_t n, uint32_t *out);

/* ---- known words ----
 *
 * Lists of known words, parted by spaces ("front rear other"), as messages and help name
 * them, and the known word that somebody may have meant. Pure.
 */

/* Whether the n bytes at `word` are one of the list. */
bool words_have(const char *words, const char *word, size_t n);

#define WORDS_TEXT_ROOM 400

/* "front, rear or other". Returns out; what has no room is cut off. */
const char *words_text(const char *words, char out[WORDS_TEXT_ROOM]);

/* The known word nearest to what was typed, by changes of a letter, a missing one, one too many, or
 * two neighbours that changed places. {.typed = …} at the beginning. */
struct words_guess {
    const char *typed, *word; /* word: borrowed from words_guess_try(); NULL: none so far */
    int changes;
};
void words_guess_try(struct words_guess *guess, const char *word);

/* The word, if that few changes are no chance: one in three letters at most. Else NULL. */
const char *words_guess(const struct words_guess *guess);

#endif
