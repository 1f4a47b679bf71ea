"""Every initializer gives the same bytes in every way, but for what is documented, and the page says so."""

import pytest
from matrix import PAGE, SAME, TITLES, documented, ways
from ways import CASES

import unifinit as ui
from unifinit.initializers.classes import own_classes


@pytest.mark.parametrize("way", list(ways()), ids=lambda way: f"{way.module}-{way.name}")
def test_same_bytes(way):
    outcomes = way.outcomes()
    assert documented(way.module, way.name) == outcomes


def test_every_class_has_a_case():
    names = [cls.__name__ for cls in own_classes()] + [f"random.{name}" for name in ui.random.__all__]
    assert sorted(names) == sorted(case.name for case in CASES)


def test_results_are_not_trivial():
    assert len({case.expected() for case in CASES}) >= len(CASES) - 2


@pytest.mark.parametrize("title", TITLES.values())
def test_page_has_every_backend(title):
    assert f"## {title}\n" in PAGE.read_text(encoding="utf-8")
    assert SAME in PAGE.read_text(encoding="utf-8")
