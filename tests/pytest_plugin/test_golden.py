"""The fixture ``unifinit_golden``: records that all backends share."""

from __future__ import annotations

import json
import re

import pytest

from unifinit.registry import registry

FLAG = "--unifinit-update-golden"
BOTH = "--unifinit-backends=numpy,twin"

SOURCE = """
    import numpy as np
    import pytest

    @pytest.mark.parametrize("n", [2, 100])
    def test_range(unifinit_backend, n, unifinit_golden):
        unifinit_golden(unifinit_backend.asarray(np.arange(n, dtype="float32")))

    class Test:
        def test_tree(self, unifinit_golden):
            unifinit_golden({"a": [np.ones((2, 2)), None], "b": 0.5, "c": ()}, name="tree")
            unifinit_golden(np.array([1 + 2j]), name="complex")
"""


def literal(text):
    """A pattern in which brackets stand for themselves."""
    return text.replace("[", "[[]")


@pytest.fixture
def golden(pytester):
    """The file of records."""
    return pytester.path / "golden" / "test_it.json"


def change(golden, old, new):
    text = golden.read_text()
    assert old in text
    golden.write_text(text.replace(old, new))


class TestRecords:
    def test_are_written_and_compared(self, run, golden):
        result = run(SOURCE, FLAG, BOTH)
        result.assert_outcomes(passed=5)
        result.stdout.fnmatch_lines(["*golden/test_it.json: 4 written, 0 removed"])
        result = run(SOURCE, BOTH)
        result.assert_outcomes(passed=5)
        result.stdout.no_fnmatch_line("*golden/test_it.json*")

    def test_are_those_of_all_backends(self, run, golden):
        run(SOURCE, FLAG, "--unifinit-backends=numpy").assert_outcomes(passed=3)
        run(SOURCE, "--unifinit-backends=twin").assert_outcomes(passed=3)

    def test_have_dtype_shape_digest_and_bits(self, run, golden):
        run(SOURCE, FLAG, BOTH)
        table = json.loads(golden.read_text())
        records = table["records"]
        assert (table["format"], list(records)) == (
            1,
            ["Test::test_tree", "test_range[100]", "test_range[2]"],
        )
        assert records["test_range[2]"] == {
            "value": {
                "dtype": "float32",
                "shape": [2],
                "sha256": "22b6f43bd8d27738d3213f29e96b62d01d9d6c0ab4f9732aaae803186f51eab7",
                "bits": "00000000 3f800000",
            }
        }
        assert len(records["test_range[100]"]["value"]["bits"].split()) == 16
        tree = records["Test::test_tree"]["tree"]
        assert list(tree) == ["['a'][0]", "['a'][1]", "['b']", "['c']"]
        assert tree["['a'][1]"] == {"repr": "None"}
        assert tree["['b']"]["bits"] == "3fe0000000000000"
        assert records["Test::test_tree"]["complex"]["bits"] == "3ff0000000000000 4000000000000000"

    def test_have_a_line_for_each_array_in_a_stable_order(self, run, golden):
        run(SOURCE, FLAG, BOTH)
        first = golden.read_text()
        assert first.endswith("}\n")
        assert len(re.findall(r'^ +"[^"]+": \{"bits": .*\},?$', first, re.MULTILINE)) == 5
        run(SOURCE, FLAG, "--unifinit-backends=twin,numpy")
        assert golden.read_text() == first

    def test_are_not_written_anew_if_nothing_changes(self, run, golden):
        run(SOURCE, FLAG)
        before = golden.stat().st_mtime_ns, golden.stat().st_ino
        result = run(SOURCE, FLAG)
        assert (golden.stat().st_mtime_ns, golden.stat().st_ino) == before
        result.stdout.no_fnmatch_line("*golden/test_it.json*")

    def test_change_with_the_flag(self, run, golden):
        run(SOURCE, FLAG)
        result = run(SOURCE.replace("1 + 2j", "1 + 3j"), FLAG)
        result.stdout.fnmatch_lines(["*golden/test_it.json: 1 written, 0 removed"])
        run(SOURCE.replace("1 + 2j", "1 + 3j"), BOTH).assert_outcomes(passed=5)

    def test_leave_no_other_files(self, run, golden):
        run(SOURCE, FLAG)
        assert [path.name for path in golden.parent.iterdir()] == ["test_it.json"]

    def test_of_nothing_make_no_file(self, run, golden):
        run("def test(unifinit_golden):\n    pass\n", FLAG).assert_outcomes(passed=1)
        assert not golden.parent.exists()

    def test_have_the_parameters_but_the_backend(self, run, golden, pytester):
        source = """
            import pytest
            @pytest.mark.parametrize("name", ["numpy", "a-numpy-b"])
            @pytest.mark.parametrize(("x", "y"), [(1, 2)])
            class Test:
                def test(self, name, unifinit_backend, x, y, early, unifinit_golden):
                    unifinit_golden(len(name))
        """
        # Its parameter comes before that of the plugin.
        pytester.makeconftest(
            "def pytest_generate_tests(metafunc):\n    metafunc.parametrize('early', ['c-numpy-d'])\n"
        )
        run(source, FLAG, BOTH).assert_outcomes(passed=4)
        found = json.loads(golden.read_text())["records"]
        assert set(found) == {"Test::test[c-numpy-d-1-2-numpy]", "Test::test[c-numpy-d-1-2-a-numpy-b]"}


