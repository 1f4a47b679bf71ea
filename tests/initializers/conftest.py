"""One initializer of every kind, with and without hyperparameters."""

import numpy as np
import pytest

import unifinit as ui
from unifinit.initializers.base import CLASSES

CONSTANT = [
    ui.Zeros(),
    ui.Ones(),
    ui.Constant(),
    ui.Constant(-2.5),
    ui.Constant([1, 2.5, -3]),
    ui.Constant(np.arange(6).reshape(2, 3)),
]
DRAWN = [
    ui.RandomUniform(),
    ui.RandomUniform(-0.25, 3),
    ui.RandomUniform(seed=2**64 - 1),
    ui.RandomNormal(),
    ui.RandomNormal(mean=1.5, stddev=0.02, seed=7),
    ui.TruncatedNormal(),
    ui.TruncatedNormal(-1, stddev=3.0, seed=ui.Key(3) / "kernel"),
    ui.VarianceScaling(),
    ui.VarianceScaling(2.0, "fan_avg", "uniform", seed=0),
    ui.VarianceScaling(0.5, mode="fan_out", distribution="untruncated_normal"),
    ui.GlorotUniform(),
    ui.GlorotUniform(seed=11),
    ui.GlorotNormal(),
    ui.HeUniform(seed=5),
    ui.HeNormal(),
    ui.LecunUniform(),
    ui.LecunNormal(seed=1),
    ui.UniformUnitScaling(),
    ui.UniformUnitScaling(1.43, seed=2),
    ui.Orthogonal(),
    ui.Orthogonal(gain=0.5, seed=4),
]
ANY_SHAPE = {f"unifinit.initializers.{name}" for name in ("constant", "orthogonal", "random", "scaling")}
"""Modules whose initializers have defaults, and suit any weight."""
DEFAULTS = [cls() for _, cls in sorted(CLASSES.items()) if cls.__module__ in ANY_SHAPE]


@pytest.fixture(params=CONSTANT + DRAWN, ids=repr)
def initializer(request):
    """Any initializer."""
    return request.param


@pytest.fixture(params=[one for one in DEFAULTS if "seed" in one.get_config()], ids=repr)
def drawing(request):
    """One initializer of each class that draws, with its defaults."""
    return request.param


@pytest.fixture(params=DEFAULTS, ids=repr)
def default(request):
    """One initializer of each class, with its defaults."""
    return request.param


@pytest.fixture(params=[ui.Zeros(), ui.Ones(), ui.Constant(), ui.Constant(-2.5)], ids=repr)
def constant(request):
    """An initializer that gives every shape one value."""
    return request.param
