#include "channels/whatsapp_cloud.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/text.h"

enum {
    SIGNATURE_BYTES = 32,
    NUMBER_INTERVAL_MS = (1000 + WHATSAPP_CLOUD_RATE_PER_SECOND - 1) / WHATSAPP_CLOUD_RATE_PER_SECOND
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Lower case only, as Meta writes it; exactly as many digits as there are bytes. */
static bool hex_read(const char *text, unsigned char *out, size_t bytes)
{
    if (strlen(text) != bytes * 2)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool whatsapp_cloud_signed(const char *secret, const char *header, const void *body, size_t bytes)
{
    static const char PREFIX[] = "sha256=";
    unsigned char told[SIGNATURE_BYTES];
    unsigned char made[EVP_MAX_MD_SIZE];
    unsigned made_bytes = 0;
    if (text_empty(secret) || !text_starts(header, PREFIX) || !hex_read(header + strlen(PREFIX), told, sizeof told))
        return false;
    if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), bytes ? body : "", bytes, made, &made_bytes))
        return false;
    return made_bytes == sizeof told && CRYPTO_memcmp(told, made, sizeof told) == 0;
}

/* -- errors */

#define CLASS(name) PB__SEND_CLASS__SEND_CLASS_##name

/*
 * Every row of Meta's error list, by what a sender has to do about it. Titles and HTTP statuses are not a contract:
 * only the code counts. A range is one row; what is not listed is our request being wrong until a person has looked
 * (PERMANENT: dead letters, kept raw).
 */
static const struct {
    int64_t first, last;
    Pb__SendClass error_class;
} CODES[] = {
    { 0, 0, CLASS(AUTH) },  /* the token's user can't be authenticated */
    { 1, 1, CLASS(RETRY) }, /* "unknown API fault or bad request": mostly passing; the ladder's five retries are the
                               "few times" */
    { 2, 2, CLASS(RETRY) },
    { 3, 3, CLASS(AUTH) }, /* capability or permission missing */
    { 4, 4,
      CLASS(THROTTLE_NUMBER) }, /* calls of the whole app: slow down, the number's lane is the nearest brake we have */
    { 10, 10, CLASS(AUTH) },
    { 33, 33, CLASS(AUTH) }, /* the phone number is gone: the account's fault, not the recipient's */
    { 100, 100, CLASS(PERMANENT) },
    { 190, 190, CLASS(AUTH) },
    { 200, 299, CLASS(AUTH) },
    { 368, 368, CLASS(AUTH) }, /* blocked for policy: a person has to act, every further send makes it worse */
    { 80007, 80007, CLASS(THROTTLE_NUMBER) },
    { 130429, 130429, CLASS(THROTTLE_NUMBER) },
    /* A marketing experiment keeps this person from marketing: nothing is wrong with us, so an outcome and no dead
       letter. */
    { 130472, 130472, CLASS(UNREACHABLE) },
    /* "May not message this country": some lists call it the account's restriction; it holds for this recipient only,
       others go on. */
    { 130497, 130497, CLASS(UNREACHABLE) },
    { 131000, 131000, CLASS(RETRY) },
    { 131005, 131005, CLASS(AUTH) },
    { 131008, 131009, CLASS(PERMANENT) },
    { 131016, 131016, CLASS(RETRY) },
    { 131021, 131021,
      CLASS(UNREACHABLE) }, /* recipient equals sender: this address never can be reached, nothing to repair */
    { 131026, 131026,
      CLASS(UNREACHABLE) }, /* not on WhatsApp, terms not accepted, old client or blocked: Meta doesn't say which */
    /* A test number's allow list. Seen from this send the recipient can't be reached; it needs no new token and no
       retry. */
    { 131030, 131030, CLASS(UNREACHABLE) },
    { 131031, 131031, CLASS(AUTH) },
    { 131037, 131037, CLASS(AUTH) }, /* display name needs approval */
    { 131042, 131042, CLASS(AUTH) }, /* payment: the account's, a person must act */
    { 131045, 131045, CLASS(AUTH) },
    { 131047, 131047, CLASS(WINDOW) },
    /* Spam limit. Some clients retry it as a throttle; the contract says hold: repeating is what caused it. */
    { 131048, 131048, CLASS(AUTH) },
    /* The person's cap on marketing: at the earliest after a day, so never by a ladder of minutes. An outcome for this
       message. */
    { 131049, 131049, CLASS(UNREACHABLE) },
    { 131050, 131050, CLASS(OPTED_OUT) },
    { 131051, 131051, CLASS(PERMANENT) },
    { 131052, 131052, CLASS(MEDIA) }, /* the customer's media; can't answer a send, but a status has carried it */
    { 131053, 131053, CLASS(MEDIA) },
    { 131056, 131056, CLASS(THROTTLE_PAIR) },
    { 131057, 131057, CLASS(RETRY) }, /* maintenance, a minute at most */
    { 132000, 132001, CLASS(TEMPLATE) },
    { 132005, 132005, CLASS(TEMPLATE) },
    { 132007, 132008, CLASS(TEMPLATE) },
    { 132012, 132012, CLASS(TEMPLATE) },
    { 132015, 132016, CLASS(TEMPLATE) },
    { 132068, 132069, CLASS(TEMPLATE) }, /* a flow blocked or throttled: what we send is at fault, as with a template */
    { 133004, 133004, CLASS(RETRY) },
    { 133005, 133005, CLASS(AUTH) }, /* two-step PIN */
    { 133008, 133010, CLASS(AUTH) }, /* PIN tries; number not registered */
    /* Registering too often heals after 72 h, but never inside a ladder, and a send can't cause it: a person looks. */
    { 133016, 133016, CLASS(AUTH) },
    { 135000, 135000, CLASS(PERMANENT) },
    /* The person behind the number changed: nothing may go there until somebody has verified it. An outcome. */
    { 137000, 137000, CLASS(UNREACHABLE) },
};

