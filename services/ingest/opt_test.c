#include "base/test.h"

#include "opt.h"

static enum opt read_one(const char *text)
{
    struct arena *arena = arena_new(0);
    enum opt opt = opt_read(arena, text);
    arena_free(arena);
    return opt;
}

static void a_whole_message_that_is_a_stop_word_opts_out(void **state)
{
    static const char *const WORDS[] = {
        "stop",           "STOP",          "Stop!",         "  stop.  ",     "\"STOP\"",    "STOP 🛑",
        "🛑 stop 🛑", "stopall",       "Stop all",      "quit",          "END",         "revoke",
        "opt out",        "OPT-OUT",       "OptOut",        "cancel",        "Unsubscribe", "Stop promotions",
        "BAJA",           "darme de baja", "SAIR",          "Parar",         "Abmelden",    "STOPP",
        "ARRÊT",          "arret",         "Se désabonner", "SE DÉSABONNER", "बंद करें",       "স্টপ",
        "বন্ধ করুন",        "বন্ধ করুন।",      "СТОП",          "توقف",          "stop\n",      "¡Baja!"
    };
    (void)state;
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (read_one(WORDS[i]) != OPT_OUT)
            fail_msg("'%s' is no opt-out", WORDS[i]);
}

static void a_stop_word_inside_a_sentence_is_none(void **state)
{
    static const char *const TEXTS[] = { "We must STOP this bill",
                                         "stop it please",
                                         "please stop",
                                         "Don't stop",
                                         "the end",
                                         "cancel my order",
                                         "when does it end?",
                                         "bus stop",
                                         "stopping",
                                         "nonstop",
                                         "বন্ধ কখন?",
                                         "baja el precio",
                                         "STOP STOP",
                                         "s.t.o.p",
                                         "",
                                         "🛑",
                                         "!!!",
                                         "st op",
                                         "stop1" };
    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        if (read_one(TEXTS[i]) != OPT_NONE)
            fail_msg("'%s' is taken for an opt-out or opt-in", TEXTS[i]);
    assert_int_equal(read_one(NULL), OPT_NONE);
}

static void start_and_its_like_opt_in(void **state)
{
    static const char *const WORDS[] = { "START", "start.", "Unstop", "opt-in", "Subscribe", "শুরু", "शुरू करें" };
    (void)state;
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        assert_int_equal(read_one(WORDS[i]), OPT_IN);
    assert_int_equal(read_one("when do you start?"), OPT_NONE);
}

static void a_long_message_is_read_no_further_than_needed(void **state)
{
    struct arena *arena = arena_new(0);
    char *text = arena_alloc(arena, 60001);
    (void)state;
    for (size_t i = 0; i < 60000; i++)
        text[i] = "stop "[i % 5];
    assert_int_equal(opt_read(arena, text), OPT_NONE);
    assert_true(arena_used(arena) < 62000);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_message_that_is_a_stop_word_opts_out),
        cmocka_unit_test(a_stop_word_inside_a_sentence_is_none),
        cmocka_unit_test(start_and_its_like_opt_in),
        cmocka_unit_test(a_long_message_is_read_no_further_than_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
