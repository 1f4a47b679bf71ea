"""Backends by name and by the type of an array, loaded once, when first used."""

import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import unifinit as ui
from unifinit import BackendUnavailableError, UnknownBackendError, UnsupportedArrayError
from unifinit import registry as registry_module
from unifinit.backend import ArrayApiBackend
from unifinit.registry import BackendStatus


class TestMissingFramework:
    @pytest.fixture
    def known(self, registry, plugin, record):
        return registry(plugin("toy", record(modules=("no_such_framework",))))

    def test_state_tells_how_to_install_it(self, known):
        wanted = BackendStatus("toy", "missing", None, "pip install toy-framework")
        assert known.status("toy", load=True) == known.status("toy", load=False) == wanted

    def test_use_is_an_error_with_the_command(self, known):
        with pytest.raises(BackendUnavailableError) as caught:
            known.get("toy")
        assert str(caught.value) == "backend 'toy' is not installed: pip install toy-framework"
        assert isinstance(caught.value, ImportError)

    def test_others_work(self, known):
        assert known.get("numpy").name == "numpy"
        assert known.of(np.zeros(1)).name == "numpy"

    def test_a_blocked_module_is_missing(self, registry, plugin, record, monkeypatch):
        monkeypatch.setitem(sys.modules, "blocked_framework", None)
        known = registry(plugin("toy", record(modules=("blocked_framework",))))
        assert known.status("toy", load=True).state == "missing"

    def test_it_can_be_installed_later(self, known, package):
        package("no_such_framework", "")
        wanted = BackendStatus("toy", "installed", None, execution="array operations")
        assert known.status("toy", load=True) == wanted
        assert known.get("toy").name == "toy"


@pytest.mark.parametrize(
    "error", ["ImportError", "ModuleNotFoundError", "RuntimeError", "OSError", "AttributeError", "ValueError"]
)
class TestFrameworkThatFailsToImport:
    @pytest.fixture
    def known(self, error, registry, plugin, record, package):
        module = package(
            "broken_framework", f"raise {error}('libcudart.so.99: cannot open shared object file')"
        )

        def load():
            return __import__(module)

        return registry(plugin("toy", record(modules=(module,), load=load)))

    def test_is_found_out_by_loading(self, known, error):
        assert known.status("toy", load=False).state == "installed"
        status = known.status("toy", load=True)
        assert status.state == "broken"
        assert status.detail == f"it failed to load: {error}: libcudart.so.99: cannot open shared object file"

    def test_use_is_an_error_with_the_reason_and_a_way_out(self, known, error):
        with pytest.raises(
            BackendUnavailableError, match=rf"backend 'toy' is broken: .*{error}: libcudart"
        ) as caught:
            known.get("toy")
        assert "UNIFINIT_DISABLE=toy" in str(caught.value)
        assert type(caught.value.__cause__).__name__ == error

    def test_stays_broken_and_others_work(self, known, error):
        for _ in range(2):
            with pytest.raises(BackendUnavailableError, match="libcudart"):
                known.get("toy")
        assert known.status("toy", load=False).state == "broken"
        assert known.get("numpy").name == "numpy"
        assert known.of(np.zeros(1)).name == "numpy"


@pytest.mark.parametrize("answer", [None, 3, ..., "numpy"], ids=repr)
def test_load_that_returns_no_backend_is_told_by_name(answer, registry, plugin, record):
    known = registry(plugin("toy", record(load=lambda: answer)))
    assert known.status("toy", load=True).state == "broken"
    with pytest.raises(BackendUnavailableError, match="backend 'toy' is broken"):
        known.get("toy")


