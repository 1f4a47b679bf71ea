#include "fill.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Checks. */

static int is_finite(double x, int wide) {
    return wide ? isfinite(x) : isfinite((float)x);
}

static int finite_affine(const Affine *affine, int wide) {
    return is_finite(affine->shift, wide) && is_finite(affine->scale, wide) && is_finite(affine->minimum, wide) &&
           is_finite(affine->maximum, wide);
}

const char *check_recipe(const Recipe *recipe) {
    const int wide = recipe->format == FLOAT64;
    const int64_t limit = (int64_t)1 << (wide ? 53 : 24); /* Points are below it in magnitude. */
    const int64_t largest = wide ? (int64_t)1 << 62 : INT32_MAX;
    const Ends *ends = &recipe->ends;
    if (recipe->kind < 0 || recipe->kind >= KINDS) return "unknown kind of numbers";
    if (recipe->format < 0 || recipe->format >= FORMATS) return "unknown format of numbers";
    if ((recipe->kind == BITS) != (recipe->format == UINT32 || recipe->format == UINT64)) {
        return "a format that the kind of numbers cannot have";
    }
    if (!finite_affine(&recipe->affine, wide)) return "a parameter that is not finite";
    if (recipe->kind == TRUNCATED) {
        if (ends->first <= -limit || ends->first >= limit) return "a first point out of range";
        if (ends->span < 0 || ends->span >= limit - ends->first) return "a last point out of range";
        if (!(-largest <= ends->minimum && ends->minimum <= ends->maximum && ends->maximum <= largest)) {
            return "a bound out of range";
        }
    }
    return NULL;
}

const char *check_counters(const Elements *elements) {
    /* In unsigned numbers below 2**63, so that no sum wraps around unnoticed. */
    const uint64_t limit = (uint64_t)1 << 63;
    uint64_t lowest = elements->counter, highest = elements->counter;
    if (lowest >= limit) return "the first counter is out of range";
    for (int i = 0; i < elements->axes; i++) {
        const struct Axis *axis = &elements->axis[i];
        if (axis->size < 1) return "an axis without elements";
        const uint64_t steps = (uint64_t)(axis->size - 1);
        const uint64_t length = axis->step < 0 ? 0 - (uint64_t)axis->step : (uint64_t)axis->step;
        if (steps && length > (limit - 1) / steps) return "counters are out of range";
        const uint64_t reach = steps * length;
        if (axis->step < 0) {
            if (reach > lowest) return "counters are out of range";
            lowest -= reach;
        } else {
            if (reach >= limit - highest) return "counters are out of range";
            highest += reach;
        }
    }
    return NULL;
}

size_t item_size(Format format) {
    switch (format) {
    case FLOAT16:
    case BFLOAT16:
        return 2;
    case UINT64:
    case FLOAT64:
        return 8;
    default:
        return 4;
    }
}

/* The order of elements. */

void arrange(Elements *elements) {
    struct Axis *axis = elements->axis;
    int axes = 0;
    for (int i = 0; i < elements->axes; i++) {
        if (axis[i].size > 1) axis[axes++] = axis[i];
    }
    for (int i = 1; i < axes; i++) { /* Widest stride first. */
        const struct Axis moved = axis[i];
        int place = i;
        for (; place > 0 && llabs(axis[place - 1].stride) < llabs(moved.stride); place--) axis[place] = axis[place - 1];
        axis[place] = moved;
    }
    int last = 0; /* The axis with which the next one may be joined. */
    for (int i = 1; i < axes; i++) {
        const struct Axis inner = axis[i], outer = axis[last];
        /* Modulo 2**64, as counters are computed too, so that no product can overflow. */
        const uint64_t size = (uint64_t)inner.size;
        const int joined = (uint64_t)outer.stride == (uint64_t)inner.stride * size &&
                           (uint64_t)outer.step == (uint64_t)inner.step * size;
        if (joined) {
            axis[last] = (struct Axis){outer.size * inner.size, inner.stride, inner.step};
        } else {
            axis[++last] = inner;
        }
    }
    if (axes == 0) axis[0] = (struct Axis){1, 0, 0};
    elements->axes = axes ? last + 1 : 1;
}

/* A walk through the elements, a run at a time: elements along the last axis whose counters share their upper word. */

typedef struct {
    const Elements *elements;
    int64_t index[MAX_AXES];
} Walk;

typedef struct {
    char *data;
    uint64_t counter;
    int64_t length;
} Run;

static Walk walk_from(const Elements *elements, int64_t start) {
    Walk walk = {.elements = elements};
    for (int i = elements->axes - 1; i >= 0; i--) {
        walk.index[i] = start % elements->axis[i].size;
        start /= elements->axis[i].size;
    }
    return walk;
}

/* How many counters, the first one included, come before the upper word changes. */
static int64_t within_word(uint64_t counter, int64_t step) {
    const uint32_t lower = (uint32_t)counter;
    if (step == 0) return INT64_MAX;
    if (step > 0) return (int64_t)((UINT32_MAX - lower) / (uint64_t)step) + 1;
    return (int64_t)(lower / (0 - (uint64_t)step)) + 1;
}

