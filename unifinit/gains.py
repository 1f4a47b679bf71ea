"""Gains: by how much weights are scaled so that signals keep their size through an activation function.

For z standard normal, f(z) has the mean square E[f(z)²]. Weights of variance gain² / fan_in with the gain
1 / sqrt(E[f(z)²]) make up for it: pre-activations of variance 1 give such pre-activations in the next layer,
however deep the network is. That is the derivation of He et al., "Delving deep into rectifiers" (2015),
section 2.2, and it makes 1 a fixed point of the variance in the mean-field theory of Poole et al.,
"Exponential expressivity in deep neural networks through transient chaos" (2016), without biases.
Klambauer et al., "Self-normalizing neural networks" (2017), chose SELU's constants so that its gain is 1.

The moments are constants, computed to 40 digits by ``tools/generate_gains.py`` and rounded once. What
follows from them takes only additions, multiplications, divisions and square roots of floats, so a gain is
the same float on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from types import MappingProxyType
from typing import NamedTuple

from unifinit.errors import ArgumentError, or_list, suggestion

CONVENTIONS = ("torch", "second_moment", "variance")


class Moments(NamedTuple):
    """What an activation function f makes of a standard normal z.

    Attributes
    ----------
    mean : float
        E[f(z)].
    second_moment : float
        E[f(z)²].
    variance : float
        Var f(z), which is the second moment less the square of the mean, but not rounded in between.
    derivative_second_moment : float
        E[f'(z)²]. Times the square of a gain it is the factor by which gradients grow from layer to layer
        at variance 1: χ in Poole et al. (2016) and in Schoenholz et al., "Deep information propagation"
        (2017).
    """

    mean: float
    second_moment: float
    variance: float
    derivative_second_moment: float


class Parameter(NamedTuple):
    """The parameter p of an activation function f(z) = g(z) + p * h(z).

    Attributes
    ----------
    name : str
        What frameworks call it.
    default : float
        The value that it has if none is given.
    coefficients : tuple of Moments
        Of 1, p and p²: all moments are quadratic polynomials of p.
    """

    name: str
    default: float
    coefficients: tuple[Moments, Moments, Moments]


class Activation(NamedTuple):
    """An activation function.

    Attributes
    ----------
    name : str
        Its name, in ``torch.nn.functional`` if it is there.
    formula : str
        f(z). Phi is the distribution function of the standard normal distribution.
    source : str
        Where it comes from.
    moments : Moments
        Its moments, those for the default if it has a parameter.
    aliases : tuple of str
        Its other names.
    parameter : Parameter or None
        The parameter on which the moments depend, if it may be chosen.
    """

    name: str
    formula: str
    source: str
    moments: Moments
    aliases: tuple[str, ...] = ()
    parameter: Parameter | None = None


def _evaluated(parameter: Parameter, value: float) -> Moments:
    square = value * value
    return Moments(*(a + (b * value + c * square) for a, b, c in zip(*parameter.coefficients, strict=True)))


def _parametrised(
    name: str, formula: str, source: str, parameter: Parameter, aliases: tuple[str, ...] = ()
) -> Activation:
    return Activation(name, formula, source, _evaluated(parameter, parameter.default), aliases, parameter)


_RECTIFIED = Moments(0.3989422804014327, 0.5, 0.3408450569081047, 0.5)
"""The moments of max(z, 0)."""
_SLOPE = (
    _RECTIFIED,
    Moments(-0.3989422804014327, 0.0, 0.3183098861837907, 0.0),
    Moments(0.0, 0.5, 0.3408450569081047, 0.5),
)
_ALPHA = (
    _RECTIFIED,
    Moments(-0.23842170813487662, 0.0, 0.19023299988106498, 0.0),
    Moments(0.0, 0.14494541749292386, 0.08810050658297157, 0.1681020012231706),
)

_KNOWN = (
    Activation(
        "linear",
        "z",
        "LeCun et al., Efficient BackProp (1998)",
        Moments(0.0, 1.0, 1.0, 1.0),
        (
            "identity",
            *("conv1d", "conv2d", "conv3d"),
            *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        ),
    ),
    Activation("relu", "max(z, 0)", "Nair & Hinton (2010)", _RECTIFIED),
    _parametrised(
        "leaky_relu",
        "z if z > 0 else negative_slope * z",
        "Maas et al. (2013)",
        Parameter("negative_slope", 0.01, _SLOPE),
    ),
    _parametrised(
        "prelu",
        "z if z > 0 else weight * z",
        "He et al. (2015)",
        Parameter("weight", 0.25, _SLOPE),
    ),
    _parametrised(
        "elu",
        "z if z > 0 else alpha * (exp(z) - 1)",
        "Clevert et al. (2016)",
        Parameter("alpha", 1.0, _ALPHA),
    ),
    Activation(
        "celu",
        "z if z > 0 else alpha * (exp(z / alpha) - 1) with alpha = 1",
        "Barron (2017)",
        Moments(0.16052057226655606, 0.6449454174929239, 0.6191785633721412, 0.6681020012231706),
    ),
    Activation(
        "selu",
        "1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * (exp(z) - 1))",
        "Klambauer et al. (2017)",
        Moments(0.0, 1.0, 1.0, 1.0715749924557993),
    ),
    Activation(
        "relu6",
        "min(max(z, 0), 6)",
        "Krizhevsky (2010)",
        Moments(0.3989422802450757, 0.49999999807527046, 0.34084505510812996, 0.49999999901341236),
    ),
    Activation(
        "relu_squared",
        "max(z, 0)**2",
        "So et al., Primer (2021)",
        Moments(0.5, 1.5, 1.25, 2.0),
        ("relu2", "squared_relu"),
    ),
    Activation(
        "gelu",
        "z * Phi(z)",
        "Hendrycks & Gimpel (2016)",
        Moments(0.28209479177387814, 0.4252214825702987, 0.345644011024351, 0.4558508656492871),
    ),
    Activation(
        "gelu_tanh",
        "z * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 * z**3))) / 2",
        "Hendrycks & Gimpel (2016)",
        Moments(0.28203858807878873, 0.42519371103309944, 0.3456479458676228, 0.4558178459629506),
        ("gelu_new", "gelu_pytorch_tanh"),
    ),
    Activation(
        "quick_gelu",
        "z * sigmoid(1.702 * z)",
        "Hendrycks & Gimpel (2016)",
        Moments(0.2823305528127853, 0.4219528068969808, 0.3422422658454079, 0.4495492004791021),
    ),
    Activation(
        "silu",
        "z * sigmoid(z)",
        "Elfwing et al. (2018), Ramachandran et al. (2017)",
        Moments(0.20662096414190703, 0.35577551981735217, 0.31308329699442095, 0.3794823516328293),
        ("swish",),
    ),
    Activation(
        "mish",
        "z * tanh(log(1 + exp(z)))",
        "Misra (2019)",
        Moments(0.24040388837479143, 0.45234219237588275, 0.3945481628301636, 0.47908375837396977),
    ),
    Activation(
        "hardswish",
        "z * min(max(z + 3, 0), 6) / 6",
        "Howard et al. (2019)",
        Moments(0.1662167006561233, 0.3315673751379077, 0.3039393835609004, 0.35853151717860526),
        ("hard_swish", "hard_silu"),
    ),
    Activation(
        "softplus",
        "log(1 + exp(z))",
        "Dugas et al. (2001)",
        Moments(0.8060591833474398, 0.9212459088593002, 0.27151450180055875, 0.29337903585809294),
        ("soft_plus",),
    ),
    Activation(
        "log_sigmoid",
        "-log(1 + exp(-z))",
        "The logarithm of the sigmoid",
        Moments(-0.8060591833474398, 0.9212459088593002, 0.27151450180055875, 0.29337903585809294),
        ("logsigmoid",),
    ),
    Activation(
        "squareplus",
        "(z + sqrt(z**2 + 4)) / 2",
        "Barron (2021)",
        Moments(1.1093055137900278, 1.5, 0.2694412770750421, 0.2893153853559728),
    ),
    Activation(
        "sparse_plus",
        "z if z > 1 else max(z + 1, 0)**2 / 4",
        "The integral of the sparse sigmoid",
        Moments(0.4623301083281146, 0.5248435053873499, 0.3110943763206637, 0.3790146377404283),
    ),
    Activation(
        "sigmoid",
        "1 / (1 + exp(-z))",
        "Rumelhart et al. (1986)",
        Moments(0.5, 0.29337903585809294, 0.04337903585809296, 0.04483624135019437),
    ),
    Activation(
        "hardsigmoid",
        "min(max(z + 3, 0), 6) / 6",
        "Howard et al. (2019)",
        Moments(0.5, 0.2776390910565126, 0.027639091056512598, 0.02770278344268722),
        ("hard_sigmoid",),
    ),
    Activation(
        "sparse_sigmoid",
        "min(max(z + 1, 0), 2) / 2",
        "Blondel et al. (2019)",
        Moments(0.5, 0.3790146377404283, 0.12901463774042832, 0.17067237303427146),
    ),
    Activation(
        "tanh",
        "tanh(z)",
        "LeCun et al. (1998)",
        Moments(0.0, 0.3942944903978412, 0.3942944903978412, 0.46440290244826826),
    ),
    Activation(
        "hardtanh",
        "min(max(z, -1), 1)",
        "Collobert (2004)",
        Moments(0.0, 0.5160585509617133, 0.5160585509617133, 0.6826894921370859),
        ("hard_tanh",),
    ),
    Activation(
        "softsign",
        "z / (1 + abs(z))",
        "Bergstra et al. (2009)",
        Moments(0.0, 0.1830140212665475, 0.1830140212665475, 0.2276713404221825),
        ("soft_sign",),
    ),
    Activation(
        "erf",
        "erf(z)",
        "Williams, Computing with infinite networks (1998)",
        Moments(0.0, 0.46455905439753997, 0.46455905439753997, 0.5694100347337416),
    ),
    Activation(
        "tanhshrink",
        "z - tanh(z)",
        "What tanh takes away",
        Moments(0.0, 0.18288347119352352, 0.18288347119352352, 0.2529918832439506),
        ("tanh_shrink",),
    ),
    Activation(
        "softshrink",
        "z - min(max(z, -0.5), 0.5)",
        "Donoho (1995)",
        Moments(0.0, 0.41927852005066774, 0.41927852005066774, 0.6170750774519738),
        ("soft_shrink",),
    ),
    Activation(
        "sin",
        "sin(z)",
        "Sitzmann et al. (2020)",
        Moments(0.0, 0.43233235838169365, 0.43233235838169365, 0.5676676416183063),
        ("sine",),
    ),
    Activation(
        "exp",
        "exp(z)",
        "The exponential function",
        Moments(1.6487212707001282, 7.38905609893065, 4.670774270471605, 7.38905609893065),
        ("exponential",),
    ),
)

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({each.name: each for each in _KNOWN})
"""The activation functions whose gains are known, by name; `find_activation` knows their aliases too."""

_BY_NAME = {name: each for each in _KNOWN for name in (each.name, *each.aliases)}

_TORCH = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
"""Gains of PyTorch that depend on no parameter."""


def find_activation(name: str) -> Activation:
    """The activation function that has a name or an alias.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    if not isinstance(name, str):
        raise ArgumentError(f"nonlinearity is {name!r}; wanted a name, such as 'relu'")
    try:
        return _BY_NAME[name]
    except KeyError:
        # Classes are named as functions are, but for capitals.
        raise ArgumentError(
            f"nonlinearity is {name!r}{suggestion(name.lower(), _BY_NAME)}; wanted one of "
            f"{or_list(ACTIVATIONS)}, or an alias in unifinit.gains.ACTIVATIONS"
        ) from None


def activation_moments(name: str, param: float | None = None) -> Moments:
    """The moments of an activation function of a standard normal variable.

    Parameters
    ----------
    name : str
        A name or an alias in ``ACTIVATIONS``.
    param : float, optional
        The parameter of the function, see `calculate_gain`.

    Returns
    -------
    Moments
        Mean, second moment, variance, and the second moment of the derivative.

    Raises
    ------
    ArgumentError
        If no function has that name, or the parameter is not a finite number, is so large that a moment
        is infinite, or is given for a function whose moments are known for one form alone.

    Examples
    --------
    >>> from unifinit.gains import activation_moments
    >>> activation_moments("leaky_relu", 0.5).second_moment
    0.625
    """
    activation = find_activation(name)
    return activation.moments if param is None else _moments_at(activation, _checked(param))


def calculate_gain(nonlinearity: str, param: float | None = None, *, convention: str = "torch") -> float:
    """The gain for weights whose layer's inputs come from an activation function.

    Parameters
    ----------
    nonlinearity : str
        A name or an alias in ``ACTIVATIONS``. "gelu" is the exact function, "gelu_tanh" its approximation,
        the default of ``jax.nn.gelu``.
    param : float, optional
        The slope of "leaky_relu" (by default 0.01) and "prelu" (0.25), or the alpha of "elu" (1). The
        others are known with the default parameters of the frameworks alone, and take none.
    convention : {"torch", "second_moment", "variance"}
        What a gain is:

        - "torch": what ``torch.nn.init.calculate_gain`` returns for the names that it knows, 1 for
          "identity", and as "second_moment" for all others.
        - "second_moment": 1 / sqrt(E[f(z)²]), z standard normal, which keeps the mean square of signals.
        - "variance": 1 / sqrt(Var f(z)), the constants gamma of NFNets (Brock et al., 2021), for networks
          whose weights sum to zero over their inputs, so that the mean of the inputs is lost.

    Returns
    -------
    float
        The factor of the standard deviation.

    Raises
    ------
    ArgumentError
        If the name or the convention is unknown, or the parameter is not a finite number, is so large that
        the gain would be zero, or is given for a function that takes none.

    Notes
    -----
    PyTorch's gains keep the mean square for "linear", "relu" and "leaky_relu" alone. That of "tanh", 5/3,
    is not 1.5925...; that of "selu", 3/4, was found by experiment, where self-normalizing networks need 1;
    that of "sigmoid", 1, lets signals shrink. PyTorch ignores ``param`` for all but "leaky_relu", and so does
    the convention "torch" for PyTorch's other names. It squares the slope with the C library's ``pow``, whose
    last bit may vary; here it is one multiplication.

    NFNets' and e3nn's constants are the same as here but estimated from random numbers, to three digits;
    those of e3nn's ``normalize2mom`` are of the second moment. NFNets' "gelu" is "gelu_tanh" here.

    Sources: He et al. (2015); Poole et al. (2016); Brock et al., "Characterizing signal propagation to
    close the performance gap in unnormalized ResNets" (2021).

    Examples
    --------
    >>> from unifinit.gains import calculate_gain
    >>> calculate_gain("tanh"), calculate_gain("tanh", convention="second_moment")
    (1.6666666666666667, 1.5925374197228312)
    >>> calculate_gain("gelu")
    1.5335304411955353
    """
    if not isinstance(convention, str) or convention not in CONVENTIONS:
        raise ArgumentError(
            f"convention is {convention!r}{suggestion(str(convention), CONVENTIONS)}; wanted one of "
            f"{or_list(CONVENTIONS)}"
        )
    activation = find_activation(nonlinearity)
    value = None if param is None else _checked(param)
    if convention == "torch" and activation.name in _TORCH:
        return _TORCH[activation.name]
    moments = activation.moments if value is None else _moments_at(activation, value)
    return math.sqrt(1 / (moments.variance if convention == "variance" else moments.second_moment))


def _checked(param: float) -> float:
    """A parameter as a finite float; neither strings nor truth values are numbers here."""
    number = math.nan
    if isinstance(param, Real) and not isinstance(param, bool):
        try:
            number = float(param)
        except OverflowError:
            number = math.inf
    if not math.isfinite(number):
        raise ArgumentError(f"param is {param!r}; wanted a finite number, or None for the default")
    return number


def _moments_at(activation: Activation, value: float) -> Moments:
    if activation.parameter is None:
        with_one = [each.name for each in _KNOWN if each.parameter]
        raise ArgumentError(
            f"param is {value}, but {activation.name!r} is known as {activation.formula} alone; wanted None, "
            f"or one of {or_list(with_one)}, which take a number"
        )
    moments = _evaluated(activation.parameter, value)
    if not all(map(math.isfinite, moments)):
        raise ArgumentError(
            f"param is {value}, the {activation.parameter.name} of {activation.name!r}, whose moments would "
            "be too large for a float; wanted a smaller number"
        )
    return moments
