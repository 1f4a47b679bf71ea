/* The two steps of the QR decomposition; docs/specification.md fixes the order of each of their sums.
 *
 * Columns do not depend on each other: a vector holds neighbouring columns, and each of its lanes adds the
 * same terms in the same order as plain code would. Sums start from -0.0, which leaves every first term as it
 * is. */
#include <math.h>

#include "vector.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#define ALIGNED _Alignas(VECTOR_BYTES)

enum {
    PANEL = QR_WIDTH, /* The most columns of a panel. */
    STRIP = 64, /* Columns that go through a reflection together; a multiple of TILE_COLUMNS. */
    CHUNK = 16, /* Rows of a strip that stay in the L1 cache. */
    LANES = (int)LANES64,
    /* A tile is TILE by TILE_VECTORS sums in registers, of which there are 32 of 64 bytes, or 16 of less. */
    TILE = 4,
    TILE_VECTORS = VECTOR_BYTES < 64 ? 2 : 4,
    TILE_COLUMNS = TILE_VECTORS * LANES,
};

INLINE ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) {
    return a < b ? a : b;
}

/* Vectors as values: in arrays, compilers copy them in pieces. */
INLINE f64 load_f64(const double *source) {
    f64 x;
    LOAD(x, source);
    return x;
}

INLINE void store_f64(double *target, f64 x) {
    STORE(target, x);
}

static void copy_rows(double *target, ptrdiff_t target_stride, const double *source,
                      ptrdiff_t source_stride, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t i = 0; i < rows; i++, target += target_stride, source += source_stride) {
        ptrdiff_t c = 0;
        for (; c + LANES <= columns; c += LANES) {
            store_f64(target + c, load_f64(source + c));
        }
        for (; c < columns; c++) {
            target[c] = source[c];
        }
    }
}

static void clear_sums(double *sums, int count) {
    for (int i = 0; i < count; i++) {
        sums[i] = -0.0;
    }
}

/* Add V[i][k] C[i][c] to the sums [k][c] for i = 0, 1, ..., rows - 1, for `height` values of k and `vectors`
 * vectors of c. */
INLINE void add_tile(const double *c, ptrdiff_t c_stride, const double *v, ptrdiff_t v_stride, ptrdiff_t rows,
                     int height, int vectors, double *sums) {
    f64 tile[TILE][TILE_VECTORS], x[TILE_VECTORS];
    for (int k = 0; k < height; k++) {
        for (int n = 0; n < vectors; n++) {
            tile[k][n] = load_f64(sums + k * STRIP + n * LANES);
        }
    }
    for (ptrdiff_t i = 0; i < rows; i++) {
        for (int n = 0; n < vectors; n++) {
            x[n] = load_f64(c + i * c_stride + n * LANES);
        }
        for (int k = 0; k < height; k++) {
            for (int n = 0; n < vectors; n++) {
                tile[k][n] += v[i * v_stride + k] * x[n];
            }
        }
    }
    for (int k = 0; k < height; k++) {
        for (int n = 0; n < vectors; n++) {
            store_f64(sums + k * STRIP + n * LANES, tile[k][n]);
        }
    }
}

/* Subtract V[i][k] z[k][c] from C[i][c] for k = 0, 1, ..., width - 1, for `height` values of i and `vectors`
 * vectors of c. */
INLINE void subtract_tile(double *c, ptrdiff_t c_stride, const double *v, ptrdiff_t v_stride, int width,
                          int height, int vectors, const double *z) {
    f64 tile[TILE][TILE_VECTORS], x[TILE_VECTORS];
    for (int i = 0; i < height; i++) {
        for (int n = 0; n < vectors; n++) {
            tile[i][n] = load_f64(c + i * c_stride + n * LANES);
        }
    }
    for (int k = 0; k < width; k++) {
        for (int n = 0; n < vectors; n++) {
            x[n] = load_f64(z + k * STRIP + n * LANES);
        }
        for (int i = 0; i < height; i++) {
            for (int n = 0; n < vectors; n++) {
                tile[i][n] -= v[i * v_stride + k] * x[n];
            }
        }
    }
    for (int i = 0; i < height; i++) {
        for (int n = 0; n < vectors; n++) {
            store_f64(c + i * c_stride + n * LANES, tile[i][n]);
        }
    }
}

INLINE void add_column_of_tiles(const double *c, ptrdiff_t c_stride, const double *v, ptrdiff_t v_stride,
                                ptrdiff_t rows, int width, int vectors, double *sums) {
    int k = 0;
    for (; k + TILE <= width; k += TILE) {
        add_tile(c, c_stride, v + k, v_stride, rows, TILE, vectors, sums + k * STRIP);
    }
    for (; k < width; k++) {
        add_tile(c, c_stride, v + k, v_stride, rows, 1, vectors, sums + k * STRIP);
    }
}

