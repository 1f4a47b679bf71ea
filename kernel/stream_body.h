/* The stream: from counters to words, from words to numbers. docs/specification.md defines each value. */

/* Threefry-2x32 with 20 rounds. */

#define PARITY 0x1BD11BDAu
#define ROTATE_LEFT(x, count) ((x) << (count) | (x) >> (32 - (count)))
#define ROUND(count)                                                                                               \
    do {                                                                                                           \
        x0 += x1;                                                                                                  \
        x1 = ROTATE_LEFT(x1, count) ^ x0;                                                                          \
    } while (0)

typedef struct {
    u32 x0, x1;
} Words;

INLINE Words encrypt(Words counter, const uint32_t schedule[3]) {
    u32 x0 = counter.x0 + schedule[0], x1 = counter.x1 + schedule[1];
#define FOUR_ROUNDS(a, b, c, d, group)                                                                             \
    ROUND(a);                                                                                                      \
    ROUND(b);                                                                                                      \
    ROUND(c);                                                                                                      \
    ROUND(d);                                                                                                      \
    x0 += schedule[(group) % 3];                                                                                   \
    x1 += schedule[((group) + 1) % 3] + (group)
    FOUR_ROUNDS(13, 15, 26, 6, 1);
    FOUR_ROUNDS(17, 29, 16, 24, 2);
    FOUR_ROUNDS(13, 15, 26, 6, 3);
    FOUR_ROUNDS(17, 29, 16, 24, 4);
    FOUR_ROUNDS(13, 15, 26, 6, 5);
    return (Words){x0, x1};
}

/* Vectors that are computed side by side, as each has to wait for its own last result. */
enum { CHAINS = BATCH / LANES32 < 4 ? BATCH / LANES32 : 4 };

INLINE void make_schedule(const uint32_t key[2], uint32_t schedule[3]) {
    schedule[0] = key[0];
    schedule[1] = key[1];
    schedule[2] = key[0] ^ key[1] ^ PARITY;
}

static void threefry(const uint32_t key[2], uint32_t *x0, uint32_t *x1, size_t count) {
    uint32_t schedule[3];
    make_schedule(key, schedule);
    for (size_t i = 0; i < count; i += CHAINS * LANES32) {
        for (size_t chain = 0; chain < CHAINS; chain++) {
            const size_t at = i + chain * LANES32;
            Words words;
            LOAD(words.x0, x0 + at);
            LOAD(words.x1, x1 + at);
            words = encrypt(words, schedule);
            STORE(x0 + at, words.x0);
            STORE(x1 + at, words.x1);
        }
    }
}

static void threefry_run(const uint32_t key[2], uint64_t first, uint32_t step, uint32_t *x0, uint32_t *x1,
                         size_t count) {
    uint32_t schedule[3], places[LANES32];
    make_schedule(key, schedule);
    for (size_t lane = 0; lane < LANES32; lane++) places[lane] = (uint32_t)first + (uint32_t)lane * step;
    const u32 upper = (u32){0} + (uint32_t)(first >> 32);
    u32 lower;
    LOAD(lower, places);
    for (size_t i = 0; i < count; i += CHAINS * LANES32) {
        for (size_t chain = 0; chain < CHAINS; chain++) {
            const size_t at = i + chain * LANES32;
            const Words words = encrypt((Words){upper, lower}, schedule);
            STORE(x0 + at, words.x0);
            STORE(x1 + at, words.x1);
            lower += (uint32_t)LANES32 * step;
        }
    }
}

/* Random bits. */

static void bits32(const uint32_t *x0, const uint32_t *x1, uint32_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = x0[i] ^ x1[i];
}

static void bits64(const uint32_t *x0, const uint32_t *x1, uint64_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = (uint64_t)x0[i] << 32 | x1[i];
}

/* Single resolution: 32-bit integers, float32. */

