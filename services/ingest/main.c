/*
 * ingest - makes of what came in, whoever sent it, one canonical message or receipt, has it stored, and has done what
 * follows.
 *
 *   takes   inbound.message.*         one message of a webhook or request
 *           inbound.receipt.*         what a provider says of a message we sent
 *   asks    store.inbound.record      identities, lead, conversation, message: one request per batch
 *           store.receipt.apply       a status that only ever rises
 *           jobs.enqueue              the jobs that follow from what was stored
 *   answers ingest.quarantine.replay  puts what was set aside back to where it came from
 *
 * A message that can't be read is set aside alone. Everything is repeatable: the stream's message is acknowledged when
 * its rows and its jobs are written.
 */
#include "quarantine.h"
#include "receipt.h"
#include "record.h"
#include "service/service.h"

static const struct route routes[] = {
    { .takes = &INBOUND_MESSAGE, .handle = record_messages },
    { .takes = &INBOUND_RECEIPT, .handle = apply_receipts },
    { .takes = &INGEST_QUARANTINE_REPLAY, .handle = quarantine_replay, .batch_max = 1 },
    { 0 },
};

static const struct service ingest = { .name = "ingest",
                                       .help = "reads, stores and hands on what comes in",
                                       .routes = routes };

int main(int argc, char **argv)
{
    return service_main(argc, argv, &ingest);
}
