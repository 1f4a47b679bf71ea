/* The tables of the quantile, brought into the order in which the kernel reads them. */
#include "level.h"
#include "tables.h"

int64_t single_table[SINGLE_SEGMENTS];
int64_t double_table[DOUBLE_SEGMENTS * DOUBLE_ROW];

void set_single_table(const int32_t values[SINGLE_SEGMENTS + 1]) {
    for (size_t i = 0; i < SINGLE_SEGMENTS; i++) {
        const uint32_t value = (uint32_t)values[i], rise = (uint32_t)values[i + 1] - value;
        single_table[i] = (int64_t)((uint64_t)rise << 32 | value);
    }
}

void set_double_table(const int64_t coefficients[DOUBLE_COEFFICIENTS * DOUBLE_SEGMENTS]) {
    for (size_t segment = 0; segment < DOUBLE_SEGMENTS; segment++) {
        for (size_t power = 0; power < DOUBLE_COEFFICIENTS; power++) {
            double_table[segment * DOUBLE_ROW + power] = coefficients[power * DOUBLE_SEGMENTS + segment];
        }
    }
}
