/* The tables come from the files of the Python package, which are the only copy, and are set once, before any use. */
#ifndef UNIFINIT_TABLES_H
#define UNIFINIT_TABLES_H

#include "level.h"

/* SINGLE_SEGMENTS + 1 numbers of 32 bits. */
void set_single_table(const void *values);
/* DOUBLE_COEFFICIENTS rows of DOUBLE_SEGMENTS numbers of 64 bits. */
void set_double_table(const void *coefficients);

#endif
