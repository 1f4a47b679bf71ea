import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

import unifinit as ui
from unifinit.cli import compare as compare_module
from unifinit.cli.clock import median_seconds
from unifinit.cli.comparison import Comparison, Row
from unifinit.cli.jobs import Outcome, Task
from unifinit.testing import golden

FEW = ["--shape", "40,30", "--repeats", "0"]
OK = Outcome("ok", "aa", statistics={"flags": []})


def results_of(row, backend):
    return next(result for result in row["results"] if result["backend"] == backend)


def rows_by_name(document):
    return {row["initializer"]["class_name"]: row for row in document["rows"]}


@pytest.fixture
def strict():
    return pytest.importorskip("array_api_strict")


def test_all_initializers_are_identical_on_numpy_and_array_api_strict(run_json, strict):
    status, document = run_json("compare", "--backends", "numpy,array_api_strict", *FEW)
    listed = {entry["name"] for entry in run_json("list")[1]["initializers"]}
    names = set(rows_by_name(document))
    assert status == 0
    assert names <= listed
    # Left out are those that want a hyperparameter, or an array of another kind.
    assert names >= {"HeNormal", "Orthogonal", "Identity", "KaimingNormal", "SinusoidalPositions", "ZerO"}
    assert document["ok"]
    assert document["summary"] == {
        "rows": len(names),
        "identical": len(names),
        "refused": 0,
        "different": 0,
        "error": 0,
        "not_compared": 0,
        "flagged": 0,
    }


def test_the_document_has_the_keys_that_help_promises(run_json, strict):
    status, document = run_json(
        "compare",
        "RandomNormal",
        "--backends",
        "numpy,array_api_strict",
        "--shape",
        "20,30",
        "--seed",
        "7",
        "--repeats",
        "3",
    )
    assert status == 0
    assert list(document) == ["unifinit", "mode", "notes", "backends", "rows", "summary", "ok"]
    assert document["backends"] == [
        {"name": "numpy", "version": sys.modules["numpy"].__version__, "failure": None},
        {"name": "array_api_strict", "version": strict.__version__, "failure": None},
    ]
    (row,) = document["rows"]
    assert list(row) == [
        "initializer",
        "shape",
        "dtype",
        "layout",
        "seed",
        "verdict",
        "results",
        "statistics",
    ]
    expected = golden.digest(ui.RandomNormal()((20, 30), seed=7))
    assert [result["sha256"] for result in row["results"]] == [expected, expected]
    first, second = row["results"]
    assert list(first) == [
        "backend",
        "status",
        "sha256",
        "reason",
        "seconds",
        "native_seconds",
        "native_reason",
        "speedup",
    ]
    assert first["seconds"] > 0
    assert first["speedup"] == pytest.approx(first["native_seconds"] / first["seconds"])
    assert second["native_seconds"] is None
    assert second["native_reason"] == "array_api_strict has no such initializer"
    (statistics,) = row["statistics"]
    assert statistics["sha256"] == expected
    assert statistics["count"] == 600


def test_names_shape_dtypes_layout_and_seed_choose_what_is_drawn(run_json, strict):
    arguments = [
        "he_normal",
        "HeNormal",
        "zeros_initializer",
        "--shape",
        "6,5,3,2",
        "--layout",
        "OIHW",
        "--seed",
        "0x10",
    ]
    _, document = run_json(
        "compare",
        *arguments,
        "--dtype",
        "float64,float32",
        "--repeats",
        "0",
        "--backends",
        "array_api_strict,numpy",
    )
    drawn = [(row["initializer"]["class_name"], row["dtype"]) for row in document["rows"]]
    assert drawn == [
        ("HeNormal", "float64"),
        ("HeNormal", "float32"),
        ("Zeros", "float64"),
        ("Zeros", "float32"),
    ]
    array = ui.HeNormal()((6, 5, 3, 2), seed=16, layout="OIHW")
    assert results_of(document["rows"][1], "numpy")["sha256"] == golden.digest(array)
    assert [result["backend"] for result in document["rows"][0]["results"]] == ["array_api_strict", "numpy"]