INLINE void subtract_row_of_tiles(double *c, ptrdiff_t c_stride, const double *v, ptrdiff_t v_stride,
                                  int width, int height, int columns, const double *z) {
    int left = 0;
    for (; left + TILE_COLUMNS <= columns; left += TILE_COLUMNS) {
        subtract_tile(c + left, c_stride, v, v_stride, width, height, TILE_VECTORS, z + left);
    }
    for (; left < columns; left += LANES) {
        subtract_tile(c + left, c_stride, v, v_stride, width, height, 1, z + left);
    }
}

/* sums += V^T C: add_tile for any width and up to STRIP columns, rounded up to full vectors. */
static void add_products(const double *c, ptrdiff_t c_stride, const double *v, ptrdiff_t v_stride,
                         ptrdiff_t rows, int width, int columns, double *sums) {
    int left = 0;
    for (; left + TILE_COLUMNS <= columns; left += TILE_COLUMNS) {
        add_column_of_tiles(c + left, c_stride, v, v_stride, rows, width, TILE_VECTORS, sums + left);
    }
    for (; left < columns; left += LANES) {
        add_column_of_tiles(c + left, c_stride, v, v_stride, rows, width, 1, sums + left);
    }
}

/* C -= V z: subtract_tile for any number of rows and up to STRIP columns, rounded up to full vectors. */
static void subtract_products(double *c, ptrdiff_t c_stride, const double *v, ptrdiff_t v_stride,
                              ptrdiff_t rows, int width, int columns, const double *z) {
    for (; rows >= TILE; rows -= TILE, c += TILE * c_stride, v += TILE * v_stride) {
        subtract_row_of_tiles(c, c_stride, v, v_stride, width, TILE, columns, z);
    }
    for (; rows > 0; rows--, c += c_stride, v += v_stride) {
        subtract_row_of_tiles(c, c_stride, v, v_stride, width, 1, columns, z);
    }
}

/* Vectors must not reach beyond the columns of a matrix: a copy has room for what is left of the last one. */
INLINE int in_full_vectors(ptrdiff_t columns) {
    return columns % LANES == 0;
}

/* sums += V^T C for up to STRIP columns. Rows that are read several times are copied in any case: in a wide
 * matrix they may lie at addresses that a cache cannot hold together. */
static void add_strip(const double *c, ptrdiff_t c_stride, const double *v, ptrdiff_t v_stride,
                      ptrdiff_t rows, int width, int columns, double *sums) {
    if (in_full_vectors(columns) && (width == 1 || c_stride == STRIP)) {
        for (ptrdiff_t i = 0; i < rows; i += CHUNK) {
            const ptrdiff_t count = smaller(CHUNK, rows - i);
            add_products(c + i * c_stride, c_stride, v + i * v_stride, v_stride, count, width, columns, sums);
        }
        return;
    }
    ALIGNED double chunk[CHUNK * STRIP] = {0};
    for (ptrdiff_t i = 0; i < rows; i += CHUNK) {
        const ptrdiff_t count = smaller(CHUNK, rows - i);
        copy_rows(chunk, STRIP, c + i * c_stride, c_stride, count, columns);
        add_products(chunk, STRIP, v + i * v_stride, v_stride, count, width, columns, sums);
    }
}

/* C -= V z for up to STRIP columns. */
static void subtract_strip(double *c, ptrdiff_t c_stride, const double *v, ptrdiff_t v_stride,
                           ptrdiff_t rows, int width, int columns, const double *z) {
    if (in_full_vectors(columns)) {
        subtract_products(c, c_stride, v, v_stride, rows, width, columns, z);
        return;
    }
    ALIGNED double chunk[CHUNK * STRIP] = {0};
    for (ptrdiff_t i = 0; i < rows; i += CHUNK) {
        const ptrdiff_t count = smaller(CHUNK, rows - i);
        copy_rows(chunk, STRIP, c + i * c_stride, c_stride, count, columns);
        subtract_products(chunk, STRIP, v + i * v_stride, v_stride, count, width, columns, z);
        copy_rows(c + i * c_stride, c_stride, chunk, STRIP, count, columns);
    }
}

/* C := (I - V T V^T) C for `columns` columns of a row-major C. */
static void qr_reflect(double *c, ptrdiff_t rows, ptrdiff_t row_stride, ptrdiff_t columns,
                       const double *reflectors, int width, const double *triangle) {
    ALIGNED double factors[PANEL * PANEL]; /* Row l has the factors of y[l]. */
    for (int l = 0; l < width; l++) {
        for (int k = 0; k < width; k++) {
            factors[l * PANEL + k] = triangle[k * width + l];
        }
    }
    ALIGNED double y[PANEL * STRIP], z[PANEL * STRIP];
    for (ptrdiff_t left = 0; left < columns; left += STRIP) {
        const int count = (int)smaller(STRIP, columns - left);
        clear_sums(y, width * STRIP);
        clear_sums(z, width * STRIP);
        add_strip(c + left, row_stride, reflectors, width, rows, width, count, y);
        add_products(y, STRIP, factors, PANEL, width, width, count, z);
        subtract_strip(c + left, row_stride, reflectors, width, rows, width, count, z);
    }
}

