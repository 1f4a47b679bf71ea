"""Elementary functions whose every bit is defined: the exact value, rounded once to float64.

The C library's exp, log, pow and sin differ between machines in the last bit. Those here give the float64
that is nearest to the exact real value, ties to even, so that nothing is left to differ. They compute with
integers, with ``decimal``, and with those operations on float64 that IEEE 754 defines exactly.

The functions of numbers (``scalars``, ``circle``) follow Ziv, "Fast evaluation of elementary mathematical
functions with correctly rounded last bit" (1991): enclose the value, each time at twice the precision, until
all of the enclosure rounds to one float. Those of arrays (``arrays``, ``waves``) compute with pairs of
float64, and call the others for elements whose rounding the pair leaves open.
"""

from unifinit.numerics.arrays import exp_array, log_array
from unifinit.numerics.circle import cos_turns, sin_turns
from unifinit.numerics.scalars import exp, expm1, inverse_softplus, log, log1p, power
from unifinit.numerics.waves import sincos_products, sincos_turns_array

__all__ = [
    "cos_turns",
    "exp",
    "exp_array",
    "expm1",
    "inverse_softplus",
    "log",
    "log1p",
    "log_array",
    "power",
    "sin_turns",
    "sincos_products",
    "sincos_turns_array",
]
