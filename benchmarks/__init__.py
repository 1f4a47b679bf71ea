"""Benchmarks: unifinit and every installed peer side by side in one process; run ``python -m benchmarks``."""
