"""The plugin of pytest: tests that run on every framework, and compare arrays to the bit.

Every run of pytest loads this module where unifinit is installed, so it imports nothing but pytest. The rest
comes with the first test that uses a fixture or a marker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from unifinit_pytest.backends import BackendUnderTest
    from unifinit_pytest.golden import Golden

__all__ = ["BackendUnderTest"]

MARKERS = (
    "unifinit_backends(*names, exclude=(), reason=None): run a test with the fixture unifinit_backend on "
    "these backends only, or on all but the excluded ones; with a reason, the others are shown as skipped",
    "unifinit_requires(*names, reason=None): skip a test if one of these backends is not installed",
)
DESELECTED: pytest.StashKey[set[Any]] = pytest.StashKey()
"""The paths of modules some tests of which do not run."""
ACCOUNT: pytest.StashKey[Any] = pytest.StashKey()
"""The ``Account`` of golden records, if there is one."""


def __getattr__(name: str) -> Any:
    if name == "BackendUnderTest":
        from unifinit_pytest.backends import BackendUnderTest

        return BackendUnderTest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("unifinit", "tests on several frameworks")
    group.addoption(
        "--unifinit-backends",
        metavar="NAMES",
        help="backends on which tests with the fixture unifinit_backend run, separated by commas: names, or "
        "'installed' (default: all that are known; those that are missing are skipped)",
    )
    group.addoption(
        "--unifinit-require",
        metavar="NAMES",
        help="backends, separated by commas, or 'all', without which tests fail instead of being skipped",
    )
    group.addoption(
        "--unifinit-update-golden",
        action="store_true",
        help="write what the fixture unifinit_golden is given, instead of comparing it with the records",
    )
    parser.addini("unifinit_backends", "default of --unifinit-backends", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; refuse what cannot work."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("unifinit_update_golden") and config.getoption("dist", "no") != "no":
        raise pytest.UsageError(
            "--unifinit-update-golden writes one file from many tests, and several processes would overwrite "
            "each other's; wanted one process: add -n 0"
        )


@pytest.hookimpl
def pytest_sessionstart(session: pytest.Session) -> None:
    """Check the names that were given, if any were."""
    config = session.config
    given = config.getoption("unifinit_backends"), config.getoption("unifinit_require")
    if any(one is not None for one in given) or config.getini("unifinit_backends"):
        from unifinit_pytest.selection import selection

        selection(config)


@pytest.hookimpl
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test for each chosen backend of each that uses the fixture."""
    if "unifinit_backend" in metafunc.fixturenames:
        from unifinit_pytest.selection import parametrize

        parametrize(metafunc)


@pytest.hookimpl
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Check the arguments of the marker ``unifinit_requires``."""
    for item in items:
        for mark in item.iter_markers("unifinit_requires"):
            from unifinit_pytest.selection import required_names

            required_names(mark, item.nodeid)


@pytest.hookimpl
def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember which modules do not run as a whole."""
    for item in items:
        item.config.stash.setdefault(DESELECTED, set()).add(item.path)


@pytest.hookimpl
def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep account of the records if there are tests that use some."""
    items = [item for item in session.items if "unifinit_golden" in getattr(item, "fixturenames", ())]
    if items:
        from unifinit_pytest.golden import Account

        account = Account(session, items, session.config.stash.get(DESELECTED, set()))
        session.config.stash[ACCOUNT] = account
        session.config.pluginmanager.register(account, "unifinit-golden-account")


@pytest.hookimpl
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test, or let it fail, if a backend is not there that it requires."""
    for mark in item.iter_markers("unifinit_requires"):
        from unifinit_pytest.selection import require

        require(item, mark)


@pytest.fixture(scope="module")  # Of the session, it would take the tests of each module apart.
def unifinit_backend(request: pytest.FixtureRequest) -> BackendUnderTest:
    """The backends, one after the other: their namespace, and arrays to and from NumPy.

    Options and markers choose which. A backend that is not installed is skipped.
    """
    from unifinit_pytest.backends import under_test

    if not hasattr(request, "param"):
        pytest.fail(
            "the fixture unifinit_backend was asked for while the test ran, too late to make a test for each "
            "backend; wanted it as an argument of the test or of a fixture",
            pytrace=False,
        )
    return under_test(request.param)


@pytest.fixture(scope="session")
def assert_identical() -> Callable[..., None]:
    """The function ``unifinit.testing.assert_identical``."""
    from unifinit.testing.identical import assert_identical

    return assert_identical


@pytest.fixture
def unifinit_golden(request: pytest.FixtureRequest) -> Golden:
    """Compare arrays with the records of earlier ones, in ``golden/<module>.json`` beside the test."""
    from unifinit_pytest.golden import Golden

    if ACCOUNT not in request.config.stash:
        pytest.fail(
            "the fixture unifinit_golden was asked for while the test ran; wanted it as an argument of the "
            "test or of a fixture, so that the records that no test uses are known",
            pytrace=False,
        )
    return Golden(request.config.stash[ACCOUNT], request.node)
