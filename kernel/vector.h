/* Vectors of VECTOR_BYTES bytes, which the file that includes this one defines, as it does LEVEL(name).
 *
 * GCC and Clang have vector types for which the operators of C work element by element, whatever the processor.
 * For other compilers a "vector" is one number: the same source is plain C then. */
#ifndef UNIFINIT_VECTOR_H
#define UNIFINIT_VECTOR_H

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "this compiler computes with more precision than asked for, which would give other bits"
#endif

#if defined(__GNUC__)
typedef uint32_t u32 __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t i32 __attribute__((vector_size(VECTOR_BYTES)));
typedef float f32 __attribute__((vector_size(VECTOR_BYTES)));
typedef uint64_t u64 __attribute__((vector_size(VECTOR_BYTES)));
typedef int64_t i64 __attribute__((vector_size(VECTOR_BYTES)));
typedef double f64 __attribute__((vector_size(VECTOR_BYTES)));
typedef uint32_t half_u32 __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef uint16_t half_u16 __attribute__((vector_size(VECTOR_BYTES / 2)));
#define INLINE static inline __attribute__((always_inline))
/* All ones where a condition holds, else 0. */
#define MASK32(condition) ((i32)(condition))
#define MASK64(condition) ((i64)(condition))
#define CONVERT(x, type) __builtin_convertvector(x, type)
#else
typedef uint32_t u32;
typedef int32_t i32;
typedef float f32;
typedef uint64_t u64;
typedef int64_t i64;
typedef double f64;
typedef uint32_t half_u32;
typedef uint16_t half_u16;
#define INLINE static __inline
#define MASK32(condition) (-(i32)(condition))
#define MASK64(condition) (-(i64)(condition))
#define CONVERT(x, type) ((type)(x))
#endif

#define LANES32 (sizeof(u32) / 4)
#define LANES64 (sizeof(u64) / 8)

/* Memory is read and written by memcpy: any alignment will do, and no type is read as another. */
#define LOAD(vector, source) memcpy(&(vector), (source), sizeof(vector))
#define STORE(target, vector) memcpy((target), &(vector), sizeof(vector))

/* The same bits as another type. */
#define DEFINE_CAST(name, from, to)                                                                               \
    INLINE to name(from x) {                                                                                      \
        to y;                                                                                                     \
        memcpy(&y, &x, sizeof y);                                                                                 \
        return y;                                                                                                 \
    }
DEFINE_CAST(bits_of_f32, f32, i32)
DEFINE_CAST(bits_of_f64, f64, u64)
DEFINE_CAST(f64_of_bits, u64, f64)
#undef DEFINE_CAST

#endif
