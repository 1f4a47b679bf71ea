"""What each command does: gather, then print as JSON or as tables."""

from __future__ import annotations

import platform
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import unifinit
from unifinit.cli import arguments as options
from unifinit.cli import tables
from unifinit.cli.compare import choose_backends, compare, compare_with_golden
from unifinit.cli.compare import probe as try_out
from unifinit.cli.comparison_tables import show_comparison
from unifinit.cli.models import run_diff, run_init, run_spec, run_verify
from unifinit.cli.printing import print_json
from unifinit.cli.propagation_tables import show_probe
from unifinit.cli.supervisor import Answers
from unifinit.errors import UnifinitError
from unifinit.initializers import Initializer
from unifinit.initializers.base import to_plain
from unifinit.initializers.catalogue import as_initializer
from unifinit.initializers.classes import CLASSES, aliases_of, load_plugins, own_classes
from unifinit.initializers.hyperparameters import REQUIRED
from unifinit.layout import CANONICAL, as_layout
from unifinit.plots.canvas import check_path, require_matplotlib, save_figure
from unifinit.plots.initializer import sample_figure
from unifinit.plots.propagation import propagation_figure
from unifinit.plots.sample import make_sample
from unifinit.propagation import probe
from unifinit.registry import BackendStatus, registry

DISAGREEMENT = 1


def run_compare(arguments: Namespace) -> int:
    """Compare; the status tells whether all agree."""
    initializers = [as_initializer(name) for name in dict.fromkeys(arguments.names)]
    distinct = list(dict.fromkeys(initializers))
    backends, notes = choose_backends(arguments.backends)
    layout = arguments.layout or CANONICAL.text
    shape = options.DEFAULT_SHAPE if arguments.shape is None else arguments.shape
    as_layout(layout).canonical_shape(shape)
    if not arguments.json:
        tables.require_rich()
    with tables.progress() as advance:
        if len(backends) == 1:
            found = compare_with_golden(
                backends[0],
                names=[type(initializer).__name__ for initializer in distinct],
                dtypes=arguments.dtype or (),
                notes=notes,
                repeats=arguments.repeats or 0,
                advance=advance,
            )
        else:
            found = compare(
                distinct or _suited(shape, layout),
                shape=shape,
                dtypes=arguments.dtype or options.DEFAULT_DTYPES,
                layout=layout,
                seed=options.DEFAULT_SEED if arguments.seed is None else arguments.seed,
                backends=backends,
                notes=notes,
                repeats=options.DEFAULT_REPEATS if arguments.repeats is None else arguments.repeats,
                advance=advance,
            )
    if arguments.json:
        print_json(found.as_dict())
    else:
        show_comparison(found)
    return 0 if found.ok else DISAGREEMENT


def run_list(arguments: Namespace) -> int:
    """List the initializers, those of plugins last.

    In JSON ``{"initializers": [{"name", "summary", "hyperparameters", "required", "formula", "source",
    "names", "plugin"}], "broken": {name: reason}}``.
    """
    own = own_classes()
    broken = load_plugins()
    listed = [
        {
            "name": cls.__name__,
            "summary": cls.summary,
            "hyperparameters": _hyperparameters(cls),
            "required": [name for name, one in cls.hyperparameters.items() if one.default is REQUIRED],
            "formula": cls.formula,
            "source": cls.source,
            "names": list(aliases_of(cls)),
            "plugin": None if cls in own else cls.__module__,
        }
        for cls in (*own, *sorted(set(CLASSES.values()) - set(own), key=lambda cls: cls.__name__))
    ]
    if arguments.json:
        print_json({"initializers": listed, "broken": broken})
    else:
        tables.show_initializers(listed)
        for reason in broken.values():
            print(reason)
    return 0


def run_describe(arguments: Namespace) -> int:
    """Describe an initializer; in JSON what ``Description.as_dict`` returns."""
    initializer = as_initializer(arguments.name, **dict(arguments.config))
    described = initializer.describe(arguments.shape, arguments.dtype, layout=arguments.layout).as_dict()
    if arguments.json:
        print_json(described)
    else:
        tables.show_description(described)
    return 0


