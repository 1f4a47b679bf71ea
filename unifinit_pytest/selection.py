"""Which backends tests run on: options, markers, and what is installed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import pytest

from unifinit.errors import or_list, suggestion
from unifinit.plugins import DISABLE_VARIABLE, LABELS
from unifinit.registry import BackendStatus, registry


@dataclass(frozen=True)
class Selection:
    """What the options say.

    Attributes
    ----------
    names
        The backends to run on.
    required
        Those that must be there.
    """

    names: tuple[str, ...]
    required: frozenset[str]


SELECTION: pytest.StashKey[Selection] = pytest.StashKey()


def known() -> list[str]:
    """The names of all backends; what else of plugins is wrong is no business of tests."""
    return [name for name in registry().names() if not name.startswith(tuple(LABELS.values()))]


def selection(config: pytest.Config) -> Selection:
    """The choice for this run.

    Raises
    ------
    UsageError
        For names that no plugin provides.
    """
    if SELECTION not in config.stash:
        config.stash[SELECTION] = _selection(config)
    return config.stash[SELECTION]


def _selection(config: pytest.Config) -> Selection:
    required = _required(config.getoption("unifinit_require"))
    option, ini = config.getoption("unifinit_backends"), config.getini("unifinit_backends")
    if option is None and not ini:
        return Selection(tuple(known()), frozenset(known() if required is None else required))
    source = "ini option unifinit_backends" if option is None else "--unifinit-backends"
    chosen: dict[str, None] = {}
    for name in _split(ini if option is None else [option]):
        if name == "installed":
            # What is required counts, so that it is missed if it is not there.
            there = (one for one in known() if _status(one).state == "installed" or one in (required or ()))
            chosen.update(dict.fromkeys(there))
        else:
            _check(name, source, ("installed",))
            chosen[name] = None
    if missed := [name for name in required or () if name not in chosen]:
        raise pytest.UsageError(
            f"--unifinit-require names {or_list(missed)}, on which no test will run; wanted it in {source}"
        )
    if not chosen:
        raise pytest.UsageError(
            f"{source} names no backend; wanted some of {or_list(known())}, or 'installed'"
        )
    return Selection(tuple(chosen), frozenset(chosen if required is None else required))


def _required(option: str | None) -> list[str] | None:
    """The names of the option; None for all that are chosen."""
    if option is None:
        return []
    names = list(_split([option]))
    if names == ["all"]:
        return None
    for name in names:
        _check(name, "--unifinit-require", ("all",))
    if not names:
        raise pytest.UsageError(
            f"--unifinit-require names no backend; wanted some of {or_list(known())}, or 'all'"
        )
    return names


def _split(texts: Iterable[str]) -> Iterable[str]:
    return filter(None, (name.strip() for text in texts for name in text.split(",")))


def _check(name: str, source: str, words: Sequence[str]) -> None:
    if name not in known():
        raise pytest.UsageError(
            f"{source}: no backend {name!r}{suggestion(name, (*known(), *words))}; wanted some of "
            f"{or_list(known())}, or {or_list(words)}"
        )


def _status(name: str, *, load: bool = False) -> BackendStatus:
    return registry().status(name, load=load)


def why_not(status: BackendStatus) -> str:
    """Why a backend cannot be used, and what to do."""
    advice = {
        "missing": f"not installed: {status.detail}",
        "broken": f"broken: {status.detail}; repair it, choose others by --unifinit-backends, or disable it "
        f"by {DISABLE_VARIABLE}={status.name}",
        "disabled": f"disabled: {status.detail}",
    }
    return f"backend {status.name!r} is {advice[status.state]}"


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Make a test for each backend that the options choose and the markers allow.

    Raises
    ------
    CollectError
        If the arguments of a marker are wrong.
    """
    try:
        chosen = selection(metafunc.config)
    except pytest.UsageError as error:  # Names of the options have been checked before; this is to be sure.
        raise pytest.Collector.CollectError(str(error)) from error
    left_out: dict[str, str | None] = {}
    marks = list(metafunc.definition.iter_markers("unifinit_backends"))
    for mark in marks:
        excluded, reason = _excluded(mark, metafunc.definition.nodeid)
        for name in excluded:
            left_out[name] = left_out.get(name) or reason
    cases = [
        _case(name, left_out.get(name), chosen)
        for name in chosen.names
        if name not in left_out or left_out[name] is not None
    ]
    if not cases:
        markers = " and ".join(f"{_call(mark)}" for mark in marks)
        reason = f"none of the chosen backends ({', '.join(chosen.names)}) is left by {markers}"
        cases = [pytest.param("none", id="none", marks=pytest.mark.skip(reason=reason))]
    metafunc.parametrize("unifinit_backend", cases, indirect=True)


