/*
 * channel-whatsapp-cloud - hands messages to Meta's Cloud API.
 *
 *   takes   work.channel.send.whatsapp_cloud  a message that is queued
 *           work.channel.mark.whatsapp_cloud  a message of a customer's was read, or is being answered
 *           work.template.sync                a company's list of templates is to be asked for
 *   asks    store.send.authorize              may it leave, now? (the gate)
 *           store.send.settle                 what became of it
 *           store.message.mark                what Meta knows that message by
 *           store.template.accounts, .record  whose list; what it says
 *   calls   POST {GRAPH_BASE_URL}/{GRAPH_VERSION}/{account}/messages
 *           GET  {GRAPH_BASE_URL}/{GRAPH_VERSION}/{business account}/message_templates
 *
 * Meta knows no idempotency key: a message is handed over under the gate's go and once, and where no answer came it is
 * `unknown`, never sent again from here.
 */
#include "mark.h"
#include "send.h"
#include "service/service.h"
#include "templates.h"

static const struct route routes[] = {
    { .takes = &WORK_SEND_WHATSAPP_CLOUD, .handle = send_start, .resume = send_told, .batch_max = 128 },
    { .takes = &WORK_MARK_WHATSAPP_CLOUD,
      .handle = mark_start,
      .resume = mark_told,
      .batch_max = 128,
      .parked_max = 256 },
    { .takes = &WORK_TEMPLATE_SYNC,
      .handle = templates_start,
      .resume = templates_told,
      .batch_max = 16,
      .parked_max = 16 },
    { 0 },
};

static const struct service channel_whatsapp_cloud = { .name = "channel-whatsapp-cloud",
                                                       .help = "sends WhatsApp messages through Meta's Cloud API",
                                                       .settings = send_settings,
                                                       .routes = routes,
                                                       .open = send_open,
                                                       .close = send_close,
                                                       .http = true };

int main(int argc, char **argv)
{
    return service_main(argc, argv, &channel_whatsapp_cloud);
}