def test_a_refusal_by_all_is_agreement(run_json, strict):
    status, document = run_json(
        "compare",
        "Orthogonal",
        "Ones",
        "--shape",
        "5",
        "--repeats",
        "0",
        "--backends",
        "numpy,array_api_strict",
    )
    row = rows_by_name(document)["Orthogonal"]
    assert (status, row["verdict"]) == (0, "refused")
    assert "Orthogonal wants at least 2" in results_of(row, "numpy")["reason"]


def test_an_unsupported_dtype_is_no_disagreement_but_needs_two_others(run_json, strict, fake_backend):
    fake_backend()
    names = ["Ones", "--dtype", "float16", *FEW, "--backends"]
    status, document = run_json("compare", *names, "numpy,array_api_strict,fake")
    assert (status, document["rows"][0]["verdict"]) == (0, "identical")
    assert results_of(document["rows"][0], "array_api_strict")["status"] == "unsupported"
    assert "has no dtype 'float16'" in results_of(document["rows"][0], "array_api_strict")["reason"]
    status, document = run_json("compare", *names, "numpy,array_api_strict")
    assert (status, document["rows"][0]["verdict"]) == (1, "not compared")
    assert not document["ok"]


def test_other_bits_are_a_difference(run, run_json, fake_backend):
    fake_backend(
        """
        def run(self, plan, device):
            array = super().run(plan, device)
            if "Normal" in repr(plan):
                array[0, 0] = np.nextafter(array[0, 0], np.float32(0))
            return array
        """
    )
    arguments = ["compare", "RandomNormal", "Ones", *FEW, "--backends", "numpy,fake"]
    status, document = run_json(*arguments)
    rows = rows_by_name(document)
    assert status == 1
    assert (rows["RandomNormal"]["verdict"], rows["Ones"]["verdict"]) == ("different", "identical")
    digests = {result["sha256"] for result in rows["RandomNormal"]["results"]}
    assert {statistics["sha256"] for statistics in rows["RandomNormal"]["statistics"]} == digests
    assert len(digests) == 2
    pytest.importorskip("rich")
    status, out, _ = run(*arguments)
    assert status == 1
    assert "DIFFERENT" in out
    assert out.splitlines()[-1].startswith("1 of 2 identical, 1 DIFFERENT on numpy")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("raise RuntimeError('no more memory\\nat all')", "RuntimeError: no more memory at all"),
        ("os._exit(7)", "exit code 7"),
        ("sys.exit(9)", "exit code 9"),
        pytest.param(
            "os.abort()", "SIGABRT", marks=pytest.mark.skipif(os.name == "nt", reason="has no signals")
        ),
        pytest.param(
            "os.kill(os.getpid(), signal.SIGSEGV)",
            "SIGSEGV",
            marks=pytest.mark.skipif(os.name == "nt", reason="has no signals"),
        ),
        ("print('about to die', file=sys.stderr); os._exit(3)", "about to die"),
        ("return np.zeros(plan.shape)", "of float64; wanted (40, 30) of float32"),
        ("return super().run(plan, device).T", "created (30, 40)"),
    ],
)
def test_a_crash_is_told_in_its_row_and_the_others_are_complete(run_json, fake_backend, failure, told):
    fake_backend(
        f"""
        def run(self, plan, device):
            if "TruncatedNormal" in repr(plan):
                {failure}
            return super().run(plan, device)
        """
    )
    names = ["RandomUniform", "TruncatedNormal", "HeNormal", "Ones"]
    status, document = run_json("compare", *names, *FEW, "--backends", "fake,numpy")
    rows = rows_by_name(document)
    assert status == 1
    assert [rows[name]["verdict"] for name in names] == ["identical", "error", "error", "identical"]
    failed = results_of(rows["TruncatedNormal"], "fake")
    assert failed["status"] == "error"
    assert told in failed["reason"]
    assert "Traceback" not in failed["reason"]
    assert results_of(rows["TruncatedNormal"], "numpy")["status"] == "ok"
    assert document["summary"]["error"] == 2


