"""Bad arguments: the right class, what was got and what was wanted, and nothing written."""

import json
import math

import numpy as np
import pytest

import unifinit as ui
from unifinit.initializers.hyperparameters import Real

NAN, INFINITE = math.nan, math.inf
NO_SHAPES = [
    *(1.0, (2.0,), (2, np.float64(3)), True, (True, 2), (np.True_,), "ab", ("a",), "3", b"ab", None, (None,)),
    *([[1, 2]], ..., (1j,), ((1,), 2), np.array(3.0), np.array([1.5]), np.zeros((2, 2), int)),
]
NO_DTYPES = [
    *(
        "flot32",
        "float",
        "double",
        "complex32",
        "",
        "float32 ",
        np.clongdouble,
        np.dtype("M8[s]"),
        np.dtype("O"),
    ),
    *(object, str, 3, np.dtype([("a", "f4")]), [], ui),
]


@pytest.fixture(params=[ui.Zeros(), ui.HeNormal()], ids=repr)
def initializer(request):
    """One that draws and one that does not: what they share is checked once for each."""
    return request.param


def refused(error, call, *, got, wanted="wanted"):
    """Assert that a call fails with this class, naming both."""
    with pytest.raises(error) as caught:
        call()
    assert isinstance(caught.value, ui.UnifinitError)
    assert got in str(caught.value)
    assert wanted in str(caught.value)


class TestShapes:
    @pytest.mark.parametrize("shape", [(-1,), (2, -3), -1, (0, -1), [-(2**70)]], ids=repr)
    def test_negative(self, initializer, shape):
        refused(ui.ShapeError, lambda: initializer(shape), got="negative", wanted="must be at least 0")

    @pytest.mark.parametrize("shape", NO_SHAPES, ids=repr)
    def test_no_integers(self, initializer, shape):
        refused(
            ui.ShapeError,
            lambda: initializer(shape),
            got=repr(shape),
            wanted="wanted an int or a sequence of ints",
        )

    @pytest.mark.parametrize("shape", [(2**63,), (2**32, 2**31), 2**64, (3, 2**62)], ids=repr)
    def test_too_many_elements(self, initializer, shape):
        refused(ui.ShapeError, lambda: initializer(shape), got="elements", wanted="wanted fewer than 2**63")

    @pytest.mark.parametrize("shape", [(2**63, 0), (0, 2**70), (2**62, 4, 0)], ids=repr)
    def test_dimensions_too_large_for_an_empty_array(self, initializer, shape):
        # No library has arrays of such shapes, though they have no elements.
        refused(ui.ShapeError, lambda: initializer(shape), got="shape (")


class TestHyperparameters:
    @pytest.mark.parametrize(
        ("cls", "name"),
        [
            (ui.RandomNormal, "stddev"),
            (ui.TruncatedNormal, "stddev"),
            (ui.VarianceScaling, "scale"),
            (ui.UniformUnitScaling, "factor"),
        ],
    )
    @pytest.mark.parametrize("value", [-1, -1e-300, -math.inf])
    def test_negative(self, cls, name, value):
        refused(ui.ArgumentError, lambda: cls(**{name: value}), got=f"{name} is {value}")

    @pytest.mark.parametrize(
        ("cls", "name"),
        [
            (cls, name)
            for cls in (
                *(ui.RandomUniform, ui.RandomNormal, ui.TruncatedNormal),
                *(ui.VarianceScaling, ui.UniformUnitScaling, ui.Orthogonal),
            )
            for name, declared in cls.hyperparameters.items()
            if isinstance(declared, Real)
        ],
    )
    @pytest.mark.parametrize(
        "value",
        [NAN, INFINITE, -INFINITE, "1", b"1", "a", [1.0, 2.0], 1j, {}, 10**400],
        ids=repr,
    )
    def test_no_finite_real_number(self, cls, name, value):
        refused(ui.ArgumentError, lambda: cls(**{name: value}), got=name)

    @pytest.mark.parametrize(("minval", "maxval"), [(1, 0), (2, None), (1e-9, 0), (0, -1e300)])
    def test_ends_in_the_wrong_order(self, minval, maxval):
        refused(ui.ArgumentError, lambda: ui.RandomUniform(minval, maxval), got=str(float(minval)))

    @pytest.mark.parametrize("mode", ["fan_inn", "FAN_IN", "", None, 1, ["fan_in"], "fan_geo"], ids=repr)
    def test_unknown_mode(self, mode):
        refused(
            ui.ArgumentError,
            lambda: ui.VarianceScaling(mode=mode),
            got=f"mode is {mode!r}",
            wanted="wanted one of 'fan_in', 'fan_out', 'fan_avg', 'fan_geo_avg'",
        )

    @pytest.mark.parametrize("distribution", ["gaussian", "", None, ["normal"], "Uniform"], ids=repr)
    def test_unknown_distribution(self, distribution):
        refused(
            ui.ArgumentError,
            lambda: ui.VarianceScaling(distribution=distribution),
            got=f"distribution is {distribution!r}",
            wanted="wanted one of 'normal', 'truncated_normal', 'untruncated_normal', 'uniform'",
        )

    @pytest.mark.parametrize("seed", [-1, 1.5, True, 2**64, "0", np.False_, [0], b"0"], ids=repr)
    def test_seed(self, drawing, seed):
        config = drawing.get_config() | {"seed": seed}
        refused(
            ui.SeedError, lambda: type(drawing)(**config), got=f"seed {seed!r}", wanted="0 <= seed < 2**64"
        )


