#include "base/test.h"

#include <string.h>

#include "base/arena.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena *arena = arena_new(256);
    for (int round = 0; round < 3; round++) {
        unsigned char *before = NULL;
        for (size_t bytes = 1; bytes < 600; bytes += 7) {
            unsigned char *piece = arena_alloc(arena, bytes);
            assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < bytes; i++)
                assert_int_equal(piece[i], 0);
            memset(piece, 0xEE, bytes);
            if (before)
                assert_int_equal(before[0], 0xEE);
            before = piece;
        }
        arena_reset(arena);
    }
    arena_free(arena);
}

static void a_reset_forgets_and_keeps_one_chunk(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1024);
    void *first = arena_alloc(arena, 16);
    arena_alloc(arena, 100000);
    assert_true(arena_used(arena) >= 100016);
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    assert_ptr_equal(arena_alloc(arena, 16), first);
    arena_free(arena);
}

static void a_large_piece_leaves_the_rest_of_the_chunk_in_use(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1024);
    char *first = arena_alloc(arena, 16);
    arena_alloc(arena, 100000);
    assert_ptr_equal(arena_alloc(arena, 16), first + 16);
    arena_free(arena);
}

static void a_size_of_a_stranger_is_refused_past_its_maximum(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    assert_non_null(arena_try(arena, 1000, 1000));
    assert_null(arena_try(arena, 1001, 1000));
    assert_null(arena_try(arena, SIZE_MAX, SIZE_MAX));
    assert_null(arena_try(arena, SIZE_MAX / 2 + 1, SIZE_MAX));
    arena_free(arena);
}

static void empty_pieces_have_addresses_of_their_own(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    void *a = arena_alloc(arena, 0);
    void *b = ARENA_ARRAY(arena, int, 0);
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    arena_free(arena);
}

static void copies_are_equal_and_end_with_nul(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    assert_string_equal(arena_text(arena, "moin"), "moin");
    assert_string_equal(arena_text_n(arena, "moin", 2), "mo");
    assert_string_equal(arena_text_n(arena, "", 0), "");
    assert_null(arena_text(arena, NULL));
    assert_null(arena_text_n(arena, NULL, 3));
    assert_memory_equal(arena_copy(arena, "a\0b", 3), "a\0b", 3);
    assert_non_null(arena_copy(arena, NULL, 0));
    arena_free(arena);
}

static void nothing_is_freed_without_complaint(void **state)
{
    (void)state;
    arena_free(NULL);
    struct arena *arena = arena_new(0);
    arena_reset(arena);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(a_reset_forgets_and_keeps_one_chunk),
        cmocka_unit_test(a_large_piece_leaves_the_rest_of_the_chunk_in_use),
        cmocka_unit_test(a_size_of_a_stranger_is_refused_past_its_maximum),
        cmocka_unit_test(empty_pieces_have_addresses_of_their_own),
        cmocka_unit_test(copies_are_equal_and_end_with_nul),
        cmocka_unit_test(nothing_is_freed_without_complaint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
