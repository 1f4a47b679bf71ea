"""The same rules on one network in several libraries: equal parameters, transposed, and the same function."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

import unifinit as ui
from unifinit.registry import registry

NEEDED = {"torch": "torch", "keras": "tensorflow", "nnx": "flax", "linen": "flax", "haiku": "haiku"}
LIBRARIES = [name for name, module in NEEDED.items() if find_spec(module) is not None]
RULES = [
    ("**/bias", ui.RandomNormal(stddev=0.1)),
    ("**/scale", ui.RandomUniform(0.5, 1.5)),
    ui.Rule("**", ui.RandomNormal(stddev=0.5), layer="embedding"),
    ui.Rule("**", "orthogonal", layer="attention"),
    ui.Rule("**", "kaiming_normal", layer="depthwise"),
    ("**", "glorot_uniform"),
]
RANDOM = np.random.default_rng(0)
INPUTS = {
    "perceptron": RANDOM.standard_normal((4, 8)).astype("float32"),
    "residual": RANDOM.standard_normal((2, 8, 8, 3)).astype("float32"),
    "transformer": RANDOM.integers(0, 11, (2, 6)).astype("int32"),
}
PARAMETERS = {"perceptron": 6, "residual": 20, "transformer": 2 * 16 + 4}
SEED = 7

pytestmark = [
    pytest.mark.filterwarnings("ignore::unifinit.UnusedRuleWarning"),
    pytest.mark.skipif(len(LIBRARIES) < 2, reason=f"needs two libraries, and there is {LIBRARIES}"),
]


@pytest.fixture(scope="module", params=list(INPUTS))
def found(request):
    """Of a network what each library makes: the arrays by paths in canonical order, and the outputs."""
    name = request.param
    return name, {library: _run(library, name) for library in LIBRARIES}


def _run(library, name):
    networks = import_module(f"networks.{library}_networks")
    target, outputs = networks.run(ui, name, INPUTS[name], RULES, SEED)
    rename = getattr(networks, "RENAME", None) if name != "perceptron" else None
    params = target["params"] if library == "linen" else target
    return _by_path(params, rename, library, name), outputs


def _by_path(target, rename, library, name):
    from unifinit.models.assignment import renamed
    from unifinit.models.patterns import Renaming
    from unifinit.models.reader import Reading
    from unifinit.models.targets import open_model

    reading = Reading(registry().layers(), registry().get)
    if library in ("linen", "haiku"):  # Their trees do not tell layers apart; what makes them does.
        networks = import_module(f"networks.{library}_networks")
        model = networks.NETWORKS[name]
        model = model() if library == "linen" else import_module("haiku").transform_with_state(model)
        described = open_model(model, reading._replace(inputs=(INPUTS[name],))).arrays
        values = [_leaf(target, array.name) for array in described]
    else:
        model = open_model(target, reading)
        described, values = model.arrays, [model.keep(number) for number in range(len(model.arrays))]
    parts = {}
    for array, value in zip(renamed(described, Renaming(rename)), values, strict=True):
        bits = np.frombuffer(registry().of(value).to_bytes(value), np.float32).reshape(array.shape)
        whole = bits.transpose(array.layout.canonical_axes(bits.ndim))
        pieces = np.split(whole, len(array.paths), axis=-1)
        parts |= {path: piece.reshape(-1) for path, piece in zip(array.paths, pieces, strict=True)}
    return parts


def _leaf(tree, name):
    if name in tree:
        return tree[name]
    for key in tree:
        if name.startswith(f"{key}/"):
            return _leaf(tree[key], name.removeprefix(f"{key}/"))
    raise KeyError(name)


def test_paths_are_the_same(found):
    name, made = found
    paths = {library: sorted(parts) for library, (parts, _) in made.items()}
    wanted = next(iter(paths.values()))
    assert len(wanted) == PARAMETERS[name]
    assert all(other == wanted for other in paths.values()), paths


def test_parameters_are_equal_to_the_bit(found):
    _, made = found
    first = made[LIBRARIES[0]][0]
    for library in LIBRARIES[1:]:
        for path, values in made[library][0].items():
            assert (values.view(np.uint32) == first[path].view(np.uint32)).all(), (library, path)


def test_they_compute_the_same_function(found):
    _, made = found
    first = made[LIBRARIES[0]][1]
    assert first.std() > 0.01
    for library in LIBRARIES[1:]:
        np.testing.assert_allclose(made[library][1], first, rtol=1e-4, atol=2e-5, err_msg=library)


def test_another_seed_is_another_function(found):
    name, made = found
    networks = import_module(f"networks.{LIBRARIES[0]}_networks")
    _, outputs = networks.run(ui, name, INPUTS[name], RULES, SEED + 1)
    assert np.abs(outputs - made[LIBRARIES[0]][1]).max() > 0.01
