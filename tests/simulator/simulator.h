/*
 * simulator - the one world everything here lives in.
 */
#ifndef SIMULATOR_SIMULATOR_H
#define SIMULATOR_SIMULATOR_H

#include "faults.h"
#include "graph_limits.h"
#include "http_server.h"
#include "loop.h"
#include "receipts.h"
#include "records.h"
#include "webhook.h"

#include <stdint.h>

struct settings {
    uint16_t port;
    char app_secret[200];                 /* signs the webhooks */
    char token[1000];                     /* empty: any bearer will do, but one there must be */
    char webhook_urls[WEBHOOK_URLS_ROOM]; /* comma separated; empty: nobody listens */
    char phone_ids[1000];                 /* comma separated; empty: any will do */
    char llm_key[1000];                   /* empty: as `token` */
};

struct simulator {
    struct settings settings;
    struct loop loop;
    struct http_server server;
    struct faults faults;
    struct records records;
    struct graph_limits limits;
    struct webhook webhook;
    struct receipts receipts;
};

/* A fresh message id; never given twice, not even by another run. */
enum { WAMID_ROOM = 64 };
void wamid_write(char id[WAMID_ROOM]);

#endif