class TestByName:
    def test_loads_once_and_only_when_used(self, registry, plugin, record):
        loaded = []

        def load():
            loaded.append(object())
            return ArrayApiBackend("toy", np)

        known = registry(plugin("toy", record(load=load)))
        assert known.names() == ["numpy", "toy"]
        assert known.status("toy", load=False).state == "installed"
        assert loaded == []
        assert known.get("toy") is known.get("toy") is known.resolve("toy")
        assert len(loaded) == 1

    def test_unknown_name_with_a_suggestion_and_what_is_known(self, registry, plugin, record):
        known = registry(
            plugin(
                "torch",
                record(name="torch", modules=("no_such_framework",), install='pip install "unifinit[torch]"'),
            ),
            plugin("toy", record()),
            plugin("ill", record(name="ill", api_version=99)),
            plugin("off", record(name="off")),
            disabled=frozenset({"off"}),
        )
        with pytest.raises(UnknownBackendError) as caught:
            known.get("troch")
        assert str(caught.value) == (
            "no backend 'troch' (did you mean 'torch'?); known: ill (broken), numpy, off (disabled), "
            'torch (not installed: pip install "unifinit[torch]"), toy; or pass an Array API namespace'
        )
        assert isinstance(caught.value, LookupError)

    @pytest.mark.parametrize("name", ["", "NumPy", "numpy ", "zzz"])
    def test_unknown_name_without_a_suggestion_of_itself(self, registry, name):
        with pytest.raises(UnknownBackendError, match=f"no backend '{name}'"):
            registry().get(name)

    def test_environment_of_a_backend(self, registry, plugin, record):
        known = registry(plugin("toy", record(environment={"TOY": "1"})))
        assert known.environment("toy") == {"TOY": "1"}
        assert known.environment("numpy") == known.environment("other") == {}


class Framework:
    """Classes that claim to come from a module."""

    def __init__(self, module):
        self.Array = type("Array", (), {"toy": True, "__module__": module})
        self.Variable = type("Variable", (self.Array,), {"__module__": "somebody.elses"})
        self.Scalar = type("Scalar", (), {"__module__": module})


class TestByType:
    @pytest.fixture
    def framework(self):
        return Framework("json.core")

    @pytest.fixture
    def known(self, registry, plugin, record):
        return registry(plugin("toy", record()))

    def test_classes_of_the_frameworks_modules(self, known, framework):
        assert known.of(framework.Array()) is known.get("toy")

    def test_subclasses_from_elsewhere(self, known, framework):
        assert known.of(framework.Variable()) is known.get("toy")

    def test_what_the_backend_calls_no_array(self, known, framework):
        with pytest.raises(
            UnsupportedArrayError, match=r"a json\.core\.Scalar is no array that unifinit knows"
        ):
            known.of(framework.Scalar())

    def test_a_module_whose_name_only_begins_alike(self, known):
        other = Framework("jsonish.core")
        with pytest.raises(UnsupportedArrayError, match="jsonish"):
            known.of(other.Array())

    @pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
    @pytest.mark.parametrize(
        "make",
        [
            lambda _: np.zeros(3),
            lambda _: np.float32(1),
            lambda _: np.matrix([[1.0]]),
            lambda path: np.memmap(path, np.float32, "w+", shape=(2,)),
            lambda _: np.ma.masked_array([1.0]),
            lambda _: np.rec.fromarrays([[1.0]]),
            lambda _: np.zeros(3).view(type("Mine", (np.ndarray,), {})),
        ],
        ids=["array", "scalar", "matrix", "memmap", "masked", "record", "subclass"],
    )
    def test_numpy_and_its_subclasses(self, known, make, tmp_path):
        assert known.of(make(tmp_path / "map")) is known.get("numpy")

    @pytest.mark.parametrize(
        "x",
        [
            1,
            1.0,
            "a",
            None,
            [1.0],
            (1.0,),
            {},
            object(),
            np,
            np.ndarray,
            SimpleNamespace(shape=(), dtype=float),
        ],
        ids=lambda x: type(x).__name__,
    )
    def test_what_is_no_array(self, known, x):
        with pytest.raises(
            UnsupportedArrayError, match="wanted one of 'numpy', 'toy', or of a library with"
        ) as caught:
            known.of(x)
        assert isinstance(caught.value, TypeError)

    def test_looking_up_a_type_does_not_load_other_backends(self, registry, plugin, record):
        def load():
            raise AssertionError("loaded")

        known = registry(plugin("toy", record(load=load)))
        assert known.of(np.zeros(1)).name == "numpy"

    def test_arrays_of_a_broken_backend(self, registry, plugin, record, framework):
        def load():
            raise OSError("no driver")

        known = registry(plugin("toy", record(load=load)))
        with pytest.raises(BackendUnavailableError, match="no driver"):
            known.of(framework.Array())
        assert known.of(np.zeros(1)).name == "numpy"


