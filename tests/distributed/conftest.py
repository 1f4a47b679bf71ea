"""Programs that run in several processes of this machine, and talk over its loopback interface."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

RunRanks = Callable[..., Path]


@pytest.fixture(scope="session")
def run_ranks(tmp_path_factory: pytest.TempPathFactory) -> RunRanks:
    """Runs a script once for each rank: ``run_ranks(script, ranks)`` gives the folder that they share.

    The script gets its rank, the number of ranks and a folder for all of them. If one fails, or
    they are not done in time, all are stopped, and the test fails with what they have said.
    """

    def run(script: Path, ranks: int, *arguments: str, seconds: float = 240) -> Path:
        folder = tmp_path_factory.mktemp(f"{script.stem}_{ranks}_")
        said = [folder / f"said_{rank}.txt" for rank in range(ranks)]
        started: list[subprocess.Popen[bytes]] = []
        try:
            for rank, path in enumerate(said):
                command = [sys.executable, str(script), str(rank), str(ranks), str(folder), *arguments]
                with path.open("w") as output:
                    started.append(subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT))
            codes = _wait(started, seconds)
        finally:
            for process in started:
                process.kill()
                process.wait()
        texts = [path.read_text(errors="replace") for path in said]
        if codes != [0] * ranks:
            told = "\n".join(
                f"--- rank {rank}, {'stopped' if code is None else f'exit code {code}'}\n{text[-6000:]}"
                for rank, (code, text) in enumerate(zip(codes, texts, strict=True))
            )
            pytest.fail(f"{script.name} failed with {ranks} ranks, or took more than {seconds} s\n{told}")
        return folder

    return run


def _wait(started: Sequence[subprocess.Popen[bytes]], seconds: float) -> list[int | None]:
    """The exit codes; None for those that still run when time is over, or some time after one has failed."""
    deadline = time.monotonic() + seconds
    while True:
        codes = [process.poll() for process in started]
        if None not in codes or time.monotonic() > deadline:
            return codes
        if any(codes):
            # Some time for the others to notice, and to tell what they saw.
            deadline = min(deadline, time.monotonic() + 5)
        time.sleep(0.05)