enum { SINGLE_SEGMENT_BITS = 10, SINGLE_STEP_BITS = 13, SINGLE_MEDIAN = 1 << 24 };

INLINE u32 load_bits(const uint32_t *x0, const uint32_t *x1) {
    u32 first, second;
    LOAD(first, x0);
    LOAD(second, x1);
    return first ^ second;
}

/* Values and rises at indices of the table. */
INLINE void look_up(i32 index, i32 *value, i32 *rise) {
#if VECTOR_BYTES == 64
    const __m512i low = _mm512_i32gather_epi64(_mm512_castsi512_si256((__m512i)index), single_table, 8);
    const __m512i high = _mm512_i32gather_epi64(_mm512_extracti64x4_epi64((__m512i)index, 1), single_table, 8);
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    *value = (i32)_mm512_permutex2var_epi32(low, even, high);
    *rise = (i32)_mm512_permutex2var_epi32(low, _mm512_add_epi32(even, _mm512_set1_epi32(1)), high);
#elif VECTOR_BYTES == 32
    const long long *table = (const long long *)single_table;
    const __m256i low = _mm256_i32gather_epi64(table, _mm256_castsi256_si128((__m256i)index), 8);
    const __m256i high = _mm256_i32gather_epi64(table, _mm256_extracti128_si256((__m256i)index, 1), 8);
    const __m256 values = _mm256_shuffle_ps((__m256)low, (__m256)high, 0x88);
    const __m256 rises = _mm256_shuffle_ps((__m256)low, (__m256)high, 0xDD);
    *value = (i32)_mm256_permute4x64_epi64((__m256i)values, 0xD8);
    *rise = (i32)_mm256_permute4x64_epi64((__m256i)rises, 0xD8);
#else
    int32_t places[LANES32], values[LANES32], rises[LANES32];
    STORE(places, index);
    for (size_t lane = 0; lane < LANES32; lane++) {
        const int64_t entry = single_table[places[lane]];
        values[lane] = (int32_t)(uint32_t)(uint64_t)entry;
        rises[lane] = (int32_t)(entry >> 32);
    }
    LOAD(*value, values);
    LOAD(*rise, rises);
#endif
}

/* The quantile at a point, in units of 2**-28. */
INLINE i32 quantile32(i32 u) {
    const i32 sign = u >> 31;
    const i32 tail = SINGLE_MEDIAN - ((u ^ sign) - sign);
    /* As a float, tail has its octave in the exponent, and segment and step in the mantissa. */
    const i32 located = bits_of_f32(CONVERT(tail, f32));
    i32 value, rise;
    look_up((located >> SINGLE_STEP_BITS) - (127 << SINGLE_SEGMENT_BITS), &value, &rise);
    const i32 z = value + (rise * (located & ((1 << SINGLE_STEP_BITS) - 1)) >> SINGLE_STEP_BITS);
    return (z ^ sign) - sign;
}

/* The upper words of the products with a number. */
INLINE u32 multiply_high(u32 x, uint32_t factor) {
#if VECTOR_BYTES == 64
    const __m512i f = _mm512_set1_epi32((int)factor);
    const __m512i even = _mm512_srli_epi64(_mm512_mul_epu32((__m512i)x, f), 32);
    const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)x, 32), f);
    return (u32)_mm512_mask_blend_epi32(0xAAAA, even, odd);
#elif VECTOR_BYTES == 32
    const __m256i f = _mm256_set1_epi32((int)factor);
    const __m256i even = _mm256_srli_epi64(_mm256_mul_epu32((__m256i)x, f), 32);
    const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)x, 32), f);
    return (u32)_mm256_blend_epi32(even, odd, 0xAA);
#else
    uint32_t words[LANES32];
    STORE(words, x);
    for (size_t lane = 0; lane < LANES32; lane++) words[lane] = (uint32_t)((uint64_t)words[lane] * factor >> 32);
    LOAD(x, words);
    return x;
#endif
}

