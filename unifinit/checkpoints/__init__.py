"""Checkpoints: files of many named arrays, read and written as streams, within some MiB of memory.

The formats are safetensors (one file, or several with an index, as Hugging Face divides them), NumPy's .npz,
and groups of zarr.
"""

from unifinit.checkpoints.entries import Entry
from unifinit.checkpoints.opening import open_checkpoint
from unifinit.checkpoints.sharding import divide, write_shards
from unifinit.checkpoints.stored import Checkpoint, StoredArray
from unifinit.checkpoints.writing import write_checkpoint

__all__ = [
    "Checkpoint",
    "Entry",
    "StoredArray",
    "divide",
    "open_checkpoint",
    "write_checkpoint",
    "write_shards",
]
