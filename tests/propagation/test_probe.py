"""The probe: what it measures is what mean-field theory predicts, on any backend."""

import json
import math

import numpy as np
import pytest

import unifinit as ui
from unifinit.propagation import Activation, experiment, probe

SMALL = {"width": 24, "depth": 5, "samples": 3}


class TestAgainstTheory:
    SEEDS = range(6)

    @pytest.mark.parametrize(
        ("initializer", "options"),
        [
            (ui.HeNormal(), {"activation": "relu"}),
            (ui.Orthogonal(gain=1.5), {"activation": "tanh", "width": 200}),
            (ui.LecunUniform(), {"activation": "tanh", "bias_variance": 0.3}),
            (ui.VarianceScaling(1.7), {"activation": "gelu", "correlation": 0.2}),
            # The activations have a mean, so that the skip connection and the branch are correlated.
            (ui.GlorotUniform(), {"activation": "relu", "residual": 1.0}),
            (ui.LecunNormal(), {"activation": "softplus", "residual": 0.4, "bias_variance": 0.1}),
        ],
        ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
    )
    def test_what_is_measured_is_what_is_predicted(self, initializer, options):
        options = {"width": 1000, "depth": 3, **options}
        found = [probe(initializer, seed=seed, **options).runs[0] for seed in self.SEEDS]
        for name in ("preactivations", "activations", "cosines", "gradients"):
            measured = np.array([getattr(run.measured, name) for run in found])
            predicted = np.array(getattr(found[0].theory.layers, name))
            error = np.std(measured, axis=0, ddof=1) / math.sqrt(len(found))
            # Besides chance there are corrections of order 1 / width.
            allowed = 5 * error + (10 / options["width"]) * predicted
            assert np.all(np.abs(measured.mean(axis=0) - predicted) <= allowed), name
            assert np.all(allowed < 0.3 * np.abs(predicted)), "too little is tested"

    def test_he_keeps_relu_stable_and_glorot_halves_its_signals(self):
        he, glorot = probe("he_normal", "glorot_normal", width=500, depth=40).runs
        assert (he.forward.verdict, he.backward.verdict) == ("stable", "stable")
        assert he.theory.forward.rate == pytest.approx(1, abs=1e-6)
        assert (glorot.forward.verdict, glorot.backward.verdict) == ("vanishing", "vanishing")
        assert glorot.forward.rate == pytest.approx(0.5, rel=0.05)
        assert glorot.backward.rate == pytest.approx(0.5, rel=0.05)

    def test_tanh_is_critical_at_1_and_chaotic_above(self):
        critical, chaotic = probe(
            "lecun_normal", ui.VarianceScaling(2.25), width=300, depth=40, activation="tanh"
        ).runs
        assert critical.theory.limit.phase == "critical"
        assert (critical.forward.verdict, critical.backward.verdict) == ("stable", "stable")
        assert chaotic.theory.limit.phase == "chaotic"
        assert (chaotic.forward.verdict, chaotic.backward.verdict) == ("stable", "exploding")

    def test_a_linear_orthogonal_network_is_exact(self):
        run = probe("orthogonal", activation="linear", width=32, depth=10, dtype="float64").runs[0]
        assert run.measured.activations == pytest.approx([1] * 11, rel=1e-12)
        assert run.measured.cosines == pytest.approx([0.5] * 11, rel=1e-12)
        assert run.measured.gradients == pytest.approx([1] * 11, rel=1e-12)
        assert run.theory.layers.activations == pytest.approx([1] * 11, rel=1e-11)


class TestValues:
    @pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
    def test_are_those_of_the_documented_keys(self, dtype):
        pytest.importorskip("ml_dtypes")
        run = probe("he_normal", **SMALL, seed=3, dtype=dtype, bias_variance=0.5, correlation=0.25).runs[0]
        key, width = ui.Key(3), SMALL["width"]
        rows = math.sqrt(width) * ui.Orthogonal()((4, width), "float64", seed=key / "inputs")
        x = math.sqrt(0.25) * rows[0] + math.sqrt(0.75) * rows[1:]
        squares = [1.0]
        for layer in range(1, SMALL["depth"] + 1):
            weights = ui.HeNormal()((width, width), dtype, seed=key / layer).astype(np.float64)
            biases = ui.RandomNormal(stddev=math.sqrt(0.5))(width, dtype, seed=key / layer / "bias")
            x = np.maximum(x @ weights + biases.astype(np.float64), 0)
            squares.append(float(np.mean(x**2)))
        assert run.measured.activations == pytest.approx(squares, rel=1e-12)

    @pytest.mark.parametrize("backend", ["array_api_strict", "torch", "jax"])
    @pytest.mark.parametrize("initializer", ["he_normal", "orthogonal"])
    def test_do_not_depend_on_the_backend(self, backend, initializer):
        library = pytest.importorskip(backend)
        expected = probe(initializer, **SMALL, activation="tanh", bias_variance=0.1)
        found = probe(initializer, **SMALL, activation="tanh", bias_variance=0.1, backend=library)
        assert found.backend == backend
        assert found.runs == expected.runs

    def test_do_not_depend_on_what_is_kept_in_memory(self, monkeypatch):
        expected = probe("he_normal", **SMALL)
        for kept in (0, 2 * 8 * SMALL["width"] * (SMALL["width"] + 1)):
            monkeypatch.setattr(experiment, "KEPT", kept)
            assert probe("he_normal", **SMALL) == expected

    def test_depend_on_the_seed(self):
        assert probe("he_normal", **SMALL, seed=1).runs != probe("he_normal", **SMALL, seed=2).runs
        fresh = probe("he_normal", **SMALL, seed=None)
        assert probe("he_normal", **SMALL, seed=fresh.seed) == fresh

    def test_begin_with_inputs_of_mean_square_1_and_the_correlation(self):
        for correlation in (0.0, 0.3, 1.0):
            measured = probe("he_normal", **SMALL, correlation=correlation).runs[0].measured
            assert measured.activations[0] == pytest.approx(1)
            assert measured.cosines[0] == pytest.approx(correlation, abs=1e-12)

    def test_an_activation_of_ones_own_is_used(self):
        leak = Activation("half", lambda x: np.where(x > 0, x, x / 2), lambda x: np.where(x > 0, 1.0, 0.5))
        found = probe(ui.VarianceScaling(1.6), width=500, activation=leak)
        assert found.activation == "half"
        assert found.runs[0].theory.forward.rate == pytest.approx(1)
        assert found.runs[0].forward.verdict == "stable"


