/*
 * test - cmocka, included in the one order that it needs, without its macro `fail`.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail
