"""Who may import whom: dependencies run one way, and no framework is imported by the library."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "unifinit"
BACKENDS = ROOT / "backends"
PYTEST_PLUGIN = ROOT / "unifinit_pytest"

LAYERS = (
    {"unifinit.memory", "unifinit.errors", "unifinit.values", "unifinit.narrow"},
    {"unifinit.numerics"},
    {"unifinit.types", "unifinit.gains", "unifinit.truncation"},
    {"unifinit.numbering"},
    {"unifinit.stream", "unifinit.stream.tables", "unifinit.stream.threefry"},
    {"unifinit.stream.ops"},
    {"unifinit.stream.octaves", "unifinit.stream.counters"},
    {"unifinit.stream.single", "unifinit.stream.double"},
    {"unifinit.key", "unifinit.linalg", "unifinit.svd"},
    {"unifinit.content"},
    {"unifinit.distributions.base", "unifinit.distributions.resolution"},
    {"unifinit.distributions.parameters"},
    {f"unifinit.distributions.{name}" for name in ("bits", "normal", "truncated_normal", "uniform")},
    {"unifinit.distributions"},
    {"unifinit.contents"},
    {"unifinit.weight", "unifinit.layout_text", "unifinit.elements"},
    {"unifinit.layout"},
    {"unifinit.plan", "unifinit.request"},
    {"unifinit.reference"},
    {"unifinit.host._kernel"},
    {"unifinit.host.kernel", "unifinit.host.threads"},
    {"unifinit.host.orthogonal"},
    {"unifinit.host.arrays"},
    {"unifinit.host"},
    {"unifinit.agreement", "unifinit.files"},
    {"unifinit.models.paths"},
    {"unifinit.models.arrays"},
    {"unifinit.models.layers", "unifinit.models.names"},
    {"unifinit.models.reader"},
    {"unifinit.checkpoints"},
    {"unifinit.backend"},
    {"unifinit.plugins"},
    {"unifinit.registry"},
    {"unifinit.dispatch"},
    {"unifinit.calls", "unifinit.compilers", "unifinit.generators"},
    {"unifinit.initializers.families", "unifinit.initializers.hyperparameters"},
    {"unifinit.initializers.classes"},
    {"unifinit.initializers.keras_names"},
    {"unifinit.peers"},
    {"unifinit.describe"},
    {"unifinit.random"},
    {"unifinit.initializers.base"},
    {"unifinit.initializers.scaling"},
    {"unifinit.initializers"},
    {"unifinit.models"},
    {"unifinit.specs"},
    {"unifinit.extend"},
    {"unifinit.propagation"},
    {"unifinit.plots"},
    {"unifinit"},
    {"unifinit.compat"},
    {"unifinit.testing"},
    {"unifinit.cli"},
)
"""Each layer may import from those above it in this list. A package stands for those of its modules that are
not listed; among them, only cycles are forbidden."""

FRAMEWORKS = {
    "numpy": {"numpy", "ml_dtypes"},
    "torch": {"torch", "torchvision", "transformers", "triton", "array_api_compat"},
    "tensorflow": {"tensorflow", "keras"},
    "jax": {"jax", "jaxlib", "flax", "haiku"},
    "dask": {"dask", "unifinit_numpy"},  # Its chunks are arrays of NumPy.
    "keras": {"keras"},
    "flax": {"flax", "jax", "unifinit_jax"},  # Their arrays are those of JAX.
    "haiku": {"haiku", "jax", "unifinit_jax"},
}
DROP_INS = {
    "unifinit.compat.haiku": {"haiku", "jax"},
    "unifinit.compat.jax": {"jax"},
    "unifinit.compat.keras": {"keras"},
    "unifinit.compat.tf1": {"tensorflow"},
    "unifinit.compat.torch": {"torch"},
}
"""What stands for a library's own module imports that library, and nothing imports it."""
COMPILED = {"unifinit.host._kernel"}
"""Modules whose source is not Python."""

ALIEN = {
    *("torch", "torchvision", "tensorflow", "keras", "jax", "jaxlib", "flax", "haiku", "mxnet", "paddle"),
    *("cupy", "dask", "mlx", "array_api_strict", "scipy", "ml_dtypes"),
}
"""What nothing in the library imports, not even within a function."""
ONLY_IN_EDGES = {
    "rich": "unifinit.cli",
    "jsonschema": "unifinit.specs",
    "tomli_w": "unifinit.specs",
    "matplotlib": "unifinit.plots",
    "pytest": "unifinit.testing",
    "hypothesis": "unifinit.testing",
    "zarr": "unifinit.checkpoints",
}
PROTOCOL = "unifinit.backend"
"""The only module of the library that backends import."""


