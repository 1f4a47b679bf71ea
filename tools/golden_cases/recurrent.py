"""Biases of recurrent cells, and matrices and steps of state space models."""

from unifinit.initializers.base import Initializer
from unifinit.initializers.recurrent.biases import ChronoBias, GRUBias, LSTMBias
from unifinit.initializers.recurrent.mamba import Mamba2A, MambaDtBias
from unifinit.initializers.recurrent.statespace import S4D, HiPPO, MambaA

CASES: list[tuple[Initializer, tuple[int, ...], str]] = [
    (LSTMBias(), (20,), "...IO"),
    (LSTMBias(forget_bias=0.1, order="onnx"), (2, 12), "...IO"),
    (LSTMBias(order="haiku"), (3, 4, 5), "GIO"),
    (GRUBias(), (21,), "...IO"),
    (GRUBias(update_bias=-1.0, reset_bias=0.3, order="torch"), (2, 12), "...IO"),
    (GRUBias(order="cudnn"), (5, 3), "OI"),
    (ChronoBias(784.0), (200,), "...IO"),
    (ChronoBias(100.0, cell="gru", order="haiku"), (2, 30), "...IO"),
    (ChronoBias(2.5, order="torch"), (3, 4, 7), "GIO"),
    (HiPPO(), (16, 16), "...IO"),
    (HiPPO(part="B"), (3, 33), "...IO"),
    (HiPPO(measure="legt"), (2, 9, 9), "...IO"),
    (HiPPO(measure="legt", part="B"), (9,), "...IO"),
    (HiPPO(measure="lagt"), (8, 8), "...IO"),
    (HiPPO(measure="lmu"), (10, 10), "...IO"),
    (HiPPO(measure="tlagt", part="B"), (7,), "...IO"),
    (S4D(), (3, 16), "...IO"),  # For complex dtypes alone, which the first case of a class is drawn in.
    (S4D(kind="lin", part="imag"), (100,), "...IO"),
    (S4D(kind="inv", part="imag"), (2, 32), "...IO"),
    (S4D(kind="legs", part="imag"), (2, 32), "...IO"),
    (S4D(kind="real", part="real"), (5, 8), "...IO"),
    (S4D(part="log_real"), (6,), "...IO"),
    (MambaA(), (5, 16), "...IO"),
    (MambaA(), (200,), "...IO"),
    (MambaDtBias(), (300,), "...IO"),
    (MambaDtBias(minimum=1e-5, maximum=3.0, floor=1e-3), (40, 5), "...IO"),
    (Mamba2A(), (500,), "...IO"),
    (Mamba2A(minimum=0.5, maximum=2.0), (7, 11), "OI"),
]
