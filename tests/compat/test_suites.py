"""The suites that Keras and Haiku bring along when they are installed, run through the drop-in namespaces."""

import pytest
from suites import HAIKU, keras, run, unexpected


def check(suite, tmp_path, least):
    paths = suite.paths(None)
    assert paths, f"{suite.library} has no tests of {suite.name} any more; look where they are"
    theirs = run(suite, paths, tmp_path / "theirs", through_drop_in=False)
    ours = run(suite, paths, tmp_path / "ours", through_drop_in=True)
    assert theirs.failed == frozenset()
    assert len(theirs.passed) >= least
    assert unexpected(suite, ours) == []
    assert ours.passed >= {name for name in theirs.passed if not name.endswith(tuple(suite.failing))}


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_keras(backend, tmp_path):
    pytest.importorskip("keras")
    pytest.importorskip(backend)
    check(keras(backend), tmp_path, 18)


def test_haiku(tmp_path):
    pytest.importorskip("haiku")
    check(HAIKU, tmp_path, 36)


def test_a_failing_suite_is_found(tmp_path):
    pytest.importorskip("haiku")
    broken = HAIKU.__class__(
        **{
            **vars(HAIKU),
            "replacements": {
                "from haiku._src import initializers\n": "from unifinit.compat import jax as initializers\n"
            },
        }
    )
    assert (
        len(unexpected(broken, run(broken, broken.paths(None), tmp_path / "run", through_drop_in=True))) > 20
    )