class TestCall:
    @pytest.mark.parametrize("seed", [-1, 1.5, True, 2**64, "0", np.False_, [0], b"0"], ids=repr)
    def test_seed(self, initializer, seed):
        refused(
            ui.SeedError,
            lambda: initializer((2, 3), seed=seed),
            got=f"seed {seed!r}",
            wanted="0 <= seed < 2**64",
        )

    @pytest.mark.parametrize("dtype", NO_DTYPES, ids=repr)
    def test_unknown_dtype(self, initializer, dtype):
        refused(
            ui.DtypeError,
            lambda: initializer((2, 3), dtype),
            got=f"unknown dtype {dtype!r}",
            wanted="wanted one of 'float16', 'bfloat16', 'float32', 'float64'",
        )

    def test_suggests_a_dtype(self):
        refused(ui.DtypeError, lambda: ui.Zeros()(2, "flot32"), got="did you mean 'float32'?")

    @pytest.mark.parametrize(
        "dtype", ["int8", "int32", "int64", "uint8", "uint32", "bool", np.int16, int, bool]
    )
    def test_no_floating_dtype_to_draw(self, drawing, dtype):
        refused(
            ui.DtypeError,
            lambda: drawing((2, 3), dtype),
            got=f"{type(drawing).__name__} draws real numbers",
            wanted="wanted one of 'float16'",
        )

    @pytest.mark.parametrize("device", ["gpu", "cuda:0", 3, "", object], ids=repr)
    def test_unknown_device(self, initializer, device):
        refused(
            ui.DeviceError,
            lambda: initializer((2, 3), backend="numpy", device=device),
            got=f"numpy has no device {device!r}",
            wanted="wanted one of ['cpu'], or None",
        )

    def test_unknown_backend(self, initializer):
        refused(
            ui.UnknownBackendError,
            lambda: initializer((2, 3), backend="nunpy"),
            got="no backend 'nunpy' (did you mean 'numpy'?)",
            wanted="known: ",
        )

    @pytest.mark.parametrize("backend", [3, 1.5, [], ..., ("numpy",)], ids=lambda b: type(b).__name__)
    def test_what_is_no_backend(self, initializer, backend):
        refused(
            ui.UnknownBackendError,
            lambda: initializer((2, 3), backend=backend),
            got=f"is a {type(backend).__name__}",
            wanted="wanted a name, an Array API namespace",
        )

    def test_module_that_is_no_namespace(self, initializer):
        refused(
            ui.UnknownBackendError,
            lambda: initializer((2, 3), backend=json),
            got="module 'json' is no Array API",
        )

    @pytest.mark.parametrize("like", [[1.0], (), "a", ..., 3.0, 3, True, {}, np, np.float32], ids=repr)
    def test_like_is_no_array(self, initializer, like):
        refused(
            ui.UnsupportedArrayError,
            lambda: initializer((2, 3), like=like),
            got=f"{type(like).__module__}.{type(like).__qualname__} is no array",
            wanted="wanted one of",
        )

    def test_like_and_another_backend(self, initializer):
        array_api_strict = pytest.importorskip("array_api_strict")
        refused(
            ui.ArgumentError,
            lambda: initializer((2, 3), like=np.zeros(1), backend=array_api_strict),
            got="like= is an array of numpy",
            wanted="wanted one of the two",
        )

    def test_dtype_of_like_that_cannot_be_drawn(self, drawing):
        refused(
            ui.DtypeError, lambda: drawing((2, 3), like=np.zeros(2, int)), got="int64", wanted="pass dtype="
        )

    def test_unknown_argument(self, initializer):
        with pytest.raises(TypeError, match="sed"):
            initializer((2, 3), sed=1)


