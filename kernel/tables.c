/* The tables of the quantile, brought into the order in which the kernel reads them. */
#include <string.h>

#include "level.h"
#include "tables.h"

int64_t single_table[SINGLE_SEGMENTS];
int64_t double_table[DOUBLE_SEGMENTS * DOUBLE_ROW];

void set_single_table(const void *values) {
    for (size_t i = 0; i < SINGLE_SEGMENTS; i++) {
        uint32_t pair[2]; /* By memcpy, for any alignment. */
        memcpy(pair, (const char *)values + i * sizeof *pair, sizeof pair);
        const uint32_t value = pair[0], rise = pair[1] - value;
        single_table[i] = (int64_t)((uint64_t)rise << 32 | value);
    }
}

void set_double_table(const void *coefficients) {
    for (size_t segment = 0; segment < DOUBLE_SEGMENTS; segment++) {
        for (size_t power = 0; power < DOUBLE_COEFFICIENTS; power++) {
            const size_t place = power * DOUBLE_SEGMENTS + segment;
            int64_t *target = double_table + segment * DOUBLE_ROW + power;
            memcpy(target, (const char *)coefficients + place * sizeof *target, sizeof *target);
        }
    }
}
