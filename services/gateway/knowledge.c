#include "knowledge.h"

#include "wire/pb.h"

enum status knowledge_replace_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    (void)exchange;
    (void)error;
    PB_SET((Pb__KnowledgePutRequest *)request, replaces, true);
    return OK;
}

/* Should the queue be away the document is saved all the same, and the sweep asks for its job. */
enum status knowledge_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                             struct error *error)
{
    const Pb__KnowledgeDocument *document = (const Pb__KnowledgeDocument *)reply;
    (void)request;
    if (document->n_jobs > 0)
        (void)ask_enqueue(exchange->arena, document->jobs, document->n_jobs, NULL, error);
    return OK;
}
