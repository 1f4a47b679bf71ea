"""Threads: how many, and that they are safe wherever Python runs."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import unifinit as ui
from unifinit import host
from unifinit.host import threads

from .conftest import needs_kernel, python

LARGE = (1024, 1024)


def digest(seed: int) -> str:
    return hashlib.sha256(ui.HeNormal(seed=seed)(LARGE)).hexdigest()


class TestNumber:
    def test_can_be_set_and_set_back(self) -> None:
        default = ui.get_num_threads()
        ui.set_num_threads(default + 3)
        assert ui.get_num_threads() == default + 3
        ui.set_num_threads(None)
        assert ui.get_num_threads() == default >= 1

    @pytest.mark.parametrize("count", [0, -1, 2.0, "2", True, [1]])
    def test_must_be_a_positive_integer(self, count: object) -> None:
        with pytest.raises(ui.ArgumentError, match="wanted an integer of at least 1"):
            ui.set_num_threads(count)  # type: ignore[arg-type]

    def test_comes_from_the_environment(self) -> None:
        program = "import unifinit; print(unifinit.get_num_threads())"
        assert python(program, UNIFINIT_NUM_THREADS="5") == "5"
        wrong = (
            "import unifinit\ntry: unifinit.get_num_threads()\nexcept unifinit.ArgumentError as e: print(e)"
        )
        assert "UNIFINIT_NUM_THREADS is 'many'; wanted" in python(wrong, UNIFINIT_NUM_THREADS="many")

    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinities")
    def test_is_not_above_the_affinity(self) -> None:
        program = """
            import os
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            import unifinit
            print(unifinit.get_num_threads())
        """
        assert python(program, UNIFINIT_NUM_THREADS="") == "1"


class TestControlGroups:
    @pytest.mark.parametrize(
        ("groups", "membership", "quota"),
        [
            ({}, "0::/a", None),
            ({"a": "max 100000"}, "0::/a", None),
            ({"a": "150000 100000"}, "0::/a", 2),
            ({"a": "100000 100000"}, "0::/a/b", 1),
            ({"a": "400000 100000", "a/b": "max 100000"}, "0::/a/b", 4),
            ({"a": "400000 100000", "a/b": "100 100000"}, "0::/a/b", 1),
            ({"": "300000 100000"}, "0::/", 3),
            ({"": "300000 100000"}, "0::/not/to/be/seen", 3),
            ({"a": "garbage"}, "0::/a", None),
        ],
    )
    def test_of_version_2(
        self, tmp_path: Path, groups: dict[str, str], membership: str, quota: int | None
    ) -> None:
        for group, text in groups.items():
            (tmp_path / group).mkdir(parents=True, exist_ok=True)
            (tmp_path / group / "cpu.max").write_text(text)
        (tmp_path / "membership").write_text(membership + "\n")
        assert threads.cgroup_quota(tmp_path, tmp_path / "membership") == quota

    @pytest.mark.parametrize(("microseconds", "quota"), [("-1", None), ("250000", 3)])
    def test_of_version_1(self, tmp_path: Path, microseconds: str, quota: int | None) -> None:
        group = tmp_path / "cpu,cpuacct" / "docker"
        group.mkdir(parents=True)
        (group / "cpu.cfs_quota_us").write_text(microseconds)
        (group / "cpu.cfs_period_us").write_text("100000")
        (tmp_path / "membership").write_text("5:memory:/docker\n4:cpu,cpuacct:/docker\n")
        assert threads.cgroup_quota(tmp_path, tmp_path / "membership") == quota

    def test_where_there_are_none(self, tmp_path: Path) -> None:
        assert threads.cgroup_quota(tmp_path, tmp_path / "nothing") is None


class TestSharing:
    @pytest.mark.parametrize("total", [0, 1, 2, 999, 1000, 1001, 12345])
    @pytest.mark.parametrize("count", [1, 2, 7])
    def test_parts_cover_the_range_once(self, total: int, count: int) -> None:
        host.set_num_threads(count)
        done = np.zeros(total, int)

        def work(start: int, stop: int) -> None:
            done[start:stop] += 1

        threads.run(total, work, least=100)
        assert (done == 1).all()

    def test_several_threads_take_part(self) -> None:
        host.set_num_threads(3)
        both = threading.Barrier(3, timeout=30)  # Broken unless three threads wait at once.
        seen = set()

        def work(start: int, stop: int) -> None:
            if start in (0, 1, 2):
                both.wait()
            seen.add(threading.get_ident())

        threads.run(12, work, least=1)
        assert len(seen) == 3

    def test_small_ranges_never_touch_the_pool(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(threads, "_pool", lambda _: pytest.fail("the pool was used"))
        ui.HeNormal(seed=0)((256, 256))
        parts = []
        threads.run(2 * threads.LEAST - 1, lambda *part: parts.append(part))
        assert parts == [(0, 2 * threads.LEAST - 1)]

    def test_an_error_of_any_part_is_raised(self) -> None:
        host.set_num_threads(2)

        def work(start: int, stop: int) -> None:
            if stop == 8:
                raise ValueError("the last part")

        with pytest.raises(ValueError, match="the last part"):
            threads.run(8, work, least=1)

    def test_the_caller_does_everything_if_there_are_no_threads(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_pool(size: int) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threads, "_pool", no_pool)
        host.set_num_threads(4)
        parts: list[int] = []
        threads.run(100, lambda start, stop: parts.extend(range(start, stop)), least=1)
        assert parts == list(range(100))

    def test_helpers_are_waited_for_whatever_happens_to_the_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One helper begins, the next cannot: nobody may be at work when the caller goes on."""

        class Pool:
            def submit(self, job: Callable[[], None]) -> None:
                if started:
                    raise RuntimeError("can't start new thread")
                started.append(threading.Thread(target=job))
                started[0].start()
                begun.wait(30)

        started: list[threading.Thread] = []
        begun, done = threading.Event(), []

        def work(start: int, stop: int) -> None:
            begun.set()
            time.sleep(0.2 if threading.current_thread() in started else 0)
            done.extend(range(start, stop))

        monkeypatch.setattr(threads, "_pool", lambda _: Pool())
        host.set_num_threads(3)
        threads.run(12, work, least=1)
        assert sorted(done) == list(range(12))

    def test_nobody_writes_after_an_interruption(self) -> None:
        host.set_num_threads(3)
        at_work = threading.Event()
        finished = []

        def work(start: int, stop: int) -> None:
            if threading.current_thread() is threading.main_thread():
                at_work.wait(30)
                raise KeyboardInterrupt
            at_work.set()
            time.sleep(0.2)
            finished.append(start)

        with pytest.raises(KeyboardInterrupt):
            threads.run(100, work, least=1)
        count = len(finished)
        time.sleep(0.5)
        assert 1 <= len(finished) == count <= 2

    def test_an_interruption_while_waiting_does_not_end_the_wait(self) -> None:
        program = """
            import signal, threading, time
            from unifinit import host
            from unifinit.host import threads
            host.set_num_threads(2)
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            helper_at_work, finished = threading.Event(), []
            def work(start, stop):
                if threading.current_thread() is threading.main_thread():
                    helper_at_work.wait(30)
                    return
                helper_at_work.set()
                time.sleep(0.6)
                finished.append(start)
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            try:
                threads.run(2, work, least=1)
            except KeyboardInterrupt:
                print("interrupted", len(finished))
        """
        if hasattr(signal, "setitimer"):
            assert python(program) == "interrupted 1"

    def test_helpers_that_begin_too_late_keep_nothing_alive(self, monkeypatch: pytest.MonkeyPatch) -> None:
        late = []

        class Pool:
            def submit(self, job: Callable[[], None]) -> None:
                late.append(job)

        class Work:
            def __call__(self, start: int, stop: int) -> None:
                pass

        monkeypatch.setattr(threads, "_pool", lambda _: Pool())
        host.set_num_threads(3)
        work = Work()
        gone = weakref.ref(work)
        threads.run(12, work, least=1)
        del work
        assert gone() is None
        for job in late:
            job()
        assert len(late) == 2

    def test_a_pool_that_is_busy_does_not_hold_a_caller_up(self) -> None:
        host.set_num_threads(2)
        leave = threading.Event()
        pool = threads._pool(1)
        busy = [pool.submit(leave.wait, 60) for _ in range(8)]
        try:
            done: list[int] = []
            threads.run(50, lambda start, stop: done.extend(range(start, stop)), least=1)
            assert done == list(range(50))
        finally:
            leave.set()
        assert all(job.result() for job in busy)


