"""PyTorch, where it records a call: compiled, exported, and mapped over keys."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from ways import SEED, Case, Way, tried

from unifinit.registry import registry

KEY = torch.tensor([0, SEED])


def made(case: Case, seed: int | torch.Tensor) -> torch.Tensor:
    """What is recorded."""
    result: torch.Tensor = case.initializer(
        case.shape, case.dtype, backend="torch", seed=seed, layout=case.layout
    )
    return result


def to_bytes(x: torch.Tensor) -> bytes:
    """The elements in row-major order."""
    return registry().get("torch").to_bytes(x)


def compiled(cases: Sequence[Case]) -> list[bytes | Exception]:
    """All cases in one graph of inductor; one by one, to find the reason, if that fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, when it is imported.
        import torch._inductor.compile_fx

    def run(case: Case) -> bytes:
        torch.compiler.reset()
        return to_bytes(torch.compile(lambda: made(case, SEED), fullgraph=True)())

    # Without processes that compile in parallel: there is nothing to compile but calls of an operator.
    with torch._inductor.config.patch(compile_threads=1, fx_graph_cache=False):
        torch.compiler.reset()
        try:
            results = torch.compile(lambda: [made(case, SEED) for case in cases], fullgraph=True)()
        except Exception:
            return tried(run)(cases)
    return list(map(to_bytes, results))


class Exported(torch.nn.Module):
    """Makes the array of a case."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case

    def forward(self, key: torch.Tensor) -> torch.Tensor:
        """The array for a key."""
        return made(self.case, key)


def exported(case: Case) -> bytes:
    """A program that gets the key when it is run; it was another one when it was exported."""
    program = torch.export.export(Exported(case), (torch.zeros_like(KEY),))
    return to_bytes(program.module()(KEY))


def mapped(case: Case) -> bytes:
    """The last of the arrays for a batch of keys."""
    keys = torch.stack([torch.zeros_like(KEY), KEY])
    return to_bytes(torch.func.vmap(lambda key: made(case, key))(keys)[-1])


WAYS: dict[str, Way] = {"compile": compiled, "export": tried(exported), "vmap": tried(mapped)}
EXCEPTIONS: dict[tuple[str, str], str] = {}
