"""What a run tells while it goes on."""

from __future__ import annotations

import sys


def progress(part: str, done: int, total: int, what: str) -> None:
    """Tell what is measured now."""
    print(f"{part} {done + 1}/{total}: {what}", file=sys.stderr, flush=True)