def module_name(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source, name, is_package, known):
    """Full names of the modules that a source imports, wherever in it; those for type checkers too."""
    found = set()
    package = name if is_package else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                ancestors = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*ancestors, *([base] if base else [])])
            # "from package import module" imports the module, and of the package no name.
            modules = {alias.name: f"{base}.{alias.name}" for alias in node.names}
            submodules = {full for full in modules.values() if full in known}
            found |= submodules
            if len(submodules) < len(modules):
                found.add(base)
    return found - {name}


def read(*roots):
    """All modules under source roots, with what each imports."""
    paths = {
        module_name(path, root if root == BACKENDS else root.parent): path
        for root in roots
        for path in sorted(root.rglob("*.py"))
    }
    return {
        name: imports_of(path.read_text("utf-8"), name, path.name == "__init__.py", {*paths, *COMPILED})
        for name, path in paths.items()
    }


GRAPH = read(LIBRARY)
BACKEND_GRAPH = read(BACKENDS)
PYTEST_GRAPH = read(PYTEST_PLUGIN)


def place(name):
    """What stands for a module in the list: itself or the nearest package; None if there is nothing."""
    listed = set().union(*LAYERS)
    while name not in listed:
        name = name.rpartition(".")[0]
        if name in ("", "unifinit"):
            return None
    return name


def rank(name):
    """The number of a module's layer."""
    return next(number for number, layer in enumerate(LAYERS) if place(name) in layer)


def upward_imports(graph):
    """Imports that run against the order of layers."""
    return sorted(
        f"{name} imports {target}"
        for name, targets in graph.items()
        for target in targets
        if target.partition(".")[0] == "unifinit"
        and place(name) != place(target)
        and rank(name) <= rank(target)
    )


def cycles(graph):
    """The modules that are left when those that import none of the others are taken away, again and again."""
    left = {name: targets & graph.keys() for name, targets in graph.items()}
    while free := {name for name, targets in left.items() if not targets}:
        left = {name: targets - free for name, targets in left.items() if name not in free}
    return sorted(left)


def roots(targets):
    return {target.partition(".")[0] for target in targets}


class TestLibrary:
    def test_every_module_has_a_place(self):
        assert [name for name in GRAPH if place(name) is None] == []

    def test_every_place_has_a_module(self):
        assert [
            name for layer in LAYERS for name in sorted(layer) if name not in GRAPH.keys() | COMPILED
        ] == []

    def test_dependencies_run_one_way(self):
        assert upward_imports(GRAPH) == []

    def test_there_are_no_cycles(self):
        assert cycles(GRAPH) == []

    @pytest.mark.parametrize("name", GRAPH)
    def test_no_framework_is_imported_even_lazily(self, name):
        assert roots(GRAPH[name]) & ALIEN == DROP_INS.get(name, set())

    @pytest.mark.parametrize("name", GRAPH)
    def test_no_backend_is_imported(self, name):
        assert [root for root in roots(GRAPH[name]) if root.startswith("unifinit_")] == []

    @pytest.mark.parametrize(("library", "package"), ONLY_IN_EDGES.items())
    def test_what_only_the_edges_need(self, library, package):
        users = [name for name, targets in GRAPH.items() if library in roots(targets)]
        assert [name for name in users if not name.startswith(package)] == []

    def test_nothing_but_the_declared_dependencies(self):
        declared = {
            "array_api_compat",
            "numpy",
            "pluggy",
            "unifinit",
            *ONLY_IN_EDGES,
            *sys.stdlib_module_names,
        }
        more = {name: roots(targets) - declared for name, targets in GRAPH.items()}
        assert {name: found for name, found in more.items() if found} == DROP_INS

    def test_nothing_imports_a_drop_in(self):
        users = {name for name, targets in GRAPH.items() if targets & DROP_INS.keys()}
        assert users == set()

    def test_imports_are_absolute_and_name_what_they_import(self):
        for path in [path for root in (LIBRARY, BACKENDS, PYTEST_PLUGIN) for path in root.rglob("*.py")]:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    assert node.level == 0, f"{path}:{node.lineno}"
                    assert "*" not in {alias.name for alias in node.names}, f"{path}:{node.lineno}"


