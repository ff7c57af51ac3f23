#include "media/media_link.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/text.h"

static char *sign(struct arena *arena, const char *key, const char *company_id, const char *media_id,
                  const char *expires)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    const char *said = text_format(arena, "media\n%s\n%s\n%s", company_id, media_id, expires);
    HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)said, strlen(said), mac, &bytes);
    return text_hex(arena, mac, bytes);
}

char *media_link(struct arena *arena, const char *key, const char *company_id, const char *media_id, moment expires_at)
{
    const char *expires = text_format(arena, "%lld", (long long)(expires_at / SECOND_MS));
    return text_format(arena, "/media/%s?company=%s&expires=%s&signature=%s", media_id, company_id, expires,
                       sign(arena, key, company_id, media_id, expires));
}

bool media_link_opens(struct arena *arena, const char *key, const char *company_id, const char *media_id,
                      const char *expires, const char *signature, moment now)
{
    long long until_s = 0;
    if (text_empty(key) || text_int64(expires, 1, MOMENT_MAX / SECOND_MS, "expires", &until_s, NULL) != OK)
        return false;
    return text_same_secret(sign(arena, key, company_id, media_id, expires), signature) &&
           now < (moment)until_s * SECOND_MS;
}
