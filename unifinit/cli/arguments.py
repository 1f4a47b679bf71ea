"""The arguments of the command line."""

from __future__ import annotations

import json
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    RawDescriptionHelpFormatter,
)
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from unifinit.errors import ArgumentError, UnifinitError
from unifinit.key import Key
from unifinit.layout import CANONICAL, as_layout
from unifinit.types import Shape, as_dtype, as_shape

T = TypeVar("T")

DEFAULT_SHAPE = (256, 128)
DEFAULT_DTYPES = ("float32",)
DEFAULT_SEED = 0
DEFAULT_REPEATS = 15

COMPARE = """\
Draw every initializer, or those named, on every installed framework, and compare
the bits.

Each framework runs in a process of its own, one after the other; one that crashes is
reported in its rows, and the other rows are complete. A single framework is compared
with array_api_strict if no --backends are given and it is installed, or else with the
golden digests that unifinit was published with: then shapes, layouts and seeds are those
of their table, and nothing is timed unless --repeats is given.
"""

COMPARE_NOTES = """\
verdicts:
  identical     all backends gave the same bits
  refused       unifinit refuses the arguments on all backends alike, as Orthogonal does
                a vector; counts as agreement
  DIFFERENT     two backends gave different bits
  error         a backend crashed or failed; the reason stands below the tables
  not compared  fewer than two backends have the dtype. In other rows a backend without
                the dtype ("unsupported") does not count

statistics:
  σ is by how many standard errors the sample is off from theory, beyond what rounding
  explains. More than 5, and elements out of bounds, are flagged. For Orthogonal, whose
  elements are not independent, "eps" is the largest element of W^T W - gain^2 I in units
  of gain^2 and the dtype's epsilon.

times:
  medians, after a run to warm up, of unifinit and of the framework's own initializer
  ("native", if there is one); "speed" is how many times faster unifinit is.

exit status:
  0    all rows are identical or refused, and no statistics are flagged
  1    not so. Rows that were not compared count as failures too, except with the golden
       digests when no --dtype is given
  2    the arguments are wrong
  130  interrupted

--json prints one document:
  unifinit    version
  mode        "backends" or "golden"
  notes       what there is to know about the choice of backends
  backends    name, version, failure (why it could not be loaded)
  rows        initializer (class_name, config), shape, dtype, layout, seed, verdict,
              results, one for each backend: backend, status (ok, unsupported, refused,
                error), sha256, reason, seconds, native_seconds, native_reason, speedup;
              statistics, one for each distinct sha256: sha256, count, mean, stddev,
                minimum, maximum, expected_mean, expected_stddev, expected_minimum,
                expected_maximum, mean_sigmas, stddev_sigmas, orthogonality,
                within_bounds, flags
  summary     rows, identical, refused, different, error, not_compared, flagged
  ok          whether the exit status is 0
sha256 is of the elements in row-major order, each little-endian. Golden digests are the
results of a backend "golden". What does not apply is null, NaN and infinities are
strings.
"""


class UsageError(ArgumentError):
    """The arguments of the command line are wrong."""


