/* x86-64 processors with AVX2, from 2013 on. */
#if defined(__GNUC__) && defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,f16c")
#endif

#define VECTOR_BYTES 32
#define LEVEL(name) name##_avx2
#define LEVEL_NAME "avx2"

#include "level_body.h"

static int available(void) {
        unsigned a, b, c, d; /* Compilers learnt late to ask for F16C by name. */
    return __builtin_cpu_supports("avx2") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

DEFINE_LEVEL

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#else
typedef int no_empty_file; /* ISO C wants something in a file. */
#endif
