"""The contenders: unifinit on each library, and what the libraries, Keras and TensorFlow 1 offer themselves.

A maker takes a case and a buffer and returns a call, or None if its library has nothing for the case. Calls
return when the result is complete: JAX is waited for; PyTorch, TensorFlow and Keras compute before they
return on a processor (``tf.config.experimental.get_synchronous_execution()`` is true).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.buffers import Buffer
from benchmarks.cases import Case
from benchmarks.libraries import library, missing
from benchmarks.memset import Memset
from benchmarks.timing import Call, describe
from unifinit.initializers.classes import snake_case

Maker = Callable[[Case, Buffer], Call | None]

JAX_DISTRIBUTIONS = {
    "normal": "truncated_normal",
    "truncated_normal": "truncated_normal",
    "untruncated_normal": "normal",
    "uniform": "uniform",
}


@dataclass(frozen=True)
class Contender:
    """One of those that are compared.

    Attributes
    ----------
    name
        In tables.
    library
        The module that it needs.
    make
        From a case and a buffer to a call.
    in_place
        Whether it overwrites memory that is there, or makes a new array at each call.
    baseline
        The contender of unifinit that does the same on the same library.
    """

    name: str
    library: str
    make: Maker
    in_place: bool
    baseline: str


def _unifinit_new(backend: str, case: Case, buffer: Buffer) -> Call:
    del buffer
    create = partial(case.initializer, case.shape, case.dtype, backend=backend)
    return create if backend != "jax" else lambda: create().block_until_ready()


def _unifinit_numpy(case: Case, buffer: Buffer) -> Call:
    return partial(case.initializer.fill_, buffer.numpy(case))


def _unifinit_torch(case: Case, buffer: Buffer) -> Call:
    return partial(case.initializer.fill_, buffer.torch(case))


def _memset(case: Case, buffer: Buffer) -> Call:
    del case
    return Memset(buffer.memory)


def _torch_fill(case: Case) -> Callable[[Any], object] | None:
    init, config = library("torch").nn.init, case.initializer.get_config()
    fills: dict[str, Callable[[], Callable[[Any], object]]] = {
        "Zeros": lambda: init.zeros_,
        "Ones": lambda: init.ones_,
        "Constant": lambda: partial(init.constant_, val=config["value"]),
        "RandomUniform": lambda: partial(init.uniform_, a=config["minval"], b=config["maxval"]),
        "RandomNormal": lambda: partial(init.normal_, mean=config["mean"], std=config["stddev"]),
        # The bounds are absolute numbers in PyTorch.
        "TruncatedNormal": lambda: partial(
            init.trunc_normal_,
            mean=config["mean"],
            std=config["stddev"],
            a=config["mean"] - 2 * config["stddev"],
            b=config["mean"] + 2 * config["stddev"],
        ),
        "GlorotUniform": lambda: init.xavier_uniform_,
        "GlorotNormal": lambda: init.xavier_normal_,  # Not truncated, as HeNormal.
        "HeUniform": lambda: partial(init.kaiming_uniform_, nonlinearity="relu"),
        "HeNormal": lambda: partial(init.kaiming_normal_, nonlinearity="relu"),
        "Orthogonal": lambda: partial(init.orthogonal_, gain=config["gain"]),
    }
    return fills[case.name]() if case.name in fills else None


def _torch_in_place(case: Case, buffer: Buffer) -> Call | None:
    fill = _torch_fill(case)
    return None if fill is None else partial(fill, buffer.torch(case))


def _torch_new(case: Case, buffer: Buffer) -> Call | None:
    del buffer
    torch, fill = library("torch"), _torch_fill(case)
    if fill is None:
        return None
    empty, dtype = torch.empty, getattr(torch, case.dtype)
    return lambda: fill(empty(case.shape, dtype=dtype))


def _jax_function(case: Case) -> Callable[[Any], Any] | None:
    """A function of a key."""
    jax, config = library("jax"), case.initializer.get_config()
    init = jax.nn.initializers
    makers: dict[str, Callable[[], Any]] = {
        "Zeros": lambda: init.zeros,
        "Ones": lambda: init.ones,
        "Constant": lambda: init.constant(config["value"]),
        "RandomUniform": lambda: init.uniform(config["maxval"]),  # From 0, as the cases are.
        "RandomNormal": lambda: init.normal(config["stddev"]),
        "TruncatedNormal": lambda: init.truncated_normal(config["stddev"]),
        "VarianceScaling": lambda: init.variance_scaling(
            config["scale"], config["mode"], JAX_DISTRIBUTIONS[config["distribution"]]
        ),
        "GlorotUniform": init.glorot_uniform,
        "GlorotNormal": init.glorot_normal,
        "HeUniform": init.he_uniform,
        "HeNormal": init.he_normal,
        "LecunUniform": init.lecun_uniform,
        "LecunNormal": init.lecun_normal,
        "Orthogonal": lambda: init.orthogonal(config["gain"]),
    }
    if case.name not in makers:
        return None
    initialize = makers[case.name]()
    return lambda key: initialize(key, case.shape, case.dtype)


def _jax(jitted: bool, case: Case, buffer: Buffer) -> Call | None:
    del buffer
    jax, function = library("jax"), _jax_function(case)
    if function is None:
        return None
    run, key = jax.jit(function) if jitted else function, jax.random.key(0)
    return lambda: run(key).block_until_ready()


def _keras(case: Case, buffer: Buffer) -> Call | None:
    del buffer
    create = getattr(library("keras").initializers, case.name, None)
    if create is None:
        return None
    config = case.initializer.get_config()
    initialize = create(**config | ({"seed": 0} if "seed" in config else {}))
    return partial(initialize, case.shape, dtype=case.dtype)


def _tensorflow1(case: Case, buffer: Buffer) -> Call | None:
    del buffer
    tf = library("tensorflow")
    snake, v1 = snake_case(case.name), tf.compat.v1
    create = getattr(v1, f"{snake}_initializer", None) or getattr(v1.initializers, snake, None)
    if create is None:
        return None
    config = case.initializer.get_config()
    initialize = create(**{name: value for name, value in config.items() if name != "seed"})
    return partial(initialize, case.shape, dtype=tf.as_dtype(case.dtype))


def _numpy_generator(case: Case, buffer: Buffer) -> Call | None:
    """The fastest that NumPy offers: in place, in the dtype of the array."""
    np = library("numpy")
    generator = np.random.default_rng(0)
    drawn = case.dtype in ("float32", "float64")
    constants = {"Zeros": 0, "Ones": 1, "Constant": case.initializer.get_config().get("value")}
    if case.name in constants:
        return partial(buffer.numpy(case).fill, constants[case.name])
    if case.name == "RandomNormal" and drawn:
        return partial(generator.standard_normal, dtype=case.dtype, out=buffer.numpy(case))
    if case.name == "RandomUniform" and drawn:
        return partial(generator.random, dtype=case.dtype, out=buffer.numpy(case))
    if case.name in ("GlorotUniform", "HeUniform", "LecunUniform") and drawn:
        out = buffer.numpy(case)
        limit = case.initializer.describe(case.shape).moments.maximum

        def draw_and_scale() -> None:
            generator.random(dtype=case.dtype, out=out)
            np.multiply(out, 2 * limit, out=out)
            np.subtract(out, limit, out=out)

        return draw_and_scale
    return None


IN_TORCH = "unifinit, torch"
IN_NUMPY = "unifinit, NumPy"
ON_TENSORFLOW = "unifinit, TensorFlow"
ON_JAX = "unifinit, JAX"
NEW_NUMPY = "unifinit, new NumPy array"
NEW_TORCH = "unifinit, new torch tensor"
TORCH = "torch.nn.init"
TORCH_NEW = "torch.nn.init, new tensor"
JITTED = "jax.nn.initializers, jitted"
NOT_JITTED = "jax.nn.initializers"
KERAS = "keras.initializers"
TENSORFLOW1 = "tf.compat.v1"
GENERATOR = "numpy.random.Generator"
MEMSET = "memset"

ALL = {
    contender.name: contender
    for contender in (
        Contender(IN_TORCH, "torch", _unifinit_torch, True, IN_TORCH),
        Contender(IN_NUMPY, "numpy", _unifinit_numpy, True, IN_NUMPY),
        Contender(ON_TENSORFLOW, "tensorflow", partial(_unifinit_new, "tensorflow"), False, ON_TENSORFLOW),
        Contender(ON_JAX, "jax", partial(_unifinit_new, "jax"), False, ON_JAX),
        Contender(NEW_NUMPY, "numpy", partial(_unifinit_new, "numpy"), False, NEW_NUMPY),
        Contender(NEW_TORCH, "torch", partial(_unifinit_new, "torch"), False, NEW_TORCH),
        Contender(TORCH, "torch", _torch_in_place, True, IN_TORCH),
        Contender(TORCH_NEW, "torch", _torch_new, False, NEW_TORCH),
        Contender(JITTED, "jax", partial(_jax, True), False, ON_JAX),
        Contender(NOT_JITTED, "jax", partial(_jax, False), False, ON_JAX),
        Contender(KERAS, "keras", _keras, False, ON_TENSORFLOW),
        Contender(TENSORFLOW1, "tensorflow", _tensorflow1, False, ON_TENSORFLOW),
        Contender(GENERATOR, "numpy", _numpy_generator, True, IN_NUMPY),
        Contender(MEMSET, "numpy", _memset, True, IN_NUMPY),
    )
}

HAS_NONE, NOT_INSTALLED = "has none", "is not installed"
"""Reasons that need no mention at each case."""

TABLE = tuple(name for name in ALL if name not in (NEW_NUMPY, NEW_TORCH, TORCH_NEW))
"""The columns of tables: in place where a library can, else new arrays."""


def calls(
    case: Case, names: Iterable[str], buffer: Buffer, labels: Mapping[str, str] | None = None
) -> tuple[dict[str, Call], dict[str, str]]:
    """The calls of contenders for a case, and why others have none.

    Parameters
    ----------
    case
        What to compute.
    names
        Of the contenders.
    buffer
        For those that write in place.
    labels
        Other names in the result.
    """
    made: dict[str, Call] = {}
    absent: dict[str, str] = {}
    for name in names:
        contender, label = ALL[name], (labels or {}).get(name, name)
        if missing(contender.library):
            absent[label] = NOT_INSTALLED
            continue
        try:
            call = contender.make(case, buffer)
        except Exception as error:  # A library may lack the dtype or the shape, and says so in its own way.
            absent[label] = describe(error)
            continue
        if call is None:
            absent[label] = HAS_NONE
        else:
            made[label] = call
    return made, absent
