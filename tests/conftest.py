"""What all tests share: which frameworks must be there."""

from __future__ import annotations

import importlib.util
import os

import pytest
from hypothesis import settings

settings.load_profile("ci")  # The same examples in every run, and no time limits.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reports its build options as errors.


def pytest_configure() -> None:
    """Refuse to run where a framework is missing that the environment was made for: skips would hide it."""
    required = filter(None, os.environ.get("UNIFINIT_TEST_REQUIRE", "").split(","))
    if missing := [name for name in required if importlib.util.find_spec(name) is None]:
        raise pytest.UsageError(f"UNIFINIT_TEST_REQUIRE names {missing}, which cannot be imported")
