"""The peers' own test suites, run through the drop-in namespaces: only imports are changed.

A suite lies in the installed library, or in a checkout of its sources. Names that are private to the module
under test go on to come from that module, since no drop-in stands for them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

CONFTEST = """
import os
import pytest

def skip_if_backend(backend, reason):  # Which Keras imports from its own.
    return pytest.mark.skipif(os.environ.get("KERAS_BACKEND") == backend, reason=reason)

def pytest_configure(config):
    for marker in ("requires_trainable_backend", "multi_device"):
        config.addinivalue_line("markers", marker)

def pytest_collection_modifyitems(items):
    if os.environ.get("KERAS_BACKEND") == "jax" and "device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    for item in items:
        if item.get_closest_marker("multi_device"):
            item.add_marker(pytest.mark.skip(reason="one device"))
"""
JAX_NAMESPACE = """from types import SimpleNamespace
from jax import nn as _nn
from unifinit.compat import jax as _drop_in
nn = SimpleNamespace(**{**vars(_nn), "initializers": _drop_in})
"""
MOCK = "It replaces TensorFlow's own random function by a mock, and wants to see it called."


@dataclass(frozen=True)
class Suite:
    """A file of tests, or several.

    Attributes
    ----------
    name
        What it tests.
    library
        The module that must be installed.
    files
        Paths in the installed library, or in a checkout.
    checkout
        The name of the checkout; None if the tests are installed with the library.
    replacements
        What is written instead of some lines.
    select
        What is handed to pytest, to leave out what has nothing to do with initializers.
    environment
        Environment variables.
    failing
        The tests that cannot pass, and why.
    """

    name: str
    library: str
    files: tuple[str, ...]
    replacements: Mapping[str, str]
    checkout: str | None = None
    select: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    failing: Mapping[str, str] = field(default_factory=dict)

    def paths(self, sources: Path | None) -> list[Path]:
        """Where the files are; an empty list if they are not there."""
        if self.checkout is None:
            spec = find_spec(self.library)
            roots = spec.submodule_search_locations if spec else None
            found = [Path(root) / file for root in (roots or ())[:1] for file in self.files]
        else:
            found = [] if sources is None else [sources / self.checkout / file for file in self.files]
        return found if all(path.exists() for path in found) else []


@dataclass(frozen=True)
class Outcome:
    """What a run found: names of tests."""

    passed: frozenset[str]
    failed: frozenset[str]
    skipped: frozenset[str]


def keras(backend: str, **environment: str) -> Suite:
    """The suite of Keras, on a backend."""
    names = ["random_initializers", "constant_initializers"]
    if backend == "jax":
        names.append("initializer")  # Which imports JAX, whatever the backend.
    return Suite(
        f"keras.initializers on {backend}" + (", 4 devices" if environment else ""),
        "keras",
        tuple(f"src/initializers/{name}_test.py" for name in names),
        {"from keras.src import initializers\n": "from unifinit.compat import keras as initializers\n"},
        environment={"KERAS_BACKEND": backend, **environment},
    )


HAIKU = Suite(
    "haiku.initializers",
    "haiku",
    ("_src/initializers_test.py",),
    {
        "from haiku._src import initializers\n": (
            "from haiku._src import initializers as _own\nfrom unifinit.compat import haiku as initializers\n"
        ),
        "initializers._compute_fans": "_own._compute_fans",
    },
    failing={
        "test_initializers": "It takes RandomUniform(3.0), whose minval 3 is above its maxval 1: JAX returns "
        "the constant 3, and unifinit refuses it. The other initializers of the test pass."
    },
)
TORCH = Suite(
    "torch.nn.init",
    "torch",
    ("test/nn/test_init.py",),
    {"import torch.nn.init as init\n": "import unifinit.compat.torch as init\n"},
    "pytorch",
    environment={"PYTORCH_TEST_WITH_SLOW": "1"},
)
JAX = Suite(
    "jax.nn.initializers",
    "jax",
    ("tests/nn_test.py",),
    {"from jax import nn\n": JAX_NAMESPACE},
    "jax",
    ("-k", "NNInitializersTest"),
)
JAX_WIDE = Suite(
    "jax.nn.initializers, 64 bits",
    "jax",
    JAX.files,
    JAX.replacements,
    "jax",
    JAX.select,
    {"JAX_ENABLE_X64": "1"},
)
OPS = "from tensorflow.python.ops import init_ops\n"
TF1 = Suite(
    "tf.compat.v1.initializers, init_ops_test",
    "tensorflow",
    ("tensorflow/python/ops/init_ops_test.py",),
    {
        OPS: f"{OPS.rstrip()} as _own\nfrom unifinit.compat import tf1 as init_ops\n",
        "init_ops._compute_fans": "_own._compute_fans",
    },
    "tensorflow",
    ("-k", "not test_session"),
)
TF1_KERNELS = Suite(
    "tf.compat.v1.initializers, kernel_tests",
    "tensorflow",
    ("tensorflow/python/kernel_tests/array_ops/init_ops_test.py",),
    {OPS: "from unifinit.compat import tf1 as init_ops\n"},
    "tensorflow",
    ("-k", "not RangeTest and not LinSpace and not DeviceTest and not test_session"),
    failing={
        "testNormalDistribution": MOCK,
        "testTruncatedNormalDistribution": MOCK,
        "testUntruncatedNormalDistribution": MOCK,
    },
)
FOUR_DEVICES = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
SUITES = [
    TORCH,
    keras("tensorflow"),
    keras("jax"),
    keras("jax", **FOUR_DEVICES),
    keras("torch"),
    JAX,
    JAX_WIDE,
    HAIKU,
    TF1,
    TF1_KERNELS,
]


def run(suite: Suite, paths: list[Path], folder: Path, *, through_drop_in: bool) -> Outcome:
    """Run a copy of a suite in a folder, with its imports changed or as they are."""
    folder.mkdir(parents=True)
    (folder / "conftest.py").write_text(CONFTEST, "utf-8")
    for path in paths:
        text = path.read_text("utf-8").replace("\r\n", "\n")
        if through_drop_in:
            for old, new in suite.replacements.items():
                if old not in text:
                    raise ValueError(f"{path} has no {old!r}: the suite has changed; look at its imports")
                text = text.replace(old, new)
        (folder / f"test_{path.name.removeprefix('test_')}").write_text(text, "utf-8")
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=", "-W", "ignore", "--junitxml=found.xml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", folder, *suite.select, folder],
        cwd=folder,
        env={
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            **suite.environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    report = folder / "found.xml"
    if not report.exists():
        raise RuntimeError(
            f"the suite of {suite.name} did not run:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    found: dict[str, set[str]] = {"passed": set(), "failed": set(), "skipped": set()}
    for case in ET.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        found[outcome].add(f"{case.get('classname')}::{case.get('name')}")
    # A test with parts has failed if one of them has, and has not been skipped if another has not.
    found["passed"] -= found["failed"]
    found["skipped"] -= found["failed"] | found["passed"]
    return Outcome(*(frozenset(found[kind]) for kind in ("passed", "failed", "skipped")))


def unexpected(suite: Suite, outcome: Outcome) -> list[str]:
    """The tests that failed although nothing says that they must."""
    known = tuple(f"::{name}" for name in suite.failing)
    return sorted(name for name in outcome.failed if not name.endswith(known))
