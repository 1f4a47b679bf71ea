"""Records of arrays, with which those of later runs and of other frameworks are compared to the bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from unifinit.errors import ArgumentError
from unifinit.files import atomic_file
from unifinit.testing.identical import Elements, describe, elements_of, leaves
from unifinit.types import as_dtype

Leaf: TypeAlias = dict[str, Any]
"""The record of an array, or of something that stands beside arrays."""
Record: TypeAlias = dict[str, Leaf]
"""The records of all parts of a value, by their paths in it; that of a lone array by an empty path."""
Records: TypeAlias = dict[str, dict[str, Record]]
"""Those of a module: by the test, and by the name that the test gives."""

FORMAT = 1
FLAG = "--unifinit-update-golden"
SMALL = 64
"""Arrays of so many elements are recorded as a whole."""
PARTS = {"dtype", "shape", "sha256", "bits"}
"""What the record of an array has."""
BEGINNING = 16
"""Of larger ones so many are, to show in which bits they differ."""
COMPLETE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
"""How a run ends in which all tests have run."""


class GoldenFile:
    """The records of a test module.

    Attributes
    ----------
    path
        The JSON file.
    records
        What it held, and what has been added to it.
    made
        What this run has recorded, and on which backend.
    disputed
        What backends did not agree on, so that it is not written.
    used
        The tests and names that this run has asked for.
    """

    def __init__(self, module: Path) -> None:
        self.path = module.parent / "golden" / f"{module.stem}.json"
        self.made: dict[tuple[str, str], tuple[Record, str]] = {}
        self.disputed: set[tuple[str, str]] = set()
        self.used: set[tuple[str, str]] = set()
        self.records: Records = {}
        if self.path.exists():
            self.records = self._parse(self.path.read_text("utf-8"))

    def _parse(self, text: str) -> Records:
        try:
            table = json.loads(text)
            if table["format"] != FORMAT:
                raise ValueError(f"its format is {table['format']!r}; wanted {FORMAT}")
            records: Records = table["records"]
            for names in records.values():
                for name, record in names.items():
                    names[name] = {"": record} if "repr" in record or "sha256" in record else record
                    for leaf in names[name].values():
                        if missing := set() if "repr" in leaf else PARTS - leaf.keys():
                            raise ValueError(f"record {name!r} of a test lacks {sorted(missing)}")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise ArgumentError(
                f"{self.path} is no file of golden records ({type(error).__name__}: {error}); restore it, or "
                f"remove it and write a new one with {FLAG}"
            ) from error
        return records

    def write(self, unused: Iterable[tuple[str, str]]) -> tuple[int, int]:
        """Bring the file up to date; how many records are new or have changed, and how many are gone."""
        before = {test: dict(names) for test, names in self.records.items()}
        for (test, name), (record, _) in self.made.items():
            if (test, name) not in self.disputed:
                self.records.setdefault(test, {})[name] = record
        for test, name in unused:
            del self.records[test][name]
        written = sum(
            before.get(test, {}).get(name) != record
            for test, names in self.records.items()
            for name, record in names.items()
        )
        removed = sum(name not in self.records[test] for test, names in before.items() for name in names)
        if written or removed:
            self.path.parent.mkdir(exist_ok=True)
            with atomic_file(self.path, overwrite=True) as file:
                file.write(self._text().encode())
        return written, removed

    def _text(self) -> str:
        records = {
            test: {name: record.get("", record) for name, record in names.items()}
            for test, names in self.records.items()
            if names
        }
        return _json({"format": FORMAT, "records": records}) + "\n"


def _json(value: Any, indent: str = "") -> str:
    """JSON with a line for each array, so that changes are easy to review; the same for equal values."""
    if not isinstance(value, dict) or not value or "repr" in value or "sha256" in value:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    inside = indent + "  "
    lines = [
        f"{inside}{json.dumps(key, ensure_ascii=False)}: {_json(value[key], inside)}" for key in sorted(value)
    ]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


class Account:
    """What becomes of the records in a run; a plugin of pytest itself.

    The processes of pytest-xdist have one each, that knows only some tests. They do not write, and nobody
    sees what they would tell.
    """

    def __init__(self, session: pytest.Session, items: list[pytest.Item], deselected: set[Path]) -> None:
        self.config = session.config
        self.update: bool = session.config.getoption("unifinit_update_golden")
        self._items = items
        self._partial = deselected
        self._files: dict[Path, GoldenFile] = {}
        self._passed: set[str] = set()
        self._failed: set[str] = set()
        self._news: list[str] = []

    def file(self, module: Path) -> GoldenFile:
        """The records of a module."""
        if module not in self._files:
            self._files[module] = GoldenFile(module)
        return self._files[module]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note which tests have come to their ends."""
        if report.failed:
            self._failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self._passed.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write what is new, and find what no test has asked for."""
        for module, file in sorted(self._files.items()):
            partial = exitstatus not in COMPLETE or self._is_partial(session, module)
            unused = [] if partial else self._unused(module, file)
            where = file.path
            if where.is_relative_to(self.config.rootpath):
                where = where.relative_to(self.config.rootpath)
            if self.update:
                written, removed = file.write(unused)
                if written or removed:
                    self._news.append(f"{where}: {written} written, {removed} removed")
            elif unused:
                names = ", ".join(f"{name!r} of {test}" for test, name in unused)
                self._news.append(f"{where}: no test has used {names}; {FLAG} removes what is unused")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell about it."""
        if self._news:
            terminalreporter.section("golden records")
            for line in self._news:
                terminalreporter.write_line(line, yellow=not self.update)

    def _is_partial(self, session: pytest.Session, module: Path) -> bool:
        """Whether some tests of a module may not have been collected, or not been run."""
        config = session.config
        return bool(
            module in self._partial
            or session.shouldstop
            or session.shouldfail
            or any("::" in str(argument) for argument in config.args)
            or config.getoption("lf", False)  # It leaves tests out without deselecting them.
            or config.getoption("continue_on_collection_errors", False)
        )

    def _unused(self, module: Path, file: GoldenFile) -> list[tuple[str, str]]:
        tests = {test_of(item): set[str]() for item in self._items if item.path == module}
        for item in self._items:
            if item.path == module:
                tests[test_of(item)].add(item.nodeid)
        return [
            (test, name)
            for test, names in sorted(file.records.items())
            for name in sorted(names)
            # A test that failed or was skipped might have used more.
            if (test, name) not in file.used
            and (test not in tests or (tests[test] & self._passed and not tests[test] & self._failed))
        ]


