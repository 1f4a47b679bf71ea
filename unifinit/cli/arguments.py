"""The arguments of the command line."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import NoReturn

from unifinit.cli.parsing import (
    UsageError,
    checked,
    parse_dtype,
    parse_dtypes,
    parse_integer,
    parse_layout,
    parse_names,
    parse_number,
    parse_pair,
    parse_repeats,
    parse_seed,
    parse_seeds,
    parse_setting,
    parse_shape,
)
from unifinit.layout import CANONICAL

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


PROBE = """\
Draw a deep network of equal layers, phi(x W), with each initializer; send inputs forward
and a gradient backward, and show what becomes of them beside mean-field theory.
"""

PROBE_NOTES = """\
verdicts:
  stable     at the rate of the second half of the layers, the mean square changes by less
             than a factor of 10 over the whole depth, or by no more than chance explains
  exploding  it grows by more
  vanishing  it falls by more
  undefined  gradients, where activations overflowed

--json prints what unifinit.probe(...).as_dict() returns, with "output", the path of the
picture, or null. The exit status is 0 whatever the verdicts.
"""


SPEC = """\
Write a specification: which parameters a model has, how they start, and the seed. MODEL is
package.module:function, where the function makes a model of PyTorch or Keras without
arguments; a checkpoint; or a config.json of Hugging Face's, whose model is built without
memory if transformers is installed.
"""

INIT = """\
Write the checkpoint that a specification says, piece by piece within some MiB of memory:
OUTPUT is a folder for safetensors files as Hugging Face divides them, or a name that ends
in .safetensors, .npz or .zarr. An interrupted run goes on where it was, and ends with the
same bytes. With --dry-run or --html it shows what would be written.
"""

INIT_NOTES = """\
With --shards N --index I, each of N machines writes its own file and the same index, and
they need not know of each other.
"""

VERIFY = """\
Compare a checkpoint with the start that a specification says, piece by piece; the first
difference of each array is named. With several specifications, or --seeds, tell first
which of them made the checkpoint.
"""

VERIFY_NOTES = """\
exit status:
  0  the checkpoint is the start
  1  it is not
  2  the arguments are wrong, or a file is damaged
"""

DIFF = """\
Compare two checkpoints, also of different frameworks, parameter by parameter: identical,
transposed, rounded, scaled or different. Paths are canonical: kernel and weight are one name.
"""

DIFF_NOTES = """\
exit status:
  0  all parameters are identical, transposed or rounded
  1  not so
  2  the arguments are wrong, or a file is damaged