class TestRange:
    """Parameters that are fine, but not for the dtype."""

    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    @pytest.mark.parametrize("name", ["RandomNormal", "TruncatedNormal"])
    def test_too_small_a_stddev(self, name, dtype):
        stddev = 5e-324 if dtype == "float64" else 1e-40
        refused(
            ui.ArgumentError,
            lambda: ui.get(name, stddev=stddev)(3, dtype),
            got="stddev is ",
            wanted="wanted at least",
        )

    @pytest.mark.parametrize("name", ["RandomNormal", "TruncatedNormal"])
    @pytest.mark.parametrize(
        ("stddev", "dtype"),
        [(5e4, "float16"), (2e38, "float32"), (1e39, "float32"), (2e38, "bfloat16"), (1e308, "float64")],
    )
    def test_too_large_a_stddev(self, name, stddev, dtype):
        refused(
            ui.ArgumentError,
            lambda: ui.get(name, stddev=stddev)(3, dtype),
            got=dtype,
        )

    @pytest.mark.parametrize(("mean", "dtype"), [(7e4, "float16"), (-1e39, "float32")])
    @pytest.mark.parametrize("stddev", [0.0, 1.0])
    def test_too_large_a_mean(self, mean, dtype, stddev):
        for cls in (ui.RandomNormal, ui.TruncatedNormal):
            refused(ui.ArgumentError, lambda cls=cls: cls(mean, stddev)(3, dtype), got=dtype)

    @pytest.mark.parametrize(
        ("scale", "dtype"), [(1e-35, "float16"), (1e-35, "float32"), (1e-307, "float64")]
    )
    def test_a_range_too_narrow_for_normal_numbers(self, scale, dtype):
        refused(ui.ArgumentError, lambda: ui.RandomUniform(0, scale)(3, dtype), got="maxval - minval")

    @pytest.mark.parametrize(
        ("offset", "dtype"), [(1e-40, "float16"), (-1e-40, "float32"), (5e-324, "float64")]
    )
    @pytest.mark.parametrize(
        "make",
        [
            lambda offset: ui.RandomUniform(min(offset, -1), max(offset, -1)),
            lambda offset: ui.RandomUniform(min(offset, 1), max(offset, 1)),
            ui.RandomNormal,
            ui.TruncatedNormal,
        ],
        ids=["end and -1", "end and 1", "mean", "mean of a truncated one"],
    )
    def test_subnormal_offsets(self, make, offset, dtype):
        # Some frameworks flush them to zero: the values would not be the same everywhere.
        refused(ui.ArgumentError, lambda: make(offset)(3, dtype), got="subnormal")

    @pytest.mark.parametrize(
        ("minval", "maxval", "dtype"),
        [(0, 7e4, "float16"), (-1e39, 0, "float32"), (0, 3.4e38 * 1.001, "bfloat16")],
    )
    def test_ends_beyond_the_dtype(self, minval, maxval, dtype):
        refused(ui.ArgumentError, lambda: ui.RandomUniform(minval, maxval)(3, dtype), got="fit")

    @pytest.mark.parametrize(("end", "dtype"), [(3e38, "float32"), (1.5e308, "float64"), (3e38, "bfloat16")])
    def test_a_width_beyond_the_dtype(self, end, dtype):
        refused(ui.ArgumentError, lambda: ui.RandomUniform(-end, end)(3, dtype), got="maxval - minval")

    @pytest.mark.parametrize(
        ("mean", "stddev", "dtype"), [(1e30, 1e-20, "float32"), (1e300, 1e-200, "float64")]
    )
    def test_a_mean_that_many_standard_deviations_away_is_not_infinite(self, mean, stddev, dtype):
        for cls in (ui.RandomNormal, ui.TruncatedNormal):
            refused(ui.ArgumentError, lambda cls=cls: cls(mean, stddev)(3, dtype), got="is too large")

    @pytest.mark.parametrize(("gain", "dtype"), [(7e4, "float16"), (1e39, "float32")])
    def test_a_gain_beyond_the_dtype(self, gain, dtype):
        refused(ui.ArgumentError, lambda: ui.Orthogonal(gain)((3, 3), dtype), got="does not fit")

    @pytest.mark.parametrize(
        ("lower", "upper"),
        [
            (1, -1),
            (0, 0),
            (NAN, 1),
            (0, NAN),
            (6, 7),
            (-7, -6),
            (5.43, INFINITE),
            (1 + 1e-10, 1 + 2e-10),
            ("0", 1),
        ],
    )
    def test_bounds_of_a_truncated_normal(self, lower, upper):
        refused(
            ui.ArgumentError,
            lambda: ui.random.truncated_normal(0, 3, lower=lower, upper=upper),
            got="lower" if lower is not NAN and upper is not NAN else "nan",
            wanted="er",
        )

    def test_what_float32_cannot_hold_float64_can(self):
        assert ui.RandomNormal(stddev=1e-40, seed=0)(3, "float64").any()
        assert np.isfinite(ui.RandomNormal(stddev=1e39, seed=0)(3, "float64")).all()
        assert np.isfinite(ui.RandomUniform(-3e38, 3e38, seed=0)(3, "float64")).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda **options: ui.random.uniform(0, 3, "int32", **options),
        lambda **options: ui.random.normal(0, 3, "uint8", **options),
        lambda **options: ui.random.truncated_normal(0, 3, "bool", **options),
        lambda **options: ui.random.bits(0, 3, "float32", **options),
        lambda **options: ui.random.bits(0, 3, "int32", **options),
        lambda **options: ui.random.bits(0, 3, "uint8", **options),
    ],
)
def test_random_functions_refuse_other_dtypes(call):
    with pytest.raises(ui.DtypeError, match=r"int32|uint8|bool|float32"):
        call()


