#include "base/test.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "service/process.h"

static void nothing(struct batch *batch)
{
    (void)batch;
}

static const struct route routes[] = { { .takes = &STORE_LEAD_GET, .handle = nothing },
                                       { .takes = &INBOUND_MESSAGE, .handle = nothing },
                                       { .takes = &STORE_LEAD_LIST, .handle = nothing },
                                       { 0 } };
static const struct service service = { .name = "lead-store", .help = "keeps \"leads\"", .routes = routes };
static struct arena *arena;

static int open_process(void **state)
{
    (void)state;
    arena = arena_new(0);
    process.service = &service;
    snprintf(process.worker_id, sizeof process.worker_id, "lead-store-1");
    return 0;
}

static int close_process(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const cJSON *answer(const char *subject)
{
    cJSON *tree = NULL;
    const char *text = micro_answer(arena, subject);
    assert_non_null(text);
    assert_int_equal(json_parse(arena, text, strlen(text), &tree, NULL), OK);
    return tree;
}

static const char *member(const cJSON *tree, const char *name)
{
    const char *text = NULL;
    assert_int_equal(json_need_text(tree, name, &text, NULL), OK);
    return text;
}

static void all_three_forms_of_a_question_are_answered(void **state)
{
    (void)state;
    static const char *const subjects[] = { "$SRV.PING", "$SRV.PING.lead-store", "$SRV.PING.lead-store.lead-store-1" };
    for (int i = 0; i < 3; i++) {
        const cJSON *tree = answer(subjects[i]);
        assert_string_equal(member(tree, "type"), "io.nats.micro.v1.ping_response");
        assert_string_equal(member(tree, "name"), "lead-store");
        assert_string_equal(member(tree, "id"), "lead-store-1");
    }
}

static void questions_to_others_are_not(void **state)
{
    (void)state;
    assert_null(micro_answer(arena, "$SRV.PING.ingest"));
    assert_null(micro_answer(arena, "$SRV.PING.lead-store.lead-store-2"));
    assert_null(micro_answer(arena, "$SRV.OTHER"));
    assert_null(micro_answer(arena, "$SRV"));
    assert_null(micro_answer(arena, "$SRV.PING.lead-store.lead-store-1.more"));
}

static void info_and_stats_list_what_is_asked_and_not_what_is_pulled(void **state)
{
    (void)state;
    static const char *const subjects[] = { "$SRV.INFO", "$SRV.STATS" };
    for (int i = 0; i < 2; i++) {
        const cJSON *endpoints = NULL;
        assert_int_equal(json_need_array(answer(subjects[i]), "endpoints", &endpoints, NULL), OK);
        assert_int_equal(cJSON_GetArraySize(endpoints), 2);
        assert_string_equal(member(cJSON_GetArrayItem(endpoints, 1), "subject"), "store.lead.list");
        assert_string_equal(member(cJSON_GetArrayItem(endpoints, 0), "name"), "store-lead-get");
    }
    assert_string_equal(member(answer("$SRV.INFO"), "description"), "keeps \"leads\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_three_forms_of_a_question_are_answered),
        cmocka_unit_test(questions_to_others_are_not),
        cmocka_unit_test(info_and_stats_list_what_is_asked_and_not_what_is_pulled),
    };
    return cmocka_run_group_tests(tests, open_process, close_process);
}
