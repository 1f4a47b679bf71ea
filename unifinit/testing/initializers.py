"""The tests that every initializer has to pass.

The tests of an initializer subclass ``InitializerConformance``::

    from unifinit.testing import InitializerConformance

    class TestMine(InitializerConformance):
        initializer = "mine"
        shapes = ((6, 5), (3, 3, 4, 5))
"""

from __future__ import annotations

import copy
import inspect
import json
import math
import pickle
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest

import unifinit as ui
from unifinit import host, narrow
from unifinit.backend import Backend
from unifinit.errors import ArgumentError, DtypeError
from unifinit.host.kernel import OFF
from unifinit.initializers.base import Initializer
from unifinit.initializers.catalogue import as_initializer
from unifinit.initializers.classes import aliases_of
from unifinit.initializers.hyperparameters import REQUIRED
from unifinit.registry import registry
from unifinit.types import DTYPES

KEY = ui.Key(0x0123456789ABCDEF)
SIXTEEN = ("float16", "bfloat16")


class InitializerConformance:
    """The conformance suite of initializers.

    Attributes
    ----------
    initializer
        The initializer: an instance, a class, a name or a configuration.
    shapes
        Shapes for which it has values, a few thousand elements at most.
    layouts
        The layout of each shape.
    """

    initializer: ClassVar[Any] = None
    shapes: ClassVar[tuple[tuple[int, ...], ...]] = ((6, 5),)
    layouts: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def tested(self) -> Initializer:
        """The initializer."""
        assert self.initializer is not None, "set the class attribute 'initializer'"
        return as_initializer(self.initializer)

    def cases(self) -> list[tuple[tuple[int, ...], str]]:
        """Shapes and their layouts."""
        layouts = (*self.layouts, *("...IO",) * len(self.shapes))
        return list(zip(self.shapes, layouts, strict=False))

    # A value.

    def test_configuration(self, tested: Initializer) -> None:
        serialized = json.loads(json.dumps(ui.serialize(tested)))
        assert ui.get(serialized) == tested

    def test_copies(self, tested: Initializer) -> None:
        for again in (copy.copy(tested), copy.deepcopy(tested), pickle.loads(pickle.dumps(tested))):  # noqa: S301
            assert again == tested
            assert hash(again) == hash(tested)

    def test_names(self, tested: Initializer) -> None:
        cls = type(tested)
        for name in (cls.__name__, *aliases_of(cls)):
            required = {key: one for key, one in cls.hyperparameters.items() if one.default is REQUIRED}
            config = {key: value for key, value in tested.get_config().items() if key in required}
            assert type(ui.get(name, **{**config, **cls.aliases.get(name, {})})) is cls

    def test_is_documented(self, tested: Initializer) -> None:
        cls = type(tested)
        assert cls.summary
        assert cls.formula
        assert cls.source
        documentation = inspect.getdoc(cls) or ""
        own = [name for name in cls.hyperparameters if name != "seed"]
        assert [name for name in own if f"{name} : " not in documentation] == []

    # Values.

    @pytest.mark.parametrize("backend", sorted(ui.backends(load=False)))
    def test_every_backend_gives_the_same_in_every_dtype(self, tested: Initializer, backend: str) -> None:
        other = available(backend)
        for dtype in DTYPES:
            try:
                other.check_dtype(DTYPES[dtype])
            except DtypeError:
                continue
            for shape, layout in self.cases():
                wanted = draw(tested, shape, dtype, layout)
                if wanted is not None:
                    array = tested(shape, dtype, layout=layout, seed=KEY, backend=other)
                    assert other.to_bytes(array) == wanted.tobytes(), (dtype, shape, layout)

    def test_with_and_without_the_kernel(self, tested: Initializer) -> None:
        for shape, layout in self.cases():
            found = []
            for level in (None, OFF):
                host.select(level)
                try:
                    found.append(tested(shape, layout=layout, seed=KEY).tobytes())
                finally:
                    host.select(None)
            assert found[0] == found[1]

    def test_layouts_are_permutations(self, tested: Initializer) -> None:
        for shape, layout in self.cases():
            plan = tested.plan(shape, layout=layout, seed=KEY)
            axes = range(len(shape)) if plan.axes is None else np.argsort(plan.axes)
            canonical = tested(shape, layout=layout, seed=KEY).transpose(tuple(axes))
            assert canonical.shape == plan.shape
            if set(layout) <= set("OIDHW."):  # Other layouts say more than where the axes are.
                assert np.array_equal(tested(plan.shape, seed=KEY), canonical)

    @pytest.mark.parametrize("dtype", SIXTEEN)
    def test_sixteen_bits_are_the_rounded_float32(self, tested: Initializer, dtype: str) -> None:
        for shape, layout in self.cases():
            found = draw(tested, shape, dtype, layout)
            wide = draw(tested, shape, "float32", layout)
            if found is None or wide is None:
                continue
            rounded = narrow.encode(wide, dtype) if dtype == "bfloat16" else wide.astype(np.float16)
            assert np.array_equal(found.view(np.uint16), rounded.view(np.uint16))

    def test_fill_gives_what_a_call_gives(self, tested: Initializer) -> None:
        for shape, layout in self.cases():
            target = np.full(shape, np.nan, dtype=np.float32)
            tested.fill_(target, layout=layout, seed=KEY)
            assert target.tobytes() == tested(shape, layout=layout, seed=KEY).tobytes()

    def test_description_is_true(self, tested: Initializer) -> None:
        for shape, layout in self.cases():
            moments = tested.describe(shape, layout=layout).moments
            values = tested(shape, layout=layout, seed=KEY)
            slack = 1e-6 * float(np.max(np.abs(values), initial=0.0))
            assert np.min(values, initial=math.inf) >= moments.minimum - slack
            assert np.max(values, initial=-math.inf) <= moments.maximum + slack

    @pytest.mark.parametrize(
        "arguments", [{"shape": -1}, {"shape": (2, -3)}, {"dtype": "flot32"}, {"seed": -1}]
    )
    def test_wrong_arguments_are_errors(self, tested: Initializer, arguments: dict[str, Any]) -> None:
        given = {"shape": self.shapes[0], "dtype": "float32", "seed": KEY, **arguments}
        with pytest.raises((ArgumentError, DtypeError)):
            tested(given.pop("shape"), given.pop("dtype"), **given)


def available(name: str) -> Backend:
    """A backend; the test is skipped without it."""
    status = registry().status(name, load=False)
    if status.state != "installed":
        pytest.skip(f"backend {name!r} is {status.state}: {status.detail}")
    return registry().get(name)


def draw(
    initializer: Initializer, shape: tuple[int, ...], dtype: str, layout: str
) -> npt.NDArray[Any] | None:
    """An array on NumPy; None if there is none of the dtype, which has to be said."""
    try:
        return np.asarray(initializer(shape, dtype, layout=layout, seed=KEY))
    except (DtypeError, ArgumentError) as error:
        assert "wanted" in str(error)  # noqa: PT017 - any other error fails the test
        return None