class TestBackends:
    def test_there_are_those_of_the_entry_points(self):
        assert {name.partition(".")[0] for name in BACKEND_GRAPH} == {
            f"unifinit_{name}" for name in FRAMEWORKS
        }
        assert not (BACKENDS / "__init__.py").exists()

    @pytest.mark.parametrize("name", BACKEND_GRAPH)
    def test_only_the_protocol_is_imported_from_the_library(self, name):
        found = {target for target in BACKEND_GRAPH[name] if target.partition(".")[0] == "unifinit"}
        assert found <= {PROTOCOL}

    @pytest.mark.parametrize("name", BACKEND_GRAPH)
    def test_only_the_own_framework_is_imported(self, name):
        package = name.partition(".")[0]
        allowed = {"numpy", "unifinit", package, *FRAMEWORKS[package.removeprefix("unifinit_")]}
        assert roots(BACKEND_GRAPH[name]) - allowed - sys.stdlib_module_names == set()

    @pytest.mark.parametrize("framework", FRAMEWORKS)
    def test_the_module_of_the_entry_point_imports_no_framework(self, framework):
        source = (BACKENDS / f"unifinit_{framework}" / "__init__.py").read_text("utf-8")
        at_once = {
            node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.parse(source).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
        }
        assert at_once == {PROTOCOL}

    def test_there_are_no_cycles(self):
        assert cycles(BACKEND_GRAPH) == []

    def test_there_are_formulas_in_the_library_alone(self):
        # Backends run plans: they need no mathematics.
        assert [
            name for name, targets in BACKEND_GRAPH.items() if roots(targets) & {"math", "random", "cmath"}
        ] == []


class TestPytestPlugin:
    """An edge: it imports the library, and nothing imports it."""

    def test_nothing_imports_it(self):
        graph = GRAPH | BACKEND_GRAPH
        assert [name for name in graph if "unifinit_pytest" in roots(graph[name])] == []

    @pytest.mark.parametrize("name", PYTEST_GRAPH)
    def test_no_framework_is_imported_even_lazily(self, name):
        allowed = {"array_api_compat", "numpy", "pytest", "unifinit", "unifinit_pytest"}
        assert roots(PYTEST_GRAPH[name]) - allowed - sys.stdlib_module_names == set()

    def test_the_module_of_the_entry_point_imports_only_pytest_at_once(self):
        body = ast.parse((PYTEST_PLUGIN / "__init__.py").read_text("utf-8")).body
        source = "\n".join(ast.unparse(n) for n in body if isinstance(n, (ast.Import, ast.ImportFrom)))
        at_once = imports_of(source, "unifinit_pytest", True, set())
        assert roots(at_once) - sys.stdlib_module_names == {"pytest"}

    def test_there_are_no_cycles(self):
        assert cycles(PYTEST_GRAPH) == []


class TestTheseRules:
    """Made-up modules that break the rules are found."""

    def graph(self, name, source, is_package=False):
        return GRAPH | {name: imports_of(source, name, is_package, set(GRAPH) | {name})}

    @pytest.mark.parametrize(
        ("name", "source", "found"),
        [
            (
                "unifinit.plan",
                "from unifinit.registry import Registry",
                ["unifinit.plan imports unifinit.registry"],
            ),
            (
                "unifinit.plan",
                "def f():\n    import unifinit.registry",
                ["unifinit.plan imports unifinit.registry"],
            ),
            ("unifinit.plan", "from unifinit import dispatch", ["unifinit.plan imports unifinit.dispatch"]),
            ("unifinit.plan", "from . import dispatch", ["unifinit.plan imports unifinit.dispatch"]),
            (
                "unifinit.plan",
                "from .initializers.base import Initializer",
                ["unifinit.plan imports unifinit.initializers.base"],
            ),
            ("unifinit.plan", "from unifinit import Key", ["unifinit.plan imports unifinit"]),
            ("unifinit.errors", "import unifinit.types", ["unifinit.errors imports unifinit.types"]),
            (
                "unifinit.weight",
                "from unifinit.layout import Layout",
                ["unifinit.weight imports unifinit.layout"],
            ),
            (
                "unifinit.stream.ops",
                "from .single import quantile",
                ["unifinit.stream.ops imports unifinit.stream.single"],
            ),
            (
                "unifinit.initializers.base",
                "from unifinit.initializers.constant import Zeros",
                ["unifinit.initializers.base imports unifinit.initializers.constant"],
            ),
            (
                "unifinit.initializers.base",
                "from unifinit import initializers",
                ["unifinit.initializers.base imports unifinit.initializers"],
            ),
            (
                "unifinit.testing.golden",
                "from unifinit.cli import main",
                ["unifinit.testing.golden imports unifinit.cli"],
            ),
            ("unifinit.backend", "import unifinit.testing", ["unifinit.backend imports unifinit.testing"]),
            (
                "unifinit.key",
                "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from unifinit.plan import Plan",
                ["unifinit.key imports unifinit.plan"],
            ),
            ("unifinit.plan", "from unifinit.key import Key\nimport math", []),
        ],
    )
    def test_against_the_order(self, name, source, found):
        assert upward_imports(self.graph(name, source)) == found

    def test_a_module_without_a_place(self):
        assert place("unifinit.newcomer") is None
        assert place("unifinit.cli.newcomer") == "unifinit.cli"

    @pytest.mark.parametrize(
        "source",
        [
            "import torch",
            "def f():\n    import torch.nn as nn",
            "from torch.nn import init",
            "try:\n    import torch\nexcept ImportError: pass",
        ],
    )
    def test_a_framework(self, source):
        assert roots(imports_of(source, "unifinit.plan", False, set())) & ALIEN == {"torch"}

    def test_a_cycle(self):
        assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == ["a", "b", "c", "d"]
        assert cycles({"a": {"b"}, "b": {"elsewhere"}}) == []

    def test_names_and_modules_are_told_apart(self):
        found = imports_of(
            "from unifinit import dispatch, Key", "unifinit.random", False, {"unifinit.dispatch"}
        )
        assert found == {"unifinit.dispatch", "unifinit"}
        found = imports_of("from unifinit import dispatch", "unifinit.random", False, {"unifinit.dispatch"})
        assert found == {"unifinit.dispatch"}


