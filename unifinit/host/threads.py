"""Threads: how many, and how a range of elements is shared among them.

The kernel releases the GIL, so the threads are Python's own: that makes them safe after a fork, at the exit
of the interpreter and in every build of Python. A value never depends on how a range was split.
"""

from __future__ import annotations

import operator
import os
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Condition, RLock
from typing import TYPE_CHECKING, SupportsIndex

from unifinit.errors import ArgumentError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

VARIABLE = "UNIFINIT_NUM_THREADS"
LEAST = 2**17
"""Elements that are worth a thread; waking one takes about as long as 2**15."""
CGROUP = Path("/sys/fs/cgroup")

Work = Callable[[int, int], None]
"""Does the part of the work from a start to a stop."""


def get_num_threads() -> int:
    """How many threads fill a large array in memory of the host.

    Returns
    -------
    int
        What ``set_num_threads`` has set; or else the environment variable ``UNIFINIT_NUM_THREADS``; or else
        the number of processors that this process may use, by its affinity and its control group.

    Raises
    ------
    ArgumentError
        If the environment variable is no integer of at least 1.
    """
    return _count or _default(os.environ.get(VARIABLE, ""))


def set_num_threads(count: SupportsIndex | None) -> None:
    """Set how many threads fill a large array in memory of the host; no value depends on it.

    Parameters
    ----------
    count
        At least 1; None returns to the default.

    Raises
    ------
    ArgumentError
        If it is no such number.
    """
    global _count  # noqa: PLW0603 - one setting for the process
    _count = None if count is None else _at_least_one(count, "number of threads")


def run(total: int, work: Work, *, least: int | None = None, part: int | None = None) -> None:
    """Do work on the range from 0 to ``total``: at once if it is small, else in several threads.

    The calling thread takes part, and does everything itself if no other thread can be had.

    Parameters
    ----------
    total
        The length of the range.
    work
        Called with disjoint parts of the range, from several threads.
    least
        The shortest range that is worth a thread; by default ``LEAST``.
    part
        How long the parts are; by default somewhat shorter than a fair share, as threads may be interrupted.
    """
    least = least or LEAST
    threads = 1 if total < 2 * least else min(get_num_threads(), total // least)
    if threads == 1:
        work(0, total)
        return
    part = part or max(least, -(-total // (4 * threads)))
    _Shared(work, deque((start, min(start + part, total)) for start in range(0, total, part))).run(
        threads - 1
    )


class _Shared:
    """Parts of a range, taken one by one by whoever has time.

    The caller never waits for a helper to begin, only for those that are at work. One that begins too late
    finds nothing left.
    """

    def __init__(self, work: Work, parts: deque[tuple[int, int]]) -> None:
        self._work: Work | None = work
        self._parts = parts
        self._busy = 0  # Helpers at work.
        self._errors: list[BaseException] = []
        self._changed = Condition()

    def run(self, helpers: int) -> None:
        """Do all parts, in the calling thread and in helpers; nobody is at work when this ends."""
        try:
            self._call(helpers)
            self._take()
        except BaseException as error:  # An interruption too: helpers may still be writing.
            self._fail(error)
        self._wait()
        self._work = None  # A helper that has yet to begin must not keep an array alive.
        if self._errors:
            raise self._errors[0]

    def _call(self, helpers: int) -> None:
        try:
            pool = _pool(helpers)
            for _ in range(helpers):
                pool.submit(self._help)
        except RuntimeError:
            pass  # The interpreter is exiting, or the system has no more threads.

    def _help(self) -> None:
        with self._changed:
            self._busy += 1
        try:
            self._take()
        except BaseException as error:
            self._fail(error)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _take(self) -> None:
        work = self._work
        while work is not None:
            try:
                part = self._parts.popleft()
            except IndexError:
                return
            work(*part)

    def _fail(self, error: BaseException) -> None:
        self._errors.append(error)
        self._parts.clear()

    def _wait(self) -> None:
        waiting = True
        while waiting:
            try:
                with self._changed:
                    self._changed.wait_for(lambda: not self._busy)
                    waiting = False
            except BaseException as error:
                self._fail(error)


def _pool(size: int) -> ThreadPoolExecutor:
    global _executor, _executor_size
    with _lock:
        if _executor is None or _executor_size < size:
            from concurrent.futures import ThreadPoolExecutor

            if _executor is not None:
                _executor.shutdown(wait=False)
            _executor, _executor_size = ThreadPoolExecutor(size, "unifinit"), size
        return _executor


def _forget_threads() -> None:
    """Begin anew in a forked process, which has none of its parent's threads."""
    global _executor, _lock
    _executor, _lock = None, RLock()


_count: int | None = None
_executor: ThreadPoolExecutor | None = None
_executor_size = 0
_lock = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def _at_least_one(value: object, what: str) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise ArgumentError(f"{what} is {value!r}; wanted an integer of at least 1")
    return number


@cache
def _default(variable: str) -> int:
    if variable:
        digits = variable.isascii() and variable.isdigit()
        return _at_least_one(int(variable) if digits else variable, f"the environment variable {VARIABLE}")
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cgroup_quota()
    return processors if quota is None else max(1, min(processors, quota))


def cgroup_quota(root: Path = CGROUP, membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """How many processors the control group of this process may use, rounded up; None without a limit.

    Parameters
    ----------
    root
        Where control groups are mounted.
    membership
        The file that names the group, a line for each hierarchy: "number:controllers:path".
    """
    quotas = []
    try:
        lines = membership.read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # The limits of all groups above count too. In a container not all of them can be seen.
        base = root if not controllers else root / controllers
        folder = base / path.lstrip("/")
        for group in (folder, *folder.parents):
            quota = _quota_of(group)
            if quota is not None:
                quotas.append(quota)
            if group == base:
                break
    return min(quotas, default=None)


def _quota_of(group: Path) -> int | None:
    """Of one group: "quota period" in version 2 of control groups, two in version 1; microseconds."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        return -(-int(quota) // int(period)) if int(quota) > 0 else None
    except (OSError, ValueError):  # No such file, or "max".
        return None