def run_probe(arguments: Namespace) -> int:
    """Probe signal propagation; in JSON what ``Probe.as_dict`` returns, and the path of the picture."""
    if arguments.output is not None:
        check_path(arguments.output)
        require_matplotlib()
    if not arguments.json:
        tables.require_rich()
    found = probe(
        *(as_initializer(name, **dict(arguments.config)) for name in dict.fromkeys(arguments.names)),
        width=arguments.width,
        depth=arguments.depth,
        activation=arguments.activation,
        residual=arguments.residual,
        bias_variance=arguments.bias_variance,
        samples=arguments.samples,
        correlation=arguments.correlation,
        seed=arguments.seed,
        backend=arguments.backend,
        dtype=arguments.dtype,
    )
    if arguments.output is not None:
        save_figure(propagation_figure(found), arguments.output)
    if arguments.json:
        print_json({**found.as_dict(), "output": arguments.output})
    else:
        show_probe(found)
        _tell_written(arguments.output)
    return 0


def run_plot(arguments: Namespace) -> int:
    """Draw an array; in JSON the path, what ``Description.as_dict`` returns, and the sample's moments."""
    check_path(arguments.output)
    require_matplotlib()
    initializer = as_initializer(arguments.name, **dict(arguments.config))
    sample = make_sample(
        initializer, arguments.shape, arguments.dtype, layout=arguments.layout, seed=arguments.seed
    )
    save_figure(sample_figure(sample), arguments.output)
    if arguments.json:
        described = sample.description.as_dict()
        print_json({"output": arguments.output, "description": described, "sample": sample.as_dict()})
    else:
        _tell_written(arguments.output)
    return 0


def run_backends(arguments: Namespace) -> int:
    """Try the backends out; in JSON ``{"backends": [{"name", "state", "version", ..., "execution"}]}``."""
    if not arguments.json:
        tables.require_rich()
    known = registry()
    states = [known.status(name, load=False) for name in known.names()]
    with tables.progress() as advance:
        for number, status in enumerate(states):
            advance(status.name, number, len(states))
            if status.state == "installed":
                states[number] = _tried_out(status, try_out(status.name))
    found = [status._asdict() for status in states]
    if arguments.json:
        print_json({"backends": found})
    else:
        tables.show_backends(found)
    return 0


def run_version(arguments: Namespace) -> int:
    """Print the version; in JSON with that of Python."""
    if arguments.json:
        print_json({"unifinit": unifinit.__version__, "python": platform.python_version()})
    else:
        print(f"unifinit {unifinit.__version__}")
    return 0


COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "compare": run_compare,
    "list": run_list,
    "describe": run_describe,
    "probe": run_probe,
    "plot": run_plot,
    "spec": run_spec,
    "init": run_init,
    "verify": run_verify,
    "diff": run_diff,
    "backends": run_backends,
}


def _suited(shape: tuple[int, ...], layout: str) -> list[Initializer]:
    """All of unifinit's own initializers that have defaults, and suit a shape."""
    suited = []
    for cls in own_classes():
        if not any(one.default is REQUIRED for one in cls.hyperparameters.values()):
            try:
                cls().plan(shape, layout=layout, seed=0)
            except UnifinitError:
                continue
            suited.append(cls())
    return suited


def _hyperparameters(cls: type[Initializer]) -> dict[str, Any]:
    """The defaults by name, in the order of the constructor; None where there is none."""
    return {
        name: None
        if declared.default is REQUIRED
        else to_plain(declared.checked(declared.default, name), name)
        for name, declared in cls.hyperparameters.items()
    }


def _tell_written(path: str | None) -> None:
    if path is not None:
        print(f"wrote {path}")


def _tried_out(status: BackendStatus, answers: Answers) -> BackendStatus:
    if answers.failure is None:
        return status._replace(version=answers.version, execution=answers.execution)
    return status._replace(state="broken", detail=answers.failure)