INLINE f32 affine32(i32 integers, float unit, float shift, float scale) {
    return (CONVERT(integers, f32) * unit + shift) * scale;
}

static void clip32(float *x, const Affine *affine, size_t count) {
    const float minimum = (float)affine->minimum, maximum = (float)affine->maximum;
    for (size_t i = 0; i < count; i++) {
        const float raised = x[i] < minimum ? minimum : x[i];
        x[i] = raised > maximum ? maximum : raised;
    }
}

static void uniform32(const uint32_t *x0, const uint32_t *x1, const Affine *affine, float *out, size_t count) {
    const float shift = (float)affine->shift, scale = (float)affine->scale;
    for (size_t i = 0; i < count; i += LANES32) {
        const u32 fraction = load_bits(x0 + i, x1 + i) >> 9;
        const f32 x = affine32((i32)fraction, 0x1p-23f, shift, scale);
        STORE(out + i, x);
    }
    if (affine->clips) clip32(out, affine, count);
}

static void normal32(const uint32_t *x0, const uint32_t *x1, const Affine *affine, float *out, size_t count) {
    const float shift = (float)affine->shift, scale = (float)affine->scale;
    for (size_t i = 0; i < count; i += LANES32) {
        const u32 fraction = load_bits(x0 + i, x1 + i) >> 9;
        const i32 point = (i32)(fraction << 2) + (1 - SINGLE_MEDIAN);
        const f32 x = affine32(quantile32(point), 0x1p-28f, shift, scale);
        STORE(out + i, x);
    }
}

static void truncated32(const uint32_t *x0, const uint32_t *x1, const Ends *ends, const Affine *affine, float *out,
                        size_t count) {
    const float shift = (float)affine->shift, scale = (float)affine->scale;
    const i32 minimum = (i32){0} + (int32_t)ends->minimum, maximum = (i32){0} + (int32_t)ends->maximum;
    for (size_t i = 0; i < count; i += LANES32) {
        /* The fraction times 2**9, so that the product's upper word is floor(fraction * span * 2**-23). */
        const u32 fraction = load_bits(x0 + i, x1 + i) & ~(uint32_t)0x1FF;
        i32 z = quantile32((i32)multiply_high(fraction, (uint32_t)ends->span) + (int32_t)ends->first);
        i32 outside = MASK32(z < minimum);
        z = (z & ~outside) | (minimum & outside);
        outside = MASK32(z > maximum);
        z = (z & ~outside) | (maximum & outside);
        const f32 x = affine32(z, 0x1p-28f, shift, scale);
        STORE(out + i, x);
    }
}

/* Double resolution: 64-bit integers, float64. */

enum { DOUBLE_SEGMENT_BITS = 5, DOUBLE_HALF = 24 };
#define DOUBLE_MEDIAN ((int64_t)1 << 53)

/* The fraction, from two halves of 32 bits. */
INLINE u64 load_fraction(const uint32_t *x0, const uint32_t *x1) {
    half_u32 first, second;
    LOAD(first, x0);
    LOAD(second, x1);
    return CONVERT(first, u64) << 20 | CONVERT(second, u64) >> 12;
}

/* The nearest floats. No processor before AVX-512 has an instruction for it: either half of a number becomes a float by
 * being put into the mantissa of a power of two, and only the last of the additions rounds. */
INLINE f64 nonnegative_to_f64(u64 x) {
    const f64 upper = f64_of_bits((x >> 32) | 0x4530000000000000u);          /* 2**84 + x_high * 2**32 */
    const f64 lower = f64_of_bits((x & 0xFFFFFFFFu) | 0x4330000000000000u);  /* 2**52 + x_low */
    return (upper - 0x1.00000001p84) + lower;
}

