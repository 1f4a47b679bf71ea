"""What the processes of one computation have to agree on."""

from __future__ import annotations

import jax
import numpy as np
from jax.experimental import multihost_utils

from unifinit.backend import fingerprint, require_agreement

LONGEST = 128
"""Bytes for a fingerprint, those of other versions included."""


def compare_fingerprints() -> None:
    """Raise a ``StreamError`` if the processes compute different streams; all of them have to call it."""
    own = np.frombuffer(fingerprint().encode().ljust(LONGEST)[:LONGEST], dtype=np.uint8)
    gathered = np.asarray(multihost_utils.process_allgather(own)).reshape(jax.process_count(), LONGEST)
    found = (row.tobytes().decode().strip() for row in gathered)
    require_agreement({f"process {number}": text for number, text in enumerate(found)})
