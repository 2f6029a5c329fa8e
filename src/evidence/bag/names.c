#include "bag_internal.h"
#include "dashspool/hash.h"
#include "dashspool/text.h"
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

enum { PARTS_MAX = 32, PART_BYTES_MAX = 255, ROOM_FIRST = 256 };

enum kind { NONE, FILE_NAME, FOLDER_NAME };

/* A name without its case, as a hash: the table cannot be made to grow by long names. Two names
 * with one key only mean that a package is refused which was made for that. */
struct slot {
    uint8_t key[15];
    uint8_t kind; /* enum kind */
};

struct names {
    struct slot *slots; /* open addressing; room is a power of two */
    size_t room, used;
    struct hash *hash;
    locale_t letters; /* what upper and lower case are, whatever the user's locale */
};

const char *names_shown(const char *name, size_t n, char out[NAMES_SHOWN_ROOM])
{
    size_t shown = n < NAMES_SHOWN_ROOM - 1 ? n : NAMES_SHOWN_ROOM - 1;
    for (size_t i = 0; i < shown; i++)
        out[i] = name[i] >= ' ' && name[i] < 0x7f ? name[i] : '?';
    out[shown] = '\0';
    if (shown > 80)
        memcpy(out + 77, "...", 4);
    return out;
}

int names_new(struct names **out, struct err *err)
{
    struct names *names = calloc(1, sizeof *names);
    *out = NULL;
    if (!names)
        return err_nomem(err, "a package's names");
    names->room = ROOM_FIRST;
    names->slots = calloc(names->room, sizeof *names->slots);
    names->letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    int rc = ERR_OK;
    if (!names->slots)
        rc = err_nomem(err, "a package's names");
    else if (!names->letters)
        rc = err_sys(err, "locale C.UTF-8");
    else
        rc = hash_new(&names->hash, err);
    if (rc < 0)
        names_free(&names);
    *out = names;
    return rc;
}

void names_free(struct names **names)
{
    if (!*names)
        return;
    hash_free(&(*names)->hash);
    if ((*names)->letters)
        freelocale((*names)->letters);
    free((*names)->slots);
    free(*names);
    *names = NULL;
}

/* ---- what a name may be ---- */

static const char *bad_part(const char *part, size_t n)
{
    if (n == 0)
        return "has an empty part";
    if (n > PART_BYTES_MAX)
        return "has a part of more than 255 bytes";
    if ((n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
        return "leads out of its folder";
    return NULL;
}

/* What is wrong with a name, or NULL. */
static const char *bad_name(const char *name, size_t n)
{
    uint32_t c;
    if (n == 0 || n >= BAG_READ_NAME_ROOM)
        return "is empty or longer than 1024 bytes";
    if (name[0] == '/')
        return "is absolute";
    for (size_t i = 0, step; i < n; i += step) {
        step = utf8_next(name + i, n - i, &c);
        if (step == 0)
            return "is not UTF-8";
        if (c == '\\' || (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029))
            return "has a backslash or a control character";
    }
    int parts = 0;
    for (size_t at = 0, end; at <= n; at = end + 1) {
        const char *slash = memchr(name + at, '/', n - at);
        end = slash ? (size_t)(slash - name) : n;
        const char *bad = bad_part(name + at, end - at);
        if (bad)
            return bad;
        if (++parts > PARTS_MAX)
            return "has more than 32 parts";
    }
    return NULL;
}

/* ---- which have been ---- */

/* The key of a name without its case. */
static int key_of(struct names *names, const char *name, size_t n, uint8_t key[15], struct err *err)
{
    uint8_t digest[HASH_BYTES];
    uint32_t c = 0;
    for (size_t i = 0; i < n; i += utf8_next(name + i, n - i, &c)) {
        /* Both ways: some letters have two upper or two lower cases. */
        utf8_next(name + i, n - i, &c);
        uint32_t folded =
            (uint32_t)towlower_l(towupper_l((wint_t)c, names->letters), names->letters);
        hash_update(names->hash, &folded, sizeof folded);
    }
    int rc = hash_final(names->hash, digest, err);
    if (rc == ERR_OK)
        memcpy(key, digest, 15);
    return rc;
}

static struct slot *find(struct slot *slots, size_t room, const uint8_t key[15])
{
    size_t at;
    memcpy(&at, key, sizeof at);
    for (at &= room - 1; slots[at].kind != NONE; at = (at + 1) & (room - 1))
        if (memcmp(slots[at].key, key, 15) == 0)
            break;
    return &slots[at];
}

static int grow(struct names *names, struct err *err)
{
    size_t room = names->room * 2;
    struct slot *slots = calloc(room, sizeof *slots);
    if (!slots)
        return err_nomem(err, "%zu names of a package", room);
    for (size_t i = 0; i < names->room; i++)
        if (names->slots[i].kind != NONE)
            *find(slots, room, names->slots[i].key) = names->slots[i];
    free(names->slots);
    names->slots = slots;
    names->room = room;
    return ERR_OK;
}

/* Remembers one name; what it was before, NONE if it is new. */
static int remember(struct names *names, const char *name, size_t n, enum kind kind,
                    enum kind *before, struct err *err)
{
    uint8_t key[15];
    int rc = key_of(names, name, n, key, err);
    if (rc == ERR_OK && names->used * 2 >= names->room)
        rc = grow(names, err);
    if (rc < 0)
        return rc;
    struct slot *slot = find(names->slots, names->room, key);
    *before = (enum kind)slot->kind;
    if (slot->kind == NONE) {
        memcpy(slot->key, key, sizeof slot->key);
        slot->kind = (uint8_t)kind;
        names->used++;
    }
    return ERR_OK;
}

int names_add(struct names *names, const char *name, size_t n, bool is_folder, struct err *err)
{
    char shown[NAMES_SHOWN_ROOM];
    const char *bad = bad_name(name, n);
    enum kind before;
    if (bad)
        return err_set(err, ERR_MALFORMED, "the name '%s' %s", names_shown(name, n, shown), bad);
    for (size_t end = 1; end <= n; end++) {
        if (end < n && name[end] != '/')
            continue;
        enum kind kind = end < n || is_folder ? FOLDER_NAME : FILE_NAME;
        int rc = remember(names, name, end, kind, &before, err);
        if (rc < 0)
            return rc;
        if (before == FILE_NAME || (before == FOLDER_NAME && kind == FILE_NAME))
            return err_set(err, ERR_MALFORMED, "the name '%s' occurs twice (ignoring case)",
                           names_shown(name, n, shown));
    }
    return ERR_OK;
}
