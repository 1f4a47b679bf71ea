"""The Triton kernel: what the compiled kernel does on the host, in the same steps, on a GPU.

``docs/specification.md`` defines each value. Triton reads the source of these functions, which have types of
its own; their annotations have to be objects.
"""
# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-def,no-untyped-call,untyped-decorator"

import triton
import triton.language as tl

BITS = tl.constexpr(0)
UNIFORM = tl.constexpr(1)
NORMAL = tl.constexpr(2)
TRUNCATED = tl.constexpr(3)

MAX_AXES = 5
"""Axes that a launch can go along."""


@triton.jit
def four_rounds(x0, x1, a: tl.constexpr, b: tl.constexpr, c: tl.constexpr, d: tl.constexpr, k0, k1):
    """Four rounds of Threefry, and two words of its key schedule."""
    x0 += x1
    x1 = ((x1 << a) | (x1 >> (32 - a))) ^ x0
    x0 += x1
    x1 = ((x1 << b) | (x1 >> (32 - b))) ^ x0
    x0 += x1
    x1 = ((x1 << c) | (x1 >> (32 - c))) ^ x0
    x0 += x1
    x1 = ((x1 << d) | (x1 >> (32 - d))) ^ x0
    return x0 + k0, x1 + k1


@triton.jit
def threefry(k0, k1, x0, x1):
    """The block of a counter; all words are uint32."""
    k2 = k0 ^ k1 ^ 0x1BD11BDA
    x0, x1 = four_rounds(x0 + k0, x1 + k1, 13, 15, 26, 6, k1, k2 + 1)
    x0, x1 = four_rounds(x0, x1, 17, 29, 16, 24, k2, k0 + 2)
    x0, x1 = four_rounds(x0, x1, 13, 15, 26, 6, k0, k1 + 3)
    x0, x1 = four_rounds(x0, x1, 17, 29, 16, 24, k1, k2 + 4)
    x0, x1 = four_rounds(x0, x1, 13, 15, 26, 6, k2, k0 + 5)
    return x0, x1


@triton.jit
def quantile32(u, table):
    """The quantile at an int32 point, in units of 2**-28.

    An entry of the table has a value in its lower word, and the rise to the next one in its upper word.
    """
    sign = u >> 31
    tail = (1 << 24) - ((u ^ sign) - sign)
    # As a float, tail has its octave in the exponent, and segment and step in the mantissa.
    located = tail.to(tl.float32).to(tl.int32, bitcast=True)
    entry = tl.load(table + ((located >> 13) - (127 << 10)))
    rise = (entry >> 32).to(tl.int32)
    z = entry.to(tl.int32) + ((rise * (located & 0x1FFF)) >> 13)
    return (z ^ sign) - sign


@triton.jit
def quantile64(u, table):
    """The quantile at an int64 point, in units of 2**-52; a row of the table has seven coefficients."""
    sign = u >> 63
    tail = (1 << 53) - ((u ^ sign) - sign)
    located = tail.to(tl.float64).to(tl.int64, bitcast=True)
    row = table + ((located >> 47) - (1023 << 5)) * 7
    step_high = (located >> 23) & 0xFFFFFF
    step_low = (located << 1) & 0xFFFFFF
    z = tl.load(row + 6)
    for power in tl.static_range(5, -1, -1):
        high = z >> 24
        low = z & 0xFFFFFF
        cross = high * step_low + low * step_high
        z = tl.load(row + power) + high * step_high + (cross >> 24)
    z = tl.where(z < 0, 0, z)  # Next to the median the error of the polynomial is larger than z.
    return (z ^ sign) - sign


@triton.jit
def product64(fraction, span):
    """floor(fraction * span * 2**-52) from halves of 26 bits; span is at most 2**54."""
    high = fraction >> 26
    low = fraction & 0x3FFFFFF
    span_high = span >> 26
    span_low = span & 0x3FFFFFF
    middle = high * span_low + low * span_high
    return high * span_high + ((middle + ((low * span_low) >> 26)) >> 26)


@triton.jit
def held(x, lowest, highest):
    """Numbers held between two."""
    x = tl.where(x < lowest, lowest, x)
    return tl.where(x > highest, highest, x)


@triton.jit
def standard32(x0, x1, table, first, span, lowest, highest, kind: tl.constexpr):
    """From the words of blocks to uniform fractions or standard normal numbers, in float32."""
    fraction = ((x0 ^ x1) >> 9).to(tl.int32)
    if kind == UNIFORM:
        x = fraction.to(tl.float32) * 2.0**-23
    else:
        if kind == NORMAL:
            z = quantile32((fraction << 2) + (1 - (1 << 24)), table)
        else:
            point = ((fraction.to(tl.int64) * span) >> 23) + first
            z = held(quantile32(point.to(tl.int32), table), lowest.to(tl.int32), highest.to(tl.int32))
        x = z.to(tl.float32) * 2.0**-28
    return x


@triton.jit
def standard64(x0, x1, table, first, span, lowest, highest, kind: tl.constexpr):
    """The same in float64."""
    fraction = (x0.to(tl.int64) << 20) | (x1 >> 12).to(tl.int64)
    if kind == UNIFORM:
        x = fraction.to(tl.float64) * 2.0**-52
    else:
        if kind == NORMAL:
            z = quantile64((fraction << 2) + (1 - (1 << 53)), table)
        else:
            z = held(quantile64(product64(fraction, span) + first, table), lowest, highest)
        x = z.to(tl.float64) * 2.0**-52
    return x