Pb__SendClass whatsapp_cloud_class(int64_t code)
{
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
        if (code >= CODES[i].first && code <= CODES[i].last)
            return CODES[i].error_class;
    return CLASS(PERMANENT);
}

const char *whatsapp_cloud_class_word(Pb__SendClass error_class)
{
    static const char *const WORDS[] = {
        [CLASS(UNSPECIFIED)] = "unspecified",
        [CLASS(RETRY)] = "retry",
        [CLASS(THROTTLE_NUMBER)] = "throttle_number",
        [CLASS(THROTTLE_PAIR)] = "throttle_pair",
        [CLASS(WINDOW)] = "window",
        [CLASS(OPTED_OUT)] = "opted_out",
        [CLASS(UNREACHABLE)] = "unreachable",
        [CLASS(TEMPLATE)] = "template",
        [CLASS(AUTH)] = "auth",
        [CLASS(MEDIA)] = "media",
        [CLASS(PERMANENT)] = "permanent",
    };
    size_t at = (size_t)error_class;
    return at < sizeof WORDS / sizeof *WORDS ? WORDS[at] : WORDS[0];
}

/* -- lanes */

static Pb__Lane *lane_new(struct arena *arena, char *name, int32_t interval_ms, int32_t in_flight_max)
{
    Pb__Lane *lane = PB_NEW(arena, lane);
    lane->name = name;
    PB_SET(lane, interval_ms, interval_ms);
    PB_SET(lane, in_flight_max, in_flight_max);
    return lane;
}

/*
 * The newest job's limits are a lane's, so a person's messages have a lane of their own: sharing the automated one
 * would lift its interval. Meta's pair limit (one in 6 s, bursts up to 45) can't be said as an interval without slowing
 * a person's burst down; they go one at a time, and 131056 makes them wait.
 */
static Pb__Lane *recipient_lane(struct arena *arena, const char *account, const char *recipient, bool automated,
                                int64_t interval_ms)
{
    if (!automated)
        return lane_new(arena, text_format(arena, "whatsapp_cloud:%s:%s:person", account, recipient), 0, 1);
    int32_t wait_ms = interval_ms > INT32_MAX ? INT32_MAX : (int32_t)interval_ms;
    return lane_new(arena, text_format(arena, "whatsapp_cloud:%s:%s", account, recipient), wait_ms, 1);
}

size_t whatsapp_cloud_lanes(struct arena *arena, const char *account, const char *recipient, bool automated,
                            int64_t interval_ms, Pb__Lane ***lanes)
{
    *lanes = NULL;
    if (interval_ms <= 0)
        return 0;
    *lanes = ARENA_ARRAY(arena, Pb__Lane *, 2);
    (*lanes)[0] = recipient_lane(arena, account, recipient, automated, interval_ms);
    (*lanes)[1] = lane_new(arena, text_format(arena, "whatsapp_cloud:%s", account), NUMBER_INTERVAL_MS, 0);
    return 2;
}
