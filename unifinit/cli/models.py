"""What the commands about whole models do: ``spec``, ``init``, ``verify`` and ``diff``."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from unifinit.checkpoints import Entry, open_checkpoint, write_checkpoint, write_shards
from unifinit.cli import tables
from unifinit.cli.jobs import one_line
from unifinit.cli.parsing import UsageError
from unifinit.cli.printing import print_json
from unifinit.errors import RuleError, SpecError, UnifinitError, UnusedRuleWarning
from unifinit.key import Key
from unifinit.models import ModelPlan
from unifinit.models.assignment import OverlappingRuleWarning
from unifinit.specs import Spec
from unifinit.specs.difference import compare_checkpoints
from unifinit.specs.documents import read_values
from unifinit.specs.sources import spec_of, spec_of_checkpoint, spec_of_config
from unifinit.specs.verification import Checked, identify, verify

DIFFERENT = 1
FILES = (".safetensors", ".npz", ".zarr")
"""Endings of an output that is one file, or one group of zarr."""
FOREIGN = (".bin", ".ckpt", ".gguf", ".h5", ".keras", ".npy", ".onnx", ".pt", ".pth")
"""Endings by which nobody calls a folder."""


def run_spec(arguments: Namespace) -> int:
    """Write a specification of a model, a checkpoint or a configuration; in JSON the document itself."""
    rules = _rules(arguments)
    settings = {"rules": rules, "seed": arguments.seed}
    source = arguments.model
    is_config = source.endswith(".json") and not source.endswith(".index.json")
    if arguments.dtype is not None and not is_config:
        raise UsageError(f"--dtype is for a config.json, and {source!r} has dtypes; wanted it without")
    if is_config:
        spec = spec_of_config(source, dtype=arguments.dtype, **settings)
    elif os.path.exists(source):
        with open_checkpoint(source) as checkpoint:
            spec = spec_of_checkpoint(checkpoint, **settings)
    else:
        spec = spec_of(_imported(source), **settings)
    plan = _planned(spec)  # It finds out whether the rules suit the model.
    if arguments.output is not None:
        spec.write(arguments.output, overwrite=arguments.overwrite)
        if not arguments.json:
            print(f"wrote {arguments.output}: {len(plan.arrays)} arrays, {plan.nbytes:,} bytes")
    elif not arguments.json:
        print(spec.to_toml() if find_spec("tomli_w") else spec.to_json(), end="")
    if arguments.json:
        print_json(spec.document())
    return 0


def run_init(arguments: Namespace) -> int:
    """Write a checkpoint, or show what it would hold; in JSON what ``ModelPlan.as_dict`` returns."""
    _check_output(arguments)
    spec = Spec.read(arguments.spec)
    plan = _planned(spec, arguments.seed)
    if arguments.html is not None:
        plan.to_html(arguments.html, title=spec.name or arguments.spec, overwrite=arguments.overwrite)
    if arguments.output is None:
        if arguments.json:
            print_json(plan.as_dict())
        elif arguments.dry_run:
            print(plan)
        else:
            print(f"wrote {arguments.html}")
        return 0
    entries = [Entry(one.array.name, one.plan) for one in plan.arrays if one.plan is not None]
    with tables.bytes_progress() as tell:
        settings: dict[str, Any] = {
            "metadata": {"format": "pt", "unifinit": plan.fingerprint},
            "fingerprint": plan.fingerprint,
            "overwrite": arguments.overwrite,
            "progress": tell,
        }
        if _is_one_file(arguments.output):
            write_checkpoint(arguments.output, entries, **settings)
        else:
            write_shards(
                arguments.output,
                entries,
                max_bytes=arguments.shard_size,
                shards=arguments.shards,
                index=arguments.index,
                **settings,
            )
    if arguments.json:
        size = sum(entry.nbytes for entry in entries)
        print_json({"output": arguments.output, "fingerprint": plan.fingerprint, "bytes": size})
    else:
        print(f"wrote {arguments.output}: {len(entries)} arrays, fingerprint {plan.fingerprint}")
    return 0


def run_verify(arguments: Namespace) -> int:
    """Compare a checkpoint with one or several starts; the status tells whether it is one of them."""
    *paths, target = arguments.paths
    if not paths:
        raise UsageError("there is one path; wanted SPEC ... CHECKPOINT")
    specs = {path: Spec.read(path) for path in paths}
    plans = {path: _planned(spec) for path, spec in specs.items()}
    with open_checkpoint(target) as checkpoint:
        starts = [(paths[0], plans[paths[0]])]
        if len(paths) > 1 or arguments.seeds is not None:
            seeds = () if arguments.seeds is None else arguments.seeds
            starts = [
                (path, _planned(specs[path], key, is_new=False))
                for path, key in identify(plans, checkpoint, seeds)
            ]
            if not starts:
                tried = f"{len(paths)} specifications and {len(seeds)} more seeds"
                return _tell_unknown(target, tried, arguments)
        told = None
        for path, plan in starts:  # Several may begin alike.
            with tables.bytes_progress() as tell:
                checked = list(verify(plan, checkpoint, tell))
            if told is None or all(one.is_right for one in checked):
                told = (checked, plan, path)
            if all(one.is_right for one in checked):
                break
    assert told is not None  # noqa: S101 - there is a start
    return _tell_checked(*told, arguments)


def run_diff(arguments: Namespace) -> int:
    """Compare two checkpoints; the status tells whether all parameters hold the same start."""
    with open_checkpoint(arguments.first) as first, open_checkpoint(arguments.second) as second:
        layouts = (dict(arguments.layout_a), dict(arguments.layout_b))
        found = list(compare_checkpoints(first, second, rename=dict(arguments.rename), layouts=layouts))
    ok = all(one.is_same for one in found)
    if arguments.json:
        print_json({"parameters": [one._asdict() for one in found], "ok": ok})
        return 0 if ok else DIFFERENT
    for one in found:
        if arguments.all or not one.is_same:
            print(f"{one.path}: {one.relation}{f': {one.detail}' if one.detail else ''}")
    counts: dict[str, int] = {}
    for one in found:
        counts[one.relation] = counts.get(one.relation, 0) + 1
    print(", ".join(f"{count} {relation}" for relation, count in counts.items()) or "nothing to compare")
    return 0 if ok else DIFFERENT


def _tell_unknown(target: str, tried: str, arguments: Namespace) -> int:
    if arguments.json:
        print_json({"ok": False, "spec": None, "seed": None, "arrays": []})
    else:
        print(f"{target} is none of {tried}")
    return DIFFERENT


def _tell_checked(checked: list[Checked], plan: ModelPlan, path: str, arguments: Namespace) -> int:
    ok = all(one.is_right for one in checked)
    if arguments.json:
        print_json(
            {
                "ok": ok,
                "spec": path,
                "seed": plan.key.seed,  # type: ignore[union-attr]  # A specification's is known.
                "fingerprint": plan.fingerprint,
                "arrays": [one._asdict() for one in checked],
            }
        )
        return 0 if ok else DIFFERENT
    wrong = [one for one in checked if not one.is_right]
    for one in checked if arguments.all else wrong:
        print(one)
    told, reason = ("is", "") if ok else ("is not", f": {len(wrong)} of {len(checked)} arrays are wrong")
    print(f"{arguments.paths[-1]} {told} the start of {path}, {plan.key!r}, {plan.fingerprint}{reason}")
    return 0 if ok else DIFFERENT


def _rules(arguments: Namespace) -> Any:
    if arguments.rules is not None and arguments.recipe is not None:
        raise UsageError("--rules and --recipe are both given; wanted one of them")
    if arguments.rules is None:
        return arguments.recipe or "torch"
    rules = read_values(arguments.rules)
    if not isinstance(rules, Mapping):
        raise SpecError(f"{arguments.rules} holds no object; wanted one of patterns and initializers")
    return rules


def _imported(source: str) -> Any:
    """The model that ``package.module:function`` makes, or is."""
    module, colon, attribute = source.partition(":")
    if not colon or not module or not attribute:
        raise UsageError(
            f"{source!r} is no file, and not of the form package.module:function; wanted a function without "
            "arguments that makes a model, a checkpoint, or a config.json"
        )
    sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
        for name in attribute.split("."):
            found = getattr(found, name)
        # Models may be callable too.
        is_model = hasattr(found, "parameters") or hasattr(found, "weights")
        return found() if isinstance(found, type) or (callable(found) and not is_model) else found
    except UnifinitError:
        raise
    except Exception as error:  # Whatever the program of the model raises.
        raise UsageError(
            f"{source!r} makes no model: {type(error).__name__}: {error}; wanted a function without "
            "arguments, or a class, that can be imported from here"
        ) from error
    finally:
        sys.path.pop(0)


def _is_one_file(output: str) -> bool:
    return output.rstrip(os.sep).endswith(FILES)


def _check_output(arguments: Namespace) -> None:
    """Refuse options that contradict each other, before anything is written."""
    if arguments.output is None:
        if not arguments.dry_run and arguments.html is None:
            raise UsageError("there is nothing to write to; wanted --output, --dry-run or --html")
        return
    if arguments.output.endswith(FOREIGN):
        raise UsageError(
            f"{arguments.output} is the name of a file that unifinit does not write; wanted a folder, or a "
            f"name that ends in {', '.join(FILES)}"
        )
    if arguments.dry_run:
        raise UsageError("--dry-run writes nothing; wanted it without --output")
    divided = (arguments.shards, arguments.index, arguments.shard_size)
    if _is_one_file(arguments.output) and divided != (None, None, None):
        raise UsageError(
            f"{arguments.output} is one file; wanted a folder for --shards, --index and --shard-size"
        )


def _planned(spec: Spec, seed: int | Key | None = None, *, is_new: bool = True) -> ModelPlan:
    """The plan of a specification; a rule that others hide is an error, a useless one a warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UnusedRuleWarning)
        plan = spec.plan(seed)
    for one in caught:
        if issubclass(one.category, OverlappingRuleWarning):
            raise RuleError(str(one.message))
        if is_new:
            print(f"unifinit: warning: {one_line(one.message, 2000)}", file=sys.stderr)
    return plan


__all__ = ["run_diff", "run_init", "run_spec", "run_verify"]
