"""Every initializer of unifinit passes the suite that those of plugins have to pass."""

from collections import defaultdict

import pytest

from unifinit.initializers.classes import own_classes
from unifinit.testing import InitializerConformance, golden

ROWS = defaultdict(dict)
"""For each class one configuration, and up to three shapes with their layouts."""
for row in golden.load():
    if row.dtype == "float32":
        known = ROWS[row.initializer["class_name"]]
        if row.initializer == known.setdefault("initializer", row.initializer):
            known["cases"] = [*known.get("cases", []), (row.shape, row.layout)][:3]


def suite_for(name):
    cases = ROWS[name]["cases"]
    members = {
        "__test__": True,
        "initializer": ROWS[name]["initializer"],
        "shapes": tuple(shape for shape, _ in cases),
        "layouts": tuple(layout for _, layout in cases),
    }
    return type(f"Test{name}", (InitializerConformance,), members)


for cls in own_classes():
    if cls.__name__ in ROWS:
        globals()[f"Test{cls.__name__}"] = suite_for(cls.__name__)


def test_all_are_tested():
    names = {cls.__name__ for cls in own_classes()} - {"FromFunction"}
    assert {f"Test{name}" for name in names} <= set(globals())


@pytest.mark.parametrize("name", ["He", "he_normall"])
def test_suite_wants_an_initializer(name):
    class Wrong(InitializerConformance):
        __test__ = False
        initializer = name

    with pytest.raises(ValueError, match=name):
        InitializerConformance.tested.__wrapped__(Wrong())
