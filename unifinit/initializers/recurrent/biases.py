"""Biases of recurrent cells that let them remember."""

from __future__ import annotations

from typing import ClassVar

from unifinit.content import Content
from unifinit.contents import batched, uniform
from unifinit.initializers.base import Aliases, Initializer, RandomInitializer
from unifinit.initializers.hyperparameters import checked, choice, real
from unifinit.initializers.recurrent.gates import (
    ADMITTING,
    OpposedGates,
    fixed_gates,
    gates_in,
    order_of,
    text,
    units,
)
from unifinit.initializers.recurrent.logarithms import Logarithms
from unifinit.types import DType
from unifinit.weight import Weight


class LSTMBias(Initializer):
    """The bias of an LSTM cell, zeros but for the forget gate.

    All dtypes, integers too if they have ``forget_bias``.

    Parameters
    ----------
    forget_bias : float
        The bias of the forget gate.
    order : str
        In which order the gates lie: their letters, ``i``, ``f``, ``o`` and one of ``c``, ``g`` and ``j`` for
        the candidate; or a framework: "keras", "mxnet" and "cudnn" (ifco), "torch", "sonnet" and "flax"
        (ifgo, the same order in other letters), "tensorflow1" (ijfo), "haiku" (igfo) or "onnx" (iofc).

    Raises
    ------
    ArgumentError
        If forget_bias is not finite or does not fit the dtype, or order is unknown.
    ShapeError
        In a call, if the shape is none of those below.

    Notes
    -----
    Shapes are ``(4 * hidden,)``; ``(4, hidden)``; and ``(2, 4 * hidden)`` where the cell adds the
    biases of inputs and of hidden units: the first row then has the forget bias, and the second one zeros. So
    a flat bias of ONNX or cuDNN is that of shape ``(2, 4 * hidden)``, flattened. Along batch axes
    (``layout="GIO"``) all are equal. A size of 0 is allowed.

    PyTorch adds ``bias_ih`` and ``bias_hh``. For a forget bias of 1, use this for one of them and `Zeros` for
    the other, or ``forget_bias=0.5`` for both. TensorFlow 1 (by default) and Haiku add 1 when they run the
    cell, and Sonnet adds it when it makes the bias: theirs is `Zeros`. In the Linen API of Flax, gates have
    biases of their own. Keras keeps its ``bias_initializer`` for the other gates with
    ``unit_forget_bias=True``.

    A positive bias: Gers, Schmidhuber & Cummins, "Learning to forget" (2000); 1: Jozefowicz, Zaremba &
    Sutskever, "An empirical exploration of recurrent network architectures" (2015).

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.LSTMBias(order="onnx")((8,))
    array([0., 0., 0., 0., 1., 1., 0., 0.], dtype=float32)
    """

    summary = "bias of an LSTM: forget_bias at the forget gate, 0 elsewhere"
    formula = "b_f = forget_bias, b_i = b_c = b_o = 0"
    source = "Gers et al. (2000); Jozefowicz et al. (2015); MXNet's LSTMBias, Keras' unit_forget_bias"
    aliases: ClassVar[Aliases] = {"lstmbias": {}, "unit_forget_bias": {}}

    forget_bias: float = real(default=1.0)
    order: str = order_of("lstm")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A number for each gate."""
        hidden, rest = units(weight, 4, "LSTMBias")
        values = {"f": self.forget_bias}
        return fixed_gates(values, gates_in(self.order, "lstm"), hidden, rest, weight, dtype)


class GRUBias(Initializer):
    """The bias of a GRU cell, zeros but for the update gate and the reset gate.

    All dtypes, integers too if they have the biases.

    Parameters
    ----------
    update_bias : float
        The bias of the update gate z. Where z keeps the old state, as in Keras, PyTorch, TensorFlow 1, Flax,
        MXNet, ONNX and cuDNN, positive ones lengthen the memory; where it admits the new one, as in Haiku and
        Sonnet, negative ones do.
    reset_bias : float
        The bias of the reset gate r.
    order : str
        In which order the gates lie: their letters, ``r``, one of ``z`` and ``u``, and one of ``h``, ``n``,
        ``a`` and ``c`` for the candidate; or a framework: "keras" and "onnx" (zrh), "torch", "flax" and
        "mxnet" (rzn), "haiku" and "sonnet" (zra) or "cudnn" (rzh).

    Raises
    ------
    ArgumentError
        If a bias is not finite or does not fit the dtype, or order is unknown.
    ShapeError
        In a call, if the shape is none of those below.

    Notes
    -----
    Shapes are ``(3 * hidden,)``, as in Keras with ``reset_after=False``; ``(3, hidden)``; and
    ``(2, 3 * hidden)`` for the biases of inputs and of hidden units, as in Keras with ``reset_after=True``:
    the cell adds them, so the first row has the biases, and the second one zeros. Along batch axes
    (``layout="GIO"``) all are equal. A size of 0 is allowed.

    The defaults are those of TensorFlow 1, whose ``GRUCell`` begins with neither resetting nor updating; its
    gates have a bias of their own, and the candidate another one. PyTorch adds two biases: use `Zeros` for
    one. The update gate of Haiku and Sonnet is that of Cho et al., "Learning phrase representations using
    RNN encoder-decoder" (2014), in the opposite sense.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.GRUBias(update_bias=2.0, order="torch")((3, 2))
    array([[1., 1.],
           [2., 2.],
           [0., 0.]], dtype=float32)
    """

    summary = "bias of a GRU: update_bias and reset_bias at these gates, 0 elsewhere"
    formula = "b_z = update_bias, b_r = reset_bias, b_h = 0"
    source = "TensorFlow 1's GRUCell"
    aliases: ClassVar[Aliases] = {"grubias": {}}

    update_bias: float = real(default=1.0)
    reset_bias: float = real(default=1.0)
    order: str = order_of("gru")

    def content(self, weight: Weight, dtype: DType) -> Content:
        """A number for each gate."""
        hidden, rest = units(weight, 3, "GRUBias")
        values = {"z": self.update_bias, "r": self.reset_bias}
        return fixed_gates(values, gates_in(self.order, "gru"), hidden, rest, weight, dtype)


class ChronoBias(RandomInitializer):
    """The bias of a recurrent cell that gives its units time scales of up to some length.

    Parameters
    ----------
    longest : float
        T_max, the length of the longest dependencies in steps, at least 2.
    cell : {"lstm", "gru"}
        The kind of cell.
    order : str
        In which order the gates lie: that of `LSTMBias` or of `GRUBias`. For a GRU, the name of a framework
        also says what its update gate z means; with letters, z keeps the old state.
    seed : int or Key, optional
        Used by calls that give none.

    Raises
    ------
    ArgumentError
        If longest is less than 2 or not finite, or order is not one of the cell.
    ShapeError
        In a call, if the shape is none of those of `LSTMBias`, or of `GRUBias`.

    Notes
    -----
    Tallec & Ollivier, "Can recurrent neural networks warp time?" (2018), equation 16: for each
    hidden unit of an LSTM, b_f = log U, with U uniform on [1, T_max - 1), and b_i = -b_f; other biases are 0.
    The paper has no formula for the GRU; for a cell h' = z h + (1 - z) h~ it gives b_z = log U by the same
    argument, and b_z = -log U where z admits the new state, as in Haiku and Sonnet.

    The numbers of narrow dtypes are the rounded ones of float32; float64 has its own. In a shape
    ``(2, gates * hidden)`` the second row has zeros, as the cell adds both. Along batch axes the bias
    number i is what a call with ``seed / i`` gives. A size of 0 is allowed.

    PyTorch adds two biases: use `Zeros` for the other one (a popular port draws both, and adds two
    logarithms). Give TensorFlow 1's cells ``forget_bias=0.0``; Haiku's add 1 to b_f in any case. Some ports
    draw U up to T_max.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.ChronoBias(784, order="torch")((4 * 128,), seed=0).shape
    (512,)
    """

    summary = "bias of an LSTM or a GRU for time scales of up to a length"
    formula = "b_f = log U[1, longest - 1), b_i = -b_f; GRU: b_z = ±log U[1, longest - 1)"
    source = "Tallec & Ollivier (2018), equation 16"
    aliases: ClassVar[Aliases] = {"chrono": {}, "chrono_init": {}}
    has_complex = False

    longest: float = real(least=2)
    cell: str = choice(("lstm", "gru"), default="lstm")
    order: str = checked(text, "the letters of the gates, or a framework's name", default="keras")

    def validate(self) -> None:
        """Check that the order is one of the cell."""
        gates_in(self.order, self.cell)

    def content(self, weight: Weight, dtype: DType) -> Content:
        """Opposed numbers at the gates that keep and admit."""
        gates = gates_in(self.order, self.cell)
        hidden, rest = units(weight, len(gates), "ChronoBias")
        uniform(1.0, self.longest - 1.0, dtype.compute)  # Refused before anything is drawn.
        signs = {"f": 1, "i": -1, "z": -1 if self.order in ADMITTING else 1}
        drawn = Logarithms(1.0, self.longest - 1.0, hidden)
        content = OpposedGates(drawn, tuple(signs.get(gate, 0) for gate in gates), rest)
        return batched(content, weight.batch)