@triton.jit
def number(bits, dtype: tl.constexpr):
    """A number of a dtype that comes as the bits of a float64: Triton would pass float32 alone."""
    return bits.to(tl.int64).to(tl.float64, bitcast=True).to(dtype)


@triton.jit
def affine(x, shift, scale, minimum, maximum, dtype: tl.constexpr, clips: tl.constexpr):
    """(x + shift) * scale, each rounded."""
    x = (x + number(shift, dtype)) * number(scale, dtype)
    if clips:
        x = held(x, number(minimum, dtype), number(maximum, dtype))
    return x


@triton.jit
def bfloat16_word(x):
    """The upper half of a float32, rounded to nearest even; there are no infinities and no NaN."""
    word = x.to(tl.uint32, bitcast=True)
    return ((word + 0x7FFF + ((word >> 16) & 1)) >> 16).to(tl.int16)


@triton.jit
def float16_word(x):
    """A float16, rounded to nearest even; in integers, as some GPUs fuse the conversion with a product.

    No number is beyond the largest one.
    """
    word = x.to(tl.uint32, bitcast=True)
    size = word & 0x7FFFFFFF
    normal = (size - 0x38000000 + 0xFFF + ((size >> 13) & 1)) >> 13
    # Below 2**-14, adding 0.5 rounds to multiples of 2**-24.
    small = (size.to(tl.float32, bitcast=True) + 0.5).to(tl.uint32, bitcast=True) - 0x3F000000
    half = tl.where(size < 0x38800000, small, normal)
    return (half | ((word >> 16) & 0x8000)).to(tl.int16)


@triton.jit
def along(rest, place, at, size, stride, step):
    """Go along an axis: what is left of an element's number in the launch, where it lies, its counter."""
    size = size.to(tl.uint32)
    index = (rest % size).to(tl.int64)
    return rest // size, place + index * stride, at + index * step


# No argument but `total` is worth a kernel of its own: a multiple of 16 allows wide stores.
@triton.jit(
    do_not_specialize=[
        *("key_first", "key_second", "shift", "scale", "minimum", "maximum"),
        *("first", "span", "lowest", "highest", "counter"),
        *("size_1", "size_2", "size_3", "size_4"),
        *("stride", "stride_1", "stride_2", "stride_3", "stride_4"),
        *("step", "step_1", "step_2", "step_3", "step_4"),
    ]
)
def fill(  # noqa: PLR0912 - its branches are decided when it is compiled
    target,
    table,
    key_first: tl.int32,
    key_second: tl.int32,
    shift: tl.int64,
    scale: tl.int64,
    minimum: tl.int64,
    maximum: tl.int64,
    first: tl.int64,
    span: tl.int64,
    lowest: tl.int64,
    highest: tl.int64,
    counter: tl.int64,
    total: tl.int32,
    stride: tl.int64,
    step: tl.int64,
    size_1: tl.int32,
    stride_1: tl.int64,
    step_1: tl.int64,
    size_2: tl.int32,
    stride_2: tl.int64,
    step_2: tl.int64,
    size_3: tl.int32,
    stride_3: tl.int64,
    step_3: tl.int64,
    size_4: tl.int32,
    stride_4: tl.int64,
    step_4: tl.int64,
    kind: tl.constexpr,
    dtype: tl.constexpr,
    clips: tl.constexpr,
    axes: tl.constexpr,
    dense: tl.constexpr,
    block: tl.constexpr,
):
    """Fill elements of any strides with the numbers at counters of any steps.

    Axis 1 is the innermost one; the outermost one, often the only one, has no number. Dense elements lie side
    by side on a single axis.
    """
    element = tl.program_id(0) * block + tl.arange(0, block)
    if dense:
        place = element
        at = element.to(tl.int64) * step + counter
    else:
        rest = element.to(tl.uint32)
        place = tl.zeros((block,), tl.int64)
        at = place + counter
        if axes > 1:
            rest, place, at = along(rest, place, at, size_1, stride_1, step_1)
        if axes > 2:
            rest, place, at = along(rest, place, at, size_2, stride_2, step_2)
        if axes > 3:
            rest, place, at = along(rest, place, at, size_3, stride_3, step_3)
        if axes > 4:
            rest, place, at = along(rest, place, at, size_4, stride_4, step_4)
        place += rest.to(tl.int64) * stride
        at += rest.to(tl.int64) * step

    k0 = key_first.to(tl.uint32, bitcast=True)
    k1 = key_second.to(tl.uint32, bitcast=True)
    x0, x1 = threefry(k0, k1, (at >> 32).to(tl.uint32), at.to(tl.uint32))

    if dtype == "uint32":
        values = (x0 ^ x1).to(tl.int32, bitcast=True)
    elif dtype == "uint64":
        values = (x0.to(tl.int64) << 32) | x1.to(tl.int64)
    elif dtype == "float64":
        x = standard64(x0, x1, table, first, span, lowest, highest, kind)
        values = affine(x, shift, scale, minimum, maximum, tl.float64, clips)
    else:
        x = standard32(x0, x1, table, first, span, lowest, highest, kind)
        x = affine(x, shift, scale, minimum, maximum, tl.float32, clips)
        if dtype == "bfloat16":
            values = bfloat16_word(x)
        elif dtype == "float16":
            values = float16_word(x)
        else:
            values = x
    tl.store(target + place, values, mask=element < total)
