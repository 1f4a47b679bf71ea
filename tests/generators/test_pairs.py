"""What a framework's own initializer draws with a generator, unifinit draws with it too, to the bit."""

from pathlib import Path

import pytest
from pairs import PAIRS, bits, compared

PAGE = Path(__file__).parents[2] / "docs" / "generators.md"


def test_libraries_are_tested():
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    pytest.importorskip("tensorflow")
    assert {pair.library for pair in PAIRS} == {"torch", "jax", "tensorflow", "numpy"}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.theirs} is {pair.ours}")
def test_equal_to_the_bit(pair, request):
    pytest.importorskip(pair.library)
    if "jax" in pair.library and "64" in pair.dtypes:
        pytest.skip("JAX has 64 bits in its own mode")
    count, equal = compared(pair)
    assert count > 0
    assert equal == count
    assert f"| `{pair.theirs}` | `{pair.ours}` | {count:,} | {equal:,} |" in PAGE.read_text("utf-8")


def test_another_state_draws_something_else():
    np = pytest.importorskip("numpy")
    pair = next(pair for pair in PAIRS if pair.library == "numpy")
    theirs, _ = pair.draw((64, 64), "float32")
    import unifinit as ui

    ours = ui.RandomUniform(-0.3, 0.7)((64, 64), generator=np.random.default_rng(1))
    assert (bits(theirs) != bits(ours)).mean() > 0.99
