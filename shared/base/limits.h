/*
 * limits - every maximum of the house, in one place, so that they can be held against each other.
 *
 * Sizes in bytes, times in ms. Where a number is a vendor's or measured, the line says whose.
 */
#pragma once
#include <assert.h>

enum {
    /* memory */
    ARENA_CHUNK_BYTES = 64 * 1024,
    JSON_DEPTH_MAX = 32,
    JSON_BYTES_MAX = 4 * 1024 * 1024,
    JSON_VALUES_MAX = 256 * 1024, /* about 64 bytes of tree each */

    /* REST */
    HTTP_BODY_BYTES_MAX = 1024 * 1024,
    WEBHOOK_BODY_BYTES_MAX = 3 * 1024 * 1024, /* Meta sends up to about 3 MB */
    WEBHOOK_PIECES_MAX = 4096,                /* of one body; Meta puts up to 1,000 into one */
    WEBHOOK_PIECES_BYTES_MAX = 2 * WEBHOOK_BODY_BYTES_MAX,
    CORRELATION_BYTES_MAX = 128,
    KEY_BYTES_MAX = 255, /* external_id, Idempotency-Key */
    NAME_BYTES_MAX = 512,
    MESSAGE_TEXT_BYTES_MAX = 64 * 1024,    /* an inbound text as accepted; channels cap what they send */
    KNOWLEDGE_TEXT_BYTES_MAX = 512 * 1024, /* of one document */
    PAGE_ITEMS = 50,
    PAGE_ITEMS_MAX = 200,

    /* bus */
    BUS_PAYLOAD_BYTES_MAX = 4 * 1024 * 1024, /* max_payload of our nats-server */
    BATCH_ITEMS_MAX = 256,
    BATCH_BYTES_MAX = 256 * 1024, /* a batch ends here, or at its items */
    REPLY_BYTES_MAX = 512 * 1024, /* past it the rest of a reply says RETRY */
    PUBLISH_SYNC_MAX = 8,         /* up to here one by one (0.12 ms each), above asynchronously with one wait */
    REQUEST_WAIT_MS = 5000,       /* deadline of a batched request */
    BLOCK_WAIT_MS_MAX = 3000,     /* a handling thread never blocks longer at a time */
    ACK_WAIT_MS = 15000,
    HEARTBEAT_MS = ACK_WAIT_MS / 3,
    DELIVERIES_ALONE_MAX = 10, /* then quarantined unhandled */
    PARKED_MAX = 4096,         /* outside calls in flight of one route */

    /* the turn */
    TURN_OWED_ITEMS_MAX = 50,
    TURN_OWED_BYTES_MAX = 64 * 1024,
    TURN_HISTORY_ITEMS_MAX = 40,
    REPLY_TEXT_BYTES_MAX = 16 * 1024,
    TURN_ACTIONS_MAX = 16,

    /* the gate */
    GO_VALID_MS = 5000,        /* between authorise and the first byte to the provider */
    LAST_BYTES_MS = 500,       /* what is sent in the last moment of a go is on its way a little longer */
    SEND_CALL_WAIT_MS = 20000, /* provider's answer to a send; past it the send is unknown */
    UNKNOWN_HOLD_MS = 10 * 60 * 1000,
    SERVICE_WINDOW_MS = 24 * 60 * 60 * 1000, /* WhatsApp's customer service window */
    SERVICE_WINDOW_MARGIN_MS = 60 * 1000,
};

static_assert(BATCH_BYTES_MAX + WEBHOOK_BODY_BYTES_MAX < BUS_PAYLOAD_BYTES_MAX,
              "the largest webhook item and a batch fit a payload");
static_assert(REPLY_BYTES_MAX < BUS_PAYLOAD_BYTES_MAX, "a reply fits a payload");
static_assert(BLOCK_WAIT_MS_MAX < HEARTBEAT_MS,
              "a blocked thread still comes round before its messages are taken from it");
static_assert(GO_VALID_MS < SEND_CALL_WAIT_MS, "a call outlives the go it starts under");
