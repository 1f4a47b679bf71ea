"""The fixture ``unifinit_backend``: which backends it has, and what it gives."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

import unifinit as ui
from unifinit.testing import assert_identical
from unifinit.types import DTYPES
from unifinit_pytest.backends import under_test

PLAIN = """
    def test(unifinit_backend):
        assert unifinit_backend.name in ("numpy", "twin")
"""


class TestChoice:
    def test_of_all_that_are_known(self, run):
        result = run(PLAIN, "-v")
        result.assert_outcomes(passed=2, skipped=1)
        result.stdout.fnmatch_lines_random(
            [
                "*::test[[]numpy] PASSED*",
                "*::test[[]twin] PASSED*",
                "*::test[[]absent] SKIPPED*",
                "SKIPPED*backend 'absent' is not installed: pip install no-such-framework",
            ]
        )

    def test_by_the_option_in_its_order(self, run):
        result = run(PLAIN, "-v", "--unifinit-backends=twin, numpy")
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(["*::test[[]twin] PASSED*", "*::test[[]numpy] PASSED*"])

    @pytest.mark.parametrize("text", ["numpy,absent", "numpy absent"])
    def test_by_the_configuration(self, run, pytester, text):
        pytester.makeini(f"[pytest]\nunifinit_backends = {text}\n")
        run(PLAIN).assert_outcomes(passed=1, skipped=1)
        run(PLAIN, "--unifinit-backends=twin").assert_outcomes(passed=1)

    def test_by_a_list_of_the_configuration(self, run, pytester):
        pytester.makepyprojecttoml('[tool.pytest.ini_options]\nunifinit_backends = ["numpy", "absent"]\n')
        run(PLAIN).assert_outcomes(passed=1, skipped=1)

    def test_of_those_installed(self, run):
        run(PLAIN, "--unifinit-backends=installed").assert_outcomes(passed=2)

    def test_of_one_twice(self, run):
        run(PLAIN, "--unifinit-backends=numpy,installed,numpy").assert_outcomes(passed=2)

    def test_of_disabled_ones(self, run, known):
        known("twin", disabled=frozenset({"made_up"}))
        result = run(PLAIN)
        result.assert_outcomes(passed=1, skipped=1)
        result.stdout.fnmatch_lines(
            ["SKIPPED*backend 'made_up' is disabled: remove it from UNIFINIT_DISABLE*"]
        )

    def test_other_parameters_stay(self, run):
        source = """
            import pytest
            @pytest.mark.parametrize("x", [1, 2])
            def test(unifinit_backend, x):
                assert x in (1, 2)
        """
        run(source, "--unifinit-backends=installed").assert_outcomes(passed=4)

    def test_for_fixtures_that_use_it(self, run):
        source = """
            import pytest
            @pytest.fixture(scope="module")
            def ones(unifinit_backend):
                return unifinit_backend.asarray([1.0, 1.0])
            def test(ones, unifinit_backend):
                assert unifinit_backend.is_array(ones)
        """
        run(source).assert_outcomes(passed=2, skipped=1)

    def test_keeps_the_tests_of_a_module_together(self, run, pytester):
        pytester.makepyfile(test_other="def test(unifinit_backend):\n    pass\n")
        result = run(PLAIN, "-v", "--unifinit-backends=numpy,twin")
        lines = [line.partition(" ")[0] for line in result.outlines if "PASSED" in line]
        assert lines == [
            f"test_{file}.py::test[{name}]" for file in ("it", "other") for name in ("numpy", "twin")
        ]

    def test_is_too_late_while_a_test_runs(self, run):
        result = run("def test(request):\n    request.getfixturevalue('unifinit_backend')\n")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*too late to make a test for each backend; wanted it as an argument*"])


class TestWrongNames:
    @pytest.mark.parametrize(
        ("option", "message"),
        [
            (
                "--unifinit-backends=nunpy",
                "*no backend 'nunpy' (did you mean 'numpy'?); wanted some of 'absent', 'numpy',*",
            ),
            ("--unifinit-backends=,", "*--unifinit-backends names no backend; wanted some of*'installed'*"),
            ("--unifinit-require=numpy,tw", "*--unifinit-require: no backend 'tw' (did you mean 'twin'?)*"),
            ("--unifinit-require=", "*--unifinit-require names no backend; wanted some of*'all'*"),
            (
                "--unifinit-backends=twin --unifinit-require=numpy",
                "*--unifinit-require names 'numpy', on which no test will run; wanted it in *",
            ),
        ],
    )
    def test_of_options(self, run, option, message):
        result = run("def test():\n    pass\n", *option.split())
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([message])

    def test_of_the_configuration(self, run, pytester):
        pytester.makeini("[pytest]\nunifinit_backends = numpy,nothing\n")
        result = run(PLAIN)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*ini option unifinit_backends: no backend 'nothing'*"])


class TestRequired:
    @pytest.mark.parametrize("names", ["absent", "numpy,absent", "all"])
    def test_ones_that_are_missing_are_errors(self, run, names):
        result = run(PLAIN, f"--unifinit-require={names}")
        result.assert_outcomes(passed=2, errors=1)
        result.stdout.fnmatch_lines(["*backend 'absent' is not installed: pip install no-such-framework"])

    def test_counts_among_those_installed(self, run):
        options = "--unifinit-backends=installed", "--unifinit-require=absent"
        run(PLAIN, *options).assert_outcomes(passed=2, errors=1)

    def test_all_means_all_that_are_chosen(self, run):
        run(PLAIN, "--unifinit-backends=installed", "--unifinit-require=all").assert_outcomes(passed=2)
        run(PLAIN, "--unifinit-backends=twin", "--unifinit-require=all").assert_outcomes(passed=1)
        options = "--unifinit-backends=twin,absent", "--unifinit-require=all"
        run(PLAIN, *options).assert_outcomes(passed=1, errors=1)

    def test_others_are_skipped(self, run):
        run(PLAIN, "--unifinit-require=numpy").assert_outcomes(passed=2, skipped=1)

    def test_broken_ones_are_errors_at_any_rate(self, run, known):
        known("cracked")
        result = run(PLAIN)
        result.assert_outcomes(passed=1, errors=1)
        result.stdout.fnmatch_lines(
            ["*'cracked' is broken: it failed to load: OSError: no driver; repair it*"]
        )

    def test_so_are_those_whose_plugin_is_broken(self, run, known):
        known("futuristic")
        result = run(PLAIN)
        result.assert_outcomes(passed=1, errors=1)
        result.stdout.fnmatch_lines(["*'futuristic' is broken: *is made for plugin API 99*; repair it*"])

    def test_disabled_ones_are_errors(self, run, known):
        known("twin", disabled=frozenset({"made_up"}))
        run(PLAIN, "--unifinit-require=made_up").assert_outcomes(passed=1, errors=1)


NAMES = [name for name, status in ui.backends(load=False).items() if status.state == "installed"]


@pytest.fixture(params=sorted({"numpy", *NAMES} & {"numpy", "torch"}))
def backend(request):
    return under_test(request.param)


class TestBackendUnderTest:
    def test_is_a_value(self, backend):
        assert repr(backend) == f"BackendUnderTest(name={backend.name!r})"
        assert backend == under_test(backend.name)
        with pytest.raises(dataclasses.FrozenInstanceError):
            backend.name = "other"

    def test_namespace_and_module(self, backend):
        assert backend.xp.__name__ == f"array_api_compat.{backend.name}"
        assert backend.module.__name__ == backend.name

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_arrays_come_and_go(self, backend, dtype):
        if DTYPES[dtype].is_narrow:
            pytest.importorskip("ml_dtypes")
        there = backend.asarray([[1, 0, 1], [0, 0, 1]], dtype)
        assert backend.is_array(there)
        back = backend.to_numpy(there)
        assert type(back) is np.ndarray
        assert (back.dtype.name, back.dtype.isnative, back.flags.writeable) == (dtype, True, True)
        assert (back == 1).tolist() == [[True, False, True], [False, False, True]]
        assert np.count_nonzero(back) == 3
        assert_identical(there, back, backend.asarray(back))

    @pytest.mark.parametrize("words", [[0x7FC00001, 0x80000000, 1, 0x7F800001], []])
    def test_every_bit_arrives(self, backend, words):
        host = np.array(words, "uint32").view("float32")
        assert_identical(backend.asarray(host), host)
        assert_identical(backend.to_numpy(backend.asarray(host)), host)

    @pytest.mark.parametrize(
        ("values", "dtype"),
        [
            (1.5, "float32"),
            ([1, 2], "int32"),
            ([True], "bool"),
            ([[1j]], "complex64"),
            (np.float64(1), "float64"),
            (np.arange(3, dtype=">i2"), "int16"),
        ],
    )
    def test_dtype_of_what_has_none(self, backend, values, dtype):
        assert backend.to_numpy(backend.asarray(values)).dtype == dtype
        assert backend.to_numpy(backend.asarray(values)).tolist() == np.asarray(values).tolist()

    def test_array_is_a_copy(self, backend):
        host = np.zeros(3, "float32")
        there = backend.asarray(host)
        host[0] = 1
        there[1] = 2
        assert host.tolist() == [1, 0, 0]
        assert backend.to_numpy(there).tolist() == [0, 2, 0]

    def test_dtype_objects(self, backend):
        assert backend.to_numpy(backend.asarray([1], backend.xp.float64)).dtype == np.float64

    def test_unknown_dtype(self, backend):
        with pytest.raises(ui.DtypeError, match="wanted one of"):
            backend.asarray(["text"])

    def test_what_is_no_array(self, backend):
        assert not backend.is_array([1.0])
        assert not backend.is_array("text")


def test_namespace_that_a_backend_does_not_tell(known):
    backend = known("twin").get("twin")
    backend.run = lambda *_: "no array"
    assert under_test("twin").xp is np
    backend.check_dtype = lambda _: None
    del backend.xp
    with pytest.raises(ui.UnknownBackendError, match="wanted an attribute xp"):
        under_test("twin")


def test_narrow_arrays_need_ml_dtypes(monkeypatch):
    pytest.importorskip("torch")
    there = under_test("torch").asarray([1.0], "bfloat16")
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ui.DtypeError, match=r"wanted the package ml_dtypes.*or compare by assert_identical"):
        under_test("torch").to_numpy(there)
    assert_identical(there, there.clone())
