#include "consent.h"

#include "base/text.h"
#include "handover.h"
#include "transcode.h"
#include "wire/pb.h"

enum status consent_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__ConsentRecordRequest *wanted = (Pb__ConsentRecordRequest *)request;
    (void)error;
    handover_name_operator(exchange, &wanted->operator_);
    return OK;
}

/* The lead may have become another's since: which one it is says the store. */
static bool same(const Pb__ConsentRecordRequest *wanted, const Pb__Consent *found)
{
    return text_same(wanted->scope, found->scope) && wanted->granted == found->granted &&
           wanted->has_channel == found->has_channel && wanted->channel == found->channel &&
           text_same(wanted->source, found->source) &&
           text_same(text_or(wanted->text_version, ""), text_or(found->text_version, "")) &&
           text_same(text_or(wanted->proof, ""), text_or(found->proof, "")) &&
           (!wanted->has_given_at || wanted->given_at == found->given_at);
}

enum status consent_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error)
{
    (void)exchange;
    if (same((const Pb__ConsentRecordRequest *)request, (const Pb__Consent *)reply))
        return OK;
    return transcode_other_body(error);
}