class TestResults:
    def test_have_one_number_for_each_layer(self):
        run = probe("he_normal", **SMALL).runs[0]
        for layers in (run.measured, run.theory.layers):
            assert [len(values) for values in layers] == [5, 6, 6, 6]
        assert len(run.theory.chi) == 5

    def test_without_mean_0_there_is_no_theory(self):
        run = probe("random_uniform", **SMALL).runs[0]
        assert run.theory is None
        assert run.mean == 0.5
        assert run.forward.verdict == "exploding"

    def test_an_overflow_is_told_as_infinity(self):
        found = probe("random_normal", width=64, depth=400)
        run = found.runs[0]
        assert run.measured.activations[-1] == math.inf
        assert run.forward == ("exploding", pytest.approx(32, rel=0.2))
        assert run.backward.verdict == "undefined"
        document = json.loads(json.dumps(found.as_dict(), allow_nan=False))
        assert document["runs"][0]["measured"]["activations"][-1] == "Infinity"
        assert document["runs"][0]["measured"]["gradients"][-1] is None

    def test_zeros_make_everything_vanish(self):
        run = probe("zeros", **SMALL).runs[0]
        assert (run.forward, run.backward) == (("vanishing", 0.0), ("vanishing", 0.0))

    def test_are_ready_for_json(self):
        found = probe("he_normal", "ones", **SMALL, residual=0.5)
        document = json.loads(json.dumps(found.as_dict(), allow_nan=False))
        assert document["residual"] == 0.5
        assert document["activation"] == "relu"
        first, second = document["runs"]
        assert first["initializer"] == ui.serialize(ui.HeNormal())
        assert first["measured"]["activations"] == list(found.runs[0].measured.activations)
        assert first["theory"]["gradients"] == list(found.runs[0].theory.layers.gradients)
        assert first["theory"]["limit"]["phase"] is None
        assert first["forward"] == found.runs[0].forward._asdict()
        assert second["theory"] is None

    def test_are_shown_as_a_table(self):
        text = str(probe("he_normal", "ones", width=200, depth=10, activation="relu", residual=0.1))
        assert "10 layers of width 200, relu, residual branches times 0.1" in text
        assert "HeNormal()" in text
        assert "exploding" in text

    def test_cannot_be_changed(self):
        with pytest.raises(AttributeError):
            probe("he_normal", **SMALL).runs = ()


@pytest.mark.parametrize(
    ("initializers", "options", "error", "told"),
    [
        ((), {}, ui.ArgumentError, "no initializer; wanted at least one"),
        (("he_norml",), {}, ui.UnknownInitializerError, "did you mean 'he_normal'"),
        ((np.zeros,), {}, ui.ConfigError, "no initializer of unifinit"),
        ((["he_normal"],), {}, ui.UnknownInitializerError, "identifies no initializer"),
        (("he_normal",), {"width": 3, "samples": 3}, ui.ArgumentError, "width is 3; wanted at least 4"),
        (("he_normal",), {"width": 2.5}, ui.ArgumentError, "width is 2.5; wanted an integer"),
        (("he_normal",), {"depth": 0}, ui.ArgumentError, "depth is 0; wanted at least 1"),
        (("he_normal",), {"depth": True}, ui.ArgumentError, "depth is True; wanted an integer"),
        (("he_normal",), {"samples": 1}, ui.ArgumentError, "samples is 1; wanted at least 2"),
        (("he_normal",), {"activation": "tan"}, ui.ArgumentError, "did you mean 'tanh'"),
        (("he_normal",), {"residual": math.inf}, ui.ArgumentError, "residual is inf; wanted a finite"),
        (("he_normal",), {"bias_variance": -1}, ui.ArgumentError, "bias_variance is -1.0; wanted at least 0"),
        (("he_normal",), {"bias_variance": 1e-90}, ui.ArgumentError, "stddev is"),
        (("he_normal",), {"correlation": 1.5}, ui.ArgumentError, "wanted a number from 0 to 1"),
        (("he_normal",), {"correlation": math.nan}, ui.ArgumentError, "correlation is nan"),
        (("he_normal",), {"seed": -1}, ui.SeedError, "out of range"),
        (("he_normal",), {"dtype": "int32"}, ui.DtypeError, "draws real numbers"),
        (("he_normal",), {"backend": "nunpy"}, ui.UnknownBackendError, "did you mean 'numpy'"),
        ((ui.Constant(math.inf),), {}, ui.ArgumentError, "not finite"),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_drawn(monkeypatch, initializers, options, error, told):
    def fail(*arguments, **keywords):
        raise AssertionError("something is drawn")

    monkeypatch.setattr(experiment, "drawn", fail)
    with pytest.raises(error, match=told):
        probe(*initializers, **options)
