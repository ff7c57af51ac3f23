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

/* A digit's value and one, by its character; 0: no hex digit. Ids are read everywhere, a table is the fastest way. */
#define HEX(c, value) [c] = (value) + 1
static const unsigned char HEX_VALUES[256] = {
    HEX('0', 0),  HEX('1', 1),  HEX('2', 2),  HEX('3', 3),  HEX('4', 4),  HEX('5', 5),  HEX('6', 6),  HEX('7', 7),
    HEX('8', 8),  HEX('9', 9),  HEX('a', 10), HEX('b', 11), HEX('c', 12), HEX('d', 13), HEX('e', 14), HEX('f', 15),
    HEX('A', 10), HEX('B', 11), HEX('C', 12), HEX('D', 13), HEX('E', 14), HEX('F', 15),
};

/* -1 when c is no hex digit. */
static int hex_value(char c)
{
    return HEX_VALUES[(unsigned char)c] - 1;
}

char *ident_default_company(struct arena *arena)
{
    return ident_named(arena, "company", "default", NULL);
}

bool ident_valid(const char *text)
{
    if (!text)
        return false;
    for (int i = 0; i < IDENT_BYTES - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : hex_value(text[i]) < 0)
            return false;
    }
    return text[IDENT_BYTES - 1] == '\0';
}

void ident_bytes(const char *text, unsigned char out[UUID_BYTES])
{
    for (size_t i = 0; i < UUID_BYTES; i++) {
        text += *text == '-';
        out[i] = (unsigned char)((unsigned)hex_value(text[0]) << 4 | (unsigned)hex_value(text[1]));
        text += 2;
    }
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