class TestGeneric:
    @pytest.fixture
    def strict(self):
        return pytest.importorskip("array_api_strict")

    @pytest.fixture
    def known(self, registry):
        return registry()

    def test_by_namespace_and_by_array_is_one_backend(self, known, strict):
        generic = known.resolve(strict)
        assert isinstance(generic, ArrayApiBackend)
        assert generic.name == "array_api_strict"
        assert known.of(strict.zeros(3)) is known.of(strict.ones(2, dtype=strict.int8)) is generic

    def test_values_are_numpys(self, strict):
        initializer = ui.TruncatedNormal(0.5, seed=1)
        wanted = initializer((3, 4))
        for found in (
            initializer((3, 4), backend=strict),
            initializer((3, 4), like=strict.zeros(1, dtype=strict.float32)),
        ):
            assert type(found) is type(strict.zeros(1))
            assert np.array_equal(np.asarray(found), wanted)

    def test_fill(self, strict):
        target = strict.zeros((3, 4))
        assert ui.HeNormal(seed=1).fill_(target) is target
        assert np.array_equal(np.asarray(target), ui.HeNormal(seed=1)((3, 4), "float64"))

    def test_a_known_frameworks_namespace_is_its_backend(self, known):
        import array_api_compat.numpy

        assert known.resolve(np) is known.resolve(array_api_compat.numpy) is known.get("numpy")

    @pytest.mark.parametrize("library", ["torch", "jax.numpy", "tensorflow", "array_api_compat.torch"])
    def test_a_frameworks_module_is_its_backend(self, library):
        module = pytest.importorskip(library)
        name = library.removeprefix("array_api_compat.").partition(".")[0]
        assert registry_module.registry().resolve(module) is registry_module.registry().get(name)

    def test_a_namespace_need_not_be_a_module(self, known, strict):
        class Namespace:
            def __getattr__(self, name):
                if name == "__name__":
                    raise AttributeError(name)
                return getattr(strict, name)

        generic = known.resolve(Namespace())
        found = ui.HeNormal(seed=1)((3, 4), backend=generic)
        assert np.array_equal(np.asarray(found), ui.HeNormal(seed=1)((3, 4)))

    def test_a_module_that_is_no_namespace(self, known):
        with pytest.raises(
            UnknownBackendError, match="module 'nothing_here' is no Array API namespace; wanted one such as"
        ):
            known.resolve(ModuleType("nothing_here"))

    def test_a_backend_is_itself(self, known):
        mine = ArrayApiBackend("mine", np)
        assert known.resolve(mine) is mine

    def test_unknown_dtypes_and_devices_of_a_namespace(self, known, strict):
        generic = known.resolve(strict)
        with pytest.raises(
            ui.DtypeError, match="array_api_strict has no dtype 'float16'; wanted one of 'float32'"
        ):
            ui.Zeros()(3, "float16", backend=generic)
        with pytest.raises(ui.DeviceError, match="array_api_strict has no device 'tpu'; wanted one of"):
            ui.Zeros()(3, backend=generic, device="tpu")


