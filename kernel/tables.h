/* The tables come from the files of the Python package, which are the only copy, and are set once, before any use. */
#ifndef UNIFINIT_TABLES_H
#define UNIFINIT_TABLES_H

#include "level.h"

void set_single_table(const int32_t values[SINGLE_SEGMENTS + 1]);
void set_double_table(const int64_t coefficients[DOUBLE_COEFFICIENTS * DOUBLE_SEGMENTS]);

#endif
