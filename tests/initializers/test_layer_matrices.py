"""Fans against the matrix of each layer, unrolled: what is counted is non-zeros, not a formula.

A layer is a linear map of its input. Its matrix is found by sending unit vectors through a plain
implementation, in which every weight is 1; on a torus, so that there are no borders. The mean number of
non-zero entries of a row is the fan in, that of a column the fan out.
"""

import itertools
import pickle

import numpy as np
import pytest

import unifinit as ui

SIDE = 12


def fans_of_matrix(linear, inputs):
    """From a function of an input of a shape to the fans of its matrix."""
    columns = []
    for place in np.ndindex(*inputs):
        unit = np.zeros(inputs)
        unit[place] = 1
        columns.append(linear(unit).reshape(-1))
    matrix = np.stack(columns, axis=1) != 0
    return matrix.sum(axis=1).mean(), matrix.sum(axis=0).mean()


def convolution(weight, x, *, groups=1, stride=1):
    """y[o, s p] = sum of w[k, i, o] x[i, s p + k] over k and the inputs i of the group of o, on a torus."""
    *field, group_in, outputs = weight.shape
    dims = len(field)
    y = np.zeros((outputs, *x.shape[1:]))
    for o in range(outputs):
        first = o // (outputs // groups) * group_in
        for i in range(group_in):
            for k in np.ndindex(*field):
                shifted = np.roll(x[first + i], [-step for step in k], axis=range(dims))
                y[o] += weight[(*k, i, o)] * shifted
    return y[(slice(None), *[slice(None, None, stride)] * dims)]


def transposed(weight, x, *, groups=1, stride=1):
    """y[o, s p + k] += w[k, i, o] x[i, p], the outputs o being those of the group of i."""
    *field, inputs, group_out = weight.shape
    dims = len(field)
    y = np.zeros((group_out * groups, *[size * stride for size in x.shape[1:]]))
    for i in range(inputs):
        spread = np.zeros(y.shape[1:])
        spread[(slice(None, None, stride),) * dims] = x[i]
        first = i // (inputs // groups) * group_out
        for o, k in itertools.product(range(group_out), np.ndindex(*field)):
            y[first + o] += weight[(*k, i, o)] * np.roll(spread, k, axis=range(dims))
    return y


def depthwise(weight, x, *, stride=1):
    """y[(c, m), s p] = sum of w[k, c, m] x[c, s p + k] over k."""
    *field, channels, multiplier = weight.shape
    return convolution(weight.reshape(*field, 1, channels * multiplier), x, groups=channels, stride=stride)


def fans(shape, layout):
    return tuple(ui.HeNormal().describe(shape, layout=layout).fans)


@pytest.mark.parametrize(("inputs", "outputs"), [(5, 3), (1, 4), (7, 1)])
@pytest.mark.parametrize("layout", ["IO", "dense IO", "ab,bc->ac", "in=0 out=1"])
def test_dense(inputs, outputs, layout):
    weight = np.ones((inputs, outputs))
    assert fans(weight.shape, layout) == fans_of_matrix(lambda x: x @ weight, (inputs,))


