"""Specifications of how the parameters of a model start, in files that people and programs can read."""

from unifinit.specs.documents import schema
from unifinit.specs.spec import Spec

__all__ = ["Spec", "schema"]