class Golden:
    """What the fixture ``unifinit_golden`` gives; see ``__call__``."""

    def __init__(self, account: Account, item: pytest.Item) -> None:
        self._account = account
        self._item = item
        self._names: set[str] = set()

    def __call__(self, value: Any, name: str = "value") -> None:
        """Assert that an array is what has been recorded, or record it with ``--unifinit-update-golden``.

        Parameters
        ----------
        value
            An array of any library that unifinit knows, or dicts, lists and tuples of such.
        name
            The name of the record; each in a test has its own.

        Raises
        ------
        AssertionError
            If it differs from the record in shape, dtype or any bit, or if there is no record; while records
            are written, if another backend has just given something else.
        """
        __tracebackhide__ = True
        test = test_of(self._item)
        if not isinstance(name, str) or name in self._names:
            raise ArgumentError(
                f"golden record {name!r} of {test}: wanted a text, and another for each value of the test"
            )
        self._names.add(name)
        file = self._account.file(self._item.path)
        file.used.add((test, name))
        found, record, library = _taken(value, name)
        backend = self._backend(library)
        if self._account.update:
            wanted, before = file.made.setdefault((test, name), (record, backend))
            of = f"{{}} on {before} in this run"
        elif (recorded := file.records.get(test, {}).get(name)) is None:
            raise AssertionError(
                f"there is no golden record {name!r} of {test} in {file.path.parent.name}/{file.path.name}; "
                f"if the value is right, write it with {FLAG}"
            )
        else:
            wanted, of = recorded, "the golden record of {}"
        if text := _difference(found, record, wanted, name, (f"{{}} on {backend}", of)):
            if self._account.update:
                file.disputed.add((test, name))
                text += "\nNothing is written for it: all backends have to agree."
            raise AssertionError(text)

    def _backend(self, library: str) -> str:
        """On what the test runs: as its parameter says, or as its arrays are."""
        callspec = getattr(self._item, "callspec", None)
        name = None if callspec is None else callspec.params.get("unifinit_backend")
        return str(name or library)