@needs_kernel
class TestSafety:
    def test_from_many_threads_at_once(self, share_everything: Callable[[int], None]) -> None:
        wanted = [digest(seed) for seed in range(6)]
        share_everything(3)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(digest, [*range(6)] * 4)) == wanted * 4

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
    def test_after_a_fork(self) -> None:
        # In a process of its own, as frameworks warn of forks when they have been loaded.
        program = """
            import multiprocessing, warnings
            warnings.simplefilter("ignore")
            import unifinit as ui
            ui.set_num_threads(3)
            def draw(seed):
                return ui.HeNormal(seed=seed)((1024, 1024)).tobytes()
            wanted = draw(1)  # The parent has a pool now, of which the child inherits no thread.
            with multiprocessing.get_context("fork").Pool(2) as pool:
                found = pool.map_async(draw, [1] * 4).get(timeout=60)
            print(found == [wanted] * 4, draw(1) == wanted)
        """
        assert python(program) == "True True"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
    def test_after_a_fork_while_the_pool_is_at_work(self) -> None:
        program = """
            import os, threading, warnings
            warnings.simplefilter("ignore")
            import unifinit as ui
            ui.set_num_threads(3)
            init = ui.HeNormal(seed=1)
            wanted = init((1024, 1024)).tobytes()
            going = True
            def draw():
                while going:
                    init((1024, 1024))
            others = [threading.Thread(target=draw) for _ in range(2)]
            for other in others: other.start()
            bad = 0
            for _ in range(10):
                child = os.fork()
                if child == 0:
                    os._exit(0 if init((1024, 1024)).tobytes() == wanted else 1)
                bad += os.waitpid(child, 0)[1]
            going = False
            for other in others: other.join()
            print("bad", bad)
        """
        assert python(program) == "bad 0"

    def test_at_the_exit_of_the_interpreter(self) -> None:
        program = """
            import atexit, threading, time
            import unifinit as ui
            ui.set_num_threads(3)
            init = ui.HeNormal(seed=1)
            wanted = init((1024, 1024)).tobytes()
            atexit.register(lambda: print(init((1024, 1024)).tobytes() == wanted, flush=True))
            def forever():
                while True: init((1024, 1024))
            threading.Thread(target=forever, daemon=True).start()
            time.sleep(0.1)
        """
        assert python(program) == "True"
