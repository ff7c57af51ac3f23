#include "base/test.h"

#include <string.h>

#include "base/text.h"
#include "language/language.h"
#include "safety/find.h"

static int make_arena(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int free_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static const char *const KINDS[] = { "link", "email", "long", "money", "percent", "number" };

/* "money 350, link example.com" */
static const char *found(struct arena *arena, const char *text)
{
    struct facts facts = { 0 };
    struct buffer told = { .arena = arena };
    facts_find(arena, language_fold(arena, text), &facts);
    for (size_t i = 0; i < facts.count; i++)
        buffer_format(&told, "%s%s %s", i ? ", " : "", KINDS[facts.list[i].kind], facts.list[i].text);
    return buffer_text(&told);
}

#define FOUND(text, facts) assert_string_equal(found(*state, text), facts)

static void links_are_found_with_and_without_scheme(void **state)
{
    FOUND("See https://www.Example.com/Prices/, please.", "link example.com/prices");
    FOUND("(http://example.com)", "link example.com");
    FOUND("[book](https://a.example.org/b?c=1#d)!", "link a.example.org/b?c=1#d");
    FOUND("example.com is ours, shop.example.com.bd too", "link example.com, link shop.example.com.bd");
    FOUND("bit.ly/x1 and t.me/somebody", "link bit.ly/x1, link t.me/somebody");
    FOUND("www.beispiel.de:8080/a", "link beispiel.de:8080/a");
    FOUND("HTTPS://EXAMPLE．COM", "link example.com");
    FOUND("http://localhost/a", "link localhost/a");
    FOUND("http://www.", "link www");
    FOUND("it begins with https://www. and I forgot the rest", "link www");
    FOUND("http://www./a", "link www");
    FOUND("http://www.:80/", "link www, number 80");
}

static void what_only_looks_like_a_link_is_none(void **state)
{
    FOUND("Yes.We do. Call us.Or not, e.g. tomorrow...", "");
    FOUND("Dr.Smith and/or a.m./p.m.", "");
    FOUND("ratio 3.5", "number 3.5");
    FOUND("https:// is a scheme", "");
}

static void addresses_are_found_once(void **state)
{
    FOUND("Write to Info.Desk+a@Example.com.", "email info.desk+a@example.com");
    FOUND("mailto:a@b.example", "email a@b.example");
    FOUND("me @ home", "");
}

static void phone_numbers_are_their_digits(void **state)
{
    FOUND("call +880 1711-123456 or (02) 9876 5432", "long 8801711123456, long 0298765432");
    FOUND("order 88121234", "long 88121234");
    FOUND("৮৮০১৭১১১২৩৪৫৬", "long 8801711123456");
    FOUND("01 23 45 67 89", "long 0123456789");
}

static void dates_hours_and_years_are_no_phone_numbers(void **state)
{
    FOUND("2026-11-20 10:00", "number 10, number 0");
    FOUND("20.11.2026", "");
    FOUND("2024-2026", "");
    FOUND("9.00-17.30", "number 9, number 17.3");
}

static void money_is_a_number_beside_a_currency(void **state)
{
    FOUND("It costs $350 or 350.00 USD", "money 350, money 350");
    FOUND("৩৫০ টাকা, Tk. 1,500, ৳২,০০০", "money 350, money 1500, money 2000");
    FOUND("1.500,50 € und 1,00,000 BDT", "money 1500.5, money 100000");
    FOUND("US$20k, 2 lakh taka, 1 500 eur", "money 20000, money 200000, money 1500");
    FOUND("12,5 euro; €3.99", "money 12.5, money 3.99");
    FOUND("500/- tk", "number 500");
    FOUND("500/-", "number 500");
}

static void percentages_and_plain_numbers_are_told_apart(void **state)
{
    FOUND("20% off, 5 percent, ১০ শতাংশ", "percent 20, percent 5, percent 10");
    FOUND("3 rooms in 2 days", "number 3, number 2");
    FOUND("covid19 and h2o", "number 19, number 2");
}

static void nothing_in_it_is_nothing(void **state)
{
    FOUND("", "");
    FOUND("Hello! How can we help you?", "");
}

static void a_host_is_within_its_domain(void **state)
{
    assert_string_equal(fact_host(*state, "a.example.com:80/b"), "a.example.com");
    assert_true(host_within("example.com", "example.com"));
    assert_true(host_within("a.example.com", "example.com"));
    assert_false(host_within("notexample.com", "example.com"));
    assert_false(host_within("example.com.evil.org", "example.com"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(links_are_found_with_and_without_scheme),
        TEST(what_only_looks_like_a_link_is_none),
        TEST(addresses_are_found_once),
        TEST(phone_numbers_are_their_digits),
        TEST(dates_hours_and_years_are_no_phone_numbers),
        TEST(money_is_a_number_beside_a_currency),
        TEST(percentages_and_plain_numbers_are_told_apart),
        TEST(nothing_in_it_is_nothing),
        TEST(a_host_is_within_its_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
