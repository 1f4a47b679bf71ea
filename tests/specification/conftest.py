"""What is left out where something is missing."""

from importlib.util import find_spec

# The numbers of these pages are rounded once from their exact values, which mpmath computes.
collect_ignore_glob = [] if find_spec("mpmath") else ["test_families_*.py"]
