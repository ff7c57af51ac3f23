#include "base/ident.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"

enum { UUID_BYTES = 16, COUNTER_MAX = 0xFFF, COUNTER_START_MAX = 0x7FF };

/* Random bytes fetched ahead, and the last id made, each thread its own. */
static _Thread_local struct {
    unsigned char ahead[1024];
    size_t left; /* of ahead, at its end */
    uint64_t ms;
    unsigned counter;
} own;

/* The child of a fork must not hand out the same random bytes as its parent. */
static void forget(void)
{
    memset(&own, 0, sizeof own);
}

__attribute__((constructor)) static void forget_after_fork(void)
{
    if (pthread_atfork(NULL, NULL, forget) != 0)
        abort();
}

static void from_kernel(unsigned char *out, size_t bytes)
{
    while (bytes > 0) {
        ssize_t got = getrandom(out, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        out += got;
        bytes -= (size_t)got;
    }
}

void ident_random(void *out, size_t bytes)
{
    if (bytes > sizeof own.ahead) {
        from_kernel(out, bytes);
        return;
    }
    if (own.left < bytes) {
        from_kernel(own.ahead, sizeof own.ahead);
        own.left = sizeof own.ahead;
    }
    unsigned char *from = own.ahead + sizeof own.ahead - own.left;
    if (bytes > 0)
        memcpy(out, from, bytes);
    explicit_bzero(from, bytes);
    own.left -= bytes;
}

static char *uuid_text(const unsigned char uuid[UUID_BYTES], char out[IDENT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char *to = out;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = digits[uuid[i] >> 4];
        *to++ = digits[uuid[i] & 15];
    }
    *to = '\0';
    return out;
}

static void set_version(unsigned char uuid[UUID_BYTES], unsigned version)
{
    uuid[6] = (unsigned char)((uuid[6] & 0x0F) | version << 4);
    uuid[8] = (unsigned char)((uuid[8] & 0x3F) | 0x80);
}

/* The next (ms, counter), above the last even when the clock stands still or goes back; a full counter borrows a ms
 * from the future. */
static void step(unsigned start)
{
    moment now = moment_now();
    uint64_t ms = now > 0 ? (uint64_t)now : 0;
    if (ms > own.ms) {
        own.ms = ms;
        own.counter = start & COUNTER_START_MAX;
    } else if (own.counter < COUNTER_MAX) {
        own.counter++;
    } else {
        own.ms++;
        own.counter = start & COUNTER_START_MAX;
    }
}

char *ident_new(char out[IDENT_BYTES])
{
    unsigned char uuid[UUID_BYTES];
    ident_random(uuid + 6, UUID_BYTES - 6);
    step((unsigned)uuid[6] << 8 | uuid[7]);
    for (int i = 0; i < 6; i++)
        uuid[i] = (unsigned char)(own.ms >> (40 - 8 * i));
    uuid[6] = (unsigned char)(own.counter >> 8);
    uuid[7] = (unsigned char)own.counter;
    set_version(uuid, 7);
    return uuid_text(uuid, out);
}

char *ident_fresh(struct arena *arena)
{
    return ident_new(arena_alloc(arena, IDENT_BYTES));
}

static void add_part(struct buffer *buffer, const char *part)
{
    uint64_t bytes = strlen(part);
    for (int shift = 56; shift >= 0; shift -= 8)
        buffer_add_char(buffer, (char)(unsigned char)(bytes >> shift));
    buffer_add_n(buffer, part, bytes);
}

/* Never change the namespace or the order of what is hashed: ids in databases depend on it. */
char *ident_named(struct arena *arena, const char *namespace_text, ...)
{
    static const unsigned char namespace_parley[UUID_BYTES] = { 0x5a, 0x1f, 0xb0, 0x8e, 0x3c, 0x64, 0x4d, 0x27,
                                                                0x9e, 0x71, 0xc2, 0x0d, 0x86, 0xf3, 0x4b, 0xa9 };
    assert(namespace_text);
    struct buffer hashed = { .arena = arena };
    buffer_add_n(&hashed, (const char *)namespace_parley, UUID_BYTES);
    add_part(&hashed, namespace_text);
    va_list parts;
    va_start(parts, namespace_text);
    for (const char *part; (part = va_arg(parts, const char *));)
        add_part(&hashed, part);
    va_end(parts);
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(hashed.text, hashed.bytes, digest, NULL, EVP_sha1(), NULL) != 1)
        abort();
    set_version(digest, 5);
    return uuid_text(digest, arena_alloc(arena, IDENT_BYTES));
}

int64_t ident_number(const char *a, const char *b)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, a, strlen(a)) != 1 || EVP_DigestUpdate(context, "/", 1) != 1 ||
        EVP_DigestUpdate(context, b, strlen(b)) != 1 || EVP_DigestFinal_ex(context, digest, NULL) != 1)
        abort();
    EVP_MD_CTX_free(context);
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | digest[i];
    return (int64_t)number;
}

/* -1 when c is no hex digit. A table, for ids are read often and branches on random digits are guessed wrong. */
static int hex_value(char c)
{
    static const signed char above[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
        ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    };
    return above[(unsigned char)c] - 1;
}

char *ident_default_company(struct arena *arena)
{
    return ident_named(arena, "company", "default", NULL);
}

/* Where the digits of each byte stand. */
static const unsigned char digits_at[UUID_BYTES] = { 0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34 };

bool ident_valid(const char *text)
{
    if (!text || strnlen(text, IDENT_BYTES) != IDENT_BYTES - 1)
        return false;
    int all = 0; /* negative once a value is */
    for (size_t i = 0; i < UUID_BYTES; i++)
        all |= hex_value(text[digits_at[i]]) | hex_value(text[digits_at[i] + 1]);
    return all >= 0 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-';
}

void ident_bytes(const char *text, unsigned char out[UUID_BYTES])
{
    for (size_t i = 0; i < UUID_BYTES; i++)
        out[i] =
            (unsigned char)((unsigned)hex_value(text[digits_at[i]]) << 4 | (unsigned)hex_value(text[digits_at[i] + 1]));
}

moment ident_moment(const char *ident)
{
    if (!ident_valid(ident) || ident[14] != '7' || (hex_value(ident[19]) & 0xC) != 0x8)
        return 0;
    uint64_t ms = 0;
    for (int i = 0; i < 13; i++)
        if (i != 8)
            ms = ms << 4 | (unsigned)hex_value(ident[i]);
    return (moment)ms;
}