@pytest.mark.parametrize(
    ("load", "told"),
    [
        ("raise ImportError('libfake.so is missing')", "libfake.so is missing"),
        ("os._exit(5)", "exit code 5"),
        ("raise SystemExit('no licence')", "no licence"),
    ],
)
def test_a_framework_that_cannot_be_imported_is_told_in_all_its_rows(run_json, fake_backend, load, told):
    fake_backend(load=load)
    status, document = run_json("compare", "Zeros", "Ones", *FEW, "--backends", "fake,numpy")
    assert status == 1
    assert [row["verdict"] for row in document["rows"]] == ["error", "error"]
    assert all(told in results_of(row, "fake")["reason"] for row in document["rows"])
    assert all(results_of(row, "numpy")["sha256"] for row in document["rows"])
    assert told in document["backends"][0]["failure"]


def test_an_initializer_that_always_crashes_is_given_up_and_others_are_not(run_json, fake_backend, tmp_path):
    starts = tmp_path / "starts"
    fake_backend(
        """
        def run(self, plan, device):
            if plan.content.value == 0:
                os._exit(1)
            return super().run(plan, device)
        """,
        load=f"open({str(starts)!r}, 'a').write('x')",
    )
    dtypes = "float16,float32,float64,int8,int32"
    status, document = run_json(
        "compare", "Zeros", "Ones", "--dtype", dtypes, *FEW, "--backends", "fake,numpy"
    )
    assert status == 1
    assert [row["verdict"] for row in document["rows"]] == ["error"] * 5 + ["identical"] * 5
    reasons = [results_of(row, "fake")["reason"] for row in document["rows"][:5]]
    assert [reason.startswith("not tried after 3 crashes with Zeros") for reason in reasons] == [
        0,
        0,
        0,
        1,
        1,
    ]
    assert len(starts.read_text()) == 4


def test_what_a_framework_prints_does_not_disturb_the_results(run_json, fake_backend):
    fake_backend(
        """
        def run(self, plan, device):
            print("hello")
            os.write(1, b'{"event": "done"}\\n')
            os.system("echo from a child")
            return super().run(plan, device)
        """,
        load="print('loading'); sys.stdout.flush()",
    )
    status, document = run_json("compare", "Zeros", "HeNormal", *FEW, "--backends", "fake,numpy")
    assert status == 0
    assert document["summary"]["identical"] == 2


def test_wide_dtypes_are_drawn_in_the_environment_that_the_plugin_names(run_json, fake_backend):
    fake_backend(
        """
        def check_dtype(self, dtype):
            if dtype.bits == 64 and os.environ.get("FAKE_WIDE") != "1":
                raise DtypeError("set FAKE_WIDE=1")
        """,
        environment="{'FAKE_WIDE': '1'}",
    )
    status, document = run_json("compare", "HeNormal", "--dtype", "float64", *FEW, "--backends", "fake,numpy")
    assert (status, document["rows"][0]["verdict"]) == (0, "identical")


def test_native_initializers_may_fail_and_are_waited_for(run_json, fake_backend):
    fake_backend(
        """
        def native(self, name, config, shape, dtype):
            class Pending:
                def block_until_ready(self):
                    time.sleep(0.02)

            if name == "Ones":
                raise TypeError("no ones here")
            return None if name == "Zeros" else Pending
        """
    )
    status, document = run_json(
        "compare", "Zeros", "Ones", "HeNormal", "--shape", "4,4", "--repeats", "3", "--backends", "fake,numpy"
    )
    results = {name: results_of(row, "fake") for name, row in rows_by_name(document).items()}
    assert status == 0
    assert results["Zeros"]["native_reason"] == "fake has no such initializer"
    assert results["Ones"]["native_reason"] == "TypeError: no ones here"
    assert results["HeNormal"]["native_seconds"] >= 0.02


def test_installed_backends_are_compared_by_default_broken_ones_too(run_json, only_numpy, fake_backend):
    fake_backend(load="raise OSError('broken wheel')")
    status, document = run_json("compare", "Zeros", *FEW)
    assert status == 1
    assert {backend["name"] for backend in document["backends"]} == {"fake", "numpy"}
    assert any("torch takes no part: disabled" in note for note in document["notes"])


