"""Runs the worker of a backend, and turns its death into an answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from tempfile import TemporaryFile
from typing import IO, Any

from unifinit.cli.jobs import Message, Outcome, Task, one_line

CHATTER_LINES = 3
"""How much of what a dying framework wrote is repeated."""
CRASHES = 3
"""Workers that may die of one initializer, before its other tasks are given up."""


@dataclass
class Answers:
    """All that was learnt from one backend.

    Attributes
    ----------
    version
        Of the library.
    execution
        What draws arrays in memory of the host.
    failure
        Why the backend could not be used at all.
    outcomes
        By the numbers of the tasks; every task has one.
    """

    version: str | None = None
    execution: str = ""
    failure: str | None = None
    outcomes: dict[int, Outcome] = field(default_factory=dict)


class WorkerDiedError(Exception):
    """A worker ended before it had answered everything; the message tells how."""


def ask(
    backend: str,
    tasks: Sequence[Task],
    *,
    repeats: int,
    environment: Mapping[str, str],
    advance: Callable[[], None] = lambda: None,
) -> Answers:
    """Run tasks on a backend; a crash is the outcome of the task in which it happens.

    Parameters
    ----------
    backend
        Its name.
    tasks
        What to do, in this order.
    repeats
        How many runs to time; 0 for none.
    environment
        Variables for the worker beyond those of this process.
    advance
        Called after each task.
    """
    answers = Answers()
    pending = list(tasks)
    crashes = Counter[str]()
    while True:
        job = {"backend": backend, "repeats": repeats, "tasks": [asdict(task) for task in pending]}
        ready = False
        try:
            with closing(_converse(job, environment)) as messages:
                for message in messages:
                    if message["event"] == "failed":
                        raise WorkerDiedError(message["reason"])
                    if message["event"] == "ready":
                        answers.version, answers.execution = message["version"], message["execution"]
                        ready = True
                    else:
                        answers.outcomes[message["number"]] = Outcome(**message["outcome"])
                        pending.pop(0)
                        advance()
        except WorkerDiedError as death:
            if not ready:
                answers.failure = str(death)
            lost = (
                _lost(pending, crashes, str(death)) if ready else dict.fromkeys(_numbers(pending), str(death))
            )
            for number, reason in lost.items():
                answers.outcomes[number] = Outcome("error", reason=reason)
                advance()
            # Another worker goes on behind the task that killed this one.
            pending = [task for task in pending if task.number not in lost]
            if pending:
                continue
        return answers


def _lost(pending: Sequence[Task], crashes: Counter[str], reason: str) -> dict[int, str]:
    """The tasks that will not be done after a crash in the first one, and the reasons."""
    if not pending:
        return {}
    name = pending[0].initializer["class_name"]
    crashes[name] += 1
    lost = {pending[0].number: reason}
    if crashes[name] == CRASHES:
        rest = [task for task in pending[1:] if task.initializer["class_name"] == name]
        lost |= dict.fromkeys(_numbers(rest), f"not tried after {CRASHES} crashes with {name}: {reason}")
    return lost


def _numbers(tasks: Sequence[Task]) -> list[int]:
    return [task.number for task in tasks]


def _converse(job: Mapping[str, Any], environment: Mapping[str, str]) -> Generator[Message]:
    """The messages of a new worker until it is done; it never outlives the generator.

    Raises
    ------
    WorkerDiedError
        If it ends without being done.
    """
    # Files, where pipes could fill up and stop both sides.
    with TemporaryFile() as question, TemporaryFile() as chatter:
        question.write(json.dumps(job).encode())
        question.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "unifinit.cli.worker"],
            stdin=question,
            stdout=subprocess.PIPE,
            stderr=chatter,
            env=_environment(environment),
        )
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            for line in process.stdout:
                if not line.endswith(b"\n"):
                    break  # It died while it was writing.
                message: Message = json.loads(line)
                if message["event"] == "done":
                    return
                yield message
            raise WorkerDiedError(_cause_of_death(process.wait(), chatter))
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    # A worker imports what this process imports, wherever it was started.
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**quiet, **os.environ, **extra, "PYTHONPATH": path}


def _cause_of_death(code: int, chatter: IO[bytes]) -> str:
    chatter.seek(0)
    lines = chatter.read().decode(errors="replace").splitlines()
    last = [one_line(line, 200) for line in lines if line.strip()][-CHATTER_LINES:]
    if code < 0:
        try:
            how = f"its process was killed by {signal.Signals(-code).name}"
        except ValueError:
            how = f"its process was killed by signal {-code}"
    else:
        how = f"its process ended with exit code {code}"
    return f"crashed: {how}" + (f"; it wrote: {' | '.join(last)}" if last else "")