class TestDifferences:
    def test_without_a_record(self, run):
        result = run(SOURCE, BOTH)
        result.assert_outcomes(failed=5)
        result.stdout.fnmatch_lines(
            [
                "*no golden record 'value' of test_range[[]2] in golden/test_it.json; "
                f"if the value is right, write it with {FLAG}"
            ]
        )
        result.stdout.no_fnmatch_line("*golden.py:*")

    def test_in_a_bit(self, run, golden):
        run(SOURCE, FLAG)
        change(golden, '00000000 3f800000"', '00000000 3f800001"')
        result = run(SOURCE, BOTH)
        result.assert_outcomes(passed=3, failed=2)
        result.stdout.fnmatch_lines(
            [
                "E*value on twin and the golden record of value are not identical: 1 of 2 elements differ*",
                "E*the golden record of value: recorded, float32, shape (2,)",
                "E*the first at index (1,):",
                "E*value on twin: * 1.0        0x3f800000",
                "E*the golden record of value: 1.0000001  0x3f800001",
                "E*differing bits: 0x00000001 (1 of 32), distance: 1 ulp",
            ]
        )

    def test_among_the_first_of_many(self, run, golden):
        run(SOURCE, FLAG)
        change(golden, "3f800000 40000000 40400000", "3f800000 40000000 40400002")
        result = run(SOURCE, BOTH, "-k", "twin-100")
        result.stdout.fnmatch_lines(["E*1 of the first 16 elements differ*", "E*shape (100,)", "E*2 ulps"])

    def test_beyond_what_is_recorded(self, run, golden):
        run(SOURCE, FLAG)
        source = SOURCE.replace(
            'np.arange(n, dtype="float32")', 'np.minimum(np.arange(n, dtype="float32"), 50)'
        )
        result = run(source, "--unifinit-backends=twin")
        result.assert_outcomes(passed=2, failed=1)
        result.stdout.fnmatch_lines(
            ["E*the 16 elements that are recorded agree, but not all 100: their SHA-256*"]
        )

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("np.ones((2, 2))", "np.ones(4)", "*tree['a'][0] on numpy*shape (4,) against*shape (2, 2)"),
            ("np.ones((2, 2))", "np.ones((2, 2), 'int64')", "*dtype int64 and*against*dtype float64 and*"),
            ("np.ones((2, 2)), None", "np.ones((2, 2)), 7", "*tree['a'][1] on numpy*: 7 against None"),
            ("np.ones((2, 2)), None", "np.ones((2, 2)), np.ones(1)", "*shape (1,) against None"),
            (
                "np.ones((2, 2)), None",
                "None, None",
                "*None against an array of dtype float64 and shape (2, 2)",
            ),
            (', "c": ()', "", "*only the golden record of tree has tree['c']"),
            (', "c": ()', ', "c": (), "d": 1', "*only tree on numpy has tree['d']"),
        ],
    )
    def test_of_other_parts(self, run, old, new, message):
        run(SOURCE, FLAG)
        assert old in SOURCE
        result = run(SOURCE.replace(old, new), "-k", "tree")
        result.assert_outcomes(failed=1, deselected=6)
        result.stdout.fnmatch_lines([f"E*AssertionError: {literal(message)}"])

    def test_between_backends_while_records_are_written(self, run, golden):
        source = """
            import numpy as np
            def test(unifinit_backend, unifinit_golden):
                unifinit_golden(np.ones(3) + (unifinit_backend.name == "twin") * 2.0**-52, name="sum")
                unifinit_golden(1, name="other")
        """
        result = run(source, FLAG, BOTH)
        result.assert_outcomes(passed=1, failed=1)
        result.stdout.fnmatch_lines(
            [
                "E*sum on twin and sum on numpy in this run are not identical: 3 of 3*",
                "E*Nothing is written for it: all backends have to agree.",
            ]
        )
        assert list(json.loads(golden.read_text())["records"]["test"]) == ["other"]

    def test_leave_the_old_record_if_backends_do_not_agree(self, run, golden):
        source = "def test(unifinit_backend, unifinit_golden):\n    unifinit_golden({})\n"
        run(source.format(1), FLAG, BOTH).assert_outcomes(passed=2)
        before = golden.read_text()
        run(source.format("unifinit_backend.name"), FLAG, BOTH).assert_outcomes(passed=1, failed=1)
        assert golden.read_text() == before


