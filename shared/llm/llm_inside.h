/*
 * llm_inside - what the providers' files share: reading an answer that may be anything, ending a judgement, and the
 * shape of a talk where roles must alternate. Nobody else includes it.
 */
#pragma once
#include "base/json.h"
#include "base/text.h"
#include "llm/llm.h"

/* A model that thinks spends of the same allowance as its answer: so many tokens are added for that, or nothing of a
 * short limit would be left for the text. */
enum { LLM_THOUGHT_TOKENS = 4096, LLM_ACTION_TOKENS = 300 /* the same for actions and the JSON around them */ };

/* -- reading; every function takes NULL and any type for an object */

cJSON *llm_object(struct arena *arena, const char *body, size_t bytes); /* NULL: the body is no JSON object */
const cJSON *llm_member(const cJSON *object, const char *name);         /* NULL when absent */
const cJSON *llm_list(const cJSON *object, const char *name);           /* first element of an array; NULL: none */
const char *llm_text(const cJSON *object, const char *name);            /* "" when absent or no text */
int llm_tokens(const cJSON *usage, const char *name);                   /* 0 when absent or out of range */
bool llm_among(const char *word, const char *const *words);
/* Which model a server says it was: a name, of which an index must hold the whole. */
const char *llm_model_told(struct arena *arena, const cJSON *object, const char *name);

/* -- ending a judgement */

void llm_blank(struct llm_reply *out);
void llm_end(struct llm_reply *out, enum llm_end end, const char *reason, const char *sentence);

/* Keeps the provider's word for an error, as far as it is a word: its message may quote keys and prompts and is never
 * kept. Returns the sentence that tells of it. */
const char *llm_failed(struct arena *arena, long status, const char *code, struct llm_reply *out);

/* What the status alone says, after llm_failed. */
void llm_end_by_status(long status, const char *sentence, struct llm_reply *out);

/* Of a good answer: refused, cut and model are set, text is the model's words as they came. */
void llm_end_answer(struct arena *arena, const char *text, bool refused, struct llm_reply *out);

/* An answer whose errors stand under "error", also beside a good status: the body is read once and judged by the
 * provider's own two functions; no JSON object under a good status is retried. */
typedef void llm_judge_answer(struct arena *arena, const cJSON *root, struct llm_reply *out);
typedef void llm_judge_error(struct arena *arena, long http_status, const cJSON *error, struct llm_reply *out);
void llm_judge(struct arena *arena, long http_status, const char *body, size_t bytes, llm_judge_answer *answer,
               llm_judge_error *failure, struct llm_reply *out);

/* -- composing where roles must alternate */

/* All system messages as one text; "" when there are none. */
const char *llm_system(struct arena *arena, const struct llm_prompt *prompt);

/* How a provider writes a turn: {"role":<...>,"<list>":[<part><text>},...]} */
struct llm_turn_form {
    const char *assistant; /* its word for that role */
    const char *list;
    const char *part;                                               /* up to the text */
    void (*file)(struct buffer *json, const struct llm_file *file); /* a part that is one */
};

/* The talk as a JSON array: messages of one role in a row are one turn with a part each, the first and the last turn
 * are the user's, no part is blank. */
void llm_add_turns(struct buffer *json, const struct llm_prompt *prompt, const struct llm_turn_form *form);

/* The limit to send, and a number within its range. */
int llm_tokens_max(const struct llm_prompt *prompt, bool thinks);
double llm_within(double value, double min, double max);