"""


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
    compare.add_argument("--shape", type=checked(parse_shape), help="such as 3,3,64,128; by default 256,128")
    compare.add_argument(
        "--dtype",
        type=checked(parse_dtypes),
        help="one or several, such as float32,bfloat16; by default float32",
    )
    compare.add_argument(
        "--layout", type=checked(parse_layout), help='such as OI, HWIO or OI...; by default "...IO"'
    )
    compare.add_argument("--seed", type=checked(parse_seed), help="by default 0")
    compare.add_argument(
        "--backends",
        type=checked(parse_names),
        help="such as numpy,torch; array_api_strict is another; by default all that are installed",
    )
    compare.add_argument(
        "--repeats",
        type=checked(parse_repeats),
        help=f"how many runs to time, fewer if they are slow; by default {DEFAULT_REPEATS}; 0 for none",
    )

    add("list", "list all initializers with their hyperparameters")

    describe = add("describe", "tell what theory says of an initializer for a shape")
    describe.add_argument("name", metavar="NAME", help="an initializer, such as HeNormal or he_normal")
    describe.add_argument("--shape", type=checked(parse_shape), required=True, help="such as 3,3,64,128")
    _add_dtype(describe)
    _add_layout(describe)
    _add_settings(describe)

    probe = add("probe", "show how signals propagate through a deep network", PROBE, PROBE_NOTES)
    probe.add_argument("names", metavar="NAME", nargs="+", help="initializers, such as he_normal")
    probe.add_argument("--width", type=checked(parse_integer), default=256, help="by default 256")
    probe.add_argument("--depth", type=checked(parse_integer), default=32, help="by default 32")
    probe.add_argument("--activation", default="relu", help="such as tanh; by default relu")
    probe.add_argument(
        "--residual", type=checked(parse_number), help="makes layers x + RESIDUAL * phi(x W), such as 0.5"
    )
    probe.add_argument(
        "--bias-variance", type=checked(parse_number), default=0.0, help="of normal biases; by default 0"
    )
    probe.add_argument("--samples", type=checked(parse_integer), default=8, help="inputs; by default 8")
    probe.add_argument(
        "--correlation", type=checked(parse_number), default=0.5, help="of two inputs; by default 0.5"
    )
    probe.add_argument("--backend", default="numpy", help="what draws the weights; by default numpy")
    probe.add_argument("--seed", type=checked(parse_seed), default=DEFAULT_SEED, help="by default 0")
    _add_dtype(probe)
    _add_settings(probe)
    probe.add_argument("--output", metavar="FILE", help="draw a picture too; its name ends in .png or .svg")

    plot = add("plot", "draw an array's values and singular values beside theory")
    plot.add_argument("name", metavar="NAME", help="an initializer, such as HeNormal or he_normal")
    plot.add_argument("--shape", type=checked(parse_shape), required=True, help="such as 3,3,64,128")
    _add_dtype(plot)
    _add_layout(plot)
    plot.add_argument("--seed", type=checked(parse_seed), help="by default the initializer's own, or else 0")
    _add_settings(plot)
    plot.add_argument("--output", metavar="FILE", required=True, help="its name ends in .png or .svg")

    _add_models(add)
    add("backends", "tell which frameworks are installed and work, and how to get the others")
    return parser


def _add_models(add: Callable[..., ArgumentParser]) -> None:
    """The commands about whole models."""
    spec = add("spec", "write the specification of a model's start", SPEC)
    spec.add_argument(
        "model", metavar="MODEL", help="such as mymodels:resnet, model.safetensors or config.json"
    )
    spec.add_argument("--recipe", help='such as gpt2; by default "torch"')
    spec.add_argument("--rules", metavar="FILE", help="JSON: an object from patterns to initializers")
    spec.add_argument("--seed", type=checked(parse_seed), default=DEFAULT_SEED, help="by default 0")
    spec.add_argument("--dtype", type=checked(parse_dtype), help="for a config.json; by default its own")
    spec.add_argument("--output", "-o", metavar="FILE", help="ends in .toml or .json; by default stdout")
    _add_overwrite(spec)

    init = add("init", "write the checkpoint of a model's start", INIT, INIT_NOTES)
    init.add_argument("spec", metavar="SPEC", help="a specification in TOML or JSON")
    init.add_argument("--output", "-o", help="a folder, or a file that ends in .safetensors, .npz or .zarr")
    init.add_argument("--seed", type=checked(parse_seed), help="by default that of the specification")
    init.add_argument("--shards", type=checked(parse_integer), help="into how many files to divide it")
    init.add_argument("--index", type=checked(parse_integer), help="which of them to write, from 0 on")
    init.add_argument(
        "--shard-size", type=checked(parse_integer), help="most bytes of a file; by default 5e9"
    )
    init.add_argument("--dry-run", action="store_true", help="print a table of all parameters instead")
    init.add_argument("--html", metavar="FILE", help="write a page with histograms")
    _add_overwrite(init)

    verify = add("verify", "tell whether a checkpoint is the start that is specified", VERIFY, VERIFY_NOTES)
    verify.add_argument(
        "paths", metavar="SPEC ... CHECKPOINT", nargs="+", help="specifications, then a checkpoint"
    )
    verify.add_argument(
        "--seeds", type=checked(parse_seeds), help="other seeds to try, such as 0:1000 or 1,2,7"
    )
    verify.add_argument("--all", action="store_true", help="list the arrays that are right too")

    diff = add("diff", "compare two checkpoints", DIFF, DIFF_NOTES)
    diff.add_argument("first", metavar="A", help="a checkpoint")
    diff.add_argument("second", metavar="B", help="another one")
    for option, summary in (
        ("--rename", "a path of A, or a pattern, and the path of B that it is"),
        ("--layout-a", "a pattern of paths and the layout of these arrays in A, such as **/weight=IO"),
        ("--layout-b", "the same for B"),
    ):
        diff.add_argument(
            option, metavar="OLD=NEW", type=checked(parse_pair), action="append", default=[], help=summary
        )
    diff.add_argument("--all", action="store_true", help="list the parameters that are the same too")


def _add_overwrite(command: ArgumentParser) -> None:
    command.add_argument("--overwrite", action="store_true", help="replace what is there")


def _add_dtype(command: ArgumentParser) -> None:
    command.add_argument("--dtype", type=checked(parse_dtype), default="float32", help="by default float32")


def _add_layout(command: ArgumentParser) -> None:
    command.add_argument(
        "--layout",
        type=checked(parse_layout),
        default=CANONICAL.text,
        help='such as OI, HWIO or OI...; by default "...IO"',
    )


def _add_settings(command: ArgumentParser) -> None:
    command.add_argument(
        "--set",
        metavar="KEY=VALUE",
        dest="config",
        type=checked(parse_setting),
        action="append",
        default=[],
        help="a hyperparameter, such as stddev=0.01; can be repeated",
    )