/* The product of the lower, signed words. */
INLINE i64 multiply_words(i64 a, i64 b) {
#if VECTOR_BYTES == 64
    return (i64)_mm512_mul_epi32((__m512i)a, (__m512i)b);
#elif VECTOR_BYTES == 32
    return (i64)_mm256_mul_epi32((__m256i)a, (__m256i)b);
#else
    return a * b;
#endif
}

INLINE i64 coefficient(i64 rows, int power) {
#if VECTOR_BYTES == 64
    return (i64)_mm512_i64gather_epi64((__m512i)rows, double_table + power, 8);
#elif VECTOR_BYTES == 32
    return (i64)_mm256_i64gather_epi64((const long long *)double_table + power, (__m256i)rows, 8);
#else
    int64_t places[LANES64], values[LANES64];
    STORE(places, rows);
    for (size_t lane = 0; lane < LANES64; lane++) values[lane] = double_table[places[lane] + power];
    LOAD(rows, values);
    return rows;
#endif
}

/* The quantile at a point, in units of 2**-52. */
INLINE i64 quantile64(i64 u) {
    const i64 sign = u >> 63;
    const i64 tail = DOUBLE_MEDIAN - ((u ^ sign) - sign);
    const i64 located = (i64)bits_of_f64(nonnegative_to_f64((u64)tail)); /* Exact: tail has 53 bits, or is 2**53. */
    const i64 rows = ((located >> (52 - DOUBLE_SEGMENT_BITS)) - (1023 << DOUBLE_SEGMENT_BITS)) * DOUBLE_ROW;
    const i64 step_high = (located >> 23) & 0xFFFFFF, step_low = (located << 1) & 0xFFFFFF;
    i64 z = coefficient(rows, DOUBLE_COEFFICIENTS - 1);
    for (int power = DOUBLE_COEFFICIENTS - 2; power >= 0; power--) {
        const i64 high = z >> DOUBLE_HALF, low = z & 0xFFFFFF;
        const i64 cross = multiply_words(high, step_low) + multiply_words(low, step_high);
        z = coefficient(rows, power) + multiply_words(high, step_high) + (cross >> DOUBLE_HALF);
    }
    z &= ~(z >> 63); /* At least 0. */
    return (z ^ sign) - sign;
}

INLINE f64 affine64(i64 integers, double unit, double shift, double scale) {
    const i64 sign = integers >> 63;
    const f64 magnitude = nonnegative_to_f64((u64)((integers ^ sign) - sign));
    const f64 x = f64_of_bits(bits_of_f64(magnitude) | ((u64)sign << 63));
    return (x * unit + shift) * scale;
}

static void clip64(double *x, const Affine *affine, size_t count) {
    const double minimum = affine->minimum, maximum = affine->maximum;
    for (size_t i = 0; i < count; i++) {
        const double raised = x[i] < minimum ? minimum : x[i];
        x[i] = raised > maximum ? maximum : raised;
    }
}

static void uniform64(const uint32_t *x0, const uint32_t *x1, const Affine *affine, double *out, size_t count) {
    for (size_t i = 0; i < count; i += LANES64) {
        const f64 x = affine64((i64)load_fraction(x0 + i, x1 + i), 0x1p-52, affine->shift, affine->scale);
        STORE(out + i, x);
    }
    if (affine->clips) clip64(out, affine, count);
}

static void normal64(const uint32_t *x0, const uint32_t *x1, const Affine *affine, double *out, size_t count) {
    for (size_t i = 0; i < count; i += LANES64) {
        const i64 point = (i64)(load_fraction(x0 + i, x1 + i) << 2) + (1 - DOUBLE_MEDIAN);
        const f64 x = affine64(quantile64(point), 0x1p-52, affine->shift, affine->scale);
        STORE(out + i, x);
    }
}

