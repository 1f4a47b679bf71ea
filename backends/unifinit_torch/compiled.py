"""What PyTorch records of a call, wherever it records: an operator that runs a plan.

The operator is opaque to compilers: when it runs, it takes the quickest way there is, as a call that is not
compiled does. Importing this module makes it known, which a saved graph needs before it is loaded.
"""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as xp
import torch

from unifinit.backend import Key, Plan, SeedError, TracedKey, key_of_array
from unifinit_torch.backend import TorchBackend
from unifinit_torch.plans import from_text, to_text

MASK = 0xFFFFFFFF


def _run(
    plan: str, key: list[int] | None, words: torch.Tensor | None, *, device: torch.device
) -> torch.Tensor:
    backend, made = TorchBackend(), from_text(plan)
    if words is None:
        if key is not None:
            made = made.with_key(Key(key[0] << 32 | key[1]))
        return backend.run(made, device)
    pairs = words.detach().reshape((-1, 2)).cpu().numpy()
    result = torch.empty((len(pairs), *made.result_shape), dtype=_dtype(made), device=device)
    for one, pair in zip(result, pairs, strict=True):
        backend.fill(one, made.with_key(key_of_array(pair)))
    return result.reshape((*words.shape[:-1], *made.result_shape))


def _run_fake(
    plan: str, _key: list[int] | None, words: torch.Tensor | None, *, device: torch.device
) -> torch.Tensor:
    made = from_text(plan)
    if words is not None and words.device.type == "meta" != device.type:
        raise SeedError(
            f"seed is a tensor on the meta device, which has no values, for a tensor on {device}; wanted a "
            "key with values, or device='meta'"
        )
    batch = () if words is None else words.shape[:-1]
    return torch.empty((*batch, *made.result_shape), dtype=_dtype(made), device=device)


def _run_batched(
    _info: Any,
    in_dims: tuple[int | None, ...],
    plan: str,
    key: list[int] | None,
    words: torch.Tensor,
    *,
    device: torch.device,
) -> tuple[torch.Tensor, int]:
    # The words are the one argument that can have a batch.
    return create(plan, key, words.movedim(in_dims[2], 0), device=device), 0


def _dtype(plan: Plan) -> torch.dtype:
    return getattr(torch, plan.dtype.name)


create = torch.library.custom_op("unifinit::create", _run, mutates_args=())
"""A new tensor: ``create(plan, key, words, *, device)``.

Parameters
----------
plan : str
    The text of a plan.
key : list of int, optional
    The two words of its key, if they are known; None if the plan has its key, or needs none.
words : Tensor, optional
    The same as a tensor of integers, whose last axis has the words; there is a result for each place along
    its other axes.
device : torch.device
    Where.
"""
create.register_fake(_run_fake)
create.register_vmap(_run_batched)


def record(plan: Plan, device: torch.device | None) -> torch.Tensor:
    """The tensor of a plan, by the operator."""
    words = None
    if isinstance(plan.key, TracedKey):
        words = torch.stack(plan.key.words) if plan.key.source is None else plan.key.source
        plan = plan.with_key(None)
    place = torch.get_default_device() if device is None else device
    return create(to_text(plan), None, words, device=place)


def traced_key(x: torch.Tensor) -> TracedKey:
    """The key that a tensor is whose elements are not known yet."""
    words = source = words_of(x)
    if words.dtype == torch.uint32:
        words = words.view(torch.int32)
    elif words.dtype != torch.int32:
        # By arithmetic, as conversion of numbers that do not fit is not defined.
        words = (((words.to(torch.int64) & MASK) ^ 2**31) - 2**31).to(torch.int32)
    return TracedKey(xp, *words.unbind(), source=source)


def words_of(x: torch.Tensor) -> torch.Tensor:
    """The two words that a tensor has, or those of a seed without axes; the operator looks at their values.

    Raises
    ------
    SeedError
        If its shape or its dtype is not that of a key.
    """
    is_whole = not (x.dtype.is_floating_point or x.dtype.is_complex or x.dtype == torch.bool)
    if is_whole and x.ndim == 0:
        wide = x.to(torch.int64)
        first = wide >> 32
        return torch.stack([first & MASK if x.dtype == torch.uint64 else first, wide & MASK])
    if is_whole and x.shape == (2,) and x.dtype.itemsize >= 4:
        return x
    raise SeedError(
        f"seed is a tensor of shape {tuple(x.shape)} and dtype {x.dtype}; wanted a key: two words of "
        "uint32, or a seed without axes"
    )
