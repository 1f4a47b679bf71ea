"""Pictures: valid files, the same bytes every time, and the facts in them."""

import struct
import subprocess
import sys
import zlib
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import unifinit as ui
from unifinit import plots
from unifinit.plots.canvas import SETTINGS
from unifinit.plots.sample import make_sample
from unifinit.propagation import probe
from unifinit.testing import golden

mpl = pytest.importorskip("matplotlib")

PROBED = probe("he_normal", "glorot_uniform", "ones", width=32, depth=6, samples=3)
FIGURES = {
    "probe": lambda: plots.propagation_figure(PROBED),
    "histogram": lambda: plots.histogram_figure("he_normal", (30, 40)),
    "singular values": lambda: plots.singular_values_figure("glorot_uniform", (3, 3, 5, 4)),
    "both": lambda: plots.initializer_figure(ui.Orthogonal(seed=3), (20, 10), "float16"),
}


def read_png(data):
    """Width and height, after a look at all checksums."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, names = 8, []
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        body, check = data[place + 8 : place + 8 + size], data[place + 8 + size : place + 12 + size]
        assert struct.unpack(">I", check)[0] == zlib.crc32(name + body)
        names.append(name)
        if name == b"IHDR":
            shape = struct.unpack(">II", body[:8])
        place += 12 + size
    assert names[-1] == b"IEND"
    return shape


def texts(figure):
    found = [figure.get_suptitle()]
    for axes in figure.axes:
        found += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        if axes.get_legend() is not None:
            found += [text.get_text() for text in axes.get_legend().get_texts()]
    for legend in figure.legends:
        found += [text.get_text() for text in legend.get_texts()]
    return "\n".join(found)


@pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)
class TestFiles:
    def test_png_is_valid_and_the_same_every_time(self, make, tmp_path):
        first, second = (plots.save_figure(make(), tmp_path / name) for name in ("a.png", "b.PNG"))
        width, height = read_png(first.read_bytes())
        assert width > height > 400
        assert first.read_bytes() == second.read_bytes()

    def test_svg_is_valid_and_the_same_every_time(self, make, tmp_path):
        first = plots.save_figure(make(), tmp_path / "a.svg")
        with mpl.rc_context({"font.size": 30, "svg.hashsalt": "other", "axes.facecolor": "black"}):
            second = plots.save_figure(make(), str(tmp_path / "b.svg"))
        assert ET.parse(first).getroot().tag == "{http://www.w3.org/2000/svg}svg"
        assert first.read_bytes() == second.read_bytes()
        assert b"<dc:date>" not in first.read_bytes()

    def test_every_axis_has_a_label(self, make):
        for axes in make().axes:
            assert axes.get_xlabel()
            assert axes.get_ylabel()
            assert axes.get_title()


class TestPropagation:
    def test_names_what_is_shown(self):
        text = texts(plots.propagation_figure(PROBED))
        for part in ("6 layers φ(x W) of width 32, φ = relu", "HeNormal()", "GlorotUniform()", "measured"):
            assert part in text
        assert "mean-field theory" in text

    def test_shows_what_was_measured_and_predicted(self):
        figure = plots.propagation_figure(PROBED)
        run = PROBED.runs[1]
        for axes, name in zip(figure.axes, ("activations", "cosines", "gradients"), strict=True):
            shown = [list(line.get_ydata()) for line in axes.lines]
            assert list(getattr(run.measured, name)) in shown
            assert list(getattr(run.theory.layers, name)) in shown

    def test_an_overflow_is_told(self):
        found = probe("random_normal", "zeros", width=64, depth=300, samples=2, bias_variance=0.1)
        text = texts(plots.propagation_figure(found))
        assert "RandomNormal(), overflows in layer 2" in text
        assert "φ(x W + b)" in text

    def test_without_theory_none_is_named(self):
        found = probe("ones", width=8, depth=2, samples=2, residual=0.5)
        text = texts(plots.propagation_figure(found))
        assert "theory" not in text
        assert "x + 0.5 φ(x W)" in text

    def test_zeros_can_be_drawn(self, tmp_path):
        found = probe("zeros", width=8, depth=2, samples=2)
        plots.save_figure(plots.propagation_figure(found), tmp_path / "zeros.png")


class TestInitializers:
    def test_title_tells_initializer_shape_and_fans(self):
        figure = plots.initializer_figure("he_normal", (8, 4, 3, 3), "float16", layout="OIHW")
        assert figure.get_suptitle() == "HeNormal()\nshape 8×4×3×3 (OIHW), float16, fan in 36, fan out 72"
        assert len(figure.axes) == 2

    def test_histogram_has_area_1_and_the_values(self):
        axes = plots.histogram_figure("he_normal", (30, 40), seed=5).axes[0]
        area = sum(bar.get_width() * bar.get_height() for bar in axes.patches)
        values = ui.HeNormal()((30, 40), seed=5).astype(np.float64)
        assert area == pytest.approx(1)
        assert axes.patches[0].get_x() == pytest.approx(values.min())
        legend = [text.get_text() for text in axes.get_legend().get_texts()]
        assert legend == [
            f"1,200 values: mean {values.mean():.4g}, stddev {values.std():.4g}",
            "truncated normal density: mean 0, stddev 0.2582",
        ]

    @pytest.mark.parametrize(
        ("initializer", "theory"),
        [
            ("random_normal", "normal density"),
            ("glorot_uniform", "uniform density"),
            ("orthogonal", "theory: mean 0"),
            ("ones", "theory: mean 1, stddev 0"),
        ],
    )
    def test_the_density_is_named(self, initializer, theory):
        assert theory in texts(plots.histogram_figure(initializer, (20, 10)))

    def test_few_values_are_shown_one_by_one(self):
        axes = plots.histogram_figure(ui.Constant([1, 2, 3, 3]), (4,)).axes[0]
        assert axes.get_ylabel() == "fraction of the elements"
        line = next(line for line in axes.lines if len(line.get_xdata()) == 3)
        assert line.get_xydata().tolist() == [[1, 0.25], [2, 0.25], [3, 0.5]]

    @pytest.mark.parametrize(("shape", "layout"), [((3, 3, 4, 8), None), ((8, 4, 3, 3), "OIHW")])
    def test_singular_values_are_those_of_the_canonical_matrix(self, shape, layout):
        axes = plots.singular_values_figure("he_normal", shape, layout=layout).axes[0]
        matrix = ui.HeNormal()((3, 3, 4, 8), seed=0).astype(np.float64).reshape(36, 8)
        expected = np.linalg.svd(matrix, compute_uv=False)
        np.testing.assert_allclose(axes.lines[0].get_ydata(), expected, rtol=1e-12)
        assert "Marchenko–Pastur" in texts(axes.figure)

    def test_an_orthogonal_matrix_shows_its_gain(self):
        text = texts(plots.singular_values_figure(ui.Orthogonal(gain=1.5), (20, 30)))
        assert "gain 1.5" in text
        assert "Marchenko" not in text

    def test_a_mean_stands_out(self):
        text = texts(plots.singular_values_figure("random_uniform", (50, 50)))
        assert "from the mean: 25" in text

    def test_vectors_and_scalars_have_a_histogram_alone(self):
        assert len(plots.initializer_figure("he_normal", (50,)).axes) == 1
        assert len(plots.initializer_figure("ones", ()).axes) == 1

    def test_the_seed_is_the_calls_or_the_initializers_or_0(self):
        assert make_sample(ui.HeNormal(seed=4), (2, 2)).seed == 4
        assert make_sample(ui.HeNormal(seed=4), (2, 2), seed=5).seed == 5
        assert make_sample(ui.HeNormal(), (2, 2)).seed == 0

    def test_the_backend_changes_nothing(self):
        xp = pytest.importorskip("array_api_strict")
        expected = make_sample("he_normal", (4, 3), "float32").values
        assert (make_sample("he_normal", (4, 3), "float32", backend=xp).values == expected).all()

    @pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
    def test_every_floating_dtype_can_be_drawn(self, dtype):
        pytest.importorskip("ml_dtypes")
        values = make_sample("he_normal", (4, 3), dtype).values
        expected = ui.HeNormal()((4, 3), dtype, seed=0)
        assert (values == expected.astype(np.float64)).all()


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: plots.histogram_figure("he_norml", (3,)), ui.UnknownInitializerError, "he_normal"),
        (lambda: plots.histogram_figure(np.zeros, (3,)), ui.ConfigError, "no initializer of unifinit"),
        (lambda: plots.histogram_figure("ones", (3, 0)), ui.ArgumentError, "has no elements"),
        (lambda: plots.histogram_figure(ui.Constant(np.inf), 3), ui.ArgumentError, "not finite"),
        (lambda: plots.histogram_figure("he_normal", (3, 3), "int32"), ui.DtypeError, "int32"),
        (lambda: plots.histogram_figure("ones", (3, 3), layout="OIHW"), ui.LayoutError, "for 4 axes"),
        (lambda: plots.singular_values_figure("ones", (3,)), ui.ShapeError, "want at least 2"),
    ],
)
def test_wrong_arguments_are_told(call, error, told):
    with pytest.raises(error, match=told):
        call()


def test_what_cannot_be_written_is_told(tmp_path):
    figure = plots.histogram_figure("ones", (3,))
    with pytest.raises(ui.ArgumentError, match=r"ends in one of '\.png', '\.svg'"):
        plots.save_figure(figure, tmp_path / "a.pdf")
    with pytest.raises(plots.PictureError, match="there is no folder"):
        plots.save_figure(figure, tmp_path / "nowhere" / "a.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(plots.PictureError, match="a file that can be written") as caught:
        plots.save_figure(figure, tmp_path / "folder.png")
    assert isinstance(caught.value, OSError)


def test_the_settings_of_matplotlib_are_left_alone():
    before = dict(mpl.rcParams)
    plots.histogram_figure("ones", (3,))
    assert dict(mpl.rcParams) == before
    assert mpl.rcParams["font.size"] != SETTINGS["font.size"]


def test_matplotlib_is_imported_when_something_is_drawn_and_pyplot_never():
    code = (
        "import sys, unifinit.plots as plots; assert 'matplotlib' not in sys.modules;"
        "plots.histogram_figure('ones', (3,)); assert 'matplotlib' in sys.modules;"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_matplotlib_the_way_to_get_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(plots.MissingMatplotlibError, match=r'pip install "unifinit\[plot\]"') as caught:
        plots.histogram_figure("ones", (3,))
    assert isinstance(caught.value, ui.UnifinitError)
    assert isinstance(caught.value, ImportError)


def test_pictures_of_every_initializer():
    seen = set()
    for row in golden.load():
        name = row.initializer["class_name"]
        if name not in seen and row.dtype == "float32" and 0 not in row.shape:
            seen.add(name)
            assert plots.initializer_figure(
                ui.get(row.initializer), row.shape, layout=row.layout, seed=1
            ).axes
    assert len(seen) > 50


def test_complex_numbers_have_no_picture():
    with pytest.raises(ui.DtypeError, match="a picture"):
        plots.initializer_figure("he_normal", (3, 4), "complex64")
