/* The code of one level: whoever includes this defines VECTOR_BYTES, LEVEL(name), LEVEL_NAME and the instructions. */
#include "level.h"
#include "vector.h"

#include "stream_body.h"

#include "qr_body.h"

#define DEFINE_LEVEL                                                                                               \
    const Level LEVEL(level) = {                                                                                   \
        LEVEL_NAME, available,                                                                                     \
        threefry,   threefry_run,                                                                                  \
        bits32,     bits64,                                                                                        \
        uniform32,  normal32,                                                                                      \
        truncated32, uniform64,                                                                                    \
        normal64,   truncated64,                                                                                   \
        to_float16, to_bfloat16,                                                                                   \
        stream,     fence,                                                                                         \
        qr_panel,   qr_reflect,                                                                        \
    };