class TestThreads:
    COUNT = 16

    def at_once(self, call):
        """What a function returns in many threads that start together."""
        start = threading.Barrier(self.COUNT)

        def wait_and_call():
            start.wait()
            return call()

        with ThreadPoolExecutor(self.COUNT) as pool:
            return [future.result() for future in [pool.submit(wait_and_call) for _ in range(self.COUNT)]]

    @staticmethod
    def meeting():
        """A function that returns when a second thread has come in, or after a moment; and its callers."""
        callers, second = [], threading.Event()

        def enter():
            callers.append(threading.get_ident())
            if len(callers) > 1:
                second.set()
            second.wait(0.1)

        return enter, callers

    def test_a_backend_is_loaded_once(self, registry, plugin, record):
        enter, callers = self.meeting()

        def load():
            enter()
            return ArrayApiBackend("toy", np)

        known = registry(plugin("toy", record(load=load)))
        found = self.at_once(lambda: known.get("toy"))
        assert len(set(map(id, found))) == 1
        assert len(callers) == 1

    def test_an_arrays_backend_is_loaded_once(self, registry, plugin, record):
        enter, callers = self.meeting()
        array = Framework("json.core").Array()

        class Backend(ArrayApiBackend):
            def is_array(self, x):
                return True

        def load():
            enter()
            return Backend("toy", np)

        known = registry(plugin("toy", record(load=load)))
        found = self.at_once(lambda: known.of(array))
        assert len(set(map(id, found))) == 1
        assert len(callers) == 1

    def test_a_backend_that_fails_fails_in_each(self, registry, plugin, record):
        enter, callers = self.meeting()

        def load():
            enter()
            raise OSError("no driver")

        known = registry(plugin("toy", record(load=load)))

        def get():
            with pytest.raises(BackendUnavailableError, match="no driver"):
                known.get("toy")

        self.at_once(get)
        assert len(callers) == 1

    def test_a_namespace_has_one_backend(self, registry):
        namespace = ModuleType("some_namespace")
        namespace.astype = np.astype
        known = registry()
        assert len(set(map(id, self.at_once(lambda: known.resolve(namespace))))) == 1

    def test_there_is_one_registry(self):
        # In a fresh process, where there is none yet; discovery lasts until two threads are in it.
        program = """
            import threading
            from concurrent.futures import ThreadPoolExecutor
            from unifinit import plugins, registry

            both = threading.Barrier(2)
            discover = plugins.discover

            def slow_discover():
                try:
                    both.wait(0.2)
                except threading.BrokenBarrierError:
                    pass
                return discover()

            plugins.discover = slow_discover
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda _: registry.registry(), range(8)))
            assert len(set(map(id, [*found, registry.registry()]))) == 1
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True)


class TestBackends:
    def test_lists_all_with_their_states(self):
        found = ui.backends(load=False)
        assert {"numpy", "torch", "tensorflow", "jax"} <= set(found)
        assert list(found) == sorted(found)
        assert all(status.name == name for name, status in found.items())
        assert found["numpy"] == BackendStatus("numpy", "installed", np.__version__, "")

    def test_missing_ones_say_how_to_install_them(self):
        for name, status in ui.backends(load=False).items():
            if status.state == "missing":
                assert status.detail == f'pip install "unifinit[{name}]"'
                assert status.version is None

    def test_modules_are_those_of_the_record(self, registry, plugin, record):
        known = registry(plugin("toy", record(modules=("json", "email"))))
        assert known.modules("toy") == ("json", "email")
        assert known.modules("nothing") == ()

    def test_loading_is_the_only_way_to_learn_that_one_is_broken(self, registry, plugin, record, monkeypatch):
        def load():
            raise OSError("no driver")

        known = registry(plugin("toy", record(load=load)))
        monkeypatch.setattr(registry_module, "registry", lambda: known)
        assert ui.backends(load=False)["toy"].state == "installed"
        assert {name: status.state for name, status in ui.backends().items()} == {
            "numpy": "installed",
            "toy": "broken",
        }

    @pytest.mark.parametrize(("source", "version"), [("", None), ("__version__ = '9.9'", "9.9")])
    def test_version_is_the_modules_if_it_has_one(self, source, version, registry, plugin, record, package):
        module = package("some_framework", source)

        def load():
            __import__(module)
            return ArrayApiBackend("toy", np)

        known = registry(plugin("toy", record(modules=(module,), load=load)))
        wanted = BackendStatus("toy", "installed", version, execution="array operations")
        assert known.status("toy", load=True) == wanted
