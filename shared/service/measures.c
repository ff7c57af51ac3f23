#include "service/process.h"

struct metric measure_batch_items = {
    .name = "parley_batch_items", .help = "Items per batch.", .kind = METRIC_HISTOGRAM, .label = "route"
};
struct metric measure_handle_seconds = {
    .name = "parley_handle_seconds", .help = "Time one batch was handled.", .kind = METRIC_HISTOGRAM, .label = "route"
};
struct metric measure_stage_seconds = { .name = "parley_stage_seconds",
                                        .help = "Age of an item when it was taken.",
                                        .kind = METRIC_HISTOGRAM,
                                        .label = "route" };
struct metric measure_in_flight = {
    .name = "parley_in_flight", .help = "Items taken and not answered.", .kind = METRIC_GAUGE, .label = "route"
};
struct metric measure_parked = {
    .name = "parley_parked", .help = "Outside calls under way.", .kind = METRIC_GAUGE, .label = "route"
};
struct metric measure_items = {
    .name = "parley_items_total", .help = "Items that ended well.", .kind = METRIC_COUNTER, .label = "route"
};
struct metric measure_retries = {
    .name = "parley_retries_total", .help = "Answers that said: later.", .kind = METRIC_COUNTER, .label = "route"
};
struct metric measure_rejects = {
    .name = "parley_rejects_total", .help = "Answers that said: never.", .kind = METRIC_COUNTER, .label = "route"
};
struct metric measure_quarantined = {
    .name = "parley_quarantined_total", .help = "Messages kept for a person.", .kind = METRIC_COUNTER, .label = "route"
};
struct metric measure_queue_age_seconds = { .name = "parley_queue_age_seconds",
                                            .help = "Age of the oldest item of the last take.",
                                            .kind = METRIC_GAUGE,
                                            .label = "route" };
struct metric measure_vanished = { .name = "parley_streams_vanished_total",
                                   .help = "Streams and consumers that had to be made again.",
                                   .kind = METRIC_COUNTER,
                                   .label = "name" };
struct metric measure_stranded = { .name = "parley_messages_stranded_total",
                                   .help = "Messages that the broker kept behind its acknowledgements, taken again.",
                                   .kind = METRIC_COUNTER,
                                   .label = "stream" };
struct metric measure_started = { .name = "parley_process_start_time_seconds",
                                  .help = "When the process started, since 1970.",
                                  .kind = METRIC_GAUGE };
struct metric measure_dropped = { .name = "parley_calls_late_total",
                                  .help = "Requests dropped past their deadline.",
                                  .kind = METRIC_COUNTER,
                                  .label = "route" };
struct metric measure_bus_up = { .name = "parley_bus_up",
                                 .help = "1 while the bus is connected.",
                                 .kind = METRIC_GAUGE };