def test_a_backend_that_is_asked_for_must_be_there(run, monkeypatch, only_numpy):
    status, _, err = run("compare", "--backends", "numpy,torch")
    assert status == 2
    assert "'torch' is disabled" in err
    monkeypatch.setitem(sys.modules, "array_api_strict", None)
    status, _, err = run("compare", "--backends", "numpy,array_api_strict")
    assert status == 2
    assert "pip install array-api-strict" in err


def test_a_missing_backend_is_told_with_its_pip_command(run, fake_backend, monkeypatch):
    fake_backend()
    monkeypatch.setitem(sys.modules, "fake_plugin", None)
    status, _, err = run("compare", "--backends", "numpy,fake")
    assert status == 2
    assert "pip install fake" in err
    assert err.count("\n") == 1


def test_numpy_alone_is_compared_with_array_api_strict(run_json, only_numpy, strict):
    status, document = run_json("compare", "Zeros", *FEW)
    assert (status, document["mode"]) == (0, "backends")
    assert [backend["name"] for backend in document["backends"]] == ["numpy", "array_api_strict"]
    assert any("compared with array_api_strict" in note for note in document["notes"])


def test_numpy_all_alone_is_compared_with_the_golden_digests(run, run_json, only_numpy, monkeypatch):
    monkeypatch.setitem(sys.modules, "array_api_strict", None)
    status, document = run_json("compare", "RandomUniform", "--dtype", "float32")
    rows = [
        row
        for row in golden.load()
        if (row.initializer["class_name"], row.dtype) == ("RandomUniform", "float32")
    ]
    assert (status, document["mode"]) == (0, "golden")
    assert document["summary"]["identical"] == len(rows) > 0
    assert any("compared with the golden digests" in note for note in document["notes"])
    assert [results_of(row, "golden")["sha256"] for row in document["rows"]] == [row.sha256 for row in rows]
    pytest.importorskip("rich")
    status, out, _ = run("compare", "Ones")
    assert status == 0
    assert "golden digests" in out


def test_a_single_named_backend_is_compared_with_the_golden_digests(run, run_json, monkeypatch):
    rows = [
        row for row in golden.load() if row.initializer["class_name"] == "HeNormal" and row.dtype == "float32"
    ]
    monkeypatch.setattr(golden, "load", lambda: [rows[0], replace(rows[1], sha256="0" * 64)])
    status, document = run_json("compare", "--backends", "numpy")
    assert status == 1
    assert [row["verdict"] for row in document["rows"]] == ["identical", "different"]
    pytest.importorskip("rich")
    _, out, _ = run("compare", "--backends", "numpy")
    assert "1 of 2 identical, 1 DIFFERENT" in out
    assert "000000000000" in out


def test_the_golden_table_must_have_what_is_asked_for(run):
    status, _, err = run("compare", "HeNormal", "--dtype", "int32", "--backends", "numpy", "--json")
    assert status == 2
    assert "the golden table has no row for 'HeNormal' in 'int32'" in err


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_and_ends_with_the_verdict(run, strict, monkeypatch, width):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", str(width))
    status, out, err = run(
        "compare", "--backends", "numpy,array_api_strict", "--shape", "40,30", "--repeats", "1"
    )
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert max(map(len, lines)) <= width
    assert re.fullmatch(r"(\d+) of \1 identical on numpy \S+, array_api_strict \S+", lines[-1])
    assert "UniformUnitScaling" in out


