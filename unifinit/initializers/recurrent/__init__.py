"""Biases of recurrent cells, and state space models."""

from unifinit.initializers.recurrent.biases import ChronoBias, GRUBias, LSTMBias
from unifinit.initializers.recurrent.mamba import Mamba2A, MambaDtBias
from unifinit.initializers.recurrent.statespace import S4D, HiPPO, MambaA

__all__ = ["S4D", "ChronoBias", "GRUBias", "HiPPO", "LSTMBias", "Mamba2A", "MambaA", "MambaDtBias"]