@pytest.mark.parametrize("shape", [(3, 2, 4), (3, 2, 1, 5), (2, 3, 4, 2)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_convolution(shape, stride):
    weight = np.ones(shape)
    dims = len(shape) - 2
    found = fans_of_matrix(lambda x: convolution(weight, x, stride=stride), (shape[-2], *[SIDE] * dims))
    assert fans(shape, f"conv(stride={stride})") == pytest.approx(found)
    torch_shape = (shape[-1], shape[-2], *shape[:-2])
    assert fans(torch_shape, ui.Layout("OI...", stride=stride)) == pytest.approx(found)


@pytest.mark.parametrize(
    ("shape", "groups"), [((3, 2, 4), 2), ((3, 1, 6), 6), ((3, 2, 2, 6), 3), ((3, 5, 4), 1)]
)
@pytest.mark.parametrize("stride", [1, 2])
def test_grouped_convolution(shape, groups, stride):
    weight = np.ones(shape)
    inputs = (shape[-2] * groups, *[SIDE] * (len(shape) - 2))
    found = fans_of_matrix(lambda x: convolution(weight, x, groups=groups, stride=stride), inputs)
    assert fans(shape, ui.Layout(kind="grouped", groups=groups, stride=stride)) == pytest.approx(found)
    assert fans(shape, f"conv(groups={groups}, stride={stride}) ...IO") == pytest.approx(found)


@pytest.mark.parametrize(("shape", "groups"), [((3, 2, 4), 1), ((3, 4, 2), 2), ((2, 3, 6, 1), 3)])
@pytest.mark.parametrize("stride", [1, 2])
def test_transposed_convolution(shape, groups, stride):
    weight = np.ones(shape)
    inputs = (shape[-2], *[SIDE // 2] * (len(shape) - 2))
    found = fans_of_matrix(lambda x: transposed(weight, x, groups=groups, stride=stride), inputs)
    layout = ui.Layout("...IO", kind="conv_transpose", groups=groups, stride=stride)
    assert fans(shape, layout) == pytest.approx(found)


def test_transposed_convolutions_of_torch_and_keras_are_one():
    weight = np.ones((3, 3, 2, 5))
    found = fans_of_matrix(lambda x: transposed(weight, x), (2, 6, 6))
    assert fans((2, 5, 3, 3), "conv_transpose IOHW") == fans((3, 3, 5, 2), "conv_transpose HWOI") == found


@pytest.mark.parametrize("shape", [(3, 4, 1), (3, 2, 3), (3, 2, 3, 2)])
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolution(shape, stride):
    weight = np.ones(shape)
    inputs = (shape[-2], *[SIDE] * (len(shape) - 2))
    found = fans_of_matrix(lambda x: depthwise(weight, x, stride=stride), inputs)
    assert fans(shape, ui.Layout("...IO", kind="depthwise", stride=stride)) == pytest.approx(found)


def test_a_depthwise_kernel_is_the_grouped_one_to_the_bit():
    channels, multiplier = 5, 2
    keras = ui.HeNormal(seed=0)((3, 3, channels, multiplier), layout="depthwise HWIO")
    flax = ui.HeNormal(seed=0)((3, 3, 1, channels * multiplier), layout=f"conv(groups={channels}) HWIO")
    torch = ui.HeNormal(seed=0)((channels * multiplier, 1, 3, 3), layout=f"conv(groups={channels}) OIHW")
    assert np.array_equal(keras.reshape(flax.shape), flax)
    assert np.array_equal(torch.transpose(2, 3, 1, 0), flax)


@pytest.mark.parametrize(("tokens", "features"), [(7, 3), (100, 16)])
def test_embedding(tokens, features):
    weight = np.ones((tokens, features))
    token = np.eye(tokens)[tokens // 2]
    products = token[:, None] * weight != 0
    wanted = (products.sum(axis=0).mean(), products.any(axis=0).sum())
    assert fans(weight.shape, "embedding") == fans(weight.shape, "embedding IO") == wanted
    assert fans(weight.T.shape, "embedding OI") == wanted


EINSUMS = {
    "abc,cde->abde": ((2, 3, 4), (4, 5, 6)),
    "acde,dex->acx": ((2, 3, 4, 5), (4, 5, 6)),
    "gbi,gio->gbo": ((3, 2, 4), (3, 4, 5)),
    "ab,cb->ac": ((2, 3), (4, 3)),
    "bhe,hef->bhf": ((2, 3, 4), (3, 4, 5)),
    "...x,xy->...y": ((2, 3), (3, 4)),
    "ab,bcd->adc": ((2, 3), (3, 4, 5)),
}


@pytest.mark.parametrize("einsum", EINSUMS)
def test_einsum(einsum):
    inputs, shape = EINSUMS[einsum]
    found = fans_of_matrix(lambda x: np.einsum(einsum, x, np.ones(shape)), inputs)
    assert fans(shape, einsum) == found


@pytest.mark.parametrize(
    ("letters", "axes", "shape"),
    [
        ("IO", {"in_axes": 0, "out_axes": 1}, (5, 3)),
        ("OI", {"in_axes": -1, "out_axes": [0]}, (5, 3)),
        ("HWIO", {"in_axes": 2, "out_axes": -1}, (2, 3, 5, 4)),
        ("OIHW", {"in_axes": (1,), "out_axes": (0,)}, (2, 3, 5, 4)),
        ("GIO", {"in_axes": 1, "out_axes": 2, "batch_axes": 0}, (6, 5, 3)),
        ("OGI", {"in_axes": 2, "out_axes": 0, "batch_axes": [1]}, (6, 5, 3)),
    ],
)
def test_numbered_axes_are_what_letters_are(letters, axes, shape):
    named, numbered = ui.Layout(letters).weight(shape), ui.Layout(**axes).weight(shape)
    assert named == numbered
    assert np.array_equal(
        ui.HeNormal(seed=1)(shape, layout=letters), ui.HeNormal(seed=1)(shape, layout=ui.Layout(**axes))
    )


def test_batch_axes_count_in_no_fan_and_come_first():
    weight = ui.Layout("OIG").weight((3, 4, 5))
    assert (weight.batch, weight.inputs, weight.outputs, weight.shape) == ((5,), (4,), (3,), (5, 4, 3))
    assert weight.fans == (4, 3)
    assert (weight.rows, weight.columns) == (4, 3)


def test_a_fan_may_be_a_fraction():
    assert fans((3, 3, 2, 5), "conv(stride=2) HWIO") == (18, 11.25)
    assert "out 11.25" in str(ui.HeNormal().describe((3, 3, 2, 5), layout="conv(stride=2) HWIO"))
    stddev = (
        ui.VarianceScaling(mode="fan_out").describe((3, 3, 2, 5), layout="conv(stride=2) HWIO").moments.stddev
    )
    assert stddev == pytest.approx(11.25**-0.5, rel=1e-6)


def test_orthogonal_flattens_what_the_layout_says():
    heads = ui.Orthogonal(seed=0)((8, 3, 2), layout="abc,cde->abde")
    matrix = heads.reshape(8, 6)
    assert np.allclose(matrix.T @ matrix, np.eye(6), atol=1e-6)
    assert np.array_equal(matrix, ui.Orthogonal(seed=0)((8, 6)))
    out = ui.Orthogonal(seed=0)((3, 2, 8), layout="abde,dec->abc")
    assert np.array_equal(out.reshape(6, 8), ui.Orthogonal(seed=0)((6, 8)))


def test_orthogonal_has_a_matrix_for_each_place_along_batch_axes():
    array = ui.Orthogonal(seed=5)((2, 3, 4), layout="GIO")
    for number, matrix in enumerate(array):
        assert np.array_equal(matrix, ui.Orthogonal()((3, 4), seed=ui.Key(5) / number))


TEXTS = {
    "OIHW": "OIHW",
    "depthwise": "depthwise ...IO",
    "depthwise(stride=2,2) HWIO": "depthwise(stride=2) HWIO",
    "depthwise  HWIO": "depthwise HWIO",
    "grouped(groups=4) OIHW": "conv(groups=4) OIHW",
    "conv(stride=2, groups=3)": "conv(groups=3, stride=2) ...IO",
    "conv( stride = 2 , 1 ) HWIO": "conv(stride=2,1) HWIO",
    "conv(groups=1) HWIO": "conv HWIO",
    "abc, cde -> abde": "abc,cde->abde",
    "out=1,2 in=0": "in=0 out=1,2",
    "out= in=0": "in=0 out=",
    "in=-1 batch=0 out=1": "in=-1 out=1 batch=0",
    "conv(stride=2, groups=3) out=1 in=0": "conv(groups=3, stride=2) in=0 out=1",
    "grouped in=-2 out=-1 batch=0": "conv in=-2 out=-1 batch=0",
}


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_is_normal_and_gives_an_equal_layout(text):
    layout = ui.Layout(text)
    assert layout.text == TEXTS[text]
    assert ui.Layout(layout.text) == layout
    assert hash(ui.Layout(layout.text)) == hash(layout)
    assert pickle.loads(pickle.dumps(layout)) == layout


@pytest.mark.parametrize("kind", ["conv", "conv_transpose", None])
def test_numbered_axes_of_a_kind_are_what_letters_are(kind):
    axes = ui.Layout(in_axes=2, out_axes=3, kind=kind, groups=2, stride=(2, 1))
    letters = ui.Layout("HWIO", kind=kind, groups=2, stride=(2, 1))
    assert axes.weight((3, 3, 4, 6)) == letters.weight((3, 3, 4, 6))
    assert ui.Layout(axes.text) == axes == pickle.loads(pickle.dumps(axes))
    assert ui.Layout("HWIO", kind=kind, groups=np.int64(2), stride=np.array([2, 1])) == letters
    assert ui.Layout("HWIO", kind=kind, groups=2, stride=iter([2, 1])) == letters


WRONG = {
    "kind of layer 'oi' is unknown": {"text": "oi"},
    "kind of layer 'depthwize' is unknown (did you mean 'depthwise'?)": {"text": "depthwize HWIO"},
    "kind of layer 'linear' is unknown": {"kind": "linear"},
    "has a kind; wanted it without kind, groups and stride": {"text": "conv HWIO", "stride": 2},
    "wanted groups=N, and stride=N or N,N": {"text": "conv(pad=2) HWIO"},
    "groups is 0; wanted an integer": {"groups": 0},
    "groups is (2, 3); wanted an integer": {"groups": (2, 3)},
    "stride is -1; wanted an integer of at least 1": {"stride": -1},
    "stride is (); wanted an integer of at least 1": {"stride": ()},
    "stride is 1.5; wanted an integer": {"stride": 1.5},
    "groups is True; wanted an integer": {"groups": True},
    "stride is True; wanted an integer": {"stride": True},
    "has stride 2; wanted a convolution": {"kind": "dense", "stride": 2},
    "has 2 groups; wanted 'conv' or 'conv_transpose'": {"kind": "depthwise", "groups": 2},
    "in_axes or out_axes is missing": {"in_axes": 0},
    "in_axes or out_axes is missing; wanted both": {"text": "in=0"},
    "wanted axes, as in": {"text": "in=0 out=1 in=2"},
    "comes with in_axes, out_axes; wanted one": {"text": "IO", "in_axes": 0, "out_axes": 1},
    "in_axes is '0'; wanted an integer": {"in_axes": "0", "out_axes": 1},
    "a depthwise layout has numbered axes": {"in_axes": 0, "out_axes": 1, "kind": "depthwise"},
    "is an einsum, which has no kind": {"text": "ab,bc->ac", "kind": "dense"},
    "wanted an einsum of an input and a weight": {"text": "ab->ba"},
    "repeats a letter in 'bb'": {"text": "ab,bb->a"},
    "sums the weight over 'q' alone": {"text": "ab,bqc->ac"},
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_layouts_are_errors(message):
    with pytest.raises(ui.LayoutError) as caught:
        ui.Layout(**WRONG[message])
    assert message in str(caught.value)


UNFIT = {
    "wants a spatial axis, but shape (3, 4) has none": ("depthwise", (3, 4)),
    "has no spatial axes, but shape (3, 3, 4) has 1": ("embedding", (3, 3, 4)),
    "has 3 groups, but shape (3, 2, 4) has 4 outputs": ("conv(groups=3)", (3, 2, 4)),
    "has 3 groups, but shape (3, 2, 4) has 2 inputs": ("conv_transpose(groups=3)", (3, 2, 4)),
    "has 2 strides, but shape (3, 2, 4) has 1": ("conv(stride=1,2)", (3, 2, 4)),
    "is for 3 axes, but the shape has 2": ("abc,cde->abde", (3, 4)),
    "has axis 2, but the shape has 2 axes; wanted numbers from -2 to 1": ("in=0 out=2", (3, 4)),
    "names an axis twice in a shape of 2 axes": ("in=0 out=-2", (3, 4)),
    "is for at least 3 axes, but the shape has 2": ("G...IO", (3, 4)),
}


@pytest.mark.parametrize("message", UNFIT)
def test_layouts_that_do_not_fit_the_shape_are_errors(message):
    layout, shape = UNFIT[message]
    for call in (ui.Zeros(), ui.HeNormal().plan, ui.HeNormal().describe):
        with pytest.raises(ui.LayoutError) as caught:
            call(shape, layout=layout)
        assert message in str(caught.value)