class Parser(ArgumentParser):
    """A parser whose errors are one line, and are raised."""

    def error(self, message: str) -> NoReturn:
        """Raise a ``UsageError``."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def make_parser() -> ArgumentParser:
    """The parser; its results have ``command`` (None without one), ``json`` and ``version``."""
    parser = Parser(
        prog="unifinit",
        description="Neural-network weight initializers with the same bits on every framework.",
        epilog='Tables need the package rich (pip install "unifinit[cli]"); --json does not.',
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, summary: str, description: str = "", epilog: str = "") -> ArgumentParser:
        command = commands.add_parser(
            name,
            help=summary,
            description=description or f"{summary[0].upper()}{summary[1:]}.",
            epilog=epilog,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        # Without a default, or it would undo a --json before the command.
        command.add_argument("--json", action="store_true", default=SUPPRESS, help="print one JSON document")
        return command

    compare = add(
        "compare", "compare the bits, statistics and speed of all frameworks", COMPARE, COMPARE_NOTES
    )
    compare.add_argument("names", metavar="NAME", nargs="*", help="initializers; by default all of them")
    compare.add_argument("--shape", type=_checked(parse_shape), help="such as 3,3,64,128; by default 256,128")
    compare.add_argument(
        "--dtype",
        type=_checked(parse_dtypes),
        help="one or several, such as float32,bfloat16; by default float32",
    )
    compare.add_argument(
        "--layout", type=_checked(parse_layout), help='such as OI, HWIO or OI...; by default "...IO"'
    )
    compare.add_argument("--seed", type=_checked(parse_seed), help="by default 0")
    compare.add_argument(
        "--backends",
        type=_checked(parse_names),
        help="such as numpy,torch; array_api_strict is another; by default all that are installed",
    )
    compare.add_argument(
        "--repeats",
        type=_checked(parse_repeats),
        help=f"how many runs to time, fewer if they are slow; by default {DEFAULT_REPEATS}; 0 for none",
    )

    add("list", "list all initializers with their hyperparameters")

    describe = add("describe", "tell what theory says of an initializer for a shape")
    describe.add_argument("name", metavar="NAME", help="an initializer, such as HeNormal or he_normal")
    describe.add_argument("--shape", type=_checked(parse_shape), required=True, help="such as 3,3,64,128")
    describe.add_argument("--dtype", type=_checked(parse_dtype), default="float32", help="by default float32")
    describe.add_argument(
        "--layout",
        type=_checked(parse_layout),
        default=CANONICAL.text,
        help='such as OI, HWIO or OI...; by default "...IO"',
    )
    describe.add_argument(
        "--set",
        metavar="KEY=VALUE",
        dest="config",
        type=_checked(parse_setting),
        action="append",
        default=[],
        help="a hyperparameter, such as stddev=0.01; can be repeated",
    )

    add("backends", "tell which frameworks are installed and work, and how to get the others")
    return parser


def parse_shape(text: str) -> Shape:
    """``"3,3,64,128"`` as a shape; ``"()"`` is that of a scalar."""
    inner = text.strip().removeprefix("(").removesuffix(")").removesuffix(",")
    if not inner and text:
        return ()
    try:
        dimensions = [int(part) for part in inner.split(",")]
    except ValueError:
        raise UsageError(f"{text!r} is no shape; wanted integers and commas, such as 3,3,64,128") from None
    return as_shape(dimensions)


def parse_dtype(text: str) -> str:
    """The name of a dtype, checked."""
    return as_dtype(text).name


def parse_dtypes(text: str) -> list[str]:
    """The names of one or several dtypes, checked."""
    return list(dict.fromkeys(parse_dtype(name) for name in parse_names(text)))


def parse_layout(text: str) -> str:
    """The text of a layout, checked."""
    return as_layout(text).text


def parse_names(text: str) -> list[str]:
    """Names separated by commas, each once."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"{text!r} has an empty name; wanted names and commas, such as numpy,torch")
    return list(dict.fromkeys(names))


def parse_seed(text: str) -> int:
    """A seed, checked; hexadecimal too."""
    try:
        return Key(int(text, 0)).seed
    except ValueError as error:
        if isinstance(error, UnifinitError):
            raise
        raise UsageError(f"{text!r} is no seed; wanted an integer, 0 <= seed < 2**64") from None


def parse_repeats(text: str) -> int:
    """A number of runs."""
    if not text.isdecimal():
        raise UsageError(f"{text!r} is no number of runs; wanted an integer of at least 0")
    return int(text)


def parse_setting(text: str) -> tuple[str, Any]:
    """``key=value`` as a pair; the value is JSON, or else a string."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"{text!r} sets nothing; wanted KEY=VALUE, such as stddev=0.01")
    try:
        return key.strip(), json.loads(value)
    except ValueError:
        return key.strip(), value


def _checked(parse: Callable[[str], T]) -> Callable[[str], T]:
    """``parse``, with errors that argparse shows as they are."""

    def parse_or_tell(text: str) -> T:
        try:
            return parse(text)
        except UnifinitError as error:
            raise ArgumentTypeError(str(error)) from error

    return parse_or_tell
