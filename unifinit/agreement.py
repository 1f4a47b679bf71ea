"""Whether processes that make parts of one array compute the same stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache

from unifinit import contents, elements, host
from unifinit.content import Content
from unifinit.errors import StreamError
from unifinit.key import Key
from unifinit.plan import Plan
from unifinit.types import DTYPES, DType

VERSION = "v1"
"""Of the stream."""
_KEY = Key(0x243F6A8885A308D3)
_RANDOM = ("float16", "bfloat16", "float32", "float64", "complex64")
_LONG = 2**62
_PLACES = (0, 2**32 - 4, _LONG - 8)
"""Where numbers are drawn: at the start, where the upper word changes, and far out."""


@cache
def fingerprint() -> str:
    """A digest of the stream as this process computes it.

    Processes with equal fingerprints draw equal numbers, whatever machine they run on and with or without the
    compiled kernel. Compare it once, when a job starts, where processes may have other versions of unifinit.

    Returns
    -------
    str
        The version of the stream, and the SHA-256 of numbers of each distribution and dtype, from several
        places of the stream, and of an orthogonal matrix.

    Examples
    --------
    >>> import unifinit as ui
    >>> ui.fingerprint()[:11]
    'v1:00f1aeed'
    """
    from hashlib import sha256  # Not at the top: it loads OpenSSL.

    digest = sha256(VERSION.encode())
    for plan in _samples():
        digest.update(host.compute(plan).astype(elements.storage(plan.dtype), copy=False).tobytes())
    return f"{VERSION}:{digest.hexdigest()}"


def require_agreement(fingerprints: Mapping[str, str]) -> None:
    """Do nothing if all processes have the same fingerprint.

    Parameters
    ----------
    fingerprints
        By the name of the process, as messages shall call it.

    Raises
    ------
    StreamError
        If some differ; it names them.
    """
    if len(set(fingerprints.values())) < 2:
        return
    usual, _ = Counter(fingerprints.values()).most_common(1)[0]
    others = {name: found for name, found in fingerprints.items() if found != usual}
    told = ", ".join(f"{name} has {found[:19]}" for name, found in others.items())
    raise StreamError(
        f"processes compute different streams: {told}, where the others have {usual[:19]}; wanted the same "
        "version of unifinit in each"
    )


def _samples() -> Iterator[Plan]:
    for name in ("uint32", "uint64"):
        yield from _drawn(contents.bits(DTYPES[name]), DTYPES[name])
    for dtype in map(DTYPES.__getitem__, _RANDOM):
        yield from _drawn(contents.uniform(-1.0, 3.0, dtype), dtype)
        yield from _drawn(contents.normal(0.5, 2.0, dtype), dtype)
        yield from _drawn(contents.truncated_normal(-2.0, 1.5, 0.0, 0.02, dtype), dtype)
    for dtype in (DTYPES["float32"], DTYPES["float64"]):
        yield Plan((5, 3), dtype, contents.orthogonal(1.0, 5, 3, dtype), key=_KEY)


def _drawn(content: Content, dtype: DType) -> Iterator[Plan]:
    whole = Plan((_LONG,), dtype, content, key=_KEY)
    return (whole.window(slice(place, place + 8)) for place in _PLACES)