class TestUnused:
    LESS = SOURCE.replace("[2, 100]", "[2]").replace(
        'unifinit_golden(np.array([1 + 2j]), name="complex")', ""
    )

    def test_are_told(self, run, golden):
        run(SOURCE, FLAG)
        before = golden.read_text()
        result = run(self.LESS, "--unifinit-backends=twin")
        result.assert_outcomes(passed=2)
        result.stdout.fnmatch_lines(
            [
                "*golden/test_it.json: no test has used 'complex' of Test::test_tree, 'value' of "
                f"test_range[[]100]; {FLAG} removes what is unused"
            ]
        )
        assert golden.read_text() == before

    def test_are_removed_with_the_flag(self, run, golden):
        run(SOURCE, FLAG)
        result = run(self.LESS, FLAG)
        result.stdout.fnmatch_lines(["*golden/test_it.json: 0 written, 2 removed"])
        records = json.loads(golden.read_text())["records"]
        assert {test: list(names) for test, names in records.items()} == {
            "Test::test_tree": ["tree"],
            "test_range[2]": ["value"],
        }

    @pytest.mark.parametrize(
        "options", [["-k", "range"], ["-x"], ["--maxfail=1"], ["test_it.py::test_range"]]
    )
    def test_are_unknown_if_not_all_has_run(self, run, golden, options):
        run(SOURCE, FLAG)
        before = golden.read_text()
        failing = self.LESS.replace("class Test:", "def test_a():\n        assert 0\n\n    class Test:")
        result = run(failing, FLAG, *options)
        assert golden.read_text() == before
        result.stdout.no_fnmatch_line("*golden records*")

    def test_are_unknown_if_the_run_ends_early(self, run, golden):
        run(SOURCE, FLAG)
        before = golden.read_text()
        early = "def test_a():\n        pytest.exit('enough')\n\n    class Test:"
        run(self.LESS.replace("class Test:", early), FLAG)
        assert golden.read_text() == before

    def test_are_unknown_if_a_class_is_not_collected(self, run, golden):
        run(SOURCE, FLAG)
        before = golden.read_text()
        broken = self.LESS.replace("(self, unifinit_golden)", "(self, unifinit_golden, unifinit_backend)")
        broken = broken.replace("class Test:", "@pytest.mark.unifinit_backends('nothing')\n    class Test:")
        result = run(broken, FLAG, "--continue-on-collection-errors", "--unifinit-backends=numpy")
        result.assert_outcomes(passed=1, errors=1)
        assert golden.read_text() == before

    def test_are_unknown_if_only_the_last_failures_run(self, pytester, known, golden):
        source = """
            def test_one(unifinit_golden):
                unifinit_golden(1)
                assert 0
            def test_other(unifinit_golden):
                unifinit_golden(2)
        """
        pytester.makepyfile(test_it=source)
        for options, failed in (([], 1), (["--lf"], 1)):
            result = pytester.runpytest_inprocess(FLAG, *options)
            result.assert_outcomes(failed=failed, passed=1 - len(options))
        assert set(json.loads(golden.read_text())["records"]) == {"test_one", "test_other"}

    def test_are_unknown_if_the_test_fails_on_one_backend(self, run, golden):
        source = """
            def test(unifinit_backend, unifinit_golden):
                unifinit_golden(1, name="one")
                if unifinit_backend.name == "twin":
                    unifinit_golden(2, name="other")
        """
        run(source, FLAG, BOTH).assert_outcomes(passed=2)
        before = golden.read_text()
        failing = source.replace("unifinit_golden(2", "assert False; unifinit_golden(2")
        run(failing, FLAG, BOTH).assert_outcomes(passed=1, failed=1)
        assert golden.read_text() == before

    @pytest.mark.parametrize("reason", ["pytest.skip('later')", "raise ValueError", "pytest.xfail('later')"])
    def test_of_tests_that_do_not_get_there_are_kept(self, run, golden, reason):
        run(SOURCE, FLAG)
        before = golden.read_text()
        run(
            SOURCE.replace(
                "class Test:\n        def test_tree(self, unifinit_golden):",
                f"""class Test:
        def test_tree(self, unifinit_golden):
            {reason}""",
            ),
            FLAG,
        )
        assert golden.read_text() == before

    def test_of_tests_on_no_chosen_backend_are_kept(self, run, golden):
        source = SOURCE.replace(
            "@pytest.mark.p", "@pytest.mark.unifinit_backends('numpy')\n    @pytest.mark.p", 1
        )
        run(source, FLAG).assert_outcomes(passed=3)
        before = golden.read_text()
        run(source, FLAG, "--unifinit-backends=twin").assert_outcomes(passed=1, skipped=2)
        assert golden.read_text() == before


