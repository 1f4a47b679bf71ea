"""PyTorch over several processes: DTensor, FSDP2, tensor parallelism, and how tensors are cut."""

from __future__ import annotations

import json
from itertools import product
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this torch has no gloo", allow_module_level=True)

import torch_ranks  # noqa: E402
from torch.distributed.tensor import Replicate, Shard  # noqa: E402
from torch.distributed.tensor.placement_types import _StridedShard  # noqa: E402

import unifinit_torch  # noqa: E402
from unifinit_torch import distributed  # noqa: E402

SCRIPT = Path(torch_ranks.__file__)


@pytest.mark.parametrize("ranks", [4, 2, 1])
def test_ranks_find_what_one_process_has(run_ranks, ranks) -> None:
    # All checks in one test: to start processes takes longer than to run them.
    folder = run_ranks(SCRIPT, ranks)
    for rank in range(ranks):
        found = json.loads((folder / f"found_{rank}.json").read_text())
        failed = {check: text for check, text in found.items() if text}
        assert not failed, f"rank {rank} of {ranks}\n" + "\n".join(map("\n".join, failed.items()))
        assert list(found) == list(torch_ranks.CHECKS)


SIZES = st.sampled_from([1, 2, 3, 4])


@st.composite
def cuts(draw):
    """A shape, the sizes of a mesh and placements on it."""
    shape = tuple(draw(st.lists(st.integers(0, 13), min_size=1, max_size=3)))
    sizes = tuple(draw(st.lists(SIZES, min_size=1, max_size=3)))
    axis = st.integers(0, len(shape) - 1)
    placement = st.one_of(
        st.just(Replicate()),
        st.builds(Shard, axis),
        st.builds(lambda dim, factor: _StridedShard(dim, split_factor=factor), axis, SIZES),
    )
    return shape, sizes, tuple(draw(placement) for _ in sizes)


def taken(whole, spans):
    part = np.full([sum(map(len, axis)) for axis in spans], -1)
    for here, there in distributed.pieces(spans):
        part[here] = whole[there]
    return part


@given(cuts())
def test_parts_are_those_that_torch_cuts(case) -> None:
    shape, sizes, placements = case
    whole = np.arange(prod(shape)).reshape(shape)
    as_written = distributed.readings(placements, sizes, len(shape))[-1]
    for coordinate in product(*map(range, sizes)):
        part = torch.from_numpy(whole)
        for axis, placement in enumerate(placements):
            if not placement.is_replicate():
                parts, _ = placement._split_tensor(part, sizes[axis], with_padding=False)
                part = parts[coordinate[axis]]
        np.testing.assert_array_equal(taken(whole, distributed.held_at(coordinate, shape, as_written)), part)


@given(cuts())
def test_parts_of_all_ranks_are_the_whole(case) -> None:
    shape, sizes, placements = case
    for cut in distributed.readings(placements, sizes, len(shape)):
        times = np.zeros(shape, int)
        for coordinate in product(*map(range, sizes)):
            for _, there in distributed.pieces(distributed.held_at(coordinate, shape, cut)):
                times[there] += 1
        pairs = zip(sizes, placements, strict=True)
        replicas = prod(size for size, placement in pairs if placement.is_replicate())
        np.testing.assert_array_equal(times, replicas)


@given(st.integers(0, 40), SIZES, SIZES)
def test_fsdp2_cuts_what_tensor_parallelism_has_left(rows, outer, inner) -> None:
    # Of 7 rows on 3 x 2 ranks, a part is empty that would have a row if the mesh cut from first to last.
    placements = (_StridedShard(0, split_factor=inner), Shard(0))
    cut = distributed.readings(placements, (outer, inner), 1)[0]
    for place in product(range(outer), range(inner)):
        part = np.arange(rows)
        for axis, count in ((1, inner), (0, outer)):
            size = -(-len(part) // count)
            part = part[place[axis] * size : (place[axis] + 1) * size]
        np.testing.assert_array_equal(taken(np.arange(rows), distributed.held_at(place, (rows,), cut)), part)


def test_placements_of_later_mesh_axes_are_one_piece() -> None:
    placements = (_StridedShard(0, split_factor=6), _StridedShard(0, split_factor=3), Shard(0))
    (first, _) = distributed.readings(placements, (2, 2, 3), 1)
    assert [cut.axis for cut in first] == [2, 1, 0]
    assert distributed.held_at((1, 0, 2), (24,), first) == ((range(18, 20),),)


def test_unknown_placements_are_refused() -> None:
    class Odd(torch.distributed.tensor.Placement):
        def is_replicate(self) -> bool:
            return False

        def is_partial(self, reduce_op=None) -> bool:
            return False

    with pytest.raises(distributed.SpreadError, match="does not know"):
        distributed.readings((Odd(),), (2,), 1)


def test_ranks_are_checked_in_a_process_group() -> None:
    with pytest.raises(ValueError, match="init_process_group"):
        unifinit_torch.check_ranks()