/* floor(fraction * span * 2**-52) for span <= 2**54, from halves of 26 bits. */
INLINE i64 scale_fraction(u64 fraction, int64_t span) {
    const int half = 26;
    const int64_t mask = ((int64_t)1 << half) - 1;
    const i64 high = (i64)(fraction >> half), low = (i64)fraction & mask;
    const i64 span_high = (i64){0} + (span >> half), span_low = (i64){0} + (span & mask);
    const i64 middle = multiply_words(high, span_low) + multiply_words(low, span_high);
    const i64 lowest = multiply_words(low, span_low) >> half;
    return multiply_words(high, span_high) + ((middle + lowest) >> half);
}

static void truncated64(const uint32_t *x0, const uint32_t *x1, const Ends *ends, const Affine *affine, double *out,
                        size_t count) {
    const i64 minimum = (i64){0} + ends->minimum, maximum = (i64){0} + ends->maximum;
    for (size_t i = 0; i < count; i += LANES64) {
        i64 z = quantile64(scale_fraction(load_fraction(x0 + i, x1 + i), ends->span) + ends->first);
        i64 outside = MASK64(z < minimum);
        z = (z & ~outside) | (minimum & outside);
        outside = MASK64(z > maximum);
        z = (z & ~outside) | (maximum & outside);
        const f64 x = affine64(z, 0x1p-52, affine->shift, affine->scale);
        STORE(out + i, x);
    }
}

/* Sixteen bits: rounded to nearest even; there are no infinities and no NaN. */

static void to_bfloat16(const float *x, uint16_t *out, size_t count) {
    for (size_t i = 0; i < count; i += LANES32) {
        u32 word;
        LOAD(word, x + i);
        word = (word + 0x7FFF + (word >> 16 & 1)) >> 16;
        const half_u16 narrow = CONVERT(word, half_u16);
        STORE(out + i, narrow);
    }
}

static void to_float16(const float *x, uint16_t *out, size_t count) {
#if VECTOR_BYTES == 64
    for (size_t i = 0; i < count; i += LANES32) {
        const __m256i narrow = _mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
        STORE(out + i, narrow);
    }
#elif VECTOR_BYTES == 32
    for (size_t i = 0; i < count; i += LANES32) {
        const __m128i narrow = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
        STORE(out + i, narrow);
    }
#else
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, x + i, sizeof word);
        const uint32_t sign = word >> 16 & 0x8000, magnitude = word & 0x7FFFFFFF;
        uint32_t half;
        if (magnitude < 0x38800000) { /* Below 2**-14: adding 0.5 rounds to multiples of 2**-24. */
            float small;
            memcpy(&small, &magnitude, sizeof small);
            small += 0.5f;
            memcpy(&half, &small, sizeof half);
            half -= 0x3F000000;
        } else if (magnitude >= 0x47800000) {
            half = 0x7C00; /* 2**16 or more: infinite. */
        } else {
            half = (magnitude - 0x38000000 + 0xFFF + (magnitude >> 13 & 1)) >> 13;
        }
        out[i] = (uint16_t)(half | sign);
    }
#endif
}

static void stream(void *target, const void *source, size_t bytes) {
#if VECTOR_BYTES == 64 || VECTOR_BYTES == 32
    const size_t line = 64;
    const size_t head = (line - (uintptr_t)target % line) % line;
    if (bytes > head) {
        char *to = (char *)target + head;
        const char *from = (const char *)source + head;
        size_t left = bytes - head;
        memcpy(target, source, head);
        for (; left >= line; left -= line, to += line, from += line) {
#if VECTOR_BYTES == 64
            _mm512_stream_si512((__m512i *)to, _mm512_loadu_si512(from));
#else
            _mm256_stream_si256((__m256i *)to, _mm256_loadu_si256((const __m256i *)from));
            _mm256_stream_si256((__m256i *)to + 1, _mm256_loadu_si256((const __m256i *)from + 1));
#endif
        }
        memcpy(to, from, left);
        return;
    }
#endif
    memcpy(target, source, bytes);
}

static void fence(void) {
#if VECTOR_BYTES == 64 || VECTOR_BYTES == 32
    _mm_sfence();
#endif
}
