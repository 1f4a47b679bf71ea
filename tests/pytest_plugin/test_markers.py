"""The markers: where tests run, what they require, and what is no argument of theirs."""

from __future__ import annotations

import pytest


def marked(marker, arguments="unifinit_backend"):
    return f"import pytest\n@pytest.mark.{marker}\ndef test({arguments}):\n    pass\n"


class TestBackends:
    def test_restrict_a_test(self, run):
        result = run(marked("unifinit_backends('twin', 'absent')"), "-v")
        result.assert_outcomes(passed=1, skipped=1)
        result.stdout.fnmatch_lines_random(["*test[[]twin]*", "*test[[]absent]*"])

    @pytest.mark.parametrize("names", ["['twin', 'absent']", "('absent', 'twin')"])
    def test_exclude(self, run, names):
        result = run(marked(f"unifinit_backends(exclude={names})"), "-v")
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines(["*test[[]numpy] PASSED*"])

    def test_exclude_one(self, run):
        run(marked("unifinit_backends(exclude='absent')")).assert_outcomes(passed=2)

    @pytest.mark.parametrize("arguments", ["exclude=['twin']", "'numpy', 'absent'"])
    def test_a_reason_is_shown(self, run, arguments):
        result = run(marked(f"unifinit_backends({arguments}, reason='twins have no sort')"))
        result.assert_outcomes(passed=1, skipped=2)
        result.stdout.fnmatch_lines(["SKIPPED*twins have no sort"])

    @pytest.mark.parametrize("order", [1, -1])
    def test_one_reason_of_two_markers_is_enough(self, run, order):
        markers = ["exclude='twin'", "'numpy', 'absent', reason='no sort'"][::order]
        result = run(marked(f"unifinit_backends({markers[0]})\n@pytest.mark.unifinit_backends({markers[1]})"))
        result.assert_outcomes(passed=1, skipped=2)
        result.stdout.fnmatch_lines(["SKIPPED*no sort"])

    def test_excluded_ones_are_no_errors_where_they_are_required(self, run):
        source = marked("unifinit_backends(exclude=['absent'], reason='no sort')")
        run(source, "--unifinit-require=all").assert_outcomes(passed=2, skipped=1)

    def test_classes_and_modules(self, run):
        source = """
            import pytest
            pytestmark = pytest.mark.unifinit_backends(exclude=["absent"])
            @pytest.mark.unifinit_backends("twin", "absent")
            class Test:
                def test(self, unifinit_backend):
                    assert unifinit_backend.name == "twin"
                def test_without_backends(self):
                    pass
            def test(unifinit_backend):
                pass
        """
        run(source).assert_outcomes(passed=4)

    def test_nothing_left(self, run):
        result = run(marked("unifinit_backends('twin')"), "--unifinit-backends=numpy")
        result.assert_outcomes(skipped=1)
        result.stdout.fnmatch_lines(
            ["SKIPPED*none of the chosen backends (numpy) is left by unifinit_backends('twin')"]
        )

    @pytest.mark.parametrize(
        ("marker", "wanted"),
        [
            ("unifinit_backends", "either names of backends or exclude=[[]...]"),
            ("unifinit_backends()", "either names of backends or exclude=[[]...]"),
            ("unifinit_backends('numpy', exclude=['twin'])", "either names of backends or exclude=[[]...]"),
            (
                "unifinit_backends('nunpy')",
                "names of backends (did you mean 'numpy'?): 'absent', 'numpy', 'twin'",
            ),
            ("unifinit_backends(exclude=[3])", "names of backends: 'absent', 'numpy', 'twin'"),
            ("unifinit_backends(['numpy'])", "names of backends: 'absent', 'numpy', 'twin'"),
            ("unifinit_backends('numpy', reason=3)", "a text as the reason"),
            ("unifinit_backends('numpy', because='x')", "no argument 'because'"),
        ],
    )
    def test_wrong_arguments(self, run, marker, wanted):
        result = run(marked(marker))
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(
            [f"*test_it.py::test: the marker is unifinit_backends(*; wanted {wanted}"]
        )
        result.stdout.no_fnmatch_line("*Traceback*")


class TestRequires:
    def test_what_is_there(self, run):
        run(marked("unifinit_requires('numpy', 'twin')", "")).assert_outcomes(passed=1)

    def test_what_is_missing(self, run):
        result = run(marked("unifinit_requires('numpy', 'absent')", ""))
        result.assert_outcomes(skipped=1)
        result.stdout.fnmatch_lines(["SKIPPED*'absent' is not installed: pip install no-such-framework"])

    def test_with_a_reason(self, run):
        result = run(marked("unifinit_requires('absent', reason='it sorts')", ""))
        result.stdout.fnmatch_lines(["SKIPPED*it sorts (backend 'absent' is not installed*"])

    @pytest.mark.parametrize("names", ["absent", "all"])
    def test_what_has_to_be_there(self, run, names):
        result = run(marked("unifinit_requires('absent')", ""), f"--unifinit-require={names}")
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*'absent' is not installed*; this test requires it"])

    def test_what_is_broken(self, run, known):
        known("cracked")
        result = run(marked("unifinit_requires('cracked')", ""))
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*'cracked' is broken: it failed to load: OSError: no driver*"])

    def test_classes(self, run):
        source = """
            import pytest
            @pytest.mark.unifinit_requires("absent")
            class Test:
                def test(self):
                    raise RuntimeError
        """
        run(source).assert_outcomes(skipped=1)

    @pytest.mark.parametrize(
        ("marker", "wanted"),
        [
            ("unifinit_requires", "names of backends"),
            (
                "unifinit_requires('tw')",
                "names of backends (did you mean 'twin'?): 'absent', 'numpy', 'twin'",
            ),
            ("unifinit_requires('twin', reason='')", "a text as the reason"),
            ("unifinit_requires('twin', version='1')", "no argument 'version'"),
        ],
    )
    def test_wrong_arguments(self, run, marker, wanted):
        result = run(marked(marker, ""))
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            [f"*test_it.py::test: the marker is unifinit_requires(*; wanted {wanted}"]
        )


def test_markers_are_registered_and_explained(run):
    result = run("def test():\n    pass\n", "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.unifinit_backends(*", "@pytest.mark.unifinit_requires(*"])