def test_of(item: pytest.Item) -> str:
    """The name of a test within its module, the same for all backends."""
    name = item.nodeid.partition("::")[2]
    callspec = getattr(item, "callspec", None)
    if callspec is None or "unifinit_backend" not in callspec.params:
        return name
    # Pytest keeps the parts apart; where it should not, they are taken from the name.
    parts = list(getattr(callspec, "_idlist", callspec.id.split("-")))
    backend = callspec.params["unifinit_backend"]
    if backend in parts:
        parts.remove(backend)
    without = "-".join(parts)
    return name.removesuffix(f"[{callspec.id}]") + (f"[{without}]" if without else "")


test_of.__test__ = False  # type: ignore[attr-defined] # Pytest would take it for a test where it is imported.


def _taken(value: Any, name: str) -> tuple[dict[str, Elements | None], Record, str]:
    """The elements of all parts of a value, their record, and the library of the first."""
    found = {path: elements_of(part, name + path) for path, part in leaves(value)}
    plain = dict(leaves(value))
    record = {
        path: {"repr": repr(plain[path])} if part is None else record_of(part) for path, part in found.items()
    }
    return found, record, next((part.library for part in found.values() if part is not None), "Python")


def record_of(x: Elements) -> Leaf:
    """What is kept of an array."""
    size = prod(x.shape)
    kept = x.first(size if size <= SMALL else BEGINNING)
    words = [f"{int(word):0{2 * x.width}x}" for word in kept.words]
    return {
        "dtype": x.dtype.name,
        "shape": list(x.shape),
        "sha256": hashlib.sha256(x.data).hexdigest(),
        "bits": " ".join(words),
    }


def _recorded(record: Mapping[str, Any]) -> Elements:
    """The elements that a record has."""
    dtype = as_dtype(record["dtype"])
    data = b"".join(bytes.fromhex(word)[::-1] for word in record["bits"].split())
    return Elements("recorded", dtype, (8 * len(data) // dtype.bits,), data)


def _difference(
    found: Mapping[str, Elements | None], record: Record, wanted: Record, name: str, labels: tuple[str, str]
) -> str:
    """What differs between a value and a record, in words; nothing if nothing does."""
    if record == wanted:
        return ""
    one, other = (label.format(name) for label in labels)
    only = [f"only {one} has {name}{path}" for path in record.keys() - wanted.keys()]
    only += [f"only {other} has {name}{path}" for path in wanted.keys() - record.keys()]
    if only:
        return f"{one} and {other} have different parts: {'; '.join(sorted(only))}"
    path = next(path for path in record if record[path] != wanted[path])
    one, other = (label.format(name + path) for label in labels)
    mine, theirs, elements = record[path], wanted[path], found[path]
    if elements is None or any(mine[key] != theirs.get(key) for key in ("dtype", "shape")):
        return f"{one} and {other} are not identical: {_brief(mine)} against {_brief(theirs)}"
    beginning = _recorded(theirs)
    kept = prod(beginning.shape)
    if text := describe(elements.first(kept), beginning, (one, other), elements.shape):
        return text
    return (
        f"{one} and {other} are not identical: the {kept} elements that are recorded agree, but not all "
        f"{prod(elements.shape)}: their SHA-256 is {mine['sha256']}, that of the record {theirs['sha256']}"
    )


def _brief(record: Mapping[str, Any]) -> str:
    if "repr" in record:
        return str(record["repr"])
    return f"an array of dtype {record['dtype']} and shape {tuple(record['shape'])}"
