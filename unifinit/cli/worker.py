"""The process in which one framework runs, so that its crash is an answer like any other.

``python -m unifinit.cli.worker`` reads a job from stdin and writes a message for each result; the format
is in ``unifinit.cli.jobs``. Only ``unifinit.cli.supervisor`` starts it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from typing import Any

from unifinit import host
from unifinit.backend import Backend
from unifinit.cli.clock import complete, median_seconds
from unifinit.cli.jobs import STRICT, Message, Outcome, Task, one_line
from unifinit.cli.statistics import analyse
from unifinit.errors import DtypeError, UnifinitError
from unifinit.initializers import Initializer, get
from unifinit.plan import Plan
from unifinit.registry import registry
from unifinit.types import Array


def main() -> None:
    """Answer the job on stdin."""
    # Frameworks print on stdout what they like: the messages take a descriptor that only they have.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: Message) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    answer(json.load(sys.stdin), send)
    send({"event": "done"})
    # A framework that crashes on its way out has nothing left to tell.
    os._exit(0)


def answer(job: dict[str, Any], send: Callable[[Message], None]) -> None:
    """Load the backend of a job and run its tasks."""
    try:
        backend, version = load(job["backend"])
        execution = host.execution(uses_kernel=getattr(backend, "host_kernel", False))
    # Whatever a framework does on import is reported by name.
    except Exception as error:
        reason = one_line(error) if isinstance(error, UnifinitError) else _reason(error)
        send({"event": "failed", "reason": reason})
        return
    send({"event": "ready", "version": version, "execution": execution})
    for fields in job["tasks"]:
        task = Task(**fields)
        outcome = run(backend, task, job["repeats"])
        send({"event": "outcome", "number": task.number, "outcome": asdict(outcome)})


def load(name: str) -> tuple[Backend, str | None]:
    """A backend and the version of its library."""
    if name == STRICT:
        namespace = import_module(STRICT)
        return registry().resolve(namespace), namespace.__version__
    return registry().get(name), registry().status(name, load=True).version


def run(backend: Backend, task: Task, repeats: int) -> Outcome:
    """Create the array of a task, and say what became of it."""
    try:
        initializer = get(task.initializer)
        assert isinstance(initializer, Initializer)  # noqa: S101 - a mapping never gives a callable
        plan = initializer.plan(task.shape, task.dtype, seed=task.seed, layout=task.layout)
    except UnifinitError as error:
        return Outcome("refused", reason=one_line(error))
    try:
        backend.check_dtype(plan.dtype)
    except DtypeError as error:
        return Outcome("unsupported", reason=one_line(error))

    def create() -> Array:
        return initializer(task.shape, task.dtype, seed=task.seed, layout=task.layout, backend=backend)

    try:
        array = create()
        complete(array)
        found = backend.inspect(array)
        if (tuple(found.shape), found.dtype) != (plan.result_shape, plan.dtype):
            wanted = f"{plan.result_shape} of {plan.dtype}"
            return Outcome("error", reason=f"created {found.shape} of {found.dtype}; wanted {wanted}")
        data = backend.to_bytes(array)
        del array
        digest = hashlib.sha256(data).hexdigest()
        statistics = None if digest in task.known else asdict(analyse(plan, data))
        del data
        seconds = median_seconds(create, repeats) if repeats else None
    # A framework can fail in any way, and the other tasks are to run all the same.
    except Exception as error:
        return Outcome("error", reason=_reason(error))
    native_seconds, native_reason = time_native(backend, initializer, plan, repeats)
    return Outcome("ok", digest, None, seconds, native_seconds, native_reason, statistics)


def time_native(
    backend: Backend, initializer: Initializer, plan: Plan, repeats: int
) -> tuple[float | None, str | None]:
    """The time of the framework's own initializer, or why there is none."""
    if not repeats:
        return None, "not timed"
    try:
        call = backend.native(type(initializer).__name__, initializer.get_config(), plan.shape, plan.dtype)
        if call is None:
            return None, f"{backend.name} has no such initializer"
        complete(call())
        return median_seconds(call, repeats), None
    # Some refuse dtypes that unifinit supports; that is worth telling, and no failure.
    except Exception as error:
        return None, _reason(error)


def _reason(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