/* From the rows j.. of column `j` of a panel, whose rows are contiguous, to v, sign and tau (returned). */
static double make_reflector(const double *p, ptrdiff_t rows, int columns, int j, double *v, double *sign) {
    const double alpha = p[j * columns + j];
    double tail = -0.0;
    v[0] = 1.0;
    for (ptrdiff_t i = j + 1; i < rows; i++) {
        const double x = p[i * columns + j];
        tail += x * x;
        v[i - j] = x;
    }
    const double beta = tail == 0 ? alpha : -copysign(sqrt(alpha * alpha + tail), alpha);
    *sign = copysign(1.0, beta);
    if (tail == 0) {
        for (ptrdiff_t i = 1; i < rows - j; i++) {
            v[i] = 0.0;
        }
        return 0.0;
    }
    const double divisor = alpha - beta;
    for (ptrdiff_t i = 1; i < rows - j; i++) {
        v[i] /= divisor;
    }
    return (beta - alpha) / beta;
}

/* Apply I - tau v v^T to the columns after column `j`. Those before them in the same tile change too: they
 * have been reduced, and are not read any more. */
static void reflect_rest(double *p, ptrdiff_t rows, int columns, int j, const double *v, double tau) {
    const int left = (j + 1) / TILE_COLUMNS * TILE_COLUMNS;
    double *rest = p + j * columns + left;
    ALIGNED double sums[STRIP];
    clear_sums(sums, STRIP);
    add_strip(rest, columns, v, 1, rows - j, 1, columns - left, sums);
    for (int c = 0; c < STRIP; c++) {
        sums[c] *= tau;
    }
    subtract_strip(rest, columns, v, 1, rows - j, 1, columns - left, sums);
}

/* Make column `j` of T, which is -tau T (V^T v) above tau; the columns of T are the rows of `transpose`. */
static void extend_triangle(const double *reflectors, ptrdiff_t rows, int columns, int j, const double *v,
                            double tau, double *transpose) {
    /* Full tiles: the products with the columns from `j` on are not read. */
    const int width = (int)smaller((j + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS, columns);
    ALIGNED double dots[STRIP], sums[PANEL];
    clear_sums(dots, STRIP);
    clear_sums(sums, PANEL);
    add_strip(reflectors + j * columns, columns, v, 1, rows - j, 1, width, dots);
    for (int l = 0; l < j; l++) {
        for (int k = 0; k < j; k++) {
            sums[k] += transpose[l * PANEL + k] * dots[l];
        }
    }
    for (int k = 0; k < j; k++) {
        transpose[j * PANEL + k] = sums[k] * -tau;
    }
    transpose[j * PANEL + j] = tau;
}

/* Reduce a panel of `columns` <= 32 columns, and at least as many rows, to triangular form. `panel` points at
 * its top left element inside a row-major matrix with `row_stride` doubles from row to row; it is left as it
 * is, as nobody needs R. Writes reflectors (rows x columns, row-major, contiguous, with the zeros above the
 * diagonal), triangle (columns x columns, row-major, zeros below the diagonal) and signs (columns). `work`
 * has at least rows * columns doubles. */
static void qr_panel(const double *panel, ptrdiff_t rows, ptrdiff_t row_stride, int columns, double *reflectors,
                     double *triangle, double *signs, double *work) {
    double tau[PANEL], transpose[PANEL * PANEL] = {0};
    copy_rows(reflectors, columns, panel, row_stride, rows, columns);
    for (int j = 0; j < columns; j++) {
        double *v = work + j * rows + j; /* In `work`, the reflectors are the rows: each is contiguous. */
        tau[j] = make_reflector(reflectors, rows, columns, j, v, signs + j);
        reflect_rest(reflectors, rows, columns, j, v, tau[j]);
    }
    for (ptrdiff_t i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            reflectors[i * columns + j] = i < j ? 0.0 : work[j * rows + i];
        }
    }
    for (int j = 0; j < columns; j++) {
        extend_triangle(reflectors, rows, columns, j, work + j * rows + j, tau[j], transpose);
    }
    for (int k = 0; k < columns; k++) {
        for (int j = 0; j < columns; j++) {
            triangle[k * columns + j] = transpose[j * PANEL + k];
        }
    }
}