HEAVY = sorted(
    {
        *ALIEN,
        "array_api_compat",
        "pytest",
        "hypothesis",
        "rich",
        "matplotlib",
        "mpmath",
        "asyncio",
        "unittest",
    }
    | {f"unifinit_{name}" for name in FRAMEWORKS}
)


def loaded_by(statement):
    """Top-level modules that a fresh process has after a statement."""
    program = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


ONLY_SOME_CALLS = {
    *("pluggy", "importlib.metadata", "unifinit.plugins", "unifinit.backend"),  # A backend.
    *("hashlib", "_hashlib"),  # A key from a name.
    "difflib",  # A suggestion in an error.
    *("fractions", "decimal"),
    *("json", "pickle", "tempfile", "subprocess", "argparse", "textwrap", "email", "zipfile", "pkgutil"),
    *("concurrent.futures", "multiprocessing", "asyncio", "logging", "unifinit.cli", "unifinit.testing"),
}
"""What takes time to import, and is imported by the calls that need it."""


def loaded_besides_numpy(statement):
    """Full names of the modules that a statement loads in a fresh process that has NumPy."""
    program = (
        f"import sys, numpy; before = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


class TestStartUp:
    def test_loads_nothing_that_only_some_calls_need(self):
        assert loaded_besides_numpy("import unifinit") & ONLY_SOME_CALLS == set()

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ("unifinit.Zeros()(3)", {"pluggy", "importlib.metadata", "unifinit.plugins", "unifinit.backend"}),
            ("unifinit.Key(0) / 'name'", {"hashlib"}),
            ("unifinit.errors.suggestion('zero', ['zeros'])", {"difflib"}),
        ],
    )
    def test_the_calls_that_need_it_load_it(self, statement, expected):
        # Otherwise the names above would be out of date, and the test above could not fail.
        assert expected <= loaded_besides_numpy(f"import unifinit; {statement}") & ONLY_SOME_CALLS


class TestFreshProcess:
    @pytest.mark.parametrize(
        "statement",
        ["import unifinit", f"import {', '.join(f'unifinit_{name}' for name in FRAMEWORKS)}"],
        ids=["library", "plugins"],
    )
    def test_import_loads_no_framework(self, statement):
        expected = {f"unifinit_{name}" for name in FRAMEWORKS} if "_" in statement else set()
        # NumPy is a dependency, and may itself load what belongs to the standard library.
        already = loaded_by("import numpy")
        assert loaded_by(statement) & set(HEAVY) - already == expected

    def test_a_numpy_array_loads_no_other_framework(self):
        loaded = loaded_by(
            "import unifinit; unifinit.HeNormal(seed=0)((3, 4)); unifinit.backends(load=False)"
        )
        assert (
            loaded & {"torch", "tensorflow", "jax", "jaxlib", "array_api_compat", "pytest", "rich"} == set()
        )

    @pytest.mark.parametrize("library", ["torch", "jax", "tensorflow"])
    def test_other_frameworks_are_not_needed(self, library):
        blocked = f"import sys; sys.modules[{library!r}] = None; import unifinit as ui"
        statement = f"{blocked}; assert ui.backends(load=False)[{library!r}].state == 'missing'; ui.Ones()(3)"
        assert "unifinit" in loaded_by(statement)
