"""The recipe "torch" beside what the layers of PyTorch draw by themselves."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

import unifinit as ui  # noqa: E402

MODULES = [
    nn.Linear(300, 200),
    nn.Bilinear(30, 20, 40),
    nn.Conv1d(60, 80, 5),
    nn.Conv2d(60, 80, 3, groups=4),
    nn.Conv2d(200, 400, 3, groups=200),
    nn.ConvTranspose2d(60, 80, 3, groups=2),
    nn.Embedding(500, 100),
    nn.MultiheadAttention(128, 4),
    nn.MultiheadAttention(128, 4, kdim=64, vdim=32, add_bias_kv=True),
    nn.ModuleDict({"readout": nn.MultiheadAttention(128, 4, add_bias_kv=True)}),
    nn.ModuleDict({"out": nn.MultiheadAttention(128, 4, add_bias_kv=True)}),
    nn.LSTM(64, 128, 2, bidirectional=True),
    nn.LSTM(64, 128, proj_size=32),
    nn.GRU(64, 128),
    nn.RNNCell(64, 128),
    nn.LayerNorm(64),
    nn.BatchNorm2d(64),
    nn.PReLU(8),
]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_draws_what_the_layer_draws(module):
    torch.manual_seed(0)
    for layer in reversed(list(module.modules())):
        for name in ("reset_parameters", "_reset_parameters"):
            if hasattr(layer, name):
                getattr(layer, name)()
    rows = {}
    for one in ui.plan_model(module, "torch", seed=0).arrays:
        rows[one.array.name] = one
    for name, parameter in module.named_parameters():
        values = parameter.detach().numpy().astype(np.float64)
        moments = rows[name].plan.moments()
        count = values.size
        if moments.stddev == 0:
            assert (values == moments.mean).all(), name
            continue
        error = 5 * moments.stddev / np.sqrt(2 * count)
        assert values.std() == pytest.approx(moments.stddev, abs=max(error, 1e-3 * moments.stddev)), name
        if np.isfinite(moments.maximum):
            assert np.abs(values).max() <= moments.maximum * (1 + 1e-6), name
            assert np.abs(values).max() >= moments.maximum * (1 - 20 / count), name
