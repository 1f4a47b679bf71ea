"""How signals propagate through deep networks of freshly drawn weights: the probe."""

from unifinit.propagation.activations import ACTIVATIONS, Activation
from unifinit.propagation.experiment import probe
from unifinit.propagation.meanfield import Limit
from unifinit.propagation.network import Layers
from unifinit.propagation.results import MeanField, Probe, Propagation
from unifinit.propagation.trends import Trend

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Layers",
    "Limit",
    "MeanField",
    "Probe",
    "Propagation",
    "Trend",
    "probe",
]