def _case(name: str, reason: str | None, chosen: Selection) -> object:
    if reason is None and name not in chosen.required and not _is_to_run(status := _status(name)):
        reason = why_not(status)
    marks = () if reason is None else pytest.mark.skip(reason=reason)
    return pytest.param(name, id=name, marks=marks)


def _is_to_run(status: BackendStatus) -> bool:
    """Whether a test is to begin: a broken installation is to be seen, not to be passed over."""
    return status.state in ("installed", "broken")


def _excluded(mark: pytest.Mark, nodeid: str) -> tuple[list[str], str | None]:
    """The backends that a marker leaves out, and its reason."""
    arguments = dict(mark.kwargs)
    exclude, reason = arguments.pop("exclude", ()), arguments.pop("reason", None)
    if isinstance(exclude, str):
        exclude = [exclude]
    if bool(mark.args) == bool(exclude):
        _refuse(mark, nodeid, "either names of backends or exclude=[...]")
    names = _names(mark, nodeid, [*mark.args, *exclude], reason, arguments)
    return (names if exclude else [name for name in known() if name not in names]), reason


def required_names(mark: pytest.Mark, nodeid: str) -> tuple[list[str], str | None]:
    """The backends that a marker ``unifinit_requires`` names, and its reason.

    Raises
    ------
    UsageError
        If its arguments are wrong.
    """
    arguments = dict(mark.kwargs)
    reason = arguments.pop("reason", None)
    try:
        if not mark.args:
            _refuse(mark, nodeid, "names of backends")
        return _names(mark, nodeid, mark.args, reason, arguments), reason
    except pytest.Collector.CollectError as error:
        raise pytest.UsageError(str(error)) from error


def _names(
    mark: pytest.Mark, nodeid: str, names: Iterable[object], reason: object, others: Iterable[str]
) -> list[str]:
    if others := list(others):
        _refuse(mark, nodeid, f"no argument {or_list(others)}")
    if not (reason is None or (isinstance(reason, str) and reason)):
        _refuse(mark, nodeid, "a text as the reason")
    found = []
    for name in names:
        if not isinstance(name, str) or name not in known():
            hint = suggestion(name, known()) if isinstance(name, str) else ""
            _refuse(mark, nodeid, f"names of backends{hint}: {or_list(known())}")
        found.append(name)
    return found


def _call(mark: pytest.Mark) -> str:
    arguments = [*map(repr, mark.args), *(f"{name}={value!r}" for name, value in mark.kwargs.items())]
    return f"{mark.name}({', '.join(arguments)})"


def _refuse(mark: pytest.Mark, nodeid: str, wanted: str) -> NoReturn:
    raise pytest.Collector.CollectError(f"{nodeid}: the marker is {_call(mark)}; wanted {wanted}")


def require(item: pytest.Item, mark: pytest.Mark) -> None:
    """Skip a test, or let it fail, if it requires a backend that cannot be used."""
    names, reason = required_names(mark, item.nodeid)
    for name in names:
        status = _status(name, load=True)
        if status.state != "installed":
            text = why_not(status) if reason is None else f"{reason} ({why_not(status)})"
            if status.state == "broken" or name in selection(item.config).required:
                pytest.fail(f"{text}; this test requires it", pytrace=False)
            pytest.skip(text)
