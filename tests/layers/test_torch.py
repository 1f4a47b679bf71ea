"""Initializers in modules of PyTorch, as they are."""

import pytest

import unifinit as ui


def torch():
    return pytest.importorskip("torch")


def model():
    nn = torch().nn
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def initialized(module):
    """What ``Module.apply`` takes."""
    if isinstance(module, torch().nn.Linear):
        ui.HeNormal().fill_(module.weight, seed=ui.Key(0) / module.out_features, layout="OI")
        ui.Zeros().fill_(module.bias)


def expected(inputs, outputs):
    return ui.HeNormal()((outputs, inputs), seed=ui.Key(0) / outputs, layout="OI", backend="torch")


def test_apply_trains_saves_and_loads(tmp_path):
    network = model().apply(initialized)
    assert torch().equal(network[0].weight, expected(4, 8))
    assert torch().equal(network[2].weight, expected(8, 3))
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in network.parameters())
    x, y = torch().linspace(-1, 1, 32).reshape(8, 4), torch().ones(8, 3)
    optimizer = torch().optim.Adam(network.parameters(), 0.01)
    loss = torch().nn.functional.mse_loss(network(x), y)
    loss.backward()
    optimizer.step()
    assert torch().nn.functional.mse_loss(network(x), y) < loss
    torch().save(network.state_dict(), tmp_path / "model.pt")
    other = model()
    other.load_state_dict(torch().load(tmp_path / "model.pt"))
    assert torch().equal(other(x), network(x))


def test_skip_init():
    layer = torch().nn.utils.skip_init(torch().nn.Linear, 4, 8)
    initialized(layer)
    assert torch().equal(layer.weight, expected(4, 8))


def test_meta_device():
    with torch().device("meta"):
        network = model()
    network.to_empty(device="cpu").apply(initialized)
    assert torch().equal(network[2].weight, expected(8, 3))


def test_parametrizations():
    nn = torch().nn

    class Symmetric(nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).T

        def right_inverse(self, x):
            return x.triu()

    layer = nn.Linear(4, 4)
    nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    ui.HeNormal().fill_(layer.parametrizations.weight.original, seed=0, layout="OI")
    drawn = ui.HeNormal(seed=0)((4, 4), layout="OI", backend="torch")
    assert torch().equal(layer.weight, drawn.triu() + drawn.triu(1).T)
    layer.weight = ui.HeNormal(seed=1)((4, 4), layout="OI", backend="torch")  # By the right inverse.
    drawn = ui.HeNormal(seed=1)((4, 4), layout="OI", backend="torch")
    assert torch().equal(layer.weight, drawn.triu() + drawn.triu(1).T)


def test_weight_norm_and_orthogonal():
    utils = torch().nn.utils
    layer = utils.parametrizations.weight_norm(torch().nn.Linear(4, 8))
    layer.weight = expected(4, 8)
    torch().testing.assert_close(layer.weight, expected(4, 8))
    square = torch().nn.Linear(6, 6)
    ui.Orthogonal().fill_(square.weight, seed=0, layout="OI")
    square = utils.parametrizations.orthogonal(square)
    torch().testing.assert_close(square.weight @ square.weight.T, torch().eye(6), atol=1e-5, rtol=0)


def test_the_drop_in_namespace_in_reset_parameters(monkeypatch):
    drop_in = pytest.importorskip("unifinit.compat.torch")
    nn = torch().nn
    monkeypatch.setattr(nn.modules.linear, "init", drop_in)  # The one import of PyTorch's own layers.
    torch().manual_seed(3)
    first = nn.Linear(16, 8)
    torch().manual_seed(3)
    again = nn.Linear(16, 8)
    assert torch().equal(first.weight, again.weight)
    assert first.weight.abs().max() <= 0.25
    torch().manual_seed(3)
    key = drop_in.registry().get("torch").key_from(torch().default_generator, None)
    assert torch().equal(
        first.weight, ui.KaimingUniform(5**0.5)((8, 16), seed=key, layout="OI", backend="torch")
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_other_dtypes(dtype):
    layer = torch().nn.Conv2d(3, 4, 3, dtype=getattr(torch(), dtype))
    ui.HeNormal().fill_(layer.weight, seed=0, layout="OI...")
    assert torch().equal(layer.weight, ui.HeNormal(seed=0)((4, 3, 3, 3), layout="OIHW", like=layer.weight))