static Run next_run(Walk *walk, int64_t longest) {
    const Elements *elements = walk->elements;
    const int inner = elements->axes - 1;
    const struct Axis *axis = elements->axis;
    Run run = {elements->data, elements->counter, axis[inner].size - walk->index[inner]};
    for (int i = 0; i <= inner; i++) {
        run.data += walk->index[i] * axis[i].stride;
        run.counter += (uint64_t)walk->index[i] * (uint64_t)axis[i].step;
    }
    const int64_t within = within_word(run.counter, axis[inner].step);
    if (run.length > within) run.length = within;
    if (run.length > longest) run.length = longest;
    walk->index[inner] += run.length;
    for (int i = inner; i > 0 && walk->index[i] == axis[i].size; i--) {
        walk->index[i] = 0;
        walk->index[i - 1]++;
    }
    return run;
}

/* From counters to numbers, a block of elements at a time. */

static size_t whole_batches(size_t count) {
    return (count + BATCH - 1) / BATCH * BATCH;
}

typedef struct {
    uint32_t x0[BLOCK], x1[BLOCK];
    union {
        uint32_t u32[BLOCK];
        uint64_t u64[BLOCK];
        float f32[BLOCK];
        double f64[BLOCK];
    } numbers;
    uint16_t narrow[BLOCK];
} Block;

/* The words of the next `count` elements. */
static void encrypt_block(const Level *level, const Recipe *recipe, Walk *walk, Block *block, size_t count) {
    const int64_t step = walk->elements->axis[walk->elements->axes - 1].step;
    size_t done = 0;
    while (done < count) {
        const Run run = next_run(walk, (int64_t)(count - done));
        const size_t length = (size_t)run.length;
        if (length == count) {
            level->threefry_run(recipe->key, run.counter, (uint32_t)step, block->x0, block->x1, whole_batches(count));
            return;
        }
        uint32_t lower = (uint32_t)run.counter;
        for (size_t i = done; i < done + length; i++, lower += (uint32_t)step) {
            block->x0[i] = (uint32_t)(run.counter >> 32);
            block->x1[i] = lower;
        }
        done += length;
    }
    const size_t padded = whole_batches(count);
    memset(block->x0 + count, 0, (padded - count) * sizeof *block->x0);
    memset(block->x1 + count, 0, (padded - count) * sizeof *block->x1);
    level->threefry(recipe->key, block->x0, block->x1, padded);
}

/* The numbers of the block's words. */
static const void *make_numbers(const Level *level, const Recipe *recipe, Block *block, size_t count) {
    const uint32_t *x0 = block->x0, *x1 = block->x1;
    const Affine *affine = &recipe->affine;
    const Ends *ends = &recipe->ends;
    count = whole_batches(count);
    if (recipe->format == UINT32) {
        level->bits32(x0, x1, block->numbers.u32, count);
    } else if (recipe->format == UINT64) {
        level->bits64(x0, x1, block->numbers.u64, count);
    } else if (recipe->format == FLOAT64) {
        double *out = block->numbers.f64;
        if (recipe->kind == UNIFORM) level->uniform64(x0, x1, affine, out, count);
        if (recipe->kind == NORMAL) level->normal64(x0, x1, affine, out, count);
        if (recipe->kind == TRUNCATED) level->truncated64(x0, x1, ends, affine, out, count);
    } else {
        float *out = block->numbers.f32;
        if (recipe->kind == UNIFORM) level->uniform32(x0, x1, affine, out, count);
        if (recipe->kind == NORMAL) level->normal32(x0, x1, affine, out, count);
        if (recipe->kind == TRUNCATED) level->truncated32(x0, x1, ends, affine, out, count);
        if (recipe->format == FLOAT32) return out;
        if (recipe->format == FLOAT16) level->to_float16(out, block->narrow, count);
        if (recipe->format == BFLOAT16) level->to_bfloat16(out, block->narrow, count);
        return block->narrow;
    }
    return &block->numbers;
}

#define SCATTER(type)                                                                                              \
    for (int64_t i = 0; i < length; i++) memcpy(data + i * stride, numbers + i * (int64_t)sizeof(type), sizeof(type))

static void scatter(char *data, int64_t stride, const char *numbers, int64_t length, size_t size) {
    if (stride == (int64_t)size) {
        memcpy(data, numbers, (size_t)length * size);
    } else if (size == 2) {
        SCATTER(uint16_t);
    } else if (size == 4) {
        SCATTER(uint32_t);
    } else {
        SCATTER(uint64_t);
    }
}

void fill(const Level *level, const Recipe *recipe, const Elements *elements, int64_t start, int64_t stop, int streaming) {
    Block block;
    Walk words = walk_from(elements, start), targets = words;
    const size_t size = item_size((Format)recipe->format);
    const int64_t stride = elements->axis[elements->axes - 1].stride;
    const int contiguous = elements->axes == 1 && stride == (int64_t)size;
    while (start < stop) {
        const int64_t count = stop - start < BLOCK ? stop - start : BLOCK;
        encrypt_block(level, recipe, &words, &block, (size_t)count);
        const char *numbers = make_numbers(level, recipe, &block, (size_t)count);
        if (contiguous && streaming) {
            level->stream(elements->data + start * stride, numbers, (size_t)count * size);
        } else {
            for (int64_t left = count; left > 0;) {
                const Run run = next_run(&targets, left);
                scatter(run.data, stride, numbers, run.length, size);
                numbers += (size_t)run.length * size;
                left -= run.length;
            }
        }
        start += count;
    }
    if (streaming) level->fence();
}
