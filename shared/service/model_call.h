/*
 * model_call - asking a company's models within one handling of a job: the first that can be asked, and when it does
 * not answer the next of the list, while there is time.
 *
 * For slow routes. What to ask comes from a context that is read anew for each model: between two models the world may
 * have changed, so whoever is told "again" opens its work again.
 */
#pragma once
#include "service/model.h"

/* One handling's; zeroed, then model_asking_begin. */
struct model_asking {
    const struct llm_provider *provider; /* that is asked */
    int64_t began_us, started_us;        /* the handling; the call */
    unsigned tried;                      /* models of the company's list that did not answer, as bits */
    unsigned bit;                        /* of the one that is asked */
    bool others;                         /* there are more of them */
    bool heals;                          /* one that was tried may answer later */
    const char *model;                   /* the one that is asked, as named to the provider */
    bool format;                         /* it is asked for the format of its answer */
    bool format_refused;                 /* and may have refused the call before because of that */
    bool malformed;                      /* its answer before couldn't be read */
};

/* How an answer is read that is more than text: into the reply, or as LLM_RETRY, "malformed". */
struct model_wanted {
    void (*read)(struct arena *arena, const void *how, struct llm_reply *reply);
    const void *how;
    bool refusals; /* a refusal is an answer, too: the reply's end says so */
};

void model_asking_begin(struct model_asking *asking);

/* Chooses the next model; what it brings is in the context then. REJECT: none can be asked. */
enum status model_next(struct model_asking *asking, Pb__TurnContext *context, moment now, struct model_choice *choice,
                       struct error *error);
/* Parks the item; label as in item_call. Only for providers that compose. The prompt's schema is left out where the
 * server has refused one. */
void model_call(struct batch *batch, struct item *item, struct model_asking *asking, const struct model_choice *choice,
                const struct llm_prompt *prompt, const char *label);

enum model_told {
    MODEL_ANSWERED, /* the reply has a text */
    MODEL_AGAIN, /* another model is to be asked, or the same once more: without the format, or after a malformed answer
                  */
    MODEL_IN_VAIN, /* the call was ended by us */
    MODEL_FAILED,  /* the item has its answer: RETRY or REJECT */
};
/* In resume: how the call ended. wanted: NULL where any text will do. */
enum model_told model_told(struct batch *batch, struct item *item, struct model_asking *asking,
                           const struct model_wanted *wanted, struct llm_reply *reply);

/* Enough of the run for one more call. */
bool model_time_left(const struct model_asking *asking);
int32_t model_latency_ms(const struct model_asking *asking);
