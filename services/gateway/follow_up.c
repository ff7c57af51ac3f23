#include "follow_up.h"

#include "service/client.h"
#include "wire/pb.h"

enum status follow_up_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                             struct error *error)
{
    Pb__FollowUpAccepted *accepted = (Pb__FollowUpAccepted *)reply;
    Pb__JobEnqueued **enqueued = NULL;
    (void)request;
    TRY(ask_enqueue(exchange->arena, accepted->jobs, accepted->n_jobs, &enqueued, error));
    accepted->job_id = enqueued[0]->job_id;
    PB_SET(accepted, status, enqueued[0]->status);
    return OK;
}
