/* What every processor of the architecture has: SSE2, NEON, or whatever the compiler takes for granted. */
#define VECTOR_BYTES 16
#define LEVEL(name) name##_baseline
#if defined(__GNUC__) && defined(__aarch64__)
#define LEVEL_NAME "neon"
#else
#define LEVEL_NAME "baseline"
#endif

#include "level_body.h"

static int available(void) {
    return 1;
}

DEFINE_LEVEL
