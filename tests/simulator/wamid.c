#include "simulator.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void wamid_write(char id[WAMID_ROOM])
{
    static uint64_t run;
    static uint64_t number;
    while (run == 0)
        if (getrandom(&run, sizeof run, 0) != sizeof run)
            run = 0;
    char plain[34]; /* base64 makes 44 characters of it */
    int length =
        snprintf(plain, sizeof plain, "SIM-%016llx-%08llx", (unsigned long long)run, (unsigned long long)++number);
    static const char prefix[] = "wamid.";
    memcpy(id, prefix, sizeof prefix);
    EVP_EncodeBlock((unsigned char *)id + sizeof prefix - 1, (const unsigned char *)plain, length);
}
