"""The libraries, imported when they are first asked for."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib import import_module
from typing import Any

NAMES = ("numpy", "torch", "tensorflow", "keras", "jax")
WIDE = ("float64", "int64", "uint64")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"  # Keras is measured on TensorFlow, whatever the user prefers.


@cache
def missing(name: str) -> str:
    """Why a library cannot be used; an empty string if it can."""
    try:
        import_module(name)
    except Exception as error:  # A framework can fail in any way when it is imported.
        return f"cannot be imported: {error}"
    return ""


def library(name: str) -> Any:
    """A module; frameworks have no types here."""
    return import_module(name)


def versions() -> dict[str, str]:
    """Of the libraries that there are."""
    return {name: str(library(name).__version__) for name in NAMES if not missing(name)}


def wide_mode(dtype: str) -> AbstractContextManager[Any]:
    """Where JAX has a dtype: its 64-bit mode for dtypes of 64 bits."""
    if dtype not in WIDE or missing("jax"):
        return nullcontext()
    mode: AbstractContextManager[Any] = library("jax").enable_x64(True)
    return mode