@pytest.mark.parametrize(
    "make", [ui.random.uniform, ui.random.normal, ui.random.truncated_normal, ui.random.bits]
)
class TestRandomFunctions:
    @pytest.mark.parametrize("key", [-1, 2**64, 1.5, True, "0"], ids=repr)
    def test_key(self, make, key):
        refused(ui.SeedError, lambda: make(key, 3), got=f"{key!r}", wanted="0 <= seed < 2**64")

    def test_key_is_required(self, make):
        refused(ui.SeedError, lambda: make(None, 3), got="None", wanted="wanted a")

    def test_shape(self, make):
        refused(ui.ShapeError, lambda: make(0, (2, -1)), got="(2, -1)", wanted="must be at least 0")

    def test_device(self, make):
        refused(ui.DeviceError, lambda: make(0, 3, device="gpu"), got="'gpu'")

    def test_like(self, make):
        refused(ui.UnsupportedArrayError, lambda: make(0, 3, like=[1.0]), got="builtins.list")


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (ui.ArgumentError, ValueError),
        (ui.ShapeError, ValueError),
        (ui.LayoutError, ValueError),
        (ui.SeedError, ValueError),
        (ui.DeviceError, ValueError),
        (ui.ConfigError, ValueError),
        (ui.TargetError, ValueError),
        (ui.UnknownInitializerError, LookupError),
        (ui.DtypeError, TypeError),
        (ui.UnsupportedArrayError, TypeError),
        (ui.UnknownBackendError, LookupError),
        (ui.BackendUnavailableError, ImportError),
    ],
)
def test_errors_are_also_the_builtin_ones_that_a_caller_expects(error, builtin):
    assert issubclass(error, builtin)
    assert issubclass(error, ui.UnifinitError)
