"""A transformer with a billion parameters on four processes, each of which fills its own shards.

    python examples/fsdp2_billion.py            # Four gloo processes, FSDP2.
    python examples/fsdp2_billion.py --single   # One process, one parameter at a time.

Both print the same digest. With four processes, none ever holds a whole parameter, and no values are sent.
Peak memory is what Linux tells.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.multiprocessing
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn import functional

import unifinit as ui
import unifinit_torch

KEY = ui.Key(0)


class Size(NamedTuple):
    """The sizes of a decoder."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    shared_heads: int
    hidden: int


SIZES = {
    "billion": Size(vocabulary=32768, width=2048, layers=16, heads=32, shared_heads=8, hidden=7168),
    "small": Size(vocabulary=1000, width=64, layers=3, heads=4, shared_heads=2, hidden=172),
}


class Attention(nn.Module):
    """Causal attention, with keys and values that several heads share, and rotary positions."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.head = size.width // size.heads
        self.query = nn.Linear(size.width, size.heads * self.head, bias=False)
        self.key = nn.Linear(size.width, size.shared_heads * self.head, bias=False)
        self.value = nn.Linear(size.width, size.shared_heads * self.head, bias=False)
        self.output = nn.Linear(size.heads * self.head, size.width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (batch, length, width) to the same shape."""
        parts = (layer(x).unflatten(-1, (-1, self.head)) for layer in (self.query, self.key, self.value))
        query, key, value = (part.transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(
            rotated(query), rotated(key), value, is_causal=True, enable_gqa=True
        )
        return self.output(mixed.transpose(1, 2).flatten(2))


def rotated(x: torch.Tensor) -> torch.Tensor:
    """Rotary positions."""
    length, half = x.shape[-2], x.shape[-1] // 2
    frequencies = 10000.0 ** (-torch.arange(half, device=x.device) / half)
    angles = torch.arange(length, device=x.device)[:, None] * frequencies
    turn = torch.polar(torch.ones_like(angles), angles)
    pairs = torch.view_as_complex(x.float().unflatten(-1, (half, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.gate = nn.Linear(size.width, size.hidden, bias=False)
        self.up = nn.Linear(size.width, size.hidden, bias=False)
        self.down = nn.Linear(size.hidden, size.width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (batch, length, width) to the same shape."""
        return self.down(functional.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """A layer of the decoder."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(size.width)
        self.attention = Attention(size)
        self.feed_forward_norm = nn.RMSNorm(size.width)
        self.feed_forward = FeedForward(size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (batch, length, width) to the same shape."""
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class Decoder(nn.Module):
    """A decoder as Llama is."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size.vocabulary, size.width)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.norm = nn.RMSNorm(size.width)
        self.head = nn.Linear(size.width, size.vocabulary, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """From tokens (batch, length) to logits."""
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def rule(name: str, size: Size) -> tuple[ui.Initializer, str | None]:
    """The initializer and the layout of a parameter."""
    if "norm" in name:
        return ui.Ones(), None
    if name == "embedding.weight":
        return ui.TruncatedNormal(stddev=0.02), None
    if name.endswith(("attention.output.weight", "feed_forward.down.weight")):
        # What is added to the residual stream, twice in each layer.
        return ui.TruncatedNormal(stddev=0.02 / math.sqrt(2 * size.layers)), "OI"
    return ui.TruncatedNormal(stddev=0.02), "OI"


def row_digests(x: torch.Tensor) -> bytes:
    """The SHA-256 of each row, so that a digest of the whole can be made from those of its shards."""
    if not x.numel():
        return b""
    rows = x.detach().reshape(len(x), -1).view(torch.uint8).numpy()
    return b"".join(hashlib.sha256(row).digest() for row in rows)


def whole_digest(rows: dict[str, bytes]) -> str:
    """The SHA-256 of names and row digests, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(rows):
        digest.update(name.encode() + b"\0" + hashlib.sha256(rows[name]).digest())
    return digest.hexdigest()


def peak_memory() -> int:
    """The most bytes that this process has had in memory at one time, shared libraries included (Linux)."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def build(size: Size, dtype: torch.dtype) -> Decoder:
    """The decoder without memory for its parameters."""
    with torch.device("meta"):
        return Decoder(size).to(dtype)


def run_rank(rank: int, ranks: int, store: str, size: Size, dtype: torch.dtype) -> None:
    """What each of the processes does."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
    unifinit_torch.check_ranks()
    began = time.perf_counter()

    mesh = init_device_mesh("cpu", (ranks,))
    model = build(size, dtype)
    for block in model.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    model.to_empty(device="cpu")
    dist.barrier()
    built = time.perf_counter()

    for name, parameter in model.named_parameters():
        initializer, layout = rule(name, size)
        initializer.fill_(parameter, seed=KEY / name, layout=layout)
    dist.barrier()
    filled = time.perf_counter()

    mine = {name: row_digests(parameter.to_local()) for name, parameter in model.named_parameters()}
    found: list[tuple[dict[str, bytes], int]] = [({}, 0)] * ranks
    dist.all_gather_object(found, (mine, peak_memory()))
    hashed = time.perf_counter()
    if rank == 0:
        rows = {name: b"".join(part[name] for part, _ in found) for name in mine}
        report(f"{ranks} gloo processes, FSDP2", model, whole_digest(rows), [peak for _, peak in found])
        spent = {"build": built - began, "fill": filled - built, "digest": hashed - filled}
        print_seconds(spent)
    sys.stdout.flush()
    dist.destroy_process_group()
    # The model still has the group, whose threads can end a process by SIGABRT while its interpreter ends:
    # https://github.com/pytorch/pytorch/pull/179291
    os._exit(0)


def run_single(size: Size, dtype: torch.dtype) -> None:
    """The same values in one process, which holds one parameter at a time."""
    torch.set_num_threads(1)
    model = build(size, dtype)
    rows, filling, hashing = {}, 0.0, 0.0
    for name, parameter in model.named_parameters():
        initializer, layout = rule(name, size)
        began = time.perf_counter()
        whole = initializer(parameter.shape, dtype, backend="torch", seed=KEY / name, layout=layout)
        filled = time.perf_counter()
        rows[name] = row_digests(whole)
        filling, hashing = filling + filled - began, hashing + time.perf_counter() - filled
        del whole
    report("one process, one parameter at a time", model, whole_digest(rows), [peak_memory()])
    print_seconds({"fill": filling, "digest": hashing})


def report(way: str, model: Decoder, digest: str, peaks: list[int]) -> None:
    """Print what was made."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    data = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    each = ", ".join(f"{peak / 1e9:.2f}" for peak in peaks)
    total = f"{sum(peaks) / 1e9:.2f} GB"
    print(f"way          {way}")
    print(f"parameters   {parameters:,}, {data / 1e9:.2f} GB")
    print(f"digest       {digest}")
    print(f"peak memory  {total}, the sum of VmHWM, shared libraries counted in each process: {each}")


def print_seconds(spent: dict[str, float]) -> None:
    """Print where time went."""
    print("seconds     ", ", ".join(f"{what} {seconds:.1f}" for what, seconds in spent.items()))


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--parameters", choices=SIZES, default="billion")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--single", action="store_true", help="one process, one parameter at a time")
    options = parser.parse_args()
    size, dtype = SIZES[options.parameters], getattr(torch, options.dtype)
    if options.single:
        run_single(size, dtype)
        return
    with tempfile.TemporaryDirectory() as folder:
        arguments = (options.ranks, f"{folder}/store", size, dtype)
        torch.multiprocessing.spawn(run_rank, arguments, nprocs=options.ranks)


if __name__ == "__main__":
    main()
