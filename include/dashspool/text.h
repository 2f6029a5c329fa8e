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

/* How the text of a file is coded, by its byte order mark, else by a zero byte beside its first
 * character, which is ASCII in all formats that are read here. UTF-8 is also what is none. */
enum text_coding { TEXT_UTF8, TEXT_UTF16LE, TEXT_UTF16BE };
enum text_coding text_coding_of(const void *text, size_t n);

/* The most bytes that n bytes are as UTF-8. */
#define TEXT_UTF8_ROOM(n) ((n) + (n) / 2 + 3)

/* Puts the text of a file as UTF-8, without byte order marks at its beginning and zero bytes at its
 * end; U+FFFD for half a character of UTF-16, at the end, too. What is not UTF-16 stays as it is,
 * byte for byte. Returns how many. */
size_t text_to_utf8(const void *text, size_t n, char *out);

/* As words are compared that people look for: capitals become small ones, in place, in the Latin
 * (up to U+017F), Greek and Cyrillic alphabets, letter by letter; no byte more or less. */
void text_fold(char *text);
/* Whether they are the same then. */
bool text_same(const char *a, const char *b);

/* ---- what strangers name ----
 *
 * Drivers, paths, files, members of a zip, texts in JSON and certificates: whatever is in them must
 * not command a terminal, make lines of its own, or be read in another order than it is written.
 * This is the filter for all of them, at each door: errors, log, terminal, pages, reports.
 */

/* What is not to be shown as it is: controls (C0, DEL, C1), what is invisible or turns the
 * direction of text (UAX #9), tags, and U+FFFD. */
bool text_hidden(uint32_t c);

#define TEXT_ONE_ROOM 13

/* The character at p, of which n > 0 bytes are there, as it may be shown: itself, a hidden one as
 * \u202e (so JSON stays what it was), a byte that is none as \xNN. Returns how many bytes of p it
 * was; 0: it may be the beginning of one, if more come. */
size_t text_one(const char *p, size_t n, char out[TEXT_ONE_ROOM]);

/* The whole as one line; what does not fit ends with "...". Returns out. room: 16 or more. */
const char *text_shown(const char *text, char *out, size_t room);

/* In place, where nothing may grow: '?' for each character that is hidden, and each byte that is
 * none. */
void text_tame(char *text);

/* As a word for sh(1), one that cannot be mistaken for an option: as it is if it is plain, else in
 * quotation marks, or what printf(1) makes of it. Returns out. room: 24 and four times the text, or
 * it is "…", which names nothing. */
const char *text_shell(const char *text, char *out, size_t room);

/* 15 digits, of which the last is the check digit of the others (ITU-T E.118, annex B: Luhn). Only
 * a hint: trackers with other ones exist. */
bool text_imei_ok(const char *text);

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

/* The first character of text, which is not "" and has no control characters, as XML has it: & < >
 * " as entities; what XML 1.0, section 2.2, has no place for becomes "?". *n: its bytes; *taken: so
 * many of text it stands for. */
const char *text_xml(const char *text, size_t *taken, size_t *n);

/* Mark, for xgettext, a sentence that the pages say in their own language (web_tr()), where it is
 * not said there: in a table, an argument of a function of ours, or by a room that knows no page.
 */
#define W_(msgid)      msgid
#define WN_(one, many) one, many

#endif