class TestErrors:
    def test_one_name_for_two_values(self, run):
        result = run("def test(unifinit_golden):\n    unifinit_golden(1)\n    unifinit_golden(1)\n", FLAG)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            ["*golden record 'value' of test: wanted a text, and another for each value*"]
        )

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('"format": 1', '"format": 2', "ValueError: its format is 2; wanted 1"),
            ('"records"', '"record"', "KeyError: 'records'"),
            ('"sha256"', '"sha255"', "*"),
            ('"shape"', '"shapes"', "*lacks ['shape']"),
            ("{", "", "JSONDecodeError: *"),
        ],
    )
    def test_what_is_no_file_of_records(self, run, golden, old, new, message):
        run(SOURCE, FLAG)
        change(golden, old, new)
        before = golden.read_text()
        result = run(SOURCE, FLAG, "-k", "tree")
        result.assert_outcomes(failed=1, deselected=6)
        message = literal(message)
        result.stdout.fnmatch_lines(
            [f"*test_it.json is no file of golden records ({message}); restore it, or*"]
        )
        assert golden.read_text() == before

    def test_what_cannot_be_recorded(self, run):
        result = run("def test(unifinit_golden):\n    unifinit_golden({'a': object()})\n", FLAG)
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*UnsupportedArrayError*", literal("*It is value['a'].")])

    def test_asked_for_too_late(self, run):
        result = run("def test(request):\n    request.getfixturevalue('unifinit_golden')\n")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(
            ["*unifinit_golden was asked for while the test ran; wanted it as an argument*"]
        )


class TestSeveralProcesses:
    @pytest.fixture(autouse=True)
    def needs_xdist(self):
        pytest.importorskip("xdist")

    def test_write_nothing(self, run, golden):
        result = run(SOURCE, FLAG, "-p", "xdist", "-n", "2")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*wanted one process: add -n 0"])
        assert not golden.exists()
        run(SOURCE, FLAG, BOTH, "-p", "xdist", "-n", "0").assert_outcomes(passed=5)

    def test_do_not_start_if_an_option_is_wrong(self, run):
        result = run(SOURCE, "--unifinit-backends=nothing", "-p", "xdist", "-n", "2")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*no backend 'nothing'*"])

    def test_compare(self, pytester, run, golden, monkeypatch):
        source = SOURCE.replace("unifinit_backend, n", "n").replace("unifinit_backend.asarray", "")
        run(source, FLAG).assert_outcomes(passed=3)
        less = source.replace("[2, 100]", "[2]")
        pytester.makepyfile(test_it=less)
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        result = pytester.runpytest_subprocess("-p", "unifinit_pytest", "-p", "xdist", "-n", "1")
        result.assert_outcomes(passed=2)
        result.stdout.no_fnmatch_line("*golden records*")


def test_made_up_backends_do_not_outlive_a_test():
    assert "twin" not in registry().names()
