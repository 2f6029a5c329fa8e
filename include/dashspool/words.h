/*
 * words: lists of known words, parted by spaces ("front rear other"), as messages and help name
 * them, and the known word that somebody may have meant. Pure.
 */
#ifndef DASHSPOOL_WORDS_H
#define DASHSPOOL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

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
