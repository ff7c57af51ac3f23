/*
 * operator_post - the messages that persons write in one request, on their way; shared by the files of operator.
 *
 * Read first (operator_known), judged next (operator_check), written last (operator): a refused one has written
 * nothing.
 */
#pragma once
#include "conversation/handover.h"
#include "conversation/outbound.h"
#include "template/template_use.h"

struct post {
    struct item *item;
    const Pb__OperatorMessageRequest *request;
    const char *id, *media; /* media: its JSON; NULL: none */
    const char *text;       /* written, or the canned reply's; NULL: none */
    const char *quoted;     /* provider's id of what is quoted */
    bool known, same;       /* a row of this id exists; with this very content */
    const char *known_conversation_id, *known_lead_id, *known_quoted;
    struct outbound outbound;
    struct held_conversation *conversation;
    bool unknown_file;             /* it names a file of ours that is none */
    struct template_use *template; /* of the same place in the list */
    bool written;
};

struct posting {
    struct batch *batch;
    struct handover handover;
    struct post *list;
    struct template_use *templates;
    size_t count;
};

/* Who is meant. */
struct target post_target(struct item *item);
/* What can be told without looking. */
enum status post_check(struct arena *arena, struct item *item, struct error *error);
/* Its conversation is chosen: why it can't be sent; the code stays empty when it can. */
void post_judge(const struct posting *posting, const struct post *post, struct error *refused);

/* Under the locks: files, templates, canned replies, what is there under the same ids, what is quoted. */
enum status posting_know(struct posting *posting, struct error *error);
