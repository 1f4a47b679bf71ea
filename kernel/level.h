/* What is compiled once for each level, that is, for each set of instructions that processors have.
 *
 * All functions work on arrays whose length is a multiple of BATCH, and give the same bits at every level. */
#ifndef UNIFINIT_LEVEL_H
#define UNIFINIT_LEVEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    BATCH = 64,  /* A multiple of the elements that any level computes together. */
    BLOCK = 512, /* Elements that go through all steps together, so that they stay in the L1 cache. */
};

/* The quantile of the normal distribution, as docs/specification.md defines it, in the order in which it is read. */
enum { SINGLE_SEGMENTS = 24577, DOUBLE_SEGMENTS = 1697, DOUBLE_COEFFICIENTS = 7, DOUBLE_ROW = 8 };
extern int64_t single_table[SINGLE_SEGMENTS];              /* Upper half: the rise to the next value; lower: the value. */
extern int64_t double_table[DOUBLE_SEGMENTS * DOUBLE_ROW]; /* The coefficients of a segment lie side by side. */

enum { QR_WIDTH = 32 }; /* Columns that the decomposition reduces together. */

/* From fractions to points: U = first + floor(fraction * span); then a quantile between minimum and maximum. */
typedef struct {
    int64_t first, span, minimum, maximum;
} Ends;

/* (x + shift) * scale; then between minimum and maximum, if clips. */
typedef struct {
    double shift, scale, minimum, maximum;
    int clips;
} Affine;

typedef struct {
    const char *name;
    int (*available)(void);
    /* From counters to blocks, in place: the upper words in x0, the lower in x1. */
    void (*threefry)(const uint32_t key[2], uint32_t *x0, uint32_t *x1, size_t count);
    /* The same for the counters first, first + step, ..., all with the upper word of first. */
    void (*threefry_run)(const uint32_t key[2], uint64_t first, uint32_t step, uint32_t *x0, uint32_t *x1, size_t count);
    void (*bits32)(const uint32_t *x0, const uint32_t *x1, uint32_t *out, size_t count);
    void (*bits64)(const uint32_t *x0, const uint32_t *x1, uint64_t *out, size_t count);
    void (*uniform32)(const uint32_t *x0, const uint32_t *x1, const Affine *affine, float *out, size_t count);
    void (*normal32)(const uint32_t *x0, const uint32_t *x1, const Affine *affine, float *out, size_t count);
    void (*truncated32)(const uint32_t *x0, const uint32_t *x1, const Ends *ends, const Affine *affine, float *out,
                        size_t count);
    void (*uniform64)(const uint32_t *x0, const uint32_t *x1, const Affine *affine, double *out, size_t count);
    void (*normal64)(const uint32_t *x0, const uint32_t *x1, const Affine *affine, double *out, size_t count);
    void (*truncated64)(const uint32_t *x0, const uint32_t *x1, const Ends *ends, const Affine *affine, double *out,
                        size_t count);
    void (*to_float16)(const float *x, uint16_t *out, size_t count);
    void (*to_bfloat16)(const float *x, uint16_t *out, size_t count);
    /* Copy past the caches: for arrays that do not fit them. */
    void (*stream)(void *target, const void *source, size_t bytes);
    /* Make sure that others see what was streamed. */
    void (*fence)(void);
    /* Find the reflectors that would reduce a panel of at most QR_WIDTH columns: write V (rows x columns), T
     * (columns x columns) and the signs of the diagonal of R. Work has rows * columns elements. */
    void (*qr_panel)(const double *panel, ptrdiff_t rows, ptrdiff_t row_stride, int columns, double *reflectors,
                     double *triangle, double *signs, double *work);
    /* C := (I - V T V^T) C. */
    void (*qr_reflect)(double *c, ptrdiff_t rows, ptrdiff_t row_stride, ptrdiff_t columns, const double *reflectors,
                       int width, const double *triangle);
} Level;

extern const Level level_baseline;
#if defined(__GNUC__) && defined(__x86_64__)
extern const Level level_avx2, level_avx512;
#endif

#endif
