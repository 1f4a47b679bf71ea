"""Tensors that are spread over processes: each process makes the part that it holds, and hears of no other.

The elements of a ``DTensor`` are numbered as those of the whole tensor, so that no value depends on how it is
spread, or over how many processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Placement, Shard, placement_types

from unifinit.backend import DeviceError, Plan, Shape, TargetError, fingerprint, require_agreement

STRIDED: Any = getattr(placement_types, "_StridedShard", ())
"""What FSDP2 makes of an axis that tensor parallelism has cut already; it has no public name."""

SENT = {1: torch.uint8, 2: torch.float16, 4: torch.int32, 8: torch.int64}
"""As what elements of so many bytes are sent."""

Spans = tuple[range, ...]
"""Which places along an axis of the whole a process holds, in the order in which it holds them."""

Index = tuple[slice, ...]


class Sharding(NamedTuple):
    """Over which processes a tensor is spread, and how.

    Attributes
    ----------
    mesh
        The processes.
    placements
        What each axis of the mesh does: ``Shard``, or ``Replicate``.
    device
        Where this process holds its part.
    """

    mesh: DeviceMesh
    placements: tuple[Placement, ...]
    device: torch.device


class SpreadError(Exception):
    """Why it cannot be told which part of a tensor a process holds."""


def sharding_of(x: DTensor) -> Sharding:
    """Over which processes a tensor is spread."""
    return Sharding(x.device_mesh, tuple(x.placements), x.device)


def as_sharding(device: Sequence[Any]) -> Sharding:
    """What ``device=(mesh, placements)`` means.

    Raises
    ------
    DeviceError
        If it is no such pair.
    """
    if isinstance(device, Sharding):
        return device
    try:
        mesh, placements = device
        found = Sharding(mesh, tuple(placements), torch.device(mesh.device_type))
        fits = len(found.placements) == mesh.ndim and all(isinstance(p, Placement) for p in found.placements)
    except (TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise DeviceError(
            f"torch has no device {device!r}; wanted (mesh, placements): a DeviceMesh, and Shard or "
            "Replicate for each of its axes"
        )
    return found


def run(plan: Plan, sharding: Sharding, run_part: Callable[[Plan, torch.device], torch.Tensor]) -> DTensor:
    """A new ``DTensor``, of which this process makes its own part; ``run_part`` makes an ordinary tensor.

    Raises
    ------
    DeviceError
        If a tensor of the plan's shape cannot be spread in that way.
    """
    shape, device = plan.result_shape, sharding.device
    try:
        spans = held(shape, sharding)
    except SpreadError as error:
        raise DeviceError(
            f"a tensor of shape {shape} cannot be made with placements {list(sharding.placements)}: {error}; "
            "wanted other placements, or device= for a tensor of this process alone"
        ) from None
    parts = [] if spans is None else list(pieces(spans))
    if len(parts) == 1:
        local = run_part(plan.window(parts[0][1]), device)
    else:
        local_shape = (0,) if spans is None else [sum(map(len, axis)) for axis in spans]
        local = torch.empty(local_shape, dtype=getattr(torch, plan.dtype.name), device=device)
        for here, there in parts:
            local[here] = run_part(plan.window(there), device)
    whole = torch.empty(shape, device="meta")
    extent = {"shape": whole.shape, "stride": whole.stride()}  # They need not be a multiple of the part's.
    with torch.no_grad():
        return DTensor.from_local(local, sharding.mesh, sharding.placements, run_check=False, **extent)


def fill(target: DTensor, plan: Plan, fill_part: Callable[[torch.Tensor, Plan], None]) -> None:
    """Overwrite the part of a ``DTensor`` that this process holds; ``fill_part`` fills an ordinary tensor.

    Raises
    ------
    TargetError
        If it cannot be told which part that is.
    """
    with torch.no_grad():
        local = target.to_local()
    try:
        spans = held(tuple(target.shape), sharding_of(target), tuple(local.shape))
    except SpreadError as error:
        raise TargetError(
            f"this DTensor with placements {list(target.placements)} cannot be filled in place: {error}; "
            "wanted one that is sharded or replicated along each axis of its mesh"
        ) from None
    parts = [] if spans is None else list(pieces(spans))
    for here, there in parts:
        fill_part(local if len(parts) == 1 else local[here], plan.window(there))
    torch.autograd.graph.increment_version(target)


def gathered(x: DTensor) -> torch.Tensor:
    """All elements of a ``DTensor`` without a gradient, which every rank that holds a part has to ask for."""
    if x.dtype.is_complex:
        return x.full_tensor()
    # Not every library that sends tensors knows every dtype, so their bits are sent.
    bits = DTensor.from_local(
        x.to_local().view(SENT[x.dtype.itemsize]),
        x.device_mesh,
        x.placements,
        run_check=False,
        shape=x.shape,
        stride=x.stride(),
    )
    return bits.full_tensor().view(x.dtype)


def held(shape: Shape, sharding: Sharding, local_shape: Shape | None = None) -> tuple[Spans, ...] | None:
    """Which places along each axis of the whole this process holds; None if it is not in the mesh.

    Parameters
    ----------
    shape, sharding
        Of the whole.
    local_shape
        Of the part; None if it has yet to be made.

    Raises
    ------
    SpreadError
        If it cannot be told.
    """
    coordinate = sharding.mesh.get_coordinate()
    if coordinate is None:
        return None
    found = []
    for cuts in readings(sharding.placements, tuple(sharding.mesh.shape), len(shape)):
        spans = held_at(coordinate, shape, cuts)
        found.append(tuple(sum(map(len, axis)) for axis in spans))
        if local_shape in (None, found[-1]):
            return spans
    raise SpreadError(
        f"the part of this process has shape {local_shape}, but at its place {tuple(coordinate)} in the mesh "
        f"there should be {' or '.join(map(str, dict.fromkeys(found)))}"
    )


class Cut(NamedTuple):
    """One axis of the mesh cuts one axis of the tensor.

    Attributes
    ----------
    dim
        The axis of the tensor.
    axis
        The axis of the mesh.
    parts
        Into how many.
    factor
        How many pieces are cut, each alone; a part has a share of each.
    """

    dim: int
    axis: int
    parts: int
    factor: int


def readings(placements: Sequence[Any], sizes: Sequence[int], ndim: int) -> list[list[Cut]]:
    """What placements may mean, the likeliest first: the cuts, one after the other.

    The axes of the mesh cut from the first to the last. A strided placement cuts each of ``factor`` pieces.
    But where later axes of the mesh make as many pieces, it stands for a cut that comes after theirs: FSDP2
    cuts what tensor parallelism has left, and PyTorch puts such a tensor together in that order. The two
    differ only where sizes are uneven.

    Raises
    ------
    SpreadError
        If a placement does not cut into parts, or there is no such axis.
    """
    cuts: list[Cut] = []
    for axis, (placement, parts) in enumerate(zip(placements, sizes, strict=True)):
        if placement.is_replicate():
            continue
        if placement.is_partial():
            raise SpreadError(f"with {placement} its values are those that the parts add up to")
        if not isinstance(placement, (Shard, STRIDED)):
            raise SpreadError(f"{placement} is a placement that unifinit does not know")
        if not -ndim <= placement.dim < ndim:
            raise SpreadError(f"{placement} cuts axis {placement.dim} of {ndim}")
        cuts.append(Cut(placement.dim % ndim, axis, parts, getattr(placement, "split_factor", 1)))
    if all(cut.factor == 1 for cut in cuts):
        return [cuts]
    ordered: dict[int, list[Cut]] = {}
    for cut in reversed(cuts):
        earlier = ordered.setdefault(cut.dim, [])
        place, made = 0, 1
        while made != cut.factor and place < len(earlier):
            made *= earlier[place].parts
            place += 1
        if made != cut.factor:
            return [cuts]  # Its pieces are of another making, as those of a reshaped tensor.
        earlier.insert(place, cut._replace(factor=1))
    return [[cut for order in ordered.values() for cut in order], cuts]


def held_at(coordinate: Sequence[int], shape: Shape, cuts: Sequence[Cut]) -> tuple[Spans, ...]:
    """Which places along each axis of the whole the process at a coordinate of the mesh holds."""
    spans: list[Spans] = [(range(size),) if size else () for size in shape]
    for dim, axis, parts, factor in cuts:
        shares = [_chunk(_chunk(spans[dim], factor, n), parts, coordinate[axis]) for n in range(factor)]
        spans[dim] = _joined(span for share in shares for span in share)
    return tuple(spans)


def pieces(spans: Sequence[Spans]) -> Iterator[tuple[Index, Index]]:
    """Where each piece lies in the part of a process, and where in the whole; none if the part is empty."""
    placed = []
    for axis in spans:
        start, along = 0, []
        for span in axis:
            along.append((slice(start, start + len(span)), slice(span.start, span.stop)))
            start += len(span)
        placed.append(along)
    for chosen in product(*placed):
        yield tuple(here for here, _ in chosen), tuple(there for _, there in chosen)


def _chunk(spans: Spans, count: int, number: int) -> Spans:
    """The chunk of a number, as ``torch.chunk`` makes them: the last ones may be smaller, or empty."""
    size = -(-sum(map(len, spans)) // count)
    start, stop = number * size, (number + 1) * size
    taken = []
    for span in spans:
        taken.append(span[max(start, 0) : max(stop, 0)])
        start, stop = start - len(span), stop - len(span)
    return _joined(taken)


def _joined(spans: Iterable[range]) -> Spans:
    """The same places, in as few spans as can be."""
    joined: list[range] = []
    for span in spans:
        if joined and span and joined[-1].stop == span.start:
            joined[-1] = range(joined[-1].start, span.stop)
        elif span:
            joined.append(span)
    return tuple(joined)


def agreed(words: torch.Tensor, sharding: Sharding) -> torch.Tensor:
    """What the first process of a mesh has drawn: each may have a generator in another state."""
    words = words.to(sharding.device)
    for axis in reversed(range(sharding.mesh.ndim)):
        group = sharding.mesh.get_group(axis)
        dist.broadcast(words, group=group, group_src=0)
    return words


def check_ranks(group: dist.ProcessGroup | None) -> None:
    """Compare the fingerprints of all ranks of a group."""
    found: list[Any] = [None] * dist.get_world_size(group)
    dist.all_gather_object(found, fingerprint(), group=group)
    ranks = range(len(found)) if group is None else dist.get_process_group_ranks(group)
    require_agreement({f"rank {rank}": one for rank, one in zip(ranks, found, strict=True)})
