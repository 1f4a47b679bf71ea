/* Fill memory of any strides with numbers of the stream at counters of any strides. */
#ifndef UNIFINIT_FILL_H
#define UNIFINIT_FILL_H

#include "level.h"

enum { MAX_AXES = 64 };

typedef enum { BITS, UNIFORM, NORMAL, TRUNCATED, KINDS } Kind;
typedef enum { UINT32, UINT64, FLOAT16, BFLOAT16, FLOAT32, FLOAT64, FORMATS } Format;

/* What the numbers are. */
typedef struct {
    uint32_t key[2];
    int32_t kind, format;
    Affine affine;
    Ends ends;
} Recipe;

/* Where the elements lie, and which counters they have. */
typedef struct {
    char *data;       /* The element whose indices are all 0, */
    uint64_t counter; /* and its counter. */
    int axes;
    struct Axis {
        int64_t size, stride, step; /* Stride in bytes; step in counters. */
    } axis[MAX_AXES];
} Elements;

/* NULL if the kernel can compute a recipe without leaving its tables or its types, or what is wrong with it. */
const char *check_recipe(const Recipe *recipe);

/* NULL if all counters are within 0 <= counter < 2**63, or what is wrong. */
const char *check_counters(const Elements *elements);

/* Bytes of an element. */
size_t item_size(Format format);

/* Order the axes as they lie in memory and join those that can be; no element is moved or lost. */
void arrange(Elements *elements);

/* Fill elements number start to stop, counted in the order of the axes, which has to be that of `arrange`. */
void fill(const Level *level, const Recipe *recipe, const Elements *elements, int64_t start, int64_t stop, int streaming);

#endif
