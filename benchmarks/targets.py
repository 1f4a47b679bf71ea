"""The targets: one row for each, the worst of its parts against the bound.

All times of a row are measured together, in interleaved rounds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

import unifinit as ui
from benchmarks import peers
from benchmarks.buffers import Buffer
from benchmarks.cases import DRAWN, Case, Scale, Shape
from benchmarks.imports import measure_imports
from benchmarks.libraries import library, missing
from benchmarks.memset import dispatch
from benchmarks.results import Memory, Target
from benchmarks.terminal import progress
from benchmarks.timing import Call, Outcome, measure

NUMPY_MEMSET = "memset, NumPy's memory"
TORCH_MEMSET = "memset, torch's memory"
MIB = 2**20
KEY = 0x243F6A8885A308D3
"""A seed without structure that a compiler could use: neither word is 0."""

Sense = Literal["at most", "at least", "below"]
Parts = Mapping[str, float | None]


class Targets:
    """The rows, and the times from which they come."""

    def __init__(self, scale: Scale, memory: Sequence[Memory]) -> None:
        self.rows: list[Target] = []
        self.evidence: dict[str, dict[str, Any]] = {}
        self._scale = scale
        steps = (
            self._large,
            self._sixteen_bits,
            self._small,
            self._model,
            self._orthogonal,
            self._traced,
            self._imports,
        )
        for number, step in enumerate(steps):
            progress("targets", number, len(steps), step.__name__.strip("_").replace("_", " "))
            step()
        self._memory(memory)

    def _row(
        self, what: str, sense: Sense, bound: float | None, parts: Parts, unit: str = "×", note: str = ""
    ) -> None:
        known = [value for value in parts.values() if value is not None]
        measured = met = None
        if known and len(known) == len(parts):
            measured = min(known) if sense == "at least" else max(known)
        if measured is not None and bound is not None:
            met = {
                "at most": measured <= bound,
                "at least": measured >= bound,
                "below": measured < bound,
            }[sense]
        self.rows.append(
            {
                "what": what,
                "sense": sense,
                "bound": bound,
                "unit": unit,
                "measured": measured,
                "met": met,
                "parts": dict(parts),
                "note": note,
            }
        )

    def _time(self, what: str, calls: Mapping[str, Call], absent: Mapping[str, str] | None = None) -> Outcome:
        outcome = measure(calls, self._scale.thorough)
        self.evidence[what] = {
            "timings": {name: asdict(timing) for name, timing in outcome.timings.items()},
            "absent": {**(absent or {}), **outcome.absent},
        }
        return outcome

    def _large(self) -> None:
        """Large float32 arrays: in place in memory of NumPy and of PyTorch, else new."""
        size = _size(self._scale.large)
        uniform = self._compete(ui.GlorotUniform(seed=0), [peers.TORCH])
        name = f"GlorotUniform {size}"
        self._row(f"{name} in place, time against memset", "at most", 1.5, _against_memset(uniform))
        speed = {"torch": uniform.ratio(peers.TORCH, peers.IN_TORCH)}
        self._row(f"{name} in place, speed against xavier_uniform_", "at least", 5, speed)

        he = self._compete(ui.HeNormal(seed=0), [])
        self._row(f"HeNormal {size} in place, time against memset", "at most", 3, _against_memset(he))

        others = [peers.TORCH, peers.ON_TENSORFLOW, peers.KERAS, peers.ON_JAX, peers.JITTED]
        normal = self._compete(ui.RandomNormal(seed=0), others)
        name = f"RandomNormal {size}"
        self._row(f"{name} in place, time against memset", "at most", 3, _against_memset(normal))
        self._faster(name, normal, "normal_", "RandomNormal", "normal", (3, 6, 12))

        truncated = self._compete(ui.TruncatedNormal(seed=0), others)
        name = f"TruncatedNormal {size}"
        self._faster(name, truncated, "trunc_normal_", "TruncatedNormal", "truncated_normal", (40, 12, 10))

    def _compete(self, initializer: ui.Initializer, others: Sequence[str]) -> Outcome:
        """Time unifinit and memset, each in memory of NumPy and of PyTorch, and others."""
        case = Case(initializer, self._scale.large)
        numpys, torchs = Buffer(case.nbytes), Buffer(case.nbytes, "torch")
        calls, absent = peers.calls(
            case, [peers.IN_NUMPY, peers.MEMSET], numpys, {peers.MEMSET: NUMPY_MEMSET}
        )
        if not missing("torch"):
            names = [peers.IN_TORCH, peers.MEMSET, *(name for name in others if name == peers.TORCH)]
            more, none = peers.calls(case, names, torchs, {peers.MEMSET: TORCH_MEMSET})
            calls, absent = calls | more, absent | none
        more, none = peers.calls(case, [name for name in others if name != peers.TORCH], numpys)
        return self._time(str(case), calls | more, absent | none)

    def _faster(
        self,
        name: str,
        outcome: Outcome,
        torch: str,
        keras: str,
        jax: str,
        bounds: tuple[float, float, float],
    ) -> None:
        """Rows for the speed against PyTorch, Keras and JAX."""
        against = (
            (f"in place, speed against {torch}", "torch", peers.TORCH),
            (f"new, speed against keras {keras} on TensorFlow", "TensorFlow", peers.KERAS),
            (f"new, speed against jitted jax {jax}", "JAX", peers.JITTED),
        )
        for bound, (what, part, peer) in zip(bounds, against, strict=True):
            ratio = outcome.ratio(peer, peers.ALL[peer].baseline)
            self._row(f"{name} {what}", "at least", bound, {part: ratio})

    def _sixteen_bits(self) -> None:
        """Bfloat16 against float32, in memory of PyTorch, which has both."""
        parts: dict[str, float | None] = {}
        for initializer in DRAWN:
            wide = Case(initializer, self._scale.large)
            narrow = replace(wide, dtype="bfloat16")
            calls: dict[str, Call] = {}
            reasons: dict[str, str] = {}
            buffers = [Buffer(case.nbytes, "torch") for case in (wide, narrow)]
            for case, buffer in zip((wide, narrow), buffers, strict=True):
                made, absent = peers.calls(case, [peers.IN_TORCH], buffer, {peers.IN_TORCH: case.dtype})
                calls |= made
                reasons |= absent
            outcome = self._time(f"{wide.name} {_size(wide.shape)} in 16 and 32 bits", calls, reasons)
            parts[wide.name] = outcome.ratio("bfloat16", "float32")
        what = f"bfloat16 {_size(self._scale.large)} in place, time against float32"
        self._row(what, "at most", 1.1, parts)

    def _small(self) -> None:
        """Small arrays, where the overhead of a call is most of it."""
        names = (
            *(peers.NEW_NUMPY, peers.NEW_TORCH, peers.TORCH_NEW),
            *(peers.ON_JAX, peers.JITTED, peers.ON_TENSORFLOW, peers.KERAS),
        )
        outcomes = {}
        for initializer in DRAWN:
            case = Case(initializer, self._scale.small)
            calls, absent = peers.calls(case, names, Buffer(case.nbytes))
            outcomes[case.name] = self._time(str(case), calls, absent)
        size = self._scale.small
        for backend, ours, theirs, what, bound in (
            ("numpy", peers.NEW_NUMPY, peers.TORCH_NEW, "torch.nn.init on a fresh tensor", 1.0),
            ("torch", peers.NEW_TORCH, peers.TORCH_NEW, "torch.nn.init on a fresh tensor", 1.0),
            ("jax", peers.ON_JAX, peers.JITTED, "jitted jax.nn.initializers", 1 / 3),
            ("tensorflow", peers.ON_TENSORFLOW, peers.KERAS, "keras on TensorFlow", 1 / 3),
        ):
            parts = {name: outcome.ratio(ours, theirs) for name, outcome in outcomes.items()}
            self._row(f'init({size}, backend="{backend}"), time against {what}', "at most", bound, parts)

    def _model(self) -> None:
        """A model of many small parameters, which all exist at the end."""
        count, shape = self._scale.parameters, self._scale.small
        init, key = ui.GlorotUniform(), ui.Key(0)
        calls: dict[str, Call] = {}
        if not missing("torch"):
            torch = library("torch")
            xavier, empty = torch.nn.init.xavier_uniform_, torch.empty
            calls["torch"] = lambda: [init(shape, seed=key / i, backend="torch") for i in range(count)]
            calls["torch.nn.init"] = lambda: [xavier(empty(shape)) for _ in range(count)]
        what = f"{count} parameters of {_size(shape)}"
        outcome = self._time(what, calls)
        parts = {"torch": outcome.ratio("torch", "torch.nn.init")}
        note = ", ".join(f"{name} {timing.seconds * 1e3:.1f} ms" for name, timing in outcome.timings.items())
        self._row(f"{what}, keys key / i, time against torch.nn.init", "at most", None, parts, note=note)

    def _orthogonal(self) -> None:
        """Orthogonal matrices."""
        case = Case(ui.Orthogonal(seed=0), self._scale.orthogonal)
        names = (
            *(peers.IN_TORCH, peers.TORCH),
            *(peers.ON_JAX, peers.JITTED, peers.ON_TENSORFLOW, peers.KERAS),
        )
        calls, absent = peers.calls(case, names, Buffer(case.nbytes))
        outcome = self._time(str(case), calls, absent)
        name = f"Orthogonal {_size(case.shape)}, time against"
        against: tuple[tuple[str, str, Sense, float], ...] = (
            (peers.TORCH, "orthogonal_", "at most", 2.0),
            (peers.JITTED, "jitted jax orthogonal", "below", 1.0),
            (peers.KERAS, "keras Orthogonal on TensorFlow", "below", 1.0),
        )
        for peer, what, sense, bound in against:
            ours = peers.ALL[peer].baseline
            parts = {ours.partition(", ")[2]: outcome.ratio(ours, peer)}
            self._row(f"{name} {what}", sense, bound, parts)

    def _traced(self) -> None:
        """Normal numbers inside ``jax.jit``, where the kernel cannot be called.

        Both sides are the public call inside a jitted function, with the same constant key: unifinit takes no
        traced one. A compiler could compute a function of constants when it compiles it; that neither was is
        checked in what it made.
        """
        shape = self._scale.traced
        calls: dict[str, Call] = {}
        absent: dict[str, str] = {}
        if missing("jax"):
            absent["JAX"] = peers.NOT_INSTALLED
        else:
            jax = library("jax")
            key = ui.Key(KEY)
            words = library("numpy").array(key.words, dtype="uint32")
            functions = {
                "unifinit": lambda: ui.random.normal(key, shape, backend="jax"),
                "jax.random": lambda: jax.random.normal(jax.random.wrap_key_data(words), shape),
            }
            for name, function in functions.items():
                compiled = jax.jit(function).lower().compile()
                if _is_folded(compiled.as_text(), shape):
                    absent[name] = "was computed by the compiler"
                else:
                    calls[name] = _waiting(compiled)
        what = f"ui.random.normal {_size(shape)} inside jax.jit"
        outcome = self._time(what, calls, absent)
        parts = {"JAX": outcome.ratio("jax.random", "unifinit")}
        self._row(f"{what}, speed against jitted jax.random.normal", "at least", 2, parts)

    def _imports(self) -> None:
        """The import, and that it loads no framework."""
        imports = measure_imports(self._scale.interpreters)
        self.evidence["imports"] = imports._asdict()
        extra = (imports.seconds["unifinit"] - imports.seconds["numpy"]) * 1e3
        self._row("import unifinit, beyond import numpy", "at most", 30, {"": extra}, "ms")
        loaded = float(len(imports.frameworks))
        self._row(
            "frameworks that import unifinit loads",
            "at most",
            0,
            {"": loaded},
            "",
            ", ".join(imports.frameworks),
        )

    def _memory(self, memory: Sequence[Memory]) -> None:
        """Peak memory of unifinit, from the processes that were asked for it."""
        drawn: dict[str, float | None] = {}
        matrices: dict[str, float | None] = {}
        for each in memory:
            name, extra = each["contender"], each["extra_bytes"]
            if peers.ALL[name].baseline != name:
                continue
            part = name.removeprefix("unifinit, ")
            if each["initializer"] == "Orthogonal":
                # In float64, in which the matrices are computed.
                matrices[part] = None if extra is None else extra / (8 * each["shape"][0] * each["shape"][1])
            else:
                drawn[f"{each['initializer']}, {part}"] = None if extra is None else extra / MIB
        large, square = _size(self._scale.large), _size(self._scale.orthogonal)
        self._row(f"peak memory above the result, {large}", "at most", 1, drawn, "MiB")
        what = f"peak memory above the result, Orthogonal {square}, in float64 matrices"
        self._row(what, "at most", 3, matrices, "")


def memset_overhead(scale: Scale) -> float:
    """Seconds that handing out the work of memset takes."""
    return measure({"dispatch": dispatch()}, scale.brief).timings["dispatch"].seconds


def _against_memset(outcome: Outcome) -> Parts:
    return {
        "NumPy": outcome.ratio(peers.IN_NUMPY, NUMPY_MEMSET),
        "torch": outcome.ratio(peers.IN_TORCH, TORCH_MEMSET),
    }


def _waiting(function: Any) -> Call:
    return lambda: function().block_until_ready()


def _is_folded(text: str, shape: Shape) -> bool:
    """Whether a compiled program has a constant as large as the result."""
    constants = re.findall(r" = f32\[([\d,]*)\]\S* constant\(", text)
    return any(math.prod(map(int, sizes.split(","))) >= math.prod(shape) for sizes in constants if sizes)


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape))