@pytest.mark.skipif(os.name == "nt", reason="interrupts are sent otherwise")
def test_an_interrupt_ends_the_worker_too(tmp_path, fake_backend):
    started = tmp_path / "started"
    fake_backend(
        f"""
        def run(self, plan, device):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            with open({str(started)!r} + "~", "w") as file:
                file.write(str(os.getpid()))
            os.rename({str(started)!r} + "~", {str(started)!r})
            time.sleep(60)
        """
    )
    command = [sys.executable, "-m", "unifinit.cli", "compare", "Zeros", "--backends", "fake,numpy", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    # Where the tests run in the background of a shell, interruptions are ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        started_process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with started_process as process:
        deadline = time.monotonic() + 30
        while not started.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def row(**results):
    return Row(Task(0, {"class_name": "X", "config": {}}, (1,), "float32", "...IO", 0), results)


REFUSED = Outcome("refused", reason="no")
UNSUPPORTED = Outcome("unsupported", reason="no dtype")
ERROR = Outcome("error", reason="crashed")


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ((OK, OK), "identical"),
        ((OK, OK, UNSUPPORTED), "identical"),
        ((OK, replace(OK, sha256="bb")), "different"),
        ((OK, replace(OK, sha256="bb"), ERROR), "different"),
        ((OK, OK, ERROR), "error"),
        ((ERROR, ERROR), "error"),
        ((ERROR, UNSUPPORTED), "error"),
        ((REFUSED, REFUSED), "refused"),
        ((REFUSED, replace(REFUSED, reason="never")), "different"),
        ((REFUSED, OK), "different"),
        ((OK, UNSUPPORTED), "not compared"),
        ((UNSUPPORTED, UNSUPPORTED), "not compared"),
    ],
)
def test_verdicts(outcomes, verdict):
    assert row(**{f"b{i}": outcome for i, outcome in enumerate(outcomes)}).verdict == verdict


@pytest.mark.parametrize(
    ("rows", "strict_mode", "ok"),
    [
        ([row(a=OK, b=OK)], True, True),
        ([row(a=REFUSED, b=REFUSED)], True, True),
        ([row(a=OK, b=OK), row(a=OK, b=ERROR)], True, False),
        ([row(a=OK, b=OK), row(a=OK, b=replace(OK, sha256="bb"))], True, False),
        ([row(a=OK, b=OK), row(a=OK, b=UNSUPPORTED)], True, False),
        ([row(a=OK, b=OK), row(a=OK, b=UNSUPPORTED)], False, True),
        ([row(a=OK, b=UNSUPPORTED)], False, False),
        ([row(a=replace(OK, statistics={"flags": ["odd"]}), b=replace(OK, statistics=None))], True, False),
    ],
)
def test_all_is_well_only_if_every_row_agrees_and_no_statistics_are_flagged(rows, strict_mode, ok):
    assert Comparison("backends", [], strict_mode, [], rows).ok is ok


def test_statistics_are_computed_once_for_each_digest(monkeypatch):
    asked = []

    def ask(backend, tasks, **_):
        asked.append([task.known for task in tasks])
        statistics = {"flags": []} if not tasks[0].known else None
        return compare_module.Answers("1", outcomes={0: Outcome("ok", "aa", statistics=statistics)})

    monkeypatch.setattr(compare_module, "ask", ask)
    found = compare_module.compare(
        [ui.Zeros()],
        shape=(1,),
        dtypes=["float32"],
        layout="...IO",
        seed=0,
        backends=["numpy", "torch", "jax"],
        notes=[],
        repeats=0,
        advance=lambda *_: None,
    )
    assert asked == [[()], [("aa",)], [("aa",)]]
    assert found.ok


def test_slow_calls_are_repeated_less_often():
    calls = []
    assert median_seconds(lambda: calls.append(1), 9) < 0.01
    assert len(calls) == 9
    assert median_seconds(lambda: time.sleep(0.12), 9) >= 0.1


def test_four_frameworks_are_identical_in_all_floating_dtypes(run_json):
    for module in ("torch", "tensorflow", "jax"):
        pytest.importorskip(module)
    status, document = run_json(
        "compare",
        "--dtype",
        "float32,bfloat16,float16,float64",
        "--shape",
        "24,40",
        "--repeats",
        "0",
        "--backends",
        "numpy,torch,tensorflow,jax",
    )
    assert [row for row in document["rows"] if row["verdict"] != "identical"] == []
    assert document["summary"]["rows"] >= 4 * 30
    assert document["summary"]["flagged"] == 0
    assert status == 0
